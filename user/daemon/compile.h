/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model to plan. What comes out depends on the model alone (but for the ids
 * of things whose hashes collide); only what changed is worked out again.
 *
 * Only endpoints of this node get rule sets, and only peers that these rule
 * sets name make classes.
 *
 * An address that several pods claim belongs to none of them surely: it gets
 * only what all of them have (an endpoint of this node is sure of its own).
 */
#ifndef SLUICED_COMPILE_H
#define SLUICED_COMPILE_H

#include "daemon/plan.h"
#include "daemon/ruleset.h"

/* A peer that can mean pods of a namespace. */
struct candidate {
	struct group *group;
	const struct selector *pod_sel;
};

/* A prefix that some address block begins or ends at. */
struct block_node {
	struct sl_prefix prefix;
	int parent;			/* index; -1: none */
	struct class *class;		/* of what lies directly below */
};

struct units {
	struct unit **v;
	unsigned int n, cap;
};

struct compiler {
	struct model *model;
	struct classes classes;
	struct rulesets rulesets;
	struct portsets portsets;
	struct block_node *block;	/* by address, then length */
	unsigned int nblocks;
	unsigned int groups_version;	/* from 1: goes up when active groups change */
	bool blocks_dirty;
	bool incomplete;		/* the last update failed half-way */
	struct plan plan;
	/* scratch, kept to spare allocations */
	struct units units, common;
	struct judgement any, one;
};

int compile_init(struct compiler *c, struct model *model);
void compile_exit(struct compiler *c);

/*
 * Rule sets, groups and classes, and no entries: enough for ruleset_judge().
 * -ENOMEM: unusable until it succeeds.
 */
int compile_classes(struct compiler *c);
/* Brings the plan up to date. -ENOMEM: the plan is unusable until it succeeds. */
int compile_update(struct compiler *c);

/* Other ids for what collides in the kernel; @taken: ids to leave alone. */
int compile_rename_ruleset(struct compiler *c, __u32 id,
			   bool (*taken)(void *arg, __u32 id), void *arg);
int compile_rename_portset(struct compiler *c, __u32 id,
			   bool (*taken)(void *arg, __u32 id), void *arg);

/* Class of an address that is nobody's pod. */
struct class *compile_cover(const struct compiler *c, const union sl_addr *a);
/* Class of any address. */
const struct class *compile_class_at(const struct compiler *c, const union sl_addr *a);

#endif
