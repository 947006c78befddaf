// SPDX-License-Identifier: GPL-2.0
/* See buf.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "k8s/buf.h"

#define BUF_FIRST	4096

int k8s_buf_add(struct k8s_buf *b, const char *data, size_t len)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	char *more;

	/* never more than max is held, so that this does not overflow */
	if (len > b->max - b->len)
		return -EMSGSIZE;
	while (cap < b->len + len)
		cap *= 2;
	if (cap > b->cap) {
		more = realloc(b->data, cap);
		if (!more)
			return -ENOMEM;
		b->data = more;
		b->cap = cap;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void k8s_buf_free(struct k8s_buf *b)
{
	free(b->data);
	*b = (struct k8s_buf){ .max = b->max };
}
