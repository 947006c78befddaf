// SPDX-License-Identifier: GPL-2.0
/*
 * Programs, pins, routes and the tunnel device go. Records of endpoints stay:
 * they are the addresses' allocation, and the plugin's to remove.
 */
#include "daemon/unload.h"

#include <errno.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>
#include "common/log.h"
#include "common/rtnl.h"
#include "daemon/lock.h"
#include "daemon/node.h"

/* -EBUSY while a daemon runs; no run directory, no daemon. */
static int lock_both(const struct config *cfg, struct lock *lock)
{
	int err = lock_run_dir(cfg, lock);

	if (!err || err == -ENOENT)
		err = lock_pins(cfg, lock);
	return err;
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
	struct lock lock = LOCK_NONE;
	struct rt *rt;
	int err, node;

	err = lock_both(cfg, &lock);
	if (err) {
		log_error("unload: %s", err == -EBUSY ? "sluiced is running: stop it first" :
							strerror(-err));
		lock_release(&lock);
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
	lock_release(&lock);
	return err < 0 ? 1 : 0;
}
