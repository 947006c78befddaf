/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Masquerade: a pod's flow to the outside leaves under the node's address
 * and a port of its range. The flow's one entry is under the pod's tuple; an
 * alias under the outside tuple leads replies to it. An alias is worth
 * something only while its flow names the same address and port, so the two
 * cannot live apart: whoever finds a dead alias in the way takes it over.
 */
#ifndef SL_BPF_NAT_H
#define SL_BPF_NAT_H

#include "bpf/route.h"

/* Ports tried before a flow is refused. */
#define SL_NAT_PROBES	128

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

/* The flow behind an alias that stands for (@addr, @port); NULL: it is dead. */
static __always_inline struct sl_flow *sl_alias_flow(const struct sl_flow *alias,
						     const union sl_addr *addr, __be16 port)
{
	struct sl_flow *f = sl_flow_get(&alias->inner);

	if (!f || f->kind != SL_FLOW_KIND_FLOW || f->nat_port != port ||
	    !sl_addr_eq(&f->nat_addr, addr))
		return NULL;
	return f;
}

static __always_inline bool sl_tuple_eq(const struct sl_tuple *a, const struct sl_tuple *b)
{
	return sl_addr_eq(&a->addr[0], &b->addr[0]) && sl_addr_eq(&a->addr[1], &b->addr[1]) &&
	       a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->proto == b->proto;
}

/* The outside tuple of the flow with key @in and initiator end @o. */
static __always_inline void sl_alias_key(struct sl_tuple *out, const struct sl_tuple *in,
					 __u32 o, const union sl_addr *addr, __be16 port)
{
	__be16 dport;

	o &= 1;
	/* An echo has no port at the far end: the identifier is both. */
	dport = in->proto == IPPROTO_ICMP || in->proto == IPPROTO_ICMPV6 ? port : in->port[!o];
	sl_tuple_set(out, addr, &in->addr[!o], port, dport);
	out->proto = in->proto;
	out->pad[0] = 0;
	out->pad[1] = 0;
	out->pad[2] = 0;
}

/* Removes the alias of @f, whose key is @key, wherever it is. */
static __always_inline void sl_alias_del(const struct sl_tuple *key, const struct sl_flow *f)
{
	struct sl_tuple alias;

	if (!f->nat_port && sl_addr_is_zero(&f->nat_addr))
		return;
	sl_alias_key(&alias, key, f->orig, &f->nat_addr, f->nat_port);
	bpf_map_delete_elem(&sl_flow, &alias);
	bpf_map_delete_elem(&sl_half, &alias);
}

static __noinline int sl_alias_look(struct sl_ctx *c, struct sl_scratch *s, __be16 port, bool half)
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
	if (sl_alias_flow(a, &s->flow.nat_addr, port))
		return SL_ALIAS_TAKEN;
	if (half)
		bpf_map_delete_elem(&sl_half, &s->alias_key);
	else
		bpf_map_delete_elem(&sl_flow, &s->alias_key);
	return SL_ALIAS_FREE;
}

/* Tries one port for the flow in scratch: SL_ALIAS_OURS when it has it now. */
static __noinline int sl_nat_try(struct sl_ctx *c, struct sl_scratch *s, __be16 port)
{
	int state;

	sl_alias_key(&s->alias_key, &c->key, s->flow.orig, &s->flow.nat_addr, port);
	state = sl_alias_look(c, s, port, false);
	if (state != SL_ALIAS_FREE)
		return state;
	state = sl_alias_look(c, s, port, true);
	if (state != SL_ALIAS_FREE)
		return state;
	__builtin_memset(&s->alias, 0, sizeof(s->alias));
	s->alias.kind = SL_FLOW_KIND_ALIAS;
	s->alias.inner = c->key;
	return bpf_map_update_elem(&sl_half, &s->alias_key, &s->alias, BPF_NOEXIST) ?
		SL_ALIAS_TAKEN : SL_ALIAS_OURS;
}

/*
 * A flow that lost its entry finds its old port again where nobody took it
 * meanwhile, since the search begins at a hash of its own tuple.
 */
static __always_inline __u32 sl_nat_hash(const struct sl_tuple *key)
{
	const __u32 *w = (const void *)key;
	__u32 h = 0x9e3779b9;
	int i;

#pragma unroll
	for (i = 0; i < (int)(sizeof(*key) / 4); i++) {
		h ^= w[i];
		h *= 0x85ebca6b;
		h ^= h >> 15;
	}
	return h;
}

struct sl_nat_search {
	struct sl_ctx *c;
	__u32 start, min, size;
	__be16 port;
	__u8 found;
};

static long sl_nat_probe(__u64 i, void *arg)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_nat_search *n = arg;

	if (!s)
		return 1;
	n->port = bpf_htons(n->min + (n->start + (__u32)i) % n->size);
	n->found = sl_nat_try(n->c, s, n->port) == SL_ALIAS_OURS;
	return n->found;
}

static __always_inline int sl_nat_port(struct sl_ctx *c, struct sl_scratch *s, __u32 min,
				       __u32 max)
{
	struct sl_nat_search n = { .c = c, .min = min, .size = max - min + 1 };
	__u32 port = bpf_ntohs(s->flow.nat_port);

	if (!min || max < min)
		return SL_DROP_NAT_EXHAUSTED;
	n.start = port >= min && port <= max ? port - min : sl_nat_hash(&c->key) % n.size;
	bpf_loop(n.size < SL_NAT_PROBES ? n.size : SL_NAT_PROBES, sl_nat_probe, &n, 0);
	if (!n.found)
		return SL_DROP_NAT_EXHAUSTED;
	s->flow.nat_port = n.port;
	return SL_DROP_NONE;
}

static __always_inline void sl_nat_clear(struct sl_flow *n)
{
	__u32 o = n->orig & 1;

	n->dir[o].flags &= ~SL_FLOW_DIR_SNAT;
	n->dir[!o].flags &= ~SL_FLOW_DIR_DNAT;
	__builtin_memset(&n->nat_addr, 0, sizeof(n->nat_addr));
	n->nat_port = 0;
}

/*
 * Gives the flow in scratch its outside address and port, or takes them away
 * when it goes nowhere that needs them. 0 or enum sl_drop.
 */
__noinline int sl_nat_setup(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	struct sl_flow *n;
	__be16 port;
	__u32 o;
	int reason;

	if (!c || !s || !st)
		return SL_DROP_HELPER;
	n = &s->flow;
	o = n->orig & 1;
	if (!s->masquerade || !n->ep[o] || sl_addr_is_zero(&st->nat_addr[c->family & 1])) {
		sl_nat_clear(n);
		return SL_DROP_NONE;
	}
	n->nat_addr = st->nat_addr[c->family & 1];
	switch (c->key.proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* Only an echo has an identifier that replies bring back. */
		if (!(c->flags & (SL_PKT_ECHO | SL_PKT_FRAG_LATER)) && !n->nat_port)
			return SL_DROP_NAT_PROTO;
		/* fall through */
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		reason = sl_nat_port(c, s, st->nat_port_min, st->nat_port_max);
		break;
	case IPPROTO_SCTP:
		/* The CRC covers the ports: RFC 9260 section 6.8. */
		port = c->key.port[o];
		n->nat_port = port;
		reason = sl_nat_try(c, s, port) == SL_ALIAS_OURS ? SL_DROP_NONE :
								   SL_DROP_NAT_EXHAUSTED;
		break;
	default:
		return SL_DROP_NAT_PROTO;
	}
	n->dir[o].flags |= SL_FLOW_DIR_SNAT;
	n->dir[!o].flags |= SL_FLOW_DIR_DNAT;
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

static __noinline int sl_nat_l4(struct __sk_buff *skb, struct sl_ctx *c,
				struct sl_nat_change *ch, __s64 diff)
{
	__u32 csum, off, port_off;
	__u64 flags;

	if (c->flags & SL_PKT_FRAG_LATER || !sl_l4_csum_off(c->proto, c->family, &csum, &flags))
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

static __noinline int sl_nat_apply(struct __sk_buff *skb, struct sl_ctx *c,
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

/* Translates the packet as its direction of @f says; 0 or a failure. */
__noinline int sl_nat_rewrite(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_nat_change ch = {};
	__u32 dir, o;

	if (!c || !f)
		return -1;
	dir = c->dir & 1;
	o = f->orig & 1;
	if (f->dir[dir].flags & SL_FLOW_DIR_SNAT) {
		ch.src = 1;
		ch.from = c->key.addr[o];
		ch.port_from = c->key.port[o];
		ch.to = f->nat_addr;
		ch.port_to = f->nat_port;
	} else {
		ch.from = f->nat_addr;
		ch.port_from = f->nat_port;
		ch.to = c->key.addr[o];
		ch.port_to = c->key.port[o];
	}
	return sl_nat_apply(skb, c, &ch);
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

static __always_inline __u16 sl_csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
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
	check = ~sl_csum_fold((__u64)(__u16)~check + (__u32)diff + (__u16)~ch->port_from +
			      ch->port_to);
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
		check = ~sl_csum_fold((__u64)(__u16)~check + (__u32)diff);
		if (sl_icmp_set16(skb, c, off + 10, check))
			return -1;
	}
	if (bpf_l4_csum_replace(skb, c->l4_off + 2, 0, diff, 0))
		return -1;
	return sl_nat_icmp_l4(skb, c, ch, diff);
}

/*
 * Translates an ICMP error about a packet of @f: the packet inside as what
 * the receiver of the error sent, and the error's own address. The error
 * travels in c->dir, so the packet inside against it.
 */
__noinline int sl_nat_icmp(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_nat_change ch = {};
	__u32 o, outer;
	__s64 diff;
	bool snat;

	if (!c || !f)
		return -1;
	o = f->orig & 1;
	snat = f->dir[c->dir & 1].flags & SL_FLOW_DIR_SNAT;
	/* Out: the destination that we had translated back. In: the source. */
	ch.src = !snat;
	ch.from = snat ? c->key.addr[o] : f->nat_addr;
	ch.port_from = snat ? c->key.port[o] : f->nat_port;
	ch.to = snat ? f->nat_addr : c->key.addr[o];
	ch.port_to = snat ? f->nat_port : c->key.port[o];
	if (c->family == SL_FAMILY_V6) {
		diff = bpf_csum_diff(ch.from.w, 16, ch.to.w, 16, 0);
		outer = ETH_HLEN_ + (snat ? 8 : 24);
		if (bpf_skb_store_bytes(skb, outer, &ch.to, 16, 0) ||
		    bpf_l4_csum_replace(skb, c->l4_off + 2, 0, diff, 0))
			return -1;
	} else {
		diff = bpf_csum_diff(&ch.from.w[3], 4, &ch.to.w[3], 4, 0);
		outer = ETH_HLEN_ + (snat ? 12 : 16);
		if (bpf_skb_store_bytes(skb, outer, &ch.to.w[3], 4, 0) ||
		    bpf_l3_csum_replace(skb, ETH_HLEN_ + 10, 0, diff, 0))
			return -1;
	}
	return sl_nat_icmp_inner(skb, c, &ch, diff);
}

#endif /* SL_BPF_NAT_H */
