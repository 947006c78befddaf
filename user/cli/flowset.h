/* SPDX-License-Identifier: GPL-2.0 */
/* Flows chosen by the filters that `flow list` and `flow flush` share. */
#ifndef SLUICE_CLI_FLOWSET_H
#define SLUICE_CLI_FLOWSET_H

#include "cli.h"

struct flow_entry {
	struct sl_tuple key;
	struct sl_flow flow;
	bool half;
};

struct flowset {
	struct flow_entry *flows;
	size_t n, cap;
};

/* The filters' options, for the commands' tables. */
#define FLOW_FILTER_OPTIONS                                                                    \
	{ .name = "pod", .type = CLI_POD, .help = "flows of this pod, at either end" },        \
	{ .name = "ip", .type = CLI_PREFIX, .help = "flows of this address or range, at "      \
						    "either end" },                           \
	{ .name = "proto", .type = CLI_PROTO, .help = "flows of this protocol" },              \
	{ .name = "port", .type = CLI_PORT, .help = "flows with this port, at either end" },   \
	{ .name = "state", .type = CLI_CHOICE, .metavar = "STATE", .values = flow_states,      \
	  .help = "flows in this state" }

extern const char *const flow_states[];
bool flow_filter_given(const struct cli *cli);

/* What the options of @cli choose; CLI_FAILED after saying why. Free with flowset_free(). */
int flowset_read(struct cli *cli, struct flowset *set);
void flowset_free(struct flowset *set);

/* "established"; what is forwarded for direct server return, whose replies nobody sees here: "one-way". */
const char *flow_state_name(const struct sl_flow *f);

/* Sums of both directions. */
__u64 flow_packets(const struct sl_flow *f);
__u64 flow_bytes(const struct sl_flow *f);

#endif
