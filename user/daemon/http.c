// SPDX-License-Identifier: GPL-2.0
/* libmicrohttpd on the daemon's loop; see http.h. */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/dl.h"
#include "daemon/http.h"

#define SONAME		"libmicrohttpd.so.12"
#define CONNECTIONS	16U		/* unless who listens says another number */
#define IDLE_S		2U
#define MEMORY		8192U		/* bytes of a connection */

DL_NOTE(SONAME, "health", "answers to probes and metrics by HTTP");

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

struct http {
	struct http_ctx ctx;
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

static enum MHD_Result send_answer(struct MHD_Connection *conn, const struct http_answer *a)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response = mhd.create_response_from_buffer(a->body ? a->len : strlen(a->text),
						   (void *)(a->body ? a->body : a->text),
						   MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	mhd.add_response_header(response, "Content-Type", a->type);
	mhd.add_response_header(response, "Cache-Control", "no-store");
	if (a->header)
		mhd.add_response_header(response, a->header, a->value);
	result = mhd.queue_response(conn, a->status, response);
	mhd.destroy_response(response);
	return result;
}

/* Called when the head is there and, with *@state set, for what follows it. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	static int seen;
	struct http_answer a = { .status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8" };
	struct http *h = arg;

	(void)version, (void)data;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*len) {
		*len = 0;		/* a body is nobody's business */
		return MHD_YES;
	}
	if (!strcmp(method, "GET") || !strcmp(method, "HEAD")) {
		h->ctx.answer(h->ctx.arg, url, &a);
	} else {
		a.status = MHD_HTTP_METHOD_NOT_ALLOWED;
		a.header = "Allow";
		strcpy(a.value, "GET, HEAD");
		strcpy(a.text, "GET and HEAD only\n");
	}
	return send_answer(conn, &a);
}

/*
 * libmicrohttpd's own limit is not used: on somebody else's loop it stops to
 * listen when it is full and may not begin again (0.9.75).
 */
static enum MHD_Result may_connect(void *arg, const struct sockaddr *sa, socklen_t len)
{
	const struct http *h = arg;

	(void)sa, (void)len;
	return h->connections < h->ctx.connections ? MHD_YES : MHD_NO;
}

static void count(void *arg, struct MHD_Connection *conn, void **state,
		  enum MHD_ConnectionNotificationCode what)
{
	struct http *h = arg;

	(void)conn, (void)state;
	h->connections += what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1;
}

/* ------------------------------------------------------------------- the loop */

static void on_timer(uv_timer_t *timer);

static void run(struct http *h)
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

int http_listen(const struct sockaddr *sa, socklen_t len)
{
	int fd, err, one = 1, zero = 0;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, sa, len) && !listen(fd, CONNECTIONS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (!--h->handles)
		free(h);
}

/* Whatever becomes of it, @fd is libmicrohttpd's from here on. */
static int start(struct http *h, int fd)
{
	const union MHD_DaemonInfo *info;
	int err;

	h->server = mhd.start_daemon(MHD_USE_EPOLL, 0, may_connect, h, on_request, h,
				     MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION,
				     count, h, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
				     MHD_OPTION_END);
	if (!h->server) {
		close(fd);
		return -ENOMEM;
	}
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

int http_new(const struct http_ctx *ctx, int fd, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));
	int err = h ? load() : -ENOMEM;

	if (err) {
		close(fd);
		free(h);
		return err;
	}
	h->ctx = *ctx;
	if (!h->ctx.connections)
		h->ctx.connections = CONNECTIONS;
	err = start(h, fd);
	if (err) {
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

/* The loop no longer looks at the server's descriptor once its handle closes. */
void http_free(struct http *h)
{
	if (!h)
		return;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	mhd.stop_daemon(h->server);
}
