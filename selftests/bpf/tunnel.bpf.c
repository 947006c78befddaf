// SPDX-License-Identifier: GPL-2.0
/*
 * sl_from_tunnel() for test runs, which have no encapsulation: gives the
 * packet the metadata that an encap device would, and calls the same function.
 * Loaded beside the pipeline's own object, with its maps.
 */
#include "bpf/pipeline.h"

char _license[] SEC("license") = "GPL";

struct bpf_tunnel_key tunnel_key;	/* local_*: the outer source that the program will see */
__u64 tunnel_flags;

SEC("tc")
int test_from_tunnel(struct __sk_buff *skb)
{
	if (bpf_skb_set_tunnel_key(skb, &tunnel_key, sizeof(tunnel_key), tunnel_flags))
		return SL_ACT_DROP;
	return sl_run_from_tunnel(skb);
}
