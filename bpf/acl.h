/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The administrator's rules, asked when a flow begins or is judged again. One
 * lookup for each field that any rule uses gives a row of bits; what the rows
 * have in common are the rules that match (Documentation/acl.md). Nothing here
 * touches a packet.
 */
#ifndef SL_BPF_ACL_H
#define SL_BPF_ACL_H

#include "bpf/policy.h"

/* Returned beside 0 and enum sl_drop: the policies are not to be asked. */
#define SL_ACL_ACCEPTED		0x100

#define SL_ACL_RANK_NONE	0xffff

/* The first so many fields are what most rules ask for; the others are compared if need be. */
#define SL_ACL_COMMON		(SL_ACL_FIELD_PROTO + 1)
#define SL_ACL_RARE		(SL_ACL_USES(__SL_ACL_FIELD_MAX) - SL_ACL_USES(SL_ACL_COMMON))

/*
 * Rows of the packet at hand. Those of fields that no rule uses are that of
 * the protocol again, which changes nothing and needs no second kind of pointer.
 */
struct sl_acl_rows {
	const struct sl_acl_row *row[__SL_ACL_FIELD_MAX];
	struct sl_acl_work *w;
	struct sl_ctx *c;
};

/* ------------------------------------------------------- fields to rows */

static __always_inline const struct sl_acl_row *sl_acl_row_get(struct sl_acl_work *w, __u32 id)
{
	w->key = w->col << 16 | id;
	return bpf_map_lookup_elem(&sl_acl_row, &w->key);
}

static __always_inline __u32 sl_acl_paged(struct sl_acl_work *w, __u32 section, __u32 value)
{
	struct sl_acl_page *p;

	w->key = w->col * __SL_ACL_SECTION_MAX + section + value / SL_ACL_PAGE;
	p = bpf_map_lookup_elem(&sl_acl_index, &w->key);
	return p ? p->row[value % SL_ACL_PAGE] : 0;
}

#define SL_ACL_SECTION(field) \
	(SL_ACL_SECTION_SMALL + ((field) - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES)

static __always_inline __u32 sl_acl_valued(struct sl_acl_work *w, __u32 field, __u32 value)
{
	__u32 *id;

	w->value.table = field << 1 | w->col;
	w->value.value = value;
	id = bpf_map_lookup_elem(&sl_acl_value, &w->value);
	return id ? *id : sl_acl_paged(w, SL_ACL_SECTION(field), 0);
}

static __always_inline __u32 sl_acl_prefixed(struct sl_acl_work *w, __u32 dst,
					     const union sl_addr *a)
{
	__u32 *id;

	w->prefix.prefixlen = 32 + 128;
	w->prefix.table = w->col << 1 | dst;
	__builtin_memcpy(&w->prefix.addr, a, sizeof(*a));
	id = bpf_map_lookup_elem(&sl_acl_prefix, &w->prefix);
	return id ? *id : 0;
}

/* Classes are in the column of the endpoint that the packet meets, or comes from. */
static __noinline __u32 sl_acl_class(struct sl_ctx *c, struct sl_scratch *s, __u32 e)
{
	__u64 word;

	e &= 1;
	word = s->flow.ep[!e] ? s->word[!e] : s->word[e];
	return sl_class_of(c, s, e, word & SL_EP_COLUMN_MASK);
}

/* The row id of one field; @field is a constant where this is inlined. */
static __always_inline __u32 sl_acl_field(struct sl_ctx *c, struct sl_scratch *s, __u32 field)
{
	const struct sl_flow *n = &s->flow;
	struct sl_acl_work *w = &s->acl;
	__u32 o = n->orig & 1;

	switch (field) {
	case SL_ACL_FIELD_SRC:
		return sl_acl_prefixed(w, 0, &c->key.addr[o]);
	case SL_ACL_FIELD_DST:
		return sl_acl_prefixed(w, 1, &c->key.addr[!o]);
	case SL_ACL_FIELD_SPORT:
		return sl_acl_paged(w, SL_ACL_SECTION_SPORT, bpf_ntohs(c->key.port[o]));
	case SL_ACL_FIELD_DPORT:
		return sl_acl_paged(w, SL_ACL_SECTION_DPORT, bpf_ntohs(c->key.port[!o]));
	case SL_ACL_FIELD_PROTO:
		return sl_acl_paged(w, SL_ACL_SECTION(field), c->key.proto);
	case SL_ACL_FIELD_TCP_FLAGS:
	case SL_ACL_FIELD_ICMP_TYPE:
		return sl_acl_paged(w, SL_ACL_SECTION(field), n->first_flags);
	case SL_ACL_FIELD_ICMP_CODE:
		return sl_acl_paged(w, SL_ACL_SECTION(field), n->first_code);
	case SL_ACL_FIELD_DSCP:
		return sl_acl_paged(w, SL_ACL_SECTION(field), n->first_dscp);
	case SL_ACL_FIELD_IF:
		return sl_acl_valued(w, field, n->first_ifindex);
	case SL_ACL_FIELD_SRC_CLASS:
		return sl_acl_valued(w, field, sl_acl_class(c, s, o));
	default:
		return sl_acl_valued(w, field, sl_acl_class(c, s, !o));
	}
}

/* False: the tables lack a row that they must have. */
static __always_inline bool sl_acl_rows_get(struct sl_ctx *c, struct sl_scratch *s,
					    struct sl_acl_rows *r, __u32 word)
{
	const struct sl_acl_row *proto, *row;
	__u32 i;

	proto = sl_acl_row_get(&s->acl, sl_acl_field(c, s, SL_ACL_FIELD_PROTO));
	if (!proto)
		return false;
#pragma unroll
	for (i = 0; i < __SL_ACL_FIELD_MAX; i++) {
		row = proto;
		if (i != SL_ACL_FIELD_PROTO && word & SL_ACL_USES(i)) {
			row = sl_acl_row_get(&s->acl, sl_acl_field(c, s, i));
			if (!row)
				return false;
		}
		r->row[i] = row;
		/* Kept there and nowhere else: the stack has no room for copies. */
		asm volatile("" : : "r"(r) : "memory");
	}
	return true;
}

/* ------------------------------------------------------- rows to rules */

static __always_inline __u64 sl_acl_word(const struct sl_acl_rows *r, __u32 i)
{
	__u64 all = r->row[0]->word[i];
	__u32 f;

#pragma unroll
	for (f = 1; f < SL_ACL_COMMON; f++)
		all &= r->row[f]->word[i];
	if (!all || !r->w->more)
		return all;
#pragma unroll
	for (f = SL_ACL_COMMON; f < __SL_ACL_FIELD_MAX; f++)
		all &= r->row[f]->word[i];
	return all;
}

/* Two sums at a time, row after row: what is held at once has room in registers. */
static __always_inline void sl_acl_sum_pair(const struct sl_acl_rows *r, struct sl_acl_work *w,
					    __u32 i)
{
	__u64 a = ~0ULL, b = ~0ULL;
	__u32 f;

#pragma unroll
	for (f = 0; f < __SL_ACL_FIELD_MAX; f++) {
		if (f == SL_ACL_COMMON && !w->more)
			break;
		a &= r->row[f]->sum[i];
		b &= r->row[f]->sum[i + 1];
		asm volatile("" : : "r"(r) : "memory");
	}
	w->sum[i] = a;
	w->sum[i + 1] = b;
}

static __noinline int sl_acl_sums(const struct sl_acl_rows *r, struct sl_acl_work *w)
{
	_Static_assert(SL_ACL_SUMS == 4, "sums are two pairs");
	sl_acl_sum_pair(r, w, 0);
	sl_acl_sum_pair(r, w, 2);
	w->bits = 0;
	w->next = 0;
	w->from = 0;
	return 0;
}

/* Forgets what is before position @end. */
static __always_inline void sl_acl_skip(struct sl_acl_work *w, __u32 end)
{
	__u32 word = end / 64, i;

#pragma unroll
	for (i = 0; i < SL_ACL_SUMS; i++) {
		if (i < word / 64)
			w->sum[i] = 0;
		else if (i == word / 64)
			w->sum[i] &= ~0ULL << (word & 63);
	}
	w->bits = w->at == word ? w->bits & ~0ULL << (end & 63) : 0;
	w->from = end;
}

/* The next position that all rows have, or -1: not found yet; -2: there is none. */
static __always_inline int sl_acl_next(const struct sl_acl_rows *r, struct sl_acl_work *w)
{
	__u32 i, bit;
	__u64 sum;

	if (!w->bits) {
		i = w->next;
#pragma unroll
		for (bit = 1; bit < SL_ACL_SUMS; bit++)
			if (i < SL_ACL_SUMS && !w->sum[i & (SL_ACL_SUMS - 1)])
				i++;
		if (i >= SL_ACL_SUMS)
			return -2;
		sum = w->sum[i & (SL_ACL_SUMS - 1)];
		if (!sum)
			return -2;
		w->next = i;
		bit = __builtin_ctzll(sum);
		w->sum[i & (SL_ACL_SUMS - 1)] = sum & (sum - 1);
		i = i * 64 + bit;
		if (sl_opaque(i) >= SL_ACL_WORDS)
			return -2;
		w->at = i;
		w->bits = sl_acl_word(r, i);
		if (i == w->from / 64)
			w->bits &= ~0ULL << (w->from & 63);
		if (!w->bits)
			return -1;
	}
	bit = __builtin_ctzll(w->bits);
	w->bits &= w->bits - 1;
	return w->at * 64 + bit;
}

static __always_inline struct sl_acl_pos *sl_acl_pos_get(struct sl_acl_work *w, __u32 pos)
{
	w->key = w->col * SL_ACL_POS_MAX + pos;
	return bpf_map_lookup_elem(&sl_acl_pos, &w->key);
}

/* First of the rules that end it: the first of each group, and of those the first. */
static long sl_acl_step_first(__u64 i, void *arg)
{
	const struct sl_acl_rows *r = arg;
	struct sl_acl_work *w = r->w;
	int pos = sl_acl_next(r, w);
	struct sl_acl_pos *p;

	if (pos < 0)
		return pos == -2;
	p = sl_acl_pos_get(w, pos);
	if (!p)
		return 1;
	if (p->rank < w->rank) {
		w->rank = p->rank;
		w->pos = pos;
	}
	sl_acl_skip(w, p->end);
	return 0;
}

/* -------------------------------------------------------------- actions */

static __always_inline void sl_acl_count_add(__u32 rule, __u32 len)
{
	struct sl_counter *cnt = bpf_map_lookup_elem(&sl_acl_count, &rule);

	if (!cnt)
		return;
	__sync_fetch_and_add(&cnt->packets, 1);
	__sync_fetch_and_add(&cnt->bytes, len);
}

#define SL_ACL_RATE_TRIES	4

/*
 * Generic cell rate: the time at which the next one is due moves on by one
 * interval for each, and may be ahead of now by the burst. False: too early.
 */
static __always_inline bool sl_acl_rate_take(__u32 rule, __u32 rate, __u32 burst)
{
	struct sl_acl_bucket *b = bpf_map_lookup_elem(&sl_acl_bucket, &rule);
	__u64 now = bpf_ktime_get_ns(), gap, due, tat;
	int i;

	if (!b || !rate)
		return false;
	gap = SL_NSEC_PER_SEC / rate;
#pragma unroll
	for (i = 0; i < SL_ACL_RATE_TRIES; i++) {
		tat = SL_READ_ONCE(b->tat_ns);
		due = (__s64)(tat - now) > 0 ? tat : now;
		if (due - now > gap * (burst - 1))
			return false;
		if (__sync_val_compare_and_swap(&b->tat_ns, tat, due + gap) == tat)
			return true;
	}
	/* Others took it four times meanwhile. */
	return false;
}

static __always_inline void sl_acl_mark(struct sl_acl_work *w, __u32 value, __u32 mask)
{
	w->mark = (w->mark & ~mask) | value;
	w->mask |= mask;
}

/* A rule that goes on: 0, or 1 when the packet is above its rate. */
static __always_inline long sl_acl_apply(struct sl_acl_work *w, const struct sl_acl_pos *p,
					 __u32 len)
{
	sl_acl_count_add(p->rule, len);
	switch (p->action) {
	case SL_ACL_ACT_MARK:
		sl_acl_mark(w, p->arg[0], p->arg[1]);
		return 0;
	case SL_ACL_ACT_MIRROR:
		sl_acl_mark(w, SL_MARK_MIRROR, SL_MARK_MIRROR);
		return 0;
	case SL_ACL_ACT_RATE:
		/* A flow that is there already has been counted in. */
		if (!w->fresh || sl_acl_rate_take(p->rule, p->arg[0], p->arg[1]))
			return 0;
		w->over = p->rule;
		return 1;
	default:
		return 0;
	}
}

/* All of the rules that go on and come before the one that ends it. */
static long sl_acl_step_go_on(__u64 i, void *arg)
{
	const struct sl_acl_rows *r = arg;
	struct sl_acl_work *w = r->w;
	int pos = sl_acl_next(r, w);
	struct sl_acl_pos *p;

	if (pos < 0)
		return pos == -2;
	p = sl_acl_pos_get(w, pos);
	/* They are first of all positions, and in order. */
	if (!p || p->action < SL_ACL_ACT_MARK || p->rank > w->rank)
		return 1;
	return sl_acl_apply(w, p, r->c->len);
}

static __always_inline void sl_acl_walk(struct sl_acl_rows *r, struct sl_acl_work *w, __u32 word)
{
	struct sl_acl_pos *p;

	sl_acl_sums(r, w);
	if (word & SL_ACL_GO_ON) {
		p = sl_acl_pos_get(w, 0);
		sl_acl_skip(w, p ? p->end : 0);
	}
	bpf_loop(SL_ACL_POS_MAX, sl_acl_step_first, r, 0);
	if (!(word & SL_ACL_GO_ON))
		return;
	sl_acl_sums(r, w);
	bpf_loop(SL_ACL_POS_MAX, sl_acl_step_go_on, r, 0);
}

/* -------------------------------------------------------------- verdict */

static __always_inline int sl_acl_refuse(struct sl_ctx *c, const struct sl_flow *n, __u32 rule,
					 int reason)
{
	__u32 o = n->orig & 1;

	c->ep = n->ep[o] ? n->ep[o] : n->ep[!o];
	c->tier = SL_TIER_RULE;
	c->rule = rule;
	return reason;
}

static __always_inline void sl_acl_flow_mark(struct sl_flow *n, const struct sl_acl_work *w)
{
	n->mark = w->mark;
	n->mark_mask = w->mask;
	if (!w->mask)
		return;
	n->dir[0].flags |= SL_FLOW_DIR_MARK;
	n->dir[1].flags |= SL_FLOW_DIR_MARK;
}

/* No policy is asked, but before there is one nobody gets through. */
static __always_inline int sl_acl_accept(struct sl_ctx *c, struct sl_scratch *s, __u32 rule)
{
	struct sl_flow *n = &s->flow;
	__u32 e, set;

	for (e = 0; e < 2; e++) {
		set = s->word[e] >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;
		if (n->ep[e] && set == SL_RULESET_CLOSED) {
			c->ep = n->ep[e];
			return SL_DROP_EP_CLOSED;
		}
		n->rule[e] = rule;
		n->tier[e] = SL_TIER_RULE;
	}
	return SL_ACL_ACCEPTED;
}

static __always_inline int sl_acl_end(struct sl_ctx *c, struct sl_scratch *s)
{
	struct sl_acl_work *w = &s->acl;
	struct sl_acl_pos *p;

	if (w->over)
		return sl_acl_refuse(c, &s->flow, w->over, SL_DROP_RULE_RATE);
	sl_acl_flow_mark(&s->flow, w);
	if (w->rank == SL_ACL_RANK_NONE)
		return SL_DROP_NONE;
	p = sl_acl_pos_get(w, w->pos);
	if (!p)
		return sl_acl_refuse(c, &s->flow, 0, SL_DROP_RULE);
	sl_acl_count_add(p->rule, c->len);
	switch (p->action) {
	case SL_ACL_ACT_ACCEPT:
		return sl_acl_accept(c, s, p->rule);
	case SL_ACL_ACT_PASS:
		return SL_DROP_NONE;
	case SL_ACL_ACT_REJECT:
		c->flags |= SL_PKT_REJECT;
		/* fall through */
	default:
		return sl_acl_refuse(c, &s->flow, p->rule, SL_DROP_RULE);
	}
}

/*
 * Asks the rules about the flow in scratch, whose ends are attached. 0: the
 * policies decide; SL_ACL_ACCEPTED; or enum sl_drop with the decider in @c.
 * @word: the acl word, read once; its column stays as it is while we run.
 */
__noinline int sl_acl_judge(struct sl_ctx *c, __u32 word)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_acl_rows r;

	if (!c || !s)
		return SL_DROP_HELPER;
	s->acl.col = word & SL_ACL_COLUMN;
	s->acl.rank = SL_ACL_RANK_NONE;
	s->acl.pos = 0;
	s->acl.mark = 0;
	s->acl.mask = 0;
	s->acl.over = 0;
	s->acl.more = !!(word & SL_ACL_RARE);
	if (!sl_acl_rows_get(c, s, &r, word))
		return sl_acl_refuse(c, &s->flow, 0, SL_DROP_RULE);
	r.w = &s->acl;
	r.c = c;
	sl_acl_walk(&r, &s->acl, word);
	return sl_acl_end(c, s);
}

/* ------------------------------------------------- what a flow remembers */

static __always_inline __u32 sl_acl_way_in(struct __sk_buff *skb, const struct sl_ctx *c)
{
	__u32 from = skb->ingress_ifindex, at = skb->ifindex;

	/* Both are read: one read of two places is no access to a context. */
	return c->hook == SL_HOOK_TO_POD ? sl_opaque(from) : sl_opaque(at);
}

/* Of a flow's first packet what the key does not say. */
static __always_inline void sl_acl_remember(struct __sk_buff *skb, const struct sl_ctx *c,
					    struct sl_flow *n)
{
	const __u8 *ip = (void *)(long)skb->data + ETH_HLEN_;
	__u8 head[2] = {};

	if ((void *)(ip + 2) <= (void *)(long)skb->data_end) {
		head[0] = ip[0];
		head[1] = ip[1];
	} else {
		bpf_skb_load_bytes(skb, ETH_HLEN_, head, sizeof(head));
	}
	n->first_dscp = c->family == SL_FAMILY_V6 ? (head[0] & 0xf) << 2 | head[1] >> 6 :
						    head[1] >> 2;
	n->first_ifindex = sl_acl_way_in(skb, c);
	if (c->flags & SL_PKT_FRAG_LATER)
		return;
	n->first_flags = c->tcp_flags;
	if (sl_is_icmp(c->family, c->proto) && !bpf_skb_load_bytes(skb, c->l4_off, head, 2))
		n->first_code = head[1];
}

/* What rules have made of it, before they are asked again. */
static __always_inline void sl_acl_forget(struct sl_flow *n)
{
	n->dir[0].flags &= ~SL_FLOW_DIR_MARK;
	n->dir[1].flags &= ~SL_FLOW_DIR_MARK;
	n->mark = 0;
	n->mark_mask = 0;
}

#endif /* SL_BPF_ACL_H */
