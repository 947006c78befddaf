// SPDX-License-Identifier: GPL-2.0
/* Reconciler: where plan and tables differ, and whom that concerns. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/reconcile_impl.h"

static int grow(void **v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *p;

	if (n < *cap)
		return 0;
	p = realloc(*v, want * size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = want;
	return 0;
}

void commit_free(struct commit *cm)
{
	free(cm->op);
	free(cm->move);
	free(cm->rule.v);
	free(cm->port.v);
	btab_exit(&cm->judged);
}

/* ----------------------------------------------------------------- classes */

static int add_move(struct commit *cm, __u32 from, __u32 to)
{
	if (from == to)
		return 0;
	if (grow((void **)&cm->move, cm->nmoves, &cm->moves_cap, sizeof(*cm->move)))
		return -ENOMEM;
	cm->move[cm->nmoves++] = (struct move){ from, to };
	cm->flip = true;
	return 0;
}

static int move_cmp(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

static void tidy_moves(struct commit *cm)
{
	size_t i, n = 0;

	if (cm->nmoves)
		qsort(cm->move, cm->nmoves, sizeof(*cm->move), move_cmp);
	for (i = 0; i < cm->nmoves; i++)
		if (!n || move_cmp(&cm->move[n - 1], &cm->move[i]))
			cm->move[n++] = cm->move[i];
	cm->nmoves = n;
}

/* Where an entry comes or goes, what is around it speaks for the other side. */
static int class_op(struct commit *cm, const struct sl_prefix *key)
{
	const struct lpm *have = &cm->r->mirror.class, *plan = &cm->r->c->plan.class;
	const struct sl_class_val *val = lpm_get(have, key);
	const __u32 *id = lpm_get(plan, key);
	const union sl_addr addr = key->addr;
	struct class_op op = { .key = *key, .keep = id };

	if (!val && !id)
		return 0;
	if (val && id && val->class_id[0] == *id && val->class_id[1] == *id)
		return 0;
	if (!val)
		val = lpm_find(have, &addr, key->prefixlen);
	if (!id)
		id = lpm_find(plan, &addr, key->prefixlen);
	op.old = val ? val->class_id[cm->now] : SL_CLASS_NONE;
	op.want = id ? *id : SL_CLASS_NONE;
	if (grow((void **)&cm->op, cm->nops, &cm->ops_cap, sizeof(op)))
		return -ENOMEM;
	cm->op[cm->nops++] = op;
	return add_move(cm, op.old, op.want);
}

static int all_classes(struct commit *cm)
{
	const void *key;
	size_t pos = 0;
	void *val;
	int err = 0;

	while (!err && btab_walk(&cm->r->c->plan.class.t, &pos, &key, &val))
		err = class_op(cm, key);
	for (pos = 0; !err && btab_walk(&cm->r->mirror.class.t, &pos, &key, &val);)
		if (!lpm_get(&cm->r->c->plan.class, key))
			err = class_op(cm, key);
	return err;
}

static int key_cmp(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

/* Sorts a log and drops doubles. */
static void tidy_log(struct keylog *l)
{
	size_t i, n = 0;

	if (l->n)
		qsort_r(l->key, l->n, l->ksize, key_cmp, &l->ksize);
	for (i = 0; i < l->n; i++) {
		if (n && !memcmp(l->key + (n - 1) * l->ksize, l->key + i * l->ksize, l->ksize))
			continue;
		memmove(l->key + n++ * l->ksize, l->key + i * l->ksize, l->ksize);
	}
	l->n = n;
}

static int changed_classes(struct commit *cm)
{
	struct keylog *l = &cm->r->c->plan.class_log;
	size_t i;
	int err = 0;

	tidy_log(l);
	for (i = 0; !err && i < l->n; i++)
		err = class_op(cm, (const struct sl_prefix *)(l->key + i * l->ksize));
	return err;
}

/* Endpoints carry their classes themselves; closed ones are seen by nobody. */
static int endpoint_moves(struct commit *cm)
{
	const struct plan_ep *pe;
	const struct sl_ep *ep;
	__u32 i;
	int f, err = 0;

	for (i = 1; i < SL_EP_MAX; i++) {
		pe = &cm->r->c->plan.ep[i];
		ep = &cm->r->mirror.t->eps[i];
		if (!pe->used || !ep_open(ep))
			continue;
		for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
			err = add_move(cm, ep->class_id[cm->now][f], pe->class_id[f]);
	}
	return err;
}

/* -------------------------------------------------------- rules and ports */

static int differing(struct keys *out, const struct btab *plan, const struct btab *have,
		     const void *key)
{
	const void *a = btab_get(plan, key), *b = btab_get(have, key);

	if ((!a && !b) || (a && b && !memcmp(a, b, plan->vsize)))
		return 0;
	if (grow((void **)&out->v, out->n, &out->cap, out->size))
		return -ENOMEM;
	memcpy(out->v + out->n++ * out->size, key, out->size);
	return 0;
}

static int collect_keys(struct keys *out, const struct btab *plan, const struct btab *have,
			struct keylog *l, bool full)
{
	const void *key;
	size_t pos = 0, i;
	void *val;
	int err = 0;

	out->size = plan->ksize;
	if (!full) {
		tidy_log(l);
		for (i = 0; !err && i < l->n; i++)
			err = differing(out, plan, have, l->key + i * l->ksize);
		return err;
	}
	while (!err && btab_walk(plan, &pos, &key, &val))
		err = differing(out, plan, have, key);
	for (pos = 0; !err && btab_walk(have, &pos, &key, &val);)
		if (!btab_get(plan, key))
			err = differing(out, plan, have, key);
	return err;
}

int commit_collect(struct commit *cm, struct reconciler *r, bool full)
{
	struct plan *p = &r->c->plan;
	int err;

	*cm = (struct commit){ .r = r, .now = r->column };
	cm->full = full || p->class_log.lost || p->rule_log.lost || p->port_log.lost;
	btab_init(&cm->judged, sizeof(__u32), sizeof(__u32));
	err = cm->full ? all_classes(cm) : changed_classes(cm);
	if (!err)
		err = endpoint_moves(cm);
	tidy_moves(cm);
	if (!err)
		err = collect_keys(&cm->rule, &p->rule, &r->mirror.rule, &p->rule_log, cm->full);
	if (!err)
		err = collect_keys(&cm->port, &p->port, &r->mirror.port, &p->port_log, cm->full);
	return err;
}

/* ----------------------------------------------------------------- concern */

static const struct sl_rule_val *effective(const struct btab *rule, __u32 set, __u32 class_id)
{
	struct sl_rule_key key = { set, class_id };
	const struct sl_rule_val *v = btab_get(rule, &key);

	if (v)
		return v;
	key.class_id = SL_CLASS_ANY;
	return btab_get(rule, &key);
}

/* Who is named for a verdict may change without the flows being judged again. */
static bool same_verdict(const struct sl_rule_val *a, const struct sl_rule_val *b)
{
	enum sl_verdict x = a ? a->verdict : SL_VERDICT_DENY;
	enum sl_verdict y = b ? b->verdict : SL_VERDICT_DENY;

	return x == y && (x != SL_VERDICT_PORTS || a->ports == b->ports);
}

int commit_concerns(struct commit *cm, __u64 word, bool *out)
{
	__u32 id = word_set(word), set, verdict = 0;
	const __u32 *known = btab_get(&cm->judged, &id);
	size_t i;
	int dir;

	if (known) {
		*out = *known;
		return 0;
	}
	for (i = 0; !verdict && i < cm->nmoves; i++) {
		for (dir = 0; dir < __SL_DIR_MAX; dir++) {
			set = plan_rule_set(id, dir);
			if (word_isolated(word, dir) &&
			    !same_verdict(effective(&cm->r->mirror.rule, set, cm->move[i].from),
					  effective(&cm->r->c->plan.rule, set, cm->move[i].to)))
				verdict = 1;
		}
	}
	*out = verdict;
	return btab_set(&cm->judged, &id, &verdict);
}
