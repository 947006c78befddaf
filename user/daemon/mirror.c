// SPDX-License-Identifier: GPL-2.0
/* The tables as they are; see mirror.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/mirror.h"

#define KEY_MAX 32

int mirror_init(struct mirror *m, const struct tables *t)
{
	memset(m, 0, sizeof(*m));
	m->t = t;
	lpm_init(&m->class, sizeof(struct sl_class_val));
	btab_init(&m->rule, sizeof(struct sl_rule_key), sizeof(struct sl_rule_val));
	btab_init(&m->port, sizeof(struct sl_port_key), sizeof(struct sl_port_val));
	btab_init(&m->bearers[0], sizeof(__u32), sizeof(__u32));
	btab_init(&m->bearers[1], sizeof(__u32), sizeof(__u32));
	m->batch.keys = malloc(MIRROR_BATCH * KEY_MAX);
	m->batch.vals = malloc(MIRROR_BATCH * KEY_MAX);
	return m->batch.keys && m->batch.vals ? 0 : -ENOMEM;
}

static void forget(struct mirror *m)
{
	lpm_exit(&m->class);
	btab_exit(&m->rule);
	btab_exit(&m->port);
	btab_exit(&m->bearers[0]);
	btab_exit(&m->bearers[1]);
	m->batch.n = 0;
	m->valid = false;
}

void mirror_exit(struct mirror *m)
{
	forget(m);
	free(m->batch.keys);
	free(m->batch.vals);
}

/* ---------------------------------------------------- the mirror's own copy */

static int count_bearer(struct btab *bearers, __u32 id, int by)
{
	__u32 *have = btab_get(bearers, &id), n = (have ? *have : 0) + by;

	if (!n) {
		btab_del(bearers, &id);
		return 0;
	}
	return btab_set(bearers, &id, &n);
}

static int count_class(struct mirror *m, const struct sl_class_val *val, int by)
{
	int err = count_bearer(&m->bearers[0], val->class_id[0], by);

	return err ? err : count_bearer(&m->bearers[1], val->class_id[1], by);
}

static int note_set(struct mirror *m, enum sl_map map, const void *key, const void *val)
{
	struct sl_class_val *old;
	int err;

	if (map == SL_MAP_RULE)
		return btab_set(&m->rule, key, val);
	if (map == SL_MAP_PORT)
		return btab_set(&m->port, key, val);
	/* the new ones are counted first, so that no count falls to zero between */
	err = count_class(m, val, 1);
	old = lpm_get(&m->class, key);
	if (!err && old)
		err = count_class(m, old, -1);
	return err ? err : lpm_set(&m->class, key, val);
}

static int note_del(struct mirror *m, enum sl_map map, const void *key)
{
	struct sl_class_val *old;
	int err = 0;

	if (map == SL_MAP_RULE) {
		btab_del(&m->rule, key);
	} else if (map == SL_MAP_PORT) {
		btab_del(&m->port, key);
	} else {
		old = lpm_get(&m->class, key);
		if (old)
			err = count_class(m, old, -1);
		lpm_del(&m->class, key);
	}
	return err;
}

struct loading {
	struct mirror *m;
	enum sl_map map;
};

/* Entries of the administrator's are in no difference, and so never touched. */
static bool is_admins(enum sl_map map, const void *val)
{
	const struct sl_rule_val *rule = val;
	const struct sl_port_val *port = val;

	return (map == SL_MAP_RULE && rule->origin == SL_ORIGIN_ADMIN) ||
	       (map == SL_MAP_PORT && port->origin == SL_ORIGIN_ADMIN);
}

static int load_one(void *arg, const void *key, const void *val)
{
	struct loading *l = arg;

	if (is_admins(l->map, val))
		return 0;
	return note_set(l->m, l->map, key, val);
}

int mirror_load(struct mirror *m)
{
	static const enum sl_map maps[] = { SL_MAP_CLASS, SL_MAP_RULE, SL_MAP_PORT };
	struct loading l = { .m = m };
	unsigned int i;
	int err = 0;

	forget(m);
	for (i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++) {
		l.map = maps[i];
		err = m->t->each(m->t->ctx, l.map, load_one, &l);
	}
	if (err)
		forget(m);
	m->valid = !err;
	return err;
}

/* ---------------------------------------------------------------- writing */

int mirror_flush(struct mirror *m)
{
	struct mirror_batch *b = &m->batch;
	size_t ks = tables_key_size(b->map), vs = tables_value_size(b->map), i;
	int err;

	if (!b->n)
		return 0;
	err = b->del ? m->t->del(m->t->ctx, b->map, b->keys, b->n) :
		       m->t->update(m->t->ctx, b->map, b->keys, b->vals, b->n);
	for (i = 0; !err && i < b->n; i++)
		err = b->del ? note_del(m, b->map, b->keys + i * ks) :
			       note_set(m, b->map, b->keys + i * ks, b->vals + i * vs);
	b->n = 0;
	if (err)
		m->valid = false;
	return err;
}

static int queue(struct mirror *m, enum sl_map map, bool del, const void *key, const void *val)
{
	struct mirror_batch *b = &m->batch;
	int err = 0;

	if (b->n && (b->map != map || b->del != del || b->n == MIRROR_BATCH))
		err = mirror_flush(m);
	if (err)
		return err;
	b->map = map;
	b->del = del;
	memcpy(b->keys + b->n * tables_key_size(map), key, tables_key_size(map));
	if (!del)
		memcpy(b->vals + b->n * tables_value_size(map), val, tables_value_size(map));
	b->n++;
	return 0;
}

int mirror_set(struct mirror *m, enum sl_map map, const void *key, const void *val)
{
	return queue(m, map, false, key, val);
}

int mirror_del(struct mirror *m, enum sl_map map, const void *key)
{
	return queue(m, map, true, key, NULL);
}
