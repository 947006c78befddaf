/* SPDX-License-Identifier: GPL-2.0 */
/* What the parsers of the kinds share: complaints, and values with checks. */
#ifndef SLUICED_PARSE_H
#define SLUICED_PARSE_H

#include "daemon/object.h"

struct parse {
	const char *file;
	struct diag *diag;
};

/* Fills in the diagnosis for @t at @at; returns -EINVAL. */
__attribute__((format(printf, 4, 5)))
int parse_fail(const struct parse *p, const struct path *at, const struct tree *t,
	       const char *fmt, ...);

/*
 * The object is taken, with a doubt about @t at @at: fills in the diagnosis if
 * there is none yet. @level: DIAG_WARNING or DIAG_NOTE.
 */
__attribute__((format(printf, 5, 6)))
void parse_doubt(const struct parse *p, enum diag_level level, const struct path *at,
		 const struct tree *t, const char *fmt, ...);

/* -EINVAL unless @t is of @type. */
int parse_type(const struct parse *p, const struct path *at, const struct tree *t,
	       enum tree_type type);
/* A map with no keys but those of @fields (NULL-terminated); NULL: any. */
int parse_map(const struct parse *p, const struct path *at, const struct tree *t,
	      const char *const *fields);
/* A string for people who forgot the quotes: says so. *@out is the tree's own. */
int parse_string(const struct parse *p, const struct path *at, const struct tree *t,
		 const char **out);
int parse_int(const struct parse *p, const struct path *at, const struct tree *t, long *out);
int parse_bool(const struct parse *p, const struct path *at, const struct tree *t, bool *out);
/* One of @names (NULL-terminated); *@out is its index. */
int parse_choice(const struct parse *p, const struct path *at, const struct tree *t,
		 const char *const *names, unsigned int *out);
/* Interns; -ENOMEM. */
int parse_str(const char *s, struct str **out);

/* Optional field @key of @map: NULL when missing or null, its path in @sub. */
const struct tree *parse_field(const struct tree *map, const char *key, const struct path *up,
			       struct path *sub);

/* The same, and also NULL for the empty text, which the API's defaults take for none. */
const struct tree *parse_given(const struct tree *map, const char *key, const struct path *up,
			       struct path *sub);

/* What @key says in metadata.@map (labels, annotations) of @doc; NULL as above. */
struct meta_path {
	struct path metadata, map, key;
};
const struct tree *parse_meta(const struct tree *doc, const char *map, const char *key,
			      const struct path *at, struct meta_path *where);

/* An annotation of ours: which of @words it says, from 1; 0, with a doubt, for none of them; -EINVAL. */
int parse_annotation(const struct parse *p, const struct tree *doc, const struct path *at,
		     const char *key, const char *const words[2]);

/* Names as the API server checks them; -EINVAL with the rule that is broken. */
int parse_dns_label(const struct parse *p, const struct path *at, const struct tree *t,
		    const char **out);
/* RFC 1123, as Kubernetes has it: at most 253 bytes, labels without end. */
bool is_dns_subdomain(const char *s, size_t len);
int parse_dns_subdomain(const struct parse *p, const struct path *at, const struct tree *t,
			const char **out);
int parse_port_name(const struct parse *p, const struct path *at, const struct tree *t,
		    struct str **out);
int parse_proto(const struct parse *p, const struct path *at, const struct tree *t, __u8 *out);
int parse_label_key(const struct parse *p, const struct path *at, const struct tree *t,
		    struct str **out);
int parse_label_value(const struct parse *p, const struct path *at, const struct tree *t,
		      struct str **out);
/* An address of either family. */
int parse_ip(const struct parse *p, const struct path *at, const struct tree *t,
	     union sl_addr *out);
/* The same, but not unspecified, loopback or multicast. */
int parse_host_ip(const struct parse *p, const struct path *at, const struct tree *t,
		  union sl_addr *out);
/* The same, and not link-local: what the API server takes for an endpoint. */
int parse_global_ip(const struct parse *p, const struct path *at, const struct tree *t,
		    union sl_addr *out);

/* What entries of a list are to tell apart; 0 is told apart from nothing. */
struct parse_key {
	__u64 key;
	unsigned int index;
};
/* Sorts @v; the first index whose key an earlier one has, or -1. */
int parse_repeated(struct parse_key *v, unsigned int n);

/* Ports from @least to 65535, and the words for whom another one is refused. */
struct port_range {
	long least;
	const char *words;
};
int parse_port_in(const struct parse *p, const struct path *at, const struct tree *t,
		  const struct port_range *range, __u16 *out);
/* A port from 1 to 65535. */
int parse_port_number(const struct parse *p, const struct path *at, const struct tree *t,
		      __u16 *out);
/*
 * protocol and name of a port @t of a service or a slice: TCP if it doesn't say; interned,
 * or NULL for none.
 */
int parse_proto_name(const struct parse *p, const struct path *at, const struct tree *t,
		     __u8 *proto, struct str **name);
/* A prefix; host bits are taken and masked, as by the API server. */
int parse_cidr(const struct parse *p, const struct path *at, const struct tree *t,
	       struct sl_prefix *out);
int parse_labels(const struct parse *p, const struct path *at, const struct tree *t,
		 struct labels **out);
int parse_selector(const struct parse *p, const struct path *at, const struct tree *t,
		   struct selector **out);

/* A copy with references of its own. */
static inline struct object object_key(const struct object *key)
{
	str_ref(key->ns);
	str_ref(key->name);
	str_ref(key->file);
	return *key;
}

/* The kinds; metadata is checked already, and what it says is in @key. */
int parse_netpol(const struct parse *p, const struct tree *doc, const struct path *at,
		 const struct object *key, struct object **out);
int parse_cnp(const struct parse *p, const struct tree *doc, const struct path *at,
	      const struct object *key, struct object **out);
int parse_pod(const struct parse *p, const struct tree *doc, const struct path *at,
	      const struct object *key, struct object **out);
int parse_node(const struct parse *p, const struct tree *doc, const struct path *at,
	       const struct object *key, struct object **out);
int parse_namespace(const struct parse *p, const struct tree *doc, const struct path *at,
		    const struct object *key, struct object **out);
int parse_service(const struct parse *p, const struct tree *doc, const struct path *at,
		  const struct object *key, struct object **out);
/* *@out stays NULL for a slice of names, with a note. */
int parse_slice(const struct parse *p, const struct tree *doc, const struct path *at,
		const struct object *key, struct object **out);

#endif
