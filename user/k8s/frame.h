/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A watch's response cut into lines, as it arrives: one JSON event a line.
 * What a line says is not known here; that is event.h.
 */
#ifndef SLUICE_K8S_FRAME_H
#define SLUICE_K8S_FRAME_H

#include "k8s/buf.h"

/* etcd takes 1.5 MiB a request; JSON of the same object is at most some times that. */
#define K8S_LINE_MAX	(8U << 20)

struct k8s_frame {
	struct k8s_buf rest;	/* a line's beginning, while its end has not come; longer lines are refused */
};

/* @max: bytes of a line. Holds no memory until it is pushed to. */
void k8s_frame_init(struct k8s_frame *f, size_t max);
void k8s_frame_exit(struct k8s_frame *f);

/*
 * k8s_frame_push() - the next bytes of the stream
 * @cb: called for each line that is whole by now, without its end ("\n" or
 *      "\r\n"); empty lines are left out. @line lives until it returns.
 *      Non-zero stops and is returned; the rest of @data is lost then.
 *
 * -EMSGSIZE: a line is longer than the bound. -ENOMEM. After any error the
 * stream has lost its place: begin a new one.
 */
int k8s_frame_push(struct k8s_frame *f, const char *data, size_t len,
		   int (*cb)(void *arg, const char *line, size_t len), void *arg);

/* Bytes of a line that was cut in the middle; 0: the stream ended between two. */
size_t k8s_frame_rest(const struct k8s_frame *f);

#endif
