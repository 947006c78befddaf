// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Flows: both tables as one, and a masqueraded flow with its alias as one. */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "lib/internal.h"

static const enum sl_map flow_maps[] = { SL_MAP_FLOW, SL_MAP_HALF };

struct each {
	int (*cb)(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half);
	void *arg;
	bool half;
};

static int each_one(void *arg, const void *key, const void *value)
{
	const struct each *each = arg;
	const struct sl_flow *flow = value;

	if (flow->kind != SL_FLOW_KIND_FLOW)
		return 0;
	return each->cb(each->arg, key, flow, each->half);
}

int sluice_flow_each(struct sluice *sl,
		     int (*cb)(void *arg, const struct sl_tuple *key,
			       const struct sl_flow *flow, bool half), void *arg)
{
	struct each each = { .cb = cb, .arg = arg };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(flow_maps); i++) {
		each.half = flow_maps[i] == SL_MAP_HALF;
		err = lib_map_each(sl->map_fd[flow_maps[i]], sizeof(struct sl_tuple),
			       sizeof(struct sl_flow), each_one, &each);
	}
	return err;
}

static int flow_find(struct sluice *sl, const struct sl_tuple *key, struct sl_flow *flow)
{
	unsigned int i;
	int err = -ENOENT;

	for (i = 0; err == -ENOENT && i < ARRAY_SIZE(flow_maps); i++)
		err = bpf_map_lookup_elem(sl->map_fd[flow_maps[i]], key, flow);
	return err;
}

/* Deletes @key where it is an alias of @inner. */
static int alias_del(struct sluice *sl, const struct sl_tuple *key, const struct sl_tuple *inner)
{
	struct sl_flow alias;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(flow_maps); i++) {
		err = bpf_map_lookup_elem(sl->map_fd[flow_maps[i]], key, &alias);
		if (!err && alias.kind == SL_FLOW_KIND_ALIAS &&
		    !memcmp(&alias.inner, inner, sizeof(*inner)))
			err = bpf_map_delete_elem(sl->map_fd[flow_maps[i]], key);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/* The tuple that the responder of @flow sees is under one of two orders of its ends. */
static int aliases_del(struct sluice *sl, const struct sl_tuple *key, const struct sl_flow *flow)
{
	struct sl_tuple alias = { .proto = key->proto };
	unsigned int order, i;
	int err = 0;

	if (!(flow->dir[0].flags & SL_FLOW_DIR_NAT))
		return 0;
	for (order = 0; !err && order < 2; order++) {
		for (i = 0; i < 2; i++) {
			alias.addr[i ^ order] = flow->dir[i].as;
			alias.port[i ^ order] = flow->dir[i].as_port;
		}
		err = alias_del(sl, &alias, key);
	}
	return err;
}

int sluice_flow_del(struct sluice *sl, const struct sl_tuple *key)
{
	struct sl_tuple inner = *key;
	struct sl_flow flow;
	bool found = false;
	unsigned int i;
	int err;

	err = flow_find(sl, key, &flow);
	if (!err && flow.kind == SL_FLOW_KIND_ALIAS) {
		inner = flow.inner;
		err = flow_find(sl, &inner, &flow);
	}
	if (err)
		return err;
	/*
	 * The flow first: an alias without one is nothing, the reverse would leak. And
	 * half-open first: what is established meanwhile is met where it went.
	 */
	for (i = ARRAY_SIZE(flow_maps); i--;) {
		err = bpf_map_delete_elem(sl->map_fd[flow_maps[i]], &inner);
		if (err && err != -ENOENT)
			return err;
		found |= !err;
	}
	err = aliases_del(sl, &inner, &flow);
	return err || found ? err : -ENOENT;
}

int sluice_flow_expire(struct sluice *sl)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char path[PATH_MAX];
	int fd, err;

	/* not kept open: an upgrade replaces the pin */
	fd = bpf_obj_get(lib_pin_path(path, sl->root, PIN_PROGS, "sl_expire"));
	if (fd < 0)
		return fd;
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	return err ? err : (int)opts.retval;
}
