/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pair of interfaces between node and pod: made, opened, verified, taken
 * away. Every function works on the node's namespace, which is the plugin's
 * own, and on the pod's.
 */
#ifndef SLUICE_CNI_WIRE_H
#define SLUICE_CNI_WIRE_H

#include "cni/cni.h"
#include "common/record.h"
#include "common/rtnl.h"

struct wire {
	int netns_fd;
	struct rt *host, *pod;
	int pod_ifindex;
};

/* "sl" and 13 hex digits: the same for the same attachment, on every node. */
void wire_host_ifname(const char *container_id, const char *ifname, char out[IFNAMSIZ]);

/*
 * wire_open() - reach both namespaces
 * Codes: CONTAINER (there is no such namespace), ENVIRONMENT (it is none, or
 * the plugin's own), KERNEL. wire_close() is due only after success.
 */
int wire_open(const char *netns, struct wire *out, struct cni_error *err);
void wire_close(struct wire *w);
/* SO_NETNS_COOKIE of the pod's namespace; 0: the kernel doesn't say. */
__u64 wire_netns_cookie(const struct wire *w);

/* Makes the pair, both ends down; fills in rec->host_ifindex and the MACs. */
int wire_create(struct wire *w, struct record *rec, bool keep_mac, struct cni_error *err);
/* Addresses, routes and neighbours of the pod; its end is up after this. */
int wire_setup_pod(struct wire *w, const struct record *rec,
		   const union sl_addr gateway[__SL_FAMILY_MAX], struct cni_error *err);
/* The node's end comes up, with routes to the pod: only when programs are on it. */
int wire_open_host(struct wire *w, const struct record *rec, struct cni_error *err);
/* Both ends; 0 when there is none. @host_ifname of another kind: -EEXIST. */
int wire_remove(struct rt *host, const char *host_ifname);
/* CHECK: everything that the three above have set. @routes: the pod's too. */
int wire_check(struct wire *w, const struct record *rec,
	       const union sl_addr gateway[__SL_FAMILY_MAX], bool routes, struct cni_error *err);

#endif /* SLUICE_CNI_WIRE_H */
