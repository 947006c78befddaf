// SPDX-License-Identifier: GPL-2.0
/* Peer groups, units and classes; see class.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/class.h"

/* ---------------------------------------------------------------- groups */

static uint64_t peer_hash(const struct peer *p)
{
	uint64_t h = p->block ? p->block->node.hash : 0;

	h = hash_u64(h, p->ns ? p->ns->node.hash : 0);
	if (p->node_sel)
		h = hash_u64(h, p->node_sel->node.hash ^ 0x90de);
	h = hash_u64(h, p->ns_sel ? p->ns_sel->node.hash : 0);
	return hash_u64(h, p->pod_sel ? p->pod_sel->node.hash : 0);
}

/* All members are interned, so peers are equal when their pointers are. */
static int peer_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct peer));
}

static struct group *new_group(unsigned int npeers)
{
	struct group *g = calloc(1, sizeof(*g) + npeers * sizeof(g->peer[0]));

	if (g)
		g->plain.group = g;
	return g;
}

static void free_group(struct group *g)
{
	unsigned int i;

	for (i = 0; i < g->npeers; i++) {
		block_put(g->peer[i].block);
		str_put(g->peer[i].ns);
		selector_put(g->peer[i].ns_sel);
		selector_put(g->peer[i].pod_sel);
		selector_put(g->peer[i].node_sel);
	}
	for (i = 0; i < g->nnamed; i++)
		str_put(g->named[i].name);
	free(g->named);
	free(g);
}

static void touch(struct classes *cs, struct group *g)
{
	if (g->touched)
		return;
	g->touched = true;
	g->touched_next = cs->touched;
	cs->touched = g;
}

static struct group *use(struct classes *cs, struct group *g)
{
	g->refs++;
	g->uses++;
	touch(cs, g);
	return g;
}

/* The sum does not depend on the order, and the sorted order depends on this run's pointers. */
static uint64_t peers_hash(const struct peer *peer, unsigned int n)
{
	uint64_t h = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		h += hash_mix(peer_hash(&peer[i]));
	return hash_mix(h);
}

bool group_same(const struct group *a, const struct group *b)
{
	return a->any == b->any && a->npeers == b->npeers &&
	       !memcmp(a->peer, b->peer, a->npeers * sizeof(a->peer[0]));
}

static struct group *find_group(const struct classes *cs, const struct group *like, uint64_t hash)
{
	struct hnode *n;
	struct group *g;

	htab_each_hash(&cs->groups, n, hash) {
		g = container_of(n, struct group, node);
		if (group_same(g, like))
			return g;
	}
	return NULL;
}

struct group *group_get(struct classes *cs, const struct peer *peer, unsigned int npeers)
{
	struct group *g, *old;
	unsigned int i;
	uint64_t hash;

	if (!npeers)
		return use(cs, cs->any);
	g = new_group(npeers);
	if (!g)
		return NULL;
	memcpy(g->peer, peer, npeers * sizeof(*peer));
	qsort(g->peer, npeers, sizeof(*peer), peer_cmp);
	for (i = 0; i < npeers; i++)
		if (!g->npeers || peer_cmp(&g->peer[g->npeers - 1], &g->peer[i]))
			g->peer[g->npeers++] = g->peer[i];
	hash = peers_hash(g->peer, g->npeers);
	old = find_group(cs, g, hash);
	if (old || htab_add(&cs->groups, &g->node, hash)) {
		free(g);
		return old ? use(cs, old) : NULL;
	}
	g->plain.id = hash;
	for (i = 0; i < g->npeers; i++) {
		g->has_nodes |= !!g->peer[i].node_sel;
		g->has_blocks |= g->peer[i].block || g->peer[i].node_sel;
		block_ref(g->peer[i].block);
		str_ref(g->peer[i].ns);
		selector_ref(g->peer[i].ns_sel);
		selector_ref(g->peer[i].pod_sel);
		selector_ref(g->peer[i].node_sel);
	}
	return use(cs, g);
}

/* Groups on the list stay: the compiler has still to see that they are unused. */
void group_drop(struct classes *cs, struct group *g)
{
	if (g->refs || g->touched || g->any)
		return;
	htab_del(&cs->groups, &g->node);
	free_group(g);
}

void group_put(struct classes *cs, struct group *g)
{
	g->refs--;
	g->uses--;
	touch(cs, g);
}

static struct named_use *find_use(struct group *g, const struct str *name, __u8 proto)
{
	unsigned int i;

	for (i = 0; i < g->nnamed; i++)
		if (g->named[i].name == name && g->named[i].proto == proto)
			return &g->named[i];
	return NULL;
}

int group_use_name(struct classes *cs, struct group *g, struct str *name, __u8 proto)
{
	struct named_use *u = find_use(g, name, proto);

	if (!u) {
		u = realloc(g->named, (g->nnamed + 1) * sizeof(*u));
		if (!u)
			return -ENOMEM;
		g->named = u;
		u += g->nnamed++;
		*u = (struct named_use){ .name = str_ref(name), .proto = proto };
	}
	u->uses++;
	touch(cs, g);
	return 0;
}

void group_unuse_name(struct classes *cs, struct group *g, const struct str *name, __u8 proto)
{
	find_use(g, name, proto)->uses--;
	touch(cs, g);
}

bool peer_covers_ns(const struct peer *p, const struct model_ns *ns)
{
	if (p->block || p->node_sel)
		return false;
	return p->ns_sel ? selector_match(p->ns_sel, ns->labels) : p->ns == ns->name;
}

/* ----------------------------------------------------------------- units */

static uint64_t named_id(const struct group *g, const struct str *name, __u8 proto, __u16 port)
{
	uint64_t h = hash_u64(g->plain.id ^ 0x4a3ed, name->node.hash);

	return hash_u64(h, (uint64_t)proto << 16 | port);
}

struct unit *unit_find_named(const struct classes *cs, const struct group *g,
			     const struct str *name, __u8 proto, __u16 port)
{
	struct hnode *n;
	struct unit *u;

	htab_each_hash(&cs->units, n, named_id(g, name, proto, port)) {
		u = container_of(n, struct unit, node);
		if (u->group == g && u->name == name && u->proto == proto && u->port == port)
			return u;
	}
	return NULL;
}

struct unit *unit_get_named(struct classes *cs, struct group *g, struct str *name, __u8 proto,
			    __u16 port)
{
	struct unit *u = unit_find_named(cs, g, name, proto, port);

	if (u) {
		u->refs++;
		return u;
	}
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	*u = (struct unit){ .refs = 1, .group = g, .name = name, .port = port, .proto = proto,
			    .id = named_id(g, name, proto, port) };
	if (htab_add(&cs->units, &u->node, u->id)) {
		free(u);
		return NULL;
	}
	str_ref(name);
	g->refs++;
	return u;
}

static void ref_unit(struct unit *u)
{
	if (u->name)
		u->refs++;
	else
		u->group->refs++;
}

void unit_put(struct classes *cs, struct unit *u)
{
	struct group *g = u->group;

	if (u->name) {
		if (--u->refs)
			return;
		htab_del(&cs->units, &u->node);
		str_put(u->name);
		free(u);
	}
	g->refs--;
	group_drop(cs, g);
}

/* --------------------------------------------------------------- classes */

static int unit_cmp(const void *a, const void *b)
{
	const struct unit *x = *(struct unit *const *)a, *y = *(struct unit *const *)b;

	return (x > y) - (x < y);
}

struct class *class_find(const struct classes *cs, __u32 id)
{
	struct hnode *n = htab_first(&cs->by_id, hash_mix(id));

	return n ? container_of(n, struct class, by_id) : NULL;
}

/*
 * Ids come from the content, so that a restarted daemon calls a class what it
 * was called before. Which of two with the same hash comes first is chance;
 * the reconciler copes when it reads something else back.
 */
static __u32 choose_id(const struct classes *cs, uint64_t hash)
{
	__u32 id = hash_id(hash);

	while (id == SL_CLASS_NONE || id == SL_CLASS_ANY || class_find(cs, id))
		id++;
	return id;
}

static struct class *new_class(struct classes *cs, struct unit **unit, unsigned int n,
			       uint64_t hash)
{
	struct class *c = calloc(1, sizeof(*c) + n * sizeof(*unit));
	unsigned int i;

	if (!c)
		return NULL;
	c->n = n;
	if (n)
		memcpy(c->unit, unit, n * sizeof(*unit));
	c->id = n ? choose_id(cs, hash) : SL_CLASS_NONE;
	c->fresh = true;
	if (htab_add(&cs->classes, &c->node, hash))
		goto err_free;
	if (htab_add(&cs->by_id, &c->by_id, hash_mix(c->id)))
		goto err_del;
	for (i = 0; i < n; i++)
		ref_unit(unit[i]);
	cs->nfresh++;
	/* born without a reference, as if it had lost its last one */
	cs->ndead++;
	return c;

err_del:
	htab_del(&cs->classes, &c->node);
err_free:
	free(c);
	return NULL;
}

struct class *class_get(struct classes *cs, struct unit **unit, unsigned int n)
{
	struct hnode *e;
	struct class *c = NULL;
	uint64_t hash = 0;
	unsigned int i;

	if (n)
		qsort(unit, n, sizeof(*unit), unit_cmp);
	for (i = 0; i < n; i++)
		hash += hash_mix(unit[i]->id);
	hash = hash_mix(hash);
	htab_each_hash(&cs->classes, e, hash) {
		c = container_of(e, struct class, node);
		if (c->n == n && (!n || !memcmp(c->unit, unit, n * sizeof(*unit))))
			break;
		c = NULL;
	}
	if (!c)
		c = new_class(cs, unit, n, hash);
	if (c && !c->refs++)
		cs->ndead--;
	return c;
}

struct class *class_ref(struct class *c)
{
	c->refs++;
	return c;
}

void class_put(struct classes *cs, struct class *c)
{
	if (c && !--c->refs)
		cs->ndead++;
}

void class_free(struct classes *cs, struct class *c)
{
	unsigned int i;

	htab_del(&cs->classes, &c->node);
	htab_del(&cs->by_id, &c->by_id);
	if (c->fresh)
		cs->nfresh--;
	cs->ndead--;
	for (i = 0; i < c->n; i++)
		unit_put(cs, c->unit[i]);
	free(c);
}

int classes_init(struct classes *cs)
{
	memset(cs, 0, sizeof(*cs));
	cs->any = new_group(0);
	if (!cs->any)
		return -ENOMEM;
	cs->any->any = true;
	cs->none = class_get(cs, NULL, 0);
	if (!cs->none) {
		free_group(cs->any);
		return -ENOMEM;
	}
	return 0;
}

/* Whoever refers to classes has let go of them. */
void classes_exit(struct classes *cs)
{
	struct hnode *n;
	struct group *g;

	class_put(cs, cs->none);
	while ((n = htab_walk(&cs->classes, NULL)))
		class_free(cs, container_of(n, struct class, node));
	while ((n = htab_walk(&cs->groups, NULL))) {
		g = container_of(n, struct group, node);
		htab_del(&cs->groups, n);
		free_group(g);
	}
	free_group(cs->any);
	htab_exit(&cs->groups);
	htab_exit(&cs->units);
	htab_exit(&cs->classes);
	htab_exit(&cs->by_id);
}
