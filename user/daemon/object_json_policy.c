// SPDX-License-Identifier: GPL-2.0
/* Policies of all tiers as JSON; see object_json.h. */
#include <netinet/in.h>
#include "daemon/object_json_impl.h"

/* Entries of a list of the ClusterNetworkPolicy's schema. */
#define CNP_MAX_ITEMS 25

static const char *const rules_field[__SL_DIR_MAX] = {
	[SL_DIR_INGRESS] = "ingress", [SL_DIR_EGRESS] = "egress",
};
static const char *const peers_field[__SL_DIR_MAX] = {
	[SL_DIR_INGRESS] = "from", [SL_DIR_EGRESS] = "to",
};

/* ---------------------------------------------------------------- selectors */

static void write_selector(struct writer *w, json_t *map, const char *key,
			   const struct selector *sel)
{
	static const char *const ops[] = {
		[SELECTOR_IN] = "In", [SELECTOR_NOT_IN] = "NotIn", [SELECTOR_EXISTS] = "Exists",
		[SELECTOR_NOT_EXISTS] = "DoesNotExist",
	};
	const struct requirement *r;
	json_t *out = writer_map(w, map, key), *list, *expr, *values;
	unsigned int i, k;

	if (!sel->n)
		return;
	list = writer_list(w, out, "matchExpressions");
	for (i = 0; i < sel->n; i++) {
		r = &sel->req[i];
		expr = writer_item(w, list);
		writer_set_str(w, expr, "key", r->key);
		writer_set(w, expr, "operator", json_string(ops[r->op]));
		if (!r->nvalues)
			continue;
		values = writer_list(w, expr, "values");
		for (k = 0; k < r->nvalues; k++)
			writer_add(w, values, json_string(r->values[k]->s));
	}
}

/* ------------------------------------------------------------ NetworkPolicy */

static void write_block(struct writer *w, json_t *peer, const struct block *b)
{
	json_t *out = writer_map(w, peer, "ipBlock"), *except;
	unsigned int i;

	writer_set(w, out, "cidr", writer_prefix(&b->cidr));
	if (!b->nexcept)
		return;
	except = writer_list(w, out, "except");
	for (i = 0; i < b->nexcept; i++)
		writer_add(w, except, writer_prefix(&b->except[i]));
}

static void write_peer(struct writer *w, json_t *list, const struct peer *p)
{
	json_t *out = writer_item(w, list);

	if (p->block) {
		write_block(w, out, p->block);
		return;
	}
	if (p->ns_sel)
		write_selector(w, out, "namespaceSelector", p->ns_sel);
	write_selector(w, out, "podSelector", p->pod_sel);
}

static void write_port(struct writer *w, json_t *list, const struct netpol_port *p)
{
	json_t *out = writer_item(w, list);

	writer_set(w, out, "protocol", json_string(object_proto_name(p->proto)));
	if (p->name)
		writer_set_str(w, out, "port", p->name);
	else if (p->lo)
		writer_set(w, out, "port", json_integer(p->lo));
	if (p->lo && p->lo != p->hi)
		writer_set(w, out, "endPort", json_integer(p->hi));
}

/* An empty list of peers or ports means the same as none. */
static void write_rule(struct writer *w, json_t *list, enum sl_dir dir,
		       const struct netpol_rule *r)
{
	json_t *out = writer_item(w, list), *peers, *ports;
	unsigned int i;

	peers = writer_list(w, out, peers_field[dir]);
	for (i = 0; i < r->npeers; i++)
		write_peer(w, peers, &r->peer[i]);
	ports = writer_list(w, out, "ports");
	for (i = 0; i < r->nports; i++)
		write_port(w, ports, &r->port[i]);
}

static void write_netpol(struct writer *w, json_t *spec, const struct object_netpol *np)
{
	static const char *const types[__SL_DIR_MAX] = {
		[SL_DIR_INGRESS] = "Ingress", [SL_DIR_EGRESS] = "Egress",
	};
	json_t *list;
	unsigned int dir, i;

	write_selector(w, spec, "podSelector", np->subject);
	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		list = writer_list(w, spec, rules_field[dir]);
		for (i = 0; i < np->nrules[dir]; i++)
			write_rule(w, list, dir, &np->rule[dir][i]);
	}
	list = writer_list(w, spec, "policyTypes");
	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		if (np->isolates[dir])
			writer_add(w, list, json_string(types[dir]));
}

/* ----------------------------------------------------- ClusterNetworkPolicy */

static void write_pods(struct writer *w, json_t *map, const struct selector *ns,
		       const struct selector *pod)
{
	json_t *out = writer_map(w, map, "pods");

	write_selector(w, out, "namespaceSelector", ns);
	write_selector(w, out, "podSelector", pod);
}

static bool repeats(const struct peer *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (p[i].block == p[n].block)
			return true;
	return false;
}

/*
 * Peers from @p on that are networks, as one entry; returns how many. An entry
 * has none twice and is bounded: there were no fewer entries to begin with.
 */
static unsigned int write_networks(struct writer *w, json_t *list, const struct peer *p,
				   unsigned int n)
{
	json_t *out = writer_list(w, writer_item(w, list), "networks");
	unsigned int i;

	for (i = 0; i < n && i < CNP_MAX_ITEMS && p[i].block && !repeats(p, i); i++)
		writer_add(w, out, writer_prefix(&p[i].block->cidr));
	return i;
}

/* Which domains it was about is not known any more, nor does it matter: it fails closed. */
static void write_domains(struct writer *w, json_t *list)
{
	writer_add(w, writer_list(w, writer_item(w, list), "domainNames"), json_string("*"));
}

static void write_cnp_peers(struct writer *w, json_t *list, const struct netpol_rule *r)
{
	const struct peer *p;
	unsigned int i = 0;

	while (i < r->npeers) {
		p = &r->peer[i];
		if (p->block) {
			i += write_networks(w, list, p, r->npeers - i);
			continue;
		}
		if (p->node_sel)
			write_selector(w, writer_item(w, list), "nodes", p->node_sel);
		else
			write_pods(w, writer_item(w, list), p->ns_sel, p->pod_sel);
		i++;
	}
	if (r->fails_closed)
		write_domains(w, list);
}

static void write_cnp_port(struct writer *w, json_t *proto, const struct netpol_port *p)
{
	json_t *port = writer_map(w, proto, "destinationPort"), *range;

	if (p->lo == p->hi) {
		writer_set(w, port, "number", json_integer(p->lo));
		return;
	}
	range = writer_map(w, port, "range");
	writer_set(w, range, "start", json_integer(p->lo));
	writer_set(w, range, "end", json_integer(p->hi));
}

/* A name is one entry for all protocols, and three ports here; TCP's comes first. */
static void write_protocol(struct writer *w, json_t *list, const struct netpol_port *p)
{
	static const struct {
		__u8 proto;
		const char *field;
	} fields[] = { { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_SCTP, "sctp" } };
	unsigned int i;

	if (p->name) {
		if (p->proto == IPPROTO_TCP)
			writer_set_str(w, writer_item(w, list), "destinationNamedPort", p->name);
		return;
	}
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].proto == p->proto)
			write_cnp_port(w, writer_map(w, writer_item(w, list), fields[i].field), p);
}

static void write_cnp_rule(struct writer *w, json_t *list, enum sl_dir dir,
			   const struct netpol_rule *r)
{
	json_t *out = writer_item(w, list);
	unsigned int i;

	writer_set_str(w, out, "name", r->name);
	writer_set(w, out, "action", json_string(object_action_name(r->action)));
	write_cnp_peers(w, writer_list(w, out, peers_field[dir]), r);
	if (!r->nports)
		return;
	list = writer_list(w, out, "protocols");
	for (i = 0; i < r->nports; i++)
		write_protocol(w, list, &r->port[i]);
}

static void write_cnp(struct writer *w, json_t *spec, const struct object_netpol *np)
{
	json_t *list;
	unsigned int dir, i;

	writer_set(w, spec, "tier",
		   json_string(np->tier == SL_TIER_BASELINE ? "Baseline" : "Admin"));
	writer_set(w, spec, "priority", json_integer(np->priority));
	write_pods(w, writer_map(w, spec, "subject"), np->subject_ns, np->subject);
	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		list = writer_list(w, spec, rules_field[dir]);
		for (i = 0; i < np->nrules[dir]; i++)
			write_cnp_rule(w, list, dir, &np->rule[dir][i]);
	}
}

void object_json_policy(struct writer *w, json_t *doc, const struct object_netpol *np)
{
	json_t *spec = writer_map(w, doc, "spec");

	if (np->o.kind == OBJECT_CNP)
		write_cnp(w, spec, np);
	else
		write_netpol(w, spec, np);
}
