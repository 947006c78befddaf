// SPDX-License-Identifier: GPL-2.0
/* sluice class: peer classes, the groups that policies are compiled to. */
#include "commands.h"
#include "daemon_list.h"

static const struct cli_key keys[] = {
	{ "id", "integer", "class id; 0 is everybody whom no policy tells apart" },
	{ "addresses", "integer", "addresses of pods in the class" },
	{ "pods", "array of strings", "pods in the class, NAMESPACE/NAME" },
	{ "prefixes", "array of strings", "prefixes in the class that are no pods'" },
	{ "peers", "array of strings", "peers of policies' rules that select the class" },
	{ .path = NULL },
};

static const struct out_column columns[] = {
	{ { .heading = "CLASS", .right = true }, "id", out_number },
	{ { .heading = "ADDRESSES", .right = true }, "addresses", out_number },
	{ { .heading = "PODS", .least = 16 }, "pods", out_join },
	{ { .heading = "PREFIXES", .least = 16, .drop = 1 }, "prefixes", out_join },
	{ { .heading = "SELECTED BY", .least = 16 }, "peers", out_join },
};

static int run(struct cli *cli)
{
	return daemon_list(cli, "classes", columns, sizeof(columns) / sizeof(columns[0]),
			   "no classes");
}

const struct cli_command cmd_class_list = {
	.name = "list",
	.summary = "Peer classes and who is in them",
	.text = "Two addresses are in one class when no policy in force can tell them apart. Rules in "
		"the kernel name classes, not pods: so their number follows the policies.",
	.keys = keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run,
};
