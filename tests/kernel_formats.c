// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a Linux tree has no model beside it: tables of Mali, of short
 * descriptors, out of a driver's own allocator; warnings; a module's memory.
 */
#include "test.h"

#include "kernel_pair.h"
#include "rng.h"
#include "sink.h"
#include "sizes.h"

#define EXIT_SKIPPED 77
#define PROT	     (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)
#define NR_SLOTS     64u

static struct kernel_set *kernels;

static const struct kmodule_cfg base_cfg = {
	.pgsizes = SZ_4K | SZ_2M | SZ_1G,
	.ias = 48,
	.oas = 40,
	.coherent_walk = true,
	.tlb = &inval_sink_ops,
};

static struct arena *make_arena(const struct kmodule *module)
{
	const struct arena_cfg cfg = { .size = 64 * SZ_1M,
				       .want_base_pages = true };
	struct arena *arena = NULL;
	struct iopt_err err = { "" };

	if (arena_create(&cfg, &arena, &err) ||
	    kernel_module_bind(module, arena, &err))
		fail_msg("kernel-%s: %s", module->label, err.msg);
	return arena;
}

static void end_arena(const struct kmodule *module, struct arena *arena)
{
	module->unbind();
	expect_u64(arena_destroy(arena), 0, "bytes left");
}

/* Slots of 2M, in each nothing, a page, or a block, against a list of them. */
static void shuffle_slots(const struct kmodule *module,
			  const struct kmodule_table *t, u64 seed)
{
	size_t size[NR_SLOTS] = { 0 };
	struct gather gather;
	struct rng rng;

	gather_init(&gather);
	rng_init(&rng, seed);
	for (unsigned int i = 0; i < 4000; i++) {
		u64 slot = rng_below(&rng, NR_SLOTS), iova = slot * SZ_2M;
		u64 want = size[slot] ? iova + SZ_1G + 42 : 0;
		size_t mapped = 0;

		if (t->iova_to_phys(t->ops, iova + 42) != want)
			fail_msg("kernel-%s seed %" PRIu64 ": slot %" PRIu64
				 " is at %#" PRIx64 ", expected %#" PRIx64,
				 module->label, seed, slot,
				 t->iova_to_phys(t->ops, iova + 42), want);
		if (size[slot]) {
			expect_u64(t->unmap_pages(t->ops, iova, size[slot], 1,
						  &gather),
				   size[slot], "unmapped");
			size[slot] = 0;
			continue;
		}
		size[slot] = rng_below(&rng, 2) ? SZ_4K : SZ_2M;
		expect_int(t->map_pages(t->ops, iova, iova + SZ_1G, size[slot],
					1, PROT, t->gfp, &mapped),
			   0, "map");
		expect_u64(mapped, size[slot], "mapped");
	}
}

static void test_mali(void **state)
{
	const struct kmodule *module;
	u64 seed = test_seed();

	(void)state;
	for (size_t i = 0; (module = kernel_set_module(kernels, i, false));
	     i++) {
		struct kmodule_cfg cfg = base_cfg;
		struct arena *arena = make_arena(module);
		struct kmodule_table t;

		cfg.fmt = KMODULE_MALI;
		expect_int(module->create(&cfg, &t), 0, module->label);
		expect_u64(t.start_level, 0, "start level");
		shuffle_slots(module, &t, seed);
		module->destroy(&t);
		end_arena(module, arena);
	}
}

/* Slots of 16M with leaves of each size, against a list of them. */
static void shuffle_short(struct pgtable *pgt, const char *name, u64 seed)
{
	static const size_t sizes[] = { SZ_4K, SZ_64K, SZ_1M, 16 * SZ_1M };
	size_t size[NR_SLOTS] = { 0 };
	struct gather gather;
	struct rng rng;

	gather_init(&gather);
	rng_init(&rng, seed);
	for (unsigned int i = 0; i < 4000; i++) {
		u64 slot = rng_below(&rng, NR_SLOTS), iova = slot << 24;
		struct pgtable_leaf leaf = { .size = 0 };
		size_t mapped = 0;

		if (pgt->ops.leaf_walk(pgt, iova, &leaf) ||
		    leaf.iova >> 24 != slot)
			leaf.size = 0;
		if (leaf.size != size[slot] ||
		    (size[slot] && leaf.paddr != (iova | 1ull << 31)))
			fail_msg("%s seed %" PRIu64 ": leaf of %#" PRIx64
				 " at %#" PRIx64 ", expected %#zx",
				 name, seed, leaf.size, leaf.paddr, size[slot]);
		expect_u64(pgt->ops.iova_to_phys(pgt, iova + 42),
			   size[slot] ? (iova | 1ull << 31) + 42 : 0, "%s",
			   name);
		if (size[slot]) {
			expect_u64(pgt->ops.unmap_pages(pgt, iova, size[slot],
							1, &gather),
				   size[slot], "%s", name);
			size[slot] = 0;
			continue;
		}
		size[slot] = sizes[rng_below(&rng, ARRAY_SIZE(sizes))];
		expect_int(pgt->ops.map_pages(pgt, iova, iova | 1ull << 31,
					      size[slot], 1, PROT, &mapped),
			   0, name);
		expect_u64(mapped, size[slot], "%s", name);
	}
}

static void short_on(const struct pgtable_engine *engine, u64 seed)
{
	const struct arena_cfg arena_cfg = { .size = 16 * SZ_1M,
					     .want_base_pages = true };
	struct pgtable_cfg cfg = { .params = engine->params,
				   .stage = 1,
				   .granule = SZ_4K,
				   .ias = 32,
				   .oas = 32,
				   .tlb = &inval_sink_ops };
	struct iopt_err err = { "" };
	struct pgtable *pgt = NULL;

	expect_int(arena_create(&arena_cfg, &cfg.arena, &err), 0, err.msg);
	for (int is_coherent = 0; is_coherent < 2; is_coherent++) {
		cfg.coherent_walk = is_coherent;
		expect_int(pgtable_create(engine, &cfg, &pgt, &err), 0,
			   err.msg);
		shuffle_short(pgt, engine->name, seed);
		pgt->ops.free(pgt);
	}
	cfg.ias = 40;
	expect_int(pgtable_create(engine, &cfg, &pgt, &err), -EINVAL,
		   engine->name);
	expect_text(err.msg, "there are only stage 1", engine->name);
	expect_u64(arena_destroy(cfg.arena), 0, "bytes left");
}

static void test_short(void **state)
{
	const struct pgtable_engine_set *set = kernel_set_engines(kernels);
	u64 seed = test_seed();

	(void)state;
	for (size_t i = 0; i < set->nr_more; i++)
		if (set->more[i]->format == PGTABLE_V7S)
			short_on(set->more[i], seed);
}

static void custom_on(const struct kmodule *module, bool is_coherent)
{
	struct kmodule_cfg cfg = base_cfg;
	struct arena *arena = make_arena(module);
	struct kmodule_table t;
	int ret;

	cfg.wants_custom_alloc = true;
	cfg.coherent_walk = is_coherent;
	cfg.oas = 48;
	ret = module->create(&cfg, &t);
	expect_int(ret, module->has_custom_alloc ? 0 : -EOPNOTSUPP,
		   module->label);
	if (!ret) {
		shuffle_slots(module, &t, 1);
		assert_true(arena_stats(arena).nr_allocs > 3);
		module->destroy(&t);
	}
	end_arena(module, arena);
}

static void test_custom_alloc(void **state)
{
	const struct kmodule *module;

	(void)state;
	for (size_t i = 0; (module = kernel_set_module(kernels, i, false));
	     i++) {
		custom_on(module, true);
		custom_on(module, false);
	}
}

/* Each hit counts, and the first text stays. */
static void test_warnings(void **state)
{
	const struct kmodule *module;

	(void)state;
	for (size_t i = 0; (module = kernel_set_module(kernels, i, false));
	     i++) {
		struct kmodule_cfg cfg = base_cfg;
		struct arena *arena = make_arena(module);
		u64 before = module->nr_warnings();
		struct kmodule_table t;
		char first[256];

		expect_int(module->create(&cfg, &t), 0, module->label);
		for (int k = 0; k < 3; k++)
			expect_u64(t.unmap_pages(t.ops, 1ull << 50, SZ_4K, 1,
						 NULL),
				   0, "unmapped");
		expect_u64(module->nr_warnings() - before, 3, "%s",
			   module->label);
		snprintf(first, sizeof(first), "%s", module->first_warning());
		expect_text(first, "io-pgtable-arm.c:", module->label);
		assert_true(t.unmap_pages(t.ops, 0, SZ_4K, 1, NULL) == 0);
		assert_string_equal(first, module->first_warning());
		module->destroy(&t);
		end_arena(module, arena);
	}
}

/* A module moves to another arena only without tables. */
static void test_memory(void **state)
{
	const struct kmodule *module;

	(void)state;
	for (size_t i = 0; (module = kernel_set_module(kernels, i, false));
	     i++) {
		struct arena *arena = make_arena(module);
		const struct arena_cfg cfg = { .size = 4 * SZ_1M,
					       .want_base_pages = true };
		struct arena *other = NULL;
		struct iopt_err err = { "" };
		struct kmodule_table t;

		expect_int(module->create(&base_cfg, &t), 0, module->label);
		expect_int(arena_create(&cfg, &other, &err), 0, "arena");
		expect_int(kernel_module_bind(module, other, &err), -EBUSY,
			   module->label);
		expect_text(err.msg, "has tables in another arena",
			    module->label);
		expect_int(kernel_module_bind(module, arena, &err), 0,
			   module->label);
		module->destroy(&t);
		expect_int(kernel_module_bind(module, other, &err), 0,
			   module->label);
		end_arena(module, other);
		expect_u64(arena_destroy(arena), 0, "bytes left");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mali),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_custom_alloc),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_memory),
	};
	int failed;

	kernels = pair_kernels();
	if (!kernels)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	kernel_set_destroy(kernels);
	return failed;
}
