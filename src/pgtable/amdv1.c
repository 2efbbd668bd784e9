// SPDX-License-Identifier: GPL-2.0-only
/*
 * The AMD v1 engine: creation and destruction of a table.
 *
 * Models: v1_alloc_pgtable(), v1_free_pgtable(), free_sub_pt(), free_pt_lvl():
 *	three levels at first, more as maps need them; page sizes as
 *	AMD_IOMMU_PGSIZES, as far as the input size holds them.
 * Does not model: more than 48 bits of input address, dirty tracking, the
 *	device table.
 * Source: drivers/iommu/amd/io_pgtable.c of Linux 6.12 (6.1 differs in the
 *	flush of a map that changes what was there, and has no sequence count).
 */
#include "amdv1_table.h"
#include "sizes.h"

#include <errno.h>
#include <stdlib.h>

void amdv1_free_below(const struct amdv1 *t, u64 *table, unsigned int mode,
		      struct arena_list *list)
{
	/* Tables of level 0 hold leaves only. */
	for (unsigned int i = 0; mode > 1 && i < AMDV1_NR_ENTRIES; i++) {
		u64 pte = table[i];

		if (!amdv1_is_present(pte) || amdv1_is_leaf(pte))
			continue;
		if (mode > 2)
			amdv1_free_below(t, amdv1_deref(t, pte), mode - 1,
					 list);
		else
			arena_list_add(t->pgt.cfg.arena, list,
				       amdv1_deref(t, pte));
	}
	arena_list_add(t->pgt.cfg.arena, list, table);
}

static void amdv1_free(struct pgtable *pgt)
{
	struct amdv1 *t = to_amdv1(pgt);
	struct arena_list list;

	arena_list_init(&list);
	amdv1_free_below(t, pgt->root, t->mode, &list);
	arena_list_free(pgt->cfg.arena, &list, AMDV1_PAGE);
	free(t);
}

static int check(const struct pgtable_cfg *cfg, struct iopt_err *err)
{
	char size[SIZE_TEXT_MAX];

	if (cfg->granule != AMDV1_PAGE)
		return iopt_err_set(err, -EINVAL,
				    "granule %s: amdv1 has 4K pages alone",
				    size_format(cfg->granule, size));
	if (cfg->stage != 1)
		return iopt_err_set(err, -EINVAL,
				    "stage %u: amdv1 has one stage, 1",
				    cfg->stage);
	if (cfg->ias != amdv1_shift(AMDV1_MIN_MODE) &&
	    cfg->ias != amdv1_shift(AMDV1_MAX_MODE))
		return iopt_err_set(err, -EINVAL,
				    "ias %u: of amdv1 it is 39 or 48",
				    cfg->ias);
	if (cfg->oas < cfg->ias || cfg->oas > AMDV1_OAS)
		return iopt_err_set(err, -EINVAL,
				    "oas %u: of amdv1 it is %u to %u", cfg->oas,
				    cfg->ias, AMDV1_OAS);
	if (!cfg->coherent_walk)
		return iopt_err_set(err, -EINVAL,
				    "a walker that does not snoop: amdv1's "
				    "always does");
	if (cfg->params.walk == PGTABLE_WALK_UNFIXED)
		return iopt_err_set(err, -EINVAL,
				    "walk unfixed: amdv1's iova_to_phys never "
				    "had that fault");
	return 0;
}

static void amdv1_init(struct amdv1 *t, const struct pgtable_cfg *cfg)
{
	t->pgt.cfg = *cfg;
	t->pgt.ops = (struct pgtable_ops){
		.map_pages = amdv1_map_pages,
		.unmap_pages = amdv1_unmap_pages,
		.iova_to_phys = amdv1_iova_to_phys,
		.leaf_walk = amdv1_leaf_walk,
		.free = amdv1_free,
	};
	t->pgt.geo = (struct pgtable_geometry){
		.format = PGTABLE_AMDV1,
		.bits_per_level = AMDV1_LG2_TABLE,
		.start_level = AMDV1_MAX_MODE - AMDV1_MIN_MODE,
		.top_bits = AMDV1_LG2_TABLE,
		.pgsizes =
			lg2_mask(cfg->ias) & ~(AMDV1_PAGE - 1) & ~AMDV1_NO_512G,
	};
	t->pa_offset = arena_pa_offset(cfg->arena);
	t->mode = AMDV1_MIN_MODE;
	t->max_mode = (cfg->ias - AMDV1_LG2_PAGE) / AMDV1_LG2_TABLE;
}

int amdv1_create(const struct pgtable_engine *engine,
		 const struct pgtable_cfg *cfg, struct pgtable **out,
		 struct iopt_err *err)
{
	struct amdv1 *t;
	int ret = check(cfg, err);

	(void)engine;
	if (ret)
		return ret;
	t = calloc(1, sizeof(*t));
	if (!t)
		return iopt_err_set(err, -ENOMEM, "no memory for a table");
	amdv1_init(t, cfg);
	t->pgt.root = (u64 *)arena_alloc(cfg->arena, AMDV1_PAGE);
	if (!t->pgt.root) {
		free(t);
		return iopt_err_set(err, -ENOMEM,
				    "the arena has no 4K for a top table");
	}
	*out = &t->pgt;
	return 0;
}
