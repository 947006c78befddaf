/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last good text of each manifest, under the state directory: so that an
 * object that is wrong by the time the daemon is started again still has a
 * last good version, and a restart never allows what was forbidden.
 */
#ifndef SLUICED_SOURCE_KEEP_H
#define SLUICED_SOURCE_KEEP_H

#include <stddef.h>

struct source_keep;

/* <@state_dir>/manifests, made 0700 where it is missing. */
int source_keep_open(const char *state_dir, struct source_keep **out);
void source_keep_close(struct source_keep *keep);

/* The functions below do nothing with @keep NULL. */

/* @name was read as @text, all of it good. Logs when it cannot be kept. */
void source_keep_save(struct source_keep *keep, const char *name, const char *text, size_t len);
/* -ENOENT. free(*text) is the caller's. */
int source_keep_load(struct source_keep *keep, const char *name, char **text, size_t *len);
void source_keep_drop(struct source_keep *keep, const char *name);
/* Calls @cb for every name; those that it answers with false are dropped. */
void source_keep_each(struct source_keep *keep, int (*cb)(void *arg, const char *name), void *arg);

#endif
