/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOTLB: leaves of every size, tagged with context and level.
 *
 * Models: a unified, set-associative TLB; invalidation by address with TTL
 *	taken as a promise (strict: entries of another level may stay, the most
 *	that the architecture allows) or ignored (lenient: what much hardware
 *	does), by range, by ASID, by VMID, all.
 * Does not model: micro TLBs in front of it, prefetch, merging of contiguous
 *	leaves, entries that are made of a part of a leaf, time.
 * Source: Arm SMMUv3 specification, IHI 0070, section 4.4 "TLB invalidation"
 *	(TTL: an implementation need not look at entries of other levels).
 */
#ifndef IOPT_IOTLB_H
#define IOPT_IOTLB_H

#include "tcache.h"
#include "walker.h"

/**
 * struct iotlb_cfg - Shape of an IOTLB.
 * @cache: sets, ways, replacement
 * @pgsizes: bitmap of the leaf sizes in bytes that lookups try
 * @is_strict: TTL is taken as a promise
 */
struct iotlb_cfg {
	struct tcache_cfg cache;
	u64 pgsizes;
	bool is_strict;
};

/**
 * struct iotlb - An IOTLB; the caller owns it.
 * @cache: the entries
 * @pgsizes: bitmap of leaf sizes in bytes
 * @is_strict: TTL is taken as a promise
 * @nr_hits: lookups that found an entry
 * @nr_misses: those that did not
 * @nr_conflicts: lookups that found entries of two sizes, which an SMMU may
 *	report as F_TLB_CONFLICT or mix; here the smallest is used
 */
struct iotlb {
	struct tcache cache;
	u64 pgsizes;
	bool is_strict;
	u64 nr_hits;
	u64 nr_misses;
	u64 nr_conflicts;
};

IOPT_BEGIN_DECLS

/**
 * iotlb_init() - Make an empty IOTLB.
 * @iotlb: caller's; iotlb_fini() when done
 * @cfg: copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -EINVAL and -ENOMEM as tcache_init().
 */
int iotlb_init(struct iotlb *iotlb, const struct iotlb_cfg *cfg,
	       struct iopt_err *err);

/**
 * iotlb_fini() - Free what an IOTLB holds.
 * @iotlb: IOTLB; may be all zero
 */
void iotlb_fini(struct iotlb *iotlb);

/**
 * iotlb_peek() - Find the entry for an address; changes nothing.
 * @iotlb: IOTLB
 * @tag: context
 * @iova: input address in bytes
 *
 * Return: the entry, the IOTLB's; of two, the smaller; NULL when there is none.
 */
const struct tcache_entry *iotlb_peek(const struct iotlb *iotlb,
				      struct hw_tag tag, u64 iova);

/**
 * iotlb_lookup() - Find the entry for an address and note its use.
 * @iotlb: IOTLB
 * @tag: context
 * @iova: input address in bytes
 *
 * Cost: reads one set a leaf size.
 *
 * Return: as iotlb_peek().
 */
const struct tcache_entry *iotlb_lookup(struct iotlb *iotlb, struct hw_tag tag,
					u64 iova);

/**
 * iotlb_fill() - Put the leaf that a walk found into the IOTLB.
 * @iotlb: IOTLB
 * @tag: context
 * @iova: address that was walked for
 * @res: result of the walk, not a fault
 */
void iotlb_fill(struct iotlb *iotlb, struct hw_tag tag, u64 iova,
		const struct walk_result *res);

/**
 * iotlb_invalidate() - Remove what an invalidation hits.
 * @iotlb: IOTLB
 * @inval: invalidation
 *
 * Return: how many entries went.
 */
u64 iotlb_invalidate(struct iotlb *iotlb, const struct hw_inval *inval);

IOPT_END_DECLS

#endif
