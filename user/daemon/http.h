/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A server of HTTP for probes and metrics: GET and HEAD, on the daemon's loop. Few connections at once, each of few bytes and little time, so that who
 * says nothing, or nonsense, keeps nobody away for long.
 */
#ifndef SLUICED_HTTP_H
#define SLUICED_HTTP_H

#include <sys/socket.h>
#include <uv.h>

struct http;

/* Zeroed but for @type, text/plain, when it is asked for. */
struct http_answer {
	unsigned int status;		/* 200 */
	const char *type;		/* Content-Type */
	const char *header;		/* one more; NULL: none */
	char value[32];			/* of @header */
	char text[1024];		/* the body, */
	const char *body;		/* or where it is, until answer() is called again; NULL: @text */
	size_t len;			/* of @body */
};

struct http_ctx {
	uv_loop_t *loop;
	/* @url: the path, decoded. Must not free the server. */
	void (*answer)(void *arg, const char *url, struct http_answer *a);
	void *arg;
	unsigned int connections;	/* at a time, more are turned away; 0: 16 */
};

/* A socket that listens at @sa; at an address of IPv6 for IPv4, too, if that can be. -errno. */
int http_listen(const struct sockaddr *sa, socklen_t len);
/* Takes @fd, of http_listen(), also when it fails. -ENOENT: no libmicrohttpd; -ENOMEM, -ENOTSUP. */
int http_new(const struct http_ctx *ctx, int fd, struct http **out);
/* Nobody listens from here on; its handles are closed by the loop. NULL is fine. */
void http_free(struct http *h);

#endif
