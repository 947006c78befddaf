// SPDX-License-Identifier: GPL-2.0
/* See service_shown.h. */
#include "daemon/service_shown.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

const char *const shown_states[__SHOWN_MAX] = {
	[SHOWN_READY] = "ready", [SHOWN_TERMINATING] = "terminating",
	[SHOWN_NOT_READY] = "not ready", [SHOWN_GONE] = "gone",
};
const char *const shown_families[__SL_FAMILY_MAX] = {
	[SL_FAMILY_V4] = "ipv4", [SL_FAMILY_V6] = "ipv6",
};

/* By address and port, and of the same ones the best first. */
static int shown_cmp(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;
	int cmp = plan_backend_cmp(&x->b, &y->b);

	return cmp ? cmp : (int)x->state - (int)y->state;
}

enum shown_state shown_state_of(const struct object_service *o, const struct slice_endpoint *ep)
{
	if (ep->flags & SLICE_READY || o->publish_not_ready)
		return SHOWN_READY;
	return ep->flags & SLICE_TERMINATING ? SHOWN_TERMINATING : SHOWN_NOT_READY;
}

const struct svc_port *shown_port(const struct model_service *s, const struct service_port *sp,
				  enum sl_family f)
{
	const struct plan_port *p;
	unsigned int i;

	for (i = 0; s->state && i < s->state->now.n; i++) {
		p = &s->state->now.port[i]->plan;
		if (p->port == sp->port && p->proto == sp->proto && p->family == f)
			return s->state->now.port[i];
	}
	return NULL;
}

size_t shown_room(const struct model_service *s, const struct svc_port *p)
{
	const struct model_slice *ms;
	size_t n = p ? p->plan.nbackends : 0;

	for (ms = s->slices; ms; ms = ms->next)
		n += ms->obj->nendpoints;
	return n;
}

void shown_unique(struct shown_list *l)
{
	struct shown *v = l->v;
	size_t i, kept = 0;

	if (l->n)
		qsort(v, l->n, sizeof(*v), shown_cmp);
	for (i = 0; i < l->n; i++) {
		if (!kept || plan_backend_cmp(&v[kept - 1].b, &v[i].b))
			v[kept++] = v[i];
		else if (v[i].b.id)
			v[kept - 1].b = v[i].b;
	}
	l->n = kept;
}

int shown_get(const struct model_service *s, const struct service_port *sp, enum sl_family f,
	      const struct svc_port *p, struct shown_list *l)
{
	const struct slice_port *port;
	const struct model_slice *ms;
	unsigned int i;

	l->n = 0;
	l->v = calloc(shown_room(s, p) + 1, sizeof(*l->v));
	if (!l->v)
		return -ENOMEM;
	for (ms = s->slices; ms; ms = ms->next) {
		port = ms->obj->family == f ? plan_slice_port(ms->obj, sp) : NULL;
		for (i = 0; port && i < ms->obj->nendpoints; i++)
			l->v[l->n++] = (struct shown){
				.b = { .addr = ms->obj->endpoint[i].addr, .port = htons(port->port) },
				.ep = &ms->obj->endpoint[i],
				.state = shown_state_of(s->obj, &ms->obj->endpoint[i]),
			};
	}
	for (i = 0; p && i < p->plan.nbackends; i++)
		l->v[l->n++] = (struct shown){ .b = p->plan.backend[i], .state = SHOWN_GONE };
	shown_unique(l);
	return 0;
}
