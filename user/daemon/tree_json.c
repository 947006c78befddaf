// SPDX-License-Identifier: GPL-2.0
/* See tree_json.h. */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/tree_json.h"

struct reader {
	const char *file;
	struct arena *arena;
	struct diag *diag;
	unsigned int nodes;
};

__attribute__((format(printf, 2, 3)))
static int fail(const struct reader *r, const char *fmt, ...)
{
	va_list ap;

	*r->diag = (struct diag){ .level = DIAG_ERROR };
	snprintf(r->diag->file, sizeof(r->diag->file), "%s", r->file);
	va_start(ap, fmt);
	vsnprintf(r->diag->text, sizeof(r->diag->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static const char *copy(struct reader *r, const char *s, size_t len)
{
	char *p = arena_alloc(r->arena, len + 1);

	return p ? memcpy(p, s, len) : NULL;
}

static int set_scalar(struct reader *r, struct tree *t, enum tree_type type, const char *s, size_t len)
{
	t->type = type;
	t->s = copy(r, s, len);
	t->n = len;
	return t->s ? 0 : -ENOMEM;
}

static int set_number(struct reader *r, struct tree *t, const json_t *v)
{
	char text[64];
	int n;

	if (json_is_integer(v))
		n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else
		n = snprintf(text, sizeof(text), "%.17g", json_real_value(v));
	return set_scalar(r, t, json_is_integer(v) ? TREE_INT : TREE_FLOAT, text, n);
}

static int compose(struct reader *r, const json_t *v, unsigned int depth, struct tree **out);

static int set_seq(struct reader *r, struct tree *t, const json_t *v, unsigned int depth)
{
	size_t i, n = json_array_size(v);
	int err = 0;

	t->type = TREE_SEQ;
	t->item = arena_alloc(r->arena, (n + 1) * sizeof(*t->item));
	if (!t->item)
		return -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		err = compose(r, json_array_get(v, i), depth + 1, &t->item[i]);
		if (!err)
			t->weight += t->item[i]->weight;
	}
	t->n = n;
	return err;
}

static int set_pair(struct reader *r, struct tree_pair *pair, const char *key, const json_t *value,
		    unsigned int depth)
{
	pair->key = arena_alloc(r->arena, sizeof(*pair->key));
	if (!pair->key)
		return -ENOMEM;
	pair->key->weight = 1;
	if (set_scalar(r, pair->key, TREE_STRING, key, strlen(key)))
		return -ENOMEM;
	return compose(r, value, depth + 1, &pair->value);
}

static int set_map(struct reader *r, struct tree *t, const json_t *v, unsigned int depth)
{
	json_t *map = (json_t *)v, *value;
	const char *key;
	int err;

	t->type = TREE_MAP;
	t->pair = arena_alloc(r->arena, (json_object_size(v) + 1) * sizeof(*t->pair));
	if (!t->pair)
		return -ENOMEM;
	json_object_foreach(map, key, value) {
		err = set_pair(r, &t->pair[t->n], key, value, depth);
		if (err)
			return err;
		t->weight += t->pair[t->n++].value->weight;
	}
	return 0;
}

static int compose(struct reader *r, const json_t *v, unsigned int depth, struct tree **out)
{
	struct tree *t;

	if (depth > TREE_MAX_DEPTH)
		return fail(r, "nested too deeply");
	if (++r->nodes > TREE_MAX_NODES)
		return fail(r, "too many values");
	t = arena_alloc(r->arena, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->weight = 1;
	*out = t;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return set_map(r, t, v, depth);
	case JSON_ARRAY:
		return set_seq(r, t, v, depth);
	case JSON_STRING:
		return set_scalar(r, t, TREE_STRING, json_string_value(v), json_string_length(v));
	case JSON_INTEGER:
	case JSON_REAL:
		return set_number(r, t, v);
	case JSON_TRUE:
		return set_scalar(r, t, TREE_BOOL, "true", 4);
	case JSON_FALSE:
		return set_scalar(r, t, TREE_BOOL, "false", 5);
	case JSON_NULL:
		break;
	}
	return set_scalar(r, t, TREE_NULL, "null", 4);
}

/* ------------------------------------------------------------- before it is parsed */

#define NUL "\\u0000"
#define NUL_LEN 6U

/* Half of an object's text is who wrote which field of it when: none of that is used. */
#define FIELDS "\"managedFields\":["
#define FIELDS_LEN (sizeof(FIELDS) - 1)

/* No backslash takes its meaning from the character at @s. */
static bool unescaped(const char *text, const char *s)
{
	const char *first = s;

	while (first > text && first[-1] == '\\')
		first--;
	return (s - first) % 2 == 0;
}

static const char *find_fields(const char *text, const char *s, const char *end)
{
	while ((s = memmem(s, end - s, FIELDS, FIELDS_LEN)) && !unescaped(text, s))
		s += FIELDS_LEN;
	return s;
}

/* Past the quote that ends the string at @s; NULL: it has no end. */
static const char *string_end(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s == '"')
			return s + 1;
		s += *s == '\\';
	}
	return NULL;
}

/* The bracket that ends the list at @s; NULL: it has no end. */
static const char *list_end(const char *s, const char *end)
{
	unsigned int depth = 1;

	while (s < end) {
		switch (*s) {
		case '"':
			s = string_end(s + 1, end);
			if (!s)
				return NULL;
			continue;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			if (!--depth)
				return s;
			break;
		}
		s++;
	}
	return NULL;
}

/* Copies @text with lists of managed fields empty; returns the length. */
static size_t copy_used(const char *text, size_t len, char *copy)
{
	const char *end = text + len, *from = text, *fields, *past;
	size_t n = 0, part;

	while ((fields = find_fields(text, from, end))) {
		fields += FIELDS_LEN;
		past = list_end(fields, end);
		if (!past)
			break;
		part = fields - from;
		memcpy(copy + n, from, part);
		n += part;
		from = past;
	}
	memcpy(copy + n, from, end - from);
	return n + (end - from);
}

static void replace_nul(char *text, size_t len)
{
	char *s = text;

	for (; (s = memmem(s, len - (s - text), NUL, NUL_LEN)); s += NUL_LEN)
		if (unescaped(text, s))
			memcpy(s, "\\uFFFD", NUL_LEN);
}

/*
 * A copy of @text without what is not used, and without NUL escapes, where it
 * has any of that, and its length; NULL: it has none. -ENOMEM.
 */
static int tidy(const char *text, size_t len, char **out, size_t *out_len)
{
	*out = NULL;
	if (!memmem(text, len, NUL, NUL_LEN) && !memmem(text, len, FIELDS, FIELDS_LEN))
		return 0;
	*out = malloc(len);
	if (!*out)
		return -ENOMEM;
	*out_len = copy_used(text, len, *out);
	replace_nul(*out, *out_len);
	return 0;
}

/* --------------------------------------------------------------------- parsing */

/*
 * jansson takes memory for each value by itself, which is half of its time. It
 * is given an arena's while one text is parsed: this thread is the only one
 * that knows jansson, and nothing that it made meanwhile is left afterwards.
 */
static struct arena *parsing;

static void *parse_alloc(size_t size)
{
	return arena_take(parsing, size);
}

static void parse_free(void *p)
{
	(void)p;			/* with the arena */
}

static int compose_text(struct reader *r, const char *text, size_t len, struct tree **out)
{
	json_error_t je;
	json_t *v = json_loadb(text, len, JSON_DECODE_ANY, &je);

	if (v)
		return compose(r, v, 0, out);
	if (json_error_code(&je) == json_error_out_of_memory)
		return -ENOMEM;
	return fail(r, "not JSON: byte %d: %s", je.position, je.text);
}

int tree_from_json(const char *file, const char *text, size_t len, struct arena *arena,
		   const struct tree **out, struct diag *diag)
{
	struct reader r = { .file = file, .arena = arena, .diag = diag };
	struct arena values = {};
	struct tree *t = NULL;
	json_malloc_t alloc;
	json_free_t release;
	char *clean;
	size_t clean_len;
	int err = tidy(text, len, &clean, &clean_len);

	if (err)
		return err;
	json_get_alloc_funcs(&alloc, &release);
	parsing = &values;
	json_set_alloc_funcs(parse_alloc, parse_free);
	err = clean ? compose_text(&r, clean, clean_len, &t) : compose_text(&r, text, len, &t);
	json_set_alloc_funcs(alloc, release);
	arena_free(&values);
	free(clean);
	*out = t;
	return err;
}
