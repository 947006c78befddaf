/* SPDX-License-Identifier: GPL-2.0 */
/* Loading the BPF objects, without keeping what that takes. */
#ifndef SLUICED_LOAD_H
#define SLUICED_LOAD_H

#include "daemon/config.h"

/* What the daemon has to know of the kernel. */
struct kernel_features {
	bool tcx;
	bool netkit;
};

/* sluice_load() in a child; its errors, or -EIO when the child died. */
int load_run(const struct config *cfg, struct kernel_features *features);

#endif
