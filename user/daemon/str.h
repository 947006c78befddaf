/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interned strings: equal text, same pointer. Ten thousand pods share their
 * label keys, namespace names and most of their values.
 */
#ifndef SLUICED_STR_H
#define SLUICED_STR_H

#include "daemon/hash.h"

struct str {
	struct hnode node;		/* hash is that of the text, seed 0 */
	unsigned int refs, len;
	char s[];
};

struct str *str_get(const char *s, size_t len);	/* a reference, or NULL without memory */
struct str *str_find(const char *s);		/* no reference taken; NULL: nobody has it */
struct str *str_ref(struct str *s);
void str_put(struct str *s);			/* NULL is fine */
int str_cmp(const struct str *a, const struct str *b);	/* by bytes; NULL first */

#endif
