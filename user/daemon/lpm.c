// SPDX-License-Identifier: GPL-2.0
/* Longest-prefix table; see lpm.h. */
#include "daemon/lpm.h"

void lpm_init(struct lpm *l, size_t vsize)
{
	memset(l, 0, sizeof(*l));
	btab_init(&l->t, sizeof(struct sl_prefix), vsize);
}

void lpm_exit(struct lpm *l)
{
	btab_exit(&l->t);
	memset(l->count, 0, sizeof(l->count));
}

int lpm_set(struct lpm *l, const struct sl_prefix *key, const void *val)
{
	size_t before = l->t.count;
	int err = btab_set(&l->t, key, val);

	if (!err && l->t.count != before)
		l->count[key->prefixlen]++;
	return err;
}

bool lpm_del(struct lpm *l, const struct sl_prefix *key)
{
	bool was = btab_del(&l->t, key);

	if (was)
		l->count[key->prefixlen]--;
	return was;
}

void *lpm_get(const struct lpm *l, const struct sl_prefix *key)
{
	return btab_get(&l->t, key);
}

static struct sl_prefix masked(const union sl_addr *a, unsigned int len)
{
	struct sl_prefix p = { .prefixlen = len };
	union sl_addr m = {};

	memcpy(m.b, a->b, len / 8);
	if (len % 8)
		m.b[len / 8] = a->b[len / 8] & (0xff00 >> len % 8);
	p.addr = m;
	return p;
}

void *lpm_find(const struct lpm *l, const union sl_addr *a, unsigned int below)
{
	struct sl_prefix key;
	int len;
	void *v;

	for (len = (int)below - 1; len >= 0; len--) {
		if (!l->count[len])
			continue;
		key = masked(a, len);
		v = btab_get(&l->t, &key);
		if (v)
			return v;
	}
	return NULL;
}
