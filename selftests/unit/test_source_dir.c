// SPDX-License-Identifier: GPL-2.0
/*
 * The manifest directory: what is in it is in force, whatever way it came
 * there; what is wrong keeps its last good version and touches nothing else.
 * Waits are for events, with a deadline.
 */
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include "common/log.h"
#include "daemon/policy_impl.h"
#include "daemon/source_dir.h"

#define DEADLINE_MS 10000

struct fixture {
	char dir[64];
	uv_loop_t loop;
	uv_timer_t tick;
	struct policy *pol;
	struct source *src;
	int changes;
};

static const char good[] = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			   "metadata: {name: %s, namespace: shop}\nspec: {podSelector: {matchLabels: {v: \"%s\"}}}\n";
static const char wrong[] = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			    "metadata: {name: %s, namespace: shop}\nspec: {podSelektor: {}}\n";

static void on_changed(void *arg)
{
	((struct fixture *)arg)->changes++;
}

static void path_of(const struct fixture *f, const char *name, char *buf, size_t len)
{
	snprintf(buf, len, "%s/%s", f->dir, name);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	path_of(f, name, path, sizeof(path));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void put_policy(const struct fixture *f, const char *file, const char *name, const char *v)
{
	char text[512];

	snprintf(text, sizeof(text), good, name, v);
	put(f, file, text);
}

static void put_wrong(const struct fixture *f, const char *file, const char *name)
{
	char text[512];

	snprintf(text, sizeof(text), wrong, name);
	put(f, file, text);
}

static void take_away(const struct fixture *f, const char *name)
{
	char path[256];

	path_of(f, name, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
}

static void move(const struct fixture *f, const char *from, const char *to)
{
	char a[256], b[256];

	path_of(f, from, a, sizeof(a));
	path_of(f, to, b, sizeof(b));
	assert_int_equal(rename(a, b), 0);
}

/* The label value that policy @name of shop selects by; "": there is none. */
static const char *selected(struct fixture *f, const char *name)
{
	const struct model_netpol *np = model_netpol_find(&f->pol->model, "shop", name);

	return np ? np->obj->subject->req[0].values[0]->s : "";
}

static unsigned int rejected(struct fixture *f)
{
	struct policy_stats st;

	policy_get_stats(f->pol, &st);
	return st.rejected;
}

static void on_tick(uv_timer_t *t)
{
	(void)t;
}

/* Lets the loop run until policy @name is @v and @nrejected are refused. */
static void wait_for(struct fixture *f, const char *name, const char *v, unsigned int nrejected)
{
	uint64_t end = uv_hrtime() / 1000000 + DEADLINE_MS;

	uv_timer_start(&f->tick, on_tick, 10, 10);
	while (strcmp(selected(f, name), v) || rejected(f) != nrejected) {
		if (uv_hrtime() / 1000000 > end)
			fail_msg("%s is \"%s\", not \"%s\"; %u refused, not %u", name,
				 selected(f, name), v, rejected(f), nrejected);
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	uv_timer_stop(&f->tick);
}

/* Everything that the kernel has to tell has been told once this file's event is through. */
static void settle(struct fixture *f)
{
	static int n;
	char v[16];

	snprintf(v, sizeof(v), "s%d", n++);
	put_policy(f, "zz-settle.yaml", "settle", v);
	wait_for(f, "settle", v, rejected(f));
}

static void open_source(struct fixture *f)
{
	const struct source_ctx ctx = { .loop = &f->loop, .pol = f->pol, .changed = on_changed,
					.arg = f };

	assert_int_equal(source_dir_open(&ctx, f->dir, &f->src), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/sl-source-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	log_set_level(LOG_LEVEL_ERROR);
	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->tick);
	assert_int_equal(policy_new_on(NULL, "here", &f->pol), 0);
	*state = f;
	return 0;
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	source_close(f->src);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_loop_close(&f->loop);
	policy_free(f->pol);
	nftw(f->dir, rm, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* ------------------------------------------------------------------- tests */

static void reads_what_is_there(void **state)
{
	struct fixture *f = *state;

	put_policy(f, "a.yaml", "a", "1");
	put_policy(f, "b.yml", "b", "1");
	put(f, "c.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"shop\"}}");
	put_policy(f, ".hidden.yaml", "hidden", "1");
	put_policy(f, "readme.txt", "text", "1");
	put_policy(f, "d.yaml~", "backup", "1");
	put_wrong(f, "e.yaml", "e");
	open_source(f);
	assert_string_equal(selected(f, "a"), "1");
	assert_string_equal(selected(f, "b"), "1");
	assert_string_equal(selected(f, "hidden"), "");
	assert_string_equal(selected(f, "text"), "");
	assert_string_equal(selected(f, "backup"), "");
	assert_int_equal(f->pol->model.nnamespaces, 1);
	assert_int_equal(rejected(f), 1);
	/* not called by open: the caller commits anyway */
	assert_int_equal(f->changes, 0);
}

static void follows_changes(void **state)
{
	struct fixture *f = *state;

	open_source(f);
	put_policy(f, "a.yaml", "a", "1");
	wait_for(f, "a", "1", 0);
	assert_int_equal(f->changes, 1);
	put_policy(f, "a.yaml", "a", "2");
	wait_for(f, "a", "2", 0);
	/* the file defines another object now */
	put_policy(f, "a.yaml", "b", "3");
	wait_for(f, "b", "3", 0);
	assert_string_equal(selected(f, "a"), "");
	take_away(f, "a.yaml");
	wait_for(f, "b", "", 0);
	/* moved in, moved to another name */
	put_policy(f, "x.tmp", "c", "4");
	move(f, "x.tmp", "c.yaml");
	wait_for(f, "c", "4", 0);
	move(f, "c.yaml", "d.yaml");
	settle(f);
	assert_string_equal(selected(f, "c"), "4");
	assert_int_equal(rejected(f), 0);
	assert_string_equal(model_netpol_find(&f->pol->model, "shop", "c")->obj->o.file->s +
			    strlen(f->dir) + 1, "d.yaml");
}

static void keeps_the_last_good_version(void **state)
{
	struct fixture *f = *state;

	put_policy(f, "a.yaml", "a", "1");
	put_policy(f, "b.yaml", "b", "1");
	open_source(f);
	put_wrong(f, "a.yaml", "a");
	wait_for(f, "a", "1", 1);
	assert_string_equal(selected(f, "b"), "1");
	put_policy(f, "b.yaml", "b", "2");
	wait_for(f, "b", "2", 1);
	/* the whole file unreadable */
	put(f, "a.yaml", "[");
	settle(f);
	wait_for(f, "a", "1", 1);
	/* right again */
	put_policy(f, "a.yaml", "a", "3");
	wait_for(f, "a", "3", 0);
	/* wrong, and then gone */
	put_wrong(f, "a.yaml", "a");
	wait_for(f, "a", "3", 1);
	take_away(f, "a.yaml");
	wait_for(f, "a", "", 0);
}

static void one_wrong_object_touches_no_other(void **state)
{
	struct fixture *f = *state;
	char text[2048];
	int n;

	n = snprintf(text, sizeof(text), good, "a", "1");
	n += snprintf(text + n, sizeof(text) - n, "---\n");
	n += snprintf(text + n, sizeof(text) - n, good, "b", "1");
	put(f, "m.yaml", text);
	open_source(f);
	assert_string_equal(selected(f, "a"), "1");
	/* a wrong, b changed, c new */
	n = snprintf(text, sizeof(text), wrong, "a");
	n += snprintf(text + n, sizeof(text) - n, "---\n");
	n += snprintf(text + n, sizeof(text) - n, good, "b", "2");
	n += snprintf(text + n, sizeof(text) - n, "---\n");
	n += snprintf(text + n, sizeof(text) - n, good, "c", "1");
	put(f, "m.yaml", text);
	wait_for(f, "c", "1", 1);
	assert_string_equal(selected(f, "a"), "1");
	assert_string_equal(selected(f, "b"), "2");
	/* a wrong object whose name can't be read could be any of those missing: none goes */
	n = snprintf(text, sizeof(text), "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: 7\n");
	n += snprintf(text + n, sizeof(text) - n, "---\n");
	n += snprintf(text + n, sizeof(text) - n, good, "c", "2");
	put(f, "m.yaml", text);
	wait_for(f, "c", "2", 1);
	assert_string_equal(selected(f, "a"), "1");
	assert_string_equal(selected(f, "b"), "2");
	n = snprintf(text, sizeof(text), good, "c", "3");
	put(f, "m.yaml", text);
	wait_for(f, "c", "3", 0);
	assert_string_equal(selected(f, "a"), "");
	assert_string_equal(selected(f, "b"), "");
}

static void the_first_file_by_name_wins(void **state)
{
	struct fixture *f = *state;

	put_policy(f, "b.yaml", "p", "b");
	put_policy(f, "c.yaml", "p", "c");
	open_source(f);
	assert_string_equal(selected(f, "p"), "b");
	assert_int_equal(rejected(f), 1);
	put_policy(f, "a.yaml", "p", "a");
	wait_for(f, "p", "a", 2);
	take_away(f, "a.yaml");
	wait_for(f, "p", "b", 1);
	put_policy(f, "c.yaml", "p", "c2");
	settle(f);
	assert_string_equal(selected(f, "p"), "b");
	take_away(f, "b.yaml");
	wait_for(f, "p", "c2", 0);
}

static void twice_in_one_file(void **state)
{
	struct fixture *f = *state;
	char text[1024];
	int n;

	n = snprintf(text, sizeof(text), good, "p", "1");
	n += snprintf(text + n, sizeof(text) - n, "---\n");
	snprintf(text + n, sizeof(text) - n, good, "p", "2");
	put(f, "a.yaml", text);
	open_source(f);
	assert_string_equal(selected(f, "p"), "1");
	assert_int_equal(rejected(f), 1);
}

/* An editor that puts the old file away first: at no time is the object gone. */
static void replaced_is_not_gone(void **state)
{
	struct fixture *f = *state;
	int i, before;

	put_policy(f, "a.yaml", "a", "1");
	open_source(f);
	before = f->changes;
	move(f, "a.yaml", "a.yaml~");
	for (i = 0; i < 3; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_string_equal(selected(f, "a"), "1");
	assert_int_equal(f->changes, before);
	put_policy(f, "a.yaml", "a", "2");
	wait_for(f, "a", "2", 0);
	/* and it stays when the time for the old one is over: one that goes later is gone */
	put_policy(f, "b.yaml", "b", "1");
	wait_for(f, "b", "1", 0);
	take_away(f, "b.yaml");
	wait_for(f, "b", "", 0);
	assert_string_equal(selected(f, "a"), "2");
}

/* Nothing is read while it is being written. */
static void waits_for_the_writer(void **state)
{
	struct fixture *f = *state;
	char path[256], text[512];
	int fd, half;

	put_policy(f, "a.yaml", "a", "1");
	open_source(f);
	path_of(f, "a.yaml", path, sizeof(path));
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	half = snprintf(text, sizeof(text), good, "a", "2") / 2;
	assert_int_equal(write(fd, text, half), half);
	settle(f);
	assert_string_equal(selected(f, "a"), "1");
	assert_int_equal(write(fd, text + half, strlen(text) - half), strlen(text) - half);
	close(fd);
	wait_for(f, "a", "2", 0);
}

/* How a kubelet mounts a ConfigMap, and how it brings a new version. */
static void follows_links_that_are_swapped(void **state)
{
	struct fixture *f = *state;
	char path[256];

	path_of(f, "..v1", path, sizeof(path));
	mkdir(path, 0755);
	put_policy(f, "..v1/a.yaml", "a", "1");
	path_of(f, "..data", path, sizeof(path));
	assert_int_equal(symlink("..v1", path), 0);
	path_of(f, "a.yaml", path, sizeof(path));
	assert_int_equal(symlink("..data/a.yaml", path), 0);
	open_source(f);
	assert_string_equal(selected(f, "a"), "1");
	path_of(f, "..v2", path, sizeof(path));
	mkdir(path, 0755);
	put_policy(f, "..v2/a.yaml", "a", "2");
	path_of(f, "..data_tmp", path, sizeof(path));
	assert_int_equal(symlink("..v2", path), 0);
	move(f, "..data_tmp", "..data");
	wait_for(f, "a", "2", 0);
}

static void takes_hard_links_and_symlinks(void **state)
{
	struct fixture *f = *state;
	char from[256], to[256];

	put_policy(f, "a.txt", "a", "1");
	open_source(f);
	path_of(f, "a.txt", from, sizeof(from));
	path_of(f, "a.yaml", to, sizeof(to));
	assert_int_equal(link(from, to), 0);
	wait_for(f, "a", "1", 0);
	put_policy(f, "b.txt", "b", "1");
	path_of(f, "b.yaml", to, sizeof(to));
	assert_int_equal(symlink("b.txt", to), 0);
	wait_for(f, "b", "1", 0);
}

static void is_not_held_up(void **state)
{
	struct fixture *f = *state;
	char path[256];

	path_of(f, "fifo.yaml", path, sizeof(path));
	assert_int_equal(mkfifo(path, 0600), 0);
	path_of(f, "dir.yaml", path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(f, "dangling.yaml", path, sizeof(path));
	assert_int_equal(symlink("nowhere", path), 0);
	put_policy(f, "a.yaml", "a", "1");
	open_source(f);
	assert_string_equal(selected(f, "a"), "1");
	assert_int_equal(rejected(f), 2);
}

static void waits_for_its_directory(void **state)
{
	struct fixture *f = *state;
	char away[80];

	assert_int_equal(rmdir(f->dir), 0);
	open_source(f);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	put_policy(f, "a.yaml", "a", "1");
	wait_for(f, "a", "1", 0);
	/* moved away: what it said stays; another one in its place says what is there */
	snprintf(away, sizeof(away), "%s.away", f->dir);
	assert_int_equal(rename(f->dir, away), 0);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_string_equal(selected(f, "a"), "1");
	assert_int_equal(mkdir(f->dir, 0700), 0);
	put_policy(f, "b.yaml", "b", "1");
	wait_for(f, "b", "1", 0);
	wait_for(f, "a", "", 0);
	nftw(away, rm, 8, FTW_DEPTH | FTW_PHYS);
}

static void on_report(void *arg, const struct diag *d)
{
	snprintf(arg, 1024, "%.200s:%d:%d %.200s %.200s", d->file, d->line, d->column, d->field,
		 d->text);
}

static void checks_without_a_daemon(void **state)
{
	struct fixture *f = *state;
	char report[1024] = "";

	put_policy(f, "a.yaml", "a", "1");
	assert_int_equal(source_dir_check(f->dir, on_report, report), 0);
	assert_string_equal(report, "");
	put_wrong(f, "b.yaml", "b");
	assert_int_equal(source_dir_check(f->dir, on_report, report), 1);
	assert_non_null(strstr(report, "b.yaml:4:8 spec.podSelektor unknown field"));
	assert_int_equal(source_dir_check("/nonexistent", on_report, report), -ENOENT);
}

static const char slice[] = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
			    "metadata: {name: s, namespace: shop}\naddressType: %s\n";

/* What is in force in part is no error. */
static void checks_what_is_doubtful(void **state)
{
	struct fixture *f = *state;
	char report[1024] = "";

	put(f, "a.yaml", "apiVersion: v1\nkind: Service\n"
	    "metadata: {name: a, namespace: shop}\n"
	    "spec: {ports: [{port: 80}], trafficDistribution: PreferFar}\n");
	assert_int_equal(source_dir_check(f->dir, on_report, report), 0);
	assert_non_null(strstr(report, "a.yaml:4:50 spec.trafficDistribution \"PreferFar\" is not known"));
}

static void wait_for_slices(struct fixture *f, unsigned int n)
{
	const uint64_t end = uv_hrtime() + DEADLINE_MS * 1000000ULL;
	struct policy_stats st;

	uv_timer_start(&f->tick, on_tick, 10, 10);
	do {
		uv_run(&f->loop, UV_RUN_ONCE);
		policy_get_stats(f->pol, &st);
	} while (st.slices != n && uv_hrtime() < end);
	uv_timer_stop(&f->tick);
	assert_int_equal(st.slices, n);
}

/* An object that becomes one that sluice has no use for is gone. */
static void useless_is_gone(void **state)
{
	struct fixture *f = *state;
	char text[256];

	snprintf(text, sizeof(text), slice, "IPv4");
	put(f, "a.yaml", text);
	open_source(f);
	wait_for_slices(f, 1);
	snprintf(text, sizeof(text), slice, "FQDN");
	put(f, "a.yaml", text);
	wait_for_slices(f, 0);
	snprintf(text, sizeof(text), slice, "IPv6");
	put(f, "a.yaml", text);
	wait_for_slices(f, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reads_what_is_there), T(follows_changes), T(keeps_the_last_good_version),
		T(one_wrong_object_touches_no_other), T(the_first_file_by_name_wins),
		T(twice_in_one_file), T(replaced_is_not_gone), T(waits_for_the_writer),
		T(follows_links_that_are_swapped), T(takes_hard_links_and_symlinks),
		T(is_not_held_up), T(waits_for_its_directory), T(checks_without_a_daemon),
		T(checks_what_is_doubtful), T(useless_is_gone),
	};

	return unit_run(tests, NULL, NULL);
}
