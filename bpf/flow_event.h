/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is told of a flow that is established or ends: to the daemon by the
 * event ring, to the kernel module by a queue. Only when somebody listens, and
 * never for a packet.
 */
#ifndef SL_BPF_FLOW_EVENT_H
#define SL_BPF_FLOW_EVENT_H

#include "bpf/ctx.h"

static __always_inline void sl_flow_ring(const struct sl_tuple *key, const struct sl_flow *f)
{
	__u32 o = f->orig & 1;
	struct sl_event *ev;

	ev = bpf_ringbuf_reserve(&sl_events, sizeof(*ev), 0);
	if (!ev) {
		sl_count_inc(SL_COUNT_EVENT_LOST);
		return;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->time_ns = bpf_ktime_get_ns();
	ev->type = SL_EVENT_FLOW_CLOSED;
	ev->proto = key->proto;
	ev->ep = f->ep[o] ? f->ep[o] : f->ep[!o];
	ev->ifindex = f->dir[o].in_ifindex;
	ev->tier = f->tier[f->ep[o] ? SL_DIR_EGRESS : SL_DIR_INGRESS];
	ev->rule = f->rule[f->ep[o] ? SL_DIR_EGRESS : SL_DIR_INGRESS];
	ev->eth_proto = sl_addr_is_mapped(&key->addr[0]) ? ETH_P_IP : ETH_P_IPV6;
	ev->saddr = key->addr[o];
	ev->daddr = key->addr[!o];
	ev->sport = key->port[o];
	ev->dport = key->port[!o];
	ev->packets[0] = f->dir[o].packets;
	ev->packets[1] = f->dir[!o].packets;
	ev->bytes[0] = f->dir[o].bytes;
	ev->bytes[1] = f->dir[!o].bytes;
	bpf_ringbuf_submit(ev, 0);
}

static __always_inline void sl_flow_queue(const struct sl_tuple *key, const struct sl_flow *f,
					  __u32 reason)
{
	struct sl_flow_event ev = { .key = *key };
	__u32 o = f->orig & 1;

	ev.created_ns = f->created_ns;
	ev.last_ns = f->last_ns;
	ev.packets[0] = f->dir[o].packets;
	ev.packets[1] = f->dir[!o].packets;
	ev.bytes[0] = f->dir[o].bytes;
	ev.bytes[1] = f->dir[!o].bytes;
	ev.ep[0] = f->ep[o];
	ev.ep[1] = f->ep[!o];
	ev.rule[0] = f->rule[0];
	ev.rule[1] = f->rule[1];
	ev.tier[0] = f->tier[0];
	ev.tier[1] = f->tier[1];
	ev.reason = reason;
	ev.state = f->state;
	ev.orig = o;
	if (bpf_map_push_elem(&sl_flow_ev, &ev, 0))
		sl_count_inc(SL_COUNT_FLOW_EVENT_LOST);
}

/* @reason: enum sl_close_reason; SL_CLOSE_NONE: it is established now. */
static __noinline int sl_flow_tell(const struct sl_tuple *key, const struct sl_flow *f,
				   __u32 reason)
{
	struct sl_state *st = sl_state_get();

	if (!st || !key || !f)
		return 0;
	if (st->events & SL_EVENT_MASK_FLOW && reason != SL_CLOSE_NONE)
		sl_flow_ring(key, f);
	/* A flow that was never established was never told of. */
	if (st->events & SL_EVENT_MASK_QUEUE && f->state >= SL_FLOW_ESTABLISHED)
		sl_flow_queue(key, f, reason);
	return 0;
}

#endif /* SL_BPF_FLOW_EVENT_H */
