// SPDX-License-Identifier: GPL-2.0
/*
 * A watch as it arrives: first byte: which kind; second: bytes of a piece.
 * However it is cut, the same lines come out, and each is an event or a
 * complaint. The whole is tried as a page too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "k8s/frame.h"
#include "k8s/reply.h"

#define LINE_MAX_BYTES 4096

struct lines {
	const struct k8s_kind *kind;	/* NULL: only counted */
	uint64_t hash;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_event(const struct k8s_kind *kind, const char *line, size_t len)
{
	struct k8s_event ev;
	struct diag diag = {};

	if (k8s_event_parse(kind, line, len, &ev, &diag)) {
		if (!diag.text[0] || ev.item.obj)
			abort();
		return;
	}
	/* without a version there is nowhere to resume */
	if ((ev.type == K8S_EVENT_ERROR) != !ev.version[0])
		abort();
	object_free(ev.item.obj);
}

static int on_line(void *arg, const char *line, size_t len)
{
	struct lines *l = arg;

	if (!len || len > LINE_MAX_BYTES || memchr(line, '\n', len))
		abort();
	for (size_t i = 0; i < len; i++)
		l->hash = (l->hash ^ (uint8_t)line[i]) * 0x100000001b3;
	l->hash = (l->hash ^ '\n') * 0x100000001b3;
	if (l->kind)
		try_event(l->kind, line, len);
	return 0;
}

static int on_item(void *arg, struct manifest_item *item)
{
	(void)arg;
	object_free(item->obj);
	return 0;
}

static int push(struct lines *l, const char *s, size_t len, size_t piece)
{
	struct k8s_frame f;
	int err = 0;

	k8s_frame_init(&f, LINE_MAX_BYTES);
	for (size_t at = 0; !err && at < len; at += piece)
		err = k8s_frame_push(&f, s + at, len - at < piece ? len - at : piece, on_line, l);
	k8s_frame_exit(&f);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines whole = {}, pieces = {};
	const struct k8s_kind *kind;
	static struct k8s_page page;
	struct diag diag = {};
	const char *s = (const char *)data + 2;

	if (size < 3)
		return 0;
	kind = &k8s_kinds[data[0] % K8S_KINDS];
	pieces.kind = kind;
	if (push(&whole, s, size - 2, size) != push(&pieces, s, size - 2, data[1] + 1) ||
	    whole.hash != pieces.hash)
		abort();
	if (k8s_page_parse(kind, s, size - 2, &page, on_item, NULL, &diag) && !diag.text[0])
		abort();
	return 0;
}
