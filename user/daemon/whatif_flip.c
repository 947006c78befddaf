// SPDX-License-Identifier: GPL-2.0
/* All pairs of ends, and who has an outcome in common: from many to many. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/whatif_impl.h"

/* More are not kept before they have been merged. */
#define FLIPS_KEPT	100000

#define FAMILY_BIT(f)	(1U << (f))

/* ------------------------------------------------------------------------ sets */

/* Any order will do, as long as it is one. */
static int by_pointer(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return (x > y) - (x < y);
}

static int set_cmp(const struct end_set *a, const struct end_set *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return memcmp(a->v, b->v, a->n * sizeof(*a->v));
}

static void free_flip(struct flip *f)
{
	free(f->from.v);
	free(f->to.v);
}

static void free_flips(struct flips *l)
{
	while (l->n)
		free_flip(&l->v[--l->n]);
	free(l->v);
	*l = (struct flips){};
}

void whatif_flips_free(struct whatif *w)
{
	free_flips(&w->flips);
}

static struct flip *add_flip(struct flips *l, const struct outcome *o, unsigned int families)
{
	unsigned int cap = l->cap ? l->cap * 2 : 16;
	struct flip *v;

	if (l->n == l->cap) {
		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = (struct flip){ .outcome = o, .families = families };
	return &l->v[l->n++];
}

/* ----------------------------------------------------------------- pair by pair */

struct comparison {
	struct whatif *w;
	struct flips to_one;		/* those to the receiver that has its turn */
};

static int note_outcome(struct comparison *c, const struct outcome *o, unsigned int families,
			struct end *from, struct end *to)
{
	struct flip *f;
	unsigned int i;

	for (i = 0; i < c->to_one.n; i++) {
		f = &c->to_one.v[i];
		if (f->outcome == o && f->families == families && f->to.v[0] == to)
			return end_set_add(&f->from, from);
	}
	if (c->w->flips.n + c->to_one.n >= FLIPS_KEPT) {
		c->w->lost = true;
		return 0;
	}
	f = add_flip(&c->to_one, o, families);
	if (!f)
		return -ENOMEM;
	return end_set_add(&f->to, to) ? -ENOMEM : end_set_add(&f->from, from);
}

static bool has_outcome(const struct outcomes *l, const struct outcome *o)
{
	unsigned int i;

	for (i = 0; i < l->n && l->v[i] != o; i++)
		;
	return i < l->n;
}

static void count_pairs(struct comparison *c, const struct end *a, const struct end *b)
{
	/* nobody is a peer of their own */
	c->w->pairs += (unsigned long long)a->n * b->n - (a == b ? a->n : 0);
}

static int compare_pair(struct comparison *c, struct end *a, struct end *b, const bool own[STATES])
{
	struct outcomes *l = c->w->pair;
	unsigned int i, families;
	bool any = false;
	int f, err;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		l[f].n = 0;
		if (!a->class[WAS][f] || !b->class[WAS][f])
			continue;
		err = whatif_pair(c->w, a, b, f, own, &l[f]);
		if (err)
			return err;
	}
	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		for (i = 0; i < l[f].n; i++) {
			families = FAMILY_BIT(f);
			any = true;
			if (has_outcome(&l[!f], l[f].v[i])) {
				if (f)
					continue;
				families |= FAMILY_BIT(!f);
			}
			err = note_outcome(c, l[f].v[i], families, a, b);
			if (err)
				return err;
		}
	}
	if (any)
		count_pairs(c, a, b);
	return 0;
}

static bool is_own(const struct node_end *n, const struct str *name, int state)
{
	return n->name[state] && n->name[state] == name;
}

/*
 * A pod and its own node may always talk, so the pods on a node are judged
 * apart. Where a pod is to run does not change: a binding is for its life.
 */
static int compare_with_node(struct comparison *c, struct end *pods, struct end *node, bool sending)
{
	const struct node_end *n = &node->member[0].node;
	const struct str *names[] = { n->name[WAS], n->name[WILL] };
	static const bool never[STATES];
	struct end *rest = pods, *on;
	bool own[STATES];
	int i, s, err;

	if (names[WAS] == names[WILL])
		names[WILL] = NULL;
	for (i = 0; i < STATES && rest; i++) {
		if (!names[i])
			continue;
		err = whatif_part(c->w, rest, names[i], true, &on);
		if (err)
			return err;
		for (s = 0; s < STATES; s++)
			own[s] = is_own(n, names[i], s);
		if (on)
			err = compare_pair(c, sending ? on : node, sending ? node : on, own);
		if (!err)
			err = whatif_part(c->w, rest, names[i], false, &rest);
		if (err)
			return err;
	}
	if (!rest)
		return 0;
	return compare_pair(c, sending ? rest : node, sending ? node : rest, never);
}

static bool can_differ(const struct end *a, const struct end *b)
{
	const struct end *node = a->kind == END_NODE ? a : b->kind == END_NODE ? b : NULL;

	if (a->kind != END_POD && b->kind != END_POD)
		return false;
	if (node && node->member[0].node.name[WAS] != node->member[0].node.name[WILL])
		return true;
	if (a == b && a->n == 1)
		return false;
	return a->rules_changed || b->rules_changed || a->class_changed || b->class_changed;
}

static int compare(struct comparison *c, struct end *a, struct end *b)
{
	static const bool never[STATES];

	if (!can_differ(a, b))
		return 0;
	if (a->kind == END_NODE)
		return compare_with_node(c, b, a, false);
	if (b->kind == END_NODE)
		return compare_with_node(c, a, b, true);
	return compare_pair(c, a, b, never);
}

/* ---------------------------------------------------------------------- merging */

static int flip_cmp(const void *a, const void *b)
{
	const struct flip *x = a, *y = b;

	if (x->outcome != y->outcome)
		return x->outcome < y->outcome ? -1 : 1;
	if (x->families != y->families)
		return x->families < y->families ? -1 : 1;
	return set_cmp(&x->from, &y->from);
}

/* From the same ones, with the same outcome: to all of them. */
static int merge(struct flips *l)
{
	struct flip *last;
	unsigned int i, k, n = 0;
	int err = 0;

	for (i = 0; i < l->n; i++)
		qsort(l->v[i].from.v, l->v[i].from.n, sizeof(*l->v[i].from.v), by_pointer);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), flip_cmp);
	for (i = 0; i < l->n; i++) {
		last = n ? &l->v[n - 1] : NULL;
		if (!last || flip_cmp(last, &l->v[i])) {
			l->v[n++] = l->v[i];
			continue;
		}
		for (k = 0; k < l->v[i].to.n; k++)
			err |= end_set_add(&last->to, l->v[i].to.v[k]);
		free_flip(&l->v[i]);
	}
	l->n = n;
	return err ? -ENOMEM : 0;
}

/* The receiver's flips, to the end of all. */
static int keep(struct comparison *c)
{
	struct flips *all = &c->w->flips;
	struct flip *f;
	unsigned int i;

	for (i = 0; i < c->to_one.n; i++) {
		f = add_flip(all, NULL, 0);
		if (!f)
			break;
		*f = c->to_one.v[i];
	}
	if (i < c->to_one.n) {
		/* what has moved is theirs */
		memmove(c->to_one.v, &c->to_one.v[i], (c->to_one.n - i) * sizeof(*f));
		c->to_one.n -= i;
		return -ENOMEM;
	}
	c->to_one.n = 0;
	return 0;
}

int whatif_flips(struct whatif *w)
{
	struct comparison c = { .w = w };
	unsigned int a, b;
	int err = 0;

	for (b = 0; !err && b < w->ends.n; b++) {
		for (a = 0; !err && a < w->ends.n; a++)
			err = compare(&c, w->ends.v[a], w->ends.v[b]);
		if (!err)
			err = keep(&c);
	}
	free_flips(&c.to_one);
	return err ? err : merge(&w->flips);
}
