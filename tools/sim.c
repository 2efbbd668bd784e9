// SPDX-License-Identifier: GPL-2.0-only
/* A machine for scenarios. */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lg2.h"

#define PA_BASE	       0x80000000ull
#define ARENA_SIZE     (1ull << 34)
#define DEFAULT_DRIVER "7.3"

#define PROT (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

static int create_arena(struct sim *sim, struct iopt_err *err)
{
	struct arena_cfg cfg = { .size = ARENA_SIZE,
				 .page_size = sim->cfg.granule,
				 .pa_base = PA_BASE };
	u64 limit = lg2_mask(sim->cfg.oas) - PA_BASE + 1;

	/* Tables must have an address that the output size can hold. */
	if (sim->cfg.oas >= 32 && limit < cfg.size)
		cfg.size = limit;
	return arena_create(&cfg, &sim->arena, err);
}

static int create_tlb(struct sim *sim, struct iopt_err *err)
{
	const struct tlbsim_cfg cfg = {
		.profile = sim->cfg.profile,
		.driver = sim->cfg.driver,
		.stage = sim->cfg.stage,
		.granule = sim->cfg.granule,
		.ril = sim->cfg.ril,
		.has_e2h = sim->cfg.has_e2h,
	};
	int ret = tlbsim_create(&cfg, &sim->tlb, err);

	if (!ret && sim->cfg.wants_log)
		tlbsim_log(sim->tlb, &sim->log);
	return ret;
}

static const struct pgtable_engine *
find_engine(const struct sim_cfg *cfg, const char *driver, struct iopt_err *err)
{
	const struct pgtable_engine *engine;
	char word[64];
	char all[160] = "";
	size_t len = 0;

	snprintf(word, sizeof(word), "lpae-%s", driver);
	engine = pgtable_set_find(cfg->engines,
				  cfg->engine ? cfg->engine : word);
	if (engine)
		return engine;
	for (size_t i = 0; pgtable_set_at(cfg->engines, i) && len < sizeof(all);
	     i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					i ? ", " : "",
					pgtable_set_at(cfg->engines, i)->name);
	iopt_err_set(err, -EINVAL, "engine %s: must be one of %s", cfg->engine,
		     all);
	return NULL;
}

static const struct vfio_strategy *find_strategy(const struct sim_cfg *cfg,
						 struct iopt_err *err)
{
	const struct vfio_strategy *strategy =
		vfio_strategy_find(cfg->strategy);
	char all[200] = "";
	size_t len = 0;

	if (strategy)
		return strategy;
	for (size_t i = 0; vfio_strategy_at(i) && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					i ? ", " : "",
					vfio_strategy_at(i)->name);
	iopt_err_set(err, -EINVAL, "strategy %s: must be one of %s",
		     cfg->strategy, all);
	return NULL;
}

/* The walk before commit 7c6d90e2bb1a is that of our own engine alone. */
static int set_walk(const struct sim *sim, const struct pgtable_engine *engine,
		    struct pgtable_params *params, struct iopt_err *err)
{
	if (!sim->strategy->wants_unfixed)
		return 0;
	if (strncmp(engine->name, "lpae-", 5) != 0)
		return iopt_err_set(err, -EINVAL,
				    "strategy %s: engine %s has no unfixed "
				    "walk, an lpae engine is wanted",
				    sim->strategy->name, engine->name);
	params->walk = PGTABLE_WALK_UNFIXED;
	return 0;
}

/* The engine, and whose rules its invalidations follow. */
static int choose_engine(struct sim *sim, struct iopt_err *err)
{
	struct sim_cfg *cfg = &sim->cfg;
	const char *driver = cfg->driver ? cfg->driver : DEFAULT_DRIVER;
	const struct smmu_rule *rule = smmu_rule_find(driver);

	if (!rule || rule->widens)
		return iopt_err_set(err, -EINVAL,
				    "driver %s: must be 6.1, 6.12 or 7.3",
				    driver);
	sim->engine = find_engine(cfg, driver, err);
	if (!sim->engine)
		return -EINVAL;
	if (sim->engine->is_fixed && cfg->driver)
		return iopt_err_set(err, -EINVAL,
				    "driver %s: engine %s has one of its own, "
				    "leave it out",
				    cfg->driver, sim->engine->name);
	cfg->driver = sim->engine->is_fixed ? sim->engine->rule : driver;
	return 0;
}

static int create_table(struct sim *sim, struct iopt_err *err)
{
	const struct pgtable_engine *engine = sim->engine;
	struct pgtable_cfg cfg = {
		.stage = sim->cfg.stage,
		.granule = sim->cfg.granule,
		.ias = sim->cfg.ias,
		.oas = sim->cfg.oas,
		.coherent_walk = true,
		.arena = sim->arena,
		.tlb = sim->tlb->ops,
		.cookie = sim->tlb->cookie,
	};
	int ret;

	cfg.params = engine->params;
	ret = set_walk(sim, engine, &cfg.params, err);
	if (ret)
		return ret;
	ret = -EOPNOTSUPP;
	if (!sim->cfg.is_timed)
		ret = pgtable_create_counted(engine, &cfg, &sim->pgt, err);
	sim->is_counted = !ret;
	if (ret == -EOPNOTSUPP)
		ret = pgtable_create(engine, &cfg, &sim->pgt, err);
	if (ret)
		return ret;
	iommu_domain_init(&sim->domain, sim->pgt, sim->tlb->rule);
	sim->domains[0] = &sim->domain;
	return 0;
}

static int create_containers(struct sim *sim, struct iopt_err *err)
{
	const struct smmu_rule *rule = smmu_rule_find(sim->cfg.driver);
	struct vfio_cfg cfg = {
		.abi = VFIO_TYPE1V2,
		.strategy = sim->strategy,
		.domains = sim->domains,
		.nr_domains = 1,
		.last_iova = lg2_mask(sim->cfg.ias),
		.wrap_errno = EINVAL,
	};
	int ret;

	/* Kernels with the threshold; the AMD driver is 6.12's. */
	if (rule->has_threshold && !rule->widens)
		cfg.wrap_errno = EOVERFLOW;
	ret = vfio_init(&sim->type1, &cfg, err);
	if (ret == -EOPNOTSUPP)
		return -EINVAL;
	if (ret)
		return ret;
	cfg.abi = VFIO_IOMMUFD;
	cfg.strategy = vfio_strategy_find("iommufd");
	return vfio_init(&sim->ioas, &cfg, err);
}

int sim_create(const struct sim_cfg *cfg, struct sim **out,
	       struct iopt_err *err)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	int ret;

	if (!sim)
		return iopt_err_set(err, -ENOMEM, "no memory for a machine");
	sim->cfg = *cfg;
	tlb_log_init(&sim->log);
	sim->strategy = find_strategy(cfg, err);
	ret = sim->strategy ? choose_engine(sim, err) : -EINVAL;
	if (!ret)
		ret = create_tlb(sim, err);
	if (!ret)
		ret = create_arena(sim, err);
	if (!ret)
		ret = create_table(sim, err);
	if (!ret)
		ret = create_containers(sim, err);
	if (ret) {
		sim_destroy(sim);
		return ret;
	}
	*out = sim;
	return 0;
}

void sim_destroy(struct sim *sim)
{
	if (!sim)
		return;
	vfio_fini(&sim->type1);
	vfio_fini(&sim->ioas);
	if (sim->pgt)
		sim->pgt->ops.free(sim->pgt);
	arena_destroy(sim->arena);
	tlbsim_destroy(sim->tlb);
	tlb_log_fini(&sim->log);
	free(sim);
}

static s64 map_memory(struct vfio *vfio, const struct scenario_op *op)
{
	const struct vfio_runs runs = { op->size, op->run, op->paddr };
	const struct vfio_memory memory = { .run = vfio_runs_run,
					    .arg = &runs };

	return vfio_map(vfio, op->iova, op->size, &memory);
}

static s64 do_op(struct sim *sim, const struct scenario_op *op)
{
	switch (op->kind) {
	case SCENARIO_VFIO_MAP:
		return map_memory(&sim->type1, op);
	case SCENARIO_VFIO_UNMAP:
		return vfio_unmap(&sim->type1, op->iova, op->size);
	case SCENARIO_IOMMUFD_MAP:
		return map_memory(&sim->ioas, op);
	case SCENARIO_IOMMUFD_UNMAP:
		return vfio_unmap(&sim->ioas, op->iova, op->size);
	case SCENARIO_IOMMU_MAP:
		return iommu_map(&sim->domain, op->iova, op->paddr, op->size,
				 PROT);
	default:
		return (s64)iommu_unmap(&sim->domain, op->iova, op->size);
	}
}

static u64 warnings(const struct sim *sim)
{
	return sim->pgt->nr_warnings + sim->type1.counts.nr_warnings +
	       sim->ioas.counts.nr_warnings;
}

static u64 nr_sent(const struct sim *sim)
{
	if (sim->tlb->smmu)
		return sim->tlb->smmu->prod;
	return sim->tlb->v2 ? sim->tlb->v2->nr_writes : 0;
}

static bool is_unmap(const struct scenario_op *op)
{
	return op->kind == SCENARIO_VFIO_UNMAP ||
	       op->kind == SCENARIO_IOMMUFD_UNMAP ||
	       op->kind == SCENARIO_IOMMU_UNMAP;
}

int sim_run(struct sim *sim, const struct scenario_op *op,
	    struct sim_result *result, struct iopt_err *err)
{
	const struct arena_stats before = arena_stats(sim->arena);
	struct sim_result r = { .has_pte_writes = sim->is_counted,
				.warnings = warnings(sim),
				.nr_sent = nr_sent(sim) };
	struct pte_count count = { 0 };
	struct arena_stats after;
	int ret;

	tlbsim_reset(sim->tlb);
	tlb_log_reset(&sim->log);
	arena_peak_reset(sim->arena);
	pte_count_start(&count, sim->arena);
	r.ret = do_op(sim, op);
	pte_count_stop();
	after = arena_stats(sim->arena);
	r.pte_writes = count.writes;
	r.tables_alloc = after.nr_allocs - before.nr_allocs;
	r.tables_freed = after.nr_frees - before.nr_frees;
	r.table_bytes_peak = after.peak_bytes;
	r.bytes_unmapped = is_unmap(op) && r.ret > 0 ? (u64)r.ret : 0;
	r.warnings = warnings(sim) - r.warnings;
	r.nr_sent = nr_sent(sim) - r.nr_sent;
	ret = cost_sim_ps(sim->cfg.profile, sim->tlb->counters, &r.sim_ps);
	if (ret)
		return iopt_err_set(
			err, ret,
			ret == -ERANGE ?
				"the simulated time is above 213 days" :
				"no memory to count commands");
	*result = r;
	return 0;
}
