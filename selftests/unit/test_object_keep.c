// SPDX-License-Identifier: GPL-2.0
/* The file of last good versions, from one daemon to the next. */
#include "unit.h"
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/object_json.h"
#include "daemon/object_keep.h"
#include "manifestcase.h"

#define CNP "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\n"
#define NETPOL "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"

struct fixture {
	char dir[64];
	uv_loop_t loop;
	struct object_keep *keep;
	struct object *known[MAX_ITEMS];
	int n;
	bool refuse;			/* what is read */
};

static int know(void *arg, struct object *obj)
{
	struct fixture *f = arg;

	if (f->refuse) {
		object_free(obj);
		return -1;
	}
	assert_true(f->n < MAX_ITEMS);
	f->known[f->n++] = obj;
	return 0;
}

static void forget(struct fixture *f)
{
	while (f->n)
		object_free(f->known[--f->n]);
}

static void start(struct fixture *f)
{
	assert_int_equal(object_keep_open(&f->loop, f->dir, know, f, &f->keep), 0);
}

static void stop(struct fixture *f)
{
	object_keep_close(f->keep);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	f->keep = NULL;
}

/* As a daemon that is killed: what it was about to write is not written. */
static void die(struct fixture *f)
{
	char path[128], aside[128];
	bool there;

	snprintf(path, sizeof(path), "%s/" OBJECT_KEEP_FILE, f->dir);
	snprintf(aside, sizeof(aside), "%s/aside", f->dir);
	there = !rename(path, aside);
	stop(f);
	unlink(path);
	if (there)
		assert_int_equal(rename(aside, path), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/keep-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	uv_loop_init(&f->loop);
	log_set_level(LOG_LEVEL_ERROR);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->keep)
		stop(f);
	forget(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	nftw(f->dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static bool stat_file(const struct fixture *f, struct stat *st)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" OBJECT_KEEP_FILE, f->dir);
	return !stat(path, st);
}

static void put_file(const struct fixture *f, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/" OBJECT_KEEP_FILE, f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void put(struct fixture *f, const char *manifest)
{
	struct result r;

	parse(manifest, &r);
	assert_non_null(r.item[0].obj);
	object_keep_put(f->keep, &r.item[0].id, object_json(r.item[0].obj));
	release(&r);
}

/* Lets the loop do what it has to do. */
static void run(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void keeps_what_was_good(void **state)
{
	struct fixture *f = *state;
	struct result r;
	struct stat st;

	start(f);
	assert_false(stat_file(f, &st));
	put(f, NETPOL "spec: {podSelector: {matchLabels: {v: '1'}}}\n");
	put(f, CNP "spec: {tier: Admin, priority: 0, subject: {namespaces: {}}}\n");
	/* a later one of the same name is the last good one */
	put(f, NETPOL "spec: {podSelector: {matchLabels: {v: '2'}}}\n");
	run(f);
	assert_true(stat_file(f, &st));
	assert_int_equal(st.st_mode & 07777, 0600);
	die(f);
	start(f);
	assert_int_equal(f->n, 2);
	only(&r, NETPOL "spec: {podSelector: {matchLabels: {v: '2'}}}\n", OBJECT_NETPOL);
	assert_true(object_equal(f->known[f->known[0]->kind == OBJECT_CNP], r.item[0].obj));
	release(&r);
}

static void writes_when_it_is_closed(void **state)
{
	struct fixture *f = *state;

	start(f);
	put(f, NETPOL "spec: {podSelector: {}}\n");
	stop(f);
	start(f);
	assert_int_equal(f->n, 1);
}

static void drops_what_is_good_or_gone(void **state)
{
	struct fixture *f = *state;
	struct stat st, again;

	start(f);
	object_keep_drop(f->keep, OBJECT_NETPOL, "shop", "p");
	put(f, NETPOL "spec: {podSelector: {}}\n");
	put(f, CNP "spec: {tier: Admin, priority: 0, subject: {namespaces: {}}}\n");
	run(f);
	assert_true(stat_file(f, &st));
	/* neither of these is there, and what is there already is not written again */
	object_keep_drop(f->keep, OBJECT_NETPOL, "other", "p");
	object_keep_drop(f->keep, OBJECT_CNP, "", "d");
	put(f, NETPOL "spec: {podSelector: {}}\n");
	run(f);
	assert_true(stat_file(f, &again));
	assert_true(st.st_ino == again.st_ino);
	object_keep_drop(f->keep, OBJECT_CNP, "", "c");
	run(f);
	stop(f);
	start(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->known[0]->kind, OBJECT_NETPOL);
	/* what an earlier one kept is dropped like any other, and nothing is left of nothing */
	object_keep_drop(f->keep, OBJECT_NETPOL, "shop", "p");
	run(f);
	assert_false(stat_file(f, &st));
}

#define ITEM(name) "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"" name "\"}}"

static void a_damaged_file_is_as_good_as_none(void **state)
{
	static const struct {
		const char *text;
		int kept;
	} list[] = {
		{ "", 0 },
		{ "{\"kind\":\"List\",\"items\":[" ITEM("a"), 0 },
		{ "kind: List\nitems: []\n", 0 },
		{ "7", 0 },
		{ "[]", 0 },
		{ "{\"kind\":\"List\",\"items\":7}", 0 },
		{ "{\"kind\":\"List\",\"items\":[" ITEM("a") ",7," ITEM("B") "," ITEM("c") "]}", 2 },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		put_file(f, list[i].text);
		start(f);
		assert_int_equal(f->n, list[i].kept);
		forget(f);
		/* and the next one reads what is written after it */
		put(f, NETPOL "spec: {podSelector: {}}\n");
		stop(f);
		start(f);
		assert_int_equal(f->n, list[i].kept + 1);
		forget(f);
		stop(f);
	}
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct fixture *f = *state;
	char path[128], other[128];

	snprintf(path, sizeof(path), "%s/" OBJECT_KEEP_FILE, f->dir);
	snprintf(other, sizeof(other), "%s/other", f->dir);
	put_file(f, ITEM("a"));
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink("other", path), 0);
	start(f);
	assert_int_equal(f->n, 0);
	put(f, NETPOL "spec: {podSelector: {}}\n");
	stop(f);
	unlink(path);
	assert_int_equal(rename(other, path), 0);
	start(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->known[0]->kind, OBJECT_NAMESPACE);
}

static void what_nobody_takes_is_not_kept_on(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	put_file(f, ITEM("a"));
	f->refuse = true;
	start(f);
	put(f, NETPOL "spec: {podSelector: {}}\n");
	object_keep_drop(f->keep, OBJECT_NETPOL, "shop", "p");
	stop(f);
	assert_false(stat_file(f, &st));
}

#define KEEP(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEEP(keeps_what_was_good),
		KEEP(writes_when_it_is_closed),
		KEEP(drops_what_is_good_or_gone),
		KEEP(a_damaged_file_is_as_good_as_none),
		KEEP(a_link_in_its_place_is_not_followed),
		KEEP(what_nobody_takes_is_not_kept_on),
	};

	return unit_run(tests, NULL, NULL);
}
