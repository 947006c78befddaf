// SPDX-License-Identifier: GPL-2.0
/*
 * A directory of manifests; see source_dir.h.
 *
 * Only files directly in it count: *.yaml, *.yml and *.json that don't begin
 * with a dot. That is how a kubelet reads its static pods, and how a mounted
 * ConfigMap looks: its files are links through "..data", and a new version is
 * one rename of that link, so any event on a name with a dot makes all links
 * be read again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/source_dir_impl.h"
#include "daemon/source_keep.h"

/* An editor takes the old file away before it puts the new one there. */
#define VANISH_MS	250
/* How often to look for a directory that is not there. */
#define RETRY_MS	1000

#define WATCHED (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
		 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Whether the name is still a file's; asked of last good versions. */
static int keep_name(void *arg, const char *name)
{
	struct source_dir *src = arg;
	struct source_file *f;

	for (f = src->files; f; f = f->next)
		if (!strcmp(f->name, name))
			return 1;
	return 0;
}

/* For want of a directory, all of it as it was. */
static int recall_name(void *arg, const char *name)
{
	struct source_dir *src = arg;
	struct source_file *f = source_is_manifest(name) ? source_file_get(src, name) : NULL;

	if (f)
		source_file_recall(src, f);
	return 1;
}

/* ---------------------------------------------------------------- watching */

static void tell(struct source_dir *src)
{
	bool changed = src->changed;

	src->changed = false;
	if (changed && src->ctx.changed)
		src->ctx.changed(src->ctx.arg);
}

static void on_vanish(uv_timer_t *timer);

static void wait_for_missing(struct source_dir *src)
{
	struct source_file *f;

	for (f = src->files; f && !f->missing; f = f->next)
		;
	if (f && !uv_is_active((uv_handle_t *)&src->vanish))
		uv_timer_start(&src->vanish, on_vanish, VANISH_MS, 0);
}

static void on_vanish(uv_timer_t *timer)
{
	struct source_dir *src = timer->data;
	uint64_t now = uv_now(src->ctx.loop);
	struct source_file *f, *next;

	/* back meanwhile? */
	for (f = src->files; f; f = f->next)
		f->dirty |= f->missing;
	source_files_load(src);
	for (f = src->files; f; f = next) {
		next = f->next;
		if (f->missing && now - f->missing_ms >= VANISH_MS)
			source_file_forget(src, f);
	}
	source_files_load(src);
	wait_for_missing(src);
	tell(src);
}

static void on_retry(uv_timer_t *timer);

static bool watch(struct source_dir *src)
{
	src->watch = inotify_add_watch(src->fd, src->path, WATCHED);
	if (src->watch < 0)
		uv_timer_start(&src->retry, on_retry, RETRY_MS, 0);
	return src->watch >= 0;
}

static void on_retry(uv_timer_t *timer)
{
	struct source_dir *src = timer->data;

	/* watched first, so that nothing that comes after the look is missed */
	if (!watch(src))
		return;
	log_info("%s: is there again", src->path);
	source_files_scan(src);
	wait_for_missing(src);
	tell(src);
}

static void mark_links(struct source_dir *src)
{
	struct source_file *f;

	for (f = src->files; f; f = f->next)
		f->dirty |= f->link;
}

/*
 * A file that is being written is read when it is closed. One that is linked
 * into place is whole from the start.
 */
static bool is_whole(const struct source_dir *src, const struct inotify_event *ev)
{
	char path[4096];
	struct stat st;

	if (!(ev->mask & IN_CREATE))
		return true;
	snprintf(path, sizeof(path), "%s/%s", src->path, ev->name);
	return !lstat(path, &st) && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

/* Returns whether the directory itself has gone. */
static bool on_event(struct source_dir *src, const struct inotify_event *ev, bool *rescan)
{
	struct source_file *f;

	if (ev->mask & IN_Q_OVERFLOW) {
		*rescan = true;
		return false;
	}
	if (ev->wd != src->watch)
		return false;
	if (ev->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
		return true;
	if (!ev->len)
		return false;
	if (ev->name[0] == '.')
		mark_links(src);
	else if (source_is_manifest(ev->name) && is_whole(src, ev) && (f = source_file_get(src, ev->name)))
		f->dirty = true;
	return false;
}

static void lose_directory(struct source_dir *src)
{
	if (src->watch < 0)
		return;
	log_warning("%s: the directory has gone; what it said stays in force", src->path);
	inotify_rm_watch(src->fd, src->watch);
	src->watch = -1;
	uv_timer_start(&src->retry, on_retry, RETRY_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	_Alignas(struct inotify_event) char buf[64 << 10];
	struct source_dir *src = poll->data;
	const struct inotify_event *ev;
	bool rescan = false, gone = false;
	ssize_t n;
	char *p;

	(void)status, (void)events;
	while ((n = read(src->fd, buf, sizeof(buf))) > 0) {
		for (p = buf; p < buf + n; p += sizeof(*ev) + ev->len) {
			ev = (const struct inotify_event *)p;
			gone |= on_event(src, ev, &rescan);
		}
	}
	if (rescan)
		source_files_scan(src);
	else
		source_files_load(src);
	/* files whose directory has gone are not gone, as far as anybody said */
	if (gone)
		lose_directory(src);
	else
		wait_for_missing(src);
	tell(src);
}

/* ---------------------------------------------------------------- life time */

static struct source_dir *of(const struct source *base)
{
	return (struct source_dir *)base;
}

static struct source_dir *new_source(const struct source_ctx *ctx, const char *path)
{
	struct source_dir *src = calloc(1, sizeof(*src));

	if (!src)
		return NULL;
	src->ctx = *ctx;
	src->fd = src->watch = -1;
	src->report = source_log_diag;
	src->path = strdup(path);
	if (!src->path) {
		free(src);
		return NULL;
	}
	return src;
}

static void free_source(struct source_dir *src)
{
	source_files_free(src);
	if (src->fd >= 0)
		close(src->fd);
	source_keep_close(src->keep);
	free(src->path);
	free(src);
}

static void on_close(uv_handle_t *handle)
{
	struct source_dir *src = handle->data;

	if (!--src->handles)
		free_source(src);
}

static void close_source(struct source *base)
{
	struct source_dir *src = of(base);

	uv_close((uv_handle_t *)&src->retry, on_close);
	uv_close((uv_handle_t *)&src->vanish, on_close);
	uv_close((uv_handle_t *)&src->poll, on_close);
}

static void rescan(struct source *base)
{
	struct source_dir *src = of(base);
	struct source_file *f, *next;

	source_files_scan(src);
	for (f = src->files; f; f = next) {
		next = f->next;
		if (f->missing)
			source_file_forget(src, f);
	}
	source_files_load(src);
	tell(src);
}

static const char *waiting(const struct source *base, char *buf, size_t len)
{
	(void)base, (void)buf, (void)len;
	return NULL;			/* what there is was read before opening returned */
}

static json_t *status(const struct source *base)
{
	const struct source_dir *src = of(base);

	return json_pack("{s:s, s:s, s:b, s:b, s:f, s:[]}", "kind", "directory", "from", src->path,
			 "synced", true, "answering", src->watch >= 0, "lostSeconds", 0.0, "kinds");
}

static const struct source_ops ops = {
	.waiting = waiting,
	.rescan = rescan,
	.status = status,
	.close = close_source,
};

int source_dir_open(const struct source_ctx *ctx, const char *path, struct source **out)
{
	struct source_dir *src = new_source(ctx, path);
	int err;

	if (!src)
		return -ENOMEM;
	src->src.ops = &ops;
	if (ctx->state_dir) {
		err = source_keep_open(ctx->state_dir, &src->keep);
		if (err) {
			log_error("%s: %s", ctx->state_dir, strerror(-err));
			free_source(src);
			return err;
		}
	}
	src->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (src->fd < 0) {
		err = -errno;
		free_source(src);
		return err;
	}
	src->retry.data = src->vanish.data = src->poll.data = src;
	err = uv_poll_init(ctx->loop, &src->poll, src->fd);
	if (err) {
		free_source(src);
		return err;
	}
	uv_timer_init(ctx->loop, &src->retry);
	uv_timer_init(ctx->loop, &src->vanish);
	src->handles = 3;
	uv_poll_start(&src->poll, UV_READABLE, on_readable);
	if (watch(src)) {
		if (!source_files_scan(src))
			source_keep_each(src->keep, keep_name, src);
	} else {
		log_warning("%s: %s; waiting for it", src->path, strerror(errno));
		source_keep_each(src->keep, recall_name, src);
	}
	src->changed = false;
	*out = &src->src;
	return 0;
}

/* ------------------------------------------------------------------- check */

struct check {
	void (*report)(void *arg, const struct diag *diag);
	void *arg;
	int errors;
};

static void on_check(void *arg, const struct diag *diag)
{
	struct check *c = arg;

	c->errors += diag->level == DIAG_ERROR;
	c->report(c->arg, diag);
}

int source_dir_check(const char *path, void (*report)(void *arg, const struct diag *diag),
		     void *arg)
{
	struct source_ctx ctx = {};
	struct check check = { report, arg, 0 };
	struct source_dir *src;
	int err;

	err = policy_new(NULL, "check", &ctx.pol);
	if (err)
		return err;
	src = new_source(&ctx, path);
	if (!src) {
		policy_free(ctx.pol);
		return -ENOMEM;
	}
	src->report = on_check;
	src->report_arg = &check;
	err = source_files_scan(src);
	free_source(src);
	policy_free(ctx.pol);
	return err ? err : check.errors;
}
