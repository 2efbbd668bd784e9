/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The translation hardware: an IOTLB in front of a walker with walk caches.
 *
 * Models: a device's access: IOTLB, else walk, fill, permission check.
 * Does not model: several TBUs in front of one TCU, outstanding and merged
 *	walks, stalls; time.
 * Source: Arm SMMUv3 specification, IHI 0070, "Caching".
 */
#ifndef IOPT_HW_H
#define IOPT_HW_H

#include "iotlb.h"
#include "walker.h"

/**
 * struct hw_context - What a stream table entry leads to.
 * @table: its page table
 * @tag: what its cached entries are tagged with
 */
struct hw_context {
	struct walk_table table;
	struct hw_tag tag;
};

/**
 * struct hw_cfg - Shape of the hardware.
 * @iotlb: IOTLB
 * @walker: walk caches
 */
struct hw_cfg {
	struct iotlb_cfg iotlb;
	struct walker_cfg walker;
};

/**
 * struct hw - The hardware; the caller owns it. Not for several threads.
 * @iotlb: IOTLB
 * @walker: walker
 * @nr_translations: accesses
 * @nr_faults: those that were refused
 */
struct hw {
	struct iotlb iotlb;
	struct walker walker;
	u64 nr_translations;
	u64 nr_faults;
};

/**
 * struct hw_result - What became of an access.
 * @fault: WALK_OK, or why it was refused
 * @is_hit: the IOTLB knew it
 * @level: of the leaf
 * @lg2_size: lg2 of the leaf's bytes
 * @nr_reads: descriptors read from memory
 * @paddr: where it went, in bytes
 */
struct hw_result {
	enum walk_fault fault;
	bool is_hit;
	u8 level;
	u8 lg2_size;
	u8 nr_reads;
	u64 paddr;
};

IOPT_BEGIN_DECLS

/**
 * hw_init() - Make hardware with empty caches.
 * @hw: caller's; hw_fini() when done
 * @cfg: copied
 * @err: gets the reason of a failure; may be NULL
 *
 * Return: 0; -EINVAL and -ENOMEM as tcache_init().
 */
int hw_init(struct hw *hw, const struct hw_cfg *cfg, struct iopt_err *err);

/**
 * hw_fini() - Free what the hardware holds.
 * @hw: hardware; may be all zero
 */
void hw_fini(struct hw *hw);

/**
 * hw_translate() - One access of a device.
 * @hw: hardware
 * @context: whose table
 * @iova: input address in bytes
 * @prot: IOMMU_READ, IOMMU_WRITE or both: what the access does
 * @res: set
 *
 * A leaf is cached even when the access may not use it; faults are not.
 *
 * Return: @res->fault.
 */
enum walk_fault hw_translate(struct hw *hw, const struct hw_context *context,
			     u64 iova, int prot, struct hw_result *res);

/**
 * hw_invalidate() - Take an invalidation.
 * @hw: hardware
 * @inval: invalidation
 *
 * It is complete on return: the caller's sync has nothing left to wait for.
 *
 * Return: how many entries went, of the IOTLB and of the walk caches.
 */
u64 hw_invalidate(struct hw *hw, const struct hw_inval *inval);

IOPT_END_DECLS

#endif
