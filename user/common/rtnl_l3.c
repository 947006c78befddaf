// SPDX-License-Identifier: GPL-2.0
/* rtnetlink: addresses, routes and neighbours, see rtnl.h. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include "common/rtnl_impl.h"

/* TUNNEL_CSUM of the kernel's net/ip_tunnels.h, which no uapi header has. */
#define RT_TUNNEL_CSUM	0x0001

/* ------------------------------------- sluice's addresses and the kernel's */

static bool is_v4(const union sl_addr *a)
{
	return !a->d[0] && !a->h[4] && a->h[5] == 0xffff;
}

static bool is_zero(const union sl_addr *a)
{
	return !a->d[0] && !a->d[1];
}

static int family_of(const union sl_addr *a)
{
	return is_v4(a) ? AF_INET : AF_INET6;
}

/* ::ffff:0:0/95 and shorter are IPv6's, though the address looks mapped. */
static int prefix_family(const struct sl_prefix *p)
{
	union sl_addr a = p->addr;	/* struct sl_prefix is packed: no pointers into it */

	return is_v4(&a) && p->prefixlen >= 96 ? AF_INET : AF_INET6;
}

static int prefix_len(const struct sl_prefix *p)
{
	return prefix_family(p) == AF_INET ? p->prefixlen - 96 : p->prefixlen;
}

static int put_addr(struct nl_msg *msg, int attr, int family, const union sl_addr *a)
{
	return family == AF_INET ? nla_put(msg, attr, 4, &a->w[3]) : nla_put(msg, attr, 16, a);
}

static void get_addr(const struct nlattr *attr, int family, union sl_addr *out)
{
	if (family == AF_INET && nla_len(attr) == 4) {
		out->d[0] = 0;
		out->h[4] = 0;
		out->h[5] = 0xffff;
		memcpy(&out->w[3], nla_data(attr), 4);
	} else if (family == AF_INET6 && nla_len(attr) == 16) {
		memcpy(out, nla_data(attr), 16);
	}
}

static int finish(struct rt *rt, struct nl_msg *msg, bool failed)
{
	if (msg && failed) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return rt_talk(rt, msg, NULL);
}

/* ------------------------------------------------------------- addresses */

static int addr_change(struct rt *rt, int type, int ifindex, const struct rt_addr *a)
{
	int family = prefix_family(&a->prefix);
	union sl_addr addr = a->prefix.addr;
	struct ifaddrmsg ifa = {
		.ifa_family = family,
		.ifa_prefixlen = prefix_len(&a->prefix),
		.ifa_index = ifindex,
	};
	int flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nl_msg *msg = rt_msg(type, flags, &ifa, sizeof(ifa));

	return finish(rt, msg, msg && (put_addr(msg, IFA_LOCAL, family, &addr) ||
				       put_addr(msg, IFA_ADDRESS, family, &addr) ||
				       (a->flags && nla_put_u32(msg, IFA_FLAGS, a->flags))));
}

int rt_addr_add(struct rt *rt, int ifindex, const struct sl_prefix *addr, unsigned int flags)
{
	struct rt_addr a = {.prefix = *addr, .flags = flags};

	return addr_change(rt, RTM_NEWADDR, ifindex, &a);
}

int rt_addr_del(struct rt *rt, int ifindex, const struct sl_prefix *addr)
{
	struct rt_addr a = {.prefix = *addr};

	return addr_change(rt, RTM_DELADDR, ifindex, &a);
}

static int addr_item(struct rt *rt, struct nlmsghdr *nlh)
{
	struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct nlattr *tb[IFA_MAX + 1], *attr;
	union sl_addr addr = {};
	struct rt_addr *a;

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (nlmsg_parse(nlh, sizeof(*ifa), tb, IFA_MAX, NULL))
		return -EPROTO;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the far end's. */
	attr = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!attr)
		return 0;
	a = rt_item(rt, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->ifindex = ifa->ifa_index;
	a->scope = ifa->ifa_scope;
	a->flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	get_addr(attr, ifa->ifa_family, &addr);
	a->prefix.addr = addr;
	a->prefix.prefixlen = ifa->ifa_prefixlen + (ifa->ifa_family == AF_INET ? 96 : 0);
	return 0;
}

int rt_addr_each(struct rt *rt, int ifindex,
		 int (*cb)(void *arg, const struct rt_addr *addr), void *arg)
{
	struct ifaddrmsg ifa = {.ifa_index = ifindex};
	int err;

	/* With AF_UNSPEC every family would be asked and the filter refused by some. */
	for (int i = 0; i < 2; i++) {
		ifa.ifa_family = i ? AF_INET6 : AF_INET;
		err = rt_dump(rt, rt_msg(RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa)), addr_item);
		if (!err)
			err = rt_items_each(rt, struct rt_addr, cb, arg);
		if (err)
			return err;
	}
	return 0;
}

/* ---------------------------------------------------------------- routes */

static int put_metrics(struct nl_msg *msg, const struct rt_route *r)
{
	struct nlattr *nest;

	if (!r->mtu)
		return 0;
	nest = nla_nest_start(msg, RTA_METRICS);
	if (!nest || nla_put_u32(msg, RTAX_MTU, r->mtu))
		return -1;
	return nla_nest_end(msg, nest);
}

/* IP and IP6 number ID, DST and SRC alike. */
static int put_encap(struct nl_msg *msg, const struct rt_encap *e)
{
	int family = family_of(&e->dst);
	bool v4 = family == AF_INET;
	struct nlattr *nest;

	if (is_zero(&e->dst))
		return 0;
	if (nla_put_u16(msg, RTA_ENCAP_TYPE, v4 ? LWTUNNEL_ENCAP_IP : LWTUNNEL_ENCAP_IP6))
		return -1;
	nest = nla_nest_start(msg, RTA_ENCAP);
	if (!nest || nla_put_u64(msg, LWTUNNEL_IP_ID, htobe64(e->id)) ||
	    put_addr(msg, LWTUNNEL_IP_DST, family, &e->dst) ||
	    (!is_zero(&e->src) && put_addr(msg, LWTUNNEL_IP_SRC, family, &e->src)) ||
	    nla_put_u8(msg, v4 ? (int)LWTUNNEL_IP_TTL : (int)LWTUNNEL_IP6_HOPLIMIT, IPDEFTTL))
		return -1;
	/* UDP over IPv6 without a checksum is refused at the far end (RFC 8200, 8.1). */
	if (!v4 && nla_put_u16(msg, LWTUNNEL_IP6_FLAGS, htons(RT_TUNNEL_CSUM)))
		return -1;
	return nla_nest_end(msg, nest);
}

static int put_via(struct nl_msg *msg, int family, const union sl_addr *via)
{
	struct {
		__u16 family;
		__u8 addr[16];
	} hop = { .family = AF_INET6 };

	if (is_zero(via))
		return 0;
	if (family != AF_INET || is_v4(via))
		return put_addr(msg, RTA_GATEWAY, family, via);
	memcpy(hop.addr, via, sizeof(hop.addr));
	return nla_put(msg, RTA_VIA, sizeof(hop), &hop);
}

static int put_route(struct nl_msg *msg, int family, const struct rt_route *r)
{
	union sl_addr dst = r->dst.addr;

	return put_addr(msg, RTA_DST, family, &dst) ||
	       put_via(msg, family, &r->via) || put_encap(msg, &r->encap) ||
	       (!is_zero(&r->src) && put_addr(msg, RTA_PREFSRC, family, &r->src)) ||
	       (r->ifindex && nla_put_u32(msg, RTA_OIF, r->ifindex)) ||
	       (r->metric && nla_put_u32(msg, RTA_PRIORITY, r->metric)) ||
	       nla_put_u32(msg, RTA_TABLE, r->table ? r->table : RT_TABLE_MAIN) ||
	       put_metrics(msg, r);
}

static int route_change(struct rt *rt, int type, int flags, const struct rt_route *r)
{
	int family = prefix_family(&r->dst);
	bool del = type == RTM_DELROUTE;
	struct rtmsg rtm = {
		.rtm_family = family,
		.rtm_dst_len = prefix_len(&r->dst),
		.rtm_table = r->table < 256 ? r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = r->protocol ? r->protocol : del ? RTPROT_UNSPEC : RTPROT_STATIC,
		.rtm_scope = del ? RT_SCOPE_NOWHERE :
			     is_zero(&r->via) && r->ifindex ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = r->type ? r->type : del ? RTN_UNSPEC : RTN_UNICAST,
		.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0,
	};
	struct nl_msg *msg = rt_msg(type, flags, &rtm, sizeof(rtm));

	return finish(rt, msg, msg && put_route(msg, family, r));
}

int rt_route_add(struct rt *rt, const struct rt_route *route)
{
	return route_change(rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
}

int rt_route_replace(struct rt *rt, const struct rt_route *route)
{
	return route_change(rt, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

int rt_route_del(struct rt *rt, const struct rt_route *route)
{
	return route_change(rt, RTM_DELROUTE, 0, route);
}

static void parse_encap(struct rt_encap *e, struct nlattr *type, struct nlattr *nest)
{
	int kind = nla_get_u16(type), family = kind == LWTUNNEL_ENCAP_IP ? AF_INET : AF_INET6;
	struct nlattr *tb[LWTUNNEL_IP_MAX + 1];

	if ((kind != LWTUNNEL_ENCAP_IP && kind != LWTUNNEL_ENCAP_IP6) ||
	    nla_parse_nested(tb, LWTUNNEL_IP_MAX, nest, NULL))
		return;
	if (tb[LWTUNNEL_IP_ID])
		e->id = (__u32)be64toh(nla_get_u64(tb[LWTUNNEL_IP_ID]));
	if (tb[LWTUNNEL_IP_DST])
		get_addr(tb[LWTUNNEL_IP_DST], family, &e->dst);
	if (tb[LWTUNNEL_IP_SRC])
		get_addr(tb[LWTUNNEL_IP_SRC], family, &e->src);
}

static void parse_via(union sl_addr *via, const struct nlattr *attr)
{
	const struct rtvia *hop = nla_data(attr);

	if (nla_len(attr) == sizeof(*hop) + 16 && hop->rtvia_family == AF_INET6)
		memcpy(via, hop->rtvia_addr, 16);
}

/* How it goes on from here: by which device, next hop and tunnel. */
static void parse_next(struct rt_route *r, struct nlattr **tb, int family)
{
	if (tb[RTA_GATEWAY])
		get_addr(tb[RTA_GATEWAY], family, &r->via);
	if (tb[RTA_VIA])
		parse_via(&r->via, tb[RTA_VIA]);
	if (tb[RTA_OIF])
		r->ifindex = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_ENCAP] && tb[RTA_ENCAP_TYPE])
		parse_encap(&r->encap, tb[RTA_ENCAP_TYPE], tb[RTA_ENCAP]);
}

static void parse_route(struct rt_route *r, const struct rtmsg *rtm, struct nlattr **tb)
{
	struct nlattr *mx[RTAX_MAX + 1];
	union sl_addr dst = {};

	r->table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	r->protocol = rtm->rtm_protocol;
	r->type = rtm->rtm_type;
	r->onlink = rtm->rtm_flags & RTNH_F_ONLINK;
	r->dst.prefixlen = rtm->rtm_dst_len;
	if (rtm->rtm_family == AF_INET) {
		r->dst.prefixlen += 96;
		dst.h[5] = 0xffff;
	}
	if (tb[RTA_DST])
		get_addr(tb[RTA_DST], rtm->rtm_family, &dst);
	r->dst.addr = dst;
	parse_next(r, tb, rtm->rtm_family);
	if (tb[RTA_PREFSRC])
		get_addr(tb[RTA_PREFSRC], rtm->rtm_family, &r->src);
	if (tb[RTA_PRIORITY])
		r->metric = nla_get_u32(tb[RTA_PRIORITY]);
	if (tb[RTA_METRICS] && !nla_parse_nested(mx, RTAX_MAX, tb[RTA_METRICS], NULL) &&
	    mx[RTAX_MTU])
		r->mtu = nla_get_u32(mx[RTAX_MTU]);
}

static int route_item(struct rt *rt, struct nlmsghdr *nlh)
{
	struct rtmsg *rtm = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];
	struct rt_route *r;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nlh, sizeof(*rtm), tb, RTA_MAX, NULL))
		return -EPROTO;
	/* In a dump a cloned route is a cached exception; the answer to a look-up is always one. */
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || tb[RTA_MULTIPATH] ||
	    (rtm->rtm_flags & RTM_F_CLONED && nlh->nlmsg_flags & NLM_F_MULTI))
		return 0;
	r = rt_item(rt, sizeof(*r));
	if (!r)
		return -ENOMEM;
	parse_route(r, rtm, tb);
	return 0;
}

int rt_route_parse(const struct nlmsghdr *nlh, struct rt_route *out)
{
	struct rtmsg *rtm = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];

	if ((nlh->nlmsg_type != RTM_NEWROUTE && nlh->nlmsg_type != RTM_DELROUTE) ||
	    nlmsg_parse((struct nlmsghdr *)nlh, sizeof(*rtm), tb, RTA_MAX, NULL) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	parse_route(out, rtm, tb);
	return 0;
}

static int route_dump(struct rt *rt, int family, __u32 table)
{
	struct rtmsg rtm = {.rtm_family = family};
	struct nl_msg *msg = rt_msg(RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(rtm));
	int err;

	if (msg && nla_put_u32(msg, RTA_TABLE, table)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = rt_dump(rt, msg, route_item);
	/* A table that nobody has written to yet does not exist. */
	if (err == -ENOENT) {
		rt->nitems = 0;
		err = 0;
	}
	return err;
}

int rt_route_each(struct rt *rt, int family, __u32 table,
		  int (*cb)(void *arg, const struct rt_route *route), void *arg)
{
	static const int families[] = {AF_INET, AF_INET6};
	int err;

	for (int i = 0; i < 2; i++) {
		if (family != AF_UNSPEC && family != families[i])
			continue;
		err = route_dump(rt, families[i], table ? table : RT_TABLE_MAIN);
		if (!err)
			err = rt_items_each(rt, struct rt_route, cb, arg);
		if (err)
			return err;
	}
	return 0;
}

int rt_route_get(struct rt *rt, const union sl_addr *dst, struct rt_route *out)
{
	int family = family_of(dst), err;
	struct rtmsg rtm = {
		.rtm_family = family,
		.rtm_dst_len = family == AF_INET ? 32 : 128,
	};
	struct nl_msg *msg = rt_msg(RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	if (msg && put_addr(msg, RTA_DST, family, dst)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rt->nitems = 0;
	err = rt_talk(rt, msg, route_item);
	if (err)
		return err;
	if (rt->nitems != 1)
		return -EPROTO;
	*out = *(struct rt_route *)rt->items;
	return 0;
}

/* ------------------------------------------------------------ neighbours */

static struct nl_msg *neigh_msg(int type, int flags, int ifindex, const union sl_addr *addr)
{
	int family = family_of(addr);
	struct ndmsg ndm = {
		.ndm_family = family,
		.ndm_ifindex = ifindex,
		.ndm_state = type == RTM_NEWNEIGH ? NUD_PERMANENT : 0,
	};
	struct nl_msg *msg = rt_msg(type, flags, &ndm, sizeof(ndm));

	if (msg && put_addr(msg, NDA_DST, family, addr)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

int rt_neigh_set(struct rt *rt, int ifindex, const union sl_addr *addr, const __u8 mac[6])
{
	struct nl_msg *msg = neigh_msg(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, addr);

	return finish(rt, msg, msg && nla_put(msg, NDA_LLADDR, 6, mac));
}

int rt_neigh_del(struct rt *rt, int ifindex, const union sl_addr *addr)
{
	return rt_talk(rt, neigh_msg(RTM_DELNEIGH, 0, ifindex, addr), NULL);
}

static int neigh_item(struct rt *rt, struct nlmsghdr *nlh)
{
	struct ndmsg *ndm = nlmsg_data(nlh);
	struct nlattr *tb[NDA_MAX + 1];
	struct rt_neigh *n;

	if (nlh->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	if (nlmsg_parse(nlh, sizeof(*ndm), tb, NDA_MAX, NULL))
		return -EPROTO;
	n = rt_item(rt, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->ifindex = ndm->ndm_ifindex;
	n->state = ndm->ndm_state;
	if (tb[NDA_DST])
		get_addr(tb[NDA_DST], ndm->ndm_family, &n->addr);
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == (int)sizeof(n->mac))
		memcpy(n->mac, nla_data(tb[NDA_LLADDR]), sizeof(n->mac));
	return 0;
}

int rt_neigh_get(struct rt *rt, int ifindex, const union sl_addr *addr, struct rt_neigh *out)
{
	int err;

	rt->nitems = 0;
	err = rt_talk(rt, neigh_msg(RTM_GETNEIGH, 0, ifindex, addr), neigh_item);
	if (err)
		return err;
	if (rt->nitems != 1)
		return -EPROTO;
	*out = *(struct rt_neigh *)rt->items;
	return 0;
}
