// SPDX-License-Identifier: GPL-2.0
/* Endpoints: sl_ep, sl_addr, sl_if and programs; flows of those that left. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/endpoint_impl.h"

/* -------------------------------------------------------- flows that leave */

struct sweep {
	struct endpoints *eps;
	struct sl_tuple *keys;
	size_t count, size;
};

static int sweep_collect(void *arg, const struct sl_tuple *key, const struct sl_flow *flow,
			 bool half)
{
	struct sweep *w = arg;
	struct sl_tuple *keys;

	(void)half;
	if (!w->eps->dying[flow->ep[0] % SL_EP_MAX] && !w->eps->dying[flow->ep[1] % SL_EP_MAX])
		return 0;
	if (w->count == w->size) {
		keys = realloc(w->keys, (w->size * 2 + 64) * sizeof(*keys));
		if (!keys)
			return -ENOMEM;
		w->keys = keys;
		w->size = w->size * 2 + 64;
	}
	w->keys[w->count++] = *key;
	return 0;
}

void endpoints_sweep(struct endpoints *eps)
{
	struct sweep w = { .eps = eps };
	int err;

	if (!eps->dying_any)
		return;
	do {
		w.count = 0;
		err = sluice_flow_each(eps->ctx.sl, sweep_collect, &w);
		for (size_t i = 0; i < w.count; i++)
			sluice_flow_del(eps->ctx.sl, &w.keys[i]);
	} while (err == -ENOMEM && w.count);
	free(w.keys);
	if (err) {
		/* The generation in the policy word keeps them from being believed. */
		log_error("flows of removed endpoints: %s", strerror(-err));
		return;
	}
	memset(eps->dying, 0, sizeof(eps->dying));
	eps->dying_any = false;
}

/* ------------------------------------------------------------ kernel's side */

/* A closed word that no flow was judged under: the generation goes on. */
static __u64 closed_word(__u64 old)
{
	__u64 gen = ((old >> SL_EP_GEN_SHIFT) + 1) & SL_EP_GEN_MASK;

	return SL_EP_POLICY_CLOSED | gen << SL_EP_GEN_SHIFT | (old & SL_EP_COLUMN_MASK);
}

static void ep_fill(struct sl_ep *ep, const struct record *rec)
{
	ep->ifindex = (__u32)rec->host_ifindex;
	memcpy(ep->addr, rec->addr, sizeof(ep->addr));
	memcpy(ep->mac, rec->mac, sizeof(ep->mac));
	memcpy(ep->host_mac, rec->host_mac, sizeof(ep->host_mac));
	ep->mtu = rec->mtu;
	__atomic_store_n(&ep->flags, SL_EP_FLAG_USED | (rec->netkit ? SL_EP_FLAG_NETKIT : 0),
			 __ATOMIC_RELEASE);
}

static void ep_clear(struct endpoints *eps, __u32 id)
{
	struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[id];

	/* The word stays: its generation is what old flows are told apart by. */
	ep->ifindex = 0;
	ep->flags = 0;
	memset(ep->addr, 0, sizeof(ep->addr));
	memset(ep->class_id, 0, sizeof(ep->class_id));
	memset(ep->mac, 0, sizeof(ep->mac));
	memset(ep->host_mac, 0, sizeof(ep->host_mac));
	ep->mtu = 0;
	eps->dying[id] = true;
	eps->dying_any = true;
}

static void ep_close(struct endpoints *eps, __u32 id)
{
	struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[id];

	sluice_ep_set_policy(ep, closed_word(sluice_ep_policy(ep)));
}

/* Only what still says it is @id's: an address may have been given away. */
static void addr_remove(struct endpoints *eps, const union sl_addr *addr, __u32 id)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	struct sl_addr_val val;

	if (!addr_is_zero(addr) && !bpf_map_lookup_elem(fd, addr, &val) &&
	    val.kind == SL_ADDR_EP && val.id == id && policy_addr_left(eps->ctx.pol, addr) <= 0)
		bpf_map_delete_elem(fd, addr);
}

static void if_remove(struct endpoints *eps, __u32 ifindex, __u32 id)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_IF);
	__u32 val;

	if (!bpf_map_lookup_elem(fd, &ifindex, &val) && val == id)
		bpf_map_delete_elem(fd, &ifindex);
}

/* Everything of @id that the kernel holds but programs on a device. */
void ep_kernel_remove(struct endpoints *eps, __u32 id)
{
	struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[id];

	ep_close(eps, id);
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		union sl_addr addr = ep->addr[f];

		addr_remove(eps, &addr, id);
	}
	if_remove(eps, ep->ifindex, id);
	ep_clear(eps, id);
}

static int kernel_add_maps(struct endpoints *eps, const struct slot *s)
{
	int if_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_IF);
	int addr_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	struct sl_addr_val val = { .kind = SL_ADDR_EP, .id = s->ep.id };
	__u32 ifindex = (__u32)s->ep.rec.host_ifindex;
	int err = bpf_map_update_elem(if_fd, &ifindex, &s->ep.id, BPF_ANY);

	for (int f = 0; f < __SL_FAMILY_MAX && !err; f++) {
		if (!addr_is_zero(&s->ep.rec.addr[f]))
			err = bpf_map_update_elem(addr_fd, &s->ep.rec.addr[f], &val, BPF_ANY);
	}
	return err;
}

/*
 * bpf_fib_lookup() wants forwarding on the device a packet came from. Only
 * that device: the node's other ones forward or don't as its owner wishes.
 */
static void device_prepare(struct endpoints *eps, const struct record *rec)
{
	static const struct rt_inet_conf inet[] = { { IPV4_DEVCONF_FORWARDING, 1 }, { 0, 0 } };
	char path[128];
	int err = rt_link_set_inet(eps->ctx.rt, rec->host_ifindex, inet);

	if (err)
		log_warning("%s: IPv4 forwarding: %s", rec->host_ifname, strerror(-err));
	if (addr_is_zero(&rec->addr[SL_FAMILY_V6]))
		return;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", rec->host_ifname);
	err = rt_sysctl_set(path, "1");
	/* in a container /proc/sys may not be written: the plugin does it */
	if (err && err != -EROFS)
		log_warning("%s: IPv6 forwarding: %s", rec->host_ifname, strerror(-err));
}

int ep_kernel_add(struct endpoints *eps, const struct slot *s, bool keep_policy)
{
	struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[s->ep.id];
	int err;

	if (!keep_policy)
		sluice_ep_set_policy(ep, closed_word(sluice_ep_policy(ep)));
	ep_fill(ep, &s->ep.rec);
	device_prepare(eps, &s->ep.rec);
	err = sluice_attach(eps->ctx.sl, s->ep.rec.host_ifindex, ep_attach_how(s));
	return err ? err : kernel_add_maps(eps, s);
}
