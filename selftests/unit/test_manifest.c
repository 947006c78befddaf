// SPDX-License-Identifier: GPL-2.0
/*
 * Manifests: what is taken and as what, and for everything that is refused
 * the line, the column, the field and what would be right.
 */
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifestcase.h"

#define NP	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
		"metadata: {name: p, namespace: shop}\nspec:\n"

static const struct object_netpol *netpol(struct result *r, const char *spec)
{
	char text[4096];

	snprintf(text, sizeof(text), NP "%s", spec);
	return container_of(only(r, text, OBJECT_NETPOL), struct object_netpol, o);
}

/* -------------------------------------------------------- what is refused */

static void says_what_is_wrong_with_a_policy(void **state)
{
	static const struct complaint list[] = {
		{ NP "  podSelector: {}\n  ingres: []\n", 6, 3, "spec.ingres",
		  "known here: podSelector, policyTypes, ingress, egress" },
		{ NP "  podSelector: {matchLabel: {a: b}}\n", 5, 17, "spec.podSelector.matchLabel",
		  "matchLabels, matchExpressions" },
		{ NP "  ingress:\n  - form: []\n", 6, 5, "spec.ingress[0].form", "from, ports" },
		{ NP "  egress:\n  - from: []\n", 6, 5, "spec.egress[0].from", "to, ports" },
		{ NP "  ingress: {}\n", 5, 12, "spec.ingress", "must be a list, not a map" },
		{ NP "  ingress: [{from: [{}]}]\n", 5, 21, "spec.ingress[0].from[0]",
		  "podSelector, namespaceSelector or ipBlock" },
		{ NP "  ingress: [{from: [{podSelector: }]}]\n", 5, 21, "spec.ingress[0].from[0]",
		  "names nobody" },
		{ NP "  ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]\n", 5, 48,
		  "spec.ingress[0].from[0].ipBlock", "stands alone" },
		{ NP "  ingress: [{from: [{ipBlock: {}}]}]\n", 5, 31,
		  "spec.ingress[0].from[0].ipBlock.cidr", "missing" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]\n", 5, 38,
		  "spec.ingress[0].from[0].ipBlock.cidr", "10.0.0.0/8" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: 010.0.0.0/8}}]}]\n", 5, 38,
		  "spec.ingress[0].from[0].ipBlock.cidr", "no prefix" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: \"::ffff:10.0.0.0/104\"}}]}]\n", 5, 38,
		  "spec.ingress[0].from[0].ipBlock.cidr", "no prefix" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]\n",
		  5, 59, "spec.ingress[0].from[0].ipBlock.except[0]", "not a part of cidr 10.0.0.0/8" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]\n",
		  5, 59, "spec.ingress[0].from[0].ipBlock.except[0]", "not a part" },
		{ NP "  ingress: [{from: [{ipBlock: {cidr: \"::/0\", except: [10.0.0.0/8]}}]}]\n",
		  5, 55, "spec.ingress[0].from[0].ipBlock.except[0]", "not a part" },
		{ NP "  ingress:\n  - ports:\n    - port: \"80\"\n", 7, 13,
		  "spec.ingress[0].ports[0].port", "number without quotes" },
		{ NP "  ingress: [{ports: [{port: 0}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "1 to 65535" },
		{ NP "  ingress: [{ports: [{port: 65536}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "1 to 65535" },
		{ NP "  ingress: [{ports: [{port: 0x50}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "plain decimal" },
		{ NP "  ingress: [{ports: [{port: 80.5}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "must be a number, not a number with a fraction" },
		{ NP "  ingress: [{ports: [{port: 99999999999999999999}]}]\n", 5, 29,
		  "spec.ingress[0].ports[0].port", "out of range" },
		{ NP "  ingress: [{ports: [{port: -80}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "1 to 65535" },
		{ NP "  ingress: [{ports: [{port: Http}]}]\n", 5, 29, "spec.ingress[0].ports[0].port",
		  "a-z, 0-9 and -" },
		{ NP "  ingress: [{ports: [{port: abcdefghijklmnop}]}]\n", 5, 29,
		  "spec.ingress[0].ports[0].port", "1 to 15" },
		{ NP "  ingress: [{ports: [{port: 90, endPort: 80}]}]\n", 5, 42,
		  "spec.ingress[0].ports[0].endPort", "not be less than port 90" },
		{ NP "  ingress: [{ports: [{port: http, endPort: 80}]}]\n", 5, 44,
		  "spec.ingress[0].ports[0].endPort", "goes with a number" },
		{ NP "  ingress: [{ports: [{endPort: 80}]}]\n", 5, 32,
		  "spec.ingress[0].ports[0].endPort", "needs port" },
		{ NP "  ingress: [{ports: [{port: 80, endPort: \"90\"}]}]\n", 5, 42,
		  "spec.ingress[0].ports[0].endPort", "leave out the quotes" },
		{ NP "  ingress: [{ports: [{protocol: ICMP}]}]\n", 5, 33,
		  "spec.ingress[0].ports[0].protocol", "TCP, UDP or SCTP" },
		{ NP "  ingress: [{ports: [{protocol: tcp}]}]\n", 5, 33,
		  "spec.ingress[0].ports[0].protocol", "TCP, UDP or SCTP" },
		{ NP "  policyTypes: [ingress]\n", 5, 17, "spec.policyTypes[0]", "Ingress or Egress" },
		{ NP "  policyTypes: [Ingress, Egress, Ingress]\n", 5, 16, "spec.policyTypes",
		  "at most two" },
		{ NP "  policyTypes: Ingress\n", 5, 16, "spec.policyTypes", "must be a list" },
		{ NP "  podSelector: {matchExpressions: [{key: a, operator: In}]}\n", 5, 36,
		  "spec.podSelector.matchExpressions[0].values", "at least one value" },
		{ NP "  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}\n",
		  5, 70, "spec.podSelector.matchExpressions[0].values", "at least one value" },
		{ NP "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}\n",
		  5, 71, "spec.podSelector.matchExpressions[0].values", "take no values" },
		{ NP "  podSelector: {matchExpressions: [{key: a, operator: Is}]}\n", 5, 55,
		  "spec.podSelector.matchExpressions[0].operator", "In, NotIn, Exists or DoesNotExist" },
		{ NP "  podSelector: {matchExpressions: [{operator: Exists}]}\n", 5, 36,
		  "spec.podSelector.matchExpressions[0].key", "missing" },
		{ NP "  podSelector: {matchLabels: {a: on}}\n", 5, 34,
		  "spec.podSelector.matchLabels.a", "on is a boolean: write \"on\"" },
		{ NP "  podSelector: {matchLabels: {a: 1e3}}\n", 5, 34,
		  "spec.podSelector.matchLabels.a", "write \"1e3\"" },
		{ NP "  podSelector: {matchLabels: {a: -b}}\n", 5, 34,
		  "spec.podSelector.matchLabels.a", "label value" },
		{ NP "  podSelector: {matchLabels: {a: b c}}\n", 5, 34,
		  "spec.podSelector.matchLabels.a", "label value" },
		{ NP "  podSelector: {matchLabels: {a/b/c: d}}\n", 5, 31,
		  "spec.podSelector.matchLabels.a/b/c", "label key" },
		{ NP "  podSelector: {matchLabels: {A_b/c: d}}\n", 5, 31,
		  "spec.podSelector.matchLabels.A_b/c", "DNS name" },
		{ NP "  podSelector: {matchLabels: {on: d}}\n", 5, 31, "", "double quotes" },
		{ NP "  podSelector: {matchLabels: {a: b, a: c}}\n", 5, 37, "", "\"a\" is there twice" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n", 1, 1,
		  "spec", "missing" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {nam: p}\n", 3, 12,
		  "metadata.nam", "unknown field" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspce: {}\n", 3, 1, "spce",
		  "apiVersion, kind, metadata, spec" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {}\n", 1, 1, "metadata",
		  "metadata.name" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: P}\n", 3, 18,
		  "metadata.name", "a-z, 0-9" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		  "metadata: {name: p, namespace: a.b}\n", 3, 32, "metadata.namespace", "a-z, 0-9 and -" },
	};

	(void)state;
	assert_int_equal(check_complaints(list, sizeof(list) / sizeof(list[0])), 0);
}

static void says_what_is_wrong_with_other_kinds(void **state)
{
	static const struct complaint list[] = {
		{ "kind: Pod\nmetadata: {name: p}\n", 1, 1, "apiVersion", "missing" },
		{ "apiVersion: v1\nmetadata: {name: p}\n", 1, 1, "kind", "missing" },
		{ "apiVersion: 1\nkind: Pod\nmetadata: {name: p}\n", 1, 13, "apiVersion", "write \"1\"" },
		{ "just text\n", 1, 1, "", "must be a map, not text" },
		{ "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n", 3, 18, "metadata.name",
		  "a-z, 0-9 and -" },
		{ "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n", 3, 32,
		  "metadata.namespace", "in no namespace" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: true}}\n", 3, 33,
		  "metadata.labels.a", "write \"true\"" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIPs: [{ip: 10.0.0}]}\n",
		  4, 24, "status.podIPs[0].ip", "no address" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
		  "status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}\n", 4, 40, "status.podIPs[1].ip",
		  "one address of each family" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
		  "spec: {containers: [{ports: [{name: a, containerPort: 0}]}]}\n", 4, 55,
		  "spec.containers[0].ports[0].containerPort", "1 to 65535" },
		{ "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.0.0.1/24}\n",
		  4, 17, "spec.podCIDR", "without host bits" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostNetwork: \"true\"}\n", 4, 21,
		  "spec.hostNetwork", "true or false" },
		/* a policy that would have no effect is never passed over in silence */
		{ "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: ClusterNetworkPolicy\n"
		  "metadata: {name: p}\n", 2, 7, "kind", "not enforced" },
		{ "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\n"
		  "metadata: {name: p}\n", 2, 7, "kind", "not enforced" },
		{ "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: p}\n", 2, 7,
		  "kind", "not enforced" },
		{ "apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: p}\n", 2, 7,
		  "kind", "NetworkPolicy of networking.k8s.io/v1 and" },
	};

	(void)state;
	assert_int_equal(check_complaints(list, sizeof(list) / sizeof(list[0])), 0);
}

static void says_what_is_no_yaml(void **state)
{
	static const struct complaint list[] = {
		{ "a: [1, 2\nb: 3\n", 2, 2, "", "not YAML" },
		{ "a: \"x\n", 2, 1, "", "not YAML" },
		{ "\ta: b\n", 1, 1, "", "not YAML" },
		{ "a: \"\\0\"\n", 1, 4, "", "NUL" },
		{ "a: &x [*x]\n", 1, 8, "", "inside its own anchor" },
		{ "a: *x\n", 1, 4, "", "no such anchor" },
		{ "a: !!binary aGk=\n", 1, 4, "", "tag" },
		{ "a: !mine b\n", 1, 4, "", "tag" },
		{ "a: !!int b\n", 1, 4, "", "tag" },
		{ "[1]: a\n", 1, 1, "", "double quotes" },
		{ "? {a: b}\n: c\n", 1, 3, "", "double quotes" },
		{ "<<: 1\na: b\n", 1, 1, "", "<<" },
		{ "a: \xff\n", 1, 1, "", "not UTF-8" },
	};
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		parse(list[i].text, &r);
		assert_int_equal(r.n, 0);
		assert_int_equal(r.err, -EINVAL);
		assert_int_equal(check_complaint(&list[i]), 0);
	}
}

/* Small to write and huge to read: refused by its size with aliases written out. */
static void bounds_what_aliases_stand_for(void **state)
{
	char text[4096];
	struct result r;
	int i, n;

	(void)state;
	n = snprintf(text, sizeof(text), "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (i = 1; i < 12; i++)
		n += snprintf(text + n, sizeof(text) - n,
			      "l%d: &l%d [*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d]\n", i, i,
			      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	parse(text, &r);
	assert_int_equal(r.err, -EINVAL);
	assert_non_null(strstr(r.diag.text, "aliases written out"));
	assert_true(r.diag.line > 1 && r.diag.line < 8);
	release(&r);
}

static void bounds_depth(void **state)
{
	char text[1024] = "a: ";
	struct result r;
	int i;

	(void)state;
	for (i = 0; i < 300; i++)
		strcat(text, "[");
	parse(text, &r);
	assert_int_equal(r.err, -EINVAL);
	assert_non_null(strstr(r.diag.text, "deeper than 64"));
	release(&r);
}

/* ---------------------------------------------------------- what is taken */

static void fills_in_policy_types(void **state)
{
	static const struct {
		const char *spec;
		bool ingress, egress;
	} list[] = {
		{ "  podSelector: {}\n", true, false },
		{ "  podSelector: {}\n  policyTypes: []\n", true, false },
		{ "  podSelector: {}\n  policyTypes: null\n", true, false },
		{ "  egress: []\n", true, false },
		{ "  egress: [{}]\n", true, true },
		{ "  egress: [{}]\n  policyTypes: [Ingress]\n", true, false },
		{ "  ingress: [{}]\n  policyTypes: [Egress]\n", false, true },
		{ "  policyTypes: [Egress, Ingress]\n", true, true },
		{ "  policyTypes: [Egress, Egress]\n", false, true },
	};
	const struct object_netpol *np;
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		np = netpol(&r, list[i].spec);
		assert_int_equal(np->isolates[SL_DIR_INGRESS], list[i].ingress);
		assert_int_equal(np->isolates[SL_DIR_EGRESS], list[i].egress);
		assert_int_equal(np->subject->n, 0);
		release(&r);
	}
}

static void tells_empty_from_missing(void **state)
{
	const struct object_netpol *np;
	const struct netpol_rule *rule;
	struct result r;

	(void)state;
	np = netpol(&r, "  ingress:\n  - {}\n  - {from: [], ports: []}\n  - {from: null, ports: }\n"
			"  - from: [{podSelector: {}}, {namespaceSelector: {}}]\n"
			"  - from: [{podSelector: {}, namespaceSelector: null}]\n");
	assert_int_equal(np->nrules[SL_DIR_INGRESS], 5);
	rule = np->rule[SL_DIR_INGRESS];
	assert_true(!rule[0].npeers && !rule[0].nports);
	assert_true(!rule[1].npeers && !rule[1].nports);
	assert_true(!rule[2].npeers && !rule[2].nports);
	assert_int_equal(rule[3].npeers, 2);
	/* podSelector alone: this namespace; namespaceSelector alone: all its pods */
	assert_string_equal(rule[3].peer[0].ns->s, "shop");
	assert_null(rule[3].peer[0].ns_sel);
	assert_null(rule[3].peer[1].ns);
	assert_int_equal(rule[3].peer[1].ns_sel->n, 0);
	assert_int_equal(rule[3].peer[1].pod_sel->n, 0);
	assert_string_equal(rule[4].peer[0].ns->s, "shop");
	release(&r);
}

static void reads_ports(void **state)
{
	static const struct {
		__u16 lo, hi;
		__u8 proto;
		const char *name;
	} want[] = {
		{ 80, 80, IPPROTO_TCP, NULL }, { 80, 90, IPPROTO_UDP, NULL },
		{ 0, 65535, IPPROTO_SCTP, NULL }, { 0, 65535, IPPROTO_TCP, NULL },
		{ 0, 65535, IPPROTO_TCP, "http" }, { 1, 65535, IPPROTO_TCP, NULL },
	};
	const struct netpol_rule *rule;
	struct result r;
	size_t i;

	(void)state;
	rule = netpol(&r, "  ingress: [{ports: [{port: 80}, {port: 80, endPort: 90, protocol: UDP},"
			  " {protocol: SCTP}, {}, {port: http}, {port: 1, endPort: 65535}]}]\n")
		       ->rule[SL_DIR_INGRESS];
	assert_int_equal(rule->nports, 6);
	for (i = 0; i < 6; i++) {
		assert_int_equal(rule->port[i].proto, want[i].proto);
		if (want[i].name) {
			assert_string_equal(rule->port[i].name->s, want[i].name);
			continue;
		}
		assert_int_equal(rule->port[i].lo, want[i].lo);
		assert_int_equal(rule->port[i].hi, want[i].hi);
	}
	release(&r);
}

static void reads_selectors(void **state)
{
	char buf[256];
	struct result r;

	(void)state;
	assert_string_equal(
		selector_format(netpol(&r, "  podSelector:\n    matchLabels: {b: \"on\", a: x}\n"
					   "    matchExpressions:\n"
					   "    - {key: t, operator: In, values: [z, x, z]}\n"
					   "    - {key: a, operator: In, values: [x]}\n"
					   "    - {key: u, operator: NotIn, values: [q]}\n"
					   "    - {key: v, operator: Exists, values: []}\n"
					   "    - {key: e.x/w, operator: DoesNotExist}\n")
					->subject, buf, sizeof(buf)),
		"a=x,b=on,!e.x/w,t in (x,z),u!=q,v");
	release(&r);
}

/* Host bits are not what is meant, as for the API server. */
static void masks_blocks(void **state)
{
	const struct block *b;
	char buf[SLUICE_PREFIX_STRLEN];
	struct result r;

	(void)state;
	b = netpol(&r, "  egress: [{to: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.9.9.9/16]}}]}]\n")
		    ->rule[SL_DIR_EGRESS]->peer[0].block;
	assert_string_equal(sluice_prefix_format(&b->cidr, buf), "10.0.0.0/8");
	assert_string_equal(sluice_prefix_format(&b->except[0], buf), "10.9.0.0/16");
	release(&r);
}

static void reads_pods(void **state)
{
	const struct object_pod *pod;
	char buf[SLUICE_ADDR_STRLEN];
	struct result r;

	(void)state;
	pod = container_of(only(&r,
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p.0, labels: {a: \"1\", b: }}\n"
		"spec:\n  nodeName: n1\n  hostNetwork: yes\n  priority: 7\n  containers:\n"
		"  - ports: [{name: http, containerPort: 80}, {containerPort: 1}]\n"
		"  - ports: [{name: http, containerPort: 81}, {name: http, containerPort: 82, protocol: UDP}]\n"
		"  initContainers:\n"
		"  - {restartPolicy: Always, ports: [{name: side, containerPort: 9}]}\n"
		"  - {ports: [{name: gone, containerPort: 10}]}\n"
		"status: {phase: Failed, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: \"fd00::1\"}]}\n",
		OBJECT_POD), struct object_pod, o);
	assert_string_equal(pod->o.ns->s, "default");
	assert_string_equal(pod->o.name->s, "p.0");
	assert_string_equal(pod->o.file->s, "f.yaml");
	assert_string_equal(pod->node->s, "n1");
	assert_true(pod->host_network && pod->ended);
	assert_string_equal(sluice_addr_format(&pod->addr[SL_FAMILY_V4], buf), "10.0.0.1");
	assert_string_equal(sluice_addr_format(&pod->addr[SL_FAMILY_V6], buf), "fd00::1");
	assert_int_equal(pod->labels->n, 2);
	assert_string_equal(labels_value(pod->labels, str_find("b"))->s, "");
	/* the first to claim a name has it; sidecars count, other init containers don't */
	assert_int_equal(pod->ports->n, 3);
	assert_int_equal(pod->ports->port[0].port, 80);
	assert_int_equal(pod->ports->port[1].port, 82);
	assert_string_equal(pod->ports->port[2].name->s, "side");
	release(&r);
}

/* Of the annotation's words one means something, and what is no word is doubted. */
static void reads_pod_annotations(void **state)
{
	static const struct {
		const char *text;
		bool by_packet, doubt;
	} cases[] = {
		{ "{}", false, false }, { "{sluice.dev/connect-time-services: \"false\"}", true, false },
		{ "{sluice.dev/connect-time-services: \"true\"}", false, false },
		{ "{sluice.dev/connect-time-services: \"False\"}", false, true },
		{ "{sluice.dev/connect-time-services: \"\"}", false, true },
		{ "{other.example/connect-time-services: \"false\"}", false, false },
	};
	const struct object_pod *pod;
	char text[256];
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: %s}\n",
			 cases[i].text);
		pod = container_of(only(&r, text, OBJECT_POD), struct object_pod, o);
		assert_int_equal(pod->by_packet, cases[i].by_packet);
		assert_int_equal(!!r.item[0].diag.text[0], cases[i].doubt);
		release(&r);
	}
}

static void reads_nodes(void **state)
{
	const struct object_node *n;
	char buf[SLUICE_PREFIX_STRLEN];
	struct result r;

	(void)state;
	n = container_of(only(&r,
		"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
		"spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24, \"fd00:1::/64\"]}\n"
		"status: {addresses: [{type: Hostname, address: n1}, {type: InternalIP, address: 192.0.2.1},"
		" {type: InternalIP, address: 192.0.2.9}]}\n", OBJECT_NODE), struct object_node, o);
	assert_int_equal(n->npod_cidr, 2);
	assert_string_equal(sluice_prefix_format(&n->pod_cidr[1], buf), "fd00:1::/64");
	assert_string_equal(sluice_addr_format(&n->addr[SL_FAMILY_V4], buf), "192.0.2.1");
	assert_false(n->addr[SL_FAMILY_V6].d[0]);
	release(&r);
}

static void takes_lists_apart(void **state)
{
	struct result r;

	(void)state;
	parse("# first nothing\n---\n---\n"
	      "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n"
	      "  {\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\"}},\n"
	      "  {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"B\"}},\n"
	      "  {\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\"}]}\n"
	      "---\napiVersion: v1\nkind: PodList\nitems:\n"
	      "- {apiVersion: v1, kind: Pod, metadata: {name: c}}\n...\n", &r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.n, 4);
	assert_non_null(r.item[0].obj);
	assert_null(r.item[1].obj);
	assert_string_equal(r.item[1].diag.field, "items[1].metadata.name");
	assert_int_equal(r.item[1].diag.line, 6);
	assert_int_equal(r.item[1].id.kind, OBJECT_POD);
	assert_string_equal(r.item[1].id.name, "B");
	assert_null(r.item[2].obj);
	assert_int_equal(r.item[2].diag.level, DIAG_NOTE);
	assert_non_null(r.item[3].obj);
	release(&r);
}

static void merges_and_repeats(void **state)
{
	char buf[256];
	struct result r;

	(void)state;
	assert_string_equal(
		selector_format(netpol(&r, "  ingress: [{from: [{podSelector: &s {matchLabels: &l {a: b, c: d}}},"
					   " {namespaceSelector: *s}]}]\n"
					   "  podSelector: {matchLabels: {<<: *l, c: e}}\n")
					->subject, buf, sizeof(buf)), "a=b,c=e");
	release(&r);
}

/* What can be said of a wrong object still is: who it is. */
static void knows_wrong_objects_by_name(void **state)
{
	struct result r;

	(void)state;
	parse(NP "  ingress: 1\n", &r);
	assert_int_equal(r.n, 1);
	assert_null(r.item[0].obj);
	assert_int_equal(r.item[0].id.kind, OBJECT_NETPOL);
	assert_string_equal(r.item[0].id.ns, "shop");
	assert_string_equal(r.item[0].id.name, "p");
	release(&r);
}

/* Everything before the place that is no YAML has been told; nothing behind it is. */
static void stops_where_it_is_no_yaml(void **state)
{
	struct result r;

	(void)state;
	parse("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n[\n", &r);
	assert_int_equal(r.err, -EINVAL);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.diag.line, 6);
	release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong_with_a_policy),
		cmocka_unit_test(says_what_is_wrong_with_other_kinds),
		cmocka_unit_test(says_what_is_no_yaml),
		cmocka_unit_test(bounds_what_aliases_stand_for),
		cmocka_unit_test(bounds_depth),
		cmocka_unit_test(fills_in_policy_types),
		cmocka_unit_test(tells_empty_from_missing),
		cmocka_unit_test(reads_ports),
		cmocka_unit_test(reads_selectors),
		cmocka_unit_test(masks_blocks),
		cmocka_unit_test(reads_pod_annotations), cmocka_unit_test(reads_pods),
		cmocka_unit_test(reads_nodes),
		cmocka_unit_test(takes_lists_apart),
		cmocka_unit_test(merges_and_repeats),
		cmocka_unit_test(knows_wrong_objects_by_name),
		cmocka_unit_test(stops_where_it_is_no_yaml),
	};

	return unit_run(tests, NULL, NULL);
}
