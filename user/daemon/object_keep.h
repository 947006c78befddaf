/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Last good versions of the objects that a source shows in a form that can't
 * be applied, in one file under the state directory: so that the next daemon
 * has them too. In it are those objects alone, and as a rule there is none.
 */
#ifndef SLUICED_OBJECT_KEEP_H
#define SLUICED_OBJECT_KEEP_H

#include <uv.h>
#include "daemon/object.h"

/* In the state directory: a v1 List of manifests, 0600; there only while there is something in it. */
#define OBJECT_KEEP_FILE	"last-good.json"
/* What comes within this time is written at once. */
#define OBJECT_KEEP_MS		100

struct object_keep;

/*
 * object_keep_open() - what an earlier daemon has kept
 * @state_dir: made 0700 where it is missing
 * @cb: gets each object, which is its to free; not 0: not this one
 *
 * What can't be read of the file is told in one warning, and is not kept on.
 * The file is written on @loop, within OBJECT_KEEP_MS of a change and when
 * closed; where that fails, it is told once and tried again with the next
 * change. -ENOMEM, and what mkdir(2) and open(2) say of @state_dir.
 */
int object_keep_open(uv_loop_t *loop, const char *state_dir,
		     int (*cb)(void *arg, struct object *obj), void *arg,
		     struct object_keep **out);
/* Frees it once the loop has run. NULL is fine. */
void object_keep_close(struct object_keep *keep);

/* These two do nothing with @keep NULL. */

/* @id is wrong now, and this is its last good version, a manifest, taken over; NULL: no memory. */
void object_keep_put(struct object_keep *keep, const struct object_id *id, json_t *manifest);
/* It is right again or gone; costs nothing while nothing is kept. @ns "": the kind has none. */
void object_keep_drop(struct object_keep *keep, int kind, const char *ns, const char *name);

#endif
