// SPDX-License-Identifier: GPL-2.0
/*
 * Hands the pipeline's maps to the kernel module, or has it let them go. Run
 * by the loader and gone afterwards, so that the module can be unloaded: a
 * program that uses a kfunc of a module pins it. Not of type syscall, which
 * may sleep and so can't name tries and queues; the packet means nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bpf/maps.h"

char _license[] SEC("license") = "GPL";

extern int bpf_sluice_map_bind(void *map__map, __u32 which) __ksym __weak;
extern int bpf_sluice_pipeline_bind(__u32 abi) __ksym __weak;
extern int bpf_sluice_pipeline_unbind(void) __ksym __weak;

#define BIND(map, which) \
	do { \
		int err = bpf_sluice_map_bind(&(map), SL_MAP_##which); \
		if (err) \
			return err; \
	} while (0)

/* 0 or a negative errno; -EOPNOTSUPP (-95): the kernel knows no such kfuncs. */
SEC("tc")
int sl_bind(struct __sk_buff *skb)
{
	if (!bpf_ksym_exists(bpf_sluice_map_bind) || !bpf_ksym_exists(bpf_sluice_pipeline_bind))
		return -95;
	BIND(sl_ep, EP);
	BIND(sl_addr, ADDR);
	BIND(sl_if, IF);
	BIND(sl_class, CLASS);
	BIND(sl_rule, RULE);
	BIND(sl_port, PORT);
	BIND(sl_route, ROUTE);
	BIND(sl_flow, FLOW);
	BIND(sl_half, HALF);
	BIND(sl_frag, FRAG);
	BIND(sl_state, STATE);
	BIND(sl_drop, DROP);
	BIND(sl_drop_rule, DROP_RULE);
	BIND(sl_count, COUNT);
	BIND(sl_events, EVENTS);
	BIND(sl_flow_ev, FLOW_EV);
	BIND(sl_acl, ACL);
	BIND(sl_acl_count, ACL_COUNT);
	BIND(sl_acl_bucket, ACL_BUCKET);
	BIND(sl_acl_index, ACL_INDEX);
	BIND(sl_acl_value, ACL_VALUE);
	BIND(sl_acl_node, ACL_NODE);
	BIND(sl_acl_row, ACL_ROW);
	BIND(sl_acl_chunk, ACL_CHUNK);
	BIND(sl_acl_pos, ACL_POS);
	BIND(sl_front, FRONT);
	BIND(sl_svc, SVC);
	BIND(sl_set, SET);
	BIND(sl_backend, BACKEND);
	BIND(sl_svc_src, SVC_SRC);
	BIND(sl_affinity, AFFINITY);
	BIND(sl_sock, SOCK);
	BIND(sl_netns, NETNS);
	BIND(sl_backend_new, BACKEND_NEW);
	return bpf_sluice_pipeline_bind(SL_ABI_VERSION);
}

SEC("tc")
int sl_unbind(struct __sk_buff *skb)
{
	if (!bpf_ksym_exists(bpf_sluice_pipeline_unbind))
		return -95;
	return bpf_sluice_pipeline_unbind();
}
