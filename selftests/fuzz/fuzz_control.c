// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket's input: bytes in pieces to lines to requests, and the
 * one argument that has a structure of its own, an endpoint record. Lines
 * must not depend on how the bytes were cut, every refusal has words, and
 * what is accepted as a record is the same after it was written out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "common/record.h"
#include "daemon/request.h"

static void check_record(const json_t *args)
{
	struct record rec, again;
	char why[256] = "";
	json_t *doc, *doc2;

	if (record_parse(args, &rec, why, sizeof(why))) {
		if (!why[0])
			abort();
		return;
	}
	doc = record_json(&rec);
	if (!doc || record_parse(doc, &again, why, sizeof(why)))
		abort();
	doc2 = record_json(&again);
	if (!json_equal(doc, doc2))
		abort();
	json_decref(doc);
	json_decref(doc2);
	record_clear(&rec);
	record_clear(&again);
}

static void check_line(const char *line, size_t len)
{
	struct request_error err = { .code = REQUEST_OK };
	struct request req;
	json_t *answer;
	char *text;

	if (!request_parse(line, len, &req, &err)) {
		check_record(req.args);
		request_fail(&err, REQUEST_BAD, "op: there is no '%.64s'", req.op);
		request_clear(&req);
	} else if (err.code == REQUEST_OK || !err.text[0]) {
		abort();
	}
	text = request_answer(NULL, &err);
	if (!text || strchr(text, '\n') != text + strlen(text) - 1)
		abort();
	answer = json_loads(text, 0, NULL);
	if (!answer)
		abort();
	json_decref(answer);
	free(text);
}

/* Sums up lines so that two ways of cutting can be compared. */
static uint64_t run(const uint8_t *data, size_t size, size_t piece, int check)
{
	struct lines l = { 0 };
	uint64_t sum = 14695981039346656037ULL;
	size_t len;
	char *line;

	for (size_t i = 0; i < size; i += piece) {
		if (lines_add(&l, data + i, size - i < piece ? size - i : piece))
			break;
		while ((line = lines_next(&l, &len))) {
			if (line[len])
				abort();
			for (size_t k = 0; k <= len; k++)
				sum = (sum ^ (uint8_t)line[k]) * 1099511628211ULL;
			if (check)
				check_line(line, len);
		}
	}
	lines_free(&l);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (run(data + 1, size - 1, size, 1) != run(data + 1, size - 1, data[0] % 32 + 1, 0))
		abort();
	return 0;
}
