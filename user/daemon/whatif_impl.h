/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files behind whatif.h. */
#ifndef SLUICED_WHATIF_IMPL_H
#define SLUICED_WHATIF_IMPL_H

#include "daemon/policy_impl.h"
#include "daemon/whatif.h"

enum { WAS, WILL, STATES };

struct state {
	struct model model;
	struct compiler compiler;
};

/* What one end's policies say of a connection. */
struct says {
	bool asked;			/* the end is a pod */
	bool allowed;			/* true where it is none */
	__u8 tier;			/* enum sl_tier; SL_TIER_NONE: nobody decided */
	const struct decider *by;
};

struct verdicts {
	struct says side[STATES][__SL_DIR_MAX];	/* egress: the sender's */
};

#define PROTO_OTHER	0		/* all that have no ports */
#define PROTO_ANY	255

struct range {
	__u8 proto;			/* IPPROTO_, or the above */
	__u16 lo, hi;
};

/* A way in which the verdict of a pair is another one; each once, whatever the pairs. */
struct outcome {
	struct hnode node;
	struct verdicts v;
	unsigned int nranges;
	struct range range[];
};

/* All outcomes of one pair and family; reused from pair to pair. */
struct outcomes {
	struct outcome **v;
	unsigned int n, cap;
};

enum end_kind { END_POD, END_NODE, END_BLOCK };

/* A pod by its name in either state, and what its policies come to. */
struct subject {
	const struct model_pod *pod[STATES];
	struct ruleset *ruleset[STATES];
};

/* An address that some Node object calls its own, in one state or both. */
struct node_end {
	union sl_addr addr;
	const struct str *name[STATES];	/* NULL: it is no node's */
};

union member {
	const struct subject *pod;
	struct node_end node;
	struct sl_prefix block;		/* less the blocks within it and what is a pod's */
};

/* Ends that are judged alike. */
struct end {
	struct hnode node;
	enum end_kind kind;
	const struct ruleset *ruleset[STATES];	/* pods only */
	const struct class *class[STATES][__SL_FAMILY_MAX];	/* NULL: not of that family */
	bool class_changed, rules_changed;
	const struct end *of;		/* some pods of it: those on, or not on, */
	const struct str *on;		/* the node of this name */
	bool is_on;
	union member *member;
	unsigned int n, cap;
};

struct end_set {
	struct end **v;
	unsigned int n, cap;
};

/* Everybody of @from to everybody of @to. */
struct flip {
	const struct outcome *outcome;
	unsigned int families;		/* bits of enum sl_family */
	struct end_set from, to;
};

struct flips {
	struct flip *v;
	unsigned int n, cap;
};

enum change { CHANGE_CREATED, CHANGE_CHANGED, CHANGE_NONE, CHANGE_DELETED, CHANGE_ABSENT };

struct whatif {
	const struct policy *pol;
	struct state *state[STATES];
	json_t *objects, *refused;
	struct subject *subject;
	unsigned int nsubjects;
	struct htab ends_by_content;
	struct end_set ends;		/* those that are compared */
	struct end_set parts;		/* of ends, made on the way */
	struct htab parts_by_node;
	struct htab outcomes;
	struct outcomes pair[__SL_FAMILY_MAX];	/* scratch */
	struct judgement judgement[STATES][__SL_DIR_MAX];	/* scratch */
	struct flips flips;
	unsigned long long pairs;	/* with some verdict that is another one */
	bool lost;			/* more flips than can be kept */
	json_t *flows;
	unsigned long long nflows;
};

/* whatif_end.c: fills in the ends. -ENOMEM. */
int end_set_add(struct end_set *s, struct end *e);
int whatif_ends(struct whatif *w);
void whatif_ends_free(struct whatif *w);
/* The part of @e that is on the node @on, or not: @e itself when all are; NULL: none are. */
int whatif_part(struct whatif *w, struct end *e, const struct str *on, bool is_on,
		struct end **out);
const struct str *whatif_node_of(const struct whatif *w, const struct subject *s, int state);

/*
 * whatif_pair.c: how the verdict on connections from @a to @b changes in @f
 * @own: by state: it is a pod and its own node, which always may talk
 */
int whatif_pair(struct whatif *w, const struct end *a, const struct end *b, enum sl_family f,
		const bool own[STATES], struct outcomes *out);
void whatif_outcomes_free(struct whatif *w);
/* What @r says in direction @dir of @class, on one port; r NULL: the end is no pod. */
int whatif_judge(struct state *st, const struct ruleset *r, enum sl_dir dir,
		 const struct class *class, struct judgement *j);
struct says whatif_says(const struct ruleset *r, enum sl_dir dir, const struct judgement *j,
			__u8 proto, __u16 port);

/* whatif_flip.c: all pairs of ends, gathered into flips */
int whatif_flips(struct whatif *w);
void whatif_flips_free(struct whatif *w);

static inline bool verdicts_allow(const struct verdicts *v, int state)
{
	return v->side[state][SL_DIR_INGRESS].allowed && v->side[state][SL_DIR_EGRESS].allowed;
}

#endif
