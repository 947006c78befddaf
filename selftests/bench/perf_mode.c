// SPDX-License-Identifier: GPL-2.0
/*
 * Loads of the traffic tool, each as one step of the client and the server's
 * loop, and the sockets they use. A socket belongs to the namespace that its
 * maker was in, so that one thread holds the connections of every path.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "perf.h"

#define STREAM_CHUNK	(128 * 1024)
#define SMALL_BYTES	18		/* with Ethernet, IPv4 and UDP: 60 bytes */
#define SMALL_BATCH	64
#define ANSWER_NS	1000000000ULL	/* an answer later than this is lost */
#define WAKE_US		50000		/* how often a sleeping server looks up */
#define PORT_FIRST	1024
#define BUF_BYTES	(8 * 1024 * 1024)

enum { MORE, LAST };			/* first byte of a request */

static char chunk[2][STREAM_CHUNK];	/* the client's, the server's */

uint64_t perf_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* ------------------------------------------------------------- sockets */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

/* bbr paces, and pacing hides what the path can do: cubic on every machine. */
static void tcp_prepare(int fd)
{
	static const char cc[] = "cubic";

	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, sizeof(cc) - 1);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int sock_new(const struct perf *pf, const struct perf_path *p)
{
	struct timeval tv = { .tv_usec = WAKE_US };
	int fd = socket(p->srv.sa.sa_family, pf->mode->socktype | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (pf->mode->socktype == SOCK_STREAM)
		tcp_prepare(fd);
	else
		set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUF_BYTES);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

/* To @port, which lies at the same place in both families, of any address. */
static int bind_port(int fd, const struct perf_path *p, uint16_t port)
{
	union perf_addr any = { .sa.sa_family = p->srv.sa.sa_family };

	any.v4.sin_port = htons(port);
	return bind(fd, &any.sa, sizeof(any)) ? -errno : 0;
}

/* A listener that is asked again and again must not put its caller to sleep. */
static int listen_new(const struct perf *pf, const struct perf_path *p)
{
	int nonblock = pf->mode->held || pf->block ? 0 : O_NONBLOCK;
	int err, fd = sock_new(pf, p);

	if (fd < 0)
		return fd;
	err = bind_port(fd, p, PERF_PORT);
	if (!err && (fcntl(fd, F_SETFL, nonblock) ||
		     (pf->mode->socktype == SOCK_STREAM && listen(fd, 1024))))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A port of one's own choice for each connection: the search for a free one
 * would be measured otherwise, and it gets slower as ports are used up. */
static int client_new(const struct perf *pf, struct perf_path *p)
{
	int err, fd = sock_new(pf, p);

	if (fd < 0)
		return fd;
	if (p->next_port < PORT_FIRST)
		p->next_port = PORT_FIRST;
	err = bind_port(fd, p, p->next_port++);
	if (!err && connect(fd, &p->srv.sa, sizeof(p->srv)))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Lets a connection take the place of one that waits in TIME_WAIT, as any
 * client that opens thousands a second is set up; the default is loopback only. */
static void tw_reuse(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_tw_reuse", "w");

	if (!f)
		return;
	fputs("1", f);
	fclose(f);
}

/* Sockets of @p; the caller ends in the client's namespace. */
int perf_path_open(struct perf *pf, struct perf_path *p)
{
	int fd;

	if (setns(p->srv_ns, CLONE_NEWNET))
		return -errno;
	p->listen_fd = listen_new(pf, p);
	if (p->listen_fd < 0)
		return p->listen_fd;
	if (setns(p->cli_ns, CLONE_NEWNET))
		return -errno;
	tw_reuse();
	if (!pf->mode->held)
		return 0;
	p->cli_fd = client_new(pf, p);
	if (p->cli_fd < 0)
		return p->cli_fd;
	if (pf->mode->socktype == SOCK_DGRAM) {
		p->srv_fd = p->listen_fd;
		return 0;
	}
	fd = accept(p->listen_fd, NULL, NULL);
	if (fd < 0)
		return -errno;
	p->srv_fd = fd;
	tcp_prepare(fd);
	return 0;
}

void perf_path_close(struct perf_path *p)
{
	if (p->srv_fd >= 0 && p->srv_fd != p->listen_fd)
		close(p->srv_fd);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	if (p->cli_fd >= 0)
		close(p->cli_fd);
	p->srv_fd = p->listen_fd = p->cli_fd = -1;
}

/* ------------------------------------------------------------- waiting */

static bool is_active(struct perf *pf, const struct perf_path *p)
{
	return !atomic_load_explicit(&pf->stop, memory_order_relaxed) &&
	       atomic_load_explicit(&pf->active, memory_order_acquire) == (int)(p - pf->path);
}

/* The client's answer: 1 byte, 0 at the end of file, -ETIMEDOUT. */
static int client_recv(struct perf *pf, int fd, uint8_t *byte)
{
	uint64_t deadline = perf_now() + ANSWER_NS;
	ssize_t n;

	for (;;) {
		n = recv(fd, byte, 1, pf->block ? 0 : MSG_DONTWAIT);
		if (n >= 0)
			return (int)n;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (perf_now() > deadline)
			return -ETIMEDOUT;
	}
}

/* The server's: waits as long as @p is measured; -EAGAIN: no longer. */
static ssize_t server_recv(struct perf *pf, struct perf_path *p, int fd, void *buf, size_t len)
{
	union perf_addr from;
	socklen_t flen = sizeof(from);
	ssize_t n;

	for (;;) {
		n = recvfrom(fd, buf, len, pf->block ? 0 : MSG_DONTWAIT, &from.sa, &flen);
		if (n >= 0)
			break;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (!is_active(pf, p))
			return -EAGAIN;
	}
	if (pf->mode->socktype != SOCK_DGRAM || n == 0)
		return n;
	if (sendto(fd, buf, 1, 0, &from.sa, flen) < 0)
		return -errno;
	return n;
}

/* ------------------------------------------------- request and response */

static int rr_step(struct perf *pf, struct perf_path *p, bool last)
{
	uint8_t byte = last ? LAST : MORE;
	int err;

	if (send(p->cli_fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	err = client_recv(pf, p->cli_fd, &byte);
	if (err == 1) {
		pf->done++;
		return 0;
	}
	/* A datagram may be lost; a stream that stops is an error. */
	if (err == -ETIMEDOUT && pf->mode->socktype == SOCK_DGRAM) {
		p->errors++;
		return 0;
	}
	return err ? err : -EPIPE;
}

static void rr_serve(struct perf *pf, struct perf_path *p)
{
	uint8_t byte;

	while (server_recv(pf, p, p->srv_fd, &byte, 1) == 1) {
		if (pf->mode->socktype == SOCK_STREAM &&
		    send(p->srv_fd, &byte, 1, MSG_NOSIGNAL) != 1)
			return;
		if (byte == LAST)
			return;
	}
}

/* ------------------------------------- connect, request, response, close */

/* The client closes first and keeps TIME_WAIT: handshake, data and FINs of
 * both sides cross the path for each transaction. */
static int crr_step(struct perf *pf, struct perf_path *p, bool last)
{
	uint8_t byte = last ? LAST : MORE;
	int err, fd;

	fd = client_new(pf, p);
	if (fd == -EADDRINUSE || fd == -EADDRNOTAVAIL) {
		p->errors++;
		return 0;
	}
	if (fd < 0)
		return fd;
	err = send(fd, &byte, 1, MSG_NOSIGNAL) == 1 ? client_recv(pf, fd, &byte) : -errno;
	close(fd);
	if (err != 1)
		return err ? err : -EPIPE;
	pf->done++;
	return 0;
}

static int crr_accept(struct perf *pf, struct perf_path *p)
{
	int fd;

	for (;;) {
		fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (!is_active(pf, p))
			return -EAGAIN;
	}
}

static void crr_serve(struct perf *pf, struct perf_path *p)
{
	uint8_t byte = MORE, end;
	int fd;

	while (byte != LAST) {
		fd = crr_accept(pf, p);
		if (fd < 0)
			return;
		if (server_recv(pf, p, fd, &byte, 1) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
			server_recv(pf, p, fd, &end, 1);
		close(fd);
	}
}

/* -------------------------------------------------------------- streams */

/* Waits until the server has all that was sent, so that the next path does
 * not pay for this one's rest. */
static int drain(struct perf *pf, struct perf_path *p, uint64_t ns)
{
	uint64_t deadline = perf_now() + ns;

	while (atomic_load_explicit(&pf->rx, memory_order_relaxed) < p->tx)
		if (perf_now() > deadline)
			return -ETIMEDOUT;
	return 0;
}

static int stream_step(struct perf *pf, struct perf_path *p, bool last)
{
	ssize_t n;

	if (last)
		return drain(pf, p, ANSWER_NS);
	n = send(p->cli_fd, chunk[0], sizeof(chunk[0]), MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	p->tx += (uint64_t)n;
	return 0;
}

static void stream_serve(struct perf *pf, struct perf_path *p)
{
	ssize_t n;

	for (;;) {
		n = recv(p->srv_fd, chunk[1], sizeof(chunk[1]), pf->block ? 0 : MSG_DONTWAIT);
		if (n > 0)
			atomic_fetch_add_explicit(&pf->rx, (uint64_t)n, memory_order_relaxed);
		else if (n == 0 || !is_active(pf, p))
			return;
	}
}

/* -------------------------------------------------------- small packets */

static void small_prepare(struct mmsghdr *msg, struct iovec *iov, char *buf, size_t len)
{
	memset(msg, 0, SMALL_BATCH * sizeof(*msg));
	for (int i = 0; i < SMALL_BATCH; i++) {
		iov[i].iov_base = buf;
		iov[i].iov_len = len;
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static int small_step(struct perf *pf, struct perf_path *p, bool last)
{
	static struct mmsghdr msg[SMALL_BATCH];
	static struct iovec iov[SMALL_BATCH];
	int n;

	if (last) {
		/* What is lost never comes: waits for the rest only. */
		drain(pf, p, 2000000);
		return 0;
	}
	if (!iov[0].iov_len)
		small_prepare(msg, iov, chunk[0], SMALL_BYTES);
	n = sendmmsg(p->cli_fd, msg, SMALL_BATCH, 0);
	if (n < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
		return -errno;
	p->tx += n > 0 ? (uint64_t)n : 0;
	return 0;
}

static void small_serve(struct perf *pf, struct perf_path *p)
{
	static struct mmsghdr msg[SMALL_BATCH];
	static struct iovec iov[SMALL_BATCH];
	int n;

	small_prepare(msg, iov, chunk[1], SMALL_BYTES);
	for (;;) {
		n = recvmmsg(p->srv_fd, msg, SMALL_BATCH,
			     pf->block ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
		if (n > 0)
			atomic_fetch_add_explicit(&pf->rx, (uint64_t)n, memory_order_relaxed);
		else if (!is_active(pf, p))
			return;
	}
}

const struct perf_mode perf_modes[] = {
	{ .name = "tcp_stream", .unit = "Gbit/s", .socktype = SOCK_STREAM, .held = true,
	  .by_server = true, .scale = 8e-9, .step = stream_step, .serve = stream_serve },
	{ .name = "tcp_rr", .unit = "1/s", .socktype = SOCK_STREAM, .held = true,
	  .scale = 1, .step = rr_step, .serve = rr_serve },
	{ .name = "tcp_crr", .unit = "1/s", .socktype = SOCK_STREAM,
	  .scale = 1, .step = crr_step, .serve = crr_serve },
	{ .name = "udp_rr", .unit = "1/s", .socktype = SOCK_DGRAM, .held = true,
	  .scale = 1, .step = rr_step, .serve = rr_serve },
	{ .name = "pps", .unit = "packets/s", .socktype = SOCK_DGRAM, .held = true,
	  .by_server = true, .scale = 1, .step = small_step, .serve = small_serve },
	{ .name = NULL },
};
