// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tree does where kernels differ, found by asking it.
 *
 * A version number would be wrong for every branch that carries a patch.
 */
#include "kernel_engine.h"

#include <errno.h>

#include "sizes.h"

#define ARENA_BYTES (32 * SZ_1M)
#define PROT	    (IOMMU_READ | IOMMU_WRITE)

/**
 * struct probe - A table that is asked.
 * @engine: whose table
 * @arena: where it lies
 * @pgt: table
 * @nr_pages: leaves that it reported
 */
struct probe {
	const struct pgtable_engine *engine;
	struct arena *arena;
	struct pgtable *pgt;
	u64 nr_pages;
};

static void probe_all(void *cookie)
{
	(void)cookie;
}

static void probe_walk(u64 iova, size_t size, size_t granule, void *cookie)
{
	(void)iova;
	(void)size;
	(void)granule;
	(void)cookie;
}

static void probe_page(struct gather *gather, u64 iova, size_t granule,
		       void *cookie)
{
	struct probe *p = cookie;

	(void)gather;
	(void)iova;
	(void)granule;
	p->nr_pages++;
}

static void probe_sync(struct gather *gather, void *cookie)
{
	(void)gather;
	(void)cookie;
}

static const struct inval_ops probe_ops = {
	.flush_all = probe_all,
	.flush_walk = probe_walk,
	.add_page = probe_page,
	.sync = probe_sync,
};

static int probe_create(struct probe *p, unsigned int stage, unsigned int ias,
			unsigned int oas, struct iopt_err *err)
{
	const struct pgtable_cfg cfg = {
		.stage = stage,
		.granule = SZ_4K,
		.ias = ias,
		.oas = oas,
		.coherent_walk = true,
		.arena = p->arena,
		.tlb = &probe_ops,
		.cookie = p,
	};

	return pgtable_create(p->engine, &cfg, &p->pgt, err);
}

static void probe_free(struct probe *p)
{
	p->pgt->ops.free(p->pgt);
}

static int probe_map(struct probe *p, u64 iova, size_t pgsize)
{
	size_t mapped = 0;

	return p->pgt->ops.map_pages(p->pgt, iova, iova, pgsize, 1, PROT,
				     &mapped);
}

static size_t probe_unmap(struct probe *p, u64 iova, size_t pgsize)
{
	struct gather gather;

	gather_init(&gather);
	p->nr_pages = 0;
	return p->pgt->ops.unmap_pages(p->pgt, iova, pgsize, 1, &gather);
}

/* A page out of a block: what comes back is the policy. */
static int probe_policy(struct probe *p, u64 iova, u64 block,
			struct pgtable_params *params)
{
	u64 middle = iova + block / 2 + 1, unmapped;

	if (probe_map(p, iova, block))
		return -EINVAL;
	params->walk = PGTABLE_WALK_LOOP;
	if (p->pgt->ops.iova_to_phys(p->pgt, middle) != middle)
		params->walk = PGTABLE_WALK_UNFIXED;
	unmapped = probe_unmap(p, iova, SZ_4K);
	if (!unmapped)
		params->policy = PGTABLE_NOSPLIT;
	else if (unmapped == SZ_4K)
		params->policy = PGTABLE_SPLIT;
	else if (unmapped == block)
		params->policy = PGTABLE_WHOLE;
	else
		return -EINVAL;
	return 0;
}

/* An empty table in the place of a block: reported as a leaf or not. */
static int probe_clear(struct probe *p, struct pgtable_params *params)
{
	if (probe_map(p, SZ_1G, SZ_4K) || probe_unmap(p, SZ_1G, SZ_4K) != SZ_4K)
		return -EINVAL;
	if (probe_unmap(p, SZ_1G, SZ_2M) != SZ_2M)
		return -EINVAL;
	params->clear = p->nr_pages ? PGTABLE_CLEAR_RUN : PGTABLE_CLEAR_EACH;
	return 0;
}

static int unknown(const struct probe *p, int ret, struct iopt_err *err)
{
	return iopt_err_set(err, ret,
			    "%s: maps and unmaps as no kernel does that is "
			    "known",
			    p->engine->name);
}

/*
 * Of short descriptors only the policy is of interest; and kernels up to 6.12
 * forget where a section was mapped to when they split it.
 */
static int probe_short(struct probe *p, struct pgtable_params *params,
		       const char **fault, struct iopt_err *err)
{
	const u64 iova = 3 * SZ_1M, rest = iova + SZ_4K;
	int ret = probe_create(p, 1, 32, 32, err);

	if (ret)
		return ret;
	ret = probe_policy(p, iova, SZ_1M, params);
	if (!ret && params->policy == PGTABLE_SPLIT &&
	    p->pgt->ops.iova_to_phys(p->pgt, rest) != rest)
		*fault = "this kernel's split of a section maps the rest of it "
			 "to address 0";
	probe_free(p);
	return ret ? unknown(p, ret, err) : 0;
}

static int probe_table(struct probe *p, struct pgtable_params *params,
		       struct iopt_err *err)
{
	int ret = probe_create(p, 1, 48, 48, err);

	if (ret)
		return ret;
	ret = probe_policy(p, 0, SZ_2M, params);
	if (!ret)
		ret = probe_clear(p, params);
	probe_free(p);
	if (ret)
		return unknown(p, ret, err);
	ret = probe_create(p, 2, 40, 48, err);
	if (ret)
		return ret;
	params->concat = p->pgt->geo.start_level ? PGTABLE_CONCAT_OLD :
						   PGTABLE_CONCAT_NEW;
	probe_free(p);
	return 0;
}

int kernel_probe(const struct kernel_engine *e, struct pgtable_params *params,
		 const char **partial_fault, struct iopt_err *err)
{
	const struct arena_cfg cfg = { .size = ARENA_BYTES,
				       .want_base_pages = true };
	struct probe p = { .engine = &e->engine };
	int ret = arena_create(&cfg, &p.arena, err);

	if (ret)
		return ret;
	ret = e->is_v7s ? probe_short(&p, params, partial_fault, err) :
			  probe_table(&p, params, err);
	e->timed->unbind();
	arena_destroy(p.arena);
	return ret;
}
