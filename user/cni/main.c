// SPDX-License-Identifier: GPL-2.0
/*
 * sluice-cni: the CNI plugin. The runtime speaks by environment and stdin;
 * a person at a terminal, who sets no CNI_COMMAND, is told what this is.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "cni/cni.h"

static const char *get(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	(void)argv;
	log_open("sluice-cni");
	if (argc > 1 || (!getenv("CNI_COMMAND") && isatty(STDIN_FILENO))) {
		fprintf(stderr,
			"sluice-cni " SLUICE_VERSION ", CNI plugin of sluice, specification 0.1.0 to "
			"1.1.0.\nIt is run by a container runtime, which sets CNI_COMMAND and writes "
			"a network\nconfiguration to its stdin. See Documentation/cni.md.\n");
		return 2;
	}
	/* A runtime that went away is an error of write(), and ADD undoes its work. */
	signal(SIGPIPE, SIG_IGN);
	return cni_run(get, STDIN_FILENO, stdout);
}
