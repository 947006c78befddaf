// SPDX-License-Identifier: GPL-2.0
/* What a Service asks of a node: each rule, and where it doesn't hold. */
#include "unit.h"
#include "services.h"
#include "daemon/service_plan.h"

#define NORMAL		(SLICE_READY | SLICE_SERVING)
#define ENDING		(SLICE_SERVING | SLICE_TERMINATING)
#define CLUSTER		(1 << SL_SVC_CLUSTER)
#define LOCAL		(1 << SL_SVC_LOCAL)
#define READY		SL_BACKEND_READY
#define KEEP		SL_BACKEND_KEEP
#define HERE		SL_BACKEND_LOCAL

struct fixture {
	struct hand_service *h;
	struct hand_slice *slice;	/* of IPv4, with port 8080 for the service's 80 */
	struct plan_where where;
	struct str *node, *zone;
	struct service_plan plan;
};

static int setup(void **state)
{
	struct fixture *f = *state = calloc(1, sizeof(*f));

	f->h = hand_service("shop", "web");
	hand_port(f->h, NULL, 80, IPPROTO_TCP, 0);
	hand_cluster_ip(f->h, "10.96.0.10");
	f->slice = hand_slice(f->h, SL_FAMILY_V4);
	hand_slice_port(f->slice, NULL, 8080, IPPROTO_TCP);
	f->where.node = f->node = hand_str("node1");
	f->where.zone = f->zone = hand_str("zone1");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	service_plan_free(&f->plan);
	hand_free(f->h);
	str_put(f->node);
	str_put(f->zone);
	free(f);
	return 0;
}

static struct plan_port *plan(struct fixture *f)
{
	service_plan_free(&f->plan);
	assert_int_equal(service_plan(&f->h->s, &f->where, &f->plan), 0);
	return f->plan.port;
}

static struct slice_endpoint *endpoint(struct fixture *f, const char *addr, const char *node,
				       unsigned int flags)
{
	return hand_endpoint(f->slice, hand_addr(addr), node, flags);
}

static void hint(struct slice_endpoint *ep, const char *node, const char *zone)
{
	if (node)
		ep->for_node[ep->nnodes++] = hand_str(node);
	if (zone)
		ep->for_zone[ep->nzones++] = hand_str(zone);
}

static const struct plan_backend *backend(const struct plan_port *p, const char *addr)
{
	union sl_addr a = hand_addr(addr);
	unsigned int i;

	for (i = 0; i < p->nbackends; i++)
		if (!memcmp(&p->backend[i].addr, &a, sizeof(a)))
			return &p->backend[i];
	fail_msg("no backend %s", addr);
	return NULL;
}

static void expect(const struct plan_port *p, const char *addr, unsigned int flags,
		   unsigned int lists)
{
	const struct plan_backend *b = backend(p, addr);

	if (b->flags != flags || b->lists != lists)
		fail_msg("%s: flags %x, lists %x, expected %x, %x", addr, b->flags, b->lists,
			 flags, lists);
}

static const struct plan_front *front(const struct plan_port *p, const char *addr, __u16 port)
{
	union sl_addr a = hand_addr(addr);
	unsigned int i;

	for (i = 0; i < p->nfronts; i++)
		if (!memcmp(&p->front[i].key.addr, &a, sizeof(a)) &&
		    p->front[i].key.port == htons(port))
			return &p->front[i];
	fail_msg("no frontend %s port %d", addr, port);
	return NULL;
}

static void expect_scopes(const struct plan_front *f, __u8 inside, __u8 outside)
{
	assert_int_equal(f->inside, inside);
	assert_int_equal(f->outside, outside);
}

/* ------------------------------------------------------------------- tests */

static void nothing_to_serve(void **state)
{
	struct fixture *f = *state;

	f->h->o->headless = true;
	plan(f);
	assert_int_equal(f->plan.nports, 0);
	f->h->o->headless = false;
	f->h->o->type = SERVICE_EXTERNAL_NAME;
	plan(f);
	assert_int_equal(f->plan.nports, 0);
	f->h->o->type = SERVICE_CLUSTER_IP;
	f->h->o->ncluster_ip = 0;
	plan(f);
	assert_int_equal(f->plan.nports, 0);
	f->h->s.obj = NULL;
	plan(f);
	assert_int_equal(f->plan.nports, 0);
	f->h->s.obj = f->h->o;
	f->h->o->ncluster_ip = 1;
	plan(f);
	assert_int_equal(f->plan.nports, 1);
}

/* By name and protocol, each slice with its own number; "any" means no port. */
static void slice_ports(void **state)
{
	struct fixture *f = *state;
	struct hand_slice *two = hand_slice(f->h, SL_FAMILY_V4);
	struct plan_port *p;

	hand_port(f->h, "dns", 53, IPPROTO_UDP, 0);
	hand_port(f->h, "dns-tcp", 53, IPPROTO_TCP, 0);
	hand_slice_port(f->slice, "dns", 5353, IPPROTO_UDP);
	hand_slice_port(f->slice, "dns-tcp", 0, IPPROTO_TCP);
	hand_slice_port(two, "dns", 5354, IPPROTO_UDP);
	hand_slice_port(two, "dns-tcp", 5355, IPPROTO_UDP);
	endpoint(f, "10.1.0.1", "node1", NORMAL);
	hand_endpoint(two, hand_addr("10.1.0.2"), "node2", NORMAL);
	p = plan(f);
	assert_int_equal(f->plan.nports, 3);
	assert_int_equal(p[0].nbackends, 1);
	assert_int_equal(backend(&p[0], "10.1.0.1")->port, htons(8080));
	assert_int_equal(p[1].nbackends, 2);
	assert_int_equal(backend(&p[1], "10.1.0.1")->port, htons(5353));
	assert_int_equal(backend(&p[1], "10.1.0.2")->port, htons(5354));
	assert_int_equal(p[2].nbackends, 0);
}

static void families(void **state)
{
	struct fixture *f = *state;
	struct hand_slice *six = hand_slice(f->h, SL_FAMILY_V6);
	struct plan_port *p;

	hand_slice_port(six, NULL, 8086, IPPROTO_TCP);
	hand_endpoint(six, hand_addr("fd00::1"), "node1", NORMAL);
	hand_external_ip(f->h, "2001:db8::1");
	endpoint(f, "10.1.0.1", "node1", NORMAL);
	p = plan(f);
	/* without a cluster IP of the family nothing is served in it */
	assert_int_equal(f->plan.nports, 1);
	assert_int_equal(p->nfronts, 1);
	hand_cluster_ip(f->h, "fd00:96::10");
	f->h->o->port[0].node_port = 30080;
	p = plan(f);
	assert_int_equal(f->plan.nports, 2);
	assert_int_equal(p[0].family, SL_FAMILY_V4);
	assert_int_equal(p[1].family, SL_FAMILY_V6);
	assert_int_equal(p[0].nfronts, 2);
	assert_int_equal(p[1].nfronts, 3);
	front(&p[0], "0.0.0.0", 30080);
	front(&p[1], "::", 30080);
	assert_int_equal(p[0].nbackends, 1);
	assert_int_equal(backend(&p[1], "fd00::1")->port, htons(8086));
}

static void states(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	endpoint(f, "10.1.0.1", "node1", NORMAL);
	endpoint(f, "10.1.0.2", "node2", NORMAL);
	endpoint(f, "10.1.0.3", "node1", ENDING);
	endpoint(f, "10.1.0.4", "node2", 0);
	endpoint(f, "10.1.0.5", NULL, SLICE_TERMINATING);
	p = plan(f);
	expect(p, "10.1.0.1", READY | KEEP | HERE, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.3", KEEP, 0);
	expect(p, "10.1.0.4", KEEP, 0);
	expect(p, "10.1.0.5", KEEP, 0);
	assert_int_equal(p->nbackends, 5);
	assert_int_equal(f->plan.local_ready, 1);
	f->h->o->publish_not_ready = true;
	p = plan(f);
	expect(p, "10.1.0.4", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.3", READY | KEEP | HERE, CLUSTER | LOCAL);
	assert_int_equal(f->plan.local_ready, 2);
}

/* Whoever sends datagrams to an endpoint that no longer serves would never stop. */
static void datagrams(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	f->h->o->port[0].proto = f->slice->port[0].proto = IPPROTO_UDP;
	endpoint(f, "10.1.0.1", "node1", NORMAL);
	endpoint(f, "10.1.0.2", "node1", SLICE_SERVING);
	endpoint(f, "10.1.0.3", "node1", 0);
	endpoint(f, "10.1.0.4", "node1", SLICE_TERMINATING);
	p = plan(f);
	assert_int_equal(p->nbackends, 2);
	expect(p, "10.1.0.2", KEEP, 0);
}

/* Each scope for itself falls back to those that end but still serve. */
static void draining(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	endpoint(f, "10.1.0.1", "node1", ENDING);
	endpoint(f, "10.1.0.2", "node2", NORMAL);
	endpoint(f, "10.1.0.3", "node1", SLICE_SERVING);
	p = plan(f);
	expect(p, "10.1.0.1", KEEP | HERE, LOCAL);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.3", KEEP, 0);
	assert_int_equal(f->plan.local_ready, 0);
	f->slice->ep[1].flags = ENDING;
	p = plan(f);
	expect(p, "10.1.0.1", READY | KEEP | HERE, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	f->slice->ep[0].flags = f->slice->ep[1].flags = SLICE_TERMINATING;
	p = plan(f);
	expect(p, "10.1.0.1", KEEP, 0);
	expect(p, "10.1.0.2", KEEP, 0);
}

static void duplicates(void **state)
{
	struct fixture *f = *state;
	struct hand_slice *two = hand_slice(f->h, SL_FAMILY_V4);
	struct plan_port *p;

	hand_slice_port(two, NULL, 8080, IPPROTO_TCP);
	endpoint(f, "10.1.0.2", "node1", 0);
	endpoint(f, "10.1.0.1", "node1", NORMAL);
	hand_endpoint(two, hand_addr("10.1.0.2"), "node1", NORMAL);
	hand_endpoint(two, hand_addr("10.1.0.1"), "node1", ENDING);
	p = plan(f);
	assert_int_equal(p->nbackends, 2);
	expect(p, "10.1.0.1", READY | KEEP | HERE, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", READY | KEEP | HERE, CLUSTER | LOCAL);
	/* and in order of address */
	assert_true(backend(p, "10.1.0.1") < backend(p, "10.1.0.2"));
	/* another port of the same address is another backend, but not another endpoint */
	two->port[0].port = 8081;
	p = plan(f);
	assert_int_equal(p->nbackends, 4);
	assert_int_equal(f->plan.local_ready, 2);
}

static void frontends(void **state)
{
	struct fixture *f = *state;
	const struct plan_front *lb;
	struct plan_port *p;

	f->h->o->port[0].node_port = 30080;
	hand_external_ip(f->h, "192.0.2.1");
	hand_lb_ip(f->h, "198.51.100.1");
	p = plan(f);
	assert_int_equal(p->nfronts, 4);
	expect_scopes(front(p, "10.96.0.10", 80), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	expect_scopes(front(p, "0.0.0.0", 30080), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	expect_scopes(front(p, "192.0.2.1", 80), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	expect_scopes(front(p, "198.51.100.1", 80), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	assert_int_equal(front(p, "10.96.0.10", 80)->addr_id, SL_SVC_ADDR_CLOSED);
	assert_int_equal(front(p, "192.0.2.1", 80)->addr_id, SL_SVC_ADDR_OPEN);
	assert_int_equal(p->scopes, CLUSTER);
	f->h->o->external_local = true;
	p = plan(f);
	expect_scopes(front(p, "10.96.0.10", 80), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	expect_scopes(front(p, "0.0.0.0", 30080), SL_SVC_CLUSTER, SL_SVC_LOCAL);
	expect_scopes(front(p, "192.0.2.1", 80), SL_SVC_CLUSTER, SL_SVC_LOCAL);
	lb = front(p, "198.51.100.1", 80);
	expect_scopes(lb, SL_SVC_CLUSTER, SL_SVC_LOCAL);
	assert_int_equal(lb->flags, 0);
	assert_int_equal(p->scopes, CLUSTER | LOCAL);
	f->h->o->internal_local = true;
	f->h->o->external_local = false;
	p = plan(f);
	expect_scopes(front(p, "10.96.0.10", 80), SL_SVC_LOCAL, SL_SVC_LOCAL);
	expect_scopes(front(p, "0.0.0.0", 30080), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
}

static void ranges(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	hand_range(f->h, "192.0.2.7/24");
	hand_range(f->h, "192.0.2.0/24");
	hand_range(f->h, "2001:db8::/32");
	hand_external_ip(f->h, "192.0.2.1");
	p = plan(f);
	assert_int_equal(p->nranges, 0);
	hand_lb_ip(f->h, "198.51.100.1");
	p = plan(f);
	assert_int_equal(front(p, "198.51.100.1", 80)->flags, SL_FRONT_RANGES);
	assert_int_equal(front(p, "192.0.2.1", 80)->flags, 0);
	assert_int_equal(p->nranges, 1);
	assert_int_equal(p->range[0].prefixlen, 96 + 24);
	/* ranges of the other family alone: nobody */
	f->h->range[0] = f->h->range[2];
	f->h->o->nranges = 1;
	p = plan(f);
	assert_int_equal(front(p, "198.51.100.1", 80)->flags, SL_FRONT_RANGES);
	assert_int_equal(p->nranges, 0);
}

static void hints(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	hint(endpoint(f, "10.1.0.1", "node1", NORMAL), "node1", "zone1");
	hint(endpoint(f, "10.1.0.2", "node2", NORMAL), "node2", "zone1");
	hint(endpoint(f, "10.1.0.3", "node3", NORMAL), "node3", "zone2");
	endpoint(f, "10.1.0.4", "node4", 0);	/* not ready: not asked for a hint */
	p = plan(f);
	expect(p, "10.1.0.1", READY | KEEP | HERE, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", KEEP, 0);
	expect(p, "10.1.0.3", KEEP, 0);
	/* one without a hint of a node: by zone */
	f->slice->ep[1].nnodes = 0;
	p = plan(f);
	expect(p, "10.1.0.1", READY | KEEP | HERE, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.3", KEEP, 0);
	/* and one without any: all */
	f->slice->ep[2].nzones = 0;
	p = plan(f);
	expect(p, "10.1.0.3", READY | KEEP, CLUSTER);
	str_put(f->slice->ep[1].for_node[0]);
	str_put(f->slice->ep[2].for_zone[0]);
}

/* Hints that are all for elsewhere, or a node that doesn't know where it is. */
static void hints_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	hint(endpoint(f, "10.1.0.1", "node1", ENDING), "node1", "zone1");
	hint(endpoint(f, "10.1.0.2", "node2", NORMAL), "node2", "zone2");
	hint(endpoint(f, "10.1.0.3", "node3", NORMAL), "node3", "zone3");
	p = plan(f);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.3", READY | KEEP, CLUSTER);
	f->slice->ep[0].flags = NORMAL;
	f->where = (struct plan_where){};
	p = plan(f);
	expect(p, "10.1.0.1", READY | KEEP, CLUSTER);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
}

static void tables(void **state)
{
	struct fixture *f = *state;
	struct object_service *o = f->h->o;

	assert_int_equal(plan(f)->maglev, 0);
	o->balance = SERVICE_BALANCE_MAGLEV;
	assert_int_equal(plan(f)->maglev, CLUSTER);
	assert_int_equal(f->plan.flags, SL_SVC_MAGLEV);
	o->balance = SERVICE_BALANCE_DEFAULT;
	o->port[0].node_port = 30080;
	assert_int_equal(plan(f)->maglev, CLUSTER);
	assert_int_equal(f->plan.flags, 0);
	o->external_local = true;
	assert_int_equal(plan(f)->maglev, LOCAL);
	o->balance = SERVICE_BALANCE_MAGLEV;
	assert_int_equal(plan(f)->maglev, CLUSTER | LOCAL);
	o->balance = SERVICE_BALANCE_RANDOM;
	assert_int_equal(plan(f)->maglev, 0);
	o->reset = true;
	o->affinity_s = 10800;
	plan(f);
	assert_int_equal(f->plan.flags, SL_SVC_RESET);
	assert_int_equal(f->plan.affinity_s, 10800);
}

static void direct_return(void **state)
{
	struct fixture *f = *state;
	struct object_service *o = f->h->o;
	struct plan_port *p;

	o->dsr = true;
	o->port[0].node_port = 30080;
	hand_range(f->h, "192.0.2.7/24");
	hand_external_ip(f->h, "192.0.2.1");
	hand_lb_ip(f->h, "198.51.100.1");
	endpoint(f, "10.1.0.1", "node1", NORMAL);
	endpoint(f, "10.1.0.2", "node2", NORMAL);
	/* without a tunnel it is as if nobody had asked */
	p = plan(f);
	assert_int_equal(front(p, "0.0.0.0", 30080)->flags, 0);
	assert_int_equal(p->scopes, CLUSTER);
	assert_int_equal(p->maglev, CLUSTER);
	f->where.tunnel = true;
	p = plan(f);
	assert_int_equal(front(p, "10.96.0.10", 80)->flags, 0);
	assert_int_equal(front(p, "0.0.0.0", 30080)->flags, SL_FRONT_DSR);
	assert_int_equal(front(p, "192.0.2.1", 80)->flags, SL_FRONT_DSR);
	assert_int_equal(front(p, "198.51.100.1", 80)->flags, SL_FRONT_DSR | SL_FRONT_RANGES);
	expect_scopes(front(p, "0.0.0.0", 30080), SL_SVC_CLUSTER, SL_SVC_CLUSTER);
	assert_int_equal(p->nranges, 1);
	/* both sets, and a table of each, whatever the clients inside get */
	assert_int_equal(p->scopes, CLUSTER | LOCAL);
	assert_int_equal(p->maglev, CLUSTER | LOCAL);
	o->balance = SERVICE_BALANCE_RANDOM;
	assert_int_equal(plan(f)->maglev, CLUSTER | LOCAL);
	assert_int_equal(f->plan.flags, 0);
	expect(p = plan(f), "10.1.0.1", READY | KEEP | SL_BACKEND_LOCAL, CLUSTER | LOCAL);
	expect(p, "10.1.0.2", READY | KEEP, CLUSTER);
	/* only this node's backends anyway */
	o->external_local = true;
	p = plan(f);
	assert_int_equal(front(p, "0.0.0.0", 30080)->flags, 0);
	assert_int_equal(p->maglev, 0);
}

/* Nothing from outside: nobody to answer by himself. */
static void direct_return_inside(void **state)
{
	struct fixture *f = *state;
	struct plan_port *p;

	f->h->o->dsr = true;
	f->where.tunnel = true;
	p = plan(f);
	assert_int_equal(front(p, "10.96.0.10", 80)->flags, 0);
	assert_int_equal(p->scopes, CLUSTER);
	assert_int_equal(p->maglev, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_to_serve), TEST(slice_ports), TEST(families), TEST(states),
		TEST(datagrams), TEST(draining), TEST(duplicates), TEST(frontends), TEST(ranges),
		TEST(hints), TEST(hints_elsewhere), TEST(tables), TEST(direct_return), TEST(direct_return_inside),
	};

	return unit_run(tests, NULL, NULL);
}
