/* SPDX-License-Identifier: GPL-2.0 */
/* --watch: the same command again and again, redrawn in place on a terminal. */
#ifndef SLUICE_CLI_WATCH_H
#define SLUICE_CLI_WATCH_H

#include "cli.h"

#define WATCH_SECONDS 2.0

/* Runs until interrupted; returns the exit status. A first run that fails ends it. */
int watch_run(struct cli *cli, double every);

/* Columns and rows of the terminal on standard output; 0: none. */
void terminal_size(unsigned int *columns, unsigned int *rows);

#endif
