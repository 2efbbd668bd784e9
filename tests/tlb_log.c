// SPDX-License-Identifier: GPL-2.0-only
/* Each command is listed with the reason why it was sent. */
#include "test.h"

#include "sizes.h"
#include "smmuv2.h"
#include "smmuv3.h"

#define IOVA 0x40000000ull

struct rig {
	struct smmu *smmu;
	struct smmu_domain *domain;
	struct tlb_log log;
};

static void rig_init(struct rig *rig, const char *driver, struct smmu_cfg cfg,
		     size_t nr_sids)
{
	static const u32 sids[] = { 0x100, 0x101 };
	struct smmu_attach attach = { .sids = sids, .nr_sids = nr_sids };
	struct smmu_domain_cfg domain = {
		.rule = smmu_rule_find(driver),
		.stage = 1,
		.granule = SZ_4K,
		.attach = &attach,
		.nr_attach = 1,
	};

	cfg.lg2_entries = 10;
	assert_int_equal(smmu_create(&cfg, &rig->smmu, NULL), 0);
	attach.smmu = rig->smmu;
	assert_int_equal(smmu_domain_create(&domain, &rig->domain, NULL), 0);
	tlb_log_init(&rig->log);
	smmu_domain_log(rig->domain, &rig->log);
}

static void rig_fini(struct rig *rig)
{
	smmu_domain_destroy(rig->domain);
	smmu_destroy(rig->smmu);
	tlb_log_fini(&rig->log);
}

static void add(struct rig *rig, struct gather *gather, u64 iova, u64 size)
{
	smmuv3_inval_ops.add_page(gather, iova, size, rig->domain);
}

/* Do the prose lines hold these parts, and are there no more of them? */
static void expect_prose(const struct tlb_log *log, const char *const *parts,
			 size_t nr)
{
	char text[TLB_LOG_PROSE_MAX];

	expect_u64(log->nr_entries, nr, "entries");
	for (size_t i = 0; i < nr; i++)
		expect_text(tlb_log_prose(log, i, text), parts[i], parts[i]);
}

#define SYNCED "CMD_SYNC cs=sev: the CPU waits until all that was sent is done"

static void test_reasons(void **unused)
{
	static const char *const parts[] = {
		"TLBI_NH_VA asid=0 vmid=0 va 0x40000000 +4K num=0 scale=0 "
		"ttl=3 tg=1 leaf=1: 4K of 4K leaves at 0x40000000 were "
		"gathered and the next leaf has another size",
		SYNCED,
		"2M of 2M leaves at 0x40200000 were gathered and the next "
		"leaf does not touch them",
		SYNCED,
		"2M of 2M leaves at 0x80000000 were gathered and the caller "
		"synced",
		SYNCED,
		"a table that covered 2M at 0x40000000 went",
		SYNCED,
		"TLBI_NH_ASID asid=0 vmid=0: the whole context was to go",
		SYNCED,
	};
	struct gather gather;
	struct rig rig;

	(void)unused;
	rig_init(&rig, "6.12", (struct smmu_cfg){ .has_ril = true }, 0);
	gather_init(&gather);
	add(&rig, &gather, IOVA, SZ_4K);
	add(&rig, &gather, IOVA + SZ_2M, SZ_2M);
	add(&rig, &gather, 2 * IOVA, SZ_2M);
	smmuv3_inval_ops.sync(&gather, rig.domain);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	smmuv3_inval_ops.flush_all(rig.domain);
	expect_prose(&rig.log, parts, ARRAY_SIZE(parts));
	rig_fini(&rig);
}

static void test_mixed_leaves(void **unused)
{
	static const char *const parts[] = {
		"va 0x40000000 +4M num=0 scale=10 ttl=0 tg=1 leaf=1: 4M of "
		"mixed leaves at 0x40000000 were gathered and the caller "
		"synced",
		SYNCED,
	};
	struct gather gather;
	struct rig rig;

	(void)unused;
	rig_init(&rig, "amdv1", (struct smmu_cfg){ .has_ril = true }, 0);
	gather_init(&gather);
	add(&rig, &gather, IOVA, SZ_4K);
	add(&rig, &gather, IOVA + SZ_2M, SZ_2M);
	smmuv3_inval_ops.sync(&gather, rig.domain);
	expect_prose(&rig.log, parts, ARRAY_SIZE(parts));
	rig_fini(&rig);
}

/* Several commands for a request, and one in the place of many. */
static void test_parts(void **unused)
{
	static const char *const ranges[] = {
		"; 1 of 2, a range takes five bits of the count",
		"; 2 of 2, a range takes five bits of the count",
		SYNCED,
	};
	static const char *const singles[] = {
		"; 1 of 3, there is no range command",
		"; 2 of 3, there is no range command",
		"; 3 of 3, there is no range command",
		SYNCED,
		"TLBI_NH_ASID asid=0 vmid=0: a table that covered 2M at "
		"0x40000000 went: its leaves and the walk caches; one for "
		"the context, in place of 512 of 4K each",
		SYNCED,
	};
	static const char *const ats[] = {
		"TLBI_NH_VA",
		SYNCED,
		"ATC_INV sid=0x100 addr 0x40000000 +2M",
		"the device has a cache of its own (ATS)",
		SYNCED,
	};
	static const char *const repeats[] = {
		"TLBI_NH_VA",
		SYNCED,
		"walk caches; again, for an erratum",
		"CMD_SYNC",
	};
	struct rig rig;

	(void)unused;
	rig_init(&rig, "7.3", (struct smmu_cfg){ .has_ril = true }, 0);
	/* 66 pages = 1 << 1 + 1 << 6. */
	smmuv3_inval_ops.flush_walk(IOVA, 66 * SZ_4K, SZ_4K, rig.domain);
	expect_prose(&rig.log, ranges, ARRAY_SIZE(ranges));
	rig_fini(&rig);

	rig_init(&rig, "7.3", (struct smmu_cfg){ 0 }, 0);
	smmuv3_inval_ops.flush_walk(IOVA, 3 * SZ_4K, SZ_4K, rig.domain);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	expect_prose(&rig.log, singles, ARRAY_SIZE(singles));
	rig_fini(&rig);

	rig_init(&rig, "7.3", (struct smmu_cfg){ .has_ril = true }, 2);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	expect_prose(&rig.log, ats, ARRAY_SIZE(ats));
	rig_fini(&rig);

	rig_init(&rig, "7.3",
		 (struct smmu_cfg){ .has_ril = true, .repeats_tlbi = true }, 0);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	expect_prose(&rig.log, repeats, ARRAY_SIZE(repeats));
	rig_fini(&rig);
}

/* 65 pages, each batch twice: 64 and a sync, the same again, then the last. */
static void test_repeated_parts(void **unused)
{
	char text[TLB_LOG_PROSE_MAX];
	struct rig rig;

	(void)unused;
	rig_init(&rig, "7.3", (struct smmu_cfg){ .repeats_tlbi = true }, 0);
	smmuv3_inval_ops.flush_walk(IOVA, 65 * SZ_4K, SZ_4K, rig.domain);
	expect_u64(rig.log.nr_entries, 2 * (64 + 1) + 2 * (1 + 1), "entries");
	expect_text(tlb_log_prose(&rig.log, 63, text), "; 64 of 65, ", "64th");
	expect_text(tlb_log_prose(&rig.log, 65 + 63, text), "; again, ",
		    "64th again");
	expect_text(tlb_log_prose(&rig.log, 130, text), "; 65 of 65, ", "65th");
	rig_fini(&rig);
}

/* Without a log the same is sent, and detaching it stops the listing. */
static void test_detached(void **unused)
{
	struct rig rig;

	(void)unused;
	rig_init(&rig, "7.3", (struct smmu_cfg){ .has_ril = true }, 0);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	smmu_domain_log(rig.domain, NULL);
	smmuv3_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, rig.domain);
	expect_u64(rig.log.nr_entries, 2, "listed");
	expect_u64(rig.smmu->prod, 4, "sent");
	tlb_log_reset(&rig.log);
	expect_u64(rig.log.nr_entries + rig.log.nr_requests, 0, "reset");
	rig_fini(&rig);
}

static void test_smmuv2(void **unused)
{
	static const char *const parts[] = {
		"a 4K leaf at 0x40000000 went; this driver does not gather",
		"TLBSYNC: the CPU waits until all that was sent is done",
		"TLBIASID asid=0: a table that covered 2M at 0x40000000 went",
		"TLBSYNC",
	};
	struct smmuv2_cfg cfg = { .stage = 1,
				  .flushes_by_asid = true,
				  .lg2_writes = 8 };
	struct smmuv2 *v2 = NULL;
	struct gather gather;
	struct tlb_log log;

	(void)unused;
	assert_int_equal(smmuv2_create(&cfg, &v2, NULL), 0);
	tlb_log_init(&log);
	v2->log = &log;
	gather_init(&gather);
	smmuv2_inval_ops.add_page(&gather, IOVA, SZ_4K, v2);
	smmuv2_inval_ops.sync(&gather, v2);
	smmuv2_inval_ops.flush_walk(IOVA, SZ_2M, SZ_4K, v2);
	expect_prose(&log, parts, ARRAY_SIZE(parts));
	tlb_log_fini(&log);
	smmuv2_destroy(v2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_mixed_leaves),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_repeated_parts),
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_smmuv2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
