// SPDX-License-Identifier: GPL-2.0
/* Lists and watch events; see reply.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/parse.h"
#include "daemon/tree_json.h"
#include "k8s/reply.h"

const struct k8s_kind k8s_kinds[K8S_KINDS] = {
	{ .kind = OBJECT_NAMESPACE, .name = "Namespace", .api = "v1", .path = "/api/v1/namespaces" },
	{ .kind = OBJECT_NODE, .name = "Node", .api = "v1", .path = "/api/v1/nodes" },
	{ .kind = OBJECT_POD, .name = "Pod", .api = "v1", .path = "/api/v1/pods" },
	{ .kind = OBJECT_NETPOL, .name = "NetworkPolicy", .api = "networking.k8s.io/v1",
	  .path = "/apis/networking.k8s.io/v1/networkpolicies" },
	{ .kind = OBJECT_CNP, .name = "ClusterNetworkPolicy",
	  .api = "policy.networking.k8s.io/v1alpha2",
	  .path = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies",
	  .optional = true },
	{ .kind = OBJECT_SERVICE, .name = "Service", .api = "v1", .path = "/api/v1/services" },
	{ .kind = OBJECT_ENDPOINTSLICE, .name = "EndpointSlice", .api = "discovery.k8s.io/v1",
	  .path = "/apis/discovery.k8s.io/v1/endpointslices" },
};

/* ----------------------------------------------------------------- documents */

struct reply {
	const struct k8s_kind *kind;
	struct arena arena;		/* of @doc */
	const struct tree *doc;		/* a map */
	struct parse p;
};

static void reply_close(struct reply *r)
{
	arena_free(&r->arena);
}

static int reply_open(struct reply *r, const struct k8s_kind *kind, const char *text, size_t len,
		      struct diag *diag)
{
	int err;

	*r = (struct reply){ .kind = kind, .p = { kind->path, diag } };
	if (len > TREE_MAX_BYTES)
		return parse_fail(&r->p, NULL, NULL, "larger than %u MiB", TREE_MAX_BYTES >> 20);
	err = tree_from_json(kind->path, text, len, &r->arena, &r->doc, diag);
	if (!err)
		err = parse_type(&r->p, NULL, r->doc, TREE_MAP);
	if (err)
		reply_close(r);
	return err;
}

/* An optional text of at most @max - 1 bytes; missing: "". */
static int copy_field(const struct reply *r, const struct tree *map, const struct path *up,
		      const char *key, char *buf, size_t max)
{
	struct path at;
	const struct tree *t = parse_field(map, key, up, &at);
	const char *s = "";
	int err = t ? parse_string(&r->p, &at, t, &s) : 0;

	if (err)
		return err;
	if (strlen(s) >= max)
		return parse_fail(&r->p, &at, t, "longer than %zu bytes", max - 1);
	strcpy(buf, s);
	return 0;
}

/* metadata.resourceVersion, without which nothing can follow. */
static int copy_version(const struct reply *r, const struct tree *map, const struct path *up,
			char version[K8S_VERSION_MAX])
{
	struct path at;
	const struct tree *meta = parse_field(map, "metadata", up, &at);
	int err;

	if (!meta)
		return parse_fail(&r->p, &at, map, "missing");
	err = copy_field(r, meta, &at, "resourceVersion", version, K8S_VERSION_MAX);
	if (!err && !version[0])
		err = parse_fail(&r->p, &at, meta, "has no resourceVersion");
	return err;
}

/* ------------------------------------------------------------------- objects */

/* Items of a list don't say what they are: the list does. */
static int parse_item(struct reply *r, const struct tree *t, const struct path *at,
		      struct manifest_item *item)
{
	struct tree key[2] = { *t, *t }, value[2] = { *t, *t }, whole = *t;
	unsigned int i;
	int err;

	whole.pair = arena_alloc(&r->arena, (t->n + 2) * sizeof(*whole.pair));
	if (!whole.pair)
		return -ENOMEM;
	whole.n = 0;
	for (i = 0; i < t->n; i++)
		if (strcmp(t->pair[i].key->s, "kind") && strcmp(t->pair[i].key->s, "apiVersion"))
			whole.pair[whole.n++] = t->pair[i];
	for (i = 0; i < 2; i++) {
		key[i].type = value[i].type = TREE_STRING;
		key[i].s = i ? "apiVersion" : "kind";
		value[i].s = i ? r->kind->api : r->kind->name;
		key[i].n = strlen(key[i].s);
		value[i].n = strlen(value[i].s);
		whole.pair[whole.n++] = (struct tree_pair){ &key[i], &value[i] };
	}
	err = object_parse(r->kind->path, &whole, at, &item->obj, &item->id, &item->diag);
	return err == -EINVAL ? 0 : err;
}

static int check_kind(const struct reply *r, const struct tree *t, const struct path *up,
		      const char *suffix)
{
	struct path at;
	const struct tree *kind = parse_field(t, "kind", up, &at);
	char want[64];

	snprintf(want, sizeof(want), "%s%s", r->kind->name, suffix);
	if (!kind)
		return parse_fail(&r->p, &at, t, "missing: %s was asked for", want);
	if (kind->type != TREE_STRING || strcmp(kind->s, want))
		return parse_fail(&r->p, &at, kind, "%s was asked for", want);
	return 0;
}

/* --------------------------------------------------------------------- pages */

static int page_items(struct reply *r, int (*cb)(void *arg, struct manifest_item *item),
		      void *arg)
{
	struct path at;
	const struct tree *items = parse_field(r->doc, "items", NULL, &at);
	unsigned int i;
	int err = items ? parse_type(&r->p, &at, items, TREE_SEQ) : 0;

	for (i = 0; !err && items && i < items->n; i++) {
		struct path here = { &at, NULL, i };
		struct manifest_item item = {};

		err = parse_type(&r->p, &here, items->item[i], TREE_MAP);
		if (!err)
			err = parse_item(r, items->item[i], &here, &item);
		if (!err)
			err = cb(arg, &item);
	}
	return err;
}

int k8s_page_parse(const struct k8s_kind *kind, const char *text, size_t len,
		   struct k8s_page *page, int (*cb)(void *arg, struct manifest_item *item),
		   void *arg, struct diag *diag)
{
	const struct path meta = { NULL, "metadata", 0 };
	struct reply r;
	int err = reply_open(&r, kind, text, len, diag);

	if (err)
		return err;
	err = check_kind(&r, r.doc, NULL, "List");
	if (!err)
		err = copy_version(&r, r.doc, NULL, page->version);
	if (!err)
		err = copy_field(&r, tree_get(r.doc, "metadata"), &meta, "continue", page->token,
				 sizeof(page->token));
	if (!err)
		err = page_items(&r, cb, arg);
	reply_close(&r);
	return err;
}

/* -------------------------------------------------------------------- events */

static int event_type(const struct reply *r, enum k8s_event_type *out)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };
	struct path at;
	const struct tree *t = parse_field(r->doc, "type", NULL, &at);
	unsigned int i;

	for (i = 0; t && t->type == TREE_STRING && i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(t->s, names[i])) {
			*out = i;
			return 0;
		}
	}
	return parse_fail(&r->p, &at, t ? t : r->doc,
			  "must be ADDED, MODIFIED, DELETED, BOOKMARK or ERROR");
}

void k8s_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static void copy_message(const struct tree *status, char *buf, size_t len)
{
	const struct tree *t = tree_get(status, "message");

	snprintf(buf, len, "%s", t && t->type == TREE_STRING ? t->s : "no message");
	k8s_printable(buf);
}

static int event_error(const struct reply *r, const struct tree *status, const struct path *at,
		       struct k8s_event *ev)
{
	struct path sub;
	const struct tree *code = parse_field(status, "code", at, &sub);

	copy_message(status, ev->message, sizeof(ev->message));
	return code ? parse_int(&r->p, &sub, code, &ev->code) : 0;
}

static int event_object(struct reply *r, struct k8s_event *ev)
{
	struct path at;
	const struct tree *t = parse_field(r->doc, "object", NULL, &at);
	int err;

	if (!t)
		return parse_fail(&r->p, &at, r->doc, "missing");
	err = parse_type(&r->p, &at, t, TREE_MAP);
	if (err)
		return err;
	if (ev->type == K8S_EVENT_ERROR)
		return event_error(r, t, &at, ev);
	err = check_kind(r, t, &at, "");
	if (!err)
		err = copy_version(r, t, &at, ev->version);
	if (!err && ev->type != K8S_EVENT_BOOKMARK)
		err = parse_item(r, t, &at, &ev->item);
	return err;
}

int k8s_event_parse(const struct k8s_kind *kind, const char *text, size_t len,
		    struct k8s_event *ev, struct diag *diag)
{
	struct reply r;
	int err = reply_open(&r, kind, text, len, diag);

	*ev = (struct k8s_event){};
	if (err)
		return err;
	err = event_type(&r, &ev->type);
	if (!err)
		err = event_object(&r, ev);
	reply_close(&r);
	return err;
}
