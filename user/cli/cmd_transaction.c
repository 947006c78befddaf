// SPDX-License-Identifier: GPL-2.0
/* sluice transaction: operations of a file, all or none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "commands.h"
#include "edit.h"
#include "value.h"

struct source {
	const char *name;		/* for messages */
	FILE *f;
	unsigned long line;
	unsigned int *at;		/* line of each operation */
	size_t nat, room;
};

static int fail_at(struct cli *cli, const struct source *s, unsigned long line, const char *why)
{
	return cli_fail(cli, "%s:%lu: %s", s->name, line, why);
}

static int remember_line(struct source *s)
{
	if (s->nat == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		unsigned int *at = reallocarray(s->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		s->at = at;
		s->room = room;
	}
	s->at[s->nat++] = s->line;
	return 0;
}

/* One command line, as if it had been given to us; its operation goes into @txn. */
static int queue_line(struct cli *cli, struct sluice_txn *txn, struct batch *b, char *why)
{
	const struct cli_line *outer = cli->line;
	struct cli_line line;
	char name[64];
	int err = line_parse(&line, b->argc, b->argv);

	if (err) {
		snprintf(why, CLI_WHY, "%s", line.error);
	} else if (line.asked || !line_command(&line)->queue) {
		snprintf(why, CLI_WHY, "'%s' is nothing that a transaction can have",
			 line_name(&line, name, sizeof(name)));
		err = -EINVAL;
	} else {
		cli->line = &line;
		err = line_command(&line)->queue(cli, txn, why);
		cli->line = outer;
	}
	line_free(&line);
	return err;
}

static int read_line(struct cli *cli, struct sluice_txn *txn, struct source *s, char *text,
		     size_t len)
{
	struct batch *b = malloc(sizeof(*b));
	char why[CLI_WHY] = "";
	int err = -ENOMEM;

	s->line++;
	if (len && text[len - 1] == '\n')
		len--;
	snprintf(why, sizeof(why), "%s", strerror(ENOMEM));
	if (b)
		err = batch_parse(b, text, len);
	if (b && err)
		snprintf(why, sizeof(why), "%s", b->error);
	if (!err && b->argc > 1) {
		err = queue_line(cli, txn, b, why);
		if (!err)
			err = remember_line(s);
	}
	free(b);
	if (err)
		fail_at(cli, s, s->line, why);
	return err;
}

static int read_all(struct cli *cli, struct sluice_txn *txn, struct source *s)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&text, &room, s->f)) >= 0)
		err = read_line(cli, txn, s, text, n);
	if (!err && ferror(s->f)) {
		cli_fail(cli, "%s: %s", s->name, strerror(errno));
		err = -EIO;
	}
	free(text);
	return err;
}

static int commit(struct cli *cli, struct sluice_txn *txn, const struct source *s)
{
	long n = sluice_txn_count(txn);
	struct sluice_error error;

	if (!sluice_txn_commit(txn, &error))
		return edit_done(cli, n);
	if (error.op >= 0 && (size_t)error.op < s->nat)
		return fail_at(cli, s, s->at[error.op], error.text);
	return cli_fail(cli, "%s: %s", s->name, error.text);
}

static int run_source(struct cli *cli, struct source *s)
{
	const char *expect = cli_text(cli, "expect");
	struct sluice_txn *txn;
	__u32 generation;
	int err;

	err = sluice_txn_begin(cli->sl, &txn);
	if (err)
		return cli_fail(cli, "%s", strerror(-err));
	if (expect && !value_number(expect, &generation))
		sluice_txn_expect(txn, generation);
	if (read_all(cli, txn, s)) {
		sluice_txn_abort(txn);
		return CLI_FAILED;
	}
	return commit(cli, txn, s);
}

static int run(struct cli *cli)
{
	struct source s = { .name = cli_text(cli, "file") };
	int status;

	if (!s.name)
		return cli_misuse(cli, "which file? give '--file FILE', '-' for the standard input");
	if (!cli_dataplane(cli))
		return CLI_FAILED;
	if (strcmp(s.name, "-")) {
		s.f = fopen(s.name, "re");
		if (!s.f)
			return cli_fail(cli, "%s: %s", s.name, strerror(errno));
	} else {
		s.f = stdin;
		s.name = "standard input";
	}
	status = run_source(cli, &s);
	if (s.f != stdin)
		fclose(s.f);
	free(s.at);
	return status;
}

const struct cli_command cmd_transaction = {
	.name = "transaction",
	.summary = "Change entries and rules together: all of a file, or nothing",
	.text = "A line is one operation in the words of 'table insert', 'table modify', 'table set', "
		"'table delete', 'rule add' and 'rule del', without 'sluice'. Words with blanks are "
		"put in quotes; # begins a remark. A line may also be a JSON object: "
		"{\"op\": \"insert\", \"table\": \"route\", \"key\": {...}, \"value\": {...}} with "
		"key and value as 'table dump -o json' prints them, or {\"op\": \"rule add\", ...} "
		"with the options' names.\n"
		"\n"
		"All lines are checked before the first is carried out; what is refused names the "
		"file and the line, and leaves nothing changed.",
	.options = (const struct cli_option[]){
		{ .name = "file", .letter = 'f', .type = CLI_FILE,
		  .help = "read operations from there" },
		{ .name = "expect", .type = CLI_NUMBER, .metavar = "GENERATION",
		  .help = "change nothing unless the pipeline's generation is still this one" },
		{ .name = NULL } },
	.keys = edit_keys,
	.examples = (const struct cli_example[]){
		{ "transaction -f routes.txt", "a file of operations" },
		{ "transaction -f - --expect 7 -o json", "from another program, which read "
							 "generation 7" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = run,
};
