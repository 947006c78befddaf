/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SCTP's checksum (CRC32c, RFC 9260 section 6.8), of a short packet, and after a change of a port. CRCs
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

/* What four zeros behind four bits make of these. */
static const __u32 sl_crc_nibble[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

/* The checksum of @n words, its own among them as zero; as it lies in memory. */
static __always_inline __u32 sl_crc_words(const __u32 *w, __u32 n)
{
	__u32 crc = ~0U, i, j;

	for (i = 0; i < n; i++) {
		crc ^= w[i];
		for (j = 0; j < 8; j++)
			crc = crc >> 4 ^ sl_crc_nibble[crc & 15];
	}
	return ~crc;
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
