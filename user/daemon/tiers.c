// SPDX-License-Identifier: GPL-2.0
/*
 * What the ordered tiers come to: for each protocol and port, the first rule
 * that decides. Rules are laid over the ports in the order of evaluation, and
 * only where nothing has decided yet. The kernel gets the result, one verdict
 * and one decider a port, and knows nothing of tiers or priorities.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/ruleset.h"

/* Protocol 0 stands for all that have no ports. */
static const __u8 lanes[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

static int begin(struct judgement *j)
{
	unsigned int i;

	j->n = 0;
	j->tiered = true;
	j->by = NULL;
	for (i = 0; i < sizeof(lanes); i++) {
		if (!judgement_grow(j))
			return -ENOMEM;
		j->grant[j->n++] = (struct grant){ .proto = lanes[i], .hi = 65535 };
	}
	return 0;
}

static bool undecided(const struct grant *g, enum sl_tier tier)
{
	return !g->decided && g->passed != tier;
}

/* The first one that reaches @lo or beyond. */
static unsigned int find(const struct judgement *j, __u8 proto, __u16 lo)
{
	unsigned int a = 0, b = j->n, mid;

	while (a < b) {
		mid = (a + b) / 2;
		if (j->grant[mid].proto < proto ||
		    (j->grant[mid].proto == proto && j->grant[mid].hi < lo))
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

/* Two of one: the second begins with @at. */
static int split(struct judgement *j, unsigned int i, __u16 at)
{
	if (!judgement_grow(j))
		return -ENOMEM;
	memmove(&j->grant[i + 1], &j->grant[i], (j->n++ - i) * sizeof(j->grant[0]));
	j->grant[i].hi = at - 1;
	j->grant[i + 1].lo = at;
	return 0;
}

static void decide(struct grant *g, const struct ruleset_rule *r)
{
	if (r->action == RULE_PASS) {
		g->passed = r->decider->tier;
		return;
	}
	g->decided = true;
	g->verdict = r->action == RULE_DENY ? SL_VERDICT_DENY : SL_VERDICT_ALLOW;
	g->by = r->decider;
}

static int lay(struct judgement *j, const struct ruleset_rule *r, __u8 proto, __u16 lo, __u16 hi)
{
	unsigned int i;
	int err = 0;

	for (i = find(j, proto, lo); !err && i < j->n; i++) {
		if (j->grant[i].proto != proto || j->grant[i].lo > hi)
			break;
		if (!undecided(&j->grant[i], r->decider->tier))
			continue;
		if (j->grant[i].lo < lo) {
			err = split(j, i, lo);
			continue;
		}
		if (j->grant[i].hi > hi)
			err = split(j, i, hi + 1);
		if (!err)
			decide(&j->grant[i], r);
	}
	return err;
}

static int lay_named(struct judgement *j, const struct ruleset_rule *r,
		     const struct netpol_port *p, const struct class *class)
{
	const struct unit *u;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && class && i < class->n; i++) {
		u = class->unit[i];
		if (u->name == p->name && u->proto == p->proto && u->group == r->group)
			err = lay(j, r, p->proto, u->port, u->port);
	}
	return err;
}

static int lay_rule(struct judgement *j, const struct ruleset_rule *r, const struct class *class)
{
	const struct netpol_port *p;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && r->all && i < sizeof(lanes); i++)
		err = lay(j, r, lanes[i], 0, 65535);
	for (i = 0; !err && i < r->nports; i++) {
		p = &r->port[i];
		err = p->name ? lay_named(j, r, p, class) : lay(j, r, p->proto, p->lo, p->hi);
	}
	return err;
}

/* Whatever no rule has decided: @by refuses it, or nobody does. */
static void settle(struct judgement *j, const struct decider *by)
{
	unsigned int i;

	for (i = 0; i < j->n; i++) {
		if (j->grant[i].decided)
			continue;
		j->grant[i].verdict = by ? SL_VERDICT_DENY : SL_VERDICT_ALLOW;
		j->grant[i].by = by;
	}
}

static bool says_the_same(const struct grant *a, const struct grant *b)
{
	return a->verdict == b->verdict && a->by == b->by;
}

/* Neighbours that say the same are one; what says the same as the first is left to it. */
static void finish(struct judgement *j)
{
	const struct grant *base = &j->grant[0];
	struct grant *g, *last;
	unsigned int i, n = 1;

	for (i = 1; i < j->n; i++) {
		g = &j->grant[i];
		last = &j->grant[n - 1];
		if (says_the_same(g, base))
			continue;
		if (says_the_same(g, last) && g->proto == last->proto && g->lo == last->hi + 1)
			last->hi = g->hi;
		else
			j->grant[n++] = *g;
	}
	j->n = n;
	j->verdict = SL_VERDICT_PORTS;
	if (n > 1)
		return;
	j->verdict = base->verdict;
	j->by = base->by;
	j->n = 0;
}

int ruleset_judge_tiers(const struct ruleset *r, enum sl_dir dir, const struct class *class,
			uint64_t stamp, struct judgement *out)
{
	const struct ruleset_rule *rule;
	unsigned int i;
	int err = begin(out);

	for (i = 0; !err && i < r->nrules[dir]; i++) {
		rule = &r->rule[dir][i];
		/* a pod that NetworkPolicy isolates never gets to the Baseline tier */
		if (rule->decider->tier == SL_TIER_BASELINE && r->deny[dir])
			break;
		if (ruleset_rule_holds(rule, class ? stamp : 0))
			err = lay_rule(out, rule, class);
	}
	if (err)
		return err;
	settle(out, r->deny[dir]);
	finish(out);
	return 0;
}
