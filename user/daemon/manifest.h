/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A manifest file to objects: YAML or JSON, any number of documents, lists of
 * objects taken apart.
 */
#ifndef SLUICED_MANIFEST_H
#define SLUICED_MANIFEST_H

#include "daemon/object.h"

/* One object of a file. @diag says why there is no @obj, or what is doubtful about it. */
struct manifest_item {
	struct object *obj;		/* the callee's from then on; NULL: refused or not ours */
	struct object_id id;
	struct diag diag;		/* text "" with an @obj: nothing to say */
};

/*
 * manifest_parse() - all objects of a text
 * @file: what complaints call it
 * @cb: called for each object in the order of the file; non-zero stops and
 *      is returned
 *
 * Returns 0 also when single objects are wrong: each is told to @cb.
 * -EINVAL: from @diag's place on the text is no YAML; @cb has been called for
 * what came before. -ENOMEM.
 */
int manifest_parse(const char *file, const char *text, size_t len,
		   int (*cb)(void *arg, struct manifest_item *item), void *arg,
		   struct diag *diag);

/* The same of one JSON text, an object or a list; complaints about it know no line. */
int manifest_parse_json(const char *file, const char *text, size_t len,
			int (*cb)(void *arg, struct manifest_item *item), void *arg,
			struct diag *diag);

#endif
