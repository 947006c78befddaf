// SPDX-License-Identifier: GPL-2.0
/*
 * The tiers by the sentences of the API's text (kubernetes-sigs/network-policy-api,
 * v1alpha2): what the kernel's tables say, who is named for it, that the
 * objects say the same, and what is refused of a ClusterNetworkPolicy.
 */
#include "unit.h"
#include "memtables.h"
#include "policyapply.h"

#define IN	SL_DIR_INGRESS
#define OUT	SL_DIR_EGRESS
#define TCP	6
#define UDP	17
#define ICMP	1

/* Namespaces shop and bank, a pod of shop on this node at 10.0.0.1. */
struct fixture {
	struct memtables *m;
	struct policy *pol;
};

static void cnp(struct fixture *f, const char *name, const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text), "apiVersion: policy.networking.k8s.io/v1alpha2\n"
		 "kind: ClusterNetworkPolicy\nmetadata: {name: %s}\nspec: %s\n", name, spec);
	apply(f->pol, text);
}

static void netpol(struct fixture *f, const char *name, const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text), "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		 "metadata: {name: %s, namespace: shop}\nspec: %s\n", name, spec);
	apply(f->pol, text);
}

static void begin(struct fixture *f)
{
	union sl_addr addr[__SL_FAMILY_MAX] = {};

	apply(f->pol, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n---\n"
		      "apiVersion: v1\nkind: Namespace\nmetadata: {name: bank, labels: {team: b}}\n---\n"
		      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n"
		      "spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}\n"
		      "status: {podIPs: [{ip: 10.0.0.1}]}\n---\n"
		      "apiVersion: v1\nkind: Pod\nmetadata: {name: vault, namespace: bank, labels: {app: vault}}\n"
		      "spec: {containers: [{ports: [{name: http, containerPort: 81, protocol: UDP}]}]}\n"
		      "status: {podIPs: [{ip: 10.0.0.2}]}\n---\n"
		      "apiVersion: v1\nkind: Pod\nmetadata: {name: agent, namespace: bank}\n"
		      "spec: {hostNetwork: true}\nstatus: {podIPs: [{ip: 192.0.2.1}]}\n");
	assert_int_equal(sluice_addr_parse("10.0.0.1", &addr[SL_FAMILY_V4]), 0);
	f->m->eps[1] = (struct sl_ep){ .policy = SL_EP_POLICY_CLOSED, .flags = SL_EP_FLAG_USED };
	assert_int_equal(policy_endpoint_add(f->pol, 1, "shop", "web", addr), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->m = mem_new();
	assert_int_equal(policy_new_on(&f->m->t, "here", &f->pol), 0);
	begin(f);
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

static const char *words(const char *verdict, const char *tier, const char *name, int index)
{
	static char text[2][400];
	static int turn;

	turn = !turn;
	if (!strcmp(tier, "none"))
		return verdict;
	snprintf(text[turn], sizeof(text[turn]), "%s by %s %s", verdict, tier, name);
	if (index >= 0)
		snprintf(text[turn] + strlen(text[turn]), 16, "[%d]", index);
	return text[turn];
}

/* What the tables say of the pod and @peer; the objects have to say the same. */
static const char *says(struct fixture *f, enum sl_dir dir, const char *peer, __u8 proto,
			__u16 port)
{
	const struct tables_flow flow = { dir, proto, port };
	__u64 word = f->m->eps[1].policy;
	const struct decider *d;
	struct party self, other;
	struct tables_verdict v;
	struct explained e;
	const char *kernel;
	union sl_addr me, a;
	__u32 class_id;

	sluice_addr_parse("10.0.0.1", &me);
	assert_int_equal(sluice_addr_parse(peer, &a), 0);
	assert_int_equal(tables_class(&f->m->t, &a, 0, word & SL_EP_COLUMN_MASK, &class_id), 0);
	assert_int_equal(tables_judge(&f->m->t, 1, class_id, &flow, &v), 0);
	d = decider_find(&f->pol->compiler.rulesets.deciders, v.rule);
	assert_true(v.tier == SL_TIER_NONE || (d && d->tier == v.tier));
	kernel = words(v.verdict == SL_VERDICT_ALLOW ? "accept" : "deny", tier_name(v.tier),
		       d ? d->name->s : "", d ? d->index : -1);
	party_of(f->pol, &me, &self);
	party_of(f->pol, &a, &other);
	explain_model(f->pol, &self, &other, &flow, &e);
	assert_string_equal(kernel, words(e.verdict == SL_VERDICT_ALLOW ? "accept" : "deny",
					  tier_name(e.tier), e.policy, e.index));
	return kernel;
}

static void commit(struct fixture *f)
{
	assert_int_equal(policy_commit(f->pol), 0);
}

#define FROM_ALL	"from: [{namespaces: {}}]"
#define TO_NET		"to: [{networks: [\"0.0.0.0/0\"]}]"

/* "If Admin tier has made a final decision, then no further evaluation is done." */
static void admin_goes_before_networkpolicy(void **state)
{
	struct fixture *f = *state;

	netpol(f, "np", "{podSelector: {}, ingress: [{ports: [{port: 1}]}]}");
	cnp(f, "adm", "{tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: ["
		      "{action: Deny, " FROM_ALL ", protocols: [{tcp: {destinationPort: {number: 1}}}]},"
		      "{action: Accept, " FROM_ALL ", protocols: [{tcp: {destinationPort: {range: {start: 2, end: 4}}}}]}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 1), "deny by admin adm[0]");
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 4), "accept by admin adm[1]");
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 5), "deny by netpol np");
	assert_string_equal(says(f, IN, "10.0.0.2", ICMP, 0), "deny by netpol np");
	/* nobody's address is in no namespace */
	assert_string_equal(says(f, IN, "198.51.100.1", TCP, 1), "accept by netpol np[0]");
	assert_string_equal(says(f, OUT, "10.0.0.2", TCP, 1), "accept");
}

/* "Pass: Skips all further ClusterNetworkPolicy rules in the current tier" */
static void pass_goes_on_to_the_next_tier(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: ["
		    "{action: Pass, " FROM_ALL ", protocols: [{tcp: {destinationPort: {number: 80}}}]}]}");
	cnp(f, "b", "{tier: Admin, priority: 2, subject: {namespaces: {}}, ingress: [{action: Deny, " FROM_ALL "}]}");
	cnp(f, "base", "{tier: Baseline, priority: 0, subject: {namespaces: {}}, ingress: ["
		       "{action: Pass, from: [{pods: {podSelector: {matchLabels: {app: vault}}}}]},"
		       "{action: Deny, " FROM_ALL "}]}");
	commit(f);
	/* passed twice: the default, which nobody has decided */
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 80), "accept");
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 81), "deny by admin b[0]");
	assert_string_equal(says(f, IN, "10.0.0.2", ICMP, 0), "deny by admin b[0]");
	netpol(f, "np", "{podSelector: {}}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 80), "deny by netpol np");
}

/* "Further evaluation only happens for Pods not selected by a v1.NetworkPolicy." */
static void baseline_is_for_pods_that_are_not_isolated(void **state)
{
	struct fixture *f = *state;

	cnp(f, "base", "{tier: Baseline, priority: 9, subject: {pods: {podSelector: {}}}, "
		       "ingress: [{action: Deny, " FROM_ALL "}], egress: [{action: Deny, " TO_NET "}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 5), "deny by baseline base[0]");
	assert_string_equal(says(f, OUT, "198.51.100.1", UDP, 5), "deny by baseline base[0]");
	assert_string_equal(says(f, IN, "198.51.100.1", UDP, 5), "accept");
	netpol(f, "np", "{podSelector: {}, ingress: [{}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 5), "accept by netpol np[0]");
	/* isolated for ingress only */
	assert_string_equal(says(f, OUT, "198.51.100.1", UDP, 5), "deny by baseline base[0]");
	assert_int_equal(policy_object_delete(f->pol, OBJECT_CNP, NULL, "base"), 0);
	commit(f);
	assert_string_equal(says(f, OUT, "198.51.100.1", UDP, 5), "accept");
}

/* "Policies with lower priority values have higher precedence"; ties go by name here. */
static void priority_then_name(void **state)
{
	struct fixture *f = *state;

	cnp(f, "z", "{tier: Admin, priority: 0, subject: {namespaces: {}}, ingress: ["
		    "{action: Accept, " FROM_ALL ", protocols: [{udp: {destinationPort: {number: 9}}}]}]}");
	cnp(f, "xx", "{tier: Admin, priority: 1000, subject: {namespaces: {}}, ingress: [{action: Accept, " FROM_ALL "}]}");
	cnp(f, "x", "{tier: Admin, priority: 1000, subject: {namespaces: {}}, ingress: [{action: Deny, " FROM_ALL "}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 9), "accept by admin z[0]");
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 8), "deny by admin x[0]");
	/* another priority, another order */
	cnp(f, "xx", "{tier: Admin, priority: 999, subject: {namespaces: {}}, ingress: [{action: Accept, " FROM_ALL "}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 8), "accept by admin xx[0]");
}

/* "Namespaces is used to select pods via namespace selectors." */
static void subjects_follow_labels(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {team: b}}}, "
		    "ingress: [{action: Deny, " FROM_ALL "}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 1), "accept");
	apply(f->pol, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: b}}\n");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 1), "deny by admin a[0]");
}

/* "Note that host-networked pods are not included in this type of peer." */
static void pods_of_the_host_are_no_peers(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, " FROM_ALL "}]}");
	commit(f);
	assert_string_equal(says(f, IN, "192.0.2.1", TCP, 1), "accept");
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 1), "deny by admin a[0]");
}

/* "It selects the nodeIPs ... present in the node.Status.Addresses field of the node." */
static void nodes_are_their_addresses(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: ["
		    "{action: Deny, to: [{nodes: {matchLabels: {role: db}}}]}]}");
	apply(f->pol, "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {role: db}}\nstatus: {addresses: ["
		      "{type: InternalIP, address: 192.0.2.9}, {type: ExternalIP, address: 203.0.113.9}, {type: Hostname, address: n1}]}\n");
	commit(f);
	assert_string_equal(says(f, OUT, "192.0.2.9", TCP, 1), "deny by admin a[0]");
	assert_string_equal(says(f, OUT, "203.0.113.9", ICMP, 0), "deny by admin a[0]");
	assert_string_equal(says(f, OUT, "192.0.2.10", TCP, 1), "accept");
	apply(f->pol, "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {role: db}}\nstatus: {addresses: ["
		      "{type: InternalIP, address: 192.0.2.10}]}\n");
	commit(f);
	assert_string_equal(says(f, OUT, "192.0.2.9", TCP, 1), "accept");
	assert_string_equal(says(f, OUT, "192.0.2.10", TCP, 1), "deny by admin a[0]");
	apply(f->pol, "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: ["
		      "{type: InternalIP, address: 192.0.2.10}]}\n");
	commit(f);
	assert_string_equal(says(f, OUT, "192.0.2.10", TCP, 1), "accept");
}

/* "DestinationNamedPort selects a destination port on a pod": of whatever protocol. */
static void names_of_ports_are_the_receivers(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, "
		    "ingress: [{action: Deny, " FROM_ALL ", protocols: [{destinationNamedPort: http}]}], "
		    "egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: http}]}]}");
	commit(f);
	assert_string_equal(says(f, IN, "10.0.0.2", TCP, 8080), "deny by admin a[0]");
	assert_string_equal(says(f, IN, "10.0.0.2", UDP, 81), "accept");
	assert_string_equal(says(f, OUT, "10.0.0.2", UDP, 81), "deny by admin a[0]");
	assert_string_equal(says(f, OUT, "10.0.0.2", TCP, 8080), "accept");
}

/* "fail closed": Accept matches no traffic, Deny and Pass are a 'Deny all' rule. */
static void domain_names_fail_closed(void **state)
{
	struct fixture *f = *state;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: ["
		    "{action: Accept, to: [{domainNames: [example.org]}, {networks: [\"192.0.2.0/24\"]}]}]}");
	cnp(f, "b", "{tier: Admin, priority: 2, subject: {namespaces: {}}, egress: [{action: Deny, " TO_NET "}]}");
	commit(f);
	assert_string_equal(says(f, OUT, "192.0.2.9", TCP, 1), "deny by admin b[0]");
	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: ["
		    "{action: Pass, to: [{domainNames: [example.org]}], protocols: [{tcp: {destinationPort: {number: 1}}}]}]}");
	commit(f);
	assert_string_equal(says(f, OUT, "192.0.2.9", UDP, 7), "deny by admin a[0]");
}

/* What is in force is not what was written: one warning, however many rules. */
static void domain_names_are_warned_of(void **state)
{
	struct fixture *f = *state;
	json_t *list, *w;

	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: ["
		    "{action: Accept, to: [{domainNames: [example.org]}]}, {action: Pass, " TO_NET "}, "
		    "{action: Accept, to: [{domainNames: [\"*.example.com\"]}]}]}");
	list = policy_warnings_json(f->pol);
	assert_int_equal(json_array_size(list), 1);
	w = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(w, "name")), "a");
	assert_non_null(strstr(json_string_value(json_object_get(w, "text")),
			       "egress[0], egress[2]: domainNames are not enforced"));
	json_decref(list);
	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Pass, " TO_NET "}]}");
	list = policy_warnings_json(f->pol);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

/* Entries that say otherwise to nobody don't come to be, and flows of others stay. */
static void only_subjects_are_judged_again(void **state)
{
	struct fixture *f = *state;
	__u64 before;

	commit(f);
	before = f->m->eps[1].policy;
	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {team: b}}}, "
		    "ingress: [{action: Deny, " FROM_ALL "}]}");
	commit(f);
	assert_int_equal(f->m->eps[1].policy, before);
	cnp(f, "a", "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, " FROM_ALL "}]}");
	commit(f);
	assert_int_equal(f->m->eps[1].policy >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK,
			 (before >> SL_EP_GEN_SHIFT & SL_EP_GEN_MASK) + 1);
}

/* ---------------------------------------------------------------- refusals */

struct complaint {
	const char *spec, *field, *text;
};

static int keep(void *arg, struct manifest_item *item)
{
	struct diag *d = arg;

	*d = item->diag;
	if (item->obj)
		snprintf(d->text, sizeof(d->text), "taken");
	object_free(item->obj);
	return 0;
}

#define SUBJECT	"tier: Admin, priority: 1, subject: {namespaces: {}}"
#define RULE(r)	"{" SUBJECT ", egress: [" r "]}"

static const struct complaint complaints[] = {
	{ "{priority: 1, subject: {namespaces: {}}}", "spec.tier", "is missing" },
	{ "{tier: Default, priority: 1, subject: {namespaces: {}}}", "spec.tier", "Admin, Baseline" },
	{ "{tier: Admin, subject: {namespaces: {}}}", "spec.priority", "is missing" },
	{ "{tier: Admin, priority: 1001, subject: {namespaces: {}}}", "spec.priority", "0 to 1000" },
	{ "{tier: Admin, priority: -1, subject: {namespaces: {}}}", "spec.priority", "0 to 1000" },
	{ "{tier: Admin, priority: 1}", "spec.subject", "is missing" },
	{ "{tier: Admin, priority: 1, subject: {}}", "spec.subject", "no field" },
	{ "{tier: Admin, priority: 1, subject: {namespaces: {}, pods: {podSelector: {}}}}",
	  "spec.subject", "has both namespaces and pods" },
	{ "{tier: Admin, priority: 1, subject: {pods: {}}}", "spec.subject.pods.podSelector", "is missing" },
	{ "{" SUBJECT ", ingress: [{action: Deny, from: [{networks: [10.0.0.0/8]}]}]}",
	  "spec.ingress[0].from", "namespaces or pods" },
	{ RULE("{to: [{namespaces: {}}]}"), "spec.egress[0].action", "is missing" },
	{ RULE("{action: Allow, to: [{namespaces: {}}]}"), "spec.egress[0].action", "Accept, Deny, Pass" },
	{ RULE("{action: Deny}"), "spec.egress[0].to", "is missing" },
	{ RULE("{action: Deny, to: []}"), "spec.egress[0].to", "0 entries: 1 to 25" },
	{ RULE("{action: Deny, to: [{}]}"), "spec.egress[0].to[0]", "no field" },
	{ RULE("{action: Deny, to: [{cidr: 1}]}"), "spec.egress[0].to[0].cidr", "" },
	{ RULE("{action: Deny, to: [{networks: [10.0.0.1/33]}]}"), "spec.egress[0].to[0].networks[0]", "no prefix" },
	{ RULE("{action: Deny, to: [{networks: [10.0.0.1/8]}]}"), "spec.egress[0].to[0].networks[0]", "write 10.0.0.0/8" },
	{ RULE("{action: Deny, to: [{networks: [10.0.0.0/8, \"fd00::/8\", 10.0.0.0/8]}]}"),
	  "spec.egress[0].to[0].networks[2]", "twice" },
	{ RULE("{action: Accept, to: [{domainNames: [a.b, c.d, a.b]}]}"),
	  "spec.egress[0].to[0].domainNames[2]", "twice" },
	{ RULE("{action: Accept, to: [{domainNames: [{}]}]}"), "spec.egress[0].to[0].domainNames[0]", "" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], protocols: []}"), "spec.egress[0].protocols", "1 to 25" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {}}]}"),
	  "spec.egress[0].protocols[0].tcp", "destinationPort" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 0}}}]}"),
	  "spec.egress[0].protocols[0].tcp.destinationPort.number", "1 to 65535" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], protocols: [{udp: {destinationPort: {range: {start: 5, end: 5}}}}]}"),
	  "spec.egress[0].protocols[0].udp.destinationPort.range", "less than" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], protocols: [{sctp: {destinationPort: {range: {start: 5}}}}]}"),
	  "spec.egress[0].protocols[0].sctp.destinationPort.range.end", "is missing" },
	{ RULE("{action: Deny, to: [{nodes: {}}], protocols: [{destinationNamedPort: http}]}"),
	  "spec.egress[0].protocols", "does not go with nodes" },
	{ RULE("{action: Deny, to: [{namespaces: {}}], ports: []}"), "spec.egress[0].ports", "" },
};

static void says_what_is_wrong(void **state)
{
	char text[2048];
	struct diag d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++) {
		snprintf(text, sizeof(text), "apiVersion: policy.networking.k8s.io/v1alpha2\n"
			 "kind: ClusterNetworkPolicy\nmetadata: {name: p}\nspec: %s\n",
			 complaints[i].spec);
		assert_int_equal(manifest_parse("t.yaml", text, strlen(text), keep, &d, &d), 0);
		assert_string_equal(d.field, complaints[i].field);
		assert_non_null(strstr(d.text, complaints[i].text));
		assert_string_not_equal(d.text, "taken");
		assert_int_equal(d.line, 4);
	}
}

static void a_list_has_25_entries_at_most(void **state)
{
	char text[4096], *p = text;
	struct diag d;
	int n, i;

	(void)state;
	for (n = 25; n <= 26; n++) {
		p = text + sprintf(text, "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
					 "metadata: {name: p}\nspec: {" SUBJECT ", ingress: [");
		for (i = 0; i < n; i++)
			p += sprintf(p, "{action: Deny, " FROM_ALL "},");
		sprintf(p, "]}\n");
		assert_int_equal(manifest_parse("t.yaml", text, strlen(text), keep, &d, &d), 0);
		if (n == 25) {
			assert_string_equal(d.text, "taken");
		} else {
			assert_string_equal(d.field, "spec.ingress");
			assert_non_null(strstr(d.text, "26 entries"));
		}
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(admin_goes_before_networkpolicy),
		T(pass_goes_on_to_the_next_tier),
		T(baseline_is_for_pods_that_are_not_isolated),
		T(priority_then_name),
		T(subjects_follow_labels),
		T(pods_of_the_host_are_no_peers),
		T(nodes_are_their_addresses),
		T(names_of_ports_are_the_receivers),
		T(domain_names_fail_closed),
		T(domain_names_are_warned_of),
		T(only_subjects_are_judged_again),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(a_list_has_25_entries_at_most),
	};

	return unit_run(tests, NULL, NULL);
}
