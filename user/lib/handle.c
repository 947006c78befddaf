// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The handle: descriptors of the pinned maps and the two that are mapped. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/backend.h"

/* -ESTALE: pinned by another build, whose tables look different. */
static int check_layout(int fd, const struct sluice_table *t)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	if (info.key_size != t->key_size || info.value_size != t->value_size)
		return -ESTALE;
	return t->map == SL_MAP_EP && info.max_entries != SL_EP_MAX ? -ESTALE : 0;
}

static int open_maps(struct sluice *sl)
{
	const struct sluice_table *t;
	char path[PATH_MAX];
	size_t i, n;
	int fd, err;

	t = sluice_tables(&n);
	for (i = 0; i < n; i++) {
		lib_pin_path(path, sl->root, PIN_MAPS, sluice_map_name(t[i].map));
		fd = bpf_obj_get(path);
		if (fd < 0)
			return fd;
		sl->map_fd[t[i].map] = fd;
		err = check_layout(fd, &t[i]);
		if (err)
			return err;
	}
	return 0;
}

static int map_shared(int fd, size_t size, void **out)
{
	void *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	*out = mem;
	return 0;
}

static int backend_by_name(const char *name, enum sluice_backend *out)
{
	if (!*name)
		*out = SLUICE_BACKEND_AUTO;
	else if (!strcmp(name, lib_backend_pinned.name))
		*out = SLUICE_BACKEND_PINNED;
	else if (!strcmp(name, lib_backend_netlink.name))
		*out = SLUICE_BACKEND_NETLINK;
	else
		return -EINVAL;
	return 0;
}

int lib_backend_choose(struct sluice *sl, enum sluice_backend which)
{
	const char *env = getenv("SLUICE_BACKEND");
	int err = 0;

	if (which == SLUICE_BACKEND_AUTO && env)
		err = backend_by_name(env, &which);
	if (err)
		return err;
	sl->backend = &lib_backend_netlink;
	if (which != SLUICE_BACKEND_PINNED)
		err = sl->backend->open(sl);
	if (which == SLUICE_BACKEND_NETLINK)
		return err;
	if (err || which == SLUICE_BACKEND_PINNED)
		sl->backend = &lib_backend_pinned;
	return 0;
}

int sluice_open(const char *root, struct sluice **out)
{
	return sluice_open_opts(root, NULL, out);
}

int sluice_open_opts(const char *root, const struct sluice_open_opts *user_opts,
		     struct sluice **out)
{
	struct sluice_open_opts opts = { .sz = sizeof(opts) };
	struct sluice *sl;
	size_t len;
	int err;

	if (user_opts)
		memcpy(&opts, user_opts,
		       user_opts->sz < sizeof(opts) ? user_opts->sz : sizeof(opts));
	len = strlen(root);
	if (len > PIN_ROOT_MAX)
		return -ENAMETOOLONG;
	sl = calloc(1, sizeof(*sl) + len + 1);
	if (!sl)
		return -ENOMEM;
	memcpy(sl->root, root, len + 1);
	memset(sl->map_fd, -1, sizeof(sl->map_fd));

	err = open_maps(sl);
	if (!err)
		err = map_shared(sl->map_fd[SL_MAP_EP], sizeof(*sl->eps) * SL_EP_MAX,
				 (void **)&sl->eps);
	if (!err)
		err = map_shared(sl->map_fd[SL_MAP_STATE], sizeof(*sl->state),
				 (void **)&sl->state);
	if (!err)
		err = lib_backend_choose(sl, opts.backend);
	if (err) {
		sluice_close(sl);
		return err;
	}
	*out = sl;
	return 0;
}

void sluice_close(struct sluice *sl)
{
	enum sl_map map;

	if (!sl)
		return;
	if (sl->nl)
		sl->backend->close(sl);
	if (sl->eps)
		munmap(sl->eps, sizeof(*sl->eps) * SL_EP_MAX);
	if (sl->state)
		munmap(sl->state, sizeof(*sl->state));
	for (map = 0; map < __SL_MAP_MAX; map++)
		if (sl->map_fd[map] >= 0)
			close(sl->map_fd[map]);
	free(sl);
}

int sluice_map_fd(const struct sluice *sl, enum sl_map map)
{
	return sl->map_fd[map];
}

struct sl_ep *sluice_eps(struct sluice *sl)
{
	return sl->eps;
}

struct sl_state *sluice_state(struct sluice *sl)
{
	return sl->state;
}
