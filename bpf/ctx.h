/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What one packet is to the stages: filled in once by parse, then only
 * narrowed. Also the canonical order of tuples, which everything that builds
 * a key shares.
 */
#ifndef SL_BPF_CTX_H
#define SL_BPF_CTX_H

#include "bpf/compat.h"
#include "bpf/maps.h"

enum sl_pkt_flag {
	SL_PKT_FRAG_FIRST	= 1 << 0,
	SL_PKT_FRAG_LATER	= 1 << 1,
	SL_PKT_FRAG_ORPHAN	= 1 << 2, /* a later one, its ports are not known */
	SL_PKT_ICMP_ERROR	= 1 << 3, /* key is the embedded packet's */
	SL_PKT_ECHO		= 1 << 4, /* the key's ports are an echo identifier */
	SL_PKT_COUNTED		= 1 << 5, /* in the flow's counters already */
	SL_PKT_NOFLOW		= 1 << 6, /* sl_flow was asked and knows nothing */
	SL_PKT_NOHALF		= 1 << 7, /* nor does sl_half */
	SL_PKT_ALIAS		= 1 << 8, /* of a translated flow's responder; key is the flow's */
	SL_PKT_ALIAS_GONE	= 1 << 9, /* under a tuple which that flow has no more */
	SL_PKT_REJECT		= 1 << 10, /* refused, and the sender is told */
	SL_PKT_FORWARDED	= 1 << 11, /* from another node, as a client outside sent it to a service */
};

enum sl_parse {
	SL_PARSE_OK,
	SL_PARSE_ARP,
	SL_PARSE_VLAN,
	SL_PARSE_OTHER,			/* not IP, not ARP */
	SL_PARSE_MALFORMED,
	SL_PARSE_MAPPED,		/* IPv6 with an IPv4-mapped address */
};

struct sl_ctx {
	struct sl_tuple key;		/* canonical */
	__u32 len;			/* bytes of layer 3 */
	__u32 way_in;			/* what the flow's in_ifindex must be */
	__u32 ep;			/* whose policy decided, for the drop's record */
	__u32 rule;
	__u32 frag_id;
	__u16 l4_off;			/* bytes from the start of the frame */
	__u16 inner_off;		/* ICMP error: embedded IP header */
	__u16 inner_l4;			/* ICMP error: embedded layer 4 header */
	__u16 flags;			/* enum sl_pkt_flag */
	__be16 eth_proto;
	__u8 dir;			/* canonical direction of this packet */
	__u8 family;			/* enum sl_family */
	__u8 proto;
	__u8 frag_proto;		/* what the fragment's key says */
	__u8 tcp_flags;			/* or ICMP type */
	__u8 hook;			/* enum sl_hook */
	__u8 tier;
};

/* The rules' own: see bpf/acl.h. */
struct sl_acl_work {
	__u16 row[__SL_ACL_FIELD_MAX];	/* ids, of the fields in @rare */
	__u32 rare;			/* fields to compare beside the common ones, as in the acl word */
	__u32 col;
	/* How far the walk is: here, as the verifier would follow each value of it on the stack. */
	__u64 bits;			/* what rows have in common, left of the word before @next */
	__u32 at;			/* chunk at work */
	__u32 next;			/* word of it; SL_ACL_CHUNK_WORDS: that of the next one */
	__u32 used;			/* chunks still to come in which all have bits */
	__u8 bad;			/* the tables lack what they must have */
	__u32 end;			/* position of the rule that ends it, plus 1 */
	__u32 mark, mask;
	__u32 over;			/* rule whose rate is exceeded */
	__u8 fresh;			/* the flow begins; else it is judged again */
	struct sl_acl_value_key value;	/* of a lookup */
};

/* Keys and values of bpf/service.h's lookups. */
struct sl_svc_work {
	struct sl_front_key front;
	struct sl_svc_src_key src;
	struct sl_affinity_key client;
	struct sl_affinity_val last;
	/* Here, as the verifier would follow each value of them on the stack. */
	__u32 scope;			/* enum sl_svc_scope of the set to choose from */
	__u8 maglev;			/* the client is outside: its next packet may come to another node */
};

/* Of one packet at the edge: where it goes. See bpf/edge.h. */
struct sl_edge_work {
	__u64 now;			/* coarse: each call of a helper counts */
	union sl_addr hop;		/* neighbour or, behind it, node that the frame goes to */
	__u32 macs[3];			/* destination and source, as in the frame */
	__be32 far;			/* the node that it is encapsulated to, 0: it is not */
	__be32 near;			/* and this one */
	__u32 vni;
};

/*
 * What is too large for the stack or rarely wanted: the entry that the slow
 * path works on before it is in a table, and what it learns on the way. Programs of this type run with softirqs off, so nothing
 * else on this CPU is between begin and end of one.
 */
struct sl_scratch {
	struct sl_flow flow;
	struct sl_flow alias;
	struct sl_tuple alias_key;
	__u64 word[2];			/* policy word of each end that is judged by */
	__u64 fence;			/* for its barrier, not its value */
	__u32 class_ep[2];		/* endpoint whose class an end has, 0: sl_class */
	__u8 own[2];			/* an end that is this node itself */
	__u8 masquerade;		/* the responder is outside */
	union sl_addr real[2];		/* where an end is: the key's, but for a service its backend's */
	__be16 real_port[2];
	union sl_addr outer[2];		/* key is not the packet's: its own source, destination */
	union sl_addr tunnel_src;	/* from a tunnel: the node that sent it */
	__u32 tunnel_vni;
	struct sl_acl_work acl;
	struct sl_svc_work svc;
	struct sl_edge_work edge;
	__be32 buf[16];			/* bytes on their way into a checksum */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sl_scratch);
} sl_scratch SEC(".maps");

static __always_inline struct sl_scratch *sl_scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_scratch, &zero);
}

/* tcp_flags: the bits of a TCP header's byte 13. */
#define SL_TCP_FIN	0x01
#define SL_TCP_SYN	0x02
#define SL_TCP_RST	0x04
#define SL_TCP_ACK	0x10

#define SL_ICMP_TYPE_NONE	0xff

static __always_inline bool sl_addr_eq(const union sl_addr *a, const union sl_addr *b)
{
	return a->d[0] == b->d[0] && a->d[1] == b->d[1];
}

static __always_inline bool sl_addr_is_zero(const union sl_addr *a)
{
	return !(a->d[0] | a->d[1]);
}

static __always_inline bool sl_addr_is_mapped(const union sl_addr *a)
{
	return !a->d[0] && a->w[2] == bpf_htonl(0xffff);
}

static __always_inline void sl_addr_set_v4(union sl_addr *a, __be32 v4)
{
	a->d[0] = 0;
	a->w[2] = bpf_htonl(0xffff);
	a->w[3] = v4;
}

/* Is (@a, @ap) the greater end? Order of the bytes as they are on the wire. */
static __always_inline bool sl_end_greater(const union sl_addr *a, __be16 ap,
					   const union sl_addr *b, __be16 bp)
{
	if (a->d[0] != b->d[0])
		return bpf_be64_to_cpu(a->d[0]) > bpf_be64_to_cpu(b->d[0]);
	if (a->d[1] != b->d[1])
		return bpf_be64_to_cpu(a->d[1]) > bpf_be64_to_cpu(b->d[1]);
	return bpf_ntohs(ap) > bpf_ntohs(bp);
}

/* Fills @key from one end to the other; returns the canonical direction. */
static __always_inline __u8 sl_tuple_set(struct sl_tuple *key, const union sl_addr *src,
					 const union sl_addr *dst, __be16 sport, __be16 dport)
{
	if (sl_end_greater(src, sport, dst, dport)) {
		key->addr[0] = *dst;
		key->addr[1] = *src;
		key->port[0] = dport;
		key->port[1] = sport;
		return 1;
	}
	key->addr[0] = *src;
	key->addr[1] = *dst;
	key->port[0] = sport;
	key->port[1] = dport;
	return 0;
}

static __always_inline __u32 sl_hash_words(const __u32 *w, int n)
{
	__u32 h = 0x9e3779b9;
	int i;

#pragma unroll
	for (i = 0; i < n; i++) {
		h ^= w[i];
		h *= 0x85ebca6b;
		h ^= h >> 15;
	}
	return h;
}

static __always_inline __u32 sl_hash_tuple(const struct sl_tuple *key)
{
	return sl_hash_words((const void *)key, sizeof(*key) / sizeof(__u32));
}

/* Is the key another packet's than this one's? */
#define SL_PKT_OUTER	(SL_PKT_ICMP_ERROR | SL_PKT_ALIAS)

/* The packet's own source and destination. */
static __always_inline const union sl_addr *sl_pkt_saddr(const struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();

	return c->flags & SL_PKT_OUTER && s ? &s->outer[0] : &c->key.addr[c->dir & 1];
}

static __always_inline const union sl_addr *sl_pkt_daddr(const struct sl_ctx *c)
{
	struct sl_scratch *s = sl_scratch_get();

	return c->flags & SL_PKT_OUTER && s ? &s->outer[1] : &c->key.addr[!(c->dir & 1)];
}

static __always_inline struct sl_state *sl_state_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_state, &zero);
}

static __always_inline struct sl_ep *sl_ep_get(__u32 id)
{
	return bpf_map_lookup_elem(&sl_ep, &id);
}

static __always_inline __u32 sl_policy_gen(__u64 word)
{
	return (__u32)word >> SL_EP_GEN_SHIFT;
}

static __always_inline void sl_count_inc(__u32 which)
{
	__u64 *v = bpf_map_lookup_elem(&sl_count, &which);

	if (v)
		(*v)++;
}

#endif /* SL_BPF_CTX_H */
