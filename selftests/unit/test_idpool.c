// SPDX-License-Identifier: GPL-2.0
/* Ids in runs, and when they come back. */
#include "unit.h"
#include "daemon/idpool.h"

#define MAX 256
#define WAIT IDPOOL_WAIT_NS

static struct idpool p;

static int setup(void **state)
{
	(void)state;
	return idpool_init(&p, MAX);
}

static int teardown(void **state)
{
	(void)state;
	idpool_exit(&p);
	return 0;
}

static void runs(void **state)
{
	__u32 a, b;

	(void)state;
	a = idpool_get(&p, 100);
	b = idpool_get(&p, 100);
	assert_int_equal(a, 1);
	assert_int_equal(b, 101);
	/* 55 are left, but not more in one run */
	assert_int_equal(idpool_get(&p, 56), 0);
	assert_int_equal(idpool_get(&p, 55), 201);
	assert_int_equal(idpool_get(&p, 1), 0);
	idpool_unget(&p, 50, 64);
	assert_int_equal(idpool_get(&p, 65), 0);
	assert_int_equal(idpool_get(&p, 64), 50);
	assert_int_equal(p.count, MAX);
}

static void waiting(void **state)
{
	__u32 i;

	(void)state;
	assert_int_equal(idpool_get(&p, MAX - 1), 1);
	for (i = 1; i < MAX; i++)
		idpool_put(&p, i, 1, 5000 + i / 2);
	assert_false(idpool_settle(&p, 5000 + WAIT - 1));
	assert_int_equal(idpool_get(&p, 1), 0);
	assert_int_equal(idpool_next_ns(&p), 5000 + WAIT);
	assert_true(idpool_settle(&p, 5000 + WAIT));
	assert_false(idpool_is_used(&p, 1));
	assert_true(idpool_is_used(&p, 2));
	assert_true(idpool_settle(&p, 5000 + MAX + WAIT));
	assert_int_equal(p.count, 1);
	assert_int_equal(idpool_next_ns(&p), 0);
}

/* Reuse comes as late as it can. */
static void round_trip(void **state)
{
	__u32 i;

	(void)state;
	for (i = 1; i < MAX; i++) {
		assert_int_equal(idpool_get(&p, 1), i);
		idpool_put(&p, i, 1, i * WAIT);
		idpool_settle(&p, (i + 1) * WAIT);
	}
	assert_int_equal(idpool_get(&p, 1), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(runs), TEST(waiting), TEST(round_trip) };

	return unit_run(tests, NULL, NULL);
}
