// SPDX-License-Identifier: GPL-2.0
/* Lines of a transaction file; see batch.h. */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "batch.h"

__attribute__((format(printf, 2, 3)))
static int refuse(struct batch *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->error, sizeof(b->error), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ------------------------------------------------------------------ words */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int add_word(struct batch *b, char *word)
{
	if (b->argc == BATCH_WORDS_MAX)
		return refuse(b, "more than %d words", BATCH_WORDS_MAX - 1);
	b->argv[b->argc++] = word;
	b->argv[b->argc] = NULL;
	return 0;
}

/* One word from *@in on into *@out, both moved behind it; quotes may be anywhere in it. */
static int take_word(struct batch *b, const char **in, char **out)
{
	char quote = 0, *word = *out;
	const char *p = *in;

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else
			*(*out)++ = *p;
	}
	if (quote)
		return refuse(b, "a quote is not closed");
	*(*out)++ = '\0';
	*in = p;
	return add_word(b, word);
}

static int take_words(struct batch *b, const char *p)
{
	char *out = b->text;
	int err = 0;

	while (!err) {
		while (is_blank(*p))
			p++;
		if (!*p || *p == '#')
			break;
		err = take_word(b, &p, &out);
	}
	return err;
}

/* ------------------------------------------------------------------- JSON */

struct builder {
	struct batch *b;
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static int build_word(struct builder *w, const char *fmt, ...)
{
	char *at = w->b->text + w->used;
	size_t room = sizeof(w->b->text) - w->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return refuse(w->b, "too long");
	w->used += n + 1;
	return add_word(w->b, at);
}

/* Text of a scalar in @buf, or NULL. */
static const char *scalar(const json_t *v, char *buf, size_t len)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_integer(v))
		return NULL;
	snprintf(buf, len, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return buf;
}

/* {"prefix": "10.0.0.0/8"} to prefix=10.0.0.0/8 */
static int build_fields(struct builder *w, const char *what, json_t *fields)
{
	const char *name, *text;
	char buf[32];
	json_t *v;
	int err = 0;

	if (fields && !json_is_object(fields))
		return refuse(w->b, "\"%s\" is no object", what);
	json_object_foreach(fields, name, v) {
		text = scalar(v, buf, sizeof(buf));
		err = text ? build_word(w, "%s=%s", name, text) :
			     refuse(w->b, "\"%.60s\" is neither text nor a whole number", name);
		if (err)
			break;
	}
	return err;
}

static int build_entry(struct builder *w, json_t *obj, const char *op)
{
	const char *table = json_string_value(json_object_get(obj, "table"));
	int err;

	if (!table)
		return refuse(w->b, "\"table\" is missing");
	err = build_word(w, "table");
	if (!err)
		err = build_word(w, "%s", op);
	if (!err)
		err = build_word(w, "%s", table);
	if (!err)
		err = build_fields(w, "key", json_object_get(obj, "key"));
	if (!err)
		err = build_fields(w, "value", json_object_get(obj, "value"));
	return err;
}

/* What 'rule list' tells and 'rule add' does not take. */
static bool only_told(const char *name, const json_t *v)
{
	return json_is_null(v) || !strcmp(name, "op") || !strcmp(name, "origin") ||
	       !strcmp(name, "packets") || !strcmp(name, "bytes");
}

/* toPort to --to-port, with its value unless that is NULL. */
static int build_option(struct builder *w, const char *name, const char *text)
{
	char option[64];
	size_t n = 0;

	for (; *name && n + 2 < sizeof(option); name++) {
		if (*name >= 'A' && *name <= 'Z')
			option[n++] = '-';
		option[n++] = *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name;
	}
	option[n] = '\0';
	return text ? build_word(w, "--%s=%s", option, text) : build_word(w, "--%s", option);
}

/* {"op": "rule add", "priority": 5, "action": "drop"} to rule add --priority=5 drop */
static int build_rule(struct builder *w, json_t *obj, const char *op)
{
	const char *arg = strcmp(op, "rule add") ? "id" : "action", *name, *text;
	char buf[32];
	json_t *v;
	int err = build_word(w, "rule");

	if (!err)
		err = build_word(w, "%s", op + strlen("rule "));
	json_object_foreach(obj, name, v) {
		if (err || only_told(name, v) || !strcmp(name, arg))
			continue;
		text = scalar(v, buf, sizeof(buf));
		if (text || json_is_true(v))
			err = build_option(w, name, text);
		else
			err = refuse(w->b, "\"%.60s\" is neither text nor a number", name);
	}
	if (err)
		return err;
	text = scalar(json_object_get(obj, arg), buf, sizeof(buf));
	return text ? build_word(w, "%s", text) : refuse(w->b, "\"%s\" is missing", arg);
}

static int take_object(struct batch *b, const char *line)
{
	struct builder w = { .b = b };
	json_error_t at;
	json_t *obj = json_loads(line, JSON_REJECT_DUPLICATES, &at);
	const char *op = json_string_value(json_object_get(obj, "op"));
	int err;

	if (!obj)
		err = refuse(b, "no JSON object: %.100s", at.text);
	else if (!op)
		err = refuse(b, "\"op\" is missing");
	else if (!strncmp(op, "rule ", strlen("rule ")))
		err = build_rule(&w, obj, op);
	else
		err = build_entry(&w, obj, op);
	json_decref(obj);
	return err;
}

int batch_parse(struct batch *b, const char *line, size_t len)
{
	static char program[] = "sluice";
	char copy[BATCH_LINE_MAX + 1];

	b->argc = 0;
	b->error[0] = '\0';
	add_word(b, program);
	if (len > BATCH_LINE_MAX)
		return refuse(b, "line is longer than %d bytes", BATCH_LINE_MAX);
	if (memchr(line, '\0', len))
		return refuse(b, "line holds a NUL");
	memcpy(copy, line, len);
	copy[len] = '\0';
	return copy[strspn(copy, " \t\r")] == '{' ? take_object(b, copy) : take_words(b, copy);
}
