/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a Service and its slices ask of this node, worked out from the objects and
 * nothing else: ports, what each is reached by, and which backends new flows may
 * have. Without ids, other services and the tables, which are the balancer's.
 */
#ifndef SLUICED_SERVICE_PLAN_H
#define SLUICED_SERVICE_PLAN_H

#include "daemon/model_service.h"

struct plan_backend {
	union sl_addr addr;
	__be16 port;
	__u8 flags;			/* enum sl_backend_flag */
	__u8 lists;			/* 1 << enum sl_svc_scope, for new flows of that scope */
	__u32 id;			/* the balancer's */
};

struct plan_front {
	struct sl_front_key key;
	__u8 inside, outside;		/* enum sl_svc_scope */
	__u8 flags;			/* enum sl_front_flag */
	__u8 addr_id;			/* enum sl_svc_addr; nothing of the wildcard's */
};

/* A port of one family: an entry of sl_svc. */
struct plan_port {
	__u16 port;
	__u8 proto;			/* IPPROTO_ */
	__u8 family;			/* enum sl_family */
	__u8 scopes;			/* 1 << enum sl_svc_scope: those that somebody asks for */
	__u8 maglev;			/* the same: those whose set has a table */
	unsigned int nfronts, nbackends, nranges;
	struct plan_front *front;
	struct plan_backend *backend;	/* by address and port, each once */
	struct sl_prefix *range;	/* for sl_svc_src; by bytes, each once */
};

struct service_plan {
	__u32 affinity_s;
	__u32 flags;			/* enum sl_svc_flag */
	unsigned int local_ready;	/* for healthCheckNodePort: the most that a port has */
	unsigned int nports;
	struct plan_port *port;		/* in the order of the object, IPv4 first */
};

/* Where the node is; NULL: not known, and then nothing is there. */
struct plan_where {
	const struct str *node, *zone;
	bool tunnel;			/* the way to other nodes: direct server return needs one */
};

/* -ENOMEM: *@out is empty. A service that is not to be served has no ports. */
int service_plan(const struct model_service *s, const struct plan_where *where,
		 struct service_plan *out);
void service_plan_free(struct service_plan *p);
void plan_port_free(struct plan_port *p);

/* The port of @o's endpoints that @sp leads to; NULL: none. */
const struct slice_port *plan_slice_port(const struct object_slice *o,
					 const struct service_port *sp);
/* Do other nodes' backends answer clients outside by themselves? */
bool plan_is_dsr(const struct object_service *o, bool tunnel);
/* NULL: it is served. */
const char *plan_why_not(const struct object_service *o);

/* By address and port, as bytes. */
int plan_backend_cmp(const void *a, const void *b);

#endif
