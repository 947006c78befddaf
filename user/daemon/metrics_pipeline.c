// SPDX-License-Identifier: GPL-2.0
/* Metrics of the pipeline, of policy and of the source of objects. */
#include <bpf/bpf.h>
#include <string.h>
#include "daemon/metrics_impl.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define COUNTER(name, help) { "sluice_" name, METRIC_COUNTER, NULL, help }
#define GAUGE(name, help) { "sluice_" name, METRIC_GAUGE, NULL, help }

/* ------------------------------------------------------------------ counters */

/* Those of one family follow each other, and the first has its text. */
static const struct counted {
	enum sl_count count;
	struct metric metric;
	const char *reason;		/* label; NULL: none */
} counted[] = {
	{ SL_COUNT_FLOW_HIT, COUNTER("flow_hits", "Packets of known flows."), NULL },
	{ SL_COUNT_FLOW_NEW, COUNTER("flows_created", "Flows that began."), NULL },
	{ SL_COUNT_FLOW_REJUDGED, COUNTER("flows_rejudged", "Flows that were judged again, after a "
					  "change of policy, routes or services."), NULL },
	{ SL_COUNT_FLOW_PROMOTED, COUNTER("flows_established", "Flows that both ends have spoken on."),
	  NULL },
	{ SL_COUNT_FLOW_CLOSED, COUNTER("flows_closed", "Connections that ended by FIN or RST."), NULL },
	{ SL_COUNT_FLOW_EXPIRED, COUNTER("flows_expired", "Flows taken away by the sweep: idle or "
					 "closed."), NULL },
	{ SL_COUNT_FLOW_REFUSED_FULL, COUNTER("flows_refused", "Flows that a table did not take."),
	  "full" },
	{ SL_COUNT_FLOW_REFUSED_NOMEM, COUNTER("flows_refused", NULL), "no_memory" },
	{ SL_COUNT_FLOW_REFUSED_BUSY, COUNTER("flows_refused", NULL), "busy" },
	{ SL_COUNT_ICMP_SENT, COUNTER("icmp_errors_sent", "ICMP errors made by the pipeline."), NULL },
	{ SL_COUNT_ICMP_LIMITED, COUNTER("icmp_errors_limited", "ICMP errors, resets and aborts above the "
					 "rate."), NULL },
	{ SL_COUNT_RST_SENT, COUNTER("resets_sent", "TCP resets made by the pipeline."), NULL },
	{ SL_COUNT_ABORT_SENT, COUNTER("aborts_sent", "SCTP aborts made by the pipeline."), NULL },
	{ SL_COUNT_EDGE_OUT, COUNTER("edge_packets_forwarded", "Packets that left in XDP by the uplink that "
				     "they came in by."), NULL },
	{ SL_COUNT_EVENT_LOST, COUNTER("events_lost", "Events that the ring had no room for."), NULL },
	{ SL_COUNT_EVENT_LIMITED, COUNTER("events_limited", "Events above the rate."), NULL },
	{ SL_COUNT_FLOW_EVENT_LOST, COUNTER("flow_events_lost", "Flow events that the module's queue "
					    "had no room for."), NULL },
};
_Static_assert(ARRAY_LEN(counted) == __SL_COUNT_MAX, "a metric for each counter");

static void put_counts(FILE *out, struct sluice *sl)
{
	__u64 counts[__SL_COUNT_MAX];

	if (sluice_counts(sl, counts))
		return;
	for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
		const struct metric_label labels[] = { { "reason", counted[i].reason }, {} };

		if (counted[i].metric.help)
			metric_begin(out, &counted[i].metric);
		metric_put(out, &counted[i].metric, counted[i].reason ? labels : NULL,
			   counts[counted[i].count]);
	}
}

static void put_drops(FILE *out, struct sluice *sl)
{
	static const struct metric packets = COUNTER("dropped_packets", "Packets dropped, by reason.");
	static const struct metric bytes = { "sluice_dropped_bytes", METRIC_COUNTER, "bytes",
					     "Bytes of layer 3 in them." };
	struct sl_counter drops[__SL_DROP_MAX];
	unsigned int i;

	if (sluice_drops(sl, drops))
		return;
	metric_begin(out, &packets);
	for (i = SL_DROP_NONE + 1; i < __SL_DROP_MAX; i++)
		metric_put(out, &packets, (struct metric_label[]){ { "reason", sluice_drop_name(i) }, {} },
			   drops[i].packets);
	metric_begin(out, &bytes);
	for (i = SL_DROP_NONE + 1; i < __SL_DROP_MAX; i++)
		metric_put(out, &bytes, (struct metric_label[]){ { "reason", sluice_drop_name(i) }, {} },
			   drops[i].bytes);
}

/* -------------------------------------------------------------------- tables */

static const enum sl_map flow_maps[2] = { SL_MAP_FLOW, SL_MAP_HALF };
static const char *const flow_states[2] = { "established", "half_open" };

static void put_room(FILE *out, struct sluice *sl)
{
	static const struct metric room = GAUGE("flow_table_max_entries",
						"Entries that fit into a flow table.");

	metric_begin(out, &room);
	for (int i = 0; i < 2; i++) {
		const struct metric_label labels[] = { { "table", flow_states[i] }, {} };
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);

		if (!bpf_map_get_info_by_fd(sluice_map_fd(sl, flow_maps[i]), &info, &len))
			metric_put(out, &room, labels, info.max_entries);
	}
}

static void put_tables(FILE *out, const struct flow_tally *flows)
{
	static const struct metric used = GAUGE("flow_table_entries",
						"Entries of a flow table: flows, and a second one for "
						"each that is translated.");
	static const struct metric when = { "sluice_flow_count_timestamp_seconds", METRIC_GAUGE, "seconds",
					    "When flows were counted last, since the epoch." };

	metric_begin(out, &used);
	for (int i = 0; i < 2; i++)
		metric_put(out, &used, (struct metric_label[]){ { "table", flow_states[i] }, {} },
			   flows->entries[i]);
	metric_one_real(out, &when, flows->at);
}

static void put_endpoints(FILE *out, struct sluice *sl)
{
	static const struct metric all = GAUGE("endpoints", "Pods of this node, by whether their policy "
					       "is in place yet.");
	const struct sl_ep *ep = sluice_eps(sl);
	uint64_t n[2] = {};

	for (__u32 id = 1; id < SL_EP_MAX; id++)
		if (ep[id].flags & SL_EP_FLAG_USED)
			n[(sluice_ep_policy(&ep[id]) >> SL_EP_RULESET_SHIFT & SL_EP_RULESET_MASK) ==
			  SL_RULESET_CLOSED]++;
	metric_begin(out, &all);
	metric_put(out, &all, (struct metric_label[]){ { "state", "open" }, {} }, n[0]);
	metric_put(out, &all, (struct metric_label[]){ { "state", "closed" }, {} }, n[1]);
}

void metrics_put_pipeline(FILE *out, struct sluice *sl, const struct flow_tally *flows)
{
	static const struct metric txns = COUNTER("transactions", "Transactions of entries and rules "
						  "that were committed by hand.");

	put_counts(out, sl);
	put_drops(out, sl);
	put_room(out, sl);
	if (flows)
		put_tables(out, flows);
	put_endpoints(out, sl);
	metric_one(out, &txns, __atomic_load_n(&sluice_state(sl)->generation, __ATOMIC_RELAXED));
}

/* -------------------------------------------------------------------- policy */

static void put_objects(FILE *out, const struct policy_stats *st)
{
	static const struct metric objects = GAUGE("policy_objects", "Objects in force.");
	const struct {
		const char *kind;
		unsigned int n;
	} kinds[] = {
		{ "Namespace", st->namespaces }, { "Pod", st->pods }, { "Node", st->nodes },
		{ "Policy", st->policies }, { "Service", st->services },
		{ "EndpointSlice", st->slices },
	};

	metric_begin(out, &objects);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		metric_put(out, &objects, (struct metric_label[]){ { "kind", kinds[i].kind }, {} },
			   kinds[i].n);
}

void metrics_put_policy(FILE *out, struct policy *pol)
{
	static const struct metric refused = GAUGE("policy_objects_refused",
						   "Objects whose last version is not in force.");
	static const struct metric doubts = GAUGE("policy_warnings",
						  "Doubts about objects that are in force.");
	static const struct metric classes = GAUGE("policy_classes", "Peer classes.");
	static const struct metric sets = GAUGE("policy_rule_sets", "Rule sets.");
	static const struct metric rules = GAUGE("policy_rules", "Entries of the rule table.");
	static const struct metric ports = GAUGE("policy_port_sets", "Port sets.");
	static const struct metric commits = COUNTER("policy_commits",
						     "Times that tables were brought up to date.");
	static const struct metric compile = { "sluice_policy_last_compile_seconds", METRIC_GAUGE, "seconds",
					       "Duration of the last compilation." };
	static const struct metric commit = { "sluice_policy_last_commit_seconds", METRIC_GAUGE, "seconds",
					      "Duration of the last commit, writing included." };
	json_t *warnings = policy_warnings_json(pol);
	struct policy_stats st;

	policy_get_stats(pol, &st);
	put_objects(out, &st);
	metric_one(out, &refused, st.rejected);
	metric_one(out, &doubts, json_array_size(warnings));
	json_decref(warnings);
	metric_one(out, &classes, st.classes);
	metric_one(out, &sets, st.rulesets);
	metric_one(out, &rules, st.rules);
	metric_one(out, &ports, st.ports);
	metric_one(out, &commits, st.commits);
	metric_one_real(out, &compile, (double)st.compile_us / 1e6);
	metric_one_real(out, &commit, (double)st.commit_us / 1e6);
}

/* -------------------------------------------------------------------- source */

/* By what `source` of the status request calls them. */
static const struct {
	const char *key;
	struct metric metric;
} of_kinds[] = {
	{ "lists", COUNTER("source_lists", "Complete lists of the API server's objects.") },
	{ "watches", COUNTER("source_watches", "Watches that were answered and ended.") },
	{ "events", COUNTER("source_events", "Changes and bookmarks that watches told of.") },
	{ "gone", COUNTER("source_versions_expired", "Versions and tokens that had expired (410).") },
	{ "refused", COUNTER("source_objects_refused", "Objects that were wrong.") },
	{ "nonsense", COUNTER("source_answers_invalid", "Answers that were none, had no end or were "
			      "too large.") },
	{ "failures", COUNTER("source_requests_failed", "Requests without an answer, or refused.") },
	{ "absent", COUNTER("source_kinds_absent", "Times that the cluster did not know the kind.") },
};

static void put_kinds(FILE *out, json_t *kinds, const char *key, const struct metric *m)
{
	const json_t *kind, *v;
	size_t i;

	metric_begin(out, m);
	json_array_foreach(kinds, i, kind) {
		const char *name = json_string_value(json_object_get(kind, "kind"));
		const struct metric_label labels[] = { { "kind", name ? name : "" }, {} };

		v = json_object_get(kind, key);
		metric_put(out, m, labels, json_is_boolean(v) ? json_is_true(v) :
							     (uint64_t)json_integer_value(v));
	}
}

void metrics_put_source(FILE *out, const json_t *source)
{
	static const struct metric synced = GAUGE("source_synced", "All objects that there were at the "
						  "start are known.");
	static const struct metric answering = GAUGE("source_answering", "The API server, or the "
						     "directory, is there.");
	static const struct metric lost = { "sluice_source_lost_seconds", METRIC_GAUGE, "seconds",
					    "For how long it has not been." };
	static const struct metric kind_synced = GAUGE("source_kind_synced", "The list of a kind has "
						       "been complete once.");
	json_t *kinds = json_object_get(source, "kinds");

	metric_one(out, &synced, json_is_true(json_object_get(source, "synced")));
	metric_one(out, &answering, json_is_true(json_object_get(source, "answering")));
	metric_one_real(out, &lost, json_real_value(json_object_get(source, "lostSeconds")));
	if (!json_array_size(kinds))
		return;
	put_kinds(out, kinds, "synced", &kind_synced);
	for (size_t i = 0; i < ARRAY_LEN(of_kinds); i++)
		put_kinds(out, kinds, of_kinds[i].key, &of_kinds[i].metric);
}
