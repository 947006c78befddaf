// SPDX-License-Identifier: GPL-2.0
/* The client of the control socket against every kind of answer. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/control.h"
#include "unit.h"

static char dir[] = "/tmp/sl-control-XXXXXX";
static char path[64];

/* One connection, one request, one answer as it stands; NULL: none. */
struct server {
	const char *answer;
	bool hang_up;
	int fd, conn;
	char *request;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	char buf[65536];
	size_t len = 0;

	s->conn = accept(s->fd, NULL, NULL);
	while (s->conn >= 0 && len < sizeof(buf) - 1) {
		ssize_t n = read(s->conn, buf + len, sizeof(buf) - 1 - len);

		if (n <= 0)
			break;
		len += n;
		buf[len] = 0;
		if (strchr(buf, '\n'))
			break;
	}
	s->request = strndup(buf, len);
	if (s->answer && write(s->conn, s->answer, strlen(s->answer)) < 0)
		return NULL;
	if (s->hang_up)
		shutdown(s->conn, SHUT_RDWR);
	return NULL;
}

static void start(struct server *s)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	strcpy(sun.sun_path, path);
	unlink(path);
	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->conn);
	close(s->fd);
	free(s->request);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void answers(void **state)
{
	static const struct {
		const char *answer;
		bool hang_up;
		int ret;
		const char *code, *message;
	} cases[] = {
		{"{\"ok\": true, \"result\": {\"a\": 1}}\n", false, 0, "", ""},
		{"{\"ok\": true}\n", false, 0, "", ""},
		{"{\"ok\": false, \"error\": {\"code\": \"not-found\", \"message\": \"no x\"}}\n", false,
		 -EREMOTEIO, "not-found", "no x"},
		{"{\"ok\": false}\n", false, -EPROTO, "", "op: "},
		{"{\"ok\": false, \"error\": {\"code\": 1, \"message\": \"\"}}\n", false, -EPROTO, "", "op: "},
		{"{\"ok\": 1}\n", false, -EPROTO, "", "op: "},
		{"{}\n", false, -EPROTO, "", "op: "},
		{"[]\n", false, -EPROTO, "", "op: "},
		{"\n", false, -EPROTO, "", "op: "},
		{"hello\n", false, -EPROTO, "", "op: "},
		{"{\"ok\": true, \"ok\": false}\n", false, -EPROTO, "", "op: "},
		{"{\"ok\": true}", true, -ECONNRESET, "", "op: "},
		{"", true, -ECONNRESET, "", "op: "},
		{NULL, true, -ECONNRESET, "", "op: "},
		{NULL, false, -ETIMEDOUT, "", "op: no answer in time"},
		{"{\"ok\": tr", false, -ETIMEDOUT, "", "op: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct server s = {.answer = cases[i].answer, .hang_up = cases[i].hang_up};
		int timeout = cases[i].ret == -ETIMEDOUT ? 30 : 10000;
		struct control_error err = {};
		struct control *ctl;
		json_t *result = NULL;
		int ret;

		start(&s);
		assert_int_equal(control_open(path, &ctl), 0);
		ret = control_call(ctl, "op", json_pack("{s:i}", "x", 7), timeout, &result, &err);
		if (ret != cases[i].ret)
			fail_msg("case %zu: %d, not %d", i, ret, cases[i].ret);
		assert_string_equal(err.code, cases[i].code);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)))
			fail_msg("case %zu: '%s'", i, err.message);
		assert_true(!ret == !!result);
		json_decref(result);
		control_close(ctl);
		pthread_join(s.thread, NULL);
		assert_string_equal(s.request, "{\"op\":\"op\",\"args\":{\"x\":7}}\n");
		s.thread = 0;
		close(s.conn);
		close(s.fd);
		free(s.request);
	}
}

static void events(void **state)
{
	struct server s = {
		.answer = "{\"ok\": true, \"result\": null}\n{\"event\": 1}\n{\"lost\": 5}\nnonsense\n",
	};
	struct control *ctl;
	json_t *v = NULL;

	(void)state;
	start(&s);
	assert_int_equal(control_open(path, &ctl), 0);
	assert_int_equal(control_call(ctl, "drops.watch", NULL, 10000, NULL, NULL), 0);
	assert_int_equal(control_event(ctl, 10000, &v), 0);
	assert_int_equal(json_integer_value(json_object_get(v, "event")), 1);
	json_decref(v);
	assert_int_equal(control_event(ctl, 10000, &v), 0);
	assert_int_equal(json_integer_value(json_object_get(v, "lost")), 5);
	json_decref(v);
	assert_int_equal(control_event(ctl, 10000, &v), -EPROTO);
	/* a time-out is no end */
	assert_int_equal(control_event(ctl, 0, &v), -ETIMEDOUT);
	pthread_join(s.thread, NULL);
	assert_true(write(s.conn, "{\"event\"", 8) == 8);
	assert_int_equal(control_event(ctl, 20, &v), -ETIMEDOUT);
	assert_true(write(s.conn, ": 2}\n", 5) == 5);
	assert_int_equal(control_event(ctl, 10000, &v), 0);
	json_decref(v);
	control_close(ctl);
	close(s.conn);
	close(s.fd);
	free(s.request);
}

static void nobody(void **state)
{
	char longest[200];
	struct control *ctl;

	(void)state;
	unlink(path);
	assert_int_equal(control_open(path, &ctl), -ENOENT);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(control_open(longest, &ctl), -ENAMETOOLONG);
}

static void refused(void **state)
{
	struct server s = {};
	struct control *ctl;

	(void)state;
	start(&s);
	shutdown(s.fd, SHUT_RDWR);	/* accept() fails, the name stays */
	stop(&s);
	assert_int_equal(control_open(path, &ctl), -ECONNREFUSED);
}

static void long_lines(void **state)
{
	struct server s = {.hang_up = true};
	struct control_error err = {};
	struct control *ctl;
	char *big = malloc(CONTROL_LINE_MAX + 1), *answer = malloc(3 * CONTROL_LINE_MAX);
	json_t *result;

	(void)state;
	memset(big, 'x', CONTROL_LINE_MAX);
	big[CONTROL_LINE_MAX] = 0;
	/* an answer may be longer than a request */
	sprintf(answer, "{\"ok\":true,\"result\":[\"%s\",\"%s\"]}\n", big, big);
	s.answer = answer;
	s.hang_up = false;
	start(&s);
	assert_int_equal(control_open(path, &ctl), 0);
	assert_int_equal(control_call(ctl, "op", json_string(big), 10000, NULL, &err), -EMSGSIZE);
	assert_int_equal(control_call(ctl, "op", NULL, 10000, &result, &err), 0);
	assert_int_equal(json_array_size(result), 2);
	json_decref(result);
	control_close(ctl);
	stop(&s);
	free(big);
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers), cmocka_unit_test(events),	cmocka_unit_test(nobody),
		cmocka_unit_test(refused), cmocka_unit_test(long_lines),
	};

	return unit_run(tests, setup, teardown);
}
