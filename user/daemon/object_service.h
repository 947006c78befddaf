/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services and EndpointSlices as sluice holds them. The rest of what there is
 * to say of objects is in object.h.
 */
#ifndef SLUICED_OBJECT_SERVICE_H
#define SLUICED_OBJECT_SERVICE_H

#include <stdint.h>
#include "daemon/object.h"

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,		/* a name for DNS: not ours to serve */
	__SERVICE_TYPE_MAX,
};

/* The annotation sluice.dev/load-balancing. */
enum service_balance {
	SERVICE_BALANCE_DEFAULT,	/* Maglev for clients outside, random inside */
	SERVICE_BALANCE_MAGLEV,
	SERVICE_BALANCE_RANDOM,
	__SERVICE_BALANCE_MAX,
};

/* spec.trafficDistribution: PreferClose and PreferSameZone are one. */
enum service_distribution {
	SERVICE_ANYWHERE,
	SERVICE_PREFER_ZONE,
	SERVICE_PREFER_NODE,
	__SERVICE_DISTRIBUTION_MAX,
};

struct service_port {
	struct str *name;		/* NULL: it has none */
	__u16 port;			/* 1 to 65535 */
	__u16 node_port;		/* 0: none */
	__u8 proto;			/* IPPROTO_ */
};

struct object_service {
	struct object o;
	__u64 created;			/* seconds since 1970; 0: not said */
	enum service_type type;
	enum service_balance balance;
	enum service_distribution distribution;
	bool headless;			/* clusterIP None: nothing is served */
	bool internal_local, external_local;	/* the traffic policies are Local */
	bool publish_not_ready;
	bool reset;			/* annotation sluice.dev/reset-on-endpoint-removal */
	bool dsr;			/* annotation sluice.dev/forwarding */
	__u16 health_port;		/* healthCheckNodePort; 0: none */
	__u32 affinity_s;		/* ClientIP: seconds; 0: no affinity */
	struct str *doubt;		/* what of it is not in force as written; NULL: nothing */
	/* addresses of both families, in the order of the object */
	union sl_addr *cluster_ip, *external_ip, *lb_ip;
	unsigned int ncluster_ip, nexternal_ip, nlb_ip;
	struct sl_prefix *range;	/* loadBalancerSourceRanges; none: everybody */
	unsigned int nranges;
	unsigned int nports;
	struct service_port port[];
};

enum slice_endpoint_flag {
	SLICE_READY		= 1 << 0,
	SLICE_SERVING		= 1 << 1,
	SLICE_TERMINATING	= 1 << 2,
};

#define SLICE_MAX_HINTS 8

struct slice_endpoint {
	union sl_addr addr;		/* the first of `addresses`; the others are equal to it */
	struct str *node;		/* NULL: not said */
	struct str *zone;		/* NULL: not said */
	struct str *pod;		/* targetRef of kind Pod; NULL: none */
	unsigned int flags;		/* enum slice_endpoint_flag, defaults filled in */
	unsigned int nzones, nnodes;
	struct str *for_zone[SLICE_MAX_HINTS];	/* hints.forZones */
	struct str *for_node[SLICE_MAX_HINTS];	/* hints.forNodes */
};

struct slice_port {
	struct str *name;		/* NULL: it has none */
	__u16 port;			/* 0: any, which no service port can mean */
	__u8 proto;			/* IPPROTO_ */
};

struct object_slice {
	struct object o;
	struct str *service;		/* label kubernetes.io/service-name; NULL: nobody's */
	enum sl_family family;		/* addressType FQDN is not kept at all */
	unsigned int nports, nendpoints;
	struct slice_port *port;
	struct slice_endpoint *endpoint;
};

const char *object_service_type_name(enum service_type t);	/* "NodePort" */

/* @o's time, UINT64_MAX where it doesn't say one or there is none (NULL). */
static inline __u64 object_service_created(const struct object_service *o)
{
	return o && o->created ? o->created : UINT64_MAX;
}

/* What decides who goes first of two services that want one thing. */
struct service_rank {
	__u64 created;			/* seconds since 1970; UINT64_MAX: not said */
	const struct str *ns, *name;
};
/* Negative: @a goes first, as the older, then by namespace and name; 0: they are the same. */
int service_rank_cmp(const struct service_rank *a, const struct service_rank *b);

/* What object.h does to every kind, for these two: content only, not the header. */
void object_service_clear(struct object_service *s);
void object_slice_clear(struct object_slice *s);
bool object_service_equal(const struct object_service *a, const struct object_service *b);
bool object_slice_equal(const struct object_slice *a, const struct object_slice *b);

#endif
