// SPDX-License-Identifier: GPL-2.0
/* NAT: masquerade, there and back, and what becomes of its ports. */
#include "env.h"

static struct pkt_spec out(const struct fam *f, uint8_t proto)
{
	struct pkt_spec s = { .src = f->pod[1], .dst = f->out, .proto = proto, .sport = 1024,
			      .dport = 80, .flags = TH_SYN, .payload = 33 };

	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		s.type = f->v6 ? 128 : 8;
	return s;
}

static uint8_t echo(const struct fam *f)
{
	return f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static size_t port_off(const struct pkt *p, bool src)
{
	uint8_t proto;
	size_t l4 = pkt_l4(p, &proto);

	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		return l4 + 4;
	return src ? l4 : l4 + 2;
}

/* The packet as it leaves the node; the port that it leaves with. */
static uint16_t check_out(const struct fam *f, const struct pkt *p, const struct pkt_spec *s)
{
	union sl_addr src, dst, node = addr_of(f->node), far = addr_of(s->dst);

	pkt_addr(p, false, &src);
	pkt_addr(p, true, &dst);
	assert_memory_equal(&src, &node, 16);
	assert_memory_equal(&dst, &far, 16);
	assert_int_equal(pkt_ttl(p), 63);
	expect_csum(p);
	return pkt_u16(p, port_off(p, true));
}

/* A reply as the far end sends it, to @port. */
static void reply(const struct fam *f, struct pkt *p, const struct pkt_spec *s, uint16_t port,
		  uint8_t flags)
{
	struct pkt_spec r = env_reply(s);

	r.dst = f->node;
	r.flags = flags;
	if (s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6)
		r.sport = port;
	else
		r.dport = port;
	env_link_pkt(p, r);
}

static void check_in(const struct pkt *p, const struct pkt_spec *s)
{
	union sl_addr src, dst, pod = addr_of(s->src), far = addr_of(s->dst);

	pkt_addr(p, false, &src);
	pkt_addr(p, true, &dst);
	assert_memory_equal(&src, &far, 16);
	assert_memory_equal(&dst, &pod, 16);
	assert_int_equal(pkt_u16(p, port_off(p, false)), s->sport);
	assert_memory_equal(p->b, env.pod_mac[1], 6);
	assert_int_equal(pkt_ttl(p), 63);
	expect_csum(p);
}

static uint16_t goes_out(const struct fam *f, const struct pkt_spec *s)
{
	struct pkt p;

	env_pod_pkt(1, &p, *s);
	expect_pass(env_from_pod(1, &p), REDIRECT);
	return check_out(f, &p, s);
}

static void there_and_back(const struct fam *f, struct pkt_spec s)
{
	struct sl_flow flow;
	uint16_t port;
	struct pkt p;

	port = goes_out(f, &s);
	assert_in_range(port, SL_NAT_PORT_MIN_DEFAULT, SL_NAT_PORT_MAX_DEFAULT);
	for (int i = 0; i < 3; i++) {
		reply(f, &p, &s, port, TH_SYN | TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
		check_in(&p, &s);
		s.flags = TH_ACK;
		assert_int_equal(goes_out(f, &s), port);
		assert_int_equal(env_flow(&s, &flow), IN_FLOW);
		assert_int_equal(ntohs(flow.dir[flow.orig].as_port), port);
	}
	assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	assert_int_equal(env_entries(env.sk->maps.sl_flow), 2);
	assert_int_equal(flow.dir[flow.orig].packets, 4);
	assert_int_equal(flow.dir[!flow.orig].packets, 3);
}

ENV_TEST(tcp)
{
	for_families(f)
		there_and_back(f, out(f, IPPROTO_TCP));
}

ENV_TEST(udp)
{
	for_families(f)
		there_and_back(f, out(f, IPPROTO_UDP));
}

ENV_TEST(icmp_echo)
{
	for_families(f)
		there_and_back(f, out(f, echo(f)));
}

/* The checksum is over all of the packet, whatever its length. */
ENV_TEST(sctp)
{
	static const unsigned int payload[] = { 0, 1, 2, 3, 4, 5, 8, 13, 100, 255, 256, 1000, 1400 };

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_SCTP);

		there_and_back(f, s);
		for (unsigned int i = 0; i < sizeof(payload) / sizeof(payload[0]); i++) {
			s.payload = payload[i];
			goes_out(f, &s);
		}
	}
}

/* Left to whoever sends it out. */
ENV_TEST(sctp_partial)
{
	struct pkt p;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_SCTP);
		uint8_t proto;

		s.partial = true;
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_not_equal(pkt_u16(&p, port_off(&p, true)), s.sport);
		assert_int_equal(pkt_u32(&p, pkt_l4(&p, &proto) + 8), 0);
	}
}

/* The sum of all fragments can't be corrected in the first of them. */
ENV_TEST(sctp_fragment)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_SCTP);
		struct pkt p;
		uint8_t proto;

		s.payload = 64;
		s.more = true;
		s.frag_id = 7;
		env_pod_pkt(1, &p, s);
		p.b[pkt_l4(&p, &proto) + 8] = 1;
		expect_drop(env_from_pod(1, &p), SL_DROP_HELPER);
	}
}

ENV_TEST(options_and_extension_headers)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_UDP);

		s.options = 2;
		there_and_back(f, s);
	}
}

/* Zero says that there is no checksum, and stays zero. */
ENV_TEST(udp_without_checksum)
{
	struct pkt p;
	uint8_t proto;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_UDP);

		s.no_csum = true;
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		check_out(f, &p, &s);
		assert_int_equal(pkt_u16(&p, pkt_l4(&p, &proto) + 6), 0);
	}
}

/* Every port, so that sums that come out as zero are met: those are sent as 0xffff. */
ENV_TEST(udp_checksum_never_becomes_zero)
{
	struct pkt p;
	uint8_t proto;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_UDP);
		unsigned int all_ones = 0;

		env_state()->nat_port_min = env_state()->nat_port_max = 61000;
		env_state_write();
		for (int i = 1; i < 65536; i++) {
			s.dport = i;
			env_pod_pkt(1, &p, s);
			env_from_pod(1, &p);
			assert_int_not_equal(pkt_u16(&p, pkt_l4(&p, &proto) + 6), 0);
			all_ones += pkt_u16(&p, pkt_l4(&p, &proto) + 6) == 0xffff;
		}
		assert_true(all_ones >= 1);
	}
}

/* What is neither has nothing that a reply could be told by. */
ENV_TEST(other_protocols)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_GRE);

		expect_drop(env_pod_sends(1, s), SL_DROP_NAT_PROTO);
		s.proto = echo(f);
		s.type = f->v6 ? 200 : 13;	/* informational, a timestamp */
		expect_drop(env_pod_sends(1, s), SL_DROP_NAT_PROTO);
		/* where nothing is translated they pass */
		memset(env_state()->nat_addr, 0, sizeof(env_state()->nat_addr));
		env_state_write();
		expect_pass(env_pod_sends(1, s), REDIRECT);
		s.proto = IPPROTO_GRE;
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

/* --------------------------------------------------------------- replies */

ENV_TEST(only_the_far_end_replies)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP), other;
		uint16_t port = goes_out(f, &s);
		struct pkt p, before;

		for (int i = 0; i < 3; i++) {
			other = s;
			if (i == 0)
				other.dst = f->gw;
			else if (i == 1)
				other.dport = 81;
			else
				other.proto = IPPROTO_UDP;
			reply(f, &p, &other, port, TH_ACK);
			before = p;
			expect_pass(env_from_uplink(&p), NEXT);
			assert_memory_equal(p.b, before.b, p.len);
		}
		reply(f, &p, &s, port + 1, TH_ACK);
		expect_pass(env_from_uplink(&p), NEXT);
		reply(f, &p, &s, port, TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
}

/* The outside does not reach a pod by its own address under cover of a translated flow. */
ENV_TEST(reply_to_the_pods_own_address)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP), r = env_reply(&s);
		struct pkt p;

		r.flags = TH_ACK;
		goes_out(f, &s);
		env_link_pkt(&p, r);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
		env_reset(NULL);
		there_and_back(f, s);
		env_link_pkt(&p, r);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
	}
}

/* A reply under an address that its flow has given up at this very packet. */
ENV_TEST(reply_to_the_old_address)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		uint16_t port = goes_out(f, &s);
		struct pkt p, before;

		env_state()->nat_addr[f->v6] = addr_of(f->v6 ? "2001:db8::77" : "192.0.2.77");
		env_state()->route_gen++;
		env_state_write();
		reply(f, &p, &s, port, TH_ACK);
		before = p;
		expect_pass(env_from_uplink(&p), NEXT);
		assert_memory_equal(p.b, before.b, p.len);
	}
}

/* ----------------------------------------------------------------- ports */

ENV_TEST(two_pods_to_one_service)
{
	for_families(f) {
		struct pkt_spec a = out(f, IPPROTO_TCP), b = a;
		struct pkt p;
		uint16_t pa, pb;

		b.src = f->pod[2];
		env_state()->nat_port_min = 61000;
		env_state()->nat_port_max = 61001;
		env_state_write();
		pa = goes_out(f, &a);
		env_pod_pkt(2, &p, b);
		expect_pass(env_from_pod(2, &p), REDIRECT);
		pb = check_out(f, &p, &b);
		assert_int_not_equal(pa, pb);
		reply(f, &p, &a, pa, TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[1], 6);
		reply(f, &p, &a, pb, TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[2], 6);
	}
}

static void exhaust(const struct fam *f, uint8_t proto, unsigned int ports)
{
	struct pkt_spec s = out(f, proto), elsewhere;
	struct sl_flow flow;

	env_state()->nat_port_min = 61000;
	env_state()->nat_port_max = 61000 + ports - 1;
	env_state_write();
	for (unsigned int i = 0; i < ports; i++) {
		s.sport = 2000 + i;
		goes_out(f, &s);
	}
	s.sport = 3000;
	expect_drop(env_pod_sends(1, s), SL_DROP_NAT_EXHAUSTED);
	assert_int_equal(env_drops_by(SL_DROP_NAT_EXHAUSTED, 1, 0), 1);
	assert_int_equal(env_flow(&s, &flow), NOWHERE);
	/* the same ports to somewhere else are others */
	elsewhere = s;
	elsewhere.dst = f->gw;
	goes_out(f, &elsewhere);
}

static const char *all_zero(const struct fam *f)
{
	return f->v6 ? "::" : "0.0.0.0";
}

/* Clients reach services by some of the ports: flows get the others, each protocol its own. */
static void served_ports(const struct fam *f, uint8_t proto, const char *at)
{
	const uint8_t other = proto == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	struct pkt_spec s = out(f, proto);
	bool seen[8] = {};

	env_state()->nat_port_min = 61000;
	env_state()->nat_port_max = 61007;
	env_state_write();
	for (unsigned int i = 0; i < 8; i++)
		env_front(at, 61000 + i, i < 5 ? proto : other, &(struct sl_front_val){ .svc = 1 });
	for (unsigned int i = 0; i < 3; i++) {
		uint16_t port;

		s.sport = 2000 + i;
		port = goes_out(f, &s);
		assert_in_range(port, 61005, 61007);
		assert_false(seen[port - 61000]);
		seen[port - 61000] = true;
	}
	s.sport = 3000;
	expect_drop(env_pod_sends(1, s), SL_DROP_NAT_EXHAUSTED);
}

ENV_TEST(node_ports_are_left)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (unsigned int i = 0; i < 3; i++) {
		for_families(f)
			served_ports(f, protos[i], all_zero(f));
		/* an address of services that is the node's, too */
		for_families(f)
			served_ports(f, protos[i], f->node);
	}
}

/* A service's at another address, of the other family, or of an echo's number are in nobody's way. */
ENV_TEST(other_frontends)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		const char *none = f->v6 ? "0.0.0.0" : "::";

		env_state()->nat_port_min = env_state()->nat_port_max = 61000;
		env_state_write();
		env_front(f->out, 61000, IPPROTO_TCP, &(struct sl_front_val){ .svc = 1 });
		env_front(none, 61000, IPPROTO_TCP, &(struct sl_front_val){ .svc = 1 });
		assert_int_equal(goes_out(f, &s), 61000);
		env_front(all_zero(f), 61000, IPPROTO_TCP, &(struct sl_front_val){ .svc = 1 });
		s = out(f, echo(f));
		assert_int_equal(goes_out(f, &s), 61000);
	}
}

ENV_TEST(ports_run_out)
{
	for_families(f)
		exhaust(f, IPPROTO_TCP, 8);
	for_families(f)
		exhaust(f, IPPROTO_UDP, 1);
	for_families(f)
		exhaust(f, IPPROTO_SCTP, 8);
	for_families(f)
		exhaust(f, echo(f), 4);
}

static void flow_delete(const struct pkt_spec *s)
{
	struct sl_tuple key;

	tuple_of(&key, s->src, s->sport, s->dst, s->dport, s->proto);
	bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_flow), &key);
	bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_half), &key);
}

/* Flows of two pods to one far end, under a range of ports that is nearly used up. */
#define CROWD_PORTS	1000
#define CROWD_USED	(CROWD_PORTS * 95 / 100)
#define CROWD_EST	24		/* established ones: both their entries fit into FLOW_MAX */
#define CROWD_CHURN	5000

struct crowd {
	const struct fam *f;
	struct pkt_spec flow[CROWD_PORTS];
	uint16_t port[CROWD_PORTS];
	bool used[CROWD_PORTS];
	unsigned int next;		/* counts flows that began */
};

static struct pkt_spec crowd_spec(struct crowd *w)
{
	struct pkt_spec s = out(w->f, IPPROTO_TCP);

	s.src = w->f->pod[1 + w->next % 2];
	s.sport = 1024 + w->next / 2;
	w->next++;
	return s;
}

static unsigned int crowd_pod(const struct crowd *w, const struct pkt_spec *s)
{
	return s->src == w->f->pod[1] ? 1 : 2;
}

/* Begins a flow in slot @i; false: no port was found, and that was counted. */
static bool crowd_begin(struct crowd *w, unsigned int i)
{
	uint64_t refused = env_drops(SL_DROP_NAT_EXHAUSTED);
	struct pkt_spec s = crowd_spec(w);
	uint16_t port;
	struct pkt p;
	int verdict;

	env_pod_pkt(crowd_pod(w, &s), &p, s);
	verdict = env_from_pod(crowd_pod(w, &s), &p);
	if (verdict == DROP) {
		assert_int_equal(env_drops(SL_DROP_NAT_EXHAUSTED), refused + 1);
		return false;
	}
	assert_int_equal(verdict, REDIRECT);
	port = check_out(w->f, &p, &s);
	assert_in_range(port, 61000, 61000 + CROWD_PORTS - 1);
	assert_false(w->used[port - 61000]);
	w->used[port - 61000] = true;
	w->flow[i] = s;
	w->port[i] = port;
	return true;
}

static void crowd_end(struct crowd *w, unsigned int i)
{
	env_flow_del(&w->flow[i]);
	w->used[w->port[i] - 61000] = false;
}

/* What comes to the port of slot @i is that flow's. */
static void crowd_reply(const struct crowd *w, unsigned int i, uint8_t flags)
{
	struct pkt p;
	uint8_t proto;

	reply(w->f, &p, &w->flow[i], w->port[i], flags);
	assert_int_equal(env_from_uplink(&p), REDIRECT);
	assert_memory_equal(p.b, env.pod_mac[crowd_pod(w, &w->flow[i])], 6);
	assert_int_equal(pkt_u16(&p, pkt_l4(&p, &proto) + 2), w->flow[i].sport);
}

static void crowd_establish(struct crowd *w, unsigned int i)
{
	struct pkt_spec s = w->flow[i];
	struct sl_flow flow;
	struct pkt p;

	crowd_reply(w, i, TH_SYN | TH_ACK);
	s.flags = TH_ACK;
	env_pod_pkt(crowd_pod(w, &s), &p, s);
	expect_pass(env_from_pod(crowd_pod(w, &s), &p), REDIRECT);
	assert_int_equal(check_out(w->f, &p, &s), w->port[i]);
	assert_int_equal(env_flow(&s, &flow), IN_FLOW);
}

/* Each flow that ends makes room for one that begins, whichever port that is. */
static void crowd_churn(struct crowd *w)
{
	unsigned int x = 1;

	for (int n = 0; n < CROWD_CHURN; n++) {
		unsigned int i;

		x = x * 1103515245 + 12345;
		i = CROWD_EST + (x >> 8) % (CROWD_USED - CROWD_EST);
		crowd_end(w, i);
		assert_true(crowd_begin(w, i));
	}
}

ENV_TEST(ports_run_short)
{
	static struct crowd w;

	for_families(f) {
		unsigned int full = CROWD_USED;

		memset(&w, 0, sizeof(w));
		w.f = f;
		env_state()->nat_port_min = 61000;
		env_state()->nat_port_max = 61000 + CROWD_PORTS - 1;
		env_state_write();
		for (unsigned int i = 0; i < CROWD_USED; i++) {
			assert_true(crowd_begin(&w, i));
			if (i < CROWD_EST)
				crowd_establish(&w, i);
		}
		crowd_churn(&w);
		/* the rest is found by luck, and what is not, is refused */
		for (int n = 0; n < 400 && full < CROWD_PORTS; n++)
			full += crowd_begin(&w, full);
		assert_true(full > CROWD_PORTS * 98 / 100);
		for (unsigned int i = 0; i < full; i++)
			crowd_reply(&w, i, TH_SYN | TH_ACK);
		if (full == CROWD_PORTS)
			assert_false(crowd_begin(&w, 0));
	}
}

/* An alias whose flow is gone leads nowhere, and its port is free. */
ENV_TEST(dead_alias)
{
	for_families(f) {
		struct pkt_spec a = out(f, IPPROTO_TCP), b = a;
		struct pkt p;
		uint16_t port;

		env_state()->nat_port_min = env_state()->nat_port_max = 61000;
		env_state_write();
		port = goes_out(f, &a);
		flow_delete(&a);
		reply(f, &p, &a, port, TH_ACK);
		expect_pass(env_from_uplink(&p), NEXT);
		b.src = f->pod[2];
		env_pod_pkt(2, &p, b);
		expect_pass(env_from_pod(2, &p), REDIRECT);
		reply(f, &p, &a, port, TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[2], 6);
		/* the first one comes back, and finds it taken */
		expect_drop(env_pod_sends(1, a), SL_DROP_NAT_EXHAUSTED);
	}
}

/* The same of an established one, whose alias is in the other table. */
ENV_TEST(dead_alias_of_an_established_flow)
{
	for_families(f) {
		struct pkt_spec a = out(f, IPPROTO_TCP), b = a;
		struct pkt p;

		env_state()->nat_port_min = env_state()->nat_port_max = 61000;
		env_state_write();
		there_and_back(f, a);
		flow_delete(&a);
		b.src = f->pod[2];
		env_pod_pkt(2, &p, b);
		expect_pass(env_from_pod(2, &p), REDIRECT);
		reply(f, &p, &a, 61000, TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[2], 6);
	}
}

/* A flow that lost its entry goes on under its old port. */
ENV_TEST(forgotten_flow_finds_its_port)
{
	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		uint16_t port = goes_out(f, &s);

		flow_delete(&s);
		s.flags = TH_ACK;
		assert_int_equal(goes_out(f, &s), port);
		env_reset(NULL);
		assert_int_equal(goes_out(f, &s), port);
	}
}

static void alias_key(struct sl_tuple *key, const struct fam *f, const struct pkt_spec *s,
		      uint16_t port)
{
	tuple_of(key, f->node, port, s->dst, s->proto == echo(f) ? port : s->dport, s->proto);
}

/* Evicted from sl_half: the flow's next packet needs it and makes it again. */
ENV_TEST(evicted_alias)
{
	struct sl_tuple key;
	struct pkt p;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		uint16_t port = goes_out(f, &s);

		alias_key(&key, f, &s, port);
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_half), &key), 0);
		reply(f, &p, &s, port, TH_SYN | TH_ACK);
		expect_pass(env_from_uplink(&p), NEXT);
		assert_int_equal(goes_out(f, &s), port);
		reply(f, &p, &s, port, TH_SYN | TH_ACK);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
}

/* No room for the flow: neither the alias is promoted, and the half-open one works on. */
ENV_TEST(established_without_room)
{
	struct sl_flow flow, any = { .kind = SL_FLOW_KIND_FLOW, .state = SL_FLOW_ESTABLISHED };
	struct pkt p;

	for_families(f) {
		/* room for none, then for the alias only */
		for (int room = 0; room < 2; room++) {
			struct pkt_spec s = out(f, IPPROTO_TCP), filler = s;
			uint16_t port;

			env_reset(NULL);
			for (int i = 0; i < FLOW_MAX - room; i++) {
				filler.sport = 10000 + i;
				env_flow_put(IN_FLOW, &filler, &any);
			}
			port = goes_out(f, &s);
			for (int i = 0; i < 3; i++) {
				reply(f, &p, &s, port, TH_ACK);
				expect_pass(env_from_uplink(&p), REDIRECT);
				assert_int_equal(goes_out(f, &s), port);
				assert_int_equal(env_flow(&s, &flow), IN_HALF);
			}
			assert_int_equal(env_entries(env.sk->maps.sl_flow), FLOW_MAX - room);
			assert_int_equal(env_count(SL_COUNT_FLOW_REFUSED_FULL), 3);
		}
	}
}

/* The node's address changed: flows begun under the old one are begun anew. */
ENV_TEST(address_changes)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		union sl_addr want = addr_of(f->v6 ? "2001:db8::77" : "192.0.2.77"), src;
		struct pkt p;

		goes_out(f, &s);
		env_state()->nat_addr[f->v6] = want;
		env_state()->route_gen++;
		env_state_write();
		env_addr(f->v6 ? "2001:db8::77" : "192.0.2.77", SL_ADDR_HOST, 0);
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		pkt_addr(&p, false, &src);
		assert_memory_equal(&src, &want, 16);
		expect_csum(&p);
		env_flow(&s, &flow);
		assert_memory_equal(&flow.dir[flow.orig].as, &want, 16);
	}
}

/* A destination becomes another node's: nothing is translated any more. */
ENV_TEST(outside_becomes_a_node)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		struct sl_route_val r = { .kind = SL_ROUTE_DIRECT, .ifindex = env.up_if,
					  .via = addr_of(f->direct_via) };
		union sl_addr own = addr_of(s.src), src;
		struct pkt p;

		goes_out(f, &s);
		env_route(f->out, f->v6 ? 128 : 32, &r);
		env_state()->route_gen++;
		env_state_write();
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		pkt_addr(&p, false, &src);
		assert_memory_equal(&src, &own, 16);
		expect_csum(&p);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].as_port, 0);
		assert_int_equal(flow.dir[flow.orig].flags, SL_FLOW_DIR_SMAC);
		assert_int_equal(flow.dir[!flow.orig].flags, 0);
	}
}

ENV_TEST(denied_reply_is_cut)
{
	struct pkt p;

	for_families(f) {
		struct pkt_spec s = out(f, IPPROTO_TCP);
		uint16_t port;

		there_and_back(f, s);
		port = goes_out(f, &s);
		env_rule(5, SL_DIR_EGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 9, 0);
		env_policy(1, ISO_OUT, 5, 2, 0);
		reply(f, &p, &s, port, TH_ACK);
		expect_drop(env_from_uplink(&p), SL_DROP_POLICY_EGRESS);
		expect_drop(env_from_uplink(&p), SL_DROP_POLICY_EGRESS);
	}
}

ENV_TEST(no_range_of_ports)
{
	for_families(f) {
		env_state()->nat_port_min = env_state()->nat_port_max = 0;
		env_state_write();
		expect_drop(env_pod_sends(1, out(f, IPPROTO_TCP)), SL_DROP_NAT_EXHAUSTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(tcp),
		env_test(udp),
		env_test(icmp_echo),
		env_test(sctp),
		env_test(sctp_partial),
		env_test(sctp_fragment),
		env_test(options_and_extension_headers),
		env_test(udp_without_checksum),
		env_test(udp_checksum_never_becomes_zero),
		env_test(other_protocols),
		env_test(only_the_far_end_replies),
		env_test(reply_to_the_pods_own_address),
		env_test(reply_to_the_old_address),
		env_test(two_pods_to_one_service),
		env_test(ports_run_out),
		env_test(ports_run_short),
		env_test(node_ports_are_left),
		env_test(other_frontends),
		env_test(dead_alias),
		env_test(dead_alias_of_an_established_flow),
		env_test(forgotten_flow_finds_its_port),
		env_test(evicted_alias),
		env_test(established_without_room),
		env_test(address_changes),
		env_test(outside_becomes_a_node),
		env_test(denied_reply_is_cut),
		env_test(no_range_of_ports),
	};

	return env_main(tests);
}
