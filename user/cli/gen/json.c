// SPDX-License-Identifier: GPL-2.0
/* The table of commands as JSON: what the tests make their cases from. */
#include <errno.h>
#include <jansson.h>

#include "cli/value.h"
#include "gen.h"

static const char *shape_name(enum cli_shape shape)
{
	switch (shape) {
	case CLI_SHAPE_NONE:
		return "none";
	case CLI_SHAPE_OBJECT:
		return "object";
	case CLI_SHAPE_RESULT:
		return "result";
	case CLI_SHAPE_LIST:
		return "list";
	case CLI_SHAPE_STREAM:
		return "stream";
	}
	return "?";
}

static json_t *options_json(const struct cli_command *cmd, const struct cli_option *o)
{
	json_t *list = json_array();

	for (; o && o->name; o++) {
		char letter[2] = { o->letter };
		json_t *values = json_array();

		for (size_t i = 0; o->values && o->values[i]; i++)
			json_array_append_new(values, json_string(o->values[i]));
		json_array_append_new(list, json_pack("{s:s, s:s?, s:s, s:b, s:o, s:b, s:s?, s:s}",
						      "name", o->name, "letter",
						      o->letter ? letter : NULL, "type",
						      cli_types[o->type].name, "bare", o->bare,
						      "values", values, "applies",
						      !cmd || cli_global_applies(cmd, o), "env",
						      o->env, "help", o->help));
	}
	return list;
}

static json_t *args_json(const struct cli_arg *a)
{
	json_t *list = json_array();

	for (; a && a->metavar; a++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:s}", "metavar",
						      a->metavar, "type", cli_types[a->type].name,
						      "optional", a->optional, "repeat", a->repeat,
						      "help", a->help));
	return list;
}

static json_t *keys_json(const struct cli_key *k)
{
	json_t *list = json_array();

	for (; k && k->path; k++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "path", k->path, "type",
						      k->type, "help", k->help));
	return list;
}

static json_t *examples_json(const struct cli_example *e)
{
	json_t *list = json_array();

	for (; e && e->args; e++)
		json_array_append_new(list, json_string(e->args));
	return list;
}

static json_t *command_json(const struct cli_command *cmd)
{
	json_t *sub = json_array();

	for (size_t i = 0; cmd->sub && cmd->sub[i]; i++)
		json_array_append_new(sub, command_json(cmd->sub[i]));
	return json_pack("{s:s, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			 cmd->name, "summary", cmd->summary, "hidden", cmd->hidden, "fallback",
			 cmd->fallback, "shape", shape_name(cmd->shape), "sub", sub, "args",
			 args_json(cmd->args), "options", options_json(NULL, cmd->options),
			 "globals", options_json(cmd, cli_globals), "keys", keys_json(cmd->keys),
			 "examples", examples_json(cmd->examples));
}

int gen_json(FILE *f)
{
	json_t *all = command_json(&cli_root);
	int err = json_dumpf(all, f, JSON_INDENT(1)) ? -EIO : 0;

	fputc('\n', f);
	json_decref(all);
	return err;
}
