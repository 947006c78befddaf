/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables as the reconciler and the balancer write them. Behind it are the
 * kernel's maps, or in tests memory that looks on at every single write.
 */
#ifndef SLUICED_TABLES_H
#define SLUICED_TABLES_H

#include "lib/sluice.h"

struct tables {
	void *ctx;
	struct sl_ep *eps;		/* to read; SL_EP_MAX */
	/* Calls @cb for every entry; a non-zero return stops and is returned. */
	int (*each)(void *ctx, enum sl_map map,
		    int (*cb)(void *arg, const void *key, const void *val), void *arg);
	/* One after another in this order; an error may leave some done. */
	int (*update)(void *ctx, enum sl_map map, const void *keys, const void *vals, size_t n);
	int (*del)(void *ctx, enum sl_map map, const void *keys, size_t n);
	/* -ENOENT. Longest match for sl_class and sl_port. */
	int (*lookup)(void *ctx, enum sl_map map, const void *key, void *val);
	void (*set_class)(void *ctx, __u32 ep, unsigned int column, enum sl_family f, __u32 id);
	void (*set_policy)(void *ctx, __u32 ep, __u64 word);
	void (*committed)(void *ctx);	/* what is wanted is in force; may be NULL */
	void (*reroute)(void *ctx);	/* flows are judged again; may be NULL */
	/* the balancer's */
	struct sl_svc *svcs;		/* to read; SL_SVC_MAX. NULL: tables_map_services() */
	__u64 *chosen;			/* sl_backend_new; NULL: nobody counts */
	int (*add)(void *ctx, enum sl_map map, const void *key, const void *val);	/* -EEXIST */
	void (*set_svc_set)(void *ctx, struct sl_svc *svc, enum sl_svc_scope scope, __u64 word);
	void (*set_svc_conf)(void *ctx, struct sl_svc *svc, __u32 affinity_s, __u32 flags);
	void (*set_svc_gen)(void *ctx, struct sl_svc *svc, __u32 gen);
};

size_t tables_key_size(enum sl_map map);
size_t tables_value_size(enum sl_map map);

/* Fills in @t for the maps of @sl, which must outlive it. */
void tables_of_kernel(struct sluice *sl, struct tables *t);
/* Services, too: maps sl_svc and sl_backend_new, until tables_unmap_services(). Negative errno. */
int tables_map_services(struct sluice *sl, struct tables *t);
void tables_unmap_services(struct tables *t);

/* A flow as one of its ends sees it. */
struct tables_flow {
	enum sl_dir dir;		/* of the first packet, to or from that end */
	__u8 proto;			/* IPPROTO_ */
	__u16 port;			/* of the destination, host order; 0 without ports */
};

struct tables_verdict {
	enum sl_verdict verdict;	/* DENY or ALLOW */
	__u8 tier;			/* SL_TIER_NONE: not isolated */
	__u32 rule;			/* decider; 0: none */
};
/* What the pipeline would say, step for step as it does: of endpoint @ep to a peer of @class_id. */
int tables_judge(const struct tables *t, __u32 ep, __u32 class_id,
		 const struct tables_flow *flow, struct tables_verdict *out);
/* Class of @a in @column: the endpoint's that has it (@peer_ep), else by prefix. */
int tables_class(const struct tables *t, const union sl_addr *a, __u32 peer_ep,
		 unsigned int column, __u32 *class_id);

#endif
