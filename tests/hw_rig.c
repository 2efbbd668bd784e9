// SPDX-License-Identifier: GPL-2.0-only
/* A domain on an engine, its invalidations going straight into hardware. */
#include "hw_rig.h"

#include "lg2.h"
#include "sizes.h"
#include "test.h"

static void fill_defaults(struct rig_cfg *cfg)
{
	cfg->engine = cfg->engine ? cfg->engine : "lpae-6.12";
	cfg->ias = cfg->ias ? cfg->ias : 48;
	cfg->oas = cfg->oas ? cfg->oas : 48;
	cfg->nr_sets = cfg->nr_sets ? cfg->nr_sets : 64;
	cfg->nr_ways = cfg->nr_ways ? cfg->nr_ways : 4;
	cfg->nr_walk = cfg->nr_walk ? cfg->nr_walk : 16;
	cfg->arena_bytes = cfg->arena_bytes ? cfg->arena_bytes : 64 * SZ_1M;
}

static void create_table(struct rig *rig)
{
	const struct rig_cfg *cfg = &rig->cfg;
	const struct pgtable_engine *engine = pgtable_engine_find(cfg->engine);
	const struct arena_cfg arena = { .size = cfg->arena_bytes,
					 .want_base_pages = true };
	struct pgtable_cfg pgt = {
		.params = cfg->params,
		.stage = cfg->stage,
		.granule = cfg->granule,
		.ias = cfg->ias,
		.oas = cfg->oas,
		.coherent_walk = !cfg->is_incoherent,
		.tlb = cfg->ops ? cfg->ops : &hw_direct_ops,
		.cookie = cfg->ops ? (void *)rig : (void *)&rig->direct,
	};
	struct iopt_err err = { "" };

	if (arena_create(&arena, &rig->arena, &err))
		fail_msg("arena: %s", err.msg);
	pgt.arena = rig->arena;
	if (cfg->is_counted ?
		    pgtable_create_counted(engine, &pgt, &rig->pgt, &err) :
		    pgtable_create(engine, &pgt, &rig->pgt, &err))
		fail_msg("table: %s", err.msg);
	iommu_domain_init(&rig->domain, rig->pgt, gather_rule_find(cfg->rule));
	walk_table_init(&rig->context.table, rig->pgt);
	rig->context.tag = (struct hw_tag){
		.stage = (u8)cfg->stage,
		.asid = cfg->stage == 1 ? 1 : 0,
		.vmid = cfg->stage == 2 ? 7 : 0,
	};
}

static void create_hw(struct rig *rig)
{
	const struct rig_cfg *cfg = &rig->cfg;
	const unsigned int n = cfg->nr_walk;
	const struct hw_cfg hw = {
		.iotlb = { .cache = { .nr_sets = cfg->nr_sets,
				      .nr_ways = cfg->nr_ways,
				      .replace = cfg->replace },
			   .pgsizes = rig->pgt->geo.pgsizes,
			   .is_strict = cfg->is_strict },
		.walker = { .nr_entries = { n, n, n },
			    .replace = cfg->replace },
	};
	struct iopt_err err = { "" };

	if (hw_init(&rig->hw, &hw, &err))
		fail_msg("hardware: %s", err.msg);
	if (oracle_create(&rig->context, &rig->hw, &rig->oracle, &err))
		fail_msg("oracle: %s", err.msg);
	rig->direct = (struct direct){
		.hw = &rig->hw,
		.oracle = rig->oracle,
		.rule = gather_rule_find(cfg->rule),
		.tag = rig->context.tag,
		.granule = cfg->granule,
		.has_ril = cfg->has_ril,
		.has_threshold = !strcmp(cfg->rule, "7.3"),
	};
}

void rig_init(struct rig *rig, const struct rig_cfg *cfg)
{
	memset(rig, 0, sizeof(*rig));
	rig->cfg = *cfg;
	fill_defaults(&rig->cfg);
	create_table(rig);
	create_hw(rig);
}

u64 rig_free(struct rig *rig)
{
	oracle_destroy(rig->oracle);
	hw_fini(&rig->hw);
	rig->pgt->ops.free(rig->pgt);
	return arena_destroy(rig->arena);
}

void rig_fini(struct rig *rig)
{
	expect_u64(rig_free(rig), 0, "bytes of leaked tables");
}

void rig_grow(struct rig *rig)
{
	struct walk_table *table = &rig->context.table;
	u64 root = table->root_paddr;

	walk_table_init(table, rig->pgt);
	if (table->root_paddr != root)
		expect_int(oracle_grow(rig->oracle, table), 0,
			   "oracle's memory");
}

size_t rig_block(const struct rig *rig)
{
	return rig->cfg.granule << (lg2_floor(rig->cfg.granule) - 3);
}

struct hw_result rig_access(struct rig *rig, u64 iova, u64 paddr,
			    const char *what)
{
	struct hw_result res;

	oracle_access(rig->oracle, iova, IOMMU_READ, &res);
	if (!paddr)
		expect_u64(res.fault, WALK_TRANSLATION,
			   "%s: fault at 0x%" PRIx64, what, iova);
	else
		expect_u64(res.fault ? 0 : res.paddr, paddr,
			   "%s: access to 0x%" PRIx64, what, iova);
	return res;
}

struct oracle_counts rig_check(struct rig *rig)
{
	expect_int(oracle_check(rig->oracle), 0, "oracle's memory");
	return oracle_counts(rig->oracle);
}

void rig_print(const struct rig *rig)
{
	char text[ORACLE_TEXT_MAX];
	const struct oracle_finding *finding;

	for (size_t i = 0; (finding = oracle_finding(rig->oracle, i)); i++)
		print_message("  %s\n", oracle_finding_text(finding, text));
}
