// SPDX-License-Identifier: GPL-2.0
/* The daemon as the plugin sees it, see agent.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cni/agent.h"

/* The daemon does one thing at a time: behind a hundred other ADDs even a quick answer is late. */
#define ANSWER_MS	60000
#define ADD_MS		90000	/* programs attached, policy compiled and written */
#define PATIENCE_MS	5000	/* with a daemon that does not know the pod yet */
#define DEL_MS		10000	/* DEL goes on without an answer */

int agent_open(const struct cni *cni, struct control **out, struct cni_error *err)
{
	int ret = control_open(cni->conf.socket, out);

	if (!ret)
		return 0;
	return cni_fail(err, CNI_CODE_AGAIN, "sluiced is not running", "%s: %s", cni->conf.socket,
			strerror(-ret));
}

/* Into a CNI error; @ret is control_call()'s. */
static int refuse(int ret, const struct control_error *e, struct cni_error *err)
{
	static const struct {
		const char *code;
		enum cni_code cni;
	} codes[] = {
		{"not-ready", CNI_CODE_AGAIN},
		{"exhausted", CNI_CODE_EXHAUSTED},
		{"conflict", CNI_CODE_EXISTS},
	};

	if (ret != -EREMOTEIO)
		return cni_fail(err, CNI_CODE_AGAIN, "sluiced did not answer", "%s", e->message);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(e->code, codes[i].code))
			return cni_fail(err, codes[i].cni, "sluiced refused", "%s: %s", e->code,
					e->message);
	return cni_fail(err, CNI_CODE_DAEMON, "sluiced refused", "%s: %s", e->code, e->message);
}

int agent_ready(struct control *ctl, struct cni_error *err)
{
	struct control_error e = {};
	json_t *res = NULL, *ready;
	const char *reason;
	int ret;

	ret = control_call(ctl, "ready", NULL, ANSWER_MS, &res, &e);
	if (ret)
		return refuse(ret, &e, err);
	ready = json_object_get(res, "ready");
	reason = json_string_value(json_object_get(res, "reason"));
	if (!json_is_boolean(ready))
		ret = cni_fail(err, CNI_CODE_DAEMON, "sluiced answered strangely",
			       "ready: must be true or false");
	else if (!json_is_true(ready))
		ret = cni_fail(err, CNI_CODE_AGAIN, "sluiced is not ready", "%s",
			       reason ? reason : "it does not say why");
	json_decref(res);
	return ret;
}

static int strange(struct cni_error *err, const char *field)
{
	return cni_fail(err, CNI_CODE_DAEMON, "sluiced answered strangely", "cni.config: %s",
			field);
}

static int parse_ranges(const json_t *list, struct ipam_ranges *out, struct cni_error *err)
{
	const json_t *v;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > IPAM_RANGES_MAX)
		return strange(err, "podCIDRs: must be a list of at most 16");
	json_array_foreach(list, i, v)
		if (!json_is_string(v) ||
		    sluice_prefix_parse(json_string_value(v), false, &out->range[i]))
			return strange(err, "podCIDRs: must be a list of prefixes");
	out->n = json_array_size(list);
	if (!out->n)
		return cni_fail(err, CNI_CODE_AGAIN, "no pod ranges",
				"the node has no pod ranges (podCIDRs) yet");
	return 0;
}

static int parse_gateways(const json_t *list, struct agent_config *out, struct cni_error *err)
{
	union sl_addr a;
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || sluice_addr_parse(json_string_value(v), &a))
			return strange(err, "gateway: must be a list of addresses");
		out->gateway[sluice_addr_is_v4(&a) ? SL_FAMILY_V4 : SL_FAMILY_V6] = a;
	}
	for (i = 0; i < __SL_FAMILY_MAX; i++)
		if (!out->gateway[i].d[0] && !out->gateway[i].d[1])
			return strange(err, "gateway: must have one of each family");
	return 0;
}

int agent_parse_config(const json_t *doc, struct agent_config *out, struct cni_error *err)
{
	const char *datapath, *state_dir;
	const json_t *cidrs, *gateways;
	int mtu;

	memset(out, 0, sizeof(*out));
	if (json_unpack((json_t *)doc, "{s:o, s:i, s:s, s:o, s:s}", "podCIDRs", &cidrs, "mtu",
			&mtu, "datapath", &datapath, "gateway", &gateways, "stateDir", &state_dir))
		return strange(err, "must have podCIDRs, mtu, datapath, gateway and stateDir");
	if (mtu < 1280 || mtu > 65535)
		return strange(err, "mtu: must be from 1280 to 65535");
	if (strlen(state_dir) >= sizeof(out->state_dir))
		return strange(err, "stateDir: too long");
	strcpy(out->state_dir, state_dir);
	out->mtu = mtu;
	out->netkit = !strcmp(datapath, "netkit");
	if (!out->netkit && strcmp(datapath, "veth"))
		return strange(err, "datapath: must be veth or netkit");
	if (parse_gateways(gateways, out, err))
		return -1;
	return parse_ranges(cidrs, &out->ranges, err);
}

/*
 * DEL goes by the configuration's directory, since it has to work without the
 * daemon: records in another one would never be found again.
 */
static int check_state_dir(const struct cni *cni, const struct agent_config *conf,
			   struct cni_error *err)
{
	struct stat a, b;

	if (!strcmp(cni->conf.state_dir, conf->state_dir) ||
	    (!stat(cni->conf.state_dir, &a) && !stat(conf->state_dir, &b) &&
	     a.st_dev == b.st_dev && a.st_ino == b.st_ino))
		return 0;
	return cni_fail(err, CNI_CODE_CONFIG, "invalid network configuration",
			"stateDir: %.200s: must be the daemon's: %.200s", cni->conf.state_dir,
			conf->state_dir);
}

int agent_get_config(const struct cni *cni, struct control *ctl, struct agent_config *out,
		     struct cni_error *err)
{
	struct control_error e = {};
	json_t *res = NULL;
	int ret;

	ret = control_call(ctl, "cni.config", NULL, ANSWER_MS, &res, &e);
	if (ret)
		return refuse(ret, &e, err);
	ret = agent_parse_config(res, out, err);
	json_decref(res);
	return ret ? ret : check_state_dir(cni, out, err);
}

/*
 * The kubelet may know of a pod some milliseconds before the daemon does: a
 * runtime that is told to try again would wait seconds.
 */
int agent_add(struct control *ctl, const struct record *rec, struct cni_error *err)
{
	unsigned int waited_ms = 0, step_ms = 10;
	struct control_error e;
	json_t *args;
	int ret;

	for (;;) {
		args = record_json(rec);
		if (!args)
			return cni_fail_errno(err, CNI_CODE_INTERNAL, "endpoint record", -ENOMEM);
		e = (struct control_error){};
		ret = control_call(ctl, "endpoint.add", args, ADD_MS, NULL, &e);
		if (!ret)
			return 0;
		if (ret != -EREMOTEIO || strcmp(e.code, "not-ready") || waited_ms >= PATIENCE_MS)
			return refuse(ret, &e, err);
		usleep(step_ms * 1000);
		waited_ms += step_ms;
		step_ms = step_ms < 160 ? step_ms * 2 : step_ms;
	}
}

static json_t *attachment(const char *container_id, const char *ifname)
{
	return json_pack("{s:s, s:s}", "containerID", container_id, "ifname", ifname);
}

int agent_check(struct control *ctl, const struct record *rec, struct cni_error *err)
{
	struct control_error e = {};
	int ret;

	ret = control_call(ctl, "endpoint.check", attachment(rec->container_id, rec->ifname),
			   ANSWER_MS, NULL, &e);
	if (ret == -EREMOTEIO && strcmp(e.code, "not-ready"))
		return cni_fail(err, CNI_CODE_CHECK, "endpoint is not in order", "%s: %s", e.code,
				e.message);
	return ret ? refuse(ret, &e, err) : 0;
}

void agent_del(struct control *ctl, const char *container_id, const char *ifname)
{
	struct control_error e = {};

	if (control_call(ctl, "endpoint.del", attachment(container_id, ifname), DEL_MS, NULL, &e))
		log_warning("endpoint.del %s %s: %s %s", container_id, ifname, e.code, e.message);
}
