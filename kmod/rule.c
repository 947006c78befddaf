// SPDX-License-Identifier: GPL-2.0
/* Requests about the administrator's rules; acl.c puts them into the maps. */
#include <linux/mm.h>
#include "acl_compile.h"
#include "nl_gen.h"
#include "sluice.h"

/* ------------------------------------------------------------- out */

#define USES(r, field)	((r)->fields & 1U << SL_ACL_FIELD_##field)

static int sluice_put_prefix(struct sk_buff *skb, int attr, int attr_len,
			     const struct sl_prefix *p)
{
	if (nla_put(skb, attr, sizeof(p->addr), &p->addr) ||
	    nla_put_u32(skb, attr_len, p->prefixlen))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_addresses(struct sk_buff *skb, const struct sl_acl_rule *r)
{
	if ((USES(r, SRC) &&
	     sluice_put_prefix(skb, SLUICE_A_RULE_SRC, SLUICE_A_RULE_SRC_LEN, &r->src)) ||
	    (USES(r, DST) &&
	     sluice_put_prefix(skb, SLUICE_A_RULE_DST, SLUICE_A_RULE_DST_LEN, &r->dst)) ||
	    (USES(r, SRC_CLASS) && nla_put_u32(skb, SLUICE_A_RULE_SRC_CLASS, r->src_class)) ||
	    (USES(r, DST_CLASS) && nla_put_u32(skb, SLUICE_A_RULE_DST_CLASS, r->dst_class)) ||
	    (USES(r, IF) && nla_put_u32(skb, SLUICE_A_RULE_IFINDEX, r->ifindex)))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_l4(struct sk_buff *skb, const struct sl_acl_rule *r)
{
	if ((USES(r, PROTO) && nla_put_u8(skb, SLUICE_A_RULE_PROTO, r->proto)) ||
	    (USES(r, SPORT) && (nla_put_u16(skb, SLUICE_A_RULE_SPORT_MIN, r->sport[0]) ||
				nla_put_u16(skb, SLUICE_A_RULE_SPORT_MAX, r->sport[1]))) ||
	    (USES(r, DPORT) && (nla_put_u16(skb, SLUICE_A_RULE_DPORT_MIN, r->dport[0]) ||
				nla_put_u16(skb, SLUICE_A_RULE_DPORT_MAX, r->dport[1]))) ||
	    (USES(r, TCP_FLAGS) && (nla_put_u8(skb, SLUICE_A_RULE_TCP_FLAGS, r->tcp_flags) ||
				    nla_put_u8(skb, SLUICE_A_RULE_TCP_MASK, r->tcp_mask))) ||
	    (USES(r, ICMP_TYPE) && nla_put_u8(skb, SLUICE_A_RULE_ICMP_TYPE, r->icmp_type)) ||
	    (USES(r, ICMP_CODE) && nla_put_u8(skb, SLUICE_A_RULE_ICMP_CODE, r->icmp_code)) ||
	    (USES(r, DSCP) && nla_put_u8(skb, SLUICE_A_RULE_DSCP, r->dscp)))
		return -EMSGSIZE;
	return 0;
}

static int sluice_put_action(struct sk_buff *skb, const struct sl_acl_rule *r)
{
	if (nla_put_u32(skb, SLUICE_A_RULE_ACTION, r->action))
		return -EMSGSIZE;
	if (r->action == SL_ACL_ACT_MARK)
		return nla_put_u32(skb, SLUICE_A_RULE_MARK, r->arg[0]) ||
		       nla_put_u32(skb, SLUICE_A_RULE_MARK_MASK, r->arg[1]) ? -EMSGSIZE : 0;
	if (r->action == SL_ACL_ACT_RATE)
		return nla_put_u32(skb, SLUICE_A_RULE_RATE, r->arg[0]) ||
		       nla_put_u32(skb, SLUICE_A_RULE_BURST, r->arg[1]) ? -EMSGSIZE : 0;
	return 0;
}

static int sluice_put_rule(struct sk_buff *skb, struct sluice_pipe *pipe,
			   const struct sl_acl_entry *e)
{
	const struct sl_acl_rule *r = &e->rule;
	struct sl_counter count = {};

	/* A rule that has just gone is told of without what it counted. */
	sluice_map_read(pipe->map[SL_MAP_ACL_COUNT], &e->id, &count);
	if (nla_put_u32(skb, SLUICE_A_RULE_ID, e->id) ||
	    nla_put_u32(skb, SLUICE_A_RULE_PRIORITY, r->priority) ||
	    nla_put_u32(skb, SLUICE_A_RULE_ORIGIN, r->origin) ||
	    sluice_put_action(skb, r) || sluice_put_addresses(skb, r) || sluice_put_l4(skb, r) ||
	    (r->comment[0] && nla_put_string(skb, SLUICE_A_RULE_COMMENT, r->comment)) ||
	    nla_put_uint(skb, SLUICE_A_RULE_PACKETS, count.packets) ||
	    nla_put_uint(skb, SLUICE_A_RULE_BYTES, count.bytes))
		return -EMSGSIZE;
	return 0;
}

int sluice_nl_rule_get_doit(struct sk_buff *unused, struct genl_info *info)
{
	struct nlattr *id = info->attrs[SLUICE_A_RULE_ID];
	struct sluice_pipe *pipe;
	struct sl_acl_entry e;
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_RULE_ID))
		return -EINVAL;
	pipe = sluice_pipe_get(sluice_net_of(genl_info_net(info)), info->extack);
	if (!pipe)
		return -ENODEV;
	e.id = nla_get_u32(id);
	if (sluice_map_read(pipe->map[SL_MAP_ACL], &e.id, &e.rule)) {
		NL_SET_ERR_MSG_ATTR(info->extack, id, "no such rule");
		err = -ENOENT;
		goto out;
	}
	skb = sluice_nl_reply_new(info, &hdr);
	if (!skb)
		goto out;
	err = sluice_put_rule(skb, pipe, &e);
	if (err)
		nlmsg_free(skb);
	else
		err = sluice_nl_reply(info, skb, hdr);
out:
	sluice_pipe_put(pipe);
	return err;
}

int sluice_nl_rule_get_start(struct netlink_callback *cb)
{
	struct sluice_dump *d;
	long n;

	n = sluice_nl_no_attrs(genl_info_dump(cb));
	if (n)
		return n;
	d = sluice_nl_dump_new(cb);
	if (IS_ERR(d))
		return PTR_ERR(d);
	n = sluice_acl_list(d->pipe, &d->rules);
	if (n < 0)
		return sluice_nl_dump_begun(cb, n);
	d->nrules = n;
	return 0;
}

int sluice_nl_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d = sluice_nl_dump(cb);
	void *hdr;

	for (; d->index < d->nrules; d->index++) {
		hdr = genlmsg_iput(skb, info);
		if (!hdr || sluice_put_rule(skb, d->pipe, &d->rules[d->index])) {
			if (hdr)
				genlmsg_cancel(skb, hdr);
			return skb->len ? skb->len : -EMSGSIZE;
		}
		genlmsg_end(skb, hdr);
	}
	return skb->len;
}

/* -------------------------------------------------------------- in */

/* Both or neither; 1: both. */
static int sluice_nl_pair(struct genl_info *info, int one, int other, const char *text)
{
	struct nlattr *a = info->attrs[one], *b = info->attrs[other];

	if (!a == !b)
		return a ? 1 : 0;
	NL_SET_ERR_MSG_ATTR_FMT(info->extack, a ? a : b, "%s go together", text);
	return -EINVAL;
}

static int sluice_nl_prefix(struct genl_info *info, int attr, int attr_len, struct sl_prefix *p)
{
	struct nlattr *addr = info->attrs[attr], *len = info->attrs[attr_len];

	if (len && !addr) {
		NL_SET_ERR_MSG_ATTR(info->extack, len, "a length without its address");
		return -EINVAL;
	}
	if (!addr)
		return 0;
	nla_memcpy(&p->addr, addr, sizeof(p->addr));
	p->prefixlen = len ? nla_get_u32(len) : 128;
	return 1;
}

static int sluice_nl_range(struct genl_info *info, int min, int max, u16 range[2])
{
	int both = sluice_nl_pair(info, min, max, "both ends of a range");

	if (both <= 0)
		return both;
	range[0] = nla_get_u16(info->attrs[min]);
	range[1] = nla_get_u16(info->attrs[max]);
	return 1;
}

static void sluice_nl_u8(struct genl_info *info, int attr, u8 *out, u32 *fields, u32 field)
{
	if (!info->attrs[attr])
		return;
	*out = nla_get_u8(info->attrs[attr]);
	*fields |= 1U << field;
}

static void sluice_nl_u32(struct genl_info *info, int attr, u32 *out, u32 *fields, u32 field)
{
	if (!info->attrs[attr])
		return;
	*out = nla_get_u32(info->attrs[attr]);
	*fields |= 1U << field;
}

static int sluice_nl_ranges(struct genl_info *info, struct sl_acl_rule *r)
{
	const struct {
		int found;
		u32 field;
	} got[] = {
		{ sluice_nl_prefix(info, SLUICE_A_RULE_SRC, SLUICE_A_RULE_SRC_LEN, &r->src),
		  SL_ACL_FIELD_SRC },
		{ sluice_nl_prefix(info, SLUICE_A_RULE_DST, SLUICE_A_RULE_DST_LEN, &r->dst),
		  SL_ACL_FIELD_DST },
		{ sluice_nl_range(info, SLUICE_A_RULE_SPORT_MIN, SLUICE_A_RULE_SPORT_MAX,
				  r->sport), SL_ACL_FIELD_SPORT },
		{ sluice_nl_range(info, SLUICE_A_RULE_DPORT_MIN, SLUICE_A_RULE_DPORT_MAX,
				  r->dport), SL_ACL_FIELD_DPORT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(got); i++) {
		if (got[i].found < 0)
			return got[i].found;
		if (got[i].found)
			r->fields |= 1U << got[i].field;
	}
	return 0;
}

static int sluice_nl_action(struct genl_info *info, struct sl_acl_rule *r)
{
	int mark = sluice_nl_pair(info, SLUICE_A_RULE_MARK, SLUICE_A_RULE_MARK_MASK,
				  "mark and mark-mask");
	int rate = sluice_nl_pair(info, SLUICE_A_RULE_RATE, SLUICE_A_RULE_BURST,
				  "rate and burst");

	if (mark < 0 || rate < 0)
		return -EINVAL;
	r->action = nla_get_u32(info->attrs[SLUICE_A_RULE_ACTION]);
	if ((r->action == SL_ACL_ACT_MARK) != mark || (r->action == SL_ACL_ACT_RATE) != rate) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SLUICE_A_RULE_ACTION],
				    "mark and rate want their arguments, others want none");
		return -EINVAL;
	}
	if (mark) {
		r->arg[0] = nla_get_u32(info->attrs[SLUICE_A_RULE_MARK]);
		r->arg[1] = nla_get_u32(info->attrs[SLUICE_A_RULE_MARK_MASK]);
	} else if (rate) {
		r->arg[0] = nla_get_u32(info->attrs[SLUICE_A_RULE_RATE]);
		r->arg[1] = nla_get_u32(info->attrs[SLUICE_A_RULE_BURST]);
	}
	return 0;
}

static int sluice_nl_rule(struct genl_info *info, struct sl_acl_rule *r)
{
	int err;

	r->origin = SL_ORIGIN_ADMIN;
	r->priority = nla_get_u32(info->attrs[SLUICE_A_RULE_PRIORITY]);
	err = sluice_nl_action(info, r);
	if (!err)
		err = sluice_nl_ranges(info, r);
	if (!err)
		err = sluice_nl_pair(info, SLUICE_A_RULE_TCP_FLAGS, SLUICE_A_RULE_TCP_MASK,
				     "tcp-flags and tcp-mask");
	if (err < 0)
		return err;
	sluice_nl_u8(info, SLUICE_A_RULE_TCP_FLAGS, &r->tcp_flags, &r->fields,
		     SL_ACL_FIELD_TCP_FLAGS);
	sluice_nl_u8(info, SLUICE_A_RULE_TCP_MASK, &r->tcp_mask, &r->fields,
		     SL_ACL_FIELD_TCP_FLAGS);
	sluice_nl_u8(info, SLUICE_A_RULE_PROTO, &r->proto, &r->fields, SL_ACL_FIELD_PROTO);
	sluice_nl_u8(info, SLUICE_A_RULE_DSCP, &r->dscp, &r->fields, SL_ACL_FIELD_DSCP);
	sluice_nl_u8(info, SLUICE_A_RULE_ICMP_TYPE, &r->icmp_type, &r->fields,
		     SL_ACL_FIELD_ICMP_TYPE);
	sluice_nl_u8(info, SLUICE_A_RULE_ICMP_CODE, &r->icmp_code, &r->fields,
		     SL_ACL_FIELD_ICMP_CODE);
	sluice_nl_u32(info, SLUICE_A_RULE_IFINDEX, &r->ifindex, &r->fields, SL_ACL_FIELD_IF);
	sluice_nl_u32(info, SLUICE_A_RULE_SRC_CLASS, &r->src_class, &r->fields,
		      SL_ACL_FIELD_SRC_CLASS);
	sluice_nl_u32(info, SLUICE_A_RULE_DST_CLASS, &r->dst_class, &r->fields,
		      SL_ACL_FIELD_DST_CLASS);
	if (info->attrs[SLUICE_A_RULE_COMMENT])
		nla_strscpy(r->comment, info->attrs[SLUICE_A_RULE_COMMENT], sizeof(r->comment));
	return 0;
}

static int sluice_nl_change(struct genl_info *info, const struct sluice_rule_change *change)
{
	struct nlattr *named = info->attrs[SLUICE_A_RULE_TXN];
	struct sluice_nl_txn t;
	int err;

	err = sluice_nl_txn_open(&t, info, named);
	if (err)
		return err;
	err = sluice_txn_add_rule(t.txn, change, info->extack);
	if (!err && !named)
		err = sluice_nl_txn_commit(&t, info);
	sluice_nl_txn_close(&t);
	return err;
}

int sluice_nl_rule_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_rule_change change = {};
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_RULE_ID) ||
	    GENL_REQ_ATTR_CHECK(info, SLUICE_A_RULE_PRIORITY) ||
	    GENL_REQ_ATTR_CHECK(info, SLUICE_A_RULE_ACTION))
		return -EINVAL;
	change.id = nla_get_u32(info->attrs[SLUICE_A_RULE_ID]);
	change.replace = info->attrs[SLUICE_A_RULE_REPLACE];
	err = sluice_nl_rule(info, &change.rule);
	return err ? err : sluice_nl_change(info, &change);
}

int sluice_nl_rule_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_rule_change change = { .del = true };

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_RULE_ID))
		return -EINVAL;
	change.id = nla_get_u32(info->attrs[SLUICE_A_RULE_ID]);
	return sluice_nl_change(info, &change);
}
