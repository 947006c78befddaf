// SPDX-License-Identifier: GPL-2.0
/* Locks on the run directory and on the pins. See lock.h. */
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>
#include "common/file.h"

/*
 * A loader closes its copies of these descriptors as the first thing it does;
 * one whose daemon was killed before that holds them a moment longer.
 */
#define LOCK_WAIT_MS	1000

int lock_run_dir(const struct config *cfg, struct lock *lock)
{
	int dir = open(cfg->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	lock->run_dir = file_lock(dir, "sluiced.lock", LOCK_WAIT_MS);
	close(dir);
	if (lock->run_dir >= 0)
		return 0;
	return lock->run_dir == -ETIMEDOUT ? -EBUSY : lock->run_dir;
}

static int flock_wait(int fd)
{
	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB); ms += 10) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (ms >= LOCK_WAIT_MS)
			return -EBUSY;
		usleep(10000);
	}
	return 0;
}

/* On the directory of this ABI: a loader's lock is on the one above it. */
int lock_pins(const struct config *cfg, struct lock *lock)
{
	char path[CONFIG_PATH_MAX + 16];
	int fd, err;

	if (lock->pins >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s/v%u", cfg->pin_root, SL_ABI_VERSION);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = flock_wait(fd);
	if (err) {
		close(fd);
		return err;
	}
	lock->pins = fd;
	return 0;
}

void lock_release(struct lock *lock)
{
	if (lock->run_dir >= 0)
		close(lock->run_dir);
	if (lock->pins >= 0)
		close(lock->pins);
	*lock = (struct lock)LOCK_NONE;
}
