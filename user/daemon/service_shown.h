/* SPDX-License-Identifier: GPL-2.0 */
/* The backends of a Service as people are told of them: in the slices, in the tables, or in both. */
#ifndef SLUICED_SERVICE_SHOWN_H
#define SLUICED_SERVICE_SHOWN_H

#include "daemon/balancer.h"

/* The better first. */
enum shown_state {
	SHOWN_READY,
	SHOWN_TERMINATING,
	SHOWN_NOT_READY,
	SHOWN_GONE,			/* no slice names it any more, but the tables do */
	__SHOWN_MAX,
};

struct shown {
	struct plan_backend b;		/* of the slices: address and port alone */
	const struct slice_endpoint *ep;	/* NULL: in no slice */
	enum shown_state state;
};

/* @v is the caller's to free. */
struct shown_list {
	struct shown *v;
	size_t n;
};

extern const char *const shown_states[__SHOWN_MAX];	/* "not ready" */
extern const char *const shown_families[__SL_FAMILY_MAX];	/* "ipv4" */

enum shown_state shown_state_of(const struct object_service *o, const struct slice_endpoint *ep);

/* What the tables have of @sp in family @f; NULL: nothing. */
const struct svc_port *shown_port(const struct model_service *s, const struct service_port *sp,
				  enum sl_family f);
/* The most backends that a port of @s, known in the tables as @p (or NULL), can have. */
size_t shown_room(const struct model_service *s, const struct svc_port *p);
/* By address and port, each once, in the best state that is said of it. */
void shown_unique(struct shown_list *l);
/* Those behind @sp of family @f; @p of shown_port(). -ENOMEM: @l is empty. */
int shown_get(const struct model_service *s, const struct service_port *sp, enum sl_family f,
	      const struct svc_port *p, struct shown_list *l);

#endif
