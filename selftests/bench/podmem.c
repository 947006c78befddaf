// SPDX-License-Identifier: GPL-2.0
/*
 * podmem - what a pod costs in the daemon's memory
 *
 *	podmem PODS
 *
 * So many Pods, as an API server sends them, are taken in twice: as events
 * straight into the policy, and as a list by a reflector, which is in memory
 * then, too. Counted is what malloc() has handed out, its own headers
 * included, when everything is compiled; there are no policies. They are the
 * pods of ReplicaSets, of ten replicas each: four labels that ten have in
 * common, three containers, two named ports, one IPv4 address, a name of 30
 * bytes. Besides: with an IPv6 address, too; and of StatefulSets, whose labels
 * are each pod's own. Prints one JSON object, bytes for each pod.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/policy.h"
#include "k8s/reflector.h"

enum form { REPLICA, DUAL, STATEFUL };

/* A reflector's sink, as source_k8s is one. */
struct sink {
	struct policy *pol;
	struct reflector *reflector;	/* NULL: none between server and policy */
	const struct k8s_kind *pods;
};

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static int sink_apply(void *arg, struct object *obj)
{
	struct sink *s = arg;
	struct diag diag;

	return policy_object_apply(s->pol, obj, &diag);
}

static void sink_del(void *arg, int kind, const char *ns, const char *name)
{
	struct sink *s = arg;

	policy_object_delete(s->pol, kind, ns, name);
}

static void sink_refuse(void *arg, const struct object_id *id, const struct diag *diag)
{
	(void)arg, (void)id;
	fprintf(stderr, "podmem: %s: %s\n", diag->field, diag->text);
	exit(1);
}

static int sink_each(void *arg, int kind,
		     int (*cb)(void *cb_arg, const char *ns, const char *name), void *cb_arg)
{
	struct sink *s = arg;

	return policy_object_each(s->pol, kind, cb, cb_arg);
}

/* As an API server sends it. */
static size_t pod_text(char *buf, size_t len, unsigned int i, enum form form)
{
	char name[64], own[256] = "", v6[64] = "";
	unsigned int set = i / 10;

	if (form == STATEFUL) {
		snprintf(name, sizeof(name), "shop-storage-of-orders-%u-%06u", set % 10, i);
		snprintf(own, sizeof(own), ",\"statefulset.kubernetes.io/pod-name\":\"%s\","
			 "\"apps.kubernetes.io/pod-index\":\"%u\"", name, i % 10);
	} else {
		snprintf(name, sizeof(name), "shop-frontend-%010x-%05x", set, i);
	}
	if (form == DUAL)
		snprintf(v6, sizeof(v6), ",{\"ip\":\"fd00:10::%x:%x\"}", (i + 1) >> 16, (i + 1) & 0xffff);
	return snprintf(buf, len,
		"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"
		"\"name\":\"%s\",\"namespace\":\"ns%u\",\"uid\":\"6b1f6a52-7c2e-4a3a-9c54-%012u\","
		"\"resourceVersion\":\"%u\",\"labels\":{\"app\":\"app%u\",\"tier\":\"front\","
		"\"version\":\"v1.%u\",\"pod-template-hash\":\"%010x\"%s}},"
		"\"spec\":{\"nodeName\":\"node%u\",\"containers\":["
		"{\"name\":\"main\",\"ports\":[{\"name\":\"http\",\"containerPort\":8080}]},"
		"{\"name\":\"metrics\",\"ports\":[{\"name\":\"metrics\",\"containerPort\":9090}]},"
		"{\"name\":\"helper\"}]},"
		"\"status\":{\"phase\":\"Running\",\"podIP\":\"10.%u.%u.%u\","
		"\"podIPs\":[{\"ip\":\"10.%u.%u.%u\"}%s]}}",
		name, set % 100, i, i + 1, set % 40, set % 7, set, own, i % 500, 128 + (i >> 16),
		i >> 8 & 0xff, i & 0xff, 128 + (i >> 16), i >> 8 & 0xff, i & 0xff, v6);
}

/* One by one, and nobody in between. */
static int take_events(struct sink *s, unsigned int pods, enum form form)
{
	char pod[4096], text[4200];
	struct k8s_event ev;
	struct diag diag;
	int err = 0;

	for (unsigned int i = 0; !err && i < pods; i++) {
		pod_text(pod, sizeof(pod), i, form);
		snprintf(text, sizeof(text), "{\"type\":\"ADDED\",\"object\":%s}", pod);
		err = k8s_event_parse(s->pods, text, strlen(text), &ev, &diag);
		if (!err && !ev.item.obj)
			sink_refuse(s, &ev.item.id, &ev.item.diag);
		if (!err)
			err = sink_apply(s, ev.item.obj);
	}
	return err;
}

/* A page of a list from the @first pod on, and whether there are more. */
static int take_page(struct sink *s, unsigned int first, unsigned int pods, enum form form)
{
	unsigned int end = first + REFLECTOR_PAGE < pods ? first + REFLECTOR_PAGE : pods;
	char *text = malloc(REFLECTOR_PAGE * 4096 + 256), target[REFLECTOR_TARGET_MAX];
	struct diag diag;
	size_t n;
	int err;

	if (!text)
		return -1;
	n = sprintf(text, "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\","
		    "\"continue\":\"%.0u\"},\"items\":[", end < pods ? end : 0);
	for (unsigned int i = first; i < end; i++) {
		n += sprintf(text + n, i > first ? "," : "");
		n += pod_text(text + n, 4096, i, form);
	}
	n += sprintf(text + n, "]}");
	reflector_request(s->reflector, 60, target);
	err = reflector_page(s->reflector, text, n, &diag);
	free(text);
	return err;
}

static int take_list(struct sink *s, unsigned int pods, enum form form)
{
	const struct reflector_sink rs = { sink_apply, sink_del, sink_refuse, sink_each, s };
	int err = 0;

	s->reflector = reflector_new(s->pods, &rs);
	for (unsigned int i = 0; s->reflector && !err && i < pods; i += REFLECTOR_PAGE)
		err = take_page(s, i, pods, form);
	return s->reflector ? err : -1;
}

static double measure(unsigned int pods, enum form form, bool listed)
{
	struct policy_stats st;
	struct sink s = {};
	size_t before, after;
	int err;

	for (s.pods = k8s_kinds; s.pods->kind != OBJECT_POD;)
		s.pods++;
	err = policy_new(NULL, "node0", &s.pol);
	before = in_use();
	if (!err)
		err = listed ? take_list(&s, pods, form) : take_events(&s, pods, form);
	if (!err)
		err = policy_commit(s.pol);
	after = in_use();
	policy_get_stats(s.pol, &st);
	if (err || st.pods != pods) {
		fprintf(stderr, "podmem: %u pods of %u: error %d\n", st.pods, pods, err);
		exit(1);
	}
	reflector_free(s.reflector);
	policy_free(s.pol);
	return ((double)after - (double)before) / pods;
}

int main(int argc, char **argv)
{
	unsigned int pods = argc == 2 ? (unsigned int)atoi(argv[1]) : 0;

	if (pods < 1 || pods > 1000000) {
		fprintf(stderr, "usage: podmem PODS\n");
		return 2;
	}
	printf("{\"model\": %.1f, \"listed\": %.1f, \"dual\": %.1f, \"stateful\": %.1f}\n",
	       measure(pods, REPLICA, false), measure(pods, REPLICA, true),
	       measure(pods, DUAL, false), measure(pods, STATEFUL, false));
	return 0;
}
