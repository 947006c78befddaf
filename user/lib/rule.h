/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The administrator's rules as operations of a transaction. */
#ifndef SLUICE_LIB_RULE_H
#define SLUICE_LIB_RULE_H

#include "lib/backend.h"

enum lib_rule_kind {
	LIB_RULE_ADD,
	LIB_RULE_REPLACE,
	LIB_RULE_DELETE,
};

struct lib_rule_op {
	enum lib_rule_kind kind;
	__u32 index;			/* in the transaction, as the caller counts */
	__u32 id;
	struct sl_acl_rule rule;
};

/* Those of @txn on the pinned maps, all or none; the caller holds lib_pin_lock(). */
int lib_rules_commit(struct sluice_txn *txn, struct sluice_error *error);

#endif
