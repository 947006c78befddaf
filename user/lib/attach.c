// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Programs on devices. A tcx or netkit attachment is a link, pinned as
 * links/<how>-<ifindex>-<hook>; it is at work when its id is among those that
 * the kernel names for the device, which tells a dead link and a device that
 * got a dead one's number apart from a live one. A clsact attachment is a
 * filter with a handle and priority of ours; links/…-clsact, a pin of the
 * program, is written before it and removed after it, so that no filter of
 * ours is ever without a trace.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/internal.h"

/* First to see a packet: a filter before ours could let it pass unjudged. */
#define TC_PRIORITY	1
#define TC_HANDLE	0x736c		/* "sl" */

#define CLSACT_SUFFIX	"-clsact"
/* The kernel's BPF_MPROG_MAX: more programs fit on no device. */
#define MPROG_MAX	64

struct point {
	enum sluice_attach how;
	enum sl_hook hook;
	enum bpf_attach_type type;
	enum bpf_tc_attach_point tc;	/* 0: no clsact for these */
};

/* Of one kind in the order in which they are put there; taken away in the opposite one. */
static const struct point points[] = {
	{ SLUICE_ATTACH_VETH, SL_HOOK_FROM_POD, BPF_TCX_INGRESS, BPF_TC_INGRESS },
	{ SLUICE_ATTACH_VETH, SL_HOOK_TO_POD, BPF_TCX_EGRESS, BPF_TC_EGRESS },
	{ SLUICE_ATTACH_NETKIT, SL_HOOK_FROM_POD, BPF_NETKIT_PEER, 0 },
	{ SLUICE_ATTACH_NETKIT, SL_HOOK_TO_POD, BPF_TCX_EGRESS, 0 },
	{ SLUICE_ATTACH_NETKIT, SL_HOOK_NETKIT, BPF_NETKIT_PRIMARY, 0 },
	{ SLUICE_ATTACH_UPLINK, SL_HOOK_FROM_UPLINK, BPF_TCX_INGRESS, BPF_TC_INGRESS },
	{ SLUICE_ATTACH_UPLINK, SL_HOOK_TO_POD, BPF_TCX_EGRESS, BPF_TC_EGRESS },
	{ SLUICE_ATTACH_TUNNEL, SL_HOOK_FROM_TUNNEL, BPF_TCX_INGRESS, BPF_TC_INGRESS },
};

static const char *const how_names[__SLUICE_ATTACH_MAX] = {
	[SLUICE_ATTACH_VETH] = "veth", [SLUICE_ATTACH_NETKIT] = "netkit",
	[SLUICE_ATTACH_UPLINK] = "uplink", [SLUICE_ATTACH_TUNNEL] = "tunnel",
};

/* Also the names of the pins, without sl_. */
static const char *const prog_names[__SL_HOOK_MAX] = {
	[SL_HOOK_FROM_POD] = "sl_from_pod", [SL_HOOK_TO_POD] = "sl_to_pod",
	[SL_HOOK_FROM_UPLINK] = "sl_from_uplink", [SL_HOOK_FROM_TUNNEL] = "sl_from_tunnel",
	[SL_HOOK_NETKIT] = "sl_netkit",
};

const char *lib_hook_prog_name(enum sl_hook hook)
{
	return prog_names[hook];
}

/* --------------------------------------------------------- names of pins */

/* One pin below links/, and what its name says. */
struct pin {
	const struct point *pt;
	int ifindex;
	bool clsact;
	char path[PATH_MAX];
};

static void pin_name(char *name, const struct point *pt, int ifindex, bool clsact)
{
	snprintf(name, NAME_MAX, "%s-%d-%s%s", how_names[pt->how], ifindex,
		 prog_names[pt->hook] + strlen("sl_"), clsact ? CLSACT_SUFFIX : "");
}

static void pin_init(struct pin *pin, const char *root, const struct point *pt, int ifindex,
		     bool clsact)
{
	char name[NAME_MAX];

	pin_name(name, pt, ifindex, clsact);
	lib_pin_path(pin->path, root, PIN_LINKS, name);
	pin->pt = pt;
	pin->ifindex = ifindex;
	pin->clsact = clsact;
}

/* Whether @name is one that pin_name() makes; fills @pin. */
static bool pin_parse(struct pin *pin, const char *root, const char *name)
{
	const char *dash = strchr(name, '-');
	int ifindex = dash ? atoi(dash + 1) : 0;
	char candidate[NAME_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points) * 2; i++) {
		pin_name(candidate, &points[i / 2], ifindex, i & 1);
		if (strcmp(candidate, name))
			continue;
		pin_init(pin, root, &points[i / 2], ifindex, i & 1);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------ tcx */

/*
 * Ids of the links of @type on a device, into @ids[MPROG_MAX]; returns how
 * many. -EINVAL: the kernel has no such hook; -ENODEV: no such device.
 */
static int links_on_device(int ifindex, enum bpf_attach_type type, __u32 *ids)
{
	__u32 progs[MPROG_MAX];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = progs, .link_ids = ids,
		    .prog_cnt = MPROG_MAX);
	int err;

	err = bpf_prog_query_opts(ifindex, type, &opts);
	return err ? err : (int)opts.prog_cnt;
}

/* 1 when the pinned link is at work on its device, else 0 or an errno. */
static int link_at_work(const struct pin *pin)
{
	struct bpf_link_info info;
	__u32 ids[MPROG_MAX];
	int err, i, n;

	err = lib_pin_link_info(pin->path, &info);
	if (err <= 0)
		return err;
	n = links_on_device(pin->ifindex, pin->pt->type, ids);
	if (n < 0)
		return n == -ENODEV ? 0 : n;
	for (i = 0; i < n; i++)
		if (ids[i] == info.id)
			return 1;
	return 0;
}

static int link_attach(const struct pin *pin, int prog_fd)
{
	int fd, err;

	fd = bpf_link_create(prog_fd, pin->ifindex, pin->pt->type, NULL);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, pin->path);
	/* without a pin the link goes with its descriptor */
	close(fd);
	return err;
}

static int link_detach(const struct pin *pin)
{
	int fd, err;

	fd = bpf_obj_get(pin->path);
	if (fd < 0)
		return fd;
	/* now, whoever else holds it; -ENOLINK: the device is gone */
	err = bpf_link_detach(fd);
	close(fd);
	return err == -ENOLINK ? 0 : err;
}

/* -ENOLINK: its device is gone. */
static int link_replace(const struct pin *pin, int prog_fd)
{
	int fd, err;

	fd = bpf_obj_get(pin->path);
	if (fd < 0)
		return fd;
	err = bpf_link_update(fd, prog_fd, NULL);
	close(fd);
	return err;
}

/* --------------------------------------------------------------- clsact */

/* 1 when the filter under our handle is ours, 0 when it is not or is none. */
static int filter_at_work(const struct pin *pin)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = pin->ifindex, .attach_point = pin->pt->tc);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	err = bpf_tc_query(&hook, &opts);
	if (err)	/* libbpf and kernel name "none" in more than one way */
		return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
	fd = bpf_prog_get_fd_by_id(opts.prog_id);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_prog_get_info_by_fd(fd, &info, &len);
	close(fd);
	return err ? err : !strcmp(info.name, prog_names[pin->pt->hook]);
}

static int filter_put(const struct pin *pin, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = pin->ifindex, .attach_point = pin->pt->tc);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

static int filter_attach(const struct pin *pin, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = pin->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err;

	err = bpf_obj_pin(prog_fd, pin->path);
	if (err)
		return err;
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = filter_put(pin, prog_fd);
	if (err)
		unlink(pin->path);
	return err;
}

static int filter_detach(const struct pin *pin)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = pin->ifindex, .attach_point = pin->pt->tc);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int ours = filter_at_work(pin);

	/* the empty clsact stays: others may be about to use it */
	return ours > 0 ? bpf_tc_detach(&hook, &opts) : ours;
}

static int filter_replace(const struct pin *pin, int prog_fd)
{
	int ours = filter_at_work(pin);

	if (!ours)
		return -ENOLINK;
	return ours < 0 ? ours : filter_put(pin, prog_fd);
}

/* --------------------------------------------------- one hook of a device */

static int pin_at_work(const struct pin *pin)
{
	return pin->clsact ? filter_at_work(pin) : link_at_work(pin);
}

static int pin_detach(const struct pin *pin)
{
	int err = pin->clsact ? filter_detach(pin) : link_detach(pin);

	if (err)
		return err;
	return unlink(pin->path) && errno != ENOENT ? -errno : 0;
}

bool lib_has_tcx(int ifindex)
{
	__u32 ids[MPROG_MAX];

	return links_on_device(ifindex, BPF_TCX_INGRESS, ids) != -EINVAL;
}

static int prog_open(const char *root, const char *name)
{
	char path[PATH_MAX];

	return bpf_obj_get(lib_pin_path(path, root, PIN_PROGS, name));
}

/* 1 when it was put there, 0 when it was there. */
static int point_attach(const char *root, const struct point *pt, int ifindex, bool clsact)
{
	struct pin pin;
	int fd, err;

	pin_init(&pin, root, pt, ifindex, clsact);
	err = access(pin.path, F_OK) ? 0 : pin_at_work(&pin);
	if (err)
		return err < 0 ? err : 0;
	/* a pin that was left behind by a device or a loader that died */
	if (unlink(pin.path) && errno != ENOENT)
		return -errno;
	fd = prog_open(root, prog_names[pt->hook]);
	if (fd < 0)
		return fd;
	err = clsact ? filter_attach(&pin, fd) : link_attach(&pin, fd);
	close(fd);
	return err ? err : 1;
}

/* ------------------------------------------------------------ all pins */

struct walk {
	const char *root;
	int (*cb)(struct walk *walk, struct pin *pin);
	int ifindex;			/* 0: all */
	enum sluice_attach how;
	bool clsact;
	const int *fds;
	int (*user_cb)(void *arg, int ifindex, enum sluice_attach how);
	void *user_arg;
};

static int walk_name(void *arg, const char *name)
{
	struct walk *walk = arg;
	struct pin pin;

	return pin_parse(&pin, walk->root, name) ? walk->cb(walk, &pin) : 0;
}

/* One device has few names; not to read a directory with those of thousands. */
static int walk_device(struct walk *walk)
{
	size_t i = ARRAY_SIZE(points) * 2;
	int err = 0;

	while (err >= 0 && i-- > 0) {
		struct pin pin;

		pin_init(&pin, walk->root, &points[i / 2], walk->ifindex, i & 1);
		if (!access(pin.path, F_OK))
			err = walk->cb(walk, &pin);
	}
	return err < 0 ? err : 0;
}

static int walk_pins(struct walk *walk)
{
	if (walk->ifindex)
		return walk_device(walk);
	return lib_pin_each(walk->root, PIN_LINKS, walk_name, walk);
}

static int detach_one(struct walk *walk, struct pin *pin)
{
	(void)walk;
	return pin_detach(pin);
}

int lib_attach_remove_all(const char *root)
{
	struct walk walk = { .root = root, .cb = detach_one };

	return walk_pins(&walk);
}

static int replace_one(struct walk *walk, struct pin *pin)
{
	int fd = walk->fds[pin->pt->hook], err;

	if (fd < 0)
		return fd;
	err = pin->clsact ? filter_replace(pin, fd) : link_replace(pin, fd);
	if (err == -ENOLINK)
		return unlink(pin->path) && errno != ENOENT ? -errno : 0;
	if (!err && pin->clsact)
		err = lib_pin_replace(fd, walk->root, PIN_LINKS, strrchr(pin->path, '/') + 1);
	return err;
}

int lib_attach_replace_all(const char *root, const int fds[__SL_HOOK_MAX])
{
	struct walk walk = { .root = root, .cb = replace_one, .fds = fds };

	return walk_pins(&walk);
}

/* A device that is attached as something else; what a dead one left is removed. */
static int refuse_other_how(struct walk *walk, struct pin *pin)
{
	int err;

	if (pin->pt->how == walk->how)
		return 0;
	err = pin_at_work(pin);
	if (err)
		return err < 0 ? err : -EEXIST;
	return pin_detach(pin);
}

/* The same hooks by the other mechanism. */
static int detach_other_kind(struct walk *walk, struct pin *pin)
{
	return pin->clsact == walk->clsact ? 0 : pin_detach(pin);
}

static int attach_points(struct walk *walk)
{
	unsigned int i, done = 0;
	int err = 0;

	for (i = 0; err >= 0 && i < ARRAY_SIZE(points); i++) {
		if (points[i].how != walk->how)
			continue;
		err = point_attach(walk->root, &points[i], walk->ifindex, walk->clsact);
		if (err > 0)
			done |= 1U << i;
	}
	if (err >= 0)
		return 0;
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		struct pin pin;

		if (!(done & 1U << i))
			continue;
		pin_init(&pin, walk->root, &points[i], walk->ifindex, walk->clsact);
		pin_detach(&pin);
	}
	return err;
}

static int attach_locked(struct walk *walk)
{
	int err;

	walk->cb = refuse_other_how;
	err = walk_pins(walk);
	if (!err)
		err = attach_points(walk);
	if (err)
		return err;
	/* last: at no instant is the device without */
	walk->cb = detach_other_kind;
	return walk_pins(walk);
}

int sluice_attach(struct sluice *sl, int ifindex, enum sluice_attach how)
{
	struct walk walk = { .root = sl->root, .ifindex = ifindex, .how = how };
	struct lib_log_scope scope;
	int lock, err;

	if (how >= __SLUICE_ATTACH_MAX || ifindex <= 0)
		return -EINVAL;
	walk.clsact = how != SLUICE_ATTACH_NETKIT && (sl->clsact || !lib_has_tcx(ifindex));
	lock = lib_pin_lock(sl->root, true);
	if (lock < 0)
		return lock;
	lib_log_begin(&scope, NULL, NULL);
	err = attach_locked(&walk);
	lib_log_end(&scope);
	close(lock);
	return err;
}

void sluice_attach_clsact(struct sluice *sl, bool only)
{
	sl->clsact = only;
}

int sluice_detach(struct sluice *sl, int ifindex)
{
	struct walk walk = { .root = sl->root, .cb = detach_one, .ifindex = ifindex };
	struct lib_log_scope scope;
	int lock, err;

	if (ifindex <= 0)
		return -EINVAL;
	lock = lib_pin_lock(sl->root, true);
	if (lock < 0)
		return lock;
	lib_log_begin(&scope, NULL, NULL);
	err = walk_pins(&walk);
	lib_log_end(&scope);
	close(lock);
	return err;
}

static int report_one(struct walk *walk, struct pin *pin)
{
	int err;

	/* one hook stands for the device: the first that its kind has */
	if (pin->pt > points && pin->pt[-1].how == pin->pt->how)
		return 0;
	err = pin_at_work(pin);
	return err > 0 ? walk->user_cb(walk->user_arg, pin->ifindex, pin->pt->how) : err;
}

int sluice_attached(struct sluice *sl,
		    int (*cb)(void *arg, int ifindex, enum sluice_attach how), void *arg)
{
	struct walk walk = { .root = sl->root, .cb = report_one, .user_cb = cb, .user_arg = arg };
	struct lib_log_scope scope;
	int err;

	lib_log_begin(&scope, NULL, NULL);
	err = walk_pins(&walk);
	lib_log_end(&scope);
	return err;
}

/* By the one mechanism or the other. */
static int point_check(const char *root, const struct point *pt, int ifindex)
{
	int clsact, err = 0;

	for (clsact = 0; !err && clsact < 2; clsact++) {
		struct pin pin;

		pin_init(&pin, root, pt, ifindex, clsact);
		if (!access(pin.path, F_OK))
			err = pin_at_work(&pin);
	}
	if (err < 0)
		return err;
	return err ? 0 : -ENOENT;
}

int sluice_attach_check(struct sluice *sl, int ifindex, enum sluice_attach how)
{
	struct lib_log_scope scope;
	int err = 0;
	size_t i;

	if (how >= __SLUICE_ATTACH_MAX || ifindex <= 0)
		return -EINVAL;
	lib_log_begin(&scope, NULL, NULL);
	for (i = 0; !err && i < ARRAY_SIZE(points); i++)
		if (points[i].how == how)
			err = point_check(sl->root, &points[i], ifindex);
	lib_log_end(&scope);
	return err;
}
