/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory of manifests as the source of objects: read whole at the start,
 * then watched by inotify. What is wrong in a file is logged with its place
 * and kept for whoever asks; the objects that are right go to the policy.
 */
#ifndef SLUICED_SOURCE_DIR_H
#define SLUICED_SOURCE_DIR_H

#include <jansson.h>
#include <uv.h>
#include "daemon/policy.h"

struct source_dir;

struct source_dir_ctx {
	uv_loop_t *loop;
	const char *path;
	const char *state_dir;		/* where last good versions are kept; NULL: nowhere */
	struct policy *pol;
	/* Objects changed: a commit is due. Not called by source_dir_open(). */
	void (*changed)(void *arg);
	void *arg;
};

/*
 * Returns when all that is there has been applied, and for what is wrong its
 * last good version, as an earlier daemon kept it. A directory that is not
 * there is what it was last, and is read when it appears.
 */
int source_dir_open(const struct source_dir_ctx *ctx, struct source_dir **out);
/* Reads everything again at once, whatever has been seen of it; files that are gone, go. */
void source_dir_rescan(struct source_dir *src);
/* Closes the handles on the loop, then frees; NULL is fine. */
void source_dir_close(struct source_dir *src);

/* `refused` of the status request (Documentation/control.md); new reference. */
json_t *source_dir_refused_json(struct source_dir *src);

/*
 * source_dir_check() - what would be refused
 *
 * Reads every manifest of @path as source_dir_open() does and calls @report
 * for each complaint. Returns how many, or a negative errno.
 */
int source_dir_check(const char *path, void (*report)(void *arg, const struct diag *diag),
		     void *arg);

#endif
