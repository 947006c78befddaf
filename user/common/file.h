/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that survive a crash: written whole or not at all, and still there
 * after a power cut once the call has returned. Directories are given by
 * descriptor, so that a path is walked once and no name can be swapped
 * underneath. Functions return 0 or a negative errno.
 */
#ifndef SLUICE_FILE_H
#define SLUICE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Creates @path and its missing parents, all with @mode. 0 when it is there. */
int file_mkdir(const char *path, mode_t mode);

/*
 * Writes @name in @dirfd: temporary file ("." NAME ".tmp"), fsync, rename,
 * and with @durable an fsync of the directory. Without it the file is whole
 * after a crash or is not there (or is the old one). Two writers of one name
 * need a lock.
 */
int file_write(int dirfd, const char *name, const void *data, size_t len, bool durable);
/*
 * file_write(), durably, in a directory of others: the file gets @mode, and
 * whatever stands in the temporary file's place makes way.
 */
int file_install(int dirfd, const char *name, const void *data, size_t len, mode_t mode);
/* Takes @name and its temporary file away, durably; 0 when there is none. */
int file_remove(int dirfd, const char *name);

/*
 * Reads @name whole; free(*data) is the caller's. A NUL follows the data.
 * -EFBIG: more than @max bytes; -EISDIR, -EINVAL: not a regular file; -ELOOP:
 * a link.
 */
int file_read(int dirfd, const char *name, size_t max, char **data, size_t *len);
/* The same through links: mounted Secrets and ConfigMaps are some. */
int file_read_linked(const char *path, size_t max, char **data, size_t *len);

/*
 * flock(LOCK_EX) on @name in @dirfd, created 0600. Returns a descriptor,
 * close() unlocks. -ETIMEDOUT after @timeout_ms (negative: never).
 */
int file_lock(int dirfd, const char *name, int timeout_ms);

#endif /* SLUICE_FILE_H */
