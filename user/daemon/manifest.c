// SPDX-License-Identifier: GPL-2.0
/* Manifest files; see manifest.h. */
#include <errno.h>
#include <stdio.h>
#include "daemon/manifest.h"
#include "daemon/parse.h"
#include "daemon/tree_json.h"

struct reading {
	const char *file;
	int (*cb)(void *arg, struct manifest_item *item);
	void *arg;
};

/* Kind "List", or "PodList" and its like; nested ones don't exist. */
static bool is_list(const struct tree *doc)
{
	const struct tree *kind = tree_get(doc, "kind");

	return kind && kind->type == TREE_STRING && kind->n >= 4 &&
	       !strcmp(kind->s + kind->n - 4, "List") && tree_key(doc, "items");
}

static int one_object(const struct reading *r, const struct tree *doc, const struct path *at)
{
	struct manifest_item item = {};
	int err;

	err = object_parse(r->file, doc, at, &item.obj, &item.id, &item.diag);
	if (err && err != -EINVAL)
		return err;
	return r->cb(r->arg, &item);
}

static int list(const struct reading *r, const struct tree *doc)
{
	struct path ip;
	const struct tree *items = parse_field(doc, "items", NULL, &ip);
	struct manifest_item wrong = { .id.kind = -1 };
	const struct parse p = { r->file, &wrong.diag };
	unsigned int i;
	int err = 0;

	if (items && parse_type(&p, &ip, items, TREE_SEQ))
		return r->cb(r->arg, &wrong);
	for (i = 0; !err && items && i < items->n; i++) {
		struct path item = { &ip, NULL, i };

		err = one_object(r, items->item[i], &item);
	}
	return err;
}

static int document(const struct reading *r, const struct tree *doc)
{
	return is_list(doc) ? list(r, doc) : one_object(r, doc, NULL);
}

static int too_large(const char *file, struct diag *diag)
{
	*diag = (struct diag){ .level = DIAG_ERROR };
	snprintf(diag->file, sizeof(diag->file), "%s", file);
	snprintf(diag->text, sizeof(diag->text), "larger than %u MiB", TREE_MAX_BYTES >> 20);
	return -EINVAL;
}

int manifest_parse(const char *file, const char *text, size_t len,
		   int (*cb)(void *arg, struct manifest_item *item), void *arg,
		   struct diag *diag)
{
	const struct reading r = { file, cb, arg };
	struct tree_reader *reader;
	const struct tree *doc;
	int err;

	if (len > TREE_MAX_BYTES)
		return too_large(file, diag);
	err = tree_open(file, text, len, &reader);
	if (err)
		return err;
	while ((err = tree_read(reader, &doc, diag)) > 0) {
		err = doc ? document(&r, doc) : 0;
		if (err)
			break;
	}
	tree_close(reader);
	return err;
}

int manifest_parse_json(const char *file, const char *text, size_t len,
			int (*cb)(void *arg, struct manifest_item *item), void *arg,
			struct diag *diag)
{
	const struct reading r = { file, cb, arg };
	struct arena arena = {};
	const struct tree *doc;
	int err;

	if (len > TREE_MAX_BYTES)
		return too_large(file, diag);
	err = tree_from_json(file, text, len, &arena, &doc, diag);
	if (!err)
		err = document(&r, doc);
	arena_free(&arena);
	return err;
}
