// SPDX-License-Identifier: GPL-2.0
/*
 * One pair of ends: what each side says in each state, laid over the ports,
 * and where the whole comes to another verdict. Exact: between two borders of
 * what any of them says, all ports are alike.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/whatif_impl.h"

/* ---------------------------------------------------------------------- sides */

int whatif_judge(struct state *st, const struct ruleset *r, enum sl_dir dir,
		 const struct class *class, struct judgement *j)
{
	uint64_t stamp = classes_stamp(&st->compiler.classes);
	unsigned int i;

	j->n = 0;
	if (!r || !r->isolated[dir])
		return 0;
	for (i = 0; i < class->n; i++)
		if (!class->unit[i]->name)
			class->unit[i]->stamp = stamp;
	return ruleset_judge(r, dir, class, stamp, j);
}

/* The last one that begins at @port or before; with tiers the first is for what no other has. */
static const struct grant *find_grant(const struct judgement *j, __u8 proto, __u16 port)
{
	unsigned int a = j->tiered, b = j->n, mid;
	const struct grant *g;

	while (a < b) {
		mid = (a + b) / 2;
		g = &j->grant[mid];
		if (g->proto < proto || (g->proto == proto && g->lo <= port))
			a = mid + 1;
		else
			b = mid;
	}
	g = a > j->tiered ? &j->grant[a - 1] : NULL;
	if (g && g->proto == proto && g->hi >= port)
		return g;
	return j->tiered ? &j->grant[0] : NULL;
}

static struct says say(enum sl_verdict v, const struct decider *by)
{
	return (struct says){ true, v == SL_VERDICT_ALLOW, by ? by->tier : SL_TIER_NONE, by };
}

struct says whatif_says(const struct ruleset *r, enum sl_dir dir, const struct judgement *j,
			__u8 proto, __u16 port)
{
	const struct grant *g;

	if (!r)
		return (struct says){ .allowed = true };
	if (!r->isolated[dir])
		return say(SL_VERDICT_ALLOW, NULL);
	if (j->verdict != SL_VERDICT_PORTS)
		return say(j->verdict, j->by);
	/* ICMP and the like come under no port, whatever the number of one says */
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		g = j->tiered ? &j->grant[0] : NULL;
	else
		g = find_grant(j, proto, port);
	return g ? say(g->verdict, g->by) : say(SL_VERDICT_DENY, r->deny[dir]);
}

/* -------------------------------------------------------------------- outcomes */

static bool same_says(const struct says *a, const struct says *b)
{
	return a->asked == b->asked && a->allowed == b->allowed && a->tier == b->tier &&
	       a->by == b->by;
}

static bool same_verdicts(const struct verdicts *a, const struct verdicts *b)
{
	int s, d;

	for (s = 0; s < STATES; s++)
		for (d = 0; d < __SL_DIR_MAX; d++)
			if (!same_says(&a->side[s][d], &b->side[s][d]))
				return false;
	return true;
}

static bool same_ranges(const struct outcome *o, const struct range *r, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && i < o->nranges; i++)
		if (o->range[i].proto != r[i].proto || o->range[i].lo != r[i].lo ||
		    o->range[i].hi != r[i].hi)
			return false;
	return n == o->nranges;
}

static uint64_t outcome_hash(const struct verdicts *v, const struct range *r, unsigned int n)
{
	uint64_t h = n;
	unsigned int i;
	int s, d;

	for (s = 0; s < STATES; s++)
		for (d = 0; d < __SL_DIR_MAX; d++)
			h = hash_u64(h, (uint64_t)(uintptr_t)v->side[s][d].by * 4 +
					v->side[s][d].allowed * 2 + v->side[s][d].asked);
	for (i = 0; i < n; i++)
		h = hash_u64(h, (uint64_t)r[i].proto << 32 | (uint64_t)r[i].lo << 16 | r[i].hi);
	return h;
}

static struct outcome *intern(struct whatif *w, const struct verdicts *v, const struct range *r,
			      unsigned int n)
{
	uint64_t hash = outcome_hash(v, r, n);
	struct outcome *o;
	struct hnode *e;

	htab_each_hash(&w->outcomes, e, hash) {
		o = container_of(e, struct outcome, node);
		if (same_verdicts(&o->v, v) && same_ranges(o, r, n))
			return o;
	}
	o = malloc(sizeof(*o) + n * sizeof(*r));
	if (!o)
		return NULL;
	o->v = *v;
	o->nranges = n;
	memcpy(o->range, r, n * sizeof(*r));
	if (htab_add(&w->outcomes, &o->node, hash)) {
		free(o);
		return NULL;
	}
	return o;
}

void whatif_outcomes_free(struct whatif *w)
{
	struct hnode *n;
	int f;

	while ((n = htab_walk(&w->outcomes, NULL))) {
		htab_del(&w->outcomes, n);
		free(container_of(n, struct outcome, node));
	}
	htab_exit(&w->outcomes);
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		free(w->pair[f].v);
}

/* --------------------------------------------------------------------- borders */

/* A stretch of ports, all of which change in the same way. */
struct stretch {
	struct range range;
	struct verdicts v;
	bool taken;
};

struct work {
	const struct ruleset *r[STATES][__SL_DIR_MAX];
	const bool *own;
	struct judgement (*j)[__SL_DIR_MAX];
	struct stretch *v;
	unsigned int n, cap;
	__u32 *border;
	unsigned int nborders, borders_cap;
};

static int add_border(struct work *k, __u32 at)
{
	unsigned int cap = k->borders_cap ? k->borders_cap * 2 : 64;
	__u32 *v;

	if (k->nborders == k->borders_cap) {
		v = realloc(k->border, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		k->border = v;
		k->borders_cap = cap;
	}
	k->border[k->nborders++] = at;
	return 0;
}

static int border_cmp(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int find_borders(struct work *k, __u8 proto)
{
	int s, d, err;
	unsigned int i;

	k->nborders = 0;
	err = add_border(k, 0);
	for (s = 0; s < STATES; s++) {
		for (d = 0; d < __SL_DIR_MAX; d++) {
			const struct judgement *j = &k->j[s][d];

			for (i = 0; !err && i < j->n; i++) {
				if (j->grant[i].proto != proto || proto == PROTO_OTHER)
					continue;
				err = add_border(k, j->grant[i].lo);
				if (!err)
					err = add_border(k, j->grant[i].hi + 1U);
			}
		}
	}
	if (!err)
		err = add_border(k, 65536);
	if (!err)
		qsort(k->border, k->nborders, sizeof(*k->border), border_cmp);
	return err;
}

static void ask(const struct work *k, __u8 proto, __u16 port, struct verdicts *v)
{
	int s, d;

	for (s = 0; s < STATES; s++) {
		for (d = 0; d < __SL_DIR_MAX; d++) {
			v->side[s][d] = whatif_says(k->r[s][d], d, &k->j[s][d], proto, port);
			if (k->own[s] && v->side[s][d].asked)
				v->side[s][d] = (struct says){ true, true, SL_TIER_NODE, NULL };
		}
	}
}

static int add_stretch(struct work *k, const struct range *r, const struct verdicts *v)
{
	struct stretch *last = k->n ? &k->v[k->n - 1] : NULL, *more;
	unsigned int cap = k->cap ? k->cap * 2 : 16;

	if (last && last->range.proto == r->proto && last->range.hi + 1 == r->lo &&
	    same_verdicts(&last->v, v)) {
		last->range.hi = r->hi;
		return 0;
	}
	if (k->n == k->cap) {
		more = realloc(k->v, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		k->v = more;
		k->cap = cap;
	}
	k->v[k->n++] = (struct stretch){ *r, *v, false };
	return 0;
}

static int compare_proto(struct work *k, __u8 proto)
{
	struct verdicts v;
	unsigned int i;
	int err = find_borders(k, proto);

	for (i = 0; !err && i + 1 < k->nborders; i++) {
		const struct range r = { proto, k->border[i], k->border[i + 1] - 1 };

		if (k->border[i] == k->border[i + 1])
			continue;
		ask(k, proto, r.lo, &v);
		if (verdicts_allow(&v, WAS) != verdicts_allow(&v, WILL))
			err = add_stretch(k, &r, &v);
	}
	return err;
}

/* Whole protocols, all of them, and nothing to choose between them: "any". */
static unsigned int shorten(struct range *r, unsigned int n)
{
	unsigned int i;

	if (n != 4)
		return n;
	for (i = 0; i < n; i++)
		if (r[i].lo || r[i].hi != 65535)
			return n;
	r[0].proto = PROTO_ANY;
	return 1;
}

/* Stretches that change in the same way are one outcome. */
static int gather(struct whatif *w, struct work *k, struct outcomes *out)
{
	struct range *r = malloc((k->n + 1) * sizeof(*r));
	unsigned int i, j, n;
	struct outcome **v;

	if (!r)
		return -ENOMEM;
	for (i = 0; i < k->n; i++) {
		if (k->v[i].taken)
			continue;
		for (n = 0, j = i; j < k->n; j++) {
			if (k->v[j].taken || !same_verdicts(&k->v[i].v, &k->v[j].v))
				continue;
			k->v[j].taken = true;
			r[n++] = k->v[j].range;
		}
		if (out->n == out->cap) {
			v = realloc(out->v, (out->cap * 2 + 4) * sizeof(*v));
			if (!v)
				goto err_free;
			out->v = v;
			out->cap = out->cap * 2 + 4;
		}
		out->v[out->n] = intern(w, &k->v[i].v, r, shorten(r, n));
		if (!out->v[out->n])
			goto err_free;
		out->n++;
	}
	free(r);
	return 0;

err_free:
	free(r);
	return -ENOMEM;
}

int whatif_pair(struct whatif *w, const struct end *a, const struct end *b, enum sl_family f,
		const bool own[STATES], struct outcomes *out)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, PROTO_OTHER };
	struct work k = { .own = own, .j = w->judgement };
	unsigned int i;
	int s, err = 0;

	out->n = 0;
	for (s = 0; !err && s < STATES; s++) {
		k.r[s][SL_DIR_EGRESS] = a->ruleset[s];
		k.r[s][SL_DIR_INGRESS] = b->ruleset[s];
		err = whatif_judge(w->state[s], a->ruleset[s], SL_DIR_EGRESS, b->class[s][f],
				   &w->judgement[s][SL_DIR_EGRESS]);
		if (!err)
			err = whatif_judge(w->state[s], b->ruleset[s], SL_DIR_INGRESS,
					   a->class[s][f], &w->judgement[s][SL_DIR_INGRESS]);
	}
	for (i = 0; !err && i < sizeof(protos); i++)
		err = compare_proto(&k, protos[i]);
	if (!err && k.n)
		err = gather(w, &k, out);
	free(k.v);
	free(k.border);
	return err;
}
