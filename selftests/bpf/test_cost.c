// SPDX-License-Identifier: GPL-2.0
/* What a packet costs in operations on the flow tables, by what it is to its flow. */
#include "counted.h"

#define FLOW_LOOKUP	.flow_lookups = 1
#define BOTH_LOOKUPS	.flow_lookups = 1, .half_lookups = 1

struct step {
	const char *what;
	bool reply;
	uint8_t flags;
	struct counted_ops ops;
	enum env_where where;		/* the flow afterwards */
};

static void check_ops(const char *what, struct counted_ops want)
{
	struct counted_ops got = counted_ops();

	if (!memcmp(&got, &want, sizeof(got)))
		return;
	fail_msg("%s: lookups %u + %u, updates %u, deletes %u instead of %u + %u, %u, %u", what,
		 got.flow_lookups, got.half_lookups, got.updates, got.deletes, want.flow_lookups,
		 want.half_lookups, want.updates, want.deletes);
}

static void run(const struct fam *f, uint8_t proto, const struct step *steps, int n)
{
	struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
			      .proto = proto };
	struct pkt_spec r = env_reply(&s);
	uint64_t packets[2] = { 0 };
	struct sl_flow flow;
	struct pkt p;

	for (int i = 0; i < n; i++) {
		struct pkt_spec x = steps[i].reply ? r : s;
		unsigned int ep = steps[i].reply ? 2 : 1;

		x.flags = steps[i].flags;
		env_pod_pkt(ep, &p, x);
		expect_pass(counted_from_veth(ep, &p, 0), REDIRECT);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_csum(&p);
		check_ops(steps[i].what, steps[i].ops);
		packets[steps[i].reply]++;
		assert_int_equal(env_flow(&s, &flow), steps[i].where);
		assert_int_equal(flow.dir[flow.orig].packets, packets[0]);
		assert_int_equal(flow.dir[!flow.orig].packets, packets[1]);
		assert_int_equal(flow.dir[steps[i].reply ? !flow.orig : flow.orig].bytes,
				 packets[steps[i].reply] * (p.len - 14));
	}
	assert_int_equal(env_count(SL_COUNT_FLOW_NEW), 1);
	assert_int_equal(env_count(SL_COUNT_FLOW_PROMOTED), 1);
	assert_int_equal(env_count(SL_COUNT_FLOW_HIT), n - 1);
}

ENV_TEST(tcp)
{
	static const struct step steps[] = {
		{ "SYN", false, TH_SYN, { BOTH_LOOKUPS, .updates = 1 }, IN_HALF },
		{ "SYN, ACK", true, TH_SYN | TH_ACK, { BOTH_LOOKUPS }, IN_HALF },
		{ "SYN, ACK again", true, TH_SYN | TH_ACK, { BOTH_LOOKUPS }, IN_HALF },
		{ "ACK", false, TH_ACK, { BOTH_LOOKUPS, .updates = 1, .deletes = 1 }, IN_FLOW },
		{ "request", false, TH_ACK | TH_PUSH, { FLOW_LOOKUP }, IN_FLOW },
		{ "SYN, ACK late", true, TH_SYN | TH_ACK, { FLOW_LOOKUP }, IN_FLOW },
		{ "answer", true, TH_ACK | TH_PUSH, { FLOW_LOOKUP }, IN_FLOW },
		{ "FIN", false, TH_ACK | TH_FIN, { FLOW_LOOKUP }, IN_FLOW },
		{ "FIN back", true, TH_ACK | TH_FIN, { FLOW_LOOKUP }, IN_FLOW },
		{ "last ACK", false, TH_ACK, { FLOW_LOOKUP }, IN_FLOW },
	};

	for_families(f)
		run(f, IPPROTO_TCP, steps, sizeof(steps) / sizeof(*steps));
}

ENV_TEST(udp)
{
	static const struct step steps[] = {
		{ "first", false, 0, { BOTH_LOOKUPS, .updates = 1 }, IN_HALF },
		{ "one more", false, 0, { BOTH_LOOKUPS }, IN_HALF },
		{ "answer", true, 0, { BOTH_LOOKUPS }, IN_HALF },
		{ "another", true, 0, { BOTH_LOOKUPS }, IN_HALF },
		{ "third", false, 0, { BOTH_LOOKUPS, .updates = 1, .deletes = 1 }, IN_FLOW },
		{ "fourth", false, 0, { FLOW_LOOKUP }, IN_FLOW },
	};

	for_families(f)
		run(f, IPPROTO_UDP, steps, sizeof(steps) / sizeof(*steps));
}

/* The initiator says ACK and FIN in one packet: established, and half closed. */
ENV_TEST(established_by_a_fin)
{
	static const struct step steps[] = {
		{ "SYN", false, TH_SYN, { BOTH_LOOKUPS, .updates = 1 }, IN_HALF },
		{ "SYN, ACK", true, TH_SYN | TH_ACK, { BOTH_LOOKUPS }, IN_HALF },
		{ "FIN", false, TH_ACK | TH_FIN, { BOTH_LOOKUPS, .updates = 1, .deletes = 1 }, IN_FLOW },
	};
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80 };
		struct pkt_spec r = env_reply(&s);

		run(f, IPPROTO_TCP, steps, sizeof(steps) / sizeof(*steps));
		env_flow(&s, &flow);
		assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
		assert_int_equal(flow.flags, flow.orig ? SL_FLOW_FLAG_FIN1 : SL_FLOW_FLAG_FIN0);
		r.flags = TH_ACK | TH_FIN;
		expect_pass(env_pod_sends(2, r), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.state, SL_FLOW_CLOSING);
	}
}

/* sl_flow refuses: the packet passes, and is counted in the entry that stays. */
ENV_TEST(refused)
{
	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				      .flags = TH_SYN };
		struct pkt_spec r = env_reply(&s), other = s;
		struct sl_flow flow;

		expect_pass(env_pod_sends(1, s), REDIRECT);
		r.flags = TH_SYN | TH_ACK;
		expect_pass(env_pod_sends(2, r), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		for (int i = 0; i < FLOW_MAX; i++) {
			other.sport = 2000 + i;
			env_flow_put(IN_FLOW, &other, &flow);
		}
		s.flags = TH_ACK;
		for (unsigned int i = 1; i < 4; i++) {
			expect_pass(env_pod_sends(1, s), REDIRECT);
			assert_int_equal(env_flow(&s, &flow), IN_HALF);
			assert_int_equal(flow.state, SL_FLOW_REPLIED);
			assert_int_equal(flow.dir[flow.orig].packets, 1 + i);
			assert_int_equal(env_count(SL_COUNT_FLOW_REFUSED_FULL), i);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(tcp),
		env_test(udp),
		env_test(established_by_a_fin),
		env_test(refused),
	};

	return counted_main(tests);
}
