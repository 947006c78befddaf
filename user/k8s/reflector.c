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

/* An object that the sink has. */
struct known {
	struct hnode node;
	struct str *ns, *name;
	bool stale;			/* while a list is taken: not met again yet */
};

/* An object of a list that is not complete yet, or a complaint about one. */
struct staged {
	struct staged *next;
	struct manifest_item item;
};

struct reflector {
	const struct k8s_kind *kind;
	struct reflector_sink sink;
	struct reflector_stats stats;
	struct htab known;
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
		object_free(s->item.obj);
		free(s);
	}
	r->last = &r->first;
}

/* The next request is the first page of a list. */
static void start_over(struct reflector *r)
{
	drop_staged(r);
	r->page.token[0] = r->version[0] = '\0';
	r->pages = 0;
}

static void forget(struct reflector *r, struct known *k)
{
	htab_del(&r->known, &k->node);
	str_put(k->ns);
	str_put(k->name);
	free(k);
}

void reflector_free(struct reflector *r)
{
	struct hnode *n;

	if (!r)
		return;
	drop_staged(r);
	while ((n = htab_walk(&r->known, NULL)))
		forget(r, container_of(n, struct known, node));
	htab_exit(&r->known);
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

static struct known *find(const struct reflector *r, const struct object_id *id)
{
	uint64_t hash = hash_str(hash_str(0, id->ns), id->name);
	struct hnode *n;
	struct known *k;

	htab_each_hash(&r->known, n, hash) {
		k = container_of(n, struct known, node);
		if (!strcmp(k->ns->s, id->ns) && !strcmp(k->name->s, id->name))
			return k;
	}
	return NULL;
}

static struct known *remember(struct reflector *r, const struct object_id *id)
{
	struct known *k = find(r, id);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->ns = str_get(id->ns, strlen(id->ns));
	k->name = str_get(id->name, strlen(id->name));
	if (k->ns && k->name &&
	    !htab_add(&r->known, &k->node, hash_str(hash_str(0, id->ns), id->name)))
		return k;
	str_put(k->ns);
	str_put(k->name);
	free(k);
	return NULL;
}

/* Takes item->obj in any case. */
static int take(struct reflector *r, struct manifest_item *item)
{
	struct object *obj = item->obj;
	struct known *k;

	item->obj = NULL;
	if (obj) {
		k = remember(r, &item->id);
		if (!k) {
			object_free(obj);
			return -ENOMEM;
		}
		k->stale = false;
		return r->sink.apply(r->sink.arg, obj);
	}
	/* what sluice has no use for has no last good version either */
	if (item->diag.level == DIAG_ERROR) {
		k = find(r, &item->id);
		if (k)
			k->stale = false;
		r->stats.refused++;
		r->sink.refuse(r->sink.arg, &item->id, &item->diag);
	}
	return 0;
}

static void drop(struct reflector *r, const struct object_id *id)
{
	struct known *k = find(r, id);

	/* also where it is not known: it may have been refused, and said so */
	r->sink.del(r->sink.arg, r->kind->kind, id->ns, id->name);
	if (k)
		forget(r, k);
}

/* --------------------------------------------------------------------- lists */

static int stage(void *arg, struct manifest_item *item)
{
	struct reflector *r = arg;
	struct staged *s = malloc(sizeof(*s));

	if (!s) {
		object_free(item->obj);
		return -ENOMEM;
	}
	*s = (struct staged){ NULL, *item };
	*r->last = s;
	r->last = &s->next;
	return 0;
}

static void mark_stale(struct reflector *r)
{
	struct hnode *n;

	htab_each(&r->known, n)
		container_of(n, struct known, node)->stale = true;
}

static void sweep(struct reflector *r)
{
	struct hnode *n = htab_walk(&r->known, NULL), *next;

	for (; n; n = next) {
		struct known *k = container_of(n, struct known, node);

		next = htab_walk(&r->known, n);
		if (!k->stale)
			continue;
		r->sink.del(r->sink.arg, r->kind->kind, k->ns->s, k->name->s);
		forget(r, k);
	}
}

/* The list is whole: it replaces what was known. */
static int take_list(struct reflector *r)
{
	bool nameless = false;
	struct staged *s;
	int err = 0;

	mark_stale(r);
	for (s = r->first; !err && s; s = s->next) {
		nameless |= !s->item.obj && !s->item.id.name[0];
		err = take(r, &s->item);
	}
	if (err)
		return err;
	/* a wrong object without a name could be any of those that seem to be gone */
	if (!nameless)
		sweep(r);
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
		drop(r, &ev->item.id);
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
	start_over(r);
	r->stats.absent++;
	if (htab_walk(&r->known, NULL) && ++r->absent < ABSENT_TIMES)
		return backoff_next(&r->backoff, random);
	mark_stale(r);
	sweep(r);
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
