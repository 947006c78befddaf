/* SPDX-License-Identifier: GPL-2.0 */
/* What --help prints, from the table. */
#ifndef SLUICE_CLI_HELP_H
#define SLUICE_CLI_HELP_H

#include <stdio.h>

#include "command.h"

#define HELP_WIDTH 80

/* @name: the whole command, "sluice flow list". @colour: headings stand out. */
void help_print(FILE *f, const struct cli_command *cmd, const char *name, bool colour);
/* "sluice flow list [OPTION]... NS/NAME", one line without its end. */
void help_usage(FILE *f, const struct cli_command *cmd, const char *name);

/* How an option is written: "-o, --output=FORMAT", "--watch[=SECONDS]"; returns @buf. */
const char *help_option(const struct cli_option *opt, char *buf, size_t len);

#endif
