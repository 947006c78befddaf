/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the rule compiler needs of its surroundings: the kernel's, or the C library's. */
#ifndef SLUICE_ACL_SHIM_H
#define SLUICE_ACL_SHIM_H

#ifdef __KERNEL__

#include <linux/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#define acl_calloc(n, size)		kvcalloc(n, size, GFP_KERNEL)
#define acl_free(mem)			kvfree(mem)
#define acl_sort(base, n, size, cmp)	sort(base, n, size, cmp, NULL)
/* Called every few hundred microseconds of work. */
#define acl_breathe()			cond_resched()
#define acl_be64(x)			be64_to_cpu((__force __be64)(x))

#else

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define acl_calloc(n, size)		calloc(n, size)
#define acl_free(mem)			free(mem)
#define acl_sort(base, n, size, cmp)	qsort(base, n, size, cmp)
#define acl_breathe()			do { } while (0)
#define acl_be64(x)			be64toh(x)

#endif

#endif /* SLUICE_ACL_SHIM_H */
