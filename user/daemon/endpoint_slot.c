// SPDX-License-Identifier: GPL-2.0
/* Endpoints: who has which id, address, device and container. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/addr.h"
#include "daemon/endpoint_impl.h"

static struct addr_ref **addr_bucket(const struct endpoints *eps, const union sl_addr *a)
{
	__u64 h = (a->d[0] ^ a->d[1]) * 0x9e3779b97f4a7c15ULL;

	return (struct addr_ref **)&eps->buckets[h >> 54];
}

_Static_assert(ADDR_BUCKETS == 1 << (64 - 54), "the hash has as many bits as there are buckets");

void ep_slot_link(struct endpoints *eps, struct slot *s)
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

void ep_slot_unlink(struct endpoints *eps, struct slot *s)
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

struct slot *ep_slot_by_addr(const struct endpoints *eps, const union sl_addr *addr)
{
	struct addr_ref *r = *addr_bucket(eps, addr);

	while (r && !addr_equal(&r->addr, addr))
		r = r->next;
	return r ? r->slot : NULL;
}

struct slot *ep_slot_find(const struct endpoints *eps, const char *container,
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

struct slot *ep_slot_by_ifindex(const struct endpoints *eps, int ifindex)
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
	struct slot *s = ep_slot_by_addr(eps, addr);

	return s ? &s->ep : NULL;
}

bool endpoints_has_ifindex(const struct endpoints *eps, int ifindex)
{
	return ep_slot_by_ifindex(eps, ifindex);
}

unsigned int endpoints_count(const struct endpoints *eps)
{
	return eps->count;
}

void ep_slot_free(struct slot *s)
{
	record_clear(&s->ep.rec);
	free(s);
}

/* By way of JSON: the one form that knows all of a record. */
struct slot *ep_slot_new(const struct record *rec)
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

int ep_id_alloc(struct endpoints *eps, __u32 *out)
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
