// SPDX-License-Identifier: GPL-2.0
/*
 * See service_plan.h. What Service and EndpointSlice mean is as kube-proxy has it:
 * KEP-1669 (terminating endpoints), KEP-2086 (internalTrafficPolicy), KEP-2433 and
 * KEP-3015 (hints).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/addr.h"
#include "daemon/service_plan.h"

#define CLUSTER	(1U << SL_SVC_CLUSTER)
#define LOCAL	(1U << SL_SVC_LOCAL)

/* An endpoint behind a port, while it is worked out what it is for. */
struct candidate {
	struct plan_backend b;
	const struct slice_endpoint *ep;
	bool ready, draining, local;
};

int plan_backend_cmp(const void *a, const void *b)
{
	const struct plan_backend *x = a, *y = b;
	int cmp = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return cmp ? cmp : memcmp(&x->port, &y->port, sizeof(x->port));
}

void plan_port_free(struct plan_port *p)
{
	free(p->front);
	free(p->backend);
	free(p->range);
}

void service_plan_free(struct service_plan *p)
{
	unsigned int i;

	for (i = 0; i < p->nports; i++)
		plan_port_free(&p->port[i]);
	free(p->port);
	*p = (struct service_plan){};
}

/* --------------------------------------------------------------- frontends */

static bool has_family(const struct object_service *o, enum sl_family f)
{
	unsigned int i;

	for (i = 0; i < o->ncluster_ip; i++)
		if (addr_family(&o->cluster_ip[i]) == f)
			return true;
	return false;
}

static void add_front(struct plan_port *p, const union sl_addr *addr, __u16 port,
		      struct plan_front front)
{
	front.key = (struct sl_front_key){ .addr = *addr, .port = htons(port), .proto = p->proto };
	p->front[p->nfronts++] = front;
	p->scopes |= 1U << front.inside | 1U << front.outside;
}

static void add_fronts(struct plan_port *p, const union sl_addr *addr, unsigned int n,
		       struct plan_front front)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (addr_family(&addr[i]) == p->family)
			add_front(p, &addr[i], p->port, front);
}

bool plan_is_dsr(const struct object_service *o, bool tunnel)
{
	return o->dsr && tunnel && !o->external_local;
}

/*
 * A node forgets such flows, as it sees one direction alone: it has to find the same
 * node for them again, and that one the same backend of its own.
 */
static void plan_dsr(struct plan_port *p)
{
	p->scopes |= LOCAL;
	p->maglev |= CLUSTER | LOCAL;
}

/*
 * Clients inside the cluster are not bound by externalTrafficPolicy: what they send to
 * a NodePort or a load balancer's address goes to any endpoint.
 */
static int plan_fronts(struct plan_port *p, const struct object_service *o,
		       const struct service_port *sp, bool dsr)
{
	const __u8 in = o->internal_local ? SL_SVC_LOCAL : SL_SVC_CLUSTER;
	const __u8 out = o->external_local ? SL_SVC_LOCAL : SL_SVC_CLUSTER;
	const struct plan_front closed = { .inside = in, .outside = in,
					   .addr_id = SL_SVC_ADDR_CLOSED };
	struct plan_front open = { .inside = SL_SVC_CLUSTER, .outside = out,
				   .flags = dsr ? SL_FRONT_DSR : 0, .addr_id = SL_SVC_ADDR_OPEN };
	const union sl_addr any[__SL_FAMILY_MAX] = { [SL_FAMILY_V4].h[5] = 0xffff };
	unsigned int nclosed;

	/* where the one is empty, the other says whether there is anybody elsewhere */
	p->scopes = CLUSTER;
	p->front = calloc(o->ncluster_ip + o->nexternal_ip + o->nlb_ip + 1, sizeof(*p->front));
	if (!p->front)
		return -ENOMEM;
	add_fronts(p, o->cluster_ip, o->ncluster_ip, closed);
	nclosed = p->nfronts;
	if (sp->node_port)
		add_front(p, &any[p->family], sp->node_port, open);
	add_fronts(p, o->external_ip, o->nexternal_ip, open);
	if (o->nranges)
		open.flags |= SL_FRONT_RANGES;
	add_fronts(p, o->lb_ip, o->nlb_ip, open);
	if (o->balance == SERVICE_BALANCE_MAGLEV)
		p->maglev = p->scopes;
	else if (o->balance != SERVICE_BALANCE_RANDOM && p->nfronts > nclosed)
		p->maglev = 1U << out;
	if (dsr && p->nfronts > nclosed)
		plan_dsr(p);
	return 0;
}

static int range_cmp(const void *a, const void *b)
{
	return prefix_key_cmp(a, b);
}

/* Ranges of another family let nobody in: who lists one doesn't mean everybody of the other. */
static int plan_ranges(struct plan_port *p, const struct object_service *o)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->nfronts && !(p->front[i].flags & SL_FRONT_RANGES); i++)
		;
	if (i == p->nfronts)
		return 0;
	p->range = calloc(o->nranges, sizeof(*p->range));
	if (!p->range)
		return -ENOMEM;
	for (i = 0; i < o->nranges; i++)
		if (prefix_family(&o->range[i]) == p->family)
			p->range[n++] = prefix_mask(&o->range[i]);
	qsort(p->range, n, sizeof(*p->range), range_cmp);
	for (i = 0; i < n; i++)
		if (!i || range_cmp(&p->range[p->nranges - 1], &p->range[i]))
			p->range[p->nranges++] = p->range[i];
	return 0;
}

/* ---------------------------------------------------------------- endpoints */

const struct slice_port *plan_slice_port(const struct object_slice *o,
					 const struct service_port *sp)
{
	unsigned int i;

	for (i = 0; i < o->nports; i++)
		if (o->port[i].name == sp->name && o->port[i].proto == sp->proto && o->port[i].port)
			return &o->port[i];
	return NULL;
}

static bool hints_node(const struct slice_endpoint *ep, const struct str *node)
{
	unsigned int i;

	for (i = 0; i < ep->nnodes && ep->for_node[i] != node; i++)
		;
	return i < ep->nnodes;
}

static bool hints_zone(const struct slice_endpoint *ep, const struct str *zone)
{
	unsigned int i;

	for (i = 0; i < ep->nzones && ep->for_zone[i] != zone; i++)
		;
	return i < ep->nzones;
}

/*
 * An endpoint that is not ready keeps the flows it has for as long as a slice names it:
 * a pod that shuts down commonly says first that it is not ready, and then ends its
 * connections in its own time. A client of UDP knows no end and would go on sending, so
 * that there only one that still serves keeps them.
 */
static bool keeps(const struct slice_endpoint *ep, __u8 proto)
{
	return ep->flags & (SLICE_READY | SLICE_SERVING) || proto != IPPROTO_UDP;
}

static void set_candidate(struct candidate *c, const struct object_service *o,
			  const struct slice_endpoint *ep, const struct str *node)
{
	c->ep = ep;
	c->b.addr = ep->addr;
	c->ready = ep->flags & SLICE_READY || o->publish_not_ready;
	c->draining = ep->flags & SLICE_SERVING && ep->flags & SLICE_TERMINATING;
	c->local = node && ep->node == node;
	c->b.flags = SL_BACKEND_KEEP;
}

/* By address and port, and of the same ones the best first. */
static int candidate_cmp(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int cmp = plan_backend_cmp(&x->b, &y->b);

	if (!cmp)
		cmp = y->ready - x->ready;
	return cmp ? cmp : y->draining - x->draining;
}

static unsigned int unique(struct candidate *c, unsigned int n)
{
	unsigned int i, kept = 0;

	qsort(c, n, sizeof(*c), candidate_cmp);
	for (i = 0; i < n; i++)
		if (!i || plan_backend_cmp(&c[kept - 1].b, &c[i].b))
			c[kept++] = c[i];
	return kept;
}

/* All slices' endpoints that have port @sp of family @f. *@out is the caller's. */
static int gather(const struct model_service *s, const struct service_port *sp,
		  enum sl_family f, const struct str *node, struct candidate **out)
{
	const struct slice_port *port;
	const struct model_slice *ms;
	const struct slice_endpoint *ep;
	struct candidate *c;
	unsigned int n = 0, i;

	for (ms = s->slices; ms; ms = ms->next)
		if (ms->obj->family == f && plan_slice_port(ms->obj, sp))
			n += ms->obj->nendpoints;
	c = *out = calloc(n ? n : 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (ms = s->slices, n = 0; ms; ms = ms->next) {
		port = ms->obj->family == f ? plan_slice_port(ms->obj, sp) : NULL;
		for (i = 0; port && i < ms->obj->nendpoints; i++) {
			ep = &ms->obj->endpoint[i];
			if (!keeps(ep, sp->proto) && !s->obj->publish_not_ready)
				continue;
			set_candidate(&c[n], s->obj, ep, node);
			c[n++].b.port = htons(port->port);
		}
	}
	return unique(c, n);
}

/* -------------------------------------------------------------------- lists */

enum narrow { NARROW_NOT, NARROW_NODE, NARROW_ZONE };

/*
 * Hints count only when every ready endpoint has one of the kind and one is for here;
 * those of nodes before those of zones. They say by themselves what
 * trafficDistribution, or the older annotation, asked the control plane for.
 */
static enum narrow narrowing(const struct candidate *c, unsigned int n,
			     const struct plan_where *where)
{
	bool all_node = true, all_zone = true, here = false, zone = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!c[i].ready)
			continue;
		all_node &= c[i].ep->nnodes > 0;
		all_zone &= c[i].ep->nzones > 0;
		here |= where->node && hints_node(c[i].ep, where->node);
		zone |= where->zone && hints_zone(c[i].ep, where->zone);
	}
	return all_node && here ? NARROW_NODE : all_zone && zone ? NARROW_ZONE : NARROW_NOT;
}

static bool list_cluster(struct candidate *c, unsigned int n, const struct plan_where *where)
{
	enum narrow narrow = narrowing(c, n, where);
	bool any = false, in;
	unsigned int i;

	for (i = 0; i < n; i++) {
		in = c[i].ready &&
		     (narrow == NARROW_NOT ||
		      (narrow == NARROW_NODE ? hints_node(c[i].ep, where->node) :
					       hints_zone(c[i].ep, where->zone)));
		c[i].b.lists |= in ? CLUSTER : 0;
		any |= in;
	}
	return any;
}

static bool list_local(struct candidate *c, unsigned int n)
{
	bool any = false, in;
	unsigned int i;

	for (i = 0; i < n; i++) {
		in = c[i].ready && c[i].local;
		c[i].b.lists |= in ? LOCAL : 0;
		any |= in;
	}
	return any;
}

/* Those that end but still serve, where there is no other (KEP-1669). */
static void list_draining(struct candidate *c, unsigned int n, enum sl_svc_scope scope)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (c[i].draining && (scope == SL_SVC_CLUSTER || c[i].local))
			c[i].b.lists |= 1U << scope;
}

/* Addresses: an endpoint may be there under two ports. */
static unsigned int count_local_ready(const struct candidate *c, unsigned int n)
{
	const union sl_addr *last = NULL;
	unsigned int i, count = 0;

	for (i = 0; i < n; i++) {
		if (!c[i].ready || !c[i].local || (last && addr_equal(last, &c[i].b.addr)))
			continue;
		last = &c[i].b.addr;
		count++;
	}
	return count;
}

static int plan_backends(struct plan_port *p, const struct model_service *s,
			 const struct service_port *sp, const struct plan_where *where,
			 unsigned int *local_ready)
{
	struct candidate *c;
	int n = gather(s, sp, p->family, where->node, &c), i;

	if (n < 0)
		return n;
	if (!list_cluster(c, n, where))
		list_draining(c, n, SL_SVC_CLUSTER);
	*local_ready = count_local_ready(c, n);
	if (!list_local(c, n))
		list_draining(c, n, SL_SVC_LOCAL);
	p->backend = calloc(n ? n : 1, sizeof(*p->backend));
	for (i = 0; p->backend && i < n; i++) {
		p->backend[i] = c[i].b;
		p->backend[i].flags |= (c[i].b.lists & CLUSTER ? SL_BACKEND_READY : 0) |
				       (c[i].b.lists & LOCAL ? SL_BACKEND_LOCAL : 0);
	}
	p->nbackends = n;
	free(c);
	return p->backend ? 0 : -ENOMEM;
}

/* --------------------------------------------------------------------- whole */

const char *plan_why_not(const struct object_service *o)
{
	if (o->type == SERVICE_EXTERNAL_NAME)
		return "a name for DNS";
	if (o->headless)
		return "headless, or another proxy's";
	if (!o->ncluster_ip)
		return "no cluster IP";
	return o->nports ? NULL : "no ports";
}

static int plan_port(struct service_plan *plan, const struct model_service *s,
		     const struct service_port *sp, enum sl_family f,
		     const struct plan_where *where)
{
	struct plan_port *p = &plan->port[plan->nports++];
	unsigned int local_ready = 0;
	int err;

	p->port = sp->port;
	p->proto = sp->proto;
	p->family = f;
	err = plan_fronts(p, s->obj, sp, plan_is_dsr(s->obj, where->tunnel));
	if (!err)
		err = plan_ranges(p, s->obj);
	if (!err)
		err = plan_backends(p, s, sp, where, &local_ready);
	if (local_ready > plan->local_ready)
		plan->local_ready = local_ready;
	return err;
}

int service_plan(const struct model_service *s, const struct plan_where *where,
		 struct service_plan *out)
{
	const struct object_service *o = s->obj;
	enum sl_family f;
	unsigned int i;
	int err = 0;

	*out = (struct service_plan){};
	if (!o || plan_why_not(o))
		return 0;
	out->affinity_s = o->affinity_s;
	out->flags = (o->balance == SERVICE_BALANCE_MAGLEV ? SL_SVC_MAGLEV : 0) |
		     (o->reset ? SL_SVC_RESET : 0);
	out->port = calloc(o->nports * __SL_FAMILY_MAX, sizeof(*out->port));
	if (!out->port)
		return -ENOMEM;
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		for (i = 0; has_family(o, f) && !err && i < o->nports; i++)
			err = plan_port(out, s, &o->port[i], f, where);
	if (err)
		service_plan_free(out);
	return err;
}
