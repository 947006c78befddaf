// SPDX-License-Identifier: GPL-2.0
/* Services and their backends, one after the other, for who counts what they have. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include "daemon/policy_impl.h"
#include "daemon/service_shown.h"

/* ------------------------------------------------------------------ backends */

static __u64 chosen(const struct policy *pol, __u32 id)
{
	return pol->tables.chosen ? __atomic_load_n(&pol->tables.chosen[id], __ATOMIC_RELAXED) : 0;
}

struct backend_each {
	const struct policy *pol;
	int (*cb)(void *arg, const struct policy_backend *b);
	void *arg;
};

static int each_backend(struct model_service *s, void *arg)
{
	const struct backend_each *each = arg;
	const struct plan_port *p;
	struct policy_backend b;
	unsigned int i, j;
	int err = 0;

	for (i = 0; s->state && i < s->state->now.n; i++) {
		p = &s->state->now.port[i]->plan;
		for (j = 0; !err && j < p->nbackends; j++) {
			b = (struct policy_backend){ p->backend[j].id, p->backend[j].addr,
						     p->backend[j].port, p->proto,
						     chosen(each->pol, p->backend[j].id) };
			err = each->cb(each->arg, &b);
		}
	}
	return err;
}

int policy_backend_each(const struct policy *pol,
			int (*cb)(void *arg, const struct policy_backend *b), void *arg)
{
	struct backend_each each = { pol, cb, arg };

	return model_service_each(&pol->model, each_backend, &each);
}

/* --------------------------------------------------------------------- ports */

struct port_each {
	const struct policy *pol;
	int (*cb)(void *arg, const struct policy_service_port *p);
	void *arg;
};

static int tell_port(const struct port_each *each, struct policy_service_port *port,
		     const struct shown_list *l)
{
	size_t n[__SHOWN_MAX] = {}, i;
	struct policy_backend *b = calloc(l->n + 1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < l->n; i++) {
		b[i] = (struct policy_backend){ l->v[i].b.id, l->v[i].b.addr, l->v[i].b.port,
						port->proto, chosen(each->pol, l->v[i].b.id) };
		n[l->v[i].state]++;
	}
	port->ready = n[SHOWN_READY];
	port->terminating = n[SHOWN_TERMINATING];
	port->not_ready = n[SHOWN_NOT_READY];
	port->backend = b;
	port->nbackends = l->n;
	err = each->cb(each->arg, port);
	free(b);
	return err;
}

static int each_family(const struct port_each *each, const struct model_service *s,
		       const struct service_port *sp, enum sl_family f)
{
	const struct svc_port *p = shown_port(s, sp, f);
	struct policy_service_port port = {
		.ns = s->ns->s, .name = s->name->s, .port = sp->port, .proto = sp->proto,
		.family = shown_families[f], .id = p ? p->id : 0,
	};
	struct shown_list l;
	int err = shown_get(s, sp, f, p, &l);

	if (!err && (p || l.n))
		err = tell_port(each, &port, &l);
	free(l.v);
	return err;
}

static int each_port(struct model_service *s, void *arg)
{
	const struct port_each *each = arg;
	unsigned int i;
	enum sl_family f;
	int err = 0;

	if (!s->obj || plan_why_not(s->obj))
		return 0;
	for (i = 0; i < s->obj->nports; i++)
		for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
			err = each_family(each, s, &s->obj->port[i], f);
	return err;
}

int policy_service_port_each(const struct policy *pol,
			     int (*cb)(void *arg, const struct policy_service_port *p), void *arg)
{
	struct port_each each = { pol, cb, arg };

	return model_service_each(&pol->model, each_port, &each);
}
