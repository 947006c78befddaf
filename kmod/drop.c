// SPDX-License-Identifier: GPL-2.0
/* Requests about what was dropped. Counting is the programs' work alone. */
#include "nl_gen.h"
#include "sluice.h"
#include "user/lib/table_names.h"

int sluice_drop_put(struct sk_buff *skb, const struct sl_drop_key *key,
		    const struct sl_counter *count)
{
	if (nla_put_u32(skb, SLUICE_A_DROP_REASON, key->reason) ||
	    (key->reason < __SL_DROP_MAX &&
	     nla_put_string(skb, SLUICE_A_DROP_NAME, lib_drop_names[key->reason])) ||
	    nla_put_u32(skb, SLUICE_A_DROP_ENDPOINT, key->ep) ||
	    nla_put_u32(skb, SLUICE_A_DROP_RULE, key->rule) ||
	    nla_put_uint(skb, SLUICE_A_DROP_PACKETS, count->packets) ||
	    nla_put_uint(skb, SLUICE_A_DROP_BYTES, count->bytes))
		return -EMSGSIZE;
	return 0;
}

int sluice_nl_drop_get_start(struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d = sluice_nl_dump_new(cb);
	bool by_rule;

	if (IS_ERR(d))
		return PTR_ERR(d);
	by_rule = info->attrs[SLUICE_A_DROP_BY_RULE];
	d->at = by_rule;
	if (!by_rule)
		return 0;
	return sluice_nl_dump_begun(cb, sluice_snapshot_take(&d->snap[0],
							     d->pipe->map[SL_MAP_DROP_RULE],
							     NULL, NULL));
}

/* 1: there was no room. */
static int sluice_dump_drop(struct sk_buff *skb, const struct genl_info *info,
			    const struct sl_drop_key *key, const struct sl_counter *count)
{
	void *hdr = genlmsg_iput(skb, info);

	if (!hdr)
		return 1;
	if (sluice_drop_put(skb, key, count)) {
		genlmsg_cancel(skb, hdr);
		return 1;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int sluice_dump_reasons(struct sk_buff *skb, const struct genl_info *info,
			       struct sluice_dump *d)
{
	struct sl_drop_key key = {};
	struct sl_counter count;

	for (; d->index < __SL_DROP_MAX; d->index++) {
		if (sluice_map_read(d->pipe->map[SL_MAP_DROP], &d->index, &count) ||
		    !count.packets)
			continue;
		key.reason = d->index;
		if (sluice_dump_drop(skb, info, &key, &count))
			return skb->len ? skb->len : -EMSGSIZE;
	}
	return skb->len;
}

int sluice_nl_drop_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct sluice_dump *d = sluice_nl_dump(cb);
	struct sl_counter count;
	const void *key;

	if (!d->at)
		return sluice_dump_reasons(skb, info, d);
	while ((key = sluice_snapshot_next(&d->snap[0]))) {
		if (sluice_map_read(d->pipe->map[SL_MAP_DROP_RULE], key, &count))
			continue;
		if (sluice_dump_drop(skb, info, key, &count)) {
			sluice_snapshot_back(&d->snap[0]);
			return skb->len ? skb->len : -EMSGSIZE;
		}
	}
	return skb->len;
}
