/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the compiler. */
#ifndef SLUICED_COMPILE_IMPL_H
#define SLUICED_COMPILE_IMPL_H

#include "daemon/compile.h"

/* compile_addr.c: addresses to classes, classes to the class table */
int compile_addresses(struct compiler *c);
bool compile_group_covers(const struct group *g, const struct model_pod *pod);

/* compile_block.c: address blocks, as nested prefixes */
int compile_blocks(struct compiler *c);
void compile_drop_blocks(struct compiler *c);
/* Index of the longest prefix around @a that is shorter than @below bits; -1. */
int compile_block_find(const struct compiler *c, const union sl_addr *a, unsigned int below);
/* Brings the class table's entry for @key up to date; -ENOMEM. */
int compile_emit(struct compiler *c, const struct sl_prefix *key);

/* compile_rule.c: classes by rule sets to entries */
int compile_entries(struct compiler *c);
void compile_drop_ruleset(struct compiler *c, const struct ruleset *r);

int units_add(struct units *u, struct unit *unit);	/* -ENOMEM */

#endif
