/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tables hold, as read back and as written since. Every write goes
 * through here, in batches, and is seen in the mirror once it is done.
 */
#ifndef SLUICED_MIRROR_H
#define SLUICED_MIRROR_H

#include "daemon/lpm.h"
#include "daemon/tables.h"

#define MIRROR_BATCH 1024		/* entries in one call */

struct mirror_batch {
	enum sl_map map;
	bool del;
	size_t n;
	unsigned char *keys, *vals;	/* MIRROR_BATCH of the largest */
};

struct mirror {
	const struct tables *t;
	struct lpm class;		/* to struct sl_class_val */
	struct btab rule, port;
	struct btab bearers[2];		/* by column: class id to how many entries say it, __u32 both */
	bool valid;			/* false: to be read back before it is used */
	struct mirror_batch batch;
};

int mirror_init(struct mirror *m, const struct tables *t);
void mirror_exit(struct mirror *m);
/* Reads everything back that is the daemon's. */
int mirror_load(struct mirror *m);

/* Queue a write; those queued are done in this order. Errors make the mirror invalid. */
int mirror_set(struct mirror *m, enum sl_map map, const void *key, const void *val);
int mirror_del(struct mirror *m, enum sl_map map, const void *key);
int mirror_flush(struct mirror *m);

static inline __u32 word_set(__u64 word)
{
	return word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;
}

static inline bool word_open(__u64 word)
{
	return word_set(word) != SL_RULESET_CLOSED;
}

static inline bool word_isolated(__u64 word, enum sl_dir dir)
{
	return word & (dir == SL_DIR_INGRESS ? SL_EP_ISOLATED_INGRESS : SL_EP_ISOLATED_EGRESS);
}

/* An endpoint that packets are judged for by its rules. */
static inline bool ep_open(const struct sl_ep *ep)
{
	return ep->flags & SL_EP_FLAG_USED && word_open(sluice_ep_policy(ep));
}

#endif
