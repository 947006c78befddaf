/* SPDX-License-Identifier: GPL-2.0 */
/* Lists that the daemon makes whole: fetched, cut to the documented keys, printed. */
#ifndef SLUICE_CLI_DAEMON_LIST_H
#define SLUICE_CLI_DAEMON_LIST_H

#include "out.h"

/*
 * Prints the array that @op answers with. The command's keys say what of each
 * element is shown. Returns the exit status.
 */
int daemon_list(struct cli *cli, const char *op, const struct out_column *cols, size_t ncols,
		const char *empty);

/* Fetches one object and cuts it to the command's keys; NULL after saying why. */
json_t *daemon_object(struct cli *cli, const char *op, json_t *args);

#endif
