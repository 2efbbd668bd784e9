// SPDX-License-Identifier: GPL-2.0-only
/* Random maps and unmaps beside a container by brute force, every strategy. */
#include "ref_vfio.h"
#include "vfio_pieces.h"
#include "vfio_rig.h"

#define NR_OPS 60

/* One row a machine. Every strategy runs over each, but where it is stuck. */
static const struct {
	const char *engine;
	u64 granule;
	u64 block;
	u64 host_page;
	size_t nr_domains;
} machines[] = {
	{ "lpae-split", SZ_4K, SZ_2M, SZ_4K, 1 },
	{ "lpae-split", SZ_4K, SZ_2M, SZ_4K, 3 },
	{ "lpae-whole", SZ_4K, SZ_2M, SZ_4K, 2 },
	{ "lpae-nosplit", SZ_4K, SZ_2M, SZ_4K, 2 },
	{ "lpae-6.1", SZ_4K, SZ_2M, SZ_4K, 1 },
	{ "lpae-7.3", SZ_4K, SZ_2M, SZ_4K, 1 },
	{ "lpae-split", SZ_4K, SZ_2M, SZ_16K, 1 },
	{ "lpae-7.3", SZ_4K, SZ_2M, SZ_64K, 1 },
	{ "lpae-split", SZ_16K, SZ_32M, SZ_16K, 1 },
	{ "lpae-7.3", SZ_64K, SZ_512M, SZ_64K, 2 },
	{ "lpae-6.12", SZ_4K, SZ_2M, SZ_4K, 0 },
	{ "amdv1", SZ_4K, SZ_2M, SZ_4K, 1 },
	{ "amdv1", SZ_4K, SZ_64K, SZ_4K, 2 },
};

/**
 * struct run - A random run.
 * @rig: what is tested
 * @ref: what is right
 * @rng: where chance comes from
 * @block: bytes of the first block above a page
 * @unwinds: can a map that found no memory be undone? Not by those that need
 *	some for it and find none either: to split a block, as page by page and
 *	by a lookup that is wrong inside blocks, or to map the rest again
 * @what: names the run in a failure
 */
struct run {
	struct rig rig;
	struct ref_vfio ref;
	struct rng rng;
	u64 block;
	bool unwinds;
	char what[160];
};

static u64 pages_below(struct run *run, u64 n)
{
	return run->ref.page * rng_below(&run->rng, n);
}

/* Every page of every domain, walked leaf by leaf. */
static void check_tables(struct run *run)
{
	u64 page = run->ref.page;

	for (size_t d = 0; d < run->ref.nr_domains; d++) {
		struct pgtable_leaf leaf = { .size = 0 };

		for (u64 i = 0; i < REF_PAGES; i++) {
			u64 iova = i * page, got = 0;

			if (iova >= leaf.iova + leaf.size &&
			    iommu_leaf_walk(&run->rig.domain[d], iova, &leaf))
				leaf.iova = ~0ull - leaf.size;
			if (iova >= leaf.iova)
				got = leaf.paddr + (iova - leaf.iova);
			expect_u64(got,
				   run->ref.owner[i] ? run->ref.phys[i] : 0,
				   "%s: domain %zu at 0x%" PRIx64, run->what, d,
				   iova);
		}
	}
}

static void check_state(struct run *run)
{
	const struct vfio *vfio = &run->rig.vfio;

	expect_u64(vfio->nr_ranges, run->ref.nr_maps, "%s: maps", run->what);
	expect_u64(vfio->locked_pages, ref_locked(&run->ref), "%s: locked",
		   run->what);
	expect_u64(vfio->counts.nr_warnings, 0, "%s: warnings", run->what);
	assert_false(vfio->counts.is_stuck);
	check_tables(run);
}

/* One map in eight finds no memory for a table: nothing may stay. */
static void do_map(struct run *run)
{
	static struct pieces pieces;
	u64 room = run->ref.page * REF_PAGES;
	u64 size = pages_below(run, 600);
	u64 iova = pages_below(run, REF_PAGES);
	unsigned int mix = (unsigned int)rng_below(&run->rng, 3);
	struct vfio_memory memory = { .run = pieces_run, .arg = &pieces };
	bool fails =
		run->ref.nr_domains && !rng_below(&run->rng, 8) && run->unwinds;
	int ret, want;

	/* An IOAS without a domain takes any size. */
	if (run->ref.nr_domains && !rng_below(&run->rng, 8))
		size += 512;
	if (mix && run->block < room) {
		size = run->block * (1 + rng_below(&run->rng, 4));
		if (rng_below(&run->rng, 2))
			iova &= ~(run->block - 1);
	}
	if (size > room - iova)
		size = room - iova;
	pieces_random(&pieces, &run->rng, size & ~(run->ref.page - 1),
		      run->ref.page, run->block, mix);
	memory.is_bar = !rng_below(&run->rng, 6);
	if (fails)
		arena_fail_at(run->rig.arena[run->ref.nr_domains - 1],
			      1 + rng_below(&run->rng, 4));
	ret = vfio_map(&run->rig.vfio, iova, size, &memory);
	if (fails) {
		arena_fail_at(run->rig.arena[run->ref.nr_domains - 1], 0);
		if (ret == -ENOMEM)
			return;
	}
	want = ref_map(&run->ref, iova, size, &memory);
	if (ret != want)
		fail_msg("%s: map of 0x%" PRIx64 " at 0x%" PRIx64
			 ": expected %d, got %d",
			 run->what, size, iova, want, ret);
}

/* Mostly at the edges of maps, as users do. */
static u64 some_edge(struct run *run)
{
	u64 i = rng_below(&run->rng, REF_PAGES);

	if (!rng_below(&run->rng, 3))
		return i;
	while (i && (!run->ref.owner[i] || !ref_is_first(&run->ref, i)))
		i--;
	return i;
}

static void do_unmap(struct run *run)
{
	u64 a = some_edge(run), b = some_edge(run), pinned = 0;
	u64 iova, size;
	s64 got, want;

	if (rng_below(&run->rng, 2))
		for (b = a; b < REF_PAGES - 1 && run->ref.owner[b + 1] &&
			    run->ref.owner[b + 1] == run->ref.owner[a];)
			b++;
	if (a > b) {
		u64 t = a;

		a = b;
		b = t;
	}
	iova = a * run->ref.page;
	size = (b + 1 - a) * run->ref.page;
	run->rig.vfio.counts.unpinned_bytes = 0;
	if (!rng_below(&run->rng, 10)) {
		got = vfio_unmap_all(&run->rig.vfio);
		want = ref_unmap_all(&run->ref, &pinned);
	} else {
		got = vfio_unmap(&run->rig.vfio, iova, size);
		want = ref_unmap(&run->ref, iova, size, &pinned);
	}
	expect_u64((u64)got, (u64)want,
		   "%s: unmap of 0x%" PRIx64 " at 0x%" PRIx64, run->what, size,
		   iova);
	expect_u64(run->rig.vfio.counts.unpinned_bytes, pinned, "%s: unpinned",
		   run->what);
}

/* Does it unmap a part of a block, even of a map that goes as a whole? */
static bool is_pagewise(const struct vfio_strategy *strategy)
{
	return !strcmp(strategy->name, "page") || strategy->wants_unfixed;
}

/* Of an engine that never had the fault, or one that is stuck with it. */
static bool is_left_out(const struct vfio_strategy *strategy,
			const struct pgtable_engine *engine)
{
	if (strategy->wants_unfixed && engine->is_fixed)
		return true;
	/* No leaf but a page can go page by page: see vfio_history. */
	return is_pagewise(strategy) &&
	       engine->params.policy == PGTABLE_NOSPLIT;
}

static void do_run(const struct vfio_strategy *strategy, size_t m,
		   enum vfio_abi abi, u64 seed)
{
	static struct run run;
	const struct rig_cfg rc = {
		.engine = machines[m].engine,
		.granule = machines[m].granule,
		.nr_domains = machines[m].nr_domains,
		.vfio = { .abi = abi,
			  .strategy = strategy,
			  .host_page = machines[m].host_page,
			  .lock_limit = (seed + m) % 2 ? 0 : 2500 },
	};

	memset(&run, 0, sizeof(run));
	snprintf(run.what, sizeof(run.what),
		 "%s over %s, granule %" PRIu64 "K, page %" PRIu64
		 "K, %zu domains, abi %d, IOPT_SEED=%" PRIu64,
		 strategy->name, rc.engine, rc.granule / 1024,
		 rc.vfio.host_page / 1024, rc.nr_domains, (int)abi, seed);
	run.ref.abi = abi;
	run.ref.page = rc.vfio.host_page;
	run.ref.lock_limit = rc.vfio.lock_limit;
	run.ref.nr_domains = rc.nr_domains;
	run.block = machines[m].block;
	run.unwinds = !is_pagewise(strategy) &&
		      strcmp(strategy->name, "unmap-remap") != 0;
	rng_init(&run.rng, seed);
	rig_create(&run.rig, &rc);
	for (int i = 0; i < NR_OPS; i++) {
		if (rng_below(&run.rng, 5) < 3)
			do_map(&run);
		else
			do_unmap(&run);
		check_state(&run);
	}
	vfio_unmap_all(&run.rig.vfio);
	rig_expect_no_leaf(&run.rig, run.what);
	expect_u64(run.rig.vfio.locked_pages, 0, "%s: locked", run.what);
	rig_fini(&run.rig);
}

static void test_random(void **unused)
{
	u64 seed = test_seed();

	(void)unused;
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		const struct pgtable_engine *engine =
			pgtable_engine_find(machines[m].engine);

		for (size_t s = 0; vfio_strategy_at(s); s++) {
			if (is_left_out(vfio_strategy_at(s), engine))
				continue;
			do_run(vfio_strategy_at(s), m,
			       (enum vfio_abi)((seed + m + s) % 3), seed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
