/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy side of the daemon in one face: objects in, kernel tables out.
 *
 *   objects ─▶ model ─▶ compile (pure) ─▶ plan ─▶ reconcile ─▶ sl_class,
 *               │                                  sl_rule, sl_port, policy words
 *               └▶ service_plan (pure) ─▶ balancer ─▶ sl_front, sl_svc, sl_set, sl_backend
 *
 * The rest of the daemon knows this header and nothing behind it. All calls
 * are from the loop's thread.
 */
#ifndef SLUICED_POLICY_H
#define SLUICED_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include "lib/sluice.h"

struct policy;
struct object;			/* user/daemon/object.h: one Kubernetes object */

enum diag_level {
	DIAG_ERROR,		/* refused: not in force */
	DIAG_WARNING,		/* taken, but perhaps not what was meant */
	DIAG_NOTE,		/* nothing wrong: an object sluice has no use for */
};

/* Where something is wrong, and what would be right. */
struct diag {
	enum diag_level level;
	char file[256];		/* "" when it came from elsewhere */
	int line, column;	/* from 1; 0: unknown */
	char field[256];	/* "spec.ingress[0].ports[1].endPort" */
	char text[512];
};

struct policy_stats {
	unsigned int namespaces, pods, nodes, policies, services, slices;
	unsigned int rejected;		/* objects whose last version was refused */
	unsigned int classes, rulesets, rules, ports;
	unsigned int commits;
	unsigned long compile_us, commit_us;	/* of the last commit */
};

/*
 * @sl: dataplane to keep right; NULL: compile only (tests, --check-config).
 * What is in the kernel is read back, and reused where it is what is wanted.
 */
int policy_new(struct sluice *sl, const char *node_name, struct policy **out);
/* Whether other nodes are reached by a tunnel, for services; in force with the next commit. */
void policy_set_tunnel(struct policy *pol, bool tunnel);
void policy_free(struct policy *pol);

/*
 * Takes ownership of @obj, which replaces the object of its kind, namespace
 * and name. A refused object (-EINVAL, @diag says why) leaves the last good
 * version in force. Nothing reaches the kernel before policy_commit().
 */
int policy_object_apply(struct policy *pol, struct object *obj, struct diag *diag);
int policy_object_delete(struct policy *pol, int kind, const char *ns, const char *name);
/*
 * Names of all objects of @kind in force, in no order, until @cb returns
 * non-zero, which is returned. @ns "": the kind has none. @cb changes nothing.
 */
int policy_object_each(const struct policy *pol, int kind,
		       int (*cb)(void *arg, const char *ns, const char *name), void *arg);
/* The object in force as a manifest (object_json.h); new reference. NULL: there is none; no memory. */
json_t *policy_object_json(const struct policy *pol, int kind, const char *ns, const char *name);
/*
 * Remembers that the last version of an object was refused: stats, lists and
 * status show it until the object is applied or deleted, or the refusals of
 * its file (@diag->file) are forgotten. @id: see object.h. -ENOMEM.
 */
struct object_id;
int policy_object_refuse(struct policy *pol, const struct object_id *id, const struct diag *diag);
void policy_refusals_forget(struct policy *pol, const char *file);
/* `refused` of the status request (Documentation/control.md); new reference. */
json_t *policy_refused_json(struct policy *pol);

/*
 * A pod of this node. sl_ep[@ep] is filled in but for policy and class_id;
 * its word is the closed one, or, after a restart of the daemon, the one in
 * force, which stays when it is what is wanted. Opened by the next
 * policy_commit(). @ns and @pod may name a pod that no object describes: then
 * it has no labels. -EEXIST: @ep is in use. @addr wins over the addresses
 * in the pod's object. policy_endpoint_del() stores the closed word at once.
 */
int policy_endpoint_add(struct policy *pol, __u32 ep, const char *ns, const char *pod,
			const union sl_addr addr[__SL_FAMILY_MAX]);
int policy_endpoint_del(struct policy *pol, __u32 ep);

/*
 * Whether the object of a pod is known. @uid: as its metadata has it, or "":
 * whichever. -ENOENT: no; -ESTALE: one of this name, but another pod's.
 */
int policy_pod_find(const struct policy *pol, const char *ns, const char *name, const char *uid);

/* Whether its object asks for services by the packet alone (Documentation/services.md, Sockets). */
bool policy_pod_by_packet(const struct policy *pol, const char *ns, const char *name);

/*
 * Compiles and writes the difference, make before break. When it returns 0
 * the kernel enforces what the objects say. On error the kernel enforces
 * what it did before, or closed for new endpoints, and the next commit tries
 * again.
 */
int policy_commit(struct policy *pol);
/*
 * An address of the node or an endpoint is theirs no more. 1: services have it, and its
 * entry in sl_addr is theirs from here on; 0: the caller takes the entry away. Else as
 * it was, with a negative errno.
 */
int policy_addr_left(struct policy *pol, const union sl_addr *addr);
/* Milliseconds after which another commit may do what this one had no room for; -1: nothing waits. */
int policy_wait_ms(const struct policy *pol);
/* Another number whenever a backend of a Service may have gone that takes datagrams. */
unsigned int policy_datagrams_gone(const struct policy *pol);
/* Reads everything back from the kernel and repairs what differs; returns
 * the number of differences. */
int policy_reconcile(struct policy *pol);

void policy_get_stats(const struct policy *pol, struct policy_stats *st);

/* Node objects, for routing. The array and its strings live until the next
 * call into @pol; addr entries are all zero where the object has none. */
struct policy_node {
	const char *name;
	union sl_addr addr[__SL_FAMILY_MAX];	/* InternalIP */
	struct sl_prefix pod_cidr[4];
	unsigned int npod_cidr;
};
const struct policy_node *policy_nodes(struct policy *pol, size_t *count);
/* Another number whenever policy_nodes() may say something else; 1 at the beginning. */
unsigned int policy_nodes_gen(const struct policy *pol);

/* A Service that load balancers ask each node about, on a port of its own (healthCheckNodePort). */
struct policy_health {
	const char *ns, *name;
	__u16 port;
	unsigned int local_ready;	/* endpoints on this node, ready, of the last commit */
	const char *trouble;		/* for who listens to say: why it can't; NULL: it does */
};
/*
 * All of them, by port; of several that want one port only the oldest. The array
 * lives until the next commit, and is the same one until then.
 */
struct policy_health *policy_healths(struct policy *pol, size_t *count);

/* A backend that the tables have. */
struct policy_backend {
	__u32 id;			/* in sl_backend; 0: only the slices have it */
	union sl_addr addr;
	__be16 port;
	__u8 proto;			/* IPPROTO_ */
	__u64 chosen;			/* how often, since it has this id: sl_backend_new */
};
/* Each, in no order, until @cb returns non-zero, which is returned. @cb changes nothing. */
int policy_backend_each(const struct policy *pol,
			int (*cb)(void *arg, const struct policy_backend *b), void *arg);

/* A port of a Service in one family, as `sluice service show` has it. */
struct policy_service_port {
	const char *ns, *name;
	__u16 port;
	__u8 proto;			/* IPPROTO_ */
	const char *family;		/* "ipv4", "ipv6" */
	__u32 id;			/* in sl_svc; 0: nothing of it is in the tables */
	size_t ready, terminating, not_ready;	/* endpoints behind it */
	const struct policy_backend *backend;	/* by address and port */
	size_t nbackends;
};
/* The same of those that are served or have endpoints. -ENOMEM. */
int policy_service_port_each(const struct policy *pol,
			     int (*cb)(void *arg, const struct policy_service_port *p), void *arg);

/* New references, NULL without memory. */
json_t *policy_list_json(struct policy *pol);
json_t *policy_show_json(struct policy *pol, const char *ns, const char *name); /* NULL: none */
json_t *policy_class_json(struct policy *pol);
json_t *policy_services_json(struct policy *pol);
json_t *policy_service_json(struct policy *pol, const char *ns, const char *name); /* NULL: none */
/* {"7": "ns/name"}: ids in sl_svc, which flows name. */
json_t *policy_service_names_json(struct policy *pol);
/* @from, @to: "ns/pod" or an address; @proto IPPROTO_; -EINVAL with @diag. From
 * the model and from the kernel's tables, both in the answer. */
int policy_explain_json(struct policy *pol, const char *from, const char *to, int proto,
			int port, json_t **out, struct diag *diag);
/* {addr: "ns/pod"} of every pod whose address is known. */
json_t *policy_addresses_json(struct policy *pol);
/* Objects that are taken with a doubt: list of {"kind", "namespace", "name", "text"}. */
json_t *policy_warnings_json(struct policy *pol);
/* Decider ids to names: {"123": {"tier","namespace","policy","direction","rule"}}. */
json_t *policy_rules_json(struct policy *pol);

#endif
