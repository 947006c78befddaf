/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prefixes to values, with the longest match: what the kernel's trie does,
 * for the few lookups that a commit needs. One hash table, tried for each
 * length that is in use.
 */
#ifndef SLUICED_LPM_H
#define SLUICED_LPM_H

#include "daemon/hash.h"
#include "lib/sluice.h"

struct lpm {
	struct btab t;			/* struct sl_prefix to the value */
	unsigned int count[129];	/* entries of each length */
};

void lpm_init(struct lpm *l, size_t vsize);
void lpm_exit(struct lpm *l);
int lpm_set(struct lpm *l, const struct sl_prefix *key, const void *val);	/* -ENOMEM */
bool lpm_del(struct lpm *l, const struct sl_prefix *key);
void *lpm_get(const struct lpm *l, const struct sl_prefix *key);	/* exactly @key */
/* Longest prefix around @a that is shorter than @below bits; NULL: none. */
void *lpm_find(const struct lpm *l, const union sl_addr *a, unsigned int below);

#endif
