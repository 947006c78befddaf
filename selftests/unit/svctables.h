/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of services in memory, which look at every single write: nothing leads to
 * what is not complete, nothing that something leads to is changed, and nothing is used
 * again before its time. The writer can be made to die at any write.
 */
#ifndef UNIT_SVCTABLES_H
#define UNIT_SVCTABLES_H

#include <errno.h>
#include <string.h>
#include "daemon/balancer_impl.h"

#define SECOND 1000000000ULL

struct svctables {
	struct tables t;
	struct sl_svc svcs[SL_SVC_MAX];
	struct sl_backend backend[SL_BACKEND_MAX];
	struct sl_set_page page[SL_SET_MAX];
	struct btab front, addr, src;
	size_t max_front, max_addr, max_src;
	unsigned long writes;
	long die_at;			/* writes left; -1: never */
	bool dead, blind;		/* blind: without looking, for big ones */
	bool fails;			/* not death: calls fail, stores don't */
	/* what the checks remember */
	__u64 page_free_ns[SL_SET_MAX], backend_free_ns[SL_BACKEND_MAX], svc_free_ns[SL_SVC_MAX];
	__u32 page_refs[SL_SET_MAX], backend_gen[SL_BACKEND_MAX];
	bool owes[SL_SVC_MAX];		/* a generation: something was taken away */
};

static __u64 svctables_now = 1000 * SECOND;

static __u64 svctables_clock(void)
{
	return svctables_now;
}

static bool st_write(struct svctables *m)
{
	if (!m->dead && m->die_at >= 0 && !m->die_at--)
		m->dead = true;
	if (!m->dead)
		m->writes++;
	return !m->dead;
}

static bool st_store(struct svctables *m)
{
	return m->fails || st_write(m);
}

static struct btab *st_btab(struct svctables *m, enum sl_map map)
{
	return map == SL_MAP_FRONT ? &m->front : map == SL_MAP_ADDR ? &m->addr :
	       map == SL_MAP_SVC_SRC ? &m->src : NULL;
}

static void *st_array(struct svctables *m, enum sl_map map, const void *key)
{
	__u32 id;

	memcpy(&id, key, sizeof(id));
	assert_in_range(id, 1, map == SL_MAP_SET ? SL_SET_MAX - 1 : SL_BACKEND_MAX - 1);
	return map == SL_MAP_SET ? (void *)&m->page[id] : (void *)&m->backend[id];
}

static __u32 st_entry(const struct svctables *m, __u32 page, unsigned int i)
{
	return m->page[page + i / SL_SET_PAGE].backend[i % SL_SET_PAGE];
}

/* Each entry that a program could pick is a backend of the service. */
static void st_check_word(const struct svctables *m, __u32 svc, enum sl_svc_scope scope,
			  __u64 word)
{
	const __u8 flag = scope == SL_SVC_LOCAL ? SL_BACKEND_LOCAL : SL_BACKEND_READY;
	unsigned int i, n = word_count(word), size = word_maglev(word);
	const struct sl_backend *b;
	__u32 page = word_page(word);

	if (!n)
		return;
	assert_in_range(page, 1, SL_SET_MAX - word_pages(word));
	for (i = 0; i < n + size; i++) {
		b = &m->backend[i < n ? st_entry(m, page, i) :
					st_entry(m, page + pages_of(n), i - n)];
		if (b->svc != svc || !(b->flags & flag))
			fail_msg("service %u: entry %u leads to a backend of %u with flags %x",
				 svc, i, b->svc, b->flags);
	}
}

static bool st_names(const struct svctables *m, __u64 word, __u32 backend)
{
	unsigned int i;

	for (i = 0; i < word_count(word); i++)
		if (st_entry(m, word_page(word), i) == backend)
			return true;
	return false;
}

static void st_check_backend(struct svctables *m, __u32 id, const struct sl_backend *new)
{
	const struct sl_backend *old = &m->backend[id];
	bool other = old->svc != new->svc || old->port != new->port || old->proto != new->proto ||
		     memcmp(&old->addr, &new->addr, sizeof(old->addr));
	const struct sl_svc *s = &m->svcs[old->svc < SL_SVC_MAX ? old->svc : 0];

	if (old->flags &&
	    ((!(new->flags & SL_BACKEND_READY) && st_names(m, s->set[SL_SVC_CLUSTER], id)) ||
	     (!(new->flags & SL_BACKEND_LOCAL) && st_names(m, s->set[SL_SVC_LOCAL], id))))
		fail_msg("backend %u is not ready, but service %u leads there", id, old->svc);
	if (old->flags && !new->flags) {
		m->backend_free_ns[id] = svctables_now;
		m->backend_gen[id] = s->gen;
		m->owes[old->svc] = true;
	}
	if (!other || !old->svc)
		return;
	if (old->flags)
		fail_msg("backend %u is another, but its flags were not 0", id);
	if (svctables_now - m->backend_free_ns[id] < SECOND)
		fail_msg("backend %u is used again too early", id);
	if (s->gen == m->backend_gen[id])
		fail_msg("backend %u is another, but service %u has its generation", id, old->svc);
}

static void st_check_front(struct svctables *m, const void *key, const struct sl_front_val *new)
{
	const struct sl_front_val *old = btab_get(&m->front, key);

	if (old && (!new || new->svc != old->svc))
		m->owes[old->svc] = true;
	if (!new)
		return;
	assert_in_range(new->svc, 1, SL_SVC_MAX - 1);
	st_check_word(m, new->svc, SL_SVC_CLUSTER, m->svcs[new->svc].set[SL_SVC_CLUSTER]);
	st_check_word(m, new->svc, SL_SVC_LOCAL, m->svcs[new->svc].set[SL_SVC_LOCAL]);
}

static void st_check_page(struct svctables *m, __u32 id)
{
	if (m->page_refs[id])
		fail_msg("page %u is changed, but something leads there", id);
	if (svctables_now - m->page_free_ns[id] < SECOND)
		fail_msg("page %u is used again too early", id);
}

static int st_room(struct svctables *m, enum sl_map map, const void *key)
{
	size_t max = map == SL_MAP_FRONT ? m->max_front : map == SL_MAP_ADDR ? m->max_addr :
									    m->max_src;
	struct btab *t = st_btab(m, map);

	return t->count < max || btab_get(t, key) ? 0 : map == SL_MAP_SVC_SRC ? -ENOSPC : -E2BIG;
}

static int st_put(struct svctables *m, enum sl_map map, const void *key, const void *val)
{
	struct btab *t = st_btab(m, map);
	__u32 id;
	int err;

	memcpy(&id, key, sizeof(id));
	err = t ? st_room(m, map, key) : 0;
	if (err)
		return err;
	if (!st_write(m))
		return -EIO;
	if (!m->blind && map == SL_MAP_FRONT)
		st_check_front(m, key, val);
	else if (!m->blind && map == SL_MAP_SET)
		st_check_page(m, id);
	else if (!m->blind && map == SL_MAP_BACKEND)
		st_check_backend(m, id, val);
	if (t)
		return btab_set(t, key, val);
	memcpy(st_array(m, map, key), val, tables_value_size(map));
	return 0;
}

static int st_update(void *ctx, enum sl_map map, const void *keys, const void *vals, size_t n)
{
	const unsigned char *k = keys, *v = vals;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = st_put(ctx, map, k + i * tables_key_size(map),
			     v + i * tables_value_size(map));
	return err;
}

static int st_add(void *ctx, enum sl_map map, const void *key, const void *val)
{
	return btab_get(st_btab(ctx, map), key) ? -EEXIST : st_put(ctx, map, key, val);
}

static int st_del(void *ctx, enum sl_map map, const void *keys, size_t n)
{
	const unsigned char *k = keys;
	struct svctables *m = ctx;
	size_t i;

	for (i = 0; i < n; i++, k += tables_key_size(map)) {
		if (!st_write(m))
			return -EIO;
		if (!m->blind && map == SL_MAP_FRONT)
			st_check_front(m, k, NULL);
		btab_del(st_btab(m, map), k);
	}
	return 0;
}

static int st_lookup(void *ctx, enum sl_map map, const void *key, void *val)
{
	struct btab *t = st_btab(ctx, map);
	const void *v = t ? btab_get(t, key) : st_array(ctx, map, key);

	if (!v)
		return -ENOENT;
	memcpy(val, v, tables_value_size(map));
	return 0;
}

static int st_each(void *ctx, enum sl_map map,
		   int (*cb)(void *arg, const void *key, const void *val), void *arg)
{
	struct svctables *m = ctx;
	struct btab *t = st_btab(m, map);
	const void *key;
	size_t pos = 0;
	__u32 id, max = map == SL_MAP_SET ? SL_SET_MAX : SL_BACKEND_MAX;
	void *val;
	int err = 0;

	if (t) {
		while (!err && btab_walk(t, &pos, &key, &val))
			err = cb(arg, key, val);
		return err;
	}
	for (id = 0; !err && id < max; id++)
		err = cb(arg, &id, map == SL_MAP_SET ? (void *)&m->page[id] :
						       (void *)&m->backend[id]);
	return err;
}

static void st_ref(struct svctables *m, __u64 word, int by)
{
	__u32 i;

	/* a test may have put anything there */
	if (!word_count(word) || word_page(word) >= SL_SET_MAX - word_pages(word))
		return;
	for (i = 0; i < word_pages(word); i++) {
		m->page_refs[word_page(word) + i] += by;
		if (by < 0)
			m->page_free_ns[word_page(word) + i] = svctables_now;
	}
}

static void st_set_svc_set(void *ctx, struct sl_svc *svc, enum sl_svc_scope scope, __u64 word)
{
	struct svctables *m = ctx;

	if (!st_store(m))
		return;
	if (!m->blind)
		st_check_word(m, svc - m->svcs, scope, word);
	st_ref(m, word, 1);
	st_ref(m, svc->set[scope], -1);
	svc->set[scope] = word;
}

static void st_set_svc_conf(void *ctx, struct sl_svc *svc, __u32 affinity_s, __u32 flags)
{
	if (!st_store(ctx))
		return;
	svc->affinity_s = affinity_s;
	svc->flags = flags;
}

static void st_set_svc_gen(void *ctx, struct sl_svc *svc, __u32 gen)
{
	struct svctables *m = ctx;

	if (!st_store(m))
		return;
	assert_true(gen > svc->gen);
	svc->gen = gen;
	m->owes[svc - m->svcs] = false;
}

static struct svctables *svctables_new(void)
{
	struct svctables *m = calloc(1, sizeof(*m));

	btab_init(&m->front, sizeof(struct sl_front_key), sizeof(struct sl_front_val));
	btab_init(&m->addr, sizeof(union sl_addr), sizeof(struct sl_addr_val));
	btab_init(&m->src, sizeof(struct sl_svc_src_key), sizeof(__u32));
	m->max_front = m->max_addr = m->max_src = 1 << 20;
	m->die_at = -1;
	m->t = (struct tables){
		.ctx = m, .svcs = m->svcs, .each = st_each, .update = st_update, .del = st_del,
		.lookup = st_lookup, .add = st_add, .set_svc_set = st_set_svc_set,
		.set_svc_conf = st_set_svc_conf, .set_svc_gen = st_set_svc_gen,
	};
	balancer_clock = svctables_clock;
	return m;
}

static void svctables_free(struct svctables *m)
{
	btab_exit(&m->front);
	btab_exit(&m->addr);
	btab_exit(&m->src);
	free(m);
}

#endif
