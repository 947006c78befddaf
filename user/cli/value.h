/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values on the command line: for each type what it is called, what is
 * right, and how to read it.
 */
#ifndef SLUICE_CLI_VALUE_H
#define SLUICE_CLI_VALUE_H

#include "command.h"
#include "lib/sluice.h"

struct cli_type_info {
	const char *name;		/* "port", for generators and tests */
	const char *metavar;		/* "PORT" */
	const char *what;		/* "a port, 1 to 65535" */
	/* 0 or -EINVAL; NULL: every text is right */
	int (*check)(const char *text);
	/* kind for `sluice __complete`; "dir", "file": what the shell knows itself; NULL: nothing */
	const char *complete;
	/* The @i-th of the words that are right, NULL behind the last; NULL: no such list. */
	const char *(*word)(size_t i);
};

extern const struct cli_type_info cli_types[__CLI_TYPE_MAX];

/* All return 0 or -EINVAL. */
int value_count(const char *text, unsigned long *out);
int value_seconds(const char *text, double *out);
int value_port(const char *text, __u16 *out);
/* 0 to 4294967295; hexadecimal with 0x. */
int value_number(const char *text, __u32 *out);
/* A name ("tcp") or a number, 0 to 255. */
int value_proto(const char *text, int *out);
/* @text as an address or a prefix; an address is a prefix of full length. */
int value_prefix(const char *text, struct sl_prefix *out);
/* "80", "80/tcp", "53/UDP"; TCP when there is none. */
int value_service(const char *text, int *port, int *proto);
bool value_is_pair(const char *text);	/* "NS/NAME", both of legal characters */

/* "tcp", or the number as text in @buf. Returns one of the two. */
const char *proto_name(int proto, char buf[4]);

#endif
