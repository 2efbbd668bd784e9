// SPDX-License-Identifier: GPL-2.0-only
/* What a gather, a table flush and a context flush remove from the hardware. */
#include "test.h"

#include "direct.h"
#include "lg2.h"
#include "pgtable.h"
#include "sizes.h"

/* The entries of each row: their number is their bit. */
enum {
	FIRST = 0x01,  /* smallest page at the start of the range */
	LAST = 0x02,   /* at its end */
	BEHIND = 0x04, /* just behind it */
	L2 = 0x08,     /* level 2 leaf at the start */
	L1 = 0x10,     /* level 1 leaf at the start */
	TABLE = 0x20,  /* level 2 table at the start */
	FAR = 0x40,    /* smallest page elsewhere in the context */
	OTHER = 0x80,  /* as FIRST, of another context */
	NR_PROBES = 8,
};

#define CONTEXT (0xff & ~OTHER)

enum say {
	SYNC,	/* add_page() for each leaf, and sync */
	WALK,	/* flush_walk() */
	ALL,	/* flush_all() */
	ADD,	/* add_page() for each leaf, no sync */
	NO_SIZE /* sync of a gather that has a range but no page size */
};

static const struct {
	const char *what;
	const char *rule;
	bool has_ril;
	size_t granule;
	enum say say;
	u64 size;
	size_t pgsize;
	unsigned int gone;
} rows[] = {
	/* TTL 3, 2, 1 with a range: that level alone. */
	{ "4K", "6.12", true, SZ_4K, SYNC, SZ_64K, SZ_4K, FIRST | LAST },
	{ "2M", "6.12", true, SZ_4K, SYNC, 2 * SZ_2M, SZ_2M, L2 },
	{ "1G", "6.12", true, SZ_4K, SYNC, SZ_1G, SZ_1G, L1 },
	{ "16K", "6.12", true, SZ_16K, SYNC, SZ_64K, SZ_16K, FIRST | LAST },
	{ "32M", "6.12", true, SZ_16K, SYNC, SZ_32M, SZ_32M, L2 },
	{ "64K", "6.12", true, SZ_64K, SYNC, SZ_1M, SZ_64K, FIRST | LAST },
	{ "512M", "6.12", true, SZ_64K, SYNC, SZ_512M, SZ_512M, L2 },
	{ "4T", "6.12", true, SZ_64K, SYNC, SZ_4T, SZ_4T, L1 },
	/* No RIL, no TTL: what holds each address. LAST is not named by 2M. */
	{ "4K", "6.12", false, SZ_4K, SYNC, SZ_64K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "2M", "6.12", false, SZ_4K, SYNC, SZ_2M, SZ_2M, FIRST | L2 | L1 },
	/* Leaves of any size: no TTL; 33 pages are one more. */
	{ "mixed", "amdv1", true, SZ_4K, SYNC, SZ_64K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "mixed", "amdv1", true, SZ_4K, SYNC, 33 * SZ_4K, SZ_4K,
	  FIRST | LAST | BEHIND | L2 | L1 },
	{ "mixed", "amdv1", false, SZ_4K, SYNC, SZ_64K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "2M", "amdv1", true, SZ_4K, SYNC, SZ_2M, SZ_2M,
	  FIRST | LAST | L2 | L1 },
	/* A table: every level, and the table. */
	{ "table", "6.12", true, SZ_4K, WALK, SZ_2M, SZ_4K,
	  FIRST | LAST | L2 | L1 | TABLE },
	{ "table", "6.12", false, SZ_4K, WALK, SZ_2M, SZ_4K,
	  FIRST | LAST | L2 | L1 | TABLE },
	/* 33 = 1 + 32 pages: one more, against an erratum. */
	{ "table of 33 pages", "6.12", true, SZ_4K, WALK, 33 * SZ_4K, SZ_4K,
	  FIRST | LAST | BEHIND | L2 | L1 | TABLE },
	{ "table of 34 pages", "6.12", true, SZ_4K, WALK, 34 * SZ_4K, SZ_4K,
	  FIRST | LAST | L2 | L1 | TABLE },
	{ "table of 33 pages", "6.12", false, SZ_4K, WALK, 33 * SZ_4K, SZ_4K,
	  FIRST | LAST | L2 | L1 | TABLE },
	/* 7.3 without RIL: 512 leaves of 4K, but 2^18 of 2M; 2048 of 16K. */
	{ "511 x 4K", "7.3", false, SZ_4K, SYNC, 511 * SZ_4K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "512 x 4K", "7.3", false, SZ_4K, SYNC, 512 * SZ_4K, SZ_4K, CONTEXT },
	{ "512 x 4K", "7.3", true, SZ_4K, SYNC, 512 * SZ_4K, SZ_4K,
	  FIRST | LAST },
	{ "512 x 4K", "6.12", false, SZ_4K, SYNC, 512 * SZ_4K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "1024 x 2M", "7.3", false, SZ_4K, SYNC, 1024 * SZ_2M, SZ_2M,
	  FIRST | L2 | L1 },
	{ "2047 x 16K", "7.3", false, SZ_16K, SYNC, 2047 * SZ_16K, SZ_16K,
	  FIRST | LAST | L2 | L1 },
	{ "2048 x 16K", "7.3", false, SZ_16K, SYNC, 2048 * SZ_16K, SZ_16K,
	  CONTEXT },
	{ "table", "7.3", false, SZ_4K, WALK, SZ_2M, SZ_4K, CONTEXT },
	/* Nothing is sent before a sync, but by an SMMUv2, and then no more. */
	{ "4K", "6.12", true, SZ_4K, ADD, SZ_64K, SZ_4K, 0 },
	{ "4K", "smmuv2", false, SZ_4K, ADD, SZ_64K, SZ_4K,
	  FIRST | LAST | L2 | L1 },
	{ "2M", "smmuv2", false, SZ_4K, SYNC, SZ_2M, SZ_2M, FIRST | L2 | L1 },
	{ "table", "smmuv2", false, SZ_4K, WALK, SZ_2M, SZ_4K,
	  FIRST | LAST | L2 | L1 | TABLE },
	{ "no page size", "7.3", true, SZ_4K, NO_SIZE, SZ_64K, SZ_4K, 0 },
	{ "all", "6.12", true, SZ_4K, ALL, SZ_64K, SZ_4K, CONTEXT },
	{ "all", "7.3", false, SZ_4K, ALL, SZ_64K, SZ_4K, CONTEXT },
};

#define START (1ull << 43) /* aligned to a leaf of any size */

static void make_probes(struct hw_span probes[NR_PROBES], struct hw_tag tag,
			size_t granule, u64 size)
{
	const u8 lg2 = (u8)lg2_floor(granule);
	const u8 l2 = (u8)(2 * lg2 - 3), l1 = (u8)(3 * lg2 - 6);
	struct hw_tag other = tag;
	const struct hw_span list[NR_PROBES] = {
		{ tag, false, 3, lg2, START },
		{ tag, false, 3, lg2, START + size - granule },
		{ tag, false, 3, lg2, START + size },
		{ tag, false, 2, l2, START },
		{ tag, false, 1, l1, START },
		{ tag, true, 2, l2, START },
		{ tag, false, 3, lg2, 2 * START },
		{ { 0 }, false, 3, lg2, START },
	};

	memcpy(probes, list, sizeof(list));
	other.asid++;
	other.vmid++;
	probes[NR_PROBES - 1].tag = other;
}

static struct tcache *cache_of(struct hw *hw, const struct hw_span *span)
{
	return span->is_table ? &hw->walker.caches[2] : &hw->iotlb.cache;
}

static void say(struct direct *direct, enum say what, u64 size, size_t pgsize)
{
	const struct inval_ops *ops = &hw_direct_ops;
	struct gather gather;

	gather_init(&gather);
	switch (what) {
	case WALK:
		ops->flush_walk(START, size, direct->granule, direct);
		return;
	case ALL:
		ops->flush_all(direct);
		return;
	case NO_SIZE:
		gather_add_range(&gather, START, size);
		break;
	default:
		for (u64 i = 0; i < size; i += pgsize)
			ops->add_page(&gather, START + i, pgsize, direct);
		if (what == ADD)
			return;
	}
	gather_sync(&gather, ops, direct);
}

static void try_row(size_t row, unsigned int stage)
{
	const struct hw_cfg cfg = {
		.iotlb = { .cache = { 8, 8, TCACHE_LRU, 0 },
			   .pgsizes = SZ_4K,
			   .is_strict = true },
		.walker = { .nr_entries = { 4, 4, 4 } },
	};
	struct hw_span probes[NR_PROBES];
	struct iopt_err err = { "" };
	unsigned int gone = 0;
	struct direct direct;
	struct hw hw;

	if (hw_init(&hw, &cfg, &err))
		fail_msg("%s", err.msg);
	direct = (struct direct){
		.hw = &hw,
		.rule = gather_rule_find(rows[row].rule),
		.tag = { .stage = (u8)stage,
			 .asid = stage == 1 ? 1 : 0,
			 .vmid = stage == 2 ? 1 : 0 },
		.granule = rows[row].granule,
		.has_ril = rows[row].has_ril,
		.has_threshold = !strcmp(rows[row].rule, "7.3"),
	};
	make_probes(probes, direct.tag, rows[row].granule, rows[row].size);
	for (size_t i = 0; i < NR_PROBES; i++)
		tcache_fill(cache_of(&hw, &probes[i]),
			    &(struct tcache_entry){ .span = probes[i] });
	say(&direct, rows[row].say, rows[row].size, rows[row].pgsize);
	for (size_t i = 0; i < NR_PROBES; i++)
		if (!tcache_find(cache_of(&hw, &probes[i]), probes[i].tag,
				 probes[i].iova, probes[i].lg2_size))
			gone |= 1u << i;
	expect_u64(gone, rows[row].gone,
		   "row %zu (%s, %s, RIL %d, stage %u): gone", row,
		   rows[row].what, rows[row].rule, rows[row].has_ril, stage);
	hw_fini(&hw);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		try_row(i, 1);
		try_row(i, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
