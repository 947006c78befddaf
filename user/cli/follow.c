// SPDX-License-Identifier: GPL-2.0
/* The loop of commands that print what happens, until interrupted. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "follow.h"

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int wait_for_either(struct cli *cli, int fd, int sigfd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = sigfd, .events = POLLIN },
		/* a reader of ours that goes away while nothing happens */
		{ .fd = STDOUT_FILENO },
	};

	if (poll(fds, 3, -1) < 0 && errno != EINTR)
		return cli_fail(cli, "%s", strerror(errno));
	if (fds[1].revents)
		return CLI_OK;
	return fds[2].revents & (POLLERR | POLLHUP) ? CLI_FAILED : FOLLOW_MORE;
}

int follow(struct cli *cli, int fd, int (*drain)(struct cli *cli, void *arg), void *arg)
{
	int sigfd = signals_open(), status = FOLLOW_MORE;

	if (sigfd < 0)
		return cli_fail(cli, "%s", strerror(errno));
	while (status == FOLLOW_MORE) {
		status = drain(cli, arg);
		if (status == FOLLOW_MORE && fflush(cli->out))
			status = CLI_FAILED;
		if (status == FOLLOW_MORE)
			status = wait_for_either(cli, fd, sigfd);
	}
	close(sigfd);
	return status;
}
