// SPDX-License-Identifier: GPL-2.0
/*
 * Tables for people. Cells are kept in one growing block of text, so that
 * a hundred thousand rows cost little more than their characters.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define GAP 2			/* blanks between columns */

struct slot {
	size_t text;			/* offset */
	unsigned int width;
	enum style style;
	bool absent;			/* there was no text */
};

struct table {
	const struct table_column *cols;
	size_t ncols;
	struct slot *slots;		/* [row * ncols + column] */
	size_t nslots, slots_cap;
	char *text;
	size_t text_len, text_cap;
	unsigned int *natural;		/* widest cell or heading of each column */
};

/* How a table is laid out at one width. */
struct layout {
	unsigned int *width;		/* of each column; 0: left out */
	unsigned int total;
};

int table_new(const struct table_column *cols, size_t ncols, struct table **out)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->cols = cols;
	t->ncols = ncols;
	t->natural = calloc(ncols ? ncols : 1, sizeof(*t->natural));
	if (!t->natural) {
		free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ncols; i++)
		t->natural[i] = text_width(cols[i].heading);
	*out = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t->text);
	free(t->natural);
	free(t);
}

size_t table_rows(const struct table *t)
{
	return t->ncols ? t->nslots / t->ncols : 0;
}

/* Room for @more elements of @size behind @len. */
static int grow(void *block, size_t *cap, size_t len, size_t more, size_t size)
{
	void **p = block;
	size_t want = *cap ? *cap : 256;
	void *n;

	if (len + more <= *cap)
		return 0;
	while (want < len + more)
		want *= 2;
	n = reallocarray(*p, want, size);
	if (!n)
		return -ENOMEM;
	*p = n;
	*cap = want;
	return 0;
}

static int add_cell(struct table *t, size_t col, const struct cell *cell)
{
	struct slot *slot = &t->slots[t->nslots + col];
	char *clean = text_clean(cell->text ? cell->text : "-");
	size_t len;
	int err;

	if (!clean)
		return -ENOMEM;
	len = strlen(clean) + 1;
	err = grow(&t->text, &t->text_cap, t->text_len, len, 1);
	if (err)
		goto out;
	memcpy(t->text + t->text_len, clean, len);
	slot->text = t->text_len;
	slot->width = text_width(clean);
	slot->style = cell->style;
	slot->absent = !cell->text;
	t->text_len += len;
	if (slot->width > t->natural[col])
		t->natural[col] = slot->width;
out:
	free(clean);
	return err;
}

int table_row(struct table *t, const struct cell *cells)
{
	int err = grow(&t->slots, &t->slots_cap, t->nslots, t->ncols, sizeof(*t->slots));

	for (size_t i = 0; i < t->ncols && !err; i++)
		err = add_cell(t, i, &cells[i]);
	if (!err)
		t->nslots += t->ncols;
	return err;
}

static unsigned int layout_total(const struct table *t, const unsigned int *width)
{
	unsigned int total = 0, n = 0;

	for (size_t i = 0; i < t->ncols; i++) {
		if (!width[i])
			continue;
		total += width[i];
		n++;
	}
	return total + (n ? (n - 1) * GAP : 0);
}

unsigned int table_width(const struct table *t)
{
	return layout_total(t, t->natural);
}

static unsigned int least_width(const struct table *t, size_t col)
{
	unsigned int heading = text_width(t->cols[col].heading);
	unsigned int least = t->cols[col].least > heading ? t->cols[col].least : heading;

	return least < t->natural[col] ? least : t->natural[col];
}

/* Cuts the widest column that may be cut, by one. False: none is left. */
static bool layout_cut(const struct table *t, struct layout *l)
{
	size_t widest = t->ncols;

	for (size_t i = 0; i < t->ncols; i++) {
		if (!t->cols[i].least || l->width[i] <= least_width(t, i))
			continue;
		if (widest == t->ncols || l->width[i] > l->width[widest])
			widest = i;
	}
	if (widest == t->ncols)
		return false;
	l->width[widest]--;
	return true;
}

static bool layout_drop(const struct table *t, struct layout *l)
{
	size_t first = t->ncols;

	for (size_t i = 0; i < t->ncols; i++) {
		if (!l->width[i] || !t->cols[i].drop)
			continue;
		if (first == t->ncols || t->cols[i].drop >= t->cols[first].drop)
			first = i;
	}
	if (first == t->ncols)
		return false;
	l->width[first] = 0;
	return true;
}

/* Columns left out give their room back to those that were cut. */
static void layout_fit(const struct table *t, struct layout *l, unsigned int max)
{
	memcpy(l->width, t->natural, t->ncols * sizeof(*l->width));
	if (!max)
		return;
	for (;;) {
		for (size_t i = 0; i < t->ncols; i++)
			l->width[i] = l->width[i] ? t->natural[i] : 0;
		while (layout_total(t, l->width) > max && layout_cut(t, l))
			;
		if (layout_total(t, l->width) <= max || !layout_drop(t, l))
			return;
	}
}

/* One cell, cut to @width columns. Returns the columns it took. */
static unsigned int put_cell(FILE *f, const char *text, unsigned int have, unsigned int width)
{
	const char *dots = text_ellipsis();
	unsigned int ndots = text_width(dots), used;
	size_t n;

	if (have <= width) {
		fputs(text, f);
		return have;
	}
	/* A wide character may leave the last column empty: so count. */
	n = text_head(text, width > ndots ? width - ndots : width, &used);
	fwrite(text, 1, n, f);
	if (width <= ndots)
		return used;
	fputs(dots, f);
	return used + ndots;
}

struct line {
	FILE *f;
	unsigned int used, max;		/* columns; max 0: no end */
	unsigned int owed;		/* blanks not printed yet: none at the end of a line */
	bool colour;
};

static void line_cell(struct line *l, const char *text, const struct table_column *col,
		      unsigned int width, enum style style)
{
	unsigned int have = text_width(text), take = width, pad;

	if (l->max && l->used + l->owed >= l->max)
		return;
	if (l->max && l->used + l->owed + take > l->max)
		take = l->max - l->used - l->owed;
	pad = have < take ? take - have : 0;
	if (col->right)
		l->owed += pad;
	if (have) {
		unsigned int used;

		fprintf(l->f, "%*s%s", (int)l->owed, "", l->colour ? style_begin(style) : "");
		l->used += l->owed;
		used = put_cell(l->f, text, have, take);
		fputs(l->colour ? style_end(style) : "", l->f);
		l->used += used;
		l->owed = col->right ? 0 : take - used;
	} else if (!col->right) {
		l->owed += pad;
	}
	l->owed += GAP;
}

void table_print(const struct table *t, FILE *f, unsigned int width, bool colour)
{
	struct layout l = { .width = calloc(t->ncols ? t->ncols : 1, sizeof(*l.width)) };

	if (!l.width)
		return;
	layout_fit(t, &l, width);
	for (size_t row = 0; row <= table_rows(t); row++) {
		struct line line = { .f = f, .max = width, .colour = colour };

		for (size_t i = 0; i < t->ncols; i++) {
			const struct slot *s = row ? &t->slots[(row - 1) * t->ncols + i] : NULL;

			if (l.width[i])
				line_cell(&line, s ? t->text + s->text : t->cols[i].heading,
					  &t->cols[i], l.width[i], s ? s->style : STYLE_STRONG);
		}
		fputc('\n', f);
	}
	free(l.width);
}

void table_print_records(const struct table *t, FILE *f, bool colour)
{
	unsigned int widest = 0;

	for (size_t i = 0; i < t->ncols; i++)
		if (text_width(t->cols[i].heading) > widest)
			widest = text_width(t->cols[i].heading);
	for (size_t row = 0; row < table_rows(t); row++) {
		if (row)
			fputc('\n', f);
		for (size_t i = 0; i < t->ncols; i++) {
			const struct slot *s = &t->slots[row * t->ncols + i];

			if (s->absent)
				continue;
			fprintf(f, "%s%s:%s%*s %s%s%s\n", colour ? style_begin(STYLE_STRONG) : "",
				t->cols[i].heading, colour ? style_end(STYLE_STRONG) : "",
				(int)(widest - text_width(t->cols[i].heading)), "",
				colour ? style_begin(s->style) : "", t->text + s->text,
				colour ? style_end(s->style) : "");
		}
	}
}
