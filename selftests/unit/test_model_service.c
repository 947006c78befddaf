// SPDX-License-Identifier: GPL-2.0
/*
 * Services in the model: which slices they have, what the balancer hears of,
 * and when they go.
 */
#include "manifestcase.h"
#include <errno.h>
#include "daemon/model_service.h"

static struct model m;

static int setup(void **state)
{
	(void)state;
	return model_init(&m);
}

static int teardown(void **state)
{
	(void)state;
	model_exit(&m);
	return 0;
}

static void put(struct model *to, const char *text)
{
	struct result r;

	parse(text, &r);
	assert_int_equal(r.n, 1);
	assert_non_null(r.item[0].obj);
	assert_int_equal(model_apply(to, r.item[0].obj), 0);
}

static void put_service(const char *name, int port)
{
	char text[256];

	snprintf(text, sizeof(text), "apiVersion: v1\nkind: Service\n"
		 "metadata: {name: %s, namespace: shop}\nspec: {ports: [{port: %d}]}\n", name, port);
	put(&m, text);
}

static void put_slice(const char *name, const char *service, const char *addr)
{
	char text[512];

	snprintf(text, sizeof(text), "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		 "metadata: {name: %s, namespace: shop, labels: {kubernetes.io/service-name: \"%s\"}}\n"
		 "addressType: IPv4\nports: [{port: 80}]\nendpoints: [{addresses: [%s]}]\n", name,
		 service, addr);
	put(&m, text);
}

/* The names of those that are dirty, sorted, each with a space behind it; none is afterwards. */
static void is_dirty(const char *want)
{
	struct model_service *s, *v[8];
	char got[128] = "";
	unsigned int n = 0, i, j;

	while ((s = model_service_next_dirty(&m))) {
		assert_true(n < 8);
		assert_false(s->dirty);
		v[n++] = s;
	}
	for (i = 0; i < n; i++) {
		for (j = i + 1; j < n; j++) {
			if (str_cmp(v[j]->name, v[i]->name) < 0) {
				s = v[i];
				v[i] = v[j];
				v[j] = s;
			}
		}
		strcat(strcat(got, v[i]->name->s), " ");
	}
	assert_string_equal(got, want);
}

static unsigned int count_slices(const char *service)
{
	const struct model_service *s = model_service_find(&m, "shop", service);
	const struct model_slice *slice;
	unsigned int n = 0;

	for (slice = s ? s->slices : NULL; slice; slice = slice->next) {
		assert_ptr_equal(slice->svc, s);
		n++;
	}
	return n;
}

static int count(struct model_service *s, void *arg)
{
	(void)s;
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int services(void)
{
	unsigned int n = 0;

	assert_int_equal(model_service_each(&m, count, &n), 0);
	return n;
}

static void tells_what_changed(void **state)
{
	(void)state;
	is_dirty("");
	put_service("web", 80);
	put_service("api", 80);
	assert_int_equal(m.nservices, 2);
	is_dirty("api web ");
	put_service("web", 80);
	is_dirty("");
	put_service("web", 81);
	put_service("web", 82);
	is_dirty("web ");
	put_slice("s1", "web", "10.0.0.1");
	is_dirty("web ");
	put_slice("s1", "web", "10.0.0.1");
	is_dirty("");
	put_slice("s1", "web", "10.0.0.2");
	is_dirty("web ");
	assert_int_equal(count_slices("web"), 1);
	assert_int_equal(model_delete(&m, OBJECT_ENDPOINTSLICE, "shop", "s1"), 0);
	is_dirty("web ");
	assert_int_equal(count_slices("web"), 0);
	assert_int_equal(model_delete(&m, OBJECT_SERVICE, "shop", "web"), 0);
	is_dirty("web ");
	assert_int_equal(m.nservices, 1);
	assert_int_equal(model_delete(&m, OBJECT_SERVICE, "shop", "web"), -ENOENT);
	assert_int_equal(model_delete(&m, OBJECT_ENDPOINTSLICE, "shop", "s1"), -ENOENT);
	is_dirty("");
}

static void says_where_an_equal_object_is_now(void **state)
{
	(void)state;
	put_service("web", 80);
	put(&m, "# a line more\napiVersion: v1\nkind: Service\n"
	    "metadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n");
	assert_int_equal(model_service_find(&m, "shop", "web")->obj->o.line, 2);
}

static void slices_may_come_first(void **state)
{
	struct model_service *s;

	(void)state;
	put_slice("s1", "web", "10.0.0.1");
	put_slice("s2", "web", "10.0.0.2");
	s = model_service_find(&m, "shop", "web");
	assert_non_null(s);
	assert_null(s->obj);
	assert_null(model_service_find(&m, "shop", "web")->obj);
	assert_int_equal(model_delete(&m, OBJECT_SERVICE, "shop", "web"), -ENOENT);
	is_dirty("web ");
	assert_int_equal(m.nservices, 0);
	assert_int_equal(count_slices("web"), 2);
	put_service("web", 80);
	assert_ptr_equal(model_service_find(&m, "shop", "web"), s);
	assert_non_null(s->obj);
	assert_int_equal(count_slices("web"), 2);
	assert_null(model_service_find(&m, "other", "web"));
}

static void slices_move_with_their_label(void **state)
{
	(void)state;
	put_service("web", 80);
	put_slice("s1", "web", "10.0.0.1");
	put_slice("s2", "web", "10.0.0.2");
	put_slice("s3", "web", "10.0.0.3");
	is_dirty("web ");
	put_slice("s2", "api", "10.0.0.2");
	is_dirty("api web ");
	assert_int_equal(count_slices("web"), 2);
	assert_int_equal(count_slices("api"), 1);
	put_slice("s2", "", "10.0.0.2");
	is_dirty("api ");
	assert_int_equal(count_slices("api"), 0);
	assert_int_equal(m.slices.count, 3);
	put_slice("s2", "", "10.0.0.9");
	is_dirty("");
	put_slice("s2", "web", "10.0.0.2");
	is_dirty("web ");
	assert_int_equal(count_slices("web"), 3);
}

static void goes_when_nothing_holds_it(void **state)
{
	struct service_state *some = (struct service_state *)&m;
	struct model_service *s;

	(void)state;
	put_service("web", 80);
	put_slice("s1", "web", "10.0.0.1");
	s = model_service_find(&m, "shop", "web");
	is_dirty("web ");
	model_service_reap(&m, s);
	model_delete(&m, OBJECT_SERVICE, "shop", "web");
	is_dirty("web ");
	model_service_reap(&m, s);
	assert_int_equal(services(), 1);
	s->state = some;
	model_delete(&m, OBJECT_ENDPOINTSLICE, "shop", "s1");
	model_service_reap(&m, s);
	is_dirty("web ");
	model_service_reap(&m, s);
	assert_int_equal(services(), 1);
	s->state = NULL;
	model_service_mark(&m, s);
	model_service_reap(&m, s);
	assert_int_equal(services(), 1);
	is_dirty("web ");
	model_service_reap(&m, s);
	assert_int_equal(services(), 0);
	assert_null(model_service_find(&m, "shop", "web"));
}

static int stop_at_once(struct model_service *s, void *arg)
{
	(void)s, (void)arg;
	return 7;
}

static void marks_and_shows_all(void **state)
{
	(void)state;
	assert_int_equal(model_service_each(&m, stop_at_once, NULL), 0);
	put_service("web", 80);
	put_slice("s1", "api", "10.0.0.1");
	is_dirty("api web ");
	assert_int_equal(services(), 2);
	assert_int_equal(model_service_each(&m, stop_at_once, NULL), 7);
	model_service_mark(&m, model_service_find(&m, "shop", "api"));
	model_service_mark_all(&m);
	is_dirty("api web ");
}

/* The two share their objects, and nothing else. */
static void copies(void **state)
{
	static struct model to;
	const struct model_service *s;

	(void)state;
	put_service("web", 80);
	put_slice("s1", "web", "10.0.0.1");
	put_slice("s2", "api", "10.0.0.2");
	is_dirty("api web ");
	assert_int_equal(model_init(&to), 0);
	assert_int_equal(model_copy(&m, &to), 0);
	s = model_service_find(&to, "shop", "web");
	assert_non_null(s);
	assert_ptr_equal(s->obj, model_service_find(&m, "shop", "web")->obj);
	assert_non_null(s->slices);
	assert_non_null(model_service_find(&to, "shop", "api")->slices);
	assert_int_equal(to.nservices, 1);
	is_dirty("");
	assert_int_equal(model_delete(&to, OBJECT_SERVICE, "shop", "web"), 0);
	put_service("web", 81);
	assert_null(model_service_find(&to, "shop", "web")->obj);
	assert_int_equal(m.nservices, 1);
	model_exit(&to);
	assert_int_equal(count_slices("web"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_what_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(says_where_an_equal_object_is_now, setup, teardown),
		cmocka_unit_test_setup_teardown(slices_may_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(slices_move_with_their_label, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_when_nothing_holds_it, setup, teardown),
		cmocka_unit_test_setup_teardown(marks_and_shows_all, setup, teardown),
		cmocka_unit_test_setup_teardown(copies, setup, teardown),
	};

	return unit_run(tests, NULL, NULL);
}
