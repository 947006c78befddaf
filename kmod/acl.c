// SPDX-License-Identifier: GPL-2.0
/*
 * Administrator's rules in the pipeline's maps: changes become the set of all
 * rules, that is compiled into the column which is not in force, and one word
 * switches. acl_compile.c does the compiling, for the library too.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sort.h>
#include <linux/xarray.h>
#include "acl_compile.h"
#include "sluice.h"

static void sluice_acl_report(struct netlink_ext_ack *extack, const struct sl_acl_error *e)
{
	if (e->rule)
		NL_SET_ERR_MSG_FMT(extack, "rule %u: %s: %s", e->rule, e->field, e->text);
	else
		NL_SET_ERR_MSG_FMT(extack, "%s: %s", e->field, e->text);
}

int sluice_acl_valid(u32 id, const struct sl_acl_rule *rule, struct netlink_ext_ack *extack)
{
	struct sl_acl_error e = {};
	int err = sluice_acl_check(id, rule, &e);

	if (err)
		sluice_acl_report(extack, &e);
	return err;
}

/* ---------------------------------------------------------- all rules */

/* A set of rules; where each id is, by index. */
struct sluice_acl_set {
	struct sl_acl_entry *rule;
	struct xarray at;		/* id to an index, as a value */
	u32 count;
};

static void sluice_acl_set_exit(struct sluice_acl_set *set)
{
	xa_destroy(&set->at);
	kvfree(set->rule);
}

static struct sl_acl_entry *sluice_acl_find(struct sluice_acl_set *set, u32 id)
{
	void *at = xa_load(&set->at, id);

	return at ? &set->rule[xa_to_value(at)] : NULL;
}

static int sluice_acl_add(struct sluice_acl_set *set, u32 id, const struct sl_acl_rule *rule)
{
	int err = xa_err(xa_store(&set->at, id, xa_mk_value(set->count), GFP_KERNEL_ACCOUNT));

	if (err)
		return err;
	set->rule[set->count].id = id;
	set->rule[set->count++].rule = *rule;
	return 0;
}

/* The last one takes its place. */
static int sluice_acl_remove(struct sluice_acl_set *set, struct sl_acl_entry *e)
{
	struct sl_acl_entry *last = &set->rule[set->count - 1];

	xa_erase(&set->at, e->id);
	set->count--;
	if (e == last)
		return 0;
	*e = *last;
	/* The index is there: storing into it needs no memory. */
	return xa_err(xa_store(&set->at, e->id, xa_mk_value(e - set->rule), GFP_KERNEL_ACCOUNT));
}

/* Every rule there is, with room for @more. sluice_acl_set_exit() also after an error. */
static int sluice_acl_load(struct sluice_pipe *pipe, u32 more, struct sluice_acl_set *set)
{
	struct bpf_map *map = pipe->map[SL_MAP_ACL];
	struct sluice_snapshot snap;
	struct sl_acl_rule rule;
	const u32 *id;
	int err;

	memset(set, 0, sizeof(*set));
	xa_init(&set->at);
	err = sluice_snapshot_take(&snap, map, NULL, NULL);
	if (err)
		return err;
	set->rule = kvcalloc(snap.count + more + 1, sizeof(*set->rule), GFP_KERNEL_ACCOUNT);
	if (!set->rule)
		err = -ENOMEM;
	while (!err && (id = sluice_snapshot_next(&snap)))
		if (!sluice_map_read(map, id, &rule))
			err = sluice_acl_add(set, *id, &rule);
	sluice_snapshot_free(&snap);
	return err;
}

static int sluice_acl_cmp(const void *a, const void *b)
{
	const struct sl_acl_entry *x = a, *y = b;

	if (x->rule.priority != y->rule.priority)
		return x->rule.priority < y->rule.priority ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

long sluice_acl_list(struct sluice_pipe *pipe, struct sl_acl_entry **out)
{
	struct sluice_acl_set set;
	int err = sluice_acl_load(pipe, 0, &set);

	if (err) {
		sluice_acl_set_exit(&set);
		return err;
	}
	sort(set.rule, set.count, sizeof(*set.rule), sluice_acl_cmp, NULL);
	*out = set.rule;
	set.rule = NULL;
	sluice_acl_set_exit(&set);
	return set.count;
}

static int sluice_acl_change(struct sluice_acl_set *set, const struct sluice_rule_change *c,
			     struct netlink_ext_ack *extack)
{
	struct sl_acl_entry *have = sluice_acl_find(set, c->id);

	if (!have && (c->del || c->replace)) {
		NL_SET_ERR_MSG_FMT(extack, "rule %u: no such rule", c->id);
		return -ENOENT;
	}
	if (have && have->rule.origin != SL_ORIGIN_ADMIN) {
		NL_SET_ERR_MSG_FMT(extack, "rule %u is the daemon's", c->id);
		return -EPERM;
	}
	if (have && !c->del && !c->replace) {
		NL_SET_ERR_MSG_FMT(extack, "rule %u: id is in use", c->id);
		return -EEXIST;
	}
	if (c->del)
		return sluice_acl_remove(set, have);
	if (!have)
		return sluice_acl_add(set, c->id, &c->rule);
	have->rule = c->rule;
	return 0;
}

/* ---------------------------------------------------------------- columns */

static bool sluice_value_in(const void *arg, const void *key, const void *value)
{
	const struct sl_acl_value_key *k = key;

	return (k->table & 1) == *(const u32 *)arg;
}

/* The hash forgets a column; in arrays what nothing leads to is of no interest. */
static int sluice_column_clear(struct sluice_pipe *pipe, u32 column)
{
	struct sluice_snapshot snap;
	const void *key;
	int err;

	err = sluice_snapshot_take(&snap, pipe->map[SL_MAP_ACL_VALUE], sluice_value_in, &column);
	while (!err && (key = sluice_snapshot_next(&snap))) {
		err = sluice_map_delete(snap.map, key);
		err = err == -ENOENT ? 0 : err;
		cond_resched();
	}
	sluice_snapshot_free(&snap);
	return err;
}

static int sluice_acl_sink_put(void *arg, enum sl_map map, const void *key, const void *value)
{
	struct sluice_pipe *pipe = arg;

	return sluice_map_write(pipe->map[map], key, value, BPF_ANY);
}

/* ------------------------------------------------------------ the rules' own */

/* Counter and bucket, before the rule is in force; they stay when it is replaced. */
static int sluice_rule_equip(struct sluice_pipe *pipe, const struct sl_acl_entry *e)
{
	const struct sl_acl_bucket full = {};
	const struct sl_counter none = {};
	int err;

	err = sluice_map_write(pipe->map[SL_MAP_ACL_COUNT], &e->id, &none, BPF_NOEXIST);
	if ((!err || err == -EEXIST) && e->rule.action == SL_ACL_ACT_RATE)
		err = sluice_map_write(pipe->map[SL_MAP_ACL_BUCKET], &e->id, &full, BPF_NOEXIST);
	return err == -EEXIST ? 0 : err;
}

static void sluice_rule_strip(struct sluice_pipe *pipe, u32 id)
{
	sluice_map_delete(pipe->map[SL_MAP_ACL_COUNT], &id);
	sluice_map_delete(pipe->map[SL_MAP_ACL_BUCKET], &id);
}

/*
 * sl_acl becomes @want, from @have. The table has room for one set of rules:
 * those that go, go first.
 */
static int sluice_acl_write(struct sluice_pipe *pipe, struct sluice_acl_set *have,
			    struct sluice_acl_set *want)
{
	struct bpf_map *map = pipe->map[SL_MAP_ACL];
	struct sl_acl_entry *e, *old;
	int err = 0;

	for (e = have->rule; !err && e < have->rule + have->count; e++)
		if (!sluice_acl_find(want, e->id))
			err = sluice_map_delete(map, &e->id);
	for (e = want->rule; !err && e < want->rule + want->count; e++) {
		old = sluice_acl_find(have, e->id);
		if (old && !memcmp(&old->rule, &e->rule, sizeof(e->rule)))
			continue;
		err = sluice_rule_equip(pipe, e);
		if (!err)
			err = sluice_map_write(map, &e->id, &e->rule, BPF_ANY);
		cond_resched();
	}
	return err;
}

/* The other way round, after a failure: what is there may be any part of it. */
static void sluice_acl_unwrite(struct sluice_pipe *pipe, struct sluice_acl_set *had,
			       struct sluice_acl_set *want)
{
	struct bpf_map *map = pipe->map[SL_MAP_ACL];
	struct sl_acl_entry *e;
	int err = 0;

	for (e = want->rule; e < want->rule + want->count; e++)
		if (!sluice_acl_find(had, e->id))
			sluice_map_delete(map, &e->id);
	for (e = had->rule; !err && e < had->rule + had->count; e++)
		err = sluice_map_restore(map, &e->id, &e->rule);
	if (err)
		pr_warn("sluice: rules could not be put back as they were: %d\n", err);
}

static void sluice_acl_strip(struct sluice_pipe *pipe, struct sluice_acl_set *had,
			     struct sluice_acl_set *have)
{
	struct sl_acl_entry *e;

	for (e = had->rule; e < had->rule + had->count; e++)
		if (!sluice_acl_find(have, e->id))
			sluice_rule_strip(pipe, e->id);
}

/* ----------------------------------------------------------------- commit */

/* Sorts @want, so that its index is of no use afterwards. */
static int sluice_acl_compile_spare(struct sluice_pipe *pipe, const struct sluice_acl_set *want,
				    u32 *word, struct netlink_ext_ack *extack)
{
	u32 spare = !(READ_ONCE(sluice_pipe_state(pipe)->acl) & SL_ACL_COLUMN);
	struct sl_acl_sink sink = { .put = sluice_acl_sink_put, .arg = pipe };
	struct sl_acl_error e = {};
	struct sl_acl_entry *copy;
	int err;

	copy = kvcalloc(want->count + 1, sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, want->rule, want->count * sizeof(*copy));
	/* A writer on pinned maps may have died before it waited for the readers of it. */
	synchronize_rcu();
	err = sluice_column_clear(pipe, spare);
	if (!err)
		err = sluice_acl_compile(copy, want->count, spare, &sink, word, &e);
	if (err && e.text)
		sluice_acl_report(extack, &e);
	if (err)
		sluice_column_clear(pipe, spare);
	kvfree(copy);
	return err;
}

static void sluice_acl_switch(struct sluice_pipe *pipe, u32 word)
{
	struct sl_state *st = sluice_pipe_state(pipe);
	u32 old = READ_ONCE(st->acl);

	/* Rows before the word that leads to them; then flows are judged again. */
	smp_store_release(&st->acl, word);
	atomic_inc((atomic_t *)&st->route_gen);
	/* Programs that took the old word still read its column. */
	synchronize_rcu();
	sluice_column_clear(pipe, old & SL_ACL_COLUMN);
}

static int sluice_acl_replace(struct sluice_pipe *pipe, struct sluice_acl_set *have,
			      struct sluice_acl_set *want, struct netlink_ext_ack *extack)
{
	u32 word;
	int err;

	if (want->count > SL_ACL_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "rules: more than %u", SL_ACL_MAX);
		return -ENOSPC;
	}
	err = sluice_acl_compile_spare(pipe, want, &word, extack);
	if (err)
		return err;
	err = sluice_acl_write(pipe, have, want);
	if (err) {
		sluice_acl_unwrite(pipe, have, want);
		sluice_acl_strip(pipe, want, have);
		return err;
	}
	sluice_acl_switch(pipe, word);
	sluice_acl_strip(pipe, have, want);
	return 0;
}

int sluice_acl_commit(struct sluice_pipe *pipe, const struct list_head *changes, u32 count,
		      const struct sluice_rule_change **failed, struct netlink_ext_ack *extack)
{
	const struct sluice_rule_change *c;
	struct sluice_acl_set have, want;
	int err, err_want;

	err = sluice_acl_load(pipe, 0, &have);
	err_want = sluice_acl_load(pipe, count, &want);
	if (!err)
		err = err_want;
	list_for_each_entry(c, changes, list) {
		if (err)
			break;
		err = sluice_acl_change(&want, c, extack);
		if (err)
			*failed = c;
	}
	if (!err)
		err = sluice_acl_replace(pipe, &have, &want, extack);
	sluice_acl_set_exit(&want);
	sluice_acl_set_exit(&have);
	return err;
}
