// SPDX-License-Identifier: GPL-2.0
/* The balancer on the kernel's maps: what it writes is there, and found again. */
#include <arpa/inet.h>
#include <time.h>
#include "dataplane.h"
#include "services.h"
#include "daemon/balancer.h"

/* All that a model does for the balancer. */
struct crowd {
	struct hand_service **h;
	unsigned int n, marked;		/* of them, from the first */
	struct model_service *again;
};

static struct sluice *sl;
static struct tables t;
static struct crowd crowd;

static struct model_service *next_dirty(struct model *m)
{
	struct model_service *s = crowd.again;

	(void)m;
	crowd.again = NULL;
	return s ? s : crowd.marked ? &crowd.h[--crowd.marked]->s : NULL;
}

static void mark(struct model *m, struct model_service *s)
{
	(void)m;
	crowd.again = s;
}

static void mark_all(struct model *m)
{
	(void)m;
	crowd.marked = crowd.n;
}

static void reap(struct model *m, struct model_service *s)
{
	(void)m;
	(void)s;
}

static int each(const struct model *m, int (*cb)(struct model_service *s, void *arg), void *arg)
{
	unsigned int i;
	int err = 0;

	(void)m;
	for (i = 0; !err && i < crowd.n; i++)
		err = cb(&crowd.h[i]->s, arg);
	return err;
}

static const struct balancer_services ops = { next_dirty, mark, mark_all, reap, each };

static void fill(unsigned int n)
{
	union sl_addr a = { .h[5] = 0xffff };
	struct hand_service *h;
	struct hand_slice *slice;
	unsigned int i, j;
	char name[32], ip[32];

	crowd.h = calloc(n, sizeof(*crowd.h));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(ip, sizeof(ip), "10.96.%u.%u", i >> 8, i & 255);
		h = crowd.h[i] = hand_service("shop", name);
		hand_port(h, NULL, 80, IPPROTO_TCP, i < 1000 ? 30000 + i : 0);
		hand_cluster_ip(h, ip);
		slice = hand_slice(h, SL_FAMILY_V4);
		hand_slice_port(slice, NULL, 8080, IPPROTO_TCP);
		for (j = 0; j < 10; j++) {
			a.w[3] = htonl(0x0a000000 + 16 * i + j);
			hand_endpoint(slice, a, "node1", SLICE_READY | SLICE_SERVING);
		}
	}
	crowd.n = n;
}

static int setup(void **state)
{
	int err = sluice_load(TEST_ROOT, NULL, &sl);

	(void)state;
	if (err)
		return err;
	tables_of_kernel(sl, &t);
	return tables_map_services(sl, &t);
}

static int teardown(void **state)
{
	while (crowd.n)
		hand_free(crowd.h[--crowd.n]);
	free(crowd.h);
	tables_unmap_services(&t);
	sluice_close(sl);
	sl = NULL;
	return dataplane_unload(state);
}

static double ms_since(const struct timespec *t0)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t0->tv_sec) * 1e3 + (now.tv_nsec - t0->tv_nsec) / 1e6;
}

#define TIMED(what, call) do {							\
	struct timespec t0_;							\
	clock_gettime(CLOCK_MONOTONIC, &t0_);					\
	assert_int_equal(call, 0);						\
	printf("# " what ": %.2f ms\n", ms_since(&t0_));			\
} while (0)

static struct sl_front_val front_of(unsigned int i)
{
	struct sl_front_key key = { .addr = crowd.h[i]->cluster[0], .port = htons(80),
				    .proto = IPPROTO_TCP };
	struct sl_front_val v;

	assert_int_equal(t.lookup(t.ctx, SL_MAP_FRONT, &key, &v), 0);
	return v;
}

/* Each backend that the first page of the set names is one of the service's own. */
static void check_service(unsigned int i)
{
	__u32 svc = front_of(i).svc, page = t.svcs[svc].set[SL_SVC_CLUSTER] & SL_SVC_PAGE_MASK;
	struct sl_set_page ids;
	struct sl_backend b;
	struct sl_addr_val a;
	unsigned int j;

	assert_int_equal(t.lookup(t.ctx, SL_MAP_SET, &page, &ids), 0);
	for (j = 0; j < 10; j++) {
		assert_int_equal(t.lookup(t.ctx, SL_MAP_BACKEND, &ids.backend[j], &b), 0);
		assert_int_equal(b.svc, svc);
		assert_int_equal(b.addr.w[3], crowd.h[i]->slice[0].ep[j].addr.w[3]);
		assert_int_equal(b.flags, SL_BACKEND_READY | SL_BACKEND_KEEP | SL_BACKEND_LOCAL);
	}
	assert_int_equal(t.lookup(t.ctx, SL_MAP_ADDR, &crowd.h[i]->cluster[0], &a), 0);
	assert_int_equal(a.kind, SL_ADDR_SVC);
}

static void maps(void **state)
{
	struct balancer *b;
	unsigned int i;
	__u32 last;

	(void)state;
	fill(unit_times(10000, 1000));
	printf("# %u services of 10 endpoints\n", crowd.n);
	assert_int_equal(balancer_new(&ops, NULL, &t, &b), 0);
	assert_int_equal(balancer_set_node(b, "node1", NULL), 0);
	TIMED("from nothing", balancer_commit(b, true));
	for (i = 0; i < crowd.n; i += 37)
		check_service(i);
	crowd.h[5]->slice[0].ep[9].addr.w[3] = htonl(0x0b000000);
	crowd.again = &crowd.h[5]->s;
	TIMED("one endpoint", balancer_commit(b, true));
	check_service(5);
	TIMED("nothing wrong", balancer_repair(b, true));
	last = front_of(crowd.n - 1).svc;
	balancer_free(b);
	assert_int_equal(balancer_new(&ops, NULL, &t, &b), 0);
	assert_int_equal(balancer_set_node(b, "node1", NULL), 0);
	TIMED("restart", balancer_commit(b, true));
	assert_int_equal(front_of(crowd.n - 1).svc, last);
	assert_int_equal(balancer_repair(b, true), 0);
	for (i = 0; i < crowd.n; i++)
		crowd.h[i]->s.obj = NULL;
	mark_all(NULL);
	TIMED("all gone", balancer_commit(b, true));
	balancer_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(maps, setup, teardown),
	};

	return unit_run(tests, dataplane_setup, NULL);
}
