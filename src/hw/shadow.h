/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hardware may hold of a table, descriptor by descriptor: finds changes
 * made without break-before-make.
 *
 * Models: any descriptor that was valid at a look may be cached from then on,
 *	until an invalidation hits it while the table no longer has it. A valid
 *	descriptor in the place of one that may be cached is a violation when
 *	it is of another kind (block and table), has another output address or
 *	next table, or other attributes. A leaf over pages that may be cached is
 *	one too. A change of permissions alone is none.
 * Does not model: BBM levels 1 and 2, under which a change of size is allowed
 *	(FEAT_BBM; SMMU_IDR3.BBML); descriptors that come and go between two
 *	looks.
 * Source: Arm ARM DDI 0487, D8 "Using break-before-make when updating
 *	translation table entries"; Arm SMMUv3 specification, IHI 0070, 3.21.1
 *	"Translation tables and TLB invalidation completion behavior".
 */
#ifndef IOPT_SHADOW_H
#define IOPT_SHADOW_H

#include "hw_inval.h"
#include "walker.h"

struct shadow_node;

/**
 * struct shadow_break - A change that lacked break-before-make.
 * @level: of the changed descriptor
 * @lg2_size: lg2 of the bytes that it covers
 * @iova: first address that it covers
 * @was: what may be cached; WALK_NONE when it is something below @now
 * @now: what the table has
 */
struct shadow_break {
	u8 level;
	u8 lg2_size;
	u64 iova;
	struct walk_desc was;
	struct walk_desc now;
};

/**
 * struct shadow - What may be cached of one table; the caller owns it.
 * @table: the table
 * @tag: whose it is
 * @is_strict: invalidations take TTL as a promise, see hw_inval_hits()
 * @root: descriptors, level by level
 * @report: called for each violation
 * @arg: handed to @report
 * @err: 0; -ENOMEM once memory ran out, and nothing is seen any more
 */
struct shadow {
	struct walk_table table;
	struct hw_tag tag;
	bool is_strict;
	struct shadow_node *root;
	void (*report)(void *arg, const struct shadow_break *brk);
	void *arg;
	int err;
};

IOPT_BEGIN_DECLS

/**
 * shadow_init() - Start with nothing cached.
 * @shadow: caller's, with @table, @tag, @is_strict, @report and @arg set and
 *	the rest 0; shadow_fini() when done
 */
void shadow_init(struct shadow *shadow);

/**
 * shadow_grow() - The table has become entry 0 of another, levels above it.
 * @shadow: shadow
 * @table: the table as it is now; copied
 *
 * Return: 0; -ENOMEM when memory ran out, now or before.
 */
int shadow_grow(struct shadow *shadow, const struct walk_table *table);

/**
 * shadow_fini() - Free what a shadow holds.
 * @shadow: shadow
 */
void shadow_fini(struct shadow *shadow);

/**
 * shadow_look() - Compare with the table as it is now.
 * @shadow: shadow
 *
 * Cost: reads every reachable descriptor; allocates for tables not yet seen.
 *
 * Return: 0; -ENOMEM when memory ran out, now or before.
 */
int shadow_look(struct shadow *shadow);

/**
 * shadow_invalidate() - Take an invalidation, after a look at what it reaches.
 * @shadow: shadow
 * @inval: invalidation
 *
 * Return: as shadow_look().
 */
int shadow_invalidate(struct shadow *shadow, const struct hw_inval *inval);

IOPT_END_DECLS

#endif
