// SPDX-License-Identifier: GPL-2.0
/*
 * Finding tables. They are described by user/lib/table_desc.c, and what may be
 * written into which by hand is judged by user/lib/table_check.c: both are
 * compiled into the library as well.
 */
#include <linux/nospec.h>
#include <linux/string.h>
#include "sluice.h"

static_assert((int)SLUICE_CHANGE_INSERT == (int)SLUICE_ENTRY_INSERT);
static_assert((int)SLUICE_CHANGE_MODIFY == (int)SLUICE_ENTRY_MODIFY);
static_assert((int)SLUICE_CHANGE_SET == (int)SLUICE_ENTRY_SET);
static_assert((int)SLUICE_CHANGE_DELETE == (int)SLUICE_ENTRY_DELETE);

const struct sluice_table *sluice_table_by_name(const char *name)
{
	const struct sluice_table *t;
	size_t n, i;

	t = sluice_tables(&n);
	for (i = 0; i < n; i++)
		if (!strcmp(t[i].name, name))
			return &t[i];
	return NULL;
}

const struct sluice_table *sluice_table_by_id(u32 id)
{
	const struct sluice_table *t;
	size_t n;

	t = sluice_tables(&n);
	return id < n ? &t[array_index_nospec(id, n)] : NULL;
}

u32 sluice_table_flags(const struct sluice_table *t)
{
	return (t->writable ? SLUICE_TABLE_FLAGS_WRITABLE : 0) |
	       (t->deletable ? SLUICE_TABLE_FLAGS_DELETABLE : 0) |
	       (t->percpu ? SLUICE_TABLE_FLAGS_PERCPU : 0);
}

int sluice_item_check(const struct sluice_item *item, struct netlink_ext_ack *extack)
{
	char text[SLUICE_ERROR_TEXT];
	int err = sluice_entry_check(item->t, item->op, item->key, item->value, text);

	if (err)
		NL_SET_ERR_MSG_FMT(extack, "%s", text);
	return err;
}
