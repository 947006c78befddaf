/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the hit path leaves over: flows that begin, end, are half-open, are
 * translated, or were judged under what has changed meanwhile; ICMP errors.
 * Each hook's order of steps is in bpf/pipeline.h.
 */
#ifndef SL_BPF_SLOW_H
#define SL_BPF_SLOW_H

#include "bpf/acl.h"
#include "bpf/forward.h"
#include "bpf/reject.h"

/* How this packet's sender is attached, when it begins a flow. */
static __always_inline __u32 sl_hook_way(struct __sk_buff *skb, const struct sl_ctx *c)
{
	switch (c->hook) {
	case SL_HOOK_FROM_POD:
		return SL_WAY_EP;
	case SL_HOOK_FROM_TUNNEL:
		return c->flags & SL_PKT_FORWARDED ? SL_WAY_LINK : SL_WAY_TUNNEL;
	case SL_HOOK_FROM_UPLINK:
		return SL_WAY_LINK;
	default:
		/* Every receive path sets the device; only what a socket here sends has none. */
		return skb->ingress_ifindex ? SL_WAY_STACK : SL_WAY_NODE;
	}
}

/* How the initiator of a known flow was attached: by what leads back to it. */
static __always_inline __u32 sl_flow_way(const struct sl_flow *n)
{
	__u32 o = n->orig & 1;

	if (n->dir[o].flags & SL_FLOW_DIR_FORWARDED)
		return SL_WAY_LINK;
	switch (n->dir[!o].action) {
	case SL_ACTION_PEER:
		return SL_WAY_EP;
	case SL_ACTION_NEIGH:
		return SL_WAY_LINK;
	case SL_ACTION_TUNNEL:
		return SL_WAY_TUNNEL;
	default:
		return n->first_ifindex ? SL_WAY_STACK : SL_WAY_NODE;
	}
}

/*
 * Routes and judges the flow in scratch in the direction of its initiator,
 * which is attached by @way. 0 or enum sl_drop. sl_nat_setup() comes next; it
 * is left to the callers because calls may nest eight deep and no more.
 */
__noinline int sl_judge(struct __sk_buff *skb, struct sl_ctx *c, __u32 way)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_state *st = sl_state_get();
	__u32 o, acl;
	int reason;

	if (!c || !s || !st)
		return SL_DROP_HELPER;
	o = s->flow.orig & 1;
	s->masquerade = 0;
	sl_ends_set(c, s);
	/* Before anything is looked up: what changes from here on makes it stale. */
	s->flow.route_gen = SL_READ_ONCE(st->route_gen);
	reason = sl_route_end(skb, c, o, way);
	if (reason)
		return reason;
	reason = sl_route_end(skb, c, !o, SL_WAY_FIND);
	if (reason)
		return reason;
	acl = SL_READ_ONCE(st->acl);
	if (acl & SL_ACL_RULES) {
		reason = sl_acl_judge(c, acl);
		if (reason)
			return reason == SL_ACL_ACCEPTED ? SL_DROP_NONE : reason;
	}
	return sl_policy_judge(c);
}

/*
 * The end that this packet comes from may be reached by several ways, and its
 * packets come in by any of them; guard has let this one in. Pods have one.
 */
static __always_inline void sl_flow_adopt_way(const struct sl_ctx *c, struct sl_flow *n)
{
	struct sl_flow_dir *d = &n->dir[c->dir & 1];

	if (!n->ep[c->dir & 1])
		d->in_ifindex = c->way_in;
}

/* The packet is the initiator's: whether a node sent it on may be another thing than before. */
static __always_inline void sl_flow_set_forwarded(const struct sl_ctx *c, struct sl_flow *n)
{
	struct sl_flow_dir *d = &n->dir[c->dir & 1];

	d->flags &= ~SL_FLOW_DIR_FORWARDED;
	if (c->flags & SL_PKT_FORWARDED)
		d->flags |= SL_FLOW_DIR_FORWARDED;
}

/* A flow begins. */
__noinline int sl_flow_new(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *n;
	long err;
	int reason;

	if (!c || !s)
		return SL_ACT_DROP;
	n = &s->flow;
	__builtin_memset(n, 0, sizeof(*n));
	n->kind = SL_FLOW_KIND_FLOW;
	n->orig = c->dir & 1;
	n->created_ns = bpf_ktime_get_coarse_ns();
	n->last_ns = n->created_ns;
	n->dir[c->dir & 1].in_ifindex = c->way_in;
	sl_flow_set_forwarded(c, n);
	sl_acl_remember(skb, c, n);
	s->acl.fresh = 1;
	reason = sl_svc_setup(c);
	if (!reason)
		reason = sl_judge(skb, c, sl_hook_way(skb, c));
	if (!reason)
		reason = sl_nat_setup(c);
	if (reason)
		return sl_drop_judged(skb, c, reason);
	sl_flow_adopt_way(c, n);
	n->dir[c->dir & 1].packets = 1;
	n->dir[c->dir & 1].bytes = c->len;
	c->flags |= SL_PKT_COUNTED;
	/* Without a flow there is nothing to translate an error by. */
	if (c->flags & SL_PKT_ICMP_ERROR && !sl_flow_direct(n))
		return SL_ACT_NEXT;
	/* A reset opens nothing, nor does an error. */
	if (sl_is_rst(c) || c->flags & SL_PKT_ICMP_ERROR)
		return sl_forward(skb, c, n);
	err = bpf_map_update_elem(&sl_half, &c->key, n, BPF_ANY);
	if (!err) {
		sl_count_inc(SL_COUNT_FLOW_NEW);
	} else {
		sl_count_refused(err);
		/* No reply to it would be led back. */
		if (sl_flow_translated(n))
			return sl_drop_packet(skb, c, SL_DROP_FLOW_REFUSED);
	}
	return sl_forward(skb, c, n);
}

/*
 * Verdict and ways anew into an entry that others may be reading. Its
 * generations come last and route_gen is wrong meanwhile, so that a reader
 * takes the old as a whole, the new as a whole, or judges by itself. False: another
 * CPU is just writing what it has judged.
 */
static __always_inline bool sl_flow_update(struct sl_flow *f, const struct sl_flow *n)
{
	__u32 busy = n->route_gen ^ SL_FLOW_BUSY, old = SL_READ_ONCE(f->route_gen);
	int i;

	if (old == busy || !__sync_bool_compare_and_swap(&f->route_gen, old, busy))
		return false;
#pragma unroll
	for (i = 0; i < 2; i++) {
		f->dir[i].in_ifindex = n->dir[i].in_ifindex;
		f->dir[i].out_ifindex = n->dir[i].out_ifindex;
		f->dir[i].action = n->dir[i].action;
		f->dir[i].flags = n->dir[i].flags;
		f->dir[i].mtu = n->dir[i].mtu;
		__builtin_memcpy(f->dir[i].dmac, n->dir[i].dmac, 18);
		f->dir[i].as_port = n->dir[i].as_port;
		f->dir[i].as = n->dir[i].as;
		f->ep[i] = n->ep[i];
		f->rule[i] = n->rule[i];
		f->tier[i] = n->tier[i];
	}
	f->first_ifindex = n->first_ifindex;
	f->mark = n->mark;
	f->mark_mask = n->mark_mask;
	f->svc = n->svc;
	f->svc_gen = n->svc_gen;
	f->backend = n->backend;
	f->vni = n->vni;
	f->via = n->via;
	f->gen[0] = n->gen[0];
	f->gen[1] = n->gen[1];
	__sync_lock_test_and_set(&f->route_gen, n->route_gen);
	return true;
}

/*
 * A TCP connection that is forbidden from now on keeps its entry, stale, until
 * it idles out: without it what the responder sends again would begin a flow
 * that the responder may have, and the initiator's packets would pass as the
 * replies. As it is, either end's packets are judged by who began it.
 */
static __always_inline bool sl_flow_keep_denied(const struct sl_ctx *c, int reason)
{
	return (reason == SL_DROP_POLICY_INGRESS || reason == SL_DROP_POLICY_EGRESS ||
		reason == SL_DROP_RULE) &&
	       c->proto == IPPROTO_TCP && !sl_is_syn(c);
}

static __always_inline bool sl_end_same(const struct sl_flow *a, const struct sl_flow *b, __u32 e)
{
	return a->dir[e].as_port == b->dir[e].as_port && sl_addr_eq(&a->dir[e].as, &b->dir[e].as);
}

/* No flood may take the alias of an established flow away. Without room it stays where it is. */
static __noinline int sl_alias_hold(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	bool fresh;

	return s ? sl_alias_promote(c, s, &fresh) : 0;
}

/* Returned beside 0 and enum sl_drop: the packet may pass, but by what is in scratch. */
#define SL_FLOW_ASIDE	0x101

/*
 * The entry is there, but was judged under something else or the packet came
 * in by another way. 0: @f is right now; SL_FLOW_ASIDE; else the reason why it
 * is no more.
 */
__noinline int sl_flow_rejudge(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_scratch *s = sl_scratch_get();
	bool initiator;
	int reason;

	if (!c || !f || !s)
		return SL_DROP_HELPER;
	s->flow = *f;
	initiator = (c->dir & 1) == (f->orig & 1) && !(c->flags & SL_PKT_ICMP_ERROR);
	if (initiator) {
		s->flow.dir[c->dir & 1].in_ifindex = c->way_in;
		s->flow.first_ifindex = sl_acl_way_in(skb, c);
		sl_flow_set_forwarded(c, &s->flow);
	}
	sl_acl_forget(&s->flow);
	s->acl.fresh = 0;
	reason = sl_svc_again(c);
	if (reason == SL_SVC_ANEW)
		reason = sl_svc_setup(c);
	if (!reason)
		reason = sl_judge(skb, c, initiator ? sl_hook_way(skb, c) : sl_flow_way(f));
	if (!reason)
		reason = sl_nat_setup(c);
	sl_count_inc(SL_COUNT_FLOW_REJUDGED);
	if (reason && !sl_flow_keep_denied(c, reason)) {
		sl_flow_del(&c->key, f, SL_CLOSE_REFUSED);
		sl_count_inc(SL_COUNT_FLOW_CLOSED);
	}
	if (reason)
		return reason;
	/* Word of who decided is for drops only. */
	c->ep = 0;
	if (!(c->flags & SL_PKT_ICMP_ERROR))
		sl_flow_adopt_way(c, &s->flow);
	if (!sl_end_same(f, &s->flow, 0) || !sl_end_same(f, &s->flow, 1)) {
		c->flags |= SL_PKT_ALIAS_GONE;
		if (f->state >= SL_FLOW_ESTABLISHED)
			sl_alias_hold(c);
	}
	if (sl_flow_update(f, &s->flow))
		return SL_DROP_NONE;
	sl_flow_note(c, f);
	c->flags |= SL_PKT_COUNTED;
	return SL_FLOW_ASIDE;
}

/* Tracks and forwards a packet whose entry is right for it. */
static __always_inline int sl_flow_pass(struct __sk_buff *skb, struct sl_ctx *c,
					struct sl_flow *f)
{
	sl_flow_track(c, f);
	sl_flow_touch(f);
	return sl_forward(skb, c, f);
}

/* A half-open flow whose alias was evicted needs it again, or another port. */
__noinline bool sl_half_needs_alias(struct sl_ctx *c, struct sl_flow *f)
{
	struct sl_scratch *s = sl_scratch_get();

	if (!c || !f || !s || !sl_flow_translated(f) || (c->dir & 1) != (f->orig & 1))
		return false;
	sl_alias_key(&s->alias_key, f, c->key.proto);
	return sl_alias_look(c, s, true) != SL_ALIAS_OURS &&
	       sl_alias_look(c, s, false) != SL_ALIAS_OURS;
}

/* The half-open entry is right for the packet; it may become established. */
__noinline int sl_half_pass(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *f;

	if (!c || !s)
		return SL_ACT_DROP;
	f = bpf_map_lookup_elem(&sl_half, &c->key);
	if (!f)
		return SL_ACT_CONTINUE;
	if (!sl_half_ripe(c, f) || !sl_flow_promote(c, f))
		return sl_flow_pass(skb, c, f);
	c->flags |= SL_PKT_COUNTED;
	return sl_forward(skb, c, &s->flow);
}

/*
 * The responder of a translated flow knows its ends by the alias alone; under
 * the initiator's names nobody over there speaks. Replies of a flow that goes on
 * to its backend's node as it is don't come back through here.
 */
static __always_inline bool sl_flow_bypassed(const struct sl_ctx *c, const struct sl_flow *f)
{
	if ((c->dir & 1) == (f->orig & 1))
		return false;
	return sl_flow_direct(f) || (sl_flow_translated(f) && !(c->flags & SL_PKT_ALIAS));
}

__noinline bool sl_flow_right(struct __sk_buff *skb, struct sl_ctx *c, struct sl_flow *f)
{
	return c && f && !sl_flow_bypassed(c, f) && f->kind == SL_FLOW_KIND_FLOW &&
	       sl_flow_current(f) && sl_flow_way_in(skb, c, f) && !sl_flow_is_over(c, f);
}

/*
 * From the responder of @f, under its alias @a: the key becomes the flow's own.
 * False: it is from nobody's responder.
 */
static __always_inline bool sl_alias_enter(struct sl_ctx *c, struct sl_scratch *s,
					   const struct sl_flow *a, const struct sl_flow *f)
{
	__u8 dir = c->dir & 1, o = f->orig & 1;

	/* An error's direction was turned round: it is read as what it answers would be answered. */
	if (f->dir[!o].as_port != c->key.port[dir] ||
	    !sl_addr_eq(&f->dir[!o].as, &c->key.addr[dir]))
		return false;
	if (!(c->flags & SL_PKT_ICMP_ERROR)) {
		s->outer[0] = c->key.addr[dir];
		s->outer[1] = c->key.addr[!dir];
	}
	c->key = a->inner;
	c->dir = !o;
	c->flags = (c->flags | SL_PKT_ALIAS) & ~(SL_PKT_NOFLOW | SL_PKT_NOHALF);
	return true;
}

/* The same where the packet's key is an alias, of a flow that there still is. */
__noinline bool sl_alias_resolve(struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *a, *f;

	if (!c || !s)
		return false;
	a = sl_flow_get(&c->key);
	if (!a || a->kind != SL_FLOW_KIND_ALIAS)
		return false;
	f = sl_alias_flow(a, &c->key);
	return f && sl_alias_enter(c, s, a, f);
}

/* The entry under the packet's key in sl_flow, or in sl_half, as c->flags says. */
static __always_inline struct sl_flow *sl_flow_find(struct sl_ctx *c)
{
	struct sl_flow *f = NULL;

	if (!(c->flags & SL_PKT_NOFLOW))
		f = bpf_map_lookup_elem(&sl_flow, &c->key);
	if (f)
		return f;
	c->flags |= SL_PKT_NOFLOW;
	f = bpf_map_lookup_elem(&sl_half, &c->key);
	if (!f)
		c->flags |= SL_PKT_NOHALF;
	return f;
}

/*
 * The packet of a known flow whose entry is right as it is. SL_ACT_HALF: that
 * entry is in sl_half; SL_ACT_CONTINUE: guard and judge have to look.
 */
__noinline int sl_flow_look(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_flow *f;

	if (!c || c->flags & (SL_PKT_FRAG_ORPHAN | SL_PKT_ICMP_ERROR))
		return SL_ACT_CONTINUE;
	f = sl_flow_find(c);
	if (f && f->kind == SL_FLOW_KIND_ALIAS && sl_alias_resolve(c))
		f = sl_flow_find(c);
	if (!f || !sl_flow_right(skb, c, f))
		return SL_ACT_CONTINUE;
	if (c->flags & SL_PKT_NOFLOW && sl_half_needs_alias(c, f))
		return SL_ACT_CONTINUE;
	sl_count_inc(SL_COUNT_FLOW_HIT);
	return c->flags & SL_PKT_NOFLOW ? SL_ACT_HALF : sl_flow_pass(skb, c, f);
}

static __always_inline int sl_flow_hit(struct __sk_buff *skb, struct sl_ctx *c)
{
	int act;

	if ((c->flags & (SL_PKT_NOFLOW | SL_PKT_NOHALF)) == (SL_PKT_NOFLOW | SL_PKT_NOHALF))
		return SL_ACT_CONTINUE;
	act = sl_flow_look(skb, c);
	return act == SL_ACT_HALF ? sl_half_pass(skb, c) : act;
}

static __always_inline bool sl_alias_gone(const struct sl_ctx *c)
{
	return (c->flags & (SL_PKT_ALIAS | SL_PKT_ALIAS_GONE)) ==
	       (SL_PKT_ALIAS | SL_PKT_ALIAS_GONE);
}

/* Under a tuple that was a flow's until this moment: to the node's stack, or from a backend of old. */
static __always_inline int sl_alias_late(struct __sk_buff *skb, struct sl_ctx *c)
{
	return c->hook == SL_HOOK_FROM_UPLINK ? SL_ACT_NEXT :
						sl_drop_packet(skb, c, SL_DROP_SERVICE_GONE);
}

/*
 * An alias is under the packet's tuple, and whoever sent it is not its flow's
 * responder. 0: it is gone now, being dead, or its flow over as that of any
 * other tuple would be; else SL_DROP_TUPLE_TAKEN.
 */
__noinline int sl_alias_give_way(struct sl_ctx *c)
{
	struct sl_flow *a, *f;
	struct sl_tuple inner;

	if (!c)
		return SL_DROP_HELPER;
	a = sl_flow_get(&c->key);
	if (!a)
		return SL_DROP_NONE;
	/* a copy: the entry may be another's as soon as it is deleted */
	inner = a->inner;
	f = sl_flow_get(&inner);
	if (f && !sl_alias_is(&c->key, f))
		f = NULL;
	if (f && !sl_flow_is_over(c, f))
		return SL_DROP_TUPLE_TAKEN;
	if (f) {
		sl_count_inc(f->state == SL_FLOW_CLOSING ? SL_COUNT_FLOW_CLOSED :
							   SL_COUNT_FLOW_EXPIRED);
		sl_flow_del(&inner, f, sl_flow_why(f, SL_CLOSE_IDLE));
	}
	bpf_map_delete_elem(&sl_flow, &c->key);
	return SL_DROP_NONE;
}

/*
 * Guard has passed; there is no entry that is right for the packet. Judges
 * the one there is again, or begins a flow.
 */
__noinline int sl_flow_judge(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *f;
	int reason;

	if (!c || !s)
		return SL_ACT_DROP;
	if ((c->flags & (SL_PKT_NOFLOW | SL_PKT_NOHALF)) == (SL_PKT_NOFLOW | SL_PKT_NOHALF))
		return sl_flow_new(skb, c);
	f = sl_flow_get(&c->key);
	if (f && f->kind == SL_FLOW_KIND_ALIAS) {
		reason = sl_alias_give_way(c);
		if (reason)
			return sl_drop_packet(skb, c, reason);
		f = NULL;
	}
	if (!f)
		return sl_flow_new(skb, c);
	if (sl_flow_bypassed(c, f))
		return sl_drop_packet(skb, c, SL_DROP_MARTIAN);
	if (sl_flow_is_over(c, f)) {
		sl_count_inc(f->state == SL_FLOW_CLOSING ? SL_COUNT_FLOW_CLOSED :
							   SL_COUNT_FLOW_EXPIRED);
		sl_flow_del(&c->key, f, sl_flow_why(f, SL_CLOSE_IDLE));
		return sl_flow_new(skb, c);
	}
	reason = sl_flow_rejudge(skb, c, f);
	if (reason && reason != SL_FLOW_ASIDE)
		return sl_drop_judged(skb, c, reason);
	if (sl_alias_gone(c))
		return sl_alias_late(skb, c);
	return reason ? sl_forward(skb, c, &s->flow) : sl_flow_pass(skb, c, f);
}

/* Redirects are between a router and its neighbours, quenches obsolete: RFC 6633. */
static __always_inline bool sl_icmp_forwardable(const struct sl_ctx *c)
{
	return c->family == SL_FAMILY_V6 ||
	       (c->tcp_flags != ICMP_REDIRECT && c->tcp_flags != ICMP_SOURCE_QUENCH);
}

/*
 * An ICMP error. It belongs to the flow of the packet inside it when it comes
 * from the side that packet went to and goes to the one that sent it; then it
 * goes where that flow's packets go. SL_ACT_CONTINUE: belongs to no flow.
 */
__noinline int sl_icmp_relate(struct __sk_buff *skb, struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();
	struct sl_flow *f;
	int reason;
	__u32 dir;

	if (!c || !s || !sl_icmp_forwardable(c) ||
	    !sl_addr_eq(&s->outer[1], &c->key.addr[!(c->dir & 1)]))
		return SL_ACT_CONTINUE;
	f = sl_flow_get(&c->key);
	if (f && f->kind == SL_FLOW_KIND_ALIAS && sl_alias_resolve(c))
		f = sl_flow_get(&c->key);
	if (!f || f->kind != SL_FLOW_KIND_FLOW)
		return SL_ACT_CONTINUE;
	dir = c->dir & 1;
	if (c->hook == SL_HOOK_FROM_POD ? f->dir[dir].in_ifindex != c->way_in : f->ep[dir] != 0)
		return SL_ACT_CONTINUE;
	if (!sl_flow_current(f)) {
		reason = sl_flow_rejudge(skb, c, f);
		if (reason == SL_FLOW_ASIDE)
			f = &s->flow;
		else if (reason)
			return sl_drop_packet(skb, c, reason);
		if (sl_alias_gone(c))
			return SL_ACT_CONTINUE;
	}
	if (sl_flow_bypassed(c, f))
		return SL_ACT_CONTINUE;
	c->flags |= SL_PKT_COUNTED;
	return sl_forward(skb, c, f);
}

#endif /* SL_BPF_SLOW_H */
