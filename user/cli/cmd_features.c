// SPDX-License-Identifier: GPL-2.0
/* sluice features: what the running kernel offers, from libsluice's probe table. */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "out.h"

#define FEATURES_MAX 64

static void cell_present(const json_t *row, const char *key, struct out_cell *cell)
{
	const json_t *v = out_get(row, key);
	bool required = json_is_true(out_get(row, "required"));

	snprintf(cell->text, OUT_CELL, "%s", !v ? "unknown" : json_is_true(v) ? "yes" : "no");
	if (v && json_is_true(v))
		cell->style = STYLE_GOOD;
	else
		cell->style = required ? STYLE_BAD : STYLE_WARN;
}

static void cell_use(const json_t *row, const char *key, struct out_cell *cell)
{
	const char *error = out_string(row, "error");

	snprintf(cell->text, OUT_CELL, "%s%s%s%s", out_string(row, key), *error ? " (" : "", error,
		 *error ? ")" : "");
}

static const struct out_column columns[] = {
	{ { .heading = "FEATURE" }, "name", out_text },
	{ { .heading = "PRESENT" }, "present", cell_present },
	{ { .heading = "REQUIRED", .drop = 1 }, "required", out_yesno },
	{ { .heading = "USED FOR", .least = 20 }, "text", cell_use },
};

static const struct cli_key keys[] = {
	{ "name", "string", "short name of the feature" },
	{ "text", "string", "what sluice does with it" },
	{ "required", "boolean", "sluice does not work without it" },
	{ "present", "boolean or null", "the kernel has it; null when that could not be found out" },
	{ "error", "string or null", "why it could not be found out" },
	{ .path = NULL },
};

static int run(struct cli *cli)
{
	struct sluice_feature f[FEATURES_MAX];
	struct out_list list;
	bool missing = false;
	int n, status;

	n = sluice_features(f, FEATURES_MAX);
	if (n < 0)
		return cli_fail(cli, "the kernel cannot be probed: %s", strerror(-n));
	out_list_begin(&list, cli, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; f[i].name; i++) {
		json_t *present = f[i].present < 0 ? json_null() : json_boolean(f[i].present);

		missing |= f[i].required && f[i].present != 1;
		out_list_add(&list, json_pack("{s:s, s:s, s:b, s:o, s:s?}", "name", f[i].name,
					      "text", f[i].text, "required", f[i].required,
					      "present", present, "error",
					      f[i].present < 0 ? strerror(-f[i].present) : NULL));
	}
	status = out_list_end(&list, "nothing is probed");
	return status == CLI_OK && missing ? CLI_FAILED : status;
}

const struct cli_command cmd_features = {
	.name = "features",
	.summary = "What the running kernel offers of what sluice uses",
	.keys = keys,
	.failure = "a required feature is missing",
	.shape = CLI_SHAPE_LIST,
	.run = run,
};
