/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hashing for the policy side: one stable 64-bit hash (ids in kernel tables
 * are derived from it, so it must be the same in every run and on every
 * machine), an intrusive chained table for interned things, a table of
 * pointers for what there are tens of thousands of, and one of plain values.
 */
#ifndef SLUICED_HASH_H
#define SLUICED_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Spreads every bit of @x over the result (the finaliser of MurmurHash3). */
static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* Bytes in, least significant first whatever the machine: the same everywhere. */
static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = hash_mix(seed ^ len), w;
	size_t i, n;

	for (; len; p += n, len -= n) {
		n = len < 8 ? len : 8;
		for (w = 0, i = 0; i < n; i++)
			w |= (uint64_t)p[i] << (8 * i);
		h = hash_mix(h ^ w) + 0x9e3779b97f4a7c15ULL;
	}
	return hash_mix(h);
}

static inline uint64_t hash_u64(uint64_t seed, uint64_t v)
{
	return hash_mix(hash_mix(seed + 0x9e3779b97f4a7c15ULL) ^ v);
}

static inline uint64_t hash_str(uint64_t seed, const char *s)
{
	return hash_bytes(seed, s, strlen(s));
}

/* Ids in kernel tables. Tests narrow the mask, so that ids collide. */
extern uint32_t hash_id_mask;

static inline uint32_t hash_id(uint64_t hash)
{
	return hash & hash_id_mask;
}

/*
 * Chained table of nodes that live inside the caller's structures. The table
 * owns its slots only; who adds a node keeps it until it is deleted.
 */
struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct htab {
	struct hnode **slot;
	size_t mask, count;
};

int htab_add(struct htab *t, struct hnode *n, uint64_t hash);	/* -ENOMEM */
void htab_del(struct htab *t, struct hnode *n);
/* First node with @hash, and the next one with the same; NULL: none. */
struct hnode *htab_first(const struct htab *t, uint64_t hash);
struct hnode *htab_next(const struct hnode *n);
/* Walks all nodes: @n NULL to begin. The table must not change meanwhile. */
struct hnode *htab_walk(const struct htab *t, const struct hnode *n);
/* Gives slots back when few nodes are left of many. Not within a walk. */
void htab_trim(struct htab *t);
void htab_exit(struct htab *t);

#define htab_each_hash(t, n, h) for (n = htab_first(t, h); n; n = htab_next(n))
#define htab_each(t, n) for (n = htab_walk(t, NULL); n; n = htab_walk(t, n))

/*
 * Open-addressed table of pointers: a slot is all that an item costs. What an
 * item hashes to is asked for when the table needs to know it.
 */
struct ptab {
	void **slot;
	size_t mask, count;
	uint64_t (*hash)(const void *item);
};

void ptab_init(struct ptab *t, uint64_t (*hash)(const void *item));
void ptab_exit(struct ptab *t);
int ptab_add(struct ptab *t, void *item);	/* not in it yet; -ENOMEM */
void ptab_del(struct ptab *t, const void *item);	/* in it */
/* Walks: @pos 0 to begin; NULL at the end. */
void *ptab_walk(const struct ptab *t, size_t *pos);

/* The @i-th item that may have @hash, and may have another; NULL: no more. */
static inline void *ptab_probe(const struct ptab *t, uint64_t hash, size_t i)
{
	return t->slot ? t->slot[(hash + i) & t->mask] : NULL;
}

/* The table must not change meanwhile. */
#define ptab_each_hash(t, item, h, i) for (i = 0; (item = ptab_probe(t, h, i)); i++)
#define ptab_each(t, item, pos) for (pos = 0; (item = ptab_walk(t, &pos));)

/*
 * Table of fixed-size keys and values, held by value. Pointers into it are
 * good until the next set or delete.
 */
struct btab {
	unsigned char *cell;		/* a used flag, the key, the value */
	size_t mask, count;
	uint16_t ksize, vsize, stride;
};

void btab_init(struct btab *t, size_t ksize, size_t vsize);
void btab_exit(struct btab *t);
void *btab_get(const struct btab *t, const void *key);	/* the value, or NULL */
int btab_set(struct btab *t, const void *key, const void *val);	/* -ENOMEM */
bool btab_del(struct btab *t, const void *key);
/* Walks: @pos 0 to begin; false at the end. The table must not change meanwhile. */
bool btab_walk(const struct btab *t, size_t *pos, const void **key, void **val);

#endif
