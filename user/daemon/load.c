// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the BPF objects takes megabytes for a few milliseconds: libbpf's
 * copy of the object, kernel BTF, the verifier's log. A child does it, so
 * that none of it stays with the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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
	const struct sluice_load_opts opts = {
		.sz = sizeof(opts),
		.flow_max = cfg->flow_max,
		.half_max = cfg->half_max,
		.rule_max = cfg->rule_max,
		.class_max = cfg->class_max,
		.addr_max = cfg->addr_max,
		.route_max = cfg->route_max,
		.log = load_log,
	};
	struct sluice *sl;
	int err = sluice_load(cfg->pin_root, &opts, &sl);

	if (!err)
		sluice_close(sl);
	return err;
}

/* Probing makes programs and devices, of which nothing shall stay either. */
static void load_features(struct kernel_features *out)
{
	struct sluice_feature f[64];
	int n = sluice_features(f, 64);

	for (int i = 0; i < n; i++) {
		if (f[i].required && !f[i].present)
			log_error("load: this kernel lacks %s: %s", f[i].name, f[i].text);
		if (!strcmp(f[i].name, "tcx"))
			out->tcx = f[i].present == 1;
		else if (!strcmp(f[i].name, "netkit"))
			out->netkit = f[i].present == 1;
	}
}

struct load_result {
	int err;
	struct kernel_features features;
};

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
	struct load_result r = { 0 };
	const int pipe_fd = STDERR_FILENO + 1;

	/* Nothing of the daemon's but the pipe: its locks are its own, and must
	 * end with it though we live on for a moment. */
	if (dup2(fd, pipe_fd) < 0 || close_range(pipe_fd + 1, ~0U, 0))
		_exit(1);
	load_features(&r.features);
	r.err = load_patiently(cfg);
	_exit(write(pipe_fd, &r, sizeof(r)) != sizeof(r));
}

static int load_wait(pid_t pid, int fd, struct load_result *r)
{
	ssize_t n;

	do
		n = read(fd, r, sizeof(*r));
	while (n < 0 && errno == EINTR);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n == sizeof(*r) ? r->err : -EIO;
}

int load_run(const struct config *cfg, struct kernel_features *features)
{
	pid_t pid, parent = getpid();
	struct load_result r;
	int fd[2], err;

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
	err = pid < 0 ? -errno : load_wait(pid, fd[0], &r);
	close(fd[0]);
	if (!err)
		*features = r.features;
	return err;
}
