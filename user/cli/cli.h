/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a command works with while it runs: its command line, where and how
 * to print, and the ways to the dataplane and the daemon, opened when they
 * are first asked for.
 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/sluice.h"
#include "parse.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_FOUND = 3 };

struct names;
struct control;

struct cli {
	const struct cli_line *line;
	const char *pin_root, *run_dir;

	FILE *out;			/* stdout, or the frame of a --watch */
	bool json;
	bool lines;			/* JSON documents take one line each */
	bool colour;
	bool utf8;
	unsigned int width;		/* columns of the terminal, 0: no end */

	/* Complaints while a --watch owns the terminal are part of its frame. */
	FILE *notes;
	unsigned int patience_ms;	/* with the daemon; 0: the usual */
	bool said_down;			/* "names are missing" is said once */

	struct sluice *sl;
	struct control *control;
	struct names *names;
};

/* Both lead with the command's name, and what they print is made safe. */
__attribute__((format(printf, 2, 3))) int cli_fail(struct cli *cli, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void cli_note(struct cli *cli, const char *fmt, ...);
/* Wrong usage that only the command itself can see. Returns CLI_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_misuse(struct cli *cli, const char *fmt, ...);

/* The values of options; NULL, false or @fallback when not given. */
const char *cli_text(const struct cli *cli, const char *option);
bool cli_given(const struct cli *cli, const char *option);

/*
 * The dataplane under the pin root. Owned by @cli. NULL: it can't be opened,
 * and cli_fail() has said so; cli_peek() says nothing and returns an errno.
 */
struct sluice *cli_dataplane(struct cli *cli);
int cli_peek(struct cli *cli, struct sluice **out);

/*
 * One request to the daemon. @args: reference stolen, may be NULL. @out: new
 * reference, may be NULL. cli_call() says what is wrong and returns
 * CLI_FAILED; cli_ask() says nothing and returns a negative errno:
 * -ENOTCONN when no daemon answers, with the reason in @why.
 */
int cli_call(struct cli *cli, const char *op, json_t *args, json_t **out);
#define CLI_WHY 512
int cli_ask(struct cli *cli, const char *op, json_t *args, json_t **out, char why[CLI_WHY]);

/* Runs the command of @line once; closes what it opened. Returns the exit status. */
int cli_run_once(struct cli *cli);
/* From main's arguments to the exit status. */
int cli_main(int argc, char **argv);

#endif
