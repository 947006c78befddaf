// SPDX-License-Identifier: GPL-2.0
/*
 * Which Services load balancers ask about on a port of the node's own
 * (healthCheckNodePort), and whose a port is that several want.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/policy_impl.h"

static bool asked_about(const struct object_service *o)
{
	return o && o->health_port && !o->headless && o->type == SERVICE_LOAD_BALANCER &&
	       o->external_local;
}

static struct service_rank rank(const struct model_service *s)
{
	return (struct service_rank){ object_service_created(s->obj), s->ns, s->name };
}

/* By port, then as services that want one address. */
static int service_cmp(const void *a, const void *b)
{
	const struct model_service *x = *(struct model_service *const *)a;
	const struct model_service *y = *(struct model_service *const *)b;
	const struct service_rank rx = rank(x), ry = rank(y);
	int cmp = x->obj->health_port - y->obj->health_port;

	return cmp ? cmp : service_rank_cmp(&rx, &ry);
}

struct found {
	struct model_service **s;
	size_t n, room;
};

static int find(struct model_service *s, void *arg)
{
	struct found *f = arg;
	struct model_service **more;

	if (!asked_about(s->obj))
		return 0;
	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 16;
		more = realloc(f->s, f->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->s = more;
	}
	f->s[f->n++] = s;
	return 0;
}

void policy_health_exit(struct policy_healths *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		str_put(l->held[2 * i]);
		str_put(l->held[2 * i + 1]);
	}
	free(l->held);
	free(l->port);
	*l = (struct policy_healths){};
}

static void add(struct policy_healths *l, const struct model_service *s)
{
	l->held[2 * l->n] = str_ref(s->ns);
	l->held[2 * l->n + 1] = str_ref(s->name);
	l->port[l->n++] = (struct policy_health){ .ns = s->ns->s, .name = s->name->s,
						  .port = s->obj->health_port,
						  .local_ready = balancer_local_ready(s) };
}

static int make_list(const struct policy *pol, struct policy_healths *l)
{
	struct found f = {};
	int err = model_service_each(&pol->model, find, &f);
	size_t i;

	*l = (struct policy_healths){};
	if (!err && f.n) {
		qsort(f.s, f.n, sizeof(*f.s), service_cmp);
		l->port = calloc(f.n, sizeof(*l->port));
		l->held = calloc(2 * f.n, sizeof(*l->held));
		if (!l->port || !l->held)
			err = -ENOMEM;
		for (i = 0; !err && i < f.n; i++)
			if (!i || f.s[i]->obj->health_port != f.s[i - 1]->obj->health_port)
				add(l, f.s[i]);
	}
	free(f.s);
	if (err)
		policy_health_exit(l);
	return err;
}

struct policy_health *policy_healths(struct policy *pol, size_t *count)
{
	struct policy_healths now;

	if (!pol->healths.current && !make_list(pol, &now)) {
		policy_health_exit(&pol->healths);
		pol->healths = now;
		pol->healths.current = true;
	}
	*count = pol->healths.n;
	return pol->healths.port;
}

static int port_cmp(const void *a, const void *b)
{
	return *(const __u16 *)a - ((const struct policy_health *)b)->port;
}

bool policy_health_warning(const struct policy *pol, const struct model_service *s, char *buf,
			   size_t len)
{
	const struct policy_healths *l = &pol->healths;
	const struct policy_health *p;

	if (!asked_about(s->obj) || !l->n)
		return false;
	p = bsearch(&s->obj->health_port, l->port, l->n, sizeof(*l->port), port_cmp);
	if (!p)
		return false;
	if (strcmp(p->ns, s->ns->s) || strcmp(p->name, s->name->s))
		snprintf(buf, len, "healthCheckNodePort %u is already used by Service %s/%s", p->port,
			 p->ns, p->name);
	else if (p->trouble)
		snprintf(buf, len, "healthCheckNodePort %u: load balancers get no answer: %s", p->port,
			 p->trouble);
	else
		return false;
	return true;
}
