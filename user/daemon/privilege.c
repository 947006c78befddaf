// SPDX-License-Identifier: GPL-2.0
/* Capabilities, given up. See privilege.h. */
#include "daemon/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_BPF
#define CAP_BPF 39
#endif

int privilege_drop(bool keep_sys_admin)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	__u64 keep = 1ULL << CAP_NET_ADMIN | 1ULL << CAP_BPF, have;

	if (keep_sys_admin)
		keep |= 1ULL << CAP_SYS_ADMIN;
	for (int cap = 0; cap < 64; cap++) {
		/* -EINVAL: the kernel knows no more of them. */
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno == EINVAL)
			break;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	have = data[0].permitted | (__u64)data[1].permitted << 32;
	keep &= have;
	data[0] = (struct __user_cap_data_struct){ (__u32)keep, (__u32)keep, 0 };
	data[1] = (struct __user_cap_data_struct){ (__u32)(keep >> 32), (__u32)(keep >> 32), 0 };
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
