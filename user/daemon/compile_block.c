// SPDX-License-Identifier: GPL-2.0
/*
 * Compiler: address blocks. All prefixes where a block begins or is cut out
 * nest, so each has one class for what lies in it and in nothing narrower.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/compile_impl.h"

/* A block, of which it holds a reference, and one of the groups that it is a peer of. */
struct pair {
	struct block *block;
	struct group *group;
};

struct building {
	struct block_node *node;
	unsigned int n, cap;
	struct pair *pair;		/* by prefix of the block */
	unsigned int npairs, pairs_cap;
};

/* Bits only: unlike sluice_prefix_contains() blind to families. */
static bool covers(const struct sl_prefix *p, const union sl_addr *a)
{
	unsigned int bytes = p->prefixlen / 8, bits = p->prefixlen % 8;

	if (memcmp(p->addr.b, a->b, bytes))
		return false;
	return !bits || !((p->addr.b[bytes] ^ a->b[bytes]) >> (8 - bits));
}

static int find(const struct block_node *block, unsigned int n, const union sl_addr *a,
		unsigned int below)
{
	const struct sl_prefix key = { 128, *a };
	int lo = 0, hi = n, mid;

	/* the last one that does not sort behind the address itself */
	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (prefix_cmp(&block[mid].prefix, &key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (mid = lo - 1; mid >= 0; mid = block[mid].parent)
		if (block[mid].prefix.prefixlen < below && covers(&block[mid].prefix, a))
			break;
	return mid;
}

int compile_block_find(const struct compiler *c, const union sl_addr *a, unsigned int below)
{
	return find(c->block, c->nblocks, a, below);
}

/* What an address is in by blocks alone, these or those of another time. */
static struct class *cover_by(const struct compiler *c, const struct block_node *block,
			      unsigned int n, const union sl_addr *a)
{
	int i = find(block, n, a, 129);

	return i < 0 ? c->classes.none : block[i].class;
}

struct class *compile_cover(const struct compiler *c, const union sl_addr *a)
{
	return cover_by(c, c->block, c->nblocks, a);
}

const struct class *compile_class_at(const struct compiler *c, const union sl_addr *a)
{
	const struct model_addr *addr = model_addr_find(c->model, a);

	return addr && addr->class ? addr->class : compile_cover(c, a);
}

/* --------------------------------------------------------- the class table */

/* An entry is needed only where it differs from what is around it. */
int compile_emit(struct compiler *c, const struct sl_prefix *key)
{
	const union sl_addr addr = key->addr;
	const struct class *want = NULL, *around;
	const struct model_addr *a = NULL;
	int i, up;

	if (key->prefixlen == 128)
		a = model_addr_find(c->model, &addr);
	i = compile_block_find(c, &addr, key->prefixlen + 1);
	if (i >= 0 && c->block[i].prefix.prefixlen == key->prefixlen)
		want = c->block[i].class;
	if (a && a->class)
		want = a->class;
	up = compile_block_find(c, &addr, key->prefixlen);
	around = up < 0 ? c->classes.none : c->block[up].class;
	if (!want || want == around) {
		plan_del_class(&c->plan, key);
		return 0;
	}
	return plan_set_class(&c->plan, key, want->id);
}

/* -------------------------------------------------------------- rebuilding */

static int add_node(struct building *b, const struct sl_prefix *p)
{
	unsigned int cap = b->cap ? b->cap * 2 : 64;
	struct block_node *v;

	if (b->n == b->cap) {
		v = realloc(b->node, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		b->node = v;
		b->cap = cap;
	}
	b->node[b->n++] = (struct block_node){ .prefix = *p, .parent = -1 };
	return 0;
}

static int add_pair(struct building *b, struct block *block, struct group *g)
{
	unsigned int cap = b->pairs_cap ? b->pairs_cap * 2 : 64, i;
	struct pair *v;
	int err;

	if (b->npairs == b->pairs_cap) {
		v = realloc(b->pair, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		b->pair = v;
		b->pairs_cap = cap;
	}
	b->pair[b->npairs++] = (struct pair){ block_ref(block), g };
	err = add_node(b, &block->cidr);
	for (i = 0; !err && i < block->nexcept; i++)
		err = add_node(b, &block->except[i]);
	return err;
}

/* What the nodes' addresses are at the time: each is a block of one address. */
static int add_node_peer(const struct compiler *c, struct building *b, const struct peer *p,
			 struct group *g)
{
	const struct object_node *node;
	struct block *block;
	struct hnode *n;
	unsigned int i;
	int err = 0;

	htab_each(&c->model->nodes, n) {
		node = container_of(n, struct model_node, node)->obj;
		if (!selector_match(p->node_sel, node->labels))
			continue;
		for (i = 0; !err && i < node->nips; i++) {
			const struct sl_prefix one = { 128, node->ip[i] };

			block = block_get(&one, NULL, 0);
			err = block ? add_pair(b, block, g) : -ENOMEM;
			block_put(block);
		}
	}
	return err;
}

static int add_peer(const struct compiler *c, struct building *b, const struct peer *p,
		    struct group *g)
{
	if (p->node_sel)
		return add_node_peer(c, b, p, g);
	return p->block ? add_pair(b, p->block, g) : 0;
}

static int collect(struct compiler *c, struct building *b)
{
	/* where IPv4 begins, blocks of IPv6 end: ::/0 holds no IPv4 address */
	static const struct sl_prefix v4 = { 96, { .b = { [10] = 0xff, [11] = 0xff } } };
	struct group *g;
	struct hnode *n;
	unsigned int i;
	int err = 0;

	htab_each(&c->classes.groups, n) {
		g = container_of(n, struct group, node);
		for (i = 0; !err && g->active && g->has_blocks && i < g->npeers; i++)
			err = add_peer(c, b, &g->peer[i], g);
	}
	return !err && b->npairs ? add_node(b, &v4) : err;
}

static int node_cmp(const void *a, const void *b)
{
	return prefix_cmp(&((const struct block_node *)a)->prefix,
			  &((const struct block_node *)b)->prefix);
}

static int pair_cmp(const void *a, const void *b)
{
	return prefix_cmp(&((const struct pair *)a)->block->cidr,
			  &((const struct pair *)b)->block->cidr);
}

/* Sorted by address and length, every prefix follows those around it. */
static void nest(struct building *b)
{
	unsigned int i, n = 0;
	union sl_addr a;
	int up;

	if (b->n)
		qsort(b->node, b->n, sizeof(*b->node), node_cmp);
	for (i = 0; i < b->n; i++)
		if (!n || node_cmp(&b->node[n - 1], &b->node[i]))
			b->node[n++] = b->node[i];
	b->n = n;
	for (i = 0; i < n; i++) {
		a = b->node[i].prefix.addr;
		for (up = (int)i - 1; up >= 0; up = b->node[up].parent)
			if (covers(&b->node[up].prefix, &a))
				break;
		b->node[i].parent = up;
	}
}

/* The pairs in force below a node. */
struct layer {
	struct pair *pair;
	unsigned int n;
};

static bool cut_out(const struct block *b, const struct sl_prefix *p)
{
	return bsearch(p, b->except, b->nexcept, sizeof(*p), prefix_cmp);
}

static int make_layer(const struct building *b, const struct layer *up, const struct sl_prefix *p,
		      struct layer *out)
{
	unsigned int i, lo = 0, hi = b->npairs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (prefix_cmp(&b->pair[mid].block->cidr, p) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < b->npairs && !prefix_cmp(&b->pair[hi].block->cidr, p); hi++)
		;
	out->n = 0;
	out->pair = malloc(((up ? up->n : 0) + hi - lo + 1) * sizeof(*out->pair));
	if (!out->pair)
		return -ENOMEM;
	/* an IPv6 block around the range of IPv4 ends at it */
	for (i = 0; up && i < up->n; i++)
		if (!cut_out(up->pair[i].block, p) &&
		    sluice_prefix_is_v4(&up->pair[i].block->cidr) == sluice_prefix_is_v4(p))
			out->pair[out->n++] = up->pair[i];
	for (i = lo; i < hi; i++)
		out->pair[out->n++] = b->pair[i];
	return 0;
}

static struct class *layer_class(struct compiler *c, const struct layer *l)
{
	uint64_t stamp = classes_stamp(&c->classes);
	unsigned int i;
	struct class *class;

	c->units.n = 0;
	for (i = 0; i < l->n; i++) {
		if (l->pair[i].group->plain.stamp == stamp)
			continue;
		l->pair[i].group->plain.stamp = stamp;
		if (units_add(&c->units, &l->pair[i].group->plain))
			return NULL;
	}
	class = class_get(&c->classes, c->units.v, c->units.n);
	c->units.n = 0;
	return class;
}

static int classify(struct compiler *c, struct building *b)
{
	struct layer *layer = calloc(b->n + 1, sizeof(*layer));
	unsigned int i;
	int err = 0, done;

	if (!layer)
		return -ENOMEM;
	if (b->npairs)
		qsort(b->pair, b->npairs, sizeof(*b->pair), pair_cmp);
	for (i = 0; !err && i < b->n; i++) {
		struct block_node *n = &b->node[i];

		/* the order is that of a descent: what is left behind is done with */
		for (done = (int)i - 1; done != n->parent; done = b->node[done].parent) {
			free(layer[done].pair);
			layer[done].pair = NULL;
		}
		err = make_layer(b, n->parent < 0 ? NULL : &layer[n->parent], &n->prefix,
				 &layer[i]);
		if (err)
			break;
		n->class = layer_class(c, &layer[i]);
		err = n->class ? 0 : -ENOMEM;
	}
	for (i = 0; i < b->n; i++)
		free(layer[i].pair);
	free(layer);
	return err;
}

static void free_nodes(struct compiler *c, struct block_node *node, unsigned int n)
{
	while (n)
		class_put(&c->classes, node[--n].class);
	free(node);
}

void compile_drop_blocks(struct compiler *c)
{
	free_nodes(c, c->block, c->nblocks);
	c->block = NULL;
	c->nblocks = 0;
}

/* Addresses whose surroundings are others than by the blocks of @old are judged again. */
static void look_around(struct compiler *c, const struct block_node *old, unsigned int nold)
{
	struct model_addr *a;
	size_t pos;

	ptab_each(&c->model->addrs, a, pos)
		if (cover_by(c, old, nold, &a->addr) != compile_cover(c, &a->addr))
			model_addr_mark(c->model, a);
}

/* Entries of addresses, some of which are what is around them now, or no longer. */
static int emit_addresses(struct compiler *c)
{
	const struct model_addr *a;
	size_t pos;
	int err;

	ptab_each(&c->model->addrs, a, pos) {
		const struct sl_prefix key = { 128, a->addr };

		err = compile_emit(c, &key);
		if (err)
			return err;
	}
	return 0;
}

int compile_blocks(struct compiler *c)
{
	struct block_node *old = c->block;
	unsigned int nold = c->nblocks, i;
	struct building b = {};
	int err;

	err = collect(c, &b);
	if (!err) {
		nest(&b);
		err = classify(c, &b);
	}
	while (b.npairs)
		block_put(b.pair[--b.npairs].block);
	free(b.pair);
	if (err) {
		free_nodes(c, b.node, b.n);
		return err;
	}
	c->block = b.node;
	c->nblocks = b.n;
	/* first, since it can't fail: what follows is done anew after a failure */
	look_around(c, old, nold);
	for (i = 0; !err && i < nold; i++)
		err = compile_emit(c, &old[i].prefix);
	for (i = 0; !err && i < b.n; i++)
		err = compile_emit(c, &b.node[i].prefix);
	if (!err)
		err = emit_addresses(c);
	free_nodes(c, old, nold);
	return err;
}
