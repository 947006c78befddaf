// SPDX-License-Identifier: GPL-2.0
/*
 * One verdict twice: from the objects, by asking every policy in turn, and
 * from the kernel's tables, looked up as the pipeline does. The first uses
 * nothing that the compiler made, so that it can show the compiler wrong.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include "daemon/policy_impl.h"

/* ------------------------------------------------------------------ the model */

void party_of(const struct policy *pol, const union sl_addr *addr, struct party *out)
{
	const struct model_addr *a = model_addr_find(&pol->model, addr);
	struct model_claim claim;
	unsigned int i;

	*out = (struct party){ .addr = *addr };
	for (i = 0; a && i < a->nclaims; i++) {
		claim = model_addr_claim(a, i);
		/* an endpoint is sure of its address; two other pods are both unsure */
		if (!claim.ep && (out->ep || a->nclaims > 1))
			continue;
		out->pod = claim.pod;
		out->ep = claim.ep;
	}
}

static bool is_node_of(const struct policy *pol, const struct selector *sel,
		       const union sl_addr *a)
{
	const struct object_node *node;
	struct hnode *n;
	unsigned int i;

	htab_each(&pol->model.nodes, n) {
		node = container_of(n, struct model_node, node)->obj;
		for (i = 0; selector_match(sel, node->labels) && i < node->nips; i++)
			if (!memcmp(&node->ip[i], a, sizeof(*a)))
				return true;
	}
	return false;
}

static bool peer_is(const struct policy *pol, const struct peer *p, const struct party *who)
{
	if (p->node_sel)
		return is_node_of(pol, p->node_sel, &who->addr);
	if (p->block)
		return block_match(p->block, &who->addr);
	return who->pod && peer_covers_ns(p, who->pod->ns) &&
	       selector_match(p->pod_sel, who->pod->labels);
}

/* @named: the pod whose ports names mean; NULL: nobody's. */
static bool port_is(const struct netpol_port *p, const struct model_pod *named,
		    const struct tables_flow *flow)
{
	if (p->proto != flow->proto)
		return false;
	if (p->name)
		return named && pod_ports_number(named->ports, p->name, flow->proto) == flow->port;
	return flow->port >= p->lo && flow->port <= p->hi;
}

/* A new flow between two parties, and the side that is asked. */
struct asked {
	const struct policy *pol;
	const struct party *self, *peer;
	const struct model_pod *named;	/* whose ports names mean; NULL: nobody's */
	const struct tables_flow *flow;
};

static bool rule_matches(const struct asked *q, const struct netpol_rule *r)
{
	unsigned int i;

	if (r->never)
		return false;
	for (i = 0; i < r->npeers && !peer_is(q->pol, &r->peer[i], q->peer); i++)
		;
	if (r->npeers && i == r->npeers)
		return false;
	for (i = 0; i < r->nports && !port_is(&r->port[i], q->named, q->flow); i++)
		;
	return !r->nports || i < r->nports;
}

static void decided(struct explained *out, const struct object_netpol *np, enum sl_verdict v,
		    int index)
{
	*out = (struct explained){ .verdict = v, .tier = np->tier, .index = index };
	snprintf(out->ns, sizeof(out->ns), "%s", np->o.ns ? np->o.ns->s : "");
	snprintf(out->policy, sizeof(out->policy), "%s", np->o.name->s);
}

/* True: a ClusterNetworkPolicy of @tier has decided; else the next tier has its turn. */
static bool explain_tier(const struct asked *q, enum sl_tier tier, struct explained *out)
{
	enum sl_dir dir = q->flow->dir;
	const struct netpol_rule *r;
	const struct model_netpol *np;
	unsigned int i;

	for (np = q->pol->model.cluster; np; np = np->next) {
		if (np->obj->tier != tier || !model_netpol_selects(np->obj, q->self->pod))
			continue;
		for (i = 0; i < np->obj->nrules[dir]; i++) {
			r = &np->obj->rule[dir][i];
			if (!rule_matches(q, r))
				continue;
			if (r->action == RULE_PASS)
				return false;
			decided(out, np->obj, r->action == RULE_DENY ? SL_VERDICT_DENY :
								       SL_VERDICT_ALLOW, i);
			return true;
		}
	}
	return false;
}

/* True: a NetworkPolicy isolates the pod, and so decides. */
static bool explain_netpols(const struct asked *q, struct explained *out)
{
	enum sl_dir dir = q->flow->dir;
	const struct model_netpol *np;
	bool isolated = false;
	unsigned int i;

	for (np = q->self->pod->ns->netpols; np; np = np->next) {
		if (!np->obj->isolates[dir] || !model_netpol_selects(np->obj, q->self->pod))
			continue;
		for (i = 0; i < np->obj->nrules[dir]; i++) {
			if (rule_matches(q, &np->obj->rule[dir][i])) {
				decided(out, np->obj, SL_VERDICT_ALLOW, i);
				return true;
			}
		}
		if (!isolated)
			decided(out, np->obj, SL_VERDICT_DENY, DECIDER_IMPLICIT);
		isolated = true;
	}
	return isolated;
}

void explain_model(const struct policy *pol, const struct party *self, const struct party *peer,
		   const struct tables_flow *flow, struct explained *out)
{
	const struct asked q = { pol, self, peer,
				 flow->dir == SL_DIR_INGRESS ? self->pod : peer->pod, flow };

	*out = (struct explained){ .verdict = SL_VERDICT_ALLOW, .index = DECIDER_IMPLICIT };
	if (!self->pod)
		return;
	if (self->ep && model_is_node_addr(&pol->model, pol->node_name, &peer->addr)) {
		out->tier = SL_TIER_NODE;
		return;
	}
	if (!explain_tier(&q, SL_TIER_ADMIN, out) && !explain_netpols(&q, out))
		explain_tier(&q, SL_TIER_BASELINE, out);
}

/* ----------------------------------------------------------------- the kernel */

static int explain_kernel(const struct policy *pol, const struct party *self,
			  const struct party *peer, const struct tables_flow *flow,
			  struct explained *out)
{
	const struct tables *t = &pol->tables;
	__u64 word = sluice_ep_policy(&t->eps[self->ep]);
	struct sl_addr_val where = {};
	struct tables_verdict v;
	__u32 class_id;
	int err;

	*out = (struct explained){ .verdict = SL_VERDICT_DENY, .index = DECIDER_IMPLICIT };
	if (!word_open(word))
		return 0;
	err = t->lookup(t->ctx, SL_MAP_ADDR, &peer->addr, &where);
	if (err && err != -ENOENT)
		return err;
	if (where.kind == SL_ADDR_HOST) {
		out->verdict = SL_VERDICT_ALLOW;
		out->tier = SL_TIER_NODE;
		return 0;
	}
	err = tables_class(t, &peer->addr, where.kind == SL_ADDR_EP ? where.id : 0,
			   word & SL_EP_COLUMN_MASK, &class_id);
	if (!err)
		err = tables_judge(t, self->ep, class_id, flow, &v);
	if (err)
		return err;
	out->verdict = v.verdict;
	out->tier = v.tier;
	out->rule = v.rule;
	return 0;
}

/* ------------------------------------------------------------------- agreement */

/* Of several NetworkPolicies that allow the flow the tables may name any; one that says so it must be. */
static bool netpol_says(const struct asked *q, const struct decider *d, enum sl_verdict v)
{
	const struct model_netpol *np = model_netpol_find(&q->pol->model, d->ns ? d->ns->s : "",
							  d->name->s);
	enum sl_dir dir = q->flow->dir;

	if (!np || d->dir != dir || !np->obj->isolates[dir] || d->ns != q->self->pod->ns->name ||
	    !model_netpol_selects(np->obj, q->self->pod))
		return false;
	if (v == SL_VERDICT_DENY)
		return d->index == DECIDER_IMPLICIT;
	return d->index >= 0 && (unsigned int)d->index < np->obj->nrules[dir] &&
	       rule_matches(q, &np->obj->rule[dir][d->index]);
}

/* The tables come to the same verdict, and by somebody who does say so. */
static bool agrees(const struct policy *pol, const struct party *self, const struct party *peer,
		   const struct tables_flow *flow, const struct explained *model,
		   const struct explained *kernel)
{
	const struct asked q = { pol, self, peer,
				 flow->dir == SL_DIR_INGRESS ? self->pod : peer->pod, flow };
	const struct decider *d;

	if (model->verdict != kernel->verdict || model->tier != kernel->tier)
		return false;
	if (kernel->tier == SL_TIER_NONE || kernel->tier == SL_TIER_NODE)
		return true;
	d = decider_find(&pol->compiler.rulesets.deciders, kernel->rule);
	if (!d || d->tier != kernel->tier)
		return false;
	if (d->tier == SL_TIER_NETPOL)
		return netpol_says(&q, d, kernel->verdict);
	return !strcmp(d->name->s, model->policy) && d->index == model->index;
}

/* ----------------------------------------------------------------------- JSON */

static json_t *maybe(const char *s)
{
	return *s ? json_string(s) : json_null();
}

/* A decider of the tables is known by its id, one of the model by its name. */
static json_t *explained_decider_json(const struct policy *pol, const struct explained *e)
{
	const struct decider *d = NULL;
	struct hnode *n;
	char rule[64] = "";
	struct decider *x;

	if (e->tier == SL_TIER_NONE)
		return json_null();
	htab_each(&pol->compiler.rulesets.deciders.by_id, n) {
		x = container_of(n, struct decider, node);
		if (e->rule ? x->id == e->rule :
			      x->refs && e->policy[0] && x->tier == e->tier &&
			      !strcmp(x->ns ? x->ns->s : "", e->ns) &&
			      !strcmp(x->name->s, e->policy) && x->index == e->index &&
			      x->dir == e->dir)
			d = x;
	}
	if (d)
		return decider_json(d, e->tier, e->dir);
	if (e->index >= 0)
		snprintf(rule, sizeof(rule), "%s[%d]", dir_name(e->dir), e->index);
	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o}", "rule",
			 e->rule ? json_integer(e->rule) : json_null(), "tier",
			 tier_name(e->tier), "namespace", maybe(e->ns), "policy", maybe(e->policy),
			 "direction", dir_name(e->dir), "ruleName", maybe(rule));
}

static json_t *side_json(const struct policy *pol, const struct explained *e)
{
	return json_pack("{s:s, s:o}", "verdict",
			 e->verdict == SL_VERDICT_ALLOW ? "allow" : "deny", "decider",
			 explained_decider_json(pol, e));
}

/* What is asked: who may talk to whom on which port. */
struct question {
	struct party end[2];		/* from, to */
	__u8 proto;
	__u16 port;
};

struct answer {
	struct explained model[2], kernel[2];	/* [0]: sender's egress, [1]: receiver's ingress */
	bool has_kernel[2], agrees[2];
};

static int ask(const struct policy *pol, const struct question *q, struct answer *a)
{
	int i, err = 0;

	*a = (struct answer){};
	for (i = 0; !err && i < 2; i++) {
		const struct party *self = &q->end[i], *peer = &q->end[!i];
		const struct tables_flow flow = { i ? SL_DIR_INGRESS : SL_DIR_EGRESS, q->proto,
						  q->port };

		explain_model(pol, self, peer, &flow, &a->model[i]);
		a->model[i].dir = flow.dir;
		if (!self->ep || !pol->has_tables)
			continue;
		a->has_kernel[i] = true;
		err = explain_kernel(pol, self, peer, &flow, &a->kernel[i]);
		a->kernel[i].dir = flow.dir;
		a->agrees[i] = !err &&
			       agrees(pol, self, peer, &flow, &a->model[i], &a->kernel[i]);
	}
	return err;
}

static const char *together(const struct explained e[2], const bool *known)
{
	int i;

	for (i = 0; i < 2; i++)
		if ((!known || known[i]) && e[i].verdict != SL_VERDICT_ALLOW)
			return "deny";
	return "allow";
}

static json_t *model_json(const struct policy *pol, const struct question *q,
			  const struct answer *a)
{
	return json_pack("{s:s, s:o, s:o}", "verdict", together(a->model, NULL), "egress",
			 q->end[0].pod ? side_json(pol, &a->model[0]) : json_null(), "ingress",
			 q->end[1].pod ? side_json(pol, &a->model[1]) : json_null());
}

static json_t *kernel_json(const struct policy *pol, const struct answer *a)
{
	if (!a->has_kernel[0] && !a->has_kernel[1])
		return json_null();
	return json_pack("{s:s, s:o, s:o}", "verdict", together(a->kernel, a->has_kernel),
			 "egress", a->has_kernel[0] ? side_json(pol, &a->kernel[0]) : json_null(),
			 "ingress", a->has_kernel[1] ? side_json(pol, &a->kernel[1]) : json_null());
}

static bool all_agree(const struct answer *a)
{
	int i;

	for (i = 0; i < 2; i++)
		if (a->has_kernel[i] && !a->agrees[i])
			return false;
	return true;
}

static json_t *agree_json(const struct answer *a)
{
	return a->has_kernel[0] || a->has_kernel[1] ? json_boolean(all_agree(a)) : json_null();
}

static json_t *party_json(const struct policy *pol, const struct party *who)
{
	const struct class *c = compile_class_at(&pol->compiler, &who->addr);
	char addr[SLUICE_ADDR_STRLEN], pod[400] = "";

	if (who->pod)
		snprintf(pod, sizeof(pod), "%s/%s", who->pod->ns->name->s, who->pod->name);
	return json_pack("{s:o, s:s, s:I}", "pod", maybe(pod), "address",
			 sluice_addr_format(&who->addr, addr), "class", (json_int_t)c->id);
}

/* ------------------------------------------------------------------ who is who */

/* Addresses that "ns/pod" or an address stands for, by family. */
struct candidates {
	union sl_addr addr[__SL_FAMILY_MAX];
};

static int fail(struct diag *diag, const char *fmt, const char *what)
{
	*diag = (struct diag){ .level = DIAG_ERROR };
	snprintf(diag->text, sizeof(diag->text), fmt, what);
	return -EINVAL;
}

static int find_party(const struct policy *pol, const char *text, struct candidates *out,
		      struct diag *diag)
{
	const char *slash = strchr(text, '/');
	const struct model_pod *pod;
	const struct model_addr *a;
	union sl_addr addr;
	char ns[64];
	int f;

	memset(out, 0, sizeof(*out));
	if (!sluice_addr_parse(text, &addr)) {
		out->addr[sluice_addr_is_v4(&addr) ? SL_FAMILY_V4 : SL_FAMILY_V6] = addr;
		return 0;
	}
	if (!slash || (size_t)(slash - text) >= sizeof(ns))
		return fail(diag, "\"%.200s\" is neither an address nor NAMESPACE/POD", text);
	snprintf(ns, sizeof(ns), "%.*s", (int)(slash - text), text);
	pod = model_pod_find(&pol->model, ns, slash + 1);
	if (!pod)
		return fail(diag, "no pod %.200s is known here", text);
	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		a = model_pod_addr(&pol->model, pod, f);
		if (a)
			out->addr[f] = a->addr;
	}
	if (!addr_is_set(&out->addr[SL_FAMILY_V4]) && !addr_is_set(&out->addr[SL_FAMILY_V6]))
		return fail(diag, "pod %.200s has no address of its own", text);
	return 0;
}

static bool both_have(const struct candidates c[2], enum sl_family f)
{
	return addr_is_set(&c[0].addr[f]) && addr_is_set(&c[1].addr[f]);
}

static int answer_family(struct policy *pol, const struct candidates c[2], enum sl_family f,
			 struct question *q, struct answer *a)
{
	party_of(pol, &c[0].addr[f], &q->end[0]);
	party_of(pol, &c[1].addr[f], &q->end[1]);
	/* ICMP is one question in both families */
	if (q->proto == IPPROTO_ICMP || q->proto == IPPROTO_ICMPV6)
		q->proto = f == SL_FAMILY_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return ask(pol, q, a);
}

static bool differ(const struct answer *a, const struct answer *b)
{
	return strcmp(together(a->model, NULL), together(b->model, NULL)) ||
	       all_agree(a) != all_agree(b) ||
	       strcmp(together(a->kernel, a->has_kernel), together(b->kernel, b->has_kernel));
}

const char *proto_text(int proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	}
	return "other";
}

int policy_explain_json(struct policy *pol, const char *from, const char *to, int proto,
			int port, json_t **out, struct diag *diag)
{
	struct question q = { .proto = proto, .port = port }, q6;
	struct candidates c[2];
	struct answer a, a6;
	enum sl_family f;
	json_t *j;
	int err;

	err = find_party(pol, from, &c[0], diag);
	if (!err)
		err = find_party(pol, to, &c[1], diag);
	if (err)
		return err;
	f = both_have(c, SL_FAMILY_V4) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	if (!both_have(c, f))
		return fail(diag, "they have no address family in common%s", "");
	err = answer_family(pol, c, f, &q, &a);
	if (err)
		return err;
	j = json_pack("{s:o, s:o, s:s, s:i, s:s, s:o, s:o, s:o}", "from",
		      party_json(pol, &q.end[0]), "to", party_json(pol, &q.end[1]), "protocol",
		      proto_text(q.proto), "port", port, "verdict", together(a.model, NULL),
		      "agree", agree_json(&a), "model", model_json(pol, &q, &a), "kernel",
		      kernel_json(pol, &a));
	q6 = q;
	if (j && f == SL_FAMILY_V4 && both_have(c, SL_FAMILY_V6) &&
	    !answer_family(pol, c, SL_FAMILY_V6, &q6, &a6) && differ(&a, &a6))
		json_object_set_new(j, "other",
				    json_pack("{s:o, s:o, s:o}", "agree", agree_json(&a6),
					      "model", model_json(pol, &q6, &a6), "kernel",
					      kernel_json(pol, &a6)));
	*out = j;
	return j ? 0 : -ENOMEM;
}
