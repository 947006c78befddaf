// SPDX-License-Identifier: GPL-2.0
/*
 * Transaction files. Each line becomes words or one reason; words become a
 * command that a transaction can have, or a reason, and the command's
 * operation is queued or refused with words. Nothing is committed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cli/batch.h"
#include "cli/cli.h"
#include "lib/backend.h"

/* A dataplane that has no rules; nothing else is asked of it before a commit. */
static int no_rules(struct sluice *sl, int (*cb)(void *arg, const struct sluice_rule *rule),
		    void *arg)
{
	(void)sl;
	(void)cb;
	(void)arg;
	return 0;
}

static const struct lib_backend empty = { .name = "empty", .rule_each = no_rules };
static struct sluice nobody = { .backend = &empty };

static void check_batch(const struct batch *b)
{
	if (b->argc < 1 || b->argc > BATCH_WORDS_MAX || b->argv[b->argc])
		abort();
	for (int i = 0; i < b->argc; i++)
		if (!b->argv[i])
			abort();
}

static void queue(struct cli_line *line)
{
	struct cli cli = { .line = line, .out = stdout, .notes = stderr, .sl = &nobody };
	const struct sluice_error *error;
	struct sluice_txn *txn;
	char why[CLI_WHY] = "";
	int err;

	if (sluice_txn_begin(&nobody, &txn))
		abort();
	err = line_command(line)->queue(&cli, txn, why);
	error = sluice_txn_error(txn);
	if (!err != !why[0] || (error && !error->text[0]) || (!err && sluice_txn_count(txn) != 1))
		abort();
	sluice_txn_abort(txn);
}

static void one_line(const char *text, size_t len)
{
	struct batch *b = malloc(sizeof(*b));
	struct cli_line line;
	int err;

	if (!b)
		abort();
	err = batch_parse(b, text, len);
	if (!err != !b->error[0])
		abort();
	if (!err)
		check_batch(b);
	if (!err && b->argc > 1) {
		err = line_parse(&line, b->argc, b->argv);
		if (!err != !line.error[0])
			abort();
		if (!err && !line.asked && line_command(&line)->queue)
			queue(&line);
		line_free(&line);
	}
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size, *nl;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', end - p);
		if (!nl)
			nl = end;
		one_line(p, nl - p);
	}
	return 0;
}
