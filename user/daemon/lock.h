/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One daemon for a run directory, since it has the socket, and one for a
 * dataplane, since it writes the tables. Both locks are the process's: they
 * end with it, however it ends.
 */
#ifndef SLUICED_LOCK_H
#define SLUICED_LOCK_H

#include "daemon/config.h"

/* Descriptors; -1: not taken. */
struct lock {
	int run_dir;
	int pins;
};

#define LOCK_NONE { -1, -1 }

/*
 * Both return 0, -EBUSY (a daemon has it) or what open() said. The run
 * directory has to be there. Where nothing is pinned yet there is nothing to
 * lock: lock_pins() is called again after loading.
 */
int lock_run_dir(const struct config *cfg, struct lock *lock);
int lock_pins(const struct config *cfg, struct lock *lock);
void lock_release(struct lock *lock);

#endif
