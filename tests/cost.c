// SPDX-License-Identifier: GPL-2.0-only
/* Simulated time: prices applied to counts, against worked examples. */
#include "test.h"

#include "cost.h"
#include "rng.h"
#include "sizes.h"
#include "tlbsim.h"

#define NS 1000ull

/* As smmuv3-ril and smmuv3-noril. */
static const struct cost_profile v3 = {
	.items = { [COST_ISSUE] = { .ps = 20 * NS },
		   [COST_EXEC] = { .ps = 74 * NS },
		   [COST_CONTEXT_ISSUE] = { .ps = 20 * NS },
		   [COST_CONTEXT_EXEC] = { .ps = 74 * NS },
		   [COST_ATC_ISSUE] = { .ps = 20 * NS },
		   [COST_ATC_EXEC] = { .ps = 500 * NS },
		   [COST_SYNC] = { .ps = 280 * NS } },
};

/* As smmuv3-guest-trapped, with a price for each trap of a full batch. */
static const struct cost_profile guest = {
	.items = { [COST_ISSUE] = { .ps = 2400 * NS },
		   [COST_CONTEXT_ISSUE] = { .ps = 2400 * NS },
		   [COST_SYNC] = { .ps = 33300 * NS },
		   [COST_SUBMIT] = { .ps = 1000 * NS } },
};

/* As smmuv2-sm8150. */
static const struct cost_profile v2 = {
	.items = { [COST_ISSUE] = { .ps = 120 * NS },
		   [COST_CONTEXT_ISSUE] = { .ps = 1744 * NS },
		   [COST_SYNC] = { .ps = 1350 * NS } },
};

/* The CPU is slow with contexts, the hardware with addresses. */
static const struct cost_profile mixed = {
	.items = { [COST_ISSUE] = { .ps = 1 },
		   [COST_EXEC] = { .ps = 10 },
		   [COST_CONTEXT_ISSUE] = { .ps = 100 },
		   [COST_CONTEXT_EXEC] = { .ps = 3 } },
};

/* One row counts as segments; the time worked out by hand. */
static const struct {
	const char *name;
	const struct cost_profile *profile;
	struct tlb_segment segments[3];
	u64 nr_pushes;
	u64 open_addr;
	u64 ps;
} rows[] = {
	{ "nothing", &v3, { { { 0 }, 0 } }, 0, 0, 0 },
	/* max(1 * 20, 1 * 74) + 280 */
	{ "one command", &v3, { { { 1, 0, 0 }, 1 } }, 0, 0, 354 * NS },
	/* 64M of 4K with ranges: 32 * (74 + 280) */
	{ "64M, RIL", &v3, { { { 1, 0, 0 }, 32 } }, 0, 0, 11328 * NS },
	/* 64M of 4K without: 32 * (512 * 74 + 280); pushes are free */
	{ "64M, no RIL", &v3, { { { 512, 0, 0 }, 32 } }, 224, 0, 1221376 * NS },
	/* 1G of 4K as a table: 262144 * 74 + 280 = 19.4 ms */
	{ "1G table",
	  &v3,
	  { { { 262144, 0, 0 }, 1 } },
	  4095,
	  0,
	  19398936 * NS },
	/* A sync with nothing before it. */
	{ "bare sync", &v3, { { { 0, 0, 0 }, 2 } }, 0, 0, 560 * NS },
	/* TLBI and sync 354, then 2 ATC_INV 2 * 500 and sync 280. */
	{ "ATS",
	  &v3,
	  { { { 1, 0, 0 }, 1 }, { { 0, 0, 2 }, 1 } },
	  0,
	  0,
	  1634 * NS },
	/* Issued 3 and not synced: 3 * 74. */
	{ "not synced", &v3, { { { 0 }, 0 } }, 0, 3, 222 * NS },
	/* 64 pages: 64 * 2400 + 33300 */
	{ "256K, trapped", &guest, { { { 64, 0, 0 }, 1 } }, 0, 0, 186900 * NS },
	/* 65: one push of 64, and the rest: 65 * 2400 + 1000 + 33300 */
	{ "260K, trapped", &guest, { { { 65, 0, 0 }, 1 } }, 1, 0, 190300 * NS },
	/* 32M of 4K, 8192 TLBIVA: 16 * (512 * 120 + 1350) */
	{ "32M, SM8150 before",
	  &v2,
	  { { { 512, 0, 0 }, 16 } },
	  0,
	  0,
	  1004640 * NS },
	/* 16 TLBIASID: 16 * (1744 + 1350), 20.3 times faster */
	{ "32M, SM8150 after", &v2, { { { 0, 1, 0 }, 16 } }, 0, 0, 49504 * NS },
	/*
	 * In one segment the sums compete: max(10 * 1 + 100, 10 * 10 + 3) =
	 * 110, not 10 * 10 + 100; apart it is 100 + 100.
	 */
	{ "mixed", &mixed, { { { 10, 1, 0 }, 1 } }, 0, 0, 110 },
	{ "mixed, apart",
	  &mixed,
	  { { { 10, 0, 0 }, 1 }, { { 0, 1, 0 }, 1 } },
	  0,
	  0,
	  200 },
};

static void test_rows(void **unused)
{
	struct tlb_counters c;

	(void)unused;
	assert_int_equal(tlb_counters_init(&c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 ps = 1;

		tlb_counters_reset(&c);
		for (int j = 0; j < 3; j++) {
			const struct tlb_segment *s = &rows[i].segments[j];

			if (!s->count)
				continue;
			tlb_counters_add_segments(&c, s);
			c.nr_syncs += s->count;
		}
		c.nr_pushes = rows[i].nr_pushes;
		c.open[TLB_CLASS_ADDR] = rows[i].open_addr;
		expect_int(cost_sim_ps(rows[i].profile, &c, &ps), 0,
			   rows[i].name);
		expect_u64(ps, rows[i].ps, "%s", rows[i].name);
	}
	tlb_counters_fini(&c);
}

/* Summed segment by segment, as the formula reads, for random prices. */
static void test_by_segment(void **unused)
{
	u64 seed = test_seed();
	struct cost_profile p = { 0 };
	struct tlb_counters c;
	struct rng rng;
	u64 want = 0, ps = 0;

	(void)unused;
	rng_init(&rng, seed);
	for (int i = 0; i < COST_NR_ITEMS; i++)
		p.items[i].ps = rng_below(&rng, 100000);
	assert_int_equal(tlb_counters_init(&c), 0);
	for (int i = 0; i < 5000; i++) {
		u64 a = rng_below(&rng, 40), x = rng_below(&rng, 3);
		u64 t = rng_below(&rng, 5);
		u64 issue = a * p.items[COST_ISSUE].ps +
			    x * p.items[COST_CONTEXT_ISSUE].ps +
			    t * p.items[COST_ATC_ISSUE].ps;
		u64 exec = a * p.items[COST_EXEC].ps +
			   x * p.items[COST_CONTEXT_EXEC].ps +
			   t * p.items[COST_ATC_EXEC].ps;

		c.open[TLB_CLASS_ADDR] = a;
		c.open[TLB_CLASS_CONTEXT] = x;
		c.open[TLB_CLASS_ATC] = t;
		tlb_counters_sync(&c);
		want += (issue > exec ? issue : exec) + p.items[COST_SYNC].ps;
	}
	assert_int_equal(cost_sim_ps(&p, &c, &ps), 0);
	expect_u64(ps, want, "seed %" PRIu64, seed);
	tlb_counters_fini(&c);
}

static void test_failures(void **unused)
{
	static const struct tlb_segment big = { { 1ull << 50, 0, 0 }, 1 };
	struct tlb_counters c;
	u64 ps = 7;

	(void)unused;
	assert_int_equal(tlb_counters_init(&c), 0);
	assert_int_equal(tlb_counters_add_segments(&c, &big), 0);
	expect_int(cost_sim_ps(&v3, &c, &ps), -ERANGE, "2^50 * 74 ns");
	tlb_counters_reset(&c);
	c.nr_lost = 1;
	expect_int(cost_sim_ps(&v3, &c, &ps), -ENOMEM, "a segment was lost");
	expect_u64(ps, 7, "untouched");
	tlb_counters_fini(&c);
}

static void test_contention(void **unused)
{
	static const struct cost_profile p = {
		.contention = { { 1, 1956, 1328, 883, false },
				{ 16, 8891, 7474, 4000, false },
				{ 96, 101880, 93649, 24429, false } },
		.nr_contention = 3,
	};
	struct cost_contention row = { .threads = 77 };

	(void)unused;
	expect_int(cost_contention(&v3, 1, &row), -ENOENT, "no table");
	expect_int(cost_contention(&p, 0, &row), -ERANGE, "0 CPUs");
	expect_int(cost_contention(&p, 97, &row), -ERANGE, "97 CPUs");
	expect_u64(row.threads, 77, "untouched");
	for (u32 i = 0; i < p.nr_contention; i++) {
		expect_int(cost_contention(&p, p.contention[i].threads, &row),
			   0, "a published row");
		expect_u64(row.unmap_ps, p.contention[i].unmap_ps, "row %u", i);
		assert_false(row.is_interpolated);
	}
	/* 1956 + (8891 - 1956) * 5 / 15 = 4267.7 */
	expect_int(cost_contention(&p, 6, &row), 0, "between");
	assert_true(row.is_interpolated);
	expect_u64(row.threads, 6, "threads");
	expect_u64(row.unmap_ps, 4267, "whole unmap");
	/* 1328 + 6146 / 3 = 3376.7; 883 + 3117 / 3 = 1922 */
	expect_u64(row.cmdlist_ps, 3376, "cmdlist");
	expect_u64(row.sync_ps, 1922, "sync");
}

static void test_text(void **unused)
{
	static const struct {
		u64 ps;
		const char *text;
	} texts[] = {
		{ 0, "0" },
		{ 280000, "280" },
		{ 72500, "72.5" },
		{ 1, "0.001" },
		{ 1010, "1.01" },
		{ 999, "0.999" },
		{ 33300000, "33300" },
	};
	char text[COST_NS_TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(cost_ns_text(texts[i].ps, text),
				    texts[i].text);
}

/* The same request through each interface; the time by the counts alone. */
static void test_simulators(void **unused)
{
	static const struct {
		enum cost_interface interface;
		const struct cost_profile *prices;
		enum tlbsim_ril ril;
		u64 nr, nr_syncs, ps;
		const char *last;
	} sims[] = {
		{ COST_SMMUV3, &v3, TLBSIM_RIL_ON, 1, 1, 354 * NS,
		  "CMD_SYNC cs=sev" },
		/* 512 * 74 + 280, driver 6.12 */
		{ COST_SMMUV3, &v3, TLBSIM_RIL_OFF, 512, 1, 38168 * NS,
		  "CMD_SYNC cs=sev" },
		/* 512 * 120 + 1350 */
		{ COST_SMMUV2, &v2, TLBSIM_RIL_PROFILE, 512, 1, 62790 * NS,
		  "TLBSYNC" },
		{ COST_NOTHING, &v3, TLBSIM_RIL_PROFILE, 0, 0, 0, NULL },
	};
	char text[SMMU_CMD_TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(sims); i++) {
		struct cost_profile p = *sims[i].prices;
		struct tlbsim_cfg cfg = { .profile = &p,
					  .driver = "6.12",
					  .stage = 1,
					  .granule = SZ_4K,
					  .ril = sims[i].ril };
		struct tlbsim *sim = NULL;
		u64 ps = 1, kept;

		p.interface = sims[i].interface;
		assert_int_equal(tlbsim_create(&cfg, &sim, NULL), 0);
		expect_u64(sim->rule->immediate,
			   sims[i].interface == COST_SMMUV2, "sim %zu", i);
		sim->ops->flush_walk(SZ_1G, SZ_2M, SZ_4K, sim->cookie);
		expect_u64(tlb_counters_invalidations(sim->counters),
			   sims[i].nr, "sim %zu", i);
		expect_u64(sim->counters->nr_syncs, sims[i].nr_syncs, "sim %zu",
			   i);
		assert_int_equal(cost_sim_ps(&p, sim->counters, &ps), 0);
		expect_u64(ps, sims[i].ps, "sim %zu", i);
		kept = tlbsim_nr_kept(sim);
		expect_u64(kept, sims[i].nr + sims[i].nr_syncs, "sim %zu", i);
		if (kept)
			assert_string_equal(
				tlbsim_kept_text(sim, kept - 1, text),
				sims[i].last);
		tlbsim_reset(sim);
		expect_u64(sim->counters->nr_syncs, 0, "reset %zu", i);
		tlbsim_destroy(sim);
	}
}

static void test_refused(void **unused)
{
	struct cost_profile p = { .name = "mine", .interface = COST_SMMUV2 };
	const struct tlbsim_cfg good = {
		.profile = &p, .driver = "7.3", .stage = 1, .granule = SZ_4K
	};
	struct tlbsim_cfg bad = good;
	struct tlbsim *sim = NULL;
	struct iopt_err err;

	(void)unused;
	bad.driver = "5.4";
	expect_int(tlbsim_create(&bad, &sim, &err), -EINVAL, "driver");
	expect_text(err.msg, "driver 5.4: must be 6.1, 6.12, 7.3 or amdv1",
		    "text");
	bad = good;
	bad.ril = TLBSIM_RIL_ON;
	expect_int(tlbsim_create(&bad, &sim, &err), -EINVAL, "RIL of SMMUv2");
	expect_text(err.msg, "profile mine is of interface smmuv2", "text");
	bad = good;
	bad.has_e2h = true;
	expect_int(tlbsim_create(&bad, &sim, &err), -EINVAL, "E2H of SMMUv2");
	p.interface = COST_SMMUV3;
	bad = good;
	bad.lg2_entries = 20;
	expect_int(tlbsim_create(&bad, &sim, &err), -EINVAL, "2^20 entries");
	bad = good;
	bad.stage = 3;
	expect_int(tlbsim_create(&bad, &sim, &err), -EINVAL, "stage 3");
	assert_null(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_by_segment),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_contention),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_simulators),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
