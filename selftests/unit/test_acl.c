// SPDX-License-Identifier: GPL-2.0
/*
 * The rule compiler against a reading of the rules one by one: random rules,
 * packets at the edges of what they match. The tables are read here as plainly
 * as can be; that the pipeline reads them the same way is for its own tests.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kmod/acl_compile.h"
#include "lib/sluice.h"
#include "unit.h"

#define RULES_MAX	300
#define VALUES_MAX	1024

/* ----------------------------------------------------------------- tables */

struct value {
	struct sl_acl_value_key key;
	__u32 row;
};

static struct {
	struct sl_acl_row rows[SL_ACL_ROW_MAX];
	struct sl_acl_chunk chunks[SL_ACL_CHUNK_MAX];
	struct sl_acl_node nodes[SL_ACL_NODE_MAX];
	__u32 nrows, nchunks, nnodes, nvalues;
	struct value values[VALUES_MAX];
	struct sl_acl_page pages[__SL_ACL_SECTION_MAX];
	struct sl_acl_pos pos[SL_ACL_MAX];
	__u32 column, word;
	unsigned long puts, fail_at;	/* the put that fails, 0: none */
	int fail_with;
} tab;

/* Ids in turn from 1, each once: what leads there comes later, or is a node. */
static void put_next(__u32 id, __u32 *last, __u32 max)
{
	assert_int_equal(id, ++*last);
	assert_in_range(id, 1, max - 1);
}

static void put_value(const void *key, const void *value)
{
	assert_in_range(tab.nvalues, 0, VALUES_MAX - 1);
	memcpy(&tab.values[tab.nvalues].key, key, sizeof(struct sl_acl_value_key));
	memcpy(&tab.values[tab.nvalues++].row, value, sizeof(__u32));
}

static int put(void *arg, enum sl_map map, const void *key, const void *value)
{
	__u32 k, id;

	(void)arg;
	if (++tab.puts == tab.fail_at)
		return tab.fail_with;
	if (map == SL_MAP_ACL_VALUE) {
		put_value(key, value);
		return 0;
	}
	memcpy(&k, key, sizeof(k));
	assert_int_equal(k & 1, tab.column);
	id = k >> 1;
	switch (map) {
	case SL_MAP_ACL_ROW:
		put_next(id, &tab.nrows, SL_ACL_ROW_MAX);
		memcpy(&tab.rows[id], value, sizeof(tab.rows[id]));
		break;
	case SL_MAP_ACL_CHUNK:
		put_next(id, &tab.nchunks, SL_ACL_CHUNK_MAX);
		memcpy(&tab.chunks[id], value, sizeof(tab.chunks[id]));
		break;
	case SL_MAP_ACL_NODE:
		put_next(id, &tab.nnodes, SL_ACL_NODE_MAX);
		memcpy(&tab.nodes[id], value, sizeof(tab.nodes[id]));
		break;
	case SL_MAP_ACL_INDEX:
		assert_in_range(id, 0, __SL_ACL_SECTION_MAX - 1);
		memcpy(&tab.pages[id], value, sizeof(tab.pages[0]));
		break;
	case SL_MAP_ACL_POS:
		assert_in_range(id, 0, SL_ACL_MAX - 1);
		memcpy(&tab.pos[id], value, sizeof(tab.pos[0]));
		break;
	default:
		fail_msg("wrote to map %d", map);
	}
	return 0;
}

static const struct sl_acl_sink sink = { .put = put };

static int compile(struct sl_acl_entry *rules, __u32 n, struct sl_acl_error *err)
{
	tab.nrows = tab.nchunks = tab.nnodes = tab.nvalues = 0;
	tab.puts = 0;
	memset(tab.pages, 0xff, sizeof(tab.pages));	/* what is not written is wrong */
	memset(tab.pos, 0xff, sizeof(tab.pos));
	tab.column = rand() & 1;
	return sluice_acl_compile(rules, n, tab.column, &sink, &tab.word, err);
}

/* ---------------------------------------------------------------- packets */

struct packet {
	union sl_addr src, dst;
	__u16 sport, dport;
	__u8 proto, tcp_flags, icmp_type, icmp_code, dscp;
	__u32 ifindex, src_class, dst_class;
};

/* One rule and one packet, by the words of bpf/abi.h. */
static bool matches(const struct sl_acl_rule *r, const struct packet *p)
{
	__u32 f = r->fields;

#define HAS(field) (f & 1U << SL_ACL_FIELD_##field)
	return (!HAS(SRC) || sluice_prefix_contains(&r->src, &p->src)) &&
	       (!HAS(DST) || sluice_prefix_contains(&r->dst, &p->dst)) &&
	       (!HAS(SPORT) || (r->sport[0] <= p->sport && p->sport <= r->sport[1])) &&
	       (!HAS(DPORT) || (r->dport[0] <= p->dport && p->dport <= r->dport[1])) &&
	       (!HAS(PROTO) || r->proto == p->proto) &&
	       (!HAS(TCP_FLAGS) || (p->tcp_flags & r->tcp_mask) == r->tcp_flags) &&
	       (!HAS(ICMP_TYPE) || r->icmp_type == p->icmp_type) &&
	       (!HAS(ICMP_CODE) || r->icmp_code == p->icmp_code) &&
	       (!HAS(DSCP) || r->dscp == p->dscp) && (!HAS(IF) || r->ifindex == p->ifindex) &&
	       (!HAS(SRC_CLASS) || r->src_class == p->src_class) &&
	       (!HAS(DST_CLASS) || r->dst_class == p->dst_class);
}

/* Those that are asked, one by one, until one ends it; @rules is in order. */
static unsigned int naive(const struct sl_acl_entry *rules, unsigned int n,
			  const struct packet *p, __u32 *out)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!matches(&rules[i].rule, p))
			continue;
		out[found++] = rules[i].id;
		if (rules[i].rule.action < SL_ACL_ACT_MARK)
			break;
	}
	return found;
}

/* ------------------------------------------------------------ the tables read */

static __u32 paged(__u32 section, __u32 value)
{
	return tab.pages[section + value / SL_ACL_PAGE].entry[value % SL_ACL_PAGE];
}

static __u32 section_of(__u32 field)
{
	return SL_ACL_SECTION_SMALL + (field - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES;
}

static __u32 valued(__u32 field, __u32 value)
{
	for (__u32 i = 0; i < tab.nvalues; i++)
		if (tab.values[i].key.table == (field << 1 | tab.column) &&
		    tab.values[i].key.value == value)
			return tab.values[i].row;
	return paged(section_of(field), 0);
}

/* Bit @i of an address, or of a node's. */
static unsigned int bit_of(const union sl_addr *a, unsigned int i)
{
	return a->b[i / 8] >> (7 - i % 8) & 1;
}

static unsigned int node_bit(const struct sl_acl_node *n, unsigned int i)
{
	return (unsigned int)((i < 64 ? n->hi >> (63 - i) : n->lo >> (127 - i)) & 1);
}

static unsigned int nibble_of(const union sl_addr *a, unsigned int i)
{
	return i % 2 ? a->b[i / 2] & 15U : a->b[i / 2] >> 4;
}

/* Bit by bit. What a node skips is compared; nodes lead to later nibbles only. */
static __u32 prefixed(__u32 section, const union sl_addr *a)
{
	bool v4 = sluice_addr_is_v4(a);
	__u32 at = paged(section, v4 ? (__u32)a->b[12] << 4 | a->b[13] >> 4 : SL_ACL_ROOT_V6);
	unsigned int next = v4 ? 27 : 0;

	while (!(at & SL_ACL_NODE_ROW)) {
		const struct sl_acl_node *n = &tab.nodes[at];
		bool same = true;

		assert_in_range(at, 1, tab.nnodes);
		assert_in_range(n->nibble, next, 31);
		for (unsigned int i = 0; i < 4U * n->nibble; i++)
			same &= bit_of(a, i) == node_bit(n, i);
		for (unsigned int i = 4U * n->nibble; i < 128; i++)
			assert_int_equal(node_bit(n, i), 0);
		at = same ? n->child[nibble_of(a, n->nibble)] : n->other;
		next = n->nibble + 1U;
	}
	return at & ~(__u32)SL_ACL_NODE_ROW;
}

static __u32 service_of(const struct packet *p)
{
	if (tab.word & SL_ACL_USES(SL_ACL_FIELD_DPORT)) {
		if (p->proto == IPPROTO_TCP)
			return paged(SL_ACL_SECTION_TCP, p->dport);
		if (p->proto == IPPROTO_UDP)
			return paged(SL_ACL_SECTION_UDP, p->dport);
		if (p->proto == IPPROTO_SCTP)
			return paged(SL_ACL_SECTION_SCTP, p->dport);
	}
	return paged(section_of(SL_ACL_FIELD_PROTO), p->proto);
}

static __u32 row_of(__u32 field, const struct packet *p)
{
	switch (field) {
	case SL_ACL_FIELD_SRC:		return prefixed(SL_ACL_SECTION_SRC, &p->src);
	case SL_ACL_FIELD_DST:		return prefixed(SL_ACL_SECTION_DST, &p->dst);
	case SL_ACL_FIELD_SPORT:	return paged(SL_ACL_SECTION_SPORT, p->sport);
	case SL_ACL_FIELD_DPORT:
	case SL_ACL_FIELD_PROTO:	return service_of(p);
	case SL_ACL_FIELD_TCP_FLAGS:	return paged(section_of(field), p->tcp_flags);
	case SL_ACL_FIELD_ICMP_TYPE:	return paged(section_of(field), p->icmp_type);
	case SL_ACL_FIELD_ICMP_CODE:	return paged(section_of(field), p->icmp_code);
	case SL_ACL_FIELD_DSCP:		return paged(section_of(field), p->dscp);
	case SL_ACL_FIELD_IF:		return valued(field, p->ifindex);
	case SL_ACL_FIELD_SRC_CLASS:	return valued(field, p->src_class);
	default:			return valued(field, p->dst_class);
	}
}

static bool row_has(const struct sl_acl_row *row, __u32 pos)
{
	__u32 i = pos / SL_ACL_CHUNK_BITS, bit = pos % SL_ACL_CHUNK_BITS;

	return tab.chunks[row->chunk[i]].word[bit / 64] >> bit % 64 & 1;
}

static unsigned int compiled(const struct packet *p, __u32 *out)
{
	const struct sl_acl_row *row[__SL_ACL_FIELD_MAX];
	unsigned int rows = 0, found = 0;

	if (!(tab.word & SL_ACL_RULES))
		return 0;
	for (__u32 field = 0; field < __SL_ACL_FIELD_MAX; field++) {
		__u32 id;

		if (!(tab.word & SL_ACL_USES(field)))
			continue;
		id = row_of(field, p);
		assert_in_range(id, 1, tab.nrows);
		row[rows++] = &tab.rows[id];
	}
	for (__u32 pos = 0; pos < SL_ACL_MAX; pos++) {
		bool all = true;

		for (unsigned int i = 0; i < rows; i++)
			all &= row_has(row[i], pos);
		if (!all)
			continue;
		out[found++] = tab.pos[pos].rule;
		if (tab.pos[pos].action < SL_ACL_ACT_MARK)
			break;
	}
	return found;
}

/* What readers rely on beside the bits. */
static void check_shape(const struct sl_acl_entry *rules, unsigned int n)
{
	static const struct sl_acl_chunk none;

	for (__u32 id = 1; id <= tab.nrows; id++)
		for (__u32 i = 0; i < SL_ACL_CHUNKS; i++) {
			assert_in_range(tab.rows[id].chunk[i], 0, tab.nchunks);
			assert_int_equal(tab.rows[id].used >> i & 1, tab.rows[id].chunk[i] != 0);
		}
	for (__u32 id = 1; id <= tab.nchunks; id++)
		assert_memory_not_equal(&tab.chunks[id], &none, sizeof(none));
	for (__u32 pos = 0; pos < n; pos++) {
		assert_int_equal(rules[pos].id, tab.pos[pos].rule);
		assert_int_equal(rules[pos].rule.action, tab.pos[pos].action);
		assert_memory_equal(rules[pos].rule.arg, tab.pos[pos].arg, sizeof(tab.pos[pos].arg));
	}
	assert_int_equal(!!(tab.word & SL_ACL_RULES), n > 0);
	assert_int_equal(tab.word & SL_ACL_COLUMN, tab.column);
}

/* ----------------------------------------------------------- random rules */

/* Few values, so that they meet. */
static __u32 few(unsigned int n)
{
	static const __u32 v[] = { 0, 1, 2, 63, 64, 80, 443, 1023, 1024, 65534, 65535 };

	return v[(unsigned int)rand() % n];
}

static void rand_addr(union sl_addr *a, bool v4)
{
	memset(a, 0, sizeof(*a));
	if (v4) {
		a->h[5] = 0xffff;
		a->b[12] = rand() & 1 ? 10 : 192;
		a->b[13] = rand() & 3;
		a->b[15] = rand() & 1 ? rand() & 3 : 255 - (rand() & 3);
	} else {
		a->b[0] = rand() & 1 ? 0xfd : 0x20;
		/* near the mapped range too */
		a->b[0] = rand() & 7 ? a->b[0] : 0;
		a->b[8] = rand() & 3;
		a->b[15] = rand() & 3;
	}
}

static void rand_prefix(struct sl_prefix *p, bool v4)
{
	unsigned int len = (unsigned int)rand() % 129;
	union sl_addr addr;

	if (v4)
		len = 96 + len % 33;
	rand_addr(&addr, v4);
	p->addr = addr;
	p->prefixlen = len;
	for (unsigned int bit = len; bit < 128; bit++)
		p->addr.b[bit / 8] &= (__u8)~(0x80 >> bit % 8);
}

static void rand_range(__u16 port[2])
{
	__u16 a = (__u16)few(11), b = (__u16)few(11);

	port[0] = a < b ? a : b;
	port[1] = rand() & 1 ? port[0] : a < b ? b : a;
}

static void rand_l4(struct sl_acl_rule *r)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 255, 0 };
	unsigned int coin = (unsigned int)rand();

	r->proto = protos[(unsigned int)rand() % sizeof(protos)];
	r->fields |= 1U << SL_ACL_FIELD_PROTO;
	if (r->proto == IPPROTO_TCP || r->proto == IPPROTO_UDP) {
		r->fields |= (coin & 3) << SL_ACL_FIELD_SPORT;
		if (coin & 1)
			rand_range(r->sport);
		if (coin & 2)
			rand_range(r->dport);
	}
	if (r->proto == IPPROTO_TCP && coin & 4) {
		r->fields |= 1U << SL_ACL_FIELD_TCP_FLAGS;
		r->tcp_mask = (__u8)(1 + rand() % 255);
		r->tcp_flags = (__u8)rand() & r->tcp_mask;
	}
	if (r->proto != IPPROTO_ICMP && r->proto != IPPROTO_ICMPV6)
		return;
	r->fields |= (coin >> 3 & 3) << SL_ACL_FIELD_ICMP_TYPE;
	r->icmp_type = coin & 8 ? (__u8)few(3) : 0;
	r->icmp_code = coin & 16 ? (__u8)few(3) : 0;
}

static void rand_rule(struct sl_acl_entry *e, __u32 id)
{
	struct sl_acl_rule *r = &e->rule;
	unsigned int coin = (unsigned int)rand();
	bool v4 = coin & 1;

	memset(e, 0, sizeof(*e));
	e->id = id;
	r->priority = (__u32)rand() % 50;
	r->action = (__u8)(rand() % (coin & 2 ? SL_ACL_ACT_MARK : __SL_ACL_ACT_MAX));
	if (r->action == SL_ACL_ACT_MARK)
		r->arg[0] = r->arg[1] = 1U << rand() % 32;
	if (r->action == SL_ACL_ACT_RATE)
		r->arg[0] = r->arg[1] = 1;
	if (coin & 4) {
		r->fields |= 1U << SL_ACL_FIELD_SRC;
		rand_prefix(&r->src, v4);
	}
	if (coin & 8) {
		r->fields |= 1U << SL_ACL_FIELD_DST;
		do {
			rand_prefix(&r->dst, v4);
		} while (coin & 4 && sluice_prefix_is_v4(&r->dst) != sluice_prefix_is_v4(&r->src));
	}
	if (coin & 16)
		rand_l4(r);
	/* the rest is rare */
	if (!(coin >> 5 & 7)) {
		r->fields |= 1U << SL_ACL_FIELD_DSCP | 1U << SL_ACL_FIELD_IF;
		r->dscp = (__u8)few(4);
		r->ifindex = few(4);
	}
	if (!(coin >> 8 & 7)) {
		r->fields |= 3U << SL_ACL_FIELD_SRC_CLASS;
		r->src_class = few(4);
		r->dst_class = rand() & 1 ? SL_CLASS_ANY : few(4);
	}
}

static void rand_packet(struct packet *p, const struct sl_acl_entry *rules, unsigned int n)
{
	const struct sl_acl_rule *r = n ? &rules[(unsigned int)rand() % n].rule : NULL;
	bool v4 = rand() & 1;

	rand_addr(&p->src, v4);
	rand_addr(&p->dst, v4);
	/* at and beside the edges of some rule's prefixes */
	if (r && rand() & 1 && r->fields & 1U << SL_ACL_FIELD_SRC) {
		p->src = r->src.addr;
		p->src.b[15] ^= (__u8)(rand() & 1);
	}
	if (r && rand() & 1 && r->fields & 1U << SL_ACL_FIELD_DST) {
		p->dst = r->dst.addr;
		for (unsigned int bit = r->dst.prefixlen; rand() & 3 && bit < 128; bit++)
			p->dst.b[bit / 8] |= (__u8)(0x80 >> bit % 8);
	}
	p->sport = (__u16)(few(11) + (__u32)(rand() % 3) - 1);
	p->dport = (__u16)(few(11) + (__u32)(rand() % 3) - 1);
	p->proto = r && rand() & 3 ? r->proto : (__u8)rand();
	p->tcp_flags = (__u8)rand();
	p->icmp_type = (__u8)few(4);
	p->icmp_code = (__u8)few(4);
	p->dscp = (__u8)few(4);
	p->ifindex = few(5);
	p->src_class = few(5);
	p->dst_class = rand() & 1 ? SL_CLASS_ANY : few(5);
}

static unsigned int seed;

static void check_set(struct sl_acl_entry *rules, unsigned int n, unsigned int set)
{
	__u32 want[RULES_MAX], got[SL_ACL_MAX];
	struct sl_acl_error err;
	unsigned int nwant, ngot;
	struct packet p;
	int ret;

	ret = compile(rules, n, &err);
	if (ret)
		fail_msg("set %u: rule %u: %s: %s (%d)", set, err.rule, err.field, err.text, ret);
	check_shape(rules, n);
	for (int i = 0; i < 100; i++) {
		rand_packet(&p, rules, n);
		nwant = naive(rules, n, &p, want);
		ngot = compiled(&p, got);
		if (nwant != ngot || memcmp(want, got, nwant * sizeof(*want)))
			fail_msg("seed %u, set %u of %u rules, packet %d: %u rules match, %u compiled;"
				 " the first: %u, %u", seed, set, n, i, nwant, ngot,
				 nwant ? want[0] : 0, ngot ? got[0] : 0);
	}
}

static void random_rules(void **state)
{
	static struct sl_acl_entry rules[RULES_MAX];
	unsigned int n;

	(void)state;
	for (unsigned int set = 0; set < 1500; set++) {
		n = set % 10 ? (unsigned int)rand() % 20 : (unsigned int)rand() % RULES_MAX;
		for (unsigned int i = 0; i < n; i++)
			rand_rule(&rules[i], i + 1);
		check_set(rules, n, set);
	}
}

/* ----------------------------------------------------------- single cases */

static void rule_of(struct sl_acl_entry *e, __u32 id, const char *src, __u8 action)
{
	memset(e, 0, sizeof(*e));
	e->id = id;
	e->rule.action = action;
	if (!src)
		return;
	e->rule.fields = 1U << SL_ACL_FIELD_SRC;
	assert_int_equal(sluice_prefix_parse(src, false, &e->rule.src), 0);
}

static __u32 first_for(const char *src)
{
	struct packet p = { .proto = IPPROTO_UDP };
	__u32 got[SL_ACL_MAX];

	assert_int_equal(sluice_addr_parse(src, &p.src), 0);
	return compiled(&p, got) ? got[0] : 0;
}

static void families_apart(void **state)
{
	struct sl_acl_entry r[2];

	(void)state;
	rule_of(&r[0], 1, "::/0", SL_ACL_ACT_DROP);
	rule_of(&r[1], 2, "0.0.0.0/0", SL_ACL_ACT_DROP);
	assert_int_equal(compile(r, 2, NULL), 0);
	assert_int_equal(first_for("10.0.0.1"), 2);
	assert_int_equal(first_for("fd00::1"), 1);
	assert_int_equal(first_for("::1"), 1);
	rule_of(&r[0], 1, "::/0", SL_ACL_ACT_DROP);
	assert_int_equal(compile(r, 1, NULL), 0);
	assert_int_equal(first_for("10.0.0.1"), 0);
}

static void order(void **state)
{
	struct sl_acl_entry r[3];

	(void)state;
	rule_of(&r[0], 7, "10.0.0.0/8", SL_ACL_ACT_DROP);
	rule_of(&r[1], 3, "10.0.0.0/16", SL_ACL_ACT_DROP);
	rule_of(&r[2], 9, NULL, SL_ACL_ACT_ACCEPT);
	r[0].rule.priority = r[1].rule.priority = 5;
	r[2].rule.priority = 6;
	assert_int_equal(compile(r, 3, NULL), 0);
	assert_int_equal(first_for("10.0.0.1"), 3);	/* equal: by id */
	assert_int_equal(first_for("10.1.0.1"), 7);
	assert_int_equal(first_for("11.1.0.1"), 9);
	r[2].rule.priority = 4;				/* sorted meanwhile, so the last still */
	assert_int_equal(compile(r, 3, NULL), 0);
	assert_int_equal(first_for("10.0.0.1"), 9);
}

static void no_rules(void **state)
{
	(void)state;
	assert_int_equal(compile(NULL, 0, NULL), 0);
	assert_int_equal(tab.word, tab.column);
	assert_int_equal(tab.puts, 0);
}

/* An error of the sink comes out, wherever it strikes; an array that is too small is no room. */
static void sink_fails(void **state)
{
	struct sl_acl_entry r[40];
	unsigned long all;

	(void)state;
	for (__u32 i = 0; i < 40; i++)
		rand_rule(&r[i], i + 1);
	assert_int_equal(compile(r, 40, NULL), 0);
	all = tab.puts;
	for (tab.fail_at = 1; tab.fail_at <= all; tab.fail_at += 1 + all / 200) {
		tab.fail_with = tab.fail_at & 1 ? -EIO : -E2BIG;
		assert_int_equal(compile(r, 40, NULL), tab.fail_at & 1 ? -EIO : -ENOSPC);
	}
	tab.fail_at = 0;
}

static void refuse(const char *field, struct sl_acl_entry e)
{
	struct sl_acl_error err = {};
	struct sl_acl_entry two[2];

	assert_int_equal(sluice_acl_check(e.id, &e.rule, &err), -EINVAL);
	assert_string_equal(err.field, field);
	assert_int_equal(err.rule, e.id);
	assert_true(strlen(err.text) > 3);
	assert_int_equal(sluice_acl_check(e.id, &e.rule, NULL), -EINVAL);
	rule_of(&two[0], 1, NULL, SL_ACL_ACT_DROP);
	two[1] = e;
	memset(&err, 0, sizeof(err));
	assert_int_equal(compile(two, 2, &err), -EINVAL);
	assert_string_equal(err.field, field);
	assert_int_equal(tab.puts, 0);
}

#define REFUSE(name, change) do {						\
	struct sl_acl_entry e = good;						\
	change;									\
	refuse(name, e);							\
} while (0)

static void refused(void **state)
{
	struct sl_acl_entry good;

	(void)state;
	rule_of(&good, 5, "10.0.0.0/8", SL_ACL_ACT_DROP);
	assert_int_equal(sluice_acl_check(good.id, &good.rule, NULL), 0);
	REFUSE("id", e.id = 0);
	REFUSE("fields", e.rule.fields |= 1U << __SL_ACL_FIELD_MAX);
	REFUSE("action", e.rule.action = __SL_ACL_ACT_MAX);
	REFUSE("origin", e.rule.origin = __SL_ORIGIN_MAX);
	REFUSE("proto", e.rule.proto = 6);
	REFUSE("dscp", e.rule.dscp = 1);
	REFUSE("dscp", (e.rule.dscp = 64, e.rule.fields |= 1U << SL_ACL_FIELD_DSCP));
	REFUSE("ifindex", e.rule.ifindex = 1);
	REFUSE("ifindex", (e.rule.ifindex = 1U << 31, e.rule.fields |= 1U << SL_ACL_FIELD_IF));
	REFUSE("src", e.rule.src.prefixlen = 129);
	REFUSE("src", e.rule.src.addr.b[15] = 1);
	REFUSE("src", e.rule.fields = 0);
	REFUSE("dst", e.rule.dst.prefixlen = 1);
	REFUSE("dst", e.rule.fields |= 1U << SL_ACL_FIELD_DST);	/* ::/0 against 10/8 */
	REFUSE("src_class", e.rule.src_class = 1);
	REFUSE("dst_class", e.rule.dst_class = 1);
	REFUSE("sport", e.rule.sport[1] = 1);
	REFUSE("dport", e.rule.fields |= 1U << SL_ACL_FIELD_DPORT);	/* of what protocol? */
	REFUSE("dport", (e.rule.fields |= 1U << SL_ACL_FIELD_DPORT | 1U << SL_ACL_FIELD_PROTO,
			 e.rule.proto = IPPROTO_TCP, e.rule.dport[0] = 2, e.rule.dport[1] = 1));
	REFUSE("tcp_flags", e.rule.tcp_mask = 1);
	REFUSE("tcp_flags", e.rule.fields |= 1U << SL_ACL_FIELD_TCP_FLAGS);
	REFUSE("tcp_flags", (e.rule.fields |= 1U << SL_ACL_FIELD_TCP_FLAGS | 1U << SL_ACL_FIELD_PROTO,
			     e.rule.proto = IPPROTO_TCP, e.rule.tcp_mask = 1, e.rule.tcp_flags = 2));
	REFUSE("icmp_type", e.rule.fields |= 1U << SL_ACL_FIELD_ICMP_TYPE);
	REFUSE("icmp_code", e.rule.icmp_code = 3);
	REFUSE("arg", e.rule.arg[0] = 1);
	REFUSE("arg", e.rule.action = SL_ACL_ACT_MARK);
	REFUSE("arg", (e.rule.action = SL_ACL_ACT_MARK, e.rule.arg[0] = 3, e.rule.arg[1] = 1));
	REFUSE("arg", (e.rule.action = SL_ACL_ACT_RATE, e.rule.arg[1] = 1));
	REFUSE("arg", (e.rule.action = SL_ACL_ACT_RATE, e.rule.arg[0] = 1));
	REFUSE("comment", e.rule.comment[31] = 'x');
	REFUSE("pad", e.rule.pad = 1);
}

/* Any bytes as rules: an answer, and no more. */
static void hostile(void **state)
{
	struct sl_acl_entry r[8];
	unsigned int ok = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		for (__u32 k = 0; k < 8; k++) {
			rand_rule(&r[k], k + 1);
			if (rand() & 1)
				((__u8 *)&r[k])[(unsigned int)rand() % sizeof(r[k])] ^= (__u8)(1 << rand() % 8);
		}
		if (i & 1)
			for (size_t k = 0; k < sizeof(r); k++)
				((__u8 *)r)[k] = (__u8)rand();
		ok += !compile(r, 1 + (unsigned int)i % 8, NULL);
	}
	assert_true(ok > 100);
}

/* --------------------------------------------------------------- capacity */

static int count_put(void *arg, enum sl_map map, const void *key, const void *value)
{
	(void)key;
	(void)value;
	((unsigned long *)arg)[map]++;
	return 0;
}

static struct sl_acl_entry *many(__u32 n)
{
	struct sl_acl_entry *r = calloc(n, sizeof(*r));

	assert_non_null(r);
	for (__u32 i = 0; i < n; i++) {
		r[i].id = i + 1;
		r[i].rule.priority = (__u32)rand();
		r[i].rule.fields = 1U << SL_ACL_FIELD_SRC | 1U << SL_ACL_FIELD_DST;
		r[i].rule.src.prefixlen = r[i].rule.dst.prefixlen = 128;
		r[i].rule.src.addr.h[5] = r[i].rule.dst.addr.h[5] = 0xffff;
		r[i].rule.src.addr.w[3] = htonl(0x0a000000 + i);
		r[i].rule.dst.addr.w[3] = htonl(0x0b000000 + i * 7);
	}
	return r;
}

static int compile_many(__u32 n, __u32 ranges, unsigned long puts[__SL_MAP_MAX],
			struct sl_acl_error *err)
{
	struct sl_acl_sink counting = { .put = count_put, .arg = puts };
	struct sl_acl_entry *r = many(n);
	__u32 word;
	int ret;

	for (__u32 i = 0; i < ranges; i++) {
		r[i].rule.fields |= 1U << SL_ACL_FIELD_PROTO | 1U << SL_ACL_FIELD_DPORT;
		r[i].rule.proto = IPPROTO_TCP;
		r[i].rule.dport[0] = (__u16)i;
		r[i].rule.dport[1] = (__u16)(20000 + i * 5 % SL_ACL_MAX);
	}
	memset(puts, 0, sizeof(*puts) * __SL_MAP_MAX);
	ret = sluice_acl_compile(r, n, 0, &counting, &word, err);
	free(r);
	return ret;
}

static void capacity(void **state)
{
	unsigned long puts[__SL_MAP_MAX];
	struct sl_acl_error err = {};
	struct timespec a, b;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(compile_many(10000, 0, puts, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("# 10000 rules of different prefixes: %ld ms, %lu rows, %lu chunks, %lu nodes\n",
	       (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000,
	       puts[SL_MAP_ACL_ROW], puts[SL_MAP_ACL_CHUNK], puts[SL_MAP_ACL_NODE]);
	/* source and destination of a rule have the same row; those of no rule, and all of the protocol */
	assert_in_range(puts[SL_MAP_ACL_ROW], 10000, 10003);
	/* chunks know no position: one for each bit alone, and those of all rules, whole and not */
	assert_in_range(puts[SL_MAP_ACL_CHUNK], SL_ACL_CHUNK_BITS, SL_ACL_CHUNK_BITS + 2);
	assert_in_range(puts[SL_MAP_ACL_NODE], 1, 2 * 2 * 10000);
	assert_int_equal(compile_many(SL_ACL_MAX, 1000, puts, &err), 0);
	assert_int_equal(puts[SL_MAP_ACL_POS], SL_ACL_MAX);
	assert_int_equal(compile_many(SL_ACL_MAX + 1, 0, puts, &err), -ENOSPC);
	assert_string_equal(err.field, "rules");
	assert_int_equal(compile_many(SL_ACL_MAX, SL_ACL_MAX, puts, &err), -ENOSPC);
	assert_in_range(puts[SL_MAP_ACL_ROW], 0, SL_ACL_ROW_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rules),	  cmocka_unit_test(order),
		cmocka_unit_test(families_apart), cmocka_unit_test(random_rules),
		cmocka_unit_test(sink_fails),	  cmocka_unit_test(refused),
		cmocka_unit_test(hostile),	  cmocka_unit_test(capacity),
	};
	const char *env = getenv("SEED");

	seed = env ? (unsigned int)atoi(env) : (unsigned int)time(NULL);
	printf("# SEED=%u\n", seed);
	srand(seed);
	return unit_run(tests, NULL, NULL);
}
