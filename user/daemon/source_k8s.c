// SPDX-License-Identifier: GPL-2.0
/* See source_k8s.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/file.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/object_keep.h"
#include "daemon/report.h"
#include "daemon/source_k8s.h"
#include "k8s/watcher.h"

#define SERVICE_ACCOUNT	"/var/run/secrets/kubernetes.io/serviceaccount"

struct kind_state {
	struct k8s_watcher *watcher;
	char told[600];			/* the error that was logged last; "": none */
};

struct source_k8s {
	struct source src;
	struct source_ctx ctx;
	struct k8s_client *client;
	struct report *report;
	struct object_keep *keep;
	struct kind_state kinds[K8S_KINDS];
	uint64_t lost_ms;		/* loop's time when no watcher got an answer; 0: some do */
	bool synced;
};

static struct source_k8s *of(const struct source *src)
{
	return (struct source_k8s *)src;
}

/* ------------------------------------------------------------------- objects */

static int sink_apply(void *arg, struct object *obj)
{
	struct source_k8s *s = arg;
	struct diag diag = {};
	int err;

	object_keep_drop(s->keep, obj->kind, obj->ns ? obj->ns->s : "", obj->name->s);
	err = policy_object_apply(s->ctx.pol, obj, &diag);
	if (s->synced)
		s->ctx.changed(s->ctx.arg);
	return err;
}

static void sink_del(void *arg, int kind, const char *ns, const char *name)
{
	struct source_k8s *s = arg;

	object_keep_drop(s->keep, kind, ns, name);
	policy_object_delete(s->ctx.pol, kind, ns, name);
	if (s->synced)
		s->ctx.changed(s->ctx.arg);
}

static int sink_each(void *arg, int kind,
		     int (*cb)(void *cb_arg, const char *ns, const char *name), void *cb_arg)
{
	const struct source_k8s *s = arg;

	return policy_object_each(s->ctx.pol, kind, cb, cb_arg);
}

/* The next daemon won't have it from the server. */
static void keep_last_good(struct source_k8s *s, const struct object_id *id)
{
	json_t *manifest;

	if (id->kind < 0 || !id->name[0])
		return;
	manifest = policy_object_json(s->ctx.pol, id->kind, id->ns, id->name);
	if (manifest)
		object_keep_put(s->keep, id, manifest);
}

static void sink_refuse(void *arg, const struct object_id *id, const struct diag *diag)
{
	struct source_k8s *s = arg;

	log_error("refused: %s %s%s%s: %s%s%s", object_kind_name(id->kind), id->ns,
		  id->ns[0] ? "/" : "", id->name[0] ? id->name : "without a name", diag->field,
		  diag->field[0] ? ": " : "", diag->text);
	if (policy_object_refuse(s->ctx.pol, id, diag))
		log_error("out of memory");
	keep_last_good(s, id);
}

/* ----------------------------------------------------------------- the server */

/*
 * Whether there is a server, by what was heard last: an answer that is still
 * coming in outweighs all else. A kind that waits to be asked for again says
 * nothing against one that has just had no answer.
 */
static bool answered(const struct source_k8s *s)
{
	bool all = true;

	for (int i = 0; i < K8S_KINDS; i++) {
		if (k8s_watcher_connected(s->kinds[i].watcher))
			return true;
		all &= k8s_watcher_answered(s->kinds[i].watcher);
	}
	return all;
}

static bool all_synced(const struct source_k8s *s)
{
	for (int i = 0; i < K8S_KINDS; i++)
		if (!reflector_synced(k8s_watcher_reflector(s->kinds[i].watcher)))
			return false;
	return true;
}

/* Once when it goes, once when it comes, and no word of each kind's share in it. */
static void tell_server(struct source_k8s *s, const struct k8s_watcher *w)
{
	const char *server = k8s_client_server(s->client);
	uint64_t now = uv_now(s->ctx.loop);

	if (answered(s)) {
		if (s->lost_ms)
			log_info("%s: is there again after %.1f s", server,
				 (double)(now - s->lost_ms) / 1000);
		s->lost_ms = 0;
	} else if (!s->lost_ms && !k8s_watcher_answered(w)) {
		s->lost_ms = now ? now : 1;
		log_warning("%s: %s; %s", server, k8s_watcher_error(w),
			    s->synced ? "what it said stays in force" :
			    "what was in force stays in force");
	}
}

/* What one kind's answers say, told when it is another thing. */
static void tell_kind(struct kind_state *k, const struct k8s_watcher *w)
{
	const char *error = k8s_watcher_error(w);

	if (!k8s_watcher_answered(w) || !strcmp(k->told, error))
		return;
	snprintf(k->told, sizeof(k->told), "%s", error);
	if (error[0])
		log_error("%s: %s", k8s_watcher_kind(w)->name, error);
}

static void on_heard(void *arg, struct k8s_watcher *w)
{
	struct source_k8s *s = arg;

	tell_server(s, w);
	for (int i = 0; i < K8S_KINDS; i++)
		if (s->kinds[i].watcher == w)
			tell_kind(&s->kinds[i], w);
	if (s->synced || !all_synced(s))
		return;
	s->synced = true;
	log_info("%s: all objects are known", k8s_client_server(s->client));
	s->ctx.changed(s->ctx.arg);
}

/* -------------------------------------------------------------------- as a source */

static const char *waiting(const struct source *src, char *buf, size_t len)
{
	const struct source_k8s *s = of(src);
	size_t n;

	if (s->synced)
		return NULL;
	n = snprintf(buf, len, "waiting for %s:", k8s_client_server(s->client));
	for (int i = 0; i < K8S_KINDS; i++) {
		const struct k8s_watcher *w = s->kinds[i].watcher;
		const char *error = k8s_watcher_error(w);

		if (reflector_synced(k8s_watcher_reflector(w)) || n >= len)
			continue;
		n += snprintf(buf + n, len - n, " %s%s%s%s;", k8s_watcher_kind(w)->name,
			      error[0] ? " (" : "", error, error[0] ? ")" : "");
	}
	buf[n < len ? n - 1 : len - 1] = '\0';
	return buf;
}

static void rescan(struct source *src)
{
	(void)src;			/* whatever has been missed, the watches will find */
}

static json_t *kind_json(const struct k8s_watcher *w)
{
	const struct reflector_stats *st = reflector_stats(k8s_watcher_reflector(w));
	const char *error = k8s_watcher_error(w);

	return json_pack("{s:s, s:b, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "kind",
			 k8s_watcher_kind(w)->name, "synced",
			 reflector_synced(k8s_watcher_reflector(w)), "version",
			 reflector_version(k8s_watcher_reflector(w)), "error",
			 error[0] ? error : NULL, "lists", (json_int_t)st->lists, "watches",
			 (json_int_t)st->watches, "events", (json_int_t)st->events, "gone",
			 (json_int_t)st->gone, "refused", (json_int_t)st->refused, "nonsense",
			 (json_int_t)(st->nonsense + st->endless + st->large), "failures",
			 (json_int_t)st->failures, "absent", (json_int_t)st->absent);
}

static json_t *status(const struct source *src)
{
	const struct source_k8s *s = of(src);
	json_t *kinds = json_array();

	for (int i = 0; i < K8S_KINDS; i++)
		json_array_append_new(kinds, kind_json(s->kinds[i].watcher));
	return json_pack("{s:s, s:s, s:b, s:b, s:f, s:o}", "kind", "kubernetes", "from",
			 k8s_client_server(s->client), "synced", s->synced, "answering",
			 !s->lost_ms, "lostSeconds",
			 s->lost_ms ? (double)(uv_now(s->ctx.loop) - s->lost_ms) / 1000 : 0.0,
			 "kinds", kinds);
}

static void close_source(struct source *src)
{
	struct source_k8s *s = of(src);

	report_free(s->report);
	for (int i = 0; i < K8S_KINDS; i++)
		k8s_watcher_free(s->kinds[i].watcher);
	object_keep_close(s->keep);
	k8s_client_free(s->client);
	free(s);
}

static const struct source_ops ops = {
	.waiting = waiting,
	.rescan = rescan,
	.status = status,
	.close = close_source,
	.knows_pods = true,
};

/* ------------------------------------------------------------------- life time */

static int read_kubeconfig(const char *path, struct kubeconfig *kc)
{
	struct diag diag = {};
	char *text, why[1200];
	size_t len;
	int err;

	if (!path[0]) {
		err = kubeconfig_in_cluster(SERVICE_ACCOUNT, getenv("KUBERNETES_SERVICE_HOST"),
					    getenv("KUBERNETES_SERVICE_PORT"), kc);
		if (err)
			log_error("%s", err == -ENOENT ?
				  "not in a pod: KUBERNETES_SERVICE_HOST and _PORT are not set; "
				  "set --kubeconfig" :
				  "KUBERNETES_SERVICE_HOST and _PORT are no address and port");
		return err;
	}
	err = file_read_linked(path, KUBECONFIG_MAX_BYTES, &text, &len);
	if (err) {
		log_error("%s: %s", path, strerror(-err));
		return err;
	}
	err = kubeconfig_parse(path, text, len, kc, &diag);
	explicit_bzero(text, len);
	free(text);
	if (err == -EINVAL) {
		diag_format(&diag, why, sizeof(why));
		log_error("%s", why);
	}
	return err;
}

static bool settled(void *arg)
{
	const struct source_k8s *s = arg;

	return s->synced;
}

static const char *reason(void *arg, char *buf, size_t len)
{
	const struct source_k8s *s = arg;

	return s->ctx.reason(s->ctx.arg, buf, len);
}

static int start_report(struct source_k8s *s)
{
	const struct report_ctx ctx = {
		.loop = s->ctx.loop,
		.client = s->client,
		.pol = s->ctx.pol,
		.node_name = s->ctx.node_name,
		.settled = settled,
		.reason = reason,
		.arg = s,
	};

	s->report = report_new(&ctx);
	return s->report ? 0 : -ENOMEM;
}

static int start_watchers(struct source_k8s *s)
{
	struct k8s_watcher_ctx ctx = {
		.loop = s->ctx.loop,
		.client = s->client,
		.sink = { sink_apply, sink_del, sink_refuse, sink_each, s },
		.heard = on_heard,
	};

	for (int i = 0; i < K8S_KINDS; i++) {
		ctx.kind = &k8s_kinds[i];
		s->kinds[i].watcher = k8s_watcher_new(&ctx);
		if (!s->kinds[i].watcher)
			return -ENOMEM;
	}
	return 0;
}

/* As if they were known already: the lists say which of them still stand. */
static int recall(void *arg, struct object *obj)
{
	struct source_k8s *s = arg;
	struct diag diag = {};

	return policy_object_apply(s->ctx.pol, obj, &diag);
}

static int start_keep(struct source_k8s *s)
{
	int err = 0;

	if (s->ctx.state_dir)
		err = object_keep_open(s->ctx.loop, s->ctx.state_dir, recall, s, &s->keep);
	if (err)
		log_error("%s: %s", s->ctx.state_dir, strerror(-err));
	return err;
}

int source_k8s_open(const struct source_ctx *ctx, const char *kubeconfig, struct source **out)
{
	struct source_k8s *s = calloc(1, sizeof(*s));
	struct kubeconfig kc = {};
	int err;

	if (!s)
		return -ENOMEM;
	s->src.ops = &ops;
	s->ctx = *ctx;
	err = read_kubeconfig(kubeconfig, &kc);
	if (!err)
		err = k8s_client_new(ctx->loop, &kc, &s->client);
	if (err) {
		free(s);
		return err;
	}
	err = start_keep(s);
	if (!err)
		err = start_watchers(s);
	if (!err)
		err = start_report(s);
	if (err) {
		close_source(&s->src);
		return err;
	}
	*out = &s->src;
	return 0;
}
