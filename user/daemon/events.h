/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of the pipeline, from the ring buffer to lines of JSON with names.
 * The ring is open and the pipeline told to fill it only while somebody
 * listens.
 */
#ifndef SLUICED_EVENTS_H
#define SLUICED_EVENTS_H

#include <jansson.h>
#include <uv.h>
#include "daemon/endpoint.h"

struct events;

struct events_ctx {
	uv_loop_t *loop;
	struct sluice *sl;
	struct policy *pol;
	const struct endpoints *eps;
	/* @line ends with a newline; not kept. */
	void (*publish)(void *arg, const char *line);
	void (*lost)(void *arg, unsigned long long count);
	void *arg;
};

int events_new(const struct events_ctx *ctx, struct events **out);
void events_free(struct events *ev);
/* 0 or a negative errno; switching to what it is already does nothing. */
int events_set(struct events *ev, bool on);
/* Names of rules or pods changed. */
void events_forget_names(struct events *ev);

#endif
