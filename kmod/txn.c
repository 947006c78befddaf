// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions: operations that were checked for their form when they came,
 * and are carried out together, leaf before root, when the transaction is
 * committed. Each remembers what it replaced, so that a refusal in the middle
 * leaves nothing behind.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include "sluice.h"

#define SLUICE_TXN_MAX_OPS	(1U << 20)
#define SLUICE_TXN_PER_NET	64
#define SLUICE_CHUNK_SIZE	(64 * 1024)
#define SLUICE_OP_MIN		32	/* header, a key and two values of up to 8 bytes */
#define SLUICE_CHUNK_OPS	(SLUICE_CHUNK_SIZE / SLUICE_OP_MIN)

/* One operation: key, the value wanted, room for the one replaced. */
struct sluice_step {
	u8 map;
	u8 op;				/* enum sluice_change */
	u8 done:1;
	u8 had:1;			/* there was an entry, its value is saved */
	u8 pad;
	u32 index;			/* in its transaction */
	u8 data[] __aligned(8);
};

struct sluice_chunk {
	struct list_head list;
	u32 used;
	u8 data[] __aligned(8);
};

/* What the operations on one table are like; known from the first of them on. */
struct sluice_txn_table {
	bool has[2];			/* [deletes] */
	u16 op_size;			/* bytes */
	s16 origin;			/* offset in a value, -1: entries have no owner */
};

struct sluice_txn {
	struct list_head list;
	struct list_head chunks;
	struct list_head rules;		/* struct sluice_rule_change */
	u32 nrules;
	u32 id;
	u32 portid;
	u32 count;
	u32 failed;			/* index of the operation that was refused */
	u32 generation;
	bool expects;
	struct sluice_txn_table table[__SL_MAP_MAX];
	u16 undo[SLUICE_CHUNK_OPS];	/* operations of a chunk, in units of 8 bytes */
};

static struct sluice_txn_table *sluice_txn_table(struct sluice_txn *txn, const struct sluice_table *t)
{
	struct sluice_txn_table *of = &txn->table[t->map];

	if (!of->op_size) {
		of->op_size = sizeof(struct sluice_step) + ALIGN(t->key_size, 8) +
			      2 * ALIGN(t->value_size, 8);
		of->origin = sluice_table_origin(t);
	}
	return of;
}

static void *sluice_op_key(struct sluice_step *op)
{
	return op->data;
}

static void *sluice_op_value(struct sluice_step *op, const struct bpf_map *map)
{
	return op->data + ALIGN(map->key_size, 8);
}

static void *sluice_op_saved(struct sluice_step *op, const struct bpf_map *map)
{
	return op->data + ALIGN(map->key_size, 8) + ALIGN(map->value_size, 8);
}

/* ------------------------------------------------------------- queueing */

struct sluice_txn *sluice_txn_new(struct sluice_net *sn, u32 portid)
{
	struct sluice_txn *txn;
	u32 n = 0;

	list_for_each_entry(txn, &sn->txns, list)
		n++;
	if (n >= SLUICE_TXN_PER_NET)
		return ERR_PTR(-EMFILE);
	txn = kvzalloc(sizeof(*txn), GFP_KERNEL_ACCOUNT);
	if (!txn)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&txn->chunks);
	INIT_LIST_HEAD(&txn->rules);
	txn->portid = portid;
	txn->failed = SLUICE_TXN_NO_OP;
	do {
		txn->id = ++sn->last_txn;
	} while (!txn->id);
	list_add_tail(&txn->list, &sn->txns);
	return txn;
}

struct sluice_txn *sluice_txn_find(struct sluice_net *sn, u32 portid, u32 id)
{
	struct sluice_txn *txn;

	list_for_each_entry(txn, &sn->txns, list)
		if (txn->id == id && txn->portid == portid)
			return txn;
	return NULL;
}

void sluice_txn_del(struct sluice_txn *txn)
{
	struct sluice_rule_change *r, *next_rule;
	struct sluice_chunk *c, *next;

	list_for_each_entry_safe(c, next, &txn->chunks, list)
		kvfree(c);
	list_for_each_entry_safe(r, next_rule, &txn->rules, list)
		kfree(r);
	list_del(&txn->list);
	kvfree(txn);
}

/* Of a socket that ended; @portid 0: of all. */
void sluice_txn_del_all(struct sluice_net *sn, u32 portid)
{
	struct sluice_txn *txn, *next;

	list_for_each_entry_safe(txn, next, &sn->txns, list)
		if (!portid || txn->portid == portid)
			sluice_txn_del(txn);
}

u32 sluice_txn_id(const struct sluice_txn *txn)
{
	return txn->id;
}

u32 sluice_txn_count(const struct sluice_txn *txn)
{
	return txn->count;
}

u32 sluice_txn_failed(const struct sluice_txn *txn)
{
	return txn->failed;
}

void sluice_txn_expect(struct sluice_txn *txn, u32 generation)
{
	txn->expects = true;
	txn->generation = generation;
}

static struct sluice_step *sluice_txn_room(struct sluice_txn *txn, u32 size)
{
	struct sluice_chunk *c = list_empty(&txn->chunks) ? NULL :
		list_last_entry(&txn->chunks, struct sluice_chunk, list);
	struct sluice_step *op;

	if (!c || sizeof(*c) + c->used + size > SLUICE_CHUNK_SIZE) {
		c = kvmalloc(SLUICE_CHUNK_SIZE, GFP_KERNEL_ACCOUNT);
		if (!c)
			return NULL;
		c->used = 0;
		list_add_tail(&c->list, &txn->chunks);
	}
	op = (struct sluice_step *)(c->data + c->used);
	c->used += size;
	return op;
}

int sluice_txn_add(struct sluice_txn *txn, const struct sluice_item *item,
		   struct netlink_ext_ack *extack)
{
	const struct sluice_table *t = item->t;
	struct sluice_txn_table *of = sluice_txn_table(txn, t);
	bool del = item->op == SLUICE_CHANGE_DELETE;
	int err = sluice_item_check(item, extack);
	struct sluice_step *op;
	u8 *value;

	if (err)
		return err;
	if (txn->count == SLUICE_TXN_MAX_OPS) {
		NL_SET_ERR_MSG(extack, "transaction is full");
		return -ENOSPC;
	}
	op = sluice_txn_room(txn, of->op_size);
	if (!op)
		return -ENOMEM;
	memset(op, 0, sizeof(*op));
	op->map = t->map;
	op->op = item->op;
	memcpy(op->data, item->key, t->key_size);
	if (!del) {
		value = op->data + ALIGN(t->key_size, 8);
		memcpy(value, item->value, t->value_size);
		if (of->origin >= 0)
			value[of->origin] = SL_ORIGIN_ADMIN;
	}
	of->has[del] = true;
	op->index = txn->count++;
	return 0;
}

int sluice_txn_add_rule(struct sluice_txn *txn, const struct sluice_rule_change *change,
			struct netlink_ext_ack *extack)
{
	struct sluice_rule_change *copy;
	int err = change->del ? 0 : sluice_acl_valid(change->id, &change->rule, extack);

	if (err)
		return err;
	if (txn->nrules == 2 * SL_ACL_MAX) {
		NL_SET_ERR_MSG(extack, "transaction is full");
		return -ENOSPC;
	}
	copy = kmemdup(change, sizeof(*change), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	list_add_tail(&copy->list, &txn->rules);
	txn->nrules++;
	copy->index = txn->count++;
	return 0;
}

/* ------------------------------------------------------------ committing */

/*
 * Leaf before root where something is written, root before leaf where it goes;
 * so no entry ever points to what is not there.
 */
static const struct sluice_phase {
	u8 map;
	bool del;
} sluice_phases[] = {
	{ SL_MAP_PORT, false },
	{ SL_MAP_RULE, false },
	{ SL_MAP_ROUTE, false },
	{ SL_MAP_ROUTE, true },
	{ SL_MAP_RULE, true },
	{ SL_MAP_PORT, true },
	{ SL_MAP_FLOW, true },
	{ SL_MAP_HALF, true },
	{ SL_MAP_FRAG, true },
	{ SL_MAP_DROP_RULE, true },
};

/* Every operation of a phase in the order they came; stops with the first error. */
static int sluice_txn_each(struct sluice_txn *txn, const struct sluice_phase *ph,
			   int (*cb)(struct sluice_step *op, struct bpf_map *map, void *arg),
			   struct bpf_map *map, void *arg)
{
	struct sluice_chunk *c;
	struct sluice_step *op;
	u32 at;
	int err;

	list_for_each_entry(c, &txn->chunks, list) {
		for (at = 0; at < c->used; at += txn->table[op->map].op_size) {
			op = (struct sluice_step *)(c->data + at);
			if (op->map != ph->map || (op->op == SLUICE_CHANGE_DELETE) != ph->del)
				continue;
			err = cb(op, map, arg);
			if (err)
				return err;
		}
		cond_resched();
	}
	return 0;
}

/* May an entry that is there be changed by hand? */
static int sluice_op_may(const struct sluice_txn *txn, const struct sluice_step *op, const u8 *old,
			 struct netlink_ext_ack *extack)
{
	int origin = txn->table[op->map].origin;

	if (origin < 0 || old[origin] == SL_ORIGIN_ADMIN)
		return 0;
	NL_SET_ERR_MSG(extack, "entry is the daemon's");
	return -EPERM;
}

static int sluice_op_refuse(struct netlink_ext_ack *extack, int err)
{
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "key is in use");
	else if (err == -ENOENT)
		NL_SET_ERR_MSG(extack, "no such key");
	else if (err == -E2BIG || err == -ENOSPC)
		NL_SET_ERR_MSG(extack, "table is full");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "table is busy");
	return err == -E2BIG ? -ENOSPC : err;
}

/*
 * What an insertion would replace nobody has to know: a key in use refuses it.
 * Tries are asked first, since those of some 6.12 don't look at the flag.
 */
static bool sluice_op_blind(const struct sluice_step *op, const struct bpf_map *map)
{
	return op->op == SLUICE_CHANGE_INSERT && map->map_type != BPF_MAP_TYPE_LPM_TRIE;
}

/* Saves what is there, and says whether the operation may be done to it. */
static int sluice_op_look(const struct sluice_txn *txn, struct sluice_step *op, struct bpf_map *map,
			  struct netlink_ext_ack *extack)
{
	void *saved = sluice_op_saved(op, map);
	int err = sluice_map_read_exact(map, sluice_op_key(op), saved);

	op->had = !err;
	if (err && err != -ENOENT)
		return sluice_op_refuse(extack, err);
	if (op->had && op->op == SLUICE_CHANGE_INSERT)
		return sluice_op_refuse(extack, -EEXIST);
	if (!op->had && (op->op == SLUICE_CHANGE_MODIFY || op->op == SLUICE_CHANGE_DELETE))
		return sluice_op_refuse(extack, -ENOENT);
	return op->had ? sluice_op_may(txn, op, saved, extack) : 0;
}

static int sluice_op_try(const struct sluice_txn *txn, struct sluice_step *op, struct bpf_map *map,
			 struct netlink_ext_ack *extack)
{
	void *key = sluice_op_key(op);
	int err = sluice_op_blind(op, map) ? 0 : sluice_op_look(txn, op, map, extack);

	if (err)
		return err;
	/* The flags hold against who writes at the same time by another door. */
	if (op->op == SLUICE_CHANGE_DELETE)
		err = sluice_map_delete(map, key);
	else
		err = sluice_map_write(map, key, sluice_op_value(op, map),
				       op->had ? BPF_EXIST : BPF_NOEXIST);
	if (err)
		return sluice_op_refuse(extack, err);
	op->done = true;
	return 0;
}

struct sluice_apply {
	struct sluice_txn *txn;
	struct netlink_ext_ack *extack;
};

static int sluice_op_apply(struct sluice_step *op, struct bpf_map *map, void *arg)
{
	struct sluice_apply *apply = arg;
	int err = sluice_op_try(apply->txn, op, map, apply->extack);

	if (err)
		apply->txn->failed = op->index;
	return err;
}

static int sluice_op_undo(struct sluice_step *op, struct bpf_map *map, void *arg)
{
	int *failed = arg, err = 0;

	if (!op->done)
		return 0;
	op->done = false;
	if (op->had)
		err = sluice_map_restore(map, sluice_op_key(op), sluice_op_saved(op, map));
	else
		err = sluice_map_delete(map, sluice_op_key(op));
	if (err && err != -ENOENT)
		*failed = err;
	return 0;
}

/*
 * Within a phase the same key may have been written more than once: what was
 * saved first is what is to be there in the end, so the last goes first.
 */
static void sluice_txn_undo_phase(struct sluice_txn *txn, const struct sluice_phase *ph,
				  struct bpf_map *map, int *failed)
{
	struct sluice_chunk *c;
	struct sluice_step *op;
	u32 at, n, i;

	list_for_each_entry_reverse(c, &txn->chunks, list) {
		for (at = 0, n = 0; at < c->used; at += txn->table[op->map].op_size) {
			op = (struct sluice_step *)(c->data + at);
			if (op->map == ph->map && (op->op == SLUICE_CHANGE_DELETE) == ph->del)
				txn->undo[n++] = at / 8;
		}
		for (i = n; i--;)
			sluice_op_undo((struct sluice_step *)(c->data + txn->undo[i] * 8), map, failed);
		cond_resched();
	}
}

static void sluice_txn_undo(struct sluice_pipe *pipe, struct sluice_txn *txn)
{
	int i, failed = 0;

	for (i = ARRAY_SIZE(sluice_phases) - 1; i >= 0; i--) {
		const struct sluice_phase *ph = &sluice_phases[i];

		if (txn->table[ph->map].has[ph->del])
			sluice_txn_undo_phase(txn, ph, pipe->map[ph->map], &failed);
	}
	if (failed)
		pr_warn("sluice: an aborted transaction could not be undone wholly: %d\n", failed);
}

static int sluice_txn_apply(struct sluice_pipe *pipe, struct sluice_txn *txn,
			    struct netlink_ext_ack *extack)
{
	struct sluice_apply apply = { .txn = txn, .extack = extack };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(sluice_phases); i++) {
		const struct sluice_phase *ph = &sluice_phases[i];

		if (txn->table[ph->map].has[ph->del])
			err = sluice_txn_each(txn, ph, sluice_op_apply, pipe->map[ph->map],
					      &apply);
	}
	return err;
}

static int sluice_txn_apply_rules(struct sluice_pipe *pipe, struct sluice_txn *txn,
				  struct netlink_ext_ack *extack)
{
	const struct sluice_rule_change *failed = NULL;
	int err;

	if (!txn->nrules)
		return 0;
	err = sluice_acl_commit(pipe, &txn->rules, txn->nrules, &failed, extack);
	if (failed)
		txn->failed = failed->index;
	return err;
}

static int sluice_op_flow_gone(struct sluice_step *op, struct bpf_map *map, void *pipe)
{
	sluice_flow_gone(pipe, sluice_op_key(op), sluice_op_saved(op, map));
	return 0;
}

/* Only when nothing can be undone any more: what was told can't be taken back. */
static void sluice_txn_flows_gone(struct sluice_pipe *pipe, struct sluice_txn *txn)
{
	static const struct sluice_phase gone[] = { { SL_MAP_FLOW, true }, { SL_MAP_HALF, true } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gone); i++)
		if (txn->table[gone[i].map].has[true])
			sluice_txn_each(txn, &gone[i], sluice_op_flow_gone,
					pipe->map[gone[i].map], pipe);
}

static bool sluice_txn_touches(const struct sluice_txn *txn, u32 map)
{
	return txn->table[map].has[0] || txn->table[map].has[1];
}

/* What was routed or judged by what has changed is judged again. */
static void sluice_txn_rejudge(struct sl_state *st, const struct sluice_txn *txn)
{
	if (sluice_txn_touches(txn, SL_MAP_ROUTE) || sluice_txn_touches(txn, SL_MAP_RULE) ||
	    sluice_txn_touches(txn, SL_MAP_PORT))
		atomic_inc((atomic_t *)&st->route_gen);
}

int sluice_txn_commit(struct sluice_net *sn, struct sluice_pipe *pipe, struct sluice_txn *txn,
		      struct netlink_ext_ack *extack)
{
	struct sl_state *st = sluice_pipe_state(pipe);
	u32 generation;
	int err;

	if (txn->expects && txn->generation != READ_ONCE(st->generation)) {
		NL_SET_ERR_MSG_FMT(extack, "generation is %u", st->generation);
		return -ESTALE;
	}
	err = sluice_txn_apply(pipe, txn, extack);
	if (!err)
		err = sluice_txn_apply_rules(pipe, txn, extack);
	if (err) {
		sluice_txn_undo(pipe, txn);
		/* Flows that began meanwhile may have met what is undone. */
		sluice_txn_rejudge(st, txn);
		return err;
	}
	sluice_txn_flows_gone(pipe, txn);
	sluice_txn_rejudge(st, txn);
	generation = atomic_inc_return((atomic_t *)&st->generation);
	sluice_event_commit(sn, generation, txn->count);
	return 0;
}
