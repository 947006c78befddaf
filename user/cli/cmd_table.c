// SPDX-License-Identifier: GPL-2.0
/*
 * sluice table: any table, printed by nothing but its own description in
 * libsluice. A new table needs no line here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "out.h"

static const char *match_name(enum sluice_match match)
{
	switch (match) {
	case SLUICE_MATCH_INDEX:
		return "index";
	case SLUICE_MATCH_EXACT:
		return "exact";
	case SLUICE_MATCH_LPM:
		return "longest-prefix";
	case SLUICE_MATCH_NONE:
		return "none";
	}
	return "?";
}

/* ------------------------------------------------------------------ list */

static const struct out_column list_columns[] = {
	{ { .heading = "TABLE" }, "name", out_text },
	{ { .heading = "MATCH", .drop = 1 }, "match", out_text },
	{ { .heading = "ENTRIES", .right = true }, "entries", out_number },
	{ { .heading = "CAPACITY", .right = true }, "capacity", out_number },
	{ { .heading = "KEY", .least = 12, .drop = 2 }, "key", out_join },
	{ { .heading = "HOLDS", .least = 16 }, "text", out_text },
};

static const struct cli_key list_keys[] = {
	{ "name", "string", "name of the table" },
	{ "text", "string", "what it holds" },
	{ "match", "string", "how a key is looked up: index, exact, longest-prefix, none" },
	{ "entries", "integer or null", "entries in use; null where a table cannot tell" },
	{ "capacity", "integer or null", "most entries it can hold" },
	{ "key", "array of strings", "names of the match fields" },
	{ "value", "array of strings", "names of the value fields" },
	{ "writable", "boolean", "entries may be changed by hand" },
	{ "perCpu", "boolean", "a value for each CPU; summed when read" },
	{ .path = NULL },
};

static json_t *field_names(const struct sluice_field *f)
{
	json_t *list = json_array();

	for (; f && f->name; f++)
		json_array_append_new(list, json_string(f->name));
	return list;
}

static json_t *table_json(struct sluice *sl, const struct sluice_table *t)
{
	__u32 max = 0;
	long n = sluice_table_count(sl, t, &max);

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:b}", "name", t->name, "text",
			 t->text, "match", match_name(t->match), "entries",
			 n < 0 ? json_null() : json_integer(n), "capacity",
			 max ? json_integer(max) : json_null(), "key", field_names(t->key),
			 "value", field_names(t->value), "writable", t->writable, "perCpu",
			 t->percpu);
}

static int run_list(struct cli *cli)
{
	struct sluice *sl = cli_dataplane(cli);
	const struct sluice_table *t;
	struct out_list list;
	size_t n;

	if (!sl)
		return CLI_FAILED;
	t = sluice_tables(&n);
	out_list_begin(&list, cli, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
	for (size_t i = 0; i < n; i++)
		out_list_add(&list, table_json(sl, &t[i]));
	return out_list_end(&list, "no tables");
}

/* ------------------------------------------------------------------ dump */

static const struct cli_key dump_keys[] = {
	{ "key", "object", "the entry's match fields" },
	{ "key.*", "integer or string", "a field by its name in 'sluice table list'; numbers as "
					"integers, everything else as text" },
	{ "value", "object", "what the table says of the key" },
	{ "value.*", "integer or string", "the same for the value fields" },
	{ .path = NULL },
};

static json_t *field_json(const struct sluice_field *f, const void *base)
{
	char text[256];
	long long n;

	if (sluice_field_format(f, base, text, sizeof(text)) < 0)
		return json_null();
	if (f->fmt != SLUICE_FMT_UINT && f->fmt != SLUICE_FMT_BE)
		return json_string(text);
	/* JSON's integers are signed here; what does not fit stays text. */
	errno = 0;
	n = strtoll(text, NULL, 10);
	return errno ? json_string(text) : json_integer(n);
}

static json_t *fields_json(const struct sluice_field *f, const void *base)
{
	json_t *obj = json_object();

	for (; f && f->name; f++)
		json_object_set_new(obj, f->name, field_json(f, base));
	return obj;
}

/* Field names have dots in them ("addr.0"), so this is no path. */
static void cell_field(const json_t *fields, const char *name, struct out_cell *cell)
{
	const json_t *v = json_object_get(fields, name);

	if (json_is_integer(v))
		snprintf(cell->text, OUT_CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_string(v))
		snprintf(cell->text, OUT_CELL, "%s", json_string_value(v));
}

static void cell_key(const json_t *row, const char *name, struct out_cell *cell)
{
	cell_field(json_object_get(row, "key"), name, cell);
}

static void cell_value(const json_t *row, const char *name, struct out_cell *cell)
{
	cell_field(json_object_get(row, "value"), name, cell);
}

struct dump {
	struct cli *cli;
	const struct sluice_table *table;
	struct out_list list;
	struct out_column *cols;
	size_t ncols;
};

static size_t count_fields(const struct sluice_field *f)
{
	size_t n = 0;

	while (f && f[n].name)
		n++;
	return n;
}

static bool has_column(const struct dump *d, const char *name,
		       void (*format)(const json_t *, const char *, struct out_cell *))
{
	for (size_t i = 0; i < d->ncols; i++)
		if (d->cols[i].format == format && !strcmp(d->cols[i].key, name))
			return true;
	return false;
}

static void dump_columns(struct dump *d, const struct sluice_field *f,
			 void (*format)(const json_t *, const char *, struct out_cell *))
{
	for (; f && f->name; f++) {
		if (has_column(d, f->name, format))
			continue;
		d->cols[d->ncols++] = (struct out_column){
			.col = { .heading = f->name,
				 .right = f->fmt == SLUICE_FMT_UINT || f->fmt == SLUICE_FMT_BE },
			.key = f->name,
			.format = format,
		};
	}
}

static int dump_init(struct dump *d)
{
	const struct sluice_table *t = d->table;
	size_t n = count_fields(t->key) + count_fields(t->value) + count_fields(t->alias);

	d->cols = calloc(n + 1, sizeof(*d->cols));
	if (!d->cols)
		return -ENOMEM;
	dump_columns(d, t->key, cell_key);
	dump_columns(d, t->value, cell_value);
	dump_columns(d, t->alias, cell_value);
	out_list_begin(&d->list, d->cli, d->cols, d->ncols);
	d->list.records = true;
	return 0;
}

static int dump_entry(void *arg, const void *key, const void *value)
{
	struct dump *d = arg;
	const struct sluice_field *fields = sluice_table_fields(d->table, value);

	out_list_add(&d->list,
		     json_pack("{s:o, s:o}", "key", fields_json(d->table->key, key), "value",
			       fields_json(fields, value)));
	return ferror(d->cli->out) ? -EIO : 0;
}

static int run_dump(struct cli *cli)
{
	struct dump d = { .cli = cli, .table = sluice_table_find(cli->line->args[0]) };
	struct sluice *sl = cli_dataplane(cli);
	int err, status;

	if (!sl)
		return CLI_FAILED;
	if (d.table->match == SLUICE_MATCH_NONE)
		return cli_fail(cli, "table %s is a stream of events and has no entries: see "
				"'sluice drop watch'", d.table->name);
	err = dump_init(&d);
	if (err) {
		status = cli_fail(cli, "%s", strerror(-err));
		goto out;
	}
	err = sluice_table_each(sl, d.table, dump_entry, &d);
	status = out_list_end(&d.list, "no entries");
	if (err < 0 && !ferror(cli->out))
		status = cli_fail(cli, "table %s cannot be read: %s", d.table->name,
				  strerror(-err));
out:
	free(d.cols);
	return status;
}

const struct cli_command cmd_table_list = {
	.name = "list",
	.summary = "Every table with its size and fields",
	.keys = list_keys,
	.shape = CLI_SHAPE_LIST,
	.fallback = true,
	.run = run_list,
};

const struct cli_command cmd_table_dump = {
	.name = "dump",
	.summary = "All entries of a table",
	.text = "Where the fields are more than the terminal is wide, each entry is printed as a "
		"block of lines.",
	.args = (const struct cli_arg[]){
		{ .metavar = "NAME", .type = CLI_TABLE, .help = "name of the table" },
		{ .metavar = NULL } },
	.keys = dump_keys,
	.examples = (const struct cli_example[]){
		{ "table dump rule", "every rule of every rule set" },
		{ "table dump ep -o json", "endpoints as the pipeline sees them, for a program" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_LIST,
	.run = run_dump,
};
