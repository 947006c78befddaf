/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kind of objects kept up to date: a reflector that says what to ask, a
 * client that carries it, and the time between.
 */
#ifndef SLUICE_K8S_WATCHER_H
#define SLUICE_K8S_WATCHER_H

#include "k8s/client.h"
#include "k8s/reflector.h"

/* Bytes of a page of a list. */
#define K8S_PAGE_MAX	(32U << 20)

struct k8s_watcher;

struct k8s_watcher_ctx {
	uv_loop_t *loop;
	struct k8s_client *client;
	const struct k8s_kind *kind;
	struct reflector_sink sink;	/* its arg serves the calls below, too */
	/*
	 * Something has been heard: whether the server answers, whether the list
	 * is complete, and what is wrong may have changed. May not free watchers.
	 */
	void (*heard)(void *arg, struct k8s_watcher *w);
};

/* All pointers of @ctx outlive it. Asks from the loop's next turn on. NULL: no memory. */
struct k8s_watcher *k8s_watcher_new(const struct k8s_watcher_ctx *ctx);
/* Objects stay where they are; its timer is closed by the loop. NULL is fine. */
void k8s_watcher_free(struct k8s_watcher *w);

const struct k8s_kind *k8s_watcher_kind(const struct k8s_watcher *w);
const struct reflector *k8s_watcher_reflector(const struct k8s_watcher *w);
/* What went wrong with the last request: one line; "" : nothing. */
const char *k8s_watcher_error(const struct k8s_watcher *w);
/* Whether the last request was answered at all, by whatever status. */
bool k8s_watcher_answered(const struct k8s_watcher *w);
/* Whether an answer is coming in: most often a watch that is open. */
bool k8s_watcher_connected(const struct k8s_watcher *w);

#endif
