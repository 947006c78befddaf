// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing entries of the pipeline's maps through their own
 * operations, as bpf(2) does for user space.
 */
#include <linux/bpf.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include "sluice.h"

/* Sums of __u64: the per-CPU tables hold counters and nothing else. */
static int sluice_map_read_percpu(struct bpf_map *map, const void *key, void *value)
{
	u32 words = map->value_size / sizeof(u64), w;
	u64 *sum = value;
	const u64 *v;
	int cpu;

	memset(value, 0, map->value_size);
	for_each_possible_cpu(cpu) {
		v = map->ops->map_lookup_percpu_elem(map, (void *)key, cpu);
		if (!v)
			return -ENOENT;
		for (w = 0; w < words; w++)
			sum[w] += READ_ONCE(v[w]);
	}
	return 0;
}

static void *sluice_map_lookup(struct bpf_map *map, const void *key)
{
	/* An LRU map counts what it thinks are packets otherwise. */
	if (map->ops->map_lookup_elem_sys_only)
		return map->ops->map_lookup_elem_sys_only(map, (void *)key);
	return map->ops->map_lookup_elem(map, (void *)key);
}

static bool sluice_map_is_percpu(const struct bpf_map *map)
{
	return map->map_type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       map->map_type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

int sluice_map_read(struct bpf_map *map, const void *key, void *value)
{
	int err = 0;
	void *v;

	rcu_read_lock();
	if (sluice_map_is_percpu(map)) {
		err = sluice_map_read_percpu(map, key, value);
	} else {
		v = sluice_map_lookup(map, key);
		if (v)
			memcpy(value, v, map->value_size);
		else
			err = -ENOENT;
	}
	rcu_read_unlock();
	return err;
}

/*
 * A trie answers with the longest prefix that covers the key. That one is the
 * key itself when asking with one bit less finds something else.
 */
static int sluice_map_read_trie(struct bpf_map *map, const void *key, void *value)
{
	u8 shorter[SLUICE_KEY_MAX];
	void *v, *above = NULL;
	u32 *plen = (u32 *)shorter;
	int err = -ENOENT;

	memcpy(shorter, key, map->key_size);
	rcu_read_lock();
	v = map->ops->map_lookup_elem(map, (void *)key);
	if (v && *plen) {
		--*plen;
		above = map->ops->map_lookup_elem(map, shorter);
	}
	if (v && v != above) {
		memcpy(value, v, map->value_size);
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

int sluice_map_read_exact(struct bpf_map *map, const void *key, void *value)
{
	if (map->map_type == BPF_MAP_TYPE_LPM_TRIE)
		return sluice_map_read_trie(map, key, value);
	return sluice_map_read(map, key, value);
}

/* A bucket's lock may be taken by who interrupted us on another way: then again. */
#define SLUICE_MAP_TRIES	16

int sluice_map_write(struct bpf_map *map, const void *key, const void *value, u64 flags)
{
	int err, tries = 0;

	do {
		rcu_read_lock();
		err = map->ops->map_update_elem(map, (void *)key, (void *)value, flags);
		rcu_read_unlock();
	} while (err == -EBUSY && ++tries < SLUICE_MAP_TRIES);
	return err;
}

/* A trie takes memory as it is there at once, for what was deleted from it too. */
#define SLUICE_RESTORE_TRIES	100
#define SLUICE_RESTORE_MS	10

int sluice_map_restore(struct bpf_map *map, const void *key, const void *value)
{
	int err, tries = 0;

	while ((err = sluice_map_write(map, key, value, BPF_ANY)) == -ENOMEM &&
	       ++tries < SLUICE_RESTORE_TRIES)
		msleep(SLUICE_RESTORE_MS);
	return err;
}

int sluice_map_delete(struct bpf_map *map, const void *key)
{
	int err, tries = 0;

	do {
		rcu_read_lock();
		err = map->ops->map_delete_elem(map, (void *)key);
		rcu_read_unlock();
	} while (err == -EBUSY && ++tries < SLUICE_MAP_TRIES);
	return err;
}

void sluice_count_inc(struct sluice_pipe *pipe, u32 count)
{
	struct bpf_map *map = pipe->map[SL_MAP_COUNT];
	u64 *n;

	/* This processor's own, which the programs count in softirqs. */
	local_bh_disable();
	rcu_read_lock();
	n = map->ops->map_lookup_elem(map, &count);
	if (n)
		++*n;
	rcu_read_unlock();
	local_bh_enable();
}
