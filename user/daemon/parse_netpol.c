// SPDX-License-Identifier: GPL-2.0
/*
 * networking.k8s.io/v1 NetworkPolicy, with the checks and the defaults of the
 * API server (k8s.io/kubernetes pkg/apis/networking validation and v1
 * defaults). Missing and null are one, everywhere; missing and empty are one
 * for from, to and ports; missing and empty are two for the selectors of a
 * peer.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/parse.h"

static int parse_end_port(const struct parse *p, const struct path *at, const struct tree *t,
			  const struct tree *port, struct netpol_port *out)
{
	int err;

	if (!port)
		return parse_fail(p, at, t, "needs port, the first of the range");
	if (out->name)
		return parse_fail(p, at, t, "goes with a number in port, not with the name \"%s\"",
				  out->name->s);
	err = parse_port_number(p, at, t, &out->hi);
	if (!err && out->hi < out->lo)
		err = parse_fail(p, at, t, "%u must not be less than port %u", out->hi, out->lo);
	return err;
}

static int parse_port(const struct parse *p, const struct path *at, const struct tree *t,
		      struct netpol_port *out)
{
	static const char *const fields[] = { "port", "endPort", "protocol", NULL };
	const struct tree *port, *end, *proto;
	struct path pp, ep, xp;
	int err = parse_map(p, at, t, fields);

	if (err)
		return err;
	port = parse_field(t, "port", at, &pp);
	end = parse_field(t, "endPort", at, &ep);
	proto = parse_field(t, "protocol", at, &xp);
	*out = (struct netpol_port){ .hi = 65535, .proto = IPPROTO_TCP };
	if (proto)
		err = parse_proto(p, &xp, proto, &out->proto);
	if (err)
		return err;
	if (port && port->type == TREE_STRING) {
		err = parse_port_name(p, &pp, port, &out->name);
	} else if (port) {
		err = parse_port_number(p, &pp, port, &out->lo);
		out->hi = out->lo;
	}
	return !err && end ? parse_end_port(p, &ep, end, port, out) : err;
}

/* ----------------------------------------------------------------- peers */

static int parse_except(const struct parse *p, const struct path *at, const struct tree *t,
			const struct sl_prefix *cidr, struct sl_prefix *out)
{
	char buf[SLUICE_PREFIX_STRLEN];
	union sl_addr first;
	int err = parse_cidr(p, at, t, out);

	if (err)
		return err;
	first = out->addr;
	if (out->prefixlen <= cidr->prefixlen ||
	    sluice_prefix_is_v4(out) != sluice_prefix_is_v4(cidr) ||
	    !sluice_prefix_contains(cidr, &first))
		return parse_fail(p, at, t, "%.64s is not a part of cidr %s", t->s,
				  sluice_prefix_format(cidr, buf));
	return 0;
}

static int parse_block(const struct parse *p, const struct path *at, const struct tree *t,
		       struct block **out)
{
	static const char *const fields[] = { "cidr", "except", NULL };
	const struct tree *ct, *et;
	struct sl_prefix cidr, *except = NULL;
	struct path cp, ep;
	unsigned int i, n = 0;
	int err = parse_map(p, at, t, fields);

	if (err)
		return err;
	ct = parse_field(t, "cidr", at, &cp);
	et = parse_field(t, "except", at, &ep);
	if (!ct)
		return parse_fail(p, &cp, t, "is missing: a prefix such as 10.0.0.0/8");
	err = parse_cidr(p, &cp, ct, &cidr);
	if (!err && et)
		err = parse_type(p, &ep, et, TREE_SEQ);
	if (err)
		return err;
	n = et ? et->n : 0;
	except = malloc((n + 1) * sizeof(*except));
	if (!except)
		return -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		struct path item = { &ep, NULL, i };

		err = parse_except(p, &item, et->item[i], &cidr, &except[i]);
	}
	if (!err) {
		*out = block_get(&cidr, except, n);
		err = *out ? 0 : -ENOMEM;
	}
	free(except);
	return err;
}

static int parse_peer(const struct parse *p, const struct path *at, const struct tree *t,
		      struct str *ns, struct peer *out)
{
	static const char *const fields[] = { "podSelector", "namespaceSelector", "ipBlock", NULL };
	const struct tree *pod, *nss, *block;
	struct path pp, np, bp;
	int err = parse_map(p, at, t, fields);

	if (err)
		return err;
	pod = parse_field(t, "podSelector", at, &pp);
	nss = parse_field(t, "namespaceSelector", at, &np);
	block = parse_field(t, "ipBlock", at, &bp);
	if (!pod && !nss && !block)
		return parse_fail(p, at, t, "names nobody: podSelector, namespaceSelector or ipBlock");
	if (block && (pod || nss))
		return parse_fail(p, &bp, block, "stands alone: selectors go into a peer of their own");
	if (block)
		return parse_block(p, &bp, block, &out->block);
	/* no podSelector beside a namespaceSelector: every pod there */
	err = parse_selector(p, &pp, pod, &out->pod_sel);
	if (!err && nss)
		err = parse_selector(p, &np, nss, &out->ns_sel);
	if (!err && !nss)
		out->ns = str_ref(ns);
	return err;
}

/* ----------------------------------------------------------------- rules */

static int parse_peers(const struct parse *p, const struct path *at, const struct tree *t,
		       struct str *ns, struct netpol_rule *r)
{
	unsigned int i;
	int err;

	if (!t)
		return 0;
	err = parse_type(p, at, t, TREE_SEQ);
	if (err || !t->n)
		return err;
	r->peer = calloc(t->n, sizeof(*r->peer));
	if (!r->peer)
		return -ENOMEM;
	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_peer(p, &item, t->item[i], ns, &r->peer[r->npeers++]);
	}
	return err;
}

static int parse_ports(const struct parse *p, const struct path *at, const struct tree *t,
		       struct netpol_rule *r)
{
	unsigned int i;
	int err;

	if (!t)
		return 0;
	err = parse_type(p, at, t, TREE_SEQ);
	if (err || !t->n)
		return err;
	r->port = calloc(t->n, sizeof(*r->port));
	if (!r->port)
		return -ENOMEM;
	for (i = 0; !err && i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_port(p, &item, t->item[i], &r->port[r->nports++]);
	}
	return err;
}

static int parse_rule(const struct parse *p, const struct path *at, const struct tree *t,
		      enum sl_dir dir, struct object_netpol *np)
{
	static const char *const fields[__SL_DIR_MAX][3] = {
		[SL_DIR_INGRESS] = { "from", "ports", NULL },
		[SL_DIR_EGRESS] = { "to", "ports", NULL },
	};
	/* counted first: a half-made rule is freed, too */
	struct netpol_rule *r = &np->rule[dir][np->nrules[dir]++];
	const struct tree *peers, *ports;
	struct path sub;
	int err = parse_map(p, at, t, fields[dir]);

	if (err)
		return err;
	peers = parse_field(t, fields[dir][0], at, &sub);
	err = parse_peers(p, &sub, peers, np->o.ns, r);
	if (err)
		return err;
	ports = parse_field(t, "ports", at, &sub);
	return parse_ports(p, &sub, ports, r);
}

static int parse_rules(const struct parse *p, const struct path *at, const struct tree *t,
		       enum sl_dir dir, struct object_netpol *np)
{
	unsigned int i;
	int err;

	if (!t)
		return 0;
	err = parse_type(p, at, t, TREE_SEQ);
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

static int parse_types(const struct parse *p, const struct path *at, const struct tree *t,
		       struct object_netpol *np)
{
	unsigned int i;
	const char *s;
	int err;

	if (t) {
		err = parse_type(p, at, t, TREE_SEQ);
		if (err)
			return err;
	}
	if (!t || !t->n) {
		np->isolates[SL_DIR_INGRESS] = true;
		np->isolates[SL_DIR_EGRESS] = np->nrules[SL_DIR_EGRESS] > 0;
		return 0;
	}
	if (t->n > 2)
		return parse_fail(p, at, t, "has at most two entries: Ingress, Egress");
	for (i = 0; i < t->n; i++) {
		struct path item = { at, NULL, i };

		err = parse_string(p, &item, t->item[i], &s);
		if (err)
			return err;
		if (!strcmp(s, "Ingress"))
			np->isolates[SL_DIR_INGRESS] = true;
		else if (!strcmp(s, "Egress"))
			np->isolates[SL_DIR_EGRESS] = true;
		else
			return parse_fail(p, &item, t->item[i], "\"%.32s\": Ingress or Egress", s);
	}
	return 0;
}

static int parse_spec(const struct parse *p, const struct path *at, const struct tree *spec,
		      struct object_netpol *np)
{
	static const char *const fields[] = { "podSelector", "policyTypes", "ingress", "egress",
					      NULL };
	static const char *const dirs[] = { [SL_DIR_INGRESS] = "ingress",
					    [SL_DIR_EGRESS] = "egress" };
	const struct tree *t;
	struct path sub;
	int err, dir;

	err = parse_map(p, at, spec, fields);
	if (err)
		return err;
	t = parse_field(spec, "podSelector", at, &sub);
	err = parse_selector(p, &sub, t, &np->subject);
	for (dir = 0; !err && dir < __SL_DIR_MAX; dir++) {
		t = parse_field(spec, dirs[dir], at, &sub);
		err = parse_rules(p, &sub, t, dir, np);
	}
	if (err)
		return err;
	t = parse_field(spec, "policyTypes", at, &sub);
	return parse_types(p, &sub, t, np);
}

int parse_netpol(const struct parse *p, const struct tree *doc, const struct path *at,
		 const struct object *key, struct object **out)
{
	struct object_netpol *np;
	const struct tree *spec;
	struct path sub;
	int err;

	spec = parse_field(doc, "spec", at, &sub);
	/* an empty spec isolates the whole namespace: surely not what was meant */
	if (!spec)
		return parse_fail(p, &sub, doc, "is missing: a NetworkPolicy needs spec.podSelector");
	np = calloc(1, sizeof(*np));
	if (!np)
		return -ENOMEM;
	np->o = object_key(key);
	np->tier = SL_TIER_NETPOL;
	err = parse_spec(p, &sub, spec, np);
	if (err)
		object_free(&np->o);
	else
		*out = &np->o;
	return err;
}
