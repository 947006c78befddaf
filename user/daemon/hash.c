// SPDX-License-Identifier: GPL-2.0
/* Hash tables of the policy side; see hash.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/hash.h"

uint32_t hash_id_mask = UINT32_MAX;

#define HTAB_MIN 16
#define BTAB_MIN 16
#define PTAB_MIN 16

static int htab_resize(struct htab *t, size_t n)
{
	struct hnode **slot = calloc(n, sizeof(*slot)), *e, *next;
	size_t i;

	if (!slot)
		return -ENOMEM;
	for (i = 0; t->slot && i <= t->mask; i++) {
		for (e = t->slot[i]; e; e = next) {
			next = e->next;
			e->next = slot[e->hash & (n - 1)];
			slot[e->hash & (n - 1)] = e;
		}
	}
	free(t->slot);
	t->slot = slot;
	t->mask = n - 1;
	return 0;
}

int htab_add(struct htab *t, struct hnode *n, uint64_t hash)
{
	size_t size = t->slot ? t->mask + 1 : 0;

	/* a table that can't grow still works, unless it has no slot at all */
	if (t->count >= size && htab_resize(t, size ? size * 2 : HTAB_MIN) && !size)
		return -ENOMEM;
	n->hash = hash;
	n->next = t->slot[hash & t->mask];
	t->slot[hash & t->mask] = n;
	t->count++;
	return 0;
}

void htab_del(struct htab *t, struct hnode *n)
{
	struct hnode **p = &t->slot[n->hash & t->mask];

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	t->count--;
}

static struct hnode *same_hash(struct hnode *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hnode *htab_first(const struct htab *t, uint64_t hash)
{
	return t->slot ? same_hash(t->slot[hash & t->mask], hash) : NULL;
}

struct hnode *htab_next(const struct hnode *n)
{
	return same_hash(n->next, n->hash);
}

struct hnode *htab_walk(const struct htab *t, const struct hnode *n)
{
	size_t i = 0;

	if (n && n->next)
		return n->next;
	if (n)
		i = (n->hash & t->mask) + 1;
	for (; t->slot && i <= t->mask; i++)
		if (t->slot[i])
			return t->slot[i];
	return NULL;
}

/* What a table has to lose before it gives slots back, so that it won't want them at once. */
static bool sparse(size_t count, size_t mask)
{
	return mask >= 1024 && count * 8 < mask;
}

void htab_trim(struct htab *t)
{
	if (t->slot && sparse(t->count, t->mask))
		htab_resize(t, (t->mask + 1) / 4);
}

void htab_exit(struct htab *t)
{
	free(t->slot);
	*t = (struct htab){};
}

void ptab_init(struct ptab *t, uint64_t (*hash)(const void *item))
{
	*t = (struct ptab){ .hash = hash };
}

void ptab_exit(struct ptab *t)
{
	free(t->slot);
	ptab_init(t, t->hash);
}

/* The first empty slot from where @item belongs. */
static void **ptab_room(const struct ptab *t, const void *item)
{
	size_t i = t->hash(item);

	while (t->slot[i & t->mask])
		i++;
	return &t->slot[i & t->mask];
}

static int ptab_resize(struct ptab *t, size_t n)
{
	struct ptab old = *t;
	size_t pos = 0;
	void *item;

	t->slot = calloc(n, sizeof(*t->slot));
	if (!t->slot) {
		t->slot = old.slot;
		return -ENOMEM;
	}
	t->mask = n - 1;
	while ((item = ptab_walk(&old, &pos)))
		*ptab_room(t, item) = item;
	free(old.slot);
	return 0;
}

int ptab_add(struct ptab *t, void *item)
{
	size_t size = t->slot ? t->mask + 1 : 0;

	/* one that can't grow takes more as long as a slot stays empty: probing ends there */
	if ((t->count + 1) * 8 > size * 7 && ptab_resize(t, size ? size * 2 : PTAB_MIN) &&
	    t->count + 1 >= size)
		return -ENOMEM;
	*ptab_room(t, item) = item;
	t->count++;
	return 0;
}

void ptab_del(struct ptab *t, const void *item)
{
	size_t hole = t->hash(item), i, at;

	while (t->slot[hole & t->mask] != item)
		hole++;
	/* what was pushed along by the hole's tenant moves back */
	for (i = hole + 1; t->slot[i & t->mask]; i++) {
		at = t->hash(t->slot[i & t->mask]);
		if (((i - at) & t->mask) < ((i - hole) & t->mask))
			continue;
		t->slot[hole & t->mask] = t->slot[i & t->mask];
		hole = i;
	}
	t->slot[hole & t->mask] = NULL;
	t->count--;
	if (sparse(t->count, t->mask))
		ptab_resize(t, (t->mask + 1) / 4);
}

void *ptab_walk(const struct ptab *t, size_t *pos)
{
	while (t->slot && *pos <= t->mask) {
		void *item = t->slot[(*pos)++];

		if (item)
			return item;
	}
	return NULL;
}

void btab_init(struct btab *t, size_t ksize, size_t vsize)
{
	*t = (struct btab){ .ksize = ksize, .vsize = vsize };
	/* keys and values are of 32-bit words, and so is the flag */
	t->stride = 4 + ((ksize + 3) & ~3UL) + ((vsize + 3) & ~3UL);
}

void btab_exit(struct btab *t)
{
	free(t->cell);
	t->cell = NULL;
	t->mask = t->count = 0;
}

static unsigned char *cell_at(const struct btab *t, size_t i)
{
	return t->cell + i * t->stride;
}

static void *cell_value(const struct btab *t, unsigned char *cell)
{
	return cell + 4 + ((t->ksize + 3) & ~3UL);
}

static size_t home(const struct btab *t, const void *key)
{
	return hash_bytes(0, key, t->ksize) & t->mask;
}

/* The cell of @key, or the empty one where it would go. */
static size_t probe(const struct btab *t, const void *key)
{
	size_t i = home(t, key);

	while (*cell_at(t, i) && memcmp(cell_at(t, i) + 4, key, t->ksize))
		i = (i + 1) & t->mask;
	return i;
}

void *btab_get(const struct btab *t, const void *key)
{
	unsigned char *cell;

	if (!t->cell)
		return NULL;
	cell = cell_at(t, probe(t, key));
	return *cell ? cell_value(t, cell) : NULL;
}

static int btab_resize(struct btab *t, size_t n)
{
	struct btab old = *t;
	const void *key;
	size_t pos = 0;
	void *val;

	t->cell = calloc(n, t->stride);
	if (!t->cell) {
		t->cell = old.cell;
		return -ENOMEM;
	}
	t->mask = n - 1;
	t->count = 0;
	while (btab_walk(&old, &pos, &key, &val))
		btab_set(t, key, val);
	free(old.cell);
	return 0;
}

int btab_set(struct btab *t, const void *key, const void *val)
{
	size_t size = t->cell ? t->mask + 1 : 0;
	unsigned char *cell;

	if ((t->count + 1) * 4 > size * 3 && btab_resize(t, size ? size * 2 : BTAB_MIN))
		return -ENOMEM;
	cell = cell_at(t, probe(t, key));
	if (!*cell) {
		*cell = 1;
		memcpy(cell + 4, key, t->ksize);
		t->count++;
	}
	memcpy(cell_value(t, cell), val, t->vsize);
	return 0;
}

bool btab_del(struct btab *t, const void *key)
{
	size_t hole, i, at;

	if (!t->cell)
		return false;
	hole = probe(t, key);
	if (!*cell_at(t, hole))
		return false;
	/* what was pushed along by the hole's tenant moves back */
	for (i = (hole + 1) & t->mask; *cell_at(t, i); i = (i + 1) & t->mask) {
		at = home(t, cell_at(t, i) + 4);
		if (((i - at) & t->mask) < ((i - hole) & t->mask))
			continue;
		memcpy(cell_at(t, hole), cell_at(t, i), t->stride);
		hole = i;
	}
	*cell_at(t, hole) = 0;
	t->count--;
	if (sparse(t->count, t->mask))
		btab_resize(t, (t->mask + 1) / 4);
	return true;
}

bool btab_walk(const struct btab *t, size_t *pos, const void **key, void **val)
{
	for (; t->cell && *pos <= t->mask; ++*pos) {
		if (!*cell_at(t, *pos))
			continue;
		*key = cell_at(t, *pos) + 4;
		*val = cell_value(t, cell_at(t, *pos));
		++*pos;
		return true;
	}
	return false;
}
