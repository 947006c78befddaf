// SPDX-License-Identifier: GPL-2.0
/* The envelope, namespaces, pods and nodes; see object_json.h. */
#include "daemon/object_json_impl.h"

/* ------------------------------------------------------------------- values */

void writer_set(struct writer *w, json_t *map, const char *key, json_t *v)
{
	if (json_object_set_new(map, key, v))
		w->failed = true;
}

void writer_add(struct writer *w, json_t *list, json_t *v)
{
	if (json_array_append_new(list, v))
		w->failed = true;
}

void writer_set_str(struct writer *w, json_t *map, const char *key, const struct str *s)
{
	if (s)
		writer_set(w, map, key, json_string(s->s));
}

json_t *writer_map(struct writer *w, json_t *map, const char *key)
{
	writer_set(w, map, key, json_object());
	return json_object_get(map, key);
}

json_t *writer_list(struct writer *w, json_t *map, const char *key)
{
	writer_set(w, map, key, json_array());
	return json_object_get(map, key);
}

json_t *writer_item(struct writer *w, json_t *list)
{
	writer_add(w, list, json_object());
	return json_array_get(list, json_array_size(list) - 1);
}

json_t *writer_addr(const union sl_addr *a)
{
	char buf[SLUICE_ADDR_STRLEN];

	return json_string(sluice_addr_format(a, buf));
}

json_t *writer_prefix(const struct sl_prefix *p)
{
	char buf[SLUICE_PREFIX_STRLEN];

	return json_string(sluice_prefix_format(p, buf));
}

static void write_labels(struct writer *w, json_t *doc, const struct labels *l)
{
	json_t *map;
	unsigned int i;

	if (!l)
		return;
	map = writer_map(w, json_object_get(doc, "metadata"), "labels");
	for (i = 0; i < l->n; i++)
		writer_set_str(w, map, l->l[i].key->s, l->l[i].value);
}

/* --------------------------------------------------------------------- pods */

static bool is_set(const union sl_addr *a)
{
	static const union sl_addr none;

	return memcmp(a, &none, sizeof(none));
}

static void write_container(struct writer *w, json_t *spec, const struct pod_ports *ports)
{
	json_t *container, *list, *port;
	unsigned int i;

	if (!ports)
		return;
	container = writer_item(w, writer_list(w, spec, "containers"));
	list = writer_list(w, container, "ports");
	for (i = 0; i < ports->n; i++) {
		port = writer_item(w, list);
		writer_set_str(w, port, "name", ports->port[i].name);
		writer_set(w, port, "containerPort", json_integer(ports->port[i].port));
		writer_set(w, port, "protocol",
			   json_string(object_proto_name(ports->port[i].proto)));
	}
}

static void write_pod(struct writer *w, json_t *doc, const struct object_pod *pod)
{
	json_t *spec = writer_map(w, doc, "spec"), *status = writer_map(w, doc, "status"), *ips;
	json_t *meta = json_object_get(doc, "metadata");
	char uid[OBJECT_UID_STRLEN];
	int f;

	write_labels(w, doc, pod->labels);
	if (pod->uid)
		writer_set(w, meta, "uid", json_string(object_uid_format(pod->uid, uid)));
	if (pod->by_packet)
		writer_set(w, writer_map(w, meta, "annotations"),
			   "sluice.dev/connect-time-services", json_string("false"));
	writer_set_str(w, spec, "nodeName", pod->node);
	writer_set(w, spec, "hostNetwork", json_boolean(pod->host_network));
	write_container(w, spec, pod->ports);
	writer_set(w, status, "phase", json_string(pod->ended ? "Succeeded" : "Running"));
	ips = writer_list(w, status, "podIPs");
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (is_set(&pod->addr[f]))
			writer_set(w, writer_item(w, ips), "ip", writer_addr(&pod->addr[f]));
}

/* -------------------------------------------------------------------- nodes */

static bool is_internal(const struct object_node *node, const union sl_addr *a)
{
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (!memcmp(&node->addr[f], a, sizeof(*a)))
			return true;
	return false;
}

/* Of internal addresses but the first of each family counts as one. */
static void write_node(struct writer *w, json_t *doc, const struct object_node *node)
{
	json_t *addrs = writer_list(w, writer_map(w, doc, "status"), "addresses"), *cidrs, *a;
	unsigned int i;

	write_labels(w, doc, node->labels);
	for (i = 0; i < node->nips; i++) {
		a = writer_item(w, addrs);
		writer_set(w, a, "type", json_string(is_internal(node, &node->ip[i]) ?
						     "InternalIP" : "ExternalIP"));
		writer_set(w, a, "address", writer_addr(&node->ip[i]));
	}
	cidrs = writer_list(w, writer_map(w, doc, "spec"), "podCIDRs");
	for (i = 0; i < node->npod_cidr; i++)
		writer_add(w, cidrs, writer_prefix(&node->pod_cidr[i]));
}

/* ----------------------------------------------------------------- envelope */

static void write_body(struct writer *w, json_t *doc, const struct object *o)
{
	switch (o->kind) {
	case OBJECT_NAMESPACE:
		write_labels(w, doc, container_of(o, struct object_namespace, o)->labels);
		break;
	case OBJECT_POD:
		write_pod(w, doc, container_of(o, struct object_pod, o));
		break;
	case OBJECT_NODE:
		write_node(w, doc, container_of(o, struct object_node, o));
		break;
	case OBJECT_NETPOL:
	case OBJECT_CNP:
		object_json_policy(w, doc, container_of(o, struct object_netpol, o));
		break;
	case OBJECT_SERVICE:
		object_json_service(w, doc, container_of(o, struct object_service, o));
		break;
	case OBJECT_ENDPOINTSLICE:
		object_json_slice(w, doc, container_of(o, struct object_slice, o));
		break;
	default:
		break;
	}
}

json_t *object_json(const struct object *o)
{
	json_t *doc = json_object(), *meta;
	struct writer w = {};

	writer_set(&w, doc, "apiVersion", json_string(object_kind_version(o->kind)));
	writer_set(&w, doc, "kind", json_string(object_kind_name(o->kind)));
	meta = writer_map(&w, doc, "metadata");
	writer_set_str(&w, meta, "namespace", o->ns);
	writer_set_str(&w, meta, "name", o->name);
	write_body(&w, doc, o);
	if (!w.failed)
		return doc;
	json_decref(doc);
	return NULL;
}
