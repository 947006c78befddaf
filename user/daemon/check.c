// SPDX-License-Identifier: GPL-2.0
/* --check-config. See check.h. */
#include "daemon/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "daemon/source_dir.h"

static void check_report(void *arg, const struct diag *diag)
{
	static const char *const levels[] = {
		[DIAG_ERROR] = "",
		[DIAG_WARNING] = "warning: ",
		[DIAG_NOTE] = "note: ",
	};
	struct diag place = *diag;
	char text[1200];

	(void)arg;
	place.text[0] = '\0';
	diag_format(&place, text, sizeof(text));
	printf("%s%s%s\n", text, levels[diag->level], diag->text);
}

/* The options are right, or main() would not have come here. */
int check_run(const struct config *cfg)
{
	struct stat st;
	int n;

	if (cfg->source != CONFIG_SOURCE_DIRECTORY)
		return 0;
	if (stat(cfg->manifests, &st) || !S_ISDIR(st.st_mode)) {
		printf("%s: no directory of manifests\n", cfg->manifests);
		return 1;
	}
	n = source_dir_check(cfg->manifests, check_report, NULL);
	if (n < 0)
		printf("%s: %s\n", cfg->manifests, strerror(-n));
	return n ? 1 : 0;
}
