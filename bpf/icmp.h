/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP and ICMPv6 errors of our own making: time exceeded, packet too big,
 * which path MTU discovery lives on, and prohibited, where a rule says so. The packet that is at fault is cut
 * and becomes the payload of the answer, which leaves the way it came.
 *
 * A packet over the MTU is answered also when it is IPv4 and may be
 * fragmented. Fragmenting is the stack's craft, but the stack would route a
 * masqueraded packet by other rules than ours, and a sender that hears the
 * MTU fragments by itself, which saves every router after us the work.
 */
#ifndef SL_BPF_ICMP_H
#define SL_BPF_ICMP_H

#include "bpf/judged.h"
#include "bpf/nat.h"

#define SL_ICMP4_KEEP	548	/* 576 in all: RFC 1812 section 4.3.2.3 */
#define SL_ICMP6_KEEP	1232	/* 1280 in all: RFC 4443 section 3.1 */
#define SL_ICMP_TTL	64
#define SL_ICMP_TOS	0xc0	/* internetwork control: RFC 1812 section 4.3.2.5 */

/* Instead of an MTU: administratively prohibited, port unreachable. */
#define SL_ICMP_PROHIBITED	0x10000
#define SL_ICMP_NO_PORT		0x20000

struct sl_csum {
	struct __sk_buff *skb;
	__u32 off, len, sum;
};

static long sl_csum_chunk(__u64 i, void *arg)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_csum *cs = arg;
	__u32 n = cs->len;

	if (!s || !n)
		return 1;
	if (n > sizeof(s->buf))
		n = sizeof(s->buf);
	__builtin_memset(s->buf, 0, sizeof(s->buf));
	if (bpf_skb_load_bytes(cs->skb, cs->off, s->buf, n))
		return 1;
	cs->sum = bpf_csum_diff(NULL, 0, s->buf, sizeof(s->buf), cs->sum);
	cs->off += n;
	cs->len -= n;
	return 0;
}

/* What the checksum field holds before anybody completes it. */
static __always_inline __u16 sl_csum_pseudo(struct __sk_buff *skb, struct sl_scratch *s,
					    const struct sl_ctx *c)
{
	__u32 len;

	__builtin_memset(s->buf, 0, sizeof(s->buf));
	if (c->family == SL_FAMILY_V6)
		len = bpf_skb_load_bytes(skb, ETH_HLEN_ + 8, s->buf, 32);
	else
		len = bpf_skb_load_bytes(skb, ETH_HLEN_ + 12, s->buf, 8);
	if (len)
		return 0;
	s->buf[8] = bpf_htonl(c->len + ETH_HLEN_ - c->l4_off);
	s->buf[9] = bpf_htonl(c->proto);
	return sl_csum_fold(bpf_csum_diff(NULL, 0, s->buf, 40, 0));
}

/*
 * Sum over the @keep bytes that will be embedded. A packet whose checksum is
 * left to be completed below (offload; there is no asking, but the field then
 * holds the pseudo-header's sum) will change on its way out: whatever is
 * from layer 4 on then sums to the complement of what the field holds now.
 */
static __always_inline __u32 sl_icmp_payload_sum(struct __sk_buff *skb, struct sl_scratch *s,
						 struct sl_ctx *c, __u32 keep)
{
	struct sl_csum cs = { .skb = skb, .off = ETH_HLEN_, .len = keep };
	__u32 l4 = c->l4_off, field;
	__u16 check;

	field = c->proto == IPPROTO_TCP ? 16 : c->proto == IPPROTO_UDP ? 6 : 0;
	if (field && !(c->flags & SL_PKT_FRAG_FIRST) &&
	    !bpf_skb_load_bytes(skb, l4 + field, &check, 2) && check == sl_csum_pseudo(skb, s, c)) {
		cs.len = l4 - ETH_HLEN_;
		cs.sum = (__u16)~check;
	}
	bpf_loop(SL_ICMP6_KEEP / sizeof(s->buf) + 1, sl_csum_chunk, &cs, 0);
	return cs.sum;
}

struct sl_icmp_answer {
	const union sl_addr *src, *dst;
	__u32 sum;			/* of the payload */
	__u32 keep;			/* bytes of payload */
	__be32 mtu;
	__u8 type, code;
};

/* Headers are put together in scratch, where they are aligned. Bytes written. */
static __always_inline __u32 sl_icmp4_write(struct sl_scratch *s, const struct sl_icmp_answer *a)
{
	struct iphdr *ip = (void *)s->buf;
	struct sl_icmp *icmp = (void *)(ip + 1);

	__builtin_memset(s->buf, 0, sizeof(s->buf));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = SL_ICMP_TOS;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + a->keep);
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = SL_ICMP_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = a->src->w[3];
	ip->daddr = a->dst->w[3];
	ip->check = ~sl_csum_fold(bpf_csum_diff(NULL, 0, s->buf, sizeof(*ip), 0));
	icmp->type = a->type;
	icmp->code = a->code;
	icmp->data = a->mtu;
	icmp->check = ~sl_csum_fold(bpf_csum_diff(NULL, 0, (void *)icmp, sizeof(*icmp), a->sum));
	return sizeof(*ip) + sizeof(*icmp);
}

static __always_inline __u32 sl_icmp6_write(struct sl_scratch *s, const struct sl_icmp_answer *a)
{
	struct ipv6hdr *ip = (void *)s->buf;
	struct sl_icmp *icmp = (void *)(ip + 1);
	__u32 len = sizeof(*icmp) + a->keep;

	__builtin_memset(s->buf, 0, sizeof(s->buf));
	__builtin_memcpy(&ip->saddr, a->src, 16);
	__builtin_memcpy(&ip->daddr, a->dst, 16);
	icmp->type = a->type;
	icmp->code = a->code;
	icmp->data = a->mtu;
	/* The pseudo-header is the addresses and, where the rest of the fixed
	 * header will be, length and protocol: RFC 8200 section 8.1. */
	s->buf[0] = bpf_htonl(len);
	s->buf[1] = bpf_htonl(IPPROTO_ICMPV6);
	icmp->check = ~sl_csum_fold(bpf_csum_diff(NULL, 0, s->buf, sizeof(*ip) + sizeof(*icmp),
						  a->sum));
	s->buf[0] = 0;
	ip->version = 6;
	ip->payload_len = bpf_htons(len);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = SL_ICMP_TTL;
	return sizeof(*ip) + sizeof(*icmp);
}

static __always_inline int sl_icmp_swap_macs(struct __sk_buff *skb, struct sl_scratch *s)
{
	__u16 *mac = (void *)s->buf, tmp;
	int i;

	if (bpf_skb_load_bytes(skb, 0, mac, 2 * ETH_ALEN))
		return -1;
#pragma unroll
	for (i = 0; i < 3; i++) {
		tmp = mac[i];
		mac[i] = mac[i + 3];
		mac[i + 3] = tmp;
	}
	return bpf_skb_store_bytes(skb, 0, mac, 2 * ETH_ALEN, 0);
}

static __always_inline int sl_icmp_build(struct __sk_buff *skb, struct sl_ctx *c,
				    struct sl_icmp_answer *a)
{
	struct sl_scratch *s = sl_scratch_get();
	bool v6 = c->family == SL_FAMILY_V6;
	__u32 max = v6 ? SL_ICMP6_KEEP : SL_ICMP4_KEEP, len;

	if (!s)
		return -1;
	a->keep = c->len < max ? c->len : max;
	if (bpf_skb_change_tail(skb, ETH_HLEN_ + a->keep, 0))
		return -1;
	a->sum = sl_icmp_payload_sum(skb, s, c, a->keep);
	if (bpf_skb_adjust_room(skb, v6 ? 48 : 28, BPF_ADJ_ROOM_MAC, 0))
		return -1;
	if (sl_icmp_swap_macs(skb, s))
		return -1;
	len = v6 ? sl_icmp6_write(s, a) : sl_icmp4_write(s, a);
	return bpf_skb_store_bytes(skb, ETH_HLEN_, s->buf, len, 0);
}

/* The pod's hook may not be able to redirect to a peer (netkit). */
static __always_inline int sl_icmp_to_pod(struct __sk_buff *skb)
{
	struct sl_ep *ep = NULL;

	if (sl_if_ep(skb->ifindex, &ep) && ep && ep->flags & SL_EP_FLAG_NETKIT)
		return sl_judged_xmit(skb, skb->ifindex);
	return bpf_redirect_peer(skb->ifindex, 0);
}

int sl_tunnel_out(struct __sk_buff *skb, const union sl_addr *via, __u32 vni);

/* RFC 1122 section 3.2.2, RFC 4443 section 2.4(e). */
static __always_inline bool sl_icmp_allowed(const struct sl_ctx *c)
{
	return !(c->flags & (SL_PKT_ICMP_ERROR | SL_PKT_FRAG_LATER));
}

/*
 * An answer, made of a packet in its place, leaves the way that came in; to a
 * client whose packets another node sends on, by this node's own way. What this
 * node sent itself it receives on its loopback device, where no program of ours
 * judges it, and what its stack forwards goes back to where that had it from.
 */
static __always_inline int sl_answer_out(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();

	if (!s || !st)
		return SL_ACT_DROP;
	switch (c->hook) {
	case SL_HOOK_FROM_POD:
		return sl_icmp_to_pod(skb);
	case SL_HOOK_FROM_TUNNEL:
		if (c->flags & SL_PKT_FORWARDED)
			return bpf_redirect_neigh(st->uplink_ifindex, NULL, 0, 0);
		return sl_tunnel_out(skb, &s->tunnel_src, s->tunnel_vni);
	case SL_HOOK_TO_POD:
		if (skb->ingress_ifindex)
			return bpf_redirect_neigh(skb->ingress_ifindex, NULL, 0, 0);
		/* To its MAC, or it would be somebody else's there. */
		__builtin_memset(s->buf, 0, ETH_ALEN);
		if (bpf_skb_store_bytes(skb, 0, s->buf, ETH_ALEN, 0))
			return SL_ACT_DROP;
		return bpf_redirect(SL_LOOPBACK_IFINDEX, BPF_F_INGRESS);
	default:
		return bpf_redirect(skb->ifindex, 0);
	}
}

static __always_inline void sl_icmp_kind(struct sl_icmp_answer *a, bool v6, __u32 mtu)
{
	if (mtu == SL_ICMP_PROHIBITED) {
		a->type = v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH;
		a->code = v6 ? ICMPV6_ADM_PROHIBITED : ICMP_PKT_FILTERED;
		return;
	}
	if (mtu == SL_ICMP_NO_PORT) {
		a->type = v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH;
		a->code = v6 ? ICMPV6_PORT_UNREACH : ICMP_PORT_UNREACH;
		return;
	}
	a->mtu = bpf_htonl(mtu);
	if (v6) {
		a->type = mtu ? ICMPV6_PKT_TOOBIG : ICMPV6_TIME_EXCEED;
	} else {
		a->type = mtu ? ICMP_DEST_UNREACH : ICMP_TIME_EXCEEDED;
		a->code = mtu ? ICMP_FRAG_NEEDED : 0;
	}
}

/*
 * Answers @c's packet, which is still as it came, with an ICMP error: packet
 * too big when @mtu is not zero, unreachable when it is SL_ICMP_PROHIBITED or
 * SL_ICMP_NO_PORT, else time exceeded. The packet is used up; the verdict sends the answer or
 * drops.
 */
__noinline int sl_icmp_answer(struct __sk_buff *skb, struct sl_ctx *c, __u32 mtu)
{
	struct sl_state *st = sl_state_get();
	struct sl_icmp_answer a = {};
	__u8 dir;

	if (!c || !st || !sl_icmp_allowed(c))
		return SL_ACT_DROP;
	dir = c->dir & 1;
	a.src = &st->node_addr[c->family & 1];
	a.dst = &c->key.addr[dir];
	/* Its own address as a source is what the node's stack takes from nobody. */
	if (c->hook == SL_HOOK_TO_POD)
		a.src = &c->key.addr[!dir];
	if (sl_addr_is_zero(a.src))
		return SL_ACT_DROP;
	if (!sl_limit_take(SL_LIMIT_ICMP, sl_icmp_rate, sl_icmp_burst)) {
		sl_count_inc(SL_COUNT_ICMP_LIMITED);
		return SL_ACT_DROP;
	}
	sl_icmp_kind(&a, c->family == SL_FAMILY_V6, mtu);
	if (sl_icmp_build(skb, c, &a))
		return SL_ACT_DROP;
	sl_count_inc(SL_COUNT_ICMP_SENT);
	return sl_answer_out(skb, c);
}

#endif /* SL_BPF_ICMP_H */
