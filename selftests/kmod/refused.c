// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program with its allocations in the kernel refused, as often as the
 * kernel's fault injection was told (fault-injection.rst, task-filter). Nothing that
 * this reads may lie on the machine's own file systems, so it is begun in a root in
 * memory with all that it needs.
 *
 *	refused ROOT PROGRAM [ARGUMENT ...]
 *
 * Begun outside, it begins itself anew inside ROOT; ROOT "" is where it is.
 */
#include <err.h>
#include <fcntl.h>
#include <unistd.h>

static void refuse(void)
{
	int fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		err(1, "/proc/self/make-it-fail");
}

int main(int argc, char **argv)
{
	const char *root = argc > 2 ? argv[1] : NULL;

	if (!root)
		errx(2, "usage: refused ROOT PROGRAM [ARGUMENT ...]");
	if (*root) {
		if (chroot(root) || chdir("/"))
			err(1, "%s", root);
		argv[1] = "";
	} else {
		refuse();
		argv += 2;
	}
	execv(argv[0], argv);
	err(1, "%s", argv[0]);
}
