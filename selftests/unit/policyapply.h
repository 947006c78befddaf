/* SPDX-License-Identifier: GPL-2.0 */
/* Objects from manifests that must be right, into a policy. */
#ifndef UNIT_POLICYAPPLY_H
#define UNIT_POLICYAPPLY_H

#include "unit.h"
#include <string.h>
#include "daemon/manifest.h"
#include "daemon/policy_impl.h"

static int apply_item(void *arg, struct manifest_item *item)
{
	struct diag d;

	if (!item->obj)
		fail_msg("%d:%d %s: %s", item->diag.line, item->diag.column, item->diag.field,
			 item->diag.text);
	return policy_object_apply(arg, item->obj, &d);
}

static void apply(struct policy *pol, const char *text)
{
	struct diag d;

	assert_int_equal(manifest_parse("t.yaml", text, strlen(text), apply_item, pol, &d), 0);
}

#endif
