// SPDX-License-Identifier: GPL-2.0
/*
 * Services at connect() and sendmsg(): real sockets in a cgroup of the test's,
 * in a network namespace that is the node's, or a pod's for all the programs know.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "env.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

#define SVC	5
#define PAGE	10
#define PORT	80
#define TARGET	8080
#define ALIVE	(SL_BACKEND_READY | SL_BACKEND_KEEP)

static char cgroup[256], home[256];
static struct bpf_link *links[8];

static const char *vip(const struct fam *f)
{
	return f->v6 ? "fd00:96::10" : "10.96.0.10";
}

/* ----------------------------------------------------------------- the cgroup */

static int write_pid(const char *dir)
{
	char path[300], pid[16];
	int fd, n = snprintf(pid, sizeof(pid), "%d", getpid()), err;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY);
	err = fd < 0 || write(fd, pid, n) != n;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Where this process is, so that it can go back. */
static void find_home(const char *mount)
{
	char line[200];
	FILE *f = fopen("/proc/self/cgroup", "r");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			snprintf(home, sizeof(home), "%s%s", mount, line + 3);
	}
	if (f)
		fclose(f);
}

static int enter_cgroup(void)
{
	FILE *f = setmntent("/proc/mounts", "r");
	struct mntent *m;

	while (f && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		find_home(m->mnt_dir);
		snprintf(cgroup, sizeof(cgroup), "%s/sl-test-sock-%d", m->mnt_dir, getpid());
		break;
	}
	if (f)
		endmntent(f);
	return !*cgroup || mkdir(cgroup, 0755) || write_pid(cgroup);
}

static int attach(void)
{
	struct bpf_program *progs[] = {
		env.sk->progs.sl_connect4, env.sk->progs.sl_connect6, env.sk->progs.sl_sendmsg4,
		env.sk->progs.sl_sendmsg6, env.sk->progs.sl_recvmsg4, env.sk->progs.sl_recvmsg6,
		env.sk->progs.sl_peername4, env.sk->progs.sl_peername6,
	};
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY);

	for (unsigned int i = 0; fd >= 0 && i < 8; i++) {
		links[i] = bpf_program__attach_cgroup(progs[i], fd);
		if (!links[i])
			return -1;
	}
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int setup(void **state)
{
	if (env_setup(state) || enter_cgroup())
		return -1;
	return attach();
}

static int teardown(void **state)
{
	for (unsigned int i = 0; i < 8; i++)
		bpf_link__destroy(links[i]);
	if (*home)
		write_pid(home);
	rmdir(cgroup);
	return env_teardown(state);
}

/* ----------------------------------------------------------------- the service */

static uint64_t netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len), 0);
	close(fd);
	return cookie;
}

static void be_node(bool node)
{
	uint64_t cookie = netns_cookie();

	env_state()->host_netns = node ? cookie : cookie + 1;
	env_state_write();
}

static struct sl_svc service;

static void backends(const struct fam *f, uint8_t proto, unsigned int n)
{
	uint32_t ids[] = { 1, 2, 3 };

	for (unsigned int i = 0; i < n; i++)
		env_backend(i + 1, SVC, f->node, TARGET + i, proto, ALIVE);
	env_set(PAGE, ids, n);
	service = (struct sl_svc){ .gen = 7 };
	service.set[SL_SVC_CLUSTER] = n ? PAGE | (uint64_t)n << SL_SVC_COUNT_SHIFT : 0;
	env_svc(SVC, &service);
	env_front(vip(f), PORT, proto, &(struct sl_front_val){ .svc = SVC });
	env_addr(vip(f), SL_ADDR_SVC, SL_SVC_ADDR_CLOSED);
	be_node(true);
}

/* ------------------------------------------------------------------- sockets */

/* @af: AF_INET6 takes IPv4 addresses, too, and maps them. */
static socklen_t sockaddr_of(struct sockaddr_storage *ss, int af, const char *addr, uint16_t port)
{
	union sl_addr a = addr_of(addr);
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (af == AF_INET6) {
		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&in6->sin6_addr, &a, 16);
		return sizeof(*in6);
	}
	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				    .sin_addr.s_addr = a.w[3] };
	return sizeof(*in);
}

static int server(const struct fam *f, int type, uint16_t port)
{
	int af = f->v6 ? AF_INET6 : AF_INET, fd = socket(af, type, 0), one = 1;
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, af, f->node, port);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (void *)&ss, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static void check_addr(const struct sockaddr_storage *got, int af, const char *addr, uint16_t port)
{
	struct sockaddr_storage want;
	socklen_t len = sockaddr_of(&want, af, addr, port);

	assert_memory_equal(got, &want, len);
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* A connected socket, or -errno. */
static int dial(int af, int type, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, af, addr, port);
	int fd = socket(af, type, 0), err;

	if (!connect(fd, (void *)&ss, len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void check_peer(int fd, int af, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	assert_int_equal(getpeername(fd, (void *)&ss, &len), 0);
	check_addr(&ss, af, addr, port);
}

ENV_TEST(tcp_connects)
{
	for_families(f) {
		/* an IPv6 socket that speaks IPv4, too */
		for (int af = f->v6 ? AF_INET6 : AF_INET; af; af = af == AF_INET ? AF_INET6 : 0) {
			int srv, fd, got;

			env_reset(NULL);
			backends(f, IPPROTO_TCP, 1);
			srv = server(f, SOCK_STREAM, TARGET);
			fd = dial(af, SOCK_STREAM, vip(f), PORT);
			assert_true(fd >= 0);
			assert_true(readable(srv, 1000));
			got = accept(srv, NULL, NULL);
			assert_int_equal(write(fd, "x", 1), 1);
			assert_true(readable(got, 1000));
			check_peer(fd, af, vip(f), PORT);
			close(got);
			close(fd);
			/* what is no service is let alone */
			fd = dial(af, SOCK_STREAM, f->node, TARGET);
			assert_true(fd >= 0);
			check_peer(fd, af, f->node, TARGET);
			close(fd);
			close(srv);
		}
	}
}

ENV_TEST(datagrams)
{
	for_families(f) {
		int af = f->v6 ? AF_INET6 : AF_INET, srv[2], fd, used = -1;
		struct sockaddr_storage ss, from;
		socklen_t len, flen;
		char byte;

		backends(f, IPPROTO_UDP, 2);
		for (int i = 0; i < 2; i++)
			srv[i] = server(f, SOCK_DGRAM, TARGET + i);
		fd = socket(af, SOCK_DGRAM, 0);
		len = sockaddr_of(&ss, af, vip(f), PORT);
		for (int i = 0; i < 20; i++) {
			assert_int_equal(sendto(fd, "x", 1, 0, (void *)&ss, len), 1);
			if (used < 0)
				used = readable(srv[0], 200) ? 0 : 1;
			/* one socket, one backend */
			assert_true(readable(srv[used], 1000));
			flen = sizeof(from);
			assert_int_equal(recvfrom(srv[used], &byte, 1, 0, (void *)&from, &flen), 1);
			assert_int_equal(sendto(srv[used], "y", 1, 0, (void *)&from, flen), 1);
			assert_true(readable(fd, 1000));
			memset(&from, 0, sizeof(from));
			flen = sizeof(from);
			assert_int_equal(recvfrom(fd, &byte, 1, 0, (void *)&from, &flen), 1);
			check_addr(&from, af, vip(f), PORT);
		}
		assert_int_equal(env_chosen(used + 1), 1);
		assert_int_equal(env_chosen(2 - used), 0);
		/* that one ends, and is the last one only here: the other, from the next one on */
		env_set(PAGE + 1, &(uint32_t){ 2 - used }, 1);
		service.set[SL_SVC_CLUSTER] = (PAGE + 1) | 1ULL << SL_SVC_COUNT_SHIFT;
		env_svc(SVC, &service);
		env_backend(used + 1, SVC, f->node, TARGET + used, IPPROTO_UDP,
			    SL_BACKEND_KEEP | SL_BACKEND_LOCAL);
		assert_int_equal(sendto(fd, "x", 1, 0, (void *)&ss, len), 1);
		assert_true(readable(srv[!used], 1000));
		assert_int_equal(env_chosen(2 - used), 1);
		close(fd);
		for (int i = 0; i < 2; i++)
			close(srv[i]);
	}
}

ENV_TEST(connected_datagrams)
{
	for_families(f) {
		int af = f->v6 ? AF_INET6 : AF_INET, srv, fd;
		struct sockaddr_storage from;
		socklen_t flen = sizeof(from);
		char byte;

		backends(f, IPPROTO_UDP, 1);
		srv = server(f, SOCK_DGRAM, TARGET);
		fd = dial(af, SOCK_DGRAM, vip(f), PORT);
		assert_true(fd >= 0);
		check_peer(fd, af, vip(f), PORT);
		assert_int_equal(send(fd, "x", 1, 0), 1);
		assert_int_equal(recvfrom(srv, &byte, 1, 0, (void *)&from, &flen), 1);
		assert_int_equal(sendto(srv, "y", 1, 0, (void *)&from, flen), 1);
		assert_true(readable(fd, 1000));
		memset(&from, 0, sizeof(from));
		flen = sizeof(from);
		assert_int_equal(recvfrom(fd, &byte, 1, 0, (void *)&from, &flen), 1);
		check_addr(&from, af, vip(f), PORT);
		close(fd);
		close(srv);
	}
}

ENV_TEST(without_a_backend)
{
	for_families(f) {
		int af = f->v6 ? AF_INET6 : AF_INET, fd;
		struct sockaddr_storage ss;
		socklen_t len = sockaddr_of(&ss, af, vip(f), PORT);

		backends(f, IPPROTO_TCP, 0);
		assert_int_equal(dial(af, SOCK_STREAM, vip(f), PORT), -ECONNREFUSED);
		env_reset(NULL);
		backends(f, IPPROTO_UDP, 0);
		assert_int_equal(dial(af, SOCK_DGRAM, vip(f), PORT), -ECONNREFUSED);
		fd = socket(af, SOCK_DGRAM, 0);
		assert_int_equal(sendto(fd, "x", 1, 0, (void *)&ss, len), -1);
		assert_int_equal(errno, ECONNREFUSED);
		close(fd);
	}
}

/* A pod's datagrams are translated by the packet, its connections here. */
ENV_TEST(of_a_pod)
{
	for_families(f) {
		int af = f->v6 ? AF_INET6 : AF_INET, srv, fd;

		backends(f, IPPROTO_TCP, 1);
		be_node(false);
		srv = server(f, SOCK_STREAM, TARGET);
		fd = dial(af, SOCK_STREAM, vip(f), PORT);
		assert_true(fd >= 0);
		close(fd);
		close(srv);

		env_reset(NULL);
		backends(f, IPPROTO_UDP, 1);
		be_node(false);
		fd = dial(af, SOCK_DGRAM, vip(f), PORT);
		assert_true(fd >= 0);
		assert_int_equal(env_entries(env.sk->maps.sl_sock), 0);
		close(fd);
	}
}

static void ask(uint64_t cookie, uint32_t flags)
{
	int fd = bpf_map__fd(env.sk->maps.sl_netns);

	assert_int_equal(bpf_map_update_elem(fd, &cookie, &flags, BPF_ANY), 0);
}

/* A pod that asks for it connects as if there were no program here; the node can't ask, nor one for another. */
ENV_TEST(by_the_packet)
{
	for_families(f) {
		int af = f->v6 ? AF_INET6 : AF_INET, srv, fd;
		struct sockaddr_storage ss;
		socklen_t len = sockaddr_of(&ss, af, vip(f), PORT);

		backends(f, IPPROTO_TCP, 1);
		srv = server(f, SOCK_STREAM, TARGET);
		be_node(false);
		ask(netns_cookie() + 1, SL_NETNS_BY_PACKET);
		ask(netns_cookie(), 0);
		fd = dial(af, SOCK_STREAM, vip(f), PORT);
		assert_true(fd >= 0);
		close(accept(srv, NULL, NULL));
		close(fd);
		assert_int_equal(env_entries(env.sk->maps.sl_sock), 1);
		ask(netns_cookie(), SL_NETNS_BY_PACKET);
		/* nobody translates packets here, so nobody answers */
		fd = socket(af, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(fd, (void *)&ss, len), -1);
		assert_false(readable(srv, 100));
		close(fd);
		fd = dial(af, SOCK_STREAM, f->node, TARGET);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(env_entries(env.sk->maps.sl_sock), 1);
		be_node(true);
		fd = dial(af, SOCK_STREAM, vip(f), PORT);
		assert_true(fd >= 0);
		close(fd);
		close(srv);
	}
}

/* @n connections to the service: how many each of three backends got. */
static void dial_often(const struct fam *f, unsigned int n, unsigned int got[3])
{
	int srv[3], fd, at;

	for (int i = 0; i < 3; i++) {
		got[i] = 0;
		srv[i] = server(f, SOCK_STREAM, TARGET + i);
	}
	while (n--) {
		fd = dial(f->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, vip(f), PORT);
		assert_true(fd >= 0);
		for (at = 0; at < 3 && !readable(srv[at], 0); at++)
			;
		assert_in_range(at, 0, 2);
		close(accept(srv[at], NULL, NULL));
		close(fd);
		got[at]++;
	}
	for (int i = 0; i < 3; i++)
		close(srv[i]);
}

/* All sockets of a namespace are one client. */
ENV_TEST(affinity)
{
	unsigned int got[3];

	for_families(f) {
		backends(f, IPPROTO_TCP, 3);
		service.affinity_s = 100;
		env_svc(SVC, &service);
		dial_often(f, 30, got);
		for (int i = 0; i < 3; i++)
			assert_true(!got[i] || got[i] == 30);
	}
}

/* At connect() there is no tuple to look up: at random, whatever the service says. */
ENV_TEST(maglev)
{
	enum { SIZE = 251 };
	static uint32_t table[SIZE];
	unsigned int got[3];

	for (unsigned int i = 0; i < SIZE; i++)
		table[i] = 2;
	for_families(f) {
		backends(f, IPPROTO_TCP, 3);
		env_set(PAGE + 1, table, SIZE);
		service.set[SL_SVC_CLUSTER] |= (uint64_t)SIZE << SL_SVC_MAGLEV_SHIFT;
		service.flags = SL_SVC_MAGLEV;
		env_svc(SVC, &service);
		for (int node = 0; node < 2; node++) {
			be_node(node);
			dial_often(f, 100, got);
			for (int i = 0; i < 3; i++)
				assert_true(got[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		env_test(tcp_connects),
		env_test(datagrams),
		env_test(connected_datagrams),
		env_test(without_a_backend),
		env_test(of_a_pod),
		env_test(by_the_packet),
		env_test(affinity),
		env_test(maglev),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
