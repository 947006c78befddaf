/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a flow entry: found, checked against what it was judged under,
 * tracked through its states, moved from sl_half to sl_flow, deleted.
 */
#ifndef SL_BPF_FLOW_H
#define SL_BPF_FLOW_H

#include "bpf/flow_event.h"
#include "bpf/service.h"

#define SL_SEC_NS	1000000000ULL

/* kind, state, flags and orig of a flow are one word, changed by atomic or:
 * every state that a packet can bring about has the bits of those before. */
#define SL_FLOW_WORD(f)	((__u32 *)&(f)->kind)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SL_FLOW_WORD_BITS(state, flags)	((__u32)(state) << 8 | (__u32)(flags) << 16)
#else
#define SL_FLOW_WORD_BITS(state, flags)	((__u32)(state) << 16 | (__u32)(flags) << 8)
#endif
_Static_assert(__builtin_offsetof(struct sl_flow, kind) % 4 == 0 &&
	       __builtin_offsetof(struct sl_flow, state) == __builtin_offsetof(struct sl_flow, kind) + 1 &&
	       __builtin_offsetof(struct sl_flow, flags) == __builtin_offsetof(struct sl_flow, kind) + 2,
	       "kind, state, flags are not one word");
_Static_assert((SL_FLOW_NEW | SL_FLOW_REPLIED) == SL_FLOW_REPLIED &&
	       (SL_FLOW_REPLIED | SL_FLOW_CLOSING) == SL_FLOW_CLOSING &&
	       (SL_FLOW_ESTABLISHED | SL_FLOW_CLOSING) == SL_FLOW_CLOSING,
	       "flow states do not grow by or");

static __always_inline bool sl_flow_direct(const struct sl_flow *f)
{
	return f->dir[0].flags & SL_FLOW_DIR_DSR;
}

#define SL_FLOW_FLAG_FIN	(SL_FLOW_FLAG_FIN0 | SL_FLOW_FLAG_FIN1)

/* Of a flow whose replies go another way: its initiator goes on speaking. */
static __always_inline bool sl_flow_direct_open(const struct sl_flow *f)
{
	return sl_flow_direct(f) && f->dir[f->orig & 1].packets > 1 &&
	       !(f->flags & SL_FLOW_FLAG_FIN);
}

static __always_inline __u64 sl_flow_timeout(const struct sl_tuple *key, const struct sl_flow *f)
{
	if (f->state == SL_FLOW_CLOSING)
		return SL_TIMEOUT_CLOSING_S * SL_SEC_NS;
	if (f->state < SL_FLOW_ESTABLISHED && !sl_flow_direct_open(f))
		return SL_TIMEOUT_HALF_S * SL_SEC_NS;
	if (key->proto == IPPROTO_TCP || key->proto == IPPROTO_SCTP)
		return SL_TIMEOUT_TCP_S * SL_SEC_NS;
	if (key->proto == IPPROTO_UDP)
		return SL_TIMEOUT_UDP_S * SL_SEC_NS;
	return SL_TIMEOUT_OTHER_S * SL_SEC_NS;
}

/* Signed: another CPU's coarse clock may have been read a moment later. */
static __always_inline bool sl_flow_idle(const struct sl_tuple *key, const struct sl_flow *f,
					 __u64 now)
{
	return (__s64)(now - f->last_ns) > (__s64)sl_flow_timeout(key, f);
}

static __always_inline bool sl_is_syn(const struct sl_ctx *c)
{
	return c->proto == IPPROTO_TCP && (c->tcp_flags & (SL_TCP_SYN | SL_TCP_ACK)) == SL_TCP_SYN;
}

static __always_inline bool sl_is_rst(const struct sl_ctx *c)
{
	return c->proto == IPPROTO_TCP && c->tcp_flags & SL_TCP_RST;
}

/* Why an entry that is over is over; @reason where it does not say itself. */
static __always_inline __u32 sl_flow_why(const struct sl_flow *f, __u32 reason)
{
	if (f->state != SL_FLOW_CLOSING)
		return reason;
	return f->flags & SL_FLOW_FLAG_RST ? SL_CLOSE_RST : SL_CLOSE_FIN;
}

/* Is this entry, though still there, no longer the packet's flow? */
static __always_inline bool sl_flow_is_over(const struct sl_ctx *c, const struct sl_flow *f)
{
	if (sl_is_syn(c) && (f->state == SL_FLOW_CLOSING ||
			     (sl_flow_direct(f) && f->flags & SL_FLOW_FLAG_FIN)))
		return true;
	return sl_flow_idle(&c->key, f, bpf_ktime_get_coarse_ns());
}

static __always_inline __u32 sl_ep_gen(__u32 id)
{
	struct sl_ep *ep = sl_ep_get(id);

	/* Endpoint 0 is nobody, its word is always zero. */
	return ep ? sl_policy_gen(SL_READ_ONCE(ep->policy)) : 0;
}

/* Has nothing changed that the entry was judged and routed by? */
static __always_inline bool sl_flow_current(const struct sl_flow *f)
{
	struct sl_state *st = sl_state_get();

	return st && f->route_gen == SL_READ_ONCE(st->route_gen) &&
	       f->gen[0] == sl_ep_gen(f->ep[0]) && f->gen[1] == sl_ep_gen(f->ep[1]) &&
	       (!f->svc || f->svc_gen == sl_svc_gen(f->svc));
}

static __always_inline bool sl_action_remote(__u8 action)
{
	return action == SL_ACTION_NEIGH || action == SL_ACTION_TUNNEL;
}

/*
 * A flow through this node, of a client elsewhere to a backend elsewhere: then
 * @via is the way to the backend, and that to the client is looked up.
 */
static __always_inline bool sl_flow_transit(const struct sl_flow *f)
{
	return sl_action_remote(f->dir[0].action) && sl_action_remote(f->dir[1].action);
}

/* From a node that there is, by the identifier that its packets have? */
__noinline bool sl_tunnel_node(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_route_val *r;

	if (!c || !s)
		return false;
	r = sl_route_get(&s->tunnel_src);
	return r && r->kind == SL_ROUTE_TUNNEL && r->flags & SL_ROUTE_FLAG_NODE &&
	       r->vni == s->tunnel_vni && sl_addr_eq(&r->via, &s->tunnel_src);
}

/* Did the node send it that the flow's packets to there are sent to? */
__noinline bool sl_flow_via(struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_route_val *r;

	if (!c || !f || !s)
		return false;
	/* Whichever node the client's packets come to. */
	if (f->dir[c->dir & 1].flags & SL_FLOW_DIR_FORWARDED)
		return sl_tunnel_node(c);
	if (!sl_flow_transit(f) || (c->dir & 1) != (f->orig & 1))
		return sl_addr_eq(&s->tunnel_src, &f->via) && s->tunnel_vni == f->vni;
	r = sl_route_get(&c->key.addr[c->dir & 1]);
	return r && r->kind == SL_ROUTE_TUNNEL && sl_addr_eq(&s->tunnel_src, &r->via) &&
	       s->tunnel_vni == r->vni;
}

/* Did the packet come in as its direction of the entry demands? */
static __always_inline bool sl_flow_way_in(struct __sk_buff *skb, struct sl_ctx *c,
					   struct sl_flow *f)
{
	const struct sl_flow_dir *d = &f->dir[c->dir & 1];
	__u8 smac[6];
	int i;

	if (d->in_ifindex != c->way_in)
		return false;
	/* A pod's word is taken only with its MAC, the others' only without. */
	if (!(d->flags & SL_FLOW_DIR_SMAC) != (c->hook != SL_HOOK_FROM_POD))
		return false;
	if (c->hook == SL_HOOK_FROM_TUNNEL && !sl_flow_via(c, f))
		return false;
	if (c->hook != SL_HOOK_FROM_POD)
		return true;
	if (bpf_skb_load_bytes(skb, ETH_ALEN, smac, ETH_ALEN))
		return false;
	for (i = 0; i < ETH_ALEN; i++)
		if (smac[i] != d->in_smac[i])
			return false;
	return true;
}

static __always_inline void sl_flow_or(struct sl_flow *f, __u8 state, __u8 flags)
{
	__sync_fetch_and_or(SL_FLOW_WORD(f), SL_FLOW_WORD_BITS(state, flags));
}

/* What this packet means for the state of its flow. */
static __always_inline void sl_flow_track(const struct sl_ctx *c, struct sl_flow *f)
{
	__u8 fin = 0;

	if (f->state == SL_FLOW_NEW && (c->dir & 1) != (f->orig & 1))
		sl_flow_or(f, SL_FLOW_REPLIED, 0);
	if (c->proto != IPPROTO_TCP || !(c->tcp_flags & (SL_TCP_FIN | SL_TCP_RST)) ||
	    c->flags & SL_PKT_FRAG_LATER)
		return;
	if (c->tcp_flags & SL_TCP_RST) {
		sl_flow_or(f, SL_FLOW_CLOSING, SL_FLOW_FLAG_RST);
		return;
	}
	fin = c->dir & 1 ? SL_FLOW_FLAG_FIN1 : SL_FLOW_FLAG_FIN0;
	sl_flow_or(f, 0, fin);
	if ((SL_READ_ONCE(f->flags) & SL_FLOW_FLAG_FIN) == SL_FLOW_FLAG_FIN)
		sl_flow_or(f, SL_FLOW_CLOSING, 0);
}

static __always_inline void sl_flow_touch(struct sl_flow *f)
{
	__u64 now = bpf_ktime_get_coarse_ns();

	if (f->last_ns != now)
		f->last_ns = now;
}

static __always_inline void sl_flow_count(struct sl_flow_dir *d, __u32 len)
{
	__sync_fetch_and_add(&d->packets, 1);
	__sync_fetch_and_add(&d->bytes, len);
}

/* The flow first: an alias without one is dead, whoever comes in between. */
__noinline int sl_flow_del(struct sl_tuple *key, struct sl_flow *f, __u32 reason)
{
	struct sl_tuple alias;
	bool translated;

	if (!key || !f)
		return 0;
	translated = sl_flow_translated(f);
	if (translated)
		sl_alias_key(&alias, f, key->proto);
	sl_flow_tell(key, f, reason);
	/* From here on @f may be another flow's: who sweeps can be interrupted. */
	bpf_map_delete_elem(&sl_flow, key);
	bpf_map_delete_elem(&sl_half, key);
	if (translated)
		sl_alias_del(&alias);
	return 0;
}

static __always_inline void sl_count_refused(long err)
{
	if (err == -7)			/* E2BIG */
		sl_count_inc(SL_COUNT_FLOW_REFUSED_FULL);
	else if (err == -16)		/* EBUSY */
		sl_count_inc(SL_COUNT_FLOW_REFUSED_BUSY);
	else
		sl_count_inc(SL_COUNT_FLOW_REFUSED_NOMEM);
}

#define SL_EEXIST	17

/* The alias of the flow in scratch, in sl_flow. @fresh: it was not there. */
static __always_inline long sl_alias_promote(struct sl_ctx *c, struct sl_scratch *s, bool *fresh)
{
	struct sl_flow *n = &s->flow;
	long err;

	*fresh = false;
	if (!sl_flow_translated(n))
		return 0;
	sl_alias_key(&s->alias_key, n, c->key.proto);
	if (sl_alias_look(c, s, false) == SL_ALIAS_OURS)
		return 0;
	__builtin_memset(&s->alias, 0, sizeof(s->alias));
	s->alias.kind = SL_FLOW_KIND_ALIAS;
	s->alias.inner = c->key;
	err = bpf_map_update_elem(&sl_flow, &s->alias_key, &s->alias, BPF_NOEXIST);
	*fresh = !err;
	return err;
}

/* The packet's part in the flow that it passes by: state, age, counters. */
static __always_inline void sl_flow_note(const struct sl_ctx *c, struct sl_flow *f)
{
	sl_flow_track(c, f);
	sl_flow_touch(f);
	sl_flow_count(&f->dir[c->dir & 1], c->len);
}

/* The flow in scratch goes into sl_flow; the half-open entry is not touched. */
static __always_inline long sl_flow_insert(struct sl_ctx *c, struct sl_scratch *s)
{
	struct sl_flow *f;
	bool fresh;
	long err;

	err = sl_alias_promote(c, s, &fresh);
	if (!err)
		err = bpf_map_update_elem(&sl_flow, &c->key, &s->flow, BPF_NOEXIST);
	if (!err) {
		sl_flow_tell(&c->key, &s->flow, SL_CLOSE_NONE);
		return 0;
	}
	/* Another CPU may have been quicker with the same flow. */
	f = err == -SL_EEXIST ? bpf_map_lookup_elem(&sl_flow, &c->key) : NULL;
	if (f) {
		sl_flow_note(c, f);
		return 0;
	}
	if (fresh)
		bpf_map_delete_elem(&sl_flow, &s->alias_key);
	return err;
}

/*
 * The initiator of @half was heard again after a reply: established. Alias,
 * then flow, then the half-open ones away; at every step the flow that is
 * found first is whole. True: the packet is noted, and its flow is in scratch
 * for reading; @half is free for others. False: sl_flow refused.
 */
__noinline bool sl_flow_promote(struct sl_ctx *c, const struct sl_flow *half)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *n;
	long err;

	if (!c || !half || !s)
		return false;
	n = &s->flow;
	*n = *half;
	n->state = SL_FLOW_ESTABLISHED;
	sl_flow_note(c, n);
	err = sl_flow_insert(c, s);
	if (err) {
		sl_count_refused(err);
		return false;
	}
	bpf_map_delete_elem(&sl_half, &c->key);
	if (sl_flow_translated(n))
		bpf_map_delete_elem(&sl_half, &s->alias_key);
	sl_count_inc(SL_COUNT_FLOW_PROMOTED);
	return true;
}

/* Is this the packet that @half waits for? */
static __always_inline bool sl_half_ripe(const struct sl_ctx *c, const struct sl_flow *half)
{
	return half->state == SL_FLOW_REPLIED && (c->dir & 1) == (half->orig & 1) && !sl_is_rst(c);
}

#endif /* SL_BPF_FLOW_H */
