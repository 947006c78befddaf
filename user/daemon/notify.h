/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The service manager's side of the daemon: sd_notify(3)'s datagrams, sent by
 * ourselves. Without NOTIFY_SOCKET every call does nothing.
 */
#ifndef SLUICED_NOTIFY_H
#define SLUICED_NOTIFY_H

#include <stdint.h>

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the environment. */
void notify_open(void);
/* @state: "READY=1", "STATUS=…"; several separated by newlines. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How often to send WATCHDOG=1, milliseconds; 0: not at all. */
uint64_t notify_watchdog_ms(void);

#endif
