/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the ends of a flow are. An end is attached in one way, and that says
 * both how packets reach it and how they must come in from it; so a flow is
 * routed by attaching its two ends.
 *
 * Order of asking: sl_addr (endpoints, the node itself), sl_route (pod
 * ranges), the kernel's FIB (outside).
 */
#ifndef SL_BPF_ROUTE_H
#define SL_BPF_ROUTE_H

#include "bpf/guard.h"

enum sl_way {
	SL_WAY_FIND,			/* by address */
	SL_WAY_EP,			/* a pod here */
	SL_WAY_NODE,			/* this node's own sockets */
	SL_WAY_STACK,			/* what the node's stack forwards */
	SL_WAY_LINK,			/* a neighbour or router on a link */
	SL_WAY_TUNNEL,
};

/*
 * Inner MACs of what we encapsulate. The far end takes every unicast frame
 * from a node that it knows; it has no MAC that we could know.
 */
#define SL_TUNNEL_DMAC	{ 0x02, 0x73, 0x6c, 0x00, 0x00, 0x02 }
#define SL_TUNNEL_SMAC	{ 0x02, 0x73, 0x6c, 0x00, 0x00, 0x01 }

static __always_inline struct sl_flow_dir *sl_dir_to(struct sl_flow *n, __u32 e)
{
	return &n->dir[!(e & 1)];
}

static __always_inline struct sl_flow_dir *sl_dir_from(struct sl_flow *n, __u32 e)
{
	return &n->dir[e & 1];
}

static __always_inline void sl_end_set(struct sl_flow *n, __u32 e, __u8 action, __u32 ifindex,
				       __u16 mtu)
{
	struct sl_flow_dir *to = sl_dir_to(n, e), *from = sl_dir_from(n, e);

	to->action = action;
	to->out_ifindex = ifindex;
	to->mtu = mtu;
	from->in_ifindex = action == SL_ACTION_STACK ? 0 : ifindex;
	from->flags &= ~(SL_FLOW_DIR_SMAC | SL_FLOW_DIR_XMIT);
	n->ep[e & 1] = 0;
	n->gen[e & 1] = 0;
}

static __always_inline int sl_end_ep(struct sl_scratch *s, __u32 e, __u32 id)
{
	struct sl_flow_dir *to, *from;
	struct sl_ep *ep = sl_ep_get(id);

	if (!ep || !(ep->flags & SL_EP_FLAG_USED))
		return SL_DROP_NO_EP;
	e &= 1;
	sl_end_set(&s->flow, e, SL_ACTION_PEER, ep->ifindex, ep->mtu);
	to = sl_dir_to(&s->flow, e);
	from = sl_dir_from(&s->flow, e);
	__builtin_memcpy(to->dmac, ep->mac, 6);
	__builtin_memcpy(to->smac, ep->host_mac, 6);
	__builtin_memcpy(from->in_smac, ep->mac, 6);
	from->flags |= SL_FLOW_DIR_SMAC;
	s->word[e] = SL_READ_ONCE(ep->policy);
	s->flow.ep[e] = id;
	s->flow.gen[e] = sl_policy_gen(s->word[e]);
	s->class_ep[e] = id;
	/* A netkit peer program is no ingress hook: no redirect to a peer from there. */
	if (ep->flags & SL_EP_FLAG_NETKIT)
		from->flags |= SL_FLOW_DIR_XMIT;
	return SL_DROP_NONE;
}

/* MTU of a device in bytes of layer 3; 0 when it cannot be told. */
static __always_inline __u16 sl_dev_mtu(struct __sk_buff *skb, __u32 ifindex)
{
	__u32 mtu = 0;

	bpf_check_mtu(skb, ifindex, &mtu, 0, 0);
	return mtu > 0xffff ? 0xffff : mtu;
}

static __always_inline int sl_end_route(struct __sk_buff *skb, struct sl_scratch *s, __u32 e,
					const struct sl_route_val *r)
{
	const __u8 dmac[6] = SL_TUNNEL_DMAC, smac[6] = SL_TUNNEL_SMAC;
	bool tunnel = r->kind == SL_ROUTE_TUNNEL;
	struct sl_flow *n = &s->flow;
	struct sl_flow_dir *to;

	sl_end_set(n, e, tunnel ? SL_ACTION_TUNNEL : SL_ACTION_NEIGH, r->ifindex,
		   r->mtu ? r->mtu : sl_dev_mtu(skb, r->ifindex));
	to = sl_dir_to(n, e);
	if (tunnel) {
		__builtin_memcpy(to->dmac, dmac, 6);
		__builtin_memcpy(to->smac, smac, 6);
	}
	n->via = r->via;
	n->vni = r->vni;
	return SL_DROP_NONE;
}

/*
 * By the kernel's FIB. @oif: look for a way out of this device only, 0: any.
 * What the kernel does not forward itself, or by means that are not ours
 * (encapsulating routes, other devices than the uplink, from where replies
 * would not come back through here), its stack gets.
 */
static __noinline int sl_end_fib(struct __sk_buff *skb, struct sl_ctx *c, struct sl_scratch *s,
				 __u32 e, __u32 oif)
{
	struct sl_state *st = sl_state_get();
	struct bpf_fib_lookup fib = {};
	struct sl_flow *n = &s->flow;
	const union sl_addr *src, *dst;
	int rc;

	e &= 1;
	src = &s->real[!e];
	dst = &s->real[e];
	if (c->family == SL_FAMILY_V6) {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_src, src, 16);
		__builtin_memcpy(fib.ipv6_dst, dst, 16);
	} else {
		fib.family = AF_INET;
		fib.ipv4_src = src->w[3];
		fib.ipv4_dst = dst->w[3];
	}
	fib.l4_protocol = c->key.proto;
	fib.sport = s->real_port[!e];
	fib.dport = s->real_port[e];
	/* The MTU of the route comes back only when a length went in. */
	fib.tot_len = 1;
	fib.ifindex = oif ? oif : n->dir[!e].in_ifindex ? n->dir[!e].in_ifindex : skb->ifindex;
	rc = bpf_fib_lookup(skb, &fib, sizeof(fib),
			    SL_FIB_SKIP_NEIGH | (oif ? BPF_FIB_LOOKUP_OUTPUT : 0));
	if (rc == BPF_FIB_LKUP_RET_BLACKHOLE || rc == BPF_FIB_LKUP_RET_UNREACHABLE ||
	    rc == BPF_FIB_LKUP_RET_PROHIBIT)
		return SL_DROP_NO_ROUTE;
	if (rc || !st || (st->uplink_ifindex && !oif && fib.ifindex != st->uplink_ifindex)) {
		sl_end_set(n, e, SL_ACTION_STACK, 0, 0);
		return SL_DROP_NONE;
	}
	sl_end_set(n, e, SL_ACTION_NEIGH, fib.ifindex, fib.mtu_result);
	if (fib.family == AF_INET6)
		__builtin_memcpy(&n->via, fib.ipv6_dst, 16);
	else
		sl_addr_set_v4(&n->via, fib.ipv4_dst);
	return SL_DROP_NONE;
}

/* An end somewhere beyond the uplink, though its packets may come by another node. */
static __always_inline int sl_end_link(struct __sk_buff *skb, struct sl_ctx *c,
				       struct sl_scratch *s, __u32 e)
{
	struct sl_route_val *r = sl_route_get(&s->real[e & 1]);
	struct sl_flow_dir *from = sl_dir_from(&s->flow, e);
	struct sl_state *st = sl_state_get();
	int reason;

	if (!st)
		return SL_DROP_HELPER;
	if (r && (r->kind == SL_ROUTE_DIRECT || r->kind == SL_ROUTE_TUNNEL))
		return sl_end_route(skb, s, e, r);
	if (from->flags & SL_FLOW_DIR_FORWARDED)
		from->in_ifindex = st->uplink_ifindex;
	reason = sl_end_fib(skb, c, s, e, from->in_ifindex);
	if (from->flags & SL_FLOW_DIR_FORWARDED)
		from->in_ifindex = st->tunnel_ifindex;
	return reason;
}

/*
 * What goes to a service's backend in this node's name is answered to that, and
 * nodes answer each other outside of the tunnel: so it has to go there like that.
 */
static __always_inline bool sl_end_plain(const struct sl_scratch *s, __u32 e,
					 const struct sl_route_val *r)
{
	return r->flags & SL_ROUTE_FLAG_NODE && s->flow.svc && !s->flow.ep[!(e & 1)];
}

static __always_inline int sl_end_find(struct __sk_buff *skb, struct sl_ctx *c,
				       struct sl_scratch *s, __u32 e)
{
	const union sl_addr *addr = &s->real[e & 1];
	struct sl_route_val *r;
	__u32 kind, id = 0;
	int reason;

	kind = sl_addr_kind(addr, &id);
	if (kind == SL_ADDR_EP)
		return sl_end_ep(s, e, id);
	if (kind == SL_ADDR_HOST) {
		sl_end_set(&s->flow, e, SL_ACTION_STACK, 0, 0);
		s->own[e & 1] = 1;
		return SL_DROP_NONE;
	}
	r = sl_route_get(addr);
	if (r && r->kind == SL_ROUTE_LOCAL)
		return SL_DROP_NO_EP;
	if (r && (r->kind == SL_ROUTE_DIRECT || r->kind == SL_ROUTE_TUNNEL) && !sl_end_plain(s, e, r))
		return sl_end_route(skb, s, e, r);
	reason = sl_end_fib(skb, c, s, e, 0);
	s->masquerade = !reason && sl_dir_to(&s->flow, e)->action == SL_ACTION_NEIGH &&
			!(r && r->kind == SL_ROUTE_OUTSIDE_PLAIN);
	return reason;
}

/* Which addresses the flow in scratch is routed and judged by. */
static __always_inline void sl_ends_set(const struct sl_ctx *c, struct sl_scratch *s)
{
	const struct sl_flow *n = &s->flow;
	__u32 r = !(n->orig & 1);

	s->real[0] = c->key.addr[0];
	s->real[1] = c->key.addr[1];
	s->real_port[0] = c->key.port[0];
	s->real_port[1] = c->key.port[1];
	if (n->svc) {
		s->real[r] = n->dir[r].as;
		s->real_port[r] = n->dir[r].as_port;
	}
}

/* Attaches end @e of the flow in scratch by @way; 0 or enum sl_drop. */
__noinline int sl_route_end(struct __sk_buff *skb, struct sl_ctx *c, __u32 e, __u32 way)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_route_val *r;
	__u32 id = 0;

	if (!c || !s)
		return SL_DROP_HELPER;
	e &= 1;
	s->own[e] = 0;
	s->word[e] = 0;
	s->class_ep[e] = 0;
	switch (way) {
	case SL_WAY_EP:
		/* Guard has just found the sender to be this endpoint. */
		if (c->hook == SL_HOOK_FROM_POD && e == (c->dir & 1) && c->ep)
			return sl_end_ep(s, e, c->ep);
		if (sl_addr_kind(&s->real[e], &id) != SL_ADDR_EP)
			return SL_DROP_NO_EP;
		return sl_end_ep(s, e, id);
	case SL_WAY_NODE:
	case SL_WAY_STACK:
		sl_end_set(&s->flow, e, SL_ACTION_STACK, 0, 0);
		if (sl_addr_kind(&s->real[e], &id) == SL_ADDR_EP)
			s->class_ep[e] = id;
		else
			s->own[e] = way == SL_WAY_NODE;
		return SL_DROP_NONE;
	case SL_WAY_TUNNEL:
		r = sl_route_get(&s->real[e]);
		if (!r || r->kind != SL_ROUTE_TUNNEL)
			return SL_DROP_TUNNEL_PEER;
		return sl_end_route(skb, s, e, r);
	case SL_WAY_LINK:
		return sl_end_link(skb, c, s, e);
	default:
		return sl_end_find(skb, c, s, e);
	}
}

#endif /* SL_BPF_ROUTE_H */
