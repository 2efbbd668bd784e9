// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommu_pgsize() against its definition, tried out page by page.
 *
 * The size is the biggest that both addresses are aligned to and that fits
 * what remains. The count is how many of it to take: one after the other,
 * until a bigger size becomes usable or the next no longer fits.
 */
#include "support.h"

#include "iommu.h"
#include "lg2.h"
#include "rng.h"
#include "sizes.h"

static bool is_usable(u64 pgsize, u64 iova, u64 paddr, u64 size)
{
	return iova % pgsize == 0 && paddr % pgsize == 0 && pgsize <= size;
}

static u64 biggest_usable(u64 pgsizes, u64 iova, u64 paddr, u64 size)
{
	for (unsigned int lg2 = 63; lg2; lg2--)
		if (pgsizes >> lg2 & 1 &&
		    is_usable(1ull << lg2, iova, paddr, size))
			return 1ull << lg2;
	return 0;
}

static u64 count_pages(u64 pgsizes, u64 pgsize, u64 iova, u64 paddr, u64 size)
{
	u64 n = 1;

	while ((n + 1) * pgsize <= size &&
	       biggest_usable(pgsizes, iova + n * pgsize, paddr + n * pgsize,
			      size - n * pgsize) == pgsize)
		n++;
	return n;
}

static void check(u64 pgsizes, u64 iova, u64 paddr, u64 size)
{
	u64 want = biggest_usable(pgsizes, iova, paddr, size);
	u64 want_count = count_pages(pgsizes, want, iova, paddr, size);
	size_t count = 0;
	size_t got = iommu_pgsize(pgsizes, iova, paddr, size, &count);

	if (got != want || count != want_count)
		fail_msg("iommu_pgsize(0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64
			 ", 0x%" PRIx64 "): expected 0x%" PRIx64 " x%" PRIu64
			 ", got 0x%zx x%zu",
			 pgsizes, iova, paddr, size, want, want_count, got,
			 count);
}

static const u64 bitmaps[] = {
	SZ_4K | SZ_2M | SZ_1G,
	SZ_16K | SZ_32M,
	SZ_64K | SZ_512M,
	SZ_64K | SZ_512M | SZ_4T,
	SZ_4K,
	~0xfffull, /* every power of two, as AMD's v1 format */
	SZ_4K | 2 * SZ_4K | SZ_64K,
};

/* Each range of up to 40 granules at each of 40 places, small sizes. */
static void exhaustive(void **state)
{
	static const u64 sizes[] = { 1 | 4 | 16, 1 | 2 | 4 | 8 | 16 | 32, 1 | 8,
				     1, 1 | 2 | 32 };

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
		for (u64 iova = 0; iova < 40; iova++)
			for (u64 paddr = 0; paddr < 40; paddr++)
				for (u64 size = 1; size <= 40; size++)
					check(sizes[s] * SZ_4K, iova * SZ_4K,
					      paddr * SZ_4K, size * SZ_4K);
}

/* An address that is aligned to one of the sizes, or nearly. */
static u64 random_address(struct rng *rng, u64 pgsizes)
{
	u64 granule = 1ull << lg2_low(pgsizes);
	unsigned int shift = (unsigned int)rng_below(rng, 44);
	u64 v = rng_next(rng) >> 12 >> shift << shift;

	return align_down(v + granule * (rng_below(rng, 5) - 2), granule) &
	       lg2_mask(52);
}

static void random_ranges(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, test_seed());
	for (unsigned int i = 0; i < 60000; i++) {
		u64 pgsizes = bitmaps[rng_below(&rng, ARRAY_SIZE(bitmaps))];
		u64 granule = 1ull << lg2_low(pgsizes);
		u64 iova = random_address(&rng, pgsizes);
		u64 paddr = random_address(&rng, pgsizes);
		u64 size = (1 + rng_below(&rng, 1 + rng_below(&rng, 1500))) *
			   granule;

		/* As an unmap asks: with one address alone. */
		if (rng_below(&rng, 3) == 0)
			paddr = iova;
		check(pgsizes, iova, paddr, size);
	}
}

struct row {
	u64 pgsizes;
	u64 iova;
	u64 paddr;
	u64 size;
	u64 want;
	u64 want_count;
};

/* Too many pages to try out. */
static const struct row rows[] = {
	/* All of the input space from 0: 2^18 times 1G. */
	{ SZ_4K | SZ_2M | SZ_1G, 0, 0, 1ull << 48, SZ_1G, 1ull << 18 },
	/* 4K off the 2M grid both alike: 511 pages, then blocks. */
	{ SZ_4K | SZ_2M | SZ_1G, SZ_4K, SZ_2M + SZ_4K, SZ_1G, SZ_4K, 511 },
	/* Not alike: pages all the way, 2^40 / 2^12. */
	{ SZ_4K | SZ_2M | SZ_1G, 0, SZ_4K, 1ull << 40, SZ_4K, 1ull << 28 },
	/* 512 blocks of 2M are 1G, but off the 1G grid: to its start. */
	{ SZ_4K | SZ_2M | SZ_1G, SZ_2M, SZ_2M, 2 * SZ_1G, SZ_2M, 511 },
	/* The same with no 1G behind the start of the grid. */
	{ SZ_4K | SZ_2M | SZ_1G, SZ_2M, SZ_2M, SZ_1G, SZ_2M, 512 },
	/* 2^63 and 2^63 behind it are 2^64: the sum overflows. */
	{ SZ_4K | 1ull << 63, 0, 0, SZ_1M, SZ_4K, 256 },
	/* To the end of the address space. */
	{ SZ_4K | 1ull << 63, SZ_4K, SZ_4K, -SZ_4K, SZ_4K, (1ull << 51) - 1 },
};

static void large_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		size_t count = 0;

		assert_int_equal(iommu_pgsize(r->pgsizes, r->iova, r->paddr,
					      r->size, &count),
				 r->want);
		assert_int_equal(count, r->want_count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhaustive),
		cmocka_unit_test(random_ranges),
		cmocka_unit_test(large_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
