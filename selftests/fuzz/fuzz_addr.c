// SPDX-License-Identifier: GPL-2.0
/*
 * Texts of addresses and prefixes: whatever is accepted prints as a text
 * that is accepted again and means the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/sluice.h"

static void check_addr(const char *text)
{
	char buf[SLUICE_ADDR_STRLEN];
	union sl_addr a, b;

	if (sluice_addr_parse(text, &a))
		return;
	if (sluice_addr_parse(sluice_addr_format(&a, buf), &b) || memcmp(&a, &b, sizeof(a)))
		abort();
}

static void check_prefix(const char *text, bool loose)
{
	char buf[SLUICE_PREFIX_STRLEN];
	struct sl_prefix p, q;
	union sl_addr a;

	if (sluice_prefix_parse(text, loose, &p))
		return;
	a = p.addr;		/* copied: not aligned in there */
	if (p.prefixlen > 128 || !sluice_prefix_contains(&p, &a))
		abort();
	/* host bits are gone, loose or not: the strict parser takes it back */
	if (sluice_prefix_parse(sluice_prefix_format(&p, buf), false, &q) ||
	    memcmp(&p, &q, sizeof(p)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_addr(text);
	check_prefix(text, false);
	check_prefix(text, true);
	return 0;
}
