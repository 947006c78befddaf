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
	struct model_pod *pods;
	struct model_netpol *netpols;
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
	struct hnode node;
	union sl_addr addr;
	struct model_claim first, *more;	/* nclaims - 1 more */
	unsigned int nclaims;
	bool dirty;
	struct model_addr *dirty_next;
	struct class *class;		/* the compiler's; NULL: not judged yet */
	struct class *cover;		/* the compiler's: of the address blocks around it */
};

/* A pod known from its object, as an endpoint, or as both. */
struct model_pod {
	struct hnode node;		/* by namespace and name */
	struct model_ns *ns;
	struct model_pod *next, **link;	/* of the namespace */
	struct str *name;
	struct object_pod *obj;		/* NULL: no labels */
	struct model_ep *eps;
	struct model_addr *addr[__SL_FAMILY_MAX];	/* the object's; only without endpoints */
};

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

struct model {
	struct htab namespaces, pods, netpols, addrs, nodes;
	struct htab services, slices;	/* model_service.h */
	unsigned int npods;		/* with an object */
	unsigned int nnamespaces;	/* with an object */
	unsigned int nservices;		/* with an object */
	struct model_netpol *cluster;	/* by tier, priority and name */
	unsigned int ncluster;
	struct str *ns_label;		/* kubernetes.io/metadata.name */
	/* what the compiler has not seen yet */
	struct model_addr *dirty_addrs;
	bool dirty_eps, dirty_nodes;
	struct model_service *dirty_services;	/* the balancer's list */
	unsigned int nodes_gen;		/* from 1; goes up when a Node object changes */
	struct model_ep ep[SL_EP_MAX];
};

int model_init(struct model *m);
void model_exit(struct model *m);

/*
 * Puts everything that @from holds into @to, which is empty: the objects are
 * shared, endpoints keep their ids. -ENOMEM: only fit for model_exit().
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

/* NULL: there is no such object. @ns: as for model_delete(). */
struct object *model_find(const struct model *m, enum object_kind kind, const char *ns,
			  const char *name);
struct model_ns *model_ns_find(const struct model *m, const char *name);
struct model_pod *model_pod_find(const struct model *m, const char *ns, const char *name);
/* @ns NULL or "": a ClusterNetworkPolicy. */
struct model_netpol *model_netpol_find(const struct model *m, const char *ns, const char *name);
/* @np's subject means @pod; of a NetworkPolicy's namespace the pod has to be. */
bool model_netpol_selects(const struct object_netpol *np, const struct model_pod *pod);
/* InternalIP of the node of this name. */
bool model_is_node_addr(const struct model *m, const struct str *name, const union sl_addr *a);
struct model_addr *model_addr_find(const struct model *m, const union sl_addr *a);

/* The one that counts: an endpoint's before its object's; NULL: none of family @f. */
const struct model_addr *model_pod_addr(const struct model_pod *pod, enum sl_family f);
/* NULL: none. */
const struct labels *model_pod_labels(const struct model_pod *pod);
/* Number of the port that the pod calls @name; 0: it has none. */
__u16 model_pod_port(const struct model_pod *pod, const struct str *name, __u8 proto);

/* The compiler's side. */
void model_addr_mark(struct model *m, struct model_addr *a);
void model_addr_reap(struct model *m, struct model_addr *a);	/* it has no claim */
const struct model_claim *model_addr_claim(const struct model_addr *a, unsigned int i);

static inline bool addr_is_set(const union sl_addr *a)
{
	static const union sl_addr none;

	return memcmp(a, &none, sizeof(none));
}

#endif
