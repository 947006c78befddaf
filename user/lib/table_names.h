/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Names of what is counted, for those who compile table_desc.c. */
#ifndef SLUICE_TABLE_NAMES_H
#define SLUICE_TABLE_NAMES_H

/* By enum sl_drop and enum sl_count, NULL-terminated. */
extern const char *const lib_drop_names[], *const lib_count_names[];

#endif
