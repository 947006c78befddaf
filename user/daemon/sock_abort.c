// SPDX-License-Identifier: GPL-2.0
/* See sock_abort.h. */
#include "daemon/sock_abort.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

/* A dump that sockets came or went in the middle of is asked for again. */
#define DUMPS_MAX	4

struct sock_abort {
	struct sluice *sl;
	struct nl_sock *sk;
	struct nl_cb *cb;
	const char *doubt;
	struct inet_diag_req_v2 *gone;	/* sockets to be ended */
	size_t ngone, room;
	int err;			/* of the request under way */
};

/* ------------------------------------------------------------------- netlink */

/* libnl turns errno into codes of its own. */
static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct sock_abort *s = arg;

	(void)who;
	s->err = e->error;
	return NL_STOP;
}

/* The end of a dump says how it went. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct sock_abort *s = arg;
	int err;

	if (nlmsg_datalen(nlh) >= (int)sizeof(err)) {
		memcpy(&err, nlmsg_data(nlh), sizeof(err));
		if (err < 0)
			s->err = err;
	}
	return NL_STOP;
}

static int on_socket(struct nl_msg *msg, void *arg);

static int ask(struct sock_abort *s, int type, int flags, const struct inet_diag_req_v2 *req)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	int err;

	if (!msg)
		return -ENOMEM;
	err = nlmsg_append(msg, (void *)req, sizeof(*req), NLMSG_ALIGNTO);
	s->err = 0;
	if (!err)
		err = nl_send_auto(s->sk, msg);
	nlmsg_free(msg);
	if (err >= 0)
		err = nl_recvmsgs(s->sk, s->cb);
	if (s->err)
		return s->err;
	if (err == -NLE_DUMP_INTR)
		return -EAGAIN;
	return err < 0 ? -EIO : 0;
}

/* Those of @states, each to on_socket(). */
static int dump(struct sock_abort *s, int family, __u32 states)
{
	const struct inet_diag_req_v2 req = {
		.sdiag_family = family, .sdiag_protocol = IPPROTO_UDP, .idiag_states = states,
	};

	return ask(s, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req);
}

/* ------------------------------------------------------------------- sockets */

static void addr_of(union sl_addr *out, const struct inet_diag_msg *m)
{
	memset(out, 0, sizeof(*out));
	if (m->idiag_family == AF_INET6) {
		memcpy(out, m->id.idiag_dst, sizeof(*out));
		return;
	}
	out->h[5] = 0xffff;
	out->w[3] = m->id.idiag_dst[0];
}

/* The backend that a record of a socket names is one still, by this address. */
static int is_there(struct sock_abort *s, const struct sl_sock_key *key,
		    const struct sl_sock_val *v)
{
	struct sl_backend b;
	int err = bpf_map_lookup_elem(sluice_map_fd(s->sl, SL_MAP_BACKEND), &v->backend, &b);

	if (err)
		return err == -ENOENT ? 0 : err;
	return b.flags && b.svc == v->svc && b.proto == IPPROTO_UDP && b.port == key->port &&
	       !memcmp(&b.addr, &key->addr, sizeof(b.addr));
}

/* 1: it was connected by way of a service, to a backend that is gone. */
static int is_stale(struct sock_abort *s, const struct inet_diag_msg *m)
{
	struct sl_sock_key key = {
		.cookie = m->id.idiag_cookie[0] | (__u64)m->id.idiag_cookie[1] << 32,
		.port = m->id.idiag_dport,
	};
	struct sl_sock_val v;
	int err;

	addr_of(&key.addr, m);
	err = bpf_map_lookup_elem(sluice_map_fd(s->sl, SL_MAP_SOCK), &key, &v);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = is_there(s, &key, &v);
	return err < 0 ? err : !err;
}

static int add_gone(struct sock_abort *s, const struct inet_diag_msg *m)
{
	struct inet_diag_req_v2 *more;
	size_t room = s->room ? 2 * s->room : 16;

	if (s->ngone == s->room) {
		more = reallocarray(s->gone, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->gone = more;
		s->room = room;
	}
	s->gone[s->ngone++] = (struct inet_diag_req_v2){
		.sdiag_family = m->idiag_family, .sdiag_protocol = IPPROTO_UDP, .id = m->id,
	};
	return 0;
}

static int on_socket(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	const struct inet_diag_msg *m = nlmsg_data(nlh);
	struct sock_abort *s = arg;
	int stale;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlmsg_datalen(nlh) < (int)sizeof(*m))
		return NL_SKIP;
	stale = is_stale(s, m);
	if (stale > 0)
		stale = add_gone(s, m);
	/* the dump goes to its end all the same: the next request is not to meet the rest */
	if (stale < 0 && !s->err)
		s->err = stale;
	return NL_OK;
}

/* ----------------------------------------------------------------------- run */

static int look(struct sock_abort *s)
{
	int err = 0, tries;

	for (tries = 0; tries < DUMPS_MAX; tries++) {
		s->ngone = 0;
		err = dump(s, AF_INET, 1U << TCP_ESTABLISHED);
		if (!err)
			err = dump(s, AF_INET6, 1U << TCP_ESTABLISHED);
		if (err != -EAGAIN)
			return err == -ENOENT ? 0 : err;	/* a kernel without IPv6 */
	}
	return 0;	/* what there was in the last one */
}

int sock_abort_run(struct sock_abort *s)
{
	int err, n = 0;
	size_t i;

	if (s->doubt)
		return 0;
	err = look(s);
	for (i = 0; !err && i < s->ngone; i++) {
		err = ask(s, SOCK_DESTROY, NLM_F_ACK, &s->gone[i]);
		n += !err;
		/* it ended by itself, or has connected to another meanwhile */
		if (err == -ENOENT)
			err = 0;
	}
	return err ? err : n;
}

/* ----------------------------------------------------------------- life time */

/* Neither the dump nor the other request finds a socket. */
static const char *find_doubt(struct sock_abort *s)
{
	static const struct inet_diag_req_v2 nobody = {
		.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_UDP,
		.id = { .idiag_cookie = { INET_DIAG_NOCOOKIE - 1, 0 } },
	};
	int err;

	if (nl_connect(s->sk, NETLINK_SOCK_DIAG))
		return "the kernel has no NETLINK_SOCK_DIAG";
	err = dump(s, AF_INET, 0);
	if (err)
		return err == -ENOENT ? "the kernel has no CONFIG_INET_UDP_DIAG" :
					"the kernel does not list sockets of datagrams";
	err = ask(s, SOCK_DESTROY, NLM_F_ACK, &nobody);
	if (err == -EOPNOTSUPP)
		return "the kernel has no CONFIG_INET_DIAG_DESTROY";
	return err && err != -ENOENT ? "the kernel does not let sluiced end them" : NULL;
}

int sock_abort_new(struct sluice *sl, struct sock_abort **out)
{
	struct sock_abort *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sl = sl;
	s->sk = nl_socket_alloc();
	s->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!s->sk || !s->cb) {
		sock_abort_free(s);
		return -ENOMEM;
	}
	nl_cb_err(s->cb, NL_CB_CUSTOM, on_error, s);
	nl_cb_set(s->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, s);
	nl_cb_set(s->cb, NL_CB_VALID, NL_CB_CUSTOM, on_socket, s);
	s->doubt = find_doubt(s);
	*out = s;
	return 0;
}

void sock_abort_free(struct sock_abort *s)
{
	if (!s)
		return;
	nl_socket_free(s->sk);
	nl_cb_put(s->cb);
	free(s->gone);
	free(s);
}

const char *sock_abort_doubt(const struct sock_abort *s)
{
	return s->doubt;
}
