// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink: the socket, requests and dumps, and links. Addresses, routes
 * and neighbours are in rtnl_l3.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "common/rtnl_impl.h"

/*
 * linux/if_link.h of 6.7 and later; spelled out since the headers that we
 * build against may be older than the kernel that we run on.
 */
enum {
	RT_NETKIT_PEER_INFO	= 1,
	RT_NETKIT_POLICY	= 3,
	RT_NETKIT_PEER_POLICY	= 4,
	RT_NETKIT_MODE		= 5,
	RT_NETKIT_L2		= 0,
	RT_NETKIT_BLACKHOLE	= 2,
};

/* ---------------------------------------------------------------- socket */

/* libnl turns errno into codes of its own and drops the kernel's words. */
static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	const struct nlmsghdr *nlh = (void *)((char *)e - NLMSG_HDRLEN);
	struct rt *rt = arg;
	struct nlattr *msg;

	(void)who;
	rt->err = e->error;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && nlh->nlmsg_flags & NLM_F_CAPPED) {
		msg = nla_find((void *)(e + 1), nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*e)),
			       NLMSGERR_ATTR_MSG);
		if (msg)
			snprintf(rt->text, sizeof(rt->text), "%.*s", nla_len(msg),
				 (const char *)nla_data(msg));
	}
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct rt *rt = arg;

	(void)msg;
	rt->done = true;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct rt *rt = arg;

	if (rt->parse)
		rt->err = rt->parse(rt, nlmsg_hdr(msg));
	return rt->err ? NL_STOP : NL_OK;
}

int rt_open(struct rt **out)
{
	struct rt *rt = calloc(1, sizeof(*rt));
	int one = 1, err;

	if (!rt)
		return -ENOMEM;
	rt->sk = nl_socket_alloc();
	rt->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!rt->sk || !rt->cb) {
		rt_close(rt);
		return -ENOMEM;
	}
	err = nl_connect(rt->sk, NETLINK_ROUTE);
	if (err) {
		rt_close(rt);
		return err == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
	}
	/* Dumps filtered by the kernel, answers that say why. */
	setsockopt(rt_fd(rt), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(rt_fd(rt), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(rt_fd(rt), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	nl_cb_err(rt->cb, NL_CB_CUSTOM, on_error, rt);
	nl_cb_set(rt->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, rt);
	nl_cb_set(rt->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_ack, rt);
	nl_cb_set(rt->cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, rt);
	*out = rt;
	return 0;
}

static int open_here(void *arg)
{
	return rt_open(arg);
}

int rt_open_at(int netns_fd, struct rt **out)
{
	return rt_netns_call(netns_fd, open_here, out);
}

void rt_close(struct rt *rt)
{
	if (!rt)
		return;
	nl_socket_free(rt->sk);
	nl_cb_put(rt->cb);
	free(rt->items);
	free(rt);
}

const char *rt_error(const struct rt *rt)
{
	return rt->text;
}

int rt_fd(const struct rt *rt)
{
	return nl_socket_get_fd(rt->sk);
}

int rt_netns_call(int netns_fd, int (*fn)(void *arg), void *arg)
{
	int own, ret;

	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	if (setns(netns_fd, CLONE_NEWNET)) {
		ret = -errno;
		goto out;
	}
	ret = fn(arg);
	if (setns(own, CLONE_NEWNET))
		ret = -ENOTRECOVERABLE;
out:
	close(own);
	return ret;
}

/* -------------------------------------------------------------- requests */

struct nl_msg *rt_msg(int type, int flags, const void *hdr, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)hdr, len, NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static int receive(struct rt *rt)
{
	rt->done = false;
	rt->err = 0;
	while (!rt->done && !rt->err) {
		int n = nl_recvmsgs(rt->sk, rt->cb);

		if (rt->err)
			break;
		if (n == -NLE_DUMP_INTR)
			return -EINTR;
		if (n == -NLE_NOMEM)
			return -ENOBUFS;
		if (n == -NLE_MSG_TRUNC)
			return -EMSGSIZE;
		if (n < 0)
			return -EIO;
	}
	return rt->err;
}

/* Frees @msg; NULL is one that could not be built. */
int rt_talk(struct rt *rt, struct nl_msg *msg, int (*parse)(struct rt *, struct nlmsghdr *))
{
	int err;

	rt->text[0] = 0;
	if (!msg)
		return -ENOMEM;
	rt->parse = parse;
	err = nl_send_auto(rt->sk, msg);
	nlmsg_free(msg);
	return err < 0 ? -EIO : receive(rt);
}

/*
 * Dumps into rt->items, and again from the start when the tables changed
 * meanwhile; so a caller sees one consistent state.
 */
int rt_dump(struct rt *rt, struct nl_msg *msg, int (*parse)(struct rt *, struct nlmsghdr *))
{
	int err = -EINTR;

	rt->text[0] = 0;
	if (!msg)
		return -ENOMEM;
	rt->parse = parse;
	for (int tries = 0; err == -EINTR && tries < 32; tries++) {
		rt->nitems = 0;
		nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
		nlmsg_hdr(msg)->nlmsg_pid = NL_AUTO_PORT;
		err = nl_send_auto(rt->sk, msg);
		err = err < 0 ? -EIO : receive(rt);
	}
	nlmsg_free(msg);
	return err == -EINTR ? -EAGAIN : err;
}

void *rt_item(struct rt *rt, size_t size)
{
	if (rt->nitems * size + size > rt->items_size) {
		size_t want = rt->items_size ? rt->items_size * 2 : 64 * size;
		void *items = realloc(rt->items, want);

		if (!items)
			return NULL;
		rt->items = items;
		rt->items_size = want;
	}
	return memset((char *)rt->items + rt->nitems++ * size, 0, size);
}

/* ----------------------------------------------------------------- links */

static void parse_tunnel(struct rt_link *link, struct nlattr *data)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_VXLAN_MAX, data, NULL))
		return;
	if (!strcmp(link->kind, "vxlan")) {
		link->external = tb[IFLA_VXLAN_COLLECT_METADATA] &&
				 nla_get_u8(tb[IFLA_VXLAN_COLLECT_METADATA]);
		if (tb[IFLA_VXLAN_PORT])
			link->port = ntohs(nla_get_u16(tb[IFLA_VXLAN_PORT]));
	} else if (!strcmp(link->kind, "geneve")) {
		link->external = tb[IFLA_GENEVE_COLLECT_METADATA];
		if (tb[IFLA_GENEVE_PORT])
			link->port = ntohs(nla_get_u16(tb[IFLA_GENEVE_PORT]));
	}
}

static void parse_linkinfo(struct rt_link *link, struct nlattr *linkinfo)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(info, IFLA_INFO_MAX, linkinfo, NULL) || !info[IFLA_INFO_KIND])
		return;
	nla_strlcpy(link->kind, info[IFLA_INFO_KIND], sizeof(link->kind));
	if (info[IFLA_INFO_DATA])
		parse_tunnel(link, info[IFLA_INFO_DATA]);
}

static int parse_link(struct rt_link *link, struct nlmsghdr *nlh)
{
	struct ifinfomsg *ifi = nlmsg_data(nlh);
	struct nlattr *tb[IFLA_MAX + 1];

	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    nlmsg_parse(nlh, sizeof(*ifi), tb, IFLA_MAX, NULL) || !tb[IFLA_IFNAME])
		return -EPROTO;
	link->ifindex = ifi->ifi_index;
	link->flags = ifi->ifi_flags;
	link->type = ifi->ifi_type;
	nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	if (tb[IFLA_MTU])
		link->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_LINK])
		link->link = nla_get_u32(tb[IFLA_LINK]);
	link->link_netnsid = tb[IFLA_LINK_NETNSID] ?
			     (int)nla_get_u32(tb[IFLA_LINK_NETNSID]) : -1;
	if (tb[IFLA_MASTER])
		link->master = nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_OPERSTATE])
		link->operstate = nla_get_u8(tb[IFLA_OPERSTATE]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == (int)sizeof(link->mac))
		memcpy(link->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(link->mac));
	if (tb[IFLA_IFALIAS])
		nla_strlcpy(link->alias, tb[IFLA_IFALIAS], sizeof(link->alias));
	if (tb[IFLA_LINKINFO])
		parse_linkinfo(link, tb[IFLA_LINKINFO]);
	return 0;
}

int rt_link_parse(const struct nlmsghdr *nlh, struct rt_link *out)
{
	/* A port that leaves a bridge is announced as a link that goes, of AF_BRIDGE. */
	if (!nlmsg_valid_hdr(nlh, sizeof(struct ifinfomsg)) ||
	    ((struct ifinfomsg *)nlmsg_data(nlh))->ifi_family != AF_UNSPEC)
		return -EPROTO;
	memset(out, 0, sizeof(*out));
	return parse_link(out, (struct nlmsghdr *)nlh);
}

static int link_item(struct rt *rt, struct nlmsghdr *nlh)
{
	struct rt_link *link = rt_item(rt, sizeof(*link));

	return link ? parse_link(link, nlh) : -ENOMEM;
}

static struct nl_msg *link_msg(int type, int flags, int ifindex, unsigned int up)
{
	struct ifinfomsg ifi = {
		.ifi_index = ifindex,
		.ifi_flags = up & IFF_UP,
		.ifi_change = up ? IFF_UP : 0,
	};

	return rt_msg(type, flags, &ifi, sizeof(ifi));
}

static int put_common(struct nl_msg *msg, const char *name, unsigned int mtu, const __u8 *mac)
{
	return (name && nla_put_string(msg, IFLA_IFNAME, name)) ||
	       (mtu && nla_put_u32(msg, IFLA_MTU, mtu)) ||
	       (mac && nla_put(msg, IFLA_ADDRESS, 6, mac));
}

static int put_peer(struct nl_msg *msg, int attr, const struct rt_link_new *new)
{
	struct ifinfomsg ifi = {};
	struct nlattr *nest = nla_nest_start(msg, attr);

	if (!nest || nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) ||
	    put_common(msg, new->peer->name, new->mtu, new->peer->mac) ||
	    (new->peer->netns_fd >= 0 &&
	     nla_put_u32(msg, IFLA_NET_NS_FD, new->peer->netns_fd)))
		return -1;
	return nla_nest_end(msg, nest);
}

static int put_kind_data(struct nl_msg *msg, const struct rt_link_new *new)
{
	if (!strcmp(new->kind, "veth"))
		return put_peer(msg, VETH_INFO_PEER, new);
	if (!strcmp(new->kind, "netkit"))
		return nla_put_u32(msg, RT_NETKIT_MODE, RT_NETKIT_L2) ||
		       nla_put_u32(msg, RT_NETKIT_POLICY, RT_NETKIT_BLACKHOLE) ||
		       nla_put_u32(msg, RT_NETKIT_PEER_POLICY, RT_NETKIT_BLACKHOLE) ||
		       put_peer(msg, RT_NETKIT_PEER_INFO, new);
	if (!strcmp(new->kind, "vxlan"))
		return nla_put_u8(msg, IFLA_VXLAN_COLLECT_METADATA, 1) ||
		       nla_put_u8(msg, IFLA_VXLAN_LEARNING, 0) ||
		       nla_put_u16(msg, IFLA_VXLAN_PORT, htons(new->port));
	if (!strcmp(new->kind, "geneve"))
		return nla_put_flag(msg, IFLA_GENEVE_COLLECT_METADATA) ||
		       nla_put_u16(msg, IFLA_GENEVE_PORT, htons(new->port));
	return 0;
}

static int put_linkinfo(struct nl_msg *msg, const struct rt_link_new *new)
{
	struct nlattr *info, *data;

	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, new->kind))
		return -1;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || put_kind_data(msg, new))
		return -1;
	nla_nest_end(msg, data);
	return nla_nest_end(msg, info);
}

int rt_link_add(struct rt *rt, const struct rt_link_new *new)
{
	struct nl_msg *msg;

	if (!new->peer && (!strcmp(new->kind, "veth") || !strcmp(new->kind, "netkit")))
		return -EINVAL;
	msg = link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	if (msg && (put_common(msg, new->name, new->mtu, new->mac) || put_linkinfo(msg, new))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return rt_talk(rt, msg, NULL);
}

int rt_link_del(struct rt *rt, int ifindex)
{
	/* Index 0 and no name would be an invitation to guess. */
	if (ifindex <= 0)
		return -ENODEV;
	return rt_talk(rt, link_msg(RTM_DELLINK, 0, ifindex, 0), NULL);
}

static int link_get(struct rt *rt, struct nl_msg *msg, struct rt_link *out)
{
	int err;

	/* Statistics and virtual functions can be long. */
	if (msg)
		nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	rt->nitems = 0;
	err = rt_talk(rt, msg, link_item);
	if (err)
		return err;
	if (rt->nitems != 1)
		return -EPROTO;
	*out = *(struct rt_link *)rt->items;
	return 0;
}

int rt_link_get(struct rt *rt, int ifindex, struct rt_link *out)
{
	if (ifindex <= 0)
		return -ENODEV;
	return link_get(rt, link_msg(RTM_GETLINK, 0, ifindex, 0), out);
}

int rt_link_get_by_name(struct rt *rt, const char *name, struct rt_link *out)
{
	struct nl_msg *msg;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	msg = link_msg(RTM_GETLINK, 0, 0, 0);
	if (msg)
		nla_put_string(msg, IFLA_IFNAME, name);
	return link_get(rt, msg, out);
}

int rt_link_each(struct rt *rt, int (*cb)(void *arg, const struct rt_link *link), void *arg)
{
	struct nl_msg *msg = link_msg(RTM_GETLINK, NLM_F_DUMP, 0, 0);
	int err;

	if (msg)
		nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = rt_dump(rt, msg, link_item);
	return err ? err : rt_items_each(rt, struct rt_link, cb, arg);
}

int rt_link_set_flags(struct rt *rt, int ifindex, unsigned int flags, unsigned int mask)
{
	struct ifinfomsg ifi = {
		.ifi_index = ifindex,
		.ifi_flags = flags & mask,
		.ifi_change = mask,
	};

	return rt_talk(rt, rt_msg(RTM_NEWLINK, 0, &ifi, sizeof(ifi)), NULL);
}

int rt_link_set_up(struct rt *rt, int ifindex, bool up)
{
	return rt_link_set_flags(rt, ifindex, up ? IFF_UP : 0, IFF_UP);
}

static int link_set(struct rt *rt, int ifindex, int attr, const void *data, int len)
{
	struct nl_msg *msg;

	if (ifindex <= 0)
		return -ENODEV;
	msg = link_msg(RTM_NEWLINK, 0, ifindex, 0);
	if (msg && nla_put(msg, attr, len, data)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return rt_talk(rt, msg, NULL);
}

int rt_link_set_mtu(struct rt *rt, int ifindex, unsigned int mtu)
{
	__u32 v = mtu;

	return link_set(rt, ifindex, IFLA_MTU, &v, sizeof(v));
}

int rt_link_set_mac(struct rt *rt, int ifindex, const __u8 mac[6])
{
	return link_set(rt, ifindex, IFLA_ADDRESS, mac, 6);
}

int rt_link_set_alias(struct rt *rt, int ifindex, const char *alias)
{
	return link_set(rt, ifindex, IFLA_IFALIAS, alias, strlen(alias));
}

/* The body of IFLA_AF_SPEC for one family: { family: { attr: … } } */
static struct nl_msg *af_spec(int ifindex, int family, int attr, const struct rt_inet_conf *conf)
{
	struct nl_msg *msg = link_msg(RTM_NEWLINK, 0, ifindex, 0);
	struct nlattr *spec, *fam, *in;

	if (!msg)
		return NULL;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	fam = spec ? nla_nest_start(msg, family) : NULL;
	if (!fam)
		goto err_free;
	if (conf) {
		in = nla_nest_start(msg, attr);
		if (!in)
			goto err_free;
		for (; conf->id; conf++)
			if (nla_put_u32(msg, conf->id, conf->value))
				goto err_free;
		nla_nest_end(msg, in);
	} else if (nla_put_u8(msg, attr, IN6_ADDR_GEN_MODE_NONE)) {
		goto err_free;
	}
	nla_nest_end(msg, fam);
	nla_nest_end(msg, spec);
	return msg;
err_free:
	nlmsg_free(msg);
	return NULL;
}

int rt_link_set_inet(struct rt *rt, int ifindex, const struct rt_inet_conf *conf)
{
	return rt_talk(rt, af_spec(ifindex, AF_INET, IFLA_INET_CONF, conf), NULL);
}

int rt_link_set_addr_gen_none(struct rt *rt, int ifindex)
{
	return rt_talk(rt, af_spec(ifindex, AF_INET6, IFLA_INET6_ADDR_GEN_MODE, NULL), NULL);
}

int rt_link_sync(struct rt *rt, const char *name)
{
	struct ethtool_value val = {.cmd = ETHTOOL_GLINK};
	struct ifreq ifr = {.ifr_data = (void *)&val};

	/* Any socket will do for this, and ours is in the right namespace. */
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(rt_fd(rt), SIOCETHTOOL, &ifr) ? -errno : 0;
}

/* --------------------------------------------------------------- changes */

int rt_watch_open(unsigned int groups, struct rt **out)
{
	/*
	 * Used only while messages wait. libnl's 32 KiB hold the news of some
	 * ten pods, and a hundred may come at once.
	 */
	int err, room = 8 << 20;
	struct rt *rt;

	err = rt_open(&rt);
	if (err)
		return err;
	if (setsockopt(rt_fd(rt), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(rt_fd(rt), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	nl_socket_disable_seq_check(rt->sk);
	nl_cb_set(rt->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, NULL, NULL);
	for (unsigned int g = 0; g < 32; g++)
		if (groups & (1U << g) && nl_socket_add_membership(rt->sk, g + 1)) {
			rt_close(rt);
			return -EPERM;
		}
	if (nl_socket_set_nonblocking(rt->sk)) {
		rt_close(rt);
		return -EIO;
	}
	*out = rt;
	return 0;
}

int rt_watch_read(struct rt *rt, void (*cb)(void *arg, const struct nlmsghdr *nlh), void *arg)
{
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t n = recv(rt_fd(rt), buf, sizeof(buf), MSG_DONTWAIT);
		int left = n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (struct nlmsghdr *nlh = (void *)buf; nlmsg_ok(nlh, left);
		     nlh = nlmsg_next(nlh, &left))
			cb(arg, nlh);
	}
}

/* --------------------------------------------------------------- sysctls */

static int sysctl_open(const char *path, int flags)
{
	char full[PATH_MAX];
	int fd;

	if ((size_t)snprintf(full, sizeof(full), "/proc/sys/%s", path) >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rt_sysctl_get(const char *path, char *buf, size_t len)
{
	int fd = sysctl_open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, len);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	if ((size_t)n == len)
		return -ENOSPC;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return 0;
}

int rt_sysctl_set(const char *path, const char *value)
{
	char old[256];
	int fd, err = 0;

	if (!rt_sysctl_get(path, old, sizeof(old)) && !strcmp(old, value))
		return 0;
	fd = sysctl_open(path, O_WRONLY);
	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}
