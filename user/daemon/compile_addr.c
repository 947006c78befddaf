// SPDX-License-Identifier: GPL-2.0
/* Compiler: which class each pod address is in. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/compile_impl.h"

int units_add(struct units *u, struct unit *unit)
{
	unsigned int cap = u->cap ? u->cap * 2 : 32;
	struct unit **v;

	if (u->n == u->cap) {
		v = realloc(u->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		u->v = v;
		u->cap = cap;
	}
	u->v[u->n++] = unit;
	return 0;
}

/* Some selector of @g means @pod; blocks are not asked. */
bool compile_group_covers(const struct group *g, const struct model_pod *pod)
{
	unsigned int i;

	/* its block can cover any pod, and the names of ports make a difference then */
	if (g->any || (g->nnamed && g->has_blocks))
		return true;
	for (i = 0; i < g->npeers; i++)
		if (peer_covers_ns(&g->peer[i], pod->ns) &&
		    selector_match(g->peer[i].pod_sel, pod->labels))
			return true;
	return false;
}

/* The peers of all active groups that can mean pods of @ns, worked out once. */
static int update_candidates(struct compiler *c, struct model_ns *ns)
{
	struct candidate *v = NULL, *more;
	unsigned int n = 0, cap = 0, i;
	struct group *g;
	struct hnode *e;

	if (ns->cand_version == c->groups_version)
		return 0;
	htab_each(&c->classes.groups, e) {
		g = container_of(e, struct group, node);
		for (i = 0; g->active && i < g->npeers; i++) {
			if (!peer_covers_ns(&g->peer[i], ns))
				continue;
			if (n == cap) {
				cap = cap ? cap * 2 : 16;
				more = realloc(v, cap * sizeof(*v));
				if (!more) {
					free(v);
					return -ENOMEM;
				}
				v = more;
			}
			v[n++] = (struct candidate){ g, g->peer[i].pod_sel };
		}
	}
	free(ns->cand);
	ns->cand = v;
	ns->ncand = n;
	ns->cand_version = c->groups_version;
	return 0;
}

static int add_plain(struct units *u, struct group *g, uint64_t stamp)
{
	if (g->plain.stamp == stamp)
		return 0;
	g->plain.stamp = stamp;
	return units_add(u, &g->plain);
}

/* Units for the ports of @pod that rules of @g ask for by name; references. */
static int add_named(struct compiler *c, struct units *u, struct group *g,
		     const struct model_pod *pod)
{
	struct unit *unit;
	unsigned int i;
	__u16 port;
	int err;

	for (i = 0; i < g->nnamed; i++) {
		port = pod_ports_number(pod->ports, g->named[i].name, g->named[i].proto);
		if (!port)
			continue;
		unit = unit_get_named(&c->classes, g, g->named[i].name, g->named[i].proto, port);
		if (!unit)
			return -ENOMEM;
		err = units_add(u, unit);
		if (err) {
			unit_put(&c->classes, unit);
			return err;
		}
	}
	return 0;
}

static void put_named(struct compiler *c, struct units *u)
{
	unsigned int i;

	for (i = 0; i < u->n; i++)
		if (u->v[i]->name)
			unit_put(&c->classes, u->v[i]);
	u->n = 0;
}

/* What rules can find out about @pod at an address that lies in @cover. */
static int pod_units(struct compiler *c, struct units *u, const struct model_pod *pod,
		     const struct class *cover)
{
	uint64_t stamp = classes_stamp(&c->classes);
	unsigned int i, plain;
	const struct candidate *cand;
	int err;

	err = update_candidates(c, pod->ns);
	for (i = 0; !err && i < cover->n; i++)
		err = add_plain(u, cover->unit[i]->group, stamp);
	for (i = 0; !err && i < pod->ns->ncand; i++) {
		cand = &pod->ns->cand[i];
		if (cand->group->plain.stamp != stamp &&
		    selector_match(cand->pod_sel, pod->labels))
			err = add_plain(u, cand->group, stamp);
	}
	for (i = 0, plain = u->n; !err && i < plain; i++)
		err = add_named(c, u, u->v[i]->group, pod);
	return err ? err : add_named(c, u, c->classes.any, pod);
}

/* Keeps in @c->common what is in @c->units, too. */
static void intersect(struct compiler *c)
{
	struct units *a = &c->common, *b = &c->units;
	unsigned int i, j, n = 0;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n && b->v[j] != a->v[i]; j++)
			;
		if (j < b->n)
			a->v[n++] = a->v[i];
		else if (a->v[i]->name)
			unit_put(&c->classes, a->v[i]);
	}
	a->n = n;
}

static bool claimed_here(const struct model_addr *a)
{
	unsigned int i;

	for (i = 0; i < a->nclaims; i++)
		if (model_addr_claim(a, i).ep)
			return true;
	return false;
}

static struct class *judge_addr(struct compiler *c, const struct model_addr *a)
{
	bool here = claimed_here(a), first = true;
	const struct class *cover = compile_cover(c, &a->addr);
	struct class *class = NULL;
	struct model_claim claim;
	struct units tmp;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < a->nclaims; i++) {
		claim = model_addr_claim(a, i);
		if (here && !claim.ep)
			continue;
		err = pod_units(c, &c->units, claim.pod, cover);
		if (first) {
			tmp = c->common;
			c->common = c->units;
			c->units = tmp;
			first = false;
		} else {
			intersect(c);
		}
		put_named(c, &c->units);
	}
	if (!err)
		class = class_get(&c->classes, c->common.v, c->common.n);
	put_named(c, &c->common);
	return class;
}

static void plan_endpoints_of(struct compiler *c, const struct model_addr *a)
{
	enum sl_family f = sluice_addr_is_v4(&a->addr) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	struct model_claim claim;
	unsigned int i;

	for (i = 0; i < a->nclaims; i++) {
		claim = model_addr_claim(a, i);
		if (claim.ep)
			plan_ep_touch(&c->plan, claim.ep)->class_id[f] = a->class->id;
	}
}

static int update_addr(struct compiler *c, struct model_addr *a)
{
	const struct sl_prefix key = { 128, a->addr };
	struct class *class = NULL;
	int err;

	if (a->nclaims) {
		class = judge_addr(c, a);
		if (!class)
			return -ENOMEM;
	}
	class_put(&c->classes, a->class);
	a->class = class;
	if (class)
		plan_endpoints_of(c, a);
	err = compile_emit(c, &key);
	if (!err && !a->nclaims)
		model_addr_reap(c->model, a);
	return err;
}

/* Groups of nodes are blocks that move with the nodes. */
static void look_at_nodes(struct compiler *c)
{
	const struct group *g;
	struct hnode *n;

	if (!c->model->dirty_nodes)
		return;
	htab_each(&c->classes.groups, n) {
		g = container_of(n, struct group, node);
		c->blocks_dirty |= g->active && g->has_nodes;
	}
	c->model->dirty_nodes = false;
}

int compile_addresses(struct compiler *c)
{
	struct model_addr *a;
	int err;

	look_at_nodes(c);
	if (c->blocks_dirty) {
		err = compile_blocks(c);
		if (err)
			return err;
		c->blocks_dirty = false;
	}
	while ((a = model_addr_unmark(c->model))) {
		err = update_addr(c, a);
		if (err) {
			model_addr_mark(c->model, a);
			return err;
		}
	}
	return 0;
}
