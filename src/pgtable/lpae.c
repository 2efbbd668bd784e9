// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LPAE engine: creation and destruction of a table.
 *
 * Models: arm_64_lpae_alloc_pgtable_s1(), arm_64_lpae_alloc_pgtable_s2(),
 *	arm_lpae_free_pgtable().
 * Does not model: TCR, VTCR, MAIR and TTBR values, which nothing here reads.
 * Source: drivers/iommu/io-pgtable-arm.c of Linux 6.1, 6.12 and 7.3.
 */
#include "lpae_table.h"
#include "sizes.h"

#include <errno.h>
#include <stdlib.h>

static void lpae_free(struct pgtable *pgt)
{
	lpae_free_tables(to_lpae(pgt), pgt->root, pgt->geo.start_level);
	free(pgt);
}

static struct pgtable_ops lpae_ops(const struct pgtable_params *params)
{
	struct pgtable_ops ops = {
		.map_pages = params->clear == PGTABLE_CLEAR_EACH ?
				     lpae_map_pages_each :
				     lpae_map_pages_run,
		.unmap_pages = lpae_unmap_pages[params->policy][params->clear],
		.iova_to_phys = lpae_iova_to_phys_loop,
		.leaf_walk = lpae_leaf_walk,
		.free = lpae_free,
	};

	if (params->walk == PGTABLE_WALK_VISITOR)
		ops.iova_to_phys = lpae_iova_to_phys_visitor;
	else if (params->walk == PGTABLE_WALK_UNFIXED)
		ops.iova_to_phys = lpae_iova_to_phys_unfixed;
	return ops;
}

int lpae_create(const struct pgtable_engine *engine,
		const struct pgtable_cfg *cfg, struct pgtable **out,
		struct iopt_err *err)
{
	char size[SIZE_TEXT_MAX];
	struct lpae *lpae;
	int ret;

	(void)engine;
	lpae = calloc(1, sizeof(*lpae));
	if (!lpae)
		return iopt_err_set(err, -ENOMEM, "no memory for a table");
	lpae->pgt.cfg = *cfg;
	lpae->fmt = cfg->stage == 1 ? LPAE_FMT_S1 : LPAE_FMT_S2;
	lpae->pa_offset = arena_pa_offset(cfg->arena);
	ret = lpae_geometry(cfg, &lpae->pgt.geo, err);
	if (ret)
		goto err_free;
	lpae->pgt.ops = lpae_ops(&cfg->params);
	lpae->pgt.root = lpae_table_alloc(lpae, lpae_top_bytes(&lpae->pgt.geo));
	if (!lpae->pgt.root) {
		size_format(lpae_top_bytes(&lpae->pgt.geo), size);
		ret = iopt_err_set(err, -ENOMEM,
				   "the arena has no %s for a top table", size);
		goto err_free;
	}
	/* The empty top table is visible before anything may use it. */
	wmb();
	*out = &lpae->pgt;
	return 0;

err_free:
	free(lpae);
	return ret;
}
