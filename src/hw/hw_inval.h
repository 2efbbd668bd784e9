/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the translation hardware is told: the tags of its cached entries, and
 * an invalidation taken apart.
 *
 * Models: the scope of CMD_TLBI_NH_VA, NH_VAA, EL2_VA, S2_IPA (HW_INVAL_VA),
 *	NH_ASID, EL2_ASID (HW_INVAL_ASID), S12_VMALL (HW_INVAL_VMID), NSNH_ALL
 *	and a reset (HW_INVAL_ALL), with Leaf, TTL and ranges; of SMMUv2,
 *	TLBIVAL, TLBIVA and TLBIASID.
 * Does not model: the queue that brings them; TG that differs from the
 *	granule of the table; nested translation.
 * Source: Arm SMMUv3 specification, IHI 0070, section 4.4 "TLB invalidation".
 */
#ifndef IOPT_HW_INVAL_H
#define IOPT_HW_INVAL_H

#include "types.h"

/**
 * struct hw_tag - Whose translation an entry is.
 * @stage: 1 or 2: stage 2 entries have no ASID
 * @is_el2: stage 1 of an E2H host (EL2-E2H); NH_* commands pass it by
 * @asid: address space, stage 1 only
 * @vmid: virtual machine; 0 where there is none
 */
struct hw_tag {
	u8 stage;
	bool is_el2;
	u16 asid;
	u16 vmid;
};

/* Which entries an invalidation reaches. */
enum hw_inval_kind {
	HW_INVAL_VA,   /* a range, or one address, of one context */
	HW_INVAL_ASID, /* all of one stage 1 context */
	HW_INVAL_VMID, /* all of one VMID, both stages */
	HW_INVAL_ALL,  /* all */
};

/**
 * struct hw_inval - One invalidation.
 * @kind: which entries
 * @tag: of which context; not read for HW_INVAL_ALL, only @vmid for
 *	HW_INVAL_VMID
 * @is_any_asid: HW_INVAL_VA whatever the ASID (NH_VAA)
 * @is_leaf_only: HW_INVAL_VA: what was cached of table entries may stay
 * @ttl: HW_INVAL_VA: level of the leaf, 0 for any
 * @iova: HW_INVAL_VA: first address in bytes
 * @size: HW_INVAL_VA: bytes of a range; 0 when the command names one address,
 *	and reaches the entry that holds it, whatever its size
 */
struct hw_inval {
	enum hw_inval_kind kind;
	struct hw_tag tag;
	bool is_any_asid;
	bool is_leaf_only;
	u8 ttl;
	u64 iova;
	u64 size;
};

/**
 * struct hw_span - What one cached entry stands for.
 * @tag: whose it is
 * @is_table: it points to a table, so that it belongs to the walk caches
 * @level: of the descriptor that it was made from, 0 to 3
 * @lg2_size: lg2 of the bytes that it covers
 * @iova: first address that it covers
 */
struct hw_span {
	struct hw_tag tag;
	bool is_table;
	u8 level;
	u8 lg2_size;
	u64 iova;
};

/**
 * hw_tag_eq() - Do two tags name the same context?
 * @a: tag
 * @b: tag
 */
static inline bool hw_tag_eq(struct hw_tag a, struct hw_tag b)
{
	return a.stage == b.stage && a.is_el2 == b.is_el2 && a.vmid == b.vmid &&
	       (a.stage == 2 || a.asid == b.asid);
}

/**
 * hw_inval_reaches() - Is a context in the scope of an invalidation?
 * @inval: invalidation
 * @tag: context
 */
static inline bool hw_inval_reaches(const struct hw_inval *inval,
				    struct hw_tag tag)
{
	struct hw_tag want = inval->tag;

	switch (inval->kind) {
	case HW_INVAL_VA:
		if (inval->is_any_asid)
			want.asid = tag.asid;
		return hw_tag_eq(want, tag);
	case HW_INVAL_ASID:
		return tag.stage == 1 && hw_tag_eq(want, tag);
	case HW_INVAL_VMID:
		return !tag.is_el2 && want.vmid == tag.vmid;
	case HW_INVAL_ALL:
		return true;
	}
	return false;
}

/**
 * hw_inval_last() - Last address of an invalidation by address.
 * @inval: of kind HW_INVAL_VA
 */
static inline u64 hw_inval_last(const struct hw_inval *inval)
{
	return inval->size ? inval->iova + inval->size - 1 : inval->iova;
}

/**
 * hw_inval_hits() - Must an entry go?
 * @inval: invalidation
 * @span: the entry
 * @is_strict: TTL is taken at its word: with a TTL that is not 0 a leaf of
 *	another level may stay, as the architecture allows. Table entries go
 *	unless the command is for leaves only, whatever its TTL
 */
static inline bool hw_inval_hits(const struct hw_inval *inval,
				 const struct hw_span *span, bool is_strict)
{
	u64 last = span->iova + ((1ull << span->lg2_size) - 1);

	if (!hw_inval_reaches(inval, span->tag))
		return false;
	if (inval->kind != HW_INVAL_VA)
		return true;
	if (last < inval->iova || span->iova > hw_inval_last(inval))
		return false;
	if (span->is_table)
		return !inval->is_leaf_only;
	return !is_strict || !inval->ttl || inval->ttl == span->level;
}

#endif
