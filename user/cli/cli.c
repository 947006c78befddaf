// SPDX-License-Identifier: GPL-2.0
/* What a command works with: complaints, options, the dataplane and the daemon. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "common/control.h"
#include "help.h"
#include "names.h"
#include "text.h"

#define CALL_TIMEOUT_MS 10000

/* "sluice flow list: text", safe for a terminal whatever @fmt's strings hold. */
__attribute__((format(printf, 2, 0)))
static void complain(struct cli *cli, const char *fmt, va_list ap)
{
	FILE *f = cli->notes ? cli->notes : stderr;
	char *text = NULL, *clean = NULL;
	char name[64];

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	clean = text ? text_clean(text) : NULL;
	fprintf(f, "%s: %s\n", line_name(cli->line, name, sizeof(name)),
		clean ? clean : strerror(ENOMEM));
	free(text);
	free(clean);
}

int cli_fail(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(cli, fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

int cli_misuse(struct cli *cli, const char *fmt, ...)
{
	char name[64];
	va_list ap;

	va_start(ap, fmt);
	complain(cli, fmt, ap);
	va_end(ap);
	fputs("usage: ", stderr);
	help_usage(stderr, line_command(cli->line), line_name(cli->line, name, sizeof(name)));
	fputc('\n', stderr);
	return CLI_USAGE;
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(cli, fmt, ap);
	va_end(ap);
}

const char *cli_text(const struct cli *cli, const char *option)
{
	const struct cli_value *v = line_value(cli->line, option);

	return v ? v->text : NULL;
}

bool cli_given(const struct cli *cli, const char *option)
{
	return line_value(cli->line, option);
}

int cli_peek(struct cli *cli, struct sluice **out)
{
	int err = 0;

	if (!cli->sl)
		err = sluice_open(cli->pin_root, &cli->sl);
	*out = err ? NULL : cli->sl;
	return err;
}

struct sluice *cli_dataplane(struct cli *cli)
{
	struct sluice *sl;
	int err = cli_peek(cli, &sl);

	if (err == -ENOENT)
		cli_fail(cli, "no dataplane is loaded under %s: start sluiced, or name another "
			 "place with --pin-root", cli->pin_root);
	else if (err == -EPERM || err == -EACCES)
		cli_fail(cli, "the dataplane under %s may not be opened: run as root",
			 cli->pin_root);
	else if (err == -ESTALE)
		cli_fail(cli, "the dataplane under %s is another build's, whose tables look "
			 "different: use the sluice that came with it, or have sluiced --unload take "
			 "it out", cli->pin_root);
	else if (err)
		cli_fail(cli, "the dataplane under %s cannot be opened: %s", cli->pin_root,
			 strerror(-err));
	return sl;
}

static int control_connect(struct cli *cli, char why[CLI_WHY])
{
	char path[4096];
	int err;

	if (cli->control)
		return 0;
	snprintf(path, sizeof(path), "%s/sluiced.sock", cli->run_dir);
	err = control_open(path, &cli->control);
	if (!err)
		return 0;
	if (err == -EACCES || err == -EPERM)
		snprintf(why, CLI_WHY, "%.400s may not be opened: run as root", path);
	else if (err == -ENOENT || err == -ECONNREFUSED)
		snprintf(why, CLI_WHY, "no daemon answers at %.400s", path);
	else
		snprintf(why, CLI_WHY, "%.400s: %s", path, strerror(-err));
	return -ENOTCONN;
}

int cli_ask(struct cli *cli, const char *op, json_t *args, json_t **out, char why[CLI_WHY])
{
	struct control_error refused = { 0 };
	int err = control_connect(cli, why);

	if (err) {
		json_decref(args);
		return err;
	}
	err = control_call(cli->control, op, args,
			   cli->patience_ms ? (int)cli->patience_ms : CALL_TIMEOUT_MS, out, &refused);
	if (err && err != -EREMOTEIO) {
		/* An answer that comes late must not be taken for the next one. */
		control_close(cli->control);
		cli->control = NULL;
	}
	if (err)
		snprintf(why, CLI_WHY, "%.500s", refused.message);
	return err;
}

int cli_call(struct cli *cli, const char *op, json_t *args, json_t **out)
{
	char why[CLI_WHY] = "";

	if (!cli_ask(cli, op, args, out, why))
		return CLI_OK;
	return cli_fail(cli, "%s", why);
}

int cli_run_once(struct cli *cli)
{
	int status = line_command(cli->line)->run(cli);

	/* Nothing stays open between two frames: the daemon may be another one then. */
	names_free(cli->names);
	cli->names = NULL;
	control_close(cli->control);
	cli->control = NULL;
	sluice_close(cli->sl);
	cli->sl = NULL;
	return status;
}
