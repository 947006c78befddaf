/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many live flows services and backends have, counted in the flow tables. Both
 * are walked once for each time that somebody asks: for FLOW_COUNT_FIRST_US at
 * once, and if they are longer than that, for FLOW_COUNT_SLICE_US in every
 * FLOW_COUNT_PAUSE_MS on the loop. So asking costs the daemon no more than that
 * at a time, whatever the tables' size, and what is told then is the walk before.
 */
#ifndef SLUICED_FLOW_COUNT_H
#define SLUICED_FLOW_COUNT_H

#include <stdbool.h>
#include <uv.h>
#include "daemon/policy.h"

#define FLOW_COUNT_FIRST_US	10000U
#define FLOW_COUNT_SLICE_US	2000U
#define FLOW_COUNT_PAUSE_MS	10U

/* Flows that end are not counted; [0] established, [1] half-open. */
struct flow_tally {
	__u32 entries[2];		/* in the tables, all that there is */
	__u32 svc[SL_SVC_MAX][2];	/* by id in sl_svc */
	__u32 backend[SL_BACKEND_MAX][2];	/* by id in sl_backend: of its service */
	double at;			/* seconds of the epoch: when the walk ended */
	/* To addresses of backends, by whom no service was asked: see flow_tally_direct(). */
	__u32 *slot;			/* open addressing: backend ids */
	__u32 mask;
	struct flow_target *target;	/* by id in sl_backend, @ntargets */
	__u32 ntargets;
};

struct flow_count;

struct flow_count_ctx {
	uv_loop_t *loop;
	int fd[2];			/* sl_flow, sl_half */
	const struct policy *pol;
	unsigned int first_us, slice_us;	/* FLOW_COUNT_FIRST_US, _SLICE_US */
};

/* -ENOMEM. */
int flow_count_new(const struct flow_count_ctx *ctx, struct flow_count **out);
/* Its handle is closed by the loop. NULL is fine. */
void flow_count_free(struct flow_count *c);
/*
 * Walks, unless a walk is under way. Returns the last one that was complete,
 * which may be this one; NULL: there is none yet. Good until the next call.
 */
const struct flow_tally *flow_count_ask(struct flow_count *c);

/* The backend that had @id when the walk began; NULL: none. */
const struct policy_backend *flow_tally_target(const struct flow_tally *t, __u32 id);
/* Flows to its address and port that were not translated, whosever backend that is beside. */
__u32 flow_tally_direct(const struct flow_tally *t, __u32 id);

#endif
