// SPDX-License-Identifier: GPL-2.0
/* Reading the dataplane: flows, counters, tables, events, features. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <poll.h>
#include <time.h>
#include "dataplane.h"

static struct sluice *sl;

static int load_setup(void **state)
{
	(void)state;
	return sluice_load(TEST_ROOT, NULL, &sl);
}

static int unload_teardown(void **state)
{
	sluice_close(sl);
	sl = NULL;
	return dataplane_unload(state);
}

static void put(enum sl_map map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(sluice_map_fd(sl, map), key, value, 0), 0);
}

static bool has(enum sl_map map, const struct sl_tuple *key)
{
	struct sl_flow flow;

	return !bpf_map_lookup_elem(sluice_map_fd(sl, map), key, &flow);
}

static struct sl_tuple tuple(const char *a, int aport, const char *b, int bport, int proto)
{
	struct sl_tuple t = { .port = { htons(aport), htons(bport) }, .proto = proto };

	assert_int_equal(sluice_addr_parse(a, &t.addr[0]), 0);
	assert_int_equal(sluice_addr_parse(b, &t.addr[1]), 0);
	return t;
}

/* ------------------------------------------------------------------- flows */

struct tally {
	unsigned int full, half, stop_after;
	unsigned char seen[20000];
};

static int tally_one(void *arg, const struct sl_tuple *key, const struct sl_flow *flow, bool half)
{
	struct tally *t = arg;

	assert_int_equal(flow->kind, SL_FLOW_KIND_FLOW);
	assert_true(flow->vni < sizeof(t->seen));
	assert_int_equal(ntohl(key->addr[0].w[3]), 0x0a000000 + flow->vni);
	t->seen[flow->vni]++;
	half ? t->half++ : t->full++;
	return t->stop_after && t->full + t->half == t->stop_after ? 17 : 0;
}

/* More than a batch holds, every flow once; aliases are not flows. */
static void flows_are_all_seen(void **state)
{
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW }, alias = { .kind = SL_FLOW_KIND_ALIAS };
	static struct tally t;
	struct sl_tuple key = tuple("10.0.0.0", 1, "10.1.0.0", 2, IPPROTO_TCP);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		key.addr[0].w[3] = htonl(0x0a000000 + i);
		flow.vni = i;
		put(i % 5 ? SL_MAP_FLOW : SL_MAP_HALF, &key, &flow);
	}
	key = tuple("192.0.2.1", 1, "192.0.2.2", 2, IPPROTO_TCP);
	put(SL_MAP_FLOW, &key, &alias);
	put(SL_MAP_HALF, &key, &alias);

	assert_int_equal(sluice_flow_each(sl, tally_one, &t), 0);
	assert_int_equal(t.full, 4000);
	assert_int_equal(t.half, 1000);
	for (i = 0; i < 5000; i++)
		assert_int_equal(t.seen[i], 1);
	assert_int_equal(sluice_table_count(sl, sluice_table_find("flow"), NULL), 4001);

	memset(&t, 0, sizeof(t));
	t.stop_after = 3;
	assert_int_equal(sluice_flow_each(sl, tally_one, &t), 17);
	assert_int_equal(t.full + t.half, 3);
}

/*
 * A masqueraded flow and its alias; @from: which end of the tuple began it,
 * @swap: whether the alias has its ends the other way round.
 */
static void check_masqueraded(int from, bool swap, int proto)
{
	struct sl_tuple key = tuple("10.0.0.1", 1000, "192.0.2.9", 1000, proto), outside;
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW, .orig = from };
	struct sl_flow alias = { .kind = SL_FLOW_KIND_ALIAS };
	int us = swap, rport = proto == IPPROTO_ICMP ? 61001 : 1000;

	if (proto != IPPROTO_ICMP)
		key.port[from] = htons(2000);
	assert_int_equal(sluice_addr_parse("203.0.113.1", &flow.dir[from].as), 0);
	flow.dir[from].as_port = htons(61001);
	flow.dir[from].flags = SL_FLOW_DIR_SNAT;
	flow.dir[!from].as = key.addr[!from];
	flow.dir[!from].as_port = htons(rport);
	flow.dir[!from].flags = SL_FLOW_DIR_DNAT;
	outside = (struct sl_tuple){ .proto = proto };
	outside.addr[us] = flow.dir[from].as;
	outside.port[us] = flow.dir[from].as_port;
	outside.addr[!us] = flow.dir[!from].as;
	outside.port[!us] = flow.dir[!from].as_port;
	alias.inner = key;

	put(SL_MAP_FLOW, &key, &flow);
	put(SL_MAP_HALF, &outside, &alias);
	assert_int_equal(sluice_flow_del(sl, &key), 0);
	assert_false(has(SL_MAP_FLOW, &key));
	assert_false(has(SL_MAP_HALF, &outside));

	/* by the name that it has outside */
	put(SL_MAP_HALF, &key, &flow);
	put(SL_MAP_FLOW, &outside, &alias);
	assert_int_equal(sluice_flow_del(sl, &outside), 0);
	assert_false(has(SL_MAP_HALF, &key));
	assert_false(has(SL_MAP_FLOW, &outside));

	/* an alias that went on to another flow is not ours to delete */
	alias.inner.port[0] ^= 1;
	put(SL_MAP_FLOW, &key, &flow);
	put(SL_MAP_FLOW, &outside, &alias);
	assert_int_equal(sluice_flow_del(sl, &key), 0);
	assert_true(has(SL_MAP_FLOW, &outside));
	assert_int_equal(sluice_flow_del(sl, &outside), -ENOENT);
}

static void flows_are_deleted_whole(void **state)
{
	struct sl_tuple key = tuple("10.0.0.1", 1, "10.0.0.2", 2, IPPROTO_UDP);
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW };

	(void)state;
	assert_int_equal(sluice_flow_del(sl, &key), -ENOENT);
	put(SL_MAP_FLOW, &key, &flow);
	put(SL_MAP_HALF, &key, &flow);
	assert_int_equal(sluice_flow_del(sl, &key), 0);
	assert_false(has(SL_MAP_FLOW, &key) || has(SL_MAP_HALF, &key));
	assert_int_equal(sluice_flow_del(sl, &key), -ENOENT);
	check_masqueraded(0, false, IPPROTO_TCP);
	check_masqueraded(0, true, IPPROTO_TCP);
	check_masqueraded(1, false, IPPROTO_UDP);
	check_masqueraded(1, true, IPPROTO_UDP);
	check_masqueraded(0, true, IPPROTO_ICMP);
}

static void flows_expire(void **state)
{
	struct sl_tuple old = tuple("10.0.0.1", 1, "10.0.0.2", 2, IPPROTO_TCP);
	struct sl_tuple half = tuple("10.0.0.1", 5, "10.0.0.2", 6, IPPROTO_TCP);
	struct sl_tuple fresh = tuple("10.0.0.1", 3, "10.0.0.2", 4, IPPROTO_TCP);
	struct sl_tuple lost = tuple("192.0.2.1", 1, "192.0.2.2", 2, IPPROTO_TCP);
	struct sl_flow flow = { .kind = SL_FLOW_KIND_FLOW, .state = SL_FLOW_CLOSING, .last_ns = 1 };
	struct sl_flow alias = { .kind = SL_FLOW_KIND_ALIAS, .inner = old };
	struct timespec now;

	(void)state;
	put(SL_MAP_FLOW, &old, &flow);
	put(SL_MAP_HALF, &half, &flow);
	put(SL_MAP_FLOW, &lost, &alias);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	flow.last_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	put(SL_MAP_FLOW, &fresh, &flow);
	assert_int_equal(sluice_flow_expire(sl), 2);
	assert_false(has(SL_MAP_FLOW, &old) || has(SL_MAP_HALF, &half));
	assert_true(has(SL_MAP_FLOW, &fresh));
	/* an alias is seen to be dead in the same sweep or in the next */
	assert_int_equal(sluice_flow_expire(sl), 0);
	assert_false(has(SL_MAP_FLOW, &lost));
}

/* ---------------------------------------------------------------- counters */

static void counters_are_summed(void **state)
{
	int cpus = libbpf_num_possible_cpus(), i;
	struct sl_counter *per_cpu, sums[__SL_DROP_MAX];
	__u32 key = SL_DROP_TTL, last = __SL_COUNT_MAX - 1;
	__u64 *counts, out[__SL_COUNT_MAX];

	(void)state;
	assert_true(cpus > 0);
	per_cpu = calloc(cpus, sizeof(*per_cpu));
	counts = calloc(cpus, sizeof(*counts));
	for (i = 0; i < cpus; i++) {
		per_cpu[i] = (struct sl_counter){ .packets = i + 1, .bytes = 1000 * (i + 1) };
		counts[i] = 7 + i;
	}
	put(SL_MAP_DROP, &key, per_cpu);
	put(SL_MAP_COUNT, &last, counts);
	free(per_cpu);
	free(counts);

	assert_int_equal(sluice_drops(sl, sums), 0);
	for (i = 0; i < __SL_DROP_MAX; i++) {
		assert_int_equal(sums[i].packets, i == SL_DROP_TTL ? cpus * (cpus + 1) / 2 : 0);
		assert_int_equal(sums[i].bytes, sums[i].packets * 1000);
	}
	assert_int_equal(sluice_counts(sl, out), 0);
	for (i = 0; i < __SL_COUNT_MAX; i++)
		assert_int_equal(out[i],
				 i == __SL_COUNT_MAX - 1 ? 7 * cpus + cpus * (cpus - 1) / 2 : 0);
}

/* ------------------------------------------------------------------ tables */

struct dump {
	const struct sluice_table *t;
	int n;
	char text[1024];
};

static int dump_one(void *arg, const void *key, const void *value)
{
	struct dump *d = arg;
	const struct sluice_field *f;
	size_t len = 0;
	char one[128];

	d->n++;
	for (f = d->t->key; f->name; f++) {
		sluice_field_format(f, key, one, sizeof(one));
		len += snprintf(d->text + len, sizeof(d->text) - len, "%s=%s ", f->name, one);
	}
	for (f = sluice_table_fields(d->t, value); f->name; f++) {
		sluice_field_format(f, value, one, sizeof(one));
		len += snprintf(d->text + len, sizeof(d->text) - len, "%s=%s ", f->name, one);
	}
	return 0;
}

static void check_dump(const char *table, const char *want)
{
	struct dump d = { .t = sluice_table_find(table) };

	assert_int_equal(sluice_table_each(sl, d.t, dump_one, &d), 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.text, want);
	assert_int_equal(sluice_table_count(sl, d.t, NULL), 1);
}

static void tables_are_dumped(void **state)
{
	struct sl_rule_key rkey = { .set = 3 << 1 | SL_DIR_EGRESS, .class_id = SL_CLASS_ANY };
	struct sl_rule_val rule = { .verdict = SL_VERDICT_PORTS, .tier = SL_TIER_NETPOL,
				    .rule = 5, .ports = 9 };
	struct sl_port_key pkey = { .prefixlen = SL_PORT_PLEN_PORT, .ports = 9, .proto = 6,
				    .port = { 0, 80 } };
	struct sl_port_val port = { .verdict = SL_VERDICT_ALLOW };
	struct sl_class_val class = { .class_id = { 1, 2 } };
	struct sl_prefix prefix;
	__u32 ifindex = 7, ep = 3;

	(void)state;
	put(SL_MAP_RULE, &rkey, &rule);
	check_dump("rule", "set=0x7 class_id=4294967295 verdict=ports tier=netpol "
			   "deny_tier=none origin=daemon rule=5 deny=0 ports=9 ");
	put(SL_MAP_PORT, &pkey, &port);
	check_dump("port", "prefixlen=56 ports=9 proto=tcp port=80 verdict=allow tier=none "
			   "origin=daemon rule=0 ");
	assert_int_equal(sluice_prefix_parse("10.0.0.0/8", false, &prefix), 0);
	put(SL_MAP_CLASS, &prefix, &class);
	check_dump("class", "prefix=10.0.0.0/8 class_id.0=1 class_id.1=2 ");
	put(SL_MAP_IF, &ifindex, &ep);
	check_dump("if", "ifindex=7 endpoint=3 ");
	sluice_state(sl)->uplink_ifindex = 2;
	check_dump("state", "index=0 route_gen=0 events=0x0 host_netns=0 nat_addr.v4=:: nat_addr.v6=:: "
			    "node_addr.v4=:: node_addr.v6=:: nat_port_min=0 nat_port_max=0 "
			    "uplink_ifindex=2 tunnel_ifindex=0 commits=0 generation=0 "
			    "acl=0x0 ");
}

static int count_one(void *arg, const void *key, const void *value)
{
	(void)value;
	*(__u64 *)arg += *(const __u32 *)key;
	return 0;
}

static void arrays_and_tries_are_walked(void **state)
{
	const struct sluice_table *t = sluice_table_find("ep");
	struct sl_route_val route = { .kind = SL_ROUTE_DIRECT };
	struct sl_prefix prefix = { .prefixlen = 64 };
	__u64 sum = 0;
	__u32 i, max;

	(void)state;
	sluice_eps(sl)[1].flags = SL_EP_FLAG_USED;
	sluice_eps(sl)[SL_EP_MAX - 1].flags = SL_EP_FLAG_USED;
	assert_int_equal(sluice_table_each(sl, t, count_one, &sum), 0);
	assert_int_equal(sum, 1 + SL_EP_MAX - 1);
	assert_int_equal(sluice_table_count(sl, t, &max), 2);
	assert_int_equal(max, SL_EP_MAX);

	t = sluice_table_find("route");
	for (i = 0; i < 3000; i++) {
		prefix.addr.w[0] = htonl(i);
		put(SL_MAP_ROUTE, &prefix, &route);
	}
	assert_int_equal(sluice_table_count(sl, t, &max), 3000);

	t = sluice_table_find("events");
	assert_int_equal(sluice_table_each(sl, t, count_one, &sum), -EOPNOTSUPP);
	assert_int_equal(sluice_table_count(sl, t, NULL), 0);
}

/* ------------------------------------------------------------------ events */

/* A program that puts @size bytes into the ring: an sl_event with @rule. */
static void emit(__u32 rule, int size)
{
	struct bpf_insn insns[64];
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	struct sl_event ev = { .type = SL_EVENT_DROP, .rule = rule };
	__s32 words[sizeof(ev) / 4];
	int n = 0, fd;
	__u32 off;

	memcpy(words, &ev, sizeof(ev));
	for (off = 0; off < sizeof(ev); off += 4)
		insns[n++] = (struct bpf_insn){
			.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10,
			.off = (int)off - (int)sizeof(ev), .imm = words[off / 4],
		};
	insns[n++] = (struct bpf_insn){ .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1,
					.src_reg = BPF_PSEUDO_MAP_FD,
					.imm = sluice_map_fd(sl, SL_MAP_EVENTS) };
	insns[n++] = (struct bpf_insn){};
	insns[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2,
					.src_reg = BPF_REG_10 };
	insns[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2,
					.imm = -(int)sizeof(ev) };
	insns[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3,
					.imm = size };
	insns[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4 };
	insns[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output };
	insns[n++] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	insns[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "emit", "GPL", insns, n, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &run), 0);
	close(fd);
}

struct heard {
	int n;
	__u32 rules[8];
};

static int hear(void *arg, const struct sl_event *ev)
{
	struct heard *h = arg;

	assert_int_equal(ev->type, SL_EVENT_DROP);
	h->rules[h->n++] = ev->rule;
	return 0;
}

static void events_are_read(void **state)
{
	struct heard h = {};
	struct sluice_events *ev;
	struct pollfd pfd;

	(void)state;
	assert_int_equal(sluice_events_open(sl, hear, &h, &ev), 0);
	pfd = (struct pollfd){ .fd = sluice_events_fd(ev), .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(sluice_events_read(ev), 0);
	emit(41, sizeof(struct sl_event));
	emit(0, 8);			/* too short to be one */
	emit(42, sizeof(struct sl_event));
	assert_int_equal(poll(&pfd, 1, 1000), 1);
	assert_int_equal(sluice_events_read(ev), 3);
	assert_int_equal(h.n, 2);
	assert_int_equal(h.rules[0], 41);
	assert_int_equal(h.rules[1], 42);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	sluice_events_close(ev);
	sluice_events_close(NULL);
}

/* ---------------------------------------------------------------- features */

static void features_are_probed(void **state)
{
	struct sluice_feature f[64];
	struct stat before, after;
	int n, i;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/net", &before), 0);
	n = sluice_features(f, 64);
	assert_true(n > 10 && n < 64);
	assert_null(f[n].name);
	for (i = 0; i < n; i++) {
		/* this test could not have come here without what is required */
		if (f[i].required && f[i].present != 1)
			fail_msg("%s: %d", f[i].name, f[i].present);
		if (f[i].present < 0)
			fail_msg("%s: %s", f[i].name, strerror(-f[i].present));
		assert_true(strlen(f[i].text) > 0);
	}
	assert_int_equal(stat("/proc/self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(sluice_features(f, n), -ENOSPC);
	/* no device of a probe was left here */
	assert_int_equal(sh("test $(ip -o link | grep -cE 'veth|vxlan|geneve|netkit') = 0"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load_setup, unload_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flows_are_all_seen), TEST(flows_are_deleted_whole), TEST(flows_expire), TEST(counters_are_summed),
		TEST(tables_are_dumped), TEST(arrays_and_tries_are_walked), TEST(events_are_read),
		cmocka_unit_test(features_are_probed),
	};

	return unit_run(tests, dataplane_setup, NULL);
}
