// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Reading whole maps: in batches where the kernel has them, per-CPU values summed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/backend.h"

/* Entries a system call; a bucket of a hash that holds more makes it grow. */
#define BATCH	512

const char *sluice_map_name(enum sl_map map)
{
	static const char *const names[] = {
#define NAME(sym, name) name,
		SL_MAPS(NAME)
#undef NAME
	};

	return map < __SL_MAP_MAX ? names[map] : NULL;
}

/* ---------------------------------------------------------------- batches */

struct batch {
	int fd;
	__u32 key_size, value_size, room;
	char *keys, *values;
	char at[2][sizeof(struct sl_tuple)];	/* where to go on: kernel's, opaque */
	bool begun, done;
};
_Static_assert(sizeof(struct sl_tuple) >= sizeof(struct sl_frag_key), "longest key");

static int batch_room(struct batch *b, __u32 room)
{
	free(b->keys);
	free(b->values);
	b->room = room;
	b->keys = malloc((size_t)room * b->key_size);
	b->values = malloc((size_t)room * b->value_size);
	return b->keys && b->values ? 0 : -ENOMEM;
}

/* How many came, 0 at the end, or a negative errno. */
static int batch_next(struct batch *b)
{
	__u32 count;
	int err;

	if (b->done)
		return 0;
	do {
		count = b->room;
		err = bpf_map_lookup_batch(b->fd, b->begun ? b->at[0] : NULL, b->at[1], b->keys,
					   b->values, &count, NULL);
		if (err != -ENOSPC)
			break;
		err = batch_room(b, b->room * 2);
	} while (!err);
	if (err && err != -ENOENT)
		return err;
	memcpy(b->at[0], b->at[1], sizeof(b->at[0]));
	b->begun = true;
	b->done = err == -ENOENT;
	return count;
}

int lib_map_each(int fd, __u32 key_size, __u32 value_size, lib_map_cb_t cb, void *arg)
{
	struct batch b = { .fd = fd, .key_size = key_size, .value_size = value_size };
	int err, n, i;

	if (key_size > sizeof(b.at[0]))
		return -EINVAL;
	err = batch_room(&b, BATCH);
	while (!err && (n = batch_next(&b))) {
		err = n < 0 ? n : 0;
		for (i = 0; !err && i < n; i++)
			err = cb(arg, b.keys + (size_t)i * key_size,
				 b.values + (size_t)i * value_size);
	}
	free(b.keys);
	free(b.values);
	return err;
}

/* -------------------------------------------------------------- one entry */

const struct sluice_table *lib_table_of(enum sl_map map)
{
	const struct sluice_table *t;
	size_t n;

	t = sluice_tables(&n);
	return (size_t)map < n ? &t[map] : NULL;
}

/*
 * Of a key that is not there a trie says its first one is next; of one that is
 * there, another. (That @key is covered is known: the trie is not empty.)
 */
static int trie_has(int fd, const struct sluice_table *t, const void *key)
{
	unsigned char first[sizeof(struct sl_tuple)], next[sizeof(struct sl_tuple)];
	int err;

	err = bpf_map_get_next_key(fd, key, next);
	if (err)
		return err == -ENOENT ? 1 : err;
	err = bpf_map_get_next_key(fd, NULL, first);
	if (err)
		return err == -ENOENT ? 0 : err;
	return !!memcmp(first, next, t->key_size);
}

static int percpu_get(int fd, const struct sluice_table *t, const void *key, void *value)
{
	int cpus = libbpf_num_possible_cpus(), err, cpu;
	__u32 words = t->value_size / sizeof(__u64), w;
	__u64 *values, *out = value;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * words, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(fd, key, values);
	for (w = 0; !err && w < words; w++) {
		out[w] = 0;
		for (cpu = 0; cpu < cpus; cpu++)
			out[w] += values[cpu * words + w];
	}
	free(values);
	return err;
}

int lib_map_get_exact(int fd, const struct sluice_table *t, const void *key, void *value)
{
	int err, has;

	if (t->percpu)
		return percpu_get(fd, t, key, value);
	err = bpf_map_lookup_elem(fd, key, value);
	if (err || t->match != SLUICE_MATCH_LPM)
		return err;
	has = trie_has(fd, t, key);
	return has < 0 ? has : has ? 0 : -ENOENT;
}

/* ---------------------------------------------------------------- per CPU */

int lib_map_percpu_sum(int fd, __u32 entries, __u32 words, __u64 *out)
{
	int cpus = libbpf_num_possible_cpus(), err = 0, cpu;
	__u32 key, w;
	__u64 *values;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * words, sizeof(*values));
	if (!values)
		return -ENOMEM;
	memset(out, 0, (size_t)entries * words * sizeof(*out));
	for (key = 0; key < entries; key++) {
		err = bpf_map_lookup_elem(fd, &key, values);
		if (err)
			break;
		for (cpu = 0; cpu < cpus; cpu++)
			for (w = 0; w < words; w++)
				out[key * words + w] += values[cpu * words + w];
	}
	free(values);
	return err;
}
