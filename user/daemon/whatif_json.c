// SPDX-License-Identifier: GPL-2.0
/* The answer, within bounds; Documentation/control.md says what it holds. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/whatif_impl.h"

/* ------------------------------------------------------------------------ ends */

static json_t *member_json(const struct end *e, const union member *m)
{
	const struct model_pod *pod = e->kind == END_POD ? m->pod->pod[WAS] : NULL;
	const struct str *node = NULL;
	char addr[SLUICE_ADDR_STRLEN + 8];

	switch (e->kind) {
	case END_POD:
		return json_pack("{s:o, s:n, s:n}", "pod",
				 json_sprintf("%s/%s", pod->ns->name->s, pod->name), "node",
				 "address");
	case END_NODE:
		node = m->node.name[WILL] ? m->node.name[WILL] : m->node.name[WAS];
		sluice_addr_format(&m->node.addr, addr);
		break;
	case END_BLOCK:
		sluice_prefix_format(&m->block, addr);
		break;
	}
	return json_pack("{s:n, s:s?, s:s}", "pod", "node", node ? node->s : NULL, "address", addr);
}

static unsigned long long set_size(const struct end_set *s)
{
	unsigned long long n = 0;
	unsigned int i;

	for (i = 0; i < s->n; i++)
		n += s->v[i]->n;
	return n;
}

/* Pods first, then nodes, then blocks; each in its order. */
static int kind_cmp(const void *a, const void *b)
{
	const struct end *x = *(struct end *const *)a, *y = *(struct end *const *)b;
	const struct model_pod *p, *q;
	int c;

	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->kind == END_NODE)
		return memcmp(&x->member[0].node.addr, &y->member[0].node.addr,
			      sizeof(union sl_addr));
	if (x->kind == END_BLOCK)
		return prefix_cmp(&x->member[0].block, &y->member[0].block);
	p = x->member[0].pod->pod[WAS];
	q = y->member[0].pod->pod[WAS];
	c = str_cmp(p->ns->name, q->ns->name);
	return c ? c : strcmp(p->name, q->name);
}

static json_t *set_json(const struct end_set *s)
{
	json_t *out = json_array();
	unsigned int i, k;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->v[i]->n && json_array_size(out) < WHATIF_ENDS_MAX; k++)
			json_array_append_new(out, member_json(s->v[i], &s->v[i]->member[k]));
	return out;
}

/* ----------------------------------------------------------------------- flips */

static json_t *side_json(const struct says *says, enum sl_dir dir)
{
	if (!says->asked)
		return json_null();
	return json_pack("{s:s, s:o}", "verdict", says->allowed ? "allow" : "deny", "decider",
			 decider_json(says->by, says->tier, dir));
}

static json_t *verdict_json(const struct verdicts *v, int state)
{
	return json_pack("{s:s, s:o, s:o}", "verdict",
			 verdicts_allow(v, state) ? "allow" : "deny", "egress",
			 side_json(&v->side[state][SL_DIR_EGRESS], SL_DIR_EGRESS), "ingress",
			 side_json(&v->side[state][SL_DIR_INGRESS], SL_DIR_INGRESS));
}

static json_t *range_json(const struct range *r)
{
	const char *proto = r->proto == PROTO_ANY ? "any" : proto_text(r->proto);

	if (!r->lo && r->hi == 65535)
		return json_string(proto);
	if (r->lo == r->hi)
		return json_sprintf("%s/%u", proto, r->lo);
	return json_sprintf("%s/%u-%u", proto, r->lo, r->hi);
}

static const char *families_text(unsigned int families)
{
	if (families == 1U << SL_FAMILY_V4)
		return "ipv4";
	return families == 1U << SL_FAMILY_V6 ? "ipv6" : NULL;
}

static json_t *flip_json(const struct flip *f)
{
	json_t *ports = json_array();
	unsigned int i;

	for (i = 0; i < f->outcome->nranges; i++)
		json_array_append_new(ports, range_json(&f->outcome->range[i]));
	return json_pack("{s:o, s:I, s:o, s:I, s:s?, s:o, s:o, s:o}", "from", set_json(&f->from),
			 "fromCount", (json_int_t)set_size(&f->from), "to", set_json(&f->to),
			 "toCount", (json_int_t)set_size(&f->to), "family",
			 families_text(f->families), "ports", ports, "before",
			 verdict_json(&f->outcome->v, WAS), "after",
			 verdict_json(&f->outcome->v, WILL));
}

static int set_order(const struct end_set *a, const struct end_set *b)
{
	unsigned int i;
	int c;

	for (i = 0; i < a->n && i < b->n; i++) {
		c = kind_cmp(&a->v[i], &b->v[i]);
		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

/* By receivers, then senders, then ports: the same in every run. */
static int flip_order(const void *a, const void *b)
{
	const struct flip *x = *(struct flip *const *)a, *y = *(struct flip *const *)b;
	const struct range *p = x->outcome->range, *q = y->outcome->range;
	int c = set_order(&x->to, &y->to);

	if (!c)
		c = set_order(&x->from, &y->from);
	if (!c)
		c = (int)x->families - (int)y->families;
	if (!c)
		c = p->proto - q->proto;
	return c ? c : p->lo - q->lo;
}

static json_t *flips_json(const struct whatif *w)
{
	const struct flip **v = malloc((w->flips.n + 1) * sizeof(*v));
	json_t *out = json_array();
	unsigned int i;

	if (!v) {
		json_decref(out);
		return NULL;
	}
	for (i = 0; i < w->flips.n; i++) {
		struct flip *f = &w->flips.v[i];

		qsort(f->from.v, f->from.n, sizeof(*f->from.v), kind_cmp);
		qsort(f->to.v, f->to.n, sizeof(*f->to.v), kind_cmp);
		v[i] = f;
	}
	qsort(v, w->flips.n, sizeof(*v), flip_order);
	for (i = 0; i < w->flips.n && i < WHATIF_FLIPS_MAX; i++)
		json_array_append_new(out, flip_json(v[i]));
	free(v);
	return out;
}

json_t *whatif_json(const struct whatif *w)
{
	json_t *flips = flips_json(w);

	if (!flips)
		return NULL;
	return json_pack("{s:O, s:O, s:I, s:b, s:o, s:I, s:O}", "objects", w->objects, "refused",
			 w->refused, "pairs", (json_int_t)w->pairs, "complete",
			 !w->lost && w->flips.n <= WHATIF_FLIPS_MAX, "flips", flips, "flowsCut",
			 (json_int_t)w->nflows, "flows", w->flows);
}
