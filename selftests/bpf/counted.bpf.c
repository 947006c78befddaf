// SPDX-License-Identifier: GPL-2.0
/*
 * The pods' two hooks for test runs, with what those don't offer: operations
 * on the flow tables are counted, and tc_index can be set before and seen
 * after. Loaded beside the pipeline's own object, with its maps.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bpf/maps.h"

/* By table: sl_flow, sl_half, all the others. */
__u64 lookups[3], updates[3], deletes[3];
__u32 tc_index;

static __always_inline int table_of(const void *map)
{
	return map == &sl_flow ? 0 : map == &sl_half ? 1 : 2;
}

static __always_inline void *counted_lookup(void *map, const void *key)
{
	lookups[table_of(map)]++;
	return bpf_map_lookup_elem(map, key);
}

static __always_inline long counted_update(void *map, const void *key, const void *val, __u64 flags)
{
	updates[table_of(map)]++;
	return bpf_map_update_elem(map, key, val, flags);
}

static __always_inline long counted_delete(void *map, const void *key)
{
	deletes[table_of(map)]++;
	return bpf_map_delete_elem(map, key);
}

#define bpf_map_lookup_elem(map, key)			counted_lookup(map, key)
#define bpf_map_update_elem(map, key, val, flags)	counted_update(map, key, val, flags)
#define bpf_map_delete_elem(map, key)			counted_delete(map, key)

#include "bpf/pipeline.h"

char _license[] SEC("license") = "GPL";

SEC("tc")
int test_from_pod(struct __sk_buff *skb)
{
	int act;

	skb->tc_index = tc_index;
	act = sl_run_from_pod(skb);
	tc_index = skb->tc_index;
	return act;
}

SEC("tc")
int test_to_pod(struct __sk_buff *skb)
{
	int act;

	skb->tc_index = tc_index;
	act = sl_run_to_pod(skb);
	tc_index = skb->tc_index;
	return act;
}
