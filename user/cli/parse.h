/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command line against the table: which command, which options, which
 * arguments, or one line that says what is wrong. Prints nothing.
 */
#ifndef SLUICE_CLI_PARSE_H
#define SLUICE_CLI_PARSE_H

#include "command.h"

#define CLI_DEPTH	4		/* words of the longest command */
#define CLI_OPTIONS	32		/* options of one command, globals too */

struct cli_value {
	const struct cli_option *opt;
	const char *text;		/* NULL: flag, or value left out */
};

struct cli_line {
	const struct cli_command *path[CLI_DEPTH];	/* from the root on */
	size_t depth;
	struct cli_value values[CLI_OPTIONS];	/* one for each option, the last one said */
	size_t nvalues;
	const char **args;
	size_t nargs;
	const struct cli_option *asked;	/* --help or --version: nothing else was looked at */
	char error[512];		/* what is wrong and what would be right */
};

/*
 * @line is filled in as far as the command line is understood, @line->error
 * too on -EINVAL; its texts point into @argv. Free with line_free().
 */
int line_parse(struct cli_line *line, int argc, char **argv);
void line_free(struct cli_line *line);

/* The last command on the path: a leaf after success, maybe a group before. */
const struct cli_command *line_command(const struct cli_line *line);
/* "sluice flow list"; returns @buf. */
const char *line_name(const struct cli_line *line, char *buf, size_t len);
/* NULL when the option was not given. */
const struct cli_value *line_value(const struct cli_line *line, const char *name);

#endif
