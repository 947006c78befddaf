// SPDX-License-Identifier: GPL-2.0
/* Routes to other nodes as they are planned, and what encapsulation takes. */
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/addr.h"
#include "daemon/encap.h"
#include "daemon/route.h"
#include "unit.h"

enum { UPLINK = 7, TUNNEL = 9 };

static struct config cfg;
static struct sl_prefix onlink[2];
static struct why why;

static union sl_addr addr(const char *text)
{
	union sl_addr a = { 0 };

	if (text)
		assert_int_equal(sluice_addr_parse(text, &a), 0);
	return a;
}

static struct sl_prefix prefix(const char *text)
{
	struct sl_prefix p;

	assert_int_equal(sluice_prefix_parse(text, false, &p), 0);
	return p;
}

static struct policy_node node(const char *name, const char *v4, const char *v6,
			       const char *cidr4, const char *cidr6)
{
	struct policy_node n = { .name = name };

	n.addr[SL_FAMILY_V4] = addr(v4);
	n.addr[SL_FAMILY_V6] = addr(v6);
	if (cidr4)
		n.pod_cidr[n.npod_cidr++] = prefix(cidr4);
	if (cidr6)
		n.pod_cidr[n.npod_cidr++] = prefix(cidr6);
	return n;
}

static struct route_input input(enum config_encap encap, const struct policy_node *nodes, size_t n)
{
	struct route_input in = { .cfg = &cfg, .nodes = nodes, .nnodes = n };

	memset(&cfg, 0, sizeof(cfg));
	strcpy(cfg.node_name, "a");
	cfg.encap = encap;
	cfg.vni = 5;
	cfg.masquerade = 1;
	in.uplink = UPLINK;
	in.uplink_mtu = 1500;
	in.tunnel = encap == CONFIG_ENCAP_DIRECT ? 0 : TUNNEL;
	onlink[0] = prefix("192.0.2.0/24");
	onlink[1] = prefix("2001:db8::/64");
	in.onlink = onlink;
	in.nonlink = 2;
	in.node_addr[0] = addr("192.0.2.1");
	in.node_addr[1] = addr("2001:db8::1");
	return in;
}

static const struct route *find(const struct route_plan *plan, const char *text)
{
	struct sl_prefix p = prefix(text);

	for (size_t i = 0; i < plan->count; i++) {
		if (!prefix_key_cmp(&plan->routes[i].dst, &p))
			return &plan->routes[i];
	}
	return NULL;
}

static void expect_via(const struct route *r, enum sl_route_kind kind, int ifindex,
		       const char *via)
{
	union sl_addr want = addr(via);

	assert_non_null(r);
	assert_int_equal(r->val.kind, kind);
	assert_int_equal(r->val.ifindex, ifindex);
	assert_true(addr_equal(&r->val.via, &want));
}

static void direct(void **state)
{
	struct policy_node nodes[] = {
		node("a", "192.0.2.1", "2001:db8::1", "10.1.0.0/24", "fd01::/64"),
		node("b", "192.0.2.2", "2001:db8::2", "10.2.0.0/24", "fd02::/64"),
	};
	struct route_input in = input(CONFIG_ENCAP_DIRECT, nodes, 2);
	struct route_plan plan;
	const struct route *r;
	union sl_addr src = addr("192.0.2.1");

	(void)state;
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	r = find(&plan, "10.1.0.0/24");
	expect_via(r, SL_ROUTE_LOCAL, 0, NULL);
	assert_true(r->in_kernel);
	assert_int_equal(r->kernel.type, RTN_UNREACHABLE);
	r = find(&plan, "10.2.0.0/24");
	expect_via(r, SL_ROUTE_DIRECT, UPLINK, "192.0.2.2");
	assert_true(r->in_kernel);
	assert_true(addr_equal(&r->kernel.via, &r->val.via));
	assert_true(addr_equal(&r->kernel.src, &src));
	assert_true(addr_is_zero(&r->kernel.encap.dst));
	expect_via(find(&plan, "fd02::/64"), SL_ROUTE_DIRECT, UPLINK, "2001:db8::2");
	/* the other node itself: not masqueraded, and the kernel knows the way */
	r = find(&plan, "192.0.2.2/32");
	expect_via(r, SL_ROUTE_DIRECT, UPLINK, "192.0.2.2");
	assert_false(r->in_kernel);
	assert_null(find(&plan, "192.0.2.1/32"));
	assert_int_equal(find(&plan, "0.0.0.0/0")->val.kind, SL_ROUTE_OUTSIDE);
	assert_int_equal(find(&plan, "::/0")->val.kind, SL_ROUTE_OUTSIDE);
	assert_false(find(&plan, "::/0")->in_kernel);
	route_plan_free(&plan);
	cfg.masquerade = 0;
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	assert_int_equal(find(&plan, "0.0.0.0/0")->val.kind, SL_ROUTE_OUTSIDE_PLAIN);
	route_plan_free(&plan);
}

static void direct_behind_a_router(void **state)
{
	struct policy_node nodes[] = {
		node("b", "198.51.100.2", NULL, "10.2.0.0/24", NULL),
	};
	struct route_input in = input(CONFIG_ENCAP_DIRECT, nodes, 1);
	struct route_plan plan;
	const struct route *r;

	(void)state;
	assert_int_equal(route_node_kind(&in, &nodes[0]), SL_ROUTE_OUTSIDE_PLAIN);
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	r = find(&plan, "10.2.0.0/24");
	expect_via(r, SL_ROUTE_OUTSIDE_PLAIN, 0, NULL);
	assert_false(r->in_kernel);
	route_plan_free(&plan);
}

static void ipv4_by_an_ipv6_hop(void **state)
{
	struct policy_node nodes[] = {
		node("b", NULL, "2001:db8::2", "10.2.0.0/24", "fd02::/64"),
		node("c", "192.0.2.3", NULL, "10.3.0.0/24", "fd03::/64"),
	};
	struct route_input in = input(CONFIG_ENCAP_DIRECT, nodes, 2);
	struct route_plan plan;

	(void)state;
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	expect_via(find(&plan, "10.2.0.0/24"), SL_ROUTE_DIRECT, UPLINK, "2001:db8::2");
	expect_via(find(&plan, "fd02::/64"), SL_ROUTE_DIRECT, UPLINK, "2001:db8::2");
	expect_via(find(&plan, "10.3.0.0/24"), SL_ROUTE_DIRECT, UPLINK, "192.0.2.3");
	/* no hop of IPv4 takes IPv6 */
	expect_via(find(&plan, "fd03::/64"), SL_ROUTE_OUTSIDE_PLAIN, 0, NULL);
	route_plan_free(&plan);
}

static void tunnel(void **state)
{
	struct policy_node nodes[] = {
		node("a", "192.0.2.1", "2001:db8::1", "10.1.0.0/24", "fd01::/64"),
		node("b", "198.51.100.2", "2001:db8:1::2", "10.2.0.0/24", "fd02::/64"),
		node("c", NULL, "2001:db8:1::3", "10.3.0.0/24", NULL),
	};
	struct route_input in = input(CONFIG_ENCAP_VXLAN, nodes, 3);
	union sl_addr own4 = addr("192.0.2.1"), own6 = addr("2001:db8::1");
	struct route_plan plan;
	const struct route *r;

	(void)state;
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	r = find(&plan, "fd02::/64");
	expect_via(r, SL_ROUTE_TUNNEL, TUNNEL, "198.51.100.2");
	assert_int_equal(r->val.vni, 5);
	assert_int_equal(r->val.mtu, 1450);
	assert_true(addr_equal(&r->kernel.encap.dst, &r->val.via));
	assert_true(addr_equal(&r->kernel.encap.src, &own4));
	assert_int_equal(r->kernel.encap.id, 5);
	assert_true(addr_equal(&r->kernel.src, &own6));
	/* the node itself by the tunnel too, for pods; the kernel must not loop */
	r = find(&plan, "198.51.100.2/32");
	expect_via(r, SL_ROUTE_TUNNEL, TUNNEL, "198.51.100.2");
	assert_false(r->in_kernel);
	assert_int_equal(r->val.flags, SL_ROUTE_FLAG_NODE);
	/* outer header of IPv6 */
	r = find(&plan, "10.3.0.0/24");
	expect_via(r, SL_ROUTE_TUNNEL, TUNNEL, "2001:db8:1::3");
	assert_int_equal(r->val.flags, 0);
	assert_int_equal(r->val.mtu, 1430);
	assert_true(addr_equal(&r->kernel.encap.src, &own6));
	route_plan_free(&plan);
}

static void no_common_family_no_tunnel(void **state)
{
	struct policy_node nodes[] = { node("c", NULL, "2001:db8:1::3", "10.3.0.0/24", NULL) };
	struct route_input in = input(CONFIG_ENCAP_VXLAN, nodes, 1);
	struct route_plan plan;

	(void)state;
	in.node_addr[1] = addr(NULL);
	assert_int_equal(route_node_kind(&in, &nodes[0]), SL_ROUTE_NONE);
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	assert_null(find(&plan, "10.3.0.0/24"));
	route_plan_free(&plan);
}

static void first_claim_wins(void **state)
{
	struct policy_node nodes[] = {
		node("b", "192.0.2.2", NULL, "10.1.0.0/24", NULL),
		node("a", "192.0.2.1", NULL, "10.1.0.0/24", NULL),
	};
	struct route_input in = input(CONFIG_ENCAP_DIRECT, nodes, 2);
	struct route_plan plan;

	(void)state;
	memset(&why, 0, sizeof(why));
	assert_int_equal(route_plan_make(&in, &plan, &why), 0);
	expect_via(find(&plan, "10.1.0.0/24"), SL_ROUTE_LOCAL, 0, NULL);
	route_plan_free(&plan);
	assert_string_equal(why.text, "10.1.0.0/24: claimed by more than one node");
	memset(&why, 0, sizeof(why));
}

static void mtu(void **state)
{
	struct config c = { 0 };

	(void)state;
	assert_int_equal(encap_mtu(&c, 1500, SL_FAMILY_V4), 1500);
	assert_int_equal(encap_mtu(&c, 65536, SL_FAMILY_V4), 65535);
	for (int e = CONFIG_ENCAP_VXLAN; e <= CONFIG_ENCAP_GENEVE; e++) {
		c.encap = (unsigned int)e;
		assert_int_equal(encap_mtu(&c, 1500, SL_FAMILY_V4), 1450);
		assert_int_equal(encap_mtu(&c, 1500, SL_FAMILY_V6), 1430);
		assert_int_equal(encap_mtu(&c, 9000, SL_FAMILY_V4), 8950);
		assert_int_equal(encap_mtu(&c, 50, SL_FAMILY_V4), 0);
	}
	c.mtu = 1280;
	assert_int_equal(encap_mtu(&c, 1500, SL_FAMILY_V4), 1280);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct),
		cmocka_unit_test(direct_behind_a_router),
		cmocka_unit_test(ipv4_by_an_ipv6_hop),
		cmocka_unit_test(tunnel),
		cmocka_unit_test(no_common_family_no_tunnel),
		cmocka_unit_test(first_claim_wins),
		cmocka_unit_test(mtu),
	};

	return unit_run(tests, NULL, NULL);
}
