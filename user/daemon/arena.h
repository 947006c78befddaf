/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is taken piece by piece and given back all at once. */
#ifndef SLUICED_ARENA_H
#define SLUICED_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {				/* all zero is empty */
	struct arena_chunk *chunks;
};

/* @size bytes, aligned for any type; NULL: no memory. */
void *arena_take(struct arena *a, size_t size);
/* The same, all zero. */
void *arena_alloc(struct arena *a, size_t size);
/* Everything; the arena is empty and can be used again. */
void arena_free(struct arena *a);

#endif
