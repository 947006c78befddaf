/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects back to manifests: what is known of one, as it would stand in a
 * file or in an API server's answer.
 */
#ifndef SLUICED_OBJECT_JSON_H
#define SLUICED_OBJECT_JSON_H

#include <jansson.h>
#include "daemon/object.h"

/*
 * object_json() - a document that object_parse() makes an equal object of
 *
 * Equal by object_equal(), but that a service's doubt stays behind: what it is
 * about had no effect. New reference; NULL: no memory.
 */
json_t *object_json(const struct object *o);

#endif
