/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A document as a tree of nodes that remember where they were written, and
 * the YAML composer that makes one. JSON is YAML. What the nodes mean is not
 * known here; that is object.h.
 */
#ifndef SLUICED_TREE_H
#define SLUICED_TREE_H

#include "daemon/policy.h"

/* Bounds of one file and one document: hostile input ends here. */
#define TREE_MAX_BYTES	(64U << 20)
#define TREE_MAX_DEPTH	64
/* Nodes of a document with every alias written out. */
#define TREE_MAX_NODES	(4U << 20)
/* The same, as soon as there is an alias at all: nobody writes so many by hand. */
#define TREE_MAX_NODES_ALIASED	(64U << 10)

/* Keys of a map after << has been carried out. */
#define TREE_MAX_MERGED	1024U

enum tree_type {
	TREE_NULL,
	TREE_BOOL,
	TREE_INT,			/* text in @s, as written */
	TREE_FLOAT,
	TREE_STRING,
	TREE_SEQ,
	TREE_MAP,
};

struct tree;

struct tree_pair {
	struct tree *key, *value;
};

struct tree {
	enum tree_type type;
	unsigned int line, column;	/* from 1; 0: unknown */
	unsigned int weight;		/* nodes below and itself, aliases written out */
	unsigned int n;			/* bytes, items or pairs */
	union {
		const char *s;		/* scalars: NUL-terminated, no NUL inside */
		struct tree **item;
		struct tree_pair *pair;	/* keys are scalars, none twice */
	};
};

/* Where in an object one is; lives on the stack of the descent. */
struct path {
	const struct path *up;
	const char *key;		/* NULL: @index counts */
	unsigned int index;
};

/* Writes "spec.ingress[0].from" into @buf; returns @buf. */
const char *path_format(const struct path *p, char *buf, size_t len);

const char *tree_type_name(enum tree_type t);	/* "a list", "a number" */
/* The value of @key; NULL when there is none or it is null. */
const struct tree *tree_get(const struct tree *map, const char *key);
const struct tree *tree_key(const struct tree *map, const char *key); /* the key's own node */

/* Reads documents one after another; nodes live until tree_read() or _exit(). */
struct tree_reader;
int tree_open(const char *file, const char *text, size_t len, struct tree_reader **out);
/* 1: *@out is the next document (NULL: an empty one); 0: no more; -EINVAL: @diag; -ENOMEM. */
int tree_read(struct tree_reader *r, const struct tree **out, struct diag *diag);
void tree_close(struct tree_reader *r);

#endif
