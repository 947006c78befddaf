/* SPDX-License-Identifier: GPL-2.0 */
/*
 * May the two ends of a new flow talk? The sender's egress and the
 * receiver's ingress policy, each by one rule lookup or two, and one in the
 * port trie where ports are named. Nothing else decides, and nothing here
 * touches a packet.
 */
#ifndef SL_BPF_POLICY_H
#define SL_BPF_POLICY_H

#include "bpf/route.h"

/* Class of end @e in the eyes of an endpoint that reads @column. */
static __always_inline __u32 sl_class_of(struct sl_ctx *c, struct sl_scratch *s, __u32 e,
					 __u32 column)
{
	struct sl_prefix key = { .prefixlen = 128 };
	struct sl_class_val *v;
	struct sl_ep *peer;

	if (s->class_ep[e & 1]) {
		peer = sl_ep_get(s->class_ep[e & 1]);
		return peer ? peer->class_id[column & 1][c->family & 1] : SL_CLASS_NONE;
	}
	__builtin_memcpy(&key.addr, &s->real[e & 1], sizeof(key.addr));
	v = bpf_map_lookup_elem(&sl_class, &key);
	return v ? v->class_id[column & 1] : SL_CLASS_NONE;
}

static __always_inline bool sl_proto_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The rule that speaks of @class_id, and what it says of this port. */
static __always_inline bool sl_policy_lookup(struct sl_ctx *c, struct sl_scratch *s, __u32 dir,
					     struct sl_rule_key *key)
{
	struct sl_port_key pk = { .prefixlen = SL_PORT_PLEN_PORT };
	struct sl_flow *n = &s->flow;
	struct sl_rule_val *r = bpf_map_lookup_elem(&sl_rule, key);
	struct sl_port_val *p;

	if (!r) {
		key->class_id = SL_CLASS_ANY;
		r = bpf_map_lookup_elem(&sl_rule, key);
	}
	/* Isolated, and nothing grants it: that is NetworkPolicy's own doing. */
	n->tier[dir] = r ? r->tier : SL_TIER_NETPOL;
	n->rule[dir] = r ? r->rule : 0;
	if (!r || r->verdict != SL_VERDICT_PORTS)
		return r && r->verdict == SL_VERDICT_ALLOW;
	pk.ports = r->ports;
	pk.proto = c->key.proto;
	if (sl_proto_has_ports(pk.proto))
		__builtin_memcpy(pk.port, &s->real_port[!(n->orig & 1)], 2);
	p = bpf_map_lookup_elem(&sl_port, &pk);
	if (!p) {
		n->tier[dir] = r->deny_tier;
		n->rule[dir] = r->deny;
		return false;
	}
	/* A set that several rules share leaves it to the rule entry who decides. */
	if (p->rule) {
		n->tier[dir] = p->tier;
		n->rule[dir] = p->rule;
	}
	return p->verdict == SL_VERDICT_ALLOW;
}

/*
 * One side: the policy that endpoint s->flow.ep[@e] has for @dir. 0 or the
 * reason, and the decider in the flow and, when refused, in @c.
 */
__noinline int sl_policy_side(struct sl_ctx *c, __u32 e, __u32 dir)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_rule_key key;
	struct sl_flow *n;
	__u64 word;
	__u32 set;

	if (!c || !s)
		return SL_DROP_HELPER;
	n = &s->flow;
	e &= 1;
	dir &= 1;
	word = s->word[e];
	set = word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;
	n->rule[dir] = 0;
	n->tier[dir] = SL_TIER_NONE;
	c->ep = n->ep[e];
	if (set == SL_RULESET_CLOSED)
		return SL_DROP_EP_CLOSED;
	/* Nobody is kept from speaking to itself, by way of a service either. */
	if (n->ep[!e] == n->ep[e])
		return SL_DROP_NONE;
	if (s->own[!e]) {
		n->tier[dir] = SL_TIER_NODE;
		return SL_DROP_NONE;
	}
	if (!(word & (dir == SL_DIR_INGRESS ? SL_EP_ISOLATED_INGRESS : SL_EP_ISOLATED_EGRESS)))
		return SL_DROP_NONE;
	key.set = set << 1 | dir;
	key.class_id = sl_class_of(c, s, !e, word & SL_EP_COLUMN_MASK);
	if (sl_policy_lookup(c, s, dir, &key))
		return SL_DROP_NONE;
	c->tier = n->tier[dir];
	c->rule = n->rule[dir];
	return dir == SL_DIR_INGRESS ? SL_DROP_POLICY_INGRESS : SL_DROP_POLICY_EGRESS;
}

/* Both sides by the words in @s. */
static __always_inline int sl_policy_sides(struct sl_ctx *c, struct sl_scratch *s)
{
	__u32 src = s->flow.orig & 1;
	int reason;

	if (s->flow.ep[src]) {
		reason = sl_policy_side(c, src, SL_DIR_EGRESS);
		if (reason)
			return reason;
	}
	if (s->flow.ep[!src])
		return sl_policy_side(c, !src, SL_DIR_INGRESS);
	return SL_DROP_NONE;
}

/* The words are what they were when judging began; else they are taken anew. */
static __always_inline bool sl_policy_confirm(struct sl_scratch *s)
{
	bool same = true;
	struct sl_ep *ep;
	__u64 word;
	__u32 e;

	/* Atomic and fetching, so a full barrier: the lookups come before. */
	__sync_fetch_and_add(&s->fence, 1);
	for (e = 0; e < 2; e++) {
		if (!s->flow.ep[e])
			continue;
		ep = sl_ep_get(s->flow.ep[e]);
		word = ep ? SL_READ_ONCE(ep->policy) : SL_EP_POLICY_CLOSED;
		same &= word == s->word[e];
		s->word[e] = word;
		s->flow.gen[e] = sl_policy_gen(word);
	}
	return same;
}

#define SL_POLICY_TRIES	4

/*
 * Both sides of the flow in scratch, whose ends are attached. 0 or enum
 * sl_drop. The writer of the tables waits for no reader: what it deletes or
 * rewrites after it has switched a word may be what was just looked at under
 * the old one. Then the answer is no answer.
 */
__noinline int sl_policy_judge(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	int reason, i;

	if (!c || !s)
		return SL_DROP_HELPER;
	for (i = 0; i < SL_POLICY_TRIES; i++) {
		reason = sl_policy_sides(c, s);
		if (sl_policy_confirm(s))
			return reason;
	}
	/* Four commits within a microsecond: the sender will try again. */
	return SL_DROP_EP_CLOSED;
}

#endif /* SL_BPF_POLICY_H */
