// SPDX-License-Identifier: GPL-2.0
/* Tables for people: text made safe, measured, cut, laid out. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "cli/table.h"
#include "unit.h"

static void is_clean(const char *in, const char *want)
{
	char *out = text_clean(in);

	assert_non_null(out);
	assert_string_equal(out, want);
	free(out);
}

static void text_is_made_safe(void **state)
{
	(void)state;
	is_clean("", "");
	is_clean("shop/web-1", "shop/web-1");
	is_clean("back\\slash", "back\\slash");
	is_clean("a\nb\rc\td", "a\\nb\\rc\\td");
	is_clean("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m");
	is_clean("\x7f", "\\x7f");
	/* C1, as one character and as a stray byte */
	is_clean("\xc2\x9b" "31m", "\\u009b31m");
	is_clean("\x9b" "31m", "\\x9b31m");
	/* overlong '/', a surrogate, beyond Unicode, cut short */
	is_clean("\xc0\xaf", "\\xc0\\xaf");
	is_clean("\xed\xa0\x80", "\\xed\\xa0\\x80");
	is_clean("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	is_clean("\xe6\xbc", "\\xe6\\xbc");
	/* right-to-left override, zero width joiner, line separator, a tag */
	is_clean("\xe2\x80\xae", "\\u202e");
	is_clean("\xe2\x80\x8d", "\\u200d");
	is_clean("\xe2\x80\xa8", "\\u2028");
	is_clean("\xf3\xa0\x80\x81", "\\U000e0001");
	/* printable characters beyond ASCII stay: u umlaut, a wide one */
	is_clean("\xc3\xbc\xe6\xbc\xa2", "\xc3\xbc\xe6\xbc\xa2");
}

static void text_has_a_width(void **state)
{
	unsigned int used;

	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\xc3\xbc"), 1);
	assert_int_equal(text_width("\xe6\xbc\xa2\xe6\xbc\xa2"), 4);
	assert_int_equal(text_head("abc", 2, &used), 2);
	assert_int_equal(used, 2);
	assert_int_equal(text_head("abc", 9, &used), 3);
	/* half of a wide character is none */
	assert_int_equal(text_head("\xe6\xbc\xa2\xe6\xbc\xa2", 3, &used), 3);
	assert_int_equal(used, 2);
	assert_int_equal(text_head("", 3, &used), 0);
}

static void numbers_are_short(void **state)
{
	char buf[TEXT_SHORT];

	(void)state;
	assert_string_equal(text_bytes(0, buf), "0 B");
	assert_string_equal(text_bytes(1023, buf), "1023 B");
	assert_string_equal(text_bytes(1024, buf), "1.0 KiB");
	assert_string_equal(text_bytes(1536, buf), "1.5 KiB");
	/* never "1024.0 KiB" */
	assert_string_equal(text_bytes(1024 * 1024 - 1, buf), "1.0 MiB");
	assert_string_equal(text_bytes(UINT64_MAX, buf), "16.0 EiB");
	assert_string_equal(text_seconds(-1, buf), "0.0s");
	assert_string_equal(text_seconds(0.04, buf), "0.0s");
	assert_string_equal(text_seconds(9.94, buf), "9.9s");
	assert_string_equal(text_seconds(9.97, buf), "10s");
	assert_string_equal(text_seconds(59.4, buf), "59s");
	assert_string_equal(text_seconds(59.6, buf), "1m00s");
	assert_string_equal(text_seconds(3599, buf), "59m59s");
	assert_string_equal(text_seconds(7260, buf), "2h01m");
	assert_string_equal(text_seconds(90000, buf), "1d01h");
}

/* ---------------------------------------------------------------- layout */

static const struct table_column cols[] = {
	{ .heading = "NAME", .least = 6 },
	{ .heading = "N", .right = true },
	{ .heading = "STATE", .drop = 2 },
	{ .heading = "NOTE", .least = 5, .drop = 1 },
};

static struct table *sample(void)
{
	static const struct cell rows[][4] = {
		{ { "shop/web-1", 0 }, { "5", 0 }, { "open", STYLE_GOOD }, { "first of all", 0 } },
		{ { "x", 0 }, { "12345", 0 }, { NULL, 0 }, { "", 0 } },
	};
	struct table *t;

	assert_int_equal(table_new(cols, 4, &t), 0);
	assert_int_equal(table_rows(t), 0);
	assert_int_equal(table_row(t, rows[0]), 0);
	assert_int_equal(table_row(t, rows[1]), 0);
	assert_int_equal(table_rows(t), 2);
	return t;
}

static void prints(unsigned int width, bool colour, const char *want)
{
	struct table *t = sample();
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	table_print(t, f, width, colour);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	table_free(t);
}

static void columns_are_aligned(void **state)
{
	struct table *t = sample();

	(void)state;
	assert_int_equal(table_width(t), 10 + 2 + 5 + 2 + 5 + 2 + 12);
	table_free(t);
	/* no blanks at the ends of lines */
	prints(0, false,
	       "NAME            N  STATE  NOTE\n"
	       "shop/web-1      5  open   first of all\n"
	       "x           12345  -\n");
	prints(38, false,
	       "NAME            N  STATE  NOTE\n"
	       "shop/web-1      5  open   first of all\n"
	       "x           12345  -\n");
}

static void narrow_tables_are_cut(void **state)
{
	(void)state;
	/* the widest that may be cut, first */
	prints(37, false,
	       "NAME            N  STATE  NOTE\n"
	       "shop/web-1      5  open   first of a\xe2\x80\xa6\n"
	       "x           12345  -\n");
	/* then evenly, to the least */
	prints(27, false,
	       "NAME        N  STATE  NOTE\n"
	       "shop/\xe2\x80\xa6      5  open   firs\xe2\x80\xa6\n"
	       "x       12345  -\n");
	/* then a column goes, and what was cut has room again */
	prints(26, false,
	       "NAME          N  NOTE\n"
	       "shop/we\xe2\x80\xa6      5  first of\xe2\x80\xa6\n"
	       "x         12345\n");
	prints(19, false,
	       "NAME            N\n"
	       "shop/web-1      5\n"
	       "x           12345\n");
	prints(13, false,
	       "NAME        N\n"
	       "shop/\xe2\x80\xa6      5\n"
	       "x       12345\n");
	/* at last lines just end */
	prints(10, false,
	       "NAME     N\n"
	       "shop/\xe2\x80\xa6   5\n"
	       "x       1\xe2\x80\xa6\n");
	prints(3, false, "NA\xe2\x80\xa6\nsh\xe2\x80\xa6\nx\n");
	prints(1, false, "N\ns\nx\n");
}

static void colour_takes_no_room(void **state)
{
	(void)state;
	prints(0, true,
	       "\033[1mNAME\033[0m            \033[1mN\033[0m  \033[1mSTATE\033[0m  "
	       "\033[1mNOTE\033[0m\n"
	       "shop/web-1      5  \033[32mopen\033[0m   first of all\n"
	       "x           12345  -\n");
}

static void cells_cannot_break_a_table(void **state)
{
	static const struct table_column two[] = { { .heading = "A" }, { .heading = "B" } };
	const struct cell row[] = { { "a\nb\x1b[2J", 0 }, { "\xe6\xbc\xa2", 0 } };
	struct table *t;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(table_new(two, 2, &t), 0);
	assert_int_equal(table_row(t, row), 0);
	table_print(t, f, 0, false);
	table_print_records(t, f, false);
	fclose(f);
	assert_string_equal(text, "A            B\n"
				  "a\\nb\\x1b[2J  \xe6\xbc\xa2\n"
				  "A: a\\nb\\x1b[2J\n"
				  "B: \xe6\xbc\xa2\n");
	free(text);
	table_free(t);
}

static void wide_characters_are_cut_whole(void **state)
{
	static const struct table_column two[] = {
		{ .heading = "A", .least = 1 }, { .heading = "B" }
	};
	const struct cell row[] = { { "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 0 }, { "b", 0 } };
	struct table *t;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(table_new(two, 2, &t), 0);
	assert_int_equal(table_row(t, row), 0);
	/* four columns for A: one wide character, the dots, and a blank */
	table_print(t, f, 7, false);
	fclose(f);
	assert_string_equal(text, "A     B\n\xe6\xbc\xa2\xe2\x80\xa6   b\n");
	free(text);
	table_free(t);
}

static void no_columns_no_rows(void **state)
{
	struct table *t;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(table_new(cols, 0, &t), 0);
	assert_int_equal(table_row(t, NULL), 0);
	assert_int_equal(table_width(t), 0);
	table_print(t, f, 80, true);
	fclose(f);
	assert_string_equal(text, "\n");
	free(text);
	table_free(t);
	table_free(NULL);
}

/* Many random tables: never wider than asked, never a loop without end. */
static void any_width_fits(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (unsigned int width = 1; width < 60; width++) {
		struct table *t = sample();
		char *text = NULL, *line, *next;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		for (int i = 0; i < 20; i++) {
			char buf[4][64];
			struct cell row[4];

			for (int c = 0; c < 4; c++) {
				size_t n = (size_t)rand_r(&seed) % 60;

				memset(buf[c], 'a' + c, n);
				buf[c][n] = '\0';
				row[c] = (struct cell){ buf[c], 0 };
			}
			assert_int_equal(table_row(t, row), 0);
		}
		table_print(t, f, width, false);
		fclose(f);
		for (line = text; *line; line = next + 1) {
			next = strchr(line, '\n');
			*next = '\0';
			assert_true(text_width(line) <= width);
		}
		free(text);
		table_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_made_safe),
		cmocka_unit_test(text_has_a_width),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(narrow_tables_are_cut),
		cmocka_unit_test(colour_takes_no_room),
		cmocka_unit_test(cells_cannot_break_a_table),
		cmocka_unit_test(wide_characters_are_cut_whole),
		cmocka_unit_test(no_columns_no_rows),
		cmocka_unit_test(any_width_fits),
	};

	/* Part of every libc of Debian: without it half of the above is not tested. */
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		printf("Bail out! there is no locale C.UTF-8\n");
		return 1;
	}
	return unit_run(tests, NULL, NULL);
}
