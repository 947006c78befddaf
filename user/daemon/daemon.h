/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon as a whole: the parts and how they reach each other. Only
 * main.c, daemon.c, which starts and stops the parts, and ops.c, which
 * answers for all of them, include this.
 */
#ifndef SLUICED_DAEMON_H
#define SLUICED_DAEMON_H

#include <uv.h>
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/endpoint.h"
#include "daemon/events.h"
#include "daemon/health.h"
#include "daemon/house.h"
#include "daemon/load.h"
#include "daemon/lock.h"
#include "daemon/metrics.h"
#include "daemon/node.h"
#include "daemon/service_health.h"
#include "daemon/sock_abort.h"
#include "daemon/source.h"

struct daemon {
	struct config_args args;
	struct config cfg;
	uv_loop_t loop;
	struct kernel_features features;
	struct sluice *sl;
	struct rt *rt;
	struct policy *pol;
	struct source *source;
	struct endpoints *eps;
	struct node *node;
	struct events *events;
	struct server *server;
	struct house *house;
	struct health *health;		/* NULL: nobody asked for it */
	struct metrics *metrics;	/* the same */
	struct sock_abort *sock_abort;	/* NULL: no socket is given a backend */
	unsigned int datagrams_gone;	/* of policy_datagrams_gone() when it has run last */
	struct service_health *svc_health;
	uv_signal_t signals[3];
	uv_idle_t commit_soon;		/* something changed: commit in this turn */
	uv_idle_t sweep_soon;		/* endpoints left: their flows go in this turn */
	uv_timer_t commit_retry, install_retry;
	int commit_err;			/* of the last commit */
	unsigned int nodes_gen;		/* by which the node was refreshed last; 0: not yet */
	unsigned int nwhatifs;		/* under way */
	bool serving;			/* every part has started */
	bool attached;			/* endpoints and node have been looked after */
	bool retired;			/* no other version's programs are left */
	bool told_ready;
	bool installed;			/* plugin and configuration are where the runtime looks */
	bool stopping;
	uint64_t started_ns;		/* uv_hrtime() */
	struct lock lock;
	char socket[CONFIG_PATH_MAX + 32];
};

/*
 * daemon_run() - everything between options and exit
 * @d: args and cfg are set, the rest is zero. Logs what fails; returns the
 * exit code.
 */
int daemon_run(struct daemon *d);

/* Puts the policy in force now; follows up on what that changes. */
int daemon_commit(struct daemon *d);
/* An endpoint left: its flows are deleted once those that leave with it have. */
void daemon_sweep(struct daemon *d);
/* NULL: everything is in force; else what is not. */
const char *daemon_reason(const struct daemon *d, char *buf, size_t len);
/* Compares everything with the kernel; returns how much was repaired, or an errno. */
int daemon_reconcile(struct daemon *d);

/* ops.c: one request. */
json_t *daemon_handle(void *arg, struct client *client, const struct request *req,
		      struct request_error *err);


/* op_whatif.c: NULL, and the answer comes later; or with @err. */
json_t *daemon_whatif(struct daemon *d, struct client *client, json_t *args,
		      struct request_error *err);

#endif
