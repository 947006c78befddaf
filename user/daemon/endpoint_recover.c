// SPDX-License-Identifier: GPL-2.0
/* Endpoints: what an earlier daemon left, and what differs from it later. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/endpoint_impl.h"

/* Whether @id of the kernel is what @rec describes. */
static bool ep_is(struct endpoints *eps, __u32 id, const struct record *rec)
{
	const struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[id];

	return id && id < SL_EP_MAX && !eps->slots[id] && ep->flags & SL_EP_FLAG_USED &&
	       ep->ifindex == (__u32)rec->host_ifindex &&
	       !memcmp(ep->addr, rec->addr, sizeof(ep->addr)) && !memcmp(ep->mac, rec->mac, 6);
}

static __u32 recover_id(struct endpoints *eps, const struct record *rec)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	struct sl_addr_val val;

	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_zero(&rec->addr[f]) &&
		    !bpf_map_lookup_elem(fd, &rec->addr[f], &val) && val.kind == SL_ADDR_EP &&
		    ep_is(eps, val.id, rec))
			return val.id;
	}
	return 0;
}

static int recover_slot(struct endpoints *eps, struct slot *s)
{
	__u32 id = recover_id(eps, &s->ep.rec);
	int err;

	s->ep.id = id;
	if (!id && ep_id_alloc(eps, &s->ep.id))
		return -ENOSPC;
	ep_slot_link(eps, s);
	err = ep_kernel_add(eps, s, id != 0);
	return err ? err : ep_policy_add(eps, s);
}

static int recover_record(void *arg, const char *file, const struct record *rec, const char *why)
{
	struct endpoints *eps = arg;
	char text[256];
	struct slot *s;
	int err;

	if (!rec) {
		log_error("%s/%s/%s: %s", eps->ctx.state_dir, RECORD_DIR, file, why);
		return 0;
	}
	if (!rec->ready || ep_slot_find(eps, rec->container_id, rec->ifname))
		return 0;
	if (ep_check_device(eps, rec, text, sizeof(text)) ||
	    ep_check_addrs(eps, rec, text, sizeof(text))) {
		log_info("%s: %s", file, text);
		return 0;
	}
	s = ep_slot_new(rec);
	if (!s)
		return -ENOMEM;
	err = recover_slot(eps, s);
	if (!err)
		return 0;
	log_error("%s: %s", file, strerror(-err));
	if (eps->slots[s->ep.id] == s)
		ep_slot_remove(eps, s);
	else
		ep_slot_free(s);
	return 0;
}

/* sl_ep, sl_addr and sl_if entries that no endpoint stands behind. */
static int remove_strange_eps(struct endpoints *eps)
{
	int n = 0;

	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		if (eps->slots[id] || !(sluice_eps(eps->ctx.sl)[id].flags & SL_EP_FLAG_USED))
			continue;
		log_info("endpoint %u: no record or no device: removed", id);
		ep_kernel_remove(eps, id);
		n++;
	}
	return n;
}

static int remove_strange_addrs(struct endpoints *eps)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR), n = 0;
	union sl_addr key, next;
	struct sl_addr_val val;
	struct slot *s;
	int err = bpf_map_get_next_key(fd, NULL, &next);

	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &val) || val.kind != SL_ADDR_EP)
			continue;
		s = ep_slot_by_addr(eps, &key);
		if (s && s->ep.id == val.id)
			continue;
		bpf_map_delete_elem(fd, &key);
		n++;
	}
	return n;
}

static int remove_strange_ifs(struct endpoints *eps)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_IF), n = 0;
	__u32 key, next, id;
	int err = bpf_map_get_next_key(fd, NULL, &next);

	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &id) ||
		    (id < SL_EP_MAX && eps->slots[id] &&
		     eps->slots[id]->ep.rec.host_ifindex == (int)key))
			continue;
		bpf_map_delete_elem(fd, &key);
		n++;
	}
	return n;
}

static int remove_strange(struct endpoints *eps)
{
	int n = remove_strange_eps(eps) + remove_strange_addrs(eps) + remove_strange_ifs(eps);

	endpoints_sweep(eps);
	return n;
}

static int read_records(struct endpoints *eps)
{
	int dir = record_dir_open(eps->ctx.state_dir, true), err;

	if (dir < 0)
		return dir;
	err = record_each(dir, recover_record, eps);
	close(dir);
	return err;
}

int endpoints_recover(struct endpoints *eps)
{
	int err = read_records(eps);

	if (!err)
		remove_strange(eps);
	return err;
}

int endpoints_reconcile(struct endpoints *eps)
{
	char why[256];
	int n = 0;

	eps->netns_swept = false;
	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		struct slot *s = eps->slots[id];

		if (!s)
			continue;
		s->netns_told = false;
		if (ep_check_device(eps, &s->ep.rec, why, sizeof(why))) {
			log_info("endpoint %u: %s", id, why);
			ep_slot_remove(eps, s);
			n++;
		} else if (ep_check_maps(eps, s, why, sizeof(why)) ||
			   ep_check_programs(eps, s, why, sizeof(why))) {
			log_warning("endpoint %u: %s: repaired", id, why);
			ep_kernel_add(eps, s, true);
			n++;
		}
	}
	return n + remove_strange(eps);
}
