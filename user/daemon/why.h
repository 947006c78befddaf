/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why something is not so: an error's words on their way to whoever tells
 * them, once, in the log and in answers. The first cause counts.
 */
#ifndef SLUICED_WHY_H
#define SLUICED_WHY_H

#include <stdarg.h>
#include <stdio.h>

struct why {
	char text[256];		/* "": nothing is wrong */
	unsigned int more;	/* causes after the first */
};

__attribute__((format(printf, 3, 4)))
static inline int why_set(struct why *why, int err, const char *fmt, ...)
{
	va_list ap;

	if (why->text[0]) {
		why->more++;
		return err;
	}
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

#endif
