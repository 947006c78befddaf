// SPDX-License-Identifier: GPL-2.0
/* Life time and equality of services and slices; see object_service.h. */
#include <stdlib.h>
#include "daemon/object_service.h"

const char *object_service_type_name(enum service_type t)
{
	static const char *const names[__SERVICE_TYPE_MAX] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP", [SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer", [SERVICE_EXTERNAL_NAME] = "ExternalName",
	};

	return t < __SERVICE_TYPE_MAX ? names[t] : "unknown";
}

int service_rank_cmp(const struct service_rank *a, const struct service_rank *b)
{
	int cmp = (a->created > b->created) - (a->created < b->created);

	if (!cmp)
		cmp = str_cmp(a->ns, b->ns);
	return cmp ? cmp : str_cmp(a->name, b->name);
}

void object_service_clear(struct object_service *s)
{
	while (s->nports)
		str_put(s->port[--s->nports].name);
	str_put(s->doubt);
	free(s->cluster_ip);
	free(s->external_ip);
	free(s->lb_ip);
	free(s->range);
}

static void clear_endpoint(struct slice_endpoint *e)
{
	str_put(e->node);
	str_put(e->zone);
	str_put(e->pod);
	while (e->nzones)
		str_put(e->for_zone[--e->nzones]);
	while (e->nnodes)
		str_put(e->for_node[--e->nnodes]);
}

void object_slice_clear(struct object_slice *s)
{
	while (s->nports)
		str_put(s->port[--s->nports].name);
	while (s->nendpoints)
		clear_endpoint(&s->endpoint[--s->nendpoints]);
	str_put(s->service);
	free(s->port);
	free(s->endpoint);
}

/* -------------------------------------------------------------- equality */

static bool addrs_equal(const union sl_addr *a, unsigned int na, const union sl_addr *b,
			unsigned int nb)
{
	return na == nb && (!na || !memcmp(a, b, na * sizeof(*a)));
}

static bool service_ports_equal(const struct object_service *a, const struct object_service *b)
{
	unsigned int i;

	for (i = 0; i < a->nports; i++)
		if (a->port[i].name != b->port[i].name || a->port[i].port != b->port[i].port ||
		    a->port[i].node_port != b->port[i].node_port ||
		    a->port[i].proto != b->port[i].proto)
			return false;
	return true;
}

static bool service_options_equal(const struct object_service *a, const struct object_service *b)
{
	return a->created == b->created && a->type == b->type && a->balance == b->balance &&
	       a->distribution == b->distribution && a->headless == b->headless &&
	       a->internal_local == b->internal_local && a->external_local == b->external_local &&
	       a->publish_not_ready == b->publish_not_ready && a->reset == b->reset &&
	       a->dsr == b->dsr &&
	       a->health_port == b->health_port && a->affinity_s == b->affinity_s &&
	       a->doubt == b->doubt;
}

bool object_service_equal(const struct object_service *a, const struct object_service *b)
{
	return service_options_equal(a, b) && a->nports == b->nports &&
	       service_ports_equal(a, b) && a->nranges == b->nranges &&
	       (!a->nranges || !memcmp(a->range, b->range, a->nranges * sizeof(*a->range))) &&
	       addrs_equal(a->cluster_ip, a->ncluster_ip, b->cluster_ip, b->ncluster_ip) &&
	       addrs_equal(a->external_ip, a->nexternal_ip, b->external_ip, b->nexternal_ip) &&
	       addrs_equal(a->lb_ip, a->nlb_ip, b->lb_ip, b->nlb_ip);
}

static bool hints_equal(struct str *const *a, unsigned int na, struct str *const *b,
			unsigned int nb)
{
	return na == nb && !memcmp(a, b, na * sizeof(*a));
}

static bool endpoint_equal(const struct slice_endpoint *a, const struct slice_endpoint *b)
{
	return !memcmp(&a->addr, &b->addr, sizeof(a->addr)) && a->node == b->node &&
	       a->zone == b->zone && a->pod == b->pod && a->flags == b->flags &&
	       hints_equal(a->for_zone, a->nzones, b->for_zone, b->nzones) &&
	       hints_equal(a->for_node, a->nnodes, b->for_node, b->nnodes);
}

bool object_slice_equal(const struct object_slice *a, const struct object_slice *b)
{
	unsigned int i;

	if (a->service != b->service || a->family != b->family || a->nports != b->nports ||
	    a->nendpoints != b->nendpoints)
		return false;
	for (i = 0; i < a->nports; i++)
		if (a->port[i].name != b->port[i].name || a->port[i].port != b->port[i].port ||
		    a->port[i].proto != b->port[i].proto)
			return false;
	for (i = 0; i < a->nendpoints; i++)
		if (!endpoint_equal(&a->endpoint[i], &b->endpoint[i]))
			return false;
	return true;
}
