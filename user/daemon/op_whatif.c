// SPDX-License-Identifier: GPL-2.0
/* The request `whatif`: manifests in, and in a child what they would change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/child.h"
#include "daemon/daemon.h"
#include "daemon/manifest.h"
#include "daemon/whatif.h"

#define WHATIFS_MAX	4	/* at a time: each has a processor and a copy of the model */

struct whatif_op {
	struct daemon *d;
	struct client *client;
	json_t *files;			/* checked */
	bool delete;
	struct child *child;
};

/* ------------------------------------------------------------------ in the child */

struct reading {
	struct whatif *w;
	bool delete;
};

static int take(void *arg, struct manifest_item *item)
{
	const struct reading *r = arg;

	if (!item->obj && item->diag.level != DIAG_ERROR)
		return 0;
	/* to go, an object need not be right: its name is enough */
	if (r->delete && item->id.kind >= 0 && item->id.name[0]) {
		object_free(item->obj);
		return whatif_delete(r->w, &item->id);
	}
	if (!item->obj)
		return whatif_refuse(r->w, &item->id, &item->diag);
	return whatif_apply(r->w, item->obj);
}

static int read_files(const struct whatif_op *op, struct whatif *w)
{
	const struct object_id nobody = { .kind = -1 };
	struct reading r = { w, op->delete };
	struct diag diag;
	json_t *f, *text;
	size_t i;
	int err;

	json_array_foreach(op->files, i, f) {
		text = json_object_get(f, "text");
		diag = (struct diag){};
		err = manifest_parse(json_string_value(json_object_get(f, "name")),
				     json_string_value(text), json_string_length(text), take, &r,
				     &diag);
		if (err == -EINVAL)
			err = whatif_refuse(w, &nobody, &diag);
		if (err)
			return err;
	}
	return 0;
}

static int take_flow(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half)
{
	(void)half;
	return whatif_flow(arg, key, flow);
}

static char *work(void *arg)
{
	const struct whatif_op *op = arg;
	struct request_error err = { .code = REQUEST_OK };
	struct whatif *w = NULL;
	json_t *result = NULL;
	int e;

	e = whatif_new(op->d->pol, &w);
	if (!e)
		e = read_files(op, w);
	if (!e)
		e = whatif_compare(w);
	if (!e)
		e = sluice_flow_each(op->d->sl, take_flow, w);
	if (!e)
		result = whatif_json(w);
	if (!result)
		request_fail(&err, REQUEST_INTERNAL, "%s", strerror(e ? -e : ENOMEM));
	/* the process ends here, and all that it has with it */
	return request_answer(result, &err);
}

/* ----------------------------------------------------------------- in the daemon */

static void free_op(struct whatif_op *op)
{
	op->d->nwhatifs--;
	json_decref(op->files);
	free(op);
}

static void done(void *arg, char *answer, const char *why)
{
	struct whatif_op *op = arg;
	struct request_error err;

	if (!answer) {
		request_fail(&err, REQUEST_INTERNAL, "no answer: %s", why);
		answer = request_answer(NULL, &err);
	}
	client_answer(op->client, answer);
	free_op(op);
}

static void gone(void *arg)
{
	struct whatif_op *op = arg;

	child_cancel(op->child);
	free_op(op);
}

static const struct child_ops ops = { work, done };

/* Each is {"name": …, "text": …}. */
static bool files_are_right(json_t *files, struct request_error *err)
{
	const char *name, *text;
	json_error_t je;
	json_t *f;
	size_t i;

	if (!json_array_size(files)) {
		request_fail(err, REQUEST_BAD, "args: files is no array, or empty");
		return false;
	}
	json_array_foreach(files, i, f) {
		if (!json_unpack_ex(f, &je, 0, "{s:s, s:s !}", "name", &name, "text", &text))
			continue;
		request_fail(err, REQUEST_BAD, "args: files[%zu]: %s", i, je.text);
		return false;
	}
	return true;
}

json_t *daemon_whatif(struct daemon *d, struct client *client, json_t *args,
		      struct request_error *err)
{
	int delete = 0, e;
	char buf[512];
	json_error_t je;
	json_t *files;
	struct whatif_op *op;

	if (json_unpack_ex(args, &je, 0, "{s:o, s?b !}", "files", &files, "delete", &delete))
		return request_fail(err, REQUEST_BAD, "args: %s", je.text);
	if (!files_are_right(files, err))
		return NULL;
	/* what is not known yet would be told as what is created */
	if (d->source->ops->waiting(d->source, buf, sizeof(buf)))
		return request_fail(err, REQUEST_NOT_READY, "%s", buf);
	if (d->nwhatifs >= WHATIFS_MAX)
		return request_fail(err, REQUEST_EXHAUSTED, "%u of these are under way",
				    d->nwhatifs);
	op = calloc(1, sizeof(*op));
	if (!op)
		return request_fail(err, REQUEST_INTERNAL, "out of memory");
	*op = (struct whatif_op){ d, client, json_incref(files), delete, NULL };
	d->nwhatifs++;
	e = child_new(&d->loop, &ops, op, &op->child);
	if (e) {
		free_op(op);
		return request_fail(err, REQUEST_INTERNAL, "fork: %s", strerror(-e));
	}
	client_defer(client, gone, op);
	return NULL;
}
