/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ids of entries in the tables, in runs. One that was freed is not given out again
 * for a while: a program may have read it just before, and be about to look there.
 */
#ifndef SLUICED_IDPOOL_H
#define SLUICED_IDPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include "bpf/abi.h"

/* Longer than any program runs. */
#define IDPOOL_WAIT_NS 1000000000ULL

struct idpool_freed {
	__u32 first, n;
	__u64 at_ns;
};

struct idpool {
	__u64 *used;			/* a bit for each id; those that wait are used, too */
	__u32 max, next;		/* @next: where to look first, so that reuse comes late */
	__u32 count;			/* bits set; id 0 among them */
	struct idpool_freed *freed;	/* in the order of their times: a ring */
	size_t first, n, room;
};

int idpool_init(struct idpool *p, __u32 max);	/* -ENOMEM. Id 0 is never given out */
void idpool_exit(struct idpool *p);
/* A run of @n ids that lie side by side; 0: there is none. */
__u32 idpool_get(struct idpool *p, __u32 n);
/* Those that the tables have in use already. */
void idpool_take(struct idpool *p, __u32 first, __u32 n);
/* Back at once: nobody has seen them. */
void idpool_unget(struct idpool *p, __u32 first, __u32 n);
/* Back after the wait. Without memory they stay in use. */
void idpool_put(struct idpool *p, __u32 first, __u32 n, __u64 now_ns);
/* Gives back those whose wait is over; true: there were some. */
bool idpool_settle(struct idpool *p, __u64 now_ns);
/* When the next wait is over; 0: nothing waits. */
__u64 idpool_next_ns(const struct idpool *p);
bool idpool_is_used(const struct idpool *p, __u32 id);

#endif
