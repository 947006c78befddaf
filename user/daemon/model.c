// SPDX-License-Identifier: GPL-2.0
/* The object model; see model.h. */
#include <errno.h>
#include <stdlib.h>
#include "daemon/model_impl.h"

int model_init(struct model *m)
{
	static const char label[] = "kubernetes.io/metadata.name";

	memset(m, 0, sizeof(*m));
	m->nodes_gen = 1;
	ptab_init(&m->pods, model_pod_hash);
	ptab_init(&m->addrs, model_addr_hash);
	m->ns_label = str_get(label, sizeof(label) - 1);
	return m->ns_label ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------ namespaces */

static struct model_ns *ns_lookup(const struct model *m, const struct str *name)
{
	struct hnode *n;

	if (!name)
		return NULL;
	htab_each_hash(&m->namespaces, n, name->node.hash)
		if (container_of(n, struct model_ns, node)->name == name)
			return container_of(n, struct model_ns, node);
	return NULL;
}

struct model_ns *model_ns_find(const struct model *m, const char *name)
{
	return ns_lookup(m, str_find(name));
}

/* What the API server sees to: the name is a label, and no other may pose as it. */
static struct labels *ns_labels(const struct model *m, const struct model_ns *ns,
				const struct object_namespace *obj)
{
	const struct labels *own = obj ? obj->labels : NULL;
	struct labels *l = labels_new((own ? own->n : 0) + 1);
	unsigned int i;

	if (!l)
		return NULL;
	l->n = 0;
	l->l[l->n++] = (struct label){ str_ref(m->ns_label), str_ref(ns->name) };
	for (i = 0; own && i < own->n; i++)
		if (own->l[i].key != m->ns_label)
			l->l[l->n++] = (struct label){ str_ref(own->l[i].key),
						       str_ref(own->l[i].value) };
	return labels_share(l);
}

struct model_ns *model_ns_get(struct model *m, struct str *name)
{
	struct model_ns *ns = ns_lookup(m, name);

	if (ns)
		return ns;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return NULL;
	ns->name = str_ref(name);
	ns->labels = ns_labels(m, ns, NULL);
	if (!ns->labels || htab_add(&m->namespaces, &ns->node, name->node.hash)) {
		labels_put(ns->labels);
		str_put(ns->name);
		free(ns);
		return NULL;
	}
	return ns;
}

void model_ns_put(struct model *m, struct model_ns *ns)
{
	if (ns->obj || ns->npods || ns->netpols)
		return;
	htab_del(&m->namespaces, &ns->node);
	labels_put(ns->labels);
	str_put(ns->name);
	free(ns->cand);
	free(ns);
}

/* All namespaces at once: a namespace has no list of its pods. */
void model_mark_relabelled(struct model *m)
{
	struct model_pod *pod;
	struct hnode *n;
	size_t pos;

	if (!m->dirty_namespaces)
		return;
	ptab_each(&m->pods, pod, pos)
		if (pod->ns->relabelled)
			model_pod_mark(m, pod);
	htab_each(&m->namespaces, n)
		container_of(n, struct model_ns, node)->relabelled = false;
	m->dirty_namespaces = false;
}

static int set_ns_object(struct model *m, struct model_ns *ns, struct object_namespace *obj)
{
	struct labels *l = ns_labels(m, ns, obj);

	if (!l)
		return -ENOMEM;
	if (l != ns->labels) {
		ns->cand_version = 0;
		ns->relabelled = m->dirty_namespaces = true;
	}
	labels_put(ns->labels);
	ns->labels = l;
	m->nnamespaces += !!obj - !!ns->obj;
	if (ns->obj)
		object_free(&ns->obj->o);
	ns->obj = obj;
	return 0;
}

static int apply_namespace(struct model *m, struct object *o)
{
	struct model_ns *ns = model_ns_get(m, o->name);
	int err;

	if (!ns)
		return -ENOMEM;
	err = set_ns_object(m, ns, container_of(o, struct object_namespace, o));
	if (err)
		model_ns_put(m, ns);
	return err;
}

/* -------------------------------------------------------------- policies */

static struct model_netpol *cnp_lookup(const struct model *m, const struct str *name);

static struct model_netpol *netpol_lookup(const struct model *m, const struct str *ns,
					  const struct str *name)
{
	struct model_netpol *np;
	struct hnode *n;

	if (!ns || !name)
		return NULL;
	htab_each_hash(&m->netpols, n, model_key_hash(ns, name)) {
		np = container_of(n, struct model_netpol, node);
		if (np->obj->o.ns == ns && np->obj->o.name == name)
			return np;
	}
	return NULL;
}

struct model_netpol *model_netpol_find(const struct model *m, const char *ns, const char *name)
{
	if (!ns || !*ns)
		return cnp_lookup(m, str_find(name));
	return netpol_lookup(m, str_find(ns), str_find(name));
}

static void mark_endpoints(struct model *m, const struct model_ns *ns)
{
	__u32 id;

	for (id = 1; id < m->ep_end; id++) {
		if (!m->ep[id].pod || m->ep[id].pod->ns != ns)
			continue;
		m->ep[id].dirty = true;
		m->dirty_eps = true;
	}
}

static struct model_netpol *new_netpol(struct model *m, struct model_ns *ns,
				       struct object_netpol *obj)
{
	struct model_netpol *np = calloc(1, sizeof(*np)), **link;

	if (!np || htab_add(&m->netpols, &np->node, model_key_hash(obj->o.ns, obj->o.name))) {
		free(np);
		return NULL;
	}
	np->obj = obj;
	for (link = &ns->netpols; *link && str_cmp((*link)->obj->o.name, obj->o.name) < 0;)
		link = &(*link)->next;
	np->next = *link;
	*link = np;
	return np;
}

static int apply_netpol(struct model *m, struct object *o)
{
	struct object_netpol *obj = container_of(o, struct object_netpol, o);
	struct model_netpol *np = netpol_lookup(m, o->ns, o->name);
	struct model_ns *ns = model_ns_get(m, o->ns);

	if (!ns)
		return -ENOMEM;
	if (np) {
		object_free(&np->obj->o);
		np->obj = obj;
	} else if (!new_netpol(m, ns, obj)) {
		model_ns_put(m, ns);
		return -ENOMEM;
	}
	mark_endpoints(m, ns);
	return 0;
}

static void delete_netpol(struct model *m, struct model_netpol *np)
{
	struct model_ns *ns = ns_lookup(m, np->obj->o.ns);
	struct model_netpol **link;

	mark_endpoints(m, ns);
	for (link = &ns->netpols; *link != np; link = &(*link)->next)
		;
	*link = np->next;
	htab_del(&m->netpols, &np->node);
	object_free(&np->obj->o);
	free(np);
	model_ns_put(m, ns);
}

/* ------------------------------------------------------ cluster's policies */

bool model_netpol_selects(const struct object_netpol *np, const struct model_pod *pod)
{
	if (np->subject_ns && !selector_match(np->subject_ns, pod->ns->labels))
		return false;
	return selector_match(np->subject, pod->labels);
}

static void mark_subjects(struct model *m, const struct object_netpol *np)
{
	__u32 id;

	for (id = 1; id < m->ep_end; id++) {
		if (!m->ep[id].pod || !model_netpol_selects(np, m->ep[id].pod))
			continue;
		m->ep[id].dirty = true;
		m->dirty_eps = true;
	}
}

static struct model_netpol *cnp_lookup(const struct model *m, const struct str *name)
{
	struct model_netpol *np;

	for (np = m->cluster; np && np->obj->o.name != name;)
		np = np->next;
	return np;
}

/* The order of evaluation; which of two of one priority is first, the API leaves open. */
static bool goes_before(const struct object_netpol *a, const struct object_netpol *b)
{
	if (a->tier != b->tier)
		return a->tier < b->tier;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return str_cmp(a->o.name, b->o.name) < 0;
}

static void link_cnp(struct model *m, struct model_netpol *np)
{
	struct model_netpol **link = &m->cluster;

	while (*link && goes_before((*link)->obj, np->obj))
		link = &(*link)->next;
	np->next = *link;
	*link = np;
	m->ncluster++;
	mark_subjects(m, np->obj);
}

static void unlink_cnp(struct model *m, struct model_netpol *np)
{
	struct model_netpol **link;

	for (link = &m->cluster; *link != np; link = &(*link)->next)
		;
	*link = np->next;
	m->ncluster--;
	mark_subjects(m, np->obj);
	object_free(&np->obj->o);
}

static int apply_cnp(struct model *m, struct object *o)
{
	struct model_netpol *np = cnp_lookup(m, o->name);

	if (np)
		unlink_cnp(m, np);
	else
		np = calloc(1, sizeof(*np));
	if (!np)
		return -ENOMEM;
	np->obj = container_of(o, struct object_netpol, o);
	link_cnp(m, np);
	return 0;
}

static void delete_cnp(struct model *m, struct model_netpol *np)
{
	unlink_cnp(m, np);
	free(np);
}

/* ----------------------------------------------------------------- nodes */

static struct model_node *node_lookup(const struct model *m, const struct str *name)
{
	struct hnode *n;

	if (!name)
		return NULL;
	htab_each_hash(&m->nodes, n, name->node.hash)
		if (container_of(n, struct model_node, node)->obj->o.name == name)
			return container_of(n, struct model_node, node);
	return NULL;
}

const struct object_node *model_node_find(const struct model *m, const struct str *name)
{
	const struct model_node *node = node_lookup(m, name);

	return node ? node->obj : NULL;
}

bool model_is_node_addr(const struct model *m, const struct str *name, const union sl_addr *a)
{
	const struct model_node *node = node_lookup(m, name);
	int f;

	for (f = 0; node && f < __SL_FAMILY_MAX; f++)
		if (!memcmp(&node->obj->addr[f], a, sizeof(*a)))
			return true;
	return false;
}

static int apply_node(struct model *m, struct object *o)
{
	struct model_node *node = node_lookup(m, o->name);

	if (node) {
		object_free(&node->obj->o);
	} else {
		node = calloc(1, sizeof(*node));
		if (!node || htab_add(&m->nodes, &node->node, o->name->node.hash)) {
			free(node);
			return -ENOMEM;
		}
	}
	node->obj = container_of(o, struct object_node, o);
	m->dirty_nodes = true;
	m->nodes_gen++;
	return 0;
}

/* ---------------------------------------------------------------- common */

/* Not a pod's. */
static struct object *find_object(const struct model *m, const struct object *key)
{
	struct model_netpol *np;
	struct model_service *svc;
	struct model_slice *slice;
	struct model_node *node;
	struct model_ns *ns;

	switch (key->kind) {
	case OBJECT_NAMESPACE:
		ns = ns_lookup(m, key->name);
		return ns && ns->obj ? &ns->obj->o : NULL;
	case OBJECT_NODE:
		node = node_lookup(m, key->name);
		return node ? &node->obj->o : NULL;
	case OBJECT_NETPOL:
		np = netpol_lookup(m, key->ns, key->name);
		return np ? &np->obj->o : NULL;
	case OBJECT_CNP:
		np = cnp_lookup(m, key->name);
		return np ? &np->obj->o : NULL;
	case OBJECT_SERVICE:
		svc = model_service_lookup(m, key->ns, key->name);
		return svc && svc->obj ? &svc->obj->o : NULL;
	case OBJECT_ENDPOINTSLICE:
		slice = model_slice_lookup(m, key->ns, key->name);
		return slice ? &slice->obj->o : NULL;
	default:
		return NULL;
	}
}

static enum model_change compare_pod(const struct model *m, const struct object *obj)
{
	const struct model_pod *pod = model_pod_lookup(m, obj->ns, obj->name->s);
	struct object_pod says;

	if (!pod || !pod->has_object)
		return MODEL_CREATES;
	model_pod_says(pod, &says);
	says.o = *obj;
	return object_equal(&says.o, obj) ? MODEL_KNOWS : MODEL_CHANGES;
}

enum model_change model_compare(const struct model *m, const struct object *obj)
{
	const struct object *old;

	if (obj->kind == OBJECT_POD)
		return compare_pod(m, obj);
	old = find_object(m, obj);
	if (!old)
		return MODEL_CREATES;
	return object_equal(old, obj) ? MODEL_KNOWS : MODEL_CHANGES;
}

static int apply_pod(struct model *m, struct object *o)
{
	int err = 0;

	if (compare_pod(m, o) != MODEL_KNOWS)
		err = model_pod_set(m, o->ns, o->name->s, container_of(o, struct object_pod, o));
	if (!err)
		object_free(o);
	return err;
}

int model_apply(struct model *m, struct object *obj)
{
	struct object *old = obj->kind == OBJECT_POD ? NULL : find_object(m, obj);
	int err;

	if (old && !old->shared && object_equal(old, obj)) {
		/* it may have moved */
		str_put(old->file);
		old->file = str_ref(obj->file);
		old->line = obj->line;
		object_free(obj);
		return 0;
	}
	switch (obj->kind) {
	case OBJECT_NAMESPACE:
		err = apply_namespace(m, obj);
		break;
	case OBJECT_POD:
		err = apply_pod(m, obj);
		break;
	case OBJECT_NODE:
		err = apply_node(m, obj);
		break;
	case OBJECT_NETPOL:
		err = apply_netpol(m, obj);
		break;
	case OBJECT_CNP:
		err = apply_cnp(m, obj);
		break;
	case OBJECT_SERVICE:
		err = model_service_apply(m, obj);
		break;
	case OBJECT_ENDPOINTSLICE:
		err = model_slice_apply(m, obj);
		break;
	default:
		err = -EINVAL;
	}
	if (err)
		object_free(obj);
	return err;
}

static void delete_node(struct model *m, struct model_node *node)
{
	m->dirty_nodes = true;
	m->nodes_gen++;
	htab_del(&m->nodes, &node->node);
	object_free(&node->obj->o);
	free(node);
}

static int delete_namespace(struct model *m, struct model_ns *ns)
{
	int err = set_ns_object(m, ns, NULL);

	if (!err)
		model_ns_put(m, ns);
	return err;
}

static int delete_pod(struct model *m, const struct str *ns, const char *name)
{
	struct model_pod *pod = model_pod_lookup(m, ns, name);

	if (!pod || !pod->has_object)
		return -ENOENT;
	model_pod_delete(m, pod);
	return 0;
}

int model_delete(struct model *m, enum object_kind kind, const char *ns, const char *name)
{
	const struct object key = { .kind = kind, .ns = ns && *ns ? str_find(ns) : NULL,
				    .name = str_find(name) };

	if (kind == OBJECT_POD)
		return delete_pod(m, key.ns, name);
	if (!find_object(m, &key))
		return -ENOENT;
	switch (kind) {
	case OBJECT_NAMESPACE:
		return delete_namespace(m, ns_lookup(m, key.name));
	case OBJECT_NODE:
		delete_node(m, node_lookup(m, key.name));
		break;
	case OBJECT_NETPOL:
		delete_netpol(m, netpol_lookup(m, key.ns, key.name));
		break;
	case OBJECT_CNP:
		delete_cnp(m, cnp_lookup(m, key.name));
		break;
	case OBJECT_SERVICE:
		model_service_delete(m, model_service_lookup(m, key.ns, key.name));
		break;
	case OBJECT_ENDPOINTSLICE:
		model_slice_delete(m, model_slice_lookup(m, key.ns, key.name));
		break;
	default:
		break;
	}
	return 0;
}

/* ------------------------------------------------------------------- reading */

typedef int (*object_fn)(void *arg, const struct object *obj);

/* A pod has no object as it was read: it is put together. */
static int read_pod(const struct model *m, const struct object *key, object_fn cb, void *arg)
{
	const struct model_pod *pod = model_pod_lookup(m, key->ns, key->name->s);
	struct object_pod says;

	if (!pod || !pod->has_object)
		return -ENOENT;
	model_pod_says(pod, &says);
	says.o = *key;
	return cb(arg, &says.o);
}

int model_read(const struct model *m, enum object_kind kind, const char *ns, const char *name,
	       object_fn cb, void *arg)
{
	struct object key = { .kind = kind, .ns = *ns ? str_find(ns) : NULL };
	const struct object *o;
	int err;

	if (kind == OBJECT_POD) {
		/* pods' names are not among the strings */
		key.name = str_get(name, strlen(name));
		err = key.name ? read_pod(m, &key, cb, arg) : -ENOMEM;
		str_put(key.name);
		return err;
	}
	key.name = str_find(name);
	o = find_object(m, &key);
	return o ? cb(arg, o) : -ENOENT;
}

/* ------------------------------------------------------------------- names */

typedef int (*name_fn)(void *arg, const char *ns, const char *name);

static int each_pod(const struct model *m, name_fn cb, void *arg)
{
	const struct model_pod *pod;
	size_t pos;
	int err = 0;

	ptab_each(&m->pods, pod, pos)
		if (!err && pod->has_object)
			err = cb(arg, pod->ns->name->s, pod->name);
	return err;
}

static int each_cnp(const struct model *m, name_fn cb, void *arg)
{
	const struct model_netpol *np;
	int err = 0;

	for (np = m->cluster; !err && np; np = np->next)
		err = cb(arg, "", np->obj->o.name->s);
	return err;
}

static const struct htab *table_of(const struct model *m, enum object_kind kind)
{
	switch (kind) {
	case OBJECT_NAMESPACE:
		return &m->namespaces;
	case OBJECT_NODE:
		return &m->nodes;
	case OBJECT_SERVICE:
		return &m->services;
	case OBJECT_ENDPOINTSLICE:
		return &m->slices;
	default:
		return &m->netpols;
	}
}

/* The object of @kind in a node of its table; NULL: there is none. */
static const struct object *object_in(const struct hnode *n, enum object_kind kind)
{
	const struct model_service *svc;
	const struct model_ns *ns;

	switch (kind) {
	case OBJECT_NAMESPACE:
		ns = container_of(n, struct model_ns, node);
		return ns->obj ? &ns->obj->o : NULL;
	case OBJECT_NODE:
		return &container_of(n, struct model_node, node)->obj->o;
	case OBJECT_SERVICE:
		svc = container_of(n, struct model_service, node);
		return svc->obj ? &svc->obj->o : NULL;
	case OBJECT_ENDPOINTSLICE:
		return &container_of(n, struct model_slice, node)->obj->o;
	default:
		return &container_of(n, struct model_netpol, node)->obj->o;
	}
}

int model_each(const struct model *m, enum object_kind kind, name_fn cb, void *arg)
{
	const struct object *o;
	struct hnode *n;
	int err = 0;

	if (kind == OBJECT_POD)
		return each_pod(m, cb, arg);
	if (kind == OBJECT_CNP)
		return each_cnp(m, cb, arg);
	htab_each(table_of(m, kind), n) {
		o = err ? NULL : object_in(n, kind);
		if (o)
			err = cb(arg, o->ns ? o->ns->s : "", o->name->s);
	}
	return err;
}

/* ------------------------------------------------------------------ copies */

static int share(struct model *to, struct object *obj)
{
	return obj ? model_apply(to, object_ref(obj)) : 0;
}

static int copy_pod(struct model *to, const struct model_pod *pod)
{
	struct object_pod says;

	if (!pod->has_object)
		return 0;
	model_pod_says(pod, &says);
	return model_pod_set(to, pod->ns->name, pod->name, &says);
}

static int copy_objects(const struct model *from, struct model *to)
{
	const struct model_service *svc;
	const struct model_netpol *np;
	const struct model_ns *ns;
	const struct model_pod *pod;
	size_t pos;
	struct hnode *n;
	int err = 0;

	htab_each(&from->namespaces, n) {
		ns = container_of(n, struct model_ns, node);
		if (!err && ns->obj)
			err = share(to, &ns->obj->o);
	}
	ptab_each(&from->pods, pod, pos)
		if (!err)
			err = copy_pod(to, pod);
	htab_each(&from->nodes, n)
		if (!err)
			err = share(to, &container_of(n, struct model_node, node)->obj->o);
	htab_each(&from->netpols, n)
		if (!err)
			err = share(to, &container_of(n, struct model_netpol, node)->obj->o);
	for (np = from->cluster; !err && np; np = np->next)
		err = share(to, &np->obj->o);
	htab_each(&from->services, n) {
		svc = container_of(n, struct model_service, node);
		if (!err && svc->obj)
			err = share(to, &svc->obj->o);
	}
	htab_each(&from->slices, n)
		if (!err)
			err = share(to, &container_of(n, struct model_slice, node)->obj->o);
	return err;
}

int model_copy(const struct model *from, struct model *to)
{
	union sl_addr addr[__SL_FAMILY_MAX];
	const struct model_ep *ep;
	int f, err = 0;
	__u32 id;

	for (id = 1; !err && id < from->ep_end; id++) {
		ep = &from->ep[id];
		if (!ep->pod)
			continue;
		memset(addr, 0, sizeof(addr));
		for (f = 0; f < __SL_FAMILY_MAX; f++)
			if (ep->addr[f])
				addr[f] = ep->addr[f]->addr;
		err = model_ep_add(to, id, ep->pod->ns->name->s, ep->pod->name, addr);
	}
	return err ? err : copy_objects(from, to);
}

/* All at once: nobody looks for one of them any more. */
static void free_pods(struct model *m)
{
	struct model_addr *a;
	struct model_pod *pod;
	size_t pos;

	ptab_each(&m->addrs, a, pos)
		model_addr_free(a);
	ptab_each(&m->pods, pod, pos) {
		pod->ns->npods--;
		model_pod_free(pod);
	}
	ptab_exit(&m->addrs);
	ptab_exit(&m->pods);
}

void model_exit(struct model *m)
{
	struct hnode *n;

	while ((n = htab_walk(&m->netpols, NULL)))
		delete_netpol(m, container_of(n, struct model_netpol, node));
	while (m->cluster)
		delete_cnp(m, m->cluster);
	while ((n = htab_walk(&m->nodes, NULL)))
		delete_node(m, container_of(n, struct model_node, node));
	model_service_exit(m);
	free_pods(m);
	while ((n = htab_walk(&m->namespaces, NULL))) {
		struct model_ns *ns = container_of(n, struct model_ns, node);

		if (ns->obj)
			object_free(&ns->obj->o);
		ns->obj = NULL;
		model_ns_put(m, ns);
	}
	htab_exit(&m->netpols);
	htab_exit(&m->nodes);
	htab_exit(&m->namespaces);
	str_put(m->ns_label);
}
