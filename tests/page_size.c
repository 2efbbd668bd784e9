// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hosts whose kernel has pages of 4K, 16K or 64K: what is mapped, what an arena
 * lies in, which frames a pagemap tells, what a recorded trace replays.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "arena_map.h"
#include "buddy.h"
#include "environ.h"
#include "host_page.h"
#include "lg2.h"
#include "pagemap.h"
#include "replay_fixture.h"
#include "sizes.h"
#include "test.h"
#include "vm_live.h"

static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };

static u64 system_page(void)
{
	return (u64)sysconf(_SC_PAGESIZE);
}

/* What a configuration says holds, and else what the system says. */
static void test_one_source(void **unused)
{
	struct host_source src = { .root = "/nowhere" };
	struct host_environ env;
	char text[SIZE_TEXT_MAX];

	(void)unused;
	expect_u64(host_page_bytes(0), system_page(), "of the system");
	host_environ_read(&src, &env);
	assert_string_equal(host_environ_get(&env, "page_size"),
			    size_format(system_page(), text));
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		expect_u64(host_page_bytes(pages[i]), pages[i], "injected");
		src.page = pages[i];
		host_environ_read(&src, &env);
		assert_string_equal(host_environ_get(&env, "page_size"),
				    size_format(pages[i], text));
	}
}

/* Is every byte of a range mapped? */
static bool is_mapped(const char *at, size_t bytes)
{
	return !msync((void *)(uintptr_t)at, bytes, MS_ASYNC);
}

/* A guard of a whole page at both ends, and edges that mprotect() takes. */
static void check_map(u64 page)
{
	const struct arena_cfg cfg = { .size = 3 * SZ_2M,
				       .host_page = page,
				       .want_base_pages = true };
	struct arena_map map;
	char *end;

	assert_int_equal(arena_map_create(&cfg, &map, NULL), 0);
	end = map.mapping + map.mapping_size;
	expect_u64((uintptr_t)map.base & (page - 1), 0, "base, %" PRIu64, page);
	expect_u64((uintptr_t)map.base & (SZ_2M - 1), 0, "base");
	assert_true(map.base >= map.mapping + page);
	/* Two guards, and room to align the range to a huge page. */
	assert_true(is_pow2(map.mapping_size - map.size - 2 * page));
	assert_true(end >= map.base + map.size + page);
	memset(map.base, 1, map.size);
	assert_true(is_mapped(map.base - page, page));
	assert_true(is_mapped(map.base + map.size, page));
	arena_map_destroy(&map);
}

/* All of an arena in tables of the smallest granule: a page goes with each. */
static void check_arena(u64 page)
{
	const struct arena_cfg cfg = { .size = SZ_2M,
				       .page_size = page,
				       .host_page = page };
	struct arena_stats stats;
	struct arena *arena;
	u64 nr = 0, *p;

	assert_int_equal(arena_create(&cfg, &arena, NULL), 0);
	while ((p = arena_alloc(arena, SZ_4K)) != NULL) {
		expect_u64((uintptr_t)p & (page - 1), 0, "page %" PRIu64, page);
		for (size_t i = 0; i < SZ_4K / sizeof(*p); i++)
			expect_u64(p[i], 0, "zeroed, page %" PRIu64, page);
		memset(p, 0xa5, SZ_4K);
		nr++;
	}
	expect_u64(nr, SZ_2M / page, "allocations, page %" PRIu64, page);
	stats = arena_stats(arena);
	expect_u64(stats.live_bytes, SZ_2M, "bytes, page %" PRIu64, page);
	expect_u64(arena_destroy(arena), SZ_2M, "page %" PRIu64, page);
}

static void test_arena(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		check_map(pages[i]);
		check_arena(pages[i]);
	}
}

static int note_bytes(void *base, size_t size, void *arg)
{
	(void)base;
	*(size_t *)arg = size;
	return 0;
}

/*
 * A hugetlb page of these hosts may be larger than the arena in it. mbind(2)
 * takes it as a whole or not at all.
 */
static void test_bind_whole_huge_pages(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		u64 huge = buddy_huge_page(pages[i]);
		size_t bytes = 0;
		char *base = (char *)(uintptr_t)SZ_1G;
		const struct arena_map map = {
			.base = base,
			.mapping = base,
			.size = 3 * SZ_2M,
			.mapping_size = align_up(3 * SZ_2M, huge),
			.hugetlb_page = huge,
			.cfg = { .bind = note_bytes, .bind_arg = &bytes },
		};

		arena_map_bind(&map, 0);
		expect_u64(bytes & (huge - 1), 0, "pages of %" PRIu64, huge);
		assert_true(bytes >= map.size);
	}
}

/* The frame of page @nr, as a kernel could have chosen it: three that touch. */
#define LAST_FRAME 100000u
static u64 frame_of(u64 nr)
{
	return nr % 4 == 3 ? LAST_FRAME - nr : 1000 + nr;
}

/* A pagemap of these pages with entries for the memory that is asked for. */
static int synthetic_read(void *page_bytes, u64 addr, u64 bytes,
			  struct vm_frames *frames, struct iopt_err *err)
{
	u64 page = *(const u64 *)page_bytes;
	int fd = memfd_create("pagemap", 0), ret;

	assert_true(fd >= 0);
	expect_u64(frames->page, page, "page of the frames");
	expect_u64((addr | bytes) & (page - 1), 0, "page %" PRIu64, page);
	for (u64 i = 0; i < bytes / page; i++) {
		u64 entry = 1ull << 63 | frame_of(i);

		assert_int_equal(pwrite(fd, &entry, sizeof(entry),
					(off_t)((addr / page + i) * 8)),
				 sizeof(entry));
	}
	ret = pagemap_read(fd, addr, bytes, frames, err);
	close(fd);
	return ret;
}

/* Memory is taken, touched and read in the host's pages. */
static void check_live(u64 page)
{
	char how[SIZE_TEXT_MAX];
	const struct vm_live_cfg cfg = { .how = size_format(page, how),
					 .bytes = 64 * SZ_1M,
					 .root = "",
					 .page = page,
					 .read = synthetic_read,
					 .read_arg = &page };
	struct iopt_err err = { "" };
	struct vm_frames f;
	u64 paddr;
	int ret = vm_live_measure(&cfg, &f, &err);

	if (vm_live_is_skip(ret)) {
		print_message("skip: %s\n", err.msg);
		skip();
	}
	if (ret)
		fail_msg("page %" PRIu64 ": %s", page, err.msg);
	expect_u64(f.page, page, "page");
	expect_u64(vm_frames_bytes(&f), 64 * SZ_1M, "page %" PRIu64, page);
	assert_string_equal(f.how, how);
	/* Runs of three pages and of one. */
	expect_u64(vm_frames_run(&f, 0, &paddr), 3 * page, "first run");
	expect_u64(paddr, 1000 * page, "first run");
	expect_u64(vm_frames_run(&f, 3 * page, &paddr), page, "second run");
	expect_u64(paddr, (LAST_FRAME - 3) * page, "second run");
	vm_frames_fini(&f);
}

static void test_live(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		check_live(pages[i]);
}

#define NR_PAGES   16u
#define HUGE_IOVA  (2 * SZ_1G)
#define HUGE_PADDR (4 * SZ_1G)

/* Pages that do not touch and one huge page, as such a host maps them. */
static void write_trace(char *text, u64 page)
{
	u64 huge = buddy_huge_page(page);
	char *at = text;

	for (u64 i = 0; i < NR_PAGES; i++)
		at += sprintf(at,
			      "map: IOMMU: iova=0x%" PRIx64 " paddr=0x%" PRIx64
			      " size=%" PRIu64 "\n",
			      i * page,
			      (u64)(SZ_1G + (NR_PAGES - i) * 2 * page), page);
	at += sprintf(at,
		      "map: IOMMU: iova=0x%" PRIx64 " paddr=0x%" PRIx64
		      " size=%" PRIu64 "\n",
		      (u64)HUGE_IOVA, (u64)HUGE_PADDR, huge);
	for (u64 i = 0; i < NR_PAGES; i++)
		at += sprintf(at,
			      "unmap: IOMMU: iova=0x%" PRIx64 " size=%" PRIu64
			      " unmapped_size=%" PRIu64 "\n",
			      i * page, page, page);
	sprintf(at,
		"unmap: IOMMU: iova=0x%" PRIx64 " size=%" PRIu64
		" unmapped_size=%" PRIu64 "\n",
		(u64)HUGE_IOVA, huge, huge);
}

/* The trace of a host with such pages, tables in an arena on one. */
static void init_of_page(struct fixture *f, u64 page)
{
	const struct arena_cfg arena = { .size = 64 * SZ_1M,
					 .host_page = page };
	char text[8192];

	write_trace(text, page);
	fixture_init(f, &arena, text, "lpae-7.3", "each");
}

static void expect_count(const struct bench_counts *counts, const char *name,
			 u64 want, u64 page)
{
	double got = -1;

	/* Without the counted twin of the engine writes are not known. */
	if (bench_count_find(counts, name, &got)) {
		assert_string_equal(name, "pte_writes");
		return;
	}
	if (got != (double)want)
		fail_msg("page %" PRIu64 ": %s: expected %" PRIu64 ", got %g",
			 page, name, want, got);
}

/*
 * The tables of replay have a granule of 4K: a page of 64K is 16 leaves, a huge
 * page of 512M is 256. Tables: L1, L2 and L3 for the pages, L2 for the huge
 * page.
 */
static void check_replay(u64 page)
{
	u64 huge = buddy_huge_page(page);
	u64 leaves = NR_PAGES * page / SZ_4K + huge / SZ_2M;
	struct bench_counts counts = { .nr = 0 };
	struct iopt_err err = { "" };
	struct fixture f;
	void *ctx;

	init_of_page(&f, page);
	if (replay_family.setup(&f.env, &f.c, BENCH_VERIFY, &ctx, &err) ||
	    replay_family.verify(ctx, &err))
		fail_msg("page %" PRIu64 ": %s", page, err.msg);
	replay_family.teardown(ctx);
	if (replay_family.setup(&f.env, &f.c, BENCH_COUNT, &ctx, &err) ||
	    replay_family.count(ctx, &counts, &err))
		fail_msg("page %" PRIu64 ": %s", page, err.msg);
	replay_family.teardown(ctx);
	expect_count(&counts, "nr_differ", 0, page);
	expect_count(&counts, "warnings", 0, page);
	expect_count(&counts, "tables_alloc", 4, page);
	expect_count(&counts, "pte_writes", 4 + 2 * leaves, page);
	expect_count(&counts, "inval_pages", leaves, page);
	expect_count(&counts, "syncs", NR_PAGES + 1, page);
	expect_count(&counts, "bytes_mapped", NR_PAGES * page + huge, page);
	expect_count(&counts, "bytes_unmapped", NR_PAGES * page + huge, page);
	fixture_fini(&f);
}

static void test_replay(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		check_replay(pages[i]);
}

/* The page of the host that recorded a trace is found in it. */
static void test_frames_of_trace(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct iopt_err err = { "" };
		struct vm_frames frames;
		struct fixture f;
		u64 paddr;

		init_of_page(&f, pages[i]);
		if (vm_frames_from_trace(f.path, &frames, &err))
			fail_msg("page %" PRIu64 ": %s", pages[i], err.msg);
		expect_u64(frames.page, pages[i], "page of the trace");
		/* The longest stretch of IOVAs is that of the huge page. */
		expect_u64(vm_frames_bytes(&frames), buddy_huge_page(pages[i]),
			   "page %" PRIu64, pages[i]);
		vm_frames_run(&frames, 0, &paddr);
		expect_u64(paddr, HUGE_PADDR, "page %" PRIu64, pages[i]);
		vm_frames_fini(&frames);
		fixture_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_bind_whole_huge_pages),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_frames_of_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
