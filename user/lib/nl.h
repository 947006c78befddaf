/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Generic netlink to the kernel module: a socket, requests, and what the kernel says of them. */
#ifndef SLUICE_LIB_NL_H
#define SLUICE_LIB_NL_H

#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include "kmod/include/uapi/linux/sluice.h"
#include "lib/backend.h"

struct lib_nl;
/* One answer; a negative return ends the request and is returned. */
typedef int (*lib_nl_parse_t)(struct lib_nl *nl, struct nlattr **attrs, void *arg);

struct lib_nl {
	struct nl_sock *sk;
	struct nl_cb *cb;
	int family;			/* id of "sluice" */

	/* The request under way. */
	lib_nl_parse_t parse;
	void *arg;
	bool done;
	int err;
	long op;			/* operation that the kernel says is at fault, -1 */
	char text[SLUICE_ERROR_TEXT];	/* extended acknowledgement, or "" */
};

#define LIB_NL_ATTRS	64		/* more than any set of attributes has */

/* -EOPNOTSUPP: there is no family of that name, which loads no module. */
int lib_nl_open(struct lib_nl **out);
void lib_nl_close(struct lib_nl *nl);
/* A socket of its own, connected as @like is. */
int lib_nl_clone(const struct lib_nl *like, struct lib_nl **out);

/* A request; NULL: no memory. @flags: NLM_F_DUMP or 0; @room: bytes of attributes. */
struct nl_msg *lib_nl_msg(const struct lib_nl *nl, int cmd, int flags, size_t room);
/* Sends and frees @msg (NULL: -ENOMEM), calls @parse for each answer. */
int lib_nl_talk(struct lib_nl *nl, struct nl_msg *msg, lib_nl_parse_t parse, void *arg);
/* The error that the last request ended with, in @error. */
int lib_nl_error(const struct lib_nl *nl, int err, struct sluice_error *error);

/* nl_rule.c */
struct lib_rule_op;
int lib_nl_rule_change(struct lib_nl *nl, __u32 txn, const struct lib_rule_op *op);
int lib_nl_rule_get(struct lib_nl *nl, __u32 id, struct sluice_rule *out);
int lib_nl_rule_each(struct lib_nl *nl, int (*cb)(void *arg, const struct sluice_rule *rule),
		     void *arg);

static inline __u32 lib_nl_u32(struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

/* `uint` of a specification: 4 or 8 bytes. */
static inline __u64 lib_nl_uint(struct nlattr *a)
{
	if (!a || nla_len(a) < 4)
		return 0;
	return nla_len(a) >= 8 ? nla_get_u64(a) : nla_get_u32(a);
}

/* At most @len bytes, the rest zero. */
static inline void lib_nl_copy(void *out, struct nlattr *a, size_t len)
{
	memset(out, 0, len);
	if (a)
		memcpy(out, nla_data(a), (size_t)nla_len(a) < len ? (size_t)nla_len(a) : len);
}

#endif
