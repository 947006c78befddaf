/* SPDX-License-Identifier: GPL-2.0 */
/* Commands that print what happens, until interrupted. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli.h"

/*
 * follow() - wait on @fd and call @drain, until a signal says that it is enough
 * @drain: prints all that has come; FOLLOW_MORE, or the status to end with,
 *	having said why
 * @arg: for @drain
 *
 * Blocks SIGINT, SIGTERM and SIGHUP, which then end it with CLI_OK. CLI_FAILED
 * when nobody reads our output any more, or, having said why, on any error.
 */
#define FOLLOW_MORE	(-1)
int follow(struct cli *cli, int fd, int (*drain)(struct cli *cli, void *arg), void *arg);

#endif /* CLI_FOLLOW_H */
