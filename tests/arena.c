// SPDX-License-Identifier: GPL-2.0-only
/* The arena: bound, alignment, zeroing, accounting, failures, backing. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "arena_map.h"
#include "lg2.h"
#include "rng.h"
#include "sanitizer.h"
#include "sizes.h"

static const size_t page_sizes[] = { SZ_4K, SZ_16K, SZ_64K };

static struct arena *arena_of(size_t size, size_t page_size)
{
	const struct arena_cfg cfg = { .size = size, .page_size = page_size };
	struct iopt_err err = { "" };
	struct arena *arena;

	if (arena_create(&cfg, &arena, &err))
		fail_msg("arena of %zu: %s", size, err.msg);
	return arena;
}

static bool is_zero(const unsigned char *p, size_t size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

/* 4M hold exactly 4M / page size pages; one freed makes room for one. */
static void test_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(page_sizes); i++) {
		size_t size = page_sizes[i], nr = 2 * SZ_2M / size;
		struct arena *arena = arena_of(2 * SZ_2M, size);
		void *p = NULL;

		for (size_t k = 0; k < nr; k++) {
			p = arena_alloc(arena, size);
			expect_u64(p != NULL, true, "page %zu of %zu", k, size);
		}
		assert_null(arena_alloc(arena, 1));
		arena_free(arena, p, size);
		assert_ptr_equal(arena_alloc(arena, size), p);
		assert_null(arena_alloc(arena, size));
		expect_u64(arena_stats(arena).nr_allocs, nr + 1, "allocations");
		expect_u64(arena_destroy(arena), 2 * SZ_2M, "leak of %zu",
			   size);
	}
}

/* Blocks in a list stay as they are; they go in their order, all at once. */
static void test_lists(void **state)
{
	struct arena *arena = arena_of(SZ_2M, SZ_4K);
	struct arena_list list, empty;
	unsigned char *p[8];

	(void)state;
	arena_list_init(&list);
	arena_list_init(&empty);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = arena_alloc(arena, SZ_4K);
		memset(p[i], 0x5a, SZ_4K);
	}
	/* Not that of their allocation. */
	for (size_t i = 0; i < ARRAY_SIZE(p); i += 2)
		arena_list_add(arena, &list, p[(i + 3) % ARRAY_SIZE(p)]);
	assert_false(arena_list_is_empty(&list));
	assert_true(arena_list_is_empty(&empty));
	expect_u64(arena_stats(arena).nr_frees, 0, "frees before");
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		for (size_t k = 0; k < SZ_4K; k++)
			assert_int_equal(p[i][k], 0x5a);
	arena_list_free(arena, &list, SZ_4K);
	arena_list_free(arena, &empty, SZ_4K);
	assert_true(arena_list_is_empty(&list));
	expect_u64(arena_stats(arena).nr_frees, 4, "frees");
	expect_u64(arena_stats(arena).live_bytes, 4 * SZ_4K, "bytes");
	/* 3 5 7 1 were freed: the last is the first to be used again. */
	assert_ptr_equal(arena_alloc(arena, SZ_4K), p[1]);
	assert_ptr_equal(arena_alloc(arena, SZ_4K), p[7]);
	/* Used again, and emptied a second time. */
	arena_list_add(arena, &list, p[7]);
	arena_list_free(arena, &list, SZ_4K);
	expect_u64(arena_stats(arena).nr_frees, 5, "frees");
	expect_u64(arena_destroy(arena), 5 * SZ_4K, "left");
}

/* The bound is rounded up to 2M. */
static void test_bound_is_rounded(void **state)
{
	struct arena *arena = arena_of(SZ_2M + 1, 0);
	void *a = arena_alloc(arena, SZ_2M), *b = arena_alloc(arena, SZ_2M);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_null(arena_alloc(arena, SZ_4K));
	expect_u64(arena_destroy(arena), 2 * SZ_2M, "leak");
}

/* One row a request; the rounded size by page size of 4K, 16K, 64K. */
static const struct {
	size_t size;
	size_t rounded[3];
} requests[] = {
	{ 1, { SZ_4K, SZ_16K, SZ_64K } },
	{ 16, { SZ_4K, SZ_16K, SZ_64K } },
	{ SZ_4K, { SZ_4K, SZ_16K, SZ_64K } },
	{ SZ_4K + 1, { 2 * SZ_4K, SZ_16K, SZ_64K } },
	{ SZ_16K, { SZ_16K, SZ_16K, SZ_64K } },
	{ SZ_64K, { SZ_64K, SZ_64K, SZ_64K } },
	{ SZ_64K + 8, { 2 * SZ_64K, 2 * SZ_64K, 2 * SZ_64K } },
	{ SZ_1M, { SZ_1M, SZ_1M, SZ_1M } },
	{ SZ_1M + 1, { SZ_2M, SZ_2M, SZ_2M } },
	{ SZ_2M, { SZ_2M, SZ_2M, SZ_2M } },
};

static void test_alignment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(page_sizes); i++) {
		struct arena *arena = arena_of(32 * SZ_1M, page_sizes[i]);

		for (size_t k = 0; k < ARRAY_SIZE(requests); k++) {
			size_t size = requests[k].size;
			u64 rounded = requests[k].rounded[i];
			u64 live = arena_stats(arena).live_bytes;
			char *p = arena_alloc(arena, size);
			u64 pa = (u64)(uintptr_t)p + arena_pa_offset(arena);

			assert_non_null(p);
			expect_u64(arena_stats(arena).live_bytes - live,
				   rounded, "rounded %zu", size);
			expect_u64((uintptr_t)p % rounded, 0, "va of %zu",
				   size);
			expect_u64(pa % rounded, 0, "pa of %zu", size);
			assert_true(is_zero((unsigned char *)p, size));
			memset(p, 0xff, size);
			assert_true(arena_owns(arena, p));
			assert_true(arena_owns(arena, p + size - 1));
		}
		assert_null(arena_alloc(arena, SZ_2M + 1));
		arena_destroy(arena);
	}
}

static void test_linear_map(void **state)
{
	struct arena_cfg cfg = { .size = SZ_2M, .pa_base = SZ_1G };
	struct arena *arena = arena_of(SZ_2M, 0);
	char *base = arena_alloc(arena, SZ_2M);

	(void)state;
	/* The whole range is one block: its first byte has the base. */
	assert_int_equal((uintptr_t)base + arena_pa_offset(arena), 2 * SZ_1G);
	assert_false(arena_owns(arena, base - 1));
	assert_false(arena_owns(arena, base + SZ_2M));
	assert_false(arena_owns(arena, NULL));
	arena_destroy(arena);
	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	base = arena_alloc(arena, SZ_2M);
	assert_int_equal((uintptr_t)base + arena_pa_offset(arena), SZ_1G);
	arena_destroy(arena);
}

/* What was freed last comes back first, and zeroed. */
static void test_reuse_is_zeroed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(page_sizes); i++) {
		size_t size = page_sizes[i];
		struct arena *arena = arena_of(SZ_2M, size);
		unsigned char *a = arena_alloc(arena, size);
		unsigned char *b = arena_alloc(arena, size);

		memset(a, 0xa5, size);
		memset(b, 0x5a, size);
		arena_free(arena, a, size);
		arena_free(arena, b, size);
		assert_ptr_equal(arena_alloc(arena, size), b);
		assert_ptr_equal(arena_alloc(arena, 1), a);
		assert_true(is_zero(b, size));
		assert_true(is_zero(a, 1));
		assert_int_equal(arena_destroy(arena), 2 * size);
	}
}

/* Memory that was in small blocks serves as a large one, and back. */
static void test_blocks_join_and_split(void **state)
{
	struct arena *arena = arena_of(2 * SZ_2M, 0);
	void *pages[1024];

	(void)state;
	for (int round = 0; round < 3; round++) {
		void *a, *b;

		for (size_t k = 0; k < ARRAY_SIZE(pages); k++)
			assert_non_null(pages[k] = arena_alloc(arena, SZ_4K));
		assert_null(arena_alloc(arena, SZ_4K));
		for (size_t k = 0; k < ARRAY_SIZE(pages); k++)
			arena_free(arena, pages[k], SZ_4K);
		assert_non_null(a = arena_alloc(arena, SZ_2M));
		assert_non_null(b = arena_alloc(arena, SZ_2M));
		assert_null(arena_alloc(arena, SZ_4K));
		arena_free(arena, a, SZ_2M);
		arena_free(arena, b, SZ_2M);
	}
	/* 1024 pages and 2 blocks in each of 3 rounds. */
	assert_int_equal(arena_stats(arena).nr_allocs, 3 * 1026);
	assert_int_equal(arena_stats(arena).nr_frees, 3 * 1026);
	assert_int_equal(arena_destroy(arena), 0);
}

/* What alignment skips is not lost: 2M = 4K + 1M + 255 * 4K. */
static void test_gap_is_used(void **state)
{
	struct arena *arena = arena_of(SZ_2M, 0);

	(void)state;
	assert_non_null(arena_alloc(arena, SZ_4K));
	assert_non_null(arena_alloc(arena, SZ_1M));
	for (int k = 0; k < 255; k++)
		assert_non_null(arena_alloc(arena, SZ_4K));
	assert_null(arena_alloc(arena, SZ_4K));
	assert_int_equal(arena_destroy(arena), SZ_2M);
}

/* A block in the way: no aligned 2M is left, though 4M - 4K are free. */
static void test_fragmented(void **state)
{
	struct arena *arena = arena_of(2 * SZ_2M, 0);
	void *pages[1024];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(pages); k++)
		pages[k] = arena_alloc(arena, SZ_4K);
	for (size_t k = 0; k < ARRAY_SIZE(pages); k++)
		if (k != 100 && k != 900)
			arena_free(arena, pages[k], SZ_4K);
	assert_null(arena_alloc(arena, SZ_2M));
	assert_non_null(arena_alloc(arena, SZ_1M));
	assert_int_equal(arena_destroy(arena), SZ_1M + 2 * SZ_4K);
}

struct block {
	unsigned char *p;
	size_t size;
	unsigned char stamp;
};

static bool is_stamped(const struct block *b)
{
	return b->p[0] == b->stamp && !memcmp(b->p, b->p + 1, b->size - 1);
}

/* Blocks of any size in any order: none overlaps, sums and peak are right. */
static void test_random_blocks(void **state)
{
	u64 seed = test_seed(), live = 0, peak = 0;
	struct arena *arena = arena_of(16 * SZ_1M, 0);
	struct block blocks[64] = { { 0 } };
	struct rng rng;

	(void)state;
	rng_init(&rng, seed);
	for (int i = 0; i < 4000; i++) {
		struct block *b = &blocks[rng_below(&rng, ARRAY_SIZE(blocks))];

		if (b->p) {
			expect_u64(is_stamped(b), true,
				   "step %d, seed %" PRIu64, i, seed);
			arena_free(arena, b->p, b->size);
			live -= 1ull << lg2_ceil(b->size);
			b->p = NULL;
			continue;
		}
		b->size = SZ_4K + rng_below(&rng, SZ_4K << rng_below(&rng, 8));
		b->p = arena_alloc(arena, b->size);
		if (!b->p)
			continue;
		expect_u64(is_zero(b->p, b->size), true,
			   "step %d, seed %" PRIu64, i, seed);
		b->stamp = (unsigned char)(1 + i % 255);
		memset(b->p, b->stamp, b->size);
		live += 1ull << lg2_ceil(b->size);
		peak = live > peak ? live : peak;
	}
	expect_u64(arena_stats(arena).live_bytes, live, "seed %" PRIu64, seed);
	expect_u64(arena_stats(arena).peak_bytes, peak, "seed %" PRIu64, seed);
	expect_u64(arena_destroy(arena), live, "seed %" PRIu64, seed);
}

/* Of five allocations the n-th fails and no other. */
static void test_fail_at(void **state)
{
	(void)state;
	for (u64 n = 0; n <= 6; n++) {
		struct arena *arena = arena_of(SZ_2M, 0);

		arena_fail_at(arena, n);
		for (u64 k = 1; k <= 5; k++)
			expect_u64(arena_alloc(arena, SZ_4K) != NULL, k != n,
				   "allocation %" PRIu64 ", fail at %" PRIu64,
				   k, n);
		expect_u64(arena_stats(arena).nr_allocs, n && n < 6 ? 4 : 5,
			   "fail at %" PRIu64, n);
		arena_destroy(arena);
	}
}

static void test_fail_at_is_withdrawn(void **state)
{
	struct arena *arena = arena_of(SZ_2M, 0);

	(void)state;
	arena_fail_at(arena, 1);
	arena_fail_at(arena, 0);
	assert_non_null(arena_alloc(arena, SZ_4K));
	arena_destroy(arena);
}

static void test_peak(void **state)
{
	struct arena *arena = arena_of(SZ_2M, 0);
	void *a = arena_alloc(arena, SZ_64K), *b = arena_alloc(arena, SZ_4K);

	(void)state;
	arena_free(arena, a, SZ_64K);
	assert_int_equal(arena_stats(arena).peak_bytes, SZ_64K + SZ_4K);
	assert_int_equal(arena_stats(arena).live_bytes, SZ_4K);
	arena_peak_reset(arena);
	assert_int_equal(arena_stats(arena).peak_bytes, SZ_4K);
	a = arena_alloc(arena, SZ_16K);
	arena_free(arena, a, SZ_16K);
	assert_int_equal(arena_stats(arena).peak_bytes, SZ_16K + SZ_4K);
	arena_free(arena, b, SZ_4K);
	assert_int_equal(arena_destroy(arena), 0);
}

#define NR_THREADS    4
#define NR_THREAD_OPS 20000

struct hammer {
	struct arena *arena;
	u64 seed;
	u64 nr_done;
	bool is_torn;
	pthread_t thread;
};

static void *hammer_run(void *arg)
{
	struct block blocks[16] = { { 0 } };
	struct hammer *h = arg;
	struct rng rng;

	rng_init(&rng, h->seed);
	for (int i = 0; i < NR_THREAD_OPS; i++) {
		struct block *b = &blocks[rng_below(&rng, ARRAY_SIZE(blocks))];

		if (b->p) {
			h->is_torn |= !is_stamped(b);
			arena_free(h->arena, b->p, b->size);
			b->p = NULL;
			continue;
		}
		b->size = SZ_4K << rng_below(&rng, 3);
		b->p = arena_alloc(h->arena, b->size);
		if (!b->p)
			continue;
		h->nr_done++;
		b->stamp = (unsigned char)(1 + h->seed % 255);
		memset(b->p, b->stamp, b->size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].p)
			arena_free(h->arena, blocks[i].p, blocks[i].size);
	return NULL;
}

static void test_threads(void **state)
{
	u64 seed = test_seed(), nr_done = 0;
	struct hammer hammers[NR_THREADS];
	struct arena *arena = arena_of(SZ_2M, 0);

	(void)state;
	for (u64 i = 0; i < NR_THREADS; i++) {
		struct hammer *h = &hammers[i];

		*h = (struct hammer){ .arena = arena, .seed = seed + i };
		assert_int_equal(
			pthread_create(&h->thread, NULL, hammer_run, h), 0);
	}
	for (size_t i = 0; i < NR_THREADS; i++) {
		pthread_join(hammers[i].thread, NULL);
		nr_done += hammers[i].nr_done;
		expect_u64(hammers[i].is_torn, false,
			   "thread %zu, seed %" PRIu64, i, seed);
	}
	assert_true(nr_done > 0);
	assert_int_equal(arena_stats(arena).nr_allocs, nr_done);
	assert_int_equal(arena_stats(arena).nr_frees, nr_done);
	assert_int_equal(arena_destroy(arena), 0);
}

/* Touch all of an arena and say what backs it. */
static enum arena_backing touched_backing(size_t size, bool want_base_pages)
{
	const struct arena_cfg cfg = { .size = size,
				       .want_base_pages = want_base_pages };
	enum arena_backing backing;
	struct arena *arena;

	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	if (want_base_pages) /* a hugetlb page is taken at once */
		assert_int_equal(arena_backing(arena), ARENA_PAGES);
	while (arena_alloc(arena, SZ_2M))
		;
	backing = arena_backing(arena);
	arena_destroy(arena);
	return backing;
}

static void test_fallback_is_recorded(void **state)
{
	(void)state;
	assert_int_equal(touched_backing(2 * SZ_2M, true), ARENA_PAGES);
	assert_string_equal(arena_backing_name(ARENA_HUGETLB), "hugetlb");
	assert_string_equal(arena_backing_name(ARENA_THP), "thp");
	assert_string_equal(arena_backing_name(ARENA_PAGES), "pages");
}

/*
 * Does advice reach the kernel? It would refuse to write here; QEMU's user mode
 * (7.2) says 0 to all advice and does nothing.
 */
static bool is_advice_heard(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p =
		mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	assert_ptr_not_equal(p, MAP_FAILED);
	ret = madvise(p, page, 23 /* MADV_POPULATE_WRITE */);
	munmap(p, page);
	if (!ret)
		print_message("skip: madvise() is not passed on to a kernel\n");
	return ret;
}

/* What THP gives here: 2M, 32M or 512M; the largest that is worth a test. */
#define MOST_HUGE (32 * SZ_1M)
static u64 huge_page(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
			"re");
	u64 size = 0;

	if (f) {
		assert_int_equal(fscanf(f, "%" SCNu64, &size), 1);
		fclose(f);
	}
	return size ? size : SZ_2M;
}

static void test_huge_pages(void **state)
{
	u64 huge;
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char mode[64] = "";

	(void)state;
	if (f) {
		assert_non_null(fgets(mode, sizeof(mode), f));
		fclose(f);
	}
	if (!mode[0] || strstr(mode, "[never]")) {
		print_message("skip: no transparent huge pages here\n");
		skip();
	}
	if (!is_advice_heard())
		skip();
	huge = huge_page();
	if (huge > MOST_HUGE) {
		print_message("skip: huge pages of %" PRIu64 " bytes here\n",
			      huge);
		skip();
	}
	assert_int_not_equal(touched_backing(2 * huge, false), ARENA_PAGES);
}

/*
 * A hugetlb range whose pool gives nothing: memory that cannot be written
 * stands for it, since populating it fails as it does there.
 */
static void test_broken_promise(void **state)
{
	const struct arena_cfg cfg = { .size = 2 * SZ_2M };
	struct arena_map map;

	(void)state;
	if (!is_advice_heard())
		skip();
	assert_int_equal(arena_map_create(&cfg, &map, NULL), 0);
	memset(map.base, 1, SZ_2M);
	if (map.hugetlb_page) {
		print_message("skip: hugetlb pages keep their promise here\n");
		arena_map_destroy(&map);
		skip();
	}
	map.mapping_size = map.size;
	map.mapping = map.base;
	map.hugetlb_page = SZ_2M;
	map.ready = SZ_2M;
	assert_int_equal(mprotect(map.base + SZ_2M, SZ_2M, PROT_READ), 0);
	assert_true(arena_map_extend(&map, SZ_2M));
	assert_int_equal(map.hugetlb_page, SZ_2M); /* nothing was needed */
	assert_true(arena_map_extend(&map, SZ_2M + 1));
	assert_int_equal(map.hugetlb_page, 0);
	memset(map.base + SZ_2M, 2, SZ_2M);
	assert_int_equal(map.base[SZ_2M - 1], 1); /* what was ready stays */
	arena_map_destroy(&map);
}

struct bound_range {
	char *base;
	size_t size;
	int nr_calls;
};

static int note_range(void *base, size_t size, void *arg)
{
	struct bound_range *range = arg;

	*range = (struct bound_range){ base, size, range->nr_calls + 1 };
	return -ENOSYS; /* has no effect on the arena */
}

static void test_bind(void **state)
{
	struct bound_range range = { 0 };
	const struct arena_cfg cfg = { .size = SZ_2M,
				       .want_base_pages = true,
				       .bind = note_range,
				       .bind_arg = &range };
	struct arena *arena;

	(void)state;
	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	assert_int_equal(range.nr_calls, 1);
	assert_int_equal(range.size, SZ_2M);
	assert_ptr_equal(arena_alloc(arena, SZ_2M), range.base);
	assert_int_equal(range.nr_calls, 1);
	arena_destroy(arena);
}

/* One row a configuration that is refused, and what the text must name. */
static const struct {
	struct arena_cfg cfg;
	int ret;
	const char *names;
} refused[] = {
	{ { .size = 0 }, -EINVAL, "size 0" },
	{ { .size = SIZE_MAX }, -EINVAL, "size" },
	{ { .size = SZ_2M, .page_size = 3 * SZ_4K }, -EINVAL, "12K" },
	{ { .size = SZ_2M, .page_size = 2048 }, -EINVAL, "2K" },
	{ { .size = SZ_2M, .page_size = 2 * SZ_2M }, -EINVAL, "4M" },
	{ { .size = SZ_2M, .pa_base = SZ_2M + SZ_4K }, -EINVAL, "2052K" },
	{ { .size = SZ_2M, .pa_base = 4 * SZ_1G }, -EINVAL, "4G" },
	{ { .size = 1ull << 52, .page_size = SZ_2M }, -ENOMEM, "4096T" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct arena *arena = (void *)0x5a;
		struct iopt_err err = { "" };

		expect_int(arena_create(&refused[i].cfg, &arena, &err),
			   refused[i].ret, refused[i].names);
		expect_text(err.msg, refused[i].names, "error text");
		assert_ptr_equal(arena, (void *)0x5a);
		assert_int_equal(arena_create(&refused[i].cfg, &arena, NULL),
				 refused[i].ret);
	}
	assert_int_equal(arena_destroy(NULL), 0);
}

static void free_twice(struct arena *arena, void *p)
{
	arena_free(arena, p, SZ_4K);
	arena_free(arena, p, SZ_4K);
}

static void free_other_size(struct arena *arena, void *p)
{
	arena_free(arena, p, 2 * SZ_4K);
}

static void free_foreign(struct arena *arena, void *p)
{
	(void)p;
	arena_free(arena, &arena, SZ_4K);
}

static void free_inner(struct arena *arena, void *p)
{
	char *block = arena_alloc(arena, 2 * SZ_4K);

	(void)p;
	arena_free(arena, block + SZ_4K, SZ_4K);
}

static const struct {
	const char *name;
	void (*run)(struct arena *arena, void *p);
} misuses[] = {
	{ "freed twice", free_twice },
	{ "another size", free_other_size },
	{ "not the arena's", free_foreign },
	{ "inside a block", free_inner },
};

static void test_misuse_is_caught(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(misuses); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			struct arena *arena = arena_of(SZ_2M, 0);

			signal(SIGABRT, SIG_DFL);
			fclose(stderr);
			misuses[i].run(arena, arena_alloc(arena, SZ_4K));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		expect_u64(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
			   true, "%s", misuses[i].name);
	}
}

#if HAS_ASAN
#include <sanitizer/asan_interface.h>

static void test_freed_is_poisoned(void **state)
{
	struct arena *arena = arena_of(SZ_2M, 0);
	char *p = arena_alloc(arena, 16);

	(void)state;
	assert_false(__asan_address_is_poisoned(p + 15));
	assert_true(__asan_address_is_poisoned(p + 16));
	assert_true(__asan_address_is_poisoned(p + SZ_4K - 1));
	arena_free(arena, p, 16);
	assert_true(__asan_address_is_poisoned(p));
	assert_ptr_equal(arena_alloc(arena, SZ_4K), p);
	assert_false(__asan_address_is_poisoned(p + SZ_4K - 1));
	arena_destroy(arena);
	assert_false(__asan_address_is_poisoned(p));
}
#else
static void test_freed_is_poisoned(void **state)
{
	(void)state;
	print_message("skip: built without AddressSanitizer\n");
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bound_is_rounded),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_linear_map),
		cmocka_unit_test(test_reuse_is_zeroed),
		cmocka_unit_test(test_blocks_join_and_split),
		cmocka_unit_test(test_gap_is_used),
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_random_blocks),
		cmocka_unit_test(test_fail_at),
		cmocka_unit_test(test_fail_at_is_withdrawn),
		cmocka_unit_test(test_peak),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_fallback_is_recorded),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_broken_promise),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_misuse_is_caught),
		cmocka_unit_test(test_freed_is_poisoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
