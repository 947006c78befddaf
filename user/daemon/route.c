// SPDX-License-Identifier: GPL-2.0
/* Routes to other nodes: planned, then written where they differ. See route.h. */
#include "daemon/route.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/encap.h"

/* ------------------------------------------------------------------ planning */

static const char *const kind_names[__SL_ROUTE_MAX] = {
	[SL_ROUTE_NONE] = "none",
	[SL_ROUTE_DIRECT] = "direct",
	[SL_ROUTE_TUNNEL] = "tunnel",
	[SL_ROUTE_LOCAL] = "local",
	[SL_ROUTE_OUTSIDE] = "outside",
	[SL_ROUTE_OUTSIDE_PLAIN] = "routed",
};

const char *route_kind_name(enum sl_route_kind kind)
{
	return kind < __SL_ROUTE_MAX ? kind_names[kind] : "unknown";
}

static bool node_is_self(const struct route_input *in, const struct policy_node *node)
{
	return !strcmp(node->name, in->cfg->node_name);
}

static bool addr_on_link(const struct route_input *in, const union sl_addr *addr)
{
	for (size_t i = 0; i < in->nonlink; i++) {
		if (sluice_prefix_contains(&in->onlink[i], addr))
			return true;
	}
	return false;
}

/* Of the family that both ends speak, IPv4 first: its header is the shorter one. */
static const union sl_addr *tunnel_end(const struct route_input *in,
				       const struct policy_node *node)
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_zero(&in->node_addr[f]) && !addr_is_zero(&node->addr[f]))
			return &node->addr[f];
	}
	return NULL;
}

/* Next hop for destinations of @family; IPv4 may go by an IPv6 one, not the reverse. */
static const union sl_addr *next_hop(const struct route_input *in, const struct policy_node *node,
				     enum sl_family family)
{
	for (int f = (int)family; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_zero(&node->addr[f]) && addr_on_link(in, &node->addr[f]))
			return &node->addr[f];
	}
	return NULL;
}

enum sl_route_kind route_node_kind(const struct route_input *in, const struct policy_node *node)
{
	if (node_is_self(in, node))
		return SL_ROUTE_LOCAL;
	if (in->cfg->encap != CONFIG_ENCAP_DIRECT)
		return in->tunnel && tunnel_end(in, node) ? SL_ROUTE_TUNNEL : SL_ROUTE_NONE;
	if (!in->uplink)
		return SL_ROUTE_NONE;
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (next_hop(in, node, f))
			return SL_ROUTE_DIRECT;
	}
	/* Behind a router, which has to know the way. */
	return SL_ROUTE_OUTSIDE_PLAIN;
}

static struct route *plan_add(struct route_plan *plan, const struct sl_prefix *dst,
			      enum sl_route_kind kind)
{
	struct route *r;

	if (plan->count == plan->size) {
		size_t size = plan->size * 2 + 16;

		r = realloc(plan->routes, size * sizeof(*r));
		if (!r)
			return NULL;
		plan->routes = r;
		plan->size = size;
	}
	r = &plan->routes[plan->count++];
	memset(r, 0, sizeof(*r));
	r->dst = *dst;
	r->val.kind = (__u8)kind;
	r->kernel.dst = *dst;
	r->kernel.metric = ROUTE_METRIC;
	r->kernel.protocol = ROUTE_PROTO;
	r->kernel.type = RTN_UNICAST;
	return r;
}

static int plan_local(struct route_plan *plan, const struct policy_node *node)
{
	for (unsigned int i = 0; i < node->npod_cidr; i++) {
		struct route *r = plan_add(plan, &node->pod_cidr[i], SL_ROUTE_LOCAL);

		if (!r)
			return -ENOMEM;
		/* An address without a pod must not leave by the default route and come back. */
		r->in_kernel = true;
		r->kernel.type = RTN_UNREACHABLE;
	}
	return 0;
}

static void route_set_tunnel(const struct route_input *in, struct route *r,
			     const union sl_addr *via)
{
	enum sl_family outer = addr_family(via);
	unsigned int overhead = encap_overhead(in->cfg->encap, outer);

	r->val.ifindex = (__u32)in->tunnel;
	r->val.vni = in->cfg->vni;
	r->val.via = *via;
	if (in->uplink_mtu > overhead)
		r->val.mtu = (__u16)(in->uplink_mtu - overhead > 65535 ? 65535 :
				     in->uplink_mtu - overhead);
	r->kernel.ifindex = in->tunnel;
	r->kernel.encap = (struct rt_encap){ *via, in->node_addr[outer], in->cfg->vni };
	r->kernel.src = in->node_addr[prefix_family(&r->dst)];
}

static void route_set_direct(const struct route_input *in, struct route *r,
			     const union sl_addr *via)
{
	r->val.ifindex = (__u32)in->uplink;
	r->val.via = *via;
	r->kernel.ifindex = in->uplink;
	r->kernel.via = *via;
	r->kernel.src = in->node_addr[prefix_family(&r->dst)];
}

/* One range or address of another node. */
static int plan_remote(const struct route_input *in, struct route_plan *plan,
		       const struct policy_node *node, const struct sl_prefix *dst)
{
	enum sl_route_kind kind = route_node_kind(in, node);
	const union sl_addr *via = NULL;
	struct route *r;

	if (kind == SL_ROUTE_NONE)
		return 0;
	if (kind == SL_ROUTE_DIRECT) {
		via = next_hop(in, node, prefix_family(dst));
		if (!via)
			kind = SL_ROUTE_OUTSIDE_PLAIN;
	}
	r = plan_add(plan, dst, kind);
	if (!r)
		return -ENOMEM;
	if (kind == SL_ROUTE_TUNNEL)
		route_set_tunnel(in, r, tunnel_end(in, node));
	else if (kind == SL_ROUTE_DIRECT)
		route_set_direct(in, r, via);
	return 0;
}

/*
 * Pods reach a node itself the way they reach its pods: not masqueraded, and
 * by the tunnel where there is one, so that what that node sends to them by
 * the tunnel and what they send back take one way and strict reverse path
 * filters agree.
 */
static int plan_node(const struct route_input *in, struct route_plan *plan,
		     const struct policy_node *node)
{
	struct sl_prefix dst;
	size_t first;
	int err = 0;

	for (unsigned int i = 0; i < node->npod_cidr && !err; i++) {
		first = plan->count;
		err = plan_remote(in, plan, node, &node->pod_cidr[i]);
		if (plan->count > first)
			plan->routes[first].in_kernel = plan->routes[first].val.ifindex;
	}
	for (int f = 0; f < __SL_FAMILY_MAX && !err; f++) {
		if (addr_is_zero(&node->addr[f]))
			continue;
		dst = prefix_of_addr(&node->addr[f]);
		first = plan->count;
		err = plan_remote(in, plan, node, &dst);
		if (plan->count > first)
			plan->routes[first].val.flags = SL_ROUTE_FLAG_NODE;
	}
	return err;
}

static int plan_outside(const struct route_input *in, struct route_plan *plan)
{
	enum sl_route_kind kind = in->cfg->masquerade ? SL_ROUTE_OUTSIDE : SL_ROUTE_OUTSIDE_PLAIN;
	const struct sl_prefix v4 = { .prefixlen = 96, .addr.h[5] = 0xffff };
	const struct sl_prefix v6 = { 0 };

	return plan_add(plan, &v4, kind) && plan_add(plan, &v6, kind) ? 0 : -ENOMEM;
}

/* Equal destinations: who was planned first; qsort() may move equals, so by kind. */
static int route_cmp(const void *a, const void *b)
{
	const struct route *ra = a, *rb = b;
	int c = prefix_key_cmp(&ra->dst, &rb->dst);

	if (c)
		return c;
	c = (ra->val.kind != SL_ROUTE_LOCAL) - (rb->val.kind != SL_ROUTE_LOCAL);
	return c ? c : memcmp(&ra->val, &rb->val, sizeof(ra->val));
}

static void plan_unique(struct route_plan *plan, struct why *why)
{
	size_t n = 0;
	char text[SLUICE_PREFIX_STRLEN];

	qsort(plan->routes, plan->count, sizeof(*plan->routes), route_cmp);
	for (size_t i = 0; i < plan->count; i++) {
		if (n && !prefix_key_cmp(&plan->routes[n - 1].dst, &plan->routes[i].dst)) {
			why_set(why, 0, "%s: claimed by more than one node",
				sluice_prefix_format(&plan->routes[i].dst, text));
			continue;
		}
		plan->routes[n++] = plan->routes[i];
	}
	plan->count = n;
}

int route_plan_make(const struct route_input *in, struct route_plan *out, struct why *why)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = plan_outside(in, out);
	for (size_t i = 0; i < in->nnodes && !err; i++)
		err = node_is_self(in, &in->nodes[i]) ? plan_local(out, &in->nodes[i]) :
							plan_node(in, out, &in->nodes[i]);
	if (err) {
		route_plan_free(out);
		return err;
	}
	plan_unique(out, why);
	return 0;
}

void route_plan_free(struct route_plan *plan)
{
	free(plan->routes);
	memset(plan, 0, sizeof(*plan));
}

/* ------------------------------------------------------------------- sl_route */

static int dst_cmp(const void *key, const void *route)
{
	return prefix_key_cmp(key, &((const struct route *)route)->dst);
}

static struct route *plan_find(const struct route_plan *plan, const struct sl_prefix *dst)
{
	return plan->count ? bsearch(dst, plan->routes, plan->count, sizeof(*plan->routes),
				     dst_cmp) : NULL;
}

enum map_there {
	MAP_ABSENT,
	MAP_OTHER,			/* ours, with another value */
	MAP_SAME,			/* as wanted, or not ours to write */
};

struct map_sync {
	int fd;
	const struct route_plan *plan;
	enum map_there *there;		/* by index in the plan */
	struct sl_prefix *stale;
	size_t nstale, stale_size;
	struct why *why;
};

static void map_tell_admins(struct map_sync *s, const struct sl_prefix *dst)
{
	char text[SLUICE_PREFIX_STRLEN];

	why_set(s->why, 0, "route %s: left as the administrator wrote it",
		sluice_prefix_format(dst, text));
}

static int map_stale(struct map_sync *s, const struct sl_prefix *key)
{
	struct sl_prefix *p;

	if (s->nstale == s->stale_size) {
		p = realloc(s->stale, (s->stale_size * 2 + 16) * sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->stale = p;
		s->stale_size = s->stale_size * 2 + 16;
	}
	s->stale[s->nstale++] = *key;
	return 0;
}

static int map_visit(struct map_sync *s, const struct sl_prefix *key)
{
	struct route *want = plan_find(s->plan, key);
	struct sl_route_val val;
	bool admins, same;

	/* A key that is there finds itself, not a shorter prefix. */
	if (bpf_map_lookup_elem(s->fd, key, &val))
		return 0;
	admins = val.origin == SL_ORIGIN_ADMIN;
	if (!want)
		return admins ? 0 : map_stale(s, key);
	same = !memcmp(&val, &want->val, sizeof(val));
	if (admins)
		map_tell_admins(s, key);
	s->there[want - s->plan->routes] = admins || same ? MAP_SAME : MAP_OTHER;
	return 0;
}

/* What is to go is collected: deleting while walking a trie starts the walk anew. */
static int map_walk(struct map_sync *s)
{
	struct sl_prefix key, next;
	int end = bpf_map_get_next_key(s->fd, NULL, &next), err = 0;

	while (!end && !err) {
		key = next;
		err = map_visit(s, &key);
		end = bpf_map_get_next_key(s->fd, &key, &next);
	}
	return err;
}

/* The flags hold against an administrator who writes at the same time. */
static int map_write_one(struct map_sync *s, size_t i)
{
	const struct route *r = &s->plan->routes[i];
	int err;

	if (s->there[i] == MAP_SAME)
		return 0;
	err = bpf_map_update_elem(s->fd, &r->dst, &r->val,
				  s->there[i] == MAP_OTHER ? BPF_EXIST : BPF_NOEXIST);
	if (err != -EEXIST)
		return err ? err : 1;
	map_tell_admins(s, &r->dst);
	return 0;
}

static int map_write(struct map_sync *s)
{
	int n = 0, done;

	for (size_t i = 0; i < s->plan->count; i++) {
		done = map_write_one(s, i);
		if (done < 0)
			return done;
		n += done;
	}
	for (size_t i = 0; i < s->nstale; i++)
		bpf_map_delete_elem(s->fd, &s->stale[i]);
	return n + (int)s->nstale;
}

int route_sync_map(struct sluice *sl, const struct route_plan *plan, struct why *why)
{
	struct map_sync s = { .fd = sluice_map_fd(sl, SL_MAP_ROUTE), .plan = plan, .why = why };
	int err;

	s.there = calloc(plan->count + 1, sizeof(*s.there));
	if (!s.there)
		return -ENOMEM;
	err = map_walk(&s);
	if (!err)
		err = map_write(&s);
	if (err < 0)
		why_set(why, err, "sl_route: %s", strerror(-err));
	free(s.there);
	free(s.stale);
	return err;
}

/* -------------------------------------------------------------- kernel routes */

struct kernel_sync {
	struct rt *rt;
	const struct route_plan *plan;
	bool *there;			/* by index in the plan */
	struct why *why;
	int changes;
};

/* The kernel names the loopback for an unreachable IPv6 route: not compared. */
static bool kernel_same(const struct rt_route *a, const struct rt_route *b)
{
	if (a->type != b->type || a->metric != b->metric)
		return false;
	return a->type == RTN_UNREACHABLE ||
	       (a->ifindex == b->ifindex && addr_equal(&a->via, &b->via) &&
		addr_equal(&a->src, &b->src) && addr_equal(&a->encap.dst, &b->encap.dst) &&
		addr_equal(&a->encap.src, &b->encap.src) && a->encap.id == b->encap.id);
}

static void kernel_log(const struct kernel_sync *s, const struct rt_route *r, const char *verb,
		       int err)
{
	char text[SLUICE_PREFIX_STRLEN];

	sluice_prefix_format(&r->dst, text);
	if (!err)
		log_debug("kernel route %s: %s", text, verb);
	else if (err == -EEXIST)
		why_set(s->why, err, "kernel route %s: somebody else has one with metric %u", text,
			r->metric);
	else
		why_set(s->why, err, "kernel route %s: not %s: %s %s", text, verb, strerror(-err),
			rt_error(s->rt));
}

static int kernel_visit(void *arg, const struct rt_route *have)
{
	struct kernel_sync *s = arg;
	struct route *want;
	int err;

	if (have->protocol != ROUTE_PROTO)
		return 0;
	want = s->plan ? plan_find(s->plan, &have->dst) : NULL;
	if (want && want->in_kernel && kernel_same(have, &want->kernel)) {
		s->there[want - s->plan->routes] = true;
		return 0;
	}
	if (want && want->in_kernel && have->metric == want->kernel.metric) {
		err = rt_route_replace(s->rt, &want->kernel);
		kernel_log(s, &want->kernel, "replaced", err);
		s->there[want - s->plan->routes] = !err;
	} else {
		err = rt_route_del(s->rt, have);
		kernel_log(s, have, "removed", err);
	}
	s->changes += !err;
	return 0;
}

int route_sync_kernel(struct rt *rt, const struct route_plan *plan, struct why *why)
{
	struct kernel_sync s = { .rt = rt, .plan = plan, .why = why };
	int err, bad = 0;

	if (plan && plan->count) {
		s.there = calloc(plan->count, sizeof(*s.there));
		if (!s.there)
			return -ENOMEM;
	}
	err = rt_route_each(rt, AF_UNSPEC, 0, kernel_visit, &s);
	for (size_t i = 0; plan && i < plan->count && !err; i++) {
		const struct rt_route *r = &plan->routes[i].kernel;
		int failed;

		if (!plan->routes[i].in_kernel || s.there[i])
			continue;
		failed = rt_route_add(rt, r);
		kernel_log(&s, r, "added", failed);
		s.changes += !failed;
		if (failed)
			bad = failed;
	}
	free(s.there);
	return err ? err : bad ? bad : s.changes;
}
