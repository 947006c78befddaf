// SPDX-License-Identifier: GPL-2.0
/* Which pods' sockets are to be given no backends when they connect: sl_netns. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "common/log.h"
#include "daemon/endpoint_impl.h"

static int netns_fd(const struct endpoints *eps)
{
	return sluice_map_fd(eps->ctx.sl, SL_MAP_NETNS);
}

static int write_one(const struct endpoints *eps, __u64 cookie, bool by_packet)
{
	const __u32 flags = SL_NETNS_BY_PACKET;
	int err;

	if (by_packet)
		return bpf_map_update_elem(netns_fd(eps), &cookie, &flags, BPF_ANY);
	err = bpf_map_delete_elem(netns_fd(eps), &cookie);
	return err == -ENOENT ? 0 : err;
}

static void tell_one(const struct endpoints *eps, struct slot *s)
{
	const struct record *rec = &s->ep.rec;
	bool want = policy_pod_by_packet(eps->ctx.pol, rec->pod_namespace, rec->pod_name);
	int err;

	if (s->netns_told && s->by_packet == want)
		return;
	if (!rec->netns_cookie) {
		if (want)
			log_warning("%s/%s: sluice.dev/connect-time-services has no effect: the pod is "
				    "older than the plugin that would", rec->pod_namespace, rec->pod_name);
		err = 0;
	} else {
		err = write_one(eps, rec->netns_cookie, want);
	}
	if (err)
		log_error("%s/%s: sl_netns: %s", rec->pod_namespace, rec->pod_name, strerror(-err));
	s->netns_told = !err;
	s->by_packet = want;
}

static bool is_wanted(const struct endpoints *eps, __u64 cookie)
{
	for (__u32 id = 1; id < SL_EP_MAX; id++)
		if (eps->slots[id] && eps->slots[id]->ep.rec.netns_cookie == cookie &&
		    eps->slots[id]->by_packet)
			return true;
	return false;
}

/* Of pods that are gone. */
static void sweep(struct endpoints *eps)
{
	__u64 key, next;
	int err = bpf_map_get_next_key(netns_fd(eps), NULL, &next);

	while (!err) {
		key = next;
		err = bpf_map_get_next_key(netns_fd(eps), &key, &next);
		if (!is_wanted(eps, key))
			bpf_map_delete_elem(netns_fd(eps), &key);
	}
	eps->netns_swept = err == -ENOENT;
}

void endpoints_tell_sockets(struct endpoints *eps)
{
	for (__u32 id = 1; id < SL_EP_MAX; id++)
		if (eps->slots[id])
			tell_one(eps, eps->slots[id]);
	/* what is wanted is known by now: nothing is missing in between */
	if (!eps->netns_swept)
		sweep(eps);
}
