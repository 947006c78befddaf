// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Rows of bits, written once each and made of chunks that are written once
 * each. What was written is kept for comparison: that of two equal hashes only
 * one is right must not be left to chance, as somebody else may choose the rules.
 */
#include "kmod/acl_build.h"

/* Slots of open addressing, at most half full; 0 is free. */
#define CHUNK_SLOTS	(2 * SL_ACL_CHUNK_MAX)
#define ROW_SLOTS	(2 * SL_ACL_ROW_MAX)

struct acl_known {
	struct sl_acl_chunk *chunk;	/* by id; the first is zero */
	struct sl_acl_row *row;
	__u32 chunks, rows;		/* last ids */
	__u16 *chunk_slot;
	__u16 *row_slot;
};

int sluice_acl_known_new(struct acl_build *b)
{
	struct acl_known *k = acl_calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	b->known = k;
	k->chunk = acl_calloc(SL_ACL_CHUNK_MAX, sizeof(*k->chunk));
	k->row = acl_calloc(SL_ACL_ROW_MAX, sizeof(*k->row));
	k->chunk_slot = acl_calloc(CHUNK_SLOTS, sizeof(*k->chunk_slot));
	k->row_slot = acl_calloc(ROW_SLOTS, sizeof(*k->row_slot));
	return k->chunk && k->row && k->chunk_slot && k->row_slot ? 0 : -ENOMEM;
}

void sluice_acl_known_free(struct acl_build *b)
{
	struct acl_known *k = b->known;

	if (!k)
		return;
	acl_free(k->row_slot);
	acl_free(k->chunk_slot);
	acl_free(k->row);
	acl_free(k->chunk);
	acl_free(k);
	b->known = NULL;
}

/* Finaliser of a 64-bit hash (splitmix64), over 64 bytes. */
static __u32 line_hash(const void *line)
{
	const __u64 *word = line;
	__u64 x = 0;
	int i;

	for (i = 0; i < 8; i++) {
		x = (x ^ word[i]) + 0x9e3779b97f4a7c15ULL;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
		x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
		x ^= x >> 31;
	}
	return x;
}

/* Where an equal line of 64 bytes is, or where it belongs. */
static __u16 *slot_find(__u16 *slot, __u32 slots, const void *lines, const void *line)
{
	__u32 i = line_hash(line) % slots;

	for (; slot[i]; i = (i + 1) % slots)
		if (!memcmp((const char *)lines + 64 * (size_t)slot[i], line, 64))
			break;
	return &slot[i];
}

static int chunk_id(struct acl_build *b, const __u64 *word)
{
	static const struct sl_acl_chunk none;
	struct acl_known *k = b->known;
	__u16 *slot;
	int err;

	if (!memcmp(word, &none, sizeof(none)))
		return 0;
	slot = slot_find(k->chunk_slot, CHUNK_SLOTS, k->chunk, word);
	if (*slot)
		return *slot;
	if (k->chunks + 1 >= SL_ACL_CHUNK_MAX)
		return sluice_acl_fail(b, -ENOSPC, "too many different prefixes and port ranges");
	err = sluice_acl_put(b, SL_MAP_ACL_CHUNK, k->chunks + 1, word);
	if (err)
		return err;
	*slot = ++k->chunks;
	memcpy(&k->chunk[k->chunks], word, sizeof(k->chunk[0]));
	return k->chunks;
}

static int chunks_write(struct acl_build *b, struct acl_row *row)
{
	__u32 i;
	int id;

	for (i = 0; i < SL_ACL_CHUNKS; i++) {
		if (!(row->dirty >> i & 1))
			continue;
		id = chunk_id(b, &row->word[i * SL_ACL_CHUNK_WORDS]);
		if (id < 0)
			return id;
		row->chunk[i] = id;
	}
	row->dirty = 0;
	return 0;
}

void sluice_acl_row_clear(struct acl_row *row)
{
	memset(row, 0, sizeof(*row));
}

int sluice_acl_row_id(struct acl_build *b, struct acl_row *row)
{
	struct acl_known *k = b->known;
	struct sl_acl_row val = {};
	__u16 *slot;
	__u32 i;
	int err;

	err = chunks_write(b, row);
	if (err)
		return err;
	memcpy(val.chunk, row->chunk, sizeof(val.chunk));
	for (i = 0; i < SL_ACL_CHUNKS; i++)
		val.used |= !!val.chunk[i] << i;
	slot = slot_find(k->row_slot, ROW_SLOTS, k->row, &val);
	if (*slot)
		return *slot;
	if (k->rows + 1 >= SL_ACL_ROW_MAX)
		return sluice_acl_fail(b, -ENOSPC, "too many different prefixes and port ranges");
	err = sluice_acl_put(b, SL_MAP_ACL_ROW, k->rows + 1, &val);
	if (err)
		return err;
	if (k->rows % 1024 == 0)
		acl_breathe();
	*slot = ++k->rows;
	k->row[k->rows] = val;
	return k->rows;
}
