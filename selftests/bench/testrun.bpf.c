// SPDX-License-Identifier: GPL-2.0
/*
 * The pipeline's programs for BPF_PROG_TEST_RUN, which runs one again and
 * again on the packet that the last run has left: each first makes the packet
 * what it was. `empty` does that and nothing else; it is what is subtracted.
 * The maps are those of a live dataplane, put in by the loader.
 */
#include "bpf/edge.h"
#include "bpf/pipeline.h"
#include "selftests/bench/testrun.h"

struct testrun_restore restore;

static __always_inline bool restored(void *data, void *end)
{
	struct ipv6hdr *ip6 = data + sizeof(struct ethhdr);
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__be16 *ports = (void *)(ip + 1);

	if ((void *)(ip6 + 1) + 4 > end)
		return false;
	((__u32 *)data)[0] = restore.macs[0];
	((__u32 *)data)[1] = restore.macs[1];
	((__u32 *)data)[2] = restore.macs[2];
	if (restore.v6) {
		ip6->hop_limit = restore.ttl;
		ports = (void *)(ip6 + 1);
	} else {
		ip->ttl = restore.ttl;
		ip->check = restore.check;
		ip->saddr = restore.saddr;
		ip->daddr = restore.daddr;
	}
	ports[0] = bpf_htons(restore.port[0]);
	ports[1] = bpf_htons(restore.port[1]);
	restore.port[0] += restore.step[0];
	restore.port[1] += restore.step[1];
	return true;
}

static __always_inline bool restored_skb(struct __sk_buff *skb)
{
	return restored((void *)(long)skb->data, (void *)(long)skb->data_end);
}

SEC("tc")
int empty(struct __sk_buff *skb)
{
	return restored_skb(skb);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	return restored_skb(skb) ? sl_run_from_pod(skb) : SL_ACT_DROP;
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	return restored_skb(skb) ? sl_run_to_pod(skb) : SL_ACT_DROP;
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	return restored_skb(skb) ? sl_run_from_uplink(skb) : SL_ACT_DROP;
}

static __always_inline bool restored_xdp(struct xdp_md *xdp)
{
	return restored((void *)(long)xdp->data, (void *)(long)xdp->data_end);
}

SEC("xdp.frags")
int edge_empty(struct xdp_md *xdp)
{
	return restored_xdp(xdp) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp.frags")
int edge(struct xdp_md *xdp)
{
	return restored_xdp(xdp) ? sl_run_edge(xdp) : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
