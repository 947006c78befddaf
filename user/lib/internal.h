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
#include "lib/table_names.h"

#define LIB_KERNEL_BTF	"/sys/kernel/btf/vmlinux"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Longest root: leaves room for /v2/links/<how>-<ifindex>-<hook>-clsact. */
#define PIN_ROOT_MAX	(PATH_MAX - 128)

struct lib_backend;

struct sluice {
	const struct lib_backend *backend;
	struct lib_nl *nl;		/* the netlink back end's own, or NULL */
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
const char *lib_pin_path(char *buf, const char *root, enum pin_dir dir, const char *name);
/* Makes the directories, 0700, on a bpffs that is mounted when there is none. */
int lib_pin_dirs_make(const char *root);
/* Removes what lib_pin_dirs_make() made; the directories must be empty. */
int lib_pin_dirs_remove(const char *root);
/* Descriptor that holds the lock of @root, given back by close(); -EBUSY unless @wait. */
int lib_pin_lock(const char *root, bool wait);
/* Pins @fd in place of whatever was there; at no instant is there nothing. */
int lib_pin_replace(int fd, const char *root, enum pin_dir dir, const char *name);
/* Removes what lib_pin_replace() left when it died; the caller has the lock. */
int lib_pin_clean(const char *root);
/* Removes every pin. */
int lib_pin_remove_all(const char *root);
struct bpf_link_info;
/* What the kernel says of the link that is pinned as @path. 1, or 0 when none is, or an errno. */
int lib_pin_link_info(const char *path, struct bpf_link_info *info);
/* Calls @cb for each name; a negative return stops and is returned. */
int lib_pin_each(const char *root, enum pin_dir dir,
	     int (*cb)(void *arg, const char *name), void *arg);

/* -------------------------------------------------------------- map.c */

typedef int (*lib_map_cb_t)(void *arg, const void *key, const void *value);

/* Calls @cb for each entry of a map that isn't per-CPU; non-zero stops and is returned. */
int lib_map_each(int fd, __u32 key_size, __u32 value_size, lib_map_cb_t cb, void *arg);
/* Sums a per-CPU array of @entries values of @words __u64 each into @out. */
int lib_map_percpu_sum(int fd, __u32 entries, __u32 words, __u64 *out);

/* -------------------------------------------------------------- log.c */

struct lib_log_scope {
	void (*log)(void *arg, const char *line);
	void *arg;
	struct lib_log_scope *outer;
};

/*
 * Between the two, what libbpf says in this thread goes to @log, or nowhere
 * when that is NULL. @scope belongs to the caller, on its stack.
 */
void lib_log_begin(struct lib_log_scope *scope, void (*log)(void *arg, const char *line), void *arg);
void lib_log_end(struct lib_log_scope *scope);
/* To the innermost scope of this thread, a line at a time; cuts @text up. */
void lib_log_text(char *text);
void lib_log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ------------------------------------------------------------- kmod.c */

/* Binds or unbinds, as sluice_kmod_bind(); libbpf's complaints go to @log, or nowhere. */
int lib_kmod_call(const struct sluice *sl, bool bind, void (*log)(void *arg, const char *line),
		  void *arg);

/* -------------------------------------------------------------- attach.c */

/* Puts the programs of @fds, by hook, in the place of those at work now. */
int lib_attach_replace_all(const char *root, const int fds[__SL_HOOK_MAX]);
/* Takes everything off every device. */
int lib_attach_remove_all(const char *root);
bool lib_has_tcx(int ifindex);
const char *lib_hook_prog_name(enum sl_hook hook);

/* -------------------------------------------------------------- cgroup.c */

struct bpf_object;

/* Puts the programs of @obj in the place of those at work on a cgroup. */
int lib_cgroup_replace_all(const char *root, struct bpf_object *obj);
/* The same of those in XDP; where @obj has none loaded, they go. */
int lib_xdp_replace_all(const char *root, struct bpf_object *obj);

#endif
