// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exact cost of each operation: descriptors stored and loaded, tables,
 * invalidations, warnings. Each row derives what it expects.
 */
#include "support.h"

#include "pte_count.h"
#include "recorder.h"
#include "sizes.h"

#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

enum op_kind { NONE, MAP, UNMAP, UNMAP_QUEUED, PHYS, WALK };

/**
 * struct op - An operation, repeated from table to table until done.
 * @kind: which
 * @iova: bytes
 * @pgsize: bytes
 * @pgcount: pages
 */
struct op {
	enum op_kind kind;
	u64 iova;
	u64 pgsize;
	u64 pgcount;
};

/**
 * struct cost - What an operation returns and costs, on a coherent walker.
 * @bytes: mapped or unmapped, or the physical address
 * @writes: descriptors stored; without a coherent walker one more for each
 *	table that is installed: the software bit
 * @reads: descriptors loaded; not looked at in a map, whose loads are plain
 *	ones that a compiler may join
 * @allocs: tables allocated, each of a granule
 * @frees: tables freed
 * @pages: pages reported
 * @walks: walk flushes
 * @warnings: warnings
 */
struct cost {
	u64 bytes;
	u64 writes;
	u64 reads;
	u64 allocs;
	u64 frees;
	u64 pages;
	u64 walks;
	u64 warnings;
};

struct row {
	const char *engine;
	size_t granule;
	unsigned int bits;
	struct op before[3];
	struct op op;
	struct cost want;
};

#define R_4K(engine)  "lpae-" engine, SZ_4K, 48
#define R_16K(engine) "lpae-" engine, SZ_16K, 48
#define R_64K(engine) "lpae-" engine, SZ_64K, 52

static const struct row map_rows[] = {
	/* n leaves + a table for each level from the top to theirs. */
	{ R_4K("6.12"), .op = { MAP, 0, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K, .writes = 1 + 3, .allocs = 3 } },
	{ R_4K("6.12"), .op = { MAP, 0, SZ_4K, 512 },
	  .want = { .bytes = SZ_2M, .writes = 512 + 3, .allocs = 3 } },
	{ R_4K("6.12"), .op = { MAP, 0, SZ_2M, 16 },
	  .want = { .bytes = 16 * SZ_2M, .writes = 16 + 2, .allocs = 2 } },
	{ R_4K("6.12"), .op = { MAP, 0, SZ_1G, 1 },
	  .want = { .bytes = SZ_1G, .writes = 1 + 1, .allocs = 1 } },
	{ R_16K("6.12"), .op = { MAP, 0, SZ_16K, 2048 },
	  .want = { .bytes = SZ_32M, .writes = 2048 + 3, .allocs = 3 } },
	{ R_16K("7.3"), .op = { MAP, 0, SZ_32M, 1 },
	  .want = { .bytes = SZ_32M, .writes = 1 + 2, .allocs = 2 } },
	{ R_64K("6.12"), .op = { MAP, 0, SZ_64K, 8192 },
	  .want = { .bytes = SZ_512M, .writes = 8192 + 2, .allocs = 2 } },
	{ R_64K("6.12"), .op = { MAP, 0, SZ_512M, 1 },
	  .want = { .bytes = SZ_512M, .writes = 1 + 1, .allocs = 1 } },
	{ R_64K("6.12"), .op = { MAP, 0, SZ_4T, 2 },
	  .want = { .bytes = 2 * SZ_4T, .writes = 2 } },
	/* 16 pages on each side of 2M: the second in a table of its own. */
	{ R_4K("7.3"), .op = { MAP, SZ_2M - 16 * SZ_4K, SZ_4K, 32 },
	  .want = { .bytes = 32 * SZ_4K, .writes = 32 + 3 + 1, .allocs = 4 } },
	/* The tables are there: leaves alone. */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 1 } },
	  .op = { MAP, SZ_4K, SZ_4K, 256 },
	  .want = { .bytes = 256 * SZ_4K, .writes = 256 } },
	/* A leaf in the way, the last of 16: nothing is stored. */
	{ R_4K("6.12"), .before = { { MAP, 15 * SZ_4K, SZ_4K, 1 } },
	  .op = { MAP, 0, SZ_4K, 16 }, .want = { .warnings = 1 } },
	/* A block above. */
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { MAP, 0, SZ_4K, 1 }, .want = { .warnings = 1 } },
};

/* Blocks over tables that an unmap of pages left behind. */
static const struct row over_table_rows[] = {
	/* One clear (6.1) or two (6.12 on), and the leaf. */
	{ R_4K("6.1"),
	  .before = { { MAP, 0, SZ_4K, 1 }, { UNMAP, 0, SZ_4K, 1 } },
	  .op = { MAP, 0, SZ_2M, 1 },
	  .want = { .bytes = SZ_2M, .writes = 1 + 1, .frees = 1, .walks = 1 } },
	{ R_4K("6.12"),
	  .before = { { MAP, 0, SZ_4K, 1 }, { UNMAP, 0, SZ_4K, 1 } },
	  .op = { MAP, 0, SZ_2M, 1 },
	  .want = { .bytes = SZ_2M, .writes = 2 + 1, .frees = 1, .walks = 1 } },
	/* One of 16 has a table. */
	{ R_4K("7.3"),
	  .before = { { MAP, 0, SZ_4K, 1 }, { UNMAP, 0, SZ_4K, 1 } },
	  .op = { MAP, 0, SZ_2M, 16 },
	  .want = { .bytes = 16 * SZ_2M,
		    .writes = 2 + 16,
		    .frees = 1,
		    .walks = 1 } },
	/* 1G over 512 last tables and the one above; one flush. */
	{ R_4K("6.1"),
	  .before = { { MAP, 0, SZ_4K, 512 * 512 },
		      { UNMAP, 0, SZ_4K, 512 * 512 } },
	  .op = { MAP, 0, SZ_1G, 1 },
	  .want = { .bytes = SZ_1G,
		    .writes = 1 + 1,
		    .frees = 513,
		    .walks = 1 } },
	{ R_64K("6.12"),
	  .before = { { MAP, 0, SZ_64K, 2 * 8192 },
		      { UNMAP, 0, SZ_64K, 2 * 8192 } },
	  .op = { MAP, 0, SZ_4T, 1 },
	  .want = { .bytes = SZ_4T, .writes = 2 + 1, .frees = 3, .walks = 1 } },
};

static const struct row unmap_rows[] = {
	/*
	 * Loads: one a level down to the leaf's, which is loaded once more,
	 * as each of the others is.
	 */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K, .writes = 1, .reads = 4 + 1, .pages = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K, .writes = 1, .reads = 4 + 1, .pages = 1 } },
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_4K, 512 },
	  .want = { .bytes = SZ_2M,
		    .writes = 512,
		    .reads = 4 + 512,
		    .pages = 512 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_4K, 512 },
	  .want = { .bytes = SZ_2M,
		    .writes = 512,
		    .reads = 4 + 512,
		    .pages = 512 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_2M, 16 } },
	  .op = { UNMAP, 0, SZ_2M, 16 },
	  .want = { .bytes = 16 * SZ_2M,
		    .writes = 16,
		    .reads = 3 + 16,
		    .pages = 16 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, 0, SZ_1G, 1 },
	  .want = { .bytes = SZ_1G, .writes = 1, .reads = 2 + 1, .pages = 1 } },
	{ R_16K("6.12"), .before = { { MAP, 0, SZ_16K, 2048 } },
	  .op = { UNMAP, 0, SZ_16K, 2048 },
	  .want = { .bytes = SZ_32M,
		    .writes = 2048,
		    .reads = 4 + 2048,
		    .pages = 2048 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_512M, 2 } },
	  .op = { UNMAP, 0, SZ_512M, 2 },
	  .want = { .bytes = 2 * SZ_512M,
		    .writes = 2,
		    .reads = 2 + 2,
		    .pages = 2 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_4T, 1 } },
	  .op = { UNMAP, 0, SZ_4T, 1 },
	  .want = { .bytes = SZ_4T, .writes = 1, .reads = 1 + 1, .pages = 1 } },
	/* A hole behind 4 of 16: loaded, warned of, and the end. */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 4 } },
	  .op = { UNMAP, 0, SZ_4K, 16 },
	  .want = { .bytes = 4 * SZ_4K,
		    .writes = 4,
		    .reads = 4 + 4 + 1,
		    .pages = 4,
		    .warnings = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_4K, 4 } },
	  .op = { UNMAP, 0, SZ_4K, 16 },
	  .want = { .bytes = 4 * SZ_4K,
		    .writes = 4,
		    .reads = 4 + 4 + 1,
		    .pages = 4,
		    .warnings = 1 } },
	/* Nothing there: the top entry, a warning. */
	{ R_4K("7.3"), .op = { UNMAP, 0, SZ_4K, 1 },
	  .want = { .reads = 1, .warnings = 1 } },
	/* A queued gather hears of no page. */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 16 } },
	  .op = { UNMAP_QUEUED, 0, SZ_4K, 16 },
	  .want = { .bytes = 16 * SZ_4K, .writes = 16, .reads = 4 + 16 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_4K, 16 } },
	  .op = { UNMAP_QUEUED, 0, SZ_4K, 16 },
	  .want = { .bytes = 16 * SZ_4K, .writes = 16, .reads = 4 + 16 } },
	/*
	 * A table in one piece: cleared once and flushed (6.1), or twice, and
	 * added as a page, too (6.12 on). Last tables are freed unread.
	 */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_2M, 1 },
	  .want = { .bytes = SZ_2M,
		    .writes = 1,
		    .reads = 3 + 1,
		    .frees = 1,
		    .walks = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_4K, 512 } },
	  .op = { UNMAP, 0, SZ_2M, 1 },
	  .want = { .bytes = SZ_2M,
		    .writes = 2,
		    .reads = 3 + 1,
		    .frees = 1,
		    .pages = 1,
		    .walks = 1 } },
	{ R_4K("7.3"),
	  .before = { { MAP, 0, SZ_4K, 1024 }, { MAP, SZ_2M * 2, SZ_2M, 2 } },
	  .op = { UNMAP, 0, SZ_2M, 4 },
	  .want = { .bytes = 4 * SZ_2M,
		    .writes = 2 + 4,
		    .reads = 3 + 4,
		    .frees = 2,
		    .pages = 4,
		    .walks = 2 } },
	/* 1G: 512 entries of its table are read for what hangs there. */
	{ R_4K("6.12"),
	  .before = { { MAP, 0, SZ_2M, 511 },
		      { MAP, SZ_1G - SZ_2M, SZ_4K, 1 } },
	  .op = { UNMAP, 0, SZ_1G, 1 },
	  .want = { .bytes = SZ_1G,
		    .writes = 2,
		    .reads = 2 + 1 + 512,
		    .frees = 2,
		    .pages = 1,
		    .walks = 1 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_64K, 1 } },
	  .op = { UNMAP, 0, SZ_512M, 1 },
	  .want = { .bytes = SZ_512M,
		    .writes = 2,
		    .reads = 2 + 1,
		    .frees = 1,
		    .pages = 1,
		    .walks = 1 } },
};

/*
 * A part of a block. Split: the leaves of a table less those that go, and its
 * installation, for each level; loads: a level each, and the exchange, which
 * counts as one load and one store.
 */
static const struct row part_rows[] = {
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, 0, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K,
		    .writes = 511 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, 256 * SZ_4K, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K,
		    .writes = 511 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, SZ_2M - SZ_4K, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K,
		    .writes = 511 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	/* 64K of it: 16 pages fewer to write. */
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, 0, SZ_4K, 16 },
	  .want = { .bytes = SZ_64K,
		    .writes = 496 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 16 } },
	/* 1M: half of them. */
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, SZ_1M, SZ_4K, 256 },
	  .want = { .bytes = SZ_1M,
		    .writes = 256 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 256 } },
	/* 512 blocks, 511 pages, two tables: 1025. */
	{ R_4K("6.1"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, 0, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K,
		    .writes = 512 + 511 + 2,
		    .reads = 2 + 1 + 1 + 1,
		    .allocs = 2,
		    .pages = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, SZ_1G - SZ_4K, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K,
		    .writes = 512 + 511 + 2,
		    .reads = 2 + 1 + 1 + 1,
		    .allocs = 2,
		    .pages = 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, SZ_2M, SZ_2M, 1 },
	  .want = { .bytes = SZ_2M,
		    .writes = 511 + 1,
		    .reads = 2 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	{ R_16K("6.12"), .before = { { MAP, 0, SZ_32M, 1 } },
	  .op = { UNMAP, 0, SZ_16K, 1 },
	  .want = { .bytes = SZ_16K,
		    .writes = 2047 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_512M, 1 } },
	  .op = { UNMAP, 0, SZ_64K, 1 },
	  .want = { .bytes = SZ_64K,
		    .writes = 8191 + 1,
		    .reads = 2 + 1,
		    .allocs = 1,
		    .pages = 1 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_4T, 1 } },
	  .op = { UNMAP, 0, SZ_64K, 1 },
	  .want = { .bytes = SZ_64K,
		    .writes = 8192 + 8191 + 2,
		    .reads = 1 + 1 + 1 + 1,
		    .allocs = 2,
		    .pages = 1 } },
	/* The same page's neighbour: the table is there. */
	{ R_4K("6.12"),
	  .before = { { MAP, 0, SZ_2M, 1 }, { UNMAP, 0, SZ_4K, 1 } },
	  .op = { UNMAP, SZ_4K, SZ_4K, 1 },
	  .want = { .bytes = SZ_4K, .writes = 1, .reads = 4 + 1, .pages = 1 } },
	/* The split reports its pages to a queued gather, too. */
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP_QUEUED, 0, SZ_4K, 16 },
	  .want = { .bytes = SZ_64K,
		    .writes = 496 + 1,
		    .reads = 3 + 1,
		    .allocs = 1,
		    .pages = 16 } },
	/* No split: loads down to the block, a warning. */
	{ R_4K("nosplit"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, 0, SZ_4K, 1 }, .want = { .reads = 3, .warnings = 1 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, 0, SZ_4K, 16 },
	  .want = { .reads = 2, .warnings = 1 } },
	{ R_64K("7.3"), .before = { { MAP, 0, SZ_512M, 1 } },
	  .op = { UNMAP, 0, SZ_64K, 1 },
	  .want = { .reads = 2, .warnings = 1 } },
	/* Whole: the block goes and is reported as one. */
	{ R_4K("whole"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { UNMAP, 256 * SZ_4K, SZ_4K, 1 },
	  .want = { .bytes = SZ_2M, .writes = 1, .reads = 3, .pages = 1 } },
	{ R_4K("whole"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { UNMAP, 0, SZ_2M, 1 },
	  .want = { .bytes = SZ_1G, .writes = 1, .reads = 2, .pages = 1 } },
	{ R_64K("whole"), .before = { { MAP, 0, SZ_512M, 1 } },
	  .op = { UNMAP_QUEUED, 0, SZ_64K, 1 },
	  .want = { .bytes = SZ_512M, .writes = 1, .reads = 2 } },
};

static const struct row read_rows[] = {
	/* The loop loads once a level, the visitor and its walk once each. */
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_4K, 2 } },
	  .op = { PHYS, SZ_4K, 0, 0 }, .want = { .bytes = SZ_4K, .reads = 4 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_4K, 2 } },
	  .op = { PHYS, SZ_4K, 0, 0 },
	  .want = { .bytes = SZ_4K, .reads = 4 + 4 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { PHYS, SZ_4K, 0, 0 }, .want = { .bytes = SZ_4K, .reads = 3 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_2M, 1 } },
	  .op = { PHYS, SZ_4K, 0, 0 },
	  .want = { .bytes = SZ_4K, .reads = 3 + 3 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_1G, 1 } },
	  .op = { PHYS, SZ_4K, 0, 0 }, .want = { .bytes = SZ_4K, .reads = 2 } },
	{ R_64K("6.12"), .before = { { MAP, 0, SZ_64K, 2 } },
	  .op = { PHYS, SZ_64K, 0, 0 },
	  .want = { .bytes = SZ_64K, .reads = 3 } },
	/* A hole: at the top, and behind a page. */
	{ R_4K("6.12"), .op = { PHYS, SZ_4K, 0, 0 }, .want = { .reads = 1 } },
	{ R_4K("7.3"), .op = { PHYS, SZ_4K, 0, 0 },
	  .want = { .reads = 1 + 1 } },
	{ R_4K("6.12"), .before = { { MAP, 0, SZ_4K, 1 } },
	  .op = { PHYS, SZ_4K, 0, 0 }, .want = { .reads = 4 } },
	{ R_4K("7.3"), .before = { { MAP, 0, SZ_4K, 1 } },
	  .op = { PHYS, SZ_4K, 0, 0 }, .want = { .reads = 4 + 4 } },
	/* The next leaf: in the last entry of the same table. */
	{ R_4K("6.12"), .before = { { MAP, SZ_2M - SZ_4K, SZ_4K, 1 } },
	  .op = { WALK, 0, 0, 0 },
	  .want = { .bytes = SZ_2M - SZ_4K, .reads = 3 + 512 } },
};

/* A table, its arena and its recorder. */
struct fixture {
	struct pgtable *pgt;
	struct arena *arena;
	struct recorder rec;
};

static struct pgtable *create(const struct row *row, bool coherent_walk,
			      bool is_counted, struct arena *arena,
			      struct recorder *rec)
{
	const struct pgtable_engine *engine = pgtable_engine_find(row->engine);
	const struct pgtable_cfg cfg = {
		.params = engine->params,
		.stage = 1,
		.granule = row->granule,
		.ias = row->bits,
		.oas = row->bits,
		.coherent_walk = coherent_walk,
		.arena = arena,
		.tlb = &inval_recorder_ops,
		.cookie = rec,
	};
	struct iopt_err err = { "" };
	struct pgtable *pgt = NULL;
	int ret;

	ret = is_counted ? pgtable_create_counted(engine, &cfg, &pgt, &err) :
			   pgtable_create(engine, &cfg, &pgt, &err);
	if (ret)
		fail_msg("%s", err.msg);
	return pgt;
}

/* Identity map, or unmap, one table after the other; bytes. */
static u64 run_range(struct pgtable *pgt, struct op op, struct gather *gather)
{
	u64 done = 0, size = op.pgsize * op.pgcount;

	while (done < size) {
		u64 at = op.iova + done, left = (size - done) / op.pgsize;
		size_t n = 0;

		if (op.kind == MAP)
			pgt->ops.map_pages(pgt, at, at, op.pgsize, left, PROT,
					   &n);
		else
			n = pgt->ops.unmap_pages(pgt, at, op.pgsize, left,
						 gather);
		done += n;
		/* Less than to the end of a table: something stopped it. */
		if (!n || (op.iova + done) % (op.pgsize * pgt->cfg.granule / 8))
			break;
	}
	return done;
}

static u64 run_op(struct pgtable *pgt, struct op op)
{
	struct pgtable_leaf leaf;
	struct gather gather;

	gather_init(&gather);
	gather.queued = op.kind == UNMAP_QUEUED;
	switch (op.kind) {
	case PHYS:
		return pgt->ops.iova_to_phys(pgt, op.iova);
	case WALK:
		return pgt->ops.leaf_walk(pgt, op.iova, &leaf) ? 0 : leaf.iova;
	case NONE:
		return 0;
	default:
		return run_range(pgt, op, &gather);
	}
}

static struct cost measure(struct fixture *f, const struct row *row)
{
	struct arena_stats before, after;
	struct pte_count count;
	struct cost got = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(row->before); i++)
		run_op(f->pgt, row->before[i]);
	recorder_reset(&f->rec);
	before = arena_stats(f->arena);
	got.warnings = f->pgt->nr_warnings;
	pte_count_start(&count, f->arena);
	got.bytes = run_op(f->pgt, row->op);
	pte_count_stop();
	after = arena_stats(f->arena);
	got.writes = count.writes;
	got.reads = row->op.kind == MAP ? 0 : count.reads;
	got.allocs = after.nr_allocs - before.nr_allocs;
	got.frees = after.nr_frees - before.nr_frees;
	assert_int_equal(after.live_bytes - before.live_bytes,
			 (got.allocs - got.frees) * row->granule);
	got.pages = f->rec.counts.nr_pages;
	got.walks = f->rec.counts.nr_walks;
	got.warnings = f->pgt->nr_warnings - got.warnings;
	return got;
}

static void print_cost(const char *name, const struct cost *c)
{
	print_error("%s: bytes %" PRIu64 " writes %" PRIu64 " reads %" PRIu64
		    " allocs %" PRIu64 " frees %" PRIu64 " pages %" PRIu64
		    " walks %" PRIu64 " warnings %" PRIu64 "\n",
		    name, c->bytes, c->writes, c->reads, c->allocs, c->frees,
		    c->pages, c->walks, c->warnings);
}

static void check_row(const struct row *row, size_t i, bool coherent_walk)
{
	struct fixture f = { .arena = test_arena(64 * SZ_1M) };
	struct cost want = row->want, got;

	recorder_init(&f.rec, gather_rule_find("6.12"), false);
	f.pgt = create(row, coherent_walk, true, f.arena, &f.rec);
	if (!coherent_walk)
		want.writes += want.allocs;
	got = measure(&f, row);
	if (memcmp(&got, &want, sizeof(want))) {
		print_cost("expected", &want);
		print_cost("got", &got);
		fail_msg("row %zu, %s granule %zu, %scoherent", i, row->engine,
			 row->granule, coherent_walk ? "" : "non-");
	}
	f.pgt->ops.free(f.pgt);
	recorder_fini(&f.rec);
	assert_int_equal(arena_destroy(f.arena), 0);
}

static bool is_counted_missing(void)
{
	if (pgtable_engine_at(0)->create_counted)
		return false;
	print_message("skipped: this build cannot count stores, "
		      "ThreadSanitizer has the functions that do\n");
	return true;
}

static void check_rows(const struct row *rows, size_t nr)
{
	if (is_counted_missing())
		skip();
	for (size_t i = 0; i < nr; i++) {
		check_row(&rows[i], i, true);
		check_row(&rows[i], i, false);
	}
}

static void map_stores(void **state)
{
	(void)state;
	check_rows(map_rows, ARRAY_SIZE(map_rows));
}

static void map_over_tables_stores(void **state)
{
	(void)state;
	check_rows(over_table_rows, ARRAY_SIZE(over_table_rows));
}

static void unmap_stores(void **state)
{
	(void)state;
	check_rows(unmap_rows, ARRAY_SIZE(unmap_rows));
}

static void unmap_of_a_part_stores(void **state)
{
	(void)state;
	check_rows(part_rows, ARRAY_SIZE(part_rows));
}

static void reading_stores_nothing(void **state)
{
	(void)state;
	check_rows(read_rows, ARRAY_SIZE(read_rows));
}

/* Physical addresses count from the arena's start: equal tables are equal. */
static void check_equal(const struct pgtable *a, const u64 *table_a,
			const struct pgtable *b, const u64 *table_b,
			unsigned int level)
{
	u64 n = level == a->geo.start_level ? 1ull << a->geo.top_bits :
					      a->cfg.granule / 8;
	u64 offset_a = arena_pa_offset(a->cfg.arena);
	u64 offset_b = arena_pa_offset(b->cfg.arena);

	for (u64 i = 0; i < n; i++) {
		u64 pa = table_a[i] & 0xfffffffff000;

		assert_int_equal(table_a[i], table_b[i]);
		if (level < 3 && (table_a[i] & 3) == 3)
			check_equal(a, (const u64 *)(uintptr_t)(pa - offset_a),
				    b, (const u64 *)(uintptr_t)(pa - offset_b),
				    level + 1);
	}
}

static void compare_engines(const struct row *row, bool coherent_walk)
{
	struct arena *arenas[2];
	struct recorder recs[2];
	struct pgtable *pgts[2];

	for (int i = 0; i < 2; i++) {
		arenas[i] = test_arena(64 * SZ_1M);
		recorder_init(&recs[i], gather_rule_find("6.12"), false);
		pgts[i] = create(row, coherent_walk, i, arenas[i], &recs[i]);
		for (size_t j = 0; j < ARRAY_SIZE(row->before); j++)
			run_op(pgts[i], row->before[j]);
		run_op(pgts[i], row->op);
	}
	check_equal(pgts[0], pgts[0]->root, pgts[1], pgts[1]->root,
		    pgts[0]->geo.start_level);
	for (int i = 0; i < 2; i++) {
		pgts[i]->ops.free(pgts[i]);
		recorder_fini(&recs[i]);
		assert_int_equal(arena_destroy(arenas[i]), 0);
	}
}

/* The counted engine does what the timed one does. */
static void counted_tables_are_equal(void **state)
{
	static const struct {
		const struct row *rows;
		size_t nr;
	} all[] = {
		{ map_rows, ARRAY_SIZE(map_rows) },
		{ over_table_rows, ARRAY_SIZE(over_table_rows) },
		{ unmap_rows, ARRAY_SIZE(unmap_rows) },
		{ part_rows, ARRAY_SIZE(part_rows) },
	};

	(void)state;
	if (is_counted_missing())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		for (size_t j = 0; j < all[i].nr; j++) {
			compare_engines(&all[i].rows[j], true);
			compare_engines(&all[i].rows[j], false);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_stores),
		cmocka_unit_test(map_over_tables_stores),
		cmocka_unit_test(unmap_stores),
		cmocka_unit_test(unmap_of_a_part_stores),
		cmocka_unit_test(reading_stores_nothing),
		cmocka_unit_test(counted_tables_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
