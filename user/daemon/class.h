/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peer groups, units and classes.
 *
 * A group is what one rule's `from` or `to` says: a set of peers. Rules with
 * the same peers share it. A unit is one thing that rules in force can find
 * out about an address: that it is in a group, or that it is in a group and
 * calls a port of it by a name that a rule of that group uses. A class is a
 * set of units. Two addresses with the same units are treated alike by every
 * rule, so they are one class, and the ids of classes are all that the kernel
 * needs to know of labels.
 *
 * Groups with `uses` are those of rule sets in force. All three live as long
 * as something refers to them.
 */
#ifndef SLUICED_CLASS_H
#define SLUICED_CLASS_H

#include "daemon/model.h"

struct group;

struct unit {
	struct hnode node;		/* of named units; plain ones are in their group */
	unsigned int refs;
	uint64_t stamp;		/* scratch: marks what one pass has met */
	struct group *group;
	struct str *name;		/* NULL: plain */
	__u16 port;
	__u8 proto;
	uint64_t id;			/* content hash, the same in every run */
};

/* A port name that egress rules of a group ask for. */
struct named_use {
	struct str *name;
	unsigned int uses;
	__u8 proto;
	bool active;			/* what the classes know of, as `active` below */
};

struct group {
	struct hnode node;
	unsigned int refs;		/* rules and units */
	unsigned int uses;		/* rules */
	bool any;			/* everybody: the rule has no from or to */
	bool has_blocks;		/* or nodes, whose addresses are blocks */
	bool has_nodes;
	bool active;			/* classes take it into account */
	bool touched;			/* `uses` changed: on the list */
	struct group *touched_next;
	struct unit plain;
	struct named_use *named;
	unsigned int nnamed, npeers;
	struct peer peer[];		/* sorted, no doubles */
};

struct class {
	struct hnode node, by_id;
	__u32 id;			/* what the kernel calls it */
	unsigned int refs;		/* addresses and blocks */
	bool fresh;			/* no rule entries yet */
	bool doomed;			/* holds a unit that is no more: scratch */
	unsigned int n;
	struct unit *unit[];		/* sorted by address */
};

struct classes {
	struct htab groups, units, classes, by_id;
	struct group *any;
	struct class *none;		/* the class without units */
	struct group *touched;
	uint64_t stamp;
	unsigned int nfresh, ndead;
};

int classes_init(struct classes *cs);
void classes_exit(struct classes *cs);

/* The group of a rule's peers; a reference and a use. NULL without memory. */
struct group *group_get(struct classes *cs, const struct peer *peer, unsigned int npeers);
void group_put(struct classes *cs, struct group *g);
/* The same peers, of two compilers, too. */
bool group_same(const struct group *a, const struct group *b);
/* Frees a group that nothing refers to; the compiler calls it for those on its list. */
void group_drop(struct classes *cs, struct group *g);
/* A rule of @g asks for the port that its peers call @name; -ENOMEM. */
int group_use_name(struct classes *cs, struct group *g, struct str *name, __u8 proto);
void group_unuse_name(struct classes *cs, struct group *g, const struct str *name, __u8 proto);
/* A peer of @g's selectors can mean pods of @ns. */
bool peer_covers_ns(const struct peer *p, const struct model_ns *ns);

/* A reference; NULL without memory. */
struct unit *unit_get_named(struct classes *cs, struct group *g, struct str *name, __u8 proto,
			    __u16 port);
struct unit *unit_find_named(const struct classes *cs, const struct group *g,
			     const struct str *name, __u8 proto, __u16 port);
void unit_put(struct classes *cs, struct unit *u);

/* The class of these units (sorted here, no doubles); a reference, or NULL. */
struct class *class_get(struct classes *cs, struct unit **unit, unsigned int n);
struct class *class_ref(struct class *c);
void class_put(struct classes *cs, struct class *c);	/* NULL is fine; reaped later */
struct class *class_find(const struct classes *cs, __u32 id);
void class_free(struct classes *cs, struct class *c);	/* it has no references */

static inline uint64_t classes_stamp(struct classes *cs)
{
	return ++cs->stamp;
}

#endif
