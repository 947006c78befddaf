// SPDX-License-Identifier: GPL-2.0
/* Endpoint records and the durable files that they are: round trips, refusals, what is left over. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/file.h"
#include "common/record.h"
#include "unit.h"

static const char good[] =
	"{\"version\":1,\"network\":\"sluice\",\"containerID\":\"c1\",\"ifname\":\"eth0\","
	"\"netns\":\"/run/netns/x\",\"netnsCookie\":9007199254740995,\"hostIfname\":\"sl0123456789abc\",\"hostIfindex\":7,"
	"\"mac\":\"02:00:00:00:00:01\",\"hostMac\":\"02:00:00:00:00:02\","
	"\"addresses\":[\"10.244.0.5\",\"fd00:244::5\"],\"mtu\":1450,\"datapath\":\"veth\","
	"\"podNamespace\":\"shop\",\"podName\":\"web-1\",\"podUID\":\"u\",\"ready\":true}";

static char dir[] = "/tmp/sl-record-XXXXXX";
static int dirfd;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	dirfd = record_dir_open(dir, true);
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

static void round_trip(void **state)
{
	json_t *doc = json_loads(good, 0, NULL), *again;
	struct record rec;
	char why[256];

	(void)state;
	assert_int_equal(record_parse(doc, &rec, why, sizeof(why)), 0);
	assert_string_equal(rec.container_id, "c1");
	assert_string_equal(rec.pod_name, "web-1");
	assert_string_equal(rec.host_ifname, "sl0123456789abc");
	assert_int_equal(rec.host_ifindex, 7);
	assert_true(rec.netns_cookie == 9007199254740995ULL);
	assert_int_equal(rec.mac[5], 1);
	assert_int_equal(rec.addr[SL_FAMILY_V4].b[15], 5);
	assert_int_equal(rec.addr[SL_FAMILY_V6].b[0], 0xfd);
	assert_false(rec.netkit);
	assert_true(rec.ready);
	again = record_json(&rec);
	assert_true(json_equal(doc, again));
	json_decref(doc);
	json_decref(again);
	record_clear(&rec);
}

/* One field changed; NULL: taken away. The complaint begins with its name. */
static void refused(void **state)
{
	static const struct {
		const char *field, *value;
	} cases[] = {
		{"version", "2"}, {"version", NULL}, {"version", "\"1\""},
		{"network", NULL}, {"network", "1"},
		{"containerID", NULL}, {"containerID", "\"\""}, {"containerID", "\"a/b\""},
		{"containerID", "\"a:b\""}, {"ifname", "\"\""}, {"ifname", "\"a/b\""},
		{"ifname", "\"0123456789abcdef\""}, {"ifname", "\"..\""}, {"hostIfname", "7"},
		{"netnsCookie", "-1"}, {"netnsCookie", "\"7\""}, {"netnsCookie", "1.5"}, {"netnsCookie", "null"},
		{"hostIfindex", "-1"}, {"hostIfindex", "0"}, {"hostIfindex", "4294967296"},
		{"hostIfindex", "1.5"}, {"mac", "\"02:00:00:00:00\""}, {"mac", "\"0200:00:00:00:01\""},
		{"mac", "\"02:00:00:00:00:01 \""}, {"hostMac", "\"zz:00:00:00:00:01\""},
		{"hostMac", NULL}, {"addresses", NULL}, {"addresses", "[]"}, {"addresses", "\"10.0.0.1\""},
		{"addresses", "[\"10.0.0.1/8\"]"}, {"addresses", "[1]"},
		{"addresses", "[\"10.0.0.1\",\"10.0.0.2\"]"}, {"mtu", "-1"}, {"mtu", "65536"},
		{"datapath", "\"carrier pigeon\""}, {"podNamespace", NULL}, {"podName", "[]"},
		{"podUID", "null"}, {"ready", "\"true\""}, {"ready", NULL}, {"netns", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *doc = json_loads(good, 0, NULL);
		struct record rec;
		char why[256] = "";

		if (cases[i].value)
			json_object_set_new(doc, cases[i].field,
					    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(doc, cases[i].field);
		if (record_parse(doc, &rec, why, sizeof(why)) != -EINVAL)
			fail_msg("%s: %s is taken", cases[i].field, cases[i].value);
		if (strncmp(why, cases[i].field, strlen(cases[i].field)))
			fail_msg("%s: %s: complaint is '%s'", cases[i].field, cases[i].value, why);
		assert_null(rec.container_id);
		json_decref(doc);
	}
}

static void no_object(void **state)
{
	static const char *const docs[] = {"[]", "1", "null", "\"x\"", "{}"};
	struct record rec;
	char why[256];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		json_t *doc = json_loads(docs[i], JSON_DECODE_ANY, NULL);

		assert_int_equal(record_parse(doc, &rec, why, sizeof(why)), -EINVAL);
		json_decref(doc);
	}
	assert_int_equal(record_parse(NULL, &rec, why, sizeof(why)), -EINVAL);
}

static void file_names(void **state)
{
	static const struct {
		const char *file, *id, *ifname;
	} cases[] = {
		{"c1:eth0.json", "c1", "eth0"}, {"a-b:c.json", "a-b", "c"}, {"a:b-c.json", "a", "b-c"},
		{"a.json:b.json", "a.json", "b"}, {"c1:eth0", NULL, NULL}, {".c1:eth0.json", NULL, NULL},
		{".lock", NULL, NULL}, {":eth0.json", NULL, NULL}, {"c1:.json", NULL, NULL},
		{"c1:a:b.json", NULL, NULL}, {".json", NULL, NULL}, {":.json", NULL, NULL},
		{"c1:eth0.json.tmp", NULL, NULL}, {"", NULL, NULL},
		{"c1:0123456789abcdef.json", NULL, NULL},
	};
	char id[RECORD_ID_MAX + 1], ifname[IFNAMSIZ], name[NAME_MAX + 1], longest[RECORD_ID_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (record_file_parse(cases[i].file, id, ifname) != !!cases[i].id)
			fail_msg("%s", cases[i].file);
		if (!cases[i].id)
			continue;
		assert_string_equal(id, cases[i].id);
		assert_string_equal(ifname, cases[i].ifname);
		assert_int_equal(record_file_name(id, ifname, name), 0);
		assert_string_equal(name, cases[i].file);
	}
	memset(longest, 'a', sizeof(longest));
	longest[RECORD_ID_MAX + 1] = 0;
	assert_int_equal(record_file_name(longest, "eth0", name), -EINVAL);
	longest[RECORD_ID_MAX] = 0;
	assert_int_equal(record_file_name(longest, "0123456789abcde", name), 0);
	assert_true(record_file_parse(name, id, ifname));
	/* and its temporary file still has a name */
	assert_int_equal(file_write(dirfd, name, "x", 1, true), 0);
	assert_int_equal(file_remove(dirfd, name), 0);
}

static void macs(void **state)
{
	char buf[MAC_STRLEN];
	__u8 mac[6];

	(void)state;
	assert_int_equal(mac_parse("0A:0b:00:ff:10:01", mac), 0);
	assert_string_equal(mac_format(mac, buf), "0a:0b:00:ff:10:01");
	assert_int_equal(mac_parse("", mac), -EINVAL);
	assert_int_equal(mac_parse("0a:0b:00:ff:10:01:02", mac), -EINVAL);
	assert_int_equal(mac_parse("0a-0b-00-ff-10-01", mac), -EINVAL);
	assert_int_equal(mac_parse("a:b:0:f:1:1", mac), -EINVAL);
}

/* ----------------------------------------------------------------- files */

static void written(void **state)
{
	struct stat st;
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(file_write(dirfd, "f", "one", 3, true), 0);
	assert_int_equal(file_write(dirfd, "f", "three", 5, false), 0);
	assert_int_equal(file_read(dirfd, "f", 100, &data, &len), 0);
	assert_int_equal(len, 5);
	assert_string_equal(data, "three");
	free(data);
	assert_int_equal(fstatat(dirfd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(faccessat(dirfd, ".f.tmp", F_OK, 0), -1);
	assert_int_equal(file_read(dirfd, "f", 4, &data, &len), -EFBIG);
	assert_int_equal(file_remove(dirfd, "f"), 0);
	assert_int_equal(file_remove(dirfd, "f"), 0);
	assert_int_equal(file_read(dirfd, "f", 4, &data, &len), -ENOENT);
}

/* Nothing but a regular file is read or written through: no link, FIFO or directory. */
static void odd_files(void **state)
{
	char *data;
	size_t len;
	int fd;

	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", dirfd, "link"), 0);
	assert_int_equal(mkfifoat(dirfd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(dirfd, "dir", 0700), 0);
	assert_int_equal(file_read(dirfd, "link", 1 << 20, &data, &len), -ELOOP);
	assert_int_equal(file_read(dirfd, "fifo", 100, &data, &len), -EINVAL);
	assert_int_equal(file_read(dirfd, "dir", 1 << 20, &data, &len), -EISDIR);
	/* a left-over temporary name that leads elsewhere */
	assert_int_equal(symlinkat("/tmp/sl-record-victim", dirfd, ".x.tmp"), 0);
	assert_int_equal(file_write(dirfd, "x", "1", 1, true), -ELOOP);
	assert_int_equal(access("/tmp/sl-record-victim", F_OK), -1);
	assert_int_equal(file_write(dirfd, "dir", "1", 1, true), -EISDIR);
	assert_int_equal(faccessat(dirfd, ".dir.tmp", F_OK, 0), -1);
	fd = file_lock(dirfd, "link", 0);
	assert_int_equal(fd, -ELOOP);
	unlinkat(dirfd, ".x.tmp", 0);
	unlinkat(dirfd, "link", 0);
	unlinkat(dirfd, "fifo", 0);
	unlinkat(dirfd, "dir", AT_REMOVEDIR);
}

static void locked(void **state)
{
	int a, b;

	(void)state;
	a = file_lock(dirfd, "l", 0);
	assert_true(a >= 0);
	b = file_lock(dirfd, "l", 20);
	assert_int_equal(b, -ETIMEDOUT);
	close(a);
	b = file_lock(dirfd, "l", 0);
	assert_true(b >= 0);
	close(b);
	unlinkat(dirfd, "l", 0);
}

static void directories(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b//c", dir);
	assert_int_equal(file_mkdir(path, 0700), 0);
	assert_int_equal(file_mkdir(path, 0700), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_mkdir("", 0700), -ENOENT);
	snprintf(path, sizeof(path), "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(file_mkdir(path, 0700), -ENOTDIR);
	strcat(path, "/d");
	assert_int_equal(file_mkdir(path, 0700), -ENOTDIR);
	assert_int_equal(record_dir_open("/no/such/place", false), -ENOENT);
}

static int see(void *arg, const char *file, const struct record *rec, const char *why)
{
	int *seen = arg;

	if (rec)
		seen[0]++;
	else if (strstr(why, file[0] == 'm' ? "file's name" : "line"))
		seen[1]++;
	return 0;
}

static void read_all(void **state)
{
	int seen[2] = {};

	(void)state;
	assert_int_equal(file_write(dirfd, "c1:eth0.json", good, strlen(good), false), 0);
	assert_int_equal(file_write(dirfd, "moved:eth0.json", good, strlen(good), false), 0);
	assert_int_equal(file_write(dirfd, "torn:eth0.json", good, 50, false), 0);
	assert_int_equal(file_write(dirfd, "note.txt", "x", 1, false), 0);
	assert_int_equal(record_each(dirfd, see, seen), 0);
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 2);
	/* from the start again */
	assert_int_equal(record_each(dirfd, see, seen), 0);
	assert_int_equal(seen[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(refused),
		cmocka_unit_test(no_object),  cmocka_unit_test(file_names),
		cmocka_unit_test(macs),	      cmocka_unit_test(written),
		cmocka_unit_test(odd_files),  cmocka_unit_test(locked),
		cmocka_unit_test(directories), cmocka_unit_test(read_all),
	};

	return unit_run(tests, setup, teardown);
}
