// SPDX-License-Identifier: GPL-2.0-only
/* What lies behind a virtual machine: unique, aligned, repeatable frames. */
#include "test.h"

#include <malloc.h>

#include "lg2.h"
#include "rng.h"
#include "sizes.h"
#include "vm_backing.h"

#define OAS 48

/* A machine, its memory, and its host. */
struct rig {
	struct vm_layout *layout;
	struct vm_backing *backing;
};

static void rig_init(struct rig *rig, const char *vm, const char *word,
		     u64 host_page, u64 seed)
{
	struct iopt_err err;

	if (vm_layout_create_word(vm, host_page, &rig->layout, &err) ||
	    vm_backing_create(word, rig->layout, OAS, seed, &rig->backing,
			      &err))
		fail_msg("%s %s: %s", vm, word, err.msg);
}

static void rig_fini(struct rig *rig)
{
	vm_backing_destroy(rig->backing);
	vm_layout_destroy(rig->layout);
}

static u64 run_at(const struct rig *rig, size_t range, u64 offset, u64 *paddr)
{
	const struct vfio_memory *m = vm_backing_memory(rig->backing, range);

	return m->run(m->arg, offset, paddr);
}

/* A run of frames; one of these is 16 bytes. */
struct run {
	u64 paddr;
	u64 size;
};

static int by_paddr(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

/* All runs of all ranges, in the order of the layout. */
static struct run *all_runs(const struct rig *rig, size_t *nr)
{
	const struct vm_layout *l = rig->layout;
	u64 page = l->host_page;
	size_t room = 1024, n = 0;
	struct run *runs = malloc(room * sizeof(*runs));

	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];

		for (u64 at = 0; at < r->size; at += runs[n++].size) {
			if (n + 1 >= room) {
				room *= 2;
				runs = realloc(runs, room * sizeof(*runs));
			}
			assert_non_null(runs);
			runs[n].paddr = ~0ull;
			runs[n].size = run_at(rig, i, at, &runs[n].paddr);
			if (!runs[n].size || runs[n].size > r->size - at ||
			    (runs[n].size | runs[n].paddr) & (page - 1) ||
			    runs[n].paddr + runs[n].size > 1ull << OAS)
				fail_msg("%s at 0x%" PRIx64 ": run 0x%" PRIx64
					 " of 0x%" PRIx64 " bytes",
					 r->name, at, runs[n].paddr,
					 runs[n].size);
		}
	}
	*nr = n;
	return runs;
}

static const struct {
	const char *vm, *word;
	u64 host_page;
	/* FNV-1a of all runs with seed 1: the same on every machine. */
	u64 hash;
} rows[] = {
	{ "1G", "4K", SZ_4K, 0x2c27f5d001e6abc9 },
	{ "1G-q35", "4K", SZ_4K, 0xc4bbc55ebe986f71 },
	{ "4G", "buddy0", SZ_4K, 0x36a37a104768f4bd },
	{ "1G-q35", "buddy75", SZ_4K, 0x3020c340b64fbffa },
	{ "1G", "buddy100", SZ_4K, 0xea2026730a296245 },
	{ "4G-q35", "thp50", SZ_4K, 0xc12d7d80fd992c0d },
	{ "1026M", "thp90", SZ_4K, 0x638e1c95b41251d4 },
	{ "4G-q35", "2M", SZ_4K, 0x6ce932c762ae62a9 },
	{ "64G-q35", "1G", SZ_4K, 0xf41de78c859df334 },
	{ "1G", "16K", SZ_16K, 0x51dcc6aeb1066f75 },
	{ "4G-q35", "buddy75", SZ_16K, 0xf2e94a6c2dae0c49 },
	{ "4G", "thp90", SZ_16K, 0xac70944f40a2a44d },
	{ "4G-q35", "32M", SZ_16K, 0xa47f818ab4ed1976 },
	{ "4G", "64K", SZ_64K, 0xe11a62d7f5714add },
	{ "16G-q35", "buddy75", SZ_64K, 0xdaa51c2bee3232f5 },
	{ "16G", "thp50", SZ_64K, 0x69c5b1f87df6577d },
	{ "16G-q35", "512M", SZ_64K, 0x3a250804a90373ba },
};

static u64 hash_runs(const struct run *runs, size_t nr)
{
	u64 hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < nr; i++)
		for (int k = 0; k < 16; k++) {
			u64 v = k < 8 ? runs[i].paddr : runs[i].size;

			hash ^= v >> 8 * (k % 8) & 0xff;
			hash *= 0x100000001b3ull;
		}
	return hash;
}

/* No frame lies behind two addresses, and the places never change. */
static void test_unique(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;
		struct run *runs;
		size_t nr;
		u64 hash;

		rig_init(&rig, rows[i].vm, rows[i].word, rows[i].host_page, 1);
		runs = all_runs(&rig, &nr);
		hash = hash_runs(runs, nr);
		if (hash != rows[i].hash)
			fail_msg("%s %s: expected hash 0x%016" PRIx64
				 ", got 0x%016" PRIx64,
				 rows[i].vm, rows[i].word, rows[i].hash, hash);
		qsort(runs, nr, sizeof(*runs), by_paddr);
		for (size_t k = 1; k < nr; k++)
			if (runs[k].paddr <
			    runs[k - 1].paddr + runs[k - 1].size)
				fail_msg("%s %s: 0x%" PRIx64 " is there twice",
					 rows[i].vm, rows[i].word,
					 runs[k].paddr);
		free(runs);
		rig_fini(&rig);
	}
}

static void test_seed_matters(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;
		struct run *runs;
		size_t nr;

		rig_init(&rig, rows[i].vm, rows[i].word, rows[i].host_page, 2);
		runs = all_runs(&rig, &nr);
		if (hash_runs(runs, nr) == rows[i].hash)
			fail_msg("%s %s: seeds 1 and 2 give the same",
				 rows[i].vm, rows[i].word);
		free(runs);
		rig_fini(&rig);
	}
}

/* A run asked for in its middle is the rest of the run. */
static void test_inside(void **unused)
{
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	rng_init(&rng, seed);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;

		rig_init(&rig, rows[i].vm, rows[i].word, rows[i].host_page,
			 seed);
		for (int k = 0; k < 300; k++) {
			size_t r = rng_below(&rng, rig.layout->nr_ranges);
			u64 page = rig.layout->host_page, len, rest, a, b;
			u64 at = align_down(
				rng_below(&rng, rig.layout->ranges[r].size),
				page);
			u64 in;

			len = run_at(&rig, r, at, &a);
			in = align_down(rng_below(&rng, len), page);
			rest = run_at(&rig, r, at + in, &b);
			expect_u64(b, a + in,
				   "%s %s: range %zu at 0x%" PRIx64
				   " + 0x%" PRIx64 ", seed %" PRIu64,
				   rows[i].vm, rows[i].word, r, at, in, seed);
			expect_u64(rest, len - in,
				   "%s %s: range %zu at 0x%" PRIx64
				   " + 0x%" PRIx64 ", seed %" PRIu64,
				   rows[i].vm, rows[i].word, r, at, in, seed);
		}
		rig_fini(&rig);
	}
}

/* Huge pages of 16T: frames are unique, and blocks can map them. */
static const struct {
	const char *vm, *word;
	u64 host_page, block;
} huge[] = {
	{ "16T", "1G", SZ_4K, SZ_1G },
	{ "16T-q35", "1G", SZ_4K, SZ_1G },
	{ "64G", "2M", SZ_4K, SZ_2M },
	{ "64G-q35", "2M", SZ_4K, SZ_2M },
	{ "1T", "32M", SZ_16K, SZ_32M },
	{ "16T-q35", "512M", SZ_64K, SZ_512M },
	{ "64G", "thp100", SZ_4K, SZ_2M },
	{ "64G-q35", "thp100", SZ_16K, SZ_32M },
};

static void check_blocks(const struct rig *rig, u64 block, const char *what)
{
	const struct vm_layout *l = rig->layout;

	for (size_t i = 0; i < l->nr_ranges; i++) {
		const struct vm_range *r = &l->ranges[i];
		u64 len, paddr;

		if (r->kind != VM_RAM)
			continue;
		for (u64 at = 0; at < r->size; at += len) {
			u64 iova = r->iova + at;
			u64 want = block - (iova & (block - 1));

			len = run_at(rig, i, at, &paddr);
			if (want > r->size - at)
				want = r->size - at;
			if (len != want || (iova ^ paddr) & (block - 1))
				fail_msg("%s: 0x%" PRIx64 " at 0x%" PRIx64
					 " for 0x%" PRIx64 " bytes",
					 what, iova, paddr, len);
		}
	}
}

static void test_blocks(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
		struct rig rig;

		rig_init(&rig, huge[i].vm, huge[i].word, huge[i].host_page, 7);
		check_blocks(&rig, huge[i].block, huge[i].word);
		rig_fini(&rig);
	}
}

/* Sampled where not all can be seen: two samples never share a frame. */
static void test_sampled(void **unused)
{
	static const char *const words[] = { "4K", "buddy75", "thp90" };
	enum { NR = 100000 };
	struct run *runs = malloc(NR * sizeof(*runs));
	u64 *iovas = malloc(NR * sizeof(*iovas));
	u64 seed = test_seed();
	struct rng rng;

	(void)unused;
	assert_non_null(runs);
	assert_non_null(iovas);
	rng_init(&rng, seed);
	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		struct rig rig;

		rig_init(&rig, "16T", words[w], SZ_4K, seed);
		for (size_t k = 0; k < NR; k++) {
			size_t r = 1 + rng_below(&rng, 4);

			iovas[k] = align_down(
				rng_below(&rng, rig.layout->ranges[r].size),
				SZ_4K);
			run_at(&rig, r, iovas[k], &runs[k].paddr);
			runs[k].size = rig.layout->ranges[r].iova + iovas[k];
		}
		qsort(runs, NR, sizeof(*runs), by_paddr);
		for (size_t k = 1; k < NR; k++)
			if (runs[k].paddr == runs[k - 1].paddr)
				expect_u64(runs[k].size, runs[k - 1].size,
					   "%s: one frame, two addresses, "
					   "seed %" PRIu64,
					   words[w], seed);
		rig_fini(&rig);
	}
	free(iovas);
	free(runs);
}

/* The share of thp<NN> is exact; memory does not grow with the machine. */
static void test_thp_share(void **unused)
{
	static const struct {
		const char *word;
		u64 nr_huge; /* of 2048 chunks of 2M in 4G */
	} shares[] = {
		{ "thp0", 0 },	   { "thp1", 20 },     { "thp50", 1024 },
		{ "thp90", 1843 }, { "thp100", 2048 },
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		struct rig rig;
		u64 nr = 0, paddr;

		rig_init(&rig, "4G", shares[i].word, SZ_4K, 3);
		for (size_t r = 1; r <= 4; r++)
			for (u64 at = 0; at < SZ_1G; at += SZ_2M)
				nr += run_at(&rig, r, at, &paddr) == SZ_2M &&
				      !(paddr & (SZ_2M - 1));
		expect_u64(nr, shares[i].nr_huge, "%s", shares[i].word);
		rig_fini(&rig);
	}
}

static void test_bounded(void **unused)
{
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	static const char *const all[] = { "buddy0", "buddy50", "buddy100",
					   "thp0", "thp50" };

	(void)unused;
	for (size_t p = 0; p < ARRAY_SIZE(pages); p++)
		for (size_t w = 0; w < ARRAY_SIZE(all); w++) {
			struct rig small, large;

			rig_init(&small, "1G", all[w], pages[p], 1);
			rig_init(&large, "16T", all[w], pages[p], 1);
			expect_u64(vm_backing_bytes(large.backing),
				   vm_backing_bytes(small.backing), "%s",
				   all[w]);
			if (vm_backing_bytes(large.backing) > 8 * SZ_1M)
				fail_msg("%s takes %" PRIu64 " bytes", all[w],
					 vm_backing_bytes(large.backing));
			rig_fini(&small);
			rig_fini(&large);
		}
}

/* Asking for runs allocates nothing, however often. */
static void test_no_alloc(void **unused)
{
	static const char *const words[] = { "4K", "buddy75", "thp90", "1G" };

	(void)unused;
	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		struct rig rig;
		size_t before;
		u64 paddr;

		rig_init(&rig, "16T", words[w], SZ_4K, 1);
		before = mallinfo2().uordblks;
		for (u64 at = 0; at < 4096 * SZ_1G; at += SZ_1G / 4)
			run_at(&rig, 1, at, &paddr);
		expect_u64(mallinfo2().uordblks, before, "%s", words[w]);
		rig_fini(&rig);
	}
}

static const struct {
	const char *vm, *word;
	u64 host_page;
	unsigned int oas;
	int ret;
	const char *says;
} refused[] = {
	{ "4G", "1G", SZ_16K, 48, -EINVAL, "of 16K pages: must be 16K or 32M" },
	{ "4G", "2M", SZ_64K, 48, -EINVAL,
	  "of 64K pages: must be 64K or 512M" },
	{ "4G", "16K", SZ_4K, 48, -EINVAL, "must be 4K or 2M or 1G" },
	{ "4G", "4K", SZ_16K, 48, -EINVAL, "must be 16K or 32M" },
	{ "3G", "512M", SZ_64K, 48, 0, "" },
	{ "1026M", "1G", SZ_4K, 48, -EINVAL, "RAM must be a multiple" },
	{ "4G", "buddy", SZ_4K, 48, -EINVAL, "backing \"buddy\": must be" },
	{ "4G", "buddy101", SZ_4K, 48, -EINVAL, "\"buddy101\": must be" },
	{ "4G", "buddy05", SZ_4K, 48, -EINVAL, "\"buddy05\": must be" },
	{ "4G", "thp-1", SZ_4K, 48, -EINVAL, "\"thp-1\": must be" },
	{ "4G", "0x1000", SZ_4K, 48, -EINVAL, "\"0x1000\": must be" },
	{ "4G", "", SZ_4K, 48, -EINVAL, "backing \"\": must be" },
	{ "16T", "4K", SZ_4K, 45, 0, "" },
	{ "16T", "4K", SZ_4K, 44, -ERANGE, "is above 44 bits of output" },
	{ "4T", "buddy75", SZ_4K, 44, 0, "" },
};

static void test_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct vm_backing *b = NULL;
		struct vm_layout *l;
		struct iopt_err err = { "" };

		assert_int_equal(vm_layout_create_word(refused[i].vm,
						       refused[i].host_page, &l,
						       NULL),
				 0);
		expect_int(vm_backing_create(refused[i].word, l, refused[i].oas,
					     1, &b, &err),
			   refused[i].ret, refused[i].word);
		expect_text(err.msg, refused[i].says, refused[i].word);
		if (refused[i].ret)
			assert_null(b);
		vm_backing_destroy(b);
		vm_layout_destroy(l);
	}
}

/* Every word that is listed works. */
static void test_words(void **unused)
{
	static const u64 pages[] = { SZ_4K, SZ_16K, SZ_64K };
	const char *word;

	(void)unused;
	for (size_t p = 0; p < ARRAY_SIZE(pages); p++)
		for (size_t i = 0; (word = vm_backing_word_at(pages[p], i));
		     i++) {
			struct rig rig;

			rig_init(&rig, "1G", word, pages[p], 1);
			rig_fini(&rig);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_seed_matters),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_sampled),
		cmocka_unit_test(test_thp_share),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_no_alloc),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
