// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The edge's program in XDP: one link for each device, pinned as
 * links/xdp-<ifindex>. It is at work when the device that it is on is still that
 * one and in the mode that is wanted.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/internal.h"

#define PIN_PREFIX	"xdp-"
#define PROG		"sl_edge"

static const struct {
	__u32 flags;			/* for bpf_link_create() */
	__u8 attached;			/* as bpf_xdp_query() has it */
} modes[] = {
	[SLUICE_XDP_NATIVE] = { XDP_FLAGS_DRV_MODE, XDP_ATTACHED_DRV },
	[SLUICE_XDP_GENERIC] = { XDP_FLAGS_SKB_MODE, XDP_ATTACHED_SKB },
};

static const char *link_name(char *name, int ifindex)
{
	snprintf(name, NAME_MAX, PIN_PREFIX "%d", ifindex);
	return name;
}

/* Of a name below links/; 0: not of this kind. */
static int link_ifindex(const char *name)
{
	return strncmp(name, PIN_PREFIX, strlen(PIN_PREFIX)) ? 0 : atoi(name + strlen(PIN_PREFIX));
}

/* 1 when the link under @path is on the device in that mode, 0 when it is not or is none. */
static int link_at_work(const char *path, int ifindex, enum sluice_xdp_mode mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info;
	int err = lib_pin_link_info(path, &info);

	if (err <= 0)
		return err;
	if (info.xdp.ifindex != (__u32)ifindex || bpf_xdp_query(ifindex, 0, &query))
		return 0;
	return query.attach_mode == modes[mode].attached;
}

/* The device is without from then on, whoever else holds the link. */
static int link_remove(const char *path)
{
	int fd, err;

	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_link_detach(fd);
	close(fd);
	/* -ENOLINK: the device is gone */
	if (err && err != -ENOLINK)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int link_put(const char *root, const char *path, int ifindex, enum sluice_xdp_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[mode].flags);
	char prog[PATH_MAX];
	int fd, link, err;

	fd = bpf_obj_get(lib_pin_path(prog, root, PIN_PROGS, PROG));
	if (fd < 0)
		return fd;
	link = bpf_link_create(fd, ifindex, BPF_XDP, &opts);
	close(fd);
	/* -EEXIST: one in the other mode */
	if (link < 0)
		return link == -EEXIST ? -EBUSY : link;
	err = bpf_obj_pin(link, path);
	/* without a pin the link goes with its descriptor */
	close(link);
	return err;
}

struct walk {
	const char *root;
	int keep;			/* ifindex, 0: none */
	int prog_fd;
};

static int remove_other(void *arg, const char *name)
{
	struct walk *walk = arg;
	char path[PATH_MAX];
	int ifindex = link_ifindex(name);

	if (!ifindex || ifindex == walk->keep)
		return 0;
	return link_remove(lib_pin_path(path, walk->root, PIN_LINKS, name));
}

static int attach_locked(const char *root, int ifindex, enum sluice_xdp_mode mode)
{
	struct walk walk = { .root = root, .keep = ifindex };
	char path[PATH_MAX], name[NAME_MAX];
	int err;

	lib_pin_path(path, root, PIN_LINKS, link_name(name, ifindex));
	err = link_at_work(path, ifindex, mode);
	if (err < 0)
		return err;
	if (!err) {
		err = link_remove(path);
		if (!err)
			err = link_put(root, path, ifindex, mode);
		if (err)
			return err;
	}
	return lib_pin_each(root, PIN_LINKS, remove_other, &walk);
}

int sluice_xdp_attach(struct sluice *sl, int ifindex, enum sluice_xdp_mode mode)
{
	struct lib_log_scope scope;
	int lock, err;

	if (ifindex <= 0 || mode >= ARRAY_SIZE(modes))
		return -EINVAL;
	lock = lib_pin_lock(sl->root, true);
	if (lock < 0)
		return lock;
	lib_log_begin(&scope, NULL, NULL);
	err = attach_locked(sl->root, ifindex, mode);
	lib_log_end(&scope);
	close(lock);
	return err;
}

int sluice_xdp_detach(struct sluice *sl)
{
	struct walk walk = { .root = sl->root };
	int lock, err;

	lock = lib_pin_lock(sl->root, true);
	if (lock < 0)
		return lock;
	err = lib_pin_each(sl->root, PIN_LINKS, remove_other, &walk);
	close(lock);
	return err;
}

static int replace_one(void *arg, const char *name)
{
	struct walk *walk = arg;
	char path[PATH_MAX];
	int fd, err;

	if (!link_ifindex(name))
		return 0;
	lib_pin_path(path, walk->root, PIN_LINKS, name);
	if (walk->prog_fd < 0)
		return link_remove(path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = bpf_link_update(fd, walk->prog_fd, NULL);
	close(fd);
	if (err == -ENOLINK)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	return err;
}

int lib_xdp_replace_all(const char *root, struct bpf_object *obj)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, PROG);
	struct walk walk = { .root = root, .prog_fd = prog ? bpf_program__fd(prog) : -ENOENT };

	return lib_pin_each(root, PIN_LINKS, replace_one, &walk);
}
