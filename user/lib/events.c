// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The event ring: the BPF programs' records, handed to one callback. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include "lib/internal.h"

struct sluice_events {
	struct ring_buffer *ring;
	int (*cb)(void *arg, const struct sl_event *ev);
	void *arg;
};

static int sample(void *ctx, void *data, size_t size)
{
	struct sluice_events *ev = ctx;

	/* programs of another build may be at work while they are replaced */
	return size < sizeof(struct sl_event) ? 0 : ev->cb(ev->arg, data);
}

int sluice_events_open(struct sluice *sl, int (*cb)(void *arg, const struct sl_event *ev),
		       void *arg, struct sluice_events **out)
{
	struct sluice_events *ev;
	struct lib_log_scope scope;
	int err;

	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return -ENOMEM;
	ev->cb = cb;
	ev->arg = arg;
	lib_log_begin(&scope, NULL, NULL);
	ev->ring = ring_buffer__new(sl->map_fd[SL_MAP_EVENTS], sample, ev, NULL);
	err = ev->ring ? 0 : -errno;
	lib_log_end(&scope);
	if (err) {
		free(ev);
		return err;
	}
	*out = ev;
	return 0;
}

int sluice_events_fd(const struct sluice_events *ev)
{
	return ring_buffer__epoll_fd(ev->ring);
}

int sluice_events_read(struct sluice_events *ev)
{
	return ring_buffer__consume(ev->ring);
}

void sluice_events_close(struct sluice_events *ev)
{
	if (!ev)
		return;
	ring_buffer__free(ev->ring);
	free(ev);
}
