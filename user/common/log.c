// SPDX-License-Identifier: GPL-2.0
/* Log lines. See log.h. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *log_ident = "sluice";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_journal;

static const struct {
	const char *name;
	enum log_level level;
} log_names[] = {
	{ "debug", LOG_LEVEL_DEBUG },
	{ "info", LOG_LEVEL_INFO },
	{ "warning", LOG_LEVEL_WARNING },
	{ "error", LOG_LEVEL_ERROR },
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream it made. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 && !fstat(STDERR_FILENO, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *ident)
{
	log_ident = ident;
	log_journal = stderr_is_journal();
}

void log_set_level(enum log_level level)
{
	log_max = level;
}

enum log_level log_get_level(void)
{
	return log_max;
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(log_names); i++) {
		if (!strcmp(text, log_names[i].name)) {
			*out = log_names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_level_name(enum log_level level)
{
	for (size_t i = 0; i < ARRAY_LEN(log_names); i++) {
		if (log_names[i].level == level)
			return log_names[i].name;
	}
	return "unknown";
}

static int log_prefix(char *buf, size_t len, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char clock[16];

	if (log_journal)
		return snprintf(buf, len, "<%d>", level);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	return snprintf(buf, len, "%s.%03ld %s: %s", clock, now.tv_nsec / 1000000, log_ident,
			level == LOG_LEVEL_INFO ? "" : log_level_name(level));
}

void log_print(enum log_level level, const char *fmt, ...)
{
	char buf[2048];
	size_t n, start;
	va_list ap;
	int saved = errno;

	if (level > log_max)
		return;
	n = (size_t)log_prefix(buf, sizeof(buf), level);
	if (!log_journal && level != LOG_LEVEL_INFO)
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, ": ");
	start = n;
	va_start(ap, fmt);
	vsnprintf(buf + n, sizeof(buf) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(buf);
	for (size_t i = start; i < n; i++) {
		if ((unsigned char)buf[i] < 0x20 || buf[i] == 0x7f)
			buf[i] = '?';
	}
	buf[n++] = '\n';
	/* One write, so that lines of several processes don't mix. */
	if (write(STDERR_FILENO, buf, n) < 0)
		n = 0;	/* nobody listens: nothing to be done about it */
	errno = saved;
}
