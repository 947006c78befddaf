// SPDX-License-Identifier: GPL-2.0
/* Flow: the life of an entry, from the first packet to the last. */
#include <time.h>
#include "env.h"

#define SEC	1000000000ULL

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

static int sends(unsigned int ep, struct pkt_spec s, uint8_t flags)
{
	s.flags = flags;
	return env_pod_sends(ep, s);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static void age(enum env_where where, const struct pkt_spec *s, uint64_t seconds)
{
	struct sl_flow f;

	assert_int_equal(env_flow(s, &f), where);
	f.last_ns = now_ns() - seconds * SEC;
	env_flow_put(where, s, &f);
}

/* What a packet looks like on the other side: one hop less, the pod's gateway as its sender. */
static void check_delivered(const struct pkt *p, unsigned int to, int ttl)
{
	assert_memory_equal(p->b, env.pod_mac[to], 6);
	assert_memory_equal(p->b + 6, env.host_mac[to], 6);
	assert_int_equal(pkt_ttl(p), ttl);
	expect_csum(p);
}

ENV_TEST(half_open_until_heard_again)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		expect_pass(sends(2, r, TH_SYN | TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_REPLIED);
		expect_pass(sends(2, r, TH_SYN | TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
		assert_int_equal(flow.dir[flow.orig].packets, 3);
		assert_int_equal(flow.dir[!flow.orig].packets, 2);
		assert_int_equal(env_count(SL_COUNT_FLOW_NEW), 1);
		assert_int_equal(env_count(SL_COUNT_FLOW_PROMOTED), 1);
	}
}

/* Each of the three ways through the pipeline leaves the same packet behind. */
ENV_TEST(first_half_open_and_established_packets)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);
		struct pkt p;

		for (int i = 0; i < 4; i++) {
			s.ttl = 64;
			s.payload = 100 + i;
			env_pod_pkt(1, &p, s);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			check_delivered(&p, 2, 63);
			s.flags = TH_ACK;
			r.flags = i ? TH_ACK : TH_SYN | TH_ACK;
			r.ttl = 2;
			env_pod_pkt(2, &p, r);
			expect_pass(env_from_pod(2, &p), REDIRECT);
			check_delivered(&p, 1, 1);
		}
		assert_true(env_count(SL_COUNT_FLOW_HIT) == 7);
	}
}

/* Every hop limit, so that every carry of the header's checksum is met. */
ENV_TEST(checksum_over_all_hop_limits)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		env_establish(1, 2, &s);
		s.flags = TH_ACK;
		for (int ttl = 2; ttl < 256; ttl++) {
			for (int id = 0; id < 65536; id += f->v6 ? 65536 : 4369) {
				s.ttl = ttl;
				s.frag_id = f->v6 ? 0 : id;
				env_pod_pkt(1, &p, s);
				expect_pass(env_from_pod(1, &p), REDIRECT);
				assert_int_equal(pkt_ttl(&p), ttl - 1);
				expect_csum(&p);
			}
		}
	}
}

ENV_TEST(counters_are_of_layer_3)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);
		uint64_t l3 = f->v6 ? 60 : 40;

		env_establish(1, 2, &s);
		s.flags = r.flags = TH_ACK;
		s.payload = 1000;
		for (int i = 0; i < 5; i++)
			expect_pass(env_pod_sends(1, s), REDIRECT);
		r.payload = 10;
		expect_pass(env_pod_sends(2, r), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 7);
		assert_int_equal(flow.dir[flow.orig].bytes, 7 * l3 + 5000);
		assert_int_equal(flow.dir[!flow.orig].packets, 2);
		assert_int_equal(flow.dir[!flow.orig].bytes, 2 * l3 + 10);
	}
}

ENV_TEST(udp_and_echo_become_established_too)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r;

		s.proto = IPPROTO_UDP;
		for (int i = 0; i < 2; i++) {
			r = env_reply(&s);
			expect_pass(env_pod_sends(1, s), REDIRECT);
			expect_pass(env_pod_sends(2, r), REDIRECT);
			expect_pass(env_pod_sends(1, s), REDIRECT);
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			s.proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
			s.type = f->v6 ? 128 : 8;
		}
	}
}

/* A packet from the middle of a connection that nobody here remembers. */
ENV_TEST(picked_up_in_the_middle)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		expect_pass(sends(1, s, TH_ACK | TH_PUSH), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
	}
}

ENV_TEST(reset_opens_nothing)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		expect_pass(sends(1, s, TH_RST), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
	}
}

ENV_TEST(fin_of_both_sides_closes)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		env_establish(1, 2, &s);
		expect_pass(sends(1, s, TH_FIN | TH_ACK), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
		/* half-closed: data still comes back */
		expect_pass(sends(2, r, TH_ACK), REDIRECT);
		expect_pass(sends(2, r, TH_FIN | TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.state, SL_FLOW_CLOSING);
		assert_int_equal(flow.flags, SL_FLOW_FLAG_FIN0 | SL_FLOW_FLAG_FIN1);
		/* the last ACK, and one too many */
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_entries(env.sk->maps.sl_flow), 1);
	}
}

ENV_TEST(reset_closes)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		env_establish(1, 2, &s);
		expect_pass(sends(2, r, TH_RST), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.state, SL_FLOW_CLOSING);
		assert_int_equal(flow.flags, SL_FLOW_FLAG_RST);
	}
}

/* A refused connection: reset in reply to the SYN; it never becomes established. */
ENV_TEST(reset_of_a_half_open_flow)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		expect_pass(sends(2, r, TH_RST | TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_CLOSING);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		/* tried again from the same port */
		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		assert_int_equal(flow.dir[flow.orig].packets, 1);
	}
}

/* From the same ports, and this time by the other end. */
ENV_TEST(syn_on_a_closing_flow_is_a_new_one)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);
		int orig;

		env_establish(1, 2, &s);
		env_flow(&s, &flow);
		orig = flow.orig;
		expect_pass(sends(1, s, TH_RST), REDIRECT);
		expect_pass(sends(2, r, TH_SYN), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.orig, !orig);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		assert_int_equal(env_entries(env.sk->maps.sl_flow), 0);
		assert_int_equal(env_count(SL_COUNT_FLOW_CLOSED), 1);
	}
}

/* While it is alive a SYN changes nothing: anybody could send one. */
ENV_TEST(syn_on_an_established_flow)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_establish(1, 2, &s);
		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
		assert_int_equal(flow.dir[flow.orig].packets, 3);
	}
}

/* Idle for too long, but not swept yet: it is gone all the same. */
ENV_TEST(idle_flow_is_judged_as_new)
{
	static const struct { uint8_t proto; unsigned int timeout; } kinds[] = {
		{ IPPROTO_TCP, SL_TIMEOUT_TCP_S }, { IPPROTO_UDP, SL_TIMEOUT_UDP_S },
		{ IPPROTO_GRE, SL_TIMEOUT_OTHER_S },
	};
	struct sl_flow flow;

	for_families(f) {
		for (int i = 0; i < 3; i++) {
			struct pkt_spec s = tcp12(f), r;

			s.proto = kinds[i].proto;
			if (s.proto == IPPROTO_GRE)
				s.sport = s.dport = 0;
			s.flags = TH_ACK;
			r = env_reply(&s);
			expect_pass(env_pod_sends(1, s), REDIRECT);
			expect_pass(env_pod_sends(2, r), REDIRECT);
			expect_pass(env_pod_sends(1, s), REDIRECT);
			age(IN_FLOW, &s, kinds[i].timeout - 5);
			expect_pass(env_pod_sends(2, r), REDIRECT);
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			assert_true(now_ns() - flow.last_ns < 5 * SEC);
			age(IN_FLOW, &s, kinds[i].timeout + 5);
			expect_pass(env_pod_sends(2, r), REDIRECT);
			assert_int_equal(env_flow(&s, &flow), IN_HALF);
			assert_int_equal(flow.state, SL_FLOW_NEW);
			assert_int_equal(env_count(SL_COUNT_FLOW_EXPIRED), i + 1);
		}
	}
}

ENV_TEST(idle_half_open_flow_is_judged_as_new)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		env_flow(&s, &flow);
		age(IN_HALF, &s, SL_TIMEOUT_HALF_S + 5);
		expect_pass(sends(2, r, TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.state, SL_FLOW_NEW);
		assert_int_equal(flow.dir[flow.orig].packets, 1);
	}
}

/* ---------------------------------------------------------- judged again */

static void judged_again(const struct fam *f, bool by_reply, bool deny)
{
	struct pkt_spec s = tcp12(f), r = env_reply(&s);
	struct sl_flow before, after;

	env_rule(5, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_ALLOW, 70, 0);
	env_rule(6, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 71, 0);
	env_establish(1, 2, &s);
	assert_int_equal(env_flow(&s, &before), IN_FLOW);
	env_policy(2, ISO_IN, deny ? 6 : 5, 2, 0);
	if (deny) {
		expect_drop(by_reply ? sends(2, r, TH_ACK) : sends(1, s, TH_ACK),
			    SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_drops_by(SL_DROP_POLICY_INGRESS, 2, 71), 1);
		/* kept, so that neither end's next packet begins a flow of its own */
		assert_int_equal(env_flow(&s, &after), IN_FLOW);
		expect_drop(sends(2, r, TH_ACK), SL_DROP_POLICY_INGRESS);
		expect_drop(sends(1, s, TH_ACK), SL_DROP_POLICY_INGRESS);
		/* until it is allowed again, or begun anew */
		env_policy(2, ISO_IN, 5, 3, 0);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		env_policy(2, ISO_IN, 6, 4, 0);
		expect_drop(sends(1, s, TH_SYN), SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_flow(&s, &after), NOWHERE);
		return;
	}
	expect_pass(by_reply ? sends(2, r, TH_ACK) : sends(1, s, TH_ACK), REDIRECT);
	assert_int_equal(env_flow(&s, &after), IN_FLOW);
	assert_int_equal(after.gen[!after.orig], 2);
	assert_int_equal(after.rule[SL_DIR_INGRESS], 70);
	assert_int_equal(after.tier[SL_DIR_INGRESS], SL_TIER_NETPOL);
	assert_int_equal(after.created_ns, before.created_ns);
	assert_int_equal(after.dir[0].packets + after.dir[1].packets,
			 before.dir[0].packets + before.dir[1].packets + 1);
	assert_int_equal(env_count(SL_COUNT_FLOW_REJUDGED), 1);
	/* and never again until the next change */
	expect_pass(sends(1, s, TH_ACK), REDIRECT);
	expect_pass(sends(2, r, TH_ACK), REDIRECT);
	assert_int_equal(env_count(SL_COUNT_FLOW_REJUDGED), 1);
}

ENV_TEST(new_policy_allows_initiators_packet)
{
	for_families(f)
		judged_again(f, false, false);
}

ENV_TEST(new_policy_allows_reply)
{
	for_families(f)
		judged_again(f, true, false);
}

ENV_TEST(new_policy_denies_initiators_packet)
{
	for_families(f)
		judged_again(f, false, true);
}

ENV_TEST(new_policy_denies_reply)
{
	for_families(f)
		judged_again(f, true, true);
}

/* A reply is judged as part of what the initiator began, not by its sender's own egress. */
ENV_TEST(reply_is_not_judged_in_its_own_direction)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		env_rule(5, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 71, 0);
		env_establish(1, 2, &s);
		env_policy(2, ISO_OUT, 5, 2, 0);
		expect_pass(sends(2, r, TH_ACK), REDIRECT);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		/* what it begins itself is */
		r.sport = 81;
		expect_drop(sends(2, r, TH_SYN), SL_DROP_POLICY_EGRESS);
	}
}

ENV_TEST(half_open_flow_is_judged_again)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		env_rule(6, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 71, 0);
		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		env_policy(2, ISO_IN, 6, 2, 0);
		expect_drop(sends(2, r, TH_SYN | TH_ACK), SL_DROP_POLICY_INGRESS);
		expect_drop(sends(2, r, TH_ACK), SL_DROP_POLICY_INGRESS);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
	}
}

/* The pod moved to another device, and its MAC with it. */
ENV_TEST(routed_again)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		env_establish(1, 2, &s);
		memcpy(env_ep(2)->mac, mac, 6);
		env_ep(2)->ifindex = env.alt_if;
		env_ep(2)->mtu = 1400;
		env_ep_write(2);
		/* not before it is told */
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[2], 6);
		env_state()->route_gen++;
		env_state_write();
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_memory_equal(p.b, mac, 6);
		env_flow(&s, &flow);
		assert_int_equal(flow.route_gen, 2);
		assert_int_equal(flow.dir[flow.orig].out_ifindex, env.alt_if);
		assert_int_equal(flow.dir[flow.orig].mtu, 1400);
		assert_int_equal(flow.dir[!flow.orig].in_ifindex, env.alt_if);
	}
}

/* The pod is gone: nothing is sent where it was. */
ENV_TEST(receiver_gone)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		env_establish(1, 2, &s);
		env_addr_del(f->pod[2]);
		env_state()->route_gen++;
		env_state_write();
		expect_drop(sends(1, s, TH_ACK), SL_DROP_NO_EP);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
	}
}

ENV_TEST(initiator_gone)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);

		env_establish(1, 2, &s);
		env_addr_del(f->pod[1]);
		env_state()->route_gen++;
		env_state_write();
		expect_drop(sends(2, r, TH_ACK), SL_DROP_NO_EP);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
	}
}

/* ---------------------------------------------------------- full tables */

static void fill_flows(const struct fam *f)
{
	for (int i = 0; i < FLOW_MAX; i++) {
		struct pkt_spec s = tcp12(f);

		s.sport = 2000 + i;
		env_establish(1, 2, &s);
	}
}

ENV_TEST(full_table_refuses_and_keeps)
{
	struct sl_flow flow;
	struct sl_tuple key;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s), old = s;

		fill_flows(f);
		expect_pass(sends(1, s, TH_SYN), REDIRECT);
		expect_pass(sends(2, r, TH_SYN | TH_ACK), REDIRECT);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(env_count(SL_COUNT_FLOW_REFUSED_FULL), 1);
		expect_pass(sends(2, r, TH_ACK), REDIRECT);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_count(SL_COUNT_FLOW_REFUSED_FULL), 2);
		for (int i = 0; i < FLOW_MAX; i++) {
			old.sport = 2000 + i;
			assert_int_equal(env_flow(&old, &flow), IN_FLOW);
			expect_pass(sends(1, old, TH_ACK), REDIRECT);
		}
		/* room again */
		tuple_of(&key, old.src, old.sport, old.dst, old.dport, IPPROTO_TCP);
		bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_flow), &key);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

/* First packets, and answers to them: they displace each other and nothing else. */
ENV_TEST(syn_flood_displaces_no_established_flow)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), syn = s, r;

		env_establish(1, 2, &s);
		for (int i = 0; i < 3 * HALF_MAX; i++) {
			syn.sport = 2000 + i;
			expect_pass(sends(1, syn, TH_SYN), REDIRECT);
			r = env_reply(&syn);
			if (i % 2)
				expect_pass(sends(2, r, TH_SYN | TH_ACK), REDIRECT);
		}
		assert_int_equal(env_entries(env.sk->maps.sl_flow), 1);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		expect_pass(sends(1, s, TH_ACK), REDIRECT);
		assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
		assert_true(env_entries(env.sk->maps.sl_half) <= HALF_MAX);
	}
}

/* --------------------------------------------------------------- events */

static struct sl_event last_event;
static unsigned int nevents;

static int on_event(void *arg, void *data, size_t size)
{
	(void)arg;
	assert_int_equal(size, sizeof(last_event));
	memcpy(&last_event, data, sizeof(last_event));
	nevents++;
	return 0;
}

static unsigned int read_events(void)
{
	struct ring_buffer *rb = ring_buffer__new(bpf_map__fd(env.sk->maps.sl_events), on_event,
						  NULL, NULL);

	assert_non_null(rb);
	nevents = 0;
	ring_buffer__consume(rb);
	ring_buffer__free(rb);
	return nevents;
}

ENV_TEST(drop_events)
{
	read_events();
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		union sl_addr a = addr_of(s.src), b = addr_of(s.dst);

		env_rule(6, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 71, 0);
		env_policy(2, ISO_IN, 6, 2, 0);
		expect_drop(sends(1, s, TH_SYN), SL_DROP_POLICY_INGRESS);
		assert_int_equal(read_events(), 0);	/* nobody asked */
		env_state()->events = SL_EVENT_MASK_DROP;
		env_state_write();
		expect_drop(sends(1, s, TH_SYN), SL_DROP_POLICY_INGRESS);
		assert_int_equal(read_events(), 1);
		assert_int_equal(last_event.type, SL_EVENT_DROP);
		assert_int_equal(last_event.reason, SL_DROP_POLICY_INGRESS);
		assert_int_equal(last_event.hook, SL_HOOK_FROM_POD);
		assert_int_equal(last_event.tier, SL_TIER_NETPOL);
		assert_int_equal(last_event.ep, 2);
		assert_int_equal(last_event.rule, 71);
		assert_int_equal(last_event.ifindex, env.ep_if[1]);
		assert_int_equal(last_event.len, f->v6 ? 60 : 40);
		assert_int_equal(last_event.eth_proto, f->v6 ? 0x86dd : 0x800);
		assert_int_equal(last_event.tcp_flags, TH_SYN);
		assert_int_equal(last_event.proto, IPPROTO_TCP);
		assert_memory_equal(&last_event.saddr, &a, 16);
		assert_memory_equal(&last_event.daddr, &b, 16);
		assert_int_equal(ntohs(last_event.sport), 1024);
		assert_int_equal(ntohs(last_event.dport), 80);
	}
}

/* What each pod's stack does by itself on a new link is no news. */
ENV_TEST(no_event_for_multicast)
{
	struct pkt_spec s = { .src = "10.1.0.10", .dst = "224.0.0.251", .proto = IPPROTO_UDP };

	env_state()->events = SL_EVENT_MASK_DROP;
	env_state_write();
	read_events();
	expect_drop(env_pod_sends(1, s), SL_DROP_MULTICAST);
	assert_int_equal(read_events(), 0);
}

ENV_TEST(event_rate_is_limited)
{
	struct pkt_spec s = tcp12(&fams[0]);
	unsigned int n = env.sk->rodata->sl_event_burst * 2, got;

	env_state()->events = SL_EVENT_MASK_DROP;
	env_state_write();
	read_events();
	s.smac = env.pod_mac[2];
	for (unsigned int i = 0; i < n; i++)
		env_pod_sends(1, s);
	got = read_events();
	assert_true(got >= env.sk->rodata->sl_event_burst && got < n);
	assert_int_equal(got + env_count(SL_COUNT_EVENT_LIMITED), n);
	assert_int_equal(env_drops(SL_DROP_SMAC), n);
}

ENV_TEST(event_of_a_closed_flow)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);
		union sl_addr a = addr_of(s.src);

		env_state()->events = SL_EVENT_MASK_FLOW;
		env_state_write();
		read_events();
		env_establish(1, 2, &s);
		expect_pass(sends(2, r, TH_RST), REDIRECT);
		assert_int_equal(read_events(), 0);
		expect_pass(sends(2, r, TH_SYN), REDIRECT);
		assert_int_equal(read_events(), 1);
		assert_int_equal(last_event.type, SL_EVENT_FLOW_CLOSED);
		assert_memory_equal(&last_event.saddr, &a, 16);
		assert_int_equal(ntohs(last_event.dport), 80);
		assert_int_equal(last_event.packets[0], 2);
		assert_int_equal(last_event.packets[1], 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(half_open_until_heard_again),
		env_test(first_half_open_and_established_packets),
		env_test(checksum_over_all_hop_limits),
		env_test(counters_are_of_layer_3),
		env_test(udp_and_echo_become_established_too),
		env_test(picked_up_in_the_middle),
		env_test(reset_opens_nothing),
		env_test(fin_of_both_sides_closes),
		env_test(reset_closes),
		env_test(reset_of_a_half_open_flow),
		env_test(syn_on_a_closing_flow_is_a_new_one),
		env_test(syn_on_an_established_flow),
		env_test(idle_flow_is_judged_as_new),
		env_test(idle_half_open_flow_is_judged_as_new),
		env_test(new_policy_allows_initiators_packet),
		env_test(new_policy_allows_reply),
		env_test(new_policy_denies_initiators_packet),
		env_test(new_policy_denies_reply),
		env_test(reply_is_not_judged_in_its_own_direction),
		env_test(half_open_flow_is_judged_again),
		env_test(routed_again),
		env_test(receiver_gone),
		env_test(initiator_gone),
		env_test(full_table_refuses_and_keeps),
		env_test(syn_flood_displaces_no_established_flow),
		env_test(drop_events),
		env_test(no_event_for_multicast),
		env_test(event_rate_is_limited),
		env_test(event_of_a_closed_flow),
	};

	return env_main(tests);
}
