// SPDX-License-Identifier: GPL-2.0
/*
 * Entry points of the pipeline in TC. The numbers that they return mean the
 * same to tcx, clsact and netkit: -1 next program, 0 pass, 2 drop, 7 redirect.
 */
#include "bpf/maps.h"

char _license[] SEC("license") = "GPL";

SEC("tc")
int sl_from_pod(struct __sk_buff *skb)
{
	return TCX_NEXT;
}

SEC("tc")
int sl_to_pod(struct __sk_buff *skb)
{
	return TCX_NEXT;
}

SEC("tc")
int sl_from_uplink(struct __sk_buff *skb)
{
	return TCX_NEXT;
}

SEC("tc")
int sl_from_tunnel(struct __sk_buff *skb)
{
	return TCX_NEXT;
}

SEC("syscall")
int sl_expire(void *ctx)
{
	return 0;
}
