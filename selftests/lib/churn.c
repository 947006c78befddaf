// SPDX-License-Identifier: GPL-2.0
/*
 * New connections at a steady rate while their servers come and go, every byte
 * of them checked. Knows nothing of sluice and Services.
 *
 *   churn serve BYTES PORT NETNS=ADDR...
 *   churn ask BYTES NETNS ADDR PORT RATE MS
 *
 * serve: a server in each namespace. It reads BYTES of a connection, sends as
 * many back, each changed in the same way, and closes. A line "close N" on
 * standard input: the N-th, from 0, takes no more connections; it prints "closed N".
 *
 * ask: connections from NETNS, RATE a second for MS milliseconds, whether or not
 * those before have ended. Prints a JSON object: how many were asked, were answered
 * in full, and failed in which way; and how many each server answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES	65536
#define MAX_SERVERS	64
#define MAX_FDS		65536
#define EVENTS		256
#define PATIENCE_NS	10000000000ULL	/* of a connection, in all */
#define BACKLOG		4096

union addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A connection, by its descriptor; the first byte of an answer says who gave it. */
struct conn {
	uint64_t begun;
	uint32_t seq;
	size_t sent, got;
	int server;
	bool open, connected;
	unsigned char *buf;
};

enum failure { REFUSED, RESET, SILENT, SHORT, WRONG, LOCAL, FAILURES };

static const char * const failures[FAILURES] = {
	[REFUSED] = "refused", [RESET] = "reset", [SILENT] = "silent", [SHORT] = "short",
	[WRONG] = "wrong", [LOCAL] = "local",
};

static struct conn conns[MAX_FDS];
static size_t bytes;
static int ep;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What connection @seq sends at @i; the server sends its complement. */
static unsigned char byte_at(uint32_t seq, size_t i)
{
	uint32_t x = (seq ^ (uint32_t)(i * 0x9e3779b9)) * 0x85ebca6b;

	return (unsigned char)(x >> 24);
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(netns);
	close(fd);
}

static socklen_t parse(const char *text, const char *port, union addr *a)
{
	uint16_t p = htons((uint16_t)strtoul(port, NULL, 10));

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->sa.sa_family = AF_INET;
		a->v4.sin_port = p;
		return sizeof(a->v4);
	}
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->sa.sa_family = AF_INET6;
		a->v6.sin6_port = p;
		return sizeof(a->v6);
	}
	fprintf(stderr, "churn: %s is no address\n", text);
	exit(2);
}

static void watch(int fd, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(ep, op, fd, &e))
		die("epoll_ctl");
}

static struct conn *conn_new(int fd)
{
	struct conn *c;

	if (fd >= MAX_FDS) {
		errno = EMFILE;
		die("too many connections");
	}
	c = &conns[fd];
	if (!c->buf)
		c->buf = malloc(bytes);
	if (!c->buf)
		die("malloc");
	c->begun = now_ns();
	c->sent = c->got = 0;
	c->connected = false;
	c->open = true;
	return c;
}

static void conn_end(int fd)
{
	conns[fd].open = false;
	close(fd);
}

/* Bytes sent, 0: not now, negative errno. */
static ssize_t some(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : -errno;
}

/* ------------------------------------------------------------------- serving */

static int listeners[MAX_SERVERS];
static int nlisteners;

static void listen_at(const char *arg, const char *port)
{
	char *netns = strdup(arg), *addr = netns ? strrchr(netns, '=') : NULL;
	socklen_t len;
	union addr a;
	int fd, one = 1;

	if (!addr || nlisteners == MAX_SERVERS) {
		fprintf(stderr, "churn: not NETNS=ADDR, or too many: %s\n", arg);
		exit(2);
	}
	*addr++ = 0;
	enter(netns);
	len = parse(addr, port, &a);
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, &a.sa, len) || listen(fd, BACKLOG))
		die(arg);
	listeners[nlisteners++] = fd;
	watch(fd, EPOLLIN, EPOLL_CTL_ADD);
	free(netns);
}

static void take(int server)
{
	struct conn *c;
	int fd;

	while ((fd = accept4(listeners[server], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		c = conn_new(fd);
		c->server = server;
		watch(fd, EPOLLIN, EPOLL_CTL_ADD);
	}
}

static void answer(int fd)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	if (c->got < bytes) {
		n = recv(fd, c->buf + c->got, bytes - c->got, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		/* the client went, or says no more; what it has not got, it knows */
		if (n <= 0) {
			conn_end(fd);
			return;
		}
		c->got += (size_t)n;
		if (c->got < bytes)
			return;
		for (size_t i = 0; i < bytes; i++)
			c->buf[i] = (unsigned char)~c->buf[i];
		c->buf[0] = (unsigned char)c->server;
	}
	n = some(send(fd, c->buf + c->sent, bytes - c->sent, MSG_NOSIGNAL));
	if (n > 0)
		c->sent += (size_t)n;
	if (n < 0 || c->sent == bytes)
		conn_end(fd);
	else
		watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
}

/* Who has been accepted by the kernel is served; who comes from now on is refused. */
static void retire(int server)
{
	if (server < 0 || server >= nlisteners || listeners[server] < 0) {
		fprintf(stderr, "churn: no server %d\n", server);
		exit(2);
	}
	take(server);
	close(listeners[server]);
	listeners[server] = -1;
	printf("closed %d\n", server);
	fflush(stdout);
}

static void command(void)
{
	char line[64];
	ssize_t n = read(0, line, sizeof(line) - 1);
	int server;

	if (n <= 0)
		exit(0);
	line[n] = 0;
	if (sscanf(line, "close %d", &server) == 1)
		retire(server);
}

static int which(int fd)
{
	for (int i = 0; i < nlisteners; i++)
		if (listeners[i] == fd)
			return i;
	return -1;
}

static _Noreturn void serve(int argc, char **argv)
{
	struct epoll_event events[EVENTS];

	for (int i = 1; i < argc; i++)
		listen_at(argv[i], argv[0]);
	watch(0, EPOLLIN, EPOLL_CTL_ADD);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd, server = fd ? which(fd) : -1;

			if (!fd)
				command();
			else if (server >= 0)
				take(server);
			else if (conns[fd].open)
				answer(fd);
		}
	}
}

/* -------------------------------------------------------------------- asking */

static uint64_t asked, answered, failed[FAILURES], by_server[MAX_SERVERS], slowest;
static union addr target;
static socklen_t target_len;

static void fail(int fd, enum failure why)
{
	failed[why]++;
	if (fd >= 0)
		conn_end(fd);
}

static enum failure failure_of(int err)
{
	switch (-err) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
		return REFUSED;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return SILENT;
	default:
		return LOCAL;
	}
}

static void begin(void)
{
	struct conn *c;
	int fd = socket(target.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	c = conn_new(fd);
	c->seq = (uint32_t)asked++;
	for (size_t i = 0; i < bytes; i++)
		c->buf[i] = byte_at(c->seq, i);
	if (connect(fd, &target.sa, target_len) && errno != EINPROGRESS) {
		fail(fd, failure_of(-errno));
		return;
	}
	watch(fd, EPOLLOUT, EPOLL_CTL_ADD);
}

static void say(int fd)
{
	struct conn *c = &conns[fd];
	socklen_t len = sizeof(int);
	ssize_t n;
	int err;

	if (!c->connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
			fail(fd, failure_of(-err));
			return;
		}
		c->connected = true;
	}
	n = some(send(fd, c->buf + c->sent, bytes - c->sent, MSG_NOSIGNAL));
	if (n < 0) {
		fail(fd, failure_of((int)n));
		return;
	}
	c->sent += (size_t)n;
	if (c->sent == bytes)
		watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static bool right(const struct conn *c)
{
	for (size_t i = 1; i < bytes; i++)
		if (c->buf[i] != (unsigned char)~byte_at(c->seq, i))
			return false;
	return c->buf[0] < MAX_SERVERS;
}

static void heard_all(int fd)
{
	struct conn *c = &conns[fd];
	uint64_t took = now_ns() - c->begun;

	if (!right(c)) {
		fail(fd, WRONG);
		return;
	}
	answered++;
	by_server[c->buf[0]]++;
	if (took > slowest)
		slowest = took;
	conn_end(fd);
}

/* Up to the end that the server makes: one byte more would be one too many. */
static void hear(int fd)
{
	struct conn *c = &conns[fd];
	unsigned char more;
	ssize_t n;

	if (c->got < bytes)
		n = recv(fd, c->buf + c->got, bytes - c->got, 0);
	else
		n = recv(fd, &more, 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		fail(fd, failure_of(-errno));
	else if (!n && c->got < bytes)
		fail(fd, SHORT);
	else if (!n)
		heard_all(fd);
	else if (c->got == bytes)
		fail(fd, WRONG);
	else
		c->got += (size_t)n;
}

static void impatient(void)
{
	uint64_t now = now_ns();

	for (int fd = 0; fd < MAX_FDS; fd++)
		if (conns[fd].open && now - conns[fd].begun > PATIENCE_NS)
			fail(fd, SILENT);
}

static uint64_t ended(void)
{
	uint64_t n = answered;

	for (int i = 0; i < FAILURES; i++)
		n += failed[i];
	return n;
}

static void events(int timeout)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(ep, e, EVENTS, timeout);

	for (int i = 0; i < n; i++) {
		int fd = e[i].data.fd;

		if (!conns[fd].open)
			continue;
		if (conns[fd].sent < bytes)
			say(fd);
		else
			hear(fd);
	}
}

static void report(void)
{
	printf("{\"asked\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"slowest_ms\": %" PRIu64, asked,
	       answered, slowest / 1000000);
	for (int i = 0; i < FAILURES; i++)
		printf(", \"%s\": %" PRIu64, failures[i], failed[i]);
	printf(", \"servers\": [");
	for (int i = 0; i < MAX_SERVERS; i++)
		printf("%s%" PRIu64, i ? ", " : "", by_server[i]);
	printf("]}\n");
}

static int ask(char **argv)
{
	uint64_t rate = strtoull(argv[3], NULL, 10), ms = strtoull(argv[4], NULL, 10);
	uint64_t start, end, due, looked;

	enter(argv[0]);
	target_len = parse(argv[1], argv[2], &target);
	start = looked = now_ns();
	end = start + ms * 1000000;
	while (now_ns() < end) {
		due = (now_ns() - start) * rate / 1000000000;
		/* some of those that are due, then what has happened meanwhile */
		for (int i = 0; i < 64 && asked < due; i++)
			begin();
		events(asked < due ? 0 : 1);
	}
	while (ended() < asked) {
		events(10);
		if (now_ns() - looked < 100000000)
			continue;
		looked = now_ns();
		impatient();
	}
	report();
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc < 2)
		goto usage;
	bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	if (bytes < 2 || bytes > MAX_BYTES)
		goto usage;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		die("epoll_create1");
	if (!strcmp(argv[1], "serve") && argc > 4)
		serve(argc - 3, argv + 3);
	if (!strcmp(argv[1], "ask") && argc == 8)
		return ask(argv + 3);
usage:
	fprintf(stderr, "usage: churn serve BYTES PORT NETNS=ADDR...\n"
			"       churn ask BYTES NETNS ADDR PORT RATE MS\n");
	return 2;
}
