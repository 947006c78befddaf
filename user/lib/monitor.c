// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Events of the kernel module: its multicast groups on a socket of their own.
 * Messages of a group are numbered, so that what a slow listener lost is known
 * to the message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "lib/nl.h"

#define RECEIVE_QUEUE	(4 * 1024 * 1024)	/* bytes; the kernel counts overhead too */

enum group {
	GROUP_FLOWS,
	GROUP_DROPS,
	GROUP_POLICY,
	__GROUP_MAX,
};

static const char *const group_names[__GROUP_MAX] = {
	SLUICE_MCGRP_FLOWS, SLUICE_MCGRP_DROPS, SLUICE_MCGRP_POLICY,
};

struct sluice_monitor {
	struct lib_nl *nl;
	int (*cb)(void *arg, const struct sluice_notice *notice);
	void *arg;
	bool seen[__GROUP_MAX];
	__u32 seq[__GROUP_MAX];		/* of the last message */
	__u64 lost_events;		/* as the module counted when it was last heard */
	int count;			/* notices of the read under way */
	int stop;
};

static int tell(struct sluice_monitor *m, const struct sluice_notice *n)
{
	m->stop = m->cb(m->arg, n);
	m->count++;
	return m->stop < 0 ? m->stop : 0;
}

/* -------------------------------------------------------------- contents */

static void get_counter(struct nlattr *nest, struct sl_counter *out)
{
	struct nlattr *a[SLUICE_A_COUNTER_MAX + 1];

	memset(out, 0, sizeof(*out));
	if (!nest || nla_parse_nested(a, SLUICE_A_COUNTER_MAX, nest, NULL))
		return;
	out->packets = lib_nl_uint(a[SLUICE_A_COUNTER_PACKETS]);
	out->bytes = lib_nl_uint(a[SLUICE_A_COUNTER_BYTES]);
}

static int tell_flow(struct sluice_monitor *m, struct nlattr *nest, bool closed)
{
	struct sluice_notice n = { .type = closed ? SLUICE_NOTICE_FLOW_CLOSED :
						    SLUICE_NOTICE_FLOW_OPENED };
	struct nlattr *a[SLUICE_A_FLOW_MAX + 1];
	struct sluice_notice_flow *f = &n.flow;

	if (nla_parse_nested(a, SLUICE_A_FLOW_MAX, nest, NULL))
		return -EBADMSG;
	lib_nl_copy(&f->addr[0], a[SLUICE_A_FLOW_SADDR], sizeof(f->addr[0]));
	lib_nl_copy(&f->addr[1], a[SLUICE_A_FLOW_DADDR], sizeof(f->addr[1]));
	lib_nl_copy(&f->port[0], a[SLUICE_A_FLOW_SPORT], sizeof(f->port[0]));
	lib_nl_copy(&f->port[1], a[SLUICE_A_FLOW_DPORT], sizeof(f->port[1]));
	lib_nl_copy(&f->proto, a[SLUICE_A_FLOW_PROTO], sizeof(f->proto));
	f->state = lib_nl_u32(a[SLUICE_A_FLOW_STATE]);
	f->reason = lib_nl_u32(a[SLUICE_A_FLOW_REASON]);
	f->ep[0] = lib_nl_u32(a[SLUICE_A_FLOW_SRC_ENDPOINT]);
	f->ep[1] = lib_nl_u32(a[SLUICE_A_FLOW_DST_ENDPOINT]);
	f->rule[SL_DIR_INGRESS] = lib_nl_u32(a[SLUICE_A_FLOW_INGRESS_RULE]);
	f->rule[SL_DIR_EGRESS] = lib_nl_u32(a[SLUICE_A_FLOW_EGRESS_RULE]);
	f->tier[SL_DIR_INGRESS] = lib_nl_u32(a[SLUICE_A_FLOW_INGRESS_TIER]);
	f->tier[SL_DIR_EGRESS] = lib_nl_u32(a[SLUICE_A_FLOW_EGRESS_TIER]);
	f->created_ns = lib_nl_uint(a[SLUICE_A_FLOW_CREATED]);
	f->last_ns = lib_nl_uint(a[SLUICE_A_FLOW_LAST]);
	get_counter(a[SLUICE_A_FLOW_SENT], &f->count[0]);
	get_counter(a[SLUICE_A_FLOW_RECEIVED], &f->count[1]);
	return tell(m, &n);
}

static int tell_drop(struct sluice_monitor *m, struct nlattr *nest)
{
	struct sluice_notice n = { .type = SLUICE_NOTICE_DROP };
	struct nlattr *a[SLUICE_A_DROP_MAX + 1];

	if (nla_parse_nested(a, SLUICE_A_DROP_MAX, nest, NULL))
		return -EBADMSG;
	n.drop.reason = lib_nl_u32(a[SLUICE_A_DROP_REASON]);
	n.drop.ep = lib_nl_u32(a[SLUICE_A_DROP_ENDPOINT]);
	n.drop.rule = lib_nl_u32(a[SLUICE_A_DROP_RULE]);
	n.drop.count.packets = lib_nl_uint(a[SLUICE_A_DROP_PACKETS]);
	n.drop.count.bytes = lib_nl_uint(a[SLUICE_A_DROP_BYTES]);
	return tell(m, &n);
}

static int tell_policy(struct sluice_monitor *m, struct nlattr **attrs)
{
	struct sluice_notice n = { .type = SLUICE_NOTICE_POLICY };

	n.policy.generation = lib_nl_u32(attrs[SLUICE_A_EVENT_GENERATION]);
	n.policy.commits = lib_nl_u32(attrs[SLUICE_A_EVENT_COMMITS]);
	n.policy.operations = lib_nl_u32(attrs[SLUICE_A_EVENT_OPERATIONS]);
	return tell(m, &n);
}

/* -------------------------------------------------------------- messages */

static int tell_lost(struct sluice_monitor *m, enum group g, __u64 messages, __u64 events)
{
	struct sluice_notice n = { .type = SLUICE_NOTICE_LOST };

	n.lost.group = 1U << g;
	n.lost.messages = messages;
	n.lost.events = events;
	return tell(m, &n);
}

/* What is missing between the last message of the group and this one. */
static int check_lost(struct sluice_monitor *m, enum group g, struct nlattr **attrs)
{
	__u32 seq = lib_nl_u32(attrs[SLUICE_A_EVENT_SEQ]);
	__u64 events = lib_nl_uint(attrs[SLUICE_A_EVENT_LOST]), more_events = 0;
	__u32 messages = m->seen[g] ? seq - m->seq[g] - 1 : 0;

	if (g == GROUP_FLOWS) {
		if (m->seen[g] && events > m->lost_events)
			more_events = events - m->lost_events;
		m->lost_events = events;
	}
	m->seen[g] = true;
	m->seq[g] = seq;
	return messages || more_events ? tell_lost(m, g, messages, more_events) : 0;
}

static int tell_records(struct sluice_monitor *m, struct nlmsghdr *nlh)
{
	struct genlmsghdr *genl = nlmsg_data(nlh);
	struct nlattr *a;
	int rem, err = 0;

	nla_for_each_attr(a, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(a) == SLUICE_A_EVENT_OPENED || nla_type(a) == SLUICE_A_EVENT_CLOSED)
			err = tell_flow(m, a, nla_type(a) == SLUICE_A_EVENT_CLOSED);
		else if (nla_type(a) == SLUICE_A_EVENT_DROP)
			err = tell_drop(m, a);
		if (err)
			break;
	}
	return err;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	static const __u8 groups[] = {
		[SLUICE_CMD_FLOW_NTF] = GROUP_FLOWS + 1,
		[SLUICE_CMD_DROP_NTF] = GROUP_DROPS + 1,
		[SLUICE_CMD_POLICY_NTF] = GROUP_POLICY + 1,
	};
	struct genlmsghdr *genl = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attrs[SLUICE_A_EVENT_MAX + 1];
	struct sluice_monitor *m = arg;
	enum group g;
	int err;

	/* an event that a later module has */
	if (genl->cmd >= ARRAY_SIZE(groups) || !groups[genl->cmd])
		return NL_OK;
	g = groups[genl->cmd] - 1;
	if (nla_parse(attrs, SLUICE_A_EVENT_MAX, genlmsg_attrdata(genl, 0),
		      genlmsg_attrlen(genl, 0), NULL))
		return NL_OK;
	err = check_lost(m, g, attrs);
	if (!err)
		err = g == GROUP_POLICY ? tell_policy(m, attrs) : tell_records(m, nlmsg_hdr(msg));
	return err ? NL_STOP : NL_OK;
}

static int no_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

/* ------------------------------------------------------------ in and out */

static int join(struct sluice_monitor *m, unsigned int groups)
{
	int g, id;

	for (g = 0; g < __GROUP_MAX; g++) {
		if (!(groups & 1U << g))
			continue;
		id = genl_ctrl_resolve_grp(m->nl->sk, SLUICE_FAMILY_NAME, group_names[g]);
		if (id < 0)
			return -EOPNOTSUPP;
		if (setsockopt(nl_socket_get_fd(m->nl->sk), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			       &id, sizeof(id)))
			return -errno;
	}
	return 0;
}

int sluice_monitor_open(unsigned int groups,
			int (*cb)(void *arg, const struct sluice_notice *notice), void *arg,
			struct sluice_monitor **out)
{
	int size = RECEIVE_QUEUE, err;
	struct sluice_monitor *m;

	if (!groups || groups & ~SLUICE_GROUP_ALL)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->cb = cb;
	m->arg = arg;
	err = lib_nl_open(&m->nl);
	if (err)
		goto err_free;
	setsockopt(nl_socket_get_fd(m->nl->sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	err = join(m, groups);
	if (err)
		goto err_close;
	nl_socket_set_nonblocking(m->nl->sk);
	nl_cb_set(m->nl->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, no_sequence, NULL);
	nl_cb_set(m->nl->cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, m);
	*out = m;
	return 0;

err_close:
	lib_nl_close(m->nl);
err_free:
	free(m);
	return err;
}

int sluice_monitor_fd(const struct sluice_monitor *m)
{
	return nl_socket_get_fd(m->nl->sk);
}

int sluice_monitor_read(struct sluice_monitor *m)
{
	int n;

	m->count = 0;
	m->stop = 0;
	do {
		n = nl_recvmsgs(m->nl->sk, m->nl->cb);
		if (m->stop < 0)
			return m->stop;
		/* the queue ran over: by how much the next messages' numbers say */
	} while (n >= 0 || n == -NLE_NOMEM);
	return n == -NLE_AGAIN ? m->count : -EIO;
}

void sluice_monitor_close(struct sluice_monitor *m)
{
	if (!m)
		return;
	lib_nl_close(m->nl);
	free(m);
}
