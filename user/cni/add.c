// SPDX-License-Identifier: GPL-2.0
/*
 * ADD. The order is what makes it safe to die at any instant: the record is
 * there before the interfaces are, so DEL and GC find everything by it; the
 * node's end stays down until the daemon has put programs and policy on it,
 * so no packet passes unjudged.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cni/agent.h"
#include "cni/ipam.h"
#include "cni/result.h"
#include "cni/wire.h"

struct attachment {
	struct control *ctl;
	struct agent_config node;
	struct wire wire;
	int dirfd;
	struct record rec;
};

static int fill_record(const struct cni *cni, struct attachment *a, struct cni_error *err)
{
	struct record *r = &a->rec;

	r->network = strdup(cni->conf.name);
	r->container_id = strdup(cni->env.container_id);
	r->netns = strdup(cni->env.netns);
	r->pod_namespace = strdup(cni->env.pod_namespace);
	r->pod_name = strdup(cni->env.pod_name);
	r->pod_uid = strdup(cni->env.pod_uid);
	if (!r->network || !r->container_id || !r->netns || !r->pod_namespace || !r->pod_name ||
	    !r->pod_uid)
		return cni_fail_errno(err, CNI_CODE_INTERNAL, "endpoint record", -ENOMEM);
	strcpy(r->ifname, cni->env.ifname);
	wire_host_ifname(r->container_id, r->ifname, r->host_ifname);
	memcpy(r->mac, cni->conf.mac, sizeof(r->mac));
	r->mtu = a->node.mtu;
	r->netkit = a->node.netkit;
	r->netns_cookie = wire_netns_cookie(&a->wire);
	return 0;
}

/* runtimeConfig.ips and IP= of CNI_ARGS; the former is the newer way. */
static void wanted(const struct cni *cni, union sl_addr want[__SL_FAMILY_MAX])
{
	for (int f = 0; f < __SL_FAMILY_MAX; f++)
		want[f] = cni->conf.want[f].d[0] || cni->conf.want[f].d[1] ? cni->conf.want[f] :
									     cni->env.want[f];
}

/* An earlier plugin of the chain may have made others, but not this one. */
static int check_chain(const struct cni *cni, struct cni_error *err)
{
	const json_t *list = json_object_get(cni->conf.prev_result, "interfaces"), *v;
	size_t i;

	json_array_foreach(list, i, v) {
		const char *sandbox = json_string_value(json_object_get(v, "sandbox"));

		if (sandbox && *sandbox &&
		    !strcmp(json_string_value(json_object_get(v, "name")), cni->env.ifname))
			return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration",
					"prevResult.interfaces[%zu]: an earlier plugin has made %s, "
					"which sluice-cni is to make", i, cni->env.ifname);
	}
	return 0;
}

static int commit(struct attachment *a, struct cni_error *err)
{
	int ret = ipam_commit(a->dirfd, &a->rec);

	if (ret == -ENOENT)
		return cni_fail(err, CNI_CODE_CONTAINER, "attachment was deleted",
				"container %s, interface %s: DEL came before ADD was done",
				a->rec.container_id, a->rec.ifname);
	return ret ? cni_fail_errno(err, CNI_CODE_IO, "cannot write the endpoint record", ret) : 0;
}

static int answer(const struct cni *cni, const struct attachment *a, FILE *out,
		  struct cni_error *err)
{
	int ret = cni_print(out, cni_result(&cni->conf, &a->rec, a->node.gateway));

	/* A pod that nobody knows of would be there for ever. */
	return ret ? cni_fail_errno(err, CNI_CODE_IO, "cannot write the result", ret) : 0;
}

/* Between reservation and answer; undoes what it has done. */
static int attach(struct cni *cni, struct attachment *a, FILE *out)
{
	struct cni_error *err = &cni->err;
	union sl_addr want[__SL_FAMILY_MAX];
	int ret;

	wanted(cni, want);
	if (ipam_reserve(a->dirfd, &a->node.ranges, want, &a->rec, err))
		return -1;
	if (wire_create(&a->wire, &a->rec, cni->conf.has_mac, err))
		goto err_release;
	if (wire_setup_pod(&a->wire, &a->rec, a->node.gateway, err))
		goto err_remove;
	if (commit(a, err))
		goto err_remove;
	if (agent_add(a->ctl, &a->rec, err))
		goto err_del;
	if (wire_open_host(&a->wire, &a->rec, err))
		goto err_del;
	if (answer(cni, a, out, err))
		goto err_del;
	return 0;
err_del:
	/* After a time-out the connection is of no use, and the daemon may still do it. */
	control_close(a->ctl);
	if (!control_open(cni->conf.socket, &a->ctl))
		agent_del(a->ctl, a->rec.container_id, a->rec.ifname);
	else
		a->ctl = NULL;
err_remove:
	ret = wire_remove(a->wire.host, a->rec.host_ifname);
	if (ret)
		log_error("%s: cannot remove: %s", a->rec.host_ifname, strerror(-ret));
err_release:
	ret = ipam_release(a->dirfd, a->rec.container_id, a->rec.ifname);
	if (ret)
		log_error("%s: cannot remove the endpoint record: %s", a->rec.container_id,
			  strerror(-ret));
	return -1;
}

int cni_add(struct cni *cni, FILE *out)
{
	struct cni_error *err = &cni->err;
	struct attachment a = {};
	int ret = -1;

	if (check_chain(cni, err) || wire_open(cni->env.netns, &a.wire, err))
		return -1;
	if (agent_open(cni, &a.ctl, err))
		goto out_wire;
	if (agent_get_config(cni, a.ctl, &a.node, err))
		goto out_control;
	a.dirfd = record_dir_open(cni->conf.state_dir, true);
	if (a.dirfd < 0) {
		cni_fail(err, CNI_CODE_IO, "cannot open the state directory", "%.200s: %s",
			 cni->conf.state_dir, strerror(-a.dirfd));
		goto out_control;
	}
	ret = fill_record(cni, &a, err);
	if (!ret)
		ret = attach(cni, &a, out);
	record_clear(&a.rec);
	close(a.dirfd);
out_control:
	control_close(a.ctl);
out_wire:
	wire_close(&a.wire);
	return ret;
}
