// SPDX-License-Identifier: GPL-2.0
/*
 * probe - numbered datagrams at a steady rate, and which of them arrive
 *
 *	probe CLIENT_NS SERVER_NS ADDRESS RATE
 *
 * Sends RATE datagrams a second until standard input ends, then prints one
 * JSON object: sent, received (each counted once), duplicated, when the first
 * was sent and the first one arrived (CLOCK_MONOTONIC, seconds; null: none),
 * and the longest time without an arrival. A line on standard input is
 * answered with the same object at that moment.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "prio.h"

#define PORT		7001
#define SEQ_MAX		(1U << 24)
#define GRACE_NS	500000000ULL	/* for what is still on its way at the end */
#define BUF_BYTES	(8 * 1024 * 1024)

static struct {
	int cli, srv;			/* sockets */
	uint64_t period_ns;
	uint64_t start, first, last;	/* of sending; of arrivals, 0: none */
	uint64_t gap;			/* longest between arrivals, ns */
	uint32_t sent, received, duplicated;
	uint8_t *seen;			/* bit for each number */
} pb;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int sock_in(const char *ns)
{
	char path[256];
	int fd, size = BUF_BYTES;

	snprintf(path, sizeof(path), "%s%s", strchr(ns, '/') ? "" : "/run/netns/", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		return -errno;
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static int open_both(char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct sockaddr_in to = any;

	if (inet_pton(AF_INET, argv[3], &to.sin_addr) != 1)
		return -EINVAL;
	pb.srv = sock_in(argv[2]);
	if (pb.srv < 0)
		return pb.srv;
	if (bind(pb.srv, (struct sockaddr *)&any, sizeof(any)))
		return -errno;
	pb.cli = sock_in(argv[1]);
	if (pb.cli < 0)
		return pb.cli;
	return connect(pb.cli, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static void receive(void)
{
	uint32_t seq;
	uint64_t t;

	while (recv(pb.srv, &seq, sizeof(seq), 0) == sizeof(seq)) {
		t = now();
		if (!pb.first)
			pb.first = t;
		else if (t - pb.last > pb.gap)
			pb.gap = t - pb.last;
		pb.last = t;
		if (seq >= SEQ_MAX)
			continue;
		if (pb.seen[seq / 8] & 1 << seq % 8)
			pb.duplicated++;
		else
			pb.received++;
		pb.seen[seq / 8] |= (uint8_t)(1 << seq % 8);
	}
}

/* What is due by now; what the machine was too slow for is sent in a burst. */
static void send_due(void)
{
	uint64_t due = (now() - pb.start) / pb.period_ns + 1;

	while (pb.sent < due && pb.sent < SEQ_MAX) {
		/* a refusal by the socket counts as sent and lost */
		if (send(pb.cli, &pb.sent, sizeof(pb.sent), 0) < 0 && errno == EAGAIN)
			return;
		pb.sent++;
	}
}

static void print(void)
{
	printf("{\"sent\": %u, \"received\": %u, \"duplicated\": %u, \"start\": %.9f, ", pb.sent,
	       pb.received, pb.duplicated, (double)pb.start / 1e9);
	if (pb.first)
		printf("\"first\": %.9f, ", (double)pb.first / 1e9);
	else
		printf("\"first\": null, ");
	printf("\"gap_ms\": %.3f}\n", (double)pb.gap / 1e6);
	fflush(stdout);
}

/* False at the end of standard input. */
static bool commands(void)
{
	char buf[64];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n > 0)
		print();
	return n > 0 || (n < 0 && errno == EINTR);
}

static void drain(void)
{
	struct pollfd pfd = { .fd = pb.srv, .events = POLLIN };
	uint64_t end = now() + GRACE_NS;

	while (pb.received < pb.sent && now() < end)
		if (poll(&pfd, 1, 10) > 0)
			receive();
}

static void loop(void)
{
	struct pollfd pfd[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = pb.srv, .events = POLLIN } };
	struct timespec wait;
	uint64_t next, t;

	pb.start = now();
	for (;;) {
		send_due();
		receive();
		next = pb.start + pb.sent * pb.period_ns;
		t = now();
		wait.tv_sec = 0;
		wait.tv_nsec = next > t ? (long)(next - t) : 0;
		if (ppoll(pfd, 2, &wait, NULL) > 0 && pfd[0].revents && !commands())
			break;
	}
	drain();
	print();
}

int main(int argc, char **argv)
{
	long rate = argc == 5 ? atol(argv[4]) : 0;
	int err;

	if (rate < 1 || rate > 1000000) {
		fprintf(stderr, "usage: probe CLIENT_NS SERVER_NS ADDRESS RATE\n");
		return 2;
	}
	pb.period_ns = 1000000000ULL / (uint64_t)rate;
	pb.seen = calloc(SEQ_MAX / 8, 1);
	err = pb.seen ? open_both(argv) : -ENOMEM;
	if (err) {
		fprintf(stderr, "probe: %s\n", strerror(-err));
		return 1;
	}
	prio_first();
	loop();
	return 0;
}
