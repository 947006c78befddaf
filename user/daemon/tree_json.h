/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON into trees: what an API server sends. Manifest files, also those in
 * JSON, go the way of tree_open(), which knows lines; here what counts is
 * that one odd string in somebody's object does not hide everybody's.
 */
#ifndef SLUICED_TREE_JSON_H
#define SLUICED_TREE_JSON_H

#include "daemon/arena.h"
#include "daemon/tree.h"

/*
 * tree_from_json() - one JSON value of @len bytes
 * @file: what complaints call it
 * @arena: holds the nodes, which have no line
 *
 * NUL characters become U+FFFD, as trees have none: names and labels accept
 * neither. Of two equal keys the last counts, as with the server's readers.
 * Lists that are called managedFields are empty, whatever is in them.
 * -EINVAL: @diag says where it stops to be JSON, or what is too much of it
 * (bounds as in tree.h). -ENOMEM.
 */
int tree_from_json(const char *file, const char *text, size_t len, struct arena *arena,
		   const struct tree **out, struct diag *diag);

#endif
