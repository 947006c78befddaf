/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The edge, in XDP: a packet of a flow through this node, of a client elsewhere to
 * a backend elsewhere, leaves by the uplink that it came in by before the kernel
 * has made anything of it. Only what is plain and known: a flow begins, is judged
 * and ends in TC, where this leaves, untouched, whatever it doubts. It drops
 * nothing.
 *
 *	parse (and decapsulate) ─▶ flow ─▶ neighbour ─▶ translate ─▶ encapsulate ─▶ out
 */
#ifndef SL_BPF_EDGE_H
#define SL_BPF_EDGE_H

#include "bpf/slow.h"

/* How the tunnel device of TC encapsulates; set when the programs are loaded. */
const volatile __u8 sl_encap;		/* enum sl_encap */
const volatile __be16 sl_encap_port;

/* RFC 7348 section 5, RFC 8926 section 3.4 without options: eight bytes either way. */
struct sl_encap_hdr {
	__be32 what;			/* VXLAN: flags; Geneve: length, flags, protocol */
	__be32 vni;			/* in the upper 24 bits */
};

#define SL_VXLAN_HDR		0x08000000	/* the VNI is valid */
#define SL_GENEVE_HDR		ETH_P_TEB

/* What a frame to another node begins with, before its own Ethernet header. */
struct sl_edge_outer {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct sl_encap_hdr encap;
} __attribute__((packed));

#define SL_EDGE_OUTER	sizeof(struct sl_edge_outer)
_Static_assert(SL_EDGE_OUTER == 50, "the tunnel's MTU allows for another length");

static __always_inline __be32 sl_encap_what(void)
{
	return sl_encap == SL_ENCAP_VXLAN ? bpf_htonl(SL_VXLAN_HDR) : bpf_htonl(SL_GENEVE_HDR);
}

/* ---------------------------------------------------------------- parse */

/* TCP or UDP whose flow neither begins nor is reset, with nothing that TC would have to see. */
static __always_inline bool sl_edge_parse(void *data, void *end, struct sl_ctx *c)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return false;
	c->eth_proto = eth->h_proto;
	c->flags = 0;
	*(__u32 *)&c->key.proto = 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		c->family = SL_FAMILY_V4;
		return sl_parse_fast_v4(data, end, c);
	}
	c->family = SL_FAMILY_V6;
	return eth->h_proto == bpf_htons(ETH_P_IPV6) && sl_parse_fast_v6(data, end, c);
}

/*
 * Is the frame one that another node has encapsulated to this one? Then the key of
 * its tunnel is in scratch. A checksum, which the tunnel does without, is the
 * stack's to look at.
 */
static __always_inline bool sl_edge_is_tunnel(void *data, void *end, const struct sl_state *st,
					      struct sl_scratch *s)
{
	struct sl_edge_outer *o = data;

	if (!sl_encap || (void *)(o + 1) > end || o->eth.h_proto != bpf_htons(ETH_P_IP))
		return false;
	if (*(__u8 *)&o->ip != 0x45 || o->ip.frag_off & bpf_htons(IP_MF | IP_OFFSET) ||
	    o->ip.protocol != IPPROTO_UDP || o->udp.dest != sl_encap_port || o->udp.check ||
	    o->ip.daddr != st->node_addr[SL_FAMILY_V4].w[3])
		return false;
	if (o->encap.what != sl_encap_what() || o->encap.vni & bpf_htonl(0xff))
		return false;
	sl_addr_set_v4(&s->tunnel_src, o->ip.saddr);
	s->tunnel_vni = bpf_ntohl(o->encap.vni) >> 8;
	return true;
}

/* ----------------------------------------------------------------- flow */

/* The edge's view of sl_flow_right(). */
__noinline bool sl_edge_right(struct sl_ctx *c, struct sl_flow *f)
{
	const struct sl_flow_dir *d;

	if (!c || !f)
		return false;
	d = &f->dir[c->dir & 1];
	if (f->kind != SL_FLOW_KIND_FLOW || !sl_flow_transit(f) || sl_flow_bypassed(c, f))
		return false;
	if (d->flags & (SL_FLOW_DIR_SMAC | SL_FLOW_DIR_MARK) || d->in_ifindex != c->way_in)
		return false;
	if (c->hook == SL_HOOK_FROM_TUNNEL && !sl_flow_via(c, f))
		return false;
	/* A reset has to be seen by all that TC has for it. */
	return !sl_is_syn(c) && !sl_is_rst(c) && c->len <= d->mtu && sl_flow_current(f) &&
	       !sl_flow_is_over(c, f);
}

/* NULL: none, or none that the edge may act on. */
static __always_inline struct sl_flow *sl_edge_flow(struct sl_ctx *c)
{
	struct sl_flow *f = sl_flow_find(c);

	if (f && f->kind == SL_FLOW_KIND_ALIAS && sl_alias_resolve(c))
		f = sl_flow_find(c);
	if (!f || !sl_edge_right(c, f))
		return NULL;
	if (c->flags & SL_PKT_NOFLOW && sl_half_needs_alias(c, f))
		return NULL;
	return f;
}

/* ------------------------------------------------------------------ way */

static __always_inline bool sl_edge_hops_left(void *l3, void *end, __u8 family)
{
	__u8 *hops = l3 + (family == SL_FAMILY_V6 ? 7 : 8);

	return (void *)(hops + 1) <= end && *hops > 1;
}

static __always_inline void sl_edge_to(struct sl_edge_work *w, const union sl_addr *dst)
{
	if (sl_addr_is_mapped(dst)) {
		w->fib.family = AF_INET;
		w->fib.ipv4_dst = dst->w[3];
	} else {
		w->fib.family = AF_INET6;
		__builtin_memcpy(w->fib.ipv6_dst, dst, 16);
	}
}

/*
 * Where the packet's direction of @f leads, and what it becomes, into scratch.
 * False: not to where the edge can send.
 */
__noinline bool sl_edge_plan(struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	const union sl_addr *client, *via;
	struct sl_edge_work *w;
	struct sl_route_val *r;
	bool to_client;
	__u32 dir, e;

	if (!c || !f || !s || !st)
		return false;
	w = &s->edge;
	dir = c->dir & 1;
	__builtin_memset(&w->fib, 0, sizeof(w->fib));
	w->far = 0;
	for (e = 0; e < 2; e++)
		if (sl_end_translated(f, e))
			sl_nat_end(c, f, e, dir, &w->change[e]);
	client = &c->key.addr[!dir];
	to_client = dir != (f->orig & 1);
	via = &f->via;
	if (f->dir[dir].action != SL_ACTION_TUNNEL) {
		sl_edge_to(w, to_client ? client : via);
		return true;
	}
	w->vni = f->vni;
	if (to_client) {
		r = sl_route_get(client);
		if (!r || r->kind != SL_ROUTE_TUNNEL)
			return false;
		via = &r->via;
		w->vni = r->vni;
	}
	/* Over IPv6 the outer checksum can't be left out. */
	if (!sl_encap || !sl_addr_is_mapped(via))
		return false;
	w->far = via->w[3];
	sl_edge_to(w, via);
	w->fib.ipv4_src = st->node_addr[SL_FAMILY_V4].w[3];
	return true;
}

/*
 * By the kernel's routes and neighbours, out of the device that it came in by
 * and to its MAC address: else it is not for this node, or not the edge's.
 */
static __always_inline bool sl_edge_neigh(struct xdp_md *xdp, const struct ethhdr *eth,
					  struct sl_edge_work *w)
{
	w->fib.ifindex = xdp->ingress_ifindex;
	return !bpf_fib_lookup(xdp, &w->fib, sizeof(w->fib), BPF_FIB_LOOKUP_OUTPUT) &&
	       w->fib.ifindex == xdp->ingress_ifindex && sl_mac_eq(eth->h_dest, w->fib.smac);
}

/* ---------------------------------------------------- the packet itself */

static __always_inline void sl_edge_sum(__sum16 *check, __u64 diff)
{
	*check = ~sl_csum_fold((__u64)(__u16)~*check + diff);
}

/* The checksum of layer 4 at @l4; NULL: there is none to carry anything into. */
static __always_inline __sum16 *sl_edge_l4_sum(void *l4, void *end, __u8 proto)
{
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;

	if (proto == IPPROTO_TCP)
		return (void *)(tcp + 1) <= end ? &tcp->check : NULL;
	return (void *)(udp + 1) <= end && udp->check ? &udp->check : NULL;
}

/* One end's address and port, in a packet at @l3 that is of the one family or the other. */
static __always_inline bool sl_edge_apply(const struct sl_nat_change *ch, void *l3, void *end,
					  bool v6, __u8 proto)
{
	struct ipv6hdr *ip6 = l3;
	struct iphdr *ip = l3;
	__be16 *port = v6 ? (void *)(ip6 + 1) : (void *)(ip + 1);
	__sum16 *sum;
	__s64 diff;

	if ((void *)port + sizeof(struct udphdr) > end)
		return false;
	sum = sl_edge_l4_sum(port, end, proto);
	if (v6) {
		diff = bpf_csum_diff((__be32 *)ch->from.w, 16, (__be32 *)ch->to.w, 16, 0);
		__builtin_memcpy(ch->src ? &ip6->saddr : &ip6->daddr, &ch->to, 16);
	} else {
		diff = bpf_csum_diff((__be32 *)&ch->from.w[3], 4, (__be32 *)&ch->to.w[3], 4, 0);
		*(ch->src ? &ip->saddr : &ip->daddr) = ch->to.w[3];
		sl_edge_sum(&ip->check, (__u32)diff);
	}
	if (ch->src)
		port[0] = ch->port_to;
	else
		port[1] = ch->port_to;
	if (!sum)
		return true;
	sl_edge_sum(sum, (__u64)(__u32)diff + (__u16)~ch->port_from + ch->port_to);
	if (!*sum && proto == IPPROTO_UDP)
		*sum = 0xffff;
	return true;
}

/* Translates end @e of the packet whose frame begins at @off; 0, or it is not all there. */
__noinline int sl_edge_translate(struct xdp_md *xdp, struct sl_ctx *c, __u32 e, __u32 off)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	struct sl_scratch *s = sl_scratch_get();
	struct sl_nat_change *ch;
	void *l3;

	if (!c || !s || off > SL_EDGE_OUTER)
		return -1;
	ch = &s->edge.change[e & 1];
	l3 = data + off + ETH_HLEN_;
	if (c->family == SL_FAMILY_V6)
		return sl_edge_apply(ch, l3, end, true, c->proto) ? 0 : -1;
	return sl_edge_apply(ch, l3, end, false, c->proto) ? 0 : -1;
}

static __always_inline void sl_edge_encapsulate(const struct sl_edge_work *w,
						const struct sl_ctx *c, struct sl_edge_outer *o)
{
	const __u8 dmac[6] = SL_TUNNEL_DMAC, smac[6] = SL_TUNNEL_SMAC;
	struct ethhdr *eth = (void *)(o + 1);
	struct iphdr *ip = (void *)(&o->eth + 1);
	__u32 len = c->len + ETH_HLEN_ + sizeof(o->udp) + sizeof(o->encap);

	__builtin_memcpy(eth->h_dest, dmac, 6);
	__builtin_memcpy(eth->h_source, smac, 6);
	o->encap.what = sl_encap_what();
	o->encap.vni = bpf_htonl(w->vni << 8);
	/* RFC 7348 section 4.1: of the dynamic range, by a hash, so that flows spread over ways. */
	o->udp.source = bpf_htons(0xc000 | sl_hash_tuple(&c->key) >> 18);
	o->udp.dest = sl_encap_port;
	o->udp.len = bpf_htons(len);
	o->udp.check = 0;
	__builtin_memset(ip, 0, sizeof(*ip));
	*(__u8 *)ip = 0x45;
	ip->tot_len = bpf_htons(len + sizeof(*ip));
	ip->id = bpf_get_prandom_u32();
	ip->ttl = SL_ICMP_TTL;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = w->fib.ipv4_src;
	ip->daddr = w->far;
	sl_edge_sum(&ip->check, (__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	o->eth.h_proto = bpf_htons(ETH_P_IP);
}

/* The packet's part in its flow, when it is done with: @f may be another's afterwards. */
static __always_inline void sl_edge_note(struct sl_ctx *c, struct sl_flow *f)
{
	if (!(c->flags & SL_PKT_NOFLOW) || !sl_half_ripe(c, f) || !sl_flow_promote(c, f))
		sl_flow_note(c, f);
	sl_count_inc(SL_COUNT_FLOW_HIT);
	sl_count_inc(SL_COUNT_EDGE_OUT);
}

/* The whole frame anew: @in bytes before the packet's own Ethernet header go, the plan's come. */
__noinline int sl_edge_out(struct xdp_md *xdp, struct sl_ctx *c, struct sl_flow *f, __u32 in)
{
	struct sl_scratch *s = sl_scratch_get();
	struct ethhdr *eth;
	void *data, *end;
	__u32 out, e;

	if (!c || !f || !s)
		return XDP_PASS;
	out = s->edge.far ? SL_EDGE_OUTER : 0;
	in = in ? SL_EDGE_OUTER : 0;
	if (in != out && bpf_xdp_adjust_head(xdp, (int)in - (int)out))
		return XDP_PASS;
	/* All of it was there before, so none of what follows fails. */
	for (e = 0; e < 2; e++)
		if (sl_end_translated(f, e) && sl_edge_translate(xdp, c, e, out))
			return XDP_ABORTED;
	data = (void *)(long)xdp->data;
	end = (void *)(long)xdp->data_end;
	eth = data;
	if (data + out + ETH_HLEN_ > end || !sl_hop_dec(data + out + ETH_HLEN_, end, c->family))
		return XDP_ABORTED;
	if (out)
		sl_edge_encapsulate(&s->edge, c, data);
	__builtin_memcpy(eth->h_dest, s->edge.fib.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, s->edge.fib.smac, ETH_ALEN);
	sl_edge_note(c, f);
	return XDP_TX;
}

static __always_inline int sl_run_edge(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	struct sl_flow *f;
	struct sl_ctx c;
	int in = 0;

	if (!s || !st)
		return XDP_PASS;
	c.hook = SL_HOOK_FROM_UPLINK;
	c.way_in = xdp->ingress_ifindex;
	if (sl_edge_is_tunnel(data, end, st, s)) {
		c.hook = SL_HOOK_FROM_TUNNEL;
		c.way_in = st->tunnel_ifindex;
		in = SL_EDGE_OUTER;
	}
	if (!sl_edge_parse(data + in, end, &c))
		return XDP_PASS;
	c.len = bpf_xdp_get_buff_len(xdp) - in - ETH_HLEN_;
	f = sl_edge_flow(&c);
	if (!f || !sl_edge_hops_left(data + in + ETH_HLEN_, end, c.family) ||
	    !sl_edge_plan(&c, f) || !sl_edge_neigh(xdp, data, &s->edge))
		return XDP_PASS;
	return sl_edge_out(xdp, &c, f, in);
}

#endif /* SL_BPF_EDGE_H */
