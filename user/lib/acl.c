// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Changing the administrator's rules on pinned maps. Everything that can fail
 * comes before the one store that puts the new rules in force: counters, the
 * compiled column that is not in use, then the rules themselves with an undo.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/acl.h"
#include "lib/internal.h"

/* What becomes of the rules that a commit names. */
struct touched {
	__u32 id;
	bool was, is;
	struct sl_acl_rule old, new;
};

struct commit {
	struct sluice *sl;
	struct sl_acl_entry *now, *next;
	size_t nnow, nnext;
	struct touched *touched;
	size_t ntouched;
	struct sl_acl_error *err;
};

static int set_error(struct sl_acl_error *err, int code, __u32 id, const char *text)
{
	if (err)
		*err = (struct sl_acl_error){ .rule = id, .field = id ? "id" : "rules",
					      .text = text };
	return code;
}

/* ---------------------------------------------------------------- reading */

struct list {
	struct sl_acl_entry *e;
	size_t n, room;
};

static int list_add(void *arg, const void *key, const void *value)
{
	struct list *l = arg;
	struct sl_acl_entry *e;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 256;
		e = reallocarray(l->e, l->room, sizeof(*e));
		if (!e)
			return -ENOMEM;
		l->e = e;
	}
	memcpy(&l->e[l->n].id, key, sizeof(l->e->id));
	memcpy(&l->e[l->n].rule, value, sizeof(l->e->rule));
	l->n++;
	return 0;
}

static int read_rules(struct sluice *sl, struct list *l)
{
	int err;

	memset(l, 0, sizeof(*l));
	err = lib_map_each(sl->map_fd[SL_MAP_ACL], sizeof(__u32), sizeof(struct sl_acl_rule),
			   list_add, l);
	if (err)
		free(l->e);
	return err;
}

static int by_id(const void *a, const void *b)
{
	const struct sl_acl_entry *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_order(const void *a, const void *b)
{
	const struct sl_acl_entry *x = a, *y = b;

	if (x->rule.priority != y->rule.priority)
		return x->rule.priority < y->rule.priority ? -1 : 1;
	return by_id(a, b);
}

long lib_acl_list(struct sluice *sl, struct sl_acl_entry **out)
{
	struct list l;
	int err;

	err = read_rules(sl, &l);
	if (err)
		return err;
	if (l.n)
		qsort(l.e, l.n, sizeof(*l.e), by_order);
	*out = l.e;
	return (long)l.n;
}

int lib_acl_get(struct sluice *sl, __u32 id, struct sl_acl_rule *out)
{
	return bpf_map_lookup_elem(sl->map_fd[SL_MAP_ACL], &id, out);
}

int lib_acl_counter(struct sluice *sl, __u32 id, struct sl_counter *out)
{
	return bpf_map_lookup_elem(sl->map_fd[SL_MAP_ACL_COUNT], &id, out);
}

/* ------------------------------------------------------------ what is wanted */

struct step {
	const struct lib_acl_change *change;
	size_t order;
};

static int step_cmp(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->change->id != y->change->id)
		return x->change->id < y->change->id ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* All steps that name one rule; @e is that rule as it is now, or NULL. How many. */
static long merge_one(struct commit *c, const struct step *s, size_t n,
		      const struct sl_acl_entry *e)
{
	struct touched *t = &c->touched[c->ntouched++];
	size_t i;

	t->id = s[0].change->id;
	t->was = t->is = e;
	if (e)
		t->old = t->new = e->rule;
	for (i = 0; i < n && s[i].change->id == t->id; i++) {
		if (s[i].change->op == LIB_ACL_DEL && !t->is)
			return set_error(c->err, -ENOENT, t->id, "no such rule");
		t->is = s[i].change->op == LIB_ACL_SET;
		if (t->is)
			t->new = s[i].change->rule;
	}
	if (t->is) {
		c->next[c->nnext].id = t->id;
		c->next[c->nnext++].rule = t->new;
	}
	return (long)i;
}

static int merge(struct commit *c, const struct step *steps, size_t n)
{
	size_t s = 0, r = 0;
	long used;

	while (s < n || r < c->nnow) {
		if (s == n || (r < c->nnow && c->now[r].id < steps[s].change->id)) {
			c->next[c->nnext++] = c->now[r++];
			continue;
		}
		used = merge_one(c, &steps[s], n - s,
				 r < c->nnow && c->now[r].id == steps[s].change->id ?
				 &c->now[r++] : NULL);
		if (used < 0)
			return (int)used;
		s += (size_t)used;
	}
	return 0;
}

static int plan(struct commit *c, const struct lib_acl_change *changes, size_t count)
{
	struct step *steps = calloc(count + 1, sizeof(*steps));
	struct list l;
	size_t i;
	int err;

	err = steps ? read_rules(c->sl, &l) : -ENOMEM;
	if (err) {
		free(steps);
		return err;
	}
	c->now = l.e;
	c->nnow = l.n;
	c->next = calloc(l.n + count + 1, sizeof(*c->next));
	c->touched = calloc(count + 1, sizeof(*c->touched));
	for (i = 0; i < count; i++)
		steps[i] = (struct step){ &changes[i], i };
	qsort(steps, count, sizeof(*steps), step_cmp);
	if (l.n)
		qsort(c->now, l.n, sizeof(*c->now), by_id);
	err = c->next && c->touched ? merge(c, steps, count) : -ENOMEM;
	free(steps);
	if (!err && c->nnext > SL_ACL_MAX)
		err = set_error(c->err, -ENOSPC, 0, "more than 14336 of them");
	return err;
}

/* ------------------------------------------------------------ compiled tables */

/*
 * The hash forgets a column; in the arrays, what nothing leads to is of no
 * interest. Keys first, all of them: a walk does not go on from what was deleted.
 */
static int clear_column(struct sluice *sl, __u32 column)
{
	struct sl_acl_value_key *keys = NULL, *more;
	int fd = sl->map_fd[SL_MAP_ACL_VALUE], err;
	size_t n = 0, room = 0, i;

	for (;; n++) {
		if (n == room) {
			room = room ? 2 * room : 1024;
			more = reallocarray(keys, room, sizeof(*keys));
			if (!more) {
				free(keys);
				return -ENOMEM;
			}
			keys = more;
		}
		err = bpf_map_get_next_key(fd, n ? &keys[n - 1] : NULL, &keys[n]);
		if (err)
			break;
	}
	err = err == -ENOENT ? 0 : err;
	for (i = 0; i < n && !err; i++)
		if ((keys[i].table & 1) == column)
			err = bpf_map_delete_elem(fd, &keys[i]);
	free(keys);
	return err;
}

/*
 * Returns when no program runs any more that began before: each runs as a
 * reader of RCU, whose grace period this command waits for. It is refused only
 * where CPUs are kept free of interrupts (nohz_full); a program that has not
 * ended a second later does not end at all.
 */
static void wait_for_readers(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		sleep(1);
}

static int put_compiled(void *arg, enum sl_map map, const void *key, const void *value)
{
	const struct sluice *sl = arg;

	return bpf_map_update_elem(sl->map_fd[map], key, value, BPF_ANY);
}

static int compile(struct commit *c, __u32 *word)
{
	struct sl_acl_sink sink = { .put = put_compiled, .arg = c->sl };
	__u32 idle = !(c->sl->state->acl & SL_ACL_COLUMN);
	int err;

	/* Left by a writer that died, perhaps with readers still there. */
	wait_for_readers();
	err = clear_column(c->sl, idle);
	if (!err)
		err = sluice_acl_compile(c->next, (__u32)c->nnext, idle, &sink, word, c->err);
	if (err)
		clear_column(c->sl, idle);
	return err;
}

static void put_in_force(struct sluice *sl, __u32 word)
{
	__u32 old = sl->state->acl & SL_ACL_COLUMN;

	__atomic_store_n(&sl->state->acl, word, __ATOMIC_RELEASE);
	sluice_route_gen_bump(sl->state);
	wait_for_readers();
	clear_column(sl, old);
}

/* ------------------------------------------------- counters, buckets, rules */

static bool needs_bucket(const struct touched *t)
{
	return t->is && t->new.action == SL_ACL_ACT_RATE;
}

/* Before a rule can be met: what it counts in. Replacing a rule keeps its counter. */
static int make_counters(struct commit *c)
{
	static const struct sl_counter zero;
	static const struct sl_acl_bucket full;
	size_t i;
	int err = 0;

	for (i = 0; i < c->ntouched && !err; i++) {
		const struct touched *t = &c->touched[i];

		if (t->is && !t->was)
			err = bpf_map_update_elem(c->sl->map_fd[SL_MAP_ACL_COUNT], &t->id, &zero,
						  BPF_ANY);
		if (!err && needs_bucket(t))
			err = bpf_map_update_elem(c->sl->map_fd[SL_MAP_ACL_BUCKET], &t->id, &full,
						  BPF_ANY);
	}
	return err;
}

/* Of rules that are not there: after a commit those that went, else those that did not come. */
static void drop_counters(struct commit *c, bool committed)
{
	size_t i;

	for (i = 0; i < c->ntouched; i++) {
		const struct touched *t = &c->touched[i];
		const struct sl_acl_rule *r = committed ? &t->new : &t->old;
		bool there = committed ? t->is : t->was;

		if (!there)
			bpf_map_delete_elem(c->sl->map_fd[SL_MAP_ACL_COUNT], &t->id);
		if (!there || r->action != SL_ACL_ACT_RATE)
			bpf_map_delete_elem(c->sl->map_fd[SL_MAP_ACL_BUCKET], &t->id);
	}
}

static int write_rule(const struct sluice *sl, __u32 id, const struct sl_acl_rule *rule, bool is)
{
	int fd = sl->map_fd[SL_MAP_ACL], err;

	if (is)
		return bpf_map_update_elem(fd, &id, rule, BPF_ANY);
	err = bpf_map_delete_elem(fd, &id);
	return err == -ENOENT ? 0 : err;
}

/* Those that go first: a full table has room for as many as were there. */
static int write_rules(struct commit *c)
{
	size_t done[2] = { 0, 0 }, i;
	int pass, err = 0;

	for (pass = 0; pass < 2 && !err; pass++) {
		for (i = 0; i < c->ntouched && !err; i++) {
			const struct touched *t = &c->touched[i];

			if (t->is == (pass == 1))
				err = write_rule(c->sl, t->id, &t->new, t->is);
			if (!err)
				done[pass] = i + 1;
		}
	}
	for (pass = 1; err && pass >= 0; pass--)
		for (i = 0; i < done[pass]; i++)
			if (c->touched[i].is == (pass == 1))
				write_rule(c->sl, c->touched[i].id, &c->touched[i].old,
					   c->touched[i].was);
	return err;
}

static int commit_run(struct commit *c)
{
	__u32 word = 0;
	int err;

	err = make_counters(c);
	if (!err)
		err = compile(c, &word);
	if (!err) {
		err = write_rules(c);
		if (err)
			clear_column(c->sl, word & SL_ACL_COLUMN);
	}
	if (!err)
		put_in_force(c->sl, word);
	drop_counters(c, !err);
	return err;
}

int lib_acl_commit(struct sluice *sl, const struct lib_acl_change *changes, size_t count,
		   struct sl_acl_error *err)
{
	struct commit c = { .sl = sl, .err = err };
	int ret;

	ret = plan(&c, changes, count);
	if (!ret && c.ntouched)
		ret = commit_run(&c);
	free(c.now);
	free(c.next);
	free(c.touched);
	return ret;
}
