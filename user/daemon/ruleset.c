// SPDX-License-Identifier: GPL-2.0
/* Rule sets; see ruleset.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/ruleset.h"

/* -------------------------------------------------------------- building */

static void put_rule(struct rulesets *rs, struct classes *cs, struct ruleset_rule *r)
{
	unsigned int i;

	for (i = 0; i < r->nports; i++) {
		if (!r->port[i].name)
			continue;
		group_unuse_name(cs, r->group, r->port[i].name, r->port[i].proto);
		str_put(r->port[i].name);
	}
	free(r->port);
	if (r->group)
		group_put(cs, r->group);
	decider_put(&rs->deciders, r->decider);
}

static void destroy(struct rulesets *rs, struct classes *cs, struct ruleset *r)
{
	unsigned int i;
	int dir;

	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		for (i = 0; i < r->nrules[dir]; i++)
			put_rule(rs, cs, &r->rule[dir][i]);
		free(r->rule[dir]);
		decider_put(&rs->deciders, r->deny[dir]);
	}
	free(r);
}

/*
 * Ingress: a name is a port of the endpoint itself, known here. Egress: it is
 * a port of whoever is talked to, so the name stays, and peers that have such
 * a port are told apart by its number.
 */
static int copy_port(struct classes *cs, const struct model_pod *pod, enum sl_dir dir,
		     const struct netpol_port *from, struct ruleset_rule *r)
{
	struct netpol_port p = *from;
	int err;

	if (p.name && dir == SL_DIR_INGRESS) {
		p.lo = p.hi = pod_ports_number(pod->ports, p.name, p.proto);
		p.name = NULL;
		if (!p.lo)
			return 0;
	}
	if (p.name) {
		err = group_use_name(cs, r->group, p.name, p.proto);
		if (err)
			return err;
		str_ref(p.name);
	}
	r->port[r->nports++] = p;
	return 0;
}

static int copy_rule(struct classes *cs, const struct model_pod *pod,
		     const struct ruleset_rule *key, const struct netpol_rule *from,
		     struct ruleset_rule *r)
{
	enum sl_dir dir = key->decider->dir;
	unsigned int i;
	int err = 0;

	*r = *key;
	r->action = from->action;
	r->all = !from->nports;
	r->group = group_get(cs, from->peer, from->npeers);
	r->port = calloc(from->nports + 1, sizeof(*r->port));
	if (!r->group || !r->port)
		return -ENOMEM;
	for (i = 0; !err && i < from->nports; i++)
		err = copy_port(cs, pod, dir, &from->port[i], r);
	return err;
}

/* A rule set while it is put together. */
struct building {
	struct rulesets *rs;
	struct classes *cs;
	const struct model_pod *pod;
	struct ruleset *r;
};

static struct decider *decider_of(struct building *b, const struct object_netpol *np,
				  enum sl_dir dir, int index)
{
	const struct decider like = { .tier = np->tier, .ns = np->o.ns, .name = np->o.name,
				      .dir = dir, .index = index };

	return decider_get(&b->rs->deciders, &like);
}

/* What @np does to the direction as a whole, whatever its rules say. */
static int open_direction(struct building *b, const struct object_netpol *np, enum sl_dir dir)
{
	struct ruleset *r = b->r;

	r->isolated[dir] = true;
	if (np->tier != SL_TIER_NETPOL) {
		r->tiered[dir] = true;
		return 0;
	}
	if (!r->deny[dir])
		r->deny[dir] = decider_of(b, np, dir, DECIDER_IMPLICIT);
	return r->deny[dir] ? 0 : -ENOMEM;
}

static int add_rules(struct building *b, const struct object_netpol *np, enum sl_dir dir)
{
	unsigned int i, have = b->r->nrules[dir];
	struct ruleset_rule key = {}, *v;
	struct ruleset *r = b->r;
	int err;

	v = realloc(r->rule[dir], (have + np->nrules[dir]) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->rule[dir] = v;
	for (i = 0; i < np->nrules[dir]; i++) {
		if (np->rule[dir][i].never)
			continue;
		key.decider = decider_of(b, np, dir, i);
		if (!key.decider)
			return -ENOMEM;
		/* counted first: a half-made rule is put, too */
		err = copy_rule(b->cs, b->pod, &key, &np->rule[dir][i], &v[r->nrules[dir]++]);
		if (err)
			return err;
	}
	return 0;
}

static int add_policy(struct building *b, const struct object_netpol *np, enum sl_dir dir)
{
	int err = open_direction(b, np, dir);

	return err || !np->nrules[dir] ? err : add_rules(b, np, dir);
}

static int add_namespaced(struct building *b)
{
	const struct model_netpol *np;
	int dir, err = 0;

	for (np = b->pod->ns->netpols; np; np = np->next) {
		if (!model_netpol_selects(np->obj, b->pod))
			continue;
		for (dir = 0; !err && dir < __SL_DIR_MAX; dir++)
			if (np->obj->isolates[dir])
				err = add_policy(b, np->obj, dir);
	}
	return err;
}

static int add_tier(struct building *b, const struct model *m, enum sl_tier tier)
{
	const struct model_netpol *np;
	int dir, err = 0;

	for (np = m->cluster; np; np = np->next) {
		if (np->obj->tier != tier || !model_netpol_selects(np->obj, b->pod))
			continue;
		for (dir = 0; !err && dir < __SL_DIR_MAX; dir++)
			if (np->obj->nrules[dir])
				err = add_policy(b, np->obj, dir);
	}
	return err;
}

static struct ruleset *build(struct rulesets *rs, struct classes *cs, const struct model *m,
			     const struct model_pod *pod)
{
	struct building b = { rs, cs, pod, calloc(1, sizeof(*b.r)) };
	int err;

	if (!b.r)
		return NULL;
	err = add_tier(&b, m, SL_TIER_ADMIN);
	if (!err)
		err = add_namespaced(&b);
	if (!err)
		err = add_tier(&b, m, SL_TIER_BASELINE);
	if (err) {
		destroy(rs, cs, b.r);
		return NULL;
	}
	return b.r;
}

/* -------------------------------------------------------------- interning */

static uint64_t port_hash(uint64_t h, const struct netpol_port *p)
{
	h = hash_u64(h, p->name ? p->name->node.hash : 0);
	return hash_u64(h, (uint64_t)p->lo << 32 | (uint64_t)p->hi << 8 | p->proto);
}

static uint64_t content_hash(const struct ruleset *r)
{
	uint64_t h = 0x2e1e;
	unsigned int i, j;
	int dir;

	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		h = hash_u64(h, r->isolated[dir] | r->tiered[dir] << 1);
		h = hash_u64(h, r->deny[dir] ? r->deny[dir]->id : 0);
		for (i = 0; i < r->nrules[dir]; i++) {
			const struct ruleset_rule *rule = &r->rule[dir][i];

			h = hash_u64(h, (uint64_t)rule->action << 40 |
					(uint64_t)rule->decider->id << 1 | rule->all);
			h = hash_u64(h, rule->group->plain.id);
			for (j = 0; j < rule->nports; j++)
				h = port_hash(h, &rule->port[j]);
		}
	}
	return hash_mix(h);
}

static bool same_rule(const struct ruleset_rule *a, const struct ruleset_rule *b)
{
	return decider_same(a->decider, b->decider) && group_same(a->group, b->group) &&
	       a->all == b->all && a->action == b->action && a->nports == b->nports &&
	       netpol_ports_equal(a->port, b->port, a->nports);
}

bool ruleset_same(const struct ruleset *a, const struct ruleset *b)
{
	unsigned int i;
	int dir;

	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		if (a->isolated[dir] != b->isolated[dir] || a->tiered[dir] != b->tiered[dir] ||
		    !decider_same(a->deny[dir], b->deny[dir]) ||
		    a->nrules[dir] != b->nrules[dir])
			return false;
		for (i = 0; i < a->nrules[dir]; i++)
			if (!same_rule(&a->rule[dir][i], &b->rule[dir][i]))
				return false;
	}
	return true;
}

struct ruleset *ruleset_find(const struct rulesets *rs, __u32 id)
{
	struct hnode *n = htab_first(&rs->by_id, hash_mix(id));

	return n ? container_of(n, struct ruleset, by_id) : NULL;
}

/* 0 stands for "no rules"; the upper half is the administrator's, "closed" among it. */
static __u32 usable_id(__u32 id)
{
	id &= SL_EP_RULESET_MASK & ~SL_RULESET_ADMIN;
	return id ? id : 1;
}

static int publish(struct rulesets *rs, struct ruleset *r, uint64_t hash)
{
	bool open = !r->isolated[SL_DIR_INGRESS] && !r->isolated[SL_DIR_EGRESS];
	__u32 id = usable_id(hash_id(hash));

	while (!open && ruleset_find(rs, id))
		id = usable_id(id + 1);
	r->id = open ? 0 : id;
	if (htab_add(&rs->sets, &r->node, hash))
		return -ENOMEM;
	if (htab_add(&rs->by_id, &r->by_id, hash_mix(r->id))) {
		htab_del(&rs->sets, &r->node);
		return -ENOMEM;
	}
	r->fresh = true;
	rs->nfresh++;
	return 0;
}

struct ruleset *ruleset_get(struct rulesets *rs, struct classes *cs, const struct model *m,
			    const struct model_pod *pod)
{
	struct ruleset *r = build(rs, cs, m, pod), *old;
	struct hnode *n;
	uint64_t hash;

	if (!r)
		return NULL;
	hash = content_hash(r);
	htab_each_hash(&rs->sets, n, hash) {
		old = container_of(n, struct ruleset, node);
		if (!ruleset_same(old, r))
			continue;
		destroy(rs, cs, r);
		if (!old->refs++)
			rs->ndead--;
		return old;
	}
	if (publish(rs, r, hash)) {
		destroy(rs, cs, r);
		return NULL;
	}
	r->refs = 1;
	return r;
}

void ruleset_put(struct rulesets *rs, struct ruleset *r)
{
	if (r && !--r->refs)
		rs->ndead++;
}

void ruleset_free(struct rulesets *rs, struct classes *cs, struct ruleset *r)
{
	htab_del(&rs->sets, &r->node);
	htab_del(&rs->by_id, &r->by_id);
	if (r->fresh)
		rs->nfresh--;
	rs->ndead--;
	destroy(rs, cs, r);
}

void ruleset_rename(struct rulesets *rs, struct ruleset *r,
		    bool (*taken)(void *arg, __u32 id), void *arg)
{
	__u32 id = r->id;

	do {
		id = usable_id(id + 1);
	} while (ruleset_find(rs, id) || taken(arg, id));
	htab_del(&rs->by_id, &r->by_id);
	r->id = id;
	htab_add(&rs->by_id, &r->by_id, hash_mix(id));	/* it has slots: cannot fail */
}

void rulesets_exit(struct rulesets *rs)
{
	htab_exit(&rs->sets);
	htab_exit(&rs->by_id);
	deciders_exit(&rs->deciders);
}

/* -------------------------------------------------------------- judgement */

bool ruleset_rule_holds(const struct ruleset_rule *r, uint64_t stamp)
{
	return r->group->any || (stamp && r->group->plain.stamp == stamp);
}

bool ruleset_concerns(const struct ruleset *r, enum sl_dir dir, uint64_t stamp)
{
	const struct ruleset_rule *rule;
	unsigned int i, j;

	for (i = 0; i < r->nrules[dir]; i++) {
		rule = &r->rule[dir][i];
		if (!rule->group->any && rule->group->plain.stamp == stamp)
			return true;
		for (j = 0; rule->group->any && j < rule->nports; j++)
			if (rule->port[j].name)
				return true;
	}
	return false;
}

struct grant *judgement_grow(struct judgement *j)
{
	unsigned int cap = j->cap ? j->cap * 2 : 16;
	struct grant *v;

	if (j->n < j->cap)
		return j->grant;
	v = realloc(j->grant, cap * sizeof(*v));
	if (!v)
		return NULL;
	j->grant = v;
	j->cap = cap;
	return v;
}

static int add_grant(struct judgement *j, const struct ruleset_rule *r, __u8 proto, __u16 lo,
		     __u16 hi)
{
	if (!judgement_grow(j))
		return -ENOMEM;
	j->grant[j->n++] = (struct grant){ proto, lo, hi, SL_VERDICT_ALLOW, 0, true,
					       r->decider };
	return 0;
}

/* Peers that call a port by this name have a unit for each number it can be. */
static int add_named(const struct ruleset_rule *r, const struct netpol_port *p,
		     const struct class *class, struct judgement *j)
{
	const struct unit *u;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && class && i < class->n; i++) {
		u = class->unit[i];
		if (u->name == p->name && u->proto == p->proto && u->group == r->group)
			err = add_grant(j, r, p->proto, u->port, u->port);
	}
	return err;
}

static int grant_cmp(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto - y->proto;
	if (x->lo != y->lo)
		return x->lo - y->lo;
	if (x->hi != y->hi)
		return y->hi - x->hi;
	return (x->by->id > y->by->id) - (x->by->id < y->by->id);
}

/* Sorted, disjoint; where two overlap, the one that begins first has the ports. */
static void tidy(struct judgement *j)
{
	struct grant *last, *g;
	unsigned int i, n = 0;

	qsort(j->grant, j->n, sizeof(*j->grant), grant_cmp);
	for (i = 0; i < j->n; i++) {
		g = &j->grant[i];
		last = n ? &j->grant[n - 1] : NULL;
		if (last && last->proto == g->proto && g->lo <= last->hi) {
			if (g->hi <= last->hi)
				continue;
			g->lo = last->hi + 1;
		}
		if (last && last->proto == g->proto && last->by == g->by && g->lo == last->hi + 1)
			last->hi = g->hi;
		else
			j->grant[n++] = *g;
	}
	j->n = n;
	j->by = n ? j->grant[0].by : NULL;
	for (i = 1; i < n; i++)
		if (j->grant[i].by != j->by)
			j->by = NULL;
}

int ruleset_judge(const struct ruleset *r, enum sl_dir dir, const struct class *class,
		  uint64_t stamp, struct judgement *out)
{
	const struct ruleset_rule *rule;
	const struct netpol_port *p;
	unsigned int i, k;
	int err = 0;

	if (r->tiered[dir])
		return ruleset_judge_tiers(r, dir, class, stamp, out);
	out->n = 0;
	out->tiered = false;
	for (i = 0; i < r->nrules[dir]; i++) {
		rule = &r->rule[dir][i];
		if (!ruleset_rule_holds(rule, class ? stamp : 0))
			continue;
		if (rule->all) {
			out->verdict = SL_VERDICT_ALLOW;
			out->by = rule->decider;
			out->n = 0;
			return 0;
		}
		for (k = 0; !err && k < rule->nports; k++) {
			p = &rule->port[k];
			err = p->name ? add_named(rule, p, class, out) :
					add_grant(out, rule, p->proto, p->lo, p->hi);
		}
		if (err)
			return err;
	}
	if (out->n) {
		out->verdict = SL_VERDICT_PORTS;
		tidy(out);
	} else {
		out->verdict = SL_VERDICT_DENY;
		out->by = r->deny[dir];
	}
	return 0;
}

/* Steps over neighbours of different deciders: [1-5] and [6-9] are [1-9]. */
static unsigned int span(const struct judgement *j, unsigned int i, struct grant *out)
{
	*out = j->grant[i++];
	while (i < j->n && j->grant[i].proto == out->proto && j->grant[i].lo == out->hi + 1)
		out->hi = j->grant[i++].hi;
	return i;
}

static bool equal_exactly(const struct judgement *a, const struct judgement *b)
{
	const struct grant *x, *y;
	unsigned int i;

	if (a->by != b->by || a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		x = &a->grant[i];
		y = &b->grant[i];
		if (x->proto != y->proto || x->lo != y->lo || x->hi != y->hi ||
		    x->verdict != y->verdict || x->by != y->by)
			return false;
	}
	return true;
}

bool judgement_equal(const struct judgement *a, const struct judgement *b)
{
	unsigned int i = 0, j = 0;
	struct grant x, y;

	if (a->verdict != b->verdict)
		return false;
	if (a->tiered)
		return equal_exactly(a, b);
	if (a->verdict != SL_VERDICT_PORTS)
		return true;
	while (i < a->n && j < b->n) {
		i = span(a, i, &x);
		j = span(b, j, &y);
		if (x.proto != y.proto || x.lo != y.lo || x.hi != y.hi)
			return false;
	}
	return i == a->n && j == b->n;
}
