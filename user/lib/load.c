// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Loading: the embedded object into the kernel, and its parts to their pins,
 * in an order that makes sense when it ends anywhere. Maps first, each pinned
 * in one step and kept by whoever comes later; then the programs that are at
 * work are replaced, device by device; then the programs' own pins. A loader
 * that dies leaves old and new programs on the same maps, which is right, and
 * the next one replaces them all.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bpf/sluice.skel.h"
#include "lib/backend.h"

/* The verifier's last words; it keeps the end when there is more. */
#define VERIFIER_LOG_SIZE	(64 << 10)

/* Named in the ABI; others, .rodata among them, belong to one load and go with it. */
static bool is_shared(const struct bpf_map *map)
{
	enum sl_map i;

	for (i = 0; i < __SL_MAP_MAX; i++)
		if (!strcmp(sluice_map_name(i), bpf_map__name(map)))
			return true;
	return false;
}

/* Entries that @opts asks for, 0: what the object says. */
static __u32 wanted_size(const struct sluice_load_opts *opts, const char *map)
{
	const struct {
		enum sl_map map;
		__u32 max;
	} sizes[] = {
		{ SL_MAP_FLOW, opts->flow_max },   { SL_MAP_HALF, opts->half_max },
		{ SL_MAP_RULE, opts->rule_max },   { SL_MAP_CLASS, opts->class_max },
		{ SL_MAP_ADDR, opts->addr_max },   { SL_MAP_ROUTE, opts->route_max },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (!strcmp(sluice_map_name(sizes[i].map), map))
			return sizes[i].max;
	return 0;
}

static int check_layout(struct bpf_map *map, int fd, __u32 wanted)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.map_flags != bpf_map__map_flags(map)) {
		lib_log_line("%s: pinned with another layout (type %u key %u value %u flags %#x): "
			 "unload what is there first", bpf_map__name(map), info.type,
			 info.key_size, info.value_size, info.map_flags);
		return -ESTALE;
	}
	if (wanted && wanted != info.max_entries)
		lib_log_line("%s: keeps its %u entries, %u asked for", bpf_map__name(map),
			 info.max_entries, wanted);
	return 0;
}

/* Takes the pinned map where there is one, contents and size. */
static int prepare_map(struct bpf_map *map, const char *root, __u32 wanted)
{
	char path[PATH_MAX];
	int fd, err;

	fd = bpf_obj_get(lib_pin_path(path, root, PIN_MAPS, bpf_map__name(map)));
	if (fd == -ENOENT)
		return wanted ? bpf_map__set_max_entries(map, wanted) : 0;
	if (fd < 0)
		return fd;
	err = check_layout(map, fd, wanted);
	if (!err)
		err = bpf_map__reuse_fd(map, fd);
	close(fd);
	return err;
}

static int prepare_maps(struct bpf_object *obj, const char *root,
			const struct sluice_load_opts *opts)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, obj) {
		if (!is_shared(map))
			continue;
		err = prepare_map(map, root, wanted_size(opts, bpf_map__name(map)));
		if (err)
			return err;
	}
	return 0;
}

static int pin_maps(struct bpf_object *obj, const char *root)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, obj) {
		if (!is_shared(map))
			continue;
		err = bpf_obj_pin(bpf_map__fd(map),
				  lib_pin_path(path, root, PIN_MAPS, bpf_map__name(map)));
		if (err && err != -EEXIST)
			return err;
	}
	return 0;
}

static int pin_progs(struct bpf_object *obj, const char *root)
{
	struct bpf_program *prog;
	char path[PATH_MAX];
	int err;

	bpf_object__for_each_program(prog, obj) {
		if (!bpf_program__autoload(prog)) {
			unlink(lib_pin_path(path, root, PIN_PROGS, bpf_program__name(prog)));
			continue;
		}
		err = lib_pin_replace(bpf_program__fd(prog), root, PIN_PROGS,
				  bpf_program__name(prog));
		if (err)
			return err;
	}
	return 0;
}

static int replace_attached(struct bpf_object *obj, const char *root)
{
	int fds[__SL_HOOK_MAX];
	struct bpf_program *prog;
	enum sl_hook hook;

	for (hook = 0; hook < __SL_HOOK_MAX; hook++) {
		prog = bpf_object__find_program_by_name(obj, lib_hook_prog_name(hook));
		fds[hook] = prog ? bpf_program__fd(prog) : -ENOENT;
	}
	return lib_attach_replace_all(root, fds);
}

static int load_object(const char *root, const struct sluice_load_opts *opts, char *verifier_log)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts,
		    .kernel_log_buf = verifier_log,
		    .kernel_log_size = verifier_log ? VERIFIER_LOG_SIZE : 0);
	struct sluice_bpf *skel;
	int err;

	skel = sluice_bpf__open_opts(&open_opts);
	if (!skel)
		return -errno;
	bpf_program__set_autoload(skel->progs.sl_edge, opts->edge);
	skel->rodata->sl_encap = (__u8)opts->encap;
	skel->rodata->sl_encap_port = htons(opts->encap_port);
	err = prepare_maps(skel->obj, root, opts);
	if (err)
		goto out;
	err = sluice_bpf__load(skel);
	if (err) {
		lib_log_text(verifier_log);
		goto out;
	}
	err = pin_maps(skel->obj, root);
	if (!err)
		err = replace_attached(skel->obj, root);
	if (!err)
		err = lib_cgroup_replace_all(root, skel->obj);
	if (!err)
		err = lib_xdp_replace_all(root, skel->obj);
	if (!err)
		err = pin_progs(skel->obj, root);
out:
	sluice_bpf__destroy(skel);
	return err;
}

static int load_locked(const char *root, const struct sluice_load_opts *opts)
{
	char *verifier_log = NULL;
	int lock, err;

	lock = lib_pin_lock(root, false);
	if (lock < 0)
		return lock;
	if (opts->log)
		verifier_log = calloc(1, VERIFIER_LOG_SIZE);
	err = lib_pin_clean(root);
	if (!err)
		err = load_object(root, opts, verifier_log);
	free(verifier_log);
	close(lock);
	return err;
}

/* The pipeline does without the module. */
static void bind_kmod(const struct sluice *sl, const struct sluice_load_opts *opts)
{
	char line[96];
	int err;

	if (!sluice_kmod_present())
		return;
	err = lib_kmod_call(sl, true, opts->log, opts->log_arg);
	if (!err || !opts->log)
		return;
	snprintf(line, sizeof(line), "kernel module: not bound: %s", strerror(-err));
	opts->log(opts->log_arg, line);
}

int sluice_load(const char *root, const struct sluice_load_opts *user_opts, struct sluice **out)
{
	const struct sluice_open_opts pinned = { .sz = sizeof(pinned),
						 .backend = SLUICE_BACKEND_PINNED };
	struct sluice_load_opts opts = { .sz = sizeof(opts) };
	struct lib_log_scope scope;
	int err;

	/* a caller built against an older header knows fewer options */
	if (user_opts)
		memcpy(&opts, user_opts,
		       user_opts->sz < sizeof(opts) ? user_opts->sz : sizeof(opts));
	if (access(LIB_KERNEL_BTF, R_OK))
		return -ENOTSUP;
	err = lib_pin_dirs_make(root);
	if (err)
		return err;

	lib_log_begin(&scope, opts.log, opts.log_arg);
	err = load_locked(root, &opts);
	lib_log_end(&scope);
	if (!err)
		err = sluice_open_opts(root, &pinned, out);
	if (err)
		return err;
	bind_kmod(*out, &opts);
	/* only now does the module have what it may be asked about */
	err = lib_backend_choose(*out, SLUICE_BACKEND_AUTO);
	if (err)
		sluice_close(*out);
	return err;
}

/* What is pinned may be another build's; then it was never bound by this one. */
static void unbind(const char *root)
{
	struct sluice *sl;

	if (!sluice_kmod_present() || sluice_open(root, &sl))
		return;
	sluice_kmod_unbind(sl);
	sluice_close(sl);
}

int sluice_unload(const char *root)
{
	struct lib_log_scope scope;
	int lock, err;

	lock = lib_pin_lock(root, true);
	if (lock == -ENOENT)
		return 0;
	if (lock < 0)
		return lock;
	unbind(root);
	lib_log_begin(&scope, NULL, NULL);
	err = lib_attach_remove_all(root);
	lib_log_end(&scope);
	if (!err)
		err = lib_pin_remove_all(root);
	if (!err)
		err = lib_pin_dirs_remove(root);
	close(lock);
	return err;
}
