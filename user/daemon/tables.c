// SPDX-License-Identifier: GPL-2.0
/* The tables in the kernel; see tables.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "daemon/tables.h"

#define BATCH 4096

#ifndef ENOTSUPP
#define ENOTSUPP 524			/* what the kernel says for a missing map operation */
#endif

static const struct {
	size_t key, value;
} sizes[] = {
	[SL_MAP_ADDR] = { sizeof(union sl_addr), sizeof(struct sl_addr_val) },
	[SL_MAP_CLASS] = { sizeof(struct sl_prefix), sizeof(struct sl_class_val) },
	[SL_MAP_RULE] = { sizeof(struct sl_rule_key), sizeof(struct sl_rule_val) },
	[SL_MAP_PORT] = { sizeof(struct sl_port_key), sizeof(struct sl_port_val) },
	[SL_MAP_FRONT] = { sizeof(struct sl_front_key), sizeof(struct sl_front_val) },
	[SL_MAP_SET] = { sizeof(__u32), sizeof(struct sl_set_page) },
	[SL_MAP_BACKEND] = { sizeof(__u32), sizeof(struct sl_backend) },
	[SL_MAP_SVC_SRC] = { sizeof(struct sl_svc_src_key), sizeof(__u32) },
};

size_t tables_key_size(enum sl_map map)
{
	return sizes[map].key;
}

size_t tables_value_size(enum sl_map map)
{
	return sizes[map].value;
}

static bool no_batches(int err)
{
	return err == -ENOTSUPP || err == -EOPNOTSUPP || err == -EINVAL;
}

/* ---------------------------------------------------------------- reading */

static int each_single(int fd, enum sl_map map,
		       int (*cb)(void *arg, const void *key, const void *val), void *arg)
{
	unsigned char key[32], next[32], val[64];
	bool first = true;
	int err;

	while (!(err = bpf_map_get_next_key(fd, first ? NULL : key, next))) {
		first = false;
		memcpy(key, next, sizes[map].key);
		err = bpf_map_lookup_elem(fd, key, val);
		if (err == -ENOENT)
			continue;
		if (!err)
			err = cb(arg, key, val);
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

/* An array that can be mapped: much of it is zeros, and copies of those would take the longest. */
static int each_mapped(int fd, __u32 n, size_t value_size,
		       int (*cb)(void *arg, const void *key, const void *val), void *arg)
{
	/* array_map_elem_size() of the kernel's kernel/bpf/arraymap.c */
	const size_t size = (value_size + 7) & ~(size_t)7;
	const unsigned char *mem;
	int stop = 0;
	__u32 i;

	mem = mmap(NULL, n * size, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	for (i = 0; !stop && i < n; i++)
		stop = cb(arg, &i, mem + i * size);
	munmap((void *)mem, n * size);
	return stop;
}

struct read_batch {
	unsigned char *key, *val;
	__u64 cursor[8];		/* LPM: a key; hash: a bucket */
	bool begun;
};

static int read_batch(int fd, struct read_batch *b, __u32 *n)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);

	*n = BATCH;
	return bpf_map_lookup_batch(fd, b->begun ? b->cursor : NULL, b->cursor, b->key, b->val, n,
				    &opts);
}

static int kernel_each(void *ctx, enum sl_map map,
		       int (*cb)(void *arg, const void *key, const void *val), void *arg)
{
	int fd = sluice_map_fd(ctx, map), err, stop = 0;
	struct bpf_map_info info = {};
	__u32 n, i, len = sizeof(info);
	struct read_batch b = {};

	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	if (info.map_flags & BPF_F_MMAPABLE)
		return each_mapped(fd, info.max_entries, sizes[map].value, cb, arg);
	b.key = malloc(BATCH * sizes[map].key);
	b.val = malloc(BATCH * sizes[map].value);
	if (!b.key || !b.val) {
		stop = -ENOMEM;
		goto out;
	}
	do {
		err = read_batch(fd, &b, &n);
		if (err && err != -ENOENT) {
			stop = !b.begun && no_batches(err) ? each_single(fd, map, cb, arg) : err;
			break;
		}
		b.begun = true;
		for (i = 0; !stop && i < n; i++)
			stop = cb(arg, b.key + i * sizes[map].key, b.val + i * sizes[map].value);
	} while (!err && !stop);
out:
	free(b.key);
	free(b.val);
	return stop;
}

static int kernel_lookup(void *ctx, enum sl_map map, const void *key, void *val)
{
	return bpf_map_lookup_elem(sluice_map_fd(ctx, map), key, val);
}

/* ---------------------------------------------------------------- writing */

static int kernel_update(void *ctx, enum sl_map map, const void *keys, const void *vals, size_t n)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);
	const unsigned char *k = keys, *v = vals;
	int fd = sluice_map_fd(ctx, map), err;
	__u32 count = n;
	size_t i;

	if (n > 1) {
		err = bpf_map_update_batch(fd, keys, vals, &count, &opts);
		if (!err || !no_batches(err))
			return err;
	}
	for (i = 0, err = 0; !err && i < n; i++)
		err = bpf_map_update_elem(fd, k + i * sizes[map].key, v + i * sizes[map].value,
					  BPF_ANY);
	return err;
}

static int kernel_add(void *ctx, enum sl_map map, const void *key, const void *val)
{
	return bpf_map_update_elem(sluice_map_fd(ctx, map), key, val, BPF_NOEXIST);
}

static int kernel_del(void *ctx, enum sl_map map, const void *keys, size_t n)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);
	const unsigned char *k = keys;
	int fd = sluice_map_fd(ctx, map), err;
	__u32 count = n;
	size_t i;

	if (n > 1) {
		err = bpf_map_delete_batch(fd, keys, &count, &opts);
		if (!err || (!no_batches(err) && err != -ENOENT))
			return err;
	}
	for (i = 0, err = 0; !err && i < n; i++) {
		err = bpf_map_delete_elem(fd, k + i * sizes[map].key);
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

static void kernel_set_class(void *ctx, __u32 ep, unsigned int column, enum sl_family f, __u32 id)
{
	__atomic_store_n(&sluice_eps(ctx)[ep].class_id[column][f], id, __ATOMIC_RELEASE);
}

static void kernel_set_policy(void *ctx, __u32 ep, __u64 word)
{
	sluice_ep_set_policy(&sluice_eps(ctx)[ep], word);
}

static void kernel_committed(void *ctx)
{
	__atomic_add_fetch(&sluice_state(ctx)->commits, 1, __ATOMIC_RELEASE);
}

static void kernel_set_svc_set(void *ctx, struct sl_svc *svc, enum sl_svc_scope scope, __u64 word)
{
	(void)ctx;
	__atomic_store_n(&svc->set[scope], word, __ATOMIC_RELEASE);
}

static void kernel_set_svc_conf(void *ctx, struct sl_svc *svc, __u32 affinity_s, __u32 flags)
{
	(void)ctx;
	__atomic_store_n(&svc->affinity_s, affinity_s, __ATOMIC_RELEASE);
	__atomic_store_n(&svc->flags, flags, __ATOMIC_RELEASE);
}

static void kernel_set_svc_gen(void *ctx, struct sl_svc *svc, __u32 gen)
{
	(void)ctx;
	__atomic_store_n(&svc->gen, gen, __ATOMIC_RELEASE);
}

/* NULL: errno. */
static void *map_array(struct sluice *sl, enum sl_map map, size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, sluice_map_fd(sl, map), 0);

	return mem == MAP_FAILED ? NULL : mem;
}

int tables_map_services(struct sluice *sl, struct tables *t)
{
	int err;

	t->svcs = map_array(sl, SL_MAP_SVC, SL_SVC_MAX * sizeof(*t->svcs));
	if (!t->svcs)
		return -errno;
	t->chosen = map_array(sl, SL_MAP_BACKEND_NEW, SL_BACKEND_MAX * sizeof(*t->chosen));
	if (t->chosen)
		return 0;
	err = -errno;
	tables_unmap_services(t);
	return err;
}

void tables_unmap_services(struct tables *t)
{
	if (t->svcs)
		munmap(t->svcs, SL_SVC_MAX * sizeof(*t->svcs));
	if (t->chosen)
		munmap(t->chosen, SL_BACKEND_MAX * sizeof(*t->chosen));
	t->svcs = NULL;
	t->chosen = NULL;
}

static void kernel_reroute(void *ctx)
{
	sluice_route_gen_bump(sluice_state(ctx));
}

void tables_of_kernel(struct sluice *sl, struct tables *t)
{
	*t = (struct tables){
		.ctx = sl, .eps = sluice_eps(sl), .each = kernel_each, .update = kernel_update,
		.del = kernel_del, .lookup = kernel_lookup, .set_class = kernel_set_class,
		.set_policy = kernel_set_policy, .committed = kernel_committed,
		.reroute = kernel_reroute,
		.add = kernel_add, .set_svc_set = kernel_set_svc_set,
		.set_svc_conf = kernel_set_svc_conf, .set_svc_gen = kernel_set_svc_gen,
	};
}

/* ---------------------------------------------------------------- judging */

int tables_class(const struct tables *t, const union sl_addr *a, __u32 peer_ep,
		 unsigned int column, __u32 *class_id)
{
	enum sl_family f = sluice_addr_is_v4(a) ? SL_FAMILY_V4 : SL_FAMILY_V6;
	const struct sl_prefix key = { 128, *a };
	struct sl_class_val val;
	int err;

	*class_id = SL_CLASS_NONE;
	if (peer_ep) {
		*class_id = t->eps[peer_ep].class_id[column][f];
		return 0;
	}
	err = t->lookup(t->ctx, SL_MAP_CLASS, &key, &val);
	if (!err)
		*class_id = val.class_id[column];
	return err == -ENOENT ? 0 : err;
}

static int judge_ports(const struct tables *t, const struct sl_rule_val *rv,
		       const struct tables_flow *flow, struct tables_verdict *out)
{
	const struct sl_port_key key = {
		.prefixlen = SL_PORT_PLEN_PORT, .ports = rv->ports, .proto = flow->proto,
		.port = { flow->port >> 8, flow->port & 0xff },
	};
	struct sl_port_val pv;
	int err = t->lookup(t->ctx, SL_MAP_PORT, &key, &pv);

	if (err && err != -ENOENT)
		return err;
	if (err)
		*out = (struct tables_verdict){ SL_VERDICT_DENY, rv->deny_tier, rv->deny };
	else if (pv.rule)
		*out = (struct tables_verdict){ pv.verdict, pv.tier, pv.rule };
	else
		*out = (struct tables_verdict){ pv.verdict, rv->tier, rv->rule };
	return 0;
}

int tables_judge(const struct tables *t, __u32 ep, __u32 class_id,
		 const struct tables_flow *flow, struct tables_verdict *out)
{
	const __u64 isolated = flow->dir == SL_DIR_INGRESS ? SL_EP_ISOLATED_INGRESS :
							     SL_EP_ISOLATED_EGRESS;
	__u64 word = sluice_ep_policy(&t->eps[ep]);
	__u32 set = word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;
	struct sl_rule_key key = { set << 1 | flow->dir, class_id };
	struct sl_rule_val rv;
	int err;

	*out = (struct tables_verdict){ .verdict = SL_VERDICT_ALLOW };
	if (!(word & isolated))
		return 0;
	out->verdict = SL_VERDICT_DENY;
	err = t->lookup(t->ctx, SL_MAP_RULE, &key, &rv);
	if (err == -ENOENT) {
		key.class_id = SL_CLASS_ANY;
		err = t->lookup(t->ctx, SL_MAP_RULE, &key, &rv);
	}
	if (err)
		return err == -ENOENT ? 0 : err;
	if (rv.verdict == SL_VERDICT_PORTS)
		return judge_ports(t, &rv, flow, out);
	*out = (struct tables_verdict){ rv.verdict, rv.tier, rv.rule };
	return 0;
}
