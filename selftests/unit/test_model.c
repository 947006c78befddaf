// SPDX-License-Identifier: GPL-2.0
/*
 * How the model holds tens of thousands of pods: what they share, who claims
 * an address, and more addresses to be judged again than the list of them has
 * room for. What comes of a model is test_compile's.
 */
#include "policyapply.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

static void pod(struct policy *pol, const char *name, const char *labels, const char *ports,
		const char *ips)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: shop, labels: {%s}}\n"
		 "spec: {containers: [{ports: [%s]}]}\nstatus: {podIPs: [%s]}\n",
		 name, labels, ports, ips);
	apply(pol, text);
}

static const struct model_pod *known(const struct policy *pol, const char *name)
{
	const struct model_pod *p = model_pod_find(&pol->model, "shop", name);

	assert_non_null(p);
	return p;
}

static union sl_addr address(const char *text)
{
	union sl_addr a;

	assert_int_equal(sluice_addr_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	return policy_new_on(NULL, "here", (struct policy **)state);
}

static int teardown(void **state)
{
	policy_free(*state);
	return 0;
}

static void what_pods_share(void **state)
{
	struct policy *pol = *state;
	const struct model_pod *a, *b, *c;

	pod(pol, "a", "app: web, tier: front", "{name: http, containerPort: 80}", "{ip: 10.0.0.1}");
	pod(pol, "b", "tier: front, app: web", "{name: http, containerPort: 80}", "{ip: 10.0.0.2}");
	pod(pol, "c", "app: web", "{name: http, containerPort: 81}", "{ip: 10.0.0.3}");
	a = known(pol, "a"), b = known(pol, "b"), c = known(pol, "c");
	assert_ptr_equal(a->labels, b->labels);
	assert_ptr_equal(a->ports, b->ports);
	assert_ptr_not_equal(a->labels, c->labels);
	assert_ptr_not_equal(a->ports, c->ports);
	/* one of them is another now, and the other stays what it was */
	pod(pol, "a", "app: web", "", "{ip: 10.0.0.1}");
	assert_ptr_equal(a->labels, c->labels);
	assert_null(a->ports);
	assert_string_equal(labels_value(b->labels, str_find("tier"))->s, "front");
	assert_int_equal(pod_ports_number(b->ports, str_find("http"), IPPROTO_TCP), 80);
	/* none at all are no set */
	pod(pol, "b", "", "", "{ip: 10.0.0.2}");
	assert_null(b->labels);
	assert_null(str_find("tier"));
}

static unsigned int claims(const struct policy *pol, const char *ip)
{
	const union sl_addr addr = address(ip);
	const struct model_addr *a = model_addr_find(&pol->model, &addr);

	return a ? a->nclaims : 0;
}

static bool claims_it(const struct policy *pol, const char *ip, const char *name)
{
	const union sl_addr addr = address(ip);
	const struct model_addr *a = model_addr_find(&pol->model, &addr);
	bool found = false;

	for (unsigned int i = 0; a && i < a->nclaims; i++)
		found |= !strcmp(model_addr_claim(a, i).pod->name, name);
	return found;
}

static void claims_come_and_go(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct policy *pol = *state;
	unsigned int gone, i, round;

	for (round = 0; round < 24; round++) {
		for (i = 0; i < 4; i++) {
			pod(pol, names[i], "", "", "{ip: 10.0.0.1}, {ip: \"fd00::1\"}");
			assert_int_equal(claims(pol, "10.0.0.1"), i + 1);
		}
		/* in whatever order they leave */
		for (gone = 0, i = 0; i < 4; i++) {
			const char *leaver = names[(round / 4 + i * (round & 1 ? 1 : 3)) % 4];

			assert_true(claims_it(pol, "10.0.0.1", leaver));
			if (round & 2)
				pod(pol, leaver, "", "", "{ip: 10.0.0.2}");
			else
				assert_int_equal(policy_object_delete(pol, OBJECT_POD, "shop", leaver), 0);
			gone++;
			assert_false(claims_it(pol, "10.0.0.1", leaver));
			assert_int_equal(claims(pol, "10.0.0.1"), 4 - gone);
			assert_int_equal(claims(pol, "fd00::1"), 4 - gone);
		}
		assert_int_equal(policy_commit(pol), 0);
		assert_int_equal(pol->model.addrs.count, round & 2 ? 1 : 0);
	}
}

/* What the object says of addresses counts where no endpoint does, and is not forgotten. */
static void endpoint_over_object(void **state)
{
	const union sl_addr addr[__SL_FAMILY_MAX] = { [SL_FAMILY_V4] = address("10.0.0.9") };
	struct policy *pol = *state;
	const struct model *m = &pol->model;

	pod(pol, "a", "", "", "{ip: 10.0.0.1}, {ip: \"fd00::1\"}");
	assert_int_equal(policy_endpoint_add(pol, 1, "shop", "a", addr), 0);
	assert_int_equal(policy_endpoint_add(pol, 4095, "shop", "a", addr), 0);
	assert_int_equal(claims(pol, "10.0.0.1") + claims(pol, "fd00::1"), 0);
	assert_int_equal(claims(pol, "10.0.0.9"), 2);
	assert_null(model_pod_addr(m, known(pol, "a"), SL_FAMILY_V6));
	assert_int_equal(policy_endpoint_del(pol, 1), 0);
	assert_true(claims_it(pol, "10.0.0.9", "a"));
	pod(pol, "a", "", "", "{ip: 10.0.0.1}, {ip: \"fd00::2\"}");
	assert_int_equal(claims(pol, "fd00::2"), 0);
	assert_int_equal(policy_endpoint_del(pol, 4095), 0);
	assert_int_equal(claims(pol, "10.0.0.1"), 1);
	assert_int_equal(claims(pol, "fd00::2"), 1);
	assert_int_equal(claims(pol, "10.0.0.9"), 0);
	assert_non_null(model_pod_addr(m, known(pol, "a"), SL_FAMILY_V6));
	assert_int_equal(policy_object_delete(pol, OBJECT_POD, "shop", "a"), 0);
	assert_null(model_pod_find(m, "shop", "a"));
}

static int append(void *arg, const char *ns, const char *name)
{
	char *said = arg;

	sprintf(said + strlen(said), "%s%s%s ", ns, *ns ? "/" : "", name);
	return 0;
}

static int stop(void *arg, const char *ns, const char *name)
{
	(void)arg, (void)ns, (void)name;
	return -ENOMEM;
}

static void expect_names(const struct policy *pol, enum object_kind kind, const char *names)
{
	char said[256] = "";

	assert_int_equal(policy_object_each(pol, kind, append, said), 0);
	assert_string_equal(said, names);
	assert_int_equal(policy_object_each(pol, kind, stop, NULL), *names ? -ENOMEM : 0);
}

/* Of every kind; what is only implied, by a pod or an endpoint, is no object. */
static void names_of_objects(void **state)
{
	const union sl_addr addr[__SL_FAMILY_MAX] = { [SL_FAMILY_V4] = address("10.0.0.9") };
	struct policy *pol = *state;

	for (int kind = 0; kind < __OBJECT_MAX; kind++)
		expect_names(pol, kind, "");
	assert_int_equal(policy_endpoint_add(pol, 1, "here", "me", addr), 0);
	pod(pol, "a", "", "", "{ip: 10.0.0.1}");
	expect_names(pol, OBJECT_POD, "shop/a ");
	expect_names(pol, OBJECT_NAMESPACE, "");
	apply(pol, "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n---\n"
		   "{apiVersion: v1, kind: Node, metadata: {name: n1}}\n---\n"
		   "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, "
		   "spec: {ports: [{port: 80}]}}\n---\n"
		   "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		   "metadata: {name: s-1, namespace: shop}\naddressType: IPv4\nendpoints: []\n---\n"
		   "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		   "metadata: {name: np, namespace: shop}\nspec: {podSelector: {}}\n---\n"
		   "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
		   "metadata: {name: cnp}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}}\n");
	expect_names(pol, OBJECT_NAMESPACE, "shop ");
	expect_names(pol, OBJECT_NODE, "n1 ");
	expect_names(pol, OBJECT_SERVICE, "shop/s ");
	expect_names(pol, OBJECT_ENDPOINTSLICE, "shop/s-1 ");
	expect_names(pol, OBJECT_NETPOL, "shop/np ");
	expect_names(pol, OBJECT_CNP, "cnp ");
	assert_int_equal(policy_object_delete(pol, OBJECT_POD, "shop", "a"), 0);
	expect_names(pol, OBJECT_POD, "");
}

#define MANY (3 * MODEL_DIRTY_MAX + 7)

static void many(struct policy *pol, const char *labels)
{
	char name[16], ip[32];

	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(ip, sizeof(ip), "{ip: 10.1.%u.%u}", i >> 8, i & 0xff);
		pod(pol, name, labels, "", ip);
	}
}

/* Every address is of the class that its pod's labels make, whatever it was before. */
static void check_classes(const struct policy *pol, bool meant)
{
	const struct model_addr *a;
	const struct class *class = NULL;
	size_t pos;

	assert_int_equal(pol->model.addrs.count, MANY + 1);
	ptab_each(&pol->model.addrs, a, pos) {
		assert_false(a->dirty);
		if (a->ep)
			continue;
		assert_int_equal(a->class->n, meant ? 1 : 0);
		assert_true(!class || a->class == class);
		class = a->class;
	}
}

static void more_than_the_list_holds(void **state)
{
	const union sl_addr addr[__SL_FAMILY_MAX] = { [SL_FAMILY_V4] = address("10.0.0.9") };
	struct policy *pol = *state;
	unsigned int i;
	char name[16];

	apply(pol, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		   "metadata: {name: p, namespace: here}\n"
		   "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}},\n"
		   "  namespaceSelector: {matchLabels: {team: a}}}]}]}\n");
	assert_int_equal(policy_endpoint_add(pol, 1, "here", "me", addr), 0);
	many(pol, "app: web");
	assert_int_equal(policy_commit(pol), 0);
	check_classes(pol, false);
	apply(pol, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n");
	assert_int_equal(policy_commit(pol), 0);
	check_classes(pol, true);
	many(pol, "app: db");
	assert_int_equal(policy_commit(pol), 0);
	check_classes(pol, false);
	/* reaped while they are looked for: the table shrinks meanwhile */
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(policy_object_delete(pol, OBJECT_POD, "shop", name), 0);
	}
	assert_int_equal(policy_commit(pol), 0);
	assert_int_equal(pol->model.addrs.count, 1);
	assert_int_equal(pol->model.pods.count, 1);
}

#define WITH_POLICY(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_POLICY(what_pods_share),
		WITH_POLICY(claims_come_and_go),
		WITH_POLICY(endpoint_over_object),
		WITH_POLICY(names_of_objects),
		WITH_POLICY(more_than_the_list_holds),
	};

	return unit_run(tests, NULL, NULL);
}
