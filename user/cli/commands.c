// SPDX-License-Identifier: GPL-2.0
/* The table of commands: the root, the groups, and what every command takes. */
#include <string.h>

#include "commands.h"

static const char *const outputs[] = { "table", "json", NULL };
static const char *const colours[] = { "auto", "always", "never", NULL };

const struct cli_option cli_globals[] = {
	{ .name = "output", .letter = 'o', .type = CLI_CHOICE, .metavar = "FORMAT",
	  .values = outputs, .help = "for people or for programs" },
	{ .name = "watch", .type = CLI_SECONDS, .bare = true,
	  .help = "show it again every SECONDS (2 when not said), until interrupted" },
	{ .name = "color", .type = CLI_CHOICE, .metavar = "WHEN", .values = colours,
	  .help = "colours; auto means on a terminal, unless NO_COLOR is set" },
	{ .name = "pin-root", .type = CLI_DIR, .env = "SLUICE_PIN_ROOT",
	  .help = "where the dataplane is pinned, " SLUICE_PIN_ROOT " when not said" },
	{ .name = "run-dir", .type = CLI_DIR, .env = "SLUICE_RUN_DIR",
	  .help = "where the daemon's socket is, " SLUICE_RUN_DIR " when not said" },
	{ .name = "help", .letter = 'h', .type = CLI_FLAG, .help = "explain the command and exit" },
	{ .name = "version", .letter = 'V', .type = CLI_FLAG, .help = "print the version and exit" },
	{ .name = NULL },
};

static const struct cli_command endpoint = {
	.name = "endpoint",
	.summary = "Pods of this node: their addresses, policy state and class",
	.sub = (const struct cli_command *const[]){ &cmd_endpoint_list, &cmd_endpoint_show, NULL },
};

static const struct cli_command node = {
	.name = "node",
	.summary = "Nodes of the cluster and the way to their pods",
	.sub = (const struct cli_command *const[]){ &cmd_node_list, NULL },
};

static const struct cli_command policy = {
	.name = "policy",
	.summary = "Policies in force, and why a connection is allowed or refused",
	.sub = (const struct cli_command *const[]){ &cmd_policy_list, &cmd_policy_show,
						    &cmd_policy_explain, NULL },
};

static const struct cli_command service = {
	.name = "service",
	.summary = "Services: what they are reached by, and their backends",
	.sub = (const struct cli_command *const[]){ &cmd_service_list, &cmd_service_show, NULL },
};

static const struct cli_command class = {
	.name = "class",
	.summary = "Peer classes: groups of addresses that no policy tells apart",
	.sub = (const struct cli_command *const[]){ &cmd_class_list, NULL },
};

static const struct cli_command flow = {
	.name = "flow",
	.summary = "Connections that the dataplane knows",
	.sub = (const struct cli_command *const[]){ &cmd_flow_list, &cmd_flow_flush, NULL },
};

static const struct cli_command drop = {
	.name = "drop",
	.summary = "Packets refused, with the reason and the rule that decided",
	.sub = (const struct cli_command *const[]){ &cmd_drop_watch, &cmd_drop_list,
						    &cmd_drop_summary, NULL },
};

static const struct cli_command rule = {
	.name = "rule",
	.summary = "The administrator's rules, which are asked before the policies",
	.sub = (const struct cli_command *const[]){ &cmd_rule_list, &cmd_rule_show, &cmd_rule_add,
						    &cmd_rule_del, NULL },
};

static const struct cli_command table = {
	.name = "table",
	.summary = "The dataplane's tables as they are in the kernel",
	.sub = (const struct cli_command *const[]){ &cmd_table_list, &cmd_table_dump,
						    &cmd_table_insert, &cmd_table_modify,
						    &cmd_table_set, &cmd_table_delete, NULL },
};

const struct cli_command cli_root = {
	.name = "sluice",
	.summary = "Look into and steer this node's sluice dataplane",
	.text = "Most commands read the kernel's tables themselves and ask the daemon (sluiced) for "
		"names. Those that need the daemon say so when it does not answer; the others go on "
		"with numbers.\n"
		"\n"
		"What is printed for people may change between versions. With -o json the keys are a "
		"promise: they keep their names and meaning, and new ones may join them. A command "
		"prints one JSON document; a command that goes on (--watch, drop watch) prints one "
		"document a line.",
	.sub = (const struct cli_command *const[]){
		&cmd_status, &endpoint, &node, &policy, &cmd_whatif, &class, &service, &flow, &drop, &rule, &table,
		&cmd_transaction, &cmd_monitor,
		&cmd_features, &cmd_version, &cmd_help, &cmd_complete, NULL },
};

const struct cli_command *cli_sub(const struct cli_command *group, const char *name)
{
	for (size_t i = 0; group->sub[i]; i++) {
		const struct cli_command *sub = group->sub[i];

		if (name ? !strcmp(sub->name, name) : sub->fallback)
			return sub;
	}
	return NULL;
}

bool cli_global_applies(const struct cli_command *cmd, const struct cli_option *opt)
{
	if (!strcmp(opt->name, "watch"))
		return cli_is_group(cmd) || cli_can_watch(cmd);
	if (!strcmp(opt->name, "output"))
		return cli_is_group(cmd) || cmd->shape != CLI_SHAPE_NONE;
	return true;
}
