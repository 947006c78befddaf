// SPDX-License-Identifier: GPL-2.0
/* Addresses and prefixes of manifests, and which of them can be a host's. */
#include "daemon/parse.h"

int parse_ip(const struct parse *p, const struct path *at, const struct tree *t,
	     union sl_addr *out)
{
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (err || !sluice_addr_parse(s, out))
		return err;
	return parse_fail(p, at, t, "\"%.64s\" is no address", s);
}

/* Of an address that is no host's, what it is (RFC 6890); NULL: none of these. */
static const char *no_host(const union sl_addr *a)
{
	static const union sl_addr any, one = { .b = { [15] = 1 } };
	const __u8 *v4 = a->b + 12;

	if (sluice_addr_is_v4(a)) {
		if (!memcmp(v4, any.b, 4))
			return "unspecified";
		if (v4[0] == 127)
			return "loopback";
		return v4[0] >> 4 == 14 ? "multicast" : NULL;
	}
	if (!memcmp(a, &any, sizeof(any)))
		return "unspecified";
	if (!memcmp(a, &one, sizeof(one)))
		return "loopback";
	return a->b[0] == 0xff ? "multicast" : NULL;
}

static bool is_link_local(const union sl_addr *a)
{
	if (sluice_addr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && a->b[1] >> 6 == 2;
}

int parse_host_ip(const struct parse *p, const struct path *at, const struct tree *t,
		  union sl_addr *out)
{
	const char *what;
	int err = parse_ip(p, at, t, out);

	if (err)
		return err;
	what = no_host(out);
	return what ? parse_fail(p, at, t, "%.64s: %s addresses are no host's", t->s, what) : 0;
}

int parse_global_ip(const struct parse *p, const struct path *at, const struct tree *t,
		    union sl_addr *out)
{
	int err = parse_host_ip(p, at, t, out);

	if (!err && is_link_local(out))
		err = parse_fail(p, at, t, "%.64s: a link-local address is another host's on every link",
				 t->s);
	return err;
}

int parse_cidr(const struct parse *p, const struct path *at, const struct tree *t,
	       struct sl_prefix *out)
{
	const char *s;
	int err = parse_string(p, at, t, &s);

	if (err)
		return err;
	/* the API server takes host bits, too, and means the prefix */
	if (sluice_prefix_parse(s, true, out))
		return parse_fail(p, at, t, "\"%.64s\" is no prefix: write it as 10.0.0.0/8 or fd00::/8",
				  s);
	return 0;
}
