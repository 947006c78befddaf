// SPDX-License-Identifier: GPL-2.0
/* Deciders; see decider.h. */
#include <stdlib.h>
#include "daemon/decider.h"

const char *tier_name(enum sl_tier t)
{
	static const char *const names[__SL_TIER_MAX] = {
		[SL_TIER_NONE] = "none", [SL_TIER_ADMIN] = "admin", [SL_TIER_NETPOL] = "netpol",
		[SL_TIER_BASELINE] = "baseline", [SL_TIER_NODE] = "node",
		[SL_TIER_RULE] = "rule",
	};

	return t < __SL_TIER_MAX ? names[t] : "unknown";
}

const char *dir_name(enum sl_dir d)
{
	return d == SL_DIR_INGRESS ? "ingress" : "egress";
}

struct decider *decider_find(const struct deciders *ds, __u32 id)
{
	struct hnode *n = htab_first(&ds->by_id, hash_mix(id));

	return n ? container_of(n, struct decider, node) : NULL;
}

static void unretire(struct deciders *ds, struct decider *d)
{
	*(d->newer ? &d->newer->older : &ds->newest) = d->older;
	*(d->older ? &d->older->newer : &ds->oldest) = d->newer;
	d->newer = d->older = NULL;
	ds->nretired--;
}

static void destroy(struct deciders *ds, struct decider *d)
{
	htab_del(&ds->by_id, &d->node);
	str_put(d->ns);
	str_put(d->name);
	free(d);
}

bool decider_same(const struct decider *a, const struct decider *b)
{
	if (!a || !b)
		return a == b;
	return a->ns == b->ns && a->name == b->name && a->tier == b->tier && a->dir == b->dir &&
	       a->index == b->index;
}

struct decider *decider_get(struct deciders *ds, const struct decider *like)
{
	uint64_t h = hash_u64(like->ns ? like->ns->node.hash : 0, like->name->node.hash);
	struct decider *d;
	__u32 id;

	h = hash_u64(h, (uint64_t)like->tier << 40 | (uint64_t)like->dir << 32 |
			(__u32)like->index);
	for (id = hash_id(h); (d = decider_find(ds, id)) || !id; id++) {
		if (!d || !decider_same(d, like))
			continue;
		if (!d->refs++)
			unretire(ds, d);
		return d;
	}
	d = malloc(sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct decider){ .id = id, .refs = 1, .ns = like->ns, .name = like->name,
			       .index = like->index, .tier = like->tier, .dir = like->dir };
	if (htab_add(&ds->by_id, &d->node, hash_mix(id))) {
		free(d);
		return NULL;
	}
	str_ref(d->ns);
	str_ref(d->name);
	return d;
}

void decider_put(struct deciders *ds, struct decider *d)
{
	if (!d || --d->refs)
		return;
	d->older = ds->newest;
	*(d->older ? &d->older->newer : &ds->oldest) = d;
	ds->newest = d;
	if (++ds->nretired <= DECIDER_MAX_RETIRED)
		return;
	d = ds->oldest;
	unretire(ds, d);
	destroy(ds, d);
}

void deciders_exit(struct deciders *ds)
{
	struct hnode *n;

	while ((n = htab_walk(&ds->by_id, NULL)))
		destroy(ds, container_of(n, struct decider, node));
	htab_exit(&ds->by_id);
	ds->newest = ds->oldest = NULL;
	ds->nretired = 0;
}
