/* SPDX-License-Identifier: GPL-2.0 */
/* The administrator's rules as words and as JSON; no dataplane here. */
#ifndef SLUICE_CLI_RULE_TEXT_H
#define SLUICE_CLI_RULE_TEXT_H

#include "cli.h"

extern const char *const rule_actions[];	/* by enum sl_acl_act, NULL-terminated */

/*
 * From the options of 'rule add' and its action; what no option says is not
 * matched. 0, or -EINVAL with @why (CLI_WHY bytes).
 */
int rule_parse(struct cli *cli, const char *action, struct sl_acl_rule *r, char *why);

/* All of it, under the options' names in one word. NULL: no memory. */
json_t *rule_json(const struct sluice_rule *rule);

#endif
