/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deciders: who a verdict is by. The id goes into kernel tables, flows and
 * drop events; it is a hash of the name, so that it means the same after a
 * restart. Deciders that are no longer in force are remembered for a while,
 * because flows and counters still name them.
 */
#ifndef SLUICED_DECIDER_H
#define SLUICED_DECIDER_H

#include "daemon/str.h"
#include "lib/sluice.h"

#define DECIDER_IMPLICIT	(-1)	/* isolated, and no rule allows */
#define DECIDER_MAX_RETIRED	1024

struct decider {
	struct hnode node;		/* by id */
	__u32 id;
	unsigned int refs;
	struct str *ns, *name;		/* of the policy; @ns NULL: cluster-wide */
	int index;			/* of the rule in its direction, or DECIDER_IMPLICIT */
	__u8 tier;			/* enum sl_tier */
	__u8 dir;			/* enum sl_dir */
	struct decider *newer, *older;	/* retired ones */
};

struct deciders {
	struct htab by_id;
	struct decider *newest, *oldest;
	unsigned int nretired;
};

/* The one with the tier, names, direction and index of @like; a reference, or NULL. */
struct decider *decider_get(struct deciders *ds, const struct decider *like);
void decider_put(struct deciders *ds, struct decider *d);
/* All but the id: of two tables, too. NULL is only like NULL. */
bool decider_same(const struct decider *a, const struct decider *b);
struct decider *decider_find(const struct deciders *ds, __u32 id);
void deciders_exit(struct deciders *ds);

const char *tier_name(enum sl_tier t);		/* "netpol" */
const char *dir_name(enum sl_dir d);		/* "ingress" */

#endif
