// SPDX-License-Identifier: GPL-2.0
/*
 * Route: where a packet goes, and by which way its answers come back. A test
 * run does not show a redirect's target; the flow entry does.
 */
#include "env.h"

static struct pkt_spec tcp_to(const struct fam *f, const char *dst)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = dst, .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

static void check_via(const struct sl_flow *flow, const char *via)
{
	union sl_addr a = addr_of(via);

	assert_memory_equal(&flow->via, &a, 16);
}

ENV_TEST(pod_on_this_node)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->pod[2]);
		struct sl_flow_dir *to, *back;

		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_flow(&s, &flow);
		to = &flow.dir[flow.orig];
		back = &flow.dir[!flow.orig];
		assert_int_equal(to->action, SL_ACTION_PEER);
		assert_int_equal(to->in_ifindex, env.ep_if[1]);
		assert_int_equal(to->out_ifindex, env.ep_if[2]);
		assert_int_equal(to->flags, SL_FLOW_DIR_SMAC);
		assert_int_equal(to->mtu, 1500);
		assert_memory_equal(to->in_smac, env.pod_mac[1], 6);
		assert_memory_equal(to->dmac, env.pod_mac[2], 6);
		assert_memory_equal(to->smac, env.host_mac[2], 6);
		assert_int_equal(back->action, SL_ACTION_PEER);
		assert_int_equal(back->in_ifindex, env.ep_if[2]);
		assert_int_equal(back->out_ifindex, env.ep_if[1]);
		assert_memory_equal(back->in_smac, env.pod_mac[2], 6);
		assert_memory_equal(back->dmac, env.pod_mac[1], 6);
		assert_int_equal(flow.ep[flow.orig], 1);
		assert_int_equal(flow.ep[!flow.orig], 2);
	}
}

/* In the pod range, and nobody there: not to the default route. */
ENV_TEST(own_range_without_endpoint)
{
	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->pod[0]);
		struct pkt p;

		expect_drop(env_pod_sends(1, s), SL_DROP_NO_EP);
		s.src = f->out;
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_NO_EP);
	}
}

ENV_TEST(endpoint_slot_not_in_use)
{
	for_families(f) {
		env_ep(2)->flags = 0;
		env_ep_write(2);
		expect_drop(env_pod_sends(1, tcp_to(f, f->pod[2])), SL_DROP_NO_EP);
	}
}

ENV_TEST(node_itself)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->node);
		struct pkt p;

		s.ttl = 1;		/* not forwarded, so no hop */
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), NEXT);
		assert_int_equal(pkt_ttl(&p), 1);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_STACK);
		assert_int_equal(flow.dir[!flow.orig].action, SL_ACTION_PEER);
		assert_int_equal(flow.dir[!flow.orig].in_ifindex, 0);
	}
}

/* Nobody but the stack's own hook may answer in the node's name. */
ENV_TEST(node_forged_into_a_flow)
{
	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->node), r = env_reply(&s);
		struct pkt p;

		expect_pass(env_pod_sends(1, s), NEXT);
		env_link_pkt(&p, r);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
		expect_drop(env_pod_sends(2, r), SL_DROP_SADDR);
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
	}
}

ENV_TEST(direct)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->direct), r = env_reply(&s);
		struct pkt p;

		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_csum(&p);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_NEIGH);
		assert_int_equal(flow.dir[flow.orig].out_ifindex, env.up_if);
		assert_int_equal(flow.dir[flow.orig].mtu, 1500);
		assert_int_equal(flow.dir[!flow.orig].in_ifindex, env.up_if);
		assert_int_equal(flow.dir[flow.orig].as_port, 0);
		check_via(&flow, f->direct_via);
		env_link_pkt(&p, r);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[1], 6);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		/* established, both ways */
		s.flags = r.flags = TH_ACK;
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_csum(&p);
		env_link_pkt(&p, r);
		expect_pass(env_from_uplink(&p), REDIRECT);
		expect_csum(&p);
	}
}

/* The other node's pod begins. */
ENV_TEST(direct_from_there)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->direct), s = env_reply(&r);
		struct pkt p;

		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[!flow.orig].action, SL_ACTION_NEIGH);
		check_via(&flow, f->direct_via);
		expect_pass(env_pod_sends(1, r), REDIRECT);
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
	}
}

/* IPv4 over an IPv6 next hop: RFC 5549. */
ENV_TEST(ipv4_by_an_ipv6_next_hop)
{
	const struct fam *f = &fams[0];
	struct pkt_spec s = tcp_to(f, f->direct);
	struct sl_route_val r = { .kind = SL_ROUTE_DIRECT, .ifindex = env.up_if,
				  .via = addr_of(fams[1].direct_via) };
	struct sl_flow flow;

	env_route("10.2.0.0", 24, &r);
	expect_pass(env_pod_sends(1, s), REDIRECT);
	env_flow(&s, &flow);
	check_via(&flow, fams[1].direct_via);
}

ENV_TEST(tunnel)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->tunnel), r = env_reply(&s);
		struct pkt p;

		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(pkt_ttl(&p), 63);
		assert_true(!(p.b[0] & 1));
		expect_csum(&p);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_TUNNEL);
		assert_int_equal(flow.dir[flow.orig].out_ifindex, env.tun_if);
		assert_int_equal(flow.dir[flow.orig].mtu, TUNNEL_MTU);
		assert_int_equal(flow.dir[!flow.orig].in_ifindex, env.tun_if);
		assert_int_equal(flow.vni, TUNNEL_VNI);
		check_via(&flow, f->tunnel_via);
		env_tunnel_pkt(&p, r);
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[1], 6);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		r.flags = TH_ACK;
		env_tunnel_pkt(&p, r);
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
	}
}

/* Only the node that the inner source is behind, by its identifier; at first and later. */
ENV_TEST(tunnel_from_whom)
{
	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->tunnel), s = env_reply(&r);
		struct pkt p;

		for (int i = 0; i < 4; i++) {
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, "192.0.2.31", TUNNEL_VNI),
				    SL_DROP_TUNNEL_PEER);
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, "2001:db8::30", TUNNEL_VNI),
				    SL_DROP_TUNNEL_PEER);
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI + 1),
				    SL_DROP_TUNNEL_PEER);
			env_tunnel_pkt(&p, s);
			expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
			s.flags = r.flags = TH_ACK;
			expect_pass(env_pod_sends(1, r), REDIRECT);
		}
		/* an inner source that is behind no node, or on the link, or here */
		for (int i = 0; i < 4; i++) {
			s.src = (const char *[]){ f->out, f->direct, f->pod[2], f->node }[i];
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI),
				    SL_DROP_TUNNEL_PEER);
		}
	}
}

/* Without the device's metadata a frame was not encapsulated by anybody. */
ENV_TEST(tunnel_without_metadata)
{
	struct __sk_buff ctx = { .ifindex = env.tun_if };

	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->tunnel), s = env_reply(&r);
		struct pkt p;

		env_tunnel_pkt(&p, s);
		expect_drop(env_run(env.sk->progs.sl_from_tunnel, &p, &ctx), SL_DROP_TUNNEL_PEER);
	}
}

ENV_TEST(tunnel_destinations)
{
	static const uint8_t mcast[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->tunnel), s = env_reply(&r);
		struct pkt p;

		s.dst = f->node;
		env_tunnel_pkt(&p, s);
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), NEXT);
		s.dst = f->pod[0];
		env_tunnel_pkt(&p, s);
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_NO_EP);
		s.dst = f->out;
		env_tunnel_pkt(&p, s);
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_NO_EP);
		s.dst = f->v6 ? "ff02::1" : "224.0.0.1";
		env_tunnel_pkt(&p, s);
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_MULTICAST);
		s.dst = f->pod[1];
		s.dmac = mcast;
		env_tunnel_pkt(&p, s);
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_MULTICAST);
		s.dmac = NULL;
		env_tunnel_pkt(&p, s);
		p.b[12] = 8;
		p.b[13] = 6;		/* ARP */
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_PROTO);
	}
}

/* The other node itself, by the tunnel, which pods reach the same way. */
ENV_TEST(node_behind_the_tunnel)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->tunnel_node), s = env_reply(&r);
		struct pkt p;

		env_tunnel_pkt(&p, s);
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[!flow.orig].action, SL_ACTION_TUNNEL);
		expect_pass(env_pod_sends(1, r), REDIRECT);
	}
}

/* A node that moves from link to tunnel: its flows follow, from their next packet on. */
ENV_TEST(direct_becomes_tunnel)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->direct), r = env_reply(&s);
		struct sl_route_val tun = { .kind = SL_ROUTE_TUNNEL, .ifindex = env.tun_if,
					    .vni = TUNNEL_VNI, .mtu = TUNNEL_MTU,
					    .via = addr_of(f->tunnel_via) };
		struct pkt p;

		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_link_pkt(&p, r);
		expect_pass(env_from_uplink(&p), REDIRECT);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_route(f->v6 ? "fd02::" : "10.2.0.0", f->v6 ? 64 : 24, &tun);
		env_state()->route_gen++;
		env_state_write();
		env_tunnel_pkt(&p, r);
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_TUNNEL);
		env_link_pkt(&p, r);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
	}
}

ENV_TEST(outside_without_masquerade)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->out);
		struct pkt p;
		union sl_addr a, own = addr_of(f->pod[1]);
		struct sl_route_val plain = { .kind = SL_ROUTE_OUTSIDE_PLAIN };

		for (int i = 0; i < 2; i++) {
			if (i)
				env_route(f->out, f->v6 ? 64 : 24, &plain);
			else
				memset(env_state()->nat_addr, 0, sizeof(env_state()->nat_addr));
			env_state_write();
			s.sport = 3000 + i;
			env_pod_pkt(1, &p, s);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			pkt_addr(&p, false, &a);
			assert_memory_equal(&a, &own, 16);
			env_flow(&s, &flow);
			assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_NEIGH);
			assert_int_equal(flow.dir[flow.orig].out_ifindex, env.up_if);
			assert_int_equal(flow.dir[flow.orig].flags, SL_FLOW_DIR_SMAC);
			check_via(&flow, f->gw);
			for (int j = 0; j < 2; j++)
				env_state()->nat_addr[j] = addr_of(fams[j].node);
		}
	}
}

/* Somebody on the uplink's own network needs no router. */
ENV_TEST(outside_on_the_link)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->v6 ? "2001:db8::99" : "192.0.2.99");

		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_flow(&s, &flow);
		check_via(&flow, s.dst);
	}
}

/* Replies go out of the device that the flow came in by. */
ENV_TEST(outside_begins)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec r = tcp_to(f, f->out), s = env_reply(&r);
		struct pkt p;

		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[1], 6);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[!flow.orig].action, SL_ACTION_NEIGH);
		assert_int_equal(flow.dir[!flow.orig].out_ifindex, env.up_if);
		assert_int_equal(flow.dir[flow.orig].as_port, 0);
		check_via(&flow, f->gw);
		env_pod_pkt(1, &p, r);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		expect_csum(&p);
	}
}

ENV_TEST(no_route)
{
	for_families(f)
		expect_drop(env_pod_sends(1, tcp_to(f, f->blackhole)), SL_DROP_NO_ROUTE);
}

/* Not by the uplink: the stack's, whose replies come back through it. */
ENV_TEST(another_link_is_the_stacks)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->alt), r = env_reply(&s);
		struct pkt p;

		expect_pass(env_pod_sends(1, s), NEXT);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_STACK);
		assert_int_equal(flow.dir[flow.orig].as_port, 0);
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, env.alt_if), NEXT);
		expect_pass(env_pod_sends(1, s), NEXT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
	}
}

/* To the node and through it: untouched, whoever runs after us. */
ENV_TEST(uplink_leaves_the_rest_alone)
{
	for_families(f) {
		struct pkt_spec s = tcp_to(f, f->node);
		struct pkt p, before;

		s.src = f->out;
		for (int i = 0; i < 3; i++) {
			s.dst = (const char *[]){ f->node, f->alt, f->tunnel }[i];
			env_link_pkt(&p, s);
			before = p;
			expect_pass(env_from_uplink(&p), NEXT);
			assert_int_equal(p.len, before.len);
			assert_memory_equal(p.b, before.b, p.len);
		}
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(pod_on_this_node),
		env_test(own_range_without_endpoint),
		env_test(endpoint_slot_not_in_use),
		env_test(node_itself),
		env_test(node_forged_into_a_flow),
		env_test(direct),
		env_test(direct_from_there),
		env_test(ipv4_by_an_ipv6_next_hop),
		env_test(tunnel),
		env_test(tunnel_from_whom),
		env_test(tunnel_without_metadata),
		env_test(tunnel_destinations),
		env_test(node_behind_the_tunnel),
		env_test(direct_becomes_tunnel),
		env_test(outside_without_masquerade),
		env_test(outside_on_the_link),
		env_test(outside_begins),
		env_test(no_route),
		env_test(another_link_is_the_stacks),
		env_test(uplink_leaves_the_rest_alone),
	};

	return env_main(tests);
}
