// SPDX-License-Identifier: GPL-2.0
/* libmicrohttpd on the daemon's loop; see health.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/dl.h"
#include "common/log.h"
#include "daemon/health.h"

#define SONAME		"libmicrohttpd.so.12"
#define CONNECTIONS	16U		/* more are turned away */
#define IDLE_S		2U
#define MEMORY		8192U		/* bytes of a connection */

DL_NOTE(SONAME, "health", "answers to probes by HTTP");

#define MHD_FUNCS(X)                                                                   \
	X(start_daemon) X(stop_daemon) X(run) X(get_daemon_info) X(get_timeout)           \
	X(create_response_from_buffer) X(add_response_header) X(queue_response)           \
	X(destroy_response)

/* What is used of it; valid once load() has returned 0. */
static struct {
#define X(name) __typeof__(MHD_##name) *name;
	MHD_FUNCS(X)
#undef X
} mhd;

struct health {
	struct health_ctx ctx;
	struct MHD_Daemon *server;
	uv_poll_t poll;			/* on the server's epoll descriptor */
	uv_timer_t timer;
	unsigned int connections;
	unsigned int handles;		/* on the loop, not closed yet */
};

static int load(void)
{
#define X(name) "MHD_" #name,
	static const char *const names[] = { MHD_FUNCS(X) };
#undef X
	_Static_assert(sizeof(mhd) == sizeof(names), "a function for each name");

	return mhd.run ? 0 : dl_load(SONAME, names, (void **)&mhd, sizeof(names) / sizeof(names[0]));
}

/* ------------------------------------------------------------------- answers */

static enum MHD_Result answer(struct MHD_Connection *conn, unsigned int status, const char *text)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = mhd.create_response_from_buffer(strlen(text), (void *)text,
						   MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	mhd.add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	mhd.add_response_header(response, "Cache-Control", "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		mhd.add_response_header(response, "Allow", "GET, HEAD");
	result = mhd.queue_response(conn, status, response);
	mhd.destroy_response(response);
	return result;
}

/* Called when the head is there and, with *@state set, for what follows it. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	static int seen;
	struct health *h = arg;
	char why[512], text[600];
	const char *reason;

	(void)version, (void)data;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*len) {
		*len = 0;		/* a body is nobody's business */
		return MHD_YES;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return answer(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (!strcmp(url, "/healthz"))
		return answer(conn, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/readyz"))
		return answer(conn, MHD_HTTP_NOT_FOUND, "there are /healthz and /readyz\n");
	reason = h->ctx.reason(h->ctx.arg, why, sizeof(why));
	if (!reason)
		return answer(conn, MHD_HTTP_OK, "ok\n");
	snprintf(text, sizeof(text), "%s\n", reason);
	return answer(conn, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

/*
 * libmicrohttpd's own limit is not used: on somebody else's loop it stops to
 * listen when it is full and may not begin again (0.9.75).
 */
static enum MHD_Result may_connect(void *arg, const struct sockaddr *sa, socklen_t len)
{
	const struct health *h = arg;

	(void)sa, (void)len;
	return h->connections < CONNECTIONS ? MHD_YES : MHD_NO;
}

static void count(void *arg, struct MHD_Connection *conn, void **state,
		  enum MHD_ConnectionNotificationCode what)
{
	struct health *h = arg;

	(void)conn, (void)state;
	h->connections += what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1;
}

/* ------------------------------------------------------------------- the loop */

static void on_timer(uv_timer_t *timer);

static void run(struct health *h)
{
	unsigned long long ms;

	mhd.run(h->server);
	if (mhd.get_timeout(h->server, &ms) == MHD_YES)
		uv_timer_start(&h->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&h->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

/* ------------------------------------------------------------------ life time */

bool health_parse(const char *text, struct sockaddr_storage *sa, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	unsigned long port;
	size_t n;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	n = colon - text;
	if (*end || !port || port > 65535 || n < 2 || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	memset(sa, 0, sizeof(*sa));
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	*len = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static int open_socket(const char *text)
{
	struct sockaddr_storage sa;
	int fd, err, one = 1;
	socklen_t len;

	if (!health_parse(text, &sa, &len))
		return -EINVAL;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&sa, len) && !listen(fd, CONNECTIONS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	struct health *h = handle->data;

	if (--h->handles)
		return;
	mhd.stop_daemon(h->server);
	free(h);
}

static int start(struct health *h, int fd)
{
	const union MHD_DaemonInfo *info;
	int err;

	h->server = mhd.start_daemon(MHD_USE_EPOLL, 0, may_connect, h, on_request, h,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION,
				     count, h, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
				     MHD_OPTION_END);
	if (!h->server)
		return -ENOMEM;
	info = mhd.get_daemon_info(h->server, MHD_DAEMON_INFO_EPOLL_FD);
	err = info ? uv_poll_init(h->ctx.loop, &h->poll, info->epoll_fd) : -ENOTSUP;
	if (err) {
		mhd.stop_daemon(h->server);
		return err;
	}
	uv_timer_init(h->ctx.loop, &h->timer);
	h->poll.data = h->timer.data = h;
	h->handles = 2;
	uv_poll_start(&h->poll, UV_READABLE, on_readable);
	return 0;
}

int health_new(const struct health_ctx *ctx, struct health **out)
{
	struct health *h;
	int fd, err = load();

	if (err)
		return err;
	fd = open_socket(ctx->listen);
	if (fd < 0) {
		log_error("%s: %s", ctx->listen, strerror(-fd));
		return fd;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	h->ctx = *ctx;
	err = start(h, fd);
	if (err) {
		close(fd);
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
}
