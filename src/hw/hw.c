// SPDX-License-Identifier: GPL-2.0-only
/*
 * The translation hardware.
 *
 * Models, Does not model, Source: see hw.h.
 */
#include "hw.h"

#include "lg2.h"

int hw_init(struct hw *hw, const struct hw_cfg *cfg, struct iopt_err *err)
{
	struct hw h = { 0 };
	int ret = iotlb_init(&h.iotlb, &cfg->iotlb, err);

	if (ret)
		return ret;
	ret = walker_init(&h.walker, &cfg->walker, err);
	if (ret) {
		iotlb_fini(&h.iotlb);
		return ret;
	}
	*hw = h;
	return 0;
}

void hw_fini(struct hw *hw)
{
	iotlb_fini(&hw->iotlb);
	walker_fini(&hw->walker);
}

static void translate(struct hw *hw, const struct hw_context *context, u64 iova,
		      int prot, struct hw_result *res)
{
	const struct tcache_entry *entry =
		iotlb_lookup(&hw->iotlb, context->tag, iova);
	struct walk_result walk;
	int allowed;

	if (entry) {
		*res = (struct hw_result){
			.is_hit = true,
			.level = entry->span.level,
			.lg2_size = entry->span.lg2_size,
			.paddr = entry->paddr |
				 (iova & lg2_mask(entry->span.lg2_size)),
		};
		allowed = entry->prot;
	} else {
		walker_walk(&hw->walker, &context->table, context->tag, iova,
			    &walk);
		*res = (struct hw_result){
			.fault = walk.fault,
			.level = walk.level,
			.lg2_size = walk.lg2_size,
			.nr_reads = walk.nr_reads,
			.paddr = walk.paddr,
		};
		if (walk.fault)
			return;
		iotlb_fill(&hw->iotlb, context->tag, iova, &walk);
		allowed = walk.prot;
	}
	if (prot & ~allowed)
		res->fault = WALK_PERMISSION;
}

enum walk_fault hw_translate(struct hw *hw, const struct hw_context *context,
			     u64 iova, int prot, struct hw_result *res)
{
	translate(hw, context, iova, prot, res);
	hw->nr_translations++;
	hw->nr_faults += res->fault != WALK_OK;
	return res->fault;
}

u64 hw_invalidate(struct hw *hw, const struct hw_inval *inval)
{
	return iotlb_invalidate(&hw->iotlb, inval) +
	       walker_invalidate(&hw->walker, inval);
}
