/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables for people: cells of text in, aligned columns out, cut to the
 * width of a terminal. Knows nothing of JSON or of sluice.
 */
#ifndef SLUICE_CLI_TABLE_H
#define SLUICE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "text.h"

struct table_column {
	const char *heading;
	bool right;			/* numbers */
	/* On a narrow terminal: */
	unsigned int least;		/* may be cut to this many columns; 0: never cut */
	unsigned int drop;		/* left out, higher ones first; 0: never */
};

struct cell {
	const char *text;		/* NULL: "-"; made safe by the table */
	enum style style;
};

struct table;

/* @cols must outlive the table. -ENOMEM. */
int table_new(const struct table_column *cols, size_t ncols, struct table **out);
void table_free(struct table *t);

/* @cells has one for each column; texts are copied. -ENOMEM. */
int table_row(struct table *t, const struct cell *cells);
size_t table_rows(const struct table *t);

/*
 * Prints heading and rows with two blanks between columns. @width: columns
 * to fit into, 0: as wide as it gets. First cells are cut (with an
 * ellipsis) in the columns that allow it, widest first, then columns are
 * left out, then lines end at the width.
 */
void table_print(const struct table *t, FILE *f, unsigned int width, bool colour);

/* Columns the whole table would take. */
unsigned int table_width(const struct table *t);

/*
 * Each row as a block of "heading: text" lines, cells without text left out;
 * for rows far wider than a terminal.
 */
void table_print_records(const struct table *t, FILE *f, bool colour);

#endif
