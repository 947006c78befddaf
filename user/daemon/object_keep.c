// SPDX-License-Identifier: GPL-2.0
/* See object_keep.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/file.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/manifest.h"
#include "daemon/object_json.h"
#include "daemon/object_keep.h"

struct object_keep {
	uv_timer_t timer;		/* runs while there is something to write */
	json_t *items;			/* "NetworkPolicy/ns/name" to the manifest */
	int dir;
	int write_err;			/* the last one told */
	char path[PATH_MAX];		/* of the file, for people */
};

/* Kind, namespace and name, none of which has a slash. */
#define KEY_MAX (sizeof(struct object_id) + 32)

static const char *make_key(int kind, const char *ns, const char *name, char buf[KEY_MAX])
{
	snprintf(buf, KEY_MAX, "%s/%s/%s", object_kind_name(kind), ns, name);
	return buf;
}

/* ------------------------------------------------------------------ writing */

static int write_items(struct object_keep *keep)
{
	json_t *items = json_array(), *list, *v;
	const char *key;
	char *text;
	int err;

	if (!json_object_size(keep->items)) {
		json_decref(items);
		return file_remove(keep->dir, OBJECT_KEEP_FILE);
	}
	json_object_foreach(keep->items, key, v)
		json_array_append(items, v);
	list = json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "List", "items", items);
	text = list && json_array_size(items) == json_object_size(keep->items) ?
		       json_dumps(list, JSON_INDENT(1)) : NULL;
	err = text ? file_write(keep->dir, OBJECT_KEEP_FILE, text, strlen(text), true) : -ENOMEM;
	free(text);
	json_decref(list);
	return err;
}

static void write_now(struct object_keep *keep)
{
	int err = write_items(keep);

	uv_timer_stop(&keep->timer);
	if (err && err != keep->write_err)
		log_warning("%s: last good versions are not kept: %s", keep->path, strerror(-err));
	keep->write_err = err;
}

static void on_timer(uv_timer_t *timer)
{
	write_now(timer->data);
}

static void write_soon(struct object_keep *keep)
{
	if (!uv_is_active((uv_handle_t *)&keep->timer))
		uv_timer_start(&keep->timer, on_timer, OBJECT_KEEP_MS, 0);
}

/* ------------------------------------------------------------------ objects */

void object_keep_put(struct object_keep *keep, const struct object_id *id, json_t *manifest)
{
	char key[KEY_MAX];

	if (!keep) {
		json_decref(manifest);
		return;
	}
	make_key(id->kind, id->ns, id->name, key);
	if (manifest && json_equal(json_object_get(keep->items, key), manifest)) {
		json_decref(manifest);
		return;
	}
	if (json_object_set_new(keep->items, key, manifest))
		log_warning("%s: %s is not kept: out of memory", keep->path, key);
	else
		write_soon(keep);
}

void object_keep_drop(struct object_keep *keep, int kind, const char *ns, const char *name)
{
	char key[KEY_MAX];

	if (keep && json_object_size(keep->items) &&
	    !json_object_del(keep->items, make_key(kind, ns, name, key)))
		write_soon(keep);
}

/* ------------------------------------------------------------------ reading */

struct reading {
	struct object_keep *keep;
	int (*cb)(void *arg, struct object *obj);
	void *arg;
	unsigned int wrong;
	struct diag first;		/* what is wrong with the first of those */
};

static int take_item(void *arg, struct manifest_item *item)
{
	struct reading *r = arg;
	char key[KEY_MAX];
	int err;

	if (!item->obj) {
		if (!r->wrong++)
			r->first = item->diag;
		return 0;
	}
	make_key(item->id.kind, item->id.ns, item->id.name, key);
	err = json_object_set_new(r->keep->items, key, object_json(item->obj)) ? -ENOMEM : 0;
	if (err)
		object_free(item->obj);
	else if (r->cb(r->arg, item->obj))
		json_object_del(r->keep->items, key);
	return err;
}

static void warn(const struct diag *diag, unsigned int wrong)
{
	char why[1200], many[16] = "";

	diag_format(diag, why, sizeof(why));
	if (wrong)
		snprintf(many, sizeof(many), "%u of ", wrong);
	log_warning("%s; %sthe last good versions kept there are lost", why, many);
}

static int read_items(struct reading *r)
{
	struct object_keep *keep = r->keep;
	struct diag diag;
	char *text;
	size_t len;
	int err = file_read(keep->dir, OBJECT_KEEP_FILE, TREE_MAX_BYTES, &text, &len);

	if (err == -ENOENT)
		return 0;
	if (err) {
		log_warning("%s: %s; the last good versions kept there are lost", keep->path,
			    strerror(-err));
		return err == -ENOMEM ? err : 0;
	}
	err = manifest_parse_json(keep->path, text, len, take_item, r, &diag);
	free(text);
	if (err == -EINVAL)
		warn(&diag, 0);
	else if (!err && r->wrong)
		warn(&r->first, r->wrong);
	return err == -EINVAL ? 0 : err;
}

/* ---------------------------------------------------------------- life time */

static void free_keep(struct object_keep *keep)
{
	json_decref(keep->items);
	if (keep->dir >= 0)
		close(keep->dir);
	free(keep);
}

static int open_dir(struct object_keep *keep, const char *state_dir)
{
	int err;

	if ((size_t)snprintf(keep->path, sizeof(keep->path), "%s/%s", state_dir,
			     OBJECT_KEEP_FILE) >= sizeof(keep->path))
		return -ENAMETOOLONG;
	err = file_mkdir(state_dir, 0700);
	if (err)
		return err;
	keep->dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return keep->dir < 0 ? -errno : 0;
}

int object_keep_open(uv_loop_t *loop, const char *state_dir,
		     int (*cb)(void *arg, struct object *obj), void *arg,
		     struct object_keep **out)
{
	struct object_keep *keep = calloc(1, sizeof(*keep));
	struct reading r = { .keep = keep, .cb = cb, .arg = arg };
	int err;

	if (!keep)
		return -ENOMEM;
	keep->dir = -1;
	keep->items = json_object();
	err = keep->items ? open_dir(keep, state_dir) : -ENOMEM;
	if (!err)
		err = read_items(&r);
	if (err) {
		free_keep(keep);
		return err;
	}
	uv_timer_init(loop, &keep->timer);
	keep->timer.data = keep;
	*out = keep;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free_keep(handle->data);
}

void object_keep_close(struct object_keep *keep)
{
	if (!keep)
		return;
	if (uv_is_active((uv_handle_t *)&keep->timer))
		write_now(keep);
	uv_close((uv_handle_t *)&keep->timer, on_closed);
}
