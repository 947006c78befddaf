/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the passes of the rule compiler share, and nobody else: the set of
 * rules at work, and rows with what is known of those already written.
 */
#ifndef SLUICE_ACL_BUILD_H
#define SLUICE_ACL_BUILD_H

#include "kmod/acl_compile.h"
#include "kmod/acl_shim.h"

#define USES(rule, field)	((rule)->fields & 1U << (field))

#define ACL_ROW_WORDS		(SL_ACL_MAX / 64)

/* A row at work: which rules, by position. */
struct acl_row {
	__u64 word[ACL_ROW_WORDS];
	__u16 chunk[SL_ACL_CHUNKS];	/* ids, of those that are not dirty */
	__u32 dirty;			/* chunks that changed since */
};

struct acl_known;			/* rows and chunks that were written */

struct acl_build {
	const struct sl_acl_entry *rules;	/* in order: index is position */
	__u32 count, column;
	__u32 fields;			/* that any rule uses, 1 << enum sl_acl_field */
	__u32 nodes;			/* ids taken */
	const struct sl_acl_sink *sink;
	struct sl_acl_error *err;
	struct acl_known *known;
	struct acl_row base;		/* of the field at work: rules that leave it open */
	struct acl_row now;
};

/* Into an array of both columns; 0 or a negative errno. */
int sluice_acl_put(struct acl_build *b, enum sl_map map, __u32 id, const void *value);

/* @text, a constant, is what is wrong with the rules as a whole. Returns @code. */
int sluice_acl_fail(struct acl_build *b, int code, const char *text);

/* ------------------------------------------------------------------- rows */

int sluice_acl_known_new(struct acl_build *b);	/* 0 or -ENOMEM */
void sluice_acl_known_free(struct acl_build *b);

void sluice_acl_row_clear(struct acl_row *row);

/* Turns the bit of a position over. */
static inline void acl_row_flip(struct acl_row *row, __u32 pos)
{
	row->word[pos / 64] ^= 1ULL << pos % 64;
	row->dirty |= 1U << pos / SL_ACL_CHUNK_BITS;
}

static inline void acl_row_set(struct acl_row *row, __u32 pos)
{
	if (!(row->word[pos / 64] >> pos % 64 & 1))
		acl_row_flip(row, pos);
}

/*
 * The id of a row, from 1; written first, with the chunks that it is the
 * first to have, unless an equal one was. -ENOSPC: the tables are full.
 */
int sluice_acl_row_id(struct acl_build *b, struct acl_row *row);

/* --------------------------------------------------------------- prefixes */

/* A prefix of some rule's and the row of the addresses whose longest it is. */
struct acl_leaf {
	__u64 hi, lo;			/* host order */
	__u8 len;			/* of 128 */
	__u16 row;
};

/*
 * The index of one field's addresses and the nodes below it. @leaf: sorted,
 * each once, those of one family one after the other: @count[0] of IPv6, then
 * @count[1] of IPv4. @row: of what is in none of them.
 */
int sluice_acl_trie_write(struct acl_build *b, __u32 section, const struct acl_leaf *leaf,
			  const __u32 count[2], __u32 row);

#endif /* SLUICE_ACL_BUILD_H */
