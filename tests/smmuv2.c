// SPDX-License-Identifier: GPL-2.0-only
/* Register writes of an SMMUv2: a page at once, table flushes, syncs. */
#include "test.h"

#include "sizes.h"
#include "smmuv2.h"

#define ASID 9
#define VMID 4
#define IOVA 0x1234567000ull

static struct smmuv2 *create(unsigned int stage, bool flushes_by_asid)
{
	struct smmuv2_cfg cfg = {
		.stage = stage,
		.asid = ASID,
		.vmid = VMID,
		.flushes_by_asid = flushes_by_asid,
		.lg2_writes = 12,
	};
	struct iopt_err err;
	struct smmuv2 *v2;

	if (smmuv2_create(&cfg, &v2, &err))
		fail_msg("%s", err.msg);
	return v2;
}

/* What is done to a domain. */
enum act { ADD, WALK, ALL, SYNC };

/*
 * One row an act; the last writes as text. A 2M table is 512 writes and a
 * sync, or one TLBIASID and a sync.
 */
static const struct {
	unsigned int stage;
	bool by_asid;
	enum act act;
	u64 size, granule;
	enum tlb_op op;
	u64 nr, nr_syncs;
	const char *first, *last;
} rows[] = {
	{ 1, false, ADD, 0, SZ_4K, TLB_V2_VAL, 1, 0,
	  "TLBIVAL asid=9 va 0x1234567000", "TLBIVAL asid=9 va 0x1234567000" },
	{ 1, true, ADD, 0, SZ_4K, TLB_V2_VAL, 1, 0,
	  "TLBIVAL asid=9 va 0x1234567000", "TLBIVAL asid=9 va 0x1234567000" },
	{ 2, false, ADD, 0, SZ_4K, TLB_V2_IPAS2L, 1, 0,
	  "TLBIIPAS2L ipa 0x1234567000", "TLBIIPAS2L ipa 0x1234567000" },
	{ 1, false, WALK, SZ_2M, SZ_4K, TLB_V2_VA, 512, 1,
	  "TLBIVA asid=9 va 0x1234567000", "TLBSYNC" },
	{ 1, false, WALK, SZ_512M, SZ_64K, TLB_V2_VA, 8192, 1, NULL,
	  "TLBSYNC" },
	{ 1, true, WALK, SZ_2M, SZ_4K, TLB_V2_ASID, 1, 1, "TLBIASID asid=9",
	  "TLBSYNC" },
	{ 2, true, WALK, SZ_2M, SZ_4K, TLB_V2_IPAS2, 512, 1,
	  "TLBIIPAS2 ipa 0x1234567000", "TLBSYNC" },
	{ 1, false, ALL, 0, 0, TLB_V2_ASID, 1, 1, "TLBIASID asid=9",
	  "TLBSYNC" },
	{ 2, false, ALL, 0, 0, TLB_V2_VMID, 1, 1, "TLBIVMID vmid=4",
	  "sTLBGSYNC" },
	{ 1, false, SYNC, 0, 0, TLB_V2_VA, 0, 1, "TLBSYNC", "TLBSYNC" },
};

static void act(struct smmuv2 *v2, size_t row)
{
	struct gather gather;

	gather_init(&gather);
	switch (rows[row].act) {
	case ADD:
		smmuv2_inval_ops.add_page(&gather, IOVA, rows[row].granule, v2);
		expect_u64(gather.pgsize, rows[row].granule, "gathered size");
		expect_u64(gather.start, IOVA, "gathered start");
		break;
	case WALK:
		smmuv2_inval_ops.flush_walk(IOVA, rows[row].size,
					    rows[row].granule, v2);
		break;
	case ALL:
		smmuv2_inval_ops.flush_all(v2);
		break;
	case SYNC:
		smmuv2_inval_ops.sync(&gather, v2);
		break;
	}
}

static void test_rows(void **unused)
{
	char text[SMMU_CMD_TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smmuv2 *v2 = create(rows[i].stage, rows[i].by_asid);
		const struct tlb_counters *c = &v2->counters;
		char what[32];

		snprintf(what, sizeof(what), "row %zu", i);
		act(v2, i);
		expect_u64(c->nr_ops[rows[i].op], rows[i].nr, "%s", what);
		expect_u64(tlb_counters_invalidations(c), rows[i].nr, "%s all",
			   what);
		expect_u64(c->nr_syncs, rows[i].nr_syncs, "%s: syncs", what);
		expect_u64(c->nr_doorbells, 0, "%s: no queue", what);
		expect_u64(v2->nr_writes, rows[i].nr + rows[i].nr_syncs,
			   "%s: writes", what);
		smmuv2_write_text(smmuv2_kept(v2, smmuv2_nr_kept(v2) - 1),
				  text);
		assert_string_equal(text, rows[i].last);
		if (rows[i].first) {
			smmuv2_write_text(smmuv2_kept(v2, 0), text);
			assert_string_equal(text, rows[i].first);
		}
		smmuv2_destroy(v2);
	}
}

/* The steps of a flush: one page each, from the start. */
static void test_addresses(void **unused)
{
	struct smmuv2 *v2 = create(1, false);

	(void)unused;
	smmuv2_inval_ops.flush_walk(IOVA, 8 * SZ_64K, SZ_64K, v2);
	for (u64 i = 0; i < 8; i++)
		expect_u64(smmuv2_write_iova(smmuv2_kept(v2, i)),
			   IOVA + i * SZ_64K, "write %" PRIu64, i);
	smmuv2_destroy(v2);
}

/* A page that may be leaves of any size: each 4K of it is written. */
static void test_widens(void **unused)
{
	const struct smmuv2_cfg cfg = {
		.stage = 1, .asid = ASID, .widens = true, .lg2_writes = 12
	};
	struct smmuv2 *v2 = NULL;
	struct gather gather;

	(void)unused;
	assert_int_equal(smmuv2_create(&cfg, &v2, NULL), 0);
	gather_init(&gather);
	smmuv2_inval_ops.add_page(&gather, IOVA, 5 * SZ_4K, v2);
	expect_u64(v2->counters.nr_ops[TLB_V2_VAL], 5, "writes");
	expect_u64(smmuv2_write_iova(smmuv2_kept(v2, 4)), IOVA + 4 * SZ_4K,
		   "last");
	expect_u64(gather.pgsize, SZ_4K, "page size");
	expect_u64(gather.last, IOVA + 5 * SZ_4K - 1, "range");
	smmuv2_inval_ops.add_page(&gather, IOVA, SZ_2M - SZ_4K, v2);
	expect_u64(v2->counters.nr_ops[TLB_V2_VAL], 5 + 511, "writes");
	expect_u64(v2->counters.nr_ops[TLB_V2_ASID], 0, "no context");
	/* From as many as a table has on the context goes, and no sync. */
	smmuv2_inval_ops.add_page(&gather, IOVA, SZ_2M, v2);
	expect_u64(v2->counters.nr_ops[TLB_V2_VAL], 5 + 511, "writes");
	expect_u64(v2->counters.nr_ops[TLB_V2_ASID], 1, "context");
	expect_u64(v2->counters.nr_syncs, 0, "syncs");
	smmuv2_destroy(v2);
}

/* 9 flushes of 513 writes: the ring of 4096 keeps the last 4096 of 4617. */
static void test_kept(void **unused)
{
	struct smmuv2 *v2 = create(1, false);

	(void)unused;
	for (int i = 0; i < 9; i++)
		smmuv2_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, v2);
	expect_u64(v2->nr_writes, 9 * 513, "writes");
	expect_u64(smmuv2_nr_kept(v2), 4096, "kept");
	/* Write 4617 - 4096 = 521 is the ninth of the second flush. */
	expect_u64(smmuv2_write_iova(smmuv2_kept(v2, 0)), IOVA + 8 * SZ_4K,
		   "oldest");
	assert_string_equal(
		smmuv2_reg_name(smmuv2_kept(v2, 4095)->offset, false),
		"TLBSYNC");
	smmuv2_destroy(v2);
}

static void test_refused(void **unused)
{
	struct smmuv2_cfg cfg = { .stage = 0, .lg2_writes = 8 };
	struct smmuv2_write bad = { .offset = 0x604, .value = 5 };
	char text[SMMU_CMD_TEXT_MAX];
	struct smmuv2 *v2 = NULL;
	struct iopt_err err;

	(void)unused;
	expect_int(smmuv2_create(&cfg, &v2, &err), -EINVAL, "stage 0");
	cfg.stage = 1;
	cfg.lg2_writes = 20;
	expect_int(smmuv2_create(&cfg, &v2, &err), -EINVAL, "2^20 writes");
	assert_null(v2);
	assert_null(smmuv2_reg_name(V2_CB_TLBIVA, true));
	expect_text(smmuv2_write_text(&bad, text), "not a TLB register",
		    "unknown register");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_widens),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
