// SPDX-License-Identifier: GPL-2.0
/*
 * What test_dump needs and Python is too slow for: flows and rules by the
 * hundred thousand, written into the pinned maps or over netlink, and a reader
 * of dumps that says what it saw. Prints one line of JSON; exits 1 with errno's
 * text on standard error.
 *
 *	flows fill PIN COUNT		steady flows
 *	flows churn PIN RATE SECONDS	flows that come and go, RATE a second each
 *	flows dump COUNT		all flows over netlink; of the steady ones which
 *	flows write PIN COUNT		COUNT rules by bpf(2) in batches; then they go
 *	flows txn TABLE COUNT		the same in one transaction; then they go
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "bpf/abi.h"
#include "kmod/include/uapi/linux/sluice.h"

#define BATCH	1000
#define BUFFER	(256 * 1024)
#define STEADY	1		/* last byte of the far address */
#define CHURNED	2

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned int number(const char *word)
{
	return strtoul(word, NULL, 0);
}

static int open_map(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* ---------------------------------------------------------------- flows */

static void address(union sl_addr *a, unsigned int v4)
{
	memset(a, 0, sizeof(*a));
	a->b[10] = a->b[11] = 0xff;
	a->w[3] = htonl(v4);
}

static void flow_key(struct sl_tuple *key, unsigned int n, unsigned int kind)
{
	memset(key, 0, sizeof(*key));
	address(&key->addr[0], 10u << 24 | n);
	address(&key->addr[1], 192u << 24 | 168u << 16 | kind);
	key->port[0] = htons(1000);
	key->port[1] = htons(80);
	key->proto = IPPROTO_TCP;
}

/* One batch; false when an entry was not there, or was there. */
static bool flows_batch(int fd, unsigned int first, unsigned int count, unsigned int kind, bool del)
{
	static struct sl_tuple keys[BATCH];
	static struct sl_flow values[BATCH];
	unsigned int i, done = count;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	for (i = 0; i < count; i++) {
		flow_key(&keys[i], first + i, kind);
		values[i].kind = SL_FLOW_KIND_FLOW;
		values[i].state = SL_FLOW_ESTABLISHED;
		values[i].created_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
		values[i].last_ns = values[i].created_ns;
	}
	if (del)
		return !bpf_map_delete_batch(fd, keys, &done, NULL);
	return !bpf_map_update_batch(fd, keys, values, &done, NULL);
}

static void fill(int fd, unsigned int count)
{
	unsigned int at, n;

	for (at = 0; at < count; at += n) {
		n = count - at < BATCH ? count - at : BATCH;
		if (!flows_batch(fd, at, n, STEADY, false))
			err(1, "flow %u", at);
	}
	printf("{\"flows\": %u}\n", count);
}

/* A window of flows moves on: as many come as go. Each lives long enough to be met by a dump. */
static void churn(int fd, unsigned int rate, unsigned int seconds)
{
	const unsigned int window = 50 * BATCH;
	unsigned int head = 0, tail = 0;
	double start = now(), t;

	while ((t = now() - start) < seconds) {
		if (head > t * rate) {
			usleep(1000);
			continue;
		}
		if (!flows_batch(fd, head, BATCH, CHURNED, false))
			err(1, "flow that comes");
		head += BATCH;
		if (head - tail <= window)
			continue;
		if (!flows_batch(fd, tail, BATCH, CHURNED, true))
			err(1, "flow that goes");
		tail += BATCH;
	}
	for (; tail < head; tail += BATCH)
		flows_batch(fd, tail, BATCH, CHURNED, true);
	printf("{\"came\": %u, \"seconds\": %.2f}\n", head, now() - start);
}

/* -------------------------------------------------------------- netlink */

static char buffer[BUFFER] __attribute__((aligned(8)));
static unsigned int seq;

static void *put(struct nlmsghdr *n, int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memset((char *)a + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (data)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	n->nlmsg_len = NLMSG_ALIGN(n->nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

static void put_u32(struct nlmsghdr *n, int type, __u32 value)
{
	put(n, type, &value, sizeof(value));
}

static struct nlmsghdr *begin(int family, int cmd, int flags)
{
	static char message[BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *n = (void *)message;
	struct genlmsghdr *g = NLMSG_DATA(n);

	memset(n, 0, NLMSG_LENGTH(sizeof(*g)));
	n->nlmsg_len = NLMSG_LENGTH(sizeof(*g));
	n->nlmsg_type = family;
	n->nlmsg_flags = NLM_F_REQUEST | flags;
	n->nlmsg_seq = ++seq;
	g->cmd = cmd;
	g->version = 1;
	return n;
}

static const struct nlattr *find(const struct nlmsghdr *n, int type)
{
	const char *at = (const char *)NLMSG_DATA(n) + GENL_HDRLEN, *end = (const char *)n + n->nlmsg_len;
	const struct nlattr *a;

	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(a->nla_len)) {
		a = (const void *)at;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (a->nla_len < NLA_HDRLEN)
			break;
	}
	return NULL;
}

static const void *data_of(const struct nlmsghdr *n, int type)
{
	const struct nlattr *a = find(n, type);

	if (!a)
		errx(1, "an answer has no attribute %d", type);
	return (const char *)a + NLA_HDRLEN;
}

static void send_message(int fd, struct nlmsghdr *n)
{
	if (send(fd, n, n->nlmsg_len, 0) != (ssize_t)n->nlmsg_len)
		err(1, "send");
}

/* Every answer to the last request, until its end; @cb may be NULL. */
static void answers(int fd, void (*cb)(const struct nlmsghdr *n, void *arg), void *arg)
{
	struct nlmsghdr *n;
	ssize_t len;
	int error;

	for (;;) {
		len = recv(fd, buffer, sizeof(buffer), 0);
		if (len < 0)
			err(1, "recv");
		for (n = (void *)buffer; NLMSG_OK(n, len); n = NLMSG_NEXT(n, len)) {
			if (n->nlmsg_flags & NLM_F_DUMP_INTR)
				errx(1, "the dump is inconsistent");
			if (n->nlmsg_type != NLMSG_ERROR && n->nlmsg_type != NLMSG_DONE) {
				if (cb)
					cb(n, arg);
				continue;
			}
			error = -*(int *)NLMSG_DATA(n);
			if (error)
				errx(1, "refused: %s", strerror(error));
			return;
		}
	}
}

static void got_family(const struct nlmsghdr *n, void *arg)
{
	*(__u16 *)arg = *(const __u16 *)data_of(n, CTRL_ATTR_FAMILY_ID);
}

static int open_family(int *fd)
{
	int room = 4 << 20;
	struct nlmsghdr *n;
	__u16 id = 0;

	*fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)))
		err(1, "socket");
	n = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	put(n, CTRL_ATTR_FAMILY_NAME, SLUICE_FAMILY_NAME, sizeof(SLUICE_FAMILY_NAME));
	send_message(*fd, n);
	answers(*fd, got_family, &id);
	return id;
}

/* ----------------------------------------------------------------- dump */

struct dump {
	unsigned char *seen;
	unsigned int count, steady, repeated, others;
};

static void got_flow(const struct nlmsghdr *n, void *arg)
{
	const unsigned char *s = data_of(n, SLUICE_A_FLOW_SADDR), *d = data_of(n, SLUICE_A_FLOW_DADDR);
	struct dump *dump = arg;
	unsigned int which;

	if (d[12] != 192 || d[13] != 168 || d[14] || d[15] != STEADY || s[12] != 10) {
		dump->others++;
		return;
	}
	which = s[13] << 16 | s[14] << 8 | s[15];
	if (which >= dump->count)
		errx(1, "a flow that was never there: %u", which);
	if (dump->seen[which / 8] & 1 << which % 8)
		dump->repeated++;
	else
		dump->steady++;
	dump->seen[which / 8] |= 1 << which % 8;
}

/* KiB, of this program alone: ru_maxrss is that of whoever started it, where that was more. */
static long most_resident(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmHWM: %ld", &kib) != 1)
		;
	if (kib < 0)
		errx(1, "/proc/self/status: no VmHWM");
	fclose(f);
	return kib;
}

static void dump_flows(unsigned int count)
{
	struct dump dump = { .seen = calloc(1, count / 8 + 1), .count = count };
	int fd, family = open_family(&fd);
	long before = most_resident();
	double start = now();

	if (!dump.seen)
		err(1, "memory");
	send_message(fd, begin(family, SLUICE_CMD_FLOW_GET, NLM_F_DUMP));
	answers(fd, got_flow, &dump);
	printf("{\"steady\": %u, \"repeated\": %u, \"others\": %u, \"kib\": %ld, \"seconds\": %.2f}\n",
	       dump.steady, dump.repeated, dump.others, most_resident() - before, now() - start);
	free(dump.seen);
	close(fd);
}

/* ---------------------------------------------------------------- rules */

static void rule_of(unsigned int n, struct sl_rule_key *key, struct sl_rule_val *value)
{
	memset(value, 0, sizeof(*value));
	key->set = (SL_RULESET_ADMIN | 77) << 1;
	key->class_id = n;
	value->verdict = SL_VERDICT_ALLOW;
	value->tier = SL_TIER_NETPOL;
	value->origin = SL_ORIGIN_ADMIN;
	value->rule = n;
}

static void write_rules(int fd, unsigned int count)
{
	struct sl_rule_val *values = calloc(count, sizeof(*values));
	struct sl_rule_key *keys = calloc(count, sizeof(*keys));
	unsigned int i, done = count;
	double start;

	if (!keys || !values)
		err(1, "memory");
	start = now();
	for (i = 0; i < count; i++)
		rule_of(i, &keys[i], &values[i]);
	if (bpf_map_update_batch(fd, keys, values, &done, NULL))
		err(1, "batch");
	printf("{\"seconds\": %.4f}\n", now() - start);
	done = count;
	if (bpf_map_delete_batch(fd, keys, &done, NULL))
		err(1, "delete");
	free(keys);
	free(values);
}

static void put_item(struct nlmsghdr *n, unsigned int table, unsigned int rule, bool del)
{
	struct nlattr *nest = put(n, SLUICE_A_ENTRY_ITEM | NLA_F_NESTED, NULL, 0);
	struct sl_rule_val value;
	struct sl_rule_key key;

	rule_of(rule, &key, &value);
	put_u32(n, SLUICE_A_ITEM_TABLE, table);
	put_u32(n, SLUICE_A_ITEM_OP, del ? SLUICE_CHANGE_DELETE : SLUICE_CHANGE_INSERT);
	put(n, SLUICE_A_ITEM_KEY, &key, sizeof(key));
	if (!del)
		put(n, SLUICE_A_ITEM_VALUE, &value, sizeof(value));
	nest->nla_len = (char *)n + n->nlmsg_len - (char *)nest;
}

static void got_txn(const struct nlmsghdr *n, void *arg)
{
	*(__u32 *)arg = *(const __u32 *)data_of(n, SLUICE_A_TXN_ID);
}

/* The seconds from its beginning to the answer to its commit. */
static double transaction(int fd, int family, unsigned int table, unsigned int count, bool del)
{
	unsigned int at = 0, i;
	double start = now();
	struct nlmsghdr *n;
	__u32 txn = 0;

	send_message(fd, begin(family, SLUICE_CMD_TXN_BEGIN, NLM_F_ACK));
	answers(fd, got_txn, &txn);
	while (at < count) {
		n = begin(family, SLUICE_CMD_ENTRY_MOD, NLM_F_ACK);
		put_u32(n, SLUICE_A_ENTRY_TXN, txn);
		for (i = 0; i < BATCH && at < count; i++)
			put_item(n, table, at++, del);
		send_message(fd, n);
		answers(fd, NULL, NULL);
	}
	n = begin(family, SLUICE_CMD_TXN_COMMIT, NLM_F_ACK);
	put_u32(n, SLUICE_A_TXN_ID, txn);
	send_message(fd, n);
	answers(fd, NULL, NULL);
	return now() - start;
}

static void txn_rules(unsigned int table, unsigned int count)
{
	int fd, family = open_family(&fd);

	printf("{\"seconds\": %.4f}\n", transaction(fd, family, table, count, false));
	transaction(fd, family, table, count, true);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "dump"))
		dump_flows(number(argv[2]));
	else if (!strcmp(what, "fill") && argc == 4)
		fill(open_map(argv[2]), number(argv[3]));
	else if (!strcmp(what, "churn") && argc == 5)
		churn(open_map(argv[2]), number(argv[3]), number(argv[4]));
	else if (!strcmp(what, "write") && argc == 4)
		write_rules(open_map(argv[2]), number(argv[3]));
	else if (!strcmp(what, "txn") && argc == 4)
		txn_rules(number(argv[2]), number(argv[3]));
	else
		errx(2, "usage: %s fill|churn|dump|write|txn ...", argv[0]);
	return 0;
}
