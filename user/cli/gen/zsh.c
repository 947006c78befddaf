// SPDX-License-Identifier: GPL-2.0
/* Completion for zsh: one function for each command, by _arguments. */
#include <ctype.h>
#include <string.h>

#include "cli/value.h"
#include "gen.h"

static const char head[] =
"#compdef sluice\n"
"# SPDX-License-Identifier: GPL-2.0\n"
"# zsh completion of sluice; made from its table of commands, do not edit.\n"
"\n"
"# What the program itself knows: pods, policies, tables. Silent on failure.\n"
"# _arguments puts options for compadd before the kind.\n"
"_sluice_ask() {\n"
"	local -a found\n"
"	found=(${(f)\"$(_call_program sluice-$@[-1] ${_sluice_cmd:-sluice} __complete $@[-1] 2>/dev/null)\"})\n"
"	compadd \"${(@)@[1,-2]}\" -a found\n"
"}\n";

/* @text inside '…' and [...] of an _arguments specification. */
static void put_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", f);
		else if (strchr("[]:\\", *text))
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
}

/* "flow list" as the tail of a function's name. */
static void put_name(FILE *f, const char *path)
{
	fputs("_sluice", f);
	if (*path)
		fputc('_', f);
	for (; *path; path++)
		fputc(isalnum((unsigned char)*path) ? *path : '_', f);
}

static void put_action(FILE *f, enum cli_type type, const char *const *values)
{
	const char *kind = cli_types[type].complete;

	if (values) {
		fputc('(', f);
		for (size_t i = 0; values[i]; i++)
			fprintf(f, "%s%s", i ? " " : "", values[i]);
		fputc(')', f);
	} else if (kind && !strcmp(kind, "dir")) {
		fputs("_files -/", f);
	} else if (kind && !strcmp(kind, "file")) {
		fputs("_files", f);
	} else if (kind) {
		fprintf(f, "_sluice_ask %s", kind);
	}
}

static void put_value(FILE *f, const struct cli_option *o)
{
	if (o->type == CLI_FLAG)
		return;
	fputc(':', f);
	put_text(f, o->metavar ? o->metavar : cli_types[o->type].metavar);
	fputc(':', f);
	put_action(f, o->type, o->values);
}

static void put_options(FILE *f, const struct cli_command *cmd, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		const char *joint = o->type == CLI_FLAG ? "" : o->bare ? "=-" : "=";

		if (!cli_global_applies(cmd, o))
			continue;
		if (o->letter)
			fprintf(f, "\t\t'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name,
				o->letter, *joint ? "+" : "", o->name, joint);
		else
			fprintf(f, "\t\t'--%s%s[", o->name, joint);
		put_text(f, o->help);
		fputc(']', f);
		if (o->bare)
			fputc(':', f);
		put_value(f, o);
		fputs("' \\\n", f);
	}
}

static void put_leaf(FILE *f, const struct cli_command *cmd)
{
	int n = 1;

	fputs("\t_arguments -s -S : \\\n", f);
	put_options(f, cmd, cmd->options);
	put_options(f, cmd, cli_globals);
	for (const struct cli_arg *a = cmd->args; a && a->metavar; a++, n++) {
		if (a->repeat)
			fputs("\t\t'*:", f);
		else
			fprintf(f, "\t\t'%d:", n);
		put_text(f, a->metavar);
		fputc(':', f);
		put_action(f, a->type, NULL);
		fputs("' \\\n", f);
	}
	fputs("\t\t&& return 0\n", f);
}

static void put_group(FILE *f, const struct cli_command *cmd, const char *path)
{
	const struct cli_command *own = cli_sub(cmd, NULL);

	fputs("\tlocal line state ret=1\n\tlocal -a commands\n\n\t_arguments -s -S -C : \\\n", f);
	if (own)
		put_options(f, own, own->options);
	put_options(f, cmd, cli_globals);
	fputs("\t\t'1:command:->command' \\\n\t\t'*::argument:->argument' && ret=0\n"
	      "\tcase $state in\n\tcommand)\n\t\tcommands=(\n", f);
	for (size_t i = 0; cmd->sub[i]; i++) {
		if (cmd->sub[i]->hidden)
			continue;
		fprintf(f, "\t\t\t'%s:", cmd->sub[i]->name);
		put_text(f, cmd->sub[i]->summary);
		fputs("'\n", f);
	}
	fputs("\t\t)\n\t\t_describe -t commands command commands && ret=0 ;;\n"
	      "\targument)\n\t\tcase $line[1] in\n", f);
	for (size_t i = 0; cmd->sub[i]; i++) {
		if (cmd->sub[i]->hidden)
			continue;
		fprintf(f, "\t\t%s) ", cmd->sub[i]->name);
		put_name(f, path);
		fprintf(f, "_%s && ret=0 ;;\n", cmd->sub[i]->name);
	}
	fputs("\t\tesac ;;\n\tesac\n\treturn ret\n", f);
}

static void walk(FILE *f, const struct cli_command *cmd, const char *path)
{
	char below[128];

	fputc('\n', f);
	put_name(f, path);
	fputs("() {\n", f);
	if (cmd == &cli_root)
		fputs("\tlocal _sluice_cmd=$words[1]\n", f);
	if (cli_is_group(cmd))
		put_group(f, cmd, path);
	else
		put_leaf(f, cmd);
	fputs("}\n", f);
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++) {
		if (cmd->sub[i]->hidden)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? " " : "",
			 cmd->sub[i]->name);
		walk(f, cmd->sub[i], below);
	}
}

void gen_zsh(FILE *f)
{
	fputs(head, f);
	walk(f, &cli_root, "");
	fputs("\n_sluice \"$@\"\n", f);
}
