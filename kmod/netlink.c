// SPDX-License-Identifier: GPL-2.0
/*
 * The family itself, the pipeline object, and transactions as messages.
 * Requests about tables, flows, drops and rules are in the file of their object.
 */
#include <linux/module.h>
#include "nl_gen.h"
#include "sluice.h"

/* ------------------------------------------------------ for the others */

struct sk_buff *sluice_nl_reply_new(struct genl_info *info, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_iput(skb, info);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

int sluice_nl_reply(struct genl_info *info, struct sk_buff *skb, void *hdr)
{
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/* The core looks at nothing where the request has no attributes. */
int sluice_nl_no_attrs(const struct genl_info *info)
{
	const struct nlattr *attr = nlmsg_attrdata(info->nlhdr, GENL_HDRLEN);
	int len = nlmsg_attrlen(info->nlhdr, GENL_HDRLEN);

	if (len <= 0)
		return 0;
	NL_SET_ERR_MSG(info->extack, "this request has no attributes");
	if (nla_ok(attr, len))
		NL_SET_BAD_ATTR(info->extack, attr);
	return -EINVAL;
}

struct sluice_dump *sluice_nl_dump_new(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d;

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!d->pipe) {
		kfree(d);
		return ERR_PTR(-ENODEV);
	}
	*(struct sluice_dump **)cb->ctx = d;
	return d;
}

int sluice_nl_dump_done(struct netlink_callback *cb)
{
	struct sluice_dump *d = sluice_nl_dump(cb);

	if (!d)
		return 0;
	sluice_snapshot_free(&d->snap[0]);
	sluice_snapshot_free(&d->snap[1]);
	kvfree(d->rules);
	sluice_pipe_put(d->pipe);
	kfree(d);
	return 0;
}

/* The core calls no .done for a dump whose start was refused. */
int sluice_nl_dump_begun(struct netlink_callback *cb, int err)
{
	if (err)
		sluice_nl_dump_done(cb);
	return err;
}

/* ---------------------------------------------------------- pipeline */

static u64 sluice_count_read(struct sluice_pipe *pipe, u32 count)
{
	u64 sum = 0;

	sluice_map_read(pipe->map[SL_MAP_COUNT], &count, &sum);
	return sum;
}

static int sluice_count_rules(struct sluice_pipe *pipe, u32 *count)
{
	struct sluice_snapshot snap;
	int err = sluice_snapshot_take(&snap, pipe->map[SL_MAP_ACL], NULL, NULL);

	if (err)
		return err;
	*count = snap.count;
	sluice_snapshot_free(&snap);
	return 0;
}

static int sluice_put_pipeline(struct sk_buff *skb, struct sluice_pipe *pipe)
{
	const struct sl_state *st = sluice_pipe_state(pipe);
	u32 rules;
	int err = sluice_count_rules(pipe, &rules);

	if (err)
		return err;
	if (nla_put_u32(skb, SLUICE_A_PIPELINE_ABI, SL_ABI_VERSION) ||
	    nla_put_string(skb, SLUICE_A_PIPELINE_VERSION, SLUICE_MODULE_VERSION) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_GENERATION, READ_ONCE(st->generation)) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_COMMITS, READ_ONCE(st->commits)) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_ROUTE_GEN, READ_ONCE(st->route_gen)) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_TABLES, __SL_MAP_MAX) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_RULES, rules) ||
	    nla_put_uint(skb, SLUICE_A_PIPELINE_EVENTS_LOST,
			 sluice_count_read(pipe, SL_COUNT_FLOW_EVENT_LOST)) ||
	    nla_put_u32(skb, SLUICE_A_PIPELINE_STATE_MAP, pipe->map[SL_MAP_STATE]->id))
		return -EMSGSIZE;
	return 0;
}

int sluice_nl_pipeline_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	void *hdr;
	int err;

	err = sluice_nl_no_attrs(info);
	if (err)
		return err;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	skb = sluice_nl_reply_new(info, &hdr);
	err = skb ? sluice_put_pipeline(skb, pipe) : -ENOMEM;
	sluice_pipe_put(pipe);
	if (!err)
		return sluice_nl_reply(info, skb, hdr);
	nlmsg_free(skb);
	return err;
}

int sluice_nl_pipeline_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = sluice_nl_no_attrs(info);

	if (err)
		return err;
	err = sluice_pipe_unbind(sluice_net_of(genl_info_net(info)));
	if (err)
		NL_SET_ERR_MSG(info->extack, "no pipeline is bound in this network namespace");
	return err == -ENOENT ? -ENODEV : err;
}

/* ------------------------------------------------------- transactions */

static struct sluice_txn *sluice_nl_txn_new(struct sluice_net *sn, struct genl_info *info)
{
	struct sluice_txn *txn = sluice_txn_new(sn, info->snd_portid);

	if (txn == ERR_PTR(-EMFILE))
		NL_SET_ERR_MSG(info->extack, "too many transactions are open");
	return txn;
}

static int sluice_nl_txn_begin(struct sluice_net *sn, struct genl_info *info,
			       struct sk_buff *skb, u32 generation)
{
	struct nlattr *gen = info->attrs[SLUICE_A_TXN_GENERATION];
	struct sluice_txn *txn;

	if (gen && nla_get_u32(gen) != generation) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, gen, "generation is %u", generation);
		return -ESTALE;
	}
	txn = sluice_nl_txn_new(sn, info);
	if (IS_ERR(txn))
		return PTR_ERR(txn);
	if (gen)
		sluice_txn_expect(txn, generation);
	if (!nla_put_u32(skb, SLUICE_A_TXN_ID, sluice_txn_id(txn)) &&
	    !nla_put_u32(skb, SLUICE_A_TXN_GENERATION, generation))
		return 0;
	sluice_txn_del(txn);
	return -EMSGSIZE;
}

int sluice_nl_txn_begin_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct sluice_net *sn = sluice_net_of(genl_info_net(info));
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	u32 generation;
	void *hdr;
	int err;

	skb = sluice_nl_reply_new(info, &hdr);
	if (!skb)
		return -ENOMEM;
	err = -ENODEV;
	pipe = sluice_pipe_get(sn, info->extack);
	if (!pipe)
		goto err_free;
	mutex_lock(&sn->lock);
	generation = READ_ONCE(sluice_pipe_state(pipe)->generation);
	err = sluice_nl_txn_begin(sn, info, skb, generation);
	mutex_unlock(&sn->lock);
	sluice_pipe_put(pipe);
	if (err)
		goto err_free;
	return sluice_nl_reply(info, skb, hdr);

err_free:
	nlmsg_free(skb);
	return err;
}

/* The transaction that attribute @named names, under the lock. */
static struct sluice_txn *sluice_nl_txn_find(struct sluice_net *sn, struct genl_info *info,
					     struct nlattr *named)
{
	struct sluice_txn *txn = sluice_txn_find(sn, info->snd_portid, nla_get_u32(named));

	if (txn)
		return txn;
	NL_SET_ERR_MSG_ATTR(info->extack, named, "no such transaction of this socket");
	return ERR_PTR(-ENOENT);
}

int sluice_nl_txn_open(struct sluice_nl_txn *t, struct genl_info *info, struct nlattr *named)
{
	int err;

	t->sn = sluice_net_of(genl_info_net(info));
	t->ends = !named;
	t->pipe = sluice_pipe_get(t->sn, info->extack);
	if (!t->pipe)
		return -ENODEV;
	mutex_lock(&t->sn->lock);
	t->txn = named ? sluice_nl_txn_find(t->sn, info, named) : sluice_nl_txn_new(t->sn, info);
	if (!IS_ERR(t->txn))
		return 0;
	err = PTR_ERR(t->txn);
	mutex_unlock(&t->sn->lock);
	sluice_pipe_put(t->pipe);
	return err;
}

int sluice_nl_txn_commit(struct sluice_nl_txn *t, struct genl_info *info)
{
	int err = sluice_txn_commit(t->sn, t->pipe, t->txn, info->extack);
	u32 failed = sluice_txn_failed(t->txn);

	if (err && failed != SLUICE_TXN_NO_OP)
		nl_set_extack_cookie_u64(info->extack, failed);
	return err;
}

void sluice_nl_txn_close(struct sluice_nl_txn *t)
{
	if (t->ends)
		sluice_txn_del(t->txn);
	mutex_unlock(&t->sn->lock);
	sluice_pipe_put(t->pipe);
}

static int sluice_put_commit(struct sk_buff *skb, const struct sluice_nl_txn *t)
{
	u32 generation = READ_ONCE(sluice_pipe_state(t->pipe)->generation);

	if (nla_put_u32(skb, SLUICE_A_TXN_ID, sluice_txn_id(t->txn)) ||
	    nla_put_u32(skb, SLUICE_A_TXN_GENERATION, generation) ||
	    nla_put_u32(skb, SLUICE_A_TXN_OPERATIONS, sluice_txn_count(t->txn)))
		return -EMSGSIZE;
	return 0;
}

int sluice_nl_txn_commit_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct sluice_nl_txn t;
	struct sk_buff *skb;
	void *hdr;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_TXN_ID))
		return -EINVAL;
	err = sluice_nl_txn_open(&t, info, info->attrs[SLUICE_A_TXN_ID]);
	if (err)
		return err;
	/* Committed or refused, it ends; it is not committed when that can't be said. */
	t.ends = true;
	skb = sluice_nl_reply_new(info, &hdr);
	err = skb ? sluice_nl_txn_commit(&t, info) : -ENOMEM;
	if (!err)
		err = sluice_put_commit(skb, &t);
	sluice_nl_txn_close(&t);
	if (!err)
		return sluice_nl_reply(info, skb, hdr);
	nlmsg_free(skb);
	return err;
}

int sluice_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_net *sn = sluice_net_of(genl_info_net(info));
	struct sluice_txn *txn;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_TXN_ID))
		return -EINVAL;
	mutex_lock(&sn->lock);
	txn = sluice_nl_txn_find(sn, info, info->attrs[SLUICE_A_TXN_ID]);
	if (!IS_ERR(txn))
		sluice_txn_del(txn);
	mutex_unlock(&sn->lock);
	return PTR_ERR_OR_ZERO(txn);
}

/* A transaction ends with its socket. */
static int sluice_nl_release(struct notifier_block *nb, unsigned long event, void *data)
{
	struct netlink_notify *n = data;
	struct sluice_net *sn;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	sn = sluice_net_of(n->net);
	if (list_empty_careful(&sn->txns))
		return NOTIFY_DONE;
	mutex_lock(&sn->lock);
	sluice_txn_del_all(sn, n->portid);
	mutex_unlock(&sn->lock);
	return NOTIFY_DONE;
}

static struct notifier_block sluice_nl_notifier = {
	.notifier_call = sluice_nl_release,
};

/* ------------------------------------------------------------- family */

/* As generated, and for administrators only: the generator knows no flags here. */
static const struct genl_multicast_group sluice_nl_groups[] = {
	[SLUICE_NLGRP_FLOWS] = { "flows", .flags = GENL_MCAST_CAP_NET_ADMIN, },
	[SLUICE_NLGRP_DROPS] = { "drops", .flags = GENL_MCAST_CAP_NET_ADMIN, },
	[SLUICE_NLGRP_POLICY] = { "policy", .flags = GENL_MCAST_CAP_NET_ADMIN, },
};

int __init sluice_netlink_init(void)
{
	int err;

	sluice_nl_family.mcgrps = sluice_nl_groups;
	sluice_nl_family.bind = sluice_event_joined;
	err = netlink_register_notifier(&sluice_nl_notifier);
	if (err)
		return err;
	err = genl_register_family(&sluice_nl_family);
	if (err)
		netlink_unregister_notifier(&sluice_nl_notifier);
	return err;
}

void sluice_netlink_exit(void)
{
	genl_unregister_family(&sluice_nl_family);
	netlink_unregister_notifier(&sluice_nl_notifier);
}
