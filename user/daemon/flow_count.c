// SPDX-License-Identifier: GPL-2.0
/* See flow_count.h. */
#include "daemon/flow_count.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/log.h"
#include "daemon/hash.h"

/* Entries a system call; a bucket with more makes it grow, up to so many. */
#define BATCH		512U
#define BATCH_MAX	65536U

/* A backend by its own address. Those of one address share the count of the first. */
struct flow_target {
	struct policy_backend b;	/* id 0: there is none */
	__u32 same;			/* id of the first */
	__u32 n;			/* of the first: flows */
};

struct flow_count {
	struct flow_count_ctx ctx;
	uv_timer_t timer;
	struct flow_tally *last;
	struct flow_tally *now;		/* NULL: no walk is under way */
	unsigned int table;		/* the one that is walked */
	bool begun;			/* some of it has been */
	char at[2][sizeof(struct sl_tuple)];	/* where to go on: kernel's, opaque */
	struct sl_tuple *keys;
	struct sl_flow *flows;
	__u32 room;			/* of both */
	int complained;
};

/* ------------------------------------------------------------------- targets */

static __u32 target_hash(const union sl_addr *addr, __be16 port, __u8 proto)
{
	return (__u32)hash_u64(hash_u64(addr->d[0], addr->d[1]), (__u64)port << 8 | proto);
}

/* The slot of that address, which may be empty. */
static __u32 *find_slot(const struct flow_tally *t, const union sl_addr *addr, __be16 port,
			__u8 proto)
{
	__u32 i = target_hash(addr, port, proto) & t->mask;
	const struct policy_backend *at;

	for (; t->slot[i]; i = (i + 1) & t->mask) {
		at = &t->target[t->slot[i]].b;
		if (!memcmp(&at->addr, addr, sizeof(*addr)) && at->port == port && at->proto == proto)
			break;
	}
	return &t->slot[i];
}

static int count_id(void *arg, const struct policy_backend *b)
{
	struct flow_tally *t = arg;

	if (b->id >= t->ntargets)
		t->ntargets = b->id + 1;
	t->mask++;
	return 0;
}

static int add_target(void *arg, const struct policy_backend *b)
{
	struct flow_tally *t = arg;
	struct flow_target *at = &t->target[b->id];
	__u32 *slot;

	at->b = *b;
	slot = find_slot(t, &b->addr, b->port, b->proto);
	if (!*slot)
		*slot = b->id;
	at->same = *slot;
	return 0;
}

/* A slot in two is empty at least. */
static int get_targets(struct flow_tally *t, const struct policy *pol)
{
	__u32 n, size = 16;

	policy_backend_each(pol, count_id, t);
	for (n = t->mask; size < 2 * n; size *= 2)
		;
	t->mask = size - 1;
	t->slot = calloc(size, sizeof(*t->slot));
	t->target = calloc(t->ntargets + 1, sizeof(*t->target));
	return t->slot && t->target ? policy_backend_each(pol, add_target, t) : -ENOMEM;
}

const struct policy_backend *flow_tally_target(const struct flow_tally *t, __u32 id)
{
	return id && id < t->ntargets && t->target[id].b.id ? &t->target[id].b : NULL;
}

__u32 flow_tally_direct(const struct flow_tally *t, __u32 id)
{
	return id < t->ntargets ? t->target[t->target[id].same].n : 0;
}

/* ---------------------------------------------------------------------- flows */

static void tally_free(struct flow_tally *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t->target);
	free(t);
}

/* By the end that the initiator spoke to. */
static void count_direct(struct flow_tally *t, const struct sl_tuple *key, const struct sl_flow *f)
{
	int to = !(f->orig & 1);
	__u32 *slot = find_slot(t, &key->addr[to], key->port[to], key->proto);

	if (*slot)
		t->target[*slot].n++;
}

static void count_one(struct flow_tally *t, unsigned int half, const struct sl_tuple *key,
		      const struct sl_flow *f)
{
	t->entries[half]++;
	/* of a connection that has ended the entry stays for a while */
	if (f->kind != SL_FLOW_KIND_FLOW || f->state == SL_FLOW_CLOSING)
		return;
	if (!f->svc) {
		count_direct(t, key, f);
		return;
	}
	if (f->svc < SL_SVC_MAX)
		t->svc[f->svc][half]++;
	if (f->backend < SL_BACKEND_MAX)
		t->backend[f->backend][half]++;
}

static int get_room(struct flow_count *c, __u32 room)
{
	free(c->keys);
	free(c->flows);
	c->keys = calloc(room, sizeof(*c->keys));
	c->flows = calloc(room, sizeof(*c->flows));
	c->room = c->keys && c->flows ? room : 0;
	return c->room ? 0 : -ENOMEM;
}

/* 1: the table is at its end; negative errno. */
static int next_batch(struct flow_count *c)
{
	__u32 i, n;
	int err;

	do {
		n = c->room;
		err = bpf_map_lookup_batch(c->ctx.fd[c->table], c->begun ? c->at[0] : NULL, c->at[1],
					   c->keys, c->flows, &n, NULL);
		if (err != -ENOSPC || c->room >= BATCH_MAX)
			break;
		err = get_room(c, c->room * 2);
	} while (!err);
	if (err && err != -ENOENT)
		return err;
	memcpy(c->at[0], c->at[1], sizeof(c->at[0]));
	c->begun = true;
	for (i = 0; i < n; i++)
		count_one(c->now, c->table, &c->keys[i], &c->flows[i]);
	return err == -ENOENT;
}

/* ------------------------------------------------------------------- the walk */

static void finish(struct flow_count *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	c->now->at = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
	tally_free(c->last);
	c->last = c->now;
	c->now = NULL;
	c->complained = 0;
}

static void give_up(struct flow_count *c, int err)
{
	if (err != c->complained)
		log_warning("flows could not be counted: %s", strerror(-err));
	c->complained = err;
	tally_free(c->now);
	c->now = NULL;
}

/* For @us, or to the end. */
static void walk(struct flow_count *c, unsigned int us)
{
	uint64_t until = uv_hrtime() + us * 1000ULL;
	int err;

	do {
		err = next_batch(c);
		if (err == 1) {
			err = 0;
			c->begun = false;
			if (++c->table == 2) {
				finish(c);
				return;
			}
		}
	} while (!err && uv_hrtime() < until);
	if (err)
		give_up(c, err);
}

static void on_timer(uv_timer_t *timer)
{
	struct flow_count *c = timer->data;

	walk(c, c->ctx.slice_us);
	if (!c->now)
		uv_timer_stop(timer);
}

static int begin(struct flow_count *c)
{
	int err = c->room ? 0 : get_room(c, BATCH);

	c->table = 0;
	c->begun = false;
	/* of pages that nothing is counted in there are none */
	c->now = calloc(1, sizeof(*c->now));
	if (!c->now)
		return -ENOMEM;
	return err ? err : get_targets(c->now, c->ctx.pol);
}

const struct flow_tally *flow_count_ask(struct flow_count *c)
{
	int err;

	if (c->now)
		return c->last;
	err = begin(c);
	if (err)
		give_up(c, err);
	else
		walk(c, c->ctx.first_us);
	if (c->now)
		uv_timer_start(&c->timer, on_timer, FLOW_COUNT_PAUSE_MS, FLOW_COUNT_PAUSE_MS);
	return c->last;
}

/* ------------------------------------------------------------------ life time */

int flow_count_new(const struct flow_count_ctx *ctx, struct flow_count **out)
{
	struct flow_count *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = *ctx;
	uv_timer_init(ctx->loop, &c->timer);
	c->timer.data = c;
	*out = c;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct flow_count *c = handle->data;

	tally_free(c->last);
	tally_free(c->now);
	free(c->keys);
	free(c->flows);
	free(c);
}

void flow_count_free(struct flow_count *c)
{
	if (c)
		uv_close((uv_handle_t *)&c->timer, on_closed);
}
