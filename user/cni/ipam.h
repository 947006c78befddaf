/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses for pods, out of the node's pod ranges. There is no other book
 * than the endpoint records: an address is in use exactly when a record holds
 * it. So nothing can leak that DEL or GC does not find.
 */
#ifndef SLUICE_CNI_IPAM_H
#define SLUICE_CNI_IPAM_H

#include "cni/cni.h"
#include "common/record.h"

#define IPAM_RANGES_MAX 16

/*
 * ipam_choose() - the next free address of a range
 * @used: addresses of the range's family in use, sorted by ipam_compare()
 * @last: chosen the time before; the search goes on behind it, so that an
 *	address rests as long as possible before it is somebody else's
 * Returns false when none is free. Ranges of more than two addresses give
 * away neither their first (the network's, RFC 4291's subnet-router anycast)
 * nor the second (by habit a gateway's) nor IPv4's last (broadcast).
 */
bool ipam_choose(const struct sl_prefix *range, const union sl_addr *used, size_t nused,
		 const union sl_addr *last, union sl_addr *out);
/* Whether @range gives @addr away at all. */
bool ipam_offers(const struct sl_prefix *range, const union sl_addr *addr);
int ipam_compare(const void *a, const void *b);

/* Ranges of the node, at most one address of each family for a pod. */
struct ipam_ranges {
	struct sl_prefix range[IPAM_RANGES_MAX];
	size_t n;
};

/*
 * ipam_reserve() - choose addresses and write the record, not ready yet
 * @rec: everything but the addresses; they are filled in
 * @want: by family, all zero: any
 *
 * Codes: EXISTS (there is a record), EXHAUSTED, AGAIN (the lock is held for
 * too long), IO.
 */
int ipam_reserve(int dirfd, const struct ipam_ranges *ranges, const union sl_addr *want,
		 struct record *rec, struct cni_error *err);
/* Makes the record ready; -ENOENT: it was deleted meanwhile. */
int ipam_commit(int dirfd, struct record *rec);
/* Takes the record away and frees its addresses; 0 when there is none. */
int ipam_release(int dirfd, const char *container_id, const char *ifname);
/* Removes what writers that died in mid-write have left. */
int ipam_sweep(int dirfd);
/* Whether another pod would find an address: EXHAUSTED, IO. */
int ipam_probe(int dirfd, const struct ipam_ranges *ranges, struct cni_error *err);

#endif /* SLUICE_CNI_IPAM_H */
