// SPDX-License-Identifier: GPL-2.0
/* sluice monitor: what the kernel module tells, as it happens. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "follow.h"
#include "out.h"
#include "value.h"

static const struct {
	const char *name;
	enum sluice_group group;
} groups[] = {
	{ "flows", SLUICE_GROUP_FLOWS },
	{ "drops", SLUICE_GROUP_DROPS },
	{ "policy", SLUICE_GROUP_POLICY },
};
#define NGROUPS	(sizeof(groups) / sizeof(groups[0]))

static const struct cli_key keys[] = {
	{ "event", "string", "flow-opened, flow-closed, drop, policy, lost" },
	{ "source", "object or null", "of a flow: who began it" },
	{ "source.address", "string", "address" },
	{ "source.port", "integer", "port, or identifier of an echo" },
	{ "source.endpoint", "integer or null", "endpoint of this node" },
	{ "destination", "object or null", "of a flow: the other end" },
	{ "destination.address", "string", "address" },
	{ "destination.port", "integer", "port" },
	{ "destination.endpoint", "integer or null", "endpoint of this node" },
	{ "protocol", "string or null", "tcp, udp, sctp, icmp, icmpv6, or a number" },
	{ "closed", "string or null", "why it ended: fin, rst, idle, refused, deleted" },
	{ "sent", "object or null", "by who began it" },
	{ "sent.packets", "integer", "packets" },
	{ "sent.bytes", "integer", "bytes of layer 3" },
	{ "received", "object or null", "by who began it" },
	{ "received.packets", "integer", "packets" },
	{ "received.bytes", "integer", "bytes of layer 3" },
	{ "reason", "string or null", "of drops: short name of the reason" },
	{ "endpoint", "integer or null", "of drops: who was judged" },
	{ "rule", "integer or null", "of drops: number of who decided" },
	{ "packets", "integer or null", "of drops: packets since the event before" },
	{ "bytes", "integer or null", "of drops: bytes of layer 3" },
	{ "generation", "integer or null", "of policy: transactions committed" },
	{ "commits", "integer or null", "of policy: commits of the daemon's" },
	{ "operations", "integer or null", "of policy: operations of the transaction; null: the "
					   "daemon committed" },
	{ "group", "string or null", "lost: of which group" },
	{ "messages", "integer or null", "lost: messages that this reader was too slow for" },
	{ "events", "integer or null", "lost: events that the kernel had no room for" },
	{ .path = NULL },
};

static json_t *number_or_null(__u32 n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *end_json(const struct sluice_notice_flow *f, int i)
{
	char text[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:i, s:o}", "address", sluice_addr_format(&f->addr[i], text),
			 "port", (int)be16toh(f->port[i]), "endpoint", number_or_null(f->ep[i]));
}

static json_t *counter_json(const struct sl_counter *c)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)c->packets, "bytes",
			 (json_int_t)c->bytes);
}

static json_t *flow_json(const struct sluice_notice *n)
{
	static const char *const reasons[__SL_CLOSE_MAX] = {
		[SL_CLOSE_FIN] = "fin", [SL_CLOSE_RST] = "rst", [SL_CLOSE_IDLE] = "idle",
		[SL_CLOSE_REFUSED] = "refused", [SL_CLOSE_DELETED] = "deleted",
	};
	const struct sluice_notice_flow *f = &n->flow;
	bool closed = n->type == SLUICE_NOTICE_FLOW_CLOSED;
	const char *why = f->reason < __SL_CLOSE_MAX ? reasons[f->reason] : "unknown";
	char proto[4];

	return json_pack("{s:s, s:o, s:o, s:s, s:s?, s:o, s:o}", "event",
			 closed ? "flow-closed" : "flow-opened", "source", end_json(f, 0),
			 "destination", end_json(f, 1), "protocol", proto_name(f->proto, proto),
			 "closed", closed ? why : NULL, "sent", counter_json(&f->count[0]),
			 "received", counter_json(&f->count[1]));
}

static const char *group_name(__u32 group)
{
	for (size_t i = 0; i < NGROUPS; i++)
		if (groups[i].group == group)
			return groups[i].name;
	return "unknown";
}

/* All keys there are, so that a reader finds null and not nothing. */
static json_t *notice_json(const struct sluice_notice *n)
{
	switch (n->type) {
	case SLUICE_NOTICE_FLOW_OPENED:
	case SLUICE_NOTICE_FLOW_CLOSED:
		return flow_json(n);
	case SLUICE_NOTICE_DROP:
		return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "event", "drop", "reason",
				 sluice_drop_name(n->drop.reason), "endpoint",
				 number_or_null(n->drop.ep), "rule", number_or_null(n->drop.rule),
				 "packets", (json_int_t)n->drop.count.packets, "bytes",
				 (json_int_t)n->drop.count.bytes);
	case SLUICE_NOTICE_POLICY:
		return json_pack("{s:s, s:I, s:I, s:o}", "event", "policy", "generation",
				 (json_int_t)n->policy.generation, "commits",
				 (json_int_t)n->policy.commits, "operations",
				 number_or_null(n->policy.operations));
	case SLUICE_NOTICE_LOST:
		break;
	}
	return json_pack("{s:s, s:s, s:I, s:I}", "event", "lost", "group",
			 group_name(n->lost.group), "messages", (json_int_t)n->lost.messages,
			 "events", (json_int_t)n->lost.events);
}

static void fill_nulls(json_t *obj)
{
	for (const struct cli_key *k = keys; k->path; k++)
		if (!strchr(k->path, '.') && !json_object_get(obj, k->path))
			json_object_set_new(obj, k->path, json_null());
}

/* ------------------------------------------------------------- for people */

static void print_flow(struct cli *cli, const struct sluice_notice *n)
{
	const struct sluice_notice_flow *f = &n->flow;
	char a[SLUICE_ADDR_STRLEN], b[SLUICE_ADDR_STRLEN], proto[4];

	fprintf(cli->out, "flow %s  %s %s:%u > %s:%u  %llu/%llu packets\n",
		n->type == SLUICE_NOTICE_FLOW_CLOSED ? "closed" : "opened",
		proto_name(f->proto, proto), sluice_addr_format(&f->addr[0], a),
		be16toh(f->port[0]), sluice_addr_format(&f->addr[1], b), be16toh(f->port[1]),
		(unsigned long long)f->count[0].packets, (unsigned long long)f->count[1].packets);
}

static void print_notice(struct cli *cli, const struct sluice_notice *n)
{
	switch (n->type) {
	case SLUICE_NOTICE_FLOW_OPENED:
	case SLUICE_NOTICE_FLOW_CLOSED:
		print_flow(cli, n);
		break;
	case SLUICE_NOTICE_DROP:
		fprintf(cli->out, "drop         %s  endpoint %u, rule %u  %llu packets\n",
			sluice_drop_name(n->drop.reason), n->drop.ep, n->drop.rule,
			(unsigned long long)n->drop.count.packets);
		break;
	case SLUICE_NOTICE_POLICY:
		fprintf(cli->out, "policy       generation %u, commit %u, %u operations\n",
			n->policy.generation, n->policy.commits, n->policy.operations);
		break;
	case SLUICE_NOTICE_LOST:
		cli_note(cli, "of %s %llu messages and %llu events were lost",
			 group_name(n->lost.group), (unsigned long long)n->lost.messages,
			 (unsigned long long)n->lost.events);
		break;
	}
}

static int on_notice(void *arg, const struct sluice_notice *n)
{
	struct cli *cli = arg;
	json_t *obj;

	if (!cli->json) {
		print_notice(cli, n);
	} else {
		obj = notice_json(n);
		if (!obj)
			return -ENOMEM;
		fill_nulls(obj);
		out_object(cli, obj);
		json_decref(obj);
	}
	return ferror(cli->out) ? -EPIPE : 0;
}

/* ------------------------------------------------------------------- loop */

static int drain(struct cli *cli, void *arg)
{
	int n = sluice_monitor_read(arg);

	if (n == -EPIPE)
		return CLI_FAILED;
	return n < 0 ? cli_fail(cli, "events cannot be read: %s", strerror(-n)) : FOLLOW_MORE;
}

static unsigned int wanted(const struct cli *cli)
{
	unsigned int mask = 0;

	for (size_t i = 0; i < cli->line->nargs; i++)
		for (size_t g = 0; g < NGROUPS; g++)
			if (!strcmp(cli->line->args[i], groups[g].name))
				mask |= groups[g].group;
	return mask ? mask : SLUICE_GROUP_ALL;
}

static int check_groups(struct cli *cli)
{
	for (size_t i = 0; i < cli->line->nargs; i++) {
		size_t g = 0;

		while (g < NGROUPS && strcmp(cli->line->args[i], groups[g].name))
			g++;
		if (g == NGROUPS)
			return cli_misuse(cli, "'%s' is none of flows, drops, policy",
					  cli->line->args[i]);
	}
	return CLI_OK;
}

static int run(struct cli *cli)
{
	struct sluice_monitor *m;
	int err, status = check_groups(cli);

	if (status != CLI_OK)
		return status;
	err = sluice_monitor_open(wanted(cli), on_notice, cli, &m);
	if (err == -EOPNOTSUPP)
		return cli_fail(cli, "events come from the kernel module sluice, which is not "
				"loaded; 'drop watch' asks the daemon for drops");
	if (err == -EPERM || err == -EACCES)
		return cli_fail(cli, "events may not be listened to: run as root");
	if (err)
		return cli_fail(cli, "events cannot be listened to: %s", strerror(-err));
	status = follow(cli, sluice_monitor_fd(m), drain, m);
	sluice_monitor_close(m);
	return status;
}

const struct cli_command cmd_monitor = {
	.name = "monitor",
	.summary = "Flows, drops and commits as the kernel module tells of them, until interrupted",
	.text = "Needs the kernel module. What is lost because this reader or the kernel was too slow "
		"is counted and told.",
	.args = (const struct cli_arg[]){
		{ .metavar = "GROUP", .type = CLI_WORD, .optional = true, .repeat = true,
		  .help = "flows, drops, policy; all when not said" },
		{ .metavar = NULL } },
	.keys = keys,
	.examples = (const struct cli_example[]){
		{ "monitor flows -o json", "connections that begin and end, for a program" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_STREAM,
	.run = run,
};
