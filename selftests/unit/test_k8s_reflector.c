// SPDX-License-Identifier: GPL-2.0
/* List, watch, and all that goes wrong between: what was known stays until more is. */
#include <errno.h>
#include <string.h>
#include "daemon/str.h"
#include "k8s/backoff.h"
#include "k8s/reflector.h"
#include "unit.h"

/* What the sink was told, one word each: "+a" applied, "-a" deleted, "!a" refused. */
struct world {
	struct reflector *r;
	struct diag diag;
	char told[256];
	bool has[26];			/* what came of it: a name is a letter */
	bool full;			/* no memory for another object */
	char target[REFLECTOR_TARGET_MAX];
};

static void tell(struct world *w, char what, const char *name)
{
	size_t n = strlen(w->told);

	snprintf(w->told + n, sizeof(w->told) - n, "%s%c%s", n ? " " : "", what, name);
}

static int apply(void *arg, struct object *obj)
{
	struct world *w = arg;

	if (!w->full) {
		tell(w, '+', obj->name->s);
		w->has[obj->name->s[0] - 'a'] = true;
	}
	object_free(obj);
	return w->full ? -ENOMEM : 0;
}

static void del(void *arg, int kind, const char *ns, const char *name)
{
	struct world *w = arg;

	assert_int_equal(kind, OBJECT_NAMESPACE);
	assert_string_equal(ns, "");
	tell(w, '-', name);
	w->has[name[0] - 'a'] = false;
}

static int each(void *arg, int kind, int (*cb)(void *cb_arg, const char *ns, const char *name),
		void *cb_arg)
{
	const struct world *w = arg;
	int err = 0;

	assert_int_equal(kind, OBJECT_NAMESPACE);
	for (int i = 0; !err && i < 26; i++) {
		const char name[2] = { (char)('a' + i), '\0' };

		if (w->has[i])
			err = cb(cb_arg, "", name);
	}
	return err;
}

static void refuse(void *arg, const struct object_id *id, const struct diag *diag)
{
	assert_true(diag->text[0]);
	tell(arg, '!', id->name);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct reflector_sink sink = { apply, del, refuse, each, w };

	assert_non_null(w);
	assert_int_equal(k8s_kinds[0].kind, OBJECT_NAMESPACE);
	w->r = reflector_new(&k8s_kinds[0], &sink);
	*state = w;
	return w->r ? 0 : -1;
}

static int close_world(void **state)
{
	struct world *w = *state;

	reflector_free(w->r);
	free(w);
	return 0;
}

#define LIST "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"%s\",\"continue\":\"%s\"},\"items\":["
#define ITEM "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"l\":\"%s\"}}}"
#define EVENT(type, name, rv) "{\"type\":\"" type "\",\"object\":{\"kind\":\"Namespace\",\"metadata\":" \
	"{\"name\":\"" name "\",\"resourceVersion\":\"" rv "\"}}}\n"
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}}\n"

/* A page with the namespaces of @names, one letter each; capital: with a label that is wrong. */
static int page(struct world *w, const char *rv, const char *token, const char *names)
{
	char text[2048];
	size_t n = snprintf(text, sizeof(text), LIST, rv, token);

	for (const char *c = names; *c; c++) {
		char name[2] = { *c | 0x20, '\0' };

		n += snprintf(text + n, sizeof(text) - n, "%s" ITEM, c > names ? "," : "", name,
			      *c & 0x20 ? "v" : "-");
	}
	n += snprintf(text + n, sizeof(text) - n, "]}");
	w->told[0] = '\0';
	return reflector_page(w->r, text, n, &w->diag);
}

static int push(struct world *w, const char *text)
{
	w->told[0] = '\0';
	return reflector_push(w->r, text, strlen(text), &w->diag);
}

static const char *target(struct world *w)
{
	reflector_request(w->r, 300, w->target);
	return w->target;
}

#define FIRST_PAGE "/api/v1/namespaces?limit=250"
#define WATCH(rv) "/api/v1/namespaces?watch=1&allowWatchBookmarks=true&resourceVersion=" rv "&timeoutSeconds=300"

static void sync_to(struct world *w, const char *rv, const char *names)
{
	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, rv, "", names), 0);
	assert_int_equal(reflector_end(w->r, 200, UINT32_MAX), 0);
	assert_true(reflector_synced(w->r));
}

/* Nothing of a list is told before all of it is there. */
static void paged_list(void **state)
{
	struct world *w = *state;

	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, "7", "a/b=", "ab"), 0);
	assert_string_equal(w->told, "");
	assert_false(reflector_synced(w->r));
	assert_int_equal(reflector_end(w->r, 200, UINT32_MAX), 0);
	assert_string_equal(target(w), FIRST_PAGE "&continue=a%2Fb%3D");
	assert_int_equal(page(w, "7", "", "c"), 0);
	assert_string_equal(w->told, "+a +b +c");
	assert_true(reflector_synced(w->r));
	assert_string_equal(target(w), WATCH("7"));
}

static void watched(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "a");
	assert_string_equal(target(w), WATCH("7"));
	assert_int_equal(push(w, EVENT("ADDED", "b", "8") EVENT("MODIFIED", "a", "9")
			      EVENT("DELETED", "b", "10")), 0);
	assert_string_equal(w->told, "+b +a -b");
	assert_int_equal(push(w, EVENT("BOOKMARK", "", "44")), 0);
	assert_string_equal(w->told, "");
	/* cut in the middle of an event: that one comes again */
	assert_int_equal(push(w, "{\"type\":\"ADDED\",\"obj"), 0);
	assert_true(reflector_end(w->r, 0, UINT32_MAX) > 0);
	assert_int_equal(reflector_stats(w->r)->nonsense, 1);
	assert_string_equal(target(w), WATCH("44"));
	assert_int_equal(push(w, EVENT("ADDED", "c", "45")), 0);
	assert_string_equal(w->told, "+c");
	assert_int_equal(reflector_stats(w->r)->events, 5);
}

/* What went while nobody watched goes when the new list is complete, and not before. */
static void gone_and_listed_again(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "abc");
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	assert_string_equal(w->told, "");
	assert_non_null(strstr(w->diag.text, "too old"));
	reflector_end(w->r, 200, 0);
	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, "90", "t", "a"), 0);
	assert_string_equal(w->told, "");
	reflector_end(w->r, 200, 0);
	target(w);
	assert_int_equal(page(w, "90", "", "d"), 0);
	assert_non_null(strstr(w->told, "+a +d -"));
	assert_non_null(strstr(w->told, "-b"));
	assert_non_null(strstr(w->told, "-c"));
	assert_null(strstr(w->told, "-a"));
	assert_int_equal(reflector_stats(w->r)->gone, 1);
	assert_int_equal(reflector_stats(w->r)->lists, 2);
}

/* A list that there was no memory for has not been taken: all of it comes again. */
static void no_memory(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "ab");
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	target(w);
	w->full = true;
	assert_int_equal(page(w, "8", "", "ac"), -ENOMEM);
	assert_string_equal(w->told, "");
	w->full = false;
	reflector_end(w->r, 200, 0);
	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, "9", "", "ac"), 0);
	assert_string_equal(w->told, "+a +c -b");
}

static void expired_token(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "a");
	target(w);
	assert_true(reflector_end(w->r, 410, UINT32_MAX) > 0);
	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, "8", "t", "b"), 0);
	reflector_end(w->r, 200, 0);
	target(w);
	reflector_end(w->r, 410, 0);
	assert_string_equal(target(w), FIRST_PAGE);
	/* the page before counts no more */
	assert_int_equal(page(w, "9", "", "ac"), 0);
	assert_string_equal(w->told, "+a +c");
	assert_int_equal(reflector_stats(w->r)->gone, 2);
}

static void server_away(void **state)
{
	struct world *w = *state;
	unsigned int i, wait, last = 0;

	sync_to(w, "7", "ab");
	w->told[0] = '\0';
	for (i = 0; i < 20; i++) {
		assert_string_equal(target(w), WATCH("7"));
		/* that it was not there says nothing of how soon it can do what it is asked */
		if (i == 10)
			last = 0;
		wait = reflector_end(w->r, i < 10 ? 0 : 503, UINT32_MAX);
		assert_true(wait >= last && wait <= 30000);
		assert_true(i != 10 || wait <= 1000);
		last = wait;
	}
	assert_int_equal(last, 30000);
	assert_string_equal(w->told, "");
	assert_true(reflector_synced(w->r));
	assert_int_equal(reflector_stats(w->r)->failures, 20);
	/* it is back: the next failure waits a short time again */
	target(w);
	assert_int_equal(push(w, EVENT("BOOKMARK", "", "8")), 0);
	assert_true(reflector_end(w->r, 200, UINT32_MAX) <= 500);
}

static void wrong_objects(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "ab");
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	/* b is wrong now, and is not gone */
	target(w);
	assert_int_equal(page(w, "8", "", "aB"), 0);
	assert_string_equal(w->told, "+a !b");
	assert_int_equal(reflector_stats(w->r)->refused, 1);
}

/* A wrong object without a name could be any of those that seem to be gone. */
static void nameless_object(void **state)
{
	struct world *w = *state;
	char text[512];

	sync_to(w, "7", "ab");
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	target(w);
	snprintf(text, sizeof(text), LIST "{\"metadata\":{\"labels\":{}}}]}", "8", "");
	w->told[0] = '\0';
	assert_int_equal(reflector_page(w->r, text, strlen(text), &w->diag), 0);
	assert_string_equal(w->told, "!");
}

/* Another error than 410 says nothing against the version. */
static void server_error(void **state)
{
	struct world *w = *state;

	sync_to(w, "7", "a");
	target(w);
	assert_int_equal(push(w, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n"),
			 -EREMOTEIO);
	assert_true(reflector_end(w->r, 200, UINT32_MAX) > 0);
	assert_string_equal(target(w), WATCH("7"));
	assert_int_equal(reflector_stats(w->r)->failures, 1);
	assert_int_equal(reflector_stats(w->r)->gone, 0);
}

static void nonsense(void **state)
{
	static const char *const lines[] = {
		"<html>\n", "{}\n", "[\n", "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}\n",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		sync_to(w, "7", "a");
		target(w);
		assert_int_equal(push(w, lines[i]), -EINVAL);
		assert_string_equal(w->told, "");
		assert_true(w->diag.text[0]);
		assert_true(reflector_end(w->r, 200, UINT32_MAX) > 0);
		assert_int_equal(reflector_stats(w->r)->nonsense, i + 1);
	}
	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(reflector_page(w->r, "{\"kind\":\"NamespaceList\",", 24, &w->diag), -EINVAL);
	assert_true(reflector_end(w->r, 200, UINT32_MAX) > 0);
	assert_string_equal(target(w), FIRST_PAGE);
}

static void endless_list(void **state)
{
	struct world *w = *state;
	unsigned int i;
	char token[16];
	int err = 0;

	target(w);
	assert_int_equal(page(w, "7", "t", "a"), 0);
	assert_int_equal(page(w, "7", "t", "b"), -ELOOP);
	assert_true(reflector_end(w->r, 200, UINT32_MAX) > 0);
	assert_string_equal(target(w), FIRST_PAGE);
	for (i = 0; !err && i < 2 * REFLECTOR_PAGES_MAX; i++) {
		snprintf(token, sizeof(token), "%u", i);
		err = page(w, "7", token, "");
	}
	assert_int_equal(err, -ELOOP);
	assert_int_equal(i, REFLECTOR_PAGES_MAX);
	assert_false(reflector_synced(w->r));
	assert_int_equal(reflector_stats(w->r)->endless, 2);
}

/* Objects as large as the server takes them make a page that nobody should have to take. */
static void large_pages(void **state)
{
	struct world *w = *state;

	assert_string_equal(target(w), FIRST_PAGE);
	assert_int_equal(page(w, "1", "more", "a"), 0);
	reflector_end(w->r, 200, 0);
	for (unsigned int limit = 250; limit > 1; limit /= 2) {
		char want[128];

		snprintf(want, sizeof(want), "/api/v1/namespaces?limit=%u&continue=more", limit);
		assert_string_equal(target(w), want);
		assert_int_equal(reflector_page_large(w->r), 0);
		reflector_end(w->r, 200, 0);
	}
	assert_string_equal(target(w), "/api/v1/namespaces?limit=1&continue=more");
	assert_int_equal(page(w, "1", "", "b"), 0);
	assert_string_equal(w->told, "+a +b");
	reflector_end(w->r, 200, 0);

	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	assert_string_equal(target(w), "/api/v1/namespaces?limit=1");
	assert_int_equal(reflector_page_large(w->r), -EMSGSIZE);
	reflector_end(w->r, 200, 0);
	assert_int_equal(reflector_stats(w->r)->large, 8);
}

/* A kind that the cluster lacks: nothing to wait for; one that is taken away: gone, but not at a slip. */
static void absent_kind(void **state)
{
	struct world *w = *state;
	struct k8s_kind kind = k8s_kinds[0];
	struct reflector_sink sink = { apply, del, refuse, each, w };

	target(w);
	reflector_end(w->r, 404, 0);
	assert_false(reflector_synced(w->r));
	assert_int_equal(reflector_stats(w->r)->failures, 1);
	reflector_free(w->r);

	kind.optional = true;
	w->r = reflector_new(&kind, &sink);
	target(w);
	assert_in_range(reflector_end(w->r, 404, 0), 10000, 20000);
	assert_in_range(reflector_end(w->r, 404, UINT32_MAX), 10000, 20000);
	assert_true(reflector_synced(w->r));
	assert_int_equal(reflector_stats(w->r)->failures, 0);

	sync_to(w, "5", "ab");
	assert_string_equal(target(w), WATCH("5"));
	w->told[0] = '\0';
	for (int i = 1; i <= 3; i++) {
		assert_string_equal(w->told, "");
		reflector_end(w->r, 404, UINT32_MAX);
		assert_string_equal(target(w), FIRST_PAGE);
	}
	assert_true(!strcmp(w->told, "-a -b") || !strcmp(w->told, "-b -a"));

	sync_to(w, "9", "a");
	reflector_end(w->r, 404, 0);
	reflector_end(w->r, 404, 0);
	sync_to(w, "11", "a");
	w->told[0] = '\0';
	reflector_end(w->r, 404, 0);
	reflector_end(w->r, 404, 0);
	assert_string_equal(w->told, "");
	reflector_free(w->r);
	w->r = NULL;
}

static void jitter(void **state)
{
	struct backoff b = { 100, 1000, 0 };
	static const uint32_t most[] = { 100, 200, 400, 800, 1000, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		struct backoff low = b, middle = b;

		assert_int_equal(backoff_next(&low, 0), 0);
		assert_int_equal(backoff_next(&middle, 1U << 31), most[i] / 2);
		assert_int_equal(backoff_next(&b, UINT32_MAX), most[i]);
	}
}

static void del_slice(void *arg, int kind, const char *ns, const char *name)
{
	assert_int_equal(kind, OBJECT_ENDPOINTSLICE);
	assert_string_equal(ns, "ns");
	tell(arg, '-', name);
	((struct world *)arg)->has[name[0] - 'a'] = false;
}

static int each_slice(void *arg, int kind, int (*cb)(void *cb_arg, const char *ns, const char *name),
		      void *cb_arg)
{
	const struct world *w = arg;

	assert_int_equal(kind, OBJECT_ENDPOINTSLICE);
	return w->has[0] ? cb(cb_arg, "ns", "a") : 0;
}

static int slice_page(struct world *w, const char *type)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "{\"kind\":\"EndpointSliceList\",\"metadata\":"
			 "{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"a\","
			 "\"namespace\":\"ns\"},\"addressType\":\"%s\"}]}", type);

	target(w);
	w->told[0] = '\0';
	return reflector_page(w->r, text, n, &w->diag);
}

/* Of another kind now, one that sluice has no use for: the one before goes. */
static void useless_object(void **state)
{
	struct world *w = *state;
	struct reflector_sink sink = { apply, del_slice, refuse, each_slice, w };

	reflector_free(w->r);
	assert_int_equal(k8s_kinds[K8S_KINDS - 1].kind, OBJECT_ENDPOINTSLICE);
	w->r = reflector_new(&k8s_kinds[K8S_KINDS - 1], &sink);
	assert_non_null(w->r);
	assert_int_equal(slice_page(w, "FQDN"), 0);
	assert_string_equal(w->told, "");
	reflector_end(w->r, 200, 0);
	assert_true(reflector_synced(w->r));
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	assert_int_equal(slice_page(w, "IPv4"), 0);
	assert_string_equal(w->told, "+a");
	reflector_end(w->r, 200, 0);
	target(w);
	assert_int_equal(push(w, GONE), -ESTALE);
	reflector_end(w->r, 200, 0);
	assert_int_equal(slice_page(w, "FQDN"), 0);
	assert_string_equal(w->told, "-a");
	assert_int_equal(reflector_stats(w->r)->refused, 0);
}

#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(paged_list),
		WITH_WORLD(watched),
		WITH_WORLD(gone_and_listed_again),
		WITH_WORLD(no_memory),
		WITH_WORLD(expired_token),
		WITH_WORLD(server_away),
		WITH_WORLD(wrong_objects),
		WITH_WORLD(useless_object),
		WITH_WORLD(nameless_object),
		WITH_WORLD(server_error),
		WITH_WORLD(nonsense),
		WITH_WORLD(endless_list),
		WITH_WORLD(large_pages),
		WITH_WORLD(absent_kind),
		cmocka_unit_test(jitter),
	};

	return unit_run(tests, NULL, NULL);
}
