/* SPDX-License-Identifier: GPL-2.0 */
/* stub for the first build */
#ifndef SL_BPF_REJECT_H
#define SL_BPF_REJECT_H
static __always_inline int sl_drop_judged(struct __sk_buff *skb, struct sl_ctx *c, int reason)
{
	return sl_drop_packet(skb, c, reason);
}
#endif
