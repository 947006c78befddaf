// SPDX-License-Identifier: GPL-2.0
/*
 * Nanoseconds of the pipeline's stages by BPF_PROG_TEST_RUN, each the
 * difference of two wrappers of bench.bpf.c, medians over interleaved rounds.
 * For whoever changes the pipeline; `make bench` has its own.
 *
 *	stage_ns [POLICIES [ROUNDS]]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "packet.h"
#include "selftests/bpf/bench.skel.h"

#define RUNS	2000
#define MAXR	200

static struct bench_bpf *sk;
static uint8_t mac[3][2][6];		/* [endpoint][pod's, node's] */
static unsigned int ifindex[3];

static void die(const char *what)
{
	fprintf(stderr, "stage_ns: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void get_mac(const char *dev, uint8_t *out)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		die(dev);
	memcpy(out, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void upd(struct bpf_map *m, const void *k, const void *v)
{
	if (bpf_map_update_elem(bpf_map__fd(m), k, v, BPF_ANY))
		die(bpf_map__name(m));
}

static const char *const addr[3][2] = {
	{ "", "" }, { "10.1.0.10", "fd01::10" }, { "10.1.0.11", "fd01::11" },
};

static void add_ep(__u32 id)
{
	char dev[16], cmd[192];
	struct sl_addr_val av = { .kind = SL_ADDR_EP, .id = id };
	struct sl_ep ep = { .flags = SL_EP_FLAG_USED, .mtu = 1500 };

	snprintf(dev, sizeof(dev), "ep%u", id);
	snprintf(cmd, sizeof(cmd), "ip link add %s type veth peer name %sp && ip link set %s up && "
		 "ip link set %sp up", dev, dev, dev, dev);
	if (system(cmd))
		exit(1);
	ifindex[id] = if_nametoindex(dev);
	get_mac(dev, mac[id][1]);
	snprintf(cmd, sizeof(cmd), "%sp", dev);
	get_mac(cmd, mac[id][0]);
	ep.ifindex = ifindex[id];
	ep.policy = SL_EP_ISOLATED_INGRESS | SL_EP_ISOLATED_EGRESS |
		    (__u64)id << SL_EP_RULESET_SHIFT | 1 << SL_EP_GEN_SHIFT;
	memcpy(ep.mac, mac[id][0], 6);
	memcpy(ep.host_mac, mac[id][1], 6);
	for (int f = 0; f < 2; f++) {
		ep.addr[f] = addr_of(addr[id][f]);
		ep.class_id[0][f] = ep.class_id[1][f] = id;
		upd(sk->maps.sl_addr, &ep.addr[f], &av);
	}
	upd(sk->maps.sl_ep, &id, &ep);
	upd(sk->maps.sl_if, &ifindex[id], &id);
}

/* Each policy: a rule set, ten classes, a port list of three; ours name ports. */
static void fill(unsigned int policies)
{
	struct sl_rule_val r = { .verdict = SL_VERDICT_PORTS, .tier = SL_TIER_NETPOL };
	struct sl_port_val pv = { .verdict = SL_VERDICT_ALLOW, .tier = SL_TIER_NETPOL };
	struct sl_state st = { .route_gen = 1 };
	__u32 zero = 0;

	for (__u32 set = 1; set <= policies; set++) {
		for (__u32 dir = 0; dir < 2; dir++) {
			for (__u32 c = 1; c <= 5; c++) {
				struct sl_rule_key k = { set << 1 | dir, c };

				r.ports = set;
				r.rule = set;
				upd(sk->maps.sl_rule, &k, &r);
			}
		}
		for (__u32 i = 0; i < 3; i++) {
			struct sl_port_key pk = { SL_PORT_PLEN_PORT, set, IPPROTO_TCP,
						  { 8080 >> 8, (8080 + i) & 0xff }, 0 };

			pv.rule = set;
			upd(sk->maps.sl_port, &pk, &pv);
		}
	}
	upd(sk->maps.sl_state, &zero, &st);
}

static unsigned int run(struct bpf_program *prog, const struct pkt *p, unsigned int dev,
			unsigned int repeat, unsigned int *retval)
{
	struct __sk_buff ctx = { .ifindex = dev };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->b, .data_size_in = p->len,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &o))
		die(bpf_program__name(prog));
	if (retval)
		*retval = o.retval;
	return o.duration;
}

static void make(struct pkt *p, int v6, bool reply)
{
	__u32 from = reply ? 2 : 1, to = reply ? 1 : 2;
	struct pkt_spec s = {
		.src = addr[from][v6], .dst = addr[to][v6],
		.smac = mac[from][0], .dmac = mac[from][1],
		.sport = reply ? 8080 : 1024, .dport = reply ? 1024 : 8080,
		.flags = TH_ACK, .payload = 64,
	};

	pkt_make(p, &s);
}

static void frame(const struct pkt *p)
{
	memcpy(sk->bss->bench_frame, p->b, 64);
	sk->bss->bench_len = pkt_is_v6(p) ? 54 : 34;
}

static void establish(int v6)
{
	struct pkt p;
	unsigned int rc;

	for (int i = 0; i < 3; i++) {
		make(&p, v6, i == 1);
		frame(&p);
		run(sk->progs.bench_hit, &p, ifindex[i == 1 ? 2 : 1], 1, &rc);
		if (rc != 7) {
			fprintf(stderr, "stage_ns: packet %d gets verdict %d\n", i, (int)rc);
			exit(1);
		}
	}
	make(&p, v6, false);
	frame(&p);
}

static void clear_half(void)
{
	struct sl_tuple k, next;
	int fd = bpf_map__fd(sk->maps.sl_half);
	void *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		if (prev)
			bpf_map_delete_elem(fd, &k);
		k = next;
		prev = &k;
	}
	if (prev)
		bpf_map_delete_elem(fd, &k);
}

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), cmp);
	return v[n / 2];
}

static void measure(const char *name, struct bpf_program *base, struct bpf_program *prog, int v6,
		    unsigned int rounds)
{
	static double a[MAXR], b[MAXR], d[MAXR];
	unsigned int rc = 0;
	struct pkt p;

	make(&p, v6, false);
	frame(&p);
	for (unsigned int i = 0; i < rounds; i++) {
		a[i] = run(base, &p, ifindex[1], RUNS, NULL);
		clear_half();
		b[i] = run(prog, &p, ifindex[1], RUNS, &rc);
		d[i] = b[i] - a[i];
	}
	printf("%-20s %6.1f ns net (%.1f - %.1f)", name, median(d, rounds), median(b, rounds),
	       median(a, rounds));
	printf(", least %.1f, verdict %d\n", d[0], (int)rc);
}

int main(int argc, char **argv)
{
	unsigned int policies = argc > 1 ? atoi(argv[1]) : 1000;
	unsigned int rounds = argc > 2 ? atoi(argv[2]) : 30;

	if (rounds > MAXR || unshare(CLONE_NEWNET) || system("ip link set lo up"))
		die("namespace");
	sk = bench_bpf__open();
	if (!sk)
		die("open");
	bpf_map__set_max_entries(sk->maps.sl_half, 65536);
	if (bench_bpf__load(sk))
		die("load");
	fill(policies);
	add_ep(1);
	add_ep(2);
	for (int v6 = 0; v6 < 2; v6++) {
		establish(v6);
		measure(v6 ? "hit, IPv6" : "hit, IPv4", sk->progs.bench_empty, sk->progs.bench_hit, v6, rounds);
		measure(v6 ? "miss, IPv6" : "miss, IPv4", sk->progs.bench_vary, sk->progs.bench_miss, v6, rounds);
	}
	return 0;
}
