// SPDX-License-Identifier: GPL-2.0
/*
 * perf - traffic between namespaces, several paths in turn
 *
 *	perf MODE [options] NAME=CLIENT_NS,SERVER_NS,ADDRESS ...
 *
 * One process is client and server of every path, each role on a CPU of its
 * own. A round loads each path for a short slice, in an order that changes
 * from round to round, so that what disturbs the machine disturbs all paths
 * alike. Prints one JSON object with the rate of every slice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "perf.h"
#include "prio.h"

static struct perf pf = { .rounds = 10, .slice_ns = 100000000, .warm_ns = 20000000,
			  .cpu = { 0, 1 }, .active = PERF_IDLE };

static int usage(void)
{
	fprintf(stderr,
		"usage: perf MODE [-r rounds] [-d ms] [-w ms] [-c cpu] [-s cpu] [-b] PATH...\n"
		"  MODE  tcp_stream tcp_rr tcp_crr udp_rr pps\n"
		"  PATH  NAME=CLIENT_NS,SERVER_NS,ADDRESS  namespaces by name or path\n"
		"  -r    rounds (10)          -d  a slice, ms (100)   -w  its warm-up, ms (20)\n"
		"  -c    CPU of the client    -s  CPU of the server\n"
		"  -b    sleep for an answer, else look for it without pause\n");
	return 2;
}

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static void *server(void *arg)
{
	int i;

	(void)arg;
	pin(pf.cpu[1]);
	while (!atomic_load(&pf.stop)) {
		i = atomic_load_explicit(&pf.active, memory_order_acquire);
		if (i != PERF_IDLE)
			pf.mode->serve(&pf, &pf.path[i]);
	}
	return NULL;
}

static uint64_t progress(void)
{
	return pf.mode->by_server ? atomic_load_explicit(&pf.rx, memory_order_relaxed) : pf.done;
}

/* Loads @p for one slice and notes its rate as that of @round. */
static int slice(struct perf_path *p, unsigned int round)
{
	uint64_t t, begin, end, c0 = 0, t0 = 0, tx0 = 0;
	int err;

	if (setns(p->cli_ns, CLONE_NEWNET))
		return -errno;
	p->tx = 0;
	atomic_store(&pf.rx, 0);
	atomic_store_explicit(&pf.active, (int)(p - pf.path), memory_order_release);
	begin = perf_now() + pf.warm_ns;
	end = begin + pf.slice_ns;
	for (t = perf_now(); t < end || !t0; t = perf_now()) {
		if (!t0 && t >= begin) {
			t0 = t;
			c0 = progress();
			tx0 = p->tx;
		}
		err = pf.mode->step(&pf, p, false);
		if (err)
			return err;
	}
	p->samples[round] = (double)(progress() - c0) * pf.mode->scale * 1e9 / (double)(t - t0);
	p->sent[round] = (double)(p->tx - tx0) * pf.mode->scale * 1e9 / (double)(t - t0);
	err = pf.mode->step(&pf, p, true);
	atomic_store(&pf.active, PERF_IDLE);
	return err;
}

/* Each round starts one path later and every other one runs backwards, so
 * that no path always follows the same one. */
static int rounds(void)
{
	struct perf_path *p;
	unsigned int k;
	int err;

	for (unsigned int r = 0; r < pf.rounds; r++)
		for (unsigned int i = 0; i < pf.npaths; i++) {
			k = r & 1 ? pf.npaths - 1 - i : i;
			p = &pf.path[(k + r / 2) % pf.npaths];
			err = slice(p, r);
			if (err) {
				fprintf(stderr, "perf: %s over %s, round %u: %s\n", pf.mode->name,
					p->name, r, strerror(-err));
				return err;
			}
		}
	return 0;
}

static int ns_open(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fprintf(stderr, "perf: namespace %s: %s\n", path, strerror(errno));
	return fd;
}

static int addr_parse(const char *text, union perf_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, &addr->v4.sin_addr) == 1) {
		addr->v4.sin_family = AF_INET;
		addr->v4.sin_port = htons(PERF_PORT);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &addr->v6.sin6_addr) != 1)
		return -EINVAL;
	addr->v6.sin6_family = AF_INET6;
	addr->v6.sin6_port = htons(PERF_PORT);
	return 0;
}

static int path_parse(char *arg)
{
	struct perf_path *p = &pf.path[pf.npaths];
	char *name = strsep(&arg, "="), *cli = strsep(&arg, ","), *srv = strsep(&arg, ",");

	if (pf.npaths == PERF_PATHS_MAX || !arg || strlen(name) >= sizeof(p->name) ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return -EINVAL;
	strcpy(p->name, name);
	p->listen_fd = p->cli_fd = p->srv_fd = -1;
	if (addr_parse(arg, &p->srv))
		return -EINVAL;
	p->cli_ns = ns_open(cli);
	p->srv_ns = ns_open(srv);
	if (p->cli_ns < 0 || p->srv_ns < 0)
		return -ENOENT;
	p->samples = calloc(pf.rounds, sizeof(*p->samples));
	p->sent = calloc(pf.rounds, sizeof(*p->sent));
	pf.npaths++;
	return p->samples && p->sent ? 0 : -ENOMEM;
}

static int number(const char *text, long min, long max, long *out)
{
	char *end;

	*out = strtol(text, &end, 10);
	return *end || end == text || *out < min || *out > max ? -EINVAL : 0;
}

static int options(int argc, char **argv)
{
	long v;
	int c;

	while ((c = getopt(argc, argv, "r:d:w:c:s:b")) != -1) {
		if (c == 'b') {
			pf.block = true;
			continue;
		}
		if (c == '?' || number(optarg, 0, 1000000, &v))
			return -EINVAL;
		switch (c) {
		case 'r':
			pf.rounds = (unsigned int)v;
			break;
		case 'd':
			pf.slice_ns = (uint64_t)v * 1000000;
			break;
		case 'w':
			pf.warm_ns = (uint64_t)v * 1000000;
			break;
		case 'c':
			pf.cpu[0] = (int)v;
			break;
		case 's':
			pf.cpu[1] = (int)v;
			break;
		}
	}
	return 0;
}

static void print_rates(const char *name, const double *v)
{
	printf("\"%s\": [", name);
	for (unsigned int r = 0; r < pf.rounds; r++)
		printf("%s%.6g", r ? ", " : "", v[r]);
	printf("]");
}

static void print(void)
{
	printf("{\"mode\": \"%s\", \"unit\": \"%s\", \"paths\": {", pf.mode->name, pf.mode->unit);
	for (unsigned int i = 0; i < pf.npaths; i++) {
		printf("%s\n  \"%s\": {\"errors\": %u, ", i ? "," : "", pf.path[i].name,
		       pf.path[i].errors);
		print_rates("samples", pf.path[i].samples);
		printf(", ");
		print_rates("sent", pf.path[i].sent);
		printf("}");
	}
	printf("}}\n");
}

static int run(void)
{
	pthread_t thread;
	int err = 0;

	/* a role that waits for its turn stops the other one too */
	prio_first();
	for (unsigned int i = 0; i < pf.npaths && !err; i++) {
		err = perf_path_open(&pf, &pf.path[i]);
		if (err)
			fprintf(stderr, "perf: %s over %s: %s\n", pf.mode->name, pf.path[i].name,
				strerror(-err));
	}
	if (!err)
		err = pin(pf.cpu[0]);
	if (err || (err = -pthread_create(&thread, NULL, server, NULL)))
		goto out;
	err = rounds();
	atomic_store(&pf.stop, true);
	pthread_join(thread, NULL);
out:
	for (unsigned int i = 0; i < pf.npaths; i++)
		perf_path_close(&pf.path[i]);
	return err;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return usage();
	for (pf.mode = perf_modes; pf.mode->name && strcmp(pf.mode->name, argv[1]); pf.mode++)
		;
	if (!pf.mode->name || options(argc - 1, argv + 1) || optind + 1 >= argc)
		return usage();
	for (int i = optind + 1; i < argc; i++)
		if (path_parse(argv[i])) {
			fprintf(stderr, "perf: path %d is not NAME=CLIENT_NS,SERVER_NS,ADDRESS\n",
				i - optind);
			return 2;
		}
	if (run())
		return 1;
	print();
	return 0;
}
