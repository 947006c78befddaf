// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The kernel module's netlink family. */
#include <errno.h>
#include "lib/backend.h"

static int netlink_open(struct sluice *sl)
{
	(void)sl;
	return -EOPNOTSUPP;
}

const struct lib_backend lib_backend_netlink = {
	.name = "netlink",
	.open = netlink_open,
};
