/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files that write objects as JSON. */
#ifndef SLUICED_OBJECT_JSON_IMPL_H
#define SLUICED_OBJECT_JSON_IMPL_H

#include "daemon/object_json.h"
#include "daemon/object_service.h"

/* A document without one of its parts says something else: one failure is the whole's. */
struct writer {
	bool failed;
};

/* Take @v; NULL: it could not be made. */
void writer_set(struct writer *w, json_t *map, const char *key, json_t *v);
void writer_add(struct writer *w, json_t *list, json_t *v);
/* For @s NULL nothing. */
void writer_set_str(struct writer *w, json_t *map, const char *key, const struct str *s);
/* An empty map or list, in @map; borrowed. */
json_t *writer_map(struct writer *w, json_t *map, const char *key);
json_t *writer_list(struct writer *w, json_t *map, const char *key);
/* An empty map at the end of @list; borrowed. */
json_t *writer_item(struct writer *w, json_t *list);
json_t *writer_addr(const union sl_addr *a);
json_t *writer_prefix(const struct sl_prefix *p);

/* Fill in @doc, which has kind and metadata, name and namespace in it. */
void object_json_policy(struct writer *w, json_t *doc, const struct object_netpol *np);
void object_json_service(struct writer *w, json_t *doc, const struct object_service *s);
void object_json_slice(struct writer *w, json_t *doc, const struct object_slice *s);

#endif
