// SPDX-License-Identifier: GPL-2.0
/*
 * The pipeline once more, wrapped for measuring with BPF_PROG_TEST_RUN.
 *
 * A test run with repeat > 1 gives the program the packet that the last run
 * left behind, with its hop limit one less and its MACs rewritten. Each
 * wrapper therefore writes the first bench_len bytes back before it does
 * anything, from bench_frame in .bss. What is measured is the difference of
 * two wrappers that differ in nothing but the step of interest:
 *
 *	bench_hit   - bench_empty	packet of an established flow (sl_from_pod)
 *	bench_miss  - bench_vary	first packet of a new flow: the source port
 *					is another in each run
 *	bench_link  - bench_empty	sl_from_uplink
 *	bench_stack - bench_empty	sl_to_pod
 *	bench_cold  - bench_cold_empty	bench_hit over bench_flows flows in turn,
 *					so that entries are not always cached
 *
 * Use: load the skeleton, fill the maps as for the pipeline, put the frame in
 * bss->bench_frame and its header's length in bss->bench_len (at most 64),
 * then run with that frame as data_in and in ctx_in the ifindex that sl_if
 * and the flow know. The frame's destination MAC has to be that device's.
 *
 * For a hit run the entry has to be established first: packet, reply, packet
 * by the wrappers with repeat = 1 (a test run of bench_hit with each frame).
 * For a miss: sl_half larger than repeat, and emptied before each batch of at
 * most 65536 runs; or filled, which then measures eviction too.
 */
#include "bpf/pipeline.h"

char _license[] SEC("license") = "GPL";

__u8 bench_frame[64];
__u32 bench_len;
__u32 bench_seq;
__u32 bench_flows = 1;

struct bench_eth_ip_l4 {
	struct ethhdr eth;
	struct iphdr ip;
	__be16 sport, dport;
} __attribute__((packed));

struct bench_eth_ip6_l4 {
	struct ethhdr eth;
	struct ipv6hdr ip;
	__be16 sport, dport;
} __attribute__((packed));

static __always_inline bool bench_restore(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (bench_len > ETH_HLEN_ + sizeof(struct iphdr)) {
		if (data + ETH_HLEN_ + sizeof(struct ipv6hdr) > end)
			return false;
		__builtin_memcpy(data, bench_frame, ETH_HLEN_ + sizeof(struct ipv6hdr));
		return true;
	}
	if (data + ETH_HLEN_ + sizeof(struct iphdr) > end)
		return false;
	__builtin_memcpy(data, bench_frame, ETH_HLEN_ + sizeof(struct iphdr));
	return true;
}

static __always_inline bool bench_port(struct __sk_buff *skb, __be16 port)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct bench_eth_ip6_l4 *v6 = data;
	struct bench_eth_ip_l4 *v4 = data;

	if (bench_len > ETH_HLEN_ + sizeof(struct iphdr)) {
		if ((void *)(v6 + 1) > end)
			return false;
		v6->sport = port;
		return true;
	}
	if ((void *)(v4 + 1) > end)
		return false;
	v4->sport = port;
	return true;
}


SEC("tc")
int bench_empty(struct __sk_buff *skb)
{
	if (!bench_restore(skb))
		return SL_ACT_DROP;
	return SL_ACT_NEXT;
}

SEC("tc")
int bench_hit(struct __sk_buff *skb)
{
	if (!bench_restore(skb))
		return SL_ACT_DROP;
	return sl_run_from_pod(skb);
}

SEC("tc")
int bench_link(struct __sk_buff *skb)
{
	if (!bench_restore(skb))
		return SL_ACT_DROP;
	return sl_run_from_uplink(skb);
}

SEC("tc")
int bench_stack(struct __sk_buff *skb)
{
	if (!bench_restore(skb))
		return SL_ACT_DROP;
	return sl_run_to_pod(skb);
}

SEC("tc")
int bench_vary(struct __sk_buff *skb)
{
	if (!bench_restore(skb) || !bench_port(skb, bpf_htons(++bench_seq)))
		return SL_ACT_DROP;
	return SL_ACT_NEXT;
}

SEC("tc")
int bench_miss(struct __sk_buff *skb)
{
	if (!bench_restore(skb) || !bench_port(skb, bpf_htons(++bench_seq)))
		return SL_ACT_DROP;
	return sl_run_from_pod(skb);
}

/* Ports from 1024 on, as many as there are flows. */
static __always_inline __be16 bench_next(void)
{
	if (++bench_seq >= bench_flows)
		bench_seq = 0;
	return bpf_htons(1024 + bench_seq);
}

SEC("tc")
int bench_cold_empty(struct __sk_buff *skb)
{
	if (!bench_restore(skb) || !bench_port(skb, bench_next()))
		return SL_ACT_DROP;
	return SL_ACT_NEXT;
}

SEC("tc")
int bench_cold(struct __sk_buff *skb)
{
	if (!bench_restore(skb) || !bench_port(skb, bench_next()))
		return SL_ACT_DROP;
	return sl_run_from_pod(skb);
}
