// SPDX-License-Identifier: GPL-2.0
/* Fragments: later ones go where the first one went, and nowhere without it. */
#include <time.h>
#include "env.h"

#define ID	0x1234

static struct pkt_spec udp(const struct fam *f, const char *dst)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = dst, .proto = IPPROTO_UDP,
				  .sport = 1024, .dport = 80, .payload = 64, .frag_id = ID };
}

static void first(unsigned int ep, struct pkt *p, struct pkt_spec s)
{
	s.more = true;
	env_pod_pkt(ep, p, s);
}

static void later(unsigned int ep, struct pkt *p, struct pkt_spec s, bool last)
{
	s.smac = env.pod_mac[ep];
	s.dmac = env.host_mac[ep];
	s.frag_off = last ? 144 : 72;
	s.more = !last;
	pkt_make_frag(p, &s);
}

static void later_from_link(struct pkt *p, struct pkt_spec s)
{
	s.smac = env.peer_mac;
	s.dmac = env.up_mac;
	s.frag_off = 72;
	pkt_make_frag(p, &s);
}

/* A datagram's checksum covers more than its first fragment: only layer 3 can be checked. */
static void check_header(const struct pkt *p)
{
	assert_null(pkt_csum_wrong_at(p, 14, true));
}

ENV_TEST(later_ones_follow)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		for (int last = 0; last < 2; last++) {
			later(1, &p, s, last);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			assert_memory_equal(p.b, env.pod_mac[2], 6);
			assert_int_equal(pkt_ttl(&p), 63);
			check_header(&p);
		}
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.dir[flow.orig].packets, 3);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 1);
	}
}

ENV_TEST(orphans)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]), other;
		struct pkt p;

		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
		assert_int_equal(env_drops_by(SL_DROP_FRAG_ORPHAN, 1, 0), 1);
		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		/* of another packet, to somebody else, of another protocol */
		other = s;
		other.frag_id++;
		later(1, &p, other, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
		other = s;
		other.dst = f->pod[3];
		later(1, &p, other, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
		other = s;
		other.proto = IPPROTO_TCP;
		other.dst = f->pod[2];
		later(1, &p, other, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
		later(1, &p, s, true);
		expect_pass(env_from_pod(1, &p), REDIRECT);
	}
}

/* Forged like any other packet. */
ENV_TEST(guard_looks_at_fragments)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		later(3, &p, s, true);
		expect_drop(env_from_pod(3, &p), SL_DROP_SADDR);
		s.src = f->pod[3];
		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_SADDR);
	}
}

/* A first one that is refused leaves nothing that later ones could follow. */
ENV_TEST(refused_first_one)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		env_policy(2, ISO_IN, 5, 1, 0);
		first(1, &p, s);
		expect_drop(env_from_pod(1, &p), SL_DROP_POLICY_INGRESS);
		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
	}
}

/* Denied between the first and the last. */
ENV_TEST(refused_meanwhile)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		env_policy(2, ISO_IN, 5, 2, 0);
		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_POLICY_INGRESS);
	}
}

/* Ports of the later ones are those of the first, in the rules too. */
ENV_TEST(ports_of_later_ones)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		env_rule(5, SL_DIR_INGRESS, SL_CLASS_ANY, SL_VERDICT_PORTS, 1, 3);
		env_port(3, SL_PORT_PLEN_PORT, IPPROTO_UDP, 80, SL_VERDICT_ALLOW, 2);
		env_policy(2, ISO_IN, 5, 1, 0);
		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		env_policy(2, ISO_IN, 5, 2, 0);
		later(1, &p, s, true);
		expect_pass(env_from_pod(1, &p), REDIRECT);
	}
}

ENV_TEST(too_old)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		int fd = bpf_map__fd(env.sk->maps.sl_frag);
		struct sl_frag_key key;
		struct sl_frag_val val;
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &val), 0);
		assert_int_equal(ntohs(val.dport), 80);
		val.seen_ns -= (SL_TIMEOUT_FRAG_S + 1) * 1000000000ULL;
		bpf_map_update_elem(fd, &key, &val, BPF_ANY);
		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_FRAG_ORPHAN);
	}
}

/* RFC 1858: a TCP header that ends in the second fragment can say two things. */
ENV_TEST(tiny_and_overlapping)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		s.proto = IPPROTO_TCP;
		s.payload = 0;
		s.more = true;
		env_pod_pkt(1, &p, s);
		p.len -= 12;		/* eight bytes of TCP */
		p.b[f->v6 ? 19 : 17] -= 12;
		expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
		s.payload = 64;
		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		s.smac = env.pod_mac[1];
		s.dmac = env.host_mac[1];
		s.frag_off = 8;
		pkt_make_frag(&p, &s);
		expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
		s.frag_off = 24;
		pkt_make_frag(&p, &s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
	}
}

/* RFC 6946: a fragment header on a packet in one piece. */
ENV_TEST(atomic)
{
	const struct fam *f = &fams[1];
	struct pkt_spec s = udp(f, f->pod[2]);
	struct sl_flow flow;
	struct pkt p;

	env_pod_pkt(1, &p, s);
	expect_pass(env_from_pod(1, &p), REDIRECT);
	expect_csum(&p);
	assert_int_equal(env_flow(&s, &flow), IN_HALF);
	assert_int_equal(env_entries(env.sk->maps.sl_frag), 0);
}

/* Behind the fragment header there may be more than layer 4. */
ENV_TEST(destination_options_in_the_fragmentable_part)
{
	const struct fam *f = &fams[1];
	struct pkt_spec s = udp(f, f->pod[2]);
	struct sl_flow flow;
	struct pkt p;

	first(1, &p, s);
	/* fragment header at 54: make room behind it for eight bytes of options */
	memmove(p.b + 70, p.b + 62, p.len - 62);
	memset(p.b + 62, 0, 8);
	p.len += 8;
	p.b[19] += 8;
	p.b[54] = IPPROTO_DSTOPTS;
	p.b[62] = IPPROTO_UDP;
	p.b[64] = 1;
	p.b[65] = 4;
	expect_pass(env_from_pod(1, &p), REDIRECT);
	assert_int_equal(env_flow(&s, &flow), IN_HALF);
	later(1, &p, s, true);
	p.b[54] = IPPROTO_DSTOPTS;
	expect_pass(env_from_pod(1, &p), REDIRECT);
	env_flow(&s, &flow);
	assert_int_equal(flow.dir[flow.orig].packets, 2);
}

ENV_TEST(echo)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		s.proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		s.type = f->v6 ? 128 : 8;
		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		later(1, &p, s, true);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		env_flow(&s, &flow);
		assert_int_equal(flow.dir[flow.orig].packets, 2);
	}
}

/* Out and back, under the node's address and with its port only in the first. */
ENV_TEST(masqueraded)
{
	for_families(f) {
		for (int i = 0; i < 2; i++) {
			struct pkt_spec s = udp(f, f->out), r;
			union sl_addr a, node = addr_of(f->node), pod = addr_of(f->pod[1]);
			struct pkt p;
			uint16_t port;
			uint8_t proto;

			env_reset(NULL);
			if (i) {
				s.proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
				s.type = f->v6 ? 128 : 8;
			}
			first(1, &p, s);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			port = pkt_u16(&p, pkt_l4(&p, &proto) + (i ? 4 : 0));
			assert_in_range(port, SL_NAT_PORT_MIN_DEFAULT, SL_NAT_PORT_MAX_DEFAULT);
			check_header(&p);
			later(1, &p, s, true);
			expect_pass(env_from_pod(1, &p), REDIRECT);
			pkt_addr(&p, false, &a);
			assert_memory_equal(&a, &node, 16);
			check_header(&p);
			/* the reply's fragments: an orphan of the node's is the stack's */
			r = env_reply(&s);
			r.dst = f->node;
			if (i)
				r.sport = port;
			else
				r.dport = port;
			r.frag_id = ID + 7;
			later_from_link(&p, r);
			expect_pass(env_from_uplink(&p), NEXT);
			r.more = true;
			env_link_pkt(&p, r);
			expect_pass(env_from_uplink(&p), REDIRECT);
			pkt_addr(&p, true, &a);
			assert_memory_equal(&a, &pod, 16);
			check_header(&p);
			r.more = false;
			later_from_link(&p, r);
			expect_pass(env_from_uplink(&p), REDIRECT);
			pkt_addr(&p, true, &a);
			assert_memory_equal(&a, &pod, 16);
			assert_memory_equal(p.b, env.pod_mac[1], 6);
			check_header(&p);
		}
	}
}

ENV_TEST(from_the_uplink)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		s.src = f->out;
		later_from_link(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_FRAG_ORPHAN);
		s.more = true;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		s.more = false;
		later_from_link(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
}

ENV_TEST(from_and_to_the_stack)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->node), r = env_reply(&s);
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), NEXT);
		later(1, &p, s, true);
		expect_pass(env_from_pod(1, &p), NEXT);
		r.more = true;
		env_stack_pkt(1, &p, r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		r.smac = env.host_mac[1];
		r.dmac = env.pod_mac[1];
		r.more = false;
		r.frag_off = 72;
		pkt_make_frag(&p, &r);
		expect_pass(env_to_pod(1, &p, 0), NEXT);
		r.frag_id++;
		pkt_make_frag(&p, &r);
		expect_drop(env_to_pod(1, &p, 0), SL_DROP_FRAG_ORPHAN);
	}
}

/* RFC 1122 section 3.2.2: the first is answered, later ones are not. */
ENV_TEST(errors_about_fragments)
{
	for_families(f) {
		struct pkt_spec s = udp(f, f->pod[2]);
		struct pkt p;

		first(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		s.ttl = 1;
		later(1, &p, s, true);
		expect_drop(env_from_pod(1, &p), SL_DROP_TTL);
		first(1, &p, s);
		expect_answer(env_from_pod(1, &p), SL_DROP_TTL);
		expect_csum(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(later_ones_follow),
		env_test(orphans),
		env_test(guard_looks_at_fragments),
		env_test(refused_first_one),
		env_test(refused_meanwhile),
		env_test(ports_of_later_ones),
		env_test(too_old),
		env_test(tiny_and_overlapping),
		env_test(atomic),
		env_test(destination_options_in_the_fragmentable_part),
		env_test(echo),
		env_test(masqueraded),
		env_test(from_the_uplink),
		env_test(from_and_to_the_stack),
		env_test(errors_about_fragments),
	};

	return env_main(tests);
}
