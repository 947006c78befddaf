/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests that load programs: a network and a mount namespace of their own,
 * so that nothing is left whatever becomes of the test, and pairs of devices.
 * Included by one file of a program.
 */
#ifndef SLUICE_UNIT_DATAPLANE_H
#define SLUICE_UNIT_DATAPLANE_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/sluice.h"
#include "unit.h"

#define TEST_BPFFS	"/run/bpf"	/* on a tmpfs that only this test sees */
#define TEST_ROOT	TEST_BPFFS "/sluice"
/* What of it this version of the tables has. */
#define TEST_STR(x)	TEST_STR_(x)
#define TEST_STR_(x)	#x
#define TEST_PINS	TEST_ROOT "/v" TEST_STR(SL_ABI_VERSION)

__attribute__((format(printf, 1, 2)))
static inline int sh(const char *fmt, ...)
{
	char cmd[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	return system(cmd);
}

/* Group setup. Needs root: without, every test fails and says so. */
static inline int dataplane_setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir(TEST_BPFFS, 0700) ||
	    mount("bpf", TEST_BPFFS, "bpf", 0, NULL)) {
		printf("Bail out! namespaces and mounts of its own: %s\n", strerror(errno));
		return -1;
	}
	return sh("ip link set lo up");
}

/* After each test. */
static inline int dataplane_unload(void **state)
{
	(void)state;
	sh("ip -o link | sed -n 's/^[0-9]*: \\(t[0-9a-z]*\\)@.*/\\1/p' |"
	   " while read -r d; do ip link del $d 2>/dev/null; done");
	return sluice_unload(TEST_ROOT);
}

/* A pair of devices, both up; the ifindex of the first. */
static inline int pair_new(const char *name, const char *peer)
{
	assert_int_equal(sh("ip link add %s type veth peer name %s && ip link set %s up && "
			    "ip link set %s up", name, peer, name, peer), 0);
	return if_nametoindex(name);
}

#endif
