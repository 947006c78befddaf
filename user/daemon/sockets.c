// SPDX-License-Identifier: GPL-2.0
/* See sockets.h. */
#include "daemon/sockets.h"

#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define UNIFIED "/unified"

/* The first cgroup2 mount: on a host with version 1 as well it is beside those. */
static int find_mount(char *path, size_t len)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		err = snprintf(path, len, "%s", m->mnt_dir) < (int)len ? 0 : -ENAMETOOLONG;
	}
	endmntent(f);
	return err;
}

static __u64 netns_cookie(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	close(fd);
	return cookie;
}

int sockets_start(struct sluice *sl, const char *cgroup)
{
	char path[PATH_MAX];
	int err;

	if (!strcmp(cgroup, "none"))
		return sluice_cgroup_detach(sl);
	sluice_state(sl)->host_netns = netns_cookie();
	if (strcmp(cgroup, "auto"))
		err = snprintf(path, sizeof(path), "%s", cgroup) < (int)sizeof(path) ? 0 : -ENAMETOOLONG;
	else
		err = find_mount(path, sizeof(path));
	if (!err)
		err = sluice_cgroup_attach(sl, path);
	/* version 1 there, and the second hierarchy below it: where systemd puts it */
	if (err == -ENOTSUP && strlen(path) + sizeof(UNIFIED) <= sizeof(path))
		err = sluice_cgroup_attach(sl, strcat(path, UNIFIED));
	if (!err)
		log_debug("services for the sockets of %s", path);
	return err;
}
