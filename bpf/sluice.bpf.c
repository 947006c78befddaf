// SPDX-License-Identifier: GPL-2.0
/*
 * Entry points of the pipeline in TC. The numbers that they return mean the
 * same to tcx, clsact and netkit: -1 next program, 2 drop, 7 redirect.
 */
#include "bpf/pipeline.h"
#include "bpf/expire.h"

char _license[] SEC("license") = "GPL";

SEC("tc")
int sl_from_pod(struct __sk_buff *skb)
{
	return sl_run_from_pod(skb);
}

SEC("tc")
int sl_to_pod(struct __sk_buff *skb)
{
	return sl_run_to_pod(skb);
}

SEC("tc")
int sl_from_uplink(struct __sk_buff *skb)
{
	return sl_run_from_uplink(skb);
}

SEC("tc")
int sl_from_tunnel(struct __sk_buff *skb)
{
	return sl_run_from_tunnel(skb);
}

/*
 * Primary program of a netkit pair, which drops everything while it has none.
 * It sees a packet when its device is the pod's already and where it came
 * from is forgotten; so sl_to_pod judges it before, at the primary's egress.
 */
SEC("tc")
int sl_netkit(struct __sk_buff *skb)
{
	return SL_ACT_NEXT;
}

SEC("syscall")
int sl_expire(void *ctx)
{
	return sl_expire_run();
}
