// SPDX-License-Identifier: GPL-2.0
/*
 * Programs, pins, routes and the tunnel device go. Records of endpoints stay:
 * they are the addresses' allocation, and the plugin's to remove.
 */
#include "daemon/unload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "common/file.h"
#include "common/log.h"
#include "common/rtnl.h"
#include "daemon/node.h"

/* -EBUSY while a daemon serves the run directory; no directory, no daemon. */
static int lock_run_dir(const struct config *cfg, int *lock)
{
	int dir = open(cfg->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*lock = -1;
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	*lock = file_lock(dir, "sluiced.lock", 0);
	close(dir);
	if (*lock >= 0)
		return 0;
	return *lock == -ETIMEDOUT ? -EBUSY : *lock;
}

/*
 * Without programs the node's stack would forward what pods send, judged by
 * nobody: forwarding on their devices, which sluice switched on, goes first.
 */
static int stop_forwarding(void *arg, int ifindex, enum sluice_attach how)
{
	static const struct rt_inet_conf inet[] = { { IPV4_DEVCONF_FORWARDING, 0 }, { 0, 0 } };
	char path[128];
	struct rt_link link;
	struct rt *rt = arg;

	if ((how != SLUICE_ATTACH_VETH && how != SLUICE_ATTACH_NETKIT) ||
	    rt_link_get(rt, ifindex, &link))
		return 0;
	rt_link_set_inet(rt, ifindex, inet);
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", link.name);
	rt_sysctl_set(path, "0");
	return 0;
}

static int unload_dataplane(const struct config *cfg, struct rt *rt)
{
	struct sluice *sl;
	int err = sluice_open(cfg->pin_root, &sl);

	if (!err) {
		sluice_attached(sl, stop_forwarding, rt);
		sluice_close(sl);
	}
	err = sluice_unload(cfg->pin_root);
	if (err)
		log_error("unload: %s: %s", cfg->pin_root, strerror(-err));
	return err;
}

int unload_run(const struct config *cfg)
{
	struct rt *rt;
	int lock, err, node;

	err = lock_run_dir(cfg, &lock);
	if (err) {
		log_error("unload: %s", err == -EBUSY ? "sluiced is running: stop it first" :
							strerror(-err));
		return 1;
	}
	err = rt_open(&rt);
	if (!err) {
		err = unload_dataplane(cfg, rt);
		node = node_unload(rt);
		if (node < 0)
			log_error("unload: routes and tunnel device: %s", strerror(-node));
		if (!err)
			err = node;
		rt_close(rt);
	}
	if (lock >= 0)
		close(lock);
	return err < 0 ? 1 : 0;
}
