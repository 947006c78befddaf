// SPDX-License-Identifier: GPL-2.0
/* The tunnel device and what it costs. See encap.h. */
#include "daemon/encap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "common/log.h"

#define ENCAP_ALIAS "sluice: traffic between nodes' pods"

static const struct encap_kind {
	const char *name;		/* of the device */
	const char *kind;
	unsigned int header;		/* bytes, without UDP */
} encap_kinds[] = {
	[CONFIG_ENCAP_DIRECT] = { NULL, NULL, 0 },
	[CONFIG_ENCAP_VXLAN] = { "sl_vxlan", "vxlan", 8 },	/* RFC 7348, 5 */
	[CONFIG_ENCAP_GENEVE] = { "sl_geneve", "geneve", 8 },	/* RFC 8926, 3.4: no options */
};

#define ENCAP_KINDS (sizeof(encap_kinds) / sizeof(encap_kinds[0]))

unsigned int encap_overhead(enum config_encap encap, enum sl_family outer)
{
	const unsigned int ip = outer == SL_FAMILY_V4 ? 20 : 40, udp = 8, ethernet = 14;

	return encap == CONFIG_ENCAP_DIRECT ? 0 : ip + udp + encap_kinds[encap].header + ethernet;
}

unsigned int encap_mtu(const struct config *cfg, unsigned int uplink_mtu, enum sl_family outer)
{
	unsigned int overhead = encap_overhead(cfg->encap, outer);

	if (cfg->mtu)
		return cfg->mtu;
	if (uplink_mtu <= overhead)
		return 0;
	uplink_mtu -= overhead;
	return uplink_mtu > 65535 ? 65535 : uplink_mtu;	/* a loopback's 65536 fits no IPv4 packet */
}

/* A crash may come between making a device and naming its owner: then it is
 * still down and just as we make them. */
static bool device_is_ours(const struct rt_link *link, const struct encap_kind *kind)
{
	if (!strcmp(link->alias, ENCAP_ALIAS))
		return true;
	return !link->alias[0] && !(link->flags & IFF_UP) && link->external &&
	       !strcmp(link->kind, kind->kind);
}

/* 1: removed; 0: not there, or not ours. */
static int device_remove(struct rt *rt, const struct encap_kind *kind)
{
	struct rt_link link;
	int err = rt_link_get_by_name(rt, kind->name, &link);

	if (err)
		return err == -ENODEV ? 0 : err;
	if (!device_is_ours(&link, kind))
		return 0;
	err = rt_link_del(rt, link.ifindex);
	return err ? err : 1;
}

static int device_make(struct rt *rt, const struct rt_link_new *new, struct why *why)
{
	int err = rt_link_add(rt, new);

	if (err == -EEXIST)
		return why_set(why, err, "%s: another device collects %s on UDP port %u (--port)",
			       new->name, new->kind, new->port);
	if (err == -EOPNOTSUPP)
		return why_set(why, err, "%s: this kernel has no %s", new->name, new->kind);
	if (err)
		return why_set(why, err, "%s: %s %s", new->name, strerror(-err), rt_error(rt));
	return 0;
}

/*
 * No ARP: a packet's destination is in its tunnel metadata, and frames to the
 * node's stack are taken whatever their MAC address. No link-local address,
 * no router solicitations: nobody listens to them.
 */
static int device_configure(struct rt *rt, const struct rt_link *link, unsigned int mtu,
			    struct why *why)
{
	int err = 0;

	if (strcmp(link->alias, ENCAP_ALIAS))
		err = rt_link_set_alias(rt, link->ifindex, ENCAP_ALIAS);
	if (!err && !(link->flags & IFF_UP))
		err = rt_link_set_addr_gen_none(rt, link->ifindex);
	if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT)
		err = 0;	/* a kernel or device without IPv6 */
	if (!err && link->mtu != mtu)
		err = rt_link_set_mtu(rt, link->ifindex, mtu);
	if (!err && (link->flags & (IFF_UP | IFF_NOARP)) != (IFF_UP | IFF_NOARP))
		err = rt_link_set_flags(rt, link->ifindex, IFF_UP | IFF_NOARP,
					IFF_UP | IFF_NOARP);
	if (err)
		why_set(why, err, "%s: %s %s", link->name, strerror(-err), rt_error(rt));
	return err;
}

/* -ENODEV: none that can be used, and none in the way. */
static int device_find(struct rt *rt, const struct encap_kind *kind, unsigned int port,
		       struct rt_link *link, struct why *why)
{
	int err = rt_link_get_by_name(rt, kind->name, link);

	if (err)
		return err;
	if (!device_is_ours(link, kind))
		return why_set(why, -EEXIST, "%s: a device of this name is there that sluice did "
			       "not make", kind->name);
	if (!strcmp(link->kind, kind->kind) && link->external && link->port == port)
		return 0;
	err = rt_link_del(rt, link->ifindex);
	return err ? err : -ENODEV;
}

static void remove_other_kinds(struct rt *rt, enum config_encap encap)
{
	for (size_t i = 0; i < ENCAP_KINDS; i++) {
		if (i != encap && encap_kinds[i].name && device_remove(rt, &encap_kinds[i]) > 0)
			log_info("%s: removed, encap is another now", encap_kinds[i].name);
	}
}

int encap_device_set(struct rt *rt, const struct config *cfg, unsigned int mtu, int *ifindex,
		     struct why *why)
{
	const struct encap_kind *kind = &encap_kinds[cfg->encap];
	const struct rt_link_new new = {
		.name = kind->name,
		.kind = kind->kind,
		.mtu = mtu,
		.port = (__u16)config_tunnel_port(cfg),
	};
	struct rt_link link;
	int err;

	*ifindex = 0;
	remove_other_kinds(rt, cfg->encap);
	if (!kind->name)
		return 0;
	err = device_find(rt, kind, new.port, &link, why);
	if (err == -ENODEV) {
		err = device_make(rt, &new, why);
		if (!err)
			err = rt_link_get_by_name(rt, kind->name, &link);
	}
	if (!err)
		err = device_configure(rt, &link, mtu, why);
	if (!err)
		*ifindex = link.ifindex;
	return err;
}

int encap_device_remove(struct rt *rt)
{
	int ret = 0;

	for (size_t i = 0; i < ENCAP_KINDS; i++) {
		int err = encap_kinds[i].name ? device_remove(rt, &encap_kinds[i]) : 0;

		if (err < 0)
			ret = err;
	}
	return ret;
}
