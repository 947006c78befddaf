// SPDX-License-Identifier: GPL-2.0
/*
 * aclload - so many rules of the administrator's into a node's tables
 *
 *	aclload ROOT COUNT any|last ADDRESS...
 *
 * COUNT 0 removes them all. What they match is a mix as firewalls have it:
 * from somewhere to somewhere on a port, from somewhere at all, to a service,
 * to a port, both families; prefixes lie in one another, and priorities are at
 * random. Most drop; those that match traffic between the ADDRESSes, the
 * catch-all at the end among them, leave it to the policies. With `last` only
 * the catch-all matches: the others that might are given a protocol that nobody
 * speaks. The same each time. Prints the milliseconds of the commit and of compiling alone.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/acl.h"
#include "lib/internal.h"

#define ADDRS_MAX	8
#define IPPROTO_RESERVED	255	/* RFC 5237 */
#define F(field)	(1U << SL_ACL_FIELD_##field)

static union sl_addr addrs[ADDRS_MAX];
static int naddrs;
static bool last;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static unsigned int below(unsigned int n)
{
	static unsigned long long x = 88172645463325252ULL;

	/* xorshift: the same numbers on every machine */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned int)(x >> 16) % n;
}

/* Some network of a company's, of any size; often one that the pods are in. */
static void some_prefix(struct sl_prefix *p, bool v6)
{
	unsigned int len = v6 ? 32 + 8 * below(13) : 104 + below(25), i;
	union sl_addr a = {};

	if (v6) {
		a.b[0] = below(2) ? 0xfd : 0x20;
		for (i = 1; i < 16; i++)
			a.b[i] = (__u8)below(below(2) ? 4 : 256);
	} else {
		a.h[5] = 0xffff;
		a.b[12] = below(3) ? 10 : 192;
		for (i = 13; i < 16; i++)
			a.b[i] = (__u8)below(256);
	}
	if (!below(50))
		a = addrs[below((unsigned int)naddrs)];
	for (i = len; i < 128; i++)
		a.b[i / 8] &= (__u8)~(0x80 >> i % 8);
	p->prefixlen = len;
	p->addr = a;
}

static void some_port(struct sl_acl_rule *r)
{
	static const __u16 known[] = { 22, 25, 53, 80, 123, 389, 443, 3306, 5432, 8080 };

	r->fields |= F(PROTO) | F(DPORT);
	r->proto = below(3) ? IPPROTO_TCP : IPPROTO_UDP;
	r->dport[0] = below(2) ? known[below(10)] : (__u16)(1024 + below(60000));
	r->dport[1] = (__u16)(r->dport[0] + (below(4) ? 0 : below(2000)));
}

/* Between these addresses it may match, whatever the ports. */
static bool may_match(const struct sl_acl_rule *r)
{
	bool src = !(r->fields & F(SRC)), dst = !(r->fields & F(DST));

	for (int i = 0; i < naddrs; i++) {
		src |= sluice_prefix_contains(&r->src, &addrs[i]);
		dst |= sluice_prefix_contains(&r->dst, &addrs[i]);
	}
	return src && dst;
}

static void some_rule(struct sl_acl_rule *r)
{
	unsigned int kind = below(100);
	bool v6 = !below(5);

	memset(r, 0, sizeof(*r));
	r->priority = below(1000000);
	if (kind < 85) {
		if (kind < 70)
			r->fields |= F(SRC);
		if (kind < 50 || kind >= 70)
			r->fields |= F(DST);
	}
	if (r->fields & F(SRC))
		some_prefix(&r->src, v6);
	do {
		if (r->fields & F(DST))
			some_prefix(&r->dst, v6);
	} while (r->fields == (F(SRC) | F(DST)) &&
		 sluice_prefix_is_v4(&r->src) != sluice_prefix_is_v4(&r->dst));
	if (kind < 40 || kind >= 70)
		some_port(r);
	r->action = may_match(r) ? SL_ACL_ACT_PASS : SL_ACL_ACT_DROP;
	if (last && may_match(r)) {
		memset(r->dport, 0, sizeof(r->dport));
		r->fields = (r->fields & ~F(DPORT)) | F(PROTO);
		r->proto = IPPROTO_RESERVED;
	}
	r->origin = SL_ORIGIN_ADMIN;
}

static int none_put(void *arg, enum sl_map map, const void *key, const void *value)
{
	(void)arg;
	(void)map;
	(void)key;
	(void)value;
	return 0;
}

static int compile_alone(const struct lib_acl_change *ch, __u32 n, double *ms)
{
	struct sl_acl_sink sink = { .put = none_put };
	struct sl_acl_entry *e = calloc(n + 1, sizeof(*e));
	__u32 word;
	int err;

	if (!e)
		return -ENOMEM;
	for (__u32 i = 0; i < n; i++)
		e[i] = (struct sl_acl_entry){ .id = ch[i].id, .rule = ch[i].rule };
	*ms = now_ms();
	err = sluice_acl_compile(e, n, 0, &sink, &word, NULL);
	*ms = now_ms() - *ms;
	free(e);
	return err;
}

/* Rules that are there go, the new ones come, in one commit. */
static int load(struct sluice *sl, __u32 n)
{
	struct sl_acl_entry *old = NULL;
	struct sl_acl_error err = {};
	struct lib_acl_change *ch;
	double alone, ms;
	long nold, i;
	int ret;

	nold = lib_acl_list(sl, &old);
	ch = calloc((size_t)nold + n + 1, sizeof(*ch));
	if (nold < 0 || !ch)
		return -ENOMEM;
	for (__u32 k = 0; k < n; k++) {
		ch[k].id = k + 1;
		some_rule(&ch[k].rule);
	}
	if (n) {
		memset(&ch[n - 1].rule, 0, sizeof(ch->rule));
		ch[n - 1].rule.priority = 1000000;
		ch[n - 1].rule.action = SL_ACL_ACT_PASS;
	}
	ret = compile_alone(ch, n, &alone);
	for (i = 0; i < nold; i++)
		ch[n + i] = (struct lib_acl_change){ .op = LIB_ACL_DEL, .id = old[i].id };
	/* of an id that is in both the last word counts: deletes first */
	for (i = 0; i < nold && n; i++)
		if (old[i].id <= n)
			ch[n + i].op = LIB_ACL_SET, ch[n + i].rule = ch[old[i].id - 1].rule;
	ms = now_ms();
	if (!ret)
		ret = lib_acl_commit(sl, ch, n + (size_t)nold, &err);
	if (ret)
		fprintf(stderr, "aclload: rule %u: %s: %s: %s\n", err.rule, err.field ? err.field : "",
			err.text ? err.text : "", strerror(-ret));
	else
		printf("{\"commit_ms\": %.3f, \"compile_ms\": %.3f}\n", now_ms() - ms, alone);
	free(old);
	free(ch);
	return ret;
}

int main(int argc, char **argv)
{
	struct sluice *sl;
	int err, lock;

	if (argc < 5 || argc - 4 > ADDRS_MAX) {
		fprintf(stderr, "usage: aclload ROOT COUNT any|last ADDRESS...\n");
		return 2;
	}
	for (naddrs = 0; naddrs < argc - 4; naddrs++)
		if (sluice_addr_parse(argv[4 + naddrs], &addrs[naddrs]))
			return 2;
	last = !strcmp(argv[3], "last");
	err = sluice_open(argv[1], &sl);
	if (err) {
		fprintf(stderr, "aclload: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	lock = lib_pin_lock(argv[1], true);
	err = lock < 0 ? lock : load(sl, (__u32)atoi(argv[2]));
	sluice_close(sl);
	return err ? 1 : 0;
}
