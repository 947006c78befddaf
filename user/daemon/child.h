/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A question that takes long, answered by a fork of the daemon: it sees
 * everything as it is at that moment and can change nothing of it, while the
 * loop goes on. It gets none of the daemon's sockets, ends with the daemon,
 * and is killed when it has used its time.
 */
#ifndef SLUICED_CHILD_H
#define SLUICED_CHILD_H

#include <stddef.h>
#include <uv.h>

#define CHILD_CPU_S		30U
#define CHILD_ANSWER_MAX	(64U << 20)	/* bytes */

struct child;

struct child_ops {
	/* In the child. What it returns, a string of malloc(), is the answer; NULL: none. */
	char *(*work)(void *arg);
	/*
	 * In the daemon, once, never from within child_new(). @answer is the callee's, a string;
	 * NULL: there is none, and @why says what became of the child.
	 */
	void (*done)(void *arg, char *answer, const char *why);
};

/* Negative errno, and done() is not called. */
int child_new(uv_loop_t *loop, const struct child_ops *ops, void *arg, struct child **out);
/* done() has not been called, and will not be. */
void child_cancel(struct child *c);

#endif
