/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sweep over both flow tables: idle and closed flows, and aliases whose
 * flow is gone. Run from user space every few seconds; packets do not depend
 * on it, since a dead entry is recognised wherever it is met.
 */
#ifndef SL_BPF_EXPIRE_H
#define SL_BPF_EXPIRE_H

#include "bpf/flow.h"

struct sl_sweep {
	__u64 now;
	__u32 removed;
	bool half;
};

static __always_inline void sl_sweep_count(const struct sl_flow *f)
{
	__u32 which = f->state == SL_FLOW_CLOSING ? SL_COUNT_FLOW_CLOSED : SL_COUNT_FLOW_EXPIRED;
	__u64 *v = bpf_map_lookup_elem(&sl_count, &which);

	/* Unlike the packet programs this one can be interrupted by them. */
	if (v)
		__sync_fetch_and_add(v, 1);
}

/* Both iterators hold the bucket's successor before they call: deleting is safe. */
static long sl_sweep_entry(void *map, const void *k, void *v, void *arg)
{
	/* a copy: the entry may be another flow's as soon as it is deleted */
	struct sl_tuple own = *(struct sl_tuple *)k, *key = &own;
	struct sl_sweep *sw = arg;
	struct sl_flow *f = v;

	if (f->kind == SL_FLOW_KIND_ALIAS) {
		if (sl_alias_flow(f, key))
			return 0;
		if (sw->half)
			bpf_map_delete_elem(&sl_half, key);
		else
			bpf_map_delete_elem(&sl_flow, key);
		return 0;
	}
	if (!sl_flow_idle(key, f, sw->now))
		return 0;
	sl_sweep_count(f);
	sl_flow_del(key, f, sl_flow_why(f, SL_CLOSE_IDLE));
	sw->removed++;
	return 0;
}

static __always_inline int sl_expire_run(void)
{
	/* The coarse clock is not for this type of program; they differ by a tick. */
	struct sl_sweep sw = { .now = bpf_ktime_get_ns() };

	bpf_for_each_map_elem(&sl_flow, sl_sweep_entry, &sw, 0);
	sw.half = true;
	bpf_for_each_map_elem(&sl_half, sl_sweep_entry, &sw, 0);
	return sw.removed;
}

#endif /* SL_BPF_EXPIRE_H */
