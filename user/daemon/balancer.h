/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services to tables: sl_front, sl_svc, sl_set, sl_backend, sl_svc_src, and the
 * addresses of services in sl_addr. Make before break, so that a packet meets
 * what was there before or what is there now; one change goes
 *
 *   1. backends that are new, with ids that nobody uses
 *   2. pages of sets, which nothing leads to yet
 *   3. the word of each set, at once
 *   4. flags of backends, down
 *   5. frontends, first those that are added, then those that go
 *   6. ports that are gone
 *   7. generations, where flows have to look whether theirs is still there
 *
 * Whatever instant the writer dies at, the next one reads the tables back, finds
 * by the frontends which ids were whose, and goes on from there.
 */
#ifndef SLUICED_BALANCER_H
#define SLUICED_BALANCER_H

#include "daemon/service_plan.h"
#include "daemon/tables.h"

struct balancer;

/* The model's, see model_service.h: who it has, and which of them to look at. */
struct balancer_services {
	struct model_service *(*next_dirty)(struct model *m);
	void (*mark)(struct model *m, struct model_service *s);
	void (*mark_all)(struct model *m);
	void (*reap)(struct model *m, struct model_service *s);
	int (*each)(const struct model *m, int (*cb)(struct model_service *s, void *arg), void *arg);
};

/* All of these must outlive it; @t with its services mapped. -ENOMEM. */
int balancer_new(const struct balancer_services *ops, struct model *m, const struct tables *t,
		 struct balancer **out);
/* The tables stay as they are. Before the model's end, whose services it has marked. */
void balancer_free(struct balancer *b);

/* Where this node is; NULL: not known. Marks all when that is news. -ENOMEM. */
int balancer_set_node(struct balancer *b, const char *name, const char *zone);
/* Whether other nodes are reached by a tunnel; false until said. Marks all when that is news. */
void balancer_set_tunnel(struct balancer *b, bool tunnel);
bool balancer_has_tunnel(const struct balancer *b);

/*
 * balancer_commit() - write what the services that are marked ask for
 * @settled: all services are known, so what the tables hold beside is nobody's
 *
 * A service for which a table has no room keeps what it had, a warning says so, and it
 * is tried again when there may be room; the others go on. -ENOMEM, or what a write
 * returned: the next commit reads everything back and tries again.
 */
int balancer_commit(struct balancer *b, bool settled);
/* The same for all, after reading everything back: number of differences, or as above. */
int balancer_repair(struct balancer *b, bool settled);
/*
 * balancer_addr_left() - an address of the node or an endpoint is theirs no more
 * @addr: it still has its entry in sl_addr, which wins over services
 *
 * 1: services have it, and the entry is theirs from here on; 0: nobody has it, and whoever
 * had it takes the entry away. Negative errno of the write: the entry is as it was.
 */
int balancer_addr_left(struct balancer *b, const union sl_addr *addr);
/* How many there are, served or not. */
unsigned int balancer_frontends(const struct balancer *b);
/* Another number whenever a backend may have gone that takes datagrams: sockets are connected to it. */
unsigned int balancer_datagrams_gone(const struct balancer *b);
/* Milliseconds after which a commit may find room for who has none; -1: nobody waits. */
int balancer_wait_ms(const struct balancer *b);

/* What is not as somebody asked for: text without a full stop. @cb as in balancer_services. */
int balancer_warnings(const struct balancer *b,
		      int (*cb)(void *arg, const struct model_service *s, const char *text),
		      void *arg);

/* ------------------------------------------------- for who shows it: to read */

struct svc_front;
struct svc_addr;

/* What a port would be reached by. */
struct svc_claim {
	struct svc_front *front;
	struct svc_addr *addr;		/* NULL: the wildcard's */
	struct svc_claim *next;		/* of the frontend */
	struct svc_port *port;
	const struct plan_front *plan;
};

struct svc_port {
	struct service_state *state;
	struct plan_port plan;		/* backends have their ids */
	unsigned int pos;		/* among the service's */
	__u32 id;			/* in sl_svc */
	__u64 word[__SL_SVC_SCOPE_MAX];
	__u8 stale;			/* 1 << enum sl_svc_scope: pages are not what they should be */
	bool fresh;			/* @id was not this port's before */
	struct svc_port *was, *becomes;	/* amid a commit: the same in the old and the new state */
	struct svc_claim *claim;	/* plan.nfronts; NULL: amid a commit */
};

struct service_ports {
	__u64 created;			/* UINT64_MAX: not said */
	__u32 affinity_s, flags;
	unsigned int local_ready, n;
	struct svc_port **port;
};

/* struct model_service's @state; NULL: nothing of it is in the tables. */
struct service_state {
	struct model_service *svc;
	struct service_ports now;	/* in force */
	struct service_ports next;	/* amid a commit */
	struct service_state *pending;
	const char *full;		/* the table without room for what is wanted; NULL: none */
};

/* It has the frontend, and not another service. */
bool balancer_claim_holds(const struct svc_claim *c);
/* The frontend leads to its port, by it or by another of its claims. */
bool balancer_claim_is_served(const struct svc_claim *c);
/* Why not, "already used by Service shop/web", without a full stop; false: it is not refused. */
bool balancer_claim_why(const struct svc_claim *c, char *buf, size_t len);
/* Ready endpoints on this node, for healthCheckNodePort. */
static inline unsigned int balancer_local_ready(const struct model_service *s)
{
	return s->state ? s->state->now.local_ready : 0;
}

#endif
