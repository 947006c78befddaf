/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines of a transaction file as command lines. No files, no dataplane here:
 * any text gives words or one reason.
 */
#ifndef SLUICE_CLI_BATCH_H
#define SLUICE_CLI_BATCH_H

#include <stddef.h>

#define BATCH_LINE_MAX	4096		/* bytes of a line */
#define BATCH_WORDS_MAX	128

struct batch {
	char *argv[BATCH_WORDS_MAX + 1];	/* argv[0] is "sluice"; NULL at the end */
	int argc;				/* 1: the line has no operation */
	char text[4 * BATCH_LINE_MAX];		/* what argv points into */
	char error[160];
};

/*
 * @line: @len bytes without the newline, of words as on the command line, with
 * '…' and "…" for words with blanks and # for the rest of a line that is none
 * of it; or one JSON object, as Documentation/libsluice.md describes. 0, or
 * -EINVAL with ->error.
 */
int batch_parse(struct batch *b, const char *line, size_t len);

#endif
