// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The kernel module's netlink family. It judges and writes as the pinned back
 * end does; a commit holds the lock of the pin root all the same, so that the
 * two doors don't mix.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "lib/nl.h"
#include "lib/rule.h"

/* Items in a message: an attribute's length has 16 bits, and sockets buffers of 200 KiB. */
#define BATCH_BYTES	(48 * 1024)

/* -------------------------------------------------------------- pipeline */

struct pipeline {
	__u32 generation, state_map;
};

static int take_pipeline(struct lib_nl *nl, struct nlattr **attrs, void *arg)
{
	struct pipeline *p = arg;

	(void)nl;
	p->generation = lib_nl_u32(attrs[SLUICE_A_PIPELINE_GENERATION]);
	p->state_map = lib_nl_u32(attrs[SLUICE_A_PIPELINE_STATE_MAP]);
	return lib_nl_u32(attrs[SLUICE_A_PIPELINE_ABI]) == SL_ABI_VERSION ? 0 : -EPROTO;
}

static int pipeline_get(struct sluice *sl, struct pipeline *out)
{
	return lib_nl_talk(sl->nl, lib_nl_msg(sl->nl, SLUICE_CMD_PIPELINE_GET, 0, 0),
			   take_pipeline, out);
}

static int netlink_generation(struct sluice *sl, __u32 *out)
{
	struct pipeline p;
	int err = pipeline_get(sl, &p);

	*out = err ? 0 : p.generation;
	return err;
}

/* What is bound in this namespace may be what another root has pinned. */
static int pipeline_check(struct sluice *sl)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct pipeline p;
	int err = pipeline_get(sl, &p);

	if (!err)
		err = bpf_map_get_info_by_fd(sl->map_fd[SL_MAP_STATE], &info, &len);
	if (err)
		return err;
	return p.state_map == info.id ? 0 : -ENODEV;
}

static int netlink_open(struct sluice *sl)
{
	int err = lib_nl_open(&sl->nl);

	if (err)
		return err;
	err = pipeline_check(sl);
	if (err) {
		lib_nl_close(sl->nl);
		sl->nl = NULL;
	}
	return err;
}

static void netlink_close(struct sluice *sl)
{
	lib_nl_close(sl->nl);
	sl->nl = NULL;
}

/* --------------------------------------------------------------- reading */

struct reading {
	const struct sluice_table *t;
	lib_map_cb_t cb;
	void *arg;
	void *value;
	int stop;			/* what the callback said; the rest is not wanted */
};

static bool fits(struct nlattr *a, size_t size)
{
	return a && (size_t)nla_len(a) == size;
}

static int take_value(struct lib_nl *nl, struct nlattr **attrs, void *arg)
{
	struct reading *r = arg;

	(void)nl;
	if (!fits(attrs[SLUICE_A_ENTRY_VALUE], r->t->value_size))
		return -EBADMSG;
	memcpy(r->value, nla_data(attrs[SLUICE_A_ENTRY_VALUE]), r->t->value_size);
	return 0;
}

static int netlink_get(struct sluice *sl, const struct sluice_table *t, const void *key,
		       void *value)
{
	struct reading r = { .t = t, .value = value };
	struct nl_msg *msg = lib_nl_msg(sl->nl, SLUICE_CMD_ENTRY_GET, 0, 128 + t->key_size);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, SLUICE_A_ENTRY_TABLE, t->name) ||
	    nla_put(msg, SLUICE_A_ENTRY_KEY, t->key_size, key)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	return lib_nl_talk(sl->nl, msg, take_value, &r);
}

static int take_entry(struct lib_nl *nl, struct nlattr **attrs, void *arg)
{
	struct reading *r = arg;

	(void)nl;
	if (!fits(attrs[SLUICE_A_ENTRY_KEY], r->t->key_size) ||
	    !fits(attrs[SLUICE_A_ENTRY_VALUE], r->t->value_size))
		return -EBADMSG;
	r->stop = r->cb(r->arg, nla_data(attrs[SLUICE_A_ENTRY_KEY]),
			nla_data(attrs[SLUICE_A_ENTRY_VALUE]));
	return r->stop ? -ECANCELED : 0;
}

/* On a socket of its own: the callback may ask for other things, or stop early. */
static int netlink_each(struct sluice *sl, const struct sluice_table *t, lib_map_cb_t cb,
			void *arg)
{
	struct reading r = { .t = t, .cb = cb, .arg = arg };
	struct nl_msg *msg;
	struct lib_nl *nl;
	int err;

	err = lib_nl_clone(sl->nl, &nl);
	if (err)
		return err;
	msg = lib_nl_msg(nl, SLUICE_CMD_ENTRY_GET, NLM_F_DUMP, 64);
	if (msg)
		nla_put_string(msg, SLUICE_A_ENTRY_TABLE, t->name);
	err = lib_nl_talk(nl, msg, take_entry, &r);
	lib_nl_close(nl);
	return r.stop ? r.stop : err;
}

/* --------------------------------------------------------------- writing */

static int take_txn(struct lib_nl *nl, struct nlattr **attrs, void *arg)
{
	(void)nl;
	*(__u32 *)arg = lib_nl_u32(attrs[SLUICE_A_TXN_ID]);
	return 0;
}

static int txn_begin(struct sluice_txn *txn, __u32 *id)
{
	struct lib_nl *nl = txn->sl->nl;
	struct nl_msg *msg = lib_nl_msg(nl, SLUICE_CMD_TXN_BEGIN, 0, 8);

	if (msg && txn->expects)
		nla_put_u32(msg, SLUICE_A_TXN_GENERATION, txn->generation);
	return lib_nl_talk(nl, msg, take_txn, id);
}

/* Commit or abort. */
static int txn_end(struct lib_nl *nl, __u32 id, int cmd)
{
	struct nl_msg *msg = lib_nl_msg(nl, cmd, 0, 8);

	if (msg)
		nla_put_u32(msg, SLUICE_A_TXN_ID, id);
	return lib_nl_talk(nl, msg, take_txn, &id);
}

static int put_item(struct nl_msg *msg, struct lib_op *op)
{
	const struct sluice_table *t = lib_table_of(op->map);
	struct nlattr *nest = nla_nest_start(msg, SLUICE_A_ENTRY_ITEM);

	if (!nest || nla_put_u32(msg, SLUICE_A_ITEM_TABLE, op->map) ||
	    nla_put_u32(msg, SLUICE_A_ITEM_OP, op->op) ||
	    nla_put(msg, SLUICE_A_ITEM_KEY, t->key_size, lib_op_key(op)))
		return -EMSGSIZE;
	if (op->op != SLUICE_ENTRY_DELETE &&
	    nla_put(msg, SLUICE_A_ITEM_VALUE, t->value_size, lib_op_value(op, t)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* From operation *@at on as many as a message holds; *@at is the one behind them. */
static struct nl_msg *batch(struct sluice_txn *txn, __u32 id, __u32 *at)
{
	struct nl_msg *msg = lib_nl_msg(txn->sl->nl, SLUICE_CMD_ENTRY_MOD, 0, BATCH_BYTES + 1024);

	if (!msg)
		return NULL;
	nla_put_u32(msg, SLUICE_A_ENTRY_TXN, id);
	while (*at < txn->nops && nlmsg_hdr(msg)->nlmsg_len < BATCH_BYTES) {
		if (put_item(msg, lib_txn_op(txn, *at))) {
			nlmsg_free(msg);
			return NULL;
		}
		++*at;
	}
	return msg;
}

static int send_ops(struct sluice_txn *txn, __u32 id)
{
	struct lib_nl *nl = txn->sl->nl;
	__u32 at = 0, i;
	int err = 0;

	while (!err && at < txn->nops)
		err = lib_nl_talk(nl, batch(txn, id, &at), NULL, NULL);
	for (i = 0; !err && i < txn->nrules; i++) {
		err = lib_nl_rule_change(nl, id, &txn->rules[i]);
		if (err)
			nl->op = txn->rules[i].index;
	}
	return err;
}

/* The kernel counts as send_ops() sent them: entries, then rules. */
static long caller_index(struct sluice_txn *txn, long op)
{
	if (op < 0 || op >= (long)txn->nops + (long)txn->nrules)
		return -1;
	if (op < (long)txn->nops)
		return lib_txn_op(txn, (__u32)op)->index;
	return txn->rules[op - txn->nops].index;
}

static int commit_locked(struct sluice_txn *txn, struct sluice_error *error)
{
	struct lib_nl *nl = txn->sl->nl;
	__u32 id;
	int err = txn_begin(txn, &id);

	if (err)
		return lib_nl_error(nl, err, error);
	err = send_ops(txn, id);
	if (err) {
		lib_nl_error(nl, err, error);
		/* it may have ended by itself; what was wrong is known already */
		txn_end(nl, id, SLUICE_CMD_TXN_ABORT);
		return err;
	}
	err = txn_end(nl, id, SLUICE_CMD_TXN_COMMIT);
	nl->op = caller_index(txn, nl->op);
	return err ? lib_nl_error(nl, err, error) : 0;
}

static int netlink_commit(struct sluice_txn *txn, struct sluice_error *error)
{
	int lock = lib_pin_lock(txn->sl->root, true), err;

	if (lock < 0)
		return lib_error_plain(error, lock, -1);
	err = commit_locked(txn, error);
	close(lock);
	return err;
}

/* ----------------------------------------------------------------- rules */

static int netlink_rule_get(struct sluice *sl, __u32 id, struct sluice_rule *out)
{
	return lib_nl_rule_get(sl->nl, id, out);
}

static int netlink_rule_each(struct sluice *sl,
			     int (*cb)(void *arg, const struct sluice_rule *rule), void *arg)
{
	struct lib_nl *nl;
	int err = lib_nl_clone(sl->nl, &nl);

	if (err)
		return err;
	err = lib_nl_rule_each(nl, cb, arg);
	lib_nl_close(nl);
	return err;
}

const struct lib_backend lib_backend_netlink = {
	.name = "netlink",
	.open = netlink_open,
	.close = netlink_close,
	.generation = netlink_generation,
	.get = netlink_get,
	.each = netlink_each,
	.commit = netlink_commit,
	.rule_get = netlink_rule_get,
	.rule_each = netlink_rule_each,
};
