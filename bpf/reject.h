/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling the sender that a rule or a service refused its packet: a reset for TCP, else an
 * ICMP error, back the way the packet came. Out of the same bucket as all
 * errors of our own making.
 */
#ifndef SL_BPF_REJECT_H
#define SL_BPF_REJECT_H

#include "bpf/forward.h"

/* TCP's part that is read, and written back: RFC 9293 section 3.1. */
struct sl_tcp {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 doff, flags;
	__be16 window;
	__sum16 check;
	__be16 urgent;
};

/* RFC 9293 section 3.10.7.1: what a closed port answers. */
static __always_inline void sl_rst_fill(const struct sl_ctx *c, const struct sl_tcp *in,
					struct sl_tcp *out)
{
	__u32 len = c->len + ETH_HLEN_ - c->l4_off - (in->doff >> 4 << 2);

	out->sport = in->dport;
	out->dport = in->sport;
	out->doff = sizeof(*out) / 4 << 4;
	if (in->flags & SL_TCP_ACK) {
		out->seq = in->ack;
		out->flags = SL_TCP_RST;
		return;
	}
	len += !!(in->flags & SL_TCP_SYN) + !!(in->flags & SL_TCP_FIN);
	out->ack = bpf_htonl(bpf_ntohl(in->seq) + len);
	out->flags = SL_TCP_RST | SL_TCP_ACK;
}

/* Header and segment in scratch; the sum of addresses, length and protocol. Bytes. */
static __always_inline __u32 sl_rst4_write(struct sl_scratch *s, const struct sl_ctx *c,
					   const struct sl_tcp *in, bool partial)
{
	struct iphdr *ip = (void *)s->buf;
	struct sl_tcp *tcp = (void *)(ip + 1);
	__u32 dir = c->dir & 1, sum;

	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = SL_ICMP_TTL;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = c->key.addr[!dir].w[3];
	ip->daddr = c->key.addr[dir].w[3];
	ip->check = ~sl_csum_fold(bpf_csum_diff(NULL, 0, s->buf, sizeof(*ip), 0));
	sum = bpf_csum_diff(NULL, 0, &s->buf[3], 8, bpf_htonl(IPPROTO_TCP + sizeof(*tcp)));
	sl_rst_fill(c, in, tcp);
	tcp->check = partial ? sl_csum_fold(sum) :
			       (__u16)~sl_csum_fold(bpf_csum_diff(NULL, 0, (void *)tcp,
								  sizeof(*tcp), sum));
	return sizeof(*ip) + sizeof(*tcp);
}

static __always_inline __u32 sl_rst6_write(struct sl_scratch *s, const struct sl_ctx *c,
					   const struct sl_tcp *in, bool partial)
{
	struct ipv6hdr *ip = (void *)s->buf;
	struct sl_tcp *tcp = (void *)(ip + 1);
	__u32 dir = c->dir & 1, sum;

	__builtin_memcpy(&ip->saddr, &c->key.addr[!dir], 16);
	__builtin_memcpy(&ip->daddr, &c->key.addr[dir], 16);
	sum = bpf_csum_diff(NULL, 0, &s->buf[2], 32, bpf_htonl(IPPROTO_TCP + sizeof(*tcp)));
	sl_rst_fill(c, in, tcp);
	tcp->check = partial ? sl_csum_fold(sum) :
			       (__u16)~sl_csum_fold(bpf_csum_diff(NULL, 0, (void *)tcp,
								  sizeof(*tcp), sum));
	ip->version = 6;
	ip->payload_len = bpf_htons(sizeof(*tcp));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = SL_ICMP_TTL;
	return sizeof(*ip) + sizeof(*tcp);
}

/*
 * The packet becomes its reset, in place: 0. The kernel completes a checksum
 * that was left to be completed below, so then there is only the pseudo-header
 * in it again; how that is told: see sl_icmp_payload_sum().
 */
static __always_inline int sl_rst_build(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	bool v6 = c->family == SL_FAMILY_V6, partial;
	__u32 l3 = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), len;
	struct sl_tcp in;

	if (!s || bpf_skb_load_bytes(skb, c->l4_off, &in, sizeof(in)))
		return -1;
	partial = in.check == sl_csum_pseudo(skb, s, c);
	if (bpf_skb_change_tail(skb, ETH_HLEN_ + l3 + sizeof(in), 0) || sl_icmp_swap_macs(skb, s))
		return -1;
	__builtin_memset(s->buf, 0, sizeof(s->buf));
	len = v6 ? sl_rst6_write(s, c, &in, partial) : sl_rst4_write(s, c, &in, partial);
	return bpf_skb_store_bytes(skb, ETH_HLEN_, s->buf, len, BPF_F_RECOMPUTE_CSUM);
}

/* Options would move the segment, and a sum that is still to come would miss it. */
static __always_inline bool sl_rst_allowed(const struct sl_ctx *c)
{
	__u32 l3 = c->family == SL_FAMILY_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	return c->proto == IPPROTO_TCP && c->l4_off == ETH_HLEN_ + l3 &&
	       !(c->flags & (SL_PKT_ICMP_ERROR | SL_PKT_FRAG_LATER | SL_PKT_FRAG_FIRST));
}

/*
 * Refused by a rule of action reject, or by a service, and counted; the verdict
 * sends the answer or drops. @code: SL_ICMP_PROHIBITED or SL_ICMP_NO_PORT.
 */
__noinline int sl_reject(struct __sk_buff *skb, struct sl_ctx *c, __u32 code)
{
	if (!c)
		return SL_ACT_DROP;
	if (!sl_rst_allowed(c))
		return sl_icmp_answer(skb, c, code);
	/* RFC 9293: a reset is answered by nothing. */
	if (sl_is_rst(c))
		return SL_ACT_DROP;
	if (!sl_limit_take(SL_LIMIT_ICMP, sl_icmp_rate, sl_icmp_burst)) {
		sl_count_inc(SL_COUNT_ICMP_LIMITED);
		return SL_ACT_DROP;
	}
	if (sl_rst_build(skb, c))
		return SL_ACT_DROP;
	sl_count_inc(SL_COUNT_RST_SENT);
	return sl_answer_out(skb, c);
}

/* The end of a packet that was judged and refused. */
static __always_inline int sl_drop_judged(struct __sk_buff *skb, struct sl_ctx *c, int reason)
{
	int act = sl_drop_packet(skb, c, reason);

	/* The responder of a translated flow is not who asked for anything. */
	if (!(c->flags & SL_PKT_REJECT) || c->flags & SL_PKT_ALIAS)
		return act;
	switch (reason) {
	case SL_DROP_RULE:
		return sl_reject(skb, c, SL_ICMP_PROHIBITED);
	case SL_DROP_NO_BACKEND:
	case SL_DROP_SERVICE_PORT:
	case SL_DROP_SERVICE_GONE:
		return sl_reject(skb, c, SL_ICMP_NO_PORT);
	default:
		return act;
	}
}

#endif /* SL_BPF_REJECT_H */
