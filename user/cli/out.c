// SPDX-License-Identifier: GPL-2.0
/* Printing: rows and objects of JSON, as JSON or for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

/* ASCII only: no character of a name can then steer a terminal. */
#define JSON_FLAGS (JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))

const json_t *out_get(const json_t *row, const char *key)
{
	char part[64];

	while (row && *key) {
		size_t n = strcspn(key, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, key);
		row = json_object_get(row, part);
		key += n + (key[n] == '.');
	}
	return json_is_null(row) ? NULL : row;
}

const char *out_string(const json_t *row, const char *key)
{
	const char *s = json_string_value(out_get(row, key));

	return s ? s : "";
}

json_int_t out_integer(const json_t *row, const char *key)
{
	return json_integer_value(out_get(row, key));
}

void out_text(const json_t *row, const char *key, struct out_cell *cell)
{
	snprintf(cell->text, OUT_CELL, "%s", out_string(row, key));
}

void out_number(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key);

	if (json_is_integer(v))
		snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
}

void out_bytes(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key);
	char buf[TEXT_SHORT];

	if (json_is_integer(v))
		snprintf(cell->text, OUT_CELL, "%s", text_bytes(json_integer_value(v), buf));
}

void out_duration(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key);
	char buf[TEXT_SHORT];

	if (json_is_number(v))
		snprintf(cell->text, OUT_CELL, "%s", text_seconds(json_number_value(v), buf));
}

void out_yesno(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key);

	if (json_is_boolean(v))
		snprintf(cell->text, OUT_CELL, "%s", json_is_true(v) ? "yes" : "no");
}

/* What does not fit is counted, not dropped in silence. */
void out_join(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key), *e;
	size_t i, used = 0, room = OUT_CELL - 32;

	json_array_foreach((json_t *)v, i, e) {
		const char *s = json_string_value(e);

		if (!s)
			continue;
		if (used + strlen(s) + 1 >= room) {
			snprintf(cell->text + used, OUT_CELL - used, "%s%zu more",
				 used ? " and " : "", json_array_size(v) - i);
			return;
		}
		used += (size_t)snprintf(cell->text + used, room - used, "%s%s",
					 used ? "," : "", s);
	}
}

void out_end(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *end = out_get(row, key);
	const char *pod = out_string(end, "pod"), *addr = out_string(end, "address");
	bool port = out_get(end, "port") && strncmp(out_string(row, "protocol"), "icmp", 4);
	bool bracket = port && !*pod && strchr(addr, ':');
	char number[16] = "";

	if (port)
		snprintf(number, sizeof(number), ":%d", (int)out_integer(end, "port"));
	snprintf(cell->text, OUT_CELL, "%s%s%s%s", bracket ? "[" : "", *pod ? pod : addr,
		 bracket ? "]" : "", number);
}

void out_list_begin(struct out_list *l, struct cli *cli, const struct out_column *cols,
		    size_t ncols)
{
	*l = (struct out_list){ .cli = cli, .cols = cols, .ncols = ncols };
	if (cli->json) {
		fputs("[", cli->out);
		return;
	}
	/* The layout wants its columns side by side. */
	l->layout = calloc(ncols ? ncols : 1, sizeof(*l->layout));
	if (!l->layout) {
		l->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < ncols; i++)
		l->layout[i] = cols[i].col;
	l->err = table_new(l->layout, ncols, &l->table);
}

static int add_row(struct out_list *l, const json_t *row)
{
	struct cell *cells = calloc(l->ncols ? l->ncols : 1, sizeof(*cells));
	struct out_cell *texts = calloc(l->ncols ? l->ncols : 1, sizeof(*texts));
	int err = -ENOMEM;

	if (!cells || !texts)
		goto out;
	for (size_t i = 0; i < l->ncols; i++) {
		l->cols[i].format(row, l->cols[i].key, &texts[i]);
		cells[i].style = texts[i].style;
		cells[i].text = *texts[i].text ? texts[i].text : NULL;
	}
	err = table_row(l->table, cells);
out:
	free(cells);
	free(texts);
	return err;
}

void out_list_add(struct out_list *l, json_t *row)
{
	if (!row)
		l->err = -ENOMEM;
	if (l->err)
		goto out;
	if (!l->cli->json) {
		l->err = add_row(l, row);
	} else {
		fputs(l->rows ? "," : "", l->cli->out);
		fputs(l->cli->lines ? "" : "\n  ", l->cli->out);
		/* Compact: a row a line, so that the output can be read by eye too. */
		if (json_dumpf(row, l->cli->out, JSON_FLAGS | (l->cli->lines ? JSON_COMPACT : 0)))
			l->err = ferror(l->cli->out) ? 0 : -EIO;
	}
	l->rows++;
out:
	json_decref(row);
}

int out_list_end(struct out_list *l, const char *empty)
{
	struct cli *cli = l->cli;

	if (cli->json) {
		fputs(l->rows && !cli->lines ? "\n]\n" : "]\n", cli->out);
	} else if (!l->err && !l->rows) {
		fprintf(cli->out, "%s\n", empty);
	} else if (!l->err && l->records && cli->width && table_width(l->table) > cli->width) {
		table_print_records(l->table, cli->out, cli->colour);
	} else if (!l->err) {
		table_print(l->table, cli->out, cli->width, cli->colour);
	}
	table_free(l->table);
	free(l->layout);
	return l->err ? cli_fail(cli, "%s", strerror(-l->err)) : CLI_OK;
}

int out_object(struct cli *cli, const json_t *obj)
{
	if (!obj)
		return cli_fail(cli, "%s", strerror(ENOMEM));
	/* What goes wrong with the stream itself is seen when it is closed. */
	if (json_dumpf(obj, cli->out, JSON_FLAGS | (cli->lines ? JSON_COMPACT : JSON_INDENT(2))) &&
	    !ferror(cli->out))
		return cli_fail(cli, "result cannot be written as JSON");
	fputc('\n', cli->out);
	return CLI_OK;
}

void out_heading(struct cli *cli, const char *text)
{
	fprintf(cli->out, "%s%s%s\n", cli->colour ? style_begin(STYLE_STRONG) : "", text,
		cli->colour ? style_end(STYLE_STRONG) : "");
}

void out_line(struct cli *cli, const char *name, enum style style, const char *fmt, ...)
{
	char *text = NULL, *clean = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	clean = text ? text_clean(text) : NULL;
	fprintf(cli->out, "  %-16s %s%s%s\n", name, cli->colour ? style_begin(style) : "",
		clean ? clean : "?", cli->colour ? style_end(style) : "");
	free(text);
	free(clean);
}
