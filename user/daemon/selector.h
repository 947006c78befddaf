/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Label selectors and address blocks, interned and immutable: equal ones are
 * one pointer, and many policies say the same thing.
 */
#ifndef SLUICED_SELECTOR_H
#define SLUICED_SELECTOR_H

#include "daemon/labels.h"
#include "lib/sluice.h"

/* metav1.LabelSelectorOperator; matchLabels are IN with one value. */
enum selector_op {
	SELECTOR_IN,
	SELECTOR_NOT_IN,		/* true without the key, too */
	SELECTOR_EXISTS,
	SELECTOR_NOT_EXISTS,
};

struct requirement {
	struct str *key;
	enum selector_op op;
	unsigned int nvalues;
	struct str **values;		/* sorted, no doubles */
};

/* All requirements must hold; none: everything matches. */
struct selector {
	struct hnode node;
	unsigned int refs, n;
	struct requirement req[];	/* sorted, no doubles */
};

/*
 * selector_get() - the selector of these requirements; a new reference
 * @req: taken over, with the strings and value arrays (malloc) in it, also
 *       when NULL is returned for want of memory
 */
struct selector *selector_get(struct requirement *req, unsigned int n);
struct selector *selector_ref(struct selector *s);
void selector_put(struct selector *s);			/* NULL is fine */
bool selector_match(const struct selector *s, const struct labels *l);
/* Text for people: "app=web,tier in (a,b),!debug"; "everything" for none. Returns @buf. */
const char *selector_format(const struct selector *s, char *buf, size_t len);

/* networking.k8s.io/v1 IPBlock, prefixes masked. */
struct block {
	struct hnode node;
	unsigned int refs, nexcept;
	struct sl_prefix cidr;
	struct sl_prefix except[];	/* sorted, no doubles */
};

struct block *block_get(const struct sl_prefix *cidr, const struct sl_prefix *except,
			unsigned int nexcept);
struct block *block_ref(struct block *b);
void block_put(struct block *b);			/* NULL is fine */
bool block_match(const struct block *b, const union sl_addr *a);

int prefix_cmp(const void *a, const void *b);		/* address first, then length */

#endif
