/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services at connect(): the programs on a cgroup, and what they have to know of
 * the node.
 */
#ifndef SLUICED_SOCKETS_H
#define SLUICED_SOCKETS_H

#include "lib/sluice.h"

/*
 * @cgroup: "auto" for the root of the mounted cgroup2 hierarchy, "none" to take
 * them away, or a directory of it. -ENOENT: no cgroup2 is mounted. Without it
 * processes on the host's network do not reach services; pods do.
 */
int sockets_start(struct sluice *sl, const char *cgroup);

#endif
