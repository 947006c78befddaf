// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * What may be written into which table by hand, and what a well-formed entry
 * is: one judgement for the library and the kernel module. It looks at nothing
 * but the entry.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include "user/lib/table_desc.h"
#else
#include <errno.h>
#include <stdio.h>
#include "lib/table_desc.h"
#endif

#define refuse(text, err, ...) (snprintf((text), SLUICE_ERROR_TEXT, __VA_ARGS__), (err))

/* No bit of @addr is set from bit @len on, of @max. */
static bool host_bits_zero(const __u8 *addr, __u32 len, __u32 max)
{
	for (; len < max; len++)
		if (addr[len / 8] & (0x80 >> (len % 8)))
			return false;
	return true;
}

static int check_rule(const void *k, const void *v, char *text)
{
	const struct sl_rule_key *key = k;
	const struct sl_rule_val *val = v;
	__u32 set = key->set >> 1;

	if (!(set & SL_RULESET_ADMIN) || set > SL_EP_RULESET_MASK)
		return refuse(text, -EPERM, "set: not an administrator's (bit 29 of the id)");
	if (set == SL_RULESET_CLOSED)
		return refuse(text, -EPERM, "set: stands for closed endpoints");
	if (!val)
		return 0;
	if (val->verdict >= __SL_VERDICT_MAX)
		return refuse(text, -EINVAL, "verdict: %u is none", val->verdict);
	if (val->tier >= __SL_TIER_MAX || val->deny_tier >= __SL_TIER_MAX)
		return refuse(text, -EINVAL, "tier: no such tier");
	if (val->verdict == SL_VERDICT_PORTS && !(val->ports & SL_PORTS_ADMIN))
		return refuse(text, -EINVAL, "ports: not an administrator's port set");
	return 0;
}
SL_STATIC_ASSERT(SL_RULESET_ADMIN == 1U << 29 && SL_PORTS_ADMIN == 1U << 31, "said in words");

static int check_port(const void *k, const void *v, char *text)
{
	const struct sl_port_key *key = k;
	const struct sl_port_val *val = v;

	if (!(key->ports & SL_PORTS_ADMIN))
		return refuse(text, -EPERM, "ports: not an administrator's (bit 31 of the id)");
	if (key->prefixlen < SL_PORT_PLEN_SET || key->prefixlen > SL_PORT_PLEN_PORT)
		return refuse(text, -EINVAL, "prefixlen: %u is not from %u to %u", key->prefixlen,
			      SL_PORT_PLEN_SET, SL_PORT_PLEN_PORT);
	if (!host_bits_zero(&key->proto, key->prefixlen - SL_PORT_PLEN_SET, 32))
		return refuse(text, -EINVAL, "port: bits beyond the prefix length are not zero");
	if (!val)
		return 0;
	if (val->verdict > SL_VERDICT_ALLOW)
		return refuse(text, -EINVAL, "verdict: %u is neither deny nor allow",
			      val->verdict);
	if (val->tier >= __SL_TIER_MAX)
		return refuse(text, -EINVAL, "tier: no such tier");
	return 0;
}

static int check_route(const void *k, const void *v, char *text)
{
	const struct sl_prefix *key = k;
	const struct sl_route_val *val = v;

	if (key->prefixlen > 128)
		return refuse(text, -EINVAL, "prefix: length %u is over 128", key->prefixlen);
	if (!host_bits_zero((const __u8 *)key + sizeof(key->prefixlen), key->prefixlen, 128))
		return refuse(text, -EINVAL, "prefix: host bits are not zero");
	if (val && (val->kind == SL_ROUTE_NONE || val->kind >= __SL_ROUTE_MAX))
		return refuse(text, -EINVAL, "kind: %u is none", val->kind);
	return 0;
}

int sluice_entry_check(const struct sluice_table *t, enum sluice_entry_op op, const void *key,
		       const void *value, char *text)
{
	const void *v = op == SLUICE_ENTRY_DELETE ? NULL : value;

	if (!t->writable && !t->deletable)
		return refuse(text, -EPERM, "table %s is not written by hand", t->name);
	if (!t->writable && op != SLUICE_ENTRY_DELETE)
		return refuse(text, -EPERM, "entries of table %s can only be deleted", t->name);
	switch (t->map) {
	case SL_MAP_RULE:
		return check_rule(key, v, text);
	case SL_MAP_PORT:
		return check_port(key, v, text);
	case SL_MAP_ROUTE:
		return check_route(key, v, text);
	default:
		return 0;
	}
}
