// SPDX-License-Identifier: GPL-2.0
/* Client of the control socket, see control.h. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "common/control.h"

#define CONTROL_CONNECT_S 10

struct control {
	int fd;
	char *buf;		/* read, not yet consumed */
	size_t len, size;	/* used and allocated bytes of buf */
	size_t scanned;		/* bytes of buf known to hold no newline */
};

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

/* A deadline of -1 is never. */
static long deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

static int wait_for(int fd, short events, long deadline)
{
	struct pollfd pfd = {.fd = fd, .events = events};

	for (;;) {
		long left = deadline < 0 ? -1 : deadline - now_ms();
		int n = poll(&pfd, 1, deadline >= 0 && left < 0 ? 0 : (int)left);

		if (n > 0)
			return 0;
		if (!n)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int control_open(const char *path, struct control **out)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	/* Against a daemon that hangs with its backlog full: connect() obeys this. */
	struct timeval patience = {.tv_sec = CONTROL_CONNECT_S};
	struct control *ctl;
	int err;

	if (!path)
		path = CONTROL_SOCKET;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return -ENOMEM;
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ctl->fd < 0 ||
	    setsockopt(ctl->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(ctl->fd, (struct sockaddr *)&sun, sizeof(sun))) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		control_close(ctl);
		return err;
	}
	*out = ctl;
	return 0;
}

void control_close(struct control *ctl)
{
	if (!ctl)
		return;
	if (ctl->fd >= 0)
		close(ctl->fd);
	free(ctl->buf);
	free(ctl);
}

int control_fd(const struct control *ctl)
{
	return ctl->fd;
}

static int send_all(struct control *ctl, const char *data, size_t len, long deadline)
{
	while (len) {
		ssize_t n = send(ctl->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return errno == EPIPE ? -ECONNRESET : -errno;
		if (n < 0) {
			err = wait_for(ctl->fd, POLLOUT, deadline);
			if (err)
				return err;
			continue;
		}
		data += n;
		len -= n;
	}
	return 0;
}

static int fill(struct control *ctl, long deadline)
{
	ssize_t n;
	int err;

	if (ctl->len >= CONTROL_ANSWER_MAX)
		return -EPROTO;
	if (ctl->len == ctl->size) {
		size_t size = ctl->size ? ctl->size * 2 : 4096;
		char *buf = realloc(ctl->buf, size);

		if (!buf)
			return -ENOMEM;
		ctl->buf = buf;
		ctl->size = size;
	}
	do {
		err = wait_for(ctl->fd, POLLIN, deadline);
		if (err)
			return err;
		n = recv(ctl->fd, ctl->buf + ctl->len, ctl->size - ctl->len, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	ctl->len += n;
	return 0;
}

/* The next line, parsed; what follows it stays for the next call. */
static int read_line(struct control *ctl, long deadline, json_t **out)
{
	char *nl;
	int err;

	while (!(nl = ctl->len > ctl->scanned ?
		 memchr(ctl->buf + ctl->scanned, '\n', ctl->len - ctl->scanned) : NULL)) {
		ctl->scanned = ctl->len;
		err = fill(ctl, deadline);
		if (err)
			return err;
	}
	*out = json_loadb(ctl->buf, nl - ctl->buf, JSON_REJECT_DUPLICATES, NULL);
	ctl->len -= nl + 1 - ctl->buf;
	memmove(ctl->buf, nl + 1, ctl->len);
	ctl->scanned = 0;
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return -EPROTO;
	}
	return 0;
}

static int send_request(struct control *ctl, const char *op, json_t *args, long deadline)
{
	json_t *req = json_pack("{s:s}", "op", op);
	char *text = NULL;
	size_t len;
	int err;

	if (!req || (args && json_object_set_new(req, "args", args))) {
		err = -ENOMEM;
		goto out;
	}
	text = json_dumps(req, JSON_COMPACT);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	len = strlen(text);
	if (len + 1 > CONTROL_LINE_MAX) {
		err = -EMSGSIZE;
		goto out;
	}
	text[len] = '\n';	/* in the NUL's place */
	err = send_all(ctl, text, len + 1, deadline);
out:
	free(text);
	json_decref(req);
	return err;
}

__attribute__((format(printf, 3, 4)))
static void explain(struct control_error *err, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	snprintf(err->code, sizeof(err->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
}

static const char *words(int err)
{
	switch (err) {
	case -ETIMEDOUT:
		return "no answer in time";
	case -ECONNRESET:
		return "the daemon closed the connection";
	case -EPROTO:
		return "the answer is not one line of JSON as agreed";
	default:
		return strerror(-err);
	}
}

int control_call(struct control *ctl, const char *op, json_t *args, int timeout_ms,
		 json_t **result, struct control_error *err)
{
	long deadline = deadline_in(timeout_ms);
	const char *code = "", *message = "";
	json_t *answer = NULL, *ok;
	int ret;

	ret = send_request(ctl, op, args, deadline);
	if (!ret)
		ret = read_line(ctl, deadline, &answer);
	if (ret) {
		explain(err, "", "%s: %s", op, words(ret));
		return ret;
	}
	ok = json_object_get(answer, "ok");
	if (json_is_true(ok)) {
		json_t *res = json_object_get(answer, "result");

		if (result)
			*result = res ? json_incref(res) : json_null();
	} else if (json_is_false(ok) &&
		   !json_unpack(answer, "{s:{s:s, s:s}}", "error", "code", &code,
				"message", &message)) {
		explain(err, code, "%s", message);
		ret = -EREMOTEIO;
	} else {
		explain(err, "", "%s: %s", op, words(-EPROTO));
		ret = -EPROTO;
	}
	json_decref(answer);
	return ret;
}

int control_event(struct control *ctl, int timeout_ms, json_t **event)
{
	return read_line(ctl, deadline_in(timeout_ms), event);
}
