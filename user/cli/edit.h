/* SPDX-License-Identifier: GPL-2.0 */
/* Changes by hand: one command as a transaction of its own, and what is said of it. */
#ifndef SLUICE_CLI_EDIT_H
#define SLUICE_CLI_EDIT_H

#include "cli.h"

/* For cli_command.run of a command that has .queue: does it, and prints the outcome. */
int edit_run(struct cli *cli);

/* What is printed of a transaction that is in force. */
extern const struct cli_key edit_keys[];
int edit_done(struct cli *cli, long operations);

/* Why queueing failed: the library's words where @txn has some. Returns @err. */
int edit_why(const struct sluice_txn *txn, int err, char *why);

#endif
