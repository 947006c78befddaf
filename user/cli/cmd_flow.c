// SPDX-License-Identifier: GPL-2.0
/* sluice flow: connections, read and removed without the daemon's help. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>

#include "abi_name.h"
#include "commands.h"
#include "flowset.h"
#include "names.h"
#include "out.h"
#include "value.h"

/* ------------------------------------------------------------------ rows */

static const struct cli_key list_keys[] = {
	{ "protocol", "string", "tcp, udp, sctp, icmp, icmpv6, or a number" },
	{ "state", "string", "new (no reply yet), replied, established, closing; one-way: "
			     "forwarded, replies don't pass here" },
	{ "halfOpen", "boolean", "kept in the bounded space of flows not yet established" },
	{ "source", "object", "who spoke first" },
	{ "source.address", "string", "IPv4 or IPv6 address" },
	{ "source.port", "integer", "port; the identifier for ICMP echo" },
	{ "source.pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "source.endpoint", "integer or null", "endpoint of this node" },
	{ "destination", "object", "the other end" },
	{ "destination.address", "string", "as for source" },
	{ "destination.port", "integer", "as for source" },
	{ "destination.pod", "string or null", "as for source; of what stands for another, see "
					       "backend" },
	{ "destination.endpoint", "integer or null", "as for source" },
	{ "packets", "integer", "of both directions" },
	{ "bytes", "integer", "of both directions, layer 3" },
	{ "sent", "object", "from source to destination" },
	{ "sent.packets", "integer", "packets" },
	{ "sent.bytes", "integer", "bytes of layer 3" },
	{ "sent.way", "string", "stack, peer (into a pod), neigh (out of a device), tunnel" },
	{ "received", "object", "from destination to source" },
	{ "received.packets", "integer", "packets" },
	{ "received.bytes", "integer", "bytes of layer 3" },
	{ "received.way", "string", "as for sent" },
	{ "ageSeconds", "number", "since the first packet" },
	{ "idleSeconds", "number", "since the last packet" },
	{ "nat", "object or null", "what the destination knows the source as; null: as it is" },
	{ "nat.address", "string", "address" },
	{ "nat.port", "integer", "port or ICMP identifier" },
	{ "backend", "object or null", "what the destination stands for, which is who answers; "
				       "null: for itself" },
	{ "backend.address", "string", "address" },
	{ "backend.port", "integer", "port" },
	{ "backend.pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "forwardedTo", "string or null", "the node that it goes to as it is and that answers, "
					   "by its tunnel address; null: to none" },
	{ "forwarded", "boolean", "came by another node, as its source sent it" },
	{ "service", "object or null", "the service that it goes to; null: none" },
	{ "service.id", "integer", "id of its port in the tables" },
	{ "service.name", "string or null", "NAMESPACE/NAME, where known" },
	{ "egress", "object or null", "who allowed the source to send; null when it is no pod of "
				      "this node" },
	NAME_RULE_KEYS("egress."),
	{ "ingress", "object or null", "who allowed the destination to receive; null likewise" },
	NAME_RULE_KEYS("ingress."),
	{ .path = NULL },
};

static json_t *end_json(struct cli *cli, const struct flow_entry *e, int end)
{
	/* a service's address is not the pod's that answers for it */
	bool stands = end != (e->flow.orig & 1) && e->flow.dir[end].flags & SL_FLOW_DIR_SNAT;
	const char *pod = stands ? NULL : name_of_endpoint(cli, e->flow.ep[end]);
	char addr[SLUICE_ADDR_STRLEN];

	if (!pod)
		pod = name_of_address(cli, &e->key.addr[end]);
	return json_pack("{s:s, s:i, s:s?, s:o}", "address",
			 sluice_addr_format(&e->key.addr[end], addr), "port",
			 (int)ntohs(e->key.port[end]), "pod", pod, "endpoint",
			 e->flow.ep[end] ? json_integer(e->flow.ep[end]) : json_null());
}

static json_t *way_json(const struct sl_flow_dir *dir)
{
	return json_pack("{s:I, s:I, s:s}", "packets", (json_int_t)dir->packets, "bytes",
			 (json_int_t)dir->bytes, "way",
			 abi_name("flow", "dir.0.action", dir->action));
}

/* @ep: the end that was judged; 0: it is no pod of this node, so not judged here. */
static json_t *decider_json(struct cli *cli, const struct sl_flow *f, enum sl_dir dir, __u32 ep)
{
	const char *tier = abi_name("flow", "tier.ingress", f->tier[dir]);
	json_t *obj;

	if (!ep)
		return json_null();
	obj = json_object();

	if (name_rule_into(cli, obj, f->rule[dir], tier)) {
		json_decref(obj);
		return NULL;
	}
	return obj;
}

/* A direction's SNAT: the responder knows the end that it comes from as another. */
static json_t *nat_json(const struct sl_flow *f)
{
	const struct sl_flow_dir *from = &f->dir[f->orig & 1];
	char addr[SLUICE_ADDR_STRLEN];

	if (!(from->flags & SL_FLOW_DIR_SNAT))
		return json_null();
	return json_pack("{s:s, s:i}", "address", sluice_addr_format(&from->as, addr), "port",
			 (int)ntohs(from->as_port));
}

static json_t *backend_json(struct cli *cli, const struct sl_flow *f)
{
	int to = !(f->orig & 1);
	const struct sl_flow_dir *back = &f->dir[to];
	const char *pod = name_of_endpoint(cli, f->ep[to]);
	char addr[SLUICE_ADDR_STRLEN];

	if (!(back->flags & SL_FLOW_DIR_SNAT))
		return json_null();
	return json_pack("{s:s, s:i, s:s?}", "address", sluice_addr_format(&back->as, addr),
			 "port", (int)ntohs(back->as_port), "pod",
			 pod ? pod : name_of_address(cli, &back->as));
}

static json_t *service_json(struct cli *cli, const struct sl_flow *f)
{
	if (!f->svc)
		return json_null();
	return json_pack("{s:I, s:s?}", "id", (json_int_t)f->svc, "name",
			 name_of_service(cli, f->svc));
}

static bool is_direct(const struct sl_flow *f)
{
	return f->dir[0].flags & SL_FLOW_DIR_DSR;
}

static double seconds_since(__u64 ns)
{
	struct timespec ts;
	__u64 now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	now = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	return now > ns ? (double)((now - ns) / 1000000) / 1e3 : 0;
}

static json_t *flow_json(struct cli *cli, const struct flow_entry *e)
{
	const struct sl_flow *f = &e->flow;
	int from = f->orig & 1;
	char proto[4], node[SLUICE_ADDR_STRLEN];

	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:I, s:I, s:o, s:o, s:f, s:f, s:o, s:o, s:s?, s:b, "
			 "s:o, s:o, s:o}",
			 "protocol", proto_name(e->key.proto, proto),
			 "state", flow_state_name(f),
			 "halfOpen", e->half,
			 "source", end_json(cli, e, from),
			 "destination", end_json(cli, e, !from),
			 "packets", (json_int_t)flow_packets(f),
			 "bytes", (json_int_t)flow_bytes(f),
			 "sent", way_json(&f->dir[from]),
			 "received", way_json(&f->dir[!from]),
			 "ageSeconds", seconds_since(f->created_ns),
			 "idleSeconds", seconds_since(f->last_ns),
			 "nat", nat_json(f),
			 "backend", backend_json(cli, f),
			 "forwardedTo", is_direct(f) ? sluice_addr_format(&f->via, node) : NULL,
			 "forwarded", !!(f->dir[from].flags & SL_FLOW_DIR_FORWARDED),
			 "service", service_json(cli, f),
			 "egress", decider_json(cli, f, SL_DIR_EGRESS, f->ep[from]),
			 "ingress", decider_json(cli, f, SL_DIR_INGRESS, f->ep[!from]));
}

/* ------------------------------------------------------------------ cells */

static void cell_state(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	if (!strcmp(cell->text, "established"))
		cell->style = STYLE_GOOD;
	else if (!strcmp(cell->text, "closing"))
		cell->style = STYLE_DIM;
	else
		cell->style = STYLE_WARN;
}

/* "shop/web-out > shop/db-in": the sender's decider, then the receiver's. */
static void cell_allowed(const json_t *row, const char *key, struct out_cell *cell)
{
	char from[OUT_CELL / 2 - 4], to[OUT_CELL / 2 - 4];

	(void)key;
	name_rule_text(out_get(row, "egress"), from, sizeof(from));
	name_rule_text(out_get(row, "ingress"), to, sizeof(to));
	if (!strcmp(from, "node") || !strcmp(to, "node"))
		snprintf(cell->text, OUT_CELL, "node");
	else if (!strcmp(from, to))
		snprintf(cell->text, OUT_CELL, "%s", from);
	else
		snprintf(cell->text, OUT_CELL, "%s > %s", from, to);
}

static void cell_service(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *name = out_string(row, "service.name");

	if (!out_get(row, key))
		return;
	if (*name)
		snprintf(cell->text, OUT_CELL, "%s", name);
	else
		snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT,
			 out_integer(row, "service.id"));
}

/* "198.51.100.1:61001 > shop/db-0:5432", of which one end may be missing. */
static void cell_translated(const json_t *row, const char *key, struct out_cell *cell)
{
	struct out_cell from = { .text = "" }, to = { .text = "" };

	(void)key;
	out_end(row, "nat", &from);
	out_end(row, "backend", &to);
	if (*from.text || *to.text)
		snprintf(cell->text, OUT_CELL, "%.240s%s>%s%.240s", from.text,
			 *from.text ? " " : "", *to.text ? " " : "", to.text);
	else if (out_get(row, "forwardedTo"))
		snprintf(cell->text, OUT_CELL, "no: to node %s", out_string(row, "forwardedTo"));
}

static const struct out_column columns[] = {
	{ { .heading = "PROTO" }, "protocol", out_text },
	{ { .heading = "SOURCE", .least = 15 }, "source", out_end },
	{ { .heading = "DESTINATION", .least = 15 }, "destination", out_end },
	{ { .heading = "STATE" }, "state", cell_state },
	{ { .heading = "PACKETS", .right = true, .drop = 3 }, "packets", out_number },
	{ { .heading = "BYTES", .right = true }, "bytes", out_bytes },
	{ { .heading = "AGE", .right = true, .drop = 5 }, "ageSeconds", out_duration },
	{ { .heading = "IDLE", .right = true, .drop = 6 }, "idleSeconds", out_duration },
	{ { .heading = "SERVICE", .least = 8, .drop = 4 }, "service", cell_service },
	{ { .heading = "TRANSLATED", .least = 15, .drop = 2 }, NULL, cell_translated },
	{ { .heading = "ALLOWED BY", .least = 12, .drop = 1 }, NULL, cell_allowed },
};

/* ------------------------------------------------------------------- sort */

static int descending(__u64 a, __u64 b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

/* Equal flows keep an order of their own, so that --watch does not shuffle them. */
static int by_key(const struct flow_entry *a, const struct flow_entry *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int by_bytes(const void *a, const void *b)
{
	const struct flow_entry *x = a, *y = b;
	int d = descending(flow_bytes(&x->flow), flow_bytes(&y->flow));

	return d ? d : by_key(x, y);
}

static int by_packets(const void *a, const void *b)
{
	const struct flow_entry *x = a, *y = b;
	int d = descending(flow_packets(&x->flow), flow_packets(&y->flow));

	return d ? d : by_key(x, y);
}

static int by_age(const void *a, const void *b)
{
	const struct flow_entry *x = a, *y = b;
	int d = -descending(x->flow.created_ns, y->flow.created_ns);

	return d ? d : by_key(x, y);
}

static int by_idle(const void *a, const void *b)
{
	const struct flow_entry *x = a, *y = b;
	int d = descending(x->flow.last_ns, y->flow.last_ns);

	return d ? d : by_key(x, y);
}

static const char *const sorts[] = { "bytes", "packets", "age", "idle", NULL };

static void sort(struct flowset *set, const char *by)
{
	static int (*const compare[])(const void *, const void *) = {
		by_bytes, by_packets, by_age, by_idle
	};
	size_t i = 0;

	while (by && sorts[i + 1] && strcmp(sorts[i], by))
		i++;
	if (set->n)
		qsort(set->flows, set->n, sizeof(*set->flows), compare[i]);
}

/* --------------------------------------------------------------- commands */

static int run_list(struct cli *cli)
{
	struct out_list list;
	struct flowset set;
	unsigned long top;
	int status;

	status = flowset_read(cli, &set);
	if (status != CLI_OK)
		goto out;
	sort(&set, cli_text(cli, "sort"));
	if (cli_given(cli, "top") && !value_count(cli_text(cli, "top"), &top) && top < set.n)
		set.n = top;
	out_list_begin(&list, cli, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < set.n && !ferror(cli->out); i++)
		out_list_add(&list, flow_json(cli, &set.flows[i]));
	status = out_list_end(&list, flow_filter_given(cli) ? "no such flows" : "no flows");
out:
	flowset_free(&set);
	return status;
}

static const struct cli_key flush_keys[] = {
	{ "flushed", "integer", "flows removed" },
	{ .path = NULL },
};

static int flush(struct cli *cli, const struct flowset *set, size_t *flushed)
{
	struct sluice *sl = cli_dataplane(cli);

	for (size_t i = 0; i < set->n; i++) {
		int err = sluice_flow_del(sl, &set->flows[i].key);

		/* Gone by itself meanwhile: as good, but not our doing. */
		if (err == -ENOENT)
			continue;
		if (err)
			return cli_fail(cli, "flow cannot be removed after %zu were: %s", *flushed,
					strerror(-err));
		++*flushed;
	}
	return CLI_OK;
}

static int run_flush(struct cli *cli)
{
	struct flowset set;
	size_t n = 0;
	json_t *obj;
	int status;

	if (!flow_filter_given(cli) && !cli_given(cli, "all"))
		return cli_misuse(cli, "which flows? give a filter, or --all");
	if (flow_filter_given(cli) && cli_given(cli, "all"))
		return cli_misuse(cli, "--all and a filter exclude each other");
	status = flowset_read(cli, &set);
	if (status == CLI_OK)
		status = flush(cli, &set, &n);
	flowset_free(&set);
	if (status != CLI_OK)
		return status;
	if (!cli->json) {
		fprintf(cli->out, "%zu flow%s flushed\n", n, n == 1 ? "" : "s");
		return CLI_OK;
	}
	obj = json_pack("{s:I}", "flushed", (json_int_t)n);
	status = out_object(cli, obj);
	json_decref(obj);
	return status;
}

const struct cli_command cmd_flow_list = {
	.name = "list",
	.summary = "Connections, the busiest first",
	.text = "Filters add up: a flow is listed when all of them fit. SOURCE is who spoke first. "
		"ALLOWED BY names the policy that let the sender send and the one that let the "
		"receiver receive: 'no policy' where none selects the pod, 'node' for traffic with "
		"the pod's own node, '-' for an end that is no pod of this node. TRANSLATED is what "
		"the receiver sees: the source before '>', the destination after it, where they "
		"are others; of a one-way flow, the node that gets it as it is and answers.",
	.options = (const struct cli_option[]){
		FLOW_FILTER_OPTIONS,
		{ .name = "sort", .type = CLI_CHOICE, .metavar = "KEY", .values = sorts,
		  .help = "order: most bytes (when not said) or packets, oldest, or latest "
			  "heard of" },
		{ .name = "top", .type = CLI_COUNT, .help = "the first N only" },
		{ .name = NULL } },
	.keys = list_keys,
	.examples = (const struct cli_example[]){
		{ "flow list --top 10 --watch", "the ten busiest connections, live" },
		{ "flow list --pod shop/web-1 --proto tcp", "TCP connections of one pod" },
		{ "flow list --ip 10.244.3.0/24 --sort age -o json", "a range's, the oldest first, "
								     "for a program" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_flow_flush = {
	.name = "flush",
	.summary = "Forget connections: their next packets are judged anew",
	.text = "A connection that the policies still allow goes on; a masqueraded one may get "
		"another port and so break. Takes the filters of 'flow list', where it shows what "
		"would go.",
	.options = (const struct cli_option[]){
		FLOW_FILTER_OPTIONS,
		{ .name = "all", .type = CLI_FLAG,
		  .help = "every flow; needed when there is no filter" },
		{ .name = NULL } },
	.keys = flush_keys,
	.examples = (const struct cli_example[]){
		{ "flow flush --pod shop/web-1", "a pod's connections" },
		{ "flow flush --proto udp --port 53", "DNS" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = run_flush,
};
