// SPDX-License-Identifier: GPL-2.0
/* The table of pointers and the chained one: what is in is found, whatever else came and went. */
#include <stdlib.h>
#include "daemon/hash.h"
#include "unit.h"

struct item {
	uint64_t hash;
	bool in;
};

static uint64_t item_hash(const void *item)
{
	return ((const struct item *)item)->hash;
}

static void add(struct ptab *t, struct item *item)
{
	assert_false(item->in);
	assert_int_equal(ptab_add(t, item), 0);
	item->in = true;
}

static void add_all(struct ptab *t, struct item *item, const uint64_t *hash, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		item[i] = (struct item){ .hash = hash[i] };
		add(t, &item[i]);
	}
}

static void del(struct ptab *t, struct item *item)
{
	assert_true(item->in);
	ptab_del(t, item);
	item->in = false;
}

static bool found(const struct ptab *t, const struct item *item)
{
	const struct item *x;
	size_t i;

	ptab_each_hash(t, x, item->hash, i)
		if (x == item)
			return true;
	return false;
}

/* What is in the table is what is said to be, by probing and by a walk. */
static void check(const struct ptab *t, const struct item *item, unsigned int n)
{
	unsigned int i, in = 0, walked = 0;
	const struct item *x;
	size_t pos;

	for (i = 0; i < n; i++) {
		assert_int_equal(found(t, &item[i]), item[i].in);
		in += item[i].in;
	}
	ptab_each(t, x, pos) {
		assert_true(x >= item && x < item + n && x->in);
		walked++;
	}
	assert_int_equal(walked, in);
	assert_int_equal(t->count, in);
}

static void nothing_in_it(void **state)
{
	struct item item = { .hash = 7 };
	struct ptab t;
	size_t pos = 0;

	(void)state;
	ptab_init(&t, item_hash);
	assert_null(ptab_probe(&t, 7, 0));
	assert_null(ptab_walk(&t, &pos));
	check(&t, &item, 1);
	add(&t, &item);
	del(&t, &item);
	check(&t, &item, 1);
	ptab_exit(&t);
	assert_null(ptab_probe(&t, 7, 0));
	/* as good as new */
	add(&t, &item);
	check(&t, &item, 1);
	ptab_exit(&t);
}

/* Of 16 slots: those behind a hole come forward, but none before its home. */
static void deletion_shifts_back(void **state)
{
	static const uint64_t hash[] = { 3, 3, 4, 3, 6, 8 };
	struct item item[6];
	struct ptab t;
	unsigned int i;

	(void)state;
	ptab_init(&t, item_hash);
	add_all(&t, item, hash, 6);
	for (i = 0; i < 6; i++)
		assert_ptr_equal(t.slot[3 + i], &item[i]);
	del(&t, &item[1]);
	/* 4 and 6 came home, the third 3 came nearer; 8 was at home */
	assert_ptr_equal(t.slot[3], &item[0]);
	assert_ptr_equal(t.slot[4], &item[2]);
	assert_ptr_equal(t.slot[5], &item[3]);
	assert_ptr_equal(t.slot[6], &item[4]);
	assert_null(t.slot[7]);
	assert_ptr_equal(t.slot[8], &item[5]);
	check(&t, item, 6);
	del(&t, &item[0]);
	/* 4 stays at home, and the last 3 comes before it */
	assert_ptr_equal(t.slot[3], &item[3]);
	assert_ptr_equal(t.slot[4], &item[2]);
	assert_null(t.slot[5]);
	assert_ptr_equal(t.slot[6], &item[4]);
	check(&t, item, 6);
	ptab_exit(&t);
}

/* The same over the end of the table, whichever of them goes first. */
static void runs_go_round(void **state)
{
	static const uint64_t hash[] = { 14, 15, 14, 0, 31, 1 };
	struct item item[6];
	struct ptab t;
	unsigned int i, first;

	(void)state;
	for (first = 0; first < 6; first++) {
		ptab_init(&t, item_hash);
		add_all(&t, item, hash, 6);
		/* 14, 15, then 14, 0, 15 and 1 pushed along */
		assert_ptr_equal(t.slot[0], &item[2]);
		assert_ptr_equal(t.slot[3], &item[5]);
		for (i = 0; i < 6; i++) {
			del(&t, &item[(first + i) % 6]);
			check(&t, item, 6);
		}
		for (i = 0; i < 16; i++)
			assert_null(t.slot[i]);
		ptab_exit(&t);
	}
}

/* It grows before it is full, and gives slots back when it is as good as empty. */
static void grows_and_shrinks(void **state)
{
	static struct item item[5000];
	unsigned int i, n = sizeof(item) / sizeof(item[0]);
	size_t largest;
	struct ptab t;

	(void)state;
	ptab_init(&t, item_hash);
	for (i = 0; i < n; i++) {
		item[i].hash = hash_u64(0, i);
		add(&t, &item[i]);
		assert_true(t.count <= t.mask);
		assert_int_equal(t.mask & (t.mask + 1), 0);
	}
	check(&t, item, n);
	largest = t.mask;
	assert_true(largest < 4 * n);
	for (i = 0; i < n; i++) {
		del(&t, &item[i]);
		assert_true(t.count <= t.mask);
		if (!(i % 500))
			check(&t, item, n);
	}
	assert_true(t.mask < 1024 && t.mask < largest);
	ptab_exit(&t);
}

#define ITEMS 4000

/* Few different hashes, some at the table's end: long runs, and runs that go round. */
static void random_against_a_list(void **state)
{
	static struct item item[ITEMS];
	unsigned int round, i, k;
	struct ptab t;

	(void)state;
	srand(1);
	ptab_init(&t, item_hash);
	for (i = 0; i < ITEMS; i++)
		item[i].hash = i % 3 ? (uint64_t)rand() : (uint64_t)-1 - rand() % 40;
	for (round = 0; round < 12; round++) {
		for (k = 0; k < ITEMS; k++) {
			i = rand() % ITEMS;
			/* it fills, empties and fills again */
			if (rand() % 8 < (round / 3 % 2 ? 1 : 7)) {
				if (!item[i].in)
					add(&t, &item[i]);
			} else if (item[i].in) {
				del(&t, &item[i]);
			}
		}
		check(&t, item, ITEMS);
	}
	for (i = 0; i < ITEMS; i++)
		if (item[i].in)
			del(&t, &item[i]);
	check(&t, item, ITEMS);
	ptab_exit(&t);
}

/* A chained table that is trimmed has the same nodes in fewer slots. */
static void chained_trims(void **state)
{
	static struct hnode node[5000];
	unsigned int i, n = sizeof(node) / sizeof(node[0]), left = 0;
	struct htab t = {};
	struct hnode *x;

	(void)state;
	htab_trim(&t);
	for (i = 0; i < n; i++)
		assert_int_equal(htab_add(&t, &node[i], hash_u64(0, i)), 0);
	htab_trim(&t);
	assert_true(t.mask >= n - 1);
	for (i = 100; i < n; i++) {
		htab_del(&t, &node[i]);
		htab_trim(&t);
	}
	assert_true(t.mask < 1024);
	for (i = 0; i < 100; i++)
		assert_ptr_equal(htab_first(&t, hash_u64(0, i)), &node[i]);
	htab_each(&t, x)
		left++;
	assert_int_equal(left, 100);
	htab_exit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_it),
		cmocka_unit_test(deletion_shifts_back),
		cmocka_unit_test(runs_go_round),
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(random_against_a_list),
		cmocka_unit_test(chained_trims),
	};

	return unit_run(tests, NULL, NULL);
}
