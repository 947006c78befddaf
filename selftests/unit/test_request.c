// SPDX-License-Identifier: GPL-2.0
/* Requests of the control socket: lines out of bytes, requests out of lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/request.h"
#include "unit.h"

static void expect_line(struct lines *l, const char *want)
{
	size_t len;
	char *line = lines_next(l, &len);

	assert_non_null(line);
	assert_int_equal(len, strlen(want));
	assert_string_equal(line, want);
}

static void lines_come_whole(void **state)
{
	static const char text[] = "one\n\nthree\nfo";
	struct lines l = { 0 };
	size_t len;

	(void)state;
	assert_null(lines_next(&l, &len));
	assert_int_equal(lines_add(&l, text, strlen(text)), 0);
	expect_line(&l, "one");
	expect_line(&l, "");
	expect_line(&l, "three");
	assert_null(lines_next(&l, &len));
	assert_null(lines_next(&l, &len));
	assert_int_equal(lines_add(&l, "ur", 2), 0);
	assert_null(lines_next(&l, &len));
	assert_int_equal(lines_add(&l, "\n", 1), 0);
	expect_line(&l, "four");
	assert_null(lines_next(&l, &len));
	lines_free(&l);
}

/* However the bytes are cut, the lines are the same. */
static void lines_don_t_depend_on_cuts(void **state)
{
	static const char text[] = "a\nbb\n\nccc\ndddd\n";

	(void)state;
	for (size_t cut = 1; cut < sizeof(text); cut++) {
		struct lines l = { 0 };
		char out[64] = "", *line;
		size_t len;

		for (size_t i = 0; i < strlen(text); i += cut) {
			size_t n = strlen(text) - i < cut ? strlen(text) - i : cut;

			assert_int_equal(lines_add(&l, text + i, n), 0);
			while ((line = lines_next(&l, &len))) {
				strcat(out, line);
				strcat(out, "\n");
			}
		}
		assert_string_equal(out, text);
		lines_free(&l);
	}
}

static void long_lines_are_refused(void **state)
{
	char *big = malloc(REQUEST_LINE_MAX + 1), *line;
	struct lines l = { 0 };
	size_t len;

	(void)state;
	memset(big, 'x', REQUEST_LINE_MAX + 1);
	/* the longest: with its newline just as many bytes as may be */
	assert_int_equal(lines_add(&l, big, REQUEST_LINE_MAX - 1), 0);
	assert_int_equal(lines_add(&l, "\n", 1), 0);
	line = lines_next(&l, &len);
	assert_non_null(line);
	assert_int_equal(len, REQUEST_LINE_MAX - 1);
	assert_int_equal(lines_add(&l, big, REQUEST_LINE_MAX), -EMSGSIZE);
	lines_free(&l);
	/* many short ones are no long one */
	for (size_t i = 0; i < REQUEST_LINE_MAX; i += 2)
		big[i] = '\n';
	assert_int_equal(lines_add(&l, big, REQUEST_LINE_MAX + 1), 0);
	lines_free(&l);
	free(big);
}

static void requests_parse(void **state)
{
	static const struct {
		const char *text, *op;
		size_t nargs;
	} good[] = {
		{ "{\"op\":\"ready\"}", "ready", 0 },
		{ "{\"op\":\"x\",\"args\":null}", "x", 0 },
		{ " {\"args\":{\"a\":1,\"b\":[]},\"op\":\"y\"} ", "y", 2 },
	};
	struct request_error err;
	struct request req;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(request_parse(good[i].text, strlen(good[i].text), &req, &err), 0);
		assert_int_equal(err.code, REQUEST_OK);
		assert_string_equal(req.op, good[i].op);
		assert_int_equal(json_object_size(req.args), good[i].nargs);
		request_clear(&req);
	}
}

static void bad_requests_are_answered(void **state)
{
	static const char *const bad[] = {
		"", "null", "[]", "1", "{", "{}", "{\"op\":1}", "{\"op\":null}", "{\"args\":{}}",
		"{\"op\":\"a\",\"args\":[]}", "{\"op\":\"a\",\"args\":1}", "{\"op\":\"a\",\"x\":1}",
		"{\"op\":\"a\",\"op\":\"b\"}", "{\"op\":\"a\"} {}", "{\"op\":\"\\u0000\"}",
		"{\"op\":\"\xff\"}", "{\"op\":\"a\",\"args\":{\"\\u0000\":1}}",
	};
	struct request_error err;
	struct request req;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *text;

		if (request_parse(bad[i], strlen(bad[i]), &req, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.code, REQUEST_BAD);
		assert_true(err.text[0]);
		text = request_answer(NULL, &err);
		assert_non_null(strstr(text, "\"ok\":false"));
		assert_non_null(strstr(text, "\"code\":\"bad-request\""));
		free(text);
	}
}

/* 100,000 brackets must not cost the stack. */
static void depth_is_bounded(void **state)
{
	enum { N = 100000 };
	char *deep = malloc(2 * N + 32);
	struct request_error err;
	struct request req;

	(void)state;
	strcpy(deep, "{\"op\":\"a\",\"args\":");
	memset(deep + strlen(deep), '[', N);
	deep[17 + N] = '\0';
	assert_int_equal(request_parse(deep, strlen(deep), &req, &err), -EINVAL);
	free(deep);
}

static void answers_are_lines(void **state)
{
	struct request_error err = { .code = REQUEST_OK };
	char *text = request_answer(json_pack("{s:s}", "a", "x\ny"), &err);

	(void)state;
	assert_string_equal(text, "{\"ok\":true,\"result\":{\"a\":\"x\\ny\"}}\n");
	free(text);
	text = request_answer(NULL, &err);
	assert_string_equal(text, "{\"ok\":true,\"result\":null}\n");
	free(text);
	/* text that quotes bytes which are no UTF-8 is still an answer */
	request_fail(&err, REQUEST_CONFLICT, "a\xff%s", "b");
	text = request_answer(NULL, &err);
	assert_string_equal(text,
			    "{\"ok\":false,\"error\":{\"code\":\"conflict\",\"message\":\"ab\"}}\n");
	free(text);
}

static void errors_have_codes(void **state)
{
	(void)state;
	assert_int_equal(request_code_of(-EEXIST), REQUEST_CONFLICT);
	assert_int_equal(request_code_of(-ENODEV), REQUEST_NOT_FOUND);
	assert_int_equal(request_code_of(-ENOSPC), REQUEST_EXHAUSTED);
	assert_int_equal(request_code_of(-EINVAL), REQUEST_BAD);
	assert_int_equal(request_code_of(-EIO), REQUEST_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole),
		cmocka_unit_test(lines_don_t_depend_on_cuts),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(requests_parse),
		cmocka_unit_test(bad_requests_are_answered),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(answers_are_lines),
		cmocka_unit_test(errors_have_codes),
	};

	return unit_run(tests, NULL, NULL);
}
