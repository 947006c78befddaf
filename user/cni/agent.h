/* SPDX-License-Identifier: GPL-2.0 */
/* What the plugin has to say to the daemon, and what it makes of the answers. */
#ifndef SLUICE_CNI_AGENT_H
#define SLUICE_CNI_AGENT_H

#include "cni/ipam.h"
#include "common/control.h"

struct agent_config {
	struct ipam_ranges ranges;
	unsigned int mtu;		/* bytes, of a pod's interface */
	bool netkit;			/* else veth */
	union sl_addr gateway[__SL_FAMILY_MAX];	/* pods' next hop */
	char state_dir[PATH_MAX];
};

/* AGAIN: no daemon. */
int agent_open(const struct cni *cni, struct control **out, struct cni_error *err);
/*
 * AGAIN: the node has no pod ranges yet; CONFIG: the daemon keeps its state
 * elsewhere than the network configuration says.
 */
int agent_get_config(const struct cni *cni, struct control *ctl, struct agent_config *out,
		     struct cni_error *err);
/* The same from the daemon's answer, for tests. */
int agent_parse_config(const json_t *doc, struct agent_config *out, struct cni_error *err);
/* Not ready: AGAIN. */
int agent_ready(struct control *ctl, struct cni_error *err);
/* Returns when the endpoint's policy is in force. */
int agent_add(struct control *ctl, const struct record *rec, struct cni_error *err);
int agent_check(struct control *ctl, const struct record *rec, struct cni_error *err);
/* Best effort: whoever deletes goes on without the daemon. */
void agent_del(struct control *ctl, const char *container_id, const char *ifname);

#endif /* SLUICE_CNI_AGENT_H */
