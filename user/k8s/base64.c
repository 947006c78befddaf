// SPDX-License-Identifier: GPL-2.0
/* Base64; see base64.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "k8s/base64.h"

static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int decode(const char *s, char *out, size_t *len)
{
	unsigned int bits = 0, nbits = 0, digits = 0, pads = 0;
	size_t n = 0;

	for (; *s; s++) {
		if (*s == '\n' || *s == '\r')
			continue;
		if (*s == '=') {
			pads++;
			continue;
		}
		if (pads || value(*s) < 0)
			return -EINVAL;
		bits = (bits << 6 | value(*s)) & 0xffff;
		nbits += 6;
		digits++;
		if (nbits >= 8) {
			nbits -= 8;
			out[n++] = bits >> nbits;
		}
	}
	/* what is left of the last digit has to be zero */
	if ((digits + pads) % 4 || pads > 2 || (bits & ((1U << nbits) - 1)))
		return -EINVAL;
	out[n] = '\0';
	*len = n;
	return 0;
}

int base64_decode(const char *s, char **out, size_t *len)
{
	size_t cap = strlen(s) / 4 * 3 + 4;
	char *buf = malloc(cap);
	int err;

	if (!buf)
		return -ENOMEM;
	err = decode(s, buf, len);
	if (err) {
		explicit_bzero(buf, cap);
		free(buf);
		return err;
	}
	*out = buf;
	return 0;
}
