// SPDX-License-Identifier: GPL-2.0
/* Endpoints: adding, deleting, checking. See endpoint.h for the order of things. */
#include "daemon/endpoint.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/endpoint_impl.h"

int ep_complain(int err, char *why, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, len, fmt, ap);
	va_end(ap);
	return err;
}

/* The device that the record names, under that number and no other's. */
int ep_check_device(struct endpoints *eps, const struct record *rec, char *why, size_t len)
{
	static const __u8 none[6];
	struct rt_link link;
	int err = rt_link_get(eps->ctx.rt, rec->host_ifindex, &link);

	if (err)
		return ep_complain(-ENODEV, why, len, "device %s (%d): %s", rec->host_ifname,
				rec->host_ifindex, strerror(-err));
	if (strcmp(link.name, rec->host_ifname))
		return ep_complain(-ENODEV, why, len, "device %d is %s and not %s",
				rec->host_ifindex, link.name, rec->host_ifname);
	if (memcmp(rec->host_mac, none, 6) && memcmp(rec->host_mac, link.mac, 6))
		return ep_complain(-ENODEV, why, len, "device %s has another MAC address than its record",
				rec->host_ifname);
	return 0;
}

static bool same_endpoint(const struct record *a, const struct record *b)
{
	return a->host_ifindex == b->host_ifindex && a->netkit == b->netkit && a->mtu == b->mtu &&
	       a->netns_cookie == b->netns_cookie &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr)) && !memcmp(a->mac, b->mac, 6) &&
	       !memcmp(a->host_mac, b->host_mac, 6) &&
	       !strcmp(a->pod_namespace, b->pod_namespace) && !strcmp(a->pod_name, b->pod_name);
}

/* Neither another endpoint's nor the node's own. */
int ep_check_addrs(struct endpoints *eps, const struct record *rec, char *why, size_t len)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	char text[SLUICE_ADDR_STRLEN];
	struct sl_addr_val val;
	struct slot *s;

	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		const union sl_addr *a = &rec->addr[f];

		if (addr_is_zero(a))
			continue;
		s = ep_slot_by_addr(eps, a);
		if (s)
			return ep_complain(-EEXIST, why, len, "address %s is in use by %s/%s (%s)",
					sluice_addr_format(a, text), s->ep.rec.pod_namespace,
					s->ep.rec.pod_name, s->ep.rec.container_id);
		if (!bpf_map_lookup_elem(fd, a, &val) && val.kind == SL_ADDR_HOST)
			return ep_complain(-EEXIST, why, len, "address %s is the node's own",
					sluice_addr_format(a, text));
	}
	s = ep_slot_by_ifindex(eps, rec->host_ifindex);
	if (s)
		return ep_complain(-EEXIST, why, len, "device %s is in use by %s/%s", rec->host_ifname,
				s->ep.rec.pod_namespace, s->ep.rec.pod_name);
	return 0;
}

int ep_policy_add(struct endpoints *eps, const struct slot *s)
{
	return policy_endpoint_add(eps->ctx.pol, s->ep.id, s->ep.rec.pod_namespace,
				   s->ep.rec.pod_name, s->ep.rec.addr);
}

void ep_slot_remove(struct endpoints *eps, struct slot *s)
{
	ep_kernel_remove(eps, s->ep.id);
	policy_endpoint_del(eps->ctx.pol, s->ep.id);
	ep_slot_unlink(eps, s);
	ep_slot_free(s);
	/* cookies don't come again, and the same pod may have another attachment: no haste */
	eps->netns_swept = false;
}

static int slot_open(struct endpoints *eps, struct slot *s, char *why, size_t len)
{
	const char *what = "programs and tables";
	int err;

	err = ep_kernel_add(eps, s, false);
	if (err)
		goto out;
	what = "policy";
	err = ep_policy_add(eps, s);
	if (!err)
		err = eps->ctx.commit(eps->ctx.arg);
out:
	return err ? ep_complain(err, why, len, "%s: %s", what, strerror(-err)) : 0;
}

int endpoint_add(struct endpoints *eps, const struct record *rec, __u32 *id, char *why,
		 size_t len)
{
	struct slot *s = ep_slot_find(eps, rec->container_id, rec->ifname);
	int err;

	if (!rec->ready)
		return ep_complain(-EINVAL, why, len, "the record is not ready");
	if (s && same_endpoint(&s->ep.rec, rec)) {
		*id = s->ep.id;
		return 0;
	}
	err = ep_check_device(eps, rec, why, len);
	if (err)
		return err;
	if (s)
		ep_slot_remove(eps, s);
	err = ep_check_addrs(eps, rec, why, len);
	if (err)
		return err;
	/* The address may be one that just left: its flows go first. */
	endpoints_sweep(eps);
	s = ep_slot_new(rec);
	if (!s)
		return ep_complain(-ENOMEM, why, len, "out of memory");
	if (ep_id_alloc(eps, &s->ep.id)) {
		ep_slot_free(s);
		return ep_complain(-ENOSPC, why, len, "all %d endpoint ids are in use", SL_EP_MAX - 1);
	}
	ep_slot_link(eps, s);
	err = slot_open(eps, s, why, len);
	if (err) {
		ep_slot_remove(eps, s);
		return err;
	}
	*id = s->ep.id;
	log_info("endpoint %u: %s/%s on %s", *id, rec->pod_namespace, rec->pod_name,
		 rec->host_ifname);
	return 0;
}

int endpoint_del(struct endpoints *eps, const char *container, const char *ifname)
{
	struct slot *s = ep_slot_find(eps, container, ifname);

	if (!s)
		return 0;
	log_info("endpoint %u: %s/%s removed", s->ep.id, s->ep.rec.pod_namespace,
		 s->ep.rec.pod_name);
	ep_slot_remove(eps, s);
	return 0;
}

void endpoints_link_gone(struct endpoints *eps, int ifindex)
{
	struct slot *s = ep_slot_by_ifindex(eps, ifindex);

	if (s) {
		log_info("endpoint %u: %s/%s: device %s is gone", s->ep.id,
			 s->ep.rec.pod_namespace, s->ep.rec.pod_name, s->ep.rec.host_ifname);
		ep_slot_remove(eps, s);
	}
	/* Pins of links whose device went: an endpoint's or an old uplink's. */
	sluice_detach(eps->ctx.sl, ifindex);
}

/* ------------------------------------------------------------------- check */

int ep_check_maps(struct endpoints *eps, const struct slot *s, char *why, size_t len)
{
	int addr_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	int if_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_IF);
	__u32 ifindex = (__u32)s->ep.rec.host_ifindex, id;
	char text[SLUICE_ADDR_STRLEN];
	struct sl_addr_val val;

	if (bpf_map_lookup_elem(if_fd, &ifindex, &id) || id != s->ep.id)
		return ep_complain(-ESTALE, why, len, "sl_if has no entry for %s",
				s->ep.rec.host_ifname);
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		const union sl_addr *a = &s->ep.rec.addr[f];

		if (!addr_is_zero(a) &&
		    (bpf_map_lookup_elem(addr_fd, a, &val) || val.kind != SL_ADDR_EP ||
		     val.id != s->ep.id))
			return ep_complain(-ESTALE, why, len, "sl_addr has no entry for %s",
					sluice_addr_format(a, text));
	}
	return 0;
}

static int check_ep(struct endpoints *eps, const struct slot *s, char *why, size_t len)
{
	const struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[s->ep.id];
	__u64 word = sluice_ep_policy(ep);

	if (!(ep->flags & SL_EP_FLAG_USED) || ep->ifindex != (__u32)s->ep.rec.host_ifindex ||
	    memcmp(ep->addr, s->ep.rec.addr, sizeof(ep->addr)))
		return ep_complain(-ESTALE, why, len, "sl_ep[%u] is not this endpoint's", s->ep.id);
	if ((word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK) == SL_RULESET_CLOSED)
		return ep_complain(-ESTALE, why, len, "the endpoint is closed: no policy in force");
	return 0;
}

int ep_check_programs(struct endpoints *eps, const struct slot *s, char *why, size_t len)
{
	int err = sluice_attach_check(eps->ctx.sl, s->ep.rec.host_ifindex, ep_attach_how(s));

	if (err == -ENOENT)
		return ep_complain(-ESTALE, why, len, "%s lacks a program", s->ep.rec.host_ifname);
	return err ? ep_complain(err, why, len, "programs on %s: %s", s->ep.rec.host_ifname,
				 strerror(-err)) : 0;
}

int endpoint_check(struct endpoints *eps, const char *container, const char *ifname, char *why,
		   size_t len)
{
	struct slot *s = ep_slot_find(eps, container, ifname);
	int err;

	if (!s)
		return ep_complain(-ENOENT, why, len, "no endpoint for %s of container %s", ifname,
				container);
	err = ep_check_device(eps, &s->ep.rec, why, len);
	if (!err)
		err = check_ep(eps, s, why, len);
	if (!err)
		err = ep_check_maps(eps, s, why, len);
	return err ? err : ep_check_programs(eps, s, why, len);
}

/* -------------------------------------------------------------- life cycle */

int endpoints_new(const struct endpoints_ctx *ctx, struct endpoints **out)
{
	struct endpoints *eps = calloc(1, sizeof(*eps));

	if (!eps)
		return -ENOMEM;
	eps->ctx = *ctx;
	*out = eps;
	return 0;
}

void endpoints_free(struct endpoints *eps)
{
	if (!eps)
		return;
	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		if (eps->slots[id])
			ep_slot_free(eps->slots[id]);
	}
	free(eps);
}
