/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that arrive in pieces, up to a bound. */
#ifndef SLUICE_K8S_BUF_H
#define SLUICE_K8S_BUF_H

#include <stddef.h>

struct k8s_buf {
	char *data;
	size_t len, cap;	/* bytes */
	size_t max;		/* never more than that is held */
};

/* All zero but @max is empty; holds no memory until it is added to. */
int k8s_buf_add(struct k8s_buf *b, const char *data, size_t len);	/* -EMSGSIZE, -ENOMEM */
/* Empty again, without memory. */
void k8s_buf_free(struct k8s_buf *b);

#endif
