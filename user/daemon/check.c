// SPDX-License-Identifier: GPL-2.0
#include "daemon/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "daemon/source_dir.h"

static void check_report(void *arg, const struct diag *diag)
{
	char text[1200];

	(void)arg;
	diag_format(diag, text, sizeof(text));
	printf("%s\n", text);
}

/* The options are right, or main() would not have come here. */
int check_run(const struct config *cfg)
{
	struct stat st;
	int n;

	if (stat(cfg->manifests, &st) || !S_ISDIR(st.st_mode)) {
		printf("%s: no directory of manifests\n", cfg->manifests);
		return 1;
	}
	n = source_dir_check(cfg->manifests, check_report, NULL);
	if (n < 0)
		printf("%s: %s\n", cfg->manifests, strerror(-n));
	return n ? 1 : 0;
}
