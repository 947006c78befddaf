// SPDX-License-Identifier: GPL-2.0
/*
 * Random clusters change again and again, and after every single write to
 * the tables every endpoint must decide wholly as it did before the commit
 * or wholly as the objects say now, with another generation wherever that
 * makes a difference. Writers die at any write; the next one starts from
 * what it finds. The expected verdicts come from explain_model(), which asks
 * the objects and shares nothing with the compiler.
 *
 * What fails is made smaller and written to cases/; whatever is there is run
 * first. SEED=n runs one cluster, CLUSTERS=n so many of each kind, CASE=file
 * one that was kept.
 * selftest: timeout=300
 */
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "unit.h"
#include "memtables.h"
#include "policycase.h"

#define CLUSTERS	20
#define STEPS		12
#define SHRINK_S	300
#define CASES		"selftests/unit/cases"

/* What went wrong; a smaller case has to fail in the same way. */
enum fault {
	FAULT_NONE,
	FAULT_AMID,			/* neither old nor new between two writes */
	FAULT_GENERATION,
	FAULT_END,			/* not what the objects say */
	FAULT_REASON,			/* that, but by somebody who does not say so */
	FAULT_UNTIDY,
	FAULT_PURE,
	FAULT_STILL,
	FAULT_ERROR,			/* something that works did not */
	FAULT_DIED,			/* by a signal, or by a sanitizer's exit */
};

struct watch {
	struct memtables *m;
	bool local[WORLD_LOCAL + 1];	/* by endpoint id: attached */
	union sl_addr peer[WORLD_PEERS];
	struct row old[WORLD_LOCAL + 1], new[WORLD_LOCAL + 1];
	__u64 word[WORLD_LOCAL + 1];	/* before the commit */
	bool on;
	unsigned long looked;
	unsigned int step;		/* operation of the script */
	enum fault kind;
	char fault[320];
};

/* The first one is kept: what comes after it may be its consequence. */
__attribute__((format(printf, 3, 4)))
static void fault(struct watch *w, enum fault kind, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->kind)
		return;
	w->kind = kind;
	n = snprintf(w->fault, sizeof(w->fault), "operation %u: ", w->step);
	va_start(ap, fmt);
	vsnprintf(w->fault + n, sizeof(w->fault) - n, fmt, ap);
	va_end(ap);
}

/* @what should have returned 0. */
static void expect_0(struct watch *w, enum fault kind, const char *what, long got)
{
	if (got)
		fault(w, kind, "%s: %ld", what, got);
}

static __u32 ep_with(const struct watch *w, const union sl_addr *a)
{
	union sl_addr addr[__SL_FAMILY_MAX];
	int i;

	for (i = 0; i < WORLD_LOCAL; i++) {
		pod_addr(i, addr);
		if (w->local[i + 1] && (!memcmp(a, &addr[0], sizeof(*a)) ||
					!memcmp(a, &addr[1], sizeof(*a))))
			return i + 1;
	}
	return 0;
}

/* As the pipeline looks it up, closed endpoints included. */
static void row_from_tables(const struct watch *w, __u32 ep, struct row *out)
{
	const struct tables *t = &w->m->t;
	__u64 word = w->m->eps[ep].policy;
	struct tables_verdict v;
	struct tables_flow flow;
	unsigned int i, k;
	__u32 class_id;
	int dir;

	memset(out, 0, sizeof(*out));
	if (!word_open(word))
		return;
	for (i = 0; i < WORLD_PEERS; i++) {
		tables_class(t, &w->peer[i], ep_with(w, &w->peer[i]), word & SL_EP_COLUMN_MASK,
			     &class_id);
		for (dir = 0; dir < __SL_DIR_MAX; dir++) {
			for (k = 0; k < WORLD_ASKS; k++) {
				flow = (struct tables_flow){ dir, world_asks[k].proto,
							     world_asks[k].port };
				tables_judge(t, ep, class_id, &flow, &v);
				out->v[dir][i][k] = v.verdict;
			}
		}
	}
}

static void row_from_model(const struct policy *pol, const struct watch *w, __u32 ep,
			   struct row *out)
{
	union sl_addr addr[__SL_FAMILY_MAX];
	struct party self, peer;
	struct tables_flow flow;
	struct explained e;
	unsigned int i, k;
	int dir;

	memset(out, 0, sizeof(*out));
	pod_addr(ep - 1, addr);
	for (i = 0; i < WORLD_PEERS; i++) {
		party_of(pol, &addr[0], &self);
		party_of(pol, &w->peer[i], &peer);
		for (dir = 0; dir < __SL_DIR_MAX; dir++) {
			for (k = 0; k < WORLD_ASKS; k++) {
				flow = (struct tables_flow){ dir, world_asks[k].proto,
							     world_asks[k].port };
				explain_model(pol, &self, &peer, &flow, &e);
				out->v[dir][i][k] = e.verdict;
			}
		}
	}
}

static bool same(const struct row *a, const struct row *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/*
 * What is said of an endpoint that was closed before the commit matters to
 * nobody while it opens: it refuses everything itself, and has no flows.
 */
static bool same_seen(const struct watch *w, const struct row *a, const struct row *b)
{
	unsigned int i;
	__u32 peer;
	int dir;

	for (i = 0; i < WORLD_PEERS; i++) {
		peer = ep_with(w, &w->peer[i]);
		if (peer && !word_open(w->word[peer]))
			continue;
		for (dir = 0; dir < __SL_DIR_MAX; dir++)
			if (memcmp(a->v[dir][i], b->v[dir][i], sizeof(a->v[dir][i])))
				return false;
	}
	return true;
}

static void where(const struct row *a, const struct row *b, const struct watch *w, char *buf,
		  size_t len)
{
	char addr[SLUICE_ADDR_STRLEN];
	unsigned int i, k;
	int dir;

	buf[0] = '\0';
	for (dir = 0; dir < __SL_DIR_MAX; dir++)
		for (i = 0; i < WORLD_PEERS; i++)
			for (k = 0; k < WORLD_ASKS; k++)
				if (a->v[dir][i][k] != b->v[dir][i][k])
					snprintf(buf, len, "%s %s %u/%u says %d", dir_name(dir),
						 sluice_addr_format(&w->peer[i], addr),
						 world_asks[k].proto, world_asks[k].port,
						 a->v[dir][i][k]);
}

/* After each write. */
static void look(void *arg)
{
	struct watch *w = arg;
	struct row now;
	char at[128];
	__u32 ep;

	if (!w->on || w->kind)
		return;
	w->looked++;
	for (ep = 1; ep <= WORLD_LOCAL; ep++) {
		if (!w->local[ep])
			continue;
		row_from_tables(w, ep, &now);
		if (!same_seen(w, &now, &w->old[ep]) && !same_seen(w, &now, &w->new[ep])) {
			where(&now, &w->new[ep], w, at, sizeof(at));
			fault(w, FAULT_AMID, "write %lu: endpoint %u is neither old nor new: %s",
			      w->m->writes, ep, at);
		} else if (!same_seen(w, &now, &w->old[ep]) && word_open(w->word[ep]) &&
			   !((w->word[ep] ^ w->m->eps[ep].policy) &
			     ((__u64)SL_EP_GEN_MASK << SL_EP_GEN_SHIFT))) {
			where(&now, &w->old[ep], w, at, sizeof(at));
			fault(w, FAULT_GENERATION,
			      "write %lu: endpoint %u changed and kept its generation: word %llx was %llx: %s",
			      w->m->writes, ep, (unsigned long long)w->m->eps[ep].policy,
			      (unsigned long long)w->word[ep], at);
		}
	}
}

static struct policy *new_policy(struct watch *w)
{
	struct policy *pol;
	int i;

	if (policy_new_on(&w->m->t, "here", &pol))
		abort();
	for (i = 0; i < WORLD_LOCAL; i++)
		if (w->local[i + 1])
			expect_0(w, FAULT_ERROR, "endpoint", world_add_endpoint(pol, i));
	return pol;
}

static void begin(struct watch *w, struct policy *pol)
{
	__u32 ep;

	for (ep = 1; ep <= WORLD_LOCAL; ep++) {
		w->word[ep] = w->m->eps[ep].policy;
		row_from_tables(w, ep, &w->old[ep]);
		if (w->local[ep])
			row_from_model(pol, w, ep, &w->new[ep]);
	}
	w->on = true;
}

static void check_done(struct watch *w, int err)
{
	struct row now;
	char at[128];
	__u32 ep;

	w->on = false;
	expect_0(w, FAULT_ERROR, "commit", err);
	for (ep = 1; ep <= WORLD_LOCAL; ep++) {
		if (!w->local[ep])
			continue;
		row_from_tables(w, ep, &now);
		if (same(&now, &w->new[ep]))
			continue;
		where(&now, &w->new[ep], w, at, sizeof(at));
		fault(w, FAULT_END, "endpoint %u is not what the objects say: %s", ep, at);
	}
}

/*
 * Explains a connection picked at random between an endpoint and any address; NULL: the
 * endpoint is not attached.
 */
static json_t *explain_any(struct watch *w, struct world *rnd, struct policy *pol)
{
	unsigned int ep = 1 + world_rand(rnd, WORLD_LOCAL), in = world_rand(rnd, 2);
	unsigned int peer = world_rand(rnd, WORLD_PEERS), ask = world_rand(rnd, WORLD_ASKS);
	char self[SLUICE_ADDR_STRLEN], other[SLUICE_ADDR_STRLEN];
	union sl_addr addr[__SL_FAMILY_MAX];
	struct diag diag;
	json_t *j = NULL;

	if (!w->local[ep])
		return NULL;
	pod_addr(ep - 1, addr);
	sluice_addr_format(&addr[sluice_addr_is_v4(&w->peer[peer]) ? 0 : 1], self);
	sluice_addr_format(&w->peer[peer], other);
	expect_0(w, FAULT_ERROR, "explain",
		 policy_explain_json(pol, in ? other : self, in ? self : other,
				     world_asks[ask].proto, world_asks[ask].port, &j, &diag));
	return j;
}

/* Objects and tables agree on who has decided, too. */
static void check_reasons(struct watch *w, struct policy *pol)
{
	struct world rnd = { .seed = w->step };
	char *text;
	json_t *j;
	int i;

	for (i = 0; i < 40; i++) {
		j = explain_any(w, &rnd, pol);
		if (j && !json_is_true(json_object_get(j, "agree"))) {
			text = json_dumps(j, JSON_COMPACT);
			fault(w, FAULT_REASON, "the tables have another reason: %s", text);
			free(text);
		}
		json_decref(j);
	}
}

/* Nothing that nobody points to stays behind: the tables are the plan. */
static void check_tidy(struct watch *w, const struct policy *pol)
{
	const struct plan *p = &pol->compiler.plan;
	const struct sl_class_val *val;
	const void *key;
	size_t pos = 0;
	void *v;

	if (w->m->rule.count != p->rule.count || w->m->port.count != p->port.count ||
	    w->m->class.t.count != p->class.t.count)
		fault(w, FAULT_UNTIDY, "%zu rules, %zu ports, %zu classes are not %zu, %zu, %zu",
		      (size_t)w->m->rule.count, (size_t)w->m->port.count,
		      (size_t)w->m->class.t.count, (size_t)p->rule.count,
		      (size_t)p->port.count, (size_t)p->class.t.count);
	while (btab_walk(&w->m->class.t, &pos, &key, &v)) {
		val = v;
		if (val->class_id[0] != val->class_id[1])
			fault(w, FAULT_UNTIDY, "classes %u and %u of one prefix",
			      val->class_id[0], val->class_id[1]);
	}
}

/* What was worked out piece by piece is what comes out of nothing. */
static void check_pure(struct watch *w, const struct world *world, const struct policy *pol)
{
	struct policy *fresh;
	json_t *a, *b;
	int i;

	if (hash_id_mask != UINT32_MAX)
		return;			/* who of two gets the id is chance */
	if (policy_new_on(NULL, "here", &fresh))
		abort();
	for (i = 0; i < WORLD_LOCAL; i++)
		if (w->local[i + 1])
			world_add_endpoint(fresh, i);
	expect_0(w, FAULT_ERROR, "objects", world_apply(world, fresh));
	expect_0(w, FAULT_ERROR, "commit", policy_commit(fresh));
	a = plan_json(&pol->compiler.plan);
	b = plan_json(&fresh->compiler.plan);
	if (!json_equal(a, b))
		fault(w, FAULT_PURE, "the plan depends on how it came about");
	json_decref(a);
	json_decref(b);
	policy_free(fresh);
}

/* A commit without a change writes nothing, nor does one after a restart. */
static void check_still(struct watch *w, const struct world *world, struct policy **pol)
{
	unsigned long before = w->m->writes;

	expect_0(w, FAULT_STILL, "commit", policy_commit(*pol));
	expect_0(w, FAULT_STILL, "writes of a commit", w->m->writes - before);
	expect_0(w, FAULT_STILL, "differences", policy_reconcile(*pol));
	if (hash_id_mask != UINT32_MAX)
		return;
	policy_free(*pol);
	*pol = new_policy(w);
	expect_0(w, FAULT_ERROR, "objects", world_apply(world, *pol));
	expect_0(w, FAULT_STILL, "commit", policy_commit(*pol));
	expect_0(w, FAULT_STILL, "writes after a restart", w->m->writes - before);
}

/* Comes or goes, before or after its pod. */
static void turn_endpoint(struct watch *w, struct policy *pol, unsigned int pod)
{
	if (w->local[pod + 1]) {
		policy_endpoint_del(pol, pod + 1);
		w->m->eps[pod + 1].flags = 0;
	} else {
		w->m->eps[pod + 1] = (struct sl_ep){ .policy = SL_EP_POLICY_CLOSED,
						     .flags = SL_EP_FLAG_USED };
		expect_0(w, FAULT_ERROR, "endpoint", world_add_endpoint(pol, pod));
	}
	w->local[pod + 1] = !w->local[pod + 1];
}

static struct watch *new_watch(void)
{
	struct watch *w = calloc(1, sizeof(*w));
	unsigned int i;

	w->m = mem_new();
	w->m->look = look;
	w->m->arg = w;
	for (i = 0; i < WORLD_PEERS; i++)
		world_peer(i, &w->peer[i]);
	for (i = 1; i <= WORLD_LOCAL; i++) {
		w->local[i] = true;
		w->m->eps[i] = (struct sl_ep){ .policy = SL_EP_POLICY_CLOSED,
					       .flags = SL_EP_FLAG_USED };
	}
	return w;
}

/* The writer dies at some write; another one finds what it left. */
static void die(struct watch *w, struct policy **pol, unsigned int at)
{
	w->m->die_at = at;
	policy_commit(*pol);
	policy_free(*pol);
	w->m->dead = false;
	w->m->die_at = -1;
	w->on = false;
	*pol = new_policy(w);
}

static void carry_out(struct watch *w, struct world *world, struct policy **pol,
		      const struct op *op)
{
	if (op->kind == OP_OBJECT || op->kind == OP_GONE) {
		world_do(world, op);
	} else if (op->kind == OP_ENDPOINT) {
		turn_endpoint(w, *pol, op->n);
	} else if (op->kind == OP_STILL) {
		check_still(w, world, pol);
	} else {
		expect_0(w, FAULT_ERROR, "objects", world_apply(world, *pol));
		begin(w, *pol);
		if (op->kind == OP_DIE) {
			die(w, pol, op->n);
			return;
		}
		check_done(w, policy_commit(*pol));
		check_tidy(w, *pol);
		check_reasons(w, *pol);
		check_pure(w, world, *pol);
	}
}

/* What is left of objects and endpoints that were not committed is nobody's concern. */
static bool settled(const struct script *s, size_t i)
{
	return i && (s->op[i - 1].kind == OP_COMMIT || s->op[i - 1].kind == OP_STILL);
}

struct outcome {
	enum fault kind;
	unsigned long looked;
	char text[320];
};

static void run_here(const struct script *s, struct outcome *out)
{
	struct watch *w = new_watch();
	struct world world = { 0 };
	struct policy *pol;

	hash_id_mask = s->mask;
	pol = new_policy(w);
	for (w->step = 0; w->step < s->n && !w->kind; w->step++)
		if (s->op[w->step].kind != OP_STILL || settled(s, w->step))
			carry_out(w, &world, &pol, &s->op[w->step]);
	*out = (struct outcome){ .kind = w->kind, .looked = w->looked };
	snprintf(out->text, sizeof(out->text), "%s", w->fault);
	policy_free(pol);
	world_exit(&world);
	mem_free(w->m);
	free(w);
}

/* cmocka's handlers would go on with the next test, in the child. */
static void die_of_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
}

/* In a child: also one that crashes is a case. */
static void run_script(const struct script *s, struct outcome *out)
{
	int fd[2], status = 0;
	ssize_t got;
	pid_t pid;

	fflush(NULL);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fd[0]);
		die_of_signals();
		run_here(s, out);
		exit(write(fd[1], out, sizeof(*out)) != sizeof(*out));
	}
	close(fd[1]);
	got = read(fd[0], out, sizeof(*out));
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (got == sizeof(*out) && !status)
		return;
	*out = (struct outcome){ .kind = FAULT_DIED };
	snprintf(out->text, sizeof(out->text), "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ------------------------------------------------------------------ smaller */

struct shrinking {
	struct outcome last;		/* of the smallest so far */
	time_t until;
};

static bool still_fails(void *arg, const struct script *s)
{
	struct shrinking *sh = arg;
	struct outcome out;

	if (time(NULL) > sh->until)
		return false;
	run_script(s, &out);
	if (out.kind != sh->last.kind)
		return false;
	sh->last = out;
	return true;
}

/* Makes a case smaller and keeps it as @name. */
static void keep(struct script *s, const struct outcome *found, const char *name)
{
	struct shrinking sh = { .last = *found, .until = time(NULL) + SHRINK_S };
	const char *top = getenv("SLUICE_TOP");
	char path[512];
	FILE *f;

	script_shrink(s, still_fails, &sh);
	snprintf(path, sizeof(path), "%s/" CASES "/%s.case", top ? top : ".", name);
	f = fopen(path, "w");
	if (!f) {
		printf("# %s: %s\n", path, strerror(errno));
		script_write(s, sh.last.text, stdout);
		return;
	}
	script_write(s, sh.last.text, f);
	fclose(f);
	printf("# %zu operations are enough: %s; kept in %s\n", s->n, sh.last.text, path);
}

/* ------------------------------------------------------------------- random */

/* Deaths of writers; perhaps with new objects after each. */
static void add_deaths(struct script *s, struct world *known, struct world *world)
{
	unsigned int deaths = 1 + world_rand(world, 2);

	while (deaths--) {
		script_add(s, (struct op){ .kind = OP_DIE, .n = world_rand(world, 60) });
		if (world_odds(world, 50))
			world_mutate(world);
		script_sync(s, known, world);
	}
}

static void make_script(struct script *s, unsigned int seed, bool crashes)
{
	struct world world, known = { 0 };
	unsigned int step, i;

	world_init(&world, seed);
	for (step = 0; step < STEPS; step++) {
		if (step)
			world_mutate(&world);
		for (i = 0; i < WORLD_LOCAL; i++)
			if (world_odds(&world, 10))
				script_add(s, (struct op){ .kind = OP_ENDPOINT, .n = i });
		script_sync(s, &known, &world);
		if (crashes && world_odds(&world, 50))
			add_deaths(s, &known, &world);
		script_add(s, (struct op){ .kind = OP_COMMIT });
		if (world_odds(&world, 30))
			script_add(s, (struct op){ .kind = OP_STILL });
	}
	world_exit(&known);
	world_exit(&world);
}

static unsigned long run_cluster(unsigned int seed, bool crashes, uint32_t mask)
{
	struct script s = { .mask = mask };
	struct outcome out;
	char name[64];

	make_script(&s, seed, crashes);
	run_script(&s, &out);
	if (out.kind) {
		printf("# seed %u: %s\n", seed, out.text);
		snprintf(name, sizeof(name), "seed-%u-%x", seed, mask);
		keep(&s, &out, name);
		script_exit(&s);
		fail_msg("seed %u: %s", seed, out.text);
	}
	script_exit(&s);
	return out.looked;
}

static void run_all(bool crashes, uint32_t mask, unsigned int from)
{
	const char *one = getenv("SEED"), *many = getenv("CLUSTERS");
	unsigned int i, n = many ? atoi(many) : CLUSTERS;
	unsigned long looked = 0;

	if (one) {
		from = atoi(one);
		n = 1;
	}
	for (i = 0; i < n; i++)
		looked += run_cluster(from + i, crashes, mask);
	printf("# seeds %u to %u, %lu writes looked at\n", from, from + n - 1, looked);
	assert_true(looked > 0);
}

static void every_write_is_old_or_new(void **state)
{
	(void)state;
	run_all(false, UINT32_MAX, 1);
}

static void a_writer_may_die_at_any_write(void **state)
{
	(void)state;
	run_all(true, UINT32_MAX, 1000);
}

/* With ids of a few bits everything collides, within a run and across restarts. */
static void ids_may_collide(void **state)
{
	(void)state;
	run_all(true, 0x1f, 2000);
	run_all(true, 0x3, 3000);
}

static void run_file(const char *path)
{
	struct script s;
	struct outcome out;
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	if (script_read(&s, f))
		fail_msg("%s: operation %zu is none", path, s.n);
	fclose(f);
	assert_true(s.n > 0);
	run_script(&s, &out);
	script_exit(&s);
	if (out.kind)
		fail_msg("%s: %s", path, out.text);
	assert_true(out.looked > 0);
}

static void what_failed_once_stays_right(void **state)
{
	const char *top = getenv("SLUICE_TOP"), *one = getenv("CASE");
	char pattern[512];
	glob_t found;
	size_t i;

	(void)state;
	if (one) {
		run_file(one);
		return;
	}
	snprintf(pattern, sizeof(pattern), "%s/" CASES "/*.case", top ? top : ".");
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++)
		run_file(found.gl_pathv[i]);
	printf("# %zu cases\n", found.gl_pathc);
	globfree(&found);
}

/* Fails if some object has been put that is of @arg's kind: a fault for the next test to find. */
static bool has_cnp_with_deny(void *arg, const struct script *s)
{
	size_t i;

	(*(unsigned int *)arg)++;
	for (i = 0; i < s->n; i++)
		if (s->op[i].kind == OP_OBJECT && s->op[i].slot == SLOT_CNP &&
		    strstr(s->op[i].text, "Deny"))
			return true;
	return false;
}

/* A case gets small, stays a case, and is the same after it was in a file. */
static void cases_get_smaller(void **state)
{
	struct script s = { .mask = 0x1f }, again;
	unsigned int tries = 0;
	FILE *f = tmpfile();

	(void)state;
	make_script(&s, 1, true);
	assert_true(s.n > 50);
	assert_true(has_cnp_with_deny(&tries, &s));
	script_shrink(&s, has_cnp_with_deny, &tries);
	assert_int_equal(s.n, 1);
	assert_true(has_cnp_with_deny(&tries, &s));
	script_write(&s, "a test", f);
	rewind(f);
	assert_int_equal(script_read(&again, f), 0);
	fclose(f);
	assert_int_equal(again.mask, 0x1f);
	assert_int_equal(again.n, 1);
	assert_int_equal(again.op[0].n, s.op[0].n);
	assert_string_equal(again.op[0].text, s.op[0].text);
	assert_null(strstr(s.op[0].text, "Pass"));
	script_exit(&s);
	script_exit(&again);
}

static const char *verdict_of(const json_t *j, const char *side)
{
	return json_string_value(json_object_get(json_object_get(j, side), "verdict"));
}

/* Right verdicts for wrong reasons: explain says that it does not agree. */
static void an_entry_that_names_another_is_told(void **state)
{
	struct watch *w = new_watch();
	unsigned int i, told = 0;
	struct sl_rule_val *val;
	struct policy *pol;
	struct world world;
	const void *key;
	size_t pos = 0;
	void *v;
	json_t *j;

	(void)state;
	world_init(&world, 1);
	pol = new_policy(w);
	assert_int_equal(world_apply(&world, pol), 0);
	assert_int_equal(policy_commit(pol), 0);
	check_reasons(w, pol);
	assert_int_equal(w->kind, FAULT_NONE);
	while (btab_walk(&w->m->rule, &pos, &key, &v)) {
		val = v;
		val->rule += !!val->rule;
		val->deny += !!val->deny;
	}
	for (i = 0; i < 400; i++) {
		j = explain_any(w, &world, pol);
		if (json_is_false(json_object_get(j, "agree"))) {
			assert_string_equal(verdict_of(j, "model"), verdict_of(j, "kernel"));
			told++;
		}
		json_decref(j);
	}
	assert_true(told > 0);
	policy_free(pol);
	world_exit(&world);
	mem_free(w->m);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_get_smaller),
		cmocka_unit_test(what_failed_once_stays_right),
		cmocka_unit_test(every_write_is_old_or_new),
		cmocka_unit_test(a_writer_may_die_at_any_write),
		cmocka_unit_test(ids_may_collide),
		cmocka_unit_test(an_entry_that_names_another_is_told),
	};

	return unit_run(tests, NULL, NULL);
}
