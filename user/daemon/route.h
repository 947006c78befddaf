/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where pods of other nodes are: from Node objects to sl_route, which pods'
 * packets follow, and to kernel routes, which the node's own follow. The plan
 * is a pure function of its input; the two sync functions write what differs.
 */
#ifndef SLUICED_ROUTE_H
#define SLUICED_ROUTE_H

#include "common/rtnl.h"
#include "daemon/config.h"
#include "daemon/policy.h"
#include "daemon/why.h"

/* What our kernel routes say who made them; unassigned elsewhere. */
#define ROUTE_PROTO	83
#define ROUTE_METRIC	1024

struct route_input {
	const struct config *cfg;
	const struct policy_node *nodes;	/* all, this one too */
	size_t nnodes;
	union sl_addr node_addr[__SL_FAMILY_MAX]; /* this node's, local; all zero: none */
	int uplink;			/* ifindex, 0: none */
	unsigned int uplink_mtu;	/* bytes */
	int tunnel;			/* ifindex, 0: none */
	const struct sl_prefix *onlink;	/* networks on the uplink */
	size_t nonlink;
};

struct route {
	struct sl_prefix dst;
	struct sl_route_val val;
	bool in_kernel;			/* @kernel is wanted too */
	struct rt_route kernel;
};

struct route_plan {
	struct route *routes;		/* sorted by dst, each once */
	size_t count, size;
};

/* -ENOMEM. What two nodes claim is the first one's, this node's before all; @why tells. */
int route_plan_make(const struct route_input *in, struct route_plan *out, struct why *why);
void route_plan_free(struct route_plan *plan);
/* How @node's pods are reached; SL_ROUTE_NONE: not at all. */
enum sl_route_kind route_node_kind(const struct route_input *in, const struct policy_node *node);
const char *route_kind_name(enum sl_route_kind kind);

/*
 * Returns how many entries were written or deleted, or a negative errno. An
 * administrator's entry stays, wanted or not; @why tells where it is in the way.
 */
int route_sync_map(struct sluice *sl, const struct route_plan *plan, struct why *why);
/* Only routes of ROUTE_PROTO are touched; @plan NULL: none is wanted. */
int route_sync_kernel(struct rt *rt, const struct route_plan *plan, struct why *why);

#endif
