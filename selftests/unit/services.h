/* SPDX-License-Identifier: GPL-2.0 */
/* Services and slices made by hand, as the model would hold them. */
#ifndef UNIT_SERVICES_H
#define UNIT_SERVICES_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/model_service.h"

#define SVC_PORTS 4
#define SVC_SLICES 3
#define SVC_SLICE_PORTS 4

struct hand_slice {
	struct model_slice ms;
	struct object_slice o;
	struct slice_port port[SVC_SLICE_PORTS];
	struct slice_endpoint *ep;
	unsigned int room;
};

struct hand_service {
	struct model_service s;
	struct object_service *o;
	union sl_addr cluster[4], external[4], lb[4];
	struct sl_prefix range[4];
	struct hand_slice slice[SVC_SLICES];
	unsigned int nslices;
};

static inline struct str *hand_str(const char *s)
{
	return s ? str_get(s, strlen(s)) : NULL;
}

static inline union sl_addr hand_addr(const char *text)
{
	union sl_addr a;

	if (sluice_addr_parse(text, &a))
		abort();
	return a;
}

static inline struct hand_service *hand_service(const char *ns, const char *name)
{
	struct hand_service *h = calloc(1, sizeof(*h));

	h->o = calloc(1, sizeof(*h->o) + SVC_PORTS * sizeof(h->o->port[0]));
	h->o->o.kind = OBJECT_SERVICE;
	h->o->cluster_ip = h->cluster;
	h->o->external_ip = h->external;
	h->o->lb_ip = h->lb;
	h->o->range = h->range;
	h->s.ns = hand_str(ns);
	h->s.name = hand_str(name);
	h->s.obj = h->o;
	return h;
}

static inline void hand_port(struct hand_service *h, const char *name, __u16 port, __u8 proto,
			     __u16 node_port)
{
	h->o->port[h->o->nports++] = (struct service_port){ hand_str(name), port, node_port, proto };
}

static inline void hand_cluster_ip(struct hand_service *h, const char *a)
{
	h->cluster[h->o->ncluster_ip++] = hand_addr(a);
}

static inline void hand_external_ip(struct hand_service *h, const char *a)
{
	h->external[h->o->nexternal_ip++] = hand_addr(a);
}

static inline void hand_lb_ip(struct hand_service *h, const char *a)
{
	h->lb[h->o->nlb_ip++] = hand_addr(a);
}

static inline void hand_range(struct hand_service *h, const char *prefix)
{
	if (sluice_prefix_parse(prefix, true, &h->range[h->o->nranges++]))
		abort();
}

static inline struct hand_slice *hand_slice(struct hand_service *h, enum sl_family f)
{
	struct hand_slice *sl = &h->slice[h->nslices++];

	sl->ms.obj = &sl->o;
	sl->ms.svc = &h->s;
	sl->ms.next = h->s.slices;
	h->s.slices = &sl->ms;
	sl->o.family = f;
	sl->o.port = sl->port;
	return sl;
}

static inline void hand_slice_port(struct hand_slice *sl, const char *name, __u16 port, __u8 proto)
{
	sl->port[sl->o.nports++] = (struct slice_port){ hand_str(name), port, proto };
}

/* Good until the next one is added. */
static inline struct slice_endpoint *hand_endpoint(struct hand_slice *sl, union sl_addr addr,
						   const char *node, unsigned int flags)
{
	struct slice_endpoint *ep;

	if (sl->o.nendpoints == sl->room) {
		sl->room = sl->room ? 2 * sl->room : 8;
		sl->ep = realloc(sl->ep, sl->room * sizeof(*sl->ep));
		sl->o.endpoint = sl->ep;
	}
	ep = &sl->ep[sl->o.nendpoints++];
	*ep = (struct slice_endpoint){ .addr = addr, .node = hand_str(node), .flags = flags };
	return ep;
}

static inline void hand_endpoint_clear(struct slice_endpoint *ep)
{
	unsigned int i;

	str_put(ep->node);
	for (i = 0; i < ep->nzones; i++)
		str_put(ep->for_zone[i]);
	for (i = 0; i < ep->nnodes; i++)
		str_put(ep->for_node[i]);
}

static inline void hand_slice_empty(struct hand_slice *sl)
{
	while (sl->o.nendpoints)
		hand_endpoint_clear(&sl->ep[--sl->o.nendpoints]);
}

static inline void hand_ports_clear(struct hand_service *h)
{
	while (h->o->nports)
		str_put(h->o->port[--h->o->nports].name);
}

static inline void hand_free(struct hand_service *h)
{
	unsigned int i, j;

	for (i = 0; i < h->nslices; i++) {
		hand_slice_empty(&h->slice[i]);
		free(h->slice[i].ep);
		for (j = 0; j < h->slice[i].o.nports; j++)
			str_put(h->slice[i].port[j].name);
	}
	hand_ports_clear(h);
	str_put(h->s.ns);
	str_put(h->s.name);
	free(h->o);
	free(h);
}

#endif
