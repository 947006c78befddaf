/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maglev's table: which backend each of a prime number of entries is (Eisenbud
 * et al., NSDI 2016, section 3.4). It follows from the backends alone, so all
 * nodes that know the same ones have the same table, and a backend that comes
 * or goes moves few entries of the others.
 */
#ifndef SLUICED_MAGLEV_H
#define SLUICED_MAGLEV_H

#include "lib/sluice.h"

struct maglev_backend {
	__u64 hash;			/* maglev_hash(): what it is, the same everywhere */
	__u32 id;			/* what its entries say; not 0 */
	__u32 weight;			/* share of the table among the others' */
	/* maglev_build()'s */
	__u32 pos, at, skip, credit;
};

__u64 maglev_hash(const union sl_addr *addr, __be16 port);

/*
 * Entries for @n backends: the first prime of the list that is 100 times as many,
 * with which no share is off by more than a hundredth or so (section 5.3); the last
 * one where none is. Each of the list is the largest prime below a power of two, as
 * tables are kept in pages.
 */
__u32 maglev_size(unsigned int n);
__u32 maglev_size_below(__u32 size);		/* the next smaller one; 0: none */
bool maglev_size_valid(__u32 size);

/*
 * maglev_build() - fill in @table of @size entries, one of the sizes above
 * @b: @n of them, at least 1; reordered. Those with equal hashes take turns in the
 *     order in which they are given. Of more than @size some get no entry.
 */
void maglev_build(struct maglev_backend *b, unsigned int n, __u32 *table, __u32 size);

#endif
