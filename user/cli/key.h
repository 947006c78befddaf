/* SPDX-License-Identifier: GPL-2.0 */
/* The documented keys of a command's JSON, as a filter. */
#ifndef SLUICE_CLI_KEY_H
#define SLUICE_CLI_KEY_H

#include <jansson.h>

#include "command.h"

/*
 * A new object with exactly the keys that are documented, with what @src
 * has under them, null where it has nothing: what the daemon says beside
 * is no promise. NULL without memory.
 */
json_t *key_select(const struct cli_key *keys, const json_t *src);

#endif
