// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidations straight into the hardware.
 *
 * Models, Does not model, Source: see direct.h.
 */
#include "direct.h"

#include "lg2.h"

static void issue(const struct direct *direct, const struct hw_inval *inval)
{
	if (direct->oracle)
		oracle_invalidate(direct->oracle, inval);
	hw_invalidate(direct->hw, inval);
}

static void issue_context(const struct direct *direct)
{
	struct hw_inval inval = {
		.kind = direct->tag.stage == 1 ? HW_INVAL_ASID : HW_INVAL_VMID,
		.tag = direct->tag,
	};

	issue(direct, &inval);
}

/* Level of a leaf: each level has lg2(granule) - 3 bits. 0: any. */
static u8 ttl_of(const struct direct *direct, size_t pgsize)
{
	unsigned int bits = lg2_floor(direct->granule) - 3;

	if (direct->rule->widens)
		return 0;
	return (u8)(4 - (lg2_floor(pgsize) - 3) / bits);
}

static void issue_ril(const struct direct *direct, struct hw_inval *inval,
		      u64 size, size_t pgsize)
{
	u64 nr_pages = size / direct->granule;

	if (inval->is_leaf_only)
		inval->ttl = ttl_of(direct, pgsize);
	/* With no level named a range is never one page. */
	if (!inval->ttl && (nr_pages & 31) == 1)
		nr_pages++;
	inval->size = nr_pages * direct->granule;
	issue(direct, inval);
}

static void issue_steps(const struct direct *direct, struct hw_inval *inval,
			u64 size, size_t pgsize)
{
	u64 end = inval->iova + size;

	/* Each smallest page is named, so this reaches what the range does. */
	if (pgsize == direct->granule) {
		inval->size = size;
		issue(direct, inval);
		return;
	}
	for (; inval->iova < end; inval->iova += pgsize)
		issue(direct, inval);
}

static bool is_too_big(const struct direct *direct, u64 size, size_t pgsize)
{
	return direct->has_threshold && !direct->has_ril &&
	       size >= (u64)pgsize << (lg2_floor(pgsize) - 3);
}

void direct_range(const struct direct *direct, u64 iova, u64 size,
		  size_t pgsize, bool is_leaf_only)
{
	struct hw_inval inval = {
		.kind = HW_INVAL_VA,
		.tag = direct->tag,
		.is_leaf_only = is_leaf_only,
		.iova = iova,
	};

	if (is_too_big(direct, size, pgsize))
		issue_context(direct);
	else if (direct->has_ril)
		issue_ril(direct, &inval, size, pgsize);
	else
		issue_steps(direct, &inval, size, pgsize);
}

static void direct_flush_all(void *cookie)
{
	issue_context(cookie);
}

static void direct_flush_walk(u64 iova, size_t size, size_t granule,
			      void *cookie)
{
	direct_range(cookie, iova, size, granule, false);
}

static void direct_add_page(struct gather *gather, u64 iova, size_t granule,
			    void *cookie)
{
	const struct direct *direct = cookie;

	if (direct->rule->immediate) {
		direct_range(direct, iova, granule, granule, true);
		if (!gather)
			return;
		gather->pgsize = granule;
		gather_add_range(gather, iova, granule);
		return;
	}
	if (!gather)
		return;
	if (direct->rule->widens)
		gather_widen(gather, iova, granule);
	else
		gather_add_page(gather, &hw_direct_ops, cookie, iova, granule);
}

static void direct_sync(struct gather *gather, void *cookie)
{
	const struct direct *direct = cookie;

	if (!gather->pgsize || direct->rule->immediate)
		return;
	direct_range(direct, gather->start, gather->last - gather->start + 1,
		     gather->pgsize, true);
}

const struct inval_ops hw_direct_ops = {
	.flush_all = direct_flush_all,
	.flush_walk = direct_flush_walk,
	.add_page = direct_add_page,
	.sync = direct_sync,
};
