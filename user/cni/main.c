// SPDX-License-Identifier: GPL-2.0
/*
 * sluice-cni: the CNI plugin. The runtime speaks by environment and stdin;
 * a person at a terminal, who sets no CNI_COMMAND, is told what this is.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/cni.h"
#include "cni/doc.h"

static const char *get(const char *name)
{
	return getenv(name);
}

static void explain(FILE *f)
{
	fprintf(f, "sluice-cni " SLUICE_VERSION ", %s.\n\n%s\n", cni_doc_summary, cni_doc_about);
	for (int kind = 0; kind < __CNI_DOC_MAX; kind++) {
		fprintf(f, "\n%s\n", cni_doc_titles[kind]);
		for (const struct cni_doc *d = cni_docs; d->name; d++)
			if ((int)d->kind == kind)
				fprintf(f, "  %-28s  %s\n", d->name, d->text);
	}
}

int main(int argc, char **argv)
{
	log_open("sluice-cni");
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		explain(stdout);
		return fflush(stdout) ? 1 : 0;
	}
	if (argc > 1 || (!getenv("CNI_COMMAND") && isatty(STDIN_FILENO))) {
		explain(stderr);
		return 2;
	}
	/* A runtime that went away is an error of write(), and ADD undoes its work. */
	signal(SIGPIPE, SIG_IGN);
	return cni_run(get, STDIN_FILENO, stdout);
}
