/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The administrator's rules, asked when a flow begins or is judged again. One
 * lookup for each field that any rule uses gives a row of bits, in the order
 * of the rules; the first bit that all rows have is the first rule that matches
 * (Documentation/acl.md). Nothing here touches a packet.
 */
#ifndef SL_BPF_ACL_H
#define SL_BPF_ACL_H

#include "bpf/policy.h"

/* Returned beside 0 and enum sl_drop: the policies are not to be asked. */
#define SL_ACL_ACCEPTED		0x100

/*
 * Source, destination and service (protocol with destination port) are what
 * most rules ask for, and each packet has a row of them at hand. Rows of other
 * fields are compared only where those three agree.
 */
#define SL_ACL_SERVICE		(SL_ACL_USES(SL_ACL_FIELD_PROTO) | SL_ACL_USES(SL_ACL_FIELD_DPORT))
#define SL_ACL_COMMON		(SL_ACL_SERVICE | SL_ACL_USES(SL_ACL_FIELD_SRC) | \
				 SL_ACL_USES(SL_ACL_FIELD_DST))
#define SL_ACL_RARE		((SL_ACL_USES(__SL_ACL_FIELD_MAX) - SL_ACL_USES(0)) & ~SL_ACL_COMMON)

/* Rows of the packet at hand. A field that no rule uses has the service's again. */
struct sl_acl_rows {
	const struct sl_acl_row *src, *dst, *service;
	struct sl_acl_work *w;
	struct sl_ctx *c;
};

/* Steps of sl_acl_step(): one for each word and chunk, one for each rule that matches. */
#define SL_ACL_STEPS	(SL_ACL_MAX + SL_ACL_CHUNKS * (SL_ACL_CHUNK_WORDS + 1) + 1)

/* ------------------------------------------------------- fields to rows */

/* NULL for 0, which is what a broken table leads to. */
static __always_inline const struct sl_acl_row *sl_acl_row_get(__u32 col, __u32 id)
{
	__u32 key = id << 1 | col;

	return id ? bpf_map_lookup_elem(&sl_acl_row, &key) : NULL;
}

static __always_inline __u32 sl_acl_paged(__u32 col, __u32 section, __u32 value)
{
	__u32 key = (section + value / SL_ACL_PAGE) << 1 | col;
	struct sl_acl_page *p;

	p = bpf_map_lookup_elem(&sl_acl_index, &key);
	return p ? p->entry[value % SL_ACL_PAGE] : 0;
}

#define SL_ACL_SECTION(field) \
	(SL_ACL_SECTION_SMALL + ((field) - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES)

static __always_inline __u32 sl_acl_valued(struct sl_acl_work *w, __u32 field, __u32 value)
{
	__u32 *id;

	w->value.table = field << 1 | w->col;
	w->value.value = value;
	id = bpf_map_lookup_elem(&sl_acl_value, &w->value);
	return id ? *id : sl_acl_paged(w->col, SL_ACL_SECTION(field), 0);
}

/*
 * The child of a node that an address is in; without a branch, as the verifier
 * follows each for every level there may be.
 */
static __always_inline __u32 sl_acl_child(const struct sl_acl_node *n, __u64 hi, __u64 lo)
{
	__u64 low = 0 - (__u64)(n->nibble >> 4 & 1);	/* all bits, when it is of @lo */
	__u64 word = hi ^ ((hi ^ lo) & low);
	__u64 same = n->hi ^ ((n->hi ^ n->lo) & low);
	__u32 shift = (15 - (n->nibble & 15)) * 4, i = word >> shift & 15;
	__u64 differ = (word ^ same) >> shift >> 4 | ((hi ^ n->hi) & low);

	_Static_assert(offsetof(struct sl_acl_node, other) == sizeof(n->child),
		       "the other follows the children");
	differ = (differ | (0 - differ)) >> 63;
	sl_opaque(differ);
	/* One of the children, or the number after them. */
	i = (i & (__u32)(differ - 1)) | (__u32)differ << 4;
	return ((const __u16 *)n)[i & 31];
}

/* From a child of a node, or an entry of the index, to the row id of an address. */
__noinline __u32 sl_acl_descend(__u64 hi, __u64 lo, __u32 at, __u32 col)
{
	const struct sl_acl_node *n;
	__u32 i, key;

	for (i = 0; i < 32 && !(at & SL_ACL_NODE_ROW); i++) {
		key = at << 1 | (col & 1);
		n = bpf_map_lookup_elem(&sl_acl_node, &key);
		if (!n)
			return 0;
		at = sl_acl_child(n, hi, lo);
	}
	return at & SL_ACL_NODE_ROW ? at & ~SL_ACL_NODE_ROW : 0;
}

static __always_inline __u32 sl_acl_prefixed(const struct sl_ctx *c, __u32 col, __u32 section,
					     const union sl_addr *a)
{
	__u64 hi = bpf_be64_to_cpu(a->d[0]), lo = bpf_be64_to_cpu(a->d[1]);
	__u32 root = SL_ACL_ROOT_V6;

	if (c->family != SL_FAMILY_V6)
		root = (__u32)lo >> (32 - SL_ACL_ROOT_BITS);
	return sl_acl_descend(hi, lo, sl_acl_paged(col, section, root), col);
}

static __always_inline __u32 sl_acl_service(const struct sl_ctx *c, __u32 col, __u32 word,
					    __u16 port)
{
	if (word & SL_ACL_USES(SL_ACL_FIELD_DPORT)) {
		if (c->key.proto == IPPROTO_TCP)
			return sl_acl_paged(col, SL_ACL_SECTION_TCP, port);
		if (c->key.proto == IPPROTO_UDP)
			return sl_acl_paged(col, SL_ACL_SECTION_UDP, port);
		if (c->key.proto == IPPROTO_SCTP)
			return sl_acl_paged(col, SL_ACL_SECTION_SCTP, port);
	}
	return sl_acl_paged(col, SL_ACL_SECTION(SL_ACL_FIELD_PROTO), c->key.proto);
}

/* Classes are in the column of the endpoint that the packet meets, or comes from. */
static __noinline __u32 sl_acl_class(struct sl_ctx *c, struct sl_scratch *s, __u32 e)
{
	__u64 word;

	e &= 1;
	word = s->flow.ep[!e] ? s->word[!e] : s->word[e];
	return sl_class_of(c, s, e, word & SL_EP_COLUMN_MASK);
}

/* The row id of a field beside the common ones; @field is a constant where this is inlined. */
static __always_inline __u32 sl_acl_rare_id(struct sl_ctx *c, struct sl_scratch *s, __u32 field)
{
	const struct sl_flow *n = &s->flow;
	__u32 col = s->acl.col, o = n->orig & 1;

	switch (field) {
	case SL_ACL_FIELD_SPORT:
		return sl_acl_paged(col, SL_ACL_SECTION_SPORT, bpf_ntohs(c->key.port[o]));
	case SL_ACL_FIELD_TCP_FLAGS:
	case SL_ACL_FIELD_ICMP_TYPE:
		return sl_acl_paged(col, SL_ACL_SECTION(field), n->first_flags);
	case SL_ACL_FIELD_ICMP_CODE:
		return sl_acl_paged(col, SL_ACL_SECTION(field), n->first_code);
	case SL_ACL_FIELD_DSCP:
		return sl_acl_paged(col, SL_ACL_SECTION(field), n->first_dscp);
	case SL_ACL_FIELD_IF:
		return sl_acl_valued(&s->acl, field, n->first_ifindex);
	case SL_ACL_FIELD_SRC_CLASS:
		return sl_acl_valued(&s->acl, field, sl_acl_class(c, s, o));
	default:
		return sl_acl_valued(&s->acl, field, sl_acl_class(c, s, !o));
	}
}

/* Their ids into scratch; chunks in which their rows have bits. */
static __noinline __u32 sl_acl_rare_get(struct sl_ctx *c, struct sl_scratch *s)
{
	const struct sl_acl_row *row;
	__u32 used = ~0U, f, id;

#pragma unroll
	for (f = 0; f < __SL_ACL_FIELD_MAX; f++) {
		if (!(SL_ACL_USES(f) & SL_ACL_RARE) || !(s->acl.rare & SL_ACL_USES(f)))
			continue;
		id = sl_acl_rare_id(c, s, f);
		s->acl.row[f] = id;
		row = sl_acl_row_get(s->acl.col, id);
		if (row)
			used &= row->used;
		else
			s->acl.bad = 1;
	}
	return used;
}

static __always_inline int sl_acl_rows_get(struct sl_ctx *c, struct sl_scratch *s,
					   struct sl_acl_rows *r, __u32 word)
{
	__u32 o = s->flow.orig & 1, col = s->acl.col;

	r->service = sl_acl_row_get(col, sl_acl_service(c, col, word, bpf_ntohs(c->key.port[!o])));
	if (!r->service)
		return SL_DROP_RULE;
	r->src = r->dst = r->service;
	if (word & SL_ACL_USES(SL_ACL_FIELD_SRC)) {
		r->src = sl_acl_row_get(col, sl_acl_prefixed(c, col, SL_ACL_SECTION_SRC,
							     &c->key.addr[o]));
		if (!r->src)
			return SL_DROP_RULE;
	}
	if (word & SL_ACL_USES(SL_ACL_FIELD_DST)) {
		r->dst = sl_acl_row_get(col, sl_acl_prefixed(c, col, SL_ACL_SECTION_DST,
							     &c->key.addr[!o]));
		if (!r->dst)
			return SL_DROP_RULE;
	}
	s->acl.used = r->service->used & r->src->used & r->dst->used;
	if (s->acl.rare)
		s->acl.used &= sl_acl_rare_get(c, s);
	return SL_DROP_NONE;
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

/* A rule that matches. 1: it ends there. */
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
	case SL_ACL_ACT_COUNT:
		return 0;
	default:
		return 1;
	}
}

/* ------------------------------------------------------- rows to rules */

static __always_inline const struct sl_acl_chunk *sl_acl_chunk_get(__u32 col, __u32 id)
{
	__u32 key = id << 1 | col;

	return bpf_map_lookup_elem(&sl_acl_chunk, &key);
}

/* Word @k of chunk @i of what the rows of the other fields have in common. */
__noinline __u64 sl_acl_rare_word(__u32 i, __u32 k)
{
	const struct sl_scratch *s = sl_scratch_get();
	const struct sl_acl_chunk *chunk;
	const struct sl_acl_row *row;
	__u64 all = ~0ULL;
	__u32 f;

	if (!s || sl_opaque(i) >= SL_ACL_CHUNKS)
		return 0;
#pragma unroll
	for (f = 0; f < __SL_ACL_FIELD_MAX; f++) {
		if (!(SL_ACL_USES(f) & SL_ACL_RARE) || !(s->acl.rare & SL_ACL_USES(f)))
			continue;
		row = sl_acl_row_get(s->acl.col, s->acl.row[f]);
		chunk = row ? sl_acl_chunk_get(s->acl.col, row->chunk[i]) : NULL;
		all &= chunk ? chunk->word[k % SL_ACL_CHUNK_WORDS] : 0;
	}
	return all;
}

/*
 * The next word in which all rows have bits, within the chunk at work or at
 * the beginning of the next one. False: not there; sl_acl_step() is called again.
 */
static __always_inline bool sl_acl_advance(const struct sl_acl_rows *r, struct sl_acl_work *w)
{
	const struct sl_acl_chunk *src, *dst, *service;
	__u32 i, k;
	__u64 bits;

	if (w->next == SL_ACL_CHUNK_WORDS) {
		w->at = __builtin_ctz(w->used);
		w->used &= w->used - 1;
		w->next = 0;
	}
	i = w->at;
	if (sl_opaque(i) >= SL_ACL_CHUNKS)
		return false;
	src = sl_acl_chunk_get(w->col, r->src->chunk[i]);
	dst = sl_acl_chunk_get(w->col, r->dst->chunk[i]);
	service = sl_acl_chunk_get(w->col, r->service->chunk[i]);
	if (!src || !dst || !service) {
		w->bad = 1;
		return false;
	}
#pragma unroll
	for (k = 0; k < SL_ACL_CHUNK_WORDS; k++) {
		bits = src->word[k] & dst->word[k] & service->word[k];
		if (!bits || k < w->next)
			continue;
		w->next = k + 1;
		w->bits = bits;
		return true;
	}
	w->next = SL_ACL_CHUNK_WORDS;
	return false;
}

/* The first rule of those left of a word; 1: it ends it. */
static __always_inline long sl_acl_rule(const struct sl_acl_rows *r, struct sl_acl_work *w)
{
	__u32 pos = w->at * SL_ACL_CHUNK_BITS + (w->next - 1) * 64 + __builtin_ctzll(w->bits);
	__u32 key = pos << 1 | w->col;
	struct sl_acl_pos *p;

	w->bits &= w->bits - 1;
	p = bpf_map_lookup_elem(&sl_acl_pos, &key);
	if (p && !sl_acl_apply(w, p, r->c->len))
		return 0;
	w->end = pos + 1;
	return 1;
}

static long sl_acl_step(__u64 n, void *arg)
{
	const struct sl_acl_rows *r = arg;
	struct sl_acl_work *w = r->w;

	if (!w->bits) {
		if (w->next == SL_ACL_CHUNK_WORDS && !w->used)
			return 1;
		if (!sl_acl_advance(r, w))
			return !!w->bad;
		if (w->rare)
			w->bits &= sl_acl_rare_word(w->at, w->next - 1);
		if (!w->bits)
			return 0;
	}
	return sl_acl_rule(r, w);
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
	__u32 key;

	if (w->over)
		return sl_acl_refuse(c, &s->flow, w->over, SL_DROP_RULE_RATE);
	sl_acl_flow_mark(&s->flow, w);
	if (!w->end)
		return SL_DROP_NONE;
	key = (w->end - 1) << 1 | w->col;
	p = bpf_map_lookup_elem(&sl_acl_pos, &key);
	if (!p)
		return sl_acl_refuse(c, &s->flow, 0, SL_DROP_RULE);
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
	struct sl_acl_rows r = { .c = c };

	if (!c || !s)
		return SL_DROP_HELPER;
	r.w = &s->acl;
	s->acl.col = word & SL_ACL_COLUMN;
	s->acl.rare = word & SL_ACL_RARE;
	s->acl.bits = 0;
	s->acl.next = SL_ACL_CHUNK_WORDS;
	s->acl.bad = 0;
	s->acl.end = 0;
	s->acl.mark = 0;
	s->acl.mask = 0;
	s->acl.over = 0;
	if (sl_acl_rows_get(c, s, &r, word))
		return sl_acl_refuse(c, &s->flow, 0, SL_DROP_RULE);
	bpf_loop(SL_ACL_STEPS, sl_acl_step, &r, 0);
	if (s->acl.bad)
		return sl_acl_refuse(c, &s->flow, 0, SL_DROP_RULE);
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
