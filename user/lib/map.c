// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "lib/sluice.h"

const char *sluice_map_name(enum sl_map map)
{
	static const char *const names[] = {
#define NAME(sym, name) name,
		SL_MAPS(NAME)
#undef NAME
	};

	return map < __SL_MAP_MAX ? names[map] : NULL;
}
