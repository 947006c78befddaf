// SPDX-License-Identifier: GPL-2.0
/* Services and EndpointSlices as JSON; see object_json.h. */
#include <time.h>
#include "daemon/object_json_impl.h"

/* ----------------------------------------------------------------- services */

static void write_addrs(struct writer *w, json_t *map, const char *key, const union sl_addr *a,
			unsigned int n)
{
	json_t *list;
	unsigned int i;

	if (!n)
		return;
	list = writer_list(w, map, key);
	for (i = 0; i < n; i++)
		writer_add(w, list, writer_addr(&a[i]));
}

/* A label keeps a service from being served, as clusterIP None does where the type allows that. */
static void write_headless(struct writer *w, json_t *doc, json_t *spec,
			   const struct object_service *s)
{
	bool by_address = !s->ncluster_ip && s->type != SERVICE_NODE_PORT &&
			  s->type != SERVICE_LOAD_BALANCER;

	if (!s->headless)
		return;
	if (by_address)
		writer_add(w, writer_list(w, spec, "clusterIPs"), json_string("None"));
	else
		writer_set(w, writer_map(w, json_object_get(doc, "metadata"), "labels"),
			   "service.kubernetes.io/headless", json_string(""));
}

static void write_created(struct writer *w, json_t *meta, const struct object_service *s)
{
	const time_t when = s->created;
	char text[64];
	struct tm tm;

	if (!s->created)
		return;
	if (!gmtime_r(&when, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		w->failed = true;
	else
		writer_set(w, meta, "creationTimestamp", json_string(text));
}

static void write_annotations(struct writer *w, json_t *meta, const struct object_service *s)
{
	static const char *const balance[__SERVICE_BALANCE_MAX] = {
		[SERVICE_BALANCE_MAGLEV] = "maglev", [SERVICE_BALANCE_RANDOM] = "random",
	};
	json_t *map = writer_map(w, meta, "annotations");

	if (balance[s->balance])
		writer_set(w, map, "sluice.dev/load-balancing", json_string(balance[s->balance]));
	if (s->dsr)
		writer_set(w, map, "sluice.dev/forwarding", json_string("dsr"));
	if (s->reset)
		writer_set(w, map, "sluice.dev/reset-on-endpoint-removal", json_string("true"));
}

static const char *policy_name(bool local)
{
	return local ? "Local" : "Cluster";
}

static void write_options(struct writer *w, json_t *spec, const struct object_service *s)
{
	static const char *const distribution[__SERVICE_DISTRIBUTION_MAX] = {
		[SERVICE_PREFER_ZONE] = "PreferSameZone", [SERVICE_PREFER_NODE] = "PreferSameNode",
	};
	json_t *client;

	writer_set(w, spec, "type", json_string(object_service_type_name(s->type)));
	writer_set(w, spec, "internalTrafficPolicy", json_string(policy_name(s->internal_local)));
	writer_set(w, spec, "externalTrafficPolicy", json_string(policy_name(s->external_local)));
	writer_set(w, spec, "publishNotReadyAddresses", json_boolean(s->publish_not_ready));
	writer_set(w, spec, "healthCheckNodePort", json_integer(s->health_port));
	if (distribution[s->distribution])
		writer_set(w, spec, "trafficDistribution",
			   json_string(distribution[s->distribution]));
	if (!s->affinity_s)
		return;
	writer_set(w, spec, "sessionAffinity", json_string("ClientIP"));
	client = writer_map(w, writer_map(w, spec, "sessionAffinityConfig"), "clientIP");
	writer_set(w, client, "timeoutSeconds", json_integer(s->affinity_s));
}

static void write_service_ports(struct writer *w, json_t *spec, const struct object_service *s)
{
	json_t *list = writer_list(w, spec, "ports"), *port;
	unsigned int i;

	for (i = 0; i < s->nports; i++) {
		port = writer_item(w, list);
		writer_set_str(w, port, "name", s->port[i].name);
		writer_set(w, port, "protocol", json_string(object_proto_name(s->port[i].proto)));
		writer_set(w, port, "port", json_integer(s->port[i].port));
		writer_set(w, port, "nodePort", json_integer(s->port[i].node_port));
	}
}

static void write_ingress(struct writer *w, json_t *doc, const struct object_service *s)
{
	json_t *list;
	unsigned int i;

	if (!s->nlb_ip)
		return;
	list = writer_list(w, writer_map(w, writer_map(w, doc, "status"), "loadBalancer"),
			   "ingress");
	for (i = 0; i < s->nlb_ip; i++)
		writer_set(w, writer_item(w, list), "ip", writer_addr(&s->lb_ip[i]));
}

void object_json_service(struct writer *w, json_t *doc, const struct object_service *s)
{
	json_t *meta = json_object_get(doc, "metadata"), *spec = writer_map(w, doc, "spec"), *ranges;
	unsigned int i;

	write_created(w, meta, s);
	write_annotations(w, meta, s);
	write_headless(w, doc, spec, s);
	write_addrs(w, spec, "clusterIPs", s->cluster_ip, s->ncluster_ip);
	write_addrs(w, spec, "externalIPs", s->external_ip, s->nexternal_ip);
	write_options(w, spec, s);
	write_service_ports(w, spec, s);
	write_ingress(w, doc, s);
	if (!s->nranges)
		return;
	ranges = writer_list(w, spec, "loadBalancerSourceRanges");
	for (i = 0; i < s->nranges; i++)
		writer_add(w, ranges, writer_prefix(&s->range[i]));
}

/* ------------------------------------------------------------------- slices */

static void write_hints(struct writer *w, json_t *hints, const char *key, struct str *const *name,
			unsigned int n)
{
	json_t *list = writer_list(w, hints, key);
	unsigned int i;

	for (i = 0; i < n; i++)
		writer_set_str(w, writer_item(w, list), "name", name[i]);
}

static void write_endpoint(struct writer *w, json_t *list, const struct slice_endpoint *e)
{
	json_t *out = writer_item(w, list), *map;

	write_addrs(w, out, "addresses", &e->addr, 1);
	writer_set_str(w, out, "nodeName", e->node);
	writer_set_str(w, out, "zone", e->zone);
	if (e->pod) {
		map = writer_map(w, out, "targetRef");
		writer_set(w, map, "kind", json_string("Pod"));
		writer_set_str(w, map, "name", e->pod);
	}
	map = writer_map(w, out, "conditions");
	writer_set(w, map, "ready", json_boolean(e->flags & SLICE_READY));
	writer_set(w, map, "serving", json_boolean(e->flags & SLICE_SERVING));
	writer_set(w, map, "terminating", json_boolean(e->flags & SLICE_TERMINATING));
	map = writer_map(w, out, "hints");
	write_hints(w, map, "forZones", e->for_zone, e->nzones);
	write_hints(w, map, "forNodes", e->for_node, e->nnodes);
}

void object_json_slice(struct writer *w, json_t *doc, const struct object_slice *s)
{
	json_t *list, *port;
	unsigned int i;

	if (s->service)
		writer_set_str(w, writer_map(w, json_object_get(doc, "metadata"), "labels"),
			       "kubernetes.io/service-name", s->service);
	writer_set(w, doc, "addressType",
		   json_string(s->family == SL_FAMILY_V6 ? "IPv6" : "IPv4"));
	list = writer_list(w, doc, "ports");
	for (i = 0; i < s->nports; i++) {
		port = writer_item(w, list);
		writer_set_str(w, port, "name", s->port[i].name);
		writer_set(w, port, "protocol", json_string(object_proto_name(s->port[i].proto)));
		writer_set(w, port, "port", json_integer(s->port[i].port));
	}
	list = writer_list(w, doc, "endpoints");
	for (i = 0; i < s->nendpoints; i++)
		write_endpoint(w, list, &s->endpoint[i]);
}
