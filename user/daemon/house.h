/* SPDX-License-Identifier: GPL-2.0 */
/* What is done now and then: expiry of flows, reconciliation, the watchdog. */
#ifndef SLUICED_HOUSE_H
#define SLUICED_HOUSE_H

#include <uv.h>
#include "lib/sluice.h"

struct house;

struct house_ctx {
	uv_loop_t *loop;
	struct sluice *sl;
	uint64_t watchdog_ms;		/* 0: none */
	/* Once a minute: compare with the kernel and repair. */
	void (*reconcile)(void *arg);
	void *arg;
};

int house_new(const struct house_ctx *ctx, struct house **out);
void house_free(struct house *house);

#endif
