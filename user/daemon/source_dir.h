/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory of manifests as the source of objects: read whole at the start,
 * then watched by inotify. What is wrong in a file is logged with its place
 * and kept for whoever asks; the objects that are right go to the policy.
 */
#ifndef SLUICED_SOURCE_DIR_H
#define SLUICED_SOURCE_DIR_H

#include "daemon/source.h"

/*
 * Returns when all that is there has been applied, and for what is wrong its
 * last good version, as an earlier daemon kept it. A directory that is not
 * there is what it was last, and is read when it appears. rescan() reads
 * everything again at once, whatever has been seen of it; files that are
 * gone, go.
 */
int source_dir_open(const struct source_ctx *ctx, const char *path, struct source **out);

/*
 * source_dir_check() - what would be refused
 *
 * Reads every manifest of @path as source_dir_open() does and calls @report
 * for each complaint. Returns how many, or a negative errno.
 */
int source_dir_check(const char *path, void (*report)(void *arg, const struct diag *diag),
		     void *arg);

#endif
