// SPDX-License-Identifier: GPL-2.0
/* The balancer's writes, in batches; see balancer_impl.h. */
#include <errno.h>
#include "daemon/balancer_impl.h"

/* Hash tables say E2BIG, tries ENOSPC. */
bool bal_is_full(int err)
{
	return err == -E2BIG || err == -ENOSPC;
}

/* A batch stops at the first entry that doesn't fit; there may be room for those behind. */
static int put_each(struct balancer *b)
{
	struct balancer_queue *q = &b->queue;
	size_t ks = tables_key_size(q->map), vs = tables_value_size(q->map), i;
	int err = 0;

	for (i = 0; !err && i < q->n; i++) {
		err = b->t->update(b->t->ctx, q->map, q->key + i * ks, q->val + i * vs, 1);
		if (bal_is_full(err) && q->map == SL_MAP_FRONT) {
			bal_front_is_full(b, (const void *)(q->key + i * ks));
			err = 0;
		}
	}
	return err;
}

void bal_flush(struct balancer *b)
{
	struct balancer_queue *q = &b->queue;
	int err;

	if (!q->n)
		return;
	if (q->del)
		err = b->t->del(b->t->ctx, q->map, q->key, q->n);
	else
		err = b->t->update(b->t->ctx, q->map, q->key, q->val, q->n);
	if (!q->del && bal_is_full(err))
		err = put_each(b);
	q->n = 0;
	b->err = err;
}

static void queue(struct balancer *b, enum sl_map map, bool del, const void *key, const void *val)
{
	struct balancer_queue *q = &b->queue;

	if (!b->err && q->n && (q->map != map || q->del != del || q->n == BALANCER_BATCH))
		bal_flush(b);
	if (b->err)
		return;
	q->map = map;
	q->del = del;
	memcpy(q->key + q->n * tables_key_size(map), key, tables_key_size(map));
	if (!del)
		memcpy(q->val + q->n * tables_value_size(map), val, tables_value_size(map));
	q->n++;
	if (map != SL_MAP_SET)
		b->writes++;
}

void bal_put(struct balancer *b, enum sl_map map, const void *key, const void *val)
{
	queue(b, map, false, key, val);
}

void bal_del(struct balancer *b, enum sl_map map, const void *key)
{
	queue(b, map, true, key, NULL);
}

int bal_put_now(struct balancer *b, enum sl_map map, const void *key, const void *val)
{
	int err;

	bal_flush(b);
	if (b->err)
		return b->err;
	b->writes++;
	err = b->t->update(b->t->ctx, map, key, val, 1);
	if (bal_is_full(err))
		return -ENOSPC;
	b->err = err;
	return err;
}

/* Stores overtake what is queued, so that comes first. */
void bal_set_word(struct balancer *b, __u32 svc, enum sl_svc_scope scope, __u64 word)
{
	bal_flush(b);
	if (b->err || b->t->svcs[svc].set[scope] == word)
		return;
	b->writes++;
	b->t->set_svc_set(b->t->ctx, &b->t->svcs[svc], scope, word);
}

void bal_set_conf(struct balancer *b, __u32 svc, __u32 affinity_s, __u32 flags)
{
	const struct sl_svc *s = &b->t->svcs[svc];

	bal_flush(b);
	if (b->err || (s->affinity_s == affinity_s && s->flags == flags))
		return;
	b->writes++;
	b->t->set_svc_conf(b->t->ctx, &b->t->svcs[svc], affinity_s, flags);
}

void bal_bump(struct balancer *b, __u32 svc)
{
	b->bumped[svc / 64] |= 1ULL << (svc % 64);
}

void bal_bump_all(struct balancer *b)
{
	__u32 id;

	bal_flush(b);
	for (id = 1; id < SL_SVC_MAX; id++) {
		if (!(id % 64) && !b->bumped[id / 64]) {
			id += 63;
			continue;
		}
		if (b->err || !(b->bumped[id / 64] >> (id % 64) & 1))
			continue;
		b->t->set_svc_gen(b->t->ctx, &b->t->svcs[id], b->t->svcs[id].gen + 1);
	}
	memset(b->bumped, 0, sizeof(b->bumped));
}
