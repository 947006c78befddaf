// SPDX-License-Identifier: GPL-2.0
/* Somebody else's program in XDP: lets everything pass. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("xdp")
int pass(struct xdp_md *xdp)
{
	return XDP_PASS;
}
