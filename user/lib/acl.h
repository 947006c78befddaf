/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The administrator's rules on pinned maps: internal, below the transactions
 * of libsluice. The compiler itself is kmod/acl_compile.h.
 */
#ifndef LIB_ACL_H
#define LIB_ACL_H

#include "kmod/acl_compile.h"
#include "lib/sluice.h"

enum lib_acl_op {
	LIB_ACL_SET,			/* add, or replace */
	LIB_ACL_DEL,
};

struct lib_acl_change {
	enum lib_acl_op op;
	__u32 id;			/* not 0 */
	struct sl_acl_rule rule;	/* LIB_ACL_SET; sluice_acl_check() has passed it */
};

/*
 * lib_acl_commit() - change rules, all or nothing
 * @changes: applied in their order; deleting what is not there is an error
 * @err: may be NULL; filled for -EINVAL, -ENOSPC and -ENOENT
 *
 * The caller holds lib_pin_lock(). When it returns 0 the new rules are in
 * force, established flows are judged again at their next packet, and nobody
 * reads the old tables any more; with an error nothing has changed. Counters
 * of rules that stay are kept, those of rules that go are removed.
 *
 * -ENOENT, -EINVAL, -ENOSPC, -ENOMEM, what bpf(2) returned.
 */
int lib_acl_commit(struct sluice *sl, const struct lib_acl_change *changes, size_t count,
		   struct sl_acl_error *err);

/* -ENOENT: no such rule. */
int lib_acl_get(struct sluice *sl, __u32 id, struct sl_acl_rule *out);
int lib_acl_counter(struct sluice *sl, __u32 id, struct sl_counter *out);

/*
 * All rules in the order in which they are asked; @out is the caller's, to be
 * freed. How many, or a negative errno.
 */
long lib_acl_list(struct sluice *sl, struct sl_acl_entry **out);

#endif
