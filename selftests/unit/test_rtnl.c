// SPDX-License-Identifier: GPL-2.0
/* rtnetlink: what is asked of the kernel is there afterwards, and reads back the same. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/rtnl.h"
#include "lib/sluice.h"
#include "unit.h"

#define OPER_UP 6	/* IF_OPER_UP of linux/if.h, which net/if.h has no room for */

static const __u8 mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};
static int pod_fd;
static struct rt *host, *pod;

/* Two namespaces that nobody else is in; the process stays in the first. */
static int setup(void **state)
{
	int host_fd;

	(void)state;
	if (unshare(CLONE_NEWNET))
		return 0;
	host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET))
		return -1;
	pod_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(host_fd, CLONE_NEWNET))
		return -1;
	close(host_fd);
	return rt_open(&host) || rt_open_at(pod_fd, &pod) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	rt_close(host);
	rt_close(pod);
	return 0;
}

#define need_root()                                                            \
	do {                                                                   \
		if (!host)                                                     \
			unit_skip("no root: no network namespaces");           \
	} while (0)

static union sl_addr addr(const char *text)
{
	union sl_addr a;

	assert_int_equal(sluice_addr_parse(text, &a), 0);
	return a;
}

static struct sl_prefix prefix(const char *text)
{
	struct sl_prefix p;

	assert_int_equal(sluice_prefix_parse(text, true, &p), 0);
	return p;
}

static struct sl_prefix full(const char *text)
{
	struct sl_prefix p = {.prefixlen = 128, .addr = addr(text)};

	return p;
}

static int new_pair(const char *name, const char *peer_name)
{
	struct rt_peer_new peer = {.name = peer_name, .netns_fd = pod_fd, .mac = mac_b};
	struct rt_link_new new = {
		.name = name, .kind = "veth", .mtu = 1400, .mac = mac_a, .peer = &peer,
	};

	return rt_link_add(host, &new);
}

/* A pair that is up at both ends; removed by the caller. */
static void up_pair(struct rt_link *a, struct rt_link *b)
{
	assert_int_equal(new_pair("a", "b"), 0);
	assert_int_equal(rt_link_get_by_name(host, "a", a), 0);
	assert_int_equal(rt_link_get_by_name(pod, "b", b), 0);
	assert_int_equal(rt_link_set_up(pod, b->ifindex, true), 0);
	assert_int_equal(rt_link_set_up(host, a->ifindex, true), 0);
}

static void pair(void **state)
{
	struct rt_link a, b;

	(void)state;
	need_root();
	assert_int_equal(new_pair("a", "b"), 0);
	assert_int_equal(rt_link_get_by_name(host, "a", &a), 0);
	assert_int_equal(rt_link_get_by_name(pod, "b", &b), 0);
	assert_string_equal(a.kind, "veth");
	assert_string_equal(b.kind, "veth");
	assert_memory_equal(a.mac, mac_a, 6);
	assert_memory_equal(b.mac, mac_b, 6);
	assert_int_equal(a.mtu, 1400);
	assert_int_equal(b.mtu, 1400);
	assert_int_equal(a.link, b.ifindex);
	assert_int_equal(b.link, a.ifindex);
	assert_int_equal(a.flags & IFF_UP, 0);
	assert_int_equal(b.flags & IFF_UP, 0);
	/* both names are refused, and the kernel is quoted only if it said something */
	assert_int_equal(new_pair("a", "c"), -EEXIST);
	assert_int_equal(new_pair("c", "b"), -EEXIST);
	assert_int_equal(rt_link_get_by_name(host, "b", &b), -ENODEV);
	assert_int_equal(rt_link_get_by_name(host, "c", &b), -ENODEV);
	assert_int_equal(rt_link_get_by_name(host, "", &b), -ENODEV);
	assert_int_equal(rt_link_get_by_name(host, "a-name-that-is-too-long", &b), -ENODEV);
	assert_int_equal(rt_link_get(host, 0, &b), -ENODEV);
	assert_int_equal(rt_link_set_up(host, a.ifindex, true), 0);
	assert_int_equal(rt_link_get(host, a.ifindex, &a), 0);
	assert_true(a.flags & IFF_UP);
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
	assert_int_equal(rt_link_del(host, a.ifindex), -ENODEV);
	assert_int_equal(rt_link_del(host, 0), -ENODEV);
	assert_int_equal(rt_link_get_by_name(pod, "b", &b), -ENODEV);
}

static void refused(void **state)
{
	struct rt_link_new no_peer = {.name = "x", .kind = "veth"};
	struct rt_link_new no_kind = {.name = "x", .kind = "no-such-kind"};
	struct rt_link link;

	(void)state;
	need_root();
	assert_int_equal(rt_link_add(host, &no_peer), -EINVAL);
	assert_int_equal(rt_link_add(host, &no_kind), -EOPNOTSUPP);
	assert_string_not_equal(rt_error(host), "");
	assert_int_equal(rt_link_get_by_name(host, "lo", &link), 0);
	assert_string_equal(rt_error(host), "");
}

static void settings(void **state)
{
	static const struct rt_inet_conf inet[] = {
		{IPV4_DEVCONF_RP_FILTER, 2}, {IPV4_DEVCONF_FORWARDING, 1}, {},
	};
	struct rt_link a, b;
	char buf[64];

	(void)state;
	need_root();
	assert_int_equal(new_pair("a", "b"), 0);
	assert_int_equal(rt_link_get_by_name(host, "a", &a), 0);
	assert_int_equal(rt_link_set_mtu(host, a.ifindex, 1300), 0);
	assert_int_equal(rt_link_set_mac(host, a.ifindex, mac_b), 0);
	assert_int_equal(rt_link_set_alias(host, a.ifindex, "shop/web-1"), 0);
	assert_int_equal(rt_link_set_inet(host, a.ifindex, inet), 0);
	assert_int_equal(rt_link_set_addr_gen_none(host, a.ifindex), 0);
	assert_int_equal(rt_link_get(host, a.ifindex, &a), 0);
	assert_int_equal(a.mtu, 1300);
	assert_memory_equal(a.mac, mac_b, 6);
	assert_int_equal(rt_sysctl_get("net/ipv4/conf/a/rp_filter", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "2");
	assert_int_equal(rt_sysctl_get("net/ipv4/conf/a/forwarding", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1");
	assert_int_equal(rt_sysctl_get("net/ipv6/conf/a/addr_gen_mode", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1");
	assert_int_equal(rt_link_get_by_name(pod, "b", &b), 0);
	assert_int_equal(rt_link_set_up(pod, b.ifindex, true), 0);
	assert_int_equal(rt_link_set_up(host, a.ifindex, true), 0);
	assert_int_equal(rt_link_sync(pod, "b"), 0);
	assert_int_equal(rt_link_get(pod, b.ifindex, &b), 0);
	assert_int_equal(b.operstate, OPER_UP);
	assert_int_equal(rt_link_sync(pod, "none"), -ENODEV);
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
}

static void sysctls(void **state)
{
	char buf[8];

	(void)state;
	need_root();
	assert_int_equal(rt_sysctl_set("net/ipv4/ip_forward", "1"), 0);
	assert_int_equal(rt_sysctl_get("net/ipv4/ip_forward", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1");
	assert_int_equal(rt_sysctl_set("net/ipv4/ip_forward", "1"), 0);
	assert_int_equal(rt_sysctl_set("net/ipv4/no_such_thing", "1"), -ENOENT);
	assert_int_equal(rt_sysctl_get("net/ipv4/no_such_thing", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(rt_sysctl_get("net/ipv4/tcp_congestion_control", buf, 2), -ENOSPC);
}

static int in_pod(void *arg)
{
	return rt_sysctl_get("net/ipv4/ip_forward", arg, 8);
}

static void namespaces(void **state)
{
	char own[8], other[8];

	(void)state;
	need_root();
	assert_int_equal(rt_sysctl_set("net/ipv4/ip_forward", "1"), 0);
	assert_int_equal(rt_netns_call(pod_fd, in_pod, other), 0);
	assert_string_equal(other, "0");
	assert_int_equal(rt_sysctl_get("net/ipv4/ip_forward", own, sizeof(own)), 0);
	assert_string_equal(own, "1");
	assert_int_equal(rt_netns_call(-1, in_pod, other), -EBADF);
}

/* ------------------------------------------------- addresses, routes, neighbours */

struct found {
	struct sl_prefix prefix;
	int n, all;
	struct rt_route route;
};

static int find_addr(void *arg, const struct rt_addr *a)
{
	struct found *f = arg;

	f->all++;
	f->n += !memcmp(&a->prefix, &f->prefix, sizeof(f->prefix));
	return 0;
}

static void addresses(void **state)
{
	static const char *const texts[] = {"10.1.0.5/32", "10.2.0.5/24", "fd00::5/128",
					    "fd01::5/64"};
	struct rt_link a, b;

	(void)state;
	need_root();
	up_pair(&a, &b);
	for (size_t i = 0; i < 4; i++) {
		struct found f = {.prefix = prefix(texts[i])};
		struct sl_prefix p = {.prefixlen = f.prefix.prefixlen};
		char text[64];

		/* The address itself, with the length of its network. */
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(texts[i], "/"), texts[i]);
		p.addr = addr(text);
		f.prefix = p;
		assert_int_equal(rt_addr_add(pod, b.ifindex, &p, i > 1 ? IFA_F_NODAD : 0), 0);
		assert_int_equal(rt_addr_add(pod, b.ifindex, &p, 0), -EEXIST);
		assert_int_equal(rt_addr_each(pod, b.ifindex, find_addr, &f), 0);
		assert_int_equal(f.n, 1);
		f.n = 0;
		assert_int_equal(rt_addr_each(pod, 0, find_addr, &f), 0);
		assert_int_equal(f.n, 1);
		assert_int_equal(rt_addr_del(pod, b.ifindex, &p), 0);
		assert_int_equal(rt_addr_del(pod, b.ifindex, &p), -EADDRNOTAVAIL);
		f.n = 0;
		assert_int_equal(rt_addr_each(pod, b.ifindex, find_addr, &f), 0);
		assert_int_equal(f.n, 0);
	}
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
}

static int find_route(void *arg, const struct rt_route *r)
{
	struct found *f = arg;

	f->all++;
	if (!memcmp(&r->dst, &f->prefix, sizeof(f->prefix))) {
		f->route = *r;
		f->n++;
	}
	return 0;
}

static void routes(void **state)
{
	static const struct {
		const char *dst, *via;
		__u32 table, metric, mtu;
	} cases[] = {
		{"10.9.0.0/16", NULL, 0, 0, 0},
		{"10.9.1.1/32", NULL, 0, 77, 1280},
		{"0.0.0.0/0", "169.254.1.1", 0, 0, 0},
		{"10.9.2.0/24", "169.254.1.1", 4000, 5, 0},
		{"fd09::/64", NULL, 0, 50, 0},
		{"fd09::7/128", NULL, 300, 51, 1300},
		{"::/0", "fe80::1", 0, 52, 0},
	};
	struct rt_link a, b;

	(void)state;
	need_root();
	up_pair(&a, &b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rt_route r = {
			.dst = prefix(cases[i].dst), .ifindex = b.ifindex, .table = cases[i].table,
			.metric = cases[i].metric, .mtu = cases[i].mtu, .onlink = cases[i].via,
		};
		struct found f = {.prefix = r.dst};
		int family = strchr(cases[i].dst, ':') ? AF_INET6 : AF_INET;

		if (cases[i].via)
			r.via = addr(cases[i].via);
		assert_int_equal(rt_route_add(pod, &r), 0);
		assert_int_equal(rt_route_add(pod, &r), -EEXIST);
		assert_int_equal(rt_route_replace(pod, &r), 0);
		assert_int_equal(rt_route_each(pod, family, r.table, find_route, &f), 0);
		assert_int_equal(f.n, 1);
		assert_int_equal(f.route.ifindex, b.ifindex);
		assert_int_equal(f.route.metric, r.metric);
		assert_int_equal(f.route.mtu, r.mtu);
		assert_int_equal(f.route.protocol, RTPROT_STATIC);
		assert_memory_equal(&f.route.via, &r.via, sizeof(r.via));
		assert_int_equal(f.route.onlink, r.onlink);
		assert_int_equal(rt_route_del(pod, &r), 0);
		assert_int_equal(rt_route_del(pod, &r), -ESRCH);
		f.n = 0;
		assert_int_equal(rt_route_each(pod, AF_UNSPEC, r.table, find_route, &f), 0);
		assert_int_equal(f.n, 0);
	}
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
}

static void look_up(void **state)
{
	static const char *const dst[] = {"10.9.0.7", "fd09::7"};
	struct rt_link a, b;

	(void)state;
	need_root();
	up_pair(&a, &b);
	for (int i = 0; i < 2; i++) {
		struct rt_route r = {.dst = full(dst[i]), .ifindex = b.ifindex}, found;
		union sl_addr to = addr(dst[i]);

		assert_int_equal(rt_route_get(pod, &to, &found), -ENETUNREACH);
		assert_int_equal(rt_route_add(pod, &r), 0);
		assert_int_equal(rt_route_get(pod, &to, &found), 0);
		assert_int_equal(found.ifindex, b.ifindex);
		assert_int_equal(rt_route_del(pod, &r), 0);
	}
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
}

static void neighbours(void **state)
{
	static const char *const texts[] = {"169.254.1.1", "fe80::1"};
	struct rt_link a, b;

	(void)state;
	need_root();
	up_pair(&a, &b);
	for (int i = 0; i < 2; i++) {
		union sl_addr to = addr(texts[i]);
		struct rt_neigh n;

		assert_int_equal(rt_neigh_get(pod, b.ifindex, &to, &n), -ENOENT);
		assert_int_equal(rt_neigh_set(pod, b.ifindex, &to, mac_b), 0);
		assert_int_equal(rt_neigh_set(pod, b.ifindex, &to, mac_a), 0);
		assert_int_equal(rt_neigh_get(pod, b.ifindex, &to, &n), 0);
		assert_memory_equal(n.mac, mac_a, 6);
		assert_true(n.state & NUD_PERMANENT);
		assert_memory_equal(&n.addr, &to, sizeof(to));
		assert_int_equal(rt_neigh_del(pod, b.ifindex, &to), 0);
		assert_int_equal(rt_neigh_del(pod, b.ifindex, &to), -ENOENT);
	}
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
}

/* A callback may ask questions of its own on the same handle, and stop the walk. */
static int ask_again(void *arg, const struct rt_link *link)
{
	struct rt_link same;

	assert_int_equal(rt_link_get(host, link->ifindex, &same), 0);
	assert_string_equal(same.name, link->name);
	++*(int *)arg;
	return strcmp(link->name, "a") ? 0 : 7;
}

static void walks(void **state)
{
	struct rt_link a, b;
	int n = 0;

	(void)state;
	need_root();
	up_pair(&a, &b);
	assert_int_equal(rt_link_each(host, ask_again, &n), 7);
	assert_true(n >= 2);
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
	n = 0;
	assert_int_equal(rt_link_each(host, ask_again, &n), 0);
	assert_true(n >= 1);
}

static void on_change(void *arg, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK)
		*(int *)arg = ifi->ifi_index;
}

static void changes(void **state)
{
	struct rt_link a;
	struct pollfd pfd = {.events = POLLIN};
	struct rt *watch;
	int seen = 0;

	(void)state;
	need_root();
	assert_int_equal(rt_watch_open(RTMGRP_LINK, &watch), 0);
	assert_int_equal(rt_watch_read(watch, on_change, &seen), 0);
	assert_int_equal(seen, 0);
	assert_int_equal(new_pair("a", "b"), 0);
	pfd.fd = rt_fd(watch);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(rt_watch_read(watch, on_change, &seen), 0);
	assert_int_equal(rt_link_get_by_name(host, "a", &a), 0);
	assert_int_equal(seen, a.ifindex);
	assert_int_equal(rt_link_del(host, a.ifindex), 0);
	rt_close(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair),	      cmocka_unit_test(refused),
		cmocka_unit_test(settings),   cmocka_unit_test(sysctls),
		cmocka_unit_test(namespaces), cmocka_unit_test(addresses),
		cmocka_unit_test(routes),     cmocka_unit_test(look_up),
		cmocka_unit_test(neighbours), cmocka_unit_test(walks),
		cmocka_unit_test(changes),
	};

	return unit_run(tests, setup, teardown);
}
