// SPDX-License-Identifier: GPL-2.0
/* sluice rule: the administrator's rules, which are asked before the policies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "edit.h"
#include "out.h"
#include "rule_text.h"
#include "value.h"

/* ------------------------------------------------------------------ shown */

#define RULE_KEYS \
	{ "id", "integer", "number of the rule" }, \
	{ "priority", "integer", "lower ones are asked first; of equal ones the lower id" }, \
	{ "action", "string", "drop, reject, accept, pass, mark, rate, mirror, count" }, \
	{ "origin", "string", "who wrote it: admin, daemon" }, \
	{ "from", "string or null", "prefix of the source" }, \
	{ "to", "string or null", "prefix of the destination" }, \
	{ "fromPort", "string or null", "port of the source, or range of ports" }, \
	{ "toPort", "string or null", "port of the destination, or range of ports" }, \
	{ "proto", "string or null", "tcp, udp, sctp, icmp, icmpv6, or a number" }, \
	{ "tcpFlags", "string or null", "letters of FSRPAUEC that are set, / those looked at" }, \
	{ "icmpType", "integer or null", "type of ICMP or ICMPv6" }, \
	{ "icmpCode", "integer or null", "code of ICMP or ICMPv6" }, \
	{ "dscp", "integer or null", "differentiated services code point" }, \
	{ "interface", "string or null", "device the packet came in by; none: the node's own" }, \
	{ "fromClass", "integer or null", "peer class of the source" }, \
	{ "toClass", "integer or null", "peer class of the destination" }, \
	{ "mark", "string or null", "value and mask that packets are marked with" }, \
	{ "rate", "integer or null", "flows a second above which the rule drops" }, \
	{ "burst", "integer or null", "flows at once" }, \
	{ "comment", "string or null", "what the administrator said of it" }, \
	{ "packets", "integer", "packets that it was applied to when they were judged" }, \
	{ "bytes", "integer", "bytes of layer 3 of these" }, \
	{ .path = NULL }

static const struct cli_key rule_keys[] = { RULE_KEYS };

/* "from 10.0.0.0/8 to-port 80-90 proto tcp", as 'rule add' takes it without dashes. */
static void cell_match(const json_t *row, const char *unused, struct out_cell *cell)
{
	static const char *const keys[] = {
		"from", "to", "proto", "fromPort", "toPort", "tcpFlags", "icmpType", "icmpCode",
		"dscp", "interface", "fromClass", "toClass", "mark", "rate", "burst",
	};
	size_t n = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && n < OUT_CELL; i++) {
		const json_t *v = out_get(row, keys[i]);

		if (json_is_string(v))
			n += snprintf(cell->text + n, OUT_CELL - n, "%s%s %s", n ? " " : "",
				      keys[i], json_string_value(v));
		else if (json_is_integer(v))
			n += snprintf(cell->text + n, OUT_CELL - n, "%s%s %" JSON_INTEGER_FORMAT,
				      n ? " " : "", keys[i], json_integer_value(v));
	}
	if (!n)
		snprintf(cell->text, OUT_CELL, "everything");
}

static void cell_action(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	if (!strcmp(cell->text, "drop") || !strcmp(cell->text, "reject"))
		cell->style = STYLE_BAD;
	else if (!strcmp(cell->text, "accept"))
		cell->style = STYLE_GOOD;
}

static const struct out_column list_columns[] = {
	{ { .heading = "ID", .right = true }, "id", out_number },
	{ { .heading = "PRIORITY", .right = true, .drop = 1 }, "priority", out_number },
	{ { .heading = "ACTION" }, "action", cell_action },
	{ { .heading = "MATCH", .least = 16 }, "from", cell_match },
	{ { .heading = "PACKETS", .right = true }, "packets", out_number },
	{ { .heading = "BYTES", .right = true, .drop = 2 }, "bytes", out_bytes },
	{ { .heading = "COMMENT", .least = 8, .drop = 3 }, "comment", out_text },
};

static int list_one(void *arg, const struct sluice_rule *rule)
{
	struct out_list *list = arg;

	out_list_add(list, rule_json(rule));
	return ferror(list->cli->out) ? -EIO : 0;
}

static int run_list(struct cli *cli)
{
	struct sluice *sl = cli_dataplane(cli);
	struct out_list list;
	int err, status;

	if (!sl)
		return CLI_FAILED;
	out_list_begin(&list, cli, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
	err = sluice_rule_each(sl, list_one, &list);
	status = out_list_end(&list, "no rules");
	if (err < 0 && !ferror(cli->out))
		status = cli_fail(cli, "rules cannot be read: %s", strerror(-err));
	return status;
}

static void show_text(struct cli *cli, const json_t *obj)
{
	struct out_cell match = { .style = STYLE_NONE };
	char heading[32];

	snprintf(heading, sizeof(heading), "rule %d", (int)out_integer(obj, "id"));
	out_heading(cli, heading);
	cell_match(obj, NULL, &match);
	out_line(cli, "priority", STYLE_NONE, "%" JSON_INTEGER_FORMAT,
		 out_integer(obj, "priority"));
	out_line(cli, "match", STYLE_NONE, "%s", match.text);
	out_line(cli, "action", STYLE_STRONG, "%s", out_string(obj, "action"));
	out_line(cli, "origin", STYLE_NONE, "%s", out_string(obj, "origin"));
	out_line(cli, "packets", STYLE_NONE, "%" JSON_INTEGER_FORMAT,
		 out_integer(obj, "packets"));
	out_line(cli, "bytes", STYLE_NONE, "%" JSON_INTEGER_FORMAT, out_integer(obj, "bytes"));
	if (*out_string(obj, "comment"))
		out_line(cli, "comment", STYLE_NONE, "%s", out_string(obj, "comment"));
}

static int run_show(struct cli *cli)
{
	struct sluice *sl = cli_dataplane(cli);
	struct sluice_rule rule;
	int err, status = CLI_OK;
	json_t *obj;
	__u32 id;

	if (!sl)
		return CLI_FAILED;
	value_number(cli->line->args[0], &id);
	err = sluice_rule_get(sl, id, &rule);
	if (err == -ENOENT)
		return cli_fail(cli, "there is no rule %u", id);
	if (err)
		return cli_fail(cli, "rule %u cannot be read: %s", id, strerror(-err));
	obj = rule_json(&rule);
	if (!obj)
		return cli_fail(cli, "%s", strerror(ENOMEM));
	if (cli->json)
		status = out_object(cli, obj);
	else
		show_text(cli, obj);
	json_decref(obj);
	return status;
}

/* ---------------------------------------------------------------- changed */

static int queue_add(struct cli *cli, struct sluice_txn *txn, char *why)
{
	const char *text = cli_text(cli, "id");
	bool replace = cli_given(cli, "replace");
	struct sl_acl_rule rule;
	__u32 id = 0;
	int err = rule_parse(cli, cli->line->args[0], &rule, why);

	if (err)
		return err;
	if (text)
		value_number(text, &id);
	if (replace && !text) {
		snprintf(why, CLI_WHY, "which rule is to be replaced? give '--id N'");
		return -EINVAL;
	}
	if (!text)
		err = sluice_rule_free_id(txn, &id);
	if (!err)
		err = replace ? sluice_rule_replace(txn, id, &rule) :
				sluice_rule_add(txn, id, &rule);
	return err ? edit_why(txn, err, why) : 0;
}

static int queue_del(struct cli *cli, struct sluice_txn *txn, char *why)
{
	__u32 id;
	int err;

	value_number(cli->line->args[0], &id);
	err = sluice_rule_delete(txn, id);
	return err ? edit_why(txn, err, why) : 0;
}

const struct cli_command cmd_rule_list = {
	.name = "list",
	.summary = "Rules in the order in which they are asked, with what they counted",
	.text = "A rule is asked about the first packet of a connection, in the direction of who "
		"began it, and again when rules change; so PACKETS are connections rather than "
		"packets.",
	.keys = rule_keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_rule_show = {
	.name = "show",
	.summary = "One rule",
	.args = (const struct cli_arg[]){
		{ .metavar = "ID", .type = CLI_NUMBER, .help = "number of the rule" },
		{ .metavar = NULL } },
	.keys = rule_keys,
	.shape = CLI_SHAPE_OBJECT,
	.run = run_show,
};

static const struct cli_option add_options[] = {
	{ .name = "id", .type = CLI_NUMBER, .help = "number of the rule; the lowest free one when "
						    "not said" },
	{ .name = "replace", .type = CLI_FLAG, .help = "take the place of the rule with that id" },
	{ .name = "priority", .type = CLI_NUMBER,
	  .help = "lower ones are asked first; 1000 when not said" },
	{ .name = "from", .type = CLI_PREFIX, .help = "source address" },
	{ .name = "to", .type = CLI_PREFIX, .help = "destination address" },
	{ .name = "proto", .type = CLI_PROTO, .help = "protocol" },
	{ .name = "from-port", .type = CLI_WORD, .metavar = "PORT[-PORT]",
	  .help = "source port or range of ports" },
	{ .name = "to-port", .type = CLI_WORD, .metavar = "PORT[-PORT]",
	  .help = "destination port or range of ports" },
	{ .name = "tcp-flags", .type = CLI_WORD, .metavar = "SET[/MASK]",
	  .help = "letters of FSRPAUEC that are set, and those that are looked at: S/SA" },
	{ .name = "icmp-type", .type = CLI_NUMBER, .help = "type of ICMP or ICMPv6" },
	{ .name = "icmp-code", .type = CLI_NUMBER, .help = "code of ICMP or ICMPv6" },
	{ .name = "dscp", .type = CLI_NUMBER, .help = "differentiated services code point" },
	{ .name = "interface", .type = CLI_WORD, .metavar = "DEVICE",
	  .help = "device that it came in by; none: the node itself sends it" },
	{ .name = "from-class", .type = CLI_NUMBER, .help = "peer class of the source, see "
							    "'class list'" },
	{ .name = "to-class", .type = CLI_NUMBER, .help = "peer class of the destination" },
	{ .name = "mark", .type = CLI_WORD, .metavar = "VALUE[/MASK]",
	  .help = "with the action mark: what packets are marked with" },
	{ .name = "rate", .type = CLI_NUMBER, .help = "with the action rate: connections a second" },
	{ .name = "burst", .type = CLI_NUMBER, .help = "and how many at once" },
	{ .name = "comment", .type = CLI_WORD, .metavar = "TEXT", .help = "31 bytes for people" },
	{ .name = NULL },
};

const struct cli_command cmd_rule_add = {
	.name = "add",
	.summary = "Add a rule, or put one in the place of another",
	.text = "All that is said has to fit. drop, reject, accept (no policy is asked) and pass (the "
		"policies decide) end the search; mark, rate (drops what is above it), mirror and "
		"count go on to the next rule. It is in force for established connections too when "
		"the command returns.",
	.args = (const struct cli_arg[]){
		{ .metavar = "ACTION", .type = CLI_WORD,
		  .help = "drop, reject, accept, pass, mark, rate, mirror or count" },
		{ .metavar = NULL } },
	.options = add_options,
	.keys = edit_keys,
	.examples = (const struct cli_example[]){
		{ "rule add --priority 100 --from 10.0.0.0/8 --proto tcp --to-port 80-90 drop",
		  "no web traffic from there" },
		{ "rule add --proto tcp --tcp-flags S/SA --rate 1000 --burst 200 rate",
		  "at most a thousand new TCP connections a second" },
		{ "rule add --id 7 --replace --from 192.0.2.7 accept", "another rule 7" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_add,
};

const struct cli_command cmd_rule_del = {
	.name = "del",
	.summary = "Delete a rule",
	.args = (const struct cli_arg[]){
		{ .metavar = "ID", .type = CLI_NUMBER, .help = "number of the rule" },
		{ .metavar = NULL } },
	.keys = edit_keys,
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_del,
};
