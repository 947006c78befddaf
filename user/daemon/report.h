/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cluster is told of this node and its policies, where its people
 * look: the node's condition NetworkUnavailable, an Event on an object that is
 * not in force as written, and a condition of its status where it has one.
 *
 * Every node knows of a wrong object; three of them speak of it, one after
 * another, chosen by a hash of object and node, and who finds it said is quiet.
 */
#ifndef SLUICED_REPORT_H
#define SLUICED_REPORT_H

#include <uv.h>
#include "daemon/policy.h"
#include "k8s/client.h"

struct report;

/* What a report works on; all of it outlives it. */
struct report_ctx {
	uv_loop_t *loop;
	struct k8s_client *client;
	struct policy *pol;
	const char *node_name;
	/* Whether the API server has told all there is: nothing is said before. */
	bool (*settled)(void *arg);
	/* NULL: pods can be added; else why not. */
	const char *(*reason)(void *arg, char *buf, size_t len);
	void *arg;
};

/* NULL: no memory. */
struct report *report_new(const struct report_ctx *ctx);
/* Its handles are closed by the loop. NULL is fine. */
void report_free(struct report *r);

#endif
