/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to a random cluster, as a list of operations that is known
 * before any is carried out: it can be kept in a file, run again and made
 * smaller. The file, a line for each:
 *
 *	# why it is kept
 *	mask BITS		hash_id_mask, in hex
 *	object KIND N [NS]	the manifest follows, to a line of one "."
 *	gone KIND N [NS]
 *	endpoint N		endpoint of pod N comes or goes
 *	die N			a commit whose writer dies at the Nth write
 *	commit			another that is looked at
 *	still			there is nothing to write, also after a restart
 *
 * KIND: ns, pod, netpol (in namespace NS), cnp, node.
 */
#ifndef UNIT_POLICYCASE_H
#define UNIT_POLICYCASE_H

#include "policyworld.h"

enum op_kind { OP_OBJECT, OP_GONE, OP_ENDPOINT, OP_DIE, OP_COMMIT, OP_STILL, __OP_MAX };

static const char *const op_names[__OP_MAX] = {
	"object", "gone", "endpoint", "die", "commit", "still",
};

enum slot_kind { SLOT_NS, SLOT_POD, SLOT_NETPOL, SLOT_CNP, SLOT_NODE, __SLOT_MAX };

static const char *const slot_names[__SLOT_MAX] = { "ns", "pod", "netpol", "cnp", "node" };
static const unsigned int slot_counts[__SLOT_MAX] = {
	WORLD_NS, WORLD_PODS, WORLD_POLICIES, WORLD_CNPS, WORLD_NODES,
};

struct op {
	enum op_kind kind;
	enum slot_kind slot;
	unsigned int n;			/* of the slot, the endpoint or the write */
	int ns;				/* of a netpol */
	char *text;			/* of an object */
};

struct script {
	uint32_t mask;
	struct op *op;
	size_t n;
};

static char **world_slot(struct world *w, enum slot_kind kind, unsigned int n)
{
	char **const slots[__SLOT_MAX] = { w->ns, w->pod, w->policy, w->cnp, w->node };

	return &slots[kind][n];
}

/* @op's text becomes the script's. */
static void script_add(struct script *s, struct op op)
{
	s->op = realloc(s->op, (s->n + 1) * sizeof(*s->op));
	s->op[s->n++] = op;
}

static void script_exit(struct script *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->op[i].text);
	free(s->op);
	*s = (struct script){ 0 };
}

/* A copy without the @n operations from @from on. */
static struct script script_without(const struct script *s, size_t from, size_t n)
{
	struct script out = { .mask = s->mask };
	struct op op;
	size_t i;

	for (i = 0; i < s->n; i++) {
		op = s->op[i];
		if (i >= from && i < from + n)
			continue;
		op.text = op.text ? strdup(op.text) : NULL;
		script_add(&out, op);
	}
	return out;
}

static void world_do(struct world *w, const struct op *op)
{
	if (op->slot == SLOT_NETPOL)
		w->policy_ns[op->n] = op->ns;
	replace(world_slot(w, op->slot, op->n), op->text ? strdup(op->text) : NULL);
}

/* Operations that make of @known what @w is; @known is, then. */
static void script_sync(struct script *s, struct world *known, struct world *w)
{
	struct op op;
	char *a, *b;

	for (op.slot = 0; op.slot < __SLOT_MAX; op.slot++) {
		for (op.n = 0; op.n < slot_counts[op.slot]; op.n++) {
			a = *world_slot(known, op.slot, op.n);
			b = *world_slot(w, op.slot, op.n);
			if (a == b || (a && b && !strcmp(a, b)))
				continue;
			op.kind = b ? OP_OBJECT : OP_GONE;
			op.ns = op.slot == SLOT_NETPOL ? w->policy_ns[op.n] : 0;
			op.text = b ? strdup(b) : NULL;
			script_add(s, op);
			world_do(known, &op);
		}
	}
}

/* -------------------------------------------------------------------- files */

static void script_write(const struct script *s, const char *why, FILE *f)
{
	const struct op *op;
	size_t i;

	fprintf(f, "# %s\nmask %x\n", why, s->mask);
	for (i = 0; i < s->n; i++) {
		op = &s->op[i];
		fputs(op_names[op->kind], f);
		if (op->kind <= OP_GONE)
			fprintf(f, " %s %u", slot_names[op->slot], op->n);
		if (op->kind <= OP_GONE && op->slot == SLOT_NETPOL)
			fprintf(f, " %d", op->ns);
		if (op->kind == OP_ENDPOINT || op->kind == OP_DIE)
			fprintf(f, " %u", op->n);
		fprintf(f, "\n%s", op->text ? op->text : "");
		if (op->kind == OP_OBJECT)
			fputs(".\n", f);
	}
}

static char *read_text(FILE *f)
{
	char *text, *line = NULL;
	size_t len, cap = 0;
	FILE *out = open_memstream(&text, &len);

	while (getline(&line, &cap, f) > 0 && strcmp(line, ".\n"))
		fputs(line, out);
	free(line);
	fclose(out);
	return text;
}

static int name_index(const char *const *names, int n, const char *name)
{
	while (n-- && strcmp(names[n], name))
		;
	return n;
}

/* 0, or -EINVAL: this line is none of a case. */
static int script_read_line(struct script *s, const char *line, FILE *f)
{
	char verb[16] = "", slot[16] = "";
	struct op op = { 0 };
	int kind, which;

	if (*line == '#' || *line == '\n')
		return 0;
	if (sscanf(line, "mask %x", &s->mask) == 1)
		return 0;
	if (sscanf(line, "%15s", verb) != 1)
		return -EINVAL;
	kind = name_index(op_names, __OP_MAX, verb);
	if (kind < 0)
		return -EINVAL;
	op.kind = kind;
	if (op.kind == OP_ENDPOINT || op.kind == OP_DIE) {
		if (sscanf(line, "%*s %u", &op.n) != 1 ||
		    (op.kind == OP_ENDPOINT && op.n >= WORLD_LOCAL))
			return -EINVAL;
	} else if (op.kind <= OP_GONE) {
		if (sscanf(line, "%*s %15s %u %d", slot, &op.n, &op.ns) < 2)
			return -EINVAL;
		which = name_index(slot_names, __SLOT_MAX, slot);
		if (which < 0 || op.n >= slot_counts[which] || op.ns < 0 || op.ns >= WORLD_NS)
			return -EINVAL;
		op.slot = which;
		if (op.kind == OP_OBJECT)
			op.text = read_text(f);
	}
	script_add(s, op);
	return 0;
}

static int script_read(struct script *s, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	int err = 0;

	*s = (struct script){ .mask = UINT32_MAX };
	while (!err && getline(&line, &cap, f) > 0)
		err = script_read_line(s, line, f);
	free(line);
	return err;
}

/* ------------------------------------------------------------------ smaller */

/* Does it still fail in the same way? */
typedef bool (*script_fails)(void *arg, const struct script *s);

static bool take_if(struct script *s, struct script *less, script_fails fails, void *arg)
{
	struct script old = *s;

	if (!fails(arg, less)) {
		script_exit(less);
		return false;
	}
	*s = *less;
	script_exit(&old);
	return true;
}

/* Fewer operations: halves, quarters, single ones until none can be spared. */
static void shrink_ops(struct script *s, script_fails fails, void *arg)
{
	size_t size = s->n / 2 ? s->n / 2 : 1, i;
	struct script less;
	bool any;

	for (;;) {
		for (any = false, i = 0; i < s->n;) {
			less = script_without(s, i, size);
			if (take_if(s, &less, fails, arg))
				any = true;
			else
				i += size;
		}
		if (size == 1 && !any)
			return;
		size = size > 1 ? size / 2 : 1;
	}
}

/* Where the bracket at @open ends, and what parts it from the next item; NULL: no item. */
static const char *item_end(const char *open)
{
	const char *p;
	int depth = 0;

	for (p = open; *p; p++) {
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		if (!depth)
			return !strncmp(p + 1, ", ", 2) ? p + 3 : NULL;
	}
	return NULL;
}

/* Manifests without the items of lists that can be spared. */
static void shrink_texts(struct script *s, script_fails fails, void *arg)
{
	struct script less;
	const char *end;
	size_t i, at;

	for (i = 0; i < s->n; i++) {
		for (at = 0; s->op[i].text && s->op[i].text[at];) {
			end = s->op[i].text[at] == '{' ? item_end(s->op[i].text + at) : NULL;
			if (end) {
				less = script_without(s, s->n, 0);
				strcpy(less.op[i].text + at, end);
				if (take_if(s, &less, fails, arg))
					continue;
			}
			at++;
		}
	}
}

static void script_shrink(struct script *s, script_fails fails, void *arg)
{
	size_t before;

	do {
		before = s->n;
		shrink_ops(s, fails, arg);
		shrink_texts(s, fails, arg);
	} while (s->n < before);
}

#endif
