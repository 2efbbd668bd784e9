/* SPDX-License-Identifier: GPL-2.0-only */
/* A domain on an engine, its invalidations going straight into hardware. */
#ifndef IOPT_HW_RIG_H
#define IOPT_HW_RIG_H

#include "direct.h"
#include "iommu.h"
#include "oracle.h"

/**
 * struct rig_cfg - What to build.
 * @engine: its word; NULL for lpae-6.12
 * @params: of the engine
 * @rule: name of the driver
 * @granule: smallest page in bytes
 * @stage: 1 or 2
 * @ias: input address bits; 0 for 48
 * @oas: output address bits; 0 for 48
 * @has_ril: range invalidation
 * @is_strict: TTL is taken as a promise
 * @is_incoherent: the walker does not snoop
 * @is_counted: the engine's stores can be counted
 * @nr_sets: of the IOTLB; 0 for 64
 * @nr_ways: of the IOTLB; 0 for 4
 * @nr_walk: entries of each walk cache; 0 for 16
 * @replace: replacement in all caches
 * @ops: wraps hw_direct_ops; NULL for none; its cookie is the struct rig
 * @arena_bytes: bound of the tables; 0 for 64M
 */
struct rig_cfg {
	const char *engine;
	struct pgtable_params params;
	const char *rule;
	size_t granule;
	unsigned int stage;
	unsigned int ias;
	unsigned int oas;
	bool has_ril;
	bool is_strict;
	bool is_incoherent;
	bool is_counted;
	unsigned int nr_sets;
	unsigned int nr_ways;
	unsigned int nr_walk;
	enum tcache_replace replace;
	const struct inval_ops *ops;
	size_t arena_bytes;
};

/**
 * struct rig - What was built; the caller owns it.
 * @cfg: as asked for, with the defaults filled in
 * @arena: memory of the tables
 * @pgt: table
 * @domain: over @pgt
 * @hw: hardware
 * @context: @pgt as @hw knows it
 * @direct: the way into @hw
 * @oracle: watches @pgt
 * @arg: for @cfg.ops
 */
struct rig {
	struct rig_cfg cfg;
	struct arena *arena;
	struct pgtable *pgt;
	struct iommu_domain domain;
	struct hw hw;
	struct hw_context context;
	struct direct direct;
	struct oracle *oracle;
	void *arg;
};

/**
 * rig_init() - Build it; a failure fails the test.
 * @rig: caller's; rig_fini() when done; must not move
 * @cfg: copied
 */
void rig_init(struct rig *rig, const struct rig_cfg *cfg);

/**
 * rig_free() - Take it down.
 * @rig: rig
 *
 * Return: bytes of leaked tables.
 */
u64 rig_free(struct rig *rig);

/**
 * rig_fini() - Take it down; a leaked table fails the test.
 * @rig: rig
 */
void rig_fini(struct rig *rig);

/**
 * rig_grow() - Tell the hardware of a top that a map has added (amdv1).
 * @rig: rig; nothing happens when the top is the same
 */
void rig_grow(struct rig *rig);

/**
 * rig_block() - Size of the leaves one level above the smallest.
 * @rig: rig
 *
 * Return: 2M, 32M or 512M.
 */
size_t rig_block(const struct rig *rig);

/**
 * rig_access() - Access an address, and fail unless it goes to @paddr.
 * @rig: rig
 * @iova: in bytes
 * @paddr: where it must go; 0 for a fault
 * @what: names the case
 *
 * Return: what became of it.
 */
struct hw_result rig_access(struct rig *rig, u64 iova, u64 paddr,
			    const char *what);

/**
 * rig_check() - Let the oracle check; fail unless it can see.
 * @rig: rig
 *
 * Return: what was found so far.
 */
struct oracle_counts rig_check(struct rig *rig);

/**
 * rig_print() - Print what the oracle found.
 * @rig: rig
 */
void rig_print(const struct rig *rig);

#endif
