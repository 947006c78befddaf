// SPDX-License-Identifier: GPL-2.0
/* The object model: services, and the slices that name them; see model_service.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/model_impl.h"

/* -------------------------------------------------------------- services */

struct model_service *model_service_lookup(const struct model *m, const struct str *ns,
					   const struct str *name)
{
	struct model_service *s;
	struct hnode *n;

	if (!ns || !name)
		return NULL;
	htab_each_hash(&m->services, n, model_key_hash(ns, name)) {
		s = container_of(n, struct model_service, node);
		if (s->ns == ns && s->name == name)
			return s;
	}
	return NULL;
}

struct model_service *model_service_find(const struct model *m, const char *ns, const char *name)
{
	return model_service_lookup(m, str_find(ns), str_find(name));
}

void model_service_mark(struct model *m, struct model_service *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->dirty_next = m->dirty_services;
	m->dirty_services = s;
}

void model_service_mark_all(struct model *m)
{
	struct hnode *n;

	htab_each(&m->services, n)
		model_service_mark(m, container_of(n, struct model_service, node));
}

struct model_service *model_service_next_dirty(struct model *m)
{
	struct model_service *s = m->dirty_services;

	if (!s)
		return NULL;
	m->dirty_services = s->dirty_next;
	s->dirty_next = NULL;
	s->dirty = false;
	return s;
}

static void free_service(struct model *m, struct model_service *s)
{
	htab_del(&m->services, &s->node);
	str_put(s->ns);
	str_put(s->name);
	free(s);
}

void model_service_reap(struct model *m, struct model_service *s)
{
	/* of one that is on the list the balancer hears again */
	if (!s->obj && !s->slices && !s->state && !s->dirty)
		free_service(m, s);
}

int model_service_each(const struct model *m, int (*cb)(struct model_service *s, void *arg),
		       void *arg)
{
	struct hnode *n;
	int ret = 0;

	htab_each(&m->services, n) {
		ret = cb(container_of(n, struct model_service, node), arg);
		if (ret)
			break;
	}
	return ret;
}

/* Made when it is not there; NULL without memory. */
static struct model_service *get_service(struct model *m, struct str *ns, struct str *name)
{
	struct model_service *s = model_service_lookup(m, ns, name);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || htab_add(&m->services, &s->node, model_key_hash(ns, name))) {
		free(s);
		return NULL;
	}
	s->ns = str_ref(ns);
	s->name = str_ref(name);
	return s;
}

int model_service_apply(struct model *m, struct object *o)
{
	struct model_service *s = get_service(m, o->ns, o->name);

	if (!s)
		return -ENOMEM;
	if (s->obj)
		object_free(&s->obj->o);
	else
		m->nservices++;
	s->obj = container_of(o, struct object_service, o);
	model_service_mark(m, s);
	return 0;
}

void model_service_delete(struct model *m, struct model_service *s)
{
	object_free(&s->obj->o);
	s->obj = NULL;
	m->nservices--;
	model_service_mark(m, s);
}

/* ---------------------------------------------------------------- slices */

struct model_slice *model_slice_lookup(const struct model *m, const struct str *ns,
				       const struct str *name)
{
	struct model_slice *slice;
	struct hnode *n;

	if (!ns || !name)
		return NULL;
	htab_each_hash(&m->slices, n, model_key_hash(ns, name)) {
		slice = container_of(n, struct model_slice, node);
		if (slice->obj->o.ns == ns && slice->obj->o.name == name)
			return slice;
	}
	return NULL;
}

static void link_slice(struct model *m, struct model_slice *slice, struct model_service *s)
{
	slice->svc = s;
	if (!s)
		return;
	slice->next = s->slices;
	s->slices = slice;
	model_service_mark(m, s);
}

static void unlink_slice(struct model *m, struct model_slice *slice)
{
	struct model_slice **link;

	if (!slice->svc)
		return;
	for (link = &slice->svc->slices; *link != slice; link = &(*link)->next)
		;
	*link = slice->next;
	slice->next = NULL;
	model_service_mark(m, slice->svc);
	slice->svc = NULL;
}

int model_slice_apply(struct model *m, struct object *o)
{
	struct object_slice *obj = container_of(o, struct object_slice, o);
	struct model_slice *slice = model_slice_lookup(m, o->ns, o->name);
	struct model_service *s = NULL;

	if (obj->service) {
		s = get_service(m, o->ns, obj->service);
		if (!s)
			return -ENOMEM;
	}
	if (slice) {
		unlink_slice(m, slice);
		object_free(&slice->obj->o);
	} else {
		slice = calloc(1, sizeof(*slice));
		if (!slice || htab_add(&m->slices, &slice->node, model_key_hash(o->ns, o->name))) {
			free(slice);
			if (s)
				model_service_reap(m, s);
			return -ENOMEM;
		}
	}
	slice->obj = obj;
	link_slice(m, slice, s);
	return 0;
}

void model_slice_delete(struct model *m, struct model_slice *slice)
{
	unlink_slice(m, slice);
	htab_del(&m->slices, &slice->node);
	object_free(&slice->obj->o);
	free(slice);
}

void model_service_exit(struct model *m)
{
	struct model_service *s;
	struct hnode *n;

	while ((n = htab_walk(&m->slices, NULL)))
		model_slice_delete(m, container_of(n, struct model_slice, node));
	while ((n = htab_walk(&m->services, NULL))) {
		s = container_of(n, struct model_service, node);
		if (s->obj)
			object_free(&s->obj->o);
		free_service(m, s);
	}
	m->dirty_services = NULL;
	htab_exit(&m->slices);
	htab_exit(&m->services);
}
