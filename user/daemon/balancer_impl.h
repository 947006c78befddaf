/* SPDX-License-Identifier: GPL-2.0 */
/* The balancer's inside, which its files share. */
#ifndef SLUICED_BALANCER_IMPL_H
#define SLUICED_BALANCER_IMPL_H

#include "daemon/balancer.h"
#include "daemon/idpool.h"
#include "daemon/maglev.h"

#define BALANCER_BATCH 1024		/* entries in one call */

/* Bit of struct plan_backend's @lists, beside those of scopes: the id is new. */
#define BAL_FRESH 0x80

/* An entry of sl_front, there or wanted. */
struct svc_front {
	struct hnode node;
	struct sl_front_key key;
	struct sl_front_val written;	/* svc 0: it is not in the table */
	struct svc_claim *claims;
	unsigned int refs;		/* claims, linked or to be */
	bool full, touched;
	struct svc_front *next;		/* of those touched */
};

/* An address of services, which ports share. */
struct svc_addr {
	struct hnode node;
	union sl_addr addr;
	unsigned int refs, n[__SL_SVC_ADDR_MAX];	/* claims, linked ones by what they want */
	__u8 written;			/* enum sl_svc_addr */
	bool is_written, full, touched;
	struct svc_addr *next;
};

enum svc_owner {
	SVC_NOBODY,
	SVC_LEFT,			/* found in the tables, not yet asked for */
	SVC_CLAIMED,
};

struct image_backend {
	__u32 id;			/* 0: taken over */
	struct sl_backend v;
};

struct image_front {
	struct sl_front_key key;
	struct sl_front_val v;
};

/* What was found in the tables, all of it by service, for who takes it over. */
struct image {
	struct image_front *front;
	struct image_backend *backend;
	struct sl_svc_src_key *src;
	size_t nfronts, nbackends, nsrc, front_room, backend_room, src_room;
};

struct balancer_queue {
	enum sl_map map;
	bool del;
	size_t n;
	unsigned char key[BALANCER_BATCH * sizeof(struct sl_front_key)];
	unsigned char val[BALANCER_BATCH * sizeof(struct sl_set_page)];
};

struct balancer {
	const struct balancer_services *ops;
	struct model *m;
	const struct tables *t;
	struct str *node, *zone;
	bool tunnel;			/* see struct plan_where */
	bool valid;			/* false: the tables are to be read back first */
	int err;			/* of a write: nothing more is written */
	unsigned int writes;		/* of this commit; pages count as the word that names them */
	unsigned int datagrams_gone;	/* balancer_datagrams_gone() */
	unsigned int nfull;		/* services, frontends, addresses without room */
	bool src_freed;			/* ranges went since services without room were last tried */
	struct idpool svcs, backends, pages;
	struct idpool svcs_before, backends_before, pages_before;	/* amid loading; see there */
	__u8 owner[SL_SVC_MAX];		/* enum svc_owner */
	__u64 bumped[SL_SVC_MAX / 64];	/* generations to be raised at the end */
	struct htab fronts, addrs;
	struct svc_front *touched_fronts;
	struct svc_addr *touched_addrs;
	struct service_state *pending;
	struct image *image;		/* NULL: nothing is left to be taken over */
	struct balancer_queue queue;
	struct maglev_backend *mb;	/* scratch, and how many fit */
	unsigned int nmb;
	__u32 table[65536 + SL_SET_PAGE];	/* scratch */
};

/* Tests have their own time. */
extern __u64 (*balancer_clock)(void);

static inline unsigned int word_count(__u64 word)
{
	return word >> SL_SVC_COUNT_SHIFT & SL_SVC_FIELD_MASK;
}

static inline __u32 word_maglev(__u64 word)
{
	return word >> SL_SVC_MAGLEV_SHIFT & SL_SVC_FIELD_MASK;
}

static inline __u32 word_page(__u64 word)
{
	return word & SL_SVC_PAGE_MASK;
}

static inline __u32 pages_of(unsigned int entries)
{
	return (entries + SL_SET_PAGE - 1) / SL_SET_PAGE;
}

static inline __u32 word_pages(__u64 word)
{
	return pages_of(word_count(word)) + pages_of(word_maglev(word));
}

/* balancer_write.c: nothing is written after an error, which b->err says. */
void bal_put(struct balancer *b, enum sl_map map, const void *key, const void *val);
void bal_del(struct balancer *b, enum sl_map map, const void *key);
void bal_flush(struct balancer *b);
/* At once. -ENOSPC: there is no room; others are b->err, too. */
int bal_put_now(struct balancer *b, enum sl_map map, const void *key, const void *val);
void bal_set_word(struct balancer *b, __u32 svc, enum sl_svc_scope scope, __u64 word);
void bal_set_conf(struct balancer *b, __u32 svc, __u32 affinity_s, __u32 flags);
void bal_bump(struct balancer *b, __u32 svc);
void bal_bump_all(struct balancer *b);	/* those that bal_bump() named */
bool bal_is_full(int err);

/* balancer_set.c */
/* Scratch for @n backends. */
int bal_set_room(struct balancer *b, unsigned int n);
void bal_set_write(struct balancer *b, const struct svc_port *p, enum sl_svc_scope scope);
/* The pages are those of p->plan's lists; -errno of reading. */
int bal_set_check(struct balancer *b, const struct svc_port *p, enum sl_svc_scope scope);
/* Pages for @scope of @p as it was or anew; -ENOSPC. */
int bal_set_place(struct balancer *b, struct svc_port *p, enum sl_svc_scope scope);

/* balancer_front.c */
int bal_claims_new(struct balancer *b, struct svc_port *p);	/* -ENOMEM */
void bal_claims_free(struct balancer *b, struct svc_port *p);
void bal_claims_link(struct balancer *b, struct svc_port *p);
void bal_claims_unlink(struct balancer *b, struct svc_port *p);
void bal_fronts_settle(struct balancer *b);
void bal_fronts_sweep(struct balancer *b);	/* all that nobody asks for */
void bal_front_is_full(struct balancer *b, const struct sl_front_key *key);
void bal_fronts_forget(struct balancer *b);
struct svc_front *bal_front_find(const struct balancer *b, const struct sl_front_key *key);
struct svc_front *bal_front_get(struct balancer *b, const struct sl_front_key *key);
struct svc_addr *bal_addr_find(const struct balancer *b, const union sl_addr *addr);
struct svc_addr *bal_addr_get(struct balancer *b, const union sl_addr *addr);
const struct svc_claim *bal_front_winner(const struct svc_front *f);

/* balancer_load.c */
int bal_load(struct balancer *b, bool raise);	/* @raise: generations, flows must look */
void bal_image_free(struct balancer *b);
/*
 * What the tables say of @p->id, which has no more than its key and, if it is known, what it
 * is reached by; that is staked.
 */
int bal_adopt(struct balancer *b, struct svc_port *p);
void bal_sweep(struct balancer *b);

/* balancer_prepare.c */
/* @st->next, with ids and room for all of it; -ENOSPC with @st->full, -ENOMEM: as it was. */
int bal_prepare(struct balancer *b, struct service_state *st);
void bal_ports_free(struct balancer *b, struct service_ports *ps);
/* The backend of @p that is @of; *@pos: where to go on, from 0. Ask in their order. */
struct plan_backend *bal_match(const struct svc_port *p, unsigned int *pos,
			       const struct plan_backend *of);
void bal_src_del(struct balancer *b, const struct svc_port *p, const struct svc_port *unless);

#endif
