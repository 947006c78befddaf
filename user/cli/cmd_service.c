// SPDX-License-Identifier: GPL-2.0
/*
 * sluice service: what the daemon made of Services, and how many connections each
 * backend has, counted in the dataplane's flows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "daemon_list.h"
#include "value.h"

#define SERVICE_KEYS                                                                           \
	{ "namespace", "string", "namespace of the Service" },                                 \
	{ "name", "string", "its name" },                                                      \
	{ "type", "string", "ClusterIP, NodePort, LoadBalancer, ExternalName" },               \
	{ "notServed", "string or null", "why nothing of it is served; null: it is" },         \
	{ "refused", "string or null", "why the object's last version is not in force" },      \
	{ "warnings", "array of strings", "what of it is not in force as written" },           \
	{ "clusterIPs", "array of strings", "addresses for clients inside the cluster" },      \
	{ "externalIPs", "array of strings", "addresses that the Service claims" },            \
	{ "loadBalancerIPs", "array of strings", "addresses that a load balancer was given" }, \
	{ "ports", "array of objects", "its ports" },                                          \
	{ "ports[].name", "string or null", "name of the port" },                              \
	{ "ports[].protocol", "string", "tcp, udp or sctp" },                                  \
	{ "ports[].port", "integer", "port at the service's addresses" },                      \
	{ "ports[].nodePort", "integer or null", "port at the node's addresses" }

#define FLOW_KEYS(prefix, what)                                                                \
	{ prefix "flows", "object or null", what "; null: the dataplane cannot be read" },     \
	{ prefix "flows.established", "integer", "that are established, none that ends" },         \
	{ prefix "flows.halfOpen", "integer", "whose initiator was not yet heard after a "     \
					      "reply" },                               \
	{ prefix "flows.direct", "integer", "to the backend's own address: chosen when the "   \
					    "client connected, or without the service" }

static const struct cli_key list_keys[] = {
	SERVICE_KEYS,
	{ "backends", "object", "endpoints behind any of its ports, by their addresses" },
	{ "backends.ready", "integer", "that are ready" },
	{ "backends.total", "integer", "that there are" },
	{ .path = NULL },
};

static const struct cli_key show_keys[] = {
	SERVICE_KEYS,
	{ "internalTrafficPolicy", "string", "Cluster or Local" },
	{ "externalTrafficPolicy", "string", "Cluster or Local" },
	{ "affinitySeconds", "integer or null", "how long a client keeps its backend; null: no "
						"affinity" },
	{ "balance", "string", "default (maglev for clients outside, random inside), maglev, "
			       "random" },
	{ "forwarding", "string", "of clients outside to other nodes' backends: snat, or dsr, "
				  "where these answer by themselves" },
	{ "healthCheckNodePort", "integer or null", "where load balancers ask" },
	{ "sourceRanges", "array of strings", "who may use its load balancer's addresses; none: "
					      "everybody" },
	FLOW_KEYS("", "connections to it"),
	{ "flows.forwarded", "integer", "sent on to other nodes as they are (dsr)" },
	{ "ports[].ids", "object", "ids as flows have them, null where the tables have none" },
	{ "ports[].ids.ipv4", "integer or null", "of IPv4" },
	{ "ports[].ids.ipv6", "integer or null", "of IPv6" },
	{ "ports[].maglev", "object", "entries of its Maglev tables" },
	{ "ports[].maglev.ipv4", "object or null", "of IPv4" },
	{ "ports[].maglev.ipv4.cluster", "integer or null", "over all backends; null: no table" },
	{ "ports[].maglev.ipv4.local", "integer or null", "over this node's" },
	{ "ports[].maglev.ipv6", "object or null", "of IPv6" },
	{ "ports[].maglev.ipv6.cluster", "integer or null", "as for IPv4" },
	{ "ports[].maglev.ipv6.local", "integer or null", "as for IPv4" },
	{ "ports[].frontends", "array of objects", "what it is reached by" },
	{ "ports[].frontends[].address", "string", "an address, or node: all of this node's" },
	{ "ports[].frontends[].family", "string", "ipv4 or ipv6" },
	{ "ports[].frontends[].port", "integer", "port" },
	{ "ports[].frontends[].inside", "string", "whom clients in the cluster get: cluster (any "
						  "backend) or local (one of this node)" },
	{ "ports[].frontends[].outside", "string", "whom other clients get, likewise" },
	{ "ports[].frontends[].served", "boolean", "it leads to this port" },
	{ "ports[].frontends[].why", "string or null", "why it does not" },
	{ "ports[].backends", "array of objects", "endpoints behind it" },
	{ "ports[].backends[].address", "string", "address" },
	{ "ports[].backends[].port", "integer", "port" },
	{ "ports[].backends[].id", "integer or null", "id as flows have it; null: not in the "
						      "tables" },
	{ "ports[].backends[].state", "string", "ready, terminating, not ready, or gone: kept for "
						"want of room for a change" },
	{ "ports[].backends[].usedFor", "array of strings", "whose new connections may go there: "
							    "cluster, local" },
	{ "ports[].backends[].local", "boolean", "it is on this node" },
	{ "ports[].backends[].pod", "string or null", "NAMESPACE/NAME, where known" },
	{ "ports[].backends[].node", "string or null", "its node, where known" },
	FLOW_KEYS("ports[].backends[].", "connections that it has"),
	{ .path = NULL },
};

/* ------------------------------------------------------------------ list */

/* "80:30080/tcp" */
static int port_text(const json_t *port, char *buf, size_t len)
{
	char node[16] = "";

	if (out_get(port, "nodePort"))
		snprintf(node, sizeof(node), ":%d", (int)out_integer(port, "nodePort"));
	return snprintf(buf, len, "%d%s/%s", (int)out_integer(port, "port"), node,
			out_string(port, "protocol"));
}

/* What does not fit is counted, not dropped in silence. */
static void cell_ports(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *ports = out_get(row, key), *p;
	size_t i, used = 0, room = OUT_CELL - 32;
	char text[64];

	json_array_foreach((json_t *)ports, i, p) {
		if (used + port_text(p, text, sizeof(text)) + 1 >= room) {
			snprintf(cell->text + used, OUT_CELL - used, " and %zu more",
				 json_array_size(ports) - i);
			return;
		}
		used += snprintf(cell->text + used, room - used, "%s%s", used ? "," : "", text);
	}
}

static void cell_backends(const json_t *row, const char *key, struct out_cell *cell)
{
	json_int_t ready = out_integer(row, "backends.ready");
	json_int_t total = out_integer(row, "backends.total");

	(void)key;
	snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT, ready,
		 total);
	cell->style = ready == total && ready ? STYLE_GOOD : ready ? STYLE_WARN : STYLE_BAD;
}

static const struct out_column columns[] = {
	{ { .heading = "NAMESPACE", .least = 10 }, "namespace", out_text },
	{ { .heading = "NAME", .least = 10 }, "name", out_text },
	{ { .heading = "TYPE", .drop = 2 }, "type", out_text },
	{ { .heading = "CLUSTER-IP", .least = 15, .drop = 1 }, "clusterIPs", out_join },
	{ { .heading = "PORTS", .least = 8 }, "ports", cell_ports },
	{ { .heading = "BACKENDS", .right = true }, NULL, cell_backends },
};

static int run_list(struct cli *cli)
{
	return daemon_list(cli, "services", columns, sizeof(columns) / sizeof(columns[0]),
			   "no services");
}

/* ----------------------------------------------------------------- flows */

struct count {
	__u32 established, half, direct;
};

/* A backend by its own address, as flows know it that nobody translated. */
struct target {
	union sl_addr addr;
	int port, proto;
	__u32 n;
};

struct counts {
	bool mine[SL_SVC_MAX];		/* ports of the service */
	struct count all, backend[SL_BACKEND_MAX];
	__u32 forwarded;		/* the backend's node may choose another one of its own */
	struct target *target;		/* sorted, each once */
	size_t ntargets;
};

static int target_cmp(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	int cmp = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	if (!cmp)
		cmp = x->port - y->port;
	return cmp ? cmp : x->proto - y->proto;
}

static struct target *find_target(const struct counts *c, const struct target *t)
{
	return c->ntargets ? bsearch(t, c->target, c->ntargets, sizeof(*t), target_cmp) : NULL;
}

/* False: what the daemon says is no address. */
static bool get_target(const json_t *port, const json_t *backend, struct target *t)
{
	*t = (struct target){ .port = (int)out_integer(backend, "port") };
	return !sluice_addr_parse(out_string(backend, "address"), &t->addr) &&
	       !value_proto(out_string(port, "protocol"), &t->proto);
}

static int add_targets(struct counts *c, const json_t *port)
{
	const json_t *list = json_object_get(port, "backends"), *b;
	struct target *v;
	size_t i;

	v = reallocarray(c->target, c->ntargets + json_array_size(list) + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->target = v;
	json_array_foreach((json_t *)list, i, b)
		c->ntargets += get_target(port, b, &v[c->ntargets]);
	return 0;
}

/* Ports of one number behind the service have the same targets. */
static void sort_targets(struct counts *c)
{
	size_t i, kept = 0;

	if (c->ntargets)
		qsort(c->target, c->ntargets, sizeof(*c->target), target_cmp);
	for (i = 0; i < c->ntargets; i++)
		if (!kept || target_cmp(&c->target[kept - 1], &c->target[i]))
			c->target[kept++] = c->target[i];
	c->ntargets = kept;
}

static void count_direct(struct counts *c, const struct sl_tuple *key, const struct sl_flow *flow)
{
	int to = !(flow->orig & 1);
	struct target *t = find_target(c, &(struct target){ .addr = key->addr[to],
							    .port = ntohs(key->port[to]),
							    .proto = key->proto });

	if (!t)
		return;
	t->n++;
	c->all.direct++;
}

static void count_one(struct count *c, bool half)
{
	c->established += !half;
	c->half += half;
}

static int count_flow(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half)
{
	struct counts *c = arg;

	/* of a connection that has ended the entry stays for a while */
	if (flow->state == SL_FLOW_CLOSING)
		return 0;
	if (!flow->svc)
		count_direct(c, key, flow);
	if (!flow->svc || flow->svc >= SL_SVC_MAX || !c->mine[flow->svc])
		return 0;
	if (flow->dir[0].flags & SL_FLOW_DIR_DSR) {
		c->forwarded++;
		return 0;
	}
	count_one(&c->all, half);
	if (flow->backend < SL_BACKEND_MAX)
		count_one(&c->backend[flow->backend], half);
	return 0;
}

static void mark_port(struct counts *c, const json_t *port)
{
	json_int_t v4 = out_integer(port, "ids.ipv4"), v6 = out_integer(port, "ids.ipv6");

	if (v4 > 0 && v4 < SL_SVC_MAX)
		c->mine[v4] = true;
	if (v6 > 0 && v6 < SL_SVC_MAX)
		c->mine[v6] = true;
}

static int set_flows(json_t *obj, const struct count *c)
{
	return json_object_set_new(obj, "flows",
				   json_pack("{s:I, s:I, s:I}", "established",
					     (json_int_t)c->established, "halfOpen",
					     (json_int_t)c->half, "direct",
					     (json_int_t)c->direct)) ? -ENOMEM : 0;
}

static int set_backends(json_t *port, const struct counts *c)
{
	const struct target *found;
	struct target t;
	struct count n;
	json_int_t id;
	json_t *b;
	size_t i;
	int err = 0;

	json_array_foreach(json_object_get(port, "backends"), i, b) {
		id = out_integer(b, "id");
		n = id > 0 && id < SL_BACKEND_MAX ? c->backend[id] : (struct count){ 0 };
		found = get_target(port, b, &t) ? find_target(c, &t) : NULL;
		n.direct = found ? found->n : 0;
		err |= set_flows(b, &n);
	}
	return err;
}

/* Adds the numbers of flows to @obj. Negative errno. */
static int add_flows(struct sluice *sl, json_t *obj)
{
	struct counts *c = calloc(1, sizeof(*c));
	json_t *port;
	size_t i;
	int err = 0;

	if (!c)
		return -ENOMEM;
	json_array_foreach(json_object_get(obj, "ports"), i, port) {
		mark_port(c, port);
		err |= add_targets(c, port);
	}
	sort_targets(c);
	if (!err)
		err = sluice_flow_each(sl, count_flow, c);
	if (!err)
		err = set_flows(obj, &c->all);
	if (!err)
		err = json_object_set_new(json_object_get(obj, "flows"), "forwarded",
					  json_integer(c->forwarded)) ? -ENOMEM : 0;
	json_array_foreach(json_object_get(obj, "ports"), i, port)
		if (!err)
			err = set_backends(port, c);
	free(c->target);
	free(c);
	return err;
}

/* ------------------------------------------------------------------ show */

static void cell_backend(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *addr = out_string(row, "address");
	bool bracket = strchr(addr, ':');

	(void)key;
	snprintf(cell->text, OUT_CELL, "%s%s%s:%d", bracket ? "[" : "", addr, bracket ? "]" : "",
		 (int)out_integer(row, "port"));
}

static void cell_state(const json_t *row, const char *key, struct out_cell *cell)
{
	out_text(row, key, cell);
	if (!strcmp(cell->text, "ready"))
		cell->style = STYLE_GOOD;
	else if (!strcmp(cell->text, "terminating"))
		cell->style = STYLE_WARN;
	else
		cell->style = STYLE_BAD;
}

static void cell_node(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *node = out_string(row, key);

	if (json_is_true(out_get(row, "local")))
		snprintf(cell->text, OUT_CELL, "%s%s", node, *node ? " (here)" : "here");
	else
		snprintf(cell->text, OUT_CELL, "%s", node);
}

static const struct out_column backend_columns[] = {
	{ { .heading = "BACKEND" }, NULL, cell_backend },
	{ { .heading = "STATE" }, "state", cell_state },
	{ { .heading = "POD", .least = 12 }, "pod", out_text },
	{ { .heading = "NODE", .least = 8, .drop = 1 }, "node", cell_node },
	{ { .heading = "NEW FROM", .drop = 2 }, "usedFor", out_join },
	{ { .heading = "FLOWS", .right = true }, "flows.established", out_number },
	{ { .heading = "HALF-OPEN", .right = true, .drop = 3 }, "flows.halfOpen", out_number },
	{ { .heading = "DIRECT", .right = true, .drop = 4 }, "flows.direct", out_number },
};

static void show_joined(struct cli *cli, const char *name, const json_t *obj, const char *key)
{
	struct out_cell cell = { .text = "" };

	out_join(obj, key, &cell);
	if (*cell.text)
		out_line(cli, name, STYLE_NONE, "%s", cell.text);
}

static void show_warnings(struct cli *cli, const json_t *obj)
{
	const json_t *w;
	size_t i;

	if (out_get(obj, "notServed"))
		out_line(cli, "not served", STYLE_WARN, "%s", out_string(obj, "notServed"));
	if (out_get(obj, "refused"))
		out_line(cli, "refused", STYLE_BAD, "%s", out_string(obj, "refused"));
	json_array_foreach((json_t *)out_get(obj, "warnings"), i, w)
		out_line(cli, i ? "" : "warning", STYLE_WARN, "%s", json_string_value(w) ?: "?");
}

static void show_settings(struct cli *cli, const json_t *obj)
{
	out_line(cli, "traffic policy", STYLE_NONE, "internal %s, external %s",
		 out_string(obj, "internalTrafficPolicy"), out_string(obj, "externalTrafficPolicy"));
	if (out_get(obj, "affinitySeconds"))
		out_line(cli, "affinity", STYLE_NONE, "ClientIP, for %d s",
			 (int)out_integer(obj, "affinitySeconds"));
	out_line(cli, "balancing", STYLE_NONE, "%s", out_string(obj, "balance"));
	out_line(cli, "forwarding", STYLE_NONE, "%s", out_string(obj, "forwarding"));
	if (out_get(obj, "healthCheckNodePort"))
		out_line(cli, "health check", STYLE_NONE, "node port %d",
			 (int)out_integer(obj, "healthCheckNodePort"));
	if (out_get(obj, "flows"))
		out_line(cli, "flows", STYLE_NONE,
			 "%" JSON_INTEGER_FORMAT " established, %" JSON_INTEGER_FORMAT
			 " half-open, %" JSON_INTEGER_FORMAT " direct, %" JSON_INTEGER_FORMAT
			 " forwarded",
			 out_integer(obj, "flows.established"), out_integer(obj, "flows.halfOpen"),
			 out_integer(obj, "flows.direct"), out_integer(obj, "flows.forwarded"));
}

static void show_frontend(struct cli *cli, const char *name, const json_t *f)
{
	const char *in = out_string(f, "inside"), *out = out_string(f, "outside");
	struct out_cell at = { .text = "" };

	cell_backend(f, NULL, &at);
	if (!strcmp(out_string(f, "address"), "node"))
		snprintf(at.text, sizeof(at.text), "%s of the node, port %d",
			 !strcmp(out_string(f, "family"), "ipv6") ? "IPv6" : "IPv4",
			 (int)out_integer(f, "port"));
	if (!json_is_true(out_get(f, "served")))
		out_line(cli, name, STYLE_BAD, "%s: not served, %s", at.text, out_string(f, "why"));
	else if (!strcmp(in, out))
		out_line(cli, name, STYLE_NONE, "%s: %s", at.text, in);
	else
		out_line(cli, name, STYLE_NONE, "%s: %s from inside, %s from outside", at.text, in,
			 out);
}

static void show_maglev(struct cli *cli, const json_t *port)
{
	static const char *const tables[][2] = {
		{ "maglev.ipv4.cluster", "IPv4, cluster" }, { "maglev.ipv4.local", "IPv4, local" },
		{ "maglev.ipv6.cluster", "IPv6, cluster" }, { "maglev.ipv6.local", "IPv6, local" },
	};
	const char *name = "Maglev table";

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!out_get(port, tables[i][0]))
			continue;
		out_line(cli, name, STYLE_NONE, "%s: %" JSON_INTEGER_FORMAT " entries", tables[i][1],
			 out_integer(port, tables[i][0]));
		name = "";
	}
}

static int show_backends(struct cli *cli, const json_t *port)
{
	struct out_list list;
	json_t *b;
	size_t i;

	fputc('\n', cli->out);
	out_list_begin(&list, cli, backend_columns,
		       sizeof(backend_columns) / sizeof(backend_columns[0]));
	json_array_foreach((json_t *)out_get(port, "backends"), i, b)
		out_list_add(&list, json_incref(b));
	return out_list_end(&list, "no backends");
}

static int show_port(struct cli *cli, const json_t *port)
{
	const json_t *f;
	char text[64];
	size_t i;

	fputc('\n', cli->out);
	port_text(port, text, sizeof(text));
	out_line(cli, "port", STYLE_STRONG, "%s%s%s", text, out_get(port, "name") ? " " : "",
		 out_string(port, "name"));
	json_array_foreach((json_t *)out_get(port, "frontends"), i, f)
		show_frontend(cli, i ? "" : "reached at", f);
	show_maglev(cli, port);
	return show_backends(cli, port);
}

static int show(struct cli *cli, const json_t *obj)
{
	const json_t *port;
	int status = CLI_OK;
	size_t i;

	out_line(cli, "service", STYLE_STRONG, "%s/%s", out_string(obj, "namespace"),
		 out_string(obj, "name"));
	out_line(cli, "type", STYLE_NONE, "%s", out_string(obj, "type"));
	show_warnings(cli, obj);
	show_joined(cli, "cluster IPs", obj, "clusterIPs");
	show_joined(cli, "external IPs", obj, "externalIPs");
	show_joined(cli, "load balancer", obj, "loadBalancerIPs");
	show_joined(cli, "source ranges", obj, "sourceRanges");
	show_settings(cli, obj);
	json_array_foreach((json_t *)out_get(obj, "ports"), i, port)
		if (status == CLI_OK)
			status = show_port(cli, port);
	return status;
}

static int run_show(struct cli *cli)
{
	const char *arg = cli->line->args[0], *slash = strchr(arg, '/');
	struct sluice *sl;
	int status, err;
	json_t *obj;

	obj = daemon_object(cli, "service.show",
			    json_pack("{s:s%, s:s}", "namespace", arg, (size_t)(slash - arg),
				      "name", slash + 1));
	if (!obj)
		return CLI_FAILED;
	/* without the dataplane the objects are still worth seeing */
	err = cli_peek(cli, &sl);
	if (!err) {
		err = add_flows(sl, obj);
		if (err)
			cli_note(cli, "flows cannot be read: %s", strerror(-err));
	}
	status = cli->json ? out_object(cli, obj) : show(cli, obj);
	json_decref(obj);
	return status;
}

const struct cli_command cmd_service_list = {
	.name = "list",
	.summary = "Services, what they are reached by and how many backends are ready",
	.keys = list_keys,
	.examples = (const struct cli_example[]){
		{ "service list", "all of them" }, { .args = NULL } },
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_service_show = {
	.name = "show",
	.summary = "One service: frontends, backends with their states, and flows on each",
	.text = "A frontend that another service had first is not served, and it says whose it is. "
		"'cluster' is any backend, 'local' one of this node: NEW FROM says for which of "
		"the two a backend gets new connections. FLOWS are those of this node that are "
		"translated. DIRECT are those to the backend's own address: the node's processes, "
		"and TCP of pods, are given a backend when they connect, and the packets don't "
		"tell who asked for the service and who for the pod. Forwarded ones went on to "
		"another node as they are, which chooses one of its backends and answers.",
	.args = (const struct cli_arg[]){
		{ .metavar = "NS/NAME", .type = CLI_SERVICE_NAME, .help = "namespace and name" },
		{ .metavar = NULL } },
	.keys = show_keys,
	.examples = (const struct cli_example[]){
		{ "service show shop/web", "the service web of namespace shop" },
		{ "service show shop/web --watch", "its backends and their flows, live" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_OBJECT,
	.run = run_show,
};
