// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Rules to rows of bits: positions first, then field after field the rows of
 * the values that rules tell apart. Equal rows are written once; they are
 * known by a hash of 128 bits that changes by exclusive or with every bit, so
 * that a row costs its few changes and not its 240 words.
 */
#include "kmod/acl_compile.h"
#include "kmod/acl_shim.h"

#define USES(rule, field)	((rule)->fields & 1U << (field))

/* That of the rules that go on; the others by what they leave open. */
#define REGIONS		9
/* Slots for known rows: open addressing, at most half full. */
#define KNOWN_SLOTS	(2 * SL_ACL_ROW_MAX)
/* Prefixes that contain one another: lengths 0 to 128, and the bottom. */
#define DEPTH_MAX	130

struct row {
	struct sl_acl_row bits;		/* sum is filled in when it is written */
	__u64 hash[2];
};

struct known {
	__u64 hash[2];
	__u32 id;			/* 0: free */
};

struct build {
	const struct sl_acl_entry *rules;	/* by rank */
	__u32 count, column, fields, rows;
	const struct sl_acl_sink *sink;
	struct sl_acl_error *err;
	__u16 *pos;			/* by rank */
	struct known *known;
	struct row base;		/* of the field at work: rules that leave it open */
	struct row now;
	bool go_on;
};

static int fail(struct build *b, int code, const char *text)
{
	if (b->err) {
		b->err->rule = 0;
		b->err->field = "rules";
		b->err->text = text;
	}
	return code;
}

/* ------------------------------------------------------------------- rows */

/* Finaliser of a 64-bit hash (splitmix64). */
static __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Turns the bit of a position over. */
static void row_flip(struct row *row, __u32 pos)
{
	row->bits.word[pos / 64] ^= 1ULL << pos % 64;
	row->hash[0] ^= mix(0x9e3779b97f4a7c15ULL * (pos + 1));
	row->hash[1] ^= mix(0xd1342543de82ef95ULL * (pos + 1) + 1);
}

static void row_set(struct row *row, __u32 pos)
{
	if (!(row->bits.word[pos / 64] >> pos % 64 & 1))
		row_flip(row, pos);
}

static int row_write(struct build *b, struct row *row, __u32 id)
{
	__u32 key = b->column << 16 | id, i;

	memset(row->bits.sum, 0, sizeof(row->bits.sum));
	for (i = 0; i < SL_ACL_WORDS; i++)
		if (row->bits.word[i])
			row->bits.sum[i / 64] |= 1ULL << i % 64;
	return b->sink->put(b->sink->arg, SL_MAP_ACL_ROW, &key, &row->bits);
}

/* The id of a row, which is written unless an equal one was; or a negative errno. */
static int row_id(struct build *b, struct row *row)
{
	__u32 i = row->hash[0] % KNOWN_SLOTS;
	int err;

	for (; b->known[i].id; i = (i + 1) % KNOWN_SLOTS)
		if (b->known[i].hash[0] == row->hash[0] && b->known[i].hash[1] == row->hash[1])
			return b->known[i].id;
	if (b->rows + 1 >= SL_ACL_ROW_MAX)
		return fail(b, -ENOSPC, "too many different prefixes and port ranges");
	err = row_write(b, row, b->rows + 1);
	if (err)
		return err;
	if (b->rows % 128 == 0)
		acl_breathe();
	b->known[i].hash[0] = row->hash[0];
	b->known[i].hash[1] = row->hash[1];
	b->known[i].id = ++b->rows;
	return b->rows;
}

static void base_make(struct build *b, __u32 field)
{
	__u32 i;

	memset(&b->base, 0, sizeof(b->base));
	for (i = 0; i < b->count; i++)
		if (!USES(&b->rules[i].rule, field))
			row_set(&b->base, b->pos[i]);
}

/* -------------------------------------------------------------- positions */

static bool goes_on(const struct sl_acl_rule *r)
{
	return r->action >= SL_ACL_ACT_MARK;
}

static __u32 region_of(const struct sl_acl_rule *r)
{
	if (goes_on(r))
		return 0;
	return 1 + !USES(r, SL_ACL_FIELD_SRC) + 2 * !USES(r, SL_ACL_FIELD_DST) +
	       4 * !(USES(r, SL_ACL_FIELD_SPORT) || USES(r, SL_ACL_FIELD_DPORT));
}

/* Where a rule belongs among the positions. */
struct place {
	__u32 region, rank;
	struct sl_prefix prefix[2];
};

/* 0: of one group. */
static int place_group_cmp(const struct place *x, const struct place *y)
{
	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	/* All of the rules that go on are met, so they have to be in order. */
	return x->region ? memcmp(x->prefix, y->prefix, sizeof(x->prefix)) : 0;
}

static int place_cmp(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int diff = place_group_cmp(x, y);

	return diff ? diff : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int pos_write(struct build *b, __u32 rank, __u32 end)
{
	const struct sl_acl_entry *e = &b->rules[rank];
	__u32 key = b->column * SL_ACL_POS_MAX + b->pos[rank];
	struct sl_acl_pos val = {
		.rule = e->id,
		.rank = rank,
		.end = end,
		.arg = { e->rule.arg[0], e->rule.arg[1] },
		.action = e->rule.action,
	};

	return b->sink->put(b->sink->arg, SL_MAP_ACL_POS, &key, &val);
}

/* Positions of the group that begins at @p; how many rules, or an errno. */
static int group_place(struct build *b, const struct place *p, __u32 n, __u32 pos)
{
	__u32 size = 0, end, i;
	int err;

	while (size < n && !place_group_cmp(p, &p[size]))
		size++;
	end = pos + size;
	if (!p->region)
		end = (end + 63) / 64 * 64;
	for (i = 0; i < size; i++) {
		b->pos[p[i].rank] = pos + i;
		err = pos_write(b, p[i].rank, end);
		if (err)
			return err;
	}
	return size;
}

static int places_write(struct build *b, const struct place *p)
{
	__u32 pos = 0, i = 0, region = 0;
	int size;

	_Static_assert(SL_ACL_MAX / 64 + REGIONS <= SL_ACL_WORDS, "regions may not fit");
	while (i < b->count) {
		if (p[i].region != region)
			pos = (pos + 63) / 64 * 64;
		region = p[i].region;
		size = group_place(b, &p[i], b->count - i, pos);
		if (size < 0)
			return size;
		pos += size;
		i += size;
	}
	return 0;
}

static int positions_make(struct build *b)
{
	struct place *p = acl_calloc(b->count, sizeof(*p));
	__u32 i;
	int err;

	if (!p)
		return -ENOMEM;
	for (i = 0; i < b->count; i++) {
		p[i].region = region_of(&b->rules[i].rule);
		p[i].rank = i;
		p[i].prefix[0] = b->rules[i].rule.src;
		p[i].prefix[1] = b->rules[i].rule.dst;
		b->go_on |= !p[i].region;
	}
	acl_sort(p, b->count, sizeof(*p), place_cmp);
	err = places_write(b, p);
	acl_free(p);
	return err;
}

/* ---------------------------------------------------------- fields by page */

struct edge {
	__u32 value;			/* from here on the bit is the other way round */
	__u16 pos;
};

static int edge_cmp(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static int page_write(struct build *b, __u32 page, const struct sl_acl_page *val)
{
	__u32 key = b->column * __SL_ACL_SECTION_MAX + page;

	return b->sink->put(b->sink->arg, SL_MAP_ACL_INDEX, &key, val);
}

static __u32 edges_make(const struct build *b, bool dst, struct edge *edges)
{
	__u32 field = dst ? SL_ACL_FIELD_DPORT : SL_ACL_FIELD_SPORT, i, n = 0;

	for (i = 0; i < b->count; i++) {
		const struct sl_acl_rule *r = &b->rules[i].rule;
		const __u16 *port = dst ? r->dport : r->sport;

		if (!USES(r, field))
			continue;
		edges[n++] = (struct edge){ port[0], b->pos[i] };
		edges[n++] = (struct edge){ port[1] + 1U, b->pos[i] };
	}
	acl_sort(edges, n, sizeof(*edges), edge_cmp);
	return n;
}

/* A sweep over all ports; the rows change where a range begins or ends. */
static int ports_sweep(struct build *b, bool dst, const struct edge *edges, __u32 n)
{
	__u32 first = dst ? SL_ACL_SECTION_DPORT : SL_ACL_SECTION_SPORT, port, e = 0;
	struct sl_acl_page page;
	int id, err;

	b->now = b->base;
	id = row_id(b, &b->now);
	if (id < 0)
		return id;
	for (port = 0; port < 65536; port++) {
		if (e < n && edges[e].value == port) {
			for (; e < n && edges[e].value == port; e++)
				row_flip(&b->now, edges[e].pos);
			id = row_id(b, &b->now);
		}
		if (id < 0)
			return id;
		page.row[port % SL_ACL_PAGE] = id;
		if (port % SL_ACL_PAGE != SL_ACL_PAGE - 1)
			continue;
		err = page_write(b, first + port / SL_ACL_PAGE, &page);
		if (err)
			return err;
	}
	return 0;
}

static int ports_make(struct build *b, bool dst)
{
	struct edge *edges = acl_calloc(2 * b->count, sizeof(*edges));
	int err;

	if (!edges)
		return -ENOMEM;
	base_make(b, dst ? SL_ACL_FIELD_DPORT : SL_ACL_FIELD_SPORT);
	err = ports_sweep(b, dst, edges, edges_make(b, dst, edges));
	acl_free(edges);
	return err;
}

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

static int small_row(struct build *b, __u32 field, __u8 value)
{
	__u32 i;

	b->now = b->base;
	for (i = 0; i < b->count; i++)
		if (USES(&b->rules[i].rule, field) &&
		    small_matches(&b->rules[i].rule, field, value))
			row_set(&b->now, b->pos[i]);
	return row_id(b, &b->now);
}

static __u32 section_of(__u32 field)
{
	return SL_ACL_SECTION_SMALL + (field - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES;
}

/* A field of a byte: each of its values is tried on all rules. */
static int small_make(struct build *b, __u32 field)
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
		page.row[value % SL_ACL_PAGE] = id;
		if (value % SL_ACL_PAGE != SL_ACL_PAGE - 1)
			continue;
		err = page_write(b, section_of(field) + value / SL_ACL_PAGE, &page);
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
static int values_write(struct build *b, __u32 field, const struct edge *vals, __u32 n)
{
	struct sl_acl_value_key key = { .table = field << 1 | b->column };
	__u32 i = 0, id32;
	int id, err, distinct = 0;

	while (i < n) {
		b->now = b->base;
		key.value = vals[i].value;
		for (; i < n && vals[i].value == key.value; i++)
			row_set(&b->now, vals[i].pos);
		id = row_id(b, &b->now);
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

static int value_make(struct build *b, __u32 field)
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
			vals[n++] = (struct edge){ value_of(&b->rules[i].rule, field), b->pos[i] };
	acl_sort(vals, n, sizeof(*vals), edge_cmp);
	err = values_write(b, field, vals, n);
	acl_free(vals);
	if (err < 0)
		return err;
	id = row_id(b, &b->base);
	if (id < 0)
		return id;
	page.row[0] = id;
	return page_write(b, section_of(field), &page);
}

/* --------------------------------------------------------------- prefixes */

struct node {
	struct sl_prefix prefix;
	bool v4;
	__s32 pos;			/* -1: a family as a whole, no rule's */
};

static bool is_v4(const struct sl_prefix *p)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	return p->prefixlen >= 96 && !memcmp(p->addr.b, mapped, sizeof(mapped));
}

/* Families apart, an address before those it contains. */
static int node_cmp(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int diff;

	if (x->v4 != y->v4)
		return x->v4 ? 1 : -1;
	diff = memcmp(x->prefix.addr.b, y->prefix.addr.b, sizeof(x->prefix.addr.b));
	if (diff)
		return diff;
	return x->prefix.prefixlen < y->prefix.prefixlen ? -1 :
	       x->prefix.prefixlen > y->prefix.prefixlen;
}

static bool node_contains(const struct node *out, const struct node *in)
{
	__u32 len = out->prefix.prefixlen, whole = len / 8;
	__u8 mask = 0xff00 >> len % 8;

	if (out->v4 != in->v4 || len > in->prefix.prefixlen ||
	    memcmp(out->prefix.addr.b, in->prefix.addr.b, whole))
		return false;
	return !mask || !((out->prefix.addr.b[whole % 16] ^ in->prefix.addr.b[whole % 16]) & mask);
}

static int prefix_write(struct build *b, const struct node *n, bool dst, __u32 id)
{
	struct sl_acl_prefix_key key = {
		.prefixlen = 32 + n->prefix.prefixlen,
		.table = b->column << 1 | dst,
		.addr = n->prefix.addr,
	};

	return b->sink->put(b->sink->arg, SL_MAP_ACL_PREFIX, &key, &id);
}

struct level {
	const struct node *node;
	struct row row;
};

/*
 * Sorted nodes to entries. @stack holds those that contain the one at work,
 * each with all bits of its own and of those below it.
 */
static int nodes_write(struct build *b, const struct node *nodes, __u32 n, bool dst,
		       struct level *stack)
{
	__u32 depth = 0, i = 0;
	struct level *top;
	int id, err;

	while (i < n) {
		while (depth && !node_contains(stack[depth - 1].node, &nodes[i]))
			depth--;
		top = &stack[depth];
		top->row = depth ? stack[depth - 1].row : b->base;
		top->node = &nodes[i];
		for (; i < n && !node_cmp(top->node, &nodes[i]); i++)
			if (nodes[i].pos >= 0)
				row_set(&top->row, nodes[i].pos);
		id = row_id(b, &top->row);
		if (id < 0)
			return id;
		err = prefix_write(b, top->node, dst, id);
		if (err)
			return err;
		depth++;
	}
	return 0;
}

static __u32 nodes_make(const struct build *b, bool dst, struct node *nodes)
{
	__u32 field = dst ? SL_ACL_FIELD_DST : SL_ACL_FIELD_SRC, i, n = 2;

	/* ::/0 would else speak for IPv4, which is written inside of it */
	nodes[0] = (struct node){ .pos = -1 };
	nodes[1] = (struct node){ .pos = -1, .v4 = true, .prefix.prefixlen = 96 };
	nodes[1].prefix.addr.b[10] = 0xff;
	nodes[1].prefix.addr.b[11] = 0xff;
	for (i = 0; i < b->count; i++) {
		const struct sl_acl_rule *r = &b->rules[i].rule;

		if (!USES(r, field))
			continue;
		nodes[n].prefix = dst ? r->dst : r->src;
		nodes[n].v4 = is_v4(&nodes[n].prefix);
		nodes[n++].pos = b->pos[i];
	}
	acl_sort(nodes, n, sizeof(*nodes), node_cmp);
	return n;
}

static int prefixes_make(struct build *b, bool dst)
{
	struct node *nodes = acl_calloc(b->count + 2, sizeof(*nodes));
	struct level *stack = acl_calloc(DEPTH_MAX, sizeof(*stack));
	int err = -ENOMEM;

	if (nodes && stack) {
		base_make(b, dst ? SL_ACL_FIELD_DST : SL_ACL_FIELD_SRC);
		err = nodes_write(b, nodes, nodes_make(b, dst, nodes), dst, stack);
	}
	acl_free(nodes);
	acl_free(stack);
	return err;
}

/* -------------------------------------------------------------- all of it */

static int field_make(struct build *b, __u32 field)
{
	switch (field) {
	case SL_ACL_FIELD_SRC:
	case SL_ACL_FIELD_DST:
		return prefixes_make(b, field == SL_ACL_FIELD_DST);
	case SL_ACL_FIELD_SPORT:
	case SL_ACL_FIELD_DPORT:
		return ports_make(b, field == SL_ACL_FIELD_DPORT);
	case SL_ACL_FIELD_IF:
	case SL_ACL_FIELD_SRC_CLASS:
	case SL_ACL_FIELD_DST_CLASS:
		return value_make(b, field);
	default:
		return small_make(b, field);
	}
}

static int tables_make(struct build *b)
{
	__u32 field;
	int err;

	err = positions_make(b);
	for (field = 0; field < __SL_ACL_FIELD_MAX && !err; field++)
		if (b->fields & 1U << field)
			err = field_make(b, field);
	return err;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sl_acl_entry *x = a, *y = b;

	if (x->rule.priority != y->rule.priority)
		return x->rule.priority < y->rule.priority ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int rules_check(struct build *b, struct sl_acl_entry *rules)
{
	__u32 i;
	int err;

	if (b->count > SL_ACL_MAX)
		return fail(b, -ENOSPC, "more than 14336 of them");
	/* The protocol is asked always, so that there is a row to begin with. */
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
	struct build *b = acl_calloc(1, sizeof(*b));
	int ret = -ENOMEM;

	if (!b)
		return -ENOMEM;
	b->rules = rules;
	b->count = count;
	b->column = column & 1;
	b->sink = sink;
	b->err = err;
	ret = rules_check(b, rules);
	if (!ret && count) {
		b->pos = acl_calloc(count, sizeof(*b->pos));
		b->known = acl_calloc(KNOWN_SLOTS, sizeof(*b->known));
		ret = b->pos && b->known ? tables_make(b) : -ENOMEM;
	}
	*word = b->column | b->fields << SL_ACL_FIELD_SHIFT | (count ? SL_ACL_RULES : 0) |
		(b->go_on ? SL_ACL_GO_ON : 0);
	acl_free(b->known);
	acl_free(b->pos);
	acl_free(b);
	return ret;
}
