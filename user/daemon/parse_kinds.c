// SPDX-License-Identifier: GPL-2.0
/*
 * Namespace, Pod and Node. These are read leniently: they come with dozens
 * of fields that are none of a dataplane's business. What is used is checked.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/parse.h"

static int labels_of(const struct parse *p, const struct tree *doc, const struct path *at,
		     struct labels **out)
{
	struct path mp, lp;
	const struct tree *md = parse_field(doc, "metadata", at, &mp);

	return parse_labels(p, &lp, parse_field(md, "labels", &mp, &lp), out);
}

int parse_namespace(const struct parse *p, const struct tree *doc, const struct path *at,
		    const struct object *key, struct object **out)
{
	struct object_namespace *ns = calloc(1, sizeof(*ns));
	int err;

	if (!ns)
		return -ENOMEM;
	ns->o = object_key(key);
	err = labels_of(p, doc, at, &ns->labels);
	if (err)
		object_free(&ns->o);
	else
		*out = &ns->o;
	return err;
}

/* ------------------------------------------------------------------- pod */

static int parse_addr(const struct parse *p, const struct path *at, const struct tree *t,
		      union sl_addr addr[__SL_FAMILY_MAX], bool first_wins)
{
	static const union sl_addr none;
	enum sl_family family;
	union sl_addr a;
	int err = parse_ip(p, at, t, &a);

	if (err)
		return err;
	family = sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	if (!memcmp(&addr[family], &none, sizeof(none)))
		addr[family] = a;
	else if (!first_wins && memcmp(&addr[family], &a, sizeof(a)))
		return parse_fail(p, at, t, "a pod has one address of each family, and %.64s is a second",
				  t->s);
	return 0;
}

static int parse_pod_ips(const struct parse *p, const struct tree *status, const struct path *at,
			 union sl_addr addr[__SL_FAMILY_MAX])
{
	const struct tree *list, *t;
	struct path lp, sub;
	unsigned int i;
	int err;

	list = parse_field(status, "podIPs", at, &lp);
	if (list) {
		err = parse_type(p, &lp, list, TREE_SEQ);
		if (err)
			return err;
	}
	for (i = 0; list && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = parse_map(p, &item, list->item[i], NULL);
		if (err)
			return err;
		t = parse_field(list->item[i], "ip", &item, &sub);
		if (!t)
			return parse_fail(p, &sub, list->item[i], "is missing");
		err = parse_addr(p, &sub, t, addr, false);
		if (err)
			return err;
	}
	t = parse_field(status, "podIP", at, &sub);
	if (!t || (t->type == TREE_STRING && !*t->s))
		return 0;
	return parse_addr(p, &sub, t, addr, false);
}

static int parse_status(const struct parse *p, const struct tree *doc, const struct path *at,
			struct object_pod *pod)
{
	const struct tree *status, *t;
	struct path sp, sub;
	const char *s;
	int err;

	status = parse_field(doc, "status", at, &sp);
	if (!status)
		return 0;
	err = parse_map(p, &sp, status, NULL);
	if (err)
		return err;
	t = parse_field(status, "phase", &sp, &sub);
	if (t) {
		err = parse_string(p, &sub, t, &s);
		if (err)
			return err;
		pod->ended = !strcmp(s, "Succeeded") || !strcmp(s, "Failed");
	}
	return parse_pod_ips(p, status, &sp, pod->addr);
}

/*
 * The uid by which the kubelet knows the pod: of a static pod the API server
 * has a mirror only, which has a uid of its own and the pod's in an annotation.
 */
static int parse_uid(const struct parse *p, const struct tree *doc, const struct path *at, __u64 *uid)
{
	struct meta_path where;
	const struct tree *t;
	const char *s;
	int err;

	t = parse_meta(doc, "annotations", "kubernetes.io/config.mirror", at, &where);
	if (!t)
		t = parse_field(tree_get(doc, "metadata"), "uid", &where.metadata, &where.key);
	if (!t)
		return 0;
	err = parse_string(p, &where.key, t, &s);
	if (!err && *s)
		*uid = object_uid(s);
	return err;
}

struct port_list {
	struct pod_port *v;
	unsigned int n;
};

/* The first container to claim a name has it, as with the kubelet. */
static int add_port(struct port_list *l, struct str *name, __u16 port, __u8 proto)
{
	struct pod_port *v;
	unsigned int i;

	for (i = 0; i < l->n; i++) {
		if (l->v[i].name == name && l->v[i].proto == proto) {
			str_put(name);
			return 0;
		}
	}
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v) {
		str_put(name);
		return -ENOMEM;
	}
	l->v = v;
	v[l->n++] = (struct pod_port){ name, port, proto };
	return 0;
}

static int container_port(const struct parse *p, const struct path *at, const struct tree *t,
			  struct port_list *l)
{
	const struct tree *name, *number, *proto;
	struct path np, cp, xp;
	struct str *s = NULL;
	__u8 px = IPPROTO_TCP;
	__u16 port;
	int err = parse_map(p, at, t, NULL);

	if (err)
		return err;
	number = parse_field(t, "containerPort", at, &cp);
	name = parse_field(t, "name", at, &np);
	proto = parse_field(t, "protocol", at, &xp);
	if (!number)
		return parse_fail(p, &cp, t, "is missing");
	err = parse_port_number(p, &cp, number, &port);
	if (!err && proto)
		err = parse_proto(p, &xp, proto, &px);
	if (!err && name && !(name->type == TREE_STRING && !*name->s))
		err = parse_port_name(p, &np, name, &s);
	return err || !s ? err : add_port(l, s, port, px);
}

static int container(const struct parse *p, const struct path *at, const struct tree *t, bool init,
		     struct port_list *l)
{
	const struct tree *ports, *restart;
	struct path sub;
	unsigned int i;
	int err = parse_map(p, at, t, NULL);

	if (err)
		return err;
	/* only a sidecar is there as long as the pod is */
	restart = parse_field(t, "restartPolicy", at, &sub);
	if (init && (!restart || restart->type != TREE_STRING || strcmp(restart->s, "Always")))
		return 0;
	ports = parse_field(t, "ports", at, &sub);
	if (!ports)
		return 0;
	err = parse_type(p, &sub, ports, TREE_SEQ);
	for (i = 0; !err && i < ports->n; i++) {
		struct path item = { &sub, NULL, i };

		err = container_port(p, &item, ports->item[i], l);
	}
	return err;
}

static int containers(const struct parse *p, const struct tree *spec, const struct path *at,
		      struct port_list *l)
{
	static const char *const keys[] = { "containers", "initContainers" };
	const struct tree *list;
	struct path sub;
	unsigned int i, j;
	int err = 0;

	for (i = 0; !err && i < 2; i++) {
		list = parse_field(spec, keys[i], at, &sub);
		if (list)
			err = parse_type(p, &sub, list, TREE_SEQ);
		for (j = 0; !err && list && j < list->n; j++) {
			struct path item = { &sub, NULL, j };

			err = container(p, &item, list->item[j], i == 1, l);
		}
	}
	return err;
}

static int parse_ports(const struct parse *p, const struct tree *spec, const struct path *at,
		       struct pod_ports **out)
{
	struct port_list l = {};
	int err = containers(p, spec, at, &l);

	if (err) {
		pod_port_list_free(l.v, l.n);
		return err;
	}
	if (!l.n)
		return 0;
	*out = pod_ports_get(l.v, l.n);
	return *out ? 0 : -ENOMEM;
}

static int parse_pod_spec(const struct parse *p, const struct tree *doc, const struct path *at,
			  struct object_pod *pod)
{
	const struct tree *spec, *t;
	struct path sp, sub;
	const char *s;
	int err;

	spec = parse_field(doc, "spec", at, &sp);
	if (!spec)
		return 0;
	err = parse_map(p, &sp, spec, NULL);
	if (err)
		return err;
	t = parse_field(spec, "hostNetwork", &sp, &sub);
	if (t)
		err = parse_bool(p, &sub, t, &pod->host_network);
	t = parse_field(spec, "nodeName", &sp, &sub);
	if (!err && t && !(t->type == TREE_STRING && !*t->s)) {
		err = parse_dns_subdomain(p, &sub, t, &s);
		if (!err)
			err = parse_str(s, &pod->node);
	}
	return err ? err : parse_ports(p, spec, &sp, &pod->ports);
}

static int parse_pod_annotations(const struct parse *p, const struct tree *doc,
				 const struct path *at, struct object_pod *pod)
{
	static const char *const words[] = { "true", "false" };
	int v = parse_annotation(p, doc, at, "sluice.dev/connect-time-services", words);

	pod->by_packet = v == 2;
	return v < 0 ? v : 0;
}

int parse_pod(const struct parse *p, const struct tree *doc, const struct path *at,
	      const struct object *key, struct object **out)
{
	struct object_pod *pod = calloc(1, sizeof(*pod));
	int err;

	if (!pod)
		return -ENOMEM;
	pod->o = object_key(key);
	err = labels_of(p, doc, at, &pod->labels);
	if (!err)
		err = parse_uid(p, doc, at, &pod->uid);
	if (!err)
		err = parse_pod_spec(p, doc, at, pod);
	if (!err)
		err = parse_status(p, doc, at, pod);
	if (!err)
		err = parse_pod_annotations(p, doc, at, pod);
	if (err)
		object_free(&pod->o);
	else
		*out = &pod->o;
	return err;
}

/* ------------------------------------------------------------------ node */

static int node_ip(const struct parse *p, const struct path *at, const struct tree *t,
		   struct object_node *node)
{
	union sl_addr both[__SL_FAMILY_MAX] = {}, *v;
	int err = parse_addr(p, at, t, both, true);
	unsigned int f;

	if (err)
		return err;
	v = realloc(node->ip, (node->nips + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	node->ip = v;
	f = sluice_addr_is_v4(&both[SL_FAMILY_V4]) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	v[node->nips++] = both[f];
	return 0;
}

static int node_addresses(const struct parse *p, const struct tree *doc, const struct path *at,
			  struct object_node *node)
{
	struct path sp, lp, tp, ap;
	const struct tree *status = parse_field(doc, "status", at, &sp), *list, *type, *addr;
	unsigned int i;
	bool internal;
	int err = 0;

	list = parse_field(status, "addresses", &sp, &lp);
	if (!list)
		return 0;
	err = parse_type(p, &lp, list, TREE_SEQ);
	for (i = 0; !err && i < list->n; i++) {
		struct path item = { &lp, NULL, i };

		err = parse_map(p, &item, list->item[i], NULL);
		if (err)
			return err;
		type = parse_field(list->item[i], "type", &item, &tp);
		internal = type && type->type == TREE_STRING && !strcmp(type->s, "InternalIP");
		if (!internal && (!type || type->type != TREE_STRING ||
				  strcmp(type->s, "ExternalIP")))
			continue;
		addr = parse_field(list->item[i], "address", &item, &ap);
		if (!addr)
			return parse_fail(p, &ap, list->item[i], "is missing");
		err = node_ip(p, &ap, addr, node);
		if (!err && internal)
			err = parse_addr(p, &ap, addr, node->addr, true);
	}
	return err;
}

static int node_cidr(const struct parse *p, const struct path *at, const struct tree *t,
		     struct object_node *node)
{
	struct sl_prefix prefix;
	unsigned int i;
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	if (sluice_prefix_parse(s, false, &prefix))
		return parse_fail(p, at, t, "\"%.64s\" is no prefix: write it as 10.244.0.0/24 or fd00:244::/64, without host bits",
				  s);
	for (i = 0; i < node->npod_cidr; i++)
		if (!prefix_cmp(&node->pod_cidr[i], &prefix))
			return 0;
	if (node->npod_cidr == NODE_MAX_CIDRS)
		return parse_fail(p, at, t, "more than %d ranges", NODE_MAX_CIDRS);
	node->pod_cidr[node->npod_cidr++] = prefix;
	return 0;
}

static int node_cidrs(const struct parse *p, const struct tree *doc, const struct path *at,
		      struct object_node *node)
{
	struct path sp, sub;
	const struct tree *spec = parse_field(doc, "spec", at, &sp), *t;
	unsigned int i;
	int err = 0;

	t = parse_field(spec, "podCIDRs", &sp, &sub);
	if (t)
		err = parse_type(p, &sub, t, TREE_SEQ);
	for (i = 0; !err && t && i < t->n; i++) {
		struct path item = { &sub, NULL, i };

		err = node_cidr(p, &item, t->item[i], node);
	}
	t = parse_field(spec, "podCIDR", &sp, &sub);
	if (!err && t && !(t->type == TREE_STRING && !*t->s))
		err = node_cidr(p, &sub, t, node);
	return err;
}

int parse_node(const struct parse *p, const struct tree *doc, const struct path *at,
	       const struct object *key, struct object **out)
{
	struct object_node *node = calloc(1, sizeof(*node));
	int err;

	if (!node)
		return -ENOMEM;
	node->o = object_key(key);
	err = labels_of(p, doc, at, &node->labels);
	if (!err)
		err = node_addresses(p, doc, at, node);
	if (!err)
		err = node_cidrs(p, doc, at, node);
	if (err)
		object_free(&node->o);
	else
		*out = &node->o;
	return err;
}
