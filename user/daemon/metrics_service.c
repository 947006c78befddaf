// SPDX-License-Identifier: GPL-2.0
/* Metrics of services and their backends. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/metrics_impl.h"
#include "daemon/policy_impl.h"

#define BACKEND_STRLEN	(SLUICE_ADDR_STRLEN + 8)	/* "[...]:65535" */

enum family {
	BACKENDS,
	FLOWS,
	BACKEND_FLOWS,
	BACKEND_DIRECT,
	BACKEND_CHOSEN,
	FAMILIES,
};

static const struct metric metrics[FAMILIES] = {
	[BACKENDS] = { "sluice_service_backends", METRIC_GAUGE, NULL,
		       "Endpoints behind a port of a Service." },
	[FLOWS] = { "sluice_service_flows", METRIC_GAUGE, NULL,
		    "Live flows of this node to a port of a Service, translated by the packet." },
	[BACKEND_FLOWS] = { "sluice_service_backend_flows", METRIC_GAUGE, NULL,
			    "The same by backend; a backend without any is left out." },
	[BACKEND_DIRECT] = { "sluice_service_backend_direct_flows", METRIC_GAUGE, NULL,
			     "Live flows of this node to a backend's own address: of sockets that got it "
			     "when they connected, and of who asked for no Service. The same for every "
			     "Service that has the backend; one without any is left out." },
	[BACKEND_CHOSEN] = { "sluice_service_backend_chosen", METRIC_COUNTER, NULL,
			     "Times that a backend was chosen: for flows that began, and for sockets. "
			     "One that never was is left out." },
};

/* Samples come by service and are told by family. */
struct writer {
	FILE *out[FAMILIES];
	char *text[FAMILIES];
	size_t len[FAMILIES];
	const struct flow_tally *flows;
};

/* What all samples of a port have. */
struct port_labels {
	struct metric_label v[8];
	size_t n;
	char port[8];
};

static void add_label(struct port_labels *l, size_t at, const char *name, const char *value)
{
	l->v[at] = (struct metric_label){ name, value };
	l->v[at + 1].name = NULL;
}

static void port_labels(struct port_labels *l, const struct policy_service_port *p)
{
	snprintf(l->port, sizeof(l->port), "%u", p->port);
	l->n = 0;
	add_label(l, l->n++, "namespace", p->ns);
	add_label(l, l->n++, "service", p->name);
	add_label(l, l->n++, "port", l->port);
	add_label(l, l->n++, "protocol", proto_text(p->proto));
	add_label(l, l->n++, "family", p->family);
}

static void put_pair(FILE *out, const struct metric *m, struct port_labels *l, size_t at,
		     const __u32 n[2])
{
	add_label(l, at, "state", "established");
	metric_put(out, m, l->v, n[0]);
	add_label(l, at, "state", "half_open");
	metric_put(out, m, l->v, n[1]);
}

static void put_states(FILE *out, struct port_labels *l, const struct policy_service_port *p)
{
	const struct {
		const char *state;
		size_t n;
	} counts[] = {
		{ "ready", p->ready }, { "terminating", p->terminating },
		{ "not_ready", p->not_ready },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		add_label(l, l->n, "state", counts[i].state);
		metric_put(out, &metrics[BACKENDS], l->v, counts[i].n);
	}
}

/* The numbers are of the walk, in which the id may have been another backend's. */
static bool counted(const struct flow_tally *t, const struct policy_backend *b)
{
	const struct policy_backend *was = flow_tally_target(t, b->id);

	return was && !memcmp(&was->addr, &b->addr, sizeof(b->addr)) && was->port == b->port &&
	       was->proto == b->proto;
}

static void put_backend(struct writer *w, struct port_labels *l, const struct policy_backend *b)
{
	static const __u32 none[2];
	char addr[SLUICE_ADDR_STRLEN], text[BACKEND_STRLEN];
	const char *fmt = sluice_addr_is_v4(&b->addr) ? "%s:%u" : "[%s]:%u";
	bool known = w->flows && counted(w->flows, b);
	const __u32 *n = known ? w->flows->backend[b->id] : none;
	__u32 direct = known ? flow_tally_direct(w->flows, b->id) : 0;

	if (!(n[0] | n[1] | direct | b->chosen))
		return;
	snprintf(text, sizeof(text), fmt, sluice_addr_format(&b->addr, addr), ntohs(b->port));
	add_label(l, l->n, "backend", text);
	if (b->chosen)
		metric_put(w->out[BACKEND_CHOSEN], &metrics[BACKEND_CHOSEN], l->v, b->chosen);
	if (direct)
		metric_put(w->out[BACKEND_DIRECT], &metrics[BACKEND_DIRECT], l->v, direct);
	if (n[0] | n[1])
		put_pair(w->out[BACKEND_FLOWS], &metrics[BACKEND_FLOWS], l, l->n + 1, n);
}

static int put_port(void *arg, const struct policy_service_port *p)
{
	struct writer *w = arg;
	struct port_labels l;

	port_labels(&l, p);
	put_states(w->out[BACKENDS], &l, p);
	if (w->flows && p->id)
		put_pair(w->out[FLOWS], &metrics[FLOWS], &l, l.n, w->flows->svc[p->id]);
	for (size_t i = 0; i < p->nbackends; i++)
		put_backend(w, &l, &p->backend[i]);
	return 0;
}

static int open_writer(struct writer *w)
{
	for (int i = 0; i < FAMILIES; i++) {
		w->out[i] = open_memstream(&w->text[i], &w->len[i]);
		if (!w->out[i])
			return -ENOMEM;
		metric_begin(w->out[i], &metrics[i]);
	}
	return 0;
}

/* Their texts, one behind the other. */
static int close_writer(struct writer *w, FILE *out, int err)
{
	for (int i = 0; i < FAMILIES; i++) {
		if (w->out[i] && fclose(w->out[i]))
			err = -ENOMEM;
		if (!err)
			fwrite(w->text[i], 1, w->len[i], out);
		free(w->text[i]);
	}
	return err;
}

int metrics_put_services(FILE *out, const struct policy *pol, const struct flow_tally *flows)
{
	struct writer w = { .flows = flows };
	int err = open_writer(&w);

	if (!err)
		err = policy_service_port_each(pol, put_port, &w);
	return close_writer(&w, out, err);
}
