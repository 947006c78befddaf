// SPDX-License-Identifier: GPL-2.0
/*
 * sluice __complete: words that the shells' completions offer where the
 * table of commands cannot know them. Silent when there is nobody to ask.
 */
#include <string.h>

#include "commands.h"
#include "value.h"

/* A word is offered only when no shell could see more in it than a word. */
static void offer(struct cli *cli, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._:/-";

	if (word && *word && *word != '-' && strspn(word, plain) == strlen(word))
		fprintf(cli->out, "%s\n", word);
}

static void offer_names(struct cli *cli, bool pods, bool addresses)
{
	char why[CLI_WHY];
	json_t *names = NULL, *pod;
	const char *addr;

	if (cli_ask(cli, "names", NULL, &names, why))
		return;
	json_object_foreach(json_object_get(names, "addresses"), addr, pod) {
		if (pods)
			offer(cli, json_string_value(pod));
		if (addresses)
			offer(cli, addr);
	}
	json_decref(names);
}

/* Whatever @op lists, by namespace and name. */
static void offer_objects(struct cli *cli, const char *op)
{
	char why[CLI_WHY], word[520];
	json_t *list = NULL, *e;
	size_t i;

	if (cli_ask(cli, op, NULL, &list, why))
		return;
	json_array_foreach(list, i, e) {
		const char *ns = json_string_value(json_object_get(e, "namespace"));
		const char *name = json_string_value(json_object_get(e, "name"));

		snprintf(word, sizeof(word), "%s%s%s", ns ? ns : "", ns ? "/" : "", name ? name : "");
		offer(cli, word);
	}
	json_decref(list);
}

static void offer_words(struct cli *cli, enum cli_type type)
{
	for (size_t i = 0; cli_types[type].word(i); i++)
		offer(cli, cli_types[type].word(i));
}

static int run(struct cli *cli)
{
	const char *kind = cli->line->args[0];

	if (!strcmp(kind, "pods"))
		offer_names(cli, true, false);
	else if (!strcmp(kind, "addresses"))
		offer_names(cli, false, true);
	else if (!strcmp(kind, "peers"))
		offer_names(cli, true, true);
	else if (!strcmp(kind, "policies"))
		offer_objects(cli, "policies");
	else if (!strcmp(kind, "services"))
		offer_objects(cli, "services");
	else if (!strcmp(kind, "tables"))
		offer_words(cli, CLI_TABLE);
	else if (!strcmp(kind, "protocols"))
		offer_words(cli, CLI_PROTO);
	else
		return cli_misuse(cli, "nothing is known of '%s'", kind);
	return CLI_OK;
}

const struct cli_command cmd_complete = {
	.name = "__complete",
	.summary = "Words for the shells' completions",
	.args = (const struct cli_arg[]){
		{ .metavar = "KIND", .type = CLI_WORD,
		  .help = "pods, addresses, peers, policies, services, tables, protocols" },
		{ .metavar = NULL } },
	.shape = CLI_SHAPE_NONE,
	.hidden = true,
	.run = run,
};
