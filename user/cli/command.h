/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The shape of a command, and the one table of them all. Parsing, --help,
 * the shells' completions and the manual pages are made from this table;
 * nothing about a command is said anywhere else.
 */
#ifndef SLUICE_CLI_COMMAND_H
#define SLUICE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct sluice_txn;

/* What a value must look like; value.c says so to the user. */
enum cli_type {
	CLI_FLAG,		/* option without a value */
	CLI_CHOICE,		/* one of the option's values[] */
	CLI_COUNT,		/* 1 and more */
	CLI_SECONDS,		/* 0.1 to 86400, fractions allowed */
	CLI_DIR,
	CLI_POD,		/* NS/NAME */
	CLI_POLICY,		/* NS/NAME, or NAME */
	CLI_SERVICE_NAME,	/* NS/NAME */
	CLI_PREFIX,		/* address, or address/length */
	CLI_PROTO,		/* name or number */
	CLI_PORT,
	CLI_SERVICE,		/* PORT[/PROTO] */
	CLI_PEER,		/* NS/NAME or address */
	CLI_ENDPOINT,		/* id, NS/NAME or address */
	CLI_TABLE,		/* name of a table */
	CLI_NUMBER,		/* 0 to 4294967295, decimal or 0x… */
	CLI_FILE,
	CLI_WORD,		/* anything, not empty */
	__CLI_TYPE_MAX,
};

struct cli_option {
	const char *name;		/* without dashes */
	char letter;			/* 0: long form only */
	enum cli_type type;
	bool bare;			/* value may be left out */
	const char *metavar;		/* NULL: the type's */
	const char *env;		/* environment variable that says the same; NULL */
	const char *help;		/* one sentence, no full stop */
	const char *const *values;	/* CLI_CHOICE, NULL-terminated */
};

struct cli_arg {
	const char *metavar;		/* "FROM" */
	enum cli_type type;
	bool optional;
	bool repeat;			/* last one only: any number */
	const char *help;
};

struct cli_example {
	const char *args;		/* what follows "sluice " */
	const char *help;
};

/*
 * One key of the JSON output: a promise. Nested keys are written with dots,
 * elements of arrays with [], keys that are data with *.
 */
struct cli_key {
	const char *path;		/* "source.pod", "rules[].tier", "key.*" */
	const char *type;		/* "string", "integer", "string or null", … */
	const char *help;
};

enum cli_shape {
	CLI_SHAPE_NONE,			/* prints no data */
	CLI_SHAPE_OBJECT,		/* JSON: one object */
	CLI_SHAPE_RESULT,		/* JSON: one object; the command changes something */
	CLI_SHAPE_LIST,			/* JSON: one array, the keys are its elements' */
	CLI_SHAPE_STREAM,		/* JSON: one object a line, without end */
};

struct cli_command {
	const char *name;
	const char *summary;		/* one clause, no full stop */
	const char *text;		/* paragraphs parted by an empty line; NULL */
	const struct cli_arg *args;	/* end: metavar NULL; NULL: none */
	const struct cli_option *options; /* end: name NULL; NULL: none of its own */
	const struct cli_key *keys;	/* end: path NULL; NULL: no JSON */
	const struct cli_example *examples; /* end: args NULL; NULL: none */
	const char *failure;		/* exit status 1 also when …; NULL: errors only */
	const char *found;		/* exit status 3 when …; NULL: never */
	enum cli_shape shape;
	bool hidden;
	bool fallback;			/* what its group does when no command is given */
	int (*run)(struct cli *cli);	/* returns the exit status; NULL: group */
	/*
	 * Adds what the command changes to a transaction, instead of doing it; 0 or
	 * a negative errno with @why (CLI_WHY bytes) saying what is wrong. NULL:
	 * the command is none that a transaction can have.
	 */
	int (*queue)(struct cli *cli, struct sluice_txn *txn, char *why);
	const struct cli_command *const *sub; /* group: NULL-terminated */
};

extern const struct cli_command cli_root;
extern const struct cli_option cli_globals[];

static inline bool cli_is_group(const struct cli_command *cmd)
{
	return cmd->sub;
}

/* --watch makes sense for what shows a state, not for streams and changes. */
static inline bool cli_can_watch(const struct cli_command *cmd)
{
	return cmd->shape == CLI_SHAPE_OBJECT || cmd->shape == CLI_SHAPE_LIST;
}

/* The subcommand @name of @group, NULL when there is none; @name NULL: the fallback. */
const struct cli_command *cli_sub(const struct cli_command *group, const char *name);

/* Whether the global option @opt means anything to @cmd. */
bool cli_global_applies(const struct cli_command *cmd, const struct cli_option *opt);

#endif
