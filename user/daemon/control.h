/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket's server: connections, lines, answers in order, events
 * to watchers. What the requests mean is in ops.c.
 */
#ifndef SLUICED_CONTROL_H
#define SLUICED_CONTROL_H

#include <uv.h>
#include "daemon/request.h"

struct server;
struct client;

struct server_ctx {
	uv_loop_t *loop;
	const char *path;		/* of the socket */
	/*
	 * Answers @req: a new reference, or NULL with @err. May call
	 * client_watch(), or client_defer() and return NULL. Does not keep @req.
	 */
	json_t *(*handle)(void *arg, struct client *client, const struct request *req,
			  struct request_error *err);
	/* How many watch changed. */
	void (*watchers)(void *arg, unsigned int count);
	void *arg;
};

/*
 * The socket is made 0600 and replaces what a dead daemon left; the caller
 * holds the lock that says that none is alive. Peers other than root and
 * this process's user are turned away.
 */
int server_new(const struct server_ctx *ctx, struct server **out);
/* Closes the handles on the loop and removes the socket. */
void server_free(struct server *srv);

/*
 * The answer comes later, by client_answer(); until then nothing more is
 * asked by this client. @gone: called when it has to be given up before.
 */
void client_defer(struct client *client, void (*gone)(void *arg), void *arg);
/* @line: the answer with its newline, of malloc(); taken over. NULL: without memory. */
void client_answer(struct client *client, char *line);

/* From here on the client gets events, after the answer to its request. */
void client_watch(struct client *client);
/* @line, with its newline, to every watcher that has room; the others are
 * told later how many they missed. */
void server_publish(struct server *srv, const char *line);
/* @count events were lost before they came here. */
void server_publish_lost(struct server *srv, unsigned long long count);

#endif
