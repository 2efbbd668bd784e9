// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shape of an LPAE table: levels, top table, leaf sizes.
 *
 * Models: the choice of start level, concatenation and leaf sizes.
 * Does not model: TCR, VTCR and MAIR values; FEAT_LPA2.
 * Source: drivers/iommu/io-pgtable-arm.c, arm_lpae_restrict_pgsizes(),
 *	arm_lpae_alloc_pgtable(), arm_64_lpae_alloc_pgtable_s2() (Linux 6.12),
 *	arm_lpae_concat_mandatory() (Linux 7.3); Arm ARM R_DXBSH, R_SRKBC.
 */
#include "lpae_fmt.h"
#include "sizes.h"

#include <errno.h>

#define MAX_CONCAT 16

static u64 leaf_sizes(size_t granule, unsigned int oas)
{
	switch (granule) {
	case SZ_4K:
		return SZ_4K | SZ_2M | SZ_1G;
	case SZ_16K:
		return SZ_16K | SZ_32M;
	case SZ_64K:
		return SZ_64K | SZ_512M | (oas > 48 ? SZ_4T : 0);
	default:
		return 0;
	}
}

static bool is_addr_bits(unsigned int bits, size_t granule)
{
	static const unsigned int allowed[] = { 32, 36, 40, 42, 44, 48 };

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (bits == allowed[i])
			return true;
	return bits == 52 && granule == SZ_64K;
}

static bool must_concat(const struct pgtable_cfg *cfg,
			const struct pgtable_geometry *geo)
{
	if (cfg->granule == SZ_16K && geo->start_level == 0)
		return cfg->ias == 48 || cfg->oas == 48;
	if (cfg->granule == SZ_4K && geo->start_level == 0)
		return cfg->oas == 40 || cfg->oas == 42;
	return cfg->granule == SZ_16K && geo->start_level == 1 &&
	       cfg->oas == 40;
}

static bool wants_concat(const struct pgtable_cfg *cfg,
			 const struct pgtable_geometry *geo)
{
	if (cfg->stage != 2)
		return false;
	if (cfg->params.concat == PGTABLE_CONCAT_NEW)
		return must_concat(cfg, geo);
	return geo->start_level == 0 && 1u << geo->top_bits <= MAX_CONCAT;
}

int lpae_geometry(const struct pgtable_cfg *cfg, struct pgtable_geometry *geo,
		  struct iopt_err *err)
{
	struct pgtable_geometry g = { 0 };
	unsigned int bits, levels;

	g.pgsizes = leaf_sizes(cfg->granule, cfg->oas);
	if (!g.pgsizes)
		return iopt_err_set(err, -EINVAL,
				    "granule %zu: not one of 4K, 16K, 64K",
				    cfg->granule);
	if (cfg->stage != 1 && cfg->stage != 2)
		return iopt_err_set(err, -EINVAL, "stage %u: not 1 or 2",
				    cfg->stage);
	if (!is_addr_bits(cfg->ias, cfg->granule) ||
	    !is_addr_bits(cfg->oas, cfg->granule) || cfg->ias > cfg->oas)
		return iopt_err_set(err, -EINVAL,
				    "ias %u, oas %u: want ias <= oas, each of "
				    "32 36 40 42 44 48, or 52 with 64K",
				    cfg->ias, cfg->oas);

	g.bits_per_level = lg2_floor(cfg->granule) - LPAE_LG2_DESC;
	bits = cfg->ias - lg2_floor(cfg->granule);
	levels = (unsigned int)div_round_up(bits, g.bits_per_level);
	g.start_level = LPAE_MAX_LEVELS - levels;
	g.top_bits = bits - g.bits_per_level * (levels - 1);
	if (wants_concat(cfg, &g)) {
		g.top_bits += g.bits_per_level;
		g.start_level++;
	}
	*geo = g;
	return 0;
}
