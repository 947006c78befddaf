/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon may still do once the programs are loaded: CAP_NET_ADMIN
 * (rtnetlink, attaching) and CAP_BPF (maps and pins where unprivileged BPF is
 * off). CAP_SYS_ADMIN, for mounting a bpffs, and CAP_PERFMON, for the
 * verifier, were the loader's; on a kernel without tcx CAP_SYS_ADMIN stays,
 * since a clsact filter's program can be told apart only by its id.
 */
#ifndef SLUICED_PRIVILEGE_H
#define SLUICED_PRIVILEGE_H

#include <stdbool.h>

/* Drops all others for good; children and what they execute get no more. */
int privilege_drop(bool keep_sys_admin);

#endif
