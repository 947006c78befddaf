// SPDX-License-Identifier: GPL-2.0
/*
 * What a service is to have, with ids and room for all of it, before any of it is
 * written: what doesn't fit leaves no trace. See balancer_impl.h.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/balancer_impl.h"

void bal_ports_free(struct balancer *b, struct service_ports *ps)
{
	unsigned int i;

	for (i = 0; i < ps->n; i++) {
		bal_claims_free(b, ps->port[i]);
		plan_port_free(&ps->port[i]->plan);
		free(ps->port[i]);
	}
	free(ps->port);
	*ps = (struct service_ports){};
}

struct plan_backend *bal_match(const struct svc_port *p, unsigned int *pos,
			       const struct plan_backend *of)
{
	int cmp = 1;

	if (!p)
		return NULL;
	while (*pos < p->plan.nbackends) {
		cmp = plan_backend_cmp(&p->plan.backend[*pos], of);
		if (cmp >= 0)
			break;
		++*pos;
	}
	return cmp ? NULL : &p->plan.backend[*pos];
}

/* ----------------------------------------------------------------- the ports */

static struct svc_port *port_new(struct service_state *st, struct service_ports *ps,
				 const struct plan_port *plan)
{
	struct svc_port *p = calloc(1, sizeof(*p)), **port;

	port = p ? realloc(ps->port, (ps->n + 1) * sizeof(*port)) : NULL;
	if (!port) {
		free(p);
		return NULL;
	}
	p->state = st;
	p->plan = *plan;
	p->pos = ps->n;
	ps->port = port;
	ps->port[ps->n++] = p;
	return p;
}

/* Moves the plan's ports to @ps. */
static int take_plan(struct service_state *st, struct service_plan *plan)
{
	struct service_ports *ps = &st->next;
	unsigned int i;

	*ps = (struct service_ports){ .created = object_service_created(st->svc->obj),
				      .affinity_s = plan->affinity_s, .flags = plan->flags,
				      .local_ready = plan->local_ready };
	for (i = 0; i < plan->nports; i++) {
		if (!port_new(st, ps, &plan->port[i]))
			return -ENOMEM;
		plan->port[i] = (struct plan_port){};
	}
	return 0;
}

/* The id that one of its frontends leads to, and nobody has taken over yet. */
static __u32 id_left(const struct balancer *b, const struct plan_port *plan)
{
	const struct svc_front *f;
	unsigned int i;

	for (i = 0; b->image && i < plan->nfronts; i++) {
		f = bal_front_find(b, &plan->front[i].key);
		if (f && f->written.svc && f->written.svc < SL_SVC_MAX &&
		    b->owner[f->written.svc] == SVC_LEFT)
			return f->written.svc;
	}
	return 0;
}

static int pair(struct balancer *b, struct service_state *st, struct svc_port *p)
{
	const struct plan_port key = { .port = p->plan.port, .proto = p->plan.proto,
				       .family = p->plan.family };
	struct svc_port *old;
	unsigned int i;
	__u32 id;
	int err;

	for (i = 0; i < st->now.n; i++) {
		old = st->now.port[i];
		if (old->plan.port == key.port && old->plan.proto == key.proto &&
		    old->plan.family == key.family && !old->becomes) {
			p->was = old;
			old->becomes = p;
			return 0;
		}
	}
	id = id_left(b, &p->plan);
	if (!id)
		return 0;
	old = port_new(st, &st->now, &key);
	if (!old)
		return -ENOMEM;
	old->id = id;
	/* the tables don't say; it may have to stay as it is */
	if (st->now.n == 1) {
		st->now.created = st->next.created;
		st->now.local_ready = st->next.local_ready;
	}
	p->was = old;
	old->becomes = p;
	err = bal_adopt(b, old);
	/* half of it is taken over: from the beginning, the next time */
	b->valid &= !err;
	return err;
}

/* ------------------------------------------------------------------- the ids */

static int give_ids(struct balancer *b, struct svc_port *p)
{
	struct plan_backend *pb, *old;
	unsigned int i, pos = 0;

	p->id = p->was ? p->was->id : idpool_get(&b->svcs, 1);
	p->fresh = !p->was;
	if (!p->id) {
		p->state->full = "services";
		return -ENOSPC;
	}
	for (i = 0; i < p->plan.nbackends; i++) {
		pb = &p->plan.backend[i];
		old = bal_match(p->was, &pos, pb);
		pb->id = old ? old->id : idpool_get(&b->backends, 1);
		if (!old)
			pb->lists |= BAL_FRESH;
		if (!pb->id) {
			p->state->full = "backends";
			return -ENOSPC;
		}
	}
	return 0;
}

static int give_sets(struct balancer *b, struct svc_port *p)
{
	unsigned int scope;
	int err = bal_set_room(b, p->plan.nbackends);

	for (scope = 0; !err && scope < __SL_SVC_SCOPE_MAX; scope++)
		err = bal_set_place(b, p, scope);
	if (err == -ENOSPC)
		p->state->full = "sets";
	return err;
}

static void take_back(struct balancer *b, struct svc_port *p)
{
	unsigned int i;

	for (i = 0; i < __SL_SVC_SCOPE_MAX; i++)
		if (p->word[i] && (!p->was || p->was->word[i] != p->word[i]))
			idpool_unget(&b->pages, word_page(p->word[i]), word_pages(p->word[i]));
	for (i = 0; i < p->plan.nbackends; i++)
		if (p->plan.backend[i].lists & BAL_FRESH && p->plan.backend[i].id)
			idpool_unget(&b->backends, p->plan.backend[i].id, 1);
	if (p->fresh && p->id)
		idpool_unget(&b->svcs, p->id, 1);
	if (p->was)
		p->was->becomes = NULL;
}

/* ------------------------------------------------------- loadBalancerSourceRanges */

static bool has_range(const struct svc_port *p, const struct sl_prefix *r)
{
	unsigned int i;

	for (i = 0; p && i < p->plan.nranges; i++)
		if (!memcmp(&p->plan.range[i], r, sizeof(*r)))
			return true;
	return false;
}

static struct sl_svc_src_key src_key(const struct svc_port *p, unsigned int i)
{
	return (struct sl_svc_src_key){ .prefixlen = 32 + p->plan.range[i].prefixlen,
					.svc = p->id, .addr = p->plan.range[i].addr };
}

/* Those of @p, up to the @n-th, that @unless doesn't have. True: there were some. */
static bool src_del(struct balancer *b, const struct svc_port *p, unsigned int n,
		    const struct svc_port *unless)
{
	struct sl_svc_src_key key;
	unsigned int i;
	bool any = false;

	for (i = 0; i < n; i++) {
		if (has_range(unless, &p->plan.range[i]))
			continue;
		key = src_key(p, i);
		bal_del(b, SL_MAP_SVC_SRC, &key);
		any = true;
	}
	return any;
}

void bal_src_del(struct balancer *b, const struct svc_port *p, const struct svc_port *unless)
{
	b->src_freed |= src_del(b, p, p->plan.nranges, unless);
}

/*
 * Before everything else: nothing asks for them before the frontend says so, and that
 * the table is full shows only when it is written.
 */
static int src_add(struct balancer *b, struct svc_port *p)
{
	const __u32 yes = 1;
	struct sl_svc_src_key key;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < p->plan.nranges; i++) {
		key = src_key(p, i);
		if (!has_range(p->was, &p->plan.range[i]))
			err = bal_put_now(b, SL_MAP_SVC_SRC, &key, &yes);
	}
	if (err != -ENOSPC)
		return err;
	src_del(b, p, i - 1, p->was);
	p->state->full = "source ranges";
	return err;
}

static int src_add_all(struct balancer *b, struct service_ports *ps)
{
	unsigned int i, writes = b->writes;
	int err = 0;

	for (i = 0; !err && i < ps->n; i++)
		err = src_add(b, ps->port[i]);
	if (err != -ENOSPC)
		return err;
	while (--i)
		src_del(b, ps->port[i - 1], ps->port[i - 1]->plan.nranges, ps->port[i - 1]->was);
	bal_flush(b);
	b->writes = writes;
	return err;
}

/* --------------------------------------------------------------------- whole */

static int fill(struct balancer *b, struct service_state *st)
{
	struct service_ports *ps = &st->next;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ps->n; i++)
		err = pair(b, st, ps->port[i]);
	for (i = 0; !err && i < ps->n; i++) {
		err = give_ids(b, ps->port[i]);
		if (!err)
			err = give_sets(b, ps->port[i]);
		if (!err)
			err = bal_claims_new(b, ps->port[i]);
	}
	return err ? err : src_add_all(b, ps);
}

int bal_prepare(struct balancer *b, struct service_state *st)
{
	const struct plan_where where = { b->node, b->zone, b->tunnel };
	struct service_plan plan;
	unsigned int i;
	int err;

	b->nfull -= !!st->full;
	st->full = NULL;
	err = service_plan(st->svc, &where, &plan);
	if (err)
		return err;
	err = take_plan(st, &plan);
	service_plan_free(&plan);
	if (!err)
		err = fill(b, st);
	if (err) {
		for (i = 0; i < st->next.n; i++)
			take_back(b, st->next.port[i]);
		bal_ports_free(b, &st->next);
	}
	b->nfull += !!st->full;
	if (!err)
		for (i = 0; i < st->next.n; i++)
			b->owner[st->next.port[i]->id] = SVC_CLAIMED;
	return err;
}
