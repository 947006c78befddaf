// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN user source */
/* To regenerate run: kmod/regen */

#include <stdlib.h>
#include <string.h>
#include "sluice-user.h"
#include "ynl.h"
#include <linux/sluice.h>

#include <linux/genetlink.h>

/* Enums */
static const char * const sluice_op_strmap[] = {
	[SLUICE_CMD_PIPELINE_GET] = "pipeline-get",
	[SLUICE_CMD_PIPELINE_DEL] = "pipeline-del",
	[SLUICE_CMD_TABLE_GET] = "table-get",
	[SLUICE_CMD_ENTRY_GET] = "entry-get",
	[SLUICE_CMD_ENTRY_MOD] = "entry-mod",
	[SLUICE_CMD_ENDPOINT_GET] = "endpoint-get",
	[SLUICE_CMD_FLOW_GET] = "flow-get",
	[SLUICE_CMD_FLOW_DEL] = "flow-del",
	[SLUICE_CMD_DROP_GET] = "drop-get",
	[SLUICE_CMD_RULE_GET] = "rule-get",
	[SLUICE_CMD_RULE_NEW] = "rule-new",
	[SLUICE_CMD_RULE_DEL] = "rule-del",
	[SLUICE_CMD_TXN_BEGIN] = "txn-begin",
	[SLUICE_CMD_TXN_COMMIT] = "txn-commit",
	[SLUICE_CMD_TXN_ABORT] = "txn-abort",
	[SLUICE_CMD_FLOW_NTF] = "flow-ntf",
	[SLUICE_CMD_DROP_NTF] = "drop-ntf",
	[SLUICE_CMD_POLICY_NTF] = "policy-ntf",
};

const char *sluice_op_str(int op)
{
	if (op < 0 || op >= (int)YNL_ARRAY_SIZE(sluice_op_strmap))
		return NULL;
	return sluice_op_strmap[op];
}

static const char * const sluice_origin_strmap[] = {
	[0] = "daemon",
	[1] = "admin",
};

const char *sluice_origin_str(enum sluice_origin value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_origin_strmap))
		return NULL;
	return sluice_origin_strmap[value];
}

static const char * const sluice_table_match_strmap[] = {
	[0] = "index",
	[1] = "exact",
	[2] = "lpm",
	[3] = "none",
};

const char *sluice_table_match_str(enum sluice_table_match value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_table_match_strmap))
		return NULL;
	return sluice_table_match_strmap[value];
}

static const char * const sluice_field_format_strmap[] = {
	[0] = "uint",
	[1] = "be",
	[2] = "hex",
	[3] = "addr",
	[4] = "mac",
	[5] = "enum",
	[6] = "prefix",
	[7] = "bytes",
	[8] = "proto",
};

const char *sluice_field_format_str(enum sluice_field_format value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_field_format_strmap))
		return NULL;
	return sluice_field_format_strmap[value];
}

static const char * const sluice_table_flags_strmap[] = {
	[0] = "writable",
	[1] = "deletable",
	[2] = "percpu",
};

const char *sluice_table_flags_str(enum sluice_table_flags value)
{
	value = ffs(value) - 1;
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_table_flags_strmap))
		return NULL;
	return sluice_table_flags_strmap[value];
}

static const char * const sluice_change_strmap[] = {
	[0] = "insert",
	[1] = "modify",
	[2] = "set",
	[3] = "delete",
};

const char *sluice_change_str(enum sluice_change value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_change_strmap))
		return NULL;
	return sluice_change_strmap[value];
}

static const char * const sluice_flow_state_strmap[] = {
	[0] = "new",
	[1] = "replied",
	[2] = "established",
	[3] = "closing",
};

const char *sluice_flow_state_str(enum sluice_flow_state value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_flow_state_strmap))
		return NULL;
	return sluice_flow_state_strmap[value];
}

static const char * const sluice_close_reason_strmap[] = {
	[0] = "none",
	[1] = "fin",
	[2] = "rst",
	[3] = "idle",
	[4] = "refused",
	[5] = "deleted",
};

const char *sluice_close_reason_str(enum sluice_close_reason value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_close_reason_strmap))
		return NULL;
	return sluice_close_reason_strmap[value];
}

static const char * const sluice_action_strmap[] = {
	[0] = "drop",
	[1] = "reject",
	[2] = "accept",
	[3] = "pass",
	[4] = "mark",
	[5] = "rate",
	[6] = "mirror",
	[7] = "count",
};

const char *sluice_action_str(enum sluice_action value)
{
	if (value < 0 || value >= (int)YNL_ARRAY_SIZE(sluice_action_strmap))
		return NULL;
	return sluice_action_strmap[value];
}

/* Policies */
const struct ynl_policy_attr sluice_field_policy[SLUICE_A_FIELD_MAX + 1] = {
	[SLUICE_A_FIELD_NAME] = { .name = "name", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_FIELD_OFFSET] = { .name = "offset", .type = YNL_PT_U32, },
	[SLUICE_A_FIELD_SIZE] = { .name = "size", .type = YNL_PT_U32, },
	[SLUICE_A_FIELD_FORMAT] = { .name = "format", .type = YNL_PT_U32, },
	[SLUICE_A_FIELD_LABEL] = { .name = "label", .type = YNL_PT_NUL_STR, },
};

const struct ynl_policy_nest sluice_field_nest = {
	.max_attr = SLUICE_A_FIELD_MAX,
	.table = sluice_field_policy,
};

const struct ynl_policy_attr sluice_item_policy[SLUICE_A_ITEM_MAX + 1] = {
	[SLUICE_A_ITEM_TABLE] = { .name = "table", .type = YNL_PT_U32, },
	[SLUICE_A_ITEM_OP] = { .name = "op", .type = YNL_PT_U32, },
	[SLUICE_A_ITEM_KEY] = { .name = "key", .type = YNL_PT_BINARY,},
	[SLUICE_A_ITEM_VALUE] = { .name = "value", .type = YNL_PT_BINARY,},
};

const struct ynl_policy_nest sluice_item_nest = {
	.max_attr = SLUICE_A_ITEM_MAX,
	.table = sluice_item_policy,
};

const struct ynl_policy_attr sluice_counter_policy[SLUICE_A_COUNTER_MAX + 1] = {
	[SLUICE_A_COUNTER_PACKETS] = { .name = "packets", .type = YNL_PT_UINT, },
	[SLUICE_A_COUNTER_BYTES] = { .name = "bytes", .type = YNL_PT_UINT, },
};

const struct ynl_policy_nest sluice_counter_nest = {
	.max_attr = SLUICE_A_COUNTER_MAX,
	.table = sluice_counter_policy,
};

const struct ynl_policy_attr sluice_flow_record_policy[SLUICE_A_FLOW_MAX + 1] = {
	[SLUICE_A_FLOW_SADDR] = { .name = "saddr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_DADDR] = { .name = "daddr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_SPORT] = { .name = "sport", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_DPORT] = { .name = "dport", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_PROTO] = { .name = "proto", .type = YNL_PT_U8, },
	[SLUICE_A_FLOW_STATE] = { .name = "state", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_SRC_ENDPOINT] = { .name = "src-endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_DST_ENDPOINT] = { .name = "dst-endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_INGRESS_RULE] = { .name = "ingress-rule", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_INGRESS_TIER] = { .name = "ingress-tier", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_EGRESS_RULE] = { .name = "egress-rule", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_EGRESS_TIER] = { .name = "egress-tier", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_CREATED] = { .name = "created", .type = YNL_PT_UINT, },
	[SLUICE_A_FLOW_LAST] = { .name = "last", .type = YNL_PT_UINT, },
	[SLUICE_A_FLOW_SENT] = { .name = "sent", .type = YNL_PT_NEST, .nest = &sluice_counter_nest, },
	[SLUICE_A_FLOW_RECEIVED] = { .name = "received", .type = YNL_PT_NEST, .nest = &sluice_counter_nest, },
	[SLUICE_A_FLOW_REASON] = { .name = "reason", .type = YNL_PT_U32, },
};

const struct ynl_policy_nest sluice_flow_record_nest = {
	.max_attr = SLUICE_A_FLOW_MAX,
	.table = sluice_flow_record_policy,
};

const struct ynl_policy_attr sluice_drop_record_policy[SLUICE_A_DROP_MAX + 1] = {
	[SLUICE_A_DROP_REASON] = { .name = "reason", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_NAME] = { .name = "name", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_DROP_ENDPOINT] = { .name = "endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_RULE] = { .name = "rule", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_PACKETS] = { .name = "packets", .type = YNL_PT_UINT, },
	[SLUICE_A_DROP_BYTES] = { .name = "bytes", .type = YNL_PT_UINT, },
};

const struct ynl_policy_nest sluice_drop_record_nest = {
	.max_attr = SLUICE_A_DROP_MAX,
	.table = sluice_drop_record_policy,
};

const struct ynl_policy_attr sluice_pipeline_policy[SLUICE_A_PIPELINE_MAX + 1] = {
	[SLUICE_A_PIPELINE_ABI] = { .name = "abi", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_VERSION] = { .name = "version", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_PIPELINE_GENERATION] = { .name = "generation", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_COMMITS] = { .name = "commits", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_ROUTE_GEN] = { .name = "route-gen", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_TABLES] = { .name = "tables", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_RULES] = { .name = "rules", .type = YNL_PT_U32, },
	[SLUICE_A_PIPELINE_EVENTS_LOST] = { .name = "events-lost", .type = YNL_PT_UINT, },
	[SLUICE_A_PIPELINE_STATE_MAP] = { .name = "state-map", .type = YNL_PT_U32, },
};

const struct ynl_policy_nest sluice_pipeline_nest = {
	.max_attr = SLUICE_A_PIPELINE_MAX,
	.table = sluice_pipeline_policy,
};

const struct ynl_policy_attr sluice_table_policy[SLUICE_A_TABLE_MAX + 1] = {
	[SLUICE_A_TABLE_ID] = { .name = "id", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_NAME] = { .name = "name", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_TABLE_TEXT] = { .name = "text", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_TABLE_MATCH] = { .name = "match", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_FLAGS] = { .name = "flags", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_KEY_SIZE] = { .name = "key-size", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_VALUE_SIZE] = { .name = "value-size", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_MAX_ENTRIES] = { .name = "max-entries", .type = YNL_PT_U32, },
	[SLUICE_A_TABLE_KEY_FIELD] = { .name = "key-field", .type = YNL_PT_NEST, .nest = &sluice_field_nest, },
	[SLUICE_A_TABLE_VALUE_FIELD] = { .name = "value-field", .type = YNL_PT_NEST, .nest = &sluice_field_nest, },
};

const struct ynl_policy_nest sluice_table_nest = {
	.max_attr = SLUICE_A_TABLE_MAX,
	.table = sluice_table_policy,
};

const struct ynl_policy_attr sluice_entry_policy[SLUICE_A_ENTRY_MAX + 1] = {
	[SLUICE_A_ENTRY_TXN] = { .name = "txn", .type = YNL_PT_U32, },
	[SLUICE_A_ENTRY_TABLE] = { .name = "table", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_ENTRY_KEY] = { .name = "key", .type = YNL_PT_BINARY,},
	[SLUICE_A_ENTRY_VALUE] = { .name = "value", .type = YNL_PT_BINARY,},
	[SLUICE_A_ENTRY_ITEM] = { .name = "item", .type = YNL_PT_NEST, .nest = &sluice_item_nest, },
};

const struct ynl_policy_nest sluice_entry_nest = {
	.max_attr = SLUICE_A_ENTRY_MAX,
	.table = sluice_entry_policy,
};

const struct ynl_policy_attr sluice_endpoint_policy[SLUICE_A_ENDPOINT_MAX + 1] = {
	[SLUICE_A_ENDPOINT_ID] = { .name = "id", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_IFINDEX] = { .name = "ifindex", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_FLAGS] = { .name = "flags", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_IPV4] = { .name = "ipv4", .type = YNL_PT_BINARY,},
	[SLUICE_A_ENDPOINT_IPV6] = { .name = "ipv6", .type = YNL_PT_BINARY,},
	[SLUICE_A_ENDPOINT_MAC] = { .name = "mac", .type = YNL_PT_BINARY,},
	[SLUICE_A_ENDPOINT_MTU] = { .name = "mtu", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_RULE_SET] = { .name = "rule-set", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_GENERATION] = { .name = "generation", .type = YNL_PT_U32, },
	[SLUICE_A_ENDPOINT_CLOSED] = { .name = "closed", .type = YNL_PT_FLAG, },
	[SLUICE_A_ENDPOINT_ISOLATED_INGRESS] = { .name = "isolated-ingress", .type = YNL_PT_FLAG, },
	[SLUICE_A_ENDPOINT_ISOLATED_EGRESS] = { .name = "isolated-egress", .type = YNL_PT_FLAG, },
};

const struct ynl_policy_nest sluice_endpoint_nest = {
	.max_attr = SLUICE_A_ENDPOINT_MAX,
	.table = sluice_endpoint_policy,
};

const struct ynl_policy_attr sluice_flow_policy[SLUICE_A_FLOW_MAX + 1] = {
	[SLUICE_A_FLOW_SADDR] = { .name = "saddr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_DADDR] = { .name = "daddr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_SPORT] = { .name = "sport", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_DPORT] = { .name = "dport", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_PROTO] = { .name = "proto", .type = YNL_PT_U8, },
	[SLUICE_A_FLOW_STATE] = { .name = "state", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_HALF_OPEN] = { .name = "half-open", .type = YNL_PT_FLAG, },
	[SLUICE_A_FLOW_SRC_ENDPOINT] = { .name = "src-endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_DST_ENDPOINT] = { .name = "dst-endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_INGRESS_RULE] = { .name = "ingress-rule", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_INGRESS_TIER] = { .name = "ingress-tier", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_EGRESS_RULE] = { .name = "egress-rule", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_EGRESS_TIER] = { .name = "egress-tier", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_NAT_ADDR] = { .name = "nat-addr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_NAT_PORT] = { .name = "nat-port", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_CREATED] = { .name = "created", .type = YNL_PT_UINT, },
	[SLUICE_A_FLOW_LAST] = { .name = "last", .type = YNL_PT_UINT, },
	[SLUICE_A_FLOW_SENT] = { .name = "sent", .type = YNL_PT_NEST, .nest = &sluice_counter_nest, },
	[SLUICE_A_FLOW_RECEIVED] = { .name = "received", .type = YNL_PT_NEST, .nest = &sluice_counter_nest, },
	[SLUICE_A_FLOW_REASON] = { .name = "reason", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_ADDR] = { .name = "addr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_ADDR_LEN] = { .name = "addr-len", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_PORT] = { .name = "port", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_ENDPOINT] = { .name = "endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_ALL] = { .name = "all", .type = YNL_PT_FLAG, },
	[SLUICE_A_FLOW_DELETED] = { .name = "deleted", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_DNAT_ADDR] = { .name = "dnat-addr", .type = YNL_PT_BINARY,},
	[SLUICE_A_FLOW_DNAT_PORT] = { .name = "dnat-port", .type = YNL_PT_U16, },
	[SLUICE_A_FLOW_SERVICE] = { .name = "service", .type = YNL_PT_U32, },
	[SLUICE_A_FLOW_BACKEND] = { .name = "backend", .type = YNL_PT_U32, },
};

const struct ynl_policy_nest sluice_flow_nest = {
	.max_attr = SLUICE_A_FLOW_MAX,
	.table = sluice_flow_policy,
};

const struct ynl_policy_attr sluice_drop_policy[SLUICE_A_DROP_MAX + 1] = {
	[SLUICE_A_DROP_REASON] = { .name = "reason", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_NAME] = { .name = "name", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_DROP_ENDPOINT] = { .name = "endpoint", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_RULE] = { .name = "rule", .type = YNL_PT_U32, },
	[SLUICE_A_DROP_PACKETS] = { .name = "packets", .type = YNL_PT_UINT, },
	[SLUICE_A_DROP_BYTES] = { .name = "bytes", .type = YNL_PT_UINT, },
	[SLUICE_A_DROP_BY_RULE] = { .name = "by-rule", .type = YNL_PT_FLAG, },
};

const struct ynl_policy_nest sluice_drop_nest = {
	.max_attr = SLUICE_A_DROP_MAX,
	.table = sluice_drop_policy,
};

const struct ynl_policy_attr sluice_rule_policy[SLUICE_A_RULE_MAX + 1] = {
	[SLUICE_A_RULE_TXN] = { .name = "txn", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_ID] = { .name = "id", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_PRIORITY] = { .name = "priority", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_ACTION] = { .name = "action", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_ORIGIN] = { .name = "origin", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_REPLACE] = { .name = "replace", .type = YNL_PT_FLAG, },
	[SLUICE_A_RULE_SRC] = { .name = "src", .type = YNL_PT_BINARY,},
	[SLUICE_A_RULE_SRC_LEN] = { .name = "src-len", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_DST] = { .name = "dst", .type = YNL_PT_BINARY,},
	[SLUICE_A_RULE_DST_LEN] = { .name = "dst-len", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_SRC_CLASS] = { .name = "src-class", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_DST_CLASS] = { .name = "dst-class", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_IFINDEX] = { .name = "ifindex", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_PROTO] = { .name = "proto", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_SPORT_MIN] = { .name = "sport-min", .type = YNL_PT_U16, },
	[SLUICE_A_RULE_SPORT_MAX] = { .name = "sport-max", .type = YNL_PT_U16, },
	[SLUICE_A_RULE_DPORT_MIN] = { .name = "dport-min", .type = YNL_PT_U16, },
	[SLUICE_A_RULE_DPORT_MAX] = { .name = "dport-max", .type = YNL_PT_U16, },
	[SLUICE_A_RULE_TCP_FLAGS] = { .name = "tcp-flags", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_TCP_MASK] = { .name = "tcp-mask", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_ICMP_TYPE] = { .name = "icmp-type", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_ICMP_CODE] = { .name = "icmp-code", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_DSCP] = { .name = "dscp", .type = YNL_PT_U8, },
	[SLUICE_A_RULE_MARK] = { .name = "mark", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_MARK_MASK] = { .name = "mark-mask", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_RATE] = { .name = "rate", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_BURST] = { .name = "burst", .type = YNL_PT_U32, },
	[SLUICE_A_RULE_COMMENT] = { .name = "comment", .type = YNL_PT_NUL_STR, },
	[SLUICE_A_RULE_PACKETS] = { .name = "packets", .type = YNL_PT_UINT, },
	[SLUICE_A_RULE_BYTES] = { .name = "bytes", .type = YNL_PT_UINT, },
};

const struct ynl_policy_nest sluice_rule_nest = {
	.max_attr = SLUICE_A_RULE_MAX,
	.table = sluice_rule_policy,
};

const struct ynl_policy_attr sluice_txn_policy[SLUICE_A_TXN_MAX + 1] = {
	[SLUICE_A_TXN_ID] = { .name = "id", .type = YNL_PT_U32, },
	[SLUICE_A_TXN_GENERATION] = { .name = "generation", .type = YNL_PT_U32, },
	[SLUICE_A_TXN_OPERATIONS] = { .name = "operations", .type = YNL_PT_U32, },
};

const struct ynl_policy_nest sluice_txn_nest = {
	.max_attr = SLUICE_A_TXN_MAX,
	.table = sluice_txn_policy,
};

const struct ynl_policy_attr sluice_event_policy[SLUICE_A_EVENT_MAX + 1] = {
	[SLUICE_A_EVENT_SEQ] = { .name = "seq", .type = YNL_PT_U32, },
	[SLUICE_A_EVENT_LOST] = { .name = "lost", .type = YNL_PT_UINT, },
	[SLUICE_A_EVENT_OPENED] = { .name = "opened", .type = YNL_PT_NEST, .nest = &sluice_flow_record_nest, },
	[SLUICE_A_EVENT_CLOSED] = { .name = "closed", .type = YNL_PT_NEST, .nest = &sluice_flow_record_nest, },
	[SLUICE_A_EVENT_DROP] = { .name = "drop", .type = YNL_PT_NEST, .nest = &sluice_drop_record_nest, },
	[SLUICE_A_EVENT_GENERATION] = { .name = "generation", .type = YNL_PT_U32, },
	[SLUICE_A_EVENT_COMMITS] = { .name = "commits", .type = YNL_PT_U32, },
	[SLUICE_A_EVENT_OPERATIONS] = { .name = "operations", .type = YNL_PT_U32, },
};

const struct ynl_policy_nest sluice_event_nest = {
	.max_attr = SLUICE_A_EVENT_MAX,
	.table = sluice_event_policy,
};

/* Common nested types */
void sluice_field_free(struct sluice_field *obj)
{
	unsigned int i;

	free(obj->name);
	for (i = 0; i < obj->_count.label; i++)
		free(obj->label[i]);
	free(obj->label);
}

int sluice_field_parse(struct ynl_parse_arg *yarg, const struct nlattr *nested)
{
	struct sluice_field *dst = yarg->data;
	const struct nlattr *attr;
	unsigned int n_label = 0;
	unsigned int len;
	int i;

	if (dst->label)
		return ynl_error_parse(yarg, "attribute already present (field.label)");

	ynl_attr_for_each_nested(attr, nested) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_FIELD_NAME) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->name = malloc(len + 1);
			if (!dst->name)
				return YNL_PARSE_CB_ERROR;
			dst->_len.name = len;
			memcpy(dst->name, ynl_attr_get_str(attr), len);
			dst->name[len] = 0;
		} else if (type == SLUICE_A_FIELD_OFFSET) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.offset = 1;
			dst->offset = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FIELD_SIZE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.size = 1;
			dst->size = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FIELD_FORMAT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.format = 1;
			dst->format = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FIELD_LABEL) {
			n_label++;
		}
	}

	if (n_label) {
		dst->label = calloc(n_label, sizeof(*dst->label));
		if (!dst->label)
			return YNL_PARSE_CB_ERROR;
		dst->_count.label = n_label;
		i = 0;
		ynl_attr_for_each_nested(attr, nested) {
			if (ynl_attr_type(attr) == SLUICE_A_FIELD_LABEL) {
				unsigned int len;

				len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
				dst->label[i] = malloc(sizeof(struct ynl_string) + len + 1);
				if (!dst->label[i])
					return YNL_PARSE_CB_ERROR;
				dst->label[i]->len = len;
				memcpy(dst->label[i]->str, ynl_attr_get_str(attr), len);
				dst->label[i]->str[len] = 0;
				i++;
			}
		}
	}

	return 0;
}

void sluice_item_free(struct sluice_item *obj)
{
	free(obj->key);
	free(obj->value);
}

int sluice_item_put(struct nlmsghdr *nlh, unsigned int attr_type,
		    struct sluice_item *obj)
{
	struct nlattr *nest;

	nest = ynl_attr_nest_start(nlh, attr_type);
	if (obj->_present.table)
		ynl_attr_put_u32(nlh, SLUICE_A_ITEM_TABLE, obj->table);
	if (obj->_present.op)
		ynl_attr_put_u32(nlh, SLUICE_A_ITEM_OP, obj->op);
	if (obj->_len.key)
		ynl_attr_put(nlh, SLUICE_A_ITEM_KEY, obj->key, obj->_len.key);
	if (obj->_len.value)
		ynl_attr_put(nlh, SLUICE_A_ITEM_VALUE, obj->value, obj->_len.value);
	ynl_attr_nest_end(nlh, nest);

	return 0;
}

void sluice_counter_free(struct sluice_counter *obj)
{
}

int sluice_counter_parse(struct ynl_parse_arg *yarg,
			 const struct nlattr *nested)
{
	struct sluice_counter *dst = yarg->data;
	const struct nlattr *attr;

	ynl_attr_for_each_nested(attr, nested) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_COUNTER_PACKETS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.packets = 1;
			dst->packets = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_COUNTER_BYTES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.bytes = 1;
			dst->bytes = ynl_attr_get_uint(attr);
		}
	}

	return 0;
}

void sluice_flow_record_free(struct sluice_flow_record *obj)
{
	free(obj->saddr);
	free(obj->daddr);
	sluice_counter_free(&obj->sent);
	sluice_counter_free(&obj->received);
}

int sluice_flow_record_parse(struct ynl_parse_arg *yarg,
			     const struct nlattr *nested)
{
	struct sluice_flow_record *dst = yarg->data;
	const struct nlattr *attr;
	struct ynl_parse_arg parg;
	unsigned int len;

	parg.ys = yarg->ys;

	ynl_attr_for_each_nested(attr, nested) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_FLOW_SADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->saddr = malloc(len);
			if (!dst->saddr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.saddr = len;
			memcpy(dst->saddr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_DADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->daddr = malloc(len);
			if (!dst->daddr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.daddr = len;
			memcpy(dst->daddr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_SPORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sport = 1;
			dst->sport = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_DPORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dport = 1;
			dst->dport = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_PROTO) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.proto = 1;
			dst->proto = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_FLOW_STATE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.state = 1;
			dst->state = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_SRC_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.src_endpoint = 1;
			dst->src_endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_DST_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dst_endpoint = 1;
			dst->dst_endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_INGRESS_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ingress_rule = 1;
			dst->ingress_rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_INGRESS_TIER) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ingress_tier = 1;
			dst->ingress_tier = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_EGRESS_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.egress_rule = 1;
			dst->egress_rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_EGRESS_TIER) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.egress_tier = 1;
			dst->egress_tier = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_CREATED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.created = 1;
			dst->created = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_FLOW_LAST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.last = 1;
			dst->last = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_FLOW_SENT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sent = 1;

			parg.rsp_policy = &sluice_counter_nest;
			parg.data = &dst->sent;
			if (sluice_counter_parse(&parg, attr))
				return YNL_PARSE_CB_ERROR;
		} else if (type == SLUICE_A_FLOW_RECEIVED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.received = 1;

			parg.rsp_policy = &sluice_counter_nest;
			parg.data = &dst->received;
			if (sluice_counter_parse(&parg, attr))
				return YNL_PARSE_CB_ERROR;
		} else if (type == SLUICE_A_FLOW_REASON) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.reason = 1;
			dst->reason = ynl_attr_get_u32(attr);
		}
	}

	return 0;
}

void sluice_drop_record_free(struct sluice_drop_record *obj)
{
	free(obj->name);
}

int sluice_drop_record_parse(struct ynl_parse_arg *yarg,
			     const struct nlattr *nested)
{
	struct sluice_drop_record *dst = yarg->data;
	const struct nlattr *attr;
	unsigned int len;

	ynl_attr_for_each_nested(attr, nested) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_DROP_REASON) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.reason = 1;
			dst->reason = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_NAME) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->name = malloc(len + 1);
			if (!dst->name)
				return YNL_PARSE_CB_ERROR;
			dst->_len.name = len;
			memcpy(dst->name, ynl_attr_get_str(attr), len);
			dst->name[len] = 0;
		} else if (type == SLUICE_A_DROP_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.endpoint = 1;
			dst->endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.rule = 1;
			dst->rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_PACKETS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.packets = 1;
			dst->packets = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_DROP_BYTES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.bytes = 1;
			dst->bytes = ynl_attr_get_uint(attr);
		}
	}

	return 0;
}

/* ============== SLUICE_CMD_PIPELINE_GET ============== */
/* SLUICE_CMD_PIPELINE_GET - do */
void sluice_pipeline_get_rsp_free(struct sluice_pipeline_get_rsp *rsp)
{
	free(rsp->version);
	free(rsp);
}

int sluice_pipeline_get_rsp_parse(const struct nlmsghdr *nlh,
				  struct ynl_parse_arg *yarg)
{
	struct sluice_pipeline_get_rsp *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_PIPELINE_ABI) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.abi = 1;
			dst->abi = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_VERSION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->version = malloc(len + 1);
			if (!dst->version)
				return YNL_PARSE_CB_ERROR;
			dst->_len.version = len;
			memcpy(dst->version, ynl_attr_get_str(attr), len);
			dst->version[len] = 0;
		} else if (type == SLUICE_A_PIPELINE_GENERATION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.generation = 1;
			dst->generation = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_COMMITS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.commits = 1;
			dst->commits = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_ROUTE_GEN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.route_gen = 1;
			dst->route_gen = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_TABLES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.tables = 1;
			dst->tables = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_RULES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.rules = 1;
			dst->rules = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_PIPELINE_EVENTS_LOST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.events_lost = 1;
			dst->events_lost = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_PIPELINE_STATE_MAP) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.state_map = 1;
			dst->state_map = ynl_attr_get_u32(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_pipeline_get_rsp *sluice_pipeline_get(struct ynl_sock *ys)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_pipeline_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_PIPELINE_GET, 1);
	ys->req_policy = &sluice_pipeline_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_pipeline_nest;

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_pipeline_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_PIPELINE_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_pipeline_get_rsp_free(rsp);
	return NULL;
}

/* ============== SLUICE_CMD_PIPELINE_DEL ============== */
/* SLUICE_CMD_PIPELINE_DEL - do */
int sluice_pipeline_del(struct ynl_sock *ys)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_PIPELINE_DEL, 1);
	ys->req_policy = &sluice_pipeline_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		return -1;

	return 0;
}

/* ============== SLUICE_CMD_TABLE_GET ============== */
/* SLUICE_CMD_TABLE_GET - do */
void sluice_table_get_req_free(struct sluice_table_get_req *req)
{
	free(req->name);
	free(req);
}

void sluice_table_get_rsp_free(struct sluice_table_get_rsp *rsp)
{
	unsigned int i;

	free(rsp->name);
	free(rsp->text);
	for (i = 0; i < rsp->_count.key_field; i++)
		sluice_field_free(&rsp->key_field[i]);
	free(rsp->key_field);
	for (i = 0; i < rsp->_count.value_field; i++)
		sluice_field_free(&rsp->value_field[i]);
	free(rsp->value_field);
	free(rsp);
}

int sluice_table_get_rsp_parse(const struct nlmsghdr *nlh,
			       struct ynl_parse_arg *yarg)
{
	struct sluice_table_get_rsp *dst;
	unsigned int n_value_field = 0;
	unsigned int n_key_field = 0;
	const struct nlattr *attr;
	struct ynl_parse_arg parg;
	unsigned int len;
	int i;

	dst = yarg->data;
	parg.ys = yarg->ys;

	if (dst->key_field)
		return ynl_error_parse(yarg, "attribute already present (table.key-field)");
	if (dst->value_field)
		return ynl_error_parse(yarg, "attribute already present (table.value-field)");

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_TABLE_ID) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.id = 1;
			dst->id = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_NAME) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->name = malloc(len + 1);
			if (!dst->name)
				return YNL_PARSE_CB_ERROR;
			dst->_len.name = len;
			memcpy(dst->name, ynl_attr_get_str(attr), len);
			dst->name[len] = 0;
		} else if (type == SLUICE_A_TABLE_TEXT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->text = malloc(len + 1);
			if (!dst->text)
				return YNL_PARSE_CB_ERROR;
			dst->_len.text = len;
			memcpy(dst->text, ynl_attr_get_str(attr), len);
			dst->text[len] = 0;
		} else if (type == SLUICE_A_TABLE_MATCH) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.match = 1;
			dst->match = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_FLAGS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.flags = 1;
			dst->flags = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_KEY_SIZE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.key_size = 1;
			dst->key_size = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_VALUE_SIZE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.value_size = 1;
			dst->value_size = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_MAX_ENTRIES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.max_entries = 1;
			dst->max_entries = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TABLE_KEY_FIELD) {
			n_key_field++;
		} else if (type == SLUICE_A_TABLE_VALUE_FIELD) {
			n_value_field++;
		}
	}

	if (n_key_field) {
		dst->key_field = calloc(n_key_field, sizeof(*dst->key_field));
		if (!dst->key_field)
			return YNL_PARSE_CB_ERROR;
		dst->_count.key_field = n_key_field;
		i = 0;
		parg.rsp_policy = &sluice_field_nest;
		ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
			if (ynl_attr_type(attr) == SLUICE_A_TABLE_KEY_FIELD) {
				parg.data = &dst->key_field[i];
				if (sluice_field_parse(&parg, attr))
					return YNL_PARSE_CB_ERROR;
				i++;
			}
		}
	}
	if (n_value_field) {
		dst->value_field = calloc(n_value_field, sizeof(*dst->value_field));
		if (!dst->value_field)
			return YNL_PARSE_CB_ERROR;
		dst->_count.value_field = n_value_field;
		i = 0;
		parg.rsp_policy = &sluice_field_nest;
		ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
			if (ynl_attr_type(attr) == SLUICE_A_TABLE_VALUE_FIELD) {
				parg.data = &dst->value_field[i];
				if (sluice_field_parse(&parg, attr))
					return YNL_PARSE_CB_ERROR;
				i++;
			}
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_table_get_rsp *
sluice_table_get(struct ynl_sock *ys, struct sluice_table_get_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_table_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_TABLE_GET, 1);
	ys->req_policy = &sluice_table_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_table_nest;

	if (req->_len.name)
		ynl_attr_put_str(nlh, SLUICE_A_TABLE_NAME, req->name);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_table_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_TABLE_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_table_get_rsp_free(rsp);
	return NULL;
}

/* SLUICE_CMD_TABLE_GET - dump */
void sluice_table_get_list_free(struct sluice_table_get_list *rsp)
{
	struct sluice_table_get_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		unsigned int i;

		rsp = next;
		next = rsp->next;

		free(rsp->obj.name);
		free(rsp->obj.text);
		for (i = 0; i < rsp->obj._count.key_field; i++)
			sluice_field_free(&rsp->obj.key_field[i]);
		free(rsp->obj.key_field);
		for (i = 0; i < rsp->obj._count.value_field; i++)
			sluice_field_free(&rsp->obj.value_field[i]);
		free(rsp->obj.value_field);
		free(rsp);
	}
}

struct sluice_table_get_list *sluice_table_get_dump(struct ynl_sock *ys)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_table_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_table_get_list);
	yds.cb = sluice_table_get_rsp_parse;
	yds.rsp_cmd = SLUICE_CMD_TABLE_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_TABLE_GET, 1);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_table_get_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_ENTRY_GET ============== */
/* SLUICE_CMD_ENTRY_GET - do */
void sluice_entry_get_req_free(struct sluice_entry_get_req *req)
{
	free(req->table);
	free(req->key);
	free(req);
}

void sluice_entry_get_rsp_free(struct sluice_entry_get_rsp *rsp)
{
	free(rsp->table);
	free(rsp->key);
	free(rsp->value);
	free(rsp);
}

int sluice_entry_get_rsp_parse(const struct nlmsghdr *nlh,
			       struct ynl_parse_arg *yarg)
{
	struct sluice_entry_get_rsp *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_ENTRY_TABLE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->table = malloc(len + 1);
			if (!dst->table)
				return YNL_PARSE_CB_ERROR;
			dst->_len.table = len;
			memcpy(dst->table, ynl_attr_get_str(attr), len);
			dst->table[len] = 0;
		} else if (type == SLUICE_A_ENTRY_KEY) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->key = malloc(len);
			if (!dst->key)
				return YNL_PARSE_CB_ERROR;
			dst->_len.key = len;
			memcpy(dst->key, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_ENTRY_VALUE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->value = malloc(len);
			if (!dst->value)
				return YNL_PARSE_CB_ERROR;
			dst->_len.value = len;
			memcpy(dst->value, ynl_attr_data(attr), len);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_entry_get_rsp *
sluice_entry_get(struct ynl_sock *ys, struct sluice_entry_get_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_entry_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_ENTRY_GET, 1);
	ys->req_policy = &sluice_entry_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_entry_nest;

	if (req->_len.table)
		ynl_attr_put_str(nlh, SLUICE_A_ENTRY_TABLE, req->table);
	if (req->_len.key)
		ynl_attr_put(nlh, SLUICE_A_ENTRY_KEY, req->key, req->_len.key);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_entry_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_ENTRY_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_entry_get_rsp_free(rsp);
	return NULL;
}

/* SLUICE_CMD_ENTRY_GET - dump */
int sluice_entry_get_rsp_dump_parse(const struct nlmsghdr *nlh,
				    struct ynl_parse_arg *yarg)
{
	struct sluice_entry_get_rsp_dump *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_ENTRY_KEY) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->key = malloc(len);
			if (!dst->key)
				return YNL_PARSE_CB_ERROR;
			dst->_len.key = len;
			memcpy(dst->key, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_ENTRY_VALUE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->value = malloc(len);
			if (!dst->value)
				return YNL_PARSE_CB_ERROR;
			dst->_len.value = len;
			memcpy(dst->value, ynl_attr_data(attr), len);
		}
	}

	return YNL_PARSE_CB_OK;
}

void sluice_entry_get_req_dump_free(struct sluice_entry_get_req_dump *req)
{
	free(req->table);
	free(req);
}

void sluice_entry_get_rsp_list_free(struct sluice_entry_get_rsp_list *rsp)
{
	struct sluice_entry_get_rsp_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		rsp = next;
		next = rsp->next;

		free(rsp->obj.key);
		free(rsp->obj.value);
		free(rsp);
	}
}

struct sluice_entry_get_rsp_list *
sluice_entry_get_dump(struct ynl_sock *ys,
		      struct sluice_entry_get_req_dump *req)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_entry_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_entry_get_rsp_list);
	yds.cb = sluice_entry_get_rsp_dump_parse;
	yds.rsp_cmd = SLUICE_CMD_ENTRY_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_ENTRY_GET, 1);
	ys->req_policy = &sluice_entry_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_len.table)
		ynl_attr_put_str(nlh, SLUICE_A_ENTRY_TABLE, req->table);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_entry_get_rsp_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_ENTRY_MOD ============== */
/* SLUICE_CMD_ENTRY_MOD - do */
void sluice_entry_mod_req_free(struct sluice_entry_mod_req *req)
{
	unsigned int i;

	for (i = 0; i < req->_count.item; i++)
		sluice_item_free(&req->item[i]);
	free(req->item);
	free(req);
}

int sluice_entry_mod(struct ynl_sock *ys, struct sluice_entry_mod_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct nlmsghdr *nlh;
	unsigned int i;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_ENTRY_MOD, 1);
	ys->req_policy = &sluice_entry_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_present.txn)
		ynl_attr_put_u32(nlh, SLUICE_A_ENTRY_TXN, req->txn);
	for (i = 0; i < req->_count.item; i++)
		sluice_item_put(nlh, SLUICE_A_ENTRY_ITEM, &req->item[i]);

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		return -1;

	return 0;
}

/* ============== SLUICE_CMD_ENDPOINT_GET ============== */
/* SLUICE_CMD_ENDPOINT_GET - do */
void sluice_endpoint_get_req_free(struct sluice_endpoint_get_req *req)
{
	free(req);
}

void sluice_endpoint_get_rsp_free(struct sluice_endpoint_get_rsp *rsp)
{
	free(rsp->ipv4);
	free(rsp->ipv6);
	free(rsp->mac);
	free(rsp);
}

int sluice_endpoint_get_rsp_parse(const struct nlmsghdr *nlh,
				  struct ynl_parse_arg *yarg)
{
	struct sluice_endpoint_get_rsp *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_ENDPOINT_ID) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.id = 1;
			dst->id = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_IFINDEX) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ifindex = 1;
			dst->ifindex = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_FLAGS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.flags = 1;
			dst->flags = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_IPV4) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->ipv4 = malloc(len);
			if (!dst->ipv4)
				return YNL_PARSE_CB_ERROR;
			dst->_len.ipv4 = len;
			memcpy(dst->ipv4, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_ENDPOINT_IPV6) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->ipv6 = malloc(len);
			if (!dst->ipv6)
				return YNL_PARSE_CB_ERROR;
			dst->_len.ipv6 = len;
			memcpy(dst->ipv6, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_ENDPOINT_MAC) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->mac = malloc(len);
			if (!dst->mac)
				return YNL_PARSE_CB_ERROR;
			dst->_len.mac = len;
			memcpy(dst->mac, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_ENDPOINT_MTU) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.mtu = 1;
			dst->mtu = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_RULE_SET) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.rule_set = 1;
			dst->rule_set = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_GENERATION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.generation = 1;
			dst->generation = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_ENDPOINT_CLOSED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.closed = 1;
		} else if (type == SLUICE_A_ENDPOINT_ISOLATED_INGRESS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.isolated_ingress = 1;
		} else if (type == SLUICE_A_ENDPOINT_ISOLATED_EGRESS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.isolated_egress = 1;
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_endpoint_get_rsp *
sluice_endpoint_get(struct ynl_sock *ys, struct sluice_endpoint_get_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_endpoint_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_ENDPOINT_GET, 1);
	ys->req_policy = &sluice_endpoint_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_endpoint_nest;

	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_ENDPOINT_ID, req->id);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_endpoint_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_ENDPOINT_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_endpoint_get_rsp_free(rsp);
	return NULL;
}

/* SLUICE_CMD_ENDPOINT_GET - dump */
void sluice_endpoint_get_list_free(struct sluice_endpoint_get_list *rsp)
{
	struct sluice_endpoint_get_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		rsp = next;
		next = rsp->next;

		free(rsp->obj.ipv4);
		free(rsp->obj.ipv6);
		free(rsp->obj.mac);
		free(rsp);
	}
}

struct sluice_endpoint_get_list *sluice_endpoint_get_dump(struct ynl_sock *ys)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_endpoint_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_endpoint_get_list);
	yds.cb = sluice_endpoint_get_rsp_parse;
	yds.rsp_cmd = SLUICE_CMD_ENDPOINT_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_ENDPOINT_GET, 1);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_endpoint_get_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_FLOW_GET ============== */
/* SLUICE_CMD_FLOW_GET - do */
void sluice_flow_get_req_free(struct sluice_flow_get_req *req)
{
	free(req->saddr);
	free(req->daddr);
	free(req);
}

void sluice_flow_get_rsp_free(struct sluice_flow_get_rsp *rsp)
{
	free(rsp->saddr);
	free(rsp->daddr);
	free(rsp->nat_addr);
	free(rsp->dnat_addr);
	sluice_counter_free(&rsp->sent);
	sluice_counter_free(&rsp->received);
	free(rsp);
}

int sluice_flow_get_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_flow_get_rsp *dst;
	const struct nlattr *attr;
	struct ynl_parse_arg parg;
	unsigned int len;

	dst = yarg->data;
	parg.ys = yarg->ys;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_FLOW_SADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->saddr = malloc(len);
			if (!dst->saddr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.saddr = len;
			memcpy(dst->saddr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_DADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->daddr = malloc(len);
			if (!dst->daddr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.daddr = len;
			memcpy(dst->daddr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_SPORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sport = 1;
			dst->sport = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_DPORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dport = 1;
			dst->dport = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_PROTO) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.proto = 1;
			dst->proto = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_FLOW_STATE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.state = 1;
			dst->state = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_HALF_OPEN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.half_open = 1;
		} else if (type == SLUICE_A_FLOW_SRC_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.src_endpoint = 1;
			dst->src_endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_DST_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dst_endpoint = 1;
			dst->dst_endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_INGRESS_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ingress_rule = 1;
			dst->ingress_rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_INGRESS_TIER) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ingress_tier = 1;
			dst->ingress_tier = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_EGRESS_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.egress_rule = 1;
			dst->egress_rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_EGRESS_TIER) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.egress_tier = 1;
			dst->egress_tier = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_NAT_ADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->nat_addr = malloc(len);
			if (!dst->nat_addr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.nat_addr = len;
			memcpy(dst->nat_addr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_NAT_PORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.nat_port = 1;
			dst->nat_port = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_DNAT_ADDR) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->dnat_addr = malloc(len);
			if (!dst->dnat_addr)
				return YNL_PARSE_CB_ERROR;
			dst->_len.dnat_addr = len;
			memcpy(dst->dnat_addr, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_FLOW_DNAT_PORT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dnat_port = 1;
			dst->dnat_port = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_FLOW_SERVICE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.service = 1;
			dst->service = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_BACKEND) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.backend = 1;
			dst->backend = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_FLOW_CREATED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.created = 1;
			dst->created = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_FLOW_LAST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.last = 1;
			dst->last = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_FLOW_SENT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sent = 1;

			parg.rsp_policy = &sluice_counter_nest;
			parg.data = &dst->sent;
			if (sluice_counter_parse(&parg, attr))
				return YNL_PARSE_CB_ERROR;
		} else if (type == SLUICE_A_FLOW_RECEIVED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.received = 1;

			parg.rsp_policy = &sluice_counter_nest;
			parg.data = &dst->received;
			if (sluice_counter_parse(&parg, attr))
				return YNL_PARSE_CB_ERROR;
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_flow_get_rsp *
sluice_flow_get(struct ynl_sock *ys, struct sluice_flow_get_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_flow_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_FLOW_GET, 1);
	ys->req_policy = &sluice_flow_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_flow_nest;

	if (req->_len.saddr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_SADDR, req->saddr, req->_len.saddr);
	if (req->_len.daddr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_DADDR, req->daddr, req->_len.daddr);
	if (req->_present.sport)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_SPORT, req->sport);
	if (req->_present.dport)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_DPORT, req->dport);
	if (req->_present.proto)
		ynl_attr_put_u8(nlh, SLUICE_A_FLOW_PROTO, req->proto);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_flow_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_FLOW_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_flow_get_rsp_free(rsp);
	return NULL;
}

/* SLUICE_CMD_FLOW_GET - dump */
void sluice_flow_get_req_dump_free(struct sluice_flow_get_req_dump *req)
{
	free(req->addr);
	free(req);
}

void sluice_flow_get_list_free(struct sluice_flow_get_list *rsp)
{
	struct sluice_flow_get_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		rsp = next;
		next = rsp->next;

		free(rsp->obj.saddr);
		free(rsp->obj.daddr);
		free(rsp->obj.nat_addr);
		free(rsp->obj.dnat_addr);
		sluice_counter_free(&rsp->obj.sent);
		sluice_counter_free(&rsp->obj.received);
		free(rsp);
	}
}

struct sluice_flow_get_list *
sluice_flow_get_dump(struct ynl_sock *ys, struct sluice_flow_get_req_dump *req)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_flow_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_flow_get_list);
	yds.cb = sluice_flow_get_rsp_parse;
	yds.rsp_cmd = SLUICE_CMD_FLOW_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_FLOW_GET, 1);
	ys->req_policy = &sluice_flow_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_len.addr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_ADDR, req->addr, req->_len.addr);
	if (req->_present.addr_len)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_ADDR_LEN, req->addr_len);
	if (req->_present.port)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_PORT, req->port);
	if (req->_present.proto)
		ynl_attr_put_u8(nlh, SLUICE_A_FLOW_PROTO, req->proto);
	if (req->_present.endpoint)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_ENDPOINT, req->endpoint);
	if (req->_present.state)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_STATE, req->state);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_flow_get_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_FLOW_DEL ============== */
/* SLUICE_CMD_FLOW_DEL - do */
void sluice_flow_del_req_free(struct sluice_flow_del_req *req)
{
	free(req->saddr);
	free(req->daddr);
	free(req->addr);
	free(req);
}

void sluice_flow_del_rsp_free(struct sluice_flow_del_rsp *rsp)
{
	free(rsp);
}

int sluice_flow_del_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_flow_del_rsp *dst;
	const struct nlattr *attr;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_FLOW_DELETED) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.deleted = 1;
			dst->deleted = ynl_attr_get_u32(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_flow_del_rsp *
sluice_flow_del(struct ynl_sock *ys, struct sluice_flow_del_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_flow_del_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_FLOW_DEL, 1);
	ys->req_policy = &sluice_flow_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_flow_nest;

	if (req->_len.saddr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_SADDR, req->saddr, req->_len.saddr);
	if (req->_len.daddr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_DADDR, req->daddr, req->_len.daddr);
	if (req->_present.sport)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_SPORT, req->sport);
	if (req->_present.dport)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_DPORT, req->dport);
	if (req->_present.proto)
		ynl_attr_put_u8(nlh, SLUICE_A_FLOW_PROTO, req->proto);
	if (req->_len.addr)
		ynl_attr_put(nlh, SLUICE_A_FLOW_ADDR, req->addr, req->_len.addr);
	if (req->_present.addr_len)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_ADDR_LEN, req->addr_len);
	if (req->_present.port)
		ynl_attr_put_u16(nlh, SLUICE_A_FLOW_PORT, req->port);
	if (req->_present.endpoint)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_ENDPOINT, req->endpoint);
	if (req->_present.state)
		ynl_attr_put_u32(nlh, SLUICE_A_FLOW_STATE, req->state);
	if (req->_present.all)
		ynl_attr_put(nlh, SLUICE_A_FLOW_ALL, NULL, 0);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_flow_del_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_FLOW_DEL;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_flow_del_rsp_free(rsp);
	return NULL;
}

/* ============== SLUICE_CMD_DROP_GET ============== */
/* SLUICE_CMD_DROP_GET - dump */
int sluice_drop_get_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_drop_get_rsp *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_DROP_REASON) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.reason = 1;
			dst->reason = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_NAME) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->name = malloc(len + 1);
			if (!dst->name)
				return YNL_PARSE_CB_ERROR;
			dst->_len.name = len;
			memcpy(dst->name, ynl_attr_get_str(attr), len);
			dst->name[len] = 0;
		} else if (type == SLUICE_A_DROP_ENDPOINT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.endpoint = 1;
			dst->endpoint = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_RULE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.rule = 1;
			dst->rule = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_DROP_PACKETS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.packets = 1;
			dst->packets = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_DROP_BYTES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.bytes = 1;
			dst->bytes = ynl_attr_get_uint(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

void sluice_drop_get_req_free(struct sluice_drop_get_req *req)
{
	free(req);
}

void sluice_drop_get_list_free(struct sluice_drop_get_list *rsp)
{
	struct sluice_drop_get_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		rsp = next;
		next = rsp->next;

		free(rsp->obj.name);
		free(rsp);
	}
}

struct sluice_drop_get_list *
sluice_drop_get_dump(struct ynl_sock *ys, struct sluice_drop_get_req *req)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_drop_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_drop_get_list);
	yds.cb = sluice_drop_get_rsp_parse;
	yds.rsp_cmd = SLUICE_CMD_DROP_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_DROP_GET, 1);
	ys->req_policy = &sluice_drop_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_present.by_rule)
		ynl_attr_put(nlh, SLUICE_A_DROP_BY_RULE, NULL, 0);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_drop_get_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_RULE_GET ============== */
/* SLUICE_CMD_RULE_GET - do */
void sluice_rule_get_req_free(struct sluice_rule_get_req *req)
{
	free(req);
}

void sluice_rule_get_rsp_free(struct sluice_rule_get_rsp *rsp)
{
	free(rsp->src);
	free(rsp->dst);
	free(rsp->comment);
	free(rsp);
}

int sluice_rule_get_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_rule_get_rsp *dst;
	const struct nlattr *attr;
	unsigned int len;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_RULE_ID) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.id = 1;
			dst->id = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_PRIORITY) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.priority = 1;
			dst->priority = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_ACTION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.action = 1;
			dst->action = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_ORIGIN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.origin = 1;
			dst->origin = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_SRC) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->src = malloc(len);
			if (!dst->src)
				return YNL_PARSE_CB_ERROR;
			dst->_len.src = len;
			memcpy(dst->src, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_RULE_SRC_LEN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.src_len = 1;
			dst->src_len = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_DST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = ynl_attr_data_len(attr);
			dst->dst = malloc(len);
			if (!dst->dst)
				return YNL_PARSE_CB_ERROR;
			dst->_len.dst = len;
			memcpy(dst->dst, ynl_attr_data(attr), len);
		} else if (type == SLUICE_A_RULE_DST_LEN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dst_len = 1;
			dst->dst_len = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_SRC_CLASS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.src_class = 1;
			dst->src_class = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_DST_CLASS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dst_class = 1;
			dst->dst_class = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_IFINDEX) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.ifindex = 1;
			dst->ifindex = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_PROTO) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.proto = 1;
			dst->proto = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_SPORT_MIN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sport_min = 1;
			dst->sport_min = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_RULE_SPORT_MAX) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.sport_max = 1;
			dst->sport_max = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_RULE_DPORT_MIN) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dport_min = 1;
			dst->dport_min = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_RULE_DPORT_MAX) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dport_max = 1;
			dst->dport_max = ynl_attr_get_u16(attr);
		} else if (type == SLUICE_A_RULE_TCP_FLAGS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.tcp_flags = 1;
			dst->tcp_flags = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_TCP_MASK) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.tcp_mask = 1;
			dst->tcp_mask = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_ICMP_TYPE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.icmp_type = 1;
			dst->icmp_type = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_ICMP_CODE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.icmp_code = 1;
			dst->icmp_code = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_DSCP) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.dscp = 1;
			dst->dscp = ynl_attr_get_u8(attr);
		} else if (type == SLUICE_A_RULE_MARK) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.mark = 1;
			dst->mark = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_MARK_MASK) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.mark_mask = 1;
			dst->mark_mask = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_RATE) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.rate = 1;
			dst->rate = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_BURST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.burst = 1;
			dst->burst = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_RULE_COMMENT) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;

			len = strnlen(ynl_attr_get_str(attr), ynl_attr_data_len(attr));
			dst->comment = malloc(len + 1);
			if (!dst->comment)
				return YNL_PARSE_CB_ERROR;
			dst->_len.comment = len;
			memcpy(dst->comment, ynl_attr_get_str(attr), len);
			dst->comment[len] = 0;
		} else if (type == SLUICE_A_RULE_PACKETS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.packets = 1;
			dst->packets = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_RULE_BYTES) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.bytes = 1;
			dst->bytes = ynl_attr_get_uint(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_rule_get_rsp *
sluice_rule_get(struct ynl_sock *ys, struct sluice_rule_get_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_rule_get_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_RULE_GET, 1);
	ys->req_policy = &sluice_rule_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_rule_nest;

	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_ID, req->id);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_rule_get_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_RULE_GET;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_rule_get_rsp_free(rsp);
	return NULL;
}

/* SLUICE_CMD_RULE_GET - dump */
void sluice_rule_get_list_free(struct sluice_rule_get_list *rsp)
{
	struct sluice_rule_get_list *next = rsp;

	if (!next)
		return;

	while ((void *)next != YNL_LIST_END) {
		rsp = next;
		next = rsp->next;

		free(rsp->obj.src);
		free(rsp->obj.dst);
		free(rsp->obj.comment);
		free(rsp);
	}
}

struct sluice_rule_get_list *sluice_rule_get_dump(struct ynl_sock *ys)
{
	struct ynl_dump_state yds = {};
	struct nlmsghdr *nlh;
	int err;

	yds.yarg.ys = ys;
	yds.yarg.rsp_policy = &sluice_rule_nest;
	yds.yarg.data = NULL;
	yds.alloc_sz = sizeof(struct sluice_rule_get_list);
	yds.cb = sluice_rule_get_rsp_parse;
	yds.rsp_cmd = SLUICE_CMD_RULE_GET;

	nlh = ynl_gemsg_start_dump(ys, ys->family_id, SLUICE_CMD_RULE_GET, 1);

	err = ynl_exec_dump(ys, nlh, &yds);
	if (err < 0)
		goto free_list;

	return yds.first;

free_list:
	sluice_rule_get_list_free(yds.first);
	return NULL;
}

/* ============== SLUICE_CMD_RULE_NEW ============== */
/* SLUICE_CMD_RULE_NEW - do */
void sluice_rule_new_req_free(struct sluice_rule_new_req *req)
{
	free(req->src);
	free(req->dst);
	free(req->comment);
	free(req);
}

int sluice_rule_new(struct ynl_sock *ys, struct sluice_rule_new_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_RULE_NEW, 1);
	ys->req_policy = &sluice_rule_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_present.txn)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_TXN, req->txn);
	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_ID, req->id);
	if (req->_present.priority)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_PRIORITY, req->priority);
	if (req->_present.action)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_ACTION, req->action);
	if (req->_present.replace)
		ynl_attr_put(nlh, SLUICE_A_RULE_REPLACE, NULL, 0);
	if (req->_len.src)
		ynl_attr_put(nlh, SLUICE_A_RULE_SRC, req->src, req->_len.src);
	if (req->_present.src_len)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_SRC_LEN, req->src_len);
	if (req->_len.dst)
		ynl_attr_put(nlh, SLUICE_A_RULE_DST, req->dst, req->_len.dst);
	if (req->_present.dst_len)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_DST_LEN, req->dst_len);
	if (req->_present.src_class)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_SRC_CLASS, req->src_class);
	if (req->_present.dst_class)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_DST_CLASS, req->dst_class);
	if (req->_present.ifindex)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_IFINDEX, req->ifindex);
	if (req->_present.proto)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_PROTO, req->proto);
	if (req->_present.sport_min)
		ynl_attr_put_u16(nlh, SLUICE_A_RULE_SPORT_MIN, req->sport_min);
	if (req->_present.sport_max)
		ynl_attr_put_u16(nlh, SLUICE_A_RULE_SPORT_MAX, req->sport_max);
	if (req->_present.dport_min)
		ynl_attr_put_u16(nlh, SLUICE_A_RULE_DPORT_MIN, req->dport_min);
	if (req->_present.dport_max)
		ynl_attr_put_u16(nlh, SLUICE_A_RULE_DPORT_MAX, req->dport_max);
	if (req->_present.tcp_flags)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_TCP_FLAGS, req->tcp_flags);
	if (req->_present.tcp_mask)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_TCP_MASK, req->tcp_mask);
	if (req->_present.icmp_type)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_ICMP_TYPE, req->icmp_type);
	if (req->_present.icmp_code)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_ICMP_CODE, req->icmp_code);
	if (req->_present.dscp)
		ynl_attr_put_u8(nlh, SLUICE_A_RULE_DSCP, req->dscp);
	if (req->_present.mark)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_MARK, req->mark);
	if (req->_present.mark_mask)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_MARK_MASK, req->mark_mask);
	if (req->_present.rate)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_RATE, req->rate);
	if (req->_present.burst)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_BURST, req->burst);
	if (req->_len.comment)
		ynl_attr_put_str(nlh, SLUICE_A_RULE_COMMENT, req->comment);

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		return -1;

	return 0;
}

/* ============== SLUICE_CMD_RULE_DEL ============== */
/* SLUICE_CMD_RULE_DEL - do */
void sluice_rule_del_req_free(struct sluice_rule_del_req *req)
{
	free(req);
}

int sluice_rule_del(struct ynl_sock *ys, struct sluice_rule_del_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_RULE_DEL, 1);
	ys->req_policy = &sluice_rule_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_present.txn)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_TXN, req->txn);
	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_RULE_ID, req->id);

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		return -1;

	return 0;
}

/* ============== SLUICE_CMD_TXN_BEGIN ============== */
/* SLUICE_CMD_TXN_BEGIN - do */
void sluice_txn_begin_req_free(struct sluice_txn_begin_req *req)
{
	free(req);
}

void sluice_txn_begin_rsp_free(struct sluice_txn_begin_rsp *rsp)
{
	free(rsp);
}

int sluice_txn_begin_rsp_parse(const struct nlmsghdr *nlh,
			       struct ynl_parse_arg *yarg)
{
	struct sluice_txn_begin_rsp *dst;
	const struct nlattr *attr;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_TXN_ID) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.id = 1;
			dst->id = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TXN_GENERATION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.generation = 1;
			dst->generation = ynl_attr_get_u32(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_txn_begin_rsp *
sluice_txn_begin(struct ynl_sock *ys, struct sluice_txn_begin_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_txn_begin_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_TXN_BEGIN, 1);
	ys->req_policy = &sluice_txn_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_txn_nest;

	if (req->_present.generation)
		ynl_attr_put_u32(nlh, SLUICE_A_TXN_GENERATION, req->generation);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_txn_begin_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_TXN_BEGIN;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_txn_begin_rsp_free(rsp);
	return NULL;
}

/* ============== SLUICE_CMD_TXN_COMMIT ============== */
/* SLUICE_CMD_TXN_COMMIT - do */
void sluice_txn_commit_req_free(struct sluice_txn_commit_req *req)
{
	free(req);
}

void sluice_txn_commit_rsp_free(struct sluice_txn_commit_rsp *rsp)
{
	free(rsp);
}

int sluice_txn_commit_rsp_parse(const struct nlmsghdr *nlh,
				struct ynl_parse_arg *yarg)
{
	struct sluice_txn_commit_rsp *dst;
	const struct nlattr *attr;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_TXN_ID) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.id = 1;
			dst->id = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TXN_GENERATION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.generation = 1;
			dst->generation = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_TXN_OPERATIONS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.operations = 1;
			dst->operations = ynl_attr_get_u32(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

struct sluice_txn_commit_rsp *
sluice_txn_commit(struct ynl_sock *ys, struct sluice_txn_commit_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct sluice_txn_commit_rsp *rsp;
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_TXN_COMMIT, 1);
	ys->req_policy = &sluice_txn_nest;
	ys->req_hdr_len = ys->family->hdr_len;
	yrs.yarg.rsp_policy = &sluice_txn_nest;

	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_TXN_ID, req->id);

	rsp = calloc(1, sizeof(*rsp));
	if (!rsp)
		return NULL;
	yrs.yarg.data = rsp;
	yrs.cb = sluice_txn_commit_rsp_parse;
	yrs.rsp_cmd = SLUICE_CMD_TXN_COMMIT;

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		goto err_free;

	return rsp;

err_free:
	sluice_txn_commit_rsp_free(rsp);
	return NULL;
}

/* ============== SLUICE_CMD_TXN_ABORT ============== */
/* SLUICE_CMD_TXN_ABORT - do */
void sluice_txn_abort_req_free(struct sluice_txn_abort_req *req)
{
	free(req);
}

int sluice_txn_abort(struct ynl_sock *ys, struct sluice_txn_abort_req *req)
{
	struct ynl_req_state yrs = { .yarg = { .ys = ys, }, };
	struct nlmsghdr *nlh;
	int err;

	nlh = ynl_gemsg_start_req(ys, ys->family_id, SLUICE_CMD_TXN_ABORT, 1);
	ys->req_policy = &sluice_txn_nest;
	ys->req_hdr_len = ys->family->hdr_len;

	if (req->_present.id)
		ynl_attr_put_u32(nlh, SLUICE_A_TXN_ID, req->id);

	err = ynl_exec(ys, nlh, &yrs);
	if (err < 0)
		return -1;

	return 0;
}

/* SLUICE_CMD_FLOW_NTF - event */
int sluice_flow_ntf_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_flow_ntf_rsp *dst;
	const struct nlattr *attr;
	struct ynl_parse_arg parg;
	unsigned int n_closed = 0;
	unsigned int n_opened = 0;
	int i;

	dst = yarg->data;
	parg.ys = yarg->ys;

	if (dst->closed)
		return ynl_error_parse(yarg, "attribute already present (event.closed)");
	if (dst->opened)
		return ynl_error_parse(yarg, "attribute already present (event.opened)");

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_EVENT_SEQ) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.seq = 1;
			dst->seq = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_EVENT_LOST) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.lost = 1;
			dst->lost = ynl_attr_get_uint(attr);
		} else if (type == SLUICE_A_EVENT_OPENED) {
			n_opened++;
		} else if (type == SLUICE_A_EVENT_CLOSED) {
			n_closed++;
		}
	}

	if (n_closed) {
		dst->closed = calloc(n_closed, sizeof(*dst->closed));
		if (!dst->closed)
			return YNL_PARSE_CB_ERROR;
		dst->_count.closed = n_closed;
		i = 0;
		parg.rsp_policy = &sluice_flow_record_nest;
		ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
			if (ynl_attr_type(attr) == SLUICE_A_EVENT_CLOSED) {
				parg.data = &dst->closed[i];
				if (sluice_flow_record_parse(&parg, attr))
					return YNL_PARSE_CB_ERROR;
				i++;
			}
		}
	}
	if (n_opened) {
		dst->opened = calloc(n_opened, sizeof(*dst->opened));
		if (!dst->opened)
			return YNL_PARSE_CB_ERROR;
		dst->_count.opened = n_opened;
		i = 0;
		parg.rsp_policy = &sluice_flow_record_nest;
		ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
			if (ynl_attr_type(attr) == SLUICE_A_EVENT_OPENED) {
				parg.data = &dst->opened[i];
				if (sluice_flow_record_parse(&parg, attr))
					return YNL_PARSE_CB_ERROR;
				i++;
			}
		}
	}

	return YNL_PARSE_CB_OK;
}

void sluice_flow_ntf_free(struct sluice_flow_ntf *rsp)
{
	unsigned int i;

	for (i = 0; i < rsp->obj._count.opened; i++)
		sluice_flow_record_free(&rsp->obj.opened[i]);
	free(rsp->obj.opened);
	for (i = 0; i < rsp->obj._count.closed; i++)
		sluice_flow_record_free(&rsp->obj.closed[i]);
	free(rsp->obj.closed);
	free(rsp);
}

/* SLUICE_CMD_DROP_NTF - event */
int sluice_drop_ntf_rsp_parse(const struct nlmsghdr *nlh,
			      struct ynl_parse_arg *yarg)
{
	struct sluice_drop_ntf_rsp *dst;
	const struct nlattr *attr;
	struct ynl_parse_arg parg;
	unsigned int n_drop = 0;
	int i;

	dst = yarg->data;
	parg.ys = yarg->ys;

	if (dst->drop)
		return ynl_error_parse(yarg, "attribute already present (event.drop)");

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_EVENT_SEQ) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.seq = 1;
			dst->seq = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_EVENT_DROP) {
			n_drop++;
		}
	}

	if (n_drop) {
		dst->drop = calloc(n_drop, sizeof(*dst->drop));
		if (!dst->drop)
			return YNL_PARSE_CB_ERROR;
		dst->_count.drop = n_drop;
		i = 0;
		parg.rsp_policy = &sluice_drop_record_nest;
		ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
			if (ynl_attr_type(attr) == SLUICE_A_EVENT_DROP) {
				parg.data = &dst->drop[i];
				if (sluice_drop_record_parse(&parg, attr))
					return YNL_PARSE_CB_ERROR;
				i++;
			}
		}
	}

	return YNL_PARSE_CB_OK;
}

void sluice_drop_ntf_free(struct sluice_drop_ntf *rsp)
{
	unsigned int i;

	for (i = 0; i < rsp->obj._count.drop; i++)
		sluice_drop_record_free(&rsp->obj.drop[i]);
	free(rsp->obj.drop);
	free(rsp);
}

/* SLUICE_CMD_POLICY_NTF - event */
int sluice_policy_ntf_rsp_parse(const struct nlmsghdr *nlh,
				struct ynl_parse_arg *yarg)
{
	struct sluice_policy_ntf_rsp *dst;
	const struct nlattr *attr;

	dst = yarg->data;

	ynl_attr_for_each(attr, nlh, yarg->ys->family->hdr_len) {
		unsigned int type = ynl_attr_type(attr);

		if (type == SLUICE_A_EVENT_SEQ) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.seq = 1;
			dst->seq = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_EVENT_GENERATION) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.generation = 1;
			dst->generation = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_EVENT_COMMITS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.commits = 1;
			dst->commits = ynl_attr_get_u32(attr);
		} else if (type == SLUICE_A_EVENT_OPERATIONS) {
			if (ynl_attr_validate(yarg, attr))
				return YNL_PARSE_CB_ERROR;
			dst->_present.operations = 1;
			dst->operations = ynl_attr_get_u32(attr);
		}
	}

	return YNL_PARSE_CB_OK;
}

void sluice_policy_ntf_free(struct sluice_policy_ntf *rsp)
{
	free(rsp);
}

static const struct ynl_ntf_info sluice_ntf_info[] =  {
	[SLUICE_CMD_FLOW_NTF] =  {
		.alloc_sz	= sizeof(struct sluice_flow_ntf),
		.cb		= sluice_flow_ntf_rsp_parse,
		.policy		= &sluice_event_nest,
		.free		= (void *)sluice_flow_ntf_free,
	},
	[SLUICE_CMD_DROP_NTF] =  {
		.alloc_sz	= sizeof(struct sluice_drop_ntf),
		.cb		= sluice_drop_ntf_rsp_parse,
		.policy		= &sluice_event_nest,
		.free		= (void *)sluice_drop_ntf_free,
	},
	[SLUICE_CMD_POLICY_NTF] =  {
		.alloc_sz	= sizeof(struct sluice_policy_ntf),
		.cb		= sluice_policy_ntf_rsp_parse,
		.policy		= &sluice_event_nest,
		.free		= (void *)sluice_policy_ntf_free,
	},
};

const struct ynl_family ynl_sluice_family =  {
	.name		= "sluice",
	.hdr_len	= sizeof(struct genlmsghdr),
	.ntf_info	= sluice_ntf_info,
	.ntf_info_size	= YNL_ARRAY_SIZE(sluice_ntf_info),
};
