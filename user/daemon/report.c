// SPDX-License-Identifier: GPL-2.0
/* See report.h. One thing is said at a time: nobody waits for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "common/log.h"
#include "daemon/hash.h"
#include "daemon/report.h"
#include "k8s/backoff.h"
#include "k8s/buf.h"
#include "k8s/reply.h"

#define TICK_MS		2000
#define REQUEST_S	10U
/* An upgrade or a restart is no reason to keep pods away. */
#define UNREADY_MS	5000
/* Who speaks of a wrong object, and how long the next one leaves the word to the one before. */
#define SPEAKERS	3
#define RANK_MS		10000
/* Objects whose trouble is known at a time; more wait until some are mended. */
#define TROUBLES_MAX	256
#define ANSWER_MAX	(4U << 20)
/* Bytes of an Event's note and of a condition's message. */
#define NOTE_MAX	1000

enum trouble_state {
	TROUBLE_NEW,			/* to be told at @due_ms */
	TROUBLE_TOLD,
	TROUBLE_OVER,			/* its condition is to be taken back */
};

struct trouble {
	struct trouble *next;
	const struct k8s_kind *kind;
	char ns[64], name[256];	/* @ns "": it has none */
	char text[NOTE_MAX];
	enum trouble_state state;
	bool refused;			/* the version before is in force, or nothing */
	bool seen;			/* in the look under way */
	bool mine;			/* this node is one of the speakers */
	uint64_t due_ms;		/* loop's time */
};

enum step {
	STEP_NONE,
	STEP_NODE,			/* the node's condition is on its way */
	STEP_GET,			/* the object that is in trouble */
	STEP_EVENT,
	STEP_CONDITION,
};

struct report {
	struct report_ctx ctx;
	uv_timer_t timer;
	struct k8s_request *req;
	enum step step;
	struct trouble *troubles;
	unsigned int ntroubles;
	struct trouble *about;		/* of the request; NULL: given up meanwhile */
	char uid[64];			/* of that object, */
	long generation;
	bool condition_stands;		/* and whether its condition says it already */
	struct k8s_buf answer;
	bool told_ready, node_told;
	uint64_t unready_ms;		/* since when, loop's time; 0: it is ready */
	unsigned int commits;		/* when troubles were looked for last */
	struct backoff backoff;
	uint64_t wait_ms;		/* nothing is sent before */
	char complained[256];		/* of the last request that failed; logged once */
};

static uint64_t now_ms(const struct report *r)
{
	return uv_now(r->ctx.loop);
}

/* RFC 3339; @micro: as MicroTime has it. */
static void timestamp(char *buf, size_t len, bool micro)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, len, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, len - n, micro ? ".%06ldZ" : "Z", ts.tv_nsec / 1000);
}

/* ------------------------------------------------------------------- troubles */

static const struct k8s_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < K8S_KINDS; i++)
		if (name && !strcmp(k8s_kinds[i].name, name))
			return &k8s_kinds[i];
	return NULL;
}

/* Of what is told of, only this kind has a status with conditions. */
static bool has_conditions(const struct trouble *t)
{
	return t->kind->kind == OBJECT_CNP;
}

/* How many nodes come before this one where this object is concerned. */
static unsigned int rank(const struct report *r, const struct trouble *t)
{
	uint64_t seed = hash_str(hash_str(hash_str(0, t->kind->name), t->ns), t->name), mine;
	const struct policy_node *nodes;
	unsigned int before = 0;
	size_t count;

	nodes = policy_nodes(r->ctx.pol, &count);
	mine = hash_str(seed, r->ctx.node_name);
	for (size_t i = 0; i < count; i++)
		before += hash_str(seed, nodes[i].name) < mine;
	return before;
}

static struct trouble *find_trouble(struct report *r, const struct k8s_kind *kind,
				    const char *ns, const char *name)
{
	struct trouble *t;

	for (t = r->troubles; t; t = t->next)
		if (t->kind == kind && !strcmp(t->ns, ns) && !strcmp(t->name, name))
			return t;
	return NULL;
}

static void note_trouble(struct report *r, const json_t *doc, bool refused)
{
	const struct k8s_kind *kind = kind_of(json_string_value(json_object_get(doc, "kind")));
	const char *ns = json_string_value(json_object_get(doc, "namespace"));
	const char *name = json_string_value(json_object_get(doc, "name"));
	const char *field = json_string_value(json_object_get(doc, "field"));
	const char *what = json_string_value(json_object_get(doc, "text"));
	struct trouble *t;
	unsigned int before;
	char text[NOTE_MAX];

	if (!kind || !name || !what)
		return;
	snprintf(text, sizeof(text), "%s%s%s", field ? field : "", field && *field ? ": " : "", what);
	t = find_trouble(r, kind, ns ? ns : "", name);
	/* one thing at a time of each object: two would take turns for ever */
	if (t && t->seen)
		return;
	if (!t) {
		t = r->ntroubles < TROUBLES_MAX ? calloc(1, sizeof(*t)) : NULL;
		if (!t)
			return;
		t->kind = kind;
		snprintf(t->ns, sizeof(t->ns), "%s", ns ? ns : "");
		snprintf(t->name, sizeof(t->name), "%s", name);
		t->next = r->troubles;
		r->troubles = t;
		r->ntroubles++;
	}
	t->seen = true;
	if (!strcmp(t->text, text) && t->state != TROUBLE_OVER)
		return;
	strcpy(t->text, text);
	before = rank(r, t);
	t->refused = refused;
	t->mine = before < SPEAKERS;
	t->state = t->mine ? TROUBLE_NEW : TROUBLE_TOLD;
	t->due_ms = now_ms(r) + before * RANK_MS;
}

static void forget_trouble(struct report *r, struct trouble *gone)
{
	struct trouble **link = &r->troubles;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	r->ntroubles--;
	if (r->about == gone)
		r->about = NULL;
	free(gone);
}

/* Mended, or gone: of the first kind a condition may speak still. */
static void end_trouble(struct report *r, struct trouble *t)
{
	bool spoke = t->mine && t->state == TROUBLE_TOLD && has_conditions(t);

	if (t->state == TROUBLE_OVER)
		return;
	if (!spoke) {
		forget_trouble(r, t);
		return;
	}
	t->state = TROUBLE_OVER;
	t->due_ms = now_ms(r);
}

static void note_all(struct report *r, json_t *list, bool refused)
{
	const json_t *doc;
	size_t i;

	json_array_foreach(list, i, doc)
		note_trouble(r, doc, refused);
	json_decref(list);
}

static void look_for_troubles(struct report *r)
{
	struct policy_stats st;
	struct trouble *t, *next;

	policy_get_stats(r->ctx.pol, &st);
	if (st.commits == r->commits && !st.rejected && !r->troubles)
		return;
	r->commits = st.commits;
	for (t = r->troubles; t; t = t->next)
		t->seen = false;
	note_all(r, policy_refused_json(r->ctx.pol), true);
	note_all(r, policy_warnings_json(r->ctx.pol), false);
	for (t = r->troubles; t; t = next) {
		next = t->next;
		if (!t->seen)
			end_trouble(r, t);
	}
}

/* ------------------------------------------------------------------- requests */

static void send_next(struct report *r);

static int on_data(void *arg, const char *data, size_t len)
{
	struct report *r = arg;

	return r->step == STEP_GET ? k8s_buf_add(&r->answer, data, len) : 0;
}

static void on_end(void *arg, int status, const char *why);

static const struct k8s_request_ops ops = { NULL, on_data, on_end };

static void fail(struct report *r, const char *why)
{
	uint32_t spread = (uint32_t)hash_u64(now_ms(r), r->wait_ms);

	if (strcmp(r->complained, why)) {
		snprintf(r->complained, sizeof(r->complained), "%s", why);
		log_warning("the cluster could not be told: %s", why);
	}
	r->step = STEP_NONE;
	r->wait_ms = now_ms(r) + 1000 + backoff_next(&r->backoff, spread);
}

/* Takes @body's reference. */
static void request(struct report *r, enum step step, const char *method, const char *target,
		    const char *type, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct k8s_request_params p = {
		.method = method, .target = target, .type = type, .body = text,
		.timeout_s = REQUEST_S,
	};
	int err = type && !text ? -ENOMEM : 0;

	json_decref(body);
	r->step = step;
	if (!err)
		err = k8s_request_start(r->ctx.client, &p, &ops, r, &r->req);
	free(text);
	if (err)
		fail(r, strerror(-err));
}

/* The path of all of a kind, with the namespace before its last part and the name behind it. */
static void object_target(const struct trouble *t, const char *more, char *buf, size_t len)
{
	const char *path = t->kind->path, *plural = strrchr(path, '/') + 1;

	snprintf(buf, len, "%.*s%s%s%s%s/%s%s", (int)(plural - path), path,
		 t->ns[0] ? "namespaces/" : "", t->ns, t->ns[0] ? "/" : "", plural, t->name, more);
}

/* ------------------------------------------------------------------ the node */

static void tell_node(struct report *r)
{
	char target[512], now[64], why[512] = "";
	const char *reason = r->ctx.reason(r->ctx.arg, why, sizeof(why));

	timestamp(now, sizeof(now), false);
	snprintf(target, sizeof(target), "/api/v1/nodes/%s/status", r->ctx.node_name);
	r->told_ready = !reason;
	request(r, STEP_NODE, "PATCH", target, "application/strategic-merge-patch+json",
		json_pack("{s:{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}}", "status", "conditions", "type",
			  "NetworkUnavailable", "status", reason ? "True" : "False", "reason",
			  reason ? "SluiceIsNotReady" : "SluiceIsReady", "message",
			  reason ? reason : "pods can be added, and their policies are in force",
			  "lastHeartbeatTime", now, "lastTransitionTime", now));
}

static bool node_is_due(struct report *r)
{
	char why[512];
	bool ready = !r->ctx.reason(r->ctx.arg, why, sizeof(why));

	if (ready)
		r->unready_ms = 0;
	else if (!r->unready_ms)
		r->unready_ms = now_ms(r);
	if (r->node_told && ready == r->told_ready)
		return false;
	return ready || now_ms(r) - r->unready_ms >= UNREADY_MS;
}

/* --------------------------------------------------------------- the objects */

static const char *type_of(const struct trouble *t)
{
	return t->refused ? "Refused" : "NotAsWritten";
}

/* One of a name is there at most: nodes that say the same, say it once. */
static void tell_event(struct report *r, const struct trouble *t)
{
	uint64_t id = hash_str(hash_str(hash_str(0, t->kind->name), r->uid), t->text);
	const char *ns = t->ns[0] ? t->ns : "default";
	char target[256], now[64], name[256], instance[128];
	json_t *doc;

	timestamp(now, sizeof(now), true);
	snprintf(target, sizeof(target), "/apis/events.k8s.io/v1/namespaces/%s/events", ns);
	snprintf(name, sizeof(name), "%.220s.%016llx", t->name, (unsigned long long)id);
	snprintf(instance, sizeof(instance), "%.127s", r->ctx.node_name);
	doc = json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}",
			"apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name", name,
			"namespace", ns, "eventTime", now, "reportingController", "sluiced",
			"reportingInstance", instance, "action", "Enforce", "reason", type_of(t), "type",
			"Warning", "note", t->text, "regarding", "apiVersion", t->kind->api, "kind",
			t->kind->name, "name", t->name, "uid", r->uid);
	if (t->ns[0])
		json_object_set_new(json_object_get(doc, "regarding"), "namespace", json_string(t->ns));
	request(r, STEP_EVENT, "POST", target, "application/json", doc);
}

/* By server-side apply: this condition is sluice's, all others are not. */
static void tell_condition(struct report *r, const struct trouble *t)
{
	bool over = t->state == TROUBLE_OVER;
	char target[768], now[64];

	timestamp(now, sizeof(now), false);
	object_target(t, "/status?fieldManager=sluiced&force=true", target, sizeof(target));
	request(r, STEP_CONDITION, "PATCH", target, "application/apply-patch+yaml",
		json_pack("{s:s, s:s, s:{s:s}, s:{s:[{s:s, s:s, s:s, s:s, s:I, s:s}]}}", "apiVersion",
			  t->kind->api, "kind", t->kind->name, "metadata", "name", t->name,
			  "status", "conditions", "type", "Enforced", "status",
			  over ? "True" : "False", "reason", over ? "AsWritten" : type_of(t),
			  "message", over ? "in force as written" : t->text, "observedGeneration",
			  (json_int_t)r->generation, "lastTransitionTime", now));
}

static void done(struct report *r)
{
	struct trouble *t = r->about;

	r->about = NULL;
	if (!t)
		return;
	if (t->state == TROUBLE_OVER)
		forget_trouble(r, t);
	else
		t->state = TROUBLE_TOLD;
}

static bool condition_says(const json_t *doc, const struct trouble *t, long generation)
{
	const json_t *list = json_object_get(json_object_get(doc, "status"), "conditions"), *c;
	const char *want = t->state == TROUBLE_OVER ? "True" : "False";
	size_t i;

	json_array_foreach(list, i, c) {
		const char *type = json_string_value(json_object_get(c, "type"));
		const char *status = json_string_value(json_object_get(c, "status"));
		const char *message = json_string_value(json_object_get(c, "message"));

		if (type && !strcmp(type, "Enforced"))
			return status && !strcmp(status, want) && message &&
			       (t->state == TROUBLE_OVER || !strcmp(message, t->text)) &&
			       json_integer_value(json_object_get(c, "observedGeneration")) == generation;
	}
	/* nobody has complained: nothing is to be taken back */
	return t->state == TROUBLE_OVER;
}

static int read_object(struct report *r)
{
	json_t *doc = json_loadb(r->answer.data ? r->answer.data : "", r->answer.len, JSON_ALLOW_NUL, NULL);
	const json_t *meta = json_object_get(doc, "metadata");
	const char *uid = json_string_value(json_object_get(meta, "uid"));

	int err = uid && strlen(uid) < sizeof(r->uid) ? 0 : -EINVAL;

	if (!err) {
		strcpy(r->uid, uid);
		r->generation = (long)json_integer_value(json_object_get(meta, "generation"));
		r->condition_stands = condition_says(doc, r->about, r->generation);
	}
	json_decref(doc);
	return err;
}

static void after_get(struct report *r)
{
	if (!r->about)
		return;
	if (read_object(r)) {
		fail(r, "an object without uid");
		return;
	}
	if (r->about->state != TROUBLE_OVER)
		tell_event(r, r->about);
	else if (!r->condition_stands)
		tell_condition(r, r->about);
	else
		done(r);
}

static void after_event(struct report *r)
{
	if (r->about && has_conditions(r->about) && !r->condition_stands)
		tell_condition(r, r->about);
	else
		done(r);
}

static void on_end(void *arg, int status, const char *why)
{
	struct report *r = arg;
	enum step step = r->step;
	/* the object is gone, or was another before the answer came; or another node has said it */
	bool moot = (status == 404 && step != STEP_NODE) || (status == 409 && step != STEP_CONDITION);

	r->req = NULL;
	r->step = STEP_NONE;
	if (status / 100 != 2 && !moot) {
		r->about = NULL;
		fail(r, why);
	} else {
		r->backoff.failures = 0;
		r->complained[0] = '\0';
		if (step == STEP_NODE)
			r->node_told = true;
		else if (status == 404)
			done(r);
		else if (step == STEP_GET)
			after_get(r);
		else if (step == STEP_EVENT)
			after_event(r);
		else
			done(r);
	}
	k8s_buf_free(&r->answer);
	send_next(r);
}

/* --------------------------------------------------------------------- turns */

static void send_next(struct report *r)
{
	char target[768];
	struct trouble *t;

	if (r->step != STEP_NONE || now_ms(r) < r->wait_ms)
		return;
	if (node_is_due(r)) {
		r->node_told = false;
		tell_node(r);
		return;
	}
	for (t = r->troubles; t; t = t->next)
		if (t->state != TROUBLE_TOLD && t->due_ms <= now_ms(r))
			break;
	if (!t)
		return;
	r->about = t;
	object_target(t, "", target, sizeof(target));
	request(r, STEP_GET, "GET", target, NULL, NULL);
}

static void on_tick(uv_timer_t *timer)
{
	struct report *r = timer->data;

	if (!r->ctx.settled(r->ctx.arg))
		return;
	look_for_troubles(r);
	send_next(r);
}

struct report *report_new(const struct report_ctx *ctx)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ctx = *ctx;
	r->answer.max = ANSWER_MAX;
	r->backoff = (struct backoff){ 1000, 60000, 0 };
	uv_timer_init(ctx->loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_tick, TICK_MS / 4, TICK_MS);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void report_free(struct report *r)
{
	if (!r)
		return;
	k8s_request_cancel(r->req);
	while (r->troubles)
		forget_trouble(r, r->troubles);
	k8s_buf_free(&r->answer);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
