/* SPDX-License-Identifier: GPL-2.0 */
/* Names of the ABI's enums, as libsluice's table descriptors have them. */
#ifndef SLUICE_CLI_ABI_NAME_H
#define SLUICE_CLI_ABI_NAME_H

/*
 * The name of @value of an enum field ("flow", "state"); "?" for a value that
 * this program does not know.
 */
const char *abi_name(const char *table, const char *field, unsigned int value);

#endif
