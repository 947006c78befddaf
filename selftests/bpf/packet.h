/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames for test runs: made from a description, with right checksums, and
 * looked into again. Independent of the pipeline's own headers on purpose.
 */
#ifndef SELFTESTS_BPF_PACKET_H
#define SELFTESTS_BPF_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"

#define PKT_MAX	10240

struct pkt {
	uint8_t b[PKT_MAX];
	size_t len;
};

/* Zero is the usual: TCP from port 0, hop limit 64, no payload, no options. */
struct pkt_spec {
	const char *src, *dst;		/* the family is theirs */
	const uint8_t *smac, *dmac;
	uint8_t proto;			/* IPPROTO_; 0: TCP */
	uint16_t sport, dport;		/* echo: sport is the identifier */
	uint8_t flags;			/* TCP */
	uint8_t type, code;		/* ICMP */
	uint32_t icmp_data;		/* ICMP error: second word, host order */
	uint8_t ttl;
	unsigned int payload;		/* bytes behind the headers, of a pattern */
	const uint8_t *bytes;		/* unless they are these */
	uint32_t tag;			/* SCTP: verification tag */
	unsigned int options;		/* 4-byte words of IPv4; 8-byte destination options of IPv6 */
	bool df;
	bool more;			/* more fragments follow */
	uint16_t frag_off;		/* bytes, multiple of 8 */
	uint32_t frag_id;		/* IPv6: a fragment header when not zero */
	bool no_csum;			/* UDP checksum zero */
	bool partial;			/* checksum: only the pseudo-header's sum, as offload leaves it */
	const struct pkt *inner;	/* ICMP error: the packet that it is about, with frame */
	size_t inner_len;		/* bytes of its layer 3 that are embedded; 0: all */
};

#define TH_FIN	0x01
#define TH_SYN	0x02
#define TH_RST	0x04
#define TH_PUSH	0x08
#define TH_ACK	0x10

void pkt_make(struct pkt *p, const struct pkt_spec *s);
/* What the later fragment of @s's packet looks like: no layer 4 header. */
void pkt_make_frag(struct pkt *p, const struct pkt_spec *s);
void pkt_vlan(struct pkt *p, uint16_t tci);

/* NULL when all checksums are right (an IP header's, layer 4's), else which is not. */
const char *pkt_csum_wrong(const struct pkt *p);
/* The same for a packet whose layer 3 begins at @off; @cut: layer 4 is not complete. */
const char *pkt_csum_wrong_at(const struct pkt *p, size_t off, bool cut);

bool pkt_is_v6(const struct pkt *p);
uint8_t pkt_ttl(const struct pkt *p);
/* Layer 4 header: offset in the frame and protocol, extension headers skipped. */
size_t pkt_l4(const struct pkt *p, uint8_t *proto);
size_t pkt_l4_at(const struct pkt *p, size_t off, uint8_t *proto);
void pkt_addr(const struct pkt *p, bool dst, union sl_addr *out);
void pkt_addr_at(const struct pkt *p, size_t off, bool dst, union sl_addr *out);
uint16_t pkt_u16(const struct pkt *p, size_t off);	/* host order */
uint32_t pkt_u32(const struct pkt *p, size_t off);

union sl_addr addr_of(const char *text);
/* Canonical key of a packet from (@src, @sport) to (@dst, @dport), and its direction. */
int tuple_of(struct sl_tuple *key, const char *src, uint16_t sport, const char *dst,
	     uint16_t dport, uint8_t proto);

#endif
