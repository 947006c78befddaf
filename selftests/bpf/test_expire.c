// SPDX-License-Identifier: GPL-2.0
/* The sweep: what it removes, what it leaves, what it counts and tells. */
#include <time.h>
#include "env.h"

#define SEC	1000000000ULL

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static struct pkt_spec spec(const struct fam *f, uint8_t proto, uint16_t port)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->out, .proto = proto,
				  .sport = port, .dport = 80 };
}

static void put(enum env_where where, const struct pkt_spec *s, int state, uint64_t idle)
{
	struct sl_flow f = { .kind = SL_FLOW_KIND_FLOW, .state = state,
			     .last_ns = now_ns() - idle * SEC };

	env_flow_put(where, s, &f);
}

ENV_TEST(each_kind_at_its_time)
{
	static const struct { enum env_where where; uint8_t proto; int state; uint64_t timeout; } kinds[] = {
		{ IN_HALF, IPPROTO_TCP, SL_FLOW_NEW, SL_TIMEOUT_HALF_S },
		{ IN_HALF, IPPROTO_UDP, SL_FLOW_REPLIED, SL_TIMEOUT_HALF_S },
		{ IN_HALF, IPPROTO_TCP, SL_FLOW_CLOSING, SL_TIMEOUT_CLOSING_S },
		{ IN_FLOW, IPPROTO_TCP, SL_FLOW_ESTABLISHED, SL_TIMEOUT_TCP_S },
		{ IN_FLOW, IPPROTO_TCP, SL_FLOW_CLOSING, SL_TIMEOUT_CLOSING_S },
		{ IN_FLOW, IPPROTO_UDP, SL_FLOW_ESTABLISHED, SL_TIMEOUT_UDP_S },
		{ IN_FLOW, IPPROTO_ICMP, SL_FLOW_ESTABLISHED, SL_TIMEOUT_OTHER_S },
	};
	unsigned int n = sizeof(kinds) / sizeof(kinds[0]);
	struct sl_flow flow;

	for_families(f) {
		for (unsigned int i = 0; i < n; i++) {
			struct pkt_spec old = spec(f, kinds[i].proto, 100 + i),
					young = spec(f, kinds[i].proto, 200 + i);

			put(kinds[i].where, &old, kinds[i].state, kinds[i].timeout + 1);
			put(kinds[i].where, &young, kinds[i].state, kinds[i].timeout - 1);
		}
		assert_int_equal(env_expire(), n);
		for (unsigned int i = 0; i < n; i++) {
			struct pkt_spec old = spec(f, kinds[i].proto, 100 + i),
					young = spec(f, kinds[i].proto, 200 + i);

			assert_int_equal(env_flow(&old, &flow), NOWHERE);
			assert_int_equal(env_flow(&young, &flow), kinds[i].where);
		}
		assert_int_equal(env_count(SL_COUNT_FLOW_CLOSED), 2);
		assert_int_equal(env_count(SL_COUNT_FLOW_EXPIRED), n - 2);
		assert_int_equal(env_expire(), 0);
	}
}

static uint16_t goes_out(struct pkt_spec s)
{
	struct pkt p;
	uint8_t proto;

	env_pod_pkt(1, &p, s);
	expect_pass(env_from_pod(1, &p), REDIRECT);
	return pkt_u16(&p, pkt_l4(&p, &proto));
}

/* With its flow goes an alias, and without one it goes by itself; a live one stays. */
ENV_TEST(aliases)
{
	struct sl_flow flow;
	struct sl_tuple alias, key;

	for_families(f) {
		for (int established = 0; established < 2; established++) {
			struct pkt_spec s = spec(f, IPPROTO_UDP, 1024), r;
			struct pkt p;
			uint16_t port;

			env_reset(NULL);
			port = goes_out(s);
			tuple_of(&alias, f->node, port, s.dst, s.dport, IPPROTO_UDP);
			if (established) {
				r = env_reply(&s);
				r.dst = f->node;
				r.dport = port;
				env_link_pkt(&p, r);
				expect_pass(env_from_uplink(&p), REDIRECT);
				goes_out(s);
			}
			assert_int_equal(env_expire(), 0);
			assert_int_equal(env_flow_key(&alias, &flow), established ? IN_FLOW : IN_HALF);
			/* the flow idle: both */
			env_flow(&s, &flow);
			flow.last_ns -= 1000 * SEC;
			env_flow_put(established ? IN_FLOW : IN_HALF, &s, &flow);
			assert_int_equal(env_expire(), 1);
			assert_int_equal(env_flow_key(&alias, &flow), NOWHERE);
			/* the flow gone: the alias with the next sweep */
			port = goes_out(s);
			tuple_of(&alias, f->node, port, s.dst, s.dport, IPPROTO_UDP);
			tuple_of(&key, s.src, s.sport, s.dst, s.dport, IPPROTO_UDP);
			bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_half), &key);
			assert_int_equal(env_flow_key(&alias, &flow), IN_HALF);
			assert_int_equal(env_expire(), 0);
			assert_int_equal(env_flow_key(&alias, &flow), NOWHERE);
		}
	}
}

/* Everything at once, tables full: nothing is overlooked for long. */
ENV_TEST(full_tables)
{
	for_families(f) {
		for (unsigned int i = 0; i < FLOW_MAX; i++) {
			struct pkt_spec s = spec(f, IPPROTO_UDP, 100 + i);

			put(IN_FLOW, &s, SL_FLOW_ESTABLISHED, SL_TIMEOUT_UDP_S + 1);
		}
		for (unsigned int i = 0; i < HALF_MAX / 2; i++) {
			struct pkt_spec s = spec(f, IPPROTO_TCP, 100 + i);

			put(IN_HALF, &s, SL_FLOW_NEW, SL_TIMEOUT_HALF_S + 1);
		}
		assert_int_equal(env_expire(), FLOW_MAX + HALF_MAX / 2);
		assert_int_equal(env_entries(env.sk->maps.sl_flow), 0);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

static unsigned int nevents;
static struct sl_event last;

static int on_event(void *arg, void *data, size_t size)
{
	(void)arg;
	(void)size;
	memcpy(&last, data, sizeof(last));
	nevents++;
	return 0;
}

ENV_TEST(events)
{
	struct ring_buffer *rb = ring_buffer__new(bpf_map__fd(env.sk->maps.sl_events), on_event,
						  NULL, NULL);
	struct pkt_spec s = spec(&fams[0], IPPROTO_UDP, 7);

	assert_non_null(rb);
	ring_buffer__consume(rb);
	nevents = 0;
	put(IN_FLOW, &s, SL_FLOW_ESTABLISHED, 10000);
	assert_int_equal(env_expire(), 1);
	ring_buffer__consume(rb);
	assert_int_equal(nevents, 0);
	env_state()->events = SL_EVENT_MASK_FLOW;
	env_state_write();
	put(IN_FLOW, &s, SL_FLOW_ESTABLISHED, 10000);
	assert_int_equal(env_expire(), 1);
	ring_buffer__consume(rb);
	assert_int_equal(nevents, 1);
	assert_int_equal(last.type, SL_EVENT_FLOW_CLOSED);
	assert_int_equal(last.proto, IPPROTO_UDP);
	assert_int_equal(last.eth_proto, 0x800);
	ring_buffer__free(rb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(each_kind_at_its_time),
		env_test(aliases),
		env_test(full_tables),
		env_test(events),
	};

	return env_main(tests);
}
