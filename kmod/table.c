// SPDX-License-Identifier: GPL-2.0
/*
 * What may be written into which table by hand, and what a well-formed entry
 * is. The tables themselves are described by user/lib/table_desc.c.
 */
#include <linux/string.h>
#include "sluice.h"

/* Bits of the address in a key of prefix length @len, of @max. */
static bool sluice_host_bits_zero(const u8 *addr, u32 len, u32 max)
{
	for (; len < max; len++)
		if (addr[len / 8] & (0x80 >> (len % 8)))
			return false;
	return true;
}

static int sluice_check_rule(const void *k, const void *v, struct netlink_ext_ack *extack)
{
	const struct sl_rule_key *key = k;
	const struct sl_rule_val *val = v;

	if (!(key->set >> 1 & SL_RULESET_ADMIN) || key->set >> 1 > SL_EP_RULESET_MASK) {
		NL_SET_ERR_MSG_FMT(extack, "set: not an administrator's (bit %u of the id)",
				   ilog2(SL_RULESET_ADMIN));
		return -EPERM;
	}
	if (!val)
		return 0;
	if (val->verdict >= __SL_VERDICT_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "verdict: %u is none", val->verdict);
		return -EINVAL;
	}
	if (val->tier >= __SL_TIER_MAX || val->deny_tier >= __SL_TIER_MAX) {
		NL_SET_ERR_MSG(extack, "tier: no such tier");
		return -EINVAL;
	}
	if (val->verdict == SL_VERDICT_PORTS && !(val->ports & SL_PORTS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "ports: not an administrator's port set");
		return -EINVAL;
	}
	return 0;
}

static int sluice_check_port(const void *k, const void *v, struct netlink_ext_ack *extack)
{
	const struct sl_port_key *key = k;
	const struct sl_port_val *val = v;

	if (!(key->ports & SL_PORTS_ADMIN)) {
		NL_SET_ERR_MSG_FMT(extack, "ports: not an administrator's (bit %u of the id)",
				   ilog2(SL_PORTS_ADMIN));
		return -EPERM;
	}
	if (key->prefixlen < SL_PORT_PLEN_SET || key->prefixlen > SL_PORT_PLEN_PORT) {
		NL_SET_ERR_MSG_FMT(extack, "prefixlen: %u is not from %u to %u", key->prefixlen,
				   SL_PORT_PLEN_SET, SL_PORT_PLEN_PORT);
		return -EINVAL;
	}
	if (!sluice_host_bits_zero(&key->proto, key->prefixlen - SL_PORT_PLEN_SET, 32)) {
		NL_SET_ERR_MSG(extack, "port: bits beyond the prefix length are not zero");
		return -EINVAL;
	}
	if (!val)
		return 0;
	if (val->verdict > SL_VERDICT_ALLOW) {
		NL_SET_ERR_MSG_FMT(extack, "verdict: %u is neither deny nor allow", val->verdict);
		return -EINVAL;
	}
	if (val->tier >= __SL_TIER_MAX) {
		NL_SET_ERR_MSG(extack, "tier: no such tier");
		return -EINVAL;
	}
	return 0;
}

static int sluice_check_route(const void *k, const void *v, struct netlink_ext_ack *extack)
{
	const struct sl_prefix *key = k;
	const struct sl_route_val *val = v;

	if (key->prefixlen > 128) {
		NL_SET_ERR_MSG_FMT(extack, "prefix: length %u is over 128", key->prefixlen);
		return -EINVAL;
	}
	if (!sluice_host_bits_zero(key->addr.b, key->prefixlen, 128)) {
		NL_SET_ERR_MSG(extack, "prefix: host bits are not zero");
		return -EINVAL;
	}
	if (val && (val->kind == SL_ROUTE_NONE || val->kind >= __SL_ROUTE_MAX)) {
		NL_SET_ERR_MSG_FMT(extack, "kind: %u is none", val->kind);
		return -EINVAL;
	}
	return 0;
}

static const struct sluice_hand {
	u32 flags;			/* enum sluice_table_flags */
	int origin;			/* offset in the value */
	int (*check)(const void *key, const void *value, struct netlink_ext_ack *extack);
} sluice_hands[__SL_MAP_MAX] = {
	[SL_MAP_RULE] = { SLUICE_TABLE_FLAGS_WRITABLE, offsetof(struct sl_rule_val, origin),
			  sluice_check_rule },
	[SL_MAP_PORT] = { SLUICE_TABLE_FLAGS_WRITABLE, offsetof(struct sl_port_val, origin),
			  sluice_check_port },
	[SL_MAP_ROUTE] = { SLUICE_TABLE_FLAGS_WRITABLE, offsetof(struct sl_route_val, origin),
			   sluice_check_route },
	[SL_MAP_FLOW] = { SLUICE_TABLE_FLAGS_DELETABLE },
	[SL_MAP_HALF] = { SLUICE_TABLE_FLAGS_DELETABLE },
	[SL_MAP_FRAG] = { SLUICE_TABLE_FLAGS_DELETABLE },
	[SL_MAP_DROP_RULE] = { SLUICE_TABLE_FLAGS_DELETABLE },
};

const struct sluice_table *sluice_table_by_name(const char *name)
{
	const struct sluice_table *t;
	size_t n, i;

	t = sluice_tables(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(t[i].name, name))
			return &t[i];
	return NULL;
}

const struct sluice_table *sluice_table_by_id(u32 id)
{
	const struct sluice_table *t;
	size_t n, i;

	t = sluice_tables(&n);
	for (i = 0; i < n; i++)
		if (t[i].map == id)
			return &t[i];
	return NULL;
}

u32 sluice_table_flags(const struct sluice_table *t)
{
	return sluice_hands[t->map].flags | (t->percpu ? SLUICE_TABLE_FLAGS_PERCPU : 0);
}

int sluice_table_origin(const struct sluice_table *t)
{
	return sluice_hands[t->map].check ? sluice_hands[t->map].origin : -1;
}

int sluice_item_check(const struct sluice_item *item, struct netlink_ext_ack *extack)
{
	const struct sluice_hand *hand = &sluice_hands[item->t->map];
	bool del = item->op == SLUICE_OP_DELETE;

	if (!hand->flags) {
		NL_SET_ERR_MSG_FMT(extack, "table %s is not written by hand", item->t->name);
		return -EPERM;
	}
	if (!del && !(hand->flags & SLUICE_TABLE_FLAGS_WRITABLE)) {
		NL_SET_ERR_MSG_FMT(extack, "entries of table %s can only be deleted",
				   item->t->name);
		return -EPERM;
	}
	return hand->check ? hand->check(item->key, item->value, extack) : 0;
}
