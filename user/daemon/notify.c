// SPDX-License-Identifier: GPL-2.0
/* Datagrams to the service manager. See notify.h. */
#include "daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static struct sockaddr_un notify_addr = { .sun_family = AF_UNIX };
static socklen_t notify_addr_len;
static uint64_t notify_watchdog;

static void notify_open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	/* Half the time that the manager waits, as sd_watchdog_enabled(3) advises. */
	if (usec && (!pid || strtol(pid, NULL, 10) == getpid()))
		notify_watchdog = strtoull(usec, NULL, 10) / 2000;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_open(void)
{
	const struct timeval wait = { .tv_sec = 1 };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	notify_open_watchdog();
	if (!len || len >= sizeof(notify_addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(notify_addr.sun_path, path, len);
	if (path[0] == '@')
		notify_addr.sun_path[0] = '\0';
	notify_addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	/* READY=1 must not be lost because the manager is slow for a moment; one
	 * that hears nothing at all must not stop us either. */
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd >= 0)
		setsockopt(notify_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	unsetenv("NOTIFY_SOCKET");
}

void notify_send(const char *fmt, ...)
{
	char buf[1024];
	va_list ap;
	int n;

	if (notify_fd < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(buf))
		n = sizeof(buf) - 1;
	/* A manager that doesn't listen is no reason to stop forwarding. */
	(void)sendto(notify_fd, buf, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&notify_addr,
		     notify_addr_len);
}

uint64_t notify_watchdog_ms(void)
{
	return notify_watchdog;
}
