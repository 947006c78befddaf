// SPDX-License-Identifier: GPL-2.0
/*
 * Who there is in both states, and who is alike: pods by their rule sets and
 * the classes of their addresses, nodes by address, and what is left of each
 * address block.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/addr.h"
#include "daemon/compile_impl.h"
#include "daemon/model_impl.h"
#include "daemon/whatif_impl.h"

/* -------------------------------------------------------- alike in both states */

static bool same_unit(const struct unit *a, const struct unit *b)
{
	return a->id == b->id && a->name == b->name && a->port == b->port &&
	       a->proto == b->proto && group_same(a->group, b->group);
}

static bool same_class(const struct class *a, const struct class *b)
{
	unsigned int i, j;

	if (!a || !b || a->n != b->n)
		return a == b;
	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n && !same_unit(a->unit[i], b->unit[j]); j++)
			;
		if (j == b->n)
			return false;
	}
	return true;
}

static bool same_ruleset(const struct ruleset *a, const struct ruleset *b)
{
	return a && b ? ruleset_same(a, b) : a == b;
}

/* ------------------------------------------------------------------------ ends */

int end_set_add(struct end_set *s, struct end *e)
{
	unsigned int cap = s->cap ? s->cap * 2 : 16;
	struct end **v;

	if (s->n == s->cap) {
		v = realloc(s->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = e;
	return 0;
}

static int add_member(struct end *e, const union member *m)
{
	unsigned int cap = e->cap ? e->cap * 2 : 2;
	union member *v;

	if (e->n == e->cap) {
		v = realloc(e->member, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		e->member = v;
		e->cap = cap;
	}
	e->member[e->n++] = *m;
	return 0;
}

static struct end *new_end(struct end_set *set, const struct end *like)
{
	struct end *e = malloc(sizeof(*e));

	if (!e)
		return NULL;
	*e = *like;
	e->member = NULL;
	e->n = e->cap = 0;
	if (end_set_add(set, e)) {
		free(e);
		return NULL;
	}
	return e;
}

static void look_for_changes(struct end *e)
{
	int f;

	e->rules_changed = !same_ruleset(e->ruleset[WAS], e->ruleset[WILL]);
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		e->class_changed |= !same_class(e->class[WAS][f], e->class[WILL][f]);
}

/* Adds @m to those that are as @like says. */
static int put_end(struct whatif *w, const struct end *like, const union member *m)
{
	uint64_t hash = hash_bytes(like->kind, like->ruleset, sizeof(like->ruleset));
	struct hnode *n;
	struct end *e;

	hash = hash_bytes(hash, like->class, sizeof(like->class));
	/* a node stands alone: each has pods of its own */
	if (like->kind != END_NODE) {
		htab_each_hash(&w->ends_by_content, n, hash) {
			e = container_of(n, struct end, node);
			if (e->kind == like->kind &&
			    !memcmp(e->ruleset, like->ruleset, sizeof(e->ruleset)) &&
			    !memcmp(e->class, like->class, sizeof(e->class)))
				return add_member(e, m);
		}
	}
	e = new_end(&w->ends, like);
	if (!e)
		return -ENOMEM;
	look_for_changes(e);
	if (like->kind != END_NODE && htab_add(&w->ends_by_content, &e->node, hash))
		return -ENOMEM;
	return add_member(e, m);
}

/* ------------------------------------------------------------------------ pods */

static bool has_addr(const struct model *m, const struct model_pod *pod)
{
	return model_pod_addr(m, pod, SL_FAMILY_V4) || model_pod_addr(m, pod, SL_FAMILY_V6);
}

const struct str *whatif_node_of(const struct whatif *w, const struct subject *s, int state)
{
	const struct model_pod *pod = s->pod[state];

	if (pod->ep)
		return w->pol->node_name;
	return pod->node;
}

static int subject_cmp(const void *a, const void *b)
{
	const struct model_pod *x = ((const struct subject *)a)->pod[WAS];
	const struct model_pod *y = ((const struct subject *)b)->pod[WAS];
	int c = str_cmp(x->ns->name, y->ns->name);

	return c ? c : strcmp(x->name, y->name);
}

static int find_subjects(struct whatif *w)
{
	const struct model *was = &w->state[WAS]->model, *will = &w->state[WILL]->model;
	const struct model_pod *pod;
	struct subject *s;
	size_t pos;

	w->subject = calloc(was->pods.count + 1, sizeof(*w->subject));
	if (!w->subject)
		return -ENOMEM;
	ptab_each(&was->pods, pod, pos) {
		s = &w->subject[w->nsubjects];
		s->pod[WAS] = pod;
		s->pod[WILL] = model_pod_lookup(will, pod->ns->name, pod->name);
		if (s->pod[WILL] && has_addr(was, pod) && has_addr(will, s->pod[WILL]))
			w->nsubjects++;
	}
	qsort(w->subject, w->nsubjects, sizeof(*w->subject), subject_cmp);
	return 0;
}

static int get_rulesets(struct whatif *w)
{
	unsigned int i;
	int s;

	for (i = 0; i < w->nsubjects; i++) {
		for (s = 0; s < STATES; s++) {
			struct compiler *c = &w->state[s]->compiler;
			struct subject *sub = &w->subject[i];

			sub->ruleset[s] = ruleset_get(&c->rulesets, &c->classes, c->model,
						      sub->pod[s]);
			if (!sub->ruleset[s])
				return -ENOMEM;
		}
	}
	return 0;
}

static int put_pods(struct whatif *w)
{
	const struct model_addr *was, *will;
	unsigned int i;
	int f, s, err = 0;

	for (i = 0; !err && i < w->nsubjects; i++) {
		const union member m = { .pod = &w->subject[i] };
		struct end like = { .kind = END_POD };

		for (s = 0; s < STATES; s++)
			like.ruleset[s] = m.pod->ruleset[s];
		for (f = 0; f < __SL_FAMILY_MAX; f++) {
			was = model_pod_addr(&w->state[WAS]->model, m.pod->pod[WAS], f);
			will = model_pod_addr(&w->state[WILL]->model, m.pod->pod[WILL], f);
			if (!was || !will)
				continue;
			like.class[WAS][f] = was->class;
			like.class[WILL][f] = will->class;
		}
		err = put_end(w, &like, &m);
	}
	return err;
}

int whatif_part(struct whatif *w, struct end *e, const struct str *on, bool is_on,
		struct end **out)
{
	uint64_t hash = hash_u64((uintptr_t)e, (uintptr_t)on + is_on);
	unsigned int i, n = 0;
	struct hnode *h;
	struct end *p;

	*out = NULL;
	htab_each_hash(&w->parts_by_node, h, hash) {
		p = container_of(h, struct end, node);
		if (p->of == e && p->on == on && p->is_on == is_on) {
			*out = p;
			return 0;
		}
	}
	for (i = 0; i < e->n; i++)
		n += (whatif_node_of(w, e->member[i].pod, WILL) == on) == is_on;
	if (!n || n == e->n) {
		*out = n ? e : NULL;
		return 0;
	}
	p = new_end(&w->parts, e);
	if (!p || htab_add(&w->parts_by_node, &p->node, hash))
		return -ENOMEM;
	p->of = e;
	p->on = on;
	p->is_on = is_on;
	for (i = 0; i < e->n; i++)
		if ((whatif_node_of(w, e->member[i].pod, WILL) == on) == is_on &&
		    add_member(p, &e->member[i]))
			return -ENOMEM;
	*out = p;
	return 0;
}

/* ----------------------------------------------------------------------- nodes */

struct node_list {
	struct node_end *v;
	unsigned int n, cap;
};

static int note_node(struct node_list *l, const union sl_addr *addr, const struct str *name,
		     int state)
{
	unsigned int i, cap = l->cap ? l->cap * 2 : 16;
	struct node_end *v;

	if (!addr_is_set(addr))
		return 0;
	for (i = 0; i < l->n && !addr_equal(&l->v[i].addr, addr); i++)
		;
	if (i == l->cap) {
		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	if (i == l->n)
		l->v[l->n++] = (struct node_end){ .addr = *addr };
	/* two nodes of one address: whichever name comes first stands for it */
	if (!l->v[i].name[state] || str_cmp(name, l->v[i].name[state]) < 0)
		l->v[i].name[state] = name;
	return 0;
}

static int list_nodes(const struct whatif *w, struct node_list *l)
{
	const struct object_node *o;
	struct hnode *n;
	int s, f, err = 0;

	for (s = 0; s < STATES; s++) {
		htab_each(&w->state[s]->model.nodes, n) {
			o = container_of(n, struct model_node, node)->obj;
			for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
				err = note_node(l, &o->addr[f], o->o.name, s);
		}
	}
	return err;
}

static int node_end_cmp(const void *a, const void *b)
{
	return memcmp(&((const struct node_end *)a)->addr, &((const struct node_end *)b)->addr,
		      sizeof(union sl_addr));
}

static int put_nodes(struct whatif *w, const struct node_list *l)
{
	unsigned int i;
	int s, err = 0;

	for (i = 0; !err && i < l->n; i++) {
		const union member m = { .node = l->v[i] };
		enum sl_family f = addr_family(&m.node.addr);
		struct end like = { .kind = END_NODE };

		for (s = 0; s < STATES; s++)
			like.class[s][f] = compile_class_at(&w->state[s]->compiler, &m.node.addr);
		err = put_end(w, &like, &m);
	}
	return err;
}

/* ---------------------------------------------------------------------- blocks */

/* Everything: what no rule names lies directly in one of these. */
static const struct sl_prefix roots[] = {
	{ 0, { .d = { 0, 0 } } },
	{ 96, { .b = { [10] = 0xff, [11] = 0xff } } },
};

/* All prefixes at which something begins or ends in either state, nested. */
static struct sl_prefix *list_blocks(const struct whatif *w, unsigned int *n)
{
	unsigned int i, m = 0, cap = 2;
	struct sl_prefix *v;
	int s;

	for (s = 0; s < STATES; s++)
		cap += w->state[s]->compiler.nblocks;
	v = malloc(cap * sizeof(*v));
	if (!v)
		return NULL;
	memcpy(v, roots, sizeof(roots));
	*n = 2;
	for (s = 0; s < STATES; s++)
		for (i = 0; i < w->state[s]->compiler.nblocks; i++)
			v[(*n)++] = w->state[s]->compiler.block[i].prefix;
	qsort(v, *n, sizeof(*v), prefix_cmp);
	for (i = 0; i < *n; i++)
		if (!m || prefix_cmp(&v[m - 1], &v[i]))
			v[m++] = v[i];
	*n = m;
	return v;
}

/* Bits only: ::/0 goes around IPv4's range, too. */
static bool lies_in(const struct sl_prefix *p, const struct sl_prefix *around)
{
	struct sl_prefix masked = *p;

	masked.prefixlen = around->prefixlen;
	masked = prefix_mask(&masked);
	return p->prefixlen >= around->prefixlen && !prefix_cmp(&masked, around);
}

/* Nothing is left of @v[i] by the blocks in it. A whole /0 is as good as none: both are 0. */
static bool is_used_up(const struct sl_prefix *v, unsigned int n, unsigned int i)
{
	unsigned __int128 left = (unsigned __int128)(v[i].prefixlen > 0) << (128 - v[i].prefixlen) % 128;
	const struct sl_prefix *child = NULL;
	unsigned int k;

	for (k = i + 1; k < n && lies_in(&v[k], &v[i]); k++) {
		if (child && lies_in(&v[k], child))
			continue;
		child = &v[k];
		left -= (unsigned __int128)1 << (128 - child->prefixlen);
	}
	return child && !left;
}

static const struct class *class_below(const struct state *st, const struct sl_prefix *p)
{
	const union sl_addr a = p->addr;
	int i = compile_block_find(&st->compiler, &a, p->prefixlen + 1);

	return i < 0 ? st->compiler.classes.none : st->compiler.block[i].class;
}

/* One address that is a pod's or a node's is no block. */
static bool is_somebody(const struct whatif *w, const struct node_list *l,
			const struct sl_prefix *p)
{
	const union sl_addr a = p->addr;
	const struct model_addr *m;
	unsigned int i;
	int s;

	if (p->prefixlen < 128)
		return false;
	for (s = 0; s < STATES; s++) {
		m = model_addr_find(&w->state[s]->model, &a);
		if (m && m->nclaims)
			return true;
	}
	for (i = 0; i < l->n && !addr_equal(&l->v[i].addr, &a); i++)
		;
	return i < l->n;
}

static int put_blocks(struct whatif *w, const struct node_list *l)
{
	unsigned int i, n;
	struct sl_prefix *v = list_blocks(w, &n);
	int s, err = v ? 0 : -ENOMEM;

	for (i = 0; !err && i < n; i++) {
		const union member m = { .block = v[i] };
		enum sl_family f = prefix_family(&v[i]);
		struct end like = { .kind = END_BLOCK };

		if (is_used_up(v, n, i) || is_somebody(w, l, &v[i]))
			continue;
		for (s = 0; s < STATES; s++)
			like.class[s][f] = class_below(w->state[s], &v[i]);
		err = put_end(w, &like, &m);
	}
	free(v);
	return err;
}

/* ------------------------------------------------------------------ altogether */

int whatif_ends(struct whatif *w)
{
	struct node_list nodes = {};
	int s, err;

	err = find_subjects(w);
	if (!err)
		err = get_rulesets(w);
	for (s = 0; !err && s < STATES; s++)
		err = compile_classes(&w->state[s]->compiler);
	if (!err)
		err = put_pods(w);
	if (!err)
		err = list_nodes(w, &nodes);
	if (nodes.n)
		qsort(nodes.v, nodes.n, sizeof(*nodes.v), node_end_cmp);
	if (!err)
		err = put_nodes(w, &nodes);
	if (!err)
		err = put_blocks(w, &nodes);
	free(nodes.v);
	return err;
}

static void free_set(struct end_set *s)
{
	while (s->n) {
		free(s->v[--s->n]->member);
		free(s->v[s->n]);
	}
	free(s->v);
}

void whatif_ends_free(struct whatif *w)
{
	unsigned int i;
	int s;

	htab_exit(&w->ends_by_content);
	htab_exit(&w->parts_by_node);
	free_set(&w->parts);
	free_set(&w->ends);
	for (i = 0; i < w->nsubjects; i++)
		for (s = 0; s < STATES; s++)
			ruleset_put(&w->state[s]->compiler.rulesets, w->subject[i].ruleset[s]);
	free(w->subject);
}
