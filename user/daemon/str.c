// SPDX-License-Identifier: GPL-2.0
/* Interned strings; see str.h. One table for the process, which has one thread. */
#include <stdlib.h>
#include "daemon/str.h"

static struct htab strings;

static struct str *find(const char *s, size_t len, uint64_t hash)
{
	struct hnode *n;
	struct str *e;

	htab_each_hash(&strings, n, hash) {
		e = container_of(n, struct str, node);
		if (e->len == len && !memcmp(e->s, s, len))
			return e;
	}
	return NULL;
}

struct str *str_get(const char *s, size_t len)
{
	uint64_t hash = hash_bytes(0, s, len);
	struct str *e = find(s, len, hash);

	if (e)
		return str_ref(e);
	e = malloc(sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	memcpy(e->s, s, len);
	e->s[len] = '\0';
	e->len = len;
	e->refs = 1;
	if (htab_add(&strings, &e->node, hash)) {
		free(e);
		return NULL;
	}
	return e;
}

struct str *str_find(const char *s)
{
	return find(s, strlen(s), hash_str(0, s));
}

struct str *str_ref(struct str *s)
{
	if (s)
		s->refs++;
	return s;
}

void str_put(struct str *s)
{
	if (!s || --s->refs)
		return;
	htab_del(&strings, &s->node);
	htab_trim(&strings);
	free(s);
	if (!strings.count)
		htab_exit(&strings);
}

int str_cmp(const struct str *a, const struct str *b)
{
	if (!a || !b)
		return !!a - !!b;
	return a == b ? 0 : strcmp(a->s, b->s);
}
