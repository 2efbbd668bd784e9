// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flush queue: when it flushes, what it frees, what a lazy unmap leaves
 * for it, and that nothing is freed that no flush has covered.
 */
#include "support.h"

#include "flush_queue.h"
#include "recorder.h"
#include "rng.h"
#include "sizes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* A domain whose flushes look at what was unmapped before them. */
struct rig {
	struct iommu_domain domain;
	struct inval_ops ops;
	struct recorder rec; /* the cookie */
	struct arena *arena;
	struct pgtable *pgt;
	struct flush_queue *fq;
	u64 nr_added;
	u64 nr_covered; /* added before the last flush began */
};

/* Everything that waits has left the table; the call that flushes, too. */
static void flush_all(void *cookie)
{
	struct rig *rig = (void *)((char *)cookie - offsetof(struct rig, rec));
	const struct flush_queue *fq = rig->fq;

	for (unsigned int i = fq->head; i != fq->tail; i = (i + 1) & fq->mask)
		if (iommu_iova_to_phys(&rig->domain, fq->entries[i].iova))
			fail_msg("0x%" PRIx64 " is mapped at its flush",
				 fq->entries[i].iova);
	rig->nr_covered = rig->nr_added;
	inval_recorder_ops.flush_all(cookie);
}

static void rig_init(struct rig *rig, const char *engine_name,
		     unsigned int nr_entries)
{
	const struct pgtable_engine *engine = pgtable_engine_find(engine_name);
	struct pgtable_cfg cfg = {
		.params = engine->params,
		.stage = 1,
		.granule = SZ_4K,
		.ias = 48,
		.oas = 48,
		.coherent_walk = true,
		.tlb = &rig->ops,
		.cookie = &rig->rec,
	};
	const struct gather_rule *rule = gather_rule_find(engine->rule);
	struct iopt_err err = { "" };

	*rig = (struct rig){ .ops = inval_recorder_ops };
	rig->ops.flush_all = flush_all;
	rig->arena = cfg.arena = test_arena(16 * SZ_1M);
	recorder_init(&rig->rec, rule, false);
	if (pgtable_create(engine, &cfg, &rig->pgt, &err))
		fail_msg("%s", err.msg);
	iommu_domain_init(&rig->domain, rig->pgt, rule);
	if (flush_queue_create(&rig->domain, nr_entries, &rig->fq, &err))
		fail_msg("%s", err.msg);
}

static void rig_fini(struct rig *rig)
{
	flush_queue_destroy(rig->fq);
	rig->pgt->ops.free(rig->pgt);
	recorder_fini(&rig->rec);
	assert_int_equal(arena_destroy(rig->arena), 0);
}

static void add(struct rig *rig)
{
	flush_queue_add(rig->fq, rig->nr_added * SZ_4K, SZ_4K);
	rig->nr_added++;
}

static void expect(const struct rig *rig, u64 flushes, unsigned int waiting,
		   u64 freed, const char *what)
{
	const struct flush_queue *fq = rig->fq;

	if (rig->rec.counts.nr_all != flushes ||
	    flush_queue_nr(fq) != waiting || fq->nr_freed != freed)
		fail_msg("%s: expected %" PRIu64
			 " flushes, %u waiting, %" PRIu64 " freed; got %" PRIu64
			 ", %u, %" PRIu64,
			 what, flushes, waiting, freed, rig->rec.counts.nr_all,
			 flush_queue_nr(fq), fq->nr_freed);
}

/*
 * One entry of the ring stays free, and the range that finds it full waits for
 * the next flush: one flush each nr_entries - 1 ranges, from the second such
 * turn on.
 */
static const struct row {
	unsigned int nr_entries;
	unsigned int adds;
	u64 flushes;
	unsigned int waiting;
	u64 freed;
} rows[] = {
	{ 2, 1, 0, 1, 0 },
	{ 2, 2, 1, 1, 1 },
	{ 2, 7, 6, 1, 6 },
	{ 4, 3, 0, 3, 0 },
	{ 4, 4, 1, 1, 3 },
	{ 4, 6, 1, 3, 3 },
	{ 4, 7, 2, 1, 6 },
	{ FLUSH_QUEUE_ENTRIES, 255, 0, 255, 0 },
	{ FLUSH_QUEUE_ENTRIES, 256, 1, 1, 255 },
	{ FLUSH_QUEUE_ENTRIES, 510, 1, 255, 255 },
	{ FLUSH_QUEUE_ENTRIES, 511, 2, 1, 510 },
	{ FLUSH_QUEUE_ENTRIES, 255 * 100, 99, 255, 255 * 99 },
	{ FLUSH_QUEUE_SINGLE_ENTRIES, 32767, 0, 32767, 0 },
	{ FLUSH_QUEUE_SINGLE_ENTRIES, 32768, 1, 1, 32767 },
};

static void test_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct rig rig;
		char what[64];

		snprintf(what, sizeof(what), "%u entries, %u adds",
			 row->nr_entries, row->adds);
		rig_init(&rig, "lpae-7.3", row->nr_entries);
		for (unsigned int n = 0; n < row->adds; n++)
			add(&rig);
		expect(&rig, row->flushes, row->waiting, row->freed, what);
		rig_fini(&rig);
	}
}

/* What the timer does empties the queue, and the count to full starts anew. */
static void test_timer(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, "lpae-7.3", 256);
	for (int i = 0; i < 10; i++)
		add(&rig);
	flush_queue_flush(rig.fq);
	expect(&rig, 1, 0, 10, "timer after 10");
	for (int i = 0; i < 255; i++)
		add(&rig);
	expect(&rig, 1, 255, 10, "a queue's worth after it");
	add(&rig);
	expect(&rig, 2, 1, 265, "one more");
	flush_queue_flush(rig.fq);
	flush_queue_flush(rig.fq);
	expect(&rig, 4, 0, 266, "the timer twice");
	rig_fini(&rig);
}

/* At any time: nothing is freed that was added after the last flush began. */
static void test_random(void **state)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)state;
	rng_init(&rng, seed);
	for (int round = 0; round < 50; round++) {
		unsigned int entries = 2u << rng_below(&rng, 6);
		struct rig rig;

		rig_init(&rig, "lpae-7.3", entries);
		for (int op = 0; op < 1000; op++) {
			if (rng_below(&rng, 40))
				add(&rig);
			else
				flush_queue_flush(rig.fq);
			if (rig.fq->nr_freed > rig.nr_covered)
				fail_msg("seed 0x%" PRIx64 ", round %d, op %d: "
					 "%" PRIu64 " freed, %" PRIu64
					 " flushed",
					 seed, round, op, rig.fq->nr_freed,
					 rig.nr_covered);
			if (rig.fq->nr_freed + flush_queue_nr(rig.fq) !=
			    rig.nr_added)
				fail_msg("seed 0x%" PRIx64 ", round %d, op %d: "
					 "%" PRIu64 " freed and %u waiting of "
					 "%" PRIu64,
					 seed, round, op, rig.fq->nr_freed,
					 flush_queue_nr(rig.fq), rig.nr_added);
		}
		rig_fini(&rig);
	}
}

/* Buffers of 16K: four pages and a sync each, or one flush each 255. */
static void test_dma_unmap(void **state)
{
	const u64 size = 4 * SZ_4K;

	(void)state;
	for (int is_lazy = 0; is_lazy <= 1; is_lazy++) {
		struct inval_counts *got;
		struct rig rig;

		rig_init(&rig, "lpae-6.12", FLUSH_QUEUE_ENTRIES);
		got = &rig.rec.counts;
		for (u64 i = 0; i < 256; i++) {
			u64 iova = SZ_1G - (i + 1) * size;

			assert_int_equal(iommu_map(&rig.domain, iova,
						   64 * SZ_1G + iova, size,
						   PROT),
					 0);
			assert_int_equal(
				iommu_dma_unmap(&rig.domain,
						is_lazy ? rig.fq : NULL, iova,
						size),
				size);
			assert_int_equal(iommu_iova_to_phys(&rig.domain, iova),
					 0);
			assert_int_equal(got->nr_all, is_lazy && i == 255);
			assert_int_equal(got->nr_syncs, is_lazy ? 0 : i + 1);
			assert_int_equal(got->nr_pages,
					 is_lazy ? 0 : 4 * (i + 1));
		}
		assert_int_equal(rig.fq->entries[0].size, is_lazy ? size : 0);
		rig_fini(&rig);
	}
}

/*
 * 2M and a page on either side out of three 2M blocks: the second split syncs
 * the first, the gather is queued no more, and nothing goes into the queue.
 */
static void test_split_at_both_ends(void **state)
{
	const u64 size = SZ_2M + 2 * SZ_4K;
	struct rig rig;

	(void)state;
	rig_init(&rig, "lpae-6.12", FLUSH_QUEUE_ENTRIES);
	assert_int_equal(
		iommu_map(&rig.domain, SZ_1G, 2 * SZ_1G, 3 * SZ_2M, PROT), 0);
	assert_int_equal(iommu_dma_unmap(&rig.domain, rig.fq,
					 SZ_1G + SZ_2M - SZ_4K, size),
			 size);
	expect(&rig, 0, 0, 0, "split at both ends");
	assert_int_equal(rig.rec.counts.nr_syncs, 2);
	rig_fini(&rig);
}

static void test_refused(void **state)
{
	static const unsigned int bad[] = { 0, 1, 3, 255, 257, ~0u };
	struct flush_queue *fq = (void *)bad;
	struct iommu_domain domain;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct iopt_err err = { "" };
		char text[32];

		assert_int_equal(flush_queue_create(&domain, bad[i], &fq, &err),
				 -EINVAL);
		assert_ptr_equal(fq, bad);
		snprintf(text, sizeof(text), "of %u entries", bad[i]);
		if (!strstr(err.msg, text) || !strstr(err.msg, "power of two"))
			fail_msg("%s", err.msg);
	}
	flush_queue_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_dma_unmap),
		cmocka_unit_test(test_split_at_both_ends),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
