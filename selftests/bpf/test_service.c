// SPDX-License-Identifier: GPL-2.0
/*
 * Services: which backend a flow gets, how its packets are translated there and
 * back at each hook, and what becomes of it when the service changes.
 */
#include <arpa/inet.h>
#include "env.h"

#define SVC	5
#define PAGE	10
#define PORT	80		/* the service's */
#define TARGET	8080		/* its backends' */
#define SPORT	1024
#define ALIVE	(SL_BACKEND_READY | SL_BACKEND_KEEP)
#define ICMP(f)	((f)->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

#define for_protos(p) \
	for (const uint8_t *p = protos; p < protos + 3 && !env_reset(NULL); p++)

static struct sl_svc service;

static const char *vip(const struct fam *f)
{
	return f->v6 ? "fd00:96::10" : "10.96.0.10";
}

static uint64_t word(uint32_t page, unsigned int n, unsigned int maglev)
{
	return page | (uint64_t)n << SL_SVC_COUNT_SHIFT | (uint64_t)maglev << SL_SVC_MAGLEV_SHIFT;
}

/* Ids 1 to @n, which env_backend() was told of, are what SVC has. */
static void backends(unsigned int n)
{
	uint32_t ids[SVC_IDS];

	for (unsigned int i = 0; i < n; i++)
		ids[i] = i + 1;
	env_set(PAGE, ids, n);
	service.set[SL_SVC_CLUSTER] = word(PAGE, n, 0);
	env_svc(SVC, &service);
}

/* SVC by its cluster IP and @proto, without a backend yet. */
static void cluster_ip(const struct fam *f, uint8_t proto)
{
	service = (struct sl_svc){ .gen = 7 };
	env_svc(SVC, &service);
	env_front(vip(f), PORT, proto, &(struct sl_front_val){ .svc = SVC });
	env_addr(vip(f), SL_ADDR_SVC, SL_SVC_ADDR_CLOSED);
}

static void one_backend(const struct fam *f, uint8_t proto, const char *addr)
{
	cluster_ip(f, proto);
	env_backend(1, SVC, addr, TARGET, proto, ALIVE);
	backends(1);
}

static struct pkt_spec to_service(const struct fam *f, uint8_t proto)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = vip(f), .sport = SPORT, .dport = PORT,
				  .proto = proto, .flags = TH_SYN, .payload = 33 };
}

/* What @ep sends and how it leaves; the verdict. */
static int sends(unsigned int ep, struct pkt *p, const struct pkt_spec *s)
{
	env_pod_pkt(ep, p, *s);
	return env_from_pod(ep, p);
}

/* Pod 1 to its service, there: the port that the backend sees. */
static uint16_t there(const struct pkt_spec *s, const char *backend)
{
	struct pkt p;
	uint8_t proto;
	uint16_t sport;

	expect_pass(sends(1, &p, s), REDIRECT);
	sport = pkt_u16(&p, pkt_l4(&p, &proto));
	expect_pkt(&p, s->src, sport, backend, TARGET);
	return sport;
}

static struct pkt_spec answer(const struct pkt_spec *s, const char *backend)
{
	struct pkt_spec r = env_reply(s);

	r.src = backend;
	r.sport = TARGET;
	r.flags = TH_SYN | TH_ACK;
	return r;
}

/* Pod 2 answers pod 1, which hears the service. */
static void back(const struct fam *f, const struct pkt_spec *s)
{
	struct pkt_spec r = answer(s, f->pod[2]);
	struct pkt p;

	expect_pass(sends(2, &p, &r), REDIRECT);
	expect_pkt(&p, s->dst, s->dport, s->src, s->sport);
	assert_memory_equal(p.b, env.pod_mac[1], 6);
}

/* ------------------------------------------------------- to where backends are */

ENV_TEST(pod_of_this_node)
{
	struct sl_flow flow;

	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = to_service(f, *proto);

			one_backend(f, *proto, f->pod[2]);
			for (int i = 0; i < 3; i++) {
				assert_int_equal(there(&s, f->pod[2]), SPORT);
				back(f, &s);
				s.flags = TH_ACK;
			}
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			assert_int_equal(flow.svc, SVC);
			assert_int_equal(flow.svc_gen, 7);
			assert_int_equal(flow.backend, 1);
			assert_int_equal(flow.ep[flow.orig], 1);
			assert_int_equal(flow.ep[!flow.orig], 2);
			assert_int_equal(flow.dir[flow.orig].packets, 3);
			assert_int_equal(flow.dir[!flow.orig].packets, 3);
			/* it, and its alias */
			assert_int_equal(env_entries(env.sk->maps.sl_flow), 2);
			assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
		}
	}
}

ENV_TEST(pod_behind_the_tunnel)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), r = answer(&s, f->tunnel);
		struct sl_flow flow;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->tunnel);
		for (int i = 0; i < 3; i++) {
			there(&s, f->tunnel);
			env_tunnel_pkt(&p, r);
			expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
			expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
			s.flags = TH_ACK;
			/* judged again by a packet of either end */
			env_state()->route_gen++;
			env_state_write();
		}
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_TUNNEL);
		/* from a node that has not that pod */
		env_tunnel_pkt(&p, r);
		expect_drop(env_from_tunnel(&p, "192.0.2.99", TUNNEL_VNI), SL_DROP_TUNNEL_PEER);
	}
}

ENV_TEST(pod_on_the_link)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP), r = answer(&s, f->direct);
		struct pkt p;

		one_backend(f, IPPROTO_UDP, f->direct);
		for (int i = 0; i < 3; i++) {
			there(&s, f->direct);
			env_link_pkt(&p, r);
			expect_pass(env_from_uplink(&p), REDIRECT);
			expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
		}
	}
}

/* Both ends are translated: masqueraded, and a backend. */
ENV_TEST(outside_the_cluster)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = to_service(f, *proto), r = answer(&s, f->out);
			uint8_t l4proto;
			uint16_t sport = 0;
			struct pkt p;

			one_backend(f, *proto, f->out);
			for (int i = 0; i < 3; i++) {
				expect_pass(sends(1, &p, &s), REDIRECT);
				if (!sport)
					sport = pkt_u16(&p, pkt_l4(&p, &l4proto));
				assert_in_range(sport, SL_NAT_PORT_MIN_DEFAULT, SL_NAT_PORT_MAX_DEFAULT);
				expect_pkt(&p, f->node, sport, f->out, TARGET);
				r.dst = f->node;
				r.dport = sport;
				env_link_pkt(&p, r);
				expect_pass(env_from_uplink(&p), REDIRECT);
				expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
			}
		}
	}
}

/* A backend on the host's network: the stack delivers, and is heard as the service. */
ENV_TEST(the_node_itself)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), r = answer(&s, f->node);
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->node);
		for (int i = 0; i < 3; i++) {
			expect_pass(sends(1, &p, &s), NEXT);
			expect_pkt(&p, f->pod[1], SPORT, f->node, TARGET);
			env_stack_pkt(1, &p, r);
			expect_pass(env_to_pod(1, &p, 0), NEXT);
			expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
		}
		/* reached by the node's own address and port, nothing is translated */
		env_reset(NULL);
		one_backend(f, IPPROTO_TCP, f->node);
		env_front(f->node, TARGET, IPPROTO_TCP, &(struct sl_front_val){ .svc = SVC });
		s.dst = f->node;
		s.dport = TARGET;
		expect_pass(sends(1, &p, &s), NEXT);
		expect_pkt(&p, f->pod[1], SPORT, f->node, TARGET);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 1);
	}
}

/* A pod to itself: under its own address it would answer on its loopback device. */
ENV_TEST(hairpin)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = to_service(f, *proto), r;
			uint8_t l4proto;
			uint16_t sport = 0;
			struct pkt p;

			one_backend(f, *proto, f->pod[1]);
			/* whatever its policies are */
			env_policy(1, ISO_IN | ISO_OUT, 3, 2, 0);
			for (int i = 0; i < 3; i++) {
				expect_pass(sends(1, &p, &s), REDIRECT);
				if (!sport)
					sport = pkt_u16(&p, pkt_l4(&p, &l4proto));
				expect_pkt(&p, f->node, sport, f->pod[1], TARGET);
				assert_memory_equal(p.b, env.pod_mac[1], 6);
				r = answer(&s, f->pod[1]);
				r.dst = f->node;
				r.dport = sport;
				expect_pass(sends(1, &p, &r), REDIRECT);
				expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
			}
		}
	}
}

/* ------------------------------------------------------------------- policies */

/* The backend's port and class decide, not the service's. */
ENV_TEST(policy_of_the_backend)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		env_policy(2, ISO_IN, 3, 2, 0);
		env_rule(3, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 41, 3);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, PORT, SL_VERDICT_ALLOW, 42);
		expect_drop(env_pod_sends(1, s), SL_DROP_POLICY_INGRESS);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_TCP, TARGET, SL_VERDICT_ALLOW, 42);
		there(&s, f->pod[2]);

		env_reset(NULL);
		one_backend(f, IPPROTO_TCP, f->out);
		env_class(f->out, f->v6 ? 128 : 32, 9, 9);
		env_policy(1, ISO_OUT, 3, 2, 0);
		expect_drop(env_pod_sends(1, s), SL_DROP_POLICY_EGRESS);
		env_rule(3, SL_DIR_EGRESS, 9, SL_VERDICT_ALLOW, 43, 0);
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

/* -------------------------------------------------------------------- refused */

static void check_refused(const struct fam *f, const struct pkt *p, const struct pkt_spec *s)
{
	uint8_t proto;
	size_t l4 = pkt_l4(p, &proto);
	union sl_addr a, src = addr_of(s->src);

	pkt_addr(p, true, &a);
	assert_memory_equal(&a, &src, 16);
	expect_csum(p);
	if (s->proto == IPPROTO_TCP) {
		expect_pkt(p, s->dst, s->dport, s->src, s->sport);
		assert_true(p->b[l4 + 13] & TH_RST);
		return;
	}
	if (s->proto == IPPROTO_SCTP) {
		expect_pkt(p, s->dst, s->dport, s->src, s->sport);
		assert_int_equal(p->b[l4 + 12], 6);
		return;
	}
	assert_int_equal(proto, ICMP(f));
	assert_int_equal(p->b[l4], f->v6 ? 1 : 3);
	assert_int_equal(p->b[l4 + 1], f->v6 ? 4 : 3);
}

ENV_TEST(without_a_backend)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = to_service(f, *proto);
			struct pkt p;

			cluster_ip(f, *proto);
			expect_answer(sends(1, &p, &s), SL_DROP_NO_BACKEND);
			check_refused(f, &p, &s);
			/* another port of the address; another protocol of the port */
			s.dport = PORT + 1;
			expect_answer(sends(1, &p, &s), SL_DROP_SERVICE_PORT);
			check_refused(f, &p, &s);
			s.dport = PORT;
			s.proto = *proto == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
			expect_answer(sends(1, &p, &s), SL_DROP_SERVICE_PORT);
			check_refused(f, &p, &s);
			/* of an external address, other ports are the outside's */
			env_addr(vip(f), SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
			expect_pass(sends(1, &p, &s), REDIRECT);
			assert_int_equal(env_entries(env.sk->maps.sl_half), 2);
		}
	}
}

/* ----------------------------------------------------------------- whose tuple */

/* The pod has a connection of its own from that port to the backend: another port. */
ENV_TEST(own_port_taken)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), own = s, r;
		uint16_t sport;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		own.dst = f->pod[2];
		own.dport = TARGET;
		env_establish(1, 2, &own);
		sport = there(&s, f->pod[2]);
		assert_int_not_equal(sport, SPORT);
		r = answer(&s, f->pod[2]);
		r.dport = sport;
		expect_pass(sends(2, &p, &r), REDIRECT);
		expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
		/* and its own goes on */
		own.flags = TH_ACK;
		expect_pass(sends(1, &p, &own), REDIRECT);
		expect_pkt(&p, f->pod[1], SPORT, f->pod[2], TARGET);
	}
}

/* The other way round there is no telling them apart. */
ENV_TEST(tuple_taken)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), own = s;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		there(&s, f->pod[2]);
		own.dst = f->pod[2];
		own.dport = TARGET;
		expect_drop(sends(1, &p, &own), SL_DROP_TUPLE_TAKEN);
		/* nobody but the backend speaks for the service */
		own = env_reply(&s);
		own.smac = env.pod_mac[2];
		expect_drop(sends(2, &p, &own), SL_DROP_SADDR);
		back(f, &s);
		/* gone with the flow */
		env_flow_del(&s);
		own = s;
		own.dst = f->pod[2];
		own.dport = TARGET;
		expect_pass(sends(1, &p, &own), REDIRECT);
		expect_pkt(&p, f->pod[1], SPORT, f->pod[2], TARGET);
		back(f, &(struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = SPORT,
					    .dport = TARGET, .flags = TH_SYN });
	}
}

/* What is left of a connection that has ended keeps nobody from the next one. */
ENV_TEST(tuple_of_a_closed_connection)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), own = s;
		struct sl_flow flow;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		own.dst = f->pod[2];
		own.dport = TARGET;
		for (int established = 0; established < 2; established++) {
			there(&s, f->pod[2]);
			back(f, &s);
			s.flags = TH_ACK;
			if (established)
				there(&s, f->pod[2]);
			s.flags = TH_RST;
			there(&s, f->pod[2]);
			own.flags = TH_ACK;
			expect_drop(sends(1, &p, &own), SL_DROP_TUPLE_TAKEN);
			own.flags = TH_SYN;
			expect_pass(sends(1, &p, &own), REDIRECT);
			expect_pkt(&p, f->pod[1], SPORT, f->pod[2], TARGET);
			assert_int_equal(env_flow(&s, &flow), NOWHERE);
			env_flow_del(&own);
			s.flags = TH_SYN;
		}
	}
}

/* -------------------------------------------------------------------- changes */

static void generation(uint32_t gen)
{
	service.gen = gen;
	env_svc(SVC, &service);
}

/* Backend 1 (pod 2) is gone, 2 (pod 3) is there. */
static void replace(const struct fam *f, uint8_t proto)
{
	uint32_t two = 2;

	env_backend(2, SVC, f->pod[3], TARGET, proto, ALIVE);
	env_set(PAGE + 1, &two, 1);
	service.set[SL_SVC_CLUSTER] = word(PAGE + 1, 1, 0);
	env_svc(SVC, &service);
	env_backend(1, SVC, f->pod[2], TARGET, proto, 0);
	generation(service.gen + 1);
}

ENV_TEST(datagrams_move_at_once)
{
	for_families(f) {
		for (int established = 0; established < 2; established++) {
			struct pkt_spec s = to_service(f, IPPROTO_UDP), r;
			struct sl_flow flow;
			struct pkt p;

			env_reset(NULL);
			one_backend(f, IPPROTO_UDP, f->pod[2]);
			for (int i = 0; i <= established; i++) {
				there(&s, f->pod[2]);
				back(f, &s);
			}
			there(&s, f->pod[2]);
			replace(f, IPPROTO_UDP);
			if (established) {
				/* from the old one: nobody asked it any more */
				r = answer(&s, f->pod[2]);
				expect_drop(sends(2, &p, &r), SL_DROP_SERVICE_GONE);
			}
			assert_int_equal(there(&s, f->pod[3]), SPORT);
			r = answer(&s, f->pod[3]);
			expect_pass(sends(3, &p, &r), REDIRECT);
			expect_pkt(&p, vip(f), PORT, f->pod[1], SPORT);
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			assert_int_equal(flow.backend, 2);
			assert_int_equal(flow.ep[!flow.orig], 3);
			/* its alias is as safe as itself: beside the flow, the new one and the dead one */
			assert_int_equal(env_entries(env.sk->maps.sl_flow), 3);
		}
	}
}

ENV_TEST(connections_stay)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);
		struct sl_flow flow;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		for (int i = 0; i < 2; i++) {
			there(&s, f->pod[2]);
			back(f, &s);
			s.flags = TH_ACK;
		}
		replace(f, IPPROTO_TCP);
		there(&s, f->pod[2]);
		back(f, &s);
		env_flow(&s, &flow);
		assert_int_equal(flow.svc_gen, service.gen);
		/* unless the service says that they end */
		service.flags = SL_SVC_RESET;
		generation(service.gen + 1);
		expect_answer(sends(1, &p, &s), SL_DROP_SERVICE_GONE);
		check_refused(f, &p, &s);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
		s.flags = TH_SYN;
		there(&s, f->pod[3]);
	}
}

/* A backend that ends keeps what it has, and new ones go elsewhere. */
ENV_TEST(terminating)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), other = s;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		there(&s, f->pod[2]);
		back(f, &s);
		replace(f, IPPROTO_TCP);
		env_backend(1, SVC, f->pod[2], TARGET, IPPROTO_TCP, SL_BACKEND_KEEP);
		service.flags = SL_SVC_RESET;
		generation(service.gen + 1);
		s.flags = TH_ACK;
		there(&s, f->pod[2]);
		back(f, &s);
		other.sport++;
		there(&other, f->pod[3]);
	}
}

/* Deleted, and made anew with the same id or by the same address: nothing of old is left. */
ENV_TEST(made_anew)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);
		struct sl_flow flow;
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		for (int i = 0; i < 2; i++) {
			there(&s, f->pod[2]);
			back(f, &s);
			s.flags = TH_ACK;
		}
		env_front(vip(f), PORT, IPPROTO_TCP, NULL);
		generation(8);
		expect_drop(sends(1, &p, &s), SL_DROP_SERVICE_GONE);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
		expect_answer(sends(1, &p, &s), SL_DROP_SERVICE_PORT);
		/* the address is another service's now, with another backend */
		env_front(vip(f), PORT, IPPROTO_TCP, &(struct sl_front_val){ .svc = SVC + 1 });
		env_svc(SVC + 1, &(struct sl_svc){ .set = { word(PAGE + 2, 1, 0) } });
		env_backend(3, SVC + 1, f->pod[3], TARGET, IPPROTO_TCP, ALIVE);
		env_set(PAGE + 2, &(uint32_t){ 3 }, 1);
		s.flags = TH_SYN;
		there(&s, f->pod[3]);
	}
}

/* A backend's id that a set still names, given to another service meanwhile. */
ENV_TEST(stale_set)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		env_backend(1, SVC + 1, f->pod[3], TARGET, IPPROTO_TCP, ALIVE);
		expect_answer(env_pod_sends(1, s), SL_DROP_NO_BACKEND);
	}
}

/* ------------------------------------------------------------- choice of backend */

static void three_backends(const struct fam *f, uint8_t proto)
{
	cluster_ip(f, proto);
	for (uint32_t i = 0; i < 2; i++)
		env_backend(i + 1, SVC, f->pod[i + 2], TARGET, proto, ALIVE);
	env_backend(3, SVC, f->direct, TARGET, proto, ALIVE);
	backends(3);
}

static uint32_t chosen(struct pkt_spec s, uint16_t sport)
{
	struct sl_flow flow;

	s.sport = sport;
	expect_pass(env_pod_sends(1, s), REDIRECT);
	assert_int_not_equal(env_flow(&s, &flow), NOWHERE);
	return flow.backend;
}

ENV_TEST(at_random)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);
		unsigned int n[4] = { 0 };

		three_backends(f, IPPROTO_TCP);
		for (unsigned int i = 0; i < 600; i++)
			n[chosen(s, 2000 + i)]++;
		/* binomial: 8 standard deviations of 11.5 */
		for (int i = 1; i < 4; i++)
			assert_in_range(n[i], 108, 292);
	}
}

ENV_TEST(maglev)
{
	enum { SIZE = 251 };
	static uint32_t table[SIZE];

	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);
		unsigned int n[4] = { 0 };
		uint32_t was[200];

		three_backends(f, IPPROTO_TCP);
		for (unsigned int i = 0; i < SIZE; i++)
			table[i] = i % 3 + 1;
		env_set(PAGE + 1, table, SIZE);
		service.set[SL_SVC_CLUSTER] = word(PAGE, 3, SIZE);
		service.flags = SL_SVC_MAGLEV;
		env_svc(SVC, &service);
		for (unsigned int i = 0; i < 200; i++)
			n[was[i] = chosen(s, 2000 + i)]++;
		for (int i = 1; i < 4; i++)
			assert_in_range(n[i], 20, 120);
		/* the same flow, the same backend, also where nobody remembers it */
		for (unsigned int i = 0; i < 200; i++) {
			struct pkt_spec one = s;

			one.sport = 2000 + i;
			env_flow_del(&one);
			assert_int_equal(chosen(s, 2000 + i), was[i]);
		}
	}
}

ENV_TEST(affinity)
{
	struct sl_affinity_key key = { .svc = SVC };
	struct sl_affinity_val val;
	int fd = bpf_map__fd(env.sk->maps.sl_affinity);

	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP);
		unsigned int same = 0;
		uint32_t first;

		three_backends(f, IPPROTO_TCP);
		service.affinity_s = 100;
		env_svc(SVC, &service);
		first = chosen(s, 2000);
		for (unsigned int i = 1; i < 50; i++)
			assert_int_equal(chosen(s, 2000 + i), first);
		/* on its way out, and the last one only here: another, and that one from then on */
		env_backend(first, SVC, first == 3 ? f->direct : f->pod[first + 1], TARGET,
			    IPPROTO_TCP, SL_BACKEND_KEEP | SL_BACKEND_LOCAL);
		service.set[SL_SVC_CLUSTER] = word(PAGE + 3, 1, 0);
		env_set(PAGE + 3, &(uint32_t){ first % 3 + 1 }, 1);
		env_svc(SVC, &service);
		assert_int_equal(chosen(s, 3000), first % 3 + 1);
		backends(3);
		env_backend(first, SVC, first == 3 ? f->direct : f->pod[first + 1], TARGET,
			    IPPROTO_TCP, ALIVE);
		for (unsigned int i = 1; i < 50; i++)
			assert_int_equal(chosen(s, 3000 + i), first % 3 + 1);
		/* long ago: at random again */
		key.client = addr_of(f->pod[1]);
		for (unsigned int i = 0; i < 60; i++) {
			assert_int_equal(bpf_map_lookup_elem(fd, &key, &val), 0);
			val.last_ns -= 101 * 1000000000ULL;
			val.backend = 1;
			bpf_map_update_elem(fd, &key, &val, BPF_ANY);
			same += chosen(s, 4000 + i) == 1;
		}
		assert_in_range(same, 3, 45);
	}
}

/* Once for each flow that begins, by whichever backend it got. */
ENV_TEST(choices_are_counted)
{
	for_families(f) {
		unsigned int n[4] = {};

		three_backends(f, IPPROTO_TCP);
		for (unsigned int i = 0; i < 30; i++) {
			n[chosen(to_service(f, IPPROTO_TCP), 2000 + i)]++;
			/* again: a flow that there is */
			chosen(to_service(f, IPPROTO_TCP), 2000 + i);
		}
		for (unsigned int i = 1; i < 4; i++)
			assert_int_equal(env_chosen(i), n[i]);
		assert_int_equal(env_chosen(0), 0);
	}
}

/* -------------------------------------------------------------- from outside */

#define NODE_PORT	30080

static const char *any(const struct fam *f)
{
	return f->v6 ? "::" : "0.0.0.0";
}

static void node_port(const struct fam *f, uint8_t proto, const char *backend, uint8_t outside)
{
	one_backend(f, proto, backend);
	env_front(any(f), NODE_PORT, proto,
		  &(struct sl_front_val){ .svc = SVC, .outside = outside });
}

static struct pkt_spec from_outside(const struct fam *f, uint8_t proto)
{
	return (struct pkt_spec){ .src = f->out, .dst = f->node, .sport = SPORT, .dport = NODE_PORT,
				  .proto = proto, .flags = TH_SYN, .payload = 9 };
}

/* A pod of this node sees the client, and answers it as the node. */
ENV_TEST(node_port_here)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = from_outside(f, *proto), r = answer(&s, f->pod[2]);
			struct sl_flow flow;
			struct pkt p;

			node_port(f, *proto, f->pod[2], SL_SVC_CLUSTER);
			for (int i = 0; i < 3; i++) {
				env_link_pkt(&p, s);
				expect_pass(env_from_uplink(&p), REDIRECT);
				expect_pkt(&p, f->out, SPORT, f->pod[2], TARGET);
				expect_pass(sends(2, &p, &r), REDIRECT);
				expect_pkt(&p, f->node, NODE_PORT, f->out, SPORT);
				s.flags = TH_ACK;
			}
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			/* the node's own ports are its stack's */
			s.dport++;
			env_link_pkt(&p, s);
			expect_pass(env_from_uplink(&p), NEXT);
		}
	}
}

/* So does a process of the node, whose answers leave by the uplink under the service's name. */
ENV_TEST(node_port_of_the_node)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = from_outside(f, *proto), r = answer(&s, f->node);
			struct sl_flow flow;
			struct pkt p, q;

			node_port(f, *proto, f->node, SL_SVC_CLUSTER);
			for (int i = 0; i < 3; i++) {
				env_link_pkt(&p, s);
				expect_pass(env_from_uplink(&p), NEXT);
				expect_pkt(&p, f->out, SPORT, f->node, TARGET);
				env_link_pkt(&p, r);
				expect_pass(env_to_uplink(&p, 0), NEXT);
				expect_pkt(&p, f->node, NODE_PORT, f->out, SPORT);
				assert_int_equal(pkt_ttl(&p), 64);
				s.flags = TH_ACK;
			}
			assert_int_equal(env_flow(&s, &flow), IN_FLOW);
			/* of another connection of the process, or through the node: as it is */
			r.dport++;
			env_link_pkt(&p, r);
			q = p;
			expect_pass(env_to_uplink(&p, 0), NEXT);
			assert_memory_equal(p.b, q.b, q.len);
			r.dport--;
			env_link_pkt(&p, r);
			q = p;
			expect_pass(env_to_uplink(&p, env.ep_if[1]), NEXT);
			assert_memory_equal(p.b, q.b, q.len);
			/* the service is gone, and with it the name */
			service.gen++;
			env_svc(SVC, &service);
			env_front(any(f), NODE_PORT, *proto, NULL);
			env_link_pkt(&p, r);
			expect_drop(env_to_uplink(&p, 0), SL_DROP_SERVICE_GONE);
		}
	}
}

/* On another node a process is spoken to as nodes speak to each other. */
ENV_TEST(node_port_of_another_node)
{
	for_families(f) {
		struct pkt_spec s = from_outside(f, IPPROTO_TCP), r = answer(&s, f->tunnel_node);
		struct sl_flow flow;
		uint8_t proto;
		struct pkt p;

		node_port(f, IPPROTO_TCP, f->tunnel_node, SL_SVC_CLUSTER);
		for (int i = 0; i < 3; i++) {
			env_link_pkt(&p, s);
			expect_pass(env_from_uplink(&p), REDIRECT);
			r.dst = f->node;
			r.dport = pkt_u16(&p, pkt_l4(&p, &proto));
			expect_pkt(&p, f->node, r.dport, f->tunnel_node, TARGET);
			env_link_pkt(&p, r);
			expect_pass(env_from_uplink(&p), REDIRECT);
			expect_pkt(&p, f->node, NODE_PORT, f->out, SPORT);
			s.flags = TH_ACK;
		}
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_NEIGH);
	}
}

/* The backend's answers have to come back through here. */
ENV_TEST(node_port_elsewhere)
{
	for_families(f) {
		for_protos(proto) {
			struct pkt_spec s = from_outside(f, *proto), r = answer(&s, f->tunnel);
			uint8_t l4proto;
			uint16_t sport = 0;
			struct pkt p;

			node_port(f, *proto, f->tunnel, SL_SVC_CLUSTER);
			for (int i = 0; i < 3; i++) {
				env_link_pkt(&p, s);
				expect_pass(env_from_uplink(&p), REDIRECT);
				if (!sport)
					sport = pkt_u16(&p, pkt_l4(&p, &l4proto));
				assert_in_range(sport, SL_NAT_PORT_MIN_DEFAULT, SL_NAT_PORT_MAX_DEFAULT);
				expect_pkt(&p, f->node, sport, f->tunnel, TARGET);
				r.dst = f->node;
				r.dport = sport;
				env_tunnel_pkt(&p, r);
				expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
				expect_pkt(&p, f->node, NODE_PORT, f->out, SPORT);
				s.flags = TH_ACK;
			}
		}
	}
}

/* A backend that there is on another node only is none; silence sends the balancer there. */
ENV_TEST(local_only)
{
	for_families(f) {
		struct pkt_spec s = from_outside(f, IPPROTO_TCP);
		struct pkt p;

		node_port(f, IPPROTO_TCP, f->tunnel, SL_SVC_LOCAL);
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_NO_BACKEND);
		/* from inside the cluster the policy does not count */
		s.src = f->direct;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		/* nowhere at all: refused */
		service.set[SL_SVC_CLUSTER] = 0;
		env_svc(SVC, &service);
		s.src = f->out;
		env_link_pkt(&p, s);
		expect_answer(env_from_uplink(&p), SL_DROP_NO_BACKEND);
		check_refused(f, &p, &s);
	}
}

ENV_TEST(source_ranges)
{
	for_families(f) {
		struct pkt_spec s = from_outside(f, IPPROTO_TCP);
		struct pkt p;

		one_backend(f, IPPROTO_TCP, f->pod[2]);
		env_front(f->alt, PORT, IPPROTO_TCP,
			  &(struct sl_front_val){ .svc = SVC, .flags = SL_FRONT_RANGES });
		env_addr(f->alt, SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
		s.dst = f->alt;
		s.dport = PORT;
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_SERVICE_SOURCE);
		env_svc_src(SVC + 1, f->out, f->v6 ? 48 : 24);
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_SERVICE_SOURCE);
		env_svc_src(SVC, f->out, f->v6 ? 48 : 24);
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		expect_pkt(&p, f->out, SPORT, f->pod[2], TARGET);
		/* another port of that address is nobody's here */
		s.dport++;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), NEXT);
	}
}

/* ------------------------------------------------------- errors, fragments */

/* A router before the backend says that a packet was too big: the pod hears it of the service. */
ENV_TEST(path_mtu)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_TCP), e;
		struct pkt sent, p;
		size_t l3 = 14 + (f->v6 ? 40 : 20), inner = l3 + 8;
		union sl_addr a, want;
		uint8_t proto;
		size_t l4;

		one_backend(f, IPPROTO_TCP, f->direct);
		expect_pass(sends(1, &sent, &s), REDIRECT);
		e = (struct pkt_spec){ .src = f->direct_via, .dst = f->pod[1], .proto = ICMP(f),
				       .type = f->v6 ? 2 : 3, .code = f->v6 ? 0 : 4,
				       .icmp_data = 1400, .inner = &sent };
		if (!!strchr(e.src, ':') != f->v6)
			e.src = f->gw;
		env_link_pkt(&p, e);
		expect_pass(env_from_uplink(&p), REDIRECT);
		expect_csum(&p);
		pkt_addr(&p, false, &a);
		want = addr_of(e.src);
		assert_memory_equal(&a, &want, 16);
		pkt_addr_at(&p, inner, false, &a);
		want = addr_of(f->pod[1]);
		assert_memory_equal(&a, &want, 16);
		pkt_addr_at(&p, inner, true, &a);
		want = addr_of(vip(f));
		assert_memory_equal(&a, &want, 16);
		l4 = pkt_l4_at(&p, inner, &proto);
		assert_int_equal(pkt_u16(&p, l4), SPORT);
		assert_int_equal(pkt_u16(&p, l4 + 2), PORT);
		assert_null(pkt_csum_wrong_at(&p, inner, false));
	}
}

/* The backend itself says so: then that is the service's word, too. */
ENV_TEST(error_of_the_backend)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP), e;
		struct pkt sent, p;
		union sl_addr a, want;

		one_backend(f, IPPROTO_UDP, f->pod[2]);
		expect_pass(sends(1, &sent, &s), REDIRECT);
		e = (struct pkt_spec){ .src = f->pod[2], .dst = f->pod[1], .proto = ICMP(f),
				       .type = f->v6 ? 1 : 3, .code = f->v6 ? 4 : 3, .inner = &sent };
		expect_pass(sends(2, &p, &e), REDIRECT);
		expect_csum(&p);
		pkt_addr(&p, false, &a);
		want = addr_of(vip(f));
		assert_memory_equal(&a, &want, 16);
		pkt_addr(&p, true, &a);
		want = addr_of(f->pod[1]);
		assert_memory_equal(&a, &want, 16);
	}
}

/* The client says so, to the service: the backend hears it as to itself. */
ENV_TEST(error_of_the_client)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP), r, e;
		size_t inner = 14 + (f->v6 ? 40 : 20) + 8;
		struct pkt heard, p;
		union sl_addr a, want;

		one_backend(f, IPPROTO_UDP, f->pod[2]);
		there(&s, f->pod[2]);
		r = answer(&s, f->pod[2]);
		expect_pass(sends(2, &heard, &r), REDIRECT);
		e = (struct pkt_spec){ .src = f->pod[1], .dst = vip(f), .proto = ICMP(f),
				       .type = f->v6 ? 1 : 3, .code = f->v6 ? 4 : 3, .inner = &heard };
		expect_pass(sends(1, &p, &e), REDIRECT);
		expect_csum(&p);
		pkt_addr(&p, true, &a);
		want = addr_of(f->pod[2]);
		assert_memory_equal(&a, &want, 16);
		pkt_addr_at(&p, inner, false, &a);
		assert_memory_equal(&a, &want, 16);
		assert_null(pkt_csum_wrong_at(&p, inner, false));
	}
}

/* Later fragments have no ports, and go where the first went, both ways. */
ENV_TEST(fragments)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP), r = answer(&s, f->pod[2]), later;
		union sl_addr a, want;
		struct pkt p;

		one_backend(f, IPPROTO_UDP, f->pod[2]);
		s.more = r.more = true;
		s.no_csum = r.no_csum = !f->v6;
		s.payload = r.payload = 64;
		s.frag_id = 11;
		r.frag_id = 12;
		for (int i = 0; i < 2; i++) {
			expect_pass(sends(1, &p, &s), REDIRECT);
			later = s;
			later.more = false;
			later.frag_off = 72;
			later.smac = env.pod_mac[1];
			later.dmac = env.host_mac[1];
			pkt_make_frag(&p, &later);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			pkt_addr(&p, true, &a);
			want = addr_of(f->pod[2]);
			assert_memory_equal(&a, &want, 16);

			expect_pass(sends(2, &p, &r), REDIRECT);
			later = r;
			later.more = false;
			later.frag_off = 72;
			later.smac = env.pod_mac[2];
			later.dmac = env.host_mac[2];
			pkt_make_frag(&p, &later);
			expect_pass(env_from_pod(2, &p), REDIRECT);
			pkt_addr(&p, false, &a);
			want = addr_of(vip(f));
			assert_memory_equal(&a, &want, 16);
		}
	}
}

/* Two CPUs judge it at once: one writes, the other goes by what it has judged itself. */
ENV_TEST(being_written)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP);
		struct sl_flow flow, after;
		struct pkt p;

		one_backend(f, IPPROTO_UDP, f->pod[2]);
		for (int i = 0; i < 3; i++) {
			there(&s, f->pod[2]);
			back(f, &s);
		}
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		flow.route_gen = env_state()->route_gen ^ SL_FLOW_BUSY;
		flow.dir[flow.orig].out_ifindex = 1;
		env_flow_put(IN_FLOW, &s, &flow);
		there(&s, f->pod[2]);
		sends(1, &p, &s);
		assert_int_equal(env_flow(&s, &after), IN_FLOW);
		assert_int_equal(after.route_gen, flow.route_gen);
		assert_int_equal(after.dir[flow.orig].out_ifindex, 1);
		assert_int_equal(after.dir[flow.orig].packets, flow.dir[flow.orig].packets + 2);
	}
}

/* Another node whose address is a service's, too, is still heard; a cluster IP nobody has. */
ENV_TEST(from_an_address_of_a_service)
{
	for_families(f) {
		struct pkt_spec s = { .src = f->direct_via, .dst = f->pod[2], .sport = SPORT,
				      .dport = TARGET, .proto = IPPROTO_UDP };
		struct pkt p;

		env_addr(f->direct_via, SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		cluster_ip(f, IPPROTO_UDP);
		s.src = vip(f);
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
	}
}

/* Its backend is the node, under the name and port of the service: still it is looked at. */
ENV_TEST(not_translated)
{
	for_families(f) {
		struct pkt_spec s = to_service(f, IPPROTO_UDP);
		struct sl_flow flow;
		struct pkt p;

		s.dst = f->node;
		one_backend(f, IPPROTO_UDP, f->node);
		env_backend(1, SVC, f->node, PORT, IPPROTO_UDP, ALIVE);
		env_front(f->node, PORT, IPPROTO_UDP, &(struct sl_front_val){ .svc = SVC });
		for (int i = 0; i < 3; i++) {
			struct pkt_spec r = env_reply(&s);

			expect_pass(sends(1, &p, &s), NEXT);
			env_stack_pkt(1, &p, r);
			expect_pass(env_to_pod(1, &p, 0), NEXT);
		}
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(flow.dir[0].flags & SL_FLOW_DIR_NAT, 0);
		/* another backend instead: it moves */
		env_backend(1, SVC, f->node, PORT, IPPROTO_UDP, 0);
		env_backend(2, SVC, f->pod[2], TARGET, IPPROTO_UDP, ALIVE);
		env_set(PAGE, &(uint32_t){ 2 }, 1);
		service.gen++;
		env_svc(SVC, &service);
		expect_pass(sends(1, &p, &s), REDIRECT);
		expect_pkt(&p, s.src, SPORT, f->pod[2], TARGET);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(pod_of_this_node),
		env_test(pod_behind_the_tunnel),
		env_test(pod_on_the_link),
		env_test(outside_the_cluster),
		env_test(the_node_itself),
		env_test(hairpin),
		env_test(policy_of_the_backend),
		env_test(without_a_backend),
		env_test(own_port_taken),
		env_test(tuple_taken),
		env_test(tuple_of_a_closed_connection),
		env_test(datagrams_move_at_once),
		env_test(connections_stay),
		env_test(terminating),
		env_test(made_anew),
		env_test(stale_set),
		env_test(at_random),
		env_test(maglev),
		env_test(affinity),
		env_test(choices_are_counted),
		env_test(node_port_here),
		env_test(node_port_of_the_node),
		env_test(node_port_of_another_node),
		env_test(node_port_elsewhere),
		env_test(local_only),
		env_test(source_ranges),
		env_test(path_mtu),
		env_test(error_of_the_backend),
		env_test(error_of_the_client),
		env_test(fragments),
		env_test(being_written),
		env_test(from_an_address_of_a_service),
		env_test(not_translated),
	};

	return env_main(tests);
}
