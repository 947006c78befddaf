// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The administrator's rules as messages of the netlink family. */
#include <errno.h>
#include <string.h>
#include "lib/nl.h"
#include "lib/rule.h"

#define USES(r, field)	((r)->fields & 1U << SL_ACL_FIELD_##field)

/* ------------------------------------------------------------------- out */

static int put_prefix(struct nl_msg *msg, int attr, int attr_len, const struct sl_prefix *p)
{
	return nla_put(msg, attr, sizeof(p->addr), (const char *)p + sizeof(p->prefixlen)) ||
	       nla_put_u32(msg, attr_len, p->prefixlen);
}

static int put_where(struct nl_msg *msg, const struct sl_acl_rule *r)
{
	return (USES(r, SRC) &&
		put_prefix(msg, SLUICE_A_RULE_SRC, SLUICE_A_RULE_SRC_LEN, &r->src)) ||
	       (USES(r, DST) &&
		put_prefix(msg, SLUICE_A_RULE_DST, SLUICE_A_RULE_DST_LEN, &r->dst)) ||
	       (USES(r, SRC_CLASS) && nla_put_u32(msg, SLUICE_A_RULE_SRC_CLASS, r->src_class)) ||
	       (USES(r, DST_CLASS) && nla_put_u32(msg, SLUICE_A_RULE_DST_CLASS, r->dst_class)) ||
	       (USES(r, IF) && nla_put_u32(msg, SLUICE_A_RULE_IFINDEX, r->ifindex));
}

static int put_what(struct nl_msg *msg, const struct sl_acl_rule *r)
{
	return (USES(r, PROTO) && nla_put_u8(msg, SLUICE_A_RULE_PROTO, r->proto)) ||
	       (USES(r, SPORT) && (nla_put_u16(msg, SLUICE_A_RULE_SPORT_MIN, r->sport[0]) ||
				   nla_put_u16(msg, SLUICE_A_RULE_SPORT_MAX, r->sport[1]))) ||
	       (USES(r, DPORT) && (nla_put_u16(msg, SLUICE_A_RULE_DPORT_MIN, r->dport[0]) ||
				   nla_put_u16(msg, SLUICE_A_RULE_DPORT_MAX, r->dport[1]))) ||
	       (USES(r, TCP_FLAGS) && (nla_put_u8(msg, SLUICE_A_RULE_TCP_FLAGS, r->tcp_flags) ||
				       nla_put_u8(msg, SLUICE_A_RULE_TCP_MASK, r->tcp_mask))) ||
	       (USES(r, ICMP_TYPE) && nla_put_u8(msg, SLUICE_A_RULE_ICMP_TYPE, r->icmp_type)) ||
	       (USES(r, ICMP_CODE) && nla_put_u8(msg, SLUICE_A_RULE_ICMP_CODE, r->icmp_code)) ||
	       (USES(r, DSCP) && nla_put_u8(msg, SLUICE_A_RULE_DSCP, r->dscp));
}

static int put_rule(struct nl_msg *msg, const struct sl_acl_rule *r)
{
	int err = nla_put_u32(msg, SLUICE_A_RULE_PRIORITY, r->priority) ||
		  nla_put_u32(msg, SLUICE_A_RULE_ACTION, r->action) || put_where(msg, r) ||
		  put_what(msg, r);

	if (!err && r->action == SL_ACL_ACT_MARK)
		err = nla_put_u32(msg, SLUICE_A_RULE_MARK, r->arg[0]) ||
		      nla_put_u32(msg, SLUICE_A_RULE_MARK_MASK, r->arg[1]);
	if (!err && r->action == SL_ACL_ACT_RATE)
		err = nla_put_u32(msg, SLUICE_A_RULE_RATE, r->arg[0]) ||
		      nla_put_u32(msg, SLUICE_A_RULE_BURST, r->arg[1]);
	if (!err && r->comment[0])
		err = nla_put_string(msg, SLUICE_A_RULE_COMMENT, r->comment);
	return err ? -EMSGSIZE : 0;
}

int lib_nl_rule_change(struct lib_nl *nl, __u32 txn, const struct lib_rule_op *op)
{
	bool del = op->kind == LIB_RULE_DELETE;
	struct nl_msg *msg = lib_nl_msg(nl, del ? SLUICE_CMD_RULE_DEL : SLUICE_CMD_RULE_NEW, 0,
					1024);
	int err;

	if (!msg)
		return -ENOMEM;
	err = nla_put_u32(msg, SLUICE_A_RULE_TXN, txn) ||
	      nla_put_u32(msg, SLUICE_A_RULE_ID, op->id) ||
	      (op->kind == LIB_RULE_REPLACE && nla_put_flag(msg, SLUICE_A_RULE_REPLACE)) ||
	      (!del && put_rule(msg, &op->rule));
	if (err) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	return lib_nl_talk(nl, msg, NULL, NULL);
}

/* -------------------------------------------------------------------- in */

static void get_prefix(struct nlattr **attrs, int attr, int attr_len, struct sl_prefix *p)
{
	lib_nl_copy((char *)p + sizeof(p->prefixlen), attrs[attr], sizeof(p->addr));
	p->prefixlen = lib_nl_u32(attrs[attr_len]);
}

static void get_u8(struct nlattr *a, __u8 *out)
{
	if (a)
		*out = nla_get_u8(a);
}

static void get_u16(struct nlattr *a, __u16 *out)
{
	if (a)
		*out = nla_get_u16(a);
}

/* Which fields there are, by the attribute that each has. */
static __u32 get_fields(struct nlattr **attrs)
{
	static const int attr_of[__SL_ACL_FIELD_MAX] = {
		[SL_ACL_FIELD_SRC] = SLUICE_A_RULE_SRC,
		[SL_ACL_FIELD_DST] = SLUICE_A_RULE_DST,
		[SL_ACL_FIELD_SPORT] = SLUICE_A_RULE_SPORT_MIN,
		[SL_ACL_FIELD_DPORT] = SLUICE_A_RULE_DPORT_MIN,
		[SL_ACL_FIELD_PROTO] = SLUICE_A_RULE_PROTO,
		[SL_ACL_FIELD_TCP_FLAGS] = SLUICE_A_RULE_TCP_FLAGS,
		[SL_ACL_FIELD_ICMP_TYPE] = SLUICE_A_RULE_ICMP_TYPE,
		[SL_ACL_FIELD_ICMP_CODE] = SLUICE_A_RULE_ICMP_CODE,
		[SL_ACL_FIELD_DSCP] = SLUICE_A_RULE_DSCP,
		[SL_ACL_FIELD_IF] = SLUICE_A_RULE_IFINDEX,
		[SL_ACL_FIELD_SRC_CLASS] = SLUICE_A_RULE_SRC_CLASS,
		[SL_ACL_FIELD_DST_CLASS] = SLUICE_A_RULE_DST_CLASS,
	};
	__u32 fields = 0, i;

	for (i = 0; i < __SL_ACL_FIELD_MAX; i++)
		if (attrs[attr_of[i]])
			fields |= 1U << i;
	return fields;
}

static void get_match(struct nlattr **attrs, struct sl_acl_rule *r)
{
	r->fields = get_fields(attrs);
	get_prefix(attrs, SLUICE_A_RULE_SRC, SLUICE_A_RULE_SRC_LEN, &r->src);
	get_prefix(attrs, SLUICE_A_RULE_DST, SLUICE_A_RULE_DST_LEN, &r->dst);
	r->src_class = lib_nl_u32(attrs[SLUICE_A_RULE_SRC_CLASS]);
	r->dst_class = lib_nl_u32(attrs[SLUICE_A_RULE_DST_CLASS]);
	r->ifindex = lib_nl_u32(attrs[SLUICE_A_RULE_IFINDEX]);
	get_u8(attrs[SLUICE_A_RULE_PROTO], &r->proto);
	get_u8(attrs[SLUICE_A_RULE_DSCP], &r->dscp);
	get_u8(attrs[SLUICE_A_RULE_TCP_FLAGS], &r->tcp_flags);
	get_u8(attrs[SLUICE_A_RULE_TCP_MASK], &r->tcp_mask);
	get_u8(attrs[SLUICE_A_RULE_ICMP_TYPE], &r->icmp_type);
	get_u8(attrs[SLUICE_A_RULE_ICMP_CODE], &r->icmp_code);
	get_u16(attrs[SLUICE_A_RULE_SPORT_MIN], &r->sport[0]);
	get_u16(attrs[SLUICE_A_RULE_SPORT_MAX], &r->sport[1]);
	get_u16(attrs[SLUICE_A_RULE_DPORT_MIN], &r->dport[0]);
	get_u16(attrs[SLUICE_A_RULE_DPORT_MAX], &r->dport[1]);
}

static void get_rule(struct nlattr **attrs, struct sluice_rule *out)
{
	struct sl_acl_rule *r = &out->rule;

	memset(out, 0, sizeof(*out));
	out->id = lib_nl_u32(attrs[SLUICE_A_RULE_ID]);
	out->count.packets = lib_nl_uint(attrs[SLUICE_A_RULE_PACKETS]);
	out->count.bytes = lib_nl_uint(attrs[SLUICE_A_RULE_BYTES]);
	r->priority = lib_nl_u32(attrs[SLUICE_A_RULE_PRIORITY]);
	r->action = lib_nl_u32(attrs[SLUICE_A_RULE_ACTION]);
	r->origin = lib_nl_u32(attrs[SLUICE_A_RULE_ORIGIN]);
	if (r->action == SL_ACL_ACT_MARK) {
		r->arg[0] = lib_nl_u32(attrs[SLUICE_A_RULE_MARK]);
		r->arg[1] = lib_nl_u32(attrs[SLUICE_A_RULE_MARK_MASK]);
	} else if (r->action == SL_ACL_ACT_RATE) {
		r->arg[0] = lib_nl_u32(attrs[SLUICE_A_RULE_RATE]);
		r->arg[1] = lib_nl_u32(attrs[SLUICE_A_RULE_BURST]);
	}
	get_match(attrs, r);
	lib_nl_copy(r->comment, attrs[SLUICE_A_RULE_COMMENT], sizeof(r->comment) - 1);
}

struct rules {
	int (*cb)(void *arg, const struct sluice_rule *rule);
	void *arg;
	struct sluice_rule *out;
	int stop;
};

static int take_rule(struct lib_nl *nl, struct nlattr **attrs, void *arg)
{
	struct rules *rules = arg;
	struct sluice_rule rule;

	(void)nl;
	get_rule(attrs, rules->out ? rules->out : &rule);
	if (rules->cb)
		rules->stop = rules->cb(rules->arg, &rule);
	return rules->stop ? -ECANCELED : 0;
}

int lib_nl_rule_get(struct lib_nl *nl, __u32 id, struct sluice_rule *out)
{
	struct nl_msg *msg = lib_nl_msg(nl, SLUICE_CMD_RULE_GET, 0, 8);
	struct rules rules = { .out = out };

	if (msg)
		nla_put_u32(msg, SLUICE_A_RULE_ID, id);
	return lib_nl_talk(nl, msg, take_rule, &rules);
}

int lib_nl_rule_each(struct lib_nl *nl, int (*cb)(void *arg, const struct sluice_rule *rule),
		     void *arg)
{
	struct rules rules = { .cb = cb, .arg = arg };
	int err = lib_nl_talk(nl, lib_nl_msg(nl, SLUICE_CMD_RULE_GET, NLM_F_DUMP, 0), take_rule,
			      &rules);

	return rules.stop ? rules.stop : err;
}
