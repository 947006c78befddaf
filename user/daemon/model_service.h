/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services in the model: each with the slices that name it, and which of them
 * the balancer has to look at again. It has its own list of what changed, apart
 * from the compiler's.
 */
#ifndef SLUICED_MODEL_SERVICE_H
#define SLUICED_MODEL_SERVICE_H

#include "daemon/model.h"
#include "daemon/object_service.h"

struct service_state;			/* the balancer's */

struct model_slice {
	struct hnode node;		/* by namespace and name */
	struct object_slice *obj;
	struct model_service *svc;	/* NULL: it names none */
	struct model_slice *next;	/* of the service */
};

/*
 * There as long as it has an object, a slice, or @state; without any of them
 * model_service_reap() takes it away.
 */
struct model_service {
	struct hnode node;		/* by namespace and name */
	struct str *ns, *name;
	struct object_service *obj;	/* NULL: only slices name it */
	struct model_slice *slices;
	bool dirty;
	struct model_service *dirty_next;
	struct service_state *state;	/* the balancer's */
};

/* NULL: nothing names it. */
struct model_service *model_service_find(const struct model *m, const char *ns, const char *name);
/* The balancer has to look at it (again). */
void model_service_mark(struct model *m, struct model_service *s);
/* Of all: what it is to a service where the node is has changed. */
void model_service_mark_all(struct model *m);
/* Takes the next one off the list of those to look at; NULL: there is none. */
struct model_service *model_service_next_dirty(struct model *m);
/* The balancer has nothing of it (@state is NULL): frees it if nothing else holds it. */
void model_service_reap(struct model *m, struct model_service *s);
/* Each, in no order; @cb returns nonzero to stop, and that is returned. */
int model_service_each(const struct model *m, int (*cb)(struct model_service *s, void *arg),
		       void *arg);

#endif
