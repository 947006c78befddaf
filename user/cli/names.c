// SPDX-License-Identifier: GPL-2.0
/* Names for numbers, asked of the daemon. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "out.h"

struct names {
	json_t *all;			/* NULL: no daemon */
	const json_t *rules, *endpoints, *addresses, *services;
};

static const struct names *names_get(struct cli *cli)
{
	static const struct names none;
	char why[CLI_WHY] = "";
	struct names *n = cli->names;

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return &none;
	cli->names = n;
	if (cli_ask(cli, "names", NULL, &n->all, why)) {
		if (!cli->said_down)
			cli_note(cli, "%s: numbers instead of names", why);
		cli->said_down = true;
		return n;
	}
	n->rules = json_object_get(n->all, "rules");
	n->endpoints = json_object_get(n->all, "endpoints");
	n->addresses = json_object_get(n->all, "addresses");
	n->services = json_object_get(n->all, "services");
	return n;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	json_decref(names->all);
	free(names);
}

static const json_t *by_number(const json_t *map, __u32 id)
{
	char key[12];

	snprintf(key, sizeof(key), "%u", id);
	return json_object_get(map, key);
}

const char *name_of_endpoint(struct cli *cli, __u32 id)
{
	return id ? json_string_value(by_number(names_get(cli)->endpoints, id)) : NULL;
}

const char *name_of_address(struct cli *cli, const union sl_addr *addr)
{
	char text[SLUICE_ADDR_STRLEN];

	return json_string_value(json_object_get(names_get(cli)->addresses,
						 sluice_addr_format(addr, text)));
}

const char *name_of_service(struct cli *cli, __u32 svc)
{
	return svc ? json_string_value(by_number(names_get(cli)->services, svc)) : NULL;
}

const json_t *name_of_rule(struct cli *cli, __u32 rule)
{
	return rule ? by_number(names_get(cli)->rules, rule) : NULL;
}

bool names_known(struct cli *cli)
{
	return names_get(cli)->all;
}

/* Strings only: whatever else the daemon says is not what was agreed on. */
static json_t *copy_string(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? json_string(s) : json_null();
}

const char *name_drop_tier(__u32 reason)
{
	return reason == SL_DROP_RULE || reason == SL_DROP_RULE_RATE ? "rule" : NULL;
}

int name_rule_into(struct cli *cli, json_t *row, __u32 rule, const char *tier)
{
	/* An administrator's rule has an id of its own kind, and no policy. */
	bool acl = tier && !strcmp(tier, "rule");
	const json_t *name = acl ? NULL : name_of_rule(cli, rule);
	const char *known = json_string_value(json_object_get(name, "tier"));
	int err = 0;

	err |= json_object_set_new(row, "rule", rule ? json_integer(rule) : json_null());
	err |= json_object_set_new(row, "tier", known ? json_string(known) :
				   tier ? json_string(tier) : json_null());
	err |= json_object_set_new(row, "namespace", copy_string(name, "namespace"));
	err |= json_object_set_new(row, "policy", copy_string(name, "policy"));
	err |= json_object_set_new(row, "direction", copy_string(name, "direction"));
	err |= json_object_set_new(row, "ruleName", copy_string(name, "ruleName"));
	return err ? -ENOMEM : 0;
}

/* The first of what is known: policy and rule, number, tier. */
void name_rule_text(const json_t *obj, char *buf, size_t len)
{
	const char *ns = json_string_value(json_object_get(obj, "namespace"));
	const char *policy = json_string_value(json_object_get(obj, "policy"));
	const char *rule = json_string_value(json_object_get(obj, "ruleName"));
	const char *tier = json_string_value(json_object_get(obj, "tier"));
	json_int_t id = json_integer_value(json_object_get(obj, "rule"));

	if (policy)
		snprintf(buf, len, "%s%s%s%s%s", ns ? ns : "", ns ? "/" : "", policy,
			 rule ? " " : "", rule ? rule : "");
	else if (rule)
		snprintf(buf, len, "%s", rule);
	else if (id)
		snprintf(buf, len, "rule %" JSON_INTEGER_FORMAT, id);
	else if (tier && !strcmp(tier, "none"))
		snprintf(buf, len, "no policy");
	else
		snprintf(buf, len, "%s", tier ? tier : "-");
}

/* NetworkPolicy is what everybody expects. */
static const char *tier_text(const char *tier)
{
	if (!strcmp(tier, "admin"))
		return ", Admin tier";
	return strcmp(tier, "baseline") ? "" : ", Baseline tier";
}

void name_verdict_text(const json_t *side, char *buf, size_t len)
{
	const json_t *decider = out_get(side, "decider");
	const char *tier = out_string(decider, "tier");
	char name[OUT_CELL - 64];

	name_rule_text(decider, name, sizeof(name));
	if (!decider || !strcmp(tier, "none"))
		snprintf(buf, len, "allowed: no policy isolates it");
	else if (!strcmp(tier, "node"))
		snprintf(buf, len, "allowed: a pod and its own node may always talk");
	else if (!strcmp(out_string(side, "verdict"), "allow"))
		snprintf(buf, len, "allowed by %s%s", name, tier_text(tier));
	else if (!out_get(decider, "ruleName"))
		snprintf(buf, len, "refused: %s isolates it, and no rule allows this", name);
	else
		snprintf(buf, len, "refused by %s%s", name, tier_text(tier));
}

void name_refusal_text(const json_t *obj, char *buf, size_t len)
{
	size_t used;

	if (!json_string_value(json_object_get(obj, "policy")) &&
	    !json_integer_value(json_object_get(obj, "rule"))) {
		snprintf(buf, len, obj ? "isolated, no rule" : "-");
		return;
	}
	name_rule_text(obj, buf, len);
	used = strlen(buf);
	if (json_string_value(json_object_get(obj, "policy")) &&
	    !json_string_value(json_object_get(obj, "ruleName")))
		snprintf(buf + used, len - used, ", no rule");
}
