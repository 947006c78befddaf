/* SPDX-License-Identifier: GPL-2.0 */
/* Manual pages in the man macros: what all of them are made of. */
#ifndef SLUICE_GEN_ROFF_H
#define SLUICE_GEN_ROFF_H

#include <stdio.h>

/* @name(@section) with its one-line @summary, up to and with NAME. */
void roff_page(FILE *f, const char *name, int section, const char *summary);
void roff_section(FILE *f, const char *title);
void roff_subsection(FILE *f, const char *title);
/* Paragraphs parted by an empty line; lines that begin with blanks are kept as they are. */
void roff_text(FILE *f, const char *text);
/* A term, already roff, with its explanation. */
void roff_term(FILE *f, const char *term, const char *text);
/* Escapes for running text and for terms; no line ends in @text. */
void roff_put(FILE *f, const char *text);
/* The same into @buf, between @before and @after (font changes). Returns @buf. */
const char *roff_quote(const char *before, const char *text, const char *after, char *buf,
		       size_t len);
/* SEE ALSO; @pages is a NULL-terminated list of "name(section)". */
void roff_see(FILE *f, const char *const *pages);

#endif
