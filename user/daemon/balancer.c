// SPDX-License-Identifier: GPL-2.0
/* The balancer's course; see balancer.h. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>
#include "daemon/balancer_impl.h"

static __u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

__u64 (*balancer_clock)(void) = monotonic_ns;

int balancer_new(const struct balancer_services *ops, struct model *m, const struct tables *t,
		 struct balancer **out)
{
	struct balancer *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->ops = ops;
	b->m = m;
	b->t = t;
	*out = b;
	return 0;
}

static int drop_state(struct model_service *s, void *arg)
{
	struct balancer *b = arg;

	if (!s->state)
		return 0;
	b->nfull -= !!s->state->full;
	bal_ports_free(b, &s->state->now);
	free(s->state);
	s->state = NULL;
	return 0;
}

void balancer_free(struct balancer *b)
{
	if (!b)
		return;
	b->ops->each(b->m, drop_state, b);
	bal_fronts_forget(b);
	bal_image_free(b);
	idpool_exit(&b->svcs);
	idpool_exit(&b->backends);
	idpool_exit(&b->pages);
	str_put(b->node);
	str_put(b->zone);
	free(b->mb);
	free(b);
}

static int set_str(struct str **s, const char *to, bool *changed)
{
	struct str *new = to ? str_get(to, strlen(to)) : NULL;

	if (to && !new)
		return -ENOMEM;
	*changed |= new != *s;
	str_put(*s);
	*s = new;
	return 0;
}

int balancer_set_node(struct balancer *b, const char *name, const char *zone)
{
	bool changed = false;
	int err = set_str(&b->node, name, &changed);

	if (!err)
		err = set_str(&b->zone, zone, &changed);
	if (changed)
		b->ops->mark_all(b->m);
	return err;
}

void balancer_set_tunnel(struct balancer *b, bool tunnel)
{
	if (tunnel != b->tunnel)
		b->ops->mark_all(b->m);
	b->tunnel = tunnel;
}

bool balancer_has_tunnel(const struct balancer *b)
{
	return b->tunnel;
}

/* -------------------------------------------------------------- the writes */

static void put_backend(struct balancer *b, const struct svc_port *p,
			const struct plan_backend *pb, __u8 flags)
{
	const struct sl_backend v = { .addr = pb->addr, .port = pb->port, .proto = p->plan.proto,
				      .flags = flags, .svc = p->id };

	bal_put(b, SL_MAP_BACKEND, &pb->id, &v);
}

/* New ones, and flags that are added; none is taken away yet. */
static void raise_backends(struct balancer *b, const struct svc_port *p)
{
	const struct plan_backend *pb, *old;
	unsigned int i, pos = 0;

	for (i = 0; i < p->plan.nbackends; i++) {
		pb = &p->plan.backend[i];
		old = bal_match(p->was, &pos, pb);
		if (pb->lists & BAL_FRESH && b->t->chosen)
			__atomic_store_n(&b->t->chosen[pb->id], 0, __ATOMIC_RELAXED);
		if (!old || (old->flags | pb->flags) != old->flags)
			put_backend(b, p, pb, pb->flags | (old ? old->flags : 0));
	}
}

/* What @old has and @p, which may be NULL, has not. */
static void lower_backends(struct balancer *b, const struct svc_port *old,
			   const struct svc_port *p)
{
	const struct plan_backend *pb, *new;
	unsigned int i, pos = 0;

	for (i = 0; i < old->plan.nbackends; i++) {
		pb = &old->plan.backend[i];
		new = bal_match(p, &pos, pb);
		if (new && (new->flags | pb->flags) == new->flags)
			continue;
		put_backend(b, old, pb, new ? new->flags : 0);
		if (new)
			continue;
		bal_bump(b, old->id);
		b->datagrams_gone += old->plan.proto == IPPROTO_UDP;
	}
}

static void write_sets(struct balancer *b, const struct svc_port *p)
{
	unsigned int scope;

	for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++)
		if (p->word[scope] && (!p->was || p->was->word[scope] != p->word[scope]))
			bal_set_write(b, p, scope);
}

static void switch_sets(struct balancer *b, const struct svc_port *p)
{
	const struct service_ports *ps = &p->state->next;
	unsigned int scope;

	bal_set_conf(b, p->id, ps->affinity_s, ps->flags);
	for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++)
		bal_set_word(b, p->id, scope, p->word[scope]);
	if (p->fresh)
		bal_bump(b, p->id);
}

static void retire(struct balancer *b, const struct svc_port *old)
{
	unsigned int scope;

	for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++)
		bal_set_word(b, old->id, scope, 0);
	bal_set_conf(b, old->id, 0, 0);
	lower_backends(b, old, NULL);
	bal_bump(b, old->id);
}

static void move_claims(struct balancer *b)
{
	struct service_state *st;
	unsigned int i;

	for (st = b->pending; st; st = st->pending) {
		st->now.created = st->next.created;
		for (i = 0; i < st->now.n; i++)
			bal_claims_unlink(b, st->now.port[i]);
		for (i = 0; i < st->next.n; i++)
			bal_claims_link(b, st->next.port[i]);
	}
}

/* Calls @fn for each port that is to be, of all services that change. */
static void each_next(struct balancer *b, void (*fn)(struct balancer *b, const struct svc_port *p))
{
	struct service_state *st;
	unsigned int i;

	for (st = b->pending; st; st = st->pending)
		for (i = 0; i < st->next.n; i++)
			fn(b, st->next.port[i]);
	bal_flush(b);
}

static void each_now(struct balancer *b, void (*fn)(struct balancer *b, const struct svc_port *p))
{
	struct service_state *st;
	unsigned int i;

	for (st = b->pending; st; st = st->pending)
		for (i = 0; i < st->now.n; i++)
			fn(b, st->now.port[i]);
	bal_flush(b);
}

static void lower_kept(struct balancer *b, const struct svc_port *old)
{
	if (old->becomes)
		lower_backends(b, old, old->becomes);
}

static void del_src(struct balancer *b, const struct svc_port *old)
{
	bal_src_del(b, old, old->becomes);
}

static void retire_gone(struct balancer *b, const struct svc_port *old)
{
	if (!old->becomes)
		retire(b, old);
}

/* ---------------------------------------------------------- giving things back */

static void give_back(struct balancer *b, const struct svc_port *old)
{
	const struct svc_port *new = old->becomes;
	__u64 now = balancer_clock();
	unsigned int i, pos = 0;

	/* stale words may name other people's pages: the next load finds out */
	for (i = 0; i < __SL_SVC_SCOPE_MAX; i++)
		if (old->word[i] && !(old->stale >> i & 1) &&
		    (!new || new->word[i] != old->word[i]))
			idpool_put(&b->pages, word_page(old->word[i]), word_pages(old->word[i]),
				   now);
	for (i = 0; i < old->plan.nbackends; i++)
		if (!bal_match(new, &pos, &old->plan.backend[i]))
			idpool_put(&b->backends, old->plan.backend[i].id, 1, now);
	if (new)
		return;
	b->owner[old->id] = SVC_NOBODY;
	idpool_put(&b->svcs, old->id, 1, now);
}

static void settle_port(struct svc_port *p)
{
	unsigned int i;

	p->was = NULL;
	p->fresh = false;
	for (i = 0; i < p->plan.nbackends; i++)
		p->plan.backend[i].lists &= ~BAL_FRESH;
}

/* What was to be is, in memory, whether or not it could be written. */
static void finish(struct balancer *b, struct service_state *st)
{
	struct model_service *s = st->svc;
	unsigned int i;

	for (i = 0; i < st->now.n; i++)
		give_back(b, st->now.port[i]);
	bal_ports_free(b, &st->now);
	st->now = st->next;
	st->next = (struct service_ports){};
	st->pending = NULL;
	for (i = 0; i < st->now.n; i++)
		settle_port(st->now.port[i]);
	if (st->now.n)
		return;
	s->state = NULL;
	free(st);
	b->ops->reap(b->m, s);
}

static void apply(struct balancer *b)
{
	struct service_state *st, *next;

	each_next(b, raise_backends);
	each_next(b, write_sets);
	each_next(b, switch_sets);
	each_now(b, lower_kept);
	move_claims(b);
	bal_fronts_settle(b);
	each_now(b, del_src);
	each_now(b, retire_gone);
	bal_bump_all(b);
	for (st = b->pending; st; st = next) {
		next = st->pending;
		finish(b, st);
	}
	b->pending = NULL;
}

/* ----------------------------------------------------------------- the course */

static int prepare_one(struct balancer *b, struct model_service *s)
{
	struct service_state *st = s->state;
	int err;

	if (!st) {
		st = calloc(1, sizeof(*st));
		if (!st)
			return -ENOMEM;
		st->svc = s;
		s->state = st;
	}
	err = bal_prepare(b, st);
	if (!err && (st->now.n || st->next.n)) {
		st->pending = b->pending;
		b->pending = st;
		return 0;
	}
	if (st->now.n || st->full)
		return err;
	s->state = NULL;
	free(st);
	if (!err)
		b->ops->reap(b->m, s);
	return err;
}

static int prepare_all(struct balancer *b)
{
	struct model_service *s;
	int err = 0;

	while (!err && (s = b->ops->next_dirty(b->m))) {
		err = prepare_one(b, s);
		if (err == -ENOSPC)
			err = 0;
		else if (err)
			b->ops->mark(b->m, s);
	}
	return err;
}

static int mark_full(struct model_service *s, void *arg)
{
	struct balancer *b = arg;

	if (s->state && s->state->full)
		b->ops->mark(b->m, s);
	return 0;
}

/* What was freed may be what somebody waits for. Ranges are free at once, ids in a while. */
static void settle_room(struct balancer *b)
{
	__u64 now = balancer_clock();
	bool room = idpool_settle(&b->svcs, now);

	room |= idpool_settle(&b->backends, now);
	room |= idpool_settle(&b->pages, now);
	room |= b->src_freed;
	b->src_freed = false;
	if (room && b->nfull)
		b->ops->each(b->m, mark_full, b);
}

static int commit(struct balancer *b, bool settled)
{
	int err;

	settle_room(b);
	err = prepare_all(b);
	apply(b);
	if (settled && b->image && !err && !b->err)
		bal_sweep(b);
	if (!b->err)
		return err;
	b->valid = false;
	return b->err;
}

int balancer_commit(struct balancer *b, bool settled)
{
	int err = 0;

	if (!b->valid) {
		/* what is found may be other than what was there before */
		b->datagrams_gone++;
		err = bal_load(b, true);
		b->ops->mark_all(b->m);
	}
	return err ? err : commit(b, settled);
}

int balancer_repair(struct balancer *b, bool settled)
{
	int err = bal_load(b, !b->valid);

	b->ops->mark_all(b->m);
	b->writes = 0;
	if (!err)
		err = commit(b, settled);
	return err ? err : (int)b->writes;
}

unsigned int balancer_frontends(const struct balancer *b)
{
	return b->fronts.count;
}

unsigned int balancer_datagrams_gone(const struct balancer *b)
{
	return b->datagrams_gone;
}

int balancer_wait_ms(const struct balancer *b)
{
	const struct idpool *pools[] = { &b->svcs, &b->backends, &b->pages };
	__u64 first = UINT64_MAX, at, now = balancer_clock();
	unsigned int i;

	if (b->nfull && b->src_freed)
		return 0;
	for (i = 0; b->nfull && i < sizeof(pools) / sizeof(pools[0]); i++) {
		at = idpool_next_ns(pools[i]);
		if (at && at < first)
			first = at;
	}
	if (first == UINT64_MAX)
		return -1;
	return first > now ? (first - now + 999999) / 1000000 : 0;
}
