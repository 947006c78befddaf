// SPDX-License-Identifier: GPL-2.0
/* Guard: what a pod may send as, and what a link may send in whose name. */
#include <netinet/if_ether.h>
#include <stdlib.h>
#include "env.h"

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = 1024, .dport = 80,
				  .flags = TH_SYN };
}

ENV_TEST(own_addresses_pass)
{
	for_families(f)
		expect_pass(env_pod_sends(1, tcp12(f)), REDIRECT);
}

ENV_TEST(foreign_mac)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		s.smac = env.pod_mac[2];
		expect_drop(env_pod_sends(1, s), SL_DROP_SMAC);
		assert_int_equal(env_drops_by(SL_DROP_SMAC, 1, 0), 1);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

/* An established flow is no way round: MAC and device are the entry's or guard looks again. */
ENV_TEST(forged_into_an_established_flow)
{
	static const uint8_t zero[6];

	for_families(f) {
		struct pkt_spec s = tcp12(f), forged;

		env_establish(1, 2, &s);
		s.flags = TH_ACK;
		forged = s;
		forged.smac = env.pod_mac[2];
		expect_drop(env_pod_sends(1, forged), SL_DROP_SMAC);
		forged.smac = zero;
		expect_drop(env_pod_sends(1, forged), SL_DROP_SMAC);
		/* endpoint 3, with its own MAC, as endpoint 1 */
		forged.smac = env.pod_mac[3];
		expect_drop(env_pod_sends(3, forged), SL_DROP_SADDR);
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

ENV_TEST(foreign_source_address)
{
	for_families(f) {
		const char *const forged[] = { f->pod[2], f->pod[0], f->out, f->node };

		for (unsigned int i = 0; i < 4; i++) {
			struct pkt_spec s = tcp12(f);

			s.src = forged[i];
			s.dst = f->pod[3];
			expect_drop(env_pod_sends(1, s), SL_DROP_SADDR);
		}
	}
}

/* An endpoint without an address of the family has no right to any. */
ENV_TEST(family_that_the_pod_does_not_have)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		memset(&env_ep(1)->addr[f->v6], 0, 16);
		env_ep_write(1);
		expect_drop(env_pod_sends(1, s), SL_DROP_SADDR);
		s.src = f->v6 ? "::" : "0.0.0.0";
		expect_drop(env_pod_sends(1, s), SL_DROP_SADDR);
	}
}

ENV_TEST(device_without_endpoint)
{
	struct __sk_buff ctx = { .ifindex = env.alt_if };
	struct pkt p;

	for_families(f) {
		env_pod_pkt(1, &p, tcp12(f));
		expect_drop(env_run(env.sk->progs.sl_from_pod, &p, &ctx), SL_DROP_NO_EP);
	}
}

/* The endpoint's slot names another device, or is not in use. */
ENV_TEST(stale_device_entry)
{
	for_families(f) {
		env_ep(1)->ifindex = env.alt_if;
		env_ep_write(1);
		expect_drop(env_pod_sends(1, tcp12(f)), SL_DROP_NO_EP);
		env_ep(1)->ifindex = env.ep_if[1];
		env_ep(1)->flags = 0;
		env_ep_write(1);
		expect_drop(env_pod_sends(1, tcp12(f)), SL_DROP_NO_EP);
		env_ep(1)->flags = SL_EP_FLAG_USED;
		env_ep_write(1);
		expect_pass(env_pod_sends(1, tcp12(f)), REDIRECT);
	}
}

ENV_TEST(multicast_and_broadcast)
{
	static const char *const dst[2][2] = { { "224.0.0.251", "255.255.255.255" },
					       { "ff02::fb", "ff05::1" } };
	static const uint8_t mcast[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		s.proto = IPPROTO_UDP;
		for (int i = 0; i < 2; i++) {
			s.dst = dst[f->v6][i];
			expect_drop(env_pod_sends(1, s), SL_DROP_MULTICAST);
		}
		/* a unicast packet in a multicast frame would reach every stack there is */
		s.dst = f->pod[2];
		s.dmac = mcast;
		expect_drop(env_pod_sends(1, s), SL_DROP_MULTICAST);
		s.dmac = NULL;
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

ENV_TEST(martian_destinations)
{
	static const char *const dst[2][5] = {
		{ "0.0.0.0", "127.0.0.1", "240.0.0.1", "169.254.3.3", "10.1.0.10" },
		{ "::", "::1", "fe80::5", "fe80::1", "fd01::10" },
	};

	for_families(f) {
		struct pkt_spec s = tcp12(f);

		for (int i = 0; i < 5; i++) {
			s.dst = dst[f->v6][i];
			expect_drop(env_pod_sends(1, s), SL_DROP_MARTIAN);
		}
		/* a link-local address that is the node's is as good as any of its own */
		s.dst = dst[f->v6][3];
		env_addr(s.dst, SL_ADDR_HOST, 0);
		expect_pass(env_pod_sends(1, s), NEXT);
	}
}

/* To another MAC than the gateway's, of which there is none: to whom it is addressed. */
ENV_TEST(other_destination_mac)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);

		s.dmac = env.pod_mac[3];
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

/* ------------------------------------------------------------------ ARP */

static void arp_make(struct pkt *p, uint16_t op, const uint8_t *sha, const char *spa)
{
	union sl_addr a = addr_of(spa), gw = addr_of("169.254.1.1");
	uint8_t *b = p->b;

	memset(p, 0, sizeof(*p));
	memset(b, 0xff, 6);
	memcpy(b + 6, env.pod_mac[1], 6);
	b[12] = ETH_P_ARP >> 8;
	b[13] = ETH_P_ARP & 0xff;
	b[15] = 1;
	b[16] = 8;
	b[18] = 6;
	b[19] = 4;
	b[21] = op;
	memcpy(b + 22, sha, 6);
	memcpy(b + 28, a.b + 12, 4);
	memcpy(b + 38, gw.b + 12, 4);
	p->len = 42;
}

ENV_TEST(arp)
{
	static const struct { int op, mac; const char *spa; bool ok; } cases[] = {
		{ 1, 1, "10.1.0.10", true },
		{ 2, 1, "10.1.0.10", true },
		{ 1, 2, "10.1.0.10", false },	/* somebody else's MAC */
		{ 1, 1, "10.1.0.11", false },	/* somebody else's address */
		{ 2, 1, "169.254.1.1", false },	/* the gateway's */
		{ 1, 1, "0.0.0.0", false },
		{ 3, 1, "10.1.0.10", false },	/* RARP */
		{ 0, 1, "10.1.0.10", false },
	};
	struct pkt p;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		arp_make(&p, cases[i].op, env.pod_mac[cases[i].mac], cases[i].spa);
		if (cases[i].ok)
			expect_pass(env_from_pod(1, &p), NEXT);
		else
			expect_drop(env_from_pod(1, &p), SL_DROP_ARP);
	}
	arp_make(&p, 1, env.pod_mac[1], "10.1.0.10");
	p.len = 41;
	expect_drop(env_from_pod(1, &p), SL_DROP_MALFORMED);
	arp_make(&p, 1, env.pod_mac[1], "10.1.0.10");
	p.b[6] ^= 2;			/* the frame's source is another's */
	expect_drop(env_from_pod(1, &p), SL_DROP_SMAC);
	arp_make(&p, 1, env.host_mac[1], "169.254.1.1");
	expect_pass(env_to_pod(1, &p, 0), NEXT);
	arp_make(&p, 1, env.host_mac[1], "169.254.1.1");
	expect_drop(env_to_pod(1, &p, env.up_if), SL_DROP_PROTO);
}

ENV_TEST(arp_of_a_pod_without_ipv4)
{
	struct pkt p;

	memset(&env_ep(1)->addr[SL_FAMILY_V4], 0, 16);
	env_ep_write(1);
	arp_make(&p, 1, env.pod_mac[1], "0.0.0.0");
	expect_drop(env_from_pod(1, &p), SL_DROP_ARP);
}

/* --------------------------------------------------- neighbour discovery */

#define ND_RS	133
#define ND_RA	134
#define ND_NS	135
#define ND_NA	136
#define ND_RED	137

static const char *eui64(unsigned int ep)
{
	static char text[64];
	const uint8_t *m = env.pod_mac[ep];

	snprintf(text, sizeof(text), "fe80::%02x%02x:%02xff:fe%02x:%02x%02x", m[0] ^ 2, m[1], m[2],
		 m[3], m[4], m[5]);
	return text;
}

static int nd(uint8_t type, const char *src, const char *dst)
{
	return env_pod_sends(1, (struct pkt_spec){ .src = src, .dst = dst, .ttl = 255,
						   .proto = IPPROTO_ICMPV6, .type = type,
						   .payload = 16 });
}

ENV_TEST(solicitations)
{
	static const char group[] = "ff02::1:ff00:1";

	expect_pass(nd(ND_NS, "fd01::10", group), NEXT);
	expect_pass(nd(ND_NS, eui64(1), group), NEXT);
	expect_pass(nd(ND_NS, "::", group), NEXT);
	expect_pass(nd(ND_NS, "fd01::10", "fe80::1"), NEXT);
	expect_drop(nd(ND_NS, "fd01::11", group), SL_DROP_ND);
	expect_drop(nd(ND_NS, eui64(2), group), SL_DROP_ND);
	expect_drop(nd(ND_NS, "fe80::1", group), SL_DROP_ND);
	expect_drop(nd(ND_RS, eui64(1), "ff02::2"), SL_DROP_MULTICAST);
}

ENV_TEST(advertisements_and_redirects)
{
	static const uint8_t types[] = { ND_RA, ND_NA, ND_RED };

	for (unsigned int i = 0; i < sizeof(types); i++) {
		expect_drop(nd(types[i], "fd01::10", "ff02::1"), SL_DROP_ND);
		expect_drop(nd(types[i], eui64(1), "ff02::1"), SL_DROP_ND);
		expect_drop(nd(types[i], "fd01::10", "fd01::11"), SL_DROP_ND);
		expect_drop(nd(types[i], "fe80::1", "fd01::11"), SL_DROP_ND);
	}
	expect_pass(nd(128, "fd01::10", "fd01::11"), REDIRECT);
}

/* RFC 6980: neighbour discovery is not fragmented, and so cannot hide behind that. */
ENV_TEST(fragmented_solicitation)
{
	struct pkt_spec s = { .src = "fd01::10", .dst = "fe80::1", .ttl = 255, .frag_id = 9,
			      .more = true, .proto = IPPROTO_ICMPV6, .type = ND_NS, .payload = 16 };

	expect_drop(env_pod_sends(1, s), SL_DROP_ND);
}

ENV_TEST(multicast_listener_reports)
{
	expect_pass(nd(143, eui64(1), "ff02::16"), NEXT);
	expect_pass(nd(143, "::", "ff02::16"), NEXT);
	expect_pass(nd(131, eui64(1), "ff02::16"), NEXT);
	expect_drop(nd(143, "fe80::1", "ff02::16"), SL_DROP_MULTICAST);
	expect_drop(nd(143, "fd01::10", "ff02::16"), SL_DROP_MULTICAST);
	expect_drop(nd(143, eui64(1), "fd01::11"), SL_DROP_SADDR);
}

/* The MAC that a solicitation brings with it is the pod's, wherever it stands. */
ENV_TEST(solicitation_options)
{
	struct pkt_spec s = { .src = "fd01::10", .dst = "ff02::1:ff00:1", .ttl = 255,
			      .proto = IPPROTO_ICMPV6, .type = ND_NS, .payload = 32 };
	struct pkt p;

	for (int i = 0; i < 4; i++) {
		env_pod_pkt(1, &p, s);
		memset(p.b + 78, 0, 16);
		p.b[78] = 14;			/* a nonce comes first: RFC 3971 */
		p.b[79] = 1;
		p.b[86] = 1;
		p.b[87] = i != 1;		/* no length at all */
		memcpy(p.b + 88, env.pod_mac[i == 2 ? 2 : 1], 6);
		p.len -= i == 3;		/* cut short */
		p.b[19] -= i == 3;
		if (i)
			expect_drop(env_from_pod(1, &p), SL_DROP_ND);
		else
			expect_pass(env_from_pod(1, &p), NEXT);
	}
}

/* ----------------------------------------------------------- from the link */

ENV_TEST(link_in_the_name_of_the_node)
{
	for_families(f) {
		const char *const forged[] = { f->pod[2], f->pod[0], f->node, f->tunnel,
					       f->v6 ? "::1" : "127.0.0.1",
					       f->v6 ? "ff02::1" : "224.0.0.1" };
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		for (unsigned int i = 0; i < 6; i++) {
			s.src = forged[i];
			env_link_pkt(&p, s);
			expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
		}
		s.src = f->out;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
		s.src = f->direct;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), REDIRECT);
	}
}

/* Into a flow of two pods of this node, by the link. */
ENV_TEST(link_into_a_local_flow)
{
	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		env_establish(1, 2, &s);
		s.flags = TH_ACK;
		env_link_pkt(&p, s);
		expect_drop(env_from_uplink(&p), SL_DROP_MARTIAN);
		expect_pass(env_pod_sends(1, s), REDIRECT);
	}
}

/* Frames for others are none of our business. */
ENV_TEST(link_frames_for_others)
{
	static const uint8_t other[6] = { 2, 2, 2, 2, 2, 2 }, bcast[6] = { 255, 255, 255, 255, 255, 255 };

	for_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		s.src = f->out;
		s.dmac = other;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), NEXT);
		s.dmac = bcast;
		env_link_pkt(&p, s);
		expect_pass(env_from_uplink(&p), NEXT);
		assert_int_equal(env_entries(env.sk->maps.sl_half), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(own_addresses_pass),
		env_test(foreign_mac),
		env_test(forged_into_an_established_flow),
		env_test(foreign_source_address),
		env_test(family_that_the_pod_does_not_have),
		env_test(device_without_endpoint),
		env_test(stale_device_entry),
		env_test(multicast_and_broadcast),
		env_test(martian_destinations),
		env_test(other_destination_mac),
		env_test(arp),
		env_test(arp_of_a_pod_without_ipv4),
		env_test(solicitations),
		env_test(advertisements_and_redirects),
		env_test(fragmented_solicitation),
		env_test(multicast_listener_reports),
		env_test(solicitation_options),
		env_test(link_in_the_name_of_the_node),
		env_test(link_into_a_local_flow),
		env_test(link_frames_for_others),
	};

	return env_main(tests);
}
