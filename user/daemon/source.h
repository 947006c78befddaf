/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where Kubernetes objects come from. A source gives them to the policy as it
 * learns of them, and says by changed() that a commit is due; what it is
 * beyond that, the rest of the daemon doesn't know.
 *
 *   source_dir   a directory of manifests
 *   source_k8s   an API server
 */
#ifndef SLUICED_SOURCE_H
#define SLUICED_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "daemon/policy.h"

struct source;

struct source_ops {
	/*
	 * NULL: what there was at the start has been given. Else what is missing:
	 * nothing may be put in force or cleared away by what is there so far.
	 */
	const char *(*waiting)(const struct source *src, char *buf, size_t len);
	/* SIGHUP: looks again at what may have been missed. */
	void (*rescan)(struct source *src);
	/* `source` of the status request (Documentation/control.md); new reference. */
	json_t *(*status)(const struct source *src);
	/* Closes the handles on the loop, then frees. */
	void (*close)(struct source *src);
	/* Objects of pods are there before the pods are plugged in. */
	bool knows_pods;
};

/* The first member of every source. */
struct source {
	const struct source_ops *ops;
};

/* NULL is fine. */
static inline void source_close(struct source *src)
{
	if (src)
		src->ops->close(src);
}

/* What a source works on; all of it outlives the source. */
struct source_ctx {
	uv_loop_t *loop;
	struct policy *pol;
	const char *state_dir;		/* where last good versions are kept; NULL: nowhere */
	const char *node_name;
	/* NULL: this node is ready for pods; else why not. For a source that tells others. */
	const char *(*reason)(void *arg, char *buf, size_t len);
	/* Objects changed: a commit is due. Not called while a source is opened. */
	void (*changed)(void *arg);
	void *arg;
};

#endif
