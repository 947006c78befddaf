/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The node: uplink, tunnel device, routes to other nodes, the node's own
 * addresses and what of them the pipeline has to know. Follows Node objects
 * and rtnetlink; what is wanted is computed anew on every change and what
 * differs is written.
 */
#ifndef SLUICED_NODE_H
#define SLUICED_NODE_H

#include <jansson.h>
#include <uv.h>
#include "common/rtnl.h"
#include "daemon/config.h"
#include "daemon/load.h"
#include "daemon/policy.h"

struct node;

/* What a node works on; all of it outlives it. */
struct node_ctx {
	uv_loop_t *loop;
	const struct config *cfg;
	const struct kernel_features *features;
	struct sluice *sl;
	struct policy *pol;
	struct rt *rt;
	/* Whether all Node objects there are are known; until then no route is touched. */
	bool (*settled)(void *arg);
	/* A device is gone (@ifindex), or, with 0, some may be: messages were lost. */
	void (*link_gone)(void *arg, int ifindex);
	/* node_reason() may answer something else now. */
	void (*changed)(void *arg);
	void *arg;
};

int node_new(const struct node_ctx *ctx, struct node **out);
/* Closes the handles on the loop; free is done once they are closed. */
void node_free(struct node *node);

/* Brings everything in line with the Node objects and the devices there are. */
int node_refresh(struct node *node);
/* The same, soon: changes that come together are looked at once. */
void node_mark(struct node *node);

/* NULL when the node's configuration is in force, else why it is not. */
const char *node_reason(const struct node *node);

/* NULL, or what is in force but should be looked at: two nodes with one range. */
const char *node_doubt(const struct node *node);

/* Answers of the control socket; new references, NULL without memory. */
json_t *node_cni_config_json(const struct node *node);
json_t *node_status_json(const struct node *node);
json_t *node_list_json(struct node *node);

/* Takes away what --unload does: routes and tunnel device. Needs no node. */
int node_unload(struct rt *rt);

#endif
