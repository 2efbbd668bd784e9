/* SPDX-License-Identifier: GPL-2.0-only */
/* A container over one or two engines, for the tests of src/vfio. */
#ifndef IOPT_VFIO_RIG_H
#define IOPT_VFIO_RIG_H

#include "test.h"

#include "recorder.h"
#include "sizes.h"
#include "vfio.h"

#define RIG_MAX_DOMAINS 2

/**
 * struct rig - The container and what is under it.
 * @arena: one for each domain, so that one alone can run out of memory
 * @rec: what each domain invalidates
 * @pgt: engines
 * @domain: domains
 * @domains: their addresses
 * @vfio: the container
 */
struct rig {
	struct arena *arena[RIG_MAX_DOMAINS];
	struct recorder rec[RIG_MAX_DOMAINS];
	struct pgtable *pgt[RIG_MAX_DOMAINS];
	struct iommu_domain domain[RIG_MAX_DOMAINS];
	struct iommu_domain *domains[RIG_MAX_DOMAINS];
	struct vfio vfio;
};

static inline void rig_add_domain(struct rig *rig, size_t i, const char *engine)
{
	const struct pgtable_engine *e = pgtable_engine_find(engine);
	struct arena_cfg arena = { .size = SZ_512M };
	struct pgtable_cfg cfg = { .stage = 1,
				   .granule = SZ_4K,
				   .ias = 40,
				   .oas = 48,
				   .coherent_walk = true };

	assert_non_null(e);
	assert_int_equal(arena_create(&arena, &rig->arena[i], NULL), 0);
	recorder_init(&rig->rec[i], gather_rule_find(e->rule), true);
	cfg.params = e->params;
	cfg.arena = rig->arena[i];
	cfg.tlb = &inval_recorder_ops;
	cfg.cookie = &rig->rec[i];
	assert_int_equal(pgtable_create(e, &cfg, &rig->pgt[i], NULL), 0);
	iommu_domain_init(&rig->domain[i], rig->pgt[i],
			  gather_rule_find(e->rule));
	rig->domains[i] = &rig->domain[i];
}

/**
 * rig_init() - Build a container.
 * @rig: caller's
 * @engine: word of the engine of every domain
 * @nr_domains: 1 or 2
 * @cfg: domains and aperture are filled in here
 */
static inline void rig_init(struct rig *rig, const char *engine,
			    size_t nr_domains, struct vfio_cfg cfg)
{
	struct iopt_err err;

	memset(rig, 0, sizeof(*rig));
	for (size_t i = 0; i < nr_domains; i++)
		rig_add_domain(rig, i, engine);
	cfg.domains = rig->domains;
	cfg.nr_domains = nr_domains;
	cfg.last_iova = (1ull << 40) - 1;
	if (!cfg.strategy)
		cfg.strategy = vfio_strategy_find(
			cfg.abi == VFIO_IOMMUFD ? "iommufd" : "chunked-fast");
	if (vfio_init(&rig->vfio, &cfg, &err))
		fail_msg("%s", err.msg);
}

/**
 * rig_fini() - Free all.
 * @rig: rig
 */
static inline void rig_fini(struct rig *rig)
{
	vfio_fini(&rig->vfio);
	for (size_t i = 0; i < RIG_MAX_DOMAINS; i++) {
		if (!rig->pgt[i])
			continue;
		rig->pgt[i]->ops.free(rig->pgt[i]);
		expect_u64(arena_destroy(rig->arena[i]), 0, "leak in %zu", i);
		recorder_fini(&rig->rec[i]);
	}
}

/**
 * rig_map() - Map equal runs.
 * @rig: rig
 * @iova: in bytes
 * @size: in bytes
 * @run: length of a run in bytes
 * @base: physical address of the last run
 */
static inline int rig_map(struct rig *rig, u64 iova, u64 size, u64 run,
			  u64 base)
{
	const struct vfio_runs runs = { size, run, base };
	const struct vfio_memory memory = { .run = vfio_runs_run,
					    .arg = &runs };

	return vfio_map(&rig->vfio, iova, size, &memory);
}

/**
 * rig_expect_empty() - Is nothing translated, in any domain?
 * @rig: rig
 * @iova: start in bytes
 * @size: in bytes
 * @what: names the case
 */
static inline void rig_expect_empty(struct rig *rig, u64 iova, u64 size,
				    const char *what)
{
	for (size_t i = 0; i < RIG_MAX_DOMAINS; i++)
		for (u64 at = iova; rig->pgt[i] && at < iova + size;
		     at += SZ_4K)
			expect_u64(iommu_iova_to_phys(&rig->domain[i], at), 0,
				   "%s: domain %zu at 0x%" PRIx64, what, i, at);
}

#endif
