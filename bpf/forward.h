/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a flow entry to the way out: hop limit, MTU, translation, counters,
 * MAC addresses, redirect. sl_hop() and what it uses are also the tail of the
 * inlined hit path.
 */
#ifndef SL_BPF_FORWARD_H
#define SL_BPF_FORWARD_H

#include "bpf/flow.h"
#include "bpf/icmp.h"

static __always_inline void sl_mac_write(struct ethhdr *eth, const struct sl_flow_dir *d)
{
	const __u32 *from = (const void *)d->dmac;
	__u32 *to = (void *)eth;

	_Static_assert(__builtin_offsetof(struct sl_flow_dir, dmac) % 4 == 0 &&
		       __builtin_offsetof(struct sl_flow_dir, smac) ==
		       __builtin_offsetof(struct sl_flow_dir, dmac) + 6,
		       "MACs are not copied as three words");
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

/* One less; false, and nothing changed, when it is used up or not before @end. */
static __always_inline bool sl_hop_dec(void *l3, void *end, __u8 family)
{
	struct ipv6hdr *ip6 = l3;
	struct iphdr *ip = l3;
	__u32 check;

	if ((void *)(ip + 1) > end)
		return false;
	if (family == SL_FAMILY_V6) {
		if ((void *)(ip6 + 1) > end || ip6->hop_limit <= 1)
			return false;
		ip6->hop_limit--;
		return true;
	}
	if (ip->ttl <= 1)
		return false;
	/* RFC 1624: one less in the upper byte, in one's complement. */
	check = (__u32)ip->check + bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
	return true;
}

/*
 * One hop: hop limit and MACs. False, and nothing changed, when the hop limit
 * is used up or the headers are not where they can be written.
 */
static __always_inline bool sl_hop(struct __sk_buff *skb, const struct sl_ctx *c,
				   const struct sl_flow_dir *d)
{
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = (void *)(long)skb->data;

	if (!sl_hop_dec(eth + 1, end, c->family))
		return false;
	sl_mac_write(eth, d);
	return true;
}

/* In a sum that hardware took over the whole packet, IPv6's hop limit counts. */
static __always_inline void sl_hop_csum(struct __sk_buff *skb, const struct sl_ctx *c)
{
	if (c->family == SL_FAMILY_V6)
		bpf_csum_update(skb, (__u32)~(__u32)bpf_htons(1));
}

/*
 * Encapsulates to @via, from the address that the other nodes know this one
 * by: they check it.
 */
__noinline int sl_tunnel_out(struct __sk_buff *skb, const union sl_addr *via, __u32 vni)
{
	struct bpf_tunnel_key key = {};
	struct sl_state *st = sl_state_get();
	__u64 flags = BPF_F_ZERO_CSUM_TX;

	if (!via || !st || !st->tunnel_ifindex)
		return SL_ACT_DROP;
	key.tunnel_id = vni;
	key.tunnel_ttl = SL_ICMP_TTL;
	if (sl_addr_is_mapped(via)) {
		key.remote_ipv4 = bpf_ntohl(via->w[3]);
		key.local_ipv4 = bpf_ntohl(st->node_addr[SL_FAMILY_V4].w[3]);
	} else {
		__builtin_memcpy(key.remote_ipv6, via, 16);
		__builtin_memcpy(key.local_ipv6, &st->node_addr[SL_FAMILY_V6], 16);
		flags = BPF_F_TUNINFO_IPV6;
	}
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), flags))
		return SL_ACT_DROP;
	return bpf_redirect(st->tunnel_ifindex, 0);
}

static __always_inline int sl_neigh_out(const struct sl_flow *f, __u32 ifindex)
{
	struct bpf_redir_neigh nh = {};

	if (sl_addr_is_mapped(&f->via)) {
		nh.nh_family = AF_INET;
		nh.ipv4_nh = f->via.w[3];
	} else {
		nh.nh_family = AF_INET6;
		__builtin_memcpy(nh.ipv6_nh, &f->via, 16);
	}
	return bpf_redirect_neigh(ifindex, &nh, sizeof(nh), 0);
}

/* Back to the client of a flow through this node. */
static __always_inline int sl_client_out(struct __sk_buff *skb, const struct sl_ctx *c,
					 const struct sl_flow_dir *d)
{
	struct sl_route_val *r;

	if (d->action == SL_ACTION_NEIGH)
		return bpf_redirect_neigh(d->out_ifindex, NULL, 0, 0);
	r = sl_route_get(&c->key.addr[!(c->dir & 1)]);
	return r ? sl_tunnel_out(skb, &r->via, r->vni) : SL_ACT_DROP;
}

/* @flags: enum sl_flow_dir_flag. */
static __always_inline int sl_peer_out(struct __sk_buff *skb, __u32 flags, __u32 ifindex)
{
	return flags & SL_FLOW_DIR_XMIT ? sl_judged_xmit(skb, ifindex) :
					  bpf_redirect_peer(ifindex, 0);
}

#define SL_GSO_BY_FRAGS	0xffff

/* Bytes of layer 3 of the largest packet that this one is, or is cut into. */
static __noinline __u32 sl_wire_len(struct __sk_buff *skb, const struct sl_ctx *c)
{
	__u32 l4 = sizeof(struct udphdr);
	__u8 doff;

	if (!skb->gso_size)
		return c->len;
	/* A list of whole packets (SCTP): made for the sender's MTU, and no size here. */
	if (skb->gso_size == SL_GSO_BY_FRAGS)
		return 0;
	if (c->proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, c->l4_off + 12, &doff, 1))
			return c->len;
		l4 = doff >> 4 << 2;
	}
	return c->l4_off - ETH_HLEN_ + l4 + skb->gso_size;
}

/* Ports for the later fragments, under the addresses that they will carry. */
static __noinline void sl_frag_record(struct sl_ctx *c, const struct sl_flow *f)
{
	struct sl_frag_key key = {};
	struct sl_frag_val val = {};
	__u32 dir = c->dir & 1;
	bool as = sl_flow_translated(f) && dir != (f->orig & 1);

	key.saddr = as ? f->dir[dir].as : c->key.addr[dir];
	key.daddr = as ? f->dir[!dir].as : c->key.addr[!dir];
	key.id = c->frag_id;
	key.proto = c->frag_proto;
	val.sport = as ? f->dir[dir].as_port : c->key.port[dir];
	val.dport = as ? f->dir[!dir].as_port : c->key.port[!dir];
	val.proto = c->proto;
	val.seen_ns = bpf_ktime_get_coarse_ns();
	bpf_map_update_elem(&sl_frag, &key, &val, BPF_ANY);
}

static __always_inline __u8 sl_hop_limit(struct __sk_buff *skb, const struct sl_ctx *c)
{
	__u8 ttl = 0;

	bpf_skb_load_bytes(skb, ETH_HLEN_ + (c->family == SL_FAMILY_V6 ? 7 : 8), &ttl, 1);
	return ttl;
}

/* A drop that its sender is told of. No policy decided, so none is named. */
static __always_inline int sl_refuse(struct __sk_buff *skb, struct sl_ctx *c,
				     const struct sl_flow *f, __u32 mtu)
{
	__u32 dir = c->dir & 1, reason = mtu ? SL_DROP_MTU : SL_DROP_TTL;

	c->ep = f->ep[dir] ? f->ep[dir] : f->ep[!dir];
	c->rule = 0;
	c->tier = SL_TIER_NONE;
	sl_drop_packet(skb, c, reason);
	if (f->dir[dir].flags & SL_FLOW_DIR_FORWARDED)
		c->flags |= SL_PKT_FORWARDED;
	return sl_icmp_answer(skb, c, mtu);
}

/*
 * The packet goes the way of its direction in @f, which is valid for it.
 * Returns the verdict.
 */
__noinline int sl_forward(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_flow_dir *d;
	bool stack;

	if (!c || !f)
		return SL_ACT_DROP;
	d = &f->dir[c->dir & 1];
	if (!(c->flags & SL_PKT_COUNTED))
		sl_flow_count(d, c->len);
	if (d->flags & SL_FLOW_DIR_MARK)
		skb->mark = (skb->mark & ~f->mark_mask) | f->mark;
	stack = c->hook == SL_HOOK_TO_POD || d->action == SL_ACTION_STACK;
	if (!stack && sl_hop_limit(skb, c) <= 1)
		return sl_refuse(skb, c, f, 0);
	if (!stack && c->len > d->mtu && d->mtu && sl_wire_len(skb, c) > d->mtu)
		return sl_refuse(skb, c, f, d->mtu);
	if (c->flags & SL_PKT_FRAG_FIRST)
		sl_frag_record(c, f);
	if (d->flags & SL_FLOW_DIR_NAT &&
	    (c->flags & SL_PKT_ICMP_ERROR ? sl_nat_icmp(skb, c, f) : sl_nat_rewrite(skb, c, f)))
		return sl_drop_packet(skb, c, SL_DROP_HELPER);
	if (stack)
		return SL_ACT_NEXT;
	/* Headers in pages of a non-linear packet have to come out to be written. */
	if (skb->data + c->l4_off > skb->data_end)
		bpf_skb_pull_data(skb, c->l4_off);
	if (!sl_hop(skb, c, d))
		return sl_drop_packet(skb, c, SL_DROP_HELPER);
	sl_hop_csum(skb, c);
	if (sl_flow_transit(f) && (c->dir & 1) != (f->orig & 1))
		return sl_client_out(skb, c, d);
	switch (d->action) {
	case SL_ACTION_PEER:
		return sl_peer_out(skb, d->flags, d->out_ifindex);
	case SL_ACTION_NEIGH:
		return sl_neigh_out(f, d->out_ifindex);
	default:
		return sl_tunnel_out(skb, &f->via, f->vni);
	}
}

#endif /* SL_BPF_FORWARD_H */
