// SPDX-License-Identifier: GPL-2.0
/* Runs of the counted pipeline. See counted.h. */
#include "counted.h"

struct counted_bpf *counted;

int counted_setup(void **state)
{
	if (env_setup(state))
		return -1;
	counted = counted_bpf__open();
	if (!counted || env_reuse_maps(counted->obj) || counted_bpf__load(counted)) {
		printf("Bail out! the counted pipeline does not load\n");
		return -1;
	}
	return 0;
}

int counted_teardown(void **state)
{
	counted_bpf__destroy(counted);
	return env_teardown(state);
}

static int run(struct bpf_program *prog, struct pkt *p, unsigned int ep, unsigned int iif,
	       unsigned int tc_index)
{
	struct __sk_buff ctx = { .ifindex = env.ep_if[ep], .ingress_ifindex = iif };

	memset(counted->bss->lookups, 0, sizeof(counted->bss->lookups));
	memset(counted->bss->updates, 0, sizeof(counted->bss->updates));
	memset(counted->bss->deletes, 0, sizeof(counted->bss->deletes));
	counted->bss->tc_index = tc_index;
	return env_run(prog, p, &ctx);
}

int counted_from_netkit(unsigned int ep, struct pkt *p, unsigned int tc_index)
{
	return run(counted->progs.test_from_pod, p, ep, 0, tc_index);
}

int counted_from_veth(unsigned int ep, struct pkt *p, unsigned int tc_index)
{
	return run(counted->progs.test_from_pod, p, ep, env.ep_if[ep], tc_index);
}

int counted_to_pod(unsigned int ep, struct pkt *p, unsigned int iif, unsigned int tc_index)
{
	return run(counted->progs.test_to_pod, p, ep, iif, tc_index);
}

unsigned int counted_left(void)
{
	return counted->bss->tc_index;
}

struct counted_ops counted_ops(void)
{
	struct counted_bpf__bss *b = counted->bss;

	return (struct counted_ops){
		.flow_lookups = b->lookups[0], .half_lookups = b->lookups[1],
		.updates = b->updates[0] + b->updates[1],
		.deletes = b->deletes[0] + b->deletes[1],
	};
}
