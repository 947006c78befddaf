// SPDX-License-Identifier: GPL-2.0
/*
 * From main's arguments to the exit status: standard descriptors, signals,
 * environment, wrong usage, and whether what was printed also arrived.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "help.h"
#include "text.h"
#include "value.h"
#include "watch.h"

/*
 * With standard output closed, the next file opened would take its number
 * and be written to. A descriptor that refuses writing stands in, so that
 * output fails as it should.
 */
static void guard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

static int usage_error(const struct cli_line *line)
{
	char *clean = text_clean(line->error), name[64];

	line_name(line, name, sizeof(name));
	fprintf(stderr, "%s: %s\nusage: ", name, clean ? clean : line->error);
	help_usage(stderr, line_command(line), name);
	fputc('\n', stderr);
	free(clean);
	return CLI_USAGE;
}

static bool want_colour(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when && strcmp(when, "auto"))
		return !strcmp(when, "always");
	/* https://no-color.org: set and not empty */
	if (no && *no)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

static const char *option_or_env(const struct cli *cli, const char *option, const char *env,
				 const char *fallback)
{
	const char *text = cli_text(cli, option);

	if (!text)
		text = getenv(env);
	return text && *text ? text : fallback;
}

static void cli_init(struct cli *cli, const struct cli_line *line)
{
	const char *format;
	unsigned int rows;

	*cli = (struct cli){ .line = line, .out = stdout };
	cli->pin_root = option_or_env(cli, "pin-root", "SLUICE_PIN_ROOT", SLUICE_PIN_ROOT);
	cli->run_dir = option_or_env(cli, "run-dir", "SLUICE_RUN_DIR", SLUICE_RUN_DIR);
	cli->colour = want_colour(cli_text(cli, "color"));
	format = cli_text(cli, "output");
	cli->json = format && !strcmp(format, "json");
	terminal_size(&cli->width, &rows);
}

static int run(struct cli *cli)
{
	const struct cli_value *watch = line_value(cli->line, "watch");
	double every = WATCH_SECONDS;

	cli->lines = cli->json && (watch || line_command(cli->line)->shape == CLI_SHAPE_STREAM);
	if (!watch)
		return cli_run_once(cli);
	if (watch->text)
		value_seconds(watch->text, &every);
	return watch_run(cli, every);
}

static int answer(struct cli *cli)
{
	const struct cli_line *line = cli->line;
	char name[64];

	if (!line->asked)
		return run(cli);
	if (!strcmp(line->asked->name, "version"))
		printf("sluice %s\n", SLUICE_VERSION);
	else
		help_print(stdout, line_command(line), line_name(line, name, sizeof(name)),
			   cli->colour);
	return CLI_OK;
}

/* The error of an earlier write is not remembered; that nobody reads any more can be asked. */
static bool reader_left(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

/* What was printed must have arrived; only a reader that left needs no word about it. */
static int close_stdout(int status)
{
	bool failed = ferror(stdout), left = reader_left();
	int err;

	errno = 0;
	if (!fclose(stdout) && !failed)
		return status;
	err = errno;
	if (!left && err != EPIPE)
		fprintf(stderr, "sluice: standard output: %s\n",
			err ? strerror(err) : "write error");
	return CLI_FAILED;
}

int cli_main(int argc, char **argv)
{
	struct cli_line line;
	struct cli cli;
	int status;

	guard_descriptors();
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (line_parse(&line, argc, argv)) {
		status = usage_error(&line);
	} else {
		cli_init(&cli, &line);
		status = close_stdout(answer(&cli));
	}
	line_free(&line);
	return status;
}
