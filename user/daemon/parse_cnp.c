// SPDX-License-Identifier: GPL-2.0
/*
 * policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy, with the checks of
 * its CRD (kubernetes-sigs/network-policy-api, clusternetworkpolicy_types.go,
 * the experimental fields and validations among them).
 *
 * A rule with a peer that can't be enforced here (domainNames) fails closed as
 * that text says: Accept matches nothing, Deny and Pass deny everything.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/parse.h"

#define CNP_MAX_ITEMS		25	/* of every list of the schema */
#define CNP_MAX_PRIORITY	1000
#define CNP_MAX_RULE_NAME	100	/* characters */

/* A list of @min to CNP_MAX_ITEMS entries; missing is for the caller. */
static int parse_list(const struct parse *p, const struct path *at, const struct tree *t,
		      unsigned int min)
{
	int err = parse_type(p, at, t, TREE_SEQ);

	if (err)
		return err;
	if (t->n < min || t->n > CNP_MAX_ITEMS)
		return parse_fail(p, at, t, "has %u entries: %u to %u are possible", (unsigned int)t->n,
				  min, CNP_MAX_ITEMS);
	return 0;
}

/* The one field of @t that is set, by its place in @fields. */
static int parse_one_of(const struct parse *p, const struct path *at, const struct tree *t,
			const char *const *fields, int *which)
{
	struct path sub;
	int err = parse_map(p, at, t, fields), i;

	if (err)
		return err;
	*which = -1;
	for (i = 0; fields[i]; i++) {
		if (!parse_field(t, fields[i], at, &sub))
			continue;
		if (*which >= 0)
			return parse_fail(p, at, t, "has both %s and %s: one of them", fields[*which],
					  fields[i]);
		*which = i;
	}
	if (*which < 0)
		return parse_fail(p, at, t, "has no field that says what is meant, such as %s",
				  fields[0]);
	return 0;
}

/* One of a few words; its place in @words. */
static int parse_word(const struct parse *p, const struct path *at, const struct tree *t,
		      const char *const *words, int *out)
{
	const char *s;
	int err = parse_string(p, at, t, &s), i;

	if (err)
		return err;
	for (i = 0; words[i]; i++) {
		if (strcmp(words[i], s))
			continue;
		*out = i;
		return 0;
	}
	return parse_fail(p, at, t, "\"%.32s\": %s, %s%s%s", s, words[0], words[1],
			  words[2] ? ", " : "", words[2] ? words[2] : "");
}

/* ----------------------------------------------------------------- ports */

static struct netpol_port *new_port(struct netpol_rule *r)
{
	struct netpol_port *v = realloc(r->port, (r->nports + 1) * sizeof(*v));

	if (!v)
		return NULL;
	r->port = v;
	v[r->nports] = (struct netpol_port){ .hi = 65535 };
	return &v[r->nports++];
}

static int parse_range(const struct parse *p, const struct path *at, const struct tree *t,
		       struct netpol_port *out)
{
	static const char *const fields[] = { "start", "end", NULL };
	__u16 *const value[] = { &out->lo, &out->hi };
	const struct tree *v;
	struct path sub;
	int i, err = parse_map(p, at, t, fields);

	for (i = 0; !err && fields[i]; i++) {
		v = parse_field(t, fields[i], at, &sub);
		if (!v)
			return parse_fail(p, &sub, t, "is missing");
		err = parse_port_number(p, &sub, v, value[i]);
	}
	if (!err && out->lo >= out->hi)
		err = parse_fail(p, at, t, "start %u must be less than end %u", out->lo, out->hi);
	return err;
}

/* The value of tcp, udp or sctp. */
static int parse_numbered(const struct parse *p, const struct path *at, const struct tree *t,
			  struct netpol_port *out)
{
	static const char *const fields[] = { "destinationPort", NULL };
	static const char *const kinds[] = { "number", "range", NULL };
	const struct tree *port, *v;
	struct path pp, sub;
	int which, err = parse_one_of(p, at, t, fields, &which);

	if (err)
		return err;
	port = parse_field(t, fields[0], at, &pp);
	err = parse_one_of(p, &pp, port, kinds, &which);
	if (err)
		return err;
	v = parse_field(port, kinds[which], &pp, &sub);
	if (which)
		return parse_range(p, &sub, v, out);
	err = parse_port_number(p, &sub, v, &out->lo);
	out->hi = out->lo;
	return err;
}

/* A container port has a name whatever its protocol: one entry for each. */
static int parse_named(const struct parse *p, const struct path *at, const struct tree *t,
		       struct netpol_rule *r)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct netpol_port *port;
	struct str *name;
	unsigned int i;
	int err = parse_port_name(p, at, t, &name);

	if (err)
		return err;
	for (i = 0; !err && i < sizeof(protos); i++) {
		port = new_port(r);
		if (port) {
			port->name = str_ref(name);
			port->proto = protos[i];
		} else {
			err = -ENOMEM;
		}
	}
	str_put(name);
	return err;
}

static int parse_protocol(const struct parse *p, const struct path *at, const struct tree *t,
			  struct netpol_rule *r)
{
	static const char *const fields[] = { "tcp", "udp", "sctp", "destinationNamedPort", NULL };
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct netpol_port *port;
	const struct tree *v;
	struct path sub;
	int which, err = parse_one_of(p, at, t, fields, &which);

	if (err)
		return err;
	v = parse_field(t, fields[which], at, &sub);
	if (which == 3)
		return parse_named(p, &sub, v, r);
	port = new_port(r);
	if (!port)
		return -ENOMEM;
	port->proto = protos[which];
	return parse_numbered(p, &sub, v, port);
}

static int parse_protocols(const struct parse *p, const struct path *at, const struct tree *t,
			   struct netpol_rule *r)
{
	unsigned int i;
	int err;

	if (!t)
		return 0;
	err = parse_list(p, at, t, 1);
	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_protocol(p, &item, t->item[i], r);
	}
	return err;
}

/* ----------------------------------------------------------------- peers */

enum peer_kind { PEER_NAMESPACES, PEER_PODS, PEER_NODES, PEER_NETWORKS, PEER_DOMAINS };

static struct peer *new_peer(struct netpol_rule *r)
{
	struct peer *v = realloc(r->peer, (r->npeers + 1) * sizeof(*v));

	if (!v)
		return NULL;
	r->peer = v;
	v[r->npeers] = (struct peer){};
	return &v[r->npeers++];
}

/* `namespaces` or `pods`, of a subject or a peer. */
static int parse_pods(const struct parse *p, const struct path *at, const struct tree *t,
		      enum peer_kind kind, struct selector *out[2])
{
	static const char *const fields[] = { "namespaceSelector", "podSelector", NULL };
	const struct tree *ns = t, *pod = NULL;
	struct path np = *at, pp = *at;
	int err = kind == PEER_PODS ? parse_map(p, at, t, fields) : 0;

	if (err)
		return err;
	if (kind == PEER_PODS) {
		ns = parse_field(t, "namespaceSelector", at, &np);
		pod = parse_field(t, "podSelector", at, &pp);
		if (!pod)
			return parse_fail(p, &pp, t, "is missing: {} means every pod");
	}
	err = parse_selector(p, &np, ns, &out[0]);
	return err ? err : parse_selector(p, &pp, pod, &out[1]);
}

/* What the schema calls a set: equal as text, not as what it means. */
static int check_set(const struct parse *p, const struct path *at, const struct tree *t,
		     unsigned int i)
{
	const char *s, *other;
	unsigned int k;
	int err = parse_string(p, at, t->item[i], &s);

	for (k = 0; !err && k < i; k++) {
		err = parse_string(p, at, t->item[k], &other);
		if (!err && !strcmp(s, other))
			err = parse_fail(p, at, t->item[i], "\"%.64s\" is there twice", s);
	}
	return err;
}

/* Unlike NetworkPolicy's, these have no bits beside the prefix. */
static int parse_network(const struct parse *p, const struct path *at, const struct tree *t,
			 struct sl_prefix *out)
{
	char buf[SLUICE_PREFIX_STRLEN];
	struct sl_prefix exact;
	const char *s;
	int err = parse_cidr(p, at, t, out);

	if (!err)
		err = parse_string(p, at, t, &s);
	if (!err && sluice_prefix_parse(s, false, &exact))
		err = parse_fail(p, at, t, "\"%.64s\" has bits beside its prefix: write %s", s,
				 sluice_prefix_format(out, buf));
	return err;
}

static int parse_domains(const struct parse *p, const struct path *at, const struct tree *t)
{
	unsigned int i;
	int err = parse_list(p, at, t, 1);

	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = check_set(p, &item, t, i);
	}
	return err;
}

static int parse_networks(const struct parse *p, const struct path *at, const struct tree *t,
			  struct netpol_rule *r)
{
	struct sl_prefix cidr;
	struct peer *peer;
	unsigned int i;
	int err = parse_list(p, at, t, 1);

	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_network(p, &item, t->item[i], &cidr);
		if (!err)
			err = check_set(p, &item, t, i);
		if (err)
			break;
		peer = new_peer(r);
		if (peer)
			peer->block = block_get(&cidr, NULL, 0);
		if (!peer || !peer->block)
			err = -ENOMEM;
	}
	return err;
}

static int parse_selected(const struct parse *p, const struct path *at, const struct tree *t,
			  enum peer_kind kind, struct netpol_rule *r)
{
	struct selector *sel[2] = {};
	struct peer *peer = new_peer(r);
	int err;

	if (!peer)
		return -ENOMEM;
	if (kind == PEER_NODES)
		return parse_selector(p, at, t, &peer->node_sel);
	err = parse_pods(p, at, t, kind, sel);
	peer->ns_sel = sel[0];
	peer->pod_sel = sel[1];
	return err;
}

/* @kinds: what was met so far, a bit for each enum peer_kind. */
static int parse_peer(const struct parse *p, const struct path *at, const struct tree *t,
		      struct netpol_rule *r, unsigned int *kinds)
{
	static const char *const names[] = {
		[PEER_NAMESPACES] = "namespaces", [PEER_PODS] = "pods", [PEER_NODES] = "nodes",
		[PEER_NETWORKS] = "networks", [PEER_DOMAINS] = "domainNames", NULL
	};
	const struct tree *v;
	struct path sub;
	int which, err = parse_one_of(p, at, t, names, &which);

	if (err)
		return err;
	v = parse_field(t, names[which], at, &sub);
	*kinds |= 1U << which;
	switch (which) {
	case PEER_NETWORKS:
		return parse_networks(p, &sub, v, r);
	case PEER_DOMAINS:
		return parse_domains(p, &sub, v);
	default:
		return parse_selected(p, &sub, v, which, r);
	}
}

static int parse_peers(const struct parse *p, const struct path *at, const struct tree *t,
		       struct netpol_rule *r, unsigned int *kinds)
{
	unsigned int i;
	int err = parse_list(p, at, t, 1);

	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_peer(p, &item, t->item[i], r, kinds);
	}
	return err;
}

/* ----------------------------------------------------------------- rules */

static int parse_rule_name(const struct parse *p, const struct path *at, const struct tree *t,
			   struct str **out)
{
	unsigned int n = 0;
	const char *s, *c;
	int err;

	if (!t)
		return 0;
	err = parse_string(p, at, t, &s);
	if (err)
		return err;
	for (c = s; *c; c++)
		n += (*c & 0xc0) != 0x80;
	if (n > CNP_MAX_RULE_NAME)
		return parse_fail(p, at, t, "has %u characters: at most %u are possible", n,
				  CNP_MAX_RULE_NAME);
	return *s ? parse_str(s, out) : 0;
}

/* Network and node addresses have no names for their ports. */
static int check_names(const struct parse *p, const struct path *at, const struct tree *t,
		       const struct netpol_rule *r, unsigned int kinds)
{
	unsigned int i;

	if (!(kinds & (1U << PEER_NODES | 1U << PEER_NETWORKS | 1U << PEER_DOMAINS)))
		return 0;
	for (i = 0; i < r->nports; i++)
		if (r->port[i].name)
			return parse_fail(p, at, t, "destinationNamedPort does not go with nodes, networks or domainNames");
	return 0;
}

static void fail_closed(struct netpol_rule *r)
{
	r->fails_closed = true;
	if (r->action == RULE_ACCEPT) {
		r->never = true;
		return;
	}
	netpol_rule_clear(r);
	r->action = RULE_DENY;
}

static const char *const peers_field[__SL_DIR_MAX] = {
	[SL_DIR_INGRESS] = "from", [SL_DIR_EGRESS] = "to",
};

static int parse_match(const struct parse *p, const struct path *at, const struct tree *t,
		       enum sl_dir dir, struct netpol_rule *r)
{
	const struct tree *peers, *protos;
	unsigned int kinds = 0;
	struct path sub;
	int err;

	peers = parse_field(t, peers_field[dir], at, &sub);
	if (!peers)
		return parse_fail(p, &sub, t, "is missing: a rule names its peers");
	err = parse_peers(p, &sub, peers, r, &kinds);
	if (!err && dir == SL_DIR_INGRESS && kinds >= 1U << PEER_NODES)
		err = parse_fail(p, &sub, peers, "ingress peers are namespaces or pods");
	if (err)
		return err;
	protos = parse_field(t, "protocols", at, &sub);
	err = parse_protocols(p, &sub, protos, r);
	if (!err)
		err = check_names(p, &sub, protos, r, kinds);
	if (!err && kinds & 1U << PEER_DOMAINS)
		fail_closed(r);
	return err;
}

static int parse_rule(const struct parse *p, const struct path *at, const struct tree *t,
		      enum sl_dir dir, struct object_netpol *np)
{
	static const char *const actions[] = { "Accept", "Deny", "Pass", NULL };
	const char *const fields[] = { "name", "action", peers_field[dir], "protocols", NULL };
	/* counted first: a half-made rule is freed, too */
	struct netpol_rule *r = &np->rule[dir][np->nrules[dir]++];
	const struct tree *v;
	struct path sub;
	int action, err = parse_map(p, at, t, fields);

	if (err)
		return err;
	v = parse_field(t, "name", at, &sub);
	err = parse_rule_name(p, &sub, v, &r->name);
	if (err)
		return err;
	v = parse_field(t, "action", at, &sub);
	if (!v)
		return parse_fail(p, &sub, t, "is missing: Accept, Deny or Pass");
	err = parse_word(p, &sub, v, actions, &action);
	if (err)
		return err;
	r->action = action;
	return parse_match(p, at, t, dir, r);
}

static int parse_rules(const struct parse *p, const struct path *at, const struct tree *t,
		       enum sl_dir dir, struct object_netpol *np)
{
	unsigned int i;
	int err;

	if (!t)
		return 0;
	err = parse_list(p, at, t, 0);
	if (err || !t->n)
		return err;
	np->rule[dir] = calloc(t->n, sizeof(*np->rule[dir]));
	if (!np->rule[dir])
		return -ENOMEM;
	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_rule(p, &item, t->item[i], dir, np);
	}
	return err;
}

/* ------------------------------------------------------------------ spec */

static int parse_rank(const struct parse *p, const struct path *at, const struct tree *spec,
		      struct object_netpol *np)
{
	static const char *const tiers[] = { "Admin", "Baseline", NULL };
	const struct tree *t;
	struct path sub;
	int err, tier;
	long v;

	t = parse_field(spec, "tier", at, &sub);
	if (!t)
		return parse_fail(p, &sub, spec, "is missing: Admin or Baseline");
	err = parse_word(p, &sub, t, tiers, &tier);
	if (err)
		return err;
	np->tier = tier ? SL_TIER_BASELINE : SL_TIER_ADMIN;
	t = parse_field(spec, "priority", at, &sub);
	if (!t)
		return parse_fail(p, &sub, spec, "is missing: 0 to %u, lower ones first",
				  CNP_MAX_PRIORITY);
	err = parse_int(p, &sub, t, &v);
	if (!err && (v < 0 || v > CNP_MAX_PRIORITY))
		err = parse_fail(p, &sub, t, "%ld is no priority: 0 to %u", v, CNP_MAX_PRIORITY);
	if (!err)
		np->priority = v;
	return err;
}

static int parse_subject(const struct parse *p, const struct path *at, const struct tree *spec,
			 struct object_netpol *np)
{
	static const char *const fields[] = { "namespaces", "pods", NULL };
	struct selector *sel[2] = {};
	const struct tree *t;
	struct path sp, sub;
	int err, which;

	t = parse_field(spec, "subject", at, &sp);
	if (!t)
		return parse_fail(p, &sp, spec, "is missing: namespaces or pods");
	err = parse_one_of(p, &sp, t, fields, &which);
	if (err)
		return err;
	t = parse_field(t, fields[which], &sp, &sub);
	err = parse_pods(p, &sub, t, which ? PEER_PODS : PEER_NAMESPACES, sel);
	np->subject_ns = sel[0];
	np->subject = sel[1];
	return err;
}

static int parse_spec(const struct parse *p, const struct path *at, const struct tree *spec,
		      struct object_netpol *np)
{
	static const char *const fields[] = { "tier", "priority", "subject", "ingress", "egress",
					      NULL };
	static const char *const dirs[] = { [SL_DIR_INGRESS] = "ingress",
					    [SL_DIR_EGRESS] = "egress" };
	const struct tree *t;
	struct path sub;
	int dir, err = parse_map(p, at, spec, fields);

	if (!err)
		err = parse_rank(p, at, spec, np);
	if (!err)
		err = parse_subject(p, at, spec, np);
	for (dir = 0; !err && dir < __SL_DIR_MAX; dir++) {
		t = parse_field(spec, dirs[dir], at, &sub);
		err = parse_rules(p, &sub, t, dir, np);
	}
	return err;
}

int parse_cnp(const struct parse *p, const struct tree *doc, const struct path *at,
	      const struct object *key, struct object **out)
{
	struct object_netpol *np;
	const struct tree *spec;
	struct path sub;
	int err;

	spec = parse_field(doc, "spec", at, &sub);
	if (!spec)
		return parse_fail(p, &sub, doc, "is missing: a ClusterNetworkPolicy needs tier, priority and subject");
	np = calloc(1, sizeof(*np));
	if (!np)
		return -ENOMEM;
	np->o = object_key(key);
	err = parse_spec(p, &sub, spec, np);
	if (err)
		object_free(&np->o);
	else
		*out = &np->o;
	return err;
}
