// SPDX-License-Identifier: GPL-2.0
/* Lines of a watch: wherever the stream is cut, the same lines come out. */
#include <errno.h>
#include <string.h>
#include "k8s/frame.h"
#include "unit.h"

struct got {
	char text[256];			/* lines, each closed by '|' */
	int stop_at, lines;
};

static int on_line(void *arg, const char *line, size_t len)
{
	struct got *g = arg;

	strncat(g->text, line, len);
	strcat(g->text, "|");
	return ++g->lines == g->stop_at ? -ECANCELED : 0;
}

static void every_cut(void **state)
{
	static const char stream[] = "{\"a\":1}\n\n{\"b\":2}\r\nc\n";
	const size_t n = sizeof(stream) - 1;

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = i; j <= n; j++) {
			struct got g = {};
			struct k8s_frame f;

			k8s_frame_init(&f, 64);
			assert_int_equal(k8s_frame_push(&f, stream, i, on_line, &g), 0);
			assert_int_equal(k8s_frame_push(&f, stream + i, j - i, on_line, &g), 0);
			assert_int_equal(k8s_frame_push(&f, stream + j, n - j, on_line, &g), 0);
			assert_string_equal(g.text, "{\"a\":1}|{\"b\":2}|c|");
			assert_int_equal(k8s_frame_rest(&f), 0);
			k8s_frame_exit(&f);
		}
	}
}

static void cut_in_the_middle(void **state)
{
	struct got g = {};
	struct k8s_frame f;

	(void)state;
	k8s_frame_init(&f, 64);
	assert_int_equal(k8s_frame_push(&f, "one\ntw", 6, on_line, &g), 0);
	assert_string_equal(g.text, "one|");
	assert_int_equal(k8s_frame_rest(&f), 2);
	k8s_frame_exit(&f);
	assert_int_equal(k8s_frame_rest(&f), 0);
}

/* The bound counts in one piece and in many; a line of just that size passes. */
static void bound(void **state)
{
	struct got g = {};
	struct k8s_frame f;
	int i, err = 0;

	(void)state;
	k8s_frame_init(&f, 8);
	assert_int_equal(k8s_frame_push(&f, "12345678\n", 9, on_line, &g), 0);
	assert_string_equal(g.text, "12345678|");
	assert_int_equal(k8s_frame_push(&f, "123456789\n", 10, on_line, &g), -EMSGSIZE);
	for (i = 0; !err && i < 100; i++)
		err = k8s_frame_push(&f, "x", 1, on_line, &g);
	assert_int_equal(err, -EMSGSIZE);
	assert_int_equal(i, 9);
	assert_string_equal(g.text, "12345678|");
	k8s_frame_exit(&f);
}

static void callback_stops(void **state)
{
	struct got g = { .stop_at = 2 };
	struct k8s_frame f;

	(void)state;
	k8s_frame_init(&f, 64);
	assert_int_equal(k8s_frame_push(&f, "a\nb\nc\n", 6, on_line, &g), -ECANCELED);
	assert_string_equal(g.text, "a|b|");
	k8s_frame_exit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),
		cmocka_unit_test(cut_in_the_middle),
		cmocka_unit_test(bound),
		cmocka_unit_test(callback_stops),
	};

	return unit_run(tests, NULL, NULL);
}
