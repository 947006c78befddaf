// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Generic netlink to the kernel module; see nl.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "lib/nl.h"

#ifndef NLMSGERR_ATTR_COOKIE
#define NLMSGERR_ATTR_COOKIE 3
#endif

#define RECEIVE_BUFFER	(128 * 1024)

/* --------------------------------------------------------------- answers */

static void take_extack(struct lib_nl *nl, struct nlattr *head, int len)
{
	struct nlattr *msg = nla_find(head, len, NLMSGERR_ATTR_MSG);
	struct nlattr *cookie = nla_find(head, len, NLMSGERR_ATTR_COOKIE);

	if (msg)
		snprintf(nl->text, sizeof(nl->text), "%.*s", nla_len(msg),
			 (const char *)nla_data(msg));
	if (cookie && nla_len(cookie) >= 8)
		nl->op = nla_get_u64(cookie);
}

/* libnl turns errno into codes of its own and drops the kernel's words. */
static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *nlh = (void *)((char *)e - NLMSG_HDRLEN);
	struct lib_nl *nl = arg;

	(void)who;
	nl->err = e->error;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && nlh->nlmsg_flags & NLM_F_CAPPED)
		take_extack(nl, (void *)(e + 1), nlh->nlmsg_len - NLMSG_LENGTH(sizeof(*e)));
	return NL_STOP;
}

/*
 * The end of a dump that failed half-way has the errno, and the words behind
 * it; libnl looks at neither.
 */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct lib_nl *nl = arg;
	int err = 0;

	if (nlmsg_datalen(nlh) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(nlh), sizeof(err));
	if (err < 0) {
		nl->err = err;
		take_extack(nl, (void *)((char *)nlmsg_data(nlh) + NLMSG_ALIGN(sizeof(err))),
			    nlmsg_datalen(nlh) - NLMSG_ALIGN(sizeof(err)));
	}
	nl->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct lib_nl *nl = arg;

	(void)msg;
	nl->done = true;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attrs[LIB_NL_ATTRS + 1];
	struct lib_nl *nl = arg;

	if (!nl->parse)
		return NL_OK;
	if (nla_parse(attrs, LIB_NL_ATTRS, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0),
		      NULL))
		nl->err = -EBADMSG;
	else
		nl->err = nl->parse(nl, attrs, nl->arg);
	return nl->err ? NL_STOP : NL_OK;
}

/* ---------------------------------------------------------------- socket */

static int open_socket(struct lib_nl **out)
{
	struct lib_nl *nl = calloc(1, sizeof(*nl));
	int one = 1, err;

	if (!nl)
		return -ENOMEM;
	nl->sk = nl_socket_alloc();
	nl->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!nl->sk || !nl->cb) {
		lib_nl_close(nl);
		return -ENOMEM;
	}
	err = genl_connect(nl->sk);
	if (err) {
		lib_nl_close(nl);
		return err == -NLE_NOMEM ? -ENOMEM : -EOPNOTSUPP;
	}
	nl_socket_set_msg_buf_size(nl->sk, RECEIVE_BUFFER);
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	nl_cb_err(nl->cb, NL_CB_CUSTOM, on_error, nl);
	nl_cb_set(nl->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	nl_cb_set(nl->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, nl);
	nl_cb_set(nl->cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, nl);
	*out = nl;
	return 0;
}

/* Among all families: asking for this one by name would load the module. */
static int find_family(struct lib_nl *nl)
{
	struct genl_family *family;
	struct nl_cache *cache;

	if (genl_ctrl_alloc_cache(nl->sk, &cache))
		return -EOPNOTSUPP;
	family = genl_ctrl_search_by_name(cache, SLUICE_FAMILY_NAME);
	if (family) {
		nl->family = genl_family_get_id(family);
		genl_family_put(family);
	}
	nl_cache_free(cache);
	return nl->family ? 0 : -EOPNOTSUPP;
}

int lib_nl_open(struct lib_nl **out)
{
	struct lib_nl *nl;
	int err = open_socket(&nl);

	if (err)
		return err;
	err = find_family(nl);
	if (err) {
		lib_nl_close(nl);
		return err;
	}
	*out = nl;
	return 0;
}

int lib_nl_clone(const struct lib_nl *like, struct lib_nl **out)
{
	int err = open_socket(out);

	if (!err)
		(*out)->family = like->family;
	return err;
}

void lib_nl_close(struct lib_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sk);
	nl_cb_put(nl->cb);
	free(nl);
}

/* -------------------------------------------------------------- requests */

struct nl_msg *lib_nl_msg(const struct lib_nl *nl, int cmd, int flags, size_t room)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + 64 + room);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, cmd,
				SLUICE_FAMILY_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static int receive(struct lib_nl *nl)
{
	int n;

	while (!nl->done && !nl->err) {
		n = nl_recvmsgs(nl->sk, nl->cb);
		if (nl->err || nl->done)
			break;
		if (n == -NLE_NOMEM)
			return -ENOBUFS;
		if (n == -NLE_MSG_TRUNC)
			return -EMSGSIZE;
		if (n < 0 && n != -NLE_DUMP_INTR)
			return -EIO;
	}
	return nl->err;
}

int lib_nl_talk(struct lib_nl *nl, struct nl_msg *msg, lib_nl_parse_t parse, void *arg)
{
	int err;

	nl->text[0] = '\0';
	nl->op = -1;
	nl->err = 0;
	nl->done = false;
	nl->parse = parse;
	nl->arg = arg;
	if (!msg)
		return -ENOMEM;
	err = nl_send_auto(nl->sk, msg);
	nlmsg_free(msg);
	return err < 0 ? -EIO : receive(nl);
}

int lib_nl_error(const struct lib_nl *nl, int err, struct sluice_error *error)
{
	if (!nl->text[0])
		return lib_error_plain(error, err, nl->op);
	return lib_error_set(error, err, nl->op, "%s", nl->text);
}
