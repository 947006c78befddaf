/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints: pods of this node, from the plugin's records to sl_ep, sl_addr,
 * sl_if and programs on their devices.
 *
 * An endpoint is born closed and entered into the tables in this order: sl_ep
 * with the closed policy word, programs, sl_if, sl_addr, policy; it leaves in
 * the reverse one. Programs stay on a device as long as there is one: without
 * an entry in sl_if they drop everything, without programs the node's stack
 * would forward it unjudged.
 */
#ifndef SLUICED_ENDPOINT_H
#define SLUICED_ENDPOINT_H

#include "common/record.h"
#include "common/rtnl.h"
#include "daemon/policy.h"

struct endpoints;

struct endpoint {
	__u32 id;			/* index in sl_ep */
	struct record rec;
};

/* What endpoints work on; all of it outlives them. */
struct endpoints_ctx {
	struct sluice *sl;
	struct policy *pol;
	struct rt *rt;
	const char *state_dir;
	/* Puts the policy in force; 0 or a negative errno. */
	int (*commit)(void *arg);
	void *arg;
};

int endpoints_new(const struct endpoints_ctx *ctx, struct endpoints **out);
/* The kernel's side stays as it is. */
void endpoints_free(struct endpoints *eps);

/*
 * endpoints_recover() - take over what an earlier daemon left
 *
 * Records whose device is there become endpoints again, under the id that
 * the kernel knows for their addresses and with the policy word it has; what
 * the kernel has beside is closed and removed. The caller commits.
 */
int endpoints_recover(struct endpoints *eps);

/*
 * endpoint_add() - a new endpoint, open when this returns 0
 *
 * Added already with the same device and addresses: 0 and the same @id.
 * Errors, @why says more: -EEXIST (address in use), -ENODEV (no such device),
 * -EINVAL, -ENOSPC (no free id), and what the kernel said.
 */
int endpoint_add(struct endpoints *eps, const struct record *rec, __u32 *id, char *why,
		 size_t len);
/* 0 when there is none. */
int endpoint_del(struct endpoints *eps, const char *container, const char *ifname);
/* -ENOENT, -ENODEV, -ESTALE with @why: what is not as it should be. */
int endpoint_check(struct endpoints *eps, const char *container, const char *ifname, char *why,
		   size_t len);

/* A device of this namespace is gone. */
void endpoints_link_gone(struct endpoints *eps, int ifindex);
/* Compares with devices and kernel tables and repairs; returns how many. */
int endpoints_reconcile(struct endpoints *eps);
/* Deletes the flows of endpoints that left since the last call. */
void endpoints_sweep(struct endpoints *eps);

/*
 * Tells the programs whose sockets are to be given no backends (sl_netns), as the pods'
 * objects say now. What could not be written is logged, and tried again with the next call.
 */
void endpoints_tell_sockets(struct endpoints *eps);

const struct endpoint *endpoint_by_id(const struct endpoints *eps, __u32 id);
const struct endpoint *endpoint_by_addr(const struct endpoints *eps, const union sl_addr *addr);
bool endpoints_has_ifindex(const struct endpoints *eps, int ifindex);
unsigned int endpoints_count(const struct endpoints *eps);

#endif
