/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SCTP's checksum (CRC32c, RFC 9260 section 6.8) after a change of a port. CRCs
 * are linear: it changes by the CRC of a message that is zero but for the bits
 * that changed, and zeros behind those are a multiplication.
 */
#ifndef SL_BPF_SCTP_H
#define SL_BPF_SCTP_H

#include "bpf/ctx.h"

#define SL_CRC32C	0x82f63b78	/* the polynomial, reflected */

/* A multiplication, as the verifier would follow both ways of a branch. */
static __always_inline __u32 sl_crc_half(__u32 a)
{
	__u32 bit = a & 1;

	return (a >> 1) ^ sl_opaque(bit) * SL_CRC32C;
}

/* @a times @b modulo the polynomial, both reflected. */
__noinline __u32 sl_crc_mul(__u32 a, __u32 b)
{
	__u32 p = 0;
	int i;

	for (i = 0; i < 32; i++) {
		p ^= (a >> 31) * b;
		a <<= 1;
		b = sl_crc_half(b);
	}
	return p;
}

/* x^(8 * 2^i) modulo the polynomial, reflected: 2^i bytes of zeros. */
static const __u32 sl_crc_zeros[16] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
	0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/*
 * What the checksum of a packet changes by when the two bytes at offset @off
 * of its @len change by @diff (as they lie in memory).
 */
__noinline __u32 sl_crc_change(__u32 diff, __u32 off, __u32 len)
{
	__u32 crc = diff & 0xffff, zeros = len - off - 2;
	int i;

	for (i = 0; i < 16; i++)
		crc = sl_crc_half(crc);
	for (i = 0; i < 16; i++)
		if (zeros >> i & 1)
			crc = sl_crc_mul(crc, sl_crc_zeros[i]);
	return crc;
}

#endif /* SL_BPF_SCTP_H */
