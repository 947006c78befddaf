// SPDX-License-Identifier: GPL-2.0
/* sluice policy: what is in force, and why a connection passes or not. */
#include <string.h>

#include "commands.h"
#include "daemon_list.h"
#include "key.h"
#include "names.h"
#include "value.h"

/* ------------------------------------------------------------------ list */

static const struct cli_key list_keys[] = {
	{ "tier", "string or null", "admin, netpol or baseline; null when it never was in force" },
	{ "priority", "integer or null", "of a ClusterNetworkPolicy, lower first" },
	{ "namespace", "string or null", "namespace of the policy; null: a ClusterNetworkPolicy" },
	{ "name", "string", "name of the policy" },
	{ "inForce", "boolean", "a version of it is in force" },
	{ "types", "array of strings", "Ingress, Egress; of the version in force" },
	{ "pods", "integer", "pods that it selects" },
	{ "ingressRules", "integer", "number of its ingress rules" },
	{ "egressRules", "integer", "number of its egress rules" },
	{ "file", "string or null", "manifest it comes from" },
	{ "refused", "string or null", "why the object's last version is not in force" },
	{ .path = NULL },
};

/* "shop/db", or the bare name of a ClusterNetworkPolicy. */
static void policy_title(const json_t *obj, char *buf, size_t len)
{
	const char *ns = out_string(obj, "namespace");

	snprintf(buf, len, "%s%s%s", ns, *ns ? "/" : "", out_string(obj, "name"));
}

static void cell_policy(const json_t *row, const char *key, struct out_cell *cell)
{
	(void)key;
	policy_title(row, cell->text, OUT_CELL);
}

static void cell_tier(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *tier = out_string(row, key);

	if (out_get(row, "priority"))
		snprintf(cell->text, OUT_CELL, "%s %d", tier, (int)out_integer(row, "priority"));
	else
		snprintf(cell->text, OUT_CELL, "%s", *tier ? tier : "-");
}

static void cell_rules(const json_t *row, const char *key, struct out_cell *cell)
{
	(void)key;
	snprintf(cell->text, OUT_CELL, "%d in, %d out", (int)out_integer(row, "ingressRules"),
		 (int)out_integer(row, "egressRules"));
}

static void cell_state(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *refused = out_string(row, key);
	bool in_force = json_is_true(out_get(row, "inForce"));

	if (!*refused)
		snprintf(cell->text, OUT_CELL, "in force");
	else
		snprintf(cell->text, OUT_CELL, "%srefused: %s",
			 in_force ? "older version in force, this one " : "", refused);
	cell->style = *refused ? STYLE_BAD : STYLE_GOOD;
}

static const struct out_column list_columns[] = {
	{ { .heading = "POLICY", .least = 16 }, NULL, cell_policy },
	{ { .heading = "TIER", .drop = 3 }, "tier", cell_tier },
	{ { .heading = "TYPES" }, "types", out_join },
	{ { .heading = "PODS", .right = true }, "pods", out_number },
	{ { .heading = "RULES", .drop = 2 }, NULL, cell_rules },
	{ { .heading = "STATE", .least = 16 }, "refused", cell_state },
	{ { .heading = "FILE", .least = 16, .drop = 1 }, "file", out_text },
};

static bool is_listed(const json_t *policies, const json_t *obj)
{
	const json_t *p;
	size_t i;

	json_array_foreach((json_t *)policies, i, p)
		if (!strcmp(out_string(p, "namespace"), out_string(obj, "namespace")) &&
		    !strcmp(out_string(p, "name"), out_string(obj, "name")))
			return true;
	return false;
}

static json_t *refused_row(const json_t *obj)
{
	const char *ns = out_string(obj, "namespace");

	return json_pack("{s:n, s:n, s:o, s:s, s:b, s:[], s:i, s:i, s:i, s:s, s:o}", "tier",
			 "priority", "namespace", *ns ? json_string(ns) : json_null(), "name", out_string(obj, "name"), "inForce",
			 false, "types", "pods", 0, "ingressRules", 0, "egressRules", 0, "file",
			 out_string(obj, "file"), "refused",
			 json_sprintf("%s:%d:%d: %s%s%s", out_string(obj, "file"),
				      (int)out_integer(obj, "line"),
				      (int)out_integer(obj, "column"), out_string(obj, "field"),
				      *out_string(obj, "field") ? ": " : "",
				      out_string(obj, "text")));
}

static bool is_policy(const char *kind)
{
	return !strcmp(kind, "NetworkPolicy") || !strcmp(kind, "ClusterNetworkPolicy");
}

/* A policy that never was right is in no table of policies, only among the refusals. */
static void add_refused(struct out_list *list, const json_t *policies, const json_t *refused)
{
	const json_t *obj;
	size_t i;

	json_array_foreach((json_t *)refused, i, obj)
		if (is_policy(out_string(obj, "kind")) && !is_listed(policies, obj))
			out_list_add(list, refused_row(obj));
}

static void add_policy(struct out_list *list, const json_t *policy)
{
	json_t *row = key_select(list_keys, policy);

	if (row)
		json_object_set_new(row, "inForce", json_true());
	out_list_add(list, row);
}

static int run_list(struct cli *cli)
{
	json_t *policies = NULL, *status = NULL;
	struct out_list list;
	const json_t *p;
	size_t i;
	int code = cli_call(cli, "policies", NULL, &policies);

	if (code == CLI_OK)
		code = cli_call(cli, "status", NULL, &status);
	if (code == CLI_OK && !json_is_array(policies))
		code = cli_fail(cli, "the daemon's answer is no list: versions differ?");
	if (code != CLI_OK)
		goto out;
	out_list_begin(&list, cli, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
	json_array_foreach(policies, i, p)
		add_policy(&list, p);
	add_refused(&list, policies, json_object_get(status, "refused"));
	code = out_list_end(&list, "no policies");
out:
	json_decref(policies);
	json_decref(status);
	return code;
}

/* ------------------------------------------------------------------ show */

static const struct cli_key show_keys[] = {
	{ "tier", "string", "admin, netpol or baseline" },
	{ "priority", "integer or null", "of a ClusterNetworkPolicy, lower first" },
	{ "namespace", "string or null", "namespace of the policy; null: a ClusterNetworkPolicy" },
	{ "name", "string", "name of the policy" },
	{ "file", "string or null", "manifest it comes from" },
	{ "refused", "string or null", "why the object's last version is not the one in force" },
	{ "types", "array of strings", "Ingress, Egress" },
	{ "namespaceSelector", "string or null", "labels of the namespaces it selects pods of; "
	  "null: its own" },
	{ "podSelector", "string", "labels of the pods it selects; empty: every pod" },
	{ "pods", "array of strings", "pods it selects, NAMESPACE/NAME" },
	{ "rules", "array of objects", "its rules" },
	{ "rules[].rule", "integer or null", "id, as flows and drops name it" },
	{ "rules[].direction", "string", "ingress or egress" },
	{ "rules[].ruleName", "string", "place in the object" },
	{ "rules[].name", "string or null", "name that a ClusterNetworkPolicy gives it" },
	{ "rules[].action", "string", "Accept, Deny or Pass" },
	{ "rules[].never", "boolean", "it matches nothing: some peer of it can't be enforced" },
	{ "rules[].peers", "array of strings", "who; empty: anybody" },
	{ "rules[].ports", "array of strings", "where; empty: any port" },
	{ .path = NULL },
};

static void show_list(struct cli *cli, const char *name, const json_t *list, const char *empty)
{
	const json_t *e;
	size_t i;

	if (!json_array_size(list))
		out_line(cli, name, STYLE_NONE, "%s", empty);
	json_array_foreach((json_t *)list, i, e)
		out_line(cli, i ? "" : name, STYLE_NONE, "%s", json_string_value(e));
}

static void show_tier(struct cli *cli, const json_t *obj)
{
	if (!out_get(obj, "priority"))
		return;
	out_line(cli, "tier", STYLE_NONE, "%s, priority %d", out_string(obj, "tier"),
		 (int)out_integer(obj, "priority"));
	if (*out_string(obj, "namespaceSelector"))
		out_line(cli, "in namespaces", STYLE_NONE, "%s",
			 out_string(obj, "namespaceSelector"));
}

/* What is not said by NetworkPolicy, all of whose rules accept. */
static void show_action(struct cli *cli, const json_t *rule)
{
	const char *action = out_string(rule, "action");

	if (json_is_true(out_get(rule, "never")))
		out_line(cli, "action", STYLE_BAD, "%s, but matches nothing: a peer of it can't be enforced",
			 action);
	else if (*action && strcmp(action, "Accept"))
		out_line(cli, "action", STYLE_NONE, "%s", action);
}

static void show(struct cli *cli, const json_t *obj)
{
	struct out_cell types = { .text = "" };
	const char *selector = out_string(obj, "podSelector");
	const json_t *rule;
	char title[OUT_CELL];
	size_t i;

	policy_title(obj, title, sizeof(title));
	out_line(cli, "policy", STYLE_STRONG, "%s", title);
	show_tier(cli, obj);
	if (out_get(obj, "file"))
		out_line(cli, "file", STYLE_NONE, "%s", out_string(obj, "file"));
	if (out_get(obj, "refused"))
		out_line(cli, "refused", STYLE_BAD, "%s", out_string(obj, "refused"));
	out_join(obj, "types", &types);
	out_line(cli, out_get(obj, "priority") ? "rules for" : "isolates for", STYLE_NONE, "%s",
		 types.text);
	out_line(cli, "selects", STYLE_NONE, "%s", *selector ? selector : "every pod");
	show_list(cli, "pods", out_get(obj, "pods"), "none");
	json_array_foreach((json_t *)out_get(obj, "rules"), i, rule) {
		bool in = !strcmp(out_string(rule, "direction"), "ingress");

		fputc('\n', cli->out);
		snprintf(title, sizeof(title), "rule %d", (int)out_integer(rule, "rule"));
		out_line(cli, out_get(rule, "rule") ? title : "rule", STYLE_STRONG, "%s%s%s",
			 out_string(rule, "ruleName"), out_get(rule, "name") ? " " : "",
			 out_string(rule, "name"));
		show_action(cli, rule);
		show_list(cli, in ? "from" : "to", out_get(rule, "peers"), "anybody");
		show_list(cli, "ports", out_get(rule, "ports"), "any");
	}
}

static int run_show(struct cli *cli)
{
	const char *arg = cli->line->args[0], *slash = strchr(arg, '/');
	size_t len = slash ? slash - arg : 0;
	int status = CLI_OK;
	json_t *obj;

	obj = daemon_object(cli, "policy.show",
			    json_pack("{s:s%, s:s}", "namespace", arg, len, "name",
				      slash ? slash + 1 : arg));
	if (!obj)
		return CLI_FAILED;
	if (cli->json)
		status = out_object(cli, obj);
	else
		show(cli, obj);
	json_decref(obj);
	return status;
}

/* --------------------------------------------------------------- explain */

#define END_KEYS(end)                                                                          \
	{ end, "object", "as the daemon understood it" },                                      \
	{ end ".pod", "string or null", "NAMESPACE/NAME" },                                    \
	{ end ".address", "string or null", "address looked at" },                             \
	{ end ".class", "integer or null", "peer class of the address" }
#define SIDE_KEYS(side, what)                                                                  \
	{ side, "object or null", what },                                                      \
	{ side ".verdict", "string or null", "allow or deny" },                                \
	{ side ".egress", "object or null", "what the sender's policies say" },                \
	{ side ".egress.verdict", "string or null", "allow or deny" },                         \
	{ side ".egress.decider", "object or null", "who decided" },                           \
	NAME_RULE_KEYS(side ".egress.decider."),                                               \
	{ side ".ingress", "object or null", "what the receiver's policies say" },             \
	{ side ".ingress.verdict", "string or null", "allow or deny" },                        \
	{ side ".ingress.decider", "object or null", "who decided" },                          \
	NAME_RULE_KEYS(side ".ingress.decider.")

static const struct cli_key explain_keys[] = {
	END_KEYS("from"),
	END_KEYS("to"),
	{ "protocol", "string", "tcp, udp or sctp" },
	{ "port", "integer", "destination port" },
	{ "verdict", "string", "allow or deny" },
	{ "agree", "boolean or null", "the kernel's tables say the same as the objects, and for the "
				      "same reason; null when neither end is an endpoint of this "
				      "node" },
	SIDE_KEYS("model", "what the objects say"),
	SIDE_KEYS("kernel", "what the kernel's tables say"),
	{ "other", "object or null", "IPv6, where both ends have both families and verdict or "
				     "agreement is another one there" },
	{ "other.agree", "boolean or null", "as agree" },
	SIDE_KEYS("other.model", "what the objects say"),
	SIDE_KEYS("other.kernel", "what the kernel's tables say"),
	{ .path = NULL },
};

static bool allows(const json_t *obj)
{
	return !strcmp(out_string(obj, "verdict"), "allow");
}

static void explain_end(const json_t *end, char *buf, size_t len)
{
	const char *pod = out_string(end, "pod"), *addr = out_string(end, "address");

	if (!*pod || !*addr)
		snprintf(buf, len, "%s%s", pod, addr);
	else
		snprintf(buf, len, "%s (%s)", pod, addr);
}

/* With the class, which is what the kernel's tables know it by. */
static void explain_end_class(const json_t *end, char *buf, size_t len)
{
	size_t used;

	explain_end(end, buf, len);
	used = strlen(buf);
	if (out_get(end, "class"))
		snprintf(buf + used, len - used, " of class %" JSON_INTEGER_FORMAT,
			 out_integer(end, "class"));
}

static void explain_side(struct cli *cli, const char *name, const json_t *side, const json_t *end)
{
	char who[OUT_CELL], why[OUT_CELL];

	explain_end(end, who, sizeof(who));
	if (!side) {
		out_line(cli, name, STYLE_NONE, "%s: no pod that is known here, so no policy", who);
		return;
	}
	name_verdict_text(side, why, sizeof(why));
	out_line(cli, name, allows(side) ? STYLE_GOOD : STYLE_BAD, "%s: %s", who, why);
}

static void explain_deciders(struct cli *cli, const json_t *obj, const json_t *verdicts)
{
	explain_side(cli, "sending", out_get(verdicts, "egress"), out_get(obj, "from"));
	explain_side(cli, "receiving", out_get(verdicts, "ingress"), out_get(obj, "to"));
}

/* @verdicts: @obj itself, or its other family. */
static void explain_kernel(struct cli *cli, const json_t *obj, const json_t *verdicts)
{
	const json_t *kernel = out_get(verdicts, "kernel");

	if (!kernel) {
		out_line(cli, "kernel", STYLE_DIM, "not asked: neither end is a pod of this node");
	} else if (json_is_true(out_get(verdicts, "agree"))) {
		out_line(cli, "kernel", STYLE_GOOD, "agrees");
	} else {
		out_line(cli, "kernel", STYLE_BAD, "DISAGREES: its tables say %s%s",
			 allows(kernel) ? "ALLOWED" : "DENIED",
			 allows(kernel) == allows(out_get(verdicts, "model")) ?
			 ", but for another reason" : "");
		explain_deciders(cli, obj, kernel);
	}
}

static void explain_verdict(struct cli *cli, const char *family, bool allowed)
{
	if (cli->colour)
		fprintf(cli->out, "%s%s", style_begin(STYLE_STRONG),
			style_begin(allowed ? STYLE_GOOD : STYLE_BAD));
	fprintf(cli->out, "%s%s%s\n", allowed ? "ALLOWED" : "DENIED", family,
		cli->colour ? style_end(STYLE_STRONG) : "");
}

static void explain(struct cli *cli, const json_t *obj)
{
	char from[OUT_CELL], to[OUT_CELL];
	const json_t *other = out_get(obj, "other");

	explain_end_class(out_get(obj, "from"), from, sizeof(from));
	explain_end_class(out_get(obj, "to"), to, sizeof(to));
	explain_verdict(cli, other ? " by IPv4" : "", allows(obj));
	out_line(cli, "connection", STYLE_STRONG, "%s to %s, %s/%d", from, to,
		 out_string(obj, "protocol"), (int)out_integer(obj, "port"));
	explain_deciders(cli, obj, out_get(obj, "model"));
	explain_kernel(cli, obj, obj);
	if (!other)
		return;
	fputc('\n', cli->out);
	explain_verdict(cli, " by IPv6", allows(out_get(other, "model")));
	explain_deciders(cli, obj, out_get(other, "model"));
	explain_kernel(cli, obj, other);
}

static int run_explain(struct cli *cli)
{
	const char *const *args = cli->line->args;
	int port, proto, status = CLI_OK;
	char name[4];
	json_t *obj;

	value_service(args[2], &port, &proto);
	obj = daemon_object(cli, "policy.explain",
			    json_pack("{s:s, s:s, s:s, s:i}", "from", args[0], "to", args[1],
				      "protocol", proto_name(proto, name), "port", port));
	if (!obj)
		return CLI_FAILED;
	if (cli->json)
		status = out_object(cli, obj);
	else
		explain(cli, obj);
	if (json_is_false(out_get(obj, "agree")) || json_is_false(out_get(obj, "other.agree")))
		status = CLI_FAILED;
	json_decref(obj);
	return status;
}

const struct cli_command cmd_policy_list = {
	.name = "list",
	.summary = "Policies in force, and objects whose last version was refused",
	.keys = list_keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_policy_show = {
	.name = "show",
	.summary = "One policy: whom it selects and what its rules allow",
	.args = (const struct cli_arg[]){
		{ .metavar = "[NS/]NAME", .type = CLI_POLICY,
		  .help = "namespace and name; the name alone of a ClusterNetworkPolicy" },
		{ .metavar = NULL } },
	.keys = show_keys,
	.examples = (const struct cli_example[]){
		{ "policy show shop/db", "the policy db of namespace shop" }, { .args = NULL } },
	.shape = CLI_SHAPE_OBJECT,
	.run = run_show,
};

const struct cli_command cmd_policy_explain = {
	.name = "explain",
	.summary = "Whether a connection is allowed, and by which rule or refused by whom",
	.text = "Judges the connection twice, by the policy objects and by what the kernel's tables "
		"hold, and says whether both agree.",
	.args = (const struct cli_arg[]){
		{ .metavar = "FROM", .type = CLI_PEER, .help = "who connects: NAMESPACE/POD or an "
							       "address" },
		{ .metavar = "TO", .type = CLI_PEER, .help = "to whom, likewise" },
		{ .metavar = "PORT[/PROTO]", .type = CLI_SERVICE,
		  .help = "destination port, with /udp or /sctp where it is not TCP" },
		{ .metavar = NULL } },
	.keys = explain_keys,
	.failure = "objects and kernel disagree",
	.examples = (const struct cli_example[]){
		{ "policy explain shop/web-1 shop/db-0 5432", "may the web tier reach the database?" },
		{ "policy explain 192.0.2.7 shop/dns-0 53/udp", "from outside, by UDP" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_OBJECT,
	.run = run_explain,
};
