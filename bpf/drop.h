/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a packet ended here: counters by reason, counters by decider, and an
 * event for whoever asked. Every drop of the pipeline goes through
 * sl_drop_packet().
 */
#ifndef SL_BPF_DROP_H
#define SL_BPF_DROP_H

#include "bpf/ctx.h"

/* A token bucket on each CPU: @rate tokens a second, @burst at most. */
enum sl_limit_id {
	SL_LIMIT_ICMP,
	SL_LIMIT_EVENT,
	__SL_LIMIT_MAX,
};

struct sl_limit {
	__u64 stamp_ns;
	__u64 tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, __SL_LIMIT_MAX);
	__type(key, __u32);
	__type(value, struct sl_limit);
} sl_limit SEC(".maps");

const volatile __u32 sl_icmp_rate = 1000;	/* a second and CPU */
const volatile __u32 sl_icmp_burst = 50;
const volatile __u32 sl_event_rate = 5000;
const volatile __u32 sl_event_burst = 1000;

#define SL_NSEC_PER_SEC	1000000000ULL

static __always_inline bool sl_limit_take(__u32 id, __u32 rate, __u32 burst)
{
	struct sl_limit *l = bpf_map_lookup_elem(&sl_limit, &id);
	__u64 now, fresh;

	if (!l)
		return false;
	now = bpf_ktime_get_coarse_ns();
	fresh = (now - l->stamp_ns) * rate / SL_NSEC_PER_SEC;
	/* An hour of silence must not overflow the product. */
	if (now - l->stamp_ns > SL_NSEC_PER_SEC)
		fresh = burst;
	if (fresh) {
		l->tokens = l->tokens + fresh > burst ? burst : l->tokens + fresh;
		l->stamp_ns = now;
	}
	if (!l->tokens)
		return false;
	l->tokens--;
	return true;
}

static __always_inline void sl_drop_event(struct __sk_buff *skb, const struct sl_ctx *c,
					  __u32 reason)
{
	__u8 dir = c->dir & 1;
	struct sl_event *ev;

	if (!sl_limit_take(SL_LIMIT_EVENT, sl_event_rate, sl_event_burst)) {
		sl_count_inc(SL_COUNT_EVENT_LIMITED);
		return;
	}
	ev = bpf_ringbuf_reserve(&sl_events, sizeof(*ev), 0);
	if (!ev) {
		sl_count_inc(SL_COUNT_EVENT_LOST);
		return;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->time_ns = bpf_ktime_get_ns();
	ev->type = SL_EVENT_DROP;
	ev->reason = reason;
	ev->hook = c->hook;
	ev->tier = c->tier;
	ev->ep = c->ep;
	ev->rule = c->rule;
	ev->ifindex = skb->ifindex;
	ev->len = c->len;
	ev->eth_proto = bpf_ntohs(c->eth_proto);
	ev->tcp_flags = c->tcp_flags;
	ev->proto = c->proto;
	if (c->flags & SL_PKT_ICMP_ERROR) {
		ev->saddr = *sl_pkt_saddr(c);
		ev->daddr = *sl_pkt_daddr(c);
	} else {
		ev->saddr = c->key.addr[dir];
		ev->daddr = c->key.addr[!dir];
		ev->sport = c->key.port[dir];
		ev->dport = c->key.port[!dir];
	}
	bpf_ringbuf_submit(ev, 0);
}

/*
 * Records a drop. @c names the decider: ep, tier and rule, zero where nobody
 * decided. Always returns the verdict "drop".
 */
__noinline int sl_drop_packet(struct __sk_buff *skb, struct sl_ctx *c, __u32 reason)
{
	struct sl_drop_key key = { .reason = reason };
	struct sl_counter *cnt, one = { .packets = 1 };
	struct sl_state *st = sl_state_get();

	if (!c || !st)
		return SL_ACT_DROP;
	cnt = bpf_map_lookup_elem(&sl_drop, &reason);
	if (cnt) {
		cnt->packets++;
		cnt->bytes += c->len;
	}
	if (c->ep || c->rule) {
		key.ep = c->ep;
		key.rule = c->rule;
		cnt = bpf_map_lookup_elem(&sl_drop_rule, &key);
		if (cnt) {
			__sync_fetch_and_add(&cnt->packets, 1);
			__sync_fetch_and_add(&cnt->bytes, c->len);
		} else {
			one.bytes = c->len;
			bpf_map_update_elem(&sl_drop_rule, &key, &one, BPF_ANY);
		}
	}
	/* Pods chatter in multicast by themselves; that is no news. */
	if (st->events & SL_EVENT_MASK_DROP && reason != SL_DROP_MULTICAST)
		sl_drop_event(skb, c, reason);
	return SL_ACT_DROP;
}

#endif /* SL_BPF_DROP_H */
