// SPDX-License-Identifier: GPL-2.0
/*
 * Manifests of any kind of badness, all the way into a plan. What is taken is
 * the same when it has been written as JSON and read again; it is applied,
 * compiled with an endpoint in the way, and taken away again. What is refused
 * must say where and why. The input is tried as JSON from the start, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/manifest.h"
#include "daemon/object_json.h"
#include "daemon/object_service.h"
#include "daemon/policy_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy *pol;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_diag(const struct diag *d)
{
	must(memchr(d->file, '\0', sizeof(d->file)) && memchr(d->field, '\0', sizeof(d->field)) &&
	     memchr(d->text, '\0', sizeof(d->text)));
	must(d->text[0] && d->file[0]);
	must(d->line >= 0 && d->column >= 0);
}

/* Made when there is something for it: it is large, and most inputs hold nothing. */
static void need_policy(void)
{
	static const char *const addrs[] = { "10.0.0.1", "fd00::1" };
	union sl_addr addr[__SL_FAMILY_MAX];

	if (pol)
		return;
	must(!policy_new(NULL, "here", &pol));
	must(!sluice_addr_parse(addrs[0], &addr[0]) && !sluice_addr_parse(addrs[1], &addr[1]));
	must(!policy_endpoint_add(pol, 1, "default", "p", addr));
}

/* All but a service's doubt comes back. */
static int is_same(void *arg, struct manifest_item *item)
{
	struct object *was = arg;
	struct object_service *a, *b;

	must(item->obj);
	if (was->kind == OBJECT_SERVICE) {
		a = container_of(was, struct object_service, o);
		b = container_of(item->obj, struct object_service, o);
		must(!b->doubt);
		b->doubt = str_ref(a->doubt);
	}
	must(object_equal(was, item->obj));
	object_free(item->obj);
	return 0;
}

static void there_and_back(struct object *obj)
{
	json_t *doc = object_json(obj);
	struct diag diag = {};
	char *text;

	must(doc);
	text = json_dumps(doc, 0);
	must(text && !manifest_parse_json("again", text, strlen(text), is_same, obj, &diag));
	free(text);
	json_decref(doc);
}

static int take(void *arg, struct manifest_item *item)
{
	struct diag diag;

	(void)arg;
	if (!item->obj) {
		check_diag(&item->diag);
		if (item->diag.level == DIAG_ERROR && pol)
			must(!policy_object_refuse(pol, &item->id, &item->diag));
		return 0;
	}
	there_and_back(item->obj);
	need_policy();
	must(item->id.kind == (int)item->obj->kind && !strcmp(item->id.name, item->obj->name->s));
	must(!policy_object_apply(pol, item->obj, &diag));
	return 0;
}

static void show(void)
{
	json_decref(policy_list_json(pol));
	json_decref(policy_class_json(pol));
	json_decref(policy_refused_json(pol));
	json_decref(policy_rules_json(pol));
	json_decref(policy_services_json(pol));
	json_decref(policy_service_json(pol, "default", "web"));
	json_decref(policy_service_names_json(pol));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {};

	if (manifest_parse("fuzz", (const char *)data, size, take, NULL, &diag) == -EINVAL)
		check_diag(&diag);
	if (manifest_parse_json("fuzz", (const char *)data, size, take, NULL, &diag) == -EINVAL)
		check_diag(&diag);
	if (!pol)
		return 0;
	must(!policy_commit(pol));
	show();
	must(!policy_endpoint_del(pol, 1));
	must(!policy_commit(pol));
	policy_free(pol);
	pol = NULL;
	return 0;
}
