// SPDX-License-Identifier: GPL-2.0
/* The administrator's rules: every field and every action, through the programs. */
#include <stdlib.h>
#include <time.h>
#include "env.h"
#include "kmod/acl_compile.h"

#define SET	5

/* ------------------------------------------------------------ rules in force */

static int put_map(void *arg, enum sl_map map, const void *key, const void *value)
{
	const struct {
		enum sl_map id;
		struct bpf_map *map;
	} maps[] = {
		{ SL_MAP_ACL_INDEX, env.sk->maps.sl_acl_index },
		{ SL_MAP_ACL_VALUE, env.sk->maps.sl_acl_value },
		{ SL_MAP_ACL_NODE, env.sk->maps.sl_acl_node },
		{ SL_MAP_ACL_ROW, env.sk->maps.sl_acl_row },
		{ SL_MAP_ACL_CHUNK, env.sk->maps.sl_acl_chunk },
		{ SL_MAP_ACL_POS, env.sk->maps.sl_acl_pos },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (maps[i].id == map)
			return bpf_map_update_elem(bpf_map__fd(maps[i].map), key, value, BPF_ANY);
	return -1;
}

static void clear_keys(struct bpf_map *m)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(m), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(m), key);
}

/* As a commit does; nothing runs meanwhile. Changes the routing generation too. */
static void rules(const struct sl_acl_entry *e, uint32_t n)
{
	const struct sl_acl_sink sink = { .put = put_map };
	static struct sl_acl_entry copy[SL_ACL_MAX];
	uint32_t column = !(env_state()->acl & SL_ACL_COLUMN);
	struct sl_counter zero = { 0 };
	struct sl_acl_bucket full = { 0 };
	struct sl_acl_error err = { 0 };

	clear_keys(env.sk->maps.sl_acl_value);
	memcpy(copy, e, n * sizeof(*e));
	if (sluice_acl_compile(copy, n, column, &sink, &env_state()->acl, &err))
		fail_msg("rule %u: %s: %s", err.rule, err.field, err.text);
	for (uint32_t i = 0; i < n; i++) {
		bpf_map_update_elem(bpf_map__fd(env.sk->maps.sl_acl_count), &e[i].id, &zero,
				    BPF_NOEXIST);
		bpf_map_update_elem(bpf_map__fd(env.sk->maps.sl_acl_bucket), &e[i].id, &full,
				    BPF_NOEXIST);
	}
	env_state()->route_gen++;
	env_state_write();
}

static struct sl_counter counter(uint32_t id)
{
	struct sl_counter c;

	if (bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_acl_count), &id, &c))
		fail_msg("rule %u has no counter", id);
	return c;
}

static struct sl_prefix prefix(const char *addr, uint32_t len)
{
	struct sl_prefix p = { .prefixlen = len + (strchr(addr, ':') ? 0 : 96) };
	union sl_addr a = addr_of(addr);

	for (uint32_t bit = p.prefixlen; bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	p.addr = a;
	return p;
}

#define F(field)	(1U << SL_ACL_FIELD_##field)
#define RULE(n, act, ...) \
	((struct sl_acl_entry){ .id = (n), .rule = { .action = SL_ACL_ACT_##act, __VA_ARGS__ } })
#define RULES(...) do {								\
	const struct sl_acl_entry list_[] = { __VA_ARGS__ };			\
	rules(list_, sizeof(list_) / sizeof(list_[0]));				\
} while (0)

static int reset(void **state)
{
	clear_keys(env.sk->maps.sl_acl_count);
	clear_keys(env.sk->maps.sl_acl_bucket);
	return env_reset(state);
}

#define acl_families(f) \
	for (const struct fam *f = fams; f < fams + 2 && !reset(NULL); f++)

/* -------------------------------------------------------------------- sending */

static uint16_t next_port = 20000;

static struct pkt_spec tcp12(const struct fam *f)
{
	return (struct pkt_spec){ .src = f->pod[1], .dst = f->pod[2], .sport = next_port++,
				  .dport = 80, .flags = TH_SYN };
}

/* A new flow each time, unless the source port is given. */
static int sends(struct pkt_spec s)
{
	return env_pod_sends(1, s);
}

/* Refused by rule @id, named in the record of the drop. */
static void refused(struct pkt_spec s, uint32_t id)
{
	uint64_t before = env_drops_by(SL_DROP_RULE, 1, id);
	struct sl_flow flow;

	expect_drop(sends(s), SL_DROP_RULE);
	assert_int_equal(env_drops_by(SL_DROP_RULE, 1, id), before + 1);
	assert_int_equal(env_flow(&s, &flow), NOWHERE);
}

static void passes(struct pkt_spec s)
{
	expect_pass(sends(s), REDIRECT);
}

/* ----------------------------------------------------------------- fields */

ENV_TEST(no_rules)
{
	acl_families(f) {
		rules(NULL, 0);
		passes(tcp12(f));
	}
}

ENV_TEST(any_packet)
{
	acl_families(f) {
		RULES(RULE(7, DROP));
		refused(tcp12(f), 7);
		rules(NULL, 0);
		passes(tcp12(f));
	}
}

ENV_TEST(source_and_destination)
{
	acl_families(f) {
		uint32_t all = f->v6 ? 128 : 32;
		struct pkt_spec s = tcp12(f), other = tcp12(f);

		other.dst = f->pod[3];
		RULES(RULE(1, DROP, .fields = F(SRC), .src = prefix(f->pod[1], all)));
		refused(s, 1);
		RULES(RULE(1, DROP, .fields = F(SRC), .src = prefix(f->pod[2], all)));
		passes(tcp12(f));
		RULES(RULE(1, DROP, .fields = F(DST), .dst = prefix(f->pod[2], all)));
		refused(tcp12(f), 1);
		passes(other);
		/* a whole range, and both */
		RULES(RULE(3, DROP, .fields = F(SRC) | F(DST), .src = prefix(f->pod[1], all - 8),
			   .dst = prefix(f->pod[3], all)));
		passes(tcp12(f));
		other.sport = next_port++;
		refused(other, 3);
	}
}

/* ::/0 says nothing of IPv4, nor 0.0.0.0/0 of IPv6. */
ENV_TEST(families_apart)
{
	acl_families(f) {
		RULES(RULE(1, DROP, .fields = F(SRC), .src = prefix(f->v6 ? "0.0.0.0" : "::", 0)));
		passes(tcp12(f));
		RULES(RULE(1, DROP, .fields = F(SRC), .src = prefix(f->v6 ? "::" : "0.0.0.0", 0)));
		refused(tcp12(f), 1);
	}
}

ENV_TEST(ports)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		RULES(RULE(1, DROP, .fields = F(PROTO) | F(DPORT), .proto = IPPROTO_TCP,
			   .dport = { 80, 90 }));
		for (uint16_t port = 79; port <= 91; port++) {
			s = tcp12(f);
			s.dport = port;
			if (port >= 80 && port <= 90)
				refused(s, 1);
			else
				passes(s);
		}
		/* the same port of another protocol */
		s = tcp12(f);
		s.proto = IPPROTO_UDP;
		passes(s);
		RULES(RULE(2, DROP, .fields = F(PROTO) | F(SPORT), .proto = IPPROTO_UDP,
			   .sport = { 65535, 65535 }));
		s.sport = 65534;
		passes(s);
		s.sport = 65535;
		refused(s, 2);
	}
}

ENV_TEST(protocol)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		RULES(RULE(1, DROP, .fields = F(PROTO), .proto = IPPROTO_UDP));
		passes(s);
		s.proto = IPPROTO_UDP;
		refused(s, 1);
		s.proto = IPPROTO_SCTP;
		passes(s);
		RULES(RULE(1, DROP, .fields = F(PROTO), .proto = 132));
		s.sport++;
		refused(s, 1);
	}
}

ENV_TEST(tcp_flags)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		/* what begins without SYN */
		RULES(RULE(1, DROP, .fields = F(PROTO) | F(TCP_FLAGS), .proto = IPPROTO_TCP,
			   .tcp_flags = 0, .tcp_mask = TH_SYN));
		passes(s);
		s = tcp12(f);
		s.flags = TH_ACK;
		refused(s, 1);
		s = tcp12(f);
		s.proto = IPPROTO_UDP;
		passes(s);
	}
}

ENV_TEST(icmp)
{
	acl_families(f) {
		uint8_t proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, echo = f->v6 ? 128 : 8;
		struct pkt_spec s = { .src = f->pod[1], .dst = f->pod[2], .proto = proto,
				      .type = echo, .sport = next_port++ };

		RULES(RULE(1, DROP, .fields = F(PROTO) | F(ICMP_TYPE), .proto = proto,
			   .icmp_type = echo));
		refused(s, 1);
		RULES(RULE(1, DROP, .fields = F(PROTO) | F(ICMP_TYPE), .proto = proto,
			   .icmp_type = echo + 1));
		passes(s);
		RULES(RULE(2, DROP, .fields = F(PROTO) | F(ICMP_CODE), .proto = proto,
			   .icmp_code = 3));
		s.sport = next_port++;
		passes(s);
		s.sport = next_port++;
		s.code = 3;
		refused(s, 2);
	}
}

/* Traffic class or type of service: RFC 2474. */
static int sends_dscp(const struct fam *f, uint8_t dscp)
{
	struct pkt p;

	env_pod_pkt(1, &p, tcp12(f));
	if (f->v6) {
		p.b[14] = 0x60 | dscp >> 2;
		p.b[15] = (uint8_t)(dscp << 6);
	} else {
		/* RFC 1624: one field went from 0x4500 to 0x45xx */
		uint32_t sum = (uint16_t)~(p.b[24] << 8 | p.b[25]) + (uint32_t)(dscp << 2);

		sum = ~((sum & 0xffff) + (sum >> 16));
		p.b[24] = (uint8_t)(sum >> 8);
		p.b[25] = (uint8_t)sum;
		p.b[15] = (uint8_t)(dscp << 2);
	}
	return env_from_pod(1, &p);
}

ENV_TEST(dscp)
{
	acl_families(f) {
		RULES(RULE(1, DROP, .fields = F(DSCP), .dscp = 46));
		expect_drop(sends_dscp(f, 46), SL_DROP_RULE);
		expect_pass(sends_dscp(f, 47), REDIRECT);
		expect_pass(sends_dscp(f, 0), REDIRECT);
		RULES(RULE(1, DROP, .fields = F(DSCP), .dscp = 0));
		expect_pass(sends_dscp(f, 46), REDIRECT);
		expect_drop(sends_dscp(f, 0), SL_DROP_RULE);
	}
}

static int link_sends(struct pkt_spec s)
{
	struct pkt p;

	env_link_pkt(&p, s);
	return env_from_uplink(&p);
}

static int stack_sends(struct pkt_spec s, unsigned int iif)
{
	struct pkt p;

	env_stack_pkt(2, &p, s);
	return env_to_pod(2, &p, iif);
}

/* A pod's device, the uplink, what the stack forwards, the node's own sockets. */
ENV_TEST(way_in)
{
	const unsigned int from[] = { env.ep_if[1], env.up_if, env.alt_if, 0 };

	for (unsigned int i = 0; i < 4; i++) {
		acl_families(f) {
			struct pkt_spec s = tcp12(f);

			RULES(RULE(1, DROP, .fields = F(IF), .ifindex = from[i]));
			if (i == 0)
				expect_drop(sends(s), SL_DROP_RULE);
			else
				expect_pass(sends(s), REDIRECT);
			s.src = f->direct;
			if (i == 1)
				expect_drop(link_sends(s), SL_DROP_RULE);
			else
				expect_pass(link_sends(s), REDIRECT);
			s.src = f->alt;
			if (i == 2)
				expect_drop(stack_sends(s, env.alt_if), SL_DROP_RULE);
			else
				expect_pass(stack_sends(s, env.alt_if), NEXT);
			s.src = f->node;
			if (i == 3)
				expect_drop(stack_sends(s, 0), SL_DROP_RULE);
			else
				expect_pass(stack_sends(s, 0), NEXT);
		}
	}
}

ENV_TEST(classes)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		for (int fam = 0; fam < 2; fam++) {
			env_ep(1)->class_id[0][fam] = 11;
			env_ep(2)->class_id[0][fam] = 22;
			env_ep(2)->class_id[1][fam] = 33;
		}
		env_ep_write(1);
		env_ep_write(2);
		RULES(RULE(1, DROP, .fields = F(SRC_CLASS), .src_class = 11));
		refused(s, 1);
		RULES(RULE(1, DROP, .fields = F(SRC_CLASS), .src_class = 22));
		passes(s);
		RULES(RULE(2, DROP, .fields = F(DST_CLASS), .dst_class = 22));
		refused(tcp12(f), 2);
		/* the sender's column says how it sees the receiver */
		env_policy(1, 0, SET, 1, 1);
		passes(tcp12(f));
		RULES(RULE(2, DROP, .fields = F(DST_CLASS), .dst_class = 33));
		refused(tcp12(f), 2);
		/* one that only sl_class knows */
		RULES(RULE(3, DROP, .fields = F(DST_CLASS), .dst_class = 44));
		env_class(f->out, f->v6 ? 128 : 32, 0, 44);
		s = tcp12(f);
		s.dst = f->out;
		refused(s, 3);
		env_class(f->out, f->v6 ? 128 : 32, 44, 0);
		passes(s);
	}
}

/* ---------------------------------------------------------------- actions */

/* By priority, then by id; the first that ends it does. */
ENV_TEST(order)
{
	acl_families(f) {
		RULES(RULE(9, DROP, .priority = 1), RULE(2, ACCEPT, .priority = 2));
		refused(tcp12(f), 9);
		RULES(RULE(9, DROP, .priority = 2), RULE(2, ACCEPT, .priority = 2));
		passes(tcp12(f));
		/* positions of another region, whatever they leave open */
		RULES(RULE(1, PASS, .priority = 5, .fields = F(PROTO) | F(DPORT), .proto = 6,
			   .dport = { 80, 80 }),
		      RULE(2, DROP, .priority = 6, .fields = F(SRC),
			   .src = prefix(f->pod[1], f->v6 ? 128 : 32)),
		      RULE(3, DROP, .priority = 7));
		passes(tcp12(f));
		RULES(RULE(1, PASS, .priority = 8, .fields = F(PROTO) | F(DPORT), .proto = 6,
			   .dport = { 80, 80 }),
		      RULE(2, DROP, .priority = 7, .fields = F(SRC),
			   .src = prefix(f->pod[1], f->v6 ? 128 : 32)),
		      RULE(3, DROP, .priority = 6));
		refused(tcp12(f), 3);
	}
}

ENV_TEST(accept_skips_the_policies)
{
	struct sl_flow flow;

	acl_families(f) {
		struct pkt_spec s = tcp12(f), back;

		env_policy(2, ISO_IN, SET, 1, 0);
		env_policy(1, ISO_OUT, SET, 1, 0);
		rules(NULL, 0);
		expect_drop(sends(s), SL_DROP_POLICY_EGRESS);
		RULES(RULE(4, ACCEPT));
		s = tcp12(f);
		passes(s);
		env_flow(&s, &flow);
		for (int dir = 0; dir < 2; dir++) {
			assert_int_equal(flow.tier[dir], SL_TIER_RULE);
			assert_int_equal(flow.rule[dir], 4);
		}
		back = env_reply(&s);
		back.flags = TH_SYN | TH_ACK;
		expect_pass(env_pod_sends(2, back), REDIRECT);
		/* the guards stay, and nobody gets through before there is a policy */
		s.src = f->pod[3];
		expect_drop(sends(s), SL_DROP_SADDR);
		env_ep(2)->policy = SL_EP_POLICY_CLOSED;
		env_ep_write(2);
		expect_drop(sends(tcp12(f)), SL_DROP_EP_CLOSED);
	}
}

ENV_TEST(pass_leaves_it_to_the_policies)
{
	struct sl_flow flow;

	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		RULES(RULE(4, PASS), RULE(5, DROP));
		passes(s);
		env_flow(&s, &flow);
		assert_int_equal(flow.tier[SL_DIR_INGRESS], SL_TIER_NONE);
		env_policy(2, ISO_IN, SET, 1, 0);
		expect_drop(sends(tcp12(f)), SL_DROP_POLICY_INGRESS);
	}
}

/* Every one on the way counts, up to the one that ends it. */
ENV_TEST(counters)
{
	acl_families(f) {
		RULES(RULE(1, COUNT, .priority = 1), RULE(2, COUNT, .priority = 2),
		      RULE(3, DROP, .priority = 3), RULE(4, COUNT, .priority = 4),
		      RULE(5, ACCEPT, .priority = 5));
		refused(tcp12(f), 3);
		refused(tcp12(f), 3);
		assert_int_equal(counter(1).packets, 2);
		assert_int_equal(counter(2).packets, 2);
		assert_int_equal(counter(3).packets, 2);
		assert_int_equal(counter(3).bytes, f->v6 ? 120 : 80);
		assert_int_equal(counter(4).packets, 0);
		assert_int_equal(counter(5).packets, 0);
	}
}

ENV_TEST(rate)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f), back = env_reply(&s);

		RULES(RULE(1, RATE, .arg = { 1, 3 }));
		passes(s);
		passes(tcp12(f));
		passes(tcp12(f));
		expect_drop(sends(tcp12(f)), SL_DROP_RULE_RATE);
		assert_int_equal(env_drops_by(SL_DROP_RULE_RATE, 1, 1), 1);
		assert_int_equal(counter(1).packets, 4);
		/* flows that are there go on, also when they are judged again */
		env_state()->route_gen++;
		env_state_write();
		back.flags = TH_SYN | TH_ACK;
		expect_pass(env_pod_sends(2, back), REDIRECT);
		s.flags = TH_ACK;
		passes(s);
	}
}

static int sends_marked(struct pkt_spec s, uint32_t before, uint32_t *after)
{
	struct __sk_buff in = { .ifindex = env.ep_if[1], .ingress_ifindex = env.ep_if[1],
				.mark = before }, out = { 0 };
	struct pkt p;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p.b, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out));

	env_pod_pkt(1, &p, s);
	o.data_size_in = (uint32_t)p.len;
	if (bpf_prog_test_run_opts(bpf_program__fd(env.sk->progs.sl_from_pod), &o))
		fail_msg("test run: %d", errno);
	*after = out.mark;
	return (int)o.retval;
}

/* Every packet of the flow, and only under the mask. */
ENV_TEST(mark)
{
	uint32_t after;

	acl_families(f) {
		struct pkt_spec s = tcp12(f), other = tcp12(f);

		other.dport = 81;
		RULES(RULE(1, MARK, .priority = 1, .arg = { 0x5000, 0xf000 }),
		      RULE(2, MIRROR, .priority = 2, .fields = F(PROTO) | F(DPORT), .proto = 6,
			   .dport = { 80, 80 }),
		      RULE(3, MARK, .priority = 3, .arg = { 0x0a00, 0xff00 }),
		      RULE(4, ACCEPT, .priority = 4),
		      RULE(5, MARK, .priority = 5, .arg = { 1, 1 }));
		for (int i = 0; i < 3; i++) {
			expect_pass(sends_marked(s, 0xffff, &after), REDIRECT);
			assert_int_equal(after, 0x0aff | SL_MARK_MIRROR);
			s.flags = TH_ACK;
		}
		expect_pass(sends_marked(other, 0, &after), REDIRECT);
		assert_int_equal(after, 0x0a00);
		rules(NULL, 0);
		expect_pass(sends_marked(s, 0xffff, &after), REDIRECT);
		assert_int_equal(after, 0xffff);
	}
}

/* ----------------------------------------------------------------- reject */

#define ETH	14

static size_t l3_hdr(const struct fam *f)
{
	return f->v6 ? 40 : 20;
}

/* @p is from where @sent went to, to where it came from, and whole. */
static void check_way_back(const struct fam *f, const struct pkt *p, const struct pkt *sent,
			   const char *from)
{
	union sl_addr a, b = addr_of(from);

	assert_memory_equal(p->b, sent->b + 6, 6);
	assert_memory_equal(p->b + 6, sent->b, 6);
	assert_int_equal(pkt_u16(p, ETH + (f->v6 ? 4 : 2)), p->len - ETH - (f->v6 ? 40 : 0));
	pkt_addr(p, false, &a);
	assert_memory_equal(&a, &b, 16);
	pkt_addr(p, true, &a);
	pkt_addr(sent, false, &b);
	assert_memory_equal(&a, &b, 16);
	assert_int_equal(pkt_ttl(p), 64);
}

/* A reset that answers @sent, whose sequence number and acknowledgement are known. */
static void check_rst(const struct fam *f, const struct pkt *p, const struct pkt *sent,
		      const struct pkt_spec *s)
{
	size_t tcp = ETH + l3_hdr(f);

	check_way_back(f, p, sent, s->dst);
	assert_int_equal(p->len, tcp + 20);
	assert_int_equal(pkt_u16(p, tcp), s->dport);
	assert_int_equal(pkt_u16(p, tcp + 2), s->sport);
	assert_int_equal(p->b[tcp + 12], 0x50);
	if (s->flags & TH_ACK) {
		assert_int_equal(p->b[tcp + 13], TH_RST);
		assert_int_equal(pkt_u32(p, tcp + 4), 0x55667788);
	} else {
		assert_int_equal(p->b[tcp + 13], TH_RST | TH_ACK);
		assert_int_equal(pkt_u32(p, tcp + 4), 0);
		assert_int_equal(pkt_u32(p, tcp + 8), 0xfffffff0u + s->payload +
				 !!(s->flags & TH_SYN) + !!(s->flags & TH_FIN));
	}
	if (!s->partial)
		expect_csum(p);
}

static void set_u32(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

/* Sums need not be right: nobody looks at those of what is refused. */
static struct pkt rejected(const struct fam *f, struct pkt_spec s)
{
	size_t tcp = ETH + l3_hdr(f);
	struct pkt p, sent;

	env_pod_pkt(1, &p, s);
	set_u32(p.b + tcp + 4, 0xfffffff0u);
	set_u32(p.b + tcp + 8, 0x55667788);
	sent = p;
	expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
	check_rst(f, &p, &sent, &s);
	return p;
}

ENV_TEST(reject_tcp)
{
	static const uint8_t flags[] = { TH_SYN, TH_ACK, TH_SYN | TH_ACK, TH_FIN, TH_PUSH | TH_ACK, 0 };

	acl_families(f) {
		RULES(RULE(8, REJECT));
		for (unsigned int i = 0; i < sizeof(flags) * 3; i++) {
			struct pkt_spec s = tcp12(f);

			s.flags = flags[i / 3];
			s.payload = i % 3 * 501;
			rejected(f, s);
		}
		assert_int_equal(env_drops_by(SL_DROP_RULE, 1, 8), sizeof(flags) * 3);
		assert_int_equal(env_count(SL_COUNT_RST_SENT), sizeof(flags) * 3);
		assert_int_equal(env_count(SL_COUNT_ICMP_SENT), 0);
	}
}

/* A reset is not answered, nor is what a rule only drops. */
ENV_TEST(no_answer)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		RULES(RULE(8, REJECT));
		s.flags = TH_RST;
		refused(s, 8);
		s.flags = TH_RST | TH_ACK;
		refused(s, 8);
		RULES(RULE(8, DROP));
		refused(tcp12(f), 8);
		assert_int_equal(env_count(SL_COUNT_RST_SENT), 0);
	}
}

/* Left to be completed below: what is completed is the new pseudo-header's. */
ENV_TEST(reject_offloaded)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f), back;
		size_t check = ETH + l3_hdr(f) + 16;
		struct pkt p, want;

		RULES(RULE(8, REJECT));
		s.partial = true;
		s.payload = 100;
		p = rejected(f, s);
		back = env_reply(&s);
		back.payload = 0;
		env_pod_pkt(2, &want, back);
		assert_int_equal(pkt_u16(&p, check), pkt_u16(&want, check));
	}
}

/* An answer of one chunk, RFC 9260 section 3.3.7 and 3.3.13. */
static void check_abort(const struct fam *f, const struct pkt *p, const struct pkt *sent,
			const struct pkt_spec *s)
{
	size_t sctp = ETH + l3_hdr(f);

	check_way_back(f, p, sent, s->dst);
	assert_int_equal(p->len, sctp + 16);
	assert_int_equal(pkt_u16(p, sctp), s->dport);
	assert_int_equal(pkt_u16(p, sctp + 2), s->sport);
	assert_int_equal(pkt_u16(p, sctp + 14), 4);
	if (s->partial)
		assert_int_equal(pkt_u32(p, sctp + 8), 0);
	else
		expect_csum(p);
}

#define TAG	0xc0ffee01u
#define CHUNK(type, len, ...) { type, 0, 0, len, ##__VA_ARGS__ }

struct sctp_case {
	uint32_t tag;			/* that it comes with */
	unsigned int len;
	uint8_t chunks[32];
	uint8_t type, flags;		/* of the answer; 0: none */
	uint32_t answer_tag;
};

/* By RFC 9260 section 8.4. */
static const struct sctp_case sctp_cases[] = {
	/* INIT */
	{ 0, 20, CHUNK(1, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0, 10, 0, 10, 9, 9, 9, 9), 6, 0, 0x01020304 },
	{ 0, 24, CHUNK(1, 24, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 10, 0, 10, 9, 9, 9, 9, 0x80, 8, 0, 4), 6, 0,
	  0xff000000 },
	/* COOKIE ECHO, DATA, SACK with DATA, HEARTBEAT, SHUTDOWN, a type that nobody knows */
	{ TAG, 8, CHUNK(10, 8, 1, 2, 3, 4), 6, 1, TAG },
	{ TAG, 17, CHUNK(0, 17, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 'x'), 6, 1, TAG },
	{ TAG, 32, CHUNK(3, 16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 16), 6, 1, TAG },
	{ TAG, 8, CHUNK(4, 8, 0, 1, 0, 4), 6, 1, TAG },
	{ TAG, 8, CHUNK(7, 8, 0, 0, 0, 1), 6, 1, TAG },
	{ 0xffffffffu, 4, CHUNK(200, 4), 6, 1, 0xffffffffu },
	/* SHUTDOWN ACK: SHUTDOWN COMPLETE */
	{ TAG, 4, CHUNK(8, 4), 14, 1, TAG },
	/* ABORT, ERROR, COOKIE ACK, SHUTDOWN COMPLETE; an ABORT behind a SACK */
	{ TAG, 4, CHUNK(6, 4), 0, 0, 0 },
	{ TAG, 12, CHUNK(9, 12, 0, 3, 0, 8, 0, 0, 0, 1), 0, 0, 0 },
	{ TAG, 4, CHUNK(11, 4), 0, 0, 0 },
	{ TAG, 4, CHUNK(14, 4), 0, 0, 0 },
	{ TAG, 20, CHUNK(3, 16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 6, 0, 0, 4), 0, 0, 0 },
	/* the same behind a chunk that is padded */
	{ TAG, 12, CHUNK(10, 5, 'x', 0, 0, 0, 6, 0, 0, 4), 0, 0, 0 },
	/* INIT with a tag, without its own, cut short; no chunk; one without a length, or cut short */
	{ TAG, 20, CHUNK(1, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0, 10, 0, 10, 9, 9, 9, 9), 0, 0, 0 },
	{ 0, 20, CHUNK(1, 20, 0, 0, 0, 0, 0, 1, 0, 0, 0, 10, 0, 10, 9, 9, 9, 9), 0, 0, 0 },
	{ 0, 4, CHUNK(1, 20), 0, 0, 0 },
	{ TAG, 0, {}, 0, 0, 0 },
	{ TAG, 8, CHUNK(10, 3, 1, 2, 3, 4), 0, 0, 0 },
	{ TAG, 3, { 10, 0, 0 }, 0, 0, 0 },
};

static void sctp_case(const struct fam *f, const struct sctp_case *k, bool partial)
{
	struct pkt_spec s = tcp12(f);
	size_t sctp = ETH + l3_hdr(f);
	struct pkt p, sent;

	s.proto = IPPROTO_SCTP;
	s.tag = k->tag;
	s.bytes = k->chunks;
	s.payload = k->len;
	s.partial = partial;
	env_pod_pkt(1, &p, s);
	sent = p;
	if (!k->type) {
		expect_drop(env_from_pod(1, &p), SL_DROP_RULE);
		return;
	}
	expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
	check_abort(f, &p, &sent, &s);
	assert_int_equal(p.b[sctp + 12], k->type);
	assert_int_equal(p.b[sctp + 13], k->flags);
	assert_int_equal(pkt_u32(&p, sctp + 4), k->answer_tag);
}

ENV_TEST(reject_sctp)
{
	const unsigned int n = sizeof(sctp_cases) / sizeof(sctp_cases[0]);
	unsigned int answered = 0;

	acl_families(f) {
		RULES(RULE(8, REJECT));
		for (unsigned int i = 0; i < 2 * n; i++) {
			sctp_case(f, &sctp_cases[i / 2], i & 1);
			answered += !!sctp_cases[i / 2].type;
		}
		assert_int_equal(env_count(SL_COUNT_ABORT_SENT), answered);
		assert_int_equal(env_count(SL_COUNT_RST_SENT), 0);
		assert_int_equal(env_count(SL_COUNT_ICMP_SENT), 0);
		answered = 0;
	}
}

/* Of a fragment nobody knows the rest, and behind options it would lie elsewhere. */
ENV_TEST(reject_sctp_otherwise)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p;

		RULES(RULE(8, REJECT));
		s.proto = IPPROTO_SCTP;
		s.payload = 64;
		s.options = 1;
		env_pod_pkt(1, &p, s);
		expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
		s.options = 0;
		s.more = true;
		s.frag_id = 77;
		env_pod_pkt(1, &p, s);
		expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
		assert_int_equal(env_count(SL_COUNT_ABORT_SENT), 0);
		assert_int_equal(env_count(SL_COUNT_ICMP_SENT), 2);
	}
}

/* Administratively prohibited: RFC 1812 section 5.2.7.1, RFC 4443 section 3.1. */
static void check_prohibited(const struct fam *f, const struct pkt *p, const struct pkt *sent,
			     const char *from)
{
	size_t icmp = ETH + l3_hdr(f), want = sent->len - ETH, max = f->v6 ? 1232 : 548;

	check_way_back(f, p, sent, from);
	assert_int_equal(p->b[icmp], f->v6 ? 1 : 3);
	assert_int_equal(p->b[icmp + 1], f->v6 ? 1 : 13);
	assert_int_equal(pkt_u32(p, icmp + 4), 0);
	want = want < max ? want : max;
	assert_int_equal(p->len, icmp + 8 + want);
	assert_memory_equal(p->b + icmp + 8, sent->b + ETH, want);
	expect_csum(p);
}

ENV_TEST(reject_others)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p, sent;

		RULES(RULE(8, REJECT));
		s.proto = IPPROTO_UDP;
		for (s.payload = 0; s.payload < 3000; s.payload += 700) {
			env_pod_pkt(1, &p, s);
			sent = p;
			expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
			check_prohibited(f, &p, &sent, f->node);
		}
		/* with options a segment is answered so too */
		s = tcp12(f);
		s.options = 2;
		env_pod_pkt(1, &p, s);
		sent = p;
		expect_answer(env_from_pod(1, &p), SL_DROP_RULE);
		check_prohibited(f, &p, &sent, f->node);
		assert_int_equal(env_count(SL_COUNT_ICMP_SENT), 6);
	}
}

/* From each side: back the way that it came. */
ENV_TEST(reject_elsewhere)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);
		struct pkt p, sent;

		RULES(RULE(8, REJECT));
		s.proto = IPPROTO_UDP;
		s.src = f->direct;
		env_link_pkt(&p, s);
		sent = p;
		expect_answer(env_from_uplink(&p), SL_DROP_RULE);
		check_prohibited(f, &p, &sent, f->node);
		s.src = f->tunnel;
		env_tunnel_pkt(&p, s);
		sent = p;
		expect_answer(env_from_tunnel(&p, f->tunnel_via, TUNNEL_VNI), SL_DROP_RULE);
		check_prohibited(f, &p, &sent, f->node);
		/* the node's own hears it from the pod, on a device without a MAC */
		s.src = f->node;
		env_stack_pkt(2, &p, s);
		sent = p;
		expect_answer(env_to_pod(2, &p, 0), SL_DROP_RULE);
		memset(sent.b + 6, 0, 6);
		check_prohibited(f, &p, &sent, f->pod[2]);
	}
}

ENV_TEST(reject_an_open_flow)
{
	acl_families(f) {
		struct pkt_spec s = tcp12(f);

		env_establish(1, 2, &s);
		s.flags = TH_ACK;
		RULES(RULE(8, REJECT));
		rejected(f, s);
		rejected(f, s);
		rules(NULL, 0);
		passes(s);
	}
}

ENV_TEST(reject_is_limited)
{
	unsigned int answers = 0;

	acl_families(f) {
		RULES(RULE(8, REJECT));
		answers = 0;
		for (int i = 0; i < 200; i++)
			answers += sends(tcp12(f)) == REDIRECT;
		assert_in_range(answers, 50, 199);
		assert_int_equal(env_count(SL_COUNT_RST_SENT), answers);
		assert_int_equal(env_count(SL_COUNT_ICMP_LIMITED), 200 - answers);
		assert_int_equal(env_drops(SL_DROP_RULE), 200);
	}
}

/* -------------------------------------------------------------- open flows */

static struct pkt_spec established(const struct fam *f)
{
	struct pkt_spec s = tcp12(f);

	env_establish(1, 2, &s);
	s.flags = TH_ACK;
	return s;
}

/* A rule that comes reaches a flow that is there, in both directions, and gives it back. */
ENV_TEST(change_under_an_open_flow)
{
	acl_families(f) {
		struct pkt_spec s = established(f), back = env_reply(&s);

		RULES(RULE(6, DROP, .fields = F(PROTO) | F(DPORT), .proto = 6, .dport = { 80, 80 }));
		expect_drop(sends(s), SL_DROP_RULE);
		expect_drop(env_pod_sends(2, back), SL_DROP_RULE);
		assert_int_equal(env_drops_by(SL_DROP_RULE, 1, 6), 2);
		rules(NULL, 0);
		passes(s);
		expect_pass(env_pod_sends(2, back), REDIRECT);
		RULES(RULE(6, DROP, .fields = F(PROTO) | F(DPORT), .proto = 6, .dport = { 81, 81 }));
		passes(s);
		/* of the replies' direction it says nothing: the initiator's counts */
		RULES(RULE(6, DROP, .fields = F(PROTO) | F(SPORT), .proto = 6, .sport = { 80, 80 }));
		expect_pass(env_pod_sends(2, back), REDIRECT);
	}
}

/* What only the first packet had is remembered. */
ENV_TEST(judged_by_the_first_packet)
{
	acl_families(f) {
		struct pkt_spec s = established(f), back = env_reply(&s);

		RULES(RULE(1, DROP, .fields = F(PROTO) | F(TCP_FLAGS), .proto = 6,
			   .tcp_flags = TH_ACK, .tcp_mask = TH_ACK));
		passes(s);
		expect_pass(env_pod_sends(2, back), REDIRECT);
		RULES(RULE(1, DROP, .fields = F(PROTO) | F(TCP_FLAGS), .proto = 6,
			   .tcp_flags = TH_SYN, .tcp_mask = TH_SYN | TH_ACK));
		expect_drop(env_pod_sends(2, back), SL_DROP_RULE);
		RULES(RULE(1, DROP, .fields = F(IF), .ifindex = env.ep_if[2]));
		expect_pass(env_pod_sends(2, back), REDIRECT);
		RULES(RULE(1, DROP, .fields = F(IF), .ifindex = env.ep_if[1]));
		expect_drop(env_pod_sends(2, back), SL_DROP_RULE);
	}
}

/* The node's own flow stays the node's, also when a rule has accepted it. */
ENV_TEST(accepted_flow_of_the_node)
{
	struct sl_flow flow;

	acl_families(f) {
		struct pkt_spec s = { .src = f->node, .dst = f->pod[2], .sport = next_port++,
				      .dport = 80, .flags = TH_SYN }, back = env_reply(&s);

		env_policy(2, ISO_IN, SET, 1, 0);
		RULES(RULE(1, ACCEPT));
		expect_pass(stack_sends(s, 0), NEXT);
		rules(NULL, 0);
		back.flags = TH_SYN | TH_ACK;
		expect_pass(env_pod_sends(2, back), NEXT);
		env_flow(&s, &flow);
		assert_int_equal(flow.tier[SL_DIR_INGRESS], SL_TIER_NODE);
		/* and what the stack forwards does not become the node's */
		s.src = f->alt;
		back = env_reply(&s);
		back.flags = TH_SYN | TH_ACK;
		RULES(RULE(1, ACCEPT));
		expect_pass(stack_sends(s, env.alt_if), NEXT);
		rules(NULL, 0);
		expect_drop(env_pod_sends(2, back), SL_DROP_POLICY_INGRESS);
	}
}

/* ------------------------------------------------------------- many rules */

/*
 * Thousands of rules in every region, most of which do not match; the one that
 * does is found wherever it is.
 */
ENV_TEST(needle)
{
	static struct sl_acl_entry e[10000];
	const uint32_t n = 10000;

	acl_families(f) {
		uint32_t all = f->v6 ? 128 : 32;

		for (uint32_t i = 0; i < n; i++) {
			union sl_addr a = addr_of(f->v6 ? "2001:db8:ffff::" : "172.16.0.0");

			a.b[14] = (uint8_t)(i >> 8);
			a.b[15] = (uint8_t)i;
			memset(&e[i], 0, sizeof(e[i]));
			e[i].id = i + 1;
			e[i].rule.priority = i;
			e[i].rule.fields = F(PROTO);
			e[i].rule.proto = IPPROTO_TCP;
			if (i % 4 != 3) {
				e[i].rule.fields |= i & 1 ? F(SRC) : F(DST);
				*(i & 1 ? &e[i].rule.src : &e[i].rule.dst) =
					(struct sl_prefix){ .prefixlen = 128, .addr = a };
			}
			if (i % 8 > 3 || i % 4 == 3) {
				e[i].rule.fields |= F(DPORT);
				e[i].rule.dport[0] = (uint16_t)(1000 + i);
				e[i].rule.dport[1] = (uint16_t)(1003 + i);
			}
		}
		for (uint32_t i = 0; i < n; i += 1234) {
			struct sl_acl_entry was = e[i];

			e[i].rule.fields = F(DST);
			e[i].rule.proto = 0;
			e[i].rule.dport[0] = e[i].rule.dport[1] = 0;
			memset(&e[i].rule.src, 0, sizeof(e[i].rule.src));
			e[i].rule.dst = prefix(f->pod[2], all);
			rules(e, n);
			refused(tcp12(f), i + 1);
			e[i] = was;
		}
		rules(e, n);
		passes(tcp12(f));
	}
}

/* Where tables that can't be lead nowhere, nobody passes. */
ENV_TEST(broken_tables)
{
	const struct {
		uint32_t fields, section;
	} ways[] = {
		{ F(SRC), SL_ACL_SECTION_SRC }, { F(DST), SL_ACL_SECTION_DST },
		{ F(PROTO), SL_ACL_SECTION_SMALL },
		{ F(PROTO) | F(DPORT), SL_ACL_SECTION_TCP },
		{ F(PROTO) | F(SPORT), SL_ACL_SECTION_SPORT },
		{ F(DSCP), SL_ACL_SECTION_SMALL + (SL_ACL_FIELD_DSCP - SL_ACL_FIELD_PROTO) *
			   SL_ACL_SECTION_PAGES },
	};
	const struct sl_acl_page none = { 0 };

	acl_families(f) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			struct sl_acl_entry e = RULE(1, PASS, .fields = ways[i].fields);

			if (e.rule.fields & F(SRC))
				e.rule.src = prefix(f->pod[3], f->v6 ? 128 : 32);
			if (e.rule.fields & F(DST))
				e.rule.dst = prefix(f->pod[3], f->v6 ? 128 : 32);
			if (e.rule.fields & F(PROTO))
				e.rule.proto = IPPROTO_TCP;
			rules(&e, 1);
			passes(tcp12(f));
			for (uint32_t page = ways[i].section; page < __SL_ACL_SECTION_MAX; page++) {
				uint32_t key = page << 1 | (env_state()->acl & SL_ACL_COLUMN);

				put_map(NULL, SL_MAP_ACL_INDEX, &key, &none);
			}
			expect_drop(sends(tcp12(f)), SL_DROP_RULE);
		}
	}
}

/* ----------------------------------------------------------- rules at random */

static uint32_t below(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* A prefix about some pod; often so long or so short that it says all or nothing. */
static struct sl_prefix some_prefix(const struct fam *f)
{
	struct sl_prefix p;

	p.addr = addr_of(f->pod[1 + below(3)]);
	if (!below(4))
		p.addr.b[15] ^= (uint8_t)(1 << below(8));
	p.prefixlen = below(3) ? 128 - below(9) : f->v6 ? below(129) : 96 + below(33);
	for (uint32_t bit = p.prefixlen; bit < 128; bit++)
		p.addr.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return p;
}

static void some_ports(uint16_t port[2])
{
	port[0] = (uint16_t)(78 + below(6));
	port[1] = (uint16_t)(port[0] + below(3));
}

static struct sl_acl_entry some_rule(const struct fam *f, uint32_t id)
{
	const uint8_t actions[] = { SL_ACL_ACT_DROP, SL_ACL_ACT_PASS, SL_ACL_ACT_COUNT };
	struct sl_acl_entry e = RULE(id, DROP, .priority = below(8));
	struct sl_acl_rule *r = &e.rule;

	r->action = actions[below(3)];
	r->fields = (rand() & (F(SRC) | F(DST))) | (below(3) ? F(PROTO) : 0);
	if (r->fields & F(SRC))
		r->src = some_prefix(f);
	if (r->fields & F(DST))
		r->dst = some_prefix(f);
	if (!(r->fields & F(PROTO)))
		return e;
	r->proto = below(2) ? IPPROTO_TCP : IPPROTO_UDP;
	r->fields |= rand() & (F(SPORT) | F(DPORT));
	if (r->fields & F(SPORT))
		some_ports(r->sport);
	if (r->fields & F(DPORT))
		some_ports(r->dport);
	return e;
}

static bool in_range(uint16_t port, const uint16_t range[2])
{
	return range[0] <= port && port <= range[1];
}

static bool in_prefix(const char *addr, const struct sl_prefix *p)
{
	union sl_addr a = addr_of(addr);

	for (uint32_t bit = 0; bit < p->prefixlen; bit++)
		if ((a.b[bit / 8] ^ p->addr.b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool matches(const struct sl_acl_rule *r, const struct pkt_spec *s)
{
	return (!(r->fields & F(SRC)) || in_prefix(s->src, &r->src)) &&
	       (!(r->fields & F(DST)) || in_prefix(s->dst, &r->dst)) &&
	       (!(r->fields & F(PROTO)) || r->proto == s->proto) &&
	       (!(r->fields & F(SPORT)) || in_range(s->sport, r->sport)) &&
	       (!(r->fields & F(DPORT)) || in_range(s->dport, r->dport));
}

/* Which counters a new flow moves, and whether it passes: rule by rule, in order of priority and id. */
static bool one_by_one(const struct sl_acl_entry *e, uint32_t n, const struct pkt_spec *s,
		       uint64_t *count)
{
	for (uint32_t priority = 0; priority < 8; priority++)
		for (uint32_t i = 0; i < n; i++) {
			if (e[i].rule.priority != priority || !matches(&e[i].rule, s))
				continue;
			count[i]++;
			if (e[i].rule.action != SL_ACL_ACT_COUNT)
				return e[i].rule.action == SL_ACL_ACT_PASS;
		}
	return true;
}

/* The programs read the tables as the rules read; unit/test_acl has more fields and values. */
ENV_TEST(at_random)
{
	const char *seed = getenv("SEED");
	static struct sl_acl_entry e[1200];
	static uint64_t count[1200];
	unsigned int from = seed ? (unsigned int)atoi(seed) : (unsigned int)time(NULL);

	printf("# SEED=%u\n", from);
	srand(from);

	for (int set = 0; set < 60; set++) {
		/* of few rules, and of several chunks of them */
		const uint32_t n = set % 4 ? 1 + below(30) : 1 + below(1200);

		acl_families(f) {
			for (uint32_t i = 0; i < n; i++)
				e[i] = some_rule(f, i + 1);
			memset(count, 0, sizeof(count));
			rules(e, n);
			for (int k = 0; k < 30; k++) {
				struct pkt_spec s = tcp12(f);

				s.dst = f->pod[2 + below(2)];
				s.proto = below(2) ? IPPROTO_TCP : IPPROTO_UDP;
				s.dport = (uint16_t)(77 + below(10));
				s.sport = below(2) ? (uint16_t)(77 + below(10)) : next_port;
				/* a flow that is there asks nobody */
				env_flow_del(&s);
				if (one_by_one(e, n, &s, count))
					passes(s);
				else
					expect_drop(sends(s), SL_DROP_RULE);
			}
			for (uint32_t i = 0; i < n; i++)
				if (counter(i + 1).packets != count[i])
					fail_msg("set %d: rule %u counted %llu, %llu matched", set, i + 1,
						 (unsigned long long)counter(i + 1).packets,
						 (unsigned long long)count[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(no_rules), env_test(any_packet), env_test(source_and_destination),
		env_test(families_apart), env_test(ports), env_test(protocol),
		env_test(tcp_flags), env_test(icmp), env_test(dscp), env_test(way_in),
		env_test(classes), env_test(order), env_test(accept_skips_the_policies),
		env_test(pass_leaves_it_to_the_policies), env_test(counters), env_test(rate),
		env_test(mark), env_test(reject_tcp), env_test(no_answer),
		env_test(reject_offloaded), env_test(reject_others),
		env_test(reject_sctp),
		env_test(reject_sctp_otherwise), env_test(reject_elsewhere),
		env_test(reject_an_open_flow), env_test(reject_is_limited), env_test(change_under_an_open_flow),
		env_test(judged_by_the_first_packet), env_test(accepted_flow_of_the_node),
		env_test(needle), env_test(broken_tables), env_test(at_random),
	};

	return env_main(tests);
}
