/* SPDX-License-Identifier: GPL-2.0 */
/* What testrun.bpf.c and testrun.c agree on. */
#ifndef SELFTESTS_BENCH_TESTRUN_H
#define SELFTESTS_BENCH_TESTRUN_H

#include <linux/types.h>

/* What each run writes into the packet, which the last one has changed. */
struct testrun_restore {
	__u32 macs[3];			/* destination and source, as in the frame */
	__be32 saddr, daddr;		/* IPv4 */
	__be16 check;			/* of the IPv4 header */
	__u8 ttl;
	__u8 v6;			/* else IPv4 */
	__u32 port[2];			/* source and destination, host order */
	__u32 step[2];			/* 1: another one for each run */
};

/* Where stepping begins, and how many steps there are. */
#define TESTRUN_PORT_MIN	1024
#define TESTRUN_PORTS		60000

#endif
