/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services for sockets: who connects to one, or sends it a datagram, gets a
 * backend there and then, and no packet has to be translated. Of pods only TCP:
 * their datagrams are translated by the packet, so that they follow when a backend
 * goes. Runs where the rest of the pipeline may run in between on the same CPU:
 * nothing here uses sl_scratch.
 */
#ifndef SL_BPF_SOCK_H
#define SL_BPF_SOCK_H

#include "bpf/service.h"

#define SL_SOCK_ALLOW	1
#define SL_SOCK_REFUSE	0
#define SL_ECONNREFUSED	111

static __always_inline void sl_sock_addr_get(const struct bpf_sock_addr *ctx, bool v6,
					     union sl_addr *a)
{
	if (!v6) {
		sl_addr_set_v4(a, ctx->user_ip4);
		return;
	}
	a->w[0] = ctx->user_ip6[0];
	a->w[1] = ctx->user_ip6[1];
	a->w[2] = ctx->user_ip6[2];
	a->w[3] = ctx->user_ip6[3];
}

static __always_inline void sl_sock_addr_put(struct bpf_sock_addr *ctx, bool v6,
					     const union sl_addr *a, __be16 port)
{
	ctx->user_port = port;
	if (!v6) {
		ctx->user_ip4 = a->w[3];
		return;
	}
	ctx->user_ip6[0] = a->w[0];
	ctx->user_ip6[1] = a->w[1];
	ctx->user_ip6[2] = a->w[2];
	ctx->user_ip6[3] = a->w[3];
}

static __always_inline bool sl_sock_of_node(struct bpf_sock_addr *ctx)
{
	struct sl_state *st = sl_state_get();

	return st && st->host_netns && bpf_get_netns_cookie(ctx) == st->host_netns;
}

/* Does the pod want its packets to be translated, and not its sockets? */
static __always_inline bool sl_sock_by_packet(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);
	__u32 *flags = bpf_map_lookup_elem(&sl_netns, &cookie);

	return flags && *flags & SL_NETNS_BY_PACKET;
}

/* By network namespace, since a socket may have no address yet: a pod's are one. */
static __always_inline void sl_sock_client(struct bpf_sock_addr *ctx, __u32 svc,
					   struct sl_affinity_key *key)
{
	key->client.d[0] = ~0ULL;
	key->client.d[1] = bpf_get_netns_cookie(ctx);
	key->svc = svc;
	key->pad = 0;
}

static __noinline __u32 sl_sock_affinity(struct bpf_sock_addr *ctx, __u32 id, __u32 scope)
{
	struct sl_svc *svc = sl_svc_get(id);
	struct sl_affinity_key key;

	if (!svc || !svc->affinity_s)
		return 0;
	sl_sock_client(ctx, id, &key);
	return sl_affinity_get(&key, svc, scope, bpf_ktime_get_ns());
}

static __noinline int sl_sock_affinity_set(struct bpf_sock_addr *ctx, __u32 svc, __u32 backend)
{
	struct sl_affinity_val val = { .backend = backend };
	struct sl_affinity_key key;

	val.last_ns = bpf_ktime_get_ns();
	sl_sock_client(ctx, svc, &key);
	return bpf_map_update_elem(&sl_affinity, &key, &val, BPF_ANY);
}

/* A backend of service @id for a new connection; 0: there is none. */
__noinline __u32 sl_sock_choose(struct bpf_sock_addr *ctx, __u32 id, __u32 scope)
{
	struct sl_svc *svc = sl_svc_get(id);
	__u32 backend, i;

	if (!svc)
		return 0;
	backend = sl_sock_affinity(ctx, id, scope & 1);
	for (i = 0; !backend && i < SL_SVC_TRIES; i++) {
		backend = sl_svc_draw(NULL, 0, id, scope);
		if (!sl_backend_get(backend, id))
			backend = 0;
	}
	if (!backend)
		return 0;
	sl_backend_chosen(backend);
	if (svc->affinity_s)
		sl_sock_affinity_set(ctx, id, backend);
	return backend;
}

/* The backend that this socket's last datagram to there went to, if it still takes any. */
__noinline __u32 sl_sock_last(struct sl_sock_key *key, __u32 svc, __u32 scope)
{
	struct sl_sock_val *v = key ? bpf_map_lookup_elem(&sl_sock, key) : NULL;
	struct sl_backend *b;

	if (!v || v->svc != svc)
		return 0;
	b = sl_backend_get(v->backend, svc);
	return b && sl_backend_takes(b, scope) ? v->backend : 0;
}

/*
 * connect() and sendmsg() to (key->addr, key->port). The socket's records lead
 * from the service to its backend, and from the backend to what to call it.
 */
static __always_inline int sl_sock_out(struct bpf_sock_addr *ctx, bool v6, bool datagram)
{
	struct sl_sock_key key = {};
	struct sl_sock_val val = {};
	struct sl_front_key at = {};
	struct sl_front_val *front;
	struct sl_backend *b;
	union sl_addr addr;
	__u32 kind, what, svc, scope, id = 0;
	__be16 port;
	bool node;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return SL_SOCK_ALLOW;
	node = sl_sock_of_node(ctx);
	if (!node && ctx->protocol != IPPROTO_TCP)
		return SL_SOCK_ALLOW;
	sl_sock_addr_get(ctx, v6, &key.addr);
	key.port = ctx->user_port;
	at.addr = key.addr;
	at.port = key.port;
	at.proto = ctx->protocol;
	front = sl_front_find(&at, false, &kind, &what);
	/* Ranges are of addresses, which the packets will have. The node is always welcome. */
	key.cookie = bpf_get_socket_cookie(ctx);
	if (!front || (front->flags & SL_FRONT_RANGES && !node)) {
		/* What it may have been called by when it was connected there before. */
		if (!datagram && ctx->protocol == IPPROTO_UDP)
			bpf_map_delete_elem(&sl_sock, &key);
		return SL_SOCK_ALLOW;
	}
	if (!node && sl_sock_by_packet(ctx))
		return SL_SOCK_ALLOW;
	svc = front->svc;
	scope = front->inside & 1;
	if (datagram)
		id = sl_sock_last(&key, svc, scope);
	if (!id)
		id = sl_sock_choose(ctx, svc, scope);
	b = id ? sl_backend_get(id, svc) : NULL;
	if (!b) {
		/* A pod's packets are refused as they come; of the node's nobody would see any. */
		if (!node)
			return SL_SOCK_ALLOW;
		bpf_set_retval(-SL_ECONNREFUSED);
		return SL_SOCK_REFUSE;
	}
	val.addr = b->addr;
	val.port = b->port;
	val.svc = svc;
	val.backend = id;
	if (datagram)
		bpf_map_update_elem(&sl_sock, &key, &val, BPF_ANY);
	sl_sock_addr_put(ctx, v6, &val.addr, val.port);
	/* The other way round: what the socket is told that it speaks to. */
	addr = key.addr;
	port = key.port;
	key.addr = val.addr;
	key.port = val.port;
	val.addr = addr;
	val.port = port;
	bpf_map_update_elem(&sl_sock, &key, &val, BPF_ANY);
	return SL_SOCK_ALLOW;
}

/* recvmsg() and getpeername(): the backend is called by the service's name. */
static __always_inline int sl_sock_in(struct bpf_sock_addr *ctx, bool v6)
{
	struct sl_sock_key key = {};
	struct sl_sock_val *v;

	sl_sock_addr_get(ctx, v6, &key.addr);
	key.port = ctx->user_port;
	key.cookie = bpf_get_socket_cookie(ctx);
	v = bpf_map_lookup_elem(&sl_sock, &key);
	if (v)
		sl_sock_addr_put(ctx, v6, &v->addr, v->port);
	return SL_SOCK_ALLOW;
}

#endif /* SL_BPF_SOCK_H */
