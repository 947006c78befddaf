/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rule sets and port sets.
 *
 * A rule set is everything that the policies of an endpoint say, both
 * directions, with the names of its own ports turned into numbers. Endpoints
 * of equal content share one. What it says of a class is worked out by
 * ruleset_judge().
 *
 * A port set is a list of port prefixes with verdicts; equal lists are stored
 * once, whoever uses them.
 */
#ifndef SLUICED_RULESET_H
#define SLUICED_RULESET_H

#include "daemon/class.h"
#include "daemon/decider.h"

struct ruleset_rule {
	struct decider *decider;
	enum rule_action action;
	struct group *group;
	bool all;			/* no ports named: everything */
	unsigned int nports;		/* none and not @all: nothing */
	struct netpol_port *port;	/* names only for egress */
};

struct ruleset {
	struct hnode node, by_id;
	__u32 id;			/* what the kernel calls it */
	unsigned int refs;		/* endpoints */
	bool fresh;			/* no entries yet */
	bool isolated[__SL_DIR_MAX];	/* some policy has a say: the tables are asked */
	bool tiered[__SL_DIR_MAX];	/* a ClusterNetworkPolicy has a say */
	struct decider *deny[__SL_DIR_MAX];	/* which NetworkPolicy isolates; NULL: none */
	unsigned int nrules[__SL_DIR_MAX];
	struct ruleset_rule *rule[__SL_DIR_MAX];	/* in the order of evaluation */
};

struct rulesets {
	struct htab sets, by_id;
	struct deciders deciders;
	unsigned int nfresh, ndead;
};

/* The rule set of an endpoint of @pod; a reference. NULL without memory. */
struct ruleset *ruleset_get(struct rulesets *rs, struct classes *cs, const struct model *m,
			    const struct model_pod *pod);
void ruleset_put(struct rulesets *rs, struct ruleset *r);	/* NULL is fine; reaped later */
/* They say the same, whatever their ids; of two compilers, too. */
bool ruleset_same(const struct ruleset *a, const struct ruleset *b);
struct ruleset *ruleset_find(const struct rulesets *rs, __u32 id);
void ruleset_free(struct rulesets *rs, struct classes *cs, struct ruleset *r);
/* Gives it another id: the next one that neither a rule set has nor @taken says is. */
void ruleset_rename(struct rulesets *rs, struct ruleset *r,
		    bool (*taken)(void *arg, __u32 id), void *arg);
void rulesets_exit(struct rulesets *rs);

/*
 * Ports of which something is said: disjoint, by protocol and number. Without
 * tiers all are allowed, and what is missing is refused. With tiers the first
 * one, of protocol 0, is for everything that none of the others has.
 */
struct grant {
	__u8 proto;
	__u16 lo, hi;
	__u8 verdict;			/* SL_VERDICT_ALLOW or _DENY */
	__u8 passed;			/* scratch: the tier that was passed */
	bool decided;			/* scratch */
	const struct decider *by;	/* NULL: nobody, allowed by default */
};

/* What a rule set says of a class in one direction. */
struct judgement {
	enum sl_verdict verdict;
	bool tiered;
	const struct decider *by;	/* of ALLOW and DENY; PORTS: of all grants, or NULL */
	unsigned int n, cap;
	struct grant *grant;		/* reused from call to call; free() at the end */
};

/*
 * ruleset_judge() - what @r says of @class, or, with NULL, of everybody else
 * The units of @class carry @stamp.
 */
int ruleset_judge(const struct ruleset *r, enum sl_dir dir, const struct class *class,
		  uint64_t stamp, struct judgement *out);
/* tiers.c: the same where ClusterNetworkPolicies have a say. */
int ruleset_judge_tiers(const struct ruleset *r, enum sl_dir dir, const struct class *class,
			uint64_t stamp, struct judgement *out);
bool ruleset_rule_holds(const struct ruleset_rule *r, uint64_t stamp);
/* Room for one more; NULL without memory. */
struct grant *judgement_grow(struct judgement *j);
/* The same traffic is allowed, with tiers also by the same deciders. */
bool judgement_equal(const struct judgement *a, const struct judgement *b);
/* Some rule of @r can tell the class whose units carry @stamp from everybody else. */
bool ruleset_concerns(const struct ruleset *r, enum sl_dir dir, uint64_t stamp);

/* ------------------------------------------------------------- port sets */

struct portset_entry {
	__u8 plen;			/* SL_PORT_PLEN_ of struct sl_port_key */
	__u8 proto;
	__u16 port;
	__u8 tier;			/* of @rule */
	__u8 verdict;
	__u8 pad[2];
	__u32 rule;			/* 0: the rule entry's */
};

struct portset {
	struct hnode node, by_id;
	__u32 id;
	unsigned int refs;		/* rule entries */
	unsigned int n;
	struct portset_entry entry[];
};

struct portsets {
	struct htab sets, by_id;
};

/* A reference; *@fresh: it is new. NULL without memory. */
struct portset *portset_get(struct portsets *ps, const struct judgement *j, bool *fresh);
struct portset *portset_find(const struct portsets *ps, __u32 id);
void portset_free(struct portsets *ps, struct portset *s);
void portset_rename(struct portsets *ps, struct portset *s,
		    bool (*taken)(void *arg, __u32 id), void *arg);
void portsets_exit(struct portsets *ps);

#endif
