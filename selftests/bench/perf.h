/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The traffic tool: what its two halves share. perf.c sequences rounds and
 * prints; perf_mode.c sends and answers.
 */
#ifndef SELFTESTS_BENCH_PERF_H
#define SELFTESTS_BENCH_PERF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#define PERF_PATHS_MAX	16
#define PERF_PORT	7001
#define PERF_IDLE	(-1)		/* no path is measured */

/* A family's own sockets: IPv4 over IPv6 sockets looks up a route for each datagram. */
union perf_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* One way between two namespaces, and what was measured on it. */
struct perf_path {
	char name[32];
	int cli_ns, srv_ns;		/* descriptors of the namespaces */
	union perf_addr srv;
	int listen_fd;			/* -1: none */
	int cli_fd, srv_fd;		/* connected for the whole run; -1: none */
	uint16_t next_port;		/* of the client, one for each connection */
	uint64_t tx;			/* units sent */
	double *samples;		/* units a second, one for each round */
	double *sent;			/* the same at the sender */
	unsigned int errors;		/* transactions that timed out */
};

struct perf {
	const struct perf_mode *mode;
	struct perf_path path[PERF_PATHS_MAX];
	unsigned int npaths, rounds;
	uint64_t slice_ns, warm_ns;
	bool block;			/* sleep in the kernel for an answer */
	int cpu[2];			/* client, server */
	atomic_int active;		/* index of the path under load */
	atomic_bool stop;
	/* On lines of their own: the server writes one, the client the other. */
	_Alignas(128) _Atomic uint64_t rx;	/* units received by the server */
	_Alignas(128) uint64_t done;		/* transactions, counted by the client */
};

struct perf_mode {
	const char *name, *unit;
	int socktype;
	bool held;		/* one connection for the whole run */
	bool by_server;		/* the server counts, else the client */
	double scale;		/* of a unit counted to the unit printed */
	/* One step of the client; @last: after it the server may look for
	 * another path. Negative errno. */
	int (*step)(struct perf *pf, struct perf_path *p, bool last);
	/* Answers until the path is no longer the active one. */
	void (*serve)(struct perf *pf, struct perf_path *p);
};

extern const struct perf_mode perf_modes[];

uint64_t perf_now(void);
int perf_path_open(struct perf *pf, struct perf_path *p);
void perf_path_close(struct perf_path *p);

#endif
