// SPDX-License-Identifier: GPL-2.0
/* sluiced(8) and sluice-cni(8), from those programs' own tables. */
#include <ctype.h>
#include <string.h>

#include "cni/doc.h"
#include "daemon/config.h"
#include "gen.h"
#include "roff.h"

static void sentence(FILE *f, const char *text)
{
	roff_put(f, text);
	fputs(".\n", f);
}

static void option(FILE *f, const struct config_doc *d)
{
	char name[64], value[64], term[256], text[512];

	roff_quote("\\fB\\-\\-", d->name, "\\fR", name, sizeof(name));
	if (!d->arg) {
		snprintf(text, sizeof(text), "%s.", d->help);
		roff_term(f, name, text);
		return;
	}
	roff_quote("=\\fI", d->arg, "\\fR", value, sizeof(value));
	snprintf(term, sizeof(term), "%s%s", name, value);
	snprintf(text, sizeof(text), "%s%s%s%s%s.", d->help, *d->dflt ? " (default: " : "",
		 d->dflt, *d->dflt ? ")" : "", d->live ? "; taken on SIGHUP too" : "");
	roff_term(f, term, text);
}

static void environment(FILE *f, const struct config_doc *d)
{
	char var[64], quoted[96];
	size_t n = (size_t)snprintf(var, sizeof(var), "SLUICE_%s", d->name);

	for (size_t i = 0; i < n; i++)
		var[i] = var[i] == '-' ? '_' : (char)toupper((unsigned char)var[i]);
	fprintf(f, "%s\n.br\n", roff_quote("\\fB", var, "\\fR", quoted, sizeof(quoted)));
}

void gen_man_sluiced(FILE *f)
{
	struct config_doc d;

	roff_page(f, "sluiced", 8, config_doc_summary());
	roff_section(f, "SYNOPSIS");
	fputs("\\fBsluiced\\fR [\\fIOPTION\\fR]...\n", f);
	roff_section(f, "DESCRIPTION");
	sentence(f, config_doc_summary());
	fputs(".PP\n", f);
	roff_text(f, config_doc_about());
	roff_section(f, "OPTIONS");
	for (size_t i = 0; config_doc(i, &d); i++)
		option(f, &d);
	roff_section(f, "ENVIRONMENT");
	for (size_t i = 0; config_doc(i, &d); i++)
		if (d.arg)
			environment(f, &d);
	roff_section(f, "EXIT STATUS");
	roff_term(f, "0", "Done.");
	roff_term(f, "1", "Failed.");
	roff_term(f, "2", "Wrong usage.");
	roff_see(f, (const char *const[]){ "sluice(1)", "sluice-cni(8)", NULL });
}

void gen_man_cni(FILE *f)
{
	char title[64], quoted[128], text[512];

	roff_page(f, "sluice-cni", 8, cni_doc_summary);
	roff_section(f, "DESCRIPTION");
	roff_text(f, cni_doc_about);
	for (int kind = 0; kind < __CNI_DOC_MAX; kind++) {
		snprintf(title, sizeof(title), "%s", cni_doc_titles[kind]);
		for (char *p = title; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		roff_section(f, title);
		for (const struct cni_doc *d = cni_docs; d->name; d++) {
			if ((int)d->kind != kind)
				continue;
			roff_quote("\\fB", d->name, "\\fR", quoted, sizeof(quoted));
			snprintf(text, sizeof(text), "%s.", d->text);
			roff_term(f, quoted, text);
		}
	}
	roff_section(f, "EXIT STATUS");
	fputs("0 done; 1 failed, with the error as JSON on standard output; 2 run by hand.\n", f);
	roff_see(f, (const char *const[]){ "sluiced(8)", "sluice(1)", NULL });
}
