// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streaming DMA: buffers that are mapped, used once and unmapped.
 *
 * Question: what do a driver's dma_map_single() and dma_unmap_single() cost in
 *	the page table and at the TLB, strict and lazy?
 * What a reader learns: what a sync for each unmap costs against one
 *	invalidation of the whole domain for a queue full of them, and how both
 *	grow with the buffer.
 *
 * One operation is 255 buffers, each mapped and unmapped before the next. That
 * many fit in a flush queue of 256 entries, so that an operation in lazy mode
 * flushes exactly once and its counters are whole numbers. Strict does the same
 * 255, and both read alike; buffer_min_ns is the fastest section's time divided
 * by them.
 *
 * The key inval says which:
 *	strict	each unmap gathers and syncs before it returns;
 *	lazy	each unmap goes into the flush queue, which flushes when it is
 *		full. The timer that flushes too is not modelled.
 *
 * There is no IOVA allocator. Buffers lie below 4G, aligned to their size, at
 * descending addresses that come round after 512 buffers: each has left the
 * flush queue by then. (The kernel's allocator hands the address that was freed
 * last out first; the same addresses for both modes leave the invalidation as
 * the one difference.) A buffer is physically contiguous. The tables of the
 * pages stay and are in the caches, as under a steady load. The time of
 * allocating addresses, bounce buffers and cache maintenance of the data is in
 * no number here. Timed invalidations go to a sink that gathers and sends
 * nothing.
 */
#include "families.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "flush_queue.h"
#include "sizes.h"
#include "tables.h"

#define NR_BUFFERS (FLUSH_QUEUE_ENTRIES - 1)
#define NR_SLOTS   (2 * FLUSH_QUEUE_ENTRIES)
#define TOP_IOVA   (4 * SZ_1G)

/**
 * struct dma - Context of a case.
 * @t: one table with its domain
 * @fq: flush queue, NULL in strict mode
 * @size: bytes of a buffer
 * @nr_done: buffers ever mapped and unmapped
 * @errors: return values of iommu_map(), or'ed; 0 when all was well
 * @bytes: bytes that unmaps returned since the last check
 */
struct dma {
	struct tables t;
	struct flush_queue *fq;
	u64 size;
	u64 nr_done;
	int errors;
	u64 bytes;
};

static bool dma_check(const struct bench_env *env, struct bench_case *c)
{
	u64 granule = bench_size(c, "granule");
	u64 size = bench_size(c, "size");
	bool is_new = bench_is(c, "engine", "lpae-6.12") ||
		      bench_is(c, "engine", "lpae-7.3") ||
		      tables_is_given(env, c);
	bool is_end = size == granule || size == 128 * SZ_1K;
	bool is_4k = granule == SZ_4K;

	/* The DMA API rounds a smaller buffer up: it costs a granule. */
	if (size < granule)
		return false;
	c->set = BENCH_FULL;
	if (is_new && is_4k && is_end)
		c->set = BENCH_QUICK;
	else if (is_new && (is_4k || is_end))
		c->set = BENCH_DEFAULT;
	else if (bench_is(c, "engine", "lpae-6.1") && is_4k && is_end)
		c->set = BENCH_DEFAULT;
	return true;
}

static u64 iova_of(const struct dma *d, u64 buffer)
{
	return TOP_IOVA - (buffer % NR_SLOTS + 1) * d->size;
}

static inline void map_next(struct dma *d)
{
	u64 iova = iova_of(d, d->nr_done);

	d->errors |= iommu_map(&d->t.domain[0], iova, tables_paddr(&d->t, iova),
			       d->size, TABLES_PROT);
}

static inline void unmap_next(struct dma *d)
{
	d->bytes += iommu_dma_unmap(&d->t.domain[0], d->fq,
				    iova_of(d, d->nr_done), d->size);
	d->nr_done++;
}

static void dma_run(void *ctx, u64 n)
{
	struct dma *d = ctx;

	for (u64 i = 0; i < n * NR_BUFFERS; i++) {
		map_next(d);
		unmap_next(d);
	}
}

static int check_bytes(struct dma *d, u64 nr_buffers, struct iopt_err *err)
{
	u64 want = nr_buffers * d->size;
	u64 bytes = d->bytes;
	int errors = d->errors;

	d->bytes = 0;
	d->errors = 0;
	if (errors)
		return iopt_err_set(err, -EINVAL,
				    "iommu_map failed, expected 0");
	if (bytes != want)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " bytes unmapped, expected "
				    "%" PRIu64,
				    bytes, want);
	return 0;
}

static void dma_teardown(void *ctx)
{
	struct dma *d = ctx;

	flush_queue_destroy(d->fq);
	tables_fini(&d->t);
	free(d);
}

/*
 * Every address is used once, so that no table is missing later on; then as
 * many buffers that the queue is full, and each operation flushes once.
 */
static int warm_up(struct dma *d, bool is_lazy, struct iopt_err *err)
{
	int ret;

	for (u64 i = 0; i < NR_SLOTS; i++) {
		map_next(d);
		unmap_next(d);
	}
	ret = check_bytes(d, NR_SLOTS, err);
	if (!ret && is_lazy)
		ret = flush_queue_create(&d->t.domain[0], FLUSH_QUEUE_ENTRIES,
					 &d->fq, err);
	if (ret)
		return ret;
	d->nr_done = 0;
	dma_run(d, 1);
	return check_bytes(d, NR_BUFFERS, err);
}

static int dma_setup(const struct bench_env *env, const struct bench_case *c,
		     enum bench_phase phase, void **ctx, struct iopt_err *err)
{
	u64 granule = bench_size(c, "granule");
	struct dma *d = calloc(1, sizeof(*d));
	int ret;

	if (!d)
		return iopt_err_set(err, -ENOMEM, "no memory");
	d->size = bench_size(c, "size");
	ret = tables_init(&d->t, env, bench_value(c, "engine"), granule,
			  granule, phase, err);
	if (ret) {
		free(d);
		return ret;
	}
	tables_layout(&d->t, granule, d->size / granule, d->size, NR_SLOTS);
	ret = tables_grow(&d->t, 1, err);
	if (!ret)
		ret = warm_up(d, bench_is(c, "inval", "lazy"), err);
	if (ret)
		dma_teardown(d);
	else
		*ctx = d;
	return ret;
}

static int check_mapped(struct dma *d, u64 nr_ranges, struct iopt_err *err)
{
	u64 iova = iova_of(d, d->nr_done);
	const struct tables_range range = { iova, iova + d->size };
	u64 nr_leaves = 0;
	int ret = tables_check(&d->t, d->t.pgt[0], &range, nr_ranges,
			       &nr_leaves, err);

	if (!ret && nr_leaves != nr_ranges * d->t.layout.count)
		ret = iopt_err_set(err, -EINVAL,
				   "%" PRIu64 " leaves, expected %" PRIu64,
				   nr_leaves, nr_ranges * d->t.layout.count);
	return ret;
}

/* One buffer: it alone is mapped, and nothing after. */
static int verify_buffer(struct dma *d, struct iopt_err *err)
{
	int ret;

	if (d->fq && d->nr_done >= d->fq->nr_freed + NR_SLOTS)
		return iopt_err_set(err, -EINVAL,
				    "buffer %" PRIu64 " takes an address that "
				    "was not flushed",
				    d->nr_done);
	map_next(d);
	ret = check_mapped(d, 1, err);
	if (ret)
		return ret;
	unmap_next(d);
	return check_mapped(d, 0, err);
}

/* Strict: a sync each. Lazy: none, and one flush a queue's worth. */
static int dma_verify(void *ctx, struct iopt_err *err)
{
	const u64 nr = 3 * NR_BUFFERS;
	struct dma *d = ctx;
	const struct inval_counts *got = &d->t.rec.counts;
	u64 syncs = d->fq ? 0 : nr;
	u64 flushes = d->fq ? 3 : 0;
	int ret = 0;

	recorder_reset(&d->t.rec);
	for (u64 i = 0; i < nr && !ret; i++)
		ret = verify_buffer(d, err);
	if (!ret)
		ret = check_bytes(d, nr, err);
	if (ret)
		return ret;
	if (got->nr_syncs != syncs || got->nr_all != flushes)
		return iopt_err_set(err, -EINVAL,
				    "%" PRIu64 " syncs and %" PRIu64
				    " flushes, expected %" PRIu64
				    " and %" PRIu64,
				    got->nr_syncs, got->nr_all, syncs, flushes);
	return 0;
}

/* Each leaf is written and cleared; a queued gather takes no pages. */
static int dma_count(void *ctx, struct bench_counts *counts,
		     struct iopt_err *err)
{
	struct dma *d = ctx;
	const u64 nr_leaves = NR_BUFFERS * d->t.layout.count;
	const struct tables_counts want = {
		.pte_writes = 2 * nr_leaves,
		.inval_all = d->fq ? 1 : 0,
		.inval_pages = d->fq ? 0 : nr_leaves,
		.syncs = d->fq ? 0 : NR_BUFFERS,
		.bytes_mapped = NR_BUFFERS * d->size,
		.bytes_unmapped = NR_BUFFERS * d->size,
		.calls = 2 * NR_BUFFERS,
	};
	struct tables_snapshot snapshot;
	struct tables_counts got;
	int ret;

	tables_count_start(&d->t, &snapshot);
	dma_run(d, 1);
	tables_count_stop(&d->t, &snapshot, &got);
	got.bytes_mapped = d->errors ? 0 : NR_BUFFERS * d->size;
	got.bytes_unmapped = d->bytes;
	ret = tables_count_report(&d->t, &got, &want, counts, err);
	if (!d->t.sim)
		bench_count(counts, "nr_buffers", NR_BUFFERS);
	return ret ? ret : check_bytes(d, NR_BUFFERS, err);
}

static int dma_check_after(void *ctx, u64 n, struct iopt_err *err)
{
	(void)n;
	return check_mapped(ctx, 0, err);
}

static int dma_finish(void *ctx, u64 n, struct iopt_err *err)
{
	return check_bytes(ctx, n * NR_BUFFERS, err);
}

static void dma_report(void *ctx, struct bench_counts *counts)
{
	double ns;

	(void)ctx;
	if (!bench_count_find(counts, "block_min_ns", &ns))
		bench_count(counts, "buffer_min_ns", ns / NR_BUFFERS);
}

static const char *const sizes[] = { "4K",  "8K",   "16K", "32K",
				     "64K", "128K", NULL };
static const char *const modes[] = { "strict", "lazy", NULL };

static const struct bench_key keys[] = {
	{ .name = "engine", .value_at = tables_engine_at },
	{ .name = "granule", .values = tables_granules },
	{ .name = "size", .values = sizes },
	{ .name = "inval", .values = modes },
	{ .name = NULL },
};

static const struct bench_counter counters[] = {
	{ "nr_buffers", true },
	{ "buffer_min_ns", false },
	{ NULL, false },
};

const struct bench_family dma_family = {
	.name = "dma",
	.question = "streaming buffers of 4K to 128K, strict and lazy",
	.has_ledger = true,
	.keys = keys,
	.counters = counters,
	.check = dma_check,
	.setup = dma_setup,
	.teardown = dma_teardown,
	.verify = dma_verify,
	.count = dma_count,
	.run = dma_run,
	.check_after = dma_check_after,
	.finish = dma_finish,
	.report = dma_report,
};
