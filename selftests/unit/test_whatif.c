// SPDX-License-Identifier: GPL-2.0
/*
 * What-if against the objects themselves: random clusters and random changes,
 * and of every pair of ends and every port asked for, explain_model() says
 * before and after whether the verdict flips and by whom. It shares nothing
 * with the compiler that what-if compares by.
 *
 * SEED=n runs one cluster, CLUSTERS=n so many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include "unit.h"
#include "daemon/whatif_impl.h"
#include "policyworld.h"

#define CLUSTERS	60
#define STEPS		6
#define HERE		"node0"

/* ----------------------------------------------------------------- random ones */

struct pair_of_worlds {
	struct policy *was, *will;
	struct whatif *w;
	unsigned int seed, step;
	unsigned long pairs, flips;
};

static struct policy *policy_of(const struct world *world)
{
	struct policy *pol;
	int i;

	assert_int_equal(policy_new_on(NULL, HERE, &pol), 0);
	for (i = 0; i < WORLD_LOCAL; i++)
		assert_int_equal(world_add_endpoint(pol, i), 0);
	assert_int_equal(world_apply(world, pol), 0);
	assert_int_equal(policy_commit(pol), 0);
	return pol;
}

static int take(void *arg, struct manifest_item *item)
{
	assert_non_null(item->obj);
	return whatif_apply(arg, item->obj);
}

static void ask_text(struct whatif *w, const char *text)
{
	struct diag d;

	assert_int_equal(manifest_parse("w.yaml", text, strlen(text), take, w, &d), 0);
}

static void put(struct whatif *w, const char *old, const char *new, int kind, int ns,
		const char *fmt, int i)
{
	struct object_id id = { .kind = kind };

	if (new) {
		ask_text(w, new);
	} else if (old) {
		if (ns >= 0)
			snprintf(id.ns, sizeof(id.ns), "ns%d", ns);
		snprintf(id.name, sizeof(id.name), fmt, i);
		assert_int_equal(whatif_delete(w, &id), 0);
	}
}

/* Tells @w what makes @a into @b. */
static void change_into(struct whatif *w, const struct world *a, const struct world *b)
{
	int i;

	for (i = 0; i < WORLD_NS; i++)
		put(w, a->ns[i], b->ns[i], OBJECT_NAMESPACE, -1, "ns%d", i);
	for (i = 0; i < WORLD_PODS; i++)
		put(w, a->pod[i], b->pod[i], OBJECT_POD, pod_ns(i), "pod%d", i);
	for (i = 0; i < WORLD_POLICIES; i++)
		put(w, a->policy[i], b->policy[i], OBJECT_NETPOL, a->policy_ns[i], "p%d", i);
	for (i = 0; i < WORLD_CNPS; i++)
		put(w, a->cnp[i], b->cnp[i], OBJECT_CNP, -1, "c%d", i);
	for (i = 0; i < WORLD_NODES; i++)
		put(w, a->node[i], b->node[i], OBJECT_NODE, -1, "node%d", i);
}

static void copy_world(struct world *to, const struct world *from)
{
	int i;

	*to = *from;
	for (i = 0; i < WORLD_NS; i++)
		to->ns[i] = from->ns[i] ? strdup(from->ns[i]) : NULL;
	for (i = 0; i < WORLD_PODS; i++)
		to->pod[i] = from->pod[i] ? strdup(from->pod[i]) : NULL;
	for (i = 0; i < WORLD_POLICIES; i++)
		to->policy[i] = from->policy[i] ? strdup(from->policy[i]) : NULL;
	for (i = 0; i < WORLD_CNPS; i++)
		to->cnp[i] = from->cnp[i] ? strdup(from->cnp[i]) : NULL;
	for (i = 0; i < WORLD_NODES; i++)
		to->node[i] = from->node[i] ? strdup(from->node[i]) : NULL;
}

static bool is_node_addr(const struct whatif *w, const union sl_addr *a)
{
	unsigned int i;

	for (i = 0; i < w->ends.n; i++)
		if (w->ends.v[i]->kind == END_NODE &&
		    !memcmp(&w->ends.v[i]->member[0].node.addr, a, sizeof(*a)))
			return true;
	return false;
}

/* Whether @m of an end of @kind stands for the address. Blocks: the narrowest one does. */
static unsigned int stands_for(const struct end *e, const union member *m, const union sl_addr *a,
			       const struct party *who)
{
	switch (e->kind) {
	case END_POD:
		return who->pod == m->pod->pod[WAS] ||
		       (who->pod && !strcmp(who->pod->name, m->pod->pod[WAS]->name) &&
			who->pod->ns->name == m->pod->pod[WAS]->ns->name) ? 1000 : 0;
	case END_NODE:
		return memcmp(&m->node.addr, a, sizeof(*a)) ? 0 : 500;
	case END_BLOCK:
		return sluice_prefix_contains(&m->block, a) ? 1 + m->block.prefixlen : 0;
	}
	return 0;
}

/* The end, and of it the member, that an address is judged as. */
static const union member *find_member(const struct whatif *w, const union sl_addr *a,
				       const struct party *who, const struct end **end)
{
	unsigned int i, k, best = 0, fit;
	const union member *m = NULL;

	for (i = 0; i < w->ends.n; i++) {
		for (k = 0; k < w->ends.v[i]->n; k++) {
			fit = stands_for(w->ends.v[i], &w->ends.v[i]->member[k], a, who);
			if (fit <= best)
				continue;
			best = fit;
			m = &w->ends.v[i]->member[k];
			*end = w->ends.v[i];
		}
	}
	return m;
}

static bool holds(const struct end_set *s, const struct end *e, const union member *m)
{
	unsigned int i, k;

	for (i = 0; i < s->n; i++) {
		if (s->v[i] != e && s->v[i]->of != e && (!s->v[i]->of || s->v[i]->of->of != e))
			continue;
		for (k = 0; k < s->v[i]->n; k++)
			if (!memcmp(&s->v[i]->member[k], m, e->kind == END_POD ? sizeof(m->pod) :
						    sizeof(*m)))
				return true;
	}
	return false;
}

static bool in_range(const struct range *r, __u8 proto, __u16 port)
{
	bool ports = proto == 6 || proto == 17 || proto == 132;

	if (r->proto == PROTO_ANY)
		return true;
	if (r->proto == PROTO_OTHER)
		return !ports;
	return r->proto == proto && port >= r->lo && port <= r->hi;
}

static const struct verdicts *find_flip(const struct whatif *w, const struct end *a,
					const union member *from, const struct end *b,
					const union member *to, enum sl_family f, __u8 proto,
					__u16 port)
{
	const struct verdicts *found = NULL;
	unsigned int i, k;

	for (i = 0; i < w->flips.n; i++) {
		const struct flip *flip = &w->flips.v[i];

		if (!(flip->families >> f & 1) || !holds(&flip->from, a, from) ||
		    !holds(&flip->to, b, to))
			continue;
		for (k = 0; k < flip->outcome->nranges; k++) {
			if (!in_range(&flip->outcome->range[k], proto, port))
				continue;
			assert_null(found);	/* once each */
			found = &flip->outcome->v;
		}
	}
	return found;
}

static void explain_both(const struct policy *pol, const union sl_addr *a, const union sl_addr *b,
			 unsigned int ask, struct explained e[__SL_DIR_MAX], bool *allowed)
{
	struct party from, to;
	struct tables_flow flow = { SL_DIR_EGRESS, world_asks[ask].proto, world_asks[ask].port };

	party_of(pol, a, &from);
	party_of(pol, b, &to);
	explain_model(pol, &from, &to, &flow, &e[SL_DIR_EGRESS]);
	flow.dir = SL_DIR_INGRESS;
	explain_model(pol, &to, &from, &flow, &e[SL_DIR_INGRESS]);
	*allowed = e[0].verdict == SL_VERDICT_ALLOW && e[1].verdict == SL_VERDICT_ALLOW;
}

static void check_deciders(const struct pair_of_worlds *p, const struct verdicts *v, int state,
			   const struct explained e[__SL_DIR_MAX])
{
	const struct says *s;
	int d;

	for (d = 0; d < __SL_DIR_MAX; d++) {
		s = &v->side[state][d];
		if (!s->asked)
			continue;
		if (s->allowed != (e[d].verdict == SL_VERDICT_ALLOW) || s->tier != e[d].tier)
			fail_msg("seed %u step %u: %s was told by another tier", p->seed, p->step,
				 dir_name(d));
		if (!s->by)
			continue;
		/* of several NetworkPolicies that allow it, or refuse, either may be named */
		if (s->tier == SL_TIER_NETPOL)
			continue;
		assert_string_equal(s->by->name->s, e[d].policy);
		assert_int_equal(s->by->index, e[d].index);
	}
}

static void check_ask(struct pair_of_worlds *p, const union sl_addr *a, const union sl_addr *b,
		      unsigned int ask, const struct end *ea, const union member *from,
		      const struct end *eb, const union member *to)
{
	enum sl_family f = sluice_addr_is_v4(a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	struct explained was[__SL_DIR_MAX], will[__SL_DIR_MAX];
	char text[2][SLUICE_ADDR_STRLEN];
	const struct verdicts *told;
	bool before, after;

	explain_both(p->was, a, b, ask, was, &before);
	explain_both(p->will, a, b, ask, will, &after);
	told = find_flip(p->w, ea, from, eb, to, f, world_asks[ask].proto, world_asks[ask].port);
	p->pairs++;
	p->flips += before != after;
	if (!!told != (before != after) || (told && verdicts_allow(told, WAS) != before))
		fail_msg("seed %u step %u: %s to %s %u/%u: %s before, %s after, %stold",
			 p->seed, p->step, sluice_addr_format(a, text[0]),
			 sluice_addr_format(b, text[1]), world_asks[ask].proto, world_asks[ask].port,
			 before ? "allowed" : "refused", after ? "allowed" : "refused",
			 told ? "" : "not ");
	if (!told)
		return;
	check_deciders(p, told, WAS, was);
	check_deciders(p, told, WILL, will);
}

static void check_pair(struct pair_of_worlds *p, const union sl_addr *a, const union sl_addr *b)
{
	struct party was[2], will[2];
	const struct end *ea = NULL, *eb = NULL;
	const union member *from, *to;
	unsigned int k;
	int i;

	if (sluice_addr_is_v4(a) != sluice_addr_is_v4(b))
		return;
	party_of(p->was, a, &was[0]);
	party_of(p->was, b, &was[1]);
	party_of(p->will, a, &will[0]);
	party_of(p->will, b, &will[1]);
	for (i = 0; i < 2; i++) {
		/* a pod that comes or goes has no verdict to lose, nor has one at a node's address */
		if (!was[i].pod != !will[i].pod ||
		    (was[i].pod && is_node_addr(p->w, i ? b : a)))
			return;
	}
	if ((!was[0].pod && !was[1].pod) || was[0].pod == was[1].pod)
		return;
	from = find_member(p->w, a, &was[0], &ea);
	to = find_member(p->w, b, &was[1], &eb);
	assert_non_null(from);
	assert_non_null(to);
	for (k = 0; k < WORLD_ASKS; k++)
		check_ask(p, a, b, k, ea, from, eb, to);
}

static void run_step(struct pair_of_worlds *p, const struct world *a, const struct world *b)
{
	union sl_addr from, to;
	unsigned int i, k;
	json_t *before = plan_json(&p->was->compiler.plan), *after, *answer;

	assert_int_equal(whatif_new(p->was, &p->w), 0);
	change_into(p->w, a, b);
	assert_int_equal(whatif_compare(p->w), 0);
	for (i = 0; i < WORLD_PEERS; i++) {
		for (k = 0; k < WORLD_PEERS; k++) {
			world_peer(i, &from);
			world_peer(k, &to);
			check_pair(p, &from, &to);
		}
	}
	answer = whatif_json(p->w);
	assert_non_null(answer);
	json_decref(answer);
	whatif_free(p->w);
	/* nothing of it has touched what is in force */
	assert_int_equal(policy_commit(p->was), 0);
	after = plan_json(&p->was->compiler.plan);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void run_cluster(unsigned int seed, struct pair_of_worlds *p)
{
	struct world a, b;

	p->seed = seed;
	world_init(&a, seed);
	for (p->step = 0; p->step < STEPS; p->step++) {
		copy_world(&b, &a);
		world_mutate(&b);
		p->was = policy_of(&a);
		p->will = policy_of(&b);
		run_step(p, &a, &b);
		policy_free(p->was);
		policy_free(p->will);
		world_exit(&a);
		a = b;
	}
	world_exit(&a);
}

static void what_is_told_is_what_happens(void **state)
{
	const char *one = getenv("SEED"), *many = getenv("CLUSTERS");
	unsigned int i, n = many ? atoi(many) : CLUSTERS;
	struct pair_of_worlds p = {};

	(void)state;
	if (one)
		run_cluster(atoi(one), &p);
	for (i = 0; !one && i < n; i++)
		run_cluster(1 + i, &p);
	printf("# %lu verdicts compared, %lu flips\n", p.pairs, p.flips);
	assert_true(p.flips > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_what_happens),
	};

	return unit_run(tests, NULL, NULL);
}
