// SPDX-License-Identifier: GPL-2.0
/*
 * What each request of the control socket means; Documentation/control.md
 * says it for clients. One table at the end names them all.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/daemon.h"

struct op_call {
	struct daemon *d;
	struct client *client;
	json_t *args;
	struct request_error *err;
};

static json_t *fail_nomem(struct op_call *call)
{
	return request_fail(call->err, REQUEST_INTERNAL, "out of memory");
}

/* @doc, or the error that its absence means. */
static json_t *or_nomem(struct op_call *call, json_t *doc)
{
	return doc ? doc : fail_nomem(call);
}

/* -EINVAL: says which argument. @fmt as json_unpack() has it, with '!'. */
#define op_args(call, fmt, ...)                                                          \
	({                                                                               \
		json_error_t __je;                                                       \
		int __err = json_unpack_ex((call)->args, &__je, 0, fmt, ##__VA_ARGS__);  \
		if (__err)                                                               \
			request_fail((call)->err, REQUEST_BAD, "args: %s", __je.text);   \
		__err;                                                                   \
	})

/* --------------------------------------------------------------------- status */

static json_t *op_ready(struct op_call *call)
{
	char buf[512];
	const char *reason = daemon_reason(call->d, buf, sizeof(buf));

	return or_nomem(call, json_pack("{s:b, s:s?}", "ready", !reason, "reason", reason));
}

static unsigned int count_closed(struct daemon *d)
{
	unsigned int n = 0;

	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		__u64 word = sluice_ep_policy(&sluice_eps(d->sl)[id]);

		if (endpoint_by_id(d->eps, id) &&
		    (word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK) == SL_RULESET_CLOSED)
			n++;
	}
	return n;
}

static json_t *policy_stats_json(struct daemon *d)
{
	struct policy_stats st;

	policy_get_stats(d->pol, &st);
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f}",
			 "namespaces", st.namespaces, "pods", st.pods, "nodes", st.nodes,
			 "services", st.services, "endpointSlices", st.slices,
			 "policies", st.policies, "rejected", st.rejected, "classes", st.classes,
			 "ruleSets", st.rulesets, "rules", st.rules, "portSets", st.ports,
			 "commits", st.commits, "compileSeconds", (double)st.compile_us / 1e6,
			 "commitSeconds", (double)st.commit_us / 1e6);
}

static json_t *node_warning(const struct daemon *d, const char *text)
{
	return json_pack("{s:s, s:n, s:s, s:s}", "kind", "Node", "namespace", "name",
			 d->cfg.node_name, "text", text);
}

static json_t *warnings_json(struct daemon *d)
{
	const char *doubt = d->sock_abort ? sock_abort_doubt(d->sock_abort) : NULL;
	char text[256];
	json_t *list = policy_warnings_json(d->pol);

	snprintf(text, sizeof(text), "datagram sockets of its processes stay connected to endpoints that "
		 "go: %s", doubt ? doubt : "");
	if (node_doubt(d->node))
		json_array_append_new(list, node_warning(d, node_doubt(d->node)));
	if (doubt)
		json_array_append_new(list, node_warning(d, text));
	return list;
}

static json_t *op_status(struct op_call *call)
{
	struct daemon *d = call->d;
	char buf[512];
	const char *reason = daemon_reason(d, buf, sizeof(buf));

	return or_nomem(call, json_pack("{s:s, s:i, s:i, s:f, s:b, s:s?, s:o, s:{s:i, s:i}, s:o, s:o, s:o, s:o}",
		"version", SLUICE_VERSION, "abi", SL_ABI_VERSION, "pid", (int)getpid(),
		"uptimeSeconds", (double)(uv_hrtime() - d->started_ns) / 1e9,
		"ready", !reason, "reason", reason, "node", node_status_json(d->node),
		"endpoints", "total", endpoints_count(d->eps), "closed", count_closed(d),
		"source", d->source->ops->status(d->source),
		"policy", policy_stats_json(d), "refused", policy_refused_json(d->pol),
		"warnings", warnings_json(d)));
}

static json_t *op_nodes(struct op_call *call)
{
	return or_nomem(call, node_list_json(call->d->node));
}

static json_t *op_loglevel(struct op_call *call)
{
	enum log_level level;
	const char *text;

	if (op_args(call, "{s:s !}", "level", &text))
		return NULL;
	if (log_level_parse(text, &level))
		return request_fail(call->err, REQUEST_BAD,
				    "level: not one of debug, info, warning, error");
	log_set_level(level);
	return json_null();
}

static json_t *op_reconcile(struct op_call *call)
{
	int n = daemon_reconcile(call->d);

	if (n < 0)
		return request_fail(call->err, REQUEST_INTERNAL, "%s", strerror(-n));
	return or_nomem(call, json_pack("{s:i}", "repaired", n));
}

/* ------------------------------------------------------------------ endpoints */

static json_t *op_cni_config(struct op_call *call)
{
	char buf[512];
	const char *reason = daemon_reason(call->d, buf, sizeof(buf));

	if (reason)
		return request_fail(call->err, REQUEST_NOT_READY, "%s", reason);
	return or_nomem(call, node_cni_config_json(call->d->node));
}

/*
 * A pod whose object has not come yet would be judged without its labels; and
 * by those of its predecessor, where it has the name of one that just left.
 */
static bool pod_known(const struct daemon *d, const struct record *rec, char *why, size_t len)
{
	int err = 0;

	if (d->source->ops->knows_pods)
		err = policy_pod_find(d->pol, rec->pod_namespace, rec->pod_name, rec->pod_uid);
	if (err)
		snprintf(why, len, err == -ESTALE ? "pod %s/%s: this one's object is not known yet, only another's" :
			 "pod %s/%s: its object is not known yet", rec->pod_namespace, rec->pod_name);
	return !err;
}

static json_t *op_endpoint_add(struct op_call *call)
{
	struct record rec;
	char buf[512];
	const char *reason = daemon_reason(call->d, buf, sizeof(buf));
	__u32 id;
	int err;

	if (reason)
		return request_fail(call->err, REQUEST_NOT_READY, "%s", reason);
	if (record_parse(call->args, &rec, buf, sizeof(buf)))
		return request_fail(call->err, REQUEST_BAD, "%s", buf);
	if (!pod_known(call->d, &rec, buf, sizeof(buf))) {
		record_clear(&rec);
		return request_fail(call->err, REQUEST_NOT_READY, "%s", buf);
	}
	err = endpoint_add(call->d->eps, &rec, &id, buf, sizeof(buf));
	record_clear(&rec);
	if (err)
		return request_fail(call->err, request_code_of(err), "%s", buf);
	return or_nomem(call, json_pack("{s:i}", "id", (int)id));
}

static json_t *op_endpoint_del(struct op_call *call)
{
	const char *container, *ifname;
	int err;

	if (op_args(call, "{s:s, s:s !}", "containerID", &container, "ifname", &ifname))
		return NULL;
	err = endpoint_del(call->d->eps, container, ifname);
	if (err)
		return request_fail(call->err, REQUEST_INTERNAL, "%s", strerror(-err));
	daemon_sweep(call->d);
	return json_null();
}

static json_t *op_endpoint_check(struct op_call *call)
{
	const char *container, *ifname;
	char why[512];
	int err;

	if (op_args(call, "{s:s, s:s !}", "containerID", &container, "ifname", &ifname))
		return NULL;
	err = endpoint_check(call->d->eps, container, ifname, why, sizeof(why));
	if (err == -ESTALE)
		return request_fail(call->err, REQUEST_INTERNAL, "%s", why);
	if (err)
		return request_fail(call->err, request_code_of(err), "%s", why);
	return json_null();
}

/* Packets that each endpoint's verdict stopped. */
static int drops_by_ep(struct sluice *sl, struct sl_counter *out);

static json_t *class_json(const struct sl_ep *ep, int family, int column)
{
	if (addr_is_zero(&ep->addr[family]))
		return json_null();
	return json_integer(ep->class_id[column][family]);
}

static json_t *endpoint_json(struct daemon *d, const struct endpoint *ep,
			     const struct sl_counter *drops)
{
	const struct sl_ep *kernel = &sluice_eps(d->sl)[ep->id];
	__u64 word = sluice_ep_policy(kernel);
	__u32 set = word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;
	bool closed = set == SL_RULESET_CLOSED;
	int column = (int)(word & SL_EP_COLUMN_MASK);
	json_t *doc = record_json(&ep->rec), *more;

	more = json_pack("{s:i, s:o, s:b, s:b, s:b, s:o, s:i, s:i, s:{s:o, s:o}, s:{s:I, s:I}}",
		"id", (int)ep->id,
		"pod", json_sprintf("%s/%s", ep->rec.pod_namespace, ep->rec.pod_name),
		"closed", closed, "isolatedIngress", !!(word & SL_EP_ISOLATED_INGRESS),
		"isolatedEgress", !!(word & SL_EP_ISOLATED_EGRESS),
		"ruleSet", closed ? json_null() : json_integer(set),
		"generation", (int)(word >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK), "column", column,
		"classes", "ipv4", class_json(kernel, SL_FAMILY_V4, column),
		"ipv6", class_json(kernel, SL_FAMILY_V6, column),
		"drops", "packets", (json_int_t)drops->packets, "bytes", (json_int_t)drops->bytes);
	if (doc && more)
		json_object_update(doc, more);
	json_decref(more);
	return doc;
}

static int drops_add(void *arg, const void *key, const void *value)
{
	const struct sl_drop_key *k = key;
	const struct sl_counter *v = value;
	struct sl_counter *out = arg;

	if (k->ep < SL_EP_MAX) {
		out[k->ep].packets += v->packets;
		out[k->ep].bytes += v->bytes;
	}
	return 0;
}

static int drops_by_ep(struct sluice *sl, struct sl_counter *out)
{
	const struct sluice_table *t = sluice_table_find("drop_rule");

	return t ? sluice_table_each(sl, t, drops_add, out) : -ENOENT;
}

static json_t *op_endpoints(struct op_call *call)
{
	struct sl_counter *drops = calloc(SL_EP_MAX, sizeof(*drops));
	json_t *list = json_array();
	int err;

	if (!drops || !list) {
		free(drops);
		json_decref(list);
		return fail_nomem(call);
	}
	err = drops_by_ep(call->d->sl, drops);
	if (err)
		log_warning("drops by endpoint: %s", strerror(-err));
	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		const struct endpoint *ep = endpoint_by_id(call->d->eps, id);

		if (ep)
			json_array_append_new(list, endpoint_json(call->d, ep, &drops[id]));
	}
	free(drops);
	return list;
}

/* --------------------------------------------------------------------- policy */

static json_t *op_policies(struct op_call *call)
{
	return or_nomem(call, policy_list_json(call->d->pol));
}

static json_t *op_policy_show(struct op_call *call)
{
	const char *ns, *name;
	json_t *doc;

	if (op_args(call, "{s:s, s:s !}", "namespace", &ns, "name", &name))
		return NULL;
	doc = policy_show_json(call->d->pol, ns, name);
	return doc ? doc : request_fail(call->err, REQUEST_NOT_FOUND, "no policy %s%s%s", ns,
				   *ns ? "/" : "", name);
}

static json_t *op_services(struct op_call *call)
{
	return or_nomem(call, policy_services_json(call->d->pol));
}

static json_t *op_service_show(struct op_call *call)
{
	const char *ns, *name;
	json_t *doc;

	if (op_args(call, "{s:s, s:s !}", "namespace", &ns, "name", &name))
		return NULL;
	doc = policy_service_json(call->d->pol, ns, name);
	return doc ? doc : request_fail(call->err, REQUEST_NOT_FOUND, "no service %s/%s", ns, name);
}

static int parse_protocol(const char *text)
{
	static const struct {
		const char *name;
		int proto;
	} names[] = {
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP },
		{ "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(text, names[i].name))
			return names[i].proto;
	}
	return -1;
}

static json_t *op_policy_explain(struct op_call *call)
{
	const char *from, *to, *protocol;
	struct diag diag = { 0 };
	int port = 0, proto, err;
	json_t *doc;

	if (op_args(call, "{s:s, s:s, s:s, s?i !}", "from", &from, "to", &to,
		    "protocol", &protocol, "port", &port))
		return NULL;
	proto = parse_protocol(protocol);
	if (proto < 0)
		return request_fail(call->err, REQUEST_BAD,
				    "protocol: not one of tcp, udp, sctp, icmp, icmpv6");
	if (port < 0 || port > 65535)
		return request_fail(call->err, REQUEST_BAD, "port: not from 0 to 65535");
	err = policy_explain_json(call->d->pol, from, to, proto, port, &doc, &diag);
	if (err)
		return request_fail(call->err, request_code_of(err), "%s",
				    diag.text[0] ? diag.text : strerror(-err));
	return doc;
}

static json_t *op_whatif(struct op_call *call)
{
	return daemon_whatif(call->d, call->client, call->args, call->err);
}

static json_t *op_classes(struct op_call *call)
{
	return or_nomem(call, policy_class_json(call->d->pol));
}

static json_t *op_names(struct op_call *call)
{
	/* Pods anywhere, as their objects say; those here as the plugin said. */
	json_t *eps = json_object(), *addrs = policy_addresses_json(call->d->pol);
	char key[SLUICE_ADDR_STRLEN];

	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		const struct endpoint *ep = endpoint_by_id(call->d->eps, id);
		json_t *name;

		if (!ep)
			continue;
		name = json_sprintf("%s/%s", ep->rec.pod_namespace, ep->rec.pod_name);
		for (int f = 0; f < __SL_FAMILY_MAX; f++) {
			if (!addr_is_zero(&ep->rec.addr[f]))
				json_object_set(addrs, sluice_addr_format(&ep->rec.addr[f], key),
						name);
		}
		snprintf(key, sizeof(key), "%u", id);
		json_object_set_new(eps, key, name);
	}
	return or_nomem(call, json_pack("{s:o, s:o, s:o, s:o}", "rules",
					policy_rules_json(call->d->pol), "endpoints", eps,
					"addresses", addrs, "services",
					policy_service_names_json(call->d->pol)));
}

static json_t *op_drops_watch(struct op_call *call)
{
	client_watch(call->client);
	return json_null();
}

/* ---------------------------------------------------------------------- table */

static const struct op {
	const char *name;
	json_t *(*call)(struct op_call *call);
	bool no_args;
} ops[] = {
	{ "ready", op_ready, true },
	{ "status", op_status, true },
	{ "cni.config", op_cni_config, true },
	{ "endpoint.add", op_endpoint_add, false },
	{ "endpoint.del", op_endpoint_del, false },
	{ "endpoint.check", op_endpoint_check, false },
	{ "endpoints", op_endpoints, true },
	{ "nodes", op_nodes, true },
	{ "policies", op_policies, true },
	{ "policy.show", op_policy_show, false },
	{ "policy.explain", op_policy_explain, false },
	{ "services", op_services, true },
	{ "service.show", op_service_show, false },
	{ "whatif", op_whatif, false },
	{ "classes", op_classes, true },
	{ "names", op_names, true },
	{ "drops.watch", op_drops_watch, true },
	{ "reconcile", op_reconcile, true },
	{ "loglevel", op_loglevel, false },
};

json_t *daemon_handle(void *arg, struct client *client, const struct request *req,
		      struct request_error *err)
{
	struct op_call call = { .d = arg, .client = client, .args = req->args, .err = err };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(req->op, ops[i].name))
			continue;
		if (ops[i].no_args && json_object_size(req->args))
			return request_fail(err, REQUEST_BAD, "args: %s takes none", req->op);
		return ops[i].call(&call);
	}
	return request_fail(err, REQUEST_BAD, "op: there is no '%.64s'", req->op);
}
