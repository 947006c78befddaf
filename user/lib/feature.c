// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * What the running kernel offers, found out by trying it: programs and maps
 * are loaded, devices are made. That happens in a thread of its own, in a
 * network namespace that ends with it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/internal.h"

#define LOOPBACK_IFINDEX	1	/* in every network namespace */

struct probe {
	const char *name, *text;
	bool required;
	/* 1, 0, or a negative errno when it could not be found out */
	int (*run)(const struct probe *probe);
	int arg;
	/* of a device: IFLA_INFO_KIND, and how long the attribute @arg is */
	const char *kind;
	int len;
	bool netns;			/* touches devices */
};

/* ------------------------------------------------------------------ probes */

static int probe_btf(const struct probe *probe)
{
	(void)probe;
	return !access(LIB_KERNEL_BTF, R_OK);
}

/* A classifier that returns 0; its descriptor. */
static int load_classifier(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sl_probe", "GPL", insns, ARRAY_SIZE(insns),
			     NULL);
}

/* libbpf takes "not permitted" for "not there", or for a helper that is: asked first. */
static int not_permitted(void)
{
	int fd = load_classifier();

	if (fd >= 0)
		close(fd);
	return fd == -EPERM || fd == -EACCES ? fd : 0;
}

static int probe_prog(const struct probe *probe)
{
	int err = not_permitted();

	return err ? err : libbpf_probe_bpf_prog_type(probe->arg, NULL);
}

static int probe_map(const struct probe *probe)
{
	int err = not_permitted();

	return err ? err : libbpf_probe_bpf_map_type(probe->arg, NULL);
}

static int probe_helper(const struct probe *probe)
{
	int err = not_permitted();

	return err ? err : libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, probe->arg, NULL);
}

static int probe_mmap(const struct probe *probe)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd;

	(void)probe;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sl_probe", sizeof(__u32), sizeof(__u64), 1, &opts);
	if (fd < 0)
		return fd == -EINVAL ? 0 : fd;
	close(fd);
	return 1;
}

static int probe_batch(const struct probe *probe)
{
	__u32 at, key, value, count = 1;
	int fd, err;

	(void)probe;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "sl_probe", sizeof(key), sizeof(value), 1, NULL);
	if (fd < 0)
		return fd;
	err = bpf_map_lookup_batch(fd, NULL, &at, &key, &value, &count, NULL);
	close(fd);
	return !err || err == -ENOENT;
}

static int probe_jit(const struct probe *probe)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	(void)probe;
	fd = load_classifier();
	if (fd < 0)
		return fd;
	err = bpf_prog_get_info_by_fd(fd, &info, &len);
	close(fd);
	return err ? err : info.jited_prog_len > 0;
}

static int probe_test_run(const struct probe *probe)
{
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	int fd, err;

	(void)probe;
	fd = load_classifier();
	if (fd < 0)
		return fd;
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	return !err;
}

static int probe_bpffs(const struct probe *probe)
{
	int fd;

	(void)probe;
	fd = syscall(SYS_fsopen, "bpf", 0);
	if (fd < 0)
		return errno == ENODEV ? 0 : -errno;
	close(fd);
	return 1;
}

static int probe_tcx(const struct probe *probe)
{
	(void)probe;
	return lib_has_tcx(LOOPBACK_IFINDEX);
}

static int probe_clsact(const struct probe *probe)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK_IFINDEX,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err;

	(void)probe;
	err = bpf_tc_hook_create(&hook);
	if (err == -ENOENT || err == -EOPNOTSUPP)	/* no such qdisc */
		return 0;
	return err && err != -EEXIST ? err : 1;
}

/* RTM_NEWLINK; probe->arg: IFLA_ of collect-metadata mode, 0: none. */
static struct nl_msg *link_message(const struct probe *probe)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nlattr *info, *data;
	struct nl_msg *msg;

	msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) ||
	    !(info = nla_nest_start(msg, IFLA_LINKINFO)) ||
	    nla_put_string(msg, IFLA_INFO_KIND, probe->kind))
		goto err_free;
	if (probe->arg) {
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		if (!data || nla_put(msg, probe->arg, probe->len, "\1"))
			goto err_free;
		nla_nest_end(msg, data);
	}
	nla_nest_end(msg, info);
	return msg;

err_free:
	nlmsg_free(msg);
	return NULL;
}

/* Keeps the kernel's own errno, which libnl would fold into fewer. */
static int link_error(struct sockaddr_nl *from, struct nlmsgerr *nlerr, void *arg)
{
	(void)from;
	*(int *)arg = nlerr->error;
	return NL_STOP;
}

static int probe_link(const struct probe *probe)
{
	struct nl_sock *sk;
	struct nl_msg *msg;
	int err, kernel_err = 0;

	sk = nl_socket_alloc();
	msg = link_message(probe);
	if (!sk || !msg) {
		nlmsg_free(msg);
		nl_socket_free(sk);
		return -ENOMEM;
	}
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, link_error, &kernel_err);
	err = nl_connect(sk, NETLINK_ROUTE);
	if (!err)
		err = nl_send_sync(sk, msg);	/* frees it */
	else
		nlmsg_free(msg);
	nl_socket_free(sk);
	if (kernel_err)
		return kernel_err == -EOPNOTSUPP ? 0 : kernel_err;
	return err < 0 ? -EIO : 1;
}

#define PROBE(label, need, probe, what, does) \
	{ .name = (label), .required = (need), .run = probe_##probe, .arg = (what), .text = (does) }
#define PROBE_HOOK(label, need, probe, does) \
	{ .name = (label), .required = (need), .run = probe_##probe, .netns = true, .text = (does) }
#define PROBE_LINK(label, need, attr, attr_len, does) \
	{ .name = (label), .required = (need), .run = probe_link, .netns = true, \
	  .kind = (label), .arg = (attr), .len = (attr_len), .text = (does) }

static const struct probe probes[] = {
	PROBE("btf", true, btf, 0, "programs fit themselves to the running kernel"),
	PROBE("bpffs", true, bpffs, 0, "maps, programs and links outlive the daemon"),
	PROBE("jit", false, jit, 0, "programs run as machine code"),
	PROBE("classifier", true, prog, BPF_PROG_TYPE_SCHED_CLS, "the pipeline's programs"),
	PROBE("syscall-program", true, prog, BPF_PROG_TYPE_SYSCALL, "sweeps of the flow tables"),
	PROBE("xdp", false, prog, BPF_PROG_TYPE_XDP, "the guard on the uplink"),
	PROBE("cgroup-connect", false, prog, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
	      "services translated at connect()"),
	PROBE("hash", true, map, BPF_MAP_TYPE_HASH, "flows, rules, addresses"),
	PROBE("lru-hash", true, map, BPF_MAP_TYPE_LRU_HASH, "half-open flows, fragments"),
	PROBE("lpm-trie", true, map, BPF_MAP_TYPE_LPM_TRIE, "classes, port sets, routes"),
	PROBE("percpu-array", true, map, BPF_MAP_TYPE_PERCPU_ARRAY, "counters"),
	PROBE("ringbuf", true, map, BPF_MAP_TYPE_RINGBUF, "drops and closed flows, live"),
	PROBE("mmap-array", true, mmap, 0, "a policy is switched by one store"),
	PROBE("batch", true, batch, 0, "tables are read many entries a call"),
	PROBE("test-run", true, test_run, 0, "sweeps, tests"),
	PROBE("redirect-peer", true, helper, BPF_FUNC_redirect_peer, "straight into a pod"),
	PROBE("redirect-neigh", true, helper, BPF_FUNC_redirect_neigh, "out with the next hop's MAC"),
	PROBE("fib-lookup", true, helper, BPF_FUNC_fib_lookup, "the node's own routes"),
	PROBE("tunnel-key", true, helper, BPF_FUNC_skb_set_tunnel_key, "encapsulation by packet"),
	PROBE("map-each", true, helper, BPF_FUNC_for_each_map_elem, "sweeps of the flow tables"),
	PROBE_HOOK("clsact", true, clsact, "programs on devices where there is no tcx"),
	PROBE_HOOK("tcx", false, tcx, "programs on devices as links that outlive the daemon"),
	PROBE_LINK("veth", true, 0, 0, "pods' devices"),
	PROBE_LINK("netkit", false, 0, 0, "pods' devices, faster"),
	PROBE_LINK("vxlan", false, IFLA_VXLAN_COLLECT_METADATA, 1, "tunnels to other nodes"),
	PROBE_LINK("geneve", false, IFLA_GENEVE_COLLECT_METADATA, 0, "tunnels to other nodes"),
};

/* ------------------------------------------------------------------ running */

struct run {
	struct sluice_feature *out;
	size_t max;
};

static void *run_all(void *arg)
{
	const struct run *run = arg;
	struct lib_log_scope scope;
	int netns_err;
	size_t i;

	netns_err = unshare(CLONE_NEWNET) ? -errno : 0;
	lib_log_begin(&scope, NULL, NULL);
	for (i = 0; i < run->max; i++) {
		const struct probe *p = &probes[i];

		run->out[i] = (struct sluice_feature){
			.name = p->name, .text = p->text, .required = p->required,
			.present = p->netns && netns_err ? netns_err : p->run(p),
		};
	}
	lib_log_end(&scope);
	return NULL;
}

int sluice_features(struct sluice_feature *out, size_t max)
{
	struct run run = { .out = out, .max = ARRAY_SIZE(probes) };
	pthread_t thread;
	int err;

	if (max < ARRAY_SIZE(probes) + 1)
		return -ENOSPC;
	err = pthread_create(&thread, NULL, run_all, &run);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	out[ARRAY_SIZE(probes)] = (struct sluice_feature){ .name = NULL };
	return ARRAY_SIZE(probes);
}
