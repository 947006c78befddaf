/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between endpoint.c (adding, deleting, checking), endpoint_slot.c (who has
 * which id, address and device), endpoint_kernel.c (the tables), endpoint_netns.c
 * (sl_netns) and endpoint_recover.c (what an earlier daemon left).
 */
#ifndef SLUICED_ENDPOINT_IMPL_H
#define SLUICED_ENDPOINT_IMPL_H

#include "daemon/endpoint.h"

#define ADDR_BUCKETS 1024

struct addr_ref {
	struct addr_ref *next;
	struct slot *slot;
	union sl_addr addr;
};

struct slot {
	struct endpoint ep;
	struct addr_ref ref[__SL_FAMILY_MAX];
	bool netns_told, by_packet;	/* sl_netns says so, and what */
};

struct endpoints {
	struct endpoints_ctx ctx;
	struct slot *slots[SL_EP_MAX];
	struct addr_ref *buckets[ADDR_BUCKETS];
	unsigned int count;
	__u32 last_id;			/* ids go round, so that one rests before it comes again */
	bool dying[SL_EP_MAX];		/* left, flows not swept yet */
	bool dying_any;
	bool netns_swept;		/* nobody else's are in sl_netns */
};

static inline enum sluice_attach ep_attach_how(const struct slot *s)
{
	return s->ep.rec.netkit ? SLUICE_ATTACH_NETKIT : SLUICE_ATTACH_VETH;
}

/* Enters a slot under its id and addresses; takes it out again. */
void ep_slot_link(struct endpoints *eps, struct slot *s);
void ep_slot_unlink(struct endpoints *eps, struct slot *s);
struct slot *ep_slot_by_addr(const struct endpoints *eps, const union sl_addr *addr);
struct slot *ep_slot_by_ifindex(const struct endpoints *eps, int ifindex);
struct slot *ep_slot_find(const struct endpoints *eps, const char *container, const char *ifname);
/* A copy of @rec; NULL without memory. */
struct slot *ep_slot_new(const struct record *rec);
void ep_slot_free(struct slot *s);
/* An id that neither we nor the kernel use; -ENOSPC. */
int ep_id_alloc(struct endpoints *eps, __u32 *out);

/* Tables and programs; @keep_policy: the word in force stays. */
int ep_kernel_add(struct endpoints *eps, const struct slot *s, bool keep_policy);
/* Everything of @id that the kernel holds but programs on a device. */
void ep_kernel_remove(struct endpoints *eps, __u32 id);

int ep_policy_add(struct endpoints *eps, const struct slot *s);
/* The reverse of all that was added; frees @s. */
void ep_slot_remove(struct endpoints *eps, struct slot *s);

/* Returns @err, the words in @why. */
int ep_complain(int err, char *why, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* -ENODEV: not the device that the record names, under that number and no other's. */
int ep_check_device(struct endpoints *eps, const struct record *rec, char *why, size_t len);
/* -EEXIST: an address or the device is another endpoint's, or the node's own. */
int ep_check_addrs(struct endpoints *eps, const struct record *rec, char *why, size_t len);
/* -ESTALE: the device lacks a program. */
int ep_check_programs(struct endpoints *eps, const struct slot *s, char *why, size_t len);
/* -ESTALE: sl_if or sl_addr lacks an entry. */
int ep_check_maps(struct endpoints *eps, const struct slot *s, char *why, size_t len);

#endif
