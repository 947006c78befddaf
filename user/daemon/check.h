/* SPDX-License-Identifier: GPL-2.0 */
/* --check-config: would this configuration and these manifests be taken? */
#ifndef SLUICED_CHECK_H
#define SLUICED_CHECK_H

#include "daemon/config.h"

/* Prints what is wrong on stdout, a line each; returns the exit code. */
int check_run(const struct config *cfg);

#endif
