/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of labels, interned and immutable: equal sets are one pointer, and the
 * pods of a ReplicaSet have but one between them.
 */
#ifndef SLUICED_LABELS_H
#define SLUICED_LABELS_H

#include "daemon/str.h"

struct label {
	struct str *key, *value;
};

struct labels {
	struct hnode node;
	unsigned int refs, n;		/* never empty: no labels are NULL */
	struct label l[];		/* by key, no doubles */
};

/* Room for @n labels, all empty, to be filled and shared; NULL without memory. */
struct labels *labels_new(unsigned int n);
/*
 * A reference to the set that says what @l says, which is taken over, also
 * when there is no memory (NULL). Keys are single.
 */
struct labels *labels_share(struct labels *l);
void labels_free(struct labels *l);			/* one that was not shared */
struct labels *labels_ref(struct labels *l);		/* NULL is fine */
void labels_put(struct labels *l);			/* NULL is fine */
/* NULL: no such label. @l may be NULL: no labels at all. */
struct str *labels_value(const struct labels *l, const struct str *key);

#endif
