// SPDX-License-Identifier: GPL-2.0
/* Last good manifests. See source_keep.h. */
#include "daemon/source_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/file.h"
#include "common/log.h"
#include "daemon/tree.h"

struct source_keep {
	int dir;
	char path[PATH_MAX];
};

int source_keep_open(const char *state_dir, struct source_keep **out)
{
	struct source_keep *keep = calloc(1, sizeof(*keep));
	int err;

	if (!keep)
		return -ENOMEM;
	keep->dir = -1;
	err = -ENAMETOOLONG;
	if ((size_t)snprintf(keep->path, sizeof(keep->path), "%s/manifests", state_dir) <
	    sizeof(keep->path))
		err = file_mkdir(keep->path, 0700);
	if (!err) {
		keep->dir = open(keep->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = keep->dir < 0 ? -errno : 0;
	}
	if (err) {
		free(keep);
		return err;
	}
	*out = keep;
	return 0;
}

void source_keep_close(struct source_keep *keep)
{
	if (!keep)
		return;
	close(keep->dir);
	free(keep);
}

static int keep_is(struct source_keep *keep, const char *name, const char *text, size_t len)
{
	size_t old_len;
	char *old;
	int same;

	if (file_read(keep->dir, name, TREE_MAX_BYTES, &old, &old_len))
		return 0;
	same = old_len == len && !memcmp(old, text, len);
	free(old);
	return same;
}

/* Not durable: after a power cut there are no endpoints to be wrong about, and
 * the runtime makes every pod anew. */
void source_keep_save(struct source_keep *keep, const char *name, const char *text, size_t len)
{
	int err;

	if (!keep || keep_is(keep, name, text, len))
		return;
	err = file_write(keep->dir, name, text, len, false);
	if (err)
		log_warning("%s/%s: the last good version is not kept: %s", keep->path, name,
			    strerror(-err));
}

int source_keep_load(struct source_keep *keep, const char *name, char **text, size_t *len)
{
	return keep ? file_read(keep->dir, name, TREE_MAX_BYTES, text, len) : -ENOENT;
}

void source_keep_drop(struct source_keep *keep, const char *name)
{
	if (keep && unlinkat(keep->dir, name, 0) && errno != ENOENT)
		log_warning("%s/%s: %s", keep->path, name, strerror(errno));
}

void source_keep_each(struct source_keep *keep, int (*cb)(void *arg, const char *name), void *arg)
{
	struct dirent *de;
	DIR *dir = keep ? opendir(keep->path) : NULL;

	if (!dir)
		return;
	while ((de = readdir(dir))) {
		if (de->d_name[0] != '.' && !cb(arg, de->d_name))
			source_keep_drop(keep, de->d_name);
	}
	closedir(dir);
}
