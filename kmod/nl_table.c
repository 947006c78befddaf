// SPDX-License-Identifier: GPL-2.0
/* Requests about tables, their entries, and endpoints. */
#include "nl_gen.h"
#include "sluice.h"

/* -------------------------------------------------------------- tables */

static int sluice_put_field(struct sk_buff *skb, int attr, const struct sluice_field *f)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	const char *const *label;

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_string(skb, SLUICE_A_FIELD_NAME, f->name) ||
	    nla_put_u32(skb, SLUICE_A_FIELD_OFFSET, f->offset) ||
	    nla_put_u32(skb, SLUICE_A_FIELD_SIZE, f->size) ||
	    nla_put_u32(skb, SLUICE_A_FIELD_FORMAT, f->fmt))
		return -EMSGSIZE;
	for (label = f->names; label && *label; label++)
		if (nla_put_string(skb, SLUICE_A_FIELD_LABEL, *label))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int sluice_put_fields(struct sk_buff *skb, int attr, const struct sluice_field *f)
{
	int err = 0;

	for (; !err && f->name; f++)
		err = sluice_put_field(skb, attr, f);
	return err;
}

static int sluice_put_table(struct sk_buff *skb, struct sluice_pipe *pipe,
			    const struct sluice_table *t)
{
	if (nla_put_u32(skb, SLUICE_A_TABLE_ID, t->map) ||
	    nla_put_string(skb, SLUICE_A_TABLE_NAME, t->name) ||
	    nla_put_string(skb, SLUICE_A_TABLE_TEXT, t->text) ||
	    nla_put_u32(skb, SLUICE_A_TABLE_MATCH, t->match) ||
	    nla_put_u32(skb, SLUICE_A_TABLE_FLAGS, sluice_table_flags(t)) ||
	    nla_put_u32(skb, SLUICE_A_TABLE_KEY_SIZE, t->key_size) ||
	    nla_put_u32(skb, SLUICE_A_TABLE_VALUE_SIZE, t->value_size) ||
	    nla_put_u32(skb, SLUICE_A_TABLE_MAX_ENTRIES, pipe->map[t->map]->max_entries) ||
	    sluice_put_fields(skb, SLUICE_A_TABLE_KEY_FIELD, t->key) ||
	    sluice_put_fields(skb, SLUICE_A_TABLE_VALUE_FIELD, t->value))
		return -EMSGSIZE;
	return 0;
}

static const struct sluice_table *sluice_nl_table(struct genl_info *info, struct nlattr *name)
{
	const struct sluice_table *t = sluice_table_by_name(nla_data(name));

	if (!t)
		NL_SET_ERR_MSG_ATTR(info->extack, name, "no such table");
	return t;
}

int sluice_nl_table_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	const struct sluice_table *t;
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_TABLE_NAME))
		return -EINVAL;
	t = sluice_nl_table(info, info->attrs[SLUICE_A_TABLE_NAME]);
	if (!t)
		return -ENOENT;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	skb = sluice_nl_reply_new(info, &hdr);
	if (skb) {
		err = sluice_put_table(skb, pipe, t);
		if (err)
			nlmsg_free(skb);
		else
			err = sluice_nl_reply(info, skb, hdr);
	}
	sluice_pipe_put(pipe);
	return err;
}

int sluice_nl_table_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	const struct sluice_table *t;
	struct sluice_pipe *pipe;
	size_t n, at = cb->args[0];
	void *hdr;

	if (!at && sluice_nl_no_attrs(info))
		return -EINVAL;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	t = sluice_tables(&n);
	for (; at < n; at++) {
		hdr = genlmsg_iput(skb, info);
		if (!hdr)
			break;
		if (sluice_put_table(skb, pipe, &t[at])) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	sluice_pipe_put(pipe);
	if (at < n && !skb->len)
		return -EMSGSIZE;
	cb->args[0] = at;
	return skb->len;
}

/* ------------------------------------------------------- reading entries */

static int sluice_nl_key_size(const struct nlattr *key, const struct sluice_table *t,
			      struct netlink_ext_ack *extack)
{
	if (nla_len(key) == t->key_size)
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(extack, key, "key has %u bytes, table %s wants %u", nla_len(key),
				t->name, t->key_size);
	return -EINVAL;
}

/* A trie would answer to more than its keys: with what covers the one that is asked for. */
static int sluice_nl_key_prefix(const struct nlattr *key, const struct sluice_table *t,
				struct netlink_ext_ack *extack)
{
	const u8 *bits = nla_data(key) + sizeof(u32);
	u32 max = 8 * (t->key_size - sizeof(u32)), len = *(u32 *)nla_data(key);

	if (len > max) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, key, "prefix length %u is over %u", len, max);
		return -EINVAL;
	}
	for (; len < max; len++) {
		if (bits[len / 8] & (0x80 >> len % 8)) {
			NL_SET_ERR_MSG_ATTR(extack, key, "host bits are not zero");
			return -EINVAL;
		}
	}
	return 0;
}

/* The table that is asked for, when attribute key may be a key of it. */
static const struct sluice_table *sluice_nl_entry(struct genl_info *info)
{
	const struct nlattr *key = info->attrs[SLUICE_A_ENTRY_KEY];
	const struct sluice_table *t;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_ENTRY_TABLE) ||
	    GENL_REQ_ATTR_CHECK(info, SLUICE_A_ENTRY_KEY))
		return ERR_PTR(-EINVAL);
	t = sluice_nl_table(info, info->attrs[SLUICE_A_ENTRY_TABLE]);
	if (!t)
		return ERR_PTR(-ENOENT);
	if (t->match == SLUICE_MATCH_NONE) {
		NL_SET_ERR_MSG_FMT(info->extack, "table %s has no entries to be read", t->name);
		return ERR_PTR(-EOPNOTSUPP);
	}
	err = sluice_nl_key_size(key, t, info->extack);
	if (!err && t->match == SLUICE_MATCH_LPM)
		err = sluice_nl_key_prefix(key, t, info->extack);
	return err ? ERR_PTR(err) : t;
}

int sluice_nl_entry_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct nlattr *key = info->attrs[SLUICE_A_ENTRY_KEY], *room;
	const struct sluice_table *t = sluice_nl_entry(info);
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	if (IS_ERR(t))
		return PTR_ERR(t);
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	skb = genlmsg_new(nla_total_size(t->value_size) + GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	hdr = skb ? genlmsg_iput(skb, info) : NULL;
	if (!hdr)
		goto err_free;
	err = -EMSGSIZE;
	if (nla_put_string(skb, SLUICE_A_ENTRY_TABLE, t->name) ||
	    nla_put(skb, SLUICE_A_ENTRY_KEY, nla_len(key), nla_data(key)))
		goto err_free;
	room = nla_reserve(skb, SLUICE_A_ENTRY_VALUE, t->value_size);
	if (!room)
		goto err_free;
	err = sluice_map_read_exact(pipe->map[t->map], nla_data(key), nla_data(room));
	if (err) {
		NL_SET_ERR_MSG_ATTR(info->extack, key, "no such key");
		goto err_free;
	}
	sluice_pipe_put(pipe);
	return sluice_nl_reply(info, skb, hdr);

err_free:
	nlmsg_free(skb);
	sluice_pipe_put(pipe);
	return err;
}

int sluice_nl_entry_get_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct nlattr *name = info->attrs[SLUICE_A_ENTRY_TABLE];
	const struct sluice_table *t;
	struct sluice_dump *d;

	if (!name) {
		NL_SET_ERR_MSG(info->extack, "table: is missing");
		return -EINVAL;
	}
	t = sluice_table_by_name(nla_data(name));
	if (!t) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, "no such table");
		return -ENOENT;
	}
	if (t->match == SLUICE_MATCH_NONE) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, "table has no entries to be read");
		return -EOPNOTSUPP;
	}
	d = sluice_nl_dump_new(cb);
	if (IS_ERR(d))
		return PTR_ERR(d);
	d->t = t;
	if (t->match == SLUICE_MATCH_INDEX)
		return 0;
	return sluice_nl_dump_begun(cb, sluice_snapshot_take(&d->snap[0], d->pipe->map[t->map],
							     NULL, NULL));
}

/* 1: there was no room; -ENOENT: gone meanwhile. */
static int sluice_put_entry(struct sk_buff *skb, const struct genl_info *info,
			    struct sluice_dump *d, const void *key)
{
	const struct sluice_table *t = d->t;
	struct nlattr *room;
	void *hdr;
	int err;

	hdr = genlmsg_iput(skb, info);
	if (!hdr)
		return 1;
	if (nla_put(skb, SLUICE_A_ENTRY_KEY, t->key_size, key))
		goto full;
	room = nla_reserve(skb, SLUICE_A_ENTRY_VALUE, t->value_size);
	if (!room)
		goto full;
	err = sluice_map_read(d->pipe->map[t->map], key, nla_data(room));
	/* An array has all its entries always: those in use are not all zero. */
	if (err || (t->match == SLUICE_MATCH_INDEX &&
		    !memchr_inv(nla_data(room), 0, t->value_size))) {
		genlmsg_cancel(skb, hdr);
		return -ENOENT;
	}
	genlmsg_end(skb, hdr);
	return 0;
full:
	genlmsg_cancel(skb, hdr);
	return 1;
}

static int sluice_dump_index(struct sk_buff *skb, const struct genl_info *info,
			     struct sluice_dump *d)
{
	u32 max = d->pipe->map[d->t->map]->max_entries;

	for (; d->index < max; d->index++)
		if (sluice_put_entry(skb, info, d, &d->index) == 1)
			return skb->len ? skb->len : -EMSGSIZE;
	return skb->len;
}

int sluice_nl_entry_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d = sluice_nl_dump(cb);
	const void *key;

	if (d->t->match == SLUICE_MATCH_INDEX)
		return sluice_dump_index(skb, info, d);
	while ((key = sluice_snapshot_next(&d->snap[0]))) {
		if (sluice_put_entry(skb, info, d, key) == 1) {
			sluice_snapshot_back(&d->snap[0]);
			return skb->len ? skb->len : -EMSGSIZE;
		}
	}
	return skb->len;
}

/* ------------------------------------------------------- writing entries */

static int sluice_nl_item(struct nlattr *nest, struct sluice_item *item,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SLUICE_A_ITEM_VALUE + 1], *key, *value;
	int err;

	/* Judged with the whole message, by sluice_item_nl_policy; here only found. */
	err = nla_parse_nested(tb, SLUICE_A_ITEM_VALUE, nest, NULL, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, SLUICE_A_ITEM_TABLE) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, SLUICE_A_ITEM_OP) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, SLUICE_A_ITEM_KEY))
		return -EINVAL;
	item->t = sluice_table_by_id(nla_get_u32(tb[SLUICE_A_ITEM_TABLE]));
	if (!item->t) {
		NL_SET_ERR_MSG_ATTR(extack, tb[SLUICE_A_ITEM_TABLE], "no such table");
		return -ENOENT;
	}
	item->op = nla_get_u32(tb[SLUICE_A_ITEM_OP]);
	key = tb[SLUICE_A_ITEM_KEY];
	value = tb[SLUICE_A_ITEM_VALUE];
	err = sluice_nl_key_size(key, item->t, extack);
	if (err)
		return err;
	if (item->op == SLUICE_CHANGE_DELETE) {
		if (value)
			NL_SET_ERR_MSG_ATTR(extack, value, "a deletion has no value");
		item->value = NULL;
		item->key = nla_data(key);
		return value ? -EINVAL : 0;
	}
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, SLUICE_A_ITEM_VALUE))
		return -EINVAL;
	if (nla_len(value) != item->t->value_size) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, value, "value has %u bytes, table %s wants %u",
					nla_len(value), item->t->name, item->t->value_size);
		return -EINVAL;
	}
	item->key = nla_data(key);
	item->value = nla_data(value);
	return 0;
}

static int sluice_nl_items(struct sluice_txn *txn, struct genl_info *info)
{
	struct sluice_item item;
	struct nlattr *nest;
	u32 n = 0;
	int rem, err;

	nlmsg_for_each_attr(nest, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nest) != SLUICE_A_ENTRY_ITEM)
			continue;
		err = sluice_nl_item(nest, &item, info->extack);
		if (!err)
			err = sluice_txn_add(txn, &item, info->extack);
		if (err) {
			if (info->extack && !info->extack->bad_attr)
				NL_SET_BAD_ATTR(info->extack, nest);
			return err;
		}
		n++;
	}
	if (n)
		return 0;
	NL_SET_ERR_MSG(info->extack, "item: is missing");
	return -EINVAL;
}

int sluice_nl_entry_mod_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *named = info->attrs[SLUICE_A_ENTRY_TXN];
	struct sluice_nl_txn t;
	int err;

	err = sluice_nl_txn_open(&t, info, named);
	if (err)
		return err;
	err = sluice_nl_items(t.txn, info);
	if (!err && !named)
		err = sluice_nl_txn_commit(&t, info);
	/* Half of a message is no part of a transaction: it ends. */
	if (err)
		t.ends = true;
	sluice_nl_txn_close(&t);
	return err;
}

/* ---------------------------------------------------------- endpoints */

static int sluice_put_endpoint(struct sk_buff *skb, u32 id, const struct sl_ep *ep)
{
	u64 word = READ_ONCE(ep->policy);
	u32 set = word >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK;

	if (nla_put_u32(skb, SLUICE_A_ENDPOINT_ID, id) ||
	    nla_put_u32(skb, SLUICE_A_ENDPOINT_IFINDEX, ep->ifindex) ||
	    nla_put_u32(skb, SLUICE_A_ENDPOINT_FLAGS, ep->flags) ||
	    nla_put(skb, SLUICE_A_ENDPOINT_IPV4, 16, &ep->addr[SL_FAMILY_V4]) ||
	    nla_put(skb, SLUICE_A_ENDPOINT_IPV6, 16, &ep->addr[SL_FAMILY_V6]) ||
	    nla_put(skb, SLUICE_A_ENDPOINT_MAC, sizeof(ep->mac), ep->mac) ||
	    nla_put_u32(skb, SLUICE_A_ENDPOINT_MTU, ep->mtu) ||
	    nla_put_u32(skb, SLUICE_A_ENDPOINT_RULE_SET, set) ||
	    nla_put_u32(skb, SLUICE_A_ENDPOINT_GENERATION, (u32)word >> SL_EP_GEN_SHIFT))
		return -EMSGSIZE;
	if ((set == SL_RULESET_CLOSED && nla_put_flag(skb, SLUICE_A_ENDPOINT_CLOSED)) ||
	    (word & SL_EP_ISOLATED_INGRESS &&
	     nla_put_flag(skb, SLUICE_A_ENDPOINT_ISOLATED_INGRESS)) ||
	    (word & SL_EP_ISOLATED_EGRESS &&
	     nla_put_flag(skb, SLUICE_A_ENDPOINT_ISOLATED_EGRESS)))
		return -EMSGSIZE;
	return 0;
}

static int sluice_endpoint_read(struct sluice_pipe *pipe, u32 id, struct sl_ep *ep)
{
	if (!id || sluice_map_read(pipe->map[SL_MAP_EP], &id, ep) ||
	    !(ep->flags & SL_EP_FLAG_USED))
		return -ENOENT;
	return 0;
}

int sluice_nl_endpoint_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct nlattr *id = info->attrs[SLUICE_A_ENDPOINT_ID];
	struct sluice_pipe *pipe;
	struct sk_buff *skb;
	struct sl_ep ep;
	void *hdr;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_ENDPOINT_ID))
		return -EINVAL;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	err = sluice_endpoint_read(pipe, nla_get_u32(id), &ep);
	sluice_pipe_put(pipe);
	if (err) {
		NL_SET_ERR_MSG_ATTR(info->extack, id, "no such endpoint");
		return err;
	}
	skb = sluice_nl_reply_new(info, &hdr);
	if (!skb)
		return -ENOMEM;
	if (sluice_put_endpoint(skb, nla_get_u32(id), &ep)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	return sluice_nl_reply(info, skb, hdr);
}

int sluice_nl_endpoint_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_pipe *pipe;
	u32 id = cb->args[0] + 1;
	struct sl_ep ep;
	int err = 0;
	void *hdr;

	if (id == 1 && sluice_nl_no_attrs(info))
		return -EINVAL;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	for (; id < SL_EP_MAX; id++) {
		if (sluice_endpoint_read(pipe, id, &ep))
			continue;
		hdr = genlmsg_iput(skb, info);
		if (!hdr || sluice_put_endpoint(skb, id, &ep)) {
			if (hdr)
				genlmsg_cancel(skb, hdr);
			err = skb->len ? 0 : -EMSGSIZE;
			break;
		}
		genlmsg_end(skb, hdr);
	}
	sluice_pipe_put(pipe);
	cb->args[0] = id - 1;
	return err ? err : skb->len;
}
