/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names for numbers: endpoints, addresses, services and deciders, asked of the daemon
 * once for each run. Without a daemon there are none, and that is said once.
 */
#ifndef SLUICE_CLI_NAMES_H
#define SLUICE_CLI_NAMES_H

#include "cli.h"

/* All return borrowed pointers, or NULL when there is no name. */
const char *name_of_endpoint(struct cli *cli, __u32 id);
const char *name_of_address(struct cli *cli, const union sl_addr *addr);
/* "NS/NAME" by an id of sl_svc. */
const char *name_of_service(struct cli *cli, __u32 svc);
const json_t *name_of_rule(struct cli *cli, __u32 rule);

/*
 * Adds what is known of a decider to @row: "rule" (the id), "tier",
 * "namespace", "policy", "direction", "ruleName", null where unknown. 0 is
 * no decider. @tier: from the table the id came from.
 */
int name_rule_into(struct cli *cli, json_t *row, __u32 rule, const char *tier);
/* Tier of the decider of a drop as far as its reason tells, else NULL. */
const char *name_drop_tier(__u32 reason);

/* The documentation of what name_rule_into() adds. */
#define NAME_RULE_KEYS(prefix)                                                                 \
	{ prefix "rule", "integer or null", "id of the rule that decided" },                   \
	{ prefix "tier", "string or null", "none (no policy selects the pod), admin, netpol, " \
					   "baseline, node (traffic of the pod's own node)" }, \
	{ prefix "namespace", "string or null", "namespace of the policy" },                   \
	{ prefix "policy", "string or null", "name of the policy" },                           \
	{ prefix "direction", "string or null", "ingress or egress" },                         \
	{ prefix "ruleName", "string or null", "which of the policy's rules" }

/* "shop/db-in ingress[0]", "rule 12", "no policy", "node", "-" from such an object. */
void name_rule_text(const json_t *obj, char *buf, size_t len);
/* The same of who refused: where no rule speaks, that is said. */
void name_refusal_text(const json_t *obj, char *buf, size_t len);

/*
 * Verdict and why, in words: "allowed by shop/db ingress[0]". @side: an object with "verdict" and
 * "decider". An end without policies is open.
 */
void name_verdict_text(const json_t *side, char *buf, size_t len);

/* Whether the daemon answered; says it once when it did not. */
bool names_known(struct cli *cli);

void names_free(struct names *names);

#endif
