/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frame to struct sl_ctx. Two parsers with one result: sl_parse_fast() for
 * what nearly every packet is (TCP or UDP in plain IPv4 or IPv6, headers in
 * the linear part), by direct access and inlined; sl_parse() for everything.
 */
#ifndef SL_BPF_PARSE_H
#define SL_BPF_PARSE_H

#include "bpf/ctx.h"

/* RFC 8200 lists six extension headers, each once; one spare. */
#define SL_EXT_MAX	7

/* Layer 3 of a packet, or of the packet inside an ICMP error. */
struct sl_l3 {
	union sl_addr src, dst;
	__u32 frag_id;
	__u32 end;			/* offset behind the last byte */
	__u16 l4_off;
	__u8 proto;
	__u8 frag_proto;
	__u8 flags;			/* SL_PKT_FRAG_ */
	__u8 tiny;			/* TCP fragment that could rewrite flags */
};

struct sl_ports {
	__be16 src, dst;
};

struct sl_frag_hdr {			/* RFC 8200 section 4.5 */
	__u8 nexthdr;
	__u8 reserved;
	__be16 frag_off;		/* offset in the upper 13 bits, M is bit 0 */
	__be32 id;
};

static __always_inline bool sl_is_icmp_error(__u8 family, __u8 type)
{
	if (family == SL_FAMILY_V6)
		return type < 128;	/* RFC 4443 section 2.1 */
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_REDIRECT || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

static __always_inline bool sl_is_icmp_echo(__u8 family, __u8 type)
{
	if (family == SL_FAMILY_V6)
		return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY;
}

static __always_inline bool sl_is_icmp(__u8 family, __u8 proto)
{
	return proto == (family == SL_FAMILY_V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* Nothing found, or too old to be of the same packet: the ports stay unknown. */
static __always_inline bool sl_frag_get(const struct sl_l3 *l3, struct sl_ports *ports,
					__u8 *proto)
{
	struct sl_frag_key key = {
		.saddr = l3->src,
		.daddr = l3->dst,
		.id = l3->frag_id,
		.proto = l3->frag_proto,
	};
	struct sl_frag_val *val = bpf_map_lookup_elem(&sl_frag, &key);

	if (!val || bpf_ktime_get_coarse_ns() - val->seen_ns >
		    SL_TIMEOUT_FRAG_S * 1000000000ULL)
		return false;
	ports->src = val->sport;
	ports->dst = val->dport;
	*proto = val->proto;
	return true;
}

/* False: malformed. */
static __noinline bool sl_parse_v4(struct __sk_buff *skb, __u32 off, bool inner, struct sl_l3 *l3)
{
	struct iphdr ip;
	__u32 hlen, len;
	__u16 frag;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)))
		return false;
	hlen = ip.ihl * 4;
	len = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || hlen < sizeof(ip))
		return false;
	/* Segmentation offload over 64 KiB has no length to write here. */
	if (!len && skb->gso_size && !inner)
		len = skb->len - off;
	if (len < hlen || (!inner && off + len > skb->len))
		return false;
	sl_addr_set_v4(&l3->src, ip.saddr);
	sl_addr_set_v4(&l3->dst, ip.daddr);
	l3->l4_off = off + hlen;
	l3->end = off + len;
	l3->proto = ip.protocol;
	l3->frag_proto = ip.protocol;
	l3->frag_id = ip.id;
	frag = bpf_ntohs(ip.frag_off);
	if (frag & IP_OFFSET)
		l3->flags = SL_PKT_FRAG_LATER;
	else if (frag & IP_MF)
		l3->flags = SL_PKT_FRAG_FIRST;
	l3->tiny = ip.protocol == IPPROTO_TCP && (frag & IP_OFFSET) == 1;
	return true;
}

/* Walks the extension headers; @l3 has the fixed header's word. */
static __always_inline bool sl_parse_ext(struct __sk_buff *skb, struct sl_l3 *l3)
{
	struct sl_frag_hdr frag;
	__u8 ext[2];
	__u32 off = l3->l4_off;
	__u16 frag_off;
	int i;

	for (i = 0; i < SL_EXT_MAX; i++) {
		switch (l3->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
			if (bpf_skb_load_bytes(skb, off, ext, sizeof(ext)))
				return false;
			/* RFC 4302 section 2.2: AH counts in words, less two. */
			off += l3->proto == IPPROTO_AH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
			l3->proto = ext[0];
			break;
		case IPPROTO_FRAGMENT:
			if (bpf_skb_load_bytes(skb, off, &frag, sizeof(frag)))
				return false;
			frag_off = bpf_ntohs(frag.frag_off);
			off += sizeof(frag);
			l3->proto = frag.nexthdr;
			l3->frag_proto = frag.nexthdr;
			l3->frag_id = frag.id;
			if (frag_off & 0xfff8) {
				l3->flags = SL_PKT_FRAG_LATER;
				l3->tiny = frag.nexthdr == IPPROTO_TCP && (frag_off >> 3) == 1;
				l3->l4_off = off;
				return true;
			}
			if (frag_off & 1)
				l3->flags = SL_PKT_FRAG_FIRST;
			break;
		default:
			l3->l4_off = off;
			return true;
		}
	}
	return false;
}

static __noinline bool sl_parse_v6(struct __sk_buff *skb, __u32 off, bool inner, struct sl_l3 *l3)
{
	struct ipv6hdr ip;
	__u32 len;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)))
		return false;
	len = bpf_ntohs(ip.payload_len);
	if (ip.version != 6)
		return false;
	/* Zero: nothing behind, or a jumbogram (RFC 2675) made by GSO. */
	if (!len && skb->gso_size && !inner)
		len = skb->len - off - sizeof(ip);
	if (!inner && off + sizeof(ip) + len > skb->len)
		return false;
	__builtin_memcpy(&l3->src, &ip.saddr, sizeof(l3->src));
	__builtin_memcpy(&l3->dst, &ip.daddr, sizeof(l3->dst));
	l3->l4_off = off + sizeof(ip);
	l3->end = off + sizeof(ip) + len;
	l3->proto = ip.nexthdr;
	return sl_parse_ext(skb, l3);
}

/*
 * Ports, or the echo identifier in both. Of an embedded packet only eight
 * bytes of layer 4 need be there (RFC 792).
 */
static __always_inline bool sl_parse_l4(struct __sk_buff *skb, struct sl_ctx *c,
					const struct sl_l3 *l3, struct sl_ports *ports)
{
	__u8 hdr[14];

	ports->src = 0;
	ports->dst = 0;
	switch (l3->proto) {
	case IPPROTO_TCP:
		if (l3->l4_off + sizeof(struct tcphdr) > l3->end ||
		    bpf_skb_load_bytes(skb, l3->l4_off, hdr, sizeof(hdr)))
			return false;
		c->tcp_flags = hdr[13];
		break;
	case IPPROTO_SCTP:
		if (l3->l4_off + 12 > l3->end)
			return false;
		/* fall through */
	case IPPROTO_UDP:
		if (l3->l4_off + sizeof(struct udphdr) > l3->end ||
		    bpf_skb_load_bytes(skb, l3->l4_off, hdr, 8))
			return false;
		break;
	default:
		if (!sl_is_icmp(c->family, l3->proto))
			return true;
		if (l3->l4_off + 8 > l3->end || bpf_skb_load_bytes(skb, l3->l4_off, hdr, 8))
			return false;
		c->tcp_flags = hdr[0];
		if (sl_is_icmp_echo(c->family, hdr[0])) {
			c->flags |= SL_PKT_ECHO;
			__builtin_memcpy(&ports->src, hdr + 4, 2);
			ports->dst = ports->src;
		} else if (sl_is_icmp_error(c->family, hdr[0])) {
			c->flags |= SL_PKT_ICMP_ERROR;
		}
		return true;
	}
	__builtin_memcpy(&ports->src, hdr, 2);
	__builtin_memcpy(&ports->dst, hdr + 2, 2);
	return true;
}

static __always_inline void sl_parse_inner_l4(struct __sk_buff *skb, const struct sl_ctx *c,
					      const struct sl_l3 *l3, struct sl_ports *ports)
{
	__u8 hdr[8];

	ports->src = 0;
	ports->dst = 0;
	/* A later fragment, or cut off: matches no flow with ports, and should not. */
	if (l3->flags & SL_PKT_FRAG_LATER || bpf_skb_load_bytes(skb, l3->l4_off, hdr, sizeof(hdr)))
		return;
	if (l3->proto == IPPROTO_TCP || l3->proto == IPPROTO_UDP || l3->proto == IPPROTO_SCTP) {
		__builtin_memcpy(&ports->src, hdr, 2);
		__builtin_memcpy(&ports->dst, hdr + 2, 2);
	} else if (sl_is_icmp(c->family, l3->proto) && sl_is_icmp_echo(c->family, hdr[0])) {
		__builtin_memcpy(&ports->src, hdr + 4, 2);
		ports->dst = ports->src;
	}
}

/*
 * The packet that an ICMP error is about becomes the key; the error itself
 * travels against it.
 */
static __noinline bool sl_parse_inner(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_l3 l3 = {};
	struct sl_ports ports;
	bool ok;

	c->inner_off = c->l4_off + 8;
	ok = c->family == SL_FAMILY_V6 ? sl_parse_v6(skb, c->inner_off, true, &l3) :
					 sl_parse_v4(skb, c->inner_off, true, &l3);
	if (!ok)
		return false;
	c->inner_l4 = l3.l4_off;
	c->key.proto = l3.proto;
	sl_parse_inner_l4(skb, c, &l3, &ports);
	c->dir = !sl_tuple_set(&c->key, &l3.src, &l3.dst, ports.src, ports.dst);
	return true;
}

static __noinline int sl_parse_ip(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_ports ports = {};
	struct sl_l3 l3 = {};
	bool ok;

	if (!s)
		return SL_PARSE_MALFORMED;

	ok = c->family == SL_FAMILY_V6 ? sl_parse_v6(skb, ETH_HLEN_, false, &l3) :
					 sl_parse_v4(skb, ETH_HLEN_, false, &l3);
	c->proto = l3.proto;
	c->l4_off = l3.l4_off;
	c->frag_id = l3.frag_id;
	c->frag_proto = l3.frag_proto;
	c->flags = l3.flags;
	if (ok && !l3.tiny && l3.flags & SL_PKT_FRAG_LATER) {
		if (!sl_frag_get(&l3, &ports, &c->proto))
			c->flags |= SL_PKT_FRAG_ORPHAN;
	} else if (ok) {
		ok = sl_parse_l4(skb, c, &l3, &ports);
	}
	c->key.proto = c->proto;
	/* Even of a broken packet, for the record of its drop. */
	c->dir = sl_tuple_set(&c->key, &l3.src, &l3.dst, ports.src, ports.dst);
	if (!ok || l3.tiny)
		return SL_PARSE_MALFORMED;
	if (c->family == SL_FAMILY_V6 &&
	    (sl_addr_is_mapped(&l3.src) || sl_addr_is_mapped(&l3.dst)))
		return SL_PARSE_MAPPED;
	if (c->flags & SL_PKT_ICMP_ERROR) {
		s->outer[0] = l3.src;
		s->outer[1] = l3.dst;
		if (!sl_parse_inner(skb, c))
			return SL_PARSE_MALFORMED;
	}
	return SL_PARSE_OK;
}

/* Any frame. @c: zero but for hook and way_in. Returns enum sl_parse. */
__noinline int sl_parse(struct __sk_buff *skb, struct sl_ctx *c)
{
	__be16 proto;

	if (!c)
		return SL_PARSE_MALFORMED;
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->len = skb->len - ETH_HLEN_;
	c->eth_proto = 0;
	c->family = SL_FAMILY_V4;
	c->proto = 0;
	c->tcp_flags = 0;
	c->flags = 0;
	c->dir = 0;
	if (bpf_skb_load_bytes(skb, 12, &proto, sizeof(proto)))
		return SL_PARSE_MALFORMED;
	c->eth_proto = proto;
	if (skb->vlan_present || proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD))
		return SL_PARSE_VLAN;
	if (proto == bpf_htons(ETH_P_ARP))
		return SL_PARSE_ARP;
	if (proto == bpf_htons(ETH_P_IP))
		c->family = SL_FAMILY_V4;
	else if (proto == bpf_htons(ETH_P_IPV6))
		c->family = SL_FAMILY_V6;
	else
		return SL_PARSE_OTHER;
	return sl_parse_ip(skb, c);
}

static __always_inline bool sl_parse_fast_v4(void *data, void *end, struct sl_ctx *c)
{
	struct iphdr *ip = data + ETH_HLEN_;
	struct tcphdr *l4 = (void *)(ip + 1);
	__u64 src, dst;

	if ((void *)l4 + sizeof(struct udphdr) > end)
		return false;
	/* No options, no fragment. */
	if (*(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return false;
	if (ip->protocol == IPPROTO_TCP) {
		if ((void *)(l4 + 1) > end)
			return false;
		c->tcp_flags = ((__u8 *)l4)[13];
	} else if (ip->protocol == IPPROTO_UDP) {
		c->tcp_flags = 0;
	} else {
		return false;
	}
	src = (__u64)bpf_ntohl(ip->saddr) << 16 | bpf_ntohs(l4->source);
	dst = (__u64)bpf_ntohl(ip->daddr) << 16 | bpf_ntohs(l4->dest);
	if (src > dst) {
		sl_addr_set_v4(&c->key.addr[0], ip->daddr);
		sl_addr_set_v4(&c->key.addr[1], ip->saddr);
		c->key.port[0] = l4->dest;
		c->key.port[1] = l4->source;
		c->dir = 1;
	} else {
		sl_addr_set_v4(&c->key.addr[0], ip->saddr);
		sl_addr_set_v4(&c->key.addr[1], ip->daddr);
		c->key.port[0] = l4->source;
		c->key.port[1] = l4->dest;
		c->dir = 0;
	}
	c->key.proto = ip->protocol;
	c->proto = ip->protocol;
	c->l4_off = ETH_HLEN_ + sizeof(*ip);
	return true;
}

static __always_inline bool sl_parse_fast_v6(void *data, void *end, struct sl_ctx *c)
{
	struct ipv6hdr *ip = data + ETH_HLEN_;
	struct tcphdr *l4 = (void *)(ip + 1);
	union sl_addr src, dst;

	if ((void *)l4 + sizeof(struct udphdr) > end)
		return false;
	if (*(__u8 *)ip >> 4 != 6)
		return false;
	if (ip->nexthdr == IPPROTO_TCP) {
		if ((void *)(l4 + 1) > end)
			return false;
		c->tcp_flags = ((__u8 *)l4)[13];
	} else if (ip->nexthdr == IPPROTO_UDP) {
		c->tcp_flags = 0;
	} else {
		return false;
	}
	__builtin_memcpy(&src, &ip->saddr, sizeof(src));
	__builtin_memcpy(&dst, &ip->daddr, sizeof(dst));
	/* Mapped, unspecified, loopback: nothing that is common. */
	if (!src.d[0] || !dst.d[0])
		return false;
	c->dir = sl_tuple_set(&c->key, &src, &dst, l4->source, l4->dest);
	c->key.proto = ip->nexthdr;
	c->proto = ip->nexthdr;
	c->l4_off = ETH_HLEN_ + sizeof(*ip);
	return true;
}

/* False: not one of the common kinds, sl_parse() will say. */
static __always_inline bool sl_parse_fast(struct __sk_buff *skb, struct sl_ctx *c)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;

	if (skb->vlan_present || (void *)(eth + 1) > end)
		return false;
	c->eth_proto = eth->h_proto;
	c->flags = 0;
	c->len = skb->len - ETH_HLEN_;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		c->family = SL_FAMILY_V4;
		return sl_parse_fast_v4(data, end, c);
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		c->family = SL_FAMILY_V6;
		return sl_parse_fast_v6(data, end, c);
	}
	return false;
}

#endif /* SL_BPF_PARSE_H */
