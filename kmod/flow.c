// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about flows. Both flow tables are one here, and a masqueraded flow
 * is one with its alias. Who is asked about says its ends as its initiator
 * sees them; the tables have them in canonical order.
 */
#include <linux/in.h>
#include "nl_gen.h"
#include "sluice.h"

static_assert((int)SLUICE_CLOSE_REASON_DELETED == (int)SL_CLOSE_DELETED &&
	      (int)SLUICE_CLOSE_REASON_DELETED + 1 == (int)__SL_CLOSE_MAX);

/* A flow moves from the last to the first when it is established, and never back. */
static const u8 sluice_flow_maps[] = { SL_MAP_FLOW, SL_MAP_HALF };

/* Order of the bytes as they are on the wire; as in bpf/ctx.h. */
static bool sluice_end_greater(const struct sluice_ends *e)
{
	int c = memcmp(&e->addr[0], &e->addr[1], sizeof(e->addr[0]));

	if (c)
		return c > 0;
	return ntohs(e->port[0]) > ntohs(e->port[1]);
}

void sluice_tuple_of(struct sl_tuple *key, const struct sluice_ends *ends)
{
	unsigned int dir = sluice_end_greater(ends);

	memset(key, 0, sizeof(*key));
	key->addr[dir] = ends->addr[0];
	key->addr[!dir] = ends->addr[1];
	key->port[dir] = ends->port[0];
	key->port[!dir] = ends->port[1];
	key->proto = ends->proto;
}

/* ------------------------------------------------------------- messages */

static int sluice_put_counter(struct sk_buff *skb, int attr, u64 packets, u64 bytes)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest || nla_put_uint(skb, SLUICE_A_COUNTER_PACKETS, packets) ||
	    nla_put_uint(skb, SLUICE_A_COUNTER_BYTES, bytes))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int sluice_put_tuple(struct sk_buff *skb, const struct sl_tuple *key, u32 o)
{
	o &= 1;
	if (nla_put(skb, SLUICE_A_FLOW_SADDR, 16, &key->addr[o]) ||
	    nla_put(skb, SLUICE_A_FLOW_DADDR, 16, &key->addr[!o]) ||
	    nla_put_be16(skb, SLUICE_A_FLOW_SPORT, key->port[o]) ||
	    nla_put_be16(skb, SLUICE_A_FLOW_DPORT, key->port[!o]) ||
	    nla_put_u8(skb, SLUICE_A_FLOW_PROTO, key->proto))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_deciders(struct sk_buff *skb, const u32 ep[2], const u32 rule[2],
			       const u8 tier[2])
{
	if (nla_put_u32(skb, SLUICE_A_FLOW_SRC_ENDPOINT, ep[0]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_DST_ENDPOINT, ep[1]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_INGRESS_RULE, rule[SL_DIR_INGRESS]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_INGRESS_TIER, tier[SL_DIR_INGRESS]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_EGRESS_RULE, rule[SL_DIR_EGRESS]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_EGRESS_TIER, tier[SL_DIR_EGRESS]))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_times(struct sk_buff *skb, u32 state, u64 created, u64 last)
{
	if (nla_put_u32(skb, SLUICE_A_FLOW_STATE, state) ||
	    nla_put_uint(skb, SLUICE_A_FLOW_CREATED, created) ||
	    nla_put_uint(skb, SLUICE_A_FLOW_LAST, last))
		return -EMSGSIZE;
	return 0;
}

/* How the responder knows both ends, and what they were chosen by. */
static int sluice_put_translation(struct sk_buff *skb, const struct sl_flow *f, u32 o)
{
	const struct sl_flow_dir *from = &f->dir[o & 1], *back = &f->dir[!(o & 1)];

	if (from->flags & SL_FLOW_DIR_SNAT &&
	    (nla_put(skb, SLUICE_A_FLOW_NAT_ADDR, 16, &from->as) ||
	     nla_put_be16(skb, SLUICE_A_FLOW_NAT_PORT, from->as_port)))
		return -EMSGSIZE;
	if (back->flags & SL_FLOW_DIR_SNAT &&
	    (nla_put(skb, SLUICE_A_FLOW_DNAT_ADDR, 16, &back->as) ||
	     nla_put_be16(skb, SLUICE_A_FLOW_DNAT_PORT, back->as_port)))
		return -EMSGSIZE;
	if (f->svc &&
	    (nla_put_u32(skb, SLUICE_A_FLOW_SERVICE, f->svc) ||
	     nla_put_u32(skb, SLUICE_A_FLOW_BACKEND, f->backend)))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_flow(struct sk_buff *skb, const struct sl_tuple *key,
			   const struct sl_flow *f, bool half)
{
	const u32 o = f->orig & 1, ep[2] = { f->ep[o], f->ep[!o] };

	if (sluice_put_tuple(skb, key, o) || sluice_put_deciders(skb, ep, f->rule, f->tier) ||
	    sluice_put_times(skb, f->state, f->created_ns, f->last_ns) ||
	    sluice_put_counter(skb, SLUICE_A_FLOW_SENT, f->dir[o].packets, f->dir[o].bytes) ||
	    sluice_put_counter(skb, SLUICE_A_FLOW_RECEIVED, f->dir[!o].packets, f->dir[!o].bytes))
		return -EMSGSIZE;
	if (half && nla_put_flag(skb, SLUICE_A_FLOW_HALF_OPEN))
		return -EMSGSIZE;
	return sluice_put_translation(skb, f, o);
}

int sluice_flow_put_event(struct sk_buff *skb, int attr, const struct sl_flow_event *ev)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest)
		return -EMSGSIZE;
	if (sluice_put_tuple(skb, &ev->key, ev->orig) ||
	    sluice_put_deciders(skb, ev->ep, ev->rule, ev->tier) ||
	    sluice_put_times(skb, ev->state, ev->created_ns, ev->last_ns) ||
	    sluice_put_counter(skb, SLUICE_A_FLOW_SENT, ev->packets[0], ev->bytes[0]) ||
	    sluice_put_counter(skb, SLUICE_A_FLOW_RECEIVED, ev->packets[1], ev->bytes[1]) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_REASON, ev->reason)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* ----------------------------------------------------- which flow is asked for */

static int sluice_nl_ends(struct genl_info *info, struct sluice_ends *ends)
{
	struct nlattr **a = info->attrs;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_FLOW_SADDR) ||
	    GENL_REQ_ATTR_CHECK(info, SLUICE_A_FLOW_DADDR) ||
	    GENL_REQ_ATTR_CHECK(info, SLUICE_A_FLOW_PROTO))
		return -EINVAL;
	memset(ends, 0, sizeof(*ends));
	nla_memcpy(&ends->addr[0], a[SLUICE_A_FLOW_SADDR], 16);
	nla_memcpy(&ends->addr[1], a[SLUICE_A_FLOW_DADDR], 16);
	ends->proto = nla_get_u8(a[SLUICE_A_FLOW_PROTO]);
	if (a[SLUICE_A_FLOW_SPORT])
		ends->port[0] = nla_get_be16(a[SLUICE_A_FLOW_SPORT]);
	if (a[SLUICE_A_FLOW_DPORT])
		ends->port[1] = nla_get_be16(a[SLUICE_A_FLOW_DPORT]);
	return 0;
}

/* The flow under @key, also when that is how it looks outside; *@half: where it is. */
static int sluice_flow_find(struct sluice_pipe *pipe, struct sl_tuple *key, struct sl_flow *f,
			    bool *half)
{
	unsigned int hops, i;
	int err = -ENOENT;

	for (hops = 0; hops < 2; hops++) {
		for (i = 0; i < ARRAY_SIZE(sluice_flow_maps); i++) {
			err = sluice_map_read(pipe->map[sluice_flow_maps[i]], key, f);
			*half = i;
			if (!err)
				break;
		}
		if (err || f->kind != SL_FLOW_KIND_ALIAS)
			break;
		*key = f->inner;
	}
	return err || f->kind != SL_FLOW_KIND_FLOW ? -ENOENT : 0;
}

int sluice_nl_flow_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct sluice_ends ends;
	struct sluice_pipe *pipe;
	struct sl_tuple key;
	struct sk_buff *skb;
	struct sl_flow f;
	void *hdr;
	bool half;
	int err;

	err = sluice_nl_ends(info, &ends);
	if (err)
		return err;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	sluice_tuple_of(&key, &ends);
	err = sluice_flow_find(pipe, &key, &f, &half);
	sluice_pipe_put(pipe);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "no such flow");
		return err;
	}
	skb = sluice_nl_reply_new(info, &hdr);
	if (!skb)
		return -ENOMEM;
	if (sluice_put_flow(skb, &key, &f, half)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	return sluice_nl_reply(info, skb, hdr);
}

/* ---------------------------------------------------------------- filters */

struct sluice_flow_filter {
	union sl_addr addr;
	u32 addr_len;			/* bits; 0: any address */
	u32 ep;				/* 0: any */
	u32 state;
	__be16 port;
	u8 proto;
	bool has_port, has_proto, has_state;
};

static bool sluice_prefix_covers(const union sl_addr *prefix, u32 len, const union sl_addr *a)
{
	u32 bytes = len / 8, bits = len % 8;

	if (memcmp(prefix, a, bytes))
		return false;
	return !bits || !((prefix->b[bytes] ^ a->b[bytes]) & (u8)(0xff00 >> bits));
}

static bool sluice_flow_wanted(const void *arg, const void *k, const void *v)
{
	const struct sluice_flow_filter *want = arg;
	const struct sl_tuple *key = k;
	const struct sl_flow *f = v;

	if (f->kind != SL_FLOW_KIND_FLOW)
		return false;
	if (want->addr_len && !sluice_prefix_covers(&want->addr, want->addr_len, &key->addr[0]) &&
	    !sluice_prefix_covers(&want->addr, want->addr_len, &key->addr[1]))
		return false;
	if (want->has_port && key->port[0] != want->port && key->port[1] != want->port)
		return false;
	if (want->has_proto && key->proto != want->proto)
		return false;
	if (want->ep && f->ep[0] != want->ep && f->ep[1] != want->ep)
		return false;
	return !want->has_state || f->state == want->state;
}

/* Whether @attrs ask for anything is in *@any. */
static int sluice_nl_filter(struct nlattr **attrs, struct sluice_flow_filter *want, bool *any,
			    struct netlink_ext_ack *extack)
{
	struct nlattr *addr = attrs[SLUICE_A_FLOW_ADDR], *len = attrs[SLUICE_A_FLOW_ADDR_LEN];
	struct nlattr *port = attrs[SLUICE_A_FLOW_PORT], *proto = attrs[SLUICE_A_FLOW_PROTO];
	struct nlattr *ep = attrs[SLUICE_A_FLOW_ENDPOINT], *state = attrs[SLUICE_A_FLOW_STATE];

	memset(want, 0, sizeof(*want));
	if (len && !addr) {
		NL_SET_ERR_MSG_ATTR(extack, len, "addr-len without addr");
		return -EINVAL;
	}
	if (addr) {
		nla_memcpy(&want->addr, addr, sizeof(want->addr));
		want->addr_len = len ? nla_get_u32(len) : 128;
	}
	if (port)
		want->port = nla_get_be16(port);
	if (proto)
		want->proto = nla_get_u8(proto);
	if (ep)
		want->ep = nla_get_u32(ep);
	if (state)
		want->state = nla_get_u32(state);
	want->has_port = port;
	want->has_proto = proto;
	want->has_state = state;
	*any = addr || port || proto || ep || state;
	return 0;
}

/* ------------------------------------------------------------------ dumps */

static int sluice_flow_snapshots(struct sluice_pipe *pipe, struct sluice_snapshot snap[2],
				 const struct sluice_flow_filter *want)
{
	unsigned int i;
	int err = 0;

	/* A flow that moves meanwhile is told of twice, not never. */
	for (i = ARRAY_SIZE(sluice_flow_maps); !err && i--;)
		err = sluice_snapshot_take(&snap[i], pipe->map[sluice_flow_maps[i]],
					   sluice_flow_wanted, want);
	return err;
}

/* The flow that was in the @at-th table when the snapshot was taken, where it is now. */
static int sluice_flow_read(struct sluice_pipe *pipe, unsigned int at, const struct sl_tuple *key,
			    struct sl_flow *f, bool *half)
{
	int err;

	do {
		err = sluice_map_read(pipe->map[sluice_flow_maps[at]], key, f);
		*half = at;
	} while (err && at--);
	return err;
}

int sluice_nl_flow_get_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_flow_filter want;
	struct sluice_dump *d;
	bool any;
	int err;

	err = sluice_nl_filter(info->attrs, &want, &any, info->extack);
	if (err)
		return err;
	d = sluice_nl_dump_new(cb);
	if (IS_ERR(d))
		return PTR_ERR(d);
	return sluice_nl_dump_begun(cb, sluice_flow_snapshots(d->pipe, d->snap, &want));
}

/* 1: there was no room. What is gone meanwhile is left out. */
static int sluice_dump_flow(struct sk_buff *skb, const struct genl_info *info,
			    struct sluice_dump *d, const struct sl_tuple *key)
{
	struct sl_flow f;
	bool half;
	void *hdr;

	if (sluice_flow_read(d->pipe, d->at, key, &f, &half) || f.kind != SL_FLOW_KIND_FLOW)
		return 0;
	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		return 1;
	if (sluice_put_flow(skb, key, &f, half)) {
		genlmsg_cancel(skb, hdr);
		return 1;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int sluice_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d = sluice_nl_dump(cb);
	const void *key;

	for (; d->at < ARRAY_SIZE(sluice_flow_maps); d->at++) {
		while ((key = sluice_snapshot_next(&d->snap[d->at]))) {
			if (!sluice_dump_flow(skb, info, d, key))
				continue;
			sluice_snapshot_back(&d->snap[d->at]);
			return skb->len ? skb->len : -EMSGSIZE;
		}
	}
	return skb->len;
}

/* --------------------------------------------------------------- deleting */

/* The tuple that the responder of @f sees; as sl_alias_key() of bpf/nat.h. */
static void sluice_alias_key(struct sl_tuple *alias, const struct sl_tuple *key,
			     const struct sl_flow *f)
{
	struct sluice_ends ends = {
		.addr = { f->dir[0].as, f->dir[1].as },
		.port = { f->dir[0].as_port, f->dir[1].as_port },
		.proto = key->proto,
	};

	sluice_tuple_of(alias, &ends);
}

static void sluice_alias_del(struct sluice_pipe *pipe, const struct sl_tuple *key,
			     const struct sl_flow *f)
{
	struct sl_tuple alias;
	struct sl_flow a;
	unsigned int i;

	if (!(f->dir[0].flags & SL_FLOW_DIR_NAT))
		return;
	sluice_alias_key(&alias, key, f);
	for (i = 0; i < ARRAY_SIZE(sluice_flow_maps); i++)
		if (!sluice_map_read(pipe->map[sluice_flow_maps[i]], &alias, &a) &&
		    a.kind == SL_FLOW_KIND_ALIAS && !memcmp(&a.inner, key, sizeof(*key)))
			sluice_map_delete(pipe->map[sluice_flow_maps[i]], &alias);
}

/* As sl_flow_tell() of bpf/flow_event.h. */
static void sluice_flow_tell(struct sluice_pipe *pipe, const struct sl_tuple *key,
			     const struct sl_flow *f)
{
	struct bpf_map *queue = pipe->map[SL_MAP_FLOW_EV];
	const u32 o = f->orig & 1;
	struct sl_flow_event ev = {
		.key = *key,
		.created_ns = f->created_ns,
		.last_ns = f->last_ns,
		.packets = { f->dir[o].packets, f->dir[!o].packets },
		.bytes = { f->dir[o].bytes, f->dir[!o].bytes },
		.ep = { f->ep[o], f->ep[!o] },
		.rule = { f->rule[0], f->rule[1] },
		.tier = { f->tier[0], f->tier[1] },
		.reason = SL_CLOSE_DELETED,
		.state = f->state,
		.orig = o,
	};
	int err;

	if (f->state < SL_FLOW_ESTABLISHED ||
	    !(READ_ONCE(sluice_pipe_state(pipe)->events) & SL_EVENT_MASK_QUEUE))
		return;
	rcu_read_lock();
	err = queue->ops->map_push_elem(queue, &ev, 0);
	rcu_read_unlock();
	if (err)
		sluice_count_inc(pipe, SL_COUNT_FLOW_EVENT_LOST);
}

/* The flow first: an alias without one is nothing, the reverse would leak. */
void sluice_flow_gone(struct sluice_pipe *pipe, const struct sl_tuple *key,
		      const struct sl_flow *f)
{
	if (f->kind != SL_FLOW_KIND_FLOW)
		return;
	sluice_flow_tell(pipe, key, f);
	sluice_alias_del(pipe, key, f);
}

static int sluice_flow_del(struct sluice_pipe *pipe, const struct sl_tuple *key,
			   const struct sl_flow *f)
{
	bool found = false;
	unsigned int i;
	int err;

	/* Half-open first: what has moved meanwhile is met where it went. */
	for (i = ARRAY_SIZE(sluice_flow_maps); i--;) {
		err = sluice_map_delete(pipe->map[sluice_flow_maps[i]], key);
		if (err && err != -ENOENT)
			return err;
		found |= !err;
	}
	if (!found)
		return -ENOENT;
	sluice_flow_gone(pipe, key, f);
	return 0;
}

static int sluice_flow_del_one(struct sluice_pipe *pipe, struct genl_info *info, u32 *count)
{
	struct sluice_ends ends;
	struct sl_tuple key;
	struct sl_flow f;
	bool half;
	int err;

	err = sluice_nl_ends(info, &ends);
	if (err)
		return err;
	sluice_tuple_of(&key, &ends);
	err = sluice_flow_find(pipe, &key, &f, &half);
	if (!err)
		err = sluice_flow_del(pipe, &key, &f);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no such flow");
	*count = !err;
	return err;
}

static int sluice_flow_del_some(struct sluice_pipe *pipe, const struct sluice_flow_filter *want,
				u32 *count)
{
	struct sluice_snapshot snap[2] = {};
	const void *key;
	struct sl_flow f;
	unsigned int i;
	bool half;
	int err;

	err = sluice_flow_snapshots(pipe, snap, want);
	for (i = 0; !err && i < ARRAY_SIZE(snap); i++) {
		while (!err && (key = sluice_snapshot_next(&snap[i]))) {
			if (sluice_flow_read(pipe, i, key, &f, &half) ||
			    !sluice_flow_wanted(want, key, &f))
				continue;
			err = sluice_flow_del(pipe, key, &f);
			*count += !err;
			err = err == -ENOENT ? 0 : err;
			cond_resched();
		}
	}
	sluice_snapshot_free(&snap[0]);
	sluice_snapshot_free(&snap[1]);
	return err;
}

static int sluice_flow_del_asked(struct sluice_pipe *pipe, struct genl_info *info, u32 *count)
{
	bool tuple = info->attrs[SLUICE_A_FLOW_SADDR] || info->attrs[SLUICE_A_FLOW_DADDR] ||
		     info->attrs[SLUICE_A_FLOW_SPORT] || info->attrs[SLUICE_A_FLOW_DPORT];
	bool all = info->attrs[SLUICE_A_FLOW_ALL], any, filter;
	struct sluice_flow_filter want;
	int err;

	err = sluice_nl_filter(info->attrs, &want, &any, info->extack);
	if (err)
		return err;
	/* The protocol is part of a tuple as well as a filter. */
	filter = tuple ? info->attrs[SLUICE_A_FLOW_ADDR] || info->attrs[SLUICE_A_FLOW_PORT] ||
			 info->attrs[SLUICE_A_FLOW_ENDPOINT] || info->attrs[SLUICE_A_FLOW_STATE] :
			 any;
	if (tuple + filter + all != 1) {
		NL_SET_ERR_MSG(info->extack, "either a flow, a filter, or all");
		return -EINVAL;
	}
	return tuple ? sluice_flow_del_one(pipe, info, count) :
		       sluice_flow_del_some(pipe, &want, count);
}

int sluice_nl_flow_del_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	u32 count = 0;
	void *hdr;
	int err;

	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	/* First: what was deleted can't be denied afterwards. */
	skb = sluice_nl_reply_new(info, &hdr);
	err = skb ? sluice_flow_del_asked(pipe, info, &count) : -ENOMEM;
	sluice_pipe_put(pipe);
	if (!err)
		err = nla_put_u32(skb, SLUICE_A_FLOW_DELETED, count);
	if (!err)
		return sluice_nl_reply(info, skb, hdr);
	nlmsg_free(skb);
	return err;
}
