/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics as text, by OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/):
 * every family once, its samples together behind it, "# EOF" at the end.
 */
#ifndef SLUICED_METRICS_TEXT_H
#define SLUICED_METRICS_TEXT_H

#include <stdint.h>
#include <stdio.h>

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER,			/* samples end with _total */
	METRIC_INFO,			/* samples end with _info */
};

struct metric {
	const char *name;		/* without what @type adds; ends with @unit where there is one */
	enum metric_type type;
	const char *unit;		/* "bytes", "seconds"; NULL: none */
	const char *help;
};

/* The last one of a sample's has no name. Values are UTF-8, and escaped here. */
struct metric_label {
	const char *name, *value;
};

/* What introduces the family. A failing @out is the caller's to see, by ferror(). */
void metric_begin(FILE *out, const struct metric *m);
/* One sample of it; @labels NULL: without. */
void metric_put(FILE *out, const struct metric *m, const struct metric_label *labels, uint64_t v);
void metric_put_real(FILE *out, const struct metric *m, const struct metric_label *labels, double v);
/* A family of one sample. */
void metric_one(FILE *out, const struct metric *m, uint64_t v);
void metric_one_real(FILE *out, const struct metric *m, double v);
/* Nothing may follow. */
void metric_end(FILE *out);

#endif
