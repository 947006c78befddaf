// SPDX-License-Identifier: GPL-2.0
/* Maglev's table: even shares, small changes, the same whatever the order. */
#include "unit.h"
#include <arpa/inet.h>
#include <string.h>
#include "daemon/maglev.h"

#define MAX_N 1000
static struct maglev_backend b[MAX_N];
static __u32 table[65521], other[65521];

/* Backend @i of a service; ids from 1. */
static struct maglev_backend backend(unsigned int i)
{
	union sl_addr a = { .h = { [5] = 0xffff } };

	a.w[3] = htonl(0x0a000000 + i * 7);
	return (struct maglev_backend){ .hash = maglev_hash(&a, htons(8080)), .id = i + 1,
					.weight = 1 };
}

static void build(unsigned int n, __u32 *t, __u32 size)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		b[i] = backend(i);
	maglev_build(b, n, t, size);
}

/* All take the same number of turns, but for those that come when it is full. */
static void balance(void **state)
{
	unsigned int n, i, count[MAX_N + 1];
	__u32 size;

	(void)state;
	for (n = 1; n <= MAX_N; n += n < 20 ? 1 : 97) {
		size = maglev_size(n);
		build(n, table, size);
		memset(count, 0, sizeof(count));
		for (i = 0; i < size; i++) {
			assert_in_range(table[i], 1, n);
			count[table[i]]++;
		}
		for (i = 1; i <= n; i++)
			assert_in_range(count[i], size / n, size / n + 1);
	}
}

/* Share of the others' entries that change when backend @gone of @n does, times @n. */
static double moved_without(unsigned int n, unsigned int gone, __u32 size)
{
	unsigned int i, moved = 0, rest = 0;

	for (i = 0; i + 1 < n; i++)
		b[i] = backend(i < gone ? i : i + 1);
	maglev_build(b, n - 1, other, size);
	for (i = 0; i < size; i++) {
		rest += table[i] != gone + 1;
		moved += table[i] != gone + 1 && table[i] != other[i];
	}
	return (double)moved / rest * n;
}

/* One of N goes: its entries move, and of the others' no more than 1.3/N, whichever of them it is. */
static void disruption(void **state)
{
	double one, sum, worst = 0, worst_mean = 0;
	unsigned int n, gone, times;

	(void)state;
	for (n = 2; n <= 100; n++) {
		build(n, table, maglev_size(n));
		for (gone = times = 0, sum = 0; gone < n; gone += n / 10 + 1, times++) {
			one = moved_without(n, gone, maglev_size(n));
			worst = one > worst ? one : worst;
			sum += one;
		}
		worst_mean = sum / times > worst_mean ? sum / times : worst_mean;
		if (worst > 1.3)
			fail_msg("%u backends: %.2f/N of the others' entries moved", n, worst);
	}
	printf("# moved of the others' entries: %.2f/N at most on average, %.2f/N once\n",
	       worst_mean, worst);
}

static void order(void **state)
{
	struct maglev_backend shuffled[50];
	unsigned int i;

	(void)state;
	build(50, table, 4093);
	for (i = 0; i < 50; i++)
		shuffled[i] = backend((i * 17 + 5) % 50);
	maglev_build(shuffled, 50, other, 4093);
	assert_memory_equal(table, other, 4093 * sizeof(*table));
}

static void weights(void **state)
{
	static const __u32 weight[] = { 1, 2, 5, 2 };
	unsigned int i, count[5] = {};

	(void)state;
	for (i = 0; i < 4; i++) {
		b[i] = backend(i);
		b[i].weight = weight[i];
	}
	maglev_build(b, 4, table, 8191);
	for (i = 0; i < 8191; i++)
		count[table[i]]++;
	for (i = 0; i < 4; i++)
		assert_in_range(count[i + 1], 8191 * weight[i] / 10 - 5, 8191 * weight[i] / 10 + 5);
}

static void sizes(void **state)
{
	__u32 size, i, below = 0;

	(void)state;
	assert_int_equal(maglev_size(0), 251);
	assert_int_equal(maglev_size(2), 251);
	assert_int_equal(maglev_size(10), 1021);
	assert_int_equal(maglev_size(655), 65521);
	assert_int_equal(maglev_size(65000), 65521);
	for (size = 65521; size; size = below) {
		assert_true(maglev_size_valid(size));
		for (i = 2; i * i <= size; i++)
			assert_int_not_equal(size % i, 0);
		below = maglev_size_below(size);
		assert_true(below < size);
	}
	assert_false(maglev_size_valid(0));
	assert_false(maglev_size_valid(1024));
}

/* Equal hashes are no endless loop and take no one's share. */
static void collision(void **state)
{
	unsigned int i, count[4] = {};

	(void)state;
	for (i = 0; i < 3; i++) {
		b[i] = backend(0);
		b[i].id = i + 1;
	}
	maglev_build(b, 3, table, 509);
	for (i = 0; i < 509; i++)
		count[table[i]]++;
	for (i = 1; i < 4; i++)
		assert_in_range(count[i], 169, 170);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balance), cmocka_unit_test(disruption), cmocka_unit_test(order),
		cmocka_unit_test(weights), cmocka_unit_test(sizes), cmocka_unit_test(collision),
	};

	return unit_run(tests, NULL, NULL);
}
