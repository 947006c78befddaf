/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the reconciler. */
#ifndef SLUICED_RECONCILE_IMPL_H
#define SLUICED_RECONCILE_IMPL_H

#include "daemon/reconcile.h"

/* A prefix whose entry is to be written, and what it does to addresses in it. */
struct class_op {
	struct sl_prefix key;
	__u32 old;			/* class now, in the column in force */
	__u32 want;
	bool keep;			/* the plan has an entry; else it goes at the end */
};

/* Some address goes from one class to the other. */
struct move {
	__u32 from, to;
};

/* Keys of one table at which plan and mirror differ. */
struct keys {
	unsigned char *v;
	size_t n, cap, size;
};

/* What one commit works with. */
struct commit {
	struct reconciler *r;
	bool full;			/* all entries are compared, not only the changed ones */
	bool flip;			/* classes change: endpoints change columns */
	unsigned int now;		/* column in force before the switch */
	struct class_op *op;
	size_t nops, ops_cap;
	struct move *move;		/* sorted, no doubles, from != to */
	size_t nmoves, moves_cap;
	struct keys rule, port;
	struct btab judged;		/* rule set to whether a move concerns it */
};

/* reconcile_diff.c */
int commit_collect(struct commit *cm, struct reconciler *r, bool full);
void commit_free(struct commit *cm);
/* A move changes what the rule set of @word says in a direction that is isolated. */
int commit_concerns(struct commit *cm, __u64 word, bool *out);

/*
 * reconcile_conflict.c: ids in the plan that mean something else in the
 * tables, and are in force there. *@renamed: the plan has changed.
 */
int commit_resolve(struct commit *cm, bool *renamed);
/* Entries of live sets that are not in force may be changed in place. */
bool commit_rule_is_live(const struct commit *cm, const struct sl_rule_key *key);
bool commit_port_is_live(const struct commit *cm, const struct sl_port_key *key);

/* reconcile_unmix.c: endpoints in different columns, after a crash amid the switch */
int reconcile_unmix(struct reconciler *r);

#endif
