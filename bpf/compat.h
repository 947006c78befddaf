/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the oldest headers that we build against may not know, and the
 * compiler habits that every stage shares. No kernel version is asked for
 * anywhere: what a kernel may lack is either not used or tried.
 */
#ifndef SL_BPF_COMPAT_H
#define SL_BPF_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

/*
 * Verdicts. The same numbers in enum tcx_action_base, in TC_ACT_ of
 * linux/pkt_cls.h and in enum netkit_action of linux/if_link.h.
 */
enum sl_act {
	SL_ACT_NEXT	= -1,	/* the next program, then the stack */
	SL_ACT_DROP	= 2,
	SL_ACT_REDIRECT	= 7,
	SL_ACT_CONTINUE	= 100,	/* ours: no verdict yet */
	SL_ACT_HALF	= 101,	/* ours: nor yet, but half-open */
};

/* Flag of bpf_fib_lookup(), linux/bpf.h from 6.3 on: neighbours are
 * bpf_redirect_neigh()'s business. */
#define SL_FIB_SKIP_NEIGH	(1U << 2)

#ifndef AF_INET
#define AF_INET		2
#define AF_INET6	10
#endif

/* linux/icmp.h pulls in the C library, so its part that we need is here: RFC 792. */
struct sl_icmp {
	__u8 type, code;
	__sum16 check;
	__be32 data;
};

#define ICMP_ECHOREPLY		0
#define ICMP_DEST_UNREACH	3
#define ICMP_FRAG_NEEDED	4	/* code */
#define ICMP_PORT_UNREACH	3	/* code */
#define ICMP_PKT_FILTERED	13	/* code: RFC 1812 section 5.2.7.1 */
#define ICMP_SOURCE_QUENCH	4
#define ICMP_REDIRECT		5
#define ICMP_ECHO		8
#define ICMP_TIME_EXCEEDED	11
#define ICMP_PARAMETERPROB	12

#define ICMPV6_DEST_UNREACH	1	/* RFC 4443 */
#define ICMPV6_ADM_PROHIBITED	1	/* code */
#define ICMPV6_PORT_UNREACH	4	/* code */
#define ICMPV6_PKT_TOOBIG	2
#define ICMPV6_TIME_EXCEED	3
#define ICMPV6_ECHO_REQUEST	128
#define ICMPV6_ECHO_REPLY	129

#define SL_LOOPBACK_IFINDEX	1	/* in every network namespace */

#define ETH_HLEN_		14	/* of every frame that is ours: untagged */
#define IP_DF			0x4000
#define IP_MF			0x2000
#define IP_OFFSET		0x1fff

#define sl_likely(x)	__builtin_expect(!!(x), 1)
#define sl_unlikely(x)	__builtin_expect(!!(x), 0)

/* Hides a value's history from the optimiser, so that the bound which the
 * source has just checked is the one the verifier sees. */
#define sl_opaque(x)	({ asm volatile("" : "+r"(x)); (x); })

#define SL_READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define SL_WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))

#endif /* SL_BPF_COMPAT_H */
