/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is the sender who it says it is? What a pod may put on its wire, and what
 * may come from a link in the name of whom. Asked when a flow begins, is
 * judged again, or came in by another way or MAC than its entry says; an
 * entry that matches in those has been through here.
 */
#ifndef SL_BPF_GUARD_H
#define SL_BPF_GUARD_H

#include "bpf/drop.h"
#include "bpf/parse.h"

struct sl_arp {				/* RFC 826 over Ethernet and IPv4 */
	__be16 htype, ptype;
	__u8 hlen, plen;
	__be16 op;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
};

#define SL_ARP_ETHER	1
#define SL_ARP_REPLY	2

#define SL_ND_ROUTER_ADVERT	134	/* RFC 4861 section 4 */
#define SL_ND_NEIGH_SOLICIT	135
#define SL_ND_NEIGH_ADVERT	136
#define SL_ND_REDIRECT		137
#define SL_ND_SLLAO		1	/* source link-layer address, section 4.6.1 */

#define SL_MLD_REPORT		131	/* RFC 2710 section 3, RFC 3810 section 5.2 */
#define SL_MLD_DONE		132
#define SL_MLD2_REPORT		143

static __always_inline bool sl_mac_eq(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline bool sl_addr_is_multicast(__u8 family, const union sl_addr *a)
{
	if (family == SL_FAMILY_V6)
		return a->b[0] == 0xff;
	return (a->b[12] & 0xf0) == 0xe0 || a->w[3] == 0xffffffff;
}

static __always_inline bool sl_addr_is_linklocal(__u8 family, const union sl_addr *a)
{
	if (family == SL_FAMILY_V6)
		return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
	return a->b[12] == 169 && a->b[13] == 254;
}

/* This-network, loopback, reserved: RFC 6890; :: and ::1: RFC 4291. */
static __always_inline bool sl_addr_is_martian(__u8 family, const union sl_addr *a)
{
	if (family == SL_FAMILY_V6)
		return !a->d[0] && !a->w[2] && (a->w[3] == 0 || a->w[3] == bpf_htonl(1));
	return a->b[12] == 0 || a->b[12] == 127 || (a->b[12] & 0xf0) == 0xf0;
}

static __always_inline __u32 sl_addr_kind(const union sl_addr *a, __u32 *id)
{
	struct sl_addr_val *v = bpf_map_lookup_elem(&sl_addr, a);

	if (!v)
		return SL_ADDR_NONE;
	*id = v->id;
	return v->kind;
}

static __always_inline bool sl_addr_is_host(const union sl_addr *a)
{
	__u32 id;

	return sl_addr_kind(a, &id) == SL_ADDR_HOST;
}

static __always_inline struct sl_route_val *sl_route_get(const union sl_addr *a)
{
	struct sl_prefix key = { .prefixlen = 128 };

	__builtin_memcpy(&key.addr, a, sizeof(key.addr));
	return bpf_map_lookup_elem(&sl_route, &key);
}

/* The endpoint behind a device; 0 when there is none. */
static __always_inline __u32 sl_if_ep(__u32 ifindex, struct sl_ep **out)
{
	__u32 *id = bpf_map_lookup_elem(&sl_if, &ifindex);
	struct sl_ep *ep;

	if (!id)
		return 0;
	ep = sl_ep_get(*id);
	if (!ep || !(ep->flags & SL_EP_FLAG_USED) || ep->ifindex != ifindex)
		return 0;
	*out = ep;
	return *id;
}

/* A pod speaks ARP for itself: requests, and answers to the node's. */
static __noinline int sl_guard_arp(struct __sk_buff *skb, struct sl_ctx *c, struct sl_ep *ep)
{
	struct sl_arp arp;

	if (bpf_skb_load_bytes(skb, ETH_HLEN_, &arp, sizeof(arp)))
		return sl_drop_packet(skb, c, SL_DROP_MALFORMED);
	if (arp.htype != bpf_htons(SL_ARP_ETHER) || arp.ptype != bpf_htons(ETH_P_IP) ||
	    arp.hlen != 6 || arp.plen != 4 || !arp.op || bpf_ntohs(arp.op) > SL_ARP_REPLY ||
	    !sl_mac_eq(arp.sha, ep->mac) ||
	    *(__be32 *)arp.spa != ep->addr[SL_FAMILY_V4].w[3] || !ep->addr[SL_FAMILY_V4].w[3])
		return sl_drop_packet(skb, c, SL_DROP_ARP);
	return SL_ACT_NEXT;
}

/* The link-local address that RFC 4291 appendix A makes of the pod's MAC. */
static __always_inline bool sl_addr_is_eui64(const union sl_addr *a, const __u8 *mac)
{
	return a->d[0] == bpf_cpu_to_be64(0xfe80000000000000ULL) && a->b[8] == (mac[0] ^ 2) &&
	       a->b[9] == mac[1] && a->b[10] == mac[2] && a->b[11] == 0xff && a->b[12] == 0xfe &&
	       a->b[13] == mac[3] && a->b[14] == mac[4] && a->b[15] == mac[5];
}

/* Unspecified, or the link-local one: what the kernel of a pod speaks from by itself. */
static __always_inline bool sl_addr_is_early(const union sl_addr *src, const struct sl_ep *ep)
{
	return sl_addr_is_zero(src) || sl_addr_is_eui64(src, ep->mac);
}

#define SL_ND_OPTIONS	4		/* more than any kernel sends */

/* The option says where answers go; nobody may ask for another's. */
static __noinline bool sl_nd_option_forged(struct __sk_buff *skb, const struct sl_ctx *c,
						const struct sl_ep *ep)
{
	__u32 off = c->l4_off + 24;
	__u8 opt[8];
	int i;

	/* In any place: a nonce (RFC 3971) may come first. */
	for (i = 0; i < SL_ND_OPTIONS; i++) {
		if (off >= skb->len)
			return false;
		if (bpf_skb_load_bytes(skb, off, opt, sizeof(opt)) || !opt[1])
			return true;
		if (opt[0] == SL_ND_SLLAO && !sl_mac_eq(opt + 2, ep->mac))
			return true;
		off += opt[1] * 8;
	}
	return off < skb->len;
}

/* Neighbour discovery: a pod may ask, and say nothing. */
static __always_inline int sl_guard_nd(struct __sk_buff *skb, struct sl_ctx *c, struct sl_ep *ep)
{
	const union sl_addr *src = sl_pkt_saddr(c);

	if (c->tcp_flags != SL_ND_NEIGH_SOLICIT || c->flags & SL_PKT_FRAG_FIRST)
		return sl_drop_packet(skb, c, SL_DROP_ND);
	if (!sl_addr_is_early(src, ep) && !sl_addr_eq(src, &ep->addr[SL_FAMILY_V6]))
		return sl_drop_packet(skb, c, SL_DROP_ND);
	if (sl_nd_option_forged(skb, c, ep))
		return sl_drop_packet(skb, c, SL_DROP_ND);
	return SL_ACT_NEXT;
}

/*
 * Every kernel reports the groups of its addresses, snooping switches live on
 * it. The node's stack takes no notice, and counted as drops they would hide
 * what is worth looking at.
 */
static __always_inline bool sl_is_mld(const struct sl_ctx *c, const struct sl_ep *ep)
{
	return c->family == SL_FAMILY_V6 && c->proto == IPPROTO_ICMPV6 &&
	       !(c->flags & (SL_PKT_FRAG_FIRST | SL_PKT_FRAG_LATER)) &&
	       (c->tcp_flags == SL_MLD_REPORT || c->tcp_flags == SL_MLD_DONE ||
		c->tcp_flags == SL_MLD2_REPORT) &&
	       sl_addr_is_multicast(SL_FAMILY_V6, sl_pkt_daddr(c)) &&
	       sl_addr_is_early(sl_pkt_saddr(c), ep);
}

static __always_inline bool sl_is_nd(const struct sl_ctx *c)
{
	return c->family == SL_FAMILY_V6 && c->proto == IPPROTO_ICMPV6 &&
	       !(c->flags & SL_PKT_FRAG_LATER) &&
	       c->tcp_flags >= SL_ND_ROUTER_ADVERT && c->tcp_flags <= SL_ND_REDIRECT;
}

static __always_inline __u32 sl_guard_pod_addrs(const struct sl_ctx *c, const struct sl_ep *ep)
{
	__u8 family = c->family ? SL_FAMILY_V6 : SL_FAMILY_V4;
	const union sl_addr *src = sl_pkt_saddr(c), *dst = sl_pkt_daddr(c);

	if (!sl_addr_eq(src, &ep->addr[family]) || sl_addr_is_zero(src))
		return SL_DROP_SADDR;
	if (sl_addr_is_martian(family, dst) || sl_addr_eq(src, dst))
		return SL_DROP_MARTIAN;
	/* Of link-local ones a pod can only mean the node's. */
	if (sl_addr_is_linklocal(family, dst) && !sl_addr_is_host(dst))
		return SL_DROP_MARTIAN;
	if (c->flags & SL_PKT_FRAG_ORPHAN)
		return SL_DROP_FRAG_ORPHAN;
	return SL_DROP_NONE;
}

static __always_inline __u32 sl_parse_reason(__u32 parsed)
{
	switch (parsed) {
	case SL_PARSE_VLAN:
		return SL_DROP_VLAN;
	case SL_PARSE_OTHER:
	case SL_PARSE_ARP:
		return SL_DROP_PROTO;
	case SL_PARSE_MAPPED:
		return SL_DROP_MARTIAN;
	default:
		return SL_DROP_MALFORMED;
	}
}

/*
 * A frame from a pod. SL_ACT_CONTINUE when it is IP traffic of the pod's own,
 * else the verdict. @parsed: what sl_parse() returned.
 */
__noinline int sl_guard_pod(struct __sk_buff *skb, struct sl_ctx *c, __u32 parsed)
{
	struct sl_ep *ep = NULL;
	struct ethhdr eth;
	__u32 id, reason;

	if (!c)
		return SL_ACT_DROP;
	id = sl_if_ep(skb->ifindex, &ep);
	if (!id || !ep)
		return sl_drop_packet(skb, c, SL_DROP_NO_EP);
	c->ep = id;
	if (parsed == SL_PARSE_VLAN)
		return sl_drop_packet(skb, c, SL_DROP_VLAN);
	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return sl_drop_packet(skb, c, SL_DROP_MALFORMED);
	if (!sl_mac_eq(eth.h_source, ep->mac))
		return sl_drop_packet(skb, c, SL_DROP_SMAC);
	if (parsed == SL_PARSE_ARP)
		return sl_guard_arp(skb, c, ep);
	if (parsed != SL_PARSE_OK)
		return sl_drop_packet(skb, c, sl_parse_reason(parsed));
	if (sl_is_nd(c))
		return sl_guard_nd(skb, c, ep);
	if (sl_is_mld(c, ep))
		return SL_ACT_NEXT;
	if (eth.h_dest[0] & 1 || sl_addr_is_multicast(c->family, sl_pkt_daddr(c)))
		return sl_drop_packet(skb, c, SL_DROP_MULTICAST);
	reason = sl_guard_pod_addrs(c, ep);
	if (reason)
		return sl_drop_packet(skb, c, reason);
	/* Unicast, but not to the gateway's MAC: there is nobody else to mean. */
	if (skb->pkt_type == PACKET_OTHERHOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return SL_ACT_CONTINUE;
}

/*
 * Can nobody outside of this node have it? Its own addresses, its pods', cluster IPs; but
 * a service may be reached by an address that is another node's.
 */
static __always_inline bool sl_addr_is_taken(const union sl_addr *a)
{
	__u32 id = 0, kind = sl_addr_kind(a, &id);

	return kind == SL_ADDR_EP || kind == SL_ADDR_HOST ||
	       (kind == SL_ADDR_SVC && id == SL_SVC_ADDR_CLOSED);
}

/*
 * A packet from outside of this node, for a pod: its source is none of the
 * node's own addresses or pods, and a pod of another node comes by the way
 * that leads there.
 */
__noinline int sl_guard_link(struct __sk_buff *skb, struct sl_ctx *c)
{
	const union sl_addr *src;
	struct sl_route_val *r;

	if (!c)
		return SL_ACT_DROP;
	src = sl_pkt_saddr(c);
	if (sl_addr_is_multicast(c->family, src) || sl_addr_is_martian(c->family, src) ||
	    sl_addr_is_taken(src))
		return sl_drop_packet(skb, c, SL_DROP_MARTIAN);
	r = sl_route_get(src);
	if (r && (r->kind == SL_ROUTE_LOCAL ||
		  (r->kind == SL_ROUTE_TUNNEL && c->hook != SL_HOOK_FROM_TUNNEL)))
		return sl_drop_packet(skb, c, SL_DROP_MARTIAN);
	if (c->flags & SL_PKT_FRAG_ORPHAN)
		return sl_drop_packet(skb, c, SL_DROP_FRAG_ORPHAN);
	return SL_ACT_CONTINUE;
}

#endif /* SL_BPF_GUARD_H */
