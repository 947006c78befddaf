// SPDX-License-Identifier: GPL-2.0
/* Parse: which frames are understood, which are refused and why, what key comes of them. */
#include "env.h"

static uint8_t echo_proto(const struct fam *f)
{
	return f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

ENV_TEST(protocols)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	struct sl_flow flow;

	for_families(f) {
		for (unsigned int i = 0; i < sizeof(protos); i++) {
			struct pkt_spec s = tcp12(f);

			s.proto = protos[i];
			assert_int_equal(env_flow(&s, &flow), NOWHERE);
			expect_pass(env_pod_sends(1, s), REDIRECT);
			assert_int_equal(env_flow(&s, &flow), IN_HALF);
		}
	}
}

ENV_TEST(echo_has_its_identifier_as_ports)
{
	struct sl_flow flow;
	struct sl_tuple key;

	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .proto = echo_proto(f),
				      .type = f->v6 ? 128 : 8, .sport = 4711 };

		expect_pass(env_pod_sends(1, s), REDIRECT);
		tuple_of(&key, f->pod[1], 4711, f->pod[2], 4711, s.proto);
		assert_int_equal(env_flow_key(&key, &flow), IN_HALF);
	}
}

ENV_TEST(other_protocols_have_no_ports)
{
	struct sl_flow flow;
	struct sl_tuple key;

	for_families(f) {
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .proto = IPPROTO_GRE,
				      .payload = 40 };

		expect_pass(env_pod_sends(1, s), REDIRECT);
		tuple_of(&key, f->pod[1], 0, f->pod[2], 0, IPPROTO_GRE);
		assert_int_equal(env_flow_key(&key, &flow), IN_HALF);
	}
}

/* Options and extension headers: the same flow as without. */
ENV_TEST(options)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		s.options = f->v6 ? 6 : 10;
		env_pod_pkt(1, &p, s);
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(pkt_ttl(&p), 63);
		expect_csum(&p);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
	}
}

ENV_TEST(too_many_extension_headers)
{
	struct pkt_spec s = tcp12(&fams[1]);

	s.options = 7;
	expect_drop(env_pod_sends(1, s), SL_DROP_MALFORMED);
}

/* Hop-by-hop, routing, authentication: AH counts its length in other units. */
ENV_TEST(extension_headers_of_all_kinds)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_AH };
	const struct fam *f = &fams[1];
	struct sl_flow flow;

	for (unsigned int i = 0; i < sizeof(kinds); i++) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;
		int ah = kinds[i] == IPPROTO_AH;

		env_reset(NULL);
		s.options = 3;		/* 24 bytes, made one header */
		env_pod_pkt(1, &p, s);
		p.b[14 + 6] = kinds[i];
		memset(p.b + 54, 0, 24);
		p.b[54] = IPPROTO_TCP;
		p.b[55] = ah ? 24 / 4 - 2 : 24 / 8 - 1;
		expect_pass(env_from_pod(1, &p), REDIRECT);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
	}
}

/* Cut at every length: understood only when the layer 4 header is there. */
ENV_TEST(cut_short)
{
	static const struct { uint8_t proto; size_t need; } l4[] = {
		{ IPPROTO_TCP, 20 }, { IPPROTO_UDP, 8 }, { IPPROTO_SCTP, 12 },
	};

	for_families(f) {
		size_t l3 = f->v6 ? 40 : 20;

		for (unsigned int i = 0; i < 3; i++) {
			/* A test run takes no less than the fixed header of layer 3. */
			for (size_t len = l3; len <= l3 + l4[i].need; len++) {
				struct pkt_spec s = tcp12(f);
				struct pkt p;

				s.proto = l4[i].proto;
				env_pod_pkt(1, &p, s);
				p.len = 14 + len;
				if (len == l3 + l4[i].need)
					expect_pass(env_from_pod(1, &p), REDIRECT);
				else
					expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
			}
		}
	}
}

/* The header's own word on its length is not more than the frame, nor less than layer 4. */
ENV_TEST(lengths)
{
	for_families(f) {
		size_t at = f->v6 ? 14 + 4 : 14 + 2;
		struct pkt p;

		for (int off = -21; off <= 1; off++) {
			struct pkt_spec s = tcp12(f);
			uint16_t len;

			s.options = 1;	/* the careful parser: it looks at lengths */
			env_pod_pkt(1, &p, s);
			len = pkt_u16(&p, at) + off;
			p.b[at] = len >> 8;
			p.b[at + 1] = len & 0xff;
			if (!off)
				expect_pass(env_from_pod(1, &p), REDIRECT);
			else
				expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
		}
	}
}

ENV_TEST(version_and_header_length)
{
	for_families(f) {
		static const uint8_t bad[2][3] = { { 0x44, 0x65, 0x05 }, { 0x40, 0x50, 0x00 } };
		struct pkt p;

		for (int i = 0; i < 3; i++) {
			env_pod_pkt(1, &p, tcp12(f));
			p.b[14] = bad[f->v6][i];
			expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
		}
	}
}

ENV_TEST(vlan)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		env_pod_pkt(1, &p, s);
		pkt_vlan(&p, 5);
		expect_drop(env_from_pod(1, &p), SL_DROP_VLAN);
		s.src = f->out;
		env_link_pkt(&p, s);
		pkt_vlan(&p, 5);
		expect_pass(env_from_uplink(&p), NEXT);
		env_stack_pkt(2, &p, s);
		pkt_vlan(&p, 5);
		expect_drop(env_to_pod(2, &p, env.up_if), SL_DROP_VLAN);
	}
}

ENV_TEST(neither_ip_nor_arp)
{
	struct pkt p;

	env_pod_pkt(1, &p, tcp12(&fams[0]));
	p.b[12] = 0x88;
	p.b[13] = 0xcc;			/* LLDP */
	expect_drop(env_from_pod(1, &p), SL_DROP_PROTO);
	env_link_pkt(&p, tcp12(&fams[0]));
	p.b[12] = 0x88;
	p.b[13] = 0xcc;
	expect_pass(env_from_uplink(&p), NEXT);
}

/* ::ffff:0:0/96 in a real IPv6 header would be taken for the IPv4 address in the tables. */
ENV_TEST(mapped_addresses)
{
	struct pkt_spec s = tcp12(&fams[1]);

	s.src = "::ffff:10.1.0.10";
	expect_drop(env_pod_sends(1, s), SL_DROP_MARTIAN);
	s = tcp12(&fams[1]);
	s.dst = "::ffff:10.1.0.11";
	expect_drop(env_pod_sends(1, s), SL_DROP_MARTIAN);
	expect_pass(env_pod_sends(1, tcp12(&fams[1])), REDIRECT);
}

/* Addresses and ports come first by their bytes, whoever sends. */
ENV_TEST(key_is_canonical)
{
	struct sl_flow flow;

	for_families(f) {
		struct pkt_spec s = tcp12(f), r = env_reply(&s);
		struct sl_tuple there, back;
		int dir = tuple_of(&there, s.src, s.sport, s.dst, s.dport, IPPROTO_TCP);

		assert_int_equal(tuple_of(&back, r.src, r.sport, r.dst, r.dport, IPPROTO_TCP), !dir);
		assert_memory_equal(&there, &back, sizeof(there));
		expect_pass(env_pod_sends(1, s), REDIRECT);
		r.flags = TH_SYN | TH_ACK;
		expect_pass(env_pod_sends(2, r), REDIRECT);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 1);
		assert_int_equal(env_flow(&s, &flow), IN_HALF);
		assert_int_equal(flow.orig, dir);
		assert_int_equal(flow.dir[dir].packets, 1);
		assert_int_equal(flow.dir[!dir].packets, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(protocols),
		env_test(echo_has_its_identifier_as_ports),
		env_test(other_protocols_have_no_ports),
		env_test(options),
		env_test(too_many_extension_headers),
		env_test(extension_headers_of_all_kinds),
		env_test(cut_short),
		env_test(lengths),
		env_test(version_and_header_length),
		env_test(vlan),
		env_test(neither_ip_nor_arp),
		env_test(mapped_addresses),
		env_test(key_is_canonical),
	};

	return env_main(tests);
}
