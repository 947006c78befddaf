// SPDX-License-Identifier: GPL-2.0
/*
 * --watch. On a terminal each frame is composed in memory and written over
 * the last one in one go, line by line cleared behind its text and never the
 * whole screen at once, so nothing flickers; the alternate screen keeps the
 * user's scrollback out of it. Elsewhere frames follow each other.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "watch.h"

/* Alternate screen, no cursor, lines cut at the edge instead of wrapped. */
#define SCREEN_ENTER	"\033[?1049h\033[?25l\033[?7l"
#define SCREEN_LEAVE	"\033[?7h\033[?25h\033[?1049l"
#define SCREEN_HOME	"\033[H"
#define LINE_CLEAR	"\033[K"
#define SCREEN_CLEAR	"\033[J"	/* from the cursor down */

struct frame {
	char *text, *notes;
	size_t text_len, notes_len;
	int status;
};

void terminal_size(unsigned int *columns, unsigned int *rows)
{
	struct winsize ws;

	*columns = 0;
	*rows = 0;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		return;
	*columns = ws.ws_col;
	*rows = ws.ws_row;
}

static void write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
}

static int frame_make(struct cli *cli, struct frame *f, bool terminal)
{
	*f = (struct frame){ 0 };
	cli->out = open_memstream(&f->text, &f->text_len);
	cli->notes = terminal ? open_memstream(&f->notes, &f->notes_len) : NULL;
	f->status = CLI_FAILED;
	if (cli->out && (!terminal || cli->notes)) {
		/* A full screen says it in every frame; lines of a log say it once. */
		if (terminal)
			cli->said_down = false;
		f->status = cli_run_once(cli);
	}
	if (cli->out)
		fclose(cli->out);
	if (cli->notes)
		fclose(cli->notes);
	cli->out = stdout;
	cli->notes = NULL;
	return f->text && (!terminal || f->notes) ? 0 : -ENOMEM;
}

static void frame_free(struct frame *f)
{
	free(f->text);
	free(f->notes);
}

/* Up to @max lines of @text, each with the rest of its line cleared. */
static unsigned int put_lines(FILE *out, const char *text, unsigned int max)
{
	unsigned int n = 0;

	for (; *text && n < max; n++) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "%.*s%s\r\n", (int)len, text, LINE_CLEAR);
		text += len + (text[len] == '\n');
	}
	return n;
}

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void paint(struct cli *cli, const struct frame *f, double every, unsigned int rows)
{
	unsigned int lines = count_lines(f->text), notes = count_lines(f->notes), room, shown;
	char name[64], clock[16], wait[TEXT_SHORT], *text = NULL;
	time_t now = time(NULL);
	struct tm tm;
	size_t len;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return;
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(out, SCREEN_HOME "%s%s  every %s  %s%s" LINE_CLEAR "\r\n",
		style_begin(cli->colour ? STYLE_DIM : STYLE_NONE),
		line_name(cli->line, name, sizeof(name)), text_seconds(every, wait), clock,
		style_end(cli->colour ? STYLE_DIM : STYLE_NONE));
	/* Title, notes and the line that counts the rest; the last row stays empty. */
	room = rows > notes + 3 ? rows - notes - 3 : 1;
	if (room + 1 == lines)
		room++;
	put_lines(out, f->notes, notes);
	shown = put_lines(out, f->text, room);
	if (shown < lines)
		fprintf(out, "%s %u more lines" LINE_CLEAR "\r\n", text_ellipsis(),
			lines - shown);
	fputs(SCREEN_CLEAR, out);
	if (!fclose(out))
		write_all(text, len);
	free(text);
}

static void suspend(void)
{
	write_all(SCREEN_LEAVE, strlen(SCREEN_LEAVE));
	kill(getpid(), SIGSTOP);
	write_all(SCREEN_ENTER, strlen(SCREEN_ENTER));
}

/* False: the user has seen enough. */
static bool pause_for(const sigset_t *set, double seconds, bool terminal)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };
	int sig;

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	sig = sigtimedwait(set, NULL, &ts);
	if (sig == SIGTSTP && terminal)
		suspend();
	else if (sig == SIGTSTP)
		kill(getpid(), SIGSTOP);
	return sig != SIGINT && sig != SIGTERM && sig != SIGHUP;
}

/* False: there is nobody to print to any more. */
static bool print_frame(const struct frame *f, const struct cli *cli, bool first)
{
	if (!f->text_len)
		return true;
	if (!first && !cli->lines)
		fputc('\n', stdout);
	fwrite(f->text, 1, f->text_len, stdout);
	return !fflush(stdout);
}

int watch_run(struct cli *cli, double every)
{
	bool terminal = isatty(STDOUT_FILENO) && !cli->json, first = true, more = true;
	int status = CLI_OK;
	unsigned int rows;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (more) {
		struct frame f;

		terminal_size(&cli->width, &rows);
		if (frame_make(cli, &f, terminal)) {
			frame_free(&f);
			status = cli_fail(cli, "%s", strerror(ENOMEM));
			break;
		}
		/* A mistake shows at once; later failures may pass, and are shown. */
		if (first && f.status != CLI_OK && !f.text_len) {
			if (terminal)
				fputs(f.notes, stderr);
			status = f.status;
			frame_free(&f);
			break;
		}
		if (first && terminal)
			write_all(SCREEN_ENTER, strlen(SCREEN_ENTER));
		if (terminal)
			paint(cli, &f, every, rows);
		else
			more = print_frame(&f, cli, first);
		first = false;
		frame_free(&f);
		more = more && pause_for(&set, every, terminal);
	}
	if (terminal && !first)
		write_all(SCREEN_LEAVE, strlen(SCREEN_LEAVE));
	return status;
}
