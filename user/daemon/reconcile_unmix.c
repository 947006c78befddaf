// SPDX-License-Identifier: GPL-2.0
/*
 * Reconciler: a writer died between the first and the last word of a switch,
 * so that some endpoints read one column and some the other, and neither is
 * free. Without changing what anybody decides, both columns are made one:
 *
 *   - rule sets that endpoints of both columns use are copied for one side
 *   - each pair of different class ids that an address has becomes one new
 *     class, of which each rule set says what it said of its own side's
 *   - then the columns are equal, and all endpoints go to the first
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/reconcile_impl.h"

struct pair {
	__u32 id[2];
};

struct unmixing {
	struct reconciler *r;
	struct btab joint;		/* struct pair to the new class id */
	struct btab set[2];		/* rule sets that are read through each column */
	struct btab ids;		/* class ids in use anywhere */
};

static const __u32 yes = 1;

static bool open_in(const struct reconciler *r, __u32 ep, unsigned int col)
{
	const struct sl_ep *e = &r->mirror.t->eps[ep];

	return ep_open(e) && (sluice_ep_policy(e) & SL_EP_COLUMN_MASK) == col;
}

/* ------------------------------------------------------------------ clones */

static bool set_used(const struct unmixing *u, __u32 id)
{
	const void *key;
	size_t pos = 0;
	void *val;

	if (btab_get(&u->set[0], &id) || btab_get(&u->set[1], &id) ||
	    ruleset_find(&u->r->c->rulesets, id))
		return true;
	while (btab_walk(&u->r->mirror.rule, &pos, &key, &val))
		if (((const struct sl_rule_key *)key)->set >> 1 == id)
			return true;
	return false;
}

static __u32 free_set(const struct unmixing *u)
{
	__u32 id = 1;

	while (set_used(u, id))
		id++;
	return id;
}

static int copy_set(struct unmixing *u, __u32 from, __u32 to)
{
	struct sl_rule_key *k = malloc((u->r->mirror.rule.count + 1) * sizeof(*k)), copy;
	struct sl_rule_val rv;
	const void *key;
	size_t pos = 0, n = 0, i;
	void *val;
	int err = 0;

	if (!k)
		return -ENOMEM;
	while (btab_walk(&u->r->mirror.rule, &pos, &key, &val))
		if (((const struct sl_rule_key *)key)->set >> 1 == from)
			memcpy(&k[n++], key, sizeof(*k));
	for (i = 0; !err && i < n; i++) {
		copy = k[i];
		copy.set = plan_rule_set(to, k[i].set & 1);
		/* by value: queueing may flush, and that moves the mirror's entries */
		rv = *(struct sl_rule_val *)btab_get(&u->r->mirror.rule, &k[i]);
		err = mirror_set(&u->r->mirror, SL_MAP_RULE, &copy, &rv);
	}
	free(k);
	return err ? err : mirror_flush(&u->r->mirror);
}

/* Endpoints of column 1 that share rule set @id with some of column 0 get a copy. */
static int clone_set(struct unmixing *u, __u32 id)
{
	const struct tables *t = u->r->mirror.t;
	const __u64 mask = (__u64)SL_EP_RULESET_MASK << SL_EP_RULESET_SHIFT;
	__u32 copy = free_set(u), i;
	__u64 word;
	int err;

	err = copy_set(u, id, copy);
	if (!err)
		err = btab_set(&u->set[1], &copy, &yes);
	if (err)
		return err;
	for (i = 1; i < SL_EP_MAX; i++) {
		word = sluice_ep_policy(&t->eps[i]);
		if (open_in(u->r, i, 1) && word_set(word) == id)
			t->set_policy(t->ctx, i, (word & ~mask) |
				      (__u64)copy << SL_EP_RULESET_SHIFT);
	}
	btab_del(&u->set[1], &id);
	return 0;
}

static int clone_shared(struct unmixing *u)
{
	__u32 i, set;
	int err = 0;

	for (i = 1; !err && i < SL_EP_MAX; i++) {
		if (!ep_open(&u->r->mirror.t->eps[i]))
			continue;
		set = word_set(sluice_ep_policy(&u->r->mirror.t->eps[i]));
		err = btab_set(&u->set[open_in(u->r, i, 1)], &set, &yes);
	}
	for (i = 1; !err && i < SL_EP_MAX; i++) {
		set = word_set(sluice_ep_policy(&u->r->mirror.t->eps[i]));
		/* rule set 0 has no rules: nothing to tell apart */
		if (set && open_in(u->r, i, 1) && btab_get(&u->set[0], &set))
			err = clone_set(u, set);
	}
	return err;
}

/* ------------------------------------------------------------ joint classes */

static int note_pair(struct unmixing *u, __u32 a, __u32 b)
{
	const struct pair p = { { a, b } };
	const __u32 later = 0;
	int err;

	err = btab_set(&u->ids, &a, &yes);
	if (!err)
		err = btab_set(&u->ids, &b, &yes);
	return err || a == b ? err : btab_set(&u->joint, &p, &later);
}

static int find_pairs(struct unmixing *u)
{
	const struct sl_class_val *val;
	const struct sl_ep *ep;
	const void *key;
	size_t pos = 0;
	void *v;
	__u32 i;
	int f, err = 0;

	while (!err && btab_walk(&u->r->mirror.class.t, &pos, &key, &v)) {
		val = v;
		err = note_pair(u, val->class_id[0], val->class_id[1]);
	}
	for (i = 1; !err && i < SL_EP_MAX; i++) {
		ep = &u->r->mirror.t->eps[i];
		for (f = 0; !err && ep_open(ep) && f < __SL_FAMILY_MAX; f++)
			err = note_pair(u, ep->class_id[0][f], ep->class_id[1][f]);
	}
	/* a leftover rule for a class that nobody bears would speak for the new one */
	for (pos = 0; !err && btab_walk(&u->r->mirror.rule, &pos, &key, &v);)
		err = btab_set(&u->ids, &((const struct sl_rule_key *)key)->class_id, &yes);
	return err;
}

static int name_pairs(struct unmixing *u)
{
	const void *key;
	size_t pos = 0;
	__u32 id = 1;
	void *val;
	int err = 0;

	while (!err && btab_walk(&u->joint, &pos, &key, &val)) {
		while (btab_get(&u->ids, &id) || class_find(&u->r->c->classes, id))
			id++;
		*(__u32 *)val = id;
		err = btab_set(&u->ids, &id, &yes);
	}
	return err;
}

static int rules_for(struct unmixing *u, const struct pair *p, __u32 joint, unsigned int col)
{
	const struct sl_rule_val *found;
	struct sl_rule_val copy;
	struct sl_rule_key from, to;
	const void *key;
	size_t pos = 0;
	void *val;
	int dir, err = 0;

	while (!err && btab_walk(&u->set[col], &pos, &key, &val)) {
		for (dir = 0; !err && dir < __SL_DIR_MAX; dir++) {
			from.set = plan_rule_set(*(const __u32 *)key, dir);
			from.class_id = p->id[col];
			found = btab_get(&u->r->mirror.rule, &from);
			if (!found)
				continue;
			copy = *found;
			to.set = from.set;
			to.class_id = joint;
			err = mirror_set(&u->r->mirror, SL_MAP_RULE, &to, &copy);
		}
	}
	return err;
}

static int write_rules(struct unmixing *u)
{
	const void *key;
	size_t pos = 0;
	void *val;
	int err = 0;

	while (!err && btab_walk(&u->joint, &pos, &key, &val)) {
		err = rules_for(u, key, *(__u32 *)val, 0);
		if (!err)
			err = rules_for(u, key, *(__u32 *)val, 1);
	}
	return err ? err : mirror_flush(&u->r->mirror);
}

/* ------------------------------------------------------------------- joining */

static __u32 joint_of(const struct unmixing *u, __u32 a, __u32 b)
{
	const struct pair p = { { a, b } };

	return a == b ? a : *(__u32 *)btab_get(&u->joint, &p);
}

static int join_prefixes(struct unmixing *u)
{
	struct sl_prefix *k = malloc((u->r->mirror.class.t.count + 1) * sizeof(*k));
	struct sl_class_val val;
	const void *key;
	size_t pos = 0, n = 0, i;
	void *v;
	int err = 0;

	if (!k)
		return -ENOMEM;
	while (btab_walk(&u->r->mirror.class.t, &pos, &key, &v))
		memcpy(&k[n++], key, sizeof(*k));
	for (i = 0; !err && i < n; i++) {
		val = *(struct sl_class_val *)lpm_get(&u->r->mirror.class, &k[i]);
		if (val.class_id[0] == val.class_id[1])
			continue;
		val.class_id[0] = val.class_id[1] = joint_of(u, val.class_id[0], val.class_id[1]);
		err = mirror_set(&u->r->mirror, SL_MAP_CLASS, &k[i], &val);
	}
	free(k);
	return err ? err : mirror_flush(&u->r->mirror);
}

static void join_endpoints(struct unmixing *u)
{
	const struct tables *t = u->r->mirror.t;
	__u32 i, id;
	int f;

	for (i = 1; i < SL_EP_MAX; i++) {
		for (f = 0; ep_open(&t->eps[i]) && f < __SL_FAMILY_MAX; f++) {
			id = joint_of(u, t->eps[i].class_id[0][f], t->eps[i].class_id[1][f]);
			if (t->eps[i].class_id[0][f] != id)
				t->set_class(t->ctx, i, 0, f, id);
			if (t->eps[i].class_id[1][f] != id)
				t->set_class(t->ctx, i, 1, f, id);
		}
	}
	for (i = 1; i < SL_EP_MAX; i++)
		if (open_in(u->r, i, 1))
			t->set_policy(t->ctx, i, sluice_ep_policy(&t->eps[i]) & ~SL_EP_COLUMN_MASK);
}

int reconcile_unmix(struct reconciler *r)
{
	struct unmixing u = { .r = r };
	int err;

	btab_init(&u.joint, sizeof(struct pair), sizeof(__u32));
	btab_init(&u.set[0], sizeof(__u32), sizeof(__u32));
	btab_init(&u.set[1], sizeof(__u32), sizeof(__u32));
	btab_init(&u.ids, sizeof(__u32), sizeof(__u32));
	err = clone_shared(&u);
	if (!err)
		err = find_pairs(&u);
	if (!err)
		err = name_pairs(&u);
	if (!err)
		err = write_rules(&u);
	if (!err)
		err = join_prefixes(&u);
	if (!err)
		join_endpoints(&u);
	btab_exit(&u.joint);
	btab_exit(&u.set[0]);
	btab_exit(&u.set[1]);
	btab_exit(&u.ids);
	return err;
}
