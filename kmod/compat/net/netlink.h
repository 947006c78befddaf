/* SPDX-License-Identifier: GPL-2.0 */
/* What older kernels' <net/netlink.h> lacks; found before theirs. */
#ifndef SLUICE_COMPAT_NET_NETLINK_H
#define SLUICE_COMPAT_NET_NETLINK_H

#include_next <net/netlink.h>

#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(_len)	NLA_POLICY_MAX(NLA_BINARY, _len)
#endif

#endif /* SLUICE_COMPAT_NET_NETLINK_H */
