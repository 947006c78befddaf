// SPDX-License-Identifier: GPL-2.0
/* Values on the command line: checking and reading them. No output here. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "value.h"

/* Decimal digits only: strtoul() would take a sign, blanks and more. */
static int parse_uint(const char *text, unsigned long max, unsigned long *out)
{
	unsigned long n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		if (n > (max - (*text - '0')) / 10)
			return -EINVAL;
		n = n * 10 + (*text - '0');
	}
	*out = n;
	return 0;
}

int value_count(const char *text, unsigned long *out)
{
	unsigned long n;

	if (parse_uint(text, 1000000000UL, &n) || !n)
		return -EINVAL;
	*out = n;
	return 0;
}

int value_seconds(const char *text, double *out)
{
	double n;
	char *end;

	/* Digits and one point: no sign, no exponent, no "inf", no blanks. */
	if (!*text || strspn(text, "0123456789.") != strlen(text))
		return -EINVAL;
	n = strtod(text, &end);
	if (*end || n < 0.1 || n > 86400)
		return -EINVAL;
	*out = n;
	return 0;
}

int value_number(const char *text, __u32 *out)
{
	unsigned long n = 0;
	char *end;

	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
		if (parse_uint(text, 0xffffffffUL, &n))
			return -EINVAL;
	} else {
		/* digits only: strtoul() would take a sign */
		n = isxdigit((unsigned char)text[2]) ? strtoul(text + 2, &end, 16) : 0;
		if (!isxdigit((unsigned char)text[2]) || *end || n > 0xffffffffUL)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

int value_port(const char *text, __u16 *out)
{
	unsigned long n;

	if (parse_uint(text, 65535, &n) || !n)
		return -EINVAL;
	*out = n;
	return 0;
}

static const struct {
	const char *name;
	int proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
	{ "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 },
};

int value_proto(const char *text, int *out)
{
	unsigned long n;

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (!strcasecmp(text, protos[i].name)) {
			*out = protos[i].proto;
			return 0;
		}
	}
	if (parse_uint(text, 255, &n))
		return -EINVAL;
	*out = n;
	return 0;
}

const char *proto_name(int proto, char buf[4])
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	snprintf(buf, 4, "%d", proto & 0xff);
	return buf;
}

int value_prefix(const char *text, struct sl_prefix *out)
{
	union sl_addr addr;

	if (!sluice_prefix_parse(text, true, out))
		return 0;
	if (sluice_addr_parse(text, &addr))
		return -EINVAL;
	out->prefixlen = 128;
	out->addr = addr;
	return 0;
}

int value_service(const char *text, int *port, int *proto)
{
	const char *slash = strchr(text, '/');
	char head[8];
	__u16 n;

	*proto = IPPROTO_TCP;
	if (slash) {
		if (value_proto(slash + 1, proto))
			return -EINVAL;
		if (*proto != IPPROTO_TCP && *proto != IPPROTO_UDP && *proto != IPPROTO_SCTP)
			return -EINVAL;
		if ((size_t)(slash - text) >= sizeof(head))
			return -EINVAL;
		memcpy(head, text, slash - text);
		head[slash - text] = '\0';
		text = head;
	}
	if (value_port(text, &n))
		return -EINVAL;
	*port = n;
	return 0;
}

static size_t name_len(const char *text, bool dots)
{
	size_t n = 0;

	while (islower((unsigned char)text[n]) || isdigit((unsigned char)text[n]) ||
	       text[n] == '-' || (dots && text[n] == '.'))
		n++;
	return n;
}

/* A namespace is a DNS label, a name a subdomain (RFC 1123): "10.0.0.0/8" is no pair. */
bool value_is_pair(const char *text)
{
	size_t n = name_len(text, false);

	if (!n || n > 63 || text[n] != '/')
		return false;
	text += n + 1;
	n = name_len(text, true);
	return n && n <= 253 && !text[n];
}

static int check_count(const char *text)
{
	unsigned long n;

	return value_count(text, &n);
}

static int check_seconds(const char *text)
{
	double n;

	return value_seconds(text, &n);
}

static int check_word(const char *text)
{
	return *text ? 0 : -EINVAL;
}

static int check_pair(const char *text)
{
	return value_is_pair(text) ? 0 : -EINVAL;
}

static int check_policy(const char *text)
{
	size_t n = name_len(text, true);

	return n && !text[n] ? 0 : check_pair(text);
}

static int check_prefix(const char *text)
{
	struct sl_prefix p;

	return value_prefix(text, &p);
}

static int check_proto(const char *text)
{
	int n;

	return value_proto(text, &n);
}

static int check_port(const char *text)
{
	__u16 n;

	return value_port(text, &n);
}

static int check_service(const char *text)
{
	int port, proto;

	return value_service(text, &port, &proto);
}

static int check_peer(const char *text)
{
	union sl_addr a;

	return value_is_pair(text) ? 0 : sluice_addr_parse(text, &a);
}

static int check_number(const char *text)
{
	__u32 n;

	return value_number(text, &n);
}

static int check_endpoint(const char *text)
{
	unsigned long n;

	if (!parse_uint(text, SL_EP_MAX - 1, &n))
		return n ? 0 : -EINVAL;
	return check_peer(text);
}

static int check_table(const char *text)
{
	return sluice_table_find(text) ? 0 : -EINVAL;
}

static const char *word_proto(size_t i)
{
	return i < sizeof(protos) / sizeof(protos[0]) ? protos[i].name : NULL;
}

static const char *word_table(size_t i)
{
	const struct sluice_table *t;
	size_t n;

	t = sluice_tables(&n);
	return i < n ? t[i].name : NULL;
}

const struct cli_type_info cli_types[__CLI_TYPE_MAX] = {
	[CLI_FLAG] = { .name = "flag", .what = "no value" },
	[CLI_CHOICE] = { .name = "choice", .metavar = "WORD", .what = "one of the words listed" },
	[CLI_COUNT] = { .name = "count", .metavar = "N", .what = "a whole number from 1",
			.check = check_count },
	[CLI_SECONDS] = { .name = "seconds", .metavar = "SECONDS", .check = check_seconds,
			  .what = "a number of seconds, 0.1 to 86400" },
	[CLI_DIR] = { .name = "dir", .metavar = "DIR", .what = "a directory", .check = check_word,
		      .complete = "dir" },
	[CLI_POD] = { .name = "pod", .metavar = "NS/NAME", .check = check_pair,
		      .what = "a pod as NAMESPACE/NAME", .complete = "pods" },
	[CLI_POLICY] = { .name = "policy", .metavar = "[NS/]NAME", .check = check_policy,
			 .what = "a policy as NAMESPACE/NAME, a ClusterNetworkPolicy as NAME", .complete = "policies" },
	[CLI_SERVICE_NAME] = { .name = "service-name", .metavar = "NS/NAME", .check = check_pair,
			       .what = "a service as NAMESPACE/NAME", .complete = "services" },
	[CLI_PREFIX] = { .name = "prefix", .metavar = "ADDR[/LEN]", .check = check_prefix,
			 .what = "an IPv4 or IPv6 address or prefix", .complete = "addresses" },
	[CLI_PROTO] = { .name = "proto", .metavar = "PROTO", .check = check_proto,
			.what = "tcp, udp, sctp, icmp, icmpv6 or a number to 255",
			.complete = "protocols", .word = word_proto },
	[CLI_PORT] = { .name = "port", .metavar = "PORT", .what = "a port, 1 to 65535",
		       .check = check_port },
	[CLI_SERVICE] = { .name = "service", .metavar = "PORT[/PROTO]", .check = check_service,
			  .what = "a port, 1 to 65535, with /udp or /sctp where it is not TCP" },
	[CLI_PEER] = { .name = "peer", .metavar = "PEER", .check = check_peer,
		       .what = "a pod as NAMESPACE/NAME, or an address", .complete = "peers" },
	[CLI_ENDPOINT] = { .name = "endpoint", .metavar = "ENDPOINT", .check = check_endpoint,
			   .what = "an endpoint's id, its pod as NAMESPACE/NAME, or its address",
			   .complete = "peers" },
	[CLI_TABLE] = { .name = "table", .metavar = "NAME", .check = check_table,
			.what = "a table's name, see 'sluice table list'", .complete = "tables",
			.word = word_table },
	[CLI_NUMBER] = { .name = "number", .metavar = "N", .check = check_number,
			 .what = "a whole number from 0 to 4294967295" },
	[CLI_FILE] = { .name = "file", .metavar = "FILE", .check = check_word,
		       .what = "a file, or '-' for the standard input", .complete = "file" },
	[CLI_WORD] = { .name = "word", .metavar = "WORD", .what = "a word", .check = check_word },
};
