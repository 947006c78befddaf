// SPDX-License-Identifier: GPL-2.0
/*
 * The pair of interfaces, see wire.h.
 *
 * The pod's end has /32 and /128 addresses, default routes by a link-local
 * gateway that no interface has, and permanent neighbour entries that say the
 * gateway is the node's end. The node's end has no address at all: the node
 * reaches the pod by a route to the device and a permanent neighbour entry.
 * So neither side ever asks who has an address, nothing is there to be
 * forged, and no address of the node is spent on pods.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cni/wire.h"

static bool is_set(const union sl_addr *a)
{
	return a->d[0] || a->d[1];
}

static struct sl_prefix single(const union sl_addr *a)
{
	return (struct sl_prefix){.prefixlen = 128, .addr = *a};
}

/* ::/0, or IPv4's in the mapped form. */
static struct sl_prefix everything(int family)
{
	struct sl_prefix p = {};

	if (family == SL_FAMILY_V4) {
		p.prefixlen = 96;
		p.addr.h[5] = 0xffff;
	}
	return p;
}

static int kernel(struct cni_error *err, const struct rt *rt, const char *what, int ret)
{
	return cni_fail(err, CNI_CODE_KERNEL, "the kernel refused", "%s: %s%s%s", what,
			strerror(-ret), *rt_error(rt) ? ": " : "", rt_error(rt));
}

/* FNV-1a; the name is no secret, it only has to be the same each time. */
void wire_host_ifname(const char *container_id, const char *ifname, char out[IFNAMSIZ])
{
	__u64 h = 0xcbf29ce484222325ULL;

	for (const char *p = container_id; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	h = (h ^ ':') * 0x100000001b3ULL;
	for (const char *p = ifname; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	/* The low bits of the last byte have seen one multiplication only. */
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 32;
	snprintf(out, IFNAMSIZ, "sl%013llx", (unsigned long long)(h & 0xfffffffffffffULL));
}

/* -------------------------------------------------------------- namespaces */

static int open_netns(const char *path, struct cni_error *err)
{
	struct stat own, st;
	int fd;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return cni_fail(err, errno == ENOENT ? CNI_CODE_CONTAINER : CNI_CODE_ENVIRONMENT,
				"no such network namespace", "CNI_NETNS: '%.200s': %s", path,
				strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		cni_fail(err, CNI_CODE_ENVIRONMENT, "no network namespace",
			 "CNI_NETNS: '%.200s': not a network namespace", path);
		goto err_close;
	}
	if (stat("/proc/self/ns/net", &own) || fstat(fd, &st)) {
		cni_fail_errno(err, CNI_CODE_KERNEL, "/proc/self/ns/net", -errno);
		goto err_close;
	}
	if (own.st_dev == st.st_dev && own.st_ino == st.st_ino) {
		cni_fail(err, CNI_CODE_ENVIRONMENT, "not a pod's network namespace",
			 "CNI_NETNS: '%.200s': the plugin runs in the same one", path);
		goto err_close;
	}
	return fd;
err_close:
	close(fd);
	return -1;
}

int wire_open(const char *netns, struct wire *w, struct cni_error *err)
{
	int ret;

	memset(w, 0, sizeof(*w));
	w->netns_fd = open_netns(netns, err);
	if (w->netns_fd < 0)
		return -1;
	ret = rt_open(&w->host);
	if (!ret)
		ret = rt_open_at(w->netns_fd, &w->pod);
	if (ret) {
		cni_fail_errno(err, CNI_CODE_KERNEL, "cannot open rtnetlink", ret);
		wire_close(w);
		return -1;
	}
	return 0;
}

void wire_close(struct wire *w)
{
	rt_close(w->host);
	rt_close(w->pod);
	close(w->netns_fd);
}

static int read_cookie(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	socklen_t len = sizeof(__u64);

	if (fd < 0)
		return -errno;
	err = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, arg, &len) ? -errno : 0;
	close(fd);
	return err;
}

__u64 wire_netns_cookie(const struct wire *w)
{
	__u64 cookie;

	return rt_netns_call(w->netns_fd, read_cookie, &cookie) ? 0 : cookie;
}

/* -------------------------------------------------------------- creation */

/* Set explicitly: udev gives an interface with a random one another, later. */
static int random_mac(__u8 mac[6])
{
	if (getrandom(mac, 6, 0) != 6)
		return -errno;
	mac[0] = (mac[0] & 0xfc) | 2;
	return 0;
}

static int create_pair(struct wire *w, const struct record *rec)
{
	struct rt_peer_new peer = {
		.name = rec->ifname,
		.netns_fd = w->netns_fd,
		.mac = rec->mac,
	};
	struct rt_link_new new = {
		.name = rec->host_ifname,
		.kind = rec->netkit ? "netkit" : "veth",
		.mtu = rec->mtu,
		.mac = rec->host_mac,
		.peer = &peer,
	};
	struct rt_link old;
	int ret;

	ret = rt_link_add(w->host, &new);
	/*
	 * Nobody but us uses such a name, and there is no record of it (that
	 * was checked when the addresses were reserved): somebody threw the
	 * records away.
	 */
	if (ret == -EEXIST && !rt_link_get_by_name(w->host, rec->host_ifname, &old)) {
		ret = wire_remove(w->host, rec->host_ifname);
		if (!ret)
			ret = rt_link_add(w->host, &new);
	}
	return ret;
}

/*
 * The node's end takes nothing for granted from its pod: no router
 * advertisements, no redirects. It does not forward: the daemon switches that
 * on with the programs, so that nothing is forwarded which they have not
 * judged. Reverse path filtering is their work too, who know the pod's
 * addresses.
 */
static int setup_host(struct wire *w, const struct record *rec)
{
	static const struct rt_inet_conf inet[] = {
		{IPV4_DEVCONF_FORWARDING, 0},
		{IPV4_DEVCONF_RP_FILTER, 0},
		{IPV4_DEVCONF_ACCEPT_REDIRECTS, 0},
		{IPV4_DEVCONF_SEND_REDIRECTS, 0},
		{},
	};
	static const char *const inet6[][2] = {
		{"disable_ipv6", "0"},
		{"accept_ra", "0"},
		{"accept_redirects", "0"},
		{"forwarding", "0"},
	};
	char path[96];
	int ret;

	ret = rt_link_set_inet(w->host, rec->host_ifindex, inet);
	if (ret || !is_set(&rec->addr[SL_FAMILY_V6]))
		return ret;
	ret = rt_link_set_addr_gen_none(w->host, rec->host_ifindex);
	for (size_t i = 0; !ret && i < sizeof(inet6) / sizeof(*inet6); i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", rec->host_ifname, inet6[i][0]);
		ret = rt_sysctl_set(path, inet6[i][1]);
	}
	return ret;
}

static void set_alias(struct wire *w, const struct record *rec)
{
	char alias[256];

	/* For whoever reads `ip link`; nothing depends on it. */
	if (*rec->pod_name)
		snprintf(alias, sizeof(alias), "%.63s/%.180s", rec->pod_namespace, rec->pod_name);
	else
		snprintf(alias, sizeof(alias), "%.200s %s", rec->container_id, rec->ifname);
	if (rt_link_set_alias(w->host, rec->host_ifindex, alias))
		log_debug("%s: no alias: %s", rec->host_ifname, rt_error(w->host));
}

int wire_create(struct wire *w, struct record *rec, bool keep_mac, struct cni_error *err)
{
	struct rt_link host, pod;
	int ret;

	if ((!keep_mac && random_mac(rec->mac)) || random_mac(rec->host_mac))
		return cni_fail_errno(err, CNI_CODE_INTERNAL, "no random numbers", -errno);
	ret = create_pair(w, rec);
	if (ret == -EEXIST)
		return cni_fail(err, CNI_CODE_EXISTS, "interface exists",
				"CNI_IFNAME: the container has an interface %s already",
				rec->ifname);
	if (ret == -EOPNOTSUPP)
		return cni_fail(err, CNI_CODE_KERNEL, "the kernel refused",
				"this kernel has no %s devices", rec->netkit ? "netkit" : "veth");
	if (ret)
		return kernel(err, w->host, "cannot make the interfaces", ret);
	ret = rt_link_get_by_name(w->host, rec->host_ifname, &host);
	if (ret) {
		kernel(err, w->host, rec->host_ifname, ret);
		goto err_remove;
	}
	ret = rt_link_get_by_name(w->pod, rec->ifname, &pod);
	if (ret) {
		kernel(err, w->pod, rec->ifname, ret);
		goto err_remove;
	}
	rec->host_ifindex = host.ifindex;
	w->pod_ifindex = pod.ifindex;
	ret = setup_host(w, rec);
	if (ret) {
		kernel(err, w->host, "settings of the node's end", ret);
		goto err_remove;
	}
	set_alias(w, rec);
	return 0;
err_remove:
	wire_remove(w->host, rec->host_ifname);
	return -1;
}

/* --------------------------------------------------------------- pod's end */

static int pod_sysctls(void *arg)
{
	const struct record *rec = arg;
	static const char *const inet6[][2] = {
		/* Runtimes leave IPv6 off where no plugin turns it on. */
		{"disable_ipv6", "0"},
		/* The routes are ours. Nobody else is on this link to have the same address. */
		{"accept_ra", "0"},
		{"accept_dad", "0"},
	};
	char path[96];
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(inet6) / sizeof(*inet6); i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", rec->ifname, inet6[i][0]);
		ret = rt_sysctl_set(path, inet6[i][1]);
	}
	return ret;
}

static int setup_family(struct wire *w, const struct record *rec, int family,
			const union sl_addr *gateway, struct cni_error *err)
{
	struct sl_prefix addr = single(&rec->addr[family]);
	struct rt_route route = {
		.dst = everything(family),
		.via = *gateway,
		.ifindex = w->pod_ifindex,
		.onlink = true,
	};
	int ret;

	ret = rt_addr_add(w->pod, w->pod_ifindex, &addr,
			  family == SL_FAMILY_V6 ? IFA_F_NODAD : 0);
	if (ret)
		return kernel(err, w->pod, "address of the pod", ret);
	ret = rt_neigh_set(w->pod, w->pod_ifindex, gateway, rec->host_mac);
	if (ret)
		return kernel(err, w->pod, "neighbour entry of the gateway", ret);
	ret = rt_route_add(w->pod, &route);
	if (ret == -EEXIST)
		return cni_fail(err, CNI_CODE_EXISTS, "default route exists",
				"the container has a default route already");
	return ret ? kernel(err, w->pod, "default route of the pod", ret) : 0;
}

int wire_setup_pod(struct wire *w, const struct record *rec,
		   const union sl_addr gateway[__SL_FAMILY_MAX], struct cni_error *err)
{
	int ret;

	if (is_set(&rec->addr[SL_FAMILY_V6])) {
		ret = rt_netns_call(w->netns_fd, pod_sysctls, (void *)rec);
		if (ret)
			return cni_fail_errno(err, CNI_CODE_KERNEL, "IPv6 settings of the pod", ret);
	}
	ret = rt_link_set_up(w->pod, w->pod_ifindex, true);
	if (ret)
		return kernel(err, w->pod, "cannot set the pod's end up", ret);
	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		if (is_set(&rec->addr[f]) && setup_family(w, rec, f, &gateway[f], err))
			return -1;
	return 0;
}

/* -------------------------------------------------------------- node's end */

static int route_to_pod(struct wire *w, const struct record *rec, int family,
			struct cni_error *err)
{
	char text[SLUICE_ADDR_STRLEN];
	struct rt_route route = {
		.dst = single(&rec->addr[family]),
		.ifindex = rec->host_ifindex,
	};
	int ret;

	ret = rt_neigh_set(w->host, rec->host_ifindex, &rec->addr[family], rec->mac);
	if (ret)
		return kernel(err, w->host, "neighbour entry of the pod", ret);
	ret = rt_route_add(w->host, &route);
	if (ret == -EEXIST)
		return cni_fail(err, CNI_CODE_EXISTS, "address in use",
				"%s: the node has a route to it already",
				sluice_addr_format(&rec->addr[family], text));
	return ret ? kernel(err, w->host, "route to the pod", ret) : 0;
}

/*
 * What the daemon has switched on with the programs, unless it runs in a
 * container that may not: the device is still down, and they are on it.
 */
static int forward_v6(const struct record *rec)
{
	char path[96];

	if (!is_set(&rec->addr[SL_FAMILY_V6]))
		return 0;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/forwarding", rec->host_ifname);
	return rt_sysctl_set(path, "1");
}

int wire_open_host(struct wire *w, const struct record *rec, struct cni_error *err)
{
	int ret;

	ret = forward_v6(rec);
	if (ret)
		return kernel(err, w->host, "forwarding on the node's end", ret);
	ret = rt_link_set_up(w->host, rec->host_ifindex, true);
	if (ret)
		return kernel(err, w->host, "cannot set the node's end up", ret);
	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		if (is_set(&rec->addr[f]) && route_to_pod(w, rec, f, err))
			return -1;
	/*
	 * The kernel tells both ends of their carrier by a work queue, and
	 * until that has run what the pod sends may be thrown away.
	 */
	ret = rt_link_sync(w->pod, rec->ifname);
	if (!ret)
		ret = rt_link_sync(w->host, rec->host_ifname);
	if (ret)
		log_debug("%s: carrier: %s", rec->ifname, strerror(-ret));
	return 0;
}

int wire_remove(struct rt *host, const char *host_ifname)
{
	struct rt_link link;
	int ret;

	ret = rt_link_get_by_name(host, host_ifname, &link);
	if (ret)
		return ret == -ENODEV ? 0 : ret;
	if (strcmp(link.kind, "veth") && strcmp(link.kind, "netkit"))
		return -EEXIST;
	ret = rt_link_del(host, link.ifindex);
	return ret == -ENODEV ? 0 : ret;
}
