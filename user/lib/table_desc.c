// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The descriptor of every map: what bpf/abi.h says in types, said in data.
 * Fields have the names that they have there; padding has none.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include "user/lib/table_desc.h"
#include "user/lib/table_names.h"
#else
#include "lib/internal.h"
#endif

#define SIZE_OF(type, member) sizeof(((type *)0)->member)

#define FIELD_AS(text, type, member, format) \
	{ .name = (text), .offset = offsetof(type, member), .size = SIZE_OF(type, member), \
	  .fmt = SLUICE_FMT_##format }
#define FIELD(type, member, format) FIELD_AS(#member, type, member, format)
#define FIELD_ENUM_AS(text, type, member, list) \
	{ .name = (text), .offset = offsetof(type, member), .size = SIZE_OF(type, member), \
	  .fmt = SLUICE_FMT_ENUM, .names = (list) }
#define FIELD_ENUM(type, member, list) FIELD_ENUM_AS(#member, type, member, list)
/* Key or value that is one number. */
#define FIELD_WHOLE(text, type, format) \
	{ .name = (text), .size = sizeof(type), .fmt = SLUICE_FMT_##format }
#define FIELD_END { .name = NULL }

/* ------------------------------------------------------------------ enums */

/* One name for each member, and the NULL. */
#define NAMES_COMPLETE(list, max) \
	_Static_assert(ARRAY_SIZE(list) == (max) + 1, #list " lacks a name")

const char *const lib_drop_names[] = {
#define NAME(sym, name, text) name,
	SL_DROP_REASONS(NAME)
#undef NAME
	NULL
};

const char *const lib_count_names[] = {
#define NAME(sym, name) name,
	SL_COUNTS(NAME)
#undef NAME
	NULL
};

static const char *const addr_kinds[] = { "none", "endpoint", "host", "service", NULL };
NAMES_COMPLETE(addr_kinds, __SL_ADDR_MAX);
static const char *const origins[] = { "daemon", "admin", NULL };
NAMES_COMPLETE(origins, __SL_ORIGIN_MAX);
static const char *const verdicts[] = { "deny", "allow", "ports", NULL };
NAMES_COMPLETE(verdicts, __SL_VERDICT_MAX);
static const char *const tiers[] = { "none", "admin", "netpol", "baseline", "node", "rule", NULL };
NAMES_COMPLETE(tiers, __SL_TIER_MAX);
static const char *const route_kinds[] = {
	"none", "direct", "tunnel", "local", "outside", "outside-plain", NULL
};
NAMES_COMPLETE(route_kinds, __SL_ROUTE_MAX);
static const char *const actions[] = { "stack", "peer", "neigh", "tunnel", NULL };
NAMES_COMPLETE(actions, __SL_ACTION_MAX);
static const char *const acl_acts[] = {
	"drop", "reject", "accept", "pass", "mark", "rate-limit", "mirror", "count", NULL
};
NAMES_COMPLETE(acl_acts, __SL_ACL_ACT_MAX);
static const char *const scopes[] = { "cluster", "local", NULL };
NAMES_COMPLETE(scopes, __SL_SVC_SCOPE_MAX);
static const char *const flow_kinds[] = { "none", "flow", "alias", NULL };
NAMES_COMPLETE(flow_kinds, __SL_FLOW_KIND_MAX);
static const char *const flow_states[] = { "new", "replied", "established", "closing", NULL };
NAMES_COMPLETE(flow_states, __SL_FLOW_STATE_MAX);

/* ----------------------------------------------------------------- fields */

static const struct sluice_field ep_key[] = {
	FIELD_WHOLE("endpoint", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field ep_value[] = {
	FIELD(struct sl_ep, policy, HEX),
	FIELD(struct sl_ep, ifindex, UINT),
	FIELD(struct sl_ep, flags, HEX),
	FIELD_AS("addr.v4", struct sl_ep, addr[SL_FAMILY_V4], ADDR),
	FIELD_AS("addr.v6", struct sl_ep, addr[SL_FAMILY_V6], ADDR),
	FIELD_AS("class_id.0.v4", struct sl_ep, class_id[0][SL_FAMILY_V4], UINT),
	FIELD_AS("class_id.0.v6", struct sl_ep, class_id[0][SL_FAMILY_V6], UINT),
	FIELD_AS("class_id.1.v4", struct sl_ep, class_id[1][SL_FAMILY_V4], UINT),
	FIELD_AS("class_id.1.v6", struct sl_ep, class_id[1][SL_FAMILY_V6], UINT),
	FIELD(struct sl_ep, mac, MAC),
	FIELD(struct sl_ep, host_mac, MAC),
	FIELD(struct sl_ep, mtu, UINT),
	FIELD_END,
};

static const struct sluice_field addr_key[] = {
	FIELD_WHOLE("addr", union sl_addr, ADDR),
	FIELD_END,
};
static const struct sluice_field addr_value[] = {
	FIELD_ENUM(struct sl_addr_val, kind, addr_kinds),
	FIELD(struct sl_addr_val, id, UINT),
	FIELD_END,
};

static const struct sluice_field if_key[] = {
	FIELD_WHOLE("ifindex", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field if_value[] = {
	FIELD_WHOLE("endpoint", __u32, UINT),
	FIELD_END,
};

static const struct sluice_field prefix_key[] = {
	FIELD_WHOLE("prefix", struct sl_prefix, PREFIX),
	FIELD_END,
};
static const struct sluice_field class_value[] = {
	FIELD_AS("class_id.0", struct sl_class_val, class_id[0], UINT),
	FIELD_AS("class_id.1", struct sl_class_val, class_id[1], UINT),
	FIELD_END,
};

static const struct sluice_field rule_key[] = {
	FIELD(struct sl_rule_key, set, HEX),
	FIELD(struct sl_rule_key, class_id, UINT),
	FIELD_END,
};
static const struct sluice_field rule_value[] = {
	FIELD_ENUM(struct sl_rule_val, verdict, verdicts),
	FIELD_ENUM(struct sl_rule_val, tier, tiers),
	FIELD_ENUM(struct sl_rule_val, deny_tier, tiers),
	FIELD_ENUM(struct sl_rule_val, origin, origins),
	FIELD(struct sl_rule_val, rule, UINT),
	FIELD(struct sl_rule_val, deny, UINT),
	FIELD(struct sl_rule_val, ports, UINT),
	FIELD_END,
};

static const struct sluice_field port_key[] = {
	FIELD(struct sl_port_key, prefixlen, UINT),
	FIELD(struct sl_port_key, ports, UINT),
	FIELD(struct sl_port_key, proto, PROTO),
	FIELD(struct sl_port_key, port, BE),
	FIELD_END,
};
static const struct sluice_field port_value[] = {
	FIELD_ENUM(struct sl_port_val, verdict, verdicts),
	FIELD_ENUM(struct sl_port_val, tier, tiers),
	FIELD_ENUM(struct sl_port_val, origin, origins),
	FIELD(struct sl_port_val, rule, UINT),
	FIELD_END,
};

static const struct sluice_field route_value[] = {
	FIELD_ENUM(struct sl_route_val, kind, route_kinds),
	FIELD_ENUM(struct sl_route_val, origin, origins),
	FIELD(struct sl_route_val, mtu, UINT),
	FIELD(struct sl_route_val, ifindex, UINT),
	FIELD(struct sl_route_val, vni, UINT),
	FIELD(struct sl_route_val, flags, UINT),
	FIELD(struct sl_route_val, via, ADDR),
	FIELD_END,
};

static const struct sluice_field tuple_key[] = {
	FIELD_AS("addr.0", struct sl_tuple, addr[0], ADDR),
	FIELD_AS("port.0", struct sl_tuple, port[0], BE),
	FIELD_AS("addr.1", struct sl_tuple, addr[1], ADDR),
	FIELD_AS("port.1", struct sl_tuple, port[1], BE),
	FIELD(struct sl_tuple, proto, PROTO),
	FIELD_END,
};

#define FLOW_DIR_FIELDS(n) \
	FIELD_AS("dir." #n ".in_ifindex", struct sl_flow, dir[n].in_ifindex, UINT), \
	FIELD_AS("dir." #n ".out_ifindex", struct sl_flow, dir[n].out_ifindex, UINT), \
	FIELD_ENUM_AS("dir." #n ".action", struct sl_flow, dir[n].action, actions), \
	FIELD_AS("dir." #n ".flags", struct sl_flow, dir[n].flags, HEX), \
	FIELD_AS("dir." #n ".mtu", struct sl_flow, dir[n].mtu, UINT), \
	FIELD_AS("dir." #n ".in_smac", struct sl_flow, dir[n].in_smac, MAC), \
	FIELD_AS("dir." #n ".dmac", struct sl_flow, dir[n].dmac, MAC), \
	FIELD_AS("dir." #n ".smac", struct sl_flow, dir[n].smac, MAC), \
	FIELD_AS("dir." #n ".packets", struct sl_flow, dir[n].packets, UINT), \
	FIELD_AS("dir." #n ".bytes", struct sl_flow, dir[n].bytes, UINT), \
	FIELD_AS("dir." #n ".as", struct sl_flow, dir[n].as, ADDR), \
	FIELD_AS("dir." #n ".as_port", struct sl_flow, dir[n].as_port, BE)

static const struct sluice_field flow_value[] = {
	FIELD_ENUM(struct sl_flow, kind, flow_kinds),
	FIELD_ENUM(struct sl_flow, state, flow_states),
	FIELD(struct sl_flow, flags, HEX),
	FIELD(struct sl_flow, orig, UINT),
	FIELD(struct sl_flow, last_ns, UINT),
	FIELD(struct sl_flow, created_ns, UINT),
	FIELD_AS("ep.0", struct sl_flow, ep[0], UINT),
	FIELD_AS("ep.1", struct sl_flow, ep[1], UINT),
	FIELD_AS("gen.0", struct sl_flow, gen[0], UINT),
	FIELD_AS("gen.1", struct sl_flow, gen[1], UINT),
	FIELD(struct sl_flow, route_gen, UINT),
	FIELD_AS("rule.ingress", struct sl_flow, rule[SL_DIR_INGRESS], UINT),
	FIELD_AS("rule.egress", struct sl_flow, rule[SL_DIR_EGRESS], UINT),
	FIELD_ENUM_AS("tier.ingress", struct sl_flow, tier[SL_DIR_INGRESS], tiers),
	FIELD_ENUM_AS("tier.egress", struct sl_flow, tier[SL_DIR_EGRESS], tiers),
	FIELD(struct sl_flow, svc, UINT),
	FIELD(struct sl_flow, svc_gen, UINT),
	FIELD(struct sl_flow, backend, UINT),
	FIELD(struct sl_flow, vni, UINT),
	FIELD(struct sl_flow, via, ADDR),
	FIELD(struct sl_flow, first_flags, HEX),
	FIELD(struct sl_flow, first_code, UINT),
	FIELD(struct sl_flow, first_dscp, UINT),
	FIELD(struct sl_flow, first_ifindex, UINT),
	FIELD(struct sl_flow, mark, HEX),
	FIELD(struct sl_flow, mark_mask, HEX),
	FLOW_DIR_FIELDS(0),
	FLOW_DIR_FIELDS(1),
	FIELD_END,
};
static const struct sluice_field flow_alias[] = {
	FIELD_ENUM(struct sl_flow, kind, flow_kinds),
	FIELD_AS("inner.addr.0", struct sl_flow, inner.addr[0], ADDR),
	FIELD_AS("inner.port.0", struct sl_flow, inner.port[0], BE),
	FIELD_AS("inner.addr.1", struct sl_flow, inner.addr[1], ADDR),
	FIELD_AS("inner.port.1", struct sl_flow, inner.port[1], BE),
	FIELD_AS("inner.proto", struct sl_flow, inner.proto, PROTO),
	FIELD_END,
};

static const struct sluice_field frag_key[] = {
	FIELD(struct sl_frag_key, saddr, ADDR),
	FIELD(struct sl_frag_key, daddr, ADDR),
	FIELD(struct sl_frag_key, id, HEX),
	FIELD(struct sl_frag_key, proto, PROTO),
	FIELD_END,
};
static const struct sluice_field frag_value[] = {
	FIELD(struct sl_frag_val, sport, BE),
	FIELD(struct sl_frag_val, dport, BE),
	FIELD(struct sl_frag_val, seen_ns, UINT),
	FIELD_END,
};

static const struct sluice_field state_key[] = {
	FIELD_WHOLE("index", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field state_value[] = {
	FIELD(struct sl_state, route_gen, UINT),
	FIELD(struct sl_state, events, HEX),
	FIELD(struct sl_state, host_netns, UINT),
	FIELD_AS("nat_addr.v4", struct sl_state, nat_addr[SL_FAMILY_V4], ADDR),
	FIELD_AS("nat_addr.v6", struct sl_state, nat_addr[SL_FAMILY_V6], ADDR),
	FIELD_AS("node_addr.v4", struct sl_state, node_addr[SL_FAMILY_V4], ADDR),
	FIELD_AS("node_addr.v6", struct sl_state, node_addr[SL_FAMILY_V6], ADDR),
	FIELD(struct sl_state, nat_port_min, UINT),
	FIELD(struct sl_state, nat_port_max, UINT),
	FIELD(struct sl_state, uplink_ifindex, UINT),
	FIELD(struct sl_state, tunnel_ifindex, UINT),
	FIELD(struct sl_state, commits, UINT),
	FIELD(struct sl_state, generation, UINT),
	FIELD(struct sl_state, acl, HEX),
	FIELD_END,
};

static const struct sluice_field drop_key[] = {
	{ .name = "reason", .size = sizeof(__u32), .fmt = SLUICE_FMT_ENUM, .names = lib_drop_names },
	FIELD_END,
};
static const struct sluice_field counter_value[] = {
	FIELD(struct sl_counter, packets, UINT),
	FIELD(struct sl_counter, bytes, UINT),
	FIELD_END,
};

static const struct sluice_field drop_rule_key[] = {
	FIELD_ENUM(struct sl_drop_key, reason, lib_drop_names),
	FIELD(struct sl_drop_key, ep, UINT),
	FIELD(struct sl_drop_key, rule, UINT),
	FIELD_END,
};

static const struct sluice_field count_key[] = {
	{ .name = "count", .size = sizeof(__u32), .fmt = SLUICE_FMT_ENUM, .names = lib_count_names },
	FIELD_END,
};
static const struct sluice_field count_value[] = {
	FIELD_WHOLE("value", __u64, UINT),
	FIELD_END,
};

static const struct sluice_field acl_key[] = {
	FIELD_WHOLE("rule", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field acl_value[] = {
	FIELD(struct sl_acl_rule, priority, UINT),
	FIELD(struct sl_acl_rule, fields, HEX),
	FIELD_ENUM(struct sl_acl_rule, action, acl_acts),
	FIELD_ENUM(struct sl_acl_rule, origin, origins),
	FIELD(struct sl_acl_rule, proto, PROTO),
	FIELD(struct sl_acl_rule, dscp, UINT),
	FIELD(struct sl_acl_rule, ifindex, UINT),
	FIELD(struct sl_acl_rule, src, PREFIX),
	FIELD(struct sl_acl_rule, dst, PREFIX),
	FIELD(struct sl_acl_rule, src_class, UINT),
	FIELD(struct sl_acl_rule, dst_class, UINT),
	FIELD_AS("sport.min", struct sl_acl_rule, sport[0], UINT),
	FIELD_AS("sport.max", struct sl_acl_rule, sport[1], UINT),
	FIELD_AS("dport.min", struct sl_acl_rule, dport[0], UINT),
	FIELD_AS("dport.max", struct sl_acl_rule, dport[1], UINT),
	FIELD(struct sl_acl_rule, tcp_flags, HEX),
	FIELD(struct sl_acl_rule, tcp_mask, HEX),
	FIELD(struct sl_acl_rule, icmp_type, UINT),
	FIELD(struct sl_acl_rule, icmp_code, UINT),
	FIELD_AS("arg.0", struct sl_acl_rule, arg[0], UINT),
	FIELD_AS("arg.1", struct sl_acl_rule, arg[1], UINT),
	FIELD(struct sl_acl_rule, comment, BYTES),
	FIELD_END,
};
static const struct sluice_field acl_bucket_value[] = {
	FIELD(struct sl_acl_bucket, tat_ns, UINT),
	FIELD_END,
};
static const struct sluice_field acl_index_key[] = {
	FIELD_WHOLE("page", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field acl_page_value[] = {
	FIELD(struct sl_acl_page, entry, BYTES),
	FIELD_END,
};
static const struct sluice_field acl_value_key[] = {
	FIELD(struct sl_acl_value_key, table, UINT),
	FIELD(struct sl_acl_value_key, value, UINT),
	FIELD_END,
};
static const struct sluice_field acl_row_id[] = {
	FIELD_WHOLE("row", __u32, UINT),
	FIELD_END,
};
/* Of arrays of both columns: id << 1 | column. */
static const struct sluice_field acl_id_key[] = {
	FIELD_WHOLE("id", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field acl_node_value[] = {
	FIELD(struct sl_acl_node, hi, HEX),
	FIELD(struct sl_acl_node, lo, HEX),
	FIELD(struct sl_acl_node, nibble, UINT),
	FIELD(struct sl_acl_node, other, HEX),
	FIELD(struct sl_acl_node, child, BYTES),
	FIELD_END,
};
static const struct sluice_field acl_row_value[] = {
	FIELD(struct sl_acl_row, used, HEX),
	FIELD(struct sl_acl_row, chunk, BYTES),
	FIELD_END,
};
static const struct sluice_field acl_chunk_value[] = {
	FIELD(struct sl_acl_chunk, word, BYTES),
	FIELD_END,
};
static const struct sluice_field acl_pos_value[] = {
	FIELD(struct sl_acl_pos, rule, UINT),
	FIELD_ENUM(struct sl_acl_pos, action, acl_acts),
	FIELD_AS("arg.0", struct sl_acl_pos, arg[0], UINT),
	FIELD_AS("arg.1", struct sl_acl_pos, arg[1], UINT),
	FIELD_END,
};

static const struct sluice_field front_key[] = {
	FIELD(struct sl_front_key, addr, ADDR),
	FIELD(struct sl_front_key, port, BE),
	FIELD(struct sl_front_key, proto, PROTO),
	FIELD_END,
};
static const struct sluice_field front_value[] = {
	FIELD(struct sl_front_val, svc, UINT),
	FIELD_ENUM(struct sl_front_val, inside, scopes),
	FIELD_ENUM(struct sl_front_val, outside, scopes),
	FIELD(struct sl_front_val, flags, HEX),
	FIELD_END,
};
static const struct sluice_field svc_key[] = {
	FIELD_WHOLE("service", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field svc_value[] = {
	FIELD_AS("set.cluster", struct sl_svc, set[SL_SVC_CLUSTER], HEX),
	FIELD_AS("set.local", struct sl_svc, set[SL_SVC_LOCAL], HEX),
	FIELD(struct sl_svc, gen, UINT),
	FIELD(struct sl_svc, affinity_s, UINT),
	FIELD(struct sl_svc, flags, HEX),
	FIELD_END,
};
static const struct sluice_field set_key[] = {
	FIELD_WHOLE("page", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field set_value[] = {
	FIELD(struct sl_set_page, backend, BYTES),
	FIELD_END,
};
static const struct sluice_field backend_key[] = {
	FIELD_WHOLE("backend", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field backend_value[] = {
	FIELD(struct sl_backend, addr, ADDR),
	FIELD(struct sl_backend, port, BE),
	FIELD(struct sl_backend, proto, PROTO),
	FIELD(struct sl_backend, flags, HEX),
	FIELD(struct sl_backend, svc, UINT),
	FIELD_END,
};
static const struct sluice_field svc_src_key[] = {
	FIELD(struct sl_svc_src_key, prefixlen, UINT),
	FIELD(struct sl_svc_src_key, svc, UINT),
	FIELD(struct sl_svc_src_key, addr, ADDR),
	FIELD_END,
};
static const struct sluice_field svc_src_value[] = {
	FIELD_WHOLE("allowed", __u32, UINT),
	FIELD_END,
};
static const struct sluice_field affinity_key[] = {
	FIELD(struct sl_affinity_key, client, ADDR),
	FIELD(struct sl_affinity_key, svc, UINT),
	FIELD_END,
};
static const struct sluice_field affinity_value[] = {
	FIELD(struct sl_affinity_val, last_ns, UINT),
	FIELD(struct sl_affinity_val, backend, UINT),
	FIELD_END,
};

static const struct sluice_field sock_key[] = {
	FIELD(struct sl_sock_key, cookie, UINT),
	FIELD(struct sl_sock_key, addr, ADDR),
	FIELD(struct sl_sock_key, port, BE),
	FIELD_END,
};
static const struct sluice_field backend_new_value[] = {
	FIELD_WHOLE("chosen", __u64, UINT),
	FIELD_END,
};
static const struct sluice_field netns_key[] = {
	FIELD_WHOLE("cookie", __u64, UINT),
	FIELD_END,
};
static const struct sluice_field netns_value[] = {
	FIELD_WHOLE("flags", __u32, HEX),
	FIELD_END,
};

static const struct sluice_field sock_value[] = {
	FIELD(struct sl_sock_val, addr, ADDR),
	FIELD(struct sl_sock_val, port, BE),
	FIELD(struct sl_sock_val, svc, UINT),
	FIELD(struct sl_sock_val, backend, UINT),
	FIELD_END,
};

static const struct sluice_field none[] = { FIELD_END };

/* ----------------------------------------------------------------- tables */

#define TABLE(sym, label, kind, key_fields, value_fields, ...) \
	[SL_MAP_##sym] = { .name = (label), .map = SL_MAP_##sym, .match = SLUICE_MATCH_##kind, \
			   .key = (key_fields), .value = (value_fields), __VA_ARGS__ }
#define SIZES(key_type, value_type) \
	.key_size = sizeof(key_type), .value_size = sizeof(value_type)

static const struct sluice_table tables[] = {
	TABLE(EP, "ep", INDEX, ep_key, ep_value, SIZES(__u32, struct sl_ep),
	      .text = "endpoints of this node and their policy words"),
	TABLE(ADDR, "addr", EXACT, addr_key, addr_value,
	      SIZES(union sl_addr, struct sl_addr_val),
	      .text = "addresses of this node's endpoints and of the node"),
	TABLE(IF, "if", EXACT, if_key, if_value, SIZES(__u32, __u32),
	      .text = "devices of endpoints"),
	TABLE(CLASS, "class", LPM, prefix_key, class_value,
	      SIZES(struct sl_prefix, struct sl_class_val), .text = "peer classes of addresses"),
	TABLE(RULE, "rule", EXACT, rule_key, rule_value,
	      SIZES(struct sl_rule_key, struct sl_rule_val), .writable = true,
	      .text = "what a rule set says of a class of peers"),
	TABLE(PORT, "port", LPM, port_key, port_value,
	      SIZES(struct sl_port_key, struct sl_port_val), .writable = true,
	      .text = "port sets"),
	TABLE(ROUTE, "route", LPM, prefix_key, route_value,
	      SIZES(struct sl_prefix, struct sl_route_val), .writable = true,
	      .text = "where address ranges are"),
	TABLE(FLOW, "flow", EXACT, tuple_key, flow_value,
	      SIZES(struct sl_tuple, struct sl_flow), .alias = flow_alias, .deletable = true,
	      .text = "established flows"),
	TABLE(HALF, "half", EXACT, tuple_key, flow_value,
	      SIZES(struct sl_tuple, struct sl_flow), .alias = flow_alias, .deletable = true,
	      .text = "flows not yet established"),
	TABLE(FRAG, "frag", EXACT, frag_key, frag_value,
	      SIZES(struct sl_frag_key, struct sl_frag_val), .deletable = true,
	      .text = "ports of fragmented packets"),
	TABLE(STATE, "state", INDEX, state_key, state_value, SIZES(__u32, struct sl_state),
	      .text = "the node's own run-time state"),
	TABLE(DROP, "drop", INDEX, drop_key, counter_value, SIZES(__u32, struct sl_counter),
	      .text = "drops by reason", .percpu = true),
	TABLE(DROP_RULE, "drop_rule", EXACT, drop_rule_key, counter_value,
	      SIZES(struct sl_drop_key, struct sl_counter), .deletable = true,
	      .text = "drops by who decided"),
	TABLE(COUNT, "count", INDEX, count_key, count_value, SIZES(__u32, __u64),
	      .text = "events counted", .percpu = true),
	TABLE(EVENTS, "events", NONE, none, none, .text = "ring of drops and closed flows"),
	TABLE(FLOW_EV, "flow_ev", NONE, none, none, .value_size = sizeof(struct sl_flow_event),
	      .text = "queue of flows established and ended, for the kernel module"),
	TABLE(ACL, "acl", EXACT, acl_key, acl_value, SIZES(__u32, struct sl_acl_rule),
	      .text = "the administrator's rules"),
	TABLE(ACL_COUNT, "acl_count", EXACT, acl_key, counter_value,
	      SIZES(__u32, struct sl_counter), .text = "packets that a rule was applied to"),
	TABLE(ACL_BUCKET, "acl_bucket", EXACT, acl_key, acl_bucket_value,
	      SIZES(__u32, struct sl_acl_bucket), .text = "state of rules that limit a rate"),
	TABLE(ACL_INDEX, "acl_index", INDEX, acl_index_key, acl_page_value,
	      SIZES(__u32, struct sl_acl_page),
	      .text = "compiled rules: where the values of fields lead"),
	TABLE(ACL_VALUE, "acl_value", EXACT, acl_value_key, acl_row_id,
	      SIZES(struct sl_acl_value_key, __u32),
	      .text = "compiled rules: rows of devices and classes"),
	TABLE(ACL_NODE, "acl_node", INDEX, acl_id_key, acl_node_value,
	      SIZES(__u32, struct sl_acl_node), .text = "compiled rules: where prefixes branch"),
	TABLE(ACL_ROW, "acl_row", INDEX, acl_id_key, acl_row_value,
	      SIZES(__u32, struct sl_acl_row), .text = "compiled rules: which match a value"),
	TABLE(ACL_CHUNK, "acl_chunk", INDEX, acl_id_key, acl_chunk_value,
	      SIZES(__u32, struct sl_acl_chunk), .text = "compiled rules: what rows are made of"),
	TABLE(ACL_POS, "acl_pos", INDEX, acl_id_key, acl_pos_value,
	      SIZES(__u32, struct sl_acl_pos), .text = "compiled rules: what they do"),
	TABLE(FRONT, "front", EXACT, front_key, front_value,
	      SIZES(struct sl_front_key, struct sl_front_val),
	      .text = "what services are reached by"),
	TABLE(SVC, "svc", INDEX, svc_key, svc_value, SIZES(__u32, struct sl_svc),
	      .text = "ports of services, and which sets of backends they have"),
	TABLE(SET, "set", INDEX, set_key, set_value, SIZES(__u32, struct sl_set_page),
	      .text = "sets of backends"),
	TABLE(BACKEND, "backend", INDEX, backend_key, backend_value,
	      SIZES(__u32, struct sl_backend), .text = "backends of services"),
	TABLE(SVC_SRC, "svc_src", LPM, svc_src_key, svc_src_value,
	      SIZES(struct sl_svc_src_key, __u32),
	      .text = "who may use the load balancer of a service"),
	TABLE(AFFINITY, "affinity", EXACT, affinity_key, affinity_value,
	      SIZES(struct sl_affinity_key, struct sl_affinity_val), .deletable = true,
	      .text = "where clients of services are kept"),
	TABLE(SOCK, "sock", EXACT, sock_key, sock_value,
	      SIZES(struct sl_sock_key, struct sl_sock_val), .deletable = true,
	      .text = "sockets that were given a backend"),
	TABLE(NETNS, "netns", EXACT, netns_key, netns_value, SIZES(__u64, __u32),
	      .text = "pods whose sockets are given none"),
	TABLE(BACKEND_NEW, "backend_new", INDEX, backend_key, backend_new_value,
	      SIZES(__u32, __u64), .text = "how often backends were chosen"),
};
SL_STATIC_ASSERT(ARRAY_SIZE(tables) == __SL_MAP_MAX, "a table for each map");

const struct sluice_table *sluice_tables(size_t *count)
{
	*count = ARRAY_SIZE(tables);
	return tables;
}

int sluice_table_origin(const struct sluice_table *t)
{
	const struct sluice_field *f;

	for (f = t->value; f->name; f++)
		if (f->names == origins)
			return f->offset;
	return -1;
}
