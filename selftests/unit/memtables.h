/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy tables in memory: after each single write somebody is called
 * who can look at everything, and the writer can be made to die at any write.
 */
#ifndef UNIT_MEMTABLES_H
#define UNIT_MEMTABLES_H

#include <errno.h>
#include <stdlib.h>
#include "daemon/lpm.h"
#include "daemon/tables.h"

struct memtables {
	struct tables t;
	struct sl_ep eps[SL_EP_MAX];
	struct lpm class;
	struct btab rule, port;
	unsigned long writes;
	long die_at;			/* writes left; -1: never */
	bool dead;
	void (*look)(void *arg);	/* after each write */
	void *arg;
};

/* False: the writer is dead, and the write does not happen. */
static bool mem_write(struct memtables *m)
{
	if (!m->dead && m->die_at >= 0 && !m->die_at--)
		m->dead = true;
	if (!m->dead)
		m->writes++;
	return !m->dead;
}

static void mem_look(struct memtables *m)
{
	if (m->look)
		m->look(m->arg);
}

static struct btab *mem_btab(struct memtables *m, enum sl_map map)
{
	return map == SL_MAP_CLASS ? &m->class.t : map == SL_MAP_RULE ? &m->rule : &m->port;
}

static int mem_each(void *ctx, enum sl_map map,
		    int (*cb)(void *arg, const void *key, const void *val), void *arg)
{
	const void *key;
	size_t pos = 0;
	void *val;
	int err = 0;

	while (!err && btab_walk(mem_btab(ctx, map), &pos, &key, &val))
		err = cb(arg, key, val);
	return err;
}

static int mem_update(void *ctx, enum sl_map map, const void *keys, const void *vals, size_t n)
{
	const unsigned char *k = keys, *v = vals;
	struct memtables *m = ctx;
	size_t i;

	for (i = 0; i < n; i++, k += tables_key_size(map), v += tables_value_size(map)) {
		if (!mem_write(m))
			return -EIO;
		if (map == SL_MAP_CLASS)
			lpm_set(&m->class, (const void *)k, v);
		else
			btab_set(mem_btab(m, map), k, v);
		mem_look(m);
	}
	return 0;
}

static int mem_del(void *ctx, enum sl_map map, const void *keys, size_t n)
{
	const unsigned char *k = keys;
	struct memtables *m = ctx;
	size_t i;

	for (i = 0; i < n; i++, k += tables_key_size(map)) {
		if (!mem_write(m))
			return -EIO;
		if (map == SL_MAP_CLASS)
			lpm_del(&m->class, (const void *)k);
		else
			btab_del(mem_btab(m, map), k);
		mem_look(m);
	}
	return 0;
}

/* The trie of ports: the longest prefix of (set, protocol, port) there is. */
static const void *mem_port(const struct memtables *m, const struct sl_port_key *key)
{
	struct sl_port_key k = *key;
	unsigned int len, port = k.port[0] << 8 | k.port[1], bits;
	const void *v;

	for (len = k.prefixlen; len >= SL_PORT_PLEN_PROTO; len--) {
		bits = SL_PORT_PLEN_PORT - len;
		k.prefixlen = len;
		k.port[0] = (port >> bits << bits) >> 8;
		k.port[1] = port >> bits << bits;
		v = btab_get(&m->port, &k);
		if (v)
			return v;
	}
	k = (struct sl_port_key){ .prefixlen = SL_PORT_PLEN_SET, .ports = key->ports };
	return btab_get(&m->port, &k);
}

static int mem_lookup(void *ctx, enum sl_map map, const void *key, void *val)
{
	struct memtables *m = ctx;
	const void *v = NULL;
	union sl_addr a;

	if (map == SL_MAP_CLASS) {
		memcpy(&a, &((const struct sl_prefix *)key)->addr, sizeof(a));
		v = lpm_find(&m->class, &a, 129);
	} else if (map == SL_MAP_PORT) {
		v = mem_port(m, key);
	} else if (map == SL_MAP_RULE) {
		v = btab_get(&m->rule, key);
	}
	if (!v)
		return -ENOENT;
	memcpy(val, v, tables_value_size(map));
	return 0;
}

static void mem_set_class(void *ctx, __u32 ep, unsigned int column, enum sl_family f, __u32 id)
{
	struct memtables *m = ctx;

	if (!mem_write(m))
		return;
	m->eps[ep].class_id[column][f] = id;
	mem_look(m);
}

static void mem_set_policy(void *ctx, __u32 ep, __u64 word)
{
	struct memtables *m = ctx;

	if (!mem_write(m))
		return;
	m->eps[ep].policy = word;
	mem_look(m);
}

static struct memtables *mem_new(void)
{
	struct memtables *m = calloc(1, sizeof(*m));

	lpm_init(&m->class, sizeof(struct sl_class_val));
	btab_init(&m->rule, sizeof(struct sl_rule_key), sizeof(struct sl_rule_val));
	btab_init(&m->port, sizeof(struct sl_port_key), sizeof(struct sl_port_val));
	m->die_at = -1;
	m->t = (struct tables){
		.ctx = m, .eps = m->eps, .each = mem_each, .update = mem_update, .del = mem_del,
		.lookup = mem_lookup, .set_class = mem_set_class, .set_policy = mem_set_policy,
	};
	return m;
}

static void mem_free(struct memtables *m)
{
	lpm_exit(&m->class);
	btab_exit(&m->rule);
	btab_exit(&m->port);
	free(m);
}

#endif
