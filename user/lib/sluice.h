/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * libsluice: the one way to the pipeline for every program, ours and others.
 *
 * A handle stands for one dataplane: the maps, programs and links pinned
 * under one root (default /sys/fs/bpf/sluice). Handles hold no global state;
 * one handle is for one thread at a time. Functions return 0 or a negative
 * errno unless they say otherwise, and never print.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "bpf/abi.h"
#include "table_desc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_PIN_ROOT	"/sys/fs/bpf/sluice"
#define SLUICE_RUN_DIR	"/run/sluice"
#define SLUICE_STATE_DIR "/var/lib/sluice"

struct sluice;

/* ------------------------------------------------------------- loading */

struct sluice_load_opts {
	size_t sz;			/* sizeof this struct */
	__u32 flow_max;			/* entries; 0: 131072 */
	__u32 half_max;			/* entries; 0: 32768 */
	__u32 rule_max;			/* entries; 0: 1048576 */
	__u32 class_max;		/* entries; 0: 65536 */
	__u32 addr_max;			/* entries; 0: 8192 */
	__u32 route_max;		/* entries; 0: 16384 */
	/* NULL, or called with libbpf's and the verifier's complaints */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	/* The program for sluice_xdp_attach(), which encapsulates as the tunnel device would. */
	bool edge;			/* else it is not loaded */
	enum sl_encap encap;		/* SL_ENCAP_NONE: encapsulated packets are not its */
	__u16 encap_port;		/* UDP, host order */
};

/*
 * sluice_load() - load the programs and pin everything under @root
 * @root: directory on a bpffs, created 0700; mounted there if it is not one.
 *
 * Maps that are already pinned are kept with their contents; programs are
 * always replaced, links in place (BPF_LINK_UPDATE), so that no packet goes
 * unjudged in between. A map whose size in @opts differs from the pinned one
 * is kept and reported through @opts->log.
 *
 * Errors: -EPERM (needs CAP_BPF, CAP_NET_ADMIN), -ENOTSUP (no BTF), -EBUSY
 * (another loader is at work on @root), -ESTALE (a map is pinned there whose
 * keys or values look different: @opts->log names it; nothing was changed),
 * -EINVAL (@root is not an absolute path), -ENAMETOOLONG, what bpf(2) returned.
 *
 * libbpf has one print function for the whole process. While a function of
 * this library that may make libbpf speak is running it is ours; what other
 * threads have libbpf print meanwhile goes on to where it went before.
 */
int sluice_load(const char *root, const struct sluice_load_opts *opts, struct sluice **out);

/*
 * sluice_open() - open what is pinned under @root; -ENOENT when nothing is,
 * -ESTALE when another build pinned tables that look different.
 */
int sluice_open(const char *root, struct sluice **out);

/* By which way entries are read and written; both say the same and refuse the same. */
enum sluice_backend {
	SLUICE_BACKEND_AUTO,		/* netlink where the module has this pipeline, else pinned */
	SLUICE_BACKEND_PINNED,		/* the pinned maps by bpf(2) */
	SLUICE_BACKEND_NETLINK,		/* the kernel module's netlink family */
};

struct sluice_open_opts {
	size_t sz;			/* sizeof this struct */
	enum sluice_backend backend;
};

/*
 * sluice_open_opts() - sluice_open() with a choice
 * @opts: NULL: as sluice_open(). Where the choice is AUTO, the environment's
 * SLUICE_BACKEND ("pinned", "netlink") chooses.
 *
 * Errors as sluice_open(), and -EOPNOTSUPP when NETLINK was asked for and the
 * module is not loaded, -ENODEV when it has no pipeline in this network
 * namespace, -EINVAL when the environment names something else.
 */
int sluice_open_opts(const char *root, const struct sluice_open_opts *opts, struct sluice **out);
/* "pinned" or "netlink". */
const char *sluice_backend_name(const struct sluice *sl);
void sluice_close(struct sluice *sl);

/*
 * sluice_unload() - detach everything and unpin everything under @root; 0 also
 * when there is nothing. Run it in the network namespace of the devices.
 */
int sluice_unload(const char *root);

/* ------------------------------------------------------- kernel module */

/* Is it loaded, whoever's pipeline it may know? */
bool sluice_kmod_present(void);
/*
 * sluice_kmod_bind() - give the tables to the kernel module, as the pipeline of
 * the caller's network namespace, in place of what was bound there before.
 * sluice_load() does it where the module is loaded; a caller that finds it
 * loaded later does it again.
 *
 * Errors: -ENODEV (not loaded), -EOPNOTSUPP (it offers no kfuncs: built for
 * another kernel), -EPROTO (it knows another version of the tables), -EPERM.
 */
int sluice_kmod_bind(struct sluice *sl);
/* The reverse; -ENOENT when nothing was bound. sluice_unload() does it. */
int sluice_kmod_unbind(struct sluice *sl);

/*
 * sluice_retire() - take away what another version of the tables has pinned
 *
 * Programs and links of a loader that was here before and knew another
 * SL_ABI_VERSION go on working on their own tables, beside ours. Once the devices have ours they
 * are to go. Returns how many such versions there were.
 */
int sluice_retire(struct sluice *sl);

/* Descriptor of a pinned map; owned by the handle. Never fails on an open handle. */
int sluice_map_fd(const struct sluice *sl, enum sl_map map);
const char *sluice_map_name(enum sl_map map);

enum sluice_attach {
	SLUICE_ATTACH_VETH,		/* node's end of a pod's veth pair */
	SLUICE_ATTACH_NETKIT,		/* primary of a pod's netkit pair */
	SLUICE_ATTACH_UPLINK,
	SLUICE_ATTACH_TUNNEL,		/* collect-metadata VXLAN or Geneve device */
	__SLUICE_ATTACH_MAX,
};

/*
 * sluice_attach() - put the programs of @how on a device of the caller's
 * network namespace, pinned. tcx where the kernel has it, else clsact.
 * Attached already with the same @how: 0, nothing changes; half of it, by a
 * caller that died: the rest is added. What a device that is gone left under
 * the same number is removed. Waits for a loader that is at work.
 *
 * Errors: -ENODEV, -EINVAL, -EEXIST (attached as something else), -ENOENT
 * (unloaded meanwhile), what bpf(2) or rtnetlink returned; the device is then
 * as it was before.
 */
int sluice_attach(struct sluice *sl, int ifindex, enum sluice_attach how);
/* From now on this handle attaches by clsact even where the kernel has tcx (@only), or not. */
void sluice_attach_clsact(struct sluice *sl, bool only);
/*
 * sluice_detach() - the reverse; 0 when the device or the link is gone already,
 * which is quick: a device that is about to be deleted needs no call before.
 */
int sluice_detach(struct sluice *sl, int ifindex);
/*
 * Calls @cb for each device of the caller's network namespace with programs; a
 * negative return stops and is returned.
 */
int sluice_attached(struct sluice *sl,
		    int (*cb)(void *arg, int ifindex, enum sluice_attach how), void *arg);
/*
 * 0 when every program of @how is at work on a device of the caller's network
 * namespace; -ENOENT when one is missing, -EINVAL, what bpf(2) returned.
 */
int sluice_attach_check(struct sluice *sl, int ifindex, enum sluice_attach how);

/*
 * sluice_cgroup_attach() - services for the sockets of a cgroup and of all below
 * @path: directory of a cgroup2 mount
 *
 * Whatever they connect to, or send datagrams to, that is a service's gets a
 * backend there and then. Pinned; attached already: 0, nothing changes, and on
 * another cgroup it moves. -ENOTSUP: no cgroup2; -ENOENT, what bpf(2) returned:
 * some of the programs may be attached then.
 */
int sluice_cgroup_attach(struct sluice *sl, const char *path);
/* The reverse; 0 when nothing was attached. sluice_unload() does it. */
int sluice_cgroup_detach(struct sluice *sl);

enum sluice_xdp_mode {
	SLUICE_XDP_NATIVE,		/* by the driver, before there is an skb */
	SLUICE_XDP_GENERIC,		/* by the kernel, where the driver can't; no faster than TC */
};

/*
 * sluice_xdp_attach() - the edge's program on a device
 * @ifindex: the uplink, in the caller's network namespace
 *
 * Packets of known flows through this node leave by it before the kernel has made
 * anything of them; all else goes on to the programs of sluice_attach(). Pinned.
 * It leaves any other device that it is on; attached already in @mode: 0, nothing
 * changes, in the other one it is attached anew, and packets go by TC meanwhile.
 *
 * Errors: -ENOENT (not loaded: see struct sluice_load_opts), -EBUSY (another program is there),
 * -EOPNOTSUPP (not with this driver), -EINVAL, -ENODEV, what bpf(2) returned.
 */
int sluice_xdp_attach(struct sluice *sl, int ifindex, enum sluice_xdp_mode mode);
/* The reverse, of all devices; 0 when nothing was attached. sluice_unload() does it. */
int sluice_xdp_detach(struct sluice *sl);

/* ----------------------------------------------- endpoints, run-time state */

/*
 * The endpoint array and the state word, mapped shared and writable; valid
 * until sluice_close(). Writers of `policy` and `route_gen` use
 * sluice_ep_set_policy() and sluice_route_gen_bump().
 */
struct sl_ep *sluice_eps(struct sluice *sl);	/* SL_EP_MAX entries */
struct sl_state *sluice_state(struct sluice *sl);

static inline void sluice_ep_set_policy(struct sl_ep *ep, __u64 word)
{
	__atomic_store_n(&ep->policy, word, __ATOMIC_RELEASE);
}

static inline __u64 sluice_ep_policy(const struct sl_ep *ep)
{
	return __atomic_load_n(&ep->policy, __ATOMIC_ACQUIRE);
}

static inline void sluice_route_gen_bump(struct sl_state *st)
{
	__atomic_add_fetch(&st->route_gen, 1, __ATOMIC_RELEASE);
}

/* --------------------------------------------------------------- addresses */

#define SLUICE_ADDR_STRLEN	46	/* longest address and the NUL */
#define SLUICE_PREFIX_STRLEN	50

bool sluice_addr_is_v4(const union sl_addr *a);
/*
 * @text: IPv4 or IPv6 without a prefix length; -EINVAL otherwise. One address
 * has one text: no leading zeros, no zone, no IPv4-mapped IPv6.
 */
int sluice_addr_parse(const char *text, union sl_addr *out);
/* @buf holds SLUICE_ADDR_STRLEN; returns @buf. IPv4-mapped prints as IPv4. */
const char *sluice_addr_format(const union sl_addr *a, char *buf);
/* "10.0.0.0/8", "fd00::/64"; host bits must be zero unless @loose; -EINVAL. */
int sluice_prefix_parse(const char *text, bool loose, struct sl_prefix *out);
/* @buf holds SLUICE_PREFIX_STRLEN; prints the length in the family's own bits. */
const char *sluice_prefix_format(const struct sl_prefix *p, char *buf);
/* The families don't mix: ::/0 does not contain 10.0.0.1. */
bool sluice_prefix_is_v4(const struct sl_prefix *p);
bool sluice_prefix_contains(const struct sl_prefix *p, const union sl_addr *a);

/* ------------------------------------------------------------------- flows */

/*
 * Calls @cb for every flow, half-open ones too (@half says which), aliases
 * left out; in no order, and a flow that comes or goes meanwhile may be
 * missed. A non-zero return of @cb stops and is returned.
 */
int sluice_flow_each(struct sluice *sl,
		     int (*cb)(void *arg, const struct sl_tuple *key,
			       const struct sl_flow *flow, bool half), void *arg);
/*
 * Deletes a flow and its alias; @key is the key of either. -ENOENT. The next
 * packet is judged anew.
 */
int sluice_flow_del(struct sluice *sl, const struct sl_tuple *key);
/* Removes idle and closed flows and stale aliases; returns how many flows. */
int sluice_flow_expire(struct sluice *sl);

/* ------------------------------------------------------- drops and counters */

/* Sums over the CPUs. */
int sluice_drops(struct sluice *sl, struct sl_counter out[__SL_DROP_MAX]);
int sluice_counts(struct sluice *sl, __u64 out[__SL_COUNT_MAX]);

const char *sluice_drop_name(enum sl_drop reason);	/* "policy-ingress" */
const char *sluice_drop_text(enum sl_drop reason);	/* one clause for people */
const char *sluice_count_name(enum sl_count count);

/* Event ring: one reader at a time. */
struct sluice_events;
int sluice_events_open(struct sluice *sl, int (*cb)(void *arg, const struct sl_event *ev),
		       void *arg, struct sluice_events **out);
int sluice_events_fd(const struct sluice_events *ev);	/* readable: call _read() */
/* Calls @cb for what is there; returns how many, or the negative return of @cb, which stops. */
int sluice_events_read(struct sluice_events *ev);
void sluice_events_close(struct sluice_events *ev);

/* ------------------------------------------- tables: table_desc.h describes */

const struct sluice_table *sluice_table_find(const char *name);
/* Entries in use, or a negative errno; @max: capacity, may be NULL. */
long sluice_table_count(struct sluice *sl, const struct sluice_table *t, __u32 *max);
/*
 * Calls @cb for each entry in no order, per-CPU values summed; a non-zero
 * return stops and is returned. Entries of an array that are all zero are
 * not in use and left out, here and in the count. -EOPNOTSUPP: a ring.
 */
int sluice_table_each(struct sluice *sl, const struct sluice_table *t,
		      int (*cb)(void *arg, const void *key, const void *value), void *arg);
/* The value fields of one entry: those of a flow's alias are others. */
const struct sluice_field *sluice_table_fields(const struct sluice_table *t, const void *value);
/* Prints one field as text; returns what snprintf would. */
int sluice_field_format(const struct sluice_field *f, const void *base, char *buf, size_t len);
/*
 * The reverse: @text into its place in @base. -EINVAL; -ERANGE: a number that
 * the field has no room for.
 */
int sluice_field_parse(const struct sluice_field *f, const char *text, void *base);
/*
 * The value of exactly @key, whose sizes are the table's. -ENOENT, -EOPNOTSUPP
 * (a ring), -EPERM.
 */
int sluice_entry_get(struct sluice *sl, const struct sluice_table *t, const void *key,
		     void *value);

/* ------------------------------------------------------------ transactions */

/*
 * Changes by hand, all or none. Entries written are marked as the
 * administrator's (enum sl_origin); the daemon leaves those alone, and its
 * own can't be changed here. What may be written: tables that are `writable`,
 * in `rule` and `port` sets whose ids have SL_RULESET_ADMIN or SL_PORTS_ADMIN;
 * deleted, whoever wrote them: entries of tables that are `deletable`.
 */
struct sluice_txn;

struct sluice_error {
	int err;			/* negative errno */
	long op;			/* which operation, from 0; -1: none in particular */
	char text[96];			/* why, for people */
};

/* -ENOMEM. Owned by the caller until it is committed or aborted. */
int sluice_txn_begin(struct sluice *sl, struct sluice_txn **out);
/* Commit only if the pipeline's generation is still @generation. */
void sluice_txn_expect(struct sluice_txn *txn, __u32 generation);

/*
 * Queue an operation; @key and @value have the table's sizes and are copied.
 * The form is checked here: -EINVAL (a field holds what it may not), -EPERM
 * (not to be written by hand), -ENOSPC (1,048,576 operations are the most),
 * -ENOMEM. A transaction with an operation that was refused can't be committed.
 */
int sluice_entry_insert(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
			const void *value);
int sluice_entry_modify(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
			const void *value);
int sluice_entry_set(struct sluice_txn *txn, const struct sluice_table *t, const void *key,
		     const void *value);
int sluice_entry_delete(struct sluice_txn *txn, const struct sluice_table *t, const void *key);

long sluice_txn_count(const struct sluice_txn *txn);	/* operations queued */
/* Why the first operation was refused that was; NULL: none was. Valid as long as @txn. */
const struct sluice_error *sluice_txn_error(const struct sluice_txn *txn);

/*
 * sluice_txn_commit() - carry out all operations, or none; frees @txn either way
 * @error: may be NULL
 *
 * Written first is what others point to; flows are judged again afterwards.
 * Errors: -EEXIST (insert: key is in use), -ENOENT (modify, delete: no such
 * key), -EPERM (the entry is the daemon's), -ENOSPC (table is full), -EBUSY,
 * -ESTALE (not the generation expected), the error of an operation that had
 * been refused, what the kernel returned.
 */
int sluice_txn_commit(struct sluice_txn *txn, struct sluice_error *error);
void sluice_txn_abort(struct sluice_txn *txn);		/* frees it; NULL is nothing */

/* The administrator's rules, struct sl_acl_rule: Documentation/acl.md. */
struct sluice_rule {
	__u32 id;			/* not 0 */
	struct sl_acl_rule rule;
	struct sl_counter count;	/* packets that it was applied to; not when written */
};

/*
 * Queue a change of rules; as for entries, and @rule->origin is set here.
 * When committed: add: -EEXIST; replace and delete: -ENOENT; -EPERM: the
 * rule is the daemon's. All changes of a transaction come in force at one
 * instant, and established flows are judged again.
 */
int sluice_rule_add(struct sluice_txn *txn, __u32 id, const struct sl_acl_rule *rule);
int sluice_rule_replace(struct sluice_txn *txn, __u32 id, const struct sl_acl_rule *rule);
int sluice_rule_delete(struct sluice_txn *txn, __u32 id);
/* The lowest id that no rule has, nor one that @txn adds; -ENOSPC, what reading returned. */
int sluice_rule_free_id(struct sluice_txn *txn, __u32 *id);
/* -ENOENT. */
int sluice_rule_get(struct sluice *sl, __u32 id, struct sluice_rule *out);
/* In the order in which they are asked; a non-zero return of @cb stops and is returned. */
int sluice_rule_each(struct sluice *sl, int (*cb)(void *arg, const struct sluice_rule *rule),
		     void *arg);

/* Counts transactions committed; negative errno as the back end's. */
int sluice_generation(struct sluice *sl, __u32 *out);

/* ------------------------------------------------- events, from the module */

enum sluice_group {
	SLUICE_GROUP_FLOWS	= 1 << 0, /* flows established, flows ended */
	SLUICE_GROUP_DROPS	= 1 << 1, /* packets dropped, once a second by reason and decider */
	SLUICE_GROUP_POLICY	= 1 << 2, /* commits of policy, transactions */
	SLUICE_GROUP_ALL	= SLUICE_GROUP_FLOWS | SLUICE_GROUP_DROPS | SLUICE_GROUP_POLICY,
};

enum sluice_notice_type {
	SLUICE_NOTICE_FLOW_OPENED,
	SLUICE_NOTICE_FLOW_CLOSED,
	SLUICE_NOTICE_DROP,
	SLUICE_NOTICE_POLICY,
	SLUICE_NOTICE_LOST,
};

struct sluice_notice_flow {
	union sl_addr addr[2];		/* of who began it, of the other */
	__be16 port[2];
	__u8 proto;			/* IPPROTO_ */
	__u8 state;			/* enum sl_flow_state */
	__u8 reason;			/* enum sl_close_reason */
	__u8 tier[__SL_DIR_MAX];	/* enum sl_tier of @rule */
	__u32 ep[2];			/* endpoints, 0: not here */
	__u32 rule[__SL_DIR_MAX];	/* who allowed */
	__u64 created_ns, last_ns;	/* CLOCK_MONOTONIC_COARSE */
	struct sl_counter count[2];	/* by who began it, by the other; bytes of layer 3 */
};

struct sluice_notice {
	enum sluice_notice_type type;
	union {
		struct sluice_notice_flow flow;
		struct {
			__u32 reason;		/* enum sl_drop */
			__u32 ep, rule;		/* both 0: sum over all of this reason */
			struct sl_counter count; /* since the notice before */
		} drop;
		struct {
			__u32 generation;	/* transactions committed */
			__u32 commits;		/* of policy, by the daemon */
			__u32 operations;	/* of the transaction; 0: a commit of the daemon's */
		} policy;
		struct {
			__u32 group;		/* enum sluice_group */
			__u64 messages;		/* that this listener was too slow for */
			__u64 events;		/* that the programs had no room for */
		} lost;
	};
};

struct sluice_monitor;
/*
 * sluice_monitor_open() - listen to the kernel module in this network namespace
 * @groups: enum sluice_group
 * @cb: called by sluice_monitor_read() for each notice; negative: stop
 *
 * Errors: -EOPNOTSUPP (the module is not loaded), -EPERM (needs CAP_NET_ADMIN
 * in the initial user namespace), -EINVAL, -ENOMEM.
 */
int sluice_monitor_open(unsigned int groups,
			int (*cb)(void *arg, const struct sluice_notice *notice), void *arg,
			struct sluice_monitor **out);
int sluice_monitor_fd(const struct sluice_monitor *m);	/* readable: call _read() */
/* What has come so far; returns how many notices, the negative return of @cb, -EIO. */
int sluice_monitor_read(struct sluice_monitor *m);
void sluice_monitor_close(struct sluice_monitor *m);

/* ---------------------------------------------------------------- features */

struct sluice_feature {
	const char *name;		/* "tcx" */
	const char *text;		/* what sluice does with it */
	bool required;
	int present;			/* 1, 0, or a negative errno: could not be found out */
};

/*
 * Probes the running kernel, by trying; takes some milliseconds. @out has @max
 * entries, the last one used has name NULL. Returns how many come before that;
 * -ENOSPC: @max is too small (64 is enough).
 */
int sluice_features(struct sluice_feature *out, size_t max);

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_H */
