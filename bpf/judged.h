/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a netkit pod's hook to the receiver's. A netkit peer program is no
 * ingress hook and cannot redirect to a peer, so what it lets through is sent
 * on the receiver's device, where sl_to_pod sees it. Its word is in tc_index,
 * so that sl_to_pod needs not look the flow up once more. Why that is safe:
 *
 *  - No socket option reaches tc_index, and nothing on a wire. A pod with a
 *    traffic control of its own can set it, and no scrubbing between
 *    namespaces takes it away; so sl_from_pod takes it away before all else.
 *  - It counts only with no ingress_ifindex. Every receive path sets that one,
 *    and nothing on the way through the node's stack resets it but
 *    encapsulation, which makes a packet of the node's own. netkit resets it
 *    before its program runs. So whatever somebody sets elsewhere on the node,
 *    what was received by a device never passes for judged.
 *  - Between the redirect and sl_to_pod there are only traffic control and
 *    netfilter at the egress of the receiver's device, in the node's hands.
 *
 * Without traffic control in the kernel tc_index reads as zero: judged twice.
 */
#ifndef SL_BPF_JUDGED_H
#define SL_BPF_JUDGED_H

#include "bpf/ctx.h"

#define SL_TC_JUDGED	0x736c

/* A packet has just left a pod: whatever it says of itself is not our word. */
static __always_inline void sl_judged_clear(struct __sk_buff *skb)
{
	skb->tc_index = 0;
}

/* To the pod behind @ifindex; its device's egress program asks nothing more. */
static __always_inline int sl_judged_xmit(struct __sk_buff *skb, __u32 ifindex)
{
	skb->tc_index = SL_TC_JUDGED;
	return bpf_redirect(ifindex, 0);
}

/* Was it sent by sl_judged_xmit()? Once: no second hook can be told. */
static __always_inline bool sl_judged_take(struct __sk_buff *skb)
{
	if (sl_likely(skb->tc_index != SL_TC_JUDGED))
		return false;
	skb->tc_index = 0;
	return !skb->ingress_ifindex;
}

#endif /* SL_BPF_JUDGED_H */
