/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kubernetes objects as sluice holds them: what the dataplane needs of each
 * and no more. Made from a document tree with the API server's checks.
 */
#ifndef SLUICED_OBJECT_H
#define SLUICED_OBJECT_H

#include "daemon/pod_ports.h"
#include "daemon/policy.h"
#include "daemon/selector.h"
#include "daemon/tree.h"

enum object_kind {
	OBJECT_NAMESPACE,
	OBJECT_POD,
	OBJECT_NODE,
	OBJECT_NETPOL,
	OBJECT_CNP,			/* a struct object_netpol, too */
	OBJECT_SERVICE,			/* these two: object_service.h */
	OBJECT_ENDPOINTSLICE,
	__OBJECT_MAX,
};

struct object {
	enum object_kind kind;
	unsigned int shared;		/* holders beside the first; more than none: nobody writes */
	struct str *ns;			/* NULL: the kind has none */
	struct str *name;
	struct str *file;		/* where it was read; NULL: not from a file */
	unsigned int line;
};

struct object_namespace {
	struct object o;
	struct labels *labels;
};

struct object_pod {
	struct object o;
	__u64 uid;			/* object_uid() of what the kubelet calls it; 0: not said */
	struct labels *labels;
	struct pod_ports *ports;	/* those with a name */
	struct str *node;		/* NULL: not scheduled */
	union sl_addr addr[__SL_FAMILY_MAX];	/* all zero: none */
	bool host_network;		/* its addresses are the node's */
	bool by_packet;			/* its sockets get no backends when they connect */
	bool ended;			/* Succeeded or Failed: its addresses are free again */
};

#define NODE_MAX_CIDRS 4

struct object_node {
	struct object o;
	struct labels *labels;
	union sl_addr addr[__SL_FAMILY_MAX];
	struct sl_prefix pod_cidr[NODE_MAX_CIDRS];
	unsigned int npod_cidr, nips;
	union sl_addr *ip;		/* all of status.addresses, internal and external */
};

/* One entry of `from` or `to`: @block, @node_sel, or both selectors of pods. */
struct peer {
	struct block *block;
	struct str *ns;			/* pods of this namespace, when @ns_sel is NULL */
	struct selector *ns_sel;
	struct selector *pod_sel;
	struct selector *node_sel;	/* addresses of these nodes */
};

/* One entry of `ports`: a range, or a name. */
struct netpol_port {
	struct str *name;		/* NULL: the range */
	__u16 lo, hi;			/* 0 and 65535: every port of the protocol */
	__u8 proto;			/* IPPROTO_ */
};

/* What a rule does with what it matches; NetworkPolicy only accepts. */
enum rule_action {
	RULE_ACCEPT,
	RULE_DENY,
	RULE_PASS,			/* the tier has no more to say */
	__RULE_ACTION_MAX,
};

/* Empty peers: everybody. Empty ports: everything, also what has no ports. */
struct netpol_rule {
	struct peer *peer;
	struct netpol_port *port;
	unsigned int npeers, nports;
	enum rule_action action;
	bool never;			/* matches nothing, whatever its peers and ports are */
	bool fails_closed;		/* not what was written: something in it can't be enforced */
	struct str *name;		/* ClusterNetworkPolicy's; NULL: none */
};

/* A policy of any tier. */
struct object_netpol {
	struct object o;
	enum sl_tier tier;
	__u16 priority;			/* within the tier, lower first; NetworkPolicy: 0 */
	struct selector *subject_ns;	/* NULL: the policy's own namespace */
	struct selector *subject;
	bool isolates[__SL_DIR_MAX];	/* policyTypes, defaults filled in; no other tier does */
	unsigned int nrules[__SL_DIR_MAX];
	struct netpol_rule *rule[__SL_DIR_MAX];
};

/* The same @n ports in the same order. */
bool netpol_ports_equal(const struct netpol_port *a, const struct netpol_port *b, unsigned int n);
/* Drops peers and ports. */
void netpol_rule_clear(struct netpol_rule *r);
struct object *object_ref(struct object *o);	/* another holder, who frees it too */
void object_free(struct object *o);		/* NULL is fine */
/* Same kind, key and content: applying @b after @a changes nothing. */
bool object_equal(const struct object *a, const struct object *b);
const char *object_kind_name(enum object_kind k);	/* "NetworkPolicy" */
const char *object_kind_version(enum object_kind k);	/* "networking.k8s.io/v1" */

/* What a document claims to be, as far as it could be read. */
struct object_id {
	int kind;			/* enum object_kind; -1: none of ours */
	char ns[64];			/* "" : the kind has none */
	char name[256];			/* "" : could not be read */
};

/*
 * object_parse() - one document of kind, metadata, spec to an object
 * @at: where the document sits, NULL for a file's top level ("items[3]")
 * @id: filled in as far as possible, also on failure
 *
 * 0: *@out is the caller's, or NULL for a kind that sluice has no use for
 * (@diag: a note that says so); with an object, @diag has a text only if there
 * is a doubt about it. -EINVAL: @diag says what is wrong. -ENOMEM.
 */
int object_parse(const char *file, const struct tree *doc, const struct path *at,
		 struct object **out, struct object_id *id, struct diag *diag);

/*
 * Stands for metadata.uid of a pod, which is unique; never 0. The number can be
 * written in the uid's place: what object_uid_format() makes stands for itself.
 */
#define OBJECT_UID_STRLEN 18
__u64 object_uid(const char *uid);
const char *object_uid_format(__u64 uid, char buf[OBJECT_UID_STRLEN]);	/* returns @buf */

const char *object_proto_name(__u8 proto);	/* "TCP" */
const char *object_action_name(enum rule_action a);	/* "Accept" */

#endif
