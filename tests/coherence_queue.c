// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two ways into the hardware: what the driver writes to its command queue,
 * decoded, and the direct path. Two sets of caches that see the same accesses
 * must hold the same entries after each operation; so what the oracle finds by
 * the direct path holds for the queue, and an encoding that says another range
 * or level than was meant is seen by what it leaves.
 */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "sizes.h"
#include "smmuv3.h"

#define NR_SLOTS 3
#define NR_OPS	 60

static const struct {
	const char *rule;
	enum pgtable_policy policy;
	size_t granule;
	unsigned int stage;
	bool has_ril;
	bool has_e2h;
} rows[] = {
	{ "6.1", PGTABLE_SPLIT, SZ_4K, 1, true, false },
	{ "6.1", PGTABLE_SPLIT, SZ_4K, 1, false, false },
	{ "6.12", PGTABLE_SPLIT, SZ_4K, 1, true, false },
	{ "6.12", PGTABLE_SPLIT, SZ_4K, 1, true, true },
	{ "6.12", PGTABLE_SPLIT, SZ_4K, 1, false, false },
	{ "6.12", PGTABLE_SPLIT, SZ_4K, 2, true, false },
	{ "6.12", PGTABLE_SPLIT, SZ_16K, 1, true, false },
	{ "6.12", PGTABLE_SPLIT, SZ_16K, 2, false, false },
	{ "6.12", PGTABLE_SPLIT, SZ_64K, 1, true, false },
	{ "6.12", PGTABLE_WHOLE, SZ_4K, 1, true, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_4K, 1, true, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_4K, 1, false, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_4K, 1, false, true },
	{ "7.3", PGTABLE_NOSPLIT, SZ_4K, 2, false, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_16K, 1, false, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_64K, 2, true, false },
	{ "7.3", PGTABLE_NOSPLIT, SZ_64K, 1, false, false },
};

/* The second way, beside the rig's own. */
struct queued {
	struct rig rig;
	struct smmu *smmu;
	struct smmu_domain *domain;
	struct tlb_log log;
	struct hw hw;
	u64 nr_taken;
	struct rng rng;
	char name[96];
};

/* What a command says to the hardware; false for none (CMD_SYNC). */
static bool inval_of(const struct smmu_cmd *cmd, struct hw_inval *inval)
{
	const struct hw_tag s1 = { .stage = 1,
				   .asid = cmd->asid,
				   .vmid = cmd->vmid };
	const struct hw_tag el2 = { .stage = 1,
				    .is_el2 = true,
				    .asid = cmd->asid };
	const struct hw_tag s2 = { .stage = 2, .vmid = cmd->vmid };

	*inval = (struct hw_inval){ .is_leaf_only = cmd->is_leaf,
				    .ttl = cmd->ttl,
				    .iova = cmd->addr,
				    .size = smmu_cmd_bytes(cmd) };
	switch (cmd->op) {
	case CMD_TLBI_NH_VA:
		inval->tag = s1;
		return true;
	case CMD_TLBI_EL2_VA:
		inval->tag = el2;
		return true;
	case CMD_TLBI_S2_IPA:
		inval->tag = s2;
		return true;
	case CMD_TLBI_NH_ASID:
		inval->kind = HW_INVAL_ASID;
		inval->tag = s1;
		return true;
	case CMD_TLBI_EL2_ASID:
		inval->kind = HW_INVAL_ASID;
		inval->tag = el2;
		return true;
	case CMD_TLBI_S12_VMALL:
		inval->kind = HW_INVAL_VMID;
		inval->tag = s2;
		return true;
	case CMD_SYNC:
		return false;
	default:
		fail_msg("opcode 0x%x is not expected", cmd->op);
		return false;
	}
}

/* Hand over what was sent since the last time. */
static void take_log(struct queued *q)
{
	for (size_t i = 0; i < q->log.nr_entries; i++) {
		struct hw_inval inval;
		struct smmu_cmd cmd;

		expect_int(smmu_cmd_decode(&q->log.entries[i].raw, &cmd), 0,
			   q->name);
		if (!inval_of(&cmd, &inval))
			continue;
		q->nr_taken += hw_invalidate(&q->hw, &inval);
	}
	expect_u64(q->log.nr_lost, 0, "%s: lost", q->name);
	tlb_log_reset(&q->log);
}

static void both_flush_all(void *cookie)
{
	struct rig *rig = cookie;
	struct queued *q = rig->arg;

	hw_direct_ops.flush_all(&rig->direct);
	smmuv3_inval_ops.flush_all(q->domain);
	take_log(q);
}

static void both_flush_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	struct rig *rig = cookie;
	struct queued *q = rig->arg;

	hw_direct_ops.flush_walk(iova, size, granule, &rig->direct);
	smmuv3_inval_ops.flush_walk(iova, size, granule, q->domain);
	take_log(q);
}

static void both_sync(struct gather *gather, void *cookie)
{
	struct rig *rig = cookie;
	struct queued *q = rig->arg;
	struct gather copy = *gather;

	hw_direct_ops.sync(gather, &rig->direct);
	smmuv3_inval_ops.sync(&copy, q->domain);
	take_log(q);
}

static void both_add_page(struct gather *gather, u64 iova, size_t size,
			  void *cookie);

static const struct inval_ops both_ops = {
	.flush_all = both_flush_all,
	.flush_walk = both_flush_walk,
	.add_page = both_add_page,
	.sync = both_sync,
};

static void both_add_page(struct gather *gather, u64 iova, size_t size,
			  void *cookie)
{
	gather_add_page(gather, &both_ops, cookie, iova, size);
}

static void make_queue(struct queued *q, size_t row)
{
	/* The smallest ring: it wraps, and is full now and then. */
	const struct smmu_cfg smmu = { .lg2_entries = SMMU_MIN_LG2_ENTRIES,
				       .has_ril = rows[row].has_ril,
				       .has_e2h = rows[row].has_e2h };
	const struct hw_tag tag = q->rig.context.tag;
	struct smmu_attach attach = { .smmu = NULL };
	const struct smmu_domain_cfg domain = {
		.rule = smmu_rule_find(rows[row].rule),
		.stage = rows[row].stage,
		.granule = rows[row].granule,
		.asid = tag.asid,
		.vmid = tag.vmid,
		.attach = &attach,
		.nr_attach = 1,
	};
	struct iopt_err err = { "" };

	if (smmu_create(&smmu, &q->smmu, &err))
		fail_msg("smmu: %s", err.msg);
	attach.smmu = q->smmu;
	if (smmu_domain_create(&domain, &q->domain, &err))
		fail_msg("domain: %s", err.msg);
	tlb_log_init(&q->log);
	smmu_domain_log(q->domain, &q->log);
}

static void queued_init(struct queued *q, size_t row, bool is_strict, u64 seed)
{
	struct rig_cfg cfg = {
		.params = pgtable_engine_find("lpae-6.12")->params,
		.rule = rows[row].rule,
		.granule = rows[row].granule,
		.stage = rows[row].stage,
		.has_ril = rows[row].has_ril,
		.is_strict = is_strict,
		.replace = TCACHE_RANDOM,
		.ops = &both_ops,
	};
	struct hw_cfg hw;
	struct iopt_err err = { "" };

	snprintf(q->name, sizeof(q->name),
		 "row %zu, TTL %s, IOPT_SEED=%" PRIu64, row,
		 is_strict ? "strict" : "lenient", seed);
	rng_init(&q->rng, seed + row);
	if (!strcmp(rows[row].rule, "6.1"))
		cfg.params.clear = PGTABLE_CLEAR_EACH;
	cfg.params.policy = rows[row].policy;
	rig_init(&q->rig, &cfg);
	q->rig.arg = q;
	q->rig.context.tag.is_el2 = rows[row].has_e2h;
	q->rig.direct.tag = q->rig.context.tag;
	q->rig.direct.oracle = NULL;
	make_queue(q, row);
	q->nr_taken = 0;
	hw = (struct hw_cfg){
		.iotlb = { .cache = q->rig.hw.iotlb.cache.cfg,
			   .pgsizes = q->rig.hw.iotlb.pgsizes,
			   .is_strict = is_strict },
		.walker = { .replace = TCACHE_RANDOM },
	};
	for (unsigned int i = 0; i < WALK_NR_LEVELS - 1; i++)
		hw.walker.nr_entries[i] =
			q->rig.hw.walker.caches[i].cfg.nr_ways;
	if (hw_init(&q->hw, &hw, &err))
		fail_msg("hardware: %s", err.msg);
}

static void queued_fini(struct queued *q)
{
	rig_fini(&q->rig);
	smmu_domain_destroy(q->domain);
	smmu_destroy(q->smmu);
	tlb_log_fini(&q->log);
	hw_fini(&q->hw);
}

static void compare_cache(const struct queued *q, const struct tcache *direct,
			  const struct tcache *queue, int op, const char *what)
{
	for (size_t i = 0; i < tcache_nr_entries(direct); i++) {
		const struct tcache_entry *d = &direct->entries[i];
		const struct tcache_entry *e = &queue->entries[i];

		expect_u64(e->is_valid, d->is_valid,
			   "%s, op %d: %s %zu of level %u at 0x%" PRIx64,
			   q->name, op, what, i, d->span.level, d->span.iova);
		if (!d->is_valid)
			continue;
		expect_u64(e->span.iova, d->span.iova, "%s, op %d: %s %zu",
			   q->name, op, what, i);
		expect_u64(e->paddr, d->paddr, "%s, op %d: %s %zu", q->name, op,
			   what, i);
	}
}

static void compare(const struct queued *q, int op)
{
	const struct hw *direct = &q->rig.hw;

	compare_cache(q, &direct->iotlb.cache, &q->hw.iotlb.cache, op, "leaf");
	for (unsigned int i = 0; i < WALK_NR_LEVELS - 1; i++)
		compare_cache(q, &direct->walker.caches[i],
			      &q->hw.walker.caches[i], op, "table");
}

static void access_both(struct queued *q, u64 iova)
{
	struct hw_result d, e;

	hw_translate(&q->rig.hw, &q->rig.context, iova, IOMMU_READ, &d);
	hw_translate(&q->hw, &q->rig.context, iova, IOMMU_READ, &e);
	expect_u64(e.fault, d.fault, "%s: access to 0x%" PRIx64, q->name, iova);
	expect_u64(e.paddr, d.paddr, "%s: access to 0x%" PRIx64, q->name, iova);
}

/* Anything goes, also what fails: both ways hear the same of it. */
static void do_op(struct queued *q, u64 base, u64 block)
{
	struct iommu_domain *domain = &q->rig.domain;
	u64 page = q->rig.cfg.granule;
	u64 slot = rng_below(&q->rng, NR_SLOTS) * block;
	u64 paddr = (1 + rng_below(&q->rng, 1000)) * block;
	u64 from = rng_below(&q->rng, block / page) * page;
	u64 size = (1 + rng_below(&q->rng, 40)) * page;

	switch (rng_below(&q->rng, 5)) {
	case 0:
		iommu_map(domain, base + slot, paddr, block, IOMMU_READ);
		break;
	case 1:
		iommu_map(domain, base + slot + from, paddr + page, size,
			  IOMMU_READ);
		break;
	case 2:
		iommu_unmap(domain, base + slot, block);
		break;
	case 3:
		iommu_unmap(domain, base + slot + from, size);
		break;
	default:
		iommu_unmap(domain, base + slot, NR_SLOTS * block - slot);
		if (!rng_below(&q->rng, 8))
			iommu_flush_iotlb_all(domain);
	}
}

static void try_row(size_t row, bool is_strict, u64 seed)
{
	struct queued q;
	u64 base, block;

	queued_init(&q, row, is_strict, seed);
	block = rig_block(&q.rig);
	base = (1 + rng_below(&q.rng, 1000)) * block;
	for (int op = 0; op < NR_OPS; op++) {
		do_op(&q, base, block);
		compare(&q, op);
		for (int i = 0; i < 20; i++)
			access_both(&q,
				    base + rng_below(&q.rng, NR_SLOTS * block));
	}
	/* The commands were of use. */
	assert_true(q.nr_taken > 0);
	queued_fini(&q);
}

static void test_rows(void **state)
{
	u64 seed = test_seed();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		try_row(i, false, seed);
		try_row(i, true, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
