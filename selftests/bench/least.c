// SPDX-License-Identifier: GPL-2.0
/*
 * least - put the least BPF forwarder on devices of this network namespace
 *
 *	least ADDRESS=DEVICE ...
 *
 * DEVICE is the node's end of the pair behind the IPv4 ADDRESS. Says "ready"
 * and forwards until standard input ends. The links live with the process:
 * nothing is pinned, nothing stays.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "selftests/bench/least.skel.h"

/* tcx where the kernel has it, as sluice itself does; else clsact. */
static int attach(struct least_bpf *skel, int ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(skel->progs.least));
	struct bpf_link *link = bpf_program__attach_tcx(skel->progs.least, ifindex, NULL);
	int err;

	if (link)
		return 0;	/* held by the process until its end */
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static int add(struct least_bpf *skel, char *arg)
{
	char *addr = strsep(&arg, "=");
	struct in_addr dst;
	unsigned int ifindex;
	int err;

	if (!arg || inet_pton(AF_INET, addr, &dst) != 1)
		return -EINVAL;
	ifindex = if_nametoindex(arg);
	if (!ifindex)
		return -errno;
	err = bpf_map__update_elem(skel->maps.least_dst, &dst, sizeof(dst), &ifindex,
				   sizeof(ifindex), BPF_ANY);
	return err ? err : attach(skel, (int)ifindex);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int main(int argc, char **argv)
{
	struct least_bpf *skel;
	char byte;
	int err;

	libbpf_set_print(quiet);
	skel = least_bpf__open_and_load();
	if (!skel) {
		fprintf(stderr, "least: cannot load: %s\n", strerror(errno));
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		err = add(skel, argv[i]);
		if (err) {
			fprintf(stderr, "least: %s: %s\n", argv[i], strerror(-err));
			least_bpf__destroy(skel);
			return 1;
		}
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	least_bpf__destroy(skel);
	return 0;
}
