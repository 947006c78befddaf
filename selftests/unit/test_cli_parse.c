// SPDX-License-Identifier: GPL-2.0
/* The command line against the table, nearest words, values. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "cli/key.h"
#include "cli/parse.h"
#include "cli/suggest.h"
#include "cli/value.h"
#include "unit.h"

#define WORDS_MAX 16

/* @text: words parted by blanks; @line's texts point into *@copy. */
static int parse(const char *text, struct cli_line *line, char **copy)
{
	char *argv[WORDS_MAX + 1] = { 0 }, *save = NULL;
	int argc = 0;

	*copy = strdup(text);
	for (char *w = strtok_r(*copy, " ", &save); w && argc < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return line_parse(line, argc, argv);
}

static void understands(const char *text, const char *command, size_t nargs)
{
	struct cli_line line;
	char *copy, name[64];

	if (parse(text, &line, &copy))
		fail_msg("%s: %s", text, line.error);
	assert_string_equal(line_name(&line, name, sizeof(name)), command);
	assert_int_equal(line.nargs, nargs);
	line_free(&line);
	free(copy);
}

static void refuses(const char *text, const char *why)
{
	struct cli_line line;
	char *copy;

	assert_int_equal(parse(text, &line, &copy), -EINVAL);
	if (!strstr(line.error, why))
		fail_msg("%s: '%s' is not in '%s'", text, why, line.error);
	line_free(&line);
	free(copy);
}

static void commands_are_found(void **state)
{
	(void)state;
	understands("sluice status", "sluice status", 0);
	understands("sluice flow", "sluice flow list", 0);
	understands("sluice drop", "sluice drop watch", 0);
	understands("sluice flow list --top 3", "sluice flow list", 0);
	understands("sluice flow --top 3", "sluice flow list", 0);
	understands("sluice --top 3 flow", "sluice flow list", 0);
	understands("sluice -o json flow -o table flush --all", "sluice flow flush", 0);
	understands("sluice policy explain a/b 10.0.0.1 80/udp", "sluice policy explain", 3);
	understands("sluice -- policy show a/b", "sluice policy show", 1);
	understands("sluice policy show -- a/b", "sluice policy show", 1);
	understands("sluice help flow list", "sluice help", 2);
	/* the value of an option is no command */
	understands("sluice --run-dir status version", "sluice version", 0);
	understands("sluice --watch status", "sluice status", 0);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	refuses("sluice", "a command is missing");
	refuses("", "a command is missing");
	refuses("sluice polciy", "did you mean 'policy'");
	refuses("sluice flow --proto", "needs a value");
	refuses("sluice flow --all", "unknown option '--all'");
	refuses("sluice flow flush --all=1", "takes no value");
	refuses("sluice flow flush --al", "did you mean '--all'");
	refuses("sluice flow list -x", "unknown option '-x'");
	refuses("sluice flow list -ox", "none of table, json");
	refuses("sluice status --watch=", "is not");
	refuses("sluice status --watch 2", "did you mean '--watch=2'");
	refuses("sluice status --watch x", "'x' is too much: 'sluice status' takes no argument");
	refuses("sluice policy show", "[NS/]NAME is missing");
	refuses("sluice policy show a/b c/d", "'c/d' is too much");
	refuses("sluice version -- --help", "'--help' is too much");
}

static void options_have_values(void **state)
{
	struct cli_line line;
	char *copy;

	(void)state;
	assert_int_equal(parse("sluice flow --proto=udp --proto tcp --watch --top 7", &line,
			       &copy), 0);
	assert_string_equal(line_value(&line, "proto")->text, "tcp");
	assert_string_equal(line_value(&line, "top")->text, "7");
	assert_non_null(line_value(&line, "watch"));
	assert_null(line_value(&line, "watch")->text);
	assert_null(line_value(&line, "port"));
	line_free(&line);
	free(copy);
	/* nothing else counts with --help, not even a mistake behind it */
	assert_int_equal(parse("sluice flow list --help --frob", &line, &copy), 0);
	assert_string_equal(line.asked->name, "help");
	line_free(&line);
	free(copy);
}

static const char *nearest(const char *word, const char *const *words)
{
	struct suggest s;

	suggest_init(&s, word);
	for (; *words; words++)
		suggest_offer(&s, *words);
	return s.best;
}

static void nearest_word_is_suggested(void **state)
{
	static const char *const words[] = {
		"status", "endpoint", "flow", "drop", "features", NULL
	};

	(void)state;
	assert_string_equal(nearest("satus", words), "status");
	assert_string_equal(nearest("sttaus", words), "status");
	assert_string_equal(nearest("statuss", words), "status");
	assert_string_equal(nearest("end", words), "endpoint");
	assert_string_equal(nearest("flwo", words), "flow");
	assert_string_equal(nearest("fea", words), "features");
	assert_null(nearest("xyzzy", words));
	assert_null(nearest("", words));
	assert_null(nearest("q", words));
	assert_null(nearest("a-word-that-is-longer-than-any-there-may-be", words));
}

static void values_are_read(void **state)
{
	struct sl_prefix p;
	int port, proto;
	double s;
	__u16 n;

	(void)state;
	assert_int_equal(value_service("80", &port, &proto), 0);
	assert_int_equal(port, 80);
	assert_int_equal(proto, IPPROTO_TCP);
	assert_int_equal(value_service("65535/SCTP", &port, &proto), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(proto, IPPROTO_SCTP);
	assert_int_equal(value_service("1/2/3", &port, &proto), -EINVAL);
	assert_int_equal(value_service("000000000080/tcp", &port, &proto), -EINVAL);
	assert_int_equal(value_port("+80", &n), -EINVAL);
	assert_int_equal(value_port("80 ", &n), -EINVAL);
	assert_int_equal(value_proto("0", &proto), 0);
	assert_int_equal(proto, 0);
	assert_int_equal(value_seconds("0.5", &s), 0);
	assert_true(s == 0.5);
	assert_int_equal(value_seconds(".", &s), -EINVAL);
	assert_int_equal(value_seconds("0x10", &s), -EINVAL);
	assert_int_equal(value_seconds("nan", &s), -EINVAL);
	/* host bits are the user's business here */
	assert_int_equal(value_prefix("10.1.2.3/8", &p), 0);
	assert_int_equal(p.prefixlen, 96 + 8);
	assert_int_equal(value_prefix("10.1.2.3", &p), 0);
	assert_int_equal(p.prefixlen, 128);
	assert_true(value_is_pair("shop/web-1.x"));
	assert_false(value_is_pair("shop.x/web-1"));
	assert_false(value_is_pair("shop/"));
	assert_false(value_is_pair("Shop/web"));
}

static void only_documented_keys_pass(void **state)
{
	static const struct cli_key keys[] = {
		{ "a", "", "" }, { "b", "", "" }, { "b.c", "", "" }, { "d", "", "" },
		{ "d[].e", "", "" }, { "f", "", "" }, { "f.*", "", "" }, { NULL, NULL, NULL },
	};
	json_t *src = json_pack("{s:i, s:i, s:{s:i, s:i}, s:[{s:i, s:i}, i], s:{s:i}}", "a", 1,
				"x", 2, "b", "c", 3, "y", 4, "d", "e", 5, "z", 6, 7, "f", "any", 8);
	json_t *want = json_pack("{s:i, s:{s:i}, s:[{s:i}, {s:n}], s:{s:i}}", "a", 1, "b", "c", 3,
				 "d", "e", 5, "e", "f", "any", 8);
	json_t *empty = json_pack("{s:n, s:n, s:n, s:n}", "a", "b", "d", "f");
	json_t *got = key_select(keys, src);
	json_t *nothing = key_select(keys, NULL), *other = json_pack("{s:[], s:{}}", "b", "d");
	json_t *types = key_select(keys, other);

	(void)state;
	assert_true(json_equal(got, want));
	assert_true(json_equal(nothing, empty));
	/* of another type than documented: as good as not there */
	assert_true(json_equal(types, empty));
	json_decref(src);
	json_decref(want);
	json_decref(got);
	json_decref(empty);
	json_decref(nothing);
	json_decref(other);
	json_decref(types);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(options_have_values),
		cmocka_unit_test(nearest_word_is_suggested),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(only_documented_keys_pass),
	};

	return unit_run(tests, NULL, NULL);
}
