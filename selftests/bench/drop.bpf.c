// SPDX-License-Identifier: GPL-2.0
/* The end of a wire: what comes there is gone. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("xdp")
int drop(struct xdp_md *xdp)
{
	return XDP_DROP;
}
