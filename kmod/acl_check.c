// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Is a rule of the administrator's one that can be compiled? Any bytes may come in. */
#include "kmod/acl_compile.h"
#include "kmod/acl_shim.h"

#define USES(rule, field)	((rule)->fields & 1U << SL_ACL_FIELD_##field)
#define RATE_MAX		1000000U	/* flows a second */

static bool bytes_zero(const void *mem, size_t len)
{
	const unsigned char *b = mem;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

static bool prefix_is_v4(const struct sl_prefix *p)
{
	return p->prefixlen >= 96 && bytes_zero(p->addr.b, 10) && p->addr.b[10] == 0xff &&
	       p->addr.b[11] == 0xff;
}

/* What is wrong with it, or NULL. */
static const char *check_prefix(const struct sl_prefix *p, bool used)
{
	__u32 bit;

	if (!used)
		return bytes_zero(p, sizeof(*p)) ? NULL : "set, but not among the fields";
	if (p->prefixlen > 128)
		return "prefix length is over 128";
	for (bit = p->prefixlen; bit < 128; bit++)
		if (p->addr.b[bit / 8] & 0x80 >> bit % 8)
			return "bits below the prefix length are set";
	return NULL;
}

static const char *check_unused(__u64 value, bool used)
{
	return value && !used ? "set, but not among the fields" : NULL;
}

static const char *check_ports(const struct sl_acl_rule *r, const __u16 port[2], bool used)
{
	if (!used)
		return check_unused(port[0] | port[1], false);
	if (!USES(r, PROTO) || (r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP &&
				r->proto != IPPROTO_SCTP))
		return "ports need the protocol tcp, udp or sctp";
	return port[0] > port[1] ? "range ends before it begins" : NULL;
}

static const char *check_tcp(const struct sl_acl_rule *r)
{
	if (!USES(r, TCP_FLAGS))
		return check_unused(r->tcp_flags | r->tcp_mask, false);
	if (!USES(r, PROTO) || r->proto != IPPROTO_TCP)
		return "TCP flags need the protocol tcp";
	if (!r->tcp_mask)
		return "no flag is looked at";
	return r->tcp_flags & ~r->tcp_mask ? "flags are wanted that are not looked at" : NULL;
}

static const char *check_icmp(const struct sl_acl_rule *r, __u8 value, bool used)
{
	if (!used)
		return check_unused(value, false);
	if (!USES(r, PROTO) || (r->proto != IPPROTO_ICMP && r->proto != IPPROTO_ICMPV6))
		return "ICMP fields need the protocol icmp or icmpv6";
	return NULL;
}

static const char *check_dscp(const struct sl_acl_rule *r)
{
	if (!USES(r, DSCP))
		return check_unused(r->dscp, false);
	return r->dscp > 63 ? "over 63" : NULL;
}

static const char *check_args(const struct sl_acl_rule *r)
{
	switch (r->action) {
	case SL_ACL_ACT_MARK:
		if (!r->arg[1])
			return "mask of the mark is zero";
		return r->arg[0] & ~r->arg[1] ? "mark has bits outside of its mask" : NULL;
	case SL_ACL_ACT_RATE:
		if (!r->arg[0] || r->arg[0] > RATE_MAX)
			return "rate is not from 1 to 1000000 a second";
		return r->arg[1] ? NULL : "burst is zero";
	default:
		return r->arg[0] | r->arg[1] ? "this action has no argument" : NULL;
	}
}

static const char *check_families(const struct sl_acl_rule *r)
{
	if (USES(r, SRC) && USES(r, DST) && prefix_is_v4(&r->src) != prefix_is_v4(&r->dst))
		return "source and destination are of different families";
	return NULL;
}

int sluice_acl_check(__u32 id, const struct sl_acl_rule *r, struct sl_acl_error *err)
{
	const struct {
		const char *field, *text;
	} found[] = {
		{ "id", id ? NULL : "zero" },
		{ "fields", r->fields >> __SL_ACL_FIELD_MAX ? "unknown field" : NULL },
		{ "action", r->action < __SL_ACL_ACT_MAX ? NULL : "unknown action" },
		{ "origin", r->origin < __SL_ORIGIN_MAX ? NULL : "unknown origin" },
		{ "proto", check_unused(r->proto, USES(r, PROTO)) },
		{ "dscp", check_dscp(r) },
		{ "ifindex", r->ifindex >> 31 ? "not the number of a device" :
						check_unused(r->ifindex, USES(r, IF)) },
		{ "src", check_prefix(&r->src, USES(r, SRC)) },
		{ "dst", check_prefix(&r->dst, USES(r, DST)) },
		{ "dst", check_families(r) },
		{ "src_class", check_unused(r->src_class, USES(r, SRC_CLASS)) },
		{ "dst_class", check_unused(r->dst_class, USES(r, DST_CLASS)) },
		{ "sport", check_ports(r, r->sport, USES(r, SPORT)) },
		{ "dport", check_ports(r, r->dport, USES(r, DPORT)) },
		{ "tcp_flags", check_tcp(r) },
		{ "icmp_type", check_icmp(r, r->icmp_type, USES(r, ICMP_TYPE)) },
		{ "icmp_code", check_icmp(r, r->icmp_code, USES(r, ICMP_CODE)) },
		{ "arg", check_args(r) },
		{ "comment", r->comment[SL_ACL_COMMENT_LEN - 1] ? "longer than 31 bytes" : NULL },
		{ "pad", r->pad ? "not zero" : NULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(found); i++) {
		if (!found[i].text)
			continue;
		if (err) {
			err->rule = id;
			err->field = found[i].field;
			err->text = found[i].text;
		}
		return -EINVAL;
	}
	return 0;
}
