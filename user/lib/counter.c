// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Drop reasons and event counts: their names, and their sums over the CPUs. */
#include "lib/internal.h"

int sluice_drops(struct sluice *sl, struct sl_counter out[__SL_DROP_MAX])
{
	__u64 sums[__SL_DROP_MAX][2];
	unsigned int i;
	int err;

	err = lib_map_percpu_sum(sl->map_fd[SL_MAP_DROP], __SL_DROP_MAX, 2, sums[0]);
	if (err)
		return err;
	for (i = 0; i < __SL_DROP_MAX; i++)
		out[i] = (struct sl_counter){ .packets = sums[i][0], .bytes = sums[i][1] };
	return 0;
}

int sluice_counts(struct sluice *sl, __u64 out[__SL_COUNT_MAX])
{
	return lib_map_percpu_sum(sl->map_fd[SL_MAP_COUNT], __SL_COUNT_MAX, 1, out);
}

const char *sluice_drop_name(enum sl_drop reason)
{
	return reason < __SL_DROP_MAX ? lib_drop_names[reason] : "unknown";
}

const char *sluice_drop_text(enum sl_drop reason)
{
	static const char *const texts[] = {
#define TEXT(sym, name, text) text,
		SL_DROP_REASONS(TEXT)
#undef TEXT
	};

	return reason < __SL_DROP_MAX ? texts[reason] : "unknown reason";
}

const char *sluice_count_name(enum sl_count count)
{
	return count < __SL_COUNT_MAX ? lib_count_names[count] : "unknown";
}
