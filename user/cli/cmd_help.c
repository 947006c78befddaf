// SPDX-License-Identifier: GPL-2.0
/* sluice help: the same as --help behind the command. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "help.h"

static int run(struct cli *cli)
{
	size_t n = cli->line->nargs;
	char **argv = calloc(n + 3, sizeof(*argv)), name[64];
	struct cli_line line = { 0 };
	int status = CLI_OK;

	if (!argv)
		return cli_fail(cli, "%s", strerror(ENOMEM));
	argv[0] = "sluice";
	for (size_t i = 0; i < n; i++)
		argv[1 + i] = (char *)cli->line->args[i];
	argv[1 + n] = "--help";
	if (line_parse(&line, (int)n + 2, argv) || line.nargs)
		status = cli_misuse(cli, "%s", *line.error ? line.error : "no such command");
	else
		help_print(cli->out, line_command(&line), line_name(&line, name, sizeof(name)),
			   cli->colour);
	line_free(&line);
	free(argv);
	return status;
}

const struct cli_command cmd_help = {
	.name = "help",
	.summary = "Explain a command",
	.args = (const struct cli_arg[]){
		{ .metavar = "COMMAND", .type = CLI_WORD, .optional = true, .repeat = true,
		  .help = "the command's words; none: what commands there are" },
		{ .metavar = NULL } },
	.examples = (const struct cli_example[]){
		{ "help flow list", "the same as 'sluice flow list --help'" }, { .args = NULL } },
	.shape = CLI_SHAPE_NONE,
	.run = run,
};
