// SPDX-License-Identifier: GPL-2.0-only
/* What the IOTLB and the walk caches keep, replace and let go. */
#include "test.h"

#include "hw.h"
#include "lg2.h"
#include "pgtable.h"
#include "sizes.h"

#define S1(asid_, vmid_)                                 \
	{                                                \
		.stage = 1, .asid = asid_, .vmid = vmid_ \
	}
#define S2(vmid_)                         \
	{                                 \
		.stage = 2, .vmid = vmid_ \
	}
#define EL2(asid_)                                        \
	{                                                 \
		.stage = 1, .is_el2 = true, .asid = asid_ \
	}

/* The entries of each row; their number is their bit. */
static const struct hw_span entries[] = {
	{ S1(1, 0), false, 3, 12, SZ_2M },	   /* 0x001 */
	{ S1(1, 0), false, 3, 12, SZ_2M + SZ_4K }, /* 0x002 */
	{ S1(1, 0), false, 2, 21, 2 * SZ_2M },	   /* 0x004 */
	{ S1(1, 0), false, 1, 30, SZ_1G },	   /* 0x008 */
	{ S1(2, 0), false, 3, 12, SZ_2M },	   /* 0x010 */
	{ S1(1, 7), false, 3, 12, SZ_2M },	   /* 0x020 */
	{ S2(7), false, 3, 12, SZ_2M },		   /* 0x040 */
	{ S2(8), false, 2, 21, 2 * SZ_2M },	   /* 0x080 */
	{ EL2(1), false, 3, 12, SZ_2M },	   /* 0x100 */
	{ S1(1, 0), true, 2, 21, SZ_2M },	   /* 0x200 */
	{ S1(1, 0), true, 1, 30, 0 },		   /* 0x400 */
	{ S2(7), true, 2, 21, SZ_2M },		   /* 0x800 */
};

#define ALL 0xfff

#define VA(tag_, leaf_, ttl_, iova_, size_)                              \
	{                                                                \
		.kind = HW_INVAL_VA, .tag = tag_, .is_leaf_only = leaf_, \
		.ttl = ttl_, .iova = iova_, .size = size_                \
	}

static const struct {
	const char *what;
	struct hw_inval inval;
	unsigned int strict;  /* what goes when TTL is a promise */
	unsigned int lenient; /* and when it is ignored */
} rows[] = {
	{ "a page, leaf", VA(S1(1, 0), true, 0, SZ_2M, 0), 0x001, 0x001 },
	{ "a page, its last byte", VA(S1(1, 0), true, 0, SZ_2M + 0xfff, 0),
	  0x001, 0x001 },
	{ "a page and the tables to it", VA(S1(1, 0), false, 0, SZ_2M, 0),
	  0x601, 0x601 },
	{ "the byte behind the second page",
	  VA(S1(1, 0), true, 0, SZ_2M + 2 * SZ_4K, 0), 0, 0 },
	{ "the byte before the first page", VA(S1(1, 0), true, 0, SZ_2M - 1, 0),
	  0, 0 },
	{ "a range of two pages", VA(S1(1, 0), true, 3, SZ_2M, 2 * SZ_4K),
	  0x003, 0x003 },
	{ "a range, tables too", VA(S1(1, 0), false, 0, SZ_2M, SZ_2M), 0x603,
	  0x603 },
	{ "one address in a block", VA(S1(1, 0), true, 0, 0x5ff000, 0), 0x004,
	  0x004 },
	{ "a page in a block, TTL 3", VA(S1(1, 0), true, 3, 0x5ff000, SZ_4K), 0,
	  0x004 },
	{ "a block, TTL 2", VA(S1(1, 0), true, 2, 0x400000, SZ_2M), 0x004,
	  0x004 },
	{ "a block, TTL 1", VA(S1(1, 0), true, 1, 0x400000, SZ_2M), 0, 0x004 },
	{ "pages and blocks, TTL 2", VA(S1(1, 0), true, 2, SZ_2M, 2 * SZ_2M),
	  0x004, 0x007 },
	{ "TTL does not spare tables", VA(S1(1, 0), false, 2, SZ_2M, SZ_2M),
	  0x600, 0x603 },
	{ "1G by any address in it",
	  VA(S1(1, 0), true, 1, SZ_1G + SZ_512M, SZ_1G), 0x008, 0x008 },
	{ "another ASID", VA(S1(2, 0), false, 0, SZ_2M, SZ_2M), 0x010, 0x010 },
	{ "every ASID",
	  { .kind = HW_INVAL_VA,
	    .tag = S1(0, 0),
	    .is_any_asid = true,
	    .is_leaf_only = true,
	    .iova = SZ_2M },
	  0x011,
	  0x011 },
	{ "ASID in a VMID", VA(S1(1, 7), true, 0, SZ_2M, 0), 0x020, 0x020 },
	{ "IPA", VA(S2(7), true, 0, SZ_2M, 0), 0x040, 0x040 },
	{ "IPA, tables too", VA(S2(7), false, 0, SZ_2M, 0), 0x840, 0x840 },
	{ "EL2", VA(EL2(1), true, 0, SZ_2M, 0), 0x100, 0x100 },
	{ "ASID 1", { .kind = HW_INVAL_ASID, .tag = S1(1, 0) }, 0x60f, 0x60f },
	{ "ASID 1 of EL2",
	  { .kind = HW_INVAL_ASID, .tag = EL2(1) },
	  0x100,
	  0x100 },
	{ "VMID 7", { .kind = HW_INVAL_VMID, .tag = S2(7) }, 0x860, 0x860 },
	{ "VMID 0", { .kind = HW_INVAL_VMID, .tag = S2(0) }, 0x61f, 0x61f },
	{ "all", { .kind = HW_INVAL_ALL }, ALL, ALL },
};

static const struct hw_cfg shape = {
	.iotlb = { .cache = { .nr_sets = 16, .nr_ways = 16 },
		   .pgsizes = SZ_4K | SZ_2M | SZ_1G },
	.walker = { .nr_entries = { 4, 4, 4 } },
};

static void make_hw(struct hw *hw, const struct hw_cfg *cfg)
{
	struct iopt_err err = { "" };

	if (hw_init(hw, cfg, &err))
		fail_msg("hw_init: %s", err.msg);
}

static struct tcache *cache_of(struct hw *hw, const struct hw_span *span)
{
	return span->is_table ? &hw->walker.caches[span->level] :
				&hw->iotlb.cache;
}

static void expect_gone(struct hw *hw, unsigned int want, u64 nr_gone,
			const char *what)
{
	unsigned int gone = 0;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (!tcache_find(cache_of(hw, &entries[i]), entries[i].tag,
				 entries[i].iova, entries[i].lg2_size))
			gone |= 1u << i;
	expect_u64(gone, want, "%s: entries gone", what);
	expect_u64(nr_gone, (u64)__builtin_popcount(want),
		   "%s: returned number", what);
}

static void test_invalidate(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const bool is_strict = i & 1;
		struct hw_cfg cfg = shape;
		char what[96];
		struct hw hw;
		u64 nr;

		cfg.iotlb.is_strict = is_strict;
		make_hw(&hw, &cfg);
		for (size_t j = 0; j < ARRAY_SIZE(entries); j++)
			tcache_fill(
				cache_of(&hw, &entries[j]),
				&(struct tcache_entry){ .span = entries[j] });
		snprintf(what, sizeof(what), "%s, %s", rows[i / 2].what,
			 is_strict ? "strict" : "lenient");
		expect_gone(&hw, 0, 0, what);
		nr = hw_invalidate(&hw, &rows[i / 2].inval);
		expect_gone(&hw,
			    is_strict ? rows[i / 2].strict :
					rows[i / 2].lenient,
			    nr, what);
		hw_fini(&hw);
	}
}

static struct walk_result leaf(u64 paddr, u8 level)
{
	return (struct walk_result){
		.level = level,
		.lg2_size = (u8)(12 + 9 * (3 - level)),
		.paddr = paddr,
		.prot = IOMMU_READ,
	};
}

static const struct hw_tag tag = S1(1, 0);

static void fill(struct hw *hw, u64 iova, u64 paddr, u8 level)
{
	struct walk_result res = leaf(paddr, level);

	iotlb_fill(&hw->iotlb, tag, iova, &res);
}

/*
 * One set of two ways. Lower case: fill a page; upper case: look it up, the
 * expectation follows. Page 'a' is page 0.
 */
static const struct {
	const char *script;
	u64 nr_evictions;
} lru[] = {
	{ "aA+bB+A+", 0 },	{ "abcA-B+C+", 1 }, { "abA+cB-A+C+", 1 },
	{ "abB+A+cB-A+C+", 1 }, { "aabA+B+", 0 }, /* the same page twice is one
						     entry */
	{ "abcdA-B-C+D+", 2 },
};

static void run_script(struct hw *hw, const char *script)
{
	for (const char *p = script; *p; p++) {
		u64 iova;

		if (*p >= 'a') {
			iova = (u64)(*p - 'a') * SZ_4K;
			fill(hw, iova, iova + SZ_1G, 3);
			continue;
		}
		iova = (u64)(*p - 'A') * SZ_4K;
		p++;
		expect_u64(iotlb_lookup(&hw->iotlb, tag, iova) != NULL,
			   *p == '+', "%s at %d", script, (int)(p - script));
	}
}

static void test_lru(void **state)
{
	struct hw_cfg cfg = shape;

	(void)state;
	cfg.iotlb.cache.nr_sets = 1;
	cfg.iotlb.cache.nr_ways = 2;
	for (size_t i = 0; i < ARRAY_SIZE(lru); i++) {
		struct hw hw;

		make_hw(&hw, &cfg);
		run_script(&hw, lru[i].script);
		expect_u64(hw.iotlb.cache.nr_evictions, lru[i].nr_evictions,
			   "%s: evictions", lru[i].script);
		hw_fini(&hw);
	}
}

/* Page n is in set n mod 4: five of one set evict, four of each do not. */
static void test_sets(void **state)
{
	struct hw_cfg cfg = shape;
	struct hw hw;

	(void)state;
	cfg.iotlb.cache.nr_sets = 4;
	cfg.iotlb.cache.nr_ways = 4;
	make_hw(&hw, &cfg);
	for (u64 i = 0; i < 16; i++)
		fill(&hw, i * SZ_4K, i * SZ_4K, 3);
	expect_u64(hw.iotlb.cache.nr_evictions, 0, "16 pages, 4 in each set");
	expect_u64(tcache_reach_bytes(&hw.iotlb.cache), 16 * SZ_4K, "reach");
	fill(&hw, 16 * SZ_4K, 0, 3);
	expect_u64(hw.iotlb.cache.nr_evictions, 1, "the 17th");
	assert_null(iotlb_peek(&hw.iotlb, tag, 0));
	/* The set of a block comes from its own number: 5 is set 1. */
	fill(&hw, 5 * SZ_2M, SZ_1G, 2);
	assert_null(iotlb_peek(&hw.iotlb, tag, 1 * SZ_4K));
	assert_non_null(iotlb_peek(&hw.iotlb, tag, 2 * SZ_4K));
	expect_u64(tcache_reach_bytes(&hw.iotlb.cache), 15 * SZ_4K + SZ_2M,
		   "reach with a block");
	hw_fini(&hw);
}

/* Five pages in turn over four ways: LRU never hits, random does sometimes. */
static u64 hits_in_turn(enum tcache_replace replace, u64 seed)
{
	struct hw_cfg cfg = shape;
	struct hw hw;
	u64 nr;

	cfg.iotlb.cache = (struct tcache_cfg){ 1, 4, replace, seed };
	make_hw(&hw, &cfg);
	for (u64 i = 0; i < 1000; i++)
		if (!iotlb_lookup(&hw.iotlb, tag, i % 5 * SZ_4K))
			fill(&hw, i % 5 * SZ_4K, 0, 3);
	nr = hw.iotlb.nr_hits;
	expect_u64(hw.iotlb.nr_misses, 1000 - nr, "misses");
	hw_fini(&hw);
	return nr;
}

static void test_replacement(void **state)
{
	(void)state;
	expect_u64(hits_in_turn(TCACHE_LRU, 1), 0, "LRU");
	assert_in_range(hits_in_turn(TCACHE_RANDOM, 1), 300, 700);
	expect_u64(hits_in_turn(TCACHE_RANDOM, 2),
		   hits_in_turn(TCACHE_RANDOM, 2), "same seed");
	assert_int_not_equal(hits_in_turn(TCACHE_RANDOM, 1),
			     hits_in_turn(TCACHE_RANDOM, 2));
}

/* A stale block beside a new page: a conflict, and the page wins here. */
static void test_conflict(void **state)
{
	struct hw hw;

	(void)state;
	make_hw(&hw, &shape);
	fill(&hw, SZ_2M, SZ_1G, 2);
	iotlb_lookup(&hw.iotlb, tag, SZ_2M + SZ_4K);
	expect_u64(hw.iotlb.nr_conflicts, 0, "block alone");
	fill(&hw, SZ_2M + SZ_4K, SZ_512M, 3);
	expect_u64(iotlb_lookup(&hw.iotlb, tag, SZ_2M + SZ_4K)->paddr, SZ_512M,
		   "page and block");
	expect_u64(hw.iotlb.nr_conflicts, 1, "page and block");
	expect_u64(iotlb_lookup(&hw.iotlb, tag, SZ_2M)->paddr, SZ_1G,
		   "beside the page");
	expect_u64(hw.iotlb.nr_conflicts, 1, "beside the page");
	hw_fini(&hw);
}

static const struct {
	struct tcache_cfg cfg;
	int ret;
	const char *msg;
} shapes[] = {
	{ { 0, 0, TCACHE_LRU, 0 }, 0, "" },
	{ { 1, 7, TCACHE_LRU, 0 }, 0, "" },
	{ { 0, 4, TCACHE_LRU, 0 }, -EINVAL, "0 sets of 4 ways" },
	{ { 4, 0, TCACHE_LRU, 0 }, -EINVAL, "4 sets of 0 ways" },
	{ { 6, 4, TCACHE_LRU, 0 }, -EINVAL, "6 sets: not a power of two" },
};

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct iopt_err err = { "" };
		struct hw_cfg cfg = shape;
		struct hw hw;
		int ret;

		cfg.iotlb.cache = shapes[i].cfg;
		ret = hw_init(&hw, &cfg, &err);
		expect_int(ret, shapes[i].ret, "hw_init()");
		expect_text(err.msg, shapes[i].msg, "error");
		if (ret)
			continue;
		fill(&hw, SZ_4K, SZ_1G, 3);
		expect_u64(iotlb_peek(&hw.iotlb, tag, SZ_4K) != NULL,
			   shapes[i].cfg.nr_sets != 0, "shape %zu holds", i);
		hw_fini(&hw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invalidate),
		cmocka_unit_test(test_lru),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
