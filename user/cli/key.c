// SPDX-License-Identifier: GPL-2.0
/* The documented keys of a command's JSON, as a filter. */
#include <string.h>

#include "key.h"

#define PATH_LEN 128

static json_t *select_below(const struct cli_key *keys, const char *prefix, const json_t *src);

/* Whether something is documented below @prefix, with a name or with *. */
static bool has_below(const struct cli_key *keys, const char *prefix)
{
	for (; keys->path; keys++)
		if (!strncmp(keys->path, prefix, strlen(prefix)))
			return true;
	return false;
}

static json_t *select_array(const struct cli_key *keys, const char *prefix, const json_t *src)
{
	json_t *out = json_array();
	size_t i;
	const json_t *e;

	json_array_foreach((json_t *)src, i, e) {
		if (json_array_append_new(out, select_below(keys, prefix, e))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

/* What stands for @path in the output, @v being what there is. */
static json_t *select_value(const struct cli_key *keys, const char *path, const json_t *v)
{
	char below[PATH_LEN];

	if (!v || json_is_null(v))
		return json_null();
	snprintf(below, sizeof(below), "%s[].", path);
	if (has_below(keys, below))
		return json_is_array(v) ? select_array(keys, below, v) : json_null();
	snprintf(below, sizeof(below), "%s.*", path);
	if (has_below(keys, below))
		return json_deep_copy(v);
	snprintf(below, sizeof(below), "%s.", path);
	if (has_below(keys, below))
		return json_is_object(v) ? select_below(keys, below, v) : json_null();
	return json_deep_copy(v);
}

static json_t *select_below(const struct cli_key *keys, const char *prefix, const json_t *src)
{
	size_t len = strlen(prefix);
	json_t *out = json_object();

	for (const struct cli_key *k = keys; k->path; k++) {
		const char *name = k->path + len;

		if (strncmp(k->path, prefix, len) || strpbrk(name, ".["))
			continue;
		if (json_object_set_new(out, name,
					select_value(keys, k->path, json_object_get(src, name)))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

json_t *key_select(const struct cli_key *keys, const json_t *src)
{
	return select_below(keys, "", src);
}
