/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing. Every command makes JSON first, rows or one object; from that
 * this makes the JSON output or the table for people, so that the two never
 * tell different things.
 */
#ifndef SLUICE_CLI_OUT_H
#define SLUICE_CLI_OUT_H

#include "cli.h"
#include "table.h"

#define OUT_CELL 512

struct out_cell {
	char text[OUT_CELL];		/* "": shown as "-" */
	enum style style;
};

struct out_column {
	struct table_column col;
	const char *key;		/* of the row's object, may be nested: "source.pod" */
	void (*format)(const json_t *row, const char *key, struct out_cell *cell);
};

/* Formats for out_column; null and missing keys leave the cell empty. */
void out_text(const json_t *row, const char *key, struct out_cell *cell);
void out_number(const json_t *row, const char *key, struct out_cell *cell);
void out_bytes(const json_t *row, const char *key, struct out_cell *cell);
void out_duration(const json_t *row, const char *key, struct out_cell *cell);
void out_yesno(const json_t *row, const char *key, struct out_cell *cell);
/* An array of strings, joined by commas. */
void out_join(const json_t *row, const char *key, struct out_cell *cell);
/*
 * One end of a flow, an object with "address", "port" and "pod": the name or
 * the address, and the port unless the row's "protocol" has none.
 */
void out_end(const json_t *row, const char *key, struct out_cell *cell);

/* The value behind a dotted key, borrowed; NULL when it is missing or null. */
const json_t *out_get(const json_t *row, const char *key);
/* "" when missing or no string. */
const char *out_string(const json_t *row, const char *key);
/* 0 when missing or no integer. */
json_int_t out_integer(const json_t *row, const char *key);

/* A list in the making. */
struct out_list {
	struct cli *cli;
	const struct out_column *cols;
	size_t ncols;
	struct table_column *layout;
	struct table *table;		/* NULL for JSON */
	size_t rows;
	bool records;			/* too wide for the terminal: print as records */
	int err;
};

void out_list_begin(struct out_list *l, struct cli *cli, const struct out_column *cols,
		    size_t ncols);
/* Takes the reference; NULL counts as out of memory. */
void out_list_add(struct out_list *l, json_t *row);
/* @empty: what people read when there are no rows. Returns the exit status. */
int out_list_end(struct out_list *l, const char *empty);

/* One JSON object as a document; the reference stays with the caller. */
int out_object(struct cli *cli, const json_t *obj);

/* For objects: a heading, and "  name   text" lines. */
void out_heading(struct cli *cli, const char *text);
__attribute__((format(printf, 4, 5)))
void out_line(struct cli *cli, const char *name, enum style style, const char *fmt, ...);

#endif
