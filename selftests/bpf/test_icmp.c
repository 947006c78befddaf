// SPDX-License-Identifier: GPL-2.0
/* ICMP errors: those that the pipeline makes, and those that belong to a flow. */
#include "env.h"

#define ETH	14

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				  .flags = TH_ACK };
}

static size_t l3_hdr(const struct fam *f)
{
	return f->v6 ? 40 : 20;
}

/* ----------------------------------------------------- made by the pipeline */

/*
 * @p answers @sent: an error of @type from the node with as much of @sent, as
 * it was sent, as the RFCs want, and back to where that came from.
 */
static void check_answer(const struct fam *f, const struct pkt *p, const struct pkt *sent,
			 uint32_t mtu)
{
	size_t l3 = l3_hdr(f), inner = ETH + l3 + 8, want = sent->len - ETH;
	size_t max = f->v6 ? 1280 - 48 : 576 - 28;
	union sl_addr a, b;
	uint8_t proto;

	if (want > max)
		want = max;
	assert_int_equal(p->len, inner + want);
	assert_memory_equal(p->b, sent->b + 6, 6);
	assert_memory_equal(p->b + 6, sent->b, 6);
	assert_int_equal(pkt_u16(p, 12), f->v6 ? 0x86dd : 0x800);
	assert_int_equal(pkt_u16(p, ETH + (f->v6 ? 4 : 2)), p->len - ETH - (f->v6 ? 40 : 0));
	pkt_addr(p, false, &a);
	b = addr_of(f->node);
	assert_memory_equal(&a, &b, 16);
	pkt_addr(p, true, &a);
	pkt_addr(sent, false, &b);
	assert_memory_equal(&a, &b, 16);
	pkt_l4(p, &proto);
	assert_int_equal(proto, f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	assert_int_equal(pkt_ttl(p), 64);
	if (mtu) {
		assert_int_equal(p->b[ETH + l3], f->v6 ? 2 : 3);
		assert_int_equal(p->b[ETH + l3 + 1], f->v6 ? 0 : 4);
	} else {
		assert_int_equal(p->b[ETH + l3], f->v6 ? 3 : 11);
		assert_int_equal(p->b[ETH + l3 + 1], 0);
	}
	assert_int_equal(pkt_u32(p, ETH + l3 + 4), mtu);
	assert_memory_equal(p->b + inner, sent->b + ETH, want);
	expect_csum(p);
}

static void dies(const struct fam *f, struct pkt_spec s)
{
	struct pkt p, sent;

	s.ttl = 1;
	env_pod_pkt(1, &p, s);
	sent = p;
	expect_answer(env_from_pod(1, &p), SL_DROP_TTL);
	check_answer(f, &p, &sent, 0);
}

ENV_TEST(hop_limit_of_one)
{
	static const unsigned int sizes[] = { 0, 1, 2, 63, 64, 65, 511, 528, 529, 1172, 1173, 1440, 3400 };

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for_families(f) {
			struct pkt_spec s = tcp12(f);

			s.payload = sizes[i];
			dies(f, s);
			s.proto = IPPROTO_UDP;
			dies(f, s);
			s.options = 3;
			dies(f, s);
			assert_int_equal(env_count(SL_COUNT_ICMP_SENT), 3);
		}
	}
}

/* New, half-open, established: no way past it, and nothing delivered. */
ENV_TEST(hop_limit_at_every_state)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		dies(f, s);
		env_pod_sends(1, s);
		dies(f, s);
		expect_pass(env_pod_sends(2, env_reply(&s)), REDIRECT);
		dies(f, s);
		env_reset(NULL);
		env_establish(1, 2, &s);
		dies(f, s);
		s.dst = f->out;
		dies(f, s);		/* before it is translated */
		s.dst = f->direct;
		dies(f, s);
		s.dst = f->tunnel;
		dies(f, s);
		/* zero should not be on a wire, and is no reason to wrap round */
		s.dst = f->pod[2];
		struct pkt p;

		env_pod_pkt(1, &p, s);
		p.b[ETH + (f->v6 ? 7 : 8)] = 0;
		expect_answer(env_from_pod(1, &p), SL_DROP_TTL);
	}
}

ENV_TEST(hop_limit_from_the_uplink)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), r;
		struct pkt p, sent;

		s.src = f->out;
		s.ttl = 1;
		env_link_pkt(&p, s);
		sent = p;
		expect_answer(env_from_uplink(&p), SL_DROP_TTL);
		check_answer(f, &p, &sent, 0);
		/* a reply that would be translated: told of as it came */
		s = tcp12(f);
		s.dst = f->out;
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		r = env_reply(&s);
		r.dst = f->node;
		r.dport = pkt_u16(&p, ETH + l3_hdr(f));
		r.ttl = 1;
		env_link_pkt(&p, r);
		sent = p;
		expect_answer(env_from_uplink(&p), SL_DROP_TTL);
		check_answer(f, &p, &sent, 0);
	}
}

ENV_TEST(hop_limit_from_the_tunnel)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p, sent;

		s.src = f->tunnel;
		s.ttl = 1;
		env_tunnel_pkt(&p, s);
		sent = p;
		expect_answer(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_TTL);
		check_answer(f, &p, &sent, 0);
	}
}

static int sized(struct pkt *p, struct pkt_spec s, size_t l3_len)
{
	s.payload = 0;
	env_pod_pkt(1, p, s);
	s.payload = l3_len - (p->len - ETH);
	env_pod_pkt(1, p, s);
	return 0;
}

ENV_TEST(packet_too_big)
{
	for_families(f) {
		for (int est = 0; est < 2; est++) {
			for (int df = 0; df < 2; df++) {
				struct pkt_spec s = tcp12(f);
				struct pkt p, sent;

				env_reset(NULL);
				env_ep(2)->mtu = 1300;
				env_ep_write(2);
				if (est)
					env_establish(1, 2, &s);
				s.df = df && !f->v6;
				sized(&p, s, 1300);
				expect_pass(env_from_pod(1, &p), REDIRECT);
				sized(&p, s, 1301);
				sent = p;
				expect_answer(env_from_pod(1, &p), SL_DROP_MTU);
				check_answer(f, &p, &sent, 1300);
			}
		}
	}
}

/* The way out's own: a device's, a route's, the tunnel's. */
ENV_TEST(mtu_of_the_way_out)
{
	for_families(f) {
		const struct { const char *dst; uint32_t mtu; } ways[] = {
			{ f->out, 1500 }, { f->direct, 1500 }, { f->tunnel, TUNNEL_MTU },
		};

		for (int i = 0; i < 3; i++) {
			struct pkt_spec s = tcp12(f);
			struct pkt p, sent;

			s.dst = ways[i].dst;
			sized(&p, s, ways[i].mtu);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			sized(&p, s, ways[i].mtu + 1);
			sent = p;
			expect_answer(env_from_pod(1, &p), SL_DROP_MTU);
			check_answer(f, &p, &sent, ways[i].mtu);
		}
	}
}

/* A large packet that is yet to be cut is as large as its pieces will be. */
ENV_TEST(segmentation_offload)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	for_families(f) {
		for (int est = 0; est < 2; est++) {
			for (int i = 0; i < 2; i++) {
				struct __sk_buff ctx = { .ifindex = env.ep_if[1] };
				struct pkt_spec s = tcp12(f);
				size_t hdr = l3_hdr(f) + (i ? 8 : 20);
				struct pkt p, sent;

				env_reset(NULL);
				s.proto = protos[i];
				if (est && !i)
					env_establish(1, 2, &s);
				s.payload = 3400;
				ctx.gso_size = 1500 - hdr;
				ctx.gso_segs = 3;
				env_pod_pkt(1, &p, s);
				expect_pass(env_run(env.sk->progs.sl_from_pod, &p, &ctx), REDIRECT);
				ctx.gso_size++;
				env_pod_pkt(1, &p, s);
				sent = p;
				expect_answer(env_run(env.sk->progs.sl_from_pod, &p, &ctx), SL_DROP_MTU);
				check_answer(f, &p, &sent, 1500);
			}
		}
	}
}

/*
 * A checksum that is left to be completed below is completed in the packet
 * inside the answer too, after we have summed over it: as the device will.
 */
ENV_TEST(checksum_yet_to_be_completed)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

	for_families(f) {
		for (unsigned int payload = 0; payload < 1300; payload += 37) {
			struct pkt_spec s = tcp12(f);
			struct pkt p, whole;
			size_t inner = ETH + l3_hdr(f) + 8, at;

			s.ttl = 1;
			s.payload = payload;
			s.partial = true;
			s.proto = protos[payload & 1];
			env_pod_pkt(1, &p, s);
			expect_answer(env_from_pod(1, &p), SL_DROP_TTL);
			/* what completes it: the complement of the sum from layer 4 to the end */
			at = inner + l3_hdr(f);
			whole = p;
			uint32_t sum = 0;

			for (size_t i = at; i < p.len; i += 2)
				sum += i + 1 < p.len ? pkt_u16(&p, i) : p.b[i] << 8;
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			at += s.proto == IPPROTO_TCP ? 16 : 6;
			whole.b[at] = (uint16_t)~sum >> 8;
			whole.b[at + 1] = ~sum & 0xff;
			expect_csum(&whole);
			env_reset(NULL);
		}
	}
}

ENV_TEST(answers_are_limited)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		unsigned int burst = env.sk->rodata->sl_icmp_burst, answered = 0;
		unsigned int n = burst * 3;

		s.ttl = 1;
		for (unsigned int i = 0; i < n; i++)
			answered += env_pod_sends(1, s) == REDIRECT;
		assert_true(answered >= burst && answered < n);
		assert_int_equal(env_count(SL_COUNT_ICMP_SENT), answered);
		assert_int_equal(env_count(SL_COUNT_ICMP_LIMITED), n - answered);
		assert_int_equal(env_drops(SL_DROP_TTL), n);
	}
}

ENV_TEST(no_address_no_answer)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		memset(env_state()->node_addr, 0, sizeof(env_state()->node_addr));
		env_state_write();
		s.ttl = 1;
		expect_drop(env_pod_sends(1, s), SL_DROP_TTL);
	}
}

/* ------------------------------------------------------- of a known flow */

/* An error about @about, which is a whole frame, by @src to @dst. */
static struct pkt_spec error(const struct fam *f, const char *src, const char *dst,
			     const struct pkt *about, size_t inner_len)
{
	return (struct pkt_spec){ .src = src, .dst = dst,
				  .proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				  .type = f->v6 ? 1 : 3, .code = f->v6 ? 4 : 3,
				  .inner = about, .inner_len = inner_len };
}

ENV_TEST(no_error_about_an_error)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), e;
		struct pkt got;

		env_pod_pkt(1, &got, s);
		expect_pass(env_from_pod(1, &got), REDIRECT);
		e = error(f, f->pod[2], f->pod[1], &got, 0);
		e.ttl = 1;
		expect_drop(env_pod_sends(2, e), SL_DROP_TTL);
	}
}

/* Port unreachable and its like, from the receiver to the sender, at every state of the flow. */
ENV_TEST(between_pods)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct sl_flow before, after;
		struct pkt got, p, sent;

		s.proto = IPPROTO_UDP;
		s.payload = 50;
		for (int i = 0; i < 3; i++) {
			env_pod_pkt(1, &got, s);
			expect_pass(env_from_pod(1, &got), REDIRECT);
			env_flow(&s, &before);
			env_pod_pkt(2, &p, error(f, f->pod[2], f->pod[1], &got, 0));
			sent = p;
			expect_pass(env_from_pod(2, &p), REDIRECT);
			assert_memory_equal(p.b, env.pod_mac[1], 6);
			assert_int_equal(pkt_ttl(&p), 63);
			expect_csum(&p);
			assert_memory_equal(p.b + ETH + l3_hdr(f), sent.b + ETH + l3_hdr(f),
					    p.len - ETH - l3_hdr(f));
			/* eight bytes of layer 4 are enough */
			env_pod_pkt(2, &p, error(f, f->pod[2], f->pod[1], &got, l3_hdr(f) + 8));
			expect_pass(env_from_pod(2, &p), REDIRECT);
			/* an error is no packet of the flow, and no reply */
			env_flow(&s, &after);
			assert_int_equal(before.state, after.state);
			assert_int_equal(before.dir[!before.orig].packets,
					 after.dir[!after.orig].packets);
			expect_pass(env_pod_sends(2, env_reply(&s)), REDIRECT);
		}
		assert_int_equal(env_flow(&s, &after), IN_FLOW);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

ENV_TEST(unrelated)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f), e, forged;
		struct pkt got, other;

		env_pod_pkt(1, &got, s);
		expect_pass(env_from_pod(1, &got), REDIRECT);
		/* no such flow */
		s.sport++;
		env_pod_pkt(1, &other, s);
		e = error(f, f->pod[2], f->pod[1], &other, 0);
		expect_drop(env_pod_sends(2, e), SL_DROP_ICMP_UNRELATED);
		assert_int_equal(env_drops_by(SL_DROP_ICMP_UNRELATED, 2, 0), 1);
		/* a flow that is none of this pod's */
		e = error(f, f->pod[3], f->pod[1], &got, 0);
		expect_drop(env_pod_sends(3, e), SL_DROP_ICMP_UNRELATED);
		/* by the sender of the packet itself */
		e = error(f, f->pod[1], f->pod[2], &got, 0);
		expect_drop(env_pod_sends(1, e), SL_DROP_ICMP_UNRELATED);
		/* to somebody who has not sent it */
		e = error(f, f->pod[2], f->pod[3], &got, 0);
		expect_drop(env_pod_sends(2, e), SL_DROP_ICMP_UNRELATED);
		/* not enough of it to know its ports */
		e = error(f, f->pod[2], f->pod[1], &got, l3_hdr(f) + 7);
		expect_drop(env_pod_sends(2, e), SL_DROP_ICMP_UNRELATED);
		/* nor enough to know anything */
		e = error(f, f->pod[2], f->pod[1], &got, l3_hdr(f) - 1);
		expect_drop(env_pod_sends(2, e), SL_DROP_MALFORMED);
		/* in another pod's name */
		forged = error(f, f->pod[2], f->pod[1], &got, 0);
		expect_drop(env_pod_sends(3, forged), SL_DROP_SADDR);
		expect_pass(env_pod_sends(2, forged), REDIRECT);
	}
}

/* A pod is no router. */
ENV_TEST(redirects_and_quenches)
{
	const struct fam *f = &fams[0];
	struct pkt_spec s = tcp12(f), e;
	struct pkt got;

	env_pod_pkt(1, &got, s);
	expect_pass(env_from_pod(1, &got), REDIRECT);
	e = error(f, f->pod[2], f->pod[1], &got, 0);
	e.type = 5;
	expect_drop(env_pod_sends(2, e), SL_DROP_ICMP_UNRELATED);
	e.type = 4;
	expect_drop(env_pod_sends(2, e), SL_DROP_ICMP_UNRELATED);
	e.type = 12;
	expect_pass(env_pod_sends(2, e), REDIRECT);
}

ENV_TEST(of_a_flow_that_is_denied_meanwhile)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt got;

		env_pod_pkt(1, &got, s);
		expect_pass(env_from_pod(1, &got), REDIRECT);
		env_rule(5, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_ALLOW, 1, 0);
		env_policy(2, ISO_IN, 5, 2, 0);
		expect_pass(env_pod_sends(2, error(f, f->pod[2], f->pod[1], &got, 0)), REDIRECT);
		env_rule(5, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_DENY, 1, 0);
		env_policy(2, ISO_IN, 5, 3, 0);
		expect_drop(env_pod_sends(2, error(f, f->pod[2], f->pod[1], &got, 0)),
			    SL_DROP_POLICY_INGRESS);
	}
}

static const uint8_t kinds[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

static struct pkt_spec out(const struct fam *f, int kind)
{
	struct pkt_spec s = tcp12(f);

	s.dst = f->out;
	s.proto = kinds[kind];
	s.payload = 77;
	if (s.proto == IPPROTO_ICMP) {
		s.proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		s.type = f->v6 ? 128 : 8;
	}
	return s;
}

/* What the pod sent, as the first router got it: one hop less, nothing translated. */
static void one_hop_less(struct pkt *p, const struct pkt_spec *s)
{
	struct pkt_spec t = *s;

	t.ttl = 63;
	env_pod_pkt(1, p, t);
}

/*
 * A router's complaint about a masqueraded packet: reaches the pod, about the
 * packet as the pod sent it, with every checksum inside and outside right.
 */
ENV_TEST(of_a_masqueraded_flow)
{
	for_families(f) {
		for (int kind = 0; kind < 6; kind++) {
			struct pkt_spec s = out(f, kind % 3), e;
			struct pkt left, p, want;
			size_t inner = ETH + l3_hdr(f) + 8;
			union sl_addr a, pod = addr_of(f->pod[1]);

			env_reset(NULL);
			s.no_csum = kind == 4;
			env_pod_pkt(1, &left, s);
			expect_pass(env_from_pod(1, &left), REDIRECT);
			e = error(f, f->gw, f->node, &left, kind < 3 ? 0 : l3_hdr(f) + 8);
			e.type = f->v6 ? 3 : 11;
			e.code = 0;
			env_link_pkt(&p, e);
			expect_pass(env_from_uplink(&p), REDIRECT);
			assert_memory_equal(p.b, env.pod_mac[1], 6);
			expect_csum(&p);
			pkt_addr(&p, true, &a);
			assert_memory_equal(&a, &pod, 16);
			one_hop_less(&want, &s);
			assert_memory_equal(p.b + inner, want.b + ETH, p.len - inner);
			assert_null(pkt_csum_wrong_at(&p, inner, kind >= 3));
		}
	}
}

/* The pod's own complaint about a reply: leaves about the reply as it came. */
ENV_TEST(by_the_pod_of_a_masqueraded_flow)
{
	for_families(f) {
		for (int kind = 0; kind < 6; kind++) {
			struct pkt_spec s = out(f, kind % 3), r;
			struct pkt p, got, want;
			size_t inner = ETH + l3_hdr(f) + 8;
			uint8_t proto;
			uint16_t port;
			union sl_addr a, node = addr_of(f->node);

			env_reset(NULL);
			env_pod_pkt(1, &p, s);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			port = pkt_u16(&p, pkt_l4(&p, &proto) + (kind % 3 == 2 ? 4 : 0));
			r = env_reply(&s);
			r.dst = f->node;
			r.no_csum = kind == 4;
			if (kind % 3 == 2)
				r.sport = port;
			else
				r.dport = port;
			env_link_pkt(&got, r);
			expect_pass(env_from_uplink(&got), REDIRECT);
			env_pod_pkt(1, &p, error(f, f->pod[1], f->out, &got,
						 kind < 3 ? 0 : l3_hdr(f) + 8));
			expect_pass(env_from_pod(1, &p), REDIRECT);
			expect_csum(&p);
			pkt_addr(&p, false, &a);
			assert_memory_equal(&a, &node, 16);
			r.ttl = 63;
			env_link_pkt(&want, r);
			assert_memory_equal(p.b + inner, want.b + ETH, p.len - inner);
		}
	}
}

/* From routers on the way, about flows that are not translated. */
ENV_TEST(of_routed_flows)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt left, p;

		s.dst = f->direct;
		env_pod_pkt(1, &left, s);
		expect_pass(env_from_pod(1, &left), REDIRECT);
		env_link_pkt(&p, error(f, f->direct_via, f->pod[1], &left, 0));
		expect_pass(env_from_uplink(&p), REDIRECT);
		assert_memory_equal(p.b, env.pod_mac[1], 6);
		expect_csum(&p);
		s.dst = f->tunnel;
		env_pod_pkt(1, &left, s);
		expect_pass(env_from_pod(1, &left), REDIRECT);
		env_tunnel_pkt(&p, error(f, f->tunnel, f->pod[1], &left, 0));
		expect_pass(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), REDIRECT);
		env_tunnel_pkt(&p, error(f, f->tunnel, f->pod[1], &left, 0));
		expect_drop(env_from_tunnel(&p, "192.0.2.31", TUNNEL_VNI), SL_DROP_TUNNEL_PEER);
		s.sport++;
		env_pod_pkt(1, &left, s);
		env_link_pkt(&p, error(f, f->out, f->pod[1], &left, 0));
		expect_drop(env_from_uplink(&p), SL_DROP_ICMP_UNRELATED);
		env_tunnel_pkt(&p, error(f, f->tunnel, f->pod[1], &left, 0));
		expect_drop(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_ICMP_UNRELATED);
	}
}

/* About the node's own packets: the stack's business. */
ENV_TEST(for_the_node)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt sent, p, before;

		s.src = f->node;
		s.dst = f->out;
		env_link_pkt(&sent, s);
		env_link_pkt(&p, error(f, f->out, f->node, &sent, 0));
		before = p;
		expect_pass(env_from_uplink(&p), NEXT);
		assert_memory_equal(p.b, before.b, p.len);
	}
}

ENV_TEST(between_node_and_pod)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt got, p;

		/* the pod's complaint about the node's packet */
		s.src = f->node;
		env_stack_pkt(2, &got, s);
		expect_pass(env_to_pod(2, &got, 0), NEXT);
		expect_pass(env_pod_sends(2, error(f, f->pod[2], f->node, &got, 0)), NEXT);
		/* the node's about the pod's */
		env_pod_pkt(2, &got, env_reply(&s));
		expect_pass(env_from_pod(2, &got), NEXT);
		env_stack_pkt(2, &p, error(f, f->node, f->pod[2], &got, 0));
		expect_pass(env_to_pod(2, &p, 0), NEXT);
		/* the node's stack as a router's, about what it would not forward */
		s = tcp12(f);
		s.src = f->pod[2];
		s.dst = f->alt;
		env_pod_pkt(2, &got, s);
		env_stack_pkt(2, &p, error(f, f->node, f->pod[2], &got, 0));
		expect_pass(env_to_pod(2, &p, 0), NEXT);
		/* somebody else's, forwarded, about nothing */
		env_stack_pkt(2, &p, error(f, f->alt, f->pod[2], &got, 0));
		expect_drop(env_to_pod(2, &p, env.alt_if), SL_DROP_ICMP_UNRELATED);
		/* and about what was sent */
		expect_pass(env_from_pod(2, &got), NEXT);
		env_stack_pkt(2, &p, error(f, f->alt, f->pod[2], &got, 0));
		expect_pass(env_to_pod(2, &p, env.alt_if), NEXT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(hop_limit_of_one),
		env_test(hop_limit_at_every_state),
		env_test(hop_limit_from_the_uplink),
		env_test(hop_limit_from_the_tunnel),
		env_test(packet_too_big),
		env_test(mtu_of_the_way_out),
		env_test(segmentation_offload),
		env_test(checksum_yet_to_be_completed),
		env_test(answers_are_limited),
		env_test(no_address_no_answer),
		env_test(no_error_about_an_error),
		env_test(between_pods),
		env_test(unrelated),
		env_test(redirects_and_quenches),
		env_test(of_a_flow_that_is_denied_meanwhile),
		env_test(of_a_masqueraded_flow),
		env_test(by_the_pod_of_a_masqueraded_flow),
		env_test(of_routed_flows),
		env_test(for_the_node),
		env_test(between_node_and_pod),
	};

	return env_main(tests);
}
