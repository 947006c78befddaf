/* SPDX-License-Identifier: GPL-2.0 */
/* Between model.c, model_pod.c and model_service.c. */
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

struct model_pod *model_pod_lookup(const struct model *m, const struct str *ns,
				   const struct str *name);
/* Labels or ports are others, of the pod or of its namespace. */
void model_pod_mark(struct model *m, struct model_pod *pod);
int model_pod_apply(struct model *m, struct object *o);
void model_pod_delete(struct model *m, struct model_pod *pod);

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
