// SPDX-License-Identifier: GPL-2.0
/* Makes frames and checks them. See packet.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "packet.h"

#define ETH	14

static void put16(uint8_t *b, uint16_t v)
{
	b[0] = v >> 8;
	b[1] = v & 0xff;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v & 0xffff);
}

static uint32_t sum16(const uint8_t *b, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	if (len & 1)
		sum += (uint32_t)b[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

union sl_addr addr_of(const char *text)
{
	union sl_addr a = { 0 };

	if (inet_pton(AF_INET6, text, a.b) == 1)
		return a;
	a.b[10] = a.b[11] = 0xff;
	if (inet_pton(AF_INET, text, a.b + 12) != 1) {
		fprintf(stderr, "not an address: %s\n", text);
		abort();
	}
	return a;
}

int tuple_of(struct sl_tuple *key, const char *src, uint16_t sport, const char *dst,
	     uint16_t dport, uint8_t proto)
{
	union sl_addr a[2] = { addr_of(src), addr_of(dst) };
	uint16_t port[2] = { sport, dport };
	int c = memcmp(a[0].b, a[1].b, 16), dir;

	dir = c > 0 || (!c && sport > dport);
	memset(key, 0, sizeof(*key));
	for (int i = 0; i < 2; i++) {
		key->addr[i] = a[i ^ dir];
		key->port[i] = htons(port[i ^ dir]);
	}
	key->proto = proto;
	return dir;
}

static bool spec_is_v6(const struct pkt_spec *s)
{
	return strchr(s->src, ':') != NULL;
}

static uint8_t spec_proto(const struct pkt_spec *s)
{
	return s->proto ? s->proto : IPPROTO_TCP;
}

static void put_eth(struct pkt *p, const struct pkt_spec *s)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->b, s->dmac, 6);
	memcpy(p->b + 6, s->smac, 6);
	put16(p->b + 12, spec_is_v6(s) ? 0x86dd : 0x0800);
	p->len = ETH;
}

static void put_v4(struct pkt *p, const struct pkt_spec *s)
{
	uint8_t *ip = p->b + ETH;
	union sl_addr a;

	ip[0] = 0x45 + s->options;
	put16(ip + 4, s->frag_id);
	put16(ip + 6, (s->df ? 0x4000 : 0) | (s->more ? 0x2000 : 0) | s->frag_off / 8);
	ip[8] = s->ttl ? s->ttl : 64;
	ip[9] = spec_proto(s);
	a = addr_of(s->src);
	memcpy(ip + 12, a.b + 12, 4);
	a = addr_of(s->dst);
	memcpy(ip + 16, a.b + 12, 4);
	memset(ip + 20, 1, s->options * 4);	/* no operation */
	p->len += 20 + s->options * 4;
}

static void put_v6(struct pkt *p, const struct pkt_spec *s)
{
	uint8_t *ip = p->b + ETH, *next = ip + 6;
	union sl_addr a;

	ip[0] = 0x60;
	ip[7] = s->ttl ? s->ttl : 64;
	a = addr_of(s->src);
	memcpy(ip + 8, a.b, 16);
	a = addr_of(s->dst);
	memcpy(ip + 24, a.b, 16);
	p->len += 40;
	for (unsigned int i = 0; i < s->options; i++) {
		*next = IPPROTO_DSTOPTS;
		next = p->b + p->len;
		next[2] = 1;			/* PadN, four bytes */
		next[3] = 4;
		p->len += 8;
	}
	if (s->frag_id) {
		*next = IPPROTO_FRAGMENT;
		next = p->b + p->len;
		put16(next + 2, s->frag_off | s->more);
		put32(next + 4, s->frag_id);
		p->len += 8;
	}
	*next = spec_proto(s);
}

static size_t put_l4(struct pkt *p, const struct pkt_spec *s)
{
	uint8_t *h = p->b + p->len;

	switch (spec_proto(s)) {
	case IPPROTO_TCP:
		put16(h, s->sport);
		put16(h + 2, s->dport);
		h[12] = 5 << 4;
		h[13] = s->flags;
		put16(h + 14, 0xffff);
		return 20;
	case IPPROTO_UDP:
		put16(h, s->sport);
		put16(h + 2, s->dport);
		return 8;
	case IPPROTO_SCTP:
		put16(h, s->sport);
		put16(h + 2, s->dport);
		put32(h + 4, s->tag);
		return 12;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		h[0] = s->type;
		h[1] = s->code;
		if (s->inner || s->icmp_data)
			put32(h + 4, s->icmp_data);
		else
			put16(h + 4, s->sport);
		return 8;
	default:
		return 0;
	}
}

static size_t csum_at(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

/* Sum of the pseudo-header: RFC 9293 section 3.1, RFC 8200 section 8.1. */
static uint32_t sum_pseudo(const uint8_t *ip, uint8_t proto, size_t l4_len)
{
	uint8_t tail[8] = { 0 };

	if (proto == IPPROTO_ICMP)
		return 0;
	put32(tail, l4_len);
	tail[7] = proto;
	if (ip[0] >> 4 == 6)
		return sum16(ip + 8, 32, sum16(tail, 8, 0));
	return sum16(ip + 12, 8, sum16(tail, 8, 0));
}

/* RFC 9260 appendix A: reflected, and the least significant byte comes first. */
static uint32_t crc32c(const uint8_t *sctp, size_t len)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < len; i++) {
		crc ^= i >= 8 && i < 12 ? 0 : sctp[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

/* Into the header @to, what that of @sctp should say. */
static void put_crc32c(uint8_t *to, const uint8_t *sctp, size_t len)
{
	uint32_t crc = crc32c(sctp, len);

	for (int i = 0; i < 4; i++)
		to[8 + i] = crc >> 8 * i;
}

static void finish(struct pkt *p, const struct pkt_spec *s, size_t l4)
{
	uint8_t *ip = p->b + ETH, proto = spec_proto(s);
	size_t at = csum_at(proto), l4_len = p->len - l4;
	uint16_t sum;

	if (ip[0] >> 4 == 6) {
		put16(ip + 4, p->len - ETH - 40);
	} else {
		put16(ip + 2, p->len - ETH);
		put16(ip + 10, ~sum16(ip, (ip[0] & 15) * 4, 0));
	}
	if (proto == IPPROTO_UDP)
		put16(p->b + l4 + 4, l4_len);
	if (proto == IPPROTO_SCTP && !s->partial && !s->more)
		put_crc32c(p->b + l4, p->b + l4, l4_len);
	if (!at || (s->no_csum && proto == IPPROTO_UDP))
		return;
	if (s->partial) {
		put16(p->b + l4 + at, sum_pseudo(ip, proto, l4_len));
		return;
	}
	sum = ~sum16(p->b + l4, l4_len, sum_pseudo(ip, proto, l4_len));
	if (!sum && proto == IPPROTO_UDP)
		sum = 0xffff;
	put16(p->b + l4 + at, sum);
}

static void put_payload(struct pkt *p, const struct pkt_spec *s)
{
	size_t n;

	if (s->inner) {
		n = s->inner->len - ETH;
		if (s->inner_len && s->inner_len < n)
			n = s->inner_len;
		memcpy(p->b + p->len, s->inner->b + ETH, n);
		p->len += n;
	}
	for (unsigned int i = 0; i < s->payload && p->len < PKT_MAX; i++)
		p->b[p->len++] = s->bytes ? s->bytes[i] : 'a' + i % 26;
}

void pkt_make(struct pkt *p, const struct pkt_spec *s)
{
	size_t l4;

	put_eth(p, s);
	if (spec_is_v6(s))
		put_v6(p, s);
	else
		put_v4(p, s);
	l4 = p->len;
	p->len += put_l4(p, s);
	put_payload(p, s);
	finish(p, s, l4);
}

void pkt_make_frag(struct pkt *p, const struct pkt_spec *s)
{
	size_t l4;

	put_eth(p, s);
	if (spec_is_v6(s))
		put_v6(p, s);
	else
		put_v4(p, s);
	l4 = p->len;
	put_payload(p, s);
	if (spec_is_v6(s)) {
		put16(p->b + ETH + 4, p->len - ETH - 40);
		return;
	}
	put16(p->b + ETH + 2, p->len - ETH);
	put16(p->b + ETH + 10, ~sum16(p->b + ETH, l4 - ETH, 0));
}

void pkt_vlan(struct pkt *p, uint16_t tci)
{
	memmove(p->b + 16, p->b + 12, p->len - 12);
	put16(p->b + 12, 0x8100);
	put16(p->b + 14, tci);
	p->len += 4;
}

bool pkt_is_v6(const struct pkt *p)
{
	return pkt_u16(p, 12) == 0x86dd;
}

uint8_t pkt_ttl(const struct pkt *p)
{
	return p->b[ETH + (pkt_is_v6(p) ? 7 : 8)];
}

uint16_t pkt_u16(const struct pkt *p, size_t off)
{
	return off + 2 > p->len ? 0 : p->b[off] << 8 | p->b[off + 1];
}

uint32_t pkt_u32(const struct pkt *p, size_t off)
{
	return (uint32_t)pkt_u16(p, off) << 16 | pkt_u16(p, off + 2);
}

size_t pkt_l4_at(const struct pkt *p, size_t off, uint8_t *proto)
{
	uint8_t next;

	if (p->b[off] >> 4 != 6) {
		*proto = p->b[off + 9];
		return off + (p->b[off] & 15) * 4;
	}
	next = p->b[off + 6];
	off += 40;
	for (;;) {
		if (next == IPPROTO_DSTOPTS || next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING) {
			next = p->b[off];
			off += (p->b[off + 1] + 1) * 8;
		} else if (next == IPPROTO_FRAGMENT) {
			next = p->b[off];
			off += 8;
		} else {
			break;
		}
	}
	*proto = next;
	return off;
}

size_t pkt_l4(const struct pkt *p, uint8_t *proto)
{
	return pkt_l4_at(p, ETH, proto);
}

void pkt_addr_at(const struct pkt *p, size_t off, bool dst, union sl_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (p->b[off] >> 4 == 6) {
		memcpy(out->b, p->b + off + (dst ? 24 : 8), 16);
		return;
	}
	out->b[10] = out->b[11] = 0xff;
	memcpy(out->b + 12, p->b + off + (dst ? 16 : 12), 4);
}

void pkt_addr(const struct pkt *p, bool dst, union sl_addr *out)
{
	pkt_addr_at(p, ETH, dst, out);
}

static const char *l4_csum_wrong(const struct pkt *p, size_t off)
{
	uint8_t proto;
	size_t l4 = pkt_l4_at(p, off, &proto), at = csum_at(proto);
	uint8_t want[12];

	if (proto == IPPROTO_SCTP) {
		put_crc32c(want, p->b + l4, p->len - l4);
		return memcmp(want + 8, p->b + l4 + 8, 4) ? "SCTP" : NULL;
	}
	if (!at || (proto == IPPROTO_UDP && !pkt_u16(p, l4 + at)))
		return NULL;
	if (sum16(p->b + l4, p->len - l4, sum_pseudo(p->b + off, proto, p->len - l4)) != 0xffff)
		return "layer 4";
	return NULL;
}

const char *pkt_csum_wrong_at(const struct pkt *p, size_t off, bool cut)
{
	const uint8_t *ip = p->b + off;

	if (ip[0] >> 4 == 4 && sum16(ip, (ip[0] & 15) * 4, 0) != 0xffff)
		return "IPv4 header";
	return cut ? NULL : l4_csum_wrong(p, off);
}

const char *pkt_csum_wrong(const struct pkt *p)
{
	return pkt_csum_wrong_at(p, ETH, false);
}
