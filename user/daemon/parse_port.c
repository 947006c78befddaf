// SPDX-License-Identifier: GPL-2.0
/* Ports and their protocols; see parse.h. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "daemon/parse.h"

int parse_port_in(const struct parse *p, const struct path *at, const struct tree *t,
		  const struct port_range *range, __u16 *out)
{
	long v;
	int err = parse_int(p, at, t, &v);

	if (err)
		return err;
	if (v < range->least || v > 65535)
		return parse_fail(p, at, t, "%ld is no port: %s", v, range->words);
	*out = v;
	return 0;
}

int parse_port_number(const struct parse *p, const struct path *at, const struct tree *t,
		      __u16 *out)
{
	static const struct port_range range = { 1, "1 to 65535" };

	return parse_port_in(p, at, t, &range, out);
}

int parse_proto(const struct parse *p, const struct path *at, const struct tree *t, __u8 *out)
{
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	if (!strcmp(s, "TCP"))
		*out = IPPROTO_TCP;
	else if (!strcmp(s, "UDP"))
		*out = IPPROTO_UDP;
	else if (!strcmp(s, "SCTP"))
		*out = IPPROTO_SCTP;
	else
		return parse_fail(p, at, t, "\"%.32s\" is no protocol that has ports: TCP, UDP or SCTP",
				  s);
	return 0;
}

int parse_proto_name(const struct parse *p, const struct path *at, const struct tree *t,
		     __u8 *proto, struct str **name)
{
	struct path sp;
	const struct tree *sub = parse_given(t, "protocol", at, &sp);
	const char *s;
	int err;

	*proto = IPPROTO_TCP;
	*name = NULL;
	err = sub ? parse_proto(p, &sp, sub, proto) : 0;
	sub = parse_given(t, "name", at, &sp);
	if (err || !sub)
		return err;
	err = parse_dns_label(p, &sp, sub, &s);
	return err ? err : parse_str(s, name);
}
