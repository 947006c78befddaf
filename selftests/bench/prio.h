/* SPDX-License-Identifier: GPL-2.0 */
/* How what measures gets a CPU when it wants one. */
#ifndef SELFTESTS_BENCH_PRIO_H
#define SELFTESTS_BENCH_PRIO_H

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Before anything else that wants to run here. Niceness counts within a
 * session where the kernel groups by sessions (sched(7)), so the caller gets
 * one of its own, and that a niceness. Threads started later inherit both.
 */
static inline void prio_first(void)
{
	FILE *f;

	setsid();
	f = fopen("/proc/self/autogroup", "w");
	if (f) {
		fputs("-20", f);
		fclose(f);
	}
	setpriority(PRIO_PROCESS, 0, -20);
}

#endif
