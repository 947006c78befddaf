// SPDX-License-Identifier: GPL-2.0
/* The surroundings of every test of the pipeline. See env.h. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "env.h"

#define CPUS_MAX	1024

struct env env;
static uint64_t seen[__SL_DROP_MAX];	/* drop counters at the last look */

const struct fam fams[2] = {
	{
		.pod = { "10.1.0.9", "10.1.0.10", "10.1.0.11", "10.1.0.12" },
		.node = "192.0.2.1", .out = "198.51.100.7", .gw = "192.0.2.2",
		.direct = "10.2.0.5", .direct_via = "192.0.2.20",
		.tunnel = "10.3.0.5", .tunnel_via = "192.0.2.30",
		.tunnel_node = "192.0.2.30",
		.blackhole = "198.18.0.1", .alt = "203.0.113.9",
	},
	{
		.v6 = true,
		.pod = { "fd01::9", "fd01::10", "fd01::11", "fd01::12" },
		.node = "2001:db8::1", .out = "2001:db8:7::7", .gw = "2001:db8::2",
		.direct = "fd02::5", .direct_via = "2001:db8::20",
		.tunnel = "fd03::5", .tunnel_via = "192.0.2.30",
		.tunnel_node = "2001:db8::30",
		.blackhole = "2001:db8:dead::1", .alt = "2001:db8:a::9",
	},
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

static const char script[] =
	"set -e; ip link set lo up\n"
	"for i in 1 2 3; do ip link add ep$i type veth peer name ep${i}p\n"
	"  ip link set ep$i up; ip link set ep${i}p up; done\n"
	"ip link add up0 type veth peer name up0p; ip link add alt0 type veth peer name alt0p\n"
	"for d in up0 up0p alt0 alt0p; do ip link set $d up; done\n"
	"ip link add tun0 type vxlan external dstport 4789; ip link set tun0 up\n"
	"sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n"
	"ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad\n"
	"ip addr add 203.0.113.1/24 dev alt0; ip addr add 2001:db8:a::1/64 dev alt0 nodad\n"
	"ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8::2\n"
	"ip route add unreachable 198.18.0.0/24; ip -6 route add unreachable 2001:db8:dead::/48\n";

static void get_mac(const char *dev, uint8_t *out)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr)) {
		perror(dev);
		exit(1);
	}
	memcpy(out, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void find_devices(void)
{
	char dev[8];

	for (unsigned int i = 1; i <= NEPS; i++) {
		snprintf(dev, sizeof(dev), "ep%u", i);
		env.ep_if[i] = if_nametoindex(dev);
		get_mac(dev, env.host_mac[i]);
		snprintf(dev, sizeof(dev), "ep%up", i);
		get_mac(dev, env.pod_mac[i]);
	}
	env.up_if = if_nametoindex("up0");
	env.alt_if = if_nametoindex("alt0");
	env.tun_if = if_nametoindex("tun0");
	get_mac("up0", env.up_mac);
	get_mac("up0p", env.peer_mac);
	get_mac("tun0", env.tun_mac);
}

int env_reuse_maps(struct bpf_object *obj)
{
	struct bpf_map *m, *own;

	bpf_object__for_each_map(m, obj) {
		own = bpf_object__find_map_by_name(env.sk->obj, bpf_map__name(m));
		if (own && !bpf_map__is_internal(m) && bpf_map__reuse_fd(m, bpf_map__fd(own)))
			return -1;
	}
	return 0;
}

static int load_tunnel(void)
{
	env.tun = tunnel_bpf__open();
	if (!env.tun || env_reuse_maps(env.tun->obj))
		return -1;
	return tunnel_bpf__load(env.tun);
}

int env_setup(void **state)
{
	(void)state;
	libbpf_set_print(quiet);
	if (unshare(CLONE_NEWNET) || system(script)) {
		printf("Bail out! a network namespace with devices: %s\n", strerror(errno));
		return -1;
	}
	find_devices();
	env.sk = sluice_bpf__open();
	if (!env.sk)
		return -1;
	bpf_map__set_max_entries(env.sk->maps.sl_flow, FLOW_MAX);
	bpf_map__set_max_entries(env.sk->maps.sl_half, HALF_MAX);
	bpf_map__set_max_entries(env.sk->maps.sl_rule, 1024);
	env.sk->rodata->sl_icmp_burst = 50;
	env.sk->rodata->sl_encap = SL_ENCAP_VXLAN;
	env.sk->rodata->sl_encap_port = htons(4789);
	if (sluice_bpf__load(env.sk) || load_tunnel()) {
		printf("Bail out! the pipeline does not load: %s\n", strerror(errno));
		return -1;
	}
	return env_reset(NULL);
}

int env_teardown(void **state)
{
	(void)state;
	tunnel_bpf__destroy(env.tun);
	sluice_bpf__destroy(env.sk);
	return 0;
}

/* --------------------------------------------------------------- tables */

static void put(struct bpf_map *m, const void *key, const void *val)
{
	if (bpf_map_update_elem(bpf_map__fd(m), key, val, BPF_ANY))
		fail_msg("%s: update: %s", bpf_map__name(m), strerror(errno));
}

static void clear(struct bpf_map *m)
{
	uint8_t key[64], next[64];
	int fd = bpf_map__fd(m);
	void *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, next)) {
		if (prev)
			bpf_map_delete_elem(fd, key);
		memcpy(key, next, sizeof(key));
		prev = key;
	}
	if (prev)
		bpf_map_delete_elem(fd, key);
}

static void zero_percpu(struct bpf_map *m, uint32_t n, size_t size)
{
	int ncpu = libbpf_num_possible_cpus();
	void *zero = calloc(ncpu, size);

	for (uint32_t i = 0; i < n; i++)
		put(m, &i, zero);
	free(zero);
}

static struct sl_ep eps[NEPS + 1];
static struct sl_state state0;

struct sl_ep *env_ep(unsigned int ep)
{
	return &eps[ep];
}

static void ep_write(unsigned int ep)
{
	uint32_t id = ep;

	put(env.sk->maps.sl_ep, &id, &eps[ep]);
}

struct sl_state *env_state(void)
{
	return &state0;
}

static void reset_eps(void)
{
	for (unsigned int i = 1; i <= NEPS; i++) {
		struct sl_ep *ep = &eps[i];
		uint32_t id = i;

		memset(ep, 0, sizeof(*ep));
		ep->policy = 1 << SL_EP_GEN_SHIFT;
		ep->ifindex = env.ep_if[i];
		ep->flags = SL_EP_FLAG_USED;
		ep->mtu = 1500;
		memcpy(ep->mac, env.pod_mac[i], 6);
		memcpy(ep->host_mac, env.host_mac[i], 6);
		for (int f = 0; f < 2; f++) {
			ep->addr[f] = addr_of(fams[f].pod[i]);
			env_addr(fams[f].pod[i], SL_ADDR_EP, i);
		}
		ep_write(i);
		put(env.sk->maps.sl_if, &env.ep_if[i], &id);
	}
}

static void reset_routes(void)
{
	struct sl_route_val local = { .kind = SL_ROUTE_LOCAL }, r;

	env_route("10.1.0.0", 24, &local);
	env_route("fd01::", 64, &local);
	for (int f = 0; f < 2; f++) {
		env_addr(fams[f].node, SL_ADDR_HOST, 0);
		r = (struct sl_route_val){ .kind = SL_ROUTE_DIRECT, .ifindex = env.up_if,
					   .via = addr_of(fams[f].direct_via) };
		env_route(f ? "fd02::" : "10.2.0.0", f ? 64 : 24, &r);
		r = (struct sl_route_val){ .kind = SL_ROUTE_TUNNEL, .ifindex = env.tun_if,
					   .vni = TUNNEL_VNI, .mtu = TUNNEL_MTU,
					   .via = addr_of(fams[f].tunnel_via) };
		env_route(f ? "fd03::" : "10.3.0.0", f ? 64 : 24, &r);
		r.flags = SL_ROUTE_FLAG_NODE;
		env_route(fams[f].tunnel_node, f ? 128 : 32, &r);
	}
}

static void reset_services(void)
{
	const struct sl_backend none = { .svc = 0 };
	const uint64_t zero = 0;

	for (uint32_t i = 0; i <= SVC_IDS; i++) {
		env_svc(i, &(struct sl_svc){ .gen = 0 });
		put(env.sk->maps.sl_backend, &i, &none);
		put(env.sk->maps.sl_backend_new, &i, &zero);
	}
}

int env_reset(void **state)
{
	(void)state;
	clear(env.sk->maps.sl_flow);
	clear(env.sk->maps.sl_half);
	clear(env.sk->maps.sl_frag);
	clear(env.sk->maps.sl_rule);
	clear(env.sk->maps.sl_port);
	clear(env.sk->maps.sl_class);
	clear(env.sk->maps.sl_route);
	clear(env.sk->maps.sl_addr);
	clear(env.sk->maps.sl_if);
	clear(env.sk->maps.sl_drop_rule);
	clear(env.sk->maps.sl_front);
	clear(env.sk->maps.sl_svc_src);
	clear(env.sk->maps.sl_affinity);
	clear(env.sk->maps.sl_sock);
	clear(env.sk->maps.sl_netns);
	reset_services();
	zero_percpu(env.sk->maps.sl_drop, __SL_DROP_MAX, sizeof(struct sl_counter));
	zero_percpu(env.sk->maps.sl_count, __SL_COUNT_MAX, sizeof(uint64_t));
	zero_percpu(env.sk->maps.sl_limit, bpf_map__max_entries(env.sk->maps.sl_limit), 16);
	memset(seen, 0, sizeof(seen));
	reset_eps();
	reset_routes();
	state0 = (struct sl_state){
		.route_gen = 1,
		.nat_port_min = SL_NAT_PORT_MIN_DEFAULT, .nat_port_max = SL_NAT_PORT_MAX_DEFAULT,
		.uplink_ifindex = env.up_if, .tunnel_ifindex = env.tun_if,
	};
	for (int f = 0; f < 2; f++)
		state0.nat_addr[f] = state0.node_addr[f] = addr_of(fams[f].node);
	env_state_write();
	return 0;
}

void env_state_write(void)
{
	uint32_t zero = 0;

	put(env.sk->maps.sl_state, &zero, &state0);
}

void env_ep_write(unsigned int ep)
{
	ep_write(ep);
}

void env_policy(unsigned int ep, uint64_t isolated, uint32_t set, uint32_t gen, int column)
{
	eps[ep].policy = isolated | (uint64_t)set << SL_EP_RULESET_SHIFT |
			 (uint64_t)gen << SL_EP_GEN_SHIFT | column;
	ep_write(ep);
}

void env_rule(uint32_t set, int dir, uint32_t class_id, int verdict, uint32_t rule, uint32_t ports)
{
	struct sl_rule_key k = { .set = set << 1 | dir, .class_id = class_id };
	struct sl_rule_val v = { .verdict = verdict, .tier = SL_TIER_NETPOL, .rule = rule,
				 .deny = rule, .deny_tier = SL_TIER_NETPOL, .ports = ports };

	put(env.sk->maps.sl_rule, &k, &v);
}

void env_port(uint32_t ports, uint32_t plen, uint8_t proto, uint16_t port, int verdict,
	      uint32_t rule)
{
	struct sl_port_key k = { .prefixlen = plen, .ports = ports, .proto = proto,
				 .port = { port >> 8, port & 0xff } };
	struct sl_port_val v = { .verdict = verdict, .tier = SL_TIER_ADMIN, .rule = rule };

	put(env.sk->maps.sl_port, &k, &v);
}

static struct sl_prefix prefix_of(const char *addr, int len)
{
	struct sl_prefix p = { .prefixlen = len + (strchr(addr, ':') ? 0 : 96) };

	p.addr = addr_of(addr);
	return p;
}

void env_class(const char *addr, int len, uint32_t col0, uint32_t col1)
{
	struct sl_prefix k = prefix_of(addr, len);
	struct sl_class_val v = { { col0, col1 } };

	put(env.sk->maps.sl_class, &k, &v);
}

void env_route(const char *addr, int len, const struct sl_route_val *r)
{
	struct sl_prefix k = prefix_of(addr, len);

	put(env.sk->maps.sl_route, &k, r);
}

void env_addr(const char *addr, uint32_t kind, uint32_t id)
{
	union sl_addr k = addr_of(addr);
	struct sl_addr_val v = { .kind = kind, .id = id };

	put(env.sk->maps.sl_addr, &k, &v);
}

void env_front(const char *addr, uint16_t port, uint8_t proto, const struct sl_front_val *v)
{
	struct sl_front_key k = { .addr = addr_of(addr), .port = htons(port), .proto = proto };

	if (v)
		put(env.sk->maps.sl_front, &k, v);
	else
		bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_front), &k);
}

uint64_t env_chosen(uint32_t id)
{
	uint64_t n = 0;

	bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_backend_new), &id, &n);
	return n;
}

void env_svc(uint32_t id, const struct sl_svc *svc)
{
	put(env.sk->maps.sl_svc, &id, svc);
}

void env_backend(uint32_t id, uint32_t svc, const char *addr, uint16_t port, uint8_t proto,
		 uint8_t flags)
{
	struct sl_backend b = { .addr = addr_of(addr), .port = htons(port), .proto = proto,
				.flags = flags, .svc = svc };

	put(env.sk->maps.sl_backend, &id, &b);
}

void env_set(uint32_t page, const uint32_t *ids, unsigned int n)
{
	struct sl_set_page p;

	for (unsigned int i = 0; i < n; i += SL_SET_PAGE, page++) {
		memset(&p, 0, sizeof(p));
		for (unsigned int j = 0; j < SL_SET_PAGE && i + j < n; j++)
			p.backend[j] = ids[i + j];
		put(env.sk->maps.sl_set, &page, &p);
	}
}

void env_svc_src(uint32_t svc, const char *addr, int len)
{
	struct sl_svc_src_key k = { .prefixlen = 32 + len + (strchr(addr, ':') ? 0 : 96),
				    .svc = svc, .addr = addr_of(addr) };
	uint32_t one = 1;

	put(env.sk->maps.sl_svc_src, &k, &one);
}

void env_addr_del(const char *addr)
{
	union sl_addr k = addr_of(addr);

	bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_addr), &k);
}

/* -------------------------------------------------------------- running */

int env_run(struct bpf_program *prog, struct pkt *p, struct __sk_buff *ctx)
{
	static struct pkt out;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->b, .data_size_in = p->len,
		    .data_out = out.b, .data_size_out = sizeof(out.b), .ctx_in = ctx,
		    .ctx_size_in = sizeof(*ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &o))
		fail_msg("%s: test run of %zu bytes: %s", bpf_program__name(prog), p->len,
			 strerror(errno));
	memcpy(p->b, out.b, o.data_size_out);
	p->len = o.data_size_out;
	return (int)o.retval;
}

int env_from_pod(unsigned int ep, struct pkt *p)
{
	struct __sk_buff ctx = { .ifindex = env.ep_if[ep], .ingress_ifindex = env.ep_if[ep] };

	return env_run(env.sk->progs.sl_from_pod, p, &ctx);
}

int env_to_pod(unsigned int ep, struct pkt *p, unsigned int iif)
{
	struct __sk_buff ctx = { .ifindex = env.ep_if[ep], .ingress_ifindex = iif };

	return env_run(env.sk->progs.sl_to_pod, p, &ctx);
}

int env_to_uplink(struct pkt *p, unsigned int iif)
{
	struct __sk_buff ctx = { .ifindex = env.up_if, .ingress_ifindex = iif };

	return env_run(env.sk->progs.sl_to_pod, p, &ctx);
}

int env_from_uplink(struct pkt *p)
{
	struct __sk_buff ctx = { .ifindex = env.up_if, .ingress_ifindex = env.up_if };

	return env_run(env.sk->progs.sl_from_uplink, p, &ctx);
}

int env_from_tunnel(struct pkt *p, const char *outer_src, uint32_t vni)
{
	struct __sk_buff ctx = { .ifindex = env.tun_if, .ingress_ifindex = env.tun_if };
	struct bpf_tunnel_key *key = &env.tun->bss->tunnel_key;
	union sl_addr src = addr_of(outer_src);

	memset(key, 0, sizeof(*key));
	key->tunnel_id = vni;
	if (strchr(outer_src, ':')) {
		memcpy(key->local_ipv6, src.b, 16);
		env.tun->bss->tunnel_flags = BPF_F_TUNINFO_IPV6;
	} else {
		key->local_ipv4 = ntohl(src.w[3]);
		env.tun->bss->tunnel_flags = 0;
	}
	return env_run(env.tun->progs.test_from_tunnel, p, &ctx);
}

int env_expire(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, o);

	if (bpf_prog_test_run_opts(bpf_program__fd(env.sk->progs.sl_expire), &o))
		fail_msg("sl_expire: %s", strerror(errno));
	return (int)o.retval;
}

void env_pod_pkt(unsigned int ep, struct pkt *p, struct pkt_spec s)
{
	if (!s.smac)
		s.smac = env.pod_mac[ep];
	if (!s.dmac)
		s.dmac = env.host_mac[ep];
	pkt_make(p, &s);
}

void env_stack_pkt(unsigned int ep, struct pkt *p, struct pkt_spec s)
{
	s.smac = env.host_mac[ep];
	s.dmac = env.pod_mac[ep];
	pkt_make(p, &s);
}

void env_link_pkt(struct pkt *p, struct pkt_spec s)
{
	s.smac = env.peer_mac;
	if (!s.dmac)
		s.dmac = env.up_mac;
	pkt_make(p, &s);
}

void env_tunnel_pkt(struct pkt *p, struct pkt_spec s)
{
	static const uint8_t any[6] = { 2, 0, 0, 0, 0, 9 };

	s.smac = any;
	if (!s.dmac)
		s.dmac = any;
	pkt_make(p, &s);
}

int env_pod_sends(unsigned int ep, struct pkt_spec s)
{
	struct pkt p;

	env_pod_pkt(ep, &p, s);
	return env_from_pod(ep, &p);
}

/* -------------------------------------------------------------- looking */

enum env_where env_flow_key(const struct sl_tuple *key, struct sl_flow *out)
{
	if (!bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_flow), key, out))
		return IN_FLOW;
	if (!bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_half), key, out))
		return IN_HALF;
	memset(out, 0, sizeof(*out));
	return NOWHERE;
}

static void spec_key(const struct pkt_spec *s, struct sl_tuple *key)
{
	uint8_t proto = s->proto ? s->proto : IPPROTO_TCP;
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;

	tuple_of(key, s->src, s->sport, s->dst, icmp ? s->sport : s->dport, proto);
}

enum env_where env_flow(const struct pkt_spec *s, struct sl_flow *out)
{
	struct sl_tuple key;

	spec_key(s, &key);
	return env_flow_key(&key, out);
}

void env_flow_put(enum env_where where, const struct pkt_spec *s, const struct sl_flow *f)
{
	struct sl_tuple key;

	spec_key(s, &key);
	put(where == IN_FLOW ? env.sk->maps.sl_flow : env.sk->maps.sl_half, &key, f);
}

void env_flow_del(const struct pkt_spec *s)
{
	struct sl_tuple key;

	spec_key(s, &key);
	bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_flow), &key);
	bpf_map_delete_elem(bpf_map__fd(env.sk->maps.sl_half), &key);
}

unsigned int env_entries(struct bpf_map *m)
{
	uint8_t key[64], next[64];
	unsigned int n = 0;
	void *prev = NULL;

	while (!bpf_map_get_next_key(bpf_map__fd(m), prev, next)) {
		memcpy(key, next, sizeof(key));
		prev = key;
		n++;
	}
	return n;
}

uint64_t env_count(enum sl_count count)
{
	static uint64_t v[CPUS_MAX];
	uint64_t sum = 0;
	uint32_t k = count;

	if (bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_count), &k, v))
		fail_msg("sl_count: %s", strerror(errno));
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += v[i];
	return sum;
}

uint64_t env_drops(enum sl_drop reason)
{
	static struct sl_counter v[CPUS_MAX];
	uint64_t sum = 0;
	uint32_t k = reason;

	if (bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_drop), &k, v))
		fail_msg("sl_drop: %s", strerror(errno));
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += v[i].packets;
	return sum;
}

uint64_t env_drops_by(enum sl_drop reason, uint32_t ep, uint32_t rule)
{
	struct sl_drop_key k = { .reason = reason, .ep = ep, .rule = rule };
	struct sl_counter v;

	return bpf_map_lookup_elem(bpf_map__fd(env.sk->maps.sl_drop_rule), &k, &v) ? 0 : v.packets;
}

static const char *const reasons[] = {
#define NAME(sym, name, text) [SL_DROP_##sym] = name,
	SL_DROP_REASONS(NAME)
#undef NAME
};

/* Names all that were counted since the last look, and how often. */
static const char *news(uint64_t *total, enum sl_drop reason, uint64_t *of_reason)
{
	static char text[256];
	size_t len = 0;
	uint64_t n;

	*total = *of_reason = 0;
	snprintf(text, sizeof(text), "nothing");
	for (int i = 0; i < __SL_DROP_MAX; i++) {
		n = env_drops(i) - seen[i];
		seen[i] += n;
		*total += n;
		if (i == (int)reason)
			*of_reason = n;
		if (n && len < sizeof(text))
			len += snprintf(text + len, sizeof(text) - len, "%s%s %d", len ? ", " : "",
					reasons[i], (int)n);
	}
	return text;
}

void env_expect_pass(int verdict, int want, const char *file, int line)
{
	uint64_t total, n;
	const char *what = news(&total, SL_DROP_NONE, &n);

	if (verdict == want && !total)
		return;
	print_error("verdict %d instead of %d, dropped: %s\n", verdict, want, what);
	_fail(file, line);
}

void env_expect_drop(int verdict, int want, enum sl_drop reason, const char *file, int line)
{
	uint64_t total, n;
	const char *what = news(&total, reason, &n);

	if (verdict == want && total == 1 && n == 1)
		return;
	print_error("verdict %d instead of %d, dropped: %s instead of %s once\n", verdict, want,
		    what, reasons[reason]);
	_fail(file, line);
}

void env_expect_csum(const struct pkt *p, const char *file, int line)
{
	const char *wrong = pkt_csum_wrong(p);

	if (!wrong)
		return;
	print_error("checksum wrong: %s\n", wrong);
	_fail(file, line);
}

void expect_pkt(const struct pkt *p, const char *src, uint16_t sport, const char *dst,
		uint16_t dport)
{
	union sl_addr want, got;
	uint8_t proto;
	size_t l4 = pkt_l4(p, &proto);

	want = addr_of(src);
	pkt_addr(p, false, &got);
	assert_memory_equal(&got, &want, 16);
	want = addr_of(dst);
	pkt_addr(p, true, &got);
	assert_memory_equal(&got, &want, 16);
	assert_int_equal(pkt_u16(p, l4), sport);
	assert_int_equal(pkt_u16(p, l4 + 2), dport);
	expect_csum(p);
}

struct pkt_spec env_reply(const struct pkt_spec *s)
{
	struct pkt_spec r = *s;

	r.src = s->dst;
	r.dst = s->src;
	if (s->proto != IPPROTO_ICMP && s->proto != IPPROTO_ICMPV6) {
		r.sport = s->dport;
		r.dport = s->sport;
	} else {
		r.type = s->proto == IPPROTO_ICMP ? 0 : 129;
	}
	return r;
}

void env_establish(unsigned int from, unsigned int to, const struct pkt_spec *s)
{
	struct pkt_spec a = *s, b = env_reply(s);
	struct sl_flow f;

	a.flags = TH_SYN;
	expect_pass(env_pod_sends(from, a), REDIRECT);
	b.flags = TH_SYN | TH_ACK;
	expect_pass(env_pod_sends(to, b), REDIRECT);
	a.flags = TH_ACK;
	expect_pass(env_pod_sends(from, a), REDIRECT);
	assert_int_equal(env_flow(s, &f), IN_FLOW);
	assert_int_equal(f.state, SL_FLOW_ESTABLISHED);
}
