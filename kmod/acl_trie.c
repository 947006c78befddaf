// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sorted prefixes to the tables by which an address finds its row: an index of
 * its first bits, then nodes of four bits each. A node is where prefixes end or
 * part; where they don't there is none, so that there are at most two nodes
 * for each prefix. Nodes are made in the order of their ids, each of a span of
 * prefixes that its parent left to it: no recursion.
 */
#include "kmod/acl_build.h"

/* Prefixes that are within one child of a node, or one entry of the index. */
struct span {
	__u32 from, to;			/* none: equal */
	__u16 row;			/* of what is in none of them */
};

struct trie {
	struct acl_build *b;
	const struct acl_leaf *leaf;
	struct span *todo;		/* of nodes, by id - first */
	__u32 first, end;		/* ids */
};

/* @width bits of an address from bit @at on, @width below 32. */
static __u32 leaf_bits(const struct acl_leaf *l, __u32 at, __u32 width)
{
	__u64 word = at < 64 ? l->hi : l->lo;

	return word >> (64 - at % 64 - width) & ((1U << width) - 1);
}

/* How many leading bits two addresses share. */
static __u32 leaf_common(const struct acl_leaf *a, const struct acl_leaf *b)
{
	if (a->hi != b->hi)
		return __builtin_clzll(a->hi ^ b->hi);
	return a->lo != b->lo ? 64 + __builtin_clzll(a->lo ^ b->lo) : 128;
}

/*
 * A span over the 1 << @width values of the bits from @at on, which don't
 * cross a word. A prefix that ends there gives its row to all that it covers,
 * one that lies in another later than that one.
 */
static void span_spread(const struct trie *t, const struct span *s, __u32 at, __u32 width,
			struct span *slot)
{
	__u32 i, v, n;

	for (v = 0; v < 1U << width; v++)
		slot[v] = (struct span){ .row = s->row };
	for (i = s->from; i < s->to; i++) {
		const struct acl_leaf *l = &t->leaf[i];

		v = width ? leaf_bits(l, at, width) : 0;
		if (l->len > at + width) {
			slot[v].from = slot[v].to ? slot[v].from : i;
			slot[v].to = i + 1;
			continue;
		}
		for (n = 1U << (at + width - l->len); n; n--)
			slot[v++].row = l->row;
	}
}

/* What leads to a span: its row, or a new node that is still to be made; or an errno. */
static int span_enter(struct trie *t, const struct span *s)
{
	if (s->from == s->to)
		return SL_ACL_NODE_ROW | s->row;
	if (t->end >= SL_ACL_NODE_MAX)
		return sluice_acl_fail(t->b, -ENOSPC, "too many different prefixes");
	t->todo[t->end - t->first] = *s;
	return t->end++;
}

/* The first four bits in which prefixes of the span part, or one of them ends. */
static __u32 span_nibble(const struct trie *t, const struct span *s)
{
	__u32 bits = leaf_common(&t->leaf[s->from], &t->leaf[s->to - 1]), i;

	for (i = s->from; i < s->to; i++)
		if (t->leaf[i].len - 1U < bits)
			bits = t->leaf[i].len - 1U;
	return bits / 4;
}

static int node_make(struct trie *t, __u32 id)
{
	struct span s = t->todo[id - t->first], slot[16];
	struct sl_acl_node node = {};
	__u32 i, nibble = span_nibble(t, &s);
	int child;

	node.nibble = nibble;
	node.other = SL_ACL_NODE_ROW | s.row;
	node.hi = t->leaf[s.from].hi;
	node.lo = t->leaf[s.from].lo;
	if (nibble < 16) {
		node.hi &= nibble ? ~0ULL << (64 - 4 * nibble) : 0;
		node.lo = 0;
	} else {
		node.lo &= nibble > 16 ? ~0ULL << (128 - 4 * nibble) : 0;
	}
	span_spread(t, &s, 4 * nibble, 4, slot);
	for (i = 0; i < 16; i++) {
		child = span_enter(t, &slot[i]);
		if (child < 0)
			return child;
		node.child[i] = child;
	}
	return sluice_acl_put(t->b, SL_MAP_ACL_NODE, id, &node);
}

/* Entries of the index, which is written in pages. */
static int root_write(struct trie *t, __u32 page, const struct span *slot, __u32 n)
{
	struct sl_acl_page val = {};
	__u32 i;
	int child, err = 0;

	for (i = 0; i < n && !err; i++) {
		child = span_enter(t, &slot[i]);
		if (child < 0)
			return child;
		val.entry[i % SL_ACL_PAGE] = child;
		if (i % SL_ACL_PAGE == SL_ACL_PAGE - 1 || i == n - 1)
			err = sluice_acl_put(t->b, SL_MAP_ACL_INDEX, page + i / SL_ACL_PAGE, &val);
	}
	return err;
}

static int roots_make(struct trie *t, __u32 section, const __u32 count[2], __u32 row)
{
	struct span v6 = { 0, count[0], row }, v4 = { count[0], count[0] + count[1], row };
	struct span *slot = acl_calloc(1U << SL_ACL_ROOT_BITS, sizeof(*slot));
	int err;

	if (!slot)
		return -ENOMEM;
	span_spread(t, &v4, 96, SL_ACL_ROOT_BITS, slot);
	err = root_write(t, section, slot, 1U << SL_ACL_ROOT_BITS);
	if (!err) {
		span_spread(t, &v6, 0, 0, slot);
		err = root_write(t, section + SL_ACL_ROOT_V6 / SL_ACL_PAGE, slot, 1);
	}
	acl_free(slot);
	return err;
}

int sluice_acl_trie_write(struct acl_build *b, __u32 section, const struct acl_leaf *leaf,
			  const __u32 count[2], __u32 row)
{
	struct trie t = { .b = b, .leaf = leaf, .first = b->nodes + 1, .end = b->nodes + 1 };
	__u32 id;
	int err;

	t.todo = acl_calloc(SL_ACL_NODE_MAX, sizeof(*t.todo));
	if (!t.todo)
		return -ENOMEM;
	err = roots_make(&t, section, count, row);
	for (id = t.first; id < t.end && !err; id++) {
		err = node_make(&t, id);
		if (id % 1024 == 0)
			acl_breathe();
	}
	b->nodes = t.end - 1;
	acl_free(t.todo);
	return err;
}
