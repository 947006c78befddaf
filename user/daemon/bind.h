/* SPDX-License-Identifier: GPL-2.0 */
/* --bind: the kernel module gets the tables of a pipeline that was there before it. */
#ifndef SLUICED_BIND_H
#define SLUICED_BIND_H

#include "daemon/config.h"

/* Returns the exit code; logs what fails. */
int bind_run(const struct config *cfg);

#endif
