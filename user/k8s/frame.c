// SPDX-License-Identifier: GPL-2.0
/* Lines of a stream; see frame.h. */
#include <errno.h>
#include <string.h>
#include "k8s/frame.h"

void k8s_frame_init(struct k8s_frame *f, size_t max)
{
	*f = (struct k8s_frame){ .rest.max = max };
}

void k8s_frame_exit(struct k8s_frame *f)
{
	k8s_buf_free(&f->rest);
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
		if (f->rest.len) {
			err = k8s_buf_add(&f->rest, data, nl - data);
			if (!err)
				err = give(f->rest.data, f->rest.len, cb, arg);
			f->rest.len = 0;
		} else if ((size_t)(nl - data) > f->rest.max) {
			err = -EMSGSIZE;
		} else {
			err = give(data, nl - data, cb, arg);
		}
		data = nl + 1;
	}
	if (!err && data < end)
		err = k8s_buf_add(&f->rest, data, end - data);
	return err;
}

size_t k8s_frame_rest(const struct k8s_frame *f)
{
	return f->rest.len;
}
