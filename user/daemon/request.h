/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The form of the control socket's requests: bytes to lines, lines to
 * requests. No socket here and no daemon, so that tests and the fuzzer reach
 * all of it.
 */
#ifndef SLUICED_REQUEST_H
#define SLUICED_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_LINE_MAX (16 << 20)	/* bytes, newline included: of a cluster's manifests */

/* Bytes that came and are not a whole line yet. */
struct lines {
	char *data;
	size_t len, size;
	size_t taken;			/* given out by lines_next() */
	size_t scanned;			/* no newline before */
};

/* -EMSGSIZE: a line is longer than REQUEST_LINE_MAX; -ENOMEM. */
int lines_add(struct lines *l, const void *data, size_t len);
/*
 * The next whole line without its newline, which becomes a NUL; valid until
 * lines_add(). NULL: none yet.
 */
char *lines_next(struct lines *l, size_t *len);
void lines_free(struct lines *l);

/* Codes of Documentation/control.md. */
enum request_code {
	REQUEST_OK,
	REQUEST_BAD,
	REQUEST_NOT_FOUND,
	REQUEST_NOT_READY,
	REQUEST_CONFLICT,
	REQUEST_EXHAUSTED,
	REQUEST_INTERNAL,
	__REQUEST_CODE_MAX,
};

struct request_error {
	enum request_code code;
	char text[1024];
};

struct request {
	json_t *doc;			/* owns the rest */
	const char *op;
	json_t *args;			/* an object, maybe empty */
};

/* -EINVAL with @err. */
int request_parse(const char *line, size_t len, struct request *out, struct request_error *err);
void request_clear(struct request *req);

/* Sets @err and returns NULL, as handlers do. */
json_t *request_fail(struct request_error *err, enum request_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What a negative errno is called. */
enum request_code request_code_of(int err);

/* One line with its newline, free() it; NULL without memory. Steals @result. */
char *request_answer(json_t *result, const struct request_error *err);

#endif
