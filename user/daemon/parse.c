// SPDX-License-Identifier: GPL-2.0
/*
 * Values of manifests, checked as the API server checks them
 * (k8s.io/apimachinery validation: DNS-1123, IANA_SVC_NAME, qualified names).
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "daemon/parse.h"

static void diagnose(const struct parse *p, const struct path *at, const struct tree *t,
		     const char *fmt, va_list ap)
{
	struct diag *d = p->diag;

	*d = (struct diag){ .level = DIAG_ERROR };
	snprintf(d->file, sizeof(d->file), "%s", p->file);
	if (t) {
		d->line = t->line;
		d->column = t->column;
	}
	path_format(at, d->field, sizeof(d->field));
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
}

int parse_fail(const struct parse *p, const struct path *at, const struct tree *t,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diagnose(p, at, t, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void parse_doubt(const struct parse *p, enum diag_level level, const struct path *at,
		 const struct tree *t, const char *fmt, ...)
{
	va_list ap;

	if (p->diag->text[0])
		return;
	va_start(ap, fmt);
	diagnose(p, at, t, fmt, ap);
	va_end(ap);
	p->diag->level = level;
}

int parse_type(const struct parse *p, const struct path *at, const struct tree *t,
	       enum tree_type type)
{
	if (t->type == type)
		return 0;
	return parse_fail(p, at, t, "must be %s, not %s", tree_type_name(type),
			  tree_type_name(t->type));
}

static int unknown_field(const struct parse *p, const struct path *at, const struct tree *key,
			 const char *const *fields)
{
	struct path sub = { at, key->s, 0 };
	char list[256] = "";
	size_t n = 0;

	for (; *fields && n < sizeof(list); fields++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", *fields);
	return parse_fail(p, &sub, key, "unknown field; known here: %s", list);
}

int parse_map(const struct parse *p, const struct path *at, const struct tree *t,
	      const char *const *fields)
{
	const char *const *f;
	unsigned int i;

	if (t->type != TREE_MAP)
		return parse_type(p, at, t, TREE_MAP);
	for (i = 0; fields && i < t->n; i++) {
		for (f = fields; *f && strcmp(*f, t->pair[i].key->s); f++)
			;
		if (!*f)
			return unknown_field(p, at, t->pair[i].key, fields);
	}
	return 0;
}

int parse_string(const struct parse *p, const struct path *at, const struct tree *t,
		 const char **out)
{
	if (t->type == TREE_STRING) {
		*out = t->s;
		return 0;
	}
	if (t->type < TREE_STRING && *t->s)
		return parse_fail(p, at, t, "must be text, and %.64s is %s: write \"%.64s\"",
				  t->s, tree_type_name(t->type), t->s);
	return parse_type(p, at, t, TREE_STRING);
}

int parse_int(const struct parse *p, const struct path *at, const struct tree *t, long *out)
{
	char *end;

	if (t->type == TREE_STRING && *t->s && !t->s[strspn(t->s, "0123456789")])
		return parse_fail(p, at, t, "must be a number, and \"%.20s\" is text: leave out the quotes",
				  t->s);
	if (t->type != TREE_INT)
		return parse_type(p, at, t, TREE_INT);
	/* other notations mean different numbers to different readers */
	if ((t->s[0] == '0' && t->s[1]) || t->s[0] == '+' || strpbrk(t->s, "_xXbo"))
		return parse_fail(p, at, t, "write the number in plain decimal, not as %.32s", t->s);
	errno = 0;
	*out = strtol(t->s, &end, 10);
	if (errno || *end)
		return parse_fail(p, at, t, "%.32s is out of range", t->s);
	return 0;
}

int parse_bool(const struct parse *p, const struct path *at, const struct tree *t, bool *out)
{
	if (t->type != TREE_BOOL)
		return parse_fail(p, at, t, "must be true or false, not %s",
				  tree_type_name(t->type));
	*out = strchr("yYtT", t->s[0]) || !strcasecmp(t->s, "on");
	return 0;
}

int parse_choice(const struct parse *p, const struct path *at, const struct tree *t,
		 const char *const *names, unsigned int *out)
{
	char list[128] = "";
	const char *s;
	size_t n = 0;
	unsigned int i;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	for (i = 0; names[i]; i++) {
		if (!strcmp(s, names[i])) {
			*out = i;
			return 0;
		}
	}
	for (i = 0; names[i] && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s",
			      !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
	return parse_fail(p, at, t, "\"%.32s\": %s", s, list);
}

int parse_str(const char *s, struct str **out)
{
	*out = str_get(s, strlen(s));
	return *out ? 0 : -ENOMEM;
}

const struct tree *parse_field(const struct tree *map, const char *key, const struct path *up,
			       struct path *sub)
{
	*sub = (struct path){ up, key, 0 };
	return tree_get(map, key);
}

const struct tree *parse_given(const struct tree *map, const char *key, const struct path *up,
			       struct path *sub)
{
	const struct tree *t = parse_field(map, key, up, sub);

	return t && t->type == TREE_STRING && !t->n ? NULL : t;
}

const struct tree *parse_meta(const struct tree *doc, const char *map, const char *key,
			      const struct path *at, struct meta_path *where)
{
	const struct tree *md = parse_field(doc, "metadata", at, &where->metadata);
	const struct tree *t = parse_field(md, map, &where->metadata, &where->map);

	return parse_field(t, key, &where->map, &where->key);
}

int parse_annotation(const struct parse *p, const struct tree *doc, const struct path *at,
		     const char *key, const char *const words[2])
{
	struct meta_path where;
	const struct tree *t = parse_meta(doc, "annotations", key, at, &where);
	const char *s;
	unsigned int i;
	int err = t ? parse_string(p, &where.key, t, &s) : 0;

	if (!t || err)
		return err;
	for (i = 0; i < 2; i++)
		if (!strcmp(s, words[i]))
			return i + 1;
	parse_doubt(p, DIAG_WARNING, &where.key, t,
		    "\"%.64s\" is not known and has no effect: %s or %s", s, words[0], words[1]);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct parse_key *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

int parse_repeated(struct parse_key *v, unsigned int n)
{
	unsigned int i;
	int first = -1;

	qsort(v, n, sizeof(*v), by_key);
	for (i = 1; i < n; i++)
		if (v[i].key && v[i].key == v[i - 1].key &&
		    (first < 0 || v[i].index < (unsigned int)first))
			first = v[i].index;
	return first;
}

/* ---------------------------------------------------------------- names */

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return isalnum((unsigned char)c);	/* the C locale's: ASCII */
}

/* RFC 1123 label of @len bytes. */
static bool is_dns_label(const char *s, size_t len)
{
	size_t i;

	if (!len || len > 63 || !lower_alnum(s[0]) || !lower_alnum(s[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool is_dns_subdomain(const char *s, size_t len)
{
	size_t i, start = 0;

	if (!len || len > 253)
		return false;
	for (i = 0; i <= len; i++) {
		if (i < len && s[i] != '.')
			continue;
		/* parts of a subdomain have no length limit of their own */
		if (i == start || !lower_alnum(s[start]) || !lower_alnum(s[i - 1]))
			return false;
		start = i + 1;
	}
	for (i = 0; i < len; i++)
		if (!lower_alnum(s[i]) && s[i] != '-' && s[i] != '.')
			return false;
	return true;
}

int parse_dns_label(const struct parse *p, const struct path *at, const struct tree *t,
		    const char **out)
{
	int err = parse_string(p, at, t, out);

	if (err || is_dns_label(*out, strlen(*out)))
		return err;
	return parse_fail(p, at, t, "\"%.64s\": at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
			  *out);
}

int parse_dns_subdomain(const struct parse *p, const struct path *at, const struct tree *t,
			const char **out)
{
	int err = parse_string(p, at, t, out);

	if (err || is_dns_subdomain(*out, strlen(*out)))
		return err;
	return parse_fail(p, at, t, "\"%.64s\": at most 253 of a-z, 0-9, - and ., each part beginning and ending with a letter or digit",
			  *out);
}

/* IANA_SVC_NAME, RFC 6335 section 5.1. */
static const char *port_name_fault(const char *s)
{
	size_t len = strlen(s), i;
	bool letter = false;

	if (!len || len > 15)
		return "a port name has 1 to 15 characters";
	for (i = 0; i < len; i++) {
		if (!lower_alnum(s[i]) && s[i] != '-')
			return "a port name has only a-z, 0-9 and -";
		if (s[i] == '-' && s[i + 1] == '-')
			return "a port name has no two - side by side";
		letter |= s[i] >= 'a' && s[i] <= 'z';
	}
	if (s[0] == '-' || s[len - 1] == '-')
		return "a port name neither begins nor ends with -";
	return letter ? NULL : "a port name has at least one letter; write a number without quotes";
}

int parse_port_name(const struct parse *p, const struct path *at, const struct tree *t,
		    struct str **out)
{
	const char *s, *fault;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	fault = port_name_fault(s);
	return fault ? parse_fail(p, at, t, "\"%.32s\": %s", s, fault) : parse_str(s, out);
}

/* --------------------------------------------------------------- labels */

/* The part after the slash of a key, and a value that is not empty. */
static bool is_label_name(const char *s, size_t len)
{
	size_t i;

	if (!len || len > 63 || !alnum(s[0]) || !alnum(s[len - 1]))
		return false;
	for (i = 0; i < len; i++)
		if (!alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

static int check_label_key(const struct parse *p, const struct path *at, const struct tree *t,
			   const char *s)
{
	const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;

	if (slash && !is_dns_subdomain(s, slash - s))
		return parse_fail(p, at, t, "label key \"%.128s\": what stands before / must be a DNS name",
				  s);
	if (!is_label_name(name, strlen(name)))
		return parse_fail(p, at, t, "label key \"%.128s\": 1 to 63 letters, digits, -, _ and ., beginning and ending with a letter or digit",
				  s);
	return 0;
}

int parse_label_key(const struct parse *p, const struct path *at, const struct tree *t,
		    struct str **out)
{
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (!err)
		err = check_label_key(p, at, t, s);
	return err ? err : parse_str(s, out);
}

int parse_label_value(const struct parse *p, const struct path *at, const struct tree *t,
		      struct str **out)
{
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	if (*s && !is_label_name(s, strlen(s)))
		return parse_fail(p, at, t, "label value \"%.128s\": empty, or at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit",
				  s);
	return parse_str(s, out);
}

int parse_labels(const struct parse *p, const struct path *at, const struct tree *t,
		 struct labels **out)
{
	struct labels *l;
	unsigned int i;
	int err;

	*out = NULL;
	if (!t)
		return 0;
	err = parse_map(p, at, t, NULL);
	if (err || !t->n)
		return err;
	l = labels_new(t->n);
	if (!l)
		return -ENOMEM;
	for (i = 0; !err && i < t->n; i++) {
		struct path sub = { at, t->pair[i].key->s, 0 };

		err = check_label_key(p, &sub, t->pair[i].key, t->pair[i].key->s);
		if (!err)
			err = parse_str(t->pair[i].key->s, &l->l[i].key);
		if (!err && t->pair[i].value->type == TREE_NULL)
			err = parse_str("", &l->l[i].value);
		else if (!err)
			err = parse_label_value(p, &sub, t->pair[i].value, &l->l[i].value);
	}
	if (err) {
		labels_free(l);
		return err;
	}
	*out = labels_share(l);
	return *out ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------ selectors */

struct requirements {
	struct requirement *v;
	unsigned int n;
};

static int add_value(const struct parse *p, const struct path *at, const struct tree *t,
		     struct requirement *r)
{
	int err = parse_label_value(p, at, t, &r->values[r->nvalues]);

	if (!err)
		r->nvalues++;
	return err;
}

static int match_label(const struct parse *p, const struct path *up, const struct tree_pair *pair,
		       struct requirement *r)
{
	struct path at = { up, pair->key->s, 0 };
	int err;

	r->op = SELECTOR_IN;
	r->values = calloc(1, sizeof(*r->values));
	if (!r->values)
		return -ENOMEM;
	err = check_label_key(p, &at, pair->key, pair->key->s);
	if (!err)
		err = parse_str(pair->key->s, &r->key);
	return err ? err : add_value(p, &at, pair->value, r);
}

static int parse_operator(const struct parse *p, const struct path *at, const struct tree *t,
			  enum selector_op *out)
{
	static const char *const names[] = {
		[SELECTOR_IN] = "In", [SELECTOR_NOT_IN] = "NotIn",
		[SELECTOR_EXISTS] = "Exists", [SELECTOR_NOT_EXISTS] = "DoesNotExist",
	};
	const char *s;
	unsigned int i;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(s, names[i])) {
			*out = i;
			return 0;
		}
	}
	return parse_fail(p, at, t, "\"%.32s\": In, NotIn, Exists or DoesNotExist", s);
}

static int match_values(const struct parse *p, const struct path *at, const struct tree *t,
			const struct tree *expr, struct requirement *r)
{
	bool wants = r->op == SELECTOR_IN || r->op == SELECTOR_NOT_IN;
	unsigned int i;
	int err;

	if (t && t->type != TREE_SEQ)
		return parse_type(p, at, t, TREE_SEQ);
	if (wants && (!t || !t->n))
		return parse_fail(p, at, t ? t : expr, "In and NotIn need at least one value");
	if (!wants && t && t->n)
		return parse_fail(p, at, t, "Exists and DoesNotExist take no values");
	if (!wants)
		return 0;
	r->values = calloc(t->n, sizeof(*r->values));
	if (!r->values)
		return -ENOMEM;
	for (i = 0; i < t->n; i++) {
		struct path sub = { at, NULL, i };

		err = add_value(p, &sub, t->item[i], r);
		if (err)
			return err;
	}
	return 0;
}

static int match_expression(const struct parse *p, const struct path *at, const struct tree *t,
			    struct requirement *r)
{
	static const char *const fields[] = { "key", "operator", "values", NULL };
	const struct tree *key, *op, *values;
	struct path kp, op_path, vp;
	int err = parse_map(p, at, t, fields);

	if (err)
		return err;
	key = parse_field(t, "key", at, &kp);
	op = parse_field(t, "operator", at, &op_path);
	values = parse_field(t, "values", at, &vp);
	if (!key)
		return parse_fail(p, &kp, t, "is missing: which label?");
	if (!op)
		return parse_fail(p, &op_path, t, "is missing: In, NotIn, Exists or DoesNotExist");
	err = parse_label_key(p, &kp, key, &r->key);
	if (!err)
		err = parse_operator(p, &op_path, op, &r->op);
	return err ? err : match_values(p, &vp, values, t, r);
}

static int fill_selector(const struct parse *p, const struct path *at, const struct tree *labels,
			 const struct tree *exprs, struct requirements *rs)
{
	struct path sub = { at, "matchLabels", 0 };
	unsigned int i;
	int err = 0;

	/* counted before it is filled, so that a half-made one is freed, too */
	for (i = 0; !err && labels && i < labels->n; i++)
		err = match_label(p, &sub, &labels->pair[i], &rs->v[rs->n++]);
	sub.key = "matchExpressions";
	for (i = 0; !err && exprs && i < exprs->n; i++) {
		struct path item = { &sub, NULL, i };

		err = match_expression(p, &item, exprs->item[i], &rs->v[rs->n++]);
	}
	return err;
}

static void requirements_free(struct requirements *rs)
{
	unsigned int i, j;

	for (i = 0; i < rs->n; i++) {
		for (j = 0; j < rs->v[i].nvalues; j++)
			str_put(rs->v[i].values[j]);
		free(rs->v[i].values);
		str_put(rs->v[i].key);
	}
	free(rs->v);
}

int parse_selector(const struct parse *p, const struct path *at, const struct tree *t,
		   struct selector **out)
{
	static const char *const fields[] = { "matchLabels", "matchExpressions", NULL };
	const struct tree *labels = NULL, *exprs = NULL;
	struct requirements rs = {};
	struct path sub;
	int err = 0;

	if (t) {
		err = parse_map(p, at, t, fields);
		if (err)
			return err;
		labels = parse_field(t, "matchLabels", at, &sub);
		if (labels)
			err = parse_type(p, &sub, labels, TREE_MAP);
		exprs = err ? NULL : parse_field(t, "matchExpressions", at, &sub);
		if (exprs)
			err = parse_type(p, &sub, exprs, TREE_SEQ);
		if (err)
			return err;
	}
	rs.v = calloc((labels ? labels->n : 0) + (exprs ? exprs->n : 0) + 1, sizeof(*rs.v));
	if (!rs.v)
		return -ENOMEM;
	err = fill_selector(p, at, labels, exprs, &rs);
	if (err) {
		requirements_free(&rs);
		return err;
	}
	*out = selector_get(rs.v, rs.n);
	return *out ? 0 : -ENOMEM;
}
