// SPDX-License-Identifier: GPL-2.0
/*
 * Pods whose hook can't redirect to a peer: what it lets through is sent on
 * the receiver's device with its word in tc_index, and costs no second flow
 * lookup there. And nobody else has that word.
 */
#include "counted.h"

static unsigned int lookups(void)
{
	struct counted_ops ops = counted_ops();

	return ops.flow_lookups + ops.half_lookups;
}

static void make_netkit(unsigned int ep)
{
	env_ep(ep)->flags |= SL_EP_FLAG_NETKIT;
	env_ep_write(ep);
}

static struct pkt_spec from_1(const struct fam *f, const char *dst)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = dst, .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

/* The connection's first three packets are behind us. */
static void established(const struct fam *f, bool from, bool to)
{
	struct pkt_spec s = from_1(f, f->pod[2]);
	struct sl_flow flow;
	struct pkt p;

	if (from)
		make_netkit(1);
	if (to)
		make_netkit(2);
	env_establish(1, 2, &s);
	env_flow(&s, &flow);
	assert_int_equal(flow.dir[flow.orig].flags,
			 SL_FLOW_DIR_SMAC | (from ? SL_FLOW_DIR_XMIT : 0));
	assert_int_equal(flow.dir[!flow.orig].flags,
			 SL_FLOW_DIR_SMAC | (to ? SL_FLOW_DIR_XMIT : 0));
	s.flags = TH_ACK;
	env_pod_pkt(1, &p, s);
	expect_pass(from ? counted_from_netkit(1, &p, 0) : counted_from_veth(1, &p, 0), REDIRECT);
	assert_int_equal(counted_ops().flow_lookups, 1);
	assert_int_equal(counted_ops().half_lookups, 0);
	assert_int_equal(counted_left(), from ? JUDGED : 0);
	assert_int_equal(pkt_ttl(&p), 63);
	assert_memory_equal(p.b, env.pod_mac[2], 6);
	assert_memory_equal(p.b + 6, env.host_mac[2], 6);
	if (!from)
		return;
	expect_pass(counted_to_pod(2, &p, 0, counted_left()), NEXT);
	assert_int_equal(lookups(), 0);
	assert_int_equal(counted_left(), 0);
	env_flow(&s, &flow);
	assert_int_equal(flow.dir[flow.orig].packets, 3);
	assert_int_equal(env_count(SL_COUNT_FLOW_REJUDGED), 0);
}

ENV_TEST(one_lookup_whatever_the_devices)
{
	for (int kinds = 0; kinds < 4; kinds++)
		for_families(f)
			established(f, kinds & 1, kinds & 2);
}

/* The first packets too are judged once, at the sender's hook. */
ENV_TEST(first_packets)
{
	for_families(f) {
		struct pkt_spec s = from_1(f, f->pod[2]), r = env_reply(&s);
		struct sl_flow flow;
		struct pkt p;

		make_netkit(1);
		env_pod_pkt(1, &p, s);
		expect_pass(counted_from_netkit(1, &p, 0), REDIRECT);
		expect_pass(counted_to_pod(2, &p, 0, counted_left()), NEXT);
		assert_int_equal(lookups(), 0);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 1);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		/* the veth pod's answer goes straight into the netkit pod */
		r.flags = TH_SYN | TH_ACK;
		env_pod_pkt(2, &p, r);
		expect_pass(counted_from_veth(2, &p, 0), REDIRECT);
		assert_int_equal(counted_left(), 0);
	}
}

/* The pipeline's own answer to the pod goes out of the pod's device as well. */
ENV_TEST(answers)
{
	for_families(f) {
		struct pkt_spec s = from_1(f, f->pod[2]);
		struct pkt p;

		make_netkit(1);
		s.ttl = 1;
		env_pod_pkt(1, &p, s);
		expect_answer(counted_from_netkit(1, &p, 0), SL_DROP_TTL);
		assert_int_equal(counted_left(), JUDGED);
		expect_pass(counted_to_pod(1, &p, 0, counted_left()), NEXT);
		assert_int_equal(lookups(), 0);
		assert_int_equal(counted_left(), 0);
	}
}

/* Elsewhere than into a pod the word never goes, nor where the hook left the packet to the stack. */
ENV_TEST(leaves_without_the_word)
{
	for_families(f) {
		const char *const to[] = { f->out, f->direct, f->tunnel, f->node };
		const int verdict[] = { REDIRECT, REDIRECT, REDIRECT, NEXT };
		struct pkt p;

		make_netkit(1);
		for (int i = 0; i < 4; i++) {
			for (int again = 0; again < 2; again++) {
				env_pod_pkt(1, &p, from_1(f, to[i]));
				expect_pass(counted_from_netkit(1, &p, JUDGED), verdict[i]);
				assert_int_equal(counted_left(), 0);
			}
		}
	}
}

/* A pod with traffic control of its own says it before its hook does. */
ENV_TEST(forged_by_a_pod)
{
	for_families(f) {
		struct pkt_spec s = from_1(f, f->pod[2]);
		struct pkt p;

		env_policy(2, ISO_IN, 5, 2, 0);
		for (int netkit = 0; netkit < 2; netkit++) {
			if (netkit)
				make_netkit(1);
			env_pod_pkt(1, &p, s);
			expect_drop(netkit ? counted_from_netkit(1, &p, JUDGED) : counted_from_veth(1, &p, JUDGED),
				    SL_DROP_POLICY_INGRESS);
			assert_int_equal(counted_left(), 0);
		}
		/* ARP and what else is for the node's stack */
		env_pod_pkt(1, &p, from_1(f, f->node));
		expect_pass(counted_from_netkit(1, &p, JUDGED), NEXT);
		assert_int_equal(counted_left(), 0);
	}
}

/* What a device received is judged, whatever it says: the node's stack forwards it. */
ENV_TEST(forged_and_forwarded)
{
	for_families(f) {
		const char *const from[] = { f->pod[1], f->out, f->alt };
		const unsigned int iif[] = { env.ep_if[1], env.up_if, env.alt_if };
		struct pkt p;

		env_policy(2, ISO_IN, 5, 2, 0);
		for (int i = 0; i < 3; i++) {
			struct pkt_spec s = from_1(f, f->pod[2]);

			s.src = from[i];
			env_stack_pkt(2, &p, s);
			expect_drop(counted_to_pod(2, &p, iif[i], JUDGED), SL_DROP_POLICY_INGRESS);
			assert_int_equal(counted_left(), 0);
		}
	}
}

/* A pod's address alone is nobody's word: what the node sends in its name is judged as the pod's. */
ENV_TEST(unmarked)
{
	static const unsigned int near[] = { 0, 1, 0x736b, 0x736d, 0x6c73, 0xffff };

	for_families(f) {
		struct pkt_spec s = from_1(f, f->pod[2]);
		struct pkt p;

		env_stack_pkt(2, &p, s);
		expect_pass(counted_to_pod(2, &p, 0, 0), NEXT);
		env_reset(NULL);
		env_policy(2, ISO_IN, 5, 2, 0);
		for (unsigned int i = 0; i < sizeof(near) / sizeof(*near); i++) {
			env_stack_pkt(2, &p, s);
			expect_drop(counted_to_pod(2, &p, 0, near[i]), SL_DROP_POLICY_INGRESS);
		}
		/* the node itself may */
		s.src = f->node;
		env_stack_pkt(2, &p, s);
		expect_pass(counted_to_pod(2, &p, 0, 0), NEXT);
	}
}

/* An end that was a netkit pod and is one no more leaves nothing behind in the entry. */
ENV_TEST(netkit_no_more)
{
	for_families(f) {
		struct pkt_spec s = from_1(f, f->pod[2]);
		struct sl_flow flow;
		struct pkt p;

		make_netkit(1);
		env_establish(1, 2, &s);
		env_addr_del(f->pod[1]);
		env_route(f->pod[1], f->v6 ? 128 : 32,
			  &(struct sl_route_val){ .kind = SL_ROUTE_DIRECT, .ifindex = env.up_if,
						  .via = addr_of(f->direct_via) });
		env_state()->route_gen++;
		env_state_write();
		s.flags = TH_ACK;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.dir[flow.orig].flags, 0);
		assert_int_equal(flow.ep[flow.orig], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(one_lookup_whatever_the_devices),
		env_test(first_packets),
		env_test(answers),
		env_test(leaves_without_the_word),
		env_test(forged_by_a_pod),
		env_test(forged_and_forwarded),
		env_test(unmarked),
		env_test(netkit_no_more),
	};

	return counted_main(tests);
}
