// SPDX-License-Identifier: GPL-2.0
/* What is told of services: objects, and what the balancer made of them. */
#include "manifestcase.h"
#include <jansson.h>
#include "daemon/policy_impl.h"
#include "svctables.h"

static const struct balancer_services services = {
	model_service_next_dirty, model_service_mark, model_service_mark_all, model_service_reap,
	model_service_each,
};

struct world {
	struct policy *pol;
	struct svctables *m;
};

#define META(name) "metadata: {name: " name ", namespace: shop}\n"
#define SERVICE(name, spec) "apiVersion: v1\nkind: Service\n" META(name) "spec: {" spec "}\n---\n"
#define SLICE(name, svc, type, ports, endpoints)                                            \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name      \
	", namespace: shop, labels: {kubernetes.io/service-name: " svc "}}\n"               \
	"addressType: " type "\nports: [" ports "]\nendpoints: [" endpoints "]\n---\n"
#define POD(addr, node, name, conditions)                                                   \
	"{addresses: ['" addr "'], nodeName: " node ", targetRef: {kind: Pod, name: " name  \
	"}, conditions: {" conditions "}}, "

static void apply(struct world *w, const char *text)
{
	struct result r;
	struct diag diag;
	int i;

	parse(text, &r);
	assert_int_equal(r.err, 0);
	for (i = 0; i < r.n; i++) {
		if (!r.item[i].obj)
			fail_msg("%d %s: %s", r.item[i].diag.line, r.item[i].diag.field,
				 r.item[i].diag.text);
		assert_int_equal(policy_object_apply(w->pol, r.item[i].obj, &diag), 0);
	}
	assert_int_equal(balancer_commit(w->pol->balancer, true), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(policy_new_on(NULL, "node1", &w->pol), 0);
	w->m = svctables_new();
	assert_int_equal(balancer_new(&services, &w->pol->model, &w->m->t, &w->pol->balancer), 0);
	assert_int_equal(balancer_set_node(w->pol->balancer, "node1", NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	policy_free(w->pol);
	svctables_free(w->m);
	free(w);
	return 0;
}

/* Of @got, which it takes, those keys that @want has. */
static void has(json_t *got, const char *want)
{
	json_error_t err;
	json_t *w = json_loads(want, 0, &err), *v;
	const char *key;
	char *text;

	assert_non_null(got);
	if (!w)
		fail_msg("%s: %s", want, err.text);
	json_object_foreach(w, key, v) {
		if (json_equal(json_object_get(got, key), v))
			continue;
		text = json_dumps(json_object_get(got, key), JSON_ENCODE_ANY | JSON_SORT_KEYS);
		fail_msg("%s is %s", key, text ? text : "missing");
	}
	json_decref(w);
	json_decref(got);
}

static json_t *show(struct world *w, const char *name)
{
	return policy_service_json(w->pol, "shop", name);
}

static json_t *port_of(struct world *w, const char *name, size_t i)
{
	json_t *doc = show(w, name);
	json_t *port = json_incref(json_array_get(json_object_get(doc, "ports"), i));

	json_decref(doc);
	return port;
}

static const char web[] =
	SERVICE("web", "type: NodePort, clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd00:96::1'],"
		"externalIPs: [192.0.2.1], externalTrafficPolicy: Local, sessionAffinity: ClientIP,"
		"ports: [{name: http, port: 80, nodePort: 30080}]")
	SLICE("web-4", "web", "IPv4", "{name: http, port: 8080}",
	      POD("10.244.0.5", "node1", "a", "ready: true")
	      POD("10.244.1.5", "node2", "b", "ready: true")
	      POD("10.244.1.6", "node2", "c", "ready: false")
	      POD("10.244.1.7", "node2", "d", "ready: false, serving: true, terminating: true"))
	/* the control plane moves an endpoint from one slice to another */
	SLICE("web-4b", "web", "IPv4", "{name: http, port: 8080}",
	      POD("10.244.1.5", "node2", "b", "ready: false"))
	SLICE("web-6", "web", "IPv6", "{name: http, port: 8080}",
	      "{addresses: ['fd00:244::5'], conditions: {ready: true}}");

static void showing(void **state)
{
	struct world *w = *state;

	apply(w, web);
	has(show(w, "web"),
	    "{\"namespace\": \"shop\", \"name\": \"web\", \"type\": \"NodePort\", \"notServed\": null,"
	    " \"refused\": null, \"clusterIPs\": [\"10.96.0.1\", \"fd00:96::1\"], \"externalIPs\":"
	    " [\"192.0.2.1\"], \"loadBalancerIPs\": [], \"internalTrafficPolicy\": \"Cluster\","
	    " \"externalTrafficPolicy\": \"Local\", \"affinitySeconds\": 10800, \"balance\":"
	    " \"default\", \"forwarding\": \"snat\", \"healthCheckNodePort\": null,"
	    " \"sourceRanges\": [], \"warnings\": []}");
	has(port_of(w, "web", 0),
	    "{\"name\": \"http\", \"protocol\": \"tcp\", \"port\": 80, \"nodePort\": 30080,"
	    " \"ids\": {\"ipv4\": 1, \"ipv6\": 2},"
	    " \"maglev\": {\"ipv4\": {\"cluster\": null, \"local\": 251},"
	    " \"ipv6\": {\"cluster\": null, \"local\": null}}, \"frontends\": ["
	    "{\"address\": \"10.96.0.1\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": true, \"why\": null},"
	    "{\"address\": \"node\", \"family\": \"ipv4\", \"port\": 30080, \"inside\": \"cluster\","
	    " \"outside\": \"local\", \"served\": true, \"why\": null},"
	    "{\"address\": \"192.0.2.1\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"local\", \"served\": true, \"why\": null},"
	    "{\"address\": \"fd00:96::1\", \"family\": \"ipv6\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": true, \"why\": null},"
	    "{\"address\": \"node\", \"family\": \"ipv6\", \"port\": 30080, \"inside\": \"cluster\","
	    " \"outside\": \"local\", \"served\": true, \"why\": null}], \"backends\": ["
	    "{\"address\": \"10.244.0.5\", \"port\": 8080, \"id\": 1, \"state\": \"ready\","
	    " \"usedFor\": [\"cluster\", \"local\"], \"local\": true, \"pod\": \"shop/a\","
	    " \"node\": \"node1\"},"
	    "{\"address\": \"10.244.1.5\", \"port\": 8080, \"id\": 2, \"state\": \"ready\","
	    " \"usedFor\": [\"cluster\"], \"local\": false, \"pod\": \"shop/b\", \"node\": \"node2\"},"
	    "{\"address\": \"10.244.1.6\", \"port\": 8080, \"id\": 3, \"state\": \"not ready\","
	    " \"usedFor\": [], \"local\": false, \"pod\": \"shop/c\", \"node\": \"node2\"},"
	    "{\"address\": \"10.244.1.7\", \"port\": 8080, \"id\": 4, \"state\": \"terminating\","
	    " \"usedFor\": [], \"local\": false, \"pod\": \"shop/d\", \"node\": \"node2\"},"
	    "{\"address\": \"fd00:244::5\", \"port\": 8080, \"id\": 5, \"state\": \"ready\","
	    " \"usedFor\": [\"cluster\"], \"local\": false, \"pod\": null, \"node\": null}]}");
	assert_null(policy_service_json(w->pol, "shop", "none"));
	assert_null(policy_service_json(w->pol, "none", "web"));
}

static void listing(void **state)
{
	struct world *w = *state;
	json_t *list;

	list = policy_services_json(w->pol);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	apply(w, web);
	apply(w, SERVICE("none", "type: ExternalName, externalName: a.example")
		 SERVICE("headless", "clusterIP: None"));
	/* only slices name it: it is no service */
	apply(w, SLICE("other", "other", "IPv4", "{port: 1}", POD("10.0.0.1", "node1", "p", "")));
	list = policy_services_json(w->pol);
	assert_int_equal(json_array_size(list), 3);
	has(json_incref(json_array_get(list, 0)),
	    "{\"name\": \"headless\", \"ports\": [], \"notServed\":"
	    " \"headless, or another proxy's\", \"backends\": {\"ready\": 0, \"total\": 0}}");
	has(json_incref(json_array_get(list, 1)),
	    "{\"name\": \"none\", \"type\": \"ExternalName\", \"notServed\": \"a name for DNS\"}");
	has(json_incref(json_array_get(list, 2)),
	    "{\"name\": \"web\", \"clusterIPs\": [\"10.96.0.1\", \"fd00:96::1\"], \"warnings\": [],"
	    " \"ports\": [{\"name\": \"http\", \"protocol\": \"tcp\", \"port\": 80,"
	    " \"nodePort\": 30080}], \"backends\": {\"ready\": 3, \"total\": 5}}");
	json_decref(list);
	has(policy_service_names_json(w->pol), "{\"1\": \"shop/web\", \"2\": \"shop/web\"}");
	assert_null(policy_service_json(w->pol, "shop", "other"));
}

/* Frontends that are not as asked for. */
static void frontends(void **state)
{
	struct world *w = *state;

	apply(w, SERVICE("a", "clusterIP: 10.96.0.1, ports: [{port: 80}]"));
	apply(w, SERVICE("b", "clusterIP: 10.96.0.2, externalIPs: [10.96.0.1], ports: [{port: 80}]"));
	has(port_of(w, "b", 0),
	    "{\"frontends\": ["
	    "{\"address\": \"10.96.0.2\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": true, \"why\": null},"
	    "{\"address\": \"10.96.0.1\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": false, \"why\":"
	    " \"already used by Service shop/a\"}]}");
	has(show(w, "b"), "{\"warnings\": [\"port 80/TCP: address 10.96.0.1 is already used by"
			  " Service shop/a\"]}");
	has(show(w, "a"), "{\"warnings\": []}");
	w->m->max_front = 2;
	apply(w, SERVICE("c", "clusterIP: 10.96.0.3, ports: [{port: 80}]"));
	has(port_of(w, "c", 0),
	    "{\"frontends\": ["
	    "{\"address\": \"10.96.0.3\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": false, \"why\":"
	    " \"the table of frontends is full\"}]}");
	/* one that is asked for twice by one service is served */
	apply(w, SERVICE("d", "clusterIP: 10.96.0.4, externalIPs: [10.96.0.4], ports: [{port: 80}]"));
	w->m->max_front = 10;
	assert_int_equal(balancer_commit(w->pol->balancer, true), 0);
	apply(w, SERVICE("e", "clusterIP: 10.96.0.5, ports: [{port: 80}]"));
	has(show(w, "d"), "{\"warnings\": []}");
	has(port_of(w, "d", 0),
	    "{\"frontends\": ["
	    "{\"address\": \"10.96.0.4\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": true, \"why\": null},"
	    "{\"address\": \"10.96.0.4\", \"family\": \"ipv4\", \"port\": 80, \"inside\": \"cluster\","
	    " \"outside\": \"cluster\", \"served\": true, \"why\": null}]}");
}

/* A change that found no room: the slices are gone, the tables stay. */
static void no_room(void **state)
{
	struct world *w = *state;

	w->m->max_src = 0;
	apply(w, SERVICE("web", "type: LoadBalancer, clusterIP: 10.96.0.1, ports: [{port: 80}]")
		 SLICE("web-4", "web", "IPv4", "{port: 8080}", POD("10.244.0.5", "node1", "a", "")));
	apply(w, SERVICE("web", "type: LoadBalancer, clusterIP: 10.96.0.1, ports: [{port: 80}],"
				" loadBalancerSourceRanges: [203.0.113.0/24]}\nstatus: {loadBalancer:"
				" {ingress: [{ip: 192.0.2.1}]}")
		 SLICE("web-4", "web", "IPv4", "{port: 8080}", POD("10.244.0.6", "node1", "b", "")));
	has(show(w, "web"), "{\"sourceRanges\": [\"203.0.113.0/24\"], \"loadBalancerIPs\":"
			    " [\"192.0.2.1\"], \"warnings\": [\"the table of source ranges has no"
			    " room: what was in force stays\"]}");
	has(port_of(w, "web", 0),
	    "{\"backends\": ["
	    "{\"address\": \"10.244.0.5\", \"port\": 8080, \"id\": 1, \"state\": \"gone\","
	    " \"usedFor\": [\"cluster\"], \"local\": true, \"pod\": null, \"node\": null},"
	    "{\"address\": \"10.244.0.6\", \"port\": 8080, \"id\": null, \"state\": \"ready\","
	    " \"usedFor\": [], \"local\": true, \"pod\": \"shop/b\", \"node\": \"node1\"}]}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(showing), TEST(listing), TEST(frontends), TEST(no_room),
	};

	return unit_run(tests, NULL, NULL);
}
