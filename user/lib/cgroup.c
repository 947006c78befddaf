// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Programs on a cgroup: one link for each, pinned as links/cgroup-<hook>. A link
 * that is on another cgroup, or dead with its own, is replaced.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>
#include "lib/internal.h"

#define PIN_PREFIX	"cgroup-"

static const struct {
	const char *prog;
	enum bpf_attach_type type;
} hooks[] = {
	/* who asks by a name first knows what to be called by: the answers' hooks come first */
	{ "sl_recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
	{ "sl_recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
	{ "sl_peername4", BPF_CGROUP_INET4_GETPEERNAME },
	{ "sl_peername6", BPF_CGROUP_INET6_GETPEERNAME },
	{ "sl_connect4", BPF_CGROUP_INET4_CONNECT },
	{ "sl_connect6", BPF_CGROUP_INET6_CONNECT },
	{ "sl_sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
	{ "sl_sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
};

static const char *link_path(char *buf, const char *root, const char *prog)
{
	char name[NAME_MAX];

	snprintf(name, sizeof(name), PIN_PREFIX "%s", prog + strlen("sl_"));
	return lib_pin_path(buf, root, PIN_LINKS, name);
}

/* 1 when the link under @path is on the cgroup of this id, 0 when it is not or is none. */
static int link_is_on(const char *path, __u64 cgroup_id)
{
	struct bpf_link_info info;
	int err = lib_pin_link_info(path, &info);

	return err <= 0 ? err : info.cgroup.cgroup_id == cgroup_id;
}

static int attach_one(const char *root, size_t i, int cgroup, __u64 cgroup_id)
{
	char path[PATH_MAX], prog[PATH_MAX];
	int fd, link, err;

	link_path(path, root, hooks[i].prog);
	err = link_is_on(path, cgroup_id);
	if (err)
		return err < 0 ? err : 0;
	fd = bpf_obj_get(lib_pin_path(prog, root, PIN_PROGS, hooks[i].prog));
	if (fd < 0)
		return fd;
	link = bpf_link_create(fd, cgroup, hooks[i].type, NULL);
	close(fd);
	if (link < 0)
		return link;
	/* in place of the old one: at no instant is there none */
	err = lib_pin_replace(link, root, PIN_LINKS, strrchr(path, '/') + 1);
	close(link);
	return err;
}

/* A cgroup's id is its directory's inode: Documentation/admin-guide/cgroup-v2.rst of the kernel. */
static int cgroup_open(const char *path, __u64 *id)
{
	struct statfs fs;
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) || fstat(fd, &st))
		err = -errno;
	else
		err = fs.f_type == CGROUP2_SUPER_MAGIC ? 0 : -ENOTSUP;
	if (err) {
		close(fd);
		return err;
	}
	*id = st.st_ino;
	return fd;
}

int sluice_cgroup_attach(struct sluice *sl, const char *path)
{
	struct lib_log_scope scope;
	int cgroup, lock, err = 0;
	size_t i;
	__u64 id = 0;

	cgroup = cgroup_open(path, &id);
	if (cgroup < 0)
		return cgroup;
	lock = lib_pin_lock(sl->root, true);
	if (lock < 0) {
		close(cgroup);
		return lock;
	}
	lib_log_begin(&scope, NULL, NULL);
	for (i = 0; !err && i < ARRAY_SIZE(hooks); i++)
		err = attach_one(sl->root, i, cgroup, id);
	lib_log_end(&scope);
	close(lock);
	close(cgroup);
	return err;
}

int sluice_cgroup_detach(struct sluice *sl)
{
	char path[PATH_MAX];
	int lock, err = 0;
	size_t i;

	lock = lib_pin_lock(sl->root, true);
	if (lock < 0)
		return lock;
	for (i = ARRAY_SIZE(hooks); !err && i-- > 0;)
		if (unlink(link_path(path, sl->root, hooks[i].prog)) && errno != ENOENT)
			err = -errno;
	close(lock);
	return err;
}

int lib_cgroup_replace_all(const char *root, struct bpf_object *obj)
{
	struct bpf_program *prog;
	char path[PATH_MAX];
	int fd, err = 0;
	size_t i;

	for (i = 0; !err && i < ARRAY_SIZE(hooks); i++) {
		fd = bpf_obj_get(link_path(path, root, hooks[i].prog));
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		prog = bpf_object__find_program_by_name(obj, hooks[i].prog);
		err = prog ? bpf_link_update(fd, bpf_program__fd(prog), NULL) : -ENOENT;
		close(fd);
		/* its cgroup is gone */
		if (err == -ENOLINK)
			err = unlink(path) && errno != ENOENT ? -errno : 0;
	}
	return err;
}
