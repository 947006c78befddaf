// SPDX-License-Identifier: GPL-2.0
/* Metrics as text, and flows counted in tables that are walked in pieces. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdlib.h>
#include <unistd.h>
#include "manifestcase.h"
#include "daemon/metrics_impl.h"
#include "daemon/policy_impl.h"

/* ---------------------------------------------------------------------- text */

static char *written(const struct metric *m, const struct metric_label *labels)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	metric_begin(out, m);
	metric_put(out, m, labels, 18446744073709551615ULL);
	metric_put_real(out, m, NULL, 0.1);
	metric_end(out);
	fclose(out);
	return text;
}

static void test_text(void **state)
{
	static const struct metric counter = { "sluice_dropped_bytes", METRIC_COUNTER, "bytes", "Bytes." };
	static const struct metric gauge = { "sluice_x", METRIC_GAUGE, NULL, "A \"b\"\\\nc" };
	static const struct metric info = { "sluice_build", METRIC_INFO, NULL, "V." };
	static const struct metric_label labels[] = {
		{ "a", "x\"y\\z\nw{}," }, { "b", "" }, { "c", "ä" }, {}
	};
	const struct {
		const struct metric *m;
		const struct metric_label *labels;
		const char *text;
	} cases[] = {
		{ &counter, labels, "# TYPE sluice_dropped_bytes counter\n"
				    "# UNIT sluice_dropped_bytes bytes\n"
				    "# HELP sluice_dropped_bytes Bytes.\n"
				    "sluice_dropped_bytes_total{a=\"x\\\"y\\\\z\\nw{},\",b=\"\",c=\"ä\"} "
				    "18446744073709551615\n"
				    "sluice_dropped_bytes_total 0.10000000000000001\n# EOF\n" },
		{ &gauge, labels + 3, "# TYPE sluice_x gauge\n# HELP sluice_x A \\\"b\\\"\\\\\\nc\n"
				      "sluice_x 18446744073709551615\n"
				      "sluice_x 0.10000000000000001\n# EOF\n" },
		{ &info, NULL, "# TYPE sluice_build info\n# HELP sluice_build V.\n"
			       "sluice_build_info 18446744073709551615\n"
			       "sluice_build_info 0.10000000000000001\n# EOF\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = written(cases[i].m, cases[i].labels);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

/* --------------------------------------------------------------------- flows */

#define FLOWS	5000		/* of a batch there are 512 */
#define SVC	7
#define BACKEND	40		/* and the next one, of the same address, another service's */

struct fixture {
	uv_loop_t loop;
	struct policy *pol;
	struct flow_count *c;
	int fd[2];
	struct service_state state[2];
	struct svc_port port[2], *ports[2];
	struct plan_backend backend[2];
};

static void add_service(struct fixture *f, int i)
{
	char text[512];
	struct result r;
	struct diag diag;

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: ns}\n"
		 "spec: {clusterIP: 10.96.0.%d, ports: [{port: 80}]}\n", i, i + 1);
	assert_int_equal(policy_object_apply(f->pol, only(&r, text, OBJECT_SERVICE), &diag), 0);
	snprintf(text, sizeof(text), "s%d", i);
	f->backend[i] = (struct plan_backend){ .port = htons(8080), .id = BACKEND + i };
	sluice_addr_parse("10.0.0.1", &f->backend[i].addr);
	f->ports[i] = &f->port[i];
	f->port[i] = (struct svc_port){
		.id = SVC + i,
		.plan = { .port = 80, .proto = IPPROTO_TCP, .nbackends = 1, .backend = &f->backend[i] },
	};
	f->state[i].now = (struct service_ports){ .n = 1, .port = &f->ports[i] };
	f->state[i].svc = model_service_find(&f->pol->model, "ns", text);
	f->state[i].svc->state = &f->state[i];
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct flow_count_ctx ctx = { .loop = &f->loop };

	uv_loop_init(&f->loop);
	*state = f;
	for (int i = 0; i < 2; i++) {
		f->fd[i] = bpf_map_create(i ? BPF_MAP_TYPE_LRU_HASH : BPF_MAP_TYPE_HASH, "flows",
					  sizeof(struct sl_tuple), sizeof(struct sl_flow), 8 * FLOWS,
					  NULL);
		ctx.fd[i] = f->fd[i];
		if (f->fd[i] < 0)
			return -1;
	}
	if (policy_new(NULL, "node1", &f->pol))
		return -1;
	add_service(f, 0);
	add_service(f, 1);
	ctx.pol = f->pol;
	return flow_count_new(&ctx, &f->c);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	flow_count_free(f->c);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	f->state[0].svc->state = f->state[1].svc->state = NULL;
	policy_free(f->pol);
	close(f->fd[0]);
	close(f->fd[1]);
	free(f);
	return 0;
}

static void put_flow(const struct fixture *f, bool half, unsigned int n, const struct sl_flow *flow)
{
	struct sl_tuple key = { .proto = IPPROTO_TCP };

	sluice_addr_parse("10.0.0.1", &key.addr[0]);
	sluice_addr_parse("10.9.9.9", &key.addr[1]);
	key.port[0] = htons(8080);
	key.port[1] = htons(n + 1000);
	assert_int_equal(bpf_map_update_elem(f->fd[half], &key, flow, BPF_ANY), 0);
}

static void fill(const struct fixture *f, bool half)
{
	/* end 1 began it */
	const struct sl_flow direct = { .kind = SL_FLOW_KIND_FLOW, .orig = 1 };
	struct sl_flow v = direct;

	for (unsigned int i = 0; i < FLOWS; i++) {
		v.kind = SL_FLOW_KIND_FLOW;
		v.svc = SVC;
		v.backend = BACKEND;
		v.state = SL_FLOW_ESTABLISHED;
		if (i % 5 == 1)
			v.svc = v.backend = 0;
		else if (i % 5 == 2)
			v.kind = SL_FLOW_KIND_ALIAS;
		else if (i % 5 == 3)
			v.state = SL_FLOW_CLOSING;
		else if (i % 5 == 4)
			v.svc = v.backend = 0, v.orig = 0;	/* from the backend */
		put_flow(f, half, i, &v);
		v = direct;
	}
}

/* Until a walk that was asked for now is done; in how many turns of the loop. */
static const struct flow_tally *walked(struct fixture *f, unsigned int *turns)
{
	flow_count_ask(f->c);
	for (*turns = 0; uv_run(&f->loop, UV_RUN_ONCE); ++*turns)
		;
	return flow_count_ask(f->c);
}

static void test_counts(void **state)
{
	struct fixture *f = *state;
	const struct flow_tally *t;
	unsigned int turns;

	fill(f, false);
	assert_null(flow_count_ask(f->c));
	fill(f, true);
	while (uv_run(&f->loop, UV_RUN_ONCE))
		;
	t = walked(f, &turns);
	/* one batch at a time, of two tables */
	assert_in_range(turns, 2 * FLOWS / 512 - 1, 4 * FLOWS / 512);
	for (int half = 0; half < 2; half++) {
		assert_int_equal(t->entries[half], FLOWS);
		assert_int_equal(t->svc[SVC][half], FLOWS / 5);
		assert_int_equal(t->backend[BACKEND][half], FLOWS / 5);
		assert_int_equal(t->backend[BACKEND + 1][half], 0);
	}
	assert_int_equal(flow_tally_direct(t, BACKEND), 2 * FLOWS / 5);
	assert_int_equal(flow_tally_direct(t, BACKEND + 1), 2 * FLOWS / 5);
	assert_int_equal(flow_tally_direct(t, BACKEND + 2), 0);
	assert_int_equal(flow_tally_direct(t, SL_BACKEND_MAX - 1), 0);
	assert_non_null(flow_tally_target(t, BACKEND));
	assert_null(flow_tally_target(t, BACKEND + 2));
	assert_null(flow_tally_target(t, 0));
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	const struct flow_tally *t;
	unsigned int turns;

	t = walked(f, &turns);
	assert_int_equal(t->entries[0] + t->entries[1], 0);
	assert_int_equal(flow_tally_direct(t, BACKEND), 0);
}

/* A table that can't be read: the last word stays. */
static void test_broken(void **state)
{
	struct fixture *f = *state;
	unsigned int turns;
	int keep = dup(f->fd[1]);

	fill(f, false);
	assert_int_equal(walked(f, &turns)->entries[0], FLOWS);
	while (uv_run(&f->loop, UV_RUN_ONCE))
		;
	close(f->fd[1]);
	assert_int_equal(walked(f, &turns)->entries[0], FLOWS);
	while (uv_run(&f->loop, UV_RUN_ONCE))
		;
	assert_int_equal(dup2(keep, f->fd[1]), f->fd[1]);
	close(keep);
	fill(f, true);
	while (uv_run(&f->loop, UV_RUN_ONCE))
		;
	assert_int_equal(walked(f, &turns)->entries[1], FLOWS);
}

/* ------------------------------------------------------------------ services */

static char *services(const struct fixture *f, const struct flow_tally *t)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(metrics_put_services(out, f->pol, t), 0);
	fclose(out);
	return text;
}

static void test_services(void **state)
{
#define OF "{namespace=\"ns\",service=\"s0\",port=\"80\",protocol=\"tcp\",family=\"ipv4\","
	static const char *const lines[] = {
		"\nsluice_service_backends" OF "state=\"ready\"} 0\n",
		"\nsluice_service_flows" OF "state=\"established\"} 1000\n",
		"\nsluice_service_flows" OF "state=\"half_open\"} 0\n",
		"\nsluice_service_backend_flows" OF
		"backend=\"10.0.0.1:8080\",state=\"established\"} 1000\n",
		"\nsluice_service_backend_chosen_total" OF "backend=\"10.0.0.1:8080\"} 77\n",
		"\nsluice_service_backend_direct_flows" OF "backend=\"10.0.0.1:8080\"} 1000\n",
	};
	static __u64 chosen[SL_BACKEND_MAX];
	struct fixture *f = *state;
	const struct flow_tally *t;
	unsigned int turns;
	char *text;

	fill(f, false);
	t = walked(f, &turns);
	f->pol->tables.chosen = chosen;
	chosen[BACKEND] = 77;
	text = services(f, t);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no %s in %s", lines[i], text);
	free(text);
	/* the id is another's by now */
	chosen[BACKEND] = 0;
	f->backend[0].port = htons(8081);
	text = services(f, t);
	assert_null(strstr(text, "8081"));
	assert_null(strstr(text, "service=\"s0\",port=\"80\",protocol=\"tcp\",family=\"ipv4\",backend"));
	free(text);
	chosen[BACKEND] = 78;
	text = services(f, NULL);
	assert_non_null(strstr(text, lines[0]));
	assert_non_null(strstr(text, "} 78\n"));
	assert_null(strstr(text, "} 1000\n"));
	free(text);
	f->pol->tables.chosen = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
