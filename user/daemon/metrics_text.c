// SPDX-License-Identifier: GPL-2.0
/* See metrics_text.h. */
#include "daemon/metrics_text.h"

#include <inttypes.h>

static const char *const types[] = {
	[METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_INFO] = "info",
};
static const char *const suffixes[] = {
	[METRIC_GAUGE] = "", [METRIC_COUNTER] = "_total", [METRIC_INFO] = "_info",
};

/* OpenMetrics, ABNF: escaped-string. */
static void put_escaped(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*s == '"' || *s == '\\')
			putc('\\', out);
		putc(*s, out);
	}
}

void metric_begin(FILE *out, const struct metric *m)
{
	fprintf(out, "# TYPE %s %s\n", m->name, types[m->type]);
	if (m->unit)
		fprintf(out, "# UNIT %s %s\n", m->name, m->unit);
	fprintf(out, "# HELP %s ", m->name);
	put_escaped(out, m->help);
	putc('\n', out);
}

static void put_name(FILE *out, const struct metric *m, const struct metric_label *l)
{
	const char *before = "{";

	fprintf(out, "%s%s", m->name, suffixes[m->type]);
	if (!l || !l->name)
		return;
	for (; l->name; l++) {
		fprintf(out, "%s%s=\"", before, l->name);
		put_escaped(out, l->value);
		putc('"', out);
		before = ",";
	}
	putc('}', out);
}

void metric_put(FILE *out, const struct metric *m, const struct metric_label *labels, uint64_t v)
{
	put_name(out, m, labels);
	fprintf(out, " %" PRIu64 "\n", v);
}

void metric_put_real(FILE *out, const struct metric *m, const struct metric_label *labels, double v)
{
	put_name(out, m, labels);
	fprintf(out, " %.17g\n", v);
}

void metric_one(FILE *out, const struct metric *m, uint64_t v)
{
	metric_begin(out, m);
	metric_put(out, m, NULL, v);
}

void metric_one_real(FILE *out, const struct metric *m, double v)
{
	metric_begin(out, m);
	metric_put_real(out, m, NULL, v);
}

void metric_end(FILE *out)
{
	fputs("# EOF\n", out);
}
