/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines on stderr, for people and for the journal. Programs log; libsluice
 * never does. One line a call: line breaks and control bytes in the text,
 * which may come from a manifest or a device name, are printed as '?'.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

/* Values are those of syslog(3), which is what the journal reads as <N>. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/*
 * log_open() - say who speaks; @ident is kept, not copied
 *
 * Under systemd (stderr is the stream that JOURNAL_STREAM names) lines begin
 * with their priority as <N>, elsewhere with time, ident and level.
 */
void log_open(const char *ident);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "debug", "info", "warning", "error"; -EINVAL for anything else. */
int log_level_parse(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
