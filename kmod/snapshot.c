// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of a map at one moment. A hash is walked bucket by bucket by the map's
 * own iterator, which doesn't lose its place when entries come and go, as
 * asking for the key after a deleted one would.
 */
#include <linux/mm.h>
#include "sluice.h"

struct sluice_walk {
	struct sluice_snapshot *s;
	sluice_filter_t filter;
	const void *arg;
	u32 seen;
	bool full;
};

static u64 sluice_walk_one(u64 map, u64 key, u64 value, u64 ctx, u64 unused)
{
	struct sluice_walk *w = (struct sluice_walk *)(long)ctx;
	struct sluice_snapshot *s = w->s;
	u32 size = s->map->key_size;

	if (w->filter && !w->filter(w->arg, (void *)(long)key, (void *)(long)value))
		return 0;
	w->seen++;
	if (!s->keys)
		return 0;
	if (s->count == s->room) {
		w->full = true;
		return 1;
	}
	memcpy(s->keys + (size_t)s->count++ * size, (void *)(long)key, size);
	return 0;
}

static int sluice_walk_hash(struct sluice_walk *w)
{
	struct bpf_map *map = w->s->map;
	long n;

	migrate_disable();
	n = map->ops->map_for_each_callback(map, sluice_walk_one, w, 0);
	migrate_enable();
	return n < 0 ? n : 0;
}

/* For a trie, whose entries change only by commits. */
static int sluice_walk_keys(struct sluice_walk *w)
{
	struct bpf_map *map = w->s->map;
	u8 key[2][SLUICE_KEY_MAX];
	unsigned int at = 0;
	u32 steps = 0;
	void *value;
	int err;

	rcu_read_lock();
	err = map->ops->map_get_next_key(map, NULL, key[at]);
	while (!err && !w->full) {
		value = map->ops->map_lookup_elem(map, key[at]);
		if (value)
			sluice_walk_one(0, (long)key[at], (long)value, (long)w, 0);
		/* A key that went in between leads back to the beginning. */
		if (++steps > map->max_entries) {
			err = -EAGAIN;
			break;
		}
		err = map->ops->map_get_next_key(map, key[at], key[!at]);
		at = !at;
	}
	rcu_read_unlock();
	return err == -ENOENT ? 0 : err;
}

static int sluice_walk(struct sluice_walk *w)
{
	w->seen = 0;
	w->full = false;
	w->s->count = 0;
	if (w->s->map->ops->map_for_each_callback)
		return sluice_walk_hash(w);
	return sluice_walk_keys(w);
}

/* Of how many more there may be when they are taken than when they were counted. */
#define SLUICE_SNAPSHOT_SLACK	1024
#define SLUICE_SNAPSHOT_TRIES	4

int sluice_snapshot_take(struct sluice_snapshot *s, struct bpf_map *map, sluice_filter_t filter,
			 const void *arg)
{
	struct sluice_walk w = { .s = s, .filter = filter, .arg = arg };
	int err, tries;

	memset(s, 0, sizeof(*s));
	if (map->key_size > SLUICE_KEY_MAX)
		return -EOPNOTSUPP;
	s->map = map;
	for (tries = 0; tries < SLUICE_SNAPSHOT_TRIES; tries++) {
		err = sluice_walk(&w);
		if (err == -EAGAIN)
			continue;
		if (err)
			return err;
		s->room = w.seen + w.seen / 8 + SLUICE_SNAPSHOT_SLACK;
		s->keys = kvmalloc_array(s->room, map->key_size, GFP_KERNEL_ACCOUNT);
		if (!s->keys)
			return -ENOMEM;
		err = sluice_walk(&w);
		if (!err && !w.full)
			return 0;
		sluice_snapshot_free(s);
		if (err && err != -EAGAIN)
			return err;
		cond_resched();
	}
	return -EAGAIN;
}

void sluice_snapshot_free(struct sluice_snapshot *s)
{
	kvfree(s->keys);
	s->keys = NULL;
	s->count = 0;
	s->next = 0;
}

const void *sluice_snapshot_next(struct sluice_snapshot *s)
{
	if (!s->keys || s->next >= s->count)
		return NULL;
	return s->keys + (size_t)s->next++ * s->map->key_size;
}
