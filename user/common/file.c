// SPDX-License-Identifier: GPL-2.0
/* Durable files, see file.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "common/file.h"

int file_mkdir(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (!len || len >= sizeof(buf))
		return len ? -ENAMETOOLONG : -ENOENT;
	memcpy(buf, path, len + 1);
	for (char *p = buf + 1;; p++) {
		char c = *p;

		if (c != '/' && c)
			continue;
		*p = 0;
		if (mkdir(buf, mode) && errno != EEXIST)
			return -errno;
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int temp_name(const char *name, char buf[NAME_MAX + 1])
{
	int n = snprintf(buf, NAME_MAX + 1, ".%s.tmp", name);

	return n > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

/* @tmp, open as @fd, takes @data and the place of @name; closes @fd, and takes @tmp away on error. */
static int write_and_rename(int fd, int dirfd, const char *tmp, const char *name, const void *data,
			    size_t len, bool durable)
{
	int err = write_all(fd, data, len);

	if (!err && fsync(fd))
		err = -errno;
	/* A full disk may show itself only here. */
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dirfd, tmp, dirfd, name))
		err = -errno;
	if (err) {
		unlinkat(dirfd, tmp, 0);
		return err;
	}
	return durable && fsync(dirfd) ? -errno : 0;
}

int file_write(int dirfd, const char *name, const void *data, size_t len, bool durable)
{
	char tmp[NAME_MAX + 1];
	int fd, err;

	err = temp_name(name, tmp);
	if (err)
		return err;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : write_and_rename(fd, dirfd, tmp, name, data, len, durable);
}

int file_install(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	char tmp[NAME_MAX + 1];
	int fd, err;

	err = temp_name(name, tmp);
	if (err)
		return err;
	if (unlinkat(dirfd, tmp, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode)) {
		err = -errno;
		close(fd);
		unlinkat(dirfd, tmp, 0);
		return err;
	}
	return write_and_rename(fd, dirfd, tmp, name, data, len, true);
}

int file_remove(int dirfd, const char *name)
{
	char tmp[NAME_MAX + 1];
	bool gone = false;
	int err;

	err = temp_name(name, tmp);
	if (err)
		return err;
	if (!unlinkat(dirfd, tmp, 0))
		gone = true;
	else if (errno != ENOENT)
		return -errno;
	if (!unlinkat(dirfd, name, 0))
		gone = true;
	else if (errno != ENOENT)
		return -errno;
	return gone && fsync(dirfd) ? -errno : 0;
}

static int read_all(int fd, char *buf, size_t max, size_t *len)
{
	*len = 0;
	while (*len < max) {
		ssize_t n = read(fd, buf + *len, max - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		*len += n;
	}
	return 0;
}

/* Closes @fd. */
static int read_whole(int fd, size_t max, char **data, size_t *len)
{
	char *buf = NULL;
	struct stat st;
	int err = 0;

	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if ((size_t)st.st_size > max)
		err = -EFBIG;
	if (err)
		goto out;
	buf = malloc(st.st_size + 1);
	if (!buf) {
		err = -ENOMEM;
		goto out;
	}
	err = read_all(fd, buf, st.st_size, len);
	if (err)
		goto out;
	buf[*len] = 0;
	*data = buf;
	buf = NULL;
out:
	free(buf);
	close(fd);
	return err;
}

/* Non-blocking: a FIFO in the file's place must not hold us up. */
int file_read(int dirfd, const char *name, size_t max, char **data, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : read_whole(fd, max, data, len);
}

int file_read_linked(const char *path, size_t max, char **data, size_t *len)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : read_whole(fd, max, data, len);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

int file_lock(int dirfd, const char *name, int timeout_ms)
{
	struct timespec wait = {.tv_nsec = 200000};
	long deadline = now_ms() + timeout_ms;
	int fd;

	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* flock() has no time-out, and an alarm is not a library's to set. */
	while (flock(fd, LOCK_EX | (timeout_ms < 0 ? 0 : LOCK_NB))) {
		int err = errno;

		if (err == EINTR)
			continue;
		if (err == EWOULDBLOCK && now_ms() < deadline) {
			nanosleep(&wait, NULL);
			if (wait.tv_nsec < 3000000)
				wait.tv_nsec *= 2;
			continue;
		}
		close(fd);
		return err == EWOULDBLOCK ? -ETIMEDOUT : -err;
	}
	return fd;
}
