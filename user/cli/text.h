/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text for people: made safe to show, measured in columns, and numbers
 * made short. Names come from objects that anybody may have written, so
 * nothing reaches a terminal unescaped.
 */
#ifndef SLUICE_CLI_TEXT_H
#define SLUICE_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum style {
	STYLE_NONE,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_WARN,
	STYLE_DIM,
	STYLE_STRONG,
	__STYLE_MAX,
};

/* Escape sequences that begin and end @style; "" for STYLE_NONE. */
const char *style_begin(enum style style);
const char *style_end(enum style style);

/*
 * text_clean() - @s with everything that is no plain printable character
 * written as an escape (\n, \x1b, \u202e): control characters, what is not
 * UTF-8, characters without a width of their own (direction overrides,
 * joiners), and in a locale without UTF-8 everything beyond ASCII.
 * Backslashes stay, so clean text stays what it is.
 *
 * Returns a string for free(), NULL without memory.
 */
char *text_clean(const char *s);

/* Columns that a clean string takes. */
unsigned int text_width(const char *s);

/*
 * Bytes of the longest head of a clean string that takes at most @width
 * columns; @used: the columns that it takes.
 */
size_t text_head(const char *s, unsigned int width, unsigned int *used);

/* What stands for text left out: one column, or two where UTF-8 is not to be had. */
const char *text_ellipsis(void);

/*
 * Prints @text broken at blanks to lines of at most @width columns, each
 * after @indent blanks. Empty lines part paragraphs and are kept; a line
 * that starts with blanks is printed as it is.
 */
void text_wrap(FILE *f, const char *text, unsigned int indent, unsigned int width);

#define TEXT_SHORT 24		/* holds whatever these write */
const char *text_bytes(uint64_t n, char buf[TEXT_SHORT]);	/* "1.4 MiB" */
const char *text_seconds(double s, char buf[TEXT_SHORT]);	/* "1.4s", "3m05s", "2d04h" */

#endif
