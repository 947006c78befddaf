// SPDX-License-Identifier: GPL-2.0
/* What pods share: sets of labels, and lists of named ports. */
#include <netinet/in.h>
#include <stdlib.h>
#include "daemon/labels.h"
#include "daemon/pod_ports.h"
#include "unit.h"

static struct str *text(const char *s)
{
	struct str *e = str_get(s, strlen(s));

	assert_non_null(e);
	return e;
}

/* "b=1 a=2", not shared yet. */
static struct labels *unshared(const char *s)
{
	char copy[128], *word, *value, *save = NULL;
	struct labels *l = labels_new(8);

	assert_non_null(l);
	l->n = 0;
	snprintf(copy, sizeof(copy), "%s", s);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		*value++ = '\0';
		l->l[l->n++] = (struct label){ text(word), text(value) };
	}
	return l;
}

static struct labels *set(const char *s)
{
	struct labels *l = labels_share(unshared(s));

	assert_non_null(l);
	return l;
}

static void equal_sets_are_one(void **state)
{
	struct labels *a = set("app=web tier=front"), *b = set("tier=front app=web");
	struct labels *c = set("app=web tier=back"), *d = set("app=web");
	struct labels *swapped = set("web=app tier=front");

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(a->refs, 2);
	assert_ptr_not_equal(a, c);
	assert_ptr_not_equal(a, d);
	assert_ptr_not_equal(a, swapped);
	/* each of the strings is held once by each set, and not by those that came later */
	assert_int_equal(str_find("front")->refs, 2);
	assert_int_equal(str_find("tier")->refs, 3);
	labels_put(a);
	labels_put(b);
	labels_put(c);
	labels_put(d);
	labels_put(swapped);
	assert_null(str_find("front"));
}

static void sorted_by_key(void **state)
{
	struct labels *l = set("b=1 a.io/x=2 a=3 ba=4");
	static const char *const keys[] = { "a", "a.io/x", "b", "ba" };

	(void)state;
	assert_int_equal(l->n, 4);
	for (unsigned int i = 0; i < l->n; i++)
		assert_string_equal(l->l[i].key->s, keys[i]);
	assert_string_equal(labels_value(l, str_find("a.io/x"))->s, "2");
	assert_string_equal(labels_value(l, str_find("ba"))->s, "4");
	assert_null(labels_value(l, str_find("1")));
	assert_null(labels_value(NULL, str_find("a")));
	labels_put(l);
}

static void goes_with_the_last(void **state)
{
	struct labels *l = set("app=web"), *again;

	(void)state;
	assert_ptr_equal(labels_ref(l), l);
	assert_ptr_equal(set("app=web"), l);
	assert_int_equal(l->refs, 3);
	labels_put(l);
	labels_put(l);
	assert_string_equal(labels_value(l, str_find("app"))->s, "web");
	labels_put(l);
	assert_null(str_find("web"));
	/* a new one is as good as the first */
	again = set("app=web");
	assert_int_equal(again->refs, 1);
	labels_put(again);
	assert_null(labels_ref(NULL));
	labels_put(NULL);
}

static void never_shared(void **state)
{
	struct labels *l = unshared("app=web");

	(void)state;
	/* one that was given up half-way has empty places */
	l->n = 2;
	labels_free(l);
	assert_null(str_find("web"));
}

/* Tens of sets that differ in one value, many times each. */
static void many_sets(void **state)
{
	struct labels *l[40], *first[40] = {};
	char s[64];
	int i, k;

	(void)state;
	for (k = 0; k < 5; k++) {
		for (i = 0; i < 40; i++) {
			snprintf(s, sizeof(s), k & 1 ? "app=web n=%d" : "n=%d app=web", i);
			l[i] = set(s);
			if (!k)
				first[i] = l[i];
			assert_ptr_equal(l[i], first[i]);
			assert_int_equal(l[i]->refs, k + 1);
			assert_true(!i || l[i] != l[i - 1]);
		}
	}
	for (i = 0; i < 40; i++)
		for (k = 0; k < 5; k++)
			labels_put(first[i]);
	assert_null(str_find("web"));
}

/* ------------------------------------------------------------------- ports */

static struct pod_ports *ports(const char *first, __u16 number, __u8 proto, const char *second)
{
	unsigned int n = second ? 2 : 1;
	struct pod_port *v = malloc(n * sizeof(*v));
	struct pod_ports *p;

	assert_non_null(v);
	v[0] = (struct pod_port){ text(first), number, proto };
	if (second)
		v[1] = (struct pod_port){ text(second), 9090, IPPROTO_TCP };
	p = pod_ports_get(v, n);
	assert_non_null(p);
	return p;
}

static void equal_ports_are_one(void **state)
{
	struct pod_ports *a = ports("http", 80, IPPROTO_TCP, "metrics");
	struct pod_ports *b = ports("http", 80, IPPROTO_TCP, "metrics");
	struct pod_ports *other[] = {
		ports("http", 81, IPPROTO_TCP, "metrics"), ports("http", 80, IPPROTO_UDP, "metrics"),
		ports("web", 80, IPPROTO_TCP, "metrics"), ports("http", 80, IPPROTO_TCP, NULL),
	};

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(a->refs, 2);
	assert_int_equal(pod_ports_number(a, str_find("http"), IPPROTO_TCP), 80);
	assert_int_equal(pod_ports_number(a, str_find("metrics"), IPPROTO_TCP), 9090);
	assert_int_equal(pod_ports_number(a, str_find("http"), IPPROTO_UDP), 0);
	assert_int_equal(pod_ports_number(a, str_find("web"), IPPROTO_TCP), 0);
	assert_int_equal(pod_ports_number(NULL, str_find("web"), IPPROTO_TCP), 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_ptr_not_equal(a, other[i]);
		for (unsigned int k = 0; k < i; k++)
			assert_ptr_not_equal(other[k], other[i]);
		pod_ports_put(other[i]);
	}
	assert_null(str_find("web"));
	assert_ptr_equal(pod_ports_ref(a), a);
	pod_ports_put(a);
	pod_ports_put(a);
	assert_int_equal(str_find("http")->refs, 1);
	pod_ports_put(a);
	assert_null(str_find("http"));
	assert_null(pod_ports_ref(NULL));
	pod_ports_put(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sets_are_one),
		cmocka_unit_test(sorted_by_key),
		cmocka_unit_test(goes_with_the_last),
		cmocka_unit_test(never_shared),
		cmocka_unit_test(many_sets),
		cmocka_unit_test(equal_ports_are_one),
	};

	return unit_run(tests, NULL, NULL);
}
