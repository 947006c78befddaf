/* SPDX-License-Identifier: GPL-2.0 */
/* "Did you mean": the nearest of several words. */
#ifndef SLUICE_CLI_SUGGEST_H
#define SLUICE_CLI_SUGGEST_H

struct suggest {
	const char *word;		/* what was typed */
	const char *best;		/* NULL: nothing is near */
	unsigned int distance;
};

void suggest_init(struct suggest *s, const char *word);
void suggest_offer(struct suggest *s, const char *candidate);

#endif
