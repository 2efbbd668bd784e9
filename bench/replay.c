// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recorded trace of iommu:map and iommu:unmap events, call by call.
 *
 * Question: what does a page table cost under the calls that VFIO and drivers
 *	really make, with their sizes, alignment, contiguity and order?
 * What a reader learns: one operation is a replay of the whole trace on a new
 *	domain: stage 1, granule 4K, 48 bits, coherent walker, READ | WRITE |
 *	CACHE. map_ns and unmap_ns are means over the map and the unmap calls;
 *	map_min_ns and unmap_min_ns are from the fastest replay of each kind.
 *
 * The events carry no sync. The key sync says which one is modelled:
 *	each	 one gather and one sync an unmap event, as the DMA API does in
 *		 strict mode;
 *	512	 up to 512 unmap events that follow each other share a gather
 *and a sync, as VFIO does with the pieces of a range. What is counted of
 *invalidation follows from that, and was not recorded.
 *
 * Maps and unmaps are timed apart in a second pass, not in the timed section:
 * between two readings of the clock lies a run of calls of one kind, done on K
 * equal domains one after the other. K is such that the mean run of each kind
 * lasts 100 readings of the clock or more, and 100 of its steps; most VFIO
 * traces need one domain, those of drivers, which map and unmap in turn, about
 * ten. The pass gives the shares of both kinds; the time of the whole replay is
 * that of the timed sections and is divided by them. lockstep_ratio, the time
 * of a replay in the second pass over that in the first, shows what the other
 * domains in the caches cost: near 1 the shares can be trusted. The minima are
 * those of the second pass as they are: a share of the fastest section would
 * mix it with what disturbed the pass.
 */
#include "families.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sizes.h"
#include "tables.h"
#include "trace_set.h"

#define ADDRESS_BITS 48

/* VFIO's limit: VFIO_IOMMU_TLB_SYNC_MAX in drivers/vfio/vfio_iommu_type1.c. */
#define MAX_BATCH 512u

/* Tables of all domains that are there at a time, in bytes. */
#define MAX_TABLE_BYTES (128 * SZ_1M)
#define MAX_DOMAINS	4096u

#define MAX_LOCKSTEP	64u /* domains of the second pass */
#define MIN_LOCKSTEP_NS 5e6 /* length of the second pass */
#define MIN_PASSES	3u
#define MAX_PASSES	1000u

/* Times of a pass over a trace, in ns, by enum trace_kind. */
struct split {
	double ns[2];
};

/**
 * struct replay - Context of a case.
 * @t: tables, one to a domain
 * @prog: the trace; the set's
 * @path: its file, for messages
 * @batch: unmap events that share a sync
 * @phase: what the context is for
 * @clock: that measures
 * @plain: times of one replay on one domain
 * @table_bytes: tables of one domain at its peak, in bytes
 * @nr_tables: tables that one replay allocates
 * @nr_differ: calls of one replay that do not return what was recorded
 * @sum_differ: such calls since prepare()
 * @nr_allocs: allocations of the arena before the section
 * @wall_ns: time of all replays since start(), in ns
 * @nr_replays: replays since start()
 */
struct replay {
	struct tables t;
	const struct trace_prog *prog;
	const char *path;
	u32 batch;
	enum bench_phase phase;
	const struct host_clock *clock;
	struct split plain;
	u64 table_bytes;
	u64 nr_tables;
	u64 nr_differ;
	u64 sum_differ;
	u64 nr_allocs;
	double wall_ns;
	u64 nr_replays;
};

static const char *trace_at(const struct bench_env *env, size_t i)
{
	return trace_set_name(env->trace_set, i);
}

static bool is_among(const char *value, const char *const *list)
{
	while (*list && strcmp(value, *list))
		list++;
	return *list != NULL;
}

/* The recordings of one workload on two kernels are alike; a few show all. */
static const char *const quick_traces[] = { "net-e1000e-7.3", "nvme-mixed-7.3",
					    "vfio-vm-thp-7.3", NULL };
static const char *const default_engines[] = { "lpae-6.12", "lpae-7.3", NULL };

/*
 * Drivers do not batch; VFIO does, and each sync by itself is for comparing it
 * with them. Of a user's own trace we do not know whose it is.
 */
static bool replay_check(const struct bench_env *env, struct bench_case *c)
{
	const char *trace = bench_value(c, "trace");
	const char *skip = trace_set_skip(env->trace_set);
	bool is_vfio = !strncmp(trace, "vfio-", 5);
	bool is_default = is_among(bench_value(c, "engine"), default_engines) ||
			  tables_is_given(env, c);

	if (skip)
		snprintf(c->skip, sizeof(c->skip), "%s", skip);
	if (env->nr_traces) {
		c->set = is_default ? BENCH_QUICK : BENCH_DEFAULT;
		return true;
	}
	if (!is_default || (!is_vfio && bench_is(c, "sync", "512")))
		c->set = BENCH_FULL;
	else if (is_among(trace, quick_traces))
		c->set = BENCH_QUICK;
	else
		c->set = BENCH_DEFAULT;
	return true;
}

/* A timed call: what it costs beside the IOMMU core is a compare. */
static u64 do_maps(struct iommu_domain *domain, const struct trace_op *op,
		   u32 nr)
{
	u64 nr_differ = 0;

	for (u32 i = 0; i < nr; i++, op++)
		nr_differ += iommu_map(domain, op->iova, op->arg, op->size,
				       TABLES_PROT) != 0;
	return nr_differ;
}

static u64 do_unmaps(struct iommu_domain *domain, const struct trace_op *op,
		     u32 nr)
{
	u64 nr_differ = 0;

	for (u32 i = 0; i < nr; i++, op++)
		nr_differ += iommu_unmap(domain, op->iova, op->size) != op->arg;
	return nr_differ;
}

static u64 do_batched(struct iommu_domain *domain, const struct trace_op *op,
		      u32 nr, u32 batch)
{
	u64 nr_differ = 0;
	struct gather gather;

	while (nr) {
		u32 n = nr < batch ? nr : batch;

		gather_init(&gather);
		for (u32 i = 0; i < n; i++, op++)
			nr_differ +=
				iommu_unmap_fast(domain, op->iova, op->size,
						 &gather) != op->arg;
		iommu_iotlb_sync(domain, &gather);
		nr -= n;
	}
	return nr_differ;
}

static u64 do_run(const struct replay *r, struct iommu_domain *domain,
		  const struct trace_run *run)
{
	const struct trace_op *op = r->prog->ops + run->first;

	if (run->kind == TRACE_MAP)
		return do_maps(domain, op, run->nr_ops);
	if (r->batch == 1)
		return do_unmaps(domain, op, run->nr_ops);
	return do_batched(domain, op, run->nr_ops, r->batch);
}

static u64 do_all(const struct replay *r, struct iommu_domain *domain)
{
	u64 nr_differ = 0;

	for (size_t i = 0; i < r->prog->nr_runs; i++)
		nr_differ += do_run(r, domain, &r->prog->runs[i]);
	return nr_differ;
}

/* One pass over the first @nr domains in step, each kind timed apart. */
static u64 do_lockstep(const struct replay *r, size_t nr, struct split *split)
{
	double ns[2] = { 0, 0 };
	u64 nr_differ = 0;
	u64 start = host_clock_ns(r->clock), end;

	for (size_t i = 0; i < r->prog->nr_runs; i++) {
		const struct trace_run *run = &r->prog->runs[i];

		for (size_t d = 0; d < nr; d++)
			nr_differ += do_run(r, &r->t.domain[d], run);
		end = host_clock_ns(r->clock);
		ns[run->kind] +=
			fmax((double)(end - start) - r->clock->overhead_ns, 0);
		start = end;
	}
	split->ns[TRACE_MAP] += ns[TRACE_MAP];
	split->ns[TRACE_UNMAP] += ns[TRACE_UNMAP];
	return nr_differ;
}

/* Empty domains, none of which was used. */
static int renew_domains(struct replay *r, u64 nr, struct iopt_err *err)
{
	tables_clear(&r->t);
	return tables_grow(&r->t, nr, err);
}

static int op_error(const struct replay *r, size_t i, const char *what,
		    struct iopt_err *err)
{
	const struct trace_op *op = &r->prog->ops[i];

	return iopt_err_set(
		err, -EINVAL,
		"%s:%" PRIu64 ": %s: iova %#" PRIx64 " size %" PRIu64, r->path,
		r->prog->lines[i], what, op->iova, op->size);
}

/* Can our tables hold what the trace maps? */
static int check_op(const struct replay *r, size_t i, enum trace_kind kind,
		    struct iopt_err *err)
{
	const struct trace_op *op = &r->prog->ops[i];
	u64 paddr = kind == TRACE_MAP ? op->arg : 0;
	u64 limit = 1ull << ADDRESS_BITS;

	if ((op->iova | paddr | op->size) & (SZ_4K - 1))
		return op_error(r, i, "not a multiple of 4K", err);
	if (op->iova >= limit || op->size > limit - op->iova ||
	    paddr >= limit || op->size > limit - paddr)
		return op_error(r, i, "needs more than 48 address bits", err);
	return 0;
}

static int check_prog(const struct replay *r, struct iopt_err *err)
{
	int ret = 0;

	if (!r->prog->nr_ops)
		return iopt_err_set(err, -ENODATA,
				    "%s: no call to replay: nothing was mapped "
				    "by any of its events",
				    r->path);
	for (size_t k = 0; k < r->prog->nr_runs && !ret; k++) {
		const struct trace_run *run = &r->prog->runs[k];

		for (u32 i = 0; i < run->nr_ops && !ret; i++)
			ret = check_op(r, run->first + i, run->kind, err);
	}
	return ret;
}

/*
 * A replay that is not timed: what its calls return, how long each kind takes,
 * and how much memory a domain needs.
 */
static int calibrate(struct replay *r, struct iopt_err *err)
{
	u64 live;
	int ret;

	live = arena_stats(r->t.cfg.arena).live_bytes;
	arena_peak_reset(r->t.cfg.arena);
	ret = renew_domains(r, 1, err);
	if (ret)
		return ret;
	r->nr_allocs = arena_stats(r->t.cfg.arena).nr_allocs;
	r->nr_differ = do_lockstep(r, 1, &r->plain);
	r->nr_tables = arena_stats(r->t.cfg.arena).nr_allocs - r->nr_allocs;
	r->table_bytes = arena_stats(r->t.cfg.arena).peak_bytes - live;
	tables_clear(&r->t);
	return 0;
}

static int replay_init(struct replay *r, const struct bench_env *env,
		       const struct bench_case *c, struct iopt_err *err)
{
	int ret = trace_set_load(env->trace_set, bench_value(c, "trace"),
				 &r->prog, &r->path, err);

	r->clock = env->clock;
	r->batch = bench_is(c, "sync", "each") ? 1 : MAX_BATCH;
	if (!ret)
		ret = check_prog(r, err);
	if (!ret)
		ret = tables_init(&r->t, env, bench_value(c, "engine"), SZ_4K,
				  SZ_4K, r->phase, err);
	if (ret)
		return ret;
	/* A table for each domain, made by tables_grow(). */
	r->t.layout =
		(struct tables_layout){ .slots = 1, .max_slots = MAX_DOMAINS };
	ret = r->phase == BENCH_TIME ? calibrate(r, err) :
				       renew_domains(r, 1, err);
	if (ret)
		tables_fini(&r->t);
	return ret;
}

static int replay_setup(const struct bench_env *env, const struct bench_case *c,
			enum bench_phase phase, void **ctx,
			struct iopt_err *err)
{
	struct replay *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return iopt_err_set(err, -ENOMEM, "no memory");
	r->phase = phase;
	ret = replay_init(r, env, c, err);
	if (ret) {
		free(r);
		return ret;
	}
	*ctx = r;
	return 0;
}

static void replay_teardown(void *ctx)
{
	struct replay *r = ctx;

	tables_fini(&r->t);
	free(r);
}

/* What a call must leave behind, at both ends of its range. */
static int verify_phys(const struct replay *r, size_t i, enum trace_kind kind,
		       struct iopt_err *err)
{
	struct iommu_domain *domain = &r->t.domain[0];
	const struct trace_op *op = &r->prog->ops[i];
	u64 size = kind == TRACE_MAP ? op->size : op->arg;
	u64 want[2] = { 0, 0 };

	if (!size)
		return 0;
	if (kind == TRACE_MAP) {
		want[0] = op->arg;
		want[1] = op->arg + size - 1;
	}
	/* 0 is a physical address too, that of a page which is not there. */
	if (iommu_iova_to_phys(domain, op->iova) != want[0] ||
	    iommu_iova_to_phys(domain, op->iova + size - 1) != want[1])
		return op_error(r, i,
				kind == TRACE_MAP ? "translates wrongly" :
						    "still translates",
				err);
	return 0;
}

/* Once a call differed, so does the state, and errors may follow from it. */
static int verify_op(struct replay *r, size_t i, enum trace_kind kind,
		     struct iopt_err *err)
{
	struct iommu_domain *domain = &r->t.domain[0];
	const struct trace_op *op = &r->prog->ops[i];
	size_t done;
	int ret;

	if (kind == TRACE_MAP) {
		ret = iommu_map(domain, op->iova, op->arg, op->size,
				TABLES_PROT);
		if (ret == -ENOMEM)
			return op_error(r, i, "no memory for tables", err);
		if (ret && !r->nr_differ)
			return op_error(r, i, "cannot be mapped", err);
		r->nr_differ += ret != 0;
	} else {
		done = iommu_unmap(domain, op->iova, op->size);
		r->nr_differ += done != op->arg;
	}
	return r->nr_differ ? 0 : verify_phys(r, i, kind, err);
}

static u64 mapped_bytes(struct pgtable *pgt)
{
	struct pgtable_leaf leaf;
	u64 at = 0, bytes = 0;

	while (!pgt->ops.leaf_walk(pgt, at, &leaf)) {
		bytes += leaf.size;
		at = leaf.iova + leaf.size;
	}
	return bytes;
}

static int verify_end(const struct replay *r, struct pgtable *pgt,
		      struct iopt_err *err)
{
	u64 bytes = mapped_bytes(pgt);

	if (r->nr_differ || bytes == r->prog->sum.end_bytes)
		return 0;
	return iopt_err_set(err, -EINVAL,
			    "%s: %" PRIu64 " bytes mapped at the end, expected "
			    "%" PRIu64,
			    r->path, bytes, r->prog->sum.end_bytes);
}

static int replay_verify(void *ctx, struct iopt_err *err)
{
	struct replay *r = ctx;
	int ret = 0;

	for (size_t k = 0; k < r->prog->nr_runs && !ret; k++) {
		const struct trace_run *run = &r->prog->runs[k];

		for (u32 i = 0; i < run->nr_ops && !ret; i++)
			ret = verify_op(r, run->first + i, run->kind, err);
	}
	return ret ? ret : verify_end(r, r->t.pgt[0], err);
}

static void count_calls(const struct trace_prog *prog, u64 nr[2], u64 bytes[2])
{
	for (size_t k = 0; k < prog->nr_runs; k++) {
		const struct trace_run *run = &prog->runs[k];

		nr[run->kind] += run->nr_ops;
		for (u32 i = 0; i < run->nr_ops; i++) {
			const struct trace_op *op = &prog->ops[run->first + i];

			bytes[run->kind] +=
				run->kind == TRACE_MAP ? op->size : op->arg;
		}
	}
}

static void count_flaws(const struct replay *r, struct bench_counts *counts)
{
	const struct trace_summary *sum = &r->prog->sum;

	bench_count(counts, "nr_differ", (double)r->nr_differ);
	bench_count(counts, "nr_lost", (double)sum->lost.nr_events);
	bench_count(counts, "nr_gaps", (double)sum->lost.nr_gaps);
	bench_count(counts, "nr_over_live", (double)sum->over_live.nr_events);
	bench_count(counts, "nr_never_mapped",
		    (double)sum->never_mapped.nr_events);
}

static int replay_count(void *ctx, struct bench_counts *counts,
			struct iopt_err *err)
{
	struct replay *r = ctx;
	struct tables_snapshot snapshot;
	struct tables_counts got;
	u64 nr[2] = { 0, 0 }, bytes[2] = { 0, 0 };
	int ret;

	tables_count_start(&r->t, &snapshot);
	r->nr_differ = do_all(r, &r->t.domain[0]);
	tables_count_stop(&r->t, &snapshot, &got);
	count_calls(r->prog, nr, bytes);
	got.bytes_mapped = bytes[TRACE_MAP];
	got.bytes_unmapped = bytes[TRACE_UNMAP];
	/* Of a trace there is nothing else to derive the counts from. */
	ret = tables_count_report(&r->t, &got, &got, counts, err);
	if (ret)
		return ret;
	bench_count(counts, "nr_maps", (double)nr[TRACE_MAP]);
	bench_count(counts, "nr_unmaps", (double)nr[TRACE_UNMAP]);
	count_flaws(r, counts);
	return verify_end(r, r->t.pgt[0], err);
}

static u64 replay_max_n(void *ctx)
{
	const struct replay *r = ctx;
	u64 n = MAX_TABLE_BYTES / r->table_bytes;

	return n < 1 ? 1 : n > MAX_DOMAINS ? MAX_DOMAINS : n;
}

static int replay_prepare(void *ctx, u64 n, struct iopt_err *err)
{
	struct replay *r = ctx;

	int ret = renew_domains(r, n, err);

	r->sum_differ = 0;
	r->nr_allocs = arena_stats(r->t.cfg.arena).nr_allocs;
	return ret;
}

static void replay_run(void *ctx, u64 n)
{
	struct replay *r = ctx;
	u64 start = host_clock_ns(r->clock);

	for (u64 i = 0; i < n; i++)
		r->sum_differ += do_all(r, &r->t.domain[i]);
	r->wall_ns += (double)(host_clock_ns(r->clock) - start);
	r->nr_replays += n;
}

static int replay_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	struct replay *r = ctx;
	u64 nr = arena_stats(r->t.cfg.arena).nr_allocs - r->nr_allocs;
	int ret = 0;

	if (nr != n * r->nr_tables)
		return iopt_err_set(err, -EINVAL,
				    "%s: %" PRIu64 " replays made %" PRIu64
				    " tables, expected %" PRIu64,
				    r->path, n, nr, n * r->nr_tables);
	if (r->sum_differ != n * r->nr_differ)
		return iopt_err_set(err, -EINVAL,
				    "%s: %" PRIu64 " calls of %" PRIu64
				    " replays returned something else, "
				    "expected %" PRIu64,
				    r->path, r->sum_differ, n,
				    n * r->nr_differ);
	for (u64 i = 0; i < n && !ret; i++)
		ret = verify_end(r, r->t.pgt[i], err);
	return ret;
}

static void replay_start(void *ctx)
{
	struct replay *r = ctx;

	r->wall_ns = 0;
	r->nr_replays = 0;
}

static double split_sum(const struct split *split)
{
	return split->ns[TRACE_MAP] + split->ns[TRACE_UNMAP];
}

/* How many domains make the mean run of each kind long enough. */
static size_t lockstep_domains(const struct replay *r)
{
	u64 max = MAX_TABLE_BYTES / r->table_bytes;
	u64 nr_runs[2] = { 0, 0 };
	double want = 1;

	for (size_t i = 0; i < r->prog->nr_runs; i++)
		nr_runs[r->prog->runs[i].kind]++;
	for (int kind = TRACE_MAP; kind <= TRACE_UNMAP; kind++)
		if (nr_runs[kind])
			want = fmax(want,
				    100 * host_clock_reading_ns(r->clock) *
					    (double)nr_runs[kind] /
					    fmax(r->plain.ns[kind], 1));
	if (max > MAX_LOCKSTEP)
		max = MAX_LOCKSTEP;
	want = fmin(ceil(want), (double)max);
	return want < 1 ? 1 : (size_t)want;
}

static bool is_done(u64 nr_passes, const struct split *sum)
{
	if (nr_passes < MIN_PASSES)
		return false;
	return nr_passes == MAX_PASSES || split_sum(sum) >= MIN_LOCKSTEP_NS;
}

/*
 * The second pass: the sum over all its replays, and the least that each kind
 * took in one. Return: replays it made, 0 when there was no memory.
 */
static u64 split_times(struct replay *r, struct split *sum, struct split *least)
{
	size_t nr = lockstep_domains(r);
	u64 i;

	for (i = 0; !is_done(i, sum); i++) {
		struct split pass = { { 0, 0 } };

		if (renew_domains(r, nr, NULL))
			return 0;
		do_lockstep(r, nr, &pass);
		for (int kind = TRACE_MAP; kind <= TRACE_UNMAP; kind++) {
			double ns = pass.ns[kind] / (double)nr;

			sum->ns[kind] += pass.ns[kind];
			least->ns[kind] = i ? fmin(least->ns[kind], ns) : ns;
		}
	}
	return i * nr;
}

static void replay_report(void *ctx, struct bench_counts *counts)
{
	static const char *const means[] = { "map_ns", "unmap_ns" };
	static const char *const minima[] = { "map_min_ns", "unmap_min_ns" };
	struct replay *r = ctx;
	struct split sum = { { 0, 0 } }, least = { { 0, 0 } };
	u64 nr[2] = { 0, 0 }, bytes[2] = { 0, 0 };
	u64 nr_replays = split_times(r, &sum, &least);
	double whole = r->wall_ns / (double)r->nr_replays;

	if (!nr_replays || split_sum(&sum) <= 0)
		return;
	count_calls(r->prog, nr, bytes);
	for (int kind = TRACE_MAP; kind <= TRACE_UNMAP; kind++) {
		double of_kind = (double)nr[kind];

		if (!nr[kind])
			continue;
		bench_count(counts, means[kind],
			    whole * sum.ns[kind] / split_sum(&sum) / of_kind);
		bench_count(counts, minima[kind], least.ns[kind] / of_kind);
	}
	bench_count(counts, "lockstep_ratio",
		    split_sum(&sum) / (double)nr_replays / whole);
}

static const char *replay_outcome(void *ctx)
{
	const struct replay *r = ctx;

	return r->nr_differ ? "differs" : "ok";
}

static const char *replay_warning(void *ctx)
{
	const struct replay *r = ctx;
	const struct trace_summary *sum = &r->prog->sum;
	bool is_lost = sum->lost.first_line != 0;
	bool is_cut = sum->over_live.nr_events || sum->never_mapped.nr_events;

	if (is_lost && is_cut)
		return "lost,cut";
	return is_lost ? "lost" : is_cut ? "cut" : NULL;
}

static const char *const syncs[] = { "each", "512", NULL };

static const struct bench_key keys[] = {
	{ .name = "trace", .value_at = trace_at },
	{ .name = "engine", .value_at = tables_engine_at },
	{ .name = "sync", .values = syncs },
	{ .name = NULL },
};

/*
 * nr_maps and nr_unmaps are calls; nr_differ, those that did not return what
 * was recorded. nr_lost events are missing, at nr_gaps places more it is not
 * known how many. nr_over_live maps were left out, and nr_never_mapped unmaps
 * were left out or cut to what is mapped.
 */
static const struct bench_counter counters[] = {
	{ "nr_maps", true },
	{ "nr_unmaps", true },
	{ "nr_differ", true },
	{ "nr_lost", true },
	{ "nr_gaps", true },
	{ "nr_over_live", true },
	{ "nr_never_mapped", true },
	{ "map_ns", false },
	{ "unmap_ns", false },
	{ "map_min_ns", false },
	{ "unmap_min_ns", false },
	{ "lockstep_ratio", false },
	{ NULL, false },
};

const struct bench_family replay_family = {
	.name = "replay",
	.question = "a recorded trace of map and unmap calls: VFIO guests, "
		    "NVMe, network",
	.has_ledger = true,
	.keys = keys,
	.counters = counters,
	.check = replay_check,
	.setup = replay_setup,
	.teardown = replay_teardown,
	.verify = replay_verify,
	.count = replay_count,
	.max_n = replay_max_n,
	.prepare = replay_prepare,
	.run = replay_run,
	.check_after = replay_check_after,
	.start = replay_start,
	.report = replay_report,
	.outcome = replay_outcome,
	.warning = replay_warning,
};
