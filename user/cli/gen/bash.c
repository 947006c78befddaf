// SPDX-License-Identifier: GPL-2.0
/*
 * Completion for bash. The logic is one text below, the same for any table;
 * what is made from the table are three functions of case branches that it
 * asks. It stands alone: the bash-completion package is not needed.
 */
#include "cli/value.h"
#include "gen.h"

static const char logic[] =
"# What the program itself knows: pods, policies, tables. Silent on failure.\n"
"_sluice_ask()\n"
"{\n"
"	\"${_sluice_cmd[@]}\" __complete \"$1\" 2>/dev/null\n"
"}\n"
"\n"
"# Candidates for one value: words, or @kind to ask for.\n"
"_sluice_offer()\n"
"{\n"
"	local cur=$1 values=$2\n"
"\n"
"	case $values in\n"
"	-)	;;\n"
"	@dir)	compgen -d -- \"$cur\" ;;\n"
"	@file)	compgen -f -- \"$cur\" ;;\n"
"	@*)	compgen -W \"$(_sluice_ask \"${values#@}\")\" -- \"$cur\" ;;\n"
"	*)	compgen -W \"$values\" -- \"$cur\" ;;\n"
"	esac\n"
"}\n"
"\n"
"# Walks over the words before the cursor: which command, how many arguments.\n"
"_sluice_walk()\n"
"{\n"
"	local word subs args values\n"
"\n"
"	while (($#)); do\n"
"		word=$1\n"
"		shift\n"
"		case $word in\n"
"		--run-dir=* | --pin-root=*)\n"
"			_sluice_cmd+=(\"$word\") ;;\n"
"		--*=*)	;;\n"
"		-*)\n"
"			_sluice_value \"$path\" \"$word\" || continue\n"
"			# The last word is the value that is being typed.\n"
"			(($#)) || { pending=$word; return; }\n"
"			case $word in --run-dir | --pin-root) _sluice_cmd+=(\"$word\" \"$1\") ;; esac\n"
"			shift ;;\n"
"		*)\n"
"			_sluice_words \"$path\"\n"
"			if [[ \" $subs \" == *\" $word \"* ]]; then\n"
"				path=\"${path:+$path }$word\"\n"
"			else\n"
"				((nargs++))\n"
"			fi ;;\n"
"		esac\n"
"	done\n"
"}\n"
"\n"
"# bash parts words at = and : too: what stands before the last part is there already.\n"
"_sluice_strip()\n"
"{\n"
"	local cur=$1 c head=\n"
"\n"
"	for c in = :; do\n"
"		[[ $COMP_WORDBREAKS == *\"$c\"* && $cur == *\"$c\"* ]] || continue\n"
"		c=${cur%\"$c\"*}$c\n"
"		((${#c} > ${#head})) && head=$c\n"
"	done\n"
"	COMPREPLY=(\"${COMPREPLY[@]#\"$head\"}\")\n"
"}\n"
"\n"
"_sluice()\n"
"{\n"
"	local line=${COMP_LINE:0:COMP_POINT} path= nargs=0 pending= cur subs opts args values\n"
"	local -a words _sluice_cmd\n"
"\n"
"	read -ra words <<<\"$line\"\n"
"	[[ $line == *[[:space:]] ]] && words+=(\"\")\n"
"	cur=${words[-1]}\n"
"	_sluice_cmd=(\"${words[0]}\")\n"
"	_sluice_walk \"${words[@]:1:${#words[@]}-2}\"\n"
"	if [[ $pending ]]; then\n"
"		_sluice_value \"$path\" \"$pending\"\n"
"		mapfile -t COMPREPLY < <(_sluice_offer \"$cur\" \"$values\")\n"
"	elif [[ $cur == --*=* ]]; then\n"
"		_sluice_value \"$path\" \"${cur%%=*}\"\n"
"		mapfile -t COMPREPLY < <(_sluice_offer \"${cur#*=}\" \"$values\")\n"
"		COMPREPLY=(\"${COMPREPLY[@]/#/${cur%%=*}=}\")\n"
"	elif [[ $cur == -* ]]; then\n"
"		_sluice_words \"$path\"\n"
"		mapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
"	else\n"
"		_sluice_words \"$path\"\n"
"		args=($args)\n"
"		values=$subs\n"
"		[[ $subs ]] || values=${args[nargs]-}\n"
"		mapfile -t COMPREPLY < <(_sluice_offer \"$cur\" \"$values\")\n"
"	fi\n"
"	_sluice_strip \"$cur\"\n"
"}\n"
"\n"
"complete -F _sluice sluice\n";

static void put_options(FILE *f, const struct cli_command *cmd, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		if (!cli_global_applies(cmd, o))
			continue;
		fprintf(f, " --%s", o->name);
		if (o->letter)
			fprintf(f, " -%c", o->letter);
	}
}

/* A group that does something by itself takes the options of that. */
static const struct cli_option *own_options(const struct cli_command *cmd)
{
	if (cli_is_group(cmd))
		return cli_sub(cmd, NULL) ? cli_sub(cmd, NULL)->options : NULL;
	return cmd->options;
}

/* One branch: what can follow after @path. */
static void put_words(FILE *f, const struct cli_command *cmd, const char *path)
{
	fprintf(f, "\t'%s')\n\t\tsubs='", path);
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++)
		if (!cmd->sub[i]->hidden)
			fprintf(f, "%s%s", i ? " " : "", cmd->sub[i]->name);
	fprintf(f, "'\n\t\targs='");
	for (const struct cli_arg *a = cmd->args; a && a->metavar; a++)
		fprintf(f, " %s%s", cli_types[a->type].complete ? "@" : "-",
			cli_types[a->type].complete ? cli_types[a->type].complete : "");
	fprintf(f, "'\n\t\topts='");
	put_options(f, cmd, own_options(cmd));
	put_options(f, cmd, cli_globals);
	fprintf(f, "' ;;\n");
}

/* One branch for each option with a value; returns 0 when the next word is it. */
static void put_values(FILE *f, const char *path, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		const char *kind = cli_types[o->type].complete;

		if (o->type == CLI_FLAG)
			continue;
		fprintf(f, "\t'%s:--%s'", path, o->name);
		if (o->letter)
			fprintf(f, " | '%s:-%c'", path, o->letter);
		fprintf(f, ")\n\t\tvalues='%s%s", kind ? "@" : "", kind ? kind : "");
		for (size_t i = 0; o->values && o->values[i]; i++)
			fprintf(f, "%s%s", i ? " " : "", o->values[i]);
		fprintf(f, "'\n\t\treturn %d ;;\n", o->bare);
	}
}

static void walk(FILE *f, const struct cli_command *cmd, const char *path, bool values)
{
	char below[128];

	if (values) {
		put_values(f, path, own_options(cmd));
		put_values(f, path, cli_globals);
	} else {
		put_words(f, cmd, path);
	}
	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++) {
		if (cmd->sub[i]->hidden)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? " " : "",
			 cmd->sub[i]->name);
		walk(f, cmd->sub[i], below, values);
	}
}

void gen_bash(FILE *f)
{
	fputs("# SPDX-License-Identifier: GPL-2.0\n"
	      "# bash completion of sluice; made from its table of commands, do not edit.\n"
	      "\n"
	      "# Sets subs, args and opts: what can follow after a command's words.\n"
	      "_sluice_words()\n{\n\tsubs= args= opts=\n\tcase $1 in\n", f);
	walk(f, &cli_root, "", false);
	fputs("\tesac\n}\n\n"
	      "# Sets values for an option of a command; fails when the next word is not its value.\n"
	      "_sluice_value()\n{\n\tvalues=\n\tcase $1:$2 in\n", f);
	walk(f, &cli_root, "", true);
	fputs("\tesac\n\treturn 1\n}\n\n", f);
	fputs(logic, f);
}
