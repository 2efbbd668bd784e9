// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tearing a virtual machine down: all its memory unmapped, by each strategy
 * that the kernel has had, and by some that it has not.
 *
 * Question: how long does it take to unmap a guest of 1G to 16T, what of it is
 *	spent on finding out what is contiguous, and how long does the CPU do
 *	nothing else?
 * What a reader learns: one operation is the teardown of the whole machine, all
 *	its DMA ranges. real_time is the CPU time of it, with invalidations
 *	gathered and not sent; scan_ns is the part that goes into lookups,
 *	measured apart on a table that stays as it is. Under a cost profile,
 *	unpin_ps is what unpinning the pages takes, and longest_stretch_ms the
 *	longest time between two points where the kernel could reschedule: CPU
 *	time, simulated time and unpinning together.
 *
 * Maps happen before the clock starts. A teardown that takes long (from 64G on,
 * where it looks at each page) is a long case: it is verified in its counting
 * pass and has no pass of its own for that.
 */
#include "families.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"
#include "stretch.h"
#include "vm.h"

/* Tables of all machines that are there at a time, in bytes; and how many. */
#define MAX_TABLE_BYTES (64 * SZ_1M)
#define MAX_VMS		1024u

/* Steps of an operation that takes long: some 30 ms. */
#define LONG_STEPS (4ull << 20)

/* Memory that must stay free beside large tables. */
#define SPARE_BYTES (128 * SZ_1M)

/* The section of lookups, and the first pass for stretches, are repeated. */
#define MIN_SCAN_NS    5e6
#define MIN_SCANS      3
#define MAX_SCANS      1000
#define MIN_STRETCH_NS 2e8
#define MAX_STRETCHES  3

/**
 * struct teardown - Context of a case.
 * @vm: machine that is torn down
 * @env: of the process
 * @is_long: of the case
 * @table_bytes: most that the tables of one machine take
 * @outcome: of the last teardown that was looked at
 */
struct teardown {
	struct vm vm;
	const struct bench_env *env;
	bool is_long;
	u64 table_bytes;
	const char *outcome;
};

/**
 * struct shared - What the rows of the ledger of a case share.
 * @vm: the machine, with nothing behind its page table
 * @stretch: its stretches, which are the same under each profile
 */
struct shared {
	struct vm vm;
	struct stretch stretch;
};

/* Which cases there are. */

static const char *const vms[] = {
	"1G", "4G",  "16G",	"64G",	  "256G", "1T",
	"4T", "16T", "64G-q35", "1T-q35", NULL,
};
/* clang-format off */
static const char *const backings[] = {
	"4K", "16K", "64K", "buddy25", "buddy75", "thp50", "thp90",
	"2M", "1G", "32M", "512M", "live-4K", "live-thp", "live-2M",
	"trace-vfio-vm-4k-7.3", "trace-vfio-vm-4k-frag-7.3",
	"trace-vfio-vm-thp-7.3", "trace-vfio-vm-thp-frag-7.3",
};
/* clang-format on */

static const char *backing_at(const struct bench_env *env, size_t i)
{
	if (i < ARRAY_SIZE(backings))
		return backings[i];
	i -= ARRAY_SIZE(backings);
	return i < env->nr_frames ? env->frames[i].value : NULL;
}

static bool is_file(const char *backing)
{
	return !strncmp(backing, "file-", 5);
}

static const char *const strategies[] = {
	"page",
	"chunked",
	"chunked-unfixed",
	"chunked-fast",
	"chunked-fast-unfixed",
	"fgsp",
	"iommufd",
	"unmap-remap",
	"whole-range",
	"leafwalk",
	NULL,
};

static const char *engine_at(const struct bench_env *env, size_t i)
{
	static const char *const engines[] = {
		"lpae-split", "lpae-nosplit", "lpae-whole", "lpae-7.3", "amdv1",
	};

	if (i < ARRAY_SIZE(engines))
		return engines[i];
	return tables_given_engine_at(env, i - ARRAY_SIZE(engines));
}

#define ALL NULL

/*
 * Groups of cases: words that a key may have, ALL for any. A case is in the
 * smallest set of the groups that it is in, and exists when there is one. An
 * engine that the user gave goes wherever lpae-nosplit does.
 */
static const struct group {
	enum bench_set set;
	const char *vm;
	const char *backing;
	const char *page;
	const char *engine;
	const char *strategy;
} groups[] = {
	/* See it work. */
	{ BENCH_QUICK, "1G", "2M", "4K", "lpae-nosplit lpae-7.3",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_QUICK, "4G", "2M", "4K", "lpae-split lpae-nosplit",
	  "chunked-fast" },
	/* Growth with the machine, up to what is there of today's kernel. */
	{ BENCH_DEFAULT, "1G 4G 16G 64G 1T", "2M", "4K", "lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_DEFAULT, "1T", "2M", "4K", "lpae-7.3",
	  "chunked-fast whole-range leafwalk" },
	/* Every strategy, with each engine where that makes a difference. */
	{ BENCH_DEFAULT, "64G", "2M", "4K", ALL,
	  "page chunked-fast whole-range leafwalk" },
	{ BENCH_DEFAULT, "64G", "2M", "4K", "lpae-split lpae-nosplit",
	  "chunked" },
	{ BENCH_DEFAULT, "64G", "2M", "4K",
	  "lpae-split lpae-nosplit lpae-whole",
	  "chunked-unfixed chunked-fast-unfixed" },
	{ BENCH_DEFAULT, "64G", "2M", "4K", "lpae-7.3 amdv1", "iommufd" },
	{ BENCH_DEFAULT, "64G", "2M", "4K", "lpae-nosplit amdv1", "fgsp" },
	{ BENCH_DEFAULT, "64G", "2M", "4K", "lpae-nosplit", "unmap-remap" },
	/* Split or not, where there is little to be contiguous. */
	{ BENCH_DEFAULT, "4G", "4K thp50", "4K", "lpae-split lpae-nosplit",
	  "chunked-fast iommufd whole-range" },
	/* 1G without range invalidation, where a lockup of 12 s was reported:
	 * 262,144 commands, and one since there is a threshold. */
	{ BENCH_DEFAULT, "1G", "4K", "4K", "lpae-split lpae-7.3",
	  "iommufd whole-range" },
	/* What the user recorded, on a host of 4K pages. */
	{ BENCH_QUICK, "16G", "file", "4K", "lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_DEFAULT, "1G 4G 16G 64G", "file", "4K", "lpae-nosplit lpae-7.3",
	  "chunked-fast iommufd whole-range leafwalk" },
	/* Everything else that is worth its time. */
	{ BENCH_FULL, "1G 4G", "live-4K live-thp live-2M", "4K", "lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_FULL, "16G",
	  "trace-vfio-vm-4k-7.3 trace-vfio-vm-4k-frag-7.3 "
	  "trace-vfio-vm-thp-7.3 trace-vfio-vm-thp-frag-7.3",
	  "4K", "lpae-split lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_FULL, "1G 4G 16G 64G 256G 1T 4T 16T", "2M", "4K", ALL, ALL },
	{ BENCH_FULL, "16G", "4K buddy25 buddy75 thp50 thp90 1G", "4K", ALL,
	  ALL },
	{ BENCH_FULL, "16G", "16K buddy25 buddy75 thp50 thp90 32M", "16K", ALL,
	  ALL },
	{ BENCH_FULL, "16G", "64K buddy25 buddy75 thp50 thp90 512M", "64K", ALL,
	  ALL },
	{ BENCH_FULL, "64G", "4K thp50 1G", "4K", "lpae-split lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_FULL, "1T", "4K", "4K", "lpae-nosplit",
	  "chunked-fast iommufd whole-range leafwalk" },
	{ BENCH_FULL, "64G-q35 1T-q35", "2M", "4K", "lpae-nosplit amdv1",
	  "chunked-fast fgsp iommufd whole-range leafwalk" },
};

static bool is_among(const char *word, const char *words)
{
	size_t len = strlen(word);

	if (words == ALL)
		return true;
	while (*words) {
		size_t n = strcspn(words, " ");

		if (n == len && !strncmp(word, words, n))
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

static bool is_in(const struct bench_env *env, const struct bench_case *c,
		  const struct group *g)
{
	const char *backing = bench_value(c, "backing");
	const char *engine = tables_is_given(env, c) ? "lpae-nosplit" :
						       bench_value(c, "engine");

	return is_among(bench_value(c, "vm"), g->vm) &&
	       is_among(is_file(backing) ? "file" : backing, g->backing) &&
	       is_among(bench_value(c, "page"), g->page) &&
	       is_among(engine, g->engine) &&
	       is_among(bench_value(c, "strategy"), g->strategy);
}

/* Memory to be had, by /proc/meminfo; without it as much as one likes. */
static u64 available_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	u64 bytes = ~0ull;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			bytes = kib * SZ_1K;
	if (f)
		fclose(f);
	return bytes;
}

/* Why it cannot run here: words that no engine has, or too little memory. */
static void find_skip(const struct bench_env *env, struct bench_case *c)
{
	bool is_amdv1 = bench_is(c, "engine", "amdv1");
	u64 want = vm_table_bytes(c);
	char text[SIZE_TEXT_MAX];

	if (is_amdv1 && !bench_is(c, "page", "4K"))
		snprintf(c->skip, sizeof(c->skip),
			 "amdv1 has pages of 4K, the host has %s",
			 bench_value(c, "page"));
	else if (strstr(bench_value(c, "strategy"), "unfixed") &&
		 (is_amdv1 || tables_is_given(env, c)))
		snprintf(c->skip, sizeof(c->skip),
			 "the lookup that lost its offset is one of the lpae "
			 "engines only");
	else if (want >= SZ_1G && available_bytes() < want + SPARE_BYTES)
		snprintf(c->skip, sizeof(c->skip),
			 "not enough memory: the tables may take %s",
			 size_format(want & ~(SZ_1M - 1), text));
}

static bool teardown_check(const struct bench_env *env, struct bench_case *c)
{
	bool exists = false;

	c->set = BENCH_FULL;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!is_in(env, c, &groups[i]))
			continue;
		exists = true;
		if (groups[i].set < c->set)
			c->set = groups[i].set;
	}
	if (!exists)
		return false;
	c->is_long = vm_steps(c) >= LONG_STEPS;
	find_skip(env, c);
	return true;
}

/* The hooks. */

static void teardown_teardown(void *ctx)
{
	struct teardown *td = ctx;

	vm_fini(&td->vm);
	free(td);
}

static int teardown_setup(const struct bench_env *env,
			  const struct bench_case *c, enum bench_phase phase,
			  void **ctx, struct iopt_err *err)
{
	const struct shared *shared = env->shared;
	struct teardown *td = calloc(1, sizeof(*td));
	int ret;

	if (!td)
		return iopt_err_set(err, -ENOMEM, "no memory");
	td->env = env;
	td->is_long = c->is_long;
	td->table_bytes = vm_table_bytes(c);
	td->outcome = "ok";
	ret = vm_init(&td->vm, env, c, phase, shared ? &shared->vm : NULL, err);
	if (ret) {
		teardown_teardown(td);
		return ret;
	}
	*ctx = td;
	return 0;
}

/* One teardown, looked at before and after. */
static int tear_down_checked(struct teardown *td, struct vm_ends *ends,
			     struct tables_counts *got, struct iopt_err *err)
{
	struct tables_snapshot snapshot;
	int ret = vm_map(&td->vm, 1, err);

	if (!ret)
		ret = vm_check_mapped(&td->vm, 0, err);
	if (ret)
		return ret;
	tables_count_start(&td->vm.t, &snapshot);
	vm_tear_down(&td->vm, 0);
	tables_count_stop(&td->vm.t, &snapshot, got);
	ret = vm_check_ended(&td->vm, 0, ends, err);
	td->outcome = ends->outcome;
	return ret;
}

static int teardown_verify(void *ctx, struct iopt_err *err)
{
	struct teardown *td = ctx;
	struct tables_counts got;
	struct vm_ends ends;
	int ret;

	if (td->is_long)
		return 0; /* teardown_count() does it */
	ret = tear_down_checked(td, &ends, &got, err);
	vm_unmap(&td->vm);
	return ret;
}

static int count_plain(struct teardown *td, struct bench_counts *counts,
		       struct iopt_err *err)
{
	const struct vm *vm = &td->vm;
	struct tables_counts got;
	struct vm_ends ends;
	int ret = tear_down_checked(td, &ends, &got, err);

	if (ret)
		return ret;
	got.bytes_unmapped = vm->mapped_bytes - ends.left_bytes;
	/* Lookups are calls too, though these did not reach the engine. */
	if (vm->domains[0] != &vm->t.domain[0])
		got.calls += ends.counts.nr_lookups;
	ret = tables_count_report(&vm->t, &got, &got, counts, err);
	if (ret)
		return ret;
	bench_count(counts, "nr_unmaps", (double)ends.counts.nr_unmaps);
	bench_count(counts, "nr_lookups", (double)ends.counts.nr_lookups);
	bench_count(counts, "nr_resched", (double)ends.counts.nr_resched);
	bench_count(counts, "max_lookups", (double)ends.counts.max_lookups);
	bench_count(counts, "vm_bytes", (double)vm->mapped_bytes);
	bench_count(counts, "nr_ranges_dma", (double)vm->layout->nr_ranges);
	return 0;
}

/* The first pass: CPU time, with nothing behind the page table. */
static int measure_stretches(struct vm *vm, struct stretch *s,
			     struct iopt_err *err)
{
	u64 start, spent = 0;
	int ret = 0;

	for (int i = 0; i < MAX_STRETCHES && (double)spent < MIN_STRETCH_NS;
	     i++) {
		ret = vm_map(vm, 1, err);
		if (ret)
			break;
		vm_watch(vm, stretch_mark, s);
		start = host_clock_ns(s->clock);
		stretch_start(s);
		vm_tear_down(vm, 0);
		stretch_end(s);
		spent += host_clock_ns(s->clock) - start;
	}
	return ret;
}

static void teardown_unshare(void *p)
{
	struct shared *s = p;

	vm_fini(&s->vm);
	stretch_fini(&s->stretch);
	free(s);
}

static int teardown_share(const struct bench_env *env,
			  const struct bench_case *c, void **shared,
			  struct iopt_err *err)
{
	struct shared *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return iopt_err_set(err, -ENOMEM, "no memory");
	ret = stretch_init(&s->stretch, env->clock, err);
	if (!ret)
		ret = vm_init(&s->vm, env, c, BENCH_TIME, NULL, err);
	if (!ret)
		ret = measure_stretches(&s->vm, &s->stretch, err);
	if (ret) {
		teardown_unshare(s);
		return ret;
	}
	vm_unmap(&s->vm);
	*shared = s;
	return 0;
}

static double unpin_ps_per_byte(const struct teardown *td)
{
	const struct vm *vm = &td->vm;

	return (double)vm_unpin_ps(vm, td->env->profile) /
	       (double)vm->pinned_bytes;
}

/* The second pass: what is sent, and what a stretch comes to with it. */
static int count_priced(struct teardown *td, struct bench_counts *counts,
			struct iopt_err *err)
{
	struct vm *vm = &td->vm;
	const struct shared *shared = td->env->shared;
	struct stretch_price p = { .stretch = &shared->stretch,
				   .sim = vm->t.sim,
				   .unpin_ps_per_byte = unpin_ps_per_byte(td) };
	struct tables_snapshot snapshot;
	struct tables_counts got;
	struct vm_ends ends;
	double ns;
	int ret = vm_map(vm, 1, err);

	if (ret)
		return ret;
	p.counts = &vm->containers[0].counts;
	vm_watch(vm, stretch_price_mark, &p);
	tables_count_start(&vm->t, &snapshot);
	vm_tear_down(vm, 0);
	tables_count_stop(&vm->t, &snapshot, &got);
	ret = stretch_price_end(&p, &ns, err);
	if (!ret)
		ret = vm_check_ended(vm, 0, &ends, err);
	if (!ret)
		ret = tables_count_report(&vm->t, &got, &got, counts, err);
	if (ret)
		return ret;
	bench_count(counts, "nr_commands",
		    (double)tlb_counters_invalidations(vm->t.sim->counters));
	bench_count(counts, "unpin_ps",
		    floor((double)ends.counts.unpinned_bytes *
			  p.unpin_ps_per_byte));
	bench_count(counts, "longest_stretch_ms", ns / 1e6);
	return 0;
}

static int teardown_count(void *ctx, struct bench_counts *counts,
			  struct iopt_err *err)
{
	struct teardown *td = ctx;
	int ret = td->env->profile ? count_priced(td, counts, err) :
				     count_plain(td, counts, err);

	vm_unmap(&td->vm);
	return ret;
}

static u64 teardown_max_n(void *ctx)
{
	const struct teardown *td = ctx;
	u64 n = MAX_TABLE_BYTES / td->table_bytes;

	return n < 1 ? 1 : n > MAX_VMS ? MAX_VMS : n;
}

static int teardown_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct teardown *td = ctx;

	return vm_map(&td->vm, n, err);
}

static void teardown_run(void *ctx, u64 n)
{
	struct teardown *td = ctx;

	for (u64 i = 0; i < n; i++)
		vm_tear_down(&td->vm, i);
}

/* Every machine must have ended as the first: this work was timed. */
static int teardown_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	struct teardown *td = ctx;
	struct vm_ends first = { .outcome = "ok" }, ends;
	int ret = 0;

	for (u64 i = 0; i < n && !ret; i++) {
		ret = vm_check_ended(&td->vm, i, i ? &ends : &first, err);
		if (!ret && i &&
		    memcmp(&ends.counts, &first.counts, sizeof(ends.counts)))
			ret = iopt_err_set(err, -EINVAL,
					   "teardown %" PRIu64
					   " did other work than the first",
					   i);
	}
	td->outcome = first.outcome;
	return ret;
}

static int teardown_finish(void *ctx, u64 n, struct iopt_err *err)
{
	struct teardown *td = ctx;

	(void)n;
	(void)err;
	vm_unmap(&td->vm);
	return 0;
}

/* As the sections are timed: a long one by the thread's own time. */
static u64 now_ns(const struct teardown *td)
{
	struct timespec ts;

	if (!td->is_long)
		return host_clock_ns(td->env->clock);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

/* Lookups alone, the fastest of some passes over a table that stays. */
static double scan_ns(struct teardown *td)
{
	double least = INFINITY, sum = 0;
	int max = td->is_long ? 1 : MAX_SCANS;

	for (int i = 0; i < max && (sum < MIN_SCAN_NS || i < MIN_SCANS); i++) {
		u64 start = now_ns(td);
		u64 nr = vm_scan(&td->vm, 0);
		double ns = (double)(now_ns(td) - start) -
			    td->env->clock->overhead_ns;

		if (!nr)
			return 0;
		least = fmin(least, fmax(ns, 0));
		sum += ns;
	}
	return least;
}

static void teardown_report(void *ctx, struct bench_counts *counts)
{
	struct teardown *td = ctx;

	if (vm_map(&td->vm, 1, NULL))
		return;
	if (strcmp(td->outcome, "stuck"))
		bench_count(counts, "scan_ns", scan_ns(td));
	vm_unmap(&td->vm);
}

static const char *teardown_outcome(void *ctx)
{
	const struct teardown *td = ctx;

	return td->outcome;
}

static const char *const pages[] = { "4K", "16K", "64K", NULL };

static const struct bench_key keys[] = {
	{ .name = "vm", .values = vms },
	{ .name = "backing", .value_at = backing_at },
	{ .name = "page", .values = pages },
	{ .name = "engine", .value_at = engine_at },
	{ .name = "strategy", .values = strategies },
	{ .name = NULL },
};

/*
 * nr_unmaps are calls of iommu_unmap() and iommu_unmap_fast(), nr_lookups of
 * iommu_iova_to_phys(); nr_resched points where the kernel could reschedule,
 * max_lookups the most lookups between two of them. vm_bytes are mapped at
 * first, in nr_ranges_dma ranges.
 */
static const struct bench_counter counters[] = {
	{ "nr_unmaps", true },
	{ "nr_lookups", true },
	{ "nr_resched", true },
	{ "max_lookups", true },
	{ "vm_bytes", true },
	{ "nr_ranges_dma", true },
	{ "nr_commands", true },
	{ "unpin_ps", true },
	{ "longest_stretch_ms", false },
	{ "scan_ns", false },
	{ NULL, false },
};

const struct bench_family teardown_family = {
	.name = "teardown",
	.question = "unmapping all memory of a virtual machine, by each "
		    "strategy",
	.has_ledger = true,
	.keys = keys,
	.counters = counters,
	.share = teardown_share,
	.unshare = teardown_unshare,
	.arena_bytes = vm_table_bytes,
	.check = teardown_check,
	.setup = teardown_setup,
	.teardown = teardown_teardown,
	.verify = teardown_verify,
	.count = teardown_count,
	.max_n = teardown_max_n,
	.times_cpu = true,
	.prepare = teardown_prepare,
	.run = teardown_run,
	.check_after = teardown_check_after,
	.finish = teardown_finish,
	.report = teardown_report,
	.outcome = teardown_outcome,
};
