// SPDX-License-Identifier: GPL-2.0
/* The administrator's rules as words and as JSON; see rule_text.h. */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rule_text.h"
#include "value.h"

const char *const rule_actions[] = {
	[SL_ACL_ACT_DROP] = "drop",   [SL_ACL_ACT_REJECT] = "reject",
	[SL_ACL_ACT_ACCEPT] = "accept", [SL_ACL_ACT_PASS] = "pass",
	[SL_ACL_ACT_MARK] = "mark",   [SL_ACL_ACT_RATE] = "rate",
	[SL_ACL_ACT_MIRROR] = "mirror", [SL_ACL_ACT_COUNT] = "count",
	[__SL_ACL_ACT_MAX] = NULL,
};

/* Bits of byte 13 of a TCP header, from the lowest. */
static const char flag_letters[] = "FSRPAUEC";

/* --------------------------------------------------------------- reading */

__attribute__((format(printf, 2, 3)))
static int bad(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CLI_WHY, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* An option's text, parted at @sep; @second NULL: there is none. */
static int halves(const char *text, char sep, char first[64], const char **second)
{
	const char *at = strchr(text, sep);
	size_t n = at ? (size_t)(at - text) : strlen(text);

	if (n >= 64)
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	*second = at ? at + 1 : NULL;
	return 0;
}

static int take_ports(const char *text, void *out)
{
	const char *second;
	__u16 *port = out;
	char first[64];
	__u32 lo, hi;

	if (halves(text, '-', first, &second) || value_number(first, &lo) || lo > 65535)
		return -EINVAL;
	hi = lo;
	if (second && (value_number(second, &hi) || hi > 65535 || hi < lo))
		return -EINVAL;
	port[0] = lo;
	port[1] = hi;
	return 0;
}

/* Host bits would be dropped silently, and the rule mean more than was said. */
static int take_prefix(const char *text, void *out)
{
	if (strchr(text, '/'))
		return sluice_prefix_parse(text, false, out);
	return value_prefix(text, out);
}

static int take_proto(const char *text, void *out)
{
	int proto;

	if (value_proto(text, &proto))
		return -EINVAL;
	*(__u8 *)out = proto;
	return 0;
}

static int take_u32(const char *text, void *out)
{
	return value_number(text, out);
}

static int take_u8(const char *text, void *out)
{
	__u32 n;

	if (value_number(text, &n) || n > 255)
		return -EINVAL;
	*(__u8 *)out = n;
	return 0;
}

static int take_interface(const char *text, void *out)
{
	__u32 n;

	if (!strcmp(text, "none")) {
		*(__u32 *)out = 0;
		return 0;
	}
	n = if_nametoindex(text);
	if (!n && value_number(text, &n))
		return -EINVAL;
	*(__u32 *)out = n;
	return 0;
}

static int flag_bits(const char *text, __u8 *out)
{
	*out = 0;
	for (; *text; text++) {
		const char *at = strchr(flag_letters, *text);

		if (!at)
			return -EINVAL;
		*out |= 1 << (at - flag_letters);
	}
	return 0;
}

/* "S/SA": of SYN and ACK, SYN alone; "S": that one is set. Value, then mask. */
static int take_flags(const char *text, void *out)
{
	const char *second;
	__u8 *flags = out;
	char first[64];

	if (halves(text, '/', first, &second) || flag_bits(first, &flags[0]))
		return -EINVAL;
	return flag_bits(second ? second : first, &flags[1]);
}

static const struct field {
	const char *option;
	enum sl_acl_field field;
	size_t offset;
	int (*take)(const char *text, void *out);
	const char *what;
} fields[] = {
#define FIELD(name, sym, member, fn, text) \
	{ name, SL_ACL_FIELD_##sym, offsetof(struct sl_acl_rule, member), fn, text }
	FIELD("from", SRC, src, take_prefix, "an address or a prefix without host bits"),
	FIELD("to", DST, dst, take_prefix, "an address or a prefix without host bits"),
	FIELD("from-port", SPORT, sport, take_ports, "a port or a range of ports, as 80-90"),
	FIELD("to-port", DPORT, dport, take_ports, "a port or a range of ports, as 80-90"),
	FIELD("proto", PROTO, proto, take_proto, "a protocol"),
	FIELD("tcp-flags", TCP_FLAGS, tcp_flags, take_flags,
	      "letters of FSRPAUEC that are set, and behind / those that are looked at"),
	FIELD("icmp-type", ICMP_TYPE, icmp_type, take_u8, "a number to 255"),
	FIELD("icmp-code", ICMP_CODE, icmp_code, take_u8, "a number to 255"),
	FIELD("dscp", DSCP, dscp, take_u8, "a number to 63"),
	FIELD("interface", IF, ifindex, take_interface,
	      "a device, its number, or 'none' for what the node itself sends"),
	FIELD("from-class", SRC_CLASS, src_class, take_u32, "the number of a class"),
	FIELD("to-class", DST_CLASS, dst_class, take_u32, "the number of a class"),
#undef FIELD
};
#define NFIELDS	(sizeof(fields) / sizeof(fields[0]))
_Static_assert(NFIELDS == __SL_ACL_FIELD_MAX, "an option for each field");
_Static_assert(offsetof(struct sl_acl_rule, tcp_mask) == offsetof(struct sl_acl_rule, tcp_flags) + 1,
	       "take_flags() writes both");

static int take_mark(const char *text, struct sl_acl_rule *r)
{
	const char *second;
	char first[64];

	r->arg[1] = 0xffffffff;
	if (halves(text, '/', first, &second) || value_number(first, &r->arg[0]))
		return -EINVAL;
	return second ? value_number(second, &r->arg[1]) : 0;
}

static int take_arguments(struct cli *cli, struct sl_acl_rule *r, char *why)
{
	const char *mark = cli_text(cli, "mark"), *rate = cli_text(cli, "rate");
	const char *burst = cli_text(cli, "burst");

	if (!mark != (r->action != SL_ACL_ACT_MARK))
		return bad(why, mark ? "--mark is for the action 'mark'" :
			   "the action 'mark' needs --mark VALUE[/MASK]");
	if (!rate != (r->action != SL_ACL_ACT_RATE))
		return bad(why, rate ? "--rate is for the action 'rate'" :
			   "the action 'rate' needs --rate N");
	if (burst && !rate)
		return bad(why, "--burst is for the action 'rate'");
	if (mark && take_mark(mark, r))
		return bad(why, "'%.100s' for '--mark' is not VALUE[/MASK]", mark);
	if (rate && value_number(rate, &r->arg[0]))
		return bad(why, "'%.100s' for '--rate' is not a number", rate);
	/* as many at once as in a tenth of a second, when nobody says */
	if (rate)
		r->arg[1] = r->arg[0] / 10 ? r->arg[0] / 10 : 1;
	if (burst && value_number(burst, &r->arg[1]))
		return bad(why, "'%.100s' for '--burst' is not a number", burst);
	return 0;
}

static int take_rest(struct cli *cli, struct sl_acl_rule *r, char *why)
{
	const char *priority = cli_text(cli, "priority"), *comment = cli_text(cli, "comment");

	r->priority = 1000;
	if (priority && value_number(priority, &r->priority))
		return bad(why, "'%.100s' for '--priority' is not a number", priority);
	if (comment && strlen(comment) >= sizeof(r->comment))
		return bad(why, "'--comment' is longer than %zu bytes", sizeof(r->comment) - 1);
	if (comment)
		strcpy(r->comment, comment);
	return take_arguments(cli, r, why);
}

static int find_action(const char *action, char *why)
{
	for (int i = 0; rule_actions[i]; i++)
		if (!strcmp(rule_actions[i], action))
			return i;
	return bad(why, "'%.100s' is none of drop, reject, accept, pass, mark, rate, mirror, count",
		   action);
}

int rule_parse(struct cli *cli, const char *action, struct sl_acl_rule *r, char *why)
{
	int act = find_action(action, why);

	memset(r, 0, sizeof(*r));
	if (act < 0)
		return act;
	r->action = act;
	for (size_t i = 0; i < NFIELDS; i++) {
		const char *text = cli_text(cli, fields[i].option);

		if (!text)
			continue;
		if (fields[i].take(text, (char *)r + fields[i].offset))
			return bad(why, "'%.100s' for '--%s' is not %s", text, fields[i].option,
				   fields[i].what);
		r->fields |= 1U << fields[i].field;
	}
	return take_rest(cli, r, why);
}

/* --------------------------------------------------------------- telling */

static bool uses(const struct sl_acl_rule *r, enum sl_acl_field field)
{
	return r->fields & 1U << field;
}

static json_t *ports_json(const struct sl_acl_rule *r, enum sl_acl_field field,
			  const __u16 port[2])
{
	if (!uses(r, field))
		return json_null();
	if (port[0] == port[1])
		return json_sprintf("%u", port[0]);
	return json_sprintf("%u-%u", port[0], port[1]);
}

static json_t *prefix_json(const struct sl_acl_rule *r, enum sl_acl_field field,
			   const struct sl_prefix *p)
{
	char text[SLUICE_PREFIX_STRLEN];

	return uses(r, field) ? json_string(sluice_prefix_format(p, text)) : json_null();
}

static json_t *number_json(const struct sl_acl_rule *r, enum sl_acl_field field, __u32 n)
{
	return uses(r, field) ? json_integer(n) : json_null();
}

static json_t *flags_json(const struct sl_acl_rule *r)
{
	char set[9] = "", mask[9] = "";

	if (!uses(r, SL_ACL_FIELD_TCP_FLAGS))
		return json_null();
	for (int i = 0, n = 0, m = 0; i < 8; i++) {
		if (r->tcp_flags & 1 << i)
			set[n++] = flag_letters[i];
		if (r->tcp_mask & 1 << i)
			mask[m++] = flag_letters[i];
	}
	return json_sprintf("%s/%s", set, mask);
}

static json_t *interface_json(const struct sl_acl_rule *r)
{
	char name[IF_NAMESIZE];

	if (!uses(r, SL_ACL_FIELD_IF))
		return json_null();
	if (!r->ifindex)
		return json_string("none");
	if (if_indextoname(r->ifindex, name))
		return json_string(name);
	return json_sprintf("%u", r->ifindex);
}

static json_t *proto_json(const struct sl_acl_rule *r)
{
	char buf[4];

	return uses(r, SL_ACL_FIELD_PROTO) ? json_string(proto_name(r->proto, buf)) : json_null();
}

static json_t *match_json(const struct sl_acl_rule *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "from", prefix_json(r, SL_ACL_FIELD_SRC, &r->src),
			 "to", prefix_json(r, SL_ACL_FIELD_DST, &r->dst),
			 "fromPort", ports_json(r, SL_ACL_FIELD_SPORT, r->sport),
			 "toPort", ports_json(r, SL_ACL_FIELD_DPORT, r->dport),
			 "proto", proto_json(r), "tcpFlags", flags_json(r),
			 "icmpType", number_json(r, SL_ACL_FIELD_ICMP_TYPE, r->icmp_type),
			 "icmpCode", number_json(r, SL_ACL_FIELD_ICMP_CODE, r->icmp_code),
			 "dscp", number_json(r, SL_ACL_FIELD_DSCP, r->dscp),
			 "interface", interface_json(r),
			 "fromClass", number_json(r, SL_ACL_FIELD_SRC_CLASS, r->src_class),
			 "toClass", number_json(r, SL_ACL_FIELD_DST_CLASS, r->dst_class));
}

/* What is not UTF-8 is told byte by byte as Latin-1. */
static json_t *comment_json(const char *text)
{
	json_t *v = *text ? json_string(text) : json_null();
	char wide[2 * SL_ACL_COMMENT_LEN + 1];
	size_t n = 0;

	if (v)
		return v;
	for (; *text; text++) {
		unsigned char c = *text;

		if (c >= 0x80)
			wide[n++] = 0xc0 | c >> 6;
		wide[n++] = c >= 0x80 ? 0x80 | (c & 0x3f) : c;
	}
	return json_stringn(wide, n);
}

json_t *rule_json(const struct sluice_rule *rule)
{
	const struct sl_acl_rule *r = &rule->rule;
	bool mark = r->action == SL_ACL_ACT_MARK, rate = r->action == SL_ACL_ACT_RATE;
	json_t *obj, *match = match_json(r);
	char comment[SL_ACL_COMMENT_LEN + 1];

	/* bytes of a map: neither their end nor that they are text is sure */
	memcpy(comment, r->comment, SL_ACL_COMMENT_LEN);
	comment[SL_ACL_COMMENT_LEN] = '\0';
	obj = json_pack("{s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I}",
			"id", (json_int_t)rule->id, "priority", (json_int_t)r->priority,
			"action", r->action < __SL_ACL_ACT_MAX ? rule_actions[r->action] : "?",
			"origin", r->origin == SL_ORIGIN_ADMIN ? "admin" : "daemon",
			"mark", mark ? json_sprintf("0x%x/0x%x", r->arg[0], r->arg[1]) : json_null(),
			"rate", rate ? json_integer(r->arg[0]) : json_null(),
			"burst", rate ? json_integer(r->arg[1]) : json_null(),
			"comment", comment_json(comment),
			"packets", (json_int_t)rule->count.packets,
			"bytes", (json_int_t)rule->count.bytes);
	if (obj && match)
		json_object_update(obj, match);
	json_decref(match);
	return obj;
}
