// SPDX-License-Identifier: GPL-2.0
/*
 * Services and EndpointSlices: every field that is read, its default, and the
 * place of what is refused.
 */
#include "manifestcase.h"
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/object_service.h"

#define META	"apiVersion: v1\nkind: Service\n"
#define SVC	META "metadata: {name: web, namespace: shop}\nspec: "
#define SL	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
#define SLICE	SL "metadata: {name: web-1, namespace: shop}\naddressType: IPv4\n"

static const struct object_service *service(struct result *r, const char *text)
{
	return container_of(only(r, text, OBJECT_SERVICE), struct object_service, o);
}

static const struct object_slice *slice(struct result *r, const char *text)
{
	return container_of(only(r, text, OBJECT_ENDPOINTSLICE), struct object_slice, o);
}

static void is_addr(const union sl_addr *a, const char *text)
{
	char buf[SLUICE_ADDR_STRLEN];

	assert_string_equal(sluice_addr_format(a, buf), text);
}

static void is_text(const struct str *s, const char *text)
{
	assert_non_null(s);
	assert_string_equal(s->s, text);
}

/* -------------------------------------------------------- what is refused */

static void says_what_is_wrong_with_a_service(void **state)
{
	static const struct complaint list[] = {
		{ SVC "{ports: 80}\n", 4, 15, "spec.ports", "must be a list" },
		{ SVC "{}\n", 4, 7, "spec.ports", "is missing" },
		{ SVC "{ports: []}\n", 4, 15, "spec.ports", "is missing" },
		{ SVC "80\n", 4, 7, "spec", "must be a map" },
		{ SVC "{ports: [80]}\n", 4, 16, "spec.ports[0]", "must be a map" },
		{ SVC "{ports: [{name: a}]}\n", 4, 16, "spec.ports[0].port", "is missing" },
		{ SVC "{ports: [{port: 0}]}\n", 4, 23, "spec.ports[0].port", "1 to 65535" },
		{ SVC "{ports: [{port: 65536}]}\n", 4, 23, "spec.ports[0].port", "1 to 65535" },
		{ SVC "{ports: [{port: -1}]}\n", 4, 23, "spec.ports[0].port", "1 to 65535" },
		{ SVC "{ports: [{port: http}]}\n", 4, 23, "spec.ports[0].port",
		  "must be a number" },
		{ SVC "{ports: [{port: \"80\"}]}\n", 4, 23, "spec.ports[0].port",
		  "leave out the quotes" },
		{ SVC "{ports: [{port: 80, protocol: ICMP}]}\n", 4, 37, "spec.ports[0].protocol",
		  "TCP, UDP or SCTP" },
		{ SVC "{ports: [{port: 80, name: Web}]}\n", 4, 33, "spec.ports[0].name",
		  "a-z, 0-9 and -" },
		{ SVC "{ports: [{port: 80, nodePort: 80}]}\n", 4, 16, "spec.ports[0].nodePort",
		  "NodePort or LoadBalancer" },
		{ SVC "{type: NodePort, ports: [{port: 80, nodePort: 65536}]}\n", 4, 53,
		  "spec.ports[0].nodePort", "0 for none" },
		{ SVC "{type: NodePort, ports: [{port: 80, nodePort: -1}]}\n", 4, 53,
		  "spec.ports[0].nodePort", "0 for none" },
		{ SVC "{ports: [{port: 80, name: a}, {port: 81}]}\n", 4, 37, "spec.ports[1].name",
		  "each of several" },
		{ SVC "{ports: [{port: 80, name: a}, {port: 81, name: b}, {port: 82, name: a}, {port: 80, name: a}]}\n",
		  4, 58, "spec.ports[2].name", "the same name" },
		{ SVC "{ports: [{port: 80, name: a}, {port: 80, name: b, protocol: UDP}, {port: 80, name: c, protocol: TCP}]}\n",
		  4, 73, "spec.ports[2].port", "the same number and protocol" },
		{ SVC "{type: NodePort, ports: [{port: 80, name: a, nodePort: 30080}, {port: 81, name: b, nodePort: 30080}]}\n",
		  4, 70, "spec.ports[1].nodePort", "the same for its protocol" },
		{ SVC "{type: Cluster, ports: [{port: 80}]}\n", 4, 14, "spec.type",
		  "ClusterIP, NodePort, LoadBalancer or ExternalName" },
		{ SVC "{type: 80, ports: [{port: 80}]}\n", 4, 14, "spec.type", "must be text" },
		{ SVC "{internalTrafficPolicy: local, ports: [{port: 80}]}\n", 4, 31,
		  "spec.internalTrafficPolicy", "Cluster or Local" },
		{ SVC "{externalTrafficPolicy: Global, ports: [{port: 80}]}\n", 4, 31,
		  "spec.externalTrafficPolicy", "Cluster or Local" },
		{ SVC "{trafficDistribution: [], ports: [{port: 80}]}\n", 4, 29,
		  "spec.trafficDistribution", "must be text" },
		{ SVC "{sessionAffinity: Cookie, ports: [{port: 80}]}\n", 4, 25,
		  "spec.sessionAffinity", "None or ClientIP" },
		{ SVC "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}, ports: [{port: 80}]}\n",
		  4, 86, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "1 to 86400" },
		{ SVC "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}, ports: [{port: 80}]}\n",
		  4, 86, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "1 to 86400" },
		{ SVC "{publishNotReadyAddresses: 1, ports: [{port: 80}]}\n", 4, 34,
		  "spec.publishNotReadyAddresses", "true or false" },
		{ SVC "{healthCheckNodePort: 30000, ports: [{port: 80}]}\n", 4, 29,
		  "spec.healthCheckNodePort", "externalTrafficPolicy Local" },
		{ SVC "{type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 65536, ports: [{port: 80}]}\n",
		  4, 79, "spec.healthCheckNodePort", "1 to 65535" },
		{ SVC "{clusterIP: 10.96.0, ports: [{port: 80}]}\n", 4, 19, "spec.clusterIP",
		  "no address" },
		{ SVC "{clusterIP: 010.96.0.1, ports: [{port: 80}]}\n", 4, 19, "spec.clusterIP",
		  "no address" },
		{ SVC "{clusterIP: \"::ffff:10.96.0.1\", ports: [{port: 80}]}\n", 4, 19,
		  "spec.clusterIP", "no address" },
		{ SVC "{clusterIP: 127.0.0.1, ports: [{port: 80}]}\n", 4, 19, "spec.clusterIP",
		  "loopback" },
		{ SVC "{clusterIPs: 10.96.0.1, ports: [{port: 80}]}\n", 4, 20, "spec.clusterIPs",
		  "must be a list" },
		{ SVC "{clusterIPs: [10.96.0.1, 10.96.0.2], ports: [{port: 80}]}\n", 4, 32,
		  "spec.clusterIPs[1]", "one address of each family" },
		{ SVC "{clusterIPs: [10.96.0.1, \"fd00::1\", \"fd00::2\"], ports: [{port: 80}]}\n",
		  4, 43, "spec.clusterIPs[2]", "one address of each family" },
		{ SVC "{clusterIPs: [10.96.0.1], clusterIP: 10.96.0.2, ports: [{port: 80}]}\n",
		  4, 44, "spec.clusterIP", "the first of clusterIPs, 10.96.0.1" },
		{ SVC "{clusterIPs: [None, 10.96.0.1], ports: [{port: 80}]}\n", 4, 27,
		  "spec.clusterIPs[1]", "None stands alone" },
		{ SVC "{clusterIPs: [10.96.0.1, None], ports: [{port: 80}]}\n", 4, 32,
		  "spec.clusterIPs[1]", "None stands alone" },
		{ SVC "{type: NodePort, clusterIP: None, ports: [{port: 80}]}\n", 4, 35,
		  "spec.clusterIP", "not for type NodePort" },
		{ SVC "{type: LoadBalancer, clusterIP: None, ports: [{port: 80}]}\n", 4, 39,
		  "spec.clusterIP", "not for type LoadBalancer" },
		{ SVC "{externalIPs: [192.0.2.1, 224.0.0.1], ports: [{port: 80}]}\n", 4, 33,
		  "spec.externalIPs[1]", "multicast" },
		{ SVC "{externalIPs: [169.254.1.1], ports: [{port: 80}]}\n", 4, 22,
		  "spec.externalIPs[0]", "link-local" },
		{ SVC "{externalIPs: [192.0.2.0/24], ports: [{port: 80}]}\n", 4, 22,
		  "spec.externalIPs[0]", "no address" },
		{ SVC "{loadBalancerSourceRanges: [10.0.0.0/8], ports: [{port: 80}]}\n", 4, 34,
		  "spec.loadBalancerSourceRanges", "type LoadBalancer" },
		{ SVC "{type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8, 10.0.0.1], ports: [{port: 80}]}\n",
		  4, 67, "spec.loadBalancerSourceRanges[1]", "10.0.0.0/8" },
		{ SVC "{type: LoadBalancer, ports: [{port: 80}]}\n"
		  "status: {loadBalancer: {ingress: [{ip: 192.0.2}]}}\n", 5, 40,
		  "status.loadBalancer.ingress[0].ip", "no address" },
		{ SVC "{type: LoadBalancer, ports: [{port: 80}]}\n"
		  "status: {loadBalancer: {ingress: [{ip: \"::\"}]}}\n", 5, 40,
		  "status.loadBalancer.ingress[0].ip", "unspecified" },
		{ SVC "{type: LoadBalancer, ports: [{port: 80}]}\n"
		  "status: {loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: vip}]}}\n", 5, 59,
		  "status.loadBalancer.ingress[0].ipMode", "VIP or Proxy" },
		{ "apiVersion: v1\n" "kind: Service\n" "metadata: {name: web}\n", 1, 1, "spec",
		  "is missing" },
		{ META "metadata: {name: web, creationTimestamp: yesterday}\n"
		  "spec: {ports: [{port: 80}]}\n", 3, 42, "metadata.creationTimestamp",
		  "no time" },
		{ META "metadata: {name: web, creationTimestamp: \"2026-02-03\"}\n"
		  "spec: {ports: [{port: 80}]}\n", 3, 42, "metadata.creationTimestamp",
		  "no time" },
		{ META "metadata: {name: web, creationTimestamp: \"1812-02-03T04:05:06Z\"}\n"
		  "spec: {ports: [{port: 80}]}\n", 3, 42, "metadata.creationTimestamp",
		  "no time" },
		{ META "metadata: {name: web, annotations: {sluice.dev/reset-on-endpoint-removal: true}}\n"
		  "spec: {ports: [{port: 80}]}\n", 3, 75,
		  "metadata.annotations.sluice.dev/reset-on-endpoint-removal", "write \"true\"" },
		{ META "metadata: {name: web, annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: 10.0.0.0/8}}\n"
		  "spec: {ports: [{port: 80}]}\n", 3, 93,
		  "metadata.annotations.service.beta.kubernetes.io/load-balancer-source-ranges",
		  "type LoadBalancer" },
		{ META "metadata: {name: web, annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: \"10.0.0.0/8,\"}}\n"
		  "spec: {type: LoadBalancer, ports: [{port: 80}]}\n", 3, 93,
		  "metadata.annotations.service.beta.kubernetes.io/load-balancer-source-ranges",
		  "no prefix" },
	};

	(void)state;
	assert_int_equal(check_complaints(list, sizeof(list) / sizeof(list[0])), 0);
}

static void says_what_is_wrong_with_a_slice(void **state)
{
	static const struct complaint list[] = {
		{ "apiVersion: discovery.k8s.io/v1\n" "kind: EndpointSlice\n"
		  "metadata: {name: web-1}\n", 1, 1, "addressType", "IPv4, IPv6 or FQDN" },
		{ SL "metadata: {name: web-1}\n" "addressType: ipv4\n", 4, 14, "addressType",
		  "IPv4, IPv6 or FQDN" },
		{ SL "metadata: {name: web-1, labels: {kubernetes.io/service-name: \"a b\"}}\n"
		  "addressType: IPv4\n", 3, 62, "metadata.labels.kubernetes.io/service-name",
		  "label value" },
		{ SLICE "ports: 80\n", 5, 8, "ports", "must be a list" },
		{ SLICE "ports: [80]\n", 5, 9, "ports[0]", "must be a map" },
		{ SLICE "ports: [{port: 65536}]\n", 5, 16, "ports[0].port", "0 to 65535" },
		{ SLICE "ports: [{port: -1}]\n", 5, 16, "ports[0].port", "0 to 65535" },
		{ SLICE "ports: [{port: 80, protocol: tcp}]\n", 5, 30, "ports[0].protocol",
		  "TCP, UDP or SCTP" },
		{ SLICE "ports: [{port: 80, name: A}]\n", 5, 26, "ports[0].name",
		  "a-z, 0-9 and -" },
		{ SLICE "ports: [{port: 80, name: a}, {port: 81}, {port: 82, name: a}]\n", 5, 42,
		  "ports[2].name", "\"a\" is there twice" },
		{ SLICE "ports: [{port: 80}, {port: 81, name: \"\"}]\n", 5, 21, "ports[1].name",
		  "is there twice" },
		{ SLICE "endpoints: {}\n", 5, 12, "endpoints", "must be a list" },
		{ SLICE "endpoints: [a]\n", 5, 13, "endpoints[0]", "must be a map" },
		{ SLICE "endpoints: [{}]\n", 5, 13, "endpoints[0].addresses", "is missing" },
		{ SLICE "endpoints: [{addresses: []}]\n", 5, 25, "endpoints[0].addresses",
		  "is missing" },
		{ SLICE "endpoints: [{addresses: [10.0.0]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "no address" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1, x]}]\n", 5, 36,
		  "endpoints[0].addresses[1]", "no address" },
		{ SLICE "endpoints: [{addresses: [\"fd00::1\"]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "addressType is IPv4" },
		{ SL "metadata: {name: web-1}\n" "addressType: IPv6\n"
		  "endpoints: [{addresses: [10.0.0.1]}]\n", 5, 26, "endpoints[0].addresses[0]",
		  "addressType is IPv6" },
		{ SLICE "endpoints: [{addresses: [127.0.0.1]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "loopback" },
		{ SLICE "endpoints: [{addresses: [0.0.0.0]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "unspecified" },
		{ SLICE "endpoints: [{addresses: [169.254.169.254]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "link-local" },
		{ SLICE "endpoints: [{addresses: [239.1.2.3]}]\n", 5, 26,
		  "endpoints[0].addresses[0]", "multicast" },
		{ SL "metadata: {name: web-1}\n" "addressType: IPv6\n"
		  "endpoints: [{addresses: [\"::1\"]}]\n", 5, 26, "endpoints[0].addresses[0]",
		  "loopback" },
		{ SL "metadata: {name: web-1}\n" "addressType: IPv6\n"
		  "endpoints: [{addresses: [\"::\"]}]\n", 5, 26, "endpoints[0].addresses[0]",
		  "unspecified" },
		{ SL "metadata: {name: web-1}\n" "addressType: IPv6\n"
		  "endpoints: [{addresses: [\"fe80::1\"]}]\n", 5, 26, "endpoints[0].addresses[0]",
		  "link-local" },
		{ SL "metadata: {name: web-1}\n" "addressType: IPv6\n"
		  "endpoints: [{addresses: [\"ff02::1\"]}]\n", 5, 26, "endpoints[0].addresses[0]",
		  "multicast" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], conditions: []}]\n", 5, 49,
		  "endpoints[0].conditions", "must be a map" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], conditions: {ready: \"true\"}}]\n",
		  5, 57, "endpoints[0].conditions.ready", "true or false" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], conditions: {serving: 1}}]\n", 5, 59,
		  "endpoints[0].conditions.serving", "true or false" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], nodeName: A}]\n", 5, 47,
		  "endpoints[0].nodeName", "a-z" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], zone: 1}]\n", 5, 43,
		  "endpoints[0].zone", "write \"1\"" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], targetRef: pod}]\n", 5, 48,
		  "endpoints[0].targetRef", "must be a map" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: A}}]\n",
		  5, 66, "endpoints[0].targetRef.name", "a-z" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], hints: []}]\n", 5, 44,
		  "endpoints[0].hints", "must be a map" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], hints: {forZones: {}}}]\n", 5, 55,
		  "endpoints[0].hints.forZones", "must be a list" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], hints: {forZones: [{}]}}]\n", 5, 56,
		  "endpoints[0].hints.forZones[0].name", "is missing" },
		{ SLICE "endpoints: [{addresses: [10.0.0.1], hints: {forNodes: [{name: a}, {name: 1}]}}]\n",
		  5, 74, "endpoints[0].hints.forNodes[1].name", "write \"1\"" },
	};

	(void)state;
	assert_int_equal(check_complaints(list, sizeof(list) / sizeof(list[0])), 0);
}

/* A list of @n times @entry between @head and @tail; the text is the caller's. */
static char *repeated(const char *head, const char *entry, unsigned int n, const char *tail)
{
	size_t len = strlen(head) + n * (strlen(entry) + 8) + strlen(tail) + 1, used;
	char *text = malloc(len);
	unsigned int i;

	used = sprintf(text, "%s", head);
	for (i = 0; i < n; i++)
		used += sprintf(text + used, entry, i);
	sprintf(text + used, "%s", tail);
	return text;
}

static void bounds_slices_as_the_api_server_does(void **state)
{
	char *text = repeated(SLICE "endpoints: [", "{addresses: [10.0.0.1]},", 1000, "]\n");
	struct result r;

	(void)state;
	assert_int_equal(slice(&r, text)->nendpoints, 1000);
	release(&r);
	free(text);
	text = repeated(SLICE "endpoints: [", "{addresses: [10.0.0.1]},", 1001, "]\n");
	parse(text, &r);
	assert_null(r.item[0].obj);
	assert_string_equal(r.item[0].diag.text, "1001 are more than 1000");
	release(&r);
	free(text);
	text = repeated(SLICE "ports: [", "{name: p%u, port: 1},", 20000, "]\n");
	assert_int_equal(slice(&r, text)->nports, 20000);
	release(&r);
	free(text);
}

/* --------------------------------------------------------------- services */

static void fills_in_a_services_defaults(void **state)
{
	const struct object_service *s;
	struct result r;

	(void)state;
	s = service(&r, SVC "{ports: [{port: 80}], selector: {app: web}, ipFamilies: [IPv4]}\n");
	assert_int_equal(s->type, SERVICE_CLUSTER_IP);
	assert_int_equal(s->balance, SERVICE_BALANCE_DEFAULT);
	assert_int_equal(s->distribution, SERVICE_ANYWHERE);
	assert_false(s->headless || s->internal_local || s->external_local);
	assert_false(s->publish_not_ready || s->reset || s->dsr);
	assert_int_equal(s->created, 0);
	assert_int_equal(s->health_port, 0);
	assert_int_equal(s->affinity_s, 0);
	assert_int_equal(s->ncluster_ip + s->nexternal_ip + s->nlb_ip + s->nranges, 0);
	assert_null(s->doubt);
	assert_int_equal(s->nports, 1);
	assert_null(s->port[0].name);
	assert_int_equal(s->port[0].port, 80);
	assert_int_equal(s->port[0].node_port, 0);
	assert_int_equal(s->port[0].proto, IPPROTO_TCP);
	release(&r);
	/* as an API server's clients write what is not said */
	s = service(&r, "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"web\","
		    " \"creationTimestamp\": null}, \"spec\": {\"type\": \"\", \"clusterIP\": \"\","
		    " \"clusterIPs\": null, \"externalTrafficPolicy\": \"\", \"sessionAffinity\": \"\","
		    " \"healthCheckNodePort\": 0, \"ports\": [{\"port\": 80, \"nodePort\": 0,"
		    " \"name\": \"\", \"protocol\": \"\"}]}, \"status\": {\"loadBalancer\": {}}}");
	assert_int_equal(s->type, SERVICE_CLUSTER_IP);
	assert_null(s->port[0].name);
	assert_int_equal(s->port[0].proto, IPPROTO_TCP);
	release(&r);
}

static void reads_a_balancers_service(void **state)
{
	const struct object_service *s;
	char buf[SLUICE_PREFIX_STRLEN];
	struct result r;

	(void)state;
	s = service(&r, META "metadata:\n"
		"  {name: web, namespace: shop, creationTimestamp: \"2026-02-03T04:05:06Z\",\n"
		"   annotations: {sluice.dev/load-balancing: maglev,\n"
		"                 sluice.dev/reset-on-endpoint-removal: \"true\",\n"
		"                 sluice.dev/forwarding: dsr,\n"
		"                 service.beta.kubernetes.io/load-balancer-source-ranges: nonsense}}\n"
		"spec:\n"
		"  type: LoadBalancer\n"
		"  clusterIP: 10.96.0.7\n"
		"  clusterIPs: [10.96.0.7, \"fd00:96::7\"]\n"
		"  externalIPs: [192.0.2.7, \"2001:db8::7\", 192.0.2.8]\n"
		"  internalTrafficPolicy: Local\n"
		"  externalTrafficPolicy: Local\n"
		"  healthCheckNodePort: 30007\n"
		"  publishNotReadyAddresses: true\n"
		"  trafficDistribution: PreferSameNode\n"
		"  sessionAffinity: ClientIP\n"
		"  sessionAffinityConfig: {clientIP: {timeoutSeconds: 86400}}\n"
		"  loadBalancerSourceRanges: [203.0.113.5/24, \" fd00::/8 \"]\n"
		"  ports:\n"
		"  - {name: http, port: 80, nodePort: 30080, targetPort: web}\n"
		"  - {name: dns-with-a-name-beyond-15, port: 80, protocol: UDP, nodePort: 30080}\n"
		"  - {name: s, port: 80, protocol: SCTP}\n"
		"status: {loadBalancer: {ingress: [{ip: 198.51.100.7, ipMode: VIP},\n"
		"  {ip: 198.51.100.8, ipMode: Proxy}, {hostname: lb.example}, {ip: 169.254.7.7},\n"
		"  {ip: \"2001:db8::8\", ports: []}]}}\n");
	is_text(s->o.ns, "shop");
	is_text(s->o.name, "web");
	assert_int_equal(s->created, 1770091506);
	assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
	assert_int_equal(s->balance, SERVICE_BALANCE_MAGLEV);
	assert_int_equal(s->distribution, SERVICE_PREFER_NODE);
	assert_true(s->internal_local && s->external_local && s->publish_not_ready && s->reset &&
		    s->dsr);
	assert_false(s->headless);
	assert_int_equal(s->health_port, 30007);
	assert_int_equal(s->affinity_s, 86400);
	assert_int_equal(s->ncluster_ip, 2);
	is_addr(&s->cluster_ip[0], "10.96.0.7");
	is_addr(&s->cluster_ip[1], "fd00:96::7");
	assert_int_equal(s->nexternal_ip, 3);
	is_addr(&s->external_ip[1], "2001:db8::7");
	is_addr(&s->external_ip[2], "192.0.2.8");
	assert_int_equal(s->nlb_ip, 3);
	is_addr(&s->lb_ip[0], "198.51.100.7");
	is_addr(&s->lb_ip[1], "169.254.7.7");
	is_addr(&s->lb_ip[2], "2001:db8::8");
	assert_int_equal(s->nranges, 2);
	assert_string_equal(sluice_prefix_format(&s->range[0], buf), "203.0.113.0/24");
	assert_string_equal(sluice_prefix_format(&s->range[1], buf), "fd00::/8");
	assert_int_equal(s->nports, 3);
	is_text(s->port[0].name, "http");
	assert_int_equal(s->port[0].node_port, 30080);
	is_text(s->port[1].name, "dns-with-a-name-beyond-15");
	assert_int_equal(s->port[1].proto, IPPROTO_UDP);
	assert_int_equal(s->port[1].node_port, 30080);
	assert_int_equal(s->port[2].proto, IPPROTO_SCTP);
	assert_int_equal(s->port[2].node_port, 0);
	release(&r);
}

static void reads_what_is_not_served(void **state)
{
	const struct object_service *s;
	struct result r;

	(void)state;
	s = service(&r, SVC "{clusterIP: None}\n");
	assert_true(s->headless);
	assert_int_equal(s->nports, 0);
	release(&r);
	s = service(&r, SVC "{clusterIPs: [None], clusterIP: None, ports: [{port: 80}]}\n");
	assert_true(s->headless);
	assert_int_equal(s->ncluster_ip, 0);
	release(&r);
	s = service(&r, SVC "{type: ExternalName, externalName: a.example}\n");
	assert_int_equal(s->type, SERVICE_EXTERNAL_NAME);
	assert_false(s->headless);
	release(&r);
	/* another proxy's */
	s = service(&r, META "metadata: {name: a, labels: {service.kubernetes.io/service-proxy-name: x}}\n"
		    "spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n");
	assert_true(s->headless);
	release(&r);
	s = service(&r, META "metadata: {name: a, labels: {service.kubernetes.io/headless: \"\"}}\n"
		    "spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n");
	assert_true(s->headless);
	release(&r);
	/* left from the days of another type */
	s = service(&r, SVC "{type: NodePort, ports: [{port: 80}]}\n"
		    "status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}\n");
	assert_int_equal(s->nlb_ip, 0);
	release(&r);
}

static void reads_affinity(void **state)
{
	static const struct {
		const char *spec;
		unsigned int seconds;
	} cases[] = {
		{ "sessionAffinity: ClientIP", 10800 },
		{ "sessionAffinity: ClientIP, sessionAffinityConfig: {}", 10800 },
		{ "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {}}", 10800 },
		{ "sessionAffinity: ClientIP, "
		  "sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}", 1 },
		{ "sessionAffinity: None, "
		  "sessionAffinityConfig: {clientIP: {timeoutSeconds: 7}}", 0 },
	};
	struct result r;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), SVC "{ports: [{port: 80}], %s}\n", cases[i].spec);
		assert_int_equal(service(&r, text)->affinity_s, cases[i].seconds);
		release(&r);
	}
}

static void reads_distribution(void **state)
{
	static const struct {
		const char *name;
		enum service_distribution is;
	} cases[] = {
		{ "PreferClose", SERVICE_PREFER_ZONE }, { "PreferSameZone", SERVICE_PREFER_ZONE },
		{ "PreferSameNode", SERVICE_PREFER_NODE }, { "\"\"", SERVICE_ANYWHERE },
	};
	const struct object_service *s;
	struct result r;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), SVC "{ports: [{port: 80}], trafficDistribution: %s}\n",
			 cases[i].name);
		s = service(&r, text);
		assert_int_equal(s->distribution, cases[i].is);
		assert_null(s->doubt);
		release(&r);
	}
}

static void reads_times_of_all_zones(void **state)
{
	static const char *const same[] = {
		"2026-02-03T04:05:06Z", "2026-02-03T06:05:06+02:00", "2026-02-02T20:35:06-07:30",
	};
	struct result r;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		snprintf(text, sizeof(text), META "metadata: {name: a, creationTimestamp: \"%s\"}\n"
			 "spec: {ports: [{port: 80}]}\n", same[i]);
		assert_int_equal(service(&r, text)->created, 1770091506);
		release(&r);
	}
	/* and without the quotes */
	assert_int_equal(service(&r, META "metadata: {name: a, creationTimestamp: 2026-02-03T04:05:06Z}\n"
				 "spec: {ports: [{port: 80}]}\n")->created, 1770091506);
	release(&r);
}

static void takes_ranges_from_the_annotation(void **state)
{
	const struct object_service *s;
	char buf[SLUICE_PREFIX_STRLEN];
	struct result r;

	(void)state;
	s = service(&r, META "metadata: {name: a, annotations: "
		    "{service.beta.kubernetes.io/load-balancer-source-ranges: "
		    "\"  10.1.2.3/8 ,\\tfd00::/8\"}}\n"
		    "spec: {type: LoadBalancer, loadBalancerSourceRanges: [], ports: [{port: 80}]}\n");
	assert_int_equal(s->nranges, 2);
	assert_string_equal(sluice_prefix_format(&s->range[0], buf), "10.0.0.0/8");
	assert_string_equal(sluice_prefix_format(&s->range[1], buf), "fd00::/8");
	release(&r);
	s = service(&r, META "metadata: {name: a, annotations: "
		    "{service.beta.kubernetes.io/load-balancer-source-ranges: \" \"}}\n"
		    "spec: {type: LoadBalancer, ports: [{port: 80}]}\n");
	assert_int_equal(s->nranges, 0);
	release(&r);
}

static void doubts_what_it_does_not_know(void **state)
{
	const struct object_service *s;
	struct result r;

	(void)state;
	s = service(&r, META "metadata: {name: a, annotations: {sluice.dev/load-balancing: best}}\n"
		    "spec: {ports: [{port: 80}]}\n");
	assert_int_equal(s->balance, SERVICE_BALANCE_DEFAULT);
	assert_int_equal(r.item[0].diag.level, DIAG_WARNING);
	assert_int_equal(r.item[0].diag.line, 3);
	assert_string_equal(r.item[0].diag.field, "metadata.annotations.sluice.dev/load-balancing");
	is_text(s->doubt, "metadata.annotations.sluice.dev/load-balancing: "
		"\"best\" is not known and has no effect: maglev or random");
	release(&r);
	s = service(&r, META "metadata: {name: a, annotations: {sluice.dev/load-balancing: random,"
		    " sluice.dev/reset-on-endpoint-removal: \"yes\"}}\n"
		    "spec: {ports: [{port: 80}]}\n");
	assert_int_equal(s->balance, SERVICE_BALANCE_RANDOM);
	assert_false(s->reset);
	assert_non_null(s->doubt);
	release(&r);
	s = service(&r, META "metadata: {name: a, annotations:"
		    " {sluice.dev/reset-on-endpoint-removal: \"false\"}}\n"
		    "spec: {ports: [{port: 80}]}\n");
	assert_false(s->reset);
	assert_null(s->doubt);
	release(&r);
	s = service(&r, META "metadata: {name: a, annotations: {sluice.dev/forwarding: snat}}\n"
		    "spec: {ports: [{port: 80}]}\n");
	assert_false(s->dsr);
	assert_null(s->doubt);
	release(&r);
	s = service(&r, META "metadata: {name: a, annotations: {sluice.dev/forwarding: DSR}}\n"
		    "spec: {ports: [{port: 80}]}\n");
	assert_false(s->dsr);
	is_text(s->doubt, "metadata.annotations.sluice.dev/forwarding: "
		"\"DSR\" is not known and has no effect: dsr or snat");
	release(&r);
	s = service(&r, SVC "{ports: [{port: 80}], trafficDistribution: PreferSameRack}\n");
	assert_int_equal(s->distribution, SERVICE_ANYWHERE);
	is_text(s->doubt, "spec.trafficDistribution: \"PreferSameRack\" is not known and has no"
		" effect: PreferSameZone, PreferClose or PreferSameNode");
	release(&r);
}

/* ----------------------------------------------------------------- slices */

static void fills_in_a_slices_defaults(void **state)
{
	const struct object_slice *s;
	struct result r;

	(void)state;
	s = slice(&r, SLICE);
	assert_null(s->service);
	assert_int_equal(s->family, SL_FAMILY_V4);
	assert_int_equal(s->nports + s->nendpoints, 0);
	release(&r);
	s = slice(&r, SLICE "ports: [{}]\nendpoints: [{addresses: [10.0.0.1], nodeName: \"\","
		  " zone: \"\", conditions: {}, hints: null}]\n");
	assert_int_equal(s->nports, 1);
	assert_null(s->port[0].name);
	assert_int_equal(s->port[0].port, 0);
	assert_int_equal(s->port[0].proto, IPPROTO_TCP);
	assert_int_equal(s->nendpoints, 1);
	is_addr(&s->endpoint[0].addr, "10.0.0.1");
	assert_null(s->endpoint[0].node);
	assert_null(s->endpoint[0].zone);
	assert_null(s->endpoint[0].pod);
	assert_int_equal(s->endpoint[0].flags, SLICE_READY | SLICE_SERVING);
	assert_int_equal(s->endpoint[0].nzones + s->endpoint[0].nnodes, 0);
	release(&r);
}

static void reads_slices(void **state)
{
	const struct slice_endpoint *e;
	const struct object_slice *s;
	struct result r;

	(void)state;
	s = slice(&r, SL "metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web,\n"
		"  endpointslice.kubernetes.io/managed-by: somebody.example}}\n"
		"addressType: IPv6\n"
		"ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}]\n"
		"endpoints:\n"
		"- addresses: [\"fd00::1\", \"fd00::2\"]\n"
		"  nodeName: n1.example\n"
		"  zone: Zone_a\n"
		"  targetRef: {kind: Pod, namespace: shop, name: web-x}\n"
		"  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}\n"
		"- addresses: [\"fd00::3\"]\n"
		"  targetRef: {kind: Node, name: n1}\n");
	is_text(s->service, "web");
	assert_int_equal(s->family, SL_FAMILY_V6);
	assert_int_equal(s->nports, 2);
	is_text(s->port[0].name, "http");
	assert_int_equal(s->port[0].port, 8080);
	is_text(s->port[1].name, "dns");
	assert_int_equal(s->port[1].proto, IPPROTO_UDP);
	assert_int_equal(s->nendpoints, 2);
	e = s->endpoint;
	is_addr(&e->addr, "fd00::1");
	is_text(e->node, "n1.example");
	is_text(e->zone, "Zone_a");
	is_text(e->pod, "web-x");
	assert_int_equal(e->nzones, 2);
	is_text(e->for_zone[0], "a");
	is_text(e->for_zone[1], "b");
	assert_int_equal(e->nnodes, 1);
	is_text(e->for_node[0], "n1");
	assert_null(e[1].pod);
	release(&r);
}

static void reads_conditions(void **state)
{
	static const struct {
		const char *conditions;
		unsigned int flags;
	} cases[] = {
		{ "null", SLICE_READY | SLICE_SERVING },
		{ "{ready: true}", SLICE_READY | SLICE_SERVING },
		{ "{ready: false}", 0 },
		{ "{ready: null, serving: null, terminating: null}", SLICE_READY | SLICE_SERVING },
		{ "{ready: false, serving: true, terminating: true}",
		  SLICE_SERVING | SLICE_TERMINATING },
		{ "{ready: true, serving: false}", SLICE_READY },
		{ "{terminating: true}", SLICE_READY | SLICE_SERVING | SLICE_TERMINATING },
	};
	struct result r;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), SLICE "endpoints: [{addresses: [10.0.0.1], "
			 "conditions: %s}]\n", cases[i].conditions);
		assert_int_equal(slice(&r, text)->endpoint[0].flags, cases[i].flags);
		release(&r);
	}
}

static void keeps_as_many_hints_as_there_is_room_for(void **state)
{
	char *text = repeated(SLICE "endpoints: [{addresses: [10.0.0.1], hints: {forZones: [",
			      "{name: z%u},", SLICE_MAX_HINTS + 1, "]}}]\n");
	const struct object_slice *s;
	struct result r;

	(void)state;
	s = slice(&r, text);
	assert_int_equal(s->endpoint[0].nzones, SLICE_MAX_HINTS);
	is_text(s->endpoint[0].for_zone[SLICE_MAX_HINTS - 1], "z7");
	assert_int_equal(r.item[0].diag.level, DIAG_NOTE);
	assert_string_equal(r.item[0].diag.field, "endpoints[0].hints.forZones[8]");
	release(&r);
	free(text);
}

/* As kube-proxy: the slice may be there, but no service has it. */
static void leaves_other_proxies_slices_alone(void **state)
{
	static const char *const labels[] = {
		"service.kubernetes.io/service-proxy-name: x",
		"service.kubernetes.io/headless: \"\"",
		"kubernetes.io/service-name: \"\"",
	};
	struct result r;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		snprintf(text, sizeof(text), SL "metadata: {name: a, labels: {%s%s}}\n"
			 "addressType: IPv4\n", i < 2 ? "kubernetes.io/service-name: web, " : "",
			 labels[i]);
		assert_null(slice(&r, text)->service);
		release(&r);
	}
}

static void has_no_use_for_names(void **state)
{
	struct result r;

	(void)state;
	parse(SL "metadata: {name: a}\naddressType: FQDN\nendpoints: [{addresses: [a.example]}]\n",
	      &r);
	assert_int_equal(r.n, 1);
	assert_null(r.item[0].obj);
	assert_int_equal(r.item[0].diag.level, DIAG_NOTE);
	assert_string_equal(r.item[0].diag.field, "addressType");
	release(&r);
}

/* --------------------------------------------------------------- equality */

/* The first is equal to itself; each of the others differs from it in one thing. */
static void all_differ(const char *const *texts, size_t n)
{
	struct result a, b;
	size_t i;

	for (i = 0; i < n; i++) {
		parse(texts[0], &a);
		parse(texts[i], &b);
		assert_non_null(a.item[0].obj);
		assert_non_null(b.item[0].obj);
		if (object_equal(a.item[0].obj, b.item[0].obj) != !i)
			fail_msg("%zu: %s", i, texts[i]);
		release(&a);
		release(&b);
	}
}

static void tells_services_apart(void **state)
{
#define LB	"type: LoadBalancer, externalTrafficPolicy: Local, "
#define PORT	"ports: [{name: a, port: 80, nodePort: 30080}]"
#define BASE	LB "clusterIP: 10.96.0.1, externalIPs: [192.0.2.1], loadBalancerSourceRanges: [10.0.0.0/8], "
	static const char *const texts[] = {
		SVC "{" BASE PORT "}\n",
		SVC "{" BASE "ports: [{name: b, port: 80, nodePort: 30080}]}\n",
		SVC "{" BASE "ports: [{name: a, port: 81, nodePort: 30080}]}\n",
		SVC "{" BASE "ports: [{name: a, port: 80, nodePort: 30081}]}\n",
		SVC "{" BASE "ports: [{name: a, port: 80, nodePort: 30080, protocol: UDP}]}\n",
		SVC "{" BASE "ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 81}]}\n",
		SVC "{" BASE PORT ", internalTrafficPolicy: Local}\n",
		SVC "{" BASE PORT ", publishNotReadyAddresses: true}\n",
		SVC "{" BASE PORT ", trafficDistribution: PreferClose}\n",
		SVC "{" BASE PORT ", trafficDistribution: PreferFar}\n",
		SVC "{" BASE PORT ", sessionAffinity: ClientIP}\n",
		SVC "{" BASE PORT ", healthCheckNodePort: 30007}\n",
		SVC "{" BASE PORT "}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}\n",
		SVC "{" LB "clusterIP: 10.96.0.2, externalIPs: [192.0.2.1],"
		    " loadBalancerSourceRanges: [10.0.0.0/8], " PORT "}\n",
		SVC "{" LB "clusterIP: 10.96.0.1, externalIPs: [192.0.2.2],"
		    " loadBalancerSourceRanges: [10.0.0.0/8], " PORT "}\n",
		SVC "{" LB "clusterIP: 10.96.0.1, externalIPs: [192.0.2.1],"
		    " loadBalancerSourceRanges: [10.0.0.0/9], " PORT "}\n",
		SVC "{" LB "clusterIP: 10.96.0.1, externalIPs: [192.0.2.1], " PORT "}\n",
		META "metadata: {name: web, namespace: shop, creationTimestamp: \"2026-02-03T04:05:06Z\"}\n"
		     "spec: {" BASE PORT "}\n",
		META "metadata: {name: web, namespace: shop, annotations: {sluice.dev/load-balancing: random}}\n"
		     "spec: {" BASE PORT "}\n",
		META "metadata: {name: web, namespace: shop, annotations:"
		     " {sluice.dev/reset-on-endpoint-removal: \"true\"}}\n"
		     "spec: {" BASE PORT "}\n",
		META "metadata: {name: web, namespace: shop, annotations: {sluice.dev/forwarding: dsr}}\n"
		     "spec: {" BASE PORT "}\n",
		META "metadata: {name: web, namespace: other}\nspec: {" BASE PORT "}\n",
	};

	(void)state;
	all_differ(texts, sizeof(texts) / sizeof(texts[0]));
}

static void tells_slices_apart(void **state)
{
#define SL_META	"metadata: {name: a, labels: {kubernetes.io/service-name: web}}\n"
#define V4	SL SL_META "addressType: IPv4\n"
#define P80	"ports: [{name: a, port: 80}]\n"
#define EP(x)	"endpoints: [{addresses: [10.0.0.1]" x "}]\n"
	static const char *const texts[] = {
		V4 P80 EP(""),
		V4 "ports: [{name: b, port: 80}]\n" EP(""),
		V4 "ports: [{name: a, port: 81}]\n" EP(""),
		V4 "ports: [{name: a, port: 80, protocol: UDP}]\n" EP(""),
		V4 EP(""),
		V4 P80,
		V4 P80 "endpoints: [{addresses: [10.0.0.2]}]\n",
		V4 P80 EP(", nodeName: n1"),
		V4 P80 EP(", zone: a"),
		V4 P80 EP(", targetRef: {kind: Pod, name: a}"),
		V4 P80 EP(", conditions: {ready: false}"),
		V4 P80 EP(", hints: {forZones: [{name: a}]}"),
		V4 P80 EP(", hints: {forNodes: [{name: a}]}"),
		SL "metadata: {name: a, labels: {kubernetes.io/service-name: api}}\naddressType: IPv4\n"
		   P80 EP(""),
		SL SL_META "addressType: IPv6\n" P80 "endpoints: [{addresses: [\"fd00::1\"]}]\n",
	};

	(void)state;
	all_differ(texts, sizeof(texts) / sizeof(texts[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong_with_a_service),
		cmocka_unit_test(says_what_is_wrong_with_a_slice),
		cmocka_unit_test(bounds_slices_as_the_api_server_does),
		cmocka_unit_test(fills_in_a_services_defaults),
		cmocka_unit_test(reads_a_balancers_service),
		cmocka_unit_test(reads_what_is_not_served),
		cmocka_unit_test(reads_affinity),
		cmocka_unit_test(reads_distribution),
		cmocka_unit_test(reads_times_of_all_zones),
		cmocka_unit_test(takes_ranges_from_the_annotation),
		cmocka_unit_test(doubts_what_it_does_not_know),
		cmocka_unit_test(fills_in_a_slices_defaults),
		cmocka_unit_test(reads_slices),
		cmocka_unit_test(reads_conditions),
		cmocka_unit_test(keeps_as_many_hints_as_there_is_room_for),
		cmocka_unit_test(leaves_other_proxies_slices_alone),
		cmocka_unit_test(has_no_use_for_names),
		cmocka_unit_test(tells_services_apart),
		cmocka_unit_test(tells_slices_apart),
	};

	return unit_run(tests, NULL, NULL);
}
