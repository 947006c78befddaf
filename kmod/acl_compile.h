/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From the administrator's rules to the tables that packets are matched by.
 * One source for the kernel module and for libsluice: no state, no locks, no
 * maps of its own; what it writes goes through a callback.
 */
#ifndef SLUICE_ACL_COMPILE_H
#define SLUICE_ACL_COMPILE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif
#include "bpf/abi.h"

struct sl_acl_entry {
	__u32 id;
	struct sl_acl_rule rule;
};

/* Which rule is at fault, where, and why, for people; rule 0: all of them together. */
struct sl_acl_error {
	__u32 rule;
	const char *field;		/* of struct sl_acl_rule, or "rules" */
	const char *text;		/* one clause, constant */
};

struct sl_acl_sink {
	/*
	 * One entry of a compiled table (SL_MAP_ACL_INDEX, _VALUE, _NODE, _ROW,
	 * _CHUNK, _POS), to be created or overwritten; 0 or a negative errno, which
	 * ends compiling. -E2BIG: the table, an array, is smaller than that.
	 */
	int (*put)(void *arg, enum sl_map map, const void *key, const void *value);
	void *arg;
};

/*
 * sluice_acl_check() - is a rule one that can be compiled?
 * @err: may be NULL; filled when not.
 *
 * Safe against any content. 0 or -EINVAL.
 */
int sluice_acl_check(__u32 id, const struct sl_acl_rule *rule, struct sl_acl_error *err);

/*
 * sluice_acl_compile() - rules to tables
 * @rules: with ids that differ; sorted here into the order in which they are asked
 * @column: the one to write, 0 or 1; sl_acl_value must have none of it
 * @word: acl word (struct sl_state) that puts the result in force
 *
 * May sleep; allocates some 8 MiB meanwhile. -EINVAL: see @err.
 * -ENOSPC: more rules, or more distinct values in them, than the tables hold.
 * -ENOMEM, and what the sink returns. After an error the column is to be
 * emptied.
 */
int sluice_acl_compile(struct sl_acl_entry *rules, __u32 count, __u32 column,
		       const struct sl_acl_sink *sink, __u32 *word, struct sl_acl_error *err);

#endif /* SLUICE_ACL_COMPILE_H */
