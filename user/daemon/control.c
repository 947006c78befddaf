// SPDX-License-Identifier: GPL-2.0
/* Connections of the control socket. See control.h; what requests mean is in ops.c. */
#include "daemon/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"

#define CLIENTS_MAX	256
#define BACKLOG		1024	/* a node's worth of plugins at once */
#define WATCH_QUEUE_MAX	(256 * 1024)	/* bytes that a slow watcher may owe us */

struct client {
	uv_pipe_t pipe;
	struct server *srv;
	struct client *next, **prev;	/* in srv->clients */
	struct lines lines;
	bool watching, closing, reading;
	bool close_after;		/* once what is queued has been sent */
	void (*gone)(void *arg);	/* an answer is on its way; NULL: none */
	void *gone_arg;
	unsigned long long lost;
};

struct server {
	struct server_ctx ctx;
	uv_pipe_t pipe;
	struct client *clients;
	unsigned int nclients, nwatchers;
	bool freed;
	char read_buf[64 * 1024];	/* one read is handled before the next */
};

struct reply {
	uv_write_t req;
	struct client *client;
	char *text;
};

static void client_work(struct client *c);
static void client_lost_flush(struct client *c);

/* ------------------------------------------------------------------- closing */

static void server_unref(struct server *srv)
{
	/* .data is NULL once the listening handle is closed */
	if (srv->freed && !srv->nclients && !srv->pipe.data)
		free(srv);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;
	struct server *srv = c->srv;

	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	srv->nclients--;
	lines_free(&c->lines);
	free(c);
	server_unref(srv);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (c->gone)
		c->gone(c->gone_arg);
	c->gone = NULL;
	if (c->watching && !c->srv->freed)
		c->srv->ctx.watchers(c->srv->ctx.arg, --c->srv->nwatchers);
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ------------------------------------------------------------------- writing */

static size_t client_owes(const struct client *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

static void on_written(uv_write_t *req, int status)
{
	struct reply *r = req->data;
	struct client *c = r->client;

	free(r->text);
	free(r);
	if (c->closing)
		return;
	if (status || (c->close_after && !client_owes(c))) {
		client_close(c);
		return;
	}
	if (client_owes(c))
		return;
	client_lost_flush(c);
	client_work(c);
}

/* Takes @text. */
static void client_write(struct client *c, char *text)
{
	struct reply *r = text ? calloc(1, sizeof(*r)) : NULL;
	uv_buf_t buf;

	if (!r) {
		free(text);
		client_close(c);	/* an answer that can't be given must not be waited for */
		return;
	}
	r->client = c;
	r->text = text;
	r->req.data = r;
	buf = uv_buf_init(text, (unsigned int)strlen(text));
	if (uv_write(&r->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written)) {
		free(text);
		free(r);
		client_close(c);
	}
}

static void client_lost_flush(struct client *c)
{
	char text[64];

	if (!c->watching || !c->lost || c->closing)
		return;
	snprintf(text, sizeof(text), "{\"lost\":%llu}\n", c->lost);
	c->lost = 0;
	client_write(c, strdup(text));
}

void client_watch(struct client *client)
{
	if (client->watching || client->closing)
		return;
	client->watching = true;
	client->srv->ctx.watchers(client->srv->ctx.arg, ++client->srv->nwatchers);
}

void server_publish(struct server *srv, const char *line)
{
	size_t len = strlen(line);

	for (struct client *c = srv->clients, *next; c; c = next) {
		next = c->next;
		if (!c->watching || c->closing)
			continue;
		if (client_owes(c) + len > WATCH_QUEUE_MAX) {
			c->lost++;
			continue;
		}
		client_lost_flush(c);
		if (!c->closing)
			client_write(c, strdup(line));
	}
}

void server_publish_lost(struct server *srv, unsigned long long count)
{
	for (struct client *c = srv->clients, *next; c; c = next) {
		next = c->next;
		if (!c->watching || c->closing)
			continue;
		c->lost += count;
		if (!client_owes(c))
			client_lost_flush(c);
	}
}

/* ------------------------------------------------------------------- reading */

static void client_ask(struct client *c, const char *line, size_t len)
{
	struct request_error err = { .code = REQUEST_OK };
	struct request req;
	json_t *result = NULL;

	if (!request_parse(line, len, &req, &err)) {
		result = c->srv->ctx.handle(c->srv->ctx.arg, c, &req, &err);
		request_clear(&req);
	}
	if (!c->gone)
		client_write(c, request_answer(result, &err));
}

void client_defer(struct client *client, void (*gone)(void *arg), void *arg)
{
	client->gone = gone;
	client->gone_arg = arg;
}

void client_answer(struct client *client, char *line)
{
	client->gone = NULL;
	client_write(client, line);
}

static void client_refuse(struct client *c, const char *text)
{
	struct request_error err;

	request_fail(&err, REQUEST_BAD, "%s", text);
	c->close_after = true;
	client_write(c, request_answer(NULL, &err));
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct client *c = handle->data;

	(void)hint;
	*buf = uv_buf_init(c->srv->read_buf, sizeof(c->srv->read_buf));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;
	int err;

	if (n == 0)
		return;
	if (n < 0) {
		/* A client may close its side and still wait for its answers. */
		if (n == UV_EOF && (client_owes(c) || c->gone) && !c->watching)
			c->close_after = true;
		else
			client_close(c);
		return;
	}
	if (c->close_after || c->watching)
		return;		/* nothing more is asked of this one */
	err = lines_add(&c->lines, buf->base, (size_t)n);
	if (err == -EMSGSIZE)
		client_refuse(c, "a request of more than 16 MiB");
	else if (err)
		client_close(c);
	else
		client_work(c);
}

static void client_read(struct client *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	if (on)
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	else
		uv_read_stop((uv_stream_t *)&c->pipe);
}

/*
 * Answers whole lines as long as the client takes the answers; who doesn't
 * read isn't read from.
 */
static void client_work(struct client *c)
{
	size_t len;
	char *line;

	while (!c->closing && !c->watching && !c->close_after && !c->gone && !client_owes(c)) {
		line = lines_next(&c->lines, &len);
		if (!line)
			break;
		client_ask(c, line, len);
	}
	if (!c->closing)
		client_read(c, c->watching || c->close_after || (!c->gone && !client_owes(c)));
}

/* ---------------------------------------------------------------- connections */

static bool peer_allowed(struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	if (cred.uid == 0 || cred.uid == geteuid())
		return true;
	log_warning("control socket: user %u (process %d) turned away", cred.uid, cred.pid);
	return false;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct server *srv = stream->data;
	struct client *c;

	if (status)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;		/* it stays in the backlog */
	c->srv = srv;
	uv_pipe_init(srv->ctx.loop, &c->pipe, 0);
	c->pipe.data = c;
	c->next = srv->clients;
	c->prev = &srv->clients;
	if (c->next)
		c->next->prev = &c->next;
	srv->clients = c;
	srv->nclients++;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) || !peer_allowed(c) ||
	    srv->nclients > CLIENTS_MAX)
		client_close(c);
	else
		client_read(c, true);
}

int server_new(const struct server_ctx *ctx, struct server **out)
{
	struct server *srv = calloc(1, sizeof(*srv));
	mode_t old;
	int err;

	if (!srv)
		return -ENOMEM;
	srv->ctx = *ctx;
	uv_pipe_init(ctx->loop, &srv->pipe, 0);
	srv->pipe.data = srv;
	unlink(ctx->path);
	old = umask(0177);
	err = uv_pipe_bind(&srv->pipe, ctx->path);
	umask(old);
	if (!err)
		err = uv_listen((uv_stream_t *)&srv->pipe, BACKLOG, on_connection);
	if (err) {
		server_free(srv);
		return err;
	}
	*out = srv;
	return 0;
}

static void on_server_closed(uv_handle_t *handle)
{
	struct server *srv = handle->data;

	handle->data = NULL;
	server_unref(srv);
}

void server_free(struct server *srv)
{
	if (!srv)
		return;
	srv->freed = true;
	for (struct client *c = srv->clients; c; c = c->next)
		client_close(c);
	uv_close((uv_handle_t *)&srv->pipe, on_server_closed);
}
