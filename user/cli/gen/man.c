// SPDX-License-Identifier: GPL-2.0
/* sluice(1) and its commands' pages. */
#include <string.h>

#include "cli/help.h"
#include "cli/value.h"
#include "gen.h"
#include "roff.h"

static void put_usage(FILE *f, const struct cli_command *cmd, const char *name)
{
	char quoted[256];

	fprintf(f, ".PP\n%s", roff_quote("\\fB", name, "\\fR", quoted, sizeof(quoted)));
	if (cli_is_group(cmd))
		fputs(" \\fICOMMAND\\fR", f);
	fputs(" [\\fIOPTION\\fR]...", f);
	for (const struct cli_arg *a = cmd->args; a && a->metavar; a++) {
		roff_quote(a->optional ? " [\\fI" : " \\fI", a->metavar,
			   a->repeat ? "\\fR...": "\\fR", quoted, sizeof(quoted));
		fprintf(f, "%s%s", quoted, a->optional ? "]" : "");
	}
	fputc('\n', f);
}

/* "\fB-o\fR, \fB--output\fR=\fIFORMAT\fR" */
static void option_term(const struct cli_option *o, char *buf, size_t len)
{
	const char *meta = o->metavar ? o->metavar : cli_types[o->type].metavar;
	FILE *f = fmemopen(buf, len, "w");

	if (!f)
		return;
	if (o->letter)
		fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", f);
	roff_put(f, o->name);
	fputs("\\fR", f);
	if (o->type != CLI_FLAG) {
		fputs(o->bare ? "[=\\fI" : "=\\fI", f);
		roff_put(f, meta);
		fputs(o->bare ? "\\fR]" : "\\fR", f);
	}
	fclose(f);
}

static void put_options(FILE *f, const struct cli_option *o)
{
	char term[256], text[1024];

	for (; o && o->name; o++) {
		size_t used = snprintf(text, sizeof(text), "%s", o->help);

		for (size_t i = 0; o->values && o->values[i]; i++)
			used += snprintf(text + used, sizeof(text) - used, "%s%s",
					 i ? ", " : ": ", o->values[i]);
		if (o->type != CLI_CHOICE && o->type != CLI_FLAG)
			used += snprintf(text + used, sizeof(text) - used, " (%s)",
					 cli_types[o->type].what);
		if (o->env)
			snprintf(text + used, sizeof(text) - used, "; the environment's %s says the "
				 "same", o->env);
		option_term(o, term, sizeof(term));
		strcat(text, ".");
		roff_term(f, term, text);
	}
}

static void put_keys(FILE *f, const struct cli_command *cmd)
{
	char term[512], quoted[256], text[512];

	if (!cmd->keys)
		return;
	fputs(".PP\nKeys of ", f);
	switch (cmd->shape) {
	case CLI_SHAPE_LIST:
		fputs("each element of the array that \\fB\\-o json\\fR prints:\n", f);
		break;
	case CLI_SHAPE_STREAM:
		fputs("each object that \\fB\\-o json\\fR prints, one a line:\n", f);
		break;
	default:
		fputs("the object that \\fB\\-o json\\fR prints:\n", f);
	}
	for (const struct cli_key *k = cmd->keys; k->path; k++) {
		roff_quote("\\fB", k->path, "\\fR", quoted, sizeof(quoted));
		snprintf(term, sizeof(term), "%s (%s)", quoted, k->type);
		snprintf(text, sizeof(text), "%s.", k->help);
		roff_term(f, term, text);
	}
}

static void put_examples(FILE *f, const struct cli_example *e)
{
	char quoted[512], line[256];

	for (; e && e->args; e++) {
		snprintf(line, sizeof(line), "sluice %s", e->args);
		roff_term(f, roff_quote("\\fB", line, "\\fR", quoted, sizeof(quoted)), e->help);
	}
}

static void put_leaf(FILE *f, const struct cli_command *cmd)
{
	char term[256];

	fputs(".PP\n", f);
	roff_put(f, cmd->summary);
	fputs(".\n", f);
	if (cmd->text) {
		fputs(".PP\n", f);
		roff_text(f, cmd->text);
	}
	for (const struct cli_arg *a = cmd->args; a && a->metavar; a++)
		roff_term(f, roff_quote("\\fI", a->metavar, "\\fR", term, sizeof(term)), a->help);
	put_options(f, cmd->options);
	put_examples(f, cmd->examples);
	if (cmd->failure) {
		fputs(".PP\nThe exit status is 1 also when ", f);
		roff_put(f, cmd->failure);
		fputs(".\n", f);
	}
	if (cmd->found) {
		fputs(".PP\nThe exit status is 3 when ", f);
		roff_put(f, cmd->found);
		fputs(".\n", f);
	}
	put_keys(f, cmd);
}

static void put_status(FILE *f)
{
	roff_section(f, "EXIT STATUS");
	roff_term(f, "0", "Done. Also when a command that goes on was interrupted.");
	roff_term(f, "1", "Failed, and standard error says why; or what was printed could not be "
			  "delivered.");
	roff_term(f, "2", "Wrong usage; standard error says what would be right.");
	roff_term(f, "3", "Done, and what was looked for was found: whatif.");
}

void gen_man_root(FILE *f)
{
	char page[64], quoted[128];

	roff_page(f, "sluice", 1, cli_root.summary);
	roff_section(f, "SYNOPSIS");
	put_usage(f, &cli_root, "sluice");
	roff_section(f, "DESCRIPTION");
	roff_text(f, cli_root.text);
	roff_section(f, "COMMANDS");
	for (size_t i = 0; cli_root.sub[i]; i++) {
		if (cli_root.sub[i]->hidden)
			continue;
		snprintf(page, sizeof(page), "sluice-%s", cli_root.sub[i]->name);
		roff_quote("\\fB", page, "\\fR(1)", quoted, sizeof(quoted));
		roff_term(f, quoted, cli_root.sub[i]->summary);
	}
	roff_section(f, "OPTIONS");
	fputs("Options may stand anywhere on the command line.\n", f);
	put_options(f, cli_globals);
	roff_section(f, "ENVIRONMENT");
	for (const struct cli_option *o = cli_globals; o->name; o++) {
		char text[128];

		if (!o->env)
			continue;
		snprintf(text, sizeof(text), "The same as --%s, which goes before it.", o->name);
		roff_term(f, roff_quote("\\fB", o->env, "\\fR", quoted, sizeof(quoted)), text);
	}
	roff_term(f, "\\fBNO_COLOR\\fR", "Set and not empty: no colours unless --color=always.");
	put_status(f);
	roff_see(f, (const char *const[]){ "sluiced(8)", "sluice-cni(8)", NULL });
}

void gen_man_command(FILE *f, const struct cli_command *cmd)
{
	char page[64], name[64], sub[96];

	snprintf(page, sizeof(page), "sluice-%s", cmd->name);
	snprintf(name, sizeof(name), "sluice %s", cmd->name);
	roff_page(f, page, 1, cmd->summary);
	roff_section(f, "SYNOPSIS");
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++) {
		snprintf(sub, sizeof(sub), "%s %s", name, cmd->sub[i]->name);
		put_usage(f, cmd->sub[i], sub);
	}
	if (!cmd->sub)
		put_usage(f, cmd, name);
	roff_section(f, "DESCRIPTION");
	if (!cmd->sub) {
		put_leaf(f, cmd);
	} else {
		roff_put(f, cmd->summary);
		fputs(".\n", f);
	}
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++) {
		snprintf(sub, sizeof(sub), "%s %s%s", name, cmd->sub[i]->name,
			 cmd->sub[i]->fallback ? " (when no command is given)" : "");
		roff_subsection(f, sub);
		put_leaf(f, cmd->sub[i]);
	}
	put_status(f);
	roff_see(f, (const char *const[]){ "sluice(1)", "sluiced(8)", NULL });
}
