/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling the sender that a rule or a service refused its packet: a reset for TCP, an
 * abort for SCTP, else an ICMP error, back the way the packet came. Out of the same bucket as all
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

/* -------------------------------------------------------------- SCTP */

/* RFC 9260 sections 3 and 3.2; a chunk's words are looked at, none is changed. */
struct sl_sctp {
	__be16 sport, dport;
	__be32 tag;
	__u32 check;
	__u8 type, flags;
	__be16 len;
	__be32 init_tag;		/* of INIT: section 3.3.2 */
};
#define SL_SCTP_ABORT_LEN	16	/* bytes: up to @init_tag */

enum sl_sctp_type {
	SL_SCTP_INIT			= 1,
	SL_SCTP_ABORT			= 6,
	SL_SCTP_SHUTDOWN_ACK		= 8,
	SL_SCTP_ERROR			= 9,
	SL_SCTP_COOKIE_ACK		= 11,
	SL_SCTP_SHUTDOWN_COMPLETE	= 14,
};
#define SL_SCTP_T	1	/* flag: the tag is the one that the packet came with */

/* Chunks of a packet that are looked at for one that says not to answer. */
#define SL_SCTP_CHUNKS	4

static __always_inline bool sl_sctp_is_silent(__u8 type)
{
	return type == SL_SCTP_ABORT || type == SL_SCTP_SHUTDOWN_COMPLETE ||
	       type == SL_SCTP_ERROR || type == SL_SCTP_COOKIE_ACK;
}

/* RFC 9260 section 8.4 points 2, 6 and 7: what is answered by nothing, or makes no sense. */
static __noinline bool sl_sctp_silent(struct __sk_buff *skb, struct sl_ctx *c)
{
	__u32 off = c->l4_off + 12, end = c->len + ETH_HLEN_, i, len;
	struct {
		__u8 type, flags;
		__be16 len;
	} chunk;

	for (i = 0; i < SL_SCTP_CHUNKS && off + sizeof(chunk) <= end; i++) {
		if (bpf_skb_load_bytes(skb, off, &chunk, sizeof(chunk)) ||
		    sl_sctp_is_silent(chunk.type))
			return true;
		len = bpf_ntohs(chunk.len);
		if (len < sizeof(chunk))
			return true;
		off += (len + 3) & ~3;
	}
	return !i;
}

/*
 * The chunk that answers @in, by RFC 9260 section 8.4: to INIT (point 3) an ABORT with its
 * initiate tag, to SHUTDOWN ACK (5) a SHUTDOWN COMPLETE, to all others (8) an
 * ABORT, these two with the tag that they came with.
 */
static __always_inline int sl_abort_fill(struct sl_sctp *out, const struct sl_sctp *in)
{
	out->sport = in->dport;
	out->dport = in->sport;
	out->check = 0;
	out->type = in->type == SL_SCTP_SHUTDOWN_ACK ? SL_SCTP_SHUTDOWN_COMPLETE : SL_SCTP_ABORT;
	out->flags = SL_SCTP_T;
	out->len = bpf_htons(4);
	out->tag = in->tag;
	if (in->type != SL_SCTP_INIT)
		return 0;
	/* Sections 8.5.1 and 3.3.2: no INIT. */
	if (in->tag || !in->init_tag)
		return -1;
	out->flags = 0;
	out->tag = in->init_tag;
	return 0;
}

static __always_inline int sl_abort_ip(struct __sk_buff *skb, struct sl_scratch *s,
				       const struct sl_ctx *c)
{
	__u32 dir = c->dir & 1;

	__builtin_memset(s->buf, 0, sizeof(s->buf));
	if (c->family == SL_FAMILY_V6) {
		struct ipv6hdr *ip = (void *)s->buf;

		ip->version = 6;
		ip->payload_len = bpf_htons(SL_SCTP_ABORT_LEN);
		ip->nexthdr = IPPROTO_SCTP;
		ip->hop_limit = SL_ICMP_TTL;
		__builtin_memcpy(&ip->saddr, &c->key.addr[!dir], 16);
		__builtin_memcpy(&ip->daddr, &c->key.addr[dir], 16);
		return bpf_skb_store_bytes(skb, ETH_HLEN_, ip, sizeof(*ip), BPF_F_RECOMPUTE_CSUM);
	} else {
		struct iphdr *ip = (void *)s->buf;

		ip->version = 4;
		ip->ihl = 5;
		ip->tot_len = bpf_htons(sizeof(*ip) + SL_SCTP_ABORT_LEN);
		ip->frag_off = bpf_htons(IP_DF);
		ip->ttl = SL_ICMP_TTL;
		ip->protocol = IPPROTO_SCTP;
		ip->saddr = c->key.addr[!dir].w[3];
		ip->daddr = c->key.addr[dir].w[3];
		ip->check = ~sl_csum_fold(bpf_csum_diff(NULL, 0, s->buf, sizeof(*ip), 0));
		return bpf_skb_store_bytes(skb, ETH_HLEN_, ip, sizeof(*ip), BPF_F_RECOMPUTE_CSUM);
	}
}

/*
 * The packet becomes its answer, in place: 0. A checksum of zero is left to who
 * sends the packet out, and stays so.
 */
static __noinline int sl_abort_build(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	__u32 l3 = c->family == SL_FAMILY_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct sl_sctp in = {}, out = {};

	if (!s || sl_sctp_silent(skb, c) ||
	    bpf_skb_load_bytes(skb, c->l4_off, &in, SL_SCTP_ABORT_LEN))
		return -1;
	if (in.type == SL_SCTP_INIT &&
	    bpf_skb_load_bytes(skb, c->l4_off + SL_SCTP_ABORT_LEN, &in.init_tag, 4))
		return -1;
	if (sl_abort_fill(&out, &in) ||
	    bpf_skb_change_tail(skb, ETH_HLEN_ + l3 + SL_SCTP_ABORT_LEN, 0) ||
	    sl_icmp_swap_macs(skb, s))
		return -1;
	if (in.check)
		out.check = sl_crc_words((void *)&out, SL_SCTP_ABORT_LEN / 4);
	if (sl_abort_ip(skb, s, c))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN_ + l3, &out, SL_SCTP_ABORT_LEN,
				   BPF_F_RECOMPUTE_CSUM);
}

/* ------------------------------------------------------------------ */

/* Options would move the segment, and a sum that is still to come would miss it. */
static __always_inline bool sl_answer_is_plain(const struct sl_ctx *c)
{
	__u32 l3 = c->family == SL_FAMILY_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	return c->l4_off == ETH_HLEN_ + l3 &&
	       !(c->flags & (SL_PKT_ICMP_ERROR | SL_PKT_FRAG_LATER | SL_PKT_FRAG_FIRST));
}

/*
 * Refused by a rule of action reject, or by a service, and counted; the verdict
 * sends the answer or drops. @code: SL_ICMP_PROHIBITED or SL_ICMP_NO_PORT.
 */
__noinline int sl_reject(struct __sk_buff *skb, struct sl_ctx *c, __u32 code)
{
	bool sctp;

	if (!c)
		return SL_ACT_DROP;
	sctp = c->proto == IPPROTO_SCTP;
	if ((c->proto != IPPROTO_TCP && !sctp) || !sl_answer_is_plain(c))
		return sl_icmp_answer(skb, c, code);
	/* RFC 9293: a reset is answered by nothing. */
	if (!sctp && sl_is_rst(c))
		return SL_ACT_DROP;
	if (!sl_limit_take(SL_LIMIT_ICMP, sl_icmp_rate, sl_icmp_burst)) {
		sl_count_inc(SL_COUNT_ICMP_LIMITED);
		return SL_ACT_DROP;
	}
	if (sctp ? sl_abort_build(skb, c) : sl_rst_build(skb, c))
		return SL_ACT_DROP;
	sl_count_inc(sctp ? SL_COUNT_ABORT_SENT : SL_COUNT_RST_SENT);
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
