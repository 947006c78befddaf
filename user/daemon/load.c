// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the BPF objects takes megabytes for a few milliseconds: libbpf's
 * copy of the object, kernel BTF, the verifier's log. A child does it, so
 * that none of it stays with the daemon.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/load.h"

#define LOAD_BUSY_TRIES	250
#define LOAD_BUSY_US	20000

static void load_log(void *arg, const char *line)
{
	(void)arg;
	log_print(LOG_LEVEL_INFO, "load: %s", line);
}

static int load_here(const struct config *cfg)
{
	static const enum sl_encap encaps[] = {
		[CONFIG_ENCAP_DIRECT] = SL_ENCAP_NONE,
		[CONFIG_ENCAP_VXLAN] = SL_ENCAP_VXLAN,
		[CONFIG_ENCAP_GENEVE] = SL_ENCAP_GENEVE,
	};
	const struct sluice_load_opts opts = {
		.sz = sizeof(opts),
		.flow_max = cfg->flow_max,
		.half_max = cfg->half_max,
		.rule_max = cfg->rule_max,
		.class_max = cfg->class_max,
		.addr_max = cfg->addr_max,
		.route_max = cfg->route_max,
		.log = load_log,
		.edge = cfg->xdp != CONFIG_XDP_OFF,
		.encap = encaps[cfg->encap],
		.encap_port = (__u16)config_tunnel_port(cfg),
	};
	struct sluice *sl;
	int err = sluice_load(cfg->pin_root, &opts, &sl);

	if (!err)
		sluice_close(sl);
	return err;
}

/*
 * Asked of a device that is none: a kernel that has the hook misses the
 * device, one that has not does not know what is meant. sluice_features()
 * would make devices to find out, each with the node's network lock held.
 */
static bool kernel_has_hook(enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return bpf_prog_query_opts(INT_MAX, type, &opts) != -EINVAL;
}

/* The loader of a daemon that was just killed may not be quite dead. */
static int load_patiently(const struct config *cfg)
{
	int err = load_here(cfg);

	for (int i = 0; err == -EBUSY && i < LOAD_BUSY_TRIES; i++) {
		usleep(LOAD_BUSY_US);
		err = load_here(cfg);
	}
	return err;
}

static void load_child(const struct config *cfg, int fd)
{
	const int pipe_fd = STDERR_FILENO + 1;
	int err;

	/* Nothing of the daemon's but the pipe: its locks are its own, and must
	 * end with it though we live on for a moment. */
	if (dup2(fd, pipe_fd) < 0 || close_range(pipe_fd + 1, ~0U, 0))
		_exit(1);
	err = load_patiently(cfg);
	_exit(write(pipe_fd, &err, sizeof(err)) != sizeof(err));
}

static int load_wait(pid_t pid, int fd)
{
	ssize_t n;
	int ret;

	do
		n = read(fd, &ret, sizeof(ret));
	while (n < 0 && errno == EINTR);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == sizeof(ret) ? ret : -EIO;
}

/* Of @path, or of what there is of it so far. */
static bool is_on_bpffs(const char *path)
{
	char at[CONFIG_PATH_MAX];
	struct statfs st;
	char *slash;

	snprintf(at, sizeof(at), "%s", path);
	while (statfs(at, &st)) {
		slash = strrchr(at, '/');
		if (errno != ENOENT || !slash || slash == at)
			return false;
		*slash = '\0';
	}
	return st.f_type == BPF_FS_MAGIC;
}

int load_run(const struct config *cfg, struct kernel_features *features)
{
	pid_t pid, parent = getpid();
	int fd[2], err;

	if (!cfg->mount_bpffs && !is_on_bpffs(cfg->pin_root)) {
		log_error("%s is on no bpffs: mount one on the host, or allow --mount-bpffs", cfg->pin_root);
		return -ENODEV;
	}

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		/* A loader without a daemon would only hold the lock. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			load_child(cfg, fd[1]);
		_exit(1);
	}
	close(fd[1]);
	err = pid < 0 ? -errno : load_wait(pid, fd[0]);
	close(fd[0]);
	features->tcx = kernel_has_hook(BPF_TCX_INGRESS);
	features->netkit = kernel_has_hook(BPF_NETKIT_PRIMARY);
	return err;
}
