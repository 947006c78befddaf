// SPDX-License-Identifier: GPL-2.0
/* Sets of labels; see labels.h. */
#include <stdlib.h>
#include "daemon/labels.h"

static struct htab sets;

struct labels *labels_new(unsigned int n)
{
	struct labels *l = calloc(1, sizeof(*l) + n * sizeof(l->l[0]));

	if (l)
		l->n = n;
	return l;
}

void labels_free(struct labels *l)
{
	unsigned int i;

	for (i = 0; i < l->n; i++) {
		str_put(l->l[i].key);
		str_put(l->l[i].value);
	}
	free(l);
}

static int label_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static uint64_t labels_hash(const struct labels *l)
{
	uint64_t h = hash_u64(0x1abe15, l->n);
	unsigned int i;

	for (i = 0; i < l->n; i++) {
		h = hash_u64(h, l->l[i].key->node.hash);
		h = hash_u64(h, l->l[i].value->node.hash);
	}
	return h;
}

struct labels *labels_share(struct labels *l)
{
	struct labels *old;
	struct hnode *e;
	uint64_t hash;

	qsort(l->l, l->n, sizeof(l->l[0]), label_cmp);
	hash = labels_hash(l);
	htab_each_hash(&sets, e, hash) {
		old = container_of(e, struct labels, node);
		if (old->n == l->n && !memcmp(old->l, l->l, l->n * sizeof(l->l[0]))) {
			labels_free(l);
			return labels_ref(old);
		}
	}
	if (htab_add(&sets, &l->node, hash)) {
		labels_free(l);
		return NULL;
	}
	l->refs = 1;
	return l;
}

struct labels *labels_ref(struct labels *l)
{
	if (l)
		l->refs++;
	return l;
}

void labels_put(struct labels *l)
{
	if (!l || --l->refs)
		return;
	htab_del(&sets, &l->node);
	labels_free(l);
	if (!sets.count)
		htab_exit(&sets);
}

struct str *labels_value(const struct labels *l, const struct str *key)
{
	unsigned int i;

	for (i = 0; l && i < l->n; i++)
		if (l->l[i].key == key)
			return l->l[i].value;
	return NULL;
}
