/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon and the pipeline count, by HTTP at /metrics, in OpenMetrics'
 * text. Only where it is asked for, since it names services. Documentation/metrics.md
 * lists what there is.
 */
#ifndef SLUICED_METRICS_H
#define SLUICED_METRICS_H

#include <jansson.h>
#include <uv.h>
#include "daemon/policy.h"

struct metrics;

struct metrics_ctx {
	uv_loop_t *loop;
	const char *listen;		/* "127.0.0.1:9878", "[::1]:9878" */
	struct sluice *sl;
	struct policy *pol;
	uint64_t started_ns;		/* uv_hrtime() */
	/* NULL: ready; else why not. */
	const char *(*reason)(void *arg, char *buf, size_t len);
	/* `source` of the status request; new reference. */
	json_t *(*source)(void *arg);
	void *arg;
};

/* Logs what is wrong; an errno of the sockets, -ENOENT: no libmicrohttpd, -ENOMEM. */
int metrics_new(const struct metrics_ctx *ctx, struct metrics **out);
/* Its handles are closed by the loop. NULL is fine. */
void metrics_free(struct metrics *m);

#endif
