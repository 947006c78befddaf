// SPDX-License-Identifier: GPL-2.0
/* Addresses and prefixes: what is taken, what is refused, what is printed. */
#include <errno.h>
#include <string.h>
#include "lib/sluice.h"
#include "unit.h"

static void addr_taken(void **state)
{
	static const struct {
		const char *text, *printed;
		bool v4;
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0", true },
		{ "10.244.0.1", "10.244.0.1", true },
		{ "255.255.255.255", "255.255.255.255", true },
		{ "::", "::", false },
		{ "::1", "::1", false },
		{ "FD00:0244::00a", "fd00:244::a", false },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", false },
		{ "fd00::10.0.0.1", "fd00::a00:1", false },
	};
	char buf[SLUICE_ADDR_STRLEN];
	union sl_addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&a, 0xa5, sizeof(a));
		assert_int_equal(sluice_addr_parse(cases[i].text, &a), 0);
		assert_int_equal(sluice_addr_is_v4(&a), cases[i].v4);
		assert_string_equal(sluice_addr_format(&a, buf), cases[i].printed);
	}
}

static void addr_bytes(void **state)
{
	static const unsigned char v4[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
	static const unsigned char v6[16] = { 0xfd, 0, 0x02, 0x44, [15] = 0x07 };
	union sl_addr a;

	(void)state;
	assert_int_equal(sluice_addr_parse("10.1.2.3", &a), 0);
	assert_memory_equal(a.b, v4, sizeof(v4));
	assert_int_equal(sluice_addr_parse("fd00:244::7", &a), 0);
	assert_memory_equal(a.b, v6, sizeof(v6));
}

static void addr_refused(void **state)
{
	static const char *const cases[] = {
		"", " ", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.-1", "10.0.0.1 ", " 10.0.0.1",
		"010.0.0.1", "10.0.0.01", "0x0a.0.0.1", "167772161", "10.1", "1.2.3.4/32",
		":", ":::", "1::2::3", "12345::", "g::", "fe80::1%eth0", "[::1]", "::1/128",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:10.0.0.1", "::ffff:a00:1",
		"0:0:0:0:0:ffff:1.2.3.4", "::1.2.3.04", "::1.2.3.256",
	};
	union sl_addr a, untouched;
	size_t i;

	(void)state;
	memset(&untouched, 0xa5, sizeof(untouched));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a = untouched;
		if (sluice_addr_parse(cases[i], &a) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
		assert_memory_equal(&a, &untouched, sizeof(a));
	}
}

static void prefix_taken(void **state)
{
	static const struct {
		const char *text, *printed;
		unsigned int len;
		bool loose;
	} cases[] = {
		{ "0.0.0.0/0", "0.0.0.0/0", 96, false },
		{ "10.244.0.0/16", "10.244.0.0/16", 112, false },
		{ "10.244.3.7/32", "10.244.3.7/32", 128, false },
		{ "10.244.3.7/16", "10.244.0.0/16", 112, true },
		{ "10.244.3.7/15", "10.244.0.0/15", 111, true },
		{ "255.255.255.255/1", "128.0.0.0/1", 97, true },
		{ "::/0", "::/0", 0, false },
		{ "fd00:244::/64", "fd00:244::/64", 64, false },
		{ "fd00:244::1/127", "fd00:244::/127", 127, true },
		{ "ffff:ffff::/17", "ffff:8000::/17", 17, true },
		{ "::1/128", "::1/128", 128, false },
	};
	char buf[SLUICE_PREFIX_STRLEN];
	struct sl_prefix p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sluice_prefix_parse(cases[i].text, cases[i].loose, &p), 0);
		assert_int_equal(p.prefixlen, cases[i].len);
		assert_string_equal(sluice_prefix_format(&p, buf), cases[i].printed);
		if (cases[i].loose)
			assert_int_equal(sluice_prefix_parse(cases[i].text, false, &p), -EINVAL);
	}
}

static void prefix_refused(void **state)
{
	static const char *const cases[] = {
		"", "/", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
		"10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "10/8",
		"10.0.0.0/99999999999999999999", "fd00::/129", "fd00::/0x40", "fd00::",
		"::ffff:0:0/96", "::ffff:10.0.0.0/104", "fe80::%1/64",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64",
	};
	struct sl_prefix p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sluice_prefix_parse(cases[i], true, &p) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
}

static bool contains(const char *prefix, const char *addr)
{
	struct sl_prefix p;
	union sl_addr a;

	assert_int_equal(sluice_prefix_parse(prefix, false, &p), 0);
	assert_int_equal(sluice_addr_parse(addr, &a), 0);
	return sluice_prefix_contains(&p, &a);
}

static void prefix_holds(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.0.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0"));
	assert_true(contains("10.0.0.0/9", "10.127.255.255"));
	assert_false(contains("10.0.0.0/9", "10.128.0.0"));
	assert_true(contains("10.0.0.1/32", "10.0.0.1"));
	assert_false(contains("10.0.0.1/32", "10.0.0.0"));
	assert_true(contains("fc00::/7", "fdff::1"));
	assert_false(contains("fd00::/8", "fc00::1"));
	/* everything of one family, nothing of the other */
	assert_true(contains("0.0.0.0/0", "1.2.3.4"));
	assert_true(contains("::/0", "::1"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_false(contains("::/0", "1.2.3.4"));
	assert_false(contains("::/80", "1.2.3.4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr_taken),	cmocka_unit_test(addr_bytes),
		cmocka_unit_test(addr_refused), cmocka_unit_test(prefix_taken),
		cmocka_unit_test(prefix_refused), cmocka_unit_test(prefix_holds),
	};

	return unit_run(tests, NULL, NULL);
}
