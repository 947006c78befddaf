// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The kernel module, where it is loaded: given the pipeline's maps, and asked to let them go. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "bpf/bind.skel.h"
#include "lib/internal.h"

#define KMOD_DIR	"/sys/module/sluice"

bool sluice_kmod_present(void)
{
	return !access(KMOD_DIR, F_OK);
}

static int reuse_maps(struct bpf_object *obj, const struct sluice *sl)
{
	struct bpf_map *map;
	enum sl_map i;
	int err = 0;

	for (i = 0; !err && i < __SL_MAP_MAX; i++) {
		map = bpf_object__find_map_by_name(obj, sluice_map_name(i));
		err = map ? bpf_map__reuse_fd(map, sl->map_fd[i]) : -ENOENT;
	}
	return err;
}

static int run(const struct bpf_program *prog)
{
	char packet[64] = {};		/* there has to be one */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	return err ? err : (int)opts.retval;
}

static int call_module(const struct sluice *sl, bool bind)
{
	struct bind_bpf *skel = bind_bpf__open();
	int err;

	if (!skel)
		return -errno;
	err = reuse_maps(skel->obj, sl);
	if (!err)
		err = bind_bpf__load(skel);
	if (!err)
		err = run(bind ? skel->progs.sl_bind : skel->progs.sl_unbind);
	bind_bpf__destroy(skel);
	return err;
}

int lib_kmod_call(const struct sluice *sl, bool bind, void (*log)(void *arg, const char *line),
		  void *arg)
{
	struct lib_log_scope scope;
	int err;

	if (!sluice_kmod_present())
		return -ENODEV;
	lib_log_begin(&scope, log, arg);
	err = call_module(sl, bind);
	lib_log_end(&scope);
	return err;
}

int sluice_kmod_bind(struct sluice *sl)
{
	return lib_kmod_call(sl, true, NULL, NULL);
}

int sluice_kmod_unbind(struct sluice *sl)
{
	return lib_kmod_call(sl, false, NULL, NULL);
}
