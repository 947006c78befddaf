// SPDX-License-Identifier: GPL-2.0
/* The event ring, read and put into words. See events.h. */
#include "daemon/events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/log.h"

#define EVENTS_LOST_MS 1000

struct events {
	struct events_ctx ctx;
	struct sluice_events *ring;
	uv_poll_t poll;
	uv_timer_t timer;
	int open_handles;		/* that are closing */
	bool on, freed;
	/* read when first needed */
	json_t *rules;			/* id: decider */
	json_t *addresses;		/* address: "namespace/pod", of all nodes */
	__u64 lost_seen;		/* by the pipeline, already told */
};

/* -------------------------------------------------------------------- names */

static json_t *decider_json(struct events *ev, const struct sl_event *e)
{
	static const char *const tiers[__SL_TIER_MAX] = {
		[SL_TIER_NONE] = "none", [SL_TIER_ADMIN] = "admin", [SL_TIER_NETPOL] = "netpol",
		[SL_TIER_BASELINE] = "baseline", [SL_TIER_NODE] = "node",
		[SL_TIER_RULE] = "rule",
	};
	const char *tier = e->tier < __SL_TIER_MAX ? tiers[e->tier] : "unknown";
	json_t *named, *out;
	char id[16];

	/* An administrator's rule has an id of its own kind, and no policy. */
	if (e->reason == SL_DROP_RULE || e->reason == SL_DROP_RULE_RATE)
		return json_pack("{s:I, s:s, s:n, s:n, s:n, s:n}", "rule", (json_int_t)e->rule, "tier",
				 tier, "namespace", "policy", "direction", "ruleName");
	if (e->reason != SL_DROP_POLICY_INGRESS && e->reason != SL_DROP_POLICY_EGRESS)
		return json_null();
	if (!ev->rules)
		ev->rules = policy_rules_json(ev->ctx.pol);
	snprintf(id, sizeof(id), "%u", e->rule);
	named = json_object_get(ev->rules, id);
	out = json_pack("{s:o, s:s, s:n, s:n, s:s, s:n}",
			"rule", e->rule ? json_integer(e->rule) : json_null(), "tier", tier,
			"namespace", "policy", "direction",
			e->reason == SL_DROP_POLICY_INGRESS ? "ingress" : "egress", "ruleName");
	if (named)
		json_object_update_existing(out, named);
	return out;
}

static json_t *pod_json(const struct endpoint *ep)
{
	return ep ? json_sprintf("%s/%s", ep->rec.pod_namespace, ep->rec.pod_name) : json_null();
}

/* A pod here as the plugin said, one elsewhere as its object says. */
static json_t *pod_at_json(struct events *ev, const union sl_addr *addr)
{
	const struct endpoint *ep = endpoint_by_addr(ev->ctx.eps, addr);
	char text[SLUICE_ADDR_STRLEN];
	json_t *name;

	if (ep)
		return pod_json(ep);
	if (!ev->addresses)
		ev->addresses = policy_addresses_json(ev->ctx.pol);
	name = json_object_get(ev->addresses, sluice_addr_format(addr, text));
	return name ? json_incref(name) : json_null();
}

static json_t *end_json(struct events *ev, const union sl_addr *addr, const struct sl_event *e,
			__be16 port)
{
	char text[SLUICE_ADDR_STRLEN];
	bool ports = e->proto == IPPROTO_TCP || e->proto == IPPROTO_UDP ||
		     e->proto == IPPROTO_SCTP;

	return json_pack("{s:s, s:o, s:o}", "address", sluice_addr_format(addr, text),
			 "port", ports ? json_integer(ntohs(port)) : json_null(),
			 "pod", pod_at_json(ev, addr));
}

static json_t *protocol_json(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return json_string("tcp");
	case IPPROTO_UDP:
		return json_string("udp");
	case IPPROTO_SCTP:
		return json_string("sctp");
	case IPPROTO_ICMP:
		return json_string("icmp");
	case IPPROTO_ICMPV6:
		return json_string("icmpv6");
	default:
		return json_sprintf("%u", proto);
	}
}

static json_t *tcp_flags_json(const struct sl_event *e)
{
	static const char letters[] = "FSRPAUEC";
	char text[9];
	size_t n = 0;

	if (e->proto != IPPROTO_TCP)
		return json_null();
	for (int i = 0; i < 8; i++) {
		if (e->tcp_flags & 1 << i)
			text[n++] = letters[i];
	}
	text[n] = '\0';
	return json_string(text);
}

static double event_time(const struct sl_event *e)
{
	struct timespec real, mono;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return (double)(real.tv_sec - mono.tv_sec) + (double)(real.tv_nsec - mono.tv_nsec) / 1e9 +
	       (double)e->time_ns / 1e9;
}

static const char *hook_name(__u8 hook)
{
	static const char *const names[__SL_HOOK_MAX] = {
		[SL_HOOK_FROM_POD] = "from-pod", [SL_HOOK_TO_POD] = "to-pod",
		[SL_HOOK_FROM_UPLINK] = "from-uplink", [SL_HOOK_FROM_TUNNEL] = "from-tunnel",
		[SL_HOOK_NETKIT] = "netkit",
	};

	return hook < __SL_HOOK_MAX ? names[hook] : "unknown";
}

static json_t *drop_json(struct events *ev, const struct sl_event *e)
{
	char ifname[IFNAMSIZ];

	return json_pack("{s:{s:f, s:s, s:s, s:s?, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}}", "event",
			 "time", event_time(e), "reason",
			 e->reason < __SL_DROP_MAX ? sluice_drop_name(e->reason) : "unknown",
			 "hook", hook_name(e->hook), "interface", if_indextoname(e->ifindex, ifname),
			 "endpoint", e->ep ? json_integer(e->ep) : json_null(),
			 "pod", pod_json(endpoint_by_id(ev->ctx.eps, e->ep)),
			 "protocol", protocol_json(e->proto), "length", (int)e->len,
			 "tcpFlags", tcp_flags_json(e),
			 "source", end_json(ev, &e->saddr, e, e->sport),
			 "destination", end_json(ev, &e->daddr, e, e->dport),
			 "decider", decider_json(ev, e));
}

/* --------------------------------------------------------------------- ring */

/* One line, free() it. */
static char *event_line(struct events *ev, const struct sl_event *e)
{
	json_t *doc = drop_json(ev, e);
	char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL, *line;

	json_decref(doc);
	if (!text)
		return NULL;
	line = realloc(text, strlen(text) + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	return strcat(line, "\n");
}

static int on_event(void *arg, const struct sl_event *e)
{
	struct events *ev = arg;
	char *line;

	if (e->type != SL_EVENT_DROP)
		return 0;
	line = event_line(ev, e);
	if (line)
		ev->ctx.publish(ev->ctx.arg, line);
	else
		ev->ctx.lost(ev->ctx.arg, 1);
	free(line);
	return 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct events *ev = poll->data;

	(void)events;
	if (status || sluice_events_read(ev->ring) < 0)
		log_error("event ring: %s", status ? uv_strerror(status) : "unreadable");
}

/* Events that found the ring full, or were over the limit of one CPU. */
static __u64 events_lost(struct events *ev)
{
	__u64 counts[__SL_COUNT_MAX];

	if (sluice_counts(ev->ctx.sl, counts))
		return ev->lost_seen;
	return counts[SL_COUNT_EVENT_LOST] + counts[SL_COUNT_EVENT_LIMITED];
}

static void on_lost_timer(uv_timer_t *timer)
{
	struct events *ev = timer->data;
	__u64 lost = events_lost(ev);

	if (lost > ev->lost_seen)
		ev->ctx.lost(ev->ctx.arg, lost - ev->lost_seen);
	ev->lost_seen = lost;
}

/* The other bits are the kernel module's. */
static void events_mask(struct events *ev, __u32 mask)
{
	const __u32 ours = SL_EVENT_MASK_DROP | SL_EVENT_MASK_FLOW;
	__u32 *word = &sluice_state(ev->ctx.sl)->events;

	__atomic_fetch_or(word, mask & ours, __ATOMIC_ACQ_REL);
	__atomic_fetch_and(word, mask | ~ours, __ATOMIC_ACQ_REL);
}

static int events_start(struct events *ev)
{
	int err = sluice_events_open(ev->ctx.sl, on_event, ev, &ev->ring);

	if (err) {
		log_error("event ring: %s", strerror(-err));
		return err;
	}
	err = uv_poll_init(ev->ctx.loop, &ev->poll, sluice_events_fd(ev->ring));
	if (err) {
		sluice_events_close(ev->ring);
		return err;
	}
	ev->poll.data = ev;
	uv_poll_start(&ev->poll, UV_READABLE, on_readable);
	ev->lost_seen = events_lost(ev);
	uv_timer_start(&ev->timer, on_lost_timer, EVENTS_LOST_MS, EVENTS_LOST_MS);
	events_mask(ev, SL_EVENT_MASK_DROP);
	ev->on = true;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct events *ev = handle->data;

	if (handle == (uv_handle_t *)&ev->poll) {
		sluice_events_close(ev->ring);
		ev->ring = NULL;
	}
	ev->open_handles--;
	if (ev->freed) {
		if (!ev->open_handles)
			free(ev);
	} else if (ev->on) {
		/* Somebody came back while the ring was being closed. */
		ev->on = false;
		events_set(ev, true);
	}
}

static void events_stop(struct events *ev)
{
	events_mask(ev, 0);
	events_forget_names(ev);
	ev->on = false;
	uv_timer_stop(&ev->timer);
	if (ev->ring && !uv_is_closing((uv_handle_t *)&ev->poll)) {
		ev->open_handles++;
		uv_close((uv_handle_t *)&ev->poll, on_closed);
	}
}

int events_set(struct events *ev, bool on)
{
	if (ev->on == on)
		return 0;
	if (!on) {
		events_stop(ev);
		return 0;
	}
	if (ev->ring) {
		ev->on = true;		/* on_closed() opens it anew */
		return 0;
	}
	return events_start(ev);
}

void events_forget_names(struct events *ev)
{
	json_decref(ev->rules);
	json_decref(ev->addresses);
	ev->rules = NULL;
	ev->addresses = NULL;
}

int events_new(const struct events_ctx *ctx, struct events **out)
{
	struct events *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return -ENOMEM;
	ev->ctx = *ctx;
	uv_timer_init(ctx->loop, &ev->timer);
	ev->timer.data = ev;
	events_mask(ev, 0);	/* a daemon that died may have left it set */
	*out = ev;
	return 0;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	ev->freed = true;
	events_forget_names(ev);
	events_stop(ev);
	ev->open_handles++;
	uv_close((uv_handle_t *)&ev->timer, on_closed);
}
