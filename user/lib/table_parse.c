// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Fields from text: the reverse of sluice_field_format(). */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/internal.h"

/* Digits only, or 0x and hexadecimal ones: strtoull() would take signs and blanks. */
static int parse_number(const char *text, unsigned long long *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text, *p;

	for (p = digits; hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++)
		;
	if (p == digits || *p)
		return -EINVAL;
	errno = 0;
	*out = strtoull(digits, NULL, hex ? 16 : 10);
	return errno ? -ERANGE : 0;
}

static int store_number(const struct sluice_field *f, unsigned long long value, void *p)
{
	bool be = f->fmt == SLUICE_FMT_BE;
	__u64 v64 = be ? htobe64(value) : value;
	__u32 v32 = be ? htobe32(value) : value;
	__u16 v16 = be ? htobe16(value) : value;
	__u8 v8 = value;

	if (f->size < sizeof(value) && value >> (8 * f->size))
		return -ERANGE;
	switch (f->size) {
	case 1:
		memcpy(p, &v8, sizeof(v8));
		return 0;
	case 2:
		memcpy(p, &v16, sizeof(v16));
		return 0;
	case 4:
		memcpy(p, &v32, sizeof(v32));
		return 0;
	case 8:
		memcpy(p, &v64, sizeof(v64));
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_enum(const struct sluice_field *f, const char *text, void *p)
{
	unsigned long long value;
	int i, err;

	for (i = 0; f->names && f->names[i]; i++)
		if (!strcmp(f->names[i], text))
			return store_number(f, i, p);
	err = parse_number(text, &value);
	return err ? err : store_number(f, value, p);
}

static int parse_proto(const struct sluice_field *f, const char *text, void *p)
{
	static const struct {
		const char *name;
		int proto;
	} names[] = {
		{ "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "icmpv6", 58 }, { "sctp", 132 },
	};
	unsigned long long value;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, text))
			return store_number(f, names[i].proto, p);
	err = parse_number(text, &value);
	return err ? err : store_number(f, value, p);
}

static int parse_addr(const char *text, void *p)
{
	union sl_addr a;
	int err = sluice_addr_parse(text, &a);

	if (!err)
		memcpy(p, &a, sizeof(a));
	return err;
}

/* An address alone is a prefix of full length. */
static int parse_prefix(const char *text, void *p)
{
	struct sl_prefix prefix;
	union sl_addr a;

	if (!strchr(text, '/') && !sluice_addr_parse(text, &a))
		prefix = (struct sl_prefix){ .prefixlen = 128, .addr = a };
	else if (sluice_prefix_parse(text, false, &prefix))
		return -EINVAL;
	memcpy(p, &prefix, sizeof(prefix));
	return 0;
}

static int hex_digit(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Two digits a byte, @sep between bytes unless it is NUL; exactly as many as there are. */
static int parse_bytes(const struct sluice_field *f, char sep, const char *text, unsigned char *p)
{
	unsigned char bytes[256];
	int hi, lo;
	__u16 i;

	if (f->size > sizeof(bytes))
		return -EINVAL;
	for (i = 0; i < f->size; i++) {
		if (sep && i && *text++ != sep)
			return -EINVAL;
		hi = hex_digit(text[0]);
		lo = hi < 0 ? -1 : hex_digit(text[1]);
		if (lo < 0)
			return -EINVAL;
		bytes[i] = hi << 4 | lo;
		text += 2;
	}
	if (*text)
		return -EINVAL;
	memcpy(p, bytes, f->size);
	return 0;
}

int sluice_field_parse(const struct sluice_field *f, const char *text, void *base)
{
	unsigned char *p = (unsigned char *)base + f->offset;
	unsigned long long value;
	int err;

	switch (f->fmt) {
	case SLUICE_FMT_UINT:
	case SLUICE_FMT_BE:
	case SLUICE_FMT_HEX:
		err = parse_number(text, &value);
		return err ? err : store_number(f, value, p);
	case SLUICE_FMT_ENUM:
		return parse_enum(f, text, p);
	case SLUICE_FMT_PROTO:
		return parse_proto(f, text, p);
	case SLUICE_FMT_ADDR:
		return parse_addr(text, p);
	case SLUICE_FMT_PREFIX:
		return parse_prefix(text, p);
	case SLUICE_FMT_MAC:
		return parse_bytes(f, ':', text, p);
	case SLUICE_FMT_BYTES:
		return parse_bytes(f, '\0', text, p);
	}
	return -EINVAL;
}
