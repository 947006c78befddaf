/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * What the objects of libsluice share and its users don't see: the handle,
 * places below the pin root, the lock, and the way of libbpf's messages.
 */
#ifndef SLUICE_INTERNAL_H
#define SLUICE_INTERNAL_H

#include <linux/limits.h>
#include <stdarg.h>
#include "lib/sluice.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Longest root: leaves room for /v1/links/<how>-<ifindex>-<hook>-clsact. */
#define PIN_ROOT_MAX	(PATH_MAX - 128)

struct sluice {
	int map_fd[__SL_MAP_MAX];
	struct sl_ep *eps;
	struct sl_state *state;
	bool clsact;			/* leave tcx alone */
	char root[];
};

/* -------------------------------------------------------------- pin.c */

enum pin_dir {
	PIN_MAPS,
	PIN_PROGS,
	PIN_LINKS,
	__PIN_MAX,
};

/* @buf holds PATH_MAX; @name NULL: the directory itself. */
const char *pin_path(char *buf, const char *root, enum pin_dir dir, const char *name);
/* Makes the directories, 0700, on a bpffs that is mounted when there is none. */
int pin_dirs_make(const char *root);
/* Removes what pin_dirs_make() made; the directories must be empty. */
int pin_dirs_remove(const char *root);
/* Descriptor that holds the lock of @root, given back by close(); -EBUSY unless @wait. */
int pin_lock(const char *root, bool wait);
/* Pins @fd in place of whatever was there; at no instant is there nothing. */
int pin_replace(int fd, const char *root, enum pin_dir dir, const char *name);
/* Calls @cb for each name; a negative return stops and is returned. */
int pin_each(const char *root, enum pin_dir dir,
	     int (*cb)(void *arg, const char *name), void *arg);

/* -------------------------------------------------------------- log.c */

struct log_scope {
	void (*log)(void *arg, const char *line);
	void *arg;
	struct log_scope *outer;
};

/*
 * Between the two, what libbpf says in this thread goes to @log, or nowhere
 * when that is NULL. @scope belongs to the caller, on its stack.
 */
void log_begin(struct log_scope *scope, void (*log)(void *arg, const char *line), void *arg);
void log_end(struct log_scope *scope);
/* To the innermost scope of this thread, a line at a time; cuts @text up. */
void log_text(char *text);
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* -------------------------------------------------------------- attach.c */

/* Puts the programs of @fds, by hook, in the place of those at work now. */
int attach_replace_all(const char *root, const int fds[__SL_HOOK_MAX]);
/* Takes everything off every device. */
int attach_remove_all(const char *root);
const char *hook_prog_name(enum sl_hook hook);


#endif
