// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * libbpf has one print function for the whole process. It is ours only while
 * some thread is inside a scope; a thread outside of any, which means another
 * user of libbpf in the same process, is passed on to the function that was
 * there before.
 */
#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "lib/internal.h"

static _Thread_local struct lib_log_scope *innermost;

/* libbpf's global and who borrowed it: guarded by the lock, read by print(). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int scopes;
static libbpf_print_fn_t before;

static void emit(const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	lib_log_text(text);
}

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	libbpf_print_fn_t pass;

	if (!innermost) {
		pass = __atomic_load_n(&before, __ATOMIC_ACQUIRE);
		return pass ? pass(level, fmt, args) : 0;
	}
	if (level == LIBBPF_WARN)
		emit(fmt, args);
	return 0;
}

void lib_log_begin(struct lib_log_scope *scope, void (*log)(void *arg, const char *line), void *arg)
{
	*scope = (struct lib_log_scope){ .log = log, .arg = arg, .outer = innermost };
	innermost = scope;

	pthread_mutex_lock(&lock);
	if (!scopes++)
		__atomic_store_n(&before, libbpf_set_print(print), __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

void lib_log_end(struct lib_log_scope *scope)
{
	pthread_mutex_lock(&lock);
	if (!--scopes)
		libbpf_set_print(before);
	pthread_mutex_unlock(&lock);
	innermost = scope->outer;
}

void lib_log_text(char *text)
{
	char *line;

	if (!innermost || !innermost->log)
		return;
	while ((line = strsep(&text, "\n")))
		if (*line)
			innermost->log(innermost->arg, line);
}

void lib_log_line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(fmt, args);
	va_end(args);
}
