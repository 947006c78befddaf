// SPDX-License-Identifier: GPL-2.0
/* See watcher.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "daemon/config.h"
#include "k8s/buf.h"
#include "k8s/watcher.h"

#define LIST_S		60U
/* The server ends a watch after a time between this and twice this: not all nodes' at once. */
#define WATCH_S		300U
/* A server that ends it late is not to blame at once. */
#define GRACE_S		30U
/*
 * A server that is not there costs nobody anything: it is asked for after a
 * time that grows with how long it has been away, to at most 1/64 of that. So
 * a minute's absence costs another second, and one of half an hour leaves all
 * nodes half a minute to come back in.
 */
#define AWAY_SHARE	64
#define AWAY_MIN_MS	250U

struct k8s_watcher {
	struct k8s_watcher_ctx ctx;
	struct reflector *reflector;
	struct k8s_request *req;	/* under way; NULL: waiting */
	uv_timer_t timer;
	bool watching;			/* the request is a watch */
	bool begun;			/* the request under way has its answer's beginning */
	bool answered;			/* the last request that had its chance was */
	bool large;
	struct k8s_buf body;		/* of a list */
	struct diag diag;		/* of the answer; text "" : fine */
	uint64_t away_ms;		/* loop's time of the first try without an answer; 0: none */
	char error[600];
};

static uint32_t random32(void)
{
	uint32_t r;

	/* only spreads nodes in time: anything will do early at boot */
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)uv_hrtime() * 2654435761U;
	return r;
}

static void heard(struct k8s_watcher *w)
{
	w->ctx.heard(w->ctx.sink.arg, w);
}

/* ------------------------------------------------------------------- answers */

static void on_begin(void *arg)
{
	struct k8s_watcher *w = arg;

	w->begun = w->answered = true;
	w->away_ms = 0;
	if (w->watching) {
		w->error[0] = '\0';
		heard(w);
	}
}

static int on_data(void *arg, const char *data, size_t len)
{
	struct k8s_watcher *w = arg;
	int err;

	if (w->watching)
		err = reflector_push(w->reflector, data, len, &w->diag);
	else
		err = k8s_buf_add(&w->body, data, len);
	w->large |= !w->watching && err == -EMSGSIZE;
	if (err == -ENOMEM)
		snprintf(w->diag.text, sizeof(w->diag.text), "out of memory");
	if (w->watching)
		heard(w);
	return err;
}

static void take_page(struct k8s_watcher *w)
{
	int err = 0;

	if (w->large) {
		err = reflector_page_large(w->reflector);
		if (err)
			snprintf(w->diag.text, sizeof(w->diag.text), "one object is over %u MiB",
				 K8S_PAGE_MAX >> 20);
	} else {
		err = reflector_page(w->reflector, w->body.data, w->body.len, &w->diag);
		if (err == -ENOMEM)
			snprintf(w->diag.text, sizeof(w->diag.text), "out of memory");
	}
}

static void note_error(struct k8s_watcher *w, int status, const char *why)
{
	if (status / 100 == 2 && w->diag.text[0])
		diag_format(&w->diag, w->error, sizeof(w->error));
	else
		snprintf(w->error, sizeof(w->error), "%s", status / 100 == 2 ? "" : why);
	/* that a cluster lacks an optional kind is no error */
	if (status == 404 && w->ctx.kind->optional)
		w->error[0] = '\0';
}

static void wait(struct k8s_watcher *w, unsigned int ms);

static unsigned int limit_wait(struct k8s_watcher *w, unsigned int ms)
{
	uint64_t now = uv_now(w->ctx.loop), most;

	if (!w->away_ms)
		w->away_ms = now;
	most = (now - w->away_ms) / AWAY_SHARE;
	most = most < AWAY_MIN_MS ? AWAY_MIN_MS : most;
	return ms <= most ? ms : (unsigned int)(((most + 1) * random32()) >> 32);
}

static void on_end(void *arg, int status, const char *why)
{
	struct k8s_watcher *w = arg;
	bool broken_off = w->large || w->diag.text[0];
	unsigned int ms;

	w->req = NULL;
	/* it was this end that had enough, of an answer that was none */
	if (!status && broken_off)
		status = 200;
	if (status == 200 && !w->watching)
		take_page(w);
	k8s_buf_free(&w->body);
	w->answered = status != 0;
	note_error(w, status, why);
	ms = reflector_end(w->reflector, status, random32());
	if (status)
		w->away_ms = 0;
	else
		ms = limit_wait(w, ms);
	wait(w, ms);
	heard(w);
}

/* ------------------------------------------------------------------ questions */

static const struct k8s_request_ops ops = { on_begin, on_data, on_end };

static void on_timer(uv_timer_t *timer)
{
	struct k8s_watcher *w = timer->data;
	unsigned int watch_s = WATCH_S + (((uint64_t)WATCH_S * random32()) >> 32);
	char target[REFLECTOR_TARGET_MAX], why[64];
	struct k8s_request_params p = { .method = "GET", .target = target };
	int err;

	w->watching = reflector_request(w->reflector, watch_s, target);
	w->begun = w->large = false;
	w->diag.text[0] = '\0';
	p.timeout_s = w->watching ? watch_s + GRACE_S : LIST_S;
	err = k8s_request_start(w->ctx.client, &p, &ops, w, &w->req);
	if (!err)
		return;
	snprintf(why, sizeof(why), "cannot ask: %s", strerror(-err));
	on_end(w, 0, why);
}

static void wait(struct k8s_watcher *w, unsigned int ms)
{
	uv_timer_start(&w->timer, on_timer, ms, 0);
}

/* ------------------------------------------------------------------ life time */

struct k8s_watcher *k8s_watcher_new(const struct k8s_watcher_ctx *ctx)
{
	struct k8s_watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ctx = *ctx;
	w->body.max = K8S_PAGE_MAX;
	w->reflector = reflector_new(w->ctx.kind, &w->ctx.sink);
	if (!w->reflector) {
		free(w);
		return NULL;
	}
	w->answered = true;		/* nothing says otherwise yet */
	uv_timer_init(ctx->loop, &w->timer);
	w->timer.data = w;
	wait(w, 0);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void k8s_watcher_free(struct k8s_watcher *w)
{
	if (!w)
		return;
	k8s_request_cancel(w->req);
	reflector_free(w->reflector);
	k8s_buf_free(&w->body);
	uv_close((uv_handle_t *)&w->timer, on_closed);
}

const struct k8s_kind *k8s_watcher_kind(const struct k8s_watcher *w)
{
	return w->ctx.kind;
}

const struct reflector *k8s_watcher_reflector(const struct k8s_watcher *w)
{
	return w->reflector;
}

const char *k8s_watcher_error(const struct k8s_watcher *w)
{
	return w->error;
}

bool k8s_watcher_answered(const struct k8s_watcher *w)
{
	return w->answered;
}

bool k8s_watcher_connected(const struct k8s_watcher *w)
{
	return w->req && w->begun;
}
