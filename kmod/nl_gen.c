// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: kmod/regen */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "nl_gen.h"

#include <uapi/linux/sluice.h>

/* Common nested types */
const struct nla_policy sluice_item_nl_policy[SLUICE_A_ITEM_VALUE + 1] = {
	[SLUICE_A_ITEM_TABLE] = { .type = NLA_U32, },
	[SLUICE_A_ITEM_OP] = NLA_POLICY_MAX(NLA_U32, 3),
	[SLUICE_A_ITEM_KEY] = NLA_POLICY_MAX_LEN(SLUICE_KEY_MAX),
	[SLUICE_A_ITEM_VALUE] = NLA_POLICY_MAX_LEN(SLUICE_VALUE_MAX),
};

/* SLUICE_CMD_TABLE_GET - do */
static const struct nla_policy sluice_table_get_nl_policy[SLUICE_A_TABLE_NAME + 1] = {
	[SLUICE_A_TABLE_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_ENTRY_GET - do */
static const struct nla_policy sluice_entry_get_do_nl_policy[SLUICE_A_ENTRY_KEY + 1] = {
	[SLUICE_A_ENTRY_TABLE] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_ENTRY_KEY] = NLA_POLICY_MAX_LEN(SLUICE_KEY_MAX),
};

/* SLUICE_CMD_ENTRY_GET - dump */
static const struct nla_policy sluice_entry_get_dump_nl_policy[SLUICE_A_ENTRY_TABLE + 1] = {
	[SLUICE_A_ENTRY_TABLE] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_ENTRY_MOD - do */
static const struct nla_policy sluice_entry_mod_nl_policy[SLUICE_A_ENTRY_ITEM + 1] = {
	[SLUICE_A_ENTRY_TXN] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_ENTRY_ITEM] = NLA_POLICY_NESTED(sluice_item_nl_policy),
};

/* SLUICE_CMD_ENDPOINT_GET - do */
static const struct nla_policy sluice_endpoint_get_nl_policy[SLUICE_A_ENDPOINT_ID + 1] = {
	[SLUICE_A_ENDPOINT_ID] = NLA_POLICY_RANGE(NLA_U32, 1, 4095),
};

/* SLUICE_CMD_FLOW_GET - do */
static const struct nla_policy sluice_flow_get_do_nl_policy[SLUICE_A_FLOW_PROTO + 1] = {
	[SLUICE_A_FLOW_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_DADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_SPORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_DPORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_PROTO] = { .type = NLA_U8, },
};

/* SLUICE_CMD_FLOW_GET - dump */
static const struct nla_policy sluice_flow_get_dump_nl_policy[SLUICE_A_FLOW_ENDPOINT + 1] = {
	[SLUICE_A_FLOW_ADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_ADDR_LEN] = NLA_POLICY_MAX(NLA_U32, 128),
	[SLUICE_A_FLOW_PORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_PROTO] = { .type = NLA_U8, },
	[SLUICE_A_FLOW_ENDPOINT] = NLA_POLICY_RANGE(NLA_U32, 1, 4095),
	[SLUICE_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U32, 3),
};

/* SLUICE_CMD_FLOW_DEL - do */
static const struct nla_policy sluice_flow_del_nl_policy[SLUICE_A_FLOW_ALL + 1] = {
	[SLUICE_A_FLOW_SADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_DADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_SPORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_DPORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_PROTO] = { .type = NLA_U8, },
	[SLUICE_A_FLOW_ADDR] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_FLOW_ADDR_LEN] = NLA_POLICY_MAX(NLA_U32, 128),
	[SLUICE_A_FLOW_PORT] = { .type = NLA_BE16, },
	[SLUICE_A_FLOW_ENDPOINT] = NLA_POLICY_RANGE(NLA_U32, 1, 4095),
	[SLUICE_A_FLOW_STATE] = NLA_POLICY_MAX(NLA_U32, 3),
	[SLUICE_A_FLOW_ALL] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_DROP_GET - dump */
static const struct nla_policy sluice_drop_get_nl_policy[SLUICE_A_DROP_BY_RULE + 1] = {
	[SLUICE_A_DROP_BY_RULE] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_RULE_GET - do */
static const struct nla_policy sluice_rule_get_nl_policy[SLUICE_A_RULE_ID + 1] = {
	[SLUICE_A_RULE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_RULE_NEW - do */
static const struct nla_policy sluice_rule_new_nl_policy[SLUICE_A_RULE_COMMENT + 1] = {
	[SLUICE_A_RULE_TXN] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_RULE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_RULE_PRIORITY] = { .type = NLA_U32, },
	[SLUICE_A_RULE_ACTION] = NLA_POLICY_MAX(NLA_U32, 7),
	[SLUICE_A_RULE_REPLACE] = { .type = NLA_FLAG, },
	[SLUICE_A_RULE_SRC] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_RULE_SRC_LEN] = NLA_POLICY_MAX(NLA_U32, 128),
	[SLUICE_A_RULE_DST] = NLA_POLICY_EXACT_LEN(16),
	[SLUICE_A_RULE_DST_LEN] = NLA_POLICY_MAX(NLA_U32, 128),
	[SLUICE_A_RULE_SRC_CLASS] = { .type = NLA_U32, },
	[SLUICE_A_RULE_DST_CLASS] = { .type = NLA_U32, },
	[SLUICE_A_RULE_IFINDEX] = { .type = NLA_U32, },
	[SLUICE_A_RULE_PROTO] = { .type = NLA_U8, },
	[SLUICE_A_RULE_SPORT_MIN] = { .type = NLA_U16, },
	[SLUICE_A_RULE_SPORT_MAX] = { .type = NLA_U16, },
	[SLUICE_A_RULE_DPORT_MIN] = { .type = NLA_U16, },
	[SLUICE_A_RULE_DPORT_MAX] = { .type = NLA_U16, },
	[SLUICE_A_RULE_TCP_FLAGS] = { .type = NLA_U8, },
	[SLUICE_A_RULE_TCP_MASK] = { .type = NLA_U8, },
	[SLUICE_A_RULE_ICMP_TYPE] = { .type = NLA_U8, },
	[SLUICE_A_RULE_ICMP_CODE] = { .type = NLA_U8, },
	[SLUICE_A_RULE_DSCP] = NLA_POLICY_MAX(NLA_U8, 63),
	[SLUICE_A_RULE_MARK] = { .type = NLA_U32, },
	[SLUICE_A_RULE_MARK_MASK] = { .type = NLA_U32, },
	[SLUICE_A_RULE_RATE] = { .type = NLA_U32, },
	[SLUICE_A_RULE_BURST] = { .type = NLA_U32, },
	[SLUICE_A_RULE_COMMENT] = { .type = NLA_NUL_STRING, .len = SLUICE_COMMENT_MAX, },
};

/* SLUICE_CMD_RULE_DEL - do */
static const struct nla_policy sluice_rule_del_nl_policy[SLUICE_A_RULE_ID + 1] = {
	[SLUICE_A_RULE_TXN] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_RULE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_TXN_BEGIN - do */
static const struct nla_policy sluice_txn_begin_nl_policy[SLUICE_A_TXN_GENERATION + 1] = {
	[SLUICE_A_TXN_GENERATION] = { .type = NLA_U32, },
};

/* SLUICE_CMD_TXN_COMMIT - do */
static const struct nla_policy sluice_txn_commit_nl_policy[SLUICE_A_TXN_ID + 1] = {
	[SLUICE_A_TXN_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_TXN_ABORT - do */
static const struct nla_policy sluice_txn_abort_nl_policy[SLUICE_A_TXN_ID + 1] = {
	[SLUICE_A_TXN_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* Ops table for sluice */
static const struct genl_split_ops sluice_nl_ops[] = {
	{
		.cmd	= SLUICE_CMD_PIPELINE_GET,
		.doit	= sluice_nl_pipeline_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_PIPELINE_DEL,
		.doit	= sluice_nl_pipeline_del_doit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TABLE_GET,
		.doit		= sluice_nl_table_get_doit,
		.policy		= sluice_table_get_nl_policy,
		.maxattr	= SLUICE_A_TABLE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_TABLE_GET,
		.dumpit	= sluice_nl_table_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_ENTRY_GET,
		.doit		= sluice_nl_entry_get_doit,
		.policy		= sluice_entry_get_do_nl_policy,
		.maxattr	= SLUICE_A_ENTRY_KEY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ENTRY_GET,
		.start		= sluice_nl_entry_get_start,
		.dumpit		= sluice_nl_entry_get_dumpit,
		.done		= sluice_nl_dump_done,
		.policy		= sluice_entry_get_dump_nl_policy,
		.maxattr	= SLUICE_A_ENTRY_TABLE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_ENTRY_MOD,
		.doit		= sluice_nl_entry_mod_doit,
		.policy		= sluice_entry_mod_nl_policy,
		.maxattr	= SLUICE_A_ENTRY_ITEM,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ENDPOINT_GET,
		.doit		= sluice_nl_endpoint_get_doit,
		.policy		= sluice_endpoint_get_nl_policy,
		.maxattr	= SLUICE_A_ENDPOINT_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_ENDPOINT_GET,
		.dumpit	= sluice_nl_endpoint_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_GET,
		.doit		= sluice_nl_flow_get_doit,
		.policy		= sluice_flow_get_do_nl_policy,
		.maxattr	= SLUICE_A_FLOW_PROTO,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_GET,
		.start		= sluice_nl_flow_get_start,
		.dumpit		= sluice_nl_flow_get_dumpit,
		.done		= sluice_nl_dump_done,
		.policy		= sluice_flow_get_dump_nl_policy,
		.maxattr	= SLUICE_A_FLOW_ENDPOINT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_DEL,
		.doit		= sluice_nl_flow_del_doit,
		.policy		= sluice_flow_del_nl_policy,
		.maxattr	= SLUICE_A_FLOW_ALL,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_DROP_GET,
		.start		= sluice_nl_drop_get_start,
		.dumpit		= sluice_nl_drop_get_dumpit,
		.done		= sluice_nl_dump_done,
		.policy		= sluice_drop_get_nl_policy,
		.maxattr	= SLUICE_A_DROP_BY_RULE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_RULE_GET,
		.doit		= sluice_nl_rule_get_doit,
		.policy		= sluice_rule_get_nl_policy,
		.maxattr	= SLUICE_A_RULE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_RULE_GET,
		.start	= sluice_nl_rule_get_start,
		.dumpit	= sluice_nl_rule_get_dumpit,
		.done	= sluice_nl_dump_done,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_RULE_NEW,
		.doit		= sluice_nl_rule_new_doit,
		.policy		= sluice_rule_new_nl_policy,
		.maxattr	= SLUICE_A_RULE_COMMENT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_RULE_DEL,
		.doit		= sluice_nl_rule_del_doit,
		.policy		= sluice_rule_del_nl_policy,
		.maxattr	= SLUICE_A_RULE_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TXN_BEGIN,
		.doit		= sluice_nl_txn_begin_doit,
		.policy		= sluice_txn_begin_nl_policy,
		.maxattr	= SLUICE_A_TXN_GENERATION,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TXN_COMMIT,
		.doit		= sluice_nl_txn_commit_doit,
		.policy		= sluice_txn_commit_nl_policy,
		.maxattr	= SLUICE_A_TXN_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TXN_ABORT,
		.doit		= sluice_nl_txn_abort_doit,
		.policy		= sluice_txn_abort_nl_policy,
		.maxattr	= SLUICE_A_TXN_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group sluice_nl_mcgrps[] = {
	[SLUICE_NLGRP_FLOWS] = { "flows", },
	[SLUICE_NLGRP_DROPS] = { "drops", },
	[SLUICE_NLGRP_POLICY] = { "policy", },
};

struct genl_family sluice_nl_family __ro_after_init = {
	.name		= SLUICE_FAMILY_NAME,
	.version	= SLUICE_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= sluice_nl_ops,
	.n_split_ops	= ARRAY_SIZE(sluice_nl_ops),
	.mcgrps		= sluice_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(sluice_nl_mcgrps),
};
