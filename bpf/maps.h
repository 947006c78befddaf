/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every map of the pipeline. Sizes are defaults that the loader may change
 * before it creates them (struct sluice_load_opts); keys, values and names
 * are those of bpf/abi.h. What is not named there (sl_scratch, sl_limit) is
 * private to one load of the programs, and is not pinned.
 */
#ifndef SL_BPF_MAPS_H
#define SL_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bpf/abi.h"

#define SL_FLOW_ENTRIES		131072
#define SL_HALF_ENTRIES		32768
#define SL_RULE_ENTRIES		1048576
#define SL_PORT_ENTRIES		262144
#define SL_CLASS_ENTRIES	65536
#define SL_ADDR_ENTRIES		65536
#define SL_ROUTE_ENTRIES	16384
#define SL_FRAG_ENTRIES		16384
#define SL_DROP_RULE_ENTRIES	16384
#define SL_EVENTS_BYTES		(256 * 1024)
#define SL_FLOW_EV_ENTRIES	8192
#define SL_FRONT_ENTRIES	131072
#define SL_SVC_SRC_ENTRIES	65536
#define SL_AFFINITY_ENTRIES	16384
#define SL_SOCK_ENTRIES		32768

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_EP_MAX);
	__type(key, __u32);
	__type(value, struct sl_ep);
} sl_ep SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_ADDR_ENTRIES);
	__type(key, union sl_addr);
	__type(value, struct sl_addr_val);
} sl_addr SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_EP_MAX);
	__type(key, __u32);
	__type(value, __u32);
} sl_if SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_CLASS_ENTRIES);
	__type(key, struct sl_prefix);
	__type(value, struct sl_class_val);
} sl_class SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_RULE_ENTRIES);
	__type(key, struct sl_rule_key);
	__type(value, struct sl_rule_val);
} sl_rule SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_PORT_ENTRIES);
	__type(key, struct sl_port_key);
	__type(value, struct sl_port_val);
} sl_port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ROUTE_ENTRIES);
	__type(key, struct sl_prefix);
	__type(value, struct sl_route_val);
} sl_route SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_FLOW_ENTRIES);
	__type(key, struct sl_tuple);
	__type(value, struct sl_flow);
} sl_flow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SL_HALF_ENTRIES);
	__type(key, struct sl_tuple);
	__type(value, struct sl_flow);
} sl_half SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SL_FRAG_ENTRIES);
	__type(key, struct sl_frag_key);
	__type(value, struct sl_frag_val);
} sl_frag SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sl_state);
} sl_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, __SL_DROP_MAX);
	__type(key, __u32);
	__type(value, struct sl_counter);
} sl_drop SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SL_DROP_RULE_ENTRIES);
	__type(key, struct sl_drop_key);
	__type(value, struct sl_counter);
} sl_drop_rule SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, __SL_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sl_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SL_EVENTS_BYTES);
} sl_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, SL_FLOW_EV_ENTRIES);
	__type(value, struct sl_flow_event);
} sl_flow_ev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_ACL_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_rule);
} sl_acl SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * SL_ACL_MAX);
	__type(key, __u32);
	__type(value, struct sl_counter);
} sl_acl_count SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * SL_ACL_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_bucket);
} sl_acl_bucket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * __SL_ACL_SECTION_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_page);
} sl_acl_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * SL_ACL_VALUE_MAX);
	__type(key, struct sl_acl_value_key);
	__type(value, __u32);
} sl_acl_value SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SL_ACL_NODE_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_node);
} sl_acl_node SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SL_ACL_ROW_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_row);
} sl_acl_row SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SL_ACL_CHUNK_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_chunk);
} sl_acl_chunk SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SL_ACL_MAX);
	__type(key, __u32);
	__type(value, struct sl_acl_pos);
} sl_acl_pos SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_FRONT_ENTRIES);
	__type(key, struct sl_front_key);
	__type(value, struct sl_front_val);
} sl_front SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_SVC_MAX);
	__type(key, __u32);
	__type(value, struct sl_svc);
} sl_svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_SET_MAX);
	__type(key, __u32);
	__type(value, struct sl_set_page);
} sl_set SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_BACKEND_MAX);
	__type(key, __u32);
	__type(value, struct sl_backend);
} sl_backend SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SL_SVC_SRC_ENTRIES);
	__type(key, struct sl_svc_src_key);
	__type(value, __u32);
} sl_svc_src SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SL_AFFINITY_ENTRIES);
	__type(key, struct sl_affinity_key);
	__type(value, struct sl_affinity_val);
} sl_affinity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SL_SOCK_ENTRIES);
	__type(key, struct sl_sock_key);
	__type(value, struct sl_sock_val);
} sl_sock SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_EP_MAX);
	__type(key, __u64);
	__type(value, __u32);
} sl_netns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SL_BACKEND_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sl_backend_new SEC(".maps");

#endif /* SL_BPF_MAPS_H */
