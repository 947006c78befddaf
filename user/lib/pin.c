// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Below the pin root: the bpffs it lies on, the directories
 * v<abi>/{maps,progs,links}, the lock, and pins that are replaced in one step.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "lib/internal.h"

#define BPFFS		"/sys/fs/bpf"
#define MOUNT_SOURCE	"sluice"	/* how a mount of ours is known again */
/* A new pin before it takes its place. bpffs wants no dots in names. */
#define NEW_PREFIX	"new_"

static const char *const dir_names[__PIN_MAX] = {
	[PIN_MAPS] = "maps", [PIN_PROGS] = "progs", [PIN_LINKS] = "links",
};

const char *lib_pin_path(char *buf, const char *root, enum pin_dir dir, const char *name)
{
	snprintf(buf, PATH_MAX, "%s/v%u/%s%s%s", root, SL_ABI_VERSION, dir_names[dir],
		 name ? "/" : "", name ? name : "");
	return buf;
}

static bool on_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && st.f_type == BPF_FS_MAGIC;
}

static int mount_bpffs(const char *path)
{
	return mount(MOUNT_SOURCE, path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ?
	       -errno : 0;
}

/* The kernel's own mount point first: sysfs lets nobody make a directory. */
static int mount_default(const char *root)
{
	size_t len = strlen(BPFFS);

	if (strncmp(root, BPFFS, len) || (root[len] && root[len] != '/') || on_bpffs(BPFFS))
		return 0;
	return mount_bpffs(BPFFS);
}

static int make_parents(const char *root)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", root);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int root_check(const char *root)
{
	if (root[0] != '/')
		return -EINVAL;
	return strlen(root) > PIN_ROOT_MAX ? -ENAMETOOLONG : 0;
}

int lib_pin_dirs_make(const char *root)
{
	char path[PATH_MAX];
	enum pin_dir dir;
	int err;

	err = root_check(root);
	if (!err)
		err = mount_default(root);
	if (!err)
		err = make_parents(root);
	if (!err && !on_bpffs(root))
		err = mount_bpffs(root);
	if (err)
		return err;

	snprintf(path, sizeof(path), "%s/v%u", root, SL_ABI_VERSION);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	for (dir = 0; dir < __PIN_MAX; dir++)
		if (mkdir(lib_pin_path(path, root, dir, NULL), 0700) && errno != EEXIST)
			return -errno;
	return 0;
}

/* Whether @root is the top of a mount that mount_bpffs() made. */
static bool mounted_here(const char *root)
{
	char line[PATH_MAX + 256], parent[PATH_MAX], source[32], *tail;
	unsigned int dev_major, dev_minor;
	struct stat st, above;
	bool found = false;
	FILE *f;

	snprintf(parent, sizeof(parent), "%s/..", root);
	if (stat(root, &st) || stat(parent, &above) || st.st_dev == above.st_dev)
		return false;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	/* id, parent, device, …, -, type, source */
	while (!found && fgets(line, sizeof(line), f)) {
		tail = strstr(line, " - bpf ");
		found = tail && sscanf(tail, " - bpf %31s", source) == 1 &&
			!strcmp(source, MOUNT_SOURCE) &&
			sscanf(line, "%*d %*d %u:%u", &dev_major, &dev_minor) == 2 &&
			st.st_dev == makedev(dev_major, dev_minor);
	}
	fclose(f);
	return found;
}

int lib_pin_dirs_remove(const char *root)
{
	char path[PATH_MAX];
	enum pin_dir dir;

	if (!on_bpffs(root))
		return 0;
	for (dir = 0; dir < __PIN_MAX; dir++)
		if (rmdir(lib_pin_path(path, root, dir, NULL)) && errno != ENOENT)
			return -errno;
	snprintf(path, sizeof(path), "%s/v%u", root, SL_ABI_VERSION);
	if (rmdir(path) && errno != ENOENT)
		return -errno;
	if (strcmp(root, BPFFS) && mounted_here(root) && umount2(root, MNT_DETACH))
		return -errno;
	/* others may have put something beside: then it stays */
	rmdir(root);
	return 0;
}

int lib_pin_lock(const char *root, bool wait)
{
	int fd, err;

	err = root_check(root);
	if (err)
		return err;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		err = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) ? -errno : 0;
	} while (err == -EINTR);
	if (err) {
		close(fd);
		return err == -EWOULDBLOCK ? -EBUSY : err;
	}
	return fd;
}

int lib_pin_replace(int fd, const char *root, enum pin_dir dir, const char *name)
{
	char tmp[PATH_MAX], path[PATH_MAX], new_name[NAME_MAX];
	int err;

	snprintf(new_name, sizeof(new_name), NEW_PREFIX "%s", name);
	lib_pin_path(tmp, root, dir, new_name);
	err = bpf_obj_pin(fd, tmp);
	if (err)
		return err;
	if (rename(tmp, lib_pin_path(path, root, dir, name))) {
		err = -errno;
		unlink(tmp);
	}
	return err;
}

/* Calls @cb for each name in @path, none if that isn't there; a negative return stops. */
static int each_name(const char *path, int (*cb)(void *arg, const char *name), void *arg)
{
	struct dirent *de;
	int err = 0;
	DIR *d;

	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (err >= 0 && (de = readdir(d)))
		if (de->d_name[0] != '.')
			err = cb(arg, de->d_name);
	closedir(d);
	return err < 0 ? err : 0;
}

int lib_pin_link_info(const char *path, struct bpf_link_info *info)
{
	__u32 len = sizeof(*info);
	int fd, err;

	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	memset(info, 0, sizeof(*info));
	err = bpf_link_get_info_by_fd(fd, info, &len);
	close(fd);
	return err ? err : 1;
}

int lib_pin_each(const char *root, enum pin_dir dir, int (*cb)(void *arg, const char *name),
	     void *arg)
{
	char path[PATH_MAX];

	return each_name(lib_pin_path(path, root, dir, NULL), cb, arg);
}

struct removal {
	const char *dir, *prefix;
};

static int remove_one(void *arg, const char *name)
{
	const struct removal *r = arg;
	char path[PATH_MAX];

	if (strncmp(name, r->prefix, strlen(r->prefix)))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int remove_names(const char *dir, const char *prefix)
{
	struct removal r = { dir, prefix };

	return each_name(dir, remove_one, &r);
}

static int remove_pins(const char *root, enum pin_dir dir, const char *prefix)
{
	char path[PATH_MAX];

	return remove_names(lib_pin_path(path, root, dir, NULL), prefix);
}

int lib_pin_clean(const char *root)
{
	int err;

	err = remove_pins(root, PIN_PROGS, NEW_PREFIX);
	return err ? err : remove_pins(root, PIN_LINKS, NEW_PREFIX);
}

int lib_pin_remove_all(const char *root)
{
	enum pin_dir dir;
	int err = 0;

	/* links before the programs and maps that they need */
	for (dir = __PIN_MAX; !err && dir-- > 0;)
		err = remove_pins(root, dir, "");
	return err;
}

/* ------------------------------------------------- other versions of the tables */

/* Whether @name is one that lib_pin_path() would make for tables of another version. */
static bool is_other_version(const char *name)
{
	unsigned int version;
	char want[NAME_MAX];

	if (sscanf(name, "v%u", &version) != 1 || version == SL_ABI_VERSION)
		return false;
	snprintf(want, sizeof(want), "v%u", version);
	return !strcmp(want, name);
}

static int remove_dir(const char *path)
{
	int err = remove_names(path, "");

	return err || !rmdir(path) || errno == ENOENT ? err : -errno;
}

static int remove_version(const char *root, const char *name)
{
	char path[PATH_MAX];
	enum pin_dir dir;
	int err = 0;

	for (dir = __PIN_MAX; !err && dir-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s/%s", root, name, dir_names[dir]);
		err = remove_dir(path);
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	return err || !rmdir(path) ? err : -errno;
}

struct retirement {
	const char *root;
	int n;				/* versions that are gone */
};

static int retire_one(void *arg, const char *name)
{
	struct retirement *r = arg;
	int err;

	if (!is_other_version(name))
		return 0;
	err = remove_version(r->root, name);
	r->n += !err;
	return err;
}

int sluice_retire(struct sluice *sl)
{
	struct retirement r = { .root = sl->root };
	int lock = lib_pin_lock(sl->root, true), err;

	if (lock < 0)
		return lock;
	err = each_name(sl->root, retire_one, &r);
	close(lock);
	return err ? err : r.n;
}
