// SPDX-License-Identifier: GPL-2.0
/* The reconciler's course; see reconcile.h. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "daemon/reconcile_impl.h"

/* Conflicts are resolved by new ids, and those are free: two rounds would do. */
#define MAX_ROUNDS 8

int reconcile_init(struct reconciler *r, const struct tables *t, struct compiler *c)
{
	memset(r, 0, sizeof(*r));
	r->c = c;
	return mirror_init(&r->mirror, t);
}

void reconcile_exit(struct reconciler *r)
{
	mirror_exit(&r->mirror);
}

/* ------------------------------------------------------------- generations */

static __u32 word_gen(__u64 word)
{
	return word >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK;
}

/*
 * Of an endpoint that opens. Its slot may have been another's, whose flows
 * are still remembered under generations that nobody has kept; so it starts
 * above what any can have reached: generations follow the time since boot,
 * and the tables don't outlive that.
 */
static __u32 first_gen(struct reconciler *r)
{
	struct timespec ts;
	__u64 tenths;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	tenths = (__u64)ts.tv_sec * 10 + ts.tv_nsec / 100000000;
	r->last_gen++;
	if (tenths > r->last_gen)
		r->last_gen = tenths;
	return r->last_gen & SL_EP_GEN_MASK;
}

static __u32 next_gen(struct reconciler *r, __u64 word)
{
	__u32 gen = (word_gen(word) + 1) & SL_EP_GEN_MASK;

	if (gen > r->last_gen)
		r->last_gen = gen;
	return gen;
}

/* ------------------------------------------------------------------ columns */

/* The column in force; *@mixed: endpoints don't agree. */
static unsigned int find_column(const struct reconciler *r, bool *mixed)
{
	unsigned int count[2] = {};
	__u64 word;
	__u32 i;

	for (i = 1; i < SL_EP_MAX; i++) {
		word = sluice_ep_policy(&r->mirror.t->eps[i]);
		if (ep_open(&r->mirror.t->eps[i]))
			count[word & SL_EP_COLUMN_MASK]++;
	}
	*mixed = count[0] && count[1];
	/* without an open endpoint nobody reads either */
	return count[1] ? 1 : 0;
}

static int prepare(struct reconciler *r, bool *full)
{
	bool mixed;
	int err;

	r->column = find_column(r, &mixed);
	*full = !r->mirror.valid || mixed;
	if (!*full)
		return 0;
	err = mirror_load(&r->mirror);
	if (!err && mixed)
		err = reconcile_unmix(r);
	r->column = find_column(r, &mixed);
	return err ? err : mixed ? -EAGAIN : 0;
}

/* ---------------------------------------------------- before the switch */

static int write_ports(struct commit *cm)
{
	const struct sl_port_val *val;
	const struct sl_port_key *key;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->port.n; i++) {
		key = (const struct sl_port_key *)(cm->port.v + i * cm->port.size);
		val = btab_get(&cm->r->c->plan.port, key);
		if (val)
			err = mirror_set(&cm->r->mirror, SL_MAP_PORT, key, val);
		else if (commit_port_is_live(cm, key))
			err = mirror_del(&cm->r->mirror, SL_MAP_PORT, key);
	}
	return err;
}

/* An entry too many goes before anything points to its set, unless it must stay to the end. */
static bool in_the_way(const struct commit *cm, const struct sl_rule_key *key)
{
	const struct class *class = class_find(&cm->r->c->classes, key->class_id);

	return commit_rule_is_live(cm, key) &&
	       (key->class_id == SL_CLASS_ANY || (class && class->refs));
}

static int write_rules(struct commit *cm)
{
	const struct sl_rule_val *val;
	const struct sl_rule_key *key;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->rule.n; i++) {
		key = (const struct sl_rule_key *)(cm->rule.v + i * cm->rule.size);
		val = btab_get(&cm->r->c->plan.rule, key);
		if (val)
			err = mirror_set(&cm->r->mirror, SL_MAP_RULE, key, val);
		else if (in_the_way(cm, key))
			err = mirror_del(&cm->r->mirror, SL_MAP_RULE, key);
	}
	return err;
}

static int write_class(struct commit *cm, const struct class_op *op, __u32 now, __u32 other)
{
	const struct sl_class_val *have = lpm_get(&cm->r->mirror.class, &op->key);
	struct sl_class_val val;

	val.class_id[cm->now] = now;
	val.class_id[!cm->now] = other;
	if (have && !memcmp(have, &val, sizeof(val)))
		return 0;
	return mirror_set(&cm->r->mirror, SL_MAP_CLASS, &op->key, &val);
}

static int write_unread_column(struct commit *cm)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->nops; i++)
		err = write_class(cm, &cm->op[i], cm->op[i].old, cm->op[i].want);
	return err ? err : mirror_flush(&cm->r->mirror);
}

static void set_ep_class(struct commit *cm, __u32 ep, unsigned int col)
{
	const struct tables *t = cm->r->mirror.t;
	const struct plan_ep *pe = &cm->r->c->plan.ep[ep];
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (t->eps[ep].class_id[col][f] != pe->class_id[f])
			t->set_class(t->ctx, ep, col, f, pe->class_id[f]);
}

/* A closed endpoint refuses everything, so that nobody's view of it matters yet. */
static void write_ep_classes(struct commit *cm, bool before)
{
	__u32 i;

	for (i = 1; i < SL_EP_MAX; i++) {
		if (!cm->r->c->plan.ep[i].used)
			continue;
		if (!before || !ep_open(&cm->r->mirror.t->eps[i]))
			set_ep_class(cm, i, cm->now);
		set_ep_class(cm, i, !cm->now);
	}
}

/* --------------------------------------------------------------- the switch */

static int wanted_word(struct commit *cm, __u32 id, __u64 old, __u64 *out)
{
	const struct plan_ep *pe = &cm->r->c->plan.ep[id];
	const __u64 iso = SL_EP_ISOLATED_INGRESS | SL_EP_ISOLATED_EGRESS;
	__u32 gen = word_gen(old);
	bool concerned = false;
	__u64 word;
	int err = 0;

	word = (__u64)pe->set << SL_EP_RULESET_SHIFT;
	if (pe->isolated[SL_DIR_INGRESS])
		word |= SL_EP_ISOLATED_INGRESS;
	if (pe->isolated[SL_DIR_EGRESS])
		word |= SL_EP_ISOLATED_EGRESS;
	if (!word_open(old))
		gen = first_gen(cm->r);
	else if (word_set(old) != pe->set || ((word ^ old) & iso))
		gen = next_gen(cm->r, old);
	else if (cm->nmoves && (word & iso))
		err = commit_concerns(cm, old, &concerned);
	if (concerned)
		gen = next_gen(cm->r, old);
	word |= (__u64)gen << SL_EP_GEN_SHIFT;
	word |= cm->flip ? !cm->now : cm->now;
	*out = word;
	return err;
}

/*
 * Words are worked out before the first is stored: from there on nothing may
 * fail. An open slot that no endpoint was added for is closed: nobody knows
 * what its policy is.
 */
static int work_out_words(struct commit *cm, __u64 *word)
{
	const struct sl_ep *ep;
	int err = 0;
	__u32 i;

	for (i = 1; !err && i < SL_EP_MAX; i++) {
		ep = &cm->r->mirror.t->eps[i];
		word[i] = sluice_ep_policy(ep);
		if (cm->r->c->plan.ep[i].used)
			err = wanted_word(cm, i, word[i], &word[i]);
		else if (ep_open(ep))
			word[i] = SL_EP_POLICY_CLOSED |
				  (__u64)next_gen(cm->r, word[i]) << SL_EP_GEN_SHIFT;
	}
	return err;
}

/* What is wanted is in force. */
static void tell_committed(const struct reconciler *r)
{
	if (r->mirror.t->committed)
		r->mirror.t->committed(r->mirror.t->ctx);
}

static void switch_words(struct commit *cm, const __u64 *word)
{
	const struct tables *t = cm->r->mirror.t;
	__u32 i;

	for (i = 1; i < SL_EP_MAX; i++) {
		if (word[i] != sluice_ep_policy(&t->eps[i]))
			t->set_policy(t->ctx, i, word[i]);
	}
	if (cm->flip)
		cm->r->column = !cm->now;
	tell_committed(cm->r);
}

/* ---------------------------------------------------- after the switch */

static int equalise(struct commit *cm)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->nops; i++)
		err = write_class(cm, &cm->op[i], cm->op[i].want, cm->op[i].want);
	write_ep_classes(cm, false);
	return err ? err : mirror_flush(&cm->r->mirror);
}

static int sweep(struct commit *cm)
{
	struct mirror *m = &cm->r->mirror;
	const struct plan *p = &cm->r->c->plan;
	const void *key;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < cm->nops; i++)
		if (!cm->op[i].keep)
			err = mirror_del(m, SL_MAP_CLASS, &cm->op[i].key);
	for (i = 0; !err && i < cm->rule.n; i++) {
		key = cm->rule.v + i * cm->rule.size;
		if (!btab_get(&p->rule, key) && btab_get(&m->rule, key))
			err = mirror_del(m, SL_MAP_RULE, key);
	}
	for (i = 0; !err && i < cm->port.n; i++) {
		key = cm->port.v + i * cm->port.size;
		if (!btab_get(&p->port, key) && btab_get(&m->port, key))
			err = mirror_del(m, SL_MAP_PORT, key);
	}
	return err ? err : mirror_flush(m);
}

/* -------------------------------------------------------------- altogether */

static int carry_out(struct commit *cm)
{
	__u64 *word = malloc(SL_EP_MAX * sizeof(*word));
	int err = word ? 0 : -ENOMEM;

	if (!err)
		err = write_ports(cm);
	if (!err)
		err = write_rules(cm);
	if (!err)
		err = mirror_flush(&cm->r->mirror);
	if (!err)
		err = write_unread_column(cm);
	if (!err)
		err = work_out_words(cm, word);
	if (!err) {
		write_ep_classes(cm, true);
		switch_words(cm, word);
		/* from here on what is wanted is in force; remains are cleared by the next */
		if (equalise(cm) || sweep(cm))
			cm->r->mirror.valid = false;
	}
	free(word);
	return err;
}

static int find_differences(struct commit *cm, struct reconciler *r)
{
	bool full, renamed = true;
	int err, round;

	err = prepare(r, &full);
	if (err)
		return err;
	for (round = 0; renamed; round++) {
		err = round < MAX_ROUNDS ? commit_collect(cm, r, full) : -ELOOP;
		if (!err)
			err = commit_resolve(cm, &renamed);
		if (err)
			return err;
		if (renamed)
			commit_free(cm);
	}
	return 0;
}

int reconcile_commit(struct reconciler *r)
{
	struct commit cm = {};
	int err;

	/* most pods that come or go elsewhere change nothing here: not worth a look at every slot */
	if (r->mirror.valid && plan_is_settled(&r->c->plan)) {
		tell_committed(r);
		return 0;
	}
	err = find_differences(&cm, r);
	if (!err)
		err = carry_out(&cm);
	commit_free(&cm);
	if (err)
		/* whatever was written meanwhile, look again */
		r->mirror.valid = false;
	else
		plan_settle(&r->c->plan);
	return err;
}

static int count_classes(const struct sl_ep *ep, const struct plan_ep *pe)
{
	int f, col, n = 0;

	for (f = 0; pe->used && f < __SL_FAMILY_MAX; f++)
		for (col = 0; col < 2; col++)
			n += ep->class_id[col][f] != pe->class_id[f];
	return n;
}

/* Endpoints whose word or whose own classes are not what they should be. */
static int count_endpoints(struct commit *cm)
{
	__u64 *word = malloc(SL_EP_MAX * sizeof(*word));
	int err = word ? work_out_words(cm, word) : -ENOMEM, n = 0;
	const struct sl_ep *ep;
	__u32 i;

	for (i = 1; !err && i < SL_EP_MAX; i++) {
		ep = &cm->r->mirror.t->eps[i];
		n += word[i] != sluice_ep_policy(ep) ||
		     count_classes(ep, &cm->r->c->plan.ep[i]);
	}
	free(word);
	return err ? err : n;
}

int reconcile_repair(struct reconciler *r)
{
	struct commit cm = {};
	int n, err;

	r->mirror.valid = false;
	err = find_differences(&cm, r);
	if (err) {
		commit_free(&cm);
		return err;
	}
	n = count_endpoints(&cm);
	if (n >= 0)
		n += cm.nops + cm.rule.n + cm.port.n;
	if (n > 0)
		err = carry_out(&cm);
	commit_free(&cm);
	if (err)
		r->mirror.valid = false;
	else
		plan_settle(&r->c->plan);
	return err ? err : n;
}
