/* SPDX-License-Identifier: GPL-2.0-only */
/* A container over one or more engines, for the tests of src/vfio. */
#ifndef IOPT_VFIO_RIG_H
#define IOPT_VFIO_RIG_H

#include "test.h"

#include "pte_count.h"
#include "recorder.h"
#include "sizes.h"
#include "vfio.h"

#define RIG_MAX_DOMAINS 3

/**
 * struct rig_cfg - How to build a rig.
 * @engine: word of the engine of every domain
 * @nr_domains: 0 to RIG_MAX_DOMAINS
 * @granule: in bytes; 0 means 4K
 * @rule: gather rule, NULL for the engine's own
 * @is_counted: count what the tables' entries cost (first domain)
 * @vfio: domains, aperture and a missing strategy are filled in
 */
struct rig_cfg {
	const char *engine;
	size_t nr_domains;
	u64 granule;
	const char *rule;
	bool is_counted;
	struct vfio_cfg vfio;
};

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

/* AMD v1 has other input sizes. */
static inline unsigned int rig_ias(const char *engine)
{
	return strcmp(engine, "amdv1") ? 40 : 39;
}

static inline void rig_add_domain(struct rig *rig, size_t i,
				  const struct rig_cfg *rc)
{
	const struct pgtable_engine *e = pgtable_engine_find(rc->engine);
	struct arena_cfg arena = { .size = SZ_1G, .page_size = rc->granule };
	struct pgtable_cfg cfg = { .stage = 1,
				   .granule = rc->granule,
				   .ias = rig_ias(rc->engine),
				   .oas = 48,
				   .coherent_walk = true };
	const struct gather_rule *rule;
	int ret = -EOPNOTSUPP;

	assert_non_null(e);
	assert_int_equal(arena_create(&arena, &rig->arena[i], NULL), 0);
	rule = gather_rule_find(rc->rule ? rc->rule : e->rule);
	assert_non_null(rule);
	recorder_init(&rig->rec[i], rule, true);
	cfg.params = e->params;
	if (rc->vfio.strategy->wants_unfixed)
		cfg.params.walk = PGTABLE_WALK_UNFIXED;
	cfg.arena = rig->arena[i];
	cfg.tlb = &inval_recorder_ops;
	cfg.cookie = &rig->rec[i];
	if (rc->is_counted)
		ret = pgtable_create_counted(e, &cfg, &rig->pgt[i], NULL);
	/* Not under ThreadSanitizer: the counts stay 0. */
	if (ret == -EOPNOTSUPP)
		ret = pgtable_create(e, &cfg, &rig->pgt[i], NULL);
	assert_int_equal(ret, 0);
	iommu_domain_init(&rig->domain[i], rig->pgt[i], rule);
	rig->domains[i] = &rig->domain[i];
}

/**
 * rig_create() - Build a container.
 * @rig: caller's
 * @cfg: how
 */
static inline void rig_create(struct rig *rig, const struct rig_cfg *cfg)
{
	struct rig_cfg rc = *cfg;
	struct iopt_err err;

	memset(rig, 0, sizeof(*rig));
	if (!rc.granule)
		rc.granule = SZ_4K;
	if (!rc.vfio.strategy)
		rc.vfio.strategy = vfio_strategy_find(
			rc.vfio.abi == VFIO_IOMMUFD ? "iommufd" :
						      "chunked-fast");
	for (size_t i = 0; i < rc.nr_domains; i++)
		rig_add_domain(rig, i, &rc);
	rc.vfio.domains = rig->domains;
	rc.vfio.nr_domains = rc.nr_domains;
	rc.vfio.last_iova = (1ull << rig_ias(rc.engine)) - 1;
	if (vfio_init(&rig->vfio, &rc.vfio, &err))
		fail_msg("%s", err.msg);
}

/**
 * rig_init() - Build a container over 4K granules.
 * @rig: caller's
 * @engine: word of the engine of every domain
 * @nr_domains: 1 to RIG_MAX_DOMAINS
 * @cfg: as vfio of struct rig_cfg
 */
static inline void rig_init(struct rig *rig, const char *engine,
			    size_t nr_domains, struct vfio_cfg cfg)
{
	const struct rig_cfg rc = { .engine = engine,
				    .nr_domains = nr_domains,
				    .vfio = cfg };

	rig_create(rig, &rc);
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

/**
 * rig_expect_no_leaf() - Has no domain a leaf anywhere?
 * @rig: rig
 * @what: names the case
 */
static inline void rig_expect_no_leaf(struct rig *rig, const char *what)
{
	struct pgtable_leaf leaf;

	for (size_t i = 0; i < RIG_MAX_DOMAINS && rig->pgt[i]; i++)
		if (!iommu_leaf_walk(&rig->domain[i], 0, &leaf))
			fail_msg("%s: domain %zu has a leaf of 0x%" PRIx64
				 " bytes at 0x%" PRIx64,
				 what, i, leaf.size, leaf.iova);
}

#endif
