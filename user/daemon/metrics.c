// SPDX-License-Identifier: GPL-2.0
/* The place where metrics are asked for; see metrics.h. */
#include "daemon/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/log.h"
#include "daemon/health.h"
#include "daemon/http.h"
#include "daemon/metrics_impl.h"

/* Who asks more often gets the same text again. */
#define FRESH_MS	1000U
/* Each may hold a text. */
#define CONNECTIONS	4U

struct metrics {
	struct metrics_ctx ctx;
	struct http *http;
	struct flow_count *flows;
	char *text;			/* NULL: nobody has asked yet */
	size_t len;
	uint64_t made_ms;		/* loop's time */
};

/* --------------------------------------------------------------------- texts */

static void put_daemon(FILE *out, const struct metrics_ctx *ctx)
{
	static const struct metric build = { "sluice_build", METRIC_INFO, NULL,
					     "Version of the daemon, and of its tables." };
	static const struct metric started = { "process_start_time_seconds", METRIC_GAUGE, "seconds",
					       "When the daemon was started, since the epoch." };
	static const struct metric ready = { "sluice_ready", METRIC_GAUGE, NULL,
					     "Everything is in force, and pods can be added." };
	char abi[16], why[512];
	const struct metric_label labels[] = { { "version", SLUICE_VERSION }, { "abi", abi }, {} };
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(abi, sizeof(abi), "%u", SL_ABI_VERSION);
	metric_begin(out, &build);
	metric_put(out, &build, labels, 1);
	metric_one_real(out, &started, (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 -
			(double)(uv_hrtime() - ctx->started_ns) / 1e9);
	metric_one(out, &ready, !ctx->reason(ctx->arg, why, sizeof(why)));
}

static int put_all(struct metrics *m, FILE *out)
{
	const struct flow_tally *flows = flow_count_ask(m->flows);
	json_t *source = m->ctx.source(m->ctx.arg);
	int err;

	put_daemon(out, &m->ctx);
	metrics_put_pipeline(out, m->ctx.sl, flows);
	metrics_put_policy(out, m->ctx.pol);
	metrics_put_source(out, source);
	json_decref(source);
	err = metrics_put_services(out, m->ctx.pol, flows);
	metric_end(out);
	return err;
}

/* -ENOMEM: the text is the one before, or none. */
static int make_text(struct metrics *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err = out ? put_all(m, out) : -ENOMEM;

	if (out && fclose(out))
		err = -ENOMEM;
	if (err) {
		free(text);
		return err;
	}
	free(m->text);
	m->text = text;
	m->len = len;
	m->made_ms = uv_now(m->ctx.loop);
	return 0;
}

static void answer(void *arg, const char *url, struct http_answer *a)
{
	struct metrics *m = arg;

	if (strcmp(url, "/metrics")) {
		a->status = 404;
		strcpy(a->text, "there is /metrics\n");
		return;
	}
	if ((!m->text || uv_now(m->ctx.loop) - m->made_ms >= FRESH_MS) && make_text(m)) {
		a->status = 503;
		strcpy(a->text, "out of memory\n");
		return;
	}
	a->type = METRICS_TYPE;
	a->body = m->text;
	a->len = m->len;
}

/* ------------------------------------------------------------------ life time */

static int start_flows(struct metrics *m)
{
	const struct flow_count_ctx ctx = {
		.loop = m->ctx.loop,
		.fd = { sluice_map_fd(m->ctx.sl, SL_MAP_FLOW), sluice_map_fd(m->ctx.sl, SL_MAP_HALF) },
		.pol = m->ctx.pol,
		.first_us = FLOW_COUNT_FIRST_US,
		.slice_us = FLOW_COUNT_SLICE_US,
	};
	int err = flow_count_new(&ctx, &m->flows);

	/* who asks first may find it done */
	if (!err)
		flow_count_ask(m->flows);
	return err;
}

static int start_http(struct metrics *m)
{
	const struct http_ctx ctx = { .loop = m->ctx.loop, .answer = answer, .arg = m,
				      .connections = CONNECTIONS };
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = -EINVAL;

	if (health_parse(m->ctx.listen, &sa, &len))
		fd = http_listen((struct sockaddr *)&sa, len);
	if (fd < 0)
		log_error("%s: %s", m->ctx.listen, strerror(-fd));
	return fd < 0 ? fd : http_new(&ctx, fd, &m->http);
}

int metrics_new(const struct metrics_ctx *ctx, struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->ctx = *ctx;
	err = start_http(m);
	if (!err)
		err = start_flows(m);
	if (err) {
		metrics_free(m);
		return err;
	}
	*out = m;
	return 0;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	http_free(m->http);
	flow_count_free(m->flows);
	free(m->text);
	free(m);
}
