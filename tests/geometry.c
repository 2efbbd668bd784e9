// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shapes of LPAE tables, the bits of their descriptors, and configurations
 * that are refused, each as a row with what is expected.
 */
#include "support.h"

#include "sizes.h"
#include "sink.h"

#define OLD PGTABLE_CONCAT_OLD
#define NEW PGTABLE_CONCAT_NEW

#define LEAVES_4K     (SZ_4K | SZ_2M | SZ_1G)
#define LEAVES_16K    (SZ_16K | SZ_32M)
#define LEAVES_64K    (SZ_64K | SZ_512M)
#define LEAVES_64K_52 (LEAVES_64K | SZ_4T)

struct shape {
	size_t granule;
	unsigned int stage;
	enum pgtable_concat concat;
	unsigned int ias;
	unsigned int oas;
	/* expected */
	unsigned int start_level;
	u64 top_entries;
	u64 pgsizes;
};

static const struct shape shapes[] = {
	/* 4K: 9 bits a level; top bits = ias - 12 - 9 * (levels - 1). */
	{ SZ_4K, 1, OLD, 32, 32, 1, 4, LEAVES_4K },   /* 20 = 2 + 9 + 9 */
	{ SZ_4K, 1, OLD, 36, 36, 1, 64, LEAVES_4K },  /* 24 = 6 + 18 */
	{ SZ_4K, 1, OLD, 40, 40, 0, 2, LEAVES_4K },   /* 28 = 1 + 27 */
	{ SZ_4K, 1, OLD, 42, 42, 0, 8, LEAVES_4K },   /* 30 = 3 + 27 */
	{ SZ_4K, 1, OLD, 44, 44, 0, 32, LEAVES_4K },  /* 32 = 5 + 27 */
	{ SZ_4K, 1, OLD, 48, 48, 0, 512, LEAVES_4K }, /* 36 = 9 + 27 */
	{ SZ_4K, 1, NEW, 32, 48, 1, 4, LEAVES_4K },   /* oas: no part in it */
	/* 16K: 11 bits a level. */
	{ SZ_16K, 1, OLD, 32, 32, 2, 128, LEAVES_16K },	 /* 18 = 7 + 11 */
	{ SZ_16K, 1, OLD, 36, 36, 2, 2048, LEAVES_16K }, /* 22 = 11 + 11 */
	{ SZ_16K, 1, OLD, 40, 40, 1, 16, LEAVES_16K },	 /* 26 = 4 + 22 */
	{ SZ_16K, 1, OLD, 42, 42, 1, 64, LEAVES_16K },	 /* 28 = 6 + 22 */
	{ SZ_16K, 1, OLD, 44, 44, 1, 256, LEAVES_16K },	 /* 30 = 8 + 22 */
	{ SZ_16K, 1, OLD, 48, 48, 0, 2, LEAVES_16K },	 /* 34 = 1 + 33 */
	/* 64K: 13 bits a level; a 4T leaf with 52-bit output alone. */
	{ SZ_64K, 1, OLD, 32, 32, 2, 8, LEAVES_64K },	 /* 16 = 3 + 13 */
	{ SZ_64K, 1, OLD, 36, 36, 2, 128, LEAVES_64K },	 /* 20 = 7 + 13 */
	{ SZ_64K, 1, OLD, 40, 40, 2, 2048, LEAVES_64K }, /* 24 = 11 + 13 */
	{ SZ_64K, 1, OLD, 42, 42, 2, 8192, LEAVES_64K }, /* 26 = 13 + 13 */
	{ SZ_64K, 1, OLD, 44, 44, 1, 4, LEAVES_64K },	 /* 28 = 2 + 26 */
	{ SZ_64K, 1, OLD, 48, 48, 1, 64, LEAVES_64K },	 /* 32 = 6 + 26 */
	{ SZ_64K, 1, OLD, 48, 52, 1, 64, LEAVES_64K_52 },
	{ SZ_64K, 1, OLD, 52, 52, 1, 1024, LEAVES_64K_52 }, /* 36 = 10 + 26 */
	{ SZ_64K, 2, OLD, 52, 52, 1, 1024, LEAVES_64K_52 },
	{ SZ_64K, 2, NEW, 48, 48, 1, 64, LEAVES_64K },
	/* Stage 2, old: start level 0 and at most 16 top entries. */
	{ SZ_4K, 2, OLD, 36, 48, 1, 64, LEAVES_4K },
	{ SZ_4K, 2, OLD, 40, 40, 1, 2 * 512, LEAVES_4K },
	{ SZ_4K, 2, OLD, 40, 48, 1, 2 * 512, LEAVES_4K },
	{ SZ_4K, 2, OLD, 42, 44, 1, 8 * 512, LEAVES_4K },
	{ SZ_4K, 2, OLD, 44, 44, 0, 32, LEAVES_4K }, /* 32 tables: no */
	{ SZ_4K, 2, OLD, 48, 48, 0, 512, LEAVES_4K },
	{ SZ_16K, 2, OLD, 40, 40, 1, 16, LEAVES_16K }, /* starts at 1: no */
	{ SZ_16K, 2, OLD, 48, 48, 1, 2 * 2048, LEAVES_16K },
	/* Stage 2, new: where the architecture leaves no choice. */
	{ SZ_4K, 2, NEW, 36, 40, 1, 64, LEAVES_4K },
	{ SZ_4K, 2, NEW, 40, 40, 1, 2 * 512, LEAVES_4K },
	{ SZ_4K, 2, NEW, 40, 42, 1, 2 * 512, LEAVES_4K },
	{ SZ_4K, 2, NEW, 40, 44, 0, 2, LEAVES_4K },
	{ SZ_4K, 2, NEW, 40, 48, 0, 2, LEAVES_4K },
	{ SZ_4K, 2, NEW, 42, 42, 1, 8 * 512, LEAVES_4K },
	{ SZ_4K, 2, NEW, 42, 48, 0, 8, LEAVES_4K },
	{ SZ_4K, 2, NEW, 44, 44, 0, 32, LEAVES_4K },
	{ SZ_16K, 2, NEW, 36, 40, 2, 2048, LEAVES_16K },
	{ SZ_16K, 2, NEW, 40, 40, 2, 16 * 2048, LEAVES_16K },
	{ SZ_16K, 2, NEW, 40, 42, 1, 16, LEAVES_16K },
	{ SZ_16K, 2, NEW, 42, 42, 1, 64, LEAVES_16K },
	{ SZ_16K, 2, NEW, 48, 48, 1, 2 * 2048, LEAVES_16K },
};

/* An arena with a table in it; the caller destroys both. */
static struct pgtable *create(struct pgtable_cfg cfg)
{
	const struct pgtable_engine *engine = pgtable_engine_find("lpae-6.12");
	struct pgtable *pgt = NULL;
	struct iopt_err err = { "" };

	cfg.arena = test_arena(16 * SZ_1M);
	cfg.tlb = &inval_sink_ops;
	if (pgtable_create(engine, &cfg, &pgt, &err))
		fail_msg("%s", err.msg);
	return pgt;
}

static void destroy(struct pgtable *pgt)
{
	struct arena *arena = pgt->cfg.arena;

	pgt->ops.free(pgt);
	assert_int_equal(arena_destroy(arena), 0);
}

static void check_shape(const struct shape *want)
{
	const struct pgtable_cfg cfg = {
		.params = { .concat = want->concat },
		.granule = want->granule,
		.stage = want->stage,
		.ias = want->ias,
		.oas = want->oas,
		.coherent_walk = true,
	};
	struct pgtable *pgt = create(cfg);
	const struct pgtable_geometry *got = &pgt->geo;
	u64 bytes = want->top_entries * 8;
	u64 live = arena_stats(pgt->cfg.arena).live_bytes;

	if (got->start_level != want->start_level ||
	    1ull << got->top_bits != want->top_entries ||
	    8ull << got->bits_per_level != want->granule ||
	    got->pgsizes != want->pgsizes ||
	    live != (bytes < SZ_4K ? SZ_4K : bytes))
		fail_msg("granule %zu stage %u ias %u oas %u concat %s: "
			 "expected level %u, %" PRIu64
			 " entries, leaves 0x%" PRIx64
			 ", got level %u, %llu entries, leaves 0x%" PRIx64
			 " in %" PRIu64 " bytes",
			 want->granule, want->stage, want->ias, want->oas,
			 want->concat == OLD ? "old" : "new", want->start_level,
			 want->top_entries, want->pgsizes, got->start_level,
			 1ull << got->top_bits, got->pgsizes, live);
	destroy(pgt);
}

static void shape_of_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		check_shape(&shapes[i]);
}

#define RW (IOMMU_READ | IOMMU_WRITE)

struct desc {
	unsigned int stage;
	size_t granule;
	u64 pgsize;
	u64 paddr;
	int prot;
	u64 want;
};

static const struct desc descs[] = {
	/*
	 * Stage 1: nG 800, AF 400, SH 300 inner or 200 outer, AP 40 user, 80
	 * read-only, AttrIndx 4 or 8, page 3, block 1, XN 0060 at the top.
	 */
	{ 1, SZ_4K, SZ_4K, 0x12345000, RW | IOMMU_CACHE, 0x12345f47 },
	{ 1, SZ_4K, SZ_2M, 0x12200000, RW | IOMMU_CACHE, 0x12200f45 },
	{ 1, SZ_4K, SZ_1G, 0x40000000, RW | IOMMU_CACHE, 0x40000f45 },
	{ 1, SZ_16K, SZ_16K, 0x12344000, RW | IOMMU_CACHE, 0x12344f47 },
	{ 1, SZ_16K, SZ_32M, 0x12000000, RW | IOMMU_CACHE, 0x12000f45 },
	{ 1, SZ_4K, SZ_4K, 0, RW, 0xe43 },
	{ 1, SZ_4K, SZ_4K, 0, IOMMU_READ, 0xec3 },
	{ 1, SZ_4K, SZ_4K, 0, IOMMU_WRITE, 0xe43 }, /* no write-only here */
	{ 1, SZ_4K, SZ_4K, 0, RW | IOMMU_MMIO, 0xe4b },
	{ 1, SZ_4K, SZ_4K, 0, RW | IOMMU_MMIO | IOMMU_CACHE, 0xf4b },
	{ 1, SZ_4K, SZ_4K, 0, RW | IOMMU_PRIV, 0xe03 },
	{ 1, SZ_4K, SZ_4K, 0, RW | IOMMU_CACHE | IOMMU_NOEXEC,
	  0x0060000000000f47 },
	{ 1, SZ_4K, SZ_4K, 0, IOMMU_READ | IOMMU_CACHE | IOMMU_PRIV, 0xf87 },
	/*
	 * Stage 2: AF 400, SH 300 or 200, HAP 40 read, 80 write, MemAttr 3c
	 * write-back, 14 non-cacheable, 4 device.
	 */
	{ 2, SZ_4K, SZ_4K, 0x12345000, RW | IOMMU_CACHE, 0x123457ff },
	{ 2, SZ_4K, SZ_2M, 0x12200000, RW | IOMMU_CACHE, 0x122007fd },
	{ 2, SZ_4K, SZ_4K, 0, RW, 0x6d7 },
	{ 2, SZ_4K, SZ_4K, 0, IOMMU_READ, 0x657 },
	{ 2, SZ_4K, SZ_4K, 0, IOMMU_WRITE, 0x697 },
	{ 2, SZ_4K, SZ_4K, 0, RW | IOMMU_MMIO, 0x6c7 },
	{ 2, SZ_4K, SZ_4K, 0, RW | IOMMU_PRIV, 0x6d7 }, /* not at stage 2 */
	{ 2, SZ_4K, SZ_4K, 0, RW | IOMMU_CACHE | IOMMU_NOEXEC,
	  0x00600000000007ff },
	/* 48 bits: as they are. */
	{ 1, SZ_4K, SZ_4K, 0xfffffffff000, RW | IOMMU_CACHE, 0xffffffffff47 },
	/* 52 bits: 51:48 lie in 15:12. */
	{ 1, SZ_64K, SZ_64K, 0xf123456780000, RW | IOMMU_CACHE,
	  0x12345678ff47 },
	{ 1, SZ_64K, SZ_64K, 0x8000000000000, RW | IOMMU_CACHE, 0x8f47 },
	{ 1, SZ_64K, SZ_64K, 0x7fffffff0000, RW | IOMMU_CACHE, 0x7fffffff0f47 },
	{ 2, SZ_64K, SZ_512M, 0xa123440000000, RW | IOMMU_CACHE,
	  0x12344000a7fd },
	{ 1, SZ_64K, SZ_4T, 0xffc0000000000, RW | IOMMU_CACHE, 0xfc000000ff45 },
};

/* The descriptor of the leaf at address 0: the first entry of each table. */
static u64 first_leaf(const struct pgtable *pgt, u64 pgsize)
{
	u64 offset = arena_pa_offset(pgt->cfg.arena);
	const u64 *table = pgt->root;
	unsigned int level = pgt->geo.start_level;

	for (;; level++) {
		u64 size = 8ull << (4 - level) * pgt->geo.bits_per_level;

		if (size == pgsize)
			return *table;
		table = (const u64 *)(uintptr_t)((*table & 0xfffffffff000) -
						 offset);
	}
}

static void bits_of_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(descs); i++) {
		const struct desc *d = &descs[i];
		unsigned int bits = d->granule == SZ_64K ? 52 : 48;
		struct pgtable *pgt = create((struct pgtable_cfg){
			.stage = d->stage,
			.granule = d->granule,
			.ias = bits,
			.oas = bits,
			.coherent_walk = true,
		});
		size_t mapped = 0;

		assert_int_equal(pgt->ops.map_pages(pgt, 0, d->paddr, d->pgsize,
						    1, d->prot, &mapped),
				 0);
		if (first_leaf(pgt, d->pgsize) != d->want)
			fail_msg("row %zu, stage %u prot %d to 0x%" PRIx64
				 ": expected 0x%" PRIx64 ", got 0x%" PRIx64,
				 i, d->stage, d->prot, d->paddr, d->want,
				 first_leaf(pgt, d->pgsize));
		assert_int_equal(pgt->ops.iova_to_phys(pgt, d->pgsize - 1),
				 d->paddr + d->pgsize - 1);
		destroy(pgt);
	}
}

/* The arena's first table is the top one, its second the next. */
static void bits_of_tables(void **state)
{
	static const struct {
		bool coherent_walk;
		u64 want;
	} rows[] = {
		/* pa_base 2G + the top table's 4K; type 3. */
		{ true, 0x80001003 },
		/* Software bit 55: the descriptor is clean. */
		{ false, 0x80001003 | 1ull << 55 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pgtable *pgt = create((struct pgtable_cfg){
			.stage = 1,
			.granule = SZ_4K,
			.ias = 48,
			.oas = 48,
			.coherent_walk = rows[i].coherent_walk,
		});
		size_t mapped = 0;

		assert_int_equal(
			pgt->ops.map_pages(pgt, 0, 0, SZ_4K, 1, RW, &mapped),
			0);
		assert_int_equal(pgt->root[0], rows[i].want);
		destroy(pgt);
	}
}

struct refusal {
	size_t granule;
	unsigned int stage;
	unsigned int ias;
	unsigned int oas;
	const char *msg;
};

#define WANT_BITS "want ias <= oas, each of 32 36 40 42 44 48, or 52 with 64K"

static const struct refusal refusals[] = {
	{ 8192, 1, 48, 48, "granule 8192: not one of 4K, 16K, 64K" },
	{ 0, 1, 48, 48, "granule 0: not one of 4K, 16K, 64K" },
	{ SZ_4K, 0, 48, 48, "stage 0: not 1 or 2" },
	{ SZ_4K, 3, 48, 48, "stage 3: not 1 or 2" },
	{ SZ_4K, 1, 48, 40, "ias 48, oas 40: " WANT_BITS },
	{ SZ_4K, 1, 39, 48, "ias 39, oas 48: " WANT_BITS },
	{ SZ_4K, 1, 48, 64, "ias 48, oas 64: " WANT_BITS },
	{ SZ_4K, 1, 48, 52, "ias 48, oas 52: " WANT_BITS },
	{ SZ_16K, 2, 52, 52, "ias 52, oas 52: " WANT_BITS },
	{ SZ_64K, 1, 56, 56, "ias 56, oas 56: " WANT_BITS },
};

static void refused_configurations(void **state)
{
	struct arena *arena = test_arena(SZ_1M);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		const struct pgtable_cfg cfg = {
			.granule = r->granule,
			.stage = r->stage,
			.ias = r->ias,
			.oas = r->oas,
			.arena = arena,
			.tlb = &inval_sink_ops,
		};
		struct pgtable *pgt = NULL;
		struct iopt_err err = { "" };

		assert_int_equal(
			pgtable_create(pgtable_engine_at(0), &cfg, &pgt, &err),
			-EINVAL);
		assert_string_equal(err.msg, r->msg);
		assert_null(pgt);
		/* The text is optional. */
		assert_int_equal(
			pgtable_create(pgtable_engine_at(0), &cfg, &pgt, NULL),
			-EINVAL);
	}
	assert_int_equal(arena_destroy(arena), 0);
}

/* 16 concatenated tables of 16K: 256K in one piece. */
static void no_memory_for_the_top(void **state)
{
	struct arena *arena = test_arena(SZ_2M);
	const struct pgtable_cfg cfg = {
		.params = { .concat = NEW },
		.granule = SZ_16K,
		.stage = 2,
		.ias = 40,
		.oas = 40,
		.arena = arena,
		.tlb = &inval_sink_ops,
	};
	struct pgtable *pgt = NULL;
	struct iopt_err err = { "" };

	(void)state;
	arena_fail_at(arena, 1);
	assert_int_equal(pgtable_create(pgtable_engine_at(0), &cfg, &pgt, &err),
			 -ENOMEM);
	assert_string_equal(err.msg, "the arena has no 256K for a top table");
	assert_null(pgt);
	assert_int_equal(arena_destroy(arena), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shape_of_tables),
		cmocka_unit_test(bits_of_leaves),
		cmocka_unit_test(bits_of_tables),
		cmocka_unit_test(refused_configurations),
		cmocka_unit_test(no_memory_for_the_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
