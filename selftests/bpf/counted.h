/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pods' hooks as counted.bpf.c wraps them: on the environment of env.h,
 * with tc_index on the way in and out, and the operations on the flow tables.
 */
#ifndef SELFTESTS_BPF_COUNTED_H
#define SELFTESTS_BPF_COUNTED_H

#include "env.h"
#include "selftests/bpf/counted.skel.h"

#define JUDGED	0x736c		/* SL_TC_JUDGED of bpf/judged.h */

extern struct counted_bpf *counted;

/* In place of env_setup() and env_teardown(). */
int counted_setup(void **state);
int counted_teardown(void **state);
#define counted_main(tests)                                                    \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                             \
	 cmocka_run_group_tests((tests), counted_setup, counted_teardown))

/* As a netkit pod's peer program sees it: where it came from is scrubbed, tc_index is not. */
int counted_from_netkit(unsigned int ep, struct pkt *p, unsigned int tc_index);
int counted_from_veth(unsigned int ep, struct pkt *p, unsigned int tc_index);
int counted_to_pod(unsigned int ep, struct pkt *p, unsigned int iif, unsigned int tc_index);
/* tc_index as the last run left it. */
unsigned int counted_left(void);

/* Operations of the last run on sl_flow and sl_half. */
struct counted_ops {
	unsigned int flow_lookups, half_lookups, updates, deletes;
};

struct counted_ops counted_ops(void);

#endif
