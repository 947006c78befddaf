// SPDX-License-Identifier: GPL-2.0
/* The object model: pods, their endpoints, and who claims which address. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/model_impl.h"

/* ------------------------------------------------------------- addresses */

struct model_addr *model_addr_find(const struct model *m, const union sl_addr *a)
{
	struct hnode *n;

	htab_each_hash(&m->addrs, n, hash_bytes(0, a, sizeof(*a)))
		if (!memcmp(&container_of(n, struct model_addr, node)->addr, a, sizeof(*a)))
			return container_of(n, struct model_addr, node);
	return NULL;
}

void model_addr_mark(struct model *m, struct model_addr *a)
{
	if (a->dirty)
		return;
	a->dirty = true;
	a->dirty_next = m->dirty_addrs;
	m->dirty_addrs = a;
}

void model_addr_reap(struct model *m, struct model_addr *a)
{
	htab_del(&m->addrs, &a->node);
	free(a);
}

const struct model_claim *model_addr_claim(const struct model_addr *a, unsigned int i)
{
	return i ? &a->more[i - 1] : &a->first;
}

static struct model_addr *get_addr(struct model *m, const union sl_addr *addr)
{
	struct model_addr *a = model_addr_find(m, addr);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->addr = *addr;
	if (htab_add(&m->addrs, &a->node, hash_bytes(0, addr, sizeof(*addr)))) {
		free(a);
		return NULL;
	}
	/* on the list from the start: it is reaped there if no claim follows */
	model_addr_mark(m, a);
	return a;
}

static struct model_addr *claim(struct model *m, const union sl_addr *addr, struct model_pod *pod,
				__u32 ep)
{
	const struct model_claim c = { pod, ep };
	struct model_addr *a = get_addr(m, addr);
	struct model_claim *more;

	if (!a)
		return NULL;
	if (!a->nclaims) {
		a->first = c;
	} else {
		more = realloc(a->more, a->nclaims * sizeof(c));
		if (!more)
			return NULL;
		a->more = more;
		more[a->nclaims - 1] = c;
	}
	a->nclaims++;
	model_addr_mark(m, a);
	return a;
}

static void unclaim(struct model *m, struct model_addr *a, const struct model_pod *pod, __u32 ep)
{
	struct model_claim *c;
	unsigned int i;

	for (i = 0; i < a->nclaims; i++) {
		c = i ? &a->more[i - 1] : &a->first;
		if (c->pod != pod || c->ep != ep)
			continue;
		*c = *model_addr_claim(a, a->nclaims - 1);
		if (--a->nclaims <= 1) {
			free(a->more);
			a->more = NULL;
		}
		break;
	}
	model_addr_mark(m, a);
}

void model_pod_mark(struct model *m, struct model_pod *pod)
{
	struct model_ep *ep;
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (pod->addr[f])
			model_addr_mark(m, pod->addr[f]);
	for (ep = pod->eps; ep; ep = ep->next) {
		ep->dirty = true;
		m->dirty_eps = true;
		for (f = 0; f < __SL_FAMILY_MAX; f++)
			if (ep->addr[f])
				model_addr_mark(m, ep->addr[f]);
	}
}

/* ------------------------------------------------------------------ pods */

struct model_pod *model_pod_lookup(const struct model *m, const struct str *ns,
				    const struct str *name)
{
	struct model_pod *pod;
	struct hnode *n;

	if (!ns || !name)
		return NULL;
	htab_each_hash(&m->pods, n, model_key_hash(ns, name)) {
		pod = container_of(n, struct model_pod, node);
		if (pod->ns->name == ns && pod->name == name)
			return pod;
	}
	return NULL;
}

struct model_pod *model_pod_find(const struct model *m, const char *ns, const char *name)
{
	return model_pod_lookup(m, str_find(ns), str_find(name));
}

static struct model_pod *get_pod(struct model *m, struct str *nsname, struct str *name)
{
	struct model_pod *pod = model_pod_lookup(m, nsname, name);
	struct model_ns *ns;

	if (pod)
		return pod;
	ns = model_ns_get(m, nsname);
	if (!ns)
		return NULL;
	pod = calloc(1, sizeof(*pod));
	if (!pod || htab_add(&m->pods, &pod->node, model_key_hash(nsname, name))) {
		free(pod);
		model_ns_put(m, ns);
		return NULL;
	}
	pod->name = str_ref(name);
	pod->ns = ns;
	pod->next = ns->pods;
	pod->link = &ns->pods;
	if (pod->next)
		pod->next->link = &pod->next;
	ns->pods = pod;
	return pod;
}

static void put_pod(struct model *m, struct model_pod *pod)
{
	struct model_ns *ns = pod->ns;

	if (pod->obj || pod->eps)
		return;
	htab_del(&m->pods, &pod->node);
	*pod->link = pod->next;
	if (pod->next)
		pod->next->link = pod->link;
	str_put(pod->name);
	free(pod);
	model_ns_put(m, ns);
}

/*
 * The addresses that the pod's object gives it. An endpoint knows better; the
 * addresses of hostNetwork pods are the node's, and an ended pod has none.
 */
static int claim_object_addrs(struct model *m, struct model_pod *pod)
{
	const struct object_pod *obj = pod->obj;
	bool has = obj && !pod->eps && !obj->host_network && !obj->ended;
	int f, err = 0;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		struct model_addr *old = pod->addr[f];

		if (has && old && !memcmp(&old->addr, &obj->addr[f], sizeof(old->addr)))
			continue;
		pod->addr[f] = NULL;
		if (has && addr_is_set(&obj->addr[f])) {
			pod->addr[f] = claim(m, &obj->addr[f], pod, 0);
			if (!pod->addr[f])
				err = -ENOMEM;
		}
		if (old)
			unclaim(m, old, pod, 0);
	}
	return err;
}

int model_pod_apply(struct model *m, struct object *o)
{
	struct object_pod *obj = container_of(o, struct object_pod, o), *old;
	struct model_pod *pod = get_pod(m, o->ns, o->name);

	if (!pod)
		return -ENOMEM;
	old = pod->obj;
	pod->obj = obj;
	if (claim_object_addrs(m, pod)) {
		pod->obj = old;
		claim_object_addrs(m, pod);
		put_pod(m, pod);
		return -ENOMEM;
	}
	model_pod_mark(m, pod);
	if (old)
		object_free(&old->o);
	else
		m->npods++;
	return 0;
}

void model_pod_delete(struct model *m, struct model_pod *pod)
{
	model_pod_mark(m, pod);
	object_free(&pod->obj->o);
	pod->obj = NULL;
	m->npods--;
	claim_object_addrs(m, pod);
	put_pod(m, pod);
}

const struct model_addr *model_pod_addr(const struct model_pod *pod, enum sl_family f)
{
	return pod->eps ? pod->eps->addr[f] : pod->addr[f];
}

const struct labels *model_pod_labels(const struct model_pod *pod)
{
	return pod->obj ? pod->obj->labels : NULL;
}

__u16 model_pod_port(const struct model_pod *pod, const struct str *name, __u8 proto)
{
	return pod->obj ? pod_ports_number(pod->obj->ports, name, proto) : 0;
}

/* ------------------------------------------------------------- endpoints */

static void unclaim_ep(struct model *m, struct model_ep *ep)
{
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (ep->addr[f])
			unclaim(m, ep->addr[f], ep->pod, ep - m->ep);
		ep->addr[f] = NULL;
	}
}

static int link_ep(struct model *m, struct model_ep *ep, struct model_pod *pod,
		   const union sl_addr addr[__SL_FAMILY_MAX])
{
	int f;

	ep->pod = pod;
	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_set(&addr[f]))
			continue;
		ep->addr[f] = claim(m, &addr[f], pod, ep - m->ep);
		if (!ep->addr[f]) {
			unclaim_ep(m, ep);
			ep->pod = NULL;
			return -ENOMEM;
		}
	}
	ep->next = pod->eps;
	pod->eps = ep;
	claim_object_addrs(m, pod);	/* gives up addresses only: cannot fail */
	model_pod_mark(m, pod);
	return 0;
}

int model_ep_add(struct model *m, __u32 id, const char *ns, const char *pod,
		 const union sl_addr addr[__SL_FAMILY_MAX])
{
	struct str *nss, *names;
	struct model_pod *p = NULL;
	int err = -ENOMEM;

	if (!id || id >= SL_EP_MAX)
		return -EINVAL;
	if (m->ep[id].pod)
		return -EEXIST;
	nss = str_get(ns, strlen(ns));
	names = str_get(pod, strlen(pod));
	if (nss && names)
		p = get_pod(m, nss, names);
	if (p) {
		err = link_ep(m, &m->ep[id], p, addr);
		if (err)
			put_pod(m, p);
	}
	str_put(nss);
	str_put(names);
	return err;
}

int model_ep_del(struct model *m, __u32 id)
{
	struct model_ep *ep, **link;
	struct model_pod *pod;

	if (id >= SL_EP_MAX || !m->ep[id].pod)
		return -ENOENT;
	ep = &m->ep[id];
	pod = ep->pod;
	for (link = &pod->eps; *link != ep; link = &(*link)->next)
		;
	*link = ep->next;
	unclaim_ep(m, ep);
	ep->pod = NULL;
	ep->next = NULL;
	ep->dirty = true;
	m->dirty_eps = true;
	/* without memory the address stays unknown to selectors: fewer may speak, not more */
	claim_object_addrs(m, pod);
	put_pod(m, pod);
	return 0;
}
