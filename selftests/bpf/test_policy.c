// SPDX-License-Identifier: GPL-2.0
/* Policy: the tables' word on a new flow, and who is named for it. */
#include "env.h"

#define SET	5

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

/* A new flow each time. */
static int sends(unsigned int ep, struct pkt_spec s)
{
	static uint16_t port = 20000;

	s.sport = port++;
	s.flags = TH_SYN;
	return env_pod_sends(ep, s);
}

static void set_class(unsigned int ep, uint32_t col0, uint32_t col1)
{
	for (int f = 0; f < 2; f++) {
		env_ep(ep)->class_id[0][f] = col0;
		env_ep(ep)->class_id[1][f] = col1;
	}
	env_ep_write(ep);
}

ENV_TEST(not_isolated_allows_without_a_lookup)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		/* a rule set that denies everything, of endpoints that are not isolated */
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 1, 0);
		env_rule(SET, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 2, 0);
		env_policy(1, 0, SET, 1, 0);
		env_policy(2, 0, SET, 1, 0);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.tier[SL_DIR_INGRESS], SL_TIER_NONE);
		assert_int_equal(flow.tier[SL_DIR_EGRESS], SL_TIER_NONE);
		assert_int_equal(flow.rule[SL_DIR_INGRESS], 0);
	}
}

/* Isolation is one direction's; the other stays open. */
ENV_TEST(isolated_and_nothing_granted)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), back = env_reply(&s);

		back.dport = 80;
		env_policy(2, ISO_IN, SET, 1, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_drops_by(SL_DROP_POLICY_INGRESS, 2, 0), 1);
		expect_pass(sends(2, back), REDIRECT);
		env_policy(2, ISO_OUT, SET, 1, 0);
		expect_pass(sends(1, s), REDIRECT);
		expect_drop(sends(2, back), SL_DROP_POLICY_EGRESS);
		assert_int_equal(env_drops_by(SL_DROP_POLICY_EGRESS, 2, 0), 1);
	}
}

/* Both have to agree, and the sender's is asked first. */
ENV_TEST(both_sides)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_policy(1, ISO_OUT, SET, 1, 0);
		env_policy(2, ISO_IN, SET, 1, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_EGRESS);
		env_rule(SET, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_ALLOW, 11, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_ALLOW, 12, 0);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.rule[SL_DIR_EGRESS], 11);
		assert_int_equal(flow.rule[SL_DIR_INGRESS], 12);
		assert_int_equal(flow.tier[SL_DIR_EGRESS], SL_TIER_NETPOL);
	}
}

/* What is said of the peer's class; of every other class ANY; an entry is complete. */
ENV_TEST(classes)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), s3 = s;

		s3.src = f->pod[3];
		set_class(1, 7, 7);
		set_class(3, 8, 8);
		env_policy(2, ISO_IN, SET, 1, 0);
		env_rule(SET, SL_DIR_INGRESS, 7, SL_VERDICT_ALLOW, 21, 0);
		expect_pass(sends(1, s), REDIRECT);
		expect_drop(sends(3, s3), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_ALLOW, 22, 0);
		expect_pass(sends(3, s3), REDIRECT);
		/* the class' own entry decides alone */
		env_rule(SET, SL_DIR_INGRESS, 7, SL_VERDICT_DENY, 23, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_drops_by(SL_DROP_POLICY_INGRESS, 2, 23), 1);
		/* rules of the other direction and of other sets are nothing to it */
		env_rule(SET, SL_DIR_EGRESS, 7, SL_VERDICT_ALLOW, 24, 0);
		env_rule(SET + 1, SL_DIR_INGRESS, 7, SL_VERDICT_ALLOW, 25, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
	}
}

/* The family's class is the peer's, since one pod has an address of each. */
ENV_TEST(class_by_family)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_ep(1)->class_id[0][f->v6] = 7;
		env_ep(1)->class_id[0][!f->v6] = 8;
		env_ep_write(1);
		env_policy(2, ISO_IN, SET, 1, 0);
		env_rule(SET, SL_DIR_INGRESS, 8, SL_VERDICT_ALLOW, 21, 0);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, 7, SL_VERDICT_ALLOW, 21, 0);
		expect_pass(sends(1, s), REDIRECT);
	}
}

/* The judged endpoint's word says which column of classes it reads. */
ENV_TEST(columns)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), o = s;

		o.dst = f->out;
		set_class(1, 7, 8);
		env_class(f->out, f->v6 ? 128 : 32, 17, 18);
		env_rule(SET, SL_DIR_INGRESS, 7, SL_VERDICT_ALLOW, 21, 0);
		env_rule(SET, SL_DIR_EGRESS, 18, SL_VERDICT_ALLOW, 22, 0);
		env_policy(2, ISO_IN, SET, 1, 0);
		expect_pass(sends(1, s), REDIRECT);
		env_policy(2, ISO_IN, SET, 2, 1);
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		/* the sender's own column, in its own judgement, whatever the receiver's is */
		env_policy(1, ISO_OUT, SET, 1, 0);
		expect_drop(sends(1, o), SL_DROP_POLICY_EGRESS);
		env_policy(1, ISO_OUT, SET, 2, 1);
		expect_pass(sends(1, o), REDIRECT);
	}
}

/* Peers that are not here: by the longest prefix; none: class 0. */
ENV_TEST(class_of_remote_peers)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		s.dst = f->out;
		env_policy(1, ISO_OUT, SET, 1, 0);
		env_rule(SET, SL_DIR_EGRESS, SL_CLASS_NONE, SL_VERDICT_ALLOW, 30, 0);
		expect_pass(sends(1, s), REDIRECT);
		env_class(f->v6 ? "2001:db8:7::" : "198.51.100.0", f->v6 ? 48 : 24, 9, 9);
		expect_drop(sends(1, s), SL_DROP_POLICY_EGRESS);
		env_rule(SET, SL_DIR_EGRESS, 9, SL_VERDICT_ALLOW, 31, 0);
		expect_pass(sends(1, s), REDIRECT);
		env_class(f->v6 ? "2001:db8:7::" : "198.51.100.0", f->v6 ? 64 : 28, 10, 10);
		expect_drop(sends(1, s), SL_DROP_POLICY_EGRESS);
		/* a prefix of the other family is no prefix of this one */
		env_class(f->v6 ? "0.0.0.0" : "::", f->v6 ? 0 : 64, 9, 9);
		expect_drop(sends(1, s), SL_DROP_POLICY_EGRESS);
	}
}

ENV_TEST(class_of_remote_initiator)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		s.src = f->out;
		env_policy(2, ISO_IN, SET, 1, 0);
		env_class(f->out, f->v6 ? 128 : 32, 9, 9);
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, 9, SL_VERDICT_ALLOW, 31, 0);
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
}

/* ---------------------------------------------------------------- ports */

ENV_TEST(ports)
{
	static const struct { uint8_t proto; uint16_t port; bool ok; } cases[] = {
		{ IPPROTO_TCP, 80, true }, { IPPROTO_TCP, 81, false }, { IPPROTO_TCP, 79, false },
		{ IPPROTO_UDP, 80, false }, { IPPROTO_UDP, 53, true }, { IPPROTO_SCTP, 7, true },
		{ IPPROTO_SCTP, 65535, true }, { IPPROTO_TCP, 8191, false },
		{ IPPROTO_TCP, 8192, true }, { IPPROTO_TCP, 8207, true },
		{ IPPROTO_TCP, 8208, false },
	};

	for_families(f) {
		env_policy(2, ISO_IN, SET, 1, 0);
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 40, 3);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, 80, SL_VERDICT_ALLOW, 41);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_UDP, 53, SL_VERDICT_ALLOW, 42);
		env_port(3, SL_PORT_PLEN_PROTO, IPPROTO_SCTP, 0, SL_VERDICT_ALLOW, 43);
		env_port(3, SL_PORT_PLEN_PORT - 4, IPPROTO_TCP, 8192, SL_VERDICT_ALLOW, 44);
		env_port(4, SL_PORT_PLEN_PORT, IPPROTO_TCP, 81, SL_VERDICT_ALLOW, 45);
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct pkt_spec s = tcp12(f);

			s.proto = cases[i].proto;
			s.dport = cases[i].port;
			if (cases[i].ok)
				expect_pass(sends(1, s), REDIRECT);
			else
				expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		}
		/* nothing found: the rule entry decided */
		assert_int_equal(env_drops_by(SL_DROP_POLICY_INGRESS, 2, 40), 5);
	}
}

/* The longest prefix decides, and is named. */
ENV_TEST(port_entries_decide)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_policy(2, ISO_IN, SET, 1, 0);
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 40, 3);
		env_port(3, SL_PORT_PLEN_SET, 0, 0, SL_VERDICT_ALLOW, 41);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, 22, SL_VERDICT_DENY, 42);
		expect_pass(env_pod_sends(1, s), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.rule[SL_DIR_INGRESS], 41);
		assert_int_equal(flow.tier[SL_DIR_INGRESS], SL_TIER_ADMIN);
		s.dport = 22;
		expect_drop(sends(1, s), SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_drops_by(SL_DROP_POLICY_INGRESS, 2, 42), 1);
	}
}

/* The port is the receiver's, in both sides' judgement. */
ENV_TEST(egress_ports_are_the_receivers)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_policy(1, ISO_OUT, SET, 1, 0);
		env_rule(SET, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 40, 3);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, 80, SL_VERDICT_ALLOW, 41);
		expect_pass(sends(1, s), REDIRECT);
		s.dport = 1024;
		s.sport = 80;
		expect_drop(env_pod_sends(1, s), SL_DROP_POLICY_EGRESS);
	}
}

/* An echo has an identifier, not a port: a list of ports does not grant it. */
ENV_TEST(echo_is_no_port)
{
	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .sport = 80,
				      .proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				      .type = f->v6 ? 128 : 8 };

		env_policy(2, ISO_IN, SET, 1, 0);
		env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 40, 3);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, 80, SL_VERDICT_ALLOW, 41);
		env_port(3, SL_PORT_PLEN_PORT, s.proto, 80, SL_VERDICT_ALLOW, 42);
		expect_drop(env_pod_sends(1, s), SL_DROP_POLICY_INGRESS);
		env_port(3, SL_PORT_PLEN_PROTO, s.proto, 0, SL_VERDICT_ALLOW, 43);
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

/* --------------------------------------------------------- closed, node */

ENV_TEST(endpoint_is_born_closed)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), out = s;
		struct pkt p;

		env_ep(2)->policy = SL_EP_POLICY_CLOSED;
		env_ep_write(2);
		expect_drop(sends(1, s), SL_DROP_EP_CLOSED);
		assert_int_equal(env_drops_by(SL_DROP_EP_CLOSED, 2, 0), 1);
		s = env_reply(&s);
		expect_drop(sends(2, s), SL_DROP_EP_CLOSED);
		s.dst = f->node;
		expect_drop(sends(2, s), SL_DROP_EP_CLOSED);
		/* the node too has to wait */
		s = env_reply(&s);
		env_stack_pkt(2, &p, s);
		expect_drop(env_to_pod(2, &p, 0), SL_DROP_EP_CLOSED);
		out.dst = f->out;
		expect_pass(sends(1, out), REDIRECT);
	}
}

/* An established flow of an endpoint that closes is cut. */
ENV_TEST(endpoint_closes)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_establish(1, 2, &s);
		env_ep(2)->policy = SL_EP_POLICY_CLOSED;
		env_ep_write(2);
		s.flags = TH_ACK;
		expect_drop(env_pod_sends(1, s), SL_DROP_EP_CLOSED);
		expect_drop(env_pod_sends(2, env_reply(&s)), SL_DROP_EP_CLOSED);
	}
}

static void deny_all(unsigned int ep)
{
	env_rule(SET, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 1, 0);
	env_rule(SET, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 2, 0);
	env_policy(ep, ISO_IN | ISO_OUT, SET, 1, 0);
}

ENV_TEST(own_node_is_always_allowed)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r;
		struct pkt p;

		deny_all(1);
		/* from the pod, and the answer */
		s.dst = f->node;
		r = env_reply(&s);
		expect_pass(env_pod_sends(1, s), NEXT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.tier[SL_DIR_EGRESS], SL_TIER_NODE);
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		s.flags = TH_ACK;
		expect_pass(env_pod_sends(1, s), NEXT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		/* from the node, and the answer */
		r.sport = 5000;
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		env_flow(&r, &flow);
		assert_int_equal(flow.tier[SL_DIR_INGRESS], SL_TIER_NODE);
		s = env_reply(&r);
		expect_pass(env_pod_sends(1, s), NEXT);
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		assert_int_equal(env_flow(&r, &flow), IN_FLOW);
		expect_pass(env_pod_sends(1, s), NEXT);
	}
}

/* What a socket here sends is the node's, under whatever address of it. */
ENV_TEST(node_under_an_address_that_nobody_told)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), r;
		struct pkt p;

		deny_all(2);
		s.src = f->alt;
		env_stack_pkt(2, &p, s);
		expect_pass(env_to_pod(2, &p, 0), NEXT);
		r = env_reply(&s);
		expect_pass(env_pod_sends(2, r), NEXT);
		/* judged again it is still that */
		env_policy(2, ISO_IN | ISO_OUT, SET, 2, 0);
		expect_pass(env_pod_sends(2, r), NEXT);
		env_policy(2, ISO_IN | ISO_OUT, SET, 3, 0);
		env_stack_pkt(2, &p, s);
		expect_pass(env_to_pod(2, &p, 0), NEXT);
		/* the same address from somewhere is not */
		s.sport = 5555;
		env_stack_pkt(2, &p, s);
		expect_drop(env_to_pod(2, &p, env.alt_if), SL_DROP_POLICY_INGRESS);
	}
}

/* What the stack forwards is judged by who sent it. */
ENV_TEST(forwarded_by_the_stack)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r;
		struct pkt p;

		s.src = f->alt;
		env_policy(2, ISO_IN | ISO_OUT, SET, 1, 0);
		env_class(f->alt, f->v6 ? 128 : 32, 9, 9);
		env_stack_pkt(2, &p, s);
		expect_drop(env_to_pod(2, &p, env.alt_if), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, 9, SL_VERDICT_ALLOW, 50, 0);
		env_stack_pkt(2, &p, s);
		expect_pass(env_to_pod(2, &p, env.alt_if), NEXT);
		assert_int_equal(pkt_ttl(&p), 64);	/* the stack has counted its hop */
		/* the answer goes back to the stack, not out by our own routes */
		r = env_reply(&s);
		expect_pass(env_pod_sends(2, r), NEXT);
		env_stack_pkt(2, &p, s);
		expect_pass(env_to_pod(2, &p, env.alt_if), NEXT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.rule[SL_DIR_INGRESS], 50);
	}
}

/* A pod of this node by the stack (a service's address, translated there): its own class. */
ENV_TEST(pod_by_the_stack)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		set_class(1, 7, 7);
		env_policy(2, ISO_IN, SET, 1, 0);
		env_stack_pkt(2, &p, s);
		expect_drop(env_to_pod(2, &p, env.ep_if[1]), SL_DROP_POLICY_INGRESS);
		env_rule(SET, SL_DIR_INGRESS, 7, SL_VERDICT_ALLOW, 50, 0);
		env_stack_pkt(2, &p, s);
		expect_pass(env_to_pod(2, &p, env.ep_if[1]), NEXT);
		/* nor is it another when a socket of the node's speaks in its name */
		env_policy(2, ISO_IN, SET + 1, 2, 0);
		env_stack_pkt(2, &p, s);
		expect_drop(env_to_pod(2, &p, 0), SL_DROP_POLICY_INGRESS);
	}
}

/* A device's program hands over what is for its pod, and nothing else. */
ENV_TEST(stack_sends_to_the_wrong_device)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		s.src = f->node;
		env_stack_pkt(3, &p, s);
		expect_drop(env_to_pod(3, &p, 0), SL_DROP_NO_EP);
		s.dst = f->out;
		env_stack_pkt(3, &p, s);
		expect_drop(env_to_pod(3, &p, env.up_if), SL_DROP_NO_EP);
		if (f->v6) {
			s.dst = "fe80::77";
			env_stack_pkt(3, &p, s);
			expect_pass(env_to_pod(3, &p, 0), NEXT);
			env_stack_pkt(3, &p, s);
			expect_drop(env_to_pod(3, &p, env.up_if), SL_DROP_NO_EP);
			s.dst = "ff02::1";
			env_stack_pkt(3, &p, s);
			expect_pass(env_to_pod(3, &p, 0), NEXT);
			env_stack_pkt(3, &p, s);
			expect_drop(env_to_pod(3, &p, env.up_if), SL_DROP_MULTICAST);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(not_isolated_allows_without_a_lookup),
		env_test(isolated_and_nothing_granted),
		env_test(both_sides),
		env_test(classes),
		env_test(class_by_family),
		env_test(columns),
		env_test(class_of_remote_peers),
		env_test(class_of_remote_initiator),
		env_test(ports),
		env_test(port_entries_decide),
		env_test(egress_ports_are_the_receivers),
		env_test(echo_is_no_port),
		env_test(endpoint_is_born_closed),
		env_test(endpoint_closes),
		env_test(own_node_is_always_allowed),
		env_test(node_under_an_address_that_nobody_told),
		env_test(forwarded_by_the_stack),
		env_test(pod_by_the_stack),
		env_test(stack_sends_to_the_wrong_device),
	};

	return env_main(tests);
}
