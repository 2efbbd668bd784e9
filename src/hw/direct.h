/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Invalidations straight into the hardware, with no queue between.
 *
 * Models: what arm-smmu-v3 makes of a gather, a table flush and a flush of the
 *	whole context: one range with TTL and Leaf (RIL), or one command a page,
 *	or the whole context above a threshold (Linux 7.x); what arm-smmu (v2)
 *	does at each page.
 * Does not model: the queue, batches, NUM and SCALE (a range is one piece), the
 *	order of several SMMUs, ATS.
 * Source: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:
 *	__arm_smmu_tlb_inv_range() of Linux 6.12, and of Linux 7.3
 *	arm_smmu_cmdq_batch_add_range(), arm_smmu_inv_size_too_big();
 *	drivers/iommu/arm/arm-smmu/arm-smmu.c.
 */
#ifndef IOPT_DIRECT_H
#define IOPT_DIRECT_H

#include "gather.h"
#include "hw.h"
#include "oracle.h"

/**
 * struct direct - The cookie of hw_direct_ops; the caller owns it.
 * @hw: hardware; not owned
 * @oracle: told of each invalidation; not owned, may be NULL. One watches a
 *	table, and a table needs its ops to be created: set it after that
 * @rule: how pages gather; @rule->immediate makes it an SMMUv2, and no level
 *	is named where @rule->widens
 * @tag: context of the table
 * @granule: smallest page in bytes
 * @has_ril: the SMMU has range invalidation
 * @has_threshold: without RIL large ranges become the whole context (7.x)
 */
struct direct {
	struct hw *hw;
	struct oracle *oracle;
	const struct gather_rule *rule;
	struct hw_tag tag;
	size_t granule;
	bool has_ril;
	bool has_threshold;
};

IOPT_BEGIN_DECLS

/* Cookie: struct direct. */
extern const struct inval_ops hw_direct_ops;

/**
 * direct_range() - Invalidate a range as the driver does.
 * @direct: cookie
 * @iova: start in bytes
 * @size: bytes, not 0
 * @pgsize: size of the leaves in it; the granule when they are not known
 * @is_leaf_only: no table went
 */
void direct_range(const struct direct *direct, u64 iova, u64 size,
		  size_t pgsize, bool is_leaf_only);

IOPT_END_DECLS

#endif
