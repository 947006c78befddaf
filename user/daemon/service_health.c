// SPDX-License-Identifier: GPL-2.0
/* See service_health.h. */
#include "daemon/service_health.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "common/log.h"
#include "daemon/http.h"

#define RETRY_MS	2000
#define NAME_MAX_LEN	254		/* and its end */
/* Of descriptors: two for a port, and what is left to the rest of the daemon. */
#define FILES_EACH	2
#define FILES_REST	512
#define FILES_WANTED	8192

/* A port; whose it is may change while it listens. */
struct listener {
	struct service_health *owner;
	struct listener *next;		/* by port */
	struct http *http;		/* NULL: nobody answers, @trouble says why */
	const char *trouble;
	__u16 port;
	unsigned int local_ready;
	char ns[NAME_MAX_LEN], name[NAME_MAX_LEN];
};

struct service_health {
	struct service_health_ctx ctx;
	uv_timer_t retry;
	struct listener *listeners;
	unsigned int nlistening, max;
	bool no_library;
};

/* -------------------------------------------------------------------- answers */

static void answer(void *arg, const char *url, struct http_answer *a)
{
	const struct listener *l = arg;
	const struct service_health_ctx *ctx = &l->owner->ctx;
	char why[512], *text;
	bool ready = !ctx->reason(ctx->arg, why, sizeof(why));
	json_t *doc = json_pack("{s:{s:s, s:s}, s:i, s:b}", "service", "namespace", l->ns, "name",
				l->name, "localEndpoints", (int)l->local_ready,
				"serviceProxyHealthy", ready);

	(void)url;			/* whichever: balancers are told to ask for various ones */
	text = doc ? json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	a->status = text && l->local_ready && ready ? 200 : 503;
	a->type = "application/json";
	a->header = "X-Load-Balancing-Endpoint-Weight";
	snprintf(a->value, sizeof(a->value), "%u", l->local_ready);
	snprintf(a->text, sizeof(a->text), "%s\n", text ? text : "{}");
	free(text);
	json_decref(doc);
}

/* ------------------------------------------------------------------ listeners */

/* Of both families, or on a node without IPv6 of the one. */
static int open_port(__u16 port)
{
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = http_listen((const struct sockaddr *)&v6, sizeof(v6));

	return fd == -EAFNOSUPPORT ? http_listen((const struct sockaddr *)&v4, sizeof(v4)) : fd;
}

static int start(struct listener *l)
{
	const struct http_ctx ctx = { .loop = l->owner->ctx.loop, .answer = answer, .arg = l };
	int fd;

	if (l->owner->no_library)
		return -ENOENT;
	if (l->owner->nlistening >= l->owner->max)
		return -EMFILE;
	fd = open_port(l->port);
	return fd < 0 ? fd : http_new(&ctx, fd, &l->http);
}

/* A string that stays. */
static const char *explain(int err)
{
	switch (err) {
	case -ENOENT:
		return "libmicrohttpd is not installed";
	case -EADDRINUSE:
		return "another process of the node listens there";
	case -EACCES:
		return "sluiced may not listen on a port of the system's";
	case -EMFILE:
	case -ENFILE:
		return "no more files can be open";
	case -ENOMEM:
		return "out of memory";
	}
	return "it can't be listened on";
}

static void try(struct listener *l)
{
	const char *before = l->trouble;
	int err = start(l);

	l->trouble = err ? explain(err) : NULL;
	if (!err) {
		l->owner->nlistening++;
		if (before)
			log_info("Service %s/%s: healthCheckNodePort %u answers", l->ns, l->name, l->port);
		return;
	}
	l->owner->no_library |= err == -ENOENT;
	if (l->trouble != before)
		log_warning("Service %s/%s: healthCheckNodePort %u: load balancers get no answer: %s: %s",
			    l->ns, l->name, l->port, l->trouble, strerror(-err));
}

static void end(struct listener *l)
{
	if (l->http)
		l->owner->nlistening--;
	http_free(l->http);
	free(l);
}

/* The listener of @p at *@link, made when there is none; NULL without memory. */
static struct listener *get_listener(struct service_health *h, struct listener **link,
				     const struct policy_health *p)
{
	struct listener *l = *link;

	if (!l || l->port != p->port) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return NULL;
		l->owner = h;
		l->port = p->port;
		l->next = *link;
		*link = l;
	}
	snprintf(l->ns, sizeof(l->ns), "%s", p->ns);
	snprintf(l->name, sizeof(l->name), "%s", p->name);
	l->local_ready = p->local_ready;
	return l;
}

/* Those before @port, of 65536 all that are left, are nobody's. */
static void drop_until(struct listener **link, unsigned int port)
{
	struct listener *l;

	while ((l = *link) && l->port < port) {
		*link = l->next;
		end(l);
	}
}

static void on_retry(uv_timer_t *timer)
{
	service_health_update(timer->data);
}

void service_health_update(struct service_health *h)
{
	struct listener **link = &h->listeners, *l;
	bool again = false;
	size_t n, i;
	struct policy_health *p = policy_healths(h->ctx.pol, &n);

	/* what goes makes room for what comes */
	for (i = 0; i < n; i++) {
		drop_until(link, p[i].port);
		l = get_listener(h, link, &p[i]);
		again |= !l;
		if (l)
			link = &l->next;
	}
	drop_until(link, 65536);
	for (l = h->listeners, i = 0; l; l = l->next) {
		if (!l->http)
			try(l);
		while (p[i].port != l->port)
			p[i++].trouble = explain(-ENOMEM);
		p[i++].trouble = l->trouble;
		again |= l->trouble && !h->no_library;
	}
	for (; i < n; i++)
		p[i].trouble = explain(-ENOMEM);
	if (again)
		uv_timer_start(&h->retry, on_retry, RETRY_MS, 0);
	else
		uv_timer_stop(&h->retry);
}

/* ------------------------------------------------------------------ life time */

/* More than a thousand, which is usual, if that is allowed; how many ports it is enough for. */
static unsigned int room(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	if (files.rlim_cur < FILES_WANTED) {
		files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur > 2 * 65536)
		return 65536;
	return files.rlim_cur > FILES_REST ? (files.rlim_cur - FILES_REST) / FILES_EACH : 0;
}

int service_health_new(const struct service_health_ctx *ctx, struct service_health **out)
{
	struct service_health *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ctx = *ctx;
	h->max = room();
	uv_timer_init(ctx->loop, &h->retry);
	h->retry.data = h;
	*out = h;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void service_health_free(struct service_health *h)
{
	if (!h)
		return;
	drop_until(&h->listeners, 65536);
	uv_close((uv_handle_t *)&h->retry, on_closed);
}
