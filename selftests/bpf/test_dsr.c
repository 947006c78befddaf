// SPDX-License-Identifier: GPL-2.0
/*
 * Direct server return, from both its sides: the node that gets a client's packet
 * sends it on as it is; the backend's node takes it from there, translates it, and
 * answers the client by itself.
 */
#include <arpa/inet.h>
#include <time.h>
#include "env.h"

#define SVC		5
#define PAGE		10
#define NODE_PORT	30080
#define TARGET		8080		/* the backends' */
#define SPORT		1024
#define ALIVE		(SL_BACKEND_READY | SL_BACKEND_KEEP | SL_BACKEND_LOCAL)
#define SEC		1000000000ULL
#define ICMP(f)		((f)->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

#define for_protos(p) \
	for (const uint8_t *p = protos; p < protos + 3 && !env_reset(NULL); p++)

static struct sl_svc service;

static const char *any(const struct fam *f)
{
	return f->v6 ? "::" : "0.0.0.0";
}

/* A load balancer's address. */
static const char *vip(const struct fam *f)
{
	return f->v6 ? "2001:db8:60::1" : "203.0.113.60";
}

static void set(enum sl_svc_scope scope, uint32_t id)
{
	uint32_t page = PAGE + 2 * scope + id % 2;

	env_set(page, &id, 1);
	service.set[scope] = id ? page | 1ULL << SL_SVC_COUNT_SHIFT : 0;
	env_svc(SVC, &service);
}

static void front(const char *addr, uint16_t port, uint8_t proto, uint8_t flags)
{
	env_front(addr, port, proto, &(struct sl_front_val){ .svc = SVC, .flags = flags });
}

/* SVC at NODE_PORT, and at vip(): one backend, on this node if @local. */
static void serve(const struct fam *f, uint8_t proto, const char *backend, bool local)
{
	service = (struct sl_svc){ .gen = 7 };
	env_backend(1, SVC, backend, TARGET, proto, ALIVE);
	set(SL_SVC_CLUSTER, 1);
	set(SL_SVC_LOCAL, local);
	front(any(f), NODE_PORT, proto, SL_FRONT_DSR);
	front(vip(f), NODE_PORT, proto, SL_FRONT_DSR);
	env_addr(vip(f), SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
}

/* The backend, 1, is gone; 2 is there instead. */
static void replace(const struct fam *f, uint8_t proto, const char *old, const char *backend,
		    bool local)
{
	(void)f;
	env_backend(2, SVC, backend, TARGET, proto, ALIVE);
	env_backend(1, SVC, old, TARGET, proto, 0);
	set(SL_SVC_CLUSTER, 2);
	set(SL_SVC_LOCAL, local ? 2 : 0);
	service.gen++;
	env_svc(SVC, &service);
}

static struct pkt_spec client(const struct fam *f, uint8_t proto, const char *to)
{
	return (struct pkt_spec){ .src = f->out, .dst = to, .sport = SPORT, .dport = NODE_PORT,
				  .proto = proto, .flags = TH_SYN, .payload = 9 };
}

static int from_link(struct pkt *p, const struct pkt_spec *s)
{
	env_link_pkt(p, *s);
	return env_from_uplink(p);
}

static int from_node(const struct fam *f, struct pkt *p, const struct pkt_spec *s)
{
	env_tunnel_pkt(p, *s);
	return env_from_tunnel(p, f->tunnel_via, TUNNEL_VNI);
}

static void older(const struct pkt_spec *s, unsigned int seconds)
{
	struct sl_flow flow;
	enum env_where where = env_flow(s, &flow);

	assert_int_not_equal(where, NOWHERE);
	flow.last_ns -= seconds * SEC;
	env_flow_put(where, s, &flow);
}

/* ---------------------------------------------- the node that gets the packet */

static void goes_on(const struct fam *f, const struct pkt_spec *s)
{
	static const uint8_t dmac[6] = { 0x02, 0x73, 0x6c, 0x00, 0x00, 0x02 };
	struct sl_flow flow;
	struct pkt p;

	expect_pass(from_link(&p, s), REDIRECT);
	expect_pkt(&p, s->src, s->sport, s->dst, s->dport);
	assert_int_equal(pkt_ttl(&p), 63);
	assert_memory_equal(p.b, dmac, 6);
	assert_int_equal(env_flow(s, &flow), IN_HALF);
	assert_int_equal(flow.dir[flow.orig].action, SL_ACTION_TUNNEL);
	assert_int_equal(flow.dir[flow.orig].flags, SL_FLOW_DIR_DSR);
	assert_int_equal(flow.dir[!flow.orig].flags, SL_FLOW_DIR_DSR);
	assert_memory_equal(&flow.via, addr_of(f->tunnel_via).b, 16);
	assert_int_equal(flow.vni, TUNNEL_VNI);
}

static void is_masqueraded(const struct fam *f, const struct pkt_spec *s, const char *backend)
{
	struct pkt p;
	uint8_t proto;
	uint16_t sport;

	expect_pass(from_link(&p, s), REDIRECT);
	sport = pkt_u16(&p, pkt_l4(&p, &proto));
	assert_in_range(sport, SL_NAT_PORT_MIN_DEFAULT, SL_NAT_PORT_MAX_DEFAULT);
	expect_pkt(&p, f->node, sport, backend, TARGET);
}

ENV_TEST(on_as_it_is)
{
	for_families(f) {
		for_protos(proto) {
			for (int lb = 0; lb < 2; lb++) {
				struct pkt_spec s = client(f, *proto, lb ? vip(f) : f->node);
				struct sl_flow flow;

				env_reset(NULL);
				serve(f, *proto, f->tunnel, false);
				for (int i = 0; i < 5; i++) {
					goes_on(f, &s);
					s.flags = TH_ACK;
				}
				/* it waits for no reply, and has no second tuple */
				env_flow(&s, &flow);
				assert_int_equal(flow.state, SL_FLOW_NEW);
				assert_int_equal(flow.dir[flow.orig].packets, 5);
				assert_int_equal(flow.svc, SVC);
				assert_int_equal(env_entries(env.sk->maps.sl_half), 1);
				assert_int_equal(env_entries(env.sk->maps.sl_flow), 0);
			}
		}
	}
}

/* Only what comes from outside, and only where a node's programs take it out of a tunnel. */
ENV_TEST(else_as_ever)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->node);
		struct sl_flow flow;
		struct pkt p;

		/* a backend of this node */
		serve(f, IPPROTO_TCP, f->pod[2], true);
		expect_pass(from_link(&p, &s), REDIRECT);
		expect_pkt(&p, f->out, SPORT, f->pod[2], TARGET);
		env_flow(&s, &flow);
		assert_false(flow.dir[0].flags & SL_FLOW_DIR_DSR);
		/* on the link */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->direct, false);
		is_masqueraded(f, &s, f->direct);
		/* another node's own process */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->tunnel_node, false);
		is_masqueraded(f, &s, f->tunnel_node);
		/* a client of the cluster */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->tunnel, false);
		s.src = f->direct;
		is_masqueraded(f, &s, f->tunnel);
		env_flow(&s, &flow);
		assert_false(flow.dir[0].flags & SL_FLOW_DIR_DSR);
		/* a service that doesn't ask for it */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->tunnel, false);
		front(any(f), NODE_PORT, IPPROTO_TCP, 0);
		s.src = f->out;
		is_masqueraded(f, &s, f->tunnel);
	}
}

/* How a connection began it goes on, whatever the service asks for now. */
ENV_TEST(judged_again)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->node), other = s;

		serve(f, IPPROTO_TCP, f->tunnel, false);
		goes_on(f, &s);
		front(any(f), NODE_PORT, IPPROTO_TCP, 0);
		s.flags = TH_ACK;
		env_state()->route_gen++;
		env_state_write();
		goes_on(f, &s);
		service.gen++;
		env_svc(SVC, &service);
		goes_on(f, &s);
		other.sport++;
		is_masqueraded(f, &other, f->tunnel);
		front(any(f), NODE_PORT, IPPROTO_TCP, SL_FRONT_DSR);
		other.flags = TH_ACK;
		env_state()->route_gen++;
		env_state_write();
		is_masqueraded(f, &other, f->tunnel);
	}
}

ENV_TEST(backend_gone)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->node);
		struct sl_flow flow;
		struct pkt p;

		/* datagrams go to another at once, here or elsewhere */
		serve(f, IPPROTO_UDP, f->tunnel, false);
		goes_on(f, &s);
		replace(f, IPPROTO_UDP, f->tunnel, f->pod[2], true);
		expect_pass(from_link(&p, &s), REDIRECT);
		expect_pkt(&p, f->out, SPORT, f->pod[2], TARGET);
		env_flow(&s, &flow);
		assert_false((flow.dir[0].flags | flow.dir[1].flags) & SL_FLOW_DIR_DSR);
		env_backend(1, SVC, f->tunnel, TARGET, IPPROTO_UDP, ALIVE);
		env_backend(2, SVC, f->pod[2], TARGET, IPPROTO_UDP, 0);
		set(SL_SVC_CLUSTER, 1);
		service.gen++;
		env_svc(SVC, &service);
		goes_on(f, &s);
		/* connections stay */
		env_reset(NULL);
		s.proto = IPPROTO_TCP;
		serve(f, IPPROTO_TCP, f->tunnel, false);
		goes_on(f, &s);
		replace(f, IPPROTO_TCP, f->tunnel, f->pod[2], true);
		s.flags = TH_ACK;
		goes_on(f, &s);
		/* unless they are to be reset */
		service.flags = SL_SVC_RESET;
		service.gen++;
		env_svc(SVC, &service);
		expect_answer(from_link(&p, &s), SL_DROP_SERVICE_GONE);
		expect_pkt(&p, f->node, NODE_PORT, f->out, SPORT);
		assert_true(p.b[pkt_l4(&p, &s.proto) + 13] & TH_RST);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
		/* without the service the address is the stack's */
		s.flags = TH_SYN;
		env_backend(1, SVC, f->tunnel, TARGET, IPPROTO_TCP, ALIVE);
		set(SL_SVC_CLUSTER, 1);
		goes_on(f, &s);
		env_front(any(f), NODE_PORT, IPPROTO_TCP, NULL);
		service.gen++;
		env_svc(SVC, &service);
		s.flags = TH_ACK;
		expect_pass(from_link(&p, &s), NEXT);
	}
}

/* Who goes on speaking has its way for as long as an established flow. */
ENV_TEST(idle)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->node);
		struct sl_flow flow;

		serve(f, IPPROTO_TCP, f->tunnel, false);
		goes_on(f, &s);
		older(&s, SL_TIMEOUT_HALF_S + 1);
		assert_int_equal(env_expire(), 1);
		/* evicted: the same node is found again */
		s.flags = TH_ACK;
		goes_on(f, &s);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 1);
		goes_on(f, &s);
		older(&s, SL_TIMEOUT_TCP_S - 10);
		assert_int_equal(env_expire(), 0);
		goes_on(f, &s);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 3);
		older(&s, SL_TIMEOUT_TCP_S + 10);
		assert_int_equal(env_expire(), 1);
		/* after FIN it is soon forgotten, and the next SYN begins anew */
		goes_on(f, &s);
		goes_on(f, &s);
		s.flags = TH_FIN | TH_ACK;
		goes_on(f, &s);
		s.flags = TH_ACK;
		goes_on(f, &s);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 4);
		s.flags = TH_SYN;
		goes_on(f, &s);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 1);
		s.flags = TH_ACK;
		goes_on(f, &s);
		s.flags = TH_FIN | TH_ACK;
		goes_on(f, &s);
		older(&s, SL_TIMEOUT_HALF_S + 1);
		assert_int_equal(env_expire(), 1);
		goes_on(f, &s);
		s.flags = TH_RST;
		goes_on(f, &s);
		older(&s, SL_TIMEOUT_CLOSING_S + 1);
		assert_int_equal(env_expire(), 1);
		/* datagrams likewise */
		env_reset(NULL);
		s = client(f, IPPROTO_UDP, f->node);
		serve(f, IPPROTO_UDP, f->tunnel, false);
		goes_on(f, &s);
		goes_on(f, &s);
		older(&s, SL_TIMEOUT_UDP_S - 10);
		assert_int_equal(env_expire(), 0);
		older(&s, 20);
		assert_int_equal(env_expire(), 1);
	}
}

ENV_TEST(too_big_for_the_tunnel)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->node);
		union sl_addr a, want;
		struct pkt p;
		uint8_t proto;
		size_t l4;

		serve(f, IPPROTO_UDP, f->tunnel, false);
		s.df = true;
		s.payload = TUNNEL_MTU - (f->v6 ? 40 : 20) - 8;
		goes_on(f, &s);
		s.payload++;
		expect_answer(from_link(&p, &s), SL_DROP_MTU);
		l4 = pkt_l4(&p, &proto);
		assert_int_equal(proto, ICMP(f));
		assert_int_equal(p.b[l4], f->v6 ? 2 : 3);
		assert_int_equal(pkt_u32(&p, l4 + 4), TUNNEL_MTU);
		pkt_addr(&p, true, &a);
		want = addr_of(f->out);
		assert_memory_equal(&a, &want, 16);
		expect_csum(&p);
	}
}

/* What a router says of an answer goes where the answer came from. */
static struct pkt_spec too_big(const struct fam *f, const char *front, const struct pkt *answer)
{
	return (struct pkt_spec){ .src = f->alt, .dst = front, .proto = ICMP(f),
				  .type = f->v6 ? 2 : 3, .code = f->v6 ? 0 : 4, .icmp_data = 1300,
				  .inner = answer };
}

static struct pkt_spec answer_of(const struct pkt_spec *s)
{
	struct pkt_spec r = env_reply(s);

	r.flags = TH_ACK;
	return r;
}

ENV_TEST(errors_go_on)
{
	for_families(f) {
		for (int lb = 0; lb < 2; lb++) {
			struct pkt_spec s, r, e, x;
			struct pkt answer, p, sent;

			env_reset(NULL);
			s = client(f, IPPROTO_TCP, lb ? vip(f) : f->node);
			r = answer_of(&s);
			serve(f, IPPROTO_TCP, f->tunnel, false);
			goes_on(f, &s);
			env_link_pkt(&answer, r);
			e = too_big(f, s.dst, &answer);
			env_link_pkt(&sent, e);
			p = sent;
			expect_pass(env_from_uplink(&p), REDIRECT);
			expect_csum(&p);
			/* but for the hop it is what was sent */
			assert_memory_equal(p.b + (f->v6 ? 22 : 26), sent.b + (f->v6 ? 22 : 26),
					    sent.len - (f->v6 ? 22 : 26));
			/* the flow was forgotten, or never known: the same way, and none begins */
			env_flow_del(&s);
			p = sent;
			expect_pass(env_from_uplink(&p), REDIRECT);
			assert_memory_equal(p.b + (f->v6 ? 22 : 26), sent.b + (f->v6 ? 22 : 26),
					    sent.len - (f->v6 ? 22 : 26));
			assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
			/* from this node's own address, or to another than it is about */
			x = e;
			x.src = f->node;
			env_link_pkt(&p, x);
			expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
			x = e;
			x.dst = lb ? f->node : vip(f);
			env_link_pkt(&p, x);
			expect_pass(env_from_uplink(&p), NEXT);
			/* what is between a router and its neighbours */
			if (!f->v6) {
				x = e;
				x.type = 5;
				env_link_pkt(&p, x);
				expect_pass(env_from_uplink(&p), NEXT);
			}
			/* about what a backend of this node's would have answered: the stack's */
			serve(f, IPPROTO_TCP, f->pod[2], true);
			p = sent;
			expect_pass(env_from_uplink(&p), NEXT);
			/* or a service that translates what it sends on */
			serve(f, IPPROTO_TCP, f->tunnel, false);
			front(lb ? vip(f) : any(f), NODE_PORT, IPPROTO_TCP, 0);
			p = sent;
			expect_pass(env_from_uplink(&p), NEXT);
		}
	}
}

ENV_TEST(fragments_go_on)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->node), later;
		struct pkt p;
		union sl_addr a, want;

		serve(f, IPPROTO_UDP, f->tunnel, false);
		s.more = true;
		s.frag_id = 11;
		s.payload = 64;
		s.no_csum = !f->v6;
		goes_on(f, &s);
		later = s;
		later.more = false;
		later.frag_off = 72;
		later.smac = env.peer_mac;
		later.dmac = env.up_mac;
		pkt_make_frag(&p, &later);
		expect_pass(env_from_uplink(&p), REDIRECT);
		pkt_addr(&p, true, &a);
		want = addr_of(f->node);
		assert_memory_equal(&a, &want, 16);
	}
}

/* A node that sends answers into the tunnel is wrong: nobody waits for them here. */
ENV_TEST(no_answers_here)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->node), r = answer_of(&s);
		struct sl_flow flow;
		struct pkt p;

		serve(f, IPPROTO_TCP, f->tunnel, false);
		goes_on(f, &s);
		expect_drop(from_node(f, &p, &r), SL_DROP_TUNNEL_PEER);
		env_flow(&s, &flow);
		assert_int_equal(flow.state, SL_FLOW_NEW);
	}
}

/* ------------------------------------------------------- the backend's node */

/* Another node's own address with the NodePort, or a load balancer's. */
static const char *fronts(const struct fam *f, int i)
{
	return i ? vip(f) : f->tunnel_node;
}

/* The packet comes to pod @pod of this node as from its client. */
static void comes(const struct fam *f, const struct pkt_spec *s, unsigned int pod)
{
	struct pkt p;

	expect_pass(from_node(f, &p, s), REDIRECT);
	expect_pkt(&p, f->out, SPORT, f->pod[pod], TARGET);
	assert_memory_equal(p.b, env.pod_mac[pod], 6);
}

/* And its answer goes to the client as the frontend's, out of the uplink. */
static void answers(const struct fam *f, const struct pkt_spec *s, unsigned int pod)
{
	struct pkt_spec r = env_reply(s);
	struct sl_flow flow;
	struct pkt p;

	r.src = f->pod[pod];
	r.sport = TARGET;
	r.flags = TH_ACK;
	env_pod_pkt(pod, &p, r);
	expect_pass(env_from_pod(pod, &p), REDIRECT);
	expect_pkt(&p, s->dst, s->dport, f->out, SPORT);
	env_flow(s, &flow);
	assert_int_equal(flow.dir[!flow.orig].action, SL_ACTION_NEIGH);
	assert_int_equal(flow.dir[!flow.orig].out_ifindex, env.up_if);
	assert_memory_equal(&flow.via, addr_of(f->gw).b, 16);
	assert_int_equal(flow.dir[flow.orig].in_ifindex, env.tun_if);
}

ENV_TEST(taken_and_answered)
{
	for_families(f) {
		for_protos(proto) {
			for (int i = 0; i < 2; i++) {
				struct pkt_spec s = client(f, *proto, fronts(f, i));
				struct sl_flow flow;

				env_reset(NULL);
				serve(f, *proto, f->pod[2], true);
				for (int j = 0; j < 3; j++) {
					comes(f, &s, 2);
					answers(f, &s, 2);
					s.flags = TH_ACK;
				}
				assert_int_equal(env_flow(&s, &flow), IN_FLOW);
				assert_true(flow.dir[flow.orig].flags & SL_FLOW_DIR_FORWARDED);
				assert_int_equal(flow.backend, 1);
				assert_int_equal(flow.dir[flow.orig].packets, 3);
				assert_int_equal(flow.dir[!flow.orig].packets, 3);
			}
		}
	}
}

/* From its local backends, though the cluster has others. */
ENV_TEST(chosen_here)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->tunnel_node);
		struct sl_flow flow;
		struct pkt p;

		serve(f, IPPROTO_TCP, f->tunnel, false);
		expect_drop(from_node(f, &p, &s), SL_DROP_NO_LOCAL_BACKEND);
		env_backend(3, SVC, f->pod[3], TARGET, IPPROTO_TCP, ALIVE);
		set(SL_SVC_LOCAL, 3);
		comes(f, &s, 3);
		/* what is said to be here and is not goes to no third node */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->tunnel, true);
		expect_drop(from_node(f, &p, &s), SL_DROP_NO_LOCAL_BACKEND);
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->out, true);
		expect_drop(from_node(f, &p, &s), SL_DROP_NO_LOCAL_BACKEND);
		/* nor to a process of this node's, whose answers nobody translates */
		env_reset(NULL);
		serve(f, IPPROTO_TCP, f->node, true);
		expect_drop(from_node(f, &p, &s), SL_DROP_NO_LOCAL_BACKEND);
		assert_int_equal(env_flow(&s, &flow), NOWHERE);
	}
}

/* Each differs in one thing from what is taken. */
ENV_TEST(who_may_send_it)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->tunnel_node), x;
		struct sl_flow flow;
		struct pkt p;

		serve(f, IPPROTO_TCP, f->pod[2], true);
		/* from no node, and under another identifier; of a flow that there is, too */
		for (int i = 0; i < 2; i++) {
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, "192.0.2.99", TUNNEL_VNI), SL_DROP_TUNNEL_PEER);
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI + 1),
				    SL_DROP_TUNNEL_PEER);
			/* from a pod of a node, as far as the outer source says */
			env_tunnel_pkt(&p, s);
			expect_drop(env_from_tunnel(&p, "10.3.0.5", TUNNEL_VNI), SL_DROP_TUNNEL_PEER);
			env_flow(&s, &flow);
			assert_int_equal(flow.dir[flow.orig].packets, i);
			if (!i)
				comes(f, &s, 2);
			s.flags = TH_ACK;
		}
		/* to another port, to a pod, to an address of this node's or another's pods */
		x = client(f, IPPROTO_TCP, f->tunnel_node);
		x.dport++;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.dport = TARGET;
		x.dst = f->pod[2];
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.dport = NODE_PORT;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.dst = f->pod[0];
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.dst = f->tunnel;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.dst = f->direct;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		/* in the name of a node that did not send it */
		env_route(f->direct_via, strchr(f->direct_via, ':') ? 128 : 32, &(struct sl_route_val){
			.kind = SL_ROUTE_TUNNEL, .ifindex = env.tun_if, .vni = TUNNEL_VNI,
			.flags = SL_ROUTE_FLAG_NODE, .via = addr_of("192.0.2.20") });
		x.dst = f->direct_via;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		/* in the name of a pod, or of this node */
		x = client(f, IPPROTO_TCP, f->tunnel_node);
		x.src = f->direct;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.src = f->pod[1];
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.src = f->node;
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		x.src = f->v6 ? "ff02::1" : "224.0.0.1";
		expect_drop(from_node(f, &p, &x), SL_DROP_MARTIAN);
		/* the address may be another service's besides */
		env_addr(f->tunnel_node, SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
		s = client(f, IPPROTO_TCP, f->tunnel_node);
		env_flow_del(&s);
		comes(f, &s, 2);
		env_addr(f->direct_via, SL_ADDR_SVC, SL_SVC_ADDR_OPEN);
		x = client(f, IPPROTO_TCP, f->direct_via);
		expect_drop(from_node(f, &p, &x), SL_DROP_TUNNEL_PEER);
		/* a second address of that node, of which this one knows nothing */
		s = client(f, IPPROTO_TCP, f->tunnel_node);
		env_flow_del(&s);
		x = client(f, IPPROTO_TCP, f->v6 ? "2001:db8:77::1" : "198.51.100.77");
		comes(f, &x, 2);
	}
}

ENV_TEST(service_without_it)
{
	for_families(f) {
		for (int i = 0; i < 2; i++) {
			struct pkt_spec s = client(f, IPPROTO_TCP, fronts(f, i));
			struct pkt p;

			env_reset(NULL);
			serve(f, IPPROTO_TCP, f->pod[2], true);
			front(any(f), NODE_PORT, IPPROTO_TCP, 0);
			front(vip(f), NODE_PORT, IPPROTO_TCP, 0);
			expect_drop(from_node(f, &p, &s), SL_DROP_TUNNEL_PEER);
			front(any(f), NODE_PORT, IPPROTO_TCP, SL_FRONT_DSR);
			front(vip(f), NODE_PORT, IPPROTO_TCP, SL_FRONT_DSR);
			comes(f, &s, 2);
			/* a connection goes on as it began */
			front(any(f), NODE_PORT, IPPROTO_TCP, 0);
			front(vip(f), NODE_PORT, IPPROTO_TCP, 0);
			s.flags = TH_ACK;
			service.gen++;
			env_svc(SVC, &service);
			comes(f, &s, 2);
		}
	}
}

ENV_TEST(guarded_by_ranges)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, vip(f));
		struct pkt p;

		serve(f, IPPROTO_TCP, f->pod[2], true);
		front(vip(f), NODE_PORT, IPPROTO_TCP, SL_FRONT_DSR | SL_FRONT_RANGES);
		expect_drop(from_node(f, &p, &s), SL_DROP_SERVICE_SOURCE);
		env_svc_src(SVC, f->out, f->v6 ? 48 : 24);
		comes(f, &s, 2);
	}
}

/* The pod's policy is about the client. */
ENV_TEST(policy_of_the_client)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, f->tunnel_node);
		struct pkt p;

		serve(f, IPPROTO_TCP, f->pod[2], true);
		env_policy(2, ISO_IN, 3, 2, 0);
		env_class(f->tunnel_node, f->v6 ? 128 : 32, 8, 8);
		env_rule(3, SL_DIR_INGRESS, 8, SL_VERDICT_ALLOW, 41, 0);
		expect_drop(from_node(f, &p, &s), SL_DROP_POLICY_INGRESS);
		env_class(f->out, f->v6 ? 128 : 32, 9, 9);
		env_rule(3, SL_DIR_INGRESS, 9, SL_VERDICT_ALLOW, 42, 0);
		comes(f, &s, 2);
		answers(f, &s, 2);
		/* and reaches what is open */
		env_policy(2, ISO_IN, 4, 3, 0);
		s.flags = TH_ACK;
		expect_drop(from_node(f, &p, &s), SL_DROP_POLICY_INGRESS);
	}
}

/* Judged again by whichever end speaks first. */
ENV_TEST(taken_again)
{
	for_families(f) {
		for (int i = 0; i < 2; i++) {
			struct pkt_spec s = client(f, IPPROTO_TCP, fronts(f, i));

			env_reset(NULL);
			serve(f, IPPROTO_TCP, f->pod[2], true);
			for (int j = 0; j < 4; j++) {
				comes(f, &s, 2);
				s.flags = TH_ACK;
				env_state()->route_gen++;
				env_state_write();
				answers(f, &s, 2);
				service.gen++;
				env_svc(SVC, &service);
				answers(f, &s, 2);
			}
			assert_int_equal(env_count(SL_COUNT_FLOW_NEW), 1);
		}
	}
}

/* A load balancer sends the client's packets to this node itself, from now on; and back. */
ENV_TEST(another_way)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_TCP, vip(f));
		struct sl_flow flow;
		struct pkt p;

		serve(f, IPPROTO_TCP, f->pod[2], true);
		for (int i = 0; i < 2; i++) {
			comes(f, &s, 2);
			answers(f, &s, 2);
			s.flags = TH_ACK;
		}
		expect_pass(from_link(&p, &s), REDIRECT);
		expect_pkt(&p, f->out, SPORT, f->pod[2], TARGET);
		env_flow(&s, &flow);
		assert_false(flow.dir[flow.orig].flags & SL_FLOW_DIR_FORWARDED);
		comes(f, &s, 2);
		answers(f, &s, 2);
		assert_int_equal(env_count(SL_COUNT_FLOW_NEW), 1);
	}
}

ENV_TEST(local_backend_gone)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->tunnel_node);
		uint8_t proto;
		struct pkt p;

		serve(f, IPPROTO_UDP, f->pod[2], true);
		comes(f, &s, 2);
		replace(f, IPPROTO_UDP, f->pod[2], f->pod[3], true);
		comes(f, &s, 3);
		answers(f, &s, 3);
		/* the last one here: whoever sends it will hear of that */
		env_backend(2, SVC, f->pod[3], TARGET, IPPROTO_UDP, 0);
		set(SL_SVC_LOCAL, 0);
		service.gen++;
		env_svc(SVC, &service);
		expect_drop(from_node(f, &p, &s), SL_DROP_NO_LOCAL_BACKEND);

		env_reset(NULL);
		s.proto = IPPROTO_TCP;
		serve(f, IPPROTO_TCP, f->pod[2], true);
		comes(f, &s, 2);
		replace(f, IPPROTO_TCP, f->pod[2], f->pod[3], true);
		s.flags = TH_ACK;
		comes(f, &s, 2);
		answers(f, &s, 2);
		/* the reset is the service's word, and leaves from here */
		service.flags = SL_SVC_RESET;
		service.gen++;
		env_svc(SVC, &service);
		expect_answer(from_node(f, &p, &s), SL_DROP_SERVICE_GONE);
		expect_pkt(&p, f->tunnel_node, NODE_PORT, f->out, SPORT);
		assert_true(p.b[pkt_l4(&p, &proto) + 13] & TH_RST);
		/* without the service they end */
		s.flags = TH_SYN;
		s.sport = SPORT;
		comes(f, &s, 3);
		env_front(any(f), NODE_PORT, IPPROTO_TCP, NULL);
		service.gen++;
		env_svc(SVC, &service);
		s.flags = TH_ACK;
		expect_drop(from_node(f, &p, &s), SL_DROP_SERVICE_GONE);
		expect_drop(from_node(f, &p, &s), SL_DROP_TUNNEL_PEER);
	}
}

ENV_TEST(hop_limit)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->tunnel_node);
		union sl_addr a, want;
		uint8_t proto;
		struct pkt p;

		serve(f, IPPROTO_UDP, f->pod[2], true);
		s.ttl = 1;
		for (int i = 0; i < 2; i++) {
			expect_answer(from_node(f, &p, &s), SL_DROP_TTL);
			assert_int_equal(p.b[pkt_l4(&p, &proto)], f->v6 ? 3 : 11);
			pkt_addr(&p, true, &a);
			want = addr_of(f->out);
			assert_memory_equal(&a, &want, 16);
		}
	}
}

ENV_TEST(errors_taken)
{
	for_families(f) {
		for (int i = 0; i < 2; i++) {
			size_t inner = 14 + (f->v6 ? 40 : 20) + 8;
			struct pkt_spec s, r, e;
			struct pkt answer, p;
			union sl_addr a, want;

			env_reset(NULL);
			s = client(f, IPPROTO_TCP, fronts(f, i));
			r = answer_of(&s);
			env_link_pkt(&answer, r);
			e = too_big(f, s.dst, &answer);
			serve(f, IPPROTO_TCP, f->pod[2], true);
			/* begins nothing */
			expect_drop(from_node(f, &p, &e), SL_DROP_TUNNEL_PEER);
			comes(f, &s, 2);
			answers(f, &s, 2);
			expect_pass(from_node(f, &p, &e), REDIRECT);
			expect_csum(&p);
			want = addr_of(f->pod[2]);
			pkt_addr(&p, true, &a);
			assert_memory_equal(&a, &want, 16);
			pkt_addr_at(&p, inner, false, &a);
			assert_memory_equal(&a, &want, 16);
			assert_null(pkt_csum_wrong_at(&p, inner, false));
			assert_memory_equal(p.b, env.pod_mac[2], 6);
			/* from whoever is no node */
			env_tunnel_pkt(&p, e);
			expect_drop(env_from_tunnel(&p, "192.0.2.99", TUNNEL_VNI), SL_DROP_TUNNEL_PEER);
			/* about a flow that came here by itself: routers choose their own ways */
			env_reset(NULL);
			serve(f, IPPROTO_TCP, f->pod[2], true);
			s.dst = vip(f);
			r = answer_of(&s);
			expect_pass(from_link(&p, &s), REDIRECT);
			env_link_pkt(&answer, r);
			e = too_big(f, vip(f), &answer);
			expect_pass(from_node(f, &p, &e), REDIRECT);
			expect_csum(&p);
			want = addr_of(f->pod[2]);
			pkt_addr(&p, true, &a);
			assert_memory_equal(&a, &want, 16);
			/* of a service that does not ask for it */
			front(vip(f), NODE_PORT, IPPROTO_TCP, 0);
			expect_drop(from_node(f, &p, &e), SL_DROP_TUNNEL_PEER);
		}
	}
}

ENV_TEST(fragments_taken)
{
	for_families(f) {
		struct pkt_spec s = client(f, IPPROTO_UDP, f->tunnel_node), later;
		static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
		union sl_addr a, want;
		struct pkt p;

		serve(f, IPPROTO_UDP, f->pod[2], true);
		s.more = true;
		s.frag_id = 11;
		s.payload = 64;
		s.no_csum = !f->v6;
		later = s;
		later.more = false;
		later.frag_off = 72;
		later.smac = later.dmac = mac;
		pkt_make_frag(&p, &later);
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_FRAG_ORPHAN);
		for (int i = 0; i < 2; i++) {
			expect_pass(from_node(f, &p, &s), REDIRECT);
			pkt_make_frag(&p, &later);
			expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
			pkt_addr(&p, true, &a);
			want = addr_of(f->pod[2]);
			assert_memory_equal(&a, &want, 16);
			assert_memory_equal(p.b, env.pod_mac[2], 6);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(on_as_it_is),
		env_test(else_as_ever),
		env_test(judged_again),
		env_test(backend_gone),
		env_test(idle),
		env_test(too_big_for_the_tunnel),
		env_test(errors_go_on),
		env_test(fragments_go_on),
		env_test(no_answers_here),
		env_test(taken_and_answered),
		env_test(chosen_here),
		env_test(who_may_send_it),
		env_test(service_without_it),
		env_test(guarded_by_ranges),
		env_test(policy_of_the_client),
		env_test(taken_again),
		env_test(another_way),
		env_test(local_backend_gone),
		env_test(hop_limit),
		env_test(errors_taken),
		env_test(fragments_taken),
	};

	return env_main(tests);
}
