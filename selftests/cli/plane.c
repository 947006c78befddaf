// SPDX-License-Identifier: GPL-2.0
/*
 * plane PIN_ROOT: loads the dataplane and puts known endpoints, flows, rules
 * and drops into its tables, through the maps themselves, so that what the
 * command line prints can be compared with what is known to be there.
 * plane -f N PIN_ROOT adds N flows of UDP to a dataplane that is there.
 * plane -d PIN_ROOT takes it away again.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/sluice.h"

static struct sluice *sl;

static void die(const char *what, int err)
{
	fprintf(stderr, "plane: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void put(enum sl_map map, const void *key, const void *value)
{
	int err = bpf_map_update_elem(sluice_map_fd(sl, map), key, value, BPF_ANY);

	if (err)
		die(sluice_map_name(map), err);
}

static union sl_addr addr(const char *text)
{
	union sl_addr a;

	if (sluice_addr_parse(text, &a))
		die(text, -EINVAL);
	return a;
}

static __u64 ago(unsigned int seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (ts.tv_sec - seconds) * 1000000000ULL + ts.tv_nsec;
}

/* ------------------------------------------------------------- endpoints */

static void endpoint(__u32 id, const char *v4, const char *v6, __u64 policy)
{
	struct sl_ep ep = {
		.policy = policy,
		.ifindex = 1,		/* lo, which is everywhere */
		.flags = SL_EP_FLAG_USED,
		.addr = { addr(v4), addr(v6) },
		.class_id = { { id + 10, id + 20 }, { id + 30, id + 40 } },
		.mac = { 2, 0, 0, 0, 0, id },
		.host_mac = { 2, 0, 0, 0, 1, id },
		.mtu = 1450,
	};

	put(SL_MAP_EP, &id, &ep);
}

static __u64 word(__u64 flags, __u32 set, __u32 gen, __u32 column)
{
	return flags | (__u64)set << SL_EP_RULESET_SHIFT | (__u64)gen << SL_EP_GEN_SHIFT | column;
}

static void endpoints(void)
{
	endpoint(1, "10.244.0.5", "fd00:244::5", word(SL_EP_ISOLATED_EGRESS, 5, 7, 0));
	endpoint(2, "10.244.0.7", "fd00:244::7",
		 word(SL_EP_ISOLATED_INGRESS | SL_EP_ISOLATED_EGRESS, 6, 8, 1));
	endpoint(3, "10.244.0.9", "fd00:244::9", SL_EP_POLICY_CLOSED);
}

/* ----------------------------------------------------------------- flows */

/* A flow in words: who speaks first, to whom. */
struct spec {
	const char *from, *to;
	__u16 sport, dport;
	__u8 proto, state;
	__u32 ep_from, ep_to;
	__u64 packets, bytes;		/* of each direction */
	unsigned int age, idle;		/* seconds */
	const char *nat;		/* masqueraded as, port 61001; NULL: not */
	const char *backend;		/* translated to, port 5432; NULL: not */
	__u32 svc, backend_id;
};

static const struct spec specs[] = {
	{ "10.244.0.5", "10.244.0.7", 40312, 5432, IPPROTO_TCP, SL_FLOW_ESTABLISHED, 1, 2, 1000,
	  2000000, 100, 1, NULL, NULL, 7, 21 },
	{ "fd00:244::7", "fd00:244::5", 40000, 80, IPPROTO_TCP, SL_FLOW_NEW, 2, 1, 1, 80, 5, 5,
	  "fd00::1", "fd00:244::7", 8, 23 },
	{ "10.244.0.5", "192.0.2.53", 5353, 53, IPPROTO_UDP, SL_FLOW_REPLIED, 1, 0, 5, 500, 50, 40,
	  "198.51.100.1", NULL, 0, 0 },
	{ "10.244.0.7", "192.0.2.1", 77, 77, IPPROTO_ICMP, SL_FLOW_ESTABLISHED, 2, 0, 20, 1680, 20,
	  0, NULL, NULL, 0, 0 },
	{ "192.0.2.9", "10.244.0.5", 12345, 80, IPPROTO_SCTP, SL_FLOW_CLOSING, 0, 1, 9, 900, 300,
	  8, NULL, "10.244.0.7", 7, 21 },
};

/* How the responder knows both ends. */
static void translate(struct sl_flow *f, const struct spec *s, int first)
{
	f->dir[first].as = addr(s->nat ? s->nat : s->from);
	f->dir[first].as_port = htons(s->nat ? 61001 : s->sport);
	f->dir[!first].as = addr(s->backend ? s->backend : s->to);
	f->dir[!first].as_port = htons(s->backend ? 5432 : s->dport);
	if (s->nat) {
		f->dir[first].flags |= SL_FLOW_DIR_SNAT;
		f->dir[!first].flags |= SL_FLOW_DIR_DNAT;
	}
	if (s->backend) {
		f->dir[!first].flags |= SL_FLOW_DIR_SNAT;
		f->dir[first].flags |= SL_FLOW_DIR_DNAT;
	}
}

static void flow(const struct spec *s)
{
	union sl_addr from = addr(s->from), to = addr(s->to);
	int cmp = memcmp(&from, &to, sizeof(from));
	/* The smaller end comes first; by its port where the addresses are equal. */
	int first = cmp < 0 || (!cmp && s->sport <= s->dport) ? 0 : 1;
	struct sl_tuple key = { .proto = s->proto };
	struct sl_flow f = {
		.kind = SL_FLOW_KIND_FLOW,
		.state = s->state,
		.orig = first,
		.last_ns = ago(s->idle),
		.created_ns = ago(s->age),
		.rule = { [SL_DIR_INGRESS] = s->ep_to ? 17 : 0, [SL_DIR_EGRESS] = 0 },
		.tier = { [SL_DIR_INGRESS] = s->ep_to ? SL_TIER_NETPOL : SL_TIER_NONE },
		.svc = s->svc,
		.backend = s->backend_id,
	};

	key.addr[first] = from;
	key.port[first] = htons(s->sport);
	key.addr[!first] = to;
	key.port[!first] = htons(s->dport);
	f.ep[first] = s->ep_from;
	f.ep[!first] = s->ep_to;
	for (int d = 0; d < 2; d++) {
		f.dir[d].packets = s->packets;
		f.dir[d].bytes = s->bytes;
		f.dir[d].action = SL_ACTION_PEER;
	}
	translate(&f, s, first);
	put(s->state < SL_FLOW_ESTABLISHED ? SL_MAP_HALF : SL_MAP_FLOW, &key, &f);
}

/* The translated tuple of the masqueraded flow, which is no flow by itself. */
static void alias(void)
{
	const struct spec *s = &specs[2];
	struct sl_tuple key = {
		.addr = { addr(s->to), addr(s->nat) },
		.port = { htons(s->dport), htons(61001) },
		.proto = s->proto,
	};
	struct sl_flow f = { .kind = SL_FLOW_KIND_ALIAS };

	f.inner.addr[0] = addr(s->from);
	f.inner.port[0] = htons(s->sport);
	f.inner.addr[1] = addr(s->to);
	f.inner.port[1] = htons(s->dport);
	f.inner.proto = s->proto;
	put(SL_MAP_HALF, &key, &f);
}

/* ----------------------------------------------------------------- drops */

static void drops(enum sl_drop reason, __u64 packets, __u64 bytes)
{
	int cpus = libbpf_num_possible_cpus();
	struct sl_counter *c = calloc(cpus, sizeof(*c));
	__u32 key = reason;

	if (!c)
		die("counters", -ENOMEM);
	/* Spread over the CPUs, so that a sum has to be made. */
	for (int i = 0; i < cpus; i++) {
		c[i].packets = packets / cpus + (i ? 0 : packets % cpus);
		c[i].bytes = bytes / cpus + (i ? 0 : bytes % cpus);
	}
	put(SL_MAP_DROP, &key, c);
	free(c);
}

static void drop_rule(enum sl_drop reason, __u32 ep, __u32 rule, __u64 packets)
{
	struct sl_drop_key key = { .reason = reason, .ep = ep, .rule = rule };
	struct sl_counter c = { packets, packets * 60 };

	put(SL_MAP_DROP_RULE, &key, &c);
}

/* ---------------------------------------------------------------- policy */

static void policy(void)
{
	struct sl_rule_key rk = { .set = 6 << 1 | SL_DIR_INGRESS, .class_id = 11 };
	struct sl_rule_val rv = {
		.verdict = SL_VERDICT_PORTS, .tier = SL_TIER_NETPOL, .rule = 17, .ports = 3
	};
	struct sl_port_key pk = {
		.prefixlen = SL_PORT_PLEN_PORT, .ports = 3, .proto = IPPROTO_TCP,
		.port = { 5432 >> 8, 5432 & 0xff }
	};
	struct sl_port_val pv = { .verdict = SL_VERDICT_ALLOW, .tier = SL_TIER_NETPOL };
	struct sl_prefix prefix = { .prefixlen = 128, .addr = addr("10.244.0.5") };
	struct sl_class_val cv = { { 11, 31 } };

	put(SL_MAP_RULE, &rk, &rv);
	put(SL_MAP_PORT, &pk, &pv);
	put(SL_MAP_CLASS, &prefix, &cv);
}

static void many_flows(unsigned int n)
{
	struct sl_flow f = {
		.kind = SL_FLOW_KIND_FLOW, .state = SL_FLOW_ESTABLISHED, .last_ns = ago(1),
		.created_ns = ago(2), .ep = { 1, 0 }
	};

	for (unsigned int i = 0; i < n; i++) {
		struct sl_tuple key = {
			.addr = { addr("10.244.0.5"), addr("198.51.100.0") },
			.port = { htons(i & 0xffff), htons(53) },
			.proto = IPPROTO_UDP,
		};

		key.addr[1].b[15] = i >> 16;
		f.dir[0].packets = i;
		f.dir[0].bytes = i * 100ULL;
		put(SL_MAP_FLOW, &key, &f);
	}
}

int main(int argc, char **argv)
{
	int err;

	if (argc == 3 && !strcmp(argv[1], "-d")) {
		err = sluice_unload(argv[2]);
		if (err)
			die(argv[2], err);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "-f")) {
		err = sluice_open(argv[3], &sl);
		if (err)
			die(argv[3], err);
		many_flows((unsigned int)atoi(argv[2]));
		sluice_close(sl);
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: plane [-d | -f N] PIN_ROOT\n");
		return 2;
	}
	err = sluice_load(argv[1], NULL, &sl);
	if (err)
		die(argv[1], err);
	endpoints();
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		flow(&specs[i]);
	alias();
	drops(SL_DROP_POLICY_INGRESS, 12, 720);
	drops(SL_DROP_SADDR, 3, 180);
	drop_rule(SL_DROP_POLICY_INGRESS, 2, 17, 10);
	drop_rule(SL_DROP_POLICY_INGRESS, 2, 0, 2);
	drop_rule(SL_DROP_SADDR, 1, 0, 3);
	policy();
	sluice_close(sl);
	return 0;
}
