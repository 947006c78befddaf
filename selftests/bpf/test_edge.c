// SPDX-License-Identifier: GPL-2.0
/*
 * The edge in XDP: flows of a client outside to a backend elsewhere begin in TC
 * and are forwarded here, each frame as TC would have sent it; and whatever is
 * not such a flow's, or not plain, is left as it was.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <unistd.h>
#include "env.h"

#define SVC	5
#define PAGE	10
#define NODE_PORT	30080
#define TARGET	8080
#define SPORT	1024
#define OUTER	50			/* Ethernet, IPv4, UDP, VXLAN */
#define SAMPLE	9			/* bytes of payload */

static const uint8_t gw_mac[6] = { 2, 0, 0, 0, 0, 2 }, direct_mac[6] = { 2, 0, 0, 0, 0, 20 },
		     far_mac[6] = { 2, 0, 0, 0, 0, 30 };

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

#define for_protos(p) \
	for (const uint8_t *p = protos; p < protos + 2 && !env_reset(NULL); p++)

static int setup(void **state)
{
	if (env_setup(state))
		return -1;
	/* a test run takes a receive queue of the device, which it has only with a program */
	if (bpf_xdp_attach((int)env.up_if, bpf_program__fd(env.sk->progs.sl_edge),
			   XDP_FLAGS_DRV_MODE, NULL)) {
		printf("Bail out! no program in XDP: %s\n", strerror(errno));
		return -1;
	}
	return system("set -e; n='ip neigh replace'\n"
		      "$n 192.0.2.2 lladdr 02:00:00:00:00:02 dev up0\n"
		      "$n 2001:db8::2 lladdr 02:00:00:00:00:02 dev up0\n"
		      "$n 192.0.2.20 lladdr 02:00:00:00:00:14 dev up0\n"
		      "$n 2001:db8::20 lladdr 02:00:00:00:00:14 dev up0\n"
		      "$n 192.0.2.30 lladdr 02:00:00:00:00:1e dev up0\n") ? -1 : 0;
}

/* ---------------------------------------------------------------- frames */

static int edge(struct pkt *p)
{
	struct xdp_md ctx = { .data_end = (__u32)p->len, .ingress_ifindex = env.up_if };
	static struct pkt out;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->b, .data_size_in = (__u32)p->len,
		    .data_out = out.b, .data_size_out = sizeof(out.b), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(env.sk->progs.sl_edge), &o))
		fail_msg("sl_edge: %s", strerror(errno));
	memcpy(p->b, out.b, o.data_size_out);
	p->len = o.data_size_out;
	return (int)o.retval;
}

/* It is left to TC, as it is. */
#define expect_left(p) check_left((p), __LINE__)
static void check_left(const struct pkt *p, int line)
{
	static struct pkt q;
	int verdict;

	q = *p;
	verdict = edge(&q);
	if (verdict != XDP_PASS)
		fail_msg("line %d: verdict %d", line, verdict);
	assert_int_equal(q.len, p->len);
	assert_memory_equal(q.b, p->b, p->len);
}

static void put16(uint8_t *at, unsigned int v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint16_t ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* @p in VXLAN, from the node at @src to this one. */
static void encapsulate(struct pkt *p, const char *src)
{
	const uint8_t vxlan[8] = { 8, 0, 0, 0, 0, 0, TUNNEL_VNI, 0 };
	union sl_addr from = addr_of(src), to = addr_of("192.0.2.1");
	uint8_t *ip = p->b + 14, *udp = ip + 20;

	memmove(p->b + OUTER, p->b, p->len);
	memset(p->b, 0, OUTER);
	memcpy(p->b, env.up_mac, 6);
	memcpy(p->b + 6, far_mac, 6);
	put16(p->b + 12, 0x0800);
	p->len += OUTER;
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)p->len - 14);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, from.b + 12, 4);
	memcpy(ip + 16, to.b + 12, 4);
	put16(ip + 10, ip_sum(ip));
	put16(udp, 50000);
	put16(udp + 2, 4789);
	put16(udp + 4, (unsigned int)p->len - 34);
	memcpy(udp + 8, vxlan, 8);
}

/* What this node has encapsulated for the one at @to: right, and taken off. */
static void decapsulate(struct pkt *p, const char *to)
{
	union sl_addr dst = addr_of(to), src = addr_of("192.0.2.1");
	const uint8_t *ip = p->b + 14, *udp = ip + 20;

	assert_true(p->len > OUTER + 14);
	assert_memory_equal(p->b, far_mac, 6);
	assert_memory_equal(p->b + 6, env.up_mac, 6);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(pkt_u16(p, 16), p->len - 14);
	assert_int_equal(ip_sum(ip), 0);
	assert_int_equal(ip[9], IPPROTO_UDP);
	assert_memory_equal(ip + 12, src.b + 12, 4);
	assert_memory_equal(ip + 16, dst.b + 12, 4);
	assert_true(pkt_u16(p, 34) >= 49152);
	assert_int_equal(pkt_u16(p, 36), 4789);
	assert_int_equal(pkt_u16(p, 38), p->len - 34);
	assert_int_equal(pkt_u16(p, 40), 0);
	assert_int_equal(udp[8], 8);
	assert_int_equal(pkt_u32(p, 46), TUNNEL_VNI << 8);
	p->len -= OUTER;
	memmove(p->b, p->b + OUTER, p->len);
}

/* ----------------------------------------------------------------- a flow */

/* A client's flow to a node port whose backend is elsewhere, as TC has left it. */
struct flow {
	const struct fam *f;
	struct pkt_spec there, back;
	bool tunnel;
};

static void service(const struct flow *w)
{
	struct sl_svc svc = { .gen = 7 };

	svc.set[SL_SVC_CLUSTER] = PAGE | 1ULL << SL_SVC_COUNT_SHIFT;
	env_backend(1, SVC, w->back.src, TARGET, w->there.proto, SL_BACKEND_READY | SL_BACKEND_KEEP);
	env_set(PAGE, &(uint32_t){ 1 }, 1);
	env_svc(SVC, &svc);
	env_front(w->f->v6 ? "::" : "0.0.0.0", NODE_PORT, w->there.proto,
		  &(struct sl_front_val){ .svc = SVC });
}

static void by_tc(struct flow *w)
{
	uint8_t proto;
	struct pkt p;

	env_link_pkt(&p, w->there);
	expect_pass(env_from_uplink(&p), REDIRECT);
	w->back.dport = pkt_u16(&p, pkt_l4(&p, &proto));
	if (w->tunnel) {
		env_tunnel_pkt(&p, w->back);
		expect_pass(env_from_tunnel(&p, w->f->tunnel_via, TUNNEL_VNI), REDIRECT);
	} else {
		env_link_pkt(&p, w->back);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
	w->there.flags = TH_ACK;
	w->back.flags = TH_ACK;
}

/* Half-open: a packet of the client's will establish it. */
static struct flow half_open(const struct fam *f, uint8_t proto, bool tunnel)
{
	struct flow w = {
		.f = f, .tunnel = tunnel,
		.there = { .src = f->out, .dst = f->node, .sport = SPORT, .dport = NODE_PORT,
			   .proto = proto, .flags = TH_SYN, .payload = SAMPLE },
		.back = { .src = tunnel ? f->tunnel : f->direct, .dst = f->node, .sport = TARGET,
			  .proto = proto, .flags = TH_SYN | TH_ACK, .payload = SAMPLE },
	};

	service(&w);
	by_tc(&w);
	return w;
}

static enum env_where where(const struct flow *w)
{
	struct sl_flow flow;

	return env_flow(&w->there, &flow);
}

static struct flow established(const struct fam *f, uint8_t proto, bool tunnel)
{
	struct flow w = half_open(f, proto, tunnel);

	by_tc(&w);
	assert_int_equal(where(&w), IN_FLOW);
	return w;
}

static void from_client(const struct flow *w, struct pkt *p)
{
	env_link_pkt(p, w->there);
	/* who begins is beyond the router */
	memcpy(p->b + 6, gw_mac, 6);
}

static void from_backend(const struct flow *w, struct pkt *p)
{
	env_link_pkt(p, w->back);
	if (w->tunnel)
		encapsulate(p, w->f->tunnel_via);
}

/* From (@src, @sport) to (@dst, @dport), with the hop less and the sums right. */
static void check_hop(const struct pkt *p, const char *src, uint16_t sport, const char *dst,
		      uint16_t dport)
{
	expect_pkt(p, src, sport, dst, dport);
	assert_int_equal(pkt_ttl(p), 63);
}

static void check_there(const struct flow *w, struct pkt *p)
{
	const uint8_t inner[12] = { 2, 's', 'l', 0, 0, 2, 2, 's', 'l', 0, 0, 1 };

	assert_int_equal(edge(p), XDP_TX);
	if (w->tunnel) {
		decapsulate(p, w->f->tunnel_via);
		assert_memory_equal(p->b, inner, 12);
	} else {
		assert_memory_equal(p->b, direct_mac, 6);
		assert_memory_equal(p->b + 6, env.up_mac, 6);
	}
	check_hop(p, w->back.dst, w->back.dport, w->back.src, TARGET);
}

static void check_back(const struct flow *w, struct pkt *p)
{
	assert_int_equal(edge(p), XDP_TX);
	assert_memory_equal(p->b, gw_mac, 6);
	assert_memory_equal(p->b + 6, env.up_mac, 6);
	check_hop(p, w->there.dst, NODE_PORT, w->there.src, SPORT);
}

/* -------------------------------------------------------------- forwarded */

ENV_TEST(both_ways)
{
	for_families(f) {
		for_protos(proto) {
			for (int tunnel = 0; tunnel < 2; tunnel++) {
				struct sl_flow before, after;
				struct flow w;
				struct pkt p;
				size_t len;

				env_reset(NULL);
				w = established(f, *proto, tunnel);
				env_flow(&w.there, &before);
				from_client(&w, &p);
				len = p.len - 14;
				check_there(&w, &p);
				from_backend(&w, &p);
				check_back(&w, &p);
				assert_int_equal(env_flow(&w.there, &after), IN_FLOW);
				for (int d = 0; d < 2; d++) {
					assert_int_equal(after.dir[d].packets,
							 before.dir[d].packets + 1);
					assert_int_equal(after.dir[d].bytes,
							 before.dir[d].bytes + len);
				}
				assert_int_equal(env_count(SL_COUNT_EDGE_OUT), 2);
			}
		}
	}
}

/* Direct server return: into the tunnel as it is, and nothing comes back. */
ENV_TEST(one_way)
{
	const uint8_t inner[12] = { 2, 's', 'l', 0, 0, 2, 2, 's', 'l', 0, 0, 1 };

	for_families(f) {
		for_protos(proto) {
			struct flow w = {
				.f = f, .tunnel = true,
				.there = { .src = f->out, .dst = f->node, .sport = SPORT, .dport = NODE_PORT,
					   .proto = *proto, .flags = TH_SYN, .payload = SAMPLE },
				.back = { .src = f->tunnel },
			};
			struct sl_flow flow;
			struct pkt p;

			service(&w);
			env_front(f->v6 ? "::" : "0.0.0.0", NODE_PORT, *proto,
				  &(struct sl_front_val){ .svc = SVC, .flags = SL_FRONT_DSR });
			env_link_pkt(&p, w.there);
			expect_pass(env_from_uplink(&p), REDIRECT);
			w.there.flags = TH_ACK;
			for (unsigned int i = 2; i < 5; i++) {
				from_client(&w, &p);
				assert_int_equal(edge(&p), XDP_TX);
				decapsulate(&p, f->tunnel_via);
				assert_memory_equal(p.b, inner, 12);
				check_hop(&p, f->out, SPORT, f->node, NODE_PORT);
				assert_int_equal(env_flow(&w.there, &flow), IN_HALF);
				assert_int_equal(flow.dir[flow.orig].packets, i);
				assert_int_equal(flow.state, SL_FLOW_NEW);
			}
			/* what claims to answer it */
			w.back = env_reply(&w.there);
			from_backend(&w, &p);
			expect_left(&p);
			env_link_pkt(&p, w.back);
			expect_left(&p);
			/* the end is TC's to see, and then nothing passes */
			w.there.flags = TH_RST;
			from_client(&w, &p);
			if (*proto == IPPROTO_TCP)
				expect_left(&p);
		}
	}
}

ENV_TEST(establishes)
{
	for_families(f) {
		struct flow w = half_open(f, IPPROTO_TCP, true);
		struct sl_flow flow;
		struct pkt p;

		assert_int_equal(where(&w), IN_HALF);
		from_backend(&w, &p);
		check_back(&w, &p);
		assert_int_equal(where(&w), IN_HALF);
		from_client(&w, &p);
		check_there(&w, &p);
		assert_int_equal(env_flow(&w.there, &flow), IN_FLOW);
		assert_int_equal(flow.dir[flow.orig].packets, 2);
		assert_int_equal(flow.dir[!flow.orig].packets, 2);
		from_backend(&w, &p);
		check_back(&w, &p);
	}
}

ENV_TEST(ends)
{
	struct flow w = established(&fams[0], IPPROTO_TCP, true);
	struct sl_flow flow;
	struct pkt p;

	w.there.flags |= TH_FIN;
	from_client(&w, &p);
	check_there(&w, &p);
	env_flow(&w.there, &flow);
	assert_int_equal(flow.state, SL_FLOW_ESTABLISHED);
	w.back.flags |= TH_FIN;
	from_backend(&w, &p);
	check_back(&w, &p);
	env_flow(&w.there, &flow);
	assert_int_equal(flow.state, SL_FLOW_CLOSING);
}

/* UDP over IPv4 may do without a checksum, and goes on without. */
ENV_TEST(without_checksum)
{
	struct flow w = established(&fams[0], IPPROTO_UDP, false);
	uint8_t proto;
	struct pkt p;

	w.there.no_csum = true;
	from_client(&w, &p);
	assert_int_equal(edge(&p), XDP_TX);
	assert_int_equal(pkt_u16(&p, pkt_l4(&p, &proto) + 6), 0);
}

/* Where the sum comes out as zero it says so in the other way. */
ENV_TEST(checksum_of_zero)
{
	struct flow w = established(&fams[0], IPPROTO_UDP, false);
	unsigned int zeros = 0;
	uint8_t proto;
	struct pkt p;

	w.there.payload = 2;
	for (unsigned int i = 0; i < 65536; i++) {
		size_t l4;
		uint32_t sum;

		from_client(&w, &p);
		l4 = pkt_l4(&p, &proto);
		/* two bytes more, and the checksum as much less */
		put16(p.b + l4 + 8, (pkt_u16(&p, l4 + 8) + i) & 0xffff);
		sum = 0;
		put16(p.b + l4 + 6, 0);
		for (size_t at = 26; at < p.len; at += 2)
			sum += pkt_u16(&p, at);
		sum += IPPROTO_UDP + (uint32_t)(p.len - l4);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		sum = ~sum & 0xffff;
		put16(p.b + l4 + 6, sum ? sum : 0xffff);
		assert_int_equal(edge(&p), XDP_TX);
		assert_int_not_equal(pkt_u16(&p, l4 + 6), 0);
		zeros += pkt_u16(&p, l4 + 6) == 0xffff;
		expect_csum(&p);
	}
	assert_true(zeros > 0);
}

/* -------------------------------------------------------------- left alone */

ENV_TEST(nobodys)
{
	for_families(f) {
		struct flow w = established(f, IPPROTO_TCP, true);
		struct pkt p;

		w.there.sport++;
		from_client(&w, &p);
		expect_left(&p);
		w.there.sport--;
		env_flow_del(&w.there);
		from_client(&w, &p);
		expect_left(&p);
		/* its alias without it */
		from_backend(&w, &p);
		expect_left(&p);
	}
}

ENV_TEST(not_plain)
{
	for_families(f) {
		struct flow w = established(f, IPPROTO_TCP, true);
		struct pkt_spec s = w.there;
		struct pkt p;

#define left_with(member, value) do {                                          \
		w.there = s;                                                   \
		w.there.member = (value);                                      \
		from_client(&w, &p);                                           \
		expect_left(&p);                                               \
	} while (0)
		left_with(flags, TH_SYN);
		left_with(flags, TH_RST);
		left_with(flags, TH_RST | TH_ACK);
		left_with(ttl, 1);
		left_with(options, 1);
		left_with(payload, TUNNEL_MTU);
		if (f->v6)
			left_with(frag_id, 7);
		else
			left_with(more, true);
#undef left_with
		w.there = s;
		from_client(&w, &p);
		pkt_vlan(&p, 5);
		expect_left(&p);
		/* for another host that the link delivers here, too */
		from_client(&w, &p);
		p.b[5] ^= 1;
		expect_left(&p);
		/* cut off within its headers */
		from_client(&w, &p);
		p.len = f->v6 ? 60 : 40;
		expect_left(&p);
	}
}

ENV_TEST(no_longer_right)
{
	for_families(f) {
		struct flow w = established(f, IPPROTO_TCP, true);
		struct sl_svc svc = { .gen = 8 };
		struct sl_flow flow;
		struct pkt p;

		env_state()->route_gen++;
		env_state_write();
		from_client(&w, &p);
		expect_left(&p);
		env_state()->route_gen--;
		env_state_write();
		svc.set[SL_SVC_CLUSTER] = PAGE | 1ULL << SL_SVC_COUNT_SHIFT;
		env_svc(SVC, &svc);
		from_client(&w, &p);
		expect_left(&p);
		from_backend(&w, &p);
		expect_left(&p);
		svc.gen = 7;
		env_svc(SVC, &svc);
		/* idle for too long */
		env_flow(&w.there, &flow);
		flow.last_ns -= (SL_TIMEOUT_TCP_S + 1) * 1000000000ULL;
		env_flow_put(IN_FLOW, &w.there, &flow);
		from_client(&w, &p);
		expect_left(&p);
		/* and a mark is not the edge's to set */
		flow.last_ns += (SL_TIMEOUT_TCP_S + 1) * 1000000000ULL;
		flow.dir[flow.orig].flags |= SL_FLOW_DIR_MARK;
		env_flow_put(IN_FLOW, &w.there, &flow);
		from_client(&w, &p);
		expect_left(&p);
		flow.dir[flow.orig].flags &= ~SL_FLOW_DIR_MARK;
		env_flow_put(IN_FLOW, &w.there, &flow);
		from_client(&w, &p);
		check_there(&w, &p);
	}
}

/* The responder's own name is the alias; by the flow's it must not be heard. */
ENV_TEST(another_way)
{
	for_families(f) {
		struct flow w = established(f, IPPROTO_TCP, true);
		struct pkt_spec s;
		struct pkt p;

		/* not in the tunnel */
		env_link_pkt(&p, w.back);
		expect_left(&p);
		/* from the client's side in the tunnel */
		env_link_pkt(&p, w.there);
		encapsulate(&p, f->tunnel_via);
		expect_left(&p);
		/* by the names that the client knows */
		s = env_reply(&w.there);
		s.flags = TH_ACK;
		env_link_pkt(&p, s);
		encapsulate(&p, f->tunnel_via);
		expect_left(&p);
	}
}

ENV_TEST(another_tunnel)
{
	for_families(f) {
		struct flow w = established(f, IPPROTO_TCP, true);
		struct pkt p;

#define left_with(at, value) do {                                              \
		from_backend(&w, &p);                                          \
		p.b[at] = (value);                                             \
		expect_left(&p);                                               \
	} while (0)
		env_link_pkt(&p, w.back);
		encapsulate(&p, "192.0.2.99");
		expect_left(&p);
		left_with(48, TUNNEL_VNI + 1);
		left_with(49, 1);		/* reserved */
		left_with(42, 0);		/* no VNI */
		left_with(43, 1);		/* reserved */
		left_with(37, 0xb6);		/* another port */
		left_with(41, 1);		/* a checksum */
		left_with(20, 0x20);		/* more fragments */
		left_with(21, 1);		/* a later one */
		left_with(14, 0x46);		/* options */
		left_with(33, 7);		/* to another address */
		left_with(5, env.up_mac[5] ^ 1);
		left_with(23, IPPROTO_TCP);
#undef left_with
		for (size_t len = 14; len < OUTER + 14 + 40; len += 3) {
			from_backend(&w, &p);
			p.len = len;
			expect_left(&p);
		}
	}
}

ENV_TEST(neighbour_not_known)
{
	struct flow w = established(&fams[0], IPPROTO_TCP, true);
	struct pkt p;

	assert_int_equal(system("ip neigh del 192.0.2.30 dev up0"), 0);
	/* it is asked for a hundred times a second */
	usleep(30000);
	from_client(&w, &p);
	expect_left(&p);
	assert_int_equal(system("ip neigh replace 192.0.2.30 lladdr 02:00:00:00:00:1e dev up0"), 0);
	from_client(&w, &p);
	check_there(&w, &p);
}

/* Of pods' flows it makes nothing: their devices are TC's. */
ENV_TEST(pods)
{
	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->direct, .sport = SPORT,
				      .dport = TARGET, .proto = IPPROTO_UDP, .payload = SAMPLE }, r;
		struct pkt p;

		for (int i = 0; i < 3; i++) {
			expect_pass(env_pod_sends(1, s), REDIRECT);
			r = env_reply(&s);
			env_link_pkt(&p, r);
			expect_left(&p);
			expect_pass(env_from_uplink(&p), REDIRECT);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(both_ways),
		env_test(one_way),
		env_test(establishes),
		env_test(ends),
		env_test(without_checksum),
		env_test(checksum_of_zero),
		env_test(nobodys),
		env_test(not_plain),
		env_test(no_longer_right),
		env_test(another_way),
		env_test(another_tunnel),
		env_test(neighbour_not_known),
		env_test(pods),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, env_teardown);
}
