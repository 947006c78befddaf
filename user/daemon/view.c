// SPDX-License-Identifier: GPL-2.0
/* One reading of the network namespace. See view.h. */
#include "daemon/view.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/addr.h"

static int view_take_addr(void *arg, const struct rt_addr *addr)
{
	struct view *v = arg;

	if (v->naddrs == v->addrs_size) {
		size_t size = v->addrs_size * 2 + 16;
		struct rt_addr *p = realloc(v->addrs, size * sizeof(*p));

		if (!p)
			return -ENOMEM;
		v->addrs = p;
		v->addrs_size = size;
	}
	v->addrs[v->naddrs++] = *addr;
	return 0;
}

/* Link-local IPv6 addresses say nothing without a link; loopback ones never
 * come from a pod. */
bool view_addr_is_hosts(const struct rt_addr *a)
{
	union sl_addr addr = a->prefix.addr;

	return !addr_is_link_local_v6(&addr) && !addr_is_loopback(&addr) && !addr_is_zero(&addr);
}

static bool addr_is_usable(const struct rt_addr *a)
{
	return a->scope == RT_SCOPE_UNIVERSE && view_addr_is_hosts(a) &&
	       !(a->flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE |
			     IFA_F_DADFAILED));
}

static const struct rt_addr *view_find(const struct view *v, const union sl_addr *addr)
{
	for (size_t i = 0; i < v->naddrs; i++) {
		union sl_addr a = v->addrs[i].prefix.addr;

		if (addr_equal(&a, addr))
			return &v->addrs[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------- uplink */

struct default_route {
	int ifindex[__SL_FAMILY_MAX];
	__u32 metric[__SL_FAMILY_MAX];
};

static int view_take_route(void *arg, const struct rt_route *r)
{
	struct default_route *d = arg;
	enum sl_family f = prefix_family(&r->dst);

	if (r->dst.prefixlen != (f == SL_FAMILY_V4 ? 96U : 0U) || r->type != RTN_UNICAST ||
	    !r->ifindex)
		return 0;
	if (!d->ifindex[f] || r->metric < d->metric[f]) {
		d->ifindex[f] = r->ifindex;
		d->metric[f] = r->metric;
	}
	return 0;
}

static int auto_uplink(struct rt *rt, const struct view *v, const struct policy_node *self)
{
	struct default_route d = { 0 };
	int err = rt_route_each(rt, AF_UNSPEC, 0, view_take_route, &d);

	if (err)
		return err;
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (d.ifindex[f])
			return d.ifindex[f];
	}
	for (int f = 0; self && f < __SL_FAMILY_MAX; f++) {
		const struct rt_addr *a = addr_is_zero(&self->addr[f]) ? NULL :
					  view_find(v, &self->addr[f]);

		if (a)
			return a->ifindex;
	}
	return 0;
}

static int find_uplink(struct rt *rt, struct view *v, const char *name,
		       const struct policy_node *self)
{
	int err;

	if (!strcmp(name, "none")) {
		v->no_uplink = true;
		return 0;
	}
	if (!strcmp(name, "auto")) {
		err = auto_uplink(rt, v, self);
		if (!err)
			snprintf(v->why, sizeof(v->why),
				 "no uplink: no default route, no device with the address of the "
				 "Node object; --uplink names one");
		if (err <= 0)
			return err;
		err = rt_link_get(rt, err, &v->uplink);
	} else {
		err = rt_link_get_by_name(rt, name, &v->uplink);
	}
	if (err == -ENODEV) {
		memset(&v->uplink, 0, sizeof(v->uplink));
		snprintf(v->why, sizeof(v->why), "no uplink: there is no device %s", name);
		err = 0;
	}
	return err;
}

/* ---------------------------------------------------------------- addresses */

static void choose_uplink_addrs(struct view *v, const struct policy_node *self)
{
	for (size_t i = 0; i < v->naddrs; i++) {
		union sl_addr a = v->addrs[i].prefix.addr;
		enum sl_family f = addr_family(&a);
		bool named = self && addr_equal(&a, &self->addr[f]);

		if (v->addrs[i].ifindex != v->uplink.ifindex || !addr_is_usable(&v->addrs[i]))
			continue;
		if (addr_is_zero(&v->uplink_addr[f]) || named)
			v->uplink_addr[f] = a;
	}
}

static void choose_node_addrs(struct view *v, const struct policy_node *self)
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		bool local = self && !addr_is_zero(&self->addr[f]) && view_find(v, &self->addr[f]);

		v->node_addr[f] = local ? self->addr[f] : v->uplink_addr[f];
	}
}

static int find_onlink(struct view *v)
{
	v->onlink = calloc(v->naddrs + 1, sizeof(*v->onlink));
	if (!v->onlink)
		return -ENOMEM;
	for (size_t i = 0; i < v->naddrs; i++) {
		const struct rt_addr *a = &v->addrs[i];

		if (a->ifindex == v->uplink.ifindex && view_addr_is_hosts(a) &&
		    a->prefix.prefixlen < 128)
			v->onlink[v->nonlink++] = prefix_mask(&a->prefix);
	}
	return 0;
}

int view_read(struct rt *rt, const char *uplink, const struct policy_node *self,
	      struct view *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = rt_addr_each(rt, 0, view_take_addr, out);
	if (!err)
		err = find_uplink(rt, out, uplink, self);
	if (!err && out->uplink.ifindex) {
		choose_uplink_addrs(out, self);
		err = find_onlink(out);
	}
	if (err) {
		view_free(out);
		return err;
	}
	choose_node_addrs(out, self);
	return 0;
}

void view_free(struct view *view)
{
	free(view->addrs);
	free(view->onlink);
	view->addrs = NULL;
	view->onlink = NULL;
}
