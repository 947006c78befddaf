// SPDX-License-Identifier: GPL-2.0
/* Lists and objects that the daemon makes whole. */
#include "daemon_list.h"
#include "key.h"

int daemon_list(struct cli *cli, const char *op, const struct out_column *cols, size_t ncols,
		const char *empty)
{
	struct out_list list;
	json_t *all = NULL;
	const json_t *e;
	size_t i;
	int status = cli_call(cli, op, NULL, &all);

	if (status != CLI_OK)
		return status;
	if (!json_is_array(all)) {
		json_decref(all);
		return cli_fail(cli, "the daemon's answer is no list: versions differ?");
	}
	out_list_begin(&list, cli, cols, ncols);
	json_array_foreach(all, i, e)
		out_list_add(&list, key_select(line_command(cli->line)->keys, e));
	json_decref(all);
	return out_list_end(&list, empty);
}

json_t *daemon_object(struct cli *cli, const char *op, json_t *args)
{
	json_t *answer = NULL, *obj;

	if (cli_call(cli, op, args, &answer) != CLI_OK)
		return NULL;
	if (!json_is_object(answer)) {
		json_decref(answer);
		cli_fail(cli, "the daemon's answer is no object: versions differ?");
		return NULL;
	}
	obj = key_select(line_command(cli->line)->keys, answer);
	json_decref(answer);
	if (!obj)
		cli_fail(cli, "out of memory");
	return obj;
}
