// SPDX-License-Identifier: GPL-2.0
/* sluice version: of the command line, of the daemon, of what is loaded. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <bpf/libbpf.h>

#include "commands.h"
#include "out.h"

static const struct cli_key keys[] = {
	{ "version", "string", "this program's version" },
	{ "abi", "integer", "version of the tables that this program understands" },
	{ "libbpf", "string", "libbpf it runs with" },
	{ "kernel", "string", "release of the running kernel" },
	{ "daemon", "string or null", "the daemon's version; null when it does not answer" },
	{ .path = NULL },
};

static json_t *version_json(struct cli *cli)
{
	const char *daemon = NULL;
	char why[CLI_WHY];
	json_t *status = NULL, *obj;
	struct utsname uts;

	uname(&uts);
	if (!cli_ask(cli, "status", NULL, &status, why))
		daemon = json_string_value(json_object_get(status, "version"));
	obj = json_pack("{s:s, s:i, s:s, s:s, s:s?}", "version", SLUICE_VERSION, "abi",
			SL_ABI_VERSION, "libbpf", libbpf_version_string(), "kernel", uts.release,
			"daemon", daemon);
	json_decref(status);
	return obj;
}

static int run(struct cli *cli)
{
	json_t *obj = version_json(cli);
	int status = CLI_OK;

	if (cli->json || !obj) {
		status = out_object(cli, obj);
		json_decref(obj);
		return status;
	}
	fprintf(cli->out, "sluice %s\n", SLUICE_VERSION);
	out_line(cli, "daemon", STYLE_NONE, "%s",
		 out_get(obj, "daemon") ? out_string(obj, "daemon") : "does not answer");
	out_line(cli, "table ABI", STYLE_NONE, "%d", SL_ABI_VERSION);
	out_line(cli, "libbpf", STYLE_NONE, "%s", out_string(obj, "libbpf"));
	out_line(cli, "kernel", STYLE_NONE, "%s", out_string(obj, "kernel"));
	json_decref(obj);
	return status;
}

const struct cli_command cmd_version = {
	.name = "version",
	.summary = "Versions of this program, the daemon, the tables and the kernel",
	.keys = keys,
	.shape = CLI_SHAPE_OBJECT,
	.run = run,
};
