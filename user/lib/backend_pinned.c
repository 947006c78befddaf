// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The pinned maps by bpf(2). A commit holds the lock of the pin root, so that
 * two of them never mix; each operation remembers what it replaced, so that a
 * refusal in the middle leaves nothing behind. The daemon writes without that
 * lock: against it hold the owner's mark and the flags of each write.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/acl.h"
#include "lib/rule.h"

/* Leaf before root where something is written, root before leaf where it goes. */
static const struct phase {
	enum sl_map map;
	bool del;
} phases[] = {
	{ SL_MAP_PORT, false }, { SL_MAP_RULE, false }, { SL_MAP_ROUTE, false },
	{ SL_MAP_ROUTE, true }, { SL_MAP_RULE, true },	{ SL_MAP_PORT, true },
	{ SL_MAP_FLOW, true },	{ SL_MAP_HALF, true },	{ SL_MAP_FRAG, true },
	{ SL_MAP_DROP_RULE, true },
};

/* A bucket's lock may be held by who interrupted whom: then again. */
#define BUSY_TRIES	16

static int write_entry(int fd, const void *key, const void *value, __u64 flags)
{
	int err, tries = 0;

	do {
		err = bpf_map_update_elem(fd, key, value, flags);
	} while (err == -EBUSY && ++tries < BUSY_TRIES);
	return err;
}

static int delete_entry(int fd, const void *key)
{
	int err, tries = 0;

	do {
		err = bpf_map_delete_elem(fd, key);
	} while (err == -EBUSY && ++tries < BUSY_TRIES);
	return err;
}

static int refuse(struct sluice_error *error, int err, const struct lib_op *op)
{
	const char *text = NULL;

	if (err == -E2BIG)
		err = -ENOSPC;
	switch (err) {
	case -EEXIST:
		text = "key is in use";
		break;
	case -ENOENT:
		text = "no such key";
		break;
	case -ENOSPC:
		text = "table is full";
		break;
	case -EBUSY:
		text = "table is busy";
		break;
	}
	if (!text)
		return lib_error_plain(error, err, op->index);
	return lib_error_set(error, err, op->index, "%s", text);
}

static int apply(struct sluice *sl, struct lib_op *op, struct sluice_error *error)
{
	const struct sluice_table *t = lib_table_of(op->map);
	int fd = sl->map_fd[op->map], origin = sluice_table_origin(t), err;
	unsigned char *saved = lib_op_saved(op, t);

	err = lib_map_get_exact(fd, t, lib_op_key(op), saved);
	op->had = !err;
	if (err && err != -ENOENT)
		return refuse(error, err, op);
	if (op->had && op->op == SLUICE_ENTRY_INSERT)
		return refuse(error, -EEXIST, op);
	if (!op->had && (op->op == SLUICE_ENTRY_MODIFY || op->op == SLUICE_ENTRY_DELETE))
		return refuse(error, -ENOENT, op);
	if (op->had && origin >= 0 && saved[origin] != SL_ORIGIN_ADMIN)
		return lib_error_set(error, -EPERM, op->index, "entry is the daemon's");
	/* the flags hold against who writes at the same time by another door */
	if (op->op == SLUICE_ENTRY_DELETE)
		err = delete_entry(fd, lib_op_key(op));
	else
		err = write_entry(fd, lib_op_key(op), lib_op_value(op, t),
				  op->had ? BPF_EXIST : BPF_NOEXIST);
	if (err)
		return refuse(error, err, op);
	op->done = true;
	return 0;
}

static void undo(struct sluice *sl, struct lib_op *op)
{
	const struct sluice_table *t = lib_table_of(op->map);
	int fd = sl->map_fd[op->map];

	if (!op->done)
		return;
	op->done = false;
	if (op->had)
		write_entry(fd, lib_op_key(op), lib_op_saved(op, t), BPF_ANY);
	else
		delete_entry(fd, lib_op_key(op));
}

static bool in_phase(const struct lib_op *op, const struct phase *ph)
{
	return op->map == ph->map && (op->op == SLUICE_ENTRY_DELETE) == ph->del;
}

/* The last one first: of a key written twice what was saved first is what stays. */
static void undo_all(struct sluice_txn *txn)
{
	const struct phase *ph = phases + ARRAY_SIZE(phases);
	__u32 i;

	while (ph-- > phases) {
		if (!txn->has[ph->map][ph->del])
			continue;
		for (i = txn->nops; i--;)
			if (in_phase(lib_txn_op(txn, i), ph))
				undo(txn->sl, lib_txn_op(txn, i));
	}
}

static int apply_all(struct sluice_txn *txn, struct sluice_error *error)
{
	const struct phase *ph;
	int err = 0;
	__u32 i;

	for (ph = phases; !err && ph < phases + ARRAY_SIZE(phases); ph++) {
		if (!txn->has[ph->map][ph->del])
			continue;
		for (i = 0; !err && i < txn->nops; i++)
			if (in_phase(lib_txn_op(txn, i), ph))
				err = apply(txn->sl, lib_txn_op(txn, i), error);
	}
	return err;
}

/* What was routed or judged by what has changed is to be judged again. */
static bool concerns_flows(const struct sluice_txn *txn)
{
	static const enum sl_map maps[] = { SL_MAP_PORT, SL_MAP_RULE, SL_MAP_ROUTE };
	bool any = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++)
		any |= txn->has[maps[i]][0] || txn->has[maps[i]][1];
	return any;
}

static int commit_locked(struct sluice_txn *txn, struct sluice_error *error)
{
	struct sl_state *st = txn->sl->state;
	__u32 generation = __atomic_load_n(&st->generation, __ATOMIC_ACQUIRE);
	int err;

	if (txn->expects && txn->generation != generation)
		return lib_error_set(error, -ESTALE, -1, "generation is %u", generation);
	err = apply_all(txn, error);
	/* last: it undoes itself, and nothing but what it did is undone for it */
	if (!err && txn->nrules)
		err = lib_rules_commit(txn, error);
	if (err) {
		undo_all(txn);
		return err;
	}
	if (concerns_flows(txn))
		sluice_route_gen_bump(st);
	__atomic_add_fetch(&st->generation, 1, __ATOMIC_RELEASE);
	return 0;
}

static int pinned_commit(struct sluice_txn *txn, struct sluice_error *error)
{
	int lock = lib_pin_lock(txn->sl->root, true), err;

	if (lock < 0)
		return lib_error_plain(error, lock, -1);
	err = commit_locked(txn, error);
	close(lock);
	return err;
}

static int pinned_open(struct sluice *sl)
{
	(void)sl;
	return 0;
}

static void pinned_close(struct sluice *sl)
{
	(void)sl;
}

static int pinned_generation(struct sluice *sl, __u32 *out)
{
	*out = __atomic_load_n(&sl->state->generation, __ATOMIC_ACQUIRE);
	return 0;
}

static int pinned_get(struct sluice *sl, const struct sluice_table *t, const void *key,
		      void *value)
{
	return lib_map_get_exact(sl->map_fd[t->map], t, key, value);
}

static int pinned_each(struct sluice *sl, const struct sluice_table *t, lib_map_cb_t cb, void *arg)
{
	return lib_map_each(sl->map_fd[t->map], t->key_size, t->value_size, cb, arg);
}

static int pinned_rule_get(struct sluice *sl, __u32 id, struct sluice_rule *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	out->id = id;
	err = lib_acl_get(sl, id, &out->rule);
	/* a rule that has just gone is told of without what it counted */
	if (!err)
		lib_acl_counter(sl, id, &out->count);
	return err;
}

static int pinned_rule_each(struct sluice *sl,
			    int (*cb)(void *arg, const struct sluice_rule *rule), void *arg)
{
	struct sl_acl_entry *list;
	struct sluice_rule rule;
	long n = lib_acl_list(sl, &list), i;
	int err = 0;

	if (n < 0)
		return n;
	for (i = 0; !err && i < n; i++) {
		memset(&rule, 0, sizeof(rule));
		rule.id = list[i].id;
		rule.rule = list[i].rule;
		lib_acl_counter(sl, rule.id, &rule.count);
		err = cb(arg, &rule);
	}
	free(list);
	return err;
}

const struct lib_backend lib_backend_pinned = {
	.name = "pinned",
	.open = pinned_open,
	.close = pinned_close,
	.generation = pinned_generation,
	.get = pinned_get,
	.each = pinned_each,
	.commit = pinned_commit,
	.rule_get = pinned_rule_get,
	.rule_each = pinned_rule_each,
};
