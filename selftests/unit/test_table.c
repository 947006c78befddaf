// SPDX-License-Identifier: GPL-2.0
/* Descriptors of the tables, and how fields are printed. No kernel needed. */
#include <errno.h>
#include <string.h>
#include "lib/sluice.h"
#include "unit.h"

static void every_map_described(void **state)
{
	const struct sluice_table *t;
	int seen[__SL_MAP_MAX] = {};
	size_t n, i;

	(void)state;
	t = sluice_tables(&n);
	for (i = 0; i < n; i++) {
		assert_int_equal(t[i].map, i);
		seen[t[i].map]++;
		assert_non_null(t[i].text);
		/* "flow" is sl_flow */
		assert_memory_equal(sluice_map_name(t[i].map), "sl_", 3);
		assert_string_equal(sluice_map_name(t[i].map) + 3, t[i].name);
		assert_ptr_equal(sluice_table_find(t[i].name), &t[i]);
	}
	for (i = 0; i < __SL_MAP_MAX; i++)
		assert_int_equal(seen[i], 1);
	assert_null(sluice_table_find("sl_flow"));
	assert_null(sluice_table_find(""));
}

/* Fields lie within @size and don't overlap; every one can be printed. */
static void check_fields(const char *table, const struct sluice_field *f, size_t size)
{
	unsigned char used[2048] = {}, zeros[2048] = {};
	char text[256];
	unsigned int i;

	assert_true(size <= sizeof(used));
	for (; f->name; f++) {
		if (f->offset + f->size > size || !f->size)
			fail_msg("%s.%s lies outside", table, f->name);
		for (i = 0; i < f->size; i++)
			if (used[f->offset + i]++)
				fail_msg("%s.%s overlaps", table, f->name);
		if (f->fmt == SLUICE_FMT_ENUM && (!f->names || !f->names[0]))
			fail_msg("%s.%s has no names", table, f->name);
		if (sluice_field_format(f, zeros, text, sizeof(text)) <= 0)
			fail_msg("%s.%s prints nothing", table, f->name);
	}
}

static void fields_fit(void **state)
{
	const struct sluice_table *t;
	size_t n, i;

	(void)state;
	t = sluice_tables(&n);
	for (i = 0; i < n; i++) {
		check_fields(t[i].name, t[i].key, t[i].key_size);
		check_fields(t[i].name, t[i].value, t[i].value_size);
		if (t[i].alias)
			check_fields(t[i].name, t[i].alias, t[i].value_size);
		assert_true(t[i].match == SLUICE_MATCH_NONE || (t[i].key->name && t[i].value->name));
		if (t[i].percpu)
			assert_int_equal(t[i].value_size % 8, 0);
	}
}

static const struct sluice_field *field(const struct sluice_field *f, const char *name)
{
	for (; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	fail_msg("no field %s", name);
	return NULL;
}

static void check_text(const struct sluice_field *list, const char *name, const void *base,
		       const char *want)
{
	char text[128];

	assert_int_equal(sluice_field_format(field(list, name), base, text, sizeof(text)),
			 (int)strlen(want));
	assert_string_equal(text, want);
}

static void fields_print(void **state)
{
	const struct sluice_table *t;
	struct sl_tuple key = { .port = { 0x5000, 0xbb01 }, .proto = 6 };	/* 80, 443 in network order */
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW, .state = SL_FLOW_ESTABLISHED };
	struct sl_port_key port = { .proto = 99, .port = { 0x1f, 0x90 } };
	struct sl_ep ep = { .policy = SL_EP_POLICY_CLOSED, .mac = { 2, 0, 0, 0, 0xab, 0xff } };
	__u32 reason = SL_DROP_POLICY_INGRESS;
	struct sl_prefix prefix;

	(void)state;
	assert_int_equal(sluice_addr_parse("10.0.0.1", &key.addr[0]), 0);
	assert_int_equal(sluice_addr_parse("fd00::1", &key.addr[1]), 0);
	t = sluice_table_find("flow");
	check_text(t->key, "addr.0", &key, "10.0.0.1");
	check_text(t->key, "addr.1", &key, "fd00::1");
	check_text(t->key, "port.0", &key, "80");
	check_text(t->key, "port.1", &key, "443");
	check_text(t->key, "proto", &key, "tcp");
	flow.dir[1].packets = 1ULL << 40;
	check_text(t->value, "state", &flow, "established");
	check_text(t->value, "dir.1.packets", &flow, "1099511627776");
	flow.state = 200;		/* of a later version */
	check_text(t->value, "state", &flow, "200");

	t = sluice_table_find("port");
	check_text(t->key, "port", &port, "8080");
	check_text(t->key, "proto", &port, "99");
	t = sluice_table_find("ep");
	check_text(t->value, "policy", &ep, "0xffffffff00000000");
	check_text(t->value, "mac", &ep, "02:00:00:00:ab:ff");
	check_text(sluice_table_find("drop")->key, "reason", &reason, "policy-ingress");
	assert_int_equal(sluice_prefix_parse("10.0.0.0/8", false, &prefix), 0);
	check_text(sluice_table_find("route")->key, "prefix", &prefix, "10.0.0.0/8");
}

/* Cut to the buffer, and the return says what was wanted, as snprintf does. */
static void fields_cut(void **state)
{
	const struct sluice_field *f = field(sluice_table_find("ep")->value, "mac");
	struct sl_ep ep = {};
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(sluice_field_format(f, &ep, text, 6), 17);
	assert_string_equal(text, "00:00");
	assert_int_equal(text[6], 'x');
	assert_int_equal(sluice_field_format(f, &ep, NULL, 0), 17);
}

/* What is printed is read as what it was printed from. */
static void check_round_trip(const struct sluice_field *f)
{
	unsigned char raw[512], back[512] = {};
	char text[600], again[600];
	unsigned int i, j;

	if (f->size > 256)	/* printed cut off */
		return;
	for (i = 0; i < 50; i++) {
		for (j = 0; j < sizeof(raw); j++)
			raw[j] = rand();
		if (f->fmt == SLUICE_FMT_PREFIX)	/* host bits are refused */
			memset(raw + f->offset, 0, f->size);
		sluice_field_format(f, raw, text, sizeof(text));
		if (sluice_field_parse(f, text, back))
			fail_msg("%s: %s is not read", f->name, text);
		sluice_field_format(f, back, again, sizeof(again));
		assert_string_equal(text, again);
		assert_memory_equal(back + f->offset, raw + f->offset, f->size);
	}
}

static void fields_round_trip(void **state)
{
	const struct sluice_table *t;
	const struct sluice_field *f;
	size_t n, i;

	(void)state;
	t = sluice_tables(&n);
	for (i = 0; i < n; i++) {
		for (f = t[i].key; f->name; f++)
			check_round_trip(f);
		for (f = t[i].value; f->name; f++)
			check_round_trip(f);
	}
}

static void fields_refuse(void **state)
{
	static const struct {
		const char *table, *field, *text;
		int err;
	} bad[] = {
		{ "route", "mtu", "", -EINVAL },	{ "route", "mtu", "-1", -EINVAL },
		{ "route", "mtu", " 1", -EINVAL },	{ "route", "mtu", "65536", -ERANGE },
		{ "route", "mtu", "0x", -EINVAL },	{ "route", "mtu", "1x", -EINVAL },
		{ "route", "kind", "Direct", -EINVAL }, { "route", "kind", "256", -ERANGE },
		{ "route", "via", "10.0.0", -EINVAL },	{ "route", "via", "10.0.0.0/8", -EINVAL },
		{ "ep", "mac", "02:00:00:00:00", -EINVAL },
		{ "ep", "mac", "02:00:00:00:00:00:00", -EINVAL },
		{ "ep", "mac", "02-00-00-00-00-00", -EINVAL },
		{ "ep", "policy", "0x10000000000000000", -ERANGE },
	};
	unsigned char base[512] = {}, zeros[512] = {};
	struct sl_prefix p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct sluice_field *f = field(sluice_table_find(bad[i].table)->value,
						     bad[i].field);

		if (sluice_field_parse(f, bad[i].text, base) != bad[i].err)
			fail_msg("%s=%s", bad[i].field, bad[i].text);
		assert_memory_equal(base, zeros, sizeof(base));
	}
	assert_int_equal(sluice_field_parse(sluice_table_find("route")->key, "10.0.0.1", &p), 0);
	assert_int_equal(p.prefixlen, 128);
	assert_int_equal(sluice_field_parse(sluice_table_find("route")->key, "10.0.0.1/8", &p), -EINVAL);
}

static void alias_fields(void **state)
{
	const struct sluice_table *t = sluice_table_find("half");
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW }, alias = { .kind = SL_FLOW_KIND_ALIAS };

	(void)state;
	alias.inner.proto = 17;
	assert_ptr_equal(sluice_table_fields(t, &flow), t->value);
	check_text(sluice_table_fields(t, &alias), "kind", &alias, "alias");
	check_text(sluice_table_fields(t, &alias), "inner.proto", &alias, "udp");
}

static void names(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < __SL_DROP_MAX; i++) {
		assert_true(strlen(sluice_drop_name(i)) > 0);
		assert_true(strlen(sluice_drop_text(i)) > 0);
	}
	for (i = 0; i < __SL_COUNT_MAX; i++)
		assert_true(strlen(sluice_count_name(i)) > 0);
	assert_string_equal(sluice_drop_name(SL_DROP_TTL), "ttl-exceeded");
	assert_string_equal(sluice_drop_name(__SL_DROP_MAX), "unknown");
	assert_string_equal(sluice_count_name(SL_COUNT_FLOW_HIT), "flow-hit");
	assert_null(sluice_map_name(__SL_MAP_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_map_described), cmocka_unit_test(fields_fit),
		cmocka_unit_test(fields_print),	       cmocka_unit_test(fields_cut),
		cmocka_unit_test(alias_fields),	       cmocka_unit_test(names),
		cmocka_unit_test(fields_round_trip),   cmocka_unit_test(fields_refuse),
	};

	return unit_run(tests, NULL, NULL);
}
