/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client of the daemon's control socket (Documentation/control.md): one JSON
 * object a line, either way. Blocking, with a deadline on every call.
 */
#ifndef SLUICE_CONTROL_H
#define SLUICE_CONTROL_H

#include <jansson.h>
#include "lib/sluice.h"

#define CONTROL_SOCKET	SLUICE_RUN_DIR "/sluiced.sock"
#define CONTROL_LINE_MAX (16 << 20)	/* bytes of one request, newline included */
#define CONTROL_ANSWER_MAX (64 << 20)	/* the same of an answer: lists of a whole node */

struct control;

/* What the daemon answered when it refused. */
struct control_error {
	char code[32];		/* "not-ready"; "" when it was not the daemon who failed */
	char message[512];
};

/*
 * -ENOENT, -ECONNREFUSED: no daemon; -EACCES: not root; -ENAMETOOLONG;
 * -ETIMEDOUT: a daemon that does not accept.
 * @path: NULL for CONTROL_SOCKET.
 */
int control_open(const char *path, struct control **out);
void control_close(struct control *ctl);

/*
 * Sends a request and reads its answer. Steals @args (NULL: none). *result
 * is a new reference, JSON null included; @result may be NULL.
 *
 * -EREMOTEIO: the daemon refused, @err has its code and words. Any other
 * error ends the connection's use: -ETIMEDOUT, -ECONNRESET (daemon went
 * away), -EPROTO (the answer is none), -EMSGSIZE (request too long). @err,
 * which may be NULL, has words for every error.
 */
int control_call(struct control *ctl, const char *op, json_t *args, int timeout_ms,
		 json_t **result, struct control_error *err);

/*
 * After control_call() of a watching op: reads one {"event": …} or
 * {"lost": n}, a new reference. -ETIMEDOUT leaves the connection usable.
 * @timeout_ms negative: waits for ever.
 */
int control_event(struct control *ctl, int timeout_ms, json_t **event);
/* For poll(2); events that were read ahead are not visible to it: call
 * control_event() with 0 until -ETIMEDOUT first. */
int control_fd(const struct control *ctl);

#endif /* SLUICE_CONTROL_H */
