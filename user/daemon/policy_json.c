// SPDX-License-Identifier: GPL-2.0
/* What the policy side tells people and programs; shapes in Documentation/control.md. */
#include <stdio.h>
#include <stdlib.h>
#include "daemon/model_service.h"
#include "daemon/policy_impl.h"

/* Text of any length in pieces; NULL without memory. */
struct text {
	char *s;
	size_t n;
	FILE *f;
};

static FILE *text_open(struct text *t)
{
	t->s = NULL;
	t->f = open_memstream(&t->s, &t->n);
	return t->f;
}

static json_t *text_json(struct text *t)
{
	json_t *j;

	if (!t->f || fclose(t->f)) {
		free(t->s);
		return json_null();
	}
	j = json_string(t->s);
	free(t->s);
	return j;
}

/* --------------------------------------------------------- peers and ports */

static void put_block(FILE *f, const struct block *b)
{
	char buf[SLUICE_PREFIX_STRLEN];
	unsigned int i;

	fputs(sluice_prefix_format(&b->cidr, buf), f);
	for (i = 0; i < b->nexcept; i++)
		fprintf(f, "%s%s", i ? ", " : " except ",
			sluice_prefix_format(&b->except[i], buf));
}

static void put_selected(FILE *f, const struct peer *p)
{
	char buf[1024];

	if (p->pod_sel->n)
		fprintf(f, "pods %s", selector_format(p->pod_sel, buf, sizeof(buf)));
	else
		fputs("all pods", f);
	if (!p->ns_sel)
		fprintf(f, " in %s", p->ns->s);
	else if (p->ns_sel->n)
		fprintf(f, " in namespaces %s", selector_format(p->ns_sel, buf, sizeof(buf)));
	else
		fputs(" in all namespaces", f);
}

static void put_nodes(FILE *f, const struct selector *sel)
{
	char buf[4096];

	fprintf(f, "nodes %s", selector_format(sel, buf, sizeof(buf)));
}

json_t *peer_text(const struct peer *p)
{
	struct text t;

	if (text_open(&t)) {
		if (p->node_sel)
			put_nodes(t.f, p->node_sel);
		else if (p->block)
			put_block(t.f, p->block);
		else
			put_selected(t.f, p);
	}
	return text_json(&t);
}

json_t *port_text(const struct netpol_port *p)
{
	const char *proto = p->proto == 17 ? "udp" : p->proto == 132 ? "sctp" : "tcp";
	char buf[64];

	if (p->name)
		snprintf(buf, sizeof(buf), "%s/%.15s", proto, p->name->s);
	else if (!p->lo)
		snprintf(buf, sizeof(buf), "%s", proto);
	else if (p->lo == p->hi)
		snprintf(buf, sizeof(buf), "%s/%u", proto, p->lo);
	else
		snprintf(buf, sizeof(buf), "%s/%u-%u", proto, p->lo, p->hi);
	return json_string(buf);
}

/* ---------------------------------------------------------------- policies */

static int netpol_cmp(const void *a, const void *b)
{
	const struct object *x = &(*(struct model_netpol *const *)a)->obj->o;
	const struct object *y = &(*(struct model_netpol *const *)b)->obj->o;
	int c = str_cmp(x->ns, y->ns);

	return c ? c : str_cmp(x->name, y->name);
}

static bool selects(const struct object_netpol *np, const struct model_pod *pod)
{
	if (!pod->ep && (!pod->has_object || pod->host_network || pod->ended))
		return false;
	return model_netpol_selects(np, pod);
}

static json_t *pod_name(const struct model_pod *pod)
{
	return json_sprintf("%s/%s", pod->ns->name->s, pod->name);
}

static int json_string_cmp(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* Takes @list apart and returns it sorted. */
static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list), i;
	json_t **v = malloc((n + 1) * sizeof(*v)), *out = json_array();

	for (i = 0; v && i < n; i++)
		v[i] = json_array_get(list, i);
	if (v && n)
		qsort(v, n, sizeof(*v), json_string_cmp);
	for (i = 0; v && i < n; i++)
		json_array_append(out, v[i]);
	free(v);
	json_decref(list);
	return out;
}

static json_t *pods_of(const struct policy *pol, const struct object_netpol *np)
{
	const struct model_pod *pod;
	json_t *out = json_array();
	size_t pos;

	ptab_each(&pol->model.pods, pod, pos)
		if ((!np->o.ns || pod->ns->name == np->o.ns) && selects(np, pod))
			json_array_append_new(out, pod_name(pod));
	return sorted(out);
}

static json_t *types_of(const struct object_netpol *np)
{
	json_t *out = json_array();

	if (np->isolates[SL_DIR_INGRESS] || (!np->o.ns && np->nrules[SL_DIR_INGRESS]))
		json_array_append_new(out, json_string("Ingress"));
	if (np->isolates[SL_DIR_EGRESS] || (!np->o.ns && np->nrules[SL_DIR_EGRESS]))
		json_array_append_new(out, json_string("Egress"));
	return out;
}

static json_t *refused_text(const struct policy *pol, const struct object *o)
{
	const struct refusal *f = policy_refusal(pol, o->kind, o->ns ? o->ns->s : "", o->name->s);

	if (!f)
		return json_null();
	return json_sprintf("%s:%d:%d: %s%s%s", f->diag.file, f->diag.line, f->diag.column,
			    f->diag.field, f->diag.field[0] ? ": " : "", f->diag.text);
}

static json_t *file_of(const struct object *o)
{
	return o->file ? json_string(o->file->s) : json_null();
}

static json_t *ns_of(const struct object *o)
{
	return o->ns ? json_string(o->ns->s) : json_null();
}

static json_t *priority_of(const struct object_netpol *np)
{
	return np->o.ns ? json_null() : json_integer(np->priority);
}

static json_t *list_entry(const struct policy *pol, const struct object_netpol *np)
{
	json_t *pods = pods_of(pol, np);
	size_t n = json_array_size(pods);

	json_decref(pods);
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:o, s:o}", "tier",
			 tier_name(np->tier), "priority", priority_of(np), "namespace",
			 ns_of(&np->o), "name", np->o.name->s, "types", types_of(np), "pods", (json_int_t)n,
			 "ingressRules", (json_int_t)np->nrules[SL_DIR_INGRESS], "egressRules",
			 (json_int_t)np->nrules[SL_DIR_EGRESS], "file", file_of(&np->o),
			 "refused", refused_text(pol, &np->o));
}

json_t *policy_list_json(struct policy *pol)
{
	size_t n = pol->model.netpols.count + pol->model.ncluster, i = 0, first;
	struct model_netpol **v = malloc((n + 1) * sizeof(*v)), *np;
	json_t *out = json_array();
	struct hnode *e;

	if (!v || !out) {
		free(v);
		json_decref(out);
		return NULL;
	}
	/* the cluster's first, as they are asked */
	for (np = pol->model.cluster; np; np = np->next)
		v[i++] = np;
	first = i;
	htab_each(&pol->model.netpols, e)
		v[i++] = container_of(e, struct model_netpol, node);
	qsort(v + first, n - first, sizeof(*v), netpol_cmp);
	for (i = 0; i < n; i++)
		json_array_append_new(out, list_entry(pol, v[i]->obj));
	free(v);
	return out;
}

/* A rule has an id only while an endpoint here is subject to it. */
static json_t *rule_id(const struct policy *pol, const struct object_netpol *np, enum sl_dir dir,
		       int index)
{
	const struct decider *d;
	struct hnode *n;

	htab_each(&pol->compiler.rulesets.deciders.by_id, n) {
		d = container_of(n, struct decider, node);
		if (d->refs && d->tier == np->tier && d->ns == np->o.ns &&
		    d->name == np->o.name && d->dir == dir && d->index == index)
			return json_integer(d->id);
	}
	return json_null();
}

static json_t *rule_json(const struct policy *pol, const struct object_netpol *np, enum sl_dir dir,
			 unsigned int index)
{
	const struct netpol_rule *r = &np->rule[dir][index];
	json_t *peers = json_array(), *ports = json_array();
	unsigned int i;

	for (i = 0; i < r->npeers; i++)
		json_array_append_new(peers, peer_text(&r->peer[i]));
	for (i = 0; i < r->nports; i++)
		json_array_append_new(ports, port_text(&r->port[i]));
	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:b, s:o, s:o}", "rule",
			 rule_id(pol, np, dir, index), "direction", dir_name(dir), "ruleName",
			 json_sprintf("%s[%u]", dir_name(dir), index), "name",
			 r->name ? json_string(r->name->s) : json_null(), "action",
			 object_action_name(r->action), "never", r->never, "peers", peers,
			 "ports", ports);
}

json_t *policy_show_json(struct policy *pol, const char *ns, const char *name)
{
	const struct model_netpol *m = model_netpol_find(&pol->model, ns, name);
	const struct object_netpol *np;
	char selector[4096], spaces[4096];
	json_t *rules;
	unsigned int i;
	int dir;

	if (!m)
		return NULL;
	np = m->obj;
	rules = json_array();
	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		for (i = 0; i < np->nrules[dir]; i++)
			json_array_append_new(rules, rule_json(pol, np, dir, i));
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "tier",
			 tier_name(np->tier), "priority", priority_of(np), "namespace",
			 ns_of(&np->o), "name", name, "file", file_of(&np->o), "refused", refused_text(pol, &np->o), "types",
			 types_of(np), "namespaceSelector",
			 np->subject_ns ? json_string(selector_format(np->subject_ns, spaces,
								      sizeof(spaces))) :
					  json_null(), "podSelector",
			 np->subject->n ? selector_format(np->subject, selector, sizeof(selector)) :
					  "", "pods", pods_of(pol, np), "rules", rules);
}

/* ----------------------------------------------------------------- classes */

static json_t *class_peers(const struct class *c)
{
	json_t *out = json_array();
	const struct unit *u;
	unsigned int i, j;

	for (i = 0; i < c->n; i++) {
		u = c->unit[i];
		for (j = 0; !u->name && j < u->group->npeers; j++)
			json_array_append_new(out, peer_text(&u->group->peer[j]));
		if (u->name)
			json_array_append_new(out, json_sprintf("port %s is %u", u->name->s,
								u->port));
	}
	return sorted(out);
}

struct class_view {
	const struct class *class;
	json_t *pods, *prefixes;
	json_int_t addresses;
};

static json_t *class_json(const struct class_view *v)
{
	return json_pack("{s:I, s:O, s:O, s:I, s:o}", "id", (json_int_t)v->class->id, "pods",
			 v->pods, "prefixes", v->prefixes, "addresses", v->addresses, "peers",
			 class_peers(v->class));
}

static void add_pods(const struct model_addr *a, struct class_view *v)
{
	unsigned int i;

	v->addresses++;
	for (i = 0; i < a->nclaims; i++)
		json_array_append_new(v->pods, pod_name(model_addr_claim(a, i).pod));
}

static int view_cmp(const void *a, const void *b)
{
	__u32 x = ((const struct class_view *)a)->class->id;
	__u32 y = ((const struct class_view *)b)->class->id;

	return (x > y) - (x < y);
}

/* Both addresses of a pod are usually of one class. */
static json_t *unique(json_t *list)
{
	json_t *in = sorted(list), *out = json_array(), *v;
	const char *last = NULL;
	size_t i;

	json_array_foreach(in, i, v) {
		if (!last || strcmp(last, json_string_value(v)))
			json_array_append(out, v);
		last = json_string_value(v);
	}
	json_decref(in);
	return out;
}

static struct class_view *find_view(struct class_view *v, size_t n, const struct class *c)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (v[mid].class->id < c->id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &v[lo];
}

/* One walk over addresses and blocks fills in all of them. */
static void view_all(const struct policy *pol, struct class_view *v, size_t n)
{
	const struct block_node *b = pol->compiler.block;
	char buf[SLUICE_PREFIX_STRLEN];
	const struct model_addr *a;
	unsigned int i;
	size_t pos;

	ptab_each(&pol->model.addrs, a, pos)
		if (a->class)
			add_pods(a, find_view(v, n, a->class));
	for (i = 0; i < pol->compiler.nblocks; i++)
		json_array_append_new(find_view(v, n, b[i].class)->prefixes,
				      json_string(sluice_prefix_format(&b[i].prefix, buf)));
}

static json_t *views_json(struct class_view *v, size_t n)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		v[i].pods = unique(v[i].pods);
		json_array_append_new(out, class_json(&v[i]));
		json_decref(v[i].pods);
		json_decref(v[i].prefixes);
	}
	return out;
}

json_t *policy_class_json(struct policy *pol)
{
	const struct classes *cs = &pol->compiler.classes;
	struct class_view *v = calloc(cs->classes.count + 1, sizeof(*v));
	struct hnode *e;
	size_t n = 0;
	json_t *out;

	if (!v)
		return NULL;
	htab_each(&cs->classes, e)
		v[n++] = (struct class_view){ container_of(e, struct class, node), json_array(),
					      json_array(), 0 };
	qsort(v, n, sizeof(*v), view_cmp);
	view_all(pol, v, n);
	out = views_json(v, n);
	free(v);
	return out;
}

/* ------------------------------------------------------------------- names */

json_t *policy_rules_json(struct policy *pol)
{
	json_t *out = json_object();
	const struct decider *d;
	struct hnode *n;
	char id[16];

	htab_each(&pol->compiler.rulesets.deciders.by_id, n) {
		d = container_of(n, struct decider, node);
		snprintf(id, sizeof(id), "%u", d->id);
		json_object_set_new(out, id,
				    json_pack("{s:s, s:o, s:s, s:s, s:o}", "tier",
					      tier_name(d->tier), "namespace",
					      d->ns ? json_string(d->ns->s) : json_null(),
					      "policy", d->name->s, "direction", dir_name(d->dir),
					      "ruleName",
					      d->index < 0 ? json_null() :
							     json_sprintf("%s[%d]", dir_name(d->dir),
									  d->index)));
	}
	return out;
}

json_t *decider_json(const struct decider *d, enum sl_tier tier, enum sl_dir dir)
{
	json_t *rule;

	if (tier == SL_TIER_NONE)
		return json_null();
	rule = d && d->index >= 0 ? json_sprintf("%s[%d]", dir_name(dir), d->index) : json_null();
	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o}", "rule",
			 d ? json_integer(d->id) : json_null(), "tier", tier_name(tier),
			 "namespace", d && d->ns ? json_string(d->ns->s) : json_null(), "policy",
			 d ? json_string(d->name->s) : json_null(), "direction", dir_name(dir),
			 "ruleName", rule);
}

json_t *policy_addresses_json(struct policy *pol)
{
	json_t *out = json_object();
	char buf[SLUICE_ADDR_STRLEN];
	const struct model_addr *a;
	struct party who;
	size_t pos;

	ptab_each(&pol->model.addrs, a, pos) {
		party_of(pol, &a->addr, &who);
		if (who.pod)
			json_object_set_new(out, sluice_addr_format(&a->addr, buf),
					    pod_name(who.pod));
	}
	return out;
}

/* ------------------------------------------------------------ what is wrong */

static json_t *maybe(const char *s)
{
	return *s ? json_string(s) : json_null();
}

json_t *policy_refusal_json(const struct object_id *id, const struct diag *diag)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:i, s:i, s:s, s:s}", "kind",
			 id->kind < 0 ? json_null() : json_string(object_kind_name(id->kind)),
			 "namespace", maybe(id->ns), "name", maybe(id->name), "file", diag->file,
			 "line", diag->line, "column", diag->column, "field", diag->field, "text",
			 diag->text);
}

json_t *policy_refused_json(struct policy *pol)
{
	json_t *out = json_array();
	const struct refusal *f;

	for (f = pol->refusals; f; f = f->next)
		json_array_append_new(out, policy_refusal_json(&f->id, &f->diag));
	return out;
}

static json_t *warning(const char *kind, const struct str *ns, const char *name, const char *text)
{
	return json_pack("{s:s, s:o, s:s, s:s}", "kind", kind, "namespace",
			 ns ? json_string(ns->s) : json_null(), "name", name, "text", text);
}

static void warn_claims(const struct model_addr *a, json_t *out)
{
	char buf[SLUICE_ADDR_STRLEN], text[256];
	const struct model_pod *pod;
	unsigned int i;

	snprintf(text, sizeof(text),
		 "%s is claimed by %u pods: only what is allowed to all of them is",
		 sluice_addr_format(&a->addr, buf), a->nclaims);
	for (i = 0; i < a->nclaims; i++) {
		pod = model_addr_claim(a, i).pod;
		json_array_append_new(out, warning("Pod", pod->ns->name, pod->name, text));
	}
}

/* "egress[0], egress[3]: …", one warning for all of them. */
static void warn_rules(const struct object_netpol *np, json_t *out)
{
	char text[512] = "";
	size_t used = 0;
	unsigned int i;
	int dir;

	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		for (i = 0; i < np->nrules[dir] && used < sizeof(text) / 2; i++)
			if (np->rule[dir][i].fails_closed)
				used += snprintf(text + used, sizeof(text) - used, "%s%s[%u]",
						 used ? ", " : "", dir_name(dir), i);
	if (!used)
		return;
	snprintf(text + used, sizeof(text) - used, ": domainNames are not enforced: Accept matches "
		 "nothing there, Deny and Pass refuse everybody; write networks");
	json_array_append_new(out, warning("ClusterNetworkPolicy", NULL, np->o.name->s, text));
}

static int warn_service(struct model_service *s, void *out)
{
	if (s->obj && s->obj->doubt)
		json_array_append_new(out, warning("Service", s->ns, s->name->s, s->obj->doubt->s));
	return 0;
}

struct warn_health {
	const struct policy *pol;
	json_t *out;
};

static int warn_health(struct model_service *s, void *arg)
{
	const struct warn_health *w = arg;
	char text[600];

	if (policy_health_warning(w->pol, s, text, sizeof(text)))
		json_array_append_new(w->out, warning("Service", s->ns, s->name->s, text));
	return 0;
}

static int warn_balancer(void *out, const struct model_service *s, const char *text)
{
	json_array_append_new(out, warning("Service", s->ns, s->name->s, text));
	return 0;
}

json_t *policy_warnings_json(struct policy *pol)
{
	json_t *out = json_array();
	const struct model_netpol *np;
	const struct model_addr *a;
	size_t pos;

	for (np = pol->model.cluster; np; np = np->next)
		warn_rules(np->obj, out);

	model_service_each(&pol->model, warn_service, out);
	model_service_each(&pol->model, warn_health, &(struct warn_health){ pol, out });
	if (pol->balancer)
		balancer_warnings(pol->balancer, warn_balancer, out);
	ptab_each(&pol->model.addrs, a, pos)
		if (a->nclaims > 1)
			warn_claims(a, out);
	return out;
}
