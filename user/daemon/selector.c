// SPDX-License-Identifier: GPL-2.0
/* Selectors, address blocks; see selector.h. */
#include <stdio.h>
#include <stdlib.h>
#include "daemon/selector.h"

static struct htab selectors, blocks;

/* -------------------------------------------------------- requirements */

static void requirement_exit(struct requirement *r)
{
	unsigned int i;

	for (i = 0; i < r->nvalues; i++)
		str_put(r->values[i]);
	free(r->values);
	str_put(r->key);
}

static int value_cmp(const void *a, const void *b)
{
	return str_cmp(*(struct str *const *)a, *(struct str *const *)b);
}

static void requirement_normalise(struct requirement *r)
{
	unsigned int i, n = 0;

	if (!r->nvalues)
		return;
	qsort(r->values, r->nvalues, sizeof(*r->values), value_cmp);
	for (i = 0; i < r->nvalues; i++) {
		if (n && r->values[n - 1] == r->values[i])
			str_put(r->values[i]);
		else
			r->values[n++] = r->values[i];
	}
	r->nvalues = n;
}

static int requirement_cmp(const void *pa, const void *pb)
{
	const struct requirement *a = pa, *b = pb;
	unsigned int i;
	int c = str_cmp(a->key, b->key);

	if (c || a->op != b->op)
		return c ? c : (int)a->op - (int)b->op;
	if (a->nvalues != b->nvalues)
		return a->nvalues < b->nvalues ? -1 : 1;
	for (i = 0; !c && i < a->nvalues; i++)
		c = str_cmp(a->values[i], b->values[i]);
	return c;
}

static bool requirement_match(const struct requirement *r, const struct labels *l)
{
	struct str *v = labels_value(l, r->key);
	unsigned int i;

	switch (r->op) {
	case SELECTOR_EXISTS:
		return v;
	case SELECTOR_NOT_EXISTS:
		return !v;
	case SELECTOR_IN:
	case SELECTOR_NOT_IN:
		for (i = 0; v && i < r->nvalues; i++)
			if (r->values[i] == v)
				return r->op == SELECTOR_IN;
		return r->op == SELECTOR_NOT_IN;
	}
	return false;
}

/* ----------------------------------------------------------- selectors */

static uint64_t selector_hash(const struct requirement *req, unsigned int n)
{
	uint64_t h = hash_u64(0x5e1ec7, n);
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		h = hash_u64(h, req[i].key->node.hash);
		h = hash_u64(h, req[i].op);
		for (j = 0; j < req[i].nvalues; j++)
			h = hash_u64(h, req[i].values[j]->node.hash);
	}
	return h;
}

static bool selector_is(const struct selector *s, const struct requirement *req, unsigned int n)
{
	unsigned int i;

	for (i = 0; s->n == n && i < n; i++)
		if (requirement_cmp(&s->req[i], &req[i]))
			return false;
	return s->n == n;
}

static unsigned int normalise(struct requirement *req, unsigned int n)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++)
		requirement_normalise(&req[i]);
	if (n)
		qsort(req, n, sizeof(*req), requirement_cmp);
	for (i = 0; i < n; i++) {
		if (kept && !requirement_cmp(&req[kept - 1], &req[i]))
			requirement_exit(&req[i]);
		else
			req[kept++] = req[i];
	}
	return kept;
}

static void requirements_free(struct requirement *req, unsigned int n)
{
	while (n)
		requirement_exit(&req[--n]);
	free(req);
}

struct selector *selector_get(struct requirement *req, unsigned int n)
{
	struct selector *s;
	struct hnode *e;
	uint64_t hash;

	n = normalise(req, n);
	hash = selector_hash(req, n);
	htab_each_hash(&selectors, e, hash) {
		s = container_of(e, struct selector, node);
		if (selector_is(s, req, n)) {
			requirements_free(req, n);
			return selector_ref(s);
		}
	}
	s = malloc(sizeof(*s) + n * sizeof(*req));
	if (!s || htab_add(&selectors, &s->node, hash)) {
		free(s);
		requirements_free(req, n);
		return NULL;
	}
	s->refs = 1;
	s->n = n;
	if (n)
		memcpy(s->req, req, n * sizeof(*req));
	free(req);
	return s;
}

struct selector *selector_ref(struct selector *s)
{
	if (s)
		s->refs++;
	return s;
}

void selector_put(struct selector *s)
{
	unsigned int i;

	if (!s || --s->refs)
		return;
	htab_del(&selectors, &s->node);
	for (i = 0; i < s->n; i++)
		requirement_exit(&s->req[i]);
	free(s);
	if (!selectors.count)
		htab_exit(&selectors);
}

bool selector_match(const struct selector *s, const struct labels *l)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (!requirement_match(&s->req[i], l))
			return false;
	return true;
}

static void put_requirement(FILE *f, const struct requirement *r)
{
	unsigned int i;

	if (r->op == SELECTOR_EXISTS || r->op == SELECTOR_NOT_EXISTS) {
		fprintf(f, "%s%s", r->op == SELECTOR_EXISTS ? "" : "!", r->key->s);
		return;
	}
	if (r->nvalues == 1) {
		fprintf(f, "%s%s%s", r->key->s, r->op == SELECTOR_IN ? "=" : "!=",
			r->values[0]->s);
		return;
	}
	fprintf(f, "%s %s (", r->key->s, r->op == SELECTOR_IN ? "in" : "notin");
	for (i = 0; i < r->nvalues; i++)
		fprintf(f, "%s%s", i ? "," : "", r->values[i]->s);
	fputc(')', f);
}

const char *selector_format(const struct selector *s, char *buf, size_t len)
{
	FILE *f = fmemopen(buf, len, "w");
	unsigned int i;

	buf[0] = '\0';
	if (!f)
		return buf;
	if (!s->n)
		fputs("everything", f);
	for (i = 0; i < s->n; i++) {
		if (i)
			fputc(',', f);
		put_requirement(f, &s->req[i]);
	}
	fclose(f);
	buf[len - 1] = '\0';
	return buf;
}

/* -------------------------------------------------------------- blocks */

int prefix_cmp(const void *pa, const void *pb)
{
	const struct sl_prefix *a = pa, *b = pb;
	int c = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return c ? c : (a->prefixlen > b->prefixlen) - (a->prefixlen < b->prefixlen);
}

static uint64_t prefix_hash(uint64_t seed, const struct sl_prefix *p)
{
	return hash_u64(hash_bytes(seed, &p->addr, sizeof(p->addr)), p->prefixlen);
}

static unsigned int sort_prefixes(struct sl_prefix *p, unsigned int n)
{
	unsigned int i, kept = 0;

	if (n)
		qsort(p, n, sizeof(*p), prefix_cmp);
	for (i = 0; i < n; i++)
		if (!kept || prefix_cmp(&p[kept - 1], &p[i]))
			p[kept++] = p[i];
	return kept;
}

struct block *block_get(const struct sl_prefix *cidr, const struct sl_prefix *except,
			unsigned int nexcept)
{
	struct block *b = malloc(sizeof(*b) + nexcept * sizeof(*except)), *old;
	struct hnode *e;
	uint64_t hash;
	unsigned int i;

	if (!b)
		return NULL;
	b->cidr = *cidr;
	if (nexcept)
		memcpy(b->except, except, nexcept * sizeof(*except));
	b->nexcept = sort_prefixes(b->except, nexcept);
	hash = prefix_hash(0xb10c, cidr);
	for (i = 0; i < b->nexcept; i++)
		hash = prefix_hash(hash, &b->except[i]);
	htab_each_hash(&blocks, e, hash) {
		old = container_of(e, struct block, node);
		if (prefix_cmp(&old->cidr, &b->cidr) || old->nexcept != b->nexcept ||
		    memcmp(old->except, b->except, b->nexcept * sizeof(*except)))
			continue;
		free(b);
		return block_ref(old);
	}
	b->refs = 1;
	if (htab_add(&blocks, &b->node, hash)) {
		free(b);
		return NULL;
	}
	return b;
}

struct block *block_ref(struct block *b)
{
	if (b)
		b->refs++;
	return b;
}

void block_put(struct block *b)
{
	if (!b || --b->refs)
		return;
	htab_del(&blocks, &b->node);
	free(b);
	if (!blocks.count)
		htab_exit(&blocks);
}

bool block_match(const struct block *b, const union sl_addr *a)
{
	unsigned int i;

	if (!sluice_prefix_contains(&b->cidr, a))
		return false;
	for (i = 0; i < b->nexcept; i++)
		if (sluice_prefix_contains(&b->except[i], a))
			return false;
	return true;
}
