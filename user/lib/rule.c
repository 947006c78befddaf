// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The administrator's rules: queued as part of a transaction, and what the
 * pinned back end makes of them. acl.c compiles them and puts them in force.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/acl.h"
#include "lib/rule.h"

#define RULE_OPS_MAX	(2 * SL_ACL_MAX)

/* --------------------------------------------------------------- queueing */

static int refuse(struct sluice_txn *txn, int err, const struct sl_acl_error *why,
		  const char *text)
{
	if (txn->refused.err)
		return err;
	if (!why)
		return lib_error_set(&txn->refused, err, txn->count, "%s", text);
	if (!why->rule)
		return lib_error_set(&txn->refused, err, txn->count, "%s: %s", why->field,
				     why->text);
	return lib_error_set(&txn->refused, err, txn->count, "rule %u: %s: %s", why->rule,
			     why->field, why->text);
}

static int grow(struct sluice_txn *txn)
{
	__u32 room = txn->rules_room ? txn->rules_room * 2 : 16;
	struct lib_rule_op *rules;

	if (txn->nrules < txn->rules_room)
		return 0;
	rules = reallocarray(txn->rules, room, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	txn->rules = rules;
	txn->rules_room = room;
	return 0;
}

/* All rules, and all that a transaction can add, leave one of these free. */
#define IDS_MAX	(SL_ACL_MAX + RULE_OPS_MAX + 8)

static void use_id(struct sluice_txn *txn, __u32 id)
{
	if (id < IDS_MAX)
		txn->ids[id / 8] |= 1U << id % 8;
}

static int use_ids_of(void *arg, const struct sluice_rule *rule)
{
	use_id(arg, rule->id);
	return 0;
}

static int find_ids(struct sluice_txn *txn)
{
	__u32 i;
	int err;

	txn->ids = calloc(1, IDS_MAX / 8 + 1);
	if (!txn->ids)
		return -ENOMEM;
	use_id(txn, 0);
	for (i = 0; i < txn->nrules; i++)
		use_id(txn, txn->rules[i].id);
	err = sluice_rule_each(txn->sl, use_ids_of, txn);
	if (err) {
		free(txn->ids);
		txn->ids = NULL;
	}
	return err;
}

int sluice_rule_free_id(struct sluice_txn *txn, __u32 *id)
{
	int err = txn->ids ? 0 : find_ids(txn);

	if (err)
		return err;
	while (txn->free_id < IDS_MAX && txn->ids[txn->free_id / 8] & 1U << txn->free_id % 8)
		txn->free_id++;
	*id = txn->free_id;
	return txn->free_id < IDS_MAX ? 0 : -ENOSPC;
}

static int queue(struct sluice_txn *txn, enum lib_rule_kind kind, __u32 id,
		 const struct sl_acl_rule *rule)
{
	struct lib_rule_op op = { .kind = kind, .index = txn->count, .id = id };
	struct sl_acl_error why = {};
	int err = 0;

	if (rule) {
		op.rule = *rule;
		op.rule.origin = SL_ORIGIN_ADMIN;
		err = sluice_acl_check(id, &op.rule, &why);
	}
	if (err)
		return refuse(txn, err, &why, NULL);
	if (txn->nrules == RULE_OPS_MAX || txn->count == LIB_TXN_MAX_OPS)
		return refuse(txn, -ENOSPC, NULL, "transaction is full");
	if (grow(txn))
		return refuse(txn, -ENOMEM, NULL, strerror(ENOMEM));
	txn->rules[txn->nrules++] = op;
	txn->count++;
	if (txn->ids)
		use_id(txn, id);
	return 0;
}

int sluice_rule_add(struct sluice_txn *txn, __u32 id, const struct sl_acl_rule *rule)
{
	return queue(txn, LIB_RULE_ADD, id, rule);
}

int sluice_rule_replace(struct sluice_txn *txn, __u32 id, const struct sl_acl_rule *rule)
{
	return queue(txn, LIB_RULE_REPLACE, id, rule);
}

int sluice_rule_delete(struct sluice_txn *txn, __u32 id)
{
	return queue(txn, LIB_RULE_DELETE, id, NULL);
}

/* ---------------------------------------------------------------- reading */

int sluice_rule_get(struct sluice *sl, __u32 id, struct sluice_rule *out)
{
	return sl->backend->rule_get(sl, id, out);
}

int sluice_rule_each(struct sluice *sl, int (*cb)(void *arg, const struct sluice_rule *rule),
		     void *arg)
{
	return sl->backend->rule_each(sl, cb, arg);
}

/* ------------------------------------------------------------- committing */

static int by_id(const void *a, const void *b)
{
	const struct lib_rule_op *x = *(const struct lib_rule_op *const *)a;
	const struct lib_rule_op *y = *(const struct lib_rule_op *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int may(const struct lib_rule_op *op, bool have, bool admins, struct sluice_error *error)
{
	if (!have && op->kind != LIB_RULE_ADD)
		return lib_error_set(error, -ENOENT, op->index, "rule %u: no such rule", op->id);
	if (have && !admins)
		return lib_error_set(error, -EPERM, op->index, "rule %u is the daemon's", op->id);
	if (have && op->kind == LIB_RULE_ADD)
		return lib_error_set(error, -EEXIST, op->index, "rule %u: id is in use", op->id);
	return 0;
}

/* Whether the rule is there before the first operation on it, and whose it is. */
static int look(struct sluice *sl, const struct lib_rule_op *op, bool *have, bool *admins)
{
	struct sl_acl_rule rule;
	int err = lib_acl_get(sl, op->id, &rule);

	*have = !err;
	*admins = err || rule.origin == SL_ORIGIN_ADMIN;
	return err == -ENOENT ? 0 : err;
}

/* The operations on each id in their order, against what the ones before leave there. */
static int may_all(struct sluice_txn *txn, struct sluice_error *error)
{
	const struct lib_rule_op **order = calloc(txn->nrules, sizeof(*order));
	bool have = false, admins = true;
	int err = 0;
	__u32 i;

	if (!order)
		return lib_error_plain(error, -ENOMEM, -1);
	for (i = 0; i < txn->nrules; i++)
		order[i] = &txn->rules[i];
	qsort(order, txn->nrules, sizeof(*order), by_id);
	for (i = 0; !err && i < txn->nrules; i++) {
		if (!i || order[i]->id != order[i - 1]->id)
			err = look(txn->sl, order[i], &have, &admins);
		if (err)
			lib_error_plain(error, err, order[i]->index);
		else
			err = may(order[i], have, admins, error);
		have = order[i]->kind != LIB_RULE_DELETE;
	}
	free(order);
	return err;
}

static int put_in_force(struct sluice_txn *txn, struct sluice_error *error)
{
	struct lib_acl_change *changes = calloc(txn->nrules, sizeof(*changes));
	struct sl_acl_error why = {};
	__u32 i;
	int err;

	if (!changes)
		return lib_error_plain(error, -ENOMEM, -1);
	for (i = 0; i < txn->nrules; i++) {
		changes[i].op = txn->rules[i].kind == LIB_RULE_DELETE ? LIB_ACL_DEL : LIB_ACL_SET;
		changes[i].id = txn->rules[i].id;
		changes[i].rule = txn->rules[i].rule;
	}
	err = lib_acl_commit(txn->sl, changes, txn->nrules, &why);
	free(changes);
	if (!err)
		return 0;
	if (!why.text)
		return lib_error_plain(error, err, -1);
	if (!why.rule)
		return lib_error_set(error, err, -1, "%s: %s", why.field, why.text);
	return lib_error_set(error, err, -1, "rule %u: %s: %s", why.rule, why.field, why.text);
}

int lib_rules_commit(struct sluice_txn *txn, struct sluice_error *error)
{
	int err = may_all(txn, error);

	return err ? err : put_in_force(txn, error);
}
