// SPDX-License-Identifier: GPL-2.0
/*
 * Entry points of the pipeline. The numbers that those in TC return mean the
 * same to tcx, clsact and netkit: -1 next program, 2 drop, 7 redirect.
 */
#include "bpf/edge.h"
#include "bpf/pipeline.h"
#include "bpf/expire.h"
#include "bpf/sock.h"

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

SEC("xdp.frags")
int sl_edge(struct xdp_md *xdp)
{
	return sl_run_edge(xdp);
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

SEC("cgroup/connect4")
int sl_connect4(struct bpf_sock_addr *ctx)
{
	return sl_sock_out(ctx, false, false);
}

SEC("cgroup/connect6")
int sl_connect6(struct bpf_sock_addr *ctx)
{
	return sl_sock_out(ctx, true, false);
}

SEC("cgroup/sendmsg4")
int sl_sendmsg4(struct bpf_sock_addr *ctx)
{
	return sl_sock_out(ctx, false, true);
}

SEC("cgroup/sendmsg6")
int sl_sendmsg6(struct bpf_sock_addr *ctx)
{
	return sl_sock_out(ctx, true, true);
}

SEC("cgroup/recvmsg4")
int sl_recvmsg4(struct bpf_sock_addr *ctx)
{
	return sl_sock_in(ctx, false);
}

SEC("cgroup/recvmsg6")
int sl_recvmsg6(struct bpf_sock_addr *ctx)
{
	return sl_sock_in(ctx, true);
}

SEC("cgroup/getpeername4")
int sl_peername4(struct bpf_sock_addr *ctx)
{
	return sl_sock_in(ctx, false);
}

SEC("cgroup/getpeername6")
int sl_peername6(struct bpf_sock_addr *ctx)
{
	return sl_sock_in(ctx, true);
}

SEC("syscall")
int sl_expire(void *ctx)
{
	return sl_expire_run();
}
