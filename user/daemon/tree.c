// SPDX-License-Identifier: GPL-2.0
/*
 * YAML into trees; see tree.h. Plain scalars are typed as Kubernetes' own
 * YAML reader does (YAML 1.1: `on` is a boolean), because a manifest must
 * mean here what it means to kubectl, or be refused.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>
#include "daemon/arena.h"
#include "daemon/hash.h"
#include "daemon/tree.h"

struct anchor {
	struct hnode node;
	const char *name;
	struct tree *tree;		/* NULL: still being read */
};

struct tree_reader {
	yaml_parser_t parser;
	const char *file;
	struct diag *diag;		/* of the call in progress */
	struct arena arena;
	struct htab anchors;
	unsigned int nodes;
	bool aliased;
};

/* --------------------------------------------------------------- memory */

static void *alloc(struct tree_reader *r, size_t size)
{
	return arena_alloc(&r->arena, size);
}

static void forget_document(struct tree_reader *r)
{
	htab_exit(&r->anchors);
	arena_free(&r->arena);
	r->nodes = 0;
	r->aliased = false;
}

/* ----------------------------------------------------------- complaints */

__attribute__((format(printf, 3, 4)))
static int fail(struct tree_reader *r, const yaml_mark_t *at, const char *fmt, ...)
{
	struct diag *d = r->diag;
	va_list ap;

	*d = (struct diag){ .level = DIAG_ERROR };
	snprintf(d->file, sizeof(d->file), "%s", r->file);
	d->line = at->line + 1;
	d->column = at->column + 1;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int next_event(struct tree_reader *r, yaml_event_t *ev)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR)
		return fail(r, &p->mark, "not UTF-8 text: %s", p->problem);
	return fail(r, p->problem_mark.line || p->problem_mark.column ? &p->problem_mark : &p->mark,
		    "not YAML: %s%s%s", p->context ? p->context : "", p->context ? ": " : "",
		    p->problem ? p->problem : "cannot be read");
}

/* ----------------------------------------------------- types of scalars */

static bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool all_of(const char *s, const char *accept)
{
	return *s && !s[strspn(s, accept)];
}

static bool looks_int(const char *s)
{
	s += *s == '-' || *s == '+';
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return all_of(s + 2, "0123456789abcdefABCDEF_");
	if (s[0] == '0' && (s[1] == 'b' || s[1] == 'o'))
		return all_of(s + 2, s[1] == 'b' ? "01_" : "01234567_");
	return *s != '_' && all_of(s, "0123456789_");
}

static bool looks_float(const char *s)
{
	static const char *const named[] = {
		".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
		".nan", ".NaN", ".NAN", NULL
	};
	size_t whole, frac = 0;

	if (one_of(s, named))
		return true;
	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		frac = strspn(s + 1, "0123456789");
		s += 1 + frac;
	}
	if (!whole && !frac)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		return all_of(s, "0123456789");
	}
	return !*s;
}

static enum tree_type plain_type(const char *s)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const bools[] = {
		"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
		"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE", NULL
	};

	/* most scalars are neither: no name here is longer, no number begins otherwise */
	if (strnlen(s, 6) < 6 && one_of(s, nulls))
		return TREE_NULL;
	if (strnlen(s, 6) < 6 && one_of(s, bools))
		return TREE_BOOL;
	if (!strchr("+-.0123456789", *s))
		return TREE_STRING;
	if (looks_int(s))
		return TREE_INT;
	return looks_float(s) ? TREE_FLOAT : TREE_STRING;
}

/* A tag that contradicts the text, or that means anything unusual, is refused. */
static int tagged_type(struct tree_reader *r, const yaml_event_t *ev, enum tree_type *type)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const names[] = {
		[TREE_NULL] = "null", [TREE_BOOL] = "bool", [TREE_INT] = "int",
		[TREE_FLOAT] = "float", [TREE_STRING] = "str", [TREE_SEQ] = "seq",
		[TREE_MAP] = "map",
	};
	const char *tag = NULL;

	if (ev->type == YAML_SCALAR_EVENT)
		tag = (const char *)ev->data.scalar.tag;
	else if (ev->type == YAML_SEQUENCE_START_EVENT)
		tag = (const char *)ev->data.sequence_start.tag;
	else
		tag = (const char *)ev->data.mapping_start.tag;
	if (!tag || !strcmp(tag, "!"))
		return 0;
	if (!strncmp(tag, prefix, sizeof(prefix) - 1)) {
		if (!strcmp(tag + sizeof(prefix) - 1, names[*type]))
			return 0;
		if (*type < TREE_SEQ && !strcmp(tag + sizeof(prefix) - 1, "str")) {
			*type = TREE_STRING;
			return 0;
		}
	}
	return fail(r, &ev->start_mark, "tag %.100s does not fit here; leave it out", tag);
}

/* ---------------------------------------------------------------- nodes */

static struct tree *new_node(struct tree_reader *r, const yaml_event_t *ev, enum tree_type type)
{
	struct tree *t = alloc(r, sizeof(*t));

	if (!t)
		return NULL;
	t->type = type;
	t->line = ev->start_mark.line + 1;
	t->column = ev->start_mark.column + 1;
	t->weight = 1;
	return t;
}

/* Adds a child's weight; the sum saturates far above every limit. */
static int add_weight(struct tree_reader *r, struct tree *t, const struct tree *child,
		      const yaml_mark_t *at)
{
	unsigned int max = r->aliased ? TREE_MAX_NODES_ALIASED : TREE_MAX_NODES;

	t->weight += child->weight;
	if (t->weight > max)
		return fail(r, at, "document too large: more than %u values%s", max,
			    r->aliased ? " with its aliases written out" : "");
	return 0;
}

static int set_anchor(struct tree_reader *r, const yaml_char_t *name, struct anchor **out)
{
	struct anchor *a;
	char *copy;

	*out = NULL;
	if (!name)
		return 0;
	a = alloc(r, sizeof(*a));
	copy = alloc(r, strlen((const char *)name) + 1);
	if (!a || !copy)
		return -ENOMEM;
	a->name = strcpy(copy, (const char *)name);
	*out = a;
	/* a later anchor of the same name hides this one: the table's newest comes first */
	return htab_add(&r->anchors, &a->node, hash_str(0, a->name));
}

static int find_alias(struct tree_reader *r, const yaml_event_t *ev, struct tree **out)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct anchor *a;
	struct hnode *n;

	htab_each_hash(&r->anchors, n, hash_str(0, name)) {
		a = container_of(n, struct anchor, node);
		if (strcmp(a->name, name))
			continue;
		if (!a->tree)
			return fail(r, &ev->start_mark, "alias *%.64s stands inside its own anchor",
				    name);
		r->aliased = true;
		*out = a->tree;
		return 0;
	}
	return fail(r, &ev->start_mark, "alias *%.64s: no such anchor before it", name);
}

static int compose(struct tree_reader *r, yaml_event_t *ev, unsigned int depth, struct tree **out);

static int compose_scalar(struct tree_reader *r, const yaml_event_t *ev, struct tree **out)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	enum tree_type type = TREE_STRING;
	struct tree *t;
	char *copy;
	int err;

	if (memchr(text, '\0', len))
		return fail(r, &ev->start_mark, "NUL character in a string");
	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		type = plain_type(text);
	err = tagged_type(r, ev, &type);
	if (err)
		return err;
	t = new_node(r, ev, type);
	copy = alloc(r, len + 1);
	if (!t || !copy)
		return -ENOMEM;
	t->s = memcpy(copy, text, len);
	t->n = len;
	*out = t;
	return 0;
}

/* Grows an array in the arena by doubling; the old copy stays until the document goes. */
static void *grow(struct tree_reader *r, void *old, unsigned int n, size_t size)
{
	void *p;

	if (n & (n - 1) || (n && n < 4))
		return old;
	p = alloc(r, (n ? 2 * (size_t)n : 4) * size);
	if (p && n)
		memcpy(p, old, n * size);
	return p;
}

static int compose_seq(struct tree_reader *r, const yaml_event_t *start, unsigned int depth,
		       struct tree **out)
{
	enum tree_type type = TREE_SEQ;
	struct tree *t, *item = NULL;
	yaml_event_t ev;
	int err;

	err = tagged_type(r, start, &type);
	if (err)
		return err;
	t = new_node(r, start, TREE_SEQ);
	if (!t)
		return -ENOMEM;
	for (;;) {
		err = next_event(r, &ev);
		if (err)
			return err;
		if (ev.type == YAML_SEQUENCE_END_EVENT)
			break;
		err = compose(r, &ev, depth + 1, &item);
		if (!err)
			err = add_weight(r, t, item, &ev.start_mark);
		yaml_event_delete(&ev);
		if (err)
			return err;
		t->item = grow(r, t->item, t->n, sizeof(*t->item));
		if (!t->item)
			return -ENOMEM;
		t->item[t->n++] = item;
	}
	yaml_event_delete(&ev);
	*out = t;
	return 0;
}

static int pair_cmp(const void *a, const void *b)
{
	const struct tree *ka = (*(const struct tree_pair *const *)a)->key;
	const struct tree *kb = (*(const struct tree_pair *const *)b)->key;
	int c = strcmp(ka->s, kb->s);

	if (c)
		return c;
	return ka->line != kb->line ? (ka->line > kb->line) - (ka->line < kb->line)
				    : (ka->column > kb->column) - (ka->column < kb->column);
}

static int refuse_double(struct tree_reader *r, const struct tree *first, const struct tree *again)
{
	return fail(r, &(yaml_mark_t){ .line = again->line - 1, .column = again->column - 1 },
		    "key \"%.100s\" is there twice, first in line %u", again->s, first->line);
}

/* Maps are nearly always small; one that is not is sorted. */
static int refuse_doubles(struct tree_reader *r, const struct tree *t)
{
	const struct tree_pair **v;
	unsigned int i, j;
	int err = 0;

	for (i = 1; t->n <= 16 && i < t->n; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(t->pair[j].key->s, t->pair[i].key->s))
				return refuse_double(r, t->pair[j].key, t->pair[i].key);
	if (t->n <= 16)
		return 0;
	v = malloc(t->n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (i = 0; i < t->n; i++)
		v[i] = &t->pair[i];
	qsort(v, t->n, sizeof(*v), pair_cmp);
	for (i = 1; !err && i < t->n; i++)
		if (!strcmp(v[i - 1]->key->s, v[i]->key->s))
			err = refuse_double(r, v[i - 1]->key, v[i]->key);
	free(v);
	return err;
}

static int push_pair(struct tree_reader *r, struct tree *t, struct tree *key, struct tree *value)
{
	t->pair = grow(r, t->pair, t->n, sizeof(*t->pair));
	if (!t->pair)
		return -ENOMEM;
	t->pair[t->n++] = (struct tree_pair){ key, value };
	return 0;
}

/* `<<: *other`: pairs of @from that @t has not got. */
static int merge_map(struct tree_reader *r, struct tree *t, const struct tree *from)
{
	unsigned int i, j, own = t->n;
	int err;

	/* compared pair by pair: fine for maps that people write */
	if (own + from->n > TREE_MAX_MERGED)
		return fail(r, &(yaml_mark_t){ .line = t->line - 1, .column = t->column - 1 },
			    "<< makes a map of more than %u keys", TREE_MAX_MERGED);
	for (i = 0; i < from->n; i++) {
		for (j = 0; j < own && strcmp(t->pair[j].key->s, from->pair[i].key->s); j++)
			;
		if (j < own)
			continue;
		err = push_pair(r, t, from->pair[i].key, from->pair[i].value);
		if (err)
			return err;
	}
	return 0;
}

static int merge(struct tree_reader *r, struct tree *t, const struct tree *value,
		 const yaml_mark_t *at)
{
	unsigned int i;
	int err = 0;

	if (value->type == TREE_MAP)
		return merge_map(r, t, value);
	for (i = 0; value->type == TREE_SEQ && !err && i < value->n; i++)
		err = value->item[i]->type == TREE_MAP ?
		      merge_map(r, t, value->item[i]) :
		      fail(r, at, "<< takes a map or a list of maps");
	if (value->type != TREE_SEQ)
		err = fail(r, at, "<< takes a map or a list of maps");
	return err;
}

static int compose_pair(struct tree_reader *r, yaml_event_t *ev, unsigned int depth,
			struct tree *t, const struct tree **merged)
{
	struct tree *key = NULL, *value = NULL;
	yaml_event_t vev;
	int err;

	err = compose(r, ev, depth + 1, &key);
	if (err)
		return err;
	if (key->type != TREE_STRING && key->type != TREE_INT)
		return fail(r, &ev->start_mark, "a key must be text: put it in double quotes");
	err = next_event(r, &vev);
	if (err)
		return err;
	err = compose(r, &vev, depth + 1, &value);
	if (!err)
		err = add_weight(r, t, value, &vev.start_mark);
	if (!err)
		t->weight++;
	if (!err && !strcmp(key->s, "<<") && ev->type == YAML_SCALAR_EVENT &&
	    ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (*merged)
			err = fail(r, &ev->start_mark, "<< is there twice; give it a list");
		*merged = value;
	} else if (!err) {
		err = push_pair(r, t, key, value);
	}
	yaml_event_delete(&vev);
	return err;
}

static int compose_map(struct tree_reader *r, const yaml_event_t *start, unsigned int depth,
		       struct tree **out)
{
	const struct tree *merged = NULL;
	enum tree_type type = TREE_MAP;
	yaml_event_t ev;
	struct tree *t;
	int err;

	err = tagged_type(r, start, &type);
	if (err)
		return err;
	t = new_node(r, start, TREE_MAP);
	if (!t)
		return -ENOMEM;
	for (;;) {
		err = next_event(r, &ev);
		if (err)
			return err;
		if (ev.type == YAML_MAPPING_END_EVENT)
			break;
		err = compose_pair(r, &ev, depth, t, &merged);
		yaml_event_delete(&ev);
		if (err)
			return err;
	}
	yaml_event_delete(&ev);
	err = refuse_doubles(r, t);
	if (!err && merged)
		err = merge(r, t, merged, &start->start_mark);
	*out = t;
	return err;
}

static int compose(struct tree_reader *r, yaml_event_t *ev, unsigned int depth, struct tree **out)
{
	struct anchor *anchor = NULL;
	int err;

	if (depth > TREE_MAX_DEPTH)
		return fail(r, &ev->start_mark, "nested deeper than %d levels", TREE_MAX_DEPTH);
	if (++r->nodes > TREE_MAX_NODES)
		return fail(r, &ev->start_mark, "document too large: more than %u values",
			    TREE_MAX_NODES);
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return find_alias(r, ev, out);
	case YAML_SCALAR_EVENT:
		err = set_anchor(r, ev->data.scalar.anchor, &anchor);
		if (!err)
			err = compose_scalar(r, ev, out);
		break;
	case YAML_SEQUENCE_START_EVENT:
		err = set_anchor(r, ev->data.sequence_start.anchor, &anchor);
		if (!err)
			err = compose_seq(r, ev, depth, out);
		break;
	case YAML_MAPPING_START_EVENT:
		err = set_anchor(r, ev->data.mapping_start.anchor, &anchor);
		if (!err)
			err = compose_map(r, ev, depth, out);
		break;
	default:
		err = fail(r, &ev->start_mark, "not YAML: a value was expected");
	}
	if (!err && anchor)
		anchor->tree = *out;
	return err;
}

/* -------------------------------------------------------------- reading */

int tree_open(const char *file, const char *text, size_t len, struct tree_reader **out)
{
	struct tree_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->file = file;
	if (!yaml_parser_initialize(&r->parser)) {
		free(r);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	*out = r;
	return 0;
}

int tree_read(struct tree_reader *r, const struct tree **out, struct diag *diag)
{
	struct tree *t = NULL;
	yaml_event_t ev;
	int err;

	r->diag = diag;
	forget_document(r);
	do {
		err = next_event(r, &ev);
		if (err)
			return err;
		if (ev.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		if (ev.type == YAML_STREAM_START_EVENT || ev.type == YAML_DOCUMENT_START_EVENT ||
		    ev.type == YAML_DOCUMENT_END_EVENT) {
			yaml_event_delete(&ev);
			continue;
		}
		err = compose(r, &ev, 0, &t);
		yaml_event_delete(&ev);
		if (err)
			return err;
	} while (!t);
	*out = t->type == TREE_NULL ? NULL : t;
	return 1;
}

void tree_close(struct tree_reader *r)
{
	if (!r)
		return;
	forget_document(r);
	yaml_parser_delete(&r->parser);
	free(r);
}

/* --------------------------------------------------------------- access */

const struct tree *tree_key(const struct tree *map, const char *key)
{
	unsigned int i;

	for (i = 0; map && map->type == TREE_MAP && i < map->n; i++)
		if (!strcmp(map->pair[i].key->s, key))
			return map->pair[i].key;
	return NULL;
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
	unsigned int i;

	for (i = 0; map && map->type == TREE_MAP && i < map->n; i++)
		if (!strcmp(map->pair[i].key->s, key))
			return map->pair[i].value->type == TREE_NULL ? NULL : map->pair[i].value;
	return NULL;
}

const char *tree_type_name(enum tree_type t)
{
	static const char *const names[] = {
		[TREE_NULL] = "nothing", [TREE_BOOL] = "a boolean", [TREE_INT] = "a number",
		[TREE_FLOAT] = "a number with a fraction", [TREE_STRING] = "text",
		[TREE_SEQ] = "a list", [TREE_MAP] = "a map",
	};

	return names[t];
}

static size_t put_path(const struct path *p, char *buf, size_t len)
{
	size_t at = p->up ? put_path(p->up, buf, len) : 0;
	int n;

	if (at >= len)
		return len;
	if (p->key)
		n = snprintf(buf + at, len - at, "%s%s", at ? "." : "", p->key);
	else
		n = snprintf(buf + at, len - at, "[%u]", p->index);
	return n < 0 ? at : at + n;
}

const char *path_format(const struct path *p, char *buf, size_t len)
{
	buf[0] = '\0';
	if (p)
		put_path(p, buf, len);
	return buf;
}
