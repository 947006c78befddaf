// SPDX-License-Identifier: GPL-2.0
/* The object model: pods and their endpoints. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/addr.h"
#include "daemon/model_impl.h"

uint64_t model_pod_hash(const void *item)
{
	const struct model_pod *pod = item;

	return hash_u64(pod->ns->name->node.hash, hash_str(0, pod->name));
}

struct model_pod *model_pod_lookup(const struct model *m, const struct str *ns, const char *name)
{
	struct model_pod *pod;
	size_t i;

	if (!ns)
		return NULL;
	ptab_each_hash(&m->pods, pod, hash_u64(ns->node.hash, hash_str(0, name)), i)
		if (pod->ns->name == ns && !strcmp(pod->name, name))
			return pod;
	return NULL;
}

struct model_pod *model_pod_find(const struct model *m, const char *ns, const char *name)
{
	return model_pod_lookup(m, str_find(ns), name);
}

static struct model_pod *get_pod(struct model *m, struct str *nsname, const char *name)
{
	struct model_pod *pod = model_pod_lookup(m, nsname, name);
	struct model_ns *ns;

	if (pod)
		return pod;
	ns = model_ns_get(m, nsname);
	if (!ns)
		return NULL;
	pod = calloc(1, offsetof(struct model_pod, name) + strlen(name) + 1);
	if (!pod)
		goto err_ns;
	pod->ns = ns;
	strcpy(pod->name, name);
	if (ptab_add(&m->pods, pod))
		goto err_pod;
	ns->npods++;
	return pod;

err_pod:
	free(pod);
err_ns:
	model_ns_put(m, ns);
	return NULL;
}

static void put_pod(struct model *m, struct model_pod *pod)
{
	struct model_ns *ns = pod->ns;

	if (pod->has_object || pod->ep)
		return;
	ptab_del(&m->pods, pod);
	free(pod);
	ns->npods--;
	model_ns_put(m, ns);
}

/* ---------------------------------------------------------- what it says */

void model_pod_says(const struct model_pod *pod, struct object_pod *out)
{
	*out = (struct object_pod){
		.uid = pod->uid, .labels = pod->labels, .ports = pod->ports, .node = pod->node,
		.host_network = pod->host_network, .ended = pod->ended, .by_packet = pod->by_packet,
	};
	if (pod->v6)
		out->addr[SL_FAMILY_V6] = *pod->v6;
	if (pod->has_v4) {
		out->addr[SL_FAMILY_V4].h[5] = 0xffff;
		out->addr[SL_FAMILY_V4].w[3] = pod->v4;
	}
}

static void forget(struct model_pod *pod)
{
	labels_put(pod->labels);
	pod_ports_put(pod->ports);
	str_put(pod->node);
	free(pod->v6);
	pod->labels = NULL;
	pod->ports = NULL;
	pod->node = NULL;
	pod->v6 = NULL;
	pod->uid = 0;
	pod->has_object = pod->has_v4 = pod->host_network = pod->ended = pod->by_packet = false;
}

/* @v6: taken over. */
static void learn(struct model_pod *pod, const struct object_pod *says, union sl_addr *v6)
{
	/* what is said may be what the pod holds itself */
	struct labels *labels = labels_ref(says->labels);
	struct pod_ports *ports = pod_ports_ref(says->ports);
	struct str *node = str_ref(says->node);

	forget(pod);
	pod->labels = labels;
	pod->ports = ports;
	pod->node = node;
	pod->v6 = v6;
	pod->v4 = says->addr[SL_FAMILY_V4].w[3];
	pod->uid = says->uid;
	pod->has_v4 = addr_is_set(&says->addr[SL_FAMILY_V4]);
	pod->host_network = says->host_network;
	pod->ended = says->ended;
	pod->by_packet = says->by_packet;
	pod->has_object = true;
}

void model_pod_free(struct model_pod *pod)
{
	forget(pod);
	free(pod);
}

/* ------------------------------------------------------------- addresses */

struct addrs {
	union sl_addr of[__SL_FAMILY_MAX];	/* all zero: none */
};

/*
 * The addresses that an object gives its pod. An endpoint knows better; the
 * addresses of hostNetwork pods are the node's, and an ended pod has none.
 */
static struct addrs given(const struct model_pod *pod, const struct object_pod *says)
{
	struct addrs a = {};

	if (!pod->ep && !says->host_network && !says->ended)
		memcpy(a.of, says->addr, sizeof(a.of));
	return a;
}

static struct addrs given_now(const struct model_pod *pod)
{
	struct object_pod says;

	model_pod_says(pod, &says);
	return given(pod, &says);
}

/* Those that it has in fact: there may have been no memory for one. */
static struct addrs claimed(const struct model *m, const struct model_pod *pod)
{
	struct addrs a = given_now(pod);
	const struct model_addr *known;
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		known = model_addr_find(m, &a.of[f]);
		if (!known || !model_claim_is(known, pod, 0))
			a.of[f] = (union sl_addr){};
	}
	return a;
}

/* Claims what is in @a and not in @b; -ENOMEM: some may be. */
static int claim(struct model *m, struct model_pod *pod, const struct addrs *a,
		 const struct addrs *b)
{
	int f, err = 0;

	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (addr_is_set(&a->of[f]) && !addr_equal(&a->of[f], &b->of[f]) &&
		    !model_claim_add(m, &a->of[f], pod, 0))
			err = -ENOMEM;
	return err;
}

/* Claims what is in @a and not in @b no more. */
static void unclaim(struct model *m, struct model_pod *pod, const struct addrs *a,
		    const struct addrs *b)
{
	struct model_addr *known;
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_set(&a->of[f]) || addr_equal(&a->of[f], &b->of[f]))
			continue;
		known = model_addr_find(m, &a->of[f]);
		if (known)
			model_claim_del(m, known, pod, 0);
	}
}

/* -ENOMEM: nothing has changed; without anything in @to it cannot happen. */
static int move_claims(struct model *m, struct model_pod *pod, const struct addrs *from,
		       const struct addrs *to)
{
	int err = claim(m, pod, to, from);

	if (err)
		unclaim(m, pod, to, from);
	else
		unclaim(m, pod, from, to);
	return err;
}

struct model_addr *model_pod_addr(const struct model *m, const struct model_pod *pod,
				  enum sl_family f)
{
	struct addrs a;

	if (pod->ep)
		return m->ep[pod->ep].addr[f];
	a = claimed(m, pod);
	return addr_is_set(&a.of[f]) ? model_addr_find(m, &a.of[f]) : NULL;
}

static void mark_endpoint(struct model *m, struct model_ep *ep)
{
	int f;

	ep->dirty = true;
	m->dirty_eps = true;
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (ep->addr[f])
			model_addr_mark(m, ep->addr[f]);
}

void model_pod_mark(struct model *m, struct model_pod *pod)
{
	struct model_ep *ep = pod->ep ? &m->ep[pod->ep] : NULL;
	struct model_addr *a;
	int f;

	for (f = 0; !ep && f < __SL_FAMILY_MAX; f++) {
		a = model_pod_addr(m, pod, f);
		if (a)
			model_addr_mark(m, a);
	}
	for (; ep; ep = ep->next)
		mark_endpoint(m, ep);
}

/* --------------------------------------------------------------- objects */

int model_pod_set(struct model *m, struct str *ns, const char *name,
		  const struct object_pod *says)
{
	struct model_pod *pod = get_pod(m, ns, name);
	union sl_addr *v6 = NULL;
	struct addrs from, to;

	if (!pod)
		return -ENOMEM;
	if (addr_is_set(&says->addr[SL_FAMILY_V6])) {
		v6 = malloc(sizeof(*v6));
		if (!v6)
			goto err_pod;
		*v6 = says->addr[SL_FAMILY_V6];
	}
	from = claimed(m, pod);
	to = given(pod, says);
	if (move_claims(m, pod, &from, &to))
		goto err_v6;
	m->npods += !pod->has_object;
	learn(pod, says, v6);
	model_pod_mark(m, pod);
	return 0;

err_v6:
	free(v6);
err_pod:
	put_pod(m, pod);
	return -ENOMEM;
}

void model_pod_delete(struct model *m, struct model_pod *pod)
{
	const struct addrs from = claimed(m, pod), none = {};

	model_pod_mark(m, pod);
	move_claims(m, pod, &from, &none);
	forget(pod);
	m->npods--;
	put_pod(m, pod);
}

/* ------------------------------------------------------------- endpoints */

static void unclaim_ep(struct model *m, struct model_ep *ep)
{
	int f;

	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (ep->addr[f])
			model_claim_del(m, ep->addr[f], ep->pod, ep - m->ep);
		ep->addr[f] = NULL;
	}
}

static int link_ep(struct model *m, struct model_ep *ep, struct model_pod *pod,
		   const union sl_addr addr[__SL_FAMILY_MAX])
{
	const struct addrs from = claimed(m, pod), none = {};
	int f;

	ep->pod = pod;
	for (f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_set(&addr[f]))
			continue;
		ep->addr[f] = model_claim_add(m, &addr[f], pod, ep - m->ep);
		if (!ep->addr[f]) {
			unclaim_ep(m, ep);
			ep->pod = NULL;
			return -ENOMEM;
		}
	}
	ep->next = pod->ep ? &m->ep[pod->ep] : NULL;
	pod->ep = ep - m->ep;
	if (m->ep_end <= pod->ep)
		m->ep_end = pod->ep + 1;
	move_claims(m, pod, &from, &none);
	model_pod_mark(m, pod);
	return 0;
}

static void unlink_ep(struct model *m, struct model_ep *ep)
{
	struct model_ep *before = &m->ep[ep->pod->ep];

	if (before == ep) {
		ep->pod->ep = ep->next ? ep->next - m->ep : 0;
	} else {
		while (before->next != ep)
			before = before->next;
		before->next = ep->next;
	}
	ep->next = NULL;
}

int model_ep_add(struct model *m, __u32 id, const char *ns, const char *pod,
		 const union sl_addr addr[__SL_FAMILY_MAX])
{
	struct model_pod *p;
	struct str *name;
	int err = -ENOMEM;

	if (!id || id >= SL_EP_MAX)
		return -EINVAL;
	if (m->ep[id].pod)
		return -EEXIST;
	name = str_get(ns, strlen(ns));
	p = name ? get_pod(m, name, pod) : NULL;
	if (p) {
		err = link_ep(m, &m->ep[id], p, addr);
		if (err)
			put_pod(m, p);
	}
	str_put(name);
	return err;
}

int model_ep_del(struct model *m, __u32 id)
{
	const struct addrs none = {};
	struct model_ep *ep;
	struct model_pod *pod;
	struct addrs to;

	if (id >= SL_EP_MAX || !m->ep[id].pod)
		return -ENOENT;
	ep = &m->ep[id];
	pod = ep->pod;
	unlink_ep(m, ep);
	unclaim_ep(m, ep);
	ep->pod = NULL;
	ep->dirty = true;
	m->dirty_eps = true;
	/* without memory the address stays unknown to selectors: fewer may speak, not more */
	to = given_now(pod);
	move_claims(m, pod, &none, &to);
	put_pod(m, pod);
	return 0;
}
