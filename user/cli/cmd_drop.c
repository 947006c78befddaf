// SPDX-License-Identifier: GPL-2.0
/* sluice drop: what was refused, counted by the kernel or live from the daemon. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "common/control.h"
#include "follow.h"
#include "key.h"
#include "names.h"
#include "out.h"
#include "watch.h"

/* --------------------------------------------------------------- summary */

static const struct out_column summary_columns[] = {
	{ { .heading = "REASON" }, "reason", out_text },
	{ { .heading = "PACKETS", .right = true }, "packets", out_number },
	{ { .heading = "BYTES", .right = true, .drop = 1 }, "bytes", out_bytes },
	{ { .heading = "MEANING", .least = 16 }, "text", out_text },
};

static const struct cli_key summary_keys[] = {
	{ "reason", "string", "short name of the reason, see drops.md of the documentation" },
	{ "text", "string", "what it means" },
	{ "packets", "integer", "packets dropped since the dataplane was loaded" },
	{ "bytes", "integer", "bytes of layer 3" },
	{ .path = NULL },
};

static int run_summary(struct cli *cli)
{
	struct sl_counter drops[__SL_DROP_MAX];
	struct sluice *sl = cli_dataplane(cli);
	struct out_list list;
	int err;

	if (!sl)
		return CLI_FAILED;
	err = sluice_drops(sl, drops);
	if (err)
		return cli_fail(cli, "drop counters cannot be read: %s", strerror(-err));
	out_list_begin(&list, cli, summary_columns,
		       sizeof(summary_columns) / sizeof(summary_columns[0]));
	for (unsigned int i = SL_DROP_NONE + 1; i < __SL_DROP_MAX; i++) {
		if (!drops[i].packets && !cli_given(cli, "all"))
			continue;
		out_list_add(&list, json_pack("{s:s, s:s, s:I, s:I}", "reason", sluice_drop_name(i),
					      "text", sluice_drop_text(i), "packets",
					      (json_int_t)drops[i].packets, "bytes",
					      (json_int_t)drops[i].bytes));
	}
	return out_list_end(&list, "nothing was dropped");
}

/* ------------------------------------------------------------------ list */

static void cell_reason(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	cell->style = STYLE_BAD;
}

static void cell_decider(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *decider = out_get(row, key);

	if (decider)
		name_refusal_text(decider, cell->text, OUT_CELL);
}

static void cell_pod(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	if (!*cell->text && out_get(row, "endpoint"))
		snprintf(cell->text, OUT_CELL, "endpoint %d", (int)out_integer(row, "endpoint"));
}

static const struct out_column list_columns[] = {
	{ { .heading = "REASON" }, "reason", cell_reason },
	{ { .heading = "POD", .least = 16 }, "pod", cell_pod },
	{ { .heading = "DECIDED BY", .least = 16 }, "decider", cell_decider },
	{ { .heading = "PACKETS", .right = true }, "packets", out_number },
	{ { .heading = "BYTES", .right = true, .drop = 1 }, "bytes", out_bytes },
};

static const struct cli_key list_keys[] = {
	{ "reason", "string", "short name of the reason" },
	{ "endpoint", "integer or null", "endpoint that was judged" },
	{ "pod", "string or null", "its pod, NAMESPACE/NAME" },
	{ "decider", "object or null", "who refused; null for a reason that is no policy's" },
	NAME_RULE_KEYS("decider."),
	{ "packets", "integer", "packets dropped" },
	{ "bytes", "integer", "bytes of layer 3" },
	{ .path = NULL },
};

struct drop_entry {
	struct sl_drop_key key;
	struct sl_counter count;
};

struct drop_set {
	struct drop_entry *entries;
	size_t n, cap;
};

static int take(void *arg, const void *key, const void *value)
{
	struct drop_set *set = arg;

	if (set->n == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 64;
		struct drop_entry *e = reallocarray(set->entries, cap, sizeof(*e));

		if (!e)
			return -ENOMEM;
		set->entries = e;
		set->cap = cap;
	}
	memcpy(&set->entries[set->n].key, key, sizeof(struct sl_drop_key));
	memcpy(&set->entries[set->n].count, value, sizeof(struct sl_counter));
	set->n++;
	return 0;
}

static int by_packets(const void *a, const void *b)
{
	const struct drop_entry *x = a, *y = b;

	if (x->count.packets != y->count.packets)
		return x->count.packets < y->count.packets ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static bool of_policy(__u32 reason)
{
	return reason == SL_DROP_POLICY_INGRESS || reason == SL_DROP_POLICY_EGRESS;
}

static json_t *drop_json(struct cli *cli, const struct drop_entry *e)
{
	const char *name = sluice_drop_name(e->key.reason);
	json_t *decider = json_null();

	if (e->key.rule || of_policy(e->key.reason)) {
		decider = json_object();
		name_rule_into(cli, decider, e->key.rule, name_drop_tier(e->key.reason));
	}
	return json_pack("{s:s, s:o, s:s?, s:o, s:I, s:I}", "reason", name ? name : "?", "endpoint",
			 e->key.ep ? json_integer(e->key.ep) : json_null(), "pod",
			 name_of_endpoint(cli, e->key.ep), "decider", decider, "packets",
			 (json_int_t)e->count.packets, "bytes", (json_int_t)e->count.bytes);
}

static int run_list(struct cli *cli)
{
	struct sluice *sl = cli_dataplane(cli);
	struct drop_set set = { 0 };
	struct out_list list;
	int err, status;

	if (!sl)
		return CLI_FAILED;
	err = sluice_table_each(sl, sluice_table_find("drop_rule"), take, &set);
	if (err) {
		status = cli_fail(cli, "drop counters cannot be read: %s", strerror(-err));
		goto out;
	}
	if (set.n)
		qsort(set.entries, set.n, sizeof(*set.entries), by_packets);
	out_list_begin(&list, cli, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
	for (size_t i = 0; i < set.n; i++)
		out_list_add(&list, drop_json(cli, &set.entries[i]));
	status = out_list_end(&list, "nothing was dropped");
out:
	free(set.entries);
	return status;
}

/* ----------------------------------------------------------------- watch */

static const struct cli_key watch_keys[] = {
	{ "time", "number", "seconds since 1970 (UTC)" },
	{ "reason", "string", "short name of the reason" },
	{ "hook", "string", "where: from-pod, to-pod, from-uplink, from-tunnel" },
	{ "interface", "string or null", "device the packet was on" },
	{ "endpoint", "integer or null", "endpoint that was judged" },
	{ "pod", "string or null", "its pod, NAMESPACE/NAME" },
	{ "protocol", "string or null", "tcp, udp, sctp, icmp, icmpv6, or a number" },
	{ "length", "integer", "bytes of layer 3" },
	{ "tcpFlags", "string or null", "letters of FSRPAUEC" },
	{ "source", "object or null", "sender" },
	{ "source.address", "string or null", "address" },
	{ "source.port", "integer or null", "port" },
	{ "source.pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "destination", "object or null", "receiver" },
	{ "destination.address", "string or null", "address" },
	{ "destination.port", "integer or null", "port" },
	{ "destination.pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "decider", "object or null", "who refused; null for a reason that is no policy's" },
	NAME_RULE_KEYS("decider."),
	{ "lost", "integer or null", "instead of all others: events that were lost here because "
				     "the reader was too slow" },
	{ .path = NULL },
};

static void cell_time(const json_t *row, const char *key, struct out_cell *cell)
{
	double when = json_number_value(out_get(row, key));
	time_t whole = (time_t)when;
	char text[16] = "?";
	struct tm tm;

	if (localtime_r(&whole, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	snprintf(cell->text, OUT_CELL, "%s.%03d", text,
		 (int)((when - (double)whole) * 1000) % 1000);
}

/* A stream cannot know its widest cell: columns have a width from the start. */
static const struct {
	const char *heading, *key;
	int width;
	void (*format)(const json_t *row, const char *key, struct out_cell *cell);
} watch_columns[] = {
	{ "TIME", "time", 12, cell_time },
	{ "REASON", "reason", 15, cell_reason },
	{ "PROTO", "protocol", 6, out_text },
	{ "SOURCE", "source", 26, out_end },
	{ "DESTINATION", "destination", 26, out_end },
	{ "DECIDED BY", "decider", 0, cell_decider },
};

#define WATCH_COLUMNS (sizeof(watch_columns) / sizeof(watch_columns[0]))

static void print_head(struct cli *cli)
{
	for (size_t i = 0; i < WATCH_COLUMNS; i++)
		fprintf(cli->out, "%s%-*s%s%s", cli->colour ? style_begin(STYLE_STRONG) : "",
			watch_columns[i].width, watch_columns[i].heading,
			cli->colour ? style_end(STYLE_STRONG) : "",
			i + 1 < WATCH_COLUMNS ? "  " : "\n");
}

static void print_row(struct cli *cli, const json_t *event)
{
	for (size_t i = 0; i < WATCH_COLUMNS; i++) {
		struct out_cell cell = { .style = STYLE_NONE };
		char *clean;
		int pad;

		watch_columns[i].format(event, watch_columns[i].key, &cell);
		clean = text_clean(*cell.text ? cell.text : "-");
		if (!clean)
			return;
		pad = watch_columns[i].width - (int)text_width(clean);
		fprintf(cli->out, "%s%s%s", cli->colour ? style_begin(cell.style) : "", clean,
			cli->colour ? style_end(cell.style) : "");
		if (i + 1 < WATCH_COLUMNS)
			fprintf(cli->out, "%*s  ", pad > 0 ? pad : 0, "");
		free(clean);
	}
	fputc('\n', cli->out);
}

static int print_event(struct cli *cli, const json_t *message)
{
	const json_t *event = json_object_get(message, "event"), *lost = out_get(message, "lost");
	json_t *row;
	int status = CLI_OK;

	if (!event && !lost)
		return CLI_OK;
	if (!cli->json && lost) {
		cli_note(cli, "%" JSON_INTEGER_FORMAT " events were lost: too many for this output",
			 json_integer_value(lost));
	} else if (!cli->json) {
		print_row(cli, event);
	} else {
		row = key_select(watch_keys, event ? event : message);
		status = out_object(cli, row);
		json_decref(row);
	}
	return status;
}

/* Everything that has come. */
static int drain(struct cli *cli, void *arg)
{
	json_t *message;
	int err;

	(void)arg;
	while (!(err = control_event(cli->control, 0, &message))) {
		print_event(cli, message);
		json_decref(message);
		if (ferror(cli->out))
			return CLI_FAILED;
	}
	if (err == -ECONNRESET)
		return cli_fail(cli, "the daemon closed the connection");
	if (err != -ETIMEDOUT)
		return cli_fail(cli, "events cannot be read: %s", strerror(-err));
	return FOLLOW_MORE;
}

static int run_watch(struct cli *cli)
{
	int status = cli_call(cli, "drops.watch", NULL, NULL);

	if (status != CLI_OK)
		return status;
	if (!cli->json)
		print_head(cli);
	return follow(cli, control_fd(cli->control), drain, NULL);
}

const struct cli_command cmd_drop_watch = {
	.name = "watch",
	.summary = "Packets as they are dropped, until interrupted",
	.text = "The kernel reports a limited number of drops a second; the counters of 'drop list' "
		"and 'drop summary' miss none.",
	.keys = watch_keys,
	.examples = (const struct cli_example[]){
		{ "drop watch", "who is refused what, live" },
		{ "drop watch -o json | jq 'select(.pod == \"shop/db-0\")'",
		  "one pod's, for a program" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_STREAM,
	.fallback = true,
	.run = run_watch,
};

const struct cli_command cmd_drop_list = {
	.name = "list",
	.summary = "Drops counted by reason, pod and the rule that decided",
	.text = "The table behind this is bounded: what has not been dropped for long gives way to what "
		"is. 'drop summary' counts every drop.",
	.keys = list_keys,
	.shape = CLI_SHAPE_LIST,
	.run = run_list,
};

const struct cli_command cmd_drop_summary = {
	.name = "summary",
	.summary = "Drops counted by reason",
	.options = (const struct cli_option[]){
		{ .name = "all", .type = CLI_FLAG, .help = "reasons that never happened, too" },
		{ .name = NULL } },
	.keys = summary_keys,
	.shape = CLI_SHAPE_LIST,
	.run = run_summary,
};
