/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cmocka with the headers that it wants first, and TAP as its output. A test
 * program ends in `return unit_run(tests, setup, teardown);`.
 */
#ifndef SLUICE_UNIT_H
#define SLUICE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define unit_run(tests, setup, teardown)                                       \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                             \
	 cmocka_run_group_tests((tests), (setup), (teardown)))

/* @usual times, or @least on an emulated machine, where each takes many times longer. */
static inline int unit_times(int usual, int least)
{
	return getenv("SLUICE_TEST_SLOW") ? least : usual;
}

/* cmocka's skip() has no place for a reason: it goes on a line before. */
#define unit_skip(...)                                                         \
	do {                                                                   \
		printf("# SKIP: " __VA_ARGS__);                                \
		printf("\n");                                                  \
		fflush(stdout);                                                \
		skip();                                                        \
	} while (0)

#endif
