// SPDX-License-Identifier: GPL-2.0
/*
 * All kfuncs. They are for the loader's program, which hands over the maps of a
 * pipeline one by one and is then gone: the programs that packets meet use none,
 * so that the module can always be unloaded. It is of a type for packets, run
 * by BPF_PROG_TEST_RUN, because a syscall program may sleep, and one that may
 * sleep can't name tries and queues. So nothing here sleeps.
 */
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/capability.h>
#include <linux/nsproxy.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include "sluice.h"

/* Run for a packet that came in, `current` is whoever was interrupted. */
static bool sluice_bind_allowed(void)
{
	return !in_hardirq() && !in_serving_softirq() && capable(CAP_NET_ADMIN);
}

__bpf_kfunc_start_defs();

/**
 * bpf_sluice_map_bind - hand a map of the pipeline to the module
 * @map__map: the map; the module takes a reference of its own
 * @which: enum sl_map, what the map is
 *
 * It belongs to the pipeline of the caller's network namespace from when
 * bpf_sluice_pipeline_bind() says so.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN in the initial user namespace, or
 * when run for a packet;
 * -ENOENT when there is no map @which; -EINVAL when the map looks different;
 * -ENOMEM.
 */
__bpf_kfunc int bpf_sluice_map_bind(void *map__map, u32 which)
{
	if (!sluice_bind_allowed())
		return -EPERM;
	return sluice_pipe_bind_map(sluice_net_of(current->nsproxy->net_ns), map__map, which);
}

/**
 * bpf_sluice_pipeline_bind - the maps handed over are the pipeline from now on
 * @abi: SL_ABI_VERSION of who calls
 *
 * In place of the one that was bound before, whose maps are let go.
 *
 * Return: 0; -EPERM as above; -EPROTO when the module knows another version
 * of the tables; -ENOENT when a map is missing. What was handed over is
 * forgotten then.
 */
__bpf_kfunc int bpf_sluice_pipeline_bind(u32 abi)
{
	if (!sluice_bind_allowed())
		return -EPERM;
	return sluice_pipe_bind_done(sluice_net_of(current->nsproxy->net_ns), abi);
}

/**
 * bpf_sluice_pipeline_unbind - let the pipeline's maps go
 *
 * Return: 0; -EPERM as above; -ENOENT when none is bound in the caller's
 * network namespace.
 */
__bpf_kfunc int bpf_sluice_pipeline_unbind(void)
{
	if (!sluice_bind_allowed())
		return -EPERM;
	return sluice_pipe_unbind(sluice_net_of(current->nsproxy->net_ns));
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(sluice_kfunc_ids)
BTF_ID_FLAGS(func, bpf_sluice_map_bind)
BTF_ID_FLAGS(func, bpf_sluice_pipeline_bind)
BTF_ID_FLAGS(func, bpf_sluice_pipeline_unbind)
BTF_KFUNCS_END(sluice_kfunc_ids)

static const struct btf_kfunc_id_set sluice_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &sluice_kfunc_ids,
};

int __init sluice_kfunc_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &sluice_kfunc_set);
}
