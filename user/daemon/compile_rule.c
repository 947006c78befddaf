// SPDX-License-Identifier: GPL-2.0
/* Compiler: what each rule set says of each class, as table entries. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/compile_impl.h"

/* ---------------------------------------------------------------- entries */

static struct sl_port_key port_key(__u32 id, const struct portset_entry *e)
{
	return (struct sl_port_key){
		.prefixlen = e->plen, .ports = id, .proto = e->proto,
		.port = { e->port >> 8, e->port & 0xff },
	};
}

static int plan_portset(struct compiler *c, const struct portset *s)
{
	struct sl_port_val val = {};
	struct sl_port_key key;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < s->n; i++) {
		key = port_key(s->id, &s->entry[i]);
		val.verdict = s->entry[i].verdict;
		val.tier = s->entry[i].tier;
		val.rule = s->entry[i].rule;
		err = plan_set_port(&c->plan, &key, &val);
	}
	return err;
}

static void unplan_portset(struct compiler *c, const struct portset *s)
{
	struct sl_port_key key;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		key = port_key(s->id, &s->entry[i]);
		plan_del_port(&c->plan, &key);
	}
}

static void put_portset(struct compiler *c, __u32 id)
{
	struct portset *s = portset_find(&c->portsets, id);

	if (!s || --s->refs)
		return;
	unplan_portset(c, s);
	portset_free(&c->portsets, s);
}

static void drop_entry(struct compiler *c, const struct sl_rule_key *key)
{
	const struct sl_rule_val *val = btab_get(&c->plan.rule, key);
	__u32 ports;

	if (!val)
		return;
	ports = val->verdict == SL_VERDICT_PORTS ? val->ports : 0;
	plan_del_rule(&c->plan, key);
	if (ports)
		put_portset(c, ports);
}

static int set_entry(struct compiler *c, const struct ruleset *r, enum sl_dir dir, __u32 class_id,
		     const struct judgement *j)
{
	const struct sl_rule_key key = { plan_rule_set(r->id, dir), class_id };
	struct sl_rule_val val = { .verdict = j->verdict };
	struct portset *s;
	bool fresh;
	int err;

	if (j->by) {
		val.rule = j->by->id;
		val.tier = j->by->tier;
	}
	drop_entry(c, &key);
	if (j->verdict != SL_VERDICT_PORTS)
		return plan_set_rule(&c->plan, &key, &val);
	s = portset_get(&c->portsets, j, &fresh);
	if (!s)
		return -ENOMEM;
	err = fresh ? plan_portset(c, s) : 0;
	/* with tiers alone the set has an answer to everything */
	if (r->deny[dir]) {
		val.deny = r->deny[dir]->id;
		val.deny_tier = r->deny[dir]->tier;
	}
	val.ports = s->id;
	if (!err)
		err = plan_set_rule(&c->plan, &key, &val);
	if (err)
		put_portset(c, s->id);
	return err;
}

void compile_drop_ruleset(struct compiler *c, const struct ruleset *r)
{
	const struct class *class;
	struct sl_rule_key key;
	struct hnode *n;
	int dir;

	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		if (!r->isolated[dir])
			continue;
		key = (struct sl_rule_key){ plan_rule_set(r->id, dir), SL_CLASS_ANY };
		drop_entry(c, &key);
		htab_each(&c->classes.classes, n) {
			class = container_of(n, struct class, node);
			key.class_id = class->id;
			drop_entry(c, &key);
		}
	}
}

/* ---------------------------------------------------------------- the pass */

struct list {
	struct ruleset **v;
	unsigned int n;
};

static int list_rulesets(const struct compiler *c, bool fresh, struct list *out)
{
	struct ruleset *r;
	struct hnode *n;

	out->n = 0;
	out->v = malloc((c->rulesets.sets.count + 1) * sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	htab_each(&c->rulesets.sets, n) {
		r = container_of(n, struct ruleset, node);
		if (!fresh || r->fresh)
			out->v[out->n++] = r;
	}
	return 0;
}

static int entry_for(struct compiler *c, const struct ruleset *r, enum sl_dir dir,
		     const struct class *class, uint64_t stamp)
{
	int err;

	if (!r->isolated[dir] || !ruleset_concerns(r, dir, stamp))
		return 0;
	err = ruleset_judge(r, dir, NULL, 0, &c->any);
	if (!err)
		err = ruleset_judge(r, dir, class, stamp, &c->one);
	if (err || judgement_equal(&c->any, &c->one))
		return err;
	return set_entry(c, r, dir, class->id, &c->one);
}

static int entries_of_class(struct compiler *c, struct class *class, const struct list *l)
{
	uint64_t stamp = classes_stamp(&c->classes);
	unsigned int i;
	int dir, err = 0;

	for (i = 0; i < class->n; i++)
		if (!class->unit[i]->name)
			class->unit[i]->stamp = stamp;
	for (i = 0; !err && i < l->n; i++)
		for (dir = 0; !err && dir < __SL_DIR_MAX; dir++)
			err = entry_for(c, l->v[i], dir, class, stamp);
	return err;
}

static int entries_for_everybody(struct compiler *c, const struct list *fresh)
{
	unsigned int i;
	int dir, err = 0;

	for (i = 0; !err && i < fresh->n; i++) {
		for (dir = 0; !err && dir < __SL_DIR_MAX; dir++) {
			if (!fresh->v[i]->isolated[dir])
				continue;
			err = ruleset_judge(fresh->v[i], dir, NULL, 0, &c->any);
			if (!err)
				err = set_entry(c, fresh->v[i], dir, SL_CLASS_ANY, &c->any);
		}
	}
	return err;
}

static int new_entries(struct compiler *c, const struct list *all, const struct list *fresh)
{
	struct class *class;
	struct hnode *n;
	int err;

	err = entries_for_everybody(c, fresh);
	htab_each(&c->classes.classes, n) {
		class = container_of(n, struct class, node);
		if (err)
			return err;
		if (class->refs && (class->fresh || fresh->n))
			err = entries_of_class(c, class, class->fresh ? all : fresh);
	}
	return err;
}

static void settle_fresh(struct compiler *c, const struct list *fresh)
{
	struct class *class;
	struct hnode *n;
	unsigned int i;

	for (i = 0; i < fresh->n; i++)
		fresh->v[i]->fresh = false;
	c->rulesets.nfresh = 0;
	if (!c->classes.nfresh)
		return;
	htab_each(&c->classes.classes, n) {
		class = container_of(n, struct class, node);
		if (!class->fresh || !class->refs)
			continue;
		class->fresh = false;
		c->classes.nfresh--;
	}
}

static void drop_class(struct compiler *c, struct class *class, const struct list *all)
{
	struct sl_rule_key key = { .class_id = class->id };
	unsigned int i;
	int dir;

	for (i = 0; i < all->n; i++) {
		for (dir = 0; dir < __SL_DIR_MAX; dir++) {
			key.set = plan_rule_set(all->v[i]->id, dir);
			if (all->v[i]->isolated[dir])
				drop_entry(c, &key);
		}
	}
	class_free(&c->classes, class);
}

static void drop_classes(struct compiler *c, const struct list *all)
{
	struct hnode *n, *next;
	struct class *class;

	if (!c->classes.ndead)
		return;
	for (n = htab_walk(&c->classes.classes, NULL); n; n = next) {
		next = htab_walk(&c->classes.classes, n);
		class = container_of(n, struct class, node);
		if (!class->refs)
			drop_class(c, class, all);
	}
}

int compile_entries(struct compiler *c)
{
	struct list all, fresh;
	int err;

	if (!c->classes.nfresh && !c->rulesets.nfresh && !c->classes.ndead)
		return 0;
	err = list_rulesets(c, false, &all);
	if (err)
		return err;
	err = list_rulesets(c, true, &fresh);
	if (err)
		goto out_all;
	err = new_entries(c, &all, &fresh);
	if (!err) {
		drop_classes(c, &all);
		settle_fresh(c, &fresh);
	}
	free(fresh.v);
out_all:
	free(all.v);
	return err;
}

/* --------------------------------------------------------------- renaming */

static int move_entry(struct compiler *c, __u32 class_id, __u32 from, __u32 to)
{
	struct sl_rule_key key = { from, class_id };
	const struct sl_rule_val *old = btab_get(&c->plan.rule, &key);
	struct sl_rule_val val;

	if (!old)
		return 0;
	val = *old;
	plan_del_rule(&c->plan, &key);
	key.set = to;
	return plan_set_rule(&c->plan, &key, &val);
}

int compile_rename_ruleset(struct compiler *c, __u32 id,
			   bool (*taken)(void *arg, __u32 id), void *arg)
{
	struct ruleset *r = ruleset_find(&c->rulesets, id);
	struct hnode *n;
	int dir, err = 0;
	__u32 i;

	if (!r || !id)
		return -ENOENT;
	ruleset_rename(&c->rulesets, r, taken, arg);
	for (dir = 0; !err && dir < __SL_DIR_MAX; dir++) {
		err = move_entry(c, SL_CLASS_ANY, plan_rule_set(id, dir),
				 plan_rule_set(r->id, dir));
		htab_each(&c->classes.classes, n)
			if (!err)
				err = move_entry(c, container_of(n, struct class, node)->id,
						 plan_rule_set(id, dir),
						 plan_rule_set(r->id, dir));
	}
	for (i = 1; i < SL_EP_MAX; i++)
		if (c->plan.ep[i].used && c->plan.ep[i].set == id)
			plan_ep_touch(&c->plan, i)->set = r->id;
	return err;
}

/* Keys of the rule entries that name port set @id: they can't change while walked. */
static struct sl_rule_key *entries_with(const struct compiler *c, __u32 id, size_t *n)
{
	struct sl_rule_key *v = malloc((c->plan.rule.count + 1) * sizeof(*v));
	const struct sl_rule_val *val;
	const void *key;
	size_t pos = 0;
	void *p;

	*n = 0;
	while (v && btab_walk(&c->plan.rule, &pos, &key, &p)) {
		val = p;
		if (val->verdict == SL_VERDICT_PORTS && val->ports == id)
			memcpy(&v[(*n)++], key, sizeof(*v));
	}
	return v;
}

int compile_rename_portset(struct compiler *c, __u32 id,
			   bool (*taken)(void *arg, __u32 id), void *arg)
{
	struct portset *s = portset_find(&c->portsets, id);
	struct sl_rule_key *key;
	struct sl_rule_val val;
	size_t i, n;
	int err;

	if (!s)
		return -ENOENT;
	key = entries_with(c, id, &n);
	if (!key)
		return -ENOMEM;
	unplan_portset(c, s);
	portset_rename(&c->portsets, s, taken, arg);
	err = plan_portset(c, s);
	for (i = 0; !err && i < n; i++) {
		val = *(struct sl_rule_val *)btab_get(&c->plan.rule, &key[i]);
		val.ports = s->id;
		err = plan_set_rule(&c->plan, &key[i], &val);
	}
	free(key);
	return err;
}
