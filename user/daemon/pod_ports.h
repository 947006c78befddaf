/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ports of a pod that have names, interned and immutable: the pods of a
 * ReplicaSet have one list between them.
 */
#ifndef SLUICED_POD_PORTS_H
#define SLUICED_POD_PORTS_H

#include <linux/types.h>
#include "daemon/str.h"

struct pod_port {
	struct str *name;
	__u16 port;
	__u8 proto;			/* IPPROTO_ */
};

struct pod_ports {
	struct hnode node;
	unsigned int refs, n;		/* never empty: no ports are NULL */
	struct pod_port port[];		/* containers first, then sidecars; names single for a protocol */
};

/*
 * pod_ports_get() - the list of these ports; a new reference
 * @port: taken over (malloc), with the strings in it, also when NULL is
 *        returned for want of memory
 * @n: at least one
 */
struct pod_ports *pod_ports_get(struct pod_port *port, unsigned int n);
struct pod_ports *pod_ports_ref(struct pod_ports *p);	/* NULL is fine */
void pod_ports_put(struct pod_ports *p);		/* NULL is fine */
/* Number of the port called @name; 0: none. @p may be NULL: no ports at all. */
__u16 pod_ports_number(const struct pod_ports *p, const struct str *name, __u8 proto);
/* Drops ports that were to become a list. */
void pod_port_list_free(struct pod_port *port, unsigned int n);

#endif
