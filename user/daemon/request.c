// SPDX-License-Identifier: GPL-2.0
/* Lines and requests of the control socket. See request.h. */
#include "daemon/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- lines */

static void lines_compact(struct lines *l)
{
	if (!l->taken)
		return;
	memmove(l->data, l->data + l->taken, l->len - l->taken);
	l->len -= l->taken;
	l->scanned -= l->taken;
	l->taken = 0;
}

int lines_add(struct lines *l, const void *data, size_t len)
{
	lines_compact(l);
	if (l->size - l->len < len) {
		size_t size = l->len + len < 4096 ? 4096 : (l->len + len) * 2;
		char *p = realloc(l->data, size);

		if (!p)
			return -ENOMEM;
		l->data = p;
		l->size = size;
	}
	if (len)
		memcpy(l->data + l->len, data, len);
	l->len += len;
	/* The line under way alone is bounded: whole ones are about to be taken. */
	if (l->len >= REQUEST_LINE_MAX && !memchr(l->data, '\n', REQUEST_LINE_MAX))
		return -EMSGSIZE;
	return 0;
}

char *lines_next(struct lines *l, size_t *len)
{
	char *line = l->data + l->taken, *end;

	if (l->scanned >= l->len)
		return NULL;
	end = memchr(l->data + l->scanned, '\n', l->len - l->scanned);
	if (!end) {
		l->scanned = l->len;
		return NULL;
	}
	*end = '\0';
	*len = (size_t)(end - line);
	l->taken = l->scanned = (size_t)(end - l->data) + 1;
	return line;
}

void lines_free(struct lines *l)
{
	free(l->data);
	memset(l, 0, sizeof(*l));
}

/* ----------------------------------------------------------------- requests */

json_t *request_fail(struct request_error *err, enum request_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return NULL;
}

enum request_code request_code_of(int err)
{
	switch (err) {
	case -EINVAL:
		return REQUEST_BAD;
	case -ENOENT:
	case -ENODEV:
		return REQUEST_NOT_FOUND;
	case -EEXIST:
		return REQUEST_CONFLICT;
	case -ENOSPC:
	case -E2BIG:
		return REQUEST_EXHAUSTED;
	case -EAGAIN:
		return REQUEST_NOT_READY;
	default:
		return REQUEST_INTERNAL;
	}
}

static int request_check(struct request *req, struct request_error *err)
{
	json_t *op = json_object_get(req->doc, "op");
	const char *key;
	json_t *value;

	json_object_foreach(req->doc, key, value) {
		if (strcmp(key, "op") && strcmp(key, "args")) {
			request_fail(err, REQUEST_BAD, "%.64s: no such member; op and args are", key);
			return -EINVAL;
		}
	}
	if (!json_is_string(op)) {
		request_fail(err, REQUEST_BAD, "op: %s", op ? "not a string" : "missing");
		return -EINVAL;
	}
	req->op = json_string_value(op);
	req->args = json_object_get(req->doc, "args");
	if (!req->args || json_is_null(req->args)) {
		json_object_set_new(req->doc, "args", json_object());
		req->args = json_object_get(req->doc, "args");
	}
	if (!json_is_object(req->args)) {
		request_fail(err, REQUEST_BAD, "args: not an object");
		return -EINVAL;
	}
	return 0;
}

int request_parse(const char *line, size_t len, struct request *out, struct request_error *err)
{
	json_error_t je;

	memset(out, 0, sizeof(*out));
	err->code = REQUEST_OK;
	out->doc = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	if (!out->doc) {
		request_fail(err, REQUEST_BAD, "byte %d: %s", je.position, je.text);
		return -EINVAL;
	}
	if (!json_is_object(out->doc)) {
		request_fail(err, REQUEST_BAD, "not an object");
		request_clear(out);
		return -EINVAL;
	}
	if (request_check(out, err)) {
		request_clear(out);
		return -EINVAL;
	}
	return 0;
}

void request_clear(struct request *req)
{
	json_decref(req->doc);
	memset(req, 0, sizeof(*req));
}

/* ------------------------------------------------------------------ answers */

static const char *const code_names[__REQUEST_CODE_MAX] = {
	[REQUEST_OK] = "ok",
	[REQUEST_BAD] = "bad-request",
	[REQUEST_NOT_FOUND] = "not-found",
	[REQUEST_NOT_READY] = "not-ready",
	[REQUEST_CONFLICT] = "conflict",
	[REQUEST_EXHAUSTED] = "exhausted",
	[REQUEST_INTERNAL] = "internal",
};

/* Text may quote a request cut inside a character: what is no UTF-8 is left out. */
static json_t *text_json(const char *text)
{
	json_t *s = json_string(text);
	char plain[sizeof(((struct request_error *)0)->text)];
	size_t n = 0;

	if (s)
		return s;
	for (; *text && n < sizeof(plain) - 1; text++) {
		if (!(*text & 0x80))
			plain[n++] = *text;
	}
	plain[n] = '\0';
	return json_string(plain);
}

char *request_answer(json_t *result, const struct request_error *err)
{
	json_t *doc;
	char *text, *line;

	if (err->code != REQUEST_OK) {
		json_decref(result);
		doc = json_pack("{s:b, s:{s:s, s:o}}", "ok", 0, "error",
				"code", code_names[err->code], "message", text_json(err->text));
	} else {
		doc = json_pack("{s:b, s:o}", "ok", 1, "result", result ? result : json_null());
	}
	text = doc ? json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(doc);
	line = text ? realloc(text, strlen(text) + 2) : NULL;
	if (!line) {
		free(text);
		return NULL;
	}
	return strcat(line, "\n");
}
