// SPDX-License-Identifier: GPL-2.0-only
/* The command queue: batches, doorbells, wrap, a full queue, the errata. */
#include "test.h"

#include "smmu.h"

#define NH_VA(i)  ((u64)(i) << 12)
#define QUEUE_BAR 0x80000000ull

static struct smmu *create(struct smmu_cfg cfg)
{
	struct iopt_err err;
	struct smmu *smmu;

	if (smmu_create(&cfg, &smmu, &err))
		fail_msg("create: %s", err.msg);
	return smmu;
}

static void add(struct smmu *smmu, u8 op, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		smmu_batch_add(smmu, op, NH_VA(i));
}

/*
 * One row a number of commands collected and submitted once. Without errata
 * every 64 a doorbell: doorbells = ceil(n / 64), of which all but the last
 * have no sync. With a sync forced, batches of 63. With repeats, each full
 * batch gets a sync too, and each batch is there twice.
 */
static const struct {
	const char *name;
	bool repeats, forces;
	u8 op;
	unsigned int n;
	u64 nr_cmds, nr_syncs, nr_doorbells, nr_pushes;
} rows[] = {
	{ "nothing", false, false, CMD_TLBI_NH_VA, 0, 0, 1, 1, 0 },
	{ "one", false, false, CMD_TLBI_NH_VA, 1, 1, 1, 1, 0 },
	{ "64 fit one batch", false, false, CMD_TLBI_NH_VA, 64, 64, 1, 1, 0 },
	{ "the 65th pushes", false, false, CMD_TLBI_NH_VA, 65, 65, 1, 2, 1 },
	{ "two full", false, false, CMD_TLBI_NH_VA, 128, 128, 1, 2, 1 },
	{ "1000", false, false, CMD_ATC_INV, 1000, 1000, 1, 16, 15 },
	{ "forced, 63", false, true, CMD_TLBI_NH_VA, 63, 63, 1, 1, 0 },
	{ "forced, 64", false, true, CMD_TLBI_NH_VA, 64, 64, 2, 2, 0 },
	{ "forced, 127", false, true, CMD_ATC_INV, 127, 127, 3, 3, 0 },
	{ "repeated, 1", true, false, CMD_TLBI_NH_VA, 1, 2, 2, 2, 0 },
	{ "repeated, 64", true, false, CMD_TLBI_NH_VA, 64, 128, 2, 2, 0 },
	{ "repeated, 65", true, false, CMD_TLBI_NH_VA, 65, 130, 4, 4, 0 },
	{ "repeated CFGI", true, false, CMD_CFGI_STE, 3, 6, 2, 2, 0 },
	{ "not ATC_INV", true, false, CMD_ATC_INV, 65, 65, 1, 2, 1 },
	{ "not PREFETCH", true, false, CMD_PREFETCH_CFG, 2, 2, 1, 1, 0 },
	{ "nor nothing", true, false, CMD_TLBI_NH_VA, 0, 0, 1, 1, 0 },
};

static void test_batches(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smmu *smmu = create((struct smmu_cfg){
			.lg2_entries = 12,
			.repeats_tlbi = rows[i].repeats,
			.forces_sync = rows[i].forces,
		});
		const struct tlb_counters *c = &smmu->counters;

		add(smmu, rows[i].op, rows[i].n);
		smmu_batch_submit(smmu);
		expect_u64(tlb_counters_invalidations(c), rows[i].nr_cmds,
			   "%s: commands", rows[i].name);
		expect_u64(c->nr_syncs, rows[i].nr_syncs, "%s: syncs",
			   rows[i].name);
		expect_u64(c->nr_doorbells, rows[i].nr_doorbells,
			   "%s: doorbells", rows[i].name);
		expect_u64(c->nr_pushes, rows[i].nr_pushes, "%s: pushes",
			   rows[i].name);
		expect_u64(smmu->prod, rows[i].nr_cmds + rows[i].nr_syncs,
			   "%s: entries", rows[i].name);
		expect_u64(smmu->cons, smmu->prod, "%s: executed",
			   rows[i].name);
		smmu_destroy(smmu);
	}
}

/* Each of 5 submits of 70: the ring of 256 holds the last 256 of 5 * 71. */
static void test_wrap(void **unused)
{
	struct smmu *smmu = create((struct smmu_cfg){ .lg2_entries = 8 });
	u64 total = 5 * 71;

	(void)unused;
	for (int i = 0; i < 5; i++) {
		add(smmu, CMD_TLBI_NH_VA, 70);
		smmu_batch_submit(smmu);
	}
	expect_u64(smmu->prod, total, "entries written");
	/* 355 = 256 + 99: index 99 with the wrap bit, 1 << 8. */
	expect_u64(smmu->prod_reg, 256 + 99, "producer register");
	expect_u64(smmu_nr_kept(smmu), 256, "kept");
	for (u64 i = 0; i < 256; i++) {
		const struct smmu_raw *raw = smmu_kept(smmu, i);
		u64 at = (total - 256 + i) % 71; /* in its submit */
		u8 want = at == 70 ? CMD_SYNC : CMD_TLBI_NH_VA;

		expect_u64(cmd_op(raw), want, "kept %" PRIu64, i);
		if (want == CMD_TLBI_NH_VA)
			expect_u64(raw->w[1], NH_VA(at), "kept %" PRIu64, i);
	}
	smmu_destroy(smmu);
}

/* The register goes round in twice the entries, so that full is not empty. */
static void test_producer_register(void **unused)
{
	struct smmu *smmu = create((struct smmu_cfg){ .lg2_entries = 8 });

	(void)unused;
	for (int i = 1; i <= 1024; i++) {
		smmu_batch_submit(smmu);
		expect_u64(smmu->prod_reg, (u64)i % 512, "after %d syncs", i);
	}
	smmu_destroy(smmu);
}

/*
 * One row a number of commands without a sync on 256 entries. Four batches of
 * 64 fit; the fifth waits for 64 to be executed, so does each after it.
 */
static void test_full(void **unused)
{
	static const struct {
		unsigned int n;
		u64 nr_waits, used;
	} fills[] = {
		{ 4 * 64, 0, 192 }, /* the fourth is still collected */
		{ 4 * 64 + 1, 0, 256 },
		{ 5 * 64 + 1, 1, 256 },
		{ 9 * 64 + 1, 5, 256 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		struct smmu *smmu =
			create((struct smmu_cfg){ .lg2_entries = 8 });
		const struct tlb_counters *c = &smmu->counters;

		add(smmu, CMD_TLBI_NH_VA, fills[i].n);
		expect_u64(c->nr_full_waits, fills[i].nr_waits, "%u commands",
			   fills[i].n);
		expect_u64(smmu->prod - smmu->cons, fills[i].used,
			   "%u commands: used", fills[i].n);
		/* The rest and its CMD_SYNC: room for both, then all done. */
		smmu_batch_submit(smmu);
		expect_u64(smmu->prod - smmu->cons, 0, "after the sync");
		expect_u64(c->nr_full_waits,
			   fills[i].nr_waits + (fills[i].n >= 256), "submit");
		smmu_destroy(smmu);
	}
}

/* An MSI goes to the CMD_SYNC's own slot; without, the CPU polls CONS. */
static void test_sync(void **unused)
{
	struct smmu *smmu = create((struct smmu_cfg){
		.lg2_entries = 8,
		.polls_msi = true,
		.queue_base = QUEUE_BAR,
	});
	struct smmu_cmd cmd;

	(void)unused;
	add(smmu, CMD_TLBI_NH_VA, 3);
	smmu_batch_submit(smmu);
	assert_int_equal(smmu_cmd_decode(smmu_kept(smmu, 3), &cmd), 0);
	expect_u64(cmd.op, CMD_SYNC, "after three");
	expect_u64(cmd.signal, SYNC_IRQ, "signal");
	expect_u64(cmd.addr, QUEUE_BAR + 3 * sizeof(struct smmu_raw),
		   "address of the MSI");
	smmu_destroy(smmu);
}

static void test_sizes(void **unused)
{
	struct smmu *smmu = NULL;
	struct iopt_err err;

	(void)unused;
	for (unsigned int lg2 = 0; lg2 < 32; lg2++) {
		struct smmu_cfg cfg = { .lg2_entries = lg2 };
		bool is_right = lg2 >= 8 && lg2 <= 19;
		int ret = smmu_create(&cfg, &smmu, &err);

		expect_int(ret, is_right ? 0 : -EINVAL, "queue size");
		if (!ret)
			smmu_destroy(smmu);
		else
			expect_text(err.msg, "2^8 to 2^19", "message");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_producer_register),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
