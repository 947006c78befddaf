// SPDX-License-Identifier: GPL-2.0
/* Reading the tables back, and who takes over what is there; see balancer_impl.h. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include "daemon/balancer_impl.h"

void bal_image_free(struct balancer *b)
{
	if (b->image) {
		free(b->image->front);
		free(b->image->backend);
		free(b->image->src);
		free(b->image);
	}
	b->image = NULL;
}

/* ----------------------------------------------------------------- reading */

/*
 * An id that is free but was in use once: somebody may have freed it just now, unless
 * we know that it was free before.
 */
static void wait_for(struct idpool *p, const struct idpool *before, __u32 id)
{
	if (before->used && !idpool_is_used(before, id))
		return;
	idpool_take(p, id, 1);
	idpool_put(p, id, 1, balancer_clock());
}

static void leave(struct balancer *b, __u32 svc)
{
	if (svc && svc < SL_SVC_MAX && b->owner[svc] == SVC_NOBODY)
		b->owner[svc] = SVC_LEFT;
}

static int load_addr(void *arg, const void *key, const void *val)
{
	const struct sl_addr_val *v = val;
	struct svc_addr *a;
	union sl_addr addr;

	if (v->kind != SL_ADDR_SVC)
		return 0;
	memcpy(&addr, key, sizeof(addr));
	a = bal_addr_get(arg, &addr);
	if (!a)
		return -ENOMEM;
	a->is_written = true;
	a->written = v->id;
	return 0;
}

/* Room for one more of @size bytes. */
static int grow(void **v, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 1024;
	void *mem;

	if (n < *room)
		return 0;
	mem = realloc(*v, more * size);
	if (!mem)
		return -ENOMEM;
	*v = mem;
	*room = more;
	return 0;
}

static int load_front(void *arg, const void *key, const void *val)
{
	struct balancer *b = arg;
	struct image *im = b->image;
	struct image_front *fi;
	struct svc_front *f;

	if (grow((void **)&im->front, im->nfronts, &im->front_room, sizeof(*im->front)))
		return -ENOMEM;
	fi = &im->front[im->nfronts++];
	memcpy(&fi->key, key, sizeof(fi->key));
	memcpy(&fi->v, val, sizeof(fi->v));
	f = bal_front_get(b, &fi->key);
	if (!f)
		return -ENOMEM;
	f->written = fi->v;
	leave(b, fi->v.svc);
	return 0;
}

static int load_src(void *arg, const void *key, const void *val)
{
	struct balancer *b = arg;
	struct image *im = b->image;

	(void)val;
	if (grow((void **)&im->src, im->nsrc, &im->src_room, sizeof(*im->src)))
		return -ENOMEM;
	memcpy(&im->src[im->nsrc], key, sizeof(*im->src));
	leave(b, im->src[im->nsrc++].svc);
	return 0;
}

static int load_backend(void *arg, const void *key, const void *val)
{
	static const struct sl_backend none;
	const struct sl_backend *v = val;
	struct balancer *b = arg;
	struct image *im = b->image;
	__u32 id;

	memcpy(&id, key, sizeof(id));
	if (!id || !memcmp(v, &none, sizeof(none)))
		return 0;
	if (!v->flags) {
		wait_for(&b->backends, &b->backends_before, id);
		return 0;
	}
	idpool_take(&b->backends, id, 1);
	if (grow((void **)&im->backend, im->nbackends, &im->backend_room, sizeof(*im->backend)))
		return -ENOMEM;
	im->backend[im->nbackends++] = (struct image_backend){ id, *v };
	leave(b, v->svc);
	return 0;
}

static int load_page(void *arg, const void *key, const void *val)
{
	static const struct sl_set_page none;
	struct balancer *b = arg;
	__u32 id;

	memcpy(&id, key, sizeof(id));
	if (!idpool_is_used(&b->pages, id) && memcmp(val, &none, sizeof(none)))
		wait_for(&b->pages, &b->pages_before, id);
	return 0;
}

static bool word_fits(__u64 word)
{
	return word_page(word) && (__u64)word_page(word) + word_pages(word) <= SL_SET_MAX;
}

static void load_svcs(struct balancer *b)
{
	const struct sl_svc *s;
	unsigned int scope;
	__u32 id;

	for (id = 1; id < SL_SVC_MAX; id++) {
		s = &b->t->svcs[id];
		if (s->set[SL_SVC_CLUSTER] || s->set[SL_SVC_LOCAL] || s->affinity_s || s->flags)
			leave(b, id);
		for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++)
			if (word_fits(s->set[scope]))
				idpool_take(&b->pages, word_page(s->set[scope]),
					    word_pages(s->set[scope]));
	}
}

/* After all that can say that an id is in use. */
static void load_ids(struct balancer *b, bool raise)
{
	__u32 id;

	for (id = 1; id < SL_SVC_MAX; id++) {
		if (b->owner[id] == SVC_NOBODY && !b->t->svcs[id].gen)
			continue;
		if (b->owner[id] == SVC_NOBODY)
			wait_for(&b->svcs, &b->svcs_before, id);
		else
			idpool_take(&b->svcs, id, 1);
		if (raise)
			bal_bump(b, id);
	}
}

static int front_cmp(const void *a, const void *b)
{
	const struct image_front *x = a, *y = b;

	return x->v.svc < y->v.svc ? -1 : x->v.svc > y->v.svc;
}

static int backend_cmp(const void *a, const void *b)
{
	const struct image_backend *x = a, *y = b;

	if (x->v.svc != y->v.svc)
		return x->v.svc < y->v.svc ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int src_cmp(const void *a, const void *b)
{
	const struct sl_svc_src_key *x = a, *y = b;

	return x->svc < y->svc ? -1 : x->svc > y->svc;
}

static int load_tables(struct balancer *b, bool raise)
{
	static const struct {
		enum sl_map map;
		int (*cb)(void *arg, const void *key, const void *val);
	} of[] = {
		{ SL_MAP_FRONT, load_front }, { SL_MAP_ADDR, load_addr },
		{ SL_MAP_SVC_SRC, load_src }, { SL_MAP_BACKEND, load_backend },
		{ SL_MAP_SET, load_page },	/* after the words, which load_svcs() reads */
	};
	unsigned int i;
	int err = 0;

	load_svcs(b);
	for (i = 0; !err && i < sizeof(of) / sizeof(of[0]); i++)
		err = b->t->each(b->t->ctx, of[i].map, of[i].cb, b);
	if (err)
		return err;
	load_ids(b, raise);
	if (b->image->nfronts)
		qsort(b->image->front, b->image->nfronts, sizeof(*b->image->front), front_cmp);
	if (b->image->nbackends)
		qsort(b->image->backend, b->image->nbackends, sizeof(*b->image->backend),
		      backend_cmp);
	if (b->image->nsrc)
		qsort(b->image->src, b->image->nsrc, sizeof(*b->image->src), src_cmp);
	return 0;
}

/* What the tables don't say: whose the frontends are that it wants, and which it has not got. */
static void forget_port(struct balancer *b, struct svc_port *p)
{
	struct plan_port keep = { .port = p->plan.port, .proto = p->plan.proto,
				  .family = p->plan.family, .nfronts = p->plan.nfronts,
				  .front = p->plan.front };

	bal_claims_free(b, p);
	p->plan.front = NULL;
	plan_port_free(&p->plan);
	p->plan = keep;
	memset(p->word, 0, sizeof(p->word));
	p->stale = 0;
	b->owner[p->id] = SVC_CLAIMED;
}

/* All but the ids and frontends of the ports that a service has. */
static int forget(struct model_service *s, void *arg)
{
	unsigned int i;

	for (i = 0; s->state && i < s->state->now.n; i++)
		forget_port(arg, s->state->now.port[i]);
	return 0;
}

static int adopt_known(struct model_service *s, void *arg)
{
	unsigned int i;
	int err = 0;

	for (i = 0; s->state && !err && i < s->state->now.n; i++)
		err = bal_adopt(arg, s->state->now.port[i]);
	return err;
}

static int is_full(struct model_service *s, void *arg)
{
	struct balancer *b = arg;

	b->nfull += s->state && s->state->full;
	return 0;
}

static int renew(struct idpool *p, struct idpool *before, __u32 max)
{
	*before = *p;
	return idpool_init(p, max);
}

static int load(struct balancer *b, bool raise)
{
	int err = renew(&b->svcs, &b->svcs_before, SL_SVC_MAX);

	if (!err)
		err = renew(&b->backends, &b->backends_before, SL_BACKEND_MAX);
	if (!err)
		err = renew(&b->pages, &b->pages_before, SL_SET_MAX);
	b->image = calloc(1, sizeof(*b->image));
	if (err || !b->image)
		return -ENOMEM;
	err = load_tables(b, raise);
	return err ? err : b->ops->each(b->m, adopt_known, b);
}

int bal_load(struct balancer *b, bool raise)
{
	int err;

	memset(b->owner, SVC_NOBODY, sizeof(b->owner));
	memset(b->bumped, 0, sizeof(b->bumped));
	b->queue.n = 0;
	b->err = 0;
	b->ops->each(b->m, forget, b);
	bal_fronts_forget(b);
	bal_image_free(b);
	b->nfull = 0;
	b->ops->each(b->m, is_full, b);
	err = load(b, raise);
	b->valid = !err;
	idpool_exit(&b->svcs_before);
	idpool_exit(&b->backends_before);
	idpool_exit(&b->pages_before);
	if (!err)
		return 0;
	/* half of what they know is not known: the next load must not go by them */
	idpool_exit(&b->svcs);
	idpool_exit(&b->backends);
	idpool_exit(&b->pages);
	return err;
}

/* ---------------------------------------------------------------- taking over */

/*
 * The first of @n items of @size bytes that is not of a service before @svc; they are in
 * the order of their services, whose id is @at bytes into each.
 */
static void *first_of(void *items, size_t n, size_t size, size_t at, __u32 svc)
{
	size_t lo = 0, hi = n, mid;
	__u32 id;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		memcpy(&id, (char *)items + mid * size + at, sizeof(id));
		if (id < svc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (char *)items + lo * size;
}

static struct image_front *first_front(const struct image *im, __u32 svc)
{
	return first_of(im->front, im->nfronts, sizeof(*im->front),
			offsetof(struct image_front, v.svc), svc);
}

static struct image_backend *first_backend(const struct image *im, __u32 svc)
{
	return first_of(im->backend, im->nbackends, sizeof(*im->backend),
			offsetof(struct image_backend, v.svc), svc);
}

static struct sl_svc_src_key *first_src(const struct image *im, __u32 svc)
{
	return first_of(im->src, im->nsrc, sizeof(*im->src),
			offsetof(struct sl_svc_src_key, svc), svc);
}

static int adopt_backends(struct balancer *b, struct svc_port *p)
{
	struct image_backend *end = b->image->backend + b->image->nbackends, *ib, *first, *last;
	struct plan_port *plan = &p->plan;
	unsigned int i;

	first = first_backend(b->image, p->id);
	for (last = first; last < end && last->v.svc == p->id; last++)
		;
	plan->backend = calloc(last - first + 1, sizeof(*plan->backend));
	if (!plan->backend)
		return -ENOMEM;
	for (ib = first; ib < last; ib++)
		if (ib->id && ib->v.proto == plan->proto)
			plan->backend[plan->nbackends++] = (struct plan_backend){
				.addr = ib->v.addr, .port = ib->v.port, .flags = ib->v.flags,
				.id = ib->id,
			};
	if (!plan->nbackends)
		return 0;
	qsort(plan->backend, plan->nbackends, sizeof(*plan->backend), plan_backend_cmp);
	for (i = 1; i < plan->nbackends; i++)
		if (!plan_backend_cmp(&plan->backend[i - 1], &plan->backend[i]))
			break;
	if (i < plan->nbackends) {
		/* no writer leaves that: all of them are given up for new ones */
		plan->nbackends = 0;
		return 0;
	}
	for (ib = first; ib < last; ib++)
		if (ib->v.proto == plan->proto)
			ib->id = 0;
	return 0;
}

/* Which backends the list names; they are in the order of their addresses, or it is stale. */
static int adopt_list(struct balancer *b, struct svc_port *p, enum sl_svc_scope scope)
{
	unsigned int i, at = 0, n = word_count(p->word[scope]);
	struct plan_backend *pb = p->plan.backend;
	struct sl_set_page v = {};
	__u32 page = word_page(p->word[scope]);
	int err;

	for (i = 0; i < n; i++) {
		if (!(i % SL_SET_PAGE)) {
			err = b->t->lookup(b->t->ctx, SL_MAP_SET, &page, &v);
			if (err)
				return err;
			page++;
		}
		while (at < p->plan.nbackends && pb[at].id != v.backend[i % SL_SET_PAGE])
			at++;
		if (at == p->plan.nbackends)
			return 0;
		pb[at++].lists |= 1U << scope;
	}
	if (word_maglev(p->word[scope]) && !maglev_size_valid(word_maglev(p->word[scope])))
		return 0;
	return bal_set_check(b, p, scope);
}

static int adopt_src(struct balancer *b, struct svc_port *p)
{
	struct sl_svc_src_key *end = b->image->src + b->image->nsrc, *first, *src;
	struct plan_port *plan = &p->plan;

	first = first_src(b->image, p->id);
	for (src = first; src < end && src->svc == p->id; src++)
		;
	if (src == first)
		return 0;
	plan->range = calloc(src - first, sizeof(*plan->range));
	if (!plan->range)
		return -ENOMEM;
	for (src = first; src < end && src->svc == p->id; src++)
		if (src->prefixlen >= 32)
			plan->range[plan->nranges++] = (struct sl_prefix){ src->prefixlen - 32,
									   src->addr };
	return 0;
}

static struct plan_front plan_of(const struct balancer *b, const struct image_front *fi)
{
	const struct svc_addr *a = bal_addr_find(b, &fi->key.addr);
	bool closed = a && a->is_written && a->written == SL_SVC_ADDR_CLOSED;

	return (struct plan_front){
		.key = fi->key, .inside = fi->v.inside, .outside = fi->v.outside,
		.flags = fi->v.flags, .addr_id = closed ? SL_SVC_ADDR_CLOSED : SL_SVC_ADDR_OPEN,
	};
}

/* What still leads there; who knows the port knows better what it is to be reached by. */
static int adopt_fronts(struct balancer *b, struct svc_port *p)
{
	struct image_front *end = b->image->front + b->image->nfronts, *first, *last;
	struct plan_port *plan = &p->plan;
	const struct svc_front *f;

	if (plan->nfronts)
		return 0;
	first = first_front(b->image, p->id);
	for (last = first; last < end && last->v.svc == p->id; last++)
		;
	plan->front = calloc(last - first + 1, sizeof(*plan->front));
	if (!plan->front)
		return -ENOMEM;
	for (; first < last; first++) {
		f = bal_front_find(b, &first->key);
		if (f && f->written.svc == p->id)
			plan->front[plan->nfronts++] = plan_of(b, first);
	}
	return 0;
}

/* Before any change of it is looked at: there may be no room for one. */
static int stake(struct balancer *b, struct svc_port *p)
{
	int err = adopt_fronts(b, p);

	if (!err)
		err = bal_claims_new(b, p);
	if (!err)
		bal_claims_link(b, p);
	return err;
}

int bal_adopt(struct balancer *b, struct svc_port *p)
{
	unsigned int scope;
	int err, same;

	b->owner[p->id] = SVC_CLAIMED;
	idpool_take(&b->svcs, p->id, 1);
	p->fresh = false;
	err = adopt_backends(b, p);
	if (!err)
		err = adopt_src(b, p);
	if (!err)
		err = bal_set_room(b, p->plan.nbackends);
	for (scope = 0; !err && scope < __SL_SVC_SCOPE_MAX; scope++) {
		p->word[scope] = b->t->svcs[p->id].set[scope];
		if (!p->word[scope])
			continue;
		if (!word_fits(p->word[scope])) {
			p->word[scope] = 0;
			continue;
		}
		same = adopt_list(b, p, scope);
		if (same < 0)
			err = same;
		else if (!same)
			p->stale |= 1U << scope;
	}
	return err ? err : stake(b, p);
}

/* ----------------------------------------------------------------- sweeping */

static void sweep_svc(struct balancer *b, __u32 id)
{
	unsigned int scope;
	__u64 word;

	for (scope = 0; scope < __SL_SVC_SCOPE_MAX; scope++) {
		word = b->t->svcs[id].set[scope];
		bal_set_word(b, id, scope, 0);
		if (word_fits(word))
			idpool_put(&b->pages, word_page(word), word_pages(word), balancer_clock());
	}
	bal_set_conf(b, id, 0, 0);
	bal_bump(b, id);
	b->owner[id] = SVC_NOBODY;
	idpool_put(&b->svcs, id, 1, balancer_clock());
}

static void sweep_backends(struct balancer *b)
{
	struct image_backend *ib, *end = b->image->backend + b->image->nbackends;

	for (ib = b->image->backend; ib < end; ib++) {
		if (!ib->id)
			continue;
		ib->v.flags = 0;
		bal_put(b, SL_MAP_BACKEND, &ib->id, &ib->v);
		if (ib->v.svc && ib->v.svc < SL_SVC_MAX)
			bal_bump(b, ib->v.svc);
	}
	bal_flush(b);
	for (ib = b->image->backend; ib < end; ib++)
		if (ib->id)
			idpool_put(&b->backends, ib->id, 1, balancer_clock());
}

static void sweep_src(struct balancer *b)
{
	const struct sl_svc_src_key *src, *end = b->image->src + b->image->nsrc;

	for (src = b->image->src; src < end; src++) {
		if (src->svc < SL_SVC_MAX && b->owner[src->svc] != SVC_LEFT)
			continue;
		bal_del(b, SL_MAP_SVC_SRC, src);
		b->src_freed = true;
	}
	bal_flush(b);
}

/* What nobody has asked for, although all are known. */
void bal_sweep(struct balancer *b)
{
	__u32 id;

	bal_fronts_sweep(b);
	sweep_src(b);
	for (id = 1; id < SL_SVC_MAX; id++)
		if (b->owner[id] == SVC_LEFT)
			sweep_svc(b, id);
	sweep_backends(b);
	bal_bump_all(b);
	if (!b->err)
		bal_image_free(b);
}
