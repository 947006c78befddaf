// SPDX-License-Identifier: GPL-2.0
/* The node: one reading of namespace and Node objects, applied. See node.h. */
#include "daemon/node.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/log.h"
#include "daemon/addr.h"
#include "daemon/encap.h"
#include "daemon/route.h"
#include "daemon/view.h"

/* Long enough for the messages of one change, short beside a human's patience. */
#define NODE_SETTLE_MS	10
#define NODE_RETRY_MS	1000
#define NODE_CIDRS_MAX	4

struct node {
	struct node_ctx ctx;
	struct rt *watch;
	uv_poll_t poll;
	uv_timer_t timer;
	int open_handles;
	bool freed;
	bool routes_changed;		/* others' routes, since the last refresh */
	char reason[512];		/* why it is not in force; "": it is */
	char doubt[512];		/* in force, but somebody should look */

	/* What is in force. */
	struct rt_link uplink;
	int tunnel;
	enum config_xdp xdp;
	unsigned int mtu;		/* of pods */
	union sl_addr node_addr[__SL_FAMILY_MAX];
	struct sl_prefix cidr[NODE_CIDRS_MAX];	/* this node's pods; kept when the object goes */
	unsigned int ncidr;
};

/* --------------------------------------------------------------- Node objects */

static const struct policy_node *find_self(const struct node *n, const struct policy_node *nodes,
					   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(nodes[i].name, n->ctx.cfg->node_name))
			return &nodes[i];
	}
	return NULL;
}

static void take_self(struct node *n, const struct policy_node *self)
{
	n->ncidr = self->npod_cidr < NODE_CIDRS_MAX ? self->npod_cidr : NODE_CIDRS_MAX;
	memcpy(n->cidr, self->pod_cidr, n->ncidr * sizeof(n->cidr[0]));
}

/* ------------------------------------------------------- the node's addresses */

static bool view_has_host(const struct view *v, const union sl_addr *addr)
{
	for (size_t i = 0; i < v->naddrs; i++) {
		union sl_addr a = v->addrs[i].prefix.addr;

		if (addr_equal(&a, addr) && view_addr_is_hosts(&v->addrs[i]))
			return true;
	}
	return false;
}

/* Returns 1 where something changed. What services have is the node's from here on. */
static int host_add(int fd, const union sl_addr *a, struct why *why)
{
	const struct sl_addr_val host = { .kind = SL_ADDR_HOST };
	struct sl_addr_val val = { .kind = SL_ADDR_NONE };
	char text[SLUICE_ADDR_STRLEN];
	int err;

	bpf_map_lookup_elem(fd, a, &val);
	if (val.kind == SL_ADDR_HOST)
		return 0;
	if (val.kind == SL_ADDR_EP) {
		why_set(why, 0, "%s: address of the node and of endpoint %u",
			sluice_addr_format(a, text), val.id);
		return 0;
	}
	err = bpf_map_update_elem(fd, a, &host, BPF_ANY);
	if (err)
		return why_set(why, err, "%s: not entered as the node's: %s",
			       sluice_addr_format(a, text), strerror(-err));
	return 1;
}

static int hosts_add(int fd, const struct view *v, struct why *why)
{
	int n = 0, err;

	for (size_t i = 0; i < v->naddrs; i++) {
		union sl_addr a = v->addrs[i].prefix.addr;

		if (!view_addr_is_hosts(&v->addrs[i]))
			continue;
		err = host_add(fd, &a, why);
		if (err < 0)
			return err;
		n += err;
	}
	return n;
}

/* Services may have wanted one of them all the while. */
static int hosts_remove(struct node *n, int fd, const struct view *v)
{
	union sl_addr key, next;
	struct sl_addr_val val;
	int count = 0, end = bpf_map_get_next_key(fd, NULL, &next);

	while (!end) {
		key = next;
		end = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &val) || val.kind != SL_ADDR_HOST ||
		    view_has_host(v, &key))
			continue;
		if (!policy_addr_left(n->ctx.pol, &key))
			bpf_map_delete_elem(fd, &key);
		count++;
	}
	return count;
}

/* Returns how many entries changed. */
static int hosts_sync(struct node *n, const struct view *v, struct why *why)
{
	int fd = sluice_map_fd(n->ctx.sl, SL_MAP_ADDR), added = hosts_add(fd, v, why);

	return added < 0 ? added : added + hosts_remove(n, fd, v);
}

/* -------------------------------------------------------------------- devices */

struct others {
	struct node *n;
	int keep[2];
	int gone[16];
	unsigned int count;
};

static int others_find(void *arg, int ifindex, enum sluice_attach how)
{
	struct others *o = arg;

	if ((how == SLUICE_ATTACH_UPLINK || how == SLUICE_ATTACH_TUNNEL) &&
	    ifindex != o->keep[0] && ifindex != o->keep[1] && o->count < 16)
		o->gone[o->count++] = ifindex;
	return 0;
}

/* The new one first: at no instant do both lack their programs. */
static int attach_devices(struct node *n, const struct view *v, int tunnel, struct why *why)
{
	struct others o = { .n = n, .keep = { v->uplink.ifindex, tunnel } };
	int err = 0;

	if (v->uplink.ifindex)
		err = sluice_attach(n->ctx.sl, v->uplink.ifindex, SLUICE_ATTACH_UPLINK);
	if (err)
		return why_set(why, err, "%s: programs not attached: %s", v->uplink.name,
			       strerror(-err));
	if (tunnel)
		err = sluice_attach(n->ctx.sl, tunnel, SLUICE_ATTACH_TUNNEL);
	if (err)
		return why_set(why, err, "tunnel device: programs not attached: %s",
			       strerror(-err));
	sluice_attached(n->ctx.sl, others_find, &o);
	for (unsigned int i = 0; i < o.count; i++)
		sluice_detach(n->ctx.sl, o.gone[i]);
	return 0;
}

/* Returns the mode that is in force. Without it all goes by TC. */
static enum config_xdp attach_edge(struct node *n, const struct view *v, struct why *why)
{
	enum config_xdp want = n->ctx.cfg->xdp;
	int err;

	/* what was there from before went when programs were loaded without it */
	if (want == CONFIG_XDP_OFF)
		return CONFIG_XDP_OFF;
	if (!v->uplink.ifindex) {
		sluice_xdp_detach(n->ctx.sl);
		return CONFIG_XDP_OFF;
	}
	err = sluice_xdp_attach(n->ctx.sl, v->uplink.ifindex, want == CONFIG_XDP_NATIVE ?
				SLUICE_XDP_NATIVE : SLUICE_XDP_GENERIC);
	if (!err)
		return want;
	why_set(why, err, "%s: no program in XDP: %s", v->uplink.name,
		err == -EBUSY ? "another one is there" : strerror(-err));
	return CONFIG_XDP_OFF;
}

/* -------------------------------------------------------------- refresh, parts */

/* true when something differs from what was there. */
static bool write_state(struct node *n, const struct view *v, int tunnel)
{
	const struct config *cfg = n->ctx.cfg;
	struct sl_state *st = sluice_state(n->ctx.sl), want = *st;
	const size_t mine = offsetof(struct sl_state, commits) -
			    offsetof(struct sl_state, nat_addr);

	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		want.nat_addr[f] = cfg->masquerade ? v->uplink_addr[f] : (union sl_addr){ 0 };
		want.node_addr[f] = v->node_addr[f];
	}
	want.nat_port_min = (__u16)cfg->masquerade_ports[0];
	want.nat_port_max = (__u16)cfg->masquerade_ports[1];
	want.uplink_ifindex = (__u32)v->uplink.ifindex;
	want.tunnel_ifindex = (__u32)tunnel;
	/* route_gen and events belong to others and come first, counters last. */
	if (!memcmp(want.nat_addr, st->nat_addr, mine))
		return false;
	memcpy(st->nat_addr, want.nat_addr, mine);
	return true;
}

/* The Node objects, this one's among them. */
struct nodes {
	const struct policy_node *list, *self;
	size_t count;
};

static int sync_routes(struct node *n, const struct view *v, int tunnel,
		       const struct nodes *nodes, struct why *why)
{
	struct route_input in = {
		.cfg = n->ctx.cfg,
		.nodes = nodes->list,
		.nnodes = nodes->count,
		.uplink = v->uplink.ifindex,
		.uplink_mtu = v->uplink.mtu,
		.tunnel = tunnel,
		.onlink = v->onlink,
		.nonlink = v->nonlink,
	};
	struct route_plan plan;
	int err, n_map;

	memcpy(in.node_addr, v->node_addr, sizeof(in.node_addr));
	err = route_plan_make(&in, &plan, why);
	if (err)
		return err;
	n_map = route_sync_map(n->ctx.sl, &plan, why);
	err = route_sync_kernel(n->ctx.rt, &plan, why);
	route_plan_free(&plan);
	return n_map < 0 ? n_map : err < 0 ? err : n_map;
}

static unsigned int pod_mtu(const struct node *n, const struct view *v)
{
	enum sl_family outer = addr_is_zero(&v->node_addr[SL_FAMILY_V4]) ? SL_FAMILY_V6 :
									   SL_FAMILY_V4;

	if (v->no_uplink)
		return n->ctx.cfg->mtu ? n->ctx.cfg->mtu : 1500;
	return encap_mtu(n->ctx.cfg, v->uplink.mtu, outer);
}

static unsigned int tunnel_mtu(const struct node *n, const struct view *v)
{
	struct config cfg = *n->ctx.cfg;
	enum sl_family outer = addr_is_zero(&v->node_addr[SL_FAMILY_V4]) ? SL_FAMILY_V6 :
									   SL_FAMILY_V4;

	cfg.mtu = 0;	/* of pods; the device takes what the uplink does */
	return encap_mtu(&cfg, v->uplink.mtu, outer);
}

/* Told when it is another one, not at each try. */
static void tell(char told[512], const struct why *why, const char *verb)
{
	char text[512];

	if (why->more)
		snprintf(text, sizeof(text), "%s, and %u more", why->text, why->more);
	else
		snprintf(text, sizeof(text), "%s", why->text);
	if (!strcmp(told, text))
		return;
	strcpy(told, text);
	if (text[0])
		log_warning("node: %s%s", verb, text);
}

static void report(struct node *n, const struct view *v)
{
	char text[SLUICE_PREFIX_STRLEN], cidrs[NODE_CIDRS_MAX * SLUICE_PREFIX_STRLEN] = "";

	for (unsigned int i = 0; i < n->ncidr; i++) {
		strcat(cidrs, i ? " " : "");
		strcat(cidrs, sluice_prefix_format(&n->cidr[i], text));
	}
	log_info("node %s: pods %s, uplink %s, MTU %u", n->ctx.cfg->node_name, cidrs,
		 v->no_uplink ? "none" : v->uplink.name, n->mtu);
}

/*
 * Addresses first, so that whatever happens later pods' packets to the node
 * find it; then devices, routes and the state word that says all is there.
 */
static int apply(struct node *n, const struct view *v, const struct nodes *nodes,
		 struct why *why)
{
	unsigned int mtu = pod_mtu(n, v);
	int hosts, routes, tunnel = 0, err = 0;
	bool state;

	hosts = hosts_sync(n, v, why);
	if (hosts < 0)
		return hosts;
	if (v->uplink.ifindex)
		err = encap_device_set(n->ctx.rt, n->ctx.cfg, tunnel_mtu(n, v), &tunnel,
				       why);
	if (!err)
		err = attach_devices(n, v, tunnel, why);
	if (err)
		return err;
	n->xdp = attach_edge(n, v, why);
	routes = sync_routes(n, v, tunnel, nodes, why);
	state = write_state(n, v, tunnel);
	if (hosts || routes || state || n->routes_changed)
		sluice_route_gen_bump(sluice_state(n->ctx.sl));
	n->routes_changed = false;
	if (routes < 0)
		return routes;
	if (mtu != n->mtu || v->uplink.ifindex != n->uplink.ifindex) {
		n->mtu = mtu;
		report(n, v);
	}
	n->uplink = v->uplink;
	n->tunnel = tunnel;
	memcpy(n->node_addr, v->node_addr, sizeof(n->node_addr));
	return 0;
}

/* -ENODATA: something has to come before anything can be made of it. */
static int missing(const struct node *n, const struct policy_node *self, const struct view *v,
		   struct why *why)
{
	if (!n->ncidr)
		return why_set(why, -ENODATA, "%s %s", self ? "no spec.podCIDRs in Node" :
			       "no Node object named", n->ctx.cfg->node_name);
	if (!v->uplink.ifindex && !v->no_uplink)
		return why_set(why, -ENODATA, "%s", v->why);
	if (!pod_mtu(n, v))
		return why_set(why, -ENODATA, "MTU %u of %s leaves no room for encapsulation",
			       v->uplink.mtu, v->uplink.name);
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	node_refresh(timer->data);
}

static int refresh(struct node *n, const struct nodes *nodes, struct why *why)
{
	struct view v;
	int err = view_read(n->ctx.rt, n->ctx.cfg->uplink, nodes->self, &v);

	if (err)
		return why_set(why, err, "devices and addresses: %s", strerror(-err));
	err = missing(n, nodes->self, &v, why);
	if (err) {
		/* What is known already must be right: pods may be there from before. */
		hosts_sync(n, &v, why);
	} else {
		err = apply(n, &v, nodes, why);
		if (err)
			why_set(why, err, "devices, addresses and routes: %s", strerror(-err));
	}
	view_free(&v);
	return err;
}

/* Pods may be there from before: what the node's own addresses are must be right at once. */
static int refresh_hosts(struct node *n)
{
	struct why why = { 0 };
	struct view v;
	int err;

	snprintf(n->reason, sizeof(n->reason), "the nodes are not known yet");
	err = view_read(n->ctx.rt, n->ctx.cfg->uplink, NULL, &v);
	if (err)
		return err;
	err = hosts_sync(n, &v, &why);
	view_free(&v);
	n->ctx.changed(n->ctx.arg);
	return err < 0 ? err : 0;
}

int node_refresh(struct node *n)
{
	struct why why = { 0 }, none = { 0 };
	struct nodes nodes;
	int err;

	if (!n->ctx.settled(n->ctx.arg))
		return refresh_hosts(n);
	nodes.list = policy_nodes(n->ctx.pol, &nodes.count);
	nodes.self = find_self(n, nodes.list, nodes.count);
	if (nodes.self && nodes.self->npod_cidr)
		take_self(n, nodes.self);
	err = refresh(n, &nodes, &why);
	tell(n->reason, err ? &why : &none, "not ready: ");
	tell(n->doubt, err ? &none : &why, "");
	/* what is missing announces itself when it comes */
	if (err && err != -ENODATA)
		uv_timer_start(&n->timer, on_timer, NODE_RETRY_MS, 0);
	n->ctx.changed(n->ctx.arg);
	return err;
}

/* -------------------------------------------------------------------- monitor */

void node_mark(struct node *n)
{
	if (!n->freed && (!uv_is_active((uv_handle_t *)&n->timer) ||
			  uv_timer_get_due_in(&n->timer) > NODE_SETTLE_MS))
		uv_timer_start(&n->timer, on_timer, NODE_SETTLE_MS, 0);
}

static bool in_own_cidr(const struct node *n, const struct sl_prefix *p)
{
	union sl_addr a = p->addr;

	for (unsigned int i = 0; i < n->ncidr; i++) {
		if (p->prefixlen >= n->cidr[i].prefixlen &&
		    sluice_prefix_contains(&n->cidr[i], &a))
			return true;
	}
	return false;
}

/* Routes to single pods come with each of them, and ours are our own doing. */
static bool route_matters(const struct node *n, const struct nlmsghdr *nlh)
{
	struct rt_route r;
	union sl_addr dst;

	if (rt_route_parse(nlh, &r) || r.protocol == ROUTE_PROTO || r.table == RT_TABLE_LOCAL)
		return false;
	dst = r.dst.addr;
	return !addr_is_link_local_v6(&dst) && dst.b[0] != 0xff && !in_own_cidr(n, &r.dst);
}

/* Devices of pods come and go all the time and are no concern of the node's. */
static bool link_matters(const struct node *n, const struct rt_link *link)
{
	return !n->uplink.ifindex || link->ifindex == n->uplink.ifindex ||
	       link->ifindex == n->tunnel || !strcmp(link->name, n->ctx.cfg->uplink);
}

static void on_message(void *arg, const struct nlmsghdr *nlh)
{
	struct node *n = arg;
	struct rt_link link;

	switch (nlh->nlmsg_type) {
	case RTM_DELLINK:
		if (rt_link_parse(nlh, &link))
			break;
		n->ctx.link_gone(n->ctx.arg, link.ifindex);
		if (link_matters(n, &link))
			node_mark(n);
		break;
	case RTM_NEWLINK:
		if (!rt_link_parse(nlh, &link) && link_matters(n, &link))
			node_mark(n);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		node_mark(n);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!route_matters(n, nlh))
			break;
		n->routes_changed = true;
		node_mark(n);
		break;
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct node *n = poll->data;
	int err = status;

	(void)events;
	if (!err)
		err = rt_watch_read(n->watch, on_message, n);
	if (!err)
		return;
	/* The socket overflowed: nothing is known about what changed. */
	log_warning("rtnetlink: %s: looking at everything again", strerror(-err));
	n->routes_changed = true;
	n->ctx.link_gone(n->ctx.arg, 0);
	node_mark(n);
}

const char *node_reason(const struct node *n)
{
	return n->reason[0] ? n->reason : NULL;
}

const char *node_doubt(const struct node *n)
{
	return n->doubt[0] ? n->doubt : NULL;
}

/* -------------------------------------------------------------------- answers */

static json_t *addrs_json(const union sl_addr addr[__SL_FAMILY_MAX])
{
	json_t *list = json_array();
	char text[SLUICE_ADDR_STRLEN];

	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!addr_is_zero(&addr[f]))
			json_array_append_new(list, json_string(sluice_addr_format(&addr[f], text)));
	}
	return list;
}

static json_t *cidrs_json(const struct sl_prefix *cidr, unsigned int count)
{
	json_t *list = json_array();
	char text[SLUICE_PREFIX_STRLEN];

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list, json_string(sluice_prefix_format(&cidr[i], text)));
	return list;
}

static const char *datapath_name(const struct node *n)
{
	if (n->ctx.cfg->datapath == CONFIG_DATAPATH_AUTO)
		return n->ctx.features->netkit ? "netkit" : "veth";
	return n->ctx.cfg->datapath == CONFIG_DATAPATH_NETKIT ? "netkit" : "veth";
}

json_t *node_cni_config_json(const struct node *n)
{
	return json_pack("{s:o, s:i, s:s, s:[s, s], s:s}", "podCIDRs", cidrs_json(n->cidr, n->ncidr),
			 "mtu", (int)n->mtu, "datapath", datapath_name(n),
			 "gateway", "169.254.1.1", "fe80::1", "stateDir", n->ctx.cfg->state_dir);
}

json_t *node_status_json(const struct node *n)
{
	static const char *const encaps[] = { "direct", "vxlan", "geneve" };
	static const char *const modes[] = { "off", "native", "generic" };

	return json_pack("{s:s, s:o, s:o, s:s?, s:s, s:i, s:s, s:s, s:s, s:b}",
			 "name", n->ctx.cfg->node_name, "addresses", addrs_json(n->node_addr),
			 "podCIDRs", cidrs_json(n->cidr, n->ncidr),
			 "uplink", n->uplink.ifindex ? n->uplink.name : NULL,
			 "encap", encaps[n->ctx.cfg->encap], "mtu", (int)n->mtu,
			 "datapath", datapath_name(n), "attach", n->ctx.features->tcx ? "tcx" : "clsact",
			 "xdp", modes[n->xdp],
			 "masquerade", (int)n->ctx.cfg->masquerade);
}

static json_t *peer_json(struct node *n, const struct policy_node *peer)
{
	int fd = sluice_map_fd(n->ctx.sl, SL_MAP_ROUTE);
	struct sl_route_val val = { 0 };
	char via[SLUICE_ADDR_STRLEN], ifname[IFNAMSIZ];
	bool self = !strcmp(peer->name, n->ctx.cfg->node_name), hop;

	/* What the pipeline has, not what is wished. */
	if (self)
		val.kind = SL_ROUTE_LOCAL;
	else if (peer->npod_cidr && bpf_map_lookup_elem(fd, &peer->pod_cidr[0], &val))
		val.kind = SL_ROUTE_NONE;
	if (val.kind == SL_ROUTE_OUTSIDE)
		val.kind = SL_ROUTE_NONE;	/* the default route is nobody's pods' */
	hop = val.kind == SL_ROUTE_DIRECT || val.kind == SL_ROUTE_TUNNEL;
	return json_pack("{s:s, s:o, s:o, s:s, s:s?, s:s?}", "name", peer->name,
			 "addresses", addrs_json(peer->addr),
			 "podCIDRs", cidrs_json(peer->pod_cidr, peer->npod_cidr),
			 "route", route_kind_name(val.kind),
			 "via", hop ? sluice_addr_format(&val.via, via) : NULL,
			 "interface", hop ? if_indextoname(val.ifindex, ifname) : NULL);
}

json_t *node_list_json(struct node *n)
{
	size_t count;
	const struct policy_node *nodes = policy_nodes(n->ctx.pol, &count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, peer_json(n, &nodes[i]));
	return list;
}

/* ----------------------------------------------------------------- life cycle */

int node_new(const struct node_ctx *ctx, struct node **out)
{
	struct node *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->ctx = *ctx;
	snprintf(n->reason, sizeof(n->reason), "starting");
	err = rt_watch_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, &n->watch);
	if (err) {
		free(n);
		return err;
	}
	uv_timer_init(ctx->loop, &n->timer);
	uv_poll_init(ctx->loop, &n->poll, rt_fd(n->watch));
	n->timer.data = n->poll.data = n;
	n->open_handles = 2;
	uv_poll_start(&n->poll, UV_READABLE, on_readable);
	*out = n;
	return 0;
}

static void on_close(uv_handle_t *handle)
{
	struct node *n = handle->data;

	if (--n->open_handles)
		return;
	rt_close(n->watch);
	free(n);
}

void node_free(struct node *n)
{
	if (!n)
		return;
	n->freed = true;
	uv_close((uv_handle_t *)&n->timer, on_close);
	uv_close((uv_handle_t *)&n->poll, on_close);
}

int node_unload(struct rt *rt)
{
	struct why why = { 0 };
	int err = route_sync_kernel(rt, NULL, &why), dev = encap_device_remove(rt);

	if (why.text[0])
		log_error("%s", why.text);
	return err < 0 ? err : dev;
}
