/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files behind metrics.h. */
#ifndef SLUICED_METRICS_IMPL_H
#define SLUICED_METRICS_IMPL_H

#include "daemon/flow_count.h"
#include "daemon/metrics.h"
#include "daemon/metrics_text.h"

/* Whole families. */
void metrics_put_pipeline(FILE *out, struct sluice *sl, const struct flow_tally *flows);
void metrics_put_policy(FILE *out, struct policy *pol);
void metrics_put_source(FILE *out, const json_t *source);
/* @flows NULL: not counted yet, and left out. -ENOMEM. */
int metrics_put_services(FILE *out, const struct policy *pol, const struct flow_tally *flows);

#endif
