// SPDX-License-Identifier: GPL-2.0
/* What load balancers are told of Services, over real sockets on the loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "manifestcase.h"
#include "daemon/policy_impl.h"
#include "daemon/service_health.h"

#define PORT		31000
#define OTHER		31001
#define CLOSE		"Connection: close\r\n\r\n"
#define GET		"GET /healthz HTTP/1.1\r\nHost: node\r\n" CLOSE
#define WAIT_MS		10000

struct fixture {
	uv_loop_t loop;
	struct policy *pol;
	struct service_health *h;
	const char *reason;
	struct service_state state[2];	/* the balancer's, of "a" and "b" */
	char got[4096];
};

static const char *reason(void *arg, char *buf, size_t len)
{
	const struct fixture *f = arg;

	(void)buf, (void)len;
	return f->reason;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct service_health_ctx ctx = { .loop = &f->loop, .reason = reason, .arg = f };

	uv_loop_init(&f->loop);
	*state = f;
	if (policy_new(NULL, "node1", &f->pol))
		return -1;
	ctx.pol = f->pol;
	return service_health_new(&ctx, &f->h);
}

static int teardown(void **state)
{
	static const char *const names[] = { "a", "b" };
	struct fixture *f = *state;
	struct model_service *s;

	service_health_free(f->h);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	for (int i = 0; i < 2; i++) {
		s = model_service_find(&f->pol->model, "ns", names[i]);
		if (s)
			s->state = NULL;
	}
	policy_free(f->pol);
	free(f);
	return 0;
}

/* ------------------------------------------------------------------- objects */

static void service(struct fixture *f, const char *name, unsigned int port, const char *created)
{
	char text[1024];
	struct result r;
	struct diag diag;

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: Service\nmetadata:\n  name: %s\n  namespace: ns\n"
		 "  creationTimestamp: %s\nspec:\n  type: LoadBalancer\n  clusterIP: 10.96.0.%d\n"
		 "  externalTrafficPolicy: Local\n  healthCheckNodePort: %u\n  ports: [{port: 80}]\n",
		 name, created, *name, port);
	assert_int_equal(policy_object_apply(f->pol, only(&r, text, OBJECT_SERVICE), &diag), 0);
	f->state[*name - 'a'].svc = model_service_find(&f->pol->model, "ns", name);
	f->state[*name - 'a'].svc->state = &f->state[*name - 'a'];
}

static void gone(struct fixture *f, const char *name)
{
	assert_int_equal(policy_object_delete(f->pol, OBJECT_SERVICE, "ns", name), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(policy_commit(f->pol), 0);
	service_health_update(f->h);
}

static void local_ready(struct fixture *f, const char *name, unsigned int n)
{
	f->state[*name - 'a'].now.local_ready = n;
	commit(f);
}

/* The only warning; "": none. */
static void expect_warning(struct fixture *f, const char *name, const char *text)
{
	json_t *list = policy_warnings_json(f->pol), *w = json_array_get(list, 0);

	assert_int_equal(json_array_size(list), !!*text);
	if (*text) {
		assert_string_equal(json_string_value(json_object_get(w, "name")), name);
		assert_string_equal(json_string_value(json_object_get(w, "text")), text);
	}
	json_decref(list);
}

/* -------------------------------------------------------------------- clients */

/* A connection, or -errno. */
static int dial(int family, unsigned int port)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (family == AF_INET)
		err = connect(fd, (const struct sockaddr *)&v4, sizeof(v4));
	else
		err = connect(fd, (const struct sockaddr *)&v6, sizeof(v6));
	err = err ? -errno : fd;
	if (err < 0)
		close(fd);
	return err;
}

/* Runs the loop until @fd has something to read, or its end; false: not within @ms. */
static bool readable(struct fixture *f, int fd, unsigned int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t until = uv_hrtime() + ms * 1000000ULL;

	while (uv_hrtime() < until) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		if (poll(&p, 1, 1) == 1)
			return true;
	}
	return false;
}

/* All that comes until the server closes, with an end, in f->got. Closes @fd. */
static const char *answer_of(struct fixture *f, int fd)
{
	size_t n = 0;
	ssize_t len;

	do {
		assert_true(readable(f, fd, WAIT_MS));
		len = read(fd, f->got + n, sizeof(f->got) - 1 - n);
		n += len > 0 ? len : 0;
	} while (len > 0 && n < sizeof(f->got) - 1);
	close(fd);
	f->got[n] = '\0';
	return f->got;
}

static const char *ask(struct fixture *f, int family, unsigned int port, const char *request)
{
	int fd = dial(family, port);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return answer_of(f, fd);
}

static void expect(struct fixture *f, unsigned int port, unsigned int status, const char *name,
		   unsigned int count, bool healthy)
{
	char line[64], weight[64], body[256];
	const char *got = ask(f, AF_INET, port, GET);

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
	snprintf(weight, sizeof(weight), "\r\nX-Load-Balancing-Endpoint-Weight: %u\r\n", count);
	snprintf(body, sizeof(body),
		 "\r\n\r\n{\"service\":{\"namespace\":\"ns\",\"name\":\"%s\"},"
		 "\"localEndpoints\":%u,\"serviceProxyHealthy\":%s}\n",
		 name, count, healthy ? "true" : "false");
	if (strncmp(got, line, strlen(line)) || !strstr(got, weight) || !strstr(got, body) ||
	    !strstr(got, "\r\nContent-Type: application/json\r\n"))
		fail_msg("got %s, expected %s, %s, %s", got, line, weight, body);
}

/* ---------------------------------------------------------------------- tests */

static void answers(void **state)
{
	struct fixture *f = *state;
	const char *got;

	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	commit(f);
	expect(f, PORT, 503, "a", 0, true);
	local_ready(f, "a", 2);
	expect(f, PORT, 200, "a", 2, true);
	f->reason = "policy is not in force";
	expect(f, PORT, 503, "a", 2, false);
	f->reason = NULL;
	/* by the other family, at any path, the head alone; nothing else */
	assert_non_null(strstr(ask(f, AF_INET6, PORT, GET), "\"localEndpoints\":2"));
	got = ask(f, AF_INET, PORT, "GET /?a HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(got, " 200 "));
	got = ask(f, AF_INET, PORT, "HEAD / HTTP/1.1\r\nHost: a\r\n" CLOSE);
	assert_non_null(strstr(got, " 200 "));
	assert_null(strstr(got, "localEndpoints"));
	got = ask(f, AF_INET, PORT, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" CLOSE "abc");
	assert_non_null(strstr(got, " 405 "));
}

static void comes_and_goes(void **state)
{
	struct fixture *f = *state;

	commit(f);
	assert_int_equal(dial(AF_INET, PORT), -ECONNREFUSED);
	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	assert_int_equal(dial(AF_INET, PORT), -ECONNREFUSED);
	local_ready(f, "a", 1);
	expect(f, PORT, 200, "a", 1, true);
	/* another port, and back in the same turn */
	service(f, "a", OTHER, "2026-01-01T00:00:00Z");
	commit(f);
	assert_int_equal(dial(AF_INET, PORT), -ECONNREFUSED);
	assert_int_equal(dial(AF_INET6, PORT), -ECONNREFUSED);
	expect(f, OTHER, 200, "a", 1, true);
	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	commit(f);
	service(f, "a", OTHER, "2026-01-01T00:00:00Z");
	commit(f);
	expect(f, OTHER, 200, "a", 1, true);
	expect_warning(f, NULL, "");
	gone(f, "a");
	commit(f);
	assert_int_equal(dial(AF_INET, OTHER), -ECONNREFUSED);
}

/* Who is in the middle of a request when the port goes is hung up on. */
static void goes_amid(void **state)
{
	struct fixture *f = *state;
	int fd;

	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	commit(f);
	fd = dial(AF_INET, PORT);
	assert_int_equal(write(fd, "GET / HT", 8), 8);
	assert_false(readable(f, fd, 50));
	gone(f, "a");
	commit(f);
	assert_string_equal(answer_of(f, fd), "");
}

static void collision(void **state)
{
	struct fixture *f = *state;

	service(f, "a", PORT, "2026-01-02T00:00:00Z");
	local_ready(f, "a", 1);
	expect(f, PORT, 200, "a", 1, true);
	service(f, "b", PORT, "2026-01-01T00:00:00Z");
	local_ready(f, "b", 2);
	expect(f, PORT, 200, "b", 2, true);
	expect_warning(f, "a", "healthCheckNodePort 31000 is already used by Service ns/b");
	gone(f, "b");
	commit(f);
	expect(f, PORT, 200, "a", 1, true);
	expect_warning(f, NULL, "");
	/* of the same age: by name */
	service(f, "b", PORT, "2026-01-02T00:00:00Z");
	commit(f);
	expect(f, PORT, 200, "a", 1, true);
	expect_warning(f, "b", "healthCheckNodePort 31000 is already used by Service ns/a");
}

static void taken(void **state)
{
	const struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct fixture *f = *state;
	uint64_t until = uv_hrtime() + WAIT_MS * 1000000ULL;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client, one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	service(f, "b", OTHER, "2026-01-01T00:00:00Z");
	commit(f);
	expect_warning(f, "a", "healthCheckNodePort 31000: load balancers get no answer: "
		       "another process of the node listens there");
	/* the others go on, and so does the warning */
	expect(f, OTHER, 503, "b", 0, true);
	commit(f);
	expect_warning(f, "a", "healthCheckNodePort 31000: load balancers get no answer: "
		       "another process of the node listens there");
	close(fd);
	while ((client = dial(AF_INET, PORT)) < 0 && uv_hrtime() < until) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	close(client);
	expect(f, PORT, 503, "a", 0, true);
	expect_warning(f, NULL, "");
}

/* Who says nothing, or nonsense, keeps nobody away for long. */
static void hostile(void **state)
{
	static const char *const begin[] = {
		"GET /", "GET / HTTP/1.1\r\na: ", "\r\n", "\x16\x03\x01",
	};
	static char text[120000];
	struct fixture *f = *state;
	int fd, silent[100];
	ssize_t n;

	service(f, "a", PORT, "2026-01-01T00:00:00Z");
	local_ready(f, "a", 1);
	memset(text, 'x', sizeof(text));
	for (unsigned int i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		memcpy(text, begin[i], strlen(begin[i]));
		fd = dial(AF_INET, PORT);
		/* as much as is taken */
		for (size_t at = 0; at < sizeof(text); at += n > 0 ? n : 0) {
			uv_run(&f->loop, UV_RUN_NOWAIT);
			n = send(fd, text + at, sizeof(text) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				break;
		}
		assert_null(strstr(answer_of(f, fd), " 200 "));
	}
	for (int i = 0; i < 100; i++) {
		silent[i] = dial(AF_INET, PORT);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	/* they are turned away, or out in time */
	for (uint64_t until = uv_hrtime() + WAIT_MS * 1000000ULL; uv_hrtime() < until;)
		if (strstr(ask(f, AF_INET, PORT, GET), " 200 "))
			break;
	expect(f, PORT, 200, "a", 1, true);
	for (int i = 0; i < 100; i++)
		close(silent[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers), TEST(comes_and_goes), TEST(goes_amid), TEST(collision), TEST(taken),
		TEST(hostile),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
