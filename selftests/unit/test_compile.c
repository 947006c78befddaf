// SPDX-License-Identifier: GPL-2.0
/*
 * The compiler pass by pass: which addresses are one class, which entries and
 * port sets come out, who is named for a verdict, and whose flows are judged
 * again after a change.
 */
#include "unit.h"
#include "memtables.h"
#include "policyapply.h"
#include <arpa/inet.h>

struct fixture {
	struct memtables *m;
	struct policy *pol;
};

static void commit(struct fixture *f)
{
	assert_int_equal(policy_commit(f->pol), 0);
}

static void pod(struct fixture *f, const char *ns, const char *name, const char *labels,
		const char *ip)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {%s}}\n"
		 "status: {podIPs: [{ip: \"%s\"}]}\n", name, ns, labels, ip);
	apply(f->pol, text);
}

static void policy(struct fixture *f, const char *ns, const char *name, const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		 "metadata: {name: %s, namespace: %s}\nspec: %s\n", name, ns, spec);
	apply(f->pol, text);
}

static void endpoint(struct fixture *f, __u32 id, const char *ns, const char *name, const char *ip)
{
	union sl_addr addr[__SL_FAMILY_MAX] = {}, a;

	assert_int_equal(sluice_addr_parse(ip, &a), 0);
	addr[sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6] = a;
	f->m->eps[id] = (struct sl_ep){ .policy = SL_EP_POLICY_CLOSED, .flags = SL_EP_FLAG_USED };
	assert_int_equal(policy_endpoint_add(f->pol, id, ns, name, addr), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->m = mem_new();
	assert_int_equal(policy_new_on(&f->m->t, "here", &f->pol), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->pol);
	mem_free(f->m);
	free(f);
	return 0;
}

/* The class of an address by plan: the endpoint's, the pod's, or the block's around it. */
static __u32 class_of(struct fixture *f, const char *ip)
{
	const struct model_addr *known;
	union sl_addr a;
	const __u32 *id;

	assert_int_equal(sluice_addr_parse(ip, &a), 0);
	known = model_addr_find(&f->pol->model, &a);
	id = lpm_find(&f->pol->compiler.plan.class, &a, 129);
	if (known)
		assert_int_equal(known->class->id, id ? *id : SL_CLASS_NONE);
	return id ? *id : SL_CLASS_NONE;
}

static size_t entries(struct fixture *f)
{
	return f->pol->compiler.plan.class.t.count;
}

/* The JSON of classes without their ids, those with somebody in them, sorted. */
static char *classes_text(struct fixture *f)
{
	json_t *list = policy_class_json(f->pol), *c, *out = json_array();
	char *text;
	size_t i;

	json_array_foreach(list, i, c) {
		if (!json_integer_value(json_object_get(c, "id")))
			continue;
		json_object_del(c, "id");
		json_array_append(out, c);
	}
	text = json_dumps(out, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(list);
	json_decref(out);
	return text;
}

#define assert_classes(f, want)                                                \
	do {                                                                   \
		char *have_ = classes_text(f);                                 \
		assert_string_equal(have_, want);                              \
		free(have_);                                                   \
	} while (0)

/* What endpoint @ep says, and who: "+shop/web/ingress[0]". */
static const char *says(struct fixture *f, __u32 ep, enum sl_dir dir, const char *peer, __u8 proto,
			__u16 port)
{
	const struct tables_flow flow = { dir, proto, port };
	__u64 word = f->m->eps[ep].policy;
	const struct decider *d;
	static char text[400];
	struct tables_verdict v;
	union sl_addr a;
	__u32 class_id;

	assert_int_equal(sluice_addr_parse(peer, &a), 0);
	assert_int_equal(tables_class(&f->m->t, &a, 0, word & SL_EP_COLUMN_MASK, &class_id), 0);
	assert_int_equal(tables_judge(&f->m->t, ep, class_id, &flow, &v), 0);
	if (v.tier == SL_TIER_NONE)
		return v.verdict == SL_VERDICT_ALLOW ? "open" : "closed";
	d = decider_find(&f->pol->compiler.rulesets.deciders, v.rule);
	assert_non_null(d);
	assert_int_equal(v.tier, d->tier);
	snprintf(text, sizeof(text), "%c%s/%s/%s", v.verdict == SL_VERDICT_ALLOW ? '+' : '-',
		 d->ns->s, d->name->s, dir_name(d->dir));
	if (d->index >= 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "[%d]", d->index);
	return text;
}

#define IN	SL_DIR_INGRESS
#define OUT	SL_DIR_EGRESS

static __u32 gen(struct fixture *f, __u32 ep)
{
	return f->m->eps[ep].policy >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK;
}

/* ----------------------------------------------------------------- classes */

static void pods_that_nobody_looks_at_are_one_class(void **state)
{
	struct fixture *f = *state;
	char name[32], labels[64], ip[32];
	int i;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}");
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		snprintf(labels, sizeof(labels), "hash: h%d", i);
		snprintf(ip, sizeof(ip), "10.0.%d.%d", i / 250, i % 250 + 1);
		pod(f, "shop", name, labels, ip);
	}
	commit(f);
	assert_int_equal(entries(f), 0);
	assert_int_equal(f->pol->compiler.classes.classes.count, 1);
	pod(f, "shop", "p7", "hash: h7, app: web", "10.0.0.8");
	commit(f);
	assert_int_equal(entries(f), 1);
	assert_int_not_equal(class_of(f, "10.0.0.8"), SL_CLASS_NONE);
}

static void policies_of_other_nodes_make_no_classes(void **state)
{
	struct fixture *f = *state;

	pod(f, "shop", "a", "app: web", "10.0.0.1");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
	commit(f);
	assert_int_equal(entries(f), 0);
	assert_int_equal(f->pol->compiler.plan.rule.count, 0);
	/* until one of its pods is here, and again when that has gone */
	endpoint(f, 1, "shop", "me", "10.0.0.9");
	commit(f);
	assert_int_equal(entries(f), 2);
	policy_endpoint_del(f->pol, 1);
	commit(f);
	assert_int_equal(entries(f), 0);
	assert_int_equal(f->m->rule.count, 0);
}

/* Two peers of one rule: no policy can tell whether an address is the one or the other. */
static void peers_of_one_rule_are_one_class(void **state)
{
	struct fixture *f = *state;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: a}}},"
			       " {podSelector: {matchLabels: {app: b}}}]}]}");
	pod(f, "shop", "a", "app: a", "10.0.0.1");
	pod(f, "shop", "b", "app: b", "10.0.0.2");
	pod(f, "shop", "c", "app: c", "10.0.0.3");
	pod(f, "else", "a", "app: a", "10.0.0.4");
	commit(f);
	assert_classes(f, "[{\"addresses\":2,\"peers\":[\"pods app=a in shop\",\"pods app=b in shop\"],"
			  "\"pods\":[\"shop/a\",\"shop/b\"],\"prefixes\":[]}]");
	assert_int_equal(class_of(f, "10.0.0.3"), SL_CLASS_NONE);
	assert_int_equal(class_of(f, "10.0.0.4"), SL_CLASS_NONE);
}

static void blocks_nest_and_have_holes(void **state)
{
	struct fixture *f = *state;
	__u32 wide, narrow;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p",
	       "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]},"
	       " {from: [{ipBlock: {cidr: 10.1.2.0/24}}, {ipBlock: {cidr: 10.2.0.0/16}}]}]}");
	pod(f, "shop", "in", "a: b", "10.0.0.1");
	pod(f, "shop", "hole", "a: b", "10.1.0.1");
	commit(f);
	wide = class_of(f, "10.0.0.200");
	narrow = class_of(f, "10.1.2.3");
	assert_int_not_equal(wide, SL_CLASS_NONE);
	assert_int_not_equal(narrow, SL_CLASS_NONE);
	assert_int_not_equal(wide, narrow);
	assert_int_equal(class_of(f, "10.1.0.1"), SL_CLASS_NONE);
	assert_int_equal(class_of(f, "10.0.0.1"), wide);
	assert_int_equal(class_of(f, "11.0.0.1"), SL_CLASS_NONE);
	/* in both */
	assert_int_not_equal(class_of(f, "10.2.0.1"), wide);
	assert_int_not_equal(class_of(f, "10.2.0.1"), narrow);
	/* a pod that is what the block around it is needs no entry */
	assert_int_equal(entries(f), 4);
}

static void families_stay_apart(void **state)
{
	struct fixture *f = *state;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"::/0\"}}]}]}");
	commit(f);
	assert_int_equal(class_of(f, "10.0.0.1"), SL_CLASS_NONE);
	assert_int_not_equal(class_of(f, "fd00::1"), SL_CLASS_NONE);
	assert_int_not_equal(class_of(f, "::2"), SL_CLASS_NONE);
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}");
	commit(f);
	assert_int_not_equal(class_of(f, "10.0.0.1"), SL_CLASS_NONE);
	assert_int_equal(class_of(f, "fd00::1"), SL_CLASS_NONE);
	assert_int_equal(entries(f), 1);
}

static void a_pod_may_be_a_block(void **state)
{
	struct fixture *f = *state;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/32}}]},"
			       " {from: [{podSelector: {matchLabels: {a: b}}}]}]}");
	commit(f);
	assert_classes(f, "[{\"addresses\":0,\"peers\":[\"10.0.0.1/32\"],\"pods\":[],\"prefixes\":[\"10.0.0.1/32\"]}]");
	pod(f, "shop", "x", "a: b", "10.0.0.1");
	commit(f);
	assert_int_equal(entries(f), 1);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "+shop/p/ingress[0]");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "+shop/p/ingress[0]");
	policy_object_delete(f->pol, OBJECT_POD, "shop", "x");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "-shop/p/ingress");
	assert_int_equal(entries(f), 0);
}

/* What is not surely the one's is only what is allowed to both. */
static void claimed_twice_is_nobodys(void **state)
{
	struct fixture *f = *state;
	json_t *warnings;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: x}}}]},"
			       " {from: [{podSelector: {}}]}]}");
	pod(f, "shop", "one", "a: x", "10.0.0.1");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "+shop/p/ingress[0]");
	pod(f, "shop", "two", "a: w", "10.0.0.1");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "+shop/p/ingress[1]");
	warnings = policy_warnings_json(f->pol);
	assert_int_equal(json_array_size(warnings), 2);
	json_decref(warnings);
	pod(f, "else", "three", "a: x", "10.0.0.1");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "-shop/p/ingress");
	/* an endpoint of this node is sure of its own */
	endpoint(f, 2, "shop", "one", "10.0.0.1");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 1), "+shop/p/ingress[0]");
}

/* ------------------------------------------------------------------- ports */

static void ranges_become_prefixes(void **state)
{
	struct fixture *f = *state;
	json_t *plan, *ports, *v;
	char text[512] = "";
	const char *key;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{ports: [{port: 79, endPort: 83},"
			       " {port: 81, endPort: 90}, {protocol: UDP}]}]}");
	commit(f);
	plan = plan_json(&f->pol->compiler.plan);
	ports = json_object_get(plan, "ports");
	for (void *it = json_object_iter(ports); it; it = json_object_iter_next(ports, it)) {
		key = strchr(json_object_iter_key(it), ' ');
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s,", key + 1);
		v = json_object_iter_value(it);
		assert_int_equal(json_integer_value(json_object_get(v, "rule")), 0);
	}
	json_decref(plan);
	/* 79, 80-87, 88-89, 90 and all of UDP, in the order of a hash table */
	assert_non_null(strstr(text, "6 79/16,"));
	assert_non_null(strstr(text, "6 80/13,"));
	assert_non_null(strstr(text, "6 88/15,"));
	assert_non_null(strstr(text, "6 90/16,"));
	assert_non_null(strstr(text, "17,"));
	assert_int_equal(f->pol->compiler.plan.port.count, 5);
}

static void equal_lists_are_stored_once(void **state)
{
	struct fixture *f = *state;
	char name[16], ip[16];
	int i;

	for (i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		policy(f, name, "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}],"
				     " ports: [{port: 80}]}, {ports: [{port: 443}]}]}");
		snprintf(ip, sizeof(ip), "10.9.9.%d", i);
		endpoint(f, i, name, "me", ip);
	}
	commit(f);
	/* 443 for everybody is one set; 80 by one rule and 443 by another is one for each policy */
	assert_int_equal(f->pol->compiler.rulesets.sets.count, 20);
	assert_int_equal(f->pol->compiler.portsets.sets.count, 21);
	assert_string_equal(says(f, 3, IN, "10.9.9.3", IPPROTO_TCP, 80), "+p3/p/ingress[0]");
	assert_string_equal(says(f, 3, IN, "10.9.9.3", IPPROTO_TCP, 443), "+p3/p/ingress[1]");
	assert_string_equal(says(f, 3, IN, "10.9.9.3", IPPROTO_TCP, 81), "-p3/p/ingress");
	assert_string_equal(says(f, 4, IN, "8.8.8.8", IPPROTO_TCP, 443), "+p4/p/ingress[1]");
	assert_string_equal(says(f, 4, IN, "8.8.8.8", IPPROTO_TCP, 80), "-p4/p/ingress");
	assert_string_equal(says(f, 4, IN, "8.8.8.8", IPPROTO_ICMP, 0), "-p4/p/ingress");
}

static void names_of_ports_are_whose_they_are(void **state)
{
	struct fixture *f = *state;

	apply(f->pol, "apiVersion: v1\nkind: Pod\nmetadata: {name: me, namespace: shop}\n"
		      "spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}\n");
	apply(f->pol, "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\n"
		      "spec: {containers: [{ports: [{name: http, containerPort: 81}]}]}\nstatus: {podIP: 10.0.0.1}\n");
	apply(f->pol, "apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: shop}\n"
		      "spec: {containers: [{ports: [{name: http, containerPort: 82}, {name: udp, containerPort: 82, protocol: UDP}]}]}\n"
		      "status: {podIP: 10.0.0.2}\n");
	pod(f, "shop", "c", "", "10.0.0.3");
	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, policyTypes: [Ingress, Egress],"
			       " ingress: [{ports: [{port: http}, {port: nobody}]}],"
			       " egress: [{to: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/24}}], ports: [{port: http}]}]}");
	commit(f);
	/* ingress: its own */
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 8080), "+shop/p/ingress[0]");
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 81), "-shop/p/ingress");
	/* egress: the other's */
	assert_string_equal(says(f, 1, OUT, "10.0.0.1", IPPROTO_TCP, 81), "+shop/p/egress[0]");
	assert_string_equal(says(f, 1, OUT, "10.0.0.1", IPPROTO_TCP, 82), "-shop/p/egress");
	assert_string_equal(says(f, 1, OUT, "10.0.0.2", IPPROTO_TCP, 82), "+shop/p/egress[0]");
	assert_string_equal(says(f, 1, OUT, "10.0.0.2", IPPROTO_UDP, 82), "-shop/p/egress");
	/* a pod without the name, and an address that is no pod */
	assert_string_equal(says(f, 1, OUT, "10.0.0.3", IPPROTO_TCP, 81), "-shop/p/egress");
	assert_string_equal(says(f, 1, OUT, "10.0.0.77", IPPROTO_TCP, 81), "-shop/p/egress");
	/* without the name in a rule the numbers tell nobody apart */
	policy(f, "shop", "p", "{podSelector: {}, policyTypes: [Egress],"
			       " egress: [{to: [{podSelector: {}}], ports: [{port: 81}]}]}");
	commit(f);
	assert_int_equal(class_of(f, "10.0.0.1"), class_of(f, "10.0.0.2"));
}

/* A rule whose only port nobody has allows nothing, not everything. */
static void a_name_that_nobody_has_matches_nothing(void **state)
{
	struct fixture *f = *state;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, policyTypes: [Ingress, Egress],"
			       " ingress: [{ports: [{port: http}]}], egress: [{ports: [{port: http}]}]}");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 80), "-shop/p/ingress");
	assert_string_equal(says(f, 1, OUT, "10.0.0.1", IPPROTO_TCP, 80), "-shop/p/egress");
}

/* ---------------------------------------------------------------- deciders */

static void the_first_by_name_isolates(void **state)
{
	struct fixture *f = *state;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "zz", "{podSelector: {}}");
	policy(f, "shop", "mm", "{podSelector: {}, policyTypes: [Egress]}");
	policy(f, "shop", "bb", "{podSelector: {matchLabels: {not: me}}}");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 80), "-shop/zz/ingress");
	assert_string_equal(says(f, 1, OUT, "10.0.0.1", IPPROTO_TCP, 80), "-shop/mm/egress");
	policy(f, "shop", "aa", "{podSelector: {}}");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 80), "-shop/aa/ingress");
}

/* Drops and flows still say the old ids for a while. */
static void names_outlive_their_policies(void **state)
{
	struct fixture *f = *state;
	json_t *names;
	struct tables_verdict v;
	char id[16];

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}}");
	commit(f);
	tables_judge(&f->m->t, 1, SL_CLASS_NONE, &(struct tables_flow){ IN, IPPROTO_TCP, 80 }, &v);
	policy_object_delete(f->pol, OBJECT_NETPOL, "shop", "p");
	commit(f);
	names = policy_rules_json(f->pol);
	snprintf(id, sizeof(id), "%u", v.rule);
	assert_string_equal(json_string_value(json_object_get(json_object_get(names, id), "policy")), "p");
	json_decref(names);
}

/* -------------------------------------------------------------- generations */

static void only_whom_it_concerns_is_judged_again(void **state)
{
	struct fixture *f = *state;
	__u32 before[4], i;

	endpoint(f, 1, "shop", "sees", "10.9.9.1");
	endpoint(f, 2, "else", "other", "10.9.9.2");
	endpoint(f, 3, "open", "open", "10.9.9.3");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}");
	policy(f, "else", "p", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}");
	pod(f, "shop", "x", "v: a", "10.0.0.1");
	commit(f);
	for (i = 1; i <= 3; i++)
		before[i] = gen(f, i);
	/* a label that nobody looks at */
	pod(f, "shop", "x", "v: b", "10.0.0.1");
	commit(f);
	for (i = 1; i <= 3; i++)
		assert_int_equal(gen(f, i), before[i]);
	/* one that the first looks at */
	pod(f, "shop", "x", "v: b, app: web", "10.0.0.1");
	commit(f);
	assert_int_equal(gen(f, 1), before[1] + 1);
	assert_int_equal(gen(f, 2), before[2]);
	assert_int_equal(gen(f, 3), before[3]);
	/* the same object once more, with something that changes nothing */
	policy(f, "shop", "p", "{podSelector: {}, policyTypes: [Ingress],"
			       " ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}]}]}");
	commit(f);
	assert_int_equal(gen(f, 1), before[1] + 1);
	/* another rule */
	policy(f, "shop", "p", "{podSelector: {}}");
	commit(f);
	assert_int_equal(gen(f, 1), before[1] + 2);
	assert_int_equal(gen(f, 2), before[2]);
}

/* A local pod's own class changes: its peers' flows are judged again. */
static void peers_of_an_endpoint_are_judged_again(void **state)
{
	struct fixture *f = *state;
	__u32 one, two;

	pod(f, "shop", "a", "app: web", "10.9.9.1");
	endpoint(f, 1, "shop", "a", "10.9.9.1");
	endpoint(f, 2, "shop", "b", "10.9.9.2");
	policy(f, "shop", "p", "{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]},"
			       " ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}");
	commit(f);
	one = gen(f, 1);
	two = gen(f, 2);
	assert_int_equal(f->m->eps[1].class_id[0][SL_FAMILY_V4], class_of(f, "10.9.9.1"));
	pod(f, "shop", "a", "app: db", "10.9.9.1");
	commit(f);
	assert_int_equal(gen(f, 2), two + 1);
	assert_int_equal(gen(f, 1), one);
	assert_int_equal(f->m->eps[1].class_id[0][SL_FAMILY_V4], SL_CLASS_NONE);
	assert_int_equal(f->m->eps[1].class_id[1][SL_FAMILY_V4], SL_CLASS_NONE);
}

/* Generations of a slot never come again, whoever has it. */
static void a_new_tenant_has_a_new_generation(void **state)
{
	struct fixture *f = *state;
	__u32 old;
	int i;

	endpoint(f, 1, "shop", "a", "10.9.9.1");
	commit(f);
	for (i = 0; i < 50; i++) {
		old = gen(f, 1);
		assert_int_equal(policy_endpoint_del(f->pol, 1), 0);
		assert_false(word_open(f->m->eps[1].policy));
		endpoint(f, 1, "shop", "b", "10.9.9.1");
		commit(f);
		assert_true(gen(f, 1) > old);
	}
}

static void an_endpoint_that_nobody_added_is_closed(void **state)
{
	struct fixture *f = *state;

	f->m->eps[7] = (struct sl_ep){ .policy = 5 << SL_EP_GEN_SHIFT, .flags = SL_EP_FLAG_USED };
	commit(f);
	assert_false(word_open(f->m->eps[7].policy));
	assert_int_equal(gen(f, 7), 6);
}

/* What somebody else's hand has done to the tables is found and undone. */
static void repairs_what_is_not_as_it_should_be(void **state)
{
	struct fixture *f = *state;
	struct sl_class_val val = { { 9, 9 } };
	struct sl_prefix p = { 128, {} };
	union sl_addr a;
	const void *key;
	size_t pos = 0;
	void *v;

	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}");
	pod(f, "shop", "x", "", "10.0.0.1");
	commit(f);
	assert_int_equal(policy_reconcile(f->pol), 0);
	/* a class, a rule and a port gone or wrong */
	sluice_addr_parse("10.0.0.1", &a);
	p.addr = a;
	lpm_set(&f->m->class, &p, &val);
	while (btab_walk(&f->m->rule, &pos, &key, &v))
		((struct sl_rule_val *)v)->verdict = SL_VERDICT_ALLOW;
	pos = 0;
	assert_true(btab_walk(&f->m->port, &pos, &key, &v));
	((struct sl_port_val *)v)->verdict = SL_VERDICT_DENY;
	assert_true(policy_reconcile(f->pol) > 0);
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 80), "+shop/p/ingress[0]");
	assert_string_equal(says(f, 1, IN, "10.0.0.1", IPPROTO_TCP, 81), "-shop/p/ingress");
	assert_string_equal(says(f, 1, IN, "8.8.8.8", IPPROTO_TCP, 80), "-shop/p/ingress");
	assert_int_equal(policy_reconcile(f->pol), 0);
}

static unsigned int told;

static void count_told(void *ctx)
{
	(void)ctx;
	told++;
}

/*
 * Where nothing is wanted that was not before, slots are not even looked at:
 * a stranger's stays until everything is compared. Who waits for commits is
 * told of every one.
 */
static void a_commit_without_a_change(void **state)
{
	struct fixture *f = *state;

	f->pol->tables.committed = count_told;
	told = 0;
	endpoint(f, 1, "shop", "me", "10.9.9.9");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}");
	commit(f);
	f->m->eps[7] = (struct sl_ep){ .policy = 5 << SL_EP_GEN_SHIFT, .flags = SL_EP_FLAG_USED };
	pod(f, "other", "x", "c: d", "10.0.0.1");
	commit(f);
	assert_int_equal(told, 2);
	assert_true(word_open(f->m->eps[7].policy));
	assert_true(policy_reconcile(f->pol) > 0);
	assert_false(word_open(f->m->eps[7].policy));
	/* one entry, one rule, one endpoint: each is a change */
	pod(f, "shop", "x", "a: b", "10.0.0.2");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.2", IPPROTO_TCP, 80), "+shop/p/ingress[0]");
	policy(f, "shop", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {a: b}}}], ports: [{port: 81}]}]}");
	commit(f);
	assert_string_equal(says(f, 1, IN, "10.0.0.2", IPPROTO_TCP, 80), "-shop/p/ingress");
	endpoint(f, 2, "other", "y", "10.9.9.8");
	commit(f);
	assert_true(word_open(f->m->eps[2].policy));
	assert_int_equal(policy_reconcile(f->pol), 0);
}

/* ----------------------------------------------------------------- explain */

static void explains_both_ways(void **state)
{
	struct fixture *f = *state;
	struct diag d;
	json_t *j;

	pod(f, "shop", "web", "app: web", "10.0.0.1");
	endpoint(f, 1, "shop", "db", "10.9.9.9");
	policy(f, "shop", "db", "{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]},"
				" ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}");
	commit(f);
	assert_int_equal(policy_explain_json(f->pol, "shop/web", "shop/db", IPPROTO_TCP, 5432, &j, &d), 0);
	assert_string_equal(json_string_value(json_object_get(j, "verdict")), "allow");
	assert_true(json_is_true(json_object_get(j, "agree")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json_object_get(
			json_object_get(j, "kernel"), "ingress"), "decider"), "ruleName")), "ingress[0]");
	json_decref(j);
	assert_int_equal(policy_explain_json(f->pol, "192.0.2.1", "10.9.9.9", IPPROTO_TCP, 5432, &j, &d), 0);
	assert_string_equal(json_string_value(json_object_get(j, "verdict")), "deny");
	assert_true(json_is_null(json_object_get(json_object_get(j, "from"), "pod")));
	json_decref(j);
	/* the tables say something else than the objects: it shows */
	f->m->eps[1].policy &= ~SL_EP_ISOLATED_INGRESS;
	assert_int_equal(policy_explain_json(f->pol, "192.0.2.1", "shop/db", IPPROTO_TCP, 5432, &j, &d), 0);
	assert_true(json_is_false(json_object_get(j, "agree")));
	json_decref(j);
	assert_int_equal(policy_explain_json(f->pol, "shop/none", "shop/db", IPPROTO_TCP, 1, &j, &d), -EINVAL);
	assert_non_null(strstr(d.text, "no pod shop/none"));
	assert_int_equal(policy_explain_json(f->pol, "10.0.0.1", "fd00::1", IPPROTO_TCP, 1, &j, &d), -EINVAL);
}

static void lists_and_shows(void **state)
{
	struct fixture *f = *state;
	const struct object_id id = { .kind = OBJECT_NETPOL, .ns = "shop", .name = "p" };
	const struct diag d = { .level = DIAG_ERROR, .file = "x.yaml", .line = 3, .column = 4,
				.field = "spec", .text = "wrong" };
	char *text;
	json_t *j;

	pod(f, "shop", "web", "app: web", "10.0.0.1");
	policy(f, "shop", "p", "{podSelector: {matchLabels: {app: web}}, egress: [{to: [{podSelector: {}, namespaceSelector: {}},"
			       " {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}, {port: http, protocol: UDP}, {protocol: SCTP}]}]}");
	commit(f);
	assert_int_equal(policy_object_refuse(f->pol, &id, &d), 0);
	j = policy_show_json(f->pol, "shop", "p");
	text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	assert_string_equal(text,
		"{\"file\":\"t.yaml\",\"name\":\"p\",\"namespace\":\"shop\",\"namespaceSelector\":null,\"podSelector\":\"app=web\","
		"\"pods\":[\"shop/web\"],\"priority\":null,\"refused\":\"x.yaml:3:4: spec: wrong\",\"rules\":[{\"action\":\"Accept\",\"direction\":\"egress\","
		"\"name\":null,\"never\":false,\"peers\":[\"all pods in all namespaces\",\"10.0.0.0/8 except 10.1.0.0/16\"],"
		"\"ports\":[\"tcp/80-90\",\"udp/http\",\"sctp\"],\"rule\":null,\"ruleName\":\"egress[0]\"}],"
		"\"tier\":\"netpol\",\"types\":[\"Ingress\",\"Egress\"]}");
	free(text);
	json_decref(j);
	j = policy_list_json(f->pol);
	assert_int_equal(json_array_size(j), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(j, 0), "pods")), 1);
	json_decref(j);
	/* a good version of the same file ends the refusal */
	assert_null(policy_show_json(f->pol, "shop", "q"));
	policy_refusals_forget(f->pol, "x.yaml");
	j = policy_refused_json(f->pol);
	assert_int_equal(json_array_size(j), 0);
	json_decref(j);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pods_that_nobody_looks_at_are_one_class),
		T(policies_of_other_nodes_make_no_classes),
		T(peers_of_one_rule_are_one_class),
		T(blocks_nest_and_have_holes),
		T(families_stay_apart),
		T(a_pod_may_be_a_block),
		T(claimed_twice_is_nobodys),
		T(ranges_become_prefixes),
		T(equal_lists_are_stored_once),
		T(names_of_ports_are_whose_they_are),
		T(a_name_that_nobody_has_matches_nothing),
		T(the_first_by_name_isolates),
		T(names_outlive_their_policies),
		T(only_whom_it_concerns_is_judged_again),
		T(peers_of_an_endpoint_are_judged_again),
		T(a_new_tenant_has_a_new_generation),
		T(an_endpoint_that_nobody_added_is_closed),
		T(repairs_what_is_not_as_it_should_be),
		T(a_commit_without_a_change),
		T(explains_both_ways),
		T(lists_and_shows),
	};

	return unit_run(tests, NULL, NULL);
}
