// SPDX-License-Identifier: GPL-2.0-only
/* Devices with a translation cache of their own: ATC_INV after the TLBIs. */
#include "test.h"

#include "rng.h"
#include "sizes.h"
#include "smmuv3.h"

#define IOVA 0x500000000ull

/* One row a range; pages are of 4K whatever the granule. */
static const struct {
	const char *name;
	u64 iova, size;
	u64 addr;
	unsigned int lg2;
} ranges[] = {
	{ "one page", 7 * SZ_4K, SZ_4K, 7 * SZ_4K, 0 },
	/* 8 ^ 11 = 0b11: 4 pages, aligned already. */
	{ "8 to 11", 8 * SZ_4K, 4 * SZ_4K, 8 * SZ_4K, 2 },
	/* 7 ^ 10 = 0b1101: 16 pages from 0. */
	{ "7 to 10", 7 * SZ_4K, 4 * SZ_4K, 0, 4 },
	{ "2M", IOVA, SZ_2M, IOVA, 9 },
	{ "2M across 2M", IOVA + SZ_1M, SZ_2M, IOVA, 10 },
	{ "64K granule", SZ_64K, SZ_64K, SZ_64K, 4 },
	{ "across the middle of 48 bits", (1ull << 47) - SZ_4K, 2 * SZ_4K, 0,
	  36 },
};

static void test_range(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		u64 addr = 1;
		unsigned int lg2 =
			smmu_atc_range(ranges[i].iova, ranges[i].size, &addr);

		expect_u64(lg2, ranges[i].lg2, "%s: size", ranges[i].name);
		expect_u64(addr, ranges[i].addr, "%s: start", ranges[i].name);
	}
}

/* Against the definition: no smaller aligned power of two covers it. */
static void test_smallest(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (int i = 0; i < 20000; i++) {
		u64 first = rng_below(&rng, 1ull << rng_below(&rng, 36));
		u64 nr = 1 + rng_below(&rng, 1ull << rng_below(&rng, 20));
		u64 addr = 0;
		unsigned int lg2 =
			smmu_atc_range(first * SZ_4K, nr * SZ_4K, &addr);
		unsigned int want = 0;

		while (first >> want != (first + nr - 1) >> want)
			want++;
		expect_u64(lg2, want, "%" PRIu64 "+%" PRIu64 " seed %" PRIu64,
			   first, nr, seed);
		expect_u64(addr, first >> want << want << 12,
			   "%" PRIu64 "+%" PRIu64 " seed %" PRIu64, first, nr,
			   seed);
	}
}

/*
 * One row a driver and its streams: after the sync of the TLBIs one ATC_INV a
 * stream and a second sync; more than 64 streams need a second doorbell.
 */
static const struct {
	const char *driver;
	size_t nr_sids;
	u32 ssid;
	u64 nr_syncs, nr_doorbells;
} rows[] = {
	{ "6.1", 1, 0, 2, 2 },	 { "6.12", 3, 0, 2, 2 },
	{ "7.3", 3, 0, 2, 2 },	 { "6.12", 64, 0, 2, 2 },
	{ "6.12", 65, 0, 2, 3 }, { "7.3", 200, 5, 2, 5 },
	{ "7.3", 0, 0, 1, 1 },
};

static u32 sid_of(size_t i)
{
	return (u32)(1000 - 7 * (s64)i % 997);
}

static struct smmu_domain *create(size_t row, struct smmu *smmu)
{
	u32 sids[200];
	struct smmu_attach attach = {
		.smmu = smmu,
		.sids = sids,
		.nr_sids = rows[row].nr_sids,
		.ssid = rows[row].ssid,
	};
	struct smmu_domain_cfg cfg = {
		.rule = smmu_rule_find(rows[row].driver),
		.stage = 1,
		.granule = SZ_4K,
		.attach = &attach,
		.nr_attach = 1,
	};
	struct smmu_domain *domain = NULL;

	for (size_t i = 0; i < rows[row].nr_sids; i++)
		sids[i] = sid_of(i);
	assert_int_equal(smmu_domain_create(&cfg, &domain, NULL), 0);
	return domain;
}

static void check_streams(const struct smmu *smmu, size_t row, bool is_all)
{
	bool sorts = !strcmp(rows[row].driver, "7.3");
	u32 last = 0;

	/* A TLBI, its sync, the streams, their sync. */
	for (size_t i = 0; i < rows[row].nr_sids; i++) {
		struct smmu_cmd cmd;

		assert_int_equal(smmu_cmd_decode(smmu_kept(smmu, 2 + i), &cmd),
				 0);
		expect_u64(cmd.op, CMD_ATC_INV, "row %zu stream %zu", row, i);
		if (!sorts)
			expect_u64(cmd.sid, sid_of(i), "row %zu stream %zu",
				   row, i);
		else if (cmd.sid <= last)
			fail_msg("row %zu stream %zu: %u after %u", row, i,
				 cmd.sid, last);
		last = cmd.sid;
		expect_u64(cmd.has_ssid, rows[row].ssid != 0, "row %zu", row);
		expect_u64(cmd.ssid, rows[row].ssid, "row %zu", row);
		expect_u64(cmd.size, is_all ? 52 : 9, "row %zu", row);
		expect_u64(cmd.addr, is_all ? 0 : IOVA, "row %zu", row);
	}
}

static void check(size_t row, bool is_all)
{
	struct smmu_cfg cfg = { .lg2_entries = 12, .has_ril = true };
	struct smmu *smmu = NULL;
	struct smmu_domain *domain;
	const struct tlb_counters *c;

	assert_int_equal(smmu_create(&cfg, &smmu, NULL), 0);
	domain = create(row, smmu);
	c = &smmu->counters;
	if (is_all)
		smmuv3_inval_ops.flush_all(domain);
	else
		smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, domain);
	expect_u64(c->nr_ops[is_all ? TLB_NH_ASID : TLB_NH_VA], 1, "row %zu",
		   row);
	expect_u64(c->nr_ops[TLB_ATC_INV], rows[row].nr_sids, "row %zu", row);
	expect_u64(c->nr_syncs, rows[row].nr_syncs, "row %zu: syncs", row);
	expect_u64(c->nr_doorbells, rows[row].nr_doorbells,
		   "row %zu: doorbells", row);
	check_streams(smmu, row, is_all);
	smmu_domain_destroy(domain);
	smmu_destroy(smmu);
}

static void test_streams(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		check(i, false);
		check(i, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
