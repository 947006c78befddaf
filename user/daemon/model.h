/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects by kind, namespace and name, the endpoints of this node, and which
 * addresses and endpoints have to be judged again since the compiler last
 * looked. Knows nothing of classes, rule sets or the kernel.
 */
#ifndef SLUICED_MODEL_H
#define SLUICED_MODEL_H

#include "daemon/object.h"

struct model_pod;
struct model_service;			/* model_service.h */
struct class;				/* these three are the compiler's */
struct ruleset;
struct candidate;

struct model_netpol {
	struct hnode node;		/* by namespace and name */
	struct object_netpol *obj;
	struct model_netpol *next;	/* of the namespace, by name, or of the cluster's */
};

/* Exists as long as anything is in it, with or without an object. */
struct model_ns {
	struct hnode node;
	struct str *name;
	struct object_namespace *obj;	/* NULL: only the implicit label */
	struct labels *labels;		/* the object's, and kubernetes.io/metadata.name */
	struct model_netpol *netpols;
	unsigned int npods;
	bool relabelled;		/* the compiler has not seen its labels yet */
	/* the compiler's: peers that can mean pods of here; 0: not worked out */
	struct candidate *cand;
	unsigned int ncand, cand_version;
};

/* Who says that an address is its own. */
struct model_claim {
	struct model_pod *pod;
	__u32 ep;			/* the endpoint it is from; 0: the pod's object */
};

/*
 * One address of a pod, or of several that claim it. Without a claim it lives
 * on until the compiler has seen it.
 */
struct model_addr {
	union sl_addr addr;
	struct class *class;		/* the compiler's; NULL: not judged yet */
	union {
		struct model_pod *pod;	/* of the only claim */
		struct model_claim *claims;	/* of several: all of them */
	};
	__u32 ep;			/* of the only claim */
	__u32 nclaims : 31;
	__u32 dirty : 1;		/* to be judged again */
};

/*
 * A pod known from its object, as an endpoint, or as both. There are tens of
 * thousands, so each is one allocation, and what others say, too, is shared.
 */
struct model_pod {
	struct model_ns *ns;
	/* what its object says; nothing without one */
	struct labels *labels;
	struct pod_ports *ports;
	struct str *node;
	__u64 uid;
	union sl_addr *v6;		/* NULL: none */
	__be32 v4;
	__u16 ep;			/* the first of its endpoints; 0: none */
	bool has_object : 1, has_v4 : 1, host_network : 1, ended : 1, by_packet : 1;
	char name[];
};
_Static_assert(SL_EP_MAX <= 1 << 16, "an endpoint's id has 16 bits");

/*
 * An endpoint is an attachment of a pod of this node. A pod can have two: a
 * new sandbox may come before the old one has gone.
 */
struct model_ep {
	struct model_pod *pod;		/* NULL: id not in use */
	struct model_ep *next;		/* of the same pod */
	struct model_addr *addr[__SL_FAMILY_MAX];
	struct ruleset *ruleset;	/* the compiler's */
	bool dirty;			/* rule set must be worked out anew */
};

struct model_node {
	struct hnode node;
	struct object_node *obj;
};

/* Marked addresses that are listed; when there are more, the table is searched. */
#define MODEL_DIRTY_MAX	512

struct model {
	struct htab namespaces, netpols, nodes;
	struct ptab pods, addrs;
	struct htab services, slices;	/* model_service.h */
	unsigned int npods;		/* with an object */
	unsigned int nnamespaces;	/* with an object */
	unsigned int nservices;		/* with an object */
	struct model_netpol *cluster;	/* by tier, priority and name */
	unsigned int ncluster;
	struct str *ns_label;		/* kubernetes.io/metadata.name */
	/* what the compiler has not seen yet */
	struct model_addr *dirty[MODEL_DIRTY_MAX];
	unsigned int ndirty;
	bool dirty_more;		/* others than those are marked, too */
	size_t dirty_pos;		/* in addrs, where to look for them */
	bool dirty_eps, dirty_nodes, dirty_namespaces;
	struct model_service *dirty_services;	/* the balancer's list */
	unsigned int nodes_gen;		/* from 1; goes up when a Node object changes */
	__u32 ep_end;			/* above every id that was ever in use */
	struct model_ep ep[SL_EP_MAX];
};

int model_init(struct model *m);
void model_exit(struct model *m);

/*
 * Puts everything that @from holds into @to, which is empty: all objects but
 * those of pods are shared, endpoints keep their ids. -ENOMEM: only fit for
 * model_exit().
 */
int model_copy(const struct model *from, struct model *to);

/* Takes @obj over, also on failure (-ENOMEM: nothing has changed). */
int model_apply(struct model *m, struct object *obj);
/* -ENOENT when there is no such object. @ns: NULL or "" for kinds without. */
int model_delete(struct model *m, enum object_kind kind, const char *ns, const char *name);

/* -EEXIST: @ep is in use. -EINVAL: no such id. -ENOMEM. */
int model_ep_add(struct model *m, __u32 ep, const char *ns, const char *pod,
		 const union sl_addr addr[__SL_FAMILY_MAX]);
int model_ep_del(struct model *m, __u32 ep);	/* -ENOENT */

/* What applying @obj would come to. */
enum model_change {
	MODEL_CREATES,
	MODEL_CHANGES,
	MODEL_KNOWS,			/* nothing */
};
enum model_change model_compare(const struct model *m, const struct object *obj);
/*
 * The object of this kind and name, for as long as @cb runs; what it returns is
 * returned. -ENOENT. @ns "": the kind has none.
 */
int model_read(const struct model *m, enum object_kind kind, const char *ns, const char *name,
	       int (*cb)(void *arg, const struct object *obj), void *arg);
/* Every object of @kind, until @cb returns non-zero, which is returned; @ns "": none. */
int model_each(const struct model *m, enum object_kind kind,
	       int (*cb)(void *arg, const char *ns, const char *name), void *arg);
struct model_ns *model_ns_find(const struct model *m, const char *name);
struct model_pod *model_pod_find(const struct model *m, const char *ns, const char *name);
/* @ns NULL or "": a ClusterNetworkPolicy. */
struct model_netpol *model_netpol_find(const struct model *m, const char *ns, const char *name);
/* @np's subject means @pod; of a NetworkPolicy's namespace the pod has to be. */
bool model_netpol_selects(const struct object_netpol *np, const struct model_pod *pod);
/* NULL: no such Node. */
const struct object_node *model_node_find(const struct model *m, const struct str *name);
/* InternalIP of the node of this name. */
bool model_is_node_addr(const struct model *m, const struct str *name, const union sl_addr *a);
struct model_addr *model_addr_find(const struct model *m, const union sl_addr *a);

/* The one that counts: an endpoint's before its object's; NULL: none of family @f. */
struct model_addr *model_pod_addr(const struct model *m, const struct model_pod *pod,
				  enum sl_family f);

/* The compiler's side. */
void model_mark_relabelled(struct model *m);	/* what is of namespaces with other labels */
void model_addr_mark(struct model *m, struct model_addr *a);
/* Takes the mark off one that has it; NULL: none has. */
struct model_addr *model_addr_unmark(struct model *m);
void model_addr_reap(struct model *m, struct model_addr *a);	/* it has no claim */
struct model_claim model_addr_claim(const struct model_addr *a, unsigned int i);

static inline bool addr_is_set(const union sl_addr *a)
{
	static const union sl_addr none;

	return memcmp(a, &none, sizeof(none));
}

#endif
