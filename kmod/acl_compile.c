// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Rules to tables: field after field the rows of the values that rules tell
 * apart. acl_row.c writes rows, acl_trie.c what leads to those of addresses.
 */
#include "kmod/acl_build.h"

/* Prefixes that contain one another: lengths 0 to 128, and the bottom. */
#define DEPTH_MAX	130

int sluice_acl_fail(struct acl_build *b, int code, const char *text)
{
	if (b->err) {
		b->err->rule = 0;
		b->err->field = "rules";
		b->err->text = text;
	}
	return code;
}

int sluice_acl_put(struct acl_build *b, enum sl_map map, __u32 id, const void *value)
{
	__u32 key = id << 1 | b->column;

	return b->sink->put(b->sink->arg, map, &key, value);
}

static void base_make(struct acl_build *b, __u32 field)
{
	__u32 i;

	sluice_acl_row_clear(&b->base);
	for (i = 0; i < b->count; i++)
		if (!USES(&b->rules[i].rule, field))
			acl_row_set(&b->base, i);
}

static int positions_write(struct acl_build *b)
{
	__u32 i;
	int err = 0;

	for (i = 0; i < b->count && !err; i++) {
		const struct sl_acl_entry *e = &b->rules[i];
		struct sl_acl_pos val = {
			.rule = e->id,
			.arg = { e->rule.arg[0], e->rule.arg[1] },
			.action = e->rule.action,
		};

		err = sluice_acl_put(b, SL_MAP_ACL_POS, i, &val);
	}
	return err;
}

/* ------------------------------------------------------------------ ports */

struct edge {
	__u32 value;			/* from here on the bit is the other way round */
	__u16 pos;
};

static int edge_cmp(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

/* Where ranges of one protocol's ports begin and end; @proto 0: of any. */
static __u32 edges_make(const struct acl_build *b, __u32 field, __u8 proto, struct edge *edges)
{
	__u32 i, n = 0;

	for (i = 0; i < b->count; i++) {
		const struct sl_acl_rule *r = &b->rules[i].rule;
		const __u16 *port = field == SL_ACL_FIELD_DPORT ? r->dport : r->sport;

		if (!USES(r, field) || (proto && r->proto != proto))
			continue;
		edges[n++] = (struct edge){ port[0], i };
		edges[n++] = (struct edge){ port[1] + 1U, i };
	}
	acl_sort(edges, n, sizeof(*edges), edge_cmp);
	return n;
}

/* A sweep over all ports; the rows change where a range begins or ends. */
static int ports_sweep(struct acl_build *b, __u32 section, const struct edge *edges, __u32 n)
{
	struct sl_acl_page page;
	__u32 port, e = 0;
	int id, err;

	b->now = b->base;
	id = sluice_acl_row_id(b, &b->now);
	if (id < 0)
		return id;
	for (port = 0; port < 65536; port++) {
		if (e < n && edges[e].value == port) {
			for (; e < n && edges[e].value == port; e++)
				acl_row_flip(&b->now, edges[e].pos);
			id = sluice_acl_row_id(b, &b->now);
		}
		if (id < 0)
			return id;
		page.entry[port % SL_ACL_PAGE] = id;
		if (port % SL_ACL_PAGE != SL_ACL_PAGE - 1)
			continue;
		err = sluice_acl_put(b, SL_MAP_ACL_INDEX, section + port / SL_ACL_PAGE, &page);
		if (err)
			return err;
	}
	return 0;
}

static int section_make(struct acl_build *b, __u32 section, __u32 field, __u8 proto)
{
	struct edge *edges = acl_calloc(2 * b->count, sizeof(*edges));
	int err;

	if (!edges)
		return -ENOMEM;
	err = ports_sweep(b, section, edges, edges_make(b, field, proto, edges));
	acl_free(edges);
	return err;
}

/* Rules that ask for no destination port, and for this protocol if any. */
static void service_base(struct acl_build *b, __u8 proto)
{
	__u32 i;

	sluice_acl_row_clear(&b->base);
	for (i = 0; i < b->count; i++) {
		const struct sl_acl_rule *r = &b->rules[i].rule;

		if (!USES(r, SL_ACL_FIELD_DPORT) &&
		    (!USES(r, SL_ACL_FIELD_PROTO) || r->proto == proto))
			acl_row_set(&b->base, i);
	}
}

/* Protocol and destination port, together. */
static int services_make(struct acl_build *b)
{
	static const struct {
		__u8 proto;
		__u16 section;
	} with_ports[] = {
		{ IPPROTO_TCP, SL_ACL_SECTION_TCP },
		{ IPPROTO_UDP, SL_ACL_SECTION_UDP },
		{ IPPROTO_SCTP, SL_ACL_SECTION_SCTP },
	};
	__u32 i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(with_ports) && !err; i++) {
		service_base(b, with_ports[i].proto);
		err = section_make(b, with_ports[i].section, SL_ACL_FIELD_DPORT,
				   with_ports[i].proto);
	}
	return err;
}

/* ----------------------------------------------------------- fields of a byte */

static bool small_matches(const struct sl_acl_rule *r, __u32 field, __u8 value)
{
	switch (field) {
	case SL_ACL_FIELD_PROTO:
		return r->proto == value;
	case SL_ACL_FIELD_TCP_FLAGS:
		return (value & r->tcp_mask) == r->tcp_flags;
	case SL_ACL_FIELD_ICMP_TYPE:
		return r->icmp_type == value;
	case SL_ACL_FIELD_ICMP_CODE:
		return r->icmp_code == value;
	default:
		return r->dscp == value;
	}
}

static int small_row(struct acl_build *b, __u32 field, __u8 value)
{
	__u32 i;

	b->now = b->base;
	for (i = 0; i < b->count; i++)
		if (USES(&b->rules[i].rule, field) &&
		    small_matches(&b->rules[i].rule, field, value))
			acl_row_set(&b->now, i);
	return sluice_acl_row_id(b, &b->now);
}

static __u32 section_of(__u32 field)
{
	return SL_ACL_SECTION_SMALL + (field - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES;
}

/* Each of its values is tried on all rules. */
static int small_make(struct acl_build *b, __u32 field)
{
	struct sl_acl_page page;
	__u32 value;
	int id, err;

	base_make(b, field);
	for (value = 0; value < 256; value++) {
		id = small_row(b, field, value);
		if (id < 0)
			return id;
		if (value % 16 == 0)
			acl_breathe();
		page.entry[value % SL_ACL_PAGE] = id;
		if (value % SL_ACL_PAGE != SL_ACL_PAGE - 1)
			continue;
		err = sluice_acl_put(b, SL_MAP_ACL_INDEX, section_of(field) + value / SL_ACL_PAGE,
				     &page);
		if (err)
			return err;
	}
	return 0;
}

/* -------------------------------------------------------- fields of 32 bits */

static __u32 value_of(const struct sl_acl_rule *r, __u32 field)
{
	return field == SL_ACL_FIELD_IF ? r->ifindex :
	       field == SL_ACL_FIELD_SRC_CLASS ? r->src_class : r->dst_class;
}

/* Rows of the values in @vals, sorted; how many different ones, or an errno. */
static int values_write(struct acl_build *b, __u32 field, const struct edge *vals, __u32 n)
{
	struct sl_acl_value_key key = { .table = field << 1 | b->column };
	__u32 i = 0, id32;
	int id, err, distinct = 0;

	while (i < n) {
		b->now = b->base;
		key.value = vals[i].value;
		for (; i < n && vals[i].value == key.value; i++)
			acl_row_set(&b->now, vals[i].pos);
		id = sluice_acl_row_id(b, &b->now);
		if (id < 0)
			return id;
		id32 = id;
		err = b->sink->put(b->sink->arg, SL_MAP_ACL_VALUE, &key, &id32);
		if (err)
			return err;
		distinct++;
	}
	return distinct;
}

static int value_make(struct acl_build *b, __u32 field)
{
	struct edge *vals = acl_calloc(b->count, sizeof(*vals));
	struct sl_acl_page page = {};
	__u32 i, n = 0;
	int id, err;

	if (!vals)
		return -ENOMEM;
	base_make(b, field);
	for (i = 0; i < b->count; i++)
		if (USES(&b->rules[i].rule, field))
			vals[n++] = (struct edge){ value_of(&b->rules[i].rule, field), i };
	acl_sort(vals, n, sizeof(*vals), edge_cmp);
	err = values_write(b, field, vals, n);
	acl_free(vals);
	if (err < 0)
		return err;
	id = sluice_acl_row_id(b, &b->base);
	if (id < 0)
		return id;
	page.entry[0] = id;
	return sluice_acl_put(b, SL_MAP_ACL_INDEX, section_of(field), &page);
}

/* --------------------------------------------------------------- prefixes */

struct node {
	struct acl_leaf leaf;
	bool v4;
	__u16 pos;
};

static bool is_v4(const struct sl_prefix *p)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	return p->prefixlen >= 96 && !memcmp(p->addr.b, mapped, sizeof(mapped));
}

/* IPv6 before IPv4, an address before those it contains. */
static int node_cmp(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->v4 != y->v4)
		return x->v4 ? 1 : -1;
	if (x->leaf.hi != y->leaf.hi)
		return x->leaf.hi < y->leaf.hi ? -1 : 1;
	if (x->leaf.lo != y->leaf.lo)
		return x->leaf.lo < y->leaf.lo ? -1 : 1;
	return x->leaf.len < y->leaf.len ? -1 : x->leaf.len > y->leaf.len;
}

static bool node_contains(const struct node *out, const struct node *in)
{
	__u32 len = out->leaf.len;
	__u64 hi = out->leaf.hi ^ in->leaf.hi, lo = out->leaf.lo ^ in->leaf.lo;

	if (out->v4 != in->v4 || len > in->leaf.len)
		return false;
	if (len <= 64)
		return !len || !(hi >> (64 - len));
	return !hi && !(lo >> (128 - len));
}

struct level {
	const struct node *node;
	struct acl_row row;
};

/*
 * Rows of sorted nodes, which become the leaves @count of each family. @stack
 * holds those that contain the one at work, each with all bits of its own and
 * of those below it.
 */
static int leaves_make(struct acl_build *b, const struct node *nodes, __u32 n,
		       struct level *stack, struct acl_leaf *leaf, __u32 count[2])
{
	__u32 depth = 0, i = 0;
	struct level *top;
	int id;

	while (i < n) {
		while (depth && !node_contains(stack[depth - 1].node, &nodes[i]))
			depth--;
		top = &stack[depth];
		top->row = depth ? stack[depth - 1].row : b->base;
		top->node = &nodes[i];
		for (; i < n && !node_cmp(top->node, &nodes[i]); i++)
			acl_row_set(&top->row, nodes[i].pos);
		id = sluice_acl_row_id(b, &top->row);
		if (id < 0)
			return id;
		*leaf = top->node->leaf;
		leaf++->row = id;
		count[top->node->v4]++;
		depth++;
	}
	return 0;
}

static __u32 nodes_make(const struct acl_build *b, __u32 field, struct node *nodes)
{
	__u32 i, n = 0;

	for (i = 0; i < b->count; i++) {
		const struct sl_acl_rule *r = &b->rules[i].rule;
		const struct sl_prefix *p = field == SL_ACL_FIELD_DST ? &r->dst : &r->src;

		if (!USES(r, field))
			continue;
		nodes[n].leaf.hi = acl_be64(p->addr.d[0]);
		nodes[n].leaf.lo = acl_be64(p->addr.d[1]);
		nodes[n].leaf.len = p->prefixlen;
		nodes[n].v4 = is_v4(p);
		nodes[n++].pos = i;
	}
	acl_sort(nodes, n, sizeof(*nodes), node_cmp);
	return n;
}

static int prefixes_make(struct acl_build *b, __u32 field)
{
	__u32 section = field == SL_ACL_FIELD_DST ? SL_ACL_SECTION_DST : SL_ACL_SECTION_SRC;
	struct node *nodes = acl_calloc(b->count, sizeof(*nodes));
	struct acl_leaf *leaf = acl_calloc(b->count, sizeof(*leaf));
	struct level *stack = acl_calloc(DEPTH_MAX, sizeof(*stack));
	__u32 count[2] = { 0, 0 };
	int err = -ENOMEM, row;

	if (!nodes || !leaf || !stack)
		goto out;
	base_make(b, field);
	err = row = sluice_acl_row_id(b, &b->base);
	if (row < 0)
		goto out;
	err = leaves_make(b, nodes, nodes_make(b, field, nodes), stack, leaf, count);
	if (!err)
		err = sluice_acl_trie_write(b, section, leaf, count, row);
out:
	acl_free(stack);
	acl_free(leaf);
	acl_free(nodes);
	return err;
}

/* -------------------------------------------------------------- all of it */

static int field_make(struct acl_build *b, __u32 field)
{
	switch (field) {
	case SL_ACL_FIELD_SRC:
	case SL_ACL_FIELD_DST:
		return prefixes_make(b, field);
	case SL_ACL_FIELD_SPORT:
		base_make(b, field);
		return section_make(b, SL_ACL_SECTION_SPORT, field, 0);
	case SL_ACL_FIELD_DPORT:
		return services_make(b);
	case SL_ACL_FIELD_IF:
	case SL_ACL_FIELD_SRC_CLASS:
	case SL_ACL_FIELD_DST_CLASS:
		return value_make(b, field);
	default:
		return small_make(b, field);
	}
}

static int tables_make(struct acl_build *b)
{
	__u32 field;
	int err;

	err = positions_write(b);
	for (field = 0; field < __SL_ACL_FIELD_MAX && !err; field++)
		if (b->fields & 1U << field)
			err = field_make(b, field);
	/* A table that was made smaller than the ABI has room for. */
	return err == -E2BIG ? sluice_acl_fail(b, -ENOSPC, "more than the tables have room for") : err;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sl_acl_entry *x = a, *y = b;

	if (x->rule.priority != y->rule.priority)
		return x->rule.priority < y->rule.priority ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int rules_check(struct acl_build *b, struct sl_acl_entry *rules)
{
	__u32 i;
	int err;

	if (b->count > SL_ACL_MAX)
		return sluice_acl_fail(b, -ENOSPC, "more than 14336 of them");
	/* The protocol is asked always: each packet has a row of it. */
	b->fields = b->count ? 1U << SL_ACL_FIELD_PROTO : 0;
	for (i = 0; i < b->count; i++) {
		err = sluice_acl_check(rules[i].id, &rules[i].rule, b->err);
		if (err)
			return err;
		b->fields |= rules[i].rule.fields;
	}
	acl_sort(rules, b->count, sizeof(*rules), entry_cmp);
	return 0;
}

int sluice_acl_compile(struct sl_acl_entry *rules, __u32 count, __u32 column,
		       const struct sl_acl_sink *sink, __u32 *word, struct sl_acl_error *err)
{
	struct acl_build *b = acl_calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return -ENOMEM;
	b->rules = rules;
	b->count = count;
	b->column = column & 1;
	b->sink = sink;
	b->err = err;
	ret = rules_check(b, rules);
	if (!ret && count)
		ret = sluice_acl_known_new(b);
	if (!ret && count)
		ret = tables_make(b);
	*word = b->column | b->fields << SL_ACL_FIELD_SHIFT | (count ? SL_ACL_RULES : 0);
	sluice_acl_known_free(b);
	acl_free(b);
	return ret;
}
