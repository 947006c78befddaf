/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One kind of the API server's objects, followed: what to ask next, and what
 * an answer changes. Knows nothing of sockets and time: the caller carries
 * requests, and waits as it is told to.
 *
 *   list ─page…page─▶ synced ─▶ watch ─cut, time-out─▶ watch from the last version
 *     ▲                           └──410 Gone, nonsense──┐
 *     └──────────────────────────────────────────────────┘
 *
 * A list counts when its last page is there, and then as a whole; until then,
 * and for as long as there is no answer at all, what was known stays in force.
 * What is known is what the sink has: nothing else remembers it.
 */
#ifndef SLUICE_K8S_REFLECTOR_H
#define SLUICE_K8S_REFLECTOR_H

#include "k8s/reply.h"

/* Objects to a page, and pages to a list: an endless one is no list. */
#define REFLECTOR_PAGE		250U
#define REFLECTOR_PAGES_MAX	4096U
/* Bytes of a request's target, every one of its token's escaped. */
#define REFLECTOR_TARGET_MAX	(3 * K8S_CONTINUE_MAX + 512)

/* Where objects go. Called from within the functions below that take answers. */
struct reflector_sink {
	int (*apply)(void *arg, struct object *obj);	/* takes @obj; -ENOMEM */
	void (*del)(void *arg, int kind, const char *ns, const char *name);
	/* @id is wrong: its last good version stays. */
	void (*refuse)(void *arg, const struct object_id *id, const struct diag *diag);
	/* Names of all objects of @kind there, until @cb returns non-zero, which is returned. */
	int (*each)(void *arg, int kind,
		    int (*cb)(void *cb_arg, const char *ns, const char *name), void *cb_arg);
	void *arg;
};

struct reflector_stats {
	uint64_t lists;			/* complete ones */
	uint64_t watches;		/* answered ones */
	uint64_t events;		/* objects and bookmarks */
	uint64_t gone;			/* 410: an expired token or version */
	uint64_t refused;		/* objects */
	uint64_t nonsense;		/* replies that were none, or cut in the middle */
	uint64_t endless;		/* lists that repeated a token or were too long */
	uint64_t large;			/* pages over the bound: asked for again, half as long */
	uint64_t absent;		/* 404: the cluster doesn't know the kind */
	uint64_t failures;		/* other answers and none at all */
};

struct reflector;

/* @kind and what @sink points to outlive it. NULL: no memory. */
struct reflector *reflector_new(const struct k8s_kind *kind, const struct reflector_sink *sink);
/* Objects stay where they are; NULL is fine. */
void reflector_free(struct reflector *r);

/* Whether a list has been complete ever: before, nothing may be cleared away. */
bool reflector_synced(const struct reflector *r);
/* The resourceVersion up to which everything is known; "": a list is to come. */
const char *reflector_version(const struct reflector *r);
const struct reflector_stats *reflector_stats(const struct reflector *r);

/*
 * reflector_request() - the target of the next GET, path and query
 * @watch_s: how long a watch should last at the server, seconds
 * @buf: REFLECTOR_TARGET_MAX bytes
 *
 * Returns whether it is a watch: its body goes to reflector_push() as it
 * comes. Otherwise the whole body goes to reflector_page().
 */
bool reflector_request(struct reflector *r, unsigned int watch_s, char *buf);

/* Body of an answer 200 to a list. -EINVAL, -ELOOP: begun anew; @diag. -ENOMEM. */
int reflector_page(struct reflector *r, const char *text, size_t len, struct diag *diag);
/*
 * The page is larger than the caller takes: the next request asks for half as
 * many objects. -EMSGSIZE: it was one object already; begun anew.
 */
int reflector_page_large(struct reflector *r);
/*
 * Bytes of an answer 200 to a watch. -ESTALE: 410, to be listed again;
 * -EREMOTEIO: another error of the server's; -EINVAL, -EMSGSIZE: nonsense;
 * @diag. -ENOMEM. After an error the connection is to be closed.
 */
int reflector_push(struct reflector *r, const char *data, size_t len, struct diag *diag);

/*
 * reflector_end() - a request has ended
 * @status: HTTP's, or 0 when there was none (no connection, cut, time-out)
 * @random: 32 even bits
 *
 * 404 of an optional kind is a complete list of nothing; where objects were
 * known, only when it has been said three times in a row.
 *
 * Returns how many ms to wait before the next request.
 */
unsigned int reflector_end(struct reflector *r, int status, uint32_t random);

#endif
