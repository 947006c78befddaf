/* SPDX-License-Identifier: GPL-2.0 */
/* Between rtnl.c and rtnl_l3.c only. */
#ifndef SLUICE_RTNL_IMPL_H
#define SLUICE_RTNL_IMPL_H

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include "common/rtnl.h"

struct rt {
	struct nl_sock *sk;
	struct nl_cb *cb;
	int (*parse)(struct rt *rt, struct nlmsghdr *nlh);
	int err;		/* negative errno of the request under way */
	bool done;		/* its answer is complete */
	void *items;		/* what a dump has parsed so far */
	size_t nitems, items_size;
	char text[256];
};

struct nl_msg *rt_msg(int type, int flags, const void *hdr, size_t len);
int rt_talk(struct rt *rt, struct nl_msg *msg, int (*parse)(struct rt *, struct nlmsghdr *));
int rt_dump(struct rt *rt, struct nl_msg *msg, int (*parse)(struct rt *, struct nlmsghdr *));
/* A zeroed new item of rt->items, or NULL without memory. */
void *rt_item(struct rt *rt, size_t size);

/* The callback may make requests of its own: it works on a copy. */
#define rt_items_each(rt, type, cb, arg)                                        \
	({                                                                      \
		type *__items = (rt)->items;                                    \
		size_t __n = (rt)->nitems;                                      \
		int __ret = 0;                                                  \
		(rt)->items = NULL;                                             \
		(rt)->items_size = (rt)->nitems = 0;                            \
		for (size_t __i = 0; __i < __n && !__ret; __i++)                \
			__ret = (cb)(arg, &__items[__i]);                       \
		free(__items);                                                  \
		__ret;                                                          \
	})

#endif
