// SPDX-License-Identifier: GPL-2.0
/*
 * The table API: what is written by hand, what is refused and in which words,
 * all or nothing. One suite for both back ends: SLUICE_BACKEND says which, the
 * pinned maps where it says nothing.
 */
#include <bpf/bpf.h>
#include <pthread.h>
#include "dataplane.h"

static struct sluice *sl;
static const struct sluice_table *rule, *port, *route;
static struct sluice_error error;

/* Loaded once: where the machine is emulated that takes most of the time. */
static int setup(void **state)
{
	const struct sluice_load_opts opts = { .sz = sizeof(opts), .flow_max = 1024,
					       .half_max = 1024, .rule_max = 4096,
					       .route_max = 4096 };
	int err;

	setenv("SLUICE_BACKEND", "pinned", 0);
	rule = sluice_table_find("rule");
	port = sluice_table_find("port");
	route = sluice_table_find("route");
	err = dataplane_setup(state);
	if (!err)
		err = sluice_load(TEST_ROOT, &opts, &sl);
	if (err)
		printf("# load: %s\n", strerror(-err));
	else
		printf("# by %s\n", sluice_backend_name(sl));
	return err;
}

static int teardown(void **state)
{
	sluice_close(sl);
	return dataplane_unload(state);
}

struct keys {
	const struct sluice_table *t;
	unsigned char *at;
};

static int take_key(void *arg, const void *key, const void *value)
{
	struct keys *k = arg;

	(void)value;
	memcpy(k->at, key, k->t->key_size);
	k->at += k->t->key_size;
	return 0;
}

/* After each test: whoever wrote it, by the maps themselves. */
static int clean(void **state)
{
	static const char *const tables[] = { "rule", "port", "route", "flow", "acl" };
	static unsigned char keys[(1 << 17) * 16];
	unsigned char *key;
	struct keys k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		k.t = sluice_table_find(tables[i]);
		k.at = keys;
		if (sluice_table_each(sl, k.t, take_key, &k))
			return -1;
		for (key = keys; key < k.at; key += k.t->key_size)
			if (bpf_map_delete_elem(sluice_map_fd(sl, k.t->map), key))
				return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- entries */

static struct sl_prefix prefix(const char *text)
{
	struct sl_prefix p;

	assert_int_equal(sluice_prefix_parse(text, true, &p), 0);
	return p;
}

static struct sl_route_val way(__u32 ifindex)
{
	return (struct sl_route_val){ .kind = SL_ROUTE_DIRECT, .ifindex = ifindex };
}

static struct sl_rule_key rule_key(__u32 n)
{
	return (struct sl_rule_key){ .set = (SL_RULESET_ADMIN | 7) << 1, .class_id = n };
}

static const struct sl_rule_val allow = { .verdict = SL_VERDICT_ALLOW, .tier = SL_TIER_ADMIN };

static struct sl_port_key port_key(__u32 set, __u16 n)
{
	return (struct sl_port_key){ .prefixlen = SL_PORT_PLEN_PORT, .ports = SL_PORTS_ADMIN | set,
				     .proto = 6, .port = { n >> 8, n & 0xff } };
}

static const struct sl_port_val port_allow = { .verdict = SL_VERDICT_ALLOW };

static struct sluice_txn *begin(void)
{
	struct sluice_txn *txn;

	assert_int_equal(sluice_txn_begin(sl, &txn), 0);
	return txn;
}

static int commit(struct sluice_txn *txn)
{
	memset(&error, 0xee, sizeof(error));
	return sluice_txn_commit(txn, &error);
}

static void expect_done(struct sluice_txn *txn)
{
	int err = commit(txn);

	if (err)
		fail_msg("%s: %s", strerror(-err), error.text);
	assert_int_equal(error.err, 0);
}

/* Refused when it is committed, and which operation it was. */
static void expect_refused(struct sluice_txn *txn, int err, long op, const char *text)
{
	assert_int_equal(commit(txn), err);
	assert_int_equal(error.err, err);
	assert_string_equal(error.text, text);
	assert_int_equal(error.op, op);
}

typedef int (*write_fn)(struct sluice_txn *, const struct sluice_table *, const void *,
			const void *);

static void write_one(write_fn fn, const struct sluice_table *t, const void *key,
		      const void *value)
{
	struct sluice_txn *txn = begin();

	assert_int_equal(fn(txn, t, key, value), 0);
	expect_done(txn);
}

static void refuse_one(write_fn fn, const struct sluice_table *t, const void *key,
		       const void *value)
{
	struct sluice_txn *txn = begin();

	assert_int_equal(fn(txn, t, key, value), 0);
	assert_true(commit(txn) < 0);
}

static void delete_one(const struct sluice_table *t, const void *key)
{
	struct sluice_txn *txn = begin();

	assert_int_equal(sluice_entry_delete(txn, t, key), 0);
	expect_done(txn);
}

/* As the daemon writes. */
static void write_daemons(const struct sluice_table *t, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(sluice_map_fd(sl, t->map), key, value, BPF_ANY), 0);
}

static __u32 ifindex_of(const char *text)
{
	struct sl_prefix key = prefix(text);
	struct sl_route_val val = {};
	int err = sluice_entry_get(sl, route, &key, &val);

	assert_true(!err || err == -ENOENT);
	return err ? 0 : val.ifindex;
}

/* ------------------------------------------------------------------ tests */

static void life_of_an_entry(void **state)
{
	struct sl_prefix key = prefix("10.1.0.0/16");
	struct sl_route_val one = way(1), two = way(2), have;

	(void)state;
	assert_int_equal(sluice_entry_get(sl, route, &key, &have), -ENOENT);
	one.origin = SL_ORIGIN_DAEMON;	/* whoever says so: it is the administrator's */
	write_one(sluice_entry_insert, route, &key, &one);
	assert_int_equal(sluice_entry_get(sl, route, &key, &have), 0);
	assert_int_equal(have.ifindex, 1);
	assert_int_equal(have.origin, SL_ORIGIN_ADMIN);
	write_one(sluice_entry_modify, route, &key, &two);
	assert_int_equal(ifindex_of("10.1.0.0/16"), 2);
	write_one(sluice_entry_set, route, &key, &one);
	assert_int_equal(ifindex_of("10.1.0.0/16"), 1);
	delete_one(route, &key);
	assert_int_equal(sluice_entry_get(sl, route, &key, &have), -ENOENT);
	write_one(sluice_entry_set, route, &key, &two);
	assert_int_equal(ifindex_of("10.1.0.0/16"), 2);
}

static void refusals(void **state)
{
	struct sl_prefix key = prefix("10.1.0.0/16"), none = prefix("10.2.0.0/16");
	struct sl_route_val val = way(1);
	struct sluice_txn *txn = begin();

	(void)state;
	write_one(sluice_entry_insert, route, &key, &val);
	sluice_entry_insert(txn, route, &none, &val);
	sluice_entry_insert(txn, route, &key, &val);
	expect_refused(txn, -EEXIST, 1, "key is in use");
	txn = begin();
	sluice_entry_modify(txn, route, &none, &val);
	expect_refused(txn, -ENOENT, 0, "no such key");
	txn = begin();
	sluice_entry_delete(txn, route, &none);
	expect_refused(txn, -ENOENT, 0, "no such key");
	assert_int_equal(ifindex_of("10.2.0.0/16"), 0);
}

static void daemons_stay(void **state)
{
	struct sl_prefix key = prefix("fd00:1::/64");
	struct sl_route_val val = way(5), mine = way(6);
	struct sl_rule_key rk = rule_key(1);
	struct sluice_txn *txn;
	static const write_fn fns[] = { sluice_entry_modify, sluice_entry_set };
	unsigned int i;

	(void)state;
	write_daemons(route, &key, &val);
	for (i = 0; i < 2; i++) {
		txn = begin();
		assert_int_equal(fns[i](txn, route, &key, &mine), 0);
		expect_refused(txn, -EPERM, 0, "entry is the daemon's");
	}
	txn = begin();
	sluice_entry_delete(txn, route, &key);
	expect_refused(txn, -EPERM, 0, "entry is the daemon's");
	txn = begin();
	sluice_entry_insert(txn, route, &key, &mine);
	expect_refused(txn, -EEXIST, 0, "key is in use");
	assert_int_equal(ifindex_of("fd00:1::/64"), 5);
	/* even where the id should have kept them apart */
	write_daemons(rule, &rk, &allow);
	txn = begin();
	sluice_entry_delete(txn, rule, &rk);
	expect_refused(txn, -EPERM, 0, "entry is the daemon's");
}

static void queue_refused(write_fn fn, const struct sluice_table *t, const void *key,
			  const void *value, int err, const char *text)
{
	struct sluice_txn *txn = begin();
	struct sl_prefix good = prefix("10.9.0.0/16");
	struct sl_route_val val = way(1);

	assert_int_equal(sluice_entry_set(txn, route, &good, &val), 0);
	assert_null(sluice_txn_error(txn));
	assert_int_equal(fn(txn, t, key, value), err);
	assert_non_null(sluice_txn_error(txn));
	assert_string_equal(sluice_txn_error(txn)->text, text);
	/* and with it the whole transaction, what was good as well */
	assert_int_equal(sluice_entry_set(txn, route, &good, &val), 0);
	assert_int_equal(commit(txn), err);
	assert_int_equal(error.op, 1);
	assert_string_equal(error.text, text);
	assert_int_equal(ifindex_of("10.9.0.0/16"), 0);
}

static int delete_as_write(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
			   const void *value)
{
	(void)value;
	return sluice_entry_delete(txn, t, key);
}

static void forms_of_tables(void **state)
{
	static const struct {
		const char *table;
		int insert, delete;
	} all[] = {
		{ "ep", -EPERM, -EPERM },    { "addr", -EPERM, -EPERM },  { "if", -EPERM, -EPERM },
		{ "class", -EPERM, -EPERM }, { "flow", -EPERM, 0 },	  { "half", -EPERM, 0 },
		{ "frag", -EPERM, 0 },	     { "state", -EPERM, -EPERM }, { "drop", -EPERM, -EPERM },
		{ "drop_rule", -EPERM, 0 },  { "count", -EPERM, -EPERM }, { "events", -EPERM, -EPERM },
	};
	unsigned char zero[512] = {};
	char text[96];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct sluice_table *t = sluice_table_find(all[i].table);
		struct sluice_txn *txn = begin();

		snprintf(text, sizeof(text), all[i].delete ? "table %s is not written by hand" :
			 "entries of table %s can only be deleted", t->name);
		queue_refused(sluice_entry_insert, t, zero, zero, all[i].insert, text);
		queue_refused(sluice_entry_set, t, zero, zero, all[i].insert, text);
		if (all[i].delete)
			queue_refused(delete_as_write, t, zero, NULL, all[i].delete, text);
		assert_int_equal(sluice_entry_delete(txn, t, zero), all[i].delete);
		sluice_txn_abort(txn);
	}
}

static void forms_of_fields(void **state)
{
	struct sl_prefix p = prefix("10.0.0.0/8");
	struct sl_route_val way1 = way(1), nowhere = { .kind = SL_ROUTE_NONE };
	struct sl_rule_key rk = rule_key(1), theirs = { .set = 14 };
	struct sl_rule_val rv = allow;
	struct sl_port_key pk = port_key(1, 80), other = { .prefixlen = 56, .ports = 5 };
	struct sl_port_val pv = port_allow;

	(void)state;
	p.prefixlen = 129;
	queue_refused(sluice_entry_insert, route, &p, &way1, -EINVAL, "prefix: length 129 is over 128");
	queue_refused(delete_as_write, route, &p, NULL, -EINVAL, "prefix: length 129 is over 128");
	p = prefix("10.1.0.0/16");
	p.prefixlen = 104;
	queue_refused(sluice_entry_insert, route, &p, &way1, -EINVAL, "prefix: host bits are not zero");
	p.prefixlen = 112;
	queue_refused(sluice_entry_insert, route, &p, &nowhere, -EINVAL, "kind: 0 is none");
	nowhere.kind = __SL_ROUTE_MAX;
	queue_refused(sluice_entry_set, route, &p, &nowhere, -EINVAL, "kind: 6 is none");

	queue_refused(sluice_entry_insert, rule, &theirs, &allow, -EPERM,
		      "set: not an administrator's (bit 29 of the id)");
	theirs.set = (__u32)SL_RULESET_CLOSED << 1;
	queue_refused(sluice_entry_insert, rule, &theirs, &allow, -EPERM,
		      "set: stands for closed endpoints");
	rv.verdict = __SL_VERDICT_MAX;
	queue_refused(sluice_entry_insert, rule, &rk, &rv, -EINVAL, "verdict: 3 is none");
	rv = allow;
	rv.deny_tier = __SL_TIER_MAX;
	queue_refused(sluice_entry_modify, rule, &rk, &rv, -EINVAL, "tier: no such tier");
	rv = (struct sl_rule_val){ .verdict = SL_VERDICT_PORTS, .ports = 5 };
	queue_refused(sluice_entry_insert, rule, &rk, &rv, -EINVAL,
		      "ports: not an administrator's port set");

	queue_refused(sluice_entry_insert, port, &other, &pv, -EPERM,
		      "ports: not an administrator's (bit 31 of the id)");
	pk.prefixlen = 31;
	queue_refused(sluice_entry_insert, port, &pk, &pv, -EINVAL,
		      "prefixlen: 31 is not from 32 to 56");
	pk.prefixlen = 40;
	queue_refused(sluice_entry_insert, port, &pk, &pv, -EINVAL,
		      "port: bits beyond the prefix length are not zero");
	pk.prefixlen = 56;
	pv.verdict = SL_VERDICT_PORTS;
	queue_refused(sluice_entry_insert, port, &pk, &pv, -EINVAL,
		      "verdict: 2 is neither deny nor allow");
}

/* A key that is covered by another one, or covers it, is another key. */
static void tries_are_exact(void **state)
{
	static const char *const chain[] = {
		"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "::/0",
		"fd00::/8", "fd00:1::/64", "fd00:1::1/128",
	};
	const unsigned int n = sizeof(chain) / sizeof(chain[0]);
	struct sl_route_val val = way(9);	/* all alike: no value tells them apart */
	struct sl_prefix key;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < n; i++) {
		key = prefix(chain[i]);
		for (j = 0; j < n; j++)
			assert_int_equal(ifindex_of(chain[j]), j < i ? 9 : 0);
		refuse_one(sluice_entry_modify, route, &key, &val);
		write_one(sluice_entry_insert, route, &key, &val);
		refuse_one(sluice_entry_insert, route, &key, &val);
	}
	for (i = 0; i < n; i++) {
		key = prefix(chain[i]);
		delete_one(route, &key);
		for (j = 0; j < n; j++)
			assert_int_equal(ifindex_of(chain[j]), j > i ? 9 : 0);
	}
}

static long count(const struct sluice_table *t)
{
	return sluice_table_count(sl, t, NULL);
}

static void all_or_nothing(void **state)
{
	struct sl_prefix old = prefix("10.5.0.0/16"), gone = prefix("10.6.0.0/16");
	struct sl_prefix theirs = prefix("192.0.2.0/24");
	struct sl_route_val one = way(1), two = way(2);
	struct sluice_txn *txn;
	__u32 i, gen, after;

	(void)state;
	write_one(sluice_entry_insert, route, &old, &one);
	write_one(sluice_entry_insert, route, &gone, &one);
	write_daemons(route, &theirs, &one);
	assert_int_equal(sluice_generation(sl, &gen), 0);

	txn = begin();
	for (i = 0; i < 300; i++) {
		struct sl_port_key pk = port_key(3, i);
		struct sl_rule_key rk = rule_key(i);

		assert_int_equal(sluice_entry_insert(txn, rule, &rk, &allow), 0);
		assert_int_equal(sluice_entry_insert(txn, port, &pk, &port_allow), 0);
	}
	/* changed, deleted, written again within one transaction */
	sluice_entry_set(txn, route, &old, &two);
	sluice_entry_set(txn, route, &old, &two);
	sluice_entry_delete(txn, route, &gone);
	sluice_entry_delete(txn, route, &theirs);
	assert_int_equal(sluice_txn_count(txn), 604);
	expect_refused(txn, -EPERM, 603, "entry is the daemon's");
	assert_int_equal(count(rule), 0);
	assert_int_equal(count(port), 0);
	assert_int_equal(count(route), 3);
	assert_int_equal(ifindex_of("10.5.0.0/16"), 1);
	assert_int_equal(ifindex_of("10.6.0.0/16"), 1);
	assert_int_equal(sluice_generation(sl, &after), 0);
	assert_int_equal(after, gen);
}

static void table_full(void **state)
{
	struct sluice_txn *txn = begin();
	struct sl_prefix key = prefix("10.0.0.0/32");
	struct sl_route_val val = way(1);
	__u32 i;

	(void)state;
	for (i = 0; i < 4097; i++) {
		key.addr.b[14] = i >> 8;
		key.addr.b[15] = i & 0xff;
		assert_int_equal(sluice_entry_insert(txn, route, &key, &val), 0);
	}
	expect_refused(txn, -ENOSPC, 4096, "table is full");
	assert_int_equal(count(route), 0);
}

static void generations(void **state)
{
	struct sl_prefix key = prefix("10.1.0.0/16");
	struct sl_route_val val = way(1);
	struct sluice_txn *txn = begin();
	__u32 gen, routes = sluice_state(sl)->route_gen;
	char text[96];

	(void)state;
	assert_int_equal(sluice_generation(sl, &gen), 0);
	sluice_txn_expect(txn, gen);
	sluice_entry_set(txn, route, &key, &val);
	expect_done(txn);
	/* flows are judged again */
	assert_int_equal(sluice_state(sl)->route_gen, routes + 1);
	txn = begin();
	sluice_txn_expect(txn, gen);
	sluice_entry_delete(txn, route, &key);
	snprintf(text, sizeof(text), "generation is %u", gen + 1);
	expect_refused(txn, -ESTALE, -1, text);
	assert_int_equal(ifindex_of("10.1.0.0/16"), 1);
	assert_int_equal(sluice_state(sl)->route_gen, routes + 1);
	txn = begin();
	expect_done(txn);
}

static void flows_are_deleted(void **state)
{
	const struct sluice_table *flow = sluice_table_find("flow");
	struct sl_tuple key = { .port = { 1, 2 }, .proto = 17 };
	struct sl_flow val = { .kind = SL_FLOW_KIND_FLOW };
	struct sluice_txn *txn;

	(void)state;
	write_daemons(flow, &key, &val);
	assert_int_equal(sluice_entry_get(sl, flow, &key, &val), 0);
	delete_one(flow, &key);
	assert_int_equal(sluice_entry_get(sl, flow, &key, &val), -ENOENT);
	txn = begin();
	sluice_entry_delete(txn, flow, &key);
	expect_refused(txn, -ENOENT, 0, "no such key");
}

static int take(void *arg, const void *key, const void *value)
{
	const struct sl_route_val *val = value;

	(void)key;
	*(__u64 *)arg += val->ifindex;
	return 0;
}

static void reading(void **state)
{
	struct sluice_txn *txn = begin();
	struct sl_prefix key = prefix("10.0.0.0/32");
	struct sl_counter counter;
	struct sl_state st;
	__u64 sum = 0;
	__u32 i;

	(void)state;
	for (i = 1; i <= 2000; i++) {
		struct sl_route_val val = way(i);

		key.addr.b[14] = i >> 8;
		key.addr.b[15] = i & 0xff;
		assert_int_equal(sluice_entry_insert(txn, route, &key, &val), 0);
	}
	expect_done(txn);
	assert_int_equal(sluice_table_each(sl, route, take, &sum), 0);
	assert_int_equal(sum, 2000 * 2001 / 2);
	i = 0;
	assert_int_equal(sluice_entry_get(sl, sluice_table_find("state"), &i, &st), 0);
	assert_int_equal(st.route_gen, sluice_state(sl)->route_gen);
	i = SL_DROP_TTL;
	assert_int_equal(sluice_entry_get(sl, sluice_table_find("drop"), &i, &counter), 0);
	assert_int_equal(counter.packets, 0);
	i = __SL_DROP_MAX;
	assert_int_equal(sluice_entry_get(sl, sluice_table_find("drop"), &i, &counter), -ENOENT);
	assert_int_equal(sluice_entry_get(sl, sluice_table_find("events"), &i, &st), -EOPNOTSUPP);
}

static void most_operations(void **state)
{
	struct sluice_txn *txn = begin();
	struct sl_rule_key key = rule_key(0);
	__u32 i;

	(void)state;
	for (i = 0; i < 1U << 20; i++)
		if (sluice_entry_delete(txn, rule, &key))
			fail_msg("operation %u", i);
	assert_int_equal(sluice_entry_delete(txn, rule, &key), -ENOSPC);
	assert_string_equal(sluice_txn_error(txn)->text, "transaction is full");
	sluice_txn_abort(txn);
}

/* ------------------------------------------------------------------ rules */

static struct sl_acl_rule drop_from(const char *text, __u32 priority)
{
	struct sl_acl_rule r = { .priority = priority, .action = SL_ACL_ACT_DROP,
				 .fields = 1 << SL_ACL_FIELD_SRC, .src = prefix(text) };

	return r;
}

static void write_rule(int (*fn)(struct sluice_txn *, __u32, const struct sl_acl_rule *),
		       __u32 id, struct sl_acl_rule r)
{
	struct sluice_txn *txn = begin();

	assert_int_equal(fn(txn, id, &r), 0);
	expect_done(txn);
}

static int collect(void *arg, const struct sluice_rule *r)
{
	__u32 *ids = arg;

	ids[++ids[0]] = r->id;
	return 0;
}

static void rules(void **state)
{
	struct sl_acl_rule r = drop_from("10.0.0.0/8", 20);
	__u32 ids[8] = {}, gen, after;
	struct sluice_rule have;
	struct sluice_txn *txn;

	(void)state;
	assert_int_equal(sluice_generation(sl, &gen), 0);
	assert_int_equal(sluice_rule_get(sl, 5, &have), -ENOENT);
	write_rule(sluice_rule_add, 5, r);
	write_rule(sluice_rule_add, 9, drop_from("fd00::/8", 10));
	write_rule(sluice_rule_add, 7, drop_from("10.1.0.0/16", 20));
	assert_int_equal(sluice_rule_get(sl, 5, &have), 0);
	r.origin = SL_ORIGIN_ADMIN;
	assert_int_equal(have.id, 5);
	assert_memory_equal(&have.rule, &r, sizeof(r));
	assert_int_equal(have.count.packets, 0);
	assert_int_equal(sluice_rule_each(sl, collect, ids), 0);
	assert_int_equal(ids[0], 3);
	assert_int_equal(ids[1], 9);
	assert_int_equal(ids[2], 5);
	assert_int_equal(ids[3], 7);

	r.priority = 30;
	write_rule(sluice_rule_replace, 5, r);
	assert_int_equal(sluice_rule_get(sl, 5, &have), 0);
	assert_int_equal(have.rule.priority, 30);
	txn = begin();
	assert_int_equal(sluice_rule_delete(txn, 5), 0);
	expect_done(txn);
	assert_int_equal(sluice_rule_get(sl, 5, &have), -ENOENT);
	assert_int_equal(sluice_generation(sl, &after), 0);
	assert_int_equal(after - gen, 5);
}

static void rules_with_every_field(void **state)
{
	static const struct sl_acl_rule all[] = {
		{ .priority = 1, .action = SL_ACL_ACT_MARK, .arg = { 1, 0xff }, .proto = 6,
		  .fields = 1 << SL_ACL_FIELD_PROTO | 1 << SL_ACL_FIELD_SPORT |
			    1 << SL_ACL_FIELD_DPORT | 1 << SL_ACL_FIELD_TCP_FLAGS |
			    1 << SL_ACL_FIELD_DSCP | 1 << SL_ACL_FIELD_IF,
		  .sport = { 1, 2 }, .dport = { 80, 90 }, .tcp_flags = 2, .tcp_mask = 18,
		  .dscp = 46, .ifindex = 3, .comment = "thirty-one bytes are the most.." },
		{ .priority = 2, .action = SL_ACL_ACT_RATE, .arg = { 100, 10 }, .proto = 1,
		  .fields = 1 << SL_ACL_FIELD_PROTO | 1 << SL_ACL_FIELD_ICMP_TYPE |
			    1 << SL_ACL_FIELD_ICMP_CODE, .icmp_type = 3, .icmp_code = 4 },
		{ .priority = 3, .action = SL_ACL_ACT_REJECT,
		  .fields = 1 << SL_ACL_FIELD_SRC_CLASS | 1 << SL_ACL_FIELD_DST_CLASS,
		  .src_class = 0x12345678, .dst_class = 9 },
		{ .priority = 4, .action = SL_ACL_ACT_COUNT, .fields = 1 << SL_ACL_FIELD_IF },
		{ .priority = 0xffffffff, .action = SL_ACL_ACT_MIRROR },
	};
	struct sluice_txn *txn = begin();
	struct sl_acl_rule want;
	struct sluice_rule have;
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		want = all[i];
		want.comment[SL_ACL_COMMENT_LEN - 1] = '\0';
		if (sluice_rule_add(txn, i + 1, &want))
			fail_msg("%u: %s", i, sluice_txn_error(txn)->text);
	}
	expect_done(txn);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		want = all[i];
		want.comment[SL_ACL_COMMENT_LEN - 1] = '\0';
		want.origin = SL_ORIGIN_ADMIN;
		assert_int_equal(sluice_rule_get(sl, i + 1, &have), 0);
		assert_memory_equal(&have.rule, &want, sizeof(want));
	}
}

static void rules_refused(void **state)
{
	struct sl_acl_rule r = drop_from("10.0.0.0/8", 20), bad = r;
	struct sl_prefix key = prefix("10.1.0.0/16");
	struct sl_route_val val = way(1);
	struct sluice_txn *txn;
	struct sluice_rule have;
	__u32 id = 6;

	(void)state;
	write_rule(sluice_rule_add, 5, r);
	txn = begin();
	sluice_entry_insert(txn, route, &key, &val);
	sluice_rule_add(txn, 8, &r);
	sluice_rule_add(txn, 5, &r);
	expect_refused(txn, -EEXIST, 2, "rule 5: id is in use");
	assert_int_equal(ifindex_of("10.1.0.0/16"), 0);
	assert_int_equal(sluice_rule_get(sl, 8, &have), -ENOENT);
	txn = begin();
	sluice_rule_replace(txn, 8, &r);
	expect_refused(txn, -ENOENT, 0, "rule 8: no such rule");
	txn = begin();
	sluice_rule_delete(txn, 8);
	expect_refused(txn, -ENOENT, 0, "rule 8: no such rule");
	/* against what the transaction itself has done so far */
	txn = begin();
	sluice_rule_delete(txn, 5);
	sluice_rule_add(txn, 5, &r);
	sluice_rule_add(txn, 8, &r);
	sluice_rule_delete(txn, 8);
	sluice_rule_delete(txn, 8);
	expect_refused(txn, -ENOENT, 4, "rule 8: no such rule");
	assert_int_equal(sluice_rule_get(sl, 5, &have), 0);

	write_daemons(sluice_table_find("acl"), &id, &r);
	txn = begin();
	sluice_rule_delete(txn, 6);
	expect_refused(txn, -EPERM, 0, "rule 6 is the daemon's");

	txn = begin();
	bad.src.prefixlen = 129;
	assert_int_equal(sluice_rule_add(txn, 9, &bad), -EINVAL);
	assert_string_equal(sluice_txn_error(txn)->text, "rule 9: src: prefix length is over 128");
	assert_int_equal(sluice_rule_add(txn, 9, &r), 0);
	assert_int_equal(commit(txn), -EINVAL);
	assert_int_equal(error.op, 0);
	assert_int_equal(sluice_rule_get(sl, 9, &have), -ENOENT);
}

/* ---------------------------------------------------------------- threads */

#define ROUNDS	200

struct writer {
	pthread_t thread;
	unsigned int id, won, failed;
};

static int insert_now(struct sluice *mine, __u8 third, __u8 fourth, __u32 ifindex)
{
	struct sl_prefix key = prefix("10.0.0.0/32");
	struct sl_route_val val = way(ifindex);
	struct sluice_txn *txn;

	key.addr.b[14] = third;
	key.addr.b[15] = fourth;
	if (sluice_txn_begin(mine, &txn) || sluice_entry_insert(txn, route, &key, &val))
		return -ENOMEM;
	return sluice_txn_commit(txn, NULL);
}

/* One key that both want, one that only this one does. */
static void *writer_run(void *arg)
{
	struct writer *w = arg;
	struct sluice *mine;
	unsigned int i;
	int err;

	if (sluice_open(TEST_ROOT, &mine)) {
		w->failed = ROUNDS;
		return NULL;
	}
	for (i = 0; i < ROUNDS; i++) {
		err = insert_now(mine, 0, i, w->id);
		w->won += !err;
		w->failed += err && err != -EEXIST;
		w->failed += !!insert_now(mine, w->id, i, w->id);
	}
	sluice_close(mine);
	return NULL;
}

static void two_handles_two_threads(void **state)
{
	struct writer w[2] = { { .id = 1 }, { .id = 2 } };
	__u32 before, after;
	__u64 sum = 0;

	(void)state;
	assert_int_equal(sluice_generation(sl, &before), 0);
	assert_int_equal(pthread_create(&w[0].thread, NULL, writer_run, &w[0]), 0);
	assert_int_equal(pthread_create(&w[1].thread, NULL, writer_run, &w[1]), 0);
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
	assert_int_equal(w[0].failed + w[1].failed, 0);
	assert_int_equal(w[0].won + w[1].won, ROUNDS);
	assert_int_equal(count(route), 3 * ROUNDS);
	assert_int_equal(sluice_table_each(sl, route, take, &sum), 0);
	assert_int_equal(sum, ROUNDS * 3 + w[0].won + 2 * w[1].won);
	assert_int_equal(sluice_generation(sl, &after), 0);
	assert_int_equal(after - before, 3 * ROUNDS);
}

static void choosing(void **state)
{
	struct sluice_open_opts opts = { .sz = sizeof(opts), .backend = SLUICE_BACKEND_PINNED };
	char *was = strdup(getenv("SLUICE_BACKEND"));
	struct sluice *other;

	(void)state;
	assert_int_equal(sluice_open_opts(TEST_ROOT, &opts, &other), 0);
	assert_string_equal(sluice_backend_name(other), "pinned");
	sluice_close(other);
	setenv("SLUICE_BACKEND", "carrier pigeon", 1);
	assert_int_equal(sluice_open(TEST_ROOT, &other), -EINVAL);
	setenv("SLUICE_BACKEND", "", 1);
	assert_int_equal(sluice_open(TEST_ROOT, &other), 0);
	sluice_close(other);
	setenv("SLUICE_BACKEND", was, 1);
	if (*was)
		assert_string_equal(sluice_backend_name(sl), was);
	free(was);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(life_of_an_entry), TEST(refusals),		TEST(daemons_stay),
		TEST(forms_of_tables),	TEST(forms_of_fields),	TEST(tries_are_exact),
		TEST(all_or_nothing),	TEST(table_full),	TEST(generations),
		TEST(flows_are_deleted), TEST(reading),		TEST(most_operations),
		TEST(rules),		TEST(rules_with_every_field), TEST(rules_refused),
		TEST(two_handles_two_threads), TEST(choosing),
	};

	return unit_run(tests, setup, teardown);
}
