// SPDX-License-Identifier: GPL-2.0
/*
 * testrun - nanoseconds of the pipeline for one packet, on a live node
 *
 *	testrun ROUNDS REPEAT CASE...
 *	CASE: NAME=ROOT,NAMESPACE,KIND,tcp|udp,SOURCE,DESTINATION,PORT
 *	KIND: hit, miss, life, edge, edge-back, edge-live, stack-live
 *
 * ROOT is where the node's dataplane is pinned. A hit is a packet of a flow
 * that has been established, through the same programs, in both directions; a
 * miss begins a flow of its own each time. The hook is that of the source: a
 * pod of the node, the node itself, or else the uplink. An edge is a hit in XDP, of
 * a flow through this node; edge-back is one of its replies. Live ones are frames that
 * leave: by the edge, or by NAMESPACE's stack, which is not the node's; nothing is
 * subtracted. Every round runs
 * every case next to the empty program on the same packet; the samples are
 * the difference. What the pipeline's counters say must agree with the case.
 * Prints one JSON object, a list of nanoseconds for each case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "lib/sluice.h"
#include "selftests/bench/prio.h"
#include "selftests/bench/testrun.h"
#include "selftests/bench/testrun.skel.h"

#define CASES_MAX	32
#define SPORT		62000	/* none of those that misses use */
#define TTL		64
#define PAYLOAD		18

#define FORGET_MAX	4096		/* flows at a time */

#define FLAG_FIN	0x01
#define FLAG_SYN	0x02
#define FLAG_ACK	0x10

struct node {
	char root[128], ns_path[128];
	int ns;
	struct sluice *sl;
	struct testrun_bpf *skel;
};

/* A frame, where it comes in, and what each run restores of it. */
struct frame {
	__u8 data[128];
	__u32 len;
	int ifindex;
	int prog_fd, empty_fd;
	bool xdp, live;
	struct testrun_restore restore;
};

struct end {
	union sl_addr addr;
	__u16 port;			/* host order */
};

enum kind {
	HIT,
	MISS,
	LIFE,
	EDGE,				/* in XDP, from here on */
	EDGE_BACK,
	EDGE_LIVE,
	STACK_LIVE,
};

struct bench_case {
	const char *name;
	struct node *node;
	enum kind kind;
	__u8 proto;
	struct end src, dst;
	struct frame frame;
	double *samples;
};

static struct node nodes[CASES_MAX];
static struct bench_case cases[CASES_MAX];
static unsigned int nnodes, ncases, nrounds, repeat;

static int fail(const char *what, const char *name, int err)
{
	fprintf(stderr, "testrun: %s%s%s: %s\n", name, *name ? ": " : "", what, strerror(-err));
	return err;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* ---------------------------------------------------------------- nodes */

/* The wrapper works on the node's own tables. */
static int use_maps(struct node *node)
{
	struct bpf_map *map;
	int err = 0;

	for (int m = 0; m < __SL_MAP_MAX && !err; m++) {
		map = bpf_object__find_map_by_name(node->skel->obj, sluice_map_name(m));
		if (map)
			err = bpf_map__reuse_fd(map, sluice_map_fd(node->sl, m));
	}
	return err;
}

static int node_open(struct node *node)
{
	int err;

	if (setns(node->ns, CLONE_NEWNET))
		return -errno;
	err = sluice_open(node->root, &node->sl);
	if (err)
		return fail("cannot open the dataplane", node->root, err);
	node->skel = testrun_bpf__open();
	if (!node->skel)
		return -errno;
	err = use_maps(node);
	if (!err)
		err = testrun_bpf__load(node->skel);
	return err ? fail("cannot load", node->root, err) : 0;
}

static struct node *node_get(const char *root, const char *ns)
{
	struct node *node;

	for (unsigned int i = 0; i < nnodes; i++)
		if (!strcmp(nodes[i].root, root) && !strcmp(nodes[i].ns_path, ns))
			return &nodes[i];
	node = &nodes[nnodes++];
	snprintf(node->root, sizeof(node->root), "%s", root);
	snprintf(node->ns_path, sizeof(node->ns_path), "%s", ns);
	node->ns = open(ns, O_RDONLY | O_CLOEXEC);
	if (node->ns < 0) {
		fail("cannot open the namespace", ns, -errno);
		return NULL;
	}
	return node_open(node) ? NULL : node;
}

static const struct sl_ep *ep_find(struct node *node, const union sl_addr *addr)
{
	const struct sl_ep *ep = sluice_eps(node->sl);

	for (int i = 1; i < SL_EP_MAX; i++)
		if (ep[i].flags & SL_EP_FLAG_USED &&
		    (!memcmp(&ep[i].addr[SL_FAMILY_V4], addr, sizeof(*addr)) ||
		     !memcmp(&ep[i].addr[SL_FAMILY_V6], addr, sizeof(*addr))))
			return &ep[i];
	return NULL;
}

static bool addr_is_node(struct node *node, const union sl_addr *addr)
{
	struct sl_addr_val val;

	return !bpf_map_lookup_elem(sluice_map_fd(node->sl, SL_MAP_ADDR), addr, &val) &&
	       val.kind == SL_ADDR_HOST;
}

static int dev_mac(int ifindex, __u8 *mac)
{
	struct ifreq ifr = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (!if_indextoname((unsigned int)ifindex, ifr.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
	return err;
}

/* --------------------------------------------------------------- frames */

static __be16 ip_check(const void *head)
{
	const __u16 *w = head;
	__u32 sum = 0;

	for (unsigned int i = 0; i < sizeof(struct iphdr) / 2; i++)
		sum += w[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~sum;
}

static __u8 *put_ip(struct frame *fr, __u8 proto, const union sl_addr *src,
		    const union sl_addr *dst)
{
	struct ethhdr *eth = (void *)fr->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	__u16 len = (__u16)(PAYLOAD + (proto == IPPROTO_TCP ? sizeof(struct tcphdr) :
							      sizeof(struct udphdr)));

	if (!sluice_addr_is_v4(src)) {
		eth->h_proto = htons(ETH_P_IPV6);
		ip6->version = 6;
		ip6->payload_len = htons(len);
		ip6->nexthdr = proto;
		ip6->hop_limit = TTL;
		memcpy(&ip6->saddr, src, sizeof(ip6->saddr));
		memcpy(&ip6->daddr, dst, sizeof(ip6->daddr));
		return (__u8 *)(ip6 + 1);
	}
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons((__u16)(len + sizeof(*ip)));
	ip->ttl = TTL;
	ip->protocol = proto;
	ip->saddr = src->w[3];
	ip->daddr = dst->w[3];
	ip->check = ip_check(ip);
	return (__u8 *)(ip + 1);
}

static void put_l4(struct frame *fr, __u8 *l4, __u8 proto, const __u16 port[2], __u8 tcp_flags)
{
	struct tcphdr *tcp = (void *)l4;
	struct udphdr *udp = (void *)l4;

	tcp->source = htons(port[0]);
	tcp->dest = htons(port[1]);
	if (proto == IPPROTO_TCP) {
		tcp->doff = 5;
		l4[13] = tcp_flags;
		fr->len = (__u32)(l4 + sizeof(*tcp) + PAYLOAD - fr->data);
	} else {
		udp->len = htons(sizeof(*udp) + PAYLOAD);
		fr->len = (__u32)(l4 + sizeof(*udp) + PAYLOAD - fr->data);
	}
}

/* Where a packet from @src to @dst comes in, by which program, with which MACs. */
static int put_way(struct frame *fr, struct node *node, const union sl_addr *src,
		   const union sl_addr *dst)
{
	const struct sl_ep *from = ep_find(node, src), *to = ep_find(node, dst);
	struct ethhdr *eth = (void *)fr->data;
	static const __u8 far[ETH_ALEN] = { 2, 0, 0, 0, 0, 9 };

	if (from) {
		fr->ifindex = (int)from->ifindex;
		fr->prog_fd = bpf_program__fd(node->skel->progs.from_pod);
		memcpy(eth->h_dest, from->host_mac, ETH_ALEN);
		memcpy(eth->h_source, from->mac, ETH_ALEN);
		return 0;
	}
	if (to && addr_is_node(node, src)) {
		fr->ifindex = (int)to->ifindex;
		fr->prog_fd = bpf_program__fd(node->skel->progs.to_pod);
		memcpy(eth->h_dest, to->mac, ETH_ALEN);
		memcpy(eth->h_source, to->host_mac, ETH_ALEN);
		return 0;
	}
	fr->ifindex = (int)if_nametoindex("uplink");
	fr->prog_fd = bpf_program__fd(node->skel->progs.from_uplink);
	memcpy(eth->h_source, far, ETH_ALEN);
	return dev_mac(fr->ifindex, eth->h_dest);
}

/* From @from to @to, whose address and port these are. */
static int frame_build(struct frame *fr, const struct bench_case *bc, const struct end *from,
		       const struct end *to, __u8 tcp_flags)
{
	const __u16 port[2] = { from->port, to->port };
	const struct iphdr *ip = (void *)(fr->data + ETH_HLEN);
	int err;

	memset(fr, 0, sizeof(*fr));
	err = put_way(fr, bc->node, &from->addr, &to->addr);
	if (err)
		return err;
	fr->empty_fd = bpf_program__fd(bc->node->skel->progs.empty);
	put_l4(fr, put_ip(fr, bc->proto, &from->addr, &to->addr), bc->proto, port, tcp_flags);
	memcpy(fr->restore.macs, fr->data, sizeof(fr->restore.macs));
	fr->restore.ttl = TTL;
	fr->restore.v6 = !sluice_addr_is_v4(&from->addr);
	fr->restore.check = ip->check;
	fr->restore.saddr = ip->saddr;
	fr->restore.daddr = ip->daddr;
	fr->restore.port[0] = from->port;
	fr->restore.port[1] = to->port;
	return 0;
}

/* ----------------------------------------------------------------- runs */

/* Runs @prog_fd @count times on @fr; nanoseconds of one. */
static int run(struct node *node, struct frame *fr, int prog_fd, unsigned int count, double *ns)
{
	struct __sk_buff skb = { .ifindex = (__u32)fr->ifindex };
	struct xdp_md xdp = { .data_end = fr->len, .ingress_ifindex = (__u32)fr->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = fr->data, .data_size_in = fr->len,
		    .ctx_in = fr->xdp ? (void *)&xdp : &skb,
		    .ctx_size_in = fr->xdp ? sizeof(xdp) : sizeof(skb), .repeat = (int)count,
		    .flags = fr->live ? BPF_F_TEST_XDP_LIVE_FRAMES : 0);
	double start;
	int err;

	node->skel->bss->restore = fr->restore;
	start = now_ns();
	err = bpf_prog_test_run_opts(prog_fd, &opts);
	/* in XDP the kernel patches its own code for each call: its own clock, whole nanoseconds */
	*ns = fr->xdp && !fr->live ? opts.duration : (now_ns() - start) / count;
	return err;
}

static int once(struct bench_case *bc, const struct end *from, const struct end *to,
		__u8 tcp_flags)
{
	struct frame fr;
	double ns;
	int err = frame_build(&fr, bc, from, to, tcp_flags);

	return err ? err : run(bc->node, &fr, fr.prog_fd, 1, &ns);
}

/* Is this flow, in the direction of its initiator, one from @src to @dst? */
static bool flow_is(const struct sl_tuple *key, const struct sl_flow *flow,
		    const struct bench_case *bc)
{
	int from = flow->orig;

	return !memcmp(&key->addr[from], &bc->src.addr, sizeof(key->addr[0])) &&
	       !memcmp(&key->addr[!from], &bc->dst.addr, sizeof(key->addr[0]));
}

struct seen {
	const struct bench_case *bc;
	struct end as;			/* what the other end takes the source for */
	struct end by;			/* and who that is, by its own name */
};

static int find_translation(void *arg, const struct sl_tuple *key, const struct sl_flow *flow,
			    bool half)
{
	const struct sl_flow_dir *from = &flow->dir[flow->orig];
	struct seen *seen = arg;

	(void)half;
	if (!(from->flags & SL_FLOW_DIR_NAT) || !flow_is(key, flow, seen->bc) ||
	    key->port[flow->orig] != htons(seen->bc->src.port))
		return 0;
	seen->as.addr = from->as;
	seen->as.port = ntohs(from->as_port);
	seen->by.addr = flow->dir[!flow->orig].as;
	seen->by.port = ntohs(flow->dir[!flow->orig].as_port);
	return 1;
}

/* There, back, and there again: established. The other end answers @by to @as. */
static int establish(struct bench_case *bc, struct end *by, struct end *as)
{
	struct seen seen = { .bc = bc, .as = bc->src, .by = bc->dst };
	int err;

	err = once(bc, &bc->src, &bc->dst, FLAG_SYN);
	if (!err)
		err = sluice_flow_each(bc->node->sl, find_translation, &seen);
	if (err >= 0)
		err = once(bc, &seen.by, &seen.as, FLAG_SYN | FLAG_ACK);
	*by = seen.by;
	*as = seen.as;
	return err ? err : once(bc, &bc->src, &bc->dst, FLAG_ACK);
}

struct doomed {
	const struct bench_case *bc;
	struct sl_tuple key[FORGET_MAX];
	unsigned int n;
};

static int note_doomed(void *arg, const struct sl_tuple *key, const struct sl_flow *flow,
		       bool half)
{
	struct doomed *d = arg;

	(void)half;
	if (flow_is(key, flow, d->bc) && key->port[flow->orig] != htons(SPORT))
		d->key[d->n++] = *key;
	return d->n == FORGET_MAX;
}

/* There are only so many ports, and what began before does not begin anew. */
static int forget(struct bench_case *bc)
{
	static struct doomed d;
	int err;

	d.bc = bc;
	do {
		d.n = 0;
		err = sluice_flow_each(bc->node->sl, note_doomed, &d);
		for (unsigned int i = 0; err >= 0 && i < d.n; i++)
			sluice_flow_del(bc->node->sl, &d.key[i]);
	} while (err > 0);
	return err;
}

/* One packet of each of the lives: from the client or to it, with these flags. */
static int live(struct bench_case *bc, bool reply, __u8 tcp_flags, double *net)
{
	const struct end *from = reply ? &bc->dst : &bc->src, *to = reply ? &bc->src : &bc->dst;
	struct frame fr;
	double empty = 0, full = 0;
	int err;

	err = frame_build(&fr, bc, from, to, tcp_flags);
	fr.restore.step[reply] = 1;
	if (!err)
		err = run(bc->node, &fr, fr.empty_fd, repeat, &empty);
	if (!err)
		err = run(bc->node, &fr, fr.prog_fd, repeat, &full);
	*net += full - empty;
	return err;
}

static int measure_life(struct bench_case *bc, double *net)
{
	static const struct {
		bool reply;
		__u8 flags;
	} packet[] = {
		{ false, FLAG_SYN }, { true, FLAG_SYN | FLAG_ACK }, { false, FLAG_ACK },
		{ false, FLAG_ACK }, { true, FLAG_ACK }, { false, FLAG_FIN | FLAG_ACK },
		{ true, FLAG_FIN | FLAG_ACK }, { false, FLAG_ACK },
	};
	__u64 before[__SL_COUNT_MAX], after[__SL_COUNT_MAX];
	int err;

	if (setns(bc->node->ns, CLONE_NEWNET))
		return -errno;
	err = forget(bc);
	if (!err)
		err = sluice_counts(bc->node->sl, before);
	*net = 0;
	for (size_t i = 0; i < sizeof(packet) / sizeof(packet[0]) && !err; i++)
		err = live(bc, packet[i].reply, packet[i].flags, net);
	if (!err)
		err = sluice_counts(bc->node->sl, after);
	if (err)
		return fail("cannot run", bc->name, err);
	if (after[SL_COUNT_FLOW_PROMOTED] - before[SL_COUNT_FLOW_PROMOTED] < repeat) {
		fprintf(stderr, "testrun: %s: not every flow was established\n", bc->name);
		return -EPROTO;
	}
	return 0;
}

/* So many that what a call costs does not show. */
static unsigned int runs_of(const struct bench_case *bc)
{
	return bc->frame.live ? repeat * 20 : repeat;
}

static int measure_one(struct bench_case *bc, double *net)
{
	int err;
	__u64 before[__SL_COUNT_MAX], after[__SL_COUNT_MAX], hits, news;
	double empty = 0, full;

	if (setns(bc->node->ns, CLONE_NEWNET))
		return -errno;
	if (bc->kind == MISS && forget(bc))
		return fail("cannot delete flows", bc->name, -EIO);
	err = bc->frame.live ? 0 : run(bc->node, &bc->frame, bc->frame.empty_fd, repeat, &empty);
	if (!err)
		err = sluice_counts(bc->node->sl, before);
	if (!err)
		err = run(bc->node, &bc->frame, bc->frame.prog_fd, runs_of(bc), &full);
	if (!err)
		err = sluice_counts(bc->node->sl, after);
	if (err)
		return fail("cannot run", bc->name, err);
	*net = full - empty;
	hits = after[SL_COUNT_FLOW_HIT] - before[SL_COUNT_FLOW_HIT];
	news = after[SL_COUNT_FLOW_NEW] - before[SL_COUNT_FLOW_NEW];
	/* the node is alive: a packet of its own may come in between */
	if (bc->kind == STACK_LIVE)
		return 0;
	if (bc->kind >= EDGE)
		hits = after[SL_COUNT_EDGE_OUT] - before[SL_COUNT_EDGE_OUT];
	if ((bc->kind == MISS ? news : hits) < runs_of(bc)) {
		fprintf(stderr, "testrun: %s: %u runs, but %llu hits and %llu new flows\n",
			bc->name, runs_of(bc), hits, news);
		return -EPROTO;
	}
	return 0;
}

static int measure(struct bench_case *bc, double *net)
{
	return bc->kind == LIFE ? measure_life(bc, net) : measure_one(bc, net);
}

/* --------------------------------------------------------- command line */

static enum kind kind_parse(const char *text)
{
	static const char *const names[] = {
		[HIT] = "hit", [MISS] = "miss", [LIFE] = "life",
		[EDGE] = "edge", [EDGE_BACK] = "edge-back", [EDGE_LIVE] = "edge-live",
		[STACK_LIVE] = "stack-live",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			return (enum kind)i;
	fprintf(stderr, "testrun: no kind %s\n", text);
	exit(2);
}

static int case_parse(char *arg, struct bench_case *bc)
{
	char *root, *ns, *kind, *proto, *src, *dst;

	bc->name = strsep(&arg, "=");
	root = strsep(&arg, ",");
	ns = strsep(&arg, ",");
	kind = strsep(&arg, ",");
	proto = strsep(&arg, ",");
	src = strsep(&arg, ",");
	dst = strsep(&arg, ",");
	if (!arg || !root || !ns || sluice_addr_parse(src, &bc->src.addr) ||
	    sluice_addr_parse(dst, &bc->dst.addr))
		return -EINVAL;
	bc->dst.port = (__u16)atoi(arg);
	bc->kind = kind_parse(kind);
	bc->src.port = bc->kind == MISS || bc->kind == LIFE ? TESTRUN_PORT_MIN : SPORT;
	bc->proto = strcmp(proto, "tcp") ? IPPROTO_UDP : IPPROTO_TCP;
	bc->node = node_get(root, ns);
	bc->samples = calloc(nrounds, sizeof(*bc->samples));
	return bc->node && bc->samples ? 0 : -ENOENT;
}

static int case_prepare(struct bench_case *bc)
{
	struct end by, as;
	double net;
	int err;

	if (setns(bc->node->ns, CLONE_NEWNET))
		return -errno;
	err = frame_build(&bc->frame, bc, &bc->src, &bc->dst, bc->kind == MISS ? FLAG_SYN : FLAG_ACK);
	if (err)
		return fail("no way in for its packets", bc->name, err);
	bc->frame.restore.step[0] = bc->kind == MISS;
	err = bc->kind == HIT || (bc->kind >= EDGE && bc->kind < STACK_LIVE) ? establish(bc, &by, &as) : 0;
	if (!err && bc->kind == EDGE_BACK)
		err = frame_build(&bc->frame, bc, &by, &as, FLAG_ACK);
	if (bc->kind >= EDGE) {
		bc->frame.xdp = true;
		bc->frame.live = bc->kind >= EDGE_LIVE;
		bc->frame.empty_fd = bpf_program__fd(bc->node->skel->progs.edge_empty);
		bc->frame.prog_fd = bc->kind == STACK_LIVE ? bc->frame.empty_fd :
			bpf_program__fd(bc->node->skel->progs.edge);
	}
	/* the first time is for the caches */
	return err ? fail("cannot establish", bc->name, err) : measure(bc, &net);
}

static void print(void)
{
	printf("{");
	for (unsigned int i = 0; i < ncases; i++) {
		printf("%s\"%s\": [", i ? ",\n " : "", cases[i].name);
		for (unsigned int r = 0; r < nrounds; r++)
			printf("%s%.2f", r ? ", " : "", cases[i].samples[r]);
		printf("]");
	}
	printf("}\n");
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

static int rounds(void)
{
	struct bench_case *bc;
	int err;

	for (unsigned int r = 0; r < nrounds; r++)
		for (unsigned int i = 0; i < ncases; i++) {
			bc = &cases[r & 1 ? ncases - 1 - i : i];
			err = measure(bc, &bc->samples[r]);
			if (err)
				return err;
		}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 4 || argc - 3 > CASES_MAX) {
		fprintf(stderr, "usage: testrun ROUNDS REPEAT CASE...\n");
		return 2;
	}
	libbpf_set_print(quiet);
	prio_first();
	nrounds = (unsigned int)atoi(argv[1]);
	repeat = (unsigned int)atoi(argv[2]);
	if (!nrounds || !repeat || repeat > TESTRUN_PORTS) {
		fprintf(stderr, "testrun: REPEAT is at most %d\n", TESTRUN_PORTS);
		return 2;
	}
	for (ncases = 0; ncases < (unsigned int)argc - 3; ncases++)
		if (case_parse(argv[ncases + 3], &cases[ncases])) {
			fprintf(stderr, "testrun: case %u is not right\n", ncases + 1);
			return 2;
		}
	for (unsigned int i = 0; i < ncases; i++)
		if (case_prepare(&cases[i]))
			return 1;
	if (rounds())
		return 1;
	print();
	return 0;
}
