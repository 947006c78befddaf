/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtnetlink in the few requests that sluice makes: links, addresses, routes,
 * neighbours; and sysctls, which belong to the same business. Built on
 * libnl-3's messages and sockets, without its object caches: every call is
 * one request and its answer, or one dump.
 *
 * Names begin with rt_, since libnl-route has rtnl_. Addresses are union
 * sl_addr (IPv4 as IPv4-mapped), prefixes struct sl_prefix (an IPv4 prefix
 * counts from bit 96), as everywhere in sluice. Functions return 0 or a
 * negative errno; after an error rt_error() has the kernel's words, if any.
 * A handle is for one thread at a time.
 */
#ifndef SLUICE_RTNL_H
#define SLUICE_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <linux/netlink.h>
#include "bpf/abi.h"

struct rt;

/* A socket in the caller's network namespace. */
int rt_open(struct rt **out);
/*
 * A socket in the namespace of @netns_fd, where it stays; the caller's thread
 * is back in its own when this returns. -EPERM needs CAP_SYS_ADMIN.
 */
int rt_open_at(int netns_fd, struct rt **out);
void rt_close(struct rt *rt);
/* What the kernel said about the last refused request, or ""; lives until the next call. */
const char *rt_error(const struct rt *rt);

/*
 * Calls @fn in the network namespace of @netns_fd and returns what it
 * returns. -ENOTRECOVERABLE: the way back failed; the caller must exit.
 */
int rt_netns_call(int netns_fd, int (*fn)(void *arg), void *arg);

/* ----------------------------------------------------------------- links */

struct rt_link {
	int ifindex;
	int link;		/* ifindex of the other end of a pair, in link_netnsid; 0: none */
	int link_netnsid;	/* -1: same namespace, or no pair */
	int master;		/* 0: none */
	unsigned int flags;	/* IFF_ */
	unsigned int mtu;	/* bytes */
	unsigned int type;	/* ARPHRD_ */
	__u8 operstate;		/* IF_OPER_ */
	__u8 mac[6];
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ];	/* "veth", "vxlan", …; "" for hardware */
	char alias[64];		/* cut there */
	bool external;		/* VXLAN, Geneve: collects metadata */
	__u16 port;		/* VXLAN, Geneve: UDP, host order */
};

struct rt_peer_new {
	const char *name;
	int netns_fd;		/* -1: the same namespace */
	const __u8 *mac;	/* NULL: the kernel's choice */
};

struct rt_link_new {
	const char *name;
	/*
	 * "veth" and "netkit" need @peer; netkit is made in layer 2 mode and
	 * drops at both ends until a program is attached. "vxlan" and
	 * "geneve" are made in collect-metadata mode on @port. Any other
	 * kind that needs no attributes ("dummy", "bridge") works too.
	 */
	const char *kind;
	unsigned int mtu;	/* bytes, both ends; 0: the kernel's choice */
	const __u8 *mac;	/* NULL: the kernel's choice */
	const struct rt_peer_new *peer;
	__u16 port;		/* UDP, host order */
};

/* The links are down after this. -EEXIST, -EOPNOTSUPP (no such kind). */
int rt_link_add(struct rt *rt, const struct rt_link_new *new);
/* Takes both ends of a pair away. -ENODEV. */
int rt_link_del(struct rt *rt, int ifindex);
/* -ENODEV. */
int rt_link_get(struct rt *rt, int ifindex, struct rt_link *out);
int rt_link_get_by_name(struct rt *rt, const char *name, struct rt_link *out);
/* A non-zero return of @cb stops and is returned. */
int rt_link_each(struct rt *rt, int (*cb)(void *arg, const struct rt_link *link), void *arg);

int rt_link_set_up(struct rt *rt, int ifindex, bool up);
/* Those of @flags (IFF_) that are in @mask. */
int rt_link_set_flags(struct rt *rt, int ifindex, unsigned int flags, unsigned int mask);
int rt_link_set_mtu(struct rt *rt, int ifindex, unsigned int mtu);
int rt_link_set_mac(struct rt *rt, int ifindex, const __u8 mac[6]);
/* Free text for people, shown by `ip link`; at most 255 bytes. */
int rt_link_set_alias(struct rt *rt, int ifindex, const char *alias);
/*
 * IPv4 settings of one device in one request, the same as the sysctls of
 * net.ipv4.conf.DEV but without their retries on a contended lock.
 * @id: IPV4_DEVCONF_ of linux/ip.h; end: id 0.
 */
struct rt_inet_conf {
	int id;
	int value;
};
int rt_link_set_inet(struct rt *rt, int ifindex, const struct rt_inet_conf *conf);
/* No link-local address is made when the link comes up. */
int rt_link_set_addr_gen_none(struct rt *rt, int ifindex);
/* Completes a carrier change that the kernel still has queued, so that the
 * device sends from now on; what ETHTOOL_GLINK does. */
int rt_link_sync(struct rt *rt, const char *name);

/* ------------------------------------------------------------- addresses */

struct rt_addr {
	int ifindex;
	struct sl_prefix prefix; /* the address itself, with its prefix length */
	unsigned int flags;	/* IFA_F_ */
	__u8 scope;		/* RT_SCOPE_ */
};

/* @flags: IFA_F_. -EEXIST. */
int rt_addr_add(struct rt *rt, int ifindex, const struct sl_prefix *addr, unsigned int flags);
/* -EADDRNOTAVAIL. */
int rt_addr_del(struct rt *rt, int ifindex, const struct sl_prefix *addr);
/* @ifindex: 0 for all links. */
int rt_addr_each(struct rt *rt, int ifindex,
		 int (*cb)(void *arg, const struct rt_addr *addr), void *arg);

/* ---------------------------------------------------------------- routes */

/* Light-weight tunnel: what a collect-metadata device is told with each packet. */
struct rt_encap {
	union sl_addr dst;	/* far end; all zero: no encapsulation */
	union sl_addr src;	/* all zero: the kernel's choice */
	__u32 id;		/* VNI */
};

struct rt_route {
	struct sl_prefix dst;	/* ::ffff:0:0/96 is IPv4's default route */
	union sl_addr via;	/* all zero: none; IPv4 may go by an IPv6 next hop */
	union sl_addr src;	/* preferred source; all zero: the kernel's choice */
	int ifindex;
	__u32 table;		/* 0: main */
	__u32 metric;		/* 0: the kernel's choice */
	__u32 mtu;		/* bytes; 0: the device's */
	__u8 protocol;		/* RTPROT_; 0: RTPROT_STATIC */
	__u8 type;		/* RTN_; 0: RTN_UNICAST */
	bool onlink;		/* @via needs no route of its own */
	struct rt_encap encap;
};

/* -EEXIST. */
int rt_route_add(struct rt *rt, const struct rt_route *route);
/* Takes the place of a route with the same destination, table and metric. */
int rt_route_replace(struct rt *rt, const struct rt_route *route);
/* -ESRCH. Fields that are zero match anything. */
int rt_route_del(struct rt *rt, const struct rt_route *route);
/* Single-path routes of @table (0: main) and @family (AF_UNSPEC: both). */
int rt_route_each(struct rt *rt, int family, __u32 table,
		  int (*cb)(void *arg, const struct rt_route *route), void *arg);
/* What the FIB says about @dst; -ENETUNREACH, -EHOSTUNREACH. */
int rt_route_get(struct rt *rt, const union sl_addr *dst, struct rt_route *out);

/* ------------------------------------------------------------ neighbours */

struct rt_neigh {
	int ifindex;
	union sl_addr addr;
	__u16 state;		/* NUD_ */
	__u8 mac[6];
};

/* A permanent entry; replaces what was there. */
int rt_neigh_set(struct rt *rt, int ifindex, const union sl_addr *addr, const __u8 mac[6]);
/* -ENOENT. */
int rt_neigh_del(struct rt *rt, int ifindex, const union sl_addr *addr);
/* -ENOENT. */
int rt_neigh_get(struct rt *rt, int ifindex, const union sl_addr *addr, struct rt_neigh *out);

/* --------------------------------------------------------------- changes */

/*
 * A socket that hears of changes: @groups is a mask of RTMGRP_. Read with
 * rt_watch_read() when rt_fd() is readable; @cb gets each message as it came.
 * -ENOBUFS: some were lost, read everything anew.
 */
int rt_watch_open(unsigned int groups, struct rt **out);
int rt_fd(const struct rt *rt);
int rt_watch_read(struct rt *rt, void (*cb)(void *arg, const struct nlmsghdr *nlh), void *arg);
/* What RTM_NEWLINK or RTM_DELLINK, RTM_NEWROUTE or RTM_DELROUTE speaks of. -EPROTO: neither. */
int rt_link_parse(const struct nlmsghdr *nlh, struct rt_link *out);
int rt_route_parse(const struct nlmsghdr *nlh, struct rt_route *out);

/* --------------------------------------------------------------- sysctls */

/*
 * @path: below /proc/sys, with slashes ("net/ipv4/ip_forward"), of the
 * caller's network namespace. Writes only when the value differs: reading is
 * allowed where /proc/sys is not writable. -ENOENT: the kernel has none.
 */
int rt_sysctl_set(const char *path, const char *value);
/* Without the newline; -ENOENT, -ENOSPC. */
int rt_sysctl_get(const char *path, char *buf, size_t len);

#endif /* SLUICE_RTNL_H */
