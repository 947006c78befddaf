// SPDX-License-Identifier: GPL-2.0
/* The object model: addresses, and who claims which. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/model_impl.h"

uint64_t model_addr_hash(const void *item)
{
	return hash_bytes(0, &((const struct model_addr *)item)->addr, sizeof(union sl_addr));
}

struct model_addr *model_addr_find(const struct model *m, const union sl_addr *addr)
{
	struct model_addr *a;
	size_t i;

	ptab_each_hash(&m->addrs, a, hash_bytes(0, addr, sizeof(*addr)), i)
		if (!memcmp(&a->addr, addr, sizeof(*addr)))
			return a;
	return NULL;
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
	if (ptab_add(&m->addrs, a)) {
		free(a);
		return NULL;
	}
	/* marked from the start: it is reaped then if no claim follows */
	model_addr_mark(m, a);
	return a;
}

void model_addr_free(struct model_addr *a)
{
	if (a->nclaims > 1)
		free(a->claims);
	free(a);
}

void model_addr_reap(struct model *m, struct model_addr *a)
{
	ptab_del(&m->addrs, a);
	model_addr_free(a);
}

/* ----------------------------------------------------------------- marks */

void model_addr_mark(struct model *m, struct model_addr *a)
{
	if (a->dirty)
		return;
	a->dirty = true;
	if (m->ndirty < MODEL_DIRTY_MAX)
		m->dirty[m->ndirty++] = a;
	else
		m->dirty_more = true;
}

/* Fills the list, which is empty, from where the last look at the table ended. */
static void find_marked(struct model *m)
{
	bool whole = !m->dirty_pos;
	struct model_addr *a;

	while (m->ndirty < MODEL_DIRTY_MAX) {
		a = ptab_walk(&m->addrs, &m->dirty_pos);
		if (!a) {
			/* those that moved meanwhile are met by a look at the whole table */
			m->dirty_more = !whole || m->ndirty;
			m->dirty_pos = 0;
			return;
		}
		if (a->dirty)
			m->dirty[m->ndirty++] = a;
	}
}

struct model_addr *model_addr_unmark(struct model *m)
{
	struct model_addr *a;

	while (!m->ndirty && m->dirty_more)
		find_marked(m);
	if (!m->ndirty)
		return NULL;
	a = m->dirty[--m->ndirty];
	a->dirty = false;
	return a;
}

/* ---------------------------------------------------------------- claims */

struct model_claim model_addr_claim(const struct model_addr *a, unsigned int i)
{
	return a->nclaims > 1 ? a->claims[i] : (struct model_claim){ a->pod, a->ep };
}

/* Where the claim is; @a->nclaims: nowhere. */
static unsigned int find_claim(const struct model_addr *a, const struct model_pod *pod, __u32 ep)
{
	struct model_claim c;
	unsigned int i;

	for (i = 0; i < a->nclaims; i++) {
		c = model_addr_claim(a, i);
		if (c.pod == pod && c.ep == ep)
			break;
	}
	return i;
}

bool model_claim_is(const struct model_addr *a, const struct model_pod *pod, __u32 ep)
{
	return find_claim(a, pod, ep) < a->nclaims;
}

static int append(struct model_addr *a, struct model_pod *pod, __u32 ep)
{
	const struct model_claim only = { a->pod, a->ep };
	struct model_claim *v;

	if (!a->nclaims) {
		a->pod = pod;
		a->ep = ep;
	} else {
		v = realloc(a->nclaims > 1 ? a->claims : NULL, (a->nclaims + 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		if (a->nclaims == 1)
			v[0] = only;
		v[a->nclaims] = (struct model_claim){ pod, ep };
		a->claims = v;
	}
	a->nclaims++;
	return 0;
}

struct model_addr *model_claim_add(struct model *m, const union sl_addr *addr,
				   struct model_pod *pod, __u32 ep)
{
	struct model_addr *a = get_addr(m, addr);

	if (!a || append(a, pod, ep))
		return NULL;
	model_addr_mark(m, a);
	return a;
}

static void take_out(struct model_addr *a, unsigned int i)
{
	struct model_claim *v = a->claims;

	if (--a->nclaims)
		v[i] = v[a->nclaims];
	if (a->nclaims == 1) {
		a->pod = v[0].pod;
		a->ep = v[0].ep;
		free(v);
	}
}

void model_claim_del(struct model *m, struct model_addr *a, const struct model_pod *pod, __u32 ep)
{
	unsigned int i = find_claim(a, pod, ep);

	if (i < a->nclaims)
		take_out(a, i);
	model_addr_mark(m, a);
}
