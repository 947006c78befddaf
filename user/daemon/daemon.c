// SPDX-License-Identifier: GPL-2.0
/* The parts in their order: start, what they tell each other, stop. */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/file.h"
#include "common/log.h"
#include "daemon/install.h"
#include "daemon/notify.h"
#include "daemon/privilege.h"
#include "daemon/sockets.h"
#include "daemon/source_dir.h"
#include "daemon/source_k8s.h"

#define COMMIT_RETRY_MS	1000
#define INSTALL_RETRY_MS	5000

/* ---------------------------------------------------------------------- ready */

const char *daemon_reason(const struct daemon *d, char *buf, size_t len)
{
	const char *node, *source = d->source->ops->waiting(d->source, buf, len);

	if (source)
		return source;
	if (d->commit_err) {
		snprintf(buf, len, "policy is not in force: %s", strerror(-d->commit_err));
		return buf;
	}
	node = node_reason(d->node);
	if (!node)
		return NULL;
	snprintf(buf, len, "%s", node);
	return buf;
}

static void on_install_retry(uv_timer_t *timer);

/* The runtime may be told of us now; what can't be written is tried again. */
static void install(struct daemon *d)
{
	if (d->installed || d->stopping)
		return;
	if (install_run(&d->cfg))
		uv_timer_start(&d->install_retry, on_install_retry, INSTALL_RETRY_MS, 0);
	else
		d->installed = true;
}

static void on_install_retry(uv_timer_t *timer)
{
	install(timer->data);
}

static void tell_manager(struct daemon *d)
{
	char buf[512];
	const char *reason;

	if (!d->serving)
		return;		/* who is told that we are ready may ask at once */
	reason = daemon_reason(d, buf, sizeof(buf));
	if (reason) {
		notify_send("STATUS=not ready: %s", reason);
	} else if (!d->told_ready) {
		d->told_ready = true;
		log_info("ready %.1f ms after start", (double)(uv_hrtime() - d->started_ns) / 1e6);
		notify_send("READY=1\nSTATUS=%u endpoints", endpoints_count(d->eps));
		install(d);
	} else {
		notify_send("STATUS=%u endpoints", endpoints_count(d->eps));
	}
}

/* --------------------------------------------------------------------- commit */

static void on_commit_retry(uv_timer_t *timer)
{
	daemon_commit(timer->data);
}

/* Whether what is not there is not: else nothing may be cleared away for want of it. */
static bool settled(void *arg)
{
	const struct daemon *d = arg;
	char buf[512];

	return !d->source->ops->waiting(d->source, buf, sizeof(buf));
}

/* Ours are in the place of what an older daemon, of another version, has left at work. */
static void retire_others(struct daemon *d)
{
	int n;

	if (d->retired || !d->attached)
		return;
	n = sluice_retire(d->sl);
	d->retired = n >= 0;
	if (n > 0)
		log_info("programs of another version of the tables were at work, and are gone");
	else if (n < 0)
		log_error("programs of another version of the tables: %s", strerror(-n));
}

/* Tried again with the next commit, or when the house is kept. */
static void abort_sockets(struct daemon *d)
{
	unsigned int gone = policy_datagrams_gone(d->pol);
	int n;

	if (!d->sock_abort || gone == d->datagrams_gone)
		return;
	n = sock_abort_run(d->sock_abort);
	if (n < 0) {
		log_warning("sockets that are connected to endpoints that went: %s", strerror(-n));
		return;
	}
	if (n)
		log_debug("%d sockets were connected to endpoints that went", n);
	d->datagrams_gone = gone;
}

/* What the tables say now may have new names, and nodes. */
int daemon_commit(struct daemon *d)
{
	int err, wait;

	uv_idle_stop(&d->commit_soon);
	if (!settled(d))
		return -EAGAIN;		/* the source says when it is time */
	err = policy_commit(d->pol);
	if (err && err != d->commit_err)
		log_error("policy is not in force: %s", strerror(-err));
	d->commit_err = err;
	wait = err ? COMMIT_RETRY_MS : policy_wait_ms(d->pol);
	if (wait >= 0)
		uv_timer_start(&d->commit_retry, on_commit_retry, (uint64_t)wait, 0);
	else
		uv_timer_stop(&d->commit_retry);
	if (d->events)
		events_forget_names(d->events);
	if (!err)
		retire_others(d);
	if (!err) {
		abort_sockets(d);
		endpoints_tell_sockets(d->eps);
	}
	if (!d->stopping)
		service_health_update(d->svc_health);
	return err;
}

/* Node objects come by the same way as policies, but seldom: pods come and go all the time. */
static void refresh_node(struct daemon *d)
{
	unsigned int gen = policy_nodes_gen(d->pol);

	if (!settled(d) || gen == d->nodes_gen)
		return;
	d->nodes_gen = gen;
	node_refresh(d->node);
}

static void on_commit_soon(uv_idle_t *idle)
{
	struct daemon *d = idle->data;

	daemon_commit(d);
	refresh_node(d);
	tell_manager(d);
}

static void on_source_changed(void *arg)
{
	struct daemon *d = arg;

	uv_idle_start(&d->commit_soon, on_commit_soon);
}

static void on_sweep_soon(uv_idle_t *idle)
{
	struct daemon *d = idle->data;

	uv_idle_stop(idle);
	endpoints_sweep(d->eps);
	tell_manager(d);
}

/* One walk of the flow tables serves all that leave together. */
void daemon_sweep(struct daemon *d)
{
	uv_idle_start(&d->sweep_soon, on_sweep_soon);
}

static int on_endpoint_commit(void *arg)
{
	struct daemon *d = arg;
	int err = daemon_commit(d);

	tell_manager(d);
	return err;
}

int daemon_reconcile(struct daemon *d)
{
	int eps = endpoints_reconcile(d->eps), pol;

	node_refresh(d->node);
	if (!settled(d))
		return eps;
	if (d->commit_err)
		daemon_commit(d);
	pol = policy_reconcile(d->pol);
	if (pol >= 0) {
		abort_sockets(d);
		endpoints_tell_sockets(d->eps);
	}
	service_health_update(d->svc_health);
	if (pol < 0)
		log_error("reconciliation of policy: %s", strerror(-pol));
	else if (pol + eps)
		log_warning("reconciliation: %d differences repaired", pol + eps);
	return pol < 0 ? pol : pol + eps;
}

/* ------------------------------------------------------- what parts tell us of */

static void on_house_reconcile(void *arg)
{
	daemon_reconcile(arg);
}

static void on_link_gone(void *arg, int ifindex)
{
	struct daemon *d = arg;

	if (ifindex)
		endpoints_link_gone(d->eps, ifindex);
	else
		endpoints_reconcile(d->eps);
	daemon_sweep(d);
}

static void on_node_changed(void *arg)
{
	tell_manager(arg);
}

static void on_watchers(void *arg, unsigned int count)
{
	struct daemon *d = arg;

	if (d->events)
		events_set(d->events, count > 0);
}

static void on_event_line(void *arg, const char *line)
{
	struct daemon *d = arg;

	server_publish(d->server, line);
}

static void on_event_lost(void *arg, unsigned long long count)
{
	struct daemon *d = arg;

	server_publish_lost(d->server, count);
}

/* -------------------------------------------------------------------- signals */

static void reload(struct daemon *d)
{
	struct config next;
	struct diag diag;
	char text[1024];

	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)uv_hrtime() / 1000);
	if (config_build(&d->args, &next, &diag)) {
		diag_format(&diag, text, sizeof(text));
		log_error("configuration not reloaded: %s", text);
	} else if (config_reload(&d->cfg, &next)) {
		log_set_level(d->cfg.log_level);
		log_info("configuration reloaded");
		node_refresh(d->node);
	}
	d->source->ops->rescan(d->source);
	notify_send("READY=1");
	tell_manager(d);
}

static void daemon_stop(struct daemon *d);

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	if (number == SIGHUP)
		reload(d);
	else
		daemon_stop(d);
}

/* ------------------------------------------------------------- start and stop */

static int start_signals(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	uv_idle_init(&d->loop, &d->commit_soon);
	uv_idle_init(&d->loop, &d->sweep_soon);
	uv_timer_init(&d->loop, &d->commit_retry);
	uv_timer_init(&d->loop, &d->install_retry);
	d->install_retry.data = d;
	d->commit_soon.data = d->sweep_soon.data = d->commit_retry.data = d;
	return 0;
}

static int start_lock(struct daemon *d)
{
	int err = file_mkdir(d->cfg.run_dir, 0700);

	if (!err)
		err = file_mkdir(d->cfg.state_dir, 0700);
	if (!err)
		err = lock_run_dir(&d->cfg, &d->lock);
	/* before loading: programs of a daemon at work are not to be replaced */
	return err ? err : lock_pins(&d->cfg, &d->lock);
}

static int start_dataplane(struct daemon *d)
{
	int err = load_run(&d->cfg, &d->features);

	if (!err)
		err = lock_pins(&d->cfg, &d->lock);
	return err ? err : sluice_open(d->cfg.pin_root, &d->sl);
}

/* Whoever has no other way to services is worse off, and nobody else. */
static int start_sockets(struct daemon *d)
{
	int err = sockets_start(d->sl, d->cfg.cgroup);

	if (err)
		log_warning("processes on the host's network do not reach services: cgroup %s: %s",
			    d->cfg.cgroup, strerror(-err));
	return 0;
}

static int start_sock_abort(struct daemon *d)
{
	const char *doubt;
	int err;

	d->datagrams_gone = ~0U;
	if (!strcmp(d->cfg.cgroup, "none"))
		return 0;
	err = sock_abort_new(d->sl, &d->sock_abort);
	if (err)
		return err;
	doubt = sock_abort_doubt(d->sock_abort);
	if (doubt)
		log_warning("sockets stay connected to endpoints that go: %s", doubt);
	return 0;
}

static int start_policy(struct daemon *d)
{
	int err = policy_new(d->sl, d->cfg.node_name, &d->pol);

	if (!err)
		policy_set_tunnel(d->pol, d->cfg.encap != CONFIG_ENCAP_DIRECT);
	return err;
}

static const char *reason(void *arg, char *buf, size_t len)
{
	return daemon_reason(arg, buf, len);
}

static int start_source(struct daemon *d)
{
	const struct source_ctx ctx = {
		.loop = &d->loop,
		.state_dir = d->cfg.state_dir,
		.pol = d->pol,
		.node_name = d->cfg.node_name,
		.reason = reason,
		.changed = on_source_changed,
		.arg = d,
	};

	if (d->cfg.source == CONFIG_SOURCE_KUBERNETES)
		return source_k8s_open(&ctx, d->cfg.kubeconfig, &d->source);
	return source_dir_open(&ctx, d->cfg.manifests, &d->source);
}

static int start_service_health(struct daemon *d)
{
	const struct service_health_ctx ctx = {
		.loop = &d->loop,
		.pol = d->pol,
		.reason = reason,
		.arg = d,
	};

	return service_health_new(&ctx, &d->svc_health);
}

static int start_endpoints(struct daemon *d)
{
	const struct endpoints_ctx ctx = {
		.sl = d->sl,
		.pol = d->pol,
		.rt = d->rt,
		.state_dir = d->cfg.state_dir,
		.commit = on_endpoint_commit,
		.arg = d,
	};
	int err = endpoints_new(&ctx, &d->eps);

	return err ? err : endpoints_recover(d->eps);
}

static int start_node(struct daemon *d)
{
	const struct node_ctx ctx = {
		.loop = &d->loop,
		.cfg = &d->cfg,
		.features = &d->features,
		.sl = d->sl,
		.pol = d->pol,
		.rt = d->rt,
		.settled = settled,
		.link_gone = on_link_gone,
		.changed = on_node_changed,
		.arg = d,
	};

	return node_new(&ctx, &d->node);
}

static int start_server(struct daemon *d)
{
	const struct events_ctx events = {
		.loop = &d->loop,
		.sl = d->sl,
		.pol = d->pol,
		.eps = d->eps,
		.publish = on_event_line,
		.lost = on_event_lost,
		.arg = d,
	};
	const struct server_ctx server = {
		.loop = &d->loop,
		.path = d->socket,
		.handle = daemon_handle,
		.watchers = on_watchers,
		.arg = d,
	};
	int err = events_new(&events, &d->events);

	snprintf(d->socket, sizeof(d->socket), "%s/sluiced.sock", d->cfg.run_dir);
	return err ? err : server_new(&server, &d->server);
}

static int start_house(struct daemon *d)
{
	const struct house_ctx ctx = {
		.loop = &d->loop,
		.sl = d->sl,
		.watchdog_ms = notify_watchdog_ms(),
		.reconcile = on_house_reconcile,
		.arg = d,
	};

	return house_new(&ctx, &d->house);
}

static int start_health(struct daemon *d)
{
	const struct health_ctx ctx = {
		.loop = &d->loop,
		.listen = d->cfg.health,
		.reason = reason,
		.arg = d,
	};

	return strcmp(ctx.listen, "none") ? health_new(&ctx, &d->health) : 0;
}

static json_t *source_status(void *arg)
{
	const struct daemon *d = arg;

	return d->source->ops->status(d->source);
}

static int start_metrics(struct daemon *d)
{
	const struct metrics_ctx ctx = {
		.loop = &d->loop,
		.listen = d->cfg.metrics,
		.sl = d->sl,
		.pol = d->pol,
		.started_ns = d->started_ns,
		.reason = reason,
		.source = source_status,
		.arg = d,
	};

	return strcmp(ctx.listen, "none") ? metrics_new(&ctx, &d->metrics) : 0;
}

static int start_rt(struct daemon *d)
{
	return rt_open(&d->rt);
}

/* What is in force from here on; not having it is told by ready, not by exit. */
static int start_force(struct daemon *d)
{
	int err = daemon_commit(d);

	node_refresh(d->node);
	d->attached = true;
	if (!err)
		retire_others(d);
	return 0;
}

static int start_privilege(struct daemon *d)
{
	return privilege_drop(!d->features.tcx);
}

/* In this order; what is not there yet is not needed before. */
static const struct {
	const char *what;
	int (*start)(struct daemon *d);
} steps[] = {
	{ "locks", start_lock },
	{ "signals", start_signals },
	{ "rtnetlink", start_rt },
	{ "BPF programs", start_dataplane },
	{ "sockets", start_sockets },
	{ "privileges", start_privilege },
	{ "sockets of datagrams", start_sock_abort },
	{ "policy", start_policy },
	{ "health of services", start_service_health },
	{ "objects", start_source },
	{ "endpoints", start_endpoints },
	{ "node", start_node },
	{ "policy and node", start_force },
	{ "control socket", start_server },
	{ "timers", start_house },
	{ "health", start_health },
	{ "metrics", start_metrics },
};

static void on_walk_close(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Programs, maps and links stay: the dataplane goes on without us. */
static void daemon_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	notify_send("STOPPING=1");
	log_info("stopping; what is pinned goes on forwarding");
	server_free(d->server);
	events_free(d->events);
	d->events = NULL;
	house_free(d->house);
	health_free(d->health);
	metrics_free(d->metrics);
	service_health_free(d->svc_health);
	node_free(d->node);
	source_close(d->source);
	uv_walk(&d->loop, on_walk_close, NULL);
}

static void daemon_free(struct daemon *d)
{
	uv_loop_close(&d->loop);
	endpoints_free(d->eps);
	sock_abort_free(d->sock_abort);
	policy_free(d->pol);
	sluice_close(d->sl);
	rt_close(d->rt);
	lock_release(&d->lock);
}

static const char *explain(int err)
{
	if (err == -EBUSY)
		return "another sluiced is at work here";
	if (err == -EPERM)
		return "not permitted: needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and, to mount "
		       "a bpffs, CAP_SYS_ADMIN";
	if (err == -ENOTSUP)
		return "this kernel has no BTF";
	return strerror(-err);
}

int daemon_run(struct daemon *d)
{
	int err = 0;

	d->lock = (struct lock)LOCK_NONE;
	d->started_ns = uv_hrtime();
	uv_loop_init(&d->loop);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !err; i++) {
		err = steps[i].start(d);
		if (err)
			log_error("%s: %s", steps[i].what, explain(err));
		else
			log_debug("%s: %.1f ms after start", steps[i].what,
				  (double)(uv_hrtime() - d->started_ns) / 1e6);
	}
	d->serving = !err;
	if (err)
		daemon_stop(d);
	tell_manager(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	daemon_free(d);
	return err ? 1 : 0;
}
