// SPDX-License-Identifier: GPL-2.0
/*
 * Telemetry: one work item for each namespace takes flows from the queue that
 * the programs fill, compares drop counters with what it told last, and sends
 * both to the multicast groups. It runs only while somebody listens. A slow
 * listener loses messages, which it sees by their numbers; neither the
 * programs nor this wait for it.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include "nl_gen.h"
#include "sluice.h"

#define SLUICE_EVENT_MS		20	/* between looks at the queue */
#define SLUICE_DROP_MS		1000	/* between messages about drops */
#define SLUICE_JOIN_MS		10000	/* who is joining has joined by then */
#define SLUICE_BATCH		64	/* flows in a message, at most */
#define SLUICE_ROUND		8192	/* flows taken at a time */
#define SLUICE_MESSAGE		(16 * 1024)

static struct workqueue_struct *sluice_event_wq;

static bool sluice_listened(struct sluice_net *sn, unsigned int group)
{
	return genl_has_listeners(&sluice_nl_family, sn->net, group);
}

/* A message of @group with its number. */
static struct sk_buff *sluice_event_new(struct sluice_net *sn, unsigned int group, u8 cmd,
					void **hdr)
{
	struct sk_buff *skb = genlmsg_new(SLUICE_MESSAGE, GFP_KERNEL);

	/* Also when there is no memory for it: it is missing then, and that shows. */
	sn->group[group].seq++;
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &sluice_nl_family, 0, cmd);
	if (!*hdr || nla_put_u32(skb, SLUICE_A_EVENT_SEQ, sn->group[group].seq)) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

static void sluice_event_send(struct sluice_net *sn, unsigned int group, struct sk_buff *skb,
			      void *hdr)
{
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&sluice_nl_family, sn->net, skb, 0, group, GFP_KERNEL);
}

/* ------------------------------------------------------------------ flows */

static u64 sluice_events_lost(struct sluice_pipe *pipe)
{
	u32 count = SL_COUNT_FLOW_EVENT_LOST;
	u64 sum = 0;

	sluice_map_read(pipe->map[SL_MAP_COUNT], &count, &sum);
	return sum;
}

static bool sluice_event_pop(struct sluice_pipe *pipe, struct sl_flow_event *ev)
{
	struct bpf_map *map = pipe->map[SL_MAP_FLOW_EV];
	int err;

	rcu_read_lock();
	err = map->ops->map_pop_elem(map, ev);
	rcu_read_unlock();
	return !err;
}

/* One message from what is in the queue; false: it is empty. */
static bool sluice_event_flows_one(struct sluice_net *sn, struct sluice_pipe *pipe)
{
	struct sl_flow_event ev;
	struct sk_buff *skb;
	unsigned int n;
	void *hdr;

	if (!sluice_event_pop(pipe, &ev))
		return false;
	skb = sluice_event_new(sn, SLUICE_NLGRP_FLOWS, SLUICE_CMD_FLOW_NTF, &hdr);
	if (skb && nla_put_uint(skb, SLUICE_A_EVENT_LOST, sluice_events_lost(pipe))) {
		nlmsg_free(skb);
		skb = NULL;
	}
	for (n = 1;; n++) {
		/* A record has some 330 bytes: a message holds a batch of them. */
		if (skb)
			sluice_flow_put_event(skb, ev.reason == SL_CLOSE_NONE ?
					      SLUICE_A_EVENT_OPENED : SLUICE_A_EVENT_CLOSED, &ev);
		if (n == SLUICE_BATCH || !sluice_event_pop(pipe, &ev))
			break;
	}
	if (skb)
		sluice_event_send(sn, SLUICE_NLGRP_FLOWS, skb, hdr);
	return n == SLUICE_BATCH;
}

static_assert(SLUICE_BATCH * 240 <= SLUICE_MESSAGE - 64);

static void sluice_event_flows(struct sluice_net *sn, struct sluice_pipe *pipe)
{
	unsigned int n = 0;

	while (n < SLUICE_ROUND && sluice_event_flows_one(sn, pipe)) {
		n += SLUICE_BATCH;
		cond_resched();
	}
}

/* Asks the programs to queue flows, or not to. */
static void sluice_event_ask(struct sluice_pipe *pipe, bool on)
{
	atomic_t *events = (atomic_t *)&sluice_pipe_state(pipe)->events;
	struct sl_flow_event ev;
	unsigned int n;

	if (on == !!(atomic_read(events) & SL_EVENT_MASK_QUEUE))
		return;
	if (!on) {
		atomic_andnot(SL_EVENT_MASK_QUEUE, events);
		return;
	}
	/* What nobody took is no news to those who come now. */
	for (n = 0; n < 2 * SLUICE_ROUND && sluice_event_pop(pipe, &ev); n++)
		;
	atomic_or(SL_EVENT_MASK_QUEUE, events);
}

/* ------------------------------------------------------------------ drops */

/* What listeners were told last of each decider. */
struct sluice_drop_seen {
	struct rhash_head node;
	struct sl_drop_key key;
	struct sl_counter count;
};

struct sluice_drop_track {
	unsigned long next;		/* jiffies of the next message */
	struct rhashtable seen;
};

static const struct rhashtable_params sluice_drop_params = {
	.head_offset = offsetof(struct sluice_drop_seen, node),
	.key_offset = offsetof(struct sluice_drop_seen, key),
	.key_len = sizeof(struct sl_drop_key),
	.automatic_shrinking = true,
};

static void sluice_drop_seen_free(void *ptr, void *arg)
{
	kfree(ptr);
}

static void sluice_drop_forget(struct sluice_net *sn)
{
	if (!sn->drops)
		return;
	rhashtable_free_and_destroy(&sn->drops->seen, sluice_drop_seen_free, NULL);
	kfree(sn->drops);
	sn->drops = NULL;
}

static struct sluice_drop_seen *sluice_drop_seen(struct sluice_drop_track *track,
						 const struct sl_drop_key *key)
{
	struct sluice_drop_seen *seen;

	seen = rhashtable_lookup_fast(&track->seen, key, sluice_drop_params);
	if (seen)
		return seen;
	seen = kzalloc(sizeof(*seen), GFP_KERNEL);
	if (!seen)
		return NULL;
	seen->key = *key;
	if (rhashtable_insert_fast(&track->seen, &seen->node, sluice_drop_params)) {
		kfree(seen);
		return NULL;
	}
	return seen;
}

struct sluice_drop_message {
	struct sluice_net *sn;
	struct sk_buff *skb;
	void *hdr;
	bool quiet;			/* only remember: the first look */
};

static void sluice_drop_flush(struct sluice_drop_message *m)
{
	if (m->skb)
		sluice_event_send(m->sn, SLUICE_NLGRP_DROPS, m->skb, m->hdr);
	m->skb = NULL;
}

static int sluice_drop_add(struct sluice_drop_message *m, const struct sl_drop_key *key,
			   const struct sl_counter *count)
{
	struct nlattr *nest;

	if (!m->skb)
		m->skb = sluice_event_new(m->sn, SLUICE_NLGRP_DROPS, SLUICE_CMD_DROP_NTF, &m->hdr);
	if (!m->skb)
		return -ENOMEM;
	nest = nla_nest_start(m->skb, SLUICE_A_EVENT_DROP);
	if (nest && !sluice_drop_put(m->skb, key, count)) {
		nla_nest_end(m->skb, nest);
		return 0;
	}
	if (nest)
		nla_nest_cancel(m->skb, nest);
	sluice_drop_flush(m);
	return -EMSGSIZE;
}

/* How much more it is than what was told; a counter that began anew counts whole. */
static void sluice_drop_tell(struct sluice_drop_message *m, const struct sl_drop_key *key,
			     const struct sl_counter *now)
{
	struct sluice_drop_seen *seen = sluice_drop_seen(m->sn->drops, key);
	struct sl_counter more = *now;

	if (!seen || seen->count.packets == now->packets)
		return;
	if (now->packets > seen->count.packets) {
		more.packets -= seen->count.packets;
		more.bytes -= seen->count.bytes;
	}
	if (!m->quiet && sluice_drop_add(m, key, &more) == -EMSGSIZE)
		sluice_drop_add(m, key, &more);
	seen->count = *now;
}

static void sluice_drop_reasons(struct sluice_drop_message *m, struct sluice_pipe *pipe)
{
	struct sl_drop_key key = {};
	struct sl_counter count;

	for (key.reason = 0; key.reason < __SL_DROP_MAX; key.reason++)
		if (!sluice_map_read(pipe->map[SL_MAP_DROP], &key.reason, &count))
			sluice_drop_tell(m, &key, &count);
}

static void sluice_drop_deciders(struct sluice_drop_message *m, struct sluice_pipe *pipe)
{
	struct bpf_map *map = pipe->map[SL_MAP_DROP_RULE];
	struct sluice_snapshot snap;
	struct sl_counter count;
	const void *key;

	if (sluice_snapshot_take(&snap, map, NULL, NULL))
		return;
	while ((key = sluice_snapshot_next(&snap)))
		if (!sluice_map_read(map, key, &count))
			sluice_drop_tell(m, key, &count);
	sluice_snapshot_free(&snap);
}

static void sluice_event_drops(struct sluice_net *sn, struct sluice_pipe *pipe)
{
	struct sluice_drop_message m = { .sn = sn };

	if (!sn->drops) {
		sn->drops = kzalloc(sizeof(*sn->drops), GFP_KERNEL);
		if (!sn->drops)
			return;
		if (rhashtable_init(&sn->drops->seen, &sluice_drop_params)) {
			kfree(sn->drops);
			sn->drops = NULL;
			return;
		}
		m.quiet = true;
	} else if (time_before(jiffies, sn->drops->next)) {
		return;
	}
	sluice_drop_reasons(&m, pipe);
	sluice_drop_deciders(&m, pipe);
	sluice_drop_flush(&m);
	sn->drops->next = jiffies + msecs_to_jiffies(SLUICE_DROP_MS);
}

/* ----------------------------------------------------------------- policy */

static void sluice_event_policy(struct sluice_net *sn, u32 generation, u32 commits,
				const u32 *operations)
{
	struct sk_buff *skb;
	void *hdr;

	skb = sluice_event_new(sn, SLUICE_NLGRP_POLICY, SLUICE_CMD_POLICY_NTF, &hdr);
	if (!skb)
		return;
	if (nla_put_u32(skb, SLUICE_A_EVENT_GENERATION, generation) ||
	    nla_put_u32(skb, SLUICE_A_EVENT_COMMITS, commits) ||
	    (operations && nla_put_u32(skb, SLUICE_A_EVENT_OPERATIONS, *operations))) {
		nlmsg_free(skb);
		return;
	}
	sluice_event_send(sn, SLUICE_NLGRP_POLICY, skb, hdr);
}

/* Under sluice_net.lock, which keeps the numbers of this group's messages in order. */
void sluice_event_commit(struct sluice_net *sn, u32 generation, u32 count)
{
	if (sluice_listened(sn, SLUICE_NLGRP_POLICY))
		sluice_event_policy(sn, generation, sn->commits_told, &count);
}

static void sluice_event_commits(struct sluice_net *sn, struct sluice_pipe *pipe)
{
	const struct sl_state *st = sluice_pipe_state(pipe);
	u32 commits = READ_ONCE(st->commits);

	if (commits == sn->commits_told)
		return;
	mutex_lock(&sn->lock);
	sn->commits_told = commits;
	sluice_event_policy(sn, READ_ONCE(st->generation), commits, NULL);
	mutex_unlock(&sn->lock);
}

/* ------------------------------------------------------------- the work item */

static void sluice_event_work(struct work_struct *work)
{
	struct sluice_net *sn = container_of(work, struct sluice_net, event_work.work);
	bool flows = sluice_listened(sn, SLUICE_NLGRP_FLOWS);
	bool drops = sluice_listened(sn, SLUICE_NLGRP_DROPS);
	bool policy = sluice_listened(sn, SLUICE_NLGRP_POLICY);
	struct sluice_pipe *pipe = sluice_pipe_get(sn, NULL);

	if (!drops || !pipe)
		sluice_drop_forget(sn);
	if (!pipe)
		return;
	sluice_event_ask(pipe, flows);
	if (flows)
		sluice_event_flows(sn, pipe);
	if (drops)
		sluice_event_drops(sn, pipe);
	if (policy)
		sluice_event_commits(sn, pipe);
	else
		sn->commits_told = READ_ONCE(sluice_pipe_state(pipe)->commits);
	sluice_pipe_put(pipe);
	if (flows || drops || policy || time_before(jiffies, READ_ONCE(sn->event_until)))
		queue_delayed_work(sluice_event_wq, &sn->event_work,
				   msecs_to_jiffies(SLUICE_EVENT_MS));
}

static bool sluice_event_closed;

void sluice_event_kick(struct sluice_net *sn)
{
	WRITE_ONCE(sn->event_until, jiffies + msecs_to_jiffies(SLUICE_JOIN_MS));
	if (!READ_ONCE(sluice_event_closed))
		mod_delayed_work(sluice_event_wq, &sn->event_work, 0);
}

/*
 * The family is one for all namespaces, and doesn't say in which. It is asked
 * before the socket is one of the group's listeners: a look at once may find none.
 */
int sluice_event_joined(int group)
{
	sluice_net_each(sluice_event_kick);
	return 0;
}

void sluice_event_net_init(struct sluice_net *sn)
{
	INIT_DELAYED_WORK(&sn->event_work, sluice_event_work);
}

void sluice_event_net_exit(struct sluice_net *sn)
{
	cancel_delayed_work_sync(&sn->event_work);
	sluice_drop_forget(sn);
}

/* Who joins kicks under the lock of the list, as this is called: none comes later. */
static void sluice_event_stop(struct sluice_net *sn)
{
	WRITE_ONCE(sluice_event_closed, true);
	cancel_delayed_work_sync(&sn->event_work);
}

int __init sluice_event_init(void)
{
	sluice_event_wq = alloc_workqueue("sluice", WQ_UNBOUND, 0);
	return sluice_event_wq ? 0 : -ENOMEM;
}

void sluice_event_exit(void)
{
	sluice_net_each(sluice_event_stop);
	destroy_workqueue(sluice_event_wq);
}
