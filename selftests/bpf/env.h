/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test of the pipeline starts from: a network namespace of its own
 * with three pods' devices, an uplink, another link and an encap device; the
 * pipeline loaded with small tables; both families of addresses for all.
 *
 *	endpoint 1, 2, 3	ep1, ep2, ep3
 *	the node		up0: 192.0.2.1, 2001:db8::1, default route by .2, ::2
 *	another link		alt0: 203.0.113.1/24, 2001:db8:a::1/64
 *	encap device		tun0
 */
#ifndef SELFTESTS_BPF_ENV_H
#define SELFTESTS_BPF_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "packet.h"
#include "bpf/sluice.skel.h"
#include "selftests/bpf/tunnel.skel.h"

#define NEXT		(-1)
#define DROP		2
#define REDIRECT	7

#define NEPS		3
#define FLOW_MAX	64		/* so small that it can be filled */
#define HALF_MAX	4096

struct env {
	struct sluice_bpf *sk;
	struct tunnel_bpf *tun;
	unsigned int ep_if[NEPS + 1], up_if, alt_if, tun_if;
	uint8_t pod_mac[NEPS + 1][6], host_mac[NEPS + 1][6];
	uint8_t up_mac[6], tun_mac[6], peer_mac[6];
};

extern struct env env;

/* Addresses by family. */
struct fam {
	bool v6;
	const char *pod[NEPS + 1];	/* by endpoint, [0] an address without one */
	const char *node;		/* the node's own */
	const char *out;		/* somewhere outside */
	const char *gw;			/* the router there */
	const char *direct, *direct_via; /* a pod of a node on the link, that node */
	const char *tunnel, *tunnel_via; /* a pod of a node behind the tunnel, that node */
	const char *tunnel_node;	/* that node's own address, reached the same way */
	const char *blackhole;		/* the node's routes refuse it */
	const char *alt;		/* on the other link */
};

extern const struct fam fams[2];
#define TUNNEL_VNI	77
#define TUNNEL_MTU	1450

int env_setup(void **state);
int env_teardown(void **state);
/* Before @obj is loaded: its maps become the pipeline's own. 0 or -1. */
int env_reuse_maps(struct bpf_object *obj);
/* Tables, counters and endpoints as they were: nothing isolated, generation 1. */
int env_reset(void **state);

/* Runs a program on @p, which becomes what left it; the verdict. */
int env_run(struct bpf_program *prog, struct pkt *p, struct __sk_buff *ctx);
int env_from_pod(unsigned int ep, struct pkt *p);
/* @iif: where the node got it from, 0: a socket of its own. */
int env_to_pod(unsigned int ep, struct pkt *p, unsigned int iif);
/* @iif: as for env_to_pod(). */
int env_to_uplink(struct pkt *p, unsigned int iif);
int env_from_uplink(struct pkt *p);
int env_from_tunnel(struct pkt *p, const char *outer_src, uint32_t vni);
int env_expire(void);

/* MACs filled in: as a pod sends, as the stack sends to a pod, from the link, from a tunnel. */
void env_pod_pkt(unsigned int ep, struct pkt *p, struct pkt_spec s);
void env_stack_pkt(unsigned int ep, struct pkt *p, struct pkt_spec s);
void env_link_pkt(struct pkt *p, struct pkt_spec s);
void env_tunnel_pkt(struct pkt *p, struct pkt_spec s);
/* Made and sent by a pod in one go. */
int env_pod_sends(unsigned int ep, struct pkt_spec s);

/* Endpoints and policy. */
/* Change these, then write them. */
struct sl_ep *env_ep(unsigned int ep);
void env_ep_write(unsigned int ep);
struct sl_state *env_state(void);
void env_state_write(void);
#define ISO_IN	SL_EP_ISOLATED_INGRESS
#define ISO_OUT	SL_EP_ISOLATED_EGRESS
void env_policy(unsigned int ep, uint64_t isolated, uint32_t set, uint32_t gen, int column);
void env_rule(uint32_t set, int dir, uint32_t class_id, int verdict, uint32_t rule, uint32_t ports);
void env_port(uint32_t ports, uint32_t plen, uint8_t proto, uint16_t port, int verdict,
	      uint32_t rule);
void env_class(const char *addr, int len, uint32_t col0, uint32_t col1);
void env_route(const char *addr, int len, const struct sl_route_val *r);
void env_addr(const char *addr, uint32_t kind, uint32_t id);
void env_addr_del(const char *addr);

/* Services: ids up to SVC_IDS are cleared between tests, of services and of backends. */
#define SVC_IDS	16
void env_front(const char *addr, uint16_t port, uint8_t proto, const struct sl_front_val *v);
uint64_t env_chosen(uint32_t id);	/* sl_backend_new */
void env_svc(uint32_t id, const struct sl_svc *svc);
void env_backend(uint32_t id, uint32_t svc, const char *addr, uint16_t port, uint8_t proto,
		 uint8_t flags);
/* @n ids from @page on. */
void env_set(uint32_t page, const uint32_t *ids, unsigned int n);
void env_svc_src(uint32_t svc, const char *addr, int len);

/* What is known. */
enum env_where { IN_FLOW, IN_HALF, NOWHERE };
enum env_where env_flow(const struct pkt_spec *s, struct sl_flow *out);
enum env_where env_flow_key(const struct sl_tuple *key, struct sl_flow *out);
void env_flow_put(enum env_where where, const struct pkt_spec *s, const struct sl_flow *f);
void env_flow_del(const struct pkt_spec *s);
unsigned int env_entries(struct bpf_map *m);
uint64_t env_count(enum sl_count count);
uint64_t env_drops(enum sl_drop reason);
uint64_t env_drops_by(enum sl_drop reason, uint32_t ep, uint32_t rule);

/* The verdict is @want, and nothing was counted as dropped since the last look. */
#define expect_pass(verdict, want) env_expect_pass((verdict), (want), __FILE__, __LINE__)
/* Dropped once, for @reason and no other. */
#define expect_drop(verdict, reason) env_expect_drop((verdict), DROP, (reason), __FILE__, __LINE__)
/* Counted as dropped for @reason, but answered: the verdict redirects. */
#define expect_answer(verdict, reason) \
	env_expect_drop((verdict), REDIRECT, (reason), __FILE__, __LINE__)
void env_expect_pass(int verdict, int want, const char *file, int line);
void env_expect_drop(int verdict, int want, enum sl_drop reason, const char *file, int line);
void env_expect_csum(const struct pkt *p, const char *file, int line);
#define expect_csum(p) env_expect_csum((p), __FILE__, __LINE__)
/* The packet goes from (@src, @sport) to (@dst, @dport), its sums right. */
void expect_pkt(const struct pkt *p, const char *src, uint16_t sport, const char *dst,
		uint16_t dport);

/* Each body once for each family, on fresh tables. */
#define for_families(f) \
	for (const struct fam *f = fams; f < fams + 2 && !env_reset(NULL); f++)

/* A TCP flow between two pods up to ESTABLISHED; fails the test otherwise. */
void env_establish(unsigned int from, unsigned int to, const struct pkt_spec *s);
struct pkt_spec env_reply(const struct pkt_spec *s);

#define ENV_TEST(name)	static void name(__attribute__((unused)) void **state)
#define env_test(fn)	cmocka_unit_test_setup(fn, env_reset)
#define env_main(tests)                                                        \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                             \
	 cmocka_run_group_tests((tests), env_setup, env_teardown))

#endif
