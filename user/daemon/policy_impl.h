/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files behind policy.h, and for tests that bring their own tables. */
#ifndef SLUICED_POLICY_IMPL_H
#define SLUICED_POLICY_IMPL_H

#include "daemon/balancer.h"
#include "daemon/reconcile.h"

/* The last version of an object was refused; until one is taken, or it is deleted. */
struct refusal {
	struct refusal *next;
	struct object_id id;
	struct diag diag;
};

/* As of when it was made: the objects may be gone since. */
struct policy_healths {
	struct policy_health *port;	/* by port */
	struct str **held;		/* the two names of each */
	size_t n;
	bool current;			/* no commit since that changes it */
};

struct policy {
	struct model model;
	struct compiler compiler;
	struct tables tables;
	struct reconciler reconciler;
	bool has_tables;
	struct balancer *balancer;	/* NULL: services have no tables here */
	unsigned int zone_gen;		/* model.nodes_gen when the balancer was told where we are */
	struct str *node_name;
	struct refusal *refusals;
	struct policy_node *nodes;	/* of the last policy_nodes() */
	struct policy_healths healths;
	unsigned int commits;
	unsigned long compile_us, commit_us;
};

/* policy_new() on other tables; @t NULL: none. */
int policy_new_on(const struct tables *t, const char *node_name, struct policy **out);

const struct refusal *policy_refusal(const struct policy *pol, enum object_kind kind,
				     const char *ns, const char *name);

/* policy_health.c */
void policy_health_exit(struct policy_healths *l);
/* What is wrong with the port that load balancers ask about @s; false: nothing. */
bool policy_health_warning(const struct policy *pol, const struct model_service *s, char *buf,
			   size_t len);

/* explain.c */
struct explained {
	enum sl_verdict verdict;
	enum sl_tier tier;		/* SL_TIER_NONE: not isolated */
	__u32 rule;			/* decider id; 0: none */
	char ns[64], policy[256];	/* "" : none */
	int index;			/* of the rule, or DECIDER_IMPLICIT */
	enum sl_dir dir;
};

/* One end of a conversation, and which of its addresses is meant. */
struct party {
	const struct model_pod *pod;	/* NULL: nobody's address */
	union sl_addr addr;
	__u32 ep;			/* endpoint here that has the address; 0: none */
};

/* What the objects say: every policy is asked, nothing compiled is used. */
void explain_model(const struct policy *pol, const struct party *self, const struct party *peer,
		   const struct tables_flow *flow, struct explained *out);
void party_of(const struct policy *pol, const union sl_addr *addr, struct party *out);

/* Text of peers and ports, "pods app=web" and "tcp/80"; new references. */
json_t *peer_text(const struct peer *p);
json_t *port_text(const struct netpol_port *p);
const char *proto_text(int proto);	/* "tcp"; "other" */
/* Who decided, as in every answer; null where nobody did. @d NULL: no policy, but @tier. */
json_t *decider_json(const struct decider *d, enum sl_tier tier, enum sl_dir dir);
json_t *policy_refusal_json(const struct object_id *id, const struct diag *diag);

#endif
