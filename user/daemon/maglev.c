// SPDX-License-Identifier: GPL-2.0
/* See maglev.h. */
#include <stdlib.h>
#include <string.h>
#include "daemon/hash.h"
#include "daemon/maglev.h"

/*
 * Entries for each backend: with 100 their shares differ by one percent, and one
 * that goes moves few entries of the others; the more there are, the more it moves,
 * and more entries are the remedy. The word of a set has 16 bits for all of them.
 */
#define ENTRIES_EACH	100
#define MANY		50
#define ENTRIES_OF_MANY	200

static const __u32 sizes[] = { 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

__u64 maglev_hash(const union sl_addr *addr, __be16 port)
{
	unsigned char key[sizeof(*addr) + sizeof(port)];

	memcpy(key, addr, sizeof(*addr));
	memcpy(key + sizeof(*addr), &port, sizeof(port));
	return hash_bytes(0, key, sizeof(key));
}

__u32 maglev_size(unsigned int n)
{
	__u64 want = (__u64)n * (n > MANY ? ENTRIES_OF_MANY : ENTRIES_EACH);
	unsigned int i;

	for (i = 0; i < NSIZES - 1 && sizes[i] < want; i++)
		;
	return sizes[i];
}

__u32 maglev_size_below(__u32 size)
{
	unsigned int i;

	for (i = NSIZES; i && sizes[i - 1] >= size; i--)
		;
	return i ? sizes[i - 1] : 0;
}

bool maglev_size_valid(__u32 size)
{
	unsigned int i;

	for (i = 0; i < NSIZES && sizes[i] != size; i++)
		;
	return i < NSIZES;
}

static int by_hash(const void *a, const void *b)
{
	const struct maglev_backend *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/* Offset and skip of the permutation; its entries are @at, @at + @skip, and so on. */
static void permute(struct maglev_backend *b, __u32 size)
{
	b->at = hash_u64(1, b->hash) % size;
	b->skip = hash_u64(2, b->hash) % (size - 1) + 1;
	b->credit = 0;
}

static __u32 take_next(struct maglev_backend *b, const __u32 *table, __u32 size)
{
	__u32 at = b->at;

	while (table[at]) {
		at += b->skip;
		if (at >= size)
			at -= size;
	}
	b->at = at;
	return at;
}

void maglev_build(struct maglev_backend *b, unsigned int n, __u32 *table, __u32 size)
{
	__u32 heaviest = 1, filled = 0;
	unsigned int i;

	memset(table, 0, size * sizeof(*table));
	for (i = 0; i < n; i++) {
		b[i].pos = i;
		permute(&b[i], size);
		if (b[i].weight > heaviest)
			heaviest = b[i].weight;
	}
	qsort(b, n, sizeof(*b), by_hash);
	/* a turn each in every round; the lighter ones sit out rounds until they have saved one */
	for (i = 0; filled < size; i = i + 1 < n ? i + 1 : 0) {
		b[i].credit += b[i].weight;
		if (b[i].credit < heaviest)
			continue;
		b[i].credit -= heaviest;
		table[take_next(&b[i], table, size)] = b[i].id;
		filled++;
	}
}
