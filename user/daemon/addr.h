/* SPDX-License-Identifier: GPL-2.0 */
/* Small questions about addresses and prefixes that several files ask. */
#ifndef SLUICED_ADDR_H
#define SLUICED_ADDR_H

#include <stdbool.h>
#include <string.h>
#include "lib/sluice.h"

static inline bool addr_is_zero(const union sl_addr *a)
{
	return !a->d[0] && !a->d[1];
}

static inline bool addr_equal(const union sl_addr *a, const union sl_addr *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}

static inline enum sl_family addr_family(const union sl_addr *a)
{
	return sluice_addr_is_v4(a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
}

/* fe80::/10: means something on one link only. */
static inline bool addr_is_link_local_v6(const union sl_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* 127.0.0.0/8 or ::1: never on a wire. */
static inline bool addr_is_loopback(const union sl_addr *a)
{
	static const union sl_addr v6 = { .b = { [15] = 1 } };

	return sluice_addr_is_v4(a) ? a->b[12] == 127 : addr_equal(a, &v6);
}

/* By its range: a v4 prefix is mapped and has 96 bits or more. */
static inline enum sl_family prefix_family(const struct sl_prefix *p)
{
	union sl_addr a = p->addr;	/* packed: no pointer into it */

	return p->prefixlen >= 96 && sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
}

/* Keys are compared as bytes, as the kernel does. */
static inline int prefix_key_cmp(const struct sl_prefix *a, const struct sl_prefix *b)
{
	return memcmp(a, b, sizeof(*a));
}

static inline struct sl_prefix prefix_of_addr(const union sl_addr *a)
{
	return (struct sl_prefix){ .prefixlen = 128, .addr = *a };
}

/* The network that an address with a prefix length lies in. */
static inline struct sl_prefix prefix_mask(const struct sl_prefix *p)
{
	struct sl_prefix out = *p;

	for (unsigned int i = out.prefixlen; i < 128; i++)
		out.addr.b[i / 8] &= (__u8)~(0x80 >> (i % 8));
	return out;
}

#endif
