// SPDX-License-Identifier: GPL-2.0
/*
 * What is told of services: the objects, and beside them what the balancer made of
 * them; shapes in Documentation/control.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/addr.h"
#include "daemon/policy_impl.h"
#include "daemon/service_shown.h"

#define TEXT_MAX 1024

static const char *const scopes[__SL_SVC_SCOPE_MAX] = {
	[SL_SVC_CLUSTER] = "cluster", [SL_SVC_LOCAL] = "local",
};

/* ---------------------------------------------------------------- backends */

/* The scopes whose new connections may go to it. */
static json_t *used_json(const struct svc_port *p, const struct plan_backend *b)
{
	json_t *out = json_array();
	unsigned int scope;

	for (scope = 0; p && scope < __SL_SVC_SCOPE_MAX; scope++)
		if ((b->lists & p->plan.scopes) >> scope & 1)
			json_array_append_new(out, json_string(scopes[scope]));
	return out;
}

static json_t *backend_json(const struct policy *pol, const struct model_service *s,
			    const struct svc_port *p, const struct shown *b)
{
	const struct slice_endpoint *ep = b->ep;
	bool local = ep ? ep->node && ep->node == pol->node_name : b->b.flags & SL_BACKEND_LOCAL;
	char addr[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:i, s:o, s:s, s:o, s:b, s:o, s:s?}", "address",
			 sluice_addr_format(&b->b.addr, addr), "port", (int)ntohs(b->b.port), "id",
			 b->b.id ? json_integer(b->b.id) : json_null(), "state", shown_states[b->state],
			 "usedFor", used_json(p, &b->b), "local", local, "pod",
			 ep && ep->pod ? json_sprintf("%s/%s", s->ns->s, ep->pod->s) : json_null(),
			 "node", ep && ep->node ? ep->node->s : NULL);
}

/* --------------------------------------------------------------- frontends */

static bool is_node(const struct svc_claim *c)
{
	return !c->addr;
}

static json_t *why_json(const struct svc_claim *c)
{
	char why[TEXT_MAX];

	if (balancer_claim_why(c, why, sizeof(why)))
		return json_string(why);
	return balancer_claim_is_served(c) ? json_null() : json_string("not written yet");
}

static json_t *frontend_json(const struct svc_claim *c)
{
	const struct plan_front *f = c->plan;
	char addr[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:b, s:o}", "address",
			 is_node(c) ? "node" : sluice_addr_format(&f->key.addr, addr), "family",
			 shown_families[c->port->plan.family], "port", (int)ntohs(f->key.port), "inside",
			 scopes[f->inside], "outside", scopes[f->outside], "served",
			 balancer_claim_is_served(c), "why", why_json(c));
}

/* ------------------------------------------------------------------- ports */

static json_t *maglev_json(const struct svc_port *p)
{
	json_t *out = json_object();
	unsigned int scope;
	__u32 size;

	for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++) {
		size = p->word[scope] >> SL_SVC_MAGLEV_SHIFT & SL_SVC_FIELD_MASK;
		json_object_set_new(out, scopes[scope], size ? json_integer(size) : json_null());
	}
	return out;
}

/* One family's share of a port. */
static int add_family(const struct policy *pol, const struct model_service *s,
		      const struct service_port *sp, enum sl_family f, json_t *port)
{
	const struct svc_port *p = shown_port(s, sp, f);
	struct shown_list l;
	size_t i;

	if (shown_get(s, sp, f, p, &l))
		return -ENOMEM;
	json_object_set_new(json_object_get(port, "ids"), shown_families[f],
			    p ? json_integer(p->id) : json_null());
	json_object_set_new(json_object_get(port, "maglev"), shown_families[f],
			    p ? maglev_json(p) : json_null());
	for (i = 0; p && p->claim && i < p->plan.nfronts; i++)
		json_array_append_new(json_object_get(port, "frontends"),
				      frontend_json(&p->claim[i]));
	for (i = 0; i < l.n; i++)
		json_array_append_new(json_object_get(port, "backends"),
				      backend_json(pol, s, p, &l.v[i]));
	free(l.v);
	return 0;
}

static json_t *port_json(const struct service_port *sp)
{
	return json_pack("{s:s?, s:s, s:i, s:o}", "name", sp->name ? sp->name->s : NULL,
			 "protocol", proto_text(sp->proto), "port", (int)sp->port, "nodePort",
			 sp->node_port ? json_integer(sp->node_port) : json_null());
}

static json_t *port_show_json(const struct policy *pol, const struct model_service *s,
			      const struct service_port *sp)
{
	json_t *port = port_json(sp);
	enum sl_family f;

	if (!port)
		return NULL;
	json_object_set_new(port, "ids", json_object());
	json_object_set_new(port, "maglev", json_object());
	json_object_set_new(port, "frontends", json_array());
	json_object_set_new(port, "backends", json_array());
	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (add_family(pol, s, sp, f, port)) {
			json_decref(port);
			return NULL;
		}
	}
	return port;
}

/* ---------------------------------------------------------------- warnings */

struct warnings {
	const struct model_service *of;	/* NULL: of all */
	json_t *by_name;		/* {"ns/name": [text]} */
};

static int add_warning(void *arg, const struct model_service *s, const char *text)
{
	struct warnings *w = arg;
	char key[512];
	json_t *list;

	if (w->of && w->of != s)
		return 0;
	snprintf(key, sizeof(key), "%s/%s", s->ns->s, s->name->s);
	list = json_object_get(w->by_name, key);
	if (!list) {
		list = json_array();
		json_object_set_new(w->by_name, key, list);
	}
	json_array_append_new(list, json_string(text));
	return 0;
}

static int add_doubt(struct model_service *s, void *arg)
{
	return s->obj && s->obj->doubt ? add_warning(arg, s, s->obj->doubt->s) : 0;
}

static void warnings_get(const struct policy *pol, struct warnings *w)
{
	w->by_name = json_object();
	model_service_each(&pol->model, add_doubt, w);
	if (pol->balancer)
		balancer_warnings(pol->balancer, add_warning, w);
}

static json_t *warnings_of(const struct warnings *w, const struct model_service *s)
{
	char key[512];
	json_t *list;

	snprintf(key, sizeof(key), "%s/%s", s->ns->s, s->name->s);
	list = json_object_get(w->by_name, key);
	return list ? json_incref(list) : json_array();
}

/* ---------------------------------------------------------------- services */

static json_t *addrs_json(const union sl_addr *a, unsigned int n)
{
	json_t *out = json_array();
	char buf[SLUICE_ADDR_STRLEN];
	unsigned int i;

	for (i = 0; i < n; i++)
		json_array_append_new(out, json_string(sluice_addr_format(&a[i], buf)));
	return out;
}

static json_t *refused_json(const struct policy *pol, const struct model_service *s)
{
	const struct refusal *f = policy_refusal(pol, OBJECT_SERVICE, s->ns->s, s->name->s);

	if (!f)
		return json_null();
	return json_sprintf("%s:%d:%d: %s%s%s", f->diag.file, f->diag.line, f->diag.column,
			    f->diag.field, f->diag.field[0] ? ": " : "", f->diag.text);
}

/* What list and show both have. */
static json_t *service_json(const struct policy *pol, const struct model_service *s,
			    const struct warnings *w)
{
	const struct object_service *o = s->obj;

	return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "namespace", s->ns->s,
			 "name", s->name->s, "type", object_service_type_name(o->type),
			 "notServed", plan_why_not(o), "refused", refused_json(pol, s),
			 "clusterIPs", addrs_json(o->cluster_ip, o->ncluster_ip), "externalIPs",
			 addrs_json(o->external_ip, o->nexternal_ip), "loadBalancerIPs",
			 addrs_json(o->lb_ip, o->nlb_ip), "ports", json_array(), "warnings",
			 warnings_of(w, s));
}

static json_t *ranges_json(const struct object_service *o)
{
	json_t *out = json_array();
	char buf[SLUICE_PREFIX_STRLEN];
	unsigned int i;

	for (i = 0; i < o->nranges; i++)
		json_array_append_new(out, json_string(sluice_prefix_format(&o->range[i], buf)));
	return out;
}

static const char *forwarding(const struct policy *pol, const struct object_service *o)
{
	bool tunnel = pol->balancer && balancer_has_tunnel(pol->balancer);

	return plan_is_dsr(o, tunnel) ? "dsr" : "snat";
}

static int add_settings(const struct policy *pol, json_t *doc, const struct object_service *o)
{
	static const char *const balances[__SERVICE_BALANCE_MAX] = {
		[SERVICE_BALANCE_DEFAULT] = "default", [SERVICE_BALANCE_MAGLEV] = "maglev",
		[SERVICE_BALANCE_RANDOM] = "random",
	};
	json_t *more = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o}", "internalTrafficPolicy",
				 o->internal_local ? "Local" : "Cluster", "externalTrafficPolicy",
				 o->external_local ? "Local" : "Cluster", "affinitySeconds",
				 o->affinity_s ? json_integer(o->affinity_s) : json_null(),
				 "balance", balances[o->balance], "forwarding",
				 forwarding(pol, o), "healthCheckNodePort",
				 o->health_port ? json_integer(o->health_port) : json_null(),
				 "sourceRanges", ranges_json(o));
	int err = json_object_update(doc, more);

	json_decref(more);
	return err;
}

json_t *policy_service_json(struct policy *pol, const char *ns, const char *name)
{
	const struct model_service *s = model_service_find(&pol->model, ns, name);
	struct warnings w = { .of = s };
	json_t *doc;
	unsigned int i;

	if (!s || !s->obj)
		return NULL;
	warnings_get(pol, &w);
	doc = service_json(pol, s, &w);
	json_decref(w.by_name);
	if (add_settings(pol, doc, s->obj)) {
		json_decref(doc);
		return NULL;
	}
	for (i = 0; i < s->obj->nports; i++)
		json_array_append_new(json_object_get(doc, "ports"),
				      port_show_json(pol, s, &s->obj->port[i]));
	return doc;
}

/* -------------------------------------------------------------------- list */

/* An address that several ports have is one backend, as ready as the readiest. */
static int count_backends(const struct model_service *s, json_int_t *ready, json_int_t *total)
{
	struct shown_list l = {};
	const struct model_slice *ms;
	unsigned int i, p;

	l.v = calloc(shown_room(s, NULL) + 1, sizeof(*l.v));
	if (!l.v)
		return -ENOMEM;
	for (ms = s->slices; ms; ms = ms->next) {
		for (p = 0; p < s->obj->nports; p++)
			if (plan_slice_port(ms->obj, &s->obj->port[p]))
				break;
		for (i = 0; p < s->obj->nports && i < ms->obj->nendpoints; i++)
			l.v[l.n++] = (struct shown){
				.b.addr = ms->obj->endpoint[i].addr,
				.state = shown_state_of(s->obj, &ms->obj->endpoint[i]),
			};
	}
	shown_unique(&l);
	*ready = 0;
	*total = (json_int_t)l.n;
	for (i = 0; i < l.n; i++)
		*ready += l.v[i].state == SHOWN_READY;
	free(l.v);
	return 0;
}

static json_t *list_entry(const struct policy *pol, const struct model_service *s,
			  const struct warnings *w)
{
	json_t *doc = service_json(pol, s, w);
	json_int_t ready, total;
	unsigned int i;

	for (i = 0; i < s->obj->nports; i++)
		json_array_append_new(json_object_get(doc, "ports"), port_json(&s->obj->port[i]));
	if (count_backends(s, &ready, &total) ||
	    json_object_set_new(doc, "backends",
				json_pack("{s:I, s:I}", "ready", ready, "total", total))) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

struct service_list {
	const struct model_service **v;
	size_t n;
};

static int add_service(struct model_service *s, void *arg)
{
	struct service_list *l = arg;

	if (s->obj)
		l->v[l->n++] = s;
	return 0;
}

static int service_cmp(const void *a, const void *b)
{
	const struct model_service *x = *(const struct model_service *const *)a;
	const struct model_service *y = *(const struct model_service *const *)b;
	int cmp = str_cmp(x->ns, y->ns);

	return cmp ? cmp : str_cmp(x->name, y->name);
}

json_t *policy_services_json(struct policy *pol)
{
	struct service_list l = {};
	struct warnings w = {};
	json_t *out;
	size_t i;

	l.v = calloc(pol->model.nservices + 1, sizeof(*l.v));
	if (!l.v)
		return NULL;
	model_service_each(&pol->model, add_service, &l);
	qsort(l.v, l.n, sizeof(*l.v), service_cmp);
	warnings_get(pol, &w);
	out = json_array();
	for (i = 0; i < l.n; i++)
		json_array_append_new(out, list_entry(pol, l.v[i], &w));
	json_decref(w.by_name);
	free(l.v);
	return out;
}

/* ------------------------------------------------------------------- names */

static int add_names(struct model_service *s, void *out)
{
	char id[16];
	unsigned int i;

	for (i = 0; s->state && i < s->state->now.n; i++) {
		snprintf(id, sizeof(id), "%u", s->state->now.port[i]->id);
		json_object_set_new(out, id, json_sprintf("%s/%s", s->ns->s, s->name->s));
	}
	return 0;
}

json_t *policy_service_names_json(struct policy *pol)
{
	json_t *out = json_object();

	model_service_each(&pol->model, add_names, out);
	return out;
}
