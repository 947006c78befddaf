// SPDX-License-Identifier: GPL-2.0
/*
 * sluice status: is this node well? The daemon's own word, the dataplane as
 * the kernel has it, and every object that was refused.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "commands.h"
#include "key.h"
#include "out.h"

static const struct cli_key keys[] = {
	{ "daemon", "object", "sluiced" },
	{ "daemon.running", "boolean", "it answers" },
	{ "daemon.ready", "boolean", "it answers and is ready: pods can be added" },
	{ "daemon.reason", "string or null", "why it is not" },
	{ "daemon.version", "string or null", "its version" },
	{ "daemon.pid", "integer or null", "its process" },
	{ "daemon.uptimeSeconds", "number or null", "since it was started" },
	{ "node", "object or null", "this node, as the daemon knows it" },
	{ "node.name", "string or null", "name of its Node object" },
	{ "node.addresses", "array of strings or null", "its addresses" },
	{ "node.podCIDRs", "array of strings or null", "ranges of its pods" },
	{ "node.uplink", "string or null", "device to other nodes" },
	{ "node.encap", "string or null", "direct, vxlan, geneve" },
	{ "node.mtu", "integer or null", "of pods, bytes" },
	{ "node.datapath", "string or null", "veth or netkit, for new pods" },
	{ "node.attach", "string or null", "tcx or clsact" },
	{ "node.xdp", "string or null", "what is in force at the uplink: off, native or generic" },
	{ "node.masquerade", "boolean or null", "pods talk to the outside by the node's address" },
	{ "policy", "object or null", "what the daemon compiled" },
	{ "policy.namespaces", "integer or null", "Namespace objects" },
	{ "policy.pods", "integer or null", "Pod objects" },
	{ "policy.nodes", "integer or null", "Node objects" },
	{ "policy.services", "integer or null", "Service objects" },
	{ "policy.endpointSlices", "integer or null", "EndpointSlice objects" },
	{ "policy.policies", "integer or null", "policies in force" },
	{ "policy.rejected", "integer or null", "objects whose last version was refused" },
	{ "policy.classes", "integer or null", "peer classes" },
	{ "policy.ruleSets", "integer or null", "rule sets" },
	{ "policy.rules", "integer or null", "entries of the rule table" },
	{ "policy.portSets", "integer or null", "port sets" },
	{ "policy.commits", "integer or null", "times that tables were brought up to date" },
	{ "policy.compileSeconds", "number or null", "the last compilation took" },
	{ "policy.commitSeconds", "number or null", "the last commit took, writing included" },
	{ "source", "object or null", "where Kubernetes objects come from" },
	{ "source.kind", "string or null", "directory or kubernetes" },
	{ "source.from", "string or null", "the directory, or the API server's address" },
	{ "source.synced", "boolean or null", "all that there was at the start is known" },
	{ "source.answering", "boolean or null", "it is there; else what it said last is in force" },
	{ "source.lostSeconds", "number or null", "for how long it has not been" },
	{ "source.kinds", "array of objects or null", "what is followed; empty for a directory" },
	{ "source.kinds[].kind", "string or null", "kind of the objects" },
	{ "source.kinds[].synced", "boolean or null", "its list has been complete once" },
	{ "source.kinds[].version", "string or null", "resourceVersion up to which all is known" },
	{ "source.kinds[].error", "string or null", "what is wrong with the last answer" },
	{ "source.kinds[].lists", "integer or null", "complete lists" },
	{ "source.kinds[].watches", "integer or null", "watches that were answered and ended" },
	{ "source.kinds[].events", "integer or null", "changes and bookmarks" },
	{ "source.kinds[].gone", "integer or null", "versions and tokens that had expired" },
	{ "source.kinds[].refused", "integer or null", "objects that were wrong" },
	{ "source.kinds[].nonsense", "integer or null", "answers that were none, had no end or were too large" },
	{ "source.kinds[].failures", "integer or null", "requests without an answer, or refused" },
	{ "source.kinds[].absent", "integer or null", "times the cluster did not know the kind" },
	{ "refused", "array of objects or null", "objects whose last version is not in force" },
	{ "refused[].kind", "string or null", "kind of the object" },
	{ "refused[].namespace", "string or null", "its namespace" },
	{ "refused[].name", "string or null", "its name" },
	{ "refused[].file", "string or null", "where it comes from" },
	{ "refused[].line", "integer or null", "line in the file" },
	{ "refused[].column", "integer or null", "column in the line" },
	{ "refused[].field", "string or null", "path of the field" },
	{ "refused[].text", "string or null", "what is wrong with it" },
	{ "warnings", "array of objects or null", "what is in force in part, or not as it may look" },
	{ "warnings[].kind", "string or null", "kind of the object" },
	{ "warnings[].namespace", "string or null", "its namespace" },
	{ "warnings[].name", "string or null", "its name" },
	{ "warnings[].text", "string or null", "what to know" },
	{ "dataplane", "object", "what the kernel has" },
	{ "dataplane.loaded", "boolean", "programs and tables are in place" },
	{ "dataplane.reason", "string or null", "why they cannot be looked at" },
	{ "dataplane.pinRoot", "string", "where they are pinned" },
	{ "dataplane.endpoints", "integer or null", "endpoints" },
	{ "dataplane.closed", "integer or null", "endpoints whose policy is not in place yet" },
	{ "dataplane.flows", "integer or null", "established flows" },
	{ "dataplane.flowCapacity", "integer or null", "most that fit" },
	{ "dataplane.halfOpen", "integer or null", "flows not yet established" },
	{ "dataplane.halfOpenCapacity", "integer or null", "most that fit before they displace each "
							   "other" },
	{ "dataplane.drops", "object or null", "packets dropped, by reason; those that happened" },
	{ "dataplane.drops.*", "integer", "packets" },
	{ "dataplane.counters", "object or null", "what the pipeline counts" },
	{ "dataplane.counters.*", "integer", "a counter by its name" },
	{ "dataplane.devices", "array of objects or null", "devices with programs" },
	{ "dataplane.devices[].interface", "string or null", "name, null when it is in another "
							     "namespace" },
	{ "dataplane.devices[].ifindex", "integer", "index" },
	{ "dataplane.devices[].kind", "string", "veth, netkit, uplink, tunnel" },
	{ .path = NULL },
};

/* --------------------------------------------------------------- gathering */

static json_t *daemon_json(struct cli *cli, json_t **status)
{
	char why[CLI_WHY] = "";
	const char *reason;
	bool up;

	up = !cli_ask(cli, "status", NULL, status, why);
	if (up && !json_is_object(*status)) {
		json_decref(*status);
		*status = NULL;
		up = false;
		snprintf(why, sizeof(why), "the daemon's answer is no object: versions differ?");
	}
	reason = up ? json_string_value(json_object_get(*status, "reason")) : why;
	return json_pack("{s:b, s:b, s:s?, s:O?, s:O?, s:O?}", "running", up, "ready",
			 up && json_is_true(json_object_get(*status, "ready")), "reason",
			 reason, "version", json_object_get(*status, "version"), "pid",
			 json_object_get(*status, "pid"), "uptimeSeconds",
			 json_object_get(*status, "uptimeSeconds"));
}

static void add_endpoints(struct sluice *sl, json_t *obj)
{
	const struct sl_ep *ep = sluice_eps(sl);
	int used = 0, closed = 0;

	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		__u64 word = sluice_ep_policy(&ep[id]);

		if (!(ep[id].flags & SL_EP_FLAG_USED))
			continue;
		used++;
		closed += (word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK) == SL_RULESET_CLOSED;
	}
	json_object_set_new(obj, "endpoints", json_integer(used));
	json_object_set_new(obj, "closed", json_integer(closed));
}

static void add_fill(struct sluice *sl, json_t *obj, const char *table, const char *key,
		     const char *capacity)
{
	__u32 max = 0;
	long n = sluice_table_count(sl, sluice_table_find(table), &max);

	json_object_set_new(obj, key, n < 0 ? json_null() : json_integer(n));
	json_object_set_new(obj, capacity, max ? json_integer(max) : json_null());
}

static void add_counters(struct sluice *sl, json_t *obj)
{
	struct sl_counter drops[__SL_DROP_MAX];
	json_t *by_reason = json_object(), *by_name = json_object();
	__u64 counts[__SL_COUNT_MAX];

	if (!sluice_drops(sl, drops))
		for (unsigned int i = SL_DROP_NONE + 1; i < __SL_DROP_MAX; i++)
			if (drops[i].packets)
				json_object_set_new(by_reason, sluice_drop_name(i),
						    json_integer((json_int_t)drops[i].packets));
	if (!sluice_counts(sl, counts))
		for (unsigned int i = 0; i < __SL_COUNT_MAX; i++)
			json_object_set_new(by_name, sluice_count_name(i),
					    json_integer((json_int_t)counts[i]));
	json_object_set_new(obj, "drops", by_reason);
	json_object_set_new(obj, "counters", by_name);
}

static int add_device(void *arg, int ifindex, enum sluice_attach how)
{
	static const char *const kinds[] = {
		[SLUICE_ATTACH_VETH] = "veth",
		[SLUICE_ATTACH_NETKIT] = "netkit",
		[SLUICE_ATTACH_UPLINK] = "uplink",
		[SLUICE_ATTACH_TUNNEL] = "tunnel",
	};
	char name[IF_NAMESIZE];

	return json_array_append_new(arg, json_pack("{s:s?, s:i, s:s}", "interface",
						    if_indextoname((unsigned int)ifindex, name),
						    "ifindex", ifindex, "kind",
						    how < __SLUICE_ATTACH_MAX ? kinds[how] : "?")) ?
		       -ENOMEM : 0;
}

static json_t *dataplane_json(struct cli *cli)
{
	json_t *obj = json_object(), *devices;
	const char *why = NULL;
	struct sluice *sl;
	int err = cli_peek(cli, &sl);

	if (err == -ENOENT)
		why = "nothing is pinned there";
	else if (err == -EPERM || err == -EACCES)
		why = "it may not be opened: run as root";
	else if (err)
		why = strerror(-err);
	json_object_set_new(obj, "loaded", json_boolean(!err));
	json_object_set_new(obj, "reason", why ? json_string(why) : json_null());
	json_object_set_new(obj, "pinRoot", json_string(cli->pin_root));
	if (err)
		return obj;
	add_endpoints(sl, obj);
	add_fill(sl, obj, "flow", "flows", "flowCapacity");
	add_fill(sl, obj, "half", "halfOpen", "halfOpenCapacity");
	add_counters(sl, obj);
	devices = json_array();
	if (sluice_attached(sl, add_device, devices)) {
		json_decref(devices);
		devices = json_null();
	}
	json_object_set_new(obj, "devices", devices);
	return obj;
}

static json_t *status_json(struct cli *cli)
{
	json_t *status = NULL, *all = json_object(), *obj;

	json_object_set_new(all, "daemon", daemon_json(cli, &status));
	json_object_set(all, "node", json_object_get(status, "node"));
	json_object_set(all, "policy", json_object_get(status, "policy"));
	json_object_set(all, "source", json_object_get(status, "source"));
	json_object_set(all, "refused", json_object_get(status, "refused"));
	json_object_set(all, "warnings", json_object_get(status, "warnings"));
	json_object_set_new(all, "dataplane", dataplane_json(cli));
	obj = key_select(keys, all);
	json_decref(status);
	json_decref(all);
	return obj;
}

/* ----------------------------------------------------------------- people */

static void show_daemon(struct cli *cli, const json_t *d)
{
	char up[TEXT_SHORT];

	if (!json_is_true(out_get(d, "running"))) {
		out_line(cli, "daemon", STYLE_BAD, "%s", out_string(d, "reason"));
		return;
	}
	if (json_is_true(out_get(d, "ready")))
		out_line(cli, "daemon", STYLE_GOOD, "ready");
	else
		out_line(cli, "daemon", STYLE_BAD, "not ready: %s", out_string(d, "reason"));
	out_line(cli, "", STYLE_NONE, "sluiced %s, process %d, up %s", out_string(d, "version"),
		 (int)out_integer(d, "pid"),
		 text_seconds(json_number_value(out_get(d, "uptimeSeconds")), up));
}

static void show_node(struct cli *cli, const json_t *n)
{
	struct out_cell addrs = { .text = "" }, cidrs = { .text = "" };

	if (!n)
		return;
	out_join(n, "addresses", &addrs);
	out_join(n, "podCIDRs", &cidrs);
	out_line(cli, "node", STYLE_NONE, "%s%s%s", out_string(n, "name"), *addrs.text ? ", " : "",
		 addrs.text);
	out_line(cli, "pods' ranges", *cidrs.text ? STYLE_NONE : STYLE_WARN, "%s",
		 *cidrs.text ? cidrs.text : "none: no pod can be added");
	out_line(cli, "uplink", STYLE_NONE, "%s, %s to other nodes, XDP %s, %s",
		 out_get(n, "uplink") ? out_string(n, "uplink") : "none", out_string(n, "encap"),
		 out_string(n, "xdp"), json_is_true(out_get(n, "masquerade")) ? "outside masqueraded" : "no masquerade");
	out_line(cli, "pods' devices", STYLE_NONE, "%s by %s, mtu %d", out_string(n, "datapath"),
		 out_string(n, "attach"), (int)out_integer(n, "mtu"));
}

static void show_policy(struct cli *cli, const json_t *p)
{
	if (!p)
		return;
	out_line(cli, "policies", STYLE_NONE, "%d, over pods: %d", (int)out_integer(p, "policies"),
		 (int)out_integer(p, "pods"));
	out_line(cli, "compiled to", STYLE_NONE,
		 "classes: %d, rule sets: %d, rules: %d, port sets: %d",
		 (int)out_integer(p, "classes"), (int)out_integer(p, "ruleSets"),
		 (int)out_integer(p, "rules"), (int)out_integer(p, "portSets"));
	out_line(cli, "last change", STYLE_NONE, "in force after %.1f ms",
		 1e3 * (json_number_value(out_get(p, "compileSeconds")) +
			json_number_value(out_get(p, "commitSeconds"))));
}

static void show_source(struct cli *cli, const json_t *s)
{
	char ago[TEXT_SHORT];
	const json_t *k;
	size_t i;

	if (!s)
		return;
	if (json_is_true(out_get(s, "answering")))
		out_line(cli, "objects from", STYLE_NONE, "%s", out_string(s, "from"));
	else
		out_line(cli, "objects from", STYLE_WARN, "%s, which has been away for %s",
			 out_string(s, "from"),
			 text_seconds(json_number_value(out_get(s, "lostSeconds")), ago));
	json_array_foreach(out_get(s, "kinds"), i, k)
		if (*out_string(k, "error"))
			out_line(cli, "", STYLE_BAD, "%s: %s", out_string(k, "kind"),
				 out_string(k, "error"));
}

/* "NetworkPolicy shop/db" */
static void object_name(const json_t *e, char *buf, size_t len)
{
	snprintf(buf, len, "%s %s%s%s", out_string(e, "kind"), out_string(e, "namespace"),
		 *out_string(e, "namespace") ? "/" : "", out_string(e, "name"));
}

static void show_refused(struct cli *cli, const json_t *list)
{
	char name[OUT_CELL];
	const json_t *e;
	size_t i;

	json_array_foreach((json_t *)list, i, e) {
		char place[64] = "";

		if (out_integer(e, "line"))
			snprintf(place, sizeof(place), ":%d:%d", (int)out_integer(e, "line"),
				 (int)out_integer(e, "column"));
		object_name(e, name, sizeof(name));
		out_line(cli, i ? "" : "refused", STYLE_BAD, "%s", name);
		out_line(cli, "", STYLE_NONE, "%s%s: %s%s%s", out_string(e, "file"), place,
			 out_string(e, "field"), *out_string(e, "field") ? ": " : "",
			 out_string(e, "text"));
	}
}

static void show_warnings(struct cli *cli, const json_t *list)
{
	char name[OUT_CELL];
	const json_t *e;
	size_t i;

	json_array_foreach((json_t *)list, i, e) {
		object_name(e, name, sizeof(name));
		out_line(cli, i ? "" : "warnings", STYLE_WARN, "%s", name);
		out_line(cli, "", STYLE_NONE, "%s", out_string(e, "text"));
	}
}

/* The most frequent first. */
static void show_drops(struct cli *cli, const json_t *drops)
{
	json_t *left = json_copy((json_t *)drops);
	bool first = true;

	if (!json_object_size(left))
		out_line(cli, "drops", STYLE_NONE, "none");
	while (json_object_size(left)) {
		const char *reason, *most = NULL;
		json_int_t max = -1;
		json_t *n;

		json_object_foreach(left, reason, n) {
			if (json_integer_value(n) <= max)
				continue;
			max = json_integer_value(n);
			most = reason;
		}
		out_line(cli, first ? "drops" : "", STYLE_NONE, "%" JSON_INTEGER_FORMAT " %s", max,
			 most);
		first = false;
		json_object_del(left, most);
	}
	json_decref(left);
}

static void show_dataplane(struct cli *cli, const json_t *d)
{
	json_int_t full;

	if (!json_is_true(out_get(d, "loaded"))) {
		out_line(cli, "dataplane", STYLE_BAD, "none under %s: %s", out_string(d, "pinRoot"),
			 out_string(d, "reason"));
		return;
	}
	out_line(cli, "dataplane", STYLE_GOOD, "loaded, programs on %zu devices",
		 json_array_size(out_get(d, "devices")));
	out_line(cli, "endpoints", STYLE_NONE, "%d", (int)out_integer(d, "endpoints"));
	if (out_integer(d, "closed"))
		out_line(cli, "", STYLE_BAD, "%d closed: no policy in place yet",
			 (int)out_integer(d, "closed"));
	out_line(cli, "flows", STYLE_NONE, "%d of %d, half-open %d of %d",
		 (int)out_integer(d, "flows"), (int)out_integer(d, "flowCapacity"),
		 (int)out_integer(d, "halfOpen"), (int)out_integer(d, "halfOpenCapacity"));
	full = out_integer(d, "counters.flow-refused-full");
	if (full)
		out_line(cli, "", STYLE_WARN, "table was full %" JSON_INTEGER_FORMAT " times",
			 full);
	show_drops(cli, out_get(d, "drops"));
}

static int run(struct cli *cli)
{
	json_t *obj = status_json(cli);
	bool well = json_is_true(out_get(obj, "daemon.ready")) &&
		    json_is_true(out_get(obj, "dataplane.loaded"));
	int status = CLI_OK;

	if (cli->json || !obj) {
		status = out_object(cli, obj);
	} else {
		show_daemon(cli, out_get(obj, "daemon"));
		show_node(cli, out_get(obj, "node"));
		show_source(cli, out_get(obj, "source"));
		show_policy(cli, out_get(obj, "policy"));
		show_refused(cli, out_get(obj, "refused"));
		show_warnings(cli, out_get(obj, "warnings"));
		show_dataplane(cli, out_get(obj, "dataplane"));
	}
	json_decref(obj);
	return status == CLI_OK && !well ? CLI_FAILED : status;
}

const struct cli_command cmd_status = {
	.name = "status",
	.summary = "Whether this node is well: daemon, policies, dataplane",
	.keys = keys,
	.failure = "the daemon is not ready or no dataplane is loaded",
	.shape = CLI_SHAPE_OBJECT,
	.run = run,
};
