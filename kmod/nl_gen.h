/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: kmod/regen */

#ifndef _LINUX_SLUICE_GEN_H
#define _LINUX_SLUICE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/sluice.h>

/* Common nested types */
extern const struct nla_policy sluice_item_nl_policy[SLUICE_A_ITEM_VALUE + 1];

int sluice_nl_entry_get_start(struct netlink_callback *cb);
int sluice_nl_flow_get_start(struct netlink_callback *cb);
int sluice_nl_drop_get_start(struct netlink_callback *cb);
int sluice_nl_rule_get_start(struct netlink_callback *cb);
int sluice_nl_dump_done(struct netlink_callback *cb);

int sluice_nl_pipeline_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_pipeline_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_table_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_table_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sluice_nl_entry_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_entry_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sluice_nl_entry_mod_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_endpoint_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_endpoint_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int sluice_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_drop_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_rule_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_rule_new_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_rule_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_txn_begin_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_txn_commit_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	SLUICE_NLGRP_FLOWS,
	SLUICE_NLGRP_DROPS,
	SLUICE_NLGRP_POLICY,
};

extern struct genl_family sluice_nl_family;

#endif /* _LINUX_SLUICE_GEN_H */
