// SPDX-License-Identifier: GPL-2.0
/*
 * Cluster IPs for the tests' clusters: a socket that connects to one is
 * connected to a backend instead, so what a pod sends has a pod's address from
 * the start. For where sluice is not, to compare with. lib/services.py fills the map.
 * Connected sockets only: who sends UDP without a connect() gets no answer.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAX_BACKENDS	8

char _license[] SEC("license") = "GPL";

/* Addresses and ports in network order; IPv4 in the last word, the others 0. */
struct frontend {
	__u32 addr[4];
	__u16 port;
	__u16 proto;
};

struct backend {
	__u32 addr[4];
	__u16 port;
	__u16 pad;
};

struct service {
	__u32 count;
	struct backend backend[MAX_BACKENDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct frontend);
	__type(value, struct service);
} services SEC(".maps");

static struct backend *pick(struct frontend *f)
{
	struct service *s = bpf_map_lookup_elem(&services, f);

	if (!s || !s->count)
		return NULL;
	/* a power of two, so that the verifier sees the bound */
	return &s->backend[(bpf_get_prandom_u32() % s->count) & (MAX_BACKENDS - 1)];
}

SEC("cgroup/connect4")
int service_connect4(struct bpf_sock_addr *ctx)
{
	struct frontend f = {
		.addr = { 0, 0, 0, ctx->user_ip4 },
		.port = ctx->user_port,
		.proto = ctx->protocol,
	};
	struct backend *b = pick(&f);

	if (b) {
		ctx->user_ip4 = b->addr[3];
		ctx->user_port = b->port;
	}
	return 1;
}

SEC("cgroup/connect6")
int service_connect6(struct bpf_sock_addr *ctx)
{
	struct frontend f = {
		.addr = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] },
		.port = ctx->user_port,
		.proto = ctx->protocol,
	};
	struct backend *b = pick(&f);

	if (b) {
		ctx->user_ip6[0] = b->addr[0];
		ctx->user_ip6[1] = b->addr[1];
		ctx->user_ip6[2] = b->addr[2];
		ctx->user_ip6[3] = b->addr[3];
		ctx->user_port = b->port;
	}
	return 1;
}
