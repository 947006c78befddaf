// SPDX-License-Identifier: GPL-2.0
/* See child.h. */
#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	uv_pipe_t pipe;
	const struct child_ops *ops;
	void *arg;
	pid_t pid;
	char *data;
	size_t len, size;
	char buf[64 * 1024];
};

/* ------------------------------------------------------------------ in the child */

/*
 * A peer would wait for the end of a connection that this one still has. What
 * is no socket stays: the tables are read by their descriptors.
 */
static void close_sockets(void)
{
	int max = (int)sysconf(_SC_OPEN_MAX), type;
	socklen_t len;

	for (int fd = 3; fd < max; fd++) {
		len = sizeof(type);
		if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
			close(fd);
	}
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = write(fd, text, strlen(text));
	(void)n;			/* it may as well not be so */
	close(fd);
}

static void leave_the_daemon(pid_t parent)
{
	const struct rlimit cpu = { CHILD_CPU_S, CHILD_CPU_S };
	struct rlimit files;

	/* the loop's handlers would write into the daemon's own pipe */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setrlimit(RLIMIT_CPU, &cpu);
	/* when memory is short, this goes and not the dataplane */
	write_text("/proc/self/oom_score_adj", "1000");
	/* bounds the walk over descriptors */
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur > 65536) {
		files.rlim_cur = 65536;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	close_sockets();
}

static int write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

__attribute__((noreturn))
static void run(const struct child *c, pid_t parent, int fd)
{
	char *answer;

	leave_the_daemon(parent);
	answer = c->ops->work(c->arg);
	_exit(!answer || write_all(fd, answer, strlen(answer)) ? 1 : 0);
}

/* ----------------------------------------------------------------- in the daemon */

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	free(c->data);
	free(c);
}

/* The pipe's other end is closed, so it has ended or is about to. */
static const char *reap(struct child *c, char *buf, size_t len)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
		snprintf(buf, len, "it took more than %u s of CPU, or was killed", CHILD_CPU_S);
	else if (WIFSIGNALED(status))
		snprintf(buf, len, "it ended by signal %d", WTERMSIG(status));
	else
		snprintf(buf, len, "out of memory");
	return buf;
}

static void finish(struct child *c, const char *why)
{
	char buf[128], *answer = NULL;
	const char *bad;

	if (why)
		kill(c->pid, SIGKILL);
	bad = reap(c, buf, sizeof(buf));
	if (!why)
		why = bad;
	if (!why) {
		answer = c->data;
		c->data = NULL;
	}
	c->ops->done(c->arg, answer, why);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct child *c = handle->data;

	(void)hint;
	*buf = uv_buf_init(c->buf, sizeof(c->buf));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;
	char *p;

	if (n < 0) {
		uv_read_stop(stream);
		finish(c, n == UV_EOF ? NULL : uv_strerror((int)n));
		return;
	}
	if (c->len + (size_t)n + 1 > c->size) {
		c->size = (c->len + (size_t)n + 1) * 2;
		p = c->size <= 2 * (size_t)CHILD_ANSWER_MAX ? realloc(c->data, c->size) : NULL;
		if (!p) {
			uv_read_stop(stream);
			finish(c, "its answer is too large");
			return;
		}
		c->data = p;
	}
	memcpy(c->data + c->len, buf->base, (size_t)n);
	c->len += (size_t)n;
	c->data[c->len] = '\0';
}

int child_new(uv_loop_t *loop, const struct child_ops *ops, void *arg, struct child **out)
{
	struct child *c = calloc(1, sizeof(*c));
	pid_t parent = getpid();
	int fd[2], err;

	if (!c)
		return -ENOMEM;
	c->ops = ops;
	c->arg = arg;
	if (pipe2(fd, O_CLOEXEC)) {
		err = -errno;
		free(c);
		return err;
	}
	c->pid = fork();
	if (!c->pid)
		run(c, parent, fd[1]);
	err = c->pid < 0 ? -errno : 0;
	close(fd[1]);
	if (err) {
		close(fd[0]);
		free(c);
		return err;
	}
	uv_pipe_init(loop, &c->pipe, 0);
	c->pipe.data = c;
	uv_pipe_open(&c->pipe, fd[0]);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	*out = c;
	return 0;
}

void child_cancel(struct child *c)
{
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}
