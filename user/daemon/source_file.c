// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a manifest directory and what they define; see source_dir.h.
 *
 * Which object a file defines is remembered, so that an object that is wrong
 * now stays what it was, one that is gone from its file goes, and of two
 * files with the same object the first by name has it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/manifest.h"
#include "daemon/source_dir_impl.h"
#include "daemon/source_keep.h"

/* -------------------------------------------------------------- complaints */

void source_log_diag(void *arg, const struct diag *diag)
{
	char text[1200];

	(void)arg;
	diag_format(diag, text, sizeof(text));
	if (diag->level == DIAG_NOTE)
		log_info("%s", text);
	else if (diag->level == DIAG_WARNING)
		log_warning("%s", text);
	else
		log_error("refused: %s", text);
}

static void complain(struct source_dir *src, const struct object_id *id, const struct diag *diag)
{
	src->report(src->report_arg, diag);
	if (diag->level == DIAG_ERROR)
		policy_object_refuse(src->ctx.pol, id, diag);
}

static void complain_file(struct source_dir *src, const struct source_file *f, int err)
{
	const struct object_id nobody = { .kind = -1 };
	struct diag d = { .level = DIAG_ERROR };

	snprintf(d.file, sizeof(d.file), "%s", f->path);
	snprintf(d.text, sizeof(d.text), "cannot be read: %s",
		 err == -EINVAL ? "not a regular file" : strerror(-err));
	complain(src, &nobody, &d);
}

/* ----------------------------------------------------------------- entries */

static uint64_t id_hash(int kind, const char *ns, const char *name)
{
	return hash_str(hash_str(kind, ns), name);
}

static bool entry_is(const struct entry *e, int kind, const char *ns, const char *name)
{
	return e->kind == kind && !strcmp(e->ns->s, ns) && !strcmp(e->name->s, name);
}

/* The next one of this id after @n, or with NULL the first. */
static struct entry *find_entry(const struct source_dir *src, const struct hnode *n, int kind,
				const char *ns, const char *name)
{
	struct hnode *e = n ? htab_next(n) : htab_first(&src->entries, id_hash(kind, ns, name));

	for (; e; e = htab_next(e))
		if (entry_is(container_of(e, struct entry, node), kind, ns, name))
			return container_of(e, struct entry, node);
	return NULL;
}

#define each_entry(src, e, id)                                                             \
	for (e = find_entry(src, NULL, (id)->kind, (id)->ns, (id)->name); e;               \
	     e = find_entry(src, &e->node, (id)->kind, (id)->ns, (id)->name))

static struct entry *add_entry(struct source_dir *src, struct source_file *f,
			       const struct object_id *id)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->kind = id->kind;
	e->ns = str_get(id->ns, strlen(id->ns));
	e->name = str_get(id->name, strlen(id->name));
	if (!e->ns || !e->name ||
	    htab_add(&src->entries, &e->node, id_hash(id->kind, id->ns, id->name))) {
		str_put(e->ns);
		str_put(e->name);
		free(e);
		return NULL;
	}
	e->file = f;
	e->next = f->entries;
	f->entries = e;
	return e;
}

static void free_entry(struct source_dir *src, struct entry *e)
{
	htab_del(&src->entries, &e->node);
	str_put(e->ns);
	str_put(e->name);
	free(e);
}

/* Another file that defines the same comes into its own when it is read again. */
static void drop_entry(struct source_dir *src, struct entry *e)
{
	struct entry *other;

	for (other = find_entry(src, NULL, e->kind, e->ns->s, e->name->s); other && !e->shadowed;
	     other = find_entry(src, &other->node, e->kind, e->ns->s, e->name->s))
		if (other != e)
			other->file->dirty = true;
	if (!e->shadowed) {
		policy_object_delete(src->ctx.pol, e->kind, e->ns->s, e->name->s);
		src->changed = true;
	}
	free_entry(src, e);
}

/* ------------------------------------------------------------------- files */

bool source_is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

struct source_file *source_file_get(struct source_dir *src, const char *name)
{
	struct source_file **link = &src->files, *f;

	while (*link && strcmp((*link)->name, name) < 0)
		link = &(*link)->next;
	if (*link && !strcmp((*link)->name, name))
		return *link;
	f = calloc(1, sizeof(*f) + strlen(name) + 1);
	if (!f || asprintf(&f->path, "%s/%s", src->path, name) < 0) {
		free(f);
		return NULL;
	}
	strcpy(f->name, name);
	f->next = *link;
	*link = f;
	return f;
}

void source_file_forget(struct source_dir *src, struct source_file *f)
{
	struct source_file **link = &src->files;
	struct entry *e;

	while ((e = f->entries)) {
		f->entries = e->next;
		drop_entry(src, e);
	}
	policy_refusals_forget(src->ctx.pol, f->path);
	source_keep_drop(src->keep, f->name);
	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	free(f->path);
	free(f);
}

static int read_fd(int fd, char **out, size_t *len)
{
	size_t cap = 0, n = 0;
	char *buf = NULL, *more;
	struct stat st;
	ssize_t got = 1;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while (got && n <= TREE_MAX_BYTES) {
		/* one byte more than it should be, to see the end without growing */
		cap = cap ? cap * 2 : (size_t)st.st_size + 1 < TREE_MAX_BYTES ?
					      (size_t)st.st_size + 1 : TREE_MAX_BYTES + 1;
		more = realloc(buf, cap);
		if (!more) {
			free(buf);
			return -ENOMEM;
		}
		buf = more;
		while (n < cap && (got = read(fd, buf + n, cap - n)) > 0)
			n += got;
		if (got < 0) {
			free(buf);
			return -errno;
		}
	}
	*out = buf;
	*len = n;
	return 0;
}

static int read_file(struct source_dir *src, struct source_file *f, char **out, size_t *len)
{
	struct stat st;
	int dir, fd, err;

	dir = open(src->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	f->link = !fstatat(dir, f->name, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode);
	/* a FIFO or a device of that name must not hold the daemon up */
	fd = openat(dir, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	err = fd < 0 ? -errno : read_fd(fd, out, len);
	if (fd >= 0)
		close(fd);
	close(dir);
	return err;
}

/* ----------------------------------------------------------------- reading */

struct loaded {
	struct loaded *next;
	struct manifest_item item;
};

struct loading {
	struct loaded *first, **last;
};

static int on_item(void *arg, struct manifest_item *item)
{
	struct loading *l = arg;
	struct loaded *n = malloc(sizeof(*n));

	if (!n) {
		object_free(item->obj);
		return -ENOMEM;
	}
	n->next = NULL;
	n->item = *item;
	*l->last = n;
	l->last = &n->next;
	return 0;
}

static void free_loading(struct loading *l)
{
	struct loaded *n;

	while ((n = l->first)) {
		l->first = n->next;
		object_free(n->item.obj);
		free(n);
	}
}

static void refuse_double(struct source_dir *src, const struct object_id *id,
			  const struct source_file *loser, unsigned int line,
			  const struct source_file *winner)
{
	struct diag d = { .level = DIAG_ERROR, .line = line, .column = line ? 1 : 0 };

	snprintf(d.file, sizeof(d.file), "%s", loser->path);
	snprintf(d.text, sizeof(d.text), "%s %s%s%.150s is defined already in %.200s: that one counts",
		 object_kind_name(id->kind), id->ns, id->ns[0] ? "/" : "", id->name,
		 loser == winner ? "this file" : winner->path);
	complain(src, id, &d);
}

/*
 * Whether @f's is the one that counts. It takes the object over from files
 * that come after it, and yields to one that comes before.
 */
static bool takes(struct source_dir *src, struct source_file *f, const struct object *obj,
		  const struct object_id *id, struct entry *own)
{
	struct entry *e;

	each_entry(src, e, id) {
		if (e == own || e->shadowed)
			continue;
		/* as likely as not it has been renamed, and this is it */
		if (e->file->missing) {
			e->shadowed = true;
			continue;
		}
		if (e->file == f || strcmp(e->file->name, f->name) < 0) {
			refuse_double(src, id, f, obj->line, e->file);
			return false;
		}
		e->shadowed = true;
		refuse_double(src, id, e->file, 0, f);
	}
	return true;
}

static int take_object(struct source_dir *src, struct source_file *f, struct manifest_item *item)
{
	struct entry *e, *own = NULL;
	struct diag diag;
	int err;

	each_entry(src, e, &item->id)
		if (e->file == f)
			own = e;
	if (own && !own->stale) {
		refuse_double(src, &item->id, f, item->obj->line, f);
		return 0;
	}
	if (!own)
		own = add_entry(src, f, &item->id);
	if (!own)
		return -ENOMEM;
	own->stale = false;
	own->shadowed = !takes(src, f, item->obj, &item->id, own);
	if (own->shadowed)
		return 0;
	if (item->diag.text[0])
		src->report(src->report_arg, &item->diag);
	err = policy_object_apply(src->ctx.pol, item->obj, &diag);
	item->obj = NULL;
	src->changed = true;
	return err;
}

/*
 * A wrong object keeps its last good version: the entry it had is met again.
 * One that sluice has no use for has none.
 */
static void keep_object(struct source_dir *src, struct source_file *f, struct manifest_item *item)
{
	struct entry *e;

	each_entry(src, e, &item->id)
		if (e->file == f && item->diag.level == DIAG_ERROR)
			e->stale = false;
	complain(src, &item->id, &item->diag);
}

static void drop_stale(struct source_dir *src, struct source_file *f)
{
	struct entry **link = &f->entries, *e;

	while ((e = *link)) {
		if (!e->stale) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		drop_entry(src, e);
	}
}

static int take_items(struct source_dir *src, struct source_file *f, struct loading *l)
{
	bool nameless = false;
	struct loaded *n;
	struct entry *e;
	int err = 0;

	for (e = f->entries; e; e = e->next)
		e->stale = true;
	for (n = l->first; !err && n; n = n->next) {
		if (n->item.obj) {
			err = take_object(src, f, &n->item);
		} else {
			keep_object(src, f, &n->item);
			nameless |= n->item.diag.level == DIAG_ERROR &&
				    (n->item.id.kind < 0 || !n->item.id.name[0]);
		}
	}
	/* a wrong object without a name could be any of those that seem to be gone */
	if (!err && !nameless)
		drop_stale(src, f);
	return err;
}

static bool is_good(const struct loading *l)
{
	const struct loaded *n;

	for (n = l->first; n; n = n->next)
		if (!n->item.obj && n->item.diag.level == DIAG_ERROR)
			return false;
	return true;
}

/*
 * Wrong when first seen: what an earlier daemon knew it to say comes first, so
 * that the wrong version meets a last good one like any other.
 */
void source_file_recall(struct source_dir *src, struct source_file *f)
{
	struct loading l = { .last = &l.first };
	struct diag diag;
	char *text;
	size_t len;

	if (f->known)
		return;
	f->known = true;
	if (source_keep_load(src->keep, f->name, &text, &len))
		return;
	if (!manifest_parse(f->path, text, len, on_item, &l, &diag)) {
		log_warning("%s: its last good version is in force", f->path);
		take_items(src, f, &l);
	}
	free(text);
	free_loading(&l);
}

static void load_file(struct source_dir *src, struct source_file *f)
{
	const struct object_id nobody = { .kind = -1 };
	struct loading l = { .last = &l.first };
	struct diag diag;
	char *text = NULL;
	size_t len = 0;
	int err;

	f->dirty = false;
	err = read_file(src, f, &text, &len);
	if (err == -ENOENT) {
		if (!f->missing)
			f->missing_ms = src->ctx.loop ? uv_now(src->ctx.loop) : 0;
		f->missing = true;
		return;
	}
	f->missing = false;
	policy_refusals_forget(src->ctx.pol, f->path);
	if (err) {
		source_file_recall(src, f);
		complain_file(src, f, err);
		return;
	}
	err = manifest_parse(f->path, text, len, on_item, &l, &diag);
	if (err || !is_good(&l)) {
		source_file_recall(src, f);
	} else {
		f->known = true;
		source_keep_save(src->keep, f->name, text, len);
	}
	free(text);
	if (err == -EINVAL)
		/* none of it counts: what the file said before stays in force */
		complain(src, &nobody, &diag);
	else if (!err)
		err = take_items(src, f, &l);
	if (err && err != -EINVAL)
		complain_file(src, f, err);
	free_loading(&l);
}

/* In the order of names, so that the first to define an object has it. */
void source_files_load(struct source_dir *src)
{
	struct source_file *f;
	bool again = true;

	while (again) {
		again = false;
		for (f = src->files; f; f = f->next) {
			if (!f->dirty)
				continue;
			load_file(src, f);
			again = true;
		}
	}
}

int source_files_scan(struct source_dir *src)
{
	struct source_file *f;
	struct dirent *de;
	DIR *dir = opendir(src->path);

	if (!dir)
		return -errno;
	for (f = src->files; f; f = f->next)
		f->dirty = true;
	while ((de = readdir(dir))) {
		f = source_is_manifest(de->d_name) ? source_file_get(src, de->d_name) : NULL;
		if (f)
			f->dirty = true;
	}
	closedir(dir);
	source_files_load(src);
	return 0;
}

/* Of the directory only: what the files said stays in force. */
void source_files_free(struct source_dir *src)
{
	struct source_file *f;
	struct entry *e;

	while ((f = src->files)) {
		src->files = f->next;
		while ((e = f->entries)) {
			f->entries = e->next;
			free_entry(src, e);
		}
		free(f->path);
		free(f);
	}
	htab_exit(&src->entries);
}
