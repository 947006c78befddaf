/* SPDX-License-Identifier: GPL-2.0 */
/* Texts to objects, and the place and the words of what is refused. */
#ifndef UNIT_MANIFESTCASE_H
#define UNIT_MANIFESTCASE_H

#include "unit.h"
#include <string.h>
#include "daemon/manifest.h"

#define MAX_ITEMS 16

struct result {
	struct manifest_item item[MAX_ITEMS];
	int n, err;
	struct diag diag;
};

static int keep(void *arg, struct manifest_item *item)
{
	struct result *r = arg;

	assert_true(r->n < MAX_ITEMS);
	r->item[r->n++] = *item;
	return 0;
}

static void parse(const char *text, struct result *r)
{
	memset(r, 0, sizeof(*r));
	r->err = manifest_parse("f.yaml", text, strlen(text), keep, r, &r->diag);
}

static void release(struct result *r)
{
	while (r->n)
		object_free(r->item[--r->n].obj);
}

/* The one object of a text that must be right. */
static inline struct object *only(struct result *r, const char *text, enum object_kind kind)
{
	parse(text, r);
	if (r->n == 1 && !r->item[0].obj)
		fail_msg("%d:%d %s: %s", r->item[0].diag.line, r->item[0].diag.column,
			 r->item[0].diag.field, r->item[0].diag.text);
	assert_int_equal(r->err, 0);
	assert_int_equal(r->n, 1);
	assert_int_equal(r->item[0].obj->kind, kind);
	return r->item[0].obj;
}

struct complaint {
	const char *text;
	int line, column;
	const char *field, *hint;
};

static inline int check_complaint(const struct complaint *c)
{
	const struct diag *d;
	struct result r;
	int wrong = 0;

	parse(c->text, &r);
	d = r.err ? &r.diag : &r.item[0].diag;
	if (d->level != DIAG_ERROR || d->line != c->line || d->column != c->column ||
	    strcmp(d->field, c->field) || !strstr(d->text, c->hint) || strcmp(d->file, "f.yaml") ||
	    (!r.err && (r.n != 1 || r.item[0].obj))) {
		printf("# %s:%d:%d %s: %s\n# not %d:%d %s: %s\n", d->file, d->line, d->column,
		       d->field, d->text, c->line, c->column, c->field, c->hint);
		wrong = 1;
	}
	release(&r);
	return wrong;
}

static inline int check_complaints(const struct complaint *list, size_t n)
{
	int wrong = 0;
	size_t i;

	for (i = 0; i < n; i++)
		wrong += check_complaint(&list[i]);
	return wrong;
}

#endif
