/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the model. */
#ifndef SLUICED_MODEL_IMPL_H
#define SLUICED_MODEL_IMPL_H

#include "daemon/model_service.h"

static inline uint64_t model_key_hash(const struct str *ns, const struct str *name)
{
	return hash_u64(ns ? ns->node.hash : 0, name->node.hash);
}

/* Made when it is not there; NULL without memory. */
struct model_ns *model_ns_get(struct model *m, struct str *name);
/* Frees a namespace that nothing is in. */
void model_ns_put(struct model *m, struct model_ns *ns);

/* model_pod.c */
uint64_t model_pod_hash(const void *pod);
struct model_pod *model_pod_lookup(const struct model *m, const struct str *ns, const char *name);
/* Labels or ports are others, of the pod or of its namespace. */
void model_pod_mark(struct model *m, struct model_pod *pod);
/* The pod's object says what @says does, all but kind and names; -ENOMEM: nothing has changed. */
int model_pod_set(struct model *m, struct str *ns, const char *name,
		  const struct object_pod *says);
/* The object of @pod, which has one, but for kind and names; no references taken. */
void model_pod_says(const struct model_pod *pod, struct object_pod *out);
void model_pod_delete(struct model *m, struct model_pod *pod);	/* the object */
void model_pod_free(struct model_pod *pod);

/* model_addr.c */
uint64_t model_addr_hash(const void *addr);
void model_addr_free(struct model_addr *a);
/* NULL without memory. @ep 0: it is the pod's object that says so. */
struct model_addr *model_claim_add(struct model *m, const union sl_addr *addr,
				   struct model_pod *pod, __u32 ep);
/* One that is not there is none to delete. */
void model_claim_del(struct model *m, struct model_addr *a, const struct model_pod *pod, __u32 ep);
bool model_claim_is(const struct model_addr *a, const struct model_pod *pod, __u32 ep);

struct model_service *model_service_lookup(const struct model *m, const struct str *ns,
					   const struct str *name);
struct model_slice *model_slice_lookup(const struct model *m, const struct str *ns,
				       const struct str *name);
int model_service_apply(struct model *m, struct object *o);
int model_slice_apply(struct model *m, struct object *o);
void model_service_delete(struct model *m, struct model_service *s);
void model_slice_delete(struct model *m, struct model_slice *slice);
/* All of both; the balancer holds nothing any more. */
void model_service_exit(struct model *m);

#endif
