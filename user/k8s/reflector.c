// SPDX-License-Identifier: GPL-2.0
/* List, then watch; see reflector.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/hash.h"
#include "daemon/str.h"
#include "k8s/backoff.h"
#include "k8s/frame.h"
#include "k8s/reflector.h"

#define BACKOFF_FIRST_MS	500
#define BACKOFF_MAX_MS		30000
/* How often to ask for a kind that the cluster doesn't know; and how often it has to say so. */
#define ABSENT_MS		20000
#define ABSENT_TIMES		3

/* An object of a list that is not complete yet, or a complaint about one. */
struct staged {
	struct hnode node;		/* by namespace and name */
	struct staged *next;
	struct object *obj;		/* NULL: @wrong says why */
	struct manifest_item *wrong;
};

/* An object that the sink has and a list has not. */
struct gone {
	struct gone *next;
	struct str *ns, *name;
};

struct reflector {
	const struct k8s_kind *kind;
	struct reflector_sink sink;
	struct reflector_stats stats;
	struct htab listed;		/* those staged */
	struct staged *first, **last;
	struct k8s_page page;		/* the last one of the list under way */
	unsigned int pages;
	unsigned int limit;		/* objects to ask for at once */
	unsigned int absent;		/* 404, in a row */
	char version[K8S_VERSION_MAX];	/* to watch from; "": list */
	struct k8s_frame frame;
	struct backoff backoff;
	struct diag *diag;		/* of the call under way */
	bool synced;
	bool failed;			/* the request under way: already counted */
	bool watching;			/* the request under way is a watch */
	bool away;			/* the last request had no answer */
};

struct reflector *reflector_new(const struct k8s_kind *kind, const struct reflector_sink *sink)
{
	struct reflector *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->kind = kind;
	r->sink = *sink;
	r->last = &r->first;
	r->limit = REFLECTOR_PAGE;
	r->backoff = (struct backoff){ BACKOFF_FIRST_MS, BACKOFF_MAX_MS, 0 };
	k8s_frame_init(&r->frame, K8S_LINE_MAX);
	return r;
}

static void drop_staged(struct reflector *r)
{
	struct staged *s;

	while ((s = r->first)) {
		r->first = s->next;
		object_free(s->obj);
		free(s->wrong);
		free(s);
	}
	r->last = &r->first;
	htab_exit(&r->listed);
}

/* The next request is the first page of a list. */
static void start_over(struct reflector *r)
{
	drop_staged(r);
	r->page.token[0] = r->version[0] = '\0';
	r->pages = 0;
}

void reflector_free(struct reflector *r)
{
	if (!r)
		return;
	drop_staged(r);
	k8s_frame_exit(&r->frame);
	free(r);
}

bool reflector_synced(const struct reflector *r)
{
	return r->synced;
}

const char *reflector_version(const struct reflector *r)
{
	return r->version;
}

const struct reflector_stats *reflector_stats(const struct reflector *r)
{
	return &r->stats;
}

/* ------------------------------------------------------------------- objects */

/* A note is no complaint. */
static void refuse(struct reflector *r, const struct manifest_item *item)
{
	if (item->diag.level != DIAG_ERROR)
		return;
	r->stats.refused++;
	r->sink.refuse(r->sink.arg, &item->id, &item->diag);
}

static void drop(struct reflector *r, const char *ns, const char *name)
{
	r->sink.del(r->sink.arg, r->kind->kind, ns, name);
}

/* Takes item->obj in any case. */
static int take(struct reflector *r, const struct manifest_item *item)
{
	if (item->obj)
		return r->sink.apply(r->sink.arg, item->obj);
	/* as in is_listed() */
	if (item->diag.level != DIAG_ERROR && item->id.name[0])
		drop(r, item->id.ns, item->id.name);
	refuse(r, item);
	return 0;
}

/* --------------------------------------------------------------------- lists */

static const char *staged_name(const struct staged *s, const char **ns)
{
	const struct object *o = s->obj;

	*ns = o ? o->ns ? o->ns->s : "" : s->wrong->id.ns;
	return o ? o->name->s : s->wrong->id.name;
}

static uint64_t name_hash(const char *ns, const char *name)
{
	return hash_str(hash_str(0, ns), name);
}

static struct manifest_item *copy(const struct manifest_item *item)
{
	struct manifest_item *c = malloc(sizeof(*c));

	if (c)
		*c = *item;
	return c;
}

static int stage(void *arg, struct manifest_item *item)
{
	struct staged *s = calloc(1, sizeof(*s));
	struct reflector *r = arg;
	const char *ns, *name;

	if (!s)
		goto err_obj;
	s->obj = item->obj;
	if (!s->obj) {
		s->wrong = copy(item);
		if (!s->wrong)
			goto err_staged;
	}
	name = staged_name(s, &ns);
	if (htab_add(&r->listed, &s->node, name_hash(ns, name)))
		goto err_wrong;
	*r->last = s;
	r->last = &s->next;
	return 0;

err_wrong:
	free(s->wrong);
err_staged:
	free(s);
err_obj:
	object_free(item->obj);
	return -ENOMEM;
}

static bool is_listed(const struct reflector *r, const char *ns, const char *name)
{
	const char *have_ns, *have;
	const struct staged *s;
	struct hnode *n;

	htab_each_hash(&r->listed, n, name_hash(ns, name)) {
		s = container_of(n, struct staged, node);
		/* what sluice has no use for has no last good version either */
		if (s->wrong && s->wrong->diag.level != DIAG_ERROR)
			continue;
		have = staged_name(s, &have_ns);
		if (!strcmp(have_ns, ns) && !strcmp(have, name))
			return true;
	}
	return false;
}

/* While the gone are looked for. */
struct search {
	const struct reflector *r;
	struct gone *found;
};

static void gone_free(struct gone *g)
{
	struct gone *next;

	for (; g; g = next) {
		next = g->next;
		str_put(g->ns);
		str_put(g->name);
		free(g);
	}
}

static int note_gone(void *arg, const char *ns, const char *name)
{
	struct search *search = arg;
	struct gone *g;

	if (is_listed(search->r, ns, name))
		return 0;
	g = malloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct gone){ search->found, str_get(ns, strlen(ns)), str_get(name, strlen(name)) };
	search->found = g;
	return g->ns && g->name ? 0 : -ENOMEM;
}

/* What the sink has and the list, which is whole, has not; to be freed. */
static int find_gone(const struct reflector *r, struct gone **out)
{
	struct search search = { r, NULL };
	int err = r->sink.each(r->sink.arg, r->kind->kind, note_gone, &search);

	if (err) {
		gone_free(search.found);
		return err;
	}
	*out = search.found;
	return 0;
}

static void drop_gone(struct reflector *r, const struct gone *g)
{
	for (; g; g = g->next)
		drop(r, g->ns->s, g->name->s);
}

/* A wrong object without a name could be any of those that seem to be gone. */
static bool has_nameless(const struct reflector *r)
{
	const struct staged *s;

	for (s = r->first; s; s = s->next)
		if (!s->obj && !s->wrong->id.name[0])
			return true;
	return false;
}

static int take_staged(struct reflector *r)
{
	struct staged *s;
	int err = 0;

	for (s = r->first; !err && s; s = s->next) {
		if (s->obj)
			err = r->sink.apply(r->sink.arg, s->obj);
		else
			refuse(r, s->wrong);
		s->obj = NULL;
	}
	return err;
}

/* The list is whole: it replaces what was known. */
static int take_list(struct reflector *r)
{
	struct gone *gone = NULL;
	int err = 0;

	/* now: names go with the objects */
	if (!has_nameless(r))
		err = find_gone(r, &gone);
	if (!err)
		err = take_staged(r);
	if (!err)
		drop_gone(r, gone);
	gone_free(gone);
	if (err)
		return err;
	strcpy(r->version, r->page.version);
	r->page.token[0] = '\0';
	r->pages = 0;
	drop_staged(r);
	r->synced = true;
	r->absent = 0;
	r->stats.lists++;
	r->backoff.failures = 0;
	return 0;
}

static int endless(struct reflector *r, const char *why)
{
	*r->diag = (struct diag){ .level = DIAG_ERROR };
	snprintf(r->diag->file, sizeof(r->diag->file), "%s", r->kind->path);
	snprintf(r->diag->text, sizeof(r->diag->text), "the list doesn't end: %s", why);
	r->stats.endless++;
	return -ELOOP;
}

static int check_progress(struct reflector *r, const char *before)
{
	if (!r->page.token[0])
		return 0;
	if (!strcmp(before, r->page.token))
		return endless(r, "its continue token is the one that was asked for");
	if (++r->pages >= REFLECTOR_PAGES_MAX)
		return endless(r, "too many pages");
	return 0;
}

int reflector_page(struct reflector *r, const char *text, size_t len, struct diag *diag)
{
	char before[K8S_CONTINUE_MAX];
	int err;

	r->diag = diag;
	strcpy(before, r->page.token);
	err = k8s_page_parse(r->kind, text, len, &r->page, stage, r, diag);
	if (err == -EINVAL)
		r->stats.nonsense++;
	if (!err)
		err = check_progress(r, before);
	if (!err && !r->page.token[0])
		err = take_list(r);
	if (err) {
		r->failed = true;
		start_over(r);
	}
	return err;
}

int reflector_page_large(struct reflector *r)
{
	r->stats.large++;
	r->failed = true;
	r->limit /= 2;
	if (r->limit)
		return 0;
	r->limit = 1;
	start_over(r);
	return -EMSGSIZE;
}

/* ------------------------------------------------------------------- watches */

static int on_server_error(struct reflector *r, const struct k8s_event *ev)
{
	*r->diag = (struct diag){ .level = DIAG_ERROR };
	snprintf(r->diag->file, sizeof(r->diag->file), "%s", r->kind->path);
	snprintf(r->diag->text, sizeof(r->diag->text), "the server ends the watch: %s", ev->message);
	if (ev->code != 410) {
		r->stats.failures++;
		return -EREMOTEIO;
	}
	r->stats.gone++;
	return -ESTALE;
}

static int take_event(struct reflector *r, struct k8s_event *ev)
{
	if (ev->type == K8S_EVENT_ERROR)
		return on_server_error(r, ev);
	r->stats.events++;
	r->backoff.failures = 0;
	if (ev->type == K8S_EVENT_BOOKMARK)
		return 0;
	if (ev->type != K8S_EVENT_DELETED)
		return take(r, &ev->item);
	object_free(ev->item.obj);
	if (ev->item.id.name[0])
		drop(r, ev->item.id.ns, ev->item.id.name);
	return 0;
}

static int on_line(void *arg, const char *line, size_t len)
{
	struct reflector *r = arg;
	struct k8s_event ev;
	int err = k8s_event_parse(r->kind, line, len, &ev, r->diag);

	if (err == -EINVAL)
		r->stats.nonsense++;
	if (!err)
		err = take_event(r, &ev);
	/* not before the event has been taken: it would be lost */
	if (!err)
		strcpy(r->version, ev.version);
	return err;
}

int reflector_push(struct reflector *r, const char *data, size_t len, struct diag *diag)
{
	int err;

	r->diag = diag;
	err = k8s_frame_push(&r->frame, data, len, on_line, r);
	if (err == -EMSGSIZE) {
		*diag = (struct diag){ .level = DIAG_ERROR };
		snprintf(diag->file, sizeof(diag->file), "%s", r->kind->path);
		snprintf(diag->text, sizeof(diag->text), "an event is larger than %u MiB",
			 K8S_LINE_MAX >> 20);
		r->stats.nonsense++;
	}
	if (err)
		r->failed = true;
	/* an error of the server's own says nothing against the version */
	if (err && err != -EREMOTEIO)
		start_over(r);
	return err;
}

/* ------------------------------------------------------------------ requests */

/* Everything but what RFC 3986 calls unreserved; @buf has three bytes for each. */
static void escape(const char *s, char *buf)
{
	for (; *s; s++) {
		if (strchr("-._~", *s) || (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		    (*s >= 'A' && *s <= 'Z'))
			*buf++ = *s;
		else
			buf += sprintf(buf, "%%%02X", (unsigned char)*s);
	}
	*buf = '\0';
}

bool reflector_request(struct reflector *r, unsigned int watch_s, char *buf)
{
	char text[3 * K8S_CONTINUE_MAX];

	r->watching = r->version[0];
	r->failed = false;
	k8s_frame_exit(&r->frame);
	escape(r->watching ? r->version : r->page.token, text);
	if (r->watching)
		snprintf(buf, REFLECTOR_TARGET_MAX,
			 "%s?watch=1&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%u",
			 r->kind->path, text, watch_s);
	else
		snprintf(buf, REFLECTOR_TARGET_MAX, "%s?limit=%u%s%s", r->kind->path,
			 r->limit, text[0] ? "&continue=" : "", text);
	return r->watching;
}

static unsigned int on_absent(struct reflector *r, uint32_t random)
{
	struct gone *gone;

	start_over(r);
	r->stats.absent++;
	if (find_gone(r, &gone))
		return backoff_next(&r->backoff, random);
	if (gone && ++r->absent < ABSENT_TIMES) {
		gone_free(gone);
		return backoff_next(&r->backoff, random);
	}
	drop_gone(r, gone);
	gone_free(gone);
	r->absent = 0;
	r->synced = true;
	r->backoff.failures = 0;
	return ABSENT_MS / 2 + (((uint64_t)ABSENT_MS / 2 * random) >> 32);
}

unsigned int reflector_end(struct reflector *r, int status, uint32_t random)
{
	bool cut = r->watching && k8s_frame_rest(&r->frame);

	/* how long it was away says nothing of how soon it can do what it is asked */
	if (status && r->away)
		r->backoff.failures = 0;
	r->away = !status;
	if (status == 200 && r->watching)
		r->stats.watches++;
	if (cut && !r->failed)
		r->stats.nonsense++;
	if (status == 200 && !r->failed && !r->watching)
		return 0;
	if (status == 404 && r->kind->optional)
		return on_absent(r, random);
	if (status == 410) {
		r->stats.gone++;
		start_over(r);
	} else if (status != 200) {
		r->stats.failures++;
	}
	/* also a watch that came to its end: one that ends at once must not spin */
	return backoff_next(&r->backoff, random);
}
