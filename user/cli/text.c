// SPDX-License-Identifier: GPL-2.0
/* Text for people: escaping, measuring, wrapping, short numbers. */
#include <langinfo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "text.h"

static const char *const styles[__STYLE_MAX] = {
	[STYLE_NONE] = "",
	[STYLE_GOOD] = "\033[32m",
	[STYLE_BAD] = "\033[1;31m",
	[STYLE_WARN] = "\033[33m",
	[STYLE_DIM] = "\033[2m",
	[STYLE_STRONG] = "\033[1m",
};

const char *style_begin(enum style style)
{
	return styles[style];
}

const char *style_end(enum style style)
{
	return *styles[style] ? "\033[0m" : "";
}

/*
 * One character of UTF-8 by RFC 3629: no overlong forms, no surrogates.
 * Returns its length in bytes, 0 when it is not one.
 */
static size_t utf8_decode(const unsigned char *s, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len;
	uint32_t c;

	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if ((s[0] & 0xe0) == 0xc0)
		len = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3;
	else if ((s[0] & 0xf8) == 0xf0)
		len = 4;
	else
		return 0;
	c = s[0] & (0xff >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

static bool locale_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* Columns of a character, or -1 for one that must not reach a terminal. */
static int char_width(uint32_t c, bool utf8)
{
	int w;

	if (c < 0x20 || c == 0x7f)
		return -1;
	if (c < 0x7f)
		return 1;
	/* C1 controls are introducers of sequences for some terminals. */
	if (!utf8 || c < 0xa0)
		return -1;
	w = wcwidth((wchar_t)c);
	return w > 0 ? w : -1;
}

static void put_escaped(FILE *f, uint32_t c)
{
	switch (c) {
	case '\n':
		fputs("\\n", f);
		break;
	case '\r':
		fputs("\\r", f);
		break;
	case '\t':
		fputs("\\t", f);
		break;
	default:
		fprintf(f, c < 0x80 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	}
}

/* Nearly every text is nothing but these. */
static bool is_plain(const char *s)
{
	while (*s >= 0x20 && *s < 0x7f)
		s++;
	return !*s;
}

char *text_clean(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	bool utf8 = locale_is_utf8();
	char *out = NULL;
	size_t size, len;
	uint32_t c;
	FILE *f;

	if (is_plain(s))
		return strdup(s);
	f = open_memstream(&out, &size);
	if (!f)
		return NULL;
	for (; *p; p += len) {
		len = utf8_decode(p, &c);
		if (!len) {
			len = 1;
			fprintf(f, "\\x%02x", *p);
		} else if (char_width(c, utf8) < 0) {
			put_escaped(f, c);
		} else {
			fwrite(p, 1, len, f);
		}
	}
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}

unsigned int text_width(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	bool utf8 = locale_is_utf8();
	unsigned int width = 0;
	uint32_t c;
	size_t len;

	for (; *p; p += len) {
		int w;

		len = utf8_decode(p, &c);
		w = len ? char_width(c, utf8) : -1;
		if (w < 0)
			break;
		width += w;
	}
	return width;
}

size_t text_head(const char *s, unsigned int width, unsigned int *used)
{
	const unsigned char *p = (const unsigned char *)s;
	bool utf8 = locale_is_utf8();
	uint32_t c;
	size_t len;

	for (*used = 0; *p; p += len) {
		int w;

		len = utf8_decode(p, &c);
		w = len ? char_width(c, utf8) : -1;
		if (w < 0 || *used + w > width)
			break;
		*used += w;
	}
	return (const char *)p - s;
}

const char *text_ellipsis(void)
{
	return locale_is_utf8() ? "\xe2\x80\xa6" : "..";
}

/* One paragraph line, up to @len bytes of @line. */
static void wrap_line(FILE *f, const char *line, size_t len, unsigned int indent,
		      unsigned int width)
{
	const char *end = line + len;
	unsigned int used = 0;

	while (line < end) {
		const char *word = line + strspn(line, " ");
		size_t n = strcspn(word, " \n");
		unsigned int cols;

		if (word >= end)
			break;
		if (word + n > end)
			n = end - word;
		/* Help texts are ASCII; an umlaut more or less moves a line break. */
		cols = n;
		if (used && indent + used + 1 + cols > width) {
			fputc('\n', f);
			used = 0;
		}
		if (used)
			used += fprintf(f, " ");
		else
			fprintf(f, "%*s", (int)indent, "");
		fwrite(word, 1, n, f);
		used += cols;
		line = word + n;
	}
	fputc('\n', f);
}

void text_wrap(FILE *f, const char *text, unsigned int indent, unsigned int width)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (*text == ' ')
			fprintf(f, "%*s%.*s\n", (int)indent, "", (int)n, text);
		else
			wrap_line(f, text, n, indent, width);
		text += n;
		if (*text)
			text++;
	}
}

const char *text_bytes(uint64_t n, char buf[TEXT_SHORT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = n;
	size_t u = 0;

	while (v >= 1023.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1024;
		u++;
	}
	snprintf(buf, TEXT_SHORT, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

const char *text_seconds(double s, char buf[TEXT_SHORT])
{
	unsigned long n;

	if (s < 0)
		s = 0;
	if (s < 9.95) {
		snprintf(buf, TEXT_SHORT, "%.1fs", s);
		return buf;
	}
	n = (unsigned long)(s + 0.5);
	if (n < 60)
		snprintf(buf, TEXT_SHORT, "%lus", n);
	else if (n < 3600)
		snprintf(buf, TEXT_SHORT, "%lum%02lus", n / 60, n % 60);
	else if (n < 86400)
		snprintf(buf, TEXT_SHORT, "%luh%02lum", n / 3600, n / 60 % 60);
	else
		snprintf(buf, TEXT_SHORT, "%lud%02luh", n / 86400, n / 3600 % 24);
	return buf;
}
