// SPDX-License-Identifier: GPL-2.0
/* Objects of every kind, written as JSON and read again, are what they were. */
#include "unit.h"
#include <string.h>
#include "daemon/object_json.h"
#include "daemon/object_service.h"
#include "daemon/policy.h"
#include "manifestcase.h"

#define CNP "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\n"
#define NETPOL "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop"
#define SLICE "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, namespace: shop"

static char *text_of(const struct object *o)
{
	json_t *doc = object_json(o);
	char *text;

	assert_non_null(doc);
	text = json_dumps(doc, 0);
	assert_non_null(text);
	json_decref(doc);
	return text;
}

static void read_back(const char *text, struct result *r)
{
	memset(r, 0, sizeof(*r));
	r->err = manifest_parse_json("f.json", text, strlen(text), keep, r, &r->diag);
	assert_int_equal(r->err, 0);
	assert_int_equal(r->n, 1);
	if (!r->item[0].obj)
		fail_msg("%s: %s\n%s", r->item[0].diag.field, r->item[0].diag.text, text);
}

static void same_again(const char *manifest)
{
	struct result was, is;
	char *text;

	parse(manifest, &was);
	if (was.err || was.n != 1 || !was.item[0].obj)
		fail_msg("%s %s\n%s", was.diag.text, was.item[0].diag.text, manifest);
	text = text_of(was.item[0].obj);
	read_back(text, &is);
	if (!object_equal(was.item[0].obj, is.item[0].obj))
		fail_msg("another one comes back from\n%s\n%s", manifest, text);
	free(text);
	release(&was);
	release(&is);
}

static void all_same_again(const char *const *list)
{
	for (; *list; list++)
		same_again(*list);
}

static void namespaces_pods_and_nodes(void **state)
{
	static const char *const list[] = {
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: nn}\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: nn, labels: {a: b, c/d: ''}}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p.q, namespace: nn}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: nn, labels: {app: web}, "
		"uid: 0a1b2c3d-0000-4000-8000-000000000001}\nspec: {nodeName: here.example, "
		"initContainers: [{restartPolicy: Always, ports: [{name: side, containerPort: 9}]}], "
		"containers: [{ports: [{name: web, containerPort: 80}, {name: web, protocol: UDP, "
		"containerPort: 81}]}, {ports: [{name: s, protocol: SCTP, containerPort: 65535}]}]}\n"
		"status: {phase: Running, podIPs: [{ip: fd00::1}, {ip: 10.0.0.1}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostNetwork: true}\n"
		"status: {phase: Failed, podIP: 10.0.0.2}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: nn, "
		"annotations: {sluice.dev/connect-time-services: 'false'}}\n",
		"apiVersion: v1\nkind: Node\nmetadata: {name: nn}\n",
		"apiVersion: v1\nkind: Node\nmetadata: {name: nn, labels: {zone: z}}\n"
		"spec: {podCIDRs: [10.1.0.0/24, 'fd00:1::/64']}\nstatus: {addresses: ["
		"{type: ExternalIP, address: 192.0.2.1}, {type: Hostname, address: nn}, "
		"{type: InternalIP, address: 10.0.0.1}, {type: InternalIP, address: 10.0.0.2}, "
		"{type: InternalIP, address: 'fd31::1'}, {type: ExternalIP, address: 10.0.0.1}]}\n",
		NULL
	};

	(void)state;
	all_same_again(list);
}

static void network_policies(void **state)
{
	static const char *const list[] = {
		NETPOL "spec: {podSelector: {}}\n",
		NETPOL "spec: {podSelector: {}, policyTypes: [Egress]}\n",
		NETPOL "spec: {podSelector: {}, policyTypes: [Ingress], egress: [{}]}\n",
		NETPOL "spec: {podSelector: {}, egress: [{}], ingress: [{}]}\n",
		NETPOL "spec:\n  podSelector:\n    matchLabels: {b: c, a: ''}\n    matchExpressions:\n"
		"    - {key: x, operator: In, values: [b, a, b]}\n"
		"    - {key: x, operator: NotIn, values: [c]}\n"
		"    - {key: y.example/z, operator: Exists}\n    - {key: w, operator: DoesNotExist}\n",
		NETPOL "spec:\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n"
		"    - namespaceSelector: {}\n    - namespaceSelector: {matchLabels: {a: b}}\n"
		"      podSelector: {matchLabels: {c: d}}\n    - ipBlock: {cidr: 10.1.2.3/8}\n"
		"    - ipBlock: {cidr: '::/0', except: ['fd00::/8', 'fd00::/16', 'fe80::/10']}\n"
		"    ports:\n    - {}\n    - {protocol: UDP}\n    - {protocol: SCTP, port: 1}\n"
		"    - {port: 65535}\n    - {port: http}\n    - {port: 1, endPort: 65535, protocol: UDP}\n"
		"    - {port: 80, endPort: 80}\n  - ports: [{port: 443}]\n  - from: [{podSelector: {}}]\n",
		NULL
	};

	(void)state;
	all_same_again(list);
}

static void cluster_policies(void **state)
{
	static const char *const list[] = {
		CNP "spec: {tier: Admin, priority: 0, subject: {namespaces: {}}}\n",
		CNP "spec: {tier: Baseline, priority: 1000, subject: {pods: {podSelector: {matchLabels: "
		"{a: b}}, namespaceSelector: {matchLabels: {c: d}}}}, ingress: [{name: 'na\xc3\xafve \"1\"', "
		"action: Pass, from: [{namespaces: {matchLabels: {x: yz}}}, {pods: {podSelector: {}}}], "
		"protocols: [{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {range: "
		"{start: 1, end: 65535}}}}, {sctp: {destinationPort: {number: 7}}}, "
		"{destinationNamedPort: web}]}, {action: Accept, from: [{namespaces: {}}]}]}\n",
		CNP "spec: {tier: Admin, priority: 7, subject: {namespaces: {}}, egress: [{action: Deny, "
		"to: [{nodes: {matchLabels: {a: b}}}, {networks: [10.0.0.0/8, 'fd00::/8']}, "
		"{namespaces: {}}, {networks: [10.0.0.0/8]}, {networks: [10.0.0.0/8, 192.0.2.0/24]}]}]}\n",
		/* what fails closed stays closed, and says so */
		CNP "spec: {tier: Admin, priority: 7, subject: {namespaces: {}}, egress: ["
		"{action: Accept, to: [{domainNames: ['a.example']}, {networks: [10.0.0.0/8]}]}, "
		"{action: Deny, to: [{domainNames: ['a.example']}, {namespaces: {}}], "
		"protocols: [{tcp: {destinationPort: {number: 80}}}]}, "
		"{action: Pass, to: [{domainNames: ['*.example', 'b.example']}]}]}\n",
		NULL
	};

	(void)state;
	all_same_again(list);
}

/* As many networks as the schema allows, in entries that are to be found again. */
static void as_many_networks_as_there_can_be(void **state)
{
	char text[1 << 15];
	size_t n = 0;
	int i, k;

	(void)state;
	n += sprintf(text, CNP "spec: {tier: Admin, priority: 7, subject: {namespaces: {}}, "
		     "egress: [{action: Deny, to: [");
	for (i = 0; i < 25; i++) {
		n += sprintf(text + n, "{networks: [");
		/* the last of an entry is the first of the next */
		for (k = 0; k < 25; k++)
			n += sprintf(text + n, "10.%d.%d.0/24, ", (i * 24 + k) / 200, (i * 24 + k) % 200);
		n += sprintf(text + n, "]}, ");
	}
	sprintf(text + n, "]}]}\n");
	same_again(text);
}

static void services_and_slices(void **state)
{
	static const char *const list[] = {
		SERVICE "}\nspec: {ports: [{port: 80}]}\n",
		SERVICE "}\nspec: {clusterIP: None}\n",
		SERVICE "}\nspec: {type: ExternalName}\n",
		SERVICE ", labels: {service.kubernetes.io/headless: ''}}\nspec: {type: NodePort, "
		"clusterIPs: [10.96.0.1], ports: [{port: 80, nodePort: 30000}]}\n",
		SERVICE ", creationTimestamp: '2024-02-29T12:00:00Z', annotations: "
		"{sluice.dev/load-balancing: maglev, sluice.dev/forwarding: dsr, sluice.dev/reset-on-endpoint-removal: 'true'}}\n"
		"spec: {type: LoadBalancer, clusterIPs: [10.96.0.1, 'fd96::1'], externalIPs: [192.0.2.1], "
		"internalTrafficPolicy: Local, externalTrafficPolicy: Local, healthCheckNodePort: 30001, "
		"publishNotReadyAddresses: true, trafficDistribution: PreferClose, sessionAffinity: "
		"ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, "
		"loadBalancerSourceRanges: [10.1.2.3/8, ' fd00::/8 '], ports: ["
		"{name: a, port: 80, nodePort: 30000}, {name: b, port: 80, protocol: UDP}, "
		"{name: c, port: 1, protocol: SCTP}]}\n"
		"status: {loadBalancer: {ingress: [{ip: 192.0.2.9}, {hostname: x}, {ip: 'fd00::9'}]}}\n",
		SERVICE ", annotations: {sluice.dev/load-balancing: random}}\nspec: {sessionAffinity: "
		"ClientIP, trafficDistribution: PreferSameNode, ports: [{port: 80}]}\n",
		SLICE "}\naddressType: IPv4\n",
		SLICE ", labels: {kubernetes.io/service-name: s}}\naddressType: IPv6\n"
		"ports: [{port: 80}, {name: b, protocol: UDP}]\nendpoints:\n- addresses: ['fd00::1']\n"
		"- {addresses: ['fd00::2', 'fd00::3'], nodeName: nn, zone: 'z 1', targetRef: {kind: Pod, "
		"name: p}, conditions: {ready: false, serving: true, terminating: true}, hints: "
		"{forZones: [{name: z}, {name: yy}], forNodes: [{name: nn}]}}\n"
		"- {addresses: ['fd00::4'], conditions: {ready: false}}\n",
		NULL
	};

	(void)state;
	all_same_again(list);
}

/* It had no effect then, and has none now. */
static void a_doubt_stays_behind(void **state)
{
	struct result was, is;
	char *text;

	(void)state;
	only(&was, SERVICE ", annotations: {sluice.dev/load-balancing: best}}\nspec: {ports: [{port: 80}]}\n",
	     OBJECT_SERVICE);
	assert_non_null(container_of(was.item[0].obj, struct object_service, o)->doubt);
	text = text_of(was.item[0].obj);
	read_back(text, &is);
	assert_null(container_of(is.item[0].obj, struct object_service, o)->doubt);
	free(text);
	release(&was);
	release(&is);
}

static void uids(void **state)
{
	char buf[OBJECT_UID_STRLEN];
	const __u64 uid = object_uid("0a1b2c3d-0000-4000-8000-000000000001");

	(void)state;
	assert_true(object_uid(object_uid_format(uid, buf)) == uid);
	assert_true(object_uid(object_uid_format(1, buf)) == 1);
	assert_string_equal(buf, "#0000000000000001");
	/* what only looks like it is a uid like any other, and none is 0 */
	assert_true(object_uid("#0000000000000001x") != 1);
	assert_true(object_uid("#000000000000001") != 1);
	assert_true(object_uid("#000000000000000G") > 1);
	assert_true(object_uid("#0000000000000000"));
}

/* ------------------------------------------------------------------ from the model */

static const char *const one_of_each[] = {
	"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {a: b}}\n",
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, uid: u}\nspec: {nodeName: nn, "
	"containers: [{ports: [{name: web, containerPort: 80}]}]}\n"
	"status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}\n",
	"apiVersion: v1\nkind: Node\nmetadata: {name: nn}\nspec: {podCIDR: 10.1.0.0/24}\n",
	NETPOL "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}\n",
	CNP "spec: {tier: Admin, priority: 0, subject: {namespaces: {}}}\n",
	SERVICE "}\nspec: {ports: [{port: 80}]}\n",
	SLICE "}\naddressType: IPv4\n",
};

static void the_model_has_it_all(void **state)
{
	const struct object_id *id;
	struct policy *pol;
	struct diag diag;
	struct result r;
	json_t *was, *is;
	size_t i;

	(void)state;
	assert_int_equal(policy_new(NULL, "nn", &pol), 0);
	for (i = 0; i < sizeof(one_of_each) / sizeof(one_of_each[0]); i++) {
		parse(one_of_each[i], &r);
		id = &r.item[0].id;
		assert_null(policy_object_json(pol, id->kind, id->ns, id->name));
		was = object_json(r.item[0].obj);
		assert_int_equal(policy_object_apply(pol, r.item[0].obj, &diag), 0);
		is = policy_object_json(pol, id->kind, id->ns, id->name);
		assert_non_null(was);
		assert_true(json_equal(was, is));
		json_decref(was);
		json_decref(is);
		assert_int_equal(policy_object_delete(pol, id->kind, id->ns, id->name), 0);
		assert_null(policy_object_json(pol, id->kind, id->ns, id->name));
	}
	policy_free(pol);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespaces_pods_and_nodes),
		cmocka_unit_test(network_policies),
		cmocka_unit_test(cluster_policies),
		cmocka_unit_test(as_many_networks_as_there_can_be),
		cmocka_unit_test(services_and_slices),
		cmocka_unit_test(a_doubt_stays_behind),
		cmocka_unit_test(uids),
		cmocka_unit_test(the_model_has_it_all),
	};

	return unit_run(tests, NULL, NULL);
}
