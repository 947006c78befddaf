// SPDX-License-Identifier: GPL-2.0
/*
 * Frontends, which services may contend for, and addresses, which they share;
 * see balancer_impl.h.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/addr.h"
#include "daemon/balancer_impl.h"

/* -------------------------------------------------------------- the tables */

struct svc_front *bal_front_find(const struct balancer *b, const struct sl_front_key *key)
{
	struct svc_front *f;
	struct hnode *n;

	htab_each_hash(&b->fronts, n, hash_bytes(0, key, sizeof(*key))) {
		f = container_of(n, struct svc_front, node);
		if (!memcmp(&f->key, key, sizeof(*key)))
			return f;
	}
	return NULL;
}

/* There afterwards, but without another reference. */
struct svc_front *bal_front_get(struct balancer *b, const struct sl_front_key *key)
{
	struct svc_front *f = bal_front_find(b, key);

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->key = *key;
	if (htab_add(&b->fronts, &f->node, hash_bytes(0, key, sizeof(*key)))) {
		free(f);
		return NULL;
	}
	return f;
}

static void front_reap(struct balancer *b, struct svc_front *f)
{
	if (f->refs || f->written.svc || f->touched)
		return;
	htab_del(&b->fronts, &f->node);
	free(f);
}

struct svc_addr *bal_addr_find(const struct balancer *b, const union sl_addr *addr)
{
	struct svc_addr *a;
	struct hnode *n;

	htab_each_hash(&b->addrs, n, hash_bytes(0, addr, sizeof(*addr))) {
		a = container_of(n, struct svc_addr, node);
		if (addr_equal(&a->addr, addr))
			return a;
	}
	return NULL;
}

struct svc_addr *bal_addr_get(struct balancer *b, const union sl_addr *addr)
{
	struct svc_addr *a = bal_addr_find(b, addr);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->addr = *addr;
	if (htab_add(&b->addrs, &a->node, hash_bytes(0, addr, sizeof(*addr)))) {
		free(a);
		return NULL;
	}
	return a;
}

static void addr_reap(struct balancer *b, struct svc_addr *a)
{
	if (a->refs || a->is_written || a->touched)
		return;
	htab_del(&b->addrs, &a->node);
	free(a);
}

void bal_fronts_forget(struct balancer *b)
{
	struct hnode *n, *next;

	for (n = htab_walk(&b->fronts, NULL); n; n = next) {
		next = htab_walk(&b->fronts, n);
		free(container_of(n, struct svc_front, node));
	}
	for (n = htab_walk(&b->addrs, NULL); n; n = next) {
		next = htab_walk(&b->addrs, n);
		free(container_of(n, struct svc_addr, node));
	}
	htab_exit(&b->fronts);
	htab_exit(&b->addrs);
	b->touched_fronts = NULL;
	b->touched_addrs = NULL;
}

static void front_touch(struct balancer *b, struct svc_front *f)
{
	if (f->touched)
		return;
	f->touched = true;
	f->next = b->touched_fronts;
	b->touched_fronts = f;
}

static void addr_touch(struct balancer *b, struct svc_addr *a)
{
	if (!a || a->touched)
		return;
	a->touched = true;
	a->next = b->touched_addrs;
	b->touched_addrs = a;
}

/* ------------------------------------------------------------------ claims */

static bool is_wildcard(const struct sl_front_key *key)
{
	return addr_is_zero(&key->addr) ||
	       (sluice_addr_is_v4(&key->addr) && !key->addr.w[3]);
}

int bal_claims_new(struct balancer *b, struct svc_port *p)
{
	struct svc_claim *c;
	unsigned int i;

	p->claim = calloc(p->plan.nfronts ? p->plan.nfronts : 1, sizeof(*p->claim));
	for (i = 0; p->claim && i < p->plan.nfronts; i++) {
		c = &p->claim[i];
		c->port = p;
		c->plan = &p->plan.front[i];
		c->front = bal_front_get(b, &c->plan->key);
		if (!c->front)
			return -ENOMEM;
		c->front->refs++;
		if (is_wildcard(&c->plan->key))
			continue;
		c->addr = bal_addr_get(b, &c->plan->key.addr);
		if (!c->addr)
			return -ENOMEM;
		c->addr->refs++;
	}
	return p->claim ? 0 : -ENOMEM;
}

void bal_claims_free(struct balancer *b, struct svc_port *p)
{
	struct svc_claim *c = p->claim;

	for (; c && c < p->claim + p->plan.nfronts; c++) {
		if (c->front && !--c->front->refs)
			front_reap(b, c->front);
		if (c->addr && !--c->addr->refs)
			addr_reap(b, c->addr);
	}
	free(p->claim);
	p->claim = NULL;
}

void bal_claims_link(struct balancer *b, struct svc_port *p)
{
	struct svc_claim *c = p->claim;

	for (; c && c < p->claim + p->plan.nfronts; c++) {
		c->next = c->front->claims;
		c->front->claims = c;
		front_touch(b, c->front);
		if (c->addr)
			c->addr->n[c->plan->addr_id]++;
		addr_touch(b, c->addr);
	}
}

void bal_claims_unlink(struct balancer *b, struct svc_port *p)
{
	struct svc_claim *c = p->claim, **at;

	for (; c && c < p->claim + p->plan.nfronts; c++) {
		for (at = &c->front->claims; *at != c; at = &(*at)->next)
			;
		*at = c->next;
		front_touch(b, c->front);
		if (c->addr)
			c->addr->n[c->plan->addr_id]--;
		addr_touch(b, c->addr);
	}
}

static struct service_rank rank(const struct service_state *st)
{
	return (struct service_rank){ st->now.created, st->svc->ns, st->svc->name };
}

/* Of one service what comes first. */
static bool goes_before(const struct svc_claim *x, const struct svc_claim *y)
{
	const struct service_rank a = rank(x->port->state), c = rank(y->port->state);

	if (x->port->state != y->port->state)
		return service_rank_cmp(&a, &c) < 0;
	return x->port->pos != y->port->pos ? x->port->pos < y->port->pos : x->plan < y->plan;
}

const struct svc_claim *bal_front_winner(const struct svc_front *f)
{
	const struct svc_claim *c, *best = f->claims;

	for (c = best; c; c = c->next)
		if (goes_before(c, best))
			best = c;
	return best;
}

bool balancer_claim_holds(const struct svc_claim *c)
{
	return c->front->written.svc == c->port->id && bal_front_winner(c->front) == c;
}

/* ----------------------------------------------------------------- writing */

static struct sl_front_val front_wanted(const struct svc_front *f)
{
	const struct svc_claim *c = bal_front_winner(f);

	if (!c)
		return (struct sl_front_val){};
	return (struct sl_front_val){ .svc = c->port->id, .inside = c->plan->inside,
				      .outside = c->plan->outside, .flags = c->plan->flags };
}

static void set_full(struct balancer *b, bool *full, bool to)
{
	if (*full != to)
		b->nfull += to ? 1 : -1;
	*full = to;
}

static void front_write(struct balancer *b, struct svc_front *f, const struct sl_front_val *v)
{
	set_full(b, &f->full, false);
	if (!memcmp(v, &f->written, sizeof(*v)))
		return;
	/* whoever had it, its flows must find out */
	if (f->written.svc && f->written.svc != v->svc && f->written.svc < SL_SVC_MAX)
		bal_bump(b, f->written.svc);
	if (v->svc)
		bal_put(b, SL_MAP_FRONT, &f->key, v);
	else
		bal_del(b, SL_MAP_FRONT, &f->key);
	f->written = *v;
}

void bal_front_is_full(struct balancer *b, const struct sl_front_key *key)
{
	struct svc_front *f = bal_front_find(b, key);

	f->written = (struct sl_front_val){};
	set_full(b, &f->full, true);
}

/* As what services have it; false: not at all. */
static bool addr_wanted(const struct svc_addr *a, struct sl_addr_val *v)
{
	*v = (struct sl_addr_val){ SL_ADDR_SVC, a->n[SL_SVC_ADDR_CLOSED] ? SL_SVC_ADDR_CLOSED :
									   SL_SVC_ADDR_OPEN };
	return a->n[SL_SVC_ADDR_CLOSED] || a->n[SL_SVC_ADDR_OPEN];
}

/* The node's own and its endpoints' addresses stay theirs: -EEXIST. */
static int addr_replace(struct balancer *b, const struct svc_addr *a,
			const struct sl_addr_val *v)
{
	struct sl_addr_val there;
	int err = b->t->lookup(b->t->ctx, SL_MAP_ADDR, &a->addr, &there);

	if (err == -ENOENT)
		return v ? b->t->add(b->t->ctx, SL_MAP_ADDR, &a->addr, v) : 0;
	if (err || there.kind != SL_ADDR_SVC)
		return err ? err : -EEXIST;
	return v ? b->t->update(b->t->ctx, SL_MAP_ADDR, &a->addr, v, 1) :
		   b->t->del(b->t->ctx, SL_MAP_ADDR, &a->addr, 1);
}

static void addr_write(struct balancer *b, struct svc_addr *a)
{
	struct sl_addr_val v;
	bool wanted = addr_wanted(a, &v);
	int err;

	if (b->err || (wanted ? a->is_written && a->written == v.id : !a->is_written && !a->full))
		return;
	set_full(b, &a->full, false);
	if (wanted && !a->is_written)
		err = b->t->add(b->t->ctx, SL_MAP_ADDR, &a->addr, &v);
	else
		err = -EEXIST;
	if (err == -EEXIST)
		err = addr_replace(b, a, wanted ? &v : NULL);
	a->is_written = wanted && !err;
	a->written = v.id;
	if (!err)
		b->writes++;
	else if (bal_is_full(err))
		set_full(b, &a->full, true);
	else if (err != -EEXIST)
		b->err = err;
}

int balancer_addr_left(struct balancer *b, const union sl_addr *addr)
{
	struct svc_addr *a = bal_addr_find(b, addr);
	struct sl_addr_val v;
	int err;

	if (!a || !addr_wanted(a, &v))
		return 0;
	err = b->t->update(b->t->ctx, SL_MAP_ADDR, addr, &v, 1);
	if (err)
		return err;
	set_full(b, &a->full, false);
	a->is_written = true;
	a->written = v.id;
	return 1;
}

/* Frontends that are added, then those that go: an address has its ports before it is closed. */
static void settle(struct balancer *b)
{
	struct sl_front_val v;
	struct svc_front *f, *next;
	struct svc_addr *a, *anext;

	for (f = b->touched_fronts; f; f = f->next) {
		v = front_wanted(f);
		if (v.svc)
			front_write(b, f, &v);
	}
	bal_flush(b);
	for (f = b->touched_fronts; f; f = f->next) {
		v = front_wanted(f);
		if (!v.svc)
			front_write(b, f, &v);
	}
	bal_flush(b);
	for (a = b->touched_addrs; a; a = a->next)
		addr_write(b, a);
	for (f = b->touched_fronts; f; f = next) {
		next = f->next;
		f->touched = false;
		front_reap(b, f);
	}
	for (a = b->touched_addrs; a; a = anext) {
		anext = a->next;
		a->touched = false;
		addr_reap(b, a);
	}
	b->touched_fronts = NULL;
	b->touched_addrs = NULL;
}

static void touch_full(struct balancer *b)
{
	struct hnode *n;

	htab_each(&b->fronts, n)
		if (container_of(n, struct svc_front, node)->full)
			front_touch(b, container_of(n, struct svc_front, node));
	htab_each(&b->addrs, n)
		if (container_of(n, struct svc_addr, node)->full)
			addr_touch(b, container_of(n, struct svc_addr, node));
}

void bal_fronts_settle(struct balancer *b)
{
	settle(b);
	if (!b->nfull || b->err)
		return;
	/* what went has made room, perhaps */
	touch_full(b);
	settle(b);
}

void bal_fronts_sweep(struct balancer *b)
{
	struct svc_front *f;
	struct svc_addr *a;
	struct hnode *n;

	htab_each(&b->fronts, n) {
		f = container_of(n, struct svc_front, node);
		if (!f->claims && f->written.svc)
			front_touch(b, f);
	}
	htab_each(&b->addrs, n) {
		a = container_of(n, struct svc_addr, node);
		if (!a->n[SL_SVC_ADDR_CLOSED] && !a->n[SL_SVC_ADDR_OPEN])
			addr_touch(b, a);
	}
	bal_fronts_settle(b);
}
