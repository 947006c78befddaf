// SPDX-License-Identifier: GPL-2.0
/*
 * The balancer on tables that look at every write: what is there in the end is what
 * the services ask for, ids stay, and whoever dies is followed by one who goes on.
 */
#include "unit.h"
#include <malloc.h>
#include <time.h>
#include "services.h"
#include "svctables.h"

#define NORMAL	(SLICE_READY | SLICE_SERVING)
#define ENDING	(SLICE_SERVING | SLICE_TERMINATING)

/* ------------------------------------------------------- a model of services */

struct world {
	struct svctables *m;
	struct balancer *b;
	struct hand_service **h;
	unsigned int n, room;
	bool pages_short;		/* tables may be smaller than they should be */
	struct model_service *dirty;
};

static struct world *world_of(const struct model *m)
{
	return (struct world *)m;
}

static struct model_service *w_next_dirty(struct model *m)
{
	struct model_service *s = world_of(m)->dirty;

	if (s) {
		world_of(m)->dirty = s->dirty_next;
		s->dirty = false;
	}
	return s;
}

static void w_mark(struct model *m, struct model_service *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->dirty_next = world_of(m)->dirty;
	world_of(m)->dirty = s;
}

static void w_mark_all(struct model *m)
{
	unsigned int i;

	for (i = 0; i < world_of(m)->n; i++)
		w_mark(m, &world_of(m)->h[i]->s);
}

static void w_reap(struct model *m, struct model_service *s)
{
	struct world *w = world_of(m);
	unsigned int i;

	assert_null(s->state);
	for (i = 0; !s->obj && i < w->n; i++) {
		if (&w->h[i]->s != s)
			continue;
		hand_free(w->h[i]);
		w->h[i] = w->h[--w->n];
		return;
	}
}

static int w_each(const struct model *m, int (*cb)(struct model_service *s, void *arg), void *arg)
{
	struct world *w = world_of(m);
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < w->n; i++)
		err = cb(&w->h[i]->s, arg);
	return err;
}

static const struct balancer_services ops = { w_next_dirty, w_mark, w_mark_all, w_reap, w_each };

static struct model *model_of(struct world *w)
{
	return (struct model *)w;
}

static void start(struct world *w)
{
	assert_int_equal(balancer_new(&ops, model_of(w), &w->m->t, &w->b), 0);
	assert_int_equal(balancer_set_node(w->b, "node1", "zone1"), 0);
}

/* As after a crash: the tables stay, nothing else does. */
static void restart(struct world *w)
{
	unsigned int i;

	balancer_free(w->b);
	for (i = 0; i < w->n; i++)
		if (!w->h[i]->s.obj) {
			hand_free(w->h[i]);
			w->h[i--] = w->h[--w->n];
		}
	w->dirty = NULL;
	for (i = 0; i < w->n; i++)
		w->h[i]->s.dirty = false;
	w->m->dead = false;
	w->m->die_at = -1;
	start(w);
}

static int setup(void **state)
{
	struct world *w = *state = calloc(1, sizeof(*w));

	w->m = svctables_new();
	start(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	balancer_free(w->b);
	while (w->n)
		hand_free(w->h[--w->n]);
	free(w->h);
	svctables_free(w->m);
	free(w);
	return 0;
}

static struct hand_service *add(struct world *w, const char *ns, const char *name)
{
	if (w->n == w->room) {
		w->room = w->room ? 2 * w->room : 16;
		w->h = realloc(w->h, w->room * sizeof(*w->h));
	}
	w->h[w->n] = hand_service(ns, name);
	w_mark(model_of(w), &w->h[w->n]->s);
	return w->h[w->n++];
}

static void mark(struct world *w, struct hand_service *h)
{
	w_mark(model_of(w), &h->s);
}

/* It is freed when the balancer has let go of it. */
static void del(struct world *w, struct hand_service *h)
{
	h->s.obj = NULL;
	mark(w, h);
}

/* Port 80, an address, @n ready endpoints at @first and up. */
static struct hand_service *simple(struct world *w, const char *name, const char *ip,
				   __u32 first, unsigned int n)
{
	struct hand_service *h = add(w, "shop", name);
	struct hand_slice *sl = hand_slice(h, SL_FAMILY_V4);
	union sl_addr a = { .h[5] = 0xffff };
	unsigned int i;

	hand_port(h, NULL, 80, IPPROTO_TCP, 0);
	hand_cluster_ip(h, ip);
	hand_slice_port(sl, NULL, 8080, IPPROTO_TCP);
	for (i = 0; i < n; i++) {
		a.w[3] = htonl(first + i);
		hand_endpoint(sl, a, i & 1 ? "node2" : "node1", NORMAL);
	}
	return h;
}

/* ----------------------------------------------------- what the tables should be */

static const struct sl_front_val *front_at(struct world *w, const char *addr, __u16 port)
{
	struct sl_front_key key = { .addr = hand_addr(addr), .port = htons(port),
				    .proto = IPPROTO_TCP };

	return btab_get(&w->m->front, &key);
}

static const struct sl_addr_val *addr_at(struct world *w, const char *addr)
{
	union sl_addr a = hand_addr(addr);

	return btab_get(&w->m->addr, &a);
}

static bool same_backend(const struct sl_backend *b, const struct plan_backend *p, __u8 proto)
{
	return !memcmp(&b->addr, &p->addr, sizeof(b->addr)) && b->port == p->port &&
	       b->proto == proto && b->flags == p->flags;
}

static void check_set(struct world *w, __u32 id, const struct plan_port *p, unsigned int scope)
{
	static struct maglev_backend mb[SL_SVC_FIELD_MASK];
	static __u32 table[65521];
	__u64 word = w->m->svcs[id].set[scope];
	unsigned int i, n = 0;
	__u32 be, size;

	for (i = 0; p->scopes >> scope & 1 && i < p->nbackends; i++) {
		if (!(p->backend[i].lists >> scope & 1))
			continue;
		be = st_entry(w->m, word_page(word), n);
		assert_true(same_backend(&w->m->backend[be], &p->backend[i], p->proto));
		mb[n++] = (struct maglev_backend){
			maglev_hash(&p->backend[i].addr, p->backend[i].port), be, .weight = 1 };
	}
	assert_int_equal(word_count(word), n);
	assert_int_equal(!word_maglev(word), !(n && p->maglev >> scope & 1));
	if (!word_maglev(word))
		return;
	size = maglev_size(n);
	while (w->pages_short && size > word_maglev(word))
		size = maglev_size_below(size);
	assert_int_equal(word_maglev(word), size);
	maglev_build(mb, n, table, word_maglev(word));
	for (i = 0; i < word_maglev(word); i++)
		assert_int_equal(st_entry(w->m, word_page(word) + pages_of(n), i), table[i]);
}

/* Older first, then by name. */
static bool older(const struct hand_service *x, const struct hand_service *y)
{
	__u64 a = x->o->created ? x->o->created : UINT64_MAX;
	__u64 b = y->o->created ? y->o->created : UINT64_MAX;
	int cmp = strcmp(x->s.ns->s, y->s.ns->s);

	if (a != b)
		return a < b;
	return cmp ? cmp < 0 : strcmp(x->s.name->s, y->s.name->s) < 0;
}

static bool wants(const struct hand_service *h, const struct sl_front_key *key,
		  const struct plan_where *where)
{
	struct service_plan plan;
	unsigned int i, j;
	bool found = false;

	assert_int_equal(service_plan(&h->s, where, &plan), 0);
	for (i = 0; i < plan.nports; i++)
		for (j = 0; j < plan.port[i].nfronts; j++)
			found |= !memcmp(&plan.port[i].front[j].key, key, sizeof(*key));
	service_plan_free(&plan);
	return found;
}

static bool wins(struct world *w, const struct hand_service *h, const struct sl_front_key *key,
		 const struct plan_where *where)
{
	unsigned int i;

	for (i = 0; i < w->n; i++)
		if (w->h[i] != h && older(w->h[i], h) && wants(w->h[i], key, where))
			return false;
	return true;
}

struct sums {
	size_t fronts, backends, ranges, svcs;
};

static void check_port(struct world *w, const struct hand_service *h, const struct svc_port *sp,
		       const struct plan_port *p, struct sums *sums)
{
	const struct plan_where where = { w->b->node, w->b->zone, w->b->tunnel };
	const struct sl_front_val *v;
	unsigned int i;

	check_set(w, sp->id, p, SL_SVC_CLUSTER);
	check_set(w, sp->id, p, SL_SVC_LOCAL);
	for (i = 0; i < p->nfronts; i++) {
		if (!wins(w, h, &p->front[i].key, &where))
			continue;
		sums->fronts++;
		v = btab_get(&w->m->front, &p->front[i].key);
		assert_non_null(v);
		assert_int_equal(v->svc, sp->id);
		assert_int_equal(v->inside, p->front[i].inside);
		assert_int_equal(v->outside, p->front[i].outside);
		assert_int_equal(v->flags, p->front[i].flags);
	}
	assert_int_equal(sp->plan.nbackends, p->nbackends);
	for (i = 0; i < p->nbackends; i++) {
		assert_true(same_backend(&w->m->backend[sp->plan.backend[i].id], &p->backend[i],
					 p->proto));
		assert_int_equal(w->m->backend[sp->plan.backend[i].id].svc, sp->id);
	}
	sums->backends += p->nbackends;
	sums->ranges += p->nranges;
	sums->svcs++;
}

static void check_totals(struct world *w, const struct sums *sums)
{
	struct sums have = { w->m->front.count, 0, w->m->src.count, 0 };
	const struct sl_svc *s;
	__u32 i;

	for (i = 0; i < SL_BACKEND_MAX; i++)
		have.backends += !!w->m->backend[i].flags;
	for (i = 0; i < SL_SVC_MAX; i++) {
		s = &w->m->svcs[i];
		assert_false(w->m->owes[i]);
		have.svcs += w->b->owner[i] == SVC_CLAIMED;
		if (w->b->owner[i] != SVC_CLAIMED)
			assert_false(s->set[0] || s->set[1] || s->flags || s->affinity_s);
	}
	assert_int_equal(have.fronts, sums->fronts);
	assert_int_equal(have.backends, sums->backends);
	assert_int_equal(have.ranges, sums->ranges);
	assert_int_equal(have.svcs, sums->svcs);
}

/* The tables hold what the services ask for, and nothing beside. */
static void check(struct world *w)
{
	const struct plan_where where = { w->b->node, w->b->zone, w->b->tunnel };
	struct service_plan plan;
	struct sums sums = {};
	struct hand_service *h;
	unsigned int i, j;

	for (i = 0; i < w->n; i++) {
		h = w->h[i];
		assert_int_equal(service_plan(&h->s, &where, &plan), 0);
		assert_int_equal(h->s.state ? h->s.state->now.n : 0, plan.nports);
		for (j = 0; j < plan.nports; j++) {
			check_port(w, h, h->s.state->now.port[j], &plan.port[j], &sums);
			assert_int_equal(w->m->svcs[h->s.state->now.port[j]->id].flags, plan.flags);
			assert_int_equal(w->m->svcs[h->s.state->now.port[j]->id].affinity_s,
					 plan.affinity_s);
		}
		service_plan_free(&plan);
	}
	check_totals(w, &sums);
}

static void commit(struct world *w)
{
	assert_int_equal(balancer_commit(w->b, true), 0);
	check(w);
}

static void later(void)
{
	svctables_now += 2 * SECOND;
}

/* After a restart nobody knows since when ids are free: who needs new ones may have to wait. */
static void commit_late(struct world *w)
{
	assert_int_equal(balancer_commit(w->b, true), 0);
	if (balancer_wait_ms(w->b) >= 0) {
		later();
		assert_int_equal(balancer_commit(w->b, true), 0);
	}
	check(w);
}

/* -------------------------------------------------------------------- tests */

static void life(void **state)
{
	struct world *w = *state;
	struct hand_service *h = simple(w, "web", "10.96.0.1", 0x0a000001, 3);
	unsigned long writes;
	__u32 id, gen;

	commit(w);
	id = front_at(w, "10.96.0.1", 80)->svc;
	assert_int_equal(addr_at(w, "10.96.0.1")->kind, SL_ADDR_SVC);
	assert_int_equal(addr_at(w, "10.96.0.1")->id, SL_SVC_ADDR_CLOSED);
	/* nothing new: nothing is written */
	writes = w->m->writes;
	mark(w, h);
	commit(w);
	assert_int_equal(w->m->writes, writes);
	/* one more: no flow has to look */
	gen = w->m->svcs[id].gen;
	hand_endpoint(&h->slice[0], hand_addr("10.0.0.9"), "node1", NORMAL);
	mark(w, h);
	commit(w);
	assert_int_equal(w->m->svcs[id].gen, gen);
	/* one drains: the same */
	h->slice[0].ep[0].flags = ENDING;
	mark(w, h);
	commit(w);
	assert_int_equal(w->m->svcs[id].gen, gen);
	/* one goes: they look */
	hand_endpoint_clear(&h->slice[0].ep[--h->slice[0].o.nendpoints]);
	mark(w, h);
	commit(w);
	assert_int_equal(w->m->svcs[id].gen, gen + 1);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, id);
	/* the service goes */
	del(w, h);
	commit(w);
	assert_null(front_at(w, "10.96.0.1", 80));
	assert_null(addr_at(w, "10.96.0.1"));
	assert_int_equal(w->n, 0);
}

/* All kinds of frontends; then the same from the beginning, and not a write. */
static void restarts(void **state)
{
	struct world *w = *state;
	struct hand_service *h = simple(w, "web", "10.96.0.1", 0x0a000001, 20);
	struct hand_service *g = simple(w, "api", "10.96.0.2", 0x0a000101, 2);
	struct sl_backend *before;
	struct sl_set_page *pages;
	unsigned long writes;
	__u32 ids[2];

	h->o->port[0].node_port = 30080;
	h->o->external_local = true;
	hand_external_ip(h, "192.0.2.1");
	hand_lb_ip(h, "198.51.100.1");
	hand_range(h, "203.0.113.0/24");
	hand_range(h, "203.0.114.0/25");
	g->o->affinity_s = 10;
	g->o->balance = SERVICE_BALANCE_MAGLEV;
	commit(w);
	ids[0] = front_at(w, "10.96.0.1", 80)->svc;
	ids[1] = front_at(w, "10.96.0.2", 80)->svc;
	assert_int_equal(front_at(w, "0.0.0.0", 30080)->svc, ids[0]);
	assert_int_equal(addr_at(w, "192.0.2.1")->id, SL_SVC_ADDR_OPEN);
	before = malloc(sizeof(w->m->backend));
	pages = malloc(sizeof(w->m->page));
	memcpy(before, w->m->backend, sizeof(w->m->backend));
	memcpy(pages, w->m->page, sizeof(w->m->page));
	restart(w);
	writes = w->m->writes;
	commit(w);
	/* but the generations: the one before may have died before it raised them */
	assert_int_equal(w->m->writes, writes + 2);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, ids[0]);
	assert_int_equal(front_at(w, "10.96.0.2", 80)->svc, ids[1]);
	assert_memory_equal(before, w->m->backend, sizeof(w->m->backend));
	assert_memory_equal(pages, w->m->page, sizeof(w->m->page));
	free(before);
	free(pages);
}

/* Until all are known, what the tables hold stays. */
static void unsettled(void **state)
{
	struct world *w = *state;
	struct hand_service *h = simple(w, "web", "10.96.0.1", 0x0a000001, 3), *g;
	__u32 id;

	simple(w, "api", "10.96.0.2", 0x0a000101, 2);
	commit(w);
	id = front_at(w, "10.96.0.1", 80)->svc;
	restart(w);
	/* as yet the source has told of nobody */
	while (w->n)
		hand_free(w->h[--w->n]);
	w->dirty = NULL;
	assert_int_equal(balancer_commit(w->b, false), 0);
	g = simple(w, "new", "10.96.0.3", 0x0a000201, 2);
	assert_int_equal(balancer_commit(w->b, false), 0);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, id);
	assert_non_null(front_at(w, "10.96.0.2", 80));
	assert_non_null(front_at(w, "10.96.0.3", 80));
	/* one comes back, changed; the other never does */
	h = simple(w, "web", "10.96.0.1", 0x0a000002, 3);
	commit(w);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, id);
	assert_null(front_at(w, "10.96.0.2", 80));
	assert_null(addr_at(w, "10.96.0.2"));
	del(w, h);
	del(w, g);
	commit(w);
}

struct warned {
	unsigned int n;
	char text[1024];
};

static int note(void *arg, const struct model_service *s, const char *text)
{
	struct warned *wd = arg;

	wd->n++;
	snprintf(wd->text, sizeof(wd->text), "Service %s/%s, %s", s->ns->s, s->name->s, text);
	return 0;
}

static struct warned warnings(struct world *w)
{
	struct warned wd = {};

	assert_int_equal(balancer_warnings(w->b, note, &wd), 0);
	return wd;
}

/* Asked for: a warning, until there is a tunnel to do it by. */
static void direct_return(void **state)
{
	struct world *w = *state;
	struct hand_service *s = simple(w, "web", "10.96.0.1", 0x0a000001, 2);
	__u32 gen;

	hand_external_ip(s, "192.0.2.1");
	s->o->dsr = true;
	commit(w);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->flags, 0);
	assert_string_equal(warnings(w).text, "Service shop/web, sluice.dev/forwarding: dsr has no effect: "
			    "the nodes have no tunnel (--encap) to send packets of clients through as they are");
	gen = w->m->svcs[front_at(w, "192.0.2.1", 80)->svc].gen;
	balancer_set_tunnel(w->b, true);
	commit(w);
	assert_int_equal(warnings(w).n, 0);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->flags, SL_FRONT_DSR);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->flags, 0);
	/* what there is goes on as it began */
	assert_int_equal(w->m->svcs[front_at(w, "192.0.2.1", 80)->svc].gen, gen);
	s->o->dsr = false;
	mark(w, s);
	commit(w);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->flags, 0);
	assert_int_equal(w->m->svcs[front_at(w, "192.0.2.1", 80)->svc].gen, gen);
}

static void conflicts(void **state)
{
	struct world *w = *state;
	struct hand_service *old = simple(w, "old", "10.96.0.1", 0x0a000001, 2);
	struct hand_service *new = simple(w, "new", "10.96.0.2", 0x0a000101, 2);
	struct warned wd;
	__u32 id;

	old->o->created = 100;
	new->o->created = 200;
	hand_external_ip(new, "192.0.2.1");
	commit(w);
	id = front_at(w, "192.0.2.1", 80)->svc;
	assert_int_equal(warnings(w).n, 0);
	/* the older one wants it, too */
	hand_external_ip(old, "192.0.2.1");
	mark(w, old);
	commit(w);
	assert_int_not_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	wd = warnings(w);
	assert_int_equal(wd.n, 1);
	assert_string_equal(wd.text, "Service shop/new, port 80/TCP: address 192.0.2.1 is already "
				     "used by Service shop/old");
	/* and lets it go */
	del(w, old);
	commit(w);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	assert_int_equal(warnings(w).n, 0);
}

/* Addresses: the node's own stay what they are, and services share theirs. */
static void addresses(void **state)
{
	const struct sl_addr_val own = { SL_ADDR_HOST, 0 };
	struct world *w = *state;
	struct hand_service *a = simple(w, "a", "10.96.0.1", 0x0a000001, 2);
	struct hand_service *b = simple(w, "b", "10.96.0.2", 0x0a000101, 2);
	union sl_addr host = hand_addr("192.0.2.7");

	btab_set(&w->m->addr, &host, &own);
	hand_external_ip(a, "192.0.2.7");
	hand_external_ip(a, "192.0.2.8");
	hand_external_ip(b, "192.0.2.8");
	b->o->port[0].port = 81;
	commit(w);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_HOST);
	assert_non_null(front_at(w, "192.0.2.7", 80));
	del(w, a);
	commit(w);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_HOST);
	assert_int_equal(addr_at(w, "192.0.2.8")->kind, SL_ADDR_SVC);
	del(w, b);
	commit(w);
	assert_null(addr_at(w, "192.0.2.8"));
	assert_int_equal(w->m->addr.count, 1);
}

/* The node gets an address that services have, and loses it again. */
static void addresses_come(void **state)
{
	const struct sl_addr_val own = { SL_ADDR_HOST, 0 };
	const union sl_addr addr = hand_addr("192.0.2.7"), nobodys = hand_addr("192.0.2.8");
	struct world *w = *state;
	struct hand_service *a = simple(w, "a", "10.96.0.1", 0x0a000001, 2);
	struct hand_service *b = simple(w, "b", "10.96.0.2", 0x0a000101, 2);

	hand_external_ip(a, "192.0.2.7");
	commit(w);
	btab_set(&w->m->addr, &addr, &own);
	/* repairs and other services leave it alone */
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	b->o->port[0].port = 81;
	hand_external_ip(b, "192.0.2.7");
	mark(w, b);
	commit(w);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_HOST);
	assert_non_null(front_at(w, "192.0.2.7", 81));
	/* it is theirs at once when the node has it no more */
	assert_int_equal(balancer_addr_left(w->b, &addr), 1);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_SVC);
	assert_int_equal(addr_at(w, "192.0.2.7")->id, SL_SVC_ADDR_OPEN);
	assert_int_equal(balancer_addr_left(w->b, &nobodys), 0);
	assert_null(addr_at(w, "192.0.2.8"));
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	/* a write that fails leaves the node its entry */
	btab_set(&w->m->addr, &addr, &own);
	w->m->die_at = 0;
	assert_int_equal(balancer_addr_left(w->b, &addr), -EIO);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_HOST);
	w->m->die_at = -1;
	w->m->dead = false;
	assert_int_equal(balancer_addr_left(w->b, &addr), 1);
	/* and goes with the last one that wants it */
	del(w, a);
	commit(w);
	assert_int_equal(addr_at(w, "192.0.2.7")->kind, SL_ADDR_SVC);
	del(w, b);
	commit(w);
	assert_null(addr_at(w, "192.0.2.7"));
	assert_int_equal(balancer_addr_left(w->b, &addr), 0);
}

/* What is freed is not used again for a second; the checks are in the tables. */
static void wait_for_ids(void **state)
{
	struct world *w = *state;
	struct hand_service *h = simple(w, "web", "10.96.0.1", 0x0a000001, 40);
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		h->slice[0].ep[i % 40].addr.w[3] = htonl(0x0b000000 + i);
		mark(w, h);
		assert_int_equal(balancer_commit(w->b, true), 0);
		svctables_now += SECOND / 100;
	}
	check(w);
}

/* Three times 60,000 backends are too many. */
static void full_backends(void **state)
{
	struct world *w = *state;
	struct hand_service *a, *b, *c;
	struct warned wd;
	__u32 id;

	w->m->blind = true;
	a = simple(w, "a", "10.96.0.1", 0x0a000000, 60000);
	b = simple(w, "b", "10.96.0.2", 0x0a100000, 60000);
	commit(w);
	c = simple(w, "c", "10.96.0.3", 0x0a200000, 60000);
	simple(w, "d", "10.96.0.4", 0x0a300000, 5);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "10.96.0.3", 80));
	assert_non_null(front_at(w, "10.96.0.4", 80));
	wd = warnings(w);
	assert_int_equal(wd.n, 1);
	assert_string_equal(wd.text, "Service shop/c, the table of backends has no room: what was "
				     "in force stays");
	assert_int_equal(balancer_wait_ms(w->b), -1);
	/* a change that doesn't fit leaves all as it was */
	id = front_at(w, "10.96.0.2", 80)->svc;
	mark(w, c);
	hand_external_ip(c, "192.0.2.1");
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "192.0.2.1", 80));
	/* room, but only after a second */
	del(w, a);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "10.96.0.3", 80));
	assert_in_range(balancer_wait_ms(w->b), 1, 1000);
	svctables_now += SECOND;
	commit(w);
	assert_non_null(front_at(w, "10.96.0.3", 80));
	assert_int_equal(front_at(w, "10.96.0.2", 80)->svc, id);
	assert_int_equal(warnings(w).n, 0);
	(void)b;
}

/* Tables of others: no more entries than they take. */
static void full_others(void **state)
{
	struct world *w = *state;
	struct hand_service *a = simple(w, "a", "10.96.0.1", 0x0a000001, 2);
	struct hand_service *b;

	w->m->max_front = w->m->max_addr = 1;
	w->m->max_src = 2;
	commit(w);
	b = simple(w, "b", "10.96.0.2", 0x0a000101, 2);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "10.96.0.2", 80));
	assert_string_equal(warnings(w).text, "Service shop/b, port 80/TCP: address 10.96.0.2 is "
					      "not served: the table of frontends is full");
	w->m->max_front = 10;
	del(w, a);
	commit(w);
	assert_non_null(front_at(w, "10.96.0.2", 80));
	assert_non_null(addr_at(w, "10.96.0.2"));
	assert_int_equal(warnings(w).n, 0);
	hand_external_ip(b, "192.0.2.1");
	mark(w, b);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_string_equal(warnings(w).text, "Service shop/b, port 80/TCP: address 192.0.2.1 is "
					      "not served: the table of addresses is full");
	w->m->max_addr = 10;
	assert_int_equal(balancer_repair(w->b, true), 1);
	check(w);
	assert_int_equal(warnings(w).n, 0);
	/* source ranges: all of a service's, or it stays as it was */
	hand_lb_ip(b, "198.51.100.1");
	hand_range(b, "203.0.113.0/24");
	hand_range(b, "203.0.114.0/24");
	hand_range(b, "203.0.115.0/24");
	mark(w, b);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(w->m->src.count, 0);
	assert_null(front_at(w, "198.51.100.1", 80));
	assert_string_equal(warnings(w).text, "Service shop/b, the table of source ranges has no "
					      "room: what was in force stays");
	b->o->nranges = 2;
	mark(w, b);
	commit(w);
	assert_int_equal(w->m->src.count, 2);
}

/* A load balancer's address and three ranges of clients, where the table takes two. */
static void ask_too_much(struct world *w, struct hand_service *h)
{
	w->m->max_src = 2;
	hand_lb_ip(h, "198.51.100.1");
	hand_range(h, "203.0.113.0/24");
	hand_range(h, "203.0.114.0/24");
	hand_range(h, "203.0.115.0/24");
	mark(w, h);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "198.51.100.1", 80));
}

/* An older and a younger one that want 192.0.2.1, both in force. */
static void rivals(struct world *w, struct hand_service **older, struct hand_service **younger)
{
	*older = simple(w, "old", "10.96.0.1", 0x0a000001, 2);
	*younger = simple(w, "new", "10.96.0.2", 0x0a000101, 2);
	(*older)->o->created = 100;
	(*younger)->o->created = 200;
	hand_external_ip(*older, "192.0.2.1");
	hand_external_ip(*younger, "192.0.2.1");
	commit(w);
}

/* Who has no room for a change keeps what it had, and its place before younger ones. */
static void full_repairs(void **state)
{
	const struct sl_front_key key = { .addr = hand_addr("192.0.2.1"), .port = htons(80),
					  .proto = IPPROTO_TCP };
	struct world *w = *state;
	struct hand_service *old, *new;
	__u32 id;

	rivals(w, &old, &new);
	id = front_at(w, "10.96.0.1", 80)->svc;
	ask_too_much(w, old);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	assert_int_equal(warnings(w).n, 2);
	/* what somebody else took away comes back */
	btab_del(&w->m->front, &key);
	later();
	assert_int_equal(balancer_repair(w->b, true), 1);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	/* and it is still there when nobody else wants it any more */
	del(w, new);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	assert_int_equal(addr_at(w, "192.0.2.1")->kind, SL_ADDR_SVC);
	assert_int_equal(warnings(w).n, 1);
	/* room */
	old->o->nranges = 2;
	mark(w, old);
	commit(w);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
}

/* The younger one of two has no room, and is the heir. */
static void full_heir(void **state)
{
	struct world *w = *state;
	struct hand_service *old, *new;
	__u32 id;

	rivals(w, &old, &new);
	id = front_at(w, "10.96.0.2", 80)->svc;
	ask_too_much(w, new);
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	del(w, old);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, id);
	assert_int_equal(addr_at(w, "192.0.2.1")->kind, SL_ADDR_SVC);
}

/* What goes while nobody is there is gone afterwards, whoever has no room. */
static void full_restart(void **state)
{
	struct world *w = *state;
	struct hand_service *full = simple(w, "full", "10.96.0.1", 0x0a000001, 2);
	struct hand_service *other = simple(w, "other", "10.96.0.2", 0x0a000101, 2);
	struct hand_service *left = simple(w, "left", "10.96.0.3", 0x0a000201, 2);
	__u32 ids[3];

	full->o->created = 100;
	full->o->port[0].node_port = 30080;
	other->o->created = 200;
	other->o->port[0].node_port = 30080;
	hand_external_ip(full, "192.0.2.1");
	hand_external_ip(other, "192.0.2.1");
	hand_external_ip(other, "192.0.2.2");
	commit(w);
	ids[0] = front_at(w, "10.96.0.1", 80)->svc;
	ids[1] = front_at(w, "10.96.0.2", 80)->svc;
	ids[2] = front_at(w, "10.96.0.3", 80)->svc;
	ask_too_much(w, full);
	del(w, left);
	w->m->die_at = 0;	/* that is not written any more */
	balancer_commit(w->b, true);
	other->o->nexternal_ip = 1;
	restart(w);
	assert_int_equal(w->n, 2);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "192.0.2.2", 80));
	assert_null(addr_at(w, "192.0.2.2"));
	assert_null(front_at(w, "10.96.0.3", 80));
	assert_null(addr_at(w, "10.96.0.3"));
	assert_int_equal(w->m->svcs[ids[2]].set[SL_SVC_CLUSTER], 0);
	assert_int_equal(w->b->owner[ids[2]], SVC_NOBODY);
	/* and who has no room has all that it had, before younger ones */
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, ids[0]);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, ids[0]);
	assert_int_equal(front_at(w, "0.0.0.0", 30080)->svc, ids[0]);
	assert_int_equal(front_at(w, "10.96.0.2", 80)->svc, ids[1]);
	assert_int_equal(addr_at(w, "10.96.0.1")->id, SL_SVC_ADDR_CLOSED);
	assert_int_equal(addr_at(w, "192.0.2.1")->id, SL_SVC_ADDR_OPEN);
	assert_int_equal(warnings(w).n, 3);
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	del(w, other);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(front_at(w, "192.0.2.1", 80)->svc, ids[0]);
	full->o->nranges = 2;
	mark(w, full);
	commit_late(w);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, ids[0]);
	assert_int_equal(warnings(w).n, 0);
}

static struct hand_service *guarded(struct world *w, const char *name, const char *ip,
				    const char *lb_ip, const char *const ranges[])
{
	struct hand_service *h = simple(w, name, ip, 0x0a000001 + (w->n << 8), 2);

	hand_lb_ip(h, lb_ip);
	while (*ranges)
		hand_range(h, *ranges++);
	return h;
}

/* Ranges that go make room at once, for those who wait and for nobody else. */
static void full_ranges(void **state)
{
	static const char *const two[] = { "203.0.113.0/24", "203.0.114.0/24", NULL };
	struct world *w = *state;
	struct hand_service *a = guarded(w, "a", "10.96.0.1", "198.51.100.1", two);
	unsigned long writes;

	w->m->max_src = 2;
	commit(w);
	guarded(w, "b", "10.96.0.2", "198.51.100.2", two);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_string_equal(warnings(w).text, "Service shop/b, the table of source ranges has no "
					      "room: what was in force stays");
	later();
	assert_int_equal(balancer_wait_ms(w->b), -1);
	/* not enough: it is tried, once */
	a->o->nranges = 1;
	mark(w, a);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(balancer_wait_ms(w->b), 0);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_null(front_at(w, "198.51.100.2", 80));
	assert_int_equal(balancer_wait_ms(w->b), -1);
	writes = w->m->writes;
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(w->m->writes, writes);
	/* enough */
	del(w, a);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(balancer_wait_ms(w->b), 0);
	commit(w);
	assert_non_null(front_at(w, "198.51.100.2", 80));
	assert_int_equal(balancer_wait_ms(w->b), -1);
	assert_int_equal(warnings(w).n, 0);
}

/* The same, where they are those of a service that went while nobody was there. */
static void full_ranges_left(void **state)
{
	static const char *const two[] = { "203.0.113.0/24", "203.0.114.0/24", NULL };
	struct world *w = *state;

	w->m->max_src = 2;
	guarded(w, "a", "10.96.0.1", "198.51.100.1", two);
	commit(w);
	restart(w);
	hand_free(w->h[--w->n]);
	w->dirty = NULL;
	guarded(w, "b", "10.96.0.2", "198.51.100.2", two);
	assert_int_equal(balancer_commit(w->b, true), 0);
	assert_int_equal(balancer_wait_ms(w->b), 0);
	commit(w);
	assert_non_null(front_at(w, "198.51.100.2", 80));
}

/* Pages run out: tables of Maglev become smaller before anything is refused. */
static void full_sets(void **state)
{
	struct world *w = *state;
	struct hand_service *h;
	unsigned int i;
	char name[32], ip[32];
	__u32 size = 0;

	w->m->blind = true;
	for (i = 0; i < 34; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(ip, sizeof(ip), "10.96.1.%u", i);
		h = simple(w, name, ip, 0x0a000000 + (i << 12), 700);
		h->o->balance = SERVICE_BALANCE_MAGLEV;
		assert_int_equal(balancer_commit(w->b, true), 0);
		assert_non_null(front_at(w, ip, 80));
		size = word_maglev(w->m->svcs[front_at(w, ip, 80)->svc].set[SL_SVC_CLUSTER]);
	}
	assert_in_range(size, 251, 32749);
	assert_int_equal(warnings(w).n, 0);
}

static void repairs(void **state)
{
	struct world *w = *state;
	struct hand_service *h = simple(w, "web", "10.96.0.1", 0x0a000001, 5);
	struct sl_front_key key = { .addr = hand_addr("10.96.0.1"), .port = htons(80),
				    .proto = IPPROTO_TCP };
	struct sl_front_val v = { .svc = 77 };
	struct sl_svc *s;
	__u32 id, be;

	h->o->port[0].node_port = 30080;
	simple(w, "api", "10.96.0.2", 0x0a000101, 5);
	commit(w);
	id = front_at(w, "10.96.0.1", 80)->svc;
	s = &w->m->svcs[id];
	later();
	assert_int_equal(balancer_repair(w->b, true), 0);
	check(w);
	/* all that leads to it */
	btab_del(&w->m->front, &key);
	key.addr = hand_addr("0.0.0.0");
	key.port = htons(30080);
	btab_del(&w->m->front, &key);
	later();
	assert_int_equal(balancer_repair(w->b, true), 2);
	check(w);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, id);
	/* something that nobody asked for */
	key.port = htons(1);
	btab_set(&w->m->front, &key, &v);
	later();
	assert_int_equal(balancer_repair(w->b, true), 1);
	check(w);
	/* a page, a backend, the words */
	w->m->page[word_page(s->set[SL_SVC_CLUSTER]) + 3].backend[5] ^= 1;
	later();
	assert_int_equal(balancer_repair(w->b, true), 1);
	check(w);
	be = st_entry(w->m, word_page(s->set[SL_SVC_CLUSTER]), 2);
	w->m->backend[be].addr = hand_addr("10.9.9.9");
	later();
	w->m->blind = true;
	assert_true(balancer_repair(w->b, true) > 0);
	check(w);
	w->m->blind = false;
	s->set[SL_SVC_CLUSTER] = ~0ULL;
	s->affinity_s = 12;
	later();
	w->m->blind = true;
	assert_true(balancer_repair(w->b, true) > 0);
	check(w);
	assert_int_equal(balancer_repair(w->b, true), 0);
	assert_int_equal(front_at(w, "10.96.0.1", 80)->svc, id);
}

/* Each write may be the last: whoever comes after goes on, and flows look. */
static void crash_world(struct world *w, bool after)
{
	struct hand_service *h[4];
	unsigned int i;
	char name[8], ip[32];

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(ip, sizeof(ip), "10.96.0.%u", i);
		if (after && i == 3)
			continue;
		h[i] = simple(w, name, ip, 0x0a000001 + 16 * i + (after ? i : 0), 3 + after);
		h[i]->o->created = 4 - i;
		if (i == 1) {
			h[i]->o->port[0].node_port = after ? 30081 : 30080;
			hand_external_ip(h[i], "192.0.2.1");
			hand_lb_ip(h[i], "198.51.100.1");
			hand_range(h[i], after ? "203.0.113.0/24" : "203.0.114.0/24");
		}
		if (i == 3 || (after && i == 0))
			hand_external_ip(h[i], "192.0.2.1");
	}
}

static void forget_services(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->n; i++)
		w->h[i]->s.obj = NULL;
	restart(w);
	assert_int_equal(w->n, 0);
}

/* The second state after the first, with @die_at writes in between, and a new writer. */
static bool crash_at(struct world *w, long die_at)
{
	bool died;

	crash_world(w, false);
	commit(w);
	later();
	forget_services(w);
	crash_world(w, true);
	w->m->die_at = die_at;
	balancer_commit(w->b, true);
	died = w->m->dead;
	restart(w);
	commit(w);
	/* from here on with the ids that there are */
	later();
	restart(w);
	commit(w);
	return died;
}

static void crashes(void **state)
{
	struct world *w = *state;
	long at, step = unit_times(1, 7);

	for (at = 0; crash_at(w, at); at += step) {
		later();
		forget_services(w);
		assert_int_equal(balancer_commit(w->b, true), 0);
		assert_int_equal(w->m->front.count, 0);
		later();
	}
	printf("# %ld writes\n", at);
	assert_in_range(at, 50, 1000);
}

/* A write fails, and the same writer goes on. */
static void errors(void **state)
{
	struct world *w = *state;
	unsigned int i;
	long at, step = unit_times(1, 7);

	w->m->fails = true;
	for (at = 0; at < 200; at += step) {
		for (i = 0; i < w->n; i++)
			del(w, w->h[i]);
		crash_world(w, at & 1);
		w->m->die_at = at;
		balancer_commit(w->b, true);
		w->m->die_at = -1;
		w->m->dead = false;
		commit(w);
		later();
	}
}

/* ------------------------------------------------------------------- at random */

/* When nothing waits any more, what is in use is what the tables lead to. */
static void check_pools(struct world *w)
{
	__u32 id, pages = 1, backends = 1, svcs = 1;

	later();
	assert_int_equal(balancer_commit(w->b, true), 0);
	for (id = 1; id < SL_SVC_MAX; id++) {
		svcs += w->b->owner[id] == SVC_CLAIMED;
		pages += word_pages(w->m->svcs[id].set[SL_SVC_CLUSTER]) +
			 word_pages(w->m->svcs[id].set[SL_SVC_LOCAL]);
	}
	for (id = 1; id < SL_BACKEND_MAX; id++)
		backends += !!w->m->backend[id].flags;
	assert_int_equal(w->b->svcs.count, svcs);
	assert_int_equal(w->b->pages.count, pages);
	assert_int_equal(w->b->backends.count, backends);
}

static unsigned int dice(unsigned int n)
{
	static __u64 seed = 7;

	seed = hash_mix(seed + 0x9e3779b97f4a7c15ULL);
	return seed % n;
}

static void random_endpoints(struct hand_slice *sl)
{
	static const unsigned int flags[] = { NORMAL, NORMAL, NORMAL, ENDING, 0, SLICE_TERMINATING };
	static const char *const nodes[] = { "node1", "node2", NULL };
	struct slice_endpoint *ep;
	union sl_addr a = { .h[5] = 0xffff };
	unsigned int i, n = dice(12);

	hand_slice_empty(sl);
	for (i = 0; i < n; i++) {
		a.w[3] = htonl(0x0a000000 + dice(40));
		ep = hand_endpoint(sl, a, nodes[dice(3)], flags[dice(6)]);
		if (dice(8))
			ep->for_zone[ep->nzones++] = hand_str(dice(2) ? "zone1" : "zone2");
	}
}

static void random_object(struct hand_service *h)
{
	struct object_service *o = h->o;
	char ip[32];

	hand_ports_clear(h);
	hand_port(h, NULL, 80 + dice(3), dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
		  dice(2) ? 0 : 30000 + dice(4));
	if (dice(2))
		hand_port(h, "x", 90, IPPROTO_TCP, 0);
	o->ncluster_ip = o->nexternal_ip = o->nlb_ip = o->nranges = 0;
	snprintf(ip, sizeof(ip), "10.96.0.%u", dice(20));
	hand_cluster_ip(h, ip);
	snprintf(ip, sizeof(ip), "192.0.2.%u", dice(4));
	if (dice(2))
		hand_external_ip(h, ip);
	snprintf(ip, sizeof(ip), "198.51.100.%u", dice(4));
	if (!dice(3))
		hand_lb_ip(h, ip);
	if (dice(2))
		hand_range(h, dice(2) ? "203.0.113.0/24" : "203.0.113.0/25");
	o->headless = !dice(10);
	o->external_local = dice(2);
	o->internal_local = !dice(4);
	o->balance = dice(__SERVICE_BALANCE_MAX);
	o->affinity_s = dice(2) * 10;
	o->dsr = dice(2);
	o->created = dice(4);
}

static void random_service(struct world *w)
{
	struct hand_service *h;
	char name[16];
	unsigned int i, id = dice(16);

	snprintf(name, sizeof(name), "s%u", id);
	for (i = 0; i < w->n && strcmp(w->h[i]->s.name->s, name); i++)
		;
	if (i < w->n) {
		h = w->h[i];
	} else {
		h = add(w, "shop", name);
		for (i = 0; i < 2; i++) {
			hand_slice(h, SL_FAMILY_V4);
			hand_slice_port(&h->slice[i], NULL, 8080 + i, IPPROTO_TCP);
			hand_slice_port(&h->slice[i], NULL, 8080, IPPROTO_UDP);
			hand_slice_port(&h->slice[i], "x", 9090, IPPROTO_TCP);
		}
		random_object(h);
	}
	if (!h->s.obj)
		return;
	if (!dice(6))
		del(w, h);
	else if (!dice(3))
		random_object(h);
	else
		random_endpoints(&h->slice[dice(2)]);
	mark(w, h);
}

/* Who found no room has what it asks for when there is some. */
static unsigned int make_room(struct world *w)
{
	unsigned int nfull = w->b->nfull;

	w->m->max_src = 1 << 20;
	if (nfull)
		assert_true(balancer_repair(w->b, true) >= 0);
	return !!nfull;
}

static void at_random(void **state)
{
	struct world *w = *state;
	unsigned int i, j, died = 0, full = 0;
	int err;

	/* behind a restart all pages that were ever used wait for a second */
	w->pages_short = true;
	for (i = 0; i < (unsigned int)unit_times(4000, 300); i++) {
		for (j = dice(4) + 1; j; j--)
			random_service(w);
		if (!dice(4))
			w->m->die_at = dice(60);
		w->m->fails = dice(2);
		w->m->max_src = dice(3) ? 1 << 20 : dice(4);
		err = balancer_commit(w->b, dice(3));
		if (w->m->fails)
			assert_int_equal(!!err, w->m->dead);
		died += w->m->dead;
		if (w->m->dead && !w->m->fails)
			restart(w);
		w->m->dead = false;
		w->m->die_at = -1;
		if (!dice(20))
			restart(w);
		if (!dice(10))
			balancer_set_tunnel(w->b, dice(2));
		if (!dice(10))
			balancer_set_node(w->b, dice(4) ? "node1" : "node2", "zone1");
		svctables_now += dice(3) * SECOND / 2;
		if (!dice(3))
			assert_int_equal(balancer_commit(w->b, true), 0);
		if (!dice(3))
			assert_true(balancer_repair(w->b, true) >= 0);
		full += make_room(w);
		if (dice(5))
			commit_late(w);
		if (dice(10))
			continue;
		commit_late(w);
		assert_int_equal(balancer_repair(w->b, true), 0);
		check(w);
		if (dice(2))
			check_pools(w);
	}
	assert_in_range(died, 1, i);
	assert_in_range(full, 1, i);
}

/* ---------------------------------------------------------------------- timing */

static double ms_since(const struct timespec *t0)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - t0->tv_sec) * 1e3 + (t.tv_nsec - t0->tv_nsec) / 1e6;
}

static void timing(void **state)
{
	struct world *w = *state;
	unsigned int n = unit_times(10000, 1000), i;
	struct timespec t0;
	size_t before;
	char name[32], ip[32];

	w->m->blind = true;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(ip, sizeof(ip), "10.96.%u.%u", i >> 8, i & 255);
		simple(w, name, ip, 0x0a000000 + 16 * i, 10);
		if (i < 1000)
			w->h[i]->o->port[0].node_port = 30000 + i;
	}
	before = mallinfo2().uordblks;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(balancer_commit(w->b, true), 0);
	printf("# %u services of 10 endpoints: %.1f ms, %lu writes", n, ms_since(&t0),
	       w->m->writes);
	printf(", %.1f MiB\n", (mallinfo2().uordblks - before) / 1048576.0 +
	       sizeof(*w->b) / 1048576.0);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < 100; i++) {
		w->h[i * 7]->slice[0].ep[3].addr.w[3] ^= htonl(0x01000000);
		mark(w, w->h[i * 7]);
		assert_int_equal(balancer_commit(w->b, true), 0);
	}
	printf("# one endpoint: %.3f ms\n", ms_since(&t0) / 100);
	restart(w);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(balancer_commit(w->b, true), 0);
	printf("# restart: %.1f ms\n", ms_since(&t0));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(balancer_repair(w->b, true), 0);
	printf("# repair: %.1f ms\n", ms_since(&t0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(life), TEST(restarts), TEST(unsettled), TEST(conflicts), TEST(direct_return),
		TEST(addresses),
		TEST(addresses_come), TEST(wait_for_ids), TEST(full_backends), TEST(full_others),
		TEST(full_repairs), TEST(full_heir), TEST(full_restart), TEST(full_ranges),
		TEST(full_ranges_left), TEST(full_sets), TEST(repairs), TEST(crashes), TEST(errors),
		TEST(at_random), TEST(timing),
	};

	return unit_run(tests, NULL, NULL);
}
