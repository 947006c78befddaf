/* SPDX-License-Identifier: GPL-2.0 */
/* Between source_dir.c, which watches, and source_file.c, which reads. */
#ifndef SLUICED_SOURCE_DIR_IMPL_H
#define SLUICED_SOURCE_DIR_IMPL_H

#include "daemon/hash.h"
#include "daemon/source_dir.h"
#include "daemon/str.h"

/* An object that a file defines. */
struct entry {
	struct hnode node;		/* by kind, namespace and name */
	struct entry *next;		/* of the file */
	struct source_file *file;
	int kind;
	struct str *ns, *name;
	bool shadowed;			/* another file's is in force */
	bool stale;			/* while reading: not met again yet */
};

struct source_file {
	struct source_file *next;	/* by name */
	struct entry *entries;
	bool link;			/* what it stands for can change behind its back */
	bool dirty;			/* to be read */
	bool missing;			/* to be forgotten when it stays so */
	bool known;			/* good once, or its last good version was looked for */
	uint64_t missing_ms;		/* since when, in the loop's time */
	char *path;			/* for complaints */
	char name[];
};

struct source_dir {
	struct source src;
	struct source_ctx ctx;
	struct source_keep *keep;	/* NULL: none */
	char *path;
	void (*report)(void *arg, const struct diag *diag);
	void *report_arg;
	struct source_file *files;
	struct htab entries;
	bool changed;			/* the policy has been given something */
	int fd, watch;			/* inotify; -1: none */
	uv_poll_t poll;
	uv_timer_t retry, vanish;
	unsigned int handles;		/* on the loop, not closed yet */
};

void source_log_diag(void *arg, const struct diag *diag);
bool source_is_manifest(const char *name);
/* The file of this name, made if need be; NULL without memory. */
struct source_file *source_file_get(struct source_dir *src, const char *name);
/* Its objects go with it. */
void source_file_forget(struct source_dir *src, struct source_file *f);
/* What an earlier daemon knew the file to say, if nothing is known of it yet. */
void source_file_recall(struct source_dir *src, struct source_file *f);
/* Reads the files that are marked dirty; those that are not there become missing. */
void source_files_load(struct source_dir *src);
/* Reads all files there are, and all there were. -errno: of the directory. */
int source_files_scan(struct source_dir *src);
void source_files_free(struct source_dir *src);

#endif
