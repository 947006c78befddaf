/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * How the tables describe themselves: one description for the library, the
 * command line and the kernel module, all of which compile table_desc.c.
 */
#ifndef SLUICE_TABLE_DESC_H
#define SLUICE_TABLE_DESC_H

#ifdef __KERNEL__
#include <linux/stddef.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif
#include "bpf/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every map describes itself: match fields and value fields with names and
 * formats. `sluice table` and later doors print any table from this alone.
 */
enum sluice_match {
	SLUICE_MATCH_INDEX,		/* array */
	SLUICE_MATCH_EXACT,		/* hash */
	SLUICE_MATCH_LPM,
	SLUICE_MATCH_NONE,		/* ring */
};

enum sluice_format {
	SLUICE_FMT_UINT,		/* host order, 1, 2, 4 or 8 bytes */
	SLUICE_FMT_BE,			/* network order */
	SLUICE_FMT_HEX,
	SLUICE_FMT_ADDR,		/* union sl_addr */
	SLUICE_FMT_MAC,
	SLUICE_FMT_ENUM,		/* names[] */
	SLUICE_FMT_PREFIX,		/* struct sl_prefix */
	SLUICE_FMT_BYTES,
	SLUICE_FMT_PROTO,		/* IPPROTO_ */
};

struct sluice_field {
	const char *name;
	__u16 offset;			/* bytes */
	__u16 size;			/* bytes */
	enum sluice_format fmt;
	const char *const *names;	/* SLUICE_FMT_ENUM, NULL-terminated */
};

struct sluice_table {
	const char *name;		/* without sl_: "flow", "rule", … */
	const char *text;		/* one line for people */
	enum sl_map map;
	enum sluice_match match;
	bool percpu;			/* values are summed on reading */
	bool writable;			/* entries of origin admin: by hand */
	bool deletable;			/* entries may be deleted by hand, whoever wrote them */
	__u16 key_size, value_size;
	const struct sluice_field *key, *value;	/* end: name NULL */
	const struct sluice_field *alias;	/* flow tables: value of an alias */
};

/* All of them, in the order of enum sl_map. */
const struct sluice_table *sluice_tables(size_t *count);
/* Offset in a value of @t of who wrote the entry; -1: entries of @t have no owner. */
int sluice_table_origin(const struct sluice_table *t);

/* What may be done by hand to an entry; numbered as the netlink family does. */
enum sluice_entry_op {
	SLUICE_ENTRY_INSERT,		/* the key must not be in use */
	SLUICE_ENTRY_MODIFY,		/* it must be, by an entry of origin admin */
	SLUICE_ENTRY_SET,		/* either of the two */
	SLUICE_ENTRY_DELETE,		/* it must be in use */
	__SLUICE_ENTRY_MAX,
};

/* Longest words of an error, with the NUL; netlink carries no longer ones. */
#define SLUICE_ERROR_TEXT	80

/*
 * sluice_entry_check() - is this well formed, and may it be done by hand at all?
 * @value: not looked at with a deletion
 * @text: SLUICE_ERROR_TEXT bytes, says why not
 *
 * What is in the table is not looked at. Returns 0, -EPERM (the table or the
 * key is the daemon's) or -EINVAL.
 */
int sluice_entry_check(const struct sluice_table *t, enum sluice_entry_op op, const void *key,
		       const void *value, char *text);

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_TABLE_DESC_H */
