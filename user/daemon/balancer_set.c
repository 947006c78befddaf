// SPDX-License-Identifier: GPL-2.0
/* Sets of backends and the pages they lie on; see balancer_impl.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/balancer_impl.h"

int bal_set_room(struct balancer *b, unsigned int n)
{
	struct maglev_backend *mb;

	if (n <= b->nmb)
		return 0;
	mb = realloc(b->mb, n * sizeof(*mb));
	if (!mb)
		return -ENOMEM;
	b->mb = mb;
	b->nmb = n;
	return 0;
}

static bool is_listed(const struct svc_port *p, enum sl_svc_scope scope, unsigned int i)
{
	return p->plan.backend[i].lists >> scope & 1;
}

static unsigned int count(const struct svc_port *p, enum sl_svc_scope scope)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->plan.nbackends; i++)
		n += is_listed(p, scope, i);
	return n;
}

/* Both lie in scratch, with zeros up to the end of the page. */
static unsigned int make_list(struct balancer *b, const struct svc_port *p,
			      enum sl_svc_scope scope)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->plan.nbackends; i++)
		if (is_listed(p, scope, i))
			b->table[n++] = p->plan.backend[i].id;
	memset(b->table + n, 0, SL_SET_PAGE * sizeof(b->table[0]));
	return n;
}

static void make_table(struct balancer *b, const struct svc_port *p, enum sl_svc_scope scope)
{
	const struct plan_backend *pb;
	unsigned int i, n = 0;
	__u32 size = word_maglev(p->word[scope]);

	for (i = 0; i < p->plan.nbackends; i++) {
		pb = &p->plan.backend[i];
		if (is_listed(p, scope, i))
			b->mb[n++] = (struct maglev_backend){
				.hash = maglev_hash(&pb->addr, pb->port), .id = pb->id, .weight = 1,
			};
	}
	maglev_build(b->mb, n, b->table, size);
	memset(b->table + size, 0, SL_SET_PAGE * sizeof(b->table[0]));
}

static void write_pages(struct balancer *b, __u32 page, unsigned int entries)
{
	unsigned int i;

	for (i = 0; i < entries; i += SL_SET_PAGE, page++)
		bal_put(b, SL_MAP_SET, &page, b->table + i);
}

void bal_set_write(struct balancer *b, const struct svc_port *p, enum sl_svc_scope scope)
{
	__u32 page = word_page(p->word[scope]), size = word_maglev(p->word[scope]);
	unsigned int n = make_list(b, p, scope);

	write_pages(b, page, n);
	if (!size)
		return;
	make_table(b, p, scope);
	write_pages(b, page + pages_of(n), size);
}

/* 1: they are equal. */
static int check_pages(struct balancer *b, __u32 page, unsigned int entries)
{
	struct sl_set_page v;
	unsigned int i;
	int err;

	for (i = 0; i < entries; i += SL_SET_PAGE, page++) {
		err = b->t->lookup(b->t->ctx, SL_MAP_SET, &page, &v);
		if (err)
			return err;
		if (memcmp(&v, b->table + i, sizeof(v)))
			return 0;
	}
	return 1;
}

int bal_set_check(struct balancer *b, const struct svc_port *p, enum sl_svc_scope scope)
{
	__u32 page = word_page(p->word[scope]), size = word_maglev(p->word[scope]);
	unsigned int n = make_list(b, p, scope);
	int same = check_pages(b, page, n);

	if (same <= 0 || !size)
		return same;
	make_table(b, p, scope);
	return check_pages(b, page + pages_of(n), size);
}

/* The same ids in the same order, as the word of @old says. */
static bool same_list(const struct svc_port *old, const struct svc_port *new,
		      enum sl_svc_scope scope)
{
	unsigned int i = 0, j = 0;

	for (;;) {
		while (i < old->plan.nbackends && !is_listed(old, scope, i))
			i++;
		while (j < new->plan.nbackends && !is_listed(new, scope, j))
			j++;
		if (i == old->plan.nbackends || j == new->plan.nbackends)
			return i == old->plan.nbackends && j == new->plan.nbackends;
		if (old->plan.backend[i++].id != new->plan.backend[j++].id)
			return false;
	}
}

static bool keeps_set(const struct svc_port *p, enum sl_svc_scope scope)
{
	const struct svc_port *old = p->was;
	bool table = p->plan.maglev >> scope & 1;

	return old && old->word[scope] && !(old->stale >> scope & 1) &&
	       !word_maglev(old->word[scope]) == !table && same_list(old, p, scope);
}

/* A table that doesn't fit is made smaller: shares are less even, and that is all. */
int bal_set_place(struct balancer *b, struct svc_port *p, enum sl_svc_scope scope)
{
	bool table = p->plan.maglev >> scope & 1;
	unsigned int n = p->plan.scopes >> scope & 1 ? count(p, scope) : 0;
	__u32 size = table ? maglev_size(n) : 0, first;

	p->word[scope] = 0;
	if (!n)
		return 0;
	if (keeps_set(p, scope)) {
		p->word[scope] = p->was->word[scope];
		return 0;
	}
	if (n > SL_SVC_FIELD_MASK)
		return -ENOSPC;
	while (!(first = idpool_get(&b->pages, pages_of(n) + pages_of(size)))) {
		size = maglev_size_below(size);
		if (!size)
			return -ENOSPC;
	}
	p->word[scope] = (__u64)size << SL_SVC_MAGLEV_SHIFT | (__u64)n << SL_SVC_COUNT_SHIFT | first;
	return 0;
}
