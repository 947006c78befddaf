// SPDX-License-Identifier: GPL-2.0
/*
 * The pipeline of each network namespace: which maps it has, from when its
 * loader binds them until it is unbound, the namespace ends or the module goes.
 */
#include <linux/module.h>
#include <net/netns/generic.h>
#include "sluice.h"

static unsigned int sluice_net_id __read_mostly;
static LIST_HEAD(sluice_nets);
static DEFINE_MUTEX(sluice_nets_lock);

struct sluice_net *sluice_net_of(const struct net *net)
{
	return net_generic(net, sluice_net_id);
}

void sluice_net_each(void (*cb)(struct sluice_net *sn))
{
	struct sluice_net *sn;

	mutex_lock(&sluice_nets_lock);
	list_for_each_entry(sn, &sluice_nets, list)
		cb(sn);
	mutex_unlock(&sluice_nets_lock);
}

/* ------------------------------------------------------- references */

static void sluice_pipe_release(struct kref *ref)
{
	struct sluice_pipe *pipe = container_of(ref, struct sluice_pipe, ref);
	unsigned int i;

	for (i = 0; i < __SL_MAP_MAX; i++)
		if (pipe->map[i])
			bpf_map_put(pipe->map[i]);
	kfree_rcu(pipe, rcu);
}

void sluice_pipe_put(struct sluice_pipe *pipe)
{
	if (pipe)
		kref_put(&pipe->ref, sluice_pipe_release);
}

struct sluice_pipe *sluice_pipe_get(struct sluice_net *sn, struct netlink_ext_ack *extack)
{
	struct sluice_pipe *pipe;

	rcu_read_lock();
	pipe = rcu_dereference(sn->pipe);
	if (pipe && !kref_get_unless_zero(&pipe->ref))
		pipe = NULL;
	rcu_read_unlock();
	if (!pipe)
		NL_SET_ERR_MSG(extack, "no pipeline is bound in this network namespace");
	return pipe;
}

struct sl_state *sluice_pipe_state(const struct sluice_pipe *pipe)
{
	struct bpf_map *map = pipe->map[SL_MAP_STATE];
	struct sl_state *st;
	u32 zero = 0;

	/* An array's only entry: there as long as the map is. */
	rcu_read_lock();
	st = map->ops->map_lookup_elem(map, &zero);
	rcu_read_unlock();
	return st;
}

/* ---------------------------------------------------------- binding */

static bool sluice_map_fits(const struct bpf_map *map, const struct sluice_table *t)
{
	enum bpf_map_type type = map->map_type;

	if (map->key_size != t->key_size || (t->value_size && map->value_size != t->value_size))
		return false;
	switch (t->match) {
	case SLUICE_MATCH_INDEX:
		return type == (t->percpu ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY) &&
		       (t->map != SL_MAP_EP || map->max_entries == SL_EP_MAX);
	case SLUICE_MATCH_EXACT:
		return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
		       type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	case SLUICE_MATCH_LPM:
		return type == BPF_MAP_TYPE_LPM_TRIE;
	default:
		return type == BPF_MAP_TYPE_RINGBUF || type == BPF_MAP_TYPE_QUEUE;
	}
}

int sluice_pipe_bind_map(struct sluice_net *sn, struct bpf_map *map, u32 which)
{
	const struct sluice_table *t = sluice_table_by_id(which);
	int err = 0;

	if (!t)
		return -ENOENT;
	if (!sluice_map_fits(map, t))
		return -EINVAL;
	spin_lock_bh(&sn->bind_lock);
	if (!sn->next) {
		sn->next = kzalloc(sizeof(*sn->next), GFP_ATOMIC | __GFP_ACCOUNT);
		if (sn->next)
			kref_init(&sn->next->ref);
	}
	if (!sn->next) {
		err = -ENOMEM;
	} else {
		bpf_map_inc(map);
		swap(sn->next->map[which], map);
		if (map)
			bpf_map_put(map);
	}
	spin_unlock_bh(&sn->bind_lock);
	return err;
}

/* Under the lock; what was begun and not finished is forgotten as well. */
static void sluice_pipe_replace(struct sluice_net *sn, struct sluice_pipe *pipe)
{
	struct sluice_pipe *old = rcu_dereference_protected(sn->pipe, lockdep_is_held(&sn->bind_lock));
	struct sl_state *st;

	if (sn->next != pipe)
		sluice_pipe_put(sn->next);
	sn->next = NULL;
	rcu_assign_pointer(sn->pipe, pipe);
	if (!old)
		return;
	/* Nobody is going to take what the programs would queue for us. */
	if (!pipe || pipe->map[SL_MAP_STATE] != old->map[SL_MAP_STATE]) {
		st = sluice_pipe_state(old);
		atomic_andnot(SL_EVENT_MASK_QUEUE, (atomic_t *)&st->events);
	}
	sluice_pipe_put(old);
}

int sluice_pipe_bind_done(struct sluice_net *sn, u32 abi)
{
	unsigned int i;
	int err = 0;

	spin_lock_bh(&sn->bind_lock);
	if (abi != SL_ABI_VERSION)
		err = -EPROTO;
	for (i = 0; !err && i < __SL_MAP_MAX; i++)
		if (!sn->next || !sn->next->map[i])
			err = -ENOENT;
	if (err) {
		sluice_pipe_put(sn->next);
		sn->next = NULL;
	} else {
		sluice_pipe_replace(sn, sn->next);
	}
	spin_unlock_bh(&sn->bind_lock);
	if (!err)
		sluice_event_kick(sn);
	return err;
}

int sluice_pipe_unbind(struct sluice_net *sn)
{
	int err = 0;

	spin_lock_bh(&sn->bind_lock);
	if (!rcu_access_pointer(sn->pipe))
		err = -ENOENT;
	sluice_pipe_replace(sn, NULL);
	spin_unlock_bh(&sn->bind_lock);
	return err;
}

/* ------------------------------------------------------- namespaces */

static int __net_init sluice_net_init(struct net *net)
{
	struct sluice_net *sn = sluice_net_of(net);

	sn->net = net;
	spin_lock_init(&sn->bind_lock);
	mutex_init(&sn->lock);
	INIT_LIST_HEAD(&sn->txns);
	sluice_event_net_init(sn);
	mutex_lock(&sluice_nets_lock);
	list_add(&sn->list, &sluice_nets);
	mutex_unlock(&sluice_nets_lock);
	return 0;
}

/* Its sockets are gone, and so are the transactions that belonged to them. */
static void __net_exit sluice_net_exit(struct net *net)
{
	struct sluice_net *sn = sluice_net_of(net);

	mutex_lock(&sluice_nets_lock);
	list_del(&sn->list);
	mutex_unlock(&sluice_nets_lock);
	sluice_event_net_exit(sn);
	mutex_lock(&sn->lock);
	sluice_txn_del_all(sn, 0);
	mutex_unlock(&sn->lock);
	sluice_pipe_unbind(sn);
	mutex_destroy(&sn->lock);
}

static struct pernet_operations sluice_net_ops = {
	.init = sluice_net_init,
	.exit = sluice_net_exit,
	.id = &sluice_net_id,
	.size = sizeof(struct sluice_net),
};

int __init sluice_pipeline_init(void)
{
	return register_pernet_subsys(&sluice_net_ops);
}

void sluice_pipeline_exit(void)
{
	unregister_pernet_subsys(&sluice_net_ops);
	/* kfree_rcu() needs no code of ours, but its memory may be a slab's. */
	rcu_barrier();
}
