// SPDX-License-Identifier: GPL-2.0
/*
 * The compiler's passes: endpoints to rule sets, rule sets to active groups,
 * addresses to classes, classes by rule sets to entries; see compile.h.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/compile.h"
#include "daemon/compile_impl.h"

int compile_init(struct compiler *c, struct model *model)
{
	memset(c, 0, sizeof(*c));
	c->model = model;
	c->groups_version = 1;
	plan_init(&c->plan);
	return classes_init(&c->classes);
}

/* ------------------------------------------------- endpoints to rule sets */

static void plan_endpoint(struct compiler *c, __u32 id)
{
	struct plan_ep *pe = plan_ep_touch(&c->plan, id);
	const struct ruleset *r = c->model->ep[id].ruleset;
	int dir;

	if (!r) {
		*pe = (struct plan_ep){};
		return;
	}
	pe->used = true;
	pe->set = r->id;
	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		pe->isolated[dir] = r->isolated[dir];
}

static int update_endpoint(struct compiler *c, __u32 id)
{
	struct model_ep *ep = &c->model->ep[id];
	struct ruleset *r = NULL;

	if (ep->pod) {
		r = ruleset_get(&c->rulesets, &c->classes, c->model, ep->pod);
		if (!r)
			return -ENOMEM;
	}
	ruleset_put(&c->rulesets, ep->ruleset);
	ep->ruleset = r;
	ep->dirty = false;
	plan_endpoint(c, id);
	return 0;
}

static int update_endpoints(struct compiler *c)
{
	__u32 id;
	int err;

	if (!c->model->dirty_eps)
		return 0;
	for (id = 1; id < SL_EP_MAX; id++) {
		if (!c->model->ep[id].dirty)
			continue;
		err = update_endpoint(c, id);
		if (err)
			return err;
	}
	c->model->dirty_eps = false;
	return 0;
}

/* Rule sets that lost their last endpoint let go of their groups, too. */
static void reap_rulesets(struct compiler *c)
{
	struct hnode *n, *next;
	struct ruleset *r;

	if (!c->rulesets.ndead)
		return;
	for (n = htab_walk(&c->rulesets.sets, NULL); n; n = next) {
		/* deleting a node does not disturb the walk beyond it */
		next = htab_walk(&c->rulesets.sets, n);
		r = container_of(n, struct ruleset, node);
		if (r->refs)
			continue;
		compile_drop_ruleset(c, r);
		ruleset_free(&c->rulesets, &c->classes, r);
	}
}

/* -------------------------------------------------- rule sets to groups */

/* Everybody whom a selector of a changed group can mean, in whatever namespace. */
static void mark_covered(struct compiler *c, const struct group *changed)
{
	const struct group *g;
	struct model_addr *a;
	unsigned int i;
	size_t pos;

	ptab_each(&c->model->addrs, a, pos)
		for (g = changed; g && !a->dirty; g = g->touched_next)
			for (i = 0; !a->dirty && i < a->nclaims; i++)
				if (compile_group_covers(g, model_addr_claim(a, i).pod))
					model_addr_mark(c->model, a);
}

static bool update_names(struct group *g, bool *gone)
{
	bool changed = false;
	unsigned int i;

	for (i = 0; i < g->nnamed;) {
		struct named_use *u = &g->named[i];

		changed |= u->active != (u->uses > 0);
		*gone |= u->active && !u->uses;
		u->active = u->uses > 0;
		if (u->uses) {
			i++;
			continue;
		}
		str_put(u->name);
		*u = g->named[--g->nnamed];
	}
	return changed;
}

static bool unit_is_gone(const struct unit *u)
{
	unsigned int i;

	if (!u->group->active)
		return true;
	if (!u->name)
		return false;
	for (i = 0; i < u->group->nnamed; i++)
		if (u->group->named[i].name == u->name && u->group->named[i].proto == u->proto)
			return false;
	return true;
}

/* Addresses whose class holds something that no rule asks for any more. */
static void mark_doomed(struct compiler *c)
{
	struct model_addr *a;
	struct class *class;
	struct hnode *n;
	unsigned int i;
	size_t pos;

	htab_each(&c->classes.classes, n) {
		class = container_of(n, struct class, node);
		class->doomed = false;
		for (i = 0; i < class->n; i++)
			class->doomed |= unit_is_gone(class->unit[i]);
	}
	ptab_each(&c->model->addrs, a, pos)
		if (a->class && a->class->doomed)
			model_addr_mark(c->model, a);
}

/*
 * Only where a use began or ended something changes for addresses. A group
 * that is merely used once more changes nothing.
 */
static void update_groups(struct compiler *c)
{
	struct group *g, *list = c->classes.touched, *changed = NULL;
	bool gone = false, was, differs;

	c->classes.touched = NULL;
	while ((g = list)) {
		list = g->touched_next;
		g->touched = false;
		was = g->active;
		g->active = g->uses > 0;
		gone |= was && !g->active;
		if (was != g->active && g->has_blocks)
			c->blocks_dirty = true;
		differs = update_names(g, &gone) || was != g->active;
		if (differs)
			c->groups_version++;
		if (differs && g->active) {
			g->touched_next = changed;
			changed = g;
		} else {
			group_drop(&c->classes, g);
		}
	}
	if (changed)
		mark_covered(c, changed);
	if (gone)
		mark_doomed(c);
}

/* ------------------------------------------------------------- altogether */

int compile_classes(struct compiler *c)
{
	int err;

	model_mark_relabelled(c->model);
	err = update_endpoints(c);
	if (err)
		return err;
	reap_rulesets(c);
	update_groups(c);
	return compile_addresses(c);
}

int compile_update(struct compiler *c)
{
	int err;

	c->incomplete = true;
	err = compile_classes(c);
	if (!err)
		err = compile_entries(c);
	c->incomplete = err;
	return err;
}

void compile_exit(struct compiler *c)
{
	struct model_addr *a;
	size_t pos;
	__u32 id;

	ptab_each(&c->model->addrs, a, pos) {
		class_put(&c->classes, a->class);
		a->class = NULL;
	}
	for (id = 1; id < SL_EP_MAX; id++) {
		ruleset_put(&c->rulesets, c->model->ep[id].ruleset);
		c->model->ep[id].ruleset = NULL;
	}
	reap_rulesets(c);
	compile_drop_blocks(c);
	classes_exit(&c->classes);
	rulesets_exit(&c->rulesets);
	portsets_exit(&c->portsets);
	plan_exit(&c->plan);
	free(c->units.v);
	free(c->common.v);
	free(c->any.grant);
	free(c->one.grant);
}
