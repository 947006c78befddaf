/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device that packets to other nodes' pods are encapsulated by, one for
 * all of them (collect metadata: each packet says where it goes), and what
 * encapsulation leaves of the uplink's MTU.
 */
#ifndef SLUICED_ENCAP_H
#define SLUICED_ENCAP_H

#include "common/rtnl.h"
#include "daemon/config.h"
#include "daemon/why.h"

/* What each packet grows by, bytes; 0 for direct. */
unsigned int encap_overhead(enum config_encap encap, enum sl_family outer);
/*
 * Largest packet of a pod, bytes of layer 3: @mtu where it is set, else the
 * uplink's less the overhead. 0: nothing is left.
 */
unsigned int encap_mtu(const struct config *cfg, unsigned int uplink_mtu, enum sl_family outer);

/*
 * encap_device_set() - have the device of the configured kind, up, with @mtu
 *
 * Makes it, or takes what is there where it is ours (by its alias), anew
 * where port or kind differ; the other kind's device of ours goes. 0 with
 * *@ifindex (0 for direct); -EEXIST when somebody else's device has the name
 * or the port: it is left alone.
 */
int encap_device_set(struct rt *rt, const struct config *cfg, unsigned int mtu, int *ifindex,
		     struct why *why);
/* Takes our devices away; others' stay. */
int encap_device_remove(struct rt *rt);

#endif
