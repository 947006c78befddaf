// SPDX-License-Identifier: GPL-2.0
/* selftest: timeout=180 */
/* Loading, loading again, and loaders that die. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include "dataplane.h"

struct lines {
	int n;
	char text[64][256];
};

static void log_to_lines(void *arg, const char *line)
{
	struct lines *l = arg;

	if (l->n < 64)
		snprintf(l->text[l->n++], sizeof(l->text[0]), "%s", line);
}

static bool said(const struct lines *l, const char *part)
{
	int i;

	for (i = 0; i < l->n; i++)
		if (strstr(l->text[i], part))
			return true;
	return false;
}

static struct sluice *load(void)
{
	struct lines lines = {};
	struct sluice_load_opts opts = { .sz = sizeof(opts), .log = log_to_lines, .log_arg = &lines };
	struct sluice *sl = NULL;
	int err, i;

	err = sluice_load(TEST_ROOT, &opts, &sl);
	if (err) {
		for (i = 0; i < lines.n; i++)
			printf("# %s\n", lines.text[i]);
		fail_msg("sluice_load: %s", strerror(-err));
	}
	return sl;
}

static int count_dir(const char *path)
{
	struct dirent *de;
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return -1;
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	closedir(d);
	return n;
}

static __u32 prog_id_pinned(const char *name)
{
	char path[256];
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd;

	snprintf(path, sizeof(path), TEST_PINS "/progs/%s", name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info.id;
}

static void check_mode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* ------------------------------------------------------------- one loader */

static void load_pins_everything(void **state)
{
	struct sluice *sl = load(), *again;
	int i;

	(void)state;
	assert_int_equal(count_dir(TEST_PINS "/maps"), __SL_MAP_MAX);
	assert_int_equal(count_dir(TEST_PINS "/progs"), 14);
	assert_int_equal(count_dir(TEST_PINS "/links"), 0);
	check_mode(TEST_ROOT);
	check_mode(TEST_PINS);
	check_mode(TEST_PINS "/maps");
	for (i = 0; i < __SL_MAP_MAX; i++)
		assert_true(sluice_map_fd(sl, i) >= 0);

	/* what one handle writes the other sees, in memory and by system call */
	assert_int_equal(sluice_open(TEST_ROOT, &again), 0);
	sluice_ep_set_policy(&sluice_eps(sl)[SL_EP_MAX - 1], SL_EP_POLICY_CLOSED);
	assert_true(sluice_ep_policy(&sluice_eps(again)[SL_EP_MAX - 1]) == SL_EP_POLICY_CLOSED);
	sluice_route_gen_bump(sluice_state(again));
	assert_int_equal(sluice_state(sl)->route_gen, 1);
	sluice_close(again);
	sluice_close(sl);
	sluice_close(NULL);
}

static void open_without_load(void **state)
{
	struct sluice *sl;

	(void)state;
	assert_int_equal(sluice_open(TEST_ROOT, &sl), -ENOENT);
	assert_int_equal(sluice_unload(TEST_ROOT), 0);
}

static void unload_leaves_nothing(void **state)
{
	int before = count_dir(TEST_BPFFS);

	(void)state;
	sluice_close(load());
	assert_int_equal(count_dir(TEST_BPFFS), before + 1);
	assert_int_equal(sluice_unload(TEST_ROOT), 0);
	assert_int_equal(count_dir(TEST_BPFFS), before);
}

/* A root on another file system gets a bpffs, and loses it again. */
static void mounts_bpffs(void **state)
{
	struct sluice *sl;
	struct statfs st;

	(void)state;
	assert_int_equal(sluice_load("/run/fresh//deep/", NULL, &sl), 0);
	sluice_close(sl);
	assert_int_equal(statfs("/run/fresh/deep", &st), 0);
	assert_int_equal(st.f_type, 0xcafe4a11);
	check_mode("/run/fresh/deep");
	assert_int_equal(sluice_unload("/run/fresh//deep/"), 0);
	assert_int_equal(access("/run/fresh/deep", F_OK), -1);
}

/* The kernel's own mount point on a machine where nobody mounted it: it stays. */
static void mounts_default(void **state)
{
	struct sluice *sl;
	struct statfs st;

	(void)state;
	while (!umount2("/sys/fs/bpf", MNT_DETACH))
		;
	assert_int_equal(statfs("/sys/fs/bpf", &st), 0);
	assert_int_not_equal(st.f_type, 0xcafe4a11);
	assert_int_equal(sluice_load(SLUICE_PIN_ROOT, NULL, &sl), 0);
	sluice_close(sl);
	assert_int_equal(sluice_unload(SLUICE_PIN_ROOT), 0);
	assert_int_equal(access(SLUICE_PIN_ROOT, F_OK), -1);
	assert_int_equal(statfs("/sys/fs/bpf", &st), 0);
	assert_int_equal(st.f_type, 0xcafe4a11);
}

static void bad_roots(void **state)
{
	char longest[5000];
	struct sluice *sl;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(sluice_load("relative", NULL, &sl), -EINVAL);
	assert_int_equal(sluice_load(longest, NULL, &sl), -ENAMETOOLONG);
	assert_int_equal(sluice_open(longest, &sl), -ENAMETOOLONG);
	/* a directory of somebody else is not taken for a root */
	assert_int_equal(mkdir("/run/other", 0700), 0);
	assert_int_equal(sluice_unload("/run/other"), 0);
	assert_int_equal(rmdir("/run/other"), 0);
}

static void sizes_are_options(void **state)
{
	struct lines lines = {};
	struct sluice_load_opts opts = {
		.sz = sizeof(opts), .flow_max = 1000, .half_max = 2000, .rule_max = 3000,
		.class_max = 4000, .addr_max = 5000, .route_max = 6000,
		.log = log_to_lines, .log_arg = &lines,
	};
	const struct {
		const char *name;
		__u32 max;
	} want[] = {
		{ "flow", 1000 }, { "half", 2000 }, { "rule", 3000 },
		{ "class", 4000 }, { "addr", 5000 }, { "route", 6000 },
	};
	struct sluice *sl;
	__u32 max;
	size_t i;

	(void)state;
	assert_int_equal(sluice_load(TEST_ROOT, &opts, &sl), 0);
	for (i = 0; i < 6; i++) {
		assert_int_equal(sluice_table_count(sl, sluice_table_find(want[i].name), &max), 0);
		assert_int_equal(max, want[i].max);
	}
	sluice_close(sl);
	assert_int_equal(lines.n, 0);

	opts.rule_max = 3001;
	assert_int_equal(sluice_load(TEST_ROOT, &opts, &sl), 0);
	assert_int_equal(sluice_table_count(sl, sluice_table_find("rule"), &max), 0);
	assert_int_equal(max, 3000);
	sluice_close(sl);
	assert_int_equal(lines.n, 1);
	assert_true(said(&lines, "sl_rule"));
	assert_true(said(&lines, "3001"));
}

/* ------------------------------------------------------------ the next one */

static void contents_are_kept(void **state)
{
	struct sl_rule_key key = { .set = 6, .class_id = 7 };
	struct sl_rule_val val = { .rule = 8 }, back = {};
	struct sluice *sl = load();
	__u32 id;

	(void)state;
	sluice_ep_set_policy(&sluice_eps(sl)[3], 12345);
	assert_int_equal(bpf_map_update_elem(sluice_map_fd(sl, SL_MAP_RULE), &key, &val, 0), 0);
	id = prog_id_pinned("sl_from_pod");
	sluice_close(sl);

	sl = load();
	assert_true(sluice_ep_policy(&sluice_eps(sl)[3]) == 12345);
	assert_int_equal(bpf_map_lookup_elem(sluice_map_fd(sl, SL_MAP_RULE), &key, &back), 0);
	assert_memory_equal(&back, &val, sizeof(val));
	assert_int_not_equal(prog_id_pinned("sl_from_pod"), id);
	sluice_close(sl);
}

/* A map of another build: named, and nothing is touched. */
static void other_layout_is_refused(void **state)
{
	struct lines lines = {};
	struct sluice_load_opts opts = { .sz = sizeof(opts), .log = log_to_lines, .log_arg = &lines };
	struct sluice *sl = load();
	__u32 id = prog_id_pinned("sl_to_pod");
	int fd;

	(void)state;
	sluice_close(sl);
	assert_int_equal(unlink(TEST_PINS "/maps/sl_rule"), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "sl_rule", sizeof(struct sl_rule_key),
			    sizeof(struct sl_rule_val) + 4, 10, NULL);
	assert_int_equal(bpf_obj_pin(fd, TEST_PINS "/maps/sl_rule"), 0);
	close(fd);

	assert_int_equal(sluice_load(TEST_ROOT, &opts, &sl), -ESTALE);
	assert_true(said(&lines, "sl_rule"));
	assert_int_equal(sluice_open(TEST_ROOT, &sl), -ESTALE);
	assert_int_equal(prog_id_pinned("sl_to_pod"), id);
	assert_int_equal(sluice_unload(TEST_ROOT), 0);
	sluice_close(load());
}

static void one_loader_at_a_time(void **state)
{
	struct sluice *sl = load();
	int fd;

	(void)state;
	sluice_close(sl);
	fd = open(TEST_ROOT, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(sluice_load(TEST_ROOT, NULL, &sl), -EBUSY);
	close(fd);
	sluice_close(load());
}

static void missing_pins_are_made_again(void **state)
{
	struct sluice *sl = load();

	(void)state;
	sluice_close(sl);
	assert_int_equal(unlink(TEST_PINS "/maps/sl_events"), 0);
	assert_int_equal(unlink(TEST_PINS "/progs/sl_expire"), 0);
	assert_int_equal(sluice_open(TEST_ROOT, &sl), -ENOENT);
	sl = load();
	assert_true(sluice_flow_expire(sl) >= 0);
	sluice_close(sl);
}

/* What a loader of another version has pinned goes, and nothing else does. */
static void other_versions(void **state)
{
	struct sluice *sl = load();
	char path[256];

	(void)state;
	for (int v = 0; v < 3; v += 2) {
		snprintf(path, sizeof(path), TEST_ROOT "/v%d", SL_ABI_VERSION + 1 - v);
		assert_int_equal(mkdir(path, 0700), 0);
		strcat(path, "/maps");
		assert_int_equal(mkdir(path, 0700), 0);
		strcat(path, "/sl_old");
		assert_int_equal(bpf_obj_pin(sluice_map_fd(sl, SL_MAP_IF), path), 0);
	}
	assert_int_equal(mkdir(TEST_ROOT "/v02", 0700), 0);
	assert_int_equal(mkdir(TEST_ROOT "/vx", 0700), 0);
	assert_int_equal(sluice_retire(sl), 2);
	assert_int_equal(count_dir(TEST_ROOT), 3);
	assert_int_equal(count_dir(TEST_PINS "/maps"), __SL_MAP_MAX);
	assert_int_equal(sluice_retire(sl), 0);
	assert_int_equal(rmdir(TEST_ROOT "/v02"), 0);
	assert_int_equal(rmdir(TEST_ROOT "/vx"), 0);
	sluice_close(sl);
}

/* ----------------------------------------------------------- killed loaders */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void load_and_die(double seconds)
{
	struct timespec ts = { .tv_nsec = (long)(seconds * 1e9) };
	struct sluice *sl;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		for (;;)
			if (!sluice_load(TEST_ROOT, NULL, &sl))
				sluice_close(sl);
	}
	nanosleep(&ts, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int count_links(void *arg, int ifindex, enum sluice_attach how)
{
	(void)ifindex;
	(void)how;
	++*(int *)arg;
	return 0;
}

/*
 * Killed anywhere, from nothing and in the middle of an upgrade with devices
 * attached: the next load works, and the devices have the new programs.
 */
static void killed_loaders(void **state)
{
	double end = now() + 12, once;
	unsigned int seed = time(NULL);
	int links, a, b, round = 0;
	struct sluice *sl;

	(void)state;
	printf("# seed %u\n", seed);
	a = pair_new("t0", "t0p");
	b = pair_new("t1", "t1p");
	once = now();
	sluice_close(load());
	once = now() - once;
	while (round < 100 && (now() < end || round < unit_times(8, 3))) {
		if (round++ % 4 == 0)
			assert_int_equal(sluice_unload(TEST_ROOT), 0);
		load_and_die(once * 2 * rand_r(&seed) / RAND_MAX);
		sl = load();
		if (round % 4 == 1) {
			assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
			sluice_attach_clsact(sl, true);
			assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
		}
		links = 0;
		assert_int_equal(sluice_attached(sl, count_links, &links), 0);
		assert_int_equal(links, 2);
		assert_int_equal(count_dir(TEST_PINS "/maps"), __SL_MAP_MAX);
		assert_int_equal(count_dir(TEST_PINS "/progs"), 14);
		assert_int_equal(count_dir(TEST_PINS "/links"), 4);
		sluice_close(sl);
	}
	printf("# %d loaders killed\n", round);
}

/* --------------------------------------------------------------- messages */

static int foreign_lines;

static int foreign_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	__atomic_add_fetch(&foreign_lines, 1, __ATOMIC_RELAXED);
	return 0;
}

struct thread_load {
	const char *root;
	struct lines lines;
	int err;
};

/* Ends in an error that libbpf has words for. */
static void *load_in_thread(void *arg)
{
	struct thread_load *t = arg;
	struct sluice_load_opts opts = {
		.sz = sizeof(opts), .log = log_to_lines, .log_arg = &t->lines, .rule_max = -1U,
	};
	struct sluice *sl;

	t->err = sluice_load(t->root, &opts, &sl);
	return NULL;
}

/* Two threads' complaints go each to its own place, and nowhere else. */
static void messages_stay_apart(void **state)
{
	struct thread_load t[2] = { { .root = TEST_BPFFS "/one" }, { .root = TEST_BPFFS "/two" } };
	libbpf_print_fn_t before = libbpf_set_print(foreign_print);
	pthread_t id[2];
	int i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&id[i], NULL, load_in_thread, &t[i]), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(id[i], NULL);
		assert_int_not_equal(t[i].err, 0);
		assert_true(said(&t[i].lines, "sl_rule"));
		assert_int_equal(sluice_unload(t[i].root), 0);
	}
	assert_int_equal(t[0].lines.n, t[1].lines.n);
	assert_int_equal(foreign_lines, 0);
	/* given back to whom it belonged */
	assert_ptr_equal(libbpf_set_print(before), foreign_print);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(load_pins_everything, dataplane_unload),
		cmocka_unit_test_teardown(open_without_load, dataplane_unload),
		cmocka_unit_test_teardown(unload_leaves_nothing, dataplane_unload),
		cmocka_unit_test_teardown(mounts_bpffs, dataplane_unload),
		cmocka_unit_test_teardown(mounts_default, dataplane_unload),
		cmocka_unit_test_teardown(bad_roots, dataplane_unload),
		cmocka_unit_test_teardown(sizes_are_options, dataplane_unload),
		cmocka_unit_test_teardown(contents_are_kept, dataplane_unload),
		cmocka_unit_test_teardown(other_layout_is_refused, dataplane_unload),
		cmocka_unit_test_teardown(one_loader_at_a_time, dataplane_unload),
		cmocka_unit_test_teardown(missing_pins_are_made_again, dataplane_unload),
		cmocka_unit_test_teardown(other_versions, dataplane_unload),
		cmocka_unit_test_teardown(killed_loaders, dataplane_unload),
		cmocka_unit_test_teardown(messages_stay_apart, dataplane_unload),
	};

	return unit_run(tests, dataplane_setup, NULL);
}
