// SPDX-License-Identifier: GPL-2.0
/* The face of the policy side: policy.h over model, compiler and reconciler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "daemon/object_json.h"
#include "daemon/policy_impl.h"

static const struct balancer_services services = {
	.next_dirty = model_service_next_dirty,
	.mark = model_service_mark,
	.mark_all = model_service_mark_all,
	.reap = model_service_reap,
	.each = model_service_each,
};

int policy_new_on(const struct tables *t, const char *node_name, struct policy **out)
{
	struct policy *pol = calloc(1, sizeof(*pol));
	int err = -ENOMEM;

	if (!pol)
		return -ENOMEM;
	pol->node_name = str_get(node_name, strlen(node_name));
	if (!pol->node_name)
		goto err_free;
	err = model_init(&pol->model);
	if (err)
		goto err_name;
	err = compile_init(&pol->compiler, &pol->model);
	if (err)
		goto err_model;
	if (t) {
		pol->tables = *t;
		pol->has_tables = true;
		err = reconcile_init(&pol->reconciler, &pol->tables, &pol->compiler);
		if (!err && pol->tables.svcs)
			err = balancer_new(&services, &pol->model, &pol->tables, &pol->balancer);
		if (err)
			goto err_reconciler;
	}
	*out = pol;
	return 0;

err_reconciler:
	reconcile_exit(&pol->reconciler);
	compile_exit(&pol->compiler);
err_model:
	model_exit(&pol->model);
err_name:
	str_put(pol->node_name);
err_free:
	free(pol);
	return err;
}

int policy_new(struct sluice *sl, const char *node_name, struct policy **out)
{
	struct tables t;
	int err;

	if (!sl)
		return policy_new_on(NULL, node_name, out);
	tables_of_kernel(sl, &t);
	err = tables_map_services(sl, &t);
	if (err)
		return err;
	err = policy_new_on(&t, node_name, out);
	if (err)
		tables_unmap_services(&t);
	return err;
}

void policy_free(struct policy *pol)
{
	struct refusal *f;

	if (!pol)
		return;
	if (pol->has_tables)
		reconcile_exit(&pol->reconciler);
	if (pol->balancer)
		balancer_free(pol->balancer);
	compile_exit(&pol->compiler);
	model_exit(&pol->model);
	if (pol->has_tables)
		tables_unmap_services(&pol->tables);
	while ((f = pol->refusals)) {
		pol->refusals = f->next;
		free(f);
	}
	policy_health_exit(&pol->healths);
	free(pol->nodes);
	str_put(pol->node_name);
	free(pol);
}

/* ----------------------------------------------------------------- objects */

/* @file NULL: whichever file the refused version was in. */
static void forget_refusal(struct policy *pol, const struct object_id *id, const char *file)
{
	struct refusal **link = &pol->refusals, *f;

	while ((f = *link)) {
		if (f->id.kind == id->kind && !strcmp(f->id.ns, id->ns) &&
		    !strcmp(f->id.name, id->name) && (!file || !strcmp(f->diag.file, file))) {
			*link = f->next;
			free(f);
		} else {
			link = &f->next;
		}
	}
}

static struct object_id make_id(int kind, const char *ns, const char *name)
{
	struct object_id id = { .kind = kind };

	snprintf(id.ns, sizeof(id.ns), "%s", ns ? ns : "");
	snprintf(id.name, sizeof(id.name), "%s", name);
	return id;
}

int policy_object_apply(struct policy *pol, struct object *obj, struct diag *diag)
{
	const struct object_id id = make_id(obj->kind, obj->ns ? obj->ns->s : "", obj->name->s);

	(void)diag;			/* an object that could be parsed can be translated */
	forget_refusal(pol, &id, obj->file ? obj->file->s : NULL);
	return model_apply(&pol->model, obj);
}

int policy_object_delete(struct policy *pol, int kind, const char *ns, const char *name)
{
	const struct object_id id = make_id(kind, ns, name);

	forget_refusal(pol, &id, NULL);
	return model_delete(&pol->model, kind, ns, name);
}

int policy_object_each(const struct policy *pol, int kind,
		       int (*cb)(void *arg, const char *ns, const char *name), void *arg)
{
	return model_each(&pol->model, kind, cb, arg);
}

static int write_object(void *arg, const struct object *obj)
{
	*(json_t **)arg = object_json(obj);
	return 0;
}

json_t *policy_object_json(const struct policy *pol, int kind, const char *ns, const char *name)
{
	json_t *doc = NULL;

	model_read(&pol->model, kind, ns, name, write_object, &doc);
	return doc;
}

int policy_object_refuse(struct policy *pol, const struct object_id *id, const struct diag *diag)
{
	struct refusal *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	if (id->kind >= 0 && id->name[0])
		forget_refusal(pol, id, diag->file);
	f->id = *id;
	f->diag = *diag;
	f->next = pol->refusals;
	pol->refusals = f;
	return 0;
}

void policy_refusals_forget(struct policy *pol, const char *file)
{
	struct refusal **link = &pol->refusals, *f;

	while ((f = *link)) {
		if (strcmp(f->diag.file, file)) {
			link = &f->next;
			continue;
		}
		*link = f->next;
		free(f);
	}
}

const struct refusal *policy_refusal(const struct policy *pol, enum object_kind kind,
				     const char *ns, const char *name)
{
	const struct refusal *f;

	for (f = pol->refusals; f; f = f->next)
		if (f->id.kind == (int)kind && !strcmp(f->id.ns, ns) && !strcmp(f->id.name, name))
			return f;
	return NULL;
}

/* --------------------------------------------------------------- endpoints */

int policy_endpoint_add(struct policy *pol, __u32 ep, const char *ns, const char *pod,
			const union sl_addr addr[__SL_FAMILY_MAX])
{
	return model_ep_add(&pol->model, ep, ns, pod, addr);
}

int policy_endpoint_del(struct policy *pol, __u32 ep)
{
	int err = model_ep_del(&pol->model, ep);
	__u64 word;

	if (err || !pol->has_tables)
		return err;
	/* the generation stays: flows of the slot's next tenant must not look like its */
	word = sluice_ep_policy(&pol->tables.eps[ep]);
	word &= (__u64)SL_EP_GEN_MASK << SL_EP_GEN_SHIFT | SL_EP_COLUMN_MASK;
	pol->tables.set_policy(pol->tables.ctx, ep, word | SL_EP_POLICY_CLOSED);
	return 0;
}

int policy_pod_find(const struct policy *pol, const char *ns, const char *name, const char *uid)
{
	const struct model_pod *pod = model_pod_find(&pol->model, ns, name);

	if (!pod || !pod->has_object)
		return -ENOENT;
	return uid[0] && pod->uid != object_uid(uid) ? -ESTALE : 0;
}

bool policy_pod_by_packet(const struct policy *pol, const char *ns, const char *name)
{
	const struct model_pod *pod = model_pod_find(&pol->model, ns, name);

	return pod && pod->by_packet;
}

/* ------------------------------------------------------------------ commits */

static unsigned long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000UL + ts.tv_nsec / 1000;
}

/* The zone is a label of this node's object. */
static int tell_where(struct policy *pol)
{
	const struct object_node *node;
	const struct str *zone = NULL;
	int err;

	if (pol->zone_gen == pol->model.nodes_gen)
		return 0;
	node = model_node_find(&pol->model, pol->node_name);
	if (node)
		zone = labels_value(node->labels, str_find("topology.kubernetes.io/zone"));
	err = balancer_set_node(pol->balancer, pol->node_name->s, zone ? zone->s : NULL);
	if (!err)
		pol->zone_gen = pol->model.nodes_gen;
	return err;
}

void policy_set_tunnel(struct policy *pol, bool tunnel)
{
	if (pol->balancer)
		balancer_set_tunnel(pol->balancer, tunnel);
}

/* All objects are known when there is a commit at all. */
static int commit_services(struct policy *pol)
{
	unsigned int before;
	int err;

	if (!pol->balancer) {
		pol->healths.current = false;
		return 0;
	}
	err = tell_where(pol);
	if (err)
		return err;
	before = balancer_frontends(pol->balancer);
	if (pol->model.dirty_services || balancer_wait_ms(pol->balancer) >= 0)
		pol->healths.current = false;
	err = balancer_commit(pol->balancer, true);
	if (err)
		pol->healths.current = false;
	/* datagrams may have gone to there as to any other place */
	if (balancer_frontends(pol->balancer) > before && pol->tables.reroute)
		pol->tables.reroute(pol->tables.ctx);
	return err;
}

unsigned int policy_datagrams_gone(const struct policy *pol)
{
	return pol->balancer ? balancer_datagrams_gone(pol->balancer) : 0;
}

int policy_addr_left(struct policy *pol, const union sl_addr *addr)
{
	return pol->balancer ? balancer_addr_left(pol->balancer, addr) : 0;
}

int policy_wait_ms(const struct policy *pol)
{
	return pol->balancer ? balancer_wait_ms(pol->balancer) : -1;
}

int policy_commit(struct policy *pol)
{
	unsigned long start = now_us(), compiled;
	int err = compile_update(&pol->compiler);

	compiled = now_us();
	if (!err && pol->has_tables)
		err = reconcile_commit(&pol->reconciler);
	else if (!err)
		plan_settle(&pol->compiler.plan);
	if (!err)
		err = commit_services(pol);
	pol->compile_us = compiled - start;
	pol->commit_us = now_us() - start;
	if (!err)
		pol->commits++;
	return err;
}

int policy_reconcile(struct policy *pol)
{
	int err = compile_update(&pol->compiler), n = 0;

	if (err || !pol->has_tables)
		return err;
	err = reconcile_repair(&pol->reconciler);
	pol->healths.current = false;
	if (err >= 0 && pol->balancer)
		n = balancer_repair(pol->balancer, true);
	return err < 0 ? err : n < 0 ? n : err + n;
}

void policy_get_stats(const struct policy *pol, struct policy_stats *st)
{
	const struct compiler *c = &pol->compiler;
	const struct refusal *f;

	*st = (struct policy_stats){
		.namespaces = pol->model.nnamespaces, .pods = pol->model.npods,
		.nodes = pol->model.nodes.count, .policies = pol->model.netpols.count + pol->model.ncluster,
		.services = pol->model.nservices, .slices = pol->model.slices.count,
		.classes = c->classes.classes.count, .rulesets = c->rulesets.sets.count,
		.rules = c->plan.rule.count, .ports = c->portsets.sets.count,
		.commits = pol->commits, .compile_us = pol->compile_us,
		.commit_us = pol->commit_us,
	};
	for (f = pol->refusals; f; f = f->next)
		st->rejected++;
}

unsigned int policy_nodes_gen(const struct policy *pol)
{
	return pol->model.nodes_gen;
}

static int node_cmp(const void *a, const void *b)
{
	return strcmp(((const struct policy_node *)a)->name, ((const struct policy_node *)b)->name);
}

const struct policy_node *policy_nodes(struct policy *pol, size_t *count)
{
	const struct object_node *o;
	struct policy_node *v;
	struct hnode *n;
	size_t i = 0;

	*count = 0;
	free(pol->nodes);
	pol->nodes = v = calloc(pol->model.nodes.count + 1, sizeof(*v));
	if (!v)
		return NULL;
	htab_each(&pol->model.nodes, n) {
		o = container_of(n, struct model_node, node)->obj;
		v[i].name = o->o.name->s;
		memcpy(v[i].addr, o->addr, sizeof(v[i].addr));
		memcpy(v[i].pod_cidr, o->pod_cidr, sizeof(v[i].pod_cidr));
		v[i++].npod_cidr = o->npod_cidr;
	}
	qsort(v, i, sizeof(*v), node_cmp);
	*count = i;
	return v;
}
