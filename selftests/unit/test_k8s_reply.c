// SPDX-License-Identifier: GPL-2.0
/* What an API server answers: lists, watch events, and replies that are none. */
#include <errno.h>
#include <string.h>
#include "daemon/str.h"
#include "k8s/reply.h"
#include "unit.h"

static const struct k8s_kind *kind_of(enum object_kind kind)
{
	for (int i = 0; i < K8S_KINDS; i++)
		if (k8s_kinds[i].kind == kind)
			return &k8s_kinds[i];
	fail_msg("kind %d is not listed", kind);
	return NULL;
}

struct got {
	int good, bad;
	char name[336];			/* of the last object */
	char field[256];		/* of the last complaint */
};

static int on_item(void *arg, struct manifest_item *item)
{
	struct got *g = arg;

	snprintf(g->name, sizeof(g->name), "%s/%s", item->id.ns, item->id.name);
	if (item->obj)
		g->good++;
	else
		snprintf(g->field, sizeof(g->field), "%s", item->diag.field), g->bad++;
	object_free(item->obj);
	return 0;
}

static int page(enum object_kind kind, const char *text, struct k8s_page *p, struct got *g,
		struct diag *diag)
{
	*g = (struct got){};
	return k8s_page_parse(kind_of(kind), text, strlen(text), p, on_item, g, diag);
}

static int event(enum object_kind kind, const char *text, struct k8s_event *ev, struct diag *diag)
{
	return k8s_event_parse(kind_of(kind), text, strlen(text), ev, diag);
}

#define POD(name, rv) \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\",\"resourceVersion\":\"" rv \
	"\",\"uid\":\"7f\",\"labels\":{\"app\":\"web\"},\"managedFields\":[{\"manager\":\"kubelet\"}]}," \
	"\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}," \
	"\"status\":{\"phase\":\"Running\",\"podIP\":\"10.1.0.5\",\"podIPs\":[{\"ip\":\"10.1.0.5\"}]}}"

static void pages(void **state)
{
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	assert_int_equal(page(OBJECT_POD,
			      "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":"
			      "{\"resourceVersion\":\"812\",\"continue\":\"abc=\",\"remainingItemCount\":3},"
			      "\"items\":[" POD("a", "1") "," POD("b", "2") "]}", &p, &g, &diag), 0);
	assert_int_equal(g.good, 2);
	assert_int_equal(g.bad, 0);
	assert_string_equal(g.name, "shop/b");
	assert_string_equal(p.version, "812");
	assert_string_equal(p.token, "abc=");
	assert_int_equal(page(OBJECT_NETPOL, "{\"kind\":\"NetworkPolicyList\",\"metadata\":"
			      "{\"resourceVersion\":\"9\"},\"items\":null}", &p, &g, &diag), 0);
	assert_int_equal(g.good + g.bad, 0);
	assert_string_equal(p.token, "");
}

/* One wrong object of a page is named; those beside it are taken. */
static void wrong_item(void **state)
{
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	assert_int_equal(page(OBJECT_NETPOL, "{\"kind\":\"NetworkPolicyList\",\"metadata\":"
			      "{\"resourceVersion\":\"9\"},\"items\":["
			      "{\"metadata\":{\"name\":\"ok\",\"namespace\":\"a\"},\"spec\":{\"podSelector\":{}}},"
			      "{\"metadata\":{\"name\":\"no\",\"namespace\":\"a\"},\"spec\":{\"podSelector\":{},"
			      "\"ingress\":[{\"ports\":[{\"protocol\":\"GRE\",\"port\":1}]}]}}]}",
			      &p, &g, &diag), 0);
	assert_int_equal(g.good, 1);
	assert_int_equal(g.bad, 1);
	assert_string_equal(g.name, "a/no");
	assert_string_equal(g.field, "items[1].spec.ingress[0].ports[0].protocol");
}

static void no_pages(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{ "", "" },
		{ "[]", "" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{", "" },
		{ "{\"kind\":\"Status\",\"metadata\":{},\"code\":410}", "kind" },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}", "kind" },
		{ "{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"1\"}}", "kind" },
		{ "{\"kind\":\"PodList\",\"items\":[]}", "metadata" },
		{ "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[]}", "metadata" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":7}}",
		  "metadata.resourceVersion" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\",\"continue\":[]}}",
		  "metadata.continue" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}",
		  "items" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[3]}",
		  "items[0]" },
	};
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&diag, 0, sizeof(diag));
		assert_int_equal(page(OBJECT_POD, cases[i].text, &p, &g, &diag), -EINVAL);
		assert_string_equal(diag.field, cases[i].field);
		assert_true(diag.text[0]);
		assert_int_equal(g.good, 0);
	}
}

/* Tokens are opaque, but not endless. */
static void long_token(void **state)
{
	char text[K8S_CONTINUE_MAX + 256], token[K8S_CONTINUE_MAX + 1];
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	memset(token, 'a', K8S_CONTINUE_MAX);
	for (int over = 0; over < 2; over++) {
		token[K8S_CONTINUE_MAX - 1 + over] = '\0';
		snprintf(text, sizeof(text), "{\"kind\":\"PodList\",\"metadata\":"
			 "{\"resourceVersion\":\"1\",\"continue\":\"%s\"}}", token);
		assert_int_equal(page(OBJECT_POD, text, &p, &g, &diag), over ? -EINVAL : 0);
		token[K8S_CONTINUE_MAX - 1] = 'a';
	}
	assert_string_equal(diag.field, "metadata.continue");
}

static void events(void **state)
{
	struct k8s_event ev;
	struct diag diag;

	(void)state;
	assert_int_equal(event(OBJECT_NAMESPACE, "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Namespace\","
			       "\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"shop\",\"resourceVersion\":\"44\"}}}",
			       &ev, &diag), 0);
	assert_int_equal(ev.type, K8S_EVENT_MODIFIED);
	assert_string_equal(ev.version, "44");
	assert_non_null(ev.item.obj);
	assert_string_equal(ev.item.obj->name->s, "shop");
	object_free(ev.item.obj);

	assert_int_equal(event(OBJECT_POD, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":"
			       "\"v1\",\"metadata\":{\"resourceVersion\":\"900\",\"creationTimestamp\":null},"
			       "\"spec\":{\"containers\":null},\"status\":{}}}", &ev, &diag), 0);
	assert_int_equal(ev.type, K8S_EVENT_BOOKMARK);
	assert_string_equal(ev.version, "900");
	assert_null(ev.item.obj);

	assert_int_equal(event(OBJECT_POD, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
			       "\"reason\":\"Expired\",\"message\":\"too old\\n\\u001b[2J\"}}", &ev, &diag), 0);
	assert_int_equal(ev.type, K8S_EVENT_ERROR);
	assert_int_equal(ev.code, 410);
	assert_string_equal(ev.message, "too old??[2J");
}

/* Which object a refused one was is known: its last good version can stay. */
static void refused_object(void **state)
{
	struct k8s_event ev;
	struct diag diag;

	(void)state;
	assert_int_equal(event(OBJECT_NETPOL, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"NetworkPolicy\","
			       "\"metadata\":{\"name\":\"p\",\"namespace\":\"a\",\"resourceVersion\":\"5\"},\"spec\":"
			       "{\"podSelector\":{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"Near\"}]}}}}",
			       &ev, &diag), 0);
	assert_null(ev.item.obj);
	assert_int_equal(ev.item.diag.level, DIAG_ERROR);
	assert_int_equal(ev.item.id.kind, OBJECT_NETPOL);
	assert_string_equal(ev.item.id.ns, "a");
	assert_string_equal(ev.item.id.name, "p");
	assert_string_equal(ev.item.diag.field, "object.spec.podSelector.matchExpressions[0].operator");
	assert_string_equal(ev.version, "5");
}

static void no_events(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{ "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"meta", "" },
		{ "{\"object\":{}}", "type" },
		{ "{\"type\":\"added\",\"object\":{}}", "type" },
		{ "{\"type\":1,\"object\":{}}", "type" },
		{ "{\"type\":\"ADDED\"}", "object" },
		{ "{\"type\":\"ADDED\",\"object\":[]}", "object" },
		{ "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Node\",\"metadata\":{}}}", "object.kind" },
		{ "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{}}}",
		  "object.metadata" },
		{ "{\"type\":\"ERROR\",\"object\":{\"code\":\"410\"}}", "object.code" },
	};
	struct k8s_event ev;
	struct diag diag;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		diag = (struct diag){};
		assert_int_equal(event(OBJECT_POD, cases[i].text, &ev, &diag), -EINVAL);
		assert_true(diag.text[0]);
		if (cases[i].field[0])
			assert_string_equal(diag.field, cases[i].field);
		assert_null(ev.item.obj);
	}
}

/* What somebody writes into their own object hides nobody else's. */
static void odd_strings(void **state)
{
#define ODD(key, value) "{\"metadata\":{\"name\":\"odd\",\"annotations\":{\"" key "\":\"" value "\"}}}"
#define LIST_OF(item) "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"4\"},\"items\":[" \
	item ",{\"metadata\":{\"name\":\"other\"}}]}"
	static const char *const fine[] = {
		ODD("a", "x\\u0000y"), ODD("\\u0000", ""), ODD("\\\\\\u0000", "\\\\u0000"),
		ODD("a", "\\ud83d\\ude00 \\ufffd"), ODD("a", "\\t\\/"),
	};
	static const char wrong[] =
		"{\"metadata\":{\"name\":\"odd\",\"labels\":{\"a\":\"x\\u0000\"}}}";
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++) {
		char text[1024];

		snprintf(text, sizeof(text), LIST_OF("%s"), fine[i]);
		assert_int_equal(page(OBJECT_NAMESPACE, text, &p, &g, &diag), 0);
		assert_int_equal(g.good, 2);
	}
	{
		char text[1024];

		snprintf(text, sizeof(text), LIST_OF("%s"), wrong);
		assert_int_equal(page(OBJECT_NAMESPACE, text, &p, &g, &diag), 0);
		assert_int_equal(g.good, 1);
		assert_int_equal(g.bad, 1);
		assert_string_equal(g.name, "/other");
		assert_string_equal(g.field, "items[0].metadata.labels.a");
	}
}

#define META(fields) "{\"metadata\":{" fields "\"name\":\"odd\"}}"
#define OTHER "\"labels\":{\"a\":\"b\"},"

/* Who wrote which field is not read; what stands beside it is, and what only looks like it. */
static void managed_fields(void **state)
{
	static const struct {
		const char *item;
		int good;
	} cases[] = {
		{ META("\"managedFields\":[],"), 2 },
		{ META("\"managedFields\":[{\"f\":[{},[\"]\",\"\\\"]\",\"\\\\\"]]}],"), 2 },
		{ META("\"managedFields\":[7]," OTHER "\"managedFields\":[{}],"), 2 },
		/* in a string it is that string's */
		{ META("\"annotations\":{\"\\\"managedFields\":\"[\",\"b\":\"\\\"managedFields\\\":[\"},"), 2 },
		{ META("\"annotations\":{\"\\\\\":\"\",\"\\\"managedFields\":[\"]\"]},"), 2 },
		/* what comes after it is looked at as ever */
		{ META("\"managedFields\":[{\"a\":\"]\"}],\"labels\":{\"a\":\"-\"},"), 1 },
		{ META("\"labels\":{\"managedFields\":[\"x\"]},"), 1 },
		/* no JSON */
		{ META("\"managedFields\":[{\"a\":1],"), -1 },
		{ META("\"managedFields\":[\"a,"), -1 },
		{ META("\"managedFields\":[[],"), -1 },
		{ META("\"managedFields\":[]]"), -1 },
	};
	struct k8s_page p;
	struct diag diag;
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[1024];
		int err;

		snprintf(text, sizeof(text), LIST_OF("%s"), cases[i].item);
		err = page(OBJECT_NAMESPACE, text, &p, &g, &diag);
		if ((err ? -1 : g.good) != cases[i].good)
			fail_msg("%s: %d, %d good: %s", cases[i].item, err, g.good, diag.text);
		if (cases[i].good < 0)
			continue;
		assert_string_equal(g.name, "/other");
		assert_int_equal(g.good + g.bad, 2);
	}
}

/* The list is not read; that it is where it does not belong is seen. */
static void managed_fields_elsewhere(void **state)
{
	struct k8s_event ev;
	struct diag diag;

	(void)state;
	assert_int_equal(event(OBJECT_NETPOL, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"NetworkPolicy\","
			       "\"metadata\":{\"name\":\"p\",\"namespace\":\"a\",\"resourceVersion\":\"1\"},"
			       "\"spec\":{\"podSelector\":{},\"managedFields\":[{}]}}}", &ev, &diag), 0);
	assert_null(ev.item.obj);
	assert_string_equal(ev.item.diag.field, "object.spec.managedFields");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(wrong_item),
		cmocka_unit_test(no_pages),
		cmocka_unit_test(long_token),
		cmocka_unit_test(events),
		cmocka_unit_test(refused_object),
		cmocka_unit_test(no_events),
		cmocka_unit_test(odd_strings),
		cmocka_unit_test(managed_fields),
		cmocka_unit_test(managed_fields_elsewhere),
	};

	return unit_run(tests, NULL, NULL);
}
