// SPDX-License-Identifier: GPL-2.0
/* Manual pages in the man macros. */
#include <ctype.h>
#include <string.h>

#include "roff.h"

void roff_put(FILE *f, const char *text)
{
	/* A control character first in a line would make it a request. */
	if (*text == '.' || *text == '\'')
		fputs("\\&", f);
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\e", f);
			break;
		case '-':
			fputs("\\-", f);
			break;
		case '\'':
			fputs("\\(aq", f);
			break;
		case '"':
			fputs("\\(dq", f);
			break;
		case '^':
			fputs("\\(ha", f);
			break;
		case '~':
			fputs("\\(ti", f);
			break;
		case '`':
			fputs("\\(ga", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

const char *roff_quote(const char *before, const char *text, const char *after, char *buf,
		       size_t len)
{
	FILE *f = fmemopen(buf, len, "w");

	if (!f)
		return "";
	fputs(before, f);
	roff_put(f, text);
	fputs(after, f);
	fclose(f);
	buf[len - 1] = '\0';
	return buf;
}

void roff_page(FILE *f, const char *name, int section, const char *summary)
{
	fputs(".\\\" SPDX-License-Identifier: GPL-2.0\n"
	      ".\\\" Made from the program's own tables, do not edit.\n.TH ", f);
	for (const char *p = name; *p; p++)
		fputc(toupper((unsigned char)*p), f);
	fprintf(f, " %d \"\" \"sluice %s\" \"sluice\"\n.SH NAME\n", section, SLUICE_VERSION);
	roff_put(f, name);
	fputs(" \\- ", f);
	/* NAME wants a clause, not a sentence. */
	fputc(summary[0] && !isupper((unsigned char)summary[1]) ?
	      tolower((unsigned char)summary[0]) : summary[0], f);
	roff_put(f, summary + 1);
	fputc('\n', f);
}

void roff_section(FILE *f, const char *title)
{
	fprintf(f, ".SH %s\n", title);
}

void roff_subsection(FILE *f, const char *title)
{
	fputs(".SS ", f);
	roff_put(f, title);
	fputc('\n', f);
}

void roff_text(FILE *f, const char *text)
{
	char line[1024];
	int kept = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");
		int keep = *text == ' ';

		if (keep != kept)
			fputs(keep ? ".PP\n.RS 4\n.nf\n" : ".fi\n.RE\n.PP\n", f);
		else if (!n)
			fputs(".PP", f);
		kept = keep;
		snprintf(line, sizeof(line), "%.*s", (int)n, text + (keep ? strspn(text, " ") : 0));
		roff_put(f, line);
		fputc('\n', f);
		text += n;
		text += *text == '\n';
	}
	if (kept)
		fputs(".fi\n.RE\n", f);
}

void roff_term(FILE *f, const char *term, const char *text)
{
	fprintf(f, ".TP\n%s\n", term);
	roff_put(f, text);
	fputc('\n', f);
}

void roff_see(FILE *f, const char *const *pages)
{
	char quoted[128];

	roff_section(f, "SEE ALSO");
	for (size_t i = 0; pages[i]; i++) {
		const char *open = strchr(pages[i], '(');
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)(open - pages[i]), pages[i]);
		fprintf(f, ".BR %s %s%s\n", roff_quote("", name, "", quoted, sizeof(quoted)), open,
			pages[i + 1] ? "," : "");
	}
}
