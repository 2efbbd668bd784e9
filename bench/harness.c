// SPDX-License-Identifier: GPL-2.0-only
/* The harness: verification, counting, timing, rows. */
#include "harness.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ledger.h"
#include "load.h"
#include "progress.h"

/* Largest integer that a double holds with all below it. */
#define MAX_EXACT 9007199254740992.0

/*
 * A case on its way to its row. @ctx is that of the phase, NULL between them;
 * @live is what the arena held before it; @perf_warning says why there are no
 * perf events, NULL if there are.
 */
struct row {
	const struct harness_cfg *cfg;
	const struct bench_case *c;
	void *ctx;
	u64 live;
	struct bench_counts counts;
	double count_ns;
	struct measure m;
	const char *outcome;
	const char *warning;
	const char *perf_warning;
	char error[sizeof(struct iopt_err) + 16];
	bool is_interrupted;
	bool is_skipped;
};

static bool is_stopped(const struct harness_cfg *cfg)
{
	return cfg->measure.stop && *cfg->measure.stop;
}

static bool is_counted(const struct row *row)
{
	return row->cfg->is_count_only || !row->c->family->run;
}

static u64 live_bytes(const struct row *row)
{
	const struct arena *arena = row->cfg->env->arena;

	return arena ? arena_stats(arena).live_bytes : 0;
}

/* The first failure is the one that a reader needs. */
static void __attribute__((format(printf, 3, 4)))
row_fail(struct row *row, int ret, const char *fmt, ...)
{
	va_list ap;

	if (ret == -EINTR)
		row->is_interrupted = true;
	if (row->error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(row->error, sizeof(row->error), fmt, ap);
	va_end(ap);
}

/* Of a long case: what it is at. */
static void row_say(const struct row *row, const char *doing)
{
	if (row->c->is_long)
		progress_say(row->cfg->env->progress, "%s", doing);
}

static int row_setup(struct row *row, enum bench_phase phase)
{
	struct iopt_err err = { "" };
	int ret;

	row->live = live_bytes(row);
	ret = row->c->family->setup(row->cfg->env, row->c, phase, &row->ctx,
				    &err);
	if (ret == -ECANCELED) {
		row->is_skipped = true;
		row_fail(row, ret, "%s", err.msg);
	} else if (ret) {
		row_fail(row, ret, "verify: setup: %s", err.msg);
	}
	return ret;
}

static void row_teardown(struct row *row)
{
	u64 live;

	if (!row->ctx)
		return;
	row->c->family->teardown(row->ctx);
	row->ctx = NULL;
	live = live_bytes(row);
	if (live != row->live)
		row_fail(row, -EINVAL,
			 "verify: %lld bytes of tables were not freed",
			 (long long)(live - row->live));
}

static void row_verify(struct row *row)
{
	struct iopt_err err = { "" };
	int ret;

	if (row_setup(row, BENCH_VERIFY))
		return;
	ret = row->c->family->verify(row->ctx, &err);
	if (ret)
		row_fail(row, ret, "verify: %s", err.msg);
	row_teardown(row);
}

/* Every exact counter is a whole number; nothing else is exact. */
static void row_check_counts(struct row *row)
{
	if (row->counts.nr_lost)
		row_fail(row, -EINVAL, "verify: more than %d counters",
			 BENCH_MAX_COUNTERS);
	for (size_t i = 0; i < row->counts.nr; i++) {
		const char *name = row->counts.entries[i].name;
		double v = row->counts.entries[i].value;
		const struct bench_counter *decl =
			bench_counter_find(row->c->family, name);

		if (!decl)
			row_fail(row, -EINVAL,
				 "verify: counter %s is not declared", name);
		else if (!isfinite(v))
			row_fail(row, -EINVAL,
				 "verify: counter %s is %g, not finite", name,
				 v);
		else if (decl->is_exact &&
			 (v < 0 || v > MAX_EXACT || floor(v) != v))
			row_fail(row, -EINVAL,
				 "verify: exact counter %s is %g, not a whole "
				 "number",
				 name, v);
	}
}

static void row_count(struct row *row)
{
	const struct host_clock *clock = row->cfg->env->clock;
	struct iopt_err err = { "" };
	u64 start;
	int ret;

	if (row_setup(row, BENCH_COUNT))
		return;
	row_say(row, row->cfg->env->profile ? "pricing" : "counting");
	start = host_clock_ns(clock);
	ret = row->c->family->count(row->ctx, &row->counts, &err);
	row->count_ns = (double)(host_clock_ns(clock) - start);
	if (ret)
		row_fail(row, ret, "verify: count: %s", err.msg);
	row_teardown(row);
	row_check_counts(row);
}

/* Counters and label; only a row that did not fail has them. */
static void row_write(struct row *row, struct gb_state *state)
{
	const struct measure *m = &row->m;
	char label[96];
	char warn[64] = "";

	for (size_t i = 0; i < row->counts.nr; i++)
		if (gb_counter_set(state, row->counts.entries[i].name,
				   row->counts.entries[i].value))
			row_fail(row, -EINVAL,
				 "verify: counter %s = %g is refused or there "
				 "twice",
				 row->counts.entries[i].name,
				 row->counts.entries[i].value);
	if (!is_counted(row)) {
		if (row->warning)
			snprintf(warn, 32, ",%s", row->warning);
		if (!m->is_long && !measure_is_proven(m->n2n_ratio))
			strcat(warn, ",n2n");
		if (m->is_short)
			strcat(warn, ",short");
		if (row->perf_warning)
			snprintf(warn + strlen(warn), 24, ",%s",
				 row->perf_warning);
	}
	if (is_counted(row))
		snprintf(label, sizeof(label), "counted");
	else
		snprintf(label, sizeof(label), "%s%s%s", row->outcome,
			 warn[0] ? ";warn=" : "", warn[0] ? warn + 1 : "");
	if (gb_label_set(state, label))
		row_fail(row, -ENOMEM, "verify: no memory for the label");
}

/* What perf counted in all sections, for one operation. */
static void row_perf(struct row *row, u64 nr_ops)
{
	struct host_perf *perf = row->cfg->measure.perf;
	struct host_perf_counts counts;
	int ret;

	if (!perf)
		return;
	ret = host_perf_read(perf, &counts);
	if (ret) {
		row->perf_warning =
			ret == -EBUSY ? "multiplexed" : "perf-failed";
		return;
	}
	for (int e = 0; e < HOST_PERF_NR_EVENTS; e++)
		if (counts.has[e])
			bench_count(&row->counts, host_perf_name(e),
				    (double)counts.value[e] / (double)nr_ops);
}

/* What the CPU that this thread is on did since boot, if that is told. */
struct whereabouts {
	int cpu;
	bool is_told;
	struct cpu_ticks ticks;
};

static struct whereabouts look_up(void)
{
	struct whereabouts w = { .cpu = sched_getcpu() };

	w.is_told = w.cpu >= 0 &&
		    host_ticks_of(NULL, (unsigned int)w.cpu, &w.ticks);
	return w;
}

/* What the hypervisor took meanwhile; of two CPUs it would mean nothing. */
static void row_steal(struct row *row, const struct whereabouts *before)
{
	const struct whereabouts after = look_up();
	const long hz = sysconf(_SC_CLK_TCK);

	if (hz > 0 && before->is_told && after.is_told &&
	    before->cpu == after.cpu)
		bench_count(&row->counts, "steal_ms",
			    (double)host_stolen_ticks(&before->ticks,
						      &after.ticks) *
				    1000 / (double)hz);
}

/*
 * A section of a case, between two of which others may measure. A long case
 * goes to its end: it may need the memory of the whole machine, which they then
 * find free again.
 */
static int row_section(const struct row *row, struct gb_state *state, u64 n,
		       u64 i, double *min_ns, struct iopt_err *err)
{
	const struct measure *m = &row->m;
	struct turns *turns = m->is_long ? NULL : row->cfg->measure.turns;
	bool is_last = i + 1 == m->nr_blocks;
	struct measure_section s;
	double ns;
	int ret = i ? turns_pass_if_due(turns, row->c->name, err) :
		      turns_pass(turns, NULL, err);

	if (!ret)
		ret = measure_section(m, n, is_last, &s, err);
	if (ret)
		return ret;
	ns = m->is_long || m->family->times_cpu ? s.cpu_ns : s.wall_ns;
	*min_ns = fmin(*min_ns, ns / (double)n);
	turns_measured(turns, ns / (double)n);
	ret = gb_time_add(state, ns);
	if (!ret)
		ret = gb_cpu_time_add(state, s.cpu_ns);
	return ret || !is_last ? ret : turns_pass(turns, row->c->name, err);
}

/* All sections of a case; also when one fails the library's loop must end. */
static void row_sections(struct row *row, struct gb_state *state)
{
	struct measure *m = &row->m;
	struct iopt_err err = { "" };
	double min_ns = INFINITY;
	struct whereabouts before;
	u64 i, n;

	if (m->family->start)
		m->family->start(m->ctx);
	if (row->cfg->measure.perf)
		host_perf_reset(row->cfg->measure.perf);
	before = look_up();
	for (i = 0; (n = gb_next_batch(state, m->n)); i++) {
		int ret = row_section(row, state, n, i, &min_ns, &err);

		if (ret) {
			row_fail(row, ret, "verify: %s", err.msg);
			return;
		}
	}
	row_steal(row, &before);
	row_perf(row, m->n * m->nr_blocks);
	bench_count(&row->counts, "block_min_ns", min_ns);
	bench_count(&row->counts, "block_n", (double)m->n);
	bench_count(&row->counts, "blocks", (double)m->nr_blocks);
	if (m->n2n_ratio > 0)
		bench_count(&row->counts, "n2n_ratio", m->n2n_ratio);
	row_say(row, "after the sections");
	if (m->family->report)
		m->family->report(m->ctx, &row->counts);
	if (m->family->outcome)
		row->outcome = m->family->outcome(m->ctx);
	if (m->family->warning)
		row->warning = m->family->warning(m->ctx);
	row_check_counts(row);
}

static void row_end(struct row *row, struct gb_state *state)
{
	if (!row->error[0])
		row_write(row, state);
	if (row->is_interrupted)
		gb_drop(state);
	else if (row->is_skipped)
		gb_skip(state, row->error);
	else if (row->error[0])
		gb_error(state, row->error);
}

static void counted_row(struct gb_state *state, void *arg)
{
	struct row *row = arg;

	while (!row->error[0] && gb_next_batch(state, 1))
		gb_time_add(state, fmax(row->count_ns, 1));
	row_end(row, state);
}

static void skipped_row(struct gb_state *state, void *arg)
{
	struct row *row = arg;

	gb_skip(state, row->c->skip);
}

/* Teardown comes before the row is written: a leak makes it an error. */
static void timed_row(struct gb_state *state, void *arg)
{
	struct row *row = arg;

	if (!row->error[0])
		row_sections(row, state);
	row_teardown(row);
	row_end(row, state);
}

static int row_register(struct row *row, struct gb *gb, gb_fn *fn,
			u64 nr_iterations, struct iopt_err *err)
{
	struct gb_bench bench = {
		.name = row->c->name,
		.fn = fn,
		.arg = row,
		.nr_iterations = nr_iterations,
		.has_manual_time = true,
	};
	int ret = gb_register(gb, &bench, err);

	return ret ? ret : gb_run(gb, NULL, NULL, err);
}

/* Sections as the plan has them, or as the case turns out to need. */
static int row_plan(struct row *row, struct iopt_err *err)
{
	const struct plan *plan = row->cfg->plan;
	const struct plan_entry *e =
		plan ? plan_find(plan, row->c->name) : NULL;

	if (!e || !e->n)
		return measure_plan(&row->m, err);
	row->m.n = e->n;
	row->m.nr_blocks = e->nr_blocks;
	return measure_fixed(&row->m, err);
}

static int row_time(struct row *row, struct gb *gb, struct iopt_err *err)
{
	struct iopt_err why = { "" };
	struct measure *m = &row->m;
	int ret;

	*m = (struct measure){ .cfg = &row->cfg->measure,
			       .family = row->c->family,
			       .is_long = row->c->is_long,
			       .n = 1,
			       .nr_blocks = 1 };
	if (!row->error[0] && !row_setup(row, BENCH_TIME)) {
		m->ctx = row->ctx;
		row_say(row, "timing");
		ret = row_plan(row, &why);
		if (ret)
			row_fail(row, ret, "verify: %s", why.msg);
	}
	ret = row_register(row, gb, timed_row, m->n * m->nr_blocks, err);
	row_teardown(row);
	return ret;
}

static int row_run(struct row *row, struct gb *gb, struct iopt_err *err)
{
	if (row->c->skip[0])
		return row_register(row, gb, skipped_row, 1, err);
	row_verify(row);
	if (!row->error[0])
		row_count(row);
	if (is_counted(row))
		return row_register(row, gb, counted_row, 1, err);
	return row_time(row, gb, err);
}

static void result_add(struct harness_result *result, const struct row *row)
{
	if (row->is_interrupted)
		return;
	if (row->c->skip[0] || row->is_skipped) {
		result->nr_skipped++;
	} else if (!row->error[0]) {
		result->nr_ok++;
	} else if (!result->nr_failed++) {
		snprintf(result->first_failure, sizeof(result->first_failure),
			 "%s: %s", row->c->name, row->error);
	}
}

/* What a row of the ledger is made of: its profile and what all rows share. */
struct ledger_part {
	const struct cost_profile *profile;
	void *shared;
	int ret;
	struct iopt_err err;
};

/* One row of the ledger: the case again, through what a profile describes. */
static int row_ledger(const struct harness_cfg *cfg, const struct bench_case *c,
		      const struct ledger_part *part, struct gb *gb,
		      struct harness_result *result, struct iopt_err *err)
{
	const struct cost_profile *profile = part->profile;
	struct bench_env env = *cfg->env;
	struct harness_cfg with_profile = *cfg;
	struct bench_case named = *c;
	struct row row = { .cfg = &with_profile, .c = &named, .outcome = "ok" };
	size_t len = strlen(named.name);
	int ret;

	env.profile = profile;
	env.shared = part->shared;
	with_profile.env = &env;
	if (snprintf(named.name + len, sizeof(named.name) - len, "/tlbi:%s",
		     profile->name) >= (int)(sizeof(named.name) - len))
		return iopt_err_set(err, -EINVAL,
				    "%s: no room for /tlbi:%s in the name",
				    c->name, profile->name);
	if (part->ret)
		row_fail(&row, part->ret, "verify: share: %s", part->err.msg);
	else
		row_count(&row);
	ret = row_register(&row, gb, counted_row, 1, err);
	if (!ret)
		result_add(result, &row);
	return ret;
}

static int rows_ledger(const struct harness_cfg *cfg,
		       const struct bench_case *c, struct gb *gb,
		       struct harness_result *result, struct iopt_err *err)
{
	const struct bench_family *f = c->family;
	struct ledger_part part = { .shared = NULL };
	int ret = 0;

	if (!f->has_ledger || c->skip[0] || !cfg->is_count_only ||
	    !cfg->nr_profiles)
		return 0;
	if (f->share)
		part.ret = f->share(cfg->env, c, &part.shared, &part.err);
	for (size_t i = 0; i < cfg->nr_profiles && !ret; i++) {
		part.profile = &cfg->profiles[i];
		if (!f->takes_profile || f->takes_profile(c, part.profile))
			ret = row_ledger(cfg, c, &part, gb, result, err);
	}
	if (f->share && !part.ret)
		f->unshare(part.shared);
	return ret;
}

int harness_run(const struct harness_cfg *cfg, struct gb *gb,
		struct harness_result *result, struct iopt_err *err)
{
	*result = (struct harness_result){ .nr_ok = 0 };
	for (size_t i = 0; i < cfg->nr_cases; i++) {
		struct row row = { .cfg = cfg,
				   .c = cfg->cases[i],
				   .outcome = "ok" };
		int ret;

		if (is_stopped(cfg))
			return iopt_err_set(err, -EINTR, "interrupted");
		progress_case(cfg->env->progress, i + 1, cfg->nr_cases,
			      row.c->name);
		ret = row_run(&row, gb, err);
		if (ret)
			return ret;
		result_add(result, &row);
		if (!row.is_skipped)
			ret = rows_ledger(cfg, row.c, gb, result, err);
		if (ret)
			return ret;
	}
	return is_stopped(cfg) ? iopt_err_set(err, -EINTR, "interrupted") : 0;
}
