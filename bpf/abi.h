/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What BPF programs, the kernel module and user programs agree on: keys and
 * values of every map, every enum that is stored in one, and the names of
 * the maps. Declared here once and nowhere else.
 *
 * Conventions: addresses and ports are in network byte order, everything
 * else in the host's. IPv4 addresses are written as IPv4-mapped IPv6
 * (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so that one table serves both
 * families. Times are nanoseconds of CLOCK_MONOTONIC_COARSE. Padding is explicit and zero:
 * keys are compared as bytes.
 *
 * Anything that changes the layout or meaning of a map raises
 * SL_ABI_VERSION, which is part of the path that maps are pinned under.
 */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H

#include <linux/types.h>

#define SL_ABI_VERSION 2

#ifdef __cplusplus
#define SL_STATIC_ASSERT static_assert
#else
#define SL_STATIC_ASSERT _Static_assert
#endif

#define SL_ASSERT_SIZE(type, size) \
	SL_STATIC_ASSERT(sizeof(type) == (size), #type " is not " #size " bytes")

/* ------------------------------------------------------------ addresses */

union sl_addr {
	__u8 b[16];
	__be16 h[8];
	__be32 w[4];
	__u64 d[2];
};
SL_ASSERT_SIZE(union sl_addr, 16);

/* Longest-prefix key over an address; a prefix of IPv4 counts from bit 96. */
struct sl_prefix {
	__u32 prefixlen;		/* bits, 0 to 128 */
	union sl_addr addr;
} __attribute__((packed, aligned(4)));
SL_ASSERT_SIZE(struct sl_prefix, 20);

/* ------------------------------------------------------------- ownership */

/*
 * Who wrote an entry. The daemon changes and removes only its own, and so does
 * an administrator; sets that both could mean are kept apart by a bit of their ids.
 */
enum sl_origin {
	SL_ORIGIN_DAEMON,
	SL_ORIGIN_ADMIN,		/* by hand: netlink family or library */
	__SL_ORIGIN_MAX,
};

/* Bit of a rule set's id, and of a port set's, that is never the daemon's. */
#define SL_RULESET_ADMIN	(1U << 29)
#define SL_PORTS_ADMIN		(1U << 31)

/* ------------------------------------------------------------ endpoints */

/*
 * sl_ep: array, index is the endpoint id (1 to max - 1; 0 means none),
 * BPF_F_MMAPABLE so that user space stores `policy` as one word.
 *
 * The policy word:  bit 63     isolated for ingress
 *                   bit 62     isolated for egress
 *                   bits 32-61 rule set id
 *                   bits 1-31  generation
 *                   bit 0      class column in force
 *
 * A direction that is not isolated allows everything without a lookup. A
 * flow remembers the generation it was judged under, and is judged again
 * when it differs; the column chooses which of the two class ids of an
 * address this endpoint reads, so that classes change for an endpoint at
 * the same instant as its rules do.
 *
 * A reader takes the word, then looks up class, rule and ports, then takes
 * the word again, and begins anew when it is another one: between the two
 * the writer may have gone on to reuse the other column or to delete rules
 * that nothing points to any more. What a flow remembers is the generation
 * of the word that was confirmed. Reads must not be reordered around the
 * second load (x86 keeps them in order by itself).
 */
#define SL_EP_MAX		4096
#define SL_EP_ISOLATED_INGRESS	(1ULL << 63)
#define SL_EP_ISOLATED_EGRESS	(1ULL << 62)
#define SL_EP_RULESET_SHIFT	32
#define SL_EP_RULESET_MASK	0x3fffffffU
#define SL_EP_GEN_SHIFT		1
#define SL_EP_GEN_MASK		0x7fffffffU
#define SL_EP_COLUMN_MASK	1ULL

/* Rule set id of an endpoint that is not open yet: everything is refused. */
#define SL_RULESET_CLOSED	SL_EP_RULESET_MASK
/* Word an endpoint is born with. */
#define SL_EP_POLICY_CLOSED                                   \
	(SL_EP_ISOLATED_INGRESS | SL_EP_ISOLATED_EGRESS |     \
	 ((__u64)SL_RULESET_CLOSED << SL_EP_RULESET_SHIFT))

enum sl_family {
	SL_FAMILY_V4,
	SL_FAMILY_V6,
	__SL_FAMILY_MAX,
};

enum sl_ep_flag {
	SL_EP_FLAG_USED		= 1 << 0,
	SL_EP_FLAG_NETKIT	= 1 << 1,	/* netkit pair, else veth */
};

struct sl_ep {
	__u64 policy;			/* see above; stored atomically */
	__u32 ifindex;			/* the node's end of the pair */
	__u32 flags;			/* enum sl_ep_flag */
	union sl_addr addr[__SL_FAMILY_MAX];	/* all zero: none */
	__u32 class_id[2][__SL_FAMILY_MAX];	/* [column][family] */
	__u8 mac[6];			/* the pod's end */
	__u8 host_mac[6];		/* the node's end: the pod's gateway */
	__u32 mtu;			/* of the pod's end, bytes */
};
SL_ASSERT_SIZE(struct sl_ep, 80);

/* sl_addr: hash; addresses of this node that are known exactly. */
enum sl_addr_kind {
	SL_ADDR_NONE,
	SL_ADDR_EP,			/* id: endpoint */
	SL_ADDR_HOST,			/* one of the node's own */
	SL_ADDR_SVC,			/* of services; id: enum sl_svc_addr */
	__SL_ADDR_MAX,
};

/* What becomes of packets to a port of it that no frontend has. */
enum sl_svc_addr {
	SL_SVC_ADDR_CLOSED,		/* refused: the address is nobody else's */
	SL_SVC_ADDR_OPEN,		/* as of any other address */
	__SL_SVC_ADDR_MAX,
};

struct sl_addr_val {
	__u32 kind;			/* enum sl_addr_kind */
	__u32 id;
};
SL_ASSERT_SIZE(struct sl_addr_val, 8);

/* sl_if: hash, ifindex (__u32) to endpoint id (__u32). */

/* --------------------------------------------------------------- policy */

#define SL_CLASS_NONE	0U		/* no policy tells this address apart */
#define SL_CLASS_ANY	0xffffffffU	/* the rule for every class not listed */

/* sl_class: LPM trie, struct sl_prefix to the class of an address. */
struct sl_class_val {
	__u32 class_id[2];		/* [column] */
};
SL_ASSERT_SIZE(struct sl_class_val, 8);

enum sl_dir {
	SL_DIR_INGRESS,			/* into the endpoint */
	SL_DIR_EGRESS,			/* out of the endpoint */
	__SL_DIR_MAX,
};

enum sl_verdict {
	SL_VERDICT_DENY,
	SL_VERDICT_ALLOW,
	SL_VERDICT_PORTS,		/* ask sl_port */
	__SL_VERDICT_MAX,
};

enum sl_tier {
	SL_TIER_NONE,			/* no policy selects the endpoint */
	SL_TIER_ADMIN,			/* ClusterNetworkPolicy, Admin */
	SL_TIER_NETPOL,			/* NetworkPolicy */
	SL_TIER_BASELINE,		/* ClusterNetworkPolicy, Baseline */
	SL_TIER_NODE,			/* traffic of the pod's own node */
	SL_TIER_RULE,			/* rule of sl_acl */
	__SL_TIER_MAX,
};

/*
 * sl_rule: hash; what a rule set says of a class of peers. Looked up with
 * the peer's class, then with SL_CLASS_ANY; neither found: denied. An entry
 * is complete: it already contains what the ANY entry grants.
 */
struct sl_rule_key {
	__u32 set;			/* rule set id << 1 | enum sl_dir */
	__u32 class_id;
};
SL_ASSERT_SIZE(struct sl_rule_key, 8);

struct sl_rule_val {
	__u8 verdict;			/* enum sl_verdict */
	__u8 tier;			/* enum sl_tier of @rule */
	__u8 deny_tier;			/* enum sl_tier of @deny */
	__u8 origin;			/* enum sl_origin */
	__u32 rule;			/* id of the decider, see Documentation/policy.md */
	__u32 deny;			/* SL_VERDICT_PORTS: who refuses what the set doesn't hold */
	__u32 ports;			/* SL_VERDICT_PORTS: port set id */
};
SL_ASSERT_SIZE(struct sl_rule_val, 16);

/*
 * sl_port: LPM trie over port set, protocol and port. Prefix lengths: 32
 * for the set alone, 40 with the protocol, up to 56 for one port. Nothing
 * found: denied by the rule entry's @deny. A set is shared by all rules with
 * equal port lists, so an entry whose @rule is 0 was decided by the rule
 * entry's @rule and @tier; another @rule is named only where several rules
 * contribute ports to one set.
 */
struct sl_port_key {
	__u32 prefixlen;
	__u32 ports;			/* port set id */
	__u8 proto;			/* IPPROTO_ */
	__u8 port[2];			/* big endian, bytes for alignment */
	__u8 pad;
};
SL_ASSERT_SIZE(struct sl_port_key, 12);

#define SL_PORT_PLEN_SET	32
#define SL_PORT_PLEN_PROTO	40
#define SL_PORT_PLEN_PORT	56

struct sl_port_val {
	__u8 verdict;			/* SL_VERDICT_DENY or _ALLOW */
	__u8 tier;			/* of @rule */
	__u8 origin;			/* enum sl_origin */
	__u8 pad;
	__u32 rule;			/* 0: see above */
};
SL_ASSERT_SIZE(struct sl_port_val, 8);

/* ---------------------------------------------------------- admin rules */

/*
 * sl_acl: hash, rule id (__u32, not 0) to a rule: the truth, which nothing on
 * a packet's way reads. Rules are asked by ascending priority, equal ones by
 * id, on the first packet of a flow in the direction of its initiator and
 * before the policies; see Documentation/acl.md. Whoever changes it compiles
 * it anew into the tables below (kmod/acl_compile.h).
 */
#define SL_ACL_MAX		14336	/* rules; whole chunks, below */

enum sl_acl_field {
	SL_ACL_FIELD_SRC,		/* @src contains the source */
	SL_ACL_FIELD_DST,
	SL_ACL_FIELD_SPORT,		/* @sport[0] <= source port <= @sport[1] */
	SL_ACL_FIELD_DPORT,
	SL_ACL_FIELD_PROTO,
	SL_ACL_FIELD_TCP_FLAGS,		/* (flags & @tcp_mask) == @tcp_flags */
	SL_ACL_FIELD_ICMP_TYPE,
	SL_ACL_FIELD_ICMP_CODE,
	SL_ACL_FIELD_DSCP,
	SL_ACL_FIELD_IF,		/* came in by @ifindex; 0: from a socket of this node */
	SL_ACL_FIELD_SRC_CLASS,		/* peer class of the source's address */
	SL_ACL_FIELD_DST_CLASS,
	__SL_ACL_FIELD_MAX,
};

enum sl_acl_act {
	SL_ACL_ACT_DROP,
	SL_ACL_ACT_REJECT,		/* drop, and tell the sender */
	SL_ACL_ACT_ACCEPT,		/* no policy is asked */
	SL_ACL_ACT_PASS,		/* the policies decide, no further rule */
	/* These go on to the next rule. */
	SL_ACL_ACT_MARK,		/* arg: value and mask of the packet's mark */
	SL_ACL_ACT_RATE,		/* arg: flows a second and burst; drop above that */
	SL_ACL_ACT_MIRROR,		/* mark with SL_MARK_MIRROR */
	SL_ACL_ACT_COUNT,
	__SL_ACL_ACT_MAX,
};

/* Bit of skb->mark by which a mirror (tc, tcpdump) knows its packets. */
#define SL_MARK_MIRROR		(1U << 27)

#define SL_ACL_COMMENT_LEN	32	/* bytes, the last one is NUL */

/* A field counts only when its bit is set in @fields; else it is zero. */
struct sl_acl_rule {
	__u32 priority;			/* lower is asked first */
	__u32 fields;			/* 1 << enum sl_acl_field */
	__u8 action;			/* enum sl_acl_act */
	__u8 origin;			/* enum sl_origin */
	__u8 proto;			/* IPPROTO_ */
	__u8 dscp;			/* 0 to 63: RFC 2474 */
	__u32 ifindex;
	struct sl_prefix src;
	struct sl_prefix dst;
	__u32 src_class;
	__u32 dst_class;
	__u16 sport[2];			/* host order, inclusive */
	__u16 dport[2];
	__u8 tcp_flags;			/* byte 13 of the header */
	__u8 tcp_mask;
	__u8 icmp_type;			/* of ICMP or ICMPv6, as @proto says */
	__u8 icmp_code;
	__u32 arg[2];			/* by action, else zero */
	char comment[SL_ACL_COMMENT_LEN];
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_acl_rule, 120);

/*
 * sl_acl_count: hash, rule id to struct sl_counter: packets that the rule was
 * applied to when judged. Updated with atomics; there for each rule.
 * sl_acl_bucket: hash, rule id; there for each rule that limits a rate.
 */
struct sl_acl_bucket {
	__u64 tat_ns;			/* theoretical arrival time, CLOCK_MONOTONIC */
};
SL_ASSERT_SIZE(struct sl_acl_bucket, 8);

/*
 * The compiled form, in two columns of which `acl` of struct sl_state names
 * the one in force. Rules have positions, in the order in which they are asked;
 * the values of a field lead to a row, which has the bit of each position whose
 * rule they satisfy; the rules that match are what the rows have in common.
 * Arrays hold the columns side by side: their index is id << 1 | column.
 *
 * The acl word:  bits 8-19  fields that a rule uses, 1 << enum sl_acl_field
 *                bit 1      there are rules
 *                bit 0      column in force
 */
#define SL_ACL_COLUMN		(1U << 0)
#define SL_ACL_RULES		(1U << 1)
#define SL_ACL_FIELD_SHIFT	8
#define SL_ACL_USES(field)	(1U << (SL_ACL_FIELD_SHIFT + (field)))

/*
 * sl_acl_chunk: array; so many bits of a row. Rows differ in few places, so
 * most of their chunks are those of other rows. A cache line.
 */
#define SL_ACL_CHUNK_WORDS	8
#define SL_ACL_CHUNK_BITS	(64 * SL_ACL_CHUNK_WORDS)
#define SL_ACL_CHUNK_MAX	40960	/* ids a column; 0: no bit is set */
struct sl_acl_chunk {
	__u64 word[SL_ACL_CHUNK_WORDS];
};
SL_ASSERT_SIZE(struct sl_acl_chunk, 64);

/* sl_acl_row: array, row id (1 and up) to its chunks. */
#define SL_ACL_CHUNKS		(SL_ACL_MAX / SL_ACL_CHUNK_BITS)
#define SL_ACL_ROW_MAX		32768	/* ids a column, 0 left out */
struct sl_acl_row {
	__u16 chunk[SL_ACL_CHUNKS];
	__u32 used;			/* a bit for each chunk that is not 0 */
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_acl_row, 64);

/*
 * sl_acl_node: array, node id (1 and up): a place where prefixes branch or end,
 * four bits of the address. Bits on which no prefix differs have no nodes: the
 * address may leave the way between two, and then @other says what it is.
 */
#define SL_ACL_NODE_MAX		32768	/* ids a column, 0 left out */
#define SL_ACL_NODE_ROW		0x8000	/* the rest is a row id, else a node id */
struct sl_acl_node {
	__u16 child[16];		/* by the four bits */
	__u16 other;			/* when the bits before differ: a row */
	__u8 nibble;			/* which four bits, 0 to 31 */
	__u8 pad[13];
	__u64 hi, lo;			/* the bits before, host order, others zero */
};
SL_ASSERT_SIZE(struct sl_acl_node, 64);

/*
 * sl_acl_index: array of pages of 16-bit numbers, page << 1 | column; most are
 * row ids. Value v of a field is entry v of the field's section. Ports and
 * protocol are one field: for TCP, UDP and SCTP, where a rule uses the
 * destination port, it has the section of the protocol, else that of all
 * protocols. The sections of addresses are as struct sl_acl_node's @child: entry
 * v is IPv4 whose first SL_ACL_ROOT_BITS bits are v, and SL_ACL_ROOT_V6 is IPv6.
 * Of fields of 32 bits entry 0 stands for values that sl_acl_value has not.
 */
#define SL_ACL_PAGE		32
struct sl_acl_page {
	__u16 entry[SL_ACL_PAGE];
};
SL_ASSERT_SIZE(struct sl_acl_page, 64);

#define SL_ACL_ROOT_BITS	12
#define SL_ACL_ROOT_V6		(1U << SL_ACL_ROOT_BITS)

/* Where a section begins, in pages. */
enum sl_acl_section {
	SL_ACL_SECTION_SPORT	= 0,
	SL_ACL_SECTION_TCP	= SL_ACL_SECTION_SPORT + 65536 / SL_ACL_PAGE,
	SL_ACL_SECTION_UDP	= SL_ACL_SECTION_TCP + 65536 / SL_ACL_PAGE,
	SL_ACL_SECTION_SCTP	= SL_ACL_SECTION_UDP + 65536 / SL_ACL_PAGE,
	SL_ACL_SECTION_SRC	= SL_ACL_SECTION_SCTP + 65536 / SL_ACL_PAGE,
	SL_ACL_SECTION_DST	= SL_ACL_SECTION_SRC + SL_ACL_ROOT_V6 / SL_ACL_PAGE + 1,
	SL_ACL_SECTION_SMALL	= SL_ACL_SECTION_DST + SL_ACL_ROOT_V6 / SL_ACL_PAGE + 1,
	SL_ACL_SECTION_PAGES	= 256 / SL_ACL_PAGE,	/* of each field from PROTO on */
	__SL_ACL_SECTION_MAX	= SL_ACL_SECTION_SMALL +
		(__SL_ACL_FIELD_MAX - SL_ACL_FIELD_PROTO) * SL_ACL_SECTION_PAGES,
};

/* sl_acl_value: hash to a row id (__u32), for the fields of 32 bits. */
#define SL_ACL_VALUE_MAX	16384	/* a column */
struct sl_acl_value_key {
	__u32 table;			/* enum sl_acl_field << 1 | column */
	__u32 value;
};
SL_ASSERT_SIZE(struct sl_acl_value_key, 8);

/* sl_acl_pos: array, position (place among all rules) to what its rule does. */
struct sl_acl_pos {
	__u32 rule;
	__u32 arg[2];
	__u8 action;			/* enum sl_acl_act */
	__u8 pad[3];
};
SL_ASSERT_SIZE(struct sl_acl_pos, 16);

/* -------------------------------------------------------------- services */

/*
 * A port of a service is an entry of sl_svc, and whatever it is reached by is a
 * frontend that leads to it. Its backends are sets: pages of ids in sl_set, which
 * are not changed while anything can lead to them. A change of endpoints is a new
 * set, then one store of the word that names it.
 */
#define SL_SVC_MAX	32768	/* ids, 0 left out */
#define SL_BACKEND_MAX	131072	/* ids, 0 left out */

/* Which backends: externalTrafficPolicy and internalTrafficPolicy choose. */
enum sl_svc_scope {
	SL_SVC_CLUSTER,
	SL_SVC_LOCAL,			/* those of this node */
	__SL_SVC_SCOPE_MAX,
};

enum sl_svc_flag {
	SL_SVC_MAGLEV	= 1 << 0,	/* for clients inside the cluster, too */
	SL_SVC_RESET	= 1 << 1,	/* connections to a backend that is gone are reset */
};

/*
 * sl_svc: array by id, BPF_F_MMAPABLE. Flows remember @gen, which goes up when
 * a backend or a frontend is taken away, or the id given to another service: they
 * look whether theirs is still there. @gen is stored after what it tells of.
 *
 * The set word: bits 0-31   first page in sl_set
 *               bits 32-47  ids in the list; 0: no backend, clients are refused
 *               bits 48-63  entries of the Maglev table, a prime; 0: there is none
 */
#define SL_SVC_PAGE_MASK	0xffffffffULL
#define SL_SVC_COUNT_SHIFT	32
#define SL_SVC_MAGLEV_SHIFT	48
#define SL_SVC_FIELD_MASK	0xffffU

struct sl_svc {
	__u64 set[__SL_SVC_SCOPE_MAX];	/* see above; stored atomically */
	__u32 gen;			/* stored atomically */
	__u32 affinity_s;		/* ClientIP: seconds; 0: no affinity */
	__u32 flags;			/* enum sl_svc_flag */
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_svc, 32);

/*
 * sl_set: array of pages of backend ids; page 0 is nobody's. A set is a list
 * that names each backend once, or as often as its weight says; then, from the
 * next whole page on, the Maglev table.
 */
#define SL_SET_PAGE	16
#define SL_SET_MAX	131072	/* pages */
struct sl_set_page {
	__u32 backend[SL_SET_PAGE];
};
SL_ASSERT_SIZE(struct sl_set_page, 64);

/*
 * sl_front: hash. An address of zeros (of IPv4: ::ffff:0.0.0.0) stands for all
 * of the node's own of its family.
 */
struct sl_front_key {
	union sl_addr addr;
	__be16 port;
	__u8 proto;			/* IPPROTO_ */
	__u8 pad[5];
};
SL_ASSERT_SIZE(struct sl_front_key, 24);

enum sl_front_flag {
	SL_FRONT_RANGES		= 1 << 0, /* only for clients in sl_svc_src */
	SL_FRONT_DSR		= 1 << 1, /* clients outside: to other nodes' backends as they are */
};

struct sl_front_val {
	__u32 svc;
	__u8 inside;			/* enum sl_svc_scope for pods and nodes */
	__u8 outside;			/* and for all others */
	__u8 flags;			/* enum sl_front_flag */
	__u8 pad;
};
SL_ASSERT_SIZE(struct sl_front_val, 8);

/* sl_svc_src: LPM trie to __u32 (1): loadBalancerSourceRanges. Prefix lengths count from @svc. */
struct sl_svc_src_key {
	__u32 prefixlen;		/* bits: 32 of @svc, then the address's */
	__u32 svc;
	union sl_addr addr;
};
SL_ASSERT_SIZE(struct sl_svc_src_key, 24);

enum sl_backend_flag {
	SL_BACKEND_READY	= 1 << 0, /* for new flows, of SL_SVC_CLUSTER */
	SL_BACKEND_KEEP		= 1 << 1, /* for those it has */
	SL_BACKEND_LOCAL	= 1 << 2, /* for new flows of SL_SVC_LOCAL */
};

/*
 * sl_backend: array by id, one service's each. An id that a set has named is
 * given to another backend only after its flags were 0 and the service's @gen went up.
 */
struct sl_backend {
	union sl_addr addr;
	__be16 port;
	__u8 proto;			/* IPPROTO_ */
	__u8 flags;			/* enum sl_backend_flag */
	__u32 svc;
};
SL_ASSERT_SIZE(struct sl_backend, 24);

/*
 * sl_backend_new: array by id, BPF_F_MMAPABLE; how often a backend was chosen (__u64): for
 * flows that began, and for sockets. Counted with atomics; zero when the id is given away.
 */

/* sl_affinity: LRU hash; where a client's last flow to a service went. */
struct sl_affinity_key {
	union sl_addr client;		/* a socket's: all ones, cookie of its network namespace */
	__u32 svc;
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_affinity_key, 24);

struct sl_affinity_val {
	__u64 last_ns;
	__u32 backend;
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_affinity_val, 16);

/*
 * sl_sock: LRU hash; what a socket that was given a backend at connect() or
 * sendmsg() knows it by. Under the backend's address, the service's; under the
 * service's, for datagrams, the backend that the last one went to.
 */
struct sl_sock_key {
	__u64 cookie;			/* of the socket */
	union sl_addr addr;
	__be16 port;
	__u8 pad[6];
};
SL_ASSERT_SIZE(struct sl_sock_key, 32);

struct sl_sock_val {
	union sl_addr addr;
	__be16 port;
	__u8 pad[2];
	__u32 svc;
	__u32 backend;
	__u32 pad1;
};
SL_ASSERT_SIZE(struct sl_sock_val, 32);

/*
 * sl_netns: hash, cookie of a pod's network namespace (__u64) to flags (__u32): of those
 * alone that ask for something.
 */
enum sl_netns_flag {
	SL_NETNS_BY_PACKET	= 1 << 0, /* sockets are given no backends */
};

/* -------------------------------------------------------------- routing */

enum sl_route_kind {
	SL_ROUTE_NONE,
	SL_ROUTE_DIRECT,		/* pods of a node on the same link */
	SL_ROUTE_TUNNEL,		/* pods of a node behind the encap device */
	SL_ROUTE_LOCAL,			/* this node's pod range: no endpoint there */
	SL_ROUTE_OUTSIDE,		/* leave by the node's routes, masqueraded */
	SL_ROUTE_OUTSIDE_PLAIN,		/* the same, source address kept */
	__SL_ROUTE_MAX,
};

/* How packets to nodes behind the encap device are encapsulated. */
enum sl_encap {
	SL_ENCAP_NONE,
	SL_ENCAP_VXLAN,			/* RFC 7348 */
	SL_ENCAP_GENEVE,		/* RFC 8926 */
	__SL_ENCAP_MAX,
};

enum sl_route_flag {
	SL_ROUTE_FLAG_NODE	= 1 << 0, /* a node's own address, no pods' */
};

/* sl_route: LPM trie, struct sl_prefix to where a range is. */
struct sl_route_val {
	__u8 kind;			/* enum sl_route_kind */
	__u8 origin;			/* enum sl_origin */
	__u16 mtu;			/* bytes on that way; 0: the device's */
	__u32 ifindex;			/* way out: uplink or encap device */
	__u32 vni;			/* tunnel: VXLAN or Geneve identifier */
	__u32 flags;			/* enum sl_route_flag */
	union sl_addr via;		/* next hop, or the tunnel's far end */
};
SL_ASSERT_SIZE(struct sl_route_val, 32);

/* ---------------------------------------------------------------- flows */

/*
 * Both directions of a connection have one key: the end with the smaller
 * (address, port) comes first. Which end that is, is the canonical
 * direction: 0 for packets from end 0 to end 1. ICMP and ICMPv6 echo carry
 * the identifier in both ports; other ICMP has zero ports.
 */
struct sl_tuple {
	union sl_addr addr[2];
	__be16 port[2];
	__u8 proto;
	__u8 pad[3];
};
SL_ASSERT_SIZE(struct sl_tuple, 40);

enum sl_action {
	SL_ACTION_STACK,		/* the node's own stack has it */
	SL_ACTION_PEER,			/* into the pod behind out_ifindex */
	SL_ACTION_NEIGH,		/* out of out_ifindex to the next hop */
	SL_ACTION_TUNNEL,		/* out of the encap device */
	__SL_ACTION_MAX,
};

enum sl_flow_dir_flag {
	SL_FLOW_DIR_SNAT	= 1 << 0, /* source is translated: see @as */
	SL_FLOW_DIR_DNAT	= 1 << 1, /* destination is */
	SL_FLOW_DIR_SMAC	= 1 << 2, /* source MAC must be in_smac */
	SL_FLOW_DIR_XMIT	= 1 << 3, /* sent on out_ifindex: its hook can't redirect to a peer */
	SL_FLOW_DIR_MARK	= 1 << 4, /* packets get the flow's mark */
	SL_FLOW_DIR_SVC		= 1 << 5, /* a service's, though nothing is translated */
	/* Both directions: to the backend's node as it is, which answers by itself. */
	SL_FLOW_DIR_DSR		= 1 << 6,
	/* The initiator's: that node's; came by the tunnel of whichever node the client sent it to. */
	SL_FLOW_DIR_FORWARDED	= 1 << 7,
};
/* Either in a direction: the flow is translated, and so is the other direction. */
#define SL_FLOW_DIR_NAT	(SL_FLOW_DIR_SNAT | SL_FLOW_DIR_DNAT)

/*
 * What becomes of a packet of one direction. A cache line: the two directions
 * of a flow run on different CPUs more often than not, and each counts.
 */
struct sl_flow_dir {
	__u32 in_ifindex;		/* the only way in; 0: the node's own stack */
	__u32 out_ifindex;
	__u8 action;			/* enum sl_action */
	__u8 flags;			/* enum sl_flow_dir_flag */
	__u16 mtu;			/* of the way out, bytes of layer 3 */
	__u8 dmac[6];			/* what the frame leaves with */
	__u8 smac[6];
	__u8 in_smac[6];
	__be16 as_port;			/* beside @as */
	__u64 packets;
	__u64 bytes;			/* layer 3 */
	/*
	 * Of a translated flow: the end that this direction comes from, as the responder
	 * knows it. With SL_FLOW_DIR_DSR, the responder's: the backend whose node it is.
	 */
	union sl_addr as;
};
SL_ASSERT_SIZE(struct sl_flow_dir, 64);

enum sl_flow_kind {
	SL_FLOW_KIND_FLOW = 1,
	/* The tuple of a translated flow as its responder knows it; says which flow it belongs to. */
	SL_FLOW_KIND_ALIAS,
	__SL_FLOW_KIND_MAX,
};

enum sl_flow_state {
	SL_FLOW_NEW,			/* no reply seen */
	SL_FLOW_REPLIED,		/* initiator has not spoken again */
	SL_FLOW_ESTABLISHED,		/* lives in sl_flow from here on */
	SL_FLOW_CLOSING,		/* FIN both ways, or RST */
	__SL_FLOW_STATE_MAX,
};

enum sl_flow_flag {
	SL_FLOW_FLAG_FIN0	= 1 << 0, /* FIN seen in canonical direction 0 */
	SL_FLOW_FLAG_FIN1	= 1 << 1,
	SL_FLOW_FLAG_RST	= 1 << 2,
};

/* Turned round in route_gen while a program writes the rest of an entry that others read. */
#define SL_FLOW_BUSY	(1U << 31)

/*
 * sl_flow: hash, established flows; never evicted.
 * sl_half: LRU hash, flows whose initiator was not yet heard twice with a
 *          reply between; these give way under a flood. Those whose replies go
 *          another way (SL_FLOW_DIR_DSR) stay here.
 * Key of both: struct sl_tuple, of the packets that the initiator sends. A flow
 * that is translated is there a second time, as an alias, under the tuple that
 * its responder sees: the two ends' @as.
 *
 * The kernel puts 48 bytes of its own and the key before the value, which
 * makes an element of 320 bytes: dir[0] and dir[1] fill a cache line each, and
 * what every packet reads but few write is the end of the line before.
 */
struct sl_flow {
	__u64 last_ns;			/* last packet, coarse */
	__u64 created_ns;
	__u32 ep[2];			/* endpoint at each end, 0: not here */
	__u32 gen[2];			/* generation each end was judged under */
	__u32 route_gen;		/* of struct sl_state when routed; see SL_FLOW_BUSY */
	__u8 kind;			/* enum sl_flow_kind */
	__u8 state;			/* enum sl_flow_state */
	__u8 flags;			/* enum sl_flow_flag */
	__u8 orig;			/* canonical direction of the initiator */
	union {
		struct sl_flow_dir dir[2];	/* [canonical direction] */
		struct sl_tuple inner;	/* alias: key of its flow; only kind counts beside */
	};
	__u32 rule[__SL_DIR_MAX];	/* who allowed: [dst ingress], [src egress] */
	__u8 tier[__SL_DIR_MAX];
	__u8 pad[2];
	__u32 vni;
	__u32 svc;			/* 0: to no service */
	__u32 svc_gen;			/* of struct sl_svc when @backend was looked at */
	__u32 backend;
	__u32 pad1;
	union sl_addr via;		/* next hop, or the tunnel's far end; of both ends, the responder's */
	/* What the first packet had: rules are asked by it when they change. */
	__u8 first_flags;		/* TCP flags, or ICMP type */
	__u8 first_code;		/* ICMP */
	__u8 first_dscp;
	__u8 pad2;
	__u32 first_ifindex;		/* came in by; 0: from a socket of this node */
	__u32 mark;			/* SL_FLOW_DIR_MARK: skb->mark, under @mark_mask */
	__u32 mark_mask;
};
SL_ASSERT_SIZE(struct sl_flow, 232);

/* sl_frag: LRU hash; ports of a fragmented packet, by its first fragment. */
struct sl_frag_key {
	union sl_addr saddr;
	union sl_addr daddr;
	__u32 id;			/* IPv4 or IPv6 identification, as sent */
	__u8 proto;
	__u8 pad[3];
};
SL_ASSERT_SIZE(struct sl_frag_key, 40);

struct sl_frag_val {
	__be16 sport;
	__be16 dport;
	__u8 proto;			/* of layer 4; the key's may be an extension header */
	__u8 pad[3];
	__u64 seen_ns;
};
SL_ASSERT_SIZE(struct sl_frag_val, 16);

/* Idle times after which a flow is gone, seconds. */
#define SL_TIMEOUT_HALF_S		60
#define SL_TIMEOUT_TCP_S		7440	/* RFC 5382 REQ-5 */
#define SL_TIMEOUT_UDP_S		300	/* RFC 4787 REQ-5 */
#define SL_TIMEOUT_OTHER_S		60
#define SL_TIMEOUT_CLOSING_S		10
#define SL_TIMEOUT_FRAG_S		30	/* RFC 791: 15 s and more */

/* -------------------------------------------------------- configuration */

/*
 * sl_state: array of one, BPF_F_MMAPABLE; what changes while running.
 * route_gen counts changes of addresses, routes and devices of the node: a
 * flow routed under another one is routed again at its next packet.
 */
struct sl_state {
	__u32 route_gen;
	__u32 events;			/* enum sl_event_mask: what to report */
	__u64 host_netns;		/* cookie of the node's network namespace */
	union sl_addr nat_addr[__SL_FAMILY_MAX]; /* masquerade as; zero: don't */
	union sl_addr node_addr[__SL_FAMILY_MAX]; /* source of ICMP errors */
	__u16 nat_port_min;		/* host order, inclusive */
	__u16 nat_port_max;
	__u32 uplink_ifindex;
	__u32 tunnel_ifindex;		/* 0: direct routing */
	/* stored and counted atomically, by whoever commits: from here to the end */
	__u32 commits;			/* of policy, by the daemon */
	__u32 generation;		/* transactions of entries and rules */
	__u32 acl;			/* the acl word */
};
SL_ASSERT_SIZE(struct sl_state, 104);

/* Outside ip_local_port_range's default (32768-60999), so that the node's
 * own connections and masqueraded ones don't meet. */
#define SL_NAT_PORT_MIN_DEFAULT	61000
#define SL_NAT_PORT_MAX_DEFAULT	65535

/* --------------------------------------------------- drops and counters */

/* Append only; Documentation/drops.md explains each. */
#define SL_DROP_REASONS(X)                                                     \
	X(NONE, "none", "not dropped")                                         \
	X(MALFORMED, "malformed", "header cut short or inconsistent")          \
	X(PROTO, "protocol", "neither IPv4, IPv6 nor ARP")                     \
	X(VLAN, "vlan", "tagged frame from a pod")                             \
	X(SMAC, "source-mac", "source MAC is not the pod's")                   \
	X(SADDR, "source-address", "source address is not the pod's")          \
	X(ARP, "arp", "ARP that speaks for somebody else")                     \
	X(ND, "neighbour-discovery", "neighbour or router advertisement, or a forged solicitation, from a pod") \
	X(MULTICAST, "multicast", "multicast and broadcast are not forwarded") \
	X(MARTIAN, "martian", "address that never appears on a wire there")    \
	X(NO_EP, "no-endpoint", "no endpoint behind this address or device")   \
	X(EP_CLOSED, "endpoint-closed", "policy of the endpoint is not in place yet") \
	X(POLICY_INGRESS, "policy-ingress", "refused by the receiver's policies") \
	X(POLICY_EGRESS, "policy-egress", "refused by the sender's policies")  \
	X(FRAG_ORPHAN, "fragment-orphan", "fragment whose first one was not seen") \
	X(TTL, "ttl-exceeded", "TTL or hop limit used up")                     \
	X(MTU, "packet-too-big", "larger than the MTU of the way out")         \
	X(NO_ROUTE, "no-route", "the node has no route there")                 \
	X(NAT_EXHAUSTED, "nat-exhausted", "no free port to masquerade with")   \
	X(NAT_PROTO, "nat-protocol", "protocol cannot be masqueraded")         \
	X(NAT_NO_ADDR, "nat-no-address", "node has no address of this family to masquerade with") \
	X(ICMP_UNRELATED, "icmp-unrelated", "ICMP error that belongs to no flow") \
	X(TUNNEL_PEER, "tunnel-peer", "encapsulated packet from an unknown node") \
	X(HELPER, "helper", "the kernel refused an operation on the packet")   \
	X(FLOW_REFUSED, "flow-refused", "translation needs a flow entry and the table refused it") \
	X(RULE, "rule", "refused by a rule of the administrator's")            \
	X(RULE_RATE, "rule-rate", "above the rate that a rule allows")         \
	X(TUPLE_TAKEN, "tuple-taken", "a translated flow has these addresses and ports at the receiver") \
	X(NO_BACKEND, "no-backend", "the service has no endpoint that can be used") \
	X(SERVICE_PORT, "service-port", "the service's address has no such port") \
	X(SERVICE_GONE, "service-gone", "the service, or its endpoint, is there no more") \
	X(SERVICE_SOURCE, "service-source", "the client is not in the service's source ranges") \
	X(NO_LOCAL_BACKEND, "no-local-backend", "sent here by another node for a service with no endpoint here")

enum sl_drop {
#define SL_DROP_MEMBER(sym, name, text) SL_DROP_##sym,
	SL_DROP_REASONS(SL_DROP_MEMBER)
#undef SL_DROP_MEMBER
	__SL_DROP_MAX,
};

/* sl_drop: per-CPU array by enum sl_drop. */
struct sl_counter {
	__u64 packets;
	__u64 bytes;
};
SL_ASSERT_SIZE(struct sl_counter, 16);

/* sl_drop_rule: LRU hash; drops by decider. Updated with atomics. */
struct sl_drop_key {
	__u32 reason;			/* enum sl_drop */
	__u32 ep;			/* endpoint that was judged, 0: none */
	__u32 rule;			/* decider, 0: none */
	__u32 pad;
};
SL_ASSERT_SIZE(struct sl_drop_key, 16);

/* sl_count: per-CPU array of __u64 by enum sl_count. */
#define SL_COUNTS(X)                                                           \
	X(FLOW_HIT, "flow-hit")                                                \
	X(FLOW_NEW, "flow-new")                                                \
	X(FLOW_REJUDGED, "flow-rejudged")                                      \
	X(FLOW_PROMOTED, "flow-promoted")                                      \
	X(FLOW_CLOSED, "flow-closed")                                          \
	X(FLOW_EXPIRED, "flow-expired")                                        \
	X(FLOW_REFUSED_FULL, "flow-refused-full")                              \
	X(FLOW_REFUSED_NOMEM, "flow-refused-nomem")                            \
	X(FLOW_REFUSED_BUSY, "flow-refused-busy")                              \
	X(ICMP_SENT, "icmp-sent")                                              \
	X(ICMP_LIMITED, "icmp-limited")                                        \
	X(EVENT_LOST, "event-lost")                                            \
	X(EVENT_LIMITED, "event-limited")                                      \
	X(FLOW_EVENT_LOST, "flow-event-lost")                                  \
	X(RST_SENT, "rst-sent")                                                \
	X(EDGE_OUT, "edge-out")                                                \
	X(ABORT_SENT, "abort-sent")

enum sl_count {
#define SL_COUNT_MEMBER(sym, name) SL_COUNT_##sym,
	SL_COUNTS(SL_COUNT_MEMBER)
#undef SL_COUNT_MEMBER
	__SL_COUNT_MAX,
};

/* --------------------------------------------------------------- events */

enum sl_event_type {
	SL_EVENT_DROP = 1,
	SL_EVENT_FLOW_CLOSED,
	__SL_EVENT_MAX,
};

enum sl_event_mask {
	SL_EVENT_MASK_DROP	= 1 << SL_EVENT_DROP,
	SL_EVENT_MASK_FLOW	= 1 << SL_EVENT_FLOW_CLOSED,
	SL_EVENT_MASK_QUEUE	= 1 << 8,	/* flows to sl_flow_ev: the module's to set */
};

enum sl_hook {
	SL_HOOK_FROM_POD,
	SL_HOOK_TO_POD,
	SL_HOOK_FROM_UPLINK,
	SL_HOOK_FROM_TUNNEL,
	SL_HOOK_NETKIT,			/* opens a netkit pair to what SL_HOOK_TO_POD has passed */
	__SL_HOOK_MAX,
};

/* sl_events: ring buffer. */
struct sl_event {
	__u64 time_ns;			/* CLOCK_MONOTONIC */
	__u8 type;			/* enum sl_event_type */
	__u8 reason;			/* enum sl_drop */
	__u8 hook;			/* enum sl_hook */
	__u8 tier;			/* enum sl_tier of the decider */
	__u32 ep;			/* endpoint that was judged */
	__u32 rule;			/* decider */
	__u32 ifindex;			/* where the packet was */
	__u32 len;			/* bytes of layer 3 */
	__u16 eth_proto;		/* host order */
	__u8 tcp_flags;			/* or ICMP type */
	__u8 proto;
	union sl_addr saddr;
	union sl_addr daddr;
	__be16 sport;
	__be16 dport;
	__u32 pad;
	__u64 packets[2];		/* closed flow: by initiator, by responder */
	__u64 bytes[2];
};
SL_ASSERT_SIZE(struct sl_event, 104);

/* Why a flow ended. */
enum sl_close_reason {
	SL_CLOSE_NONE,			/* it has not: it is established now */
	SL_CLOSE_FIN,
	SL_CLOSE_RST,
	SL_CLOSE_IDLE,
	SL_CLOSE_REFUSED,		/* judged again, and refused */
	SL_CLOSE_DELETED,		/* by hand */
	__SL_CLOSE_MAX,
};

/* sl_flow_ev: queue for the kernel module; flows established and flows ended. */
struct sl_flow_event {
	struct sl_tuple key;
	__u64 created_ns;
	__u64 last_ns;
	__u64 packets[2];		/* by initiator, by responder */
	__u64 bytes[2];			/* layer 3 */
	__u32 ep[2];			/* of initiator, of responder; 0: not here */
	__u32 rule[__SL_DIR_MAX];
	__u8 tier[__SL_DIR_MAX];
	__u8 reason;			/* enum sl_close_reason */
	__u8 state;			/* enum sl_flow_state */
	__u8 orig;			/* canonical direction of the initiator */
	__u8 pad[3];
};
SL_ASSERT_SIZE(struct sl_flow_event, 112);

/* ----------------------------------------------------------- map names */

#define SL_MAPS(X)                                                             \
	X(EP, "sl_ep")                                                         \
	X(ADDR, "sl_addr")                                                     \
	X(IF, "sl_if")                                                         \
	X(CLASS, "sl_class")                                                   \
	X(RULE, "sl_rule")                                                     \
	X(PORT, "sl_port")                                                     \
	X(ROUTE, "sl_route")                                                   \
	X(FLOW, "sl_flow")                                                     \
	X(HALF, "sl_half")                                                     \
	X(FRAG, "sl_frag")                                                     \
	X(STATE, "sl_state")                                                   \
	X(DROP, "sl_drop")                                                     \
	X(DROP_RULE, "sl_drop_rule")                                           \
	X(COUNT, "sl_count")                                                   \
	X(EVENTS, "sl_events")                                                 \
	X(FLOW_EV, "sl_flow_ev")                                               \
	X(ACL, "sl_acl")                                                       \
	X(ACL_COUNT, "sl_acl_count")                                           \
	X(ACL_BUCKET, "sl_acl_bucket")                                         \
	X(ACL_INDEX, "sl_acl_index")                                           \
	X(ACL_VALUE, "sl_acl_value")                                           \
	X(ACL_NODE, "sl_acl_node")                                             \
	X(ACL_ROW, "sl_acl_row")                                               \
	X(ACL_CHUNK, "sl_acl_chunk")                                           \
	X(ACL_POS, "sl_acl_pos")                                               \
	X(FRONT, "sl_front")                                                   \
	X(SVC, "sl_svc")                                                       \
	X(SET, "sl_set")                                                       \
	X(BACKEND, "sl_backend")                                               \
	X(SVC_SRC, "sl_svc_src")                                               \
	X(AFFINITY, "sl_affinity")                                             \
	X(SOCK, "sl_sock")                                                     \
	X(NETNS, "sl_netns")                                                   \
	X(BACKEND_NEW, "sl_backend_new")

enum sl_map {
#define SL_MAP_MEMBER(sym, name) SL_MAP_##sym,
	SL_MAPS(SL_MAP_MEMBER)
#undef SL_MAP_MEMBER
	__SL_MAP_MAX,
};

#endif /* SLUICE_ABI_H */
