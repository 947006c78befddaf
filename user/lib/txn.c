// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Transactions: operations that are checked for their form as they come, and
 * kept until the back end carries them out together.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/rule.h"

/* ----------------------------------------------------------------- errors */

int lib_error_set(struct sluice_error *error, int err, long op, const char *fmt, ...)
{
	va_list args;

	if (!error)
		return err;
	error->err = err;
	error->op = op;
	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return err;
}

int lib_error_plain(struct sluice_error *error, int err, long op)
{
	char buf[sizeof(error->text)];

	return lib_error_set(error, err, op, "%s", strerror_r(-err, buf, sizeof(buf)));
}

/* ---------------------------------------------------------------- queueing */

int sluice_txn_begin(struct sluice *sl, struct sluice_txn **out)
{
	struct sluice_txn *txn = calloc(1, sizeof(*txn));

	if (!txn)
		return -ENOMEM;
	txn->sl = sl;
	txn->refused.op = -1;
	*out = txn;
	return 0;
}

void sluice_txn_abort(struct sluice_txn *txn)
{
	if (!txn)
		return;
	free(txn->buf);
	free(txn->at);
	free(txn->rules);
	free(txn->ids);
	free(txn);
}

void sluice_txn_expect(struct sluice_txn *txn, __u32 generation)
{
	txn->expects = true;
	txn->generation = generation;
}

long sluice_txn_count(const struct sluice_txn *txn)
{
	return txn->count;
}

const struct sluice_error *sluice_txn_error(const struct sluice_txn *txn)
{
	return txn->refused.err ? &txn->refused : NULL;
}

static int refuse(struct sluice_txn *txn, int err, const char *text)
{
	if (txn->refused.err)
		return err;
	if (*text)
		return lib_error_set(&txn->refused, err, txn->count, "%s", text);
	return lib_error_plain(&txn->refused, err, txn->count);
}

static int grow(void **mem, size_t item, size_t want, size_t *room)
{
	size_t n = *room ? *room : 256;
	void *p;

	while (n < want)
		n *= 2;
	if (n == *room)
		return 0;
	p = reallocarray(*mem, n, item);
	if (!p)
		return -ENOMEM;
	*mem = p;
	*room = n;
	return 0;
}

static struct lib_op *op_new(struct sluice_txn *txn, const struct sluice_table *t)
{
	size_t size = lib_align8(sizeof(struct lib_op)) + lib_align8(t->key_size) +
		      2 * lib_align8(t->value_size), at_room = txn->at_room;
	struct lib_op *op;

	if (grow((void **)&txn->buf, 1, txn->used + size, &txn->room) ||
	    grow((void **)&txn->at, sizeof(*txn->at), txn->nops + 1, &at_room))
		return NULL;
	txn->at_room = at_room;
	txn->at[txn->nops] = txn->used / 8;
	op = lib_txn_op(txn, txn->nops++);
	txn->used += size;
	memset(op, 0, size);
	return op;
}

static int entry_queue(struct sluice_txn *txn, const struct sluice_table *t,
		       enum sluice_entry_op kind, const void *key, const void *value)
{
	bool del = kind == SLUICE_ENTRY_DELETE;
	int origin = sluice_table_origin(t);
	char text[SLUICE_ERROR_TEXT] = "";
	struct lib_op *op;
	int err;

	err = sluice_entry_check(t, kind, key, value, text);
	if (err)
		return refuse(txn, err, text);
	if (txn->count == LIB_TXN_MAX_OPS)
		return refuse(txn, -ENOSPC, "transaction is full");
	op = op_new(txn, t);
	if (!op)
		return refuse(txn, -ENOMEM, "");
	op->map = t->map;
	op->op = kind;
	op->index = txn->count++;
	memcpy(lib_op_key(op), key, t->key_size);
	if (!del) {
		memcpy(lib_op_value(op, t), value, t->value_size);
		if (origin >= 0)
			((unsigned char *)lib_op_value(op, t))[origin] = SL_ORIGIN_ADMIN;
	}
	txn->has[t->map][del] = true;
	return 0;
}

int sluice_entry_insert(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
			const void *value)
{
	return entry_queue(txn, t, SLUICE_ENTRY_INSERT, key, value);
}

int sluice_entry_modify(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
			const void *value)
{
	return entry_queue(txn, t, SLUICE_ENTRY_MODIFY, key, value);
}

int sluice_entry_set(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
		     const void *value)
{
	return entry_queue(txn, t, SLUICE_ENTRY_SET, key, value);
}

int sluice_entry_delete(struct sluice_txn *txn, const struct sluice_table *t, const void *key)
{
	return entry_queue(txn, t, SLUICE_ENTRY_DELETE, key, NULL);
}

/* ---------------------------------------------------- through the back end */

int sluice_txn_commit(struct sluice_txn *txn, struct sluice_error *error)
{
	struct sluice_error unused;
	int err;

	if (!error)
		error = &unused;
	*error = (struct sluice_error){ .op = -1 };
	if (txn->refused.err) {
		*error = txn->refused;
		err = error->err;
	} else {
		err = txn->sl->backend->commit(txn, error);
	}
	sluice_txn_abort(txn);
	return err;
}

int sluice_generation(struct sluice *sl, __u32 *out)
{
	return sl->backend->generation(sl, out);
}

int sluice_entry_get(struct sluice *sl, const struct sluice_table *t, const void *key,
		     void *value)
{
	if (t->match == SLUICE_MATCH_NONE)
		return -EOPNOTSUPP;
	return sl->backend->get(sl, t, key, value);
}

const char *sluice_backend_name(const struct sluice *sl)
{
	return sl->backend->name;
}
