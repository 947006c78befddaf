// SPDX-License-Identifier: GPL-2.0
/* sluice node: the cluster's nodes and the way to their pods. */
#include <string.h>

#include "commands.h"
#include "daemon_list.h"

static const struct cli_key keys[] = {
	{ "name", "string", "name of the Node object" },
	{ "addresses", "array of strings", "addresses to other nodes" },
	{ "podCIDRs", "array of strings", "ranges of its pods" },
	{ "route", "string", "local (this node), direct, tunnel, none (its pods cannot be reached)" },
	{ "via", "string or null", "next hop, or the tunnel's far end" },
	{ "interface", "string or null", "device out" },
	{ .path = NULL },
};

static void cell_route(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	if (!strcmp(cell->text, "none"))
		cell->style = STYLE_BAD;
	else if (!strcmp(cell->text, "local"))
		cell->style = STYLE_DIM;
}

static const struct out_column columns[] = {
	{ { .heading = "NODE", .least = 12 }, "name", out_text },
	{ { .heading = "ADDRESSES", .least = 15 }, "addresses", out_join },
	{ { .heading = "PODS", .least = 15 }, "podCIDRs", out_join },
	{ { .heading = "ROUTE" }, "route", cell_route },
	{ { .heading = "VIA", .drop = 2 }, "via", out_text },
	{ { .heading = "DEVICE", .drop = 1 }, "interface", out_text },
};

static int run(struct cli *cli)
{
	return daemon_list(cli, "nodes", columns, sizeof(columns) / sizeof(columns[0]), "no nodes");
}

const struct cli_command cmd_node_list = {
	.name = "list",
	.summary = "Nodes, their pod ranges and how those are reached",
	.keys = keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run,
};
