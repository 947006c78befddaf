// SPDX-License-Identifier: GPL-2.0
/* Changes by hand; see edit.h. */
#include <errno.h>
#include <string.h>

#include "edit.h"
#include "out.h"

const struct cli_key edit_keys[] = {
	{ "operations", "integer", "how many operations are in force" },
	{ "generation", "integer", "generation of the pipeline afterwards; what --expect is held "
				   "against" },
	{ .path = NULL },
};

int edit_why(const struct sluice_txn *txn, int err, char *why)
{
	const struct sluice_error *e = sluice_txn_error(txn);

	snprintf(why, CLI_WHY, "%s", e ? e->text : strerror(-err));
	return err;
}

int edit_done(struct cli *cli, long operations)
{
	__u32 generation = 0;
	json_t *obj;
	int status;

	if (sluice_generation(cli->sl, &generation))
		cli_note(cli, "done, but the generation cannot be read");
	if (!cli->json) {
		fprintf(cli->out, "%ld operation%s in force\n", operations,
			operations == 1 ? "" : "s");
		return ferror(cli->out) ? CLI_FAILED : CLI_OK;
	}
	obj = json_pack("{s:I, s:I}", "operations", (json_int_t)operations, "generation",
			(json_int_t)generation);
	status = out_object(cli, obj);
	json_decref(obj);
	return status;
}

int edit_run(struct cli *cli)
{
	struct sluice *sl = cli_dataplane(cli);
	struct sluice_error error;
	struct sluice_txn *txn;
	char why[CLI_WHY] = "";
	int err;

	if (!sl)
		return CLI_FAILED;
	err = sluice_txn_begin(sl, &txn);
	if (err)
		return cli_fail(cli, "%s", strerror(-err));
	err = line_command(cli->line)->queue(cli, txn, why);
	if (err) {
		sluice_txn_abort(txn);
		return cli_fail(cli, "%s", why);
	}
	if (sluice_txn_commit(txn, &error))
		return cli_fail(cli, "%s", error.text);
	return edit_done(cli, 1);
}
