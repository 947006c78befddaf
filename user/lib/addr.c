// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Addresses and prefixes as text. One address has one text: leading zeros,
 * zones, short dotted forms and IPv4-mapped IPv6 are refused, because other
 * programs read them differently, and a policy must not mean two things.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "lib/sluice.h"

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

bool sluice_addr_is_v4(const union sl_addr *a)
{
	return !memcmp(a->b, mapped, sizeof(mapped));
}

int sluice_addr_parse(const char *text, union sl_addr *out)
{
	union sl_addr a = {};

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, a.b) != 1 || sluice_addr_is_v4(&a))
			return -EINVAL;
	} else {
		memcpy(a.b, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, a.b + sizeof(mapped)) != 1)
			return -EINVAL;
	}
	*out = a;
	return 0;
}

const char *sluice_addr_format(const union sl_addr *a, char *buf)
{
	if (sluice_addr_is_v4(a))
		inet_ntop(AF_INET, a->b + sizeof(mapped), buf, SLUICE_ADDR_STRLEN);
	else
		inet_ntop(AF_INET6, a->b, buf, SLUICE_ADDR_STRLEN);
	return buf;
}

/* Clears the bits after the first @plen; returns whether any was set. */
static bool mask(union sl_addr *a, unsigned int plen)
{
	unsigned char keep, lost = 0;
	unsigned int i;

	for (i = plen / 8; i < sizeof(a->b); i++) {
		keep = i == plen / 8 ? ~(0xff >> plen % 8) : 0;
		lost |= a->b[i] & ~keep;
		a->b[i] &= keep;
	}
	return lost;
}

/* Decimal without sign or leading zeros, at most @max; -EINVAL. */
static int parse_length(const char *text, int max)
{
	int n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -EINVAL;
	}
	return n;
}

int sluice_prefix_parse(const char *text, bool loose, struct sl_prefix *out)
{
	const char *slash = strchr(text, '/');
	char host[SLUICE_ADDR_STRLEN];
	union sl_addr a;
	int len;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, slash - text);
	host[slash - text] = '\0';
	if (sluice_addr_parse(host, &a))
		return -EINVAL;
	len = parse_length(slash + 1, sluice_addr_is_v4(&a) ? 32 : 128);
	if (len < 0)
		return len;
	if (sluice_addr_is_v4(&a))
		len += 96;
	if (mask(&a, len) && !loose)
		return -EINVAL;
	out->prefixlen = len;
	out->addr = a;
	return 0;
}

bool sluice_prefix_is_v4(const struct sl_prefix *p)
{
	union sl_addr a = p->addr;

	return p->prefixlen >= 96 && sluice_addr_is_v4(&a);
}

const char *sluice_prefix_format(const struct sl_prefix *p, char *buf)
{
	union sl_addr a = p->addr;
	char host[SLUICE_ADDR_STRLEN];

	/* a prefix shorter than the mapped range's own is IPv6, whatever its bits */
	if (sluice_prefix_is_v4(p))
		snprintf(buf, SLUICE_PREFIX_STRLEN, "%s/%u", sluice_addr_format(&a, host),
			 p->prefixlen - 96);
	else
		snprintf(buf, SLUICE_PREFIX_STRLEN, "%s/%u",
			 inet_ntop(AF_INET6, a.b, host, sizeof(host)), p->prefixlen);
	return buf;
}

bool sluice_prefix_contains(const struct sl_prefix *p, const union sl_addr *a)
{
	union sl_addr want = p->addr, have = *a;

	if (p->prefixlen > 128 || sluice_prefix_is_v4(p) != sluice_addr_is_v4(a))
		return false;
	mask(&want, p->prefixlen);
	mask(&have, p->prefixlen);
	return !memcmp(&want, &have, sizeof(want));
}
