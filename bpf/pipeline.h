/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of the stages at each hook:
 *
 *	parse ─▶ flow ─hit─▶ rewrite ─▶ out
 *	          └miss─▶ guard ─▶ route ─▶ policy ─▶ nat ─▶ install ─┘
 *
 * The hit path is inlined into each program and does only what a TCP or UDP
 * packet needs that neither begins a flow nor resets it, is not translated and
 * does not leave by a tunnel. Whatever it does not know it leaves, untouched,
 * to the functions of bpf/slow.h, which can do all of it.
 */
#ifndef SL_BPF_PIPELINE_H
#define SL_BPF_PIPELINE_H

#include "bpf/slow.h"

static __always_inline void sl_ctx_init(struct __sk_buff *skb, struct sl_ctx *c, __u32 hook)
{
	c->hook = hook;
	c->way_in = hook == SL_HOOK_TO_POD ? 0 : skb->ifindex;
	*(__u32 *)&c->key.proto = 0;
}

/* The decider of nothing yet; what the hit path does not need. */
static __always_inline void sl_ctx_slow(struct sl_ctx *c)
{
	c->ep = 0;
	c->rule = 0;
	c->tier = SL_TIER_NONE;
}

/* An entry that was idle for longer may be over: sl_flow_is_over() says. */
#define SL_FLOW_IDLE_MIN_NS	(SL_TIMEOUT_CLOSING_S * SL_SEC_NS)

/* The hit path's view of sl_flow_right(); what is rare is wrong here. */
static __always_inline bool sl_fast_right(struct __sk_buff *skb, struct sl_ctx *c,
					  struct sl_flow *f, __u32 hook)
{
	const struct sl_flow_dir *d = &f->dir[c->dir & 1];
	const struct ethhdr *eth = (void *)(long)skb->data;
	__u32 want = hook == SL_HOOK_FROM_POD ? SL_FLOW_DIR_SMAC : 0;
	__u32 either = hook == SL_HOOK_FROM_POD ? SL_FLOW_DIR_XMIT : 0;
	struct sl_state *st = sl_state_get();

	if (f->kind != SL_FLOW_KIND_FLOW)
		return false;
	if ((d->flags & ~either) != want || d->in_ifindex != c->way_in)
		return false;
	if (!st || f->route_gen != SL_READ_ONCE(st->route_gen))
		return false;
	if (f->gen[0] != sl_ep_gen(f->ep[0]) || f->gen[1] != sl_ep_gen(f->ep[1]))
		return false;
	if (hook == SL_HOOK_FROM_TUNNEL && !sl_flow_via(c, f))
		return false;
	if (hook != SL_HOOK_FROM_POD)
		return true;
	return (void *)(eth + 1) <= (void *)(long)skb->data_end &&
	       sl_mac_eq(eth->h_source, d->in_smac);
}

/* Bytes of layer 3 after segmentation; the packet's own where that can't be told. */
static __always_inline __u32 sl_fast_wire_len(struct __sk_buff *skb, const struct sl_ctx *c)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 l3 = c->family == SL_FAMILY_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 *tcp = data + ETH_HLEN_ + l3;
	__u32 size = skb->gso_size;

	if (!size || c->proto != IPPROTO_TCP || (void *)(tcp + sizeof(struct tcphdr)) > end)
		return c->len;
	return l3 + (tcp[12] >> 4 << 2) + size;
}

/* And what the slow path need not look up again. */
static __always_inline struct sl_flow *sl_fast_half(struct sl_ctx *c)
{
	struct sl_flow *f = bpf_map_lookup_elem(&sl_half, &c->key);

	c->flags = f ? SL_PKT_NOFLOW : SL_PKT_NOFLOW | SL_PKT_NOHALF;
	return f;
}

static __always_inline int sl_fast_out(struct __sk_buff *skb, __u32 hook, __u32 action,
				       __u32 flags, __u32 ifindex)
{
	if (hook == SL_HOOK_TO_POD || action == SL_ACTION_STACK)
		return SL_ACT_NEXT;
	if (hook == SL_HOOK_FROM_POD)
		return sl_peer_out(skb, flags, ifindex);
	return bpf_redirect_peer(ifindex, 0);
}

/* The packet of a half-open flow, which may be the one that establishes it. */
__noinline int sl_fast_half_out(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *half)
{
	__u32 action, flags, ifindex;
	struct sl_flow_dir *d;

	if (!c || !half)
		return SL_ACT_DROP;
	d = &half->dir[c->dir & 1];
	/* Once it is established the half-open entry may be another flow's. */
	action = d->action;
	flags = d->flags;
	ifindex = d->out_ifindex;
	if (!sl_half_ripe(c, half) || !sl_flow_promote(c, half))
		sl_flow_note(c, half);
	sl_count_inc(SL_COUNT_FLOW_HIT);
	return sl_fast_out(skb, c->hook, action, flags, ifindex);
}

/* SL_ACT_CONTINUE: not a plain packet of a flow whose entry is right. */
static __always_inline int sl_fast(struct __sk_buff *skb, struct sl_ctx *c, __u32 hook)
{
	struct sl_flow_dir *d;
	struct sl_flow *f;
	bool half = false;
	__u64 now;

	f = bpf_map_lookup_elem(&sl_flow, &c->key);
	if (!f) {
		f = sl_fast_half(c);
		if (!f)
			return SL_ACT_CONTINUE;
		half = true;
	}
	if (sl_is_syn(c) || sl_is_rst(c) || !sl_fast_right(skb, c, f, hook))
		return SL_ACT_CONTINUE;
	d = &f->dir[c->dir & 1];
	now = bpf_ktime_get_coarse_ns();
	if ((__s64)(now - f->last_ns) > (__s64)SL_FLOW_IDLE_MIN_NS)
		return SL_ACT_CONTINUE;
	if (hook != SL_HOOK_TO_POD && d->action != SL_ACTION_STACK) {
		if (d->action != SL_ACTION_PEER || skb->pkt_type != PACKET_HOST ||
		    (c->len > d->mtu && sl_fast_wire_len(skb, c) > d->mtu) || !sl_hop(skb, c, d))
			return SL_ACT_CONTINUE;
		if (hook != SL_HOOK_FROM_POD)
			sl_hop_csum(skb, c);
	}
	if (half)
		return sl_fast_half_out(skb, c, f);
	if (c->tcp_flags & SL_TCP_FIN)
		sl_flow_track(c, f);
	if (f->last_ns != now)
		f->last_ns = now;
	sl_flow_count(d, c->len);
	sl_count_inc(SL_COUNT_FLOW_HIT);
	return sl_fast_out(skb, hook, d->action, d->flags, d->out_ifindex);
}

/* ------------------------------------------------------------ from a pod */

__noinline int sl_slow_from_pod(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	int act;

	if (!c)
		return SL_ACT_DROP;
	sl_ctx_slow(c);
	if (parsed == SL_PARSE_OK) {
		act = sl_flow_hit(skb, c);
		if (act != SL_ACT_CONTINUE)
			return act;
	}
	act = sl_guard_pod(skb, c, parsed);
	if (act != SL_ACT_CONTINUE)
		return act;
	if (!(c->flags & SL_PKT_ICMP_ERROR))
		return sl_flow_judge(skb, c);
	act = sl_icmp_relate(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return sl_drop_packet(skb, c, SL_DROP_ICMP_UNRELATED);
}

static __always_inline int sl_run_from_pod(struct __sk_buff *skb)
{
	__u32 parsed = SL_PARSE_OK;
	struct sl_ctx c;
	int act;

	sl_judged_clear(skb);
	sl_ctx_init(skb, &c, SL_HOOK_FROM_POD);
	if (sl_likely(sl_parse_fast(skb, &c))) {
		act = sl_fast(skb, &c, SL_HOOK_FROM_POD);
		if (sl_likely(act != SL_ACT_CONTINUE))
			return act;
	} else {
		parsed = sl_parse(skb, &c);
	}
	return sl_slow_from_pod(skb, &c, parsed);
}

/* ------------------- to a pod, or out of the uplink, by the node's stack */

static __always_inline bool sl_is_uplink(struct __sk_buff *skb)
{
	struct sl_state *st = sl_state_get();

	return st && skb->ifindex == st->uplink_ifindex;
}

/* What is no IP unicast: neighbour resolution of the node's own, and no more. */
static __always_inline int sl_to_pod_other(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed,
					   bool own)
{
	if (own && (parsed == SL_PARSE_ARP || parsed == SL_PARSE_OK))
		return SL_ACT_NEXT;
	return sl_drop_packet(skb, c, parsed == SL_PARSE_OK ? SL_DROP_MULTICAST :
							      sl_parse_reason(parsed));
}

/*
 * What a socket of this node sends out of the uplink: it is of interest where it answers
 * under another name, as a service's backend.
 */
static __always_inline int sl_slow_to_link(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	int act;

	if (parsed != SL_PARSE_OK || c->flags & SL_PKT_FRAG_ORPHAN)
		return SL_ACT_NEXT;
	if (c->flags & SL_PKT_ICMP_ERROR) {
		act = sl_icmp_relate(skb, c);
		return act == SL_ACT_CONTINUE ? SL_ACT_NEXT : act;
	}
	act = sl_flow_hit(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return c->flags & SL_PKT_ALIAS ? sl_flow_judge(skb, c) : SL_ACT_NEXT;
}

__noinline int sl_slow_to_pod(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	struct sl_ep *ep = NULL;
	bool own = !skb->ingress_ifindex;	/* sent by a socket of this node */
	int act;

	if (!c)
		return SL_ACT_DROP;
	sl_ctx_slow(c);
	if (sl_is_uplink(skb))
		return sl_slow_to_link(skb, c, parsed);
	if (parsed == SL_PARSE_OK) {
		act = sl_flow_hit(skb, c);
		if (act != SL_ACT_CONTINUE)
			return act;
	}
	c->ep = sl_if_ep(skb->ifindex, &ep);
	if (!c->ep || !ep)
		return sl_drop_packet(skb, c, SL_DROP_NO_EP);
	if (parsed != SL_PARSE_OK || sl_addr_is_multicast(c->family, sl_pkt_daddr(c)))
		return sl_to_pod_other(skb, c, parsed, own);
	if (!sl_addr_eq(sl_pkt_daddr(c), &ep->addr[c->family & 1])) {
		/* The node may speak to the pod's link-local address; others may not. */
		if (!own || !sl_addr_is_linklocal(c->family, sl_pkt_daddr(c)))
			return sl_drop_packet(skb, c, SL_DROP_NO_EP);
		return SL_ACT_NEXT;
	}
	if (c->flags & SL_PKT_FRAG_ORPHAN)
		return sl_drop_packet(skb, c, SL_DROP_FRAG_ORPHAN);
	if (!(c->flags & SL_PKT_ICMP_ERROR))
		return sl_flow_judge(skb, c);
	act = sl_icmp_relate(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return own ? SL_ACT_NEXT : sl_drop_packet(skb, c, SL_DROP_ICMP_UNRELATED);
}

static __always_inline int sl_run_to_pod(struct __sk_buff *skb)
{
	__u32 parsed = SL_PARSE_OK;
	struct sl_ctx c;
	int act;

	if (sl_judged_take(skb))
		return SL_ACT_NEXT;
	/* What is forwarded there has been seen where it came in. */
	if (skb->ingress_ifindex && sl_is_uplink(skb))
		return SL_ACT_NEXT;
	sl_ctx_init(skb, &c, SL_HOOK_TO_POD);
	if (sl_likely(sl_parse_fast(skb, &c))) {
		act = sl_fast(skb, &c, SL_HOOK_TO_POD);
		if (sl_likely(act != SL_ACT_CONTINUE))
			return act;
	} else {
		parsed = sl_parse(skb, &c);
	}
	return sl_slow_to_pod(skb, &c, parsed);
}

/* ------------------------------------------------------- from the uplink */

/*
 * About a service's answer that another node gave, though nothing is known of it here:
 * the flow was forgotten, or routers send their errors another way than the client
 * its packets. The table of backends says which node it is for.
 */
static __always_inline bool sl_icmp_lost(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_front_val *front;
	__u32 kind, id = 0;

	if (!s || c->hook != SL_HOOK_FROM_UPLINK || !sl_icmp_forwardable(c) ||
	    !sl_addr_eq(&s->outer[1], &c->key.addr[!(c->dir & 1)]) || sl_flow_get(&c->key) ||
	    sl_svc_inside(c, c->dir))
		return false;
	front = sl_front_get(c, s, !(c->dir & 1), false, &kind, &id);
	return front && front->flags & SL_FRONT_DSR;
}

static __always_inline int sl_link_error(struct __sk_buff *skb, struct sl_ctx *c)
{
	int act = sl_icmp_relate(skb, c);

	if (act == SL_ACT_CONTINUE && sl_icmp_lost(c)) {
		act = sl_guard_link(skb, c);
		if (act == SL_ACT_CONTINUE)
			return sl_flow_new(skb, c);
	}
	return act == SL_ACT_CONTINUE ? SL_ACT_NEXT : act;
}

/*
 * From a link or another node, to one of this node's own addresses or a service's:
 * a pod's, a backend's, or the stack's.
 */
static __always_inline int sl_link_host(struct __sk_buff *skb, struct sl_ctx *c)
{
	int act;

	if (c->flags & SL_PKT_FRAG_ORPHAN)
		return SL_ACT_NEXT;
	if (c->flags & SL_PKT_ICMP_ERROR)
		return sl_link_error(skb, c);
	act = sl_flow_hit(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	if (!(c->flags & SL_PKT_ALIAS) && !sl_svc_wanted(c))
		return SL_ACT_NEXT;
	act = sl_guard_link(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return sl_flow_judge(skb, c);
}

static __always_inline int sl_uplink_pod(struct __sk_buff *skb, struct sl_ctx *c)
{
	int act;

	act = sl_flow_hit(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	act = sl_guard_link(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	if (!(c->flags & SL_PKT_ICMP_ERROR))
		return sl_flow_judge(skb, c);
	act = sl_icmp_relate(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return sl_drop_packet(skb, c, SL_DROP_ICMP_UNRELATED);
}

__noinline int sl_slow_from_uplink(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	struct sl_route_val *r;
	__u32 kind, id = 0;

	if (!c)
		return SL_ACT_DROP;
	sl_ctx_slow(c);
	/* Not for this node, or not ours to understand: as if we weren't here. */
	if (parsed != SL_PARSE_OK || skb->pkt_type != PACKET_HOST)
		return SL_ACT_NEXT;
	kind = sl_addr_kind(sl_pkt_daddr(c), &id);
	if (kind == SL_ADDR_HOST || kind == SL_ADDR_SVC)
		return sl_link_host(skb, c);
	if (kind == SL_ADDR_EP) {
		c->ep = id;
		return sl_uplink_pod(skb, c);
	}
	r = sl_route_get(sl_pkt_daddr(c));
	if (r && r->kind == SL_ROUTE_LOCAL)
		return sl_drop_packet(skb, c, SL_DROP_NO_EP);
	return SL_ACT_NEXT;
}

static __always_inline int sl_run_from_uplink(struct __sk_buff *skb)
{
	__u32 parsed = SL_PARSE_OK;
	struct sl_ctx c;
	int act;

	sl_ctx_init(skb, &c, SL_HOOK_FROM_UPLINK);
	if (sl_likely(sl_parse_fast(skb, &c))) {
		act = sl_fast(skb, &c, SL_HOOK_FROM_UPLINK);
		if (sl_likely(act != SL_ACT_CONTINUE))
			return act;
	} else {
		parsed = sl_parse(skb, &c);
	}
	return sl_slow_from_uplink(skb, &c, parsed);
}

/* ------------------------------------------------------ from other nodes */

/* Outer source and identifier; -1 when the frame was not encapsulated. */
__noinline int sl_tunnel_key(struct __sk_buff *skb)
{
	struct sl_scratch *s = sl_scratch_get();
	struct bpf_tunnel_key key = {};

	if (!s)
		return -1;
	/* The helper insists on being told the outer family: try both. */
	if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		sl_addr_set_v4(&s->tunnel_src, bpf_htonl(key.remote_ipv4));
	else if (!bpf_skb_get_tunnel_key(skb, &key, sizeof(key), BPF_F_TUNINFO_IPV6))
		__builtin_memcpy(&s->tunnel_src, key.remote_ipv6, 16);
	else
		return -1;
	s->tunnel_vni = key.tunnel_id;
	return 0;
}

/* Does the node that sent this have the inner source behind it? */
static __always_inline bool sl_tunnel_known(const struct sl_ctx *c)
{
	struct sl_route_val *r = sl_route_get(sl_pkt_saddr(c));
	struct sl_scratch *s = sl_scratch_get();

	return r && s && r->kind == SL_ROUTE_TUNNEL && r->vni == s->tunnel_vni &&
	       sl_addr_eq(&r->via, &s->tunnel_src);
}

/* May the node that sent it speak for the address: its own, or nobody's that this one knows? */
static __always_inline bool sl_forwarded_addr(const struct sl_ctx *c, const struct sl_scratch *s)
{
	struct sl_route_val *r = sl_route_get(&c->key.addr[!(c->dir & 1)]);

	if (!r || r->kind == SL_ROUTE_OUTSIDE || r->kind == SL_ROUTE_OUTSIDE_PLAIN)
		return true;
	return r->kind == SL_ROUTE_TUNNEL && r->flags & SL_ROUTE_FLAG_NODE &&
	       sl_addr_eq(&r->via, &s->tunnel_src);
}

/*
 * Of a flow that another node sends here already; or from a client outside, to a
 * service for direct server return. Errors are about a flow that there is, however it came.
 */
static __always_inline bool sl_forwarded_wanted(struct sl_ctx *c, struct sl_scratch *s)
{
	struct sl_flow *f = sl_flow_get(&c->key);
	struct sl_front_val *front;
	__u32 kind, id = 0;

	if (f && f->kind == SL_FLOW_KIND_FLOW && sl_flow_forwarded(f))
		return (c->dir & 1) == (f->orig & 1);
	if ((c->flags & SL_PKT_ICMP_ERROR && !f) || sl_svc_inside(c, c->dir))
		return false;
	front = sl_front_get(c, s, !(c->dir & 1), true, &kind, &id);
	return front && front->flags & SL_FRONT_DSR &&
	       (kind == SL_ADDR_HOST || sl_forwarded_addr(c, s));
}

/*
 * The node that sent this has not the inner source behind it: then it must be a
 * client's packet that it sends on as it is. SL_ACT_CONTINUE, or the verdict.
 */
__noinline int sl_guard_forwarded(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();

	if (!c || !s)
		return SL_ACT_DROP;
	if (!sl_tunnel_node(c))
		return sl_drop_packet(skb, c, SL_DROP_TUNNEL_PEER);
	if (c->flags & SL_PKT_FRAG_ORPHAN)
		return sl_drop_packet(skb, c, SL_DROP_FRAG_ORPHAN);
	if (!sl_forwarded_wanted(c, s))
		return sl_drop_packet(skb, c, SL_DROP_TUNNEL_PEER);
	c->flags |= SL_PKT_FORWARDED;
	return SL_ACT_CONTINUE;
}

static __always_inline int sl_tunnel_to_pod(struct __sk_buff *skb, struct sl_ctx *c)
{
	int act;

	act = sl_guard_link(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	if (!(c->flags & SL_PKT_ICMP_ERROR))
		return sl_flow_judge(skb, c);
	act = sl_icmp_relate(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	return sl_drop_packet(skb, c, SL_DROP_ICMP_UNRELATED);
}

__noinline int sl_slow_from_tunnel(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	__u32 kind, id = 0;
	int act;

	if (!c)
		return SL_ACT_DROP;
	sl_ctx_slow(c);
	if (parsed != SL_PARSE_OK)
		return sl_drop_packet(skb, c, sl_parse_reason(parsed));
	/* Inner MACs mean nothing here; the stack takes only frames to its own. */
	if (skb->pkt_type == PACKET_OTHERHOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	act = sl_flow_hit(skb, c);
	if (act != SL_ACT_CONTINUE)
		return act;
	if (!sl_tunnel_known(c)) {
		act = sl_guard_forwarded(skb, c);
		if (act != SL_ACT_CONTINUE)
			return act;
	}
	if (skb->pkt_type != PACKET_HOST || sl_addr_is_multicast(c->family, sl_pkt_daddr(c)))
		return sl_drop_packet(skb, c, SL_DROP_MULTICAST);
	if (c->flags & SL_PKT_FORWARDED)
		return sl_tunnel_to_pod(skb, c);
	kind = sl_addr_kind(sl_pkt_daddr(c), &id);
	if (kind == SL_ADDR_HOST || kind == SL_ADDR_SVC)
		return sl_link_host(skb, c);
	if (kind != SL_ADDR_EP)
		return sl_drop_packet(skb, c, SL_DROP_NO_EP);
	c->ep = id;
	return sl_tunnel_to_pod(skb, c);
}

static __always_inline int sl_run_from_tunnel(struct __sk_buff *skb)
{
	__u32 parsed = SL_PARSE_OK;
	struct sl_ctx c;
	int act;

	sl_ctx_init(skb, &c, SL_HOOK_FROM_TUNNEL);
	if (sl_tunnel_key(skb)) {
		parsed = sl_parse(skb, &c);
		sl_ctx_slow(&c);
		return sl_drop_packet(skb, &c, SL_DROP_TUNNEL_PEER);
	}
	if (sl_likely(sl_parse_fast(skb, &c))) {
		act = sl_fast(skb, &c, SL_HOOK_FROM_TUNNEL);
		if (sl_likely(act != SL_ACT_CONTINUE))
			return act;
	} else {
		parsed = sl_parse(skb, &c);
	}
	return sl_slow_from_tunnel(skb, &c, parsed);
}

#endif /* SL_BPF_PIPELINE_H */
