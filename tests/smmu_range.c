// SPDX-License-Identifier: GPL-2.0-only
/* What each driver sends for a range: commands, fields, thresholds, queues. */
#include "test.h"

#include "lg2.h"
#include "rng.h"
#include "sizes.h"
#include "smmuv3.h"

#define ASID 0x21
#define VMID 0x43
#define IOVA 0x500000000ull

struct rig {
	struct smmu *smmu;
	struct smmu_domain *domain;
	struct tlb_log log;
};

static void rig_init(struct rig *rig, const char *driver, bool has_ril,
		     bool has_e2h, unsigned int stage, u64 granule)
{
	struct smmu_cfg cfg = {
		.lg2_entries = 16,
		.has_ril = has_ril,
		.has_e2h = has_e2h,
	};
	struct smmu_attach attach = { 0 };
	struct smmu_domain_cfg domain = {
		.rule = smmu_rule_find(driver),
		.stage = stage,
		.granule = granule,
		.asid = ASID,
		.vmid = VMID,
		.attach = &attach,
		.nr_attach = 1,
	};
	struct iopt_err err;

	assert_non_null(domain.rule);
	if (smmu_create(&cfg, &rig->smmu, &err))
		fail_msg("%s", err.msg);
	attach.smmu = rig->smmu;
	if (smmu_domain_create(&domain, &rig->domain, &err))
		fail_msg("%s", err.msg);
	tlb_log_init(&rig->log);
}

static void rig_fini(struct rig *rig)
{
	smmu_domain_destroy(rig->domain);
	smmu_destroy(rig->smmu);
	tlb_log_fini(&rig->log);
}

/* A table flush, or the sync of leaves of @granule over a range. */
static void invalidate(struct rig *rig, bool is_leaf, u64 iova, u64 size,
		       u64 granule)
{
	struct gather gather;

	if (!is_leaf) {
		smmuv3_inval_ops.flush_walk(iova, size, granule, rig->domain);
		return;
	}
	gather_init(&gather);
	gather.pgsize = granule;
	gather_add_range(&gather, iova, size);
	smmuv3_inval_ops.sync(&gather, rig->domain);
}

/*
 * One row a range at IOVA; what it becomes. Ranges take five bits of the
 * number of pages a time, lowest first; TTL is the level of the leaf, 0 for a
 * table flush, which never sends a range of one page.
 */
static const struct {
	const char *name;
	const char *driver;
	bool has_ril, has_e2h;
	unsigned int stage;
	u64 granule;
	bool is_leaf;
	u64 size, pgsize;
	enum tlb_op op;
	u64 nr;
	struct tlb_shape shapes[4];
} rows[] = {
	/* 512 pages = 1 << 9. */
	{ "2M of 4K",
	  "6.12",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 9, 3, 1, true, 1 } } },
	/* 64M = 16384 pages = 1 << 14, of 2M leaves: level 2. */
	{ "64M of 2M",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  64 * SZ_1M,
	  SZ_2M,
	  TLB_NH_VA,
	  1,
	  { { 0, 14, 2, 1, true, 1 } } },
	{ "1G of 1G",
	  "6.1",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_1G,
	  SZ_1G,
	  TLB_NH_VA,
	  1,
	  { { 0, 18, 1, 1, true, 1 } } },
	{ "a page",
	  "6.1",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 0, 3, 1, true, 1 } } },
	/* 511 pages = 31 + 15 << 5. */
	{ "2M less 4K",
	  "6.12",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M - SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  2,
	  { { 30, 0, 3, 1, true, 1 }, { 14, 5, 3, 1, true, 1 } } },
	{ "a table",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_4K,
	  false,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 9, 0, 1, false, 1 } } },
	/* 513 pages end in 00001: 514 = 1 << 1 + 1 << 9. */
	{ "a table and a page",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_4K,
	  false,
	  SZ_2M + SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  2,
	  { { 0, 1, 0, 1, false, 1 }, { 0, 9, 0, 1, false, 1 } } },
	/* 1 page: 2. */
	{ "a table of a page",
	  "6.12",
	  true,
	  false,
	  1,
	  SZ_4K,
	  false,
	  SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 1, 0, 1, false, 1 } } },
	/* 16K: TG 2, 2048 pages in a table; 32M leaves are level 2. */
	{ "32M of 16K",
	  "6.12",
	  true,
	  false,
	  1,
	  SZ_16K,
	  true,
	  SZ_32M,
	  SZ_16K,
	  TLB_NH_VA,
	  1,
	  { { 0, 11, 3, 2, true, 1 } } },
	{ "a 32M block",
	  "6.12",
	  true,
	  false,
	  1,
	  SZ_16K,
	  true,
	  SZ_32M,
	  SZ_32M,
	  TLB_NH_VA,
	  1,
	  { { 0, 11, 2, 2, true, 1 } } },
	/* 64K: TG 3, 8192 pages; 512M is level 2, 4T level 1. */
	{ "512M of 64K",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_64K,
	  true,
	  SZ_512M,
	  SZ_64K,
	  TLB_NH_VA,
	  1,
	  { { 0, 13, 3, 3, true, 1 } } },
	{ "a 512M block",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_64K,
	  true,
	  SZ_512M,
	  SZ_512M,
	  TLB_NH_VA,
	  1,
	  { { 0, 13, 2, 3, true, 1 } } },
	{ "a 4T block",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_64K,
	  true,
	  SZ_4T,
	  SZ_4T,
	  TLB_NH_VA,
	  1,
	  { { 0, 26, 1, 3, true, 1 } } },
	/* E2H changes the opcode of stage 1 alone. */
	{ "E2H",
	  "6.12",
	  true,
	  true,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_EL2_VA,
	  1,
	  { { 0, 9, 3, 1, true, 1 } } },
	{ "stage 2",
	  "6.12",
	  true,
	  false,
	  2,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_S2_IPA,
	  1,
	  { { 0, 9, 3, 1, true, 1 } } },
	{ "stage 2, E2H",
	  "6.12",
	  true,
	  true,
	  2,
	  SZ_4K,
	  false,
	  SZ_2M,
	  SZ_4K,
	  TLB_S2_IPA,
	  1,
	  { { 0, 9, 0, 1, false, 1 } } },
	/* Without range commands one a leaf, no TG, no TTL. */
	{ "2M of 4K, no RIL",
	  "6.12",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_VA,
	  512,
	  { { 0, 0, 0, 0, true, 512 } } },
	{ "1G table, no RIL",
	  "6.1",
	  false,
	  false,
	  1,
	  SZ_4K,
	  false,
	  SZ_1G,
	  SZ_4K,
	  TLB_NH_VA,
	  262144,
	  { { 0, 0, 0, 0, false, 262144 } } },
	{ "511 pages",
	  "7.3",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M - SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  511,
	  { { 0, 0, 0, 0, true, 511 } } },
	{ "512 pages",
	  "7.3",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_ASID,
	  1,
	  { { 0 } } },
	{ "512 pages, E2H",
	  "7.3",
	  false,
	  true,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_EL2_ASID,
	  1,
	  { { 0 } } },
	{ "512 pages, stage 2",
	  "7.3",
	  false,
	  false,
	  2,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_S12_VMALL,
	  1,
	  { { 0 } } },
	{ "a table, no RIL",
	  "7.3",
	  false,
	  false,
	  1,
	  SZ_4K,
	  false,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_ASID,
	  1,
	  { { 0 } } },
	/* 2M leaves: 2M << 18, far from 64M. */
	{ "64M of 2M, no RIL",
	  "7.3",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  64 * SZ_1M,
	  SZ_2M,
	  TLB_NH_VA,
	  32,
	  { { 0, 0, 0, 0, true, 32 } } },
	/* Leaves of any size: no level, so a range is never one page. */
	{ "mixed leaves",
	  "amdv1",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_1G,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 18, 0, 1, true, 1 } } },
	{ "one of them",
	  "amdv1",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  1,
	  { { 0, 1, 0, 1, true, 1 } } },
	{ "511 pages of mixed leaves",
	  "amdv1",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M - SZ_4K,
	  SZ_4K,
	  TLB_NH_VA,
	  511,
	  { { 0, 0, 0, 0, true, 511 } } },
	{ "512 pages of them",
	  "amdv1",
	  false,
	  false,
	  1,
	  SZ_4K,
	  true,
	  SZ_2M,
	  SZ_4K,
	  TLB_NH_ASID,
	  1,
	  { { 0 } } },
	/* 2^32 pages: scale 32 is cut to the five bits of its field. */
	{ "16T",
	  "7.3",
	  true,
	  false,
	  1,
	  SZ_4K,
	  true,
	  1ull << 44,
	  SZ_1G,
	  TLB_NH_VA,
	  1,
	  { { 0, 0, 1, 1, true, 1 } } },
};

static void expect_shapes(const struct tlb_counters *c,
			  const struct tlb_shape *want, const char *name)
{
	u32 nr = 0;

	while (nr < 4 && want[nr].count)
		nr++;
	expect_u64(c->nr_shapes, nr, "%s: shapes", name);
	for (u32 i = 0; i < nr; i++) {
		const struct tlb_shape *got = &c->shapes[i];

		expect_u64(got->num, want[i].num, "%s: num %u", name, i);
		expect_u64(got->scale, want[i].scale, "%s: scale %u", name, i);
		expect_u64(got->ttl, want[i].ttl, "%s: ttl %u", name, i);
		expect_u64(got->tg, want[i].tg, "%s: tg %u", name, i);
		expect_u64(got->is_leaf, want[i].is_leaf, "%s: leaf %u", name,
			   i);
		expect_u64(got->count, want[i].count, "%s: count %u", name, i);
	}
}

/* No command has a bit that it should not have. */
static void check_bits(const struct smmu *smmu, const char *name)
{
	struct smmu_cmd cmd;

	for (u64 i = 0; i < smmu_nr_kept(smmu); i++)
		expect_int(smmu_cmd_decode(smmu_kept(smmu, i), &cmd), 0, name);
}

static void test_rows(void **unused)
{
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tlb_counters *c;

		rig_init(&rig, rows[i].driver, rows[i].has_ril, rows[i].has_e2h,
			 rows[i].stage, rows[i].granule);
		c = &rig.smmu->counters;
		invalidate(&rig, rows[i].is_leaf, IOVA & ~(rows[i].pgsize - 1),
			   rows[i].size, rows[i].pgsize);
		expect_u64(c->nr_ops[rows[i].op], rows[i].nr, "%s: %s",
			   rows[i].name, tlb_op_name(rows[i].op));
		expect_u64(tlb_counters_invalidations(c), rows[i].nr,
			   "%s: all commands", rows[i].name);
		expect_u64(c->nr_syncs, 1, "%s: syncs", rows[i].name);
		expect_u64(c->nr_doorbells, div_round_up(rows[i].nr, 64),
			   "%s: doorbells", rows[i].name);
		expect_shapes(c, rows[i].shapes, rows[i].name);
		check_bits(rig.smmu, rows[i].name);
		rig_fini(&rig);
	}
}

/* The context of each command, and nothing of the other stage. */
static void test_context(void **unused)
{
	static const struct {
		bool has_e2h;
		unsigned int stage;
		u16 asid, vmid;
	} contexts[] = {
		{ false, 1, ASID, 0 },
		{ true, 1, ASID, 0 },
		{ false, 2, 0, VMID },
	};
	struct smmu_cmd cmd;
	struct rig rig;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++) {
		rig_init(&rig, "6.12", true, contexts[i].has_e2h,
			 contexts[i].stage, SZ_4K);
		invalidate(&rig, true, IOVA, SZ_4K, SZ_4K);
		smmuv3_inval_ops.flush_all(rig.domain);
		/* An address, its sync, the context, its sync. */
		for (u64 at = 0; at < 4; at += 2) {
			assert_int_equal(
				smmu_cmd_decode(smmu_kept(rig.smmu, at), &cmd),
				0);
			expect_u64(cmd.asid, contexts[i].asid, "row %zu", i);
			expect_u64(cmd.vmid, contexts[i].vmid, "row %zu", i);
			if (!at)
				expect_u64(cmd.addr, IOVA, "row %zu", i);
		}
		rig_fini(&rig);
	}
}

/* Each page of the range is covered once; a table flush adds one at the end. */
static void check_cover(const struct rig *rig, u64 iova, u64 size, u64 granule,
			bool is_leaf, u64 seed)
{
	u64 nr = size / granule;
	u8 *seen = calloc(nr + 1, 1);

	assert_non_null(seen);
	for (u64 i = 0; i + 1 < smmu_nr_kept(rig->smmu); i++) {
		struct smmu_cmd cmd;
		u64 first, n;

		assert_int_equal(smmu_cmd_decode(smmu_kept(rig->smmu, i), &cmd),
				 0);
		first = (cmd.addr - iova) / granule;
		n = smmu_cmd_bytes(&cmd) / granule;
		if (!cmd.tg)
			n = 1;
		for (u64 page = first; page < first + n; page++) {
			if (page > nr || (page == nr && is_leaf))
				fail_msg("page %" PRIu64 " of %" PRIu64
					 ": beyond the range, seed %" PRIu64,
					 page, nr, seed);
			seen[page]++;
		}
	}
	for (u64 page = 0; page < nr; page++)
		expect_u64(seen[page], 1,
			   "page %" PRIu64 " of %" PRIu64 " seed %" PRIu64,
			   page, nr, seed);
	if (seen[nr] > ((nr & 31) == 1))
		fail_msg("%" PRIu64 " pages rounded up, seed %" PRIu64, nr,
			 seed);
	free(seen);
}

static void test_cover(void **unused)
{
	static const u64 granules[] = { SZ_4K, SZ_16K, SZ_64K };
	u64 seed = test_seed();
	struct rng rng;
	struct rig rig;

	(void)unused;
	rng_init(&rng, seed);
	for (int i = 0; i < 600; i++) {
		u64 granule = granules[rng_below(&rng, 3)];
		bool has_ril = rng_below(&rng, 4);
		bool is_leaf = rng_below(&rng, 2);
		u64 nr = 1 + rng_below(&rng, 1ull << rng_below(&rng, 17));
		u64 iova = rng_below(&rng, 1 << 20) * granule;

		rig_init(&rig, "6.12", has_ril, false, 1, granule);
		invalidate(&rig, is_leaf, iova, nr * granule, granule);
		if (smmu_nr_kept(rig.smmu) < 1u << 16)
			check_cover(&rig, iova, nr * granule, granule, is_leaf,
				    seed);
		/* 17 bits in pieces of 5 at least. */
		if (has_ril && rig.smmu->prod > 1 + 5)
			fail_msg("%" PRIu64 " pages: %" PRIu64
				 " commands, seed %" PRIu64,
				 nr, rig.smmu->prod - 1, seed);
		rig_fini(&rig);
	}
}

/* One leaf less than a table's worth goes one by one, in 7.3 alone. */
static void test_threshold(void **unused)
{
	static const struct {
		u64 leaf, bytes;
	} at[] = {
		/* leaf << (lg2 leaf - 3) */
		{ SZ_4K, SZ_2M },      { SZ_16K, SZ_32M },
		{ SZ_64K, SZ_512M },   { SZ_2M, 512 * SZ_1G },
		{ SZ_1G, 1ull << 57 },
	};
	const struct smmu_rule *now = smmu_rule_find("7.3");
	const struct smmu_rule *old = smmu_rule_find("6.12");

	(void)unused;
	assert_null(smmu_rule_find("7"));
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		u64 leaf = at[i].leaf, bytes = at[i].bytes;

		assert_true(smmu_rule_is_whole(now, false, bytes, leaf));
		assert_true(smmu_rule_is_whole(now, false, bytes + leaf, leaf));
		assert_false(
			smmu_rule_is_whole(now, false, bytes - leaf, leaf));
		assert_false(smmu_rule_is_whole(now, true, bytes, leaf));
		assert_false(smmu_rule_is_whole(old, false, bytes, leaf));
		assert_false(smmu_rule_is_whole(smmu_rule_find("6.1"), false,
						bytes, leaf));
	}
	assert_true(smmu_rule_is_whole(old, true, 0, 0));
}

/* Pages through the gather: one range, one sync; a gap or a size: two. */
static void test_gather(void **unused)
{
	struct gather gather;
	struct rig rig;
	const struct tlb_counters *c;

	(void)unused;
	rig_init(&rig, "6.12", true, false, 1, SZ_4K);
	c = &rig.smmu->counters;
	gather_init(&gather);
	smmuv3_inval_ops.sync(&gather, rig.domain);
	expect_u64(c->nr_syncs, 0, "an empty gather sends nothing");
	smmuv3_inval_ops.add_page(NULL, IOVA, SZ_4K, rig.domain);
	expect_u64(c->nr_syncs, 0, "no gather, nothing to add to");
	for (u64 i = 0; i < 512; i++)
		smmuv3_inval_ops.add_page(&gather, IOVA + i * SZ_4K, SZ_4K,
					  rig.domain);
	expect_u64(c->nr_syncs, 0, "512 that touch");
	smmuv3_inval_ops.add_page(&gather, IOVA + SZ_2M, SZ_2M, rig.domain);
	expect_u64(c->nr_syncs, 1, "another size");
	smmuv3_inval_ops.add_page(&gather, IOVA + SZ_1G, SZ_2M, rig.domain);
	expect_u64(c->nr_syncs, 2, "a gap");
	smmuv3_inval_ops.sync(&gather, rig.domain);
	expect_u64(c->nr_syncs, 3, "the caller's");
	expect_u64(c->nr_ops[TLB_NH_VA], 3, "ranges");
	rig_fini(&rig);
}

/* A gather that widens sends nothing of itself, whatever is added. */
static void test_widening_gather(void **unused)
{
	const struct tlb_counters *c;
	struct gather gather;
	struct rig rig;

	(void)unused;
	rig_init(&rig, "amdv1", true, false, 1, SZ_4K);
	c = &rig.smmu->counters;
	gather_init(&gather);
	smmuv3_inval_ops.sync(&gather, rig.domain);
	smmuv3_inval_ops.add_page(NULL, IOVA, SZ_4K, rig.domain);
	smmuv3_inval_ops.add_page(&gather, IOVA + SZ_1G - SZ_4K, SZ_4K,
				  rig.domain);
	smmuv3_inval_ops.add_page(&gather, IOVA, SZ_2M, rig.domain);
	expect_u64(c->nr_syncs, 0, "another size, a gap");
	smmuv3_inval_ops.sync(&gather, rig.domain);
	expect_u64(c->nr_syncs, 1, "the caller's");
	expect_u64(c->nr_ops[TLB_NH_VA], 1, "1G, a range");
	rig_fini(&rig);
}

/* Two SMMUs behind one domain: the same in each queue, each with its sync. */
static void test_several(void **unused)
{
	struct smmu_attach attach[2] = { { 0 } };
	struct smmu_domain_cfg cfg = {
		.rule = smmu_rule_find("7.3"),
		.stage = 1,
		.granule = SZ_4K,
		.asid = ASID,
		.attach = attach,
		.nr_attach = 2,
	};
	struct smmu_domain *domain = NULL;
	struct iopt_err err;

	(void)unused;
	for (u16 i = 0; i < 2; i++) {
		struct smmu_cfg smmu = { .lg2_entries = 8, .unit = i };

		smmu.has_ril = i == 0;
		assert_int_equal(smmu_create(&smmu, &attach[i].smmu, &err), 0);
	}
	assert_int_equal(smmu_domain_create(&cfg, &domain, &err), 0);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, domain);
	/* With range commands, and without: 512 pages reach the threshold. */
	expect_u64(attach[0].smmu->counters.nr_ops[TLB_NH_VA], 1, "first");
	expect_u64(attach[1].smmu->counters.nr_ops[TLB_NH_ASID], 1, "second");
	for (int i = 0; i < 2; i++)
		expect_u64(attach[i].smmu->counters.nr_syncs, 1, "queue %d", i);
	smmu_domain_destroy(domain);

	smmu_destroy(attach[1].smmu);
	attach[1].smmu = attach[0].smmu;
	expect_int(smmu_domain_create(&cfg, &domain, &err), -EINVAL, "twice");
	expect_text(err.msg, "SMMU 0 twice", "message");
	smmu_destroy(attach[0].smmu);
}

static void test_refused(void **unused)
{
	struct smmu_cfg smmu_cfg = { .lg2_entries = 8 };
	struct smmu_attach attach = { 0 };
	const struct smmu_domain_cfg good = {
		.rule = smmu_rule_find("6.1"),
		.stage = 2,
		.granule = SZ_64K,
		.attach = &attach,
		.nr_attach = 1,
	};
	struct smmu_domain *domain = NULL;
	struct smmu_domain_cfg bad;
	struct iopt_err err;

	(void)unused;
	assert_int_equal(smmu_create(&smmu_cfg, &attach.smmu, &err), 0);
	bad = good;
	bad.stage = 3;
	expect_int(smmu_domain_create(&bad, &domain, &err), -EINVAL, "stage");
	expect_text(err.msg, "stage 3", "message");
	bad = good;
	bad.granule = SZ_2M;
	expect_int(smmu_domain_create(&bad, &domain, &err), -EINVAL, "granule");
	expect_text(err.msg, "4K, 16K or 64K", "message");
	bad = good;
	bad.nr_attach = 0;
	expect_int(smmu_domain_create(&bad, &domain, &err), -EINVAL, "no SMMU");
	assert_null(domain);
	smmu_destroy(attach.smmu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_gather),
		cmocka_unit_test(test_widening_gather),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
