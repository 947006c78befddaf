/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The two ways to the tables behind one interface: the netlink family of the
 * kernel module, and the pinned maps themselves. What is refused, with which
 * error and in which words, is the same in both.
 */
#ifndef SLUICE_BACKEND_H
#define SLUICE_BACKEND_H

#include "lib/internal.h"

#define LIB_TXN_MAX_OPS	(1U << 20)

/* One operation on an entry; behind it: key, value wanted, room for the value replaced. */
struct lib_op {
	__u8 map;			/* enum sl_map */
	__u8 op;			/* enum sluice_entry_op */
	__u8 done, had;			/* undo log: was carried out, had a value before */
	__u32 index;			/* in the transaction, as the caller counts */
	unsigned char data[];
};

struct sluice_txn {
	struct sluice *sl;
	struct sluice_error refused;	/* the first operation that was; err 0: none was */
	bool expects;
	__u32 generation;		/* what it must still be */
	__u32 count;			/* operations of every kind */
	unsigned char *buf;		/* struct lib_op, each at a multiple of 8 */
	size_t used, room;
	__u32 *at;			/* where each begins, in units of 8 bytes */
	__u32 nops, at_room;
	struct lib_rule_op *rules;
	__u32 nrules, rules_room;
	unsigned char *ids;		/* bit of each rule id in use, once somebody asked */
	__u32 free_id;			/* none below is free */
	bool has[__SL_MAP_MAX][2];	/* [map][deletions] */
};

struct lib_backend {
	const char *name;
	/* 0, or -EOPNOTSUPP where this way is not there; then nothing is to be closed. */
	int (*open)(struct sluice *sl);
	void (*close)(struct sluice *sl);
	int (*generation)(struct sluice *sl, __u32 *out);
	/* -ENOENT: the table has no entry with exactly this key. */
	int (*get)(struct sluice *sl, const struct sluice_table *t, const void *key, void *value);
	/* Of a table that is neither a ring nor per CPU. */
	int (*each)(struct sluice *sl, const struct sluice_table *t, lib_map_cb_t cb, void *arg);
	/* All or nothing. @error is filled in when the return is not 0. */
	int (*commit)(struct sluice_txn *txn, struct sluice_error *error);
	int (*rule_get)(struct sluice *sl, __u32 id, struct sluice_rule *out);
	/* In the order in which they are asked. */
	int (*rule_each)(struct sluice *sl, int (*cb)(void *arg, const struct sluice_rule *rule),
			 void *arg);
};

/* What @sl, which has none or the pinned one, reads and writes by; errors as sluice_open_opts(). */
int lib_backend_choose(struct sluice *sl, enum sluice_backend which);

extern const struct lib_backend lib_backend_pinned, lib_backend_netlink;

/* @err, with @fmt for its words; @op: index of the operation, -1. */
__attribute__((format(printf, 4, 5)))
int lib_error_set(struct sluice_error *error, int err, long op, const char *fmt, ...);
/* The same without words of our own: the system's. */
int lib_error_plain(struct sluice_error *error, int err, long op);

static inline size_t lib_align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline struct lib_op *lib_txn_op(const struct sluice_txn *txn, __u32 i)
{
	return (struct lib_op *)(txn->buf + (size_t)txn->at[i] * 8);
}

static inline void *lib_op_key(struct lib_op *op)
{
	return op->data;
}

static inline void *lib_op_value(struct lib_op *op, const struct sluice_table *t)
{
	return op->data + lib_align8(t->key_size);
}

static inline void *lib_op_saved(struct lib_op *op, const struct sluice_table *t)
{
	return op->data + lib_align8(t->key_size) + lib_align8(t->value_size);
}

/* The table that has @map; never NULL for a map there is. */
const struct sluice_table *lib_table_of(enum sl_map map);
/* Reads exactly @key, also from a trie, which would answer with what covers it. */
int lib_map_get_exact(int fd, const struct sluice_table *t, const void *key, void *value);

#endif
