// SPDX-License-Identifier: GPL-2.0
/* Lines of a stream; see frame.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "k8s/frame.h"

#define FRAME_FIRST	4096

void k8s_frame_init(struct k8s_frame *f, size_t max)
{
	*f = (struct k8s_frame){ .max = max };
}

void k8s_frame_exit(struct k8s_frame *f)
{
	free(f->buf);
	k8s_frame_init(f, f->max);
}

static int keep(struct k8s_frame *f, const char *data, size_t len)
{
	size_t cap = f->cap ? f->cap : FRAME_FIRST;
	char *more;

	/* never more than max is held, so that this does not overflow */
	if (len > f->max - f->len)
		return -EMSGSIZE;
	while (cap < f->len + len)
		cap *= 2;
	if (cap > f->cap) {
		more = realloc(f->buf, cap);
		if (!more)
			return -ENOMEM;
		f->buf = more;
		f->cap = cap;
	}
	memcpy(f->buf + f->len, data, len);
	f->len += len;
	return 0;
}

static int give(const char *line, size_t len, int (*cb)(void *arg, const char *line, size_t len),
		void *arg)
{
	if (len && line[len - 1] == '\r')
		len--;
	return len ? cb(arg, line, len) : 0;
}

/* A line that came in one piece, which is the usual, is not copied. */
int k8s_frame_push(struct k8s_frame *f, const char *data, size_t len,
		   int (*cb)(void *arg, const char *line, size_t len), void *arg)
{
	const char *end = data + len, *nl;
	int err = 0;

	while (!err && data < end && (nl = memchr(data, '\n', end - data))) {
		if (f->len) {
			err = keep(f, data, nl - data);
			if (!err)
				err = give(f->buf, f->len, cb, arg);
			f->len = 0;
		} else if ((size_t)(nl - data) > f->max) {
			err = -EMSGSIZE;
		} else {
			err = give(data, nl - data, cb, arg);
		}
		data = nl + 1;
	}
	if (!err && data < end)
		err = keep(f, data, end - data);
	return err;
}

size_t k8s_frame_rest(const struct k8s_frame *f)
{
	return f->len;
}
