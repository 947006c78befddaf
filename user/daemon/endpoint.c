// SPDX-License-Identifier: GPL-2.0
#include "daemon/endpoint.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/addr.h"

#define ADDR_BUCKETS 1024

struct addr_ref {
	struct addr_ref *next;
	struct slot *slot;
	union sl_addr addr;
};

struct slot {
	struct endpoint ep;
	struct addr_ref ref[__SL_FAMILY_MAX];
};

struct endpoints {
	struct endpoints_ctx ctx;
	struct slot *slots[SL_EP_MAX];
	struct addr_ref *buckets[ADDR_BUCKETS];
	unsigned int count;
	__u32 last_id;			/* ids go round, so that one rests before it comes again */
	bool dying[SL_EP_MAX];		/* left, flows not swept yet */
	bool dying_any;
};

/* ---------------------------------------------------------------- look-ups */

static struct addr_ref **addr_bucket(const struct endpoints *eps, const union sl_addr *a)
{
	__u64 h = (a->d[0] ^ a->d[1]) * 0x9e3779b97f4a7c15ULL;

	return (struct addr_ref **)&eps->buckets[h >> 54];
}

_Static_assert(ADDR_BUCKETS == 1 << (64 - 54), "the hash has as many bits as there are buckets");

static void slot_link(struct endpoints *eps, struct slot *s)
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		struct addr_ref **head = addr_bucket(eps, &s->ep.rec.addr[f]);

		if (addr_is_zero(&s->ep.rec.addr[f]))
			continue;
		s->ref[f] = (struct addr_ref){ *head, s, s->ep.rec.addr[f] };
		*head = &s->ref[f];
	}
	eps->slots[s->ep.id] = s;
	eps->count++;
}

static void slot_unlink(struct endpoints *eps, struct slot *s)
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		struct addr_ref **p = addr_bucket(eps, &s->ep.rec.addr[f]);

		while (*p && *p != &s->ref[f])
			p = &(*p)->next;
		if (*p)
			*p = s->ref[f].next;
	}
	eps->slots[s->ep.id] = NULL;
	eps->count--;
}

static struct slot *slot_by_addr(const struct endpoints *eps, const union sl_addr *addr)
{
	struct addr_ref *r = *addr_bucket(eps, addr);

	while (r && !addr_equal(&r->addr, addr))
		r = r->next;
	return r ? r->slot : NULL;
}

static struct slot *slot_find(const struct endpoints *eps, const char *container,
			      const char *ifname)
{
	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		struct slot *s = eps->slots[id];

		if (s && !strcmp(s->ep.rec.container_id, container) &&
		    !strcmp(s->ep.rec.ifname, ifname))
			return s;
	}
	return NULL;
}

static struct slot *slot_by_ifindex(const struct endpoints *eps, int ifindex)
{
	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		if (eps->slots[id] && eps->slots[id]->ep.rec.host_ifindex == ifindex)
			return eps->slots[id];
	}
	return NULL;
}

const struct endpoint *endpoint_by_id(const struct endpoints *eps, __u32 id)
{
	return id < SL_EP_MAX && eps->slots[id] ? &eps->slots[id]->ep : NULL;
}

const struct endpoint *endpoint_by_addr(const struct endpoints *eps, const union sl_addr *addr)
{
	struct slot *s = slot_by_addr(eps, addr);

	return s ? &s->ep : NULL;
}

bool endpoints_has_ifindex(const struct endpoints *eps, int ifindex)
{
	return slot_by_ifindex(eps, ifindex);
}

unsigned int endpoints_count(const struct endpoints *eps)
{
	return eps->count;
}

static void slot_free(struct slot *s)
{
	record_clear(&s->ep.rec);
	free(s);
}

/* By way of JSON: the one form that knows all of a record. */
static struct slot *slot_new(const struct record *rec)
{
	struct slot *s = calloc(1, sizeof(*s));
	json_t *doc = record_json(rec);
	char why[256];

	if (!s || !doc || record_parse(doc, &s->ep.rec, why, sizeof(why))) {
		free(s);
		s = NULL;
	}
	json_decref(doc);
	return s;
}

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
	    val.kind == SL_ADDR_EP && val.id == id)
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
static void kernel_remove(struct endpoints *eps, __u32 id)
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
	if (err)
		log_warning("%s: IPv6 forwarding: %s", rec->host_ifname, strerror(-err));
}

static int kernel_add(struct endpoints *eps, const struct slot *s, bool keep_policy)
{
	struct sl_ep *ep = &sluice_eps(eps->ctx.sl)[s->ep.id];
	int err;

	if (!keep_policy)
		sluice_ep_set_policy(ep, closed_word(sluice_ep_policy(ep)));
	ep_fill(ep, &s->ep.rec);
	device_prepare(eps, &s->ep.rec);
	err = sluice_attach(eps->ctx.sl, s->ep.rec.host_ifindex,
			    s->ep.rec.netkit ? SLUICE_ATTACH_NETKIT : SLUICE_ATTACH_VETH);
	return err ? err : kernel_add_maps(eps, s);
}

static int policy_add(struct endpoints *eps, const struct slot *s)
{
	return policy_endpoint_add(eps->ctx.pol, s->ep.id, s->ep.rec.pod_namespace,
				   s->ep.rec.pod_name, s->ep.rec.addr);
}

/* --------------------------------------------------------------- add, delete */

__attribute__((format(printf, 4, 5)))
static int complain(int err, char *why, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, len, fmt, ap);
	va_end(ap);
	return err;
}

/* The device that the record names, under that number and no other's. */
static int device_check(struct endpoints *eps, const struct record *rec, char *why, size_t len)
{
	static const __u8 none[6];
	struct rt_link link;
	int err = rt_link_get(eps->ctx.rt, rec->host_ifindex, &link);

	if (err)
		return complain(-ENODEV, why, len, "device %s (%d): %s", rec->host_ifname,
				rec->host_ifindex, strerror(-err));
	if (strcmp(link.name, rec->host_ifname))
		return complain(-ENODEV, why, len, "device %d is %s and not %s",
				rec->host_ifindex, link.name, rec->host_ifname);
	if (memcmp(rec->host_mac, none, 6) && memcmp(rec->host_mac, link.mac, 6))
		return complain(-ENODEV, why, len, "device %s has another MAC address than its record",
				rec->host_ifname);
	return 0;
}

static bool same_endpoint(const struct record *a, const struct record *b)
{
	return a->host_ifindex == b->host_ifindex && a->netkit == b->netkit && a->mtu == b->mtu &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr)) && !memcmp(a->mac, b->mac, 6) &&
	       !memcmp(a->host_mac, b->host_mac, 6) &&
	       !strcmp(a->pod_namespace, b->pod_namespace) && !strcmp(a->pod_name, b->pod_name);
}

/* Neither another endpoint's nor the node's own. */
static int addr_check(struct endpoints *eps, const struct record *rec, char *why, size_t len)
{
	int fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	char text[SLUICE_ADDR_STRLEN];
	struct sl_addr_val val;
	struct slot *s;

	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		const union sl_addr *a = &rec->addr[f];

		if (addr_is_zero(a))
			continue;
		s = slot_by_addr(eps, a);
		if (s)
			return complain(-EEXIST, why, len, "address %s is in use by %s/%s (%s)",
					sluice_addr_format(a, text), s->ep.rec.pod_namespace,
					s->ep.rec.pod_name, s->ep.rec.container_id);
		if (!bpf_map_lookup_elem(fd, a, &val) && val.kind == SL_ADDR_HOST)
			return complain(-EEXIST, why, len, "address %s is the node's own",
					sluice_addr_format(a, text));
	}
	s = slot_by_ifindex(eps, rec->host_ifindex);
	if (s)
		return complain(-EEXIST, why, len, "device %s is in use by %s/%s", rec->host_ifname,
				s->ep.rec.pod_namespace, s->ep.rec.pod_name);
	return 0;
}

static int id_alloc(struct endpoints *eps, __u32 *out)
{
	for (__u32 i = 0; i < SL_EP_MAX - 1; i++) {
		__u32 id = (eps->last_id + i) % (SL_EP_MAX - 1) + 1;

		if (eps->slots[id] || sluice_eps(eps->ctx.sl)[id].flags & SL_EP_FLAG_USED)
			continue;
		eps->last_id = id;
		*out = id;
		return 0;
	}
	return -ENOSPC;
}

static void slot_remove(struct endpoints *eps, struct slot *s)
{
	kernel_remove(eps, s->ep.id);
	policy_endpoint_del(eps->ctx.pol, s->ep.id);
	slot_unlink(eps, s);
	slot_free(s);
}

static int slot_open(struct endpoints *eps, struct slot *s, char *why, size_t len)
{
	const char *what = "programs and tables";
	int err;

	err = kernel_add(eps, s, false);
	if (err)
		goto out;
	what = "policy";
	err = policy_add(eps, s);
	if (!err)
		err = eps->ctx.commit(eps->ctx.arg);
out:
	return err ? complain(err, why, len, "%s: %s", what, strerror(-err)) : 0;
}

int endpoint_add(struct endpoints *eps, const struct record *rec, __u32 *id, char *why,
		 size_t len)
{
	struct slot *s = slot_find(eps, rec->container_id, rec->ifname);
	int err;

	if (!rec->ready)
		return complain(-EINVAL, why, len, "the record is not ready");
	if (s && same_endpoint(&s->ep.rec, rec)) {
		*id = s->ep.id;
		return 0;
	}
	err = device_check(eps, rec, why, len);
	if (err)
		return err;
	if (s)
		slot_remove(eps, s);
	err = addr_check(eps, rec, why, len);
	if (err)
		return err;
	/* The address may be one that just left: its flows go first. */
	endpoints_sweep(eps);
	s = slot_new(rec);
	if (!s)
		return complain(-ENOMEM, why, len, "out of memory");
	if (id_alloc(eps, &s->ep.id)) {
		slot_free(s);
		return complain(-ENOSPC, why, len, "all %d endpoint ids are in use", SL_EP_MAX - 1);
	}
	slot_link(eps, s);
	err = slot_open(eps, s, why, len);
	if (err) {
		slot_remove(eps, s);
		return err;
	}
	*id = s->ep.id;
	log_info("endpoint %u: %s/%s on %s", *id, rec->pod_namespace, rec->pod_name,
		 rec->host_ifname);
	return 0;
}

int endpoint_del(struct endpoints *eps, const char *container, const char *ifname)
{
	struct slot *s = slot_find(eps, container, ifname);

	if (!s)
		return 0;
	log_info("endpoint %u: %s/%s removed", s->ep.id, s->ep.rec.pod_namespace,
		 s->ep.rec.pod_name);
	slot_remove(eps, s);
	return 0;
}

void endpoints_link_gone(struct endpoints *eps, int ifindex)
{
	struct slot *s = slot_by_ifindex(eps, ifindex);

	if (s) {
		log_info("endpoint %u: %s/%s: device %s is gone", s->ep.id,
			 s->ep.rec.pod_namespace, s->ep.rec.pod_name, s->ep.rec.host_ifname);
		slot_remove(eps, s);
	}
	/* Pins of links whose device went: an endpoint's or an old uplink's. */
	sluice_detach(eps->ctx.sl, ifindex);
}

/* ------------------------------------------------------------------- check */

static int check_maps(struct endpoints *eps, const struct slot *s, char *why, size_t len)
{
	int addr_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_ADDR);
	int if_fd = sluice_map_fd(eps->ctx.sl, SL_MAP_IF);
	__u32 ifindex = (__u32)s->ep.rec.host_ifindex, id;
	char text[SLUICE_ADDR_STRLEN];
	struct sl_addr_val val;

	if (bpf_map_lookup_elem(if_fd, &ifindex, &id) || id != s->ep.id)
		return complain(-ESTALE, why, len, "sl_if has no entry for %s",
				s->ep.rec.host_ifname);
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		const union sl_addr *a = &s->ep.rec.addr[f];

		if (!addr_is_zero(a) &&
		    (bpf_map_lookup_elem(addr_fd, a, &val) || val.kind != SL_ADDR_EP ||
		     val.id != s->ep.id))
			return complain(-ESTALE, why, len, "sl_addr has no entry for %s",
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
		return complain(-ESTALE, why, len, "sl_ep[%u] is not this endpoint's", s->ep.id);
	if ((word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK) == SL_RULESET_CLOSED)
		return complain(-ESTALE, why, len, "the endpoint is closed: no policy in force");
	return 0;
}

struct attached {
	int ifindex;
	bool found;
};

static int attached_find(void *arg, int ifindex, enum sluice_attach how)
{
	struct attached *a = arg;

	if (ifindex == a->ifindex && (how == SLUICE_ATTACH_VETH || how == SLUICE_ATTACH_NETKIT))
		a->found = true;
	return 0;
}

int endpoint_check(struct endpoints *eps, const char *container, const char *ifname, char *why,
		   size_t len)
{
	struct slot *s = slot_find(eps, container, ifname);
	struct attached a;
	int err;

	if (!s)
		return complain(-ENOENT, why, len, "no endpoint for %s of container %s", ifname,
				container);
	err = device_check(eps, &s->ep.rec, why, len);
	if (!err)
		err = check_ep(eps, s, why, len);
	if (!err)
		err = check_maps(eps, s, why, len);
	if (err)
		return err;
	a = (struct attached){ .ifindex = s->ep.rec.host_ifindex };
	sluice_attached(eps->ctx.sl, attached_find, &a);
	return a.found ? 0 : complain(-ESTALE, why, len, "no programs on %s",
				      s->ep.rec.host_ifname);
}

/* ------------------------------------------------- what an earlier one left */

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
	if (!id && id_alloc(eps, &s->ep.id))
		return -ENOSPC;
	slot_link(eps, s);
	err = kernel_add(eps, s, id != 0);
	return err ? err : policy_add(eps, s);
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
	if (!rec->ready || slot_find(eps, rec->container_id, rec->ifname))
		return 0;
	if (device_check(eps, rec, text, sizeof(text)) || addr_check(eps, rec, text, sizeof(text))) {
		log_info("%s: %s", file, text);
		return 0;
	}
	s = slot_new(rec);
	if (!s)
		return -ENOMEM;
	err = recover_slot(eps, s);
	if (!err)
		return 0;
	log_error("%s: %s", file, strerror(-err));
	if (eps->slots[s->ep.id] == s)
		slot_remove(eps, s);
	else
		slot_free(s);
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
		kernel_remove(eps, id);
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
		s = slot_by_addr(eps, &key);
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

	for (__u32 id = 1; id < SL_EP_MAX; id++) {
		struct slot *s = eps->slots[id];

		if (!s)
			continue;
		if (device_check(eps, &s->ep.rec, why, sizeof(why))) {
			log_info("endpoint %u: %s", id, why);
			slot_remove(eps, s);
			n++;
		} else if (check_maps(eps, s, why, sizeof(why))) {
			log_warning("endpoint %u: %s: repaired", id, why);
			kernel_add(eps, s, true);
			n++;
		}
	}
	return n + remove_strange(eps);
}

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
			slot_free(eps->slots[id]);
	}
	free(eps);
}
