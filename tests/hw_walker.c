// SPDX-License-Identifier: GPL-2.0-only
/* The walker against the engine, against single descriptors, and its caches. */
#include "test.h"

#include "hw_rig.h"
#include "lg2.h"
#include "sizes.h"

static const size_t granules[] = { SZ_4K, SZ_16K, SZ_64K };

static const struct {
	unsigned int ias, oas;
} widths[] = {
	{ 32, 32 }, { 36, 40 }, { 40, 40 }, { 40, 48 }, { 42, 42 },
	{ 42, 44 }, { 44, 48 }, { 48, 48 }, { 48, 52 }, { 52, 52 },
};

static const struct rig_cfg base = {
	.params = { .walk = PGTABLE_WALK_LOOP },
	.rule = "6.12",
	.stage = 1,
};

/* A leaf of each size, at the start, in the middle and at the end. */
static void map_spread(struct rig *rig)
{
	const unsigned int ias = rig->cfg.ias, oas = rig->cfg.oas;

	/* The largest first: where it lies no smaller one fits. */
	for (u64 sizes = rig->pgt->geo.pgsizes, size; sizes; sizes -= size) {
		size = 1ull << lg2_floor(sizes);

		const struct {
			u64 iova, paddr;
		} at[] = {
			{ 2 * size, 3 * size },
			{ (1ull << (ias - 1)) + 4 * size, size },
			{ (1ull << ias) - size, (1ull << oas) - size },
		};

		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			if (at[i].iova >> ias || at[i].paddr >> oas ||
			    iommu_iova_to_phys(&rig->domain, at[i].iova))
				continue;
			iommu_map(&rig->domain, at[i].iova, at[i].paddr, size,
				  IOMMU_READ | IOMMU_WRITE);
		}
	}
}

static void compare_at(const struct rig *rig, u64 iova, const char *what)
{
	struct pgtable *pgt = rig->pgt;
	u64 paddr = iova >> rig->cfg.ias ? 0 : pgt->ops.iova_to_phys(pgt, iova);
	struct pgtable_leaf leaf = { 0 };
	struct walk_result res;

	walk_lookup(&rig->context.table, iova, &res);
	if (!paddr) {
		expect_u64(res.fault, WALK_TRANSLATION, "%s: hole 0x%" PRIx64,
			   what, iova);
		return;
	}
	expect_int(pgt->ops.leaf_walk(pgt, iova, &leaf), 0, what);
	expect_u64(res.fault, WALK_OK, "%s: fault at 0x%" PRIx64, what, iova);
	expect_u64(res.paddr, paddr, "%s: paddr of 0x%" PRIx64, what, iova);
	expect_u64(res.level, leaf.level, "%s: level of 0x%" PRIx64, what,
		   iova);
	expect_u64(1ull << res.lg2_size, leaf.size, "%s: size at 0x%" PRIx64,
		   what, iova);
	expect_u64(res.nr_reads, leaf.level - pgt->geo.start_level + 1u,
		   "%s: reads for 0x%" PRIx64, what, iova);
}

/* Around each leaf, and at random places. */
static void compare(const struct rig *rig, struct rng *rng, const char *what)
{
	struct pgtable *pgt = rig->pgt;
	struct pgtable_leaf leaf;
	unsigned int nr_leaves = 0;
	u64 iova = 0;

	while (!pgt->ops.leaf_walk(pgt, iova, &leaf)) {
		compare_at(rig, leaf.iova, what);
		compare_at(rig, leaf.iova - 1, what);
		compare_at(rig, leaf.iova + leaf.size - 1, what);
		compare_at(rig, leaf.iova + leaf.size, what);
		compare_at(rig, leaf.iova + rng_below(rng, leaf.size), what);
		iova = leaf.iova + leaf.size;
		nr_leaves++;
	}
	for (int i = 0; i < 100; i++)
		compare_at(rig, rng_below(rng, 1ull << rig->cfg.ias), what);
	compare_at(rig, 1ull << rig->cfg.ias, what);
	assert_in_range(nr_leaves, 4, 9);
}

static void try_config(struct rig_cfg cfg, struct rng *rng)
{
	char what[96];
	struct rig rig;

	snprintf(what, sizeof(what),
		 "stage %u, granule %zuK, ias %u, oas %u, concat %d", cfg.stage,
		 cfg.granule / 1024, cfg.ias, cfg.oas, cfg.params.concat);
	rig_init(&rig, &cfg);
	map_spread(&rig);
	compare(&rig, rng, what);
	rig_fini(&rig);
}

static void test_engine(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, test_seed());
	for (size_t g = 0; g < ARRAY_SIZE(granules); g++)
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			for (int i = 0; i < 4; i++) {
				struct rig_cfg cfg = base;

				cfg.granule = granules[g];
				cfg.ias = widths[w].ias;
				cfg.oas = widths[w].oas;
				cfg.stage = i & 1 ? 2 : 1;
				cfg.params.concat = i & 2 ? PGTABLE_CONCAT_NEW :
							    PGTABLE_CONCAT_OLD;
				/* 52 bits are the 64K granule's alone. */
				if (cfg.oas == 52 && cfg.granule != SZ_64K)
					continue;
				try_config(cfg, &rng);
			}
}

/* Protections as iommu_map() gives them, and what the walker reads. */
static const struct {
	int prot, s1, s2;
} prots[] = {
	{ IOMMU_READ, IOMMU_READ, IOMMU_READ },
	{ IOMMU_READ | IOMMU_WRITE, IOMMU_READ | IOMMU_WRITE,
	  IOMMU_READ | IOMMU_WRITE },
	/* Stage 1 has no write without read. */
	{ IOMMU_WRITE, IOMMU_READ | IOMMU_WRITE, IOMMU_WRITE },
	{ IOMMU_READ | IOMMU_NOEXEC, IOMMU_READ | IOMMU_NOEXEC,
	  IOMMU_READ | IOMMU_NOEXEC },
	{ IOMMU_READ | IOMMU_PRIV, IOMMU_READ | IOMMU_PRIV, IOMMU_READ },
	{ IOMMU_READ | IOMMU_CACHE, IOMMU_READ, IOMMU_READ },
};

static void test_prot(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		for (unsigned int stage = 1; stage <= 2; stage++) {
			struct rig_cfg cfg = base;
			struct walk_result res;
			struct rig rig;

			cfg.stage = stage;
			cfg.granule = SZ_4K;
			rig_init(&rig, &cfg);
			iommu_map(&rig.domain, SZ_2M, SZ_1G, SZ_4K,
				  prots[i].prot);
			walk_lookup(&rig.context.table, SZ_2M, &res);
			expect_u64(
				(u64)res.prot,
				(u64)(stage == 1 ? prots[i].s1 : prots[i].s2),
				"row %zu, stage %u", i, stage);
			rig_fini(&rig);
		}
}

/* Descriptors written out by hand from the Arm ARM's figures. */
static const struct {
	const char *what;
	unsigned int lg2_granule, oas, level;
	u64 desc;
	enum walk_kind kind;
	enum walk_fault fault;
	u64 paddr;
} descs[] = {
	{ "0", 12, 48, 3, 0, WALK_NONE, WALK_TRANSLATION, 0 },
	{ "invalid with other bits set", 12, 48, 2, 0x12345402, WALK_NONE,
	  WALK_TRANSLATION, 0 },
	{ "4K page", 12, 48, 3, 0x12345403, WALK_LEAF, WALK_OK, 0x12345000 },
	{ "reserved at level 3", 12, 48, 3, 0x12345401, WALK_NONE,
	  WALK_TRANSLATION, 0 },
	{ "2M block", 12, 48, 2, 0x40200401, WALK_LEAF, WALK_OK, 0x40200000 },
	{ "1G block", 12, 48, 1, 0x40000401, WALK_LEAF, WALK_OK, 0x40000000 },
	{ "512G block, not without LPA2", 12, 48, 0, 0x8000000401, WALK_NONE,
	  WALK_TRANSLATION, 0 },
	{ "table", 12, 48, 1, 0x12345003, WALK_TABLE, WALK_OK, 0x12345000 },
	{ "table with the software bit", 12, 48, 1, 0x0080000012345003,
	  WALK_TABLE, WALK_OK, 0x12345000 },
	{ "page without AF", 12, 48, 3, 0x12345003, WALK_NONE, WALK_ACCESS_FLAG,
	  0 },
	{ "page above the output size", 12, 40, 3, 0x10012345403, WALK_NONE,
	  WALK_ADDRESS_SIZE, 0 },
	{ "table above the output size", 12, 40, 2, 0x10012345003, WALK_NONE,
	  WALK_ADDRESS_SIZE, 0 },
	{ "16K page", 14, 48, 3, 0x12344403, WALK_LEAF, WALK_OK, 0x12344000 },
	{ "32M block", 14, 48, 2, 0x42000401, WALK_LEAF, WALK_OK, 0x42000000 },
	{ "64G block of 16K", 14, 48, 1, 0x1000000401, WALK_NONE,
	  WALK_TRANSLATION, 0 },
	{ "64K page", 16, 48, 3, 0x12340403, WALK_LEAF, WALK_OK, 0x12340000 },
	{ "64K page, bits 51:48 in 15:12", 16, 52, 3, 0x1234a403, WALK_LEAF,
	  WALK_OK, 0xa000012340000 },
	{ "64K page beyond 48 bits", 16, 48, 3, 0x1234a403, WALK_NONE,
	  WALK_ADDRESS_SIZE, 0 },
	{ "512M block", 16, 48, 2, 0x60000401, WALK_LEAF, WALK_OK, 0x60000000 },
	{ "4T block", 16, 52, 1, 0x40000001401, WALK_LEAF, WALK_OK,
	  0x1040000000000 },
	{ "4T block without 52-bit output", 16, 48, 1, 0x40000000401, WALK_NONE,
	  WALK_TRANSLATION, 0 },
};

static void test_descs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(descs); i++) {
		const struct walk_table table = {
			.lg2_granule = descs[i].lg2_granule,
			.ias = 48,
			.oas = descs[i].oas,
			.stage = 1,
		};
		struct walk_desc d =
			walk_decode_lpae(&table, descs[i].desc, descs[i].level);

		expect_u64(d.kind, descs[i].kind, "%s: kind", descs[i].what);
		expect_text(walk_fault_name(d.fault),
			    walk_fault_name(descs[i].fault), descs[i].what);
		expect_u64(d.paddr, descs[i].paddr, "%s: paddr", descs[i].what);
	}
}

/* A table descriptor that leads out of memory. */
static void test_external(void **state)
{
	struct rig_cfg cfg = base;
	struct walk_result res;
	struct rig rig;

	(void)state;
	cfg.granule = SZ_4K;
	rig_init(&rig, &cfg);
	rig.pgt->root[1] = 0x3000003;
	expect_text(walk_fault_name(
			    walk_lookup(&rig.context.table, 1ull << 39, &res)),
		    "external", "table at 48M");
	rig.pgt->root[1] = 0;
	rig_fini(&rig);
}

/*
 * What each walk reads: 4 levels; then the level 3 table is known to 2M, the
 * level 2 table to 1G, the level 1 table to 512G.
 */
static const struct {
	u64 iova;
	unsigned int nr_reads;
	unsigned int hit_level; /* of the table descriptor; 3 for none */
} walks[] = {
	{ 0x0, 4, 3 },		 { SZ_4K, 1, 2 }, { SZ_2M, 2, 1 },
	{ SZ_2M + SZ_4K, 1, 2 }, { SZ_1G, 3, 0 }, { 1ull << 39, 4, 3 },
	{ 0x0, 1, 2 },
};

static void test_caches(void **state)
{
	struct rig_cfg cfg = base;
	struct walk_result res;
	struct rig rig;

	(void)state;
	cfg.granule = SZ_4K;
	rig_init(&rig, &cfg);
	for (size_t i = 0; i < ARRAY_SIZE(walks) - 1; i++)
		iommu_map(&rig.domain, walks[i].iova, SZ_1G, SZ_4K, IOMMU_READ);
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		u64 hits[3];

		memcpy(hits, rig.hw.walker.nr_hits, sizeof(hits));
		walker_walk(&rig.hw.walker, &rig.context.table, rig.context.tag,
			    walks[i].iova, &res);
		expect_u64(res.fault, WALK_OK, "walk %zu", i);
		expect_u64(res.paddr, SZ_1G, "walk %zu: paddr", i);
		expect_u64(res.nr_reads, walks[i].nr_reads, "walk %zu: reads",
			   i);
		for (unsigned int l = 0; l < 3; l++)
			expect_u64(rig.hw.walker.nr_hits[l] - hits[l],
				   l == walks[i].hit_level,
				   "walk %zu: hits at level %u", i, l);
	}
	expect_u64(rig.hw.walker.nr_walks, 7, "walks");
	/* 4 + 1 + 2 + 1 + 3 + 4 + 1 */
	expect_u64(rig.hw.walker.nr_reads, 16, "reads");
	rig_fini(&rig);
}

/* With n entries for level 2, n tables in turn hit and n + 1 never do. */
static void test_cache_size(void **state)
{
	const struct walker_cfg shape = { .nr_entries = { 0, 0, 4 } };
	struct rig_cfg cfg = base;
	struct iopt_err err;
	struct rig rig;

	(void)state;
	cfg.granule = SZ_4K;
	rig_init(&rig, &cfg);
	for (u64 i = 0; i < 5; i++)
		iommu_map(&rig.domain, i * SZ_2M, SZ_1G, SZ_4K, IOMMU_READ);
	for (u64 n = 4; n <= 5; n++) {
		struct walk_result res;
		struct walker walker;

		expect_int(walker_init(&walker, &shape, &err), 0, "walker");
		for (u64 i = 0; i < 3 * n; i++)
			walker_walk(&walker, &rig.context.table,
				    rig.context.tag, i % n * SZ_2M, &res);
		expect_u64(walker.nr_hits[2], n == 4 ? 8 : 0, "%u tables",
			   (unsigned int)n);
		/* A hit reads the page's descriptor alone. */
		expect_u64(walker.nr_reads, n == 4 ? 4 * 4 + 8 : 15 * 4,
			   "%u tables: reads", (unsigned int)n);
		walker_fini(&walker);
	}
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_prot),
		cmocka_unit_test(test_descs),
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_cache_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
