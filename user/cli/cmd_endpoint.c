// SPDX-License-Identifier: GPL-2.0
/*
 * sluice endpoint: what the kernel enforces for each pod, read from its
 * tables; the daemon adds what only it knows, the pod's name and container.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "flowset.h"
#include "key.h"
#include "names.h"
#include "out.h"
#include "value.h"

#define ENDPOINT_KEYS                                                                          \
	{ "id", "integer", "index in the endpoint table" },                                    \
	{ "pod", "string or null", "NAMESPACE/NAME; null when the daemon does not answer" },   \
	{ "addresses", "array of strings", "the pod's addresses" },                            \
	{ "interface", "string or null", "the node's end of the pod's device pair" },          \
	{ "ifindex", "integer", "its index" },                                                 \
	{ "mac", "string", "MAC address of the pod's end" },                                   \
	{ "mtu", "integer", "of the pod's end, bytes" },                                       \
	{ "datapath", "string", "veth or netkit" },                                            \
	{ "containerID", "string or null", "as the container runtime says" },                  \
	{ "netns", "string or null", "path of the pod's network namespace" },                  \
	{ "closed", "boolean", "policy is not in place yet: everything is dropped" },          \
	{ "isolatedIngress", "boolean", "a policy selects the pod for what it receives" },     \
	{ "isolatedEgress", "boolean", "a policy selects the pod for what it sends" },         \
	{ "ruleSet", "integer or null", "rule set in force; null when closed" },               \
	{ "generation", "integer", "raised when the policy in force changes" },                \
	{ "column", "integer", "which of the two class ids of an address it reads" },          \
	{ "classes", "object", "peer class of the pod's addresses, 0 for none" },              \
	{ "classes.ipv4", "integer", "of the IPv4 address" },                                  \
	{ "classes.ipv6", "integer", "of the IPv6 address" },                                  \
	{ "drops", "object", "refused when this endpoint was judged" },                        \
	{ "drops.packets", "integer", "packets" },                                             \
	{ "drops.bytes", "integer", "bytes of layer 3" }

static const struct cli_key list_keys[] = { ENDPOINT_KEYS, { .path = NULL } };
static const struct cli_key show_keys[] = {
	ENDPOINT_KEYS,
	{ "flows", "integer", "connections with this pod at one end" },
	{ "dropped", "array of objects", "its drops by reason and decider" },
	{ "dropped[].reason", "string", "short name of the reason" },
	{ "dropped[].decider", "object or null", "who refused; null for a reason that is no "
						 "policy's" },
	NAME_RULE_KEYS("dropped[].decider."),
	{ "dropped[].packets", "integer", "packets" },
	{ "dropped[].bytes", "integer", "bytes of layer 3" },
	{ .path = NULL },
};

struct view {
	struct cli *cli;
	struct sluice *sl;
	json_t *records;		/* what the daemon knows; NULL: it does not answer */
	struct sl_counter *drops;	/* [SL_EP_MAX] */
};

static int add_drop(void *arg, const void *key, const void *value)
{
	struct view *v = arg;
	const struct sl_counter *c = value;
	const struct sl_drop_key *k = key;

	if (k->ep < SL_EP_MAX) {
		v->drops[k->ep].packets += c->packets;
		v->drops[k->ep].bytes += c->bytes;
	}
	return 0;
}

/* Says what is wrong and returns CLI_FAILED. */
static int view_open(struct view *v, struct cli *cli)
{
	char why[CLI_WHY];
	int err;

	*v = (struct view){ .cli = cli, .sl = cli_dataplane(cli) };
	if (!v->sl)
		return CLI_FAILED;
	v->drops = calloc(SL_EP_MAX, sizeof(*v->drops));
	if (!v->drops)
		return cli_fail(cli, "%s", strerror(ENOMEM));
	err = sluice_table_each(v->sl, sluice_table_find("drop_rule"), add_drop, v);
	if (err)
		return cli_fail(cli, "drop counters cannot be read: %s", strerror(-err));
	/* names_known() has said it when the daemon is down; the list goes on without. */
	if (names_known(cli) && cli_ask(cli, "endpoints", NULL, &v->records, why))
		cli_note(cli, "%s", why);
	return CLI_OK;
}

static void view_close(struct view *v)
{
	json_decref(v->records);
	free(v->drops);
}

static const json_t *find_record(const struct view *v, __u32 id)
{
	const json_t *e;
	size_t i;

	json_array_foreach(v->records, i, e)
		if (json_integer_value(json_object_get(e, "id")) == id)
			return e;
	return NULL;
}

static json_t *addresses_json(const struct sl_ep *ep)
{
	static const union sl_addr none;
	json_t *list = json_array();
	char text[SLUICE_ADDR_STRLEN];

	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		if (memcmp(&ep->addr[f], &none, sizeof(none)))
			json_array_append_new(list, json_string(sluice_addr_format(&ep->addr[f],
										   text)));
	return list;
}

static void add_policy(json_t *row, const struct sl_ep *ep, __u64 word)
{
	unsigned int column = word & SL_EP_COLUMN_MASK;
	unsigned int set = word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;

	json_object_set_new(row, "closed", json_boolean(set == SL_RULESET_CLOSED));
	json_object_set_new(row, "isolatedIngress", json_boolean(word & SL_EP_ISOLATED_INGRESS));
	json_object_set_new(row, "isolatedEgress", json_boolean(word & SL_EP_ISOLATED_EGRESS));
	json_object_set_new(row, "ruleSet",
			    set == SL_RULESET_CLOSED ? json_null() : json_integer(set));
	json_object_set_new(row, "generation",
			    json_integer(word >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK));
	json_object_set_new(row, "column", json_integer(column));
	json_object_set_new(row, "classes",
			    json_pack("{s:I, s:I}", "ipv4",
				      (json_int_t)ep->class_id[column][SL_FAMILY_V4], "ipv6",
				      (json_int_t)ep->class_id[column][SL_FAMILY_V6]));
}

static json_t *endpoint_json(const struct view *v, __u32 id)
{
	const struct sl_ep *ep = &sluice_eps(v->sl)[id];
	const json_t *rec = find_record(v, id);
	char dev[IF_NAMESIZE] = "", mac[18];
	json_t *row;

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", ep->mac[0], ep->mac[1],
		 ep->mac[2], ep->mac[3], ep->mac[4], ep->mac[5]);
	row = json_pack("{s:i, s:s?, s:o, s:s?, s:i, s:s, s:i, s:s, s:s?, s:s?, s:{s:I, s:I}}",
			"id", (int)id, "pod", name_of_endpoint(v->cli, id), "addresses",
			addresses_json(ep), "interface", if_indextoname(ep->ifindex, dev),
			"ifindex", (int)ep->ifindex, "mac", mac, "mtu", (int)ep->mtu, "datapath",
			ep->flags & SL_EP_FLAG_NETKIT ? "netkit" : "veth", "containerID",
			json_string_value(json_object_get(rec, "containerID")), "netns",
			json_string_value(json_object_get(rec, "netns")), "drops", "packets",
			(json_int_t)v->drops[id].packets, "bytes", (json_int_t)v->drops[id].bytes);
	if (row)
		add_policy(row, ep, sluice_ep_policy(ep));
	return row;
}

/* ------------------------------------------------------------------ list */

static const char *policy_text(const json_t *row)
{
	bool in = json_is_true(out_get(row, "isolatedIngress"));
	bool out = json_is_true(out_get(row, "isolatedEgress"));

	if (json_is_true(out_get(row, "closed")))
		return "closed";
	if (in && out)
		return "ingress,egress";
	return in ? "ingress" : out ? "egress" : "open";
}

static void cell_policy(const json_t *row, const char *key, struct out_cell *cell)
{
	(void)key;
	snprintf(cell->text, OUT_CELL, "%s", policy_text(row));
	if (!strcmp(cell->text, "closed"))
		cell->style = STYLE_BAD;
	else if (!strcmp(cell->text, "open"))
		cell->style = STYLE_WARN;
	else
		cell->style = STYLE_GOOD;
}

static void cell_class(const json_t *row, const char *key, struct out_cell *cell)
{
	json_int_t v4 = out_integer(row, "classes.ipv4"), v6 = out_integer(row, "classes.ipv6");

	(void)key;
	if (v4 == v6 || !v6)
		snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT, v4);
	else
		snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT,
			 v4, v6);
}

static const struct out_column columns[] = {
	{ { .heading = "ID", .right = true }, "id", out_number },
	{ { .heading = "POD", .least = 16 }, "pod", out_text },
	{ { .heading = "ADDRESSES", .least = 16 }, "addresses", out_join },
	{ { .heading = "ISOLATED" }, NULL, cell_policy },
	{ { .heading = "CLASS", .right = true, .drop = 2 }, NULL, cell_class },
	{ { .heading = "DROPS", .right = true, .drop = 1 }, "drops.packets", out_number },
	{ { .heading = "DEVICE", .drop = 3 }, "interface", out_text },
};

static bool in_use(struct sluice *sl, __u32 id)
{
	return sluice_eps(sl)[id].flags & SL_EP_FLAG_USED;
}

static int run_list(struct cli *cli)
{
	struct out_list list;
	struct view v;
	int status = view_open(&v, cli);

	if (status == CLI_OK) {
		out_list_begin(&list, cli, columns, sizeof(columns) / sizeof(columns[0]));
		for (__u32 id = 1; id < SL_EP_MAX; id++)
			if (in_use(v.sl, id))
				out_list_add(&list, endpoint_json(&v, id));
		status = out_list_end(&list, "no endpoints");
	}
	view_close(&v);
	return status;
}

/* ------------------------------------------------------------------ show */

/* The endpoint that the argument names; 0: none. */
static __u32 find_endpoint(const struct view *v, const char *what)
{
	bool number = what[strspn(what, "0123456789")] == '\0';
	unsigned long id = number ? strtoul(what, NULL, 10) : 0;
	union sl_addr addr;
	bool by_addr = !number && !sluice_addr_parse(what, &addr);

	if (number)
		return id < SL_EP_MAX && in_use(v->sl, id) ? id : 0;
	for (id = 1; id < SL_EP_MAX; id++) {
		const struct sl_ep *ep = &sluice_eps(v->sl)[id];
		const char *pod;

		if (!in_use(v->sl, id))
			continue;
		if (by_addr && (!memcmp(&ep->addr[SL_FAMILY_V4], &addr, sizeof(addr)) ||
				!memcmp(&ep->addr[SL_FAMILY_V6], &addr, sizeof(addr))))
			return id;
		pod = by_addr ? NULL : name_of_endpoint(v->cli, id);
		if (pod && !strcmp(pod, what))
			return id;
	}
	return 0;
}

struct detail {
	struct cli *cli;
	__u32 id;
	json_t *dropped;
	json_int_t flows;
};

static int count_flow(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half)
{
	struct detail *d = arg;

	(void)key;
	(void)half;
	d->flows += flow->ep[0] == d->id || flow->ep[1] == d->id;
	return 0;
}

static int collect_drop(void *arg, const void *key, const void *value)
{
	const struct sl_drop_key *k = key;
	const struct sl_counter *c = value;
	json_t *decider = json_null();
	struct detail *d = arg;
	const char *name = sluice_drop_name(k->reason);

	if (k->ep != d->id)
		return 0;
	if (k->rule) {
		decider = json_object();
		name_rule_into(d->cli, decider, k->rule, name_drop_tier(k->reason));
	}
	return json_array_append_new(d->dropped, json_pack("{s:s, s:o, s:I, s:I}", "reason",
							   name ? name : "?", "decider", decider,
							   "packets", (json_int_t)c->packets,
							   "bytes", (json_int_t)c->bytes)) ?
		       -ENOMEM : 0;
}

static void show(struct cli *cli, const json_t *row)
{
	struct out_cell addrs = { .text = "" };
	const json_t *e;
	char text[OUT_CELL], size[TEXT_SHORT];
	size_t i;

	out_join(row, "addresses", &addrs);
	snprintf(text, sizeof(text), "endpoint %d", (int)out_integer(row, "id"));
	out_heading(cli, text);
	out_line(cli, "pod", STYLE_STRONG, "%s",
		 out_get(row, "pod") ? out_string(row, "pod") : "?");
	out_line(cli, "addresses", STYLE_NONE, "%s", addrs.text);
	out_line(cli, "device", STYLE_NONE, "%s (%s, mtu %d)", out_string(row, "interface"),
		 out_string(row, "datapath"), (int)out_integer(row, "mtu"));
	out_line(cli, "pod's MAC", STYLE_NONE, "%s", out_string(row, "mac"));
	if (out_get(row, "containerID"))
		out_line(cli, "container", STYLE_NONE, "%s", out_string(row, "containerID"));
	if (out_get(row, "netns"))
		out_line(cli, "namespace", STYLE_NONE, "%s", out_string(row, "netns"));
	out_line(cli, "isolated for", STYLE_NONE, "%s", policy_text(row));
	if (out_get(row, "ruleSet"))
		out_line(cli, "rule set", STYLE_NONE,
			 "%" JSON_INTEGER_FORMAT ", generation %" JSON_INTEGER_FORMAT,
			 out_integer(row, "ruleSet"), out_integer(row, "generation"));
	out_line(cli, "class", STYLE_NONE,
		 "IPv4 %" JSON_INTEGER_FORMAT ", IPv6 %" JSON_INTEGER_FORMAT,
		 out_integer(row, "classes.ipv4"), out_integer(row, "classes.ipv6"));
	out_line(cli, "flows", STYLE_NONE, "%" JSON_INTEGER_FORMAT, out_integer(row, "flows"));
	json_array_foreach((json_t *)out_get(row, "dropped"), i, e) {
		name_refusal_text(out_get(e, "decider"), text, sizeof(text));
		out_line(cli, i ? "" : "dropped", STYLE_BAD,
			 "%" JSON_INTEGER_FORMAT " packets, %s: %s%s%s", out_integer(e, "packets"),
			 text_bytes(out_integer(e, "bytes"), size), out_string(e, "reason"),
			 out_get(e, "decider") ? ", " : "", out_get(e, "decider") ? text : "");
	}
}

static int show_one(struct view *v, __u32 id)
{
	struct detail d = { .cli = v->cli, .id = id, .dropped = json_array() };
	json_t *row = endpoint_json(v, id);
	int status = CLI_OK, err;

	err = sluice_flow_each(v->sl, count_flow, &d);
	if (!err)
		err = sluice_table_each(v->sl, sluice_table_find("drop_rule"), collect_drop, &d);
	if (!err && !row)
		err = -ENOMEM;
	if (err) {
		json_decref(d.dropped);
		json_decref(row);
		return cli_fail(v->cli, "%s", strerror(-err));
	}
	json_object_set_new(row, "flows", json_integer(d.flows));
	json_object_set_new(row, "dropped", d.dropped);
	if (v->cli->json)
		status = out_object(v->cli, row);
	else
		show(v->cli, row);
	json_decref(row);
	return status;
}

static int run_show(struct cli *cli)
{
	const char *what = cli->line->args[0];
	struct view v;
	int status = view_open(&v, cli);
	__u32 id;

	if (status == CLI_OK) {
		id = find_endpoint(&v, what);
		if (id)
			status = show_one(&v, id);
		else
			status = cli_fail(cli, "there is no endpoint %s on this node", what);
	}
	view_close(&v);
	return status;
}

const struct cli_command cmd_endpoint_list = {
	.name = "list",
	.summary = "Pods of this node as the kernel sees them",
	.text = "ISOLATED says for which direction policies select the pod: then only what a rule "
		"allows passes. 'open': no policy selects it, everything passes. 'closed': its "
		"policy is not in place yet, nothing passes.",
	.keys = list_keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_endpoint_show = {
	.name = "show",
	.summary = "One endpoint with its flows and drops",
	.args = (const struct cli_arg[]){
		{ .metavar = "ENDPOINT", .type = CLI_ENDPOINT,
		  .help = "its id, its pod as NAMESPACE/NAME, or its address" },
		{ .metavar = NULL } },
	.keys = show_keys,
	.examples = (const struct cli_example[]){
		{ "endpoint show shop/web-1", "by its pod" },
		{ "endpoint show 10.244.0.5", "by an address; works without the daemon" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_OBJECT,
	.run = run_show,
};
