/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon's network namespace looks like at one moment: its
 * addresses, the uplink and what is on its link. Read anew on every change;
 * never kept up to date message by message, so that nothing can drift.
 */
#ifndef SLUICED_VIEW_H
#define SLUICED_VIEW_H

#include "common/rtnl.h"
#include "daemon/policy.h"

struct view {
	struct rt_addr *addrs;
	size_t naddrs, addrs_size;
	struct rt_link uplink;		/* ifindex 0: none */
	bool no_uplink;			/* none is wanted */
	/* The uplink's; its node object's where that is there, else the first global one. */
	union sl_addr uplink_addr[__SL_FAMILY_MAX];
	/* The node object's where it is local, else the uplink's. */
	union sl_addr node_addr[__SL_FAMILY_MAX];
	struct sl_prefix *onlink;	/* networks on the uplink */
	size_t nonlink;
	char why[160];			/* there is no uplink since */
};

/*
 * @uplink: a device, "auto" or "none". @self: this node's object or NULL.
 * Without an uplink 0 with @why; errors are the kernel's.
 */
int view_read(struct rt *rt, const char *uplink, const struct policy_node *self,
	      struct view *out);
void view_free(struct view *view);

/* Whether @addr is one that other hosts may know this node by. */
bool view_addr_is_hosts(const struct rt_addr *addr);

#endif
