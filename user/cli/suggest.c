// SPDX-License-Identifier: GPL-2.0
/*
 * The nearest of several words: fewest letters typed wrong, left out, typed
 * too much, or swapped with their neighbour (optimal string alignment).
 */
#include <stddef.h>
#include <string.h>

#include "suggest.h"

#define WORD_MAX 32

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned int wrong = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + wrong);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[na][nb];
}

void suggest_init(struct suggest *s, const char *word)
{
	s->word = word;
	s->best = NULL;
	/* One letter wrong in three is still the same word. */
	s->distance = (strlen(word) + 2) / 3 + 1;
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t len = strlen(s->word);
	unsigned int d = distance(s->word, candidate);

	/* Who types the head of a word means that word. */
	if (len >= 2 && !strncmp(s->word, candidate, len))
		d = 0;
	if (d < s->distance) {
		s->distance = d;
		s->best = candidate;
	}
}
