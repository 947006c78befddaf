/* SPDX-License-Identifier: GPL-2.0 */
/* --unload: leave nothing of sluice in the kernel. */
#ifndef SLUICED_UNLOAD_H
#define SLUICED_UNLOAD_H

#include "daemon/config.h"

/* Returns the exit code; logs what fails. */
int unload_run(const struct config *cfg);

#endif
