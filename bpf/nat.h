/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Translation: a flow whose responder knows an end of it by another address or
 * port than its initiator. A pod's flow to the outside leaves under the node's
 * address and a port of its range. The flow's one entry is under the initiator's
 * tuple; an alias under the responder's leads replies to it. An alias is worth
 * something only while that is what its flow says, so the two cannot live apart:
 * whoever finds a dead alias in the way takes it over.
 */
#ifndef SL_BPF_NAT_H
#define SL_BPF_NAT_H

#include "bpf/route.h"
#include "bpf/sctp.h"

/* Ports tried before a flow is refused: with 95 % of them in use, one flow in 500,000 is. */
#define SL_NAT_PROBES	256

enum sl_alias_state {
	SL_ALIAS_FREE,
	SL_ALIAS_OURS,
	SL_ALIAS_TAKEN,
};

static __always_inline struct sl_flow *sl_flow_get(const struct sl_tuple *key)
{
	struct sl_flow *f = bpf_map_lookup_elem(&sl_flow, key);

	return f ? f : bpf_map_lookup_elem(&sl_half, key);
}

static __always_inline bool sl_tuple_eq(const struct sl_tuple *a, const struct sl_tuple *b)
{
	return sl_addr_eq(&a->addr[0], &b->addr[0]) && sl_addr_eq(&a->addr[1], &b->addr[1]) &&
	       a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->proto == b->proto;
}

static __always_inline bool sl_flow_translated(const struct sl_flow *f)
{
	return f->dir[0].flags & SL_FLOW_DIR_NAT;
}

/* Is end @e of the translated flow known to the two by different names? */
static __always_inline bool sl_end_translated(const struct sl_flow *f, __u32 e)
{
	return f->dir[e & 1].flags & SL_FLOW_DIR_SNAT;
}

/* The tuple of the translated flow @f that its responder sees. */
static __always_inline void sl_alias_key(struct sl_tuple *out, const struct sl_flow *f, __u8 proto)
{
	sl_tuple_set(out, &f->dir[0].as, &f->dir[1].as, f->dir[0].as_port, f->dir[1].as_port);
	out->proto = proto;
	out->pad[0] = 0;
	out->pad[1] = 0;
	out->pad[2] = 0;
}

/* Is the alias under @key one of @f, as that is now? */
static __always_inline bool sl_alias_is(const struct sl_tuple *key, const struct sl_flow *f)
{
	struct sl_tuple now;

	if (f->kind != SL_FLOW_KIND_FLOW || !sl_flow_translated(f))
		return false;
	sl_alias_key(&now, f, key->proto);
	return sl_tuple_eq(&now, key);
}

/* The flow that the alias under @key stands for; NULL: it is dead. */
static __always_inline struct sl_flow *sl_alias_flow(const struct sl_flow *alias,
						     const struct sl_tuple *key)
{
	struct sl_flow *f = sl_flow_get(&alias->inner);

	return f && sl_alias_is(key, f) ? f : NULL;
}

/* Removes an alias, wherever it is. */
static __always_inline void sl_alias_del(const struct sl_tuple *alias)
{
	bpf_map_delete_elem(&sl_flow, alias);
	bpf_map_delete_elem(&sl_half, alias);
}

/* Whose is s->alias_key? */
static __noinline int sl_alias_look(struct sl_ctx *c, struct sl_scratch *s, bool half)
{
	struct sl_flow *a;

	a = half ? bpf_map_lookup_elem(&sl_half, &s->alias_key) :
		   bpf_map_lookup_elem(&sl_flow, &s->alias_key);
	if (!a)
		return SL_ALIAS_FREE;
	if (a->kind != SL_FLOW_KIND_ALIAS)
		return SL_ALIAS_TAKEN;
	if (sl_tuple_eq(&a->inner, &c->key))
		return SL_ALIAS_OURS;
	if (sl_alias_flow(a, &s->alias_key))
		return SL_ALIAS_TAKEN;
	if (half)
		bpf_map_delete_elem(&sl_half, &s->alias_key);
	else
		bpf_map_delete_elem(&sl_flow, &s->alias_key);
	return SL_ALIAS_FREE;
}

/* The ends of the flow in scratch as its responder knows them, its initiator's with @port. */
static __always_inline void sl_nat_as(struct sl_ctx *c, struct sl_flow *n, __be16 port)
{
	__u32 o = n->orig & 1;

	n->dir[o].as_port = port;
	/* An echo has no port at the far end: the identifier is both. */
	if (sl_is_icmp(c->family, c->key.proto))
		n->dir[!o].as_port = port;
}

/* Tries one port for the flow in scratch: SL_ALIAS_OURS when it has it now. */
__noinline int sl_nat_try(struct sl_ctx *c, __u32 port)
{
	struct sl_scratch *s = sl_scratch_get();
	int state;

	if (!c || !s)
		return SL_ALIAS_TAKEN;
	sl_nat_as(c, &s->flow, port);
	sl_alias_key(&s->alias_key, &s->flow, c->key.proto);
	state = sl_alias_look(c, s, false);
	if (state != SL_ALIAS_FREE)
		return state;
	state = sl_alias_look(c, s, true);
	if (state != SL_ALIAS_FREE)
		return state;
	__builtin_memset(&s->alias, 0, sizeof(s->alias));
	s->alias.kind = SL_FLOW_KIND_ALIAS;
	s->alias.inner = c->key;
	return bpf_map_update_elem(&sl_half, &s->alias_key, &s->alias, BPF_NOEXIST) ?
		SL_ALIAS_TAKEN : SL_ALIAS_OURS;
}

/*
 * Do clients reach a service by @port of the address that the initiator gets? What one
 * of them sends could not be told from an answer to the flow.
 */
__noinline bool sl_nat_port_served(struct sl_ctx *c, __u32 port)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_front_key *key;

	if (!c || !s)
		return true;
	key = &s->svc.front;
	__builtin_memset(key, 0, sizeof(*key));
	key->port = port;
	key->proto = c->key.proto;
	if (c->family == SL_FAMILY_V4)
		sl_addr_set_v4(&key->addr, 0);
	if (bpf_map_lookup_elem(&sl_front, key))
		return true;
	key->addr = s->flow.dir[s->flow.orig & 1].as;
	return bpf_map_lookup_elem(&sl_front, key);
}

struct sl_nat_search {
	struct sl_ctx *c;
	__u32 start, min, size;
	__u8 found;
};

/*
 * The port to try after @i others. A small range is gone through; in a large one
 * neighbours of a port in use are in use, too, where flows look next to each
 * other, so that long runs would hide what is free: so each try is anywhere.
 */
static __always_inline __u32 sl_nat_nth(const struct sl_nat_search *n, __u32 i)
{
	__u32 h = n->start % n->size + i;

	if (i && n->size > SL_NAT_PROBES) {
		h = (n->start + i * 0x9e3779b9) * 0x85ebca6b;
		h ^= h >> 13;
		h *= 0xc2b2ae35;
		h ^= h >> 16;
	}
	return n->min + h % n->size;
}

static long sl_nat_probe(__u64 i, void *arg)
{
	struct sl_nat_search *n = arg;
	__be16 port;

	port = bpf_htons(sl_nat_nth(n, i));
	n->found = !sl_nat_port_served(n->c, port) && sl_nat_try(n->c, port) == SL_ALIAS_OURS;
	return n->found;
}

/*
 * @old: the port that the flow had before, 0: none. A flow that lost its entry finds
 * its old port again where nobody took it meanwhile, since the search begins at a
 * hash of its own tuple.
 */
static __always_inline int sl_nat_port(struct sl_ctx *c, const struct sl_state *st, __u32 old)
{
	__u32 min = st->nat_port_min, max = st->nat_port_max;
	struct sl_nat_search n = { .c = c, .min = min, .size = max - min + 1 };

	if (!min || max < min)
		return SL_DROP_NAT_EXHAUSTED;
	n.start = old >= min && old <= max ? old - min : sl_hash_tuple(&c->key);
	bpf_loop(n.size < SL_NAT_PROBES ? n.size : SL_NAT_PROBES, sl_nat_probe, &n, 0);
	return n.found ? SL_DROP_NONE : SL_DROP_NAT_EXHAUSTED;
}

static __always_inline void sl_nat_clear(struct sl_flow *n)
{
	int i;

#pragma unroll
	for (i = 0; i < 2; i++) {
		n->dir[i].flags &= ~(SL_FLOW_DIR_NAT | SL_FLOW_DIR_SVC);
		__builtin_memset(&n->dir[i].as, 0, sizeof(n->dir[i].as));
		n->dir[i].as_port = 0;
	}
}

/* What pods and clients of services are outside, where they can't be themselves. */
static __always_inline const union sl_addr *sl_nat_source(const struct sl_state *st, __u8 family)
{
	const union sl_addr *a = &st->nat_addr[family & 1];

	return sl_addr_is_zero(a) ? &st->node_addr[family & 1] : a;
}

/*
 * Whose packets would not come back, or not through here, if the responder saw
 * who sent them: a pod's to the outside, a pod's to itself by way of a service,
 * and those of a client outside to a backend that is not on this node.
 */
static __always_inline bool sl_nat_source_wanted(const struct sl_scratch *s,
						 const struct sl_state *st, __u8 family)
{
	const struct sl_flow *n = &s->flow;
	__u32 o = n->orig & 1;

	if (n->ep[o] && s->masquerade)
		return !sl_addr_is_zero(&st->nat_addr[family & 1]);
	if (!n->svc)
		return false;
	return n->ep[o] ? n->ep[o] == n->ep[!o] :
			  !n->ep[!o] && n->dir[o].action != SL_ACTION_STACK;
}

/*
 * Direct server return: may the flow in scratch go to its backend's node as it is?
 * To a pod behind the tunnel, that is: what a node's own process answers nobody
 * translates.
 */
__noinline bool sl_nat_direct(void)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_route_val *r;
	struct sl_flow *n;
	__u32 o;

	if (!s)
		return false;
	n = &s->flow;
	o = n->orig & 1;
	n->dir[!o].flags &= ~SL_FLOW_DIR_DSR;
	if (!(n->dir[o].flags & SL_FLOW_DIR_DSR))
		return false;
	r = n->ep[o] || n->dir[o].action != SL_ACTION_TUNNEL ? NULL : sl_route_get(&s->real[!o]);
	if (!r || r->flags & SL_ROUTE_FLAG_NODE) {
		n->dir[o].flags &= ~SL_FLOW_DIR_DSR;
		return false;
	}
	n->dir[!o].flags |= SL_FLOW_DIR_DSR;
	return true;
}

static __always_inline void sl_nat_flags(const struct sl_ctx *c, struct sl_flow *n, __u32 e)
{
	bool port;

	e &= 1;
	/* An echo's identifier is the initiator's, though both ends show it. */
	port = n->dir[e].as_port == c->key.port[e] ||
	       (e != (n->orig & 1) && sl_is_icmp(c->family, c->key.proto));
	if (port && sl_addr_eq(&n->dir[e].as, &c->key.addr[e]))
		return;
	n->dir[e].flags |= SL_FLOW_DIR_SNAT;
	n->dir[!e].flags |= SL_FLOW_DIR_DNAT;
}

/* A port for the initiator of the flow in scratch, whose ends' addresses are set. */
static __always_inline int sl_nat_find(struct sl_ctx *c, struct sl_scratch *s,
				       const struct sl_state *st, __u32 old, bool own)
{
	__be16 port = c->key.port[s->flow.orig & 1];

	switch (c->key.proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* Only an echo has an identifier that replies bring back. */
		if (!(c->flags & (SL_PKT_ECHO | SL_PKT_FRAG_LATER)) && !old)
			return SL_DROP_NAT_PROTO;
		break;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		break;
	default:
		return SL_DROP_NAT_PROTO;
	}
	/* Its own address: the port can be its own, too, unless a flow of its has that there. */
	if (own && sl_nat_try(c, port) == SL_ALIAS_OURS)
		return SL_DROP_NONE;
	return sl_nat_port(c, st, old);
}

/*
 * Says what the responder of the flow in scratch knows its ends by: the backend
 * where n->svc is set, the initiator by another address and port where it must.
 * 0 or enum sl_drop.
 */
__noinline int sl_nat_setup(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	struct sl_flow *n;
	bool source, direct;
	__u32 o, old;
	int reason;

	if (!c || !s || !st)
		return SL_DROP_HELPER;
	n = &s->flow;
	o = n->orig & 1;
	/* What another node sent here goes to no third one. */
	if (n->dir[o].flags & SL_FLOW_DIR_FORWARDED && !n->ep[!o])
		return SL_DROP_NO_LOCAL_BACKEND;
	direct = sl_nat_direct();
	source = !direct && sl_nat_source_wanted(s, st, c->family);
	if (!source && !n->svc) {
		sl_nat_clear(n);
		return SL_DROP_NONE;
	}
	old = bpf_ntohs(n->dir[o].as_port);
	sl_nat_clear(n);
	n->dir[!o].as = s->real[!o];
	n->dir[!o].as_port = s->real_port[!o];
	if (direct)
		return SL_DROP_NONE;
	n->dir[o].as = source ? *sl_nat_source(st, c->family) : c->key.addr[o];
	if (sl_addr_is_zero(&n->dir[o].as))
		return SL_DROP_NAT_NO_ADDR;
	/* A backend with the service's own address and port: host network. */
	if (!source && n->dir[!o].as_port == c->key.port[!o] &&
	    sl_addr_eq(&n->dir[!o].as, &c->key.addr[!o])) {
		/* on the hit path nobody would ask for the service's generation */
		n->dir[0].flags |= SL_FLOW_DIR_SVC;
		n->dir[1].flags |= SL_FLOW_DIR_SVC;
		return SL_DROP_NONE;
	}
	reason = sl_nat_find(c, s, st, old, !source);
	sl_nat_flags(c, n, 0);
	sl_nat_flags(c, n, 1);
	return reason;
}

static __always_inline bool sl_l4_csum_off(__u8 proto, __u8 family, __u32 *off, __u64 *flags)
{
	*flags = BPF_F_PSEUDO_HDR;
	switch (proto) {
	case IPPROTO_TCP:
		*off = 16;
		return true;
	case IPPROTO_UDP:
		*off = 6;
		*flags |= BPF_F_MARK_MANGLED_0;
		return true;
	case IPPROTO_ICMPV6:
		*off = 2;
		return true;
	case IPPROTO_ICMP:
		/* No pseudo-header: the addresses are not covered. */
		*off = 2;
		*flags = 0;
		return true;
	default:
		return false;
	}
}

/*
 * What changes in a packet: one address and one port, at its source or its
 * destination. Checksums by the helpers that know about offload: a sum that
 * is still to be completed covers the pseudo-header only.
 */
struct sl_nat_change {
	union sl_addr from, to;
	__be16 port_from, port_to;
	__u8 src;			/* the source's, else the destination's */
};

/* Ports only: the addresses are not covered. */
static __always_inline int sl_nat_sctp(struct __sk_buff *skb, struct sl_ctx *c,
				       struct sl_nat_change *ch)
{
	__u32 off = c->l4_off, port_off = ch->src ? 0 : 2, len, crc;

	if (ch->port_from == ch->port_to)
		return 0;
	if (bpf_skb_load_bytes(skb, off + 8, &crc, 4) ||
	    bpf_skb_store_bytes(skb, off + port_off, &ch->port_to, 2, 0))
		return -1;
	/* Zero: whoever sends it out takes the sum. */
	if (!crc)
		return 0;
	/* Of a first fragment nobody knows how much follows. */
	if (c->flags & SL_PKT_FRAG_FIRST)
		return -1;
	len = c->len + ETH_HLEN_ - off;
	crc ^= sl_crc_change(ch->port_from ^ ch->port_to, port_off, len);
	return bpf_skb_store_bytes(skb, off + 8, &crc, 4, 0);
}

static __always_inline int sl_nat_l4(struct __sk_buff *skb, struct sl_ctx *c,
				     struct sl_nat_change *ch, __s64 diff)
{
	__u32 csum, off, port_off;
	__u64 flags;

	if (c->flags & SL_PKT_FRAG_LATER)
		return 0;
	if (c->proto == IPPROTO_SCTP)
		return sl_nat_sctp(skb, c, ch);
	if (!sl_l4_csum_off(c->proto, c->family, &csum, &flags))
		return 0;
	off = c->l4_off;
	csum += off;
	if (flags & BPF_F_PSEUDO_HDR) {
		if (bpf_l4_csum_replace(skb, csum, 0, diff, flags))
			return -1;
		/* In IPv6 the address and the sum that covers it cancel out, which the
		 * helper does not take into account for a full-packet sum by hardware. */
		if (c->family == SL_FAMILY_V6)
			bpf_csum_update(skb, diff);
	}
	if (ch->port_from == ch->port_to)
		return 0;
	if (bpf_l4_csum_replace(skb, csum, ch->port_from, ch->port_to,
				(flags & BPF_F_MARK_MANGLED_0) | 2))
		return -1;
	port_off = sl_is_icmp(c->family, c->proto) ? 4 : ch->src ? 0 : 2;
	return bpf_skb_store_bytes(skb, off + port_off, &ch->port_to, 2, 0);
}

static __always_inline int sl_nat_apply(struct __sk_buff *skb, struct sl_ctx *c,
					struct sl_nat_change *ch)
{
	__u32 off = ETH_HLEN_;
	__s64 diff;

	if (c->family == SL_FAMILY_V6) {
		diff = bpf_csum_diff(ch->from.w, 16, ch->to.w, 16, 0);
		off += ch->src ? 8 : 24;
		if (bpf_skb_store_bytes(skb, off, &ch->to, 16, 0))
			return -1;
	} else {
		diff = bpf_csum_diff(&ch->from.w[3], 4, &ch->to.w[3], 4, 0);
		off += ch->src ? 12 : 16;
		if (bpf_skb_store_bytes(skb, off, &ch->to.w[3], 4, 0) ||
		    bpf_l3_csum_replace(skb, ETH_HLEN_ + 10, 0, diff, 0))
			return -1;
	}
	return sl_nat_l4(skb, c, ch, diff);
}

/*
 * What becomes of end @e in a packet, or in one inside an error, of direction
 * @dir: the initiator's side sends the tuple of the key, the responder's @as.
 */
static __always_inline void sl_nat_end(const struct sl_ctx *c, const struct sl_flow *f, __u32 e,
				       __u32 dir, struct sl_nat_change *ch)
{
	e &= 1;
	ch->src = e == dir;
	if (dir == (f->orig & 1)) {
		ch->from = c->key.addr[e];
		ch->port_from = c->key.port[e];
		ch->to = f->dir[e].as;
		ch->port_to = f->dir[e].as_port;
	} else {
		ch->from = f->dir[e].as;
		ch->port_from = f->dir[e].as_port;
		ch->to = c->key.addr[e];
		ch->port_to = c->key.port[e];
	}
}

static __always_inline __u16 sl_csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* @diff: what has come in, and has gone with its bits inverted, as 16-bit words or wider. */
static __always_inline void sl_sum_change(__sum16 *check, __u64 diff)
{
	*check = ~sl_csum_fold((__u64)(__u16)~*check + diff);
}

static __always_inline __u64 sl_addr_diff(bool v6, const union sl_addr *from,
					  const union sl_addr *to)
{
	__u64 diff = (__u64)(__u32)~from->w[3] + to->w[3];

	if (v6)
		diff += (__u64)(__u32)~from->w[0] + to->w[0] + (__u32)~from->w[1] + to->w[1] +
			(__u32)~from->w[2] + to->w[2];
	return diff;
}

/* A tuple in the order of the wire. */
struct sl_nat_tuple {
	const union sl_addr *src, *dst;
	__be16 sport, dport;
};

/* That of the packet of @f: as it leaves here, or as it has come in. */
static __always_inline void sl_nat_tuple_get(const struct sl_ctx *c, const struct sl_flow *f,
					     bool leaves, struct sl_nat_tuple *t)
{
	__u32 dir = c->dir & 1;

	/* the initiator's side sends the key, the responder's @as */
	if (leaves == (dir == (f->orig & 1))) {
		t->src = &f->dir[dir].as;
		t->dst = &f->dir[!dir].as;
		t->sport = f->dir[dir].as_port;
		t->dport = f->dir[!dir].as_port;
	} else {
		t->src = &c->key.addr[dir];
		t->dst = &c->key.addr[!dir];
		t->sport = c->key.port[dir];
		t->dport = c->key.port[!dir];
	}
}

/* @t into the packet at @l3; @diff: of its addresses. 0, or -1: not all of it is there. */
static __always_inline int sl_nat_write(void *l3, void *end, bool v6, const struct sl_nat_tuple *t,
					__u64 diff)
{
	struct ipv6hdr *ip6 = l3;
	struct iphdr *ip = l3;
	__be16 *port = v6 ? (void *)(ip6 + 1) : (void *)(ip + 1);

	if ((void *)(port + 2) > end)
		return -1;
	if (v6) {
		__builtin_memcpy(&ip6->saddr, t->src, 16);
		__builtin_memcpy(&ip6->daddr, t->dst, 16);
	} else {
		ip->saddr = t->src->w[3];
		ip->daddr = t->dst->w[3];
		sl_sum_change(&ip->check, diff);
	}
	port[0] = t->sport;
	port[1] = t->dport;
	return 0;
}

/* Can sl_nat_plain() do it: TCP or UDP without options, headers in the linear part? */
static __always_inline bool sl_nat_is_plain(struct __sk_buff *skb, const struct sl_ctx *c)
{
	__u32 l4 = ETH_HLEN_ + (c->family == SL_FAMILY_V6 ? sizeof(struct ipv6hdr) :
							    sizeof(struct iphdr));

	return (c->proto == IPPROTO_TCP || c->proto == IPPROTO_UDP) && c->l4_off == l4 &&
	       !(c->flags & SL_PKT_FRAG_LATER) &&
	       (void *)(long)skb->data + l4 + sizeof(struct tcphdr) <= (void *)(long)skb->data_end;
}

/*
 * The whole tuple at once: of the checksum only a helper knows whether it is still to be
 * completed, and then the ports do not count; the rest is written where it is.
 */
static __always_inline int sl_nat_plain(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	__u64 mangled = c->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 check = c->l4_off + (c->proto == IPPROTO_UDP ? 6 : 16);
	bool v6 = c->family == SL_FAMILY_V6;
	struct sl_nat_tuple from, to;
	__u64 addrs, ports;
	void *l3, *end;

	sl_nat_tuple_get(c, f, false, &from);
	sl_nat_tuple_get(c, f, true, &to);
	addrs = sl_csum_fold(sl_addr_diff(v6, from.src, to.src) + sl_addr_diff(v6, from.dst, to.dst));
	ports = sl_csum_fold((__u64)(__u16)~from.sport + to.sport + (__u16)~from.dport + to.dport);
	if (bpf_l4_csum_replace(skb, check, 0, addrs, BPF_F_PSEUDO_HDR | mangled))
		return -1;
	/* In IPv6 the address and the sum that covers it cancel out, which the
	 * helper does not take into account for a full-packet sum by hardware. */
	if (v6)
		bpf_csum_update(skb, addrs);
	if (ports != 0xffff && bpf_l4_csum_replace(skb, check, 0, ports, mangled))
		return -1;
	l3 = (void *)(long)skb->data + ETH_HLEN_;
	end = (void *)(long)skb->data_end;
	return v6 ? sl_nat_write(l3, end, true, &to, addrs) : sl_nat_write(l3, end, false, &to, addrs);
}

/* Translates the packet as its direction of @f says; 0 or a failure. */
__noinline int sl_nat_rewrite(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_nat_change ch = {};
	__u32 e;

	if (!c || !f)
		return -1;
	if (sl_nat_is_plain(skb, c))
		return sl_nat_plain(skb, c, f);
	for (e = 0; e < 2; e++) {
		if (!sl_end_translated(f, e))
			continue;
		sl_nat_end(c, f, e, c->dir & 1, &ch);
		if (sl_nat_apply(skb, c, &ch))
			return -1;
	}
	return 0;
}

/* Replaces two bytes inside an ICMP error, and carries that into its checksum. */
static __always_inline int sl_icmp_set16(struct __sk_buff *skb, const struct sl_ctx *c,
					 __u32 off, __u16 to)
{
	__u16 from;

	if (bpf_skb_load_bytes(skb, off, &from, 2) || bpf_skb_store_bytes(skb, off, &to, 2, 0))
		return -1;
	return bpf_l4_csum_replace(skb, c->l4_off + 2, from, to, 2);
}

/* The embedded packet's own checksum, as far as it came along. */
static __noinline int sl_nat_icmp_l4(struct __sk_buff *skb, struct sl_ctx *c,
				     struct sl_nat_change *ch, __s64 diff)
{
	__u32 off, port_off;
	__u64 flags;
	__u16 check;

	if (ch->port_from != ch->port_to) {
		port_off = sl_is_icmp(c->family, c->key.proto) ? 4 : ch->src ? 0 : 2;
		if (sl_icmp_set16(skb, c, c->inner_l4 + port_off, ch->port_to))
			return -1;
	}
	if (!sl_l4_csum_off(c->key.proto, c->family, &off, &flags) ||
	    bpf_skb_load_bytes(skb, c->inner_l4 + off, &check, 2) ||
	    (!check && flags & BPF_F_MARK_MANGLED_0))
		return 0;
	if (!(flags & BPF_F_PSEUDO_HDR))
		diff = 0;
	sl_sum_change(&check, (__u64)(__u32)diff + (__u16)~ch->port_from + ch->port_to);
	if (!check && flags & BPF_F_MARK_MANGLED_0)
		check = 0xffff;
	return sl_icmp_set16(skb, c, c->inner_l4 + off, check);
}

/* Address inside the error: 16 or 4 bytes, and an IPv4 header's checksum with them. */
static __noinline int sl_nat_icmp_inner(struct __sk_buff *skb, struct sl_ctx *c,
					struct sl_nat_change *ch, __s64 diff)
{
	__u32 off = c->inner_off;
	__u16 check;

	if (c->family == SL_FAMILY_V6) {
		if (bpf_skb_store_bytes(skb, off + (ch->src ? 8 : 24), &ch->to, 16, 0))
			return -1;
	} else {
		if (bpf_skb_store_bytes(skb, off + (ch->src ? 12 : 16), &ch->to.w[3], 4, 0) ||
		    bpf_skb_load_bytes(skb, off + 10, &check, 2))
			return -1;
		sl_sum_change(&check, (__u32)diff);
		if (sl_icmp_set16(skb, c, off + 10, check))
			return -1;
	}
	if (bpf_l4_csum_replace(skb, c->l4_off + 2, 0, diff, 0))
		return -1;
	return sl_nat_icmp_l4(skb, c, ch, diff);
}

/* The error's own source or destination, when it is the end that @ch is about. */
static __always_inline int sl_nat_icmp_outer(struct __sk_buff *skb, struct sl_ctx *c,
					struct sl_nat_change *ch, __s64 diff)
{
	struct sl_scratch *s = sl_scratch_get();
	__u32 off = ETH_HLEN_;

	if (!s || !sl_addr_eq(&s->outer[ch->src & 1], &ch->from))
		return 0;
	if (c->family == SL_FAMILY_V6) {
		off += ch->src ? 24 : 8;
		if (bpf_skb_store_bytes(skb, off, &ch->to, 16, 0))
			return -1;
		return bpf_l4_csum_replace(skb, c->l4_off + 2, 0, diff, 0);
	}
	off += ch->src ? 16 : 12;
	if (bpf_skb_store_bytes(skb, off, &ch->to.w[3], 4, 0))
		return -1;
	return bpf_l3_csum_replace(skb, ETH_HLEN_ + 10, 0, diff, 0);
}

/* End @e of an error and of the packet inside it, which goes the other way: its source is who the error is for. */
__noinline int sl_nat_icmp_end(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f, __u32 e)
{
	struct sl_nat_change ch = {};
	__s64 diff;

	if (!c || !f)
		return -1;
	sl_nat_end(c, f, e, c->dir & 1, &ch);
	ch.src = !ch.src;
	diff = c->family == SL_FAMILY_V6 ? bpf_csum_diff(ch.from.w, 16, ch.to.w, 16, 0) :
					   bpf_csum_diff(&ch.from.w[3], 4, &ch.to.w[3], 4, 0);
	if (sl_nat_icmp_outer(skb, c, &ch, diff))
		return -1;
	return sl_nat_icmp_inner(skb, c, &ch, diff);
}

/*
 * Translates an ICMP error about a packet of @f: the packet inside into what
 * the receiver of the error sent, and the error's own addresses. The error
 * travels in c->dir, so the packet inside against it.
 */
static __always_inline int sl_nat_icmp(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	__u32 e;

	for (e = 0; e < 2; e++)
		if (sl_end_translated(f, e) && sl_nat_icmp_end(skb, c, f, e))
			return -1;
	return 0;
}

#endif /* SL_BPF_NAT_H */
