// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that a Linux tree's own code makes and changes.
 *
 * Models: see kernel.h.
 * Does not model: the flush_all of free_io_pgtable_ops(), which is a domain's
 *	end: as in all engines, free() reports nothing.
 * Source: drivers/iommu/io-pgtable.c.
 */
#include "kernel_engine.h"

#include <errno.h>
#include <stdlib.h>

#include "barrier.h"
#include "kernel_table.h"
#include "lpae_table.h"
#include "pte_count.h"
#include "sizes.h"

/**
 * struct kernel_table - A table of a kernel.
 * @lpae: as our own engine sees it, which walks it where no kernel would
 * @kt: the kernel's functions and what they work on
 * @module: whose table it is
 */
struct kernel_table {
	struct lpae lpae;
	struct kmodule_table kt;
	const struct kmodule *module;
};

/* The table whose code runs: a warning has no argument that tells. */
static _Thread_local struct pgtable *current;

static inline struct kernel_table *to_kernel(struct pgtable *pgt)
{
	return (struct kernel_table *)pgt;
}

static int kernel_map_pages(struct pgtable *pgt, u64 iova, u64 paddr,
			    size_t pgsize, size_t pgcount, int prot,
			    size_t *mapped)
{
	const struct kmodule_table *kt = &to_kernel(pgt)->kt;

	current = pgt;
	return kt->map_pages(kt->ops, iova, paddr, pgsize, pgcount, prot,
			     kt->gfp, mapped);
}

static size_t kernel_unmap_pages(struct pgtable *pgt, u64 iova, size_t pgsize,
				 size_t pgcount, struct gather *gather)
{
	const struct kmodule_table *kt = &to_kernel(pgt)->kt;

	current = pgt;
	return kt->unmap_pages(kt->ops, iova, pgsize, pgcount, gather);
}

static u64 kernel_iova_to_phys(struct pgtable *pgt, u64 iova)
{
	const struct kmodule_table *kt = &to_kernel(pgt)->kt;

	current = pgt;
	return kt->iova_to_phys(kt->ops, iova);
}

static void kernel_free(struct pgtable *pgt)
{
	struct kernel_table *t = to_kernel(pgt);

	current = pgt;
	t->module->destroy(&t->kt);
	current = NULL;
	free(t);
}

static void *host_alloc(void *ctx, size_t size)
{
	return arena_alloc(ctx, size);
}

static void host_free(void *ctx, void *p, size_t size)
{
	arena_free(ctx, p, size);
}

static void host_warn(const char *file, int line, const char *text)
{
	(void)file;
	(void)line;
	(void)text;
	if (current)
		__atomic_fetch_add(&current->nr_warnings, 1, __ATOMIC_RELAXED);
}

int kernel_module_bind(const struct kmodule *module, struct arena *arena,
		       struct iopt_err *err)
{
	const struct kmodule_host host = {
		.alloc = host_alloc,
		.free = host_free,
		.clean = cache_clean,
		.warn = host_warn,
		.wrote = pte_count_write,
		.has_read = pte_count_read,
	};
	const struct kmodule_mem mem = {
		.base = arena_base(arena),
		.size = arena_size(arena),
		.pa_offset = arena_pa_offset(arena),
		.ctx = arena,
	};
	int ret = module->bind(&host, &mem);

	if (ret == -EBUSY)
		return iopt_err_set(err, ret,
				    "kernel-%s: has tables in another arena",
				    module->label);
	if (ret)
		return iopt_err_set(err, ret,
				    "kernel-%s: no memory for an array of "
				    "pages",
				    module->label);
	return 0;
}

/* What a driver asks for: each leaf size that its hardware has. */
static u64 wanted_pgsizes(const struct pgtable_cfg *cfg)
{
	switch (cfg->granule) {
	case SZ_4K:
		return SZ_4K | SZ_2M | SZ_1G;
	case SZ_16K:
		return SZ_16K | SZ_32M;
	default:
		return SZ_64K | SZ_512M | (cfg->oas > 48 ? SZ_4T : 0);
	}
}

static void table_init(struct kernel_table *t, const struct pgtable_cfg *cfg,
		       const struct kernel_table_cfg *table)
{
	struct pgtable *pgt = &t->lpae.pgt;

	pgt->ops = (struct pgtable_ops){
		.map_pages = kernel_map_pages,
		.unmap_pages = kernel_unmap_pages,
		.iova_to_phys = kernel_iova_to_phys,
		.leaf_walk = table->leaf_walk,
		.free = kernel_free,
	};
	pgt->cfg = *cfg;
	pgt->geo = (struct pgtable_geometry){
		.format = table->format,
		.bits_per_level = t->kt.bits_per_level,
		.start_level = t->kt.start_level,
		.top_bits = t->kt.top_bits,
		.pgsizes = t->kt.pgsizes,
	};
	pgt->root = t->kt.root;
	t->lpae.fmt = cfg->stage == 1 ? LPAE_FMT_S1 : LPAE_FMT_S2;
	t->lpae.pa_offset = arena_pa_offset(cfg->arena);
}

int kernel_table_create(const struct kmodule *module,
			const struct pgtable_cfg *cfg,
			const struct kernel_table_cfg *table,
			struct pgtable **out, struct iopt_err *err)
{
	const struct kmodule_cfg kcfg = {
		.fmt = table->fmt,
		.pgsizes = table->pgsizes,
		.ias = cfg->ias,
		.oas = cfg->oas,
		.coherent_walk = cfg->coherent_walk,
		.tlb = cfg->tlb,
		.cookie = cfg->cookie,
	};
	struct kernel_table *t;
	int ret = kernel_module_bind(module, cfg->arena, err);

	if (ret)
		return ret;
	t = calloc(1, sizeof(*t));
	if (!t)
		return iopt_err_set(err, -ENOMEM, "no memory for a table");
	t->module = module;
	ret = module->create(&kcfg, &t->kt);
	if (ret) {
		free(t);
		return iopt_err_set(err, ret,
				    "kernel-%s: makes no table of stage %u, "
				    "granule %zu, ias %u, oas %u, or has no "
				    "memory for it",
				    module->label, cfg->stage, cfg->granule,
				    cfg->ias, cfg->oas);
	}
	table_init(t, cfg, table);
	*out = &t->lpae.pgt;
	return 0;
}

static int create_lpae(const struct kmodule *module,
		       const struct pgtable_cfg *cfg, struct pgtable **out,
		       struct iopt_err *err)
{
	const struct kernel_table_cfg table = {
		.fmt = cfg->stage == 1 ? KMODULE_S1 : KMODULE_S2,
		.pgsizes = wanted_pgsizes(cfg),
		.format = PGTABLE_LPAE,
		.leaf_walk = lpae_leaf_walk,
	};
	struct pgtable_geometry geo;
	int ret = lpae_geometry(cfg, &geo, err);

	return ret ? ret : kernel_table_create(module, cfg, &table, out, err);
}

static int create_in(const struct kernel_engine *e,
		     const struct kmodule *module,
		     const struct pgtable_cfg *cfg, struct pgtable **out,
		     struct iopt_err *err)
{
	return (e->is_v7s ? kernel_v7s_create : create_lpae)(module, cfg, out,
							     err);
}

static int create_timed(const struct pgtable_engine *engine,
			const struct pgtable_cfg *cfg, struct pgtable **out,
			struct iopt_err *err)
{
	const struct kernel_engine *e = (const struct kernel_engine *)engine;

	return create_in(e, e->timed, cfg, out, err);
}

static int create_counted(const struct pgtable_engine *engine,
			  const struct pgtable_cfg *cfg, struct pgtable **out,
			  struct iopt_err *err)
{
	const struct kernel_engine *e = (const struct kernel_engine *)engine;

	return create_in(e, e->counted, cfg, out, err);
}

int kernel_engine_init(struct kernel_engine *e, struct iopt_err *err)
{
	e->engine = (struct pgtable_engine){
		.name = e->name,
		.rule = e->timed->rule,
		.format = e->is_v7s ? PGTABLE_V7S : PGTABLE_LPAE,
		.create = create_timed,
		.create_counted = e->counted ? create_counted : NULL,
	};
	return kernel_probe(e, &e->engine.params, &e->engine.partial_fault,
			    err);
}
