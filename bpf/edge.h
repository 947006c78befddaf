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

/*
 * TCP or UDP in one piece, with nothing that TC would have to see: no reset either, which
 * has to meet all that there is of its flow, and no frame in several buffers.
 */
static __always_inline bool sl_edge_parse(void *data, void *end, struct sl_ctx *c)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)ip;

	if ((void *)(ip + 1) > end)
		return false;
	c->eth_proto = eth->h_proto;
	c->flags = 0;
	*(__u32 *)&c->key.proto = 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		c->family = SL_FAMILY_V4;
		c->len = bpf_ntohs(ip->tot_len);
		if (!sl_parse_fast_v4(data, end, c))
			return false;
	} else {
		c->family = SL_FAMILY_V6;
		c->len = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
		if (eth->h_proto != bpf_htons(ETH_P_IPV6) || !sl_parse_fast_v6(data, end, c))
			return false;
	}
	return c->len <= (__u64)(end - (void *)ip) &&
	       c->len >= c->l4_off - ETH_HLEN_ + sizeof(struct udphdr) &&
	       !sl_is_syn(c) && !sl_is_rst(c);
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

/* The edge's view of sl_flow_right(): no end is here, so no endpoint's policy has a say. */
static __always_inline bool sl_edge_right(struct sl_ctx *c, struct sl_flow *f,
					  const struct sl_state *st, __u64 now)
{
	const struct sl_flow_dir *d = &f->dir[c->dir & 1];

	if (f->kind != SL_FLOW_KIND_FLOW || !sl_flow_transit(f) || sl_flow_bypassed(c, f))
		return false;
	if (d->flags & (SL_FLOW_DIR_SMAC | SL_FLOW_DIR_MARK) || d->in_ifindex != c->way_in)
		return false;
	if (c->hook == SL_HOOK_FROM_TUNNEL && !sl_flow_via(c, f))
		return false;
	return c->len <= d->mtu && f->route_gen == SL_READ_ONCE(st->route_gen) &&
	       (!f->svc || f->svc_gen == sl_svc_gen(f->svc)) && !sl_flow_idle(&c->key, f, now);
}

/* The flow of alias @a, with no lookup more than it takes. */
static __always_inline struct sl_flow *sl_edge_alias(struct sl_ctx *c, struct sl_scratch *s,
						     const struct sl_flow *a)
{
	struct sl_flow *f = bpf_map_lookup_elem(&sl_flow, &a->inner);
	__u16 where = 0;

	if (!f) {
		f = bpf_map_lookup_elem(&sl_half, &a->inner);
		where = SL_PKT_NOFLOW;
	}
	if (!f || !sl_alias_is(&c->key, f) || !sl_alias_enter(c, s, a, f))
		return NULL;
	c->flags |= where;
	return f;
}

static __always_inline struct sl_flow *sl_edge_flow(struct sl_ctx *c, struct sl_scratch *s)
{
	struct sl_flow *f = sl_flow_find(c);

	if (f && f->kind == SL_FLOW_KIND_ALIAS)
		f = sl_edge_alias(c, s, f);
	return f && c->flags & SL_PKT_NOFLOW && sl_half_needs_alias(c, f) ? NULL : f;
}

/* ------------------------------------------------------------------ way */

static __always_inline bool sl_edge_hops_left(void *l3, void *end, __u8 family)
{
	__u8 *hops = l3 + (family == SL_FAMILY_V6 ? 7 : 8);

	return (void *)(hops + 1) <= end && *hops > 1;
}

/*
 * Where the packet's direction of @f leads, into scratch. False: @f is not right for
 * it, or leads to where the edge can't send.
 */
__noinline bool sl_edge_plan(struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	struct sl_edge_work *w;
	struct sl_route_val *r;
	bool to_client;
	__u32 dir;

	if (!c || !f || !s || !st)
		return false;
	w = &s->edge;
	w->now = bpf_ktime_get_coarse_ns();
	if (!sl_edge_right(c, f, st, w->now))
		return false;
	dir = c->dir & 1;
	to_client = dir != (f->orig & 1);
	w->far = 0;
	if (f->dir[dir].action != SL_ACTION_TUNNEL) {
		w->hop = to_client ? c->key.addr[!dir] : f->via;
		return true;
	}
	w->hop = f->via;
	w->vni = f->vni;
	if (to_client) {
		r = sl_route_get(&c->key.addr[!dir]);
		if (!r || r->kind != SL_ROUTE_TUNNEL)
			return false;
		w->hop = r->via;
		w->vni = r->vni;
	}
	/* Over IPv6 the outer checksum can't be left out. */
	if (!sl_encap || !sl_addr_is_mapped(&w->hop))
		return false;
	w->far = w->hop.w[3];
	w->near = st->node_addr[SL_FAMILY_V4].w[3];
	return true;
}

/* What the kernel's routes and neighbours have said of an address, each CPU's own. */
struct sl_edge_hop {
	union sl_addr to;
	__u64 until_ns;			/* asked anew from then on */
	__u32 ifindex;
	__u32 macs[3];
};

#define SL_EDGE_HOPS	256
#define SL_EDGE_HOP_NS	10000000ULL	/* as long a neighbour's new MAC address is not known */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_EDGE_HOPS);
	__type(key, __u32);
	__type(value, struct sl_edge_hop);
} sl_edge_hop SEC(".maps");

/* Asks for s->edge.hop, out of the device that the packet came in by. */
__noinline int sl_edge_ask(struct xdp_md *xdp, struct sl_edge_hop *h)
{
	struct sl_scratch *s = sl_scratch_get();
	struct bpf_fib_lookup fib = {};

	if (!h || !s)
		return -1;
	h->until_ns = 0;
	h->to = s->edge.hop;
	if (sl_addr_is_mapped(&h->to)) {
		fib.family = AF_INET;
		fib.ipv4_dst = h->to.w[3];
	} else {
		fib.family = AF_INET6;
		__builtin_memcpy(fib.ipv6_dst, &h->to, 16);
	}
	fib.ifindex = xdp->ingress_ifindex;
	if (bpf_fib_lookup(xdp, &fib, sizeof(fib), BPF_FIB_LOOKUP_OUTPUT) ||
	    fib.ifindex != xdp->ingress_ifindex)
		return -1;
	h->ifindex = fib.ifindex;
	__builtin_memcpy(h->macs, fib.dmac, ETH_ALEN);
	__builtin_memcpy((__u8 *)h->macs + ETH_ALEN, fib.smac, ETH_ALEN);
	h->until_ns = s->edge.now + SL_EDGE_HOP_NS;
	return 0;
}

/*
 * To whom, out of the device that it came in by and to whose MAC address it came: else
 * it is not for this node, or not the edge's.
 */
static __always_inline bool sl_edge_neigh(struct xdp_md *xdp, const struct ethhdr *eth,
					  struct sl_edge_work *w)
{
	__u32 i = w->hop.w[0] ^ w->hop.w[1] ^ w->hop.w[2] ^ w->hop.w[3];
	struct sl_edge_hop *h;

	i ^= i >> 16;
	i = (i ^ i >> 8) % SL_EDGE_HOPS;
	h = bpf_map_lookup_elem(&sl_edge_hop, &i);
	if (!h)
		return false;
	if (!sl_addr_eq(&h->to, &w->hop) || h->ifindex != xdp->ingress_ifindex ||
	    (__s64)(h->until_ns - w->now) <= 0) {
		if (sl_edge_ask(xdp, h))
			return false;
	}
	w->macs[0] = h->macs[0];
	w->macs[1] = h->macs[1];
	w->macs[2] = h->macs[2];
	return sl_mac_eq(eth->h_dest, (__u8 *)w->macs + ETH_ALEN);
}

/* ---------------------------------------------------- the packet itself */

/* Carries @diff into the checksum of layer 4 at @l4, if there is one. */
static __always_inline void sl_edge_l4_sum(void *l4, void *end, __u8 proto, __u64 diff)
{
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;

	if (proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) <= end)
			sl_sum_change(&tcp->check, diff);
	} else if ((void *)(udp + 1) <= end && udp->check) {
		sl_sum_change(&udp->check, diff);
		if (!udp->check)
			udp->check = 0xffff;
	}
}

/* Translates the packet of @f at @l3; 0, or it is not all there. */
static __always_inline int sl_edge_translate(const struct sl_ctx *c, const struct sl_flow *f,
					     void *l3, void *end, bool v6)
{
	void *l4 = l3 + (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	struct sl_nat_tuple from, to;
	__u64 diff;

	sl_nat_tuple_get(c, f, false, &from);
	sl_nat_tuple_get(c, f, true, &to);
	diff = sl_addr_diff(v6, from.src, to.src) + sl_addr_diff(v6, from.dst, to.dst);
	if (sl_nat_write(l3, end, v6, &to, diff))
		return -1;
	diff += (__u64)(__u16)~from.sport + to.sport + (__u16)~from.dport + to.dport;
	sl_edge_l4_sum(l4, end, c->proto, diff);
	return 0;
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
	ip->saddr = w->near;
	ip->daddr = w->far;
	sl_sum_change(&ip->check, (__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	o->eth.h_proto = bpf_htons(ETH_P_IP);
}

/* The packet's part in its flow, when it is done with: @f may be another's afterwards. */
static __always_inline void sl_edge_note(struct sl_ctx *c, struct sl_flow *f, __u64 now)
{
	if (!(c->flags & SL_PKT_NOFLOW) || !sl_half_ripe(c, f) || !sl_flow_promote(c, f)) {
		sl_flow_track(c, f);
		if (f->last_ns != now)
			f->last_ns = now;
		sl_flow_count(&f->dir[c->dir & 1], c->len);
	}
	sl_count_inc(SL_COUNT_FLOW_HIT);
	sl_count_inc(SL_COUNT_EDGE_OUT);
}

/* The whole frame anew: @in bytes before the packet's own Ethernet header go, the plan's come. */
__noinline int sl_edge_out(struct xdp_md *xdp, struct sl_ctx *c, struct sl_flow *f, __u32 in)
{
	struct sl_scratch *s = sl_scratch_get();
	void *data, *end, *l3;
	__u32 *macs, out;

	if (!c || !f || !s)
		return XDP_PASS;
	out = s->edge.far ? SL_EDGE_OUTER : 0;
	in = in ? SL_EDGE_OUTER : 0;
	if (in != out && bpf_xdp_adjust_head(xdp, (int)in - (int)out))
		return XDP_PASS;
	data = (void *)(long)xdp->data;
	end = (void *)(long)xdp->data_end;
	macs = data;
	l3 = data + out + ETH_HLEN_;
	/* All of it was there before, so none of this fails. */
	if (l3 > end || !sl_hop_dec(l3, end, c->family))
		return XDP_ABORTED;
	if (sl_flow_translated(f) &&
	    (c->family == SL_FAMILY_V6 ? sl_edge_translate(c, f, l3, end, true) :
					 sl_edge_translate(c, f, l3, end, false)))
		return XDP_ABORTED;
	if (out)
		sl_edge_encapsulate(&s->edge, c, data);
	macs[0] = s->edge.macs[0];
	macs[1] = s->edge.macs[1];
	macs[2] = s->edge.macs[2];
	return XDP_TX;
}

static __always_inline int sl_run_edge(struct xdp_md *xdp)
{
	void *data = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	struct sl_flow *f;
	struct sl_ctx c;
	int in = 0, act;

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
	f = sl_edge_flow(&c, s);
	if (!f || !sl_edge_hops_left(data + in + ETH_HLEN_, end, c.family) ||
	    !sl_edge_plan(&c, f) || !sl_edge_neigh(xdp, data, &s->edge))
		return XDP_PASS;
	act = sl_edge_out(xdp, &c, f, in);
	if (act == XDP_TX)
		sl_edge_note(&c, f, s->edge.now);
	return act;
}

#endif /* SL_BPF_EDGE_H */
