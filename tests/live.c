// SPDX-License-Identifier: GPL-2.0-only
/* The set of live ranges, against one flag a page. */
#include "live.h"

#include "rng.h"
#include "test.h"

#define NR_PAGES 96u
#define PAGE	 0x1000ull

/* The model: what is live, page by page, and where ranges begin. */
struct model {
	bool is_live[NR_PAGES];
	bool is_start[NR_PAGES + 1];
};

/* Where the pages lie: at 0, in the middle, and up to 2^64. */
static const u64 bases[] = { 0, 0x40000000, 0 - NR_PAGES *PAGE };

static u64 model_ranges(const struct model *m)
{
	u64 nr = 0;

	for (size_t i = 0; i < NR_PAGES; i++)
		nr += m->is_live[i] && m->is_start[i];
	return nr;
}

static u64 model_pages(const struct model *m, size_t first, size_t nr)
{
	u64 live = 0;

	for (size_t i = first; i < first + nr; i++)
		live += m->is_live[i];
	return live;
}

static void model_add(struct model *m, size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr; i++) {
		m->is_live[i] = true;
		m->is_start[i] = i == first;
	}
}

static void model_remove(struct model *m, size_t first, size_t nr)
{
	/* What was in the middle of a range is now the start of its rest. */
	if (first + nr < NR_PAGES)
		m->is_start[first + nr] = true;
	for (size_t i = first; i < first + nr; i++)
		m->is_live[i] = false;
}

static void check_find(const struct live *live, const struct model *m, u64 base,
		       size_t first, size_t nr, const char *where)
{
	struct live_range piece = { 1, 2 };
	bool is_found;
	size_t start, end;

	for (start = first; start < first + nr && !m->is_live[start];)
		start++;
	is_found = live_find(live, base + first * PAGE, nr * PAGE, &piece);
	expect_u64(is_found, start < first + nr, "%s: found", where);
	if (!is_found) {
		expect_u64(piece.start, 1, "%s: untouched", where);
		return;
	}
	for (end = start + 1;
	     end < first + nr && m->is_live[end] && !m->is_start[end];)
		end++;
	expect_u64(piece.start, base + start * PAGE, "%s: start", where);
	expect_u64(piece.last, base + end * PAGE - 1, "%s: last", where);
}

static void random_op(struct live *live, struct model *m, struct rng *rng,
		      u64 base, const char *where)
{
	size_t first = rng_below(rng, NR_PAGES);
	size_t nr = 1 + rng_below(rng, rng_below(rng, 4) ? 8 : NR_PAGES);
	u64 iova = base + first * PAGE;
	u64 pages, removed = 7;
	int ret;

	if (nr > NR_PAGES - first)
		nr = NR_PAGES - first;
	check_find(live, m, base, first, nr, where);
	pages = model_pages(m, first, nr);
	if (rng_below(rng, 2)) {
		ret = live_add(live, iova, nr * PAGE);
		assert_int_equal(ret, pages ? -EEXIST : 0);
		if (!ret)
			model_add(m, first, nr);
	} else {
		assert_int_equal(live_remove(live, iova, nr * PAGE, &removed),
				 0);
		expect_u64(removed, pages * PAGE, "%s: removed", where);
		model_remove(m, first, nr);
	}
	expect_u64(live->bytes, model_pages(m, 0, NR_PAGES) * PAGE, "%s: bytes",
		   where);
	expect_u64(live->nr_ranges, model_ranges(m), "%s: ranges", where);
}

static void test_random(void **state)
{
	u64 seed = test_seed();

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(bases); b++) {
		struct model m = { { false }, { false } };
		u64 peak_bytes = 0, peak_ranges = 0;
		struct live live;
		struct rng rng;
		char where[96];

		rng_init(&rng, seed + b);
		live_init(&live);
		for (unsigned int i = 0; i < 20000; i++) {
			snprintf(where, sizeof(where),
				 "seed %" PRIu64 " base 0x%" PRIx64 " op %u",
				 seed, bases[b], i);
			random_op(&live, &m, &rng, bases[b], where);
			if (peak_bytes < live.bytes)
				peak_bytes = live.bytes;
			if (peak_ranges < live.nr_ranges)
				peak_ranges = live.nr_ranges;
		}
		expect_u64(live.peak_bytes, peak_bytes, "peak bytes");
		expect_u64(live.peak_ranges, peak_ranges, "peak ranges");
		live_fini(&live);
	}
}

/* The largest range there is, and the last byte. */
static void test_ends(void **state)
{
	struct live_range piece;
	struct live live;
	u64 removed;

	(void)state;
	live_init(&live);
	assert_int_equal(live_add(&live, 1, UINT64_MAX), 0);
	assert_int_equal(live_add(&live, UINT64_MAX, 1), -EEXIST);
	assert_int_equal(live_add(&live, 0, 1), 0);
	assert_int_equal(live_remove(&live, UINT64_MAX, 1, &removed), 0);
	expect_u64(removed, 1, "removed");
	assert_false(live_find(&live, UINT64_MAX, 1, &piece));
	assert_true(live_find(&live, 0, UINT64_MAX, &piece));
	expect_u64(piece.last, 0, "two ranges that touch stay two");
	assert_int_equal(live_remove(&live, 0, UINT64_MAX, &removed), 0);
	expect_u64(removed, UINT64_MAX, "removed");
	expect_u64(live.nr_ranges, 0, "ranges");
	live_fini(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
