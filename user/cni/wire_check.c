// SPDX-License-Identifier: GPL-2.0
/* CHECK of a pair of interfaces: is everything as ADD has left it? */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "cni/wire.h"

static bool is_set(const union sl_addr *a)
{
	return a->d[0] || a->d[1];
}

__attribute__((format(printf, 3, 4)))
static int wrong(struct cni_error *err, const char *where, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cni_fail(err, CNI_CODE_CHECK, "attachment is not in order", "%s: %s", where, text);
}

/* One end of the pair, as the record has it. */
struct end {
	struct rt *rt;
	const char *name;
	const __u8 *mac;
	unsigned int mtu;
	const char *kind;
};

static int check_link(const struct end *e, struct rt_link *link, struct cni_error *err)
{
	int ret;

	ret = rt_link_get_by_name(e->rt, e->name, link);
	if (ret)
		return wrong(err, e->name, "no such interface: %s", strerror(-ret));
	if (strcmp(link->kind, e->kind))
		return wrong(err, e->name, "is a %s, not a %s", link->kind, e->kind);
	if (memcmp(link->mac, e->mac, 6))
		return wrong(err, e->name, "has another MAC address");
	if (link->mtu > e->mtu)
		return wrong(err, e->name, "MTU is %u, more than %u", link->mtu, e->mtu);
	if (!(link->flags & IFF_UP))
		return wrong(err, e->name, "is down");
	return 0;
}

static int check_neigh(struct rt *rt, const struct rt_link *link, const union sl_addr *addr,
		       const __u8 mac[6], struct cni_error *err)
{
	char text[SLUICE_ADDR_STRLEN];
	struct rt_neigh n;

	sluice_addr_format(addr, text);
	if (rt_neigh_get(rt, link->ifindex, addr, &n) || !(n.state & NUD_PERMANENT) ||
	    memcmp(n.mac, mac, 6))
		return wrong(err, link->name, "no permanent neighbour entry for %s", text);
	return 0;
}

/* ----------------------------------------------------- looking for one thing */

struct wanted {
	int ifindex;
	struct sl_prefix prefix;	/* address, or destination */
	union sl_addr via;
	bool found;
};

static bool same(const struct sl_prefix *a, const struct sl_prefix *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int match_addr(void *arg, const struct rt_addr *a)
{
	struct wanted *w = arg;

	w->found |= same(&a->prefix, &w->prefix);
	return 0;
}

static int match_route(void *arg, const struct rt_route *r)
{
	struct wanted *w = arg;

	w->found |= r->ifindex == w->ifindex && same(&r->dst, &w->prefix) &&
		    !memcmp(&r->via, &w->via, sizeof(r->via));
	return 0;
}

static int check_route(struct rt *rt, struct wanted *w, int family, const char *where,
		       struct cni_error *err)
{
	char text[SLUICE_PREFIX_STRLEN];
	int ret;

	ret = rt_route_each(rt, family == SL_FAMILY_V4 ? AF_INET : AF_INET6, 0, match_route, w);
	if (ret)
		return wrong(err, where, "cannot read the routes: %s", strerror(-ret));
	if (!w->found)
		return wrong(err, where, "no route to %s", sluice_prefix_format(&w->prefix, text));
	return 0;
}

static int check_pod_family(struct wire *w, const struct rt_link *pod, const struct record *rec,
			    int family, struct cni_error *err)
{
	struct wanted want = {
		.prefix = {.prefixlen = 128, .addr = rec->addr[family]},
	};
	char text[SLUICE_ADDR_STRLEN];
	int ret;

	ret = rt_addr_each(w->pod, pod->ifindex, match_addr, &want);
	if (ret)
		return wrong(err, pod->name, "cannot read the addresses: %s", strerror(-ret));
	if (!want.found)
		return wrong(err, pod->name, "has not the address %s",
			     sluice_addr_format(&rec->addr[family], text));
	return 0;
}

static int check_pod_route(struct wire *w, const struct rt_link *pod, const struct record *rec,
			   int family, const union sl_addr *gateway, struct cni_error *err)
{
	struct wanted want = {.ifindex = pod->ifindex, .via = *gateway};

	if (family == SL_FAMILY_V4) {
		want.prefix.prefixlen = 96;
		want.prefix.addr.h[5] = 0xffff;
	}
	if (check_neigh(w->pod, pod, gateway, rec->host_mac, err))
		return -1;
	return check_route(w->pod, &want, family, pod->name, err);
}

static int check_host_family(struct wire *w, const struct rt_link *host, const struct record *rec,
			     int family, struct cni_error *err)
{
	struct wanted want = {
		.ifindex = host->ifindex,
		.prefix = {.prefixlen = 128, .addr = rec->addr[family]},
	};

	if (check_neigh(w->host, host, &rec->addr[family], rec->mac, err))
		return -1;
	return check_route(w->host, &want, family, host->name, err);
}

int wire_check(struct wire *w, const struct record *rec,
	       const union sl_addr gateway[__SL_FAMILY_MAX], bool routes, struct cni_error *err)
{
	const char *kind = rec->netkit ? "netkit" : "veth";
	struct end host_end = {w->host, rec->host_ifname, rec->host_mac, rec->mtu, kind};
	struct end pod_end = {w->pod, rec->ifname, rec->mac, rec->mtu, kind};
	struct rt_link host, pod;

	if (check_link(&host_end, &host, err) || check_link(&pod_end, &pod, err))
		return -1;
	if (host.ifindex != rec->host_ifindex)
		return wrong(err, host.name, "is another interface than at ADD");
	if (pod.link != host.ifindex || host.link != pod.ifindex)
		return wrong(err, pod.name, "is not the other end of %s", host.name);
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!is_set(&rec->addr[f]))
			continue;
		if (check_pod_family(w, &pod, rec, f, err) ||
		    check_host_family(w, &host, rec, f, err))
			return -1;
		if (routes && check_pod_route(w, &pod, rec, f, &gateway[f], err))
			return -1;
	}
	return 0;
}
