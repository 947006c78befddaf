// SPDX-License-Identifier: GPL-2.0
/* What --help prints, from the table. */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "text.h"
#include "value.h"

#define TERM_COLUMN 26		/* where explanations begin */

static void heading(FILE *f, const char *text, bool colour)
{
	fprintf(f, "\n%s%s%s\n", colour ? style_begin(STYLE_STRONG) : "", text,
		colour ? style_end(STYLE_STRONG) : "");
}

/* A term and, at TERM_COLUMN, what it means. */
static void term(FILE *f, const char *name, const char *text)
{
	size_t n = strlen(name) + 2;

	fprintf(f, "  %s", name);
	if (n + 2 > TERM_COLUMN) {
		fputc('\n', f);
		text_wrap(f, text, TERM_COLUMN, HELP_WIDTH);
		return;
	}
	/* The first line shares its line with the term: wrap, then skip the indent. */
	char *block = NULL;
	size_t size;
	FILE *mem = open_memstream(&block, &size);

	if (!mem)
		return;
	text_wrap(mem, text, TERM_COLUMN, HELP_WIDTH);
	fclose(mem);
	fprintf(f, "%*s%s", (int)(TERM_COLUMN - n), "", block + TERM_COLUMN);
	free(block);
}

const char *help_option(const struct cli_option *opt, char *buf, size_t len)
{
	const char *meta = opt->metavar ? opt->metavar : cli_types[opt->type].metavar;
	char letter[5] = "";

	if (opt->letter)
		snprintf(letter, sizeof(letter), "-%c, ", opt->letter);
	if (opt->type == CLI_FLAG)
		snprintf(buf, len, "%s--%s", letter, opt->name);
	else
		snprintf(buf, len, opt->bare ? "%s--%s[=%s]" : "%s--%s=%s", letter, opt->name,
			 meta);
	return buf;
}

static void options(FILE *f, const struct cli_command *cmd, const struct cli_option *opts,
		    const char *title, bool colour)
{
	bool first = true;
	char name[64], text[512], list[256];

	for (; opts && opts->name; opts++) {
		size_t used = 0;

		if (!cli_global_applies(cmd, opts))
			continue;
		if (first)
			heading(f, title, colour);
		first = false;
		list[0] = '\0';
		for (size_t i = 0; opts->values && opts->values[i]; i++)
			used += snprintf(list + used, sizeof(list) - used, "%s%s",
					 i ? ", " : ": ", opts->values[i]);
		snprintf(text, sizeof(text), "%s%s%s%s%s", opts->help, list,
			 opts->env ? " [" : "", opts->env ? opts->env : "", opts->env ? "]" : "");
		term(f, help_option(opts, name, sizeof(name)), text);
	}
}

void help_usage(FILE *f, const struct cli_command *cmd, const char *name)
{
	fprintf(f, "%s", name);
	if (cli_is_group(cmd)) {
		fputs(cli_sub(cmd, NULL) ? " [COMMAND] [OPTION]..." : " COMMAND [OPTION]...", f);
		return;
	}
	fputs(" [OPTION]...", f);
	for (const struct cli_arg *a = cmd->args; a && a->metavar; a++)
		fprintf(f, a->optional ? " [%s%s]" : " %s%s", a->metavar,
			a->repeat ? "..." : "");
}

static void group(FILE *f, const struct cli_command *cmd, bool colour)
{
	char text[256];

	heading(f, "Commands", colour);
	for (size_t i = 0; cmd->sub[i]; i++) {
		const struct cli_command *sub = cmd->sub[i];

		if (sub->hidden)
			continue;
		snprintf(text, sizeof(text), "%s%s", sub->summary,
			 sub->fallback ? " (when no command is given)" : "");
		term(f, sub->name, text);
	}
}

void help_print(FILE *f, const struct cli_command *cmd, const char *name, bool colour)
{
	char text[256];

	fputs("usage: ", f);
	help_usage(f, cmd, name);
	fprintf(f, "\n\n%s.\n", cmd->summary);
	if (cmd->text) {
		fputc('\n', f);
		text_wrap(f, cmd->text, 0, HELP_WIDTH);
	}
	if (cli_is_group(cmd)) {
		group(f, cmd, colour);
	} else if (cmd->args) {
		heading(f, "Arguments", colour);
		for (const struct cli_arg *a = cmd->args; a->metavar; a++)
			term(f, a->metavar, a->help);
	}
	options(f, cmd, cmd->options, "Options", colour);
	options(f, cmd, cli_globals, "Options of every command", colour);
	if (cmd->examples) {
		heading(f, "Examples", colour);
		for (const struct cli_example *e = cmd->examples; e->args; e++)
			fprintf(f, "  sluice %s\n      %s\n", e->args, e->help);
	}
	heading(f, "Exit status", colour);
	snprintf(text, sizeof(text), "0 done, 1 failed%s%s, 2 wrong usage%s%s",
		 cmd->failure ? " or " : "", cmd->failure ? cmd->failure : "",
		 cmd->found ? ", 3 " : "", cmd->found ? cmd->found : "");
	text_wrap(f, text, 2, HELP_WIDTH);
	if (cli_is_group(cmd))
		fprintf(f, "\n'%s COMMAND --help' explains a command.\n", name);
}
