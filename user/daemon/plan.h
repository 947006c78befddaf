/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wanted contents of the policy tables, and which entries have changed
 * since they were last written. Values here have one class id: columns are
 * the reconciler's business.
 */
#ifndef SLUICED_PLAN_H
#define SLUICED_PLAN_H

#include <jansson.h>
#include "daemon/lpm.h"

struct plan_ep {
	bool used;
	bool isolated[__SL_DIR_MAX];
	__u32 set;			/* rule set id; 0: none */
	__u32 class_id[__SL_FAMILY_MAX];
};

/* Keys in the order of their changes; may hold a key twice. */
struct keylog {
	unsigned char *key;
	size_t n, cap, ksize;
	bool lost;			/* no memory: everything may have changed */
};

struct plan {
	struct lpm class;		/* to __u32 */
	struct btab rule;		/* struct sl_rule_key to struct sl_rule_val */
	struct btab port;		/* struct sl_port_key to struct sl_port_val */
	struct keylog class_log, rule_log, port_log;
	struct plan_ep ep[SL_EP_MAX];
	bool ep_changed;		/* some of them */
};

void plan_init(struct plan *p);
void plan_exit(struct plan *p);

/* -ENOMEM. Setting what is set already is no change. */
int plan_set_class(struct plan *p, const struct sl_prefix *key, __u32 id);
int plan_set_rule(struct plan *p, const struct sl_rule_key *key, const struct sl_rule_val *val);
int plan_set_port(struct plan *p, const struct sl_port_key *key, const struct sl_port_val *val);
void plan_del_class(struct plan *p, const struct sl_prefix *key);
void plan_del_rule(struct plan *p, const struct sl_rule_key *key);
void plan_del_port(struct plan *p, const struct sl_port_key *key);
/* Forgets the changes: they are written. */
void plan_settle(struct plan *p);
bool plan_is_settled(const struct plan *p);	/* there are none */
/* The endpoint, to be changed: a change is taken for granted. */
struct plan_ep *plan_ep_touch(struct plan *p, __u32 id);

static inline __u32 plan_rule_set(__u32 id, enum sl_dir dir)
{
	return id << 1 | dir;
}

/* Everything, sorted; for tests and people. NULL without memory. */
json_t *plan_json(const struct plan *p);

#endif
