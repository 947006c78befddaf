// SPDX-License-Identifier: GPL-2.0
/* See idpool.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/idpool.h"

#define FREED_MIN 64

bool idpool_is_used(const struct idpool *p, __u32 id)
{
	return p->used[id / 64] >> (id % 64) & 1;
}

static void set(struct idpool *p, __u32 id, bool used)
{
	__u64 bit = 1ULL << (id % 64);

	if (idpool_is_used(p, id) == used)
		return;
	p->used[id / 64] ^= bit;
	p->count += used ? 1 : -1;
}

int idpool_init(struct idpool *p, __u32 max)
{
	*p = (struct idpool){ .max = max, .next = 1 };
	p->used = calloc((max + 63) / 64, sizeof(*p->used));
	if (!p->used)
		return -ENOMEM;
	set(p, 0, true);
	return 0;
}

void idpool_exit(struct idpool *p)
{
	free(p->used);
	free(p->freed);
	*p = (struct idpool){};
}

/* From @from to before @to; 0: none. */
static __u32 find(const struct idpool *p, __u32 from, __u32 to, __u32 n)
{
	__u32 i, run = 0;

	for (i = from; i < to; i++) {
		if (!(i % 64) && p->used[i / 64] == ~0ULL) {
			run = 0;
			i += 63;
			continue;
		}
		run = idpool_is_used(p, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return 0;
}

__u32 idpool_get(struct idpool *p, __u32 n)
{
	__u32 first;

	if (n > p->max - p->count)
		return 0;
	first = find(p, p->next, p->max, n);
	if (!first)
		first = find(p, 1, p->max, n);
	if (first) {
		idpool_take(p, first, n);
		p->next = first + n < p->max ? first + n : 1;
	}
	return first;
}

void idpool_take(struct idpool *p, __u32 first, __u32 n)
{
	for (; n && first < p->max; first++, n--)
		set(p, first, true);
}

void idpool_unget(struct idpool *p, __u32 first, __u32 n)
{
	for (; n && first < p->max; first++, n--)
		set(p, first, false);
}

static int grow(struct idpool *p)
{
	size_t room = p->room ? 2 * p->room : FREED_MIN, i;
	struct idpool_freed *freed = calloc(room, sizeof(*freed));

	if (!freed)
		return -ENOMEM;
	for (i = 0; i < p->n; i++)
		freed[i] = p->freed[(p->first + i) % p->room];
	free(p->freed);
	p->freed = freed;
	p->room = room;
	p->first = 0;
	return 0;
}

void idpool_put(struct idpool *p, __u32 first, __u32 n, __u64 now_ns)
{
	struct idpool_freed *last = p->n ? &p->freed[(p->first + p->n - 1) % p->room] : NULL;

	if (last && last->at_ns == now_ns && last->first + last->n == first) {
		last->n += n;
		return;
	}
	if (p->n == p->room && grow(p))
		return;
	p->freed[(p->first + p->n++) % p->room] = (struct idpool_freed){ first, n, now_ns };
}

bool idpool_settle(struct idpool *p, __u64 now_ns)
{
	bool any = false;

	while (p->n && now_ns >= idpool_next_ns(p)) {
		idpool_unget(p, p->freed[p->first].first, p->freed[p->first].n);
		p->first = (p->first + 1) % p->room;
		p->n--;
		any = true;
	}
	return any;
}

__u64 idpool_next_ns(const struct idpool *p)
{
	return p->n ? p->freed[p->first].at_ns + IDPOOL_WAIT_NS : 0;
}
