// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts of the real compiler, reconciler, tables and programs, in bulk, for
 * whoever knows better what they should be.
 *
 *	verdict PIN_ROOT
 *
 * loads the pipeline and takes commands, one a line:
 *
 *	apply FILE			all objects of a manifest
 *	delete KIND NAMESPACE NAME	Namespace, Pod or NetworkPolicy; "-": none
 *	endpoint ID NS POD DEV V4 V6	a pod of this node behind device DEV; "-": none
 *	gone ID
 *	commit
 *	restart				the policy side dies and comes back; endpoints are kept
 *	ask SRC DST PROTO PORT		addresses; PROTO TCP, UDP, SCTP; PORT of DST
 *	check				reads everything back; prints "repaired N"
 *
 * `ask` prints two words: what the tables say ("EI": sender's egress,
 * receiver's ingress, each a, d or -), and what the programs do with a first
 * packet (p passed, e or i refused by egress or ingress, ? anything else).
 * Everything else prints "ok" or "error: …" and goes on.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "daemon/manifest.h"
#include "daemon/policy.h"
#include "daemon/tables.h"
#include "lib/sluice.h"
#include "selftests/bpf/packet.h"

#define NODE	"here"
#define EPS	64

static struct sluice *sl;
static struct policy *pol;
static struct tables tables;
static int prog_pod, prog_uplink;

struct endpoint {
	bool used;
	char ns[64], pod[256];
	union sl_addr addr[__SL_FAMILY_MAX];
};
static struct endpoint eps[EPS];

__attribute__((format(printf, 1, 2)))
static void answer(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void done(int err)
{
	if (err)
		answer("error: %s", strerror(-err));
	else
		answer("ok");
}

static void die(const char *what, int err)
{
	fprintf(stderr, "verdict: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* ------------------------------------------------------------- objects */

static int apply_item(void *arg, struct manifest_item *item)
{
	struct diag *diag = arg;

	if (item->obj)
		return policy_object_apply(pol, item->obj, diag);
	*diag = item->diag;
	return item->diag.level == DIAG_ERROR ? -EINVAL : 0;
}

static void do_apply(const char *file)
{
	static char text[1 << 20];
	struct diag diag = { 0 };
	FILE *f = fopen(file, "r");
	size_t len;

	if (!f) {
		done(-errno);
		return;
	}
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (manifest_parse(file, text, len, apply_item, &diag, &diag))
		answer("error: %s:%d: %s: %s", file, diag.line, diag.field, diag.text);
	else
		answer("ok");
}

static void do_delete(const char *kind, const char *ns, const char *name)
{
	enum object_kind k;

	for (k = 0; k < __OBJECT_MAX; k++)
		if (!strcmp(object_kind_name(k), kind))
			break;
	done(k == __OBJECT_MAX ? -EINVAL :
	     policy_object_delete(pol, k, strcmp(ns, "-") ? ns : NULL, name));
}

/* ----------------------------------------------------------- endpoints */

static int map_set(enum sl_map map, const void *key, const void *val)
{
	return bpf_map_update_elem(sluice_map_fd(sl, map), key, val, BPF_ANY) ? -errno : 0;
}

static int endpoint_fill(__u32 id, const char *dev)
{
	struct sl_addr_val val = { .kind = SL_ADDR_EP, .id = id };
	struct sl_ep *ep = &sluice_eps(sl)[id];
	__u32 ifindex = if_nametoindex(dev);
	int f, err;

	if (!ifindex)
		return -errno;
	ep->ifindex = ifindex;
	ep->flags = SL_EP_FLAG_USED;
	ep->mtu = 1500;
	memcpy(ep->mac, (__u8[6]){ 2, 0, 0, 0, 0, id }, 6);
	memcpy(ep->host_mac, (__u8[6]){ 2, 0, 0, 0, 1, id }, 6);
	memcpy(ep->addr, eps[id].addr, sizeof(ep->addr));
	sluice_ep_set_policy(ep, SL_EP_POLICY_CLOSED);
	err = map_set(SL_MAP_IF, &ifindex, &id);
	for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
		if (ep->addr[f].d[0] | ep->addr[f].d[1])
			err = map_set(SL_MAP_ADDR, &ep->addr[f], &val);
	return err;
}

static void do_endpoint(__u32 id, char *word[])
{
	struct endpoint *e = &eps[id];
	int f, err = 0;

	if (!id || id >= EPS) {
		done(-EINVAL);
		return;
	}
	memset(e, 0, sizeof(*e));
	snprintf(e->ns, sizeof(e->ns), "%s", word[2]);
	snprintf(e->pod, sizeof(e->pod), "%s", word[3]);
	for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
		if (strcmp(word[5 + f], "-"))
			err = sluice_addr_parse(word[5 + f], &e->addr[f]);
	if (!err)
		err = endpoint_fill(id, word[4]);
	if (!err)
		err = policy_endpoint_add(pol, id, e->ns, e->pod, e->addr);
	e->used = !err;
	done(err);
}

static void do_gone(__u32 id)
{
	struct sl_ep *ep;
	int f, err;

	if (!id || id >= EPS || !eps[id].used) {
		done(-ENOENT);
		return;
	}
	ep = &sluice_eps(sl)[id];
	err = policy_endpoint_del(pol, id);
	bpf_map_delete_elem(sluice_map_fd(sl, SL_MAP_IF), &ep->ifindex);
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		bpf_map_delete_elem(sluice_map_fd(sl, SL_MAP_ADDR), &ep->addr[f]);
	ep->flags = 0;
	eps[id].used = false;
	done(err);
}

/* The objects are gone with the policy side: whoever asks for this applies them again. */
static void do_restart(void)
{
	__u32 id;
	int err;

	policy_free(pol);
	err = policy_new(sl, NODE, &pol);
	for (id = 1; !err && id < EPS; id++)
		if (eps[id].used)
			err = policy_endpoint_add(pol, id, eps[id].ns, eps[id].pod, eps[id].addr);
	done(err);
}

/* -------------------------------------------------------------- verdicts */

static __u32 endpoint_at(const union sl_addr *a)
{
	struct sl_addr_val val;

	if (bpf_map_lookup_elem(sluice_map_fd(sl, SL_MAP_ADDR), a, &val) || val.kind != SL_ADDR_EP)
		return 0;
	return val.id;
}

/* By the tables: what endpoint @ep says of @peer. */
static char ask_tables(__u32 ep, enum sl_dir dir, const union sl_addr *peer, __u8 proto, __u16 port)
{
	struct tables_verdict v = { 0 };
	__u32 class_id;
	__u64 word;
	int err;

	if (!ep)
		return '-';
	word = sluice_ep_policy(&sluice_eps(sl)[ep]);
	err = tables_class(&tables, peer, endpoint_at(peer), word & SL_EP_COLUMN_MASK, &class_id);
	if (!err)
		err = tables_judge(&tables, ep, class_id, &(struct tables_flow){ dir, proto, port }, &v);
	return err ? '?' : v.verdict == SL_VERDICT_ALLOW ? 'a' : 'd';
}

static struct sl_counter drops(enum sl_drop reason)
{
	struct sl_counter all[__SL_DROP_MAX];
	int err = sluice_drops(sl, all);

	if (err)
		die("drop counters", err);
	return all[reason];
}

/* By the programs: a first packet, and its flow forgotten again. */
static char ask_programs(const char *src, const char *dst, __u8 proto, __u16 port)
{
	static struct pkt in, out;
	union sl_addr s = addr_of(src);
	__u32 ep = endpoint_at(&s);
	struct pkt_spec spec = { .src = src, .dst = dst, .proto = proto, .sport = 40000,
				 .dport = port, .flags = TH_SYN };
	struct __sk_buff ctx = { .ifindex = ep ? sluice_eps(sl)[ep].ifindex : 1 };
	__u8 zero[6] = { 0 };		/* the loopback device's MAC: it plays the uplink */
	__u64 e = drops(SL_DROP_POLICY_EGRESS).packets, i = drops(SL_DROP_POLICY_INGRESS).packets;
	struct sl_tuple key;
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		.data_in = in.b, .data_out = out.b, .data_size_out = sizeof(out.b),
		.ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	spec.smac = ep ? sluice_eps(sl)[ep].mac : (__u8[6]){ 2, 0, 0, 0, 2, 1 };
	spec.dmac = ep ? sluice_eps(sl)[ep].host_mac : zero;
	pkt_make(&in, &spec);
	opts.data_size_in = in.len;
	if (bpf_prog_test_run_opts(ep ? prog_pod : prog_uplink, &opts))
		die("test run", -errno);
	tuple_of(&key, src, 40000, dst, port, proto);
	sluice_flow_del(sl, &key);
	if (opts.retval != 2)
		return 'p';
	if (drops(SL_DROP_POLICY_EGRESS).packets != e)
		return 'e';
	return drops(SL_DROP_POLICY_INGRESS).packets != i ? 'i' : '?';
}

static void do_ask(char *word[])
{
	union sl_addr src, dst;
	__u16 port = atoi(word[4]);
	__u8 proto;

	proto = !strcmp(word[3], "TCP") ? IPPROTO_TCP : !strcmp(word[3], "UDP") ? IPPROTO_UDP :
									     IPPROTO_SCTP;
	if (sluice_addr_parse(word[1], &src) || sluice_addr_parse(word[2], &dst)) {
		done(-EINVAL);
		return;
	}
	answer("%c%c %c", ask_tables(endpoint_at(&src), SL_DIR_EGRESS, &dst, proto, port),
	       ask_tables(endpoint_at(&dst), SL_DIR_INGRESS, &src, proto, port),
	       ask_programs(word[1], word[2], proto, port));
}

/* ------------------------------------------------------------------- main */

static void run(char *line)
{
	char *word[8] = { NULL }, *rest = line;
	int n = 0;

	while (n < 7 && (word[n] = strsep(&rest, " \n")))
		n += *word[n] != '\0';
	if (n == 2 && !strcmp(word[0], "apply"))
		do_apply(word[1]);
	else if (n == 4 && !strcmp(word[0], "delete"))
		do_delete(word[1], word[2], word[3]);
	else if (n == 7 && !strcmp(word[0], "endpoint"))
		do_endpoint(atoi(word[1]), word);
	else if (n == 2 && !strcmp(word[0], "gone"))
		do_gone(atoi(word[1]));
	else if (n == 1 && !strcmp(word[0], "commit"))
		done(policy_commit(pol));
	else if (n == 1 && !strcmp(word[0], "restart"))
		do_restart();
	else if (n == 1 && !strcmp(word[0], "check"))
		answer("repaired %d", policy_reconcile(pol));
	else if (n == 5 && !strcmp(word[0], "ask"))
		do_ask(word);
	else
		answer("error: not understood");
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static int get_prog(const char *root, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/v%d/progs/%s", root, SL_ABI_VERSION, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path, -errno);
	return fd;
}

int main(int argc, char **argv)
{
	struct sluice_load_opts opts = { .sz = sizeof(opts), .flow_max = 1024, .half_max = 1024,
					 .log = log_line };
	char line[4096];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: verdict PIN_ROOT < commands\n");
		return 2;
	}
	err = sluice_load(argv[1], &opts, &sl);
	if (err)
		die("load", err);
	prog_pod = get_prog(argv[1], "sl_from_pod");
	prog_uplink = get_prog(argv[1], "sl_from_uplink");
	tables_of_kernel(sl, &tables);
	err = policy_new(sl, NODE, &pol);
	if (err)
		die("policy", err);
	while (fgets(line, sizeof(line), stdin))
		run(line);
	policy_free(pol);
	sluice_close(sl);
	return sluice_unload(argv[1]) ? 1 : 0;
}
