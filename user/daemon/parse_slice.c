// SPDX-License-Identifier: GPL-2.0
/*
 * discovery.k8s.io/v1 EndpointSlice, with the checks and the defaults of the
 * API server (k8s.io/kubernetes pkg/apis/discovery validation and v1 defaults).
 * Read leniently: what is not used is not looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/object_service.h"
#include "daemon/parse.h"

/* The API server's bounds. */
#define MAX_ENDPOINTS	1000
#define MAX_PORTS	20000
#define MAX_ADDRESSES	100

/* The API server refuses more; a list that is missing is empty. */
static int bounded_list(const struct parse *p, const struct path *at, const struct tree *t,
			unsigned int max, unsigned int *n)
{
	int err = t ? parse_type(p, at, t, TREE_SEQ) : 0;

	*n = t && !err ? t->n : 0;
	if (*n > max)
		return parse_fail(p, at, t, "%u are more than %u", *n, max);
	return err;
}

/* ----------------------------------------------------------------- ports */

static int slice_port(const struct parse *p, const struct path *at, const struct tree *t,
		      struct slice_port *out)
{
	static const struct port_range range = { 0, "0 to 65535" };
	const struct tree *sub;
	struct path sp;
	int err = parse_map(p, at, t, NULL);

	if (err)
		return err;
	*out = (struct slice_port){};
	sub = parse_field(t, "port", at, &sp);
	if (sub)
		err = parse_port_in(p, &sp, sub, &range, &out->port);
	return err ? err : parse_proto_name(p, at, t, &out->proto, &out->name);
}

/* Of no name, too, there is one only. */
static int check_names(const struct parse *p, const struct path *at, const struct tree *list,
		       const struct object_slice *s)
{
	struct parse_key *v = calloc(s->nports, sizeof(*v));
	struct path item = { at, NULL, 0 }, np = { &item, "name", 0 };
	const struct str *name;
	unsigned int i;
	int twice;

	if (!v)
		return -ENOMEM;
	for (i = 0; i < s->nports; i++)
		v[i] = (struct parse_key){ s->port[i].name ? (uintptr_t)s->port[i].name : 1, i };
	twice = parse_repeated(v, s->nports);
	free(v);
	if (twice < 0)
		return 0;
	item.index = twice;
	name = s->port[twice].name;
	return parse_fail(p, &np, list->item[twice], "\"%s\" is there twice", name ? name->s : "");
}

static int slice_ports(const struct parse *p, const struct tree *doc, const struct path *at,
		       struct object_slice *s)
{
	struct path lp;
	const struct tree *list = parse_field(doc, "ports", at, &lp);
	unsigned int i, n;
	int err = bounded_list(p, &lp, list, MAX_PORTS, &n);

	if (err || !n)
		return err;
	s->port = calloc(n, sizeof(*s->port));
	if (!s->port)
		return -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		struct path item = { &lp, NULL, i };

		err = slice_port(p, &item, list->item[i], &s->port[s->nports++]);
	}
	return err ? err : check_names(p, &lp, list, s);
}

/* ------------------------------------------------------------- endpoints */

static int addresses(const struct parse *p, const struct tree *t, const struct path *at,
		     enum sl_family family, union sl_addr *out)
{
	static const char *const names[] = { "IPv4", "IPv6" };
	struct path lp;
	const struct tree *list = parse_field(t, "addresses", at, &lp);
	union sl_addr a;
	unsigned int i, n;
	int err = bounded_list(p, &lp, list, MAX_ADDRESSES, &n);

	if (err)
		return err;
	if (!n)
		return parse_fail(p, &lp, list ? list : t, "is missing: an endpoint has at least one");
	for (i = 0; i < n; i++) {
		struct path item = { &lp, NULL, i };

		err = parse_global_ip(p, &item, list->item[i], &a);
		if (err)
			return err;
		if (sluice_addr_is_v4(&a) != (family == SL_FAMILY_V4))
			return parse_fail(p, &item, list->item[i], "%.64s: addressType is %s",
					  list->item[i]->s, names[family == SL_FAMILY_V6]);
		if (!i)
			*out = a;
	}
	return 0;
}

/* Not said: it is ready, it serves if it is ready, it is not about to end (KEP-1672). */
static int conditions(const struct parse *p, const struct tree *t, const struct path *at,
		      unsigned int *flags)
{
	static const char *const names[] = { "ready", "serving", "terminating" };
	struct path cp, sub;
	const struct tree *map = parse_field(t, "conditions", at, &cp), *c;
	bool on[3] = { true, true, false };
	unsigned int i;
	int err = map ? parse_map(p, &cp, map, NULL) : 0;

	for (i = 0; !err && i < 3; i++) {
		if (i == 1)
			on[1] = on[0];
		c = parse_field(map, names[i], &cp, &sub);
		if (c)
			err = parse_bool(p, &sub, c, &on[i]);
	}
	*flags = (on[0] ? SLICE_READY : 0) | (on[1] ? SLICE_SERVING : 0) |
		 (on[2] ? SLICE_TERMINATING : 0);
	return err;
}

static int hint_list(const struct parse *p, const struct tree *list, const struct path *at,
		     struct str **out, unsigned int *n)
{
	const struct tree *name;
	struct path sub;
	const char *s;
	unsigned int i;
	int err = list ? parse_type(p, at, list, TREE_SEQ) : 0;

	for (i = 0; !err && list && i < list->n; i++) {
		struct path item = { at, NULL, i };

		if (i == SLICE_MAX_HINTS) {
			parse_doubt(p, DIAG_NOTE, &item, list->item[i],
				    "only the first %d of %u hints count", SLICE_MAX_HINTS, list->n);
			break;
		}
		err = parse_map(p, &item, list->item[i], NULL);
		name = parse_given(list->item[i], "name", &item, &sub);
		if (!err && !name)
			err = parse_fail(p, &sub, list->item[i], "is missing");
		if (!err)
			err = parse_string(p, &sub, name, &s);
		if (!err)
			err = parse_str(s, &out[i]);
		if (!err)
			++*n;
	}
	return err;
}

static int hints(const struct parse *p, const struct tree *t, const struct path *at,
		 struct slice_endpoint *e)
{
	struct path hp, lp;
	const struct tree *map = parse_field(t, "hints", at, &hp), *list;
	int err = map ? parse_map(p, &hp, map, NULL) : 0;

	if (err)
		return err;
	list = parse_field(map, "forZones", &hp, &lp);
	err = hint_list(p, list, &lp, e->for_zone, &e->nzones);
	if (err)
		return err;
	list = parse_field(map, "forNodes", &hp, &lp);
	return hint_list(p, list, &lp, e->for_node, &e->nnodes);
}

/* The name of the pod that it is; another kind of thing is nobody we know. */
static int target(const struct parse *p, const struct tree *t, const struct path *at,
		  struct str **out)
{
	struct path tp, sub;
	const struct tree *ref = parse_field(t, "targetRef", at, &tp), *kind, *name;
	const char *s;
	int err = ref ? parse_map(p, &tp, ref, NULL) : 0;

	kind = tree_get(ref, "kind");
	name = parse_given(ref, "name", &tp, &sub);
	if (err || !name || !kind || kind->type != TREE_STRING || strcmp(kind->s, "Pod"))
		return err;
	err = parse_dns_subdomain(p, &sub, name, &s);
	return err ? err : parse_str(s, out);
}

static int endpoint(const struct parse *p, const struct path *at, const struct tree *t,
		    enum sl_family family, struct slice_endpoint *e)
{
	const struct tree *sub;
	struct path sp;
	const char *s;
	int err = parse_map(p, at, t, NULL);

	if (!err)
		err = addresses(p, t, at, family, &e->addr);
	if (!err)
		err = conditions(p, t, at, &e->flags);
	if (!err)
		err = target(p, t, at, &e->pod);
	sub = parse_given(t, "nodeName", at, &sp);
	if (!err && sub) {
		err = parse_dns_subdomain(p, &sp, sub, &s);
		if (!err)
			err = parse_str(s, &e->node);
	}
	sub = parse_given(t, "zone", at, &sp);
	if (!err && sub) {
		err = parse_string(p, &sp, sub, &s);
		if (!err)
			err = parse_str(s, &e->zone);
	}
	return err ? err : hints(p, t, at, e);
}

static int endpoints(const struct parse *p, const struct tree *doc, const struct path *at,
		     struct object_slice *s)
{
	struct path lp;
	const struct tree *list = parse_field(doc, "endpoints", at, &lp);
	unsigned int i, n;
	int err = bounded_list(p, &lp, list, MAX_ENDPOINTS, &n);

	if (err || !n)
		return err;
	s->endpoint = calloc(n, sizeof(*s->endpoint));
	if (!s->endpoint)
		return -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		struct path item = { &lp, NULL, i };

		err = endpoint(p, &item, list->item[i], s->family, &s->endpoint[s->nendpoints++]);
	}
	return err;
}

/* ------------------------------------------------------------------ slice */

/* kube-proxy passes over slices with these labels: another proxy's, and of headless services. */
static bool is_others(const struct tree *labels)
{
	return tree_key(labels, "service.kubernetes.io/service-proxy-name") ||
	       tree_key(labels, "service.kubernetes.io/headless");
}

static int service_name(const struct parse *p, const struct tree *doc, const struct path *at,
			struct object_slice *s)
{
	struct meta_path where;
	const struct tree *t = parse_meta(doc, "labels", "kubernetes.io/service-name", at, &where);

	if (!t || (t->type == TREE_STRING && !t->n) ||
	    is_others(tree_get(tree_get(doc, "metadata"), "labels")))
		return 0;
	return parse_label_value(p, &where.key, t, &s->service);
}

static int fill(const struct parse *p, const struct tree *doc, const struct path *at,
		struct object_slice *s)
{
	int err = service_name(p, doc, at, s);

	if (!err)
		err = slice_ports(p, doc, at, s);
	return err ? err : endpoints(p, doc, at, s);
}

int parse_slice(const struct parse *p, const struct tree *doc, const struct path *at,
		const struct object *key, struct object **out)
{
	static const char *const types[] = { "IPv4", "IPv6", "FQDN", NULL };
	struct path tp;
	const struct tree *type = parse_given(doc, "addressType", at, &tp);
	struct object_slice *s;
	unsigned int i;
	int err;

	if (!type)
		return parse_fail(p, &tp, doc, "is missing: IPv4, IPv6 or FQDN");
	err = parse_choice(p, &tp, type, types, &i);
	if (err)
		return err;
	if (i == 2) {
		parse_doubt(p, DIAG_NOTE, &tp, type, "FQDN: sluice has no use for it");
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->o = object_key(key);
	s->family = i ? SL_FAMILY_V6 : SL_FAMILY_V4;
	err = fill(p, doc, at, s);
	if (err)
		object_free(&s->o);
	else
		*out = &s->o;
	return err;
}
