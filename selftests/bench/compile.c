// SPDX-License-Identifier: GPL-2.0
/*
 * compile - from manifests to right tables, and from one change to right
 * tables, by the daemon's own policy library and real maps
 *
 *	compile ROOT NODE MANIFESTS CHANGES TIMES
 *
 * MANIFESTS and CHANGES are directories of *.yaml files; each file of CHANGES
 * holds one object, applied and committed for itself. From nothing is
 * measured TIMES times, each on tables of its own pinned under ROOT, with
 * every pod of NODE as an endpoint. Then it is asked, without a change, what
 * a policy for one namespace and one for the whole cluster would flip.
 * Afterwards the tables are read back and compared with what is wanted. Prints
 * one JSON object.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include "daemon/manifest.h"
#include "daemon/policy.h"
#include "daemon/whatif.h"
#include "lib/sluice.h"

#define TIMES_MAX	32
#define CHANGES_MAX	1024

struct text {
	char name[256];
	char *text;
	size_t len;
};

struct texts {
	struct text *at;
	int n;
};

/* A cluster in force on tables of its own. */
struct bench {
	const char *node;
	struct policy *pol;
	struct sluice *sl;
	__u32 neps;
	__u32 moved;			/* changes after which the pod is of another class */
	bool is_pod;			/* the last object applied, */
	union sl_addr addr;		/* and the IPv4 address that it says */
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "compile: %s: %s\n", what, strerror(-err));
	return err;
}

/* ---------------------------------------------------------------- files */

static int text_read(const char *dir, const char *name, struct text *t)
{
	char path[512];
	FILE *f;
	long len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(t->name, sizeof(t->name), "%s", name);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	t->text = malloc((size_t)len + 1);
	t->len = t->text ? fread(t->text, 1, (size_t)len, f) : 0;
	fclose(f);
	return t->text && t->len == (size_t)len ? 0 : -EIO;
}

static int is_yaml(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".yaml");
}

static int texts_read(const char *dir, struct texts *out)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_yaml, alphasort), err = 0;

	if (n < 0)
		return -errno;
	out->at = calloc((size_t)n + 1, sizeof(*out->at));
	out->n = n;
	for (int i = 0; i < n; i++) {
		if (!err)
			err = out->at ? text_read(dir, names[i]->d_name, &out->at[i]) : -ENOMEM;
		free(names[i]);
	}
	free(names);
	return err;
}

static void texts_free(struct texts *ts)
{
	for (int i = 0; ts->at && i < ts->n; i++)
		free(ts->at[i].text);
	free(ts->at);
}

/* -------------------------------------------------------------- cluster */

/* A local pod becomes an endpoint, as endpoint.add makes it. */
static int endpoint_add(struct bench *b, const struct object_pod *pod)
{
	struct sl_ep *ep;
	struct sl_addr_val val = { .kind = SL_ADDR_EP };
	int err = 0;

	val.id = ++b->neps;
	if (val.id >= SL_EP_MAX)
		return -ENOSPC;
	ep = &sluice_eps(b->sl)[val.id];
	ep->flags = SL_EP_FLAG_USED;
	ep->mtu = 1500;
	memcpy(ep->addr, pod->addr, sizeof(ep->addr));
	sluice_ep_set_policy(ep, SL_EP_POLICY_CLOSED);
	for (int f = 0; f < __SL_FAMILY_MAX && !err; f++)
		if (pod->addr[f].d[0] | pod->addr[f].d[1])
			err = bpf_map_update_elem(sluice_map_fd(b->sl, SL_MAP_ADDR),
						  &pod->addr[f], &val, BPF_ANY);
	return err ? err : policy_endpoint_add(b->pol, val.id, pod->o.ns->s, pod->o.name->s,
					       pod->addr);
}

static int apply(void *arg, struct manifest_item *item)
{
	struct bench *b = arg;
	struct diag diag = {};
	int err;

	if (!item->obj) {
		fprintf(stderr, "compile: %s:%d: %s: %s\n", item->diag.file, item->diag.line,
			item->diag.field, item->diag.text);
		return item->diag.level == DIAG_ERROR ? -EINVAL : 0;
	}
	b->is_pod = item->obj->kind == OBJECT_POD;
	if (b->is_pod)
		b->addr = ((const struct object_pod *)item->obj)->addr[SL_FAMILY_V4];
	err = policy_object_apply(b->pol, item->obj, &diag);
	return err;
}

/* Endpoints come in the order of the pods, after everything else is known. */
static int add_local(void *arg, struct manifest_item *item)
{
	const struct object_pod *pod = (const struct object_pod *)item->obj;
	struct bench *b = arg;
	int err = 0;

	if (item->obj && item->obj->kind == OBJECT_POD && pod->node && !strcmp(pod->node->s, b->node))
		err = endpoint_add(b, pod);
	if (item->obj)
		object_free(item->obj);
	return err;
}

static int parse_all(struct bench *b, const struct texts *ts,
		     int (*cb)(void *arg, struct manifest_item *item))
{
	struct diag diag;
	int err = 0;

	for (int i = 0; i < ts->n && !err; i++)
		err = manifest_parse(ts->at[i].name, ts->at[i].text, ts->at[i].len, cb, b, &diag);
	return err;
}

static int bench_open(struct bench *b, const char *root)
{
	int err;

	/* of an earlier time */
	sluice_unload(root);
	err = sluice_load(root, NULL, &b->sl);
	if (err)
		return fail("cannot load the dataplane", err);
	err = policy_new(b->sl, b->node, &b->pol);
	return err ? fail("policy_new", err) : 0;
}

static void bench_close(struct bench *b, const char *root)
{
	policy_free(b->pol);
	sluice_close(b->sl);
	sluice_unload(root);
	b->pol = NULL;
	b->sl = NULL;
	b->neps = 0;
}

/* ----------------------------------------------------------- measurements */

static int from_nothing(struct bench *b, const struct texts *manifests, double *parse_ms,
			double *commit_ms)
{
	double start = now_ms();
	int err;

	err = parse_all(b, manifests, apply);
	*parse_ms = now_ms() - start;
	if (!err)
		err = parse_all(b, manifests, add_local);
	if (err)
		return fail("cannot apply the manifests", err);
	start = now_ms();
	err = policy_commit(b->pol);
	*commit_ms = now_ms() - start;
	return err ? fail("cannot commit", err) : 0;
}

/* The class of an address in the kernel, as the pipeline reads it. */
static __u32 class_of(struct bench *b, const union sl_addr *addr)
{
	struct sl_prefix key = { .prefixlen = 128, .addr = *addr };
	struct sl_class_val class = {};
	struct sl_addr_val val;

	if (!bpf_map_lookup_elem(sluice_map_fd(b->sl, SL_MAP_ADDR), addr, &val))
		return sluice_eps(b->sl)[val.id].class_id[0][SL_FAMILY_V4];
	bpf_map_lookup_elem(sluice_map_fd(b->sl, SL_MAP_CLASS), &key, &class);
	return class.class_id[0];
}

static int change(struct bench *b, const struct text *t, double *ms)
{
	struct diag diag;
	double start;
	int err;

	start = now_ms();
	err = manifest_parse(t->name, t->text, t->len, apply, b, &diag);
	if (!err)
		err = policy_commit(b->pol);
	*ms = now_ms() - start;
	return err ? fail(t->name, err) : 0;
}

/* Odd files say what even ones have changed, about the same pod. */
static int changes(struct bench *b, const struct texts *ts, double *ms)
{
	__u32 class = 0, now;
	int err = 0;

	for (int i = 0; i < ts->n && !err; i++) {
		err = change(b, &ts->at[i], &ms[i]);
		if (err)
			break;
		if (!b->is_pod)
			return fail("a change is not a pod", -EINVAL);
		now = class_of(b, &b->addr);
		b->moved += i & 1 && now != class;
		class = now;
	}
	return err;
}

/* ---------------------------------------------------------------- what would be */

static const char one_namespace[] =
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	"metadata: {name: whatif, namespace: ns1}\n"
	"spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n";
static const char everybody[] =
	"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
	"metadata: {name: whatif}\n"
	"spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny,\n"
	"  from: [{namespaces: {}}]}]}\n";

static int ask(void *arg, struct manifest_item *item)
{
	return item->obj ? whatif_apply(arg, item->obj) : -EINVAL;
}

/* @pairs: with another verdict. */
static int whatif(struct bench *b, const char *text, double *ms, long long *pairs)
{
	double start = now_ms();
	struct whatif *w;
	struct diag diag;
	json_t *answer;
	int err = whatif_new(b->pol, &w);

	if (err)
		return fail("whatif", err);
	err = manifest_parse("whatif", text, strlen(text), ask, w, &diag);
	if (!err)
		err = whatif_compare(w);
	answer = err ? NULL : whatif_json(w);
	*ms = now_ms() - start;
	*pairs = json_integer_value(json_object_get(answer, "pairs"));
	json_decref(answer);
	whatif_free(w);
	return err || *pairs ? err : fail("whatif tells of nothing", -EINVAL);
}

static void print_list(const char *name, const double *v, int n)
{
	printf("\"%s\": [", name);
	for (int i = 0; i < n; i++)
		printf("%s%.4f", i ? ", " : "", v[i]);
	printf("],\n ");
}

static void print_stats(const struct bench *b, int differences)
{
	struct policy_stats st;

	policy_get_stats(b->pol, &st);
	printf("\"moved\": %u, \"differences\": %d, \"endpoints\": %u, \"pods\": %u, "
	       "\"policies\": %u, \"classes\": %u, \"rulesets\": %u, \"rules\": %u, \"ports\": %u}\n",
	       b->moved, differences, b->neps, st.pods, st.policies, st.classes, st.rulesets,
	       st.rules, st.ports);
}

static int bench(struct bench *b, const char *root, const struct texts *ts, int times)
{
	static double parse_ms[TIMES_MAX], full_ms[TIMES_MAX], one_ms[CHANGES_MAX];
	double whatif_ms[2] = {};
	long long pairs[2] = {};
	int err = 0;

	for (int i = 0; i < times && !err; i++) {
		err = bench_open(b, root);
		if (!err)
			err = from_nothing(b, &ts[0], &parse_ms[i], &full_ms[i]);
		if (!err && i + 1 < times)
			bench_close(b, root);
	}
	if (!err)
		err = changes(b, &ts[1], one_ms);
	if (!err)
		err = whatif(b, one_namespace, &whatif_ms[0], &pairs[0]);
	if (!err)
		err = whatif(b, everybody, &whatif_ms[1], &pairs[1]);
	if (!err) {
		printf("{");
		print_list("parse_ms", parse_ms, times);
		print_list("full_ms", full_ms, times);
		print_list("one_ms", one_ms, ts[1].n);
		print_list("whatif_one_ms", &whatif_ms[0], 1);
		print_list("whatif_all_ms", &whatif_ms[1], 1);
		printf("\"whatif_pairs\": [%lld, %lld],\n ", pairs[0], pairs[1]);
		print_stats(b, policy_reconcile(b->pol));
	}
	if (b->sl)
		bench_close(b, root);
	return err;
}

int main(int argc, char **argv)
{
	struct bench b = { .node = argc > 2 ? argv[2] : "" };
	struct texts ts[2] = {};
	int times = argc == 6 ? atoi(argv[5]) : 0, err;

	if (times < 1 || times > TIMES_MAX) {
		fprintf(stderr, "usage: compile ROOT NODE MANIFESTS CHANGES TIMES\n");
		return 2;
	}
	err = texts_read(argv[3], &ts[0]);
	if (!err)
		err = texts_read(argv[4], &ts[1]);
	if (!err && ts[1].n > CHANGES_MAX)
		err = -E2BIG;
	if (err)
		fail("cannot read the manifests", err);
	else
		err = bench(&b, argv[1], ts, times);
	texts_free(&ts[0]);
	texts_free(&ts[1]);
	return err ? 1 : 0;
}
