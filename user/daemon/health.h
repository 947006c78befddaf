/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For probes, by HTTP: /healthz answers 200 as long as the daemon answers at
 * all, /readyz when pods can be added, else 503 with the reason. It tells no
 * more, changes nothing, and is there only where it is asked for.
 */
#ifndef SLUICED_HEALTH_H
#define SLUICED_HEALTH_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

struct health;

struct health_ctx {
	uv_loop_t *loop;
	const char *listen;		/* "127.0.0.1:9879", "[::1]:9879" */
	/* NULL: ready; else why not. */
	const char *(*reason)(void *arg, char *buf, size_t len);
	void *arg;
};

/* Whether @text is an address and a port; then @sa and @len are its socket address. */
bool health_parse(const char *text, struct sockaddr_storage *sa, socklen_t *len);

/* Logs what is wrong; an errno of the sockets, -ENOENT: no libmicrohttpd, -ENOMEM. */
int health_new(const struct health_ctx *ctx, struct health **out);
/* Its handles are closed by the loop. NULL is fine. */
void health_free(struct health *h);

#endif
