/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module's objects share: the pipeline of a network namespace and who
 * holds what. The BPF maps of the pipeline are the truth; nothing here is a
 * second copy of one.
 *
 * Order of locks: sluice_net.lock, then bind_lock, then what a map takes for
 * itself. No lock of ours is taken where packets are.
 */
#ifndef SLUICE_KMOD_H
#define SLUICE_KMOD_H

#include <linux/bpf.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <uapi/linux/sluice.h>
#include "bpf/abi.h"
#include "user/lib/table_desc.h"

#define SLUICE_MODULE_VERSION	"0.1.0"

/* The maps of one pipeline, as its loader bound them; never changed afterwards. */
struct sluice_pipe {
	struct kref ref;
	struct rcu_head rcu;
	struct bpf_map *map[__SL_MAP_MAX];
};

struct sluice_event_group {
	u32 seq;			/* of the last message */
};

struct sluice_net {
	struct net *net;
	struct list_head list;		/* of all namespaces, see sluice_net_each() */
	spinlock_t bind_lock;
	struct sluice_pipe __rcu *pipe;	/* written under @bind_lock */
	struct sluice_pipe *next;	/* being bound, under @bind_lock */
	struct mutex lock;		/* transactions, commits */
	struct list_head txns;		/* under @lock */
	u32 last_txn;

	struct delayed_work event_work;
	unsigned long event_until;	/* jiffies: looks for listeners until then */
	struct sluice_event_group group[3];
	struct sluice_drop_track *drops;	/* what was told last; the work item's own */
	u32 commits_told;
};

/* ---------------------------------------------------------- pipeline.c */

int sluice_pipeline_init(void);
void sluice_pipeline_exit(void);

struct sluice_net *sluice_net_of(const struct net *net);
void sluice_net_each(void (*cb)(struct sluice_net *sn));

/*
 * The pipeline that is bound in @sn, held for the caller, or NULL with
 * @extack saying so. May be called from anywhere that may take RCU.
 */
struct sluice_pipe *sluice_pipe_get(struct sluice_net *sn, struct netlink_ext_ack *extack);
void sluice_pipe_put(struct sluice_pipe *pipe);
int sluice_pipe_unbind(struct sluice_net *sn);

/* The one entry of sl_state; valid while @pipe is held. */
struct sl_state *sluice_pipe_state(const struct sluice_pipe *pipe);

/* ------------------------------------------------------------- kfunc.c */

int sluice_kfunc_init(void);
/* The kfuncs; only BPF programs call them. */
int bpf_sluice_map_bind(void *map__map, u32 which);
int bpf_sluice_pipeline_bind(u32 abi);
int bpf_sluice_pipeline_unbind(void);
/* Takes a reference to @map as @which of the pipeline that is being bound. */
int sluice_pipe_bind_map(struct sluice_net *sn, struct bpf_map *map, u32 which);
/* What was bound becomes the pipeline when nothing is missing. */
int sluice_pipe_bind_done(struct sluice_net *sn, u32 abi);

/* --------------------------------------------------------------- map.c */

/* Copies the value of @key, sums it for a per-CPU map; -ENOENT. */
int sluice_map_read(struct bpf_map *map, const void *key, void *value);
/* Flags as of bpf(2): BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
int sluice_map_write(struct bpf_map *map, const void *key, const void *value, u64 flags);
/* For what was there and has to be there again: waits for memory, up to a second. */
int sluice_map_restore(struct bpf_map *map, const void *key, const void *value);
int sluice_map_delete(struct bpf_map *map, const void *key);
/*
 * Like sluice_map_read(), but for exactly @key also in a trie, whose lookup
 * answers with what covers the key as well.
 */
int sluice_map_read_exact(struct bpf_map *map, const void *key, void *value);
/* One more of enum sl_count. */
void sluice_count_inc(struct sluice_pipe *pipe, u32 count);
/* Rounded as the kernel rounds per-CPU values. */
#define SLUICE_VALUE_ROOM	4096

/* ---------------------------------------------------------- snapshot.c */

/*
 * The keys that a map had at one moment, so that a dump which takes many
 * messages tells of each entry once and of none that was there all the while
 * never. Values are read when they are sent.
 */
struct sluice_snapshot {
	struct bpf_map *map;
	u32 count, room, next;
	u8 *keys;
};

/* False: this entry is not wanted. Runs under RCU, and must not sleep. */
typedef bool (*sluice_filter_t)(const void *arg, const void *key, const void *value);

int sluice_snapshot_take(struct sluice_snapshot *s, struct bpf_map *map, sluice_filter_t filter,
			 const void *arg);
void sluice_snapshot_free(struct sluice_snapshot *s);
/* The next key, or NULL at the end; sluice_snapshot_back() gives it again. */
const void *sluice_snapshot_next(struct sluice_snapshot *s);
static inline void sluice_snapshot_back(struct sluice_snapshot *s)
{
	s->next--;
}

/* ------------------------------------------------------------- table.c */

const struct sluice_table *sluice_table_by_name(const char *name);
const struct sluice_table *sluice_table_by_id(u32 id);
u32 sluice_table_flags(const struct sluice_table *t);

struct sluice_item {
	const struct sluice_table *t;
	u32 op;				/* enum sluice_change */
	const void *key;
	const void *value;		/* NULL with delete */
};

/* Is this well formed, and may it be written by hand at all? */
int sluice_item_check(const struct sluice_item *item, struct netlink_ext_ack *extack);

/* --------------------------------------------------------------- acl.c */

struct sl_acl_entry;

/* A rule to be added, put in the place of another, or deleted. */
struct sluice_rule_change {
	struct list_head list;
	u32 id;
	bool del;
	bool replace;
	u32 index;			/* of the operation in its transaction */
	struct sl_acl_rule rule;
};

int sluice_acl_valid(u32 id, const struct sl_acl_rule *rule, struct netlink_ext_ack *extack);
/*
 * @count changes, all or nothing; flows are judged again when it returns. May
 * take a grace period. *@failed: the change that can't be, where it is one.
 */
int sluice_acl_commit(struct sluice_pipe *pipe, const struct list_head *changes, u32 count,
		      const struct sluice_rule_change **failed, struct netlink_ext_ack *extack);
/* How many, in the order in which they are asked, in *@out for kvfree(). */
long sluice_acl_list(struct sluice_pipe *pipe, struct sl_acl_entry **out);

/* --------------------------------------------------------------- txn.c */

struct sluice_txn;

/* All under sluice_net.lock. */
struct sluice_txn *sluice_txn_new(struct sluice_net *sn, u32 portid);
struct sluice_txn *sluice_txn_find(struct sluice_net *sn, u32 portid, u32 id);
void sluice_txn_del(struct sluice_txn *txn);
void sluice_txn_del_all(struct sluice_net *sn, u32 portid);
u32 sluice_txn_id(const struct sluice_txn *txn);
u32 sluice_txn_count(const struct sluice_txn *txn);
/* Which operation a commit was refused for, from 0 in the order they came. */
#define SLUICE_TXN_NO_OP	U32_MAX
u32 sluice_txn_failed(const struct sluice_txn *txn);
void sluice_txn_expect(struct sluice_txn *txn, u32 generation);
int sluice_txn_add(struct sluice_txn *txn, const struct sluice_item *item,
		   struct netlink_ext_ack *extack);
int sluice_txn_add_rule(struct sluice_txn *txn, const struct sluice_rule_change *change,
			struct netlink_ext_ack *extack);
/* All or nothing. The transaction is still there afterwards, whatever happened. */
int sluice_txn_commit(struct sluice_net *sn, struct sluice_pipe *pipe, struct sluice_txn *txn,
		      struct netlink_ext_ack *extack);

/* -------------------------------------------------------------- flow.c */

/* The tuple of a flow from its initiator to its responder. */
struct sluice_ends {
	union sl_addr addr[2];
	__be16 port[2];
	u8 proto;
};

void sluice_tuple_of(struct sl_tuple *key, const struct sluice_ends *ends);
/* @f was deleted from under @key by hand: so is its alias, and listeners are told. */
void sluice_flow_gone(struct sluice_pipe *pipe, const struct sl_tuple *key,
		      const struct sl_flow *f);
int sluice_flow_put_event(struct sk_buff *skb, int attrtype, const struct sl_flow_event *ev);

/* -------------------------------------------------------------- drop.c */

int sluice_drop_put(struct sk_buff *skb, const struct sl_drop_key *key,
		    const struct sl_counter *count);

/* ------------------------------------------------------------- event.c */

int sluice_event_init(void);
void sluice_event_exit(void);
void sluice_event_net_init(struct sluice_net *sn);
void sluice_event_net_exit(struct sluice_net *sn);
/* A transaction with @count operations is in force, which made the generation this one. */
void sluice_event_commit(struct sluice_net *sn, u32 generation, u32 count);
/* Look at once who listens, and what there is to tell. */
void sluice_event_kick(struct sluice_net *sn);
/* For generic netlink: somebody joined a group. */
int sluice_event_joined(int group);

/* ----------------------------------------------------------- netlink.c */

int sluice_netlink_init(void);
void sluice_netlink_exit(void);

/* A message in answer to @info, its header at *@hdr; NULL: no memory. */
struct sk_buff *sluice_nl_reply_new(struct genl_info *info, void **hdr);
int sluice_nl_reply(struct genl_info *info, struct sk_buff *skb, void *hdr);

/* The transaction that a message is part of, from opening to closing under sluice_net.lock. */
struct sluice_nl_txn {
	struct sluice_net *sn;
	struct sluice_pipe *pipe;	/* held */
	struct sluice_txn *txn;
	bool ends;			/* with this message */
};

/*
 * That which @named names or, when it is NULL, one for this message alone. 0, or
 * -ENODEV, -ENOENT, -EMFILE, -ENOMEM; only after 0 it is to be closed.
 */
int sluice_nl_txn_open(struct sluice_nl_txn *t, struct genl_info *info, struct nlattr *named);
/* As sluice_txn_commit(); the number of a refused operation is in the extack's cookie. */
int sluice_nl_txn_commit(struct sluice_nl_txn *t, struct genl_info *info);
void sluice_nl_txn_close(struct sluice_nl_txn *t);

/* For requests that have no attributes: -EINVAL when there are any. */
int sluice_nl_no_attrs(const struct genl_info *info);

/* What a dump of a map keeps between its messages; begins with @pipe. */
struct sluice_dump {
	struct sluice_pipe *pipe;
	const struct sluice_table *t;
	struct sluice_snapshot snap[2];
	unsigned int at;		/* which of the two */
	u32 index;			/* of an array */
	struct sl_acl_entry *rules;
	u32 nrules;
};

/* For .start: the dump's state with its pipeline held. */
struct sluice_dump *sluice_nl_dump_new(struct netlink_callback *cb);
/* Last of .start: frees that state when @err is not 0; returns @err. */
int sluice_nl_dump_begun(struct netlink_callback *cb, int err);
static inline struct sluice_dump *sluice_nl_dump(struct netlink_callback *cb)
{
	return *(struct sluice_dump **)cb->ctx;
}

#endif /* SLUICE_KMOD_H */
