// SPDX-License-Identifier: GPL-2.0
/*
 * The least a BPF forwarder can do: one lookup of the destination, then into
 * the namespace behind it. No parsing beyond the IPv4 header, no policy, no
 * connection, no TTL. A yardstick, not a dataplane.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);		/* destination */
	__type(value, __u32);		/* the node's end of its pair, ifindex */
	__uint(max_entries, 64);
} least_dst SEC(".maps");

SEC("tcx/ingress")
int least(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 *ifindex;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	ifindex = bpf_map_lookup_elem(&least_dst, &ip->daddr);
	if (!ifindex)
		return TC_ACT_OK;
	return bpf_redirect_peer(*ifindex, 0);
}

char _license[] SEC("license") = "GPL";
