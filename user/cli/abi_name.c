// SPDX-License-Identifier: GPL-2.0
/* Names of the ABI's enums, by the tables that hold them. */
#include <string.h>

#include "abi_name.h"
#include "lib/sluice.h"

static const struct sluice_field *find_field(const struct sluice_field *f, const char *name)
{
	for (; f && f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

const char *abi_name(const char *table, const char *field, unsigned int value)
{
	const struct sluice_table *t = sluice_table_find(table);
	const struct sluice_field *f;

	if (!t)
		return "?";
	f = find_field(t->key, field);
	if (!f)
		f = find_field(t->value, field);
	for (unsigned int i = 0; f && f->names && f->names[i]; i++)
		if (i == value)
			return f->names[i];
	return "?";
}
