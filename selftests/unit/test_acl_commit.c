// SPDX-License-Identifier: GPL-2.0
/* Changing rules on real maps: what is in force, what is kept, what an error leaves. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include "dataplane.h"
#include "lib/acl.h"
#include "lib/internal.h"

static struct sluice *sl;

static int setup(void **state)
{
	(void)state;
	return sluice_load(TEST_ROOT, NULL, &sl);
}

static int teardown(void **state)
{
	sluice_close(sl);
	sl = NULL;
	return dataplane_unload(state);
}

static long entries(enum sl_map map)
{
	const struct sluice_table *t = sluice_table_find(sluice_map_name(map) + 3);

	return sluice_table_count(sl, t, NULL);
}

/* A rule of a prefix of its own; @action with the arguments that it needs. */
static struct lib_acl_change set(__u32 id, __u32 priority, __u8 action)
{
	struct lib_acl_change c = { .op = LIB_ACL_SET, .id = id };

	c.rule.priority = priority;
	c.rule.action = action;
	c.rule.origin = SL_ORIGIN_ADMIN;
	c.rule.fields = 1U << SL_ACL_FIELD_SRC | 1U << SL_ACL_FIELD_IF;
	c.rule.ifindex = id;
	c.rule.src.prefixlen = 128;
	c.rule.src.addr.h[5] = 0xffff;
	c.rule.src.addr.w[3] = htonl(0x0a000000 + id);
	if (action == SL_ACL_ACT_RATE)
		c.rule.arg[0] = c.rule.arg[1] = 10;
	return c;
}

static struct lib_acl_change del(__u32 id)
{
	return (struct lib_acl_change){ .op = LIB_ACL_DEL, .id = id };
}

static int commit(const struct lib_acl_change *c, size_t n, struct sl_acl_error *err)
{
	int lock = lib_pin_lock(TEST_ROOT, false), ret;

	assert_true(lock >= 0);
	ret = lib_acl_commit(sl, c, n, err);
	close(lock);
	return ret;
}

#define COMMIT(...) ({								\
	const struct lib_acl_change list_[] = { __VA_ARGS__ };			\
	commit(list_, ARRAY_SIZE(list_), NULL);					\
})

static void expect_order(const __u32 *ids, long n)
{
	struct sl_acl_entry *e = NULL;

	assert_int_equal(lib_acl_list(sl, &e), n);
	for (long i = 0; i < n; i++)
		assert_int_equal(e[i].id, ids[i]);
	free(e);
}

/* Added, replaced, deleted: the list, the word, the generation, one column only. */
static void life(void **state)
{
	struct sl_state *st = sluice_state(sl);
	__u32 gen = st->route_gen, word = st->acl;
	struct sl_acl_rule r;

	(void)state;
	assert_int_equal(COMMIT(set(5, 10, SL_ACL_ACT_DROP), set(3, 20, SL_ACL_ACT_ACCEPT)), 0);
	expect_order((const __u32[]){ 5, 3 }, 2);
	assert_true(st->route_gen > gen);
	assert_true(st->acl & SL_ACL_RULES);
	assert_true(st->acl & SL_ACL_USES(SL_ACL_FIELD_SRC));
	assert_int_not_equal(st->acl & SL_ACL_COLUMN, word & SL_ACL_COLUMN);
	/* a device each */
	assert_int_equal(entries(SL_MAP_ACL_VALUE), 2);

	word = st->acl;
	gen = st->route_gen;
	assert_int_equal(COMMIT(set(5, 30, SL_ACL_ACT_COUNT)), 0);
	expect_order((const __u32[]){ 3, 5 }, 2);
	assert_int_equal(lib_acl_get(sl, 5, &r), 0);
	assert_int_equal(r.action, SL_ACL_ACT_COUNT);
	assert_int_not_equal(st->acl & SL_ACL_COLUMN, word & SL_ACL_COLUMN);
	assert_true(st->route_gen > gen);
	assert_int_equal(entries(SL_MAP_ACL_VALUE), 2);

	assert_int_equal(COMMIT(del(5), del(3)), 0);
	expect_order(NULL, 0);
	assert_int_equal(lib_acl_get(sl, 5, &r), -ENOENT);
	assert_int_equal(st->acl & ~SL_ACL_COLUMN, 0);
	for (int map = SL_MAP_ACL; map <= SL_MAP_ACL_VALUE; map++)
		if (map != SL_MAP_ACL_INDEX)
			assert_int_equal(entries(map), 0);
}

static void counters_stay(void **state)
{
	struct sl_counter c = { 7, 700 };
	__u32 id = 5;

	(void)state;
	assert_int_equal(COMMIT(set(5, 10, SL_ACL_ACT_RATE), set(6, 10, SL_ACL_ACT_DROP)), 0);
	assert_int_equal(entries(SL_MAP_ACL_COUNT), 2);
	assert_int_equal(entries(SL_MAP_ACL_BUCKET), 1);
	assert_int_equal(bpf_map_update_elem(sluice_map_fd(sl, SL_MAP_ACL_COUNT), &id, &c, BPF_ANY), 0);
	/* another rule's change, then its own */
	assert_int_equal(COMMIT(del(6)), 0);
	assert_int_equal(COMMIT(set(5, 11, SL_ACL_ACT_DROP)), 0);
	assert_int_equal(lib_acl_counter(sl, 5, &c), 0);
	assert_int_equal(c.packets, 7);
	assert_int_equal(entries(SL_MAP_ACL_COUNT), 1);
	assert_int_equal(entries(SL_MAP_ACL_BUCKET), 0);
	/* gone, and come again: from nothing */
	assert_int_equal(COMMIT(del(5)), 0);
	assert_int_equal(lib_acl_counter(sl, 5, &c), -ENOENT);
	assert_int_equal(COMMIT(set(5, 11, SL_ACL_ACT_DROP)), 0);
	assert_int_equal(lib_acl_counter(sl, 5, &c), 0);
	assert_int_equal(c.packets, 0);
}

/* Several words about one rule: the last counts, and each must make sense. */
static void in_their_order(void **state)
{
	(void)state;
	assert_int_equal(COMMIT(set(1, 1, SL_ACL_ACT_DROP), del(1), set(1, 2, SL_ACL_ACT_DROP)), 0);
	expect_order((const __u32[]){ 1 }, 1);
	assert_int_equal(COMMIT(del(1), set(1, 2, SL_ACL_ACT_DROP), del(1)), 0);
	expect_order(NULL, 0);
	assert_int_equal(COMMIT(set(1, 1, SL_ACL_ACT_DROP), del(1)), 0);
	expect_order(NULL, 0);
	assert_int_equal(entries(SL_MAP_ACL_COUNT), 0);
}

static void nothing_changed(__u32 word, __u32 gen)
{
	assert_int_equal(sluice_state(sl)->acl, word);
	assert_int_equal(sluice_state(sl)->route_gen, gen);
	expect_order((const __u32[]){ 1, 2 }, 2);
	assert_int_equal(entries(SL_MAP_ACL_VALUE), 2);
	assert_int_equal(entries(SL_MAP_ACL_COUNT), 2);
	assert_int_equal(entries(SL_MAP_ACL_BUCKET), 0);
}

static void all_or_nothing(void **state)
{
	struct lib_acl_change c[3], *many;
	struct sl_acl_error err = {};
	__u32 word, gen;

	(void)state;
	assert_int_equal(COMMIT(set(1, 1, SL_ACL_ACT_DROP), set(2, 2, SL_ACL_ACT_DROP)), 0);
	word = sluice_state(sl)->acl;
	gen = sluice_state(sl)->route_gen;
	c[0] = set(7, 7, SL_ACL_ACT_RATE);
	c[1] = del(1);
	c[2] = del(9);
	assert_int_equal(commit(c, 3, &err), -ENOENT);
	assert_int_equal(err.rule, 9);
	assert_non_null(err.text);
	nothing_changed(word, gen);
	/* only the compiler sees it: after counters were made */
	c[2] = set(9, 9, __SL_ACL_ACT_MAX);
	assert_int_equal(commit(c, 3, &err), -EINVAL);
	assert_int_equal(err.rule, 9);
	assert_string_equal(err.field, "action");
	nothing_changed(word, gen);
	many = calloc(SL_ACL_MAX, sizeof(*many));
	for (__u32 i = 0; i < SL_ACL_MAX; i++)
		many[i] = set(i + 2, i, SL_ACL_ACT_DROP);	/* and rule 1 */
	assert_int_equal(commit(many, SL_ACL_MAX, &err), -ENOSPC);
	assert_string_equal(err.field, "rules");
	nothing_changed(word, gen);
	/* as many as there may be */
	assert_int_equal(commit(many, SL_ACL_MAX - 1, &err), 0);
	assert_int_equal(entries(SL_MAP_ACL), SL_ACL_MAX);
	free(many);
}

/* A writer that died left something in the column that is to be written. */
static void leftovers(void **state)
{
	struct sl_acl_value_key key = { .value = 77 };
	__u32 row = 1;

	(void)state;
	assert_int_equal(COMMIT(set(1, 1, SL_ACL_ACT_DROP)), 0);
	key.table = SL_ACL_FIELD_IF << 1 | !(sluice_state(sl)->acl & SL_ACL_COLUMN);
	assert_int_equal(bpf_map_update_elem(sluice_map_fd(sl, SL_MAP_ACL_VALUE), &key, &row, 0), 0);
	assert_int_equal(COMMIT(set(1, 2, SL_ACL_ACT_DROP)), 0);
	assert_int_equal(entries(SL_MAP_ACL_VALUE), 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(life), TEST(counters_stay), TEST(in_their_order), TEST(all_or_nothing),
		TEST(leftovers),
	};

	return unit_run(tests, dataplane_setup, NULL);
}
