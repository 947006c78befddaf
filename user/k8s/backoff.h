/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long to wait before the next try: exponential with full jitter, so that
 * the nodes of a cluster don't come back to its API server in step.
 */
#ifndef SLUICE_K8S_BACKOFF_H
#define SLUICE_K8S_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t first_ms, max_ms;	/* 1 <= first <= max <= 2^30 */
	unsigned int failures;		/* in a row; 0 begins anew */
};

/* Counts a failure. @random: 32 even bits. Returns 0 to min(max, first * 2^n) ms. */
static inline uint32_t backoff_next(struct backoff *b, uint32_t random)
{
	uint64_t most = b->first_ms;
	unsigned int i;

	for (i = 0; i < b->failures && most < b->max_ms; i++)
		most *= 2;
	if (most > b->max_ms)
		most = b->max_ms;
	if (b->failures < UINT32_MAX)
		b->failures++;
	return (uint32_t)(((most + 1) * random) >> 32);
}

#endif
