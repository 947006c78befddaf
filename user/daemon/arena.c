// SPDX-License-Identifier: GPL-2.0
/* See arena.h. */
#include <stdlib.h>
#include <string.h>
#include "daemon/arena.h"

#define CHUNK_BYTES (64U << 10)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

void *arena_take(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->chunks;
	size_t want = size > CHUNK_BYTES ? size : CHUNK_BYTES;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!c || c->size - c->used < size) {
		c = malloc(sizeof(*c) + want + 16);
		if (!c)
			return NULL;
		c->size = want + 16;
		c->used = 0;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p = arena_take(a, size);

	return p ? memset(p, 0, size) : NULL;
}

void arena_free(struct arena *a)
{
	struct arena_chunk *c;

	while ((c = a->chunks)) {
		a->chunks = c->next;
		free(c);
	}
}
