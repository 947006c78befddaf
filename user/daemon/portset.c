// SPDX-License-Identifier: GPL-2.0
/* Port sets; see ruleset.h. */
#include <stdlib.h>
#include "daemon/ruleset.h"

/* Longest prefixes that make up [lo, hi]; at most 30 of them. */
static unsigned int prefixes(const struct grant *g, __u32 rule, struct portset_entry *out)
{
	unsigned int lo = g->lo, hi = g->hi, bits, n = 0;

	if (!g->proto) {
		*out = (struct portset_entry){
			.plen = SL_PORT_PLEN_SET, .rule = rule, .verdict = g->verdict,
			.tier = rule ? g->by->tier : 0,
		};
		return 1;
	}
	while (lo <= hi) {
		for (bits = 0; bits < 16; bits++)
			if (lo & (1U << bits) || lo + (2U << bits) - 1 > hi)
				break;
		out[n++] = (struct portset_entry){
			.plen = SL_PORT_PLEN_PORT - bits, .proto = g->proto, .port = lo,
			.verdict = g->verdict,
			.rule = rule, .tier = rule ? g->by->tier : 0,
		};
		lo += 1U << bits;
	}
	return n;
}

static struct portset *build(const struct judgement *j)
{
	struct portset *s = calloc(1, sizeof(*s) + j->n * 30 * sizeof(s->entry[0])), *fit;
	unsigned int i;

	if (!s)
		return NULL;
	for (i = 0; i < j->n; i++)
		s->n += prefixes(&j->grant[i], j->by || !j->grant[i].by ? 0 : j->grant[i].by->id,
				 &s->entry[s->n]);
	fit = realloc(s, sizeof(*s) + s->n * sizeof(s->entry[0]));
	return fit ? fit : s;
}

struct portset *portset_find(const struct portsets *ps, __u32 id)
{
	struct hnode *n = htab_first(&ps->by_id, hash_mix(id));

	return n ? container_of(n, struct portset, by_id) : NULL;
}

static uint64_t content_hash(const struct portset *s)
{
	uint64_t h = 0x9027;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		const struct portset_entry *e = &s->entry[i];

		h = hash_u64(h, (uint64_t)(e->verdict == SL_VERDICT_DENY) << 48 |
			     (uint64_t)e->plen << 40 | (uint64_t)e->proto << 32 |
			     (uint64_t)e->port << 8 | e->tier);
		h = hash_u64(h, e->rule);
	}
	return h;
}

/* 0 stands for none; the upper half is the administrator's. */
static __u32 usable_id(__u32 id)
{
	id &= ~SL_PORTS_ADMIN;
	return id ? id : 1;
}

struct portset *portset_get(struct portsets *ps, const struct judgement *j, bool *fresh)
{
	struct portset *s = build(j), *old;
	struct hnode *n;
	uint64_t hash;

	*fresh = false;
	if (!s)
		return NULL;
	hash = content_hash(s);
	htab_each_hash(&ps->sets, n, hash) {
		old = container_of(n, struct portset, node);
		if (old->n != s->n || memcmp(old->entry, s->entry, s->n * sizeof(s->entry[0])))
			continue;
		free(s);
		old->refs++;
		return old;
	}
	s->id = usable_id(hash_id(hash));
	while (portset_find(ps, s->id))
		s->id = usable_id(s->id + 1);
	s->refs = 1;
	if (htab_add(&ps->sets, &s->node, hash))
		goto err_free;
	if (htab_add(&ps->by_id, &s->by_id, hash_mix(s->id)))
		goto err_del;
	*fresh = true;
	return s;

err_del:
	htab_del(&ps->sets, &s->node);
err_free:
	free(s);
	return NULL;
}

void portset_free(struct portsets *ps, struct portset *s)
{
	htab_del(&ps->sets, &s->node);
	htab_del(&ps->by_id, &s->by_id);
	free(s);
}

void portset_rename(struct portsets *ps, struct portset *s,
		    bool (*taken)(void *arg, __u32 id), void *arg)
{
	__u32 id = s->id;

	do {
		id = usable_id(id + 1);
	} while (portset_find(ps, id) || taken(arg, id));
	htab_del(&ps->by_id, &s->by_id);
	s->id = id;
	htab_add(&ps->by_id, &s->by_id, hash_mix(id));	/* it has slots: cannot fail */
}

void portsets_exit(struct portsets *ps)
{
	struct hnode *n;

	while ((n = htab_walk(&ps->sets, NULL)))
		portset_free(ps, container_of(n, struct portset, node));
	htab_exit(&ps->sets);
	htab_exit(&ps->by_id);
}
