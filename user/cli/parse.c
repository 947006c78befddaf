// SPDX-License-Identifier: GPL-2.0
/*
 * A command line against the table, in two passes of getopt_long(): the
 * first knows the options of every command and only looks for the words
 * that name one, so that options may stand anywhere; the second knows the
 * options of that command alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "suggest.h"
#include "value.h"

#define SET_MAX	96		/* different options of all commands */
#define LONG	256		/* getopt's value of an option without a letter, and up */

struct optset {
	const struct cli_option *opt[SET_MAX];
	size_t n;
	struct option longs[SET_MAX + 1];
	char shorts[3 * SET_MAX + 3];
};

/* A walk over argv: one step is an option, a word, or the end. */
struct walk {
	const struct optset *set;
	int argc;
	char **argv;
	int at;				/* index of what the last step looked at */
	int rest;			/* words behind "--" or the end; 0: not there yet */
};

__attribute__((format(printf, 2, 3)))
static int line_error(struct cli_line *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line->error, sizeof(line->error), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void optset_add(struct optset *set, const struct cli_option *opts)
{
	for (; opts && opts->name; opts++) {
		size_t i = 0;

		while (i < set->n && strcmp(set->opt[i]->name, opts->name))
			i++;
		if (i == set->n && set->n < SET_MAX)
			set->opt[set->n++] = opts;
	}
}

static void optset_add_tree(struct optset *set, const struct cli_command *cmd)
{
	optset_add(set, cmd->options);
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++)
		optset_add_tree(set, cmd->sub[i]);
}

/*
 * '-': words come in order, as "options" with the value 1. ':': a missing
 * value is told from an unknown option.
 */
static void optset_build(struct optset *set)
{
	char *s = set->shorts;

	*s++ = '-';
	*s++ = ':';
	for (size_t i = 0; i < set->n; i++) {
		const struct cli_option *o = set->opt[i];

		set->longs[i] = (struct option){
			.name = o->name,
			.has_arg = o->type == CLI_FLAG ? no_argument :
				   o->bare ? optional_argument : required_argument,
			.val = LONG + (int)i,
		};
		if (!o->letter)
			continue;
		*s++ = o->letter;
		for (int n = 0; n < set->longs[i].has_arg; n++)
			*s++ = ':';
	}
	*s = '\0';
	set->longs[set->n] = (struct option){ 0 };
}

static const struct cli_option *optset_find(const struct optset *set, int val)
{
	if (val >= LONG)
		return set->opt[val - LONG];
	for (size_t i = 0; i < set->n; i++)
		if (set->opt[i]->letter && set->opt[i]->letter == val)
			return set->opt[i];
	return NULL;
}

static void walk_init(struct walk *w, const struct optset *set, int argc, char **argv)
{
	*w = (struct walk){ .set = set, .argc = argc, .argv = argv };
	optind = 0;
	opterr = 0;
}

/* Length of "--name" in "--name=value". */
static int name_len(const char *text)
{
	return (int)strcspn(text, "=");
}

static int unknown_option(struct cli_line *line, const struct walk *w, const char *text)
{
	struct suggest s;
	char name[64];

	if (text[1] != '-')
		return line_error(line, "unknown option '-%c'", optopt);
	snprintf(name, sizeof(name), "%.*s", name_len(text + 2), text + 2);
	suggest_init(&s, name);
	for (size_t i = 0; i < w->set->n; i++)
		suggest_offer(&s, w->set->opt[i]->name);
	if (s.best)
		return line_error(line, "unknown option '%.*s'; did you mean '--%s'?",
				  name_len(text), text, s.best);
	return line_error(line, "unknown option '%.*s'", name_len(text), text);
}

/* What getopt_long() complained about, in our words. */
static int walk_error(struct cli_line *line, const struct walk *w, int ret)
{
	const struct cli_option *o = optopt ? optset_find(w->set, optopt) : NULL;

	if (!o)
		return unknown_option(line, w, w->argv[w->at]);
	if (ret == ':')
		return line_error(line, "option '--%s' needs a value: %s", o->name,
				  cli_types[o->type].what);
	return line_error(line, "option '--%s' takes no value", o->name);
}

enum step { STEP_END, STEP_WORD, STEP_OPTION };

/*
 * @out: the option, its value or the word in @text. Options count only when
 * written in full: what an abbreviation means would change with the next
 * option that is added.
 */
static int walk_next(struct cli_line *line, struct walk *w, const struct cli_option **opt,
		     const char **text)
{
	int ret, index = -1;

	if (w->rest) {
		if (w->rest >= w->argc)
			return STEP_END;
		w->at = w->rest++;
		*text = w->argv[w->at];
		return STEP_WORD;
	}
	w->at = optind ? optind : 1;
	ret = getopt_long(w->argc, w->argv, w->set->shorts, w->set->longs, &index);
	if (ret == -1) {
		w->rest = optind;
		return walk_next(line, w, opt, text);
	}
	*text = optarg;
	if (ret == 1)
		return STEP_WORD;
	if (ret == '?' || ret == ':')
		return walk_error(line, w, ret);
	*opt = optset_find(w->set, ret);
	if (index >= 0 && name_len(w->argv[w->at]) != (int)strlen((*opt)->name) + 2)
		return unknown_option(line, w, w->argv[w->at]);
	return STEP_OPTION;
}

static int unknown_command(struct cli_line *line, const struct cli_command *group,
			   const char *word)
{
	char list[256] = "";
	struct suggest s;

	suggest_init(&s, word ? word : "");
	for (size_t i = 0; group->sub[i]; i++) {
		const struct cli_command *sub = group->sub[i];
		size_t len = strlen(list);

		if (sub->hidden)
			continue;
		suggest_offer(&s, sub->name);
		snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", sub->name);
	}
	if (!word)
		return line_error(line, "a command is missing: %s", list);
	if (s.best)
		return line_error(line, "unknown command '%s'; did you mean '%s'?", word, s.best);
	return line_error(line, "unknown command '%s'; there are: %s", word, list);
}

/* First pass. @words: set for every index of @argv that names a command. */
static int find_command(struct cli_line *line, int argc, char **argv, bool *words)
{
	const struct cli_command *cmd = &cli_root;
	const struct cli_option *opt = NULL;
	struct optset set = { .n = 0 };
	const char *text = NULL;
	bool asked = false;
	struct walk w;
	int step;

	line->path[line->depth++] = cmd;
	optset_add(&set, cli_globals);
	optset_add_tree(&set, cmd);
	optset_build(&set);
	walk_init(&w, &set, argc, argv);
	while (cli_is_group(cmd)) {
		step = walk_next(line, &w, &opt, &text);
		if (step < 0)
			return step;
		if (step == STEP_END)
			break;
		if (step == STEP_OPTION) {
			asked |= !strcmp(opt->name, "help") || !strcmp(opt->name, "version");
			continue;
		}
		if (!cli_sub(cmd, text))
			return unknown_command(line, cmd, text);
		cmd = cli_sub(cmd, text);
		line->path[line->depth++] = cmd;
		words[w.at] = true;
	}
	while (cli_is_group(cmd) && !asked) {
		cmd = cli_sub(cmd, NULL);
		if (!cmd)
			return unknown_command(line, line_command(line), NULL);
		line->path[line->depth++] = cmd;
	}
	return 0;
}

static int check_choice(struct cli_line *line, const struct cli_option *opt, const char *text)
{
	char list[256] = "";
	struct suggest s;

	suggest_init(&s, text);
	for (size_t i = 0; opt->values[i]; i++) {
		size_t len = strlen(list);

		if (!strcmp(opt->values[i], text))
			return 0;
		suggest_offer(&s, opt->values[i]);
		snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", opt->values[i]);
	}
	if (s.best)
		return line_error(line, "'%s' for '--%s' is none of %s; did you mean '%s'?", text,
				  opt->name, list, s.best);
	return line_error(line, "'%s' for '--%s' is none of %s", text, opt->name, list);
}

/* @what: "'--port'" or "FROM", for the message. */
static int check_typed(struct cli_line *line, const char *what, enum cli_type type,
		       const char *text)
{
	const struct cli_type_info *info = &cli_types[type];
	struct suggest s;

	if (!info->check || !info->check(text))
		return 0;
	suggest_init(&s, text);
	for (size_t i = 0; info->word && info->word(i); i++)
		suggest_offer(&s, info->word(i));
	if (s.best)
		return line_error(line, "'%s' for %s is not %s; did you mean '%s'?", text, what,
				  info->what, s.best);
	return line_error(line, "'%s' for %s is not %s", text, what, info->what);
}

static int check_value(struct cli_line *line, const struct cli_option *opt, const char *text)
{
	char what[64];

	if (opt->type == CLI_CHOICE)
		return check_choice(line, opt, text);
	snprintf(what, sizeof(what), "'--%s'", opt->name);
	return check_typed(line, what, opt->type, text);
}

static int take_option(struct cli_line *line, const struct cli_option *opt, const char *text)
{
	const struct cli_command *cmd = line_command(line);
	size_t i = 0;
	int err;

	if (!cli_is_group(cmd) && !cli_global_applies(cmd, opt))
		return line_error(line, "'--%s' means nothing here: %s", opt->name,
				  cmd->shape == CLI_SHAPE_STREAM ? "the output never ends anyway" :
				  "there is nothing to show");
	err = text ? check_value(line, opt, text) : 0;
	if (err)
		return err;
	while (i < line->nvalues && line->values[i].opt != opt)
		i++;
	if (i == CLI_OPTIONS)
		return line_error(line, "too many options");
	line->values[i] = (struct cli_value){ opt, text };
	if (i == line->nvalues)
		line->nvalues++;
	return 0;
}

/* Second pass, over @argv without the command's words. */
static int take_options(struct cli_line *line, int argc, char **argv)
{
	const struct cli_option *opt = NULL;
	struct optset set = { .n = 0 };
	const char *text = NULL;
	struct walk w;
	int step, err;

	optset_add(&set, cli_globals);
	optset_add(&set, line_command(line)->options);
	optset_build(&set);
	walk_init(&w, &set, argc, argv);
	while ((step = walk_next(line, &w, &opt, &text)) > 0) {
		if (step == STEP_WORD) {
			line->args[line->nargs++] = text;
			continue;
		}
		if (!strcmp(opt->name, "help") || !strcmp(opt->name, "version")) {
			line->asked = opt;
			return 0;
		}
		err = take_option(line, opt, text);
		if (err)
			return err;
	}
	return step;
}

/* An option whose value may be left out, was left out, and could have been @text. */
static const struct cli_option *bare_option(const struct cli_line *line, const char *text)
{
	for (size_t i = 0; i < line->nvalues; i++) {
		const struct cli_option *o = line->values[i].opt;

		if (o->bare && !line->values[i].text && !cli_types[o->type].check(text))
			return o;
	}
	return NULL;
}

static int check_args(struct cli_line *line)
{
	const struct cli_arg *arg = line_command(line)->args;
	char name[64];
	size_t i = 0, first;
	int err;

	for (first = 0; arg && arg->metavar; arg += !arg->repeat) {
		if (!arg->repeat)
			first = i + 1;
		if (i == line->nargs && (arg->optional || (arg->repeat && i > first)))
			return 0;
		if (i == line->nargs)
			return line_error(line, "%s is missing: %s", arg->metavar,
					  cli_types[arg->type].what);
		err = check_typed(line, arg->metavar, arg->type, line->args[i]);
		if (err)
			return err;
		i++;
	}
	if (i == line->nargs)
		return 0;
	if (bare_option(line, line->args[i]))
		return line_error(line, "'%s' is too much; did you mean '--%s=%s'?", line->args[i],
				  bare_option(line, line->args[i])->name, line->args[i]);
	return line_error(line, "'%s' is too much: '%s' takes %s", line->args[i],
			  line_name(line, name, sizeof(name)), i ? "nothing more" : "no argument");
}

int line_parse(struct cli_line *line, int argc, char **argv)
{
	char **rest = NULL;
	bool *words;
	int n = 0, err = -ENOMEM;

	*line = (struct cli_line){ 0 };
	if (argc < 1)
		return unknown_command(line, &cli_root, NULL);
	words = calloc(argc + 1, sizeof(*words));
	rest = calloc(argc + 1, sizeof(*rest));
	line->args = calloc(argc + 1, sizeof(*line->args));
	if (!words || !rest || !line->args) {
		line_error(line, "%s", strerror(ENOMEM));
		goto out;
	}
	err = find_command(line, argc, argv, words);
	if (err)
		goto out;
	for (int i = 0; i < argc; i++)
		if (!words[i])
			rest[n++] = argv[i];
	err = take_options(line, n, rest);
	if (!err && !line->asked)
		err = check_args(line);
out:
	free(words);
	free(rest);
	return err;
}

void line_free(struct cli_line *line)
{
	free(line->args);
	line->args = NULL;
}

const struct cli_command *line_command(const struct cli_line *line)
{
	return line->depth ? line->path[line->depth - 1] : &cli_root;
}

const char *line_name(const struct cli_line *line, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < line->depth && used < len; i++)
		used += snprintf(buf + used, len - used, "%s%s", i ? " " : "",
				 line->path[i]->name);
	return buf;
}

const struct cli_value *line_value(const struct cli_line *line, const char *name)
{
	for (size_t i = 0; i < line->nvalues; i++)
		if (!strcmp(line->values[i].opt->name, name))
			return &line->values[i];
	return NULL;
}
