// SPDX-License-Identifier: GPL-2.0
/* The envelope of an object: kind, metadata, and which parser goes on; see object.h. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/object_service.h"
#include "daemon/parse.h"

typedef int (*parse_fn)(const struct parse *p, const struct tree *doc, const struct path *at,
			const struct object *key, struct object **out);

static const struct kind {
	const char *name, *version;
	bool namespaced, dns_label;
	bool strict;			/* unknown fields are refused, as with kubectl */
	parse_fn parse;
} kinds[__OBJECT_MAX] = {
	[OBJECT_NAMESPACE] = { "Namespace", "v1", false, true, false, parse_namespace },
	[OBJECT_POD] = { "Pod", "v1", true, false, false, parse_pod },
	[OBJECT_NODE] = { "Node", "v1", false, false, false, parse_node },
	[OBJECT_NETPOL] = { "NetworkPolicy", "networking.k8s.io/v1", true, false, true,
			    parse_netpol },
	[OBJECT_CNP] = { "ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2", false, false,
			 true, parse_cnp },
	[OBJECT_SERVICE] = { "Service", "v1", true, false, false, parse_service },
	[OBJECT_ENDPOINTSLICE] = { "EndpointSlice", "discovery.k8s.io/v1", true, false, false,
				   parse_slice },
};

const char *object_kind_name(enum object_kind k)
{
	return k < __OBJECT_MAX ? kinds[k].name : "object";
}

const char *object_kind_version(enum object_kind k)
{
	return k < __OBJECT_MAX ? kinds[k].version : "";
}

const char *object_proto_name(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	}
	return "other";
}

const char *object_action_name(enum rule_action a)
{
	static const char *const names[__RULE_ACTION_MAX] = {
		[RULE_ACCEPT] = "Accept", [RULE_DENY] = "Deny", [RULE_PASS] = "Pass",
	};

	return a < __RULE_ACTION_MAX ? names[a] : "unknown";
}

/* ------------------------------------------------------------- life time */

static void free_peer(struct peer *p)
{
	block_put(p->block);
	str_put(p->ns);
	selector_put(p->ns_sel);
	selector_put(p->pod_sel);
	selector_put(p->node_sel);
}

void netpol_rule_clear(struct netpol_rule *r)
{
	while (r->npeers)
		free_peer(&r->peer[--r->npeers]);
	while (r->nports)
		str_put(r->port[--r->nports].name);
	free(r->peer);
	free(r->port);
	r->peer = NULL;
	r->port = NULL;
}

static void free_rules(struct netpol_rule *r, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		netpol_rule_clear(&r[i]);
		str_put(r[i].name);
	}
	free(r);
}

static void free_netpol(struct object_netpol *np)
{
	int dir;

	selector_put(np->subject_ns);
	selector_put(np->subject);
	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		free_rules(np->rule[dir], np->nrules[dir]);
}

static void free_pod(struct object_pod *pod)
{
	labels_put(pod->labels);
	pod_ports_put(pod->ports);
	str_put(pod->node);
}

struct object *object_ref(struct object *o)
{
	o->shared++;
	return o;
}

void object_free(struct object *o)
{
	if (!o)
		return;
	if (o->shared) {
		o->shared--;
		return;
	}
	switch (o->kind) {
	case OBJECT_NAMESPACE:
		labels_put(container_of(o, struct object_namespace, o)->labels);
		break;
	case OBJECT_POD:
		free_pod(container_of(o, struct object_pod, o));
		break;
	case OBJECT_NODE:
		labels_put(container_of(o, struct object_node, o)->labels);
		free(container_of(o, struct object_node, o)->ip);
		break;
	case OBJECT_NETPOL:
	case OBJECT_CNP:
		free_netpol(container_of(o, struct object_netpol, o));
		break;
	case OBJECT_SERVICE:
		object_service_clear(container_of(o, struct object_service, o));
		break;
	case OBJECT_ENDPOINTSLICE:
		object_slice_clear(container_of(o, struct object_slice, o));
		break;
	default:
		break;
	}
	str_put(o->ns);
	str_put(o->name);
	str_put(o->file);
	/* the header is the first member of every kind */
	free(o);
}

/* -------------------------------------------------------------- equality */

#define UID_DIGITS 16

/* No server gives a uid that begins so. */
static bool is_formatted(const char *uid)
{
	return uid[0] == '#' && strlen(uid) == 1 + UID_DIGITS &&
	       strspn(uid + 1, "0123456789abcdef") == UID_DIGITS;
}

__u64 object_uid(const char *uid)
{
	__u64 h = is_formatted(uid) ? strtoull(uid + 1, NULL, 16) : hash_str(0, uid);

	return h ? h : 1;
}

const char *object_uid_format(__u64 uid, char buf[OBJECT_UID_STRLEN])
{
	snprintf(buf, OBJECT_UID_STRLEN, "#%0*llx", UID_DIGITS, (unsigned long long)uid);
	return buf;
}

static bool pod_equal(const struct object_pod *a, const struct object_pod *b)
{
	return a->uid == b->uid && a->labels == b->labels && a->ports == b->ports &&
	       a->node == b->node && a->host_network == b->host_network && a->ended == b->ended &&
	       a->by_packet == b->by_packet &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static bool node_equal(const struct object_node *a, const struct object_node *b)
{
	return a->npod_cidr == b->npod_cidr && !memcmp(a->addr, b->addr, sizeof(a->addr)) &&
	       a->labels == b->labels && a->nips == b->nips &&
	       (!a->nips || !memcmp(a->ip, b->ip, a->nips * sizeof(a->ip[0]))) &&
	       !memcmp(a->pod_cidr, b->pod_cidr, a->npod_cidr * sizeof(a->pod_cidr[0]));
}

bool netpol_ports_equal(const struct netpol_port *a, const struct netpol_port *b, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (a[i].name != b[i].name || a[i].lo != b[i].lo || a[i].hi != b[i].hi ||
		    a[i].proto != b[i].proto)
			return false;
	return true;
}

static bool rule_equal(const struct netpol_rule *a, const struct netpol_rule *b)
{
	unsigned int i;

	if (a->npeers != b->npeers || a->nports != b->nports || a->action != b->action ||
	    a->never != b->never || a->fails_closed != b->fails_closed || a->name != b->name)
		return false;
	for (i = 0; i < a->npeers; i++)
		if (a->peer[i].block != b->peer[i].block || a->peer[i].ns != b->peer[i].ns ||
		    a->peer[i].ns_sel != b->peer[i].ns_sel ||
		    a->peer[i].pod_sel != b->peer[i].pod_sel ||
		    a->peer[i].node_sel != b->peer[i].node_sel)
			return false;
	return netpol_ports_equal(a->port, b->port, a->nports);
}

static bool netpol_equal(const struct object_netpol *a, const struct object_netpol *b)
{
	unsigned int dir, i;

	if (a->subject != b->subject || a->subject_ns != b->subject_ns || a->tier != b->tier ||
	    a->priority != b->priority)
		return false;
	for (dir = 0; dir < __SL_DIR_MAX; dir++) {
		if (a->isolates[dir] != b->isolates[dir] || a->nrules[dir] != b->nrules[dir])
			return false;
		for (i = 0; i < a->nrules[dir]; i++)
			if (!rule_equal(&a->rule[dir][i], &b->rule[dir][i]))
				return false;
	}
	return true;
}

bool object_equal(const struct object *a, const struct object *b)
{
	if (a->kind != b->kind || a->ns != b->ns || a->name != b->name)
		return false;
	switch (a->kind) {
	case OBJECT_NAMESPACE:
		return container_of(a, struct object_namespace, o)->labels ==
		       container_of(b, struct object_namespace, o)->labels;
	case OBJECT_POD:
		return pod_equal(container_of(a, struct object_pod, o),
				 container_of(b, struct object_pod, o));
	case OBJECT_NODE:
		return node_equal(container_of(a, struct object_node, o),
				  container_of(b, struct object_node, o));
	case OBJECT_NETPOL:
	case OBJECT_CNP:
		return netpol_equal(container_of(a, struct object_netpol, o),
				    container_of(b, struct object_netpol, o));
	case OBJECT_SERVICE:
		return object_service_equal(container_of(a, struct object_service, o),
					    container_of(b, struct object_service, o));
	case OBJECT_ENDPOINTSLICE:
		return object_slice_equal(container_of(a, struct object_slice, o),
					  container_of(b, struct object_slice, o));
	default:
		return true;
	}
}

/* -------------------------------------------------------------- envelope */

/* What can be said of a document even when the rest of it is wrong. */
static void identify(const struct tree *doc, struct object_id *id)
{
	const struct tree *md = tree_get(doc, "metadata"), *name, *ns, *kind;
	unsigned int i;

	*id = (struct object_id){ .kind = -1 };
	kind = tree_get(doc, "kind");
	for (i = 0; kind && kind->type == TREE_STRING && i < __OBJECT_MAX; i++)
		if (!strcmp(kinds[i].name, kind->s))
			id->kind = i;
	name = tree_get(md, "name");
	ns = tree_get(md, "namespace");
	if (name && name->type == TREE_STRING && name->n < sizeof(id->name))
		strcpy(id->name, name->s);
	if (id->kind < 0 || !kinds[id->kind].namespaced)
		return;
	if (!ns)
		strcpy(id->ns, "default");
	else if (ns->type == TREE_STRING && ns->n < sizeof(id->ns))
		strcpy(id->ns, ns->s);
	else
		id->name[0] = '\0';
}

/* metav1.ObjectMeta */
static const char *const metadata_fields[] = {
	"name", "namespace", "labels", "annotations", "uid", "generateName", "creationTimestamp",
	"deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "generation",
	"managedFields", "ownerReferences", "resourceVersion", "selfLink", NULL
};

static int parse_metadata(const struct parse *p, const struct tree *doc, const struct path *at,
			  const struct kind *k, struct object *key)
{
	struct path mp, sub;
	const struct tree *md = parse_field(doc, "metadata", at, &mp), *t;
	const char *s = "default";
	int err;

	if (!md)
		return parse_fail(p, &mp, doc, "is missing: an object needs metadata.name");
	err = parse_map(p, &mp, md, k->strict ? metadata_fields : NULL);
	if (err)
		return err;
	t = parse_field(md, "namespace", &mp, &sub);
	if (t && !k->namespaced)
		return parse_fail(p, &sub, t, "a %s is in no namespace", k->name);
	if (t)
		err = parse_dns_label(p, &sub, t, &s);
	if (!err && k->namespaced)
		err = parse_str(s, &key->ns);
	if (err)
		return err;
	t = parse_field(md, "name", &mp, &sub);
	if (!t)
		return parse_fail(p, &sub, md, "is missing: an object needs a name");
	err = k->dns_label ? parse_dns_label(p, &sub, t, &s) :
			     parse_dns_subdomain(p, &sub, t, &s);
	return err ? err : parse_str(s, &key->name);
}

/*
 * A kind that sluice has no use for is passed over; a policy that it can't
 * enforce is not: whoever wrote it believes that something is forbidden.
 */
static int unknown_kind(const struct parse *p, const struct tree *kind, const char *version,
			const struct path *at)
{
	struct path sub = { at, "kind", 0 };

	if (strstr(kind->s, "NetworkPolicy"))
		return parse_fail(p, &sub, kind,
				  "%.64s of %.64s is not enforced by this version: it has no effect; NetworkPolicy of networking.k8s.io/v1 and ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2 are",
				  kind->s, version);
	parse_fail(p, &sub, kind, "%.64s of %.64s: sluice has no use for it", kind->s, version);
	p->diag->level = DIAG_NOTE;
	return 0;
}

static int parse_known(const struct parse *p, const struct tree *doc, const struct path *at,
		       enum object_kind kind, struct object **out)
{
	static const char *const top[] = { "apiVersion", "kind", "metadata", "spec", "status",
					   NULL };
	const struct kind *k = &kinds[kind];
	struct object key = { .kind = kind, .line = doc->line };
	int err = parse_map(p, at, doc, k->strict ? top : NULL);

	if (!err)
		err = parse_str(p->file, &key.file);
	if (!err)
		err = parse_metadata(p, doc, at, k, &key);
	if (!err)
		err = k->parse(p, doc, at, &key, out);
	str_put(key.ns);
	str_put(key.name);
	str_put(key.file);
	return err;
}

int object_parse(const char *file, const struct tree *doc, const struct path *at,
		 struct object **out, struct object_id *id, struct diag *diag)
{
	const struct parse p = { file, diag };
	const struct tree *version, *kind;
	const char *v, *k;
	struct path vp, kp;
	int err;

	*out = NULL;
	*diag = (struct diag){};
	identify(doc, id);
	err = parse_map(&p, at, doc, NULL);
	if (err)
		return err;
	version = parse_field(doc, "apiVersion", at, &vp);
	kind = parse_field(doc, "kind", at, &kp);
	if (!kind || !version)
		return parse_fail(&p, kind ? &vp : &kp, doc,
				  "is missing: every object has apiVersion and kind");
	err = parse_string(&p, &kp, kind, &k);
	if (!err)
		err = parse_string(&p, &vp, version, &v);
	if (err)
		return err;
	/* another group's kind of the same name is another kind */
	if (id->kind < 0 || strcmp(kinds[id->kind].version, v)) {
		id->kind = -1;
		return unknown_kind(&p, kind, v, at);
	}
	return parse_known(&p, doc, at, id->kind, out);
}
