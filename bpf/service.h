/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which backend a flow to a service goes to: asked when it begins, and again
 * when the service has lost a backend or a frontend since. Translation itself is
 * bpf/nat.h's.
 */
#ifndef SL_BPF_SERVICE_H
#define SL_BPF_SERVICE_H

#include "bpf/nat.h"

#define SL_SVC_TRIES	4

/* Returned beside 0 and enum sl_drop. */
#define SL_SVC_ANEW	0x100

static __always_inline struct sl_svc *sl_svc_get(__u32 id)
{
	return bpf_map_lookup_elem(&sl_svc, &id);
}

static __always_inline __u32 sl_svc_gen(__u32 id)
{
	struct sl_svc *svc = sl_svc_get(id);

	/* Service 0 is nobody, all of it is always zero. */
	return svc ? SL_READ_ONCE(svc->gen) : 0;
}

/* The backend, if it is still one of service @svc's. */
static __always_inline struct sl_backend *sl_backend_get(__u32 id, __u32 svc)
{
	struct sl_backend *b = bpf_map_lookup_elem(&sl_backend, &id);

	return b && b->svc == svc && b->flags ? b : NULL;
}

static __always_inline void sl_backend_chosen(__u32 id)
{
	__u64 *n = bpf_map_lookup_elem(&sl_backend_new, &id);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* Whether it is in the set for new flows of @scope: else who had it there gets another. */
static __always_inline bool sl_backend_takes(const struct sl_backend *b, __u32 scope)
{
	return b->flags & (scope == SL_SVC_LOCAL ? SL_BACKEND_LOCAL : SL_BACKEND_READY);
}

static __always_inline __u32 sl_set_entry(__u32 page, __u32 i)
{
	struct sl_set_page *p;

	page += i / SL_SET_PAGE;
	p = bpf_map_lookup_elem(&sl_set, &page);
	return p ? p->backend[i % SL_SET_PAGE] : 0;
}

static __always_inline __u32 sl_set_count(__u64 word)
{
	return word >> SL_SVC_COUNT_SHIFT & SL_SVC_FIELD_MASK;
}

/* An id out of the list of the set that @word names, at random; 0: there is none. */
static __always_inline __u32 sl_set_random(__u64 word)
{
	__u32 count = sl_set_count(word);

	return count ? sl_set_entry(word & SL_SVC_PAGE_MASK, bpf_get_prandom_u32() % count) : 0;
}

/*
 * The same out of its Maglev table, if it has one: by the client, end @o, alone
 * where the service keeps its clients, else by the whole tuple; alike on every node.
 */
static __always_inline __u32 sl_set_maglev(const struct sl_ctx *c, __u32 o, __u64 word,
					   bool affinity)
{
	__u32 size = word >> SL_SVC_MAGLEV_SHIFT & SL_SVC_FIELD_MASK;
	__u32 page = word & SL_SVC_PAGE_MASK, count = sl_set_count(word);

	if (!size || !count)
		return sl_set_random(word);
	page += (count + SL_SET_PAGE - 1) / SL_SET_PAGE;
	return sl_set_entry(page, (affinity ? sl_hash_words(c->key.addr[o & 1].w, 4) :
					      sl_hash_tuple(&c->key)) % size);
}

/*
 * A backend out of @scope's set of service @id, 0: there is none. @c: out of the
 * Maglev table, by its end @o; NULL: at random. The set may have gone meanwhile:
 * see that the backend is there, and draw again.
 */
__noinline __u32 sl_svc_draw(struct sl_ctx *c, __u32 o, __u32 id, __u32 scope)
{
	struct sl_svc *svc = sl_svc_get(id);
	__u64 word;

	if (!svc)
		return 0;
	word = SL_READ_ONCE(svc->set[scope & 1]);
	return c ? sl_set_maglev(c, o, word, svc->affinity_s) : sl_set_random(word);
}

/* Where the client was sent the last time, unless that is too long ago. */
static __always_inline __u32 sl_affinity_get(const struct sl_affinity_key *key,
					     const struct sl_svc *svc, __u32 scope, __u64 now)
{
	struct sl_affinity_val *v = bpf_map_lookup_elem(&sl_affinity, key);
	struct sl_backend *b;

	if (!v || (__s64)(now - v->last_ns) > (__s64)(svc->affinity_s * 1000000000ULL))
		return 0;
	b = sl_backend_get(v->backend, key->svc);
	return b && sl_backend_takes(b, scope) ? v->backend : 0;
}

/*
 * Gives the flow in scratch a backend of n->svc, as s->svc.scope and s->svc.maglev
 * say. 0, or SL_DROP_NO_BACKEND.
 */
static __noinline int sl_svc_choose(struct sl_ctx *c, struct sl_scratch *s)
{
	struct sl_flow *n = &s->flow;
	struct sl_affinity_key *key = &s->svc.client;
	struct sl_affinity_val *val = &s->svc.last;
	struct sl_svc *svc = sl_svc_get(n->svc);
	struct sl_backend *b;
	__u32 o = n->orig & 1, id = 0, scope = s->svc.scope;
	bool maglev;
	int i;

	if (!svc)
		return SL_DROP_NO_BACKEND;
	key->client = c->key.addr[o];
	key->svc = n->svc;
	key->pad = 0;
	/* Before the set: what changes from here on makes the flow stale. */
	n->svc_gen = SL_READ_ONCE(svc->gen);
	if (svc->affinity_s)
		id = sl_affinity_get(key, svc, scope, bpf_ktime_get_coarse_ns());
	maglev = s->svc.maglev || svc->flags & SL_SVC_MAGLEV;
	b = id ? sl_backend_get(id, n->svc) : NULL;
	for (i = 0; !b && i < SL_SVC_TRIES; i++) {
		id = sl_svc_draw(maglev ? c : NULL, o, n->svc, scope);
		b = id ? sl_backend_get(id, n->svc) : NULL;
	}
	if (!b)
		return SL_DROP_NO_BACKEND;
	n->backend = id;
	sl_backend_chosen(id);
	n->dir[!o].as = b->addr;
	n->dir[!o].as_port = b->port;
	if (svc->affinity_s) {
		val->last_ns = bpf_ktime_get_coarse_ns();
		val->backend = id;
		val->pad = 0;
		bpf_map_update_elem(&sl_affinity, key, val, BPF_ANY);
	}
	return SL_DROP_NONE;
}

/*
 * The frontend of @key, or of its port on all addresses of the node; NULL: none,
 * @kind says what is at its address instead. @key is used up. @forwarded: a node
 * sent it here, whose own the address may be.
 */
static __noinline struct sl_front_val *sl_front_find(struct sl_front_key *key, bool forwarded,
						     __u32 *kind, __u32 *id)
{
	struct sl_front_val *f;
	bool v4;

	*kind = sl_addr_kind(&key->addr, id);
	if (*kind != SL_ADDR_SVC && *kind != SL_ADDR_HOST && !(forwarded && *kind == SL_ADDR_NONE))
		return NULL;
	f = bpf_map_lookup_elem(&sl_front, key);
	if (f || (*kind == SL_ADDR_SVC && !forwarded))
		return f;
	v4 = sl_addr_is_mapped(&key->addr);
	__builtin_memset(&key->addr, 0, sizeof(key->addr));
	if (v4)
		sl_addr_set_v4(&key->addr, 0);
	return bpf_map_lookup_elem(&sl_front, key);
}

/* The same of end @r of the packet's key. */
static __always_inline struct sl_front_val *sl_front_get(const struct sl_ctx *c,
							 struct sl_scratch *s, __u32 r,
							 bool forwarded, __u32 *kind, __u32 *id)
{
	struct sl_front_key *key = &s->svc.front;

	__builtin_memset(key, 0, sizeof(*key));
	key->addr = c->key.addr[r & 1];
	key->port = c->key.port[r & 1];
	key->proto = c->key.proto;
	return sl_front_find(key, forwarded, kind, id);
}

static __always_inline bool sl_svc_welcome(const struct sl_ctx *c, struct sl_scratch *s, __u32 svc)
{
	struct sl_svc_src_key *key = &s->svc.src;

	key->prefixlen = 32 + 128;
	key->svc = svc;
	key->addr = c->key.addr[s->flow.orig & 1];
	return bpf_map_lookup_elem(&sl_svc_src, key);
}

/* A pod of the cluster, or this node. */
static __always_inline bool sl_svc_inside(const struct sl_ctx *c, __u32 o)
{
	const union sl_addr *addr = &c->key.addr[o & 1];
	struct sl_route_val *r;
	__u32 id, kind = sl_addr_kind(addr, &id);

	if (kind == SL_ADDR_EP || kind == SL_ADDR_HOST)
		return true;
	r = sl_route_get(addr);
	return r && (r->kind == SL_ROUTE_DIRECT || r->kind == SL_ROUTE_TUNNEL ||
		     r->kind == SL_ROUTE_LOCAL);
}

/* Is the packet's destination a service's to answer for? */
__noinline bool sl_svc_wanted(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	__u32 kind, id = 0;

	if (!c || !s)
		return false;
	return sl_front_get(c, s, !(c->dir & 1), false, &kind, &id) ||
	       (kind == SL_ADDR_SVC && id == SL_SVC_ADDR_CLOSED);
}

static __always_inline int sl_svc_refuse(struct sl_ctx *c, int reason)
{
	c->flags |= SL_PKT_REJECT;
	return reason;
}

static __always_inline bool sl_flow_forwarded(const struct sl_flow *n)
{
	return n->dir[n->orig & 1].flags & SL_FLOW_DIR_FORWARDED;
}

/* Which of the frontend's backends the flow in scratch may have, and how it would go there. */
static __always_inline void sl_svc_scope(const struct sl_ctx *c, struct sl_scratch *s,
					 const struct sl_front_val *front)
{
	__u32 o = s->flow.orig & 1;
	struct sl_flow_dir *d = &s->flow.dir[o];

	d->flags &= ~SL_FLOW_DIR_DSR;
	s->svc.maglev = !sl_svc_inside(c, o);
	s->svc.scope = (s->svc.maglev ? front->outside : front->inside) & 1;
	if (d->flags & SL_FLOW_DIR_FORWARDED)
		s->svc.scope = SL_SVC_LOCAL;
	/* A wish, which sl_nat_setup() grants where the backend allows it. */
	else if (s->svc.maglev && front->flags & SL_FRONT_DSR)
		d->flags |= SL_FLOW_DIR_DSR;
}

/*
 * The flow in scratch begins: if it is to a service it gets a backend, known by
 * n->svc. What another node sent here gets one of this node's. 0 or enum sl_drop.
 */
__noinline int sl_svc_setup(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_front_val *front;
	struct sl_svc *svc;
	__u32 o, kind, id = 0;
	int reason;

	if (!c || !s)
		return SL_DROP_HELPER;
	o = s->flow.orig & 1;
	front = sl_front_get(c, s, !o, sl_flow_forwarded(&s->flow), &kind, &id);
	if (!front && sl_flow_forwarded(&s->flow))
		return SL_DROP_SERVICE_GONE;
	if (!front)
		return kind == SL_ADDR_SVC && id == SL_SVC_ADDR_CLOSED ?
			sl_svc_refuse(c, SL_DROP_SERVICE_PORT) : SL_DROP_NONE;
	if (front->flags & SL_FRONT_RANGES && !sl_svc_welcome(c, s, front->svc))
		return SL_DROP_SERVICE_SOURCE;
	s->flow.svc = front->svc;
	sl_svc_scope(c, s, front);
	reason = sl_svc_choose(c, s);
	if (!reason)
		return SL_DROP_NONE;
	if (sl_flow_forwarded(&s->flow))
		return SL_DROP_NO_LOCAL_BACKEND;
	/* Only here there is none: a load balancer tries another node, and silence tells it to. */
	svc = sl_svc_get(s->flow.svc);
	if (svc && s->svc.scope == SL_SVC_LOCAL &&
	    sl_set_count(SL_READ_ONCE(svc->set[SL_SVC_CLUSTER])))
		return reason;
	return sl_svc_refuse(c, reason);
}

/*
 * The flow in scratch is judged again. A backend that it has it keeps, unless
 * that is gone: then datagrams go to another, and connections end where the
 * service says so. 0, enum sl_drop, or SL_SVC_ANEW: sl_svc_setup() comes next,
 * which the caller does for the sake of the stack.
 */
__noinline int sl_svc_again(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_front_val *front;
	__u32 o, kind, id = 0, gen;
	struct sl_backend *b;
	struct sl_svc *svc;
	struct sl_flow *n;

	if (!c || !s)
		return SL_DROP_HELPER;
	n = &s->flow;
	o = n->orig & 1;
	/* Connections began where there was no service: they stay there. */
	if (!n->svc)
		return c->key.proto == IPPROTO_UDP ? SL_SVC_ANEW : SL_DROP_NONE;
	svc = sl_svc_get(n->svc);
	if (!svc)
		return SL_DROP_HELPER;
	gen = SL_READ_ONCE(svc->gen);
	if (gen == n->svc_gen)
		return SL_DROP_NONE;
	front = sl_front_get(c, s, !o, sl_flow_forwarded(n), &kind, &id);
	if (!front || front->svc != n->svc)
		return SL_DROP_SERVICE_GONE;
	b = sl_backend_get(n->backend, n->svc);
	if (!b || b->port != n->dir[!o].as_port || !sl_addr_eq(&b->addr, &n->dir[!o].as)) {
		if (c->key.proto == IPPROTO_UDP)
			return SL_SVC_ANEW;
		if (svc->flags & SL_SVC_RESET)
			return sl_svc_refuse(c, SL_DROP_SERVICE_GONE);
	}
	n->svc_gen = gen;
	return SL_DROP_NONE;
}

#endif /* SL_BPF_SERVICE_H */
