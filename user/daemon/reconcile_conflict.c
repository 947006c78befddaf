// SPDX-License-Identifier: GPL-2.0
/*
 * Reconciler: ids that mean one thing in the plan and another in the tables.
 *
 * Ids are hashes of contents, so this takes a collision across a restart, or
 * somebody else's hand in the tables. An entry that is in force is never
 * changed in place all the same: its rule set or port set gets a new id, and
 * goes the way of every change.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/reconcile_impl.h"

/*
 * What open endpoints refer to, by id; worked out when it is first needed.
 * Classes are those of the column that is read: the other one can hold what a
 * writer meant who died before the switch, and nobody is judged by that.
 */
struct in_force {
	const struct mirror *m;
	unsigned int column;
	struct btab sets, classes, ports;
	bool known, ports_known;
};

static const __u32 yes = 1;

static int look_at_endpoints(struct in_force *in)
{
	const struct sl_ep *ep;
	int err = 0, f;
	__u32 i, set;

	for (i = 1; !err && i < SL_EP_MAX; i++) {
		ep = &in->m->t->eps[i];
		if (!ep_open(ep))
			continue;
		set = word_set(sluice_ep_policy(ep));
		err = btab_set(&in->sets, &set, &yes);
		for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
			err = btab_set(&in->classes, &ep->class_id[in->column][f], &yes);
	}
	in->known = !err;
	return err;
}

static int look_at_rules(struct in_force *in)
{
	const struct sl_rule_val *val;
	const struct sl_rule_key *k;
	const void *key;
	size_t pos = 0;
	__u32 set;
	void *v;
	int err = 0;

	while (!err && btab_walk(&in->m->rule, &pos, &key, &v)) {
		k = key;
		val = v;
		set = k->set >> 1;
		if (val->verdict == SL_VERDICT_PORTS && btab_get(&in->sets, &set))
			err = btab_set(&in->ports, &val->ports, &yes);
	}
	in->ports_known = !err;
	return err;
}

/* Some address may be looked up as @id: by the entry of a prefix, or an endpoint's own. */
static bool borne(const struct in_force *in, __u32 id)
{
	return id == SL_CLASS_ANY || btab_get(&in->m->bearers[in->column], &id) ||
	       btab_get(&in->classes, &id);
}

bool commit_rule_is_live(const struct commit *cm, const struct sl_rule_key *key)
{
	return ruleset_find(&cm->r->c->rulesets, key->set >> 1);
}

bool commit_port_is_live(const struct commit *cm, const struct sl_port_key *key)
{
	return portset_find(&cm->r->c->portsets, key->ports);
}

/*
 * An entry matters for classes that somebody bears now: those of the others
 * are looked up by nobody before the switch. One too many of a dying class
 * stays to the end.
 */
static bool rule_conflicts(const struct commit *cm, const struct in_force *in,
			   const struct sl_rule_key *key)
{
	const struct class *class;
	__u32 set = key->set >> 1;

	if (!btab_get(&in->sets, &set) || !commit_rule_is_live(cm, key) ||
	    !borne(in, key->class_id))
		return false;
	if (btab_get(&cm->r->c->plan.rule, key))
		return true;
	class = class_find(&cm->r->c->classes, key->class_id);
	return key->class_id == SL_CLASS_ANY || (class && class->refs);
}

static bool set_taken(void *arg, __u32 id)
{
	const struct in_force *in = arg;
	const void *key;
	size_t pos = 0;
	void *val;

	if (btab_get(&in->sets, &id))
		return true;
	while (btab_walk(&in->m->rule, &pos, &key, &val))
		if (((const struct sl_rule_key *)key)->set >> 1 == id)
			return true;
	return false;
}

static bool port_taken(void *arg, __u32 id)
{
	const struct in_force *in = arg;
	const void *key;
	size_t pos = 0;
	void *val;

	while (btab_walk(&in->m->port, &pos, &key, &val))
		if (((const struct sl_port_key *)key)->ports == id)
			return true;
	return false;
}

static int resolve_ports(struct commit *cm, struct in_force *in, bool *renamed)
{
	const struct sl_port_key *key;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->port.n; i++) {
		key = (const struct sl_port_key *)(cm->port.v + i * cm->port.size);
		if (!commit_port_is_live(cm, key))
			continue;
		if (!in->ports_known)
			err = look_at_rules(in);
		if (err || !btab_get(&in->ports, &key->ports))
			continue;
		err = compile_rename_portset(cm->r->c, key->ports, port_taken, in);
		*renamed = true;
	}
	return err;
}

static int resolve_rules(struct commit *cm, struct in_force *in, bool *renamed)
{
	const struct sl_rule_key *key;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->rule.n; i++) {
		key = (const struct sl_rule_key *)(cm->rule.v + i * cm->rule.size);
		if (!rule_conflicts(cm, in, key))
			continue;
		err = compile_rename_ruleset(cm->r->c, key->set >> 1, set_taken, in);
		*renamed = true;
	}
	return err;
}

int commit_resolve(struct commit *cm, bool *renamed)
{
	struct in_force in = { .m = &cm->r->mirror, .column = cm->now };
	int err;

	*renamed = false;
	if (!cm->rule.n && !cm->port.n)
		return 0;
	btab_init(&in.sets, sizeof(__u32), sizeof(__u32));
	btab_init(&in.classes, sizeof(__u32), sizeof(__u32));
	btab_init(&in.ports, sizeof(__u32), sizeof(__u32));
	err = look_at_endpoints(&in);
	if (!err)
		err = resolve_ports(cm, &in, renamed);
	/* a renamed port set has changed rules: those are compared first */
	if (!err && !*renamed)
		err = resolve_rules(cm, &in, renamed);
	btab_exit(&in.sets);
	btab_exit(&in.classes);
	btab_exit(&in.ports);
	return err;
}
