// SPDX-License-Identifier: GPL-2.0-only
/* Timing a case. */
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define MIN_SECTION_NS	20000.0
#define MAX_N		(1ull << 20)
#define MIN_BLOCKS	5
#define MIN_SLOW_BLOCKS 3
#define MAX_BLOCKS	10000
#define NR_PAIRS	9 /* of N and 2N */
#define NR_SLOW_PAIRS	2
#define MAX_TRIES	3 /* at pairs, while noise may hide the ratio */
#define NR_EMPTY_BLOCKS 11
#define NR_EMPTY_BLOCK	100
#define NR_EMPTY	(NR_EMPTY_BLOCKS * NR_EMPTY_BLOCK)
#define TOLERANCE	0.15

/* All that a case may take, as a multiple of its timed part. */
#define MAX_WHOLE 4

double measure_section_ns(const struct host_clock *clock, double overhead_ns)
{
	double ns = MIN_SECTION_NS;

	ns = fmax(ns, 100 * overhead_ns);
	return fmax(ns, 200 * (double)clock->resolution_ns);
}

bool measure_is_proven(double n2n_ratio)
{
	return fabs(n2n_ratio / 2 - 1) <= TOLERANCE;
}

/* CPU time of this thread. Costs a system call. */
static u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

int measure_section(const struct measure *m, u64 n, bool is_last,
		    struct measure_section *section, struct iopt_err *err)
{
	const struct host_clock *clock = m->cfg->clock;
	const struct bench_family *f = m->family;
	u64 begin, cpu, start, end;
	int ret;

	if (m->cfg->stop && *m->cfg->stop)
		return iopt_err_set(err, -EINTR, "interrupted");
	begin = host_clock_ns(clock);
	ret = f->prepare ? f->prepare(m->ctx, n, err) : 0;
	if (ret)
		return ret;
	if (m->cfg->perf)
		host_perf_begin(m->cfg->perf);
	cpu = cpu_ns();
	start = host_clock_ns(clock);
	f->run(m->ctx, n);
	end = host_clock_ns(clock);
	cpu = cpu_ns() - cpu;
	if (m->cfg->perf)
		host_perf_end(m->cfg->perf);
	if (is_last && f->check_after)
		ret = f->check_after(m->ctx, n, err);
	if (!ret && f->finish)
		ret = f->finish(m->ctx, n, err);
	if (ret)
		return ret;
	section->wall_ns = (double)(end - start);
	section->cpu_ns = (double)cpu;
	section->whole_ns = (double)(host_clock_ns(clock) - begin);
	return 0;
}

/* The faster of two sections, each figure by itself. */
static void take_min(struct measure_section *min,
		     const struct measure_section *s)
{
	min->wall_ns = fmin(min->wall_ns, s->wall_ns);
	min->cpu_ns = fmin(min->cpu_ns, s->cpu_ns);
	min->whole_ns = fmin(min->whole_ns, s->whole_ns);
}

static int min_of_two(const struct measure *m, u64 n,
		      struct measure_section *min, struct iopt_err *err)
{
	struct measure_section s;
	int ret = measure_section(m, n, false, min, err);

	if (!ret)
		ret = measure_section(m, n, false, &s, err);
	if (!ret)
		take_min(min, &s);
	return ret;
}

/* What the clock needs, or what the family says. */
static double least_section_ns(const struct measure *m)
{
	return fmax(m->cfg->min_section_ns, m->family->min_section_ns);
}

/* Grow N until a section is long enough or no more can be prepared. */
static int find_n(struct measure *m, u64 max_n, double *whole_ns,
		  struct iopt_err *err)
{
	const double want = least_section_ns(m);
	struct measure_section s;
	int ret;

	for (m->n = 1;;) {
		double grow;

		ret = min_of_two(m, m->n, &s, err);
		if (ret)
			return ret;
		m->is_short = s.wall_ns < want;
		*whole_ns = s.whole_ns;
		if (!m->is_short || m->n == max_n)
			return 0;
		grow = fmin(fmax(1.2 * want / fmax(s.wall_ns, 1), 1.25), 16);
		m->n = (u64)ceil((double)m->n * grow);
		if (m->n > max_n)
			m->n = max_n;
	}
}

/*
 * One operation fills the budget, what is prepared for it included: rounds
 * repeat it, not this process.
 */
static bool is_slow(const struct measure *m, double whole_ns)
{
	return m->n == 1 && whole_ns >= m->cfg->budget_ns;
}

/* Pairs of sections of @n[0] and @n[1] operations; @min gets the fastest. */
static int run_pairs(const struct measure *m, const u64 n[2], int nr_pairs,
		     struct measure_section min[2], struct iopt_err *err)
{
	struct measure_section s;

	for (int i = 0; i < 2 * nr_pairs; i++) {
		int ret = measure_section(m, n[i % 2], false, &s, err);

		if (ret)
			return ret;
		take_min(&min[i % 2], &s);
	}
	return 0;
}

/* N and 2N in turn; a section that cannot be doubled is halved. */
static int find_ratio(struct measure *m, u64 max_n, int nr_pairs,
		      struct measure_section *at_n, struct iopt_err *err)
{
	const struct measure_section none = { INFINITY, INFINITY, INFINITY };
	struct measure_section min[2] = { none, none };
	u64 n[2] = { m->n, 2 * m->n };
	int ret;

	if (n[1] > max_n) {
		n[0] = m->n / 2;
		n[1] = 2 * n[0];
	}
	m->n2n_ratio = 0;
	if (!n[0])
		return min_of_two(m, m->n, at_n, err);
	for (int i = 0; i < MAX_TRIES && !measure_is_proven(m->n2n_ratio);
	     i++) {
		ret = run_pairs(m, n, nr_pairs, min, err);
		if (ret)
			return ret;
		m->n2n_ratio = min[1].wall_ns / fmax(min[0].wall_ns, 1);
	}
	*at_n = n[0] == m->n ? min[0] : min[1];
	return 0;
}

static u64 most_n(const struct measure *m)
{
	return m->family->max_n ? m->family->max_n(m->ctx) : MAX_N;
}

int measure_fixed(struct measure *m, struct iopt_err *err)
{
	u64 max_n = most_n(m);
	struct measure_section at_n;
	int ret;

	if (m->n > max_n)
		return iopt_err_set(err, -EINVAL,
				    "%llu operations are planned and at most "
				    "%llu can be prepared",
				    (unsigned long long)m->n,
				    (unsigned long long)max_n);
	if (m->is_long)
		return 0;
	ret = find_ratio(m, max_n, NR_PAIRS, &at_n, err);
	if (!ret)
		m->is_short = at_n.wall_ns < least_section_ns(m);
	return ret;
}

/* The operation that is counted is the first: nothing of it is tried out. */
static int plan_long(struct measure *m)
{
	m->n = 1;
	m->nr_blocks = 1;
	m->n2n_ratio = 0;
	m->is_short = false;
	return 0;
}

int measure_plan(struct measure *m, struct iopt_err *err)
{
	u64 max_n = most_n(m);
	struct measure_section at_n;
	double nr, whole_ns = 0;
	bool slow;
	int ret;

	if (!max_n)
		return iopt_err_set(err, -EINVAL,
				    "no operation can be prepared");
	if (m->is_long)
		return plan_long(m);
	ret = find_n(m, max_n, &whole_ns, err);
	slow = is_slow(m, whole_ns);
	if (!ret)
		ret = find_ratio(m, max_n, slow ? NR_SLOW_PAIRS : NR_PAIRS,
				 &at_n, err);
	if (ret)
		return ret;
	nr = m->cfg->budget_ns / fmax(at_n.wall_ns, 1);
	nr = fmin(nr, MAX_WHOLE * m->cfg->budget_ns / fmax(at_n.whole_ns, 1));
	nr = fmax(slow ? MIN_SLOW_BLOCKS : MIN_BLOCKS, fmin(nr, MAX_BLOCKS));
	m->nr_blocks = (u64)nr;
	return 0;
}

static void run_nothing(void *ctx, u64 n)
{
	(void)ctx;
	(void)n;
}

/* What NR_EMPTY sections counted, as the mean of one; nothing if not known. */
static void mean_of_empty(struct host_perf *perf,
			  struct host_perf_counts *counts)
{
	struct host_perf_counts all = { .value = { 0 } };

	if (perf)
		host_perf_read(perf, &all);
	for (int e = 0; e < HOST_PERF_NR_EVENTS; e++)
		all.value[e] = (all.value[e] + NR_EMPTY / 2) / NR_EMPTY;
	*counts = all;
}

static int by_ns(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A mean: one section may well end in the same step of the clock. */
static double empty_block_ns(const struct measure *m)
{
	struct measure_section s;
	double sum = 0;

	for (int i = 0; i < NR_EMPTY_BLOCK; i++)
		if (!measure_section(m, 1, false, &s, NULL))
			sum += s.wall_ns;
	return sum / NR_EMPTY_BLOCK;
}

double measure_overhead_ns(const struct host_clock *clock,
			   struct host_perf *perf,
			   struct host_perf_counts *counts)
{
	static const struct bench_family empty = { .run = run_nothing };
	const struct measure_cfg cfg = { .clock = clock, .perf = perf };
	const struct measure m = { .cfg = &cfg, .family = &empty };
	double ns[NR_EMPTY_BLOCKS];

	if (perf)
		host_perf_reset(perf);
	for (int i = 0; i < NR_EMPTY_BLOCKS; i++)
		ns[i] = empty_block_ns(&m);
	if (counts)
		mean_of_empty(perf, counts);
	qsort(ns, NR_EMPTY_BLOCKS, sizeof(*ns), by_ns);
	return ns[NR_EMPTY_BLOCKS / 2];
}
