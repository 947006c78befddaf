// SPDX-License-Identifier: GPL-2.0
/*
 * compile_dump - the policy side of the daemon without a daemon, for tests
 *
 *	compile_dump [--node NAME] ENDPOINTS MANIFESTS
 *	compile_dump [--node NAME] --root ROOT ENDPOINTS MANIFESTS
 *
 * ENDPOINTS is a file, one endpoint of this node a line:
 *
 *	ID NAMESPACE POD ADDRESS [ADDRESS]
 *
 * ID is from 1 to 4095; POD need not be in a manifest; an IPv4 and an IPv6
 * address, or one of them. MANIFESTS is a directory, read as the daemon reads
 * it. What is refused there is told on stderr; the rest counts.
 *
 * Without --root: prints the plan, that is the wanted tables, as JSON and
 * ends. {"classes": {PREFIX: id}, "rules": {"SET DIRECTION CLASS": …},
 * "ports": {"SET PROTOCOL PORT/BITS": …}, "endpoints": {ID: …}}
 *
 * With --root: loads the programs and maps pinned under ROOT (a directory on
 * a bpffs; what is pinned there already is gone on with, as after a restart of
 * the daemon), makes the endpoints, commits, and prints one line
 *
 *	ready POLICIES CLASSES RULESETS RULES PORTSETS REFUSED
 *
 * then answers each line of stdin by one line, in order:
 *
 *	FROM TO PROTOCOL PORT	addresses, tcp udp sctp icmp or a number; the
 *		port of the destination (0 where there is none). Answer:
 *		"allow EGRESS INGRESS" or "deny EGRESS INGRESS", each side
 *		"-" (the end is no endpoint here), "open" (not isolated),
 *		"closed", "node" (the other end is the node), or
 *		+ or - and the decider, as in
 *		"+shop/db/ingress[0]" or "-shop/db/ingress"
 *	explain FROM TO PROTOCOL PORT	the answer of policy_explain_json() in
 *		one line; FROM and TO may be NAMESPACE/POD
 *	reload	reads ENDPOINTS and MANIFESTS again and commits the difference.
 *		Answer as at the start, with "reloaded" instead of "ready"
 *	words	"ID:WORD …", the policy word of each endpoint in hex
 *	check	reads the tables back: "differences N"
 *
 * A verdict is looked up in the real tables, step for step as the pipeline
 * does: sl_addr, the endpoint's word, sl_ep or sl_class by its column,
 * sl_rule, sl_port. At the end of stdin: exit 0; ROOT stays pinned, and with
 * --unload does not. Exit 1: something failed, told on stderr.
 */
#include <argp.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/policy_impl.h"
#include "daemon/source_dir.h"

struct options {
	const char *root, *node, *endpoints, *manifests;
	bool unload;
};

struct dump {
	struct options opt;
	struct sluice *sl;
	struct policy *pol;
	uv_loop_t loop;
	struct source *source;
	bool have[SL_EP_MAX], seen[SL_EP_MAX];
};

static int complain(const char *what, int err)
{
	fprintf(stderr, "compile_dump: %s: %s\n", what, strerror(-err));
	return err;
}

/* --------------------------------------------------------------- endpoints */

struct line {
	unsigned int id;
	char ns[64], pod[256];
	union sl_addr addr[__SL_FAMILY_MAX];
};

static int parse_line(const char *text, struct line *out)
{
	char a[2][64] = {};
	union sl_addr addr;
	int n, i;

	*out = (struct line){};
	n = sscanf(text, "%u %63s %255s %63s %63s", &out->id, out->ns, out->pod, a[0], a[1]);
	if (n < 4 || !out->id || out->id >= SL_EP_MAX)
		return -EINVAL;
	for (i = 0; i < n - 3; i++) {
		if (sluice_addr_parse(a[i], &addr))
			return -EINVAL;
		out->addr[sluice_addr_is_v4(&addr) ? SL_FAMILY_V4 : SL_FAMILY_V6] = addr;
	}
	return 0;
}

/* As the daemon's endpoint.add: the slot closed, then who has which address. */
static int make_slot(struct dump *d, const struct line *l)
{
	const struct sl_addr_val val = { SL_ADDR_EP, l->id };
	struct sl_ep *ep = &sluice_eps(d->sl)[l->id];
	int f, err = 0;

	/* a slot that is there with these addresses is from before a restart */
	if (!(ep->flags & SL_EP_FLAG_USED) || memcmp(ep->addr, l->addr, sizeof(l->addr))) {
		sluice_ep_set_policy(ep, SL_EP_POLICY_CLOSED);
		memcpy(ep->addr, l->addr, sizeof(ep->addr));
		ep->flags = SL_EP_FLAG_USED;
		ep->mtu = 1500;
	}
	for (f = 0; !err && f < __SL_FAMILY_MAX; f++)
		if (addr_is_set(&l->addr[f]))
			err = bpf_map_update_elem(sluice_map_fd(d->sl, SL_MAP_ADDR), &l->addr[f],
						  &val, BPF_ANY);
	return err;
}

static void remove_endpoint(struct dump *d, __u32 id)
{
	struct sl_ep *ep;
	int f;

	policy_endpoint_del(d->pol, id);
	d->have[id] = false;
	if (!d->sl)
		return;
	ep = &sluice_eps(d->sl)[id];
	for (f = 0; f < __SL_FAMILY_MAX; f++)
		if (addr_is_set(&ep->addr[f]))
			bpf_map_delete_elem(sluice_map_fd(d->sl, SL_MAP_ADDR), &ep->addr[f]);
	ep->flags = 0;
}

static int add_endpoint(struct dump *d, const struct line *l)
{
	int err;

	d->seen[l->id] = true;
	if (d->have[l->id])
		return 0;
	err = d->sl ? make_slot(d, l) : 0;
	if (!err)
		err = policy_endpoint_add(d->pol, l->id, l->ns, l->pod, l->addr);
	d->have[l->id] = !err;
	return err;
}

static int read_endpoints(struct dump *d)
{
	FILE *f = fopen(d->opt.endpoints, "r");
	char text[1024];
	struct line l;
	__u32 id;
	int err = 0;

	if (!f)
		return complain(d->opt.endpoints, -errno);
	memset(d->seen, 0, sizeof(d->seen));
	while (!err && fgets(text, sizeof(text), f)) {
		if (text[0] == '\n' || text[0] == '#')
			continue;
		err = parse_line(text, &l);
		if (!err)
			err = add_endpoint(d, &l);
		if (err)
			complain(text, err);
	}
	fclose(f);
	for (id = 1; !err && id < SL_EP_MAX; id++)
		if (d->have[id] && !d->seen[id])
			remove_endpoint(d, id);
	return err;
}

/* ----------------------------------------------------------------- verdicts */

static int parse_proto(const char *s)
{
	static const struct {
		const char *name;
		int proto;
	} names[] = {
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP },
		{ "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(s, names[i].name))
			return names[i].proto;
	return atoi(s);
}

static __u32 where_is(struct dump *d, const union sl_addr *a, bool *node)
{
	struct sl_addr_val val = {};

	bpf_map_lookup_elem(sluice_map_fd(d->sl, SL_MAP_ADDR), a, &val);
	*node = val.kind == SL_ADDR_HOST;
	return val.kind == SL_ADDR_EP ? val.id : 0;
}

static void decider_text(struct dump *d, const struct tables_verdict *v, char *buf, size_t len)
{
	const struct decider *x = decider_find(&d->pol->compiler.rulesets.deciders, v->rule);
	char sign = v->verdict == SL_VERDICT_ALLOW ? '+' : '-';
	/* a policy of the whole cluster is in none */
	const char *ns = x && x->ns ? x->ns->s : "";

	if (v->tier == SL_TIER_NONE && v->verdict == SL_VERDICT_ALLOW)
		snprintf(buf, len, "open");
	else if (!x)
		snprintf(buf, len, "%c#%u", sign, v->rule);
	else if (x->index < 0)
		snprintf(buf, len, "%c%s/%s/%s", sign, ns, x->name->s, dir_name(x->dir));
	else
		snprintf(buf, len, "%c%s/%s/%s[%d]", sign, ns, x->name->s, dir_name(x->dir),
			 x->index);
}

struct query {
	union sl_addr end[2];
	int proto, port;
};

/* One end's decision; returns whether it lets the flow pass. */
static bool side(struct dump *d, const struct query *q, int end, char *buf, size_t len)
{
	const struct tables_flow flow = { end ? SL_DIR_INGRESS : SL_DIR_EGRESS, q->proto, q->port };
	bool self_node, peer_node;
	__u32 ep = where_is(d, &q->end[end], &self_node), peer, class_id;
	struct tables_verdict v;
	__u64 word;

	snprintf(buf, len, "-");
	if (!ep)
		return true;
	word = sluice_ep_policy(&sluice_eps(d->sl)[ep]);
	snprintf(buf, len, "closed");
	if (!word_open(word))
		return false;
	peer = where_is(d, &q->end[!end], &peer_node);
	snprintf(buf, len, "node");
	if (peer_node)
		return true;
	snprintf(buf, len, "error");
	if (tables_class(&d->pol->tables, &q->end[!end], peer, word & SL_EP_COLUMN_MASK,
			 &class_id) ||
	    tables_judge(&d->pol->tables, ep, class_id, &flow, &v))
		return false;
	decider_text(d, &v, buf, len);
	return v.verdict == SL_VERDICT_ALLOW;
}

static void answer_query(struct dump *d, char *words[4])
{
	struct query q = { .proto = parse_proto(words[2]), .port = atoi(words[3]) };
	char text[2][512];
	bool ok[2];
	int i;

	if (sluice_addr_parse(words[0], &q.end[0]) || sluice_addr_parse(words[1], &q.end[1])) {
		printf("error: not an address\n");
		return;
	}
	for (i = 0; i < 2; i++)
		ok[i] = side(d, &q, i, text[i], sizeof(text[i]));
	printf("%s %s %s\n", ok[0] && ok[1] ? "allow" : "deny", text[0], text[1]);
}

static void answer_explain(struct dump *d, char *words[4])
{
	struct diag diag;
	json_t *j;

	if (policy_explain_json(d->pol, words[0], words[1], parse_proto(words[2]), atoi(words[3]),
				&j, &diag)) {
		printf("error: %s\n", diag.text);
		return;
	}
	json_dumpf(j, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(j);
}

/* ----------------------------------------------------------------- requests */

static void print_stats(struct dump *d, const char *what)
{
	struct policy_stats st;

	policy_get_stats(d->pol, &st);
	printf("%s %u %u %u %u %u %u\n", what, st.policies, st.classes, st.rulesets, st.rules,
	       st.ports, st.rejected);
}

/* The directory's files are read again whether or not their events have come. */
static int reload(struct dump *d)
{
	int err;

	d->source->ops->rescan(d->source);
	err = read_endpoints(d);
	if (!err)
		err = policy_commit(d->pol);
	return err ? complain("commit", err) : 0;
}

static void answer_words(struct dump *d)
{
	__u32 id;

	for (id = 1; id < SL_EP_MAX; id++)
		if (d->have[id])
			printf("%u:%016llx ", id,
			       (unsigned long long)sluice_ep_policy(&sluice_eps(d->sl)[id]));
	printf("\n");
}

static int answer(struct dump *d, char *text)
{
	char *words[6] = {}, *save = NULL;
	int n = 0, err = 0;

	for (words[n] = strtok_r(text, " \t\n", &save); words[n] && n < 5;)
		words[++n] = strtok_r(NULL, " \t\n", &save);
	if (n == 1 && !strcmp(words[0], "reload")) {
		err = reload(d);
		if (!err)
			print_stats(d, "reloaded");
	} else if (n == 1 && !strcmp(words[0], "words")) {
		answer_words(d);
	} else if (n == 1 && !strcmp(words[0], "check")) {
		printf("differences %d\n", policy_reconcile(d->pol));
	} else if (n == 5 && !strcmp(words[0], "explain")) {
		answer_explain(d, words + 1);
	} else if (n == 4) {
		answer_query(d, words);
	} else {
		printf("error: not understood\n");
	}
	fflush(stdout);
	return err;
}

static int serve(struct dump *d)
{
	char text[2048];
	int err = 0;

	print_stats(d, "ready");
	fflush(stdout);
	while (!err && fgets(text, sizeof(text), stdin))
		err = answer(d, text);
	return err;
}

/* ------------------------------------------------------------------- course */

static int print_plan(struct dump *d)
{
	json_t *j = plan_json(&d->pol->compiler.plan);

	if (!j)
		return -ENOMEM;
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	printf("\n");
	json_decref(j);
	return 0;
}

static int run(struct dump *d)
{
	const struct source_ctx ctx = { .loop = &d->loop, .pol = d->pol };
	int err;

	err = source_dir_open(&ctx, d->opt.manifests, &d->source);
	if (err)
		return complain(d->opt.manifests, err);
	err = read_endpoints(d);
	if (!err)
		err = policy_commit(d->pol);
	if (err)
		complain("commit", err);
	else
		err = d->sl ? serve(d) : print_plan(d);
	source_close(d->source);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	return err;
}

static void on_log(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "compile_dump: %s\n", line);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'r':
		o->root = arg;
		return 0;
	case 'n':
		o->node = arg;
		return 0;
	case 'u':
		o->unload = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_usage(state);
		*(state->arg_num ? &o->manifests : &o->endpoints) = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "root", 'r', "ROOT", 0, "write the tables pinned under ROOT", 0 },
		{ "node", 'n', "NAME", 0, "name of this node (here)", 0 },
		{ "unload", 'u', NULL, 0, "unpin everything at the end", 0 },
		{}
	};
	static const struct argp argp = { options, parse_option, "ENDPOINTS MANIFESTS",
					  "Compiles manifests.", NULL, NULL, NULL };
	static const struct sluice_load_opts load = { .sz = sizeof(load), .log = on_log };
	static struct dump d = { .opt.node = "here" };
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &d.opt);
	uv_loop_init(&d.loop);
	err = d.opt.root ? sluice_load(d.opt.root, &load, &d.sl) : 0;
	if (err)
		complain(d.opt.root, err);
	if (!err)
		err = policy_new(d.sl, d.opt.node, &d.pol);
	if (!err)
		err = run(&d);
	policy_free(d.pol);
	sluice_close(d.sl);
	if (d.opt.root && d.opt.unload)
		sluice_unload(d.opt.root);
	uv_loop_close(&d.loop);
	return err ? 1 : 0;
}
