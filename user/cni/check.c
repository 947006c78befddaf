// SPDX-License-Identifier: GPL-2.0
/* CHECK and STATUS: is this attachment, is the plugin in order? */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "cni/agent.h"
#include "cni/ipam.h"
#include "cni/wire.h"

/* Whether prevResult has an item of that list whose @key is @value. */
static bool listed(const json_t *res, const char *list, const char *key, const char *value)
{
	const json_t *items = json_object_get(res, list), *v;
	size_t i;

	json_array_foreach(items, i, v)
		if (!strcmp(json_string_value(json_object_get(v, key)), value))
			return true;
	return false;
}

static int missing(struct cni_error *err, const char *where, const char *what)
{
	return cni_fail(err, CNI_CODE_CHECK, "attachment is not in order", "%s: lacks %s", where,
			what);
}

/* What the runtime believes against what the record says. */
static int check_result(const struct cni *cni, const struct record *rec, struct cni_error *err)
{
	const json_t *prev = cni->conf.prev_result;
	char addr[SLUICE_PREFIX_STRLEN];

	if (!listed(prev, "interfaces", "name", rec->ifname))
		return missing(err, "prevResult.interfaces", rec->ifname);
	if (!listed(prev, "interfaces", "name", rec->host_ifname))
		return missing(err, "prevResult.interfaces", rec->host_ifname);
	for (int f = 0; f < __SL_FAMILY_MAX; f++) {
		if (!rec->addr[f].d[0] && !rec->addr[f].d[1])
			continue;
		sluice_addr_format(&rec->addr[f], addr);
		strcat(addr, f == SL_FAMILY_V4 ? "/32" : "/128");
		if (!listed(prev, "ips", "address", addr))
			return missing(err, "prevResult.ips", addr);
	}
	return 0;
}

static int read_record(const struct cni *cni, struct record *rec, struct cni_error *err)
{
	char name[NAME_MAX + 1], why[256] = "";
	int dirfd, ret;

	dirfd = record_dir_open(cni->conf.state_dir, false);
	ret = dirfd < 0 ? dirfd : record_file_name(cni->env.container_id, cni->env.ifname, name);
	if (!ret)
		ret = record_read(dirfd, name, rec, why, sizeof(why));
	if (dirfd >= 0)
		close(dirfd);
	if (ret == -ENOENT)
		return cni_fail(err, CNI_CODE_CONTAINER, "no such attachment",
				"container %s has no interface %s of sluice", cni->env.container_id,
				cni->env.ifname);
	if (ret)
		return cni_fail(err, CNI_CODE_CHECK, "attachment is not in order",
				"endpoint record: %s", *why ? why : strerror(-ret));
	if (rec->ready && !strcmp(rec->network, cni->conf.name))
		return 0;
	if (rec->ready)
		cni_fail(err, CNI_CODE_CONTAINER, "no such attachment",
			 "interface %s of the container is network %s's", rec->ifname, rec->network);
	else
		cni_fail(err, CNI_CODE_CHECK, "attachment is not in order", "ADD was never done");
	record_clear(rec);
	return -1;
}

/*
 * A plugin later in the chain may have replaced the routes: then they are not
 * in the result either, and not ours to judge.
 */
static bool routes_are_ours(const struct cni *cni)
{
	return listed(cni->conf.prev_result, "routes", "dst", "0.0.0.0/0") ||
	       listed(cni->conf.prev_result, "routes", "dst", "::/0");
}

static int check_attachment(struct cni *cni, const struct record *rec)
{
	struct agent_config node;
	struct control *ctl;
	struct wire w;
	int ret;

	if (check_result(cni, rec, &cni->err) || wire_open(cni->env.netns, &w, &cni->err))
		return -1;
	ret = agent_open(cni, &ctl, &cni->err);
	if (ret)
		goto out_wire;
	ret = agent_get_config(cni, ctl, &node, &cni->err);
	if (!ret)
		ret = wire_check(&w, rec, node.gateway, routes_are_ours(cni), &cni->err);
	if (!ret)
		ret = agent_check(ctl, rec, &cni->err);
	control_close(ctl);
out_wire:
	wire_close(&w);
	return ret;
}

int cni_check(struct cni *cni)
{
	struct record rec;
	int ret;

	if (read_record(cni, &rec, &cni->err))
		return -1;
	ret = check_attachment(cni, &rec);
	record_clear(&rec);
	return ret;
}

static int probe(struct cni *cni, struct cni_error *err)
{
	struct agent_config node;
	struct control *ctl;
	int dirfd, ret;

	if (agent_open(cni, &ctl, err))
		return -1;
	ret = agent_ready(ctl, err);
	if (!ret)
		ret = agent_get_config(cni, ctl, &node, err);
	control_close(ctl);
	if (ret)
		return ret;
	dirfd = record_dir_open(cni->conf.state_dir, false);
	if (dirfd == -ENOENT)
		return 0;	/* the first ADD makes it */
	if (dirfd < 0)
		return cni_fail(err, CNI_CODE_IO, "cannot open the state directory", "%.200s: %s",
				cni->conf.state_dir, strerror(-dirfd));
	ret = ipam_probe(dirfd, &node.ranges, err);
	close(dirfd);
	return ret;
}

/*
 * Code 50 for every reason why ADD would fail. Never 51: what is attached
 * goes on without the daemon.
 */
int cni_status(struct cni *cni)
{
	struct cni_error why = {};

	if (!probe(cni, &why))
		return 0;
	return cni_fail(&cni->err, CNI_CODE_UNAVAILABLE, "sluice cannot add pods now", "%s: %s",
			why.msg, why.details);
}
