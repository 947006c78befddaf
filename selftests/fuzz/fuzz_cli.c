// SPDX-License-Identifier: GPL-2.0
/*
 * The command line and its tables. Input: words parted by NUL. As arguments
 * they are understood or refused with a reason; as cells of a table they come
 * out with no control character, in lines that are not wider than asked.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/parse.h"
#include "cli/table.h"

#define WORDS_MAX 32

static void check_line(int argc, char **argv)
{
	struct cli_line line;
	int err = line_parse(&line, argc, argv);

	if (!err != !line.error[0])
		abort();
	if (!err && !line.asked && !line_command(&line)->run)
		abort();
	for (size_t i = 0; !err && i < line.nvalues; i++)
		if (!line_value(&line, line.values[i].opt->name))
			abort();
	line_free(&line);
}

static void check_lines(char *text, size_t width)
{
	for (char *end, *line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			abort();
		*end = '\0';
		for (char *p = line; *p; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				abort();
		if (width && text_width(line) > width)
			abort();
	}
}

static void check_table(int n, char **words, unsigned int width)
{
	static const struct table_column cols[] = {
		{ .heading = "ONE", .least = 4 }, { .heading = "TWO", .right = true, .drop = 1 },
	};
	char *text = NULL;
	struct table *t;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f || table_new(cols, 2, &t))
		abort();
	for (int i = 0; i + 1 < n; i += 2) {
		const struct cell row[] = { { words[i], 0 }, { words[i + 1], 0 } };

		if (table_row(t, row))
			abort();
	}
	table_print(t, f, width, false);
	fclose(f);
	check_lines(text, width);
	free(text);
	table_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS_MAX + 1] = { "sluice" }, *copy;
	int argc = 1;

	if (!size)
		return 0;
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t at = 1; at < size && argc < WORDS_MAX; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	check_line(argc, argv);
	check_table(argc, argv, data[0]);
	free(copy);
	return 0;
}
