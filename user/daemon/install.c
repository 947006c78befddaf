// SPDX-License-Identifier: GPL-2.0
/* See install.h. */
#include "daemon/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/file.h"
#include "common/log.h"

#define PLUGIN		"sluice-cni"
#define CONFLIST	"10-sluice.conflist"
#define FILE_MAX	(16U << 20)	/* bytes */

static bool is_same(int dir, const char *name, const char *data, size_t len, mode_t mode)
{
	struct stat st;
	size_t old_len;
	char *old;
	bool same;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
	    (st.st_mode & 07777) != mode || file_read(dir, name, FILE_MAX, &old, &old_len))
		return false;
	same = old_len == len && !memcmp(old, data, len);
	free(old);
	return same;
}

static int install(const char *from, const char *to, const char *name, mode_t mode)
{
	int dir, err;
	size_t len;
	char *data;

	err = file_read_linked(from, FILE_MAX, &data, &len);
	if (err) {
		log_error("%s: %s", from, strerror(-err));
		return err;
	}
	dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = dir < 0 ? -errno : 0;
	if (!err && !is_same(dir, name, data, len, mode)) {
		err = file_install(dir, name, data, len, mode);
		if (!err)
			log_info("installed: %s/%s", to, name);
	}
	if (dir >= 0)
		close(dir);
	free(data);
	if (err)
		log_error("%s/%s: %s", to, name, strerror(-err));
	return err;
}

int install_run(const struct config *cfg)
{
	char from[CONFIG_PATH_MAX + 32];
	int err = 0;

	if (cfg->install_plugin[0]) {
		snprintf(from, sizeof(from), "%s/%s", cfg->install_from, PLUGIN);
		err = install(from, cfg->install_plugin, PLUGIN, 0755);
	}
	if (!err && cfg->install_config[0]) {
		snprintf(from, sizeof(from), "%s/%s", cfg->install_from, CONFLIST);
		err = install(from, cfg->install_config, CONFLIST, 0600);
	}
	return err;
}
