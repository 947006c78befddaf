// SPDX-License-Identifier: GPL-2.0
/* Addresses for pods: which are given away, in what order, and never twice. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cni/ipam.h"
#include "common/file.h"
#include "unit.h"

static struct sl_prefix range(const char *text)
{
	struct sl_prefix p;

	assert_int_equal(sluice_prefix_parse(text, false, &p), 0);
	return p;
}

static union sl_addr addr(const char *text)
{
	union sl_addr a = {};

	if (*text)
		assert_int_equal(sluice_addr_parse(text, &a), 0);
	return a;
}

static const char *print(const union sl_addr *a)
{
	static char buf[SLUICE_ADDR_STRLEN];

	return sluice_addr_format(a, buf);
}

/* ------------------------------------------------------------ one choice */

static void chosen(void **state)
{
	static const struct {
		const char *range, *used[4], *last, *want;
	} cases[] = {
		{"10.244.0.0/24", {0}, "", "10.244.0.2"},
		{"10.244.0.0/24", {0}, "10.244.0.2", "10.244.0.3"},
		{"10.244.0.0/24", {"10.244.0.3", "10.244.0.4"}, "10.244.0.2", "10.244.0.5"},
		{"10.244.0.0/24", {0}, "10.244.0.254", "10.244.0.2"},
		{"10.244.0.0/24", {0}, "10.244.0.255", "10.244.0.2"},
		{"10.244.0.0/24", {"10.244.0.2"}, "10.244.0.254", "10.244.0.3"},
		/* a last one that is another range's */
		{"10.244.0.0/24", {0}, "10.245.0.7", "10.244.0.2"},
		{"10.244.0.0/24", {0}, "fd00::7", "10.244.0.2"},
		/* the only one left is the one before the start */
		{"10.244.0.0/29", {"10.244.0.4", "10.244.0.5", "10.244.0.6"}, "10.244.0.3",
		 "10.244.0.2"},
		{"10.244.0.0/30", {0}, "", "10.244.0.2"},
		{"10.244.0.0/30", {"10.244.0.2"}, "", NULL},
		{"10.244.0.0/31", {0}, "", "10.244.0.0"},
		{"10.244.0.0/31", {"10.244.0.0"}, "", "10.244.0.1"},
		{"10.244.0.0/31", {"10.244.0.0", "10.244.0.1"}, "", NULL},
		{"10.244.0.9/32", {0}, "", "10.244.0.9"},
		{"10.244.0.9/32", {"10.244.0.9"}, "", NULL},
		{"0.0.0.0/0", {0}, "255.255.255.254", "0.0.0.2"},
		{"255.255.255.0/24", {0}, "255.255.255.254", "255.255.255.2"},
		{"fd00:244::/64", {0}, "", "fd00:244::2"},
		{"fd00:244::/64", {"fd00:244::3"}, "fd00:244::2", "fd00:244::4"},
		{"fd00:244::/64", {0}, "fd00:244::ffff:ffff:ffff:fffe", "fd00:244::ffff:ffff:ffff:ffff"},
		{"fd00:244::/64", {0}, "fd00:244::ffff:ffff:ffff:ffff", "fd00:244::2"},
		{"fd00:244::/127", {"fd00:244::"}, "", "fd00:244::1"},
		{"fd00:244::5/128", {0}, "fd00:244::5", "fd00:244::5"},
		{"::/0", {0}, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::2"},
		/* double entries, as a damaged state directory could have them */
		{"10.244.0.0/24", {"10.244.0.2", "10.244.0.2", "10.244.0.3"}, "", "10.244.0.4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sl_prefix r = range(cases[i].range);
		union sl_addr used[4], last = addr(cases[i].last), out = {};
		size_t n = 0;
		bool found;

		for (; n < 4 && cases[i].used[n]; n++)
			used[n] = addr(cases[i].used[n]);
		found = ipam_choose(&r, used, n, &last, &out);
		if (found != !!cases[i].want)
			fail_msg("case %zu: %s", i, found ? print(&out) : "none");
		if (found)
			assert_string_equal(print(&out), cases[i].want);
	}
}

static void offered(void **state)
{
	struct sl_prefix v4 = range("10.244.0.0/24"), v6 = range("fd00:244::/64");
	static const struct {
		const char *addr;
		bool v4, v6;
	} cases[] = {
		{"10.244.0.0", false, false}, {"10.244.0.1", false, false},
		{"10.244.0.2", true, false}, {"10.244.0.254", true, false},
		{"10.244.0.255", false, false}, {"10.244.1.2", false, false},
		{"fd00:244::", false, false}, {"fd00:244::1", false, false},
		{"fd00:244::2", false, true}, {"fd00:244::ffff:ffff:ffff:ffff", false, true},
		{"fd00:244:0:1::2", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		union sl_addr a = addr(cases[i].addr);

		assert_int_equal(ipam_offers(&v4, &a), cases[i].v4);
		assert_int_equal(ipam_offers(&v6, &a), cases[i].v6);
	}
}

/*
 * A /24 under random takings and givings back: an address is free when it is
 * chosen, and one is chosen whenever one is free.
 */
static void random_walk(void **state)
{
	struct sl_prefix r = range("10.1.2.0/24");
	union sl_addr used[256], last = {}, out;
	unsigned int seed = 7;
	bool taken[256] = {};

	(void)state;
	for (int step = 0; step < 20000; step++) {
		size_t n = 0;
		int pick = rand_r(&seed) % 253 + 2;

		for (int i = 0; i < 256; i++)
			if (taken[i]) {
				used[n] = addr("10.1.2.0");
				used[n++].b[15] = i;
			}
		if (taken[pick] && rand_r(&seed) % 100 < 60) {
			taken[pick] = false;
			continue;
		}
		if (!ipam_choose(&r, used, n, &last, &out)) {
			assert_int_equal(n, 253);
			continue;
		}
		assert_false(taken[out.b[15]]);
		assert_in_range(out.b[15], 2, 254);
		taken[out.b[15]] = true;
		last = out;
	}
}

/* Freed addresses come back last: a lone pod goes through the whole range. */
static void rests(void **state)
{
	struct sl_prefix r = range("10.1.2.0/24");
	union sl_addr last = {}, out;
	bool seen[256] = {};

	(void)state;
	for (int i = 0; i < 253; i++) {
		assert_true(ipam_choose(&r, NULL, 0, &last, &out));
		assert_false(seen[out.b[15]]);
		seen[out.b[15]] = true;
		last = out;
	}
}

/* ---------------------------------------------------------- on the disk */

static char dir[] = "/tmp/sl-ipam-XXXXXX";
static int dirfd;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char cmd[64];

	(void)state;
	close(dirfd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static struct record record(const char *id)
{
	struct record r = {
		.network = strdup("net"), .container_id = strdup(id), .netns = strdup("/x"),
		.pod_namespace = strdup(""), .pod_name = strdup(""), .pod_uid = strdup(""),
		.ifname = "eth0", .host_ifname = "sl0", .mtu = 1500,
	};

	return r;
}

static struct ipam_ranges dual(const char *v4, const char *v6)
{
	struct ipam_ranges r = {.n = 2, .range = {range(v4), range(v6)}};

	return r;
}

static const union sl_addr any[__SL_FAMILY_MAX];

static int count(void *arg, const char *file, const struct record *rec, const char *why)
{
	(void)file;
	(void)why;
	*(int *)arg += rec ? 1 : 1000;
	return 0;
}

static int records(void)
{
	int n = 0;

	assert_int_equal(record_each(dirfd, count, &n), 0);
	return n;
}

static void reserved(void **state)
{
	struct ipam_ranges ranges = dual("10.2.0.0/29", "fd00:2::/64");
	struct record a = record("a"), b = record("b"), again = record("a");
	struct cni_error err = {};

	(void)state;
	assert_int_equal(ipam_reserve(dirfd, &ranges, any, &a, &err), 0);
	assert_string_equal(print(&a.addr[SL_FAMILY_V4]), "10.2.0.2");
	assert_string_equal(print(&a.addr[SL_FAMILY_V6]), "fd00:2::2");
	assert_int_equal(ipam_reserve(dirfd, &ranges, any, &b, &err), 0);
	assert_string_equal(print(&b.addr[SL_FAMILY_V4]), "10.2.0.3");
	assert_int_equal(records(), 2);

	assert_int_not_equal(ipam_reserve(dirfd, &ranges, any, &again, &err), 0);
	assert_int_equal(err.code, CNI_CODE_EXISTS);

	a.host_ifindex = 7;
	assert_int_equal(ipam_commit(dirfd, &a), 0);
	assert_true(a.ready);
	/* done is done; deleted is deleted */
	assert_int_equal(ipam_commit(dirfd, &a), -ENOENT);
	assert_int_equal(ipam_release(dirfd, "a", "eth0"), 0);
	assert_int_equal(ipam_release(dirfd, "a", "eth0"), 0);
	assert_int_equal(ipam_release(dirfd, "b", "eth0"), 0);
	assert_int_equal(ipam_commit(dirfd, &b), -ENOENT);
	assert_int_equal(records(), 0);
	record_clear(&a);
	record_clear(&b);
	record_clear(&again);
}

static void exhausted(void **state)
{
	struct ipam_ranges ranges = dual("10.3.0.0/29", "fd00:3::/64");
	struct cni_error err = {};
	char id[16];

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct record r;

		snprintf(id, sizeof(id), "x%d", i);
		r = record(id);
		assert_int_equal(ipam_probe(dirfd, &ranges, &err), i < 5 ? 0 : -1);
		assert_int_equal(ipam_reserve(dirfd, &ranges, any, &r, &err), i < 5 ? 0 : -1);
		record_clear(&r);
	}
	assert_int_equal(err.code, CNI_CODE_EXHAUSTED);
	assert_non_null(strstr(err.details, "10.3.0.0/29"));
	assert_int_equal(records(), 5);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "x%d", i);
		assert_int_equal(ipam_release(dirfd, id, "eth0"), 0);
	}
	assert_int_equal(records(), 0);
}

static void several_ranges(void **state)
{
	struct ipam_ranges ranges = {.n = 2, .range = {range("10.4.0.0/30"), range("10.4.1.0/30")}};
	static const char *const want[] = {"10.4.0.2", "10.4.1.2"};
	struct cni_error err = {};
	char id[16];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct record r;

		snprintf(id, sizeof(id), "m%d", i);
		r = record(id);
		assert_int_equal(ipam_reserve(dirfd, &ranges, any, &r, &err), i < 2 ? 0 : -1);
		if (i < 2)
			assert_string_equal(print(&r.addr[SL_FAMILY_V4]), want[i]);
		record_clear(&r);
		ipam_release(dirfd, i == 2 ? "m0" : "none", "eth0");
	}
	assert_int_equal(err.code, CNI_CODE_EXHAUSTED);
	ipam_release(dirfd, "m1", "eth0");
}

static void asked_for(void **state)
{
	struct ipam_ranges ranges = dual("10.5.0.0/24", "fd00:5::/64");
	static const struct {
		const char *want;
		int code;
	} cases[] = {
		{"10.5.0.77", 0}, {"10.5.0.77", CNI_CODE_EXISTS}, {"10.5.0.0", CNI_CODE_CONFIG},
		{"10.5.0.1", CNI_CODE_CONFIG}, {"10.5.0.255", CNI_CODE_CONFIG},
		{"10.6.0.2", CNI_CODE_CONFIG}, {"fd00:5::77", 0}, {"fd00:6::77", CNI_CODE_CONFIG},
	};
	char id[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		union sl_addr want[__SL_FAMILY_MAX] = {}, a = addr(cases[i].want);
		int f = sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
		struct cni_error err = {};
		struct record r;

		snprintf(id, sizeof(id), "w%zu", i);
		r = record(id);
		want[f] = a;
		assert_int_equal(ipam_reserve(dirfd, &ranges, want, &r, &err),
				 cases[i].code ? -1 : 0);
		assert_int_equal(err.code, cases[i].code);
		if (!cases[i].code) {
			assert_string_equal(print(&r.addr[f]), cases[i].want);
			/* and the other family as usual */
			assert_true(r.addr[!f].d[1]);
		}
		record_clear(&r);
	}
	ipam_release(dirfd, "w0", "eth0");
	ipam_release(dirfd, "w6", "eth0");
	assert_int_equal(records(), 0);
}

static void put(const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What a crash, a full disk or a hand can leave in the directory. */
static void damaged(void **state)
{
	struct ipam_ranges ranges = dual("10.7.0.0/24", "fd00:7::/64");
	struct record r = record("good");
	struct cni_error err = {};

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	put(".lock", "torn");
	put("bad:eth0.json", "{\"version\": 1, ");
	put("empty:eth0.json", "");
	put(".dead:eth0.json.tmp", "{");
	put("README", "not a record");
	put("no-interface.json", "{}");
	put("other:eth0.json", "{\"version\":1,\"network\":\"n\",\"containerID\":\"another\","
	    "\"ifname\":\"eth0\",\"netns\":\"\",\"hostIfname\":\"sl1\",\"hostIfindex\":1,"
	    "\"mac\":\"02:00:00:00:00:01\",\"hostMac\":\"02:00:00:00:00:02\","
	    "\"addresses\":[\"10.7.0.2\"],\"mtu\":1500,\"datapath\":\"veth\","
	    "\"podNamespace\":\"\",\"podName\":\"\",\"podUID\":\"\",\"ready\":true}");
	assert_int_equal(mkdirat(dirfd, "dir:eth0.json", 0700), 0);
	assert_int_equal(ipam_reserve(dirfd, &ranges, any, &r, &err), 0);
	assert_string_equal(print(&r.addr[SL_FAMILY_V4]), "10.7.0.2");
	assert_int_equal(records(), 4001);
	assert_int_equal(ipam_sweep(dirfd), 0);
	assert_int_equal(faccessat(dirfd, ".dead:eth0.json.tmp", F_OK, 0), -1);
	assert_int_equal(faccessat(dirfd, "README", F_OK, 0), 0);
	assert_int_equal(unlinkat(dirfd, "dir:eth0.json", AT_REMOVEDIR), 0);
	for (int i = 0; i < 4; i++) {
		static const char *const ids[] = {"good", "bad", "empty", "other"};

		assert_int_equal(ipam_release(dirfd, ids[i], "eth0"), 0);
	}
	assert_int_equal(records(), 0);
	record_clear(&r);
}

/* Many processes at once: no address twice, no record lost. */
static void crowd(void **state)
{
	enum { PROCS = 8, EACH = 25 };
	struct ipam_ranges ranges = dual("10.8.0.0/24", "fd00:8::/64");
	bool seen[256] = {};
	pid_t pids[PROCS];
	char name[32], why[64];

	(void)state;
	for (int p = 0; p < PROCS; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p])
			continue;
		for (int i = 0; i < EACH; i++) {
			struct cni_error err = {};
			struct record r;

			snprintf(name, sizeof(name), "p%d-%d", p, i);
			r = record(name);
			r.host_ifindex = 1;
			if (ipam_reserve(dirfd, &ranges, any, &r, &err) || ipam_commit(dirfd, &r))
				_exit(1);
			record_clear(&r);
		}
		_exit(0);
	}
	for (int p = 0; p < PROCS; p++) {
		int status;

		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(records(), PROCS * EACH);
	for (int p = 0; p < PROCS; p++)
		for (int i = 0; i < EACH; i++) {
			struct record r;

			snprintf(name, sizeof(name), "p%d-%d:eth0.json", p, i);
			assert_int_equal(record_read(dirfd, name, &r, why, sizeof(why)), 0);
			assert_true(r.ready);
			assert_false(seen[r.addr[SL_FAMILY_V4].b[15]]);
			seen[r.addr[SL_FAMILY_V4].b[15]] = true;
			assert_int_equal(ipam_release(dirfd, r.container_id, "eth0"), 0);
			record_clear(&r);
		}
	assert_int_equal(records(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen),	  cmocka_unit_test(offered),
		cmocka_unit_test(random_walk),	  cmocka_unit_test(rests),
		cmocka_unit_test(reserved),	  cmocka_unit_test(exhausted),
		cmocka_unit_test(several_ranges), cmocka_unit_test(asked_for),
		cmocka_unit_test(damaged),	  cmocka_unit_test(crowd),
	};

	return unit_run(tests, setup, teardown);
}
