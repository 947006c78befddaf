/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What load balancers ask each node about a Service with externalTrafficPolicy
 * Local: whether it has endpoints, by HTTP on the Service's healthCheckNodePort. 200
 * with endpoints, 503 without or when the node is not ready; how many in JSON and in a
 * header, for balancers with weights. As kube-proxy has it
 * (pkg/proxy/healthcheck/service_health.go of Kubernetes).
 */
#ifndef SLUICED_SERVICE_HEALTH_H
#define SLUICED_SERVICE_HEALTH_H

#include <uv.h>
#include "daemon/policy.h"

struct service_health;

struct service_health_ctx {
	uv_loop_t *loop;
	struct policy *pol;
	/* NULL: ready; else why not. */
	const char *(*reason)(void *arg, char *buf, size_t len);
	void *arg;
};

/* Nobody listens yet. -ENOMEM. */
int service_health_new(const struct service_health_ctx *ctx, struct service_health **out);
/*
 * After a commit: listens where policy_healths() says, on all addresses of the node,
 * and nowhere else. What can't be is logged, is the Service's warning, and is tried
 * again; the others go on.
 */
void service_health_update(struct service_health *h);
/* Nobody listens any more; its handles are closed by the loop. NULL is fine. */
void service_health_free(struct service_health *h);

#endif
